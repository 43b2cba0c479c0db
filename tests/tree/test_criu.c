/* SPDX-License-Identifier: MIT */
/*
 * test_criu.c FOLDER: CRIU's images become the trees that were dumped.
 *
 * Each folder below FOLDER has real images and expected.json, which was taken from /proc beside the dump; its form is told
 * in FOLDER/README.md.  Of each folder a test is made.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tree/criu.h"

static const char *folder;

static struct tree *read_images(const char *name, const struct tree_criu_options *options)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char path[512];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (tree_read_criu(path, options, &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

/* ---------------------------------------------------------------------------------- expected.json -- */

static json_t *expected_of(const char *name)
{
	char path[512];
	json_error_t je;

	snprintf(path, sizeof path, "%s/%s/expected.json", folder, name);
	json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
	if (!j)
		fail_msg("%s: %s", path, je.text);
	return j;
}

static int32_t number_of(const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);

	if (!json_is_integer(n))
		fail_msg("expected.json: no number '%s'", key);
	return (int32_t)json_integer_value(n);
}

static void name_is(struct tree_str got, const json_t *want)
{
	assert_non_null(got.bytes);
	assert_int_equal(got.len, json_string_length(want));
	assert_memory_equal(got.bytes, json_string_value(want), got.len);
}

/* What is not in the object is absent in the tree. */
static int known_or_absent(const json_t *o, const char *key)
{
	const json_t *j = json_object_get(o, key);

	return j ? (json_is_integer(j) ? (int)json_integer_value(j) : json_is_true(j)) : TREE_ABSENT;
}

static void threads_are(const struct tree_process *p, const json_t *want)
{
	const json_t *tids = json_object_get(want, "threads"), *names = json_object_get(want, "thread_names");
	size_t n = json_array_size(tids);

	assert_true(n >= 1 && n == json_array_size(names));
	assert_int_equal(p->threads_len, n == 1 ? 0 : n);
	for (size_t k = 0; k < p->threads_len; k++) {
		assert_int_equal(p->threads[k].nspid[0], json_integer_value(json_array_get(tids, k)));
		name_is(p->threads[k].name, json_array_get(names, k));
	}
}

/* A leader outside the tree is 0 there, and the root has it. */
static void leader_is(const struct tree *t, int32_t got, int32_t want, const json_t *root, const char *key)
{
	if (got == 0) {
		assert_true(want == number_of(root, "pgid") || want == number_of(root, "sid"));
		assert_int_equal(tree_find(t, want), TREE_NONE);
		return;
	}
	if (got != want)
		fail_msg("%s is %d, not %d", key, (int)got, (int)want);
}

static void process_is(const struct tree *t, const struct tree_process *p, const json_t *want,
		       const json_t *root)
{
	static const char *const states[] = { "live", "stopped", "zombie" };

	assert_int_equal(p->levels, 1);
	assert_int_equal(p->ppid, number_of(want, "ppid"));
	leader_is(t, p->pgid, number_of(want, "pgid"), root, "pgid");
	leader_is(t, p->sid, number_of(want, "sid"), root, "sid");
	assert_string_equal(states[p->state], json_string_value(json_object_get(want, "state")));
	assert_int_equal(p->exit_code, known_or_absent(want, "exit_code"));
	assert_int_equal(p->exit_signal, known_or_absent(want, "exit_signal"));
	assert_int_equal(p->core_dumped, known_or_absent(want, "core_dumped"));
	name_is(p->comm, json_object_get(want, "comm"));
	threads_are(p, want);
}

static const json_t *root_of(const json_t *expected)
{
	int32_t root = number_of(expected, "root");
	size_t k;
	json_t *p;

	json_array_foreach(json_object_get(expected, "processes"), k, p)
	{
		if (number_of(p, "pid") == root)
			return p;
	}
	fail_msg("expected.json: no root");
	return NULL;
}

