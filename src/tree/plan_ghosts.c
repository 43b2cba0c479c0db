/* SPDX-License-Identifier: MIT */
/*
 * plan_ghosts.c: where dead leaders of sessions and groups lived.
 *
 * A dead leader of a group alone was an ordinary member of its session: the session's leader makes it.  A dead leader
 * of a session may have lived anywhere.  Its members whose parents are not in the session, the topmost, say where:
 * every such parent R has them from below itself (plan_sessions.c, 2 and 3), so the ghost was a child of the deepest
 * R, and all the others are on the way up from there.  One R that is not on that way must have been in the session
 * itself, before its own setsid(), and is then a topmost member in its children's place; or it is an init, and gets
 * them from outside (4).
 *
 * Costs:   for each ghost the ways up from its topmost members' parents.
 */
#include "plan_internal.h"
#include "tree/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* The topmost members with one parent. */
struct tops {
	int32_t parent, first; /* linked by next_need */
};

struct haunting {
	int32_t ghost, session;
	struct tops *tops;
	uint32_t len, cap;
};

static int add_top(struct planner *pl, struct haunting *g, int32_t c)
{
	int32_t parent = pl->nodes[c].parent;
	uint32_t k = 0;

	if (parent != TREE_NONE)
		k = (uint32_t)pl->nodes[parent].walk; /* its place, if it has one here */
	else
		while (k < g->len && g->tops[k].parent != TREE_NONE)
			k++;
	if (k >= g->len || g->tops[k].parent != parent) {
		if (plan__grow((void **)&g->tops, &g->cap, g->len + 1, sizeof *g->tops) < 0)
			return -ENOMEM;
		k = g->len++;
		g->tops[k] = (struct tops){ parent, TREE_NONE };
		if (parent != TREE_NONE)
			pl->nodes[parent].walk = (int32_t)k;
	}
	pl->nodes[c].next_need = g->tops[k].first;
	g->tops[k].first = c;
	return 0;
}

static void remove_top(struct planner *pl, struct haunting *g, uint32_t k)
{
	g->tops[k] = g->tops[--g->len];
	if (k < g->len && g->tops[k].parent != TREE_NONE)
		pl->nodes[g->tops[k].parent].walk = (int32_t)k;
}

/* --------------------------------------------------------------------------------------- who moves up -- */

static bool can_pass_on(const struct planner *pl, const struct haunting *g, int32_t r)
{
	return r != TREE_NONE && pl->nodes[r].leads_session && plan__comes_before(pl, g->ghost, r) &&
	       (pl->nodes[r].birth_session == FREE || pl->nodes[r].birth_session == g->session);
}

/* Members of parent `r` were born while that was in the session itself. */
static int pass_on(struct planner *pl, struct haunting *g, uint32_t k)
{
	int32_t r = g->tops[k].parent, above = pl->nodes[r].parent;

	pl->nodes[r].birth_session = g->session;
	pl->nodes[r].needed_by = g->tops[k].first;
	for (int32_t c = g->tops[k].first; c != TREE_NONE; c = pl->nodes[c].next_need)
		plan__set_maker(pl, c, r, false);
	remove_top(pl, g, k);
	if (plan__session(pl, above) != g->session &&
	    (above == TREE_NONE || !pl->nodes[above].leads_session ||
	     pl->nodes[above].birth_session != g->session))
		return add_top(pl, g, r);
	plan__set_maker(pl, r, above, false);
	return 0;
}

static int adopt(struct planner *pl, struct haunting *g, uint32_t k)
{
	for (int32_t c = g->tops[k].first, next; c != TREE_NONE; c = next) {
		next = pl->nodes[c].next_need;
		TRY(plan__adopt(pl, c, g->tops[k].parent, g->ghost));
	}
	remove_top(pl, g, k);
	return 0;
}

