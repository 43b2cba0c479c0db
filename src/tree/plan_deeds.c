/* SPDX-License-Identifier: MIT */
/*
 * plan_deeds.c: what one process does in the rehearsal, one deed at a time.
 *
 * A process
 *   1. makes the children that must be born in the group it is born in itself, and early ones;
 *   2. founds its group, or, once all that is early is done, its session; makes the other children;
 *   3. is moved to groups that it cannot name, one visit after the other, and makes children there;
 *   4. stands in where founders change places;
 *   5. settles: goes to the group that it ends in.
 * A founder that leaves its group on a visit comes home at once.  It leaves for good when its group has a member
 * that stays.
 *
 * Keeps:   (R1) a deed that cannot be done yet is parked with the process that it waits for something about;
 *          (R2) none takes away what another could have done.
 */
#include "plan_rehearsal.h"

#include <errno.h>

/* ------------------------------------------------------------------------------------------ births -- */

bool plan__can_be_born(const struct planner *pl, int32_t c)
{
	return !plan__enters(pl, c) || pl->nodes[pl->t->namespaces[plan__process(pl, c)->ns].init].now.born;
}

static int enter(struct planner *pl, uint32_t actor, int32_t c)
{
	int32_t init = pl->t->namespaces[plan__process(pl, c)->ns].init, parent = plan__maker(pl, c);
	const struct plan_node *n = &pl->nodes[init];

	int32_t number = parent != TREE_NONE        ? plan__number_in(pl->t, init, parent)
			 : plan__creator_inside(pl) ? plan__process(pl, init)->nspid[0]
						    : 0;

	TRY(plan__await(pl, actor, n->now.born_event));
	if (parent == TREE_NONE && !number)
		TRY(plan__make_known(pl, init));
	return plan__step(pl, actor, PLAN_ENTER, n->actor, (uint32_t)number);
}

int plan__make(struct planner *pl, int32_t c)
{
	struct plan_node *n = &pl->nodes[c];
	uint32_t actor = plan__creator(pl, c);
	int32_t parent = plan__maker(pl, c);

	if (plan__enters(pl, c))
		TRY(enter(pl, actor, c));
	TRY(plan__step(pl, actor, PLAN_CHILD, n->actor, 0));
	if (plan__enters(pl, c))
		TRY(plan__step(pl, actor, PLAN_LEAVE, 0, 0));
	n->now.born = true;
	n->now.group = parent == TREE_NONE ? TREE_NONE : pl->nodes[parent].now.group;
	if (n->entered) {
		TRY(plan__event(pl, actor, &n->now.born_event));
		plan__wake(pl, c);
	}
	return plan__later(pl, START, c);
}

static int early_thing_done(struct planner *pl, int32_t i)
{
	return --pl->nodes[i].now.early_left == 0 ? plan__later(pl, ADVANCE, i) : 0;
}

static int birth(struct planner *pl, int32_t c)
{
	int32_t parent = plan__maker(pl, c);

	if (pl->nodes[c].now.born)
		return 0;
	if (!plan__can_be_born(pl, c))
		return plan__park(pl, pl->t->namespaces[plan__process(pl, c)->ns].init, BIRTH, c);
	TRY(plan__make(pl, c));
	if (parent == TREE_NONE)
		return 0;
	if (pl->nodes[c].station == PLAN_AT_BIRTH && --pl->nodes[parent].now.at_birth_left == 0)
		TRY(plan__later(pl, ADVANCE, parent));
	return pl->nodes[c].born_early ? early_thing_done(pl, parent) : 0;
}

static int births(struct planner *pl, int32_t i, bool late)
{
	bool all_at_once = !pl->nodes[i].founds && !pl->nodes[i].leads_session;

	for (int32_t c = pl->nodes[i].first_child; c != TREE_NONE; c = pl->nodes[c].next_sibling)
		if (pl->nodes[c].station != PLAN_ON_VISIT && !pl->nodes[c].now.born &&
		    (all_at_once || (pl->nodes[c].station == PLAN_LATE) == late))
			TRY(birth(pl, c));
	return 0;
}

/* ----------------------------------------------------------------------------- visits and stand-ins -- */

/* Its parent has to move it there. */
bool plan__stands_in_early(const struct planner *pl, int32_t i, int32_t f)
{
	return plan__is_moved_early(pl, i) && !plan__sees(pl, i, f) && plan__mover_sees(pl, i, f);
}

