/* SPDX-License-Identifier: MIT */
/*
 * engine.c: the interpreter of a plan's steps, run by the guard and by every placeholder.
 *
 * Keeps:   G2, G3 of engine.h, and G4: raw system calls only.
 */
#include "engine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/wait.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>

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

/*
 * Nobody in a namespace knows under which number the guard outside sees it, but the kernel translates the owner of a
 * descriptor for whoever asks.
 */
static long listen(struct engine *e, uint32_t fd)
{
	long r = SYS2(SYS_eventfd2, 0, EFD_CLOEXEC);

	if (r >= 0)
		e->fds[fd] = (int32_t)r;
	return r;
}

static long tell(const struct engine *e, uint32_t fd)
{
	struct f_owner_ex me;

	me.type = F_OWNER_PID;
	me.pid = (pid_t)SYS0(SYS_getpid);
	return SYS3(SYS_fcntl, e->fds[fd], F_SETOWN_EX, &me);
}

static long hear(struct engine *e, uint32_t actor, uint32_t fd)
{
	struct f_owner_ex who;
	long r = SYS3(SYS_fcntl, e->fds[fd], F_GETOWN_EX, &who);

	if (r < 0)
		return r;
	if (who.pid <= 0)
		return -ESRCH;
	__atomic_store_n(&e->pids[actor], who.pid, __ATOMIC_RELEASE);
	return 0;
}

static long wait_child(const struct ctx *c, uint32_t actor, int what)
{
	long r, number = engine_number(c->e, c->actor, actor);

	do
		r = SYS5(SYS_waitid, P_PID, number, 0, what | __WALL, 0);
	while (r == -EINTR);
	return r;
}

struct raw_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static long signal_default(uint32_t sig)
{
	struct raw_sigaction act;

	act.handler = 0;
	act.flags = 0;
	act.restorer = 0;
	act.mask = 0;
	return SYS4(SYS_rt_sigaction, sig, &act, 0, 8);
}

/* A number that is none must never reach kill(): 0 is a group there, and -1 everybody. */
static long send_signal(long pid, uint32_t sig)
{
	return pid > 0 ? SYS2(SYS_kill, pid, sig) : pid < 0 ? pid : -ESRCH;
}

static long kill_child(const struct ctx *c, uint32_t actor, uint32_t sig)
{
	struct engine *e = c->e;

	return send_signal(engine_number(e, c->actor, actor), sig);
}

static long see_child(const struct ctx *c, uint32_t actor, int what)
{
	return c->actor == 0 ? engine_watch_child(c->e, actor, what) : wait_child(c, actor, what);
}

/* A child's exit signal stops it.  That leaves no trace: both reports are taken. */
static long continue_child(const struct ctx *c, uint32_t actor)
{
	long r = see_child(c, actor, WSTOPPED);

	if (r == 0)
		r = kill_child(c, actor, SIGCONT);
	return r < 0 ? r : see_child(c, actor, WCONTINUED);
}

static long signal_self(uint32_t sig)
{
	uint64_t one = (uint64_t)1 << (sig - 1);
	long r = sig == SIGKILL || sig == SIGSTOP ? 0 : signal_default(sig);

	if (r < 0)
		return r;
	SYS4(SYS_rt_sigprocmask, SIG_UNBLOCK, &one, 0, 8);
	return send_signal(SYS0(SYS_getpid), sig);
}

/*
 * Each has a directory of its own: dumps have one name, the kernel takes an old one away and makes the new, and of two
 * at the same time one would be lost (32 at once: 19 to 22 got their flag, 6.18).
 */
static long enter_core_directory(const struct ctx *c)
{
	char text[12], *end = text + sizeof text - 1;
	const char *name = engine_decimal(c->actor, end);
	long r;

	*end = '\0';
	r = SYS3(SYS_mkdirat, c->e->core_fd, name, 0700);
	if (r == 0)
		r = SYS1(SYS_fchdir, c->e->core_fd);
	return r == 0 ? SYS1(SYS_chdir, name) : r;
}

/* A dump that is cut off is one, too, and all of them stay until the tree goes; the kernel makes none below a page. */
#define CORE_SIZE 65536

/*
 * A limit of one byte keeps every dump from being made: too little for a file, and a piped core_pattern, which ignores
 * any other limit, takes it for "none" (seen on 6.18; 0 and 2 did dump).  "Not dumpable" would do as well, but then the
 * zombie's status is root's alone to read, and nobody else could verify it.
 */
