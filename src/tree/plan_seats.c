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

bool plan__has_above(const struct seating *g, int32_t i)
{
	int32_t parent = plan__seat_parent(g, i);

	return parent >= 0 && (g->seats[i].bound || !plan__is_init(g->pl, parent));
}

/* It is bound to a parent that never was in its session. */
static bool is_beside(const struct seating *g, int32_t i)
{
	int32_t own = plan__born_in(g, i), parent = plan__seat_parent(g, i);

	return g->seats[i].bound && own != plan__born_in(g, parent) &&
	       (parent == TREE_NONE || own != g->seats[parent].in);
}

/* How many sessions are above it. */
static int32_t depth(const struct seating *g, int32_t i)
{
	int32_t n = 0;

	for (i = plan__born_in(g, i); i != TREE_NONE; i = g->seats[i].up)
		n++;
	return n;
}

int32_t plan__deepest_beside(const struct seating *g)
{
	int32_t deepest = 0;

	for (int32_t i = 0; i < g->len; i++)
		deepest = g->seats[i].deep > deepest ? g->seats[i].deep : deepest;
	return deepest;
}

bool plan__is_next_to_parent(const struct seating *g, int32_t i, int32_t session)
{
	int32_t parent = plan__seat_parent(g, i);

	return g->seats[i].bound && parent != TREE_NONE && plan__born_in(g, parent) == session;
}

int32_t plan__top_of(const struct seating *g, int32_t i)
{
	int32_t own = plan__born_in(g, i), session = plan__born_in(g, plan__seat_parent(g, i)), to = i;

	while (own != session) {
		to = own;
		own = g->seats[own].up;
	}
	return to;
}

/* Nobody is between one that is bound and its parent: up to whoever else can be above. */
static int32_t top_of_bound(const struct seating *g, int32_t i, int32_t above)
{
	while (i != above && plan__is_next_to_parent(g, i, plan__born_in(g, above)) &&
	       plan__seat_parent(g, i) != above)
		i = plan__seat_parent(g, i);
	return i;
}

/* Those between a process and its parent live where that does: from a namespace inside it nobody is left to it. */
static bool comes_out(const struct seating *g, int32_t i, int32_t above)
{
	int32_t parent = plan__seat_parent(g, i), ns, outer;

	if (parent < 0)
		return true;
	ns = plan__process(g->pl, above)->ns;
	outer = plan__process(g->pl, parent)->ns;
	return ns == outer || !tree__ns_is_below(g->pl->wanted, ns, outer);
}

bool plan__can_be_below(const struct seating *g, int32_t i, int32_t above)
{
	int32_t ns, outer = plan__process(g->pl, above)->ns;

	i = top_of_bound(g, i, above);
	ns = plan__process(g->pl, i)->ns;
	if (i == above)
		return true;
	if (plan__seat_parent(g, i) != above && (g->seats[i].bound || !comes_out(g, i, above)))
		return false;
	return tree__ns_is_below(g->pl->wanted, ns, outer) && !(ns == outer && plan__is_init(g->pl, i));
}

/* Who is to be below `i`'s parent. */
static int32_t whom_below(struct seating *g, int32_t i)
{
	g->seats[i].whose = plan__top_of(g, i);
	return top_of_bound(g, g->seats[i].whose, plan__seat_parent(g, i));
}