/* Those that wait for a namespace to enter are born on another visit to the same group. */
static bool anybody_can_be_born(struct planner *pl, const struct plan_visit *v)
{
	for (int32_t c = v->first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit)
		if (!pl->nodes[c].now.born && plan__can_be_born(pl, c))
			return true;
	return false;
}

/* `i` is moved to the group that `c` has to be born in, by its maker, and that before its own setsid(). */
bool plan__visits_early(const struct planner *pl, int32_t i, int32_t c)
{
	return plan__is_moved_early(pl, i) && !plan__sees(pl, i, pl->nodes[c].birth_group);
}

static int born_on_visit(struct planner *pl, int32_t c)
{
	int32_t i = plan__maker(pl, c);

	TRY(plan__make(pl, c));
	pl->nodes[i].now.on_visits_left--;
	if (plan__visits_early(pl, i, c))
		TRY(early_thing_done(pl, plan__mover(pl, i)));
	return pl->nodes[c].born_early ? early_thing_done(pl, i) : 0;
}

static int visit(struct planner *pl, int32_t index)
{
	const struct plan_visit v = pl->visits[index];
	uint32_t by;

	if (!pl->nodes[v.group].now.exists)
		return plan__park(pl, v.group, VISIT, index);
	for (int32_t c = v.first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit)
		if (!plan__can_be_born(pl, c))
			TRY(plan__park(pl, pl->t->namespaces[plan__process(pl, c)->ns].init, VISIT, index));
	if (!anybody_can_be_born(pl, &v))
		return 0;
	TRY(plan__leave_home(pl, v.process));
	TRY(plan__go(pl, v.process, v.group, true, &by));
	for (int32_t c = v.first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit)
		if (!pl->nodes[c].now.born && plan__can_be_born(pl, c))
			TRY(born_on_visit(pl, c));
	TRY(plan__come_home(pl, v.process));
	return plan__later(pl, ADVANCE, v.process);
}

static int stand_in(struct planner *pl, int32_t i)
{
	int32_t f = pl->standins[pl->nodes[i].now.standin].group;
	struct plan_rehearsal *there = &pl->nodes[f].now;
	uint32_t by;

	if (!there->exists)
		return plan__park(pl, f, STAND_IN, i);
	TRY(plan__leave_home(pl, i));
	TRY(plan__go(pl, i, f, true, &by));
	if (plan__stands_in_early(pl, i, f))
		TRY(early_thing_done(pl, plan__mover(pl, i)));
	there->held = true;
	TRY(plan__event(pl, by, &there->held_event));
	plan__wake(pl, f);
	return plan__park(pl, f, RETURN, i);
}

static int end_stand_in(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];
	int32_t f = pl->standins[n->now.standin].group;

	if (!pl->nodes[f].now.steady)
		return plan__park(pl, f, RETURN, i);
	TRY(plan__await(pl, n->actor, pl->nodes[f].now.steady_event));
	TRY(plan__come_home(pl, i));
	n->now.standin = pl->standins[n->now.standin].next;
	n->now.standing = false;
	n->now.stood = true;
	n->now.standins_left--;
	if (n->leads_session)
		TRY(early_thing_done(pl, i));
	return plan__later(pl, ADVANCE, i);
}

/* ---------------------------------------------------------------------------------------- settling -- */

/* Its parent has to move it to its last group, and is in their session before its own setsid() only. */
bool plan__settled_early(const struct planner *pl, int32_t i)
{
	const struct plan_node *n = &pl->nodes[i];
	bool comes_back = n->group == TREE_NONE && plan__process(pl, i)->ns != 0 &&
			  (n->founds || n->first_visit != TREE_NONE || n->first_standin != TREE_NONE) &&
			  plan__comes_back(pl, i);

	return plan__is_moved_early(pl, i) && !n->leads_session && !n->anywhere &&
	       ((!plan__sees(pl, i, n->group) && plan__mover_sees(pl, i, n->group)) || comes_back);
}

/* `i` is where it ends, put there by `actor`. */
static int settled(struct planner *pl, int32_t i, uint32_t actor)
{
	struct plan_node *n = &pl->nodes[i];
	struct plan_rehearsal *there = n->group < 0 ? NULL : &pl->nodes[n->group].now;

	n->now.settled = true;
	if (there && n->group != i && !there->steady) {
		there->steady = true;
		TRY(plan__event(pl, actor, &there->steady_event));
		if (!there->exists) { /* its founder is away, but it is not empty */
			there->exists = true;
			there->exists_event = there->steady_event;
		}
		plan__wake(pl, n->group);
	}
	TRY(plan__add_if(pl, actor, pl->k_placed, 1));
	return plan__settled_early(pl, i) ? early_thing_done(pl, plan__mover(pl, i)) : 0;
}

