/* SPDX-License-Identifier: MIT */
/*
 * dispatch.c: syscall user dispatch around one call into libc; dispatch.h says what for, docs/threads.md how.
 *
 * Owns:    `running`, per thread.  The handler is sigsys.c's to install, the assembly gate.c's.
 * Keeps:   (D4) the kernel never sees a dispatched call from between gate_begin and gate_end: every system call
 *               the handler makes, and its own sigreturn, are issued there;
 *          (D5) while dispatch is on, all signals but SIGSYS are blocked for the thread.  What libc asks of
 *               rt_sigprocmask meanwhile is played on `mask` and put in force at the end, so libc reads
 *               and passes on to its new thread exactly what it would have without us;
 *          (D6) the handler touches no errno, no lock and no TLS but `running` (initial-exec: no allocation);
 *          (D7) a thread that libc lets wait for another answers the signal by which libc calls on all threads
 *               (for setuid and its like): the lock waited for may be the caller's.
 * Threads: any number at once.
 *
 * A new thread is born inside the handler, with the registers libc had put its arguments in, and jumps to
 * where libc's own call would have returned.  The kernel clears user dispatch in it.
 */
#include "dispatch.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include "gate.h"
#include "ksignal.h"
#include "sigsys.h"
#include "sys.h"

#if defined(__x86_64__)

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif
#ifndef CLONE_DETACHED
#define CLONE_DETACHED 0x00400000
#endif

/* Sent by libc to every thread, each of which has to answer: glibc's SIGSETXID, musl's SIGSYNCCALL. */
#ifdef __GLIBC__
enum { LIBC_CALLS_ALL = 33 };
#else
enum { LIBC_CALLS_ALL = 34 };
#endif

enum { FILTER_ALLOW = 0, FILTER_BLOCK = 1 };
enum { SI_CODE_USER_DISPATCH = 2 };

/* ------------------------------------------------------------------------------------ one call's state -- */

struct dispatch {
	volatile char filter; /* the kernel reads it at every system call of the thread */
	bool armed;           /* the clone we are here for has not succeeded yet         */
	bool hide_clone3;     /* libc is to take its older way                           */
	bool foreign_kept;    /* a SIGSYS came that libc, or its caller, has blocked     */
	uint64_t mask;        /* libc's idea of the signal mask (D5)                     */
	uint64_t mask_before;
	const struct settid_clone_args *want; /* set_tid only for a thread, everything for a fork        */
	bool want_thread;
	long answer; /* the kernel's, to that clone                             */
	siginfo_t foreign;
};

static _Thread_local struct dispatch *running __attribute__((tls_model("initial-exec")));

/* ---------------------------------------------------------------------------------------- handler -- */

/* A SIGSYS that came while it was blocked goes back to where it was: pending, or delivered if it is open again. */
static void resend_foreign(struct dispatch *d)
{
	long pid, tid;

	if (!d->foreign_kept)
		return;
	d->foreign_kept = false;
	pid = gate6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	tid = gate6(SYS_gettid, 0, 0, 0, 0, 0, 0);
	if (d->foreign.si_code == SI_TKILL)
		gate6(SYS_rt_tgsigqueueinfo, pid, tid, SIGSYS, (long)&d->foreign, 0, 0);
	else
		gate6(SYS_rt_sigqueueinfo, pid, SIGSYS, (long)&d->foreign, 0, 0, 0);
}

/*
 * rt_sigprocmask, played on d->mask: the thread's real mask stays "all but SIGSYS" (D5).  Returns what the
 * kernel would.
 */
static long play_sigprocmask(struct dispatch *d, long how, const uint64_t *set, uint64_t *old, long size)
{
	uint64_t before = d->mask;
	uint64_t never = ksig_bit(SIGKILL) | ksig_bit(SIGSTOP);

	if (size != (long)sizeof *set)
		return -EINVAL;
	if (set && how == SIG_BLOCK)
		d->mask |= *set & ~never;
	else if (set && how == SIG_UNBLOCK)
		d->mask &= ~*set;
	else if (set && how == SIG_SETMASK)
		d->mask = *set & ~never;
	else if (set)
		return -EINVAL;
	if (old)
		*old = before;
	if (!(d->mask & ksig_bit(SIGSYS)))
		resend_foreign(d);
	return 0;
}

