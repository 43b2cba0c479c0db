/* SPDX-License-Identifier: MIT */
/*
 * engine_guard.c: the guard: it watches the restorer while it waits for anything, and ends the tree.
 *
 * Keeps:   G1: however the restorer went, every process of the tree is killed and reaped.
 */
#include "engine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/wait.h>
#include <poll.h>

#define KILL_TRIES 3 /* a child that is not killed would be waited for in vain */

/* SIGKILL to an own child that is not reaped: the number is still its. */
static bool kill_child(long number)
{
	for (int k = 0; k < KILL_TRIES; k++)
		if (SYS2(SYS_kill, number, SIGKILL) == 0)
			return true;
	return false;
}

/* One look at the guard's own list of children: is there anybody whom it could end? */
static bool end_listed(struct engine *e)
{
	char text[512];
	long n = -EIO, number = 0;
	bool any = false;

	for (int k = 0; n < 0 && k < KILL_TRIES; k++)
		n = SYS4(SYS_pread64, e->children_fd, text, sizeof text, 0);
	for (long k = 0; k < n; k++) {
		if (text[k] >= '0' && text[k] <= '9') {
			number = number * 10 + (text[k] - '0');
			continue;
		}
		if (number && kill_child(number)) {
			SYS4(SYS_wait4, number, 0, __WALL, 0);
			any = true;
		}
		number = 0;
	}
	return any;
}

/* An init waits for all inside it, and so for deeper inits that are the guard's own children: these are reaped first. */
static void reap_inits(const struct engine *e, unsigned levels)
{
	for (uint32_t a = 1; a < e->actors_len && e->actors[a].kind != PLAN_KIND_THREAD; a++) {
		const struct plan_actor *actor = &e->actors[a];

		if (actor->flags & PLAN_NEWPID && actor->numbers_len == levels)
			SYS4(SYS_wait4, e->numbers[actor->numbers + actor->numbers_len - 1], 0, __WALL, 0);
	}
}

/* Not one whose birth was not noted: its number may be anybody's.  The descriptor comes first: who is alive after that is
 * the one that it means. */
static void end_anywhere(const struct engine *e, uint32_t actor)
{
	long fd;

	if (e->pids[actor] <= 0)
		return;
	fd = SYS2(SYS_pidfd_open, engine_number(e, 0, actor), 0);
	if (fd < 0)
		return;
	if (__atomic_load_n(&e->alive[actor], __ATOMIC_ACQUIRE))
		SYS4(SYS_pidfd_send_signal, fd, SIGKILL, 0, 0);
	SYS1(SYS_close, fd);
}

/*
 * Stopped processes go before all others: a death that orphans a group in which somebody is stopped hangs up all of it
 * (R6.47), and that may be the caller's own.  Who is being killed is not stopped any more.
 */
static void end_stopped(const struct engine *e)
{
	for (uint32_t a = 1; a < e->actors_len; a++)
		for (uint32_t k = 0; k < e->actors[a].steps_len; k++) {
			const struct plan_step *s = &e->steps[e->actors[a].first_step + k];

			if (s->op == PLAN_STOP)
				end_anywhere(e, a);
			else if (s->op == PLAN_CONTINUE || (s->op == PLAN_KILL && s->b == SIGSTOP))
				end_anywhere(e, s->a);
		}
}

/*
 * No namespace to kill: the guard is the nearest subreaper above everything, so a process whose parent is dead
 * is the guard's own child, unreaped, and its number safe to signal.  Actors stand parents first (P5), and a
 * dead parent makes no more children: one pass reaches all.  A nested init is killed but not waited for here:
 * it may have to wait for others of this list (R5.26).
 * only_born: whose birth was not noted may be another child of the caller's, with a number that the tree wanted.
 */