/* The ghost cannot be below it: it lives outside its namespace, or a member of the session is above it. */
static bool is_too_low(const struct planner *pl, const struct haunting *g, int32_t r)
{
	int32_t ns = plan__process(pl, g->ghost)->ns;

	if (r == TREE_NONE)
		return false;
	if (plan__process(pl, r)->ns != ns && tree__ns_is_below(pl->wanted, plan__process(pl, r)->ns, ns))
		return true;
	for (int32_t up = pl->nodes[r].parent; up != TREE_NONE; up = pl->nodes[up].parent)
		if (plan__session(pl, up) == g->session || pl->nodes[up].birth_session == g->session)
			return true;
	return false;
}

/* Both can have members from one ghost: on one way up, and in its namespace. */
static bool go_together(const struct planner *pl, const struct haunting *g, int32_t a, int32_t b)
{
	if (!plan__same_space(pl, g->ghost, a) || !plan__same_space(pl, g->ghost, b))
		return false;
	return (a != TREE_NONE && plan__below(pl, a, b)) || (b != TREE_NONE && plan__below(pl, b, a));
}

static uint32_t deepest(const struct planner *pl, const struct haunting *g)
{
	uint32_t best = 0;

	for (uint32_t k = 1; k < g->len; k++)
		if (g->tops[best].parent == TREE_NONE ||
		    (g->tops[k].parent != TREE_NONE &&
		     pl->nodes[g->tops[k].parent].enter > pl->nodes[g->tops[best].parent].enter))
			best = k;
	return best;
}

/* One whose end is told by another signal than SIGCHLD was not left to its parent: it is the ghost's sibling. */
static bool has_sibling(const struct planner *pl, const struct haunting *g, uint32_t k)
{
	for (int32_t c = g->tops[k].first; c != TREE_NONE; c = pl->nodes[c].next_need)
		if (plan__notify(pl, c) != SIGCHLD)
			return true;
	return false;
}

/* Moves up, or is adopted; *done = false: neither is possible.  Up costs no helper where the next one is in the session. */
static int give_way(struct planner *pl, struct haunting *g, uint32_t k, bool *done)
{
	int32_t r = g->tops[k].parent;
	bool adopts = plan__adopts(pl, r, g->ghost) && !has_sibling(pl, g, k);

	*done = true;
	if (can_pass_on(pl, g, r) && (!adopts || plan__session(pl, pl->nodes[r].parent) == g->session))
		return pass_on(pl, g, k);
	if (adopts)
		return adopt(pl, g, k);
	*done = false;
	return 0;
}

/* Its members tell whose child the ghost is, wherever their parent is on the way up. */
static bool binds(const struct planner *pl, const struct haunting *g, uint32_t k)
{
	return has_sibling(pl, g, k) || !plan__same_space(pl, g->ghost, g->tops[k].parent);
}

static bool is_above(const struct planner *pl, int32_t a, int32_t b)
{
	return b != TREE_NONE && (a == TREE_NONE || pl->nodes[a].enter < pl->nodes[b].enter);
}

/* Whose child the ghost is; of two that bind it the upper one, for then the lower one can have been a member. */
static uint32_t home(const struct planner *pl, const struct haunting *g)
{
	uint32_t best = g->len;

	for (uint32_t k = 0; k < g->len; k++)
		if (binds(pl, g, k) &&
		    (best == g->len || is_above(pl, g->tops[k].parent, g->tops[best].parent)))
			best = k;
	return best < g->len ? best : deepest(pl, g);
}

/* One that does not go with that; len = all do. */
static uint32_t find_odd(const struct planner *pl, const struct haunting *g, uint32_t best)
{
	int32_t at = g->len ? g->tops[best].parent : TREE_NONE;
	uint32_t k = 0;

	while (k < g->len &&
	       (k == best || (!has_sibling(pl, g, k) && go_together(pl, g, at, g->tops[k].parent) &&
			      at != TREE_NONE && plan__below(pl, at, g->tops[k].parent))))
		k++;
	return k;
}