/* A clone, clone3, fork or vfork as one record; false for any other call. */
static bool read_clone(long nr, const greg_t *r, struct settid_clone_args *out)
{
	if (nr == SYS_clone3) {
		size_t size = (size_t)r[REG_RSI];

		memcpy(out, (const void *)r[REG_RDI], size < sizeof *out ? size : sizeof *out);
	} else if (nr == SYS_clone) {
		out->flags = (uint64_t)r[REG_RDI] & ~(uint64_t)(0xff | CLONE_DETACHED);
		out->exit_signal = (uint64_t)r[REG_RDI] & 0xff;
		out->stack = (uint64_t)r[REG_RSI];
		out->parent_tid = (uint64_t)r[REG_RDX];
		out->child_tid = (uint64_t)r[REG_R10];
		out->tls = (uint64_t)r[REG_R8];
	} else if (nr == SYS_fork || nr == SYS_vfork) {
		out->flags = nr == SYS_vfork ? CLONE_VM | CLONE_VFORK : 0;
		out->exit_signal = SIGCHLD;
	} else {
		return false;
	}
	return true;
}

/*
 * Issues system call `nr` for a task that starts on a stack of its own, which ends at `top`.  It leaves through
 * gate_clone and never returns here.
 */
static long onto_stack(struct dispatch *d, ucontext_t *uc, long nr, uint64_t rdi, uint64_t rsi, uint64_t top)
{
	const greg_t *r = uc->uc_mcontext.gregs;
	const uint64_t itself = ksig_bit(SIGSYS);
	const struct gate_clone gate = {
		.rdi = rdi,
		.rsi = rsi,
		.rbx = (uint64_t)r[REG_RBX],
		.rbp = (uint64_t)r[REG_RBP],
		.r12 = (uint64_t)r[REG_R12],
		.r13 = (uint64_t)r[REG_R13],
		.r14 = (uint64_t)r[REG_R14],
		.r15 = (uint64_t)r[REG_R15],
		.r8 = (uint64_t)r[REG_R8],
		.r9 = (uint64_t)r[REG_R9],
		.r10 = (uint64_t)r[REG_R10],
		.rdx = (uint64_t)r[REG_RDX],
		.nr = (uint64_t)nr,
		.mxcsr = uc->uc_mcontext.fpregs->mxcsr,
		.fcw = uc->uc_mcontext.fpregs->cwd,
	};
	long answer;

	((struct newborn *)top)[-1] = (struct newborn){
		.r10 = gate.r10,
		.rdx = gate.rdx,
		.rsi = (uint64_t)r[REG_RSI],
		.rdi = (uint64_t)r[REG_RDI],
		.mask = d->mask,
		.rip = (uint64_t)r[REG_RIP],
	};
#ifdef SETTID_FAULT_INJECTION
	long fault = settid__fault(nr);

	if (fault)
		return fault;
#endif
	/* A newborn must not meet a SIGSYS before it has the mask that libc means it to have. */
	gate6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&itself, 0, sizeof itself, 0, 0);
	answer = gate_clone(&gate);
	gate6(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&itself, 0, sizeof itself, 0, 0);
	return answer;
}

/* libc's thread clone, with the numbers, as clone3. */
static long make_thread(struct dispatch *d, long nr, ucontext_t *uc, struct settid_clone_args *args)
{
	uint64_t top = args->stack + args->stack_size;

	if (nr ==
	    SYS_clone) { /* its word is the stack pointer itself; clone3 wants a range that ends there */
		args->exit_signal = 0;
		args->stack_size = sizeof(struct newborn);
		args->stack -= args->stack_size;
	}
	args->set_tid = d->want->set_tid;
	args->set_tid_size = d->want->set_tid_size;
	return onto_stack(d, uc, SYS_clone3, (uintptr_t)args, sizeof *args, top);
}

/* libc's fork with all that is wanted; parent and child both return through the handler. */
static long make_process(struct dispatch *d, const struct settid_clone_args *libcs)
{
	const uint64_t tids = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID;
	struct settid_clone_args args = *d->want;
	long answer;

	args.flags |= libcs->flags & tids;
	args.child_tid = libcs->child_tid;
	if (libcs->flags & CLONE_PARENT_SETTID)
		args.parent_tid = libcs->parent_tid;
	answer = gate6(SYS_clone3, (long)&args, sizeof args, 0, 0, 0, 0);
	if (answer == 0)
		d->foreign_kept = false; /* the parent's, who sends it again */
	return answer;
}

