/* SPDX-License-Identifier: MIT */
/*
 * plan_lower.c: leaders that are born lower than they end.
 *
 * A leader that is not below `r`, who has a child of its session, may have been so first.  Parents only move upwards: of
 * those above the leader the first whose parent is above `r`, too, or was, was born as a child of a child of `r`'s, which
 * died when that parent was the nearest subreaper.  Whoever the leader had made for `r` until then stayed behind.
 * Likewise a parent of a dead leader's members may have been below another one, while that leader was below both.
 *
 * Keeps:   nobody is born below himself.
 */
#include "plan_internal.h"

#include <errno.h>
#include <signal.h>

/* It is below `r`, or was: see lower().  The way up has an end: see can_be_lower(). */
bool plan__is_led_below(const struct planner *pl, int32_t leader, int32_t r)
{
	if (leader == TREE_NONE)
		return r == TREE_NONE;
	if (!pl->lowered || r == TREE_NONE)
		return plan__below(pl, leader, r);
	for (int32_t at = leader; at != TREE_NONE;
	     at = pl->nodes[at].low == TREE_NONE ? pl->nodes[at].parent : pl->nodes[at].low)
		if (at == r)
			return true;
	return false;
}

/*
 * `r`, of a session that is led elsewhere below its parent, may have been born to a helper of that leader's: then `above`
 * was above it, but not `z`.
 */
static bool was_below(const struct planner *pl, int32_t r, int32_t above, int32_t z)
{
	const struct plan_node *n = &pl->nodes[r];
	int32_t leader = plan__founder(pl, n->birth_session == FREE ? 0 : n->birth_session);

	return leader != TREE_NONE && leader != r && pl->nodes[leader].role == PLAN_WANTED &&
	       plan__session(pl, n->parent) != n->birth_session && plan__notify(pl, r) == SIGCHLD &&
	       plan__same_space(pl, leader, n->parent) && plan__below(pl, leader, n->parent) &&
	       plan__below(pl, leader, above) && !plan__below(pl, leader, z);
}

/* Orphans that find nobody on their way up are left to their namespace's init. */
static bool is_left_to(const struct planner *pl, int32_t r, int32_t above)
{
	return above != TREE_NONE && plan__is_init(pl, above) && r != TREE_NONE &&
	       plan__process(pl, r)->ns == plan__process(pl, above)->ns;
}

/* Of those above `leader`, or it: the one that was below `r`. */
static int32_t who_was_lower(const struct planner *pl, int32_t leader, int32_t r)
{
	int32_t above = pl->nodes[leader].parent;

	while (pl->nodes[leader].low != TREE_NONE ||
	       (!plan__below(pl, r, above) && !is_left_to(pl, r, above) &&
		!was_below(pl, r, above, leader))) {
		leader = pl->nodes[leader].low == TREE_NONE ? above : pl->nodes[leader].low;
		above = pl->nodes[leader].parent;
	}
	return leader;
}

/* The one that `z` is born in below `r`: that is in it, or was before its own setsid().  FREE: it has another. */
static int32_t session_below(const struct planner *pl, int32_t z, int32_t r)
{
	const struct plan_node *n = &pl->nodes[r];
	int32_t own = plan__session(pl, r), session = pl->nodes[z].birth_session;
	int32_t before = n->birth_session == FREE ? plan__session(pl, n->parent) : n->birth_session;

	if (session == FREE || session == own)
		return own;
	return n->leads_session && session == before ? session : FREE;
}

static bool can_be_lower(const struct planner *pl, int32_t z, int32_t r)
{
	const struct plan_node *n;

	if (z == TREE_NONE || r == TREE_NONE || z == r || plan__is_led_below(pl, r, z))
		return false;
	n = &pl->nodes[z];
	return n->low == TREE_NONE && n->role == PLAN_WANTED && !plan__is_init(pl, z) && r != n->parent &&
	       plan__same_space(pl, z, r) && plan__same_space(pl, z, n->parent) &&
	       plan__notify(pl, z) == SIGCHLD && session_below(pl, z, r) != FREE;
}

/* It is not born to its parent, and what it was to make beside itself is left to that, too. */
static int leave_siblings(struct planner *pl, int32_t z)
{
	int32_t parent = pl->nodes[z].parent;
	int32_t c = parent == TREE_NONE ? pl->first_kept : pl->nodes[parent].first_kept;

	for (; c != TREE_NONE; c = pl->nodes[c].next_kept)
		if (pl->nodes[c].sibling && plan__maker(pl, c) == z) {
			plan__set_maker(pl, c, TREE_NONE, false);
			TRY(plan__by_helper(pl, c, z, plan__process(pl, z)->ns, parent));
		}
	return 0;
}

static int lower(struct planner *pl, int32_t z, int32_t r)
{
	int32_t session = session_below(pl, z, r);
	int32_t h = plan__helper(pl, r, plan__process(pl, r)->ns, session);

	if (h < 0)
		return h;
	if (session != plan__session(pl, r)) {
		pl->nodes[r].birth_session = session;
		pl->nodes[r].needed_by = z;
	}
	pl->lowered = true;
	pl->nodes[h].adopter = pl->nodes[z].parent;
	pl->nodes[z].low = r;
	pl->nodes[z].birth_session = session;
	plan__set_maker(pl, z, h, false);
	return leave_siblings(pl, z);
}

bool plan__can_be_put_below(const struct planner *pl, int32_t i, int32_t r)
{
	return i != TREE_NONE && r != TREE_NONE && can_be_lower(pl, who_was_lower(pl, i, r), r);
}

int plan__put_below(struct planner *pl, int32_t i, int32_t r)
{
	return lower(pl, who_was_lower(pl, i, r), r);
}

/* The session's leader was below `r` first, and made `c` there. */
bool plan__can_be_left_behind(const struct planner *pl, int32_t c, int32_t r)
{
	int32_t leader = plan__founder(pl, pl->nodes[c].birth_session);

	return leader != TREE_NONE && plan__notify(pl, c) == SIGCHLD && plan__same_space(pl, leader, r) &&
	       can_be_lower(pl, who_was_lower(pl, leader, r), r);
}

int plan__leave_behind(struct planner *pl, int32_t c, int32_t r)
{
	int32_t leader = plan__founder(pl, pl->nodes[c].birth_session);

	if (!plan__is_led_below(pl, leader, r))
		TRY(lower(pl, who_was_lower(pl, leader, r), r));
	return plan__from_below(pl, c, r, leader);
}

/* `c` is to be born in a session whose leader is to be born in `c`'s own: neither could be first. */
static bool is_circle(const struct planner *pl, int32_t c, int32_t leader)
{
	return pl->nodes[c].leads_session && leader != TREE_NONE && pl->nodes[leader].leads_session &&
	       pl->nodes[leader].birth_session == plan__process(pl, c)->nspid[0];
}

bool plan__can_break_circle(const struct planner *pl, int32_t c, int32_t leader)
{
	return is_circle(pl, c, leader) && can_be_lower(pl, who_was_lower(pl, leader, c), c);
}

/* Then the other leader was below `c` first, and made those for which `c` was to be in its session. */
int plan__break_circle(struct planner *pl, int32_t c, int32_t leader)
{
	int32_t session = pl->nodes[c].birth_session;

	TRY(lower(pl, who_was_lower(pl, leader, c), c));
	pl->nodes[c].birth_session = FREE;
	for (int32_t k = pl->nodes[c].first_kept; k != TREE_NONE; k = pl->nodes[k].next_kept)
		if (k != leader && pl->nodes[k].birth_session == session)
			TRY(plan__from_below(pl, k, c, leader));
	return 0;
}