static void kill_own_children(struct engine *e, bool only_born)
{
	end_stopped(e);
	for (uint32_t a = 1; a < e->actors_len && e->actors[a].kind != PLAN_KIND_THREAD; a++) {
		const struct plan_actor *actor = &e->actors[a];
		long number = e->numbers[actor->numbers + actor->numbers_len - 1];
		long r;

		if (only_born && !e->pids[a])
			continue;
		r = SYS5(SYS_waitid, P_PID, number, 0, WEXITED | WNOHANG | WNOWAIT | __WALL, 0);
		if (r < 0)
			continue;
		if (kill_child(number) && !(actor->flags & PLAN_NEWPID))
			SYS4(SYS_wait4, number, 0, __WALL, 0);
	}
	for (unsigned levels = TREE_LEVEL_MAX; levels > 1; levels--)
		reap_inits(e, levels);
	/* processes that started programs may have made children of their own: they are the guard's by now */
	while (e->exec && e->children_fd >= 0 && end_listed(e))
		;
}

/* The namespace's init takes everything in there along. */
static void kill_init(struct engine *e)
{
	long r = SYS4(SYS_pidfd_send_signal, e->first_pidfd, SIGKILL, 0, 0);

	if (r < 0 && r != -ESRCH && e->pids[e->first] > 0)
		kill_child(e->pids[e->first]);
}

void engine_remove_pidfile(struct engine *e)
{
	long r;

	if (!e->pidfile || !__atomic_load_n(&e->pidfile_made, __ATOMIC_ACQUIRE))
		return;
	r = SYS3(SYS_unlinkat, AT_FDCWD, e->pidfile, 0);
	if (r == 0 || r == -ENOENT)
		__atomic_store_n(&e->pidfile_made, 0, __ATOMIC_RELEASE);
}

void engine_teardown(struct engine *e)
{
	if (!e->has_init)
		kill_own_children(e, false);
	else if (e->first_pidfd >= 0)
		kill_init(e);
	while (SYS4(SYS_wait4, -1, 0, __WALL, 0) != -ECHILD)
		;
	engine_remove_pidfile(e);
}

/*
 * Children of the guard's that it did not make: no number of theirs is known, and the init may have to wait for them to
 * be reaped, which happens when the caller ends.
 */
static bool has_unknown(const struct engine *e)
{
	for (uint32_t a = 1; a < e->actors_len; a++)
		if (e->actors[a].flags & PLAN_STRAY)
			return true;
	return false;
}

/* The guard's children are the caller's, in a namespace of their own whose init has to wait for the others. */
static void end_inherited_namespace(struct engine *e)
{
	const struct plan_actor *guard = &e->actors[0];

	if (e->pids[e->first] <= 0 ||
	    SYS5(SYS_waitid, P_PID, e->pids[e->first], 0, WEXITED | WNOHANG | WNOWAIT | __WALL, 0) < 0)
		return;
	kill_child(e->pids[e->first]);
	for (uint32_t k = guard->steps_len; k-- > 0;) {
		const struct plan_step *s = &e->steps[guard->first_step + k];

		if (s->op == PLAN_CHILD && e->pids[s->a] > 0)
			SYS4(SYS_wait4, e->pids[s->a], 0, has_unknown(e) ? WNOHANG | __WALL : __WALL, 0);
	}
}

void engine_inherit(struct engine *e, int children_fd)
{
	e->children_fd = children_fd;
	if (e->has_init)
		end_inherited_namespace(e);
	else
		kill_own_children(e, true);
	engine_remove_pidfile(e);
}

/* Is this child of the guard meant to be a zombie? */
static bool meant_dead(const struct engine *e, uint32_t actor)
{
	const struct plan_actor *guard = &e->actors[0];

	for (uint32_t k = 0; k < guard->steps_len; k++) {
		const struct plan_step *s = &e->steps[guard->first_step + k];

		if (s->op == PLAN_WAIT_DEAD && s->a == actor)
			return true;
	}
	return false;
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

		if (s->op == PLAN_CHILD && s->a != e->first && e->pids[s->a] > 0 && !meant_dead(e, s->a))
			SYS4(SYS_wait4, e->pids[s->a], 0, WNOHANG | __WALL, 0);
	}
}

