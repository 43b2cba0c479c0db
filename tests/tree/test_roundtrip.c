/* SPDX-License-Identifier: MIT */
/*
 * test_roundtrip.c: a random tree of real processes is dumped, killed, restored and compared, all numbers at all
 * levels.
 *
 * SETTID_SEEDS=N runs N seeds instead of 40, SETTID_SEED=S begins with (or, with SETTID_SEEDS=1, repeats) seed S.
 * SETTID_SHOW=1 prints each tree first.  Each TAP row is ten seeds.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "live_tree.h"
#include "tree/plan.h"
#include "tree/restore.h"
#include "tree/tree.h"

#define SEEDS_PER_ROW 10

static uint64_t first_seed;
static unsigned refused, restored;

struct row {
	uint64_t seed;
	unsigned seeds;
	char name[64];
};

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void say(void *arg, int32_t pid, const char *text)
{
	print_message("# seed=0x%" PRIx64 " process %d: %s\n", *(uint64_t *)arg, (int)pid, text);
}

static void ignore(void *arg, int32_t pid, const char *text)
{
	(void)arg, (void)pid, (void)text;
}

static struct tree *dump(pid_t root, uint64_t seed)
{
	const struct tree_dump_options o = { .proc_fd = -1 };
	struct tree_error err = { 0 };
	struct tree *t = NULL;

	if (tree_dump(root, &o, &t, &err) < 0)
		print_message("# seed=0x%" PRIx64 " dump: %s\n", seed, err.text);
	return t;
}

/* What differs once the deaths and stops that were just brought about have settled. */
static unsigned differences(const struct tree *want, pid_t root, uint64_t seed)
{
	const struct tree_compare_options names = { .names = true };
	unsigned n = 1;

	for (int k = 0; k < 20 && n; k++) {
		struct tree *got = dump(root, seed);

		if (!got)
			return 1;
		n = tree_compare(want, got, &names, ignore, NULL);
		if (n && k == 19)
			tree_compare(want, got, &names, say, &seed);
		tree_free(got);
		if (n)
			nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	return n;
}

/* Builds `want` anew and compares; 0, or what went wrong was said. */
static int rebuild(struct tree *want, uint64_t seed)
{
	const struct plan_options po = { .new_namespace = true };
	const struct restore_options o = { .into = RESTORE_NEW };
	struct tree_error err = { 0 };
	struct restore *r = NULL;
	struct plan *p = NULL;
	int bad = plan_make(want, &po, &p, &err);

	if (getenv("SETTID_SHOW"))
		tree_write_json(want, stdout);

	if (bad == -EOPNOTSUPP) {
		print_message("# seed=0x%" PRIx64 " refused: %s\n", seed, err.text);
		refused++;
		return 0;
	}
	for (uint32_t k = 0; bad == 0 && k < p->substituted_len; k++)
		want->processes[p->substituted[k]].stop_signal = SIGSTOP;
	if (bad == 0)
		bad = restore_begin(want, p, &o, &r, &err);
	if (bad == 0)
		bad = restore_wait_stands(r, -1, 0, NULL, NULL, &err);
	if (bad < 0)
		print_message("# seed=0x%" PRIx64 " %s\n", seed, err.text);
	else
		bad = (int)differences(want, restore_root(r), seed);
	restored += bad == 0;
	restore_end(r);
	plan_free(p);
	return bad;
}

static int round_trip(uint64_t seed)
{
	struct live_tree live = { 0 };
	unsigned size = 2 + (unsigned)(seed * 2654435761u >> 7) % 40;
	int bad = live_tree_start(seed, size, LIVE_TREE_ALL | LIVE_TREE_HELPED, &live);
	struct tree *want = bad < 0 ? NULL : dump(live.root, seed);

	live_tree_stop(&live);
	if (!want) {
		print_message("# seed=0x%" PRIx64 " no live tree: %d\n", seed, bad);
		return 1;
	}
	bad = rebuild(want, seed);
	tree_free(want);
	return bad;
}

static void seeds_come_back(void **state)
{
	const struct row *row = *state;
	unsigned bad = 0;

	for (unsigned k = 0; k < row->seeds; k++)
		bad += round_trip(row->seed + k) != 0;
	assert_int_equal(bad, 0);
}

/* They were made by a forward order of calls, so there is a plan for each of them. */
static void no_tree_is_refused(void **state)
{
	(void)state;
	print_message("# %u restored, %u refused, first seed 0x%" PRIx64 "\n", restored, refused, first_seed);
	assert_true(restored > 0);
	assert_int_equal(refused, 0);
}

int main(void)
{
	unsigned seeds = (unsigned)from_environment("SETTID_SEEDS", 40);
	unsigned rows_len = (seeds + SEEDS_PER_ROW - 1) / SEEDS_PER_ROW;
	struct row *rows = calloc(rows_len, sizeof *rows);
	struct CMUnitTest *tests = calloc(rows_len + 1, sizeof *tests);

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (geteuid() != 0) {
		puts("1..0 # SKIP random live trees are made by root only");
		return 0;
	}
	first_seed = from_environment("SETTID_SEED", (uint64_t)time(NULL) * 1000003u);
	for (unsigned k = 0; k < rows_len; k++) {
		unsigned left = seeds - k * SEEDS_PER_ROW;

		rows[k].seed = first_seed + k * SEEDS_PER_ROW;
		rows[k].seeds = left < SEEDS_PER_ROW ? left : SEEDS_PER_ROW;
		snprintf(rows[k].name, sizeof rows[k].name, "trees of seeds 0x%" PRIx64 " and on come back",
			 rows[k].seed);
		tests[k] = (struct CMUnitTest){ rows[k].name, seeds_come_back, NULL, NULL, &rows[k] };
	}
	tests[rows_len] = (struct CMUnitTest){ "no tree is refused", no_tree_is_refused, NULL, NULL, NULL };
	return _cmocka_run_group_tests("roundtrip", tests, rows_len + 1, NULL, NULL);
}