static int refuse_tops(struct planner *pl, const struct haunting *g, uint32_t a, uint32_t b)
{
	struct plan_who one, other, ghost;
	int32_t c = g->tops[a].first, d = g->tops[b].first;

	while (pl->nodes[c].leads_session)
		c = pl->nodes[c].needed_by;
	while (pl->nodes[d].leads_session)
		d = pl->nodes[d].needed_by;
	return plan__refuse(
		pl, c,
		"the leader of its session, %s, is dead, and that of %s too; their parents, %s and "
		"others, were never in it, and it cannot have lived below both",
		plan__who(pl, g->ghost, &ghost), plan__who(pl, d, &other),
		plan__who(pl, pl->nodes[c].parent == TREE_NONE ? c : pl->nodes[c].parent, &one));
}

/* Siblings have one signal, the ghost's: those with another one were born to their parent itself. */
static bool has_two_signals(const struct planner *pl, const struct haunting *g, uint32_t k)
{
	int first = SIGCHLD;

	for (int32_t c = g->tops[k].first; c != TREE_NONE; c = pl->nodes[c].next_need) {
		int sig = plan__notify(pl, c);

		if (sig != SIGCHLD && first != SIGCHLD && sig != first)
			return true;
		first = sig == SIGCHLD ? first : sig;
	}
	return false;
}

/* The ghost can have made none, or not all, of these; len = there are no such. */
static uint32_t find_impossible(const struct planner *pl, const struct haunting *g)
{
	uint32_t k = 0;

	while (k < g->len && !is_too_low(pl, g, g->tops[k].parent) && !has_two_signals(pl, g, k))
		k++;
	return k;
}

/* Until all that are left are on one way up. */
static int gather(struct planner *pl, struct haunting *g)
{
	bool done;

	for (;;) {
		uint32_t bad = find_impossible(pl, g), best, odd;

		if (bad < g->len) {
			TRY(give_way(pl, g, bad, &done));
			if (!done)
				return plan__refuse_session(pl, g->tops[bad].first);
			continue;
		}
		best = g->len ? home(pl, g) : 0;
		odd = find_odd(pl, g, best);
		if (odd >= g->len)
			return 0;
		TRY(give_way(pl, g, odd, &done));
		if (!done)
			TRY(give_way(pl, g, best, &done));
		if (!done)
			return refuse_tops(pl, g, best, odd);
	}
}

/* ------------------------------------------------------------------------------------ where it lived -- */

static uint32_t highest(const struct planner *pl, const struct haunting *g, uint32_t best)
{
	uint32_t top = best;

	for (uint32_t k = 0; k < g->len; k++)
		if (is_above(pl, g->tops[k].parent, g->tops[top].parent))
			top = k;
	return top;
}

/* What its siblings' parent gets when one of them dies is what it would get for the ghost. */
static int16_t notify_of_siblings(const struct planner *pl, int32_t first)
{
	for (int32_t c = first; c != TREE_NONE; c = pl->nodes[c].next_need)
		if (plan__notify(pl, c) != SIGCHLD)
			return plan__process(pl, c)->notify_signal;
	return TREE_ABSENT;
}

/* One that is left to `parent`: by the ghost's own death, if that leaves its children to this one; else by a helper's. */
static int make_orphan(struct planner *pl, struct haunting *g, int32_t c, int32_t parent)
{
	struct plan_node *ghost = &pl->nodes[g->ghost];

	if (!plan__same_space(pl, g->ghost, parent)) /* it is the one that the ghost is born to */
		return plan__notify(pl, c) == SIGCHLD ? plan__by_reexec(pl, c, g->ghost)
						      : plan__refuse_session(pl, c);
	if (plan__notify(pl, c) != SIGCHLD || (ghost->adopter != NO_ADOPTER && ghost->adopter != parent))
		return plan__by_helper(pl, c, g->ghost, plan__process(pl, g->ghost)->ns, parent);
	ghost->adopter = parent;
	plan__set_maker(pl, c, g->ghost, false);
	return 0;
}

