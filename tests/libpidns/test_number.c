/* SPDX-License-Identifier: MIT */
/*
 * test_number.c: which numbers an identity gets: cyclic ones (R3.1 …), wished ones (R2.1 …), which refusal wins, and what it
 * leaves behind (R1.44, R1.45).  A name says the rule that is broken when its test fails.
 */
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct scene {
	struct mem mem;
	struct pidns_world *w;
	struct pidns_ns *ns[3]; /* the root, one below it, one below that */
};

static int set_up_with(void **state, const char *version)
{
	static struct scene s;
	struct pidns_env env = mem_env(&s.mem);
	struct pidns_config config = { .size = sizeof config, .features = pidns_profile(version, NULL) };

	s.mem = (struct mem){ 0 };
	assert_int_equal(pidns_world_new(&env, &config, &s.w), 0);
	s.ns[0] = pidns_root(s.w);
	assert_int_equal(pidns_ns_new(s.w, s.ns[0], NULL, &s.ns[1]), 0);
	assert_int_equal(pidns_ns_new(s.w, s.ns[1], NULL, &s.ns[2]), 0);
	*state = &s;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, "6.18");
}

static int set_up_6_1(void **state)
{
	return set_up_with(state, "6.1");
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	assert_null(pidns_check(s->w));
	pidns_world_free(s->w);
	assert_int_equal(s->mem.bytes, 0);
	return 0;
}

static struct pidns_id *must(struct pidns_ns *ns, const int32_t *set_tid, size_t len)
{
	struct pidns_wish wish = { .set_tid = set_tid, .len = len };
	struct pidns_id *id = NULL;

	assert_int_equal(pidns_id_new(ns, len ? &wish : NULL, &id, NULL), 0);
	return id;
}

static int32_t next(struct pidns_ns *ns)
{
	return pidns_id_number_in(must(ns, NULL, 0), ns);
}

#define WISH(...) (const int32_t[]){ __VA_ARGS__ }, sizeof((const int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t)

static struct pidns_error refused(struct pidns_ns *ns, const int32_t *set_tid, size_t len)
{
	struct pidns_wish wish = { .set_tid = set_tid, .len = len };
	struct pidns_error err = { .code = 1 };
	struct pidns_id *id = NULL;
	int32_t r = pidns_id_new(ns, len ? &wish : NULL, &id, &err);

	assert_true(r < 0);
	assert_int_equal(err.code, r);
	assert_null(id);
	return err;
}

static void assert_error(struct pidns_error err, int32_t code, int32_t index, int32_t level, int32_t number)
{
	assert_int_equal(err.code, code);
	assert_int_equal(err.index, index);
	assert_int_equal(err.level, level);
	assert_int_equal(err.number, number);
}

/* An init in both inner namespaces; cursors are 2 at level 2, 3 at level 1, 3 at level 0 … */
static void with_inits(struct scene *s)
{
	for (int level = 0; level < 3; level++) {
		must(s->ns[level], NULL, 0);
		pidns_ns_has_init(s->ns[level]);
	}
}

static void set_last(struct pidns_ns *ns, int64_t value)
{
	assert_int_equal(pidns_ns_set_last(ns, value), 0);
}

/* All of 300 .. pid_max - 1 is taken, and the cursor is behind it. */
static void fill(struct pidns_ns *ns)
{
	assert_int_equal(pidns_ns_set_pid_max(ns, 301), 0);
	set_last(ns, 299);
	assert_int_equal(next(ns), 300);
}

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

/* ------------------------------------------------------------------------------------------ wishes -- */

static void a_wish_names_the_innermost_level_first(void **state) /* R2.1 */
{
	struct scene *s = *state;
	struct pidns_id *id;

	with_inits(s);
	id = must(s->ns[2], WISH(50, 60, 70));
	assert_int_equal(pidns_id_number(id, 2), 50);
	assert_int_equal(pidns_id_number(id, 1), 60);
	assert_int_equal(pidns_id_number(id, 0), 70);
}

static void levels_beyond_the_wish_are_cyclic(void **state) /* R2.1 */
{
	struct scene *s = *state;
	struct pidns_id *id;

	with_inits(s);
	id = must(s->ns[2], WISH(50, 60));
	assert_int_equal(pidns_id_number(id, 0), 4);
}

static void a_wish_longer_than_the_path_is_refused_before_all_else(void **state) /* R2.1, R1.39 */
{
	struct scene *s = *state;
	struct pidns_error err;

	with_inits(s);
	err = refused(s->ns[1], WISH(0, 0, 0));
	assert_error(err, -PIDNS_EINVAL, -1, -1, 0);
	assert_int_equal(pidns_ns_last(s->ns[1]), 2);
}

