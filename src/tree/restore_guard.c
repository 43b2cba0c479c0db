/* SPDX-License-Identifier: MIT */
/*
 * restore_guard.c: the birth of the guard: where it lives, its number, what is refused beforehand.
 *
 * The guard is an ordinary fork (restore_child.c).
 * Keeps:   the guard's own number, where it lives in a namespace whose numbers the tree names, is outside
 *          the wanted set and chosen, never picked blindly.
 */
#include "restore_guard.h"

#include "libsettid/sys.h"
#include "libsettid/sys_clone.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------- refused beforehand -- */

static int read_text(int proc_fd, const char *name, char *buf, size_t size)
{
	int fd = (int)SYS4(SYS_openat, proc_fd, name, O_RDONLY | O_CLOEXEC, 0);
	long n;

	if (fd < 0)
		return fd;
	n = SYS3(SYS_read, fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return (int)n;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* A core flag needs a real dump: into a directory of ours, so with a relative pattern only. */
static int check_core(int proc_fd, struct tree_error *err)
{
	struct rlimit limit = { 0, 0 };
	char pattern[256];
	int r = read_text(proc_fd, "sys/kernel/core_pattern", pattern, sizeof pattern);

	if (r < 0)
		return tree_fail(err, r,
				 "a zombie with a core dump is wanted, and core_pattern cannot be read: %s",
				 strerror(-r));
	if (pattern[0] == '|' || strchr(pattern, '/') || pattern[0] == '\0')
		return tree_fail(err, -EOPNOTSUPP,
				 "a zombie with a core dump is wanted, and core_pattern is \"%s\": the "
				 "dump would go elsewhere, or nowhere",
				 pattern);
	r = (int)SYS4(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &limit);
	if (r == 0 && limit.rlim_max == 0)
		return tree_fail(
			err, -EOPNOTSUPP,
			"a zombie with a core dump is wanted, and the hard limit on core files is 0");
	return r < 0 ? tree_fail(err, r, "the limit on core files cannot be read: %s", strerror(-r)) : 0;
}

/* Is clone3's set_tid let through?  33 entries are refused by every kernel that knows it. */
static bool set_tid_missing(void)
{
	int32_t numbers[SETTID_LEVEL_MAX + 1] = { 0 };
	struct sys_clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)numbers,
		.set_tid_size = SETTID_LEVEL_MAX + 1,
	};

	return SYS2(SYS_clone3, &args, SYS_CLONE_ARGS_SIZE_SET_TID) != -EINVAL;
}

/*
 * Descriptors of ours stay clear of 0, 1 and 2, also where the caller has those closed: what is printed there must
 * not reach the guard, and a program must not start with one of ours.
 */
static int above_std(int fd, int *out, struct tree_error *err)
{
	*out = fd;
	if (fd > 2)
		return 0;
	*out = (int)SYS3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return *out < 0 ? tree_fail(err, *out, "no descriptor: %s", strerror(-*out)) : 0;
}

/* ns_last_pid knows one level: each process's own namespace's. */
static int check_last_pid(const struct tree *t, const struct restore_guard *g, bool asked_for,
			  struct tree_error *err)
{
	struct settid_probe probe = { .size = sizeof probe };
	int fd;

