/* SPDX-License-Identifier: MIT */
/*
 * reach_form.c: one form for all states that differ in their names only, and that in 16 bytes.
 *
 * Keeps:   (C2) of all ways to name those that cannot be told apart by what is around them, the one with the least state
 *               is taken; of twins (same in all, and nobody refers to them) any order is the same.
 */
#include "reach.h"

#include <string.h>

/* ------------------------------------------------------------------------------------------- packed -- */

enum { BITS = 15, PER_WORD = 4 };

/* Whoever is outside: a number that nobody has there. */
static unsigned code_of(unsigned who, unsigned out)
{
	return who == REACH_OUT ? out : who;
}

struct reach_key reach_pack(const struct reach_state *s, bool root_is_init)
{
	struct reach_key key = { { 0, 0 } };
	unsigned out = root_is_init ? REACH_MAX - 1 : 0;

	for (unsigned i = 0; i < s->len; i++) {
		unsigned init = reach_is_init(s, i), lives = reach_lives(s, i), dead = s->zombie >> i & 1u;
		uint64_t bits = lives | dead << 1 | init << 2 | code_of(s->parent[i], out) << 3 |
				(unsigned)(init ? s->outer[i] : s->ns[i]) << 6 |
				code_of(s->group[i], out) << 9 | code_of(s->session[i], out) << 12;

		key.word[i / PER_WORD] |= bits << i % PER_WORD * BITS;
	}
	key.word[0] |= (uint64_t)(s->len - 1) << PER_WORD * BITS;
	return key;
}

void reach_unpack(struct reach_key key, bool root_is_init, struct reach_state *s)
{
	unsigned out = root_is_init ? REACH_MAX - 1 : 0;

	memset(s, 0, sizeof *s);
	s->len = (uint8_t)((key.word[0] >> PER_WORD * BITS) + 1);
	for (unsigned i = 0; i < s->len; i++) {
		unsigned bits = (unsigned)(key.word[i / PER_WORD] >> i % PER_WORD * BITS) & 0x7fff;
		unsigned group = bits >> 9 & 7, session = bits >> 12 & 7, parent = bits >> 3 & 7;
		bool nobody = !(bits & 1) || (!root_is_init && i == 0);

		s->alive |= (uint8_t)((bits & 1) << i);
		s->zombie |= (uint8_t)((bits >> 1 & 1) << i);
		s->ns[i] = (uint8_t)(bits & 4 ? i : bits >> 6 & 7);
		s->outer[i] = (uint8_t)(bits & 4 ? bits >> 6 & 7 : 0);
		s->parent[i] = (uint8_t)(nobody || (root_is_init && parent == out) ? REACH_OUT : parent);
		s->group[i] = (uint8_t)(nobody || group == out ? REACH_OUT : group);
		s->session[i] = (uint8_t)(session == out || (!root_is_init && i == 0) ? REACH_OUT : session);
	}
}

/* ---------------------------------------------------------------------------------------- signatures -- */

