/* SPDX-License-Identifier: MIT */
/*
 * test_cases.c: every row of the table of conformance cases, one TAP test per row, and the rows that prove that a
 * wrong answer would be noticed.  Built twice: for the running kernel, and with CASES_MODEL for libpidns.
 *
 *     test-cases-live | test-cases-model      run all rows
 *     … --rate N                              how many operations the backend performs in a second, over N of them
 *     test-cases-model --profile 6.1          libpidns as another version of Linux
 */
#include "backend.h"

#ifdef CASES_MODEL
#include "model.h"
#define BACKEND case_model
#else
#include "puppet.h"
#define BACKEND case_live
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* C11 promises 4095 bytes; these are far longer, and every compiler we build with takes them. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

static char features_text[] =
#include "features.cases.inc"
	;
static char clone3_text[] =
#include "clone3.cases.inc"
	;
static char set_tid_text[] =
#include "set_tid.cases.inc"
	;
static char cursor_text[] =
#include "cursor.cases.inc"
	;
static char taken_text[] =
#include "taken.cases.inc"
	;
static char life_text[] =
#include "life.cases.inc"
	;
static char wait_text[] =
#include "wait.cases.inc"
	;
static char group_text[] =
#include "group.cases.inc"
	;
static char kill_text[] =
#include "kill.cases.inc"
	;
static char pidfd_text[] =
#include "pidfd.cases.inc"
	;

/* Each is wrong in one way that a comparer must see; `same` is right and shows that the rows themselves work. */
static char wrong_text[] = "case same the right answer\n"
			   "want EEXIST 500\n"
			   "init probe set_tid=1   ? {}\n"
			   "init probe set_tid=500   ? {}\n"
			   "case other another error than wanted\n"
			   "want EINVAL 500\n"
			   "init probe set_tid=1   ? {}\n"
			   "init probe set_tid=500   ? {}\n"
			   "case number another number than wanted\n"
			   "want EEXIST 501\n"
			   "init probe set_tid=1   ? {}\n"
			   "init probe set_tid=500   ? {}\n"
			   "case missing an answer less than wanted\n"
			   "want EEXIST 500\n"
			   "init probe set_tid=1   ? {}\n"
			   "case more an answer more than wanted\n"
			   "want EEXIST\n"
			   "init probe set_tid=1   ? {}\n"
			   "init probe set_tid=500   ? {}\n"
			   "case nobody a step by an actor that was never made\n"
			   "want 2\n"
			   "a = init clone3 set_tid=1\n"
			   "a getpid   ? {}\n";

struct suite {
	struct case_table table;
	struct case_facts facts;
	struct case_result result;
};

struct test {
	struct suite *suite;
	const struct case_row *row;
	bool must_fail;
	char name[160];
};

static void run_row(void **state)
{
	struct test *t = *state;
	struct case_result *result = &t->suite->result;
	bool right = case_run(&BACKEND, t->row, &t->suite->facts, result);

	if (right == t->must_fail || *result->error)
		fail_msg("%s:%d: %s (rules %s)\n  want %s\n  got  %s\n%s%s", t->row->file, t->row->line,
			 t->row->id, t->row->rules, result->want, result->got, result->log, result->error);
}

static struct test *make_tests(struct suite *suite, const struct case_table *wrong, struct CMUnitTest *units,
			       size_t *count)
{
	size_t room = (size_t)(suite->table.row_count + wrong->row_count);
	struct test *tests = calloc(room, sizeof *tests);

	*count = 0;
	for (size_t i = 0; tests && i < room; i++) {
		bool own = i < (size_t)suite->table.row_count;
		const struct case_row *row =
			own ? &suite->table.rows[i] : &wrong->rows[i - (size_t)suite->table.row_count];
		struct test *t = &tests[*count];
		const char *skip = case_skip_reason(&BACKEND, &suite->table, row, &suite->facts);

		if (row->is_feature)
			continue;
		if (skip) {
			printf("# SKIP %s %s: %s\n", row->id, row->sentence, skip);
			continue;
		}
		*t = (struct test){ suite, row, !own && strcmp(row->id, "same") != 0, "" };
		snprintf(t->name, sizeof t->name, "%s%s %s", t->must_fail ? "the comparer notices: " : "",
			 row->id, row->sentence);
		units[(*count)++] = (struct CMUnitTest){ t->name, run_row, NULL, NULL, t };
	}
	return tests;
}

