/* SPDX-License-Identifier: MIT */
/*
 * plan_sessions.c: the session each process is born in, and who makes it for that.
 *
 * A process changes its session once in its life, by its own setsid().  So one that leads no session has been in its
 * session since birth, and for a leader the birth session is the planner's to choose.  A process c with parent R is
 *   1. made by R, which is in that session, or was, before its own setsid();
 *   2. made by that session's leader, if that is R's child, with CLONE_PARENT;
 *   3. if the leader is below R and in R's namespace: made by a child of the leader, which dies while R is the nearest
 *      subreaper;
 *   4. if R is the init of a namespace that the leader, or a part of its session, is outside of: made by a process that
 *      a member puts in there and that dies: orphans go to the init of the dead one's namespace.
 * Whoever has none of these makers is left to plan_below.c.  One pass from the leaves up finds what each leader's children need its
 * birth session to be; at most one answer is possible.  Sessions of dead leaders come after that: plan_ghosts.c.
 */
#include "plan_internal.h"
#include "tree/internal.h"

#include <errno.h>
#include <signal.h>

int plan__refuse_session(struct planner *pl, int32_t c)
{
	struct plan_who parent, leader;
	int32_t session, l;

	while (pl->nodes[c].leads_session) /* its own birth session was only passed up for a child's sake */
		c = pl->nodes[c].needed_by;
	session = plan__process(pl, c)->sid;
	l = plan__founder(pl, session);
	if (session == 0)
		return plan__refuse(pl, c,
				    "its session is outside the tree, and its parent, %s, was never in that",
				    plan__who(pl, pl->nodes[c].parent, &parent));
	return plan__refuse(pl, c,
			    "its session is that of %s, which its parent, %s, was never in, and nobody "
			    "else could have left it there",
			    plan__who(pl, l, &leader), plan__who(pl, pl->nodes[c].parent, &parent));
}

int32_t plan__session(const struct planner *pl, int32_t i)
{
	return i == TREE_NONE ? 0 : plan__process(pl, i)->sid;
}

bool plan__below(const struct planner *pl, int32_t i, int32_t above)
{
	return above == TREE_NONE ||
	       (pl->nodes[above].enter <= pl->nodes[i].enter && pl->nodes[i].enter < pl->nodes[above].leave);
}

void plan__set_maker(struct planner *pl, int32_t i, int32_t maker, bool sibling)
{
	pl->birth.processes[i].parent = maker;
	pl->nodes[i].sibling = sibling;
}

/* `maker`'s helper in `ns` makes `c`, and dies when `adopter` is the one that orphans are left to. */
int plan__by_helper(struct planner *pl, int32_t c, int32_t maker, int32_t ns, int32_t adopter)
{
	int32_t session = pl->nodes[c].birth_session, *list, h;

	/* the root sees all groups; one outside of it does not */
	if (maker == TREE_NONE && !plan__creator_inside(pl) && plan__session(pl, 0) == session)
		maker = 0;
	list = maker == TREE_NONE ? &pl->first_helper : &pl->nodes[maker].first_helper;
	h = *list;

	if (plan__notify(pl, c) != SIGCHLD)
		return plan__refuse(pl, c,
				    "it was orphaned, and its parent would not get signal %d when it "
				    "dies, but SIGCHLD",
				    plan__notify(pl, c));
	while (h != TREE_NONE && (pl->nodes[h].adopter != adopter || pl->nodes[h].birth_session != session))
		h = pl->nodes[h].next_helper;
	if (h == TREE_NONE) {
		h = plan__helper(pl, maker, ns, session);
		if (h < 0)
			return h;
		pl->nodes[h].adopter = adopter;
		pl->nodes[h].next_helper = *list;
		*list = h;
	}
	plan__set_maker(pl, c, h, false);
	return 0;
}

/* Orphans of `i`'s namespace can be left to `r`. */
bool plan__same_space(const struct planner *pl, int32_t i, int32_t r)
{
	return r == TREE_NONE ? plan__creator_inside(pl) && plan__process(pl, i)->ns == 0
			      : plan__process(pl, i)->ns == plan__process(pl, r)->ns;
}

/*
 * A sibling of the leader's, if `r` is that one's parent from the beginning; else an orphan.  What is left to `r` has SIGCHLD
 * as its exit signal, and a sibling the leader's.
 */