static uint64_t mix(uint64_t h)
{
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* What can be told of each without its name; [REACH_MAX] is who is outside. */
static void signatures(const struct reach_state *s, uint64_t *sig)
{
	uint64_t sum[REACH_MAX + 1];
	uint8_t p[REACH_MAX], g[REACH_MAX], l[REACH_MAX], o[REACH_MAX];

	for (unsigned i = 0; i < s->len; i++) {
		p[i] = s->parent[i] == REACH_OUT ? REACH_MAX : s->parent[i];
		g[i] = s->group[i] == REACH_OUT ? REACH_MAX : s->group[i];
		l[i] = s->session[i] == REACH_OUT ? REACH_MAX : s->session[i];
		o[i] = reach_is_init(s, i) && i ? s->outer[i] : REACH_MAX;
		sig[i] = mix(64u | reach_lives(s, i) | (unsigned)reach_is_init(s, i) << 1 |
			     (unsigned)(i == 0) << 2 | (unsigned)(g[i] == i) << 3 |
			     (unsigned)(l[i] == i) << 4 | (s->zombie >> i & 1u) << 5);
	}
	sig[REACH_MAX] = 77;
	for (int round = 0; round < 4; round++) {
		memset(sum, 0, sizeof sum);
		for (unsigned k = 0; k < s->len; k++) {
			sum[p[k]] += mix(sig[k] + 11);
			sum[g[k]] += mix(sig[k] + 13);
			sum[l[k]] += mix(sig[k] + 17);
			sum[s->ns[k]] += mix(sig[k] + 19);
		}
		uint64_t next[REACH_MAX];
		for (unsigned i = 0; i < s->len; i++)
			next[i] = mix(sig[i] + 3 * sig[p[i]] + 5 * sig[g[i]] + 7 * sig[l[i]] +
				      11 * sig[s->ns[i]] + 13 * sig[o[i]] + sum[i]);
		memcpy(sig, next, s->len * sizeof *sig);
	}
}

/* ------------------------------------------------------------------------------------------- naming -- */

struct naming {
	const struct reach_state *s;
	uint64_t sig[REACH_MAX + 1];
	uint8_t order[REACH_MAX]; /* who stands where */
	uint8_t held;             /* a bit each: somebody else refers to it */
	bool any;
	struct reach_state best;
	uint8_t to[REACH_MAX];
};

static uint8_t renamed(const uint8_t *to, uint8_t i)
{
	return i == REACH_OUT ? REACH_OUT : to[i];
}

static void rename_all(const struct reach_state *s, const uint8_t *to, struct reach_state *out)
{
	memset(out, 0, sizeof *out);
	out->len = s->len;
	for (unsigned i = 0; i < s->len; i++) {
		uint8_t k = to[i];

		out->alive |= (uint8_t)(reach_lives(s, i) << k);
		out->zombie |= (uint8_t)((s->zombie >> i & 1) << k);
		out->parent[k] = renamed(to, s->parent[i]);
		out->ns[k] = renamed(to, s->ns[i]);
		out->outer[k] = reach_is_init(s, i) && i ? renamed(to, s->outer[i]) : 0;
		out->group[k] = renamed(to, s->group[i]);
		out->session[k] = renamed(to, s->session[i]);
	}
}

static bool same_but_for_itself(uint8_t x, unsigned a, uint8_t y, unsigned b)
{
	return x == a || y == b ? x == a && y == b : x == y;
}

static bool are_twins(const struct naming *n, unsigned a, unsigned b)
{
	const struct reach_state *s = n->s;

	return !(n->held >> a & 1) && !(n->held >> b & 1) && s->parent[a] == s->parent[b] &&
	       same_but_for_itself(s->ns[a], a, s->ns[b], b) &&
	       (!reach_is_init(s, a) || s->outer[a] == s->outer[b]) &&
	       same_but_for_itself(s->group[a], a, s->group[b], b) &&
	       same_but_for_itself(s->session[a], a, s->session[b], b);
}

static void note_held(struct naming *n)
{
	const struct reach_state *s = n->s;

	for (unsigned i = 0; i < s->len; i++) {
		const uint8_t refers[] = { s->parent[i], s->ns[i],
					   reach_is_init(s, i) ? s->outer[i] : s->ns[i], s->group[i],
					   s->session[i] };

		for (size_t k = 0; k < sizeof refers; k++)
			if (refers[k] != REACH_OUT && refers[k] != i)
				n->held |= (uint8_t)(1u << refers[k]);
	}
}

static void swap(struct naming *n, unsigned a, unsigned b)
{
	uint8_t x = n->order[a];

	n->order[a] = n->order[b];
	n->order[b] = x;
}

/* Somebody just like the k-th was tried in this place. */
static bool was_tried(const struct naming *n, unsigned at, unsigned k)
{
	for (unsigned other = at; other < k; other++)
		if (are_twins(n, n->order[other], n->order[k]))
			return true;
	return false;
}

static void try_all(struct naming *n, unsigned at)
{
	if (at == n->s->len) {
		struct reach_state out;
		uint8_t to[REACH_MAX];

		for (unsigned k = 0; k < n->s->len; k++)
			to[n->order[k]] = (uint8_t)k;
		rename_all(n->s, to, &out);
		if (n->any && memcmp(&out, &n->best, sizeof out) >= 0)
			return;
		n->best = out;
		memcpy(n->to, to, sizeof to);
		n->any = true;
		return;
	}
	for (unsigned k = at; k < n->s->len && n->sig[n->order[k]] == n->sig[n->order[at]]; k++) {
		if (k > at && was_tried(n, at, k))
			continue;
		swap(n, at, k);
		try_all(n, at + 1);
		swap(n, at, k);
	}
}

void reach_canonical(struct reach_state *s, uint8_t *to)
{
	struct naming n = { .s = s };

	signatures(s, n.sig);
	note_held(&n);
	for (unsigned i = 0; i < s->len; i++) { /* 0 stays 0 */
		unsigned k = i;

		for (; k > 1 && n.sig[n.order[k - 1]] > n.sig[i]; k--)
			n.order[k] = n.order[k - 1];
		n.order[k] = (uint8_t)i;
	}
	try_all(&n, 1);
	*s = n.best;
	if (to)
		memcpy(to, n.to, sizeof n.to);
}
