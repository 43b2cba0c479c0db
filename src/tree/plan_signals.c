/* SPDX-License-Identifier: MIT */
/*
 * plan_signals.c: exit signals: what a parent gets when a process dies.
 *
 * Whoever makes a child chooses its signal; CLONE_PARENT gives a sibling the maker's own; who is left to another parent
 * has SIGCHLD from then on (R5.21), and so has who calls execve.  So a process whose parent made it may have any.  One
 * that the leader of its session made as a sibling tells which signal that one was born with; if it has SIGCHLD now, and
 * its parent still is the one that it was born to, it has called execve: so does the placeholder, when all its siblings
 * are born.
 *
 * SIGKILL and SIGSTOP cannot be blocked: a parent would die, or stop, when its child does.  Not an init, which takes none
 * from inside; nor one that has called execve since that child was born, which gets SIGCHLD then.  Who has not has been
 * stopped, and is continued (plan_ends.c).
 *
 * Keeps:   (G1) siblings by one maker have one signal, or SIGCHLD.
 */
#include "plan_internal.h"

#include <errno.h>
#include <signal.h>

int plan__notify(const struct planner *pl, int32_t i)
{
	int sig = plan__process(pl, i)->notify_signal;

	return sig == TREE_ABSENT ? SIGCHLD : sig;
}

static int refuse_second(struct planner *pl, int32_t c, int32_t leader)
{
	struct plan_who who;

	return plan__refuse(
		pl, c,
		"%s made it with CLONE_PARENT, so its exit signal is what that one was born with, or "
		"SIGCHLD: it cannot be %d beside %d",
		plan__who(pl, leader, &who), plan__notify(pl, c), plan__notify(pl, leader));
}

/*
 * `c`, whose signal differs, is to be a sibling of `leader`, whose parent gets no orphans from there, or none with such a
 * signal.
 */
int plan__beside(struct planner *pl, int32_t c, int32_t leader)
{
	int16_t sig = plan__process(pl, c)->notify_signal;

	if (plan__notify(pl, c) == SIGCHLD)
		return plan__by_reexec(pl, c, leader);
	if (plan__notify(pl, leader) != SIGCHLD)
		return refuse_second(pl, c, leader);
	pl->birth.processes[leader].notify_signal = sig;
	pl->nodes[leader].reexecs = true;
	plan__set_maker(pl, c, leader, true);
	return 0;
}

/* A helper beside `maker`, which loses that one's signal and makes `c` beside itself. */
int plan__by_reexec(struct planner *pl, int32_t c, int32_t maker)
{
	int32_t session = pl->nodes[c].birth_session, h = pl->nodes[maker].first_helper;

	while (h != TREE_NONE && (!pl->nodes[h].reexecs || pl->nodes[h].birth_session != session))
		h = pl->nodes[h].next_helper;
	if (h == TREE_NONE) {
		h = plan__helper(pl, maker, plan__process(pl, maker)->ns, session);
		if (h < 0)
			return h;
		pl->nodes[h].sibling = pl->nodes[h].reexecs = true;
		pl->birth.processes[h].notify_signal = plan__process(pl, maker)->notify_signal;
		pl->nodes[h].next_helper = pl->nodes[maker].first_helper;
		pl->nodes[maker].first_helper = h;
	}
	plan__set_maker(pl, c, h, true);
	return 0;
}

int plan__reexec(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	if (!n->reexecs)
		return 0;
	if (n->now.moved)
		TRY(plan__await(pl, n->actor, n->now.moved_event));
	TRY(plan__step(pl, n->actor, PLAN_REEXEC, pl->plan->reexecs_len++, 0));
	return plan__event(pl, n->actor, &n->reexec_event);
}

bool plan__hurts(int sig)
{
	return sig == SIGKILL || sig == SIGSTOP;
}

static bool could_have_called_execve(const struct tree_process *p)
{
	return p->notify_signal == TREE_ABSENT || p->notify_signal == SIGCHLD;
}

/* A dead child, whose end its parent has survived. */
static int survive(struct planner *pl, int32_t i)
{
	const struct tree_process *p = &pl->wanted->processes[i];
	int32_t parent = pl->nodes[i].parent;
	struct plan_who who;

	if (p->state != TREE_ZOMBIE || !plan__hurts(p->notify_signal))
		return 0;
	if (parent == TREE_NONE ? pl->init != 0 || p->notify_signal == SIGSTOP : plan__is_init(pl, parent))
		return 0; /* the restorer sees to a guard that is stopped */
	if (parent != TREE_NONE && could_have_called_execve(&pl->wanted->processes[parent])) {
		pl->nodes[parent].reexecs = true;
		return 0;
	}
	if (p->notify_signal == SIGKILL)
		return plan__refuse(
			pl, i,
			"it is dead, and its exit signal, SIGKILL, reached its parent, %s: only an "
			"execve keeps that off, and makes a process's own exit signal SIGCHLD",
			plan__who(pl, parent, &who));
	pl->nodes[i].stops_parent = pl->nodes[parent].is_stopped = true;
	return 0;
}

int plan__survive(struct planner *pl)
{
	for (size_t i = 0; i < pl->wanted->processes_len; i++)
		TRY(survive(pl, (int32_t)i));
	return 0;
}
