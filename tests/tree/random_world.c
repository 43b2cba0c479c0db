/* SPDX-License-Identifier: MIT */
/*
 * random_world.c: see random_world.h.
 *
 * Keeps:   (W1) calls may fail, as the model says; nobody knows beforehand what comes of it;
 *          (W2) no init joins a group founded inside its namespace, which could not be ended again (R5.30);
 *          (W3) the root marks itself a subreaper first, if it is no init, so nobody is left to the outside.
 */
#include "random_world.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pidns.h"

enum { PROCESSES = 96, SPACES = 32, LEVELS = 6 };

struct life {
	uint64_t random;
	struct pidns_world *world;
	struct pidns_task *outside;          /* makes the root, and puts others in */
	struct pidns_task *tasks[PROCESSES]; /* leaders, NULL once released; [0] is the root */
	struct pidns_ns *spaces[SPACES];
	int len, spaces_len;
	bool root_is_init;
	unsigned mood;
};

static unsigned roll(struct life *l, unsigned sides)
{
	l->random = l->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(l->random >> 33) % sides;
}

static void *get(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void put(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)size;
	free(p);
}

static void on_event(void *ctx, const struct pidns_event *e)
{
	struct life *l = ctx;

	for (int k = 0; e->type == PIDNS_EVENT_RELEASED && k < l->len; k++)
		if (l->tasks[k] == e->task)
			l->tasks[k] = NULL;
}

/* --------------------------------------------------------------------------------------------- deeds -- */

static bool acts(const struct pidns_task *t)
{
	return t && pidns_state(t) == PIDNS_RUNNING;
}

static bool is_init(const struct pidns_task *t)
{
	return pidns_id_number_in(pidns_task_id(t), pidns_task_ns(t)) == 1;
}

static struct pidns_task *anybody(struct life *l)
{
	for (int tries = 0; tries < 64; tries++) {
		struct pidns_task *t = l->tasks[roll(l, (unsigned)l->len)];

		if (acts(t))
			return t;
	}
	return NULL;
}

/* A number that one may name: somebody's, as `t` sees him. */
static int32_t number_for(struct life *l, const struct pidns_task *t, enum pidns_kind kind)
{
	const struct pidns_task *of = l->tasks[roll(l, (unsigned)l->len)];
	const struct pidns_id *id = of ? pidns_task_link(of, kind) : NULL;

	return id ? pidns_id_number_in(id, pidns_task_ns(t)) : 0;
}

static struct pidns_task *make(struct life *l, struct pidns_task *by, uint64_t flags, int32_t notify)
{
	struct pidns_clone_args args = { .flags = flags, .exit_signal = (uint64_t)notify };
	struct pidns_task *child;

	if (l->len == PROCESSES || pidns_clone3(by, &args, &child, NULL) < 0)
		return NULL;
	l->tasks[l->len++] = child;
	if (flags & PIDNS_CLONE_NEWPID && l->spaces_len < SPACES)
		l->spaces[l->spaces_len++] = pidns_task_ns(child);
	return child;
}

static void fork_one(struct life *l, struct pidns_task *t)
{
	uint64_t flags = 0;

	if (roll(l, 5) == 0 && pidns_ns_level(pidns_task_ns(t)) < LEVELS && l->spaces_len < SPACES)
		flags |= PIDNS_CLONE_NEWPID;
	if (roll(l, 5) == 0)
		flags |= PIDNS_CLONE_PARENT;
	make(l, t, flags, flags & PIDNS_CLONE_PARENT ? 0 : roll(l, 12) ? SIGCHLD : roll(l, 2) ? SIGUSR1 : 0);
}

