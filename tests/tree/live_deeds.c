/* SPDX-License-Identifier: MIT */
/*
 * live_deeds.c: see live_deeds.h; R1, R2 and R4 of live_tree.c are kept here.
 */
#include "live_deeds.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "settid.h"

enum { PATIENCE_MS = 20000, LEVELS = 6, THREADS = 4 };

/* splitmix64 */
static uint64_t roll(struct maker *m)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t maker_below(struct maker *m, uint32_t limit)
{
	return (uint32_t)(roll(m) % limit);
}

bool maker_chance(struct maker *m, unsigned percent)
{
	return maker_below(m, 100) < percent;
}

bool maker_may(const struct maker *m, unsigned shape)
{
	return (m->shapes & shape) != 0;
}

/* -------------------------------------------------------------------------------------- commands -- */

void maker_tell(struct maker *m, uint32_t node, const struct live_box *what)
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

int maker_ask(struct maker *m, uint32_t node, const struct live_box *what)
{
	struct live_box *box = &m->s->boxes[node];
	uint32_t before = box->answered;

	maker_tell(m, node, what);
	int e = live_wait(&box->answered, before, PATIENCE_MS);
	return e < 0 ? e : box->result;
}

/* Anybody who is there, but the driver. */
static uint32_t anybody(struct maker *m)
{
	uint32_t node;

	do
		node = 1 + maker_below(m, m->len - 1);
	while (m->nodes[node].gone);
	return node;
}

int maker_await_child(struct maker *m, uint32_t node, int how)
{
	const struct live_made *n = &m->nodes[node];

	return maker_ask(m, n->parent, &(struct live_box){ .op = LIVE_AWAIT, .a = n->pid, .b = how });
}

/* --------------------------------------------------------------------------------------- growing -- */

static int pick_notify(struct maker *m)
{
	static const int signals[] = { 0, SIGUSR1, SIGUSR2, SIGTERM, SIGWINCH, SIGHUP, 34, 64 };

	if (!maker_may(m, LIVE_TREE_NOTIFY) || !maker_chance(m, maker_may(m, LIVE_TREE_WILD) ? 30 : 15))
		return SIGCHLD;
	return signals[maker_below(m, sizeof signals / sizeof *signals)];
}

bool maker_is_init(const struct maker *m, uint32_t node)
{
	return m->nodes[node].ns == node;
}

/* Where a child of `node` is to live: usually where it does itself; or in a namespace just below, whose init it sees. */
static uint32_t pick_ns(struct maker *m, uint32_t node)
{
	uint32_t other = anybody(m);

	if (!maker_may(m, LIVE_TREE_HELPED) || !maker_chance(m, 30) || !maker_is_init(m, other) ||
	    m->nodes[m->nodes[other].parent].ns != m->nodes[node].ns)
		return m->nodes[node].ns;
	return other;
}

/* The namespace's init as `node` sees it. */
static int enter(struct maker *m, uint32_t node, uint32_t ns)
{
	int32_t number = ns == m->nodes[node].ns ? m->s->boxes[node].pid : m->nodes[ns].pid;

	return maker_ask(m, node, &(struct live_box){ .op = LIVE_ENTER, .a = number });
}

static int grow_in(struct maker *m, uint32_t parent, bool new_ns, uint32_t ns)
{
	uint32_t child = m->len;
	const struct live_made *p = &m->nodes[parent];
	struct live_box what = {
		.op = LIVE_FORK, .a = (int32_t)child, .b = new_ns ? CLONE_NEWPID : 0, .c = pick_notify(m)
	};

	if (maker_may(m, LIVE_TREE_NUMBERS) && !new_ns && maker_chance(m, 50))
		what.d = 2 + (int32_t)maker_below(m, 30000);
	int pid = maker_ask(m, parent, &what);
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

int maker_grow(struct maker *m, uint32_t parent, bool new_ns)
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
	int e = maker_ask(m, node, &(struct live_box){ .op = LIVE_SETSID });
	if (e >= 0)
		m->nodes[node].session = m->nodes[node].group = node;
	return e;
}