/* Somebody else's, in the middle of ours: an allocator or a tool that makes a thread or starts a program. */
static long others_clone(struct dispatch *d, long nr, ucontext_t *uc, struct settid_clone_args *args)
{
	const greg_t *r = uc->uc_mcontext.gregs;

	if (args->stack)
		return onto_stack(d, uc, nr, (uint64_t)r[REG_RDI], (uint64_t)r[REG_RSI],
				  args->stack + args->stack_size);
	args->flags &=
		~(uint64_t)CLONE_VM; /* vfork's child would run on this very frame: a fork's does not */
	if (nr == SYS_clone3)
		return gate6(nr, (long)args, sizeof *args, 0, 0, 0, 0);
	return gate6(SYS_clone, (long)(args->flags | args->exit_signal), 0, (long)args->parent_tid,
		     (long)args->child_tid, (long)args->tls, 0);
}

/* True: it was a clone of some kind, and *answer is the kernel's. */
static bool answer_clone(struct dispatch *d, long nr, ucontext_t *uc, long *answer)
{
	struct settid_clone_args args = { 0 };
	bool thread, process;

	if (!read_clone(nr, uc->uc_mcontext.gregs, &args))
		return false;
	if (d->hide_clone3 && nr == SYS_clone3) {
		*answer = -ENOSYS;
		return true;
	}
	thread = (args.flags & CLONE_THREAD) && args.stack;
	process = !(args.flags & (CLONE_THREAD | CLONE_VM)) && !args.stack;
	if (!d->armed || (d->want_thread ? !thread : !process)) {
		*answer = others_clone(d, nr, uc, &args);
		return true;
	}
	*answer = d->want_thread ? make_thread(d, nr, uc, &args) : make_process(d, &args);
	d->answer = *answer;
	d->armed = *answer < 0; /* glibc asks again with plain clone when clone3 says ENOSYS */
	return true;
}

/*
 * A wait, with libc's call on all threads open (D7) if libc has it open itself.  Its handler runs with the filter
 * down: it may have SIGSYS blocked, and then a dispatched call would be the end of the process.
 */
static long wait_patiently(struct dispatch *d, const greg_t *r)
{
	const uint64_t call = ksig_bit(LIBC_CALLS_ALL) & ~d->mask;
	long answer;

	d->filter = FILTER_ALLOW;
	gate6(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&call, 0, sizeof call, 0, 0);
	answer = gate6(SYS_futex, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
	gate6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&call, 0, sizeof call, 0, 0);
	d->filter = FILTER_BLOCK;
	return answer;
}

