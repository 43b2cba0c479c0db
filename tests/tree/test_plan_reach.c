/* SPDX-License-Identifier: MIT */
/*
 * test_plan_reach.c: what the planner plans is what can be reached.
 *
 * Every tree of up to N processes and dead leaders that the search of reach.h meets, with so many helpers beside them,
 * has a plan, with any of its leaves dead, too; each plan is proven on libpidns.  So no refusal of one of these would be
 * right.  Then every tree that could be written down with so many is tried: the planner takes exactly those that the
 * search met.  And with one more helper the search meets no other trees.
 *
 * Four in one namespace need two helpers at a time, and 27 times as many states: that is one of the larger ones.
 *
 * SETTID_REACH=all takes larger ones too, minutes to hours; SETTID_REACH=K the K-th alone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan_form.h"
#include "reach.h"
#include "tree/plan.h"
#include "tree/tree.h"

struct size {
	const char *name;
	bool root_is_init, namespaces;
	unsigned ids, helpers, written; /* written: how many ids trees that are only written down have */
	bool large;
	bool exact; /* that many helpers find all there is */
};

/* ids counts processes and dead leaders, the root too. */
static const struct size sizes[] = {
	{ "one namespace, below a process", false, false, 3, 1, 0, false, true },
	{ "one namespace, below a process, up to 3", false, false, 3, 2, 3, false, true },
	{ "one namespace, below a process, up to 4", false, false, 4, 1, 4, false, false },
	{ "namespaces, below a process", false, true, 2, 1, 0, false, true },
	{ "namespaces, below a process, up to 3", false, true, 3, 1, 3, false, true },
	{ "namespaces, below an init", true, true, 2, 1, 0, false, true },
	{ "namespaces, below an init, up to 3", true, true, 3, 1, 3, false, true },
	{ "one namespace, below a process, up to 4, two helpers", false, false, 4, 2, 4, true, true },
	{ "one namespace, below a process, up to 5", false, false, 5, 1, 5, true, false },
	{ "namespaces, below an init, up to 3, two helpers", true, true, 3, 1, 0, true, true },
	{ "namespaces, below an init, up to 4", true, true, 4, 1, 4, true, false },
	{ "namespaces, below a process, up to 4", false, true, 4, 1, 4, true, false },
};
#define SIZES_LEN (sizeof sizes / sizeof *sizes)

/* ------------------------------------------------------------------------------------- as a tree file -- */

static bool lives(const struct reach_state *s, unsigned i)
{
	return s->alive >> i & 1;
}

static bool is_init(const struct reach_state *s, unsigned i)
{
	return s->ns[i] == i;
}

static unsigned level_of(const struct reach_state *s, unsigned ns)
{
	unsigned level = 0;

	for (; ns; ns = s->outer[ns])
		level++;
	return level;
}

static struct tree_str label_of(struct tree *t, const struct reach_state *s, unsigned ns)
{
	char text[2 * REACH_MAX + 2] = "";

	for (unsigned at = ns; at; at = s->outer[at]) {
		memmove(text + 2, text, sizeof text - 2);
		text[0] = (char)('a' + at);
		text[1] = '/';
	}
	return tree_strdup(t, text, strlen(text) - 1);
}

static int32_t number_of(unsigned who, bool root_is_init)
{
	return who == REACH_OUT ? 0 : who == 0 && root_is_init ? 1 : (int32_t)who + 10;
}

static const int32_t *numbers_of(struct tree *t, const struct reach_state *s, unsigned who, unsigned levels,
				 bool root_is_init)
{
	int32_t *nspid = tree_alloc(t, levels * sizeof *nspid);
	unsigned level = levels;

	assert_non_null(nspid);
	for (unsigned ns = s->ns[who]; level-- > 0; ns = s->outer[ns])
		nspid[level] = ns == who && ns ? 1 : number_of(who, root_is_init);
	return nspid;
}

static void add_process(struct tree *t, const struct reach_state *s, unsigned who, bool root_is_init,
			bool dead)
{
	struct tree_process *p = tree_process_add(t);
	unsigned parent = s->parent[who];

	assert_non_null(p);
	p->levels = (uint8_t)(level_of(s, s->ns[who]) + 1);
	p->nspid = numbers_of(t, s, who, p->levels, root_is_init);
	p->ppid = !root_is_init && parent == 0 ? 0 : number_of(parent, root_is_init);
	p->pgid = number_of(s->group[who], root_is_init);
	p->sid = number_of(s->session[who], root_is_init);
	p->state = dead ? TREE_ZOMBIE : TREE_LIVE;
	p->exit_code = dead ? 7 : TREE_ABSENT;
	if (s->ns[who])
		p->ns_label = label_of(t, s, s->ns[who]);
}