static void images_are_the_tree_that_was_dumped(void **state)
{
	const char *name = *state;
	struct tree *t = read_images(name, NULL);
	json_t *expected = expected_of(name), *want;
	const json_t *root = root_of(expected);
	size_t k;

	assert_int_equal(t->processes_len, json_array_size(json_object_get(expected, "processes")));
	assert_int_equal(t->processes[0].nspid[0], number_of(root, "pid"));
	json_array_foreach(json_object_get(expected, "processes"), k, want)
	{
		int32_t at = tree_find(t, number_of(want, "pid"));
		if (at == TREE_NONE)
			fail_msg("process %d is missing", (int)number_of(want, "pid"));
		process_is(t, &t->processes[at], want, root);
	}
	json_decref(expected);
	tree_free(t);
}

/* --------------------------------------------------------------------------------- leaders unknown -- */

static void dead_leader_is_a_ghost(void **state)
{
	struct tree *t = read_images("dead-sid", NULL);

	(void)state;
	assert_int_equal(t->ghosts_len, 1);
	assert_int_equal(t->ghosts[0].nspid[0], 8010);
	assert_int_equal(t->processes[tree_find(t, 8011)].sid, 8010);
	assert_int_equal(t->processes[tree_find(t, 8011)].pgid, 8010);
	tree_free(t);
}

static void leader_of_the_job_is_outside(void **state)
{
	struct tree *t = read_images("shell-job", NULL);

	(void)state;
	assert_int_equal(t->ghosts_len, 0);
	for (size_t k = 0; k < t->processes_len; k++)
		assert_int_equal(t->processes[k].sid, 0);
	assert_int_equal(t->processes[tree_find(t, 8401)].pgid, 0);
	assert_int_equal(t->processes[tree_find(t, 8402)].pgid, 8402);
	tree_free(t);
}

static void leader_can_be_said_to_be_outside(void **state)
{
	const struct tree_criu_options options = { .outside = (const int32_t[]){ 8010 }, .outside_len = 1 };
	struct tree *t = read_images("dead-sid", &options);

	(void)state;
	assert_int_equal(t->ghosts_len, 0);
	assert_int_equal(t->processes[tree_find(t, 8011)].pgid, 0);
	assert_int_equal(t->processes[tree_find(t, 8005)].sid, 0);
	tree_free(t);
}

static void leader_of_the_job_can_be_said_to_be_dead(void **state)
{
	const struct tree_criu_options options = { .ghosts = (const int32_t[]){ 14750 }, .ghosts_len = 1 };
	struct tree *t = read_images("shell-job", &options);

	(void)state;
	assert_int_equal(t->ghosts_len, 1);
	assert_int_equal(t->processes[0].sid, 14750);
	assert_int_equal(t->processes[0].pgid, 14750);
	tree_free(t);
}

static void refused_with(const char *name, const struct tree_criu_options *options, const char *part)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char path[512];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (tree_read_criu(path, options, &t, &err) == 0) {
		tree_free(t);
		fail_msg("it is accepted");
	}
	if (!strstr(err.text, part))
		fail_msg("'%s' is not in: %s", part, err.text);
}

static void number_that_leads_nothing_is_refused(void **state)
{
	const struct tree_criu_options a = { .outside = (const int32_t[]){ 8109 }, .outside_len = 1 };
	const struct tree_criu_options b = { .ghosts = (const int32_t[]){ 8109 }, .ghosts_len = 1 };

	(void)state;
	refused_with("dead-pgid", &a, "outside 8109: no process of ");
	refused_with("dead-pgid", &b, "ghost 8109: no process of ");
}

/* Its session would be the tree's own, where nobody outside can have a group. */
static void group_outside_is_of_no_session_inside(void **state)
{
	const struct tree_criu_options a = { .outside = (const int32_t[]){ 8110 }, .outside_len = 1 };

	(void)state;
	refused_with("dead-pgid", &a, "dead-pgid/pstree.img: offset 30: process 8111: field 'pgid': 0, but ");
}

