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
	int32_t last; /* its parent in the end; a dead leader's, where that is known */
	bool bound;   /* it is born to that, and nobody can be in between */
	bool beside;  /* its leader makes it with CLONE_PARENT */
	/* its parent in the end is to be above `to`, who is born in the same session */
	int32_t to, next_of_from, next_of_to;
	int32_t first_from, first_to; /* those that say so about it, as the one above and as the one below */
	int32_t waits, place;         /* in an order from above: how many come before it, and how many did */
	uint8_t mark;                 /* it is above one of a circle, below it, or both: */
	bool in_circle;
	int32_t parent; /* whom it is born to */
};

/* Leader `who` was born in another session before. */
struct change {
	int32_t who, up;
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

/* Its parent in the end is above it at first, and not only its namespace's init, to which all can be left. */
static inline bool plan__has_above(const struct seating *g, int32_t i)
{
	const struct seat *s = &g->seats[i];

	return s->last != TREE_NONE && !s->beside && (s->bound || !plan__is_init(g->pl, s->last));
}

/*
 * plan_seats.c: `i`, or of the leaders whose sessions are around its own the one that was born where its parent was, which
 * is to be above that one.
 */
int32_t plan__top_of(const struct seating *g, int32_t i);
/* As far as their namespaces go. */
bool plan__can_be_below(const struct seating *g, int32_t i, int32_t above);
/* Whom each is born to.  STUCK: nobody can be; CIRCLE: those in_circle have to be above each other. */
int plan__seats(struct seating *g);
/* One of the circle that is to be above `i`, who is in it. */
int32_t plan__seat_above(const struct seating *g, int32_t i);

#endif
