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
#include "live_tree.h"

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
#include "live_node.h"
#include "settid.h"

enum { PATIENCE_MS = 20000, SIZE_MAX_NODES = 4096, LEVELS = 6, THREADS = 4 };

struct maker {
	struct live_shared *s;
	struct live_made *nodes;
	uint32_t len;
	unsigned shapes;
	uint64_t random;
};

/* splitmix64 */
static uint64_t roll(struct maker *m)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint32_t below(struct maker *m, uint32_t limit)
{
	return (uint32_t)(roll(m) % limit);
}

static bool chance(struct maker *m, unsigned percent)
{
	return below(m, 100) < percent;
}

static bool may(const struct maker *m, unsigned shape)
{
	return (m->shapes & shape) != 0;
}

/* -------------------------------------------------------------------------------------- commands -- */

static void tell(struct maker *m, uint32_t node, const struct live_box *what)
{
	struct live_box *box = &m->s->boxes[node];

	box->op = what->op;
	box->a = what->a;
	box->b = what->b;
	box->c = what->c;
	box->d = what->d;
	memcpy(box->name, what->name, sizeof box->name);
	__atomic_add_fetch(&box->asked, 1, __ATOMIC_RELEASE);
	live_wake(&box->asked);
}

static int ask(struct maker *m, uint32_t node, const struct live_box *what)
{
	struct live_box *box = &m->s->boxes[node];
	uint32_t before = box->answered;

	tell(m, node, what);
	int e = live_wait(&box->answered, before, PATIENCE_MS);
	return e < 0 ? e : box->result;
}

/* Anybody who is there, but the driver. */
static uint32_t anybody(struct maker *m)
{
	uint32_t node;

	do
		node = 1 + below(m, m->len - 1);
	while (m->nodes[node].gone);
	return node;
}

static int await_child(struct maker *m, uint32_t node, int how)
{
	const struct live_made *n = &m->nodes[node];

	return ask(m, n->parent, &(struct live_box){ .op = LIVE_AWAIT, .a = n->pid, .b = how });
}

/* --------------------------------------------------------------------------------------- growing -- */

static int pick_notify(struct maker *m)
{
	static const int signals[] = { 0, SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH, SIGHUP, 34, 64 };

	if (!may(m, LIVE_TREE_NOTIFY) || !chance(m, 15))
		return SIGCHLD;
	return signals[below(m, sizeof signals / sizeof *signals)];
}

static bool is_init(const struct maker *m, uint32_t node)
{
	return m->nodes[node].ns == node;
}

/* Where a child of `node` is to live: usually where it does itself; or in a namespace just below, whose init it sees. */
static uint32_t pick_ns(struct maker *m, uint32_t node)
{
	uint32_t other = anybody(m);

	if (!may(m, LIVE_TREE_HELPED) || !chance(m, 30) || !is_init(m, other) ||
	    m->nodes[m->nodes[other].parent].ns != m->nodes[node].ns)
		return m->nodes[node].ns;
	return other;
}

/* The namespace's init as `node` sees it. */
static int enter(struct maker *m, uint32_t node, uint32_t ns)
{
	int32_t number = ns == m->nodes[node].ns ? m->s->boxes[node].pid : m->nodes[ns].pid;

	return ask(m, node, &(struct live_box){ .op = LIVE_ENTER, .a = number });
}

static int grow_in(struct maker *m, uint32_t parent, bool new_ns, uint32_t ns)
{
	uint32_t child = m->len;
	const struct live_made *p = &m->nodes[parent];
	struct live_box what = {
		.op = LIVE_FORK, .a = (int32_t)child, .b = new_ns ? CLONE_NEWPID : 0, .c = pick_notify(m)
	};

	if (may(m, LIVE_TREE_NUMBERS) && !new_ns && chance(m, 50))
		what.d = 2 + (int32_t)below(m, 30000);
	int pid = ask(m, parent, &what);
	if (pid < 0)
		return pid;
	int e = live_wait((uint32_t *)&m->s->boxes[child].pid, 0, PATIENCE_MS);
	if (e < 0)
		return e;
	m->nodes[child] = (struct live_made){
		.parent = parent,
		.ns = new_ns ? child : ns,
		.group = p->group,
		.session = p->session,
		.pid = pid,
		.number = m->s->boxes[child].pid,
		.notify = what.c,
		.exit_code = -1,
		.level = new_ns ? p->level + 1 : m->nodes[ns].level,
	};
	m->nodes[parent].children++;
	m->len++;
	return 0;
}

