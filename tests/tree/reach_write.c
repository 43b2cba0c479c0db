/* SPDX-License-Identifier: MIT */
/*
 * reach_write.c: every tree of a few processes and dead leaders that could be written down, whether it can exist or not.
 *
 * Keeps:   (C6) no tree is missing; many come more than once, under other names.
 */
#include "reach.h"

static bool is_used(const struct reach_state *s, unsigned g)
{
	for (unsigned k = 0; k < s->len; k++)
		if (reach_lives(s, k) && (s->group[k] == g || s->session[k] == g))
			return true;
	return false;
}

/* Leaves that may be zombies; an init only if nobody is left in its namespace. */
reach_set reach_leaves(const struct reach_state *s)
{
	reach_set leaves = 0;

	for (unsigned k = 1; k < s->len; k++) {
		bool leaf = reach_lives(s, k);

		for (unsigned c = 0; c < s->len && leaf; c++)
			leaf = c == k || ((!reach_lives(s, c) || s->parent[c] != k) &&
					  (!reach_is_init(s, k) || s->ns[c] != k) &&
					  (!reach_is_init(s, c) || c == 0 || s->outer[c] != k));
		leaves |= (reach_set)(leaf << k);
	}
	return leaves;
}

static void try_zombies(const struct reach_writing *w, struct reach_state *s)
{
	reach_set leaves = w->o.zombies ? reach_leaves(s) : 0;

	for (unsigned dead = leaves;; dead = (dead - 1) & leaves) {
		s->zombie = (reach_set)dead;
		w->tell(w->ctx, s);
		if (!dead)
			return;
	}
}

/* Process 0 has nobody in the tree who would get it. */
static void write_signals(const struct reach_writing *w, struct reach_state *s, unsigned at)
{
	if (at >= s->len || at >= REACH_MAX) {
		try_zombies(w, s);
		return;
	}
	for (unsigned sig = REACH_CHLD; sig <= (w->o.signals && reach_lives(s, at) ? REACH_USR2 : REACH_CHLD);
	     sig++) {
		s->signal[at] = (uint8_t)sig;
		write_signals(w, s, at + 1);
	}
}

static void write_groups(const struct reach_writing *w, struct reach_state *s, unsigned at)
{
	unsigned first = !w->o.root_is_init;

	if (at == s->len) {
		for (unsigned k = first; k < s->len; k++)
			if (!reach_lives(s, k) && !is_used(s, k))
				return;
		write_signals(w, s, 1);
		return;
	}
	if (!reach_lives(s, at) || s->session[at] == at) {
		s->group[at] = (uint8_t)(reach_lives(s, at) ? at : REACH_OUT);
		write_groups(w, s, at + 1);
		return;
	}
	for (unsigned g = first; g <= s->len; g++) {
		bool out = g == s->len;

		if (out ? s->session[at] != REACH_OUT : reach_lives(s, g) && s->session[g] != s->session[at])
			continue;
		s->group[at] = (uint8_t)(out ? REACH_OUT : g);
		write_groups(w, s, at + 1);
	}
}

static void write_sessions(const struct reach_writing *w, struct reach_state *s, unsigned at)
{
	unsigned first = !w->o.root_is_init;

	if (at == s->len) {
		for (unsigned k = first; k < s->len; k++)
			if (reach_lives(s, k) && s->session[k] != REACH_OUT &&
			    reach_lives(s, s->session[k]) && s->session[s->session[k]] != s->session[k])
				return;
		write_groups(w, s, first);
		return;
	}
	if (!reach_lives(s, at)) {
		s->session[at] = REACH_OUT;
		write_sessions(w, s, at + 1);
		return;
	}
	for (unsigned l = first; l <= s->len; l++) {
		s->session[at] = (uint8_t)(l == s->len ? REACH_OUT : l);
		write_sessions(w, s, at + 1);
	}
}

static unsigned level_of(const struct reach_state *s, unsigned ns)
{
	unsigned level = 0;

	for (; ns && level < REACH_MAX; ns = s->outer[ns])
		level++;
	return level;
}

/* A file says where a namespace is by where its init's parent is, if that is one level out. */
static bool can_be_said(const struct reach_state *s, unsigned init, unsigned outer)
{
	unsigned parent = s->parent[init];

	return parent == REACH_OUT || s->ns[parent] == outer ||
	       level_of(s, s->ns[parent]) != level_of(s, outer);
}

static void write_spaces(const struct reach_writing *w, struct reach_state *s, unsigned at)
{
	if (at >= s->len || at >= REACH_MAX) {
		write_sessions(w, s, !w->o.root_is_init);
		return;
	}
	for (unsigned ns = 0; ns < (at == 1 && !w->o.root_is_init ? 1 : s->len); ns++) {
		if (ns &&
		    (!w->o.namespaces || !reach_lives(s, ns) || (ns != at && s->ns[ns] != ns) || ns > at) &&
		    !(ns && !reach_lives(s, at) && w->o.namespaces && reach_lives(s, ns) && ns < s->len &&
		      ns < at && s->ns[ns] == ns))
			continue;
		if (ns == at && at && !reach_lives(s, at))
			continue;
		s->ns[at] = (uint8_t)ns;
		if (ns == at && at) {
			for (unsigned outer = 0; outer < at; outer++) {
				if (s->ns[outer] != outer || !can_be_said(s, at, outer))
					continue;
				s->outer[at] = (uint8_t)outer;
				write_spaces(w, s, at + 1);
			}
			s->outer[at] = 0;
		} else {
			write_spaces(w, s, at + 1);
		}
	}
}

static void write_parents(const struct reach_writing *w, struct reach_state *s, unsigned at)
{
	if (at >= s->len || at >= REACH_MAX || !reach_lives(s, at)) { /* ghosts stand behind the living */
		for (unsigned k = at; k < s->len && k < REACH_MAX; k++)
			s->parent[k] = REACH_OUT;
		write_spaces(w, s, 1);
		return;
	}
	for (unsigned p = at == 1 || w->o.root_is_init ? 0 : 1; p < at; p++) {
		s->parent[at] = (uint8_t)p;
		write_parents(w, s, at + 1);
	}
	if (w->o.root_is_init) {
		s->parent[at] = REACH_OUT;
		write_parents(w, s, at + 1);
	}
}

void reach_write_all(const struct reach_writing *w, unsigned ids_max)
{
	unsigned first = !w->o.root_is_init;

	for (unsigned ids = 1; ids <= ids_max; ids++) {
		for (unsigned ghosts = 0; ghosts < ids; ghosts++) {
			struct reach_state s = { .len = (uint8_t)(ids + first),
						 .parent = { REACH_OUT },
						 .group = { REACH_OUT },
						 .session = { REACH_OUT } };

			s.alive = (reach_set)((1u << (s.len - ghosts)) - 1);
			write_parents(w, &s, 1);
		}
	}
}
