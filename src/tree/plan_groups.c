/* SPDX-License-Identifier: MIT */
/*
 * plan_groups.c: how each process gets into its process group.
 *
 * Three phases, each over before the next begins: (1) founders start their groups, right after their setsid()
 * and before their later children, who are then born in them (whoever needs the
 * outside group is born before); (2) whoever belongs elsewhere joins by number;
 * (3) founders that belong elsewhere leave.  A group exists only while it has a member, so a founder that
 * leaves a group into which others only move in phase 3 waits for those.  Founders that wait for each other in
 * a circle would need a stand-in member: refused.
 *
 * A process cannot name a group that was founded outside its namespace; it is in one by birth, or its outside
 * parent moves it there.
 */
#include "plan_internal.h"

#include <errno.h>

static bool is_founder(const struct plan_node *n)
{
	return n->founds || n->leads_session;
}

/* The group a process is in after phase 1. */
static int32_t early_group(const struct planner *pl, int32_t i)
{
	return is_founder(&pl->nodes[i]) ? plan__process(pl, i)->nspid[0] : pl->nodes[i].birth_group;
}

static void mark_founders(struct planner *pl)
{
	const struct tree *t = pl->t;

	for (size_t i = 0; i < t->processes_len; i++) {
		int32_t founder = t->processes[i].pgid ? tree_find(t, t->processes[i].pgid) : TREE_NONE;

		if (founder == TREE_NONE)
			continue;
		if (!pl->nodes[founder].leads_session)
			pl->nodes[founder].founds = true;
		if ((size_t)founder != i)
			pl->nodes[founder].has_members = true;
	}
}

/* The outside group has no number to join by: it is handed down by births, so whole lines are born in it. */
static void mark_outside(struct planner *pl)
{
	for (size_t k = pl->t->processes_len; k-- > 0;) {
		int32_t i = pl->order[k], parent = plan__process(pl, i)->parent;

		pl->nodes[i].needs_outside |= plan__process(pl, i)->pgid == 0;
		if (parent == TREE_NONE || !pl->nodes[i].needs_outside)
			continue;
		pl->nodes[parent].needs_outside = true;
		pl->nodes[i].before_group = pl->nodes[parent].founds;
	}
}

static void mark_births(struct planner *pl)
{
	for (size_t k = 0; k < pl->t->processes_len; k++) {
		int32_t i = pl->order[k];
		int32_t parent = plan__process(pl, i)->parent;

		if (parent == TREE_NONE)
			pl->nodes[i].birth_group = 0;
		else if (pl->nodes[i].born_early || pl->nodes[i].before_group)
			pl->nodes[i].birth_group = pl->nodes[parent].birth_group;
		else
			pl->nodes[i].birth_group = early_group(pl, parent);
	}
}

/* How `i` gets from the group it is in after phase 1 into its final one. */
static int choose_way(struct planner *pl, int32_t i)
{
	const struct tree *t = pl->t;
	const struct tree_process *p = plan__process(pl, i);
	struct plan_node *n = &pl->nodes[i];
	struct plan_who who;
	int32_t g;

	n->way = PLAN_GROUP_BORN;
	if (p->pgid == early_group(pl, i))
		return 0;
	if (n->leads_session)
		return plan__refuse(pl, i, "a session leader cannot leave the group it leads");
	if (p->pgid == 0)
		return plan__refuse(pl, i, "its group is outside the tree, and it is born in group %d",
				    (int)n->birth_group);
	g = tree_find(t, p->pgid);
	if (g == TREE_NONE)
		return plan__refuse(pl, i, "the leader of its group %d is dead", (int)p->pgid);
	if (plan__visible(t, g, i)) {
		n->way = n->founds ? PLAN_GROUP_MOVES : PLAN_GROUP_JOINS;
		return 0;
	}
	if (p->parent != TREE_NONE && plan__visible(t, g, p->parent) && plan__visible(t, i, p->parent) &&
	    !n->founds && t->processes[p->parent].sid == p->sid) {
		n->way = PLAN_GROUP_MOVED;
		return 0;
	}
	return plan__refuse(
		pl, i,
		"its group was founded outside its namespace, by %s: it can only be born in that, or "
		"be moved there by a parent outside, and neither is so here",
		plan__who(pl, g, &who));
}

/* Members that stay from phase 2 on make a group steady; movers arrive in phase 3. */
static void count_members(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	int32_t founder = p->pgid ? tree_find(pl->t, p->pgid) : TREE_NONE;
	uint8_t way = pl->nodes[i].way;

	if (founder == TREE_NONE)
		return;
	if (way == PLAN_GROUP_MOVES)
		pl->nodes[founder].movers++;
	else
		pl->nodes[founder].steady = true;
	/* R6.47: anchored by a living member whose parent is in another group of the same session; the roots' parent
	 * is the guard or the helper init, in the outside session */
	if (p->state == TREE_ZOMBIE)
		return;
	if (p->parent == TREE_NONE)
		pl->nodes[founder].anchored |= p->sid == 0;
	else
		pl->nodes[founder].anchored |= plan__process(pl, p->parent)->sid == p->sid &&
					       plan__process(pl, p->parent)->pgid != p->pgid;
}

/* Who waits for founder `at` to arrive in its new group: that group's founder, if it leaves it unsteady. */
static int32_t waiter_for(const struct planner *pl, int32_t at)
{
	int32_t next;

	if (pl->nodes[at].way != PLAN_GROUP_MOVES)
		return TREE_NONE;
	next = tree_find(pl->t, plan__process(pl, at)->pgid);
	return !pl->nodes[next].steady && pl->nodes[next].way == PLAN_GROUP_MOVES ? next : TREE_NONE;
}

/* Each founder moves into one group, so the waits form chains: one that comes back to itself is a circle. */
static int find_circles(struct planner *pl)
{
	for (size_t i = 0; i < pl->t->processes_len; i++) {
		uint32_t walk = (uint32_t)i + 1;
		int32_t at = (int32_t)i;

		while (at != TREE_NONE && pl->nodes[at].walk == 0) {
			pl->nodes[at].walk = walk;
			at = waiter_for(pl, at);
		}
		if (at != TREE_NONE && pl->nodes[at].walk == walk)
			return plan__refuse(
				pl, at,
				"it and others left the groups they had founded for each other's, "
				"which needs a stand-in member");
	}
	return 0;
}

int plan__groups(struct planner *pl)
{
	const struct tree *t = pl->t;
	int r;

	mark_founders(pl);
	mark_outside(pl);
	mark_births(pl);
	for (size_t i = 0; i < t->processes_len; i++) {
		r = choose_way(pl, (int32_t)i);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < t->processes_len; i++)
		count_members(pl, (int32_t)i);
	return find_circles(pl);
}
