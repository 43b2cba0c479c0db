/* SPDX-License-Identifier: MIT */
/*
 * test_json.c: the reader and the writer of tree files.
 *
 * Usage:   test_json DIRECTORY-OF-GOOD-TREES SCHEMA
 * Keeps:   every refusal is compared with its whole sentence or shown to name its place.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tree/tree.h"

static const char *good_dir, *schema_path;

static const char sample[] =
	"{\"settid\": 1, \"x-file\": [{}], \"processes\": [\n"
	"{\"nspid\": [10], \"ppid\": 0, \"pgid\": 9, \"sid\": 0, \"state\": \"live\", \"comm\": {\"hex\": "
	"\"66c3\"},\n"
	" \"argv\": [\"a\\u00e9\\\"\", {\"hex\": \"ff\"}], \"cwd\": \"/\", \"subreaper\": true, \"x-n\": "
	"1},\n"
	"{\"nspid\": [11, 1], \"ppid\": 10, \"pgid\": 9, \"sid\": 0, \"state\": \"live\", \"ns\": \"a\"},\n"
	"{\"nspid\": [12, 7], \"ppid\": 10, \"pgid\": 9, \"sid\": 0, \"state\": \"stopped\", "
	"\"stop_signal\": 20,\n"
	" \"ns\": \"a\", \"children_ns\": \"b\", \"notify_signal\": 0},\n"
	"{\"nspid\": [13, 2], \"ppid\": 11, \"pgid\": 9, \"sid\": 0, \"state\": \"live\", \"leader_dead\": "
	"true,\n"
	" \"threads\": [{\"nspid\": [13, 2], \"name\": \"x\"}, {\"nspid\": [14, 3]}]},\n"
	"{\"nspid\": [15], \"ppid\": 10, \"pgid\": 10, \"sid\": 0, \"state\": \"zombie\", \"exit_signal\": "
	"11,\n"
	" \"core_dumped\": true}\n"
	"], \"ghosts\": [{\"nspid\": [9]}]}\n";

static struct tree *read_good(const char *bytes, size_t len)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	if (tree_read_buffer(bytes, len, "good.json", &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static void refuse(const char *bytes, size_t len, struct tree_error *err)
{
	struct tree *t = NULL;
	*err = (struct tree_error){ 0 };
	assert_true(tree_read_buffer(bytes, len, "bad.json", &t, err) < 0);
	assert_null(t);
	assert_memory_equal(err->text, "bad.json:", 9);
}

/* The caller frees it. */
static char *written(const struct tree *t, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	assert_non_null(out);
	assert_int_equal(tree_write_json(t, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void every_fact_of_the_sample_is_read(void **state)
{
	(void)state;
	struct tree *t = read_good(sample, sizeof sample - 1);
	assert_int_equal(t->processes_len, 5);
	const struct tree_process *p = t->processes;
	assert_int_equal(p[0].comm.len, 2);
	assert_memory_equal(p[0].comm.bytes, "f\xc3", 3);
	assert_int_equal(p[0].argv_len, 2);
	assert_string_equal(p[0].argv[0].bytes, "a\xc3\xa9\"");
	assert_string_equal(p[0].argv[1].bytes, "\xff");
	assert_string_equal(p[0].cwd.bytes, "/");
	assert_int_equal(p[0].subreaper, 1);
	assert_int_equal(p[0].pgid, 9);
	assert_int_equal(p[1].subreaper, TREE_ABSENT);
	assert_int_equal(p[1].line, 4);
	assert_int_equal(p[1].levels, 2);
	assert_int_equal(p[2].ns, p[1].ns);
	assert_int_equal(p[2].stop_signal, 20);
	assert_int_equal(p[2].notify_signal, 0);
	assert_int_not_equal(p[2].children_ns, p[2].ns);
	assert_true(p[3].leader_dead);
	assert_int_equal(p[3].threads_len, 2);
	assert_string_equal(p[3].threads[0].name.bytes, "x");
	assert_null(p[3].threads[1].name.bytes);
	assert_int_equal(p[4].exit_signal, 11);
	assert_int_equal(p[4].exit_code, TREE_ABSENT);
	assert_int_equal(p[4].core_dumped, 1);
	assert_int_equal(t->ghosts_len, 1);
	assert_int_equal(t->ghosts[0].ns, 0);
	assert_int_equal(tree_find(t, 13), 3);
	assert_int_equal(tree_find(t, 14), TREE_NONE);
	tree_free(t);
}

static void what_is_written_is_read_and_written_the_same(void **state)
{
	(void)state;
	struct tree *t = read_good(sample, sizeof sample - 1);
	size_t first_len, second_len;
	char *first = written(t, &first_len);
	struct tree *again = read_good(first, first_len);
	char *second = written(again, &second_len);
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "{\"hex\": \"66c3\"}"));
	assert_non_null(strstr(first, "\"children_ns\": \"b\""));
	free(first);
	free(second);
	tree_free(t);
	tree_free(again);
}

/* Such bytes are data: what cannot be done with them is said by who would have to. */
static void bytes_with_a_nul_keep_their_length(void **state)
{
	(void)state;
	static const char text[] =
		"{\"settid\": 1, \"processes\": [{\"nspid\": [10], \"ppid\": 0, \"pgid\": 0, \"sid\": 0, "
		"\"state\": \"live\", \"comm\": {\"hex\": \"610062\"}, \"threads\": [{\"nspid\": [10], "
		"\"name\": "
		"{\"hex\": \"00\"}}], \"argv\": [{\"hex\": \"0061\"}, \"b\"], \"cwd\": {\"hex\": "
		"\"2F00\"}}]}";
	struct tree *t = read_good(text, sizeof text - 1);
	const struct tree_process *p = t->processes;
	size_t len;
	char *again = written(t, &len);

	assert_int_equal(p->comm.len, 3);
	assert_memory_equal(p->comm.bytes, "a\0b", 4);
	assert_int_equal(p->threads[0].name.len, 1);
	assert_int_equal(p->argv[0].len, 2);
	assert_memory_equal(p->argv[0].bytes, "\0a", 3);
	assert_int_equal(p->cwd.len, 2);
	assert_non_null(strstr(again, "\"comm\": {\"hex\": \"610062\"}"));
	assert_non_null(strstr(again, "\"name\": {\"hex\": \"00\"}"));
	assert_non_null(strstr(again, "\"argv\": [{\"hex\": \"0061\"}, \"b\"]"));
	assert_non_null(strstr(again, "\"cwd\": {\"hex\": \"2f00\"}"));
	struct tree *u = read_good(again, len);
	assert_int_equal(tree_compare(t, u, &(struct tree_compare_options){ .names = true, .commands = true },
				      NULL, NULL),
			 0);
	free(again);
	tree_free(t);
	tree_free(u);
}

static void all_good_trees_survive_writing(void **state)
{
	(void)state;
	DIR *dir = opendir(good_dir);
	assert_non_null(dir);
	unsigned seen = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		char path[512];
		if (!strstr(e->d_name, ".json"))
			continue;
		snprintf(path, sizeof path, "%s/%s", good_dir, e->d_name);
		struct tree_error err = { 0 };
		struct tree *t = NULL;
		if (tree_read_file(path, &t, &err) < 0)
			fail_msg("%s", err.text);
		size_t len, again_len;
		char *text = written(t, &len);
		struct tree *u = read_good(text, len);
		char *again = written(u, &again_len);
		assert_string_equal(text, again);
		free(text);
		free(again);
		tree_free(t);
		tree_free(u);
		seen++;
	}
	closedir(dir);
	assert_true(seen > 5);
}

