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

/* What a key holds of each, in this order; its length stands behind all of them. */
enum field { LIVES, DEAD, INIT, SPACE, PARENT, GROUP, SESSION, SIGNAL, FIELDS };
enum { LEN_BITS = 4, KEY_BITS = 8 * sizeof(struct reach_key), WORD_BITS = 64 };

/* How wide these are; what can be only one thing has no width. */
struct form {
	uint8_t width[FIELDS];
	unsigned out; /* stands for whoever is outside: a name that nobody has there */
};

static unsigned names_max(const struct reach_options *o)
{
	return o->ids_max + !o->root_is_init;
}

static struct form form_of(const struct reach_options *o)
{
	uint8_t name = names_max(o) + o->root_is_init <= 8 ? 3 : 4, space = o->namespaces ? name : 0;

	return (struct form){
		.width = { [LIVES] = 1,
			   [DEAD] = o->zombies,
			   [INIT] = o->namespaces,
			   [SPACE] = space,
			   [PARENT] = name,
			   [GROUP] = o->groupless ? 0 : name,
			   [SESSION] = name,
			   [SIGNAL] = o->signals ? 2 : 0 },
		.out = o->root_is_init ? (1u << name) - 1 : 0,
	};
}

bool reach_fits(const struct reach_options *o)
{
	const struct form form = form_of(o);
	unsigned bits = 0;

	for (unsigned f = 0; f < FIELDS; f++)
		bits += form.width[f];
	return names_max(o) <= REACH_MAX && names_max(o) * bits + LEN_BITS <= KEY_BITS;
}

static void put(struct reach_key *key, unsigned at, unsigned width, unsigned value)
{
	key->word[at / WORD_BITS] |= (uint64_t)value << at % WORD_BITS;
	if (at % WORD_BITS + width > WORD_BITS)
		key->word[1] |= (uint64_t)value >> (WORD_BITS - at % WORD_BITS);
}

static unsigned take(const struct reach_key *key, unsigned at, unsigned width)
{
	uint64_t bits = key->word[at / WORD_BITS] >> at % WORD_BITS;

	if (at % WORD_BITS + width > WORD_BITS)
		bits |= key->word[1] << (WORD_BITS - at % WORD_BITS);
	return (unsigned)bits & ((1u << width) - 1);
}

static unsigned code_of(unsigned who, unsigned out)
{
	return who == REACH_OUT ? out : who;
}

struct reach_key reach_pack(const struct reach_state *s, const struct reach_options *o)
{
	const struct form form = form_of(o);
	struct reach_key key = { { 0, 0 } };
	unsigned at = 0;

	for (unsigned i = 0; i < s->len; i++) {
		const unsigned values[FIELDS] = {
			[LIVES] = reach_lives(s, i),
			[DEAD] = s->zombie >> i & 1u,
			[INIT] = reach_is_init(s, i),
			[SPACE] = reach_is_init(s, i) ? s->outer[i] : s->ns[i],
			[PARENT] = code_of(s->parent[i], form.out),
			[GROUP] = code_of(s->group[i], form.out),
			[SESSION] = code_of(s->session[i], form.out),
			[SIGNAL] = s->signal[i],
		};

		for (unsigned f = 0; f < FIELDS; at += form.width[f++])
			if (form.width[f])
				put(&key, at, form.width[f], values[f]);
	}
	put(&key, KEY_BITS - LEN_BITS, LEN_BITS, s->len);
	return key;
}

void reach_unpack(struct reach_key key, const struct reach_options *o, struct reach_state *s)
{
	const struct form form = form_of(o);
	unsigned at = 0;

	memset(s, 0, sizeof *s);
	s->len = (uint8_t)take(&key, KEY_BITS - LEN_BITS, LEN_BITS);
	for (unsigned i = 0; i < s->len; i++) {
		unsigned v[FIELDS];
		bool outside = !o->root_is_init && i == 0;

		for (unsigned f = 0; f < FIELDS; at += form.width[f++])
			v[f] = form.width[f] ? take(&key, at, form.width[f]) : f == GROUP ? form.out : 0;
		s->alive |= (reach_set)(v[LIVES] << i);
		s->zombie |= (reach_set)(v[DEAD] << i);
		s->ns[i] = (uint8_t)(v[INIT] ? i : v[SPACE]);
		s->outer[i] = (uint8_t)(v[INIT] ? v[SPACE] : 0);
		s->parent[i] = (uint8_t)(!v[LIVES] || outside || (o->root_is_init && v[PARENT] == form.out)
						 ? REACH_OUT
						 : v[PARENT]);
		s->group[i] = (uint8_t)(!v[LIVES] || outside || v[GROUP] == form.out ? REACH_OUT : v[GROUP]);
		s->session[i] = (uint8_t)(outside || v[SESSION] == form.out ? REACH_OUT : v[SESSION]);
		s->signal[i] = (uint8_t)v[SIGNAL];
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
			     (unsigned)(l[i] == i) << 4 | (s->zombie >> i & 1u) << 5 |
			     (unsigned)s->signal[i] << 7);
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
	reach_set held;           /* somebody else refers to these */
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

		out->alive |= (reach_set)(reach_lives(s, i) << k);
		out->zombie |= (reach_set)((s->zombie >> i & 1) << k);
		out->parent[k] = renamed(to, s->parent[i]);
		out->ns[k] = renamed(to, s->ns[i]);
		out->outer[k] = reach_is_init(s, i) && i ? renamed(to, s->outer[i]) : 0;
		out->group[k] = renamed(to, s->group[i]);
		out->session[k] = renamed(to, s->session[i]);
		out->signal[k] = s->signal[i];
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
	       s->signal[a] == s->signal[b] && same_but_for_itself(s->ns[a], a, s->ns[b], b) &&
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
				n->held |= (reach_set)(1u << refers[k]);
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