static void leader_that_lives_is_neither(void **state)
{
	const struct tree_criu_options a = { .outside = (const int32_t[]){ 8100 }, .outside_len = 1 };

	(void)state;
	refused_with("dead-pgid", &a, "outside 8100: it is a process of ");
}

static void leader_is_not_both_outside_and_dead(void **state)
{
	static const int32_t n[] = { 8110 };
	const struct tree_criu_options both = { n, 1, n, 1 };

	(void)state;
	refused_with("dead-pgid", &both, "8110 cannot be both");
}

static void stop_signal_and_subreaper_are_read(void **state)
{
	struct tree *t = read_images("stopped", NULL);

	(void)state;
	assert_int_equal(t->processes[tree_find(t, 8301)].stop_signal, 19);
	assert_int_equal(t->processes[tree_find(t, 8302)].stop_signal, 20);
	assert_int_equal(t->processes[tree_find(t, 8303)].stop_signal, TREE_ABSENT);
	assert_int_equal(t->processes[tree_find(t, 8303)].subreaper, 0);
	tree_free(t);
	t = read_images("zombies", NULL);
	assert_int_equal(t->processes[tree_find(t, 7001)].subreaper, TREE_ABSENT);
	tree_free(t);
	t = read_images("dead-sid", NULL);
	assert_int_equal(t->processes[0].subreaper, 1);
	tree_free(t);
}

static void folder_without_images_is_refused(void **state)
{
	(void)state;
	refused_with(".", NULL, "has no inventory.img");
	refused_with("no-such-folder", NULL, "cannot open ");
}

/* ------------------------------------------------------------------------------------------- main -- */

enum { TESTS_MAX = 64 };

static size_t add_folders(struct CMUnitTest *tests)
{
	struct dirent **found;
	int n = scandir(folder, &found, NULL, alphasort);
	size_t len = 0;

	for (int k = 0; k < n; k++) {
		char *name = malloc(128);
		if (!name || found[k]->d_name[0] == '.' || strchr(found[k]->d_name, '.') ||
		    len == TESTS_MAX / 2) {
			free(name);
			free(found[k]);
			continue;
		}
		snprintf(name, 128, "the tree of %.64s is as it was", found[k]->d_name);
		tests[len].name = name;
		tests[len].test_func = images_are_the_tree_that_was_dumped;
		tests[len++].initial_state = strdup(found[k]->d_name);
		free(found[k]);
	}
	free(n < 0 ? NULL : found);
	return len;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(dead_leader_is_a_ghost),
		cmocka_unit_test(leader_of_the_job_is_outside),
		cmocka_unit_test(leader_can_be_said_to_be_outside),
		cmocka_unit_test(leader_of_the_job_can_be_said_to_be_dead),
		cmocka_unit_test(number_that_leads_nothing_is_refused),
		cmocka_unit_test(group_outside_is_of_no_session_inside),
		cmocka_unit_test(leader_that_lives_is_neither),
		cmocka_unit_test(leader_is_not_both_outside_and_dead),
		cmocka_unit_test(stop_signal_and_subreaper_are_read),
		cmocka_unit_test(folder_without_images_is_refused),
	};
	struct CMUnitTest tests[TESTS_MAX] = { 0 };

	folder = argc == 2 ? argv[1] : ".";
	size_t folders = add_folders(tests);
	if (folders < 13)
		return 1; /* the fixtures are not there, and nothing would be tested */
	memcpy(tests + folders, others, sizeof others);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failed =
		_cmocka_run_group_tests("criu", tests, folders + sizeof others / sizeof *others, NULL, NULL);
	for (size_t k = 0; k < folders; k++) {
		free((void *)(uintptr_t)tests[k].name);
		free(tests[k].initial_state);
	}
	return failed;
}
