/* SPDX-License-Identifier: MIT */
/*
 * gate.h: the few instructions whose system calls the kernel lets pass while syscall user dispatch is on.
 *
 * Keeps:   (G1) every system call instruction of the SIGSYS handler, its sigreturn included, lies between
 *               gate_begin and gate_end, which is the range prctl(PR_SET_SYSCALL_USER_DISPATCH) is told;
 *          (G2) gate_clone's child never returns here: it leaves for libc with the registers libc had.
 * x86-64 only: elsewhere there is no user dispatch in the kernels we know, and nothing to declare.
 */
#ifndef SETTID_GATE_H
#define SETTID_GATE_H

#include "settid.h"

#include "sys.h"

#if defined(__x86_64__)

/* Below the new thread's stack pointer: what it needs before it is libc's; 48 bytes, so inside the red zone
 * that a signal frame leaves alone.  Field order is known to gate_clone. */
struct newborn {
	uint64_t r10;
	uint64_t rdx;
	uint64_t rsi;
	uint64_t rdi;
	uint64_t mask;
	uint64_t rip;
};

/* What gate_clone loads; offsets are known to it. */
struct gate_clone {
	uint64_t rdi;   /*  0 */
	uint64_t rsi;   /*  8 */
	uint64_t rbx;   /* 16 */
	uint64_t rbp;   /* 24 */
	uint64_t r12;   /* 32 */
	uint64_t r13;   /* 40 */
	uint64_t r14;   /* 48 */
	uint64_t r15;   /* 56 */
	uint64_t r8;    /* 64 */
	uint64_t r9;    /* 72 */
	uint64_t r10;   /* 80 */
	uint64_t rdx;   /* 88 */
	uint64_t nr;    /* 96: clone3, or clone; the arguments are in the registers above */
	uint32_t mxcsr; /* 104: a handler starts with the default rounding, the thread */
	uint16_t fcw;   /* 108: must have its creator's                               */
};

_Static_assert(sizeof(struct newborn) == 48, "gate_clone reads it at -48(%rsp)");
_Static_assert(offsetof(struct gate_clone, rdx) == 88, "gate_clone's offsets");
_Static_assert(offsetof(struct gate_clone, nr) == 96, "gate_clone's offsets");
_Static_assert(offsetof(struct gate_clone, mxcsr) == 104, "gate_clone's offsets");
_Static_assert(offsetof(struct gate_clone, fcw) == 108, "gate_clone's offsets");

extern const char gate_begin[] __asm__("settid__gate_begin");
extern const char gate_end[] __asm__("settid__gate_end");
long gate_call(long nr, const long arg[6]) __asm__("settid__gate_call");
void gate_sigreturn(void) __asm__("settid__gate_sigreturn");
long gate_clone(const struct gate_clone *regs) __asm__("settid__gate_clone");

/* One system call out of the handler; goes through the fault injection of test builds, as sys.h's do. */
static inline long gate6(long nr, long a, long b, long c, long d, long e, long f)
{
	const long arg[6] = { a, b, c, d, e, f };

#ifdef SETTID_FAULT_INJECTION
	long fault = settid__fault(nr);

	if (fault)
		return fault;
#endif
	return gate_call(nr, arg);
}

#endif
#endif
