/* SPDX-License-Identifier: MIT */
/*
 * test_plan_small.c: every small tree that there can be has a plan.
 *
 * From a lone root on, every order of fork, fork into a new or an existing namespace, setsid and setpgid (one's own,
 * or a child's) is followed, up to a number of processes; each state that is met is a tree.  So what the planner
 * refuses among these it refuses wrongly; that it plans nothing wrong is the simulation's to say.
 *
 * SETTID_PROCESSES=N goes up to N processes instead of 4 (5 takes minutes).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan_form.h"
#include "tree/plan.h"
#include "tree/tree.h"

enum { MAX = 6, OUT = 15 };

/* Four bits each: who, in the order of birth; OUT = outside. */
struct state {
	uint8_t len, spaces;
	uint8_t parent[MAX], ns[MAX], group[MAX], session[MAX];
	uint8_t init[MAX], around[MAX]; /* per namespace; [0] is level 0, init OUT = not in the tree */
};

struct table {
	struct state *slots;
	bool *used;
	size_t mask, len;
	struct state *queue;
	size_t first, last;
};

static unsigned processes_max = 4;
static bool from_outside; /* the root is an init: others are put into its namespace */

static size_t slot_of(const struct table *t, const struct state *s)
{
	uint64_t hash = 14695981039346656037u;
	const unsigned char *bytes = (const unsigned char *)s;

	for (size_t k = 0; k < sizeof *s; k++)
		hash = (hash ^ bytes[k]) * 1099511628211u;
	size_t at = (size_t)(hash ^ hash >> 29) & t->mask;
	while (t->used[at] && memcmp(&t->slots[at], s, sizeof *s) != 0)
		at = (at + 1) & t->mask;
	return at;
}

static void meet(struct table *t, const struct state *s)
{
	size_t at = slot_of(t, s);

	if (t->used[at])
		return;
	assert_true(t->len < t->mask / 2);
	t->used[at] = true;
	t->slots[at] = *s;
	t->len++;
	t->queue[t->last++] = *s;
}

/* ------------------------------------------------------------------------------------------- moves -- */

static bool is_inside(const struct state *s, unsigned ns, unsigned outer)
{
	while (ns != outer && ns != 0)
		ns = s->around[ns];
	return ns == outer;
}

static bool group_exists(const struct state *s, unsigned group)
{
	for (unsigned k = 0; k < s->len; k++)
		if (s->group[k] == group)
			return true;
	return false;
}

static void fork_into(struct table *t, const struct state *s, unsigned parent, unsigned ns, bool new_ns)
{
	struct state n = *s;
	unsigned c = n.len++;

	n.parent[c] = (uint8_t)parent;
	n.group[c] = parent == OUT ? OUT : s->group[parent];
	n.session[c] = parent == OUT ? OUT : s->session[parent];
	n.ns[c] = (uint8_t)ns;
	if (new_ns) {
		n.ns[c] = n.spaces++;
		n.init[n.ns[c]] = (uint8_t)c;
		n.around[n.ns[c]] = (uint8_t)ns;
	}
	meet(t, &n);
}

static void forks(struct table *t, const struct state *s)
{
	if (s->len == processes_max)
		return;
	for (unsigned k = 0; k < s->len; k++) {
		fork_into(t, s, k, s->ns[k], true);
		for (unsigned ns = 0; ns < s->spaces; ns++)
			if (is_inside(s, ns, s->ns[k]))
				fork_into(t, s, k, ns, false);
	}
	for (unsigned ns = 0; from_outside && ns < s->spaces; ns++)
		fork_into(t, s, OUT, ns, false);
}

static void set_group(struct table *t, const struct state *s, unsigned who, unsigned group)
{
	struct state n = *s;
	bool hazard = s->init[s->ns[who]] == who && group != who && is_inside(s, s->ns[group], s->ns[who]);

	if (s->session[who] == who || hazard || (group != who && !group_exists(s, group)) ||
	    s->session[group] != s->session[who])
		return;
	n.group[who] = (uint8_t)group;
	meet(t, &n);
}

static void set_session(struct table *t, const struct state *s, unsigned who)
{
	struct state n = *s;

	if (group_exists(s, who) || s->session[who] == who)
		return;
	n.group[who] = n.session[who] = (uint8_t)who;
	meet(t, &n);
}

