/* SPDX-License-Identifier: MIT */
/*
 * plan_below.c: who was below whom at first, where the usual makers are not enough.
 *
 * plan_sessions.c, plan_lower.c and plan_ghosts.c look at one process after the other, and put one leader lower at a time.
 * That finds all trees of up to five processes, and nearly all of six; what they refuse is tried here, all at once.
 *
 * Whoever dies may die after the last birth: that takes nothing away.  So there is one tree of all, dead leaders too, in
 * which they are born, and after that parents only move up: a process's parent in the end is above it at first.  In that
 * tree those born in one session are together below its leader: a process on the way from the leader down to one of them
 * was born in the session itself.  So once it is known which session each leader is born in, "above" comes down to those
 * born in one session: `a`, born in B, is above `x`, which was born in another session, if it is above that leader, or is
 * it, who was born in B and on whose session's way down `x`'s is.  There has to be no circle in that; then each is born to
 * the lowest of those that have to be above it.
 *
 * Which session a leader is born in: `a` above `x` means that `a`'s birth session is above `x`'s, or the same.  Each leader
 * is born as high as that allows.  Where two sessions have to be above a third, one is above the other; and of a circle of
 * leaders one is on top, and the others are born in its session.  Both ways are tried.
 *
 * A process that cannot be left to its parent, because that is outside or for its exit signal's sake, is born to it; or
 * beside the leader of its session, if that is that parent's child.  To an init everybody in its namespace can be left.
 *
 * Keeps:   (W1) up[] is a tree; what is in it follows from the choices made so far, and is taken back with them.
 * Costs:   each pass over all processes deepens a leader's way up, or is the last one.  How many choices are taken back is
 *          not known before, so there is an end to that: after WORK steps it was all in vain.
 */
#include "plan_below.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { WORK = 100000000 }; /* a tenth of a second or two */

/* ------------------------------------------------------------------------------------------ sessions -- */

/* Or the same. */
static bool is_above(struct seating *g, int32_t session, int32_t other)
{
	for (; other != TREE_NONE && other != session; g->work++)
		other = g->seats[other].up;
	return other == session;
}

static int set_up(struct seating *g, int32_t who, int32_t session)
{
	if (!plan__comes_before(g->pl, session, who))
		return STUCK;
	TRY(plan__grow((void **)&g->trail, &g->trail_cap, g->trail_len + 1, sizeof *g->trail));
	g->trail[g->trail_len++] = (struct change){ who, g->seats[who].up };
	g->seats[who].up = session;
	return CHANGED;
}

static int add_choice(struct seating *g, int32_t who, int32_t session)
{
	TRY(plan__grow((void **)&g->choices, &g->choices_cap, g->choices_len + 1, sizeof *g->choices));
	g->choices[g->choices_len++] = (struct choice){ g->trail_len, who, session };
	return 0;
}

/* Of those from `session` up, the last that is not above `other`. */
static int32_t last_apart(struct seating *g, int32_t session, int32_t other)
{
	while (!is_above(g, g->seats[session].up, other))
		session = g->seats[session].up;
	return session;
}

/* `session` is to be above the one that `who` leads. */
static int put_above(struct seating *g, int32_t who, int32_t session)
{
	int r = FITS;

	if (who == TREE_NONE || is_above(g, who, session))
		return STUCK;
	while (!is_above(g, session, g->seats[who].up)) {
		int32_t up = g->seats[who].up, one, other;

		if (is_above(g, up, session))
			return set_up(g, who, session);
		one = last_apart(g, session, up);
		other = last_apart(g, up, session);
		TRY(add_choice(g, one, other));
		r = set_up(g, other, one);
		if (r != CHANGED)
			return r;
	}
	return r;
}

/* ------------------------------------------------------------------------------- one above the other -- */

static int fit(struct seating *g, int32_t i)
{
	int32_t parent = g->seats[i].last, above = plan__born_in(g, parent), own = plan__born_in(g, i), top;

	if (!plan__has_above(g, i))
		return FITS;
	if (!is_above(g, above, own))
		return put_above(g, g->seats[i].leads ? i : own, above);
	top = plan__top_of(g, i);
	if (top != i && top != parent &&
	    !plan__can_be_below(g, top, parent)) /* it is that one that is above */
		return g->seats[parent].leads ? put_above(g, parent, top) : STUCK;
	if (!g->seats[i].bound || own == above || own == g->seats[parent].in)
		return FITS;
	return g->seats[parent].leads ? put_above(g, parent, own)
				      : STUCK; /* it has been in that session, too */
}

