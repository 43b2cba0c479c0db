/* SPDX-License-Identifier: MIT */
/*
 * test_roundtrip.c: a random tree of real processes is dumped, killed, restored and compared, all numbers at all
 * levels.  Plain trees are made by a forward order of calls; wild ones by any: processes die and are reaped on the way,
 * orphans are left to subreapers and inits, CLONE_PARENT makes siblings.
 *
 * SETTID_SEEDS=N runs N wild seeds instead of 140, SETTID_PLAIN=N plain ones instead of 40, SETTID_CURRENT=N restores N
 * wild ones into the namespace that the test runs in instead of 20.  SETTID_SEED=S begins with seed S.
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

enum kind { PLAIN, WILD, CURRENT, KINDS };

static uint64_t first_seed;
static unsigned refused, restored, taken, execves;

struct row {
	uint64_t seed;
	enum kind kind;
	unsigned seeds;
	char name[96];
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

static int make_plan(const struct tree *want, bool current, struct plan **p, struct tree_error *err)
{
	struct restore_numbers *numbers = current ? restore_numbers_new(0) : NULL;
	const struct plan_options po = { .new_namespace = !current,
					 .taken = numbers ? restore_number_is_taken : NULL,
					 .taken_arg = numbers,
					 .number_last = numbers ? restore_number_last(numbers) : 0 };
	int r = plan_make(want, &po, p, err);

	if (r == 0)
		r = plan_prove(*p, want, &po, 0, NULL, err);
	restore_numbers_free(numbers);
	return r;
}

static void hangup(int sig)
{
	(void)sig;
}

/*
 * Builds `want` anew and compares; 0, or what went wrong was said.
 *
 * Those outside of all of the tree's groups are in ours: where one of them is stopped when others die, the kernel sends the
 * whole group SIGHUP (R6.47), us too.  A handler, which no placeholder inherits.
 */
static int rebuild(struct tree *want, uint64_t seed, bool current)
{
	const struct restore_options o = { .into = current ? RESTORE_CURRENT : RESTORE_NEW };
	struct tree_error err = { 0 };
	struct restore *r = NULL;
	struct plan *p = NULL;
	int bad = make_plan(want, current, &p, &err);

	signal(SIGHUP, hangup);
	if (getenv("SETTID_SHOW"))
		tree_write_json(want, stdout);
	if (bad == -EOPNOTSUPP) {
		print_message("# seed=0x%" PRIx64 " refused: %s\n", seed, err.text);
		refused++;
		signal(SIGHUP, SIG_DFL);
		return 0;
	}
	for (uint32_t k = 0; bad == 0 && k < p->substituted_len; k++)
		want->processes[p->substituted[k]].stop_signal = SIGSTOP;
	if (bad == 0)
		bad = restore_begin(want, p, &o, &r, &err);
	if (bad == 0)
		bad = restore_wait_stands(r, -1, 0, NULL, NULL, &err);
	if (bad == -EEXIST && current) { /* the machine has others, too */
		taken++;
		bad = 0;
	} else if (bad < 0) {
		print_message("# seed=0x%" PRIx64 " %s\n", seed, err.text);
	} else {
		bad = (int)differences(want, restore_root(r), seed);
		restored += bad == 0;
		execves += bad == 0 && p->reexecs_len;
	}
	restore_end(r);
	signal(SIGHUP, SIG_DFL);
	plan_free(p);
	return bad;
}

/* AddressSanitizer maps terabytes, of which a dump, now and then, does not come to its end. */
#ifdef __SANITIZE_ADDRESS__
enum { LEFT_OUT = LIVE_TREE_CORES };
#else
enum { LEFT_OUT = 0 };
#endif

static int round_trip(uint64_t seed, enum kind kind)
{
	static const unsigned shapes[KINDS] = { LIVE_TREE_ALL | LIVE_TREE_HELPED,
						LIVE_TREE_ALL | LIVE_TREE_HELPED | LIVE_TREE_WILD,
						((LIVE_TREE_ALL | LIVE_TREE_HELPED) & ~LIVE_TREE_NUMBERS) |
							LIVE_TREE_WILD | LIVE_TREE_HIGH };
	struct live_tree live = { 0 };
	unsigned size = 2 + (unsigned)(seed * 2654435761u >> 7) % (kind == PLAIN ? 40 : 60);
	int bad = live_tree_start(seed, size, shapes[kind] & ~(unsigned)LEFT_OUT, &live);
	struct tree *want = bad < 0 ? NULL : dump(live.root, seed);

	live_tree_stop(&live);
	if (!want) {
		print_message("# seed=0x%" PRIx64 " no live tree: %d\n", seed, bad);
		return 1;
	}
	bad = rebuild(want, seed, kind == CURRENT);
	tree_free(want);
	return bad;
}

