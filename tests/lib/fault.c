/* SPDX-License-Identifier: MIT */
/* fault.c: see fault.h.  settid__fault() runs in children on one page of stack and shared memory: no libc in it. */
#include "fault.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#ifndef SETTID_FAULT_INJECTION
#define SETTID_FAULT_INJECTION /* for the declaration; this file makes its own calls through libc */
#endif
#include "libsettid/sys.h"

struct fault {
	_Atomic unsigned armed; /* the call that is to fail, 0 = none */
	_Atomic unsigned count;
	_Atomic long failed; /* its system call, -1 = none yet */
	long slow;           /* -1 = none */
	int code;
	bool holds;     /* the armed call does not fail, but waits */
	uint32_t state; /* futex: enum state */
};
enum state { WAITING, HELD, NONE, RELEASED };
static struct fault *fault;

static bool always_passes(long nr)
{
	switch (nr) {
	case SYS_exit:
	case SYS_exit_group:
	case SYS_close:
	case SYS_munmap:
	case SYS_rt_sigreturn:
	case SYS_rt_sigprocmask:
	case SYS_waitid:
	case SYS_wait4:
#ifdef __SANITIZE_ADDRESS__
	case SYS_mmap: /* pthread_create's are AddressSanitizer's too, which ends the program when it gets none */
#endif
		return true;
	default:
		return false;
	}
}

static long likely(long nr)
{
	switch (nr) {
	case SYS_clone3:
	case SYS_clone:
		return -EAGAIN;
	case SYS_openat:
	case SYS_pidfd_open:
		return -EMFILE;
	case SYS_mmap:
		return -ENOMEM;
	case SYS_read:
	case SYS_write:
	case SYS_pwrite64:
		return -EIO;
	default:
		return -EPERM;
	}
}

static void take_longer(void)
{
	const struct timespec ms = { .tv_nsec = 2 * 1000 * 1000 };

	sys_raw(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&ms, 0, 0, 0);
}

/* Out of WAITING goes who comes first: nobody is held once it was said that nobody will be. */
static bool change(struct fault *f, uint32_t from, uint32_t to)
{
	if (!__atomic_compare_exchange_n(&f->state, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	sys_raw(SYS_futex, (long)&f->state, FUTEX_WAKE, INT32_MAX, 0, 0, 0);
	return true;
}

static void wait_while(struct fault *f, uint32_t state)
{
	while (__atomic_load_n(&f->state, __ATOMIC_SEQ_CST) == state)
		sys_raw(SYS_futex, (long)&f->state, FUTEX_WAIT, state, 0, 0, 0);
}

long settid__fault(long nr)
{
	struct fault *f = fault;

	if (!f || !f->armed || always_passes(nr))
		return 0;
	if (nr == f->slow)
		take_longer();
	if (++f->count != f->armed)
		return 0;
	f->failed = nr;
	if (f->holds) {
		if (change(f, WAITING, HELD))
			wait_while(f, HELD);
		return 0;
	}
	return f->code == FAULT_LIKELY ? likely(nr) : f->code;
}

static void map(void)
{
	if (fault)
		return;
	fault = mmap(NULL, sizeof *fault, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fault == MAP_FAILED)
		abort();
	fault->slow = -1;
}

void fault_slow(long nr)
{
	map();
	fault->slow = nr;
}

void fault_arm(unsigned nth, int code)
{
	map();
	fault->code = code;
	fault->count = 0;
	fault->failed = -1;
	fault->holds = false;
	fault->armed = nth;
}

void fault_hold(unsigned nth)
{
	fault_arm(0, 0);
	fault->state = WAITING;
	fault->holds = true;
	fault->armed = nth;
}

bool fault_wait_held(void)
{
	wait_while(fault, WAITING);
	return fault->state == HELD;
}

void fault_say_none(void)
{
	change(fault, WAITING, NONE);
}

void fault_release(void)
{
	change(fault, HELD, RELEASED);
}

bool fault_disarm(void)
{
	fault->armed = 0;
	return fault->failed >= 0;
}

unsigned fault_count(void)
{
	return fault->count;
}

long fault_syscall(void)
{
	return fault->failed;
}
