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
 *          (T2) full and some say of each leaf whether all its bits, or any, are set; leaf 0's `some` may say too much;
 *          (T3) a slot, once there, stays where it is: a directory that grows copies pointers to leaves only.
 * Costs:   look-up two loads; next free one word per 64 taken numbers of one leaf, then one per 64 full leaves; memory per
 *          number 8.2 bytes when dense (half that on 32-bit machines).
 * Threads: look-ups take no lock (A1); a reader of an old directory sees the namespace as it was.  All else under ns->lock.
 */
#include "internal.h"

static size_t dir_size(uint32_t len)
{
	return sizeof(struct pidns__dir) + len * sizeof(void *) + 2 * (len / 8);
}

static struct pidns__dir *dir_new(struct pidns_world *w, uint32_t len)
{
	struct pidns__dir *d = pidns__alloc(w, dir_size(len));

	if (!d)
		return NULL;
	d->len = len;
	d->full = (pidns__set *)(void *)&d->leaf[len];
	d->some = d->full + PIDNS__WORDS(len);
	return d;
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
	if (!d || !old)
		goto out;
	for (uint32_t i = 0; i < old->len; i++)
		pidns__poke(&d->leaf[i], pidns__peek(&old->leaf[i]));
	for (uint32_t i = 0; i < PIDNS__WORDS(old->len); i++) {
		pidns__poke(&d->full[i], pidns__peek(&old->full[i]));
		pidns__poke(&d->some[i], pidns__peek(&old->some[i]));
	}
	d->older = old;
out:
	if (d)
		pidns__store(&ns->dir, d);
	return d;
}

static struct pidns__leaf *leaf_for(struct pidns_ns *ns, struct pidns__dir *d, uint32_t at)
{
	struct pidns__leaf *leaf = pidns__peek(&d->leaf[at]);

	if (leaf)
		return leaf;
	leaf = pidns__alloc(ns->world, sizeof *leaf);
	if (!leaf)
		return NULL;
	for (uint32_t i = 0; at == 0 && i < PIDNS__WORDS(PIDNS__LOW); i++)
		pidns__poke(&leaf->used[i], ~(pidns__word)0);
	pidns__store(&d->leaf[at], leaf);
	return leaf;
}

static bool take_low(struct pidns_ns *ns, uint32_t nr)
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

bool pidns__table_take(struct pidns_ns *ns, uint32_t nr)
{
	uint32_t at = nr >> PIDNS__LEAF_SHIFT, in = nr % PIDNS__LEAF_LEN;
	struct pidns__dir *d;
	struct pidns__leaf *leaf;

	if (nr < PIDNS__LOW)
		return take_low(ns, nr);
	d = dir_for(ns, at);
	leaf = d ? leaf_for(ns, d, at) : NULL;
	if (!leaf)
		return false;
	if (pidns__bit_set(leaf->used, in) == ~(pidns__word)0 &&
	    pidns__bit_next(leaf->used, 0, PIDNS__LEAF_LEN, ~(pidns__word)0) == PIDNS__LEAF_LEN)
		pidns__bit_set(d->full, at);
	if (!pidns__bit(d->some, at))
		pidns__bit_set(d->some, at);
	return true;
}

pidns__slot *pidns__table_slot(const struct pidns_ns *ns, uint32_t nr)
{
	const struct pidns__dir *d;

	if (nr < PIDNS__LOW)
		return &pidns__load(&ns->low)->slot[nr];
	d = pidns__load(&ns->dir);
	return &pidns__load(&d->leaf[nr >> PIDNS__LEAF_SHIFT])->slot[nr % PIDNS__LEAF_LEN];
}

void pidns__table_release(struct pidns_ns *ns, uint32_t nr)
{
	uint32_t at = nr >> PIDNS__LEAF_SHIFT, in = nr % PIDNS__LEAF_LEN;
	struct pidns__low *low;
	struct pidns__dir *d;
	struct pidns__leaf *leaf;

	if (nr < PIDNS__LOW) {
		low = pidns__peek(&ns->low);
		pidns__store(&low->slot[nr], NULL);
		pidns__bit_clear(low->used, nr);
		return;
	}
	d = pidns__peek(&ns->dir);
	leaf = pidns__peek(&d->leaf[at]);
	pidns__store(&leaf->slot[in], NULL);
	if (pidns__bit(d->full, at))
		pidns__bit_clear(d->full, at);
	if (pidns__bit_clear(leaf->used, in) == 0 &&
	    pidns__bit_next(leaf->used, 0, PIDNS__LEAF_LEN, 0) == PIDNS__LEAF_LEN)
		pidns__bit_clear(d->some, at);
}