static void seeds_come_back(void **state)
{
	const struct row *row = *state;
	unsigned bad = 0;

	for (unsigned k = 0; k < row->seeds; k++)
		bad += round_trip(row->seed + k, row->kind) != 0;
	assert_int_equal(bad, 0);
}

/* ----------------------------------------------------------------------------------- every wait status -- */

static void add_child(struct tree *t, int32_t number, int code, int signal)
{
	struct tree_process *p = tree_process_add(t);
	int32_t *nspid = tree_alloc(t, sizeof *nspid);

	assert_true(p && nspid);
	*nspid = number;
	p->nspid = nspid;
	p->levels = 1;
	p->ppid = number == 10 ? 0 : 10;
	p->state = number == 10 ? TREE_LIVE : TREE_ZOMBIE;
	p->exit_code = (int16_t)code;
	p->exit_signal = (int16_t)signal;
	p->core_dumped = signal == TREE_ABSENT ? TREE_ABSENT : 0;
}

/* By default it ends a process: signal(7). */
static bool kills(int signal)
{
	return signal != SIGCHLD && signal != SIGCONT && signal != SIGURG && signal != SIGWINCH &&
	       (signal < SIGSTOP || signal > SIGTTOU);
}

static void every_exit_code_and_signal_comes_back(void **state)
{
	(void)state;
	struct tree *t = tree_new(NULL);
	struct tree_error err = { 0 };

	assert_non_null(t);
	add_child(t, 10, TREE_ABSENT, TREE_ABSENT);
	for (int code = 0; code <= 255; code++)
		add_child(t, 100 + code, code, TREE_ABSENT);
	for (int signal = 1; signal <= 64; signal++)
		if (kills(signal))
			add_child(t, 400 + signal, TREE_ABSENT, signal);
	assert_int_equal(tree_validate(t, &err), 0);
	assert_int_equal(rebuild(t, 0, false), 0);
	tree_free(t);
}

/* They were there, so there is a plan for each of them. */
static void no_tree_is_refused(void **state)
{
	(void)state;
	print_message(
		"# %u restored (%u by way of an execve), %u refused, %u met numbers that others had; first "
		"seed 0x%" PRIx64 "\n",
		restored, execves, refused, taken, first_seed);
	assert_true(restored > 0);
	assert_int_equal(refused, 0);
}

static struct row *rows;
static struct CMUnitTest *tests;
static size_t rows_len;

static void add_rows(enum kind kind, unsigned seeds)
{
	static const char *const names[KINDS] = { "plain trees", "wild trees",
						  "wild trees, into the current namespace," };

	for (unsigned at = 0; at < seeds; at += SEEDS_PER_ROW) {
		struct row *row = &rows[rows_len];

		*row = (struct row){ .seed = first_seed + at, .kind = kind };
		row->seeds = seeds - at < SEEDS_PER_ROW ? seeds - at : SEEDS_PER_ROW;
		snprintf(row->name, sizeof row->name, "%s of seeds 0x%" PRIx64 " and on come back",
			 names[kind], row->seed);
		tests[rows_len++] = (struct CMUnitTest){ row->name, seeds_come_back, NULL, NULL, row };
	}
}

int main(void)
{
	unsigned seeds[KINDS] = { (unsigned)from_environment("SETTID_PLAIN", 40),
				  (unsigned)from_environment("SETTID_SEEDS", 140),
				  (unsigned)from_environment("SETTID_CURRENT", 20) };
	size_t max = (seeds[0] + seeds[1] + seeds[2]) / SEEDS_PER_ROW + KINDS;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (LEFT_OUT)
		print_message("# zombies with core dumps are left out: AddressSanitizer's memory is not for "
			      "dumping\n");
	if (geteuid() != 0) {
		puts("1..0 # SKIP random live trees are made by root only");
		return 0;
	}
	rows = calloc(max + 1, sizeof *rows);
	tests = calloc(max + 2, sizeof *tests);
	first_seed = from_environment("SETTID_SEED", (uint64_t)time(NULL) * 1000003u);
	tests[rows_len++] = (struct CMUnitTest)cmocka_unit_test(every_exit_code_and_signal_comes_back);
	for (enum kind kind = 0; kind < KINDS; kind++)
		add_rows(kind, seeds[kind]);
	tests[rows_len] = (struct CMUnitTest){ "no tree is refused", no_tree_is_refused, NULL, NULL, NULL };
	return _cmocka_run_group_tests("roundtrip", tests, rows_len + 1, NULL, NULL);
}
