/* SPDX-License-Identifier: MIT */
/*
 * table.h: taking and releasing numbers of one namespace: the short way, inlined, for numbers whose leaf is there.
 *
 * What is rare is in table.c, which owns the tables and tells how they are made.  All of this under ns->lock.
 */
#ifndef PIDNS_TABLE_H
#define PIDNS_TABLE_H

#include "internal.h"

uint32_t pidns__table_search(const struct pidns_ns *ns, uint32_t from);
struct pidns__leaf *pidns__leaf_make(struct pidns_ns *ns, uint32_t nr); /* NULL: out of memory */
bool pidns__table_take_low(struct pidns_ns *ns, uint32_t nr);
void pidns__table_release_low(struct pidns_ns *ns, uint32_t nr);
void pidns__leaf_filled(struct pidns__dir *d, uint32_t at);
void pidns__leaf_unfilled(struct pidns__dir *d, uint32_t at);

/* What a directory has where nothing has been taken yet: no bit is set in it, and so look-ups need not ask whether there is one. */
extern const struct pidns__leaf pidns__no_leaf __attribute__((visibility("hidden")));

/* The leaf that nr lies in; NULL: a small number, or nothing has been taken there yet. */
static inline struct pidns__leaf *pidns__leaf_of(const struct pidns_ns *ns, uint32_t nr)
{
	uint32_t at = nr >> PIDNS__LEAF_SHIFT;
	struct pidns__leaf *leaf;

	if (nr < PIDNS__LOW || at >= pidns__peek(&ns->len))
		return NULL;
	leaf = pidns__peek(&pidns__peek(&ns->leaf)[at]);
	return leaf != &pidns__no_leaf ? leaf : NULL;
}

/* The first free number >= from, which is below PIDNS_NUMBER_MAX; that or more: there is none. */
static inline uint32_t pidns__table_next_free(const struct pidns_ns *ns, uint32_t from)
{
	const struct pidns__leaf *leaf = pidns__leaf_of(ns, from);
	pidns__word word;

	if (leaf) {
		word = ~pidns__peek(&leaf->used[from % PIDNS__LEAF_LEN / PIDNS__WORD_BITS]) &
		       (~(pidns__word)0 << (from % PIDNS__WORD_BITS));
		if (word)
			return from - from % PIDNS__WORD_BITS + pidns__lowest(word);
	}
	return pidns__table_search(ns, from);
}

static inline bool pidns__table_is_taken(const struct pidns_ns *ns, uint32_t nr)
{
	const struct pidns__leaf *leaf = pidns__leaf_of(ns, nr);
	const struct pidns__low *low;

	if (nr >= PIDNS__LOW)
		return leaf && pidns__bit(leaf->used, nr % PIDNS__LEAF_LEN);
	low = pidns__peek(&ns->low);
	return low && pidns__bit(low->used, nr);
}

static inline void pidns__leaf_took(struct pidns_ns *ns, struct pidns__leaf *leaf, uint32_t at)
{
	if (leaf->count++ == 0)
		pidns__bit_set(pidns__peek(&ns->dir)->some, at);
	else if (pidns__rarely(leaf->count == leaf->len))
		pidns__leaf_filled(pidns__peek(&ns->dir), at);
}

/* nr is free.  False: out of memory. */
static inline bool pidns__table_take(struct pidns_ns *ns, uint32_t nr)
{
	struct pidns__leaf *leaf = pidns__leaf_of(ns, nr);

	if (nr < PIDNS__LOW)
		return pidns__table_take_low(ns, nr);
	if (!leaf && !(leaf = pidns__leaf_make(ns, nr)))
		return false;
	pidns__bit_set(leaf->used, nr % PIDNS__LEAF_LEN);
	pidns__leaf_took(ns, leaf, nr >> PIDNS__LEAF_SHIFT);
	return true;
}

/*
 * The first free number from ns->cursor on, below `end`, is taken, if it is found in the word of bits that the cursor points into:
 * what cyclic allocation meets nearly always.  0: look for it the long way.
 */
static inline uint32_t pidns__table_take_next(struct pidns_ns *ns, uint32_t end)
{
	uint32_t from = ns->cursor, nr;
	struct pidns__leaf *leaf = pidns__leaf_of(ns, from);
	pidns__set *set;
	pidns__word word, room;

	if (!leaf)
		return 0;
	set = &leaf->used[from % PIDNS__LEAF_LEN / PIDNS__WORD_BITS];
	word = pidns__peek(set);
	room = ~word & (~(pidns__word)0 << (from % PIDNS__WORD_BITS));
	if (!room)
		return 0;
	nr = from - from % PIDNS__WORD_BITS + pidns__lowest(room);
	if (nr >= end)
		return 0;
	pidns__poke(set, word | (room & (~room + 1)));
	pidns__leaf_took(ns, leaf, from >> PIDNS__LEAF_SHIFT);
	/* the slots to come, perhaps behind the leaf's end */
	__builtin_prefetch((const void *)((uintptr_t)&leaf->slot[from % PIDNS__LEAF_LEN] + 64), 1);
	return nr;
}

/* Number nr is taken if it is free and its leaf is there.  False: the long way will tell. */
static inline bool pidns__table_take_free(struct pidns_ns *ns, uint32_t nr)
{
	struct pidns__leaf *leaf = pidns__leaf_of(ns, nr);

	if (!leaf || pidns__bit(leaf->used, nr % PIDNS__LEAF_LEN))
		return false;
	__builtin_prefetch(&leaf->slot[nr % PIDNS__LEAF_LEN], 1);
	pidns__bit_set(leaf->used, nr % PIDNS__LEAF_LEN);
	pidns__leaf_took(ns, leaf, nr >> PIDNS__LEAF_SHIFT);
	return true;
}

/* Where the identity that has nr, which is taken, is to be found. */
static inline pidns__slot *pidns__table_slot(const struct pidns_ns *ns, uint32_t nr)
{
	if (nr < PIDNS__LOW)
		return &pidns__peek(&ns->low)->slot[nr];
	return &pidns__peek(&pidns__peek(&ns->dir)->leaf[nr >> PIDNS__LEAF_SHIFT])
			->slot[nr % PIDNS__LEAF_LEN];
}

static inline void pidns__table_release(struct pidns_ns *ns, uint32_t nr)
{
	uint32_t at = nr >> PIDNS__LEAF_SHIFT;
	struct pidns__leaf *leaf;

	if (nr < PIDNS__LOW) {
		pidns__table_release_low(ns, nr);
		return;
	}
	leaf = pidns__peek(&pidns__peek(&ns->leaf)[at]);
	pidns__store(&leaf->slot[nr % PIDNS__LEAF_LEN], NULL);
	pidns__bit_clear(leaf->used, nr % PIDNS__LEAF_LEN);
	if (pidns__rarely(leaf->count == leaf->len))
		pidns__leaf_unfilled(pidns__peek(&ns->dir), at);
	if (--leaf->count == 0)
		pidns__bit_clear(pidns__peek(&ns->dir)->some, at);
}

#endif
