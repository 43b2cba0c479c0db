/* SPDX-License-Identifier: MIT */
/*
 * pidns_bare.c: the bare bitmap and table as a subject.
 */
#include "pidns_bare.h"

#define NAME bare
#define TITLE "bare"

typedef uint32_t handle_t;
#define op_limit(s, end) ((void)(s), (void)(end))
#define op_new(end) ((void)(end), bare_new())
#define op_free(s, live) ((void)(live), bare_free(s))
#define op_take(s, end) bare_take(s, FIRST, end)
#define op_number(nr) (nr)
#define op_give_handle(s, nr) bare_clear(s, nr)
#define op_handle(s, nr) (nr)
#define op_find(s, nr) bare_find(s, nr)
#define op_next(s, nr) bare_next(s, nr)

static inline handle_t op_wish(struct bare *s, uint32_t nr)
{
	if (s->used[nr / 64] & (uint64_t)1 << nr % 64)
		abort();
	bare_set(s, nr);
	return nr;
}

static double op_bytes(void *self, uint32_t live)
{
	const struct bare *s = self;
	size_t bytes = sizeof *s + BARE_WORDS * 8;

	for (uint32_t i = 0; i < 4194304 / BARE_LEAF; i++)
		bytes += s->leaf[i] ? BARE_LEAF * sizeof(void *) : 0;
	return (double)bytes / live;
}

#include "pidns_loops.h"
