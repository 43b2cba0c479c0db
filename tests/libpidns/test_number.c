/* SPDX-License-Identifier: MIT */
/*
 * test_number.c: which numbers an identity gets when nobody chooses (R3.1 …): the cursor, its file, pid_max, the depth.  A name
 * says the rule that is broken when its test fails.
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ----------------------------------------------------------------------------------------- cyclic -- */

static void the_first_numbers_of_a_namespace_are_1_and_2(void **state) /* R3.4 */
{
	struct scene *s = *state;

	assert_int_equal(next(s->ns[0]), 1);
	assert_int_equal(next(s->ns[0]), 2);
}

static void a_freed_number_is_not_reused_before_the_cursor_comes_round(void **state) /* R3.5 */
{
	struct scene *s = *state;

	next(s->ns[0]);
	pidns_id_free(must(s->ns[0], NULL, 0));
	assert_int_equal(next(s->ns[0]), 3);
}

static void a_number_chosen_ahead_of_the_cursor_is_skipped(void **state) /* R3.5 */
{
	struct scene *s = *state;

	with_inits(s);
	must(s->ns[0], WISH(4));
	assert_int_equal(next(s->ns[0]), 5);
}

static void the_wrap_lands_on_300(void **state) /* R3.2 */
{
	struct scene *s = *state;

	next(s->ns[0]);
	set_last(s->ns[0], PIDNS_NUMBER_MAX - 2);
	assert_int_equal(next(s->ns[0]), PIDNS_NUMBER_MAX - 1);
	assert_int_equal(next(s->ns[0]), 300);
}

static void the_wrap_skips_what_is_taken(void **state) /* R3.1 */
{
	struct scene *s = *state;

	with_inits(s);
	must(s->ns[0], WISH(300));
	set_last(s->ns[0], PIDNS_NUMBER_MAX - 1);
	assert_int_equal(next(s->ns[0]), 301);
}

static void a_cursor_of_exactly_300_counts_as_low(void **state) /* R3.3 */
{
	struct scene *s = *state;

	next(s->ns[0]);
	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], 301), 0);
	set_last(s->ns[0], 299);
	assert_int_equal(next(s->ns[0]), 300);
	set_last(s->ns[0], 299);
	assert_int_equal(next(s->ns[0]), 2);
}

static void a_namespace_is_full_when_only_low_numbers_are_free(void **state) /* R3.2 */
{
	struct scene *s = *state;

	next(s->ns[0]);
	fill(s->ns[0]);
	assert_error(refused(s->ns[0], NULL, 0), -PIDNS_EAGAIN, 0, 0, 0);
	assert_int_equal(pidns_ns_last(s->ns[0]), 300);
}

static void low_numbers_come_back_when_the_cursor_is_written(void **state) /* R3.2, R3.11 */
{
	struct scene *s = *state;

	next(s->ns[0]);
	fill(s->ns[0]);
	set_last(s->ns[0], 0);
	assert_int_equal(next(s->ns[0]), 2);
}

static void each_level_has_its_own_cursor(void **state) /* R3.6 */
{
	struct scene *s = *state;
	struct pidns_id *id;

	with_inits(s);
	set_last(s->ns[0], 999);
	set_last(s->ns[1], 499);
	id = must(s->ns[2], NULL, 0);
	assert_int_equal(pidns_id_number(id, 0), 1000);
	assert_int_equal(pidns_id_number(id, 1), 500);
	assert_int_equal(pidns_id_number(id, 2), 2);
}

/* ------------------------------------------------------------------------------------------ files -- */

static void last_pid_reads_the_last_cyclic_number(void **state) /* R3.8, R2.13 */
{
	struct scene *s = *state;

	with_inits(s);
	must(s->ns[0], WISH(800));
	assert_int_equal(pidns_ns_last(s->ns[0]), 3);
	next(s->ns[0]);
	assert_int_equal(pidns_ns_last(s->ns[0]), 4);
}

static void last_pid_of_an_untouched_namespace_is_minus_1(void **state) /* R3.14 */
{
	struct scene *s = *state;

	must(s->ns[1], WISH(1));
	assert_int_equal(pidns_ns_last(s->ns[1]), -1);
	assert_int_equal(pidns_ns_last(s->ns[0]), 1);
}