int plan__from_below(struct planner *pl, int32_t c, int32_t r, int32_t leader)
{
	const struct plan_node *l = &pl->nodes[leader];
	bool same_space = plan__same_space(pl, leader, r);
	bool beside = l->parent == r && !plan__is_init(pl, leader);
	int sig = plan__notify(pl, c);

	if (beside && sig == plan__notify(pl, leader)) {
		plan__set_maker(pl, c, leader, true);
		return 0;
	}
	if (beside && (sig != SIGCHLD || !same_space))
		return plan__beside(pl, c, leader);
	if (!same_space)
		return plan__refuse_session(pl, c);
	return plan__by_helper(pl, c, leader, plan__process(pl, leader)->ns, r);
}

/* `r` is an init that gets orphans of sessions which `leader` leads (TREE_NONE: outside) from outside. */
bool plan__adopts(const struct planner *pl, int32_t r, int32_t leader)
{
	return r != TREE_NONE && plan__is_init(pl, r) &&
	       (leader == TREE_NONE ||
		tree__ns_is_below(pl->wanted, plan__process(pl, r)->ns, plan__process(pl, leader)->ns));
}

int plan__adopt(struct planner *pl, int32_t c, int32_t r, int32_t leader)
{
	return plan__by_helper(pl, c, leader, plan__process(pl, r)->ns, r);
}

/* Its parent was in that session before its own setsid(). */
static void need(struct planner *pl, int32_t c, int32_t r)
{
	pl->nodes[r].birth_session = pl->nodes[c].birth_session;
	pl->nodes[r].needed_by = c;
	plan__set_maker(pl, c, r, false);
}

static bool can_be_adopted(const struct planner *pl, int32_t c, int32_t r)
{
	return plan__adopts(pl, r, plan__founder(pl, pl->nodes[c].birth_session)) &&
	       plan__notify(pl, c) == SIGCHLD;
}

static int from_above(struct planner *pl, int32_t c, int32_t r)
{
	/* when all others' needs are known */
	if (can_be_adopted(pl, c, r) ||
	    (r != TREE_NONE && pl->nodes[r].leads_session && pl->nodes[r].birth_session == FREE)) {
		pl->nodes[c].next_need = pl->nodes[r].first_need;
		pl->nodes[r].first_need = c;
		return 0;
	}
	return plan__refuse_session(pl, c);
}

static bool is_of_ghost(const struct planner *pl, int32_t session)
{
	int32_t leader = plan__founder(pl, session);

	return leader != TREE_NONE && pl->nodes[leader].role == PLAN_GHOST;
}

/* It is born in a dead leader's session; or may have to be, for a child's sake. */
static bool may_be_of_ghost(const struct planner *pl, int32_t r)
{
	const struct plan_node *n = &pl->nodes[r];

	if (n->birth_session != FREE)
		return is_of_ghost(pl, n->birth_session);
	for (int32_t c = n->first_kept; c != TREE_NONE; c = pl->nodes[c].next_kept)
		if (pl->nodes[c].may_be_of_ghost)
			return true;
	return false;
}

/* A child of a dead leader's session that is no orphan: `r` may have to be born in that. */
static bool may_need_ghost(const struct planner *pl, int32_t r)
{
	for (int32_t c = pl->nodes[r].first_kept; c != TREE_NONE; c = pl->nodes[c].next_kept)
		if (pl->nodes[c].may_be_of_ghost && plan__notify(pl, c) != SIGCHLD)
			return true;
	return false;
}

/*
 * `r` may be born in the session that `leader` leads: which reaches no further out than that one's namespace, whose own
 * init was there before.
 */
bool plan__comes_before(const struct planner *pl, int32_t leader, int32_t r)
{
	int32_t space = plan__process(pl, r)->ns;

	return leader == TREE_NONE || (tree__ns_is_below(pl->wanted, space, plan__process(pl, leader)->ns) &&
				       !(plan__is_init(pl, r) && space == plan__process(pl, leader)->ns));
}

/* One of those above `leader`, or it, is in the session that `r` leads: there, `r` can only have come before. */
static bool comes_after(const struct planner *pl, int32_t leader, int32_t r)
{
	for (int32_t at = leader; at != TREE_NONE; at = pl->nodes[at].parent)
		if (!pl->nodes[at].leads_session && plan__founder(pl, pl->nodes[at].birth_session) == r)
			return true;
	return false;
}