static int grow(struct maker *m, uint32_t parent, bool new_ns)
{
	uint32_t ns = new_ns || m->len == 1 ? m->nodes[parent].ns : pick_ns(m, parent);
	int e;

	if (ns == m->nodes[parent].ns || m->nodes[parent].threads) /* R1.25 is not for us to try */
		return grow_in(m, parent, new_ns, m->nodes[parent].ns);
	e = enter(m, parent, ns);
	if (e >= 0)
		e = grow_in(m, parent, false, ns);
	return e < 0 ? e : enter(m, parent, m->nodes[parent].ns);
}

static bool leads_somebody(const struct maker *m, uint32_t node)
{
	for (uint32_t i = 1; i < m->len; i++)
		if (!m->nodes[i].gone && m->nodes[i].group == node)
			return true;
	return false;
}

static int new_session(struct maker *m, uint32_t node)
{
	if (leads_somebody(m, node))
		return 0;
	int e = ask(m, node, &(struct live_box){ .op = LIVE_SETSID });
	if (e >= 0)
		m->nodes[node].session = m->nodes[node].group = node;
	return e;
}

static int new_group(struct maker *m, uint32_t node)
{
	if (m->nodes[node].session == node)
		return 0;
	int e = ask(m, node, &(struct live_box){ .op = LIVE_SETPGID });
	if (e >= 0)
		m->nodes[node].group = node;
	return e;
}

/* The node joins some group of its session; when it leads one with members, these are left behind. */
static int join_group(struct maker *m, uint32_t node)
{
	struct live_made *n = &m->nodes[node];
	uint32_t leader = m->nodes[anybody(m)].group;

	/* the root's group counts as outside when its leader is gone (dump) */
	if (n->session == node || is_init(m, node) || leader == 0 || leader == n->group || node == 1)
		return 0;
	const struct live_made *l = &m->nodes[leader];
	if (l->session != n->session || l->ns != n->ns || !leads_somebody(m, leader))
		return 0;
	int e = ask(m, node, &(struct live_box){ .op = LIVE_SETPGID, .a = m->s->boxes[leader].pid });
	if (e >= 0)
		n->group = leader;
	return e;
}

/* Its parent moves the node to some group of their session that the parent can name. */
static int move_child(struct maker *m, uint32_t node)
{
	struct live_made *n = &m->nodes[node];
	const struct live_made *p = &m->nodes[n->parent];
	uint32_t leader = m->nodes[anybody(m)].group;
	const struct live_made *l = &m->nodes[leader];

	if (n->parent == 0 || leader == 0 || leader == n->group || n->session == node ||
	    n->session != p->session || l->session != p->session || l->ns != p->ns ||
	    !leads_somebody(m, leader) || (is_init(m, node) && n->ns == l->ns))
		return 0;
	int e = ask(
		m, n->parent,
		&(struct live_box){ .op = LIVE_SETPGID_CHILD, .a = n->pid, .b = m->s->boxes[leader].pid });
	if (e >= 0)
		n->group = leader;
	return e;
}

static void pick_name(struct maker *m, char out[static 16])
{
	static const char *const names[] = { "worker",      "a b",         ") R 1 (",
					     "line\nbreak", "back\\slash", "\xc3\xa4\xc3\xb6",
					     "\xff\xfe",    "kthread/0:1", "fifteen-letters",
					     "\"quoted\"" };

	snprintf(out, 16, "%s", names[below(m, sizeof names / sizeof *names)]);
}

static int new_name(struct maker *m, uint32_t node)
{
	struct live_box what = { .op = LIVE_NAME };

	pick_name(m, what.name);
	memcpy(m->nodes[node].name, what.name, sizeof what.name);
	return ask(m, node, &what);
}

static int new_thread(struct maker *m, uint32_t node)
{
	struct live_box what = { .op = LIVE_THREAD, .name = "thread" };

	if (m->nodes[node].threads == THREADS)
		return 0;
	if (may(m, LIVE_TREE_NAMES))
		pick_name(m, what.name);
	m->nodes[node].threads++;
	return ask(m, node, &what);
}

/* Who gets the children of `node` (R5.19, R5.20). */
static uint32_t reaper_of(const struct maker *m, uint32_t node)
{
	uint32_t ns = m->nodes[node].ns;

	for (uint32_t up = m->nodes[node].parent; up != 0 && m->nodes[up].ns == ns; up = m->nodes[up].parent)
		if (m->nodes[up].subreaper)
			return up;
	return ns;
}

