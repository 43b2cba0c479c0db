/* SPDX-License-Identifier: MIT */
/*
 * pidns_radix.c: a plain radix tree with cyclic allocation, as kernels keep their PIDs: 64 children a node, a word of bits that says
 * below which of them all is taken, nodes made and freed with the first and last number below them.
 *
 * One thread, no objects behind the numbers.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pidns_memory.h"
#include "pidns_subject.h"

#define NAME radix
#define TITLE "radix-tree"
#define LEVELS 4 /* 2^24 numbers */

struct node {
	uint64_t full; /* per child: nothing is free below */
	uint64_t some;
	void *child[64];
};

struct radix {
	struct node *root;
	struct memory memory;
	uint32_t cursor;
};

typedef uint32_t handle_t;

static struct node *node_new(struct radix *s)
{
	struct node *n = memory_new(&s->memory, sizeof *n);

	return memset(n, 0, sizeof *n);
}

static inline uint32_t digit(uint32_t nr, int level)
{
	return nr >> (6 * level) & 63;
}

static inline uint64_t bit(uint32_t n)
{
	return (uint64_t)1 << n;
}

static void set(struct radix *s, uint32_t nr)
{
	struct node *path[LEVELS], *n = s->root;

	for (int level = LEVELS - 1; level >= 0; level--) {
		uint32_t d = digit(nr, level);

		path[level] = n;
		n->some |= bit(d);
		if (level == 0) {
			n->child[d] = s;
		} else {
			if (!n->child[d])
				n->child[d] = node_new(s);
			n = n->child[d];
		}
	}
	for (int level = 0; level < LEVELS; level++) {
		path[level]->full |= bit(digit(nr, level));
		if (path[level]->full != ~(uint64_t)0)
			break;
	}
}

static void clear(struct radix *s, uint32_t nr)
{
	struct node *path[LEVELS], *n = s->root;

	for (int level = LEVELS - 1; level >= 0; level--) {
		path[level] = n;
		n->full &= ~bit(digit(nr, level));
		n = n->child[digit(nr, level)];
	}
	for (int level = 0; level < LEVELS; level++) {
		path[level]->child[digit(nr, level)] = NULL;
		path[level]->some &= ~bit(digit(nr, level));
		if (path[level]->some || level == LEVELS - 1)
			return;
		memory_free(&s->memory, path[level], sizeof *n);
	}
}

/* The first number >= from whose bit is clear in `full` (free), or set in `some` (taken); 2^24: none. */
static uint32_t search(const struct radix *s, uint32_t from, bool taken)
{
	const struct node *path[LEVELS], *n = s->root;
	int level = LEVELS - 1;

	for (;;) {
		uint32_t d = digit(from, level);
		uint64_t word = (taken ? n->some : ~n->full) & (~(uint64_t)0 << d);

		path[level] = n;
		if (!word) { /* nothing more in this node: on behind it */
			do {
				if (++level == LEVELS)
					return 1u << 6 * LEVELS;
				from = ((from >> 6 * level) + 1) << 6 * level;
			} while (digit(from, level) == 0);
			n = path[level];
			continue;
		}
		if ((uint32_t)__builtin_ctzll(word) != d)
			from = ((from >> 6 * (level + 1) << 6) + (uint32_t)__builtin_ctzll(word))
			       << 6 * level;
		if (level == 0)
			return from;
		n = n->child[digit(from, level)];
		if (!n)
			return from; /* all is free below */
		level--;
	}
}

static inline uint32_t op_take(struct radix *s, uint32_t end)
{
	uint32_t nr = s->cursor < end ? search(s, s->cursor, false) : end;

	if (nr >= end)
		nr = search(s, FIRST, false);
	set(s, nr);
	s->cursor = nr + 1;
	return nr;
}

static inline void *find(const struct radix *s, uint32_t nr)
{
	const struct node *n = s->root;

	for (int level = LEVELS - 1; level > 0; level--) {
		n = n->child[digit(nr, level)];
		if (!n)
			return NULL;
	}
	return n->child[digit(nr, 0)];
}

static inline handle_t op_wish(struct radix *s, uint32_t nr)
{
	if (find(s, nr))
		abort();
	set(s, nr);
	return nr;
}

static struct radix *op_new(uint32_t end)
{
	struct radix *s = calloc(1, sizeof *s);

	(void)end;
	s->root = node_new(s);
	s->root->full = ~(uint64_t)0 << 63; /* nothing at the very end */
	s->cursor = 1;
	return s;
}

static void node_free(struct node *n, int level)
{
	for (int i = 0; level > 0 && i < 64; i++)
		if (n->child[i])
			node_free(n->child[i], level - 1);
	free(n);
}

static void op_free(struct radix *s, uint32_t live)
{
	(void)live;
	node_free(s->root, LEVELS - 1);
	free(s);
}

static double op_bytes(void *self, uint32_t live)
{
	return (double)((struct radix *)self)->memory.bytes / live;
}

#define op_limit(s, end) ((void)(s), (void)(end))
#define op_number(nr) (nr)
#define op_give_handle(s, nr) clear(s, nr)
#define op_handle(s, nr) (nr)
#define op_find(s, nr) find(s, nr)
#define op_next(s, nr) find(s, search(s, nr, true))

#include "pidns_loops.h"
