/* SPDX-License-Identifier: MIT */
/*
 * test_validate.c: malformed and impossible tree files, each refused with the sentence that expected.txt has for it.
 *
 * Usage:   test_validate DIRECTORY   (NAME.json files and expected.txt: NAME, a tab, the sentence)
 * Keeps:   one test per file; a file without a sentence and a sentence without a file are failures.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tree/tree.h"

#define ROWS_MAX 400

struct row {
	char *name, *want, *title;
};

static struct row rows[ROWS_MAX];
static size_t rows_len;

static void refused_as_expected(void **state)
{
	const struct row *row = *state;
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char path[300];
	snprintf(path, sizeof path, "%s.json", row->name);
	int r = tree_read_file(path, &t, &err);
	assert_null(t);
	assert_true(r < 0);
	assert_int_equal(err.code, r);
	assert_string_equal(err.text, row->want);
	assert_memory_equal(err.text, path, strlen(path));
	assert_int_equal(err.text[strlen(path)], ':');
}

static const struct row *find_row(const char *name, size_t len)
{
	for (size_t i = 0; i < rows_len; i++)
		if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
			return &rows[i];
	return NULL;
}

static void every_file_has_its_sentence(void **state)
{
	(void)state;
	DIR *dir = opendir(".");
	assert_non_null(dir);
	size_t files = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		const char *dot = strrchr(e->d_name, '.');
		if (!dot || strcmp(dot, ".json") != 0)
			continue;
		if (!find_row(e->d_name, (size_t)(dot - e->d_name)))
			fail_msg("%s has no sentence in expected.txt", e->d_name);
		files++;
	}
	closedir(dir);
	assert_int_equal(files, rows_len);
	assert_true(files >= 60);
}

/* What a sentence is about has to be found again: a line wherever the file has one to blame. */
static void the_place_is_a_line_and_a_process_or_field(void **state)
{
	(void)state;
	size_t with_line = 0, with_field = 0;
	for (size_t i = 0; i < rows_len; i++) {
		const char *colon = strchr(rows[i].want, ':');
		with_line += colon && colon[1] >= '1' && colon[1] <= '9';
		with_field += strstr(rows[i].want, "field '") != NULL;
	}
	assert_true(rows_len - with_line <= 4); /* a missing "settid", "processes" or process has no line */
	assert_true(with_field > 90);
}

static struct tree *two_processes(int32_t second, int32_t ppid)
{
	struct tree *t = tree_new(NULL);
	assert_non_null(t);
	for (int i = 0; i < 2; i++) {
		struct tree_process *p = tree_process_add(t);
		int32_t *nspid = tree_alloc(t, sizeof *nspid);
		assert_true(p && nspid);
		*nspid = i ? second : 10;
		p->nspid = nspid;
		p->levels = 1;
		p->ppid = i ? ppid : 0;
	}
	return t;
}

static void a_tree_that_was_never_a_file_is_checked_too(void **state)
{
	(void)state;
	struct tree_error err = { 0 };
	struct tree *t = two_processes(4194304, 10);
	assert_true(tree_validate(t, &err) < 0);
	assert_string_equal(
		err.text,
		"process 4194304: field 'nspid': 4194304 at level 0 is no number from 1 to 4194303");
	tree_free(t);
}

static void the_root_comes_first_and_the_rest_keeps_its_order(void **state)
{
	(void)state;
	struct tree_error err = { 0 };
	struct tree *t = two_processes(11, 0);
	t->processes[0].ppid = 11;
	assert_int_equal(tree_validate(t, &err), 0);
	assert_int_equal(t->processes[0].nspid[0], 11);
	assert_int_equal(t->processes[1].parent, 0);
	assert_int_equal(tree_find(t, 10), 1);
	assert_int_equal(tree_validate(t, &err), 0); /* again, to the same end */
	assert_int_equal(t->processes[0].nspid[0], 11);
	assert_int_equal(t->namespaces_len, 1);
	tree_free(t);
}