/* The one that `r` has to be born in for its children's sake; FREE: none.  What cannot be had otherwise decides. */
static int32_t choose_birth(const struct planner *pl, int32_t r, bool ghost, int32_t *whose)
{
	int32_t above = plan__session(pl, pl->nodes[r].parent), choice = FREE, rank = 0;

	for (int32_t c = pl->nodes[r].first_need; c != TREE_NONE; c = pl->nodes[c].next_need) {
		int32_t session = pl->nodes[c].birth_session, now;
		bool adopted = can_be_adopted(pl, c, r);

		if (!plan__comes_before(pl, plan__founder(pl, session), r) ||
		    comes_after(pl, plan__founder(pl, session), r))
			continue;
		if (!adopted)
			now = 3;
		else
			now = session == above && !ghost ? 2 : 1;
		if (now <= rank)
			continue;
		rank = now;
		choice = session;
		*whose = c;
	}
	return choice;
}

/* Who makes those of `r`'s children that are of sessions from above. */
static int settle_needs(struct planner *pl, int32_t r)
{
	struct plan_node *n = &pl->nodes[r];
	bool ghost = n->first_need != TREE_NONE && may_need_ghost(pl, r);
	int32_t whose = TREE_NONE, choice = FREE;

	if (n->leads_session && n->birth_session == FREE)
		choice = choose_birth(pl, r, ghost, &whose);
	if (choice != FREE)
		need(pl, whose, r);
	n->may_be_of_ghost = may_be_of_ghost(pl, r);
	for (int32_t c = n->first_need, next; c != TREE_NONE; c = next) {
		next = pl->nodes[c].next_need;
		if (n->leads_session && n->birth_session == pl->nodes[c].birth_session)
			plan__set_maker(pl, c, r, false);
		else if (can_be_adopted(pl, c, r))
			TRY(plan__adopt(pl, c, r, plan__founder(pl, pl->nodes[c].birth_session)));
		else
			return plan__refuse_session(pl, c);
	}
	n->first_need = TREE_NONE;
	return 0;
}

/* Who makes `c`, whose birth session is known.  With that, its parent may know its own. */
static int settle(struct planner *pl, int32_t c)
{
	int32_t r = pl->nodes[c].parent, session = pl->nodes[c].birth_session;
	int32_t leader = plan__founder(pl, session);

	if (session == plan__session(pl, r) ||
	    (r != TREE_NONE && pl->nodes[r].leads_session && pl->nodes[r].birth_session == session)) {
		plan__set_maker(pl, c, r, false);
		return 0;
	}
	if (is_of_ghost(pl, session)) {
		pl->nodes[c].next_need = pl->nodes[leader].first_need;
		pl->nodes[leader].first_need = c;
		return 0;
	}
	if (leader != TREE_NONE && plan__below(pl, leader, r))
		return plan__from_below(pl, c, r, leader);
	return from_above(pl, c, r);
}

/* Subtrees as intervals; order[] has parents before children. */
static void number_subtrees(struct planner *pl)
{
	size_t len = pl->wanted->processes_len;
	int32_t clock = 0;

	for (size_t k = 0; k < len; k++)
		pl->nodes[pl->order[k]].leave = 1;
	for (size_t k = len; k-- > 0;) {
		int32_t parent = pl->nodes[pl->order[k]].parent;

		if (parent != TREE_NONE)
			pl->nodes[parent].leave += pl->nodes[pl->order[k]].leave;
	}
	for (int32_t i = pl->first_kept; i != TREE_NONE; i = pl->nodes[i].next_kept) {
		pl->nodes[i].enter = clock;
		clock += pl->nodes[i].leave;
		pl->nodes[i].leave = clock;
	}
	for (size_t k = 0; k < len; k++) {
		int32_t at = pl->nodes[pl->order[k]].enter + 1;

		for (int32_t c = pl->nodes[pl->order[k]].first_kept; c != TREE_NONE;
		     c = pl->nodes[c].next_kept) {
			pl->nodes[c].enter = at;
			at += pl->nodes[c].leave;
			pl->nodes[c].leave = at;
		}
	}
}

