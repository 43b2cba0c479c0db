/* SPDX-License-Identifier: MIT */
/*
 * ksignal.h: the kernel's own signal sets and actions, past libc's.
 *
 * libc hides two or three signals from its users (32, 33, 34) and keeps its own idea of handlers; code that
 * runs around a clone needs all 64, and no libc.
 */
#ifndef SETTID_KSIGNAL_H
#define SETTID_KSIGNAL_H

#include <signal.h>

#include "sys.h"

enum { KSIG_COUNT = 64 };

/* Signal n's bit in the kernel's 64-bit set. */
static inline uint64_t ksig_bit(int sig)
{
	return (uint64_t)1 << (sig - 1);
}

/* The kernel's sigaction, whose layout is not libc's. */
struct ksigaction {
	union {
		void (*handler)(int);
		void (*action)(int, siginfo_t *, void *);
	};
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

#define KSIG_DFL ((void (*)(int))0)
#define KSIG_IGN ((void (*)(int))1)

#define KSA_SIGINFO 0x00000004ul
#define KSA_RESTORER 0x04000000ul
#define KSA_ONSTACK 0x08000000ul
#define KSA_RESTART 0x10000000ul
#define KSA_NODEFER 0x40000000ul
#define KSA_RESETHAND 0x80000000ul

static inline long sys_sigmask(int how, const uint64_t *set, uint64_t *old)
{
	return SYS4(SYS_rt_sigprocmask, how, set, old, sizeof(uint64_t));
}

static inline long sys_sigaction(int sig, const struct ksigaction *act, struct ksigaction *old)
{
	return SYS4(SYS_rt_sigaction, sig, act, old, sizeof(uint64_t));
}

#endif
