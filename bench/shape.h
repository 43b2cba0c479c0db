/* SPDX-License-Identifier: MIT */
/*
 * shape.h: the trees that are measured, as arithmetic on numbers.  Process 1 is the root.
 *
 *	flat    all others are children of 1
 *	chain   each is the child of the one before
 *	binary  the children of N are 2N and 2N + 1
 *	dead    flat, and all but the root are zombies, killed by SIGQUIT
 *
 * Keeps:   the children of a process have consecutive numbers, greater than its own.
 */
#ifndef SETTID_BENCH_SHAPE_H
#define SETTID_BENCH_SHAPE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_NAMES "flat|chain|binary|dead"

struct shape {
	enum { SHAPE_FLAT, SHAPE_CHAIN, SHAPE_BINARY } kind;
	bool dead;
	int32_t processes;
};

static inline bool shape_parse(struct shape *out, const char *name, const char *processes)
{
	out->processes = (int32_t)strtol(processes, NULL, 10);
	out->dead = strcmp(name, "dead") == 0;
	if (out->dead || strcmp(name, "flat") == 0)
		out->kind = SHAPE_FLAT;
	else if (strcmp(name, "chain") == 0)
		out->kind = SHAPE_CHAIN;
	else if (strcmp(name, "binary") == 0)
		out->kind = SHAPE_BINARY;
	else
		return false;
	return out->processes > 0;
}

static inline int32_t shape_first_child(const struct shape *s, int32_t number)
{
	switch (s->kind) {
	case SHAPE_CHAIN:
		return number + 1;
	case SHAPE_BINARY:
		return 2 * number;
	case SHAPE_FLAT:
		break;
	}
	return 2;
}

static inline int32_t shape_children(const struct shape *s, int32_t number)
{
	int32_t left = s->processes - shape_first_child(s, number) + 1;
	int32_t most = s->kind == SHAPE_BINARY ? 2 : 1;

	if (s->kind == SHAPE_FLAT)
		return number == 1 ? s->processes - 1 : 0;
	return left < 0 ? 0 : left < most ? left : most;
}

#endif
