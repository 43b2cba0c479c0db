/* SPDX-License-Identifier: MIT */
/*
 * test_plan.c: plans without a kernel: for every tree that a forward order of forks can make there is one, it is the
 * same each time, and under any schedule it ends in the wanted tree.
 *
 * Usage:   test_plan DIRECTORY   (tree files that can be built)
 * SETTID_SEEDS=N plans N random trees of each kind instead of 400, SETTID_SEED=S begins with seed S.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "plan_form.h"
#include "random_tree.h"
#include "tree/plan.h"
#include "tree/tree.h"

#define TREES_MAX 256

static char *names[TREES_MAX];
static size_t names_len;
static const char *directory;
static uint64_t first_seed;
static unsigned seeds;

/* ------------------------------------------------------------------------------------------ helpers -- */

static struct tree *read_named(const char *name)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char path[512];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	if (tree_read_file(path, &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static struct plan *plan_of(const struct tree *t, const struct plan_options *o)
{
	struct tree_error err = { 0 };
	struct plan *p = NULL;

	if (plan_make(t, o, &p, &err) < 0)
		print_message("# %s\n", err.text);
	return p;
}

static bool same_bytes(const void *a, const void *b, size_t size)
{
	return size == 0 || memcmp(a, b, size) == 0;
}

static bool plans_are_equal(const struct plan *a, const struct plan *b)
{
	return a->actors_len == b->actors_len && a->steps_len == b->steps_len &&
	       a->numbers_len == b->numbers_len && a->text_len == b->text_len &&
	       a->counters_len == b->counters_len && a->root == b->root &&
	       same_bytes(a->actors, b->actors, a->actors_len * sizeof *a->actors) &&
	       same_bytes(a->steps, b->steps, a->steps_len * sizeof *a->steps) &&
	       same_bytes(a->numbers, b->numbers, a->numbers_len * sizeof *a->numbers) &&
	       same_bytes(a->text, b->text, a->text_len) &&
	       same_bytes(a->counters, b->counters, a->counters_len * sizeof *a->counters);
}

/* 0, or what is wrong was said. */
static int check_plan(const struct tree *t, const struct plan_options *o, const char *what,
		      unsigned schedules)
{
	struct plan *p = plan_of(t, o);
	struct tree_error err = { 0 };
	char why[320] = "refused";
	int r = p ? plan_check_form(p, t, why, sizeof why) : -1;

	for (unsigned k = 0; r == 0 && k < schedules; k++) {
		r = plan_prove(p, t, o, k, NULL, &err);
		snprintf(why, sizeof why, "%.300s", err.text);
	}
	if (r < 0)
		print_message("# %s: %s\n", what, why);
	plan_free(p);
	return r;
}

/* --------------------------------------------------------------------------------------- tree files -- */

static void files_end_in_the_wanted_tree(void **state)
{
	const char *name = *state;
	struct tree *t = read_named(name);
	struct plan_options o = { .new_namespace = true };

	assert_int_equal(check_plan(t, &o, name, 100), 0);
	o.exec = true;
	assert_int_equal(check_plan(t, &o, name, 20), 0);
	if (t->namespaces[0].init == TREE_NONE) {
		o.new_namespace = false;
		assert_int_equal(check_plan(t, &o, name, 20), 0);
	}
	tree_free(t);
}

static void a_plan_is_the_same_each_time(void **state)
{
	(void)state;
	const struct plan_options o = { .new_namespace = true };

	for (size_t k = 0; k < names_len; k++) {
		struct tree *t = read_named(names[k]), *u = read_named(names[k]);
		struct plan *p = plan_of(t, &o), *q = plan_of(u, &o);

		assert_true(plans_are_equal(p, q));
		plan_free(p);
		plan_free(q);
		tree_free(t);
		tree_free(u);
	}
}

static void another_tree_has_another_plan(void **state)
{
	(void)state;
	const struct plan_options o = { .new_namespace = true };
	struct tree *t = read_named("groups.json"), *u = read_named("sessions.json");
	struct plan *p = plan_of(t, &o), *q = plan_of(u, &o);

	assert_false(plans_are_equal(p, q));
	plan_free(p);
	plan_free(q);
	tree_free(t);
	tree_free(u);
}

/* ------------------------------------------------------------------------------------- random trees -- */

static unsigned plan_random(unsigned shapes, unsigned size_max, unsigned count)
{
	const struct plan_options o = { .new_namespace = true };
	unsigned bad = 0;

	for (unsigned k = 0; k < count; k++) {
		uint64_t seed = first_seed + k;
		struct tree *t =
			random_tree(seed, 2 + (unsigned)(seed * 2654435761u >> 7) % size_max, shapes);
		struct tree_error err = { 0 };
		char what[64];

		snprintf(what, sizeof what, "seed=0x%" PRIx64 " shapes=%u", seed, shapes);
		if (tree_validate(t, &err) < 0) {
			print_message("# %s: %s\n", what, err.text);
			bad++;
		} else if (check_plan(t, &o, what, 4) < 0) {
			bad++;
			if (getenv("SETTID_SHOW"))
				tree_write_json(t, stdout);
		}
		tree_free(t);
	}
	return bad;
}

static void random_trees_of_every_shape_are_planned(void **state)
{
	(void)state;
	assert_int_equal(plan_random(RANDOM_ALL, 40, seeds), 0);
}

/* Few kinds at a time and few processes make the odd cases frequent. */
static void random_trees_of_groups_and_namespaces_are_planned(void **state)
{
	(void)state;
	assert_int_equal(plan_random(RANDOM_GROUPS | RANDOM_NAMESPACES, 12, seeds * 4), 0);
	assert_int_equal(plan_random(RANDOM_GROUPS | RANDOM_SESSIONS | RANDOM_NAMESPACES, 20, seeds * 4), 0);
	assert_int_equal(plan_random(RANDOM_GROUPS | RANDOM_SESSIONS | RANDOM_ENTERED | RANDOM_NAMESPACES, 16,
				     seeds * 4),
			 0);
}

static void random_trees_of_groups_alone_are_planned(void **state)
{
	(void)state;
	assert_int_equal(plan_random(RANDOM_GROUPS, 8, seeds * 4), 0);
	assert_int_equal(plan_random(RANDOM_GROUPS | RANDOM_SESSIONS, 10, seeds * 4), 0);
}

static void a_random_tree_has_the_same_plan_each_time(void **state)
{
	(void)state;
	const struct plan_options o = { .new_namespace = true };

	for (unsigned k = 0; k < 50; k++) {
		struct tree *t = random_tree(first_seed + k, 60, RANDOM_ALL);
		struct tree *u = random_tree(first_seed + k, 60, RANDOM_ALL);
		struct plan *p = NULL, *q = NULL;

		assert_int_equal(tree_validate(t, NULL), 0);
		assert_int_equal(tree_validate(u, NULL), 0);
		assert_non_null(p = plan_of(t, &o));
		assert_non_null(q = plan_of(u, &o));
		assert_true(plans_are_equal(p, q));
		plan_free(p);
		plan_free(q);
		tree_free(t);
		tree_free(u);
	}
}

/* --------------------------------------------------------------------------------- broken on purpose -- */

/* Takes step `at` out; the list's last step takes its place and stays the last. */
static void take_out(struct plan *p, uint32_t actor, uint32_t at)
{
	struct plan_actor *a = &p->actors[actor];
	struct plan_step *steps = p->steps + a->first_step;

	memmove(steps + at, steps + at + 1, (a->steps_len - at - 1) * sizeof *steps);
	a->steps_len--;
}

static bool notices(const struct tree *t, const struct plan_options *o, struct plan *p)
{
	char why[320];

	if (plan_check_form(p, t, why, sizeof why) < 0)
		return true;
	for (unsigned k = 0; k < 400; k++)
		if (plan_prove(p, t, o, k, NULL, NULL) < 0)
			return true;
	return false;
}

struct broken {
	const char *file;
	uint32_t op;
	bool spare;   /* some may be spared: another step of the list makes up for them */
	bool current; /* level 0 exists already */
};

/* Every step of this kind, one at a time, is left out: each time that must be noticed. */
static void a_step_that_is_missing_is_noticed(void **state)
{
	const struct broken *row = *state;
	const struct plan_options o = { .new_namespace = !row->current };
	struct tree *t = read_named(row->file);
	struct plan *whole = plan_of(t, &o);
	int tried = 0;

	assert_false(notices(t, &o, whole));
	for (uint32_t a = 0; a < whole->actors_len; a++) {
		for (uint32_t k = 0; k < whole->actors[a].steps_len; k++) {
			struct plan *p;

			if (whole->steps[whole->actors[a].first_step + k].op != row->op)
				continue;
			p = plan_of(t, &o);
			take_out(p, a, k);
			if (!notices(t, &o, p) && row->spare)
				tried--;
			else if (!notices(t, &o, p))
				fail_msg("%s: actor %u goes without step %u (%s), and nothing is noticed",
					 row->file, a, k, plan_op_name(row->op));
			plan_free(p);
			tried++;
		}
	}
	assert_true(tried > 0);
	plan_free(whole);
	tree_free(t);
}

static const struct broken missing[] = {
	{ "groups.json", PLAN_CHILD, false, false },
	{ "threads.json", PLAN_THREAD, false, false },
	{ "entered-from-outside.json", PLAN_ENTER, false, false },
	{ "children-elsewhere.json", PLAN_ENTER, false, false },
	{ "entered-from-outside.json", PLAN_TELL, false, false },
	{ "signal-lost-by-execve.json", PLAN_REEXEC, false, false },
	{ "back-outside.json", PLAN_SETPGID_OUTSIDE, false, false },
	{ "init-back-outside.json", PLAN_SETPGID_OUTSIDE, false, false },
	{ "entered.json", PLAN_LEAVE, false, false },
	{ "sessions.json", PLAN_SETSID, false, false },
	{ "groups.json", PLAN_SETPGID, false, false },
	{ "handed-down.json", PLAN_SETPGID_CHILD, false, false },
	{ "unshared.json", PLAN_UNSHARE, false, false },
	{ "dead-namespace.json", PLAN_ENTER, false, false },
	{ "founder-moved-from-outside.json", PLAN_SETPGID_LIKE, false, false },
	{ "founder-moved-from-outside.json", PLAN_LISTEN, false, false },
	{ "founder-moved-from-outside.json", PLAN_TELL, false, false },
	{ "founder-moved-from-outside.json", PLAN_HEAR, false, false },
	{ "nested.json", PLAN_NAME, false, false },
	{ "groups.json", PLAN_ADD, false, false },
	{ "groups.json", PLAN_WAIT, false, false },
	{ "swapped.json", PLAN_ADD, false, false },
	{ "swapped.json", PLAN_WAIT, true, false },
	{ "swapped.json", PLAN_SETPGID, false, false },
	{ "handed-down.json", PLAN_ADD, false, false },
	{ "stopped-init.json", PLAN_KILL, false, false },
	{ "threads.json", PLAN_WAIT_LEADER, false, false },
	{ "zombies.json", PLAN_WAIT_DEAD, false, false },
	{ "stopped.json", PLAN_WAIT_STOPPED, false, false },
	{ "parents-stopped-by-zombies.json", PLAN_CONTINUE, false, false },
	{ "parents-stopped-by-zombies.json", PLAN_UNLEASH, false, true },
	{ "single.json", PLAN_DONE, false, false },
	{ "single.json", PLAN_HOLD, false, false },
	{ "stopped.json", PLAN_STOP, false, false },
	{ "zombies.json", PLAN_EXIT, false, false },
	{ "zombies.json", PLAN_DIE, false, false },
	{ "threads.json", PLAN_EXIT_THREAD, false, false },
	{ "single.json", PLAN_GUARD, false, false },
};
#define MISSING_LEN (sizeof missing / sizeof *missing)

/* Each operand, one at a time, is made one more. */
static void an_operand_that_is_wrong_is_noticed(void **state)
{
	const char *file = *state;
	const struct plan_options o = { .new_namespace = true };
	struct tree *t = read_named(file);
	struct plan *p = plan_of(t, &o);

	for (uint32_t k = 0; k < p->steps_len; k++) {
		uint32_t op = p->steps[k].op;

		/* without a meaning, or (ADD) one that only a counter's reader would miss */
		if (op == PLAN_LEAVE || op == PLAN_SETSID || op == PLAN_DONE || op == PLAN_HOLD ||
		    op == PLAN_GUARD || op == PLAN_EXIT_THREAD || op == PLAN_REAP || op == PLAN_WAIT)
			continue;
		p->steps[k].a++;
		if (!notices(t, &o, p))
			fail_msg("%s: step %u (%s) has another operand, and nothing is noticed", file, k,
				 plan_op_name(op));
		p->steps[k].a--;
	}
	assert_false(notices(t, &o, p));
	plan_free(p);
	tree_free(t);
}

static void two_who_wait_for_each_other_are_noticed(void **state)
{
	(void)state;
	const struct plan_options o = { .new_namespace = true };
	struct tree *t = read_named("groups.json");
	struct plan *p = plan_of(t, &o);
	struct tree_error err = { 0 };
	uint32_t add = 0;

	/* the first ADD changes places with the WAIT that follows in the same list */
	while (p->steps[add].op != PLAN_ADD || p->steps[add + 1].op != PLAN_WAIT)
		add++;
	p->steps[add + 1].a = p->steps[add].a;
	struct plan_step wait = p->steps[add + 1];
	p->steps[add + 1] = p->steps[add];
	p->steps[add] = wait;
	assert_int_equal(plan_prove(p, t, &o, 1, NULL, &err), -EPROTO);
	assert_non_null(strstr(err.text, "(wait)"));
	plan_free(p);
	tree_free(t);
}

/* --------------------------------------------------------------------------------------------- main -- */

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(void)
{
	DIR *dir = opendir(directory);

	for (struct dirent *e; dir && (e = readdir(dir));) {
		size_t len = strlen(e->d_name);

		if (len <= 5 || strcmp(e->d_name + len - 5, ".json") != 0)
			continue;
		if (names_len == TREES_MAX) {
			closedir(dir);
			return -1;
		}
		names[names_len++] = strdup(e->d_name);
	}
	if (dir)
		closedir(dir);
	qsort(names, names_len, sizeof *names, by_name);
	return names_len ? 0 : -1;
}

static struct CMUnitTest tests[TREES_MAX + MISSING_LEN + 16];
static size_t tests_len;

static void add(const char *name, CMUnitTestFunction f, const void *state)
{
	tests[tests_len++] = (struct CMUnitTest){ name, f, NULL, NULL, (void *)(uintptr_t)state };
}

static char *title(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *title(const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return strdup(text);
}

int main(int argc, char **argv)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	directory = argc == 2 ? argv[1] : ".";
	if (list_names() < 0)
		return 2;
	seeds = (unsigned)from_environment("SETTID_SEEDS", 400);
	first_seed = from_environment("SETTID_SEED", (uint64_t)time(NULL) * 1000003u);
	print_message("# seed=0x%" PRIx64 "\n", first_seed);
	for (size_t k = 0; k < names_len; k++)
		add(title("the plan of %s ends in that tree", names[k]), files_end_in_the_wanted_tree,
		    names[k]);
	add("a plan is the same each time", a_plan_is_the_same_each_time, NULL);
	add("another tree has another plan", another_tree_has_another_plan, NULL);
	add("random trees of every shape are planned", random_trees_of_every_shape_are_planned, NULL);
	add("random trees of groups and namespaces are planned",
	    random_trees_of_groups_and_namespaces_are_planned, NULL);
	add("random trees of groups alone are planned", random_trees_of_groups_alone_are_planned, NULL);
	add("a random tree has the same plan each time", a_random_tree_has_the_same_plan_each_time, NULL);
	for (size_t k = 0; k < MISSING_LEN; k++)
		add(title("a missing step is noticed: %s in %s", plan_op_name(missing[k].op),
			  missing[k].file),
		    a_step_that_is_missing_is_noticed, &missing[k]);
	for (size_t k = 0; k < names_len; k++)
		if (strcmp(names[k], "groups.json") == 0 || strcmp(names[k], "zombies.json") == 0 ||
		    strcmp(names[k], "stopped-init.json") == 0 ||
		    strcmp(names[k], "parents-stopped-by-zombies.json") == 0 ||
		    strcmp(names[k], "sessions.json") == 0)
			add(title("a wrong operand is noticed in %s", names[k]),
			    an_operand_that_is_wrong_is_noticed, names[k]);
	add("two who wait for each other are noticed", two_who_wait_for_each_other_are_noticed, NULL);
	return _cmocka_run_group_tests("plan", tests, tests_len, NULL, NULL);
}