static void orphan_children(struct maker *m, uint32_t node)
{
	uint32_t reaper = reaper_of(m, node);

	for (uint32_t i = 1; i < m->len; i++) {
		if (m->nodes[i].gone || m->nodes[i].parent != node)
			continue;
		m->nodes[i].parent = reaper;
		m->nodes[i].notify = SIGCHLD;
		m->nodes[reaper].children++;
	}
}

/* Dies and is reaped, whatever it leads.  Nobody of the tree may be left to the driver, which is outside. */
static int vanish(struct maker *m, uint32_t node)
{
	struct live_made *n = &m->nodes[node];

	if (node == 1 || is_init(m, node) || (n->children && reaper_of(m, node) == 0))
		return 0;
	tell(m, node, &(struct live_box){ .op = LIVE_EXIT, .a = 1 });
	int e = await_child(m, node, WEXITED);
	if (e < 0)
		return e;
	n->gone = true;
	m->nodes[n->parent].children--;
	orphan_children(m, node);
	return 0;
}

static int mark(struct maker *m, uint32_t node, bool on)
{
	m->nodes[node].subreaper = on;
	return ask(m, node, &(struct live_box){ .op = LIVE_SUBREAPER, .a = on });
}

/* A child of its parent's, which lives where it does itself: so the number that it is told is its parent's, too. */
static int sibling(struct maker *m, uint32_t node)
{
	const struct live_made *n = &m->nodes[node];
	uint32_t child = m->len, parent = n->parent;
	bool new_ns = may(m, LIVE_TREE_NAMESPACES) && n->level < LEVELS && chance(m, 20);

	if (is_init(m, node) || parent == 0 || m->nodes[parent].ns != n->ns || (n->threads && new_ns))
		return 0;
	struct live_box what = { .op = LIVE_FORK,
				 .a = (int32_t)child,
				 .b = CLONE_PARENT | (new_ns ? CLONE_NEWPID : 0) };
	int pid = ask(m, node, &what);
	if (pid < 0)
		return pid;
	int e = live_wait((uint32_t *)&m->s->boxes[child].pid, 0, PATIENCE_MS);
	if (e < 0)
		return e;
	m->nodes[child] = (struct live_made){ .parent = parent,
					      .ns = new_ns ? child : n->ns,
					      .group = n->group,
					      .session = n->session,
					      .pid = pid,
					      .number = m->s->boxes[child].pid,
					      .notify = n->notify,
					      .exit_code = -1,
					      .level = n->level + new_ns };
	m->nodes[parent].children++;
	m->len++;
	return 0;
}

static int wild_deed(struct maker *m, uint32_t node)
{
	switch (below(m, 5)) {
	case 0:
		return mark(m, node, node == 1 || chance(m, 60));
	case 1:
		return m->len < m->s->boxes_len - 1 ? sibling(m, node) : 0;
	default:
		return vanish(m, node);
	}
}

/* One random deed of somebody. */
static int deed(struct maker *m)
{
	uint32_t node = anybody(m);

	if (may(m, LIVE_TREE_WILD) && chance(m, 35))
		return wild_deed(m, node);
	if (may(m, LIVE_TREE_HELPED) && chance(m, 25))
		return move_child(m, node);
	switch (below(m, 5)) {
	case 0:
		return may(m, LIVE_TREE_SESSIONS) ? new_session(m, node) : 0;
	case 1:
		return may(m, LIVE_TREE_GROUPS) ? new_group(m, node) : 0;
	case 2:
		return may(m, LIVE_TREE_GROUPS) ? join_group(m, node) : 0;
	case 3:
		return may(m, LIVE_TREE_NAMES) ? new_name(m, node) : 0;
	default:
		return may(m, LIVE_TREE_THREADS) ? new_thread(m, node) : 0;
	}
}

/* A child of somebody: of the youngest, which makes chains, or of anybody. */
static int birth(struct maker *m)
{
	uint32_t parent = chance(m, 35) && !m->nodes[m->len - 1].gone ? m->len - 1 : anybody(m);
	bool new_ns = may(m, LIVE_TREE_NAMESPACES) && m->nodes[parent].level < LEVELS && chance(m, 12);
	int e = grow(m, parent, new_ns);

	return e == 0 && new_ns && chance(m, 50) ? new_session(m, m->len - 1) : e;
}

