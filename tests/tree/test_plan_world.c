/* SPDX-License-Identifier: MIT */
/*
 * test_plan_world.c: whatever libpidns has lived through is planned, and the plan ends in it.
 *
 * SETTID_SEEDS=N takes N random trees instead of 3,000, SETTID_SEED=S begins with seed S.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "plan_form.h"
#include "random_world.h"
#include "tree/plan.h"

static uint64_t first_seed;
static unsigned seeds;

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* with_execve: some process's placeholder has to call it. */
static int check_into(struct tree *t, bool new_namespace, bool *with_execve, struct tree_error *err)
{
	const struct plan_options o = { .new_namespace = new_namespace };

	return plan_try(t, &o, 3, with_execve, err);
}

static int check(struct tree *t, bool *with_execve, struct tree_error *err)
{
	int r = tree_validate(t, err);

	*with_execve = false;
	if (r == 0)
		r = check_into(t, true, with_execve, err);
	if (r == 0 && t->namespaces[0].init == TREE_NONE) /* level 0 may be one that exists */
		r = check_into(t, false, with_execve, err);
	return r;
}

/* Small ones first among the ways to say what is wrong. */
static void run(unsigned ops_max, unsigned count)
{
	unsigned bad = 0, planned = 0, processes = 0, ghosts = 0, execves = 0;
	bool with_execve;

	for (unsigned k = 0; k < count; k++) {
		uint64_t seed = first_seed + k;
		struct tree_error err = { 0 };
		struct tree *t = random_world(seed, 4 + (unsigned)(seed * 2654435761u >> 9) % ops_max);

		if (!t)
			continue;
		planned++;
		processes += (unsigned)t->processes_len;
		ghosts += (unsigned)t->ghosts_len;
		if (check(t, &with_execve, &err) < 0) {
			print_message("# seed=0x%" PRIx64 ": %s\n", seed, err.text);
			bad++;
			if (getenv("SETTID_SHOW"))
				tree_write_json(t, stdout);
		}
		execves += with_execve;
		tree_free(t);
	}
	print_message("# %u trees of up to %u operations, with %u processes and %u dead leaders in all, %u "
		      "that need "
		      "an execve; first seed 0x%" PRIx64 "\n",
		      planned, ops_max, processes, ghosts, execves, first_seed);
	assert_true(planned > count / 2);
	assert_int_equal(bad, 0);
}

static void small_worlds_are_planned(void **state)
{
	(void)state;
	run(25, seeds / 2);
}

static void large_worlds_are_planned(void **state)
{
	(void)state;
	run(300, seeds - seeds / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_worlds_are_planned),
		cmocka_unit_test(large_worlds_are_planned),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	seeds = (unsigned)from_environment("SETTID_SEEDS", 3000);
	first_seed = from_environment("SETTID_SEED", (uint64_t)time(NULL) * 1000003u);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
