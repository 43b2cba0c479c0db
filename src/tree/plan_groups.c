/* SPDX-License-Identifier: MIT */
/*
 * plan_groups.c: which groups a process has to be handed, and when it is born for that.
 *
 * A process whose namespace sees a group's founder joins the group by number, and may move its children there.
 * Any other group (one founded outside its namespace, and the outside group, which has no number at all) it gets in
 * two ways only: it is born in it, or its parent, if that sees the founder, moves it there.  So each process has a
 * set of groups that it must have been in without being able to name them: its own, and those that its children
 * must be born in.  Of these
 *   - one that the parent cannot name either is the group it has to be born in: there can be only one, and a process
 *     that leaves it never gets back;
 *   - any other is a visit: the parent moves it there, it makes the children that need that, and goes on.
 * All this concerns the session it is born in: a session's leader sees every group of its session.
 *
 * Costs:   linear: each process passes at most one group on to its parent.
 */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>

static int mark_founders(struct planner *pl)
{
	const struct tree *t = pl->t;

	for (size_t i = 0; i < t->processes_len; i++) {
		struct plan_node *n = &pl->nodes[i];

		n->birth_group = NO_GROUP;
		n->first_visit = n->last_visit = n->next_on_visit = n->first_standin = TREE_NONE;
		n->group = t->processes[i].pgid ? tree_find(t, t->processes[i].pgid) : TREE_NONE;
		if (n->group == TREE_NONE && t->processes[i].pgid)
			return plan__refuse(pl, (int32_t)i, "the leader of its group %d is dead",
					    (int)t->processes[i].pgid);
		if (n->group != TREE_NONE && !pl->nodes[n->group].leads_session)
			pl->nodes[n->group].founds = true;
	}
	return 0;
}

/* ------------------------------------------------------------------------------- what is handed down -- */

static int refuse_outside(struct planner *pl, int32_t i, int32_t group)
{
	struct plan_who who;

	return plan__refuse(pl, i,
			    "it has to be in the group of %s, which was founded outside its namespace, and "
			    "its parent, who could move it there, is outside the tree",
			    plan__who(pl, group, &who));
}

static int refuse_second(struct planner *pl, int32_t i, int32_t whose)
{
	struct plan_who one, other;

	return plan__refuse(pl, i,
			    "%s and %s each need it in a group that neither it nor its parent can name, and "
			    "it can be born in one only",
			    plan__who(pl, pl->nodes[i].needs_it, &one), plan__who(pl, whose, &other));
}

/* `i` must have been in `group`, which it cannot name, for the sake of `whose`. */
static int need(struct planner *pl, int32_t i, int32_t group, int32_t whose)
{
	struct plan_node *n = &pl->nodes[i];
	int32_t parent = plan__parent(pl, i);

	if (parent == TREE_NONE && group != TREE_NONE)
		return refuse_outside(pl, i, group);
	if (plan__sees(pl, parent, group) || n->birth_group == group)
		return 0;
	if (n->birth_group != NO_GROUP)
		return refuse_second(pl, i, whose);
	n->birth_group = group;
	n->needs_it = whose;
	return 0;
}

/* From the leaves up: what a process has to be born in, its parent must have been in. */
static int gather_needs(struct planner *pl)
{
	for (size_t k = pl->t->processes_len; k-- > 0;) {
		int32_t i = pl->order[k], parent = plan__parent(pl, i);
		struct plan_node *n = &pl->nodes[i];

		if (!n->leads_session && !plan__sees(pl, i, n->group))
			TRY(need(pl, i, n->group, i));
		if (n->birth_group == NO_GROUP || parent == TREE_NONE)
			continue;
		if (pl->nodes[parent].leads_session && !n->born_early)
			return plan__refuse(pl, i, "its group is of another session than its parent's");
		TRY(need(pl, parent, n->birth_group, i));
	}
	return 0;
}

/* -------------------------------------------------------------------------------------- when it is born -- */

