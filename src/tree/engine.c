/* SPDX-License-Identifier: MIT */
/*
 * engine.c: the interpreter of a plan's steps, run by the guard and by every placeholder.
 *
 * Built without libc, stack protector or sanitizers: it runs where there is no TLS, on small stacks, in memory
 * from which libc was unmapped.  Only raw system calls and the mapping behind struct engine are touched.
 * Costs:   a plain process is two system calls: its creator's clone3 and its own futex wait.
 */
#include "engine.h"

#include "libsettid/sys.h"
#include "libsettid/sys_clone.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/wait.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

struct ctx {
	struct engine *e;
	uint32_t actor;
};

/* One actor's start, for the other side of clone; lives at the top of its stack slot. */
static int run(void *slot) __attribute__((noreturn));

/* ----------------------------------------------------------------------------------------- waiting -- */

static void futex_wait(uint32_t *word, uint32_t value)
{
	SYS4(SYS_futex, word, FUTEX_WAIT, value, 0);
}

static void futex_wake_all(uint32_t *word)
{
	SYS3(SYS_futex, word, FUTEX_WAKE, INT32_MAX);
}

static void sleep_forever(struct engine *e) __attribute__((noreturn));
static void sleep_forever(struct engine *e)
{
	for (;;)
		futex_wait(&e->never, 0);
}

static void tell(struct engine *e, char event)
{
	while (SYS3(SYS_write, e->event_fd, &event, 1) == -EINTR)
		;
}

/* First come, first told; whoever fails sleeps then, but for the guard, which has the others to end. */
static void report_failure(struct ctx *c, uint32_t step, long code)
{
	struct engine *e = c->e;

	if (__atomic_exchange_n(&e->failure.claimed, 1, __ATOMIC_ACQ_REL))
		return;
	e->failure.actor = c->actor;
	e->failure.step = step;
	e->failure.code = (int32_t)code;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	tell(e, ENGINE_FAILED);
}

