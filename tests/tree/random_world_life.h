/* SPDX-License-Identifier: MIT */
/*
 * random_world_life.h: what random_world.c, which has processes of the model live, and random_world_tree.c, which writes
 * down what there is in the end, share.
 */
#ifndef RANDOM_WORLD_LIFE_H
#define RANDOM_WORLD_LIFE_H

#include "random_world.h"

#include "pidns.h"

enum { PROCESSES = 96, SPACES = 32, LEVELS = 6, DEEDS_MAX = 14 };

struct life {
	uint64_t random;
	struct pidns_world *world;
	struct pidns_task *outside;          /* makes the root, and puts others in */
	struct pidns_task *tasks[PROCESSES]; /* leaders, NULL once released; [0] is the root */
	struct pidns_ns *spaces[SPACES];
	int len, spaces_len;
	bool root_is_init;
	uint8_t mood[DEEDS_MAX]; /* how often each deed comes */
	unsigned siblings, spaces_new,
		odd; /* one birth in so many: CLONE_PARENT, a namespace, an exit signal */
};

/* As a dump would show it; NULL: no file can. */
struct tree *random_world_tree(const struct life *l);

#endif
