/* SPDX-License-Identifier: MIT */
/*
 * pidns_bare.h: the lower limit: a bitmap of two levels and a table of two levels, for one thread and nobody else.
 *
 * No namespaces, objects, references, limits of wishes or errors.
 */
#ifndef SETTID_BENCH_PIDNS_BARE_H
#define SETTID_BENCH_PIDNS_BARE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define BARE_LEAF 512u
#define BARE_WORDS (4194304u / 64)

struct bare {
	uint64_t *used;                 /* a bit per number             */
	uint64_t full[BARE_WORDS / 64]; /* a bit per word of used   */
	void **leaf[4194304 / BARE_LEAF];
	uint32_t cursor;
	uint64_t object; /* whom all numbers point to */
};

static inline struct bare *bare_new(void)
{
	struct bare *s = calloc(1, sizeof *s);

	s->used = calloc(BARE_WORDS, sizeof *s->used);
	s->used[0] = 1;
	s->cursor = 1;
	return s;
}

static inline void bare_free(struct bare *s)
{
	for (uint32_t i = 0; i < 4194304 / BARE_LEAF; i++)
		free(s->leaf[i]);
	free(s->used);
	free(s);
}

static inline void bare_set(struct bare *s, uint32_t nr)
{
	uint64_t *word = &s->used[nr / 64];
	void ***leaf = &s->leaf[nr / BARE_LEAF];

	*word |= (uint64_t)1 << nr % 64;
	if (*word == ~(uint64_t)0)
		s->full[nr / 4096] |= (uint64_t)1 << nr / 64 % 64;
	if (!*leaf)
		*leaf = calloc(BARE_LEAF, sizeof **leaf);
	(*leaf)[nr % BARE_LEAF] = &s->object;
}

static inline void bare_clear(struct bare *s, uint32_t nr)
{
	s->used[nr / 64] &= ~((uint64_t)1 << nr % 64);
	s->full[nr / 4096] &= ~((uint64_t)1 << nr / 64 % 64);
	s->leaf[nr / BARE_LEAF][nr % BARE_LEAF] = NULL;
}

/* The first free number from `from` on. */
static inline uint32_t bare_free_from(const struct bare *s, uint32_t from)
{
	uint64_t word = ~s->used[from / 64] & (~(uint64_t)0 << from % 64);
	uint32_t at = from / 64 + 1;

	if (word)
		return (from & ~63u) + (uint32_t)__builtin_ctzll(word);
	if (at == BARE_WORDS)
		return BARE_WORDS * 64;
	word = ~s->full[at / 64] & (~(uint64_t)0 << at % 64);
	for (at /= 64; !word;) {
		if (++at == BARE_WORDS / 64)
			return BARE_WORDS * 64;
		word = ~s->full[at];
	}
	at = at * 64 + (uint32_t)__builtin_ctzll(word);
	return at * 64 + (uint32_t)__builtin_ctzll(~s->used[at]);
}

static inline uint32_t bare_take(struct bare *s, uint32_t first, uint32_t end)
{
	uint32_t nr = s->cursor < end ? bare_free_from(s, s->cursor) : end;

	if (nr >= end)
		nr = bare_free_from(s, first);
	bare_set(s, nr);
	s->cursor = nr + 1;
	return nr;
}

static inline void *bare_find(const struct bare *s, uint32_t nr)
{
	void *const *leaf = nr < 4194304 ? s->leaf[nr / BARE_LEAF] : NULL;

	return leaf ? leaf[nr % BARE_LEAF] : NULL;
}

static inline void *bare_next(const struct bare *s, uint32_t from)
{
	uint64_t word = s->used[from / 64] & (~(uint64_t)0 << from % 64);
	uint32_t at = from / 64;

	while (!word) {
		if (++at == BARE_WORDS)
			return NULL;
		word = s->used[at];
	}
	return bare_find(s, at * 64 + (uint32_t)__builtin_ctzll(word));
}

#endif
