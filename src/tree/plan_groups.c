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
#include <signal.h>
#include <stdlib.h>

static void forget_groups(struct plan_node *n)
{
	n->birth_group = NO_GROUP;
	n->first_visit = n->last_visit = n->next_on_visit = n->first_standin = TREE_NONE;
	n->founds = n->steady_member = n->steady_group = n->anchored = false;
	n->in_circle = n->helped = n->stood_in_vain = false;
	n->movers = 0;
	n->walk = 0;
}

static void mark_founders(struct planner *pl)
{
	const struct tree *t = pl->t;

	for (size_t i = 0; i < t->processes_len; i++)
		forget_groups(&pl->nodes[i]);
	for (size_t i = 0; i < t->processes_len; i++) {
		struct plan_node *n = &pl->nodes[i];

		n->group = n->anywhere ? NO_GROUP : plan__founder(pl, t->processes[i].pgid);
		if (n->group >= 0 && !pl->nodes[n->group].leads_session)
			pl->nodes[n->group].founds = true;
	}
}

/* ------------------------------------------------------------------------------- what is handed down -- */

static int refuse_second(struct planner *pl, int32_t i, int32_t whose)
{
	struct plan_who one, other;

	return plan__refuse(pl, i,
			    "%s and %s each need it in a group that neither it nor its parent can name, and "
			    "it can be born in one only",
			    plan__who(pl, pl->nodes[i].needs_it, &one), plan__who(pl, whose, &other));
}

/*
 * `c`, which has to be born in a group that its maker and parent `i` cannot be in, is left to that by somebody from
 * outside, if `i` is the init of their namespace.
 */
static bool can_be_adopted(const struct planner *pl, int32_t c, int32_t i)
{
	return c != i && pl->nodes[c].role == PLAN_WANTED && pl->nodes[c].parent == i &&
	       pl->nodes[c].low == TREE_NONE && plan__notify(pl, c) == SIGCHLD &&
	       plan__adopts(pl, i, plan__founder(pl, pl->nodes[c].birth_session)) &&
	       pl->nodes[c].birth_session != plan__process(pl, i)->nspid[0];
}

static int have_adopted(struct planner *pl, int32_t c, int32_t i)
{
	pl->changed = true;
	return plan__adopt(pl, c, i, plan__founder(pl, pl->nodes[c].birth_session));
}

/* `c`, for whose sake `i` needs a group, or somebody below it for whose sake it does, is left to an init there. */
static int relieve(struct planner *pl, int32_t i, int32_t c)
{
	while (c != i) {
		int32_t r = pl->nodes[c].parent;

		if (r != TREE_NONE && can_be_adopted(pl, c, r))
			return have_adopted(pl, c, r);
		i = c;
		c = pl->nodes[i].needs_it;
	}
	return 0;
}

/* One helper cannot be in both groups: `c` gets one of its own. */
static int split_helper(struct planner *pl, int32_t h, int32_t c)
{
	int32_t other =
		plan__helper(pl, plan__maker(pl, h), plan__process(pl, h)->ns, pl->nodes[h].birth_session);

	if (other < 0)
		return other;
	pl->nodes[other].adopter = pl->nodes[h].adopter;
	pl->nodes[other].sibling = pl->nodes[h].sibling;
	plan__set_maker(pl, c, other, pl->nodes[c].sibling);
	pl->changed = true;
	return 0;
}

/*
 * `i` was made by somebody of its session with CLONE_PARENT, and its parent, who never was in that session, cannot move
 * it.  Who made it can: as the parent that it has first, or rather a helper of its own, which dies and leaves it there.
 */
static bool can_be_moved(const struct planner *pl, int32_t i, int32_t group)
{
	const struct plan_node *n = &pl->nodes[i];
	int32_t maker = plan__maker(pl, i);

	return n->sibling && n->role == PLAN_WANTED && maker != TREE_NONE && plan__notify(pl, i) == SIGCHLD &&
	       plan__session(pl, maker) == n->birth_session && plan__sees(pl, maker, group) &&
	       plan__same_space(pl, maker, n->parent);
}

static int have_moved(struct planner *pl, int32_t i)
{
	int32_t maker = plan__maker(pl, i);

	pl->changed = true;
	return plan__by_helper(pl, i, maker, plan__process(pl, maker)->ns, pl->nodes[i].parent);
}

/* `i` must have been in `group`, which it cannot name, for the sake of `whose`: itself, or one that it makes. */
static int need(struct planner *pl, int32_t i, int32_t group, int32_t whose)
{
	struct plan_node *n = &pl->nodes[i];

	if (plan__mover_sees(pl, i, group) || n->birth_group == group)
		return 0;
	if (n->birth_group == NO_GROUP) {
		n->birth_group = group;
		n->needs_it = whose;
		return 0;
	}
	if (n->role == PLAN_HELPER && whose != i)
		return split_helper(pl, i, whose);
	TRY(relieve(pl, i, whose));
	if (!pl->changed)
		TRY(relieve(pl, i, n->needs_it));
	if (!pl->changed && (can_be_moved(pl, i, group) || can_be_moved(pl, i, n->birth_group)))
		return have_moved(pl, i);
	return pl->changed ? 0 : refuse_second(pl, i, whose);
}

/* What a process has to be born in, its maker must have been in. */
static int need_of_maker(struct planner *pl, int32_t i)
{
	int32_t maker = plan__maker(pl, i), group = pl->nodes[i].birth_group;
	const struct plan_node *m = maker == TREE_NONE ? NULL : &pl->nodes[maker];

	if (!m) /* the group outside: all others it is moved to */
		return 0;
	if (m->leads_session && !pl->nodes[i].born_early) {
		if (group == maker)
			return 0;
		if (pl->nodes[i].sibling)
			return plan__interpose(pl, i, plan__process(pl, maker)->ns);
		return plan__refuse(pl, i, "its group is of another session than its parent's");
	}
	if (pl->nodes[i].sibling && plan__sees(pl, maker, group))
		return 0; /* it goes there by itself */
	return need(pl, maker, group, i);
}

