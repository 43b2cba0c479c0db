/* SPDX-License-Identifier: MIT */
/*
 * test_compare.c: one tree, each of its facts broken on purpose, and what the comparison says of it.
 *
 * Keeps:   (R1) a row changes one place of the base text: a fact that no comparison looks at would show as a
 *               row that finds nothing;
 *          (R2) `says` is the whole of what is said; a row with NULL must find nothing, in both directions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree/tree.h"

/* Rows leave out what does not matter to them. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const char base[] =
	"{\"settid\": 1, \"processes\": [\n"
	"{\"nspid\": [100], \"ppid\": 0, \"pgid\": 100, \"sid\": 100, \"state\": \"live\", \"comm\": "
	"\"bash\","
	" \"argv\": [\"bash\", \"-l\"], \"cwd\": \"/tmp\"},\n"
	"{\"nspid\": [101], \"ppid\": 100, \"pgid\": 101, \"sid\": 100, \"state\": \"live\", \"threads\": ["
	"{\"nspid\": [101], \"name\": \"main\"}, {\"nspid\": [111], \"name\": \"io\"}, {\"nspid\": "
	"[112]}]},\n"
	"{\"nspid\": [102], \"ppid\": 101, \"pgid\": 101, \"sid\": 100, \"state\": \"stopped\", "
	"\"stop_signal\": 20},\n"
	"{\"nspid\": [103], \"ppid\": 100, \"pgid\": 100, \"sid\": 100, \"state\": \"zombie\", "
	"\"exit_code\": 3},\n"
	"{\"nspid\": [104], \"ppid\": 100, \"pgid\": 100, \"sid\": 100, \"state\": \"zombie\", "
	"\"exit_signal\": 11,"
	" \"core_dumped\": true},\n"
	"{\"nspid\": [105], \"ppid\": 100, \"pgid\": 100, \"sid\": 100, \"state\": \"live\","
	" \"children_ns\": \"inner\"},\n"
	"{\"nspid\": [106, 1], \"ppid\": 105, \"pgid\": 106, \"sid\": 106, \"state\": \"live\", \"ns\": "
	"\"inner\"},\n"
	"{\"nspid\": [107, 2], \"ppid\": 106, \"pgid\": 106, \"sid\": 106, \"state\": \"live\", "
	"\"subreaper\": true,"
	" \"threads\": [{\"nspid\": [107, 2]}, {\"nspid\": [117, 3]}]},\n"
	"{\"nspid\": [108], \"ppid\": 100, \"pgid\": 90, \"sid\": 100, \"state\": \"live\", "
	"\"notify_signal\": 10},\n"
	"{\"nspid\": [115], \"ppid\": 100, \"pgid\": 100, \"sid\": 100, \"state\": \"live\","
	" \"children_ns\": \"other\"},\n"
	"{\"nspid\": [116, 1], \"ppid\": 115, \"pgid\": 116, \"sid\": 116, \"state\": \"live\", \"ns\": "
	"\"other\"},\n"
	"{\"nspid\": [120, 9], \"ppid\": 100, \"pgid\": 100, \"sid\": 100, \"state\": \"live\", \"ns\": "
	"\"inner\"}\n"
	"], \"ghosts\": [{\"nspid\": [90]}]}\n";

struct row {
	const char *name;
	const char *from, *to; /* in the base; to == NULL: nothing changes */
	const char *says;      /* "PID: text", several separated by "\n" */
	bool names, commands;
	const char *from2, *to2; /* a second change that the first one needs to be a tree */
};

#define P_SLEEP                                                                                   \
	"{\"nspid\": [102], \"ppid\": 101, \"pgid\": 101, \"sid\": 100, \"state\": \"stopped\", " \
	"\"stop_signal\": 20}"
#define P_EXTRA                                                                                          \
	"{\"nspid\": [130], \"ppid\": 101, \"pgid\": 101, \"sid\": 100, \"state\": \"live\", \"comm\": " \
	"\"e\\u001bx\"}"

