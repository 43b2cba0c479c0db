/* SPDX-License-Identifier: MIT */
/*
 * cmocka.h, in little: as much of cmocka's interface as the tests of this folder use, for machines that have a compiler and a
 * libc and no cmocka: the cross-compiled ones.
 *
 * Keeps:   a check that does not hold says where, and ends its test; each test is one line of TAP.
 */
#ifndef TINY_CMOCKA_H
#define TINY_CMOCKA_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test_func)(void **state);
	int (*setup_func)(void **state);
	int (*teardown_func)(void **state);
	void *initial_state;
};

__attribute__((weak)) jmp_buf tiny_failed; /* one, in however many files it is included */

static inline void tiny_fail(const char *file, int line, const char *what)
{
	printf("# %s:%d: %s\n", file, line, what);
	longjmp(tiny_failed, 1);
}

static inline void tiny_check(bool holds, const char *file, int line, const char *what)
{
	if (!holds)
		tiny_fail(file, line, what);
}

static inline void tiny_check_equal(uint64_t a, uint64_t b, bool equal, const char *file, int line,
				    const char *what)
{
	if ((a == b) == equal)
		return;
	printf("# %llx and %llx\n", (unsigned long long)a, (unsigned long long)b);
	tiny_fail(file, line, what);
}

#define TINY(holds, what) tiny_check((holds), __FILE__, __LINE__, what)
#define TINY_EQUAL(a, b, equal, what) \
	tiny_check_equal((uint64_t)(int64_t)(a), (uint64_t)(int64_t)(b), equal, __FILE__, __LINE__, what)
#define assert_true(a) TINY((a) != 0, #a " is false")
#define assert_false(a) TINY((a) == 0, #a " is true")
#define assert_null(a) TINY((a) == NULL, #a " is not NULL")
#define assert_non_null(a) TINY((a) != NULL, #a " is NULL")
#define assert_int_equal(a, b) TINY_EQUAL(a, b, true, #a " is not " #b)
#define assert_int_not_equal(a, b) TINY_EQUAL(a, b, false, #a " is " #b)
#define assert_ptr_equal(a, b) TINY((const void *)(a) == (const void *)(b), #a " is not " #b)
#define assert_ptr_not_equal(a, b) TINY((const void *)(a) != (const void *)(b), #a " is " #b)
#define assert_string_equal(a, b) TINY(strcmp(a, b) == 0, #a " is not " #b)
#define assert_in_range(a, least, most) \
	TINY((uint64_t)(a) >= (uint64_t)(least) && (uint64_t)(a) <= (uint64_t)(most), #a " is out of range")
#define print_message(...) printf("# " __VA_ARGS__)
#define fail_msg(...) (printf("# " __VA_ARGS__), printf("\n"), tiny_fail(__FILE__, __LINE__, "failed"))

#define cmocka_unit_test(f)             \
	{                               \
#f, f, NULL, NULL, NULL \
	}
#define cmocka_unit_test_prestate(f, state) \
	{                                   \
#f, f, NULL, NULL, state    \
	}
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
	{                                                   \
#f, f, setup, teardown, NULL                \
	}

enum { CM_OUTPUT_TAP };
#define cmocka_set_message_output(output) ((void)(output))

static inline bool tiny_run(const struct CMUnitTest *test)
{
	void *state = test->initial_state;

	if (setjmp(tiny_failed))
		return false;
	if (test->setup_func && test->setup_func(&state) != 0)
		return false;
	test->test_func(&state);
	return !test->teardown_func || test->teardown_func(&state) == 0;
}

#define _cmocka_run_group_tests(name, tests, len, setup, teardown) tiny_run_group(name, tests, len)
#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
	tiny_run_group(name, tests, sizeof(tests) / sizeof *(tests))

static inline int tiny_run_group(const char *name, const struct CMUnitTest *tests, size_t len)
{
	int bad = 0;

	printf("1..%zu\n", len);
	for (size_t i = 0; i < len; i++) {
		bool ok = tiny_run(&tests[i]);

		bad += !ok;
		printf("%sok %zu - %s: %s\n", ok ? "" : "not ", i + 1, name, tests[i].name);
		fflush(stdout);
	}
	return bad;
}

#endif
