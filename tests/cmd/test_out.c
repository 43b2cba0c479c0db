/* SPDX-License-Identifier: MIT */
/*
 * test_out.c: what the command makes of numbers, bytes and errors before anybody sees them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "settid/cmd.h"
#include "settid/out.h"

static void assert_json(json_t *value, const char *want)
{
	assert_non_null(value);
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	assert_string_equal(text, want);
	free(text);
	json_decref(value);
}

static void utf8_is_a_json_string(void **state)
{
	(void)state;
	assert_json(json_bytes("caf\xc3\xa9", 5), "\"caf\xc3\xa9\"");
	assert_json(json_bytes("", 0), "\"\"");
}

static void other_bytes_are_hex(void **state)
{
	(void)state;
	assert_json(json_bytes("f\xc3", 2), "{\"hex\":\"66c3\"}");
	assert_json(json_bytes("a\0b", 3), "{\"hex\":\"610062\"}");
	assert_json(json_bytes("\xed\xa0\x80", 3), "{\"hex\":\"eda080\"}"); /* a surrogate */
}

static void an_error_holds_all_that_is_known(void **state)
{
	(void)state;
	struct settid_error e = {
		.code = -EEXIST,
		.reason = SETTID_REASON_TAKEN,
		.level = 1,
		.ns_level = 2,
		.number = 42,
		.holder = SETTID_HOLDER_ZOMBIE,
		.holder_pid = 7,
		.holder_parent = 17,
		.holder_comm = "b\xffsh",
		.step_index = -1,
		.text = "set_tid[1] = 42 is held",
	};

	assert_json(
		json_settid_error(&e),
		"{\"errno\":\"EEXIST\",\"reason\":\"taken\",\"level\":1,\"ns_level\":2,\"number\":42,"
		"\"holder\":{\"kind\":\"zombie\",\"pid\":7,\"parent\":17,\"comm\":{\"hex\":\"62ff7368\"}},"
		"\"message\":\"set_tid[1] = 42 is held\"}");
}

static void what_an_error_does_not_know_is_absent(void **state)
{
	(void)state;
	struct settid_error e = {
		.code = -ENOENT, .level = -1, .ns_level = -1, .step = SETTID_STEP_EXEC, .step_index = -1
	};

	assert_json(json_settid_error(&e), "{\"errno\":\"ENOENT\",\"reason\":\"system\",\"step\":\"exec\"}");
}

static void an_errno_without_a_name_keeps_its_number(void **state)
{
	(void)state;
	char buf[16];

	assert_string_equal(errno_name(-ESRCH, buf), "ESRCH");
	assert_string_equal(errno_name(-999, buf), "E999");
}

static void a_tree_error_says_its_place(void **state)
{
	(void)state;
	struct tree_error e = { .code = -EINVAL, .line = 3, .pid = 42, .field = "pgid", .text = "no" };

	assert_json(json_tree_error(&e),
		    "{\"errno\":\"EINVAL\",\"line\":3,\"pid\":42,\"field\":\"pgid\",\"message\":\"no\"}");
}

static void text_is_wrapped_between_words_only(void **state)
{
	(void)state;
	char text[] = "four word here and incomprehensibilities x", short_text[] = "ten bytes!";

	out_wrap(text, 10);
	assert_string_equal(text, "four word\nhere and\nincomprehensibilities\nx");
	out_wrap(short_text, 10);
	assert_string_equal(short_text, "ten bytes!");
}