static void add_ghost(struct tree *t, const struct reach_state *s, unsigned who, bool root_is_init)
{
	struct tree_ghost *g = tree_ghost_add(t);

	assert_non_null(g);
	g->levels = (uint8_t)(level_of(s, s->ns[who]) + 1);
	g->nspid = numbers_of(t, s, who, g->levels, root_is_init);
	if (s->ns[who])
		g->ns_label = label_of(t, s, s->ns[who]);
}

static struct tree *tree_of(const struct reach_state *s, bool root_is_init, unsigned dead)
{
	struct tree *t = tree_new(NULL);

	assert_non_null(t);
	for (unsigned k = !root_is_init; k < s->len; k++) {
		if (lives(s, k))
			add_process(t, s, k, root_is_init, dead >> k & 1);
		else
			add_ghost(t, s, k, root_is_init);
	}
	return t;
}

/* ---------------------------------------------------------------------------------------- the planner -- */

enum verdict { PLANNED, REFUSED, WRONG };

static enum verdict ask(const struct reach_state *s, bool root_is_init, unsigned dead, unsigned schedules,
			struct tree_error *err)
{
	const struct plan_options o = { .new_namespace = true };
	struct tree *t = tree_of(s, root_is_init, dead);
	enum verdict v = REFUSED;
	struct plan *p = NULL;

	*err = (struct tree_error){ 0 };
	if (tree_validate(t, err) == 0 && plan_make(t, &o, &p, err) == 0) {
		v = plan_check_form(p, t, err->text, sizeof err->text) < 0 ? WRONG : PLANNED;
		for (unsigned k = 0; v == PLANNED && k < schedules; k++)
			v = plan_prove(p, t, &o, k, NULL, err) < 0 ? WRONG : PLANNED;
	}
	plan_free(p);
	tree_free(t);
	return v;
}

static void show(const struct reach_state *s, bool root_is_init, unsigned dead, const struct tree_error *err)
{
	struct tree *t;

	print_message("# %s\n", err->text);
	if (!getenv("SETTID_SHOW"))
		return;
	t = tree_of(s, root_is_init, dead);
	tree_write_json(t, stdout);
	tree_free(t);
}

/* Leaves that may be zombies: not the root, and an init only if nobody is left in its namespace. */
static unsigned leaves_of(const struct reach_state *s)
{
	unsigned leaves = 0;

	for (unsigned k = 1; k < s->len; k++) {
		bool leaf = lives(s, k) && s->parent[k] != 0;

		for (unsigned c = 0; c < s->len && leaf; c++)
			leaf = c == k ||
			       ((!lives(s, c) || s->parent[c] != k) && (!is_init(s, k) || s->ns[c] != k) &&
				(!is_init(s, c) || c == 0 || s->outer[c] != k));
		leaves |= leaf ? 1u << k : 0;
	}
	return leaves;
}

/* ------------------------------------------------------------------------------------------- reached -- */

static unsigned check_tree(const struct reach_state *tree, bool root_is_init, unsigned *asked)
{
	unsigned leaves = leaves_of(tree), bad = 0;
	struct tree_error err;

	for (unsigned dead = leaves;; dead = (dead - 1) & leaves) {
		++*asked;
		if (ask(tree, root_is_init, dead, dead ? 1 : 3, &err) != PLANNED) {
			bad++;
			show(tree, root_is_init, dead, &err);
		}
		if (!dead)
			return bad;
	}
}

/* The trees among what was reached, of up to `ids`. */
static void collect(const struct reach *r, unsigned ids, struct reach *trees)
{
	struct reach_state tree;

	for (size_t k = 0; k < r->len; k++) {
		if (!reach_is_tree(r, &r->states[k], &tree) || tree.len > ids + !r->o.root_is_init)
			continue;
		reach_add(trees, &tree);
	}
	assert_false(trees->failed);
}