static void a_file_cut_at_any_byte_is_refused_with_its_line(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof sample - 2; len++) { /* less the brace and the newline behind it */
		struct tree_error err;
		char *exact = malloc(len + 1); /* its own block: a sanitizer sees one byte too many */
		assert_non_null(exact);
		memcpy(exact, sample, len);
		refuse(exact, len, &err);
		assert_true(err.line > 0);
		free(exact);
	}
}

static void any_byte_turned_into_nul_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i + 1 < sizeof sample; i++) {
		char copy[sizeof sample];
		struct tree_error err;
		memcpy(copy, sample, sizeof sample);
		copy[i] = '\0';
		refuse(copy, sizeof sample - 1, &err);
	}
}

/* {..., "KEY": VALUE} of process 10, where VALUE is before + n times unit + after; the caller frees it. */
static char *inflated(const char *before, char unit, size_t n, const char *after)
{
	static const char head[] =
		"{\"settid\": 1, \"processes\": [\n{\"nspid\": [10], \"ppid\": 0, \"pgid\": 0, "
		"\"sid\": 0, \"state\": \"live\", ";
	static const char tail[] = "}\n]}\n";
	char *text = malloc(sizeof head + sizeof tail + strlen(before) + n + strlen(after));
	assert_non_null(text);
	char *at = stpcpy(stpcpy(text, head), before);
	memset(at, unit, n);
	stpcpy(stpcpy(at + n, after), tail);
	return text;
}

