/* SPDX-License-Identifier: MIT */
/*
 * restore_guard.c: the birth of the guard: where it lives, what it keeps, what is refused beforehand.
 *
 * The guard is an ordinary fork that first sheds all it does not need (descriptors, and memory: processes
 * forked from it copy what it has mapped), then becomes the engine's actor 0.
 * Keeps:   the guard's own number, where it lives in a namespace whose numbers the tree names, is outside
 *          the wanted set and chosen, never picked blindly.
 */
#include "restore_guard.h"

#include "libsettid/procfs.h"
#include "libsettid/sys.h"
#include "libsettid/sys_clone.h"
#include "restore_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------- refused beforehand -- */

static int read_text(int proc_fd, const char *name, char *buf, size_t size)
{
	int fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* A core flag needs a real dump: into a directory of ours, so with a relative pattern only. */
static int check_core(int proc_fd, struct tree_error *err)
{
	struct rlimit limit;
	char pattern[256];

	if (read_text(proc_fd, "sys/kernel/core_pattern", pattern, sizeof pattern) < 0)
		return tree_fail(err, -ENOENT,
				 "a zombie with a core dump is wanted, and core_pattern cannot be read");
	if (pattern[0] == '|' || strchr(pattern, '/') || pattern[0] == '\0')
		return tree_fail(err, -EOPNOTSUPP,
				 "a zombie with a core dump is wanted, and core_pattern is \"%s\": the "
				 "dump would go elsewhere, or nowhere",
				 pattern);
	if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0)
		return tree_fail(
			err, -EOPNOTSUPP,
			"a zombie with a core dump is wanted, and the hard limit on core files is 0");
	return 0;
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

/* ns_last_pid knows one level: each process's own namespace's. */
static int check_last_pid(const struct tree *t, const struct restore_guard *g, struct tree_error *err)
{
	for (size_t i = 0; i < t->processes_len; i++)
		if (t->processes[i].levels > 1)
			return tree_fail(err, -EOPNOTSUPP,
					 "process %d has numbers at %d levels, and without clone3's "
					 "set_tid only one can be chosen",
					 (int)t->processes[i].nspid[0], t->processes[i].levels);
	g->e->last_pid_fd = openat(g->proc_fd, "sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	if (g->e->last_pid_fd < 0)
		return tree_fail(err, -errno, "neither clone3's set_tid nor ns_last_pid can be used: %s",
				 strerror(errno));
	return 0;
}

/* ----------------------------------------------------------------------------------- in the child -- */

#define KEEP_MAX 16

/* A sanitizer's shadow memory, and the counters of fault injection, have to stay. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(SETTID_FAULT_INJECTION) || defined(SANITIZED) || defined(__SANITIZE_ADDRESS__) || \
	defined(__SANITIZE_THREAD__)
#define KEEP_MEMORY
#endif

#ifndef KEEP_MEMORY
/* glibc's restartable sequences: the kernel writes to that area, which is about to go. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

#if defined(__x86_64__)
#define RSEQ_SIGNATURE 0x53053053
#else
#define RSEQ_SIGNATURE 0xd428bc00
#endif

static bool leave_rseq(void)
{
	char *area;

	if (!&__rseq_offset || !&__rseq_size || __rseq_size == 0)
		return true;
	area = (char *)__builtin_thread_pointer() + __rseq_offset;
	return SYS4(SYS_rseq, area, 32, 1, RSEQ_SIGNATURE) == 0 ||
	       SYS4(SYS_rseq, area, __rseq_size, 1, RSEQ_SIGNATURE) == 0;
}
#endif

static int compare_fd(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void close_between(int from, int to)
{
	if (from > to || SYS3(SYS_close_range, from, to, 0) == 0)
		return;
	for (int fd = from; fd <= to && fd < 65536; fd++)
		close(fd);
}

/* Everything but the engine's own, and the standard streams where programs will want them. */
static void close_others(const struct engine *e)
{
	int keep[] = { e->exec ? 0 : -1, e->exec ? 1 : -1, e->exec ? 2 : -1, e->life_fd,    e->event_fd,
		       e->bell_fd,       e->core_fd,       e->last_pid_fd,   e->children_fd };
	size_t n = sizeof keep / sizeof *keep;
	int from = 0;

	qsort(keep, n, sizeof *keep, compare_fd);
	for (size_t k = 0; k < n; k++) {
		if (keep[k] < 0)
			continue;
		close_between(from, keep[k] - 1);
		from = keep[k] + 1;
	}
	close_between(from, INT32_MAX);
}

/* A file system without a name that vanishes with its last descriptor. */
static int detached_tmpfs(void)
{
	int fs = (int)SYS2(SYS_fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */), mnt = -1;

	if (fs < 0)
		return -1;
	if (SYS5(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, 0, 0, 0) == 0)
		mnt = (int)SYS3(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	close(fs);
	return mnt;
}

/* Where the guard later finds children it does not know of: its own list, in its own namespace's numbers. */
static int open_children(void)
{
	char name[64];
	int proc_fd, fd;

	if (settid__proc_open(&proc_fd, NULL) < 0)
		return -1;
	snprintf(name, sizeof name, "%d/task/%d/children", (int)getpid(), (int)getpid());
	fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	close(proc_fd);
	return fd;
}

/* Until then a restorer that dies takes this process along by signal; from then on the pipe tells of it. */
static void wait_for_go(const struct restore_guard *g)
{
	struct engine *e = g->e;
	struct pollfd life = { .fd = e->life_fd, .events = POLLIN };

	close(*g->life_fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&life, 1, 0) != 0)
		_exit(0); /* it was gone before the signal was asked for */
	while (!__atomic_load_n(&e->go, __ATOMIC_ACQUIRE))
		SYS4(SYS_futex, &e->go, FUTEX_WAIT, 0, 0);
	prctl(PR_SET_PDEATHSIG, 0);
}

static void guard_child(const struct restore_guard *g, const struct plan *p) __attribute__((noreturn));
static void guard_child(const struct restore_guard *g, const struct plan *p)
{
#ifndef KEEP_MEMORY
	struct engine_range keep[KEEP_MAX];
#endif
	struct engine *e = g->e;

	wait_for_go(g);
	e->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->needs_core)
		e->core_fd = detached_tmpfs();
	if (e->exec && !e->has_init)
		e->children_fd = open_children();
#ifndef KEEP_MEMORY
	size_t keep_len = restore_keep_ranges(g->proc_fd, e, g->size, keep, KEEP_MAX);
#endif
	close_others(e);
#ifndef KEEP_MEMORY
	if (keep_len && leave_rseq())
		engine_unmap_others(keep, keep_len);
#endif
	engine_guard(e);
}

/* ------------------------------------------------------------------------------------ its number -- */

static bool wanted(const struct tree *t, int32_t number)
{
	if (tree_find(t, number) != TREE_NONE)
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

static pid_t fork_guard(const struct tree *t, const struct plan *p, const struct restore_options *o,
			const struct restore_guard *g, struct settid_error *err)
{
	struct settid_fork_args args = { .size = sizeof args, .method = o->method };
	int32_t number = pid_max(g->proc_fd);
	pid_t pid = -EAGAIN;

	if (o->user)
		args.flags = CLONE_NEWUSER | (p->needs_core ? (uint64_t)CLONE_NEWNS : 0);
	if (o->into == RESTORE_NEW)
		return settid_fork(&args, g->child, err); /* its number is none of the tree's levels */
	args.set_tid = &number;
	args.set_tid_len = 1;
	for (int tries = 0; tries < NUMBER_TRIES; tries++) {
		do
			number--;
		while (number > 1 && wanted(t, number));
		pid = settid_fork(&args, g->child, err);
		if (pid != -EEXIST)
			break;
	}
	return pid;
}

/* ------------------------------------------------------------------------------------------- start -- */

static int write_proc(int proc_fd, pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd, r = 0;

	snprintf(path, sizeof path, "%d/%s", (int)pid, name);
	fd = openat(proc_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
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
	return r < 0 ? tree_fail(err, r, "cannot write the user namespace's maps: %s", strerror(-r)) : 0;
}

/* Children of the caller live in the namespace of `pid` until leave_target(). */
static int enter_target(pid_t pid, struct tree_error *err)
{
	int fd = (int)SYS2(SYS_pidfd_open, pid, 0), r;

	if (fd < 0)
		return tree_fail(err, fd, "--into %d: there is no such process", (int)pid);
	r = (int)SYS2(SYS_setns, fd, CLONE_NEWPID);
	close(fd);
	if (r < 0)
		return tree_fail(err, r, "cannot enter the PID namespace of %d: %s", (int)pid,
				 r == -EINVAL ? "it is not below this one" : strerror(-r));
	return 0;
}

static void leave_target(void)
{
	int fd = (int)SYS2(SYS_pidfd_open, getpid(), 0);

	SYS2(SYS_setns, fd, CLONE_NEWPID);
	close(fd);
}

static int open_pipes(const struct restore_guard *g, struct tree_error *err)
{
	int life[2], event[2];

	if (pipe2(life, O_CLOEXEC) < 0)
		return tree_fail(err, -errno, "no pipe: %s", strerror(errno));
	g->e->life_fd = life[0];
	*g->life_fd = life[1];
	if (pipe2(event, O_CLOEXEC) < 0)
		return tree_fail(err, -errno, "no pipe: %s", strerror(errno));
	g->e->event_fd = event[1];
	*g->event_fd = event[0];
	return 0;
}

static void close_guards_ends(struct engine *e)
{
	if (e->life_fd >= 0)
		close(e->life_fd);
	if (e->event_fd >= 0)
		close(e->event_fd);
	if (e->last_pid_fd >= 0)
		close(e->last_pid_fd);
}

static int prepare(const struct tree *t, const struct plan *p, const struct restore_options *o,
		   const struct restore_guard *g, struct tree_error *err)
{
	int r = p->needs_core ? check_core(g->proc_fd, err) : 0;

	if (r == 0 && (o->method == SETTID_METHOD_NS_LAST_PID ||
		       (o->method == SETTID_METHOD_AUTO && set_tid_missing())))
		r = check_last_pid(t, g, err);
	return r < 0 ? r : open_pipes(g, err);
}

int restore_guard_start(const struct tree *t, const struct plan *p, const struct restore_options *o,
			const struct restore_guard *g, struct tree_error *err)
{
	struct settid_error se = { 0 };
	sigset_t all, old;
	pid_t pid;
	int r = prepare(t, p, o, g, err);

	if (r == 0 && o->into == RESTORE_PID)
		r = enter_target(o->into_pid, err);
	if (r < 0) {
		close_guards_ends(g->e);
		return r;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	memcpy(&g->e->mask, o->mask ? o->mask : &old, sizeof g->e->mask);
	g->e->exec = p->commands_len > 0;
	pid = fork_guard(t, p, o, g, &se);
	if (pid == 0)
		guard_child(g, p);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (o->into == RESTORE_PID)
		leave_target();
	close_guards_ends(g->e);
	if (pid < 0)
		return tree_fail(err, pid, "the guard process could not be made: %s", se.text);
	r = o->user ? write_maps(g, err) : 0;
	if (r < 0) {
		SYS4(SYS_pidfd_send_signal, g->child->pidfd, SIGKILL, 0, 0);
		while (waitid((idtype_t)3, (id_t)g->child->pidfd, &(siginfo_t){ 0 }, WEXITED) < 0 &&
		       errno == EINTR)
			;
		close(g->child->pidfd);
		g->child->pidfd = -1;
	}
	return r;
}
