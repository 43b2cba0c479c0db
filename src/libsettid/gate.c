/* SPDX-License-Identifier: MIT */
/*
 * gate.c: the assembly of gate.h.
 *
 *   gate_call       a system call with six arguments.
 *   gate_sigreturn  rt_sigreturn with the frame at the stack pointer: the restorer of our SIGSYS handler, and where
 *                   the return of any other handler is sent that ends while dispatch is on.
 *   gate_clone      clone3, or clone, of a task with a stack of its own.  The parent returns as from a call.  The child starts on the stack that libc
 *                   gave, all registers as libc had them, reads what its creator left below the stack pointer
 *                   (struct newborn), takes the signal mask that libc meant it to have, and jumps to where libc's own
 *                   system call would have returned, with its 0.
 */
#include "gate.h"

#if defined(__x86_64__)

__asm__(".text\n"
	".balign 16\n"
	".hidden settid__gate_begin, settid__gate_end, settid__gate_call, settid__gate_sigreturn, "
	"settid__gate_clone\n"
	".globl settid__gate_begin, settid__gate_end, settid__gate_call, settid__gate_sigreturn, "
	"settid__gate_clone\n"
	"settid__gate_begin:\n"

	".type settid__gate_call, @function\n"
	"settid__gate_call:\n"
	"	mov	%rdi, %rax\n"
	"	mov	%rsi, %r11\n"
	"	mov	(%r11), %rdi\n"
	"	mov	8(%r11), %rsi\n"
	"	mov	16(%r11), %rdx\n"
	"	mov	24(%r11), %r10\n"
	"	mov	32(%r11), %r8\n"
	"	mov	40(%r11), %r9\n"
	"	syscall\n"
	"	ret\n"
	".size settid__gate_call, . - settid__gate_call\n"

	/* Our own signal return; a foreign one is sent here too, its frame still at the stack pointer. */
	".type settid__gate_sigreturn, @function\n"
	"settid__gate_sigreturn:\n"
	"	mov	$15, %eax\n"
	"	syscall\n"
	"	hlt\n"
	".size settid__gate_sigreturn, . - settid__gate_sigreturn\n"

	".type settid__gate_clone, @function\n"
	"settid__gate_clone:\n"
	"	push	%rbx\n"
	"	push	%rbp\n"
	"	push	%r12\n"
	"	push	%r13\n"
	"	push	%r14\n"
	"	push	%r15\n"
	"	mov	%rdi, %rax\n"
	"	ldmxcsr	104(%rax)\n"
	"	fldcw	108(%rax)\n"
	"	mov	(%rax), %rdi\n"
	"	mov	8(%rax), %rsi\n"
	"	mov	16(%rax), %rbx\n"
	"	mov	24(%rax), %rbp\n"
	"	mov	32(%rax), %r12\n"
	"	mov	40(%rax), %r13\n"
	"	mov	48(%rax), %r14\n"
	"	mov	56(%rax), %r15\n"
	"	mov	64(%rax), %r8\n"
	"	mov	72(%rax), %r9\n"
	"	mov	80(%rax), %r10\n"
	"	mov	88(%rax), %rdx\n"
	"	mov	96(%rax), %rax\n"
	"	syscall\n"
	"	test	%rax, %rax\n"
	"	jz	1f\n"
	"	pop	%r15\n"
	"	pop	%r14\n"
	"	pop	%r13\n"
	"	pop	%r12\n"
	"	pop	%rbp\n"
	"	pop	%rbx\n"
	"	ret\n"
	/* The new thread: libc's mask first, then libc. */
	"1:	mov	$14, %eax\n"
	"	mov	$2, %edi\n"
	"	lea	-16(%rsp), %rsi\n"
	"	xor	%edx, %edx\n"
	"	mov	$8, %r10d\n"
	"	syscall\n"
	"	mov	-48(%rsp), %r10\n"
	"	mov	-40(%rsp), %rdx\n"
	"	mov	-32(%rsp), %rsi\n"
	"	mov	-24(%rsp), %rdi\n"
	"	xor	%eax, %eax\n"
	"	jmp	*-8(%rsp)\n"
	".size settid__gate_clone, . - settid__gate_clone\n"
	"settid__gate_end:\n");

#endif
