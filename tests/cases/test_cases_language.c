/* SPDX-License-Identifier: MIT */
/*
 * test_cases_language.c: the reader and the runner of the line language, without a kernel: what is refused and
 * where, what values mean, and that a row sees of a backend's answers what it asks for.
 */
#include "backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int parse(struct case_table *table, const char *text)
{
	static char copy[1024];
	struct case_text source = { "t", copy };

	snprintf(copy, sizeof copy, "%s", text);
	return case_parse(table, &source, 1);
}

static void refused(const char *text, const char *message)
{
	struct case_table table;

	assert_int_equal(parse(&table, text), -EINVAL);
	assert_string_equal(table.error, message);
	case_table_done(&table);
}

static void an_error_names_file_line_and_column(void **state)
{
	(void)state;
	refused("case A a\nwant 1\ninit frok   ? {}\n", "t:3:6: no operation 'frok'");
	refused("case A a\nwant 1\nx getpid   ? {}\n", "t:3:1: no actor 'x'");
	refused("case A a\nwant 1\ninit kill pid=1 sgi=0   ? {}\n", "t:3:17: kill has no argument 'sgi'");
	refused("case A a\nwant 1\ninit kill pid=$b sig=0   ? {}\n", "t:3:15: pid: no such name or field");
	refused("case A a\nwant 1\ninit kill pid=1 sig=BILL   ? {}\n",
		"t:3:21: sig: not a number, nor a constant of this argument");
	refused("init getpid\n", "t:1:1: 'init' before the first row");
}

static void a_row_that_could_not_fail_is_refused(void **state)
{
	(void)state;
	refused("case A a\ninit getpid   ? {}\n", "t:1:1: A asks or wants nothing");
	refused("case A a\nwant 1\ninit getpid\n", "t:1:1: A asks or wants nothing");
}

static void names_are_unique(void **state)
{
	(void)state;
	refused("case A a\nwant 1\nx = init fork\nx = init fork   ? {}\n", "t:4:1: the name 'x' is in use");
	refused("case A a\nwant 1\ninit getpid ? {}\ncase A b\n", "t:4:6: there is another row 'A'");
	refused("case A a\nneeds wings\n", "t:2:7: no feature 'wings'");
}

static int64_t value_of(const char *text)
{
	struct op_scope scope = { NULL, NULL, NULL };
	int64_t value = 0;

	assert_null(op_eval(&scope, text, text + strlen(text), &value));
	return value;
}

static void values_are_joined_from_left_to_right(void **state)
{
	(void)state;
	assert_int_equal(value_of("0x10|1"), 17);
	assert_int_equal(value_of("256+7"), 263);
	assert_int_equal(value_of("-5+2"), -3);
	assert_true((uint64_t)value_of("0x8000000000000000") == 1ULL << 63);
}

static void lists_repeat_and_count(void **state)
{
	struct op_scope scope = { NULL, NULL, NULL };
	int32_t list[OP_SET_TID_MAX];
	uint32_t len;

	(void)state;
	assert_null(op_eval_list(&scope, "1,7*3,20..22", list, &len));
	assert_int_equal(len, 7);
	assert_memory_equal(list, ((int32_t[]){ 1, 7, 7, 7, 20, 21, 22 }), 7 * sizeof *list);
	assert_string_equal(op_eval_list(&scope, "1*41", list, &len), "the list is too long");
	assert_non_null(op_eval_list(&scope, "1,,2", list, &len));
}

/* --- a backend of paper: each operation's answer is fixed ------------------------------------------- */

static int paper_open(void **world, char why[128])
{
	static int seen;

	*world = &seen;
	why[0] = '\0';
	return 0;
}

static int paper_close(void *world)
{
	(void)world;
	return 0;
}