static long let_through(struct dispatch *d, long nr, ucontext_t *uc)
{
	greg_t *r = uc->uc_mcontext.gregs;
	long answer;

	if (nr == SYS_rt_sigprocmask)
		return play_sigprocmask(d, r[REG_RDI], (const uint64_t *)r[REG_RSI], (uint64_t *)r[REG_RDX],
					r[REG_R10]);
	if (nr == SYS_rt_sigreturn) { /* of a handler that runs inside the call: its frame is at its rsp */
		r[REG_RIP] = (greg_t)(uintptr_t)gate_sigreturn;
		return SYS_rt_sigreturn;
	}
	if (nr == SYS_futex)
		return wait_patiently(d, r);
	if (answer_clone(d, nr, uc, &answer))
		return answer;
	return gate6(nr, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
}

/*
 * A SIGSYS that is not ours.  In a thread with a call of ours on it meets the mask that libc believes in, and its
 * handler's own system calls are none of ours.
 */
static void hand_on(int sig, siginfo_t *info, ucontext_t *uc)
{
	const uint64_t itself = ksig_bit(SIGSYS);
	struct dispatch *d = running;
	uint64_t real;
	char filter;

	if (!d) {
		settid__sigsys_hand_on(sig, info, uc);
		return;
	}
	if (info->si_code <= 0 && (d->mask & itself)) {
		d->foreign = *info; /* blocked, as far as libc knows: sent again at the end */
		d->foreign_kept = true;
		return;
	}
	memcpy(&real, &uc->uc_sigmask, sizeof real);
	memcpy(&uc->uc_sigmask, &d->mask, sizeof d->mask);
	filter = d->filter; /* down already, if it comes while libc waits */
	d->filter = FILTER_ALLOW;
	settid__sigsys_hand_on(sig, info, uc);
	d->filter = filter;
	memcpy(&d->mask, &uc->uc_sigmask, sizeof d->mask); /* which a handler may change for good */
	memcpy(&uc->uc_sigmask, &real, sizeof real);
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	struct dispatch *d = running;
	ucontext_t *uc = context;

	if (info->si_code != SI_CODE_USER_DISPATCH || !d || d->filter != FILTER_BLOCK) {
		hand_on(sig, info, uc);
		return;
	}
	uc->uc_mcontext.gregs[REG_RAX] = let_through(d, info->si_syscall, uc);
}

/* -------------------------------------------------------------------------------------- on and off -- */

static long dispatch_on(struct dispatch *d)
{
	uint64_t all_but_sigsys = ~ksig_bit(SIGSYS);
	long r = sys_sigmask(SIG_SETMASK, &all_but_sigsys, &d->mask_before);

	if (r < 0)
		return r;
	d->mask = d->mask_before;
	r = settid__sigsys_hold(on_sigsys);
	if (r < 0) {
		sys_sigmask(SIG_SETMASK, &d->mask_before, NULL);
		return r;
	}
	running = d;
	r = SYS5(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, gate_begin,
		 gate_end - gate_begin, &d->filter);
	if (r < 0) {
		running = NULL;
		settid__sigsys_release();
		sys_sigmask(SIG_SETMASK, &d->mask_before, NULL);
		/* EINVAL: not in this kernel.  The others: a seccomp filter's. */
		return r == -EINVAL || r == -EPERM || r == -ENOSYS ? -EOPNOTSUPP : r;
	}
	d->filter = FILTER_BLOCK;
	return 0;
}

/* After this the thread is as it was, with `mask` in force. */
static void dispatch_off(struct dispatch *d, const uint64_t *mask)
{
	d->filter = FILTER_ALLOW;
	running = NULL;
	/* Past fault injection: it cannot fail, and left on it would outlive d->filter. */
	sys_raw(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0, 0);
	settid__sigsys_release();
	sys_sigmask(SIG_SETMASK, mask, NULL);
}

int settid__dispatch_thread(const pid_t *set_tid, size_t set_tid_len, void (*call)(void *), void *arg,
			    long *answer)
{
	const struct settid_clone_args want = { .set_tid = (uintptr_t)set_tid, .set_tid_size = set_tid_len };
	struct dispatch d = { .armed = true, .want = &want, .want_thread = true };
	long r = dispatch_on(&d);

	if (r < 0)
		return (int)r;
	call(arg);
	dispatch_off(&d, &d.mask);
	resend_foreign(&d);
	*answer = d.answer;
	return 0;
}

int settid__dispatch_without_clone3(void (*call)(void *), void *arg)
{
	struct dispatch d = { .hide_clone3 = true };
	long r = dispatch_on(&d);

	if (r < 0)
		return (int)r;
	call(arg);
	dispatch_off(&d, &d.mask);
	resend_foreign(&d);
	return 0;
}

pid_t settid__dispatch_fork(const struct settid_clone_args *want)
{
	struct dispatch d = { .armed = true, .want = want };
	long r = dispatch_on(&d);
	pid_t pid;

	if (r < 0)
		return (pid_t)r;
	pid = _Fork();
	if (pid == 0)
		settid__sigsys_forked();
	/* The kernel has cleared the child's dispatch, so what libc did to its mask there was not played. */
	dispatch_off(&d, pid == 0 ? &d.mask_before : &d.mask);
	resend_foreign(&d);
	if (pid == 0)
		return 0;
	/* _Fork says -1 and errno; the kernel's own answer is what callers want. */
	return (pid_t)d.answer;
}

#else

int settid__dispatch_thread(const pid_t *set_tid, size_t set_tid_len, void (*call)(void *), void *arg,
			    long *answer)
{
	(void)set_tid, (void)set_tid_len, (void)call, (void)arg, (void)answer;
	return -EOPNOTSUPP;
}

int settid__dispatch_without_clone3(void (*call)(void *), void *arg)
{
	(void)call, (void)arg;
	return -EOPNOTSUPP;
}

pid_t settid__dispatch_fork(const struct settid_clone_args *want)
{
	(void)want;
	return -EOPNOTSUPP;
}

#endif
