/* SPDX-License-Identifier: MIT */
/*
 * pidns_uthash.c: uthash as a subject: a hash from number to element, elements of a pool, and a cursor that tries one number
 * after the other.
 */
#include <stdint.h>
#include <uthash.h>

#define NAME uthash
#define TITLE "uthash"
#define NO_LAST_FREE /* would try all numbers, one after the other: 0.2 s */

struct element {
	uint32_t nr;
	UT_hash_handle hh;
};

struct uthash {
	struct element *head, *pool; /* by number */
	uint32_t cursor;
};

typedef struct element *handle_t;

static struct uthash *op_new(uint32_t end)
{
	struct uthash *s = calloc(1, sizeof *s);

	s->pool = calloc(end, sizeof *s->pool);
	s->cursor = 1;
	return s;
}

static void op_free(struct uthash *s, uint32_t live)
{
	(void)live;
	HASH_CLEAR(hh, s->head);
	free(s->pool);
	free(s);
}

static inline struct element *op_find(struct uthash *s, uint32_t nr)
{
	struct element *e;

	HASH_FIND(hh, s->head, &nr, sizeof nr, e);
	return e;
}

static inline handle_t op_wish(struct uthash *s, uint32_t nr)
{
	struct element *e = &s->pool[nr];

	if (op_find(s, nr))
		abort();
	e->nr = nr;
	HASH_ADD(hh, s->head, nr, sizeof e->nr, e);
	return e;
}

static inline handle_t op_take(struct uthash *s, uint32_t end)
{
	uint32_t nr = s->cursor;

	while (nr < end && op_find(s, nr))
		nr++;
	for (nr = nr < end ? nr : 300; op_find(s, nr);)
		nr++;
	s->cursor = nr + 1;
	return op_wish(s, nr);
}

static inline void op_give_handle(struct uthash *s, handle_t e)
{
	HASH_DELETE(hh, s->head, e);
}

/* A hash knows no order. */
static inline void *op_next(struct uthash *s, uint32_t nr)
{
	void *e;

	while (!(e = op_find(s, nr)))
		nr++;
	return e;
}

static double op_bytes(void *self, uint32_t live)
{
	struct uthash *s = self;

	return (double)(HASH_OVERHEAD(hh, s->head) +
			live * (sizeof(struct element) - sizeof(UT_hash_handle))) /
	       live;
}

#define op_limit(s, end) ((void)(s), (void)(end))
#define op_number(e) ((e)->nr)
#define op_handle(s, nr) op_find(s, nr)

#include "pidns_loops.h"