static long arrange_core(const struct ctx *c, bool dumps)
{
	struct rlimit limit = { 0, 0 };
	long r = SYS4(SYS_prlimit64, 0, RLIMIT_CORE, 0, &limit);

	bool hidden = limit.rlim_max < 1;
	limit.rlim_cur = !dumps ? !hidden : limit.rlim_max < CORE_SIZE ? limit.rlim_max : CORE_SIZE;
	if (r == 0)
		r = SYS4(SYS_prlimit64, 0, RLIMIT_CORE, &limit, 0);
	if (r == 0)
		r = SYS2(SYS_prctl, PR_SET_DUMPABLE, dumps || !hidden);
	return r == 0 && dumps ? enter_core_directory(c) : r;
}

/* Memory of its own where the signal may dump core. */
static long die(const struct ctx *c, const struct plan_step *s, uint8_t flags)
{
	long r = flags & PLAN_OWN_MEMORY ? arrange_core(c, s->b) : 0;

	if (r == 0)
		r = flags & PLAN_NEWPID ? engine_die_as_init(s->a) : signal_self(s->a);
	return r < 0 ? r : -EINVAL; /* still here: the signal did not kill */
}

static void wait_for_release(struct engine *e)
{
	while (!__atomic_load_n(&e->release, __ATOMIC_ACQUIRE))
		futex_wait(&e->release, 0);
}

/* A zombie is what was wanted of it. */
static bool ends_dead(const struct engine *e, uint32_t actor)
{
	const struct plan_actor *a = &e->actors[actor];
	uint32_t last = e->steps[a->first_step + a->steps_len - 1].op;

	return last == PLAN_EXIT || last == PLAN_DIE;
}

