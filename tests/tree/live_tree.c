/* SPDX-License-Identifier: MIT */
/*
 * live_tree.c: what a random live tree is made of, and in which order.
 *
 * Keeps:   (R1) one command at a time, awaited: a seed always makes the same tree (its numbers in namespaces of
 *               its own, that is; those in the caller's are the machine's to give);
 *          (R2) but for WILD, only what a forward order of calls can make and keeps every leader alive or a zombie: no
 *               orphans, no leader that is gone;
 *          (R3) processes die first (leaves only, so nobody is orphaned) and are stopped last, children before
 *               their parents, since the stopped obey no more;
 *          (R4) a group is joined only by those who live in the same namespace as its leader, or whose parent does and
 *               moves them, and never by inits of that namespace.
 */
#include "live_deeds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsettid/sys.h"
#include "settid.h"

enum { SIZE_MAX_NODES = 4096 };

/* Numbers from the upper half of what the machine has: a part of it that the seed chooses. */
static int start_high(struct maker *m)
{
	FILE *f = fopen("/proc/sys/kernel/pid_max", "re");
	int max = 32768;

	if (f && fscanf(f, "%d", &max) != 1)
		max = 32768;
	if (f)
		fclose(f);
	return maker_ask(m, 0,
			 &(struct live_box){ .op = LIVE_LAST_PID,
					     .a = max / 2 + (int)maker_below(m, (uint32_t)max / 2 - 5000) });
}

static int populate(struct maker *m, unsigned size)
{
	int e = maker_may(m, LIVE_TREE_HIGH) ? start_high(m) : 0;

	if (e >= 0)
		e = maker_grow(m, 0,
			       maker_may(m, LIVE_TREE_NAMESPACES) && !maker_may(m, LIVE_TREE_HIGH) &&
				       maker_chance(m, 40));
	if (e >= 0 && maker_may(m, LIVE_TREE_WILD))
		e = maker_mark(m, 1, true); /* nobody is left to the driver */

	while (e >= 0 && m->len <= size && m->len < m->s->boxes_len)
		e = maker_chance(m, 55) ? maker_birth(m) : maker_deed(m);
	for (unsigned i = 0; e >= 0 && i < size / 2; i++) /* the last born do something too */
		e = maker_deed(m);
	return e < 0 ? e : 0;
}

/* --------------------------------------------------------------------------- dying and stopping -- */

static int die(struct maker *m, uint32_t node)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGHUP, SIGINT, SIGUSR1, SIGALRM, SIGPIPE, 34, 64 };
	static const int cores[] = { SIGABRT, SIGSEGV, SIGQUIT, SIGFPE, SIGSYS };
	struct live_made *n = &m->nodes[node];
	bool core = maker_may(m, LIVE_TREE_CORES) && maker_chance(m, 20);
	int signal = core || maker_chance(m, 20) ? cores[maker_below(m, sizeof cores / sizeof *cores)]
						 : signals[maker_below(m, sizeof signals / sizeof *signals)];
	struct live_box what = { .op = LIVE_DIE, .a = signal, .b = core };
	int e = 0;

	if (maker_chance(m, 50)) {
		what = (struct live_box){ .op = LIVE_EXIT, .a = (int32_t)maker_below(m, 256) };
		n->exit_code = what.a;
		maker_tell(m, node, &what);
	} else if (maker_is_init(m, node)) { /* only from outside, and only by KILL */
		e = maker_ask(m, n->parent, &(struct live_box){ .op = LIVE_KILL, .a = n->pid, .b = SIGKILL });
		n->exit_signal = SIGKILL;
	} else {
		maker_tell(m, node, &what);
		n->exit_signal = signal;
	}
	n->dead = true;
	return e < 0 ? e : maker_await_child(m, node, WEXITED | WNOWAIT);
}

