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
 * Keeps:   (E1) who enters a group by number waits for an event after which that has a member, and its founder does
 *               not leave it empty before all who wait for that event have entered;
 *          (E2) a process whose parent moves it waits for that, and its parent waits for what it has to do before.
 */
#include "plan_internal.h"

#include <errno.h>
#include <signal.h>

enum { START, ADVANCE, BIRTH, VISIT, STAND_IN, RETURN, SETTLE };

/* ------------------------------------------------------------------------------------------- tasks -- */

static int task_new(struct planner *pl, uint32_t kind, int32_t who, uint32_t *out)
{
	if (plan__grow((void **)&pl->tasks, &pl->tasks_cap, pl->tasks_len + 1, sizeof *pl->tasks) < 0)
		return -ENOMEM;
	*out = pl->tasks_len++;
	pl->tasks[*out] = (struct plan_task){ .kind = kind, .who = who };
	return 0;
}

static void enqueue(struct planner *pl, uint32_t task)
{
	pl->tasks[task].next = 0;
	if (pl->ready_last)
		pl->tasks[pl->ready_last].next = task;
	else
		pl->ready_first = task;
	pl->ready_last = task;
}

static int later(struct planner *pl, uint32_t kind, int32_t who)
{
	uint32_t task;

	TRY(task_new(pl, kind, who, &task));
	enqueue(pl, task);
	return 0;
}

/* To be tried again when something about process `on` has changed. */
static int park(struct planner *pl, int32_t on, uint32_t kind, int32_t who)
{
	uint32_t task;

	TRY(task_new(pl, kind, who, &task));
	pl->tasks[task].next = pl->nodes[on].now.waiting;
	pl->nodes[on].now.waiting = task;
	return 0;
}

static void wake(struct planner *pl, int32_t on)
{
	uint32_t task = pl->nodes[on].now.waiting, turned = 0;

	pl->nodes[on].now.waiting = 0;
	while (task) { /* first come, first tried */
		uint32_t next = pl->tasks[task].next;

		pl->tasks[task].next = turned;
		turned = task;
		task = next;
	}
	while (turned) {
		uint32_t next = pl->tasks[turned].next;

		enqueue(pl, turned);
		turned = next;
	}
}

/* ------------------------------------------------------------------------------------------ births -- */

static bool can_be_born(const struct planner *pl, int32_t c)
{
	return !plan__enters(pl, c) || pl->nodes[pl->t->namespaces[plan__process(pl, c)->ns].init].now.born;
}

static int enter(struct planner *pl, uint32_t actor, int32_t c)
{
	int32_t init = pl->t->namespaces[plan__process(pl, c)->ns].init, parent = plan__parent(pl, c);
	const struct plan_node *n = &pl->nodes[init];

	TRY(plan__await(pl, actor, n->now.born_event));
	if (parent == TREE_NONE && plan__parent(pl, init) != TREE_NONE)
		return plan__step(pl, actor, PLAN_ENTER_OPEN, n->actor, n->fd);
	return plan__step(pl, actor, PLAN_ENTER, n->actor,
			  parent == TREE_NONE ? 0 : (uint32_t)plan__number_in(pl->t, init, parent));
}

static int make(struct planner *pl, int32_t c)
{
	struct plan_node *n = &pl->nodes[c];
	uint32_t actor = plan__creator(pl, c);
	int32_t parent = plan__parent(pl, c);

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
		wake(pl, c);
	}
	return later(pl, START, c);
}

static int early_thing_done(struct planner *pl, int32_t i)
{
	return --pl->nodes[i].now.early_left == 0 ? later(pl, ADVANCE, i) : 0;
}

static int birth(struct planner *pl, int32_t c)
{
	int32_t parent = plan__parent(pl, c);

	if (!can_be_born(pl, c))
		return park(pl, pl->t->namespaces[plan__process(pl, c)->ns].init, BIRTH, c);
	TRY(make(pl, c));
	if (parent == TREE_NONE)
		return 0;
	if (pl->nodes[c].station == PLAN_AT_BIRTH && --pl->nodes[parent].now.at_birth_left == 0)
		TRY(later(pl, ADVANCE, parent));
	return pl->nodes[c].born_early ? early_thing_done(pl, parent) : 0;
}