static void numbers_are_taken_whole_and_within_bounds(void **state)
{
	(void)state;
	uint64_t n = 77;

	assert_int_equal(parse_number("5", 5, 7, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(parse_number("0007", 5, 7, &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(parse_number("4", 5, 7, &n), -ERANGE);
	assert_int_equal(parse_number("8", 5, 7, &n), -ERANGE);
	assert_int_equal(parse_number("18446744073709551615", 0, UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(parse_number("18446744073709551616", 0, UINT64_MAX, &n), -ERANGE);
	assert_int_equal(parse_number("5 ", 5, 7, &n), -EINVAL);
	assert_int_equal(parse_number("", 0, 7, &n), -EINVAL);
}

static void seconds_have_three_decimals_at_most(void **state)
{
	(void)state;
	uint64_t ms = 0;

	assert_int_equal(parse_seconds("90", &ms), 0);
	assert_int_equal(ms, 90000);
	assert_int_equal(parse_seconds("1.5", &ms), 0);
	assert_int_equal(ms, 1500);
	assert_int_equal(parse_seconds("0.007", &ms), 0);
	assert_int_equal(ms, 7);
	assert_int_equal(parse_seconds("1.", &ms), -EINVAL);
	assert_int_equal(parse_seconds(".5", &ms), -EINVAL);
	assert_int_equal(parse_seconds("1.2345", &ms), -EINVAL);
	assert_int_equal(parse_seconds("1000001", &ms), -ERANGE);
}

static void lists_keep_their_order_and_their_bounds(void **state)
{
	(void)state;
	pid_t pids[3] = { 0 };
	size_t len = 0;

	assert_int_equal(parse_pid_list("1,42,31496", pids, 3, &len), 0);
	assert_int_equal(len, 3);
	assert_int_equal(pids[0], 1);
	assert_int_equal(pids[1], 42);
	assert_int_equal(pids[2], 31496);
	assert_int_equal(parse_pid_list("1,2,3,4", pids, 3, &len), -E2BIG);
	assert_int_equal(parse_pid_list("1,,2", pids, 3, &len), -EINVAL);
}

static void work_for(struct progress *p, unsigned ms)
{
	for (unsigned spent = 0; spent < ms; spent += 50) {
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
		progress_update(p, 10 + spent);
	}
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A child works for `ms` with `fd` as its stderr; bytes that came out of `from` meanwhile. */
static size_t bytes_of_progress(int fd, int from, unsigned ms, char *bytes, size_t size)
{
	struct progress p;
	pid_t child = fork();

	if (child == 0) {
		dup2(fd, STDERR_FILENO);
		progress_begin(&p, "restoring", "processes", 4000);
		work_for(&p, ms);
		progress_end(&p);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	fcntl(from, F_SETFL, O_NONBLOCK);
	size_t len = 0;
	ssize_t n; /* a terminal gives what it has piece by piece */
	while (len + 1 < size && (n = read(from, bytes + len, size - 1 - len)) > 0)
		len += (size_t)n;
	bytes[len] = '\0';
	return len;
}

static int open_terminal(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	*slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(*slave >= 0);
	return master;
}

static void progress_is_shown_after_a_second_and_wiped(void **state)
{
	(void)state;
	char bytes[8192];
	int slave, master = open_terminal(&slave);

	assert_int_not_equal(bytes_of_progress(slave, master, 1400, bytes, sizeof bytes), 0);
	assert_non_null(strstr(bytes, "restoring "));
	assert_non_null(strstr(bytes, " of 4000 processes, "));
	assert_non_null(strstr(bytes, "/s"));
	assert_string_equal(bytes + strlen(bytes) - 4, "\r\033[K");
	close(slave);
	close(master);
}

static void progress_of_what_is_quick_is_not_shown(void **state)
{
	(void)state;
	char bytes[8192];
	int slave, master = open_terminal(&slave);
	size_t shown = 1;
	long spent = 1000;

	for (int tries = 0; tries < 20 && spent >= 1000; tries++) { /* a busy machine may be slow at it */
		long begun = now_ms();
		shown = bytes_of_progress(slave, master, 300, bytes, sizeof bytes);
		spent = now_ms() - begun;
	}
	assert_int_equal(shown, 0);
	close(slave);
	close(master);
}

static void progress_never_reaches_a_pipe(void **state)
{
	(void)state;
	char bytes[64];
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(bytes_of_progress(fds[1], fds[0], 1200, bytes, sizeof bytes), 0);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_a_json_string),
		cmocka_unit_test(other_bytes_are_hex),
		cmocka_unit_test(an_error_holds_all_that_is_known),
		cmocka_unit_test(what_an_error_does_not_know_is_absent),
		cmocka_unit_test(an_errno_without_a_name_keeps_its_number),
		cmocka_unit_test(a_tree_error_says_its_place),
		cmocka_unit_test(text_is_wrapped_between_words_only),
		cmocka_unit_test(numbers_are_taken_whole_and_within_bounds),
		cmocka_unit_test(seconds_have_three_decimals_at_most),
		cmocka_unit_test(lists_keep_their_order_and_their_bounds),
		cmocka_unit_test(progress_is_shown_after_a_second_and_wiped),
		cmocka_unit_test(progress_of_what_is_quick_is_not_shown),
		cmocka_unit_test(progress_never_reaches_a_pipe),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
