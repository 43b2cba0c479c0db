/* SPDX-License-Identifier: MIT */
/*
 * sys_clone.h: clone3 whose child starts on a stack of its own.
 *
 * A child on another stack cannot return from the function that made it, so this much has to be assembly: the
 * child calls fn(arg) with an empty frame, and what it returns is the task's exit status.
 */
#ifndef SETTID_SYS_CLONE_H
#define SETTID_SYS_CLONE_H

#include "sys.h"

/* clone3's record as Linux 5.7 has it; see clone(2). */
struct sys_clone_args {
	uint64_t flags;
	uint64_t pidfd;
	uint64_t child_tid;
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack;
	uint64_t stack_size;
	uint64_t tls;
	uint64_t set_tid;
	uint64_t set_tid_size;
	uint64_t cgroup;
};

/* 80 bytes: without the cgroup word, so that Linux 5.5 takes it. */
#define SYS_CLONE_ARGS_SIZE_SET_TID 80

/*
 * The one piece of assembly: system call nr(a .. e) whose child goes on in fn(arg) and ends with its result.  fn and
 * arg wait for the child in registers, which the kernel copies.  Without a stack of its own (CLONE_VM |
 * CLONE_VFORK) the child steps over its parent's red zone first.
 */
static inline long sys_clone_raw(long nr, long a, long b, long c, long d, long e, int (*fn)(void *),
				 void *arg)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register void *r9 __asm__("r9") = arg;
	register int (*r12)(void *) __asm__("r12") = fn;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "lea -128(%%rsp), %%rsp\n\t"
			 "and $-16, %%rsp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9),
			   "r"(r12), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register void *x5 __asm__("x5") = arg;
	register int (*x6)(void *) __asm__("x6") = fn;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x5\n\t"
			 "blr x6\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc 0\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x6), [exit] "i"(SYS_exit)
			 : "memory");
	return x0;
#endif
}

#ifdef SETTID_FAULT_INJECTION
#define SYS_CLONE_FAULT(nr)                     \
	do {                                    \
		long fault = settid__fault(nr); \
                                                \
		if (fault)                      \
			return fault;           \
	} while (0)
#else
#define SYS_CLONE_FAULT(nr) ((void)0)
#endif

/* args->stack and stack_size must be given and their end 16-byte aligned.  Returns as the system call does. */
static inline long sys_clone_on_stack(struct sys_clone_args *args, int (*fn)(void *), void *arg)
{
	SYS_CLONE_FAULT(SYS_clone3);
	return sys_clone_raw(SYS_clone3, (long)args,
			     (long)(args->cgroup ? sizeof *args : SYS_CLONE_ARGS_SIZE_SET_TID), 0, 0, 0, fn,
			     arg);
}

/* The same by plain clone(2), for where clone3 is refused: set_tid and cgroup are not looked at. */
static inline long sys_clone_legacy_on_stack(const struct sys_clone_args *args, int (*fn)(void *), void *arg)
{
	long flags = (long)(args->flags | args->exit_signal), stack = (long)(args->stack + args->stack_size);
	/* PIDFD's word and PARENT_SETTID's share one argument there */
	long word = (long)(args->pidfd ? args->pidfd : args->parent_tid);

	SYS_CLONE_FAULT(SYS_clone);
#if defined(__aarch64__)
	return sys_clone_raw(SYS_clone, flags, stack, word, (long)args->tls, (long)args->child_tid, fn, arg);
#else
	return sys_clone_raw(SYS_clone, flags, stack, word, (long)args->child_tid, (long)args->tls, fn, arg);
#endif
}

#endif