static int births(struct planner *pl, int32_t i, enum plan_station one, enum plan_station other)
{
	for (int32_t c = pl->nodes[i].first_child; c != TREE_NONE; c = pl->nodes[c].next_sibling)
		if (pl->nodes[c].station == one || pl->nodes[c].station == other)
			TRY(birth(pl, c));
	return 0;
}

/* --------------------------------------------------------------------------- entering and leaving groups -- */

/* Its group can be entered from now on, or again. */
static int group_exists(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	n->now.group = i;
	n->now.exists = true;
	TRY(plan__event(pl, n->actor, &n->now.exists_event));
	wake(pl, i);
	return 0;
}

static bool ever_leaves_home(const struct plan_node *n, int32_t i)
{
	return n->founds && (n->group != i || n->first_visit != TREE_NONE || n->first_standin != TREE_NONE);
}

/* `actor` has put somebody into group `f` by its number. */
static int note_entry(struct planner *pl, int32_t f, uint32_t actor)
{
	struct plan_rehearsal *now = &pl->nodes[f].now;
	uint32_t event;

	if (!ever_leaves_home(&pl->nodes[f], f))
		return 0;
	if (plan__grow((void **)&pl->entries, &pl->entries_cap, pl->entries_len + 1, sizeof *pl->entries) < 0)
		return -ENOMEM;
	TRY(plan__event(pl, actor, &event));
	pl->entries[pl->entries_len] = (struct plan_entry){ event, now->entries };
	now->entries = pl->entries_len++;
	now->entries_len++;
	return 0;
}

/* A founder leaves its group, to come back: not before all have entered who count on its being there. */
static int leave_home(struct planner *pl, int32_t i)
{
	struct plan_rehearsal *now = &pl->nodes[i].now;
	uint32_t counter;

	if (!pl->nodes[i].founds)
		return 0;
	if (now->steady) {
		now->exists_event = now->steady_event;
		return plan__await(pl, pl->nodes[i].actor, now->steady_event);
	}
	now->exists = false;
	if (!now->entries_len)
		return 0;
	TRY(plan__counter(pl, now->entries_len, &counter));
	for (uint32_t k = 0, at = now->entries; k < now->entries_len; k++, at = pl->entries[at].next)
		pl->log[pl->entries[at].event].step =
			(struct plan_step){ .op = PLAN_ADD, .a = counter, .b = 1 };
	now->entries_len = 0;
	return plan__wait_if(pl, pl->nodes[i].actor, counter);
}

static int come_home(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	if (!n->founds)
		return 0;
	TRY(plan__step(pl, n->actor, PLAN_SETPGID, 0, 0));
	if (!n->now.exists)
		return group_exists(pl, i);
	n->now.group = i;
	return 0;
}

/* Its parent moves `i` to group `f`.  `goes_on`: it has something to do there. */
static int move(struct planner *pl, int32_t i, int32_t f, bool goes_on)
{
	struct plan_node *n = &pl->nodes[i];
	int32_t parent = plan__parent(pl, i);
	uint32_t actor = pl->nodes[parent].actor, event;

	if (n->first_child != TREE_NONE || n->founds || n->first_standin != TREE_NONE) {
		TRY(plan__event(pl, n->actor, &event));
		TRY(plan__await(pl, actor, event));
	}
	TRY(plan__await(pl, actor, pl->nodes[f].now.exists_event));
	TRY(plan__step(pl, actor, PLAN_SETPGID_CHILD, n->actor, (uint32_t)plan__number_in(pl->t, f, parent)));
	if (goes_on) {
		TRY(plan__event(pl, actor, &event));
		TRY(plan__await(pl, n->actor, event));
	}
	n->now.group = f;
	return note_entry(pl, f, actor);
}