/* A world kept busy: births, deaths, waits, signals and questions, as the random tests of a model do them. */
static int measure_rate(struct suite *suite, long operations)
{
	char text[] = "case rate a world kept busy\n"
		      "want {}\n"
		      "a = init clone3 set_tid=500\n"
		      "init setpgid pid=500 pgid=0\n"
		      "init kill pid=500 sig=0\n"
		      "b = a fork\n"
		      "init getpgid pid=$b\n"
		      "init probe set_tid=500\n"
		      "b exit_group\n"
		      "a wait4 pid=$b\n"
		      "a exit_group status=3\n"
		      "init wait4 pid=500   ? {}\n";
	struct case_text source = { "rate", text };
	struct case_table table;
	struct case_row row;
	struct case_step *steps;
	enum { ROUNDS = 20 };
	long done = 0;
	double seconds;
	struct timespec from, to;

	if (case_parse(&table, &source, 1) < 0)
		return 1;
	row = table.rows[0];
	steps = calloc((size_t)row.step_count * ROUNDS, sizeof *steps);
	if (!steps)
		return 1;
	for (int i = 0; i < row.step_count * ROUNDS; i++)
		steps[i] = row.steps[i % row.step_count];
	row.steps = steps;
	row.step_count *= ROUNDS;
	clock_gettime(CLOCK_MONOTONIC, &from);
	while (done < operations) {
		case_run(&BACKEND, &row, &suite->facts, &suite->result);
		done += row.step_count;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("%ld operations in %.2f s: %.0f a second\n", done, seconds, (double)done / seconds);
	free(steps);
	case_table_done(&table);
	return 0;
}

static int run_all(struct suite *suite)
{
	struct case_text wrong_source = { "wrong", wrong_text };
	struct case_table wrong;
	struct CMUnitTest *units;
	struct test *tests;
	size_t count;
	int failed = 1;

	if (case_parse(&wrong, &wrong_source, 1) < 0) {
		printf("Bail out! %s\n", wrong.error);
		return 1;
	}
	units = calloc((size_t)(suite->table.row_count + wrong.row_count), sizeof *units);
	tests = units ? make_tests(suite, &wrong, units, &count) : NULL;
	if (tests)
		failed = _cmocka_run_group_tests("cases", units, count, NULL, NULL);
	free(tests);
	free(units);
	case_table_done(&wrong);
	return failed;
}

int main(int argc, char **argv)
{
	struct case_text sources[] = {
		{ "features.cases", features_text }, { "clone3.cases", clone3_text },
		{ "set_tid.cases", set_tid_text },   { "cursor.cases", cursor_text },
		{ "taken.cases", taken_text },       { "life.cases", life_text },
		{ "wait.cases", wait_text },         { "group.cases", group_text },
		{ "kill.cases", kill_text },         { "pidfd.cases", pidfd_text },
	};
	static struct suite suite;
	char why[128] = "";
	int failed;

#ifdef CASES_MODEL
	if (argc >= 3 && strcmp(argv[1], "--profile") == 0) {
		bool known;

		case_model_features = pidns_profile(argv[2], &known);
		if (!known) {
			printf("Bail out! no such version: %s\n", argv[2]);
			return 1;
		}
		argc -= 2;
		argv += 2;
	}
#else
	if (argc == 4 && strcmp(argv[1], PUPPET_ARGUMENT) == 0)
		return puppet_main(argv);
#endif
	setvbuf(stdout, NULL, _IOLBF, 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (case_parse(&suite.table, sources, sizeof sources / sizeof *sources) < 0) {
		printf("Bail out! %s\n", suite.table.error);
		return 1;
	}
	if (case_learn(&BACKEND, &suite.table, &suite.facts, why) < 0) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "--rate") == 0)
		failed = measure_rate(&suite, atol(argv[2]));
	else
		failed = run_all(&suite);
	case_table_done(&suite.table);
	return failed != 0;
}