bool pidns__table_is_taken(const struct pidns_ns *ns, uint32_t nr)
{
	uint32_t at = nr >> PIDNS__LEAF_SHIFT;
	const struct pidns__low *low = pidns__peek(&ns->low);
	const struct pidns__dir *d = pidns__peek(&ns->dir);
	const struct pidns__leaf *leaf;

	if (nr < PIDNS__LOW)
		return low && pidns__bit(low->used, nr);
	leaf = d && at < d->len ? pidns__peek(&d->leaf[at]) : NULL;
	return leaf && pidns__bit(leaf->used, nr % PIDNS__LEAF_LEN);
}

static uint32_t find_free(const struct pidns_ns *ns, uint32_t from)
{
	const struct pidns__low *low = pidns__peek(&ns->low);
	const struct pidns__dir *d = pidns__peek(&ns->dir);
	const struct pidns__leaf *leaf;
	uint32_t at, in = from % PIDNS__LEAF_LEN;

	if (from < PIDNS__LOW) {
		from = low ? pidns__bit_next(low->used, from, PIDNS__LOW, ~(pidns__word)0) : from;
		if (from < PIDNS__LOW)
			return from;
		in = from;
	}
	at = from >> PIDNS__LEAF_SHIFT;
	if (!d || at >= d->len)
		return from;
	for (;;) {
		leaf = pidns__peek(&d->leaf[at]);
		if (leaf)
			in = pidns__bit_next(leaf->used, in, PIDNS__LEAF_LEN, ~(pidns__word)0);
		if (in < PIDNS__LEAF_LEN)
			return (at << PIDNS__LEAF_SHIFT) + in;
		in = 0;
		at = pidns__bit_next(d->full, at + 1, d->len, ~(pidns__word)0);
		if (at == d->len)
			return at << PIDNS__LEAF_SHIFT;
	}
}

int32_t pidns__table_find_free(const struct pidns_ns *ns, uint32_t from, uint32_t end)
{
	uint32_t n = from < end ? find_free(ns, from) : end;

	return n < end ? (int32_t)n : 0;
}

void pidns__table_done(struct pidns_ns *ns)
{
	struct pidns__dir *d = pidns__peek(&ns->dir), *older;

	for (uint32_t i = 0; d && i < d->len; i++)
		pidns__free(ns->world, pidns__peek(&d->leaf[i]), sizeof(struct pidns__leaf));
	for (; d; d = older) {
		older = d->older;
		pidns__free(ns->world, d, dir_size(d->len));
	}
	pidns__free(ns->world, pidns__peek(&ns->low), sizeof(struct pidns__low));
}

/* ----------------------------------------------------------------------------------------- look-up -- */

struct pidns_id *pidns_find(const struct pidns_ns *ns, int32_t nr)
{
	uint32_t n = (uint32_t)nr;
	const struct pidns__low *low;
	const struct pidns__dir *d;
	const struct pidns__leaf *leaf;

	if (n < PIDNS__LOW) {
		low = pidns__load(&ns->low);
		return low ? pidns__load(&low->slot[n]) : NULL;
	}
	d = pidns__load(&ns->dir);
	n >>= PIDNS__LEAF_SHIFT;
	if (!d || n >= d->len)
		return NULL;
	leaf = pidns__load(&d->leaf[n]);
	return leaf ? pidns__load(&leaf->slot[(uint32_t)nr % PIDNS__LEAF_LEN]) : NULL;
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
struct pidns_id *pidns_next(const struct pidns_ns *ns, int32_t nr)
{
	uint32_t n = nr < 1 ? 1 : (uint32_t)nr, at;
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
		for (; leaf && (n = pidns__bit_next(leaf->used, n, PIDNS__LEAF_LEN, 0)) < PIDNS__LEAF_LEN;
		     n++) {
			id = pidns__load(&leaf->slot[n]);
			if (id)
				return id;
		}
		at = pidns__bit_next(d->some, at + 1, d->len, 0);
		n = 0;
	}
	return NULL;
}