static const struct row rows[] = {
	{ "equal_trees_do_not_differ", .names = true, .commands = true },
	{ "a_missing_process_is_noticed", P_SLEEP ",\n", "", "102: is missing" },
	{ "an_extra_process_is_noticed_and_its_name_is_escaped", P_SLEEP, P_SLEEP ",\n" P_EXTRA,
	  "130: is there and should not be (e\\x1bx)" },
	{ "another_number_at_an_inner_level_is_noticed", "[120, 9]", "[120, 8]",
	  "120: numbers are 120 8, not 120 9" },
	{ "another_number_of_levels_is_noticed",
	  "{\"nspid\": [120, 9], \"ppid\": 100, \"pgid\": 100, \"sid\": 100, "
	  "\"state\": \"live\", \"ns\": \"inner\"}",
	  "{\"nspid\": [120], \"ppid\": 100, \"pgid\": 100, \"sid\": 100, \"state\": \"live\"}",
	  "120: numbers are 120, not 120 9" },
	{ "another_namespace_with_the_same_numbers_is_noticed", "\"state\": \"live\", \"ns\": \"inner\"}\n]",
	  "\"state\": \"live\", \"ns\": \"other\"}\n]",
	  "120: lives in the namespace of level 1 with init 116, not that of level 1 with init 106" },
	{ "other_labels_for_the_same_namespace_are_no_difference", "\"children_ns\": \"other\"",
	  "\"children_ns\": \"renamed\"", .from2 = "\"ns\": \"other\"", .to2 = "\"ns\": \"renamed\"" },
	{ "saying_that_children_are_born_where_the_parent_lives_is_no_difference", "[107, 2], \"ppid\": 106",
	  "[107, 2], \"children_ns\": \"inner\", \"ppid\": 106" },
	{ "another_namespace_for_children_is_noticed", "[108], \"ppid\": 100",
	  "[108], \"children_ns\": \"inner\", \"ppid\": 100",
	  "108: has its children born in the namespace of level 1 with init 106, not that of level 0" },
	{ "another_parent_is_noticed", "[102], \"ppid\": 101", "[102], \"ppid\": 100",
	  "102: parent is 100, not 101" },
	{ "another_group_is_noticed", "[102], \"ppid\": 101, \"pgid\": 101",
	  "[102], \"ppid\": 101, \"pgid\": 100", "102: process group is 100, not 101" },
	{ "another_session_is_noticed", "[120, 9], \"ppid\": 100, \"pgid\": 100, \"sid\": 100",
	  "[120, 9], \"ppid\": 100, \"pgid\": 120, \"sid\": 120",
	  "120: process group is 120, not 100\n120: session is 120, not 100" },
	{ "another_state_is_noticed", "\"stopped\", \"stop_signal\": 20", "\"live\"",
	  "102: is live, not stopped" },
	{ "a_zombie_that_lives_is_noticed", "\"zombie\", \"exit_code\": 3", "\"live\"",
	  "103: is live, not a zombie" },
	{ "another_stop_signal_is_noticed", "\"stop_signal\": 20", "\"stop_signal\": 19",
	  "102: is stopped by SIGSTOP, not by SIGTSTP" },
	{ "a_stop_signal_that_one_side_lacks_is_no_difference", ", \"stop_signal\": 20", "" },
	{ "another_exit_code_is_noticed", "\"exit_code\": 3", "\"exit_code\": 4",
	  "103: wait status is exit code 4, not exit code 3" },
	{ "an_exit_in_place_of_a_signal_is_noticed", "\"exit_code\": 3", "\"exit_signal\": 9",
	  "103: wait status is killed by SIGKILL, not exit code 3" },
	{ "another_exit_signal_is_noticed", "\"exit_signal\": 11", "\"exit_signal\": 6",
	  "104: wait status is killed by SIGABRT, not killed by SIGSEGV" },
	{ "a_wait_status_that_one_side_lacks_is_no_difference", ", \"exit_code\": 3", "" },
	{ "a_lost_core_flag_is_noticed", "\"core_dumped\": true", "\"core_dumped\": false",
	  "104: wait status does not say that core was dumped" },
	{ "a_core_flag_that_one_side_lacks_is_no_difference", ", \"core_dumped\": true", "" },
	{ "a_dead_leader_is_noticed", "[101], \"ppid\": 100", "[101], \"leader_dead\": true, \"ppid\": 100",
	  "101: leader thread is dead, not alive" },
	{ "another_signal_to_the_parent_is_noticed", "\"notify_signal\": 10", "\"notify_signal\": 12",
	  "108: tells its parent of its end by SIGUSR2, not by SIGUSR1" },
	{ "a_signal_that_is_not_said_is_SIGCHLD", ", \"notify_signal\": 10", "",
	  "108: tells its parent of its end by SIGCHLD, not by SIGUSR1" },
	{ "no_signal_to_the_parent_is_noticed", "\"notify_signal\": 10", "\"notify_signal\": 0",
	  "108: tells its parent of its end by no signal, not by SIGUSR1" },
	{ "a_known_subreaper_is_compared", "\"subreaper\": true", "\"subreaper\": false",
	  "107: is not a subreaper" },
	{ "an_unknown_subreaper_is_no_difference", " \"subreaper\": true,", "" },
	{ "a_missing_thread_is_noticed", ", {\"nspid\": [112]}", "", "101: thread 112 is missing" },
	{ "an_extra_thread_is_noticed", "{\"nspid\": [112]}", "{\"nspid\": [112]}, {\"nspid\": [113]}",
	  "101: thread 113 is there and should not be" },
	{ "another_order_of_threads_is_no_difference",
	  "{\"nspid\": [111], \"name\": \"io\"}, {\"nspid\": [112]}",
	  "{\"nspid\": [112]}, {\"nspid\": [111], \"name\": \"io\"}", .names = true },
	{ "a_threads_number_at_an_inner_level_is_noticed", "[117, 3]", "[117, 4]",
	  "107: thread 117: numbers are 117 4, not 117 3" },
	{ "another_thread_name_is_noticed_when_names_count", "\"name\": \"io\"", "\"name\": \"net\"",
	  "101: thread 111: name is \"net\", not \"io\"", .names = true },
	{ "another_thread_name_is_ignored_when_names_do_not_count", "\"name\": \"io\"", "\"name\": \"net\"" },
	{ "another_name_is_noticed_when_names_count", "\"comm\": \"bash\"", "\"comm\": \"zsh\"",
	  "100: name is \"zsh\", not \"bash\"", .names = true },
	{ "another_name_is_ignored_when_names_do_not_count", "\"comm\": \"bash\"", "\"comm\": \"zsh\"" },
	{ "a_name_that_one_side_lacks_is_no_difference", ", \"comm\": \"bash\"", "", .names = true },
	{ "another_argv_is_noticed_when_commands_count", "\"-l\"", "\"-i\"",
	  "100: command is bash -i, not bash -l", .commands = true },
	{ "another_number_of_arguments_is_noticed", ", \"-l\"", "", "100: command is bash, not bash -l",
	  .commands = true },
	{ "another_argv_is_ignored_when_commands_do_not_count", "\"-l\"", "\"-i\"" },
	{ "another_directory_is_noticed_when_commands_count", "\"/tmp\"", "\"/\"",
	  "100: working directory is \"/\", not \"/tmp\"", .commands = true },
	{ "a_ghost_that_became_a_process_is_noticed", "], \"ghosts\": [{\"nspid\": [90]}]}",
	  ",\n{\"nspid\": [90], \"ppid\": 100, \"pgid\": 90, \"sid\": 100, \"state\": \"live\"}]}",
	  "90: is there and should not be\n90: is not held as the number of a dead leader's group or "
	  "session" },
	{ "a_ghost_is_noticed_where_none_should_be", "[102], \"ppid\": 101, \"pgid\": 101",
	  "[102], \"ppid\": 101, \"pgid\": 91",
	  "102: process group is 91, not 101\n"
	  "91: is held as the number of a dead leader's group or session and should not be",
	  .from2 = "[{\"nspid\": [90]}]", .to2 = "[{\"nspid\": [90]}, {\"nspid\": [91]}]" },
};