static void moves(struct table *t, const struct state *s)
{
	forks(t, s);
	for (unsigned who = 0; who < s->len; who++) {
		unsigned parent = s->parent[who];

		set_session(t, s, who);
		for (unsigned group = 0; group < s->len; group++)
			if (is_inside(s, s->ns[group], s->ns[who]) ||
			    (parent != OUT && s->session[parent] == s->session[who] &&
			     is_inside(s, s->ns[group], s->ns[parent])))
				set_group(t, s, who, group);
	}
}

/* ------------------------------------------------------------------------------------------- trees -- */

static unsigned level_of(const struct state *s, unsigned ns)
{
	unsigned level = 0;

	for (; ns; ns = s->around[ns])
		level++;
	return level;
}

static struct tree_str label_of(struct tree *t, const struct state *s, unsigned ns)
{
	char text[2 * MAX + 1] = "";

	for (unsigned at = ns; at; at = s->around[at]) {
		memmove(text + 2, text, sizeof text - 2);
		text[0] = (char)('a' + at);
		text[1] = '/';
	}
	return tree_strdup(t, text, strlen(text) - 1);
}

static int32_t number_of(unsigned who)
{
	return who == OUT ? 0 : (int32_t)who + 10;
}

static void add_process(struct tree *t, const struct state *s, unsigned who)
{
	struct tree_process *p = tree_process_add(t);
	unsigned levels = level_of(s, s->ns[who]) + 1, level = levels;
	int32_t *nspid = tree_alloc(t, levels * sizeof *nspid);

	assert_true(p && nspid);
	for (unsigned ns = s->ns[who]; level-- > 0; ns = s->around[ns])
		nspid[level] = s->init[ns] == who ? 1 : number_of(who);
	p->nspid = nspid;
	p->levels = (uint8_t)levels;
	p->ppid = s->parent[who] == OUT ? 0 : s->init[0] == s->parent[who] ? 1 : number_of(s->parent[who]);
	p->pgid = s->group[who] == OUT ? 0 : s->init[0] == s->group[who] ? 1 : number_of(s->group[who]);
	p->sid = s->session[who] == OUT ? 0 : s->init[0] == s->session[who] ? 1 : number_of(s->session[who]);
	if (s->ns[who])
		p->ns_label = label_of(t, s, s->ns[who]);
}

static int check(const struct state *s)
{
	const struct plan_options o = { .new_namespace = true };
	struct tree_error err = { 0 };
	struct tree *t = tree_new(NULL);
	struct plan *p = NULL;
	char why[320] = "";
	int r;

	assert_non_null(t);
	for (unsigned k = 0; k < s->len; k++)
		add_process(t, s, k);
	r = tree_validate(t, &err);
	if (r == 0)
		r = plan_make(t, &o, &p, &err);
	if (r == 0)
		r = plan_check_form(p, t, why, sizeof why);
	for (uint64_t k = 0; r == 0 && k < 2; k++)
		r = plan_prove(p, t, &o, k, NULL, &err);
	if (r < 0) {
		print_message("# %s%s\n", err.text, why);
		if (getenv("SETTID_SHOW"))
			tree_write_json(t, stdout);
	}
	plan_free(p);
	tree_free(t);
	return r;
}

static void all_trees(bool init)
{
	size_t slots = (size_t)1 << (processes_max > 4 ? 26 : 21);
	struct table t = { .mask = slots - 1 };
	struct state root = {
		.len = 1, .spaces = 1, .parent = { OUT }, .group = { OUT }, .session = { OUT }
	};
	unsigned bad = 0;

	root.init[0] = init ? 0 : OUT;
	from_outside = init;
	t.slots = calloc(slots, sizeof *t.slots);
	t.used = calloc(slots, sizeof *t.used);
	t.queue = calloc(slots / 2, sizeof *t.queue);
	assert_true(t.slots && t.used && t.queue);
	meet(&t, &root);
	while (t.first < t.last) {
		struct state s = t.queue[t.first++];

		moves(&t, &s);
		bad += check(&s) < 0;
	}
	print_message("# %zu trees of up to %u processes\n", t.len, processes_max);
	free(t.slots);
	free(t.used);
	free(t.queue);
	assert_int_equal(bad, 0);
}

static void every_tree_below_a_process_is_planned(void **state)
{
	(void)state;
	all_trees(false);
}

static void every_tree_below_an_init_is_planned(void **state)
{
	(void)state;
	all_trees(true);
}

int main(void)
{
	const char *text = getenv("SETTID_PROCESSES");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tree_below_a_process_is_planned),
		cmocka_unit_test(every_tree_below_an_init_is_planned),
	};

	processes_max = text ? (unsigned)strtoul(text, NULL, 10) : 4;
	if (processes_max < 1 || processes_max > MAX)
		return 2;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