/* Children get 7 here and 70 outside; kill is refused; wait4 blocks. */
static void paper_step(void *world, const struct op *op, struct op_answer *answer)
{
	(void)world;
	answer->kind = op->code == OP_WAIT4 ? ANSWER_BLOCKS : op->code == OP_KILL ? ANSWER_ERROR : ANSWER_OK;
	answer->err = ESRCH;
	answer->field[FIELD_RET] = op->code == OP_GETPGID ? op->arg[KEY_PID] : 7;
	answer->field[FIELD_STATUS] = 9;
	if (op->child > 0) {
		answer->nspid_len = op->child == CASE_INIT ? 2 : 3;
		memcpy(answer->nspid, ((int32_t[]){ 70, 7, 1 }), 3 * sizeof *answer->nspid);
	}
}

static const struct case_backend paper = { "paper", paper_open, paper_step, paper_close };

static void answers(const char *steps, const char *words)
{
	struct case_facts facts = { .level = 5 };
	struct case_result result;
	struct case_table table;
	char text[512];

	snprintf(text, sizeof text, "case A a\nwant %s\n%s", words, steps);
	assert_int_equal(parse(&table, text), 0);
	case_run(&paper, &table.rows[0], &facts, &result);
	assert_string_equal(result.got, words);
	case_table_done(&table);
}

static void holes_show_what_was_asked(void **state)
{
	(void)state;
	answers("a = init fork   ? {} {?ok} {inner} {nspid} {nspid:2} {nspid@2} in={inner}\n",
		"7 ok 1 70/7/1 7/1 70 in=1");
	answers("init wait4 pid=1   ? {}\ninit kill pid=1 sig=0   ? {?ok} {status!}\n", "blocks ESRCH sig9");
	answers("a = init getpid\ninit getpid   ? {==$a?same:other} {==8?same:other} +{-$a} {$a+1} {$L}\n",
		"same other +0 8 5");
}

static void a_name_is_the_number_its_reader_sees(void **state)
{
	(void)state;
	/* a lives one level below init: init sees it as 7, it sees itself as 1. */
	answers("a = init fork\ninit getpgid pid=$a   ? {}\na getpgid pid=$a   ? {}\n", "7 1");
}

static void a_step_of_nobody_is_a_dash(void **state)
{
	(void)state;
	answers("a = init kill pid=1 sig=0\na getpid   ? {}\n", "-");
}

static void a_row_for_another_backend_is_skipped_with_its_reason(void **state)
{
	struct case_facts facts = { .features = 0 };
	struct case_table table;

	(void)state;
	assert_int_equal(parse(&table,
			       "case A a\nonly live: paper has no memory\nwant 7\ninit getpid   ? {}\n"
			       "case B b\nonly paper: kernels do not burn\nwant 7\ninit getpid   ? {}\n"),
			 0);
	assert_string_equal(case_skip_reason(&paper, &table, &table.rows[0], &facts), "paper has no memory");
	assert_null(case_skip_reason(&paper, &table, &table.rows[1], &facts));
	case_table_done(&table);
}

static void a_missing_feature_chooses_its_own_answer(void **state)
{
	struct case_facts without = { .features = 0 }, with = { .features = 1 };
	struct case_result result;
	struct case_table table;

	(void)state;
	assert_int_equal(parse(&table, "feature F f\nwant 7\ninit getpid   ? {}\n"
				       "case A a\nwant 7\nwant without F: 8\ninit getpid   ? {}\n"
				       "case B b\nneeds F\nwant 7\ninit getpid   ? {}\n"),
			 0);
	assert_true(case_run(&paper, &table.rows[1], &with, &result));
	assert_false(case_run(&paper, &table.rows[1], &without, &result));
	assert_string_equal(result.want, "8");
	assert_null(case_skip_reason(&paper, &table, &table.rows[2], &with));
	assert_string_equal(case_skip_reason(&paper, &table, &table.rows[2], &without), "f");
	case_table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_names_file_line_and_column),
		cmocka_unit_test(a_row_that_could_not_fail_is_refused),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(values_are_joined_from_left_to_right),
		cmocka_unit_test(lists_repeat_and_count),
		cmocka_unit_test(holes_show_what_was_asked),
		cmocka_unit_test(a_name_is_the_number_its_reader_sees),
		cmocka_unit_test(a_step_of_nobody_is_a_dash),
		cmocka_unit_test(a_row_for_another_backend_is_skipped_with_its_reason),
		cmocka_unit_test(a_missing_feature_chooses_its_own_answer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
