/* SPDX-License-Identifier: MIT */
/*
 * random_tree.h: random trees as data, reachable by construction.
 *
 * random_tree() acts out a life: every process is forked by its parent, inherits group and session, and calls setsid
 * and setpgid as the kernel's rules let it, for its children too; in the end leaves die, some stop, threads are added.  The same seed gives
 * the same tree.  The result is not validated; the caller frees it.  Never NULL.
 */
#ifndef RANDOM_TREE_H
#define RANDOM_TREE_H

#include "tree/tree.h"

enum random_shape {
	RANDOM_GROUPS = 1,
	RANDOM_SESSIONS = 2,
	RANDOM_NAMESPACES = 4,
	RANDOM_THREADS = 8,
	RANDOM_ZOMBIES = 16,
	RANDOM_STOPPED = 32,
	RANDOM_ENTERED = 64, /* put into namespaces from outside, the tree's own too; children_ns */
	RANDOM_ALL = 127
};

struct tree *random_tree(uint64_t seed, unsigned size, unsigned shapes);

#endif