static uint64_t now(void)
{
	struct timespec t = { 0, 0 };

	SYS2(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void counter_add(struct engine *e, uint32_t counter, uint32_t count)
{
	if (__atomic_add_fetch(&e->counters[counter], count, __ATOMIC_SEQ_CST) == e->full[counter])
		futex_wake_all(&e->counters[counter]);
	else
		return;
	if (__atomic_load_n(&e->guard_waits, __ATOMIC_SEQ_CST) == counter + 1) {
		uint64_t one = 1;

		SYS3(SYS_write, e->bell_fd, &one, sizeof one);
	}
}

static void counter_wait(struct engine *e, uint32_t counter)
{
	uint32_t value;

	while ((value = __atomic_load_n(&e->counters[counter], __ATOMIC_ACQUIRE)) < e->full[counter])
		futex_wait(&e->counters[counter], value);
}

static void done(struct engine *e)
{
	if (__atomic_add_fetch(&e->stands, 1, __ATOMIC_ACQ_REL) != e->total)
		return;
	e->stands_ns = now();
	tell(e, ENGINE_STANDS);
}

/* ------------------------------------------------------------------------------------------ births -- */

/* The top of an actor's slot holds its context, the stack grows down from there. */
static struct ctx *slot_of(struct engine *e, uint32_t actor)
{
	char *top = e->stacks + (size_t)(actor + 1) * ENGINE_STACK;
	struct ctx *c = (struct ctx *)(void *)(top - 16);

	c->e = e;
	c->actor = actor;
	return c;
}

static void set_up_clone(struct engine *e, struct sys_clone_args *args, uint32_t actor, uint64_t flags)
{
	const struct plan_actor *a = &e->actors[actor];

	args->flags = flags;
	args->pidfd = args->child_tid = args->parent_tid = args->tls = 0;
	args->exit_signal = a->kind == PLAN_KIND_THREAD ? 0 : a->notify;
	args->stack = (uint64_t)(uintptr_t)(e->stacks + (size_t)actor * ENGINE_STACK);
	args->stack_size = ENGINE_STACK - 16;
	args->set_tid =
		a->numbers_len && e->last_pid_fd < 0 ? (uint64_t)(uintptr_t)(e->numbers + a->numbers) : 0;
	args->set_tid_size = args->set_tid ? a->numbers_len : 0;
	args->cgroup = 0;
}

/* Writes number - 1 to ns_last_pid: the next one handed out is `number`. */
static long write_last_pid(struct engine *e, int32_t number)
{
	char text[12];
	int at = (int)sizeof text;
	int32_t n = number - 1;

	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return SYS4(SYS_pwrite64, e->last_pid_fd, text + at, sizeof text - (size_t)at, 0);
}

static void lock(uint32_t *word)
{
	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
		futex_wait(word, 1);
}

static void unlock(uint32_t *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
	SYS3(SYS_futex, word, FUTEX_WAKE, 1);
}

#define LAST_PID_TRIES 64

/*
 * ns_last_pid: write, clone, look.  Who has the wrong number leaves before its first step (run() compares
 * too) and is waited for; the kernel clears `leader[actor]` when it is gone, which tells for threads as well.
 */
static long birth_last_pid(struct engine *e, uint32_t actor, struct sys_clone_args *args, struct ctx *slot)
{
	int32_t want = e->numbers[e->actors[actor].numbers];
	long r = -EAGAIN;

	lock(&e->birth_lock);
	for (int tries = 0; tries < LAST_PID_TRIES; tries++) {
		r = args->flags & CLONE_NEWPID ? 0 : write_last_pid(e, want);
		if (r < 0)
			break;
		e->leader[actor] = 1;
		args->flags |= CLONE_CHILD_CLEARTID;
		args->child_tid = (uint64_t)(uintptr_t)&e->leader[actor];
		r = sys_clone_legacy_on_stack(args, run, slot);
		if (r < 0 || r == want || (args->flags & CLONE_NEWPID))
			break;
		while (__atomic_load_n(&e->leader[actor], __ATOMIC_ACQUIRE))
			futex_wait(&e->leader[actor], 1);
		if (!(args->flags & CLONE_THREAD))
			SYS4(SYS_wait4, r, 0, __WALL, 0);
		__atomic_add_fetch(&e->retries, 1, __ATOMIC_RELAXED);
		r = -EAGAIN;
	}
	unlock(&e->birth_lock);
	return r;
}

static long birth(struct ctx *c, uint32_t actor)
{
	struct engine *e = c->e;
	const struct plan_actor *a = &e->actors[actor];
	uint64_t flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND;
	struct ctx *slot = slot_of(e, actor);
	struct sys_clone_args args;
	long r;

	if (a->kind == PLAN_KIND_THREAD)
		flags |= CLONE_THREAD | CLONE_SYSVSEM;
	if (a->flags & PLAN_OWN_MEMORY)
		flags = 0;
	/* a dying init sets SIGCHLD to ignore in its table of handlers: nobody else may share that */
	if (a->flags & PLAN_NEWPID)
		flags = (flags & ~(uint64_t)CLONE_SIGHAND) | CLONE_NEWPID;
	set_up_clone(e, &args, actor, flags);
	if (c->actor == 0 && e->first_pidfd < 0) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)&e->first_pidfd;
		e->first_ns = now();
	}
	r = e->last_pid_fd >= 0 ? birth_last_pid(e, actor, &args, slot)
				: sys_clone_on_stack(&args, run, slot);
	if (r > 0)
		__atomic_store_n(&e->pids[actor], (int32_t)r, __ATOMIC_RELEASE);
	return r < 0 ? r : 0;
}

/* ------------------------------------------------------------------------------------------- steps -- */

static long enter_namespace(long pid)
{
	long fd = SYS2(SYS_pidfd_open, pid, 0), r;

	if (fd < 0)
		return fd;
	r = SYS2(SYS_setns, fd, CLONE_NEWPID);
	SYS1(SYS_close, fd);
	return r;
}

static long wait_child(struct engine *e, uint32_t actor, int what)
{
	long r;

	do
		r = SYS5(SYS_waitid, P_PID, e->pids[actor], 0, what | WNOWAIT | __WALL, 0);
	while (r == -EINTR);
	return r;
}

struct raw_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static void signal_default(uint32_t sig)
{
	struct raw_sigaction act;

	act.handler = 0;
	act.flags = 0;
	act.restorer = 0;
	act.mask = 0;
	SYS4(SYS_rt_sigaction, sig, &act, 0, 8);
}

static void signal_self(uint32_t sig)
{
	uint64_t one = (uint64_t)1 << (sig - 1);

	signal_default(sig);
	SYS4(SYS_rt_sigprocmask, SIG_UNBLOCK, &one, 0, 8);
	SYS2(SYS_kill, SYS0(SYS_getpid), sig);
}

