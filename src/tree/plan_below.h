/* SPDX-License-Identifier: MIT */
/*
 * plan_below.h: what plan_below.c and plan_seats.c share: who is born in which session, and who is above whom there.
 */
#ifndef SETTID_PLAN_BELOW_H
#define SETTID_PLAN_BELOW_H

#include "plan_internal.h"

/* One for each process and ghost. */
struct seat {
	bool leads;
	int32_t in;   /* the leader of its session; TREE_NONE: that is outside */
	int32_t up;   /* a leader: the leader of the session that it is born in */
	int32_t home; /* a ghost: whom it has to be born to, or NO_HOME */
	bool bound;   /* nobody can be between it and its parent in the end, or that home */
	bool beside;  /* it is made by its session's leader, with CLONE_PARENT: then */
	int32_t deep; /* so many sessions are above it; else 0 */
	int sig;      /* what it is born with as its exit signal */
	/* its parent in the end is to be above `to`, who is born in the same session */
	int32_t to, next_of_from, next_of_to;
	int32_t whose; /* for the sake of this one: itself, or a leader, whose session it is in or inside */
	int32_t first_from, first_to; /* those that say so about it, as the one above and as the one below */
	int32_t waits, place;         /* in an order from above: how many come before it, and how many did */
	int32_t rank; /* the place of the uppermost of those between whom and it nobody can be */
	bool mark;
	int32_t walk, circle; /* in which it was found, or 0 */
	int32_t tried;        /* the circle on top of which it was tried, or 0 */
	int32_t parent;       /* whom it is born to */
};

#define NO_HOME (-2)

/* `who` was such before. */
struct change {
	int32_t who, up, home;
	bool bound;
};

/* `who` could be born in `session` instead, after what was done until then. */
struct choice {
	uint32_t trail_len;
	int32_t who, session;
};

struct seating {
	struct planner *pl;
	struct seat *seats;
	int32_t len, wanted;
	int32_t *order; /* from above */
	int32_t placed;
	int32_t first_waiting, walks, circles; /* the search for circles */
	int32_t *circle, circle_len;
	struct change *trail;
	uint32_t trail_len, trail_cap;
	struct choice *choices;
	uint32_t choices_len, choices_cap;
	int64_t work; /* done so far */
};

/* What a step says, or -ENOMEM: it is as it should be, something was changed, or nothing can be. */
enum { FITS, CHANGED, STUCK, CIRCLE };

static inline int32_t plan__born_in(const struct seating *g, int32_t i)
{
	return i == TREE_NONE ? TREE_NONE : g->seats[i].leads ? g->seats[i].up : g->seats[i].in;
}

/* Whom it is born below: its parent in the end; NO_HOME: it is a ghost that may be born to anybody. */
static inline int32_t plan__seat_parent(const struct seating *g, int32_t i)
{
	return i < g->wanted ? g->pl->nodes[i].parent : g->seats[i].home;
}

/* That one is above it at first, and not only its namespace's init, to which all can be left. */
bool plan__has_above(const struct seating *g, int32_t i);
/* It is bound to a parent that is born in that session, too. */
bool plan__is_next_to_parent(const struct seating *g, int32_t i, int32_t session);
/* `i`, or of the leaders whose sessions are around its own the one that is born where its parent is: that is to be above. */
int32_t plan__top_of(const struct seating *g, int32_t i);
/* As far as their namespaces go, and whom nobody can be above. */
bool plan__can_be_below(const struct seating *g, int32_t i, int32_t above);

/* plan_seats.c: whom each is born to.  STUCK: nobody can be; CIRCLE: some have to be above each other. */
int plan__seats(struct seating *g);
/* Those beside leaders say what these are born with: the deepest come first. */
int32_t plan__deepest_beside(const struct seating *g);
/* The next one, whose members have to be above each other, as g->circle. */
bool plan__next_circle(struct seating *g);
/*
 * `k`'s parent is above one of the circle because `k` is in the session of that leader, or inside it: that leader can be
 * on top, with the others born in its session.  No leader is named twice.
 */
bool plan__can_be_top(struct seating *g, int32_t k);

#endif