static void move(struct life *l, struct pidns_task *t, int32_t pid)
{
	struct pidns_id *id = pid ? pidns_find(pidns_task_ns(t), pid) : pidns_task_id(t);
	const struct pidns_task *who = id ? pidns_id_task(id, PIDNS_PID) : NULL;
	int32_t group = roll(l, 3) ? number_for(l, t, PIDNS_PGID) : 0;
	const struct pidns_id *g = group ? pidns_find(pidns_task_ns(t), group) : NULL;

	if (!who || (is_init(who) && g && g != id && pidns_id_number_in(g, pidns_task_ns(who))))
		return; /* W2 */
	pidns_setpgid(t, pid, group);
}

static void enter(struct life *l, struct pidns_task *t)
{
	int32_t pid = roll(l, 3) ? number_for(l, t, PIDNS_PID) : pidns_getpid(t);
	struct pidns_pidfd *fd;

	if (pid <= 0 || pidns_pidfd_open(t, pid, 0, &fd) < 0)
		return;
	pidns_setns_pidfd(t, fd, PIDNS_CLONE_NEWPID);
	pidns_pidfd_close(fd);
}

static void end_one(struct life *l, struct pidns_task *t)
{
	static const int32_t signals[] = { SIGKILL, SIGTERM, SIGHUP, 40 };
	int32_t sig = signals[roll(l, 4)];

	if (t == l->tasks[0] || (is_init(t) && roll(l, 3)))
		return;
	if (is_init(t) || roll(l, 2)) {
		pidns_exit_group(t, (int32_t)roll(l, 256));
		return;
	}
	if (pidns_sigprocmask(t, PIDNS_SIG_UNBLOCK, (uint64_t)1 << (sig - 1)) == 0)
		pidns_kill(t, pidns_getpid(t), sig);
}

static void put_in(struct life *l)
{
	struct pidns_task *init = l->tasks[roll(l, (unsigned)l->len)];
	struct pidns_pidfd *fd;
	int32_t pid = init ? pidns_id_number_in(pidns_task_id(init), pidns_task_ns(l->outside)) : 0;

	if (!l->root_is_init || pid <= 0 || pidns_pidfd_open(l->outside, pid, 0, &fd) < 0)
		return;
	if (pidns_setns_pidfd(l->outside, fd, PIDNS_CLONE_NEWPID) == 0)
		make(l, l->outside, 0, SIGCHLD);
	pidns_pidfd_close(fd);
}

static void thread(struct life *l, struct pidns_task *t)
{
	const struct pidns_clone_args args = { .flags = PIDNS_CLONE_THREAD | PIDNS_CLONE_SIGHAND |
							PIDNS_CLONE_VM };
	struct pidns_task *child;

	if (pidns_clone3(t, &args, &child, NULL) == 0 && roll(l, 4) == 0 && !is_init(t) && t != l->tasks[0])
		pidns_exit(t, 0); /* a leader that is dead; nobody of ours acts for the others any more */
}

static struct pidns_task *zombie(struct life *l)
{
	for (int tries = 0; tries < 32; tries++) {
		struct pidns_task *t = l->tasks[roll(l, (unsigned)l->len)];

		if (t && pidns_state(t) == PIDNS_ZOMBIE)
			return t;
	}
	return NULL;
}

/* Somebody dead is reaped by whoever it was left to. */
static void bury(struct life *l)
{
	struct pidns_task *t = zombie(l), *parent = t ? pidns_parent(t) : NULL;
	struct pidns_waited w;

	if (parent && acts(parent))
		pidns_wait4(parent, pidns_id_number_in(pidns_task_id(t), pidns_task_ns(parent)),
			    PIDNS_WNOHANG | PIDNS_WALL, &w);
}

/* The first that it makes then is an init. */
static void unshare(struct life *l, struct pidns_task *t)
{
	if (l->spaces_len < SPACES && pidns_ns_level(pidns_task_ns(t)) < LEVELS &&
	    pidns_unshare(t, PIDNS_CLONE_NEWPID) == 0)
		l->spaces[l->spaces_len++] = pidns_task_children_ns(t);
}

