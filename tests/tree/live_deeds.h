/* SPDX-License-Identifier: MIT */
/*
 * live_deeds.h: what happens while a random live tree grows: births, and what the living do to their numbers.
 *
 * Shared by live_deeds.c, which does it, and live_tree.c, which says how much of it and what comes after.
 */
#ifndef SETTID_TESTS_LIVE_DEEDS_H
#define SETTID_TESTS_LIVE_DEEDS_H

#include "live_node.h"
#include "live_tree.h"

struct maker {
	struct live_shared *s;
	struct live_made *nodes;
	uint32_t len;
	unsigned shapes;
	uint64_t random;
};

/* Dice: the seed decides. */
uint32_t maker_below(struct maker *m, uint32_t limit);
bool maker_chance(struct maker *m, unsigned percent);
/* Is this wanted (LIVE_TREE_...)? */
bool maker_may(const struct maker *m, unsigned shape);

/* A command to a process, and its answer: below 0 it failed. */
void maker_tell(struct maker *m, uint32_t node, const struct live_box *what);
int maker_ask(struct maker *m, uint32_t node, const struct live_box *what);
/* Its parent waits for it, as waitid's options say. */
int maker_await_child(struct maker *m, uint32_t node, int how);
bool maker_is_init(const struct maker *m, uint32_t node);

int maker_grow(struct maker *m, uint32_t parent, bool new_ns);
int maker_mark(struct maker *m, uint32_t node, bool on); /* a subreaper from now on, or no more */
int maker_birth(struct maker *m);
int maker_deed(struct maker *m);

#endif
