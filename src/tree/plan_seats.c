/* SPDX-License-Identifier: MIT */
/*
 * plan_seats.c: whom each is born to, when it is known which session each is born in: see plan_below.c.
 *
 * Among those born in one session some have to be above others: for each process its parent in the end, or a leader that
 * this was born below.  Each is born to the lowest of those above it; the others have to be above that one, then.
 *
 * Keeps:   (W2) whoever has to be above somebody is so, if he is born in the same session;
 *          (W3) nobody is between a process that is bound and its parent.
 */
#include "plan_below.h"
#include "tree/internal.h"

#include <signal.h>

/* It can be left to its parent by somebody in between. */
static bool can_be_left(const struct planner *pl, int32_t i)
{
	return plan__notify(pl, i) == SIGCHLD && plan__same_space(pl, i, pl->nodes[i].parent);
}

bool plan__is_bound(const struct seating *g, int32_t i)
{
	return i < g->wanted && !can_be_left(g->pl, i);
}

bool plan__has_above(const struct seating *g, int32_t i)
{
	int32_t parent = g->pl->nodes[i].parent;

	return i < g->wanted && parent != TREE_NONE &&
	       !(plan__is_init(g->pl, parent) && can_be_left(g->pl, i));
}

/* Who is to be below `i`'s parent among those born where that is: `i`, or a leader whose session is above `i`'s. */
static int32_t whom_below(const struct seating *g, int32_t i)
{
	int32_t from = g->pl->nodes[i].parent, own = plan__born_in(g, i), session = plan__born_in(g, from),
		to = i;

	while (own != session) {
		to = own;
		own = g->seats[own].up;
	}
	while (to != from && plan__is_bound(g, to) && g->pl->nodes[to].parent != from &&
	       plan__born_in(g, g->pl->nodes[to].parent) == session && g->pl->nodes[to].parent != TREE_NONE)
		to = g->pl->nodes[to].parent; /* nobody is between these */
	return to;
}

static bool lives_inside(const struct seating *g, int32_t i, int32_t above)
{
	int32_t ns = plan__process(g->pl, i)->ns, outer = plan__process(g->pl, above)->ns;

	return tree__ns_is_below(g->pl->wanted, ns, outer) && !(ns == outer && plan__is_init(g->pl, i));
}

static int link_all(struct seating *g)
{
	for (int32_t i = 0; i < g->len; i++) {
		struct seat *s = &g->seats[i];

		s->first_from = s->first_to = s->to = TREE_NONE;
		s->waits = s->place = s->mark = 0;
		s->in_circle = false;
	}
	for (int32_t i = g->wanted - 1; i >= 0; i--) {
		int32_t from = g->pl->nodes[i].parent;
		struct seat *s = &g->seats[i];

		if (!plan__has_above(g, i) || (s->to = whom_below(g, i)) == from)
			continue;
		if (!lives_inside(g, s->to, from))
			return STUCK;
		s->next_of_from = g->seats[from].first_from;
		g->seats[from].first_from = i;
		s->next_of_to = g->seats[s->to].first_to;
		g->seats[s->to].first_to = i;
		g->seats[s->to].waits++;
	}
	return FITS;
}

/* Those of outer namespaces first. */
static void sort(struct seating *g)
{
	uint8_t last = 1;

	g->placed = 0;
	for (uint8_t levels = 1; levels <= last; levels++) {
		int32_t head = g->placed;

		for (int32_t i = 0; i < g->len; i++) {
			uint8_t l = plan__process(g->pl, i)->levels;

			last = l > last ? l : last;
			if (l == levels && !g->seats[i].waits)
				g->order[g->placed++] = i;
		}
		for (; head < g->placed; head++) {
			int32_t i = g->order[head];

			g->seats[i].place = head + 1;
			for (int32_t k = g->seats[i].first_from; k != TREE_NONE;
			     k = g->seats[k].next_of_from) {
				int32_t to = g->seats[k].to;

				if (--g->seats[to].waits == 0 && plan__process(g->pl, to)->levels == levels)
					g->order[g->placed++] = to;
			}
		}
	}
}

/* ------------------------------------------------------------------------------------------- circles -- */

enum { ABOVE = 1, BELOW = 2 };

