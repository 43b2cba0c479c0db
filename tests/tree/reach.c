/* SPDX-License-Identifier: MIT */
/*
 * reach.c: the search of reach.h.
 *
 * Keeps:   (C1) all ids of a state are processes or held by one as group or session;
 *          (C3) states are canonical before they are looked up, so each is met once, and first by a shortest way.
 * Costs:   24 bytes and two slots for each state.
 */
#include "reach.h"

#include <stdlib.h>
#include <string.h>

bool reach_is_inside(const struct reach_state *s, unsigned ns, unsigned outer)
{
	while (ns != outer && ns != 0)
		ns = s->outer[ns];
	return ns == outer;
}

/* ------------------------------------------------------------------------------------------ the table -- */

static size_t slot_of(const struct reach *r, struct reach_key key)
{
	uint64_t h = key.word[0] * 0x9e3779b97f4a7c15u ^ key.word[1] * 0xc2b2ae3d27d4eb4fu;
	size_t at = (size_t)(h ^ h >> 32) & r->mask;

	while (r->slots[at] && memcmp(&r->keys[r->slots[at] - 1], &key, sizeof key) != 0)
		at = (at + 1) & r->mask;
	return at;
}

bool reach_has(const struct reach *r, const struct reach_state *s)
{
	return r->slots && r->slots[slot_of(r, reach_pack(s, &r->o))] != 0;
}

void reach_get(const struct reach *r, size_t k, struct reach_state *s)
{
	reach_unpack(r->keys[k], &r->o, s);
}

/* All or nothing but larger arrays. */
static bool resize(struct reach *r, size_t cap)
{
	struct reach_key *keys = realloc(r->keys, cap * sizeof *keys);
	uint32_t *from;
	struct reach_deed *deeds;

	if (!keys)
		return false;
	r->keys = keys;
	from = realloc(r->from, cap * sizeof *from);
	if (!from)
		return false;
	r->from = from;
	deeds = realloc(r->deeds, cap * sizeof *deeds);
	if (!deeds)
		return false;
	r->deeds = deeds;
	return true;
}

static bool grow(struct reach *r)
{
	size_t cap = r->cap ? 2 * r->cap : 1 << 12;
	uint32_t *slots;

	if (!resize(r, cap))
		return false;
	slots = calloc(2 * cap, sizeof *slots);
	if (!slots)
		return false;
	free(r->slots);
	r->slots = slots;
	r->mask = 2 * cap - 1;
	r->cap = cap;
	for (size_t k = 0; k < r->len; k++)
		r->slots[slot_of(r, r->keys[k])] = (uint32_t)k + 1;
	return true;
}

void reach_meet(struct reach *r, uint32_t from, struct reach_deed by, struct reach_state *s)
{
	struct reach_key key;
	size_t at;

	reach_canonical(s, NULL);
	if (r->len == r->cap && (r->len >= UINT32_MAX / 2 || !grow(r))) {
		r->failed = true;
		return;
	}
	key = reach_pack(s, &r->o);
	at = slot_of(r, key);
	if (r->slots[at])
		return;
	r->keys[r->len] = key;
	r->from[r->len] = from;
	r->deeds[r->len] = by;
	r->slots[at] = (uint32_t)++r->len;
}

bool reach_add(struct reach *r, struct reach_state *s)
{
	size_t len = r->len;

	reach_meet(r, 0, (struct reach_deed){ 0 }, s);
	return r->len > len;
}

/* --------------------------------------------------------------------------------------- what is done -- */

static bool is_held(const struct reach_state *s, unsigned i)
{
	for (unsigned k = 0; k < s->len; k++)
		if (reach_lives(s, k) && (s->group[k] == i || s->session[k] == i))
			return true;
	return false;
}

static uint8_t renamed(const uint8_t *to, uint8_t i)
{
	return i == REACH_OUT ? REACH_OUT : to[i];
}

static void rename_kept(struct reach_state *s, const uint8_t *to, unsigned len)
{
	struct reach_state out = { .len = (uint8_t)len };

	for (unsigned i = 0; i < s->len; i++) {
		uint8_t k = to[i];

		if (k == REACH_OUT)
			continue;
		out.alive |= (reach_set)(reach_lives(s, i) << k);
		out.zombie |= (reach_set)((s->zombie >> i & 1) << k);
		out.parent[k] = renamed(to, s->parent[i]);
		out.ns[k] = renamed(to, s->ns[i]);
		out.outer[k] = reach_is_init(s, i) && i ? renamed(to, s->outer[i]) : 0;
		out.group[k] = renamed(to, s->group[i]);
		out.session[k] = renamed(to, s->session[i]);
		out.signal[k] = s->signal[i];
	}
	*s = out;
}

