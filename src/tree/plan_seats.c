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

int32_t plan__top_of(const struct seating *g, int32_t i)
{
	int32_t own = plan__born_in(g, i), session = plan__born_in(g, g->seats[i].last), to = i;

	while (own != session) {
		to = own;
		own = g->seats[own].up;
	}
	return to;
}

bool plan__can_be_below(const struct seating *g, int32_t i, int32_t above)
{
	int32_t ns = plan__process(g->pl, i)->ns, outer = plan__process(g->pl, above)->ns;

	return tree__ns_is_below(g->pl->wanted, ns, outer) && !(ns == outer && plan__is_init(g->pl, i));
}

/* Who is to be below `i`'s parent; nobody is between one that is bound and its own. */
static int32_t whom_below(const struct seating *g, int32_t i)
{
	int32_t from = g->seats[i].last, session = plan__born_in(g, from), to = plan__top_of(g, i);

	while (to != from && g->seats[to].bound && g->seats[to].last != from &&
	       g->seats[to].last != TREE_NONE && plan__born_in(g, g->seats[to].last) == session)
		to = g->seats[to].last;
	return to;
}

static int link_all(struct seating *g)
{
	for (int32_t i = 0; i < g->len; i++) {
		struct seat *s = &g->seats[i];

		s->first_from = s->first_to = s->to = TREE_NONE;
		s->waits = s->place = s->mark = 0;
		s->in_circle = false;
	}
	for (int32_t i = g->len - 1; i >= 0; i--) {
		int32_t from = g->seats[i].last;
		struct seat *s = &g->seats[i];

		if (!plan__has_above(g, i) || (s->to = whom_below(g, i)) == from)
			continue;
		if (!plan__can_be_below(g, s->to, from))
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
			int32_t next = how == ABOVE ? g->seats[k].last : g->seats[k].to;

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

		while (g->seats[g->seats[k].last].place)
			k = g->seats[k].next_of_to;
		i = g->seats[k].last;
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

	while (!g->seats[g->seats[k].last].in_circle)
		k = g->seats[k].next_of_to;
	return g->seats[k].last;
}

/* -------------------------------------------------------------------------------------------- births -- */

/* `other` is to be above `i`, who is born to somebody else: above that one, then. */
static bool hand_up(struct seating *g, int32_t k, int32_t i)
{
	int32_t other = g->seats[k].last;

	while (g->seats[i].bound && g->seats[i].last != other &&
	       plan__born_in(g, g->seats[i].last) == plan__born_in(g, i) && g->seats[i].last != TREE_NONE)
		i = g->seats[i].last;
	if (g->seats[i].bound && g->seats[i].last == other)
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
	int32_t parent = s->last;

	if (s->beside) {
		s->parent = s->last;
		return s->first_to == TREE_NONE;
	}
	s->parent = plan__born_in(g, i);
	if (s->first_to == TREE_NONE) {
		if (parent != TREE_NONE &&
		    (plan__born_in(g, parent) == s->parent || g->seats[parent].in == s->parent))
			s->parent = parent; /* an init, to which it need not be left then */
		return true;
	}
	for (int32_t k = s->first_to; k != TREE_NONE; k = g->seats[k].next_of_to) {
		int32_t above = g->seats[k].last;

		if (s->parent == plan__born_in(g, i) || g->seats[above].place > g->seats[s->parent].place)
			s->parent = above;
	}
	for (int32_t k = s->first_to, next; k != TREE_NONE; k = next) {
		next = g->seats[k].next_of_to;
		if (g->seats[k].last != s->parent && !hand_up(g, k, s->parent))
			return false;
	}
	return true;
}

/* Born there, it can be its parent's in the end: by way of a helper in that one's namespace, if that is another. */
static bool can_get_there(const struct seating *g, int32_t i)
{
	const struct seat *s = &g->seats[i];
	int32_t ns = s->last == TREE_NONE ? 0 : plan__process(g->pl, s->last)->ns;

	if (s->bound || s->beside || s->parent == s->last)
		return s->parent == s->last;
	return i >= g->wanted || s->parent == TREE_NONE ||
	       tree__ns_is_below(g->pl->wanted, ns, plan__process(g->pl, s->parent)->ns);
}

static bool seat_all(struct seating *g)
{
	for (int32_t k = g->len; k-- > 0;) {
		int32_t i = g->order[k];

		if (!seat(g, i) || !can_get_there(g, i))
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