/* Children in the end, in file order; and an order with parents first. */
static int link_kept(struct planner *pl)
{
	int32_t len = (int32_t)pl->wanted->processes_len, head = 0, tail = 0;

	pl->first_kept = TREE_NONE;
	for (int32_t i = len - 1; i >= 0; i--) {
		int32_t parent = pl->nodes[i].parent;
		int32_t *list = parent == TREE_NONE ? &pl->first_kept : &pl->nodes[parent].first_kept;

		pl->nodes[i].next_kept = *list;
		*list = i;
	}
	for (int32_t i = pl->first_kept; i != TREE_NONE; i = pl->nodes[i].next_kept)
		pl->order[tail++] = i;
	for (; head < tail; head++)
		for (int32_t c = pl->nodes[pl->order[head]].first_kept; c != TREE_NONE;
		     c = pl->nodes[c].next_kept)
			pl->order[tail++] = c;
	if (tail != len)
		return tree_fail(pl->err, -EINVAL, "%d processes are not below the root", (int)(len - tail));
	number_subtrees(pl);
	return 0;
}

static int settle_maker(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];

	if (n->birth_session == FREE || n->made)
		return 0;
	n->made = true;
	return settle(pl, i);
}

/* That may give its session's leader another exit signal to be born with, which decides who made that. */
static int settle_with_leaders(struct planner *pl, int32_t c)
{
	while (c != TREE_NONE && !pl->nodes[c].made && plan__notify(pl, c) != SIGCHLD) {
		int32_t leader = plan__founder(pl, pl->nodes[c].birth_session);

		if (pl->nodes[c].birth_session == FREE)
			return 0;
		TRY(settle_maker(pl, c));
		c = leader != TREE_NONE && pl->nodes[leader].reexecs ? leader : TREE_NONE;
	}
	return 0;
}

static bool have_signals(const struct planner *pl, size_t from, size_t to)
{
	while (from < to && plan__notify(pl, pl->order[from]) == SIGCHLD)
		from++;
	return from < to;
}

/* order[from .. to - 1], the children of one parent: what they are needed for, and who makes them. */
static int settle_siblings(struct planner *pl, size_t from, size_t to)
{
	bool signals = have_signals(pl, from, to);

	for (size_t k = to; k-- > from;) {
		TRY(settle_needs(pl, pl->order[k]));
		if (!signals)
			TRY(settle_maker(pl, pl->order[k]));
	}
	for (size_t k = to; signals && k-- > from;)
		TRY(settle_with_leaders(pl, pl->order[k]));
	for (size_t k = to; signals && k-- > from;)
		TRY(settle_maker(pl, pl->order[k]));
	return 0;
}

static int settle_living(struct planner *pl)
{
	const struct tree *t = pl->wanted;
	size_t from;

	for (size_t i = 0; i < t->processes_len; i++) {
		pl->nodes[i].leads_session = t->processes[i].sid == t->processes[i].nspid[0];
		pl->nodes[i].birth_session = pl->nodes[i].leads_session ? FREE : t->processes[i].sid;
	}
	/* children before their parents, so that all that a leader is needed for is known when it is its turn */
	for (size_t to = t->processes_len; to > 0; to = from) {
		from = to - 1;
		while (from > 0 &&
		       pl->nodes[pl->order[from - 1]].parent == pl->nodes[pl->order[to - 1]].parent)
			from--;
		TRY(settle_siblings(pl, from, to));
	}
	return 0;
}

/* Leaders whose children do not mind are born in their parents' sessions. */
static void settle_the_others(struct planner *pl)
{
	for (size_t i = 0; i < pl->wanted->processes_len; i++) {
		struct plan_node *n = &pl->nodes[i];

		n->minds_nothing = n->birth_session == FREE;
		if (!n->minds_nothing)
			continue;
		n->birth_session = plan__session(pl, n->parent);
		plan__set_maker(pl, (int32_t)i, n->parent, false);
	}
}

int plan__sessions(struct planner *pl)
{
	TRY(link_kept(pl));
	TRY(pl->at_once ? plan__seat_below(pl) : settle_living(pl));
	TRY(plan__ghosts(pl));
	if (!pl->at_once)
		settle_the_others(pl);
	return plan__survive(pl);
}