static void a_wish_below_1_is_refused(void **state) /* R2.3 step 1 */
{
	struct scene *s = *state;

	with_inits(s);
	assert_error(refused(s->ns[0], WISH(0)), -PIDNS_EINVAL, 0, 0, 0);
	assert_error(refused(s->ns[0], WISH(-5)), -PIDNS_EINVAL, 0, 0, -5);
	assert_error(refused(s->ns[0], WISH(INT32_MIN)), -PIDNS_EINVAL, 0, 0, INT32_MIN);
}

static void a_wish_at_pid_max_is_refused(void **state) /* R2.3 step 2 */
{
	struct scene *s = *state;

	with_inits(s);
	must(s->ns[0], WISH(PIDNS_NUMBER_MAX - 1));
	assert_error(refused(s->ns[0], WISH(PIDNS_NUMBER_MAX)), -PIDNS_EINVAL, 0, 0, PIDNS_NUMBER_MAX);
	assert_error(refused(s->ns[0], WISH(INT32_MAX)), -PIDNS_EINVAL, 0, 0, INT32_MAX);
}

static void the_first_wish_in_a_namespace_is_1(void **state) /* R2.3 step 3, R2.8 */
{
	struct scene *s = *state;

	must(s->ns[0], NULL, 0);
	pidns_ns_has_init(s->ns[0]);
	assert_error(refused(s->ns[1], WISH(2)), -PIDNS_EINVAL, 0, 1, 2);
	assert_int_equal(pidns_id_number(must(s->ns[1], WISH(1, 500)), 0), 500);
}

static bool nobody_may(void *ctx, const struct pidns_ns *ns)
{
	(void)ctx;
	(void)ns;
	return false;
}

static bool may_below(void *ctx, const struct pidns_ns *ns)
{
	return pidns_ns_level(ns) > *(int32_t *)ctx;
}

static struct pidns_error refused_to(struct pidns_ns *ns, bool (*may)(void *, const struct pidns_ns *),
				     int32_t above, const int32_t *set_tid, size_t len)
{
	struct pidns_wish wish = { .set_tid = set_tid, .len = len, .may = may, .ctx = &above };
	struct pidns_error err = { 0 };
	struct pidns_id *id;
	int32_t r = pidns_id_new(ns, &wish, &id, &err);

	assert_true(r < 0);
	assert_int_equal(err.code, r);
	return err;
}

static void without_the_right_a_wish_is_EPERM(void **state) /* R2.3 step 4, R2.6 */
{
	struct scene *s = *state;

	with_inits(s);
	assert_error(refused_to(s->ns[1], nobody_may, 0, WISH(50)), -PIDNS_EPERM, 0, 1, 50);
	assert_error(refused_to(s->ns[1], may_below, 0, WISH(50, 51)), -PIDNS_EPERM, 1, 0, 51);
}

static void the_right_is_asked_at_named_levels_only(void **state) /* R2.6 */
{
	struct scene *s = *state;
	int32_t above = 0;
	struct pidns_wish wish = { .set_tid = (int32_t[]){ 50 }, .len = 1, .may = may_below, .ctx = &above };
	struct pidns_id *id;

	with_inits(s);
	assert_int_equal(pidns_id_new(s->ns[1], &wish, &id, NULL), 0);
	wish.len = 0;
	wish.may = nobody_may;
	assert_int_equal(pidns_id_new(s->ns[1], &wish, &id, NULL), 0);
}

static void EINVAL_beats_EPERM_beats_EEXIST_at_one_level(void **state) /* R2.5 */
{
	struct scene *s = *state;

	with_inits(s);
	must(s->ns[0], WISH(900));
	assert_int_equal(refused_to(s->ns[0], nobody_may, 0, WISH(0)).code, -PIDNS_EINVAL);
	assert_int_equal(refused_to(s->ns[0], nobody_may, 0, WISH(900)).code, -PIDNS_EPERM);
}

static void a_taken_number_is_EEXIST_with_its_holder(void **state) /* R2.3 step 5 */
{
	struct scene *s = *state;
	struct pidns_error err;

	with_inits(s);
	must(s->ns[2], WISH(50, 60, 70));
	err = refused(s->ns[1], WISH(61, 70));
	assert_error(err, -PIDNS_EEXIST, 1, 0, 70);
	assert_int_equal(err.holder, PIDNS_HOLDER_IDENTITY);
	assert_null(err.task);
}

static void choosing_1_where_an_init_lives_is_EEXIST(void **state) /* R2.9 */
{
	struct scene *s = *state;

	with_inits(s);
	assert_error(refused(s->ns[1], WISH(1)), -PIDNS_EEXIST, 0, 1, 1);
}

