/* SPDX-License-Identifier: MIT */
/*
 * test_wish.c: which numbers an identity gets when somebody chooses (R2.1 …), which refusal wins, and what it leaves behind (R1.44,
 * R1.45).  A name says the rule that is broken when its test fails.
 */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

#define IT(name) cmocka_unit_test_setup_teardown(name, scene_6_18, scene_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-wish", tests, NULL, NULL);
}
