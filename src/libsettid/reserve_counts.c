/* SPDX-License-Identifier: MIT */
/*
 * reserve_counts.c: the counts of the namespaces between a reservation's numbers and its caller, moved past them.
 *
 * The file acts on the namespace of who writes it (R3.7).  The innermost is the keeper's to write, the caller's own the
 * caller's; in each between the two a process is born that writes and ends; all wanted numbers are held by then, so it gets
 * none of them.
 * Keeps:   (M1) where the caller's children live is the same after each call as before, or the call fails; (M2) what may not be done is
 *               left: a count that stays is a wider window, and no failure.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "procfs.h"
#include "reserve.h"

#define NS_GET_PARENT_REQUEST 0xb702 /* ioctl_ns(2) */
#define WRITER_STACK 4096
#define WRITER_TEXT 16
#define HOME_TRIES 3

/* As in reserve_keeper.c: the caller's TLS is not the writer's to use. */
#define RAW __attribute__((no_stack_protector, no_sanitize("address", "thread", "undefined")))

struct writer {
	int fd;
	long len;
	char text[WRITER_TEXT];
	_Alignas(16) char stack[WRITER_STACK];
};

/* Its exit status says whether it was done: the stack is gone with the caller's frame, not before. */
RAW static int write_count(void *arg)
{
	const struct writer *w = arg;

	return SYS4(SYS_pwrite64, w->fd, w->text, w->len, 0) == w->len ? 0 : 1;
}

static int open_children_ns(void)
{
	autoclose int proc = -1;
	int r = settid__proc_open(&proc, NULL);

	return r < 0 ? r
		     : (int)SYS4(SYS_openat, proc, "thread-self/ns/pid_for_children", O_RDONLY | O_CLOEXEC,
				 0);
}

void settid__counts_open(struct settid__counts *c, const struct settid__keeper *k, int inner, int pid_max)
{
	autoclose int ns = -1;

	c->inner = inner;
	if (inner < 1)
		return;
	if ((size_t)inner < k->levels)
		c->aims[inner] = settid__keeper_aim(k, (size_t)inner, pid_max);
	if (inner > 1)
		ns = open_children_ns();
	for (int l = 1; ns >= 0 && l < inner && (size_t)l < k->levels; l++) {
		int parent = (int)SYS2(SYS_ioctl, ns, NS_GET_PARENT_REQUEST);

		settid__close_fdp(&ns);
		if (parent < 0)
			return;
		c->aims[l] = settid__keeper_aim(k, (size_t)l, pid_max);
		c->fds[l] = parent;
		ns = (int)SYS3(SYS_fcntl, parent, F_DUPFD_CLOEXEC, 0);
	}
}

/* A process in there, from its birth to its end; did it write? */
static bool write_in_there(int last_pid_fd, pid_t aim)
{
	struct writer w = { .fd = last_pid_fd };
	struct settid__birth birth = {
		.method = SETTID_METHOD_CLONE3,
		.flags = CLONE_VM | CLONE_FILES,
		.cgroup_fd = -1,
		.stack = w.stack,
		.stack_size = sizeof w.stack,
		.fn = write_count,
		.arg = &w,
	};
	struct settid_child child;
	siginfo_t info = { .si_status = -1 };
	uint64_t mask;
	pid_t pid;
	long r;

	w.len = snprintf(w.text, sizeof w.text, "%d", (int)aim);
	settid__signals_block(&mask); /* the caller's handlers would run in there, on its memory */
	pid = settid__clone(&birth, &child, NULL);
	if (pid > 0)
		do
			r = SYS5(SYS_waitid, SETTID__P_PIDFD, child.pidfd, &info, WEXITED | __WALL, 0);
		while (r == -EINTR);
	settid__signals_restore(&mask);
	settid__close_fdp(&child.pidfd);
	return pid > 0 && info.si_code == CLD_EXITED && info.si_status == 0;
}

/* As permitted as it was to leave, and the descriptor is open already; but the kernel may be out of memory. */
static int go_home(int home)
{
	long r = -1;

	for (int tries = 0; r < 0 && tries < HOME_TRIES; tries++)
		r = SYS2(SYS_setns, home, CLONE_NEWPID);
	return (int)r;
}

/* 1 = moved, 0 = not to be done, or the error after which children live there. */
static int move_between(const struct settid__counts *c, int level, int home)
{
	bool moved;
	int r;

	if (c->fds[level] < 0 || !c->aims[level] || SYS2(SYS_setns, c->fds[level], CLONE_NEWPID) < 0)
		return 0;
	moved = write_in_there(c->last_pid_fd, c->aims[level]);
	r = go_home(home);
	return r < 0 ? r : moved;
}

static bool move_own(const struct settid__counts *c)
{
	struct settid__last_pid lp = { .fd = c->last_pid_fd };
	bool moved = c->aims[c->inner] && settid__last_pid_aim(&lp, c->aims[c->inner] + 1, NULL) == 0;

	settid__last_pid_unlock(&lp);
	return moved;
}

int settid__counts_move(const struct settid__counts *c)
{
	autoclose int home = -1;
	int moved = 0, r;

	if (c->inner < 1 || c->last_pid_fd < 0)
		return 0;
	if (c->inner > 1)
		home = open_children_ns();
	for (int l = 1; home >= 0 && l < c->inner; l++) {
		r = move_between(c, l, home);
		if (r < 0)
			return r;
		moved += r;
	}
	return moved + move_own(c);
}

void settid__counts_close(struct settid__counts *c)
{
	for (int l = 0; l < SETTID_LEVEL_MAX; l++)
		settid__close_fdp(&c->fds[l]);
	settid__close_fdp(&c->last_pid_fd);
}