void reach_keep(struct reach_state *s, reach_set keep)
{
	uint8_t to[REACH_MAX], len = 0;

	for (unsigned i = 0; i < s->len; i++)
		to[i] = keep >> i & 1 ? len++ : REACH_OUT;
	if (len < s->len)
		rename_kept(s, to, len);
}

void reach_forget(struct reach_state *s, uint8_t *to)
{
	uint8_t len = 0;

	for (unsigned i = 0; i < s->len; i++)
		to[i] = reach_lives(s, i) || is_held(s, i) ? len++ : REACH_OUT;
	if (len < s->len)
		rename_kept(s, to, len);
}

static void be_born(struct reach_state *n, unsigned maker, struct reach_deed d)
{
	bool sibling = d.op == REACH_SIBLING || d.op == REACH_NEW_SIBLING;
	bool new_ns = d.op == REACH_NEW || d.op == REACH_NEW_SIBLING, outside = maker == REACH_OUT;
	unsigned c = n->len++;

	n->alive |= (reach_set)(1u << c);
	n->parent[c] = outside ? REACH_OUT : sibling ? n->parent[maker] : (uint8_t)maker;
	n->group[c] = outside ? REACH_OUT : n->group[maker];
	n->session[c] = outside ? REACH_OUT : n->session[maker];
	n->ns[c] = (uint8_t)(new_ns ? c : d.what);
	n->outer[c] = (uint8_t)(new_ns ? n->ns[maker] : 0);
	n->signal[c] = (uint8_t)(sibling ? reach_signal_seen(n, maker) : d.signal);
}

static void end(struct reach_state *n, unsigned who, unsigned reaper)
{
	for (unsigned k = 0; k < n->len; k++)
		if (reach_lives(n, k) && n->parent[k] == who) {
			n->parent[k] = (uint8_t)reaper;
			n->signal[k] = n->signal[k] == REACH_CHLD_BY_EXEC ? REACH_CHLD_BY_EXEC : REACH_CHLD;
		}
}

/* A dead leader is a number only. */
static void be_buried(struct reach_state *n, unsigned who)
{
	n->alive &= (reach_set) ~(1u << who);
	n->zombie &= (reach_set) ~(1u << who);
	n->parent[who] = n->group[who] = n->session[who] = REACH_OUT;
	n->signal[who] = REACH_CHLD;
	for (unsigned k = 0; k < n->len && reach_is_init(n, who);
	     k++) /* others that led groups in there are dead */
		if (k != who && n->ns[k] == who)
			n->ns[k] = n->outer[who];
	n->ns[who] = reach_is_init(n, who) ? n->outer[who] : n->ns[who];
	n->outer[who] = 0;
}

void reach_do(const struct reach *r, const struct reach_state *s, struct reach_deed d,
	      struct reach_state *out)
{
	*out = *s;
	switch ((enum reach_op)d.op) {
	case REACH_SETSID:
		out->session[d.who] = d.who;
		out->group[d.who] = r->o.groupless ? REACH_OUT : d.who;
		return;
	case REACH_SETPGID:
	case REACH_MOVE:
		out->group[d.who] = d.what;
		return;
	case REACH_EXIT:
		end(out, d.who, d.what);
		out->zombie |= (reach_set)(1u << d.who);
		return;
	case REACH_DIE:
		end(out, d.who, d.what);
		be_buried(out, d.who);
		return;
	case REACH_BURY:
		be_buried(out, d.who);
		return;
	case REACH_EXEC:
		out->signal[d.who] = d.signal;
		return;
	default:
		be_born(out, d.who, d);
	}
}

/* --------------------------------------------------------------------------------- what can be done -- */

struct at {
	struct reach *r;
	uint32_t index;
	struct reach_state s;
};

static void done(struct at *a, struct reach_deed d)
{
	struct reach_state n;
	uint8_t to[REACH_MAX];

	reach_do(a->r, &a->s, d, &n);
	reach_forget(&n, to);
	reach_meet(a->r, a->index, d, &n);
}