/* Searches are long, and several tests ask for the same. */
static struct reach searched[8];
static size_t searched_len;

static const struct reach *search_once(const struct reach_options *o)
{
	struct reach *r;

	for (size_t k = 0; k < searched_len; k++)
		if (searched[k].o.root_is_init == o->root_is_init &&
		    searched[k].o.namespaces == o->namespaces && searched[k].o.ids_max == o->ids_max)
			return &searched[k];
	if (searched_len == sizeof searched / sizeof *searched)
		reach_done(&searched[--searched_len]);
	r = &searched[searched_len++];
	*r = (struct reach){ .o = *o };
	if (!reach_all(r))
		fail_msg("out of memory after %zu states", r->len);
	return r;
}

/* The trees of up to `ids`, and how many states were met on the way. */
static size_t search(const struct size *z, unsigned ids, unsigned helpers, struct reach *trees)
{
	const struct reach_options o = { z->root_is_init, z->namespaces, false, z->ids + helpers };
	const struct reach *r = search_once(&o);

	*trees = (struct reach){ .o = o };
	collect(r, ids, trees);
	return r->len;
}

static void whatever_is_reached_is_planned(void **state)
{
	const struct size *z = *state;
	struct reach trees;
	unsigned bad = 0, asked = 0;
	size_t states = search(z, z->ids, z->helpers, &trees);

	for (size_t k = 0; k < trees.len; k++)
		bad += check_tree(&trees.states[k], z->root_is_init, &asked);
	print_message("# %s: %zu trees of up to %u, %u with dead leaves; %zu states with %u helper(s)\n",
		      z->name, trees.len, z->ids, asked, states, z->helpers);
	reach_done(&trees);
	assert_int_equal(bad, 0);
}

static void one_more_helper_finds_nothing_new(void **state)
{
	const struct size *z = *state;
	struct reach trees, more;

	search(z, z->ids, z->helpers, &trees);
	search(z, z->ids, z->helpers + 1, &more);
	print_message("# %s: %zu trees with %u helper(s), %zu with one more\n", z->name, trees.len,
		      z->helpers, more.len);
	assert_int_equal(trees.len, more.len);
	reach_done(&trees);
	reach_done(&more);
}

/* ------------------------------------------------------------------------------------- written down -- */

struct written {
	const struct size *z;
	struct reach seen;
	struct reach reached;
	unsigned bad, planned;
};

static void try_tree(struct written *w, const struct reach_state *s)
{
	struct reach_state tree = *s;
	struct tree_error err;
	enum verdict v;
	bool known;

	if (!reach_add(&w->seen, &tree))
		return;
	known = reach_has(&w->reached, &tree);
	v = ask(&tree, w->z->root_is_init, 0, 1, &err);
	w->planned += v == PLANNED;
	if (v == WRONG || (known && v != PLANNED) || (!known && v == PLANNED && w->z->exact)) {
		w->bad++;
		show(&tree, w->z->root_is_init, 0, &err);
	}
}

static bool is_used(const struct reach_state *s, unsigned g)
{
	for (unsigned k = 0; k < s->len; k++)
		if (lives(s, k) && (s->group[k] == g || s->session[k] == g))
			return true;
	return false;
}

static void write_groups(struct written *w, struct reach_state *s, unsigned at)
{
	unsigned first = !w->z->root_is_init;

	if (at == s->len) {
		for (unsigned k = first; k < s->len; k++)
			if (!lives(s, k) && !is_used(s, k))
				return;
		try_tree(w, s);
		return;
	}
	if (!lives(s, at) || s->session[at] == at) {
		s->group[at] = (uint8_t)(lives(s, at) ? at : REACH_OUT);
		write_groups(w, s, at + 1);
		return;
	}
	for (unsigned g = first; g <= s->len; g++) {
		bool out = g == s->len;

		if (out ? s->session[at] != REACH_OUT : lives(s, g) && s->session[g] != s->session[at])
			continue;
		s->group[at] = (uint8_t)(out ? REACH_OUT : g);
		write_groups(w, s, at + 1);
	}
}

