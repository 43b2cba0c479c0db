/* SPDX-License-Identifier: MIT */
/*
 * plan_below.c: who was below whom at first, where the usual makers are not enough.
 *
 * plan_sessions.c and plan_ghosts.c look at one process after the other, where it is in the end.  Two leaders with children
 * in each other's sessions, and whoever else was below somebody only at first, are left to this: all at once.
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
 * A process that cannot be left to its parent, because all of its session live inside that one's namespace, or because
 * of its exit signal, is born to it: it is bound.  If that parent never was in its session, the session's leader is bound
 * to it, too, and makes the process beside itself; whose home a dead leader's is, is a choice.  To an init everybody in its
 * namespace can be left.
 *
 * Keeps:   (W1) up[] is a tree; what is in it follows from the choices made so far, and is taken back with them.
 * Costs:   each pass over all processes deepens a leader's way up, or is the last one.  How many choices are taken back is
 *          not known before, so there is an end to that: after WORK steps it was all in vain.
 */
#include "plan_below.h"
#include "tree/internal.h"

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

static int note_change(struct seating *g, int32_t who)
{
	const struct seat *s = &g->seats[who];

	TRY(plan__grow((void **)&g->trail, &g->trail_cap, g->trail_len + 1, sizeof *g->trail));
	g->trail[g->trail_len++] = (struct change){ who, s->up, s->home, s->bound };
	return CHANGED;
}