	if (!asked_for && settid_probe(&probe, NULL) < 0)
		snprintf(probe.why, sizeof probe.why, "clone3's set_tid cannot be used here");
	for (size_t i = 0; i < t->processes_len; i++)
		if (t->processes[i].levels > 1)
			return tree_fail(err, -EOPNOTSUPP,
					 "process %d has numbers at %d levels, and without clone3's "
					 "set_tid only one can be chosen%s%s",
					 (int)t->processes[i].nspid[0], t->processes[i].levels,
					 asked_for ? "" : ": ", asked_for ? "" : probe.why);
	fd = (int)SYS4(SYS_openat, g->proc_fd, "sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return asked_for ? tree_fail(err, fd, "ns_last_pid cannot be opened: %s", strerror(-fd))
				 : tree_fail(err, fd, "%s", probe.why);
	return above_std(fd, &g->e->last_pid_fd, err);
}

/* ------------------------------------------------------------------------------------ its number -- */

static bool wanted(const struct tree *t, const struct plan *p, int32_t number)
{
	for (uint32_t a = 1; a < p->actors_len; a++)
		if (p->actors[a].kind == PLAN_KIND_HELPER &&
		    p->numbers[p->actors[a].numbers + p->actors[a].numbers_len - 1u] == number)
			return true;
	if (tree_find(t, number) != TREE_NONE)
		return true;
	for (size_t i = 0; i < t->ghosts_len; i++)
		if (t->ghosts[i].nspid[0] == number)
			return true;
	for (size_t i = 0; i < t->processes_len; i++)
		for (uint32_t k = 1; k < t->processes[i].threads_len; k++)
			if (t->processes[i].threads[k].nspid[0] == number)
				return true;
	return false;
}

static int pid_max(int proc_fd)
{
	char text[32];

	return read_text(proc_fd, "sys/kernel/pid_max", text, sizeof text) < 0 ? 32768 : atoi(text);
}

#define NUMBER_TRIES 4096
#define PID_MAX_LEAST 301 /* the least that the kernel takes */

static pid_t fork_guard(const struct tree *t, const struct plan *p, const struct restore_options *o,
			const struct restore_guard *g, struct settid_error *err)
{
	struct settid_fork_args args = { .size = sizeof args, .method = o->method };
	int32_t number = pid_max(g->proc_fd);
	pid_t pid = -EEXIST;

	if (o->user)
		args.flags = CLONE_NEWUSER | (p->needs_core ? (uint64_t)CLONE_NEWNS : 0);
	if (o->into == RESTORE_NEW)
		return settid_fork(&args, g->child, err); /* its number is none of the tree's levels */
	args.set_tid = &number;
	args.set_tid_len = 1;
	for (int tries = 0; pid == -EEXIST && tries < NUMBER_TRIES && number > 2; tries++) {
		do
			number--;
		while (number > 2 && wanted(t, p, number));
		pid = settid_fork(&args, g->child, err);
		if (pid == -EINVAL && number > PID_MAX_LEAST) {
			number /=
				2; /* the namespace of --into PID may have a pid_max of its own, which no file shows */
			pid = -EEXIST;
		}
	}
	return pid;
}

/* ------------------------------------------------------------------------------------------- start -- */

static int write_proc(int proc_fd, pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd;
	long n;

	snprintf(path, sizeof path, "%d/%s", (int)pid, name);
	fd = (int)SYS4(SYS_openat, proc_fd, path, O_WRONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	n = SYS3(SYS_write, fd, text, strlen(text));
	close(fd);
	return n < 0 ? (int)n : 0;
}

/* The caller's own ids, unchanged: what a user may map without any right. */
static int write_maps(const struct restore_guard *g, struct tree_error *err)
{
	char map[64];
	int r;

	write_proc(g->proc_fd, g->child->pid, "setgroups", "deny");
	snprintf(map, sizeof map, "%u %u 1\n", geteuid(), geteuid());
	r = write_proc(g->proc_fd, g->child->pid, "uid_map", map);
	if (r == 0) {
		snprintf(map, sizeof map, "%u %u 1\n", getegid(), getegid());
		r = write_proc(g->proc_fd, g->child->pid, "gid_map", map);
	}
	if (r == -EPERM && geteuid() == 0) /* user_namespaces(7) */
		return tree_fail(err, r, "cannot map root into the user namespace: that needs CAP_SETFCAP");
	return r < 0 ? tree_fail(err, r, "cannot write the user namespace's maps: %s", strerror(-r)) : 0;
}

/*
 * Children of the caller live in the namespace of `pid` until leave_target().  *home is the way back, opened first:
 * there may be no descriptor left later.
 */
static int enter_target(pid_t pid, int *home, struct tree_error *err)
{
	int fd, r;

	*home = (int)SYS2(SYS_pidfd_open, getpid(), 0);
	if (*home < 0)
		return tree_fail(err, *home, "no descriptor of this process: %s", strerror(-*home));
	fd = (int)SYS2(SYS_pidfd_open, pid, 0);
	if (fd == -ESRCH || fd == -EINVAL)
		return tree_fail(err, fd, "--into %d: there is no such process", (int)pid);
	if (fd < 0)
		return tree_fail(err, fd, "--into %d: %s", (int)pid, strerror(-fd));
	r = (int)SYS2(SYS_setns, fd, CLONE_NEWPID);
	close(fd);
	if (r < 0)
		return tree_fail(err, r, "cannot enter the PID namespace of %d: %s", (int)pid,
				 r == -EINVAL ? "it is not below this one" : strerror(-r));
	return 0;
}

static int leave_target(int home, struct tree_error *err)
{
	int r = (int)SYS2(SYS_setns, home, CLONE_NEWPID);

	return r < 0 ? tree_fail(err, r, "cannot go back to the own PID namespace: %s", strerror(-r)) : 0;
}

static int open_pipe(int *read_end, int *write_end, struct tree_error *err)
{
	int ends[2] = { -1, -1 }, r = (int)SYS2(SYS_pipe2, ends, O_CLOEXEC), w;

	if (r < 0)
		return tree_fail(err, r, "no pipe: %s", strerror(-r));
	r = above_std(ends[0], read_end, err);
	w = above_std(ends[1], write_end, err);
	return r < 0 ? r : w;
}

/* The guard has, or nobody has, what is the engine's. */
static void close_guards_ends(struct engine *e)
{
	if (e->life_fd >= 0)
		close(e->life_fd);
	if (e->event_fd >= 0)
		close(e->event_fd);
	if (e->last_pid_fd >= 0)
		close(e->last_pid_fd);
	if (e->image_fd >= 0)
		close(e->image_fd);
}

static int prepare(const struct tree *t, const struct plan *p, const struct restore_options *o,
		   const struct restore_guard *g, struct tree_error *err)
{
	int r = p->needs_core ? check_core(g->proc_fd, err) : 0;

	if (r == 0 && (o->method == SETTID_METHOD_NS_LAST_PID ||
		       (o->method == SETTID_METHOD_AUTO && set_tid_missing())))
		r = check_last_pid(t, g, o->method == SETTID_METHOD_NS_LAST_PID, err);
	if (r == 0)
		r = open_pipe(&g->e->life_fd, g->life_fd, err);
	return r < 0 ? r : open_pipe(g->event_fd, &g->e->event_fd, err);
}

/* A guard that never began: the pipe would end it too, but only once the caller has closed that. */
static void end_guard(const struct restore_guard *g)
{
	if (SYS4(SYS_pidfd_send_signal, g->child->pidfd, SIGKILL, 0, 0) < 0)
		kill(g->child->pid, SIGKILL);
	while (waitid((idtype_t)3, (id_t)g->child->pidfd, &(siginfo_t){ 0 }, WEXITED) < 0 && errno == EINTR)
		;
	close(g->child->pidfd);
	g->child->pidfd = -1;
}

/* Forks with all signals blocked: the guard keeps it so, and programs get back what the caller wants. */
static pid_t fork_blocked(const struct tree *t, const struct plan *p, const struct restore_options *o,
			  const struct restore_guard *g, struct settid_error *err)
{
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	memcpy(&g->e->mask, o->mask ? o->mask : &old, sizeof g->e->mask);
	g->e->exec = p->commands_len > 0;
	pid = fork_guard(t, p, o, g, err);
	if (pid == 0)
		restore_guard_child(g, p);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

/* The pipe's read end is still open here too: a guard that somebody killed gives no SIGPIPE. */
static int let_go(const struct restore_guard *g, struct tree_error *err)
{
	long n;

	do
		n = SYS3(SYS_write, *g->life_fd, "", 1);
	while (n == -EINTR);
	return n < 0 ? tree_fail(err, (int)n, "the guard process cannot be told to begin: %s",
				 strerror((int)-n))
		     : 0;
}

int restore_guard_start(const struct tree *t, const struct plan *p, const struct restore_options *o,
			const struct restore_guard *g, struct tree_error *err)
{
	struct settid_error se = { 0 };
	int home = -1, r = prepare(t, p, o, g, err);
	pid_t pid = 0;

	if (r == 0 && o->into == RESTORE_PID)
		r = enter_target(o->into_pid, &home, err);
	if (r == 0) {
		pid = fork_blocked(t, p, o, g, &se);
		if (pid < 0)
			r = tree_fail(err, pid, "the guard process could not be made: %s", se.text);
		if (o->into == RESTORE_PID && leave_target(home, err) < 0 && r == 0)
			r = err ? err->code : -EPERM;
	}
	if (home >= 0)
		close(home);
	if (r == 0 && o->user)
		r = write_maps(g, err);
	if (r == 0 && o->ready)
		r = o->ready(o->ready_arg, err);
	if (r == 0)
		r = let_go(g, err);
	close_guards_ends(g->e);
	if (r < 0 && pid > 0)
		end_guard(g);
	return r;
}
