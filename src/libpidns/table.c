/* SPDX-License-Identifier: MIT */
/*
 * table.c: which numbers of one namespace are taken, and by which identity.
 *
 * Owns:    pidns_ns.low, pidns_ns.dir and all behind them.
 *
 * Two levels: a directory of leaves, 512 numbers each, with a set bit for every number that is taken and a pointer to who
 * has it.  The numbers below 64 lie in a table of their own, so that a small namespace (most are) needs no leaf.  Tables grow
 * and never shrink: they go with their namespace.
 * Keeps:   (T1) a number's bit is set  <=>  it is reserved or has its identity in its slot;
 *          (T2) a leaf's count is the number of its bits that are set, but for those of the small table; full and some say
 *               whether it is len, or not 0; a bit of top says whether a word of full is all ones;
 *          (T3) a slot, once there, stays where it is: a directory that grows copies pointers to leaves only.
 * Costs:   look-up two loads, of a leaf that is always there, if only an empty one; next free at most 8 words of a leaf, then one
 *          per 4096 full leaves, one, and 8 of another leaf (twice that on 32-bit machines); memory per number 8.2 bytes when
 *          dense (half that on 32-bit machines), and up to an eighth more for leaves that wait.
 * Threads: look-ups take no lock (A1); a reader of an old directory sees the namespace as it was.  All else under ns->lock.
 */
#include "table.h"

const struct pidns__leaf pidns__no_leaf;

/* Bits of `top`: whole words. */
static uint32_t top_len(uint32_t len)
{
	uint32_t words = PIDNS__WORDS(len);

	return words < 64 ? 64 : words;
}

static size_t dir_size(uint32_t len)
{
	return sizeof(struct pidns__dir) + len * sizeof(void *) + 2 * (len / 8) + top_len(len) / 8;
}

#define GROVE_MAX 480u /* leaves: 2 MB, as much as a large page maps */

static size_t grove_size(uint32_t len)
{
	return sizeof(struct pidns__grove) + len * sizeof(struct pidns__leaf);
}

static struct pidns__dir *dir_new(struct pidns_world *w, uint32_t len)
{
	struct pidns__dir *d = pidns__alloc(w, dir_size(len));

	if (!d)
		return NULL;
	d->len = len;
	d->full = (pidns__set *)(void *)&d->leaf[len];
	d->some = d->full + PIDNS__WORDS(len);
	d->top = d->some + PIDNS__WORDS(len);
	for (uint32_t i = 0; i < len; i++) /* nobody writes to it */
		pidns__poke(&d->leaf[i], (struct pidns__leaf *)(uintptr_t)&pidns__no_leaf);
	return d;
}

static void dir_copy(struct pidns__dir *d, struct pidns__dir *old)
{
	for (uint32_t i = 0; i < old->len; i++)
		pidns__poke(&d->leaf[i], pidns__peek(&old->leaf[i]));
	for (uint32_t i = 0; i < PIDNS__WORDS(old->len); i++) {
		pidns__poke(&d->full[i], pidns__peek(&old->full[i]));
		pidns__poke(&d->some[i], pidns__peek(&old->some[i]));
	}
	for (uint32_t i = 0; i < PIDNS__WORDS(top_len(old->len)); i++)
		pidns__poke(&d->top[i], pidns__peek(&old->top[i]));
	d->older = old;
}

/* A directory with room for leaf `at`: the one there is, or a longer one. */
static struct pidns__dir *dir_for(struct pidns_ns *ns, uint32_t at)
{
	struct pidns__dir *old = pidns__peek(&ns->dir), *d;
	uint32_t len = old ? old->len : 64;

	if (old && at < len)
		return old;
	while (len <= at)
		len *= 4;
	d = dir_new(ns->world, len < PIDNS__LEAVES ? len : PIDNS__LEAVES);
	if (!d)
		return NULL;
	if (old)
		dir_copy(d, old);
	pidns__store(&ns->dir, d);
	pidns__store(&ns->leaf, d->leaf);
	pidns__store(&ns->len, d->len); /* after leaf: a reader who sees it has the longer one */
	return d;
}