/* Until all leaders are born where they have to be. */
static int fit_all(struct seating *g)
{
	bool changed;

	do {
		changed = false;
		g->work += g->len;
		for (int32_t k = 0; k < g->len; k++) {
			int r = fit(g, k < g->wanted ? g->pl->order[k] : k);

			if (r < 0 || r == STUCK || g->work > WORK)
				return r < 0 ? r : STUCK;
			changed |= r == CHANGED;
		}
	} while (changed);
	return FITS;
}

/* ---------------------------------------------------------------------------------------- one choice -- */

/* Each of them may be on top; those above it are born in its session. */
static int break_circle(struct seating *g)
{
	for (int32_t k = 0; k < g->len; k++)
		if (g->seats[k].in_circle && !g->seats[k].leads)
			return STUCK;
	for (int32_t k = 0; k < g->len; k++) {
		int32_t parent = g->seats[k].last;

		if (g->seats[k].in_circle && (parent == TREE_NONE || !g->seats[parent].in_circle))
			TRY(add_choice(g, plan__seat_above(g, k), k));
	}
	return STUCK; /* the last of these is taken next */
}

static int try_once(struct seating *g)
{
	int r = fit_all(g);

	if (r == FITS)
		r = plan__seats(g);
	return r == CIRCLE ? break_circle(g) : r;
}

/* The last choice is taken back. */
static int take_other(struct seating *g)
{
	struct choice c = g->choices[--g->choices_len];

	while (g->trail_len > c.trail_len) {
		struct change *last = &g->trail[--g->trail_len];

		g->seats[last->who].up = last->up;
	}
	return put_above(g, c.who, c.session);
}

static int find_sessions(struct seating *g)
{
	int r = try_once(g);

	while (r == STUCK && g->choices_len > 0 && g->work <= WORK) {
		r = take_other(g);
		if (r >= 0 && r != STUCK)
			r = try_once(g);
	}
	return r;
}

/* ---------------------------------------------------------------------------------------- the whole -- */

static int32_t number_of(const struct seating *g, int32_t session)
{
	return session == TREE_NONE ? 0 : plan__process(g->pl, session)->nspid[0];
}

static int be_born_beside(struct seating *g, int32_t i)
{
	int32_t leader = g->seats[i].in;

	if (plan__notify(g->pl, i) != plan__notify(g->pl, leader))
		return plan__beside(g->pl, i, leader);
	plan__set_maker(g->pl, i, leader, true);
	return 0;
}

static int be_born(struct seating *g, int32_t i)
{
	struct planner *pl = g->pl;
	const struct seat *s = &g->seats[i];

	if (s->beside)
		return be_born_beside(g, i);
	if (s->parent == s->last) {
		plan__set_maker(pl, i, s->parent, false);
		return 0;
	}
	pl->nodes[i].low = s->first_to == TREE_NONE ? TREE_NONE : s->parent;
	return plan__by_helper(pl, i, s->parent, s->last == TREE_NONE ? 0 : plan__process(pl, s->last)->ns,
			       s->last);
}

/* A dead leader of a group alone is left to plan_ghosts.c. */
static int be_born_dying(struct seating *g, int32_t i)
{
	struct tree_process *ghost = &g->pl->birth.processes[i];

	if (!g->seats[i].leads)
		return 0;
	ghost->sid = number_of(g, i);
	ghost->parent = g->seats[i].parent;
	return 0;
}

static int make_all(struct seating *g)
{
	for (int32_t i = 0; i < g->len; i++) {
		g->pl->nodes[i].leads_session = g->seats[i].leads;
		g->pl->nodes[i].birth_session = number_of(g, plan__born_in(g, i));
	}
	for (int32_t i = 0; i < g->len; i++) /* they say which signal their leader is born with */
		if (g->seats[i].beside && plan__notify(g->pl, i) != SIGCHLD)
			TRY(be_born_beside(g, i));
	for (int32_t i = 0; i < g->len; i++)
		if (!g->seats[i].beside || plan__notify(g->pl, i) == SIGCHLD)
			TRY(i < g->wanted ? be_born(g, i) : be_born_dying(g, i));
	return 0;
}

/* `i` cannot be born in any other session, so those above it which were in that before their own setsid() cannot either. */
static void bind_up(struct seating *g, int32_t i)
{
	for (int32_t at = g->seats[i].parent; at != TREE_NONE; at = g->seats[at].parent) {
		if (!g->seats[at].leads || plan__born_in(g, i) == at || !g->pl->nodes[at].minds_nothing)
			return;
		g->pl->nodes[at].minds_nothing = false;
	}
}

