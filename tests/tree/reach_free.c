/* SPDX-License-Identifier: MIT */
/*
 * reach_free.c: what the search of reach.h can tell without groups.
 *
 * In one namespace a process goes from group to group of its session as it likes.  A group whose leader is dead can be had
 * at any time, too: a member of its session forks who founds it, joins, and that one dies.  So what groups a tree may have
 * can be told from the tree, and the search need not know of any.
 *
 * Where there are namespaces a group can be out of sight.  What cannot be for that reason is told from the tree, too: see
 * can_be().  Up to three processes that is all, as the search with groups says; what is left of larger ones could be.
 *
 * Keeps:   (C7) whatever is reached is reached here, too, and helpers that keep groups alive meanwhile cost nothing.
 *               In one namespace, what is reached here alone is the planner's to plan and to prove, or one of the two is
 *               wrong.
 * Costs:   a hundredth of the states with six processes, so it goes further: three helpers more for trees of five, one more for
 *          four in namespaces.
 */
#include "reach.h"

#include <string.h>

/* Of a dead leader: itself, if the session is its own, else its group's. */
static uint8_t session_of(const struct reach_state *s, unsigned ghost)
{
	uint8_t session = REACH_OUT;

	for (unsigned k = 0; k < s->len; k++) {
		if (reach_lives(s, k) && s->session[k] == ghost)
			return (uint8_t)ghost;
		if (reach_lives(s, k) && s->group[k] == ghost)
			session = s->session[k];
	}
	return session;
}

/*
 * Whether `who` can move somebody of `session` to `group`.  The group outside has a number for whoever is there, and that is
 * everybody in process 0's namespace, if that is.
 */
static bool can_name(const struct reach *r, const struct reach_state *s, unsigned who, unsigned group,
		     unsigned session)
{
	if (who == REACH_OUT)
		return session == REACH_OUT;
	if (group == REACH_OUT)
		return !r->o.root_is_init && s->ns[who] == 0;
	return reach_is_inside(s, s->ns[group], s->ns[who]);
}

/*
 * Whether it can have come to its group from another: by itself, or moved by the parent that it had then.  That one lived
 * where its parent does in the end, for orphans stay in the namespace of their dead parent's: so they see the same.
 */
static bool can_have_come(const struct reach *r, const struct reach_state *tree, unsigned who)
{
	unsigned now = tree->group[who % REACH_MAX], session = tree->session[who % REACH_MAX];

	return now == who || can_name(r, tree, who, now, session) ||
	       can_name(r, tree, tree->parent[who % REACH_MAX], now, session);
}

/*
 * Who never was in another group than its own hands no other down, but those that it sees: and nobody below it has any
 * other, for orphans come to inits alone from elsewhere.
 */
static bool can_be_below(const struct reach *r, const struct reach_state *tree, unsigned i)
{
	unsigned session = tree->session[i];

	for (unsigned p = tree->parent[i]; session != i && p < REACH_MAX; p = tree->parent[p])
		if (!reach_is_init(tree, p) && tree->session[p] == session && session != p &&
		    !can_have_come(r, tree, p) && tree->group[i] != tree->group[p] &&
		    !can_name(r, tree, p, tree->group[i], session))
			return false;
	return true;
}

static bool is_hazard(const struct reach_state *tree, unsigned i)
{
	unsigned f = tree->group[i];

	return reach_is_init(tree, i) && f != i && reach_is_inside(tree, tree->ns[f], tree->ns[i]);
}

/* A session's members live in its leader's namespace, or deeper. */
static bool can_be_dead(const struct reach_state *tree, unsigned founder, unsigned session)
{
	return session_of(tree, founder) == session &&
	       (session == REACH_OUT || reach_is_inside(tree, tree->ns[founder], tree->ns[session]));
}

static bool can_be(const struct reach *r, const struct reach_state *tree, unsigned i)
{
	unsigned f = tree->group[i];

	if (!can_be_below(r, tree, i))
		return false;
	if (f >= REACH_MAX) /* outside */
		return true;
	if (is_hazard(tree, i))
		return false;
	if (!reach_lives(tree, f))
		return can_be_dead(tree, f, tree->session[i]);
	return tree->session[i] == tree->session[f] && can_have_come(r, tree, f);
}

bool reach_could_be(const struct reach *trees, const struct reach_state *tree)
{
	struct reach_state form;
	uint8_t to[REACH_MAX];

	if (!reach_is_tree(trees, tree, &form) || memcmp(&form, tree, sizeof form) != 0)
		return false; /* a dead leader's numbers go deeper than anybody could know */
	for (unsigned i = !trees->o.root_is_init; i < tree->len; i++) {
		if (reach_lives(tree, i) && !can_be(trees, tree, i))
			return false;
		form.group[i] = REACH_OUT;
	}
	reach_forget(&form, to);
	reach_canonical(&form, NULL);
	return reach_has(trees, &form);
}
