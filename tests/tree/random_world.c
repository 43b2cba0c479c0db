/* SPDX-License-Identifier: MIT */
/*
 * random_world.c: see random_world.h.
 *
 * Keeps:   (W1) calls may fail, as the model says; nobody knows beforehand what comes of it;
 *          (W2) no init joins a group founded inside its namespace, which could not be ended again (R5.30);
 *          (W3) the root marks itself a subreaper first, if it is no init, so nobody is left to the outside.
 */
#include "random_world_life.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	EXEC,
	FORK,
	DEEDS
};

_Static_assert((int)DEEDS == (int)DEEDS_MAX, "a mood has a number for each deed");

/* How often each comes: lives differ in what they are full of. */
static const uint8_t moods[][DEEDS] = {
	{ 1, 1, 1, 3, 0, 2, 0, 1, 1, 1, 1, 1, 0, 8 }, /* a bit of everything                 */
	{ 3, 2, 2, 2, 4, 0, 9, 2, 0, 0, 0, 0, 0, 9 }, /* sessions whose leaders die           */
	{ 1, 5, 5, 1, 3, 0, 6, 1, 1, 0, 0, 0, 0, 9 }, /* groups                               */
	{ 2, 2, 2, 2, 2, 0, 6, 2, 4, 3, 1, 0, 0, 9 }, /* namespaces that are entered           */
	{ 3, 1, 3, 2, 3, 0, 6, 4, 1, 1, 0, 1, 0, 6 }, /* marks, and orphans that follow them  */
	{ 4, 2, 2, 1, 2, 0, 4, 1, 2, 2, 0, 1, 3, 9 }, /* exit signals, and execve, which loses them */
};
enum { MOODS_LEN = sizeof moods / sizeof *moods, OWN_MOODS = 4 };

/* One of the moods, or one of its own. */
static void get_into_mood(struct life *l, unsigned which)
{
	l->siblings = l->spaces_new = 5;
	l->odd = 12;
	if (which < MOODS_LEN) {
		memcpy(l->mood, moods[which], sizeof l->mood);
		if (l->mood[EXEC])
			l->siblings = l->odd = 2;
		return;
	}
	for (unsigned d = 0; d < DEEDS; d++)
		l->mood[d] = roll(l, 3) ? (uint8_t)roll(l, 8) : 0;
	l->mood[FORK] = (uint8_t)(6 + roll(l, 8));
	l->mood[BURY] = (uint8_t)(l->mood[END] + l->mood[END_LEADER]);
	l->siblings = 2 + roll(l, 6);
	l->spaces_new = 3 + roll(l, 20);
	l->odd = 2 + roll(l, 20);
}

/* Siblings have their maker's. */
static int32_t exit_signal(struct life *l, bool sibling)
{
	static const int32_t odd[] = { SIGUSR1, SIGUSR2, 0, SIGKILL, SIGSTOP };

	return sibling ? 0 : roll(l, l->odd) ? SIGCHLD : odd[roll(l, 5)];
}

static void fork_one(struct life *l, struct pidns_task *t)
{
	uint64_t flags = 0;

	if (roll(l, l->spaces_new) == 0 && pidns_ns_level(pidns_task_ns(t)) < LEVELS &&
	    l->spaces_len < SPACES)
		flags |= PIDNS_CLONE_NEWPID;
	if (roll(l, l->siblings) == 0)
		flags |= PIDNS_CLONE_PARENT;
	make(l, t, flags, exit_signal(l, flags & PIDNS_CLONE_PARENT));
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

/* Whoever is outside moves a child of its own to its group. */
static void put_back(struct life *l, struct pidns_task *t)
{
	const struct pidns_ns *outside = pidns_task_ns(l->outside);

	if (pidns_parent(t) == l->outside)
		pidns_setpgid(l->outside, pidns_id_number_in(pidns_task_id(t), outside),
			      pidns_getpid(l->outside));
}

static void put_in(struct life *l)
{
	struct pidns_task *init = l->tasks[roll(l, (unsigned)l->len)];
	struct pidns_pidfd *fd;
	int32_t pid = init ? pidns_id_number_in(pidns_task_id(init), pidns_task_ns(l->outside)) : 0;

	if (!l->root_is_init || pid <= 0 || pidns_pidfd_open(l->outside, pid, 0, &fd) < 0)
		return;
	if (pidns_setns_pidfd(l->outside, fd, PIDNS_CLONE_NEWPID) == 0)
		make(l, l->outside, 0, exit_signal(l, false));
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

/* Rather somebody who has one to lose, and siblings that show it. */
static void lose_signal(struct life *l, struct pidns_task *t)
{
	for (int tries = 0; tries < 8 && t; tries++) {
		if (pidns_exit_signal(t) != SIGCHLD && pidns_task_link(t, PIDNS_SID) == pidns_task_id(t))
			break;
		t = anybody(l);
	}
	if (t)
		pidns_exec(t);
}

static enum deed choose(struct life *l)
{
	const uint8_t *mood = l->mood;
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
		if (roll(l, 2))
			put_in(l);
		else
			put_back(l, t);
		break;
	case UNSHARE:
		unshare(l, t);
		break;
	case THREAD:
		thread(l, t);
		break;
	case EXEC:
		lose_signal(l, t);
		break;
	default:
		fork_one(l, t);
		break;
	}
}

/* --------------------------------------------------------------------------------------------- frame -- */

/* Level 0 of the tree is below the machine's namespace. */
static void begin(struct life *l)
{
	struct pidns_task *machine, *init;

	assert(pidns_boot(l->world, &machine) == 0);
	assert(pidns_clone(machine, SIGCHLD, &l->outside, NULL) == 0);
	assert(pidns_sigprocmask(l->outside, PIDNS_SIG_SETMASK, ~(uint64_t)0) == 0);
	assert(pidns_setpgid(l->outside, 0, 0) == 0);
	if (l->root_is_init) {
		assert(make(l, l->outside, PIDNS_CLONE_NEWPID, SIGCHLD));
		return;
	}
	assert(pidns_clone(l->outside, PIDNS_CLONE_NEWPID | SIGCHLD, &init, NULL) == 0);
	l->spaces[l->spaces_len++] = pidns_task_ns(init);
	assert(make(l, init, 0, SIGCHLD));
	pidns_set_subreaper(l->tasks[0], true);
}

/* A child's exit signal stops; somebody continues them, sooner or later, or never. */
static void continue_some(struct life *l)
{
	for (int k = 0; k < l->len; k++) {
		struct pidns_task *t = l->tasks[k];

		if (t && pidns_state(t) == PIDNS_STOPPED && roll(l, 8) == 0)
			pidns_kill(l->outside,
				   pidns_id_number_in(pidns_task_id(t), pidns_task_ns(l->outside)), SIGCONT);
	}
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
	struct life l = { .random = seed * 2654435761u + 99, .root_is_init = seed & 1 };
	const struct pidns_env env = {
		.size = sizeof env, .ctx = &l, .alloc = get, .free = put, .event = on_event
	};
	struct tree *t;

	get_into_mood(&l, (unsigned)(seed >> 1) % (MOODS_LEN + OWN_MOODS));
	assert(pidns_world_new(&env, NULL, &l.world) == 0);
	begin(&l);
	for (unsigned k = 0; k < ops; k++) {
		deed(&l);
		continue_some(&l);
	}
	finish(&l);
	t = random_world_tree(&l);
	pidns_world_free(l.world);
	return t;
}
