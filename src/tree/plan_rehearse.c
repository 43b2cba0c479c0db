/* SPDX-License-Identifier: MIT */
/*
 * plan_rehearse.c: births and groups, acted out one after the other and logged.
 *
 * The rehearsal knows who is born and in which group everybody is at the moment, and does whatever can be done:
 * nothing that it does takes a possibility away, so it gets stuck only where a tree waits for itself.  A process
 *   1. makes the children that must be born in the group it is born in itself, and early ones;
 *   2. founds its group, or, once all that is early is done, its session; makes the other children;
 *   3. is moved to groups that it cannot name, one visit after the other, and makes children there;
 *   4. stands in where founders change places;
 *   5. settles: goes to the group that it ends in.
 * A founder that leaves its group on a visit comes home at once.  It leaves for good when its group has a member
 * that stays.
 *
 * plan_tasks.c has the queue of what can be tried, plan_moves.c the ways into groups and out of them.
 */
#include "plan_rehearsal.h"

#include <errno.h>
#include <signal.h>

/* ------------------------------------------------------------------------------------------ births -- */

static bool can_be_born(const struct planner *pl, int32_t c)
{
	return !plan__enters(pl, c) || pl->nodes[pl->t->namespaces[plan__process(pl, c)->ns].init].now.born;
}

static int enter(struct planner *pl, uint32_t actor, int32_t c)
{
	int32_t init = pl->t->namespaces[plan__process(pl, c)->ns].init, parent = plan__maker(pl, c);
	const struct plan_node *n = &pl->nodes[init];

	TRY(plan__await(pl, actor, n->now.born_event));
	if (parent == TREE_NONE && plan__maker(pl, init) != TREE_NONE)
		return plan__step(pl, actor, PLAN_ENTER_OPEN, n->actor, n->fd);
	return plan__step(pl, actor, PLAN_ENTER, n->actor,
			  parent == TREE_NONE ? 0 : (uint32_t)plan__number_in(pl->t, init, parent));
}

