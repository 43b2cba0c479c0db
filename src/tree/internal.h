/* SPDX-License-Identifier: MIT */
/*
 * internal.h: what the files of src/tree that make and check the model share; nobody else includes it.
 *
 * Owns:    the arena, the map of taken numbers, and the way a place is put in front of a complaint.
 * Keeps:   (N1) a number is in the map once per namespace, with the one who has it;
 *          (N2) memory of an arena is zeroed and lives until the arena is done.
 */
#ifndef SETTID_TREE_INTERNAL_H
#define SETTID_TREE_INTERNAL_H

#include "tree/tree.h"

struct tree__block;

struct tree__pool {
	struct tree__block *blocks;
	size_t used, size; /* of the newest block */
};

enum tree__kind { TREE__NOBODY, TREE__PROCESS, TREE__THREAD, TREE__GHOST };

/* Who has a number: processes[index], its threads[thread], or ghosts[index]. */
struct tree__holder {
	uint64_t key; /* namespace and number; 0 = empty slot */
	int32_t index;
	uint32_t thread;
	enum tree__kind kind;
};

struct tree__numbers {
	struct tree__holder *slots;
	size_t mask; /* slots - 1, a power of two minus one; 0 = no map yet */
};

struct tree_arena {
	struct tree__pool pool;
	struct tree_process
		*processes; /* what tree_process_add() allocated, whatever the tree points at now */
	struct tree_ghost *ghosts;
	size_t processes_cap, ghosts_cap;
	struct tree__numbers numbers; /* level 0 and deeper, after tree_validate() */
};

void *tree__pool_alloc(struct tree__pool *pool, size_t size); /* zeroed; NULL = out of memory */
void tree__pool_done(struct tree__pool *pool);

/* numbers.c.  init makes room for `count` numbers and forgets what was there; put returns NULL when the
 * number was free (and is the holder's now), else the one who has it. */
int tree__numbers_init(struct tree *t, size_t count);
const struct tree__holder *tree__number_find(const struct tree *t, int32_t ns, int32_t number);
const struct tree__holder *tree__number_put(struct tree *t, int32_t ns, int32_t number,
					    struct tree__holder who);
/* "process 42 (line 3)", "thread 43 of process 42 (line 3)", "ghost 44 (line 9)" */
void tree__holder_words(const struct tree *t, const struct tree__holder *h, char *out, size_t size);

/* What validate.c hands to its parts. */
struct tree__check {
	struct tree *t;
	struct tree_error *err;
	struct tree__pool scratch;
	int32_t *order;         /* processes, parents before children */
	int32_t *enter, *leave; /* by process: its descendants d have enter[p] < enter[d] < leave[p] */
	bool root_is_init;
};

/* namespaces.c: fills ns, children_ns and t->namespaces. */
int tree__settle_namespaces(struct tree__check *c);
/* The namespace of that level on the way from ns outwards; TREE_NONE when ns is not so deep. */
int32_t tree__ns_at_level(const struct tree *t, int32_t ns, unsigned level);
bool tree__ns_is_below(const struct tree *t, int32_t ns, int32_t outer); /* the same counts as below */
/* sessions.c: groups and sessions that could exist. */
int tree__check_sessions(struct tree__check *c);
/* states.c: what one process says of itself, without looking at others. */
int tree__check_process_alone(const struct tree *t, const struct tree_process *p, struct tree_error *err);

/* The same for the numbers of a process, thread or ghost. */
int tree__check_numbers(const int32_t *nspid, unsigned levels, const struct tree_place *at,
			struct tree_error *err);

bool tree__is_init(const struct tree_process *p); /* number 1 where it lives */

/* Places for complaints. */
struct tree_place tree__at_process(const struct tree *t, const struct tree_process *p, const char *field);
struct tree_place tree__at_ghost(const struct tree *t, const struct tree_ghost *g, const char *field);

#endif