/* Its siblings are made with CLONE_PARENT; those of the topmost parent are its children, and left to that; the others
 * need a helper for each parent. */
static int make_tops(struct planner *pl, struct haunting *g)
{
	uint32_t best = home(pl, g), top = highest(pl, g, best);
	struct tree_process *ghost = &pl->birth.processes[g->ghost];

	ghost->notify_signal = notify_of_siblings(pl, g->tops[best].first);
	if (top != best)
		pl->nodes[g->ghost].adopter = g->tops[top].parent;
	for (uint32_t k = 0; k < g->len; k++) {
		for (int32_t c = g->tops[k].first, next; c != TREE_NONE; c = next) {
			next = pl->nodes[c].next_need;
			if (k == best && plan__notify(pl, c) == plan__notify(pl, g->ghost))
				plan__set_maker(pl, c, g->ghost, true);
			else
				TRY(make_orphan(pl, g, c, g->tops[k].parent));
		}
	}
	return 0;
}

static int place_leader(struct planner *pl, struct haunting *g)
{
	struct tree_process *ghost = &pl->birth.processes[g->ghost];

	for (int32_t c = pl->nodes[g->ghost].first_need, next; c != TREE_NONE; c = next) {
		next = pl->nodes[c].next_need;
		TRY(add_top(pl, g, c));
	}
	TRY(gather(pl, g));
	ghost->sid = g->session;
	pl->nodes[g->ghost].leads_session = true;
	if (!g->len) /* all are adopted: whoever makes the roots will do */
		ghost->parent = TREE_NONE;
	else
		ghost->parent = g->tops[home(pl, g)].parent;
	pl->nodes[g->ghost].birth_session = plan__session(pl, ghost->parent);
	pl->nodes[g->ghost].minds_nothing = true;
	return g->len ? make_tops(pl, g) : 0;
}

static int place_leaders(struct planner *pl)
{
	size_t len = pl->wanted->processes_len;
	int r = 0;

	for (size_t i = len; r == 0 && i < len + pl->wanted->ghosts_len; i++) {
		struct haunting g = { .ghost = (int32_t)i,
				      .session = plan__process(pl, (int32_t)i)->nspid[0] };

		if (pl->nodes[i].first_need == TREE_NONE)
			continue;
		r = place_leader(pl, &g);
		free(g.tops);
	}
	for (size_t k = 0; k < len; k++)
		pl->nodes[k].walk = 0;
	return r;
}

/* Dead leaders of groups alone: each was a member of its members' session. */
static int place_members(struct planner *pl)
{
	for (size_t i = 0; i < pl->wanted->processes_len; i++) {
		const struct tree_process *p = plan__process(pl, (int32_t)i);
		int32_t g = plan__founder(pl, p->pgid), leader = plan__founder(pl, p->sid);
		struct plan_who who;

		if (g == TREE_NONE || pl->nodes[g].role != PLAN_GHOST || pl->nodes[g].leads_session ||
		    pl->birth.processes[g].sid)
			continue;
		pl->birth.processes[g].sid = p->sid;
		pl->birth.processes[g].parent = leader;
		pl->nodes[g].birth_session = p->sid;
		if (leader != TREE_NONE &&
		    !tree__ns_is_below(pl->wanted, plan__process(pl, g)->ns, plan__process(pl, leader)->ns))
			return plan__refuse(pl, (int32_t)i,
					    "the dead leader of its group lived outside the namespace of its "
					    "session's leader, %s",
					    plan__who(pl, leader, &who));
	}
	return 0;
}

int plan__ghosts(struct planner *pl)
{
	TRY(place_leaders(pl));
	return place_members(pl);
}