static int set_up(struct seating *g, int32_t who, int32_t session)
{
	if (!plan__comes_before(g->pl, session, who))
		return STUCK;
	TRY(note_change(g, who));
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

/* `i`, bound to `parent`, is made beside its session's leader, which is born to that, too. */
static int bind_leader(struct seating *g, int32_t leader, int32_t parent)
{
	struct seat *s = &g->seats[leader];

	if (s->bound)
		return FITS;
	TRY(note_change(g, leader));
	s->bound = true;
	if (leader >= g->wanted)
		s->home = parent;
	return CHANGED;
}

static bool can_be_beside(const struct seating *g, int32_t leader, int32_t parent)
{
	int32_t home = leader == TREE_NONE ? NO_HOME : plan__seat_parent(g, leader);

	return leader != TREE_NONE && leader != parent && !plan__is_init(g->pl, leader) &&
	       (home == parent || (leader >= g->wanted && home == NO_HOME)) &&
	       plan__comes_before(g->pl, plan__born_in(g, parent), leader);
}

/* Its parent was in its session before its own setsid(). */
static bool can_have_been_in(struct seating *g, int32_t parent, int32_t session)
{
	return parent != TREE_NONE && session != TREE_NONE && g->seats[parent].leads &&
	       !is_above(g, parent, session);
}

/* It is born to its parent, which was in its session then; or to both that and the session's leader. */
static int fit_bound(struct seating *g, int32_t i)
{
	int32_t parent = plan__seat_parent(g, i), own = plan__born_in(g, i);
	int32_t in = parent < 0 ? TREE_NONE : g->seats[parent].in;

	if (!g->seats[i].bound || own == in || own == plan__born_in(g, parent))
		return FITS;
	if (can_be_beside(g, own, parent)) {
		if (!g->seats[own].bound && can_have_been_in(g, parent, own))
			TRY(add_choice(g, parent, own));
		return bind_leader(g, own, parent);
	}
	if (g->seats[i].leads && !is_above(g, in, own))
		return put_above(g, i, in);
	return can_have_been_in(g, parent, own) ? put_above(g, parent, own) : STUCK;
}

/* Its parent cannot be above the leader of its session: then it was in that session itself. */
static int fit_order(struct seating *g, int32_t i)
{
	int32_t parent = plan__seat_parent(g, i);
	int32_t top = plan__has_above(g, i) ? plan__top_of(g, i) : i;

	if (top == i || top == parent || plan__can_be_below(g, top, parent))
		return FITS;
	return g->seats[parent].leads ? put_above(g, parent, top) : STUCK;
}

/* Nobody of its session can be in between: that is all in a namespace inside its parent's. */
static bool is_further_in(const struct seating *g, int32_t session, int32_t parent)
{
	int32_t ns, outer;

	if (session == TREE_NONE || parent < 0)
		return false;
	ns = plan__process(g->pl, session)->ns;
	outer = plan__process(g->pl, parent)->ns;
	return ns != outer && tree__ns_is_below(g->pl->wanted, ns, outer);
}

static int fit(struct seating *g, int32_t i)
{
	int32_t parent = plan__seat_parent(g, i), own = plan__born_in(g, i), above;

	if (parent == NO_HOME)
		return FITS;
	if (!g->seats[i].bound && is_further_in(g, own, parent)) {
		TRY(note_change(g, i));
		g->seats[i].bound = true;
		return CHANGED;
	}
	above = plan__born_in(g, parent);
	if (!plan__has_above(g, i) || is_above(g, above, own))
		return FITS;
	return put_above(g, g->seats[i].leads ? i : own, above);
}

/* One pass after the other until nothing is changed any more; `once`: until something is. */
static int fit_each(struct seating *g, int (*fits)(struct seating *g, int32_t i), bool once)
{
	bool changed;

	do {
		changed = false;
		g->work += g->len;
		for (int32_t k = 0; k < g->len && !(once && changed); k++) {
			int r = fits(g, k < g->wanted ? g->pl->order[k] : k);

			if (r < 0 || r == STUCK || g->work > WORK)
				return r < 0 ? r : STUCK;
			changed |= r == CHANGED;
		}
	} while (changed && !once);
	return changed ? CHANGED : FITS;
}

/* Until all leaders are born where they have to be.  Each asks only when what comes before it holds for all. */
static int fit_all(struct seating *g)
{
	int r;

	do {
		r = fit_each(g, fit, false);
		if (r == FITS)
			r = fit_each(g, fit_bound, true);
		if (r == FITS)
			r = fit_each(g, fit_order, true);
	} while (r == CHANGED);
	return r;
}

/* ---------------------------------------------------------------------------------------- one choice -- */

/* How many are below it in the end, and may have to be born deeper with it. */
static int32_t weight(const struct seating *g, int32_t who)
{
	return who < g->wanted ? g->pl->nodes[who].leave - g->pl->nodes[who].enter : 0;
}

/* Each of its leaders may be on top; whoever is above that is born in its session.  The lightest choice is tried first. */
static int break_circle(struct seating *g)
{
	struct choice best = { .who = TREE_NONE }, other;

	for (int32_t n = 0; n < g->circle_len; n++)
		for (int32_t k = g->seats[g->circle[n]].first_to; k != TREE_NONE;
		     k = g->seats[k].next_of_to) {
			if (!plan__can_be_top(g, k))
				continue;
			other = (struct choice){ .who = plan__seat_parent(g, k),
						 .session = g->seats[k].whose };
			if (best.who == TREE_NONE || weight(g, other.who) < weight(g, best.who)) {
				struct choice last = best;

				best = other;
				other = last;
			}
			if (other.who != TREE_NONE)
				TRY(add_choice(g, other.who, other.session));
		}
	return best.who == TREE_NONE ? STUCK : put_above(g, best.who, best.session);
}

/* They have nobody in common. */
static int break_circles(struct seating *g)
{
	int r = CHANGED;

	while (r >= 0 && r != STUCK && plan__next_circle(g))
		r = break_circle(g);
	return r;
}

static int try_once(struct seating *g)
{
	int r;

	do {
		r = fit_all(g);
		if (r == FITS)
			r = plan__seats(g);
		if (r == CIRCLE)
			r = break_circles(g);
	} while (r == CHANGED);
	return r;
}

/* The last choice is taken back. */
static int take_other(struct seating *g)
{
	struct choice c = g->choices[--g->choices_len];

	while (g->trail_len > c.trail_len) {
		struct change *last = &g->trail[--g->trail_len];

		g->seats[last->who].up = last->up;
		g->seats[last->who].home = last->home;
		g->seats[last->who].bound = last->bound;
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

static int be_born(struct seating *g, int32_t i)
{
	struct planner *pl = g->pl;
	int32_t parent = g->seats[i].parent, last;

	if (i >= g->wanted && !g->seats[i].leads)
		return 0; /* of a group alone: plan_ghosts.c */
	pl->nodes[i].leads_session = g->seats[i].leads;
	pl->nodes[i].birth_session = number_of(g, plan__born_in(g, i));
	if (i >= g->wanted) {
		pl->birth.processes[i].sid = number_of(g, i);
		pl->birth.processes[i].notify_signal =
			(int16_t)(g->seats[i].sig == SIGCHLD ? TREE_ABSENT : g->seats[i].sig);
		pl->birth.processes[i].parent = parent;
		return 0;
	}
	if (parent == pl->nodes[i].parent) {
		plan__set_maker(pl, i, parent, false);
		return 0;
	}
	pl->nodes[i].low = g->seats[i].first_to == TREE_NONE ? TREE_NONE : parent;
	last = pl->nodes[i].parent;
	return plan__by_helper(pl, i, parent, last == TREE_NONE ? 0 : plan__process(pl, last)->ns, last);
}

/* With CLONE_PARENT, or left there by somebody who was made so. */
static int be_born_beside(struct seating *g, int32_t i)
{
	int32_t leader = g->seats[i].in == i ? g->seats[i].up : g->seats[i].in;

	if (plan__notify(g->pl, i) != plan__notify(g->pl, leader))
		return plan__beside(g->pl, i, leader);
	plan__set_maker(g->pl, i, leader, true);
	return 0;
}

/* Those with another signal first: it is their leaders' then. */
static int all_be_born_beside(struct seating *g)
{
	for (int32_t deep = plan__deepest_beside(g); deep > 0; deep--)
		for (int other = 1; other >= 0; other--)
			for (int32_t i = 0; i < g->len; i++)
				if (g->seats[i].deep == deep && (plan__notify(g->pl, i) != SIGCHLD) == other)
					TRY(be_born_beside(g, i));
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
		bool orphan = i < g->wanted && g->seats[i].parent != g->pl->nodes[i].parent;

		if (g->seats[i].leads && !orphan && !g->seats[i].beside)
			continue;
		g->pl->nodes[i].minds_nothing = false;
		if (!g->seats[i].beside)
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

/* An orphan has SIGCHLD as its signal, and those outside get none. */
static void begin_seat(struct seating *g, int32_t i)
{
	bool wanted = i < g->wanted;

	g->seats[i] = (struct seat){ .in = TREE_NONE, .up = TREE_NONE, .home = NO_HOME, .parent = TREE_NONE };
	g->seats[i].bound = wanted && (plan__notify(g->pl, i) != SIGCHLD ||
				       (g->pl->nodes[i].parent == TREE_NONE && !plan__creator_inside(g->pl)));
}

static bool begin(struct seating *g)
{
	for (int32_t i = 0; i < g->len; i++)
		begin_seat(g, i);
	for (int32_t i = 0; i < g->wanted; i++) {
		int32_t leader = g->seats[i].in = leader_of(g->pl, i);

		if (leader != i && (leader < g->wanted || leader == TREE_NONE))
			continue;
		g->seats[leader].leads = true;
		g->seats[leader].in = leader;
	}
	for (int32_t i = 0; i < g->wanted; i++)
		if (!has_its_place(g, i))
			return false;
	return true;
}

static int seat_them(struct seating *g)
{
	int r = begin(g) ? find_sessions(g) : STUCK;

	if (r == STUCK)
		return -EOPNOTSUPP; /* what plan_sessions.c and the others said holds */
	TRY(r);
	find_needs(g);
	for (int32_t i = 0; i < g->len; i++)
		TRY(be_born(g, i));
	return all_be_born_beside(g);
}

int plan__seat_below(struct planner *pl)
{
	int32_t wanted = (int32_t)pl->wanted->processes_len, len = wanted + (int32_t)pl->wanted->ghosts_len;
	struct seating g = { .pl = pl, .len = len, .wanted = wanted };
	int r = -ENOMEM;

	g.seats = calloc((size_t)len, sizeof *g.seats);
	g.order = calloc((size_t)len, sizeof *g.order);
	g.circle = calloc((size_t)len, sizeof *g.circle);
	if (g.seats && g.order && g.circle)
		r = seat_them(&g);
	free(g.seats);
	free(g.order);
	free(g.circle);
	free(g.trail);
	free(g.choices);
	return r;
}