/* `i` gets into group `f`, which exists; *by is the actor that did it. */
static int go(struct planner *pl, int32_t i, int32_t f, bool goes_on, uint32_t *by)
{
	struct plan_node *n = &pl->nodes[i];

	if (!plan__sees(pl, i, f)) {
		*by = plan__creator(pl, i);
		return move(pl, i, f, goes_on);
	}
	*by = n->actor;
	TRY(plan__await(pl, n->actor, pl->nodes[f].now.exists_event));
	TRY(plan__step(pl, n->actor, PLAN_SETPGID, (uint32_t)plan__number_in(pl->t, f, i), 0));
	n->now.group = f;
	return note_entry(pl, f, n->actor);
}

/* ----------------------------------------------------------------------------- visits and stand-ins -- */

/* Those that wait for a namespace to enter are born on another visit to the same group. */
static bool anybody_can_be_born(struct planner *pl, const struct plan_visit *v)
{
	for (int32_t c = v->first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit)
		if (!pl->nodes[c].now.born && can_be_born(pl, c))
			return true;
	return false;
}

static int born_on_visit(struct planner *pl, int32_t c)
{
	int32_t i = plan__parent(pl, c);

	TRY(make(pl, c));
	pl->nodes[i].now.on_visits_left--;
	if (pl->nodes[i].born_early)
		TRY(early_thing_done(pl, plan__parent(pl, i)));
	return pl->nodes[c].born_early ? early_thing_done(pl, i) : 0;
}

static int visit(struct planner *pl, int32_t index)
{
	const struct plan_visit v = pl->visits[index];

	if (!pl->nodes[v.group].now.exists)
		return park(pl, v.group, VISIT, index);
	for (int32_t c = v.first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit)
		if (!can_be_born(pl, c))
			TRY(park(pl, pl->t->namespaces[plan__process(pl, c)->ns].init, VISIT, index));
	if (!anybody_can_be_born(pl, &v))
		return 0;
	TRY(leave_home(pl, v.process));
	TRY(move(pl, v.process, v.group, true));
	for (int32_t c = v.first_child; c != TREE_NONE; c = pl->nodes[c].next_on_visit)
		if (!pl->nodes[c].now.born && can_be_born(pl, c))
			TRY(born_on_visit(pl, c));
	TRY(come_home(pl, v.process));
	return later(pl, ADVANCE, v.process);
}

static int stand_in(struct planner *pl, int32_t i)
{
	int32_t f = pl->standins[pl->nodes[i].now.standin].group;
	struct plan_rehearsal *there = &pl->nodes[f].now;
	uint32_t by;

	if (!there->exists)
		return park(pl, f, STAND_IN, i);
	TRY(leave_home(pl, i));
	TRY(go(pl, i, f, true, &by));
	there->held = true;
	TRY(plan__event(pl, by, &there->held_event));
	wake(pl, f);
	return park(pl, f, RETURN, i);
}

static int end_stand_in(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];
	int32_t f = pl->standins[n->now.standin].group;

	if (!pl->nodes[f].now.steady)
		return park(pl, f, RETURN, i);
	TRY(plan__await(pl, n->actor, pl->nodes[f].now.steady_event));
	TRY(come_home(pl, i));
	n->now.standin = pl->standins[n->now.standin].next;
	n->now.standing = false;
	n->now.standins_left--;
	if (n->leads_session)
		TRY(early_thing_done(pl, i));
	return later(pl, ADVANCE, i);
}

/* ---------------------------------------------------------------------------------------- settling -- */

/* `i` is where it ends, put there by `actor`. */
static int settled(struct planner *pl, int32_t i, uint32_t actor)
{
	struct plan_node *n = &pl->nodes[i];
	struct plan_rehearsal *there = n->group == TREE_NONE ? NULL : &pl->nodes[n->group].now;

	n->now.settled = true;
	if (there && n->group != i && !there->steady) {
		there->steady = true;
		TRY(plan__event(pl, actor, &there->steady_event));
		if (!there->exists) { /* its founder is away, but it is not empty */
			there->exists = true;
			there->exists_event = there->steady_event;
		}
		wake(pl, n->group);
	}
	TRY(plan__add_if(pl, actor, pl->k_placed, 1));
	return n->born_early && !n->leads_session && !plan__sees(pl, i, n->group)
		       ? early_thing_done(pl, plan__parent(pl, i))
		       : 0;
}

