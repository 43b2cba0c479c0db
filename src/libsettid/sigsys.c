/* SPDX-License-Identifier: MIT */
/*
 * sigsys.c: sigsys.h's handler, counted and handed on.
 *
 * Owns:    `shared`, the library's one piece of process-wide state.
 * Keeps:   (H3) `before` has two places, and only the one that nobody is told of is written: a handler that still
 *               runs in another thread after the last release reads whole values;
 *               Its fields are atomic because that handler may come at any instant;
 *          (H4) the lock's word is the process's number, so a child that was forked while another thread held it is
 *               not kept waiting for a thread that does not exist there.
 */
#include "sigsys.h"

#if defined(__x86_64__)

#include <stdatomic.h>
#include <stdbool.h>

#include "gate.h"
#include "ksignal.h"

/* linux/futex.h, which musl's own headers come without. */
#ifndef FUTEX_WAIT_PRIVATE
#define FUTEX_WAIT_PRIVATE (0 | 128)
#define FUTEX_WAKE_PRIVATE (1 | 128)
#endif

/* A struct ksigaction that a handler may read while it is written. */
struct disposition {
	_Atomic uintptr_t function;
	_Atomic unsigned long flags;
	_Atomic uintptr_t restorer;
	_Atomic uint64_t mask;
};

static struct {
	_Atomic pid_t lock; /* 0, or the process that holds it */
	_Atomic int waiters;
	pid_t owner; /* the process `count` belongs to  */
	int count;
	void (*ours)(int, siginfo_t *, void *);
	struct disposition before[2];
	_Atomic unsigned place; /* which of `before`               */
	_Atomic bool used_up;   /* SA_RESETHAND, and it was called */
} shared;

/* -------------------------------------------------------------------------------------------- lock -- */

static void lock(pid_t self)
{
	for (;;) {
		pid_t holder = 0;

		if (atomic_compare_exchange_strong(&shared.lock, &holder, self))
			return;
		/* Another process's mark came with a fork: that thread does not exist here. */
		if (holder != self && atomic_compare_exchange_strong(&shared.lock, &holder, self))
			return;
		atomic_fetch_add(&shared.waiters, 1);
		SYS4(SYS_futex, &shared.lock, FUTEX_WAIT_PRIVATE, self, NULL);
		atomic_fetch_sub(&shared.waiters, 1);
	}
}

static void unlock(void)
{
	atomic_store(&shared.lock, 0);
	if (atomic_load(&shared.waiters))
		SYS3(SYS_futex, &shared.lock, FUTEX_WAKE_PRIVATE, 1);
}

/* ----------------------------------------------------------------------------------------- install -- */

static bool is_function(const struct ksigaction *act)
{
	return act->handler != KSIG_DFL && act->handler != KSIG_IGN;
}

static void keep(struct disposition *to, const struct ksigaction *act)
{
	atomic_store(&to->function, (uintptr_t)act->handler);
	atomic_store(&to->flags, act->flags);
	atomic_store(&to->restorer, (uintptr_t)act->restorer);
	atomic_store(&to->mask, act->mask);
}

static struct ksigaction kept(struct disposition *from)
{
	return (struct ksigaction){
		.handler = (void (*)(int))atomic_load(&from->function),
		.flags = atomic_load(&from->flags),
		.restorer = (void (*)(void))atomic_load(&from->restorer),
		.mask = atomic_load(&from->mask),
	};
}

static long install(void (*handler)(int, siginfo_t *, void *))
{
	struct ksigaction ours = { .action = handler, .restorer = gate_sigreturn };
	struct ksigaction now;
	unsigned other = 1 - atomic_load(&shared.place);
	long r = sys_sigaction(SIGSYS, NULL, &now);

	if (r < 0)
		return r;
	if (now.action == handler) /* inherited over a fork: `before` came along */
		return 0;
	shared.ours = handler;
	keep(&shared.before[other], &now);
	atomic_store(&shared.used_up, false);
	atomic_store(&shared.place, other);
	/* Other threads meet this handler too: they are to be interrupted exactly as by the one before.  Not
	 * SIGSYS itself in the mask: a seccomp filter may trap a call that the handler lets through. */
	ours.flags = KSA_SIGINFO | KSA_NODEFER | KSA_RESTORER | (now.flags & (KSA_RESTART | KSA_ONSTACK));
	ours.mask = is_function(&now) ? now.mask & ~ksig_bit(SIGSYS) : 0;
	return sys_sigaction(SIGSYS, &ours, NULL);
}

/* As the kernel would have left it; what somebody else has installed meanwhile is theirs. */
static void put_back(void)
{
	struct ksigaction before = kept(&shared.before[atomic_load(&shared.place)]);
	struct ksigaction now;

	if (atomic_load(&shared.used_up))
		before.handler = KSIG_DFL;
	if (sys_sigaction(SIGSYS, NULL, &now) == 0 && now.action == shared.ours)
		sys_sigaction(SIGSYS, &before, NULL);
}

long settid__sigsys_hold(void (*handler)(int, siginfo_t *, void *))
{
	pid_t self = (pid_t)SYS0(SYS_getpid);
	long r = 0;

	lock(self);
	if (shared.owner != self) {
		shared.owner = self;
		shared.count = 0;
	}
	if (shared.count == 0)
		r = install(handler);
	if (r == 0)
		shared.count++;
	unlock();
	return r;
}

void settid__sigsys_release(void)
{
	lock((pid_t)SYS0(SYS_getpid));
	if (--shared.count == 0)
		put_back();
	unlock();
}

void settid__sigsys_forked(void)
{
	atomic_store(&shared.lock, 0);
	atomic_store(&shared.waiters, 0);
	shared.owner = (pid_t)SYS0(SYS_getpid);
	shared.count = 1;
}

/* ----------------------------------------------------------------------------------------- hand on -- */

/* SIGSYS with its default action, for this process: it does not return. */
static void die_of_sigsys(void)
{
	const struct ksigaction fatal = { 0 };
	uint64_t none = 0;

	sys_sigaction(SIGSYS, &fatal, NULL);
	sys_sigmask(SIG_SETMASK, &none, NULL);
	SYS3(SYS_tgkill, SYS0(SYS_getpid), SYS0(SYS_gettid), SIGSYS);
}

void settid__sigsys_hand_on(int sig, siginfo_t *info, void *context)
{
	const struct ksigaction before = kept(&shared.before[atomic_load(&shared.place)]);
	const uint64_t itself = ksig_bit(SIGSYS);

	if (before.handler == KSIG_IGN && info->si_code <= 0)
		return;
	/* What the kernel sends for a system call (a seccomp filter's trap) cannot be ignored. */
	if (!is_function(&before) ||
	    ((before.flags & KSA_RESETHAND) && atomic_exchange(&shared.used_up, true))) {
		die_of_sigsys();
		return;
	}
	if (!(before.flags & KSA_NODEFER) || (before.mask & itself))
		sys_sigmask(SIG_BLOCK, &itself, NULL);
	if (before.flags & KSA_SIGINFO)
		before.action(sig, info, context);
	else
		before.handler(sig);
}

#endif
