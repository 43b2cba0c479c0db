/* SPDX-License-Identifier: MIT */
/*
 * test_dump_parse.c: the text of /proc as numbers: what is right is taken, what is cut short or too big is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree/proc_parse.h"

static const char stat_text[] =
	"5718 (cat) T 5709 5710 2595 34816 -1 4194304 101 0 0 0 0 0 0 0 20 0 3 0 104805 3133440 413 "
	"18446744073709551615 94450357395456 94450357415337 140734145994368 0 0 0 0 0 0 0 0 0 10 1 0 0 0 0 0 "
	"94450357431344 94450357432960 94450501840896 140734145997439 140734145997459 140734145997459 "
	"140734145998827 19\n";

static const char status_text[] =
	"Name:\ta\\nb\\\\c\nUmask:\t0022\nState:\tZ (zombie)\nTgid:\t3\nPid:\t3\nPPid:\t1\n"
	"TracerPid:\t77\nUid:\t0\t0\t0\t0\nNStgid:\t3\t2\t1\nNSpid:\t3\t2\t1\nNSpgid:\t3\t2\t0\n"
	"NSsid:\t1\t0\t0\nVmPeak:\t1 kB\n";

/* In a buffer that ends where the text does, so that a sanitizer sees a look behind it. */
static int parse_stat_exactly(const char *text, size_t len, struct proc_stat *out)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	int e = proc_parse_stat(copy, len, out);
	free(copy);
	return e;
}

static int parse_status_exactly(const char *text, size_t len, struct proc_status *out)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	int e = proc_parse_status(copy, len, out);
	free(copy);
	return e;
}

static void stat_gives_its_fields(void **state)
{
	struct proc_stat s;

	(void)state;
	assert_int_equal(proc_parse_stat(stat_text, sizeof stat_text - 1, &s), 0);
	assert_int_equal(s.comm_len, 3);
	assert_memory_equal(s.comm, "cat", 3);
	assert_int_equal(s.state, 'T');
	assert_int_equal(s.ppid, 5709);
	assert_int_equal(s.pgid, 5710);
	assert_int_equal(s.sid, 2595);
	assert_int_equal(s.threads, 3);
	assert_int_equal(s.start, 104805);
	assert_int_equal(s.notify, 10);
	assert_int_equal(s.code, 19);
}

static void a_name_with_parentheses_does_not_mislead_stat(void **state)
{
	char text[512] = "9 () Z 1 2 3 4 (\n) ";
	struct proc_stat s;

	(void)state;
	strcat(text, strchr(stat_text, 'T'));
	assert_int_equal(proc_parse_stat(text, strlen(text), &s), 0);
	assert_int_equal(s.state, 'T');
	assert_int_equal(s.comm_len, strlen(") Z 1 2 3 4 (\n"));
}

/* Only the last field may be shorter and still be a number. */
static void stat_cut_anywhere_is_refused(void **state)
{
	struct proc_stat s;

	(void)state;
	for (size_t len = 0; len < sizeof stat_text - 4; len++)
		assert_int_equal(parse_stat_exactly(stat_text, len, &s), -EBADMSG);
	assert_int_equal(parse_stat_exactly(stat_text, sizeof stat_text - 2, &s), 0);
}

static void a_number_that_does_not_fit_is_refused(void **state)
{
	char text[] = "1 (x) S 2147483648 1 1 0 -1 0 0 0 0 0 0 0 0 0 0 0 1 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
		      "17 0 0 0 0 0 0 0 0 "
		      "0 0 0 0 0 0 0";
	struct proc_stat s;

	(void)state;
	assert_int_equal(proc_parse_stat(text, strlen(text), &s), -EBADMSG);
	memcpy(strstr(text, "2147483648"), "2147483647", 10);
	assert_int_equal(proc_parse_stat(text, strlen(text), &s), 0);
	assert_int_equal(s.ppid, 2147483647);
}

static void status_gives_its_columns(void **state)
{
	struct proc_status s;
	char name[16];

	(void)state;
	assert_int_equal(proc_parse_status(status_text, sizeof status_text - 1, &s), 0);
	assert_int_equal(s.state, 'Z');
	assert_int_equal(s.tgid, 3);
	assert_int_equal(s.tracer, 77);
	assert_int_equal(s.nspid.len, 3);
	assert_int_equal(s.nspid.number[2], 1);
	assert_int_equal(s.nspgid.number[1], 2);
	assert_int_equal(s.nspgid.number[2], 0);
	assert_int_equal(s.nssid.number[0], 1);
	size_t len = proc_unescape(s.name, s.name_len, name);
	assert_int_equal(len, 5);
	assert_memory_equal(name, "a\nb\\c", 5);
}

static void status_cut_before_its_last_column_is_refused(void **state)
{
	struct proc_status s;
	size_t needed = (size_t)(strstr(status_text, "VmPeak") - status_text) - 2; /* "0\n" */

	(void)state;
	for (size_t len = 0; len < needed; len++)
		assert_int_equal(parse_status_exactly(status_text, len, &s), -EBADMSG);
	assert_int_equal(parse_status_exactly(status_text, needed + 2, &s), 0);
}

static void more_columns_than_there_can_be_levels_are_refused(void **state)
{
	char text[1024] = "Name:\tx\nState:\tS\nNSpid:";
	struct proc_status s;

	(void)state;
	for (int i = 0; i < TREE_LEVEL_MAX + 1; i++)
		strcat(text, "\t1");
	strcat(text, "\n");
	assert_int_equal(proc_parse_status(text, strlen(text), &s), -EBADMSG);
}

static void escapes_of_a_name_are_undone(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain", "plain" }, { "a\\nb", "a\nb" }, { "\\\\", "\\" }, { "\\134n", "\\n" },
		{ "\\012", "\n" },    { "\\", "\\" },      { "x\\", "x\\" }, { "\\01", "01" },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t len = proc_unescape(rows[i].in, strlen(rows[i].in), out);
		out[len] = '\0';
		assert_string_equal(out, rows[i].out);
	}
}

static void a_namespace_link_gives_its_inode(void **state)
{
	static const char good[] = "pid:[4026531836]", open_end[] = "pid:[4026531836", none[] = "/somewhere";

	(void)state;
	assert_int_equal(proc_parse_ns(good, sizeof good - 1), 4026531836);
	assert_int_equal(proc_parse_ns(open_end, sizeof open_end - 1), 0);
	assert_int_equal(proc_parse_ns(none, sizeof none - 1), 0);
}

static void names_that_are_no_numbers_are_told(void **state)
{
	static const char *const no[] = { "", "self", "12x", "-1", ".", "..", "99999999999", " 1" };

	(void)state;
	assert_int_equal(proc_parse_pid("4711"), 4711);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_int_equal(proc_parse_pid(no[i]), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_gives_its_fields),
		cmocka_unit_test(a_name_with_parentheses_does_not_mislead_stat),
		cmocka_unit_test(stat_cut_anywhere_is_refused),
		cmocka_unit_test(a_number_that_does_not_fit_is_refused),
		cmocka_unit_test(status_gives_its_columns),
		cmocka_unit_test(status_cut_before_its_last_column_is_refused),
		cmocka_unit_test(more_columns_than_there_can_be_levels_are_refused),
		cmocka_unit_test(escapes_of_a_name_are_undone),
		cmocka_unit_test(a_namespace_link_gives_its_inode),
		cmocka_unit_test(names_that_are_no_numbers_are_told),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