static struct tree *read_text(const char *processes)
{
	char text[2048];
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	snprintf(text, sizeof text, "{\"settid\": 1, \"processes\": [%s]}", processes);
	if (tree_read_buffer(text, strlen(text), "text", &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

#define LIVE "\"pgid\": 0, \"sid\": 0, \"state\": \"live\""

static void a_namespace_follows_from_parent_and_numbers(void **state)
{
	(void)state;
	struct tree *t = read_text("{\"nspid\": [10], \"ppid\": 0, " LIVE "},"
				   "{\"nspid\": [11, 1], \"ppid\": 10, " LIVE "},"
				   "{\"nspid\": [12, 2], \"ppid\": 11, " LIVE "},"
				   "{\"nspid\": [13, 3], \"ppid\": 10, " LIVE "},"
				   "{\"nspid\": [14, 4, 1], \"ppid\": 10, " LIVE "}");
	const struct tree_process *p = t->processes;
	assert_int_equal(t->namespaces_len, 3);
	assert_int_equal(p[0].ns, 0);
	assert_int_equal(t->namespaces[p[1].ns].init, 1);
	assert_int_equal(p[2].ns, p[1].ns);
	assert_int_equal(p[3].ns, p[1].ns); /* put in from outside; only one is possible */
	assert_int_equal(t->namespaces[p[4].ns].parent, p[1].ns);
	assert_int_equal(p[2].children_ns, p[2].ns);
	tree_free(t);
}

static void a_label_tells_namespaces_apart(void **state)
{
	(void)state;
	struct tree *t = read_text("{\"nspid\": [10], \"ppid\": 0, " LIVE "},"
				   "{\"nspid\": [11, 1], \"ppid\": 10, \"ns\": \"a\", " LIVE "},"
				   "{\"nspid\": [12, 1], \"ppid\": 10, \"ns\": \"b\", " LIVE "},"
				   "{\"nspid\": [13, 5], \"ppid\": 10, \"ns\": \"b\", " LIVE "},"
				   "{\"nspid\": [14, 5, 1], \"ppid\": 10, \"ns\": \"a/x\", " LIVE "}");
	const struct tree_process *p = t->processes;
	assert_int_equal(p[3].ns, p[2].ns);
	assert_int_equal(t->namespaces[p[4].ns].parent, p[1].ns); /* by what stands before the slash */
	tree_free(t);
}

static void childrens_namespace_holds_children_without_label(void **state)
{
	(void)state;
	struct tree *t = read_text("{\"nspid\": [10], \"ppid\": 0, \"children_ns\": \"c\", " LIVE "},"
				   "{\"nspid\": [11, 1], \"ppid\": 10, " LIVE "},"
				   "{\"nspid\": [12, 2], \"ppid\": 10, " LIVE "}");
	assert_int_equal(t->namespaces_len, 2);
	assert_int_equal(t->processes[0].children_ns, 1);
	assert_int_equal(t->processes[1].ns, 1);
	assert_int_equal(t->processes[2].ns, 1);
	tree_free(t);
}

static void a_namespace_that_nobody_lives_in_is_inside_the_innermost_that_names_it(void **state)
{
	(void)state;
	struct tree *t = read_text(
		"{\"nspid\": [10], \"ppid\": 0, \"children_ns\": \"gone\", " LIVE "},"
		"{\"nspid\": [11, 1], \"ppid\": 10, \"ns\": \"n\", \"children_ns\": \"gone\", " LIVE "},"
		"{\"nspid\": [12], \"ppid\": 10, \"children_ns\": \"gone\", " LIVE "}");
	assert_int_equal(t->namespaces_len, 3);
	assert_int_equal(t->processes[1].ns, 1);
	assert_int_equal(t->namespaces[2].parent, 1);
	assert_int_equal(t->namespaces[2].level, 2);
	for (int k = 0; k < 3; k++)
		assert_int_equal(t->processes[k].children_ns, 2);
	tree_free(t);
}

static void an_init_has_others_beside_it_that_came_from_outside(void **state)
{
	(void)state;
	struct tree *t = read_text("{\"nspid\": [40], \"ppid\": 0, " LIVE "},"
				   "{\"nspid\": [1], \"ppid\": 0, " LIVE "},"
				   "{\"nspid\": [41], \"ppid\": 40, " LIVE "}");
	assert_int_equal(t->processes[0].nspid[0], 1);
	assert_int_equal(t->processes[2].parent, 1);
	tree_free(t);
}

static void read_rows(FILE *f)
{
	char line[1024];
	while (rows_len < ROWS_MAX && fgets(line, sizeof line, f)) {
		char *tab = strchr(line, '\t');
		if (!tab)
			continue;
		*tab = '\0';
		tab[1 + strcspn(tab + 1, "\n")] = '\0';
		struct row *row = &rows[rows_len++];
		row->name = strdup(line);
		row->want = strdup(tab + 1);
		if (asprintf(&row->title, "refused: %s", line) < 0)
			abort();
	}
}

static void free_rows(void)
{
	for (size_t i = 0; i < rows_len; i++) {
		free(rows[i].name);
		free(rows[i].want);
		free(rows[i].title);
	}
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[ROWS_MAX + 10] = {
		cmocka_unit_test(every_file_has_its_sentence),
		cmocka_unit_test(the_place_is_a_line_and_a_process_or_field),
		cmocka_unit_test(a_tree_that_was_never_a_file_is_checked_too),
		cmocka_unit_test(the_root_comes_first_and_the_rest_keeps_its_order),
		cmocka_unit_test(a_namespace_follows_from_parent_and_numbers),
		cmocka_unit_test(a_label_tells_namespaces_apart),
		cmocka_unit_test(childrens_namespace_holds_children_without_label),
		cmocka_unit_test(a_namespace_that_nobody_lives_in_is_inside_the_innermost_that_names_it),
		cmocka_unit_test(an_init_has_others_beside_it_that_came_from_outside),
	};
	size_t n = 8;
	FILE *f = argc == 2 && chdir(argv[1]) == 0 ? fopen("expected.txt", "re") : NULL;
	if (!f) {
		fprintf(stderr, "usage: %s DIRECTORY (with expected.txt in it)\n", argv[0]);
		return 2;
	}
	read_rows(f);
	fclose(f);
	for (size_t i = 0; i < rows_len; i++)
		tests[n++] = (struct CMUnitTest){ .name = rows[i].title,
						  .test_func = refused_as_expected,
						  .initial_state = &rows[i] };
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int r = _cmocka_run_group_tests("malformed trees", tests, n, NULL, NULL);
	free_rows();
	return r;
}
