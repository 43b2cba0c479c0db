/* SPDX-License-Identifier: MIT */
/*
 * reservation.h: a restore's dealings with the holder of its numbers (`settid reserve`).
 *
 * Keeps:   the numbers are held again, or the holder is let go, whenever a restore is over.
 */
#ifndef SETTID_RESERVATION_H
#define SETTID_RESERVATION_H

#include <jansson.h>

#include "tree/tree.h"

struct reservation {
	const char *socket;     /* NULL: none, and all below does nothing */
	bool given;             /* the numbers are free, for us */
	unsigned lost;          /* restores that had to begin anew */
	uint64_t free_since_ns; /* as settid_reserve_info has it */
	double window_s;        /* from the first free number until the tree stood */
};

/* For restore_options.ready: makes the numbers free. */
int reservation_give(void *reservation, struct tree_error *err);
/* The tree stands: the window is over. */
void reservation_stands(struct reservation *r);
/* A restore failed with `code`, and nothing is left of it.  True: a number was lost, all are held again, and it is
 * worth another try. */
bool reservation_lost(struct reservation *r, int code);
/* Over: the holder may end if it is done with (the tree was restored), else it holds again. */
void reservation_end(struct reservation *r, bool restored);
/* {"window_seconds": ..., "lost": ...}, or NULL where there is none. */
json_t *reservation_json(const struct reservation *r);

#endif