/* Whose number is its group's or session's dies, and leaves that behind. */
static void end_leader(struct life *l)
{
	for (int tries = 0; tries < 16; tries++) {
		struct pidns_task *t = anybody(l);

		if (!t || pidns_task_link(t, PIDNS_PGID) != pidns_task_id(t))
			continue;
		end_one(l, t);
		return;
	}
}

enum deed {
	SESSION,
	GROUP,
	GROUP_OF_OTHER,
	END,
	END_LEADER,
	WAIT,
	BURY,
	MARK,
	ENTER,
	PUT_IN,
	UNSHARE,
	THREAD,
	FORK,
	DEEDS
};

/* How often each comes: lives differ in what they are full of. */
static const uint8_t moods[][DEEDS] = {
	{ 1, 1, 1, 3, 0, 2, 0, 1, 1, 1, 1, 1, 8 }, /* a bit of everything                 */
	{ 3, 2, 2, 2, 4, 0, 9, 2, 0, 0, 0, 0, 9 }, /* sessions whose leaders die           */
	{ 1, 5, 5, 1, 3, 0, 6, 1, 1, 0, 0, 0, 9 }, /* groups                               */
	{ 2, 2, 2, 2, 2, 0, 6, 2, 4, 3, 1, 0, 9 }, /* namespaces that are entered           */
	{ 3, 1, 3, 2, 3, 0, 6, 4, 1, 1, 0, 1, 6 }, /* marks, and orphans that follow them  */
};
#define MOODS_LEN (sizeof moods / sizeof *moods)

static enum deed choose(struct life *l)
{
	const uint8_t *mood = moods[l->mood];
	unsigned sum = 0, at, k = 0;

	for (unsigned d = 0; d < DEEDS; d++)
		sum += mood[d];
	for (at = roll(l, sum); at >= mood[k]; k++)
		at -= mood[k];
	return (enum deed)k;
}

static void deed(struct life *l)
{
	struct pidns_task *t = anybody(l);
	struct pidns_waited w;

	if (!t)
		return;
	switch (choose(l)) {
	case SESSION:
		pidns_setsid(t);
		break;
	case GROUP:
		move(l, t, 0);
		break;
	case GROUP_OF_OTHER:
		move(l, t, number_for(l, t, PIDNS_PID));
		break;
	case END:
		end_one(l, t);
		break;
	case END_LEADER:
		end_leader(l);
		break;
	case WAIT:
		pidns_wait4(t, -1, PIDNS_WNOHANG | PIDNS_WALL, &w);
		break;
	case BURY:
		bury(l);
		break;
	case MARK:
		if (t != l->tasks[0])
			pidns_set_subreaper(t, roll(l, 2));
		break;
	case ENTER:
		enter(l, t);
		break;
	case PUT_IN:
		put_in(l);
		break;
	case UNSHARE:
		unshare(l, t);
		break;
	case THREAD:
		thread(l, t);
		break;
	default:
		fork_one(l, t);
		break;
	}
}

/* --------------------------------------------------------------------------------------- written down -- */

static int space_of(const struct life *l, const struct pidns_ns *ns)
{
	for (int k = 0; k < l->spaces_len; k++)
		if (l->spaces[k] == ns)
			return k;
	return -1;
}

static int32_t level_0(const struct pidns_id *id)
{
	return id && pidns_id_level(id) >= 1 ? pidns_id_number(id, 1) : 0;
}

static struct tree_str label_of(const struct life *l, struct tree *t, const struct pidns_ns *ns)
{
	char label[8 * LEVELS + 32] = "", longer[sizeof label];

	for (; pidns_ns_level(ns) > 1; ns = pidns_ns_parent(ns)) {
		snprintf(longer, sizeof longer, "n%d%s%.40s", space_of(l, ns), label[0] ? "/" : "", label);
		memcpy(label, longer, sizeof label);
	}
	return tree_strdup(t, label, strlen(label));
}

static const int32_t *numbers_of(struct tree *t, const struct pidns_id *id, int levels)
{
	int32_t *nspid = tree_alloc(t, (size_t)levels * sizeof *nspid);

	assert(nspid);
	for (int k = 0; k < levels; k++)
		nspid[k] = pidns_id_number(id, k + 1);
	return nspid;
}