/* A leader who makes nobody before its own setsid() may be born in whichever session its parent is in then. */
static void find_needs(struct seating *g)
{
	for (int32_t i = 0; i < g->len; i++)
		g->pl->nodes[i].minds_nothing = g->seats[i].leads;
	for (int32_t i = 0; i < g->len; i++) {
		bool orphan = i < g->wanted && g->seats[i].parent != g->seats[i].last;

		if (g->seats[i].leads && !orphan)
			continue;
		g->pl->nodes[i].minds_nothing = false;
		bind_up(g, i);
	}
}

static bool has_its_place(const struct seating *g, int32_t i)
{
	int32_t leader = g->seats[i].in;

	return g->seats[i].leads || leader == TREE_NONE ||
	       (g->seats[leader].leads && plan__comes_before(g->pl, leader, i));
}

static int32_t leader_of(const struct planner *pl, int32_t i)
{
	return plan__founder(pl, plan__process(pl, i)->sid);
}

/* `i`, born to its parent, can be made by that, which was in its session, too; or, of a dead leader's, beside that one. */
static bool can_be_made(const struct seating *g, int32_t i, bool beside_ghosts)
{
	int32_t parent = g->seats[i].last, leader = g->seats[i].in;

	if (leader == TREE_NONE)
		return true;
	if (parent == TREE_NONE || g->seats[leader].last == parent)
		return parent != TREE_NONE && g->seats[parent].in == leader;
	return g->seats[parent].in == leader ||
	       (g->seats[parent].leads && !(leader >= g->wanted && beside_ghosts));
}

/* Then the leader is born to that parent, and stays there. */
static bool put_beside(struct seating *g, int32_t i)
{
	struct seat *s = &g->seats[i], *leader = &g->seats[s->in];
	struct tree_process *ghost = &g->pl->birth.processes[s->in];
	int sig = plan__notify(g->pl, i);

	if (leader->last != s->last && (s->in < g->wanted || leader->bound))
		return false;
	if (plan__is_init(g->pl, s->in))
		return false;
	if (s->in >= g->wanted && sig != SIGCHLD) { /* it has no other */
		if (ghost->notify_signal != TREE_ABSENT && ghost->notify_signal != sig)
			return false;
		ghost->notify_signal = (int16_t)sig;
	}
	leader->last = s->last;
	leader->bound = s->beside = true;
	return true;
}

static void begin_seat(struct seating *g, int32_t i)
{
	const struct planner *pl = g->pl;
	int32_t last = i < g->wanted ? pl->nodes[i].parent : TREE_NONE;

	g->seats[i] = (struct seat){ .in = TREE_NONE, .up = TREE_NONE, .parent = TREE_NONE, .last = last };
	g->seats[i].bound = i < g->wanted && (plan__notify(pl, i) != SIGCHLD ||
					      (last == TREE_NONE && !plan__creator_inside(pl)));
}

static void find_leaders(struct seating *g)
{
	for (int32_t i = 0; i < g->wanted; i++) {
		int32_t leader = g->seats[i].in = leader_of(g->pl, i);

		if (leader != i && (leader < g->wanted || leader == TREE_NONE))
			continue;
		g->seats[leader].leads = true;
		g->seats[leader].in = leader;
	}
}

static bool begin(struct seating *g, bool beside_ghosts)
{
	for (int32_t i = 0; i < g->len; i++)
		begin_seat(g, i);
	find_leaders(g);
	for (int32_t i = 0; i < g->wanted; i++)
		if (!has_its_place(g, i))
			return false;
	for (int32_t i = 0; i < g->wanted; i++)
		if (g->seats[i].bound && !g->seats[i].leads && !can_be_made(g, i, beside_ghosts) &&
		    !put_beside(g, i))
			return false;
	return true;
}

static int seat_them(struct seating *g)
{
	int r = begin(g, false) ? find_sessions(g) : STUCK;

	if (r == STUCK) {
		g->trail_len = g->choices_len = 0;
		r = begin(g, true) ? find_sessions(g) : STUCK;
	}
	if (r == STUCK)
		return -EOPNOTSUPP; /* what plan_sessions.c and the others said holds */
	TRY(r);
	g->pl->lowered = true;
	find_needs(g);
	return make_all(g);
}

int plan__seat_below(struct planner *pl)
{
	int32_t wanted = (int32_t)pl->wanted->processes_len, len = wanted + (int32_t)pl->wanted->ghosts_len;
	struct seating g = { .pl = pl, .len = len, .wanted = wanted };
	int r = -ENOMEM;

	g.seats = calloc((size_t)len, sizeof *g.seats);
	g.order = calloc((size_t)len, sizeof *g.order);
	if (g.seats && g.order)
		r = seat_them(&g);
	free(g.seats);
	free(g.order);
	free(g.trail);
	free(g.choices);
	return r;
}