static void last_pid_written_is_followed_by_the_next(void **state) /* R3.9 */
{
	struct scene *s = *state;

	next(s->ns[0]);
	set_last(s->ns[0], 41);
	assert_int_equal(next(s->ns[0]), 42);
}

static void last_pid_takes_0_to_pid_max(void **state) /* R3.10 */
{
	struct scene *s = *state;

	assert_int_equal(pidns_ns_set_pid_max(s->ns[1], 500), 0);
	assert_int_equal(pidns_ns_set_last(s->ns[1], 500), 0);
	assert_int_equal(pidns_ns_set_last(s->ns[1], 501), -PIDNS_EINVAL);
	assert_int_equal(pidns_ns_set_last(s->ns[1], -1), -PIDNS_EINVAL);
	assert_int_equal(pidns_ns_set_last(s->ns[1], INT64_C(1) << 32), -PIDNS_EINVAL);
	assert_int_equal(pidns_ns_set_last(s->ns[1], INT64_MIN), -PIDNS_EINVAL);
	assert_int_equal(pidns_ns_last(s->ns[1]), 500);
}

static void pid_max_written_to_last_pid_is_followed_by_300(void **state) /* R3.12 */
{
	struct scene *s = *state;

	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], 500), 0);
	set_last(s->ns[0], 500);
	assert_int_equal(next(s->ns[0]), 300);
	set_last(s->ns[0], 499);
	assert_int_equal(next(s->ns[0]), 301);
}

static void pid_max_is_one_per_namespace(void **state) /* R3.15, R3.16, R3.17 */
{
	struct scene *s = *state;
	struct pidns_ns *below;

	assert_int_equal(pidns_ns_set_pid_max(s->ns[1], 500), 0);
	assert_int_equal(pidns_ns_pid_max(s->ns[0]), PIDNS_NUMBER_MAX);
	assert_int_equal(pidns_ns_pid_max(s->ns[2]), PIDNS_NUMBER_MAX);
	assert_int_equal(pidns_ns_new(s->w, s->ns[1], NULL, &below), 0);
	assert_int_equal(pidns_ns_pid_max(below), PIDNS_NUMBER_MAX);
	pidns_ns_put(below);
}

static void pid_max_is_the_machines_before_6_14(void **state) /* R3.15, R3.16, R3.17 */
{
	struct scene *s = *state;

	assert_int_equal(pidns_ns_set_pid_max(s->ns[1], 500), 0);
	assert_int_equal(pidns_ns_pid_max(s->ns[0]), 500);
	assert_int_equal(pidns_ns_pid_max(s->ns[2]), 500);
	assert_int_equal(pidns_ns_set_last(s->ns[2], 501), -PIDNS_EINVAL);
}

static void pid_max_has_its_range(void **state) /* R3.20 */
{
	struct scene *s = *state;

	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], 301), 0);
	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], 300), -PIDNS_EINVAL);
	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], 0), -PIDNS_EINVAL);
	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], PIDNS_NUMBER_MAX), 0);
	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], PIDNS_NUMBER_MAX + 1), -PIDNS_EINVAL);
	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], INT64_C(1) << 33), -PIDNS_EINVAL);
	assert_int_equal(pidns_ns_pid_max(s->ns[0]), PIDNS_NUMBER_MAX);
}

static void pid_max_is_at_least_8_times_the_cpus(void **state) /* R3.20 */
{
	struct scene *s = *state;
	struct pidns_env env = mem_env(&s->mem);
	struct pidns_config config = { .size = sizeof config, .cpus = 64, .pid_max = 512 };
	struct pidns_world *w;

	assert_int_equal(pidns_world_new(&env, &config, &w), 0);
	assert_int_equal(pidns_ns_pid_max(pidns_root(w)), 512);
	assert_int_equal(pidns_ns_set_pid_max(pidns_root(w), 511), -PIDNS_EINVAL);
	pidns_world_free(w);
	config.pid_max = 511;
	assert_int_equal(pidns_world_new(&env, &config, &w), -PIDNS_EINVAL);
}

static void a_lowered_pid_max_disturbs_nobody(void **state) /* R3.23 */
{
	struct scene *s = *state;
	struct pidns_id *id;

	with_inits(s);
	id = must(s->ns[0], WISH(5000));
	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], 1000), 0);
	assert_ptr_equal(pidns_find(s->ns[0], 5000), id);
	pidns_id_free(id);
	assert_error(refused(s->ns[0], WISH(5000)), -PIDNS_EINVAL, 0, 0, 5000);
	set_last(s->ns[0], 1000);
	assert_int_equal(next(s->ns[0]), 300);
}