/* Memory of its own where the signal may dump core; a limit of 0 and "not dumpable" both keep it from doing so. */
static long die(struct engine *e, const struct plan_step *s, bool own_memory)
{
	struct rlimit limit = { 0, 0 };

	if (own_memory) {
		SYS4(SYS_prlimit64, 0, RLIMIT_CORE, 0, &limit);
		limit.rlim_cur = s->b ? limit.rlim_max : 0;
		SYS4(SYS_prlimit64, 0, RLIMIT_CORE, &limit, 0);
		SYS2(SYS_prctl, PR_SET_DUMPABLE, s->b ? 1 : 0);
		if (s->b && SYS1(SYS_fchdir, e->core_fd) < 0)
			return -ENOENT;
	}
	signal_self(s->a);
	return -EINVAL; /* still here: the signal did not kill */
}

static long start(struct engine *e, const struct engine_command *cmd)
{
	long r;

	while (!__atomic_load_n(&e->release, __ATOMIC_ACQUIRE))
		futex_wait(&e->release, 0);
	r = SYS1(SYS_unshare, CLONE_FS | CLONE_FILES);
	if (r == 0 && cmd->cwd)
		r = SYS1(SYS_chdir, cmd->cwd);
	if (r < 0)
		return r;
	/* every descriptor of ours is close-on-exec: a failed execve can still be told */
	SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &e->mask, 0, 8);
	return SYS3(SYS_execve, cmd->path, cmd->argv, e->envp);
}

static void reap_until_root_ends(struct ctx *c, uint32_t root) __attribute__((noreturn));
static void reap_until_root_ends(struct ctx *c, uint32_t root)
{
	struct engine *e = c->e;
	int status = 0;
	long r;

	while ((r = SYS4(SYS_wait4, -1, &status, __WALL, 0)) != -ECHILD) {
		if (r != e->pids[root])
			continue;
		e->root_status = status;
		__atomic_store_n(&e->root_ended, 1, __ATOMIC_RELEASE);
		break;
	}
	for (;;)
		SYS1(SYS_exit_group, 0);
}

/* ------------------------------------------------------------------------------------------- guard -- */

/* Processes that started programs may have made children of their own: they are the guard's by now. */
static void end_strangers(struct engine *e)
{
	while (e->exec && e->children_fd >= 0) {
		char text[512];
		long n = SYS4(SYS_pread64, e->children_fd, text, sizeof text, 0);
		long number = 0;

		if (n <= 0)
			break;
		for (long k = 0; k < n; k++) {
			if (text[k] >= '0' && text[k] <= '9') {
				number = number * 10 + (text[k] - '0');
				continue;
			}
			/* an own child that is not reaped: the number is still its */
			if (number && SYS2(SYS_kill, number, SIGKILL) == 0)
				SYS4(SYS_wait4, number, 0, __WALL, 0);
			number = 0;
		}
	}
}

/*
 * No namespace to kill: the guard is the nearest subreaper above everything, so a process whose parent is dead
 * is the guard's own child, unreaped, and its number safe to signal.  Actors stand parents first (P5), and a
 * dead parent makes no more children: one pass reaches all.  A nested init is killed but not waited for here:
 * it may have to wait for others of this list (R5.26).
 */
static void kill_own_children(struct engine *e)
{
	for (uint32_t a = 1; a < e->actors_len && e->actors[a].kind != PLAN_KIND_THREAD; a++) {
		const struct plan_actor *actor = &e->actors[a];
		long number = e->numbers[actor->numbers + actor->numbers_len - 1];
		long r;

		r = SYS5(SYS_waitid, P_PID, number, 0, WEXITED | WNOHANG | WNOWAIT | __WALL, 0);
		if (r < 0)
			continue;
		SYS2(SYS_kill, number, SIGKILL);
		if (!(actor->flags & PLAN_NEWPID))
			SYS4(SYS_wait4, number, 0, __WALL, 0);
	}
	end_strangers(e);
}

void engine_teardown(struct engine *e)
{
	if (e->has_init && e->first_pidfd >= 0)
		SYS4(SYS_pidfd_send_signal, e->first_pidfd, SIGKILL, 0, 0);
	else if (!e->has_init)
		kill_own_children(e);
	while (SYS4(SYS_wait4, -1, 0, __WALL, 0) != -ECHILD)
		;
	if (e->pidfile && __atomic_load_n(&e->pidfile_made, __ATOMIC_ACQUIRE))
		SYS3(SYS_unlinkat, AT_FDCWD, e->pidfile, 0);
}

/* A zombie is what was wanted of it. */
static bool ends_dead(const struct engine *e, uint32_t actor)
{
	const struct plan_actor *a = &e->actors[actor];
	uint32_t last = e->steps[a->first_step + a->steps_len - 1].op;

	return last == PLAN_EXIT || last == PLAN_DIE;
}

