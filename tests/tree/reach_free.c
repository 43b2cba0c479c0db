/* SPDX-License-Identifier: MIT */
/*
 * reach_free.c: the search of reach.h in one namespace, without groups.
 *
 * In one namespace a process goes from group to group of its session as it likes; only the group outside is lost with the
 * first step out of it, and that step can wait until all else is done.  A group whose leader is dead can be had at any
 * time, too: a member of its session forks who founds it, joins, and that one dies.  So what groups a tree may have can be
 * told from the tree, and the search need not know of any.
 *
 * Keeps:   (C7) whatever is reached is reached here, too, and helpers that keep groups alive meanwhile cost nothing.
 *               What is reached here alone is the planner's to plan and to prove, or one of the two is wrong.
 * Costs:   a hundredth of the states with six processes, so it goes further: three helpers more for trees of five.
 */
#include "reach.h"

#include <string.h>

struct at {
	struct reach *r;
	uint32_t index;
	struct reach_state s;
};

static bool leads_somebody(const struct reach_state *s, unsigned i)
{
	for (unsigned k = 0; k < s->len; k++)
		if (reach_lives(s, k) && s->session[k] == i)
			return true;
	return false;
}

static void forget_the_dead(struct reach_state *s)
{
	reach_set keep = 0;

	for (unsigned i = 0; i < s->len; i++)
		keep |= (reach_set)((reach_lives(s, i) || leads_somebody(s, i)) << i);
	reach_keep(s, keep);
}

static void done(struct at *a, enum reach_op op, unsigned who, unsigned what, unsigned sig)
{
	const struct reach_deed d = { (uint8_t)op, (uint8_t)who, (uint8_t)what, (uint8_t)sig };
	struct reach_state n;

	reach_do(&a->s, d, &n);
	if (op == REACH_SETSID)
		n.group[who] = REACH_OUT;
	forget_the_dead(&n);
	reach_meet(a->r, a->index, d, &n);
}

static void births(struct at *a, unsigned maker)
{
	if (a->s.len > a->r->o.ids_max)
		return;
	for (unsigned sig = REACH_CHLD; sig <= (a->r->o.signals ? REACH_USR2 : REACH_CHLD); sig++)
		done(a, REACH_FORK, maker, 0, sig);
	if (maker)
		done(a, REACH_SIBLING, maker, 0, REACH_CHLD);
}

static void deaths(struct at *a, unsigned who)
{
	const struct reach_state *s = &a->s;
	bool children = false;

	for (unsigned k = 0; k < s->len; k++)
		children |= reach_lives(s, k) && s->parent[k] == who;
	for (unsigned up = s->parent[who]; children && up != 0; up = s->parent[up])
		done(a, REACH_DIE, who, up, 0);
	done(a, REACH_DIE, who, 0, 0);
}

/* Process 0 makes the root, and stays as it is. */
static void deeds(struct at *a)
{
	const struct reach_state *s = &a->s;

	births(a, 0);
	for (unsigned i = 1; i < s->len; i++) {
		if (!reach_lives(s, i))
			continue;
		births(a, i);
		if (s->session[i] != i)
			done(a, REACH_SETSID, i, 0, 0);
		if (a->r->o.execs && s->signal[i] != REACH_CHLD)
			done(a, REACH_EXEC, i, 0, REACH_CHLD);
		deaths(a, i);
	}
}

bool reach_all_free(struct reach *r)
{
	struct reach_state first = { .len = 1,
				     .alive = 1,
				     .parent = { REACH_OUT },
				     .group = { REACH_OUT },
				     .session = { REACH_OUT } };

	r->o.groupless = true;
	reach_meet(r, 0, (struct reach_deed){ 0 }, &first);
	for (uint32_t k = 0; k < r->len && !r->failed; k++) {
		struct at a = { .r = r, .index = k };

		reach_get(r, k, &a.s);
		deeds(&a);
	}
	return !r->failed;
}

/* ----------------------------------------------------------------------------------------------- trees -- */

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

/* Whoever has founded a group may be in the one outside again. */
static bool can_be(const struct reach_state *tree, unsigned i)
{
	unsigned f = tree->group[i];

	if (f == REACH_OUT)
		return true;
	if (!reach_lives(tree, f))
		return tree->session[i] == session_of(tree, f);
	return tree->session[i] == tree->session[f];
}

bool reach_has_free(const struct reach *r, const struct reach_state *tree)
{
	struct reach_state form = *tree;

	for (unsigned i = 1; i < tree->len; i++) {
		if (reach_lives(tree, i) && !can_be(tree, i))
			return false;
		form.group[i] = REACH_OUT;
	}
	forget_the_dead(&form);
	reach_canonical(&form, NULL);
	return reach_has(r, &form);
}
