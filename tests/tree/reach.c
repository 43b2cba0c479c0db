/* SPDX-License-Identifier: MIT */
/*
 * reach.c: the search of reach.h.
 *
 * Keeps:   (C1) all ids of a state are living processes or held by one as group or session;
 *          (C2) states are canonical before they are looked up, so each is met once.
 */
#include "reach.h"

#include <stdlib.h>
#include <string.h>

static bool lives(const struct reach_state *s, unsigned i)
{
	return s->alive >> i & 1;
}

static bool is_init(const struct reach_state *s, unsigned i)
{
	return s->ns[i] == i;
}

static bool is_inside(const struct reach_state *s, unsigned ns, unsigned outer)
{
	while (ns != outer && ns != 0)
		ns = s->outer[ns];
	return ns == outer;
}

/* -------------------------------------------------------------------------------------- canonical form -- */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t sig_of(const uint64_t *sig, unsigned i)
{
	return i == REACH_OUT ? 77 : sig[i];
}

/* What can be told of each id without its name. */
static void signatures(const struct reach_state *s, uint64_t *sig)
{
	uint64_t next[REACH_MAX];

	for (unsigned i = 0; i < s->len; i++)
		sig[i] = mix(mix(lives(s, i), is_init(s, i)), i == 0);
	for (int round = 0; round < 4; round++) {
		for (unsigned i = 0; i < s->len; i++) {
			uint64_t h = mix(sig[i], sig_of(sig, s->parent[i])), sum = 0;

			h = mix(h, sig_of(sig, s->ns[i]));
			h = mix(h, is_init(s, i) && i ? sig_of(sig, s->outer[i]) : 3);
			h = mix(h, sig_of(sig, s->group[i]) + 5);
			h = mix(h, sig_of(sig, s->session[i]) + 9);
			for (unsigned k = 0; k < s->len; k++) {
				sum += s->parent[k] == i && k != i ? mix(sig[k], 11) : 0;
				sum += lives(s, k) && s->group[k] == i ? mix(sig[k], 13) : 0;
				sum += lives(s, k) && s->session[k] == i ? mix(sig[k], 17) : 0;
				sum += s->ns[k] == i ? mix(sig[k], 19) : 0;
			}
			next[i] = mix(h, sum);
		}
		memcpy(sig, next, sizeof next);
	}
}

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

		out->alive |= (uint8_t)(lives(s, i) << k);
		out->parent[k] = renamed(to, s->parent[i]);
		out->ns[k] = renamed(to, s->ns[i]);
		out->outer[k] = is_init(s, i) && i ? renamed(to, s->outer[i]) : 0;
		out->group[k] = renamed(to, s->group[i]);
		out->session[k] = renamed(to, s->session[i]);
	}
}

/* Of all ways to name those with the same signature, the one with the least state. */
static void try_all(const struct reach_state *s, const uint64_t *sig, uint8_t *order, unsigned at,
		    struct reach_state *best, bool *any)
{
	if (at == s->len) {
		struct reach_state out;
		uint8_t to[REACH_MAX];

		for (unsigned k = 0; k < s->len; k++)
			to[order[k]] = (uint8_t)k;
		rename_all(s, to, &out);
		if (!*any || memcmp(&out, best, sizeof out) < 0)
			*best = out;
		*any = true;
		return;
	}
	for (unsigned k = at; k < s->len && sig[order[k]] == sig[order[at]]; k++) {
		uint8_t first = order[at];

		order[at] = order[k];
		order[k] = first;
		try_all(s, sig, order, at + 1, best, any);
		order[k] = order[at];
		order[at] = first;
	}
}

void reach_canonical(struct reach_state *s)
{
	struct reach_state best;
	uint64_t sig[REACH_MAX] = { 0 };
	uint8_t order[REACH_MAX];
	bool any = false;

	signatures(s, sig);
	for (unsigned i = 0; i < s->len; i++) { /* 0 stays 0 */
		unsigned k = i;

		for (; k > 1 && sig[order[k - 1]] > sig[i]; k--)
			order[k] = order[k - 1];
		order[k] = (uint8_t)i;
	}
	try_all(s, sig, order, 1, &best, &any);
	*s = best;
}

/* ------------------------------------------------------------------------------------------ the table -- */

static size_t slot_of(const struct reach *r, const struct reach_state *s)
{
	uint64_t h = 1;

	for (size_t k = 0; k < sizeof *s; k++)
		h = mix(h, ((const uint8_t *)s)[k]);
	size_t at = (size_t)h & r->mask;
	while (r->slots[at] && memcmp(&r->states[r->slots[at] - 1], s, sizeof *s) != 0)
		at = (at + 1) & r->mask;
	return at;
}