/* Without a namespace the guard is the one that orphans are left to: it reaps them as an init would. */
static void reap_orphans(struct engine *e)
{
	siginfo_t info;

	while (!meant_dead(e, e->first)) {
		info.si_pid = 0;
		if (SYS5(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, 0) < 0)
			break;
		if (info.si_pid <= 0 || info.si_pid == e->pids[e->first])
			break;
		SYS4(SYS_wait4, info.si_pid, 0, WNOHANG | __WALL, 0);
	}
}

/* --------------------------------------------------------------------------------------- watching -- */

enum { LIFE, FIRST, EVENT, WATCHED };

/* The first process, once it is there: its end, unless it was meant, is everybody's. */
static int first_fd(const struct engine *e)
{
	return meant_dead(e, e->first) ? -1 : e->first_pidfd;
}

/*
 * Sleeps until the restorer wants the end, or is gone (LIFE), until the first process has ended (FIRST), or until
 * event_fd can be read, which is then done (EVENT).
 */
static int watch_for(struct engine *e, int event_fd)
{
	char event[128]; /* a signalfd_siginfo, an eventfd's count */
	struct pollfd fds[WATCHED];

	fds[LIFE].fd = e->life_fd;
	fds[FIRST].fd = first_fd(e);
	fds[EVENT].fd = event_fd;
	for (;;) {
		for (int k = 0; k < WATCHED; k++) {
			fds[k].events = POLLIN;
			fds[k].revents = 0;
		}
		SYS5(SYS_ppoll, fds, WATCHED, 0, 0, 8);
		if (fds[LIFE].revents)
			return LIFE;
		if (fds[FIRST].revents)
			return FIRST;
		if (fds[EVENT].revents) {
			SYS3(SYS_read, event_fd, event, sizeof event);
			return EVENT;
		}
	}
}

void engine_watch_counter(struct engine *e, uint32_t counter)
{
	__atomic_store_n(&e->guard_waits, counter + 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&e->counters[counter], __ATOMIC_SEQ_CST) < e->full[counter])
		if (watch_for(e, e->bell_fd) != EVENT)
			engine_watch(e);
}

/* Deaths are seen through a pidfd, since a child need not send any signal when it dies; stops always send SIGCHLD. */
long engine_watch_child(struct engine *e, uint32_t actor, int what)
{
	siginfo_t info;
	long number = engine_number(e, 0, actor), r, pidfd = -1;

	if (what & WEXITED)
		pidfd = SYS2(SYS_pidfd_open, number, 0);
	if (what & WEXITED && pidfd < 0)
		return pidfd;
	for (;;) {
		info.si_signo = 0; /* still 0 = nothing to report yet */
		r = SYS5(SYS_waitid, P_PID, number, &info, what | WNOHANG | __WALL, 0);
		if (r < 0 || info.si_signo)
			break;
		if (watch_for(e, pidfd >= 0 ? (int)pidfd : e->deaths_fd) != EVENT)
			engine_watch(e);
	}
	if (pidfd >= 0)
		SYS1(SYS_close, pidfd);
	return r;
}

/* The first process has ended: its status, if it was the root itself. */
static void take_status(struct engine *e)
{
	int status = 0;

	if (e->root_ended || e->first != e->root)
		return;
	if (SYS4(SYS_wait4, e->pids[e->root], &status, __WALL, 0) > 0) {
		e->root_status = status;
		__atomic_store_n(&e->root_ended, 1, __ATOMIC_RELEASE);
	}
}

void engine_refuse(struct engine *e, enum engine_part part, int code)
{
	engine_fail(engine_slot(e, 0), part, 0, code);
	engine_watch(e);
}

void engine_watch(struct engine *e)
{
	int seen;

	/* out of the caller's group, so that a signal to that does not end the one who undoes; but not out of the
	 * session: as parent of the root it keeps groups of the outside session from being orphaned (R6.47) */
	SYS2(SYS_setpgid, 0, 0);
	while ((seen = watch_for(e, e->deaths_fd)) == EVENT)
		e->has_init ? reap_outsiders(e) : reap_orphans(e);
	if (seen == FIRST)
		take_status(e);
	engine_teardown(e);
	engine_tell(e, ENGINE_ENDED);
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
