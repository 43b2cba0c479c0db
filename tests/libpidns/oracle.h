/* SPDX-License-Identifier: MIT */
/*
 * oracle.h: the allocator of numbers once more, as naive as can be: arrays, and loops over all numbers.
 *
 * Written from the rules (R2.3, R3.1, R1.44, R1.45, R5.8), not from the library.  Can make a mistake on purpose, so that a
 * test can see that a difference is noticed.
 */
#ifndef TEST_PIDNS_ORACLE_H
#define TEST_PIDNS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define ORACLE_NS 6
#define ORACLE_LEVELS 4
#define ORACLE_IDS 1024
#define ORACLE_FAR 33000 /* numbers are below this */

enum oracle_mistake {
	ORACLE_RIGHT,
	ORACLE_300_IS_HIGH,   /* a cursor of exactly 300 counts as high             */
	ORACLE_WRAP_TO_1,     /* the wrap goes below 300                            */
	ORACLE_ROLLS_BACK,    /* a refusal puts cyclic cursors back                 */
	ORACLE_WISH_MOVES,    /* a chosen number moves the cursor                   */
	ORACLE_REFUSAL_MOVES, /* a level that refused moves on                      */
	ORACLE_CLOSED_FIRST,  /* a closed namespace is seen before numbers are      */
	ORACLE_EEXIST_FIRST,  /* a taken number hides one that was never possible   */
	ORACLE_OUTER_FIRST,   /* levels are asked from the outside in               */
	ORACLE_STAYS_OPEN,    /* emptied before its init came, and open             */
	ORACLE_FIRST_KEEPS,   /* a refused first identity leaves the cursor moved   */
	ORACLE_MISTAKES
};

struct oracle_ns {
	int parent, level; /* parent -1: the root */
	int32_t cursor, pid_max;
	bool had_init, closed;
	int count;
	int16_t *owner; /* [ORACLE_FAR]: identity + 1 */
};

struct oracle {
	enum oracle_mistake mistake;
	int ns_len;
	struct oracle_ns ns[ORACLE_NS];
	struct {
		int ns; /* -1: nobody */
		int32_t nr[ORACLE_LEVELS];
	} id[ORACLE_IDS];
};

/* A new identity in ns, under the free index `id`.  0, or the negative error and in *level where. */
int32_t oracle_new(struct oracle *o, int ns, int id, const int32_t *wish, int len, int *level);
void oracle_free(struct oracle *o, int id);
int32_t oracle_set_last(struct oracle *o, int ns, int32_t value);

#endif
