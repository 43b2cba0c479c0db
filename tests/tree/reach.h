/* SPDX-License-Identifier: MIT */
/*
 * reach.h: every tree that a few processes can make of themselves, and every tree that could be written down.
 *
 * A state is who is there: processes, and dead leaders whose group or session lives on.  From the first process on every
 * order of fork, CLONE_PARENT, setns and CLONE_NEWPID, setsid, setpgid (one's own, or a child's) and death is followed;
 * at a death the orphans go to any ancestor in the dead one's namespace, for marks of subreapers can be set and taken
 * back at will, or to the namespace's init.
 */
#ifndef SETTID_TESTS_REACH_H
#define SETTID_TESTS_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REACH_MAX = 8, REACH_OUT = 15 };

struct reach_state {
	uint8_t len;
	uint8_t alive; /* a bit each */
	uint8_t parent[REACH_MAX];
	uint8_t ns[REACH_MAX];    /* by its init; 0 = level 0 */
	uint8_t outer[REACH_MAX]; /* of an init: the namespace around its own */
	uint8_t group[REACH_MAX], session[REACH_MAX];
};

/*
 * Process 0 is number 1 of level 0.  root_is_init: it is the root, and others may be put in from outside.  Else it is
 * whoever makes the root, outside the tree.
 */
struct reach_options {
	bool root_is_init;
	bool namespaces;
	bool outside_moves; /* those put in from outside are moved to groups by their parents, too */
	unsigned ids_max;   /* processes and dead leaders at one time, without process 0 if that is outside */
};

struct reach {
	struct reach_options o;
	struct reach_state *states; /* in the order in which they were met; [0] is the beginning */
	uint32_t *from;             /* the one that it was met from */
	size_t len, cap;
	uint32_t *slots;
	size_t mask;
	bool failed; /* out of memory */
};

bool reach_all(struct reach *r); /* false: out of memory */
void reach_done(struct reach *r);
bool reach_has(const struct reach *r, const struct reach_state *s); /* s is canonical */

/* Notes `s`, which it makes canonical; false: it is known, or there is no memory. */
bool reach_add(struct reach *r, struct reach_state *s);

/* Names do not matter: the same for all states that differ in them only. */
void reach_canonical(struct reach_state *s);

/* Whether the state is a tree: one root; then *tree is how a file shows it. */
bool reach_is_tree(const struct reach *r, const struct reach_state *s, struct reach_state *tree);

#endif