static void write_sessions(struct written *w, struct reach_state *s, unsigned at)
{
	unsigned first = !w->z->root_is_init;

	if (at == s->len) {
		for (unsigned k = first; k < s->len; k++)
			if (lives(s, k) && s->session[k] != REACH_OUT && lives(s, s->session[k]) &&
			    s->session[s->session[k]] != s->session[k])
				return;
		write_groups(w, s, first);
		return;
	}
	if (!lives(s, at)) {
		s->session[at] = REACH_OUT;
		write_sessions(w, s, at + 1);
		return;
	}
	for (unsigned l = first; l <= s->len; l++) {
		s->session[at] = (uint8_t)(l == s->len ? REACH_OUT : l);
		write_sessions(w, s, at + 1);
	}
}

static void write_spaces(struct written *w, struct reach_state *s, unsigned at)
{
	if (at == s->len) {
		write_sessions(w, s, !w->z->root_is_init);
		return;
	}
	for (unsigned ns = 0; ns < (at == 1 && !w->z->root_is_init ? 1 : s->len); ns++) {
		if (ns && (!w->z->namespaces || !lives(s, ns) || (ns != at && s->ns[ns] != ns) || ns > at) &&
		    !(ns && !lives(s, at) && w->z->namespaces && lives(s, ns) && ns < s->len && ns < at &&
		      s->ns[ns] == ns))
			continue;
		if (ns == at && at && !lives(s, at))
			continue;
		s->ns[at] = (uint8_t)ns;
		if (ns == at && at) {
			for (unsigned outer = 0; outer < at; outer++) {
				if (s->ns[outer] != outer)
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

static void write_parents(struct written *w, struct reach_state *s, unsigned at)
{
	if (at == s->len || !lives(s, at)) { /* ghosts stand behind the living */
		for (unsigned k = at; k < s->len; k++)
			s->parent[k] = REACH_OUT;
		write_spaces(w, s, 1);
		return;
	}
	for (unsigned p = at == 1 || w->z->root_is_init ? 0 : 1; p < at; p++) {
		s->parent[at] = (uint8_t)p;
		write_parents(w, s, at + 1);
	}
	if (w->z->root_is_init) {
		s->parent[at] = REACH_OUT;
		write_parents(w, s, at + 1);
	}
}

static void planner_and_search_agree(void **state)
{
	const struct size *z = *state;
	struct written w = { .z = z };
	unsigned first = !z->root_is_init;

	search(z, z->written, z->helpers, &w.reached);
	w.seen.o = w.reached.o;
	for (unsigned ids = 1; ids <= z->written; ids++) {
		for (unsigned ghosts = 0; ghosts < ids; ghosts++) {
			struct reach_state s = { .len = (uint8_t)(ids + first),
						 .parent = { REACH_OUT },
						 .group = { REACH_OUT },
						 .session = { REACH_OUT } };

			s.alive = (uint8_t)((1u << (s.len - ghosts)) - 1);
			write_parents(&w, &s, 1);
		}
	}
	assert_false(w.seen.failed);
	print_message("# %s: of %zu trees of up to %u that can be written down, %u can be reached, %u are "
		      "planned\n",
		      z->name, w.seen.len, z->written, (unsigned)w.reached.len, w.planned);
	reach_done(&w.seen);
	reach_done(&w.reached);
	assert_int_equal(w.bad, 0);
}

/* --------------------------------------------------------------------------------------------- main -- */

static struct CMUnitTest tests[4 * SIZES_LEN];
static size_t tests_len;

static void add(const char *what, CMUnitTestFunction f, const struct size *z)
{
	static char names[4 * SIZES_LEN][128];

	snprintf(names[tests_len], sizeof names[0], "%s (%s)", what, z->name);
	tests[tests_len] = (struct CMUnitTest){ names[tests_len], f, NULL, NULL, (void *)(uintptr_t)z };
	tests_len++;
}

int main(void)
{
	const char *reach = getenv("SETTID_REACH"); /* all, or one of them by its place, from 0 on */
	bool all = reach != NULL;

	for (size_t k = 0; k < SIZES_LEN; k++) {
		if ((sizes[k].large && !all) || (all && *reach != 'a' && k != strtoul(reach, NULL, 10)))
			continue;
		add("whatever is reached is planned", whatever_is_reached_is_planned, &sizes[k]);
		if (sizes[k].written)
			add("planner and search agree", planner_and_search_agree, &sizes[k]);
		else
			add("one more helper finds nothing new", one_more_helper_finds_nothing_new,
			    &sizes[k]);
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("reach", tests, tests_len, NULL, NULL);
}
