/* SPDX-License-Identifier: MIT */
/*
 * pidns_loops.h: the measured loops, over operations that whoever includes this has defined before:
 *
 *   NAME, TITLE              a word for the subject, and its name as a string
 *   struct NAME              the structure; op_new() and op_free() make and destroy one
 *   op_take(s, end)          the next number below `end`, cyclically; FIRST follows the last (wraps)
 *   op_wish(s, nr)           that number, which is free
 *   op_give(s, nr)           number nr is free again.  handle_t op_handle(s, nr): what op_give_handle() wants instead
 *   op_find(s, nr)           what is stored with it
 *   op_next(s, nr)           what is stored with the first at or above it
 *
 * NO_FIND, NO_LAST_FREE …    leave a loop out.
 * Keeps:   the same numbers for every subject, from a generator that starts at the same place; nothing is freed or allocated by
 *          the loops themselves.
 */
#include <stdlib.h>

#include "pidns_clock.h"
#include "pidns_subject.h"

#define GLUE_(a, b) a##b
#define GLUE(a, b) GLUE_(a, b)
#define SUBJECT GLUE(subject_, NAME)

static inline uint32_t roll(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* 0 .. n - 1, without a division. */
static inline uint32_t below(uint32_t *seed, uint32_t n)
{
	return (uint32_t)(((uint64_t)roll(seed) * n) >> 32);
}

static volatile uintptr_t sink;

static void *fill(uint32_t live, double *ns_each)
{
	struct NAME *s = op_new(live + RANGE);
	double start = now();

	for (uint32_t nr = 1; nr <= live; nr++)
		if (op_number(op_take(s, live + RANGE)) != nr)
			abort();
	*ns_each = (now() - start) / live;
	return s;
}

static void done(void *self, uint32_t live)
{
	op_free(self, live);
}

static double pair(void *self, uint32_t live, uint32_t ops)
{
	struct NAME *s = self;
	uint32_t end = live + RANGE;
	double start;

	op_limit(s, end);
	start = now();
	for (uint32_t i = 0; i < ops; i++)
		op_give_handle(s, op_take(s, end));
	return (now() - start) / ops;
}

static double wished(void *self, uint32_t live, uint32_t ops)
{
	static uint32_t seed = 4711;
	struct NAME *s = self;
	double start;

	op_limit(s, live + RANGE);
	start = now();
	for (uint32_t i = 0; i < ops; i++)
		op_give_handle(s, op_wish(s, live + 1 + below(&seed, RANGE - 1)));
	return (now() - start) / ops;
}

static double hot(void *self, uint32_t live, uint32_t ops)
{
	struct NAME *s = self;
	uint32_t mask = 1, base;
	uintptr_t sum = 0;
	double start;

	while (mask * 2 < live && mask < 255)
		mask = mask * 2 + 1;
	base = live > 2 * mask ? live / 2 : 1;
	start = now();
	for (uint32_t i = 0; i < ops; i++)
		sum += (uintptr_t)op_find(s, base + (i * 29 & mask));
	sink = sum;
	return (now() - start) / ops;
}

static double random_loop(void *self, uint32_t live, uint32_t ops)
{
	static uint32_t seed =
		99; /* other numbers each time: all of them, not those that the caches still have */
	struct NAME *s = self;
	uintptr_t sum = 0;
	double start = now();

	for (uint32_t i = 0; i < ops; i++)
		sum += (uintptr_t)op_find(s, 1 + below(&seed, live));
	sink = sum;
	return (now() - start) / ops;
}

#ifdef HAS_GET
/* References are given back outside the measured time. */
static double get(void *self, uint32_t live, uint32_t ops)
{
	struct NAME *s = self;
	uint32_t base = live > 64 ? live / 2 : 1, mask = live > 64 ? 15 : 3;
	uintptr_t sum = 0;
	double time = now();

	for (uint32_t i = 0; i < ops; i++)
		sum += (uintptr_t)op_get(s, base + (i & mask));
	time = now() - time;
	for (uint32_t i = 0; i < ops; i++)
		op_put(op_find(s, base + (i & mask)));
	sink = sum;
	return time / ops;
}
#endif

#ifndef NO_LAST_FREE
/* All of 1 .. live is taken but one, which is another one each time; only the allocation is measured. */
static double last_free(void *self, uint32_t live, uint32_t ops)
{
	struct NAME *s = self;
	uint32_t seed = 5, end = live + 1;
	double sum = 0, nothing = clock_cost();

	if (live <= FIRST)
		return 0;
	op_limit(s, end);
	for (uint32_t i = 0; i < ops; i++) {
		uint32_t nr = FIRST + below(&seed, end - FIRST);
		double start;

		op_give_handle(s, op_handle(s, nr));
		start = ticks();
		sink = op_number(op_take(s, end));
		sum += ticks() - start - nothing;
		if (sink != nr)
			abort();
	}
	op_limit(s, live + RANGE);
	return sum / ops * ns_per_tick();
}
#endif

static double next(void *self, uint32_t live, uint32_t ops)
{
	struct NAME *s = self;
	uint32_t nr = live > ops ? live / 3 : 1;
	uintptr_t sum = 0;
	double start = now();

	for (uint32_t i = 0; i < ops; i++) {
		sum += (uintptr_t)op_next(s, nr);
		nr = nr < live ? nr + 1 : 1;
	}
	sink = sum;
	return (now() - start) / ops;
}

const struct subject SUBJECT = {
	.name = TITLE,
	.fill = fill,
	.done = done,
	.bytes = op_bytes,
	.loop = {
		[PAIR] = pair,
		[WISHED] = wished,
		[HOT] = hot,
		[RANDOM] = random_loop,
		[NEXT] = next,
#ifdef HAS_GET
		[GET] = get,
#endif
#ifndef NO_LAST_FREE
		[LAST_FREE] = last_free,
#endif
	},
};