static void the_innermost_failing_level_answers(void **state) /* R2.4 */
{
	struct scene *s = *state;

	with_inits(s);
	must(s->ns[1], WISH(50, 900));
	assert_error(refused(s->ns[1], WISH(50, 0)), -PIDNS_EEXIST, 0, 1, 50);
	assert_error(refused(s->ns[1], WISH(0, 900)), -PIDNS_EINVAL, 0, 1, 0);
	assert_error(refused_to(s->ns[1], may_below, 0, WISH(50, 51)), -PIDNS_EEXIST, 0, 1, 50);
	assert_error(refused(s->ns[1], WISH(51, PIDNS_NUMBER_MAX)), -PIDNS_EINVAL, 1, 0, PIDNS_NUMBER_MAX);
}

static void a_full_outer_level_is_EAGAIN(void **state) /* R2.3 step 6 */
{
	struct scene *s = *state;

	with_inits(s);
	fill(s->ns[0]);
	assert_error(refused(s->ns[2], NULL, 0), -PIDNS_EAGAIN, 2, 0, 0);
	assert_error(refused(s->ns[2], WISH(90, 91)), -PIDNS_EAGAIN, 2, 0, 0);
	must(s->ns[2], WISH(90, 91, 92)); /* low numbers are free, and can be chosen (R3.2) */
}

/* ------------------------------------------------------------------------------- after a refusal -- */

static void a_refusal_leaves_no_number_taken(void **state) /* R1.44 */
{
	struct scene *s = *state;

	with_inits(s);
	must(s->ns[0], WISH(900));
	refused(s->ns[2], WISH(50, 60, 900));
	assert_null(pidns_find(s->ns[2], 50));
	assert_null(pidns_find(s->ns[1], 60));
	assert_int_equal(pidns_ns_count(s->ns[2]), 1);
	must(s->ns[2], WISH(50, 60, 901));
}

static void a_refusal_leaves_cursors_of_cyclic_levels_moved(void **state) /* R1.44 */
{
	struct scene *s = *state;
	int32_t last[2];

	with_inits(s);
	fill(s->ns[0]);
	for (int level = 1; level < 3; level++)
		last[level - 1] = pidns_ns_last(s->ns[level]);
	refused(s->ns[2], NULL, 0);
	assert_int_equal(pidns_ns_last(s->ns[2]), last[1] + 1);
	assert_int_equal(pidns_ns_last(s->ns[1]), last[0] + 1);
	assert_int_equal(pidns_ns_last(s->ns[0]), 300);
}

static void a_refusal_moves_no_cursor_of_a_chosen_level(void **state) /* R1.44 */
{
	struct scene *s = *state;
	int32_t last[2];

	with_inits(s);
	fill(s->ns[0]);
	for (int level = 1; level < 3; level++)
		last[level - 1] = pidns_ns_last(s->ns[level]);
	refused(s->ns[2], WISH(77));
	assert_int_equal(pidns_ns_last(s->ns[2]), last[1]);
	assert_int_equal(pidns_ns_last(s->ns[1]), last[0] + 1);
}

static void a_refused_first_identity_leaves_the_namespace_new(void **state) /* R1.44, C50 */
{
	struct scene *s = *state;

	next(s->ns[0]);
	fill(s->ns[0]);
	assert_int_equal(refused(s->ns[1], NULL, 0).code, -PIDNS_EAGAIN);
	assert_int_equal(pidns_ns_last(s->ns[1]), -1);
	assert_false(pidns_ns_is_closed(s->ns[1]));
	set_last(s->ns[0], 10);
	assert_int_equal(next(s->ns[1]), 1);
}

/* ------------------------------------------------------------------------------------------ closed -- */

static void a_closed_namespace_refuses_with_ENOMEM(void **state) /* R1.41 */
{
	struct scene *s = *state;

	with_inits(s);
	pidns_ns_close(s->ns[1]);
	assert_true(pidns_ns_is_closed(s->ns[1]));
	assert_error(refused(s->ns[1], NULL, 0), -PIDNS_ENOMEM, 0, 1, 0);
}

static void a_closed_namespace_says_what_is_wrong_with_a_number_first(void **state) /* R1.45 */
{
	struct scene *s = *state;

	with_inits(s);
	must(s->ns[0], WISH(900));
	pidns_ns_close(s->ns[1]);
	assert_int_equal(refused(s->ns[1], WISH(0)).code, -PIDNS_EINVAL);
	assert_int_equal(refused(s->ns[1], WISH(1)).code, -PIDNS_EEXIST);
	assert_int_equal(refused(s->ns[1], WISH(50, 900)).code, -PIDNS_EEXIST);
	assert_int_equal(refused(s->ns[1], WISH(50, 901)).code, -PIDNS_ENOMEM);
}

