/* SPDX-License-Identifier: MIT */
/*
 * plan_rehearse.c: births and groups, acted out one after the other and logged.
 *
 * The rehearsal knows who is born and in which group everybody is at the moment, and does whatever can be done:
 * nothing that it does takes a possibility away, so it gets stuck only where a tree waits for itself.
 *
 * plan_deeds.c has what a process does, plan_moves.c the ways into groups and out of them, plan_tasks.c the queue of
 * what can be tried.
 */
#include "plan_rehearsal.h"

#include <errno.h>
#include <signal.h>

/* What each process has to wait for. */
static void count_left(struct planner *pl)
{
	for (int32_t i = 0; i < (int32_t)pl->t->processes_len; i++) {
		struct plan_node *n = &pl->nodes[i];
		int32_t parent = plan__maker(pl, i);

		n->now.group = TREE_NONE;
		n->now.standin = n->first_standin;
		for (int32_t s = n->first_standin; s != TREE_NONE; s = pl->standins[s].next) {
			n->now.standins_left++;
			n->now.early_left += n->leads_session;
			if (plan__stands_in_early(pl, i, pl->standins[s].group))
				pl->nodes[plan__mover(pl, i)].now.early_left++;
		}
		if (parent == TREE_NONE)
			continue;
		pl->nodes[parent].now.at_birth_left += n->station == PLAN_AT_BIRTH;
		pl->nodes[parent].now.on_visits_left += n->station == PLAN_ON_VISIT;
		pl->nodes[parent].now.early_left += n->born_early;
		if (n->station == PLAN_ON_VISIT && plan__visits_early(pl, parent, i))
			pl->nodes[plan__mover(pl, parent)].now.early_left++;
		if (plan__settled_early(pl, i))
			pl->nodes[plan__mover(pl, i)].now.early_left++;
	}
}

/* It does not mind; if it is a helper, nor does the one that it makes. */
static void be_born_in(struct planner *pl, int32_t c, int32_t session)
{
	pl->nodes[c].birth_session = session;
	if (pl->nodes[c].role != PLAN_HELPER)
		return;
	pl->birth.processes[c].sid = session;
	for (int32_t k = pl->nodes[c].first_child; k != TREE_NONE; k = pl->nodes[k].next_sibling)
		pl->nodes[k].birth_session = session;
}

/*
 * Children that anybody could have made are made once their parent is in its last session and has its group: that
 * saves them steps.  Where that waits for a namespace to enter, which may be below such a child, they come now.
 */
static int births_at_once(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	if (!n->now.started || n->now.home || (!n->founds && !n->leads_session))
		return 0;
	for (int32_t c = n->first_child; c != TREE_NONE; c = pl->nodes[c].next_sibling) {
		struct plan_node *child = &pl->nodes[c];

		if (child->now.born || child->station != PLAN_LATE || !plan__can_be_born(pl, c))
			continue;
		if (n->leads_session && !child->session_is_free)
			continue;
		if (n->leads_session)
			be_born_in(pl, c, n->birth_session);
		TRY(plan__make(pl, c));
	}
	return 0;
}

static int do_all(struct planner *pl)
{
	struct plan_task task;

	while (!pl->changed && plan__next_task(pl, &task))
		TRY(plan__do_task(pl, &task));
	return 0;
}

/* Last of all, and founders after the others: while one stands in elsewhere its own group may not be there. */
static int stand_ins(struct planner *pl, bool founders)
{
	for (size_t k = 0; k < pl->t->processes_len; k++) {
		int32_t i = pl->order[k];
		struct plan_rehearsal *now = &pl->nodes[i].now;

		if (!now->ready || now->on_visits_left || !now->standins_left || now->standing ||
		    pl->nodes[i].founds != founders)
			continue;
		now->standing = true;
		TRY(plan__later(pl, STAND_IN, i));
	}
	return 0;
}

static int do_the_rest(struct planner *pl)
{
	do {
		TRY(do_all(pl));
		for (size_t k = 0; k < pl->t->processes_len; k++)
			TRY(births_at_once(pl, pl->order[k]));
		if (!pl->ready_first)
			TRY(stand_ins(pl, false));
		if (!pl->ready_first)
			TRY(stand_ins(pl, true));
	} while (pl->ready_first && !pl->changed);
	return 0;
}

/* Nothing can be done any more, and not everything is: somebody waits for what comes after it. */
static int refuse_circle(struct planner *pl)
{
	struct plan_who who;

	for (size_t k = 0; k < pl->t->processes_len; k++) {
		int32_t i = pl->order[k], parent = plan__maker(pl, i);
		const struct plan_node *n = &pl->nodes[i];

		if (n->now.settled || (parent != TREE_NONE && !pl->nodes[parent].now.born))
			continue;
		if (!n->now.born && !plan__can_be_born(pl, i))
			return plan__refuse(
				pl, i,
				"it is put into the namespace of %s, which cannot be born before it: each "
				"waits for the other",
				plan__who(pl, pl->t->namespaces[plan__process(pl, i)->ns].init, &who));
		if (!n->now.born && n->station == PLAN_ON_VISIT)
			return plan__refuse(
				pl, i,
				"it has to be born in the group of %s, which cannot be founded before it: "
				"each waits for the other",
				plan__who(pl, n->birth_group, &who));
	}
	for (int32_t i = 0; i < (int32_t)pl->t->processes_len; i++)
		if (pl->nodes[i].now.born && !pl->nodes[i].now.settled)
			return plan__refuse(pl, i,
					    "what it has to wait for has to wait for it: births, groups and "
					    "sessions that would each have to be there before the other");
	return 0;
}

