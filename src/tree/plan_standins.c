/* SPDX-License-Identifier: MIT */
/*
 * plan_standins.c: founders that ended in each other's groups.
 *
 * A founder may leave its group once somebody else is in it for good.  Founders that are each the only one to come
 * into the next one's group form a circle: none can be the first to leave.  Another process of their session keeps
 * one of the groups alive meanwhile, if there is one that can get in and from there to where it belongs.
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
	if (n->leads_session)
		return 1;
	return !n->founds ? 0 : n->group == i ? 2 : 3;
}

/* From another group it gets to its own one: by itself, by its parent, or by founding that. */
static bool gets_back(const struct planner *pl, int32_t i)
{
	const struct plan_node *n = &pl->nodes[i];

	return n->leads_session || n->group == i || plan__sees(pl, i, n->group) ||
	       plan__sees(pl, plan__parent(pl, i), n->group);
}

/* An init in a group founded inside its namespace could not be ended (R5.30), not even for a moment. */
static bool gets_in(const struct planner *pl, int32_t i, int32_t group)
{
	if (plan__sees(pl, i, group))
		return !plan__is_init(pl, i);
	return plan__sees(pl, plan__parent(pl, i), group);
}

/* The other session that a leader could be born in, if it does not matter to any child; else its birth session. */
static int32_t other_session(const struct planner *pl, int32_t i)
{
	int32_t parent = plan__parent(pl, i);

	return pl->nodes[i].session_is_free && parent != TREE_NONE ? pl->nodes[parent].birth_session
								   : pl->nodes[i].birth_session;
}

static size_t list_candidates(const struct planner *pl, struct candidate *out)
{
	size_t len = 0;

	for (int32_t i = 0; i < (int32_t)pl->t->processes_len; i++) {
		const struct plan_node *n = &pl->nodes[i];

		if (n->in_circle || !gets_back(pl, i))
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

/* Any group of the circle will do: when its founder can leave, so can the one before, and so on around. */
static int settle_circle(struct planner *pl, int32_t start, const struct candidate *list, size_t len)
{
	int32_t session = plan__process(pl, start)->sid;

	for (size_t k = first_of_session(list, len, session); k < len && list[k].session == session; k++) {
		const struct plan_node *n = &pl->nodes[list[k].process];
		int32_t at = start;

		if (n->birth_session != session && !n->session_is_free)
			continue; /* it stands in elsewhere by now */
		do {
			if (gets_in(pl, list[k].process, at))
				return give_standin(pl, list[k].process, at, session);
			at = pl->nodes[at].group;
		} while (at != start);
	}
	return plan__refuse(pl, start,
			    "it and others left the groups that they had founded for each other's, and no "
			    "other process of the session can keep one of these alive meanwhile");
}

/* Each circle once, by its first process. */
static int settle_circles(struct planner *pl, const struct candidate *list, size_t len)
{
	for (int32_t i = 0; i < (int32_t)pl->t->processes_len; i++) {
		int32_t at = i;

		if (!pl->nodes[i].in_circle || pl->nodes[i].walk < 0)
			continue;
		for (; pl->nodes[at].walk >= 0; at = pl->nodes[at].group)
			pl->nodes[at].walk = -1;
		TRY(settle_circle(pl, i, list, len));
	}
	return 0;
}

int plan__standins(struct planner *pl)
{
	struct candidate *list;
	int r;

	if (!find_circles(pl))
		return 0;
	list = malloc(2 * pl->t->processes_len * sizeof *list);
	if (!list)
		return -ENOMEM;
	r = settle_circles(pl, list, list_candidates(pl, list));
	free(list);
	return r;
}