static void reached(struct at *a, enum reach_op op, unsigned who, unsigned what)
{
	done(a, (struct reach_deed){ (uint8_t)op, (uint8_t)who, (uint8_t)what, REACH_CHLD });
}

static void born(struct at *a, enum reach_op op, unsigned maker, unsigned ns)
{
	for (unsigned sig = REACH_CHLD; sig <= (a->r->o.signals ? REACH_USR2 : REACH_CHLD); sig++)
		done(a, (struct reach_deed){ (uint8_t)op, (uint8_t)maker, (uint8_t)ns, (uint8_t)sig });
}

static void births(struct at *a)
{
	const struct reach_state *s = &a->s;

	if (s->len == a->r->o.ids_max + !a->r->o.root_is_init)
		return;
	for (unsigned m = 0; m < s->len; m++) {
		bool sibling = !reach_is_init(s, m);

		if (!reach_acts(s, m))
			continue;
		if (a->r->o.namespaces) {
			born(a, REACH_NEW, m, 0);
			if (sibling)
				reached(a, REACH_NEW_SIBLING, m, 0);
		}
		for (unsigned ns = 0; ns < s->len; ns++) {
			if (!reach_acts(s, ns) || !reach_is_init(s, ns) || !reach_is_inside(s, ns, s->ns[m]))
				continue;
			born(a, REACH_FORK, m, ns);
			if (sibling)
				reached(a, REACH_SIBLING, m, ns);
		}
	}
	for (unsigned ns = 0; a->r->o.root_is_init && ns < s->len; ns++)
		if (reach_acts(s, ns) && reach_is_init(s, ns))
			born(a, REACH_FORK, REACH_OUT, ns);
}

/* Who is in it says which session it is of; nobody: it does not exist. */
static unsigned member_of(const struct reach_state *s, unsigned group)
{
	unsigned k = 0;

	while (k < s->len && !(reach_lives(s, k) && s->group[k] == group))
		k++;
	return k;
}

static bool sees(const struct reach_state *s, unsigned i, unsigned founder)
{
	return i == REACH_OUT || reach_is_inside(s, s->ns[founder], s->ns[i]);
}

static bool can_move(const struct reach_state *s, unsigned mover, unsigned who, unsigned group)
{
	unsigned session = mover == REACH_OUT ? REACH_OUT : s->session[mover], member;

	if ((mover != REACH_OUT && !reach_acts(s, mover)) || s->session[who] != session ||
	    !sees(s, mover, group))
		return false;
	if (group == who)
		return true;
	member = member_of(s, group);
	return member < s->len && s->session[member] == session;
}

/*
 * Back to the group outside, which has a number for whoever is outside: a parent of the init, and where process 0 is
 * outside itself, all in its namespace.
 */
static void move_back(struct at *a, unsigned who)
{
	const struct reach_state *s = &a->s;
	unsigned parent = s->parent[who];
	bool inside = !a->r->o.root_is_init;
	bool named = parent == REACH_OUT || (inside && reach_acts(s, parent) && s->ns[parent] == 0 &&
					     s->session[parent] == REACH_OUT);

	if (s->group[who] == REACH_OUT || s->session[who] != REACH_OUT)
		return;
	if (inside && s->ns[who] == 0 && reach_acts(s, who))
		reached(a, REACH_SETPGID, who, REACH_OUT);
	else if (named && s->signal[who] != REACH_CHLD_BY_EXEC)
		reached(a, REACH_MOVE, who, REACH_OUT);
}

static void moves(struct at *a, unsigned who)
{
	const struct reach_state *s = &a->s;

	if (who == 0 && !a->r->o.root_is_init)
		return; /* whoever makes the root stays as it is */
	for (unsigned group = 0; group < s->len && s->session[who] != who && !a->r->o.groupless; group++) {
		if (group == s->group[who] ||
		    (reach_is_init(s, who) && group != who && reach_is_inside(s, s->ns[group], s->ns[who])))
			continue; /* the hazard */
		if (can_move(s, who, who, group))
			reached(a, REACH_SETPGID, who, group);
		else if (s->signal[who] != REACH_CHLD_BY_EXEC && can_move(s, s->parent[who], who, group))
			reached(a, REACH_MOVE, who, group);
	}
	move_back(a, who);
	if (reach_acts(s, who) && s->session[who] != who && member_of(s, who) == s->len)
		reached(a, REACH_SETSID, who, 0);
}