static int make(struct planner *pl, int32_t c)
{
	struct plan_node *n = &pl->nodes[c];
	uint32_t actor = plan__creator(pl, c);
	int32_t parent = plan__maker(pl, c);

	if (plan__enters(pl, c))
		TRY(enter(pl, actor, c));
	TRY(plan__step(pl, actor, PLAN_CHILD, n->actor, 0));
	if (plan__enters(pl, c))
		TRY(plan__step(pl, actor, PLAN_LEAVE, 0, 0));
	if (n->fd != NO_COUNTER)
		TRY(plan__step(pl, actor, PLAN_OPEN, n->actor, n->fd));
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
	if (!can_be_born(pl, c))
		return plan__park(pl, pl->t->namespaces[plan__process(pl, c)->ns].init, BIRTH, c);
	TRY(make(pl, c));
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
static bool stands_in_early(const struct planner *pl, int32_t i, int32_t f)
{
	return pl->nodes[i].born_early && !plan__sees(pl, i, f) && plan__mover_sees(pl, i, f);
}

/* Those that wait for a namespace to enter are born on another visit to the same group. */
static bool anybody_can_be_born(struct planner *pl, const struct plan_visit *v)
{
	for (int32_t c = v->first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit)
		if (!pl->nodes[c].now.born && can_be_born(pl, c))
			return true;
	return false;
}

/* `i` is moved to the group that `c` has to be born in, by its maker, and that before its own setsid(). */
static bool visits_early(const struct planner *pl, int32_t i, int32_t c)
{
	return pl->nodes[i].born_early && !plan__sees(pl, i, pl->nodes[c].birth_group);
}

static int born_on_visit(struct planner *pl, int32_t c)
{
	int32_t i = plan__maker(pl, c);

	TRY(make(pl, c));
	pl->nodes[i].now.on_visits_left--;
	if (visits_early(pl, i, c))
		TRY(early_thing_done(pl, plan__maker(pl, i)));
	return pl->nodes[c].born_early ? early_thing_done(pl, i) : 0;
}

static int visit(struct planner *pl, int32_t index)
{
	const struct plan_visit v = pl->visits[index];
	uint32_t by;

	if (!pl->nodes[v.group].now.exists)
		return plan__park(pl, v.group, VISIT, index);
	for (int32_t c = v.first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit)
		if (!can_be_born(pl, c))
			TRY(plan__park(pl, pl->t->namespaces[plan__process(pl, c)->ns].init, VISIT, index));
	if (!anybody_can_be_born(pl, &v))
		return 0;
	TRY(plan__leave_home(pl, v.process));
	TRY(plan__go(pl, v.process, v.group, true, &by));
	for (int32_t c = v.first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit)
		if (!pl->nodes[c].now.born && can_be_born(pl, c))
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
	if (stands_in_early(pl, i, f))
		TRY(early_thing_done(pl, plan__maker(pl, i)));
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
static bool settled_early(const struct planner *pl, int32_t i)
{
	const struct plan_node *n = &pl->nodes[i];

	return n->born_early && !n->leads_session && !n->anywhere && !plan__sees(pl, i, n->group) &&
	       plan__mover_sees(pl, i, n->group);
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
	return settled_early(pl, i) ? early_thing_done(pl, plan__maker(pl, i)) : 0;
}

static int settle(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];
	uint32_t by = n->actor;

	if (n->leads_session || n->anywhere || n->now.group == n->group)
		return settled(pl, i, by);
	if (!pl->nodes[n->group].now.exists)
		return plan__park(pl, n->group, SETTLE, i);
	if (n->founds) {
		if (!n->now.steady && !n->now.held)
			return plan__park(pl, i, SETTLE, i);
		n->now.exists_event = n->now.steady ? n->now.steady_event : n->now.held_event;
		TRY(plan__await(pl, n->actor, n->now.exists_event));
	}
	TRY(plan__go(pl, i, n->group, false, &by));
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
	if (stays_where_born(&pl->nodes[i]))
		TRY(settled(pl, i, pl->nodes[i].actor));
	TRY(births(pl, i, false));
	return advance(pl, i);
}

/* ------------------------------------------------------------------------------------- the whole -- */

static int do_task(struct planner *pl, const struct plan_task *task)
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
			if (stands_in_early(pl, i, pl->standins[s].group))
				pl->nodes[parent].now.early_left++;
		}
		if (parent == TREE_NONE)
			continue;
		pl->nodes[parent].now.at_birth_left += n->station == PLAN_AT_BIRTH;
		pl->nodes[parent].now.on_visits_left += n->station == PLAN_ON_VISIT;
		pl->nodes[parent].now.early_left += n->born_early;
		if (n->station == PLAN_ON_VISIT && visits_early(pl, parent, i))
			pl->nodes[plan__maker(pl, parent)].now.early_left++;
		pl->nodes[parent].now.early_left += settled_early(pl, i);
	}
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

		if (child->now.born || child->station != PLAN_LATE || !can_be_born(pl, c))
			continue;
		if (n->leads_session && !child->session_is_free)
			continue;
		if (n->leads_session)
			child->birth_session = n->birth_session;
		TRY(make(pl, c));
	}
	return 0;
}

static int do_all(struct planner *pl)
{
	struct plan_task task;

	while (plan__next_task(pl, &task))
		TRY(do_task(pl, &task));
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
	} while (pl->ready_first);
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
		if (!n->now.born && !can_be_born(pl, i))
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
	}
	for (int32_t i = pl->first_root; i != TREE_NONE; i = pl->nodes[i].next_sibling)
		TRY(plan__later(pl, BIRTH, i));
	return 0;
}

/* Everything as it was before the first rehearsal. */
static void forget(struct planner *pl)
{
	pl->log_len = pl->entries_len = pl->tasks_len = pl->ready_first = pl->ready_last = 0;
	pl->plan->counters_len = pl->plan->text_len = 0;
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
		return !n->now.settled && settled_early(pl, i);
	return (n->born_early || n->station == PLAN_AT_BIRTH) && !can_be_born(pl, i);
}

/* A short-lived child of its maker's carries session and group on, and makes it later, as its sibling. */
static int carry(struct planner *pl)
{
	int32_t len = (int32_t)pl->t->processes_len;

	for (int32_t i = 0; i < len; i++)
		if (could_be_carried(pl, i))
			TRY(plan__interpose(pl, i, plan__process(pl, plan__maker(pl, i))->ns));
	return 0;
}

#define REHEARSALS_MAX 16

int plan__rehearse(struct planner *pl)
{
	bool again = true;

	pl->rehearsed = false;
	for (int k = 0; k < REHEARSALS_MAX && again; k++) {
		TRY(rehearse(pl));
		if (all_settled(pl))
			return 0;
		TRY(plan__more_standins(pl, &again));
		if (pl->changed)
			return 0;
	}
	TRY(carry(pl));
	return pl->changed ? 0 : refuse_circle(pl);
}