static void a_closed_namespace_moves_the_outer_cursors_with_every_refusal(void **state) /* R1.45, C113 */
{
	struct scene *s = *state;
	int32_t last;

	with_inits(s);
	pidns_ns_close(s->ns[1]);
	last = pidns_ns_last(s->ns[0]);
	refused(s->ns[1], NULL, 0);
	refused(s->ns[1], WISH(50));
	assert_int_equal(pidns_ns_last(s->ns[0]), last + 2);
}

static void only_the_innermost_namespace_has_to_be_open(void **state) /* R1.41 */
{
	struct scene *s = *state;

	with_inits(s);
	pidns_ns_close(s->ns[1]);
	must(s->ns[2], NULL, 0);
	must(s->ns[0], NULL, 0);
}

static void a_namespace_emptied_before_its_init_came_is_closed(void **state) /* R5.8 b, C51 */
{
	struct scene *s = *state;

	next(s->ns[0]);
	pidns_ns_has_init(s->ns[0]);
	pidns_id_free(must(s->ns[1], NULL, 0));
	assert_true(pidns_ns_is_closed(s->ns[1]));
	assert_int_equal(refused(s->ns[1], WISH(2)).code, -PIDNS_EINVAL);
	assert_int_equal(refused(s->ns[1], NULL, 0).code, -PIDNS_ENOMEM);
}

static void a_namespace_emptied_later_is_open(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id = must(s->ns[0], NULL, 0);

	pidns_ns_has_init(s->ns[0]);
	pidns_id_free(id);
	assert_false(pidns_ns_is_closed(s->ns[0]));
	assert_int_equal(next(s->ns[0]), 2);
}

static void a_closed_namespace_tells_when_it_drains(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id[4];

	with_inits(s);
	for (int i = 0; i < 4; i++)
		id[i] = must(s->ns[i % 2 ? 1 : 2], NULL, 0);
	/* two inits and four more at level 1 */
	pidns_id_free(id[0]);
	assert_int_equal(s->mem.drained_calls, 0);
	pidns_ns_close(s->ns[1]);
	for (int i = 1; i < 4; i++) {
		assert_int_equal(s->mem.drained_calls, 0);
		pidns_id_free(id[i]);
	}
	assert_int_equal(s->mem.drained_calls, 1);
	assert_ptr_equal(s->mem.drained_ns, s->ns[1]);
	assert_int_equal(s->mem.drained_count, 2);
	pidns_id_free(pidns_find(s->ns[1], 2));
	assert_int_equal(s->mem.drained_count, 1);
	pidns_id_free(pidns_find(s->ns[1], 1));
	assert_int_equal(s->mem.drained_count, 0);
	assert_int_equal(s->mem.drained_calls, 3);
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

#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define IT_6_1(name) cmocka_unit_test_setup_teardown(name, set_up_6_1, tear_down)

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
		IT(a_wish_names_the_innermost_level_first),
		IT(levels_beyond_the_wish_are_cyclic),
		IT(a_wish_longer_than_the_path_is_refused_before_all_else),
		IT(a_wish_below_1_is_refused),
		IT(a_wish_at_pid_max_is_refused),
		IT(the_first_wish_in_a_namespace_is_1),
		IT(without_the_right_a_wish_is_EPERM),
		IT(the_right_is_asked_at_named_levels_only),
		IT(EINVAL_beats_EPERM_beats_EEXIST_at_one_level),
		IT(a_taken_number_is_EEXIST_with_its_holder),
		IT(choosing_1_where_an_init_lives_is_EEXIST),
		IT(the_innermost_failing_level_answers),
		IT(a_full_outer_level_is_EAGAIN),
		IT(a_refusal_leaves_no_number_taken),
		IT(a_refusal_leaves_cursors_of_cyclic_levels_moved),
		IT(a_refusal_moves_no_cursor_of_a_chosen_level),
		IT(a_refused_first_identity_leaves_the_namespace_new),
		IT(a_closed_namespace_refuses_with_ENOMEM),
		IT(a_closed_namespace_says_what_is_wrong_with_a_number_first),
		IT(a_closed_namespace_moves_the_outer_cursors_with_every_refusal),
		IT(only_the_innermost_namespace_has_to_be_open),
		IT(a_namespace_emptied_before_its_init_came_is_closed),
		IT(a_namespace_emptied_later_is_open),
		IT(a_closed_namespace_tells_when_it_drains),
		IT(level_32_is_the_deepest),
		IT(all_of_4194303_numbers_can_be_taken),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-number", tests, NULL, NULL);
}
