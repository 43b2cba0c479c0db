/* SPDX-License-Identifier: MIT */
/*
 * pidns_roaring.c: CRoaring as a subject: the set of taken numbers, and for allocation the set of free ones.
 *
 * Sets only: no pointer is stored with a number, so a look-up says no more than whether it is taken.
 */
#include <roaring/roaring.h>
#include <stdint.h>
#include <stdlib.h>

#define NAME roaring
#define TITLE "croaring"

struct roaring {
	roaring_bitmap_t *taken, *unused;
	uint32_t cursor;
};

typedef uint32_t handle_t;

static struct roaring *op_new(uint32_t end)
{
	struct roaring *s = calloc(1, sizeof *s);

	s->taken = roaring_bitmap_create();
	s->unused = roaring_bitmap_from_range(1, end, 1);
	s->cursor = 1;
	return s;
}

static void op_free(struct roaring *s, uint32_t live)
{
	(void)live;
	roaring_bitmap_free(s->taken);
	roaring_bitmap_free(s->unused);
	free(s);
}

static inline void *op_find(struct roaring *s, uint32_t nr)
{
	return roaring_bitmap_contains(s->taken, nr) ? s : NULL;
}

static inline handle_t op_wish(struct roaring *s, uint32_t nr)
{
	if (!roaring_bitmap_remove_checked(s->unused, nr))
		abort();
	roaring_bitmap_add(s->taken, nr);
	return nr;
}

static inline uint32_t first_from(const roaring_bitmap_t *set, uint32_t nr)
{
	roaring_uint32_iterator_t i;

	roaring_init_iterator(set, &i);
	return roaring_move_uint32_iterator_equalorlarger(&i, nr) ? i.current_value : UINT32_MAX;
}

static inline handle_t op_take(struct roaring *s, uint32_t end)
{
	uint32_t nr = first_from(s->unused, s->cursor);

	if (nr >= end)
		nr = first_from(s->unused, 300);
	s->cursor = nr + 1;
	return op_wish(s, nr);
}

static inline void op_give_handle(struct roaring *s, uint32_t nr)
{
	roaring_bitmap_remove(s->taken, nr);
	roaring_bitmap_add(s->unused, nr);
}

static double op_bytes(void *self, uint32_t live)
{
	const struct roaring *s = self;

	return (double)(roaring_bitmap_portable_size_in_bytes(s->taken) +
			roaring_bitmap_portable_size_in_bytes(s->unused)) /
	       live;
}

#define op_limit(s, end) ((void)(s), (void)(end))
#define op_number(nr) (nr)
#define op_handle(s, nr) (nr)
#define op_next(s, nr) ((void *)(uintptr_t)first_from((s)->taken, nr))

#include "pidns_loops.h"