static void refuse_inflated(const char *before, char unit, size_t n, const char *after, const char *want)
{
	struct tree_error err;
	char *text = inflated(before, unit, n, after);
	refuse(text, strlen(text), &err);
	free(text);
	assert_string_equal(err.text, want);
}

static void strings_of_ten_megabytes_are_refused_by_field(void **state)
{
	(void)state;
	refuse_inflated(
		"\"comm\": \"", 'a', 10000000, "\"",
		"bad.json:2: process 10: field 'comm': 10000000 bytes are too long, at most 15 are allowed");
	refuse_inflated(
		"\"cwd\": \"/", 'a', 10000000, "\"",
		"bad.json:2: process 10: field 'cwd': 10000001 bytes are too long, at most 4095 are allowed");
	refuse_inflated("\"argv\": [\"", 'a', 10000000, "\"]",
			"bad.json:2: process 10: field 'argv': 10000000 bytes are too long, at most 131071 "
			"are allowed");
	refuse_inflated(
		"\"ns\": \"", 'a', 10000000, "\"",
		"bad.json:2: process 10: field 'ns': 10000000 bytes are too long, at most 255 are allowed");
	refuse_inflated(
		"\"cwd\": {\"hex\": \"", '6', 10000000, "\"}",
		"bad.json:2: process 10: field 'cwd': 5000000 bytes are too long, at most 4095 are allowed");
}

static void the_longest_strings_are_accepted(void **state)
{
	(void)state;
	char *text = inflated("\"argv\": [\"", 'a', TREE_ARG_MAX, "\"], \"comm\": \"fifteen bytes..\"");
	struct tree *t = read_good(text, strlen(text));
	assert_int_equal(t->processes[0].argv[0].len, TREE_ARG_MAX);
	assert_int_equal(t->processes[0].comm.len, TREE_NAME_MAX);
	tree_free(t);
	free(text);
}

static void nesting_of_a_million_brackets_is_refused(void **state)
{
	(void)state;
	static const char *const want = "bad.json:2: not a tree file: values are nested too deeply";
	refuse_inflated("\"x-a\": ", '[', 1000000, "", want);
	refuse_inflated("\"argv\": ", '[', 1000000, "", want);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	(void)state;
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	assert_int_equal(tree_read_file("/nonexistent/tree.json", &t, &err), -ENOENT);
	assert_string_equal(err.text, "cannot open /nonexistent/tree.json: No such file or directory");
}

static void a_hundred_thousand_processes_are_read(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	fputs("{\"settid\": 1, \"processes\": [\n", out);
	for (int i = 0; i < COUNT; i++)
		fprintf(out,
			"{\"nspid\": [%d], \"ppid\": %d, \"pgid\": 10, \"sid\": 10, \"state\": \"live\", "
			"\"comm\": \"worker\"}%s\n",
			10 + i, i ? 10 + (i - 1) / 2 : 0, i + 1 < COUNT ? "," : "");
	fputs("]}\n", out);
	assert_int_equal(fclose(out), 0);
	struct tree *t = read_good(text, len);
	assert_int_equal(t->processes_len, COUNT);
	assert_int_equal(t->processes[tree_find(t, 10 + 99999)].line, 100001);
	tree_free(t);
	free(text);
}

