/* SPDX-License-Identifier: MIT */
/* test_errors.c: the one table of sentences: every reason, holder and step has words, on one line, that fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "libsettid/internal.h"

static struct settid_error told(struct settid_error facts)
{
	struct settid_error err;

	memset(&err, 0xee, sizeof err);
	assert_int_equal(settid__fail_facts(&err, &facts), facts.code);
	assert_int_equal(err.code, facts.code);
	assert_non_null(memchr(err.text, '\0', sizeof err.text));
	assert_true(strlen(err.text) > 5);
	assert_null(strchr(err.text, '\n'));
	assert_true(err.text[strlen(err.text) - 1] != ' ' && err.text[strlen(err.text) - 1] != '.');
	return err;
}

static void every_reason(void **state)
{
	(void)state;
	for (int reason = 0; reason <= SETTID_REASON_ARGUMENT; reason++)
		for (int level = -1; level < 2; level++)
			for (int number = 0; number < 43; number += 42) {
				struct settid_error facts =
					settid__facts(-EINVAL, (enum settid_reason)reason);

				facts.level = level;
				facts.number = number;
				told(facts);
			}
}

static void every_name(void **state)
{
	(void)state;
	for (int i = 0; i <= SETTID_REASON_ARGUMENT; i++)
		assert_string_not_equal(settid_reason_name((enum settid_reason)i), "?");
	for (int i = 0; i <= SETTID_HOLDER_UNSEEN; i++)
		assert_string_not_equal(settid_holder_name((enum settid_holder)i), "?");
	for (int i = 0; i < SETTID_STEP_COUNT; i++)
		assert_string_not_equal(settid_step_name((enum settid_step)i), "?");
	for (int i = 0; i <= SETTID_METHOD_NS_LAST_PID; i++)
		assert_string_not_equal(settid_method_name((enum settid_method)i), "?");
}

static void names_out_of_range(void **state)
{
	(void)state;
	assert_string_equal(settid_reason_name((enum settid_reason)(SETTID_REASON_ARGUMENT + 1)), "?");
	assert_string_equal(settid_holder_name((enum settid_holder) - 1), "?");
	assert_string_equal(settid_step_name(SETTID_STEP_COUNT), "?");
	assert_string_equal(settid_method_name((enum settid_method)99), "?");
}

static const struct sentence {
	enum settid_holder holder;
	int level;
	pid_t number, pid, parent;
	int members;
	const char *comm, *want;
} sentences[] = {
	{ SETTID_HOLDER_ZOMBIE, 1, 42, 42, 17, 0, "bash",
	  "set_tid[1] = 42 is held by a zombie, child of 17 (bash)" },
	{ SETTID_HOLDER_ZOMBIE, 0, 42, 42, 0, 0, "",
	  "set_tid[0] = 42 is held by a zombie, child of a process that is not visible here" },
	{ SETTID_HOLDER_GROUP, 2, 31496, 31500, 0, 3, "sleep",
	  "set_tid[2] = 31496 is still a process group's number: 31500 (sleep) and 2 more are its members" },
	{ SETTID_HOLDER_GROUP, 0, 7, 9, 0, 2, "cat",
	  "set_tid[0] = 7 is still a process group's number: 9 (cat) and 1 more are its members" },
	{ SETTID_HOLDER_SESSION, 0, 7, 9, 0, 1, "cat",
	  "set_tid[0] = 7 is still a session's number: 9 (cat) is its only member" },
	{ SETTID_HOLDER_PROCESS, 0, 42, 42, 0, 0, "sh",
	  "set_tid[0] = 42 is held by a live process, 42 (sh)" },
	{ SETTID_HOLDER_PROCESS, 2, 42, 0, 0, 0, "sh",
	  "set_tid[2] = 42 is held by a live process, sh (no number here)" },
	{ SETTID_HOLDER_THREAD, 0, 43, 42, 0, 0, "java", "set_tid[0] = 43 is held by a thread of 42 (java)" },
	{ SETTID_HOLDER_DEAD_LEADER, 0, 42, 42, 0, 0, "x",
	  "set_tid[0] = 42 is held by the dead leader of 42 (x), whose other threads live" },
	{ SETTID_HOLDER_UNSEEN, 1, 42, 0, 0, 0, "",
	  "set_tid[1] = 42 is taken by somebody who is not visible from here" },
	{ SETTID_HOLDER_NONE, 1, 42, 0, 0, 0, "",
	  "set_tid[1] = 42 was taken a moment ago, and looks free again" },
	{ SETTID_HOLDER_PROCESS, -1, 42, 42, 0, 0, "sh", "42 is held by a live process, 42 (sh)" },
};

static void holder_sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
		const struct sentence *s = &sentences[i];
		struct settid_error facts = settid__facts(-EEXIST, SETTID_REASON_TAKEN);

		facts.holder = s->holder;
		facts.level = s->level;
		facts.number = s->number;
		facts.holder_pid = s->pid;
		facts.holder_parent = s->parent;
		facts.holder_members = s->members;
		strcpy(facts.holder_comm, s->comm);
		assert_string_equal(told(facts).text, s->want);
	}
}

static void step_sentences(void **state)
{
	struct settid_error facts = settid__facts(-ENOENT, SETTID_REASON_STEP);

	(void)state;
	for (int step = 0; step < SETTID_STEP_COUNT; step++) {
		facts.step = (enum settid_step)step;
		told(facts);
	}
	facts.step = SETTID_STEP_EXEC;
	assert_string_equal(told(facts).text,
			    "the new process could not execute the program: No such file or directory");
	facts.step = SETTID_STEP_FILE_ACTION;
	facts.step_index = 3;
	assert_string_equal(told(facts).text,
			    "the new process could not do file action 3: No such file or directory");
}

/* A name of 63 bytes at every place still ends in a terminated line. */
static void long_names_are_cut(void **state)
{
	struct settid_error facts = settid__facts(-EEXIST, SETTID_REASON_TAKEN), err;
	char long_text[1000];

	(void)state;
	facts.holder = SETTID_HOLDER_GROUP;
	memset(facts.holder_comm, 'x', sizeof facts.holder_comm - 1);
	told(facts);
	memset(long_text, 'y', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	assert_int_equal(settid__fail(&err, -EIO, SETTID_REASON_SYSTEM, "%s", long_text), -EIO);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void control_characters_are_replaced(void **state)
{
	struct settid_error facts = settid__facts(-EEXIST, SETTID_REASON_TAKEN), err;

	(void)state;
	facts.holder = SETTID_HOLDER_PROCESS;
	facts.holder_pid = 42;
	strcpy(facts.holder_comm, "a\nb\x1b");
	assert_non_null(strstr(told(facts).text, "(a?b?)"));
	assert_int_equal(settid__fail(&err, -EIO, SETTID_REASON_SYSTEM, "%s", "one\ntwo\x7f"), -EIO);
	assert_string_equal(err.text, "one?two?");
}

static void null_is_allowed(void **state)
{
	struct settid_error facts = settid__facts(-EEXIST, SETTID_REASON_TAKEN);

	(void)state;
	assert_int_equal(settid__fail_facts(NULL, &facts), -EEXIST);
	assert_int_equal(settid__failf(NULL, &facts, "%d", 1), -EEXIST);
	assert_int_equal(settid__fail(NULL, -EIO, SETTID_REASON_SYSTEM, "%d", 1), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "every reason has a sentence, with and without level and number", every_reason, NULL, NULL,
		  NULL },
		{ "every constant has a word", every_name, NULL, NULL, NULL },
		{ "a constant out of range is a question mark", names_out_of_range, NULL, NULL, NULL },
		{ "every holder has the sentence that the manual shows", holder_sentences, NULL, NULL, NULL },
		{ "every step of a child has a sentence with its errno", step_sentences, NULL, NULL, NULL },
		{ "what does not fit is cut and terminated", long_names_are_cut, NULL, NULL, NULL },
		{ "control characters of names are question marks", control_characters_are_replaced, NULL,
		  NULL, NULL },
		{ "err may be NULL", null_is_allowed, NULL, NULL, NULL },
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