/* Terminal stops do nothing in an orphaned group (R6.48): they come when everybody is in place. */
static int count_placed(struct planner *pl)
{
	const struct tree *t = pl->t;
	bool by_terminal = false;

	for (size_t i = 0; i < t->processes_len; i++)
		by_terminal |= t->processes[i].stop_signal > 0 && t->processes[i].stop_signal != SIGSTOP;
	pl->k_placed = NO_COUNTER;
	return by_terminal ? plan__counter(pl, (uint32_t)t->processes_len, &pl->k_placed) : 0;
}

static int begin(struct planner *pl)
{
	static const char guard[] = "settid-guard", init[] = "settid-init";

	TRY(count_placed(pl));
	TRY(plan__name(pl, 0, (struct tree_str){ guard, sizeof guard - 1 }));
	if (pl->init) {
		TRY(plan__step(pl, 0, PLAN_CHILD, pl->init, 0));
		TRY(plan__name(pl, pl->init, (struct tree_str){ init, sizeof init - 1 }));
		if (pl->goes_outside)
			TRY(plan__step(pl, pl->init, PLAN_SETPGID, 0, 0));
	}
	for (size_t i = 0; i < pl->t->processes_len; i++)
		if (pl->nodes[i].tells)
			TRY(plan__step(pl, 0, PLAN_LISTEN, pl->nodes[i].tell_fd, 0));
	for (int32_t i = pl->first_root; i != TREE_NONE; i = pl->nodes[i].next_sibling)
		TRY(plan__later(pl, BIRTH, i));
	return 0;
}

/* Everything as it was before the first rehearsal. */
static void forget(struct planner *pl)
{
	pl->log_len = pl->entries_len = pl->tasks_len = pl->ready_first = pl->ready_last = 0;
	pl->plan->counters_len = pl->plan->text_len = pl->plan->reexecs_len = 0;
	for (size_t i = 0; i < pl->t->processes_len; i++)
		pl->nodes[i].now = (struct plan_rehearsal){ 0 };
}

static int rehearse(struct planner *pl)
{
	forget(pl);
	count_left(pl);
	TRY(plan__tasks_init(pl));
	TRY(begin(pl));
	return do_the_rest(pl);
}

static bool all_settled(const struct planner *pl)
{
	for (size_t i = 0; i < pl->t->processes_len; i++)
		if (!pl->nodes[i].now.settled)
			return false;
	return true;
}

/* It waits for a namespace to enter, and its maker, to found a session or a group, for it; or that waits for the group
 * that it still has to move it to. */
static bool could_be_carried(const struct planner *pl, int32_t i)
{
	const struct plan_node *n = &pl->nodes[i];
	int32_t r = plan__maker(pl, i);

	if (n->sibling || r == TREE_NONE || !pl->nodes[r].now.born || plan__dies(pl, r))
		return false;
	if (n->now.born)
		return !n->now.settled && plan__settled_early(pl, i);
	return (n->born_early || n->station == PLAN_AT_BIRTH) && !plan__can_be_born(pl, i);
}

/* Its parent has to move it to some group before its own setsid(). */
static bool is_moved(const struct planner *pl, int32_t i)
{
	const struct plan_node *n = &pl->nodes[i];
	bool moved = plan__settled_early(pl, i);

	for (int32_t s = n->first_standin; s != TREE_NONE; s = pl->standins[s].next)
		moved |= plan__stands_in_early(pl, i, pl->standins[s].group);
	for (int32_t v = n->first_visit; v != TREE_NONE; v = pl->visits[v].next)
		moved |= plan__visits_early(pl, i, pl->visits[v].first_child);
	return moved;
}

/* Or that of somebody whom it makes as a sibling of its own. */
static bool or_siblings_are(const struct planner *pl, int32_t i)
{
	bool moved = is_moved(pl, i);

	for (int32_t c = pl->nodes[i].first_child; c != TREE_NONE; c = pl->nodes[c].next_sibling)
		moved |= pl->nodes[c].sibling && is_moved(pl, c);
	return moved;
}

/* A sibling of its helper's, which has been in all groups that it and its own siblings would have been moved to. */
static int carry_as_sibling(struct planner *pl, int32_t i)
{
	bool moved = or_siblings_are(pl, i);

	TRY(plan__interpose(pl, i, plan__process(pl, plan__maker(pl, i))->ns));
	pl->nodes[i].carried |= moved;
	for (int32_t c = pl->nodes[i].first_child; c != TREE_NONE; c = pl->nodes[c].next_sibling)
		pl->nodes[c].carried |= moved && pl->nodes[c].sibling;
	return 0;
}

/*
 * A short-lived child of its maker's carries session and group on, and makes it later: as its sibling, or, where a parent
 * has to move it, as its own child, which is left to its maker; but then it has SIGCHLD as its exit signal.
 */
static int carry(struct planner *pl)
{
	int32_t len = (int32_t)pl->t->processes_len;

	for (int32_t i = 0; i < len; i++) {
		int32_t r = plan__maker(pl, i);

		if (!could_be_carried(pl, i))
			continue;
		if (plan__notify(pl, i) == SIGCHLD && or_siblings_are(pl, i))
			TRY(plan__by_helper(pl, i, r, plan__process(pl, r)->ns, r));
		else
			TRY(carry_as_sibling(pl, i));
		pl->changed = true;
	}
	return 0;
}

#define REHEARSALS_MAX 16

int plan__rehearse(struct planner *pl)
{
	bool again = true;

	for (int k = 0; k < REHEARSALS_MAX && again; k++) {
		TRY(rehearse(pl));
		if (pl->changed || all_settled(pl))
			return 0;
		TRY(plan__more_standins(pl, &again));
		if (pl->changed)
			return 0;
	}
	TRY(carry(pl));
	if (!pl->changed)
		plan__release_standins(pl);
	return pl->changed ? 0 : refuse_circle(pl);
}
