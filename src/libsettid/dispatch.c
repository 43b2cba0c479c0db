/* SPDX-License-Identifier: MIT */
/*
 * dispatch.c: syscall user dispatch around one call into libc; dispatch.h says what for.
 *
 * Owns:    `handlers`, the library's one piece of process-wide state (D2), and `running`, per thread.
 * Keeps:   (D4) the kernel never sees a dispatched call from between gate_begin and gate_end: every system call
 *               the handler makes, and its own sigreturn, are issued there;
 *          (D5) while dispatch is on, all signals but SIGSYS are blocked for the thread.  What libc asks of
 *               rt_sigprocmask meanwhile is played on `mask` and put in force at the end, so libc reads
 *               and passes on to its new thread exactly what it would have without us;
 *          (D6) the handler touches no errno, no lock and no TLS but `running` (initial-exec: no allocation).
 * Threads: any number at once; `handlers` has a lock that is held for two system calls at most.
 *
 * A new thread is born inside the handler, with the registers libc had put its arguments in, and jumps to
 * where libc's own call would have returned.  The kernel clears user dispatch in it.
 */
#include "dispatch.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include "ksignal.h"
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

/* linux/futex.h, which musl's own headers come without. */
#ifndef FUTEX_WAIT_PRIVATE
#define FUTEX_WAIT_PRIVATE (0 | 128)
#define FUTEX_WAKE_PRIVATE (1 | 128)
#endif

enum { FILTER_ALLOW = 0, FILTER_BLOCK = 1 };
enum { SI_CODE_USER_DISPATCH = 2 };

/* ------------------------------------------------------------------------------------------- gate -- */

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
	const struct settid_clone_args *args; /*  0 */
	uint64_t size;                        /*  8 */
	uint64_t rbx;                         /* 16 */
	uint64_t rbp;                         /* 24 */
	uint64_t r12;                         /* 32 */
	uint64_t r13;                         /* 40 */
	uint64_t r14;                         /* 48 */
	uint64_t r15;                         /* 56 */
	uint64_t r8;                          /* 64 */
	uint64_t r9;                          /* 72 */
	uint64_t r10;                         /* 80 */
	uint64_t rdx;                         /* 88 */
	uint32_t mxcsr;                       /* 96: a handler starts with the default rounding, the thread */
	uint16_t fcw;                         /* 100: must have its creator's                               */
};

_Static_assert(sizeof(struct newborn) == 48, "gate_clone reads it at -48(%rsp)");
_Static_assert(offsetof(struct gate_clone, rdx) == 88, "gate_clone's offsets");
_Static_assert(offsetof(struct gate_clone, mxcsr) == 96, "gate_clone's offsets");
_Static_assert(offsetof(struct gate_clone, fcw) == 100, "gate_clone's offsets");

extern const char gate_begin[] __asm__("settid__gate_begin");
extern const char gate_end[] __asm__("settid__gate_end");
long gate_call(long nr, const long arg[6]) __asm__("settid__gate_call");
void gate_sigreturn(void) __asm__("settid__gate_sigreturn");
long gate_clone(const struct gate_clone *regs) __asm__("settid__gate_clone");

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
	"	ldmxcsr	96(%rax)\n"
	"	fldcw	100(%rax)\n"
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
	"	mov	$435, %eax\n"
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

/* ------------------------------------------------------------------------------------ one call's state -- */

struct dispatch {
	volatile char filter; /* the kernel reads it at every system call of the thread */
	bool armed;           /* the clone we are here for has not succeeded yet         */
	bool foreign_kept;    /* a SIGSYS came that the caller had blocked               */
	uint64_t mask;        /* libc's idea of the signal mask (D5)                     */
	uint64_t mask_before;
	const struct settid_clone_args *want; /* set_tid only for a thread, everything for a fork        */
	bool want_thread;
	long answer; /* the kernel's, to that clone                             */
	siginfo_t foreign;
};

static _Thread_local struct dispatch *running __attribute__((tls_model("initial-exec")));

static long gate6(long nr, long a, long b, long c, long d, long e, long f)
{
	const long arg[6] = { a, b, c, d, e, f };

#ifdef SETTID_FAULT_INJECTION
	long fault = settid__fault(nr);

	if (fault)
		return fault;
#endif
	return gate_call(nr, arg);
}

/* ---------------------------------------------------------------------------------------- handler -- */

static struct {
	_Atomic pid_t lock; /* 0, or the process that holds it: a fork's child frees its parent's           */
	_Atomic int waiters;
	pid_t owner; /* the process `count` belongs to                                                */
	int count;
	struct ksigaction before;
} handlers;

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
	return 0;
}

/* libc's clone or clone3 as one record, or false when it is none that we are here for. */
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
	} else if (nr == SYS_fork) {
		out->exit_signal = SIGCHLD;
	} else {
		return false;
	}
	return true;
}