static int settle(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];
	uint32_t by = n->actor;

	if (n->leads_session || n->now.group == n->group)
		return settled(pl, i, by);
	if (!pl->nodes[n->group].now.exists)
		return park(pl, n->group, SETTLE, i);
	if (n->founds) {
		if (!n->now.steady && !n->now.held)
			return park(pl, i, SETTLE, i);
		n->now.exists_event = n->now.steady ? n->now.steady_event : n->now.held_event;
		TRY(plan__await(pl, n->actor, n->now.exists_event));
	}
	TRY(go(pl, i, n->group, false, &by));
	return settled(pl, i, by);
}

/* ---------------------------------------------------------------------------------- one process's life -- */

static int found(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	n->now.home = true;
	TRY(plan__step(pl, n->actor, n->leads_session ? PLAN_SETSID : PLAN_SETPGID, 0, 0));
	TRY(group_exists(pl, i));
	return births(pl, i, PLAN_LATE, PLAN_LATE);
}

static int get_ready(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	n->now.ready = true;
	if (n->founds)
		TRY(found(pl, i));
	else if (!n->leads_session)
		TRY(births(pl, i, PLAN_LATE, PLAN_LATE));
	for (int32_t v = n->first_visit; v != TREE_NONE; v = pl->visits[v].next)
		TRY(later(pl, VISIT, v));
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
	if (now->standins_left) {
		now->standing = true;
		return later(pl, STAND_IN, i);
	}
	if (pl->nodes[i].leads_session && !now->home) {
		if (now->early_left)
			return 0;
		TRY(found(pl, i));
	}
	return now->settled ? 0 : settle(pl, i);
}

static int start(struct planner *pl, int32_t i)
{
	int32_t parent = plan__parent(pl, i),
		inherits = parent == TREE_NONE ? TREE_NONE : pl->nodes[parent].namer;
	struct tree_str name = plan__name_of(plan__process(pl, i));

	pl->nodes[i].namer = name.bytes ? i : inherits;
	if (name.bytes &&
	    (inherits == TREE_NONE || !plan__same_name(name, plan__name_of(plan__process(pl, inherits)))))
		TRY(plan__name(pl, pl->nodes[i].actor, name));
	TRY(births(pl, i, PLAN_AT_BIRTH, PLAN_EARLY));
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
		int32_t parent = plan__parent(pl, i);

		n->now.group = TREE_NONE;
		n->now.standin = n->first_standin;
		for (int32_t s = n->first_standin; s != TREE_NONE; s = pl->standins[s].next) {
			n->now.standins_left++;
			n->now.early_left += n->leads_session;
		}
		if (parent == TREE_NONE)
			continue;
		pl->nodes[parent].now.at_birth_left += n->station == PLAN_AT_BIRTH;
		pl->nodes[parent].now.on_visits_left += n->station == PLAN_ON_VISIT;
		pl->nodes[parent].now.early_left += n->born_early;
		if (n->station == PLAN_ON_VISIT && pl->nodes[parent].born_early)
			pl->nodes[plan__parent(pl, parent)].now.early_left++;
		if (n->born_early && !n->leads_session && !plan__sees(pl, i, n->group))
			pl->nodes[parent].now.early_left++;
	}
}

/* Nothing can be done any more, and not everything is: somebody waits for what comes after it. */
static int refuse_circle(struct planner *pl)
{
	struct plan_who who;

	for (size_t k = 0; k < pl->t->processes_len; k++) {
		int32_t i = pl->order[k], parent = plan__parent(pl, i);
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
		TRY(later(pl, BIRTH, i));
	return 0;
}

int plan__rehearse(struct planner *pl)
{
	count_left(pl);
	TRY(task_new(pl, START, TREE_NONE, &pl->ready_first)); /* [0] means none */
	pl->ready_first = pl->ready_last = 0;
	TRY(begin(pl));
	while (pl->ready_first) {
		struct plan_task task = pl->tasks[pl->ready_first];

		pl->ready_first = task.next;
		if (!task.next)
			pl->ready_last = 0;
		TRY(do_task(pl, &task));
	}
	return refuse_circle(pl);
}