bool reach_has(const struct reach *r, const struct reach_state *s)
{
	return r->slots[slot_of(r, s)] != 0;
}

static bool grow(struct reach *r)
{
	size_t cap = r->cap ? 2 * r->cap : 1 << 12;
	struct reach_state *states = realloc(r->states, cap * sizeof *states);
	uint32_t *from, *slots;

	if (!states)
		return false;
	r->states = states;
	from = realloc(r->from, cap * sizeof *from);
	if (!from)
		return false;
	r->from = from;
	slots = calloc(4 * cap, sizeof *slots);
	if (!slots)
		return false;
	free(r->slots);
	r->slots = slots;
	r->mask = 4 * cap - 1;
	r->cap = cap;
	for (size_t k = 0; k < r->len; k++)
		r->slots[slot_of(r, &r->states[k])] = (uint32_t)k + 1;
	return true;
}

static void meet(struct reach *r, const struct reach_state *before, struct reach_state *s)
{
	size_t at;

	reach_canonical(s);
	if (r->len == r->cap && !grow(r)) {
		r->failed = true;
		return;
	}
	at = slot_of(r, s);
	if (r->slots[at])
		return;
	r->states[r->len] = *s;
	r->from[r->len] = before ? (uint32_t)(before - r->states) : 0;
	r->slots[at] = (uint32_t)++r->len;
}

bool reach_add(struct reach *r, struct reach_state *s)
{
	size_t len = r->len;

	meet(r, NULL, s);
	return r->len > len;
}

/* C1: whoever is dead and held by nobody is forgotten. */
static bool is_held(const struct reach_state *s, unsigned i)
{
	for (unsigned k = 0; k < s->len; k++)
		if (lives(s, k) && (s->group[k] == i || s->session[k] == i))
			return true;
	return false;
}

static void forget(struct reach_state *s)
{
	uint8_t to[REACH_MAX], len = 0;
	struct reach_state out = { 0 };

	for (unsigned i = 0; i < s->len; i++)
		to[i] = lives(s, i) || is_held(s, i) ? len++ : REACH_OUT;
	if (len == s->len)
		return;
	for (unsigned i = 0; i < s->len; i++) {
		uint8_t k = to[i];

		if (k == REACH_OUT)
			continue;
		out.alive |= (uint8_t)(lives(s, i) << k);
		out.parent[k] = renamed(to, s->parent[i]);
		out.ns[k] = renamed(to, s->ns[i]);
		out.outer[k] = is_init(s, i) && i ? renamed(to, s->outer[i]) : 0;
		out.group[k] = renamed(to, s->group[i]);
		out.session[k] = renamed(to, s->session[i]);
	}
	out.len = len;
	*s = out;
}

/* --------------------------------------------------------------------------------------------- deeds -- */

struct at {
	struct reach *r;
	uint32_t index;
	struct reach_state s;
};

static void reached(struct at *a, struct reach_state *n)
{
	forget(n);
	meet(a->r, &a->r->states[a->index], n);
}

static void born(struct at *a, unsigned maker, unsigned parent, unsigned ns, bool new_ns)
{
	struct reach_state n = a->s;
	unsigned c = n.len++;

	n.alive |= (uint8_t)(1u << c);
	n.parent[c] = (uint8_t)parent;
	n.group[c] = maker == REACH_OUT ? REACH_OUT : a->s.group[maker];
	n.session[c] = maker == REACH_OUT ? REACH_OUT : a->s.session[maker];
	n.ns[c] = (uint8_t)(new_ns ? c : ns);
	n.outer[c] = (uint8_t)(new_ns ? ns : 0);
	reached(a, &n);
}

static void births(struct at *a)
{
	const struct reach_state *s = &a->s;

	if (s->len == a->r->o.ids_max + !a->r->o.root_is_init)
		return;
	for (unsigned m = 0; m < s->len; m++) {
		bool sibling = !is_init(s, m);

		if (!lives(s, m))
			continue;
		if (a->r->o.namespaces) {
			born(a, m, m, s->ns[m], true);
			if (sibling)
				born(a, m, s->parent[m], s->ns[m], true);
		}
		for (unsigned ns = 0; ns < s->len; ns++) {
			if (!lives(s, ns) || !is_init(s, ns) || !is_inside(s, ns, s->ns[m]))
				continue;
			born(a, m, m, ns, false);
			if (sibling)
				born(a, m, s->parent[m], ns, false);
		}
	}
	for (unsigned ns = 0; a->r->o.root_is_init && ns < s->len; ns++)
		if (lives(s, ns) && is_init(s, ns))
			born(a, REACH_OUT, REACH_OUT, ns, false);
}