/* The visit of `i` to `group`, new if there is none yet. */
static int find_visit(struct planner *pl, int32_t i, int32_t group, int32_t *out)
{
	int32_t v = pl->nodes[group].last_visit;

	/* the children of one process follow each other, so the last visit to a group tells all */
	if (v == TREE_NONE || pl->visits[v].process != i) {
		if (plan__grow((void **)&pl->visits, &pl->visits_cap, pl->visits_len + 1,
			       sizeof *pl->visits) < 0)
			return -ENOMEM;
		v = (int32_t)pl->visits_len++;
		pl->visits[v] = (struct plan_visit){ .process = i,
						     .group = group,
						     .first_child = TREE_NONE,
						     .next = pl->nodes[i].first_visit };
		pl->nodes[i].first_visit = pl->nodes[group].last_visit = v;
	}
	*out = v;
	return 0;
}

static int choose_station(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];
	int32_t parent = plan__parent(pl, i), v;
	const struct plan_node *p = parent == TREE_NONE ? NULL : &pl->nodes[parent];

	n->station = n->born_early ? PLAN_EARLY : PLAN_LATE;
	if (!p)
		return 0;
	if (n->birth_group == NO_GROUP) {
		/* saves it the joining; but who enters a namespace may have to wait for that */
		if (p->founds && p->birth_group == n->group && !plan__enters(pl, i))
			n->station = PLAN_AT_BIRTH;
		return 0;
	}
	if (n->birth_group == p->birth_group) {
		n->station = PLAN_AT_BIRTH;
		return 0;
	}
	TRY(find_visit(pl, parent, n->birth_group, &v));
	n->station = PLAN_ON_VISIT;
	n->next_on_visit = pl->visits[v].first_child;
	pl->visits[v].first_child = i;
	return 0;
}

/* A group that neither it nor its parent can name is lost with the first step out of it. */
static int check_stays(struct planner *pl, int32_t i)
{
	const struct plan_node *n = &pl->nodes[i];
	struct plan_who who;

	if (n->leads_session || n->birth_group == NO_GROUP || n->birth_group != n->group)
		return 0;
	if (n->founds)
		return plan__refuse(pl, i,
				    "it founded a group, and is in one that neither it nor its parent can "
				    "name: it can only have been born in that, and could not get back");
	if (n->first_visit != TREE_NONE)
		return plan__refuse(
			pl, i,
			"it would have to leave its group to hand that of %s down to a child, and neither "
			"it nor its parent can name its own: it could not get back",
			plan__who(pl, pl->visits[n->first_visit].group, &who));
	return 0;
}

/* ------------------------------------------------------------------------------------------ members -- */

static void count_members(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	struct plan_node *n = &pl->nodes[i];
	int32_t parent = p->parent;

	if (n->group == TREE_NONE)
		return;
	n->steady_member = n->group != i && !n->founds;
	pl->nodes[n->group].steady_group |= n->steady_member;
	pl->nodes[n->group].movers += n->group != i && n->founds;
	/* R6.47: anchored by a living member whose parent is in another group of the same session; the roots' parent
	 * is the guard or the helper init, in the outside session */
	if (p->state == TREE_ZOMBIE)
		return;
	if (parent == TREE_NONE)
		pl->nodes[n->group].anchored |= p->sid == 0;
	else
		pl->nodes[n->group].anchored |= plan__process(pl, parent)->sid == p->sid &&
						plan__process(pl, parent)->pgid != p->pgid;
}

int plan__groups(struct planner *pl)
{
	TRY(mark_founders(pl));
	TRY(gather_needs(pl));
	for (size_t k = 0; k < pl->t->processes_len; k++)
		TRY(choose_station(pl, pl->order[k]));
	for (size_t i = 0; i < pl->t->processes_len; i++) {
		TRY(check_stays(pl, (int32_t)i));
		count_members(pl, (int32_t)i);
	}
	return 0;
}