static void die(struct at *a, unsigned who, unsigned reaper)
{
	if (!(a->s.zombie >> who & 1)) {
		reached(a, REACH_DIE, who, reaper);
		if (a->r->o.zombies)
			reached(a, REACH_EXIT, who, reaper);
	}
}

/* Alone in its namespace; with others it would take them along. */
static bool init_can_die(const struct reach_state *s, unsigned who)
{
	for (unsigned k = 0; k < s->len; k++)
		if (k != who &&
		    ((reach_lives(s, k) && reach_is_inside(s, s->ns[k], who)) || s->parent[k] == who))
			return false;
	return who != 0;
}

static void deaths(struct at *a, unsigned who)
{
	const struct reach_state *s = &a->s;
	unsigned up = s->parent[who], ns = s->ns[who];
	bool children = false;

	if (s->zombie >> who & 1) {
		reached(a, REACH_BURY, who, 0);
		return;
	}
	if (reach_is_init(s, who)) {
		if (init_can_die(s, who))
			die(a, who, 0);
		return;
	}
	for (unsigned k = 0; k < s->len; k++)
		children |= reach_lives(s, k) && s->parent[k] == who;
	for (; children && up != REACH_OUT && s->ns[up] == ns && up != ns; up = s->parent[up])
		die(a, who, up);
	die(a, who, ns);
}

/* Who has SIGCHLD already gets nothing from it.  In one namespace all move themselves. */
static void execs(struct at *a, unsigned who)
{
	bool moved = a->r->o.namespaces;

	if (!a->r->o.execs || !reach_acts(&a->s, who) || reach_signal_seen(&a->s, who) == REACH_CHLD)
		return;
	done(a, (struct reach_deed){ REACH_EXEC, (uint8_t)who, 0, moved ? REACH_CHLD_BY_EXEC : REACH_CHLD });
}

bool reach_all(struct reach *r)
{
	struct reach_state first = { .len = 1,
				     .alive = 1,
				     .parent = { REACH_OUT },
				     .group = { REACH_OUT },
				     .session = { REACH_OUT } };

	reach_meet(r, 0, (struct reach_deed){ 0 }, &first);
	for (uint32_t k = 0; k < r->len && !r->failed; k++) {
		struct at a = { .r = r, .index = k };

		reach_get(r, k, &a.s);
		births(&a);
		for (unsigned i = 0; i < a.s.len; i++) {
			if (!reach_lives(&a.s, i))
				continue;
			moves(&a, i);
			execs(&a, i);
			if (i > 0)
				deaths(&a, i);
		}
	}
	return !r->failed;
}

void reach_done(struct reach *r)
{
	free(r->keys);
	free(r->from);
	free(r->deeds);
	free(r->slots);
}

/* --------------------------------------------------------------------------------------------- trees -- */

/* A ghost's numbers are known as deep as a member of its group or session is. */
static void trim_ghost(struct reach_state *t, unsigned g)
{
	bool seen = false;

	while (!seen && t->ns[g] != 0) {
		for (unsigned k = 0; k < t->len; k++)
			seen |= reach_lives(t, k) && (t->group[k] == g || t->session[k] == g) &&
				reach_is_inside(t, t->ns[k], t->ns[g]);
		if (!seen)
			t->ns[g] = t->outer[t->ns[g]];
	}
}

bool reach_is_tree(const struct reach *r, const struct reach_state *s, struct reach_state *tree)
{
	unsigned roots = 0;

	for (unsigned k = 1; k < s->len && !r->o.root_is_init; k++) {
		roots += reach_lives(s, k) && s->parent[k] == 0;
		if (reach_lives(s, k) && s->parent[k] == 0 && s->ns[k] != 0)
			return false; /* level 0 is where the root lives */
	}
	if (!r->o.root_is_init && roots != 1)
		return false;
	*tree = *s;
	for (unsigned k = 0; k < s->len; k++) {
		tree->signal[k] = (uint8_t)reach_signal_seen(s, k);
		if (!reach_lives(s, k))
			trim_ghost(tree, k);
	}
	reach_canonical(tree, NULL);
	return true;
}