/* Numbers from the upper half of what the machine has: a part of it that the seed chooses. */
static int start_high(struct maker *m)
{
	FILE *f = fopen("/proc/sys/kernel/pid_max", "re");
	int max = 32768;

	if (f && fscanf(f, "%d", &max) != 1)
		max = 32768;
	if (f)
		fclose(f);
	return ask(m, 0,
		   &(struct live_box){ .op = LIVE_LAST_PID,
				       .a = max / 2 + (int)below(m, (uint32_t)max / 2 - 5000) });
}

static int populate(struct maker *m, unsigned size)
{
	int e = may(m, LIVE_TREE_HIGH) ? start_high(m) : 0;

	if (e >= 0)
		e = grow(m, 0, may(m, LIVE_TREE_NAMESPACES) && !may(m, LIVE_TREE_HIGH) && chance(m, 40));
	if (e >= 0 && may(m, LIVE_TREE_WILD))
		e = mark(m, 1, true); /* nobody is left to the driver */

	while (e >= 0 && m->len <= size && m->len < m->s->boxes_len)
		e = chance(m, 55) ? birth(m) : deed(m);
	for (unsigned i = 0; e >= 0 && i < size / 2; i++) /* the last born do something too */
		e = deed(m);
	return e < 0 ? e : 0;
}

/* --------------------------------------------------------------------------- dying and stopping -- */

static int die(struct maker *m, uint32_t node)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGHUP, SIGINT, SIGUSR1, SIGALRM, SIGPIPE, 34, 64 };
	static const int cores[] = { SIGABRT, SIGSEGV, SIGQUIT, SIGFPE, SIGSYS };
	struct live_made *n = &m->nodes[node];
	bool core = may(m, LIVE_TREE_CORES) && chance(m, 20);
	int signal = core || chance(m, 20) ? cores[below(m, sizeof cores / sizeof *cores)]
					   : signals[below(m, sizeof signals / sizeof *signals)];
	struct live_box what = { .op = LIVE_DIE, .a = signal, .b = core };
	int e = 0;

	if (chance(m, 50)) {
		what = (struct live_box){ .op = LIVE_EXIT, .a = (int32_t)below(m, 256) };
		n->exit_code = what.a;
		tell(m, node, &what);
	} else if (is_init(m, node)) { /* only from outside, and only by KILL */
		e = ask(m, n->parent, &(struct live_box){ .op = LIVE_KILL, .a = n->pid, .b = SIGKILL });
		n->exit_signal = SIGKILL;
	} else {
		tell(m, node, &what);
		n->exit_signal = signal;
	}
	n->dead = true;
	return e < 0 ? e : await_child(m, node, WEXITED | WNOWAIT);
}

static int stop(struct maker *m, uint32_t node)
{
	static const int signals[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
	struct live_made *n = &m->nodes[node];
	int e = 0;

	n->stopped = true;
	n->stop_signal = is_init(m, node) ? SIGSTOP : signals[below(m, 4)];
	if (is_init(m, node))
		e = ask(m, n->parent, &(struct live_box){ .op = LIVE_KILL, .a = n->pid, .b = SIGSTOP });
	else
		tell(m, node, &(struct live_box){ .op = LIVE_STOP, .a = n->stop_signal });
	if (e < 0)
		return e;
	return await_child(m, node, WSTOPPED | (chance(m, 50) ? WNOWAIT : 0));
}

/* Not even somebody who was put into its namespace from outside. */
static bool leaves_nobody(const struct maker *m, uint32_t node)
{
	if (m->nodes[node].children)
		return false;
	for (uint32_t i = 1; is_init(m, node) && i < m->len; i++)
		if (i != node && !m->nodes[i].gone && m->nodes[i].ns == node)
			return false;
	return true;
}

static int finish(struct maker *m)
{
	int e = 0;

	for (uint32_t i = 2; e >= 0 && i < m->len; i++)
		if (!m->nodes[i].gone && may(m, LIVE_TREE_ZOMBIES) && leaves_nobody(m, i) && chance(m, 30))
			e = die(m, i);
	for (uint32_t i = m->len - 1; e >= 0 && i > 0; i--)
		if (may(m, LIVE_TREE_STOPS) && !m->nodes[i].dead && !m->nodes[i].gone && chance(m, 10))
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
	t->shared = mmap(NULL, t->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->shared == MAP_FAILED) {
		t->shared = NULL;
		return -ENOMEM;
	}
	struct live_shared *s = t->shared;
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
	if (t->shared)
		munmap(t->shared, t->shared_size);
	free(t->made);
	if (t->core_dir[0])
		remove_cores(t->core_dir);
	*t = (struct live_tree){ .init_pidfd = -1 };
}