static bool grove_new(struct pidns_ns *ns, uint32_t len)
{
	struct pidns__grove *g = ns->world->env.alloc(ns->world->env.ctx, grove_size(len));

	if (!g)
		return false;
	g->len = len;
	g->next = ns->groves;
	ns->groves = g;
	ns->leaves_left = len;
	ns->leaves_len += len;
	return true;
}

/*
 * Memory for a leaf.  A namespace that has many gets an eighth more at once, so that its table is of a few pieces and does not lie in
 * crumbs between its identities: look-ups all over it then meet fewer pages, which made them a third faster.
 */
static struct pidns__leaf *leaf_new(struct pidns_ns *ns)
{
	uint32_t len = ns->leaves_len / 8;

	len = len < 1 ? 1 : len > GROVE_MAX ? GROVE_MAX : len;
	if (!ns->leaves_left && !grove_new(ns, len) && (len == 1 || !grove_new(ns, 1)))
		return NULL;
	return &ns->groves->leaf[ns->groves->len - ns->leaves_left--];
}

struct pidns__leaf *pidns__leaf_make(struct pidns_ns *ns, uint32_t nr)
{
	uint32_t at = nr >> PIDNS__LEAF_SHIFT;
	struct pidns__dir *d = dir_for(ns, at);
	struct pidns__leaf *leaf = d ? leaf_new(ns) : NULL;

	if (!leaf)
		return NULL;
	pidns__zero(leaf, sizeof *leaf);
	leaf->len = at ? PIDNS__LEAF_LEN : PIDNS__LEAF_LEN - PIDNS__LOW;
	for (uint32_t i = 0; at == 0 && i < PIDNS__WORDS(PIDNS__LOW); i++)
		pidns__poke(&leaf->used[i], ~(pidns__word)0);
	pidns__store(&d->leaf[at], leaf);
	return leaf;
}

bool pidns__table_take_low(struct pidns_ns *ns, uint32_t nr)
{
	struct pidns__low *low = pidns__peek(&ns->low);

	if (!low) {
		low = pidns__alloc(ns->world, sizeof *low);
		if (!low)
			return false;
		pidns__store(&ns->low, low);
	}
	pidns__bit_set(low->used, nr);
	return true;
}

void pidns__table_release_low(struct pidns_ns *ns, uint32_t nr)
{
	struct pidns__low *low = pidns__peek(&ns->low);

	pidns__store(&low->slot[nr], NULL);
	pidns__bit_clear(low->used, nr);
}

void pidns__leaf_filled(struct pidns__dir *d, uint32_t at)
{
	if (pidns__bit_set(d->full, at) == ~(pidns__word)0)
		pidns__bit_set(d->top, at / PIDNS__WORD_BITS);
}

void pidns__leaf_unfilled(struct pidns__dir *d, uint32_t at)
{
	pidns__bit_clear(d->full, at);
	pidns__bit_clear(d->top, at / PIDNS__WORD_BITS);
}

/* The first leaf from `at` on that is not full; d->len or more if there is none. */
static uint32_t next_leaf(const struct pidns__dir *d, uint32_t at)
{
	uint32_t word = at / PIDNS__WORD_BITS, end = (word + 1) * PIDNS__WORD_BITS;

	if (at >= d->len)
		return at;
	at = pidns__bit_next(d->full, at, end, ~(pidns__word)0);
	if (at < end)
		return at;
	word = pidns__bit_next(d->top, word + 1, top_len(d->len), ~(pidns__word)0);
	if (word >= PIDNS__WORDS(d->len))
		return d->len;
	return pidns__bit_next(d->full, word * PIDNS__WORD_BITS, d->len, ~(pidns__word)0);
}