static bool is_in_tree(const struct life *l, const struct pidns_id *id)
{
	for (int k = 0; k < l->len; k++)
		if (l->tasks[k] && pidns_task_id(l->tasks[k]) == id)
			return true;
	return false;
}

/* The deepest namespace of the ghost's that a member is in. */
static const struct pidns_ns *seen_in(const struct life *l, const struct pidns_id *id)
{
	const struct pidns_ns *best = NULL;

	for (int k = 0; k < l->len; k++) {
		const struct pidns_task *m = l->tasks[k];

		if (!m || (pidns_task_link(m, PIDNS_PGID) != id && pidns_task_link(m, PIDNS_SID) != id))
			continue;
		for (const struct pidns_ns *ns = pidns_task_ns(m); pidns_ns_level(ns) >= 1;
		     ns = pidns_ns_parent(ns))
			if (pidns_id_number_in(id, ns) &&
			    (!best || pidns_ns_level(ns) > pidns_ns_level(best)))
				best = ns;
	}
	return best;
}

static void add_ghost(const struct life *l, struct tree *t, const struct pidns_id *id)
{
	const struct pidns_ns *ns;
	struct tree_ghost *g;

	if (!level_0(id) || is_in_tree(l, id))
		return;
	for (size_t k = 0; k < t->ghosts_len; k++)
		if (t->ghosts[k].nspid[0] == level_0(id))
			return;
	ns = seen_in(l, id);
	g = tree_ghost_add(t);
	assert(ns && g);
	g->levels = (uint8_t)pidns_ns_level(ns);
	g->nspid = numbers_of(t, id, g->levels);
	if (g->levels > 1)
		g->ns_label = label_of(l, t, ns);
}

static void add_threads(struct tree *t, struct tree_process *p, struct pidns_task *leader)
{
	uint32_t n = 1, k = 1;

	for (struct pidns_task *x = pidns_next_thread(leader); x != leader; x = pidns_next_thread(x))
		n++;
	if (n == 1)
		return;
	p->threads = tree_alloc(t, n * sizeof *p->threads);
	assert(p->threads);
	p->threads_len = n;
	p->threads[0].nspid = p->nspid;
	for (struct pidns_task *x = pidns_next_thread(leader); x != leader; x = pidns_next_thread(x))
		p->threads[k++].nspid = numbers_of(t, pidns_task_id(x), p->levels);
}

static void add_state(const struct life *l, struct tree *t, struct tree_process *p, struct pidns_task *task)
{
	enum pidns_state state = pidns_state(task);
	const struct pidns_ns *ns;
	int32_t status;

	if (state == PIDNS_ZOMBIE) {
		status = pidns_status(task);
		p->state = TREE_ZOMBIE;
		p->exit_signal = status & 0x7f ? (int16_t)(status & 0x7f) : TREE_ABSENT;
		p->exit_code = status & 0x7f ? TREE_ABSENT : (int16_t)(status >> 8 & 255);
		p->core_dumped = status & 0x7f ? 0 : TREE_ABSENT;
		return;
	}
	if (state == PIDNS_STOPPED) {
		p->state = TREE_STOPPED;
		p->stop_signal = (int16_t)pidns_stop_signal(task);
	}
	p->leader_dead = state == PIDNS_LEFT;
	p->subreaper = pidns_is_subreaper(task);
	add_threads(t, p, task);
	ns = pidns_task_children_ns(p->leader_dead ? pidns_next_thread(task) : task);
	if (ns != pidns_task_ns(task))
		p->children_ns_label = label_of(l, t, ns);
}