/*
 * Processes put into the namespace from outside are the guard's children too, and its init cannot end before
 * they are reaped (R5.26): those that were not meant to be zombies go at once.
 */
static void reap_outsiders(struct engine *e)
{
	const struct plan_actor *guard = &e->actors[0];

	for (uint32_t k = 0; k < guard->steps_len; k++) {
		const struct plan_step *s = &e->steps[guard->first_step + k];

		if (s->op != PLAN_CHILD || s->a == 1 || ends_dead(e, s->a))
			continue;
		SYS4(SYS_wait4, e->pids[s->a], 0, WNOHANG | __WALL, 0);
	}
}

/* A descriptor that SIGCHLD makes readable; nobody has it but the guard, whose signals are all blocked. */
static int child_events(void)
{
	uint64_t child = (uint64_t)1 << (SIGCHLD - 1);

	return (int)SYS4(SYS_signalfd4, -1, &child, 8, O_CLOEXEC | O_NONBLOCK);
}

static void guard(struct engine *e) __attribute__((noreturn));

/* counter_wait() for the guard: a bell instead of a futex, since it goes on watching the restorer. */
static void watch_counter(struct engine *e, uint32_t counter)
{
	struct pollfd fds[2];
	uint64_t rung;

	fds[0].fd = e->life_fd;
	fds[1].fd = e->bell_fd;
	fds[0].events = fds[1].events = POLLIN;
	__atomic_store_n(&e->guard_waits, counter + 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&e->counters[counter], __ATOMIC_SEQ_CST) < e->full[counter]) {
		fds[0].revents = fds[1].revents = 0;
		SYS5(SYS_ppoll, fds, 2, 0, 0, 8);
		if (fds[0].revents)
			guard(e);
		SYS3(SYS_read, e->bell_fd, &rung, sizeof rung);
	}
}

/* wait_child() for the guard, which meanwhile goes on watching the restorer. */
static long watch_child(struct engine *e, uint32_t actor, int what)
{
	union {
		char bytes[128]; /* siginfo_t and signalfd_siginfo */
		int words[32];
	} info;
	struct pollfd fds[2];
	long r;

	fds[0].fd = e->life_fd;
	fds[1].fd = child_events();
	fds[0].events = fds[1].events = POLLIN;
	for (;;) {
		info.words[0] = 0; /* si_signo: 0 = nothing to report yet */
		r = SYS5(SYS_waitid, P_PID, e->pids[actor], &info, what | WNOHANG | WNOWAIT | __WALL, 0);
		if (r < 0 || info.words[0])
			break;
		fds[0].revents = fds[1].revents = 0;
		SYS5(SYS_ppoll, fds, 2, 0, 0, 8);
		if (fds[0].revents)
			guard(e);
		SYS3(SYS_read, fds[1].fd, &info, sizeof info);
	}
	SYS1(SYS_close, fds[1].fd);
	return r;
}

/* Sleeps until the restorer wants the end, or is gone, or the first child has ended. */
static void watch(struct engine *e)
{
	char info[128];
	struct pollfd fds[3];

	fds[0].fd = e->life_fd;
	fds[1].fd = ends_dead(e, e->root) ? -1 : e->first_pidfd;
	fds[2].fd = child_events();
	fds[0].events = fds[1].events = fds[2].events = POLLIN;
	for (;;) {
		fds[0].revents = fds[1].revents = fds[2].revents = 0;
		SYS5(SYS_ppoll, fds, 3, 0, 0, 8);
		if (fds[0].revents || fds[1].revents)
			break;
		if (fds[2].revents & POLLIN) {
			SYS3(SYS_read, fds[2].fd, info, sizeof info);
			reap_outsiders(e);
		}
	}
	if (fds[0].revents || e->root_ended)
		return;
	/* the first child is the root itself: its status is wanted */
	if (!e->has_init || e->actors[1].kind == PLAN_KIND_PROCESS) {
		int status = 0;

		if (SYS4(SYS_wait4, e->pids[e->root], &status, __WALL, 0) > 0) {
			e->root_status = status;
			__atomic_store_n(&e->root_ended, 1, __ATOMIC_RELEASE);
		}
	}
}

static void guard(struct engine *e)
{
	/* out of the caller's group, so that a signal to that does not end the one who undoes; but not out of the
	 * session: as parent of the root it keeps groups of the outside session from being orphaned (R6.47) */
	SYS2(SYS_setpgid, 0, 0);
	watch(e);
	engine_teardown(e);
	tell(e, ENGINE_ENDED);
	for (;;)
		SYS1(SYS_exit_group, 0);
}