static bool group_exists(const struct reach_state *s, unsigned group)
{
	for (unsigned k = 0; k < s->len; k++)
		if (lives(s, k) && s->group[k] == group)
			return true;
	return false;
}

static unsigned session_of_group(const struct reach_state *s, unsigned group)
{
	for (unsigned k = 0; k < s->len; k++)
		if (lives(s, k) && s->group[k] == group)
			return s->session[k];
	return REACH_OUT;
}

static bool sees(const struct reach_state *s, unsigned i, unsigned founder)
{
	return i == REACH_OUT || is_inside(s, s->ns[founder], s->ns[i]);
}

static void move(struct at *a, unsigned mover, unsigned who, unsigned group)
{
	const struct reach_state *s = &a->s;
	struct reach_state n = *s;
	unsigned session = mover == REACH_OUT ? REACH_OUT : s->session[mover];

	if (mover == REACH_OUT && !a->r->o.outside_moves)
		return;
	if (s->session[who] == who || s->session[who] != session || !sees(s, mover, group) ||
	    (is_init(s, who) && group != who && is_inside(s, s->ns[group], s->ns[who])))
		return;
	if (group != who && (!group_exists(s, group) || session_of_group(s, group) != session))
		return;
	n.group[who] = (uint8_t)group;
	reached(a, &n);
}

static void moves(struct at *a, unsigned who)
{
	struct reach_state n = a->s;

	if (who == 0 && !a->r->o.root_is_init)
		return; /* whoever makes the root stays as it is */
	for (unsigned group = 0; group < a->s.len; group++) {
		move(a, who, who, group);
		move(a, a->s.parent[who], who, group);
	}
	if (group_exists(&n, who) || n.session[who] == who)
		return;
	n.group[who] = n.session[who] = (uint8_t)who;
	reached(a, &n);
}

static void die(struct at *a, unsigned who, unsigned reaper)
{
	struct reach_state n = a->s;

	n.alive &= (uint8_t) ~(1u << who);
	for (unsigned k = 0; k < n.len; k++)
		if (lives(&n, k) && n.parent[k] == who)
			n.parent[k] = (uint8_t)reaper;
	n.parent[who] = n.group[who] = n.session[who] = REACH_OUT; /* a ghost is a number only */
	reached(a, &n);
}

/* Inits do not die here: they would take their namespaces along. */
static void deaths(struct at *a, unsigned who)
{
	const struct reach_state *s = &a->s;
	unsigned up = s->parent[who], ns = s->ns[who];

	if (is_init(s, who))
		return;
	for (; up != REACH_OUT && s->ns[up] == ns && up != ns; up = s->parent[up])
		die(a, who, up);
	die(a, who, ns);
}

bool reach_all(struct reach *r)
{
	struct reach_state first = { .len = 1,
				     .alive = 1,
				     .parent = { REACH_OUT },
				     .group = { REACH_OUT },
				     .session = { REACH_OUT } };

	meet(r, NULL, &first);
	for (uint32_t k = 0; k < r->len && !r->failed; k++) {
		struct at a = { .r = r, .index = k, .s = r->states[k] };

		births(&a);
		for (unsigned i = 0; i < a.s.len; i++) {
			if (!lives(&a.s, i))
				continue;
			moves(&a, i);
			deaths(&a, i);
		}
	}
	return !r->failed;
}

void reach_done(struct reach *r)
{
	free(r->states);
	free(r->from);
	free(r->slots);
}

/* --------------------------------------------------------------------------------------------- trees -- */

/* A ghost's numbers are known as deep as a member of its group or session is. */
static void trim_ghost(struct reach_state *t, unsigned g)
{
	bool seen = false;

	while (!seen && t->ns[g] != 0) {
		for (unsigned k = 0; k < t->len; k++)
			seen |= lives(t, k) && (t->group[k] == g || t->session[k] == g) &&
				is_inside(t, t->ns[k], t->ns[g]);
		if (!seen)
			t->ns[g] = t->outer[t->ns[g]];
	}
}

bool reach_is_tree(const struct reach *r, const struct reach_state *s, struct reach_state *tree)
{
	unsigned roots = 0;

	for (unsigned k = 1; k < s->len && !r->o.root_is_init; k++) {
		roots += lives(s, k) && s->parent[k] == 0;
		if (lives(s, k) && s->parent[k] == 0 && s->ns[k] != 0)
			return false; /* level 0 is where the root lives */
	}
	if (!r->o.root_is_init && roots != 1)
		return false;
	*tree = *s;
	for (unsigned k = 0; k < s->len; k++)
		if (!lives(s, k))
			trim_ghost(tree, k);
	reach_canonical(tree);
	return true;
}
