/* SPDX-License-Identifier: MIT */
/*
 * plan_standins.c: founders that ended in each other's groups.
 *
 * A founder may leave its group once somebody else is in it for good.  Founders that are each the only one to come
 * into the next one's group form a circle: none can be the first to leave.  Another process of their session keeps
 * one of the groups alive meanwhile, if there is one that can get in and from there to where it belongs.  It may be of
 * another circle, if that has got its own stand-in.
 *
 * Circles are found beforehand; founders that others would come to, only too late, are found by a rehearsal that gets
 * stuck, and it is held again.
 *
 * Costs:   one pass; with circles, also a sort of the processes by session.
 */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>

/* It leaves the group that it founded, and only one other founder comes into that. */
static bool may_be_in_circle(const struct plan_node *n, int32_t i)
{
	return n->founds && n->group != i && !n->steady_group && n->movers == 1;
}

/* Each founder ends in one group: following that, a walk that comes back to itself has found a circle. */
static uint32_t find_circles(struct planner *pl)
{
	uint32_t found = 0;

	for (int32_t i = 0; i < (int32_t)pl->t->processes_len; i++) {
		int32_t at = i;

		while (at != TREE_NONE && pl->nodes[at].walk == 0 && may_be_in_circle(&pl->nodes[at], at)) {
			pl->nodes[at].walk = i + 1;
			at = pl->nodes[at].group;
		}
		if (at == TREE_NONE || pl->nodes[at].walk != i + 1 || pl->nodes[at].in_circle)
			continue;
		for (; !pl->nodes[at].in_circle; at = pl->nodes[at].group)
			pl->nodes[at].in_circle = true;
		found++;
	}
	return found;
}

/* ---------------------------------------------------------------------------------------- candidates -- */

struct candidate {
	int32_t session; /* in which it can stand in */
	int32_t rank;    /* the lower, the less it disturbs */
	int32_t process;
};

static int by_session(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->session != y->session)
		return x->session < y->session ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->process < y->process ? -1 : 1;
}

/* Plain members first; then leaders of later sessions, whose children wait for it; then founders; last, leaders that
 * could just as well be born before their parent's setsid(), which then has to wait for them. */
static int32_t rank_of(const struct plan_node *n, int32_t i)
{
	if (n->anywhere)
		return 5;
	if (n->leads_session)
		return 1;
	return !n->founds ? 0 : n->group == i ? 2 : 3;
}

/* From another group it gets to its own one: by itself, by its parent, or by founding that. */
static bool gets_back(const struct planner *pl, int32_t i)
{
	const struct plan_node *n = &pl->nodes[i];

	return n->leads_session || n->anywhere || n->group == i || plan__sees(pl, i, n->group) ||
	       plan__mover_sees(pl, i, n->group) || plan__comes_back(pl, i);
}

/* An init in a group founded inside its namespace could not be ended (R5.30), not even for a moment. */
static bool gets_in(const struct planner *pl, int32_t i, int32_t group)
{
	if (plan__sees(pl, i, group))
		return !plan__is_init(pl, i);
	return plan__mover_sees(pl, i, group);
}

/* The other session that a leader could be born in, if it does not matter to any child; else its birth session. */
static int32_t other_session(const struct planner *pl, int32_t i)
{
	int32_t parent = plan__maker(pl, i);

	return pl->nodes[i].session_is_free && parent != TREE_NONE ? pl->nodes[parent].birth_session
								   : pl->nodes[i].birth_session;
}

static size_t list_candidates(const struct planner *pl, struct candidate *out)
{
	size_t len = 0;

	for (int32_t i = 0; i < (int32_t)pl->t->processes_len; i++) {
		const struct plan_node *n = &pl->nodes[i];

		if (n->never_stands_in || !gets_back(pl, i))
			continue;
		out[len++] = (struct candidate){ n->birth_session, rank_of(n, i), i };
		if (other_session(pl, i) != n->birth_session)
			out[len++] = (struct candidate){ other_session(pl, i), 4, i };
	}
	qsort(out, len, sizeof *out, by_session);
	return len;
}

static size_t first_of_session(const struct candidate *list, size_t len, int32_t session)
{
	size_t low = 0, high = len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle].session < session)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int give_standin(struct planner *pl, int32_t i, int32_t group, int32_t session)
{
	int32_t s = (int32_t)pl->standins_len;

	pl->nodes[i].session_is_free = false;
	if (pl->nodes[i].birth_session != session) {
		pl->nodes[i].birth_session = session;
		pl->nodes[i].born_early = true;
		pl->nodes[i].station = PLAN_EARLY;
	}

	if (plan__grow((void **)&pl->standins, &pl->standins_cap, pl->standins_len + 1,
		       sizeof *pl->standins) < 0)
		return -ENOMEM;
	pl->standins[pl->standins_len++] =
		(struct plan_standin){ .group = group, .next = pl->nodes[i].first_standin };
	pl->nodes[i].first_standin = s;
	return 0;
}

/* It could be the first to leave, and only its own group's members are missing. */
static bool is_blocked(const struct plan_node *n, int32_t i)
{
	return n->founds && n->group != i && n->now.ready && !n->now.on_visits_left && !n->now.settled &&
	       !n->now.steady && !n->now.held;
}

/* Before the first rehearsal it may be anybody; afterwards, somebody who was there when that got stuck, and did not
 * wait in vain as a stand-in already. */
static bool is_of_use(const struct planner *pl, int32_t i)
{
	const struct plan_node *n = &pl->nodes[i];

	return !n->in_circle && !n->stood_in_vain && !is_blocked(n, i) && (!pl->rehearsed || n->now.started);
}