/* Marks whoever is above `i`, or below it, among those that have no place. */
static void mark_all(struct seating *g, int32_t i, uint8_t how)
{
	int32_t *queue = g->order + g->placed, len = 0;

	g->seats[i].mark |= how;
	queue[len++] = i;
	for (int32_t head = 0; head < len; head++) {
		const struct seat *s = &g->seats[queue[head]];
		int32_t k = how == ABOVE ? s->first_to : s->first_from;

		for (; k != TREE_NONE; k = how == ABOVE ? g->seats[k].next_of_to : g->seats[k].next_of_from) {
			int32_t next = how == ABOVE ? g->pl->nodes[k].parent : g->seats[k].to;

			if (g->seats[next].place || g->seats[next].mark & how)
				continue;
			g->seats[next].mark |= how;
			queue[len++] = next;
		}
	}
}

/* One that is above itself: up from any that waits. */
static int32_t find_circle(struct seating *g)
{
	int32_t i = 0;

	while (g->seats[i].place)
		i++;
	for (int32_t steps = 0; steps < g->len; steps++) {
		int32_t k = g->seats[i].first_to;

		while (g->seats[g->pl->nodes[k].parent].place)
			k = g->seats[k].next_of_to;
		i = g->pl->nodes[k].parent;
	}
	return i;
}

static void mark_circle(struct seating *g)
{
	int32_t i = find_circle(g);

	mark_all(g, i, ABOVE);
	mark_all(g, i, BELOW);
	for (int32_t k = 0; k < g->len; k++)
		g->seats[k].in_circle = g->seats[k].mark == (ABOVE | BELOW);
}

int32_t plan__seat_above(const struct seating *g, int32_t i)
{
	int32_t k = g->seats[i].first_to;

	while (!g->seats[g->pl->nodes[k].parent].in_circle)
		k = g->seats[k].next_of_to;
	return g->pl->nodes[k].parent;
}

/* -------------------------------------------------------------------------------------------- births -- */

/* `other` is to be above `i`, who is born to somebody else: above that one, then. */
static bool hand_up(struct seating *g, int32_t k, int32_t i)
{
	int32_t other = g->pl->nodes[k].parent;

	while (plan__is_bound(g, i) && g->pl->nodes[i].parent != other &&
	       plan__born_in(g, g->pl->nodes[i].parent) == plan__born_in(g, i) &&
	       g->pl->nodes[i].parent != TREE_NONE)
		i = g->pl->nodes[i].parent;
	if (plan__is_bound(g, i) && g->pl->nodes[i].parent == other)
		return true;
	if (g->seats[other].place >= g->seats[i].place)
		return false;
	g->seats[k].next_of_to = g->seats[i].first_to;
	g->seats[i].first_to = k;
	return true;
}

/* Whom `i` is born to: the lowest of those above it. */
static bool seat(struct seating *g, int32_t i)
{
	struct seat *s = &g->seats[i];
	int32_t parent = i < g->wanted ? g->pl->nodes[i].parent : TREE_NONE;

	s->parent = plan__born_in(g, i);
	if (s->first_to == TREE_NONE) {
		if (parent != TREE_NONE &&
		    (plan__born_in(g, parent) == s->parent || g->seats[parent].in == s->parent))
			s->parent = parent; /* an init, to which it need not be left then */
		return true;
	}
	for (int32_t k = s->first_to; k != TREE_NONE; k = g->seats[k].next_of_to) {
		int32_t above = g->pl->nodes[k].parent;

		if (s->parent == plan__born_in(g, i) || g->seats[above].place > g->seats[s->parent].place)
			s->parent = above;
	}
	for (int32_t k = s->first_to, next; k != TREE_NONE; k = next) {
		next = g->seats[k].next_of_to;
		if (g->pl->nodes[k].parent != s->parent && !hand_up(g, k, s->parent))
			return false;
	}
	return true;
}

static bool seat_all(struct seating *g)
{
	for (int32_t k = g->len; k-- > 0;) {
		int32_t i = g->order[k];

		if (!seat(g, i) || (plan__is_bound(g, i) && g->seats[i].parent != g->pl->nodes[i].parent))
			return false;
	}
	return true;
}

int plan__seats(struct seating *g)
{
	int r = link_all(g);

	if (r != FITS)
		return r;
	sort(g);
	if (g->placed == g->len)
		return seat_all(g) ? FITS : STUCK;
	mark_circle(g);
	return CIRCLE;
}