/* From the leaves up. */
static int gather_needs(struct planner *pl)
{
	for (size_t k = pl->t->processes_len; k-- > 0;) {
		int32_t i = pl->order[k];
		struct plan_node *n = &pl->nodes[i];

		if (!n->leads_session && !n->anywhere && !plan__sees(pl, i, n->group))
			TRY(need(pl, i, n->group, i));
		if (n->birth_group != NO_GROUP)
			TRY(need_of_maker(pl, i));
		if (pl->changed)
			return 0;
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

/* A helper of a session's leader begins in that one's group. */
static bool is_born_in(const struct planner *pl, int32_t i, int32_t group)
{
	const struct plan_node *n = &pl->nodes[i];
	int32_t maker = plan__maker(pl, i);

	return n->anywhere && n->birth_group == NO_GROUP && group == maker && group != TREE_NONE &&
	       pl->nodes[maker].leads_session && !n->born_early;
}

static int choose_station(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];
	int32_t maker = plan__maker(pl, i), v;
	const struct plan_node *p = maker == TREE_NONE ? NULL : &pl->nodes[maker];

	n->station = n->born_early ? PLAN_EARLY : PLAN_LATE;
	if (!p)
		return 0;
	if (n->birth_group == NO_GROUP || (p->leads_session && !n->born_early)) {
		/* saves it the joining; but who enters a namespace may have to wait for that */
		if (p->founds && p->birth_group == n->group && !plan__enters(pl, i))
			n->station = PLAN_AT_BIRTH;
		return 0;
	}
	if (n->birth_group == p->birth_group || is_born_in(pl, maker, n->birth_group)) {
		n->station = PLAN_AT_BIRTH;
		return 0;
	}
	TRY(find_visit(pl, maker, n->birth_group, &v));
	n->station = PLAN_ON_VISIT;
	n->next_on_visit = pl->visits[v].first_child;
	pl->visits[v].first_child = i;
	return 0;
}

/*
 * The group outside has a number all the same: for the guard, which is in it, and moves children of its own back; and where
 * level 0 has whoever makes the roots, for all in there.
 */
bool plan__comes_back(const struct planner *pl, int32_t i)
{
	int32_t mover = plan__mover(pl, i);

	if (plan__session(pl, i) != 0 || pl->nodes[i].group != TREE_NONE || pl->nodes[i].carried)
		return false;
	if (mover == TREE_NONE)
		return !pl->init || plan__process(pl, i)->ns == 0;
	if (!plan__creator_inside(pl))
		return false;
	return plan__process(pl, i)->ns == 0 ||
	       (plan__process(pl, mover)->ns == 0 &&
		(plan__session(pl, mover) == 0 || pl->nodes[mover].birth_session == 0));
}

/* A group that neither it nor its parent can name is lost with the first step out of it. */
static int check_stays(struct planner *pl, int32_t i)
{
	const struct plan_node *n = &pl->nodes[i];
	struct plan_who who;

	if (n->leads_session || n->birth_group == NO_GROUP || n->birth_group != n->group ||
	    plan__comes_back(pl, i))
		return 0;
	if ((n->founds || n->first_visit != TREE_NONE) && can_be_moved(pl, i, n->group))
		return have_moved(pl, i);
	if (n->founds)
		return plan__refuse(pl, i,
				    "it founded a group, and is in one that neither it nor its parent can "
				    "name: it can only have been born in that, and could not get back");
	for (int32_t v = n->first_visit; v != TREE_NONE; v = pl->visits[v].next) {
		for (int32_t c = pl->visits[v].first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit) {
			TRY(relieve(pl, i, c));
			if (!pl->changed)
				return plan__refuse(pl, i,
						    "it would have to leave its group to hand that of %s "
						    "down to a child, "
						    "and neither it nor its parent can name its own: it "
						    "could not get back",
						    plan__who(pl, pl->visits[v].group, &who));
		}
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------ members -- */

static void count_members(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	struct plan_node *n = &pl->nodes[i];
	int32_t parent = n->parent;

	if (n->group < 0)
		return;
	n->steady_member = n->group != i && !n->founds;
	pl->nodes[n->group].steady_group |= n->steady_member;
	pl->nodes[n->group].movers += n->group != i && n->founds;
	/* R6.47: anchored by a living member whose parent is in another group of the same session; the roots' parent
	 * is the guard or the helper init, in the outside session */
	if (p->state == TREE_ZOMBIE || plan__dies(pl, i))
		return;
	if (parent == TREE_NONE)
		pl->nodes[n->group].anchored |= p->sid == 0;
	else
		pl->nodes[n->group].anchored |= plan__process(pl, parent)->sid == p->sid &&
						plan__process(pl, parent)->pgid != p->pgid;
}

int plan__groups(struct planner *pl)
{
	size_t len = pl->t->processes_len;

	pl->visits_len = pl->standins_len = 0;
	mark_founders(pl);
	TRY(gather_needs(pl));
	if (pl->changed)
		return 0;
	for (size_t k = 0; k < len; k++)
		TRY(choose_station(pl, pl->order[k]));
	for (size_t i = 0; i < len; i++) {
		TRY(check_stays(pl, (int32_t)i));
		count_members(pl, (int32_t)i);
	}
	return 0;
}
