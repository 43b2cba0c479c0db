/* SPDX-License-Identifier: MIT */
/*
 * reach_free.c: the search of reach.h in one namespace, without the groups that anybody can be in at will.
 *
 * In one namespace a process goes from group to group of its session as it likes; only the group outside is lost with the
 * first step out of it.  So of each process this search knows only whether it is still in that: `group` is itself where
 * it is in any other.  A dead leader of a group stays as long as somebody could be in it, or is forgotten.
 *
 * Keeps:   (C7) whatever is reached is reached here, too, and helpers that keep groups alive meanwhile cost nothing.
 *               What is reached here alone is the planner's to plan and to prove, or one of the two is wrong.
 * Costs:   a fortieth of the states with six processes, so it goes further: one helper more for trees of five.
 */
#include "reach.h"

#include <string.h>

struct at {
	struct reach *r;
	uint32_t index;
	struct reach_state s;
};

static bool could_be_in(const struct reach_state *s, unsigned k, unsigned ghost)
{
	return reach_lives(s, k) && s->group[k] == k && s->session[k] != k &&
	       s->session[k] == s->session[ghost];
}

static bool is_kept(const struct reach_state *s, unsigned i)
{
	for (unsigned k = 0; k < s->len; k++)
		if (k != i && ((reach_lives(s, k) && s->session[k] == i) || could_be_in(s, k, i)))
			return true;
	return false;
}

static void reached(struct at *a, struct reach_state *n)
{
	uint8_t keep = 0;

	for (unsigned i = 0; i < n->len; i++)
		keep |= (uint8_t)((reach_lives(n, i) || is_kept(n, i)) << i);
	reach_keep(n, keep);
	reach_meet(a->r, a->index, (struct reach_deed){ 0, 0, 0 }, n);
}

static void birth(struct at *a, unsigned maker, enum reach_op op)
{
	struct reach_state n;

	reach_do(&a->s, (struct reach_deed){ (uint8_t)op, (uint8_t)maker, 0 }, &n);
	if (a->s.group[maker] != REACH_OUT)
		n.group[a->s.len] = a->s.len;
	reached(a, &n);
}

static void leave_outside_group(struct at *a, unsigned who)
{
	struct reach_state n = a->s;

	n.group[who] = (uint8_t)who;
	reached(a, &n);
}

static void found_session(struct at *a, unsigned who)
{
	struct reach_state n = a->s;

	n.group[who] = n.session[who] = (uint8_t)who;
	reached(a, &n);
}

/* Its group may live on, if it had one, or not. */
static void die(struct at *a, unsigned who, unsigned reaper)
{
	struct reach_state n, gone;

	reach_do(&a->s, (struct reach_deed){ REACH_DIE, (uint8_t)who, (uint8_t)reaper }, &n);
	gone = n;
	if (a->s.group[who] == who) {
		n.session[who] = a->s.session[who];
		reached(a, &n);
	}
	for (unsigned k = 0; k < gone.len; k++)
		if (reach_lives(&gone, k) && gone.session[k] == who)
			return;
	reach_keep(&gone, (uint8_t) ~(1u << who));
	reached(a, &gone);
}

static void deaths(struct at *a, unsigned who)
{
	const struct reach_state *s = &a->s;
	bool children = false;

	for (unsigned k = 0; k < s->len; k++)
		children |= reach_lives(s, k) && s->parent[k] == who;
	for (unsigned up = s->parent[who]; children && up != 0; up = s->parent[up])
		die(a, who, up);
	die(a, who, 0);
}

/* Process 0 makes the root, and stays as it is. */
static void deeds(struct at *a)
{
	const struct reach_state *s = &a->s;

	for (unsigned i = 0; i < s->len; i++) {
		if (!reach_lives(s, i))
			continue;
		if (s->len <= a->r->o.ids_max) {
			birth(a, i, REACH_FORK);
			if (i)
				birth(a, i, REACH_SIBLING);
		}
		if (!i)
			continue;
		if (s->session[i] != i) {
			if (s->group[i] == REACH_OUT)
				leave_outside_group(a, i);
			found_session(a, i);
		}
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

	reach_meet(r, 0, (struct reach_deed){ 0, 0, 0 }, &first);
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

/* Whoever is still in the group outside has founded none. */
static bool can_be(const struct reach_state *tree, unsigned i)
{
	unsigned f = tree->group[i];

	if (f == REACH_OUT)
		return true;
	if (!reach_lives(tree, f))
		return tree->session[i] == session_of(tree, f);
	return tree->session[i] == tree->session[f] && tree->group[f] != REACH_OUT;
}

bool reach_has_free(const struct reach *r, const struct reach_state *tree)
{
	struct reach_state form = *tree;

	for (unsigned i = 1; i < tree->len; i++) {
		if (!reach_lives(tree, i)) {
			form.session[i] = session_of(tree, i);
			continue;
		}
		if (!can_be(tree, i))
			return false;
		if (form.group[i] != REACH_OUT)
			form.group[i] = (uint8_t)i;
	}
	reach_canonical(&form, NULL);
	return reach_has(r, &form);
}