/* ------------------------------------------------------------------------------------------ running -- */

/* Takes `text`. */
static char *replaced(char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *changed = malloc(strlen(text) + strlen(to) + 1);

	assert_non_null(at); /* a row whose place is not there would prove nothing */
	assert_non_null(changed);
	sprintf(changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	free(text);
	return changed;
}

static struct tree *read_text(const char *text)
{
	struct tree *t = NULL;
	struct tree_error err = { 0 };

	if (tree_read_buffer(text, strlen(text), "row", &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static void collect(void *arg, int32_t pid, const char *text)
{
	char *said = arg;
	size_t len = strlen(said);

	snprintf(said + len, 2000 - len, "%s%d: %s", len ? "\n" : "", (int)pid, text);
}

static void compare_row(void **state)
{
	const struct row *row = *state;
	const struct tree_compare_options options = { .names = row->names, .commands = row->commands };
	char *changed = strdup(base);
	if (row->to)
		changed = replaced(changed, row->from, row->to);
	if (row->to2)
		changed = replaced(changed, row->from2, row->to2);
	struct tree *want = read_text(base), *got = read_text(changed);
	char said[2000] = "";

	unsigned found = tree_compare(want, got, &options, collect, said);
	assert_string_equal(said, row->says ? row->says : "");
	unsigned lines = row->says ? 1 : 0;
	for (const char *p = row->says; p && (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(found, lines);

	said[0] = '\0';
	unsigned back = tree_compare(got, want, &options, collect, said);
	assert_int_equal(back > 0, row->says != NULL);
	tree_free(want);
	tree_free(got);
	free(changed);
}

/* The same differences, said of two trees: every row of them says something else than of one that should be the other. */
static void sides_are_called_a_and_b(void **state)
{
	static const struct {
		const char *from, *to, *says;
	} changes[] = {
		{ P_SLEEP ",\n", "", "102: is in a only" },
		{ P_SLEEP, P_SLEEP ",\n" P_EXTRA, "130: is in b only" },
		{ "[120, 9]", "[120, 8]", "120: numbers are 120 9 in a, 120 8 in b" },
		{ "[102], \"ppid\": 101", "[102], \"ppid\": 100", "102: parent is 101 in a, 100 in b" },
		{ "\"stopped\", \"stop_signal\": 20", "\"live\"", "102: is stopped in a, live in b" },
		{ "\"stop_signal\": 20", "\"stop_signal\": 19",
		  "102: is stopped by SIGTSTP in a, by SIGSTOP in b" },
		{ "\"core_dumped\": true", "\"core_dumped\": false",
		  "104: wait status says that core was dumped in a only" },
		{ "[101], \"ppid\": 100", "[101], \"leader_dead\": true, \"ppid\": 100",
		  "101: leader thread is alive in a, dead in b" },
		{ "\"subreaper\": true", "\"subreaper\": false", "107: is a subreaper in a only" },
		{ ", {\"nspid\": [112]}", "", "101: thread 112 is in a only" },
		{ "{\"nspid\": [112]}", "{\"nspid\": [112]}, {\"nspid\": [113]}",
		  "101: thread 113 is in b only" },
		{ "\"state\": \"live\", \"ns\": \"inner\"}\n]", "\"state\": \"live\", \"ns\": \"other\"}\n]",
		  "120: lives in the namespace of level 1 with init 106 in a, that of level 1 with init 116 "
		  "in b" },
	};
	const struct tree_compare_options options = { .sides = true };

	(void)state;
	for (size_t k = 0; k < sizeof changes / sizeof *changes; k++) {
		char *text = replaced(strdup(base), changes[k].from, changes[k].to), said[2000] = "";
		struct tree *a = read_text(base), *b = read_text(text);
		assert_int_equal(tree_compare(a, b, &options, collect, said), 1);
		assert_string_equal(said, changes[k].says);
		tree_free(a);
		tree_free(b);
		free(text);
	}
}

#define MANY 60000

static char *many_processes(void)
{
	size_t size = (size_t)MANY * 100, len;
	char *text = malloc(size);

	assert_non_null(text);
	len = (size_t)sprintf(text, "{\"settid\":1,\"processes\":[");
	for (int i = 0; i < MANY; i++)
		len += (size_t)sprintf(
			text + len,
			"%s{\"nspid\":[%d],\"ppid\":%d,\"pgid\":10,\"sid\":10,\"state\":\"live\"}",
			i ? "," : "", 10 + i, i ? 10 : 0);
	strcpy(text + len, "]}");
	return text;
}

/* Pairs compared with pairs would take minutes, and the runner's timeout ends it. */
static void many_processes_are_compared_one_look_up_each(void **state)
{
	(void)state;
	char *text = many_processes(), said[2000] = "";
	struct tree *want = read_text(text), *got = read_text(text);

	assert_int_equal(tree_compare(want, got, NULL, collect, said), 0);
	tree_free(want);
	tree_free(got);
	free(text);
}

int main(void)
{
	enum { ROWS = sizeof rows / sizeof *rows };
	struct CMUnitTest tests[ROWS + 2];

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){
			.name = rows[i].name,
			.test_func = compare_row,
			.initial_state = (void *)(uintptr_t)&rows[i] /* cmocka takes no const */,
		};
	tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(many_processes_are_compared_one_look_up_each);
	tests[ROWS + 1] = (struct CMUnitTest)cmocka_unit_test(sides_are_called_a_and_b);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