static int stop(struct maker *m, uint32_t node)
{
	static const int signals[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
	struct live_made *n = &m->nodes[node];
	int e = 0;

	n->stopped = true;
	n->stop_signal = maker_is_init(m, node) ? SIGSTOP : signals[maker_below(m, 4)];
	if (maker_is_init(m, node))
		e = maker_ask(m, n->parent, &(struct live_box){ .op = LIVE_KILL, .a = n->pid, .b = SIGSTOP });
	else
		maker_tell(m, node, &(struct live_box){ .op = LIVE_STOP, .a = n->stop_signal });
	if (e < 0)
		return e;
	return maker_await_child(m, node, WSTOPPED | (maker_chance(m, 50) ? WNOWAIT : 0));
}

/* Not even somebody who was put into its namespace from outside. */
static bool leaves_nobody(const struct maker *m, uint32_t node)
{
	if (m->nodes[node].children)
		return false;
	for (uint32_t i = 1; maker_is_init(m, node) && i < m->len; i++)
		if (i != node && !m->nodes[i].gone && m->nodes[i].ns == node)
			return false;
	return true;
}

static int finish(struct maker *m)
{
	int e = 0;

	for (uint32_t i = 2; e >= 0 && i < m->len; i++)
		if (!m->nodes[i].gone && maker_may(m, LIVE_TREE_ZOMBIES) && leaves_nobody(m, i) &&
		    maker_chance(m, 30))
			e = die(m, i);
	for (uint32_t i = m->len - 1; e >= 0 && i > 0; i--)
		if (maker_may(m, LIVE_TREE_STOPS) && !m->nodes[i].dead && !m->nodes[i].gone &&
		    maker_chance(m, 10))
			e = stop(m, i);
	return e < 0 ? e : 0;
}

/* ---------------------------------------------------------------------------------- life and end -- */

static _Noreturn void driver_run(struct live_shared *s)
{
	SYS0(SYS_setsid);
	SYS2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	live_node_run(s, 0);
}

static int start_driver(struct live_tree *t)
{
	int pidfd = -1;
	struct settid_clone_args args = { .flags = CLONE_NEWPID | CLONE_PIDFD,
					  .pidfd = (uintptr_t)&pidfd,
					  .exit_signal = SIGCHLD };
	long pid = SYS2(SYS_clone3, &args, sizeof args);

	if (pid == 0)
		driver_run(t->shared);
	if (pid < 0)
		return (int)pid;
	t->init = (pid_t)pid;
	t->init_pidfd = pidfd;
	return 0;
}

/* The driver's one child, by the caller's number. */
static int find_root(struct live_tree *t)
{
	char path[64], text[64] = "";

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)t->init, (int)t->init);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	t->root = n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
	return t->root > 0 ? 0 : -ESRCH;
}

static int make_shared(struct live_tree *t, unsigned size, unsigned shapes)
{
	t->shared_size = sizeof(struct live_shared) + (size + 2) * sizeof(struct live_box);
	int fd = memfd_create("live-tree", 0); /* not close-on-exec: LIVE_EXEC */
	t->shared = fd < 0 || ftruncate(fd, (off_t)t->shared_size) < 0
			    ? MAP_FAILED
			    : mmap(NULL, t->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (t->shared == MAP_FAILED) {
		t->shared = NULL;
		close(fd);
		return -ENOMEM;
	}
	struct live_shared *s = t->shared;
	s->fd = fd;
	s->boxes_len = size + 2;
	if (shapes & LIVE_TREE_CORES) {
		strcpy(t->core_dir, "/tmp/live-tree-XXXXXX");
		if (!mkdtemp(t->core_dir)) {
			t->core_dir[0] = '\0';
			return -errno;
		}
		memcpy(s->core_dir, t->core_dir, sizeof s->core_dir);
	}
	return 0;
}

static int make_tree(struct maker *m, struct live_tree *t, unsigned size)
{
	m->nodes = t->made = calloc(size + 2, sizeof *m->nodes);
	m->len = 1;
	int e = m->nodes ? start_driver(t) : -ENOMEM;
	if (e == 0)
		e = populate(m, size);
	if (e == 0)
		e = finish(m);
	t->made_len = m->len;
	return e == 0 ? find_root(t) : e;
}

int live_tree_start(uint64_t seed, unsigned size, unsigned shapes, struct live_tree *out)
{
	*out = (struct live_tree){ .init_pidfd = -1 };
	if (size < 1 || size > SIZE_MAX_NODES)
		return -EINVAL;
	int e = make_shared(out, size, shapes);
	struct maker m = { .s = out->shared, .shapes = shapes, .random = seed };
	if (e == 0)
		e = make_tree(&m, out, size);
	if (e < 0)
		live_tree_stop(out);
	return e;
}

static void remove_cores(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (strncmp(d->d_name, "core", 4) == 0)
			unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

void live_tree_stop(struct live_tree *t)
{
	siginfo_t info;

	if (t->init_pidfd >= 0) {
		SYS4(SYS_pidfd_send_signal, t->init_pidfd, SIGKILL, 0, 0);
		while (SYS5(SYS_waitid, P_PIDFD, t->init_pidfd, &info, WEXITED, 0) == -EINTR)
			;
		close(t->init_pidfd);
	}
	if (t->shared) {
		close(((struct live_shared *)t->shared)->fd);
		munmap(t->shared, t->shared_size);
	}
	free(t->made);
	if (t->core_dir[0])
		remove_cores(t->core_dir);
	*t = (struct live_tree){ .init_pidfd = -1 };
}