void engine_unmap_others(const struct engine_range *keep, size_t keep_len)
{
	uintptr_t from = 65536, end = (uintptr_t)1 << 47;

	for (size_t k = 0; k <= keep_len; k++) {
		uintptr_t to = k < keep_len ? keep[k].from : end - 4096;

		if (to > from)
			SYS2(SYS_munmap, from, to - from);
		if (k < keep_len)
			from = keep[k].to;
	}
}

/* ------------------------------------------------------------------------------------- interpreter -- */

/* The step's answer; does not return from a last step that ends or holds. */
static long carry_out(struct ctx *c, const struct plan_step *s)
{
	struct engine *e = c->e;

	switch (s->op) {
	case PLAN_CHILD:
	case PLAN_THREAD:
		return birth(c, s->a);
	case PLAN_ENTER:
		return enter_namespace(s->b ? (long)s->b : e->pids[s->a]);
	case PLAN_LEAVE:
		return enter_namespace(SYS0(SYS_getpid));
	case PLAN_SETSID:
		return SYS0(SYS_setsid);
	case PLAN_SETPGID:
		return SYS2(SYS_setpgid, 0, s->a);
	case PLAN_SETPGID_CHILD:
		return SYS2(SYS_setpgid, e->pids[s->a], s->b);
	case PLAN_NAME:
		return SYS2(SYS_prctl, PR_SET_NAME, e->text + s->a);
	case PLAN_SUBREAPER:
		return SYS2(SYS_prctl, PR_SET_CHILD_SUBREAPER, s->a);
	case PLAN_ADD:
		counter_add(e, s->a, s->b);
		return 0;
	case PLAN_WAIT:
		if (c->actor == 0)
			watch_counter(e, s->a);
		else
			counter_wait(e, s->a);
		return 0;
	case PLAN_KILL:
		return SYS2(SYS_kill, e->pids[s->a], s->b);
	case PLAN_WAIT_DEAD:
		return c->actor == 0 ? watch_child(e, s->a, WEXITED) : wait_child(e, s->a, WEXITED);
	case PLAN_WAIT_STOPPED:
		return c->actor == 0 ? watch_child(e, s->a, WSTOPPED) : wait_child(e, s->a, WSTOPPED);
	case PLAN_WAIT_LEADER:
		while (__atomic_load_n(&e->leader[s->a], __ATOMIC_ACQUIRE))
			futex_wait(&e->leader[s->a], 1);
		return 0;
	case PLAN_DONE:
		done(e);
		return 0;
	case PLAN_HOLD:
		sleep_forever(e);
	case PLAN_EXEC:
		return start(e, &e->commands[s->a]);
	case PLAN_STOP:
		signal_self(s->a);
		sleep_forever(e);
	case PLAN_EXIT:
		return SYS1(SYS_exit_group, s->a);
	case PLAN_DIE:
		return die(e, s, e->actors[c->actor].flags & PLAN_OWN_MEMORY);
	case PLAN_EXIT_THREAD:
		SYS1(SYS_set_tid_address, &e->leader[c->actor]);
		return SYS1(SYS_exit, 0);
	case PLAN_REAP:
		reap_until_root_ends(c, s->a);
	case PLAN_GUARD:
		guard(e);
	}
	return -ENOSYS;
}

static int run(void *slot)
{
	struct ctx *c = slot;
	struct engine *e = c->e;
	const struct plan_actor *a = &e->actors[c->actor];
	const struct plan_step *steps = e->steps + a->first_step;

	/* ns_last_pid gave another number: leave before anything is seen (birth_last_pid waits for it) */
	if (e->last_pid_fd >= 0 && a->numbers_len && SYS0(SYS_gettid) != e->numbers[a->numbers])
		SYS1(SYS_exit, 0);
	/* the second line behind the guard's pipe: the first process does not outlive the guard */
	if (c->actor == 1 && a->kind != PLAN_KIND_GUARD)
		SYS2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	for (uint32_t k = 0; k < a->steps_len; k++) {
		long r = carry_out(c, &steps[k]);

		if (r < 0) {
			report_failure(c, a->first_step + k, r);
			break;
		}
	}
	if (c->actor == 0)
		guard(e);
	sleep_forever(e);
}

void engine_guard(struct engine *e)
{
	struct ctx *c = slot_of(e, 0);

	while (!__atomic_load_n(&e->go, __ATOMIC_ACQUIRE))
		futex_wait(&e->go, 0);
	signal_default(SIGCHLD);
	if (e->subreaper)
		SYS2(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
	run(c);
}