static void an_ancestors_pid_max_limits_the_ancestors_numbers_only(void **state) /* R3.18 */
{
	struct scene *s = *state;
	struct pidns_id *id;

	with_inits(s);
	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], 400), 0);
	id = must(s->ns[1], WISH(5000));
	assert_int_equal(pidns_id_number(id, 1), 5000);
	assert_error(refused(s->ns[1], WISH(5001, 400)), -PIDNS_EINVAL, 1, 0, 400);
}

static void one_pid_max_limits_all_levels_before_6_14(void **state) /* R3.18 */
{
	struct scene *s = *state;

	with_inits(s);
	assert_int_equal(pidns_ns_set_pid_max(s->ns[0], 400), 0);
	assert_error(refused(s->ns[1], WISH(400)), -PIDNS_EINVAL, 0, 1, 400);
}

/* ----------------------------------------------------------------------------------- depth, memory -- */

static void level_32_is_the_deepest(void **state) /* R3.24 */
{
	struct scene *s = *state;
	struct pidns_ns *at[PIDNS_LEVEL_MAX + 1] = { s->ns[0] }, *more;
	struct pidns_id *id;

	for (int level = 1; level <= PIDNS_LEVEL_MAX; level++)
		assert_int_equal(pidns_ns_new(s->w, at[level - 1], NULL, &at[level]), 0);
	assert_int_equal(pidns_ns_level(at[PIDNS_LEVEL_MAX]), PIDNS_LEVEL_MAX);
	assert_int_equal(pidns_ns_new(s->w, at[PIDNS_LEVEL_MAX], NULL, &more), -PIDNS_ENOSPC);
	id = must(at[PIDNS_LEVEL_MAX], NULL, 0);
	for (int level = 0; level <= PIDNS_LEVEL_MAX; level++)
		assert_int_equal(pidns_id_number(id, level), 1);
}

static void all_of_4194303_numbers_can_be_taken(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id;

	pidns_ns_has_init(s->ns[0]);
	for (int32_t nr = 1; nr < PIDNS_NUMBER_MAX; nr++)
		if (pidns_id_new(s->ns[0], NULL, &id, NULL) != 0 || pidns_id_number(id, 0) != nr)
			fail_msg("number %d", (int)nr);
	assert_error(refused(s->ns[0], NULL, 0), -PIDNS_EAGAIN, 0, 0, 0);
	pidns_id_free(pidns_find(s->ns[0], 4000000));
	assert_int_equal(next(s->ns[0]), 4000000);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, scene_6_18, scene_end)
#define IT_6_1(name) cmocka_unit_test_setup_teardown(name, scene_6_1, scene_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(the_first_numbers_of_a_namespace_are_1_and_2),
		IT(a_freed_number_is_not_reused_before_the_cursor_comes_round),
		IT(a_number_chosen_ahead_of_the_cursor_is_skipped),
		IT(the_wrap_lands_on_300),
		IT(the_wrap_skips_what_is_taken),
		IT(a_cursor_of_exactly_300_counts_as_low),
		IT(a_namespace_is_full_when_only_low_numbers_are_free),
		IT(low_numbers_come_back_when_the_cursor_is_written),
		IT(each_level_has_its_own_cursor),
		IT(last_pid_reads_the_last_cyclic_number),
		IT(last_pid_of_an_untouched_namespace_is_minus_1),
		IT(last_pid_written_is_followed_by_the_next),
		IT(last_pid_takes_0_to_pid_max),
		IT(pid_max_written_to_last_pid_is_followed_by_300),
		IT(pid_max_is_one_per_namespace),
		IT_6_1(pid_max_is_the_machines_before_6_14),
		IT(pid_max_has_its_range),
		IT(pid_max_is_at_least_8_times_the_cpus),
		IT(a_lowered_pid_max_disturbs_nobody),
		IT(an_ancestors_pid_max_limits_the_ancestors_numbers_only),
		IT_6_1(one_pid_max_limits_all_levels_before_6_14),
		IT(level_32_is_the_deepest),
		IT(all_of_4194303_numbers_can_be_taken),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-number", tests, NULL, NULL);
}