/* Issues libc's thread clone with the numbers; the new thread leaves through gate_clone and never returns here. */
static long make_thread(struct dispatch *d, long nr, ucontext_t *uc, struct settid_clone_args *args)
{
	const greg_t *r = uc->uc_mcontext.gregs;
	struct newborn *below;
	struct gate_clone gate = {
		.args = args,
		.size = sizeof *args,
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
		.mxcsr = uc->uc_mcontext.fpregs->mxcsr,
		.fcw = uc->uc_mcontext.fpregs->cwd,
	};

	if (nr ==
	    SYS_clone) { /* its word is the stack pointer itself; clone3 wants a range that ends there */
		args->exit_signal = 0;
		args->stack_size = sizeof *below;
		args->stack -= sizeof *below;
	}
	args->set_tid = d->want->set_tid;
	args->set_tid_size = d->want->set_tid_size;
	below = (struct newborn *)(args->stack + args->stack_size) - 1;
	*below = (struct newborn){
		.r10 = gate.r10,
		.rdx = gate.rdx,
		.rsi = (uint64_t)r[REG_RSI],
		.rdi = (uint64_t)r[REG_RDI],
		.mask = d->mask,
		.rip = (uint64_t)r[REG_RIP],
	};
#ifdef SETTID_FAULT_INJECTION
	long fault = settid__fault(SYS_clone3);

	if (fault)
		return fault;
#endif
	return gate_clone(&gate);
}

/* libc's fork with all that is wanted; parent and child both return through the handler. */
static long make_process(struct dispatch *d, const struct settid_clone_args *libcs)
{
	const uint64_t tids = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID;
	struct settid_clone_args args = *d->want;

	args.flags |= libcs->flags & tids;
	args.child_tid = libcs->child_tid;
	if (libcs->flags & CLONE_PARENT_SETTID)
		args.parent_tid = libcs->parent_tid;
	return gate6(SYS_clone3, (long)&args, sizeof args, 0, 0, 0, 0);
}

/* True: the call was the one we are here for, and *answer is the kernel's. */
static bool take_clone(struct dispatch *d, long nr, ucontext_t *uc, long *answer)
{
	struct settid_clone_args args = { 0 };
	bool thread, process;

	if (!d->armed || !read_clone(nr, uc->uc_mcontext.gregs, &args))
		return false;
	thread = (args.flags & CLONE_THREAD) && args.stack;
	process = !(args.flags & (CLONE_THREAD | CLONE_VM)) && !args.stack;
	if (d->want_thread ? !thread : !process)
		return false;
	*answer = d->want_thread ? make_thread(d, nr, uc, &args) : make_process(d, &args);
	d->answer = *answer;
	d->armed = *answer < 0; /* glibc asks again with plain clone when clone3 says ENOSYS */
	return true;
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
	if (take_clone(d, nr, uc, &answer))
		return answer;
	return gate6(nr, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
}

/* SIGSYS with its default action, for this process: it does not return. */
static void die_of_sigsys(void)
{
	const struct ksigaction fatal = { 0 };
	uint64_t none = 0;
	long pid = gate6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	long tid = gate6(SYS_gettid, 0, 0, 0, 0, 0, 0);

	gate6(SYS_rt_sigaction, SIGSYS, (long)&fatal, 0, sizeof none, 0, 0);
	gate6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none, 0, 0);
	gate6(SYS_tgkill, pid, tid, SIGSYS, 0, 0, 0);
}

/* A SIGSYS that is not ours: what the disposition before ours would have done (D2). */
static void hand_on(int sig, siginfo_t *info, void *context)
{
	struct ksigaction before = handlers.before;
	struct dispatch *d = running;

	if (d && info->si_code <= 0 && (d->mask_before & ksig_bit(SIGSYS))) {
		d->foreign = *info; /* the caller had it blocked: sent again at the end */
		d->foreign_kept = true;
		return;
	}
	if (before.handler == KSIG_IGN && info->si_code <= 0)
		return;
	if (before.handler == KSIG_DFL || before.handler == KSIG_IGN) {
		die_of_sigsys();
		return;
	}
	if (before.flags & KSA_RESETHAND)
		handlers.before.handler = KSIG_DFL;
	if (d) /* its own system calls are none of ours */
		d->filter = FILTER_ALLOW;
	if (before.flags & KSA_SIGINFO)
		before.action(sig, info, context);
	else
		before.handler(sig);
	if (d)
		d->filter = FILTER_BLOCK;
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	struct dispatch *d = running;
	ucontext_t *uc = context;

	if (info->si_code != SI_CODE_USER_DISPATCH || !d || d->filter != FILTER_BLOCK) {
		hand_on(sig, info, context);
		return;
	}
	uc->uc_mcontext.gregs[REG_RAX] = let_through(d, info->si_syscall, uc);
}