static int new_group(struct maker *m, uint32_t node)
{
	if (m->nodes[node].session == node)
		return 0;
	int e = maker_ask(m, node, &(struct live_box){ .op = LIVE_SETPGID });
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
	if (n->session == node || maker_is_init(m, node) || leader == 0 || leader == n->group || node == 1)
		return 0;
	const struct live_made *l = &m->nodes[leader];
	if (l->session != n->session || l->ns != n->ns || !leads_somebody(m, leader))
		return 0;
	int e = maker_ask(m, node, &(struct live_box){ .op = LIVE_SETPGID, .a = m->s->boxes[leader].pid });
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

	if (n->execed || n->parent == 0 || leader == 0 || leader == n->group || n->session == node ||
	    n->session != p->session || l->session != p->session || l->ns != p->ns ||
	    !leads_somebody(m, leader) || (maker_is_init(m, node) && n->ns == l->ns))
		return 0;
	int e = maker_ask(
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

	snprintf(out, 16, "%s", names[maker_below(m, sizeof names / sizeof *names)]);
}

static int new_name(struct maker *m, uint32_t node)
{
	struct live_box what = { .op = LIVE_NAME };

	pick_name(m, what.name);
	memcpy(m->nodes[node].name, what.name, sizeof what.name);
	return maker_ask(m, node, &what);
}

static int new_thread(struct maker *m, uint32_t node)
{
	struct live_box what = { .op = LIVE_THREAD, .name = "thread" };

	if (m->nodes[node].threads == THREADS)
		return 0;
	if (maker_may(m, LIVE_TREE_NAMES))
		pick_name(m, what.name);
	m->nodes[node].threads++;
	return maker_ask(m, node, &what);
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

	if (node == 1 || maker_is_init(m, node) || (n->children && reaper_of(m, node) == 0))
		return 0;
	maker_tell(m, node, &(struct live_box){ .op = LIVE_EXIT, .a = 1 });
	int e = maker_await_child(m, node, WEXITED);
	if (e < 0)
		return e;
	n->gone = true;
	m->nodes[n->parent].children--;
	orphan_children(m, node);
	return 0;
}

int maker_mark(struct maker *m, uint32_t node, bool on)
{
	m->nodes[node].subreaper = on;
	return maker_ask(m, node, &(struct live_box){ .op = LIVE_SUBREAPER, .a = on });
}

/* A child of its parent's, which lives where it does itself: so the number that it is told is its parent's, too. */
static int sibling(struct maker *m, uint32_t node)
{
	const struct live_made *n = &m->nodes[node];
	uint32_t child = m->len, parent = n->parent;
	bool new_ns = maker_may(m, LIVE_TREE_NAMESPACES) && n->level < LEVELS && maker_chance(m, 20);

	if (maker_is_init(m, node) || parent == 0 || m->nodes[parent].ns != n->ns || (n->threads && new_ns))
		return 0;
	struct live_box what = { .op = LIVE_FORK,
				 .a = (int32_t)child,
				 .b = CLONE_PARENT | (new_ns ? CLONE_NEWPID : 0) };
	int pid = maker_ask(m, node, &what);
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

static int exec(struct maker *m, uint32_t node)
{
	struct live_made *n;

	/* rather a leader with a signal to lose */
	for (int tries = 0; tries < 8 && (m->nodes[node].session != node || m->nodes[node].notify == SIGCHLD);
	     tries++)
		node = anybody(m);
	n = &m->nodes[node];
	n->execed = true;
	n->threads = 0;
	n->notify = SIGCHLD;
	return maker_ask(m, node, &(struct live_box){ .op = LIVE_EXEC });
}

static int wild_deed(struct maker *m, uint32_t node)
{
	switch (maker_below(m, 6)) {
	case 0:
		return maker_mark(m, node, node == 1 || maker_chance(m, 60));
	case 1:
		return m->len < m->s->boxes_len - 1 ? sibling(m, node) : 0;
	case 2:
		return exec(m, node);
	default:
		return vanish(m, node);
	}
}

/* One random deed of somebody. */
int maker_deed(struct maker *m)
{
	uint32_t node = anybody(m);

	if (maker_may(m, LIVE_TREE_WILD) && maker_chance(m, 35))
		return wild_deed(m, node);
	if (maker_may(m, LIVE_TREE_HELPED) && maker_chance(m, 25))
		return move_child(m, node);
	switch (maker_below(m, 5)) {
	case 0:
		return maker_may(m, LIVE_TREE_SESSIONS) ? new_session(m, node) : 0;
	case 1:
		return maker_may(m, LIVE_TREE_GROUPS) ? new_group(m, node) : 0;
	case 2:
		return maker_may(m, LIVE_TREE_GROUPS) ? join_group(m, node) : 0;
	case 3:
		return maker_may(m, LIVE_TREE_NAMES) ? new_name(m, node) : 0;
	default:
		return maker_may(m, LIVE_TREE_THREADS) ? new_thread(m, node) : 0;
	}
}

/* A child of somebody: of the youngest, which makes chains, or of anybody. */
int maker_birth(struct maker *m)
{
	uint32_t parent = maker_chance(m, 35) && !m->nodes[m->len - 1].gone ? m->len - 1 : anybody(m);
	bool new_ns =
		maker_may(m, LIVE_TREE_NAMESPACES) && m->nodes[parent].level < LEVELS && maker_chance(m, 12);
	int e = maker_grow(m, parent, new_ns);

	return e == 0 && new_ns && maker_chance(m, 50) ? new_session(m, m->len - 1) : e;
}
