/* SPDX-License-Identifier: MIT */
/*
 * pidns_judy.c: a JudyL array, number to pointer, as a subject.
 */
#include <Judy.h>
#include <stdint.h>
#include <stdlib.h>

#define NAME judy
#define TITLE "judy"

struct judy {
	Pvoid_t array;
	uint32_t cursor;
};

typedef uint32_t handle_t;

static struct judy *op_new(uint32_t end)
{
	struct judy *s = calloc(1, sizeof *s);

	(void)end;
	s->cursor = 1;
	return s;
}

static void op_free(struct judy *s, uint32_t live)
{
	(void)live;
	JudyLFreeArray(&s->array, PJE0);
	free(s);
}

static inline void *op_find(struct judy *s, uint32_t nr)
{
	PPvoid_t value = JudyLGet(s->array, nr, PJE0);

	return value ? *value : NULL;
}

static inline handle_t op_wish(struct judy *s, uint32_t nr)
{
	PPvoid_t value = JudyLIns(&s->array, nr, PJE0);

	if (*value)
		abort();
	*value = s;
	return nr;
}

static inline handle_t op_take(struct judy *s, uint32_t end)
{
	Word_t nr = s->cursor;

	if (!JudyLFirstEmpty(s->array, &nr, PJE0) || nr >= end) {
		nr = 300;
		JudyLFirstEmpty(s->array, &nr, PJE0);
	}
	s->cursor = (uint32_t)nr + 1;
	return op_wish(s, (uint32_t)nr);
}

static inline void *op_next(struct judy *s, uint32_t nr)
{
	Word_t index = nr;
	PPvoid_t value = JudyLFirst(s->array, &index, PJE0);

	return value ? *value : NULL;
}

static double op_bytes(void *self, uint32_t live)
{
	return (double)JudyLMemUsed(((struct judy *)self)->array) / live;
}

#define op_limit(s, end) ((void)(s), (void)(end))
#define op_number(nr) (nr)
#define op_give_handle(s, nr) JudyLDel(&(s)->array, nr, PJE0)
#define op_handle(s, nr) (nr)

#include "pidns_loops.h"
