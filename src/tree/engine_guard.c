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

/* engine_counter_wait() for the guard: a bell instead of a futex, since it goes on watching the restorer. */
void engine_watch_counter(struct engine *e, uint32_t counter)
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
			engine_watch(e);
		SYS3(SYS_read, e->bell_fd, &rung, sizeof rung);
	}
}

/* wait_child() for the guard, which meanwhile goes on watching the restorer. */
long engine_watch_child(struct engine *e, uint32_t actor, int what)
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
			engine_watch(e);
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

void engine_watch(struct engine *e)
{
	/* out of the caller's group, so that a signal to that does not end the one who undoes; but not out of the
	 * session: as parent of the root it keeps groups of the outside session from being orphaned (R6.47) */
	SYS2(SYS_setpgid, 0, 0);
	watch(e);
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