static long start(const struct ctx *c, const struct engine_command *cmd)
{
	struct engine *e = c->e;
	long r;

	wait_for_release(e);
	r = SYS1(SYS_unshare, CLONE_FS | CLONE_FILES);
	if (r == 0 && cmd->cwd)
		r = SYS1(SYS_chdir, cmd->cwd);
	if (r == 0 && c->actor != e->first && c->leash != ENGINE_FREE)
		r = SYS2(SYS_prctl, PR_SET_PDEATHSIG, 0); /* a program may outlive its parent */
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

	if (ends_dead(e, root))
		wait_for_release(e); /* a zombie is looked at before it is reaped */
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

/* ------------------------------------------------------------------------------------- interpreter -- */

/* The step's answer; does not return from a last step that ends or holds. */
static long carry_out(struct ctx *c, const struct plan_step *s)
{
	struct engine *e = c->e;
	long r;

	switch (s->op) {
	case PLAN_CHILD:
	case PLAN_THREAD:
		return engine_birth(c, s->a);
	case PLAN_ENTER:
		return enter_namespace(s->b ? (long)s->b : e->pids[s->a]);
	case PLAN_LEAVE:
		return enter_namespace(SYS0(SYS_getpid));
	case PLAN_UNSHARE:
		return SYS1(SYS_unshare, CLONE_NEWPID);
	case PLAN_SETSID:
		return SYS0(SYS_setsid);
	case PLAN_SETPGID:
		return SYS2(SYS_setpgid, 0, s->a);
	case PLAN_SETPGID_CHILD:
		return SYS2(SYS_setpgid, engine_number(e, c->actor, s->a), s->b);
	case PLAN_SETPGID_LIKE:
		return SYS2(SYS_setpgid, engine_number(e, c->actor, s->a), engine_number(e, c->actor, s->b));
	case PLAN_SETPGID_OUTSIDE:
		return SYS2(SYS_setpgid, s->a == c->actor ? 0 : engine_number(e, c->actor, s->a),
			    e->outside_group);
	case PLAN_LISTEN:
		return listen(e, s->a);
	case PLAN_TELL:
		return tell(e, s->a);
	case PLAN_HEAR:
		return hear(e, s->a, s->b);
	case PLAN_NAME:
		return SYS2(SYS_prctl, PR_SET_NAME, e->text + s->a);
	case PLAN_SUBREAPER:
		return SYS2(SYS_prctl, PR_SET_CHILD_SUBREAPER, s->a);
	case PLAN_ADD:
		return engine_counter_add(e, s->a, s->b);
	case PLAN_WAIT:
		if (c->actor == 0)
			engine_watch_counter(e, s->a);
		else
			engine_counter_wait(e, s->a);
		return 0;
	case PLAN_KILL:
		return kill_child(c, s->a, s->b);
	case PLAN_WAIT_DEAD:
		return see_child(c, s->a, WEXITED | WNOWAIT);
	case PLAN_BURY:
		return see_child(c, s->a, WEXITED);
	case PLAN_WAIT_STOPPED:
		return see_child(c, s->a, WSTOPPED | WNOWAIT);
	case PLAN_LEASH:
		return engine_leash_adopted(c, s->a);
	case PLAN_UNLEASH:
		return engine_leash_loosen(c);
	case PLAN_CONTINUE:
		return continue_child(c, s->a);
	case PLAN_WAIT_LEADER:
		engine_wait_gone(e, s->a);
		return 0;
	case PLAN_REEXEC:
		return engine_reexec(c, s);
	case PLAN_DONE:
		return engine_done(e);
	case PLAN_HOLD:
		r = engine_leash_settle(c);
		if (r < 0)
			return r;
		engine_sleep(e);
	case PLAN_EXEC:
		return start(c, &e->commands[s->a]);
	case PLAN_STOP:
		r = engine_leash_settle(c);
		if (r == 0)
			r = signal_self(s->a);
		if (r < 0)
			return r;
		engine_sleep(e);
	case PLAN_EXIT:
		return SYS1(SYS_exit_group, s->a);
	case PLAN_DIE:
		return die(c, s, e->actors[c->actor].flags);
	case PLAN_EXIT_THREAD:
		r = engine_leash_part(c);
		return r < 0 ? r : SYS1(SYS_exit, 0);
	case PLAN_REAP:
		reap_until_root_ends(c, s->a);
	case PLAN_GUARD:
		engine_watch(e);
	}
	return -ENOSYS;
}

/* What an actor does before its first step. */
static long prepare(struct ctx *c)
{
	struct engine *e = c->e;
	const struct plan_actor *a = &e->actors[c->actor];
	long r = 0;

	if (e->last_pid_fd >= 0 && a->numbers_len) {
		r = SYS0(SYS_gettid);
		if (r < 0)
			engine_fail(c, ENGINE_NUMBER, 0, r);
		/* ns_last_pid gave another number: leave before anything is seen (birth_last_pid() waits for it) */
		if (r != e->numbers[a->numbers])
			SYS1(SYS_exit, 0);
	}
	r = engine_leash_born(c);
	if (r < 0)
		engine_fail(c, ENGINE_LEASH, 0, r);
	return r;
}

/* Two more system calls a step, and only where somebody asked. */
static long carry_out_timed(struct ctx *c, uint32_t step)
{
	struct engine *e = c->e;
	long r;

	if (!e->spans)
		return carry_out(c, &e->steps[step]);
	e->spans[step].begin_ns = engine_now();
	r = carry_out(c, &e->steps[step]);
	e->spans[step].end_ns = engine_now();
	return r;
}

void engine_go_on(struct ctx *c, uint32_t k)
{
	struct engine *e = c->e;
	const struct plan_actor *a = &e->actors[c->actor];

	for (; k < a->steps_len; k++) {
		long r = carry_out_timed(c, a->first_step + k);

		if (r < 0) {
			engine_fail(c, ENGINE_STEP, a->first_step + k, r);
			break;
		}
	}
	if (c->actor == 0)
		engine_watch(e);
	engine_sleep(e);
}

int engine_run(void *slot)
{
	struct ctx *c = slot;

	if (prepare(c) < 0)
		engine_sleep(c->e);
	engine_go_on(c, 0);
}

/* The caller's, which may have no number here: then one of the guard's own.  A helper init founds one as its first step. */
static long name_outside_group(struct engine *e)
{
	long r = SYS0(SYS_getpid), own = r;

	e->outside_group = 1;
	if (e->actors_len > 1 && e->actors[1].kind == PLAN_KIND_INIT)
		return 0;
	r = SYS1(SYS_getpgid, 0);
	if (r == 0) {
		r = SYS2(SYS_setpgid, 0, 0);
		e->outside_group = (int32_t)own;
		return r;
	}
	e->outside_group = (int32_t)r;
	return r < 0 ? r : 0;
}

void engine_guard(struct engine *e)
{
	struct ctx *c = engine_slot(e, 0);
	long r = signal_default(SIGCHLD);

	if (r < 0)
		engine_refuse(e, ENGINE_DEATHS, (int)r);
	e->alive[0] = 1;
	r = SYS1(SYS_set_tid_address, &e->alive[0]);
	if (r < 0)
		engine_refuse(e, ENGINE_LEASH, (int)r);
	r = e->goes_outside ? name_outside_group(e) : 0;
	if (r < 0)
		engine_refuse(e, ENGINE_GROUP, (int)r);
	r = e->subreaper ? engine_leash_prepare() : 0;
	if (r < 0)
		engine_refuse(e, ENGINE_LEASH, (int)r);
	r = e->subreaper ? SYS2(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1) : 0;
	if (r < 0)
		engine_refuse(e, ENGINE_SUBREAPER, (int)r);
	engine_run(c);
}
