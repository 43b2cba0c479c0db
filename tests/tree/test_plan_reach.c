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
 * SETTID_REACH=all takes larger ones too, minutes to hours; SETTID_REACH=K the K-th alone, 100 + K one without groups.
 * SETTID_SHOW=1 writes each tree that planner and search do not agree on as a file.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan_form.h"
#include "reach.h"
#include "reach_sizes.h"
#include "tree/plan.h"
#include "tree/tree.h"

/* ------------------------------------------------------------------------------------- as a tree file -- */

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

static int16_t notify_of(enum reach_signal sig, bool stops)
{
	const int16_t second = stops ? SIGSTOP : SIGUSR2;

	return sig == REACH_USR1 ? SIGUSR1 : sig == REACH_USR2 ? second : TREE_ABSENT;
}

static void add_process(struct tree *t, const struct reach_state *s, unsigned who,
			const struct reach_options *o, bool dead)
{
	struct tree_process *p = tree_process_add(t);
	unsigned parent = s->parent[who];
	bool root_is_init = o->root_is_init;

	assert_non_null(p);
	p->levels = (uint8_t)(level_of(s, s->ns[who]) + 1);
	p->nspid = numbers_of(t, s, who, p->levels, root_is_init);
	p->ppid = !root_is_init && parent == 0 ? 0 : number_of(parent, root_is_init);
	p->pgid = number_of(s->group[who], root_is_init);
	p->sid = number_of(s->session[who], root_is_init);
	p->state = dead ? TREE_ZOMBIE : TREE_LIVE;
	p->exit_code = dead ? 7 : TREE_ABSENT;
	p->notify_signal = notify_of(reach_signal_seen(s, who), o->stops);
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

static struct tree *tree_of(const struct reach_state *s, const struct reach_options *o, unsigned dead)
{
	struct tree *t = tree_new(NULL);

	assert_non_null(t);
	for (unsigned k = !o->root_is_init; k < s->len; k++) {
		if (reach_lives(s, k))
			add_process(t, s, k, o, dead >> k & 1);
		else
			add_ghost(t, s, k, o->root_is_init);
	}
	return t;
}

/* ---------------------------------------------------------------------------------------- the planner -- */

enum verdict { PLANNED, REFUSED, WRONG };

static enum verdict ask_for(const struct reach_state *s, const struct size *z, unsigned dead,
			    unsigned schedules, bool at_once, struct tree_error *err)
{
	const struct plan_options into = { .new_namespace = true, .at_once = at_once };
	struct tree *t = tree_of(s, &z->o, dead);
	enum verdict v = REFUSED;
	struct plan *p = NULL;

	*err = (struct tree_error){ 0 };
	if (tree_validate(t, err) == 0 && plan_make(t, &into, &p, err) == 0) {
		v = plan_check_form(p, t, err->text, sizeof err->text) < 0 ? WRONG : PLANNED;
		for (unsigned k = 0; v == PLANNED && k < schedules; k++)
			v = plan_prove(p, t, &into, k, NULL, err) < 0 ? WRONG : PLANNED;
	}
	plan_free(p);
	tree_free(t);
	return v;
}

/* As it is planned, and, where that does not take long, with what is tried second alone: it finds as much. */
static enum verdict ask(const struct reach_state *s, const struct size *z, unsigned dead, unsigned schedules,
			struct tree_error *err)
{
	enum verdict v = ask_for(s, z, dead, schedules, false, err);

	return v == PLANNED && !(z->how & LARGE) ? ask_for(s, z, dead, 1, true, err) : v;
}

static const char *const verdicts[] = { [PLANNED] = "planned", [REFUSED] = "refused", [WRONG] = "wrong" };

static void show(const struct reach_state *s, const struct reach_options *o, unsigned dead, enum verdict v,
		 const struct tree_error *err)
{
	struct tree *t;

	print_message("# %s: %s\n", verdicts[v], err->text);
	if (!getenv("SETTID_SHOW"))
		return;
	t = tree_of(s, o, dead);
	tree_write_json(t, stdout);
	tree_free(t);
}

/* ------------------------------------------------------------------------------------------- reached -- */

static unsigned check_one(const struct reach_state *tree, const struct size *z, unsigned dead,
			  unsigned *asked)
{
	struct tree_error err;
	enum verdict v = ask(tree, z, dead, dead ? 1 : 3, &err);

	++*asked;
	if (v == PLANNED)
		return 0;
	show(tree, &z->o, dead, v, &err);
	return 1;
}

/* With any of its leaves dead, too; where the search has zombies of its own, with those alone. */
static unsigned check_tree(const struct reach_state *tree, const struct size *z, unsigned *asked)
{
	unsigned leaves = reach_leaves(tree), bad = 0;

	if (z->o.zombies)
		return check_one(tree, z, tree->zombie, asked);
	for (unsigned dead = leaves;; dead = (dead - 1) & leaves) {
		bad += check_one(tree, z, dead, asked);
		if (!dead)
			return bad;
	}
}

/* Searches are long, and several tests ask for the same. */
static struct reach searched[2];
static size_t searched_len;

static const struct reach *search_once(const struct size *z, unsigned helpers)
{
	struct reach_options o = z->o;
	struct reach *r;

	o.ids_max = (uint8_t)(o.ids_max + helpers);
	assert_true(reach_fits(&o));
	for (size_t k = 0; k < searched_len; k++)
		if (memcmp(&searched[k].o, &o, sizeof o) == 0)
			return &searched[k];
	if (searched_len == sizeof searched / sizeof *searched)
		reach_done(&searched[--searched_len]);
	r = &searched[searched_len++];
	*r = (struct reach){ .o = o };
	if (!reach_all(r))
		fail_msg("out of memory after %zu states", r->len);
	return r;
}

/* The trees of up to `ids` among what was reached; from[]: the state that each was met in first. */
static const struct reach *search(const struct size *z, unsigned helpers, struct reach *trees)
{
	const struct reach *r = search_once(z, helpers);
	struct reach_state s, tree;

	*trees = (struct reach){ .o = r->o };
	for (size_t k = 0; k < r->len; k++) {
		reach_get(r, k, &s);
		if (reach_is_tree(r, &s, &tree) && tree.len <= z->o.ids_max + !r->o.root_is_init &&
		    reach_add(trees, &tree))
			trees->from[trees->len - 1] = (uint32_t)k;
	}
	assert_false(trees->failed);
	return r;
}

/* Where the search knows of none, all can be in their sessions' first ones, as they are born. */
static void give_groups(struct reach_state *tree)
{
	for (unsigned k = 0; k < tree->len; k++)
		tree->group[k] = reach_lives(tree, k) ? tree->session[k] : REACH_OUT;
}

static void whatever_is_reached_is_planned(void **state)
{
	const struct size *z = *state;
	struct reach trees;
	struct reach_state tree;
	unsigned bad = 0, asked = 0;
	size_t states = search(z, z->helpers, &trees)->len;

	for (size_t k = 0; k < trees.len; k++) {
		reach_get(&trees, k, &tree);
		if (z->o.groupless)
			give_groups(&tree);
		bad += check_tree(&tree, z, &asked);
	}
	print_message("# %s: %zu trees of up to %u, %u with zombies; %zu states with %u helper(s)\n", z->name,
		      trees.len, z->o.ids_max, asked, states, z->helpers);
	reach_done(&trees);
	assert_int_equal(bad, 0);
}

static void whatever_is_reached_is_reached_on_libpidns(void **state)
{
	const struct size *z = *state;
	struct reach trees;
	unsigned bad = 0;
	char why[128];
	const struct reach *r = search(z, z->helpers, &trees);

	for (size_t k = 0; k < trees.len; k++) {
		if (reach_replay(r, trees.from[k], why, sizeof why))
			continue;
		bad++;
		print_message("# the way to state %u: %s\n", (unsigned)trees.from[k], why);
	}
	reach_done(&trees);
	assert_int_equal(bad, 0);
}

/* Or nothing but what is planned, and proven, anyway. */
static void one_more_helper_finds_nothing_new(void **state)
{
	const struct size *z = *state;
	struct reach trees, more;
	struct reach_state tree;
	unsigned bad = 0, asked = 0;
	size_t states;

	search(z, z->helpers, &trees);
	states = search(z, z->helpers + 1, &more)->len;
	for (size_t k = 0; k < more.len; k++) {
		reach_get(&more, k, &tree);
		bad += reach_has(&trees, &tree) ? 0 : check_tree(&tree, z, &asked);
	}
	print_message("# %s: %zu trees with %u helper(s), %zu with one more (%zu states)\n", z->name,
		      trees.len, z->helpers, more.len, states);
	if (z->how & EXACT)
		assert_int_equal(trees.len, more.len);
	reach_done(&trees);
	reach_done(&more);
	assert_int_equal(bad, 0);
}

/* ------------------------------------------------------------------------------------- written down -- */

/* Puts a tree to the planner; whether it and the search are right together. */
struct tally {
	size_t reached;
	unsigned planned, bad;
};

static void compare(struct tally *n, const struct size *z, const struct reach_state *tree, bool reached)
{
	struct tree_error err;
	enum verdict v = ask(tree, z, tree->zombie, 1, &err);

	n->reached += reached;
	n->planned += v == PLANNED;
	if (v == WRONG || (reached && v != PLANNED) || (!reached && v == PLANNED && z->how & EXACT)) {
		n->bad++;
		show(tree, &z->o, tree->zombie, v, &err);
	}
}

static void say(const struct tally *n, const struct size *z, size_t written)
{
	print_message("# %s: of %zu trees of up to %u that can be written down, %zu can be reached, %u are "
		      "planned%s\n",
		      z->name, written, z->o.ids_max, n->reached, n->planned,
		      z->o.groupless ? ", without groups" : "");
}

struct written {
	const struct size *z;
	struct reach seen;
	struct reach reached;
	struct tally n;
};

static void try_tree(void *ctx, const struct reach_state *s)
{
	struct written *w = ctx;
	struct reach_state tree = *s;

	if (reach_add(&w->seen, &tree))
		compare(&w->n, w->z, &tree,
			w->z->o.groupless ? reach_could_be(&w->reached, &tree)
					  : reach_has(&w->reached, &tree));
}

static void planner_and_search_agree(void **state)
{
	const struct size *z = *state;
	struct written w = { .z = z, .seen = { .o = z->o } };
	const struct reach_writing all = { z->o, try_tree, &w };
	size_t states = search(z, z->helpers, &w.reached)->len;

	w.seen.o.groupless = false;
	reach_write_all(&all, z->o.ids_max);
	assert_false(w.seen.failed);
	if (!z->o.groupless)
		assert_int_equal(w.n.reached, w.reached.len);
	say(&w.n, z, w.seen.len);
	if (z->o.groupless)
		print_message("# %zu states with %u helper(s)\n", states, z->helpers);
	reach_done(&w.seen);
	reach_done(&w.reached);
	assert_int_equal(w.n.bad, 0);
}

/* --------------------------------------------------------------------------------------------- main -- */

static struct CMUnitTest tests[4 * SIZES_LEN + 2 * FURTHER_LEN];
static size_t tests_len;

static void add(const char *what, CMUnitTestFunction f, const struct size *z)
{
	static char names[sizeof tests / sizeof *tests][128];

	snprintf(names[tests_len], sizeof names[0], "%s (%s)", what, z->name);
	tests[tests_len] = (struct CMUnitTest){ names[tests_len], f, NULL, NULL, (void *)(uintptr_t)z };
	tests_len++;
}

int main(void)
{
	const char *reach = getenv("SETTID_REACH"); /* all, or one of them by its place, from 0 on */
	bool all = reach != NULL;

	for (size_t k = 0; k < SIZES_LEN; k++) {
		const struct size *z = &sizes[k];

		if ((z->how & LARGE && !all) || (all && *reach != 'a' && k != strtoul(reach, NULL, 10)))
			continue;
		add("whatever is reached is planned", whatever_is_reached_is_planned, z);
		add("whatever is reached is reached on libpidns", whatever_is_reached_is_reached_on_libpidns,
		    z);
		add("planner and search agree", planner_and_search_agree, z);
		if (z->how & MORE)
			add("one more helper finds nothing new", one_more_helper_finds_nothing_new, z);
	}
	for (size_t k = 0; k < FURTHER_LEN; k++) {
		if (all ? *reach != 'a' && k + FURTHER != strtoul(reach, NULL, 10) : further[k].how & LARGE)
			continue;
		add("whatever is reached is reached on libpidns, without groups",
		    whatever_is_reached_is_reached_on_libpidns, &further[k]);
		if (further[k].how & REACHED)
			add("whatever is reached is planned, in its session's first group",
			    whatever_is_reached_is_planned, &further[k]);
		else
			add("planner and search without groups agree", planner_and_search_agree, &further[k]);
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("reach", tests, tests_len, NULL, NULL);
}
