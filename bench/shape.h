/* SPDX-License-Identifier: MIT */
/*
 * shape.h: the trees that are measured, as arithmetic on numbers.  Process 1 is the root.  shapes.py says the same, with
 * all that a tree file has beside it.
 *
 *	flat    all others are children of 1
 *	wide    1 has as many children as each of them has, but for the last ones
 *	chain   each is the child of the one before
 *	binary  the children of N are 2N and 2N + 1
 *	dead    flat, and all but the root are zombies, killed by SIGQUIT
 *	mixed   blocks of twelve numbers, see mixed_block: ten processes, two of their threads, three zombies
 *	jobs    the same, and the block's tenth number is a child of its first instead of the root's
 *
 * Keeps:   a process's children have greater numbers than it, and its threads' follow its own.
 */
#ifndef SETTID_BENCH_SHAPE_H
#define SETTID_BENCH_SHAPE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_NAMES "flat|wide|chain|binary|dead|mixed|jobs"

struct shape {
	enum shape_kind { SHAPE_FLAT, SHAPE_WIDE, SHAPE_CHAIN, SHAPE_BINARY, SHAPE_MIXED } kind;
	bool dead;       /* not SHAPE_MIXED */
	bool jobs;       /* SHAPE_MIXED */
	int32_t numbers; /* of processes and threads: 1 to this */
	int32_t each;    /* SHAPE_WIDE: children of a process */
};

/* What a number of a block is, counted from 0; the first block begins with number 2. */
enum {
	MIXED_PROCESSES = 10,
	MIXED_NUMBERS = 12,
	MIXED_ORPHAN = 10,
	SHAPE_LIVES = -1,
	SHAPE_THREADS_MOST = 2
};

static const struct mixed {
	int8_t children[6];  /* ends with 0 */
	int8_t threads;      /* beside the first */
	int16_t wait_status; /* of a zombie; SHAPE_LIVES */
} mixed_block[MIXED_NUMBERS] = {
	[0] = { { 1, 2, 6, 7 /* jobs: and 10 */ }, 0, SHAPE_LIVES },
	[1] = { { 3 }, 0, SHAPE_LIVES },
	[2] = { { 8, 9 }, 0, SHAPE_LIVES },
	[3] = { { 0 }, 2, SHAPE_LIVES }, /* 4 and 5 */
	[6] = { { 0 }, 0, 3 << 8 },
	[7] = { { 0 }, 0, SIGABRT },
	[8] = { { 0 }, 0, 0 },
	[9] = { { 0 }, 0, SHAPE_LIVES },
	[MIXED_ORPHAN] = { { 11 }, 0, SHAPE_LIVES },
	[11] = { { 0 }, 0, SHAPE_LIVES },
};
static const int8_t mixed_of_root[] = { 0, MIXED_ORPHAN };
enum { MIXED_JOBS_ORPHAN_AT = 4 };

static inline bool shape_parse(struct shape *out, const char *name, const char *processes)
{
	static const char *const names[] = { "flat", "wide", "chain", "binary", "mixed" };
	size_t kind = 0;

	out->numbers = (int32_t)strtol(processes, NULL, 10);
	out->dead = strcmp(name, "dead") == 0;
	out->jobs = strcmp(name, "jobs") == 0;
	if (out->jobs)
		name = "mixed";
	while (!out->dead && kind < sizeof names / sizeof *names && strcmp(name, names[kind]) != 0)
		kind++;
	out->kind = (enum shape_kind)kind;
	for (out->each = 1; out->each * (out->each + 1) + 1 < out->numbers;)
		out->each++;
	if (out->kind == SHAPE_MIXED)
		out->numbers = out->numbers / MIXED_PROCESSES * MIXED_NUMBERS + 1;
	return kind < sizeof names / sizeof *names && out->numbers > 0;
}

static inline const struct mixed *shape_mixed(const struct shape *s, int32_t number)
{
	return s->kind == SHAPE_MIXED && number > 1 ? &mixed_block[(number - 2) % MIXED_NUMBERS] : NULL;
}

static inline int32_t shape_mixed_child(const struct shape *s, int32_t parent, int32_t k)
{
	const struct mixed *m = shape_mixed(s, parent);
	int32_t first = parent - (parent - 2) % MIXED_NUMBERS;
	int32_t of_root = s->jobs ? 1 : (int32_t)sizeof mixed_of_root;

	if (m && s->jobs && m == mixed_block && k == MIXED_JOBS_ORPHAN_AT)
		return first + MIXED_ORPHAN;
	if (m)
		return m->children[k] ? first + m->children[k] : 0;
	return 2 + k / of_root * MIXED_NUMBERS + mixed_of_root[k % of_root];
}

/* The child number k, counted from 0; 0 = it has not so many. */
static inline int32_t shape_child(const struct shape *s, int32_t parent, int32_t k)
{
	int32_t child = 0;

	switch (s->kind) {
	case SHAPE_FLAT:
		child = parent == 1 ? 2 + k : 0;
		break;
	case SHAPE_WIDE:
		child = k < s->each ? (parent - 1) * s->each + 2 + k : 0;
		break;
	case SHAPE_CHAIN:
		child = k == 0 ? parent + 1 : 0;
		break;
	case SHAPE_BINARY:
		child = k < 2 ? 2 * parent + k : 0;
		break;
	case SHAPE_MIXED:
		child = shape_mixed_child(s, parent, k);
	}
	return child <= s->numbers ? child : 0;
}

static inline int32_t shape_threads(const struct shape *s, int32_t number)
{
	const struct mixed *m = shape_mixed(s, number);

	return m ? m->threads : 0;
}

/* A zombie's status as wait4 gives it; SHAPE_LIVES. */
static inline int32_t shape_wait_status(const struct shape *s, int32_t number)
{
	const struct mixed *m = shape_mixed(s, number);

	return m ? m->wait_status : s->dead && number > 1 ? SIGQUIT : SHAPE_LIVES;
}

#endif