static bool add_process(const struct life *l, struct tree *t, struct pidns_task *task)
{
	struct tree_process *p = tree_process_add(t);
	const struct pidns_task *parent = pidns_parent(task);
	const struct pidns_id *id = pidns_task_id(task);

	assert(p);
	p->levels = (uint8_t)pidns_ns_level(pidns_task_ns(task));
	p->nspid = numbers_of(t, id, p->levels);
	parent = parent ? pidns_leader(parent) : NULL;
	p->ppid = parent && is_in_tree(l, pidns_task_id(parent)) ? level_0(pidns_task_id(parent)) : 0;
	p->pgid = level_0(pidns_task_link(task, PIDNS_PGID));
	p->sid = level_0(pidns_task_link(task, PIDNS_SID));
	p->notify_signal = (int16_t)pidns_exit_signal(task);
	if (p->notify_signal == SIGCHLD)
		p->notify_signal = TREE_ABSENT;
	if (p->levels > 1)
		p->ns_label = label_of(l, t, pidns_task_ns(task));
	add_state(l, t, p, task);
	if (pidns_state(task) == PIDNS_DYING) /* neither alive nor a zombie: a file knows no word for it */
		return false;
	return p->ppid != 0 || task == l->tasks[0] || l->root_is_init;
}

static struct tree *write_down(const struct life *l)
{
	struct tree *t = tree_new(NULL);
	bool whole = true;

	assert(t);
	for (int k = 0; k < l->len; k++)
		if (l->tasks[k])
			whole &= add_process(l, t, l->tasks[k]);
	for (int k = 0; k < l->len; k++) {
		if (!l->tasks[k])
			continue;
		add_ghost(l, t, pidns_task_link(l->tasks[k], PIDNS_PGID));
		add_ghost(l, t, pidns_task_link(l->tasks[k], PIDNS_SID));
	}
	if (whole)
		return t;
	tree_free(t);
	return NULL;
}

/* --------------------------------------------------------------------------------------------- frame -- */

/* Level 0 of the tree is below the machine's namespace. */
static void begin(struct life *l)
{
	struct pidns_task *machine, *init;

	assert(pidns_boot(l->world, &machine) == 0);
	assert(pidns_clone(machine, SIGCHLD, &l->outside, NULL) == 0);
	assert(pidns_sigprocmask(l->outside, PIDNS_SIG_SETMASK, ~(uint64_t)0) == 0);
	if (l->root_is_init) {
		assert(make(l, l->outside, PIDNS_CLONE_NEWPID, SIGCHLD));
		return;
	}
	assert(pidns_clone(l->outside, PIDNS_CLONE_NEWPID | SIGCHLD, &init, NULL) == 0);
	l->spaces[l->spaces_len++] = pidns_task_ns(init);
	assert(make(l, init, 0, SIGCHLD));
	pidns_set_subreaper(l->tasks[0], true);
}

/* Some stop; most have their children where they are themselves. */
static void finish(struct life *l)
{
	for (int k = l->len; k-- > 0;) {
		struct pidns_task *t = l->tasks[k];
		struct pidns_pidfd *fd;

		if (!acts(t))
			continue;
		if (roll(l, 4) && pidns_pidfd_open(t, pidns_getpid(t), 0, &fd) == 0) {
			pidns_setns_pidfd(t, fd, PIDNS_CLONE_NEWPID);
			pidns_pidfd_close(fd);
		}
		if (roll(l, 12) == 0 && !is_init(t))
			pidns_kill(t, pidns_getpid(t), SIGSTOP);
	}
}

struct tree *random_world(uint64_t seed, unsigned ops)
{
	struct life l = { .random = seed * 2654435761u + 99,
			  .root_is_init = seed & 1,
			  .mood = (unsigned)(seed >> 1) % MOODS_LEN };
	const struct pidns_env env = {
		.size = sizeof env, .ctx = &l, .alloc = get, .free = put, .event = on_event
	};
	struct tree *t;

	assert(pidns_world_new(&env, NULL, &l.world) == 0);
	begin(&l);
	for (unsigned k = 0; k < ops; k++)
		deed(&l);
	finish(&l);
	t = write_down(&l);
	pidns_world_free(l.world);
	return t;
}
