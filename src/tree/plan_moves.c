/* SPDX-License-Identifier: MIT */
/*
 * plan_moves.c: how the rehearsal moves processes between groups.
 *
 * Keeps:   (E1) who enters a group by number waits for an event after which that has a member, and its founder does
 *               not leave it empty before all who wait for that event have entered;
 *          (E2) a process whose parent moves it waits for that, and its parent waits for what it has to do before.
 */
#include "plan_rehearsal.h"

#include <errno.h>

/* Its group can be entered from now on, or again. */
int plan__group_exists(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	n->now.group = i;
	n->now.exists = true;
	TRY(plan__event(pl, n->actor, &n->now.exists_event));
	plan__wake(pl, i);
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
int plan__leave_home(struct planner *pl, int32_t i)
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

int plan__come_home(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	if (!n->founds)
		return 0;
	TRY(plan__step(pl, n->actor, PLAN_SETPGID, 0, 0));
	if (!n->now.exists)
		return plan__group_exists(pl, i);
	n->now.group = i;
	return 0;
}

int plan__tell(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	if (n->now.told)
		return 0;
	pl->changed |= !n->tells;
	n->tells = n->now.told = true;
	TRY(plan__step(pl, n->actor, PLAN_TELL, n->tell_fd, 0));
	return plan__event(pl, n->actor, &n->now.told_event);
}

int plan__make_known(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	if (plan__maker(pl, i) == TREE_NONE || n->now.known)
		return 0;
	n->now.known = true;
	TRY(plan__tell(pl, i));
	TRY(plan__await(pl, 0, n->now.told_event));
	return plan__step(pl, 0, PLAN_HEAR, n->actor, n->tell_fd);
}

static int move_from_outside(struct planner *pl, int32_t i, int32_t f)
{
	TRY(plan__make_known(pl, i));
	TRY(plan__make_known(pl, f));
	return plan__step(pl, 0, PLAN_SETPGID_LIKE, pl->nodes[i].actor, pl->nodes[f].actor);
}

/* `actor`, its parent, has moved it: which is too late once it has called execve (R6.35). */
static int note_moved(struct planner *pl, int32_t i, uint32_t actor)
{
	pl->nodes[i].now.moved = true;
	return plan__event(pl, actor, &pl->nodes[i].now.moved_event);
}

/* Its parent moves `i` to group `f`.  `goes_on`: it has something to do there. */
int plan__move(struct planner *pl, int32_t i, int32_t f, bool goes_on)
{
	struct plan_node *n = &pl->nodes[i];
	int32_t mover = plan__mover(pl, i);
	uint32_t actor = mover == TREE_NONE ? pl->init : pl->nodes[mover].actor, event;

	if (n->sibling || n->first_child != TREE_NONE || n->founds || n->first_standin != TREE_NONE) {
		TRY(plan__event(pl, n->actor, &event));
		TRY(plan__await(pl, actor, event));
	}
	TRY(plan__await(pl, actor, pl->nodes[f].now.exists_event));
	if (mover == TREE_NONE && !plan__creator_inside(pl))
		TRY(move_from_outside(pl, i, f));
	else
		TRY(plan__step(pl, actor, PLAN_SETPGID_CHILD, n->actor,
			       (uint32_t)plan__number_for_mover(pl, f, i)));
	if (goes_on) {
		TRY(plan__event(pl, actor, &event));
		TRY(plan__await(pl, n->actor, event));
	}
	n->now.group = f;
	TRY(note_moved(pl, i, actor));
	return note_entry(pl, f, actor);
}

/* `i` gets into group `f`, which exists; *by is the actor that did it. */
int plan__go(struct planner *pl, int32_t i, int32_t f, bool goes_on, uint32_t *by)
{
	struct plan_node *n = &pl->nodes[i];

	if (!plan__sees(pl, i, f)) {
		*by = plan__mover(pl, i) == TREE_NONE ? pl->init : pl->nodes[plan__mover(pl, i)].actor;
		return plan__move(pl, i, f, goes_on);
	}
	*by = n->actor;
	TRY(plan__await(pl, n->actor, pl->nodes[f].now.exists_event));
	TRY(plan__step(pl, n->actor, PLAN_SETPGID, (uint32_t)plan__number_in(pl->t, f, i), 0));
	n->now.group = f;
	return note_entry(pl, f, n->actor);
}

/* Back to the group that it was born in: see plan__comes_back(). */
int plan__go_outside(struct planner *pl, int32_t i, uint32_t *by)
{
	struct plan_node *n = &pl->nodes[i];
	bool itself = plan__creator_inside(pl) && plan__process(pl, i)->ns == 0;
	int32_t mover = plan__mover(pl, i);
	uint32_t event;

	/* a helper init founds the group that is the one outside */
	pl->changed |= !pl->goes_outside;
	pl->goes_outside = true;
	n->now.group = TREE_NONE;
	*by = itself ? n->actor : mover == TREE_NONE ? pl->init : pl->nodes[mover].actor;
	if (itself)
		return plan__step(pl, *by, PLAN_SETPGID_OUTSIDE, n->actor, 0);
	TRY(plan__event(pl, n->actor, &event));
	TRY(plan__await(pl, *by, event));
	if (mover == TREE_NONE && !plan__creator_inside(pl))
		TRY(plan__make_known(pl, i));
	TRY(plan__step(pl, *by, PLAN_SETPGID_OUTSIDE, n->actor, 0));
	return note_moved(pl, i, *by);
}