static int settle(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];
	uint32_t by = n->actor;

	if (n->leads_session || n->anywhere || n->now.group == n->group)
		return settled(pl, i, by);
	if (n->group != TREE_NONE && !pl->nodes[n->group].now.exists)
		return plan__park(pl, n->group, SETTLE, i);
	if (n->founds) {
		if (!n->now.steady && !n->now.held)
			return plan__park(pl, i, SETTLE, i);
		n->now.exists_event = n->now.steady ? n->now.steady_event : n->now.held_event;
		TRY(plan__await(pl, n->actor, n->now.exists_event));
	}
	TRY(n->group == TREE_NONE ? plan__go_outside(pl, i, &by) : plan__go(pl, i, n->group, false, &by));
	return settled(pl, i, by);
}

/* ---------------------------------------------------------------------------------- one process's life -- */

static int found(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	n->now.home = true;
	TRY(plan__step(pl, n->actor, n->leads_session ? PLAN_SETSID : PLAN_SETPGID, 0, 0));
	TRY(plan__group_exists(pl, i));
	return births(pl, i, true);
}

static int get_ready(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	n->now.ready = true;
	if (n->founds)
		TRY(found(pl, i));
	for (int32_t v = n->first_visit; v != TREE_NONE; v = pl->visits[v].next)
		TRY(plan__later(pl, VISIT, v));
	return 0;
}

/* Whatever it can do by now. */
static int advance(struct planner *pl, int32_t i)
{
	struct plan_rehearsal *now = &pl->nodes[i].now;

	if (!now->ready && !now->at_birth_left)
		TRY(get_ready(pl, i));
	if (!now->ready || now->on_visits_left || now->standing)
		return 0;
	if (now->standins_left) { /* see stand_ins() for the first one */
		now->standing = now->stood;
		return now->stood ? plan__later(pl, STAND_IN, i) : 0;
	}
	if (pl->nodes[i].leads_session && !now->home) {
		if (now->early_left)
			return 0;
		TRY(found(pl, i));
	}
	return now->settled ? 0 : settle(pl, i);
}

static bool stays_where_born(const struct plan_node *n)
{
	return !n->leads_session && !n->founds && (n->anywhere || n->now.group == n->group) &&
	       n->first_visit == TREE_NONE && n->first_standin == TREE_NONE;
}

static int start(struct planner *pl, int32_t i)
{
	int32_t parent = plan__maker(pl, i),
		inherits = parent == TREE_NONE ? TREE_NONE : pl->nodes[parent].namer;
	struct tree_str name = plan__name_of(plan__process(pl, i));

	pl->nodes[i].now.started = true;
	pl->nodes[i].namer = name.bytes ? i : inherits;
	if (name.bytes &&
	    (inherits == TREE_NONE || !plan__same_name(name, plan__name_of(plan__process(pl, inherits)))))
		TRY(plan__name(pl, pl->nodes[i].actor, name));
	if (pl->nodes[i].tells && plan__is_stray(pl, i)) /* later it may be dead */
		TRY(plan__tell(pl, i));
	if (plan__dies(pl, i)) /* who stays calls execve last of all, before it has threads */
		TRY(plan__reexec(pl, i));
	if (stays_where_born(&pl->nodes[i]))
		TRY(settled(pl, i, pl->nodes[i].actor));
	TRY(births(pl, i, false));
	return advance(pl, i);
}

/* ------------------------------------------------------------------------------------------ a task -- */

int plan__do_task(struct planner *pl, const struct plan_task *task)
{
	switch (task->kind) {
	case START:
		return start(pl, task->who);
	case ADVANCE:
		return advance(pl, task->who);
	case BIRTH:
		return birth(pl, task->who);
	case VISIT:
		return visit(pl, task->who);
	case STAND_IN:
		return stand_in(pl, task->who);
	case RETURN:
		return end_stand_in(pl, task->who);
	default:
		return pl->nodes[task->who].now.settled ? 0 : settle(pl, task->who);
	}
}