/* Allocation failures: jansson's, one after the other until a reading meets none. */
static size_t allocations_left;
static bool allocation_failed;

static void *failing_malloc(size_t size)
{
	if (allocations_left == 0) {
		allocation_failed = true;
		return NULL;
	}
	allocations_left--;
	return malloc(size);
}

static void each_failing_allocation_of_the_parser_is_reported(void **state)
{
	(void)state;
	size_t nth = 0;
	json_set_alloc_funcs(failing_malloc, free);
	do {
		struct tree_error err = { 0 };
		struct tree *t = NULL;
		allocations_left = nth++;
		allocation_failed = false;
		int r = tree_read_buffer(sample, sizeof sample - 1, "good.json", &t, &err);
		if (allocation_failed)
			assert_true(r < 0 && err.text[0] && !t);
		else
			assert_int_equal(r, 0);
		tree_free(t);
	} while (allocation_failed);
	json_set_alloc_funcs(malloc, free);
	assert_true(nth > 20);
}

static json_t *load_schema(void)
{
	json_error_t je;
	json_t *schema = json_load_file(schema_path, JSON_REJECT_DUPLICATES, &je);
	if (!schema)
		fail_msg("%s:%d: %s", schema_path, je.line, je.text);
	return schema;
}

static json_t *process_schema(json_t *schema)
{
	return json_object_get(json_object_get(schema, "$defs"), "process");
}

static void the_reader_knows_every_key_of_the_schema(void **state)
{
	(void)state;
	json_t *schema = load_schema(), *any;
	const char *key;
	json_object_foreach(json_object_get(process_schema(schema), "properties"), key, any)
	{
		char text[256];
		struct tree_error err;
		snprintf(text, sizeof text, "{\"settid\": 1, \"processes\": [{\"nspid\": [10], \"%s\": []}]}",
			 key);
		refuse(text, strlen(text), &err);
		if (strcmp(key, "nspid") != 0)
			assert_null(strstr(err.text, "no such key"));
	}
	json_decref(schema);
}

static void the_schema_knows_every_key_that_is_written(void **state)
{
	(void)state;
	json_t *schema = load_schema(), *properties = json_object_get(process_schema(schema), "properties");
	struct tree *t = read_good(sample, sizeof sample - 1);
	size_t len, i;
	char *text = written(t, &len);
	json_t *file = json_loadb(text, len, 0, NULL), *process, *any;
	assert_non_null(file);
	unsigned keys = 0;
	json_array_foreach(json_object_get(file, "processes"), i, process)
	{
		const char *key;
		json_object_foreach(process, key, any)
		{
			assert_non_null(json_object_get(properties, key));
			keys++;
		}
	}
	assert_true(keys > 30);
	json_decref(file);
	json_decref(schema);
	free(text);
	tree_free(t);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fact_of_the_sample_is_read),
		cmocka_unit_test(what_is_written_is_read_and_written_the_same),
		cmocka_unit_test(bytes_with_a_nul_keep_their_length),
		cmocka_unit_test(all_good_trees_survive_writing),
		cmocka_unit_test(a_file_cut_at_any_byte_is_refused_with_its_line),
		cmocka_unit_test(any_byte_turned_into_nul_is_refused),
		cmocka_unit_test(strings_of_ten_megabytes_are_refused_by_field),
		cmocka_unit_test(the_longest_strings_are_accepted),
		cmocka_unit_test(nesting_of_a_million_brackets_is_refused),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
		cmocka_unit_test(a_hundred_thousand_processes_are_read),
		cmocka_unit_test(each_failing_allocation_of_the_parser_is_reported),
		cmocka_unit_test(the_reader_knows_every_key_of_the_schema),
		cmocka_unit_test(the_schema_knows_every_key_that_is_written),
	};
	if (argc != 3) {
		fprintf(stderr, "usage: %s DIRECTORY SCHEMA\n", argv[0]);
		return 2;
	}
	good_dir = argv[1];
	schema_path = argv[2];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("tree files", tests, NULL, NULL);
}