static void lock_handlers(pid_t self)
{
	for (;;) {
		pid_t holder = 0;

		if (atomic_compare_exchange_strong(&handlers.lock, &holder, self))
			return;
		/* Another process's mark came with a fork: that thread does not exist here. */
		if (holder != self && atomic_compare_exchange_strong(&handlers.lock, &holder, self))
			return;
		atomic_fetch_add(&handlers.waiters, 1);
		SYS4(SYS_futex, &handlers.lock, FUTEX_WAIT_PRIVATE, self, NULL);
		atomic_fetch_sub(&handlers.waiters, 1);
	}
}

static void unlock_handlers(void)
{
	atomic_store(&handlers.lock, 0);
	if (atomic_load(&handlers.waiters))
		SYS3(SYS_futex, &handlers.lock, FUTEX_WAKE_PRIVATE, 1);
}

static long install_handler(void)
{
	struct ksigaction ours = { .action = on_sigsys, .restorer = gate_sigreturn };
	struct ksigaction now;
	long r = sys_sigaction(SIGSYS, NULL, &now);

	if (r < 0)
		return r;
	if (now.action == on_sigsys) /* inherited over a fork: `before` came along */
		return 0;
	handlers.before = now;
	/* Other threads meet this handler too: they are to be interrupted exactly as by the one before.  Not
	 * SIGSYS itself in the mask: a seccomp filter may trap a call that the handler lets through. */
	ours.flags = KSA_SIGINFO | KSA_NODEFER | KSA_RESTORER | (now.flags & (KSA_RESTART | KSA_ONSTACK));
	ours.mask = now.handler == KSIG_DFL || now.handler == KSIG_IGN ? 0 : now.mask & ~ksig_bit(SIGSYS);
	return sys_sigaction(SIGSYS, &ours, NULL);
}

static long hold_handler(void)
{
	pid_t self = (pid_t)SYS0(SYS_getpid);
	long r = 0;

	lock_handlers(self);
	if (handlers.owner != self) {
		handlers.owner = self;
		handlers.count = 0;
	}
	if (handlers.count == 0)
		r = install_handler();
	if (r == 0)
		handlers.count++;
	unlock_handlers();
	return r;
}

static void release_handler(void)
{
	pid_t self = (pid_t)SYS0(SYS_getpid);
	struct ksigaction now;

	lock_handlers(self);
	if (handlers.owner != self) { /* a fork's child: alone, and this is its only call */
		handlers.owner = self;
		handlers.count = 1;
	}
	if (--handlers.count == 0 && sys_sigaction(SIGSYS, NULL, &now) == 0 && now.action == on_sigsys)
		sys_sigaction(SIGSYS, &handlers.before, NULL);
	unlock_handlers();
}

/* -------------------------------------------------------------------------------------- on and off -- */

static long dispatch_on(struct dispatch *d)
{
	uint64_t all_but_sigsys = ~ksig_bit(SIGSYS);
	long r = sys_sigmask(SIG_SETMASK, &all_but_sigsys, &d->mask_before);

	if (r < 0)
		return r;
	d->mask = d->mask_before;
	r = hold_handler();
	if (r < 0) {
		sys_sigmask(SIG_SETMASK, &d->mask_before, NULL);
		return r;
	}
	running = d;
	r = SYS5(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, gate_begin,
		 gate_end - gate_begin, &d->filter);
	if (r < 0) {
		running = NULL;
		release_handler();
		sys_sigmask(SIG_SETMASK, &d->mask_before, NULL);
		return r == -EINVAL ? -EOPNOTSUPP : r;
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
	release_handler();
	sys_sigmask(SIG_SETMASK, mask, NULL);
}

/* A SIGSYS that the caller had blocked goes back to where it was: pending. */
static void resend_foreign(const struct dispatch *d)
{
	if (!d->foreign_kept)
		return;
	if (d->foreign.si_code == SI_TKILL)
		SYS4(SYS_rt_tgsigqueueinfo, SYS0(SYS_getpid), SYS0(SYS_gettid), SIGSYS, &d->foreign);
	else
		SYS3(SYS_rt_sigqueueinfo, SYS0(SYS_getpid), SIGSYS, &d->foreign);
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

pid_t settid__dispatch_fork(const struct settid_clone_args *want)
{
	struct dispatch d = { .armed = true, .want = want };
	long r = dispatch_on(&d);
	pid_t pid;

	if (r < 0)
		return (pid_t)r;
	pid = _Fork();
	/* The kernel has cleared the child's dispatch, so what libc did to its mask there was not played. */
	dispatch_off(&d, pid == 0 ? &d.mask_before : &d.mask);
	if (pid == 0)
		return 0;
	resend_foreign(&d);
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

pid_t settid__dispatch_fork(const struct settid_clone_args *want)
{
	(void)want;
	return -EOPNOTSUPP;
}

#endif