uint32_t pidns__table_search(const struct pidns_ns *ns, uint32_t from)
{
	const struct pidns__low *low = pidns__peek(&ns->low);
	const struct pidns__dir *d = pidns__peek(&ns->dir);
	const struct pidns__leaf *leaf;
	uint32_t at, in;

	if (from < PIDNS__LOW) {
		from = low ? pidns__bit_next(low->used, from, PIDNS__LOW, ~(pidns__word)0) : from;
		if (from < PIDNS__LOW)
			return from;
	}
	at = from >> PIDNS__LEAF_SHIFT;
	if (!d || at >= d->len)
		return from;
	leaf = pidns__peek(&d->leaf[at]);
	in = pidns__bit_next(leaf->used, from % PIDNS__LEAF_LEN, PIDNS__LEAF_LEN, ~(pidns__word)0);
	if (in < PIDNS__LEAF_LEN)
		return (at << PIDNS__LEAF_SHIFT) + in;
	at = next_leaf(d, at + 1);
	if (at >= d->len)
		return at << PIDNS__LEAF_SHIFT;
	leaf = pidns__peek(&d->leaf[at]);
	in = pidns__bit_next(leaf->used, 0, PIDNS__LEAF_LEN, ~(pidns__word)0);
	return (at << PIDNS__LEAF_SHIFT) + in;
}

void pidns__table_done(struct pidns_ns *ns)
{
	struct pidns__dir *d = pidns__peek(&ns->dir), *older;
	struct pidns__grove *g = ns->groves, *next;

	for (; g; g = next) {
		next = g->next;
		pidns__free(ns->world, g, grove_size(g->len));
	}
	for (; d; d = older) {
		older = d->older;
		pidns__free(ns->world, d, dir_size(d->len));
	}
	pidns__free(ns->world, pidns__peek(&ns->low), sizeof(struct pidns__low));
}

/* ----------------------------------------------------------------------------------------- look-up -- */

/* No question more than needed: how many look-ups miss the caches at a time depends on how long each of them is. */
struct pidns_id *pidns_find(const struct pidns_ns *ns, int32_t nr)
{
	size_t n = (uint32_t)nr, at = n >> PIDNS__LEAF_SHIFT;
	const struct pidns__low *low;
	const struct pidns__leaf *leaf;

	if (n < PIDNS__LOW) {
		low = pidns__load(&ns->low);
		return low ? pidns__load(&low->slot[n]) : NULL;
	}
	if (at >= pidns__load(&ns->len))
		return NULL;
	leaf = pidns__load(&pidns__load(&ns->leaf)[at]);
	return pidns__load(&leaf->slot[n % PIDNS__LEAF_LEN]);
}

static struct pidns_id *next_low(const struct pidns_ns *ns, uint32_t n)
{
	const struct pidns__low *low = pidns__load(&ns->low);
	struct pidns_id *id;

	for (; low && (n = pidns__bit_next(low->used, n, PIDNS__LOW, 0)) < PIDNS__LOW; n++) {
		id = pidns__load(&low->slot[n]);
		if (id)
			return id;
	}
	return NULL;
}

/* A number whose slot is still empty has been reserved a moment ago, or is being given back: nobody's. */
static PIDNS__APART struct pidns_id *search_next(const struct pidns_ns *ns, uint32_t n)
{
	uint32_t at;
	const struct pidns__dir *d = pidns__load(&ns->dir);
	const struct pidns__leaf *leaf;
	struct pidns_id *id;

	if (n < PIDNS__LOW) {
		id = next_low(ns, n);
		if (id)
			return id;
		n = PIDNS__LOW;
	}
	if (!d)
		return NULL;
	at = n >> PIDNS__LEAF_SHIFT;
	n %= PIDNS__LEAF_LEN;
	while (at < d->len) {
		leaf = pidns__load(&d->leaf[at]);
		for (; (n = pidns__bit_next(leaf->used, n, PIDNS__LEAF_LEN, 0)) < PIDNS__LEAF_LEN; n++) {
			id = pidns__load(&leaf->slot[n]);
			if (id)
				return id;
		}
		at = pidns__bit_next(d->some, at + 1, d->len, 0);
		n = 0;
	}
	return NULL;
}

/* Whoever walks through all meets the next one at once, mostly. */
struct pidns_id *pidns_next(const struct pidns_ns *ns, int32_t nr)
{
	struct pidns_id *id = nr < 1 ? NULL : pidns_find(ns, nr);

	return id ? id : search_next(ns, nr < 1 ? 1 : (uint32_t)nr);
}
