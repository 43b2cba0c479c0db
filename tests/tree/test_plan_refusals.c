/* SPDX-License-Identifier: MIT */
/*
 * test_plan_refusals.c: trees that cannot be built, each refused with its sentence and before anything is made.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tree/plan.h"
#include "tree/tree.h"

static struct tree *read_text(const char *processes)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char text[4096];
	int len = snprintf(text, sizeof text, "{\"settid\": 1, \"processes\": [%s]}", processes);

	assert_true((size_t)len < sizeof text);
	if (tree_read_buffer(text, (size_t)len, "t", &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

struct refusal {
	const char *name, *processes, *sentence;
	bool exec;
};

#define LIVE "\"state\": \"live\"}"

static const struct refusal refusals[] = {
	{ "two groups that neither it nor its parent can name are too many",
	  "{\"nspid\": [100], \"ppid\": 0, \"pgid\": 100, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [101], \"ppid\": 100, \"pgid\": 101, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [102, 1], \"ppid\": 100, \"pgid\": 102, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [103, 2], \"ppid\": 102, \"pgid\": 102, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [104, 3], \"ppid\": 103, \"pgid\": 100, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [105, 4], \"ppid\": 104, \"pgid\": 100, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [106, 5], \"ppid\": 104, \"pgid\": 101, \"sid\": 0, " LIVE,
	  "process 104 cannot be built: process 106 and process 105 each need it in a group that neither it "
	  "nor "
	  "its parent can name, and it can be born in one only",
	  false },
	{ "a founder does not get back to a group that it cannot name",
	  "{\"nspid\": [100], \"ppid\": 0, \"pgid\": 100, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [101, 1], \"ppid\": 100, \"pgid\": 100, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [102, 2], \"ppid\": 101, \"pgid\": 100, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [103, 3], \"ppid\": 101, \"pgid\": 102, \"sid\": 0, " LIVE,
	  "process 102 cannot be built: it founded a group, and is in one that neither it nor its parent can "
	  "name: it can only have been born in that, and could not get back",
	  false },
	{ "the outside group is had by birth alone where nobody can name it",
	  "{\"nspid\": [100], \"ppid\": 0, \"pgid\": 0, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [101, 1], \"ppid\": 100, \"pgid\": 0, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [102, 2], \"ppid\": 101, \"pgid\": 0, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [103, 3], \"ppid\": 102, \"pgid\": 102, \"sid\": 0, " LIVE,
	  "process 102 cannot be built: it founded a group, and is in one that neither it nor its parent can "
	  "name: it can only have been born in that, and could not get back",
	  false },
	{ "births that need each other's groups are a circle",
	  "{\"nspid\": [1], \"ppid\": 0, \"pgid\": 1, \"sid\": 1, " LIVE ","
	  "{\"nspid\": [2, 1], \"ppid\": 1, \"pgid\": 1, \"sid\": 1, " LIVE ","
	  "{\"nspid\": [3, 2], \"ppid\": 2, \"pgid\": 14, \"sid\": 1, " LIVE ","
	  "{\"nspid\": [4, 3], \"ppid\": 3, \"pgid\": 4, \"sid\": 1, " LIVE ","
	  "{\"nspid\": [12, 1], \"ppid\": 1, \"pgid\": 1, \"sid\": 1, " LIVE ","
	  "{\"nspid\": [13, 2], \"ppid\": 12, \"pgid\": 4, \"sid\": 1, " LIVE ","
	  "{\"nspid\": [14, 3], \"ppid\": 13, \"pgid\": 14, \"sid\": 1, " LIVE,
	  "process 3 cannot be built: it has to be born in the group of process 14, which cannot be founded "
	  "before "
	  "it: each waits for the other",
	  false },
	{ "the outside session is not handed down twice",
	  "{\"nspid\": [5], \"ppid\": 0, \"pgid\": 5, \"sid\": 5, " LIVE ","
	  "{\"nspid\": [6], \"ppid\": 5, \"pgid\": 5, \"sid\": 5, " LIVE ","
	  "{\"nspid\": [7], \"ppid\": 6, \"pgid\": 0, \"sid\": 0, " LIVE,
	  "process 7 cannot be built: its session is outside the tree, and its parent, process 6, was never "
	  "in that",
	  false },
	{ "nobody but an init gets back to a group that it cannot name after a visit",
	  "{\"nspid\": [100], \"ppid\": 0, \"pgid\": 0, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [101, 1], \"ppid\": 100, \"pgid\": 0, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [102, 2], \"ppid\": 101, \"pgid\": 0, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [103], \"ppid\": 100, \"pgid\": 103, \"sid\": 0, " LIVE ","
	  "{\"nspid\": [104, 5], \"ppid\": 102, \"pgid\": 103, \"sid\": 0, " LIVE,
	  "process 102 cannot be built: process 104 and process 102 each need it in a group that neither it "
	  "nor its parent can name, and it can be born in one only",
	  false },
	{ "siblings by one leader have one exit signal, or SIGCHLD",
	  "{\"nspid\": [5], \"ppid\": 0, \"pgid\": 5, \"sid\": 5, " LIVE ","
	  "{\"nspid\": [6], \"ppid\": 5, \"pgid\": 6, \"sid\": 6, " LIVE ","
	  "{\"nspid\": [8], \"ppid\": 5, \"pgid\": 6, \"sid\": 6, \"notify_signal\": 12, " LIVE ","
	  "{\"nspid\": [7], \"ppid\": 5, \"pgid\": 6, \"sid\": 6, \"notify_signal\": 10, " LIVE,
	  "process 8 cannot be built: process 6 made it with CLONE_PARENT, so its exit signal is what that "
	  "one "
	  "was born with, or SIGCHLD: it cannot be 12 beside 10",
	  false },
	{ "nobody survives SIGKILL",
	  "{\"nspid\": [5], \"ppid\": 0, \"pgid\": 5, \"sid\": 5, " LIVE ","
	  "{\"nspid\": [6], \"ppid\": 5, \"pgid\": 5, \"sid\": 5, \"notify_signal\": 12, " LIVE ","
	  "{\"nspid\": [7], \"ppid\": 6, \"pgid\": 5, \"sid\": 5, \"notify_signal\": 9, \"state\": "
	  "\"zombie\"}",
	  "process 7 cannot be built: it is dead, and its exit signal, SIGKILL, reached its parent, process "
	  "6: "
	  "only an execve keeps that off, and makes a process's own exit signal SIGCHLD",
	  false },
	{ "an orphan's end is told its parent by SIGCHLD",
	  "{\"nspid\": [5], \"ppid\": 0, \"pgid\": 5, \"sid\": 5, " LIVE ","
	  "{\"nspid\": [6], \"ppid\": 5, \"pgid\": 5, \"sid\": 5, " LIVE ","
	  "{\"nspid\": [7], \"ppid\": 6, \"pgid\": 7, \"sid\": 7, " LIVE ","
	  "{\"nspid\": [8], \"ppid\": 5, \"pgid\": 7, \"sid\": 7, \"notify_signal\": 10, " LIVE,
	  "process 8 cannot be built: it was orphaned, and its parent would not get signal 10 when it dies, "
	  "but SIGCHLD",
	  false },
	{ "an init is not born in a session that is led inside its namespace",
	  "{\"nspid\": [1], \"ppid\": 0, \"pgid\": 1, \"sid\": 1, " LIVE ","
	  "{\"nspid\": [11, 1], \"ppid\": 0, \"pgid\": 11, \"sid\": 11, \"ns\": \"n\", " LIVE ","
	  "{\"nspid\": [12, 2], \"ppid\": 0, \"pgid\": 12, \"sid\": 12, \"ns\": \"n\", " LIVE ","
	  "{\"nspid\": [13, 3], \"ppid\": 1, \"pgid\": 13, \"sid\": 12, \"ns\": \"n\", " LIVE,
	  "process 13 cannot be built: its session is that of process 12, which its parent, process 1, was "
	  "never in, and nobody else could have left it there",
	  false },
	{ "a name with a NUL cannot be taken",
	  "{\"nspid\": [5], \"ppid\": 0, \"pgid\": 0, \"sid\": 0, \"comm\": {\"hex\": \"610062\"}, " LIVE,
	  "process 5 (a\\x00b) cannot be built: its comm holds a NUL byte, and the kernel's names end at one",
	  false },
	{ "a thread's name with a NUL cannot be taken",
	  "{\"nspid\": [5], \"ppid\": 0, \"pgid\": 0, \"sid\": 0, \"threads\": [{\"nspid\": [5]}, "
	  "{\"nspid\": [6], "
	  "\"name\": {\"hex\": \"00\"}}], " LIVE,
	  "process 5 cannot be built: the name of its thread 6 holds a NUL byte, and the kernel's names end "
	  "at one",
	  false },
	{ "an argument with a NUL cannot be given",
	  "{\"nspid\": [5], \"ppid\": 0, \"pgid\": 0, \"sid\": 0, \"argv\": [\"sh\", {\"hex\": "
	  "\"2d00\"}], " LIVE,
	  "process 5 cannot be built: argv[1] holds a NUL byte, and no program can be given one", true },
	{ "a directory with a NUL cannot be entered",
	  "{\"nspid\": [5], \"ppid\": 0, \"pgid\": 0, \"sid\": 0, \"argv\": [\"sh\"], \"cwd\": {\"hex\": "
	  "\"2f00\"}, " LIVE,
	  "process 5 cannot be built: its cwd holds a NUL byte, and no path does", true },
};
#define REFUSALS_LEN (sizeof refusals / sizeof *refusals)

static void refused_with_its_sentence(void **state)
{
	const struct refusal *row = *state;
	const struct plan_options o = { .new_namespace = true, .exec = row->exec };
	struct tree *t = read_text(row->processes);
	struct tree_error err = { 0 };
	struct plan *p = NULL;

	assert_int_equal(plan_make(t, &o, &p, &err), -EOPNOTSUPP);
	assert_null(p);
	assert_string_equal(err.text, row->sentence);
	assert_int_equal(err.code, -EOPNOTSUPP);
	assert_true(err.pid > 0 && err.line > 0);
	tree_free(t);
}

static void an_init_is_refused_where_there_is_one(void **state)
{
	(void)state;
	const struct plan_options o = { .new_namespace = false };
	struct tree *t =
		read_text("{\"nspid\": [1], \"ppid\": 0, \"pgid\": 0, \"sid\": 0, \"comm\": \"init\", " LIVE);
	struct tree_error err = { 0 };
	struct plan *p = NULL;

	assert_int_equal(plan_make(t, &o, &p, &err), -EOPNOTSUPP);
	assert_string_equal(err.text,
			    "process 1 (init) cannot be built: it wants number 1 of a namespace that exists "
			    "already and has an init: use --into new");
	tree_free(t);
}

int main(void)
{
	struct CMUnitTest tests[REFUSALS_LEN + 1];

	for (size_t k = 0; k < REFUSALS_LEN; k++)
		tests[k] = (struct CMUnitTest){ refusals[k].name, refused_with_its_sentence, NULL, NULL,
						(void *)(uintptr_t)&refusals[k] };
	tests[REFUSALS_LEN] = (struct CMUnitTest)cmocka_unit_test(an_init_is_refused_where_there_is_one);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("refusals", tests, REFUSALS_LEN + 1, NULL, NULL);
}