/* The walk from founder to founder comes back; there are no more steps than processes until it would. */
static bool comes_round(const struct planner *pl, int32_t start)
{
	int32_t at = pl->nodes[start].group;

	for (size_t k = 0; k < pl->t->processes_len && at >= 0 && at != start; k++)
		at = pl->nodes[at].group;
	return at == start;
}

/* `circle`: any group of the circle will do, for when its founder can leave, so can the one before, and so on around. */
static int find_standin(struct planner *pl, int32_t start, bool circle, const struct candidate *list,
			size_t len, bool *found)
{
	int32_t session = plan__process(pl, start)->sid;

	circle = circle && comes_round(pl, start);
	for (size_t k = first_of_session(list, len, session); k < len && list[k].session == session; k++) {
		const struct plan_node *n = &pl->nodes[list[k].process];
		int32_t at = start;

		if (!is_of_use(pl, list[k].process))
			continue;
		if (n->birth_session != session && !n->session_is_free)
			continue; /* it stands in elsewhere by now */
		do {
			if (gets_in(pl, list[k].process, at)) {
				*found = true;
				return give_standin(pl, list[k].process, at, session);
			}
			at = pl->nodes[at].group;
		} while (circle && at != start);
	}
	return 0;
}

/* Nobody of the session can do it: a process that lives for this alone.  Where the session's leader lives it sees all
 * groups of the session. */
static int call_helper(struct planner *pl, int32_t i)
{
	int32_t session = plan__process(pl, i)->sid, leader = plan__founder(pl, session);
	int32_t h =
		plan__helper(pl, leader, leader == TREE_NONE ? 0 : plan__process(pl, leader)->ns, session);

	pl->changed = true;
	return h < 0 ? h : 0;
}

/* Each circle that is still open, by its first process; *open is one that stays so. */
static int settle_circles(struct planner *pl, const struct candidate *list, size_t len, bool *progress,
			  int32_t *open)
{
	*progress = false;
	*open = TREE_NONE;
	for (int32_t i = 0; i < (int32_t)pl->t->processes_len; i++) {
		bool found = false;
		int32_t at = i;

		if (!pl->nodes[i].in_circle || pl->nodes[i].walk < 0)
			continue;
		TRY(find_standin(pl, i, true, list, len, &found));
		for (; pl->nodes[at].in_circle && pl->nodes[at].walk >= 0; at = pl->nodes[at].group) {
			pl->nodes[at].in_circle = !found;
			pl->nodes[at].walk = -1; /* seen, in this pass */
		}
		*progress |= found;
		if (!found)
			*open = i;
	}
	for (size_t i = 0; i < pl->t->processes_len; i++)
		pl->nodes[i].walk = 0;
	return 0;
}

int plan__standins(struct planner *pl)
{
	struct candidate *list;
	bool progress;
	int32_t open;
	int r;

	if (!find_circles(pl))
		return 0;
	list = malloc(2 * pl->t->processes_len * sizeof *list);
	if (!list)
		return -ENOMEM;
	size_t len = list_candidates(pl, list);
	do
		r = settle_circles(pl, list, len, &progress, &open);
	while (r == 0 && progress && open != TREE_NONE);
	free(list);
	return r < 0 || open == TREE_NONE ? r : call_helper(pl, open);
}

/* Who stands in since the rehearsal got stuck is part of what keeps it so: somebody else, then. */
static int replace_standins(struct planner *pl, const struct candidate *list, size_t len, bool *found)
{
	for (int32_t i = 0; i < (int32_t)pl->t->processes_len; i++) {
		struct plan_node *n = &pl->nodes[i];
		int32_t s = n->first_standin;

		if (!n->now.standing || n->stood_in_vain)
			continue;
		n->stood_in_vain = true;
		n->first_standin = TREE_NONE;
		for (; s != TREE_NONE; s = pl->standins[s].next)
			TRY(find_standin(pl, pl->standins[s].group, true, list, len, found));
	}
	return 0;
}

/* Each founder is given one stand-in at most, and each stand-in is replaced once, so this comes to an end. */
static int more_standins(struct planner *pl, const struct candidate *list, size_t len, bool *found)
{
	TRY(replace_standins(pl, list, len, found));
	for (int32_t i = 0; !*found && i < (int32_t)pl->t->processes_len; i++) {
		if (!is_blocked(&pl->nodes[i], i) || pl->nodes[i].helped)
			continue;
		pl->nodes[i].helped = true;
		TRY(find_standin(pl, i, false, list, len, found));
	}
	return 0;
}

int plan__more_standins(struct planner *pl, bool *found)
{
	struct candidate *list = malloc(2 * pl->t->processes_len * sizeof *list);
	int r;

	*found = false;
	if (!list)
		return -ENOMEM;
	pl->rehearsed = true;
	r = more_standins(pl, list, list_candidates(pl, list), found);
	free(list);
	for (int32_t i = 0; r == 0 && !*found && !pl->changed && i < (int32_t)pl->wanted->processes_len;
	     i++) {
		if (!is_blocked(&pl->nodes[i], i) || pl->nodes[i].got_helper)
			continue;
		pl->nodes[i].got_helper = true;
		r = call_helper(pl, i);
	}
	return r;
}

/* Who waits for a group that it is to keep alive may be the one that the group's founder waits for: without it, then. */
void plan__release_standins(struct planner *pl)
{
	for (size_t i = 0; i < pl->t->processes_len; i++) {
		struct plan_node *n = &pl->nodes[i];

		if (!n->now.standing || n->never_stands_in)
			continue;
		n->never_stands_in = true;
		pl->changed = true;
	}
}