static int link_all(struct seating *g)
{
	for (int32_t i = 0; i < g->len; i++) {
		struct seat *s = &g->seats[i];

		s->first_from = s->first_to = s->to = TREE_NONE;
		s->beside = is_beside(g, i);
		s->deep = s->beside ? depth(g, i) : 0;
		s->sig = i < g->wanted ? plan__notify(g->pl, i) : SIGCHLD;
		s->waits = s->place = s->walk = s->circle = s->tried = 0;
	}
	for (int32_t i = g->len - 1; i >= 0; i--) {
		int32_t from = plan__seat_parent(g, i);
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

static void rank_all(struct seating *g)
{
	for (int32_t i = 0; i < g->len; i++) {
		int32_t top = i;

		while (plan__is_next_to_parent(g, top, plan__born_in(g, i)))
			top = plan__seat_parent(g, top);
		g->seats[i].rank = g->seats[top].place;
	}
}

static bool is_lower(const struct seating *g, int32_t a, int32_t b)
{
	const struct seat *s = &g->seats[a], *t = &g->seats[b];

	return s->rank != t->rank ? s->rank > t->rank : s->place > t->place;
}

/* ------------------------------------------------------------------------------------------- circles -- */

/* One that has to be above it, and has no place either. */
static int32_t one_above(const struct seating *g, int32_t i)
{
	int32_t k = g->seats[i].first_to;

	while (g->seats[plan__seat_parent(g, k)].place)
		k = g->seats[k].next_of_to;
	return plan__seat_parent(g, k);
}

/* Those below `i` that have no place. */
static int32_t mark_below(struct seating *g, int32_t i)
{
	int32_t *queue = g->order + g->placed, len = 0;

	g->seats[i].mark = true;
	queue[len++] = i;
	for (int32_t head = 0; head < len; head++)
		for (int32_t k = g->seats[queue[head]].first_from; k != TREE_NONE;
		     k = g->seats[k].next_of_from) {
			int32_t next = g->seats[k].to;

			if (g->seats[next].place || g->seats[next].mark)
				continue;
			g->seats[next].mark = true;
			queue[len++] = next;
		}
	return len;
}

/* Those of them that are above `i`, too. */
static void mark_circle(struct seating *g, int32_t i)
{
	int32_t below = mark_below(g, i);

	g->circle_len = 0;
	g->seats[i].circle = ++g->circles;
	g->circle[g->circle_len++] = i;
	for (int32_t head = 0; head < g->circle_len; head++)
		for (int32_t k = g->seats[g->circle[head]].first_to; k != TREE_NONE;
		     k = g->seats[k].next_of_to) {
			int32_t next = plan__seat_parent(g, k);

			if (!g->seats[next].mark || g->seats[next].circle == g->circles)
				continue;
			g->seats[next].circle = g->circles;
			g->circle[g->circle_len++] = next;
		}
	for (int32_t k = 0; k < below; k++)
		g->seats[g->order[g->placed + k]].mark = false;
	g->work += below;
}

bool plan__next_circle(struct seating *g)
{
	for (; g->first_waiting < g->len; g->first_waiting++) {
		int32_t i = g->first_waiting;

		if (g->seats[i].place || g->seats[i].walk)
			continue;
		for (g->walks++; !g->seats[i].walk; i = one_above(g, i))
			g->seats[i].walk = g->walks;
		if (g->seats[i].walk != g->walks || g->seats[i].circle)
			continue;
		mark_circle(g, i);
		return true;
	}
	return false;
}

/* Up from `i`, as far as nobody can be in between. */
static int32_t one_up(const struct seating *g, int32_t i)
{
	return plan__is_next_to_parent(g, i, plan__born_in(g, i)) ? plan__seat_parent(g, i) : TREE_NONE;
}

static bool is_on_way(const struct seating *g, int32_t i, int32_t from)
{
	while (from != TREE_NONE && from != i)
		from = one_up(g, from);
	return from == i;
}

/* Nobody else of the circle is above it whatever session he is born in, and all others lead sessions. */
static bool can_be_on_top(const struct seating *g, int32_t leader)
{
	int32_t top = leader, parent;

	while (one_up(g, top) != TREE_NONE)
		top = one_up(g, top);
	parent = plan__seat_parent(g, top);
	if (g->seats[top].circle != g->circles || (parent >= 0 && g->seats[parent].circle == g->circles))
		return false;
	for (int32_t n = 0; n < g->circle_len; n++)
		if (!g->seats[g->circle[n]].leads && !is_on_way(g, g->circle[n], leader))
			return false;
	return true;
}

bool plan__can_be_top(struct seating *g, int32_t k)
{
	int32_t above = plan__seat_parent(g, k), leader = g->seats[k].whose;
	struct seat *s = &g->seats[leader];

	if (leader == k || !s->leads || s->tried == g->circles || g->seats[above].circle != g->circles ||
	    is_on_way(g, above, leader))
		return false;
	s->tried = g->circles;
	return can_be_on_top(g, leader);
}

/* -------------------------------------------------------------------------------------------- births -- */

/* `other` is to be above `i`, who is born to somebody else: above that one, then. */
static bool hand_up(struct seating *g, int32_t k, int32_t i)
{
	int32_t other = plan__seat_parent(g, k);

	while (plan__is_next_to_parent(g, i, plan__born_in(g, i)) && plan__seat_parent(g, i) != other)
		i = plan__seat_parent(g, i);
	if (g->seats[i].bound && plan__seat_parent(g, i) == other)
		return true;
	if (g->seats[other].rank >= g->seats[i].place)
		return false;
	g->seats[k].next_of_to = g->seats[i].first_to;
	g->seats[i].first_to = k;
	return true;
}

/* Whom `i` is born to: the lowest of those above it. */
static bool seat(struct seating *g, int32_t i)
{
	struct seat *s = &g->seats[i];
	int32_t parent = plan__seat_parent(g, i);

	s->parent = s->beside ? parent : plan__born_in(g, i);
	if (s->beside)
		return s->first_to == TREE_NONE; /* nobody of its session is above its parent */
	if (s->first_to == TREE_NONE) {
		if (parent >= 0 &&
		    (plan__born_in(g, parent) == s->parent || g->seats[parent].in == s->parent))
			s->parent = parent; /* an init, to which it need not be left then */
		return true;
	}
	for (int32_t k = s->first_to; k != TREE_NONE; k = g->seats[k].next_of_to) {
		int32_t above = plan__seat_parent(g, k);

		if (s->parent == plan__born_in(g, i) || is_lower(g, above, s->parent))
			s->parent = above;
	}
	for (int32_t k = s->first_to, next; k != TREE_NONE; k = next) {
		next = g->seats[k].next_of_to;
		if (plan__seat_parent(g, k) != s->parent && !hand_up(g, k, s->parent))
			return false;
	}
	return true;
}

static bool is_really_above(const struct seating *g, int32_t i)
{
	int32_t parent = plan__seat_parent(g, i), at = g->seats[i].parent;

	if (!plan__has_above(g, i))
		return true;
	while (at != TREE_NONE && at != parent)
		at = g->seats[at].parent;
	return at == parent;
}

/* Born there, it can be its parent's in the end: by way of a helper in that one's namespace, if it is another. */
static bool can_get_there(const struct seating *g, int32_t i)
{
	int32_t parent = plan__seat_parent(g, i), at = g->seats[i].parent;
	int32_t ns = parent < 0 ? 0 : plan__process(g->pl, parent)->ns;

	if (g->seats[i].bound || at == parent)
		return at == parent;
	return i >= g->wanted || at == TREE_NONE ||
	       tree__ns_is_below(g->pl->wanted, ns, plan__process(g->pl, at)->ns);
}

static bool seat_all(struct seating *g)
{
	bool beside = false;

	for (int32_t k = g->len; k-- > 0;) {
		int32_t i = g->order[k];

		if (!seat(g, i) || !can_get_there(g, i))
			return false;
		beside = beside || g->seats[i].beside;
	}
	/* those beside a leader, and who is below them, are in its session, but not below it */
	for (int32_t i = 0; beside && i < g->len; i++)
		if (!is_really_above(g, i))
			return false;
	return true;
}

/* ------------------------------------------------------------------------------------------- signals -- */

/* Who is beside a leader has the signal that this was born with, or SIGCHLD. */
static bool give_signal(struct seating *g, int32_t i)
{
	struct seat *leader = &g->seats[plan__born_in(g, i)];
	int sig = g->seats[i].sig;

	if (sig == SIGCHLD || leader->sig == sig)
		return true;
	if (leader->sig != SIGCHLD)
		return false;
	leader->sig = sig;
	return true;
}

static bool give_signals(struct seating *g)
{
	for (int32_t deep = plan__deepest_beside(g); deep > 0; deep--)
		for (int32_t i = 0; i < g->len; i++)
			if (g->seats[i].deep == deep && !give_signal(g, i))
				return false;
	return true;
}

int plan__seats(struct seating *g)
{
	int r = link_all(g);

	g->first_waiting = g->walks = g->circles = 0;
	if (r != FITS)
		return r;
	sort(g);
	rank_all(g);
	if (g->placed == g->len)
		return seat_all(g) && give_signals(g) ? FITS : STUCK;
	return CIRCLE;
}
