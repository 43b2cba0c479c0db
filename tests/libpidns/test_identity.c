/* SPDX-License-Identifier: MIT */
/*
 * test_identity.c: what an identity is and how long: look-ups and references.
 */
#include "identity_scene.h"

/* ---------------------------------------------------------------------------------------- look-ups -- */

static void an_identity_is_found_under_its_number_at_each_level(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id;

	make(s->root);
	id = make(s->inner);
	assert_int_equal(pidns_id_level(id), 1);
	assert_ptr_equal(pidns_id_ns(id), s->inner);
	assert_ptr_equal(pidns_find(s->inner, 1), id);
	assert_ptr_equal(pidns_find(s->root, 2), id);
	assert_null(pidns_find(s->inner, 2));
}

static void numbers_nobody_can_have_are_nobodys(void **state)
{
	static const int32_t nrs[] = {
		0, -1, INT32_MIN, PIDNS_NUMBER_MAX, PIDNS_NUMBER_MAX + 1, INT32_MAX, 63, 64, 511, 512
	};
	struct scene *s = *state;

	make(s->root);
	make_at(s->root, 5000);
	for (size_t i = 0; i < sizeof nrs / sizeof *nrs; i++) {
		assert_null(pidns_find(s->root, nrs[i]));
		assert_null(pidns_find_get(s->root, nrs[i]));
		assert_null(pidns_find(s->inner, nrs[i]));
	}
}

static void an_identity_has_no_number_beside_and_below_its_namespace(void **state) /* R0.1 */
{
	struct scene *s = *state;
	struct pidns_id *id = make(s->root), *deep = make(s->inner);
	struct pidns_ns *sister;

	assert_int_equal(pidns_ns_new(s->w, s->root, NULL, &sister), 0);
	assert_int_equal(pidns_id_number_in(id, s->inner), 0);
	assert_int_equal(pidns_id_number_in(deep, sister), 0);
	assert_int_equal(pidns_id_number_in(deep, s->root), 2);
	assert_int_equal(pidns_id_number(deep, 2), 0);
	assert_int_equal(pidns_id_number(deep, -1), 0);
	pidns_ns_put(sister);
}

static void next_goes_through_all_in_the_order_of_numbers(void **state)
{
	/* over the edges of the tables: 64 is the first leaf's, 512 the second's, 32768 the next directory's */
	static const int32_t nrs[] = { 1,    2,    63,    64,    65,     300,    511,    512,
				       1023, 1024, 32767, 32768, 131071, 131072, 4194303 };
	struct scene *s = *state;
	size_t i = sizeof nrs / sizeof *nrs;
	int32_t nr = -7;

	while (i-- > 0) /* backwards: directories grow from the first on */
		make_at(s->root, nrs[i]);
	for (i = 0; i < sizeof nrs / sizeof *nrs; i++) {
		struct pidns_id *id = pidns_next(s->root, nr);

		assert_non_null(id);
		assert_int_equal(pidns_id_number(id, 0), nrs[i]);
		assert_ptr_equal(pidns_next(s->root, nrs[i]), id);
		nr = nrs[i] + 1;
	}
	assert_null(pidns_next(s->root, nr));
	assert_null(pidns_next(s->root, INT32_MAX));
	assert_null(pidns_next(s->inner, 1));
}

static void next_sees_only_what_is_still_there(void **state)
{
	struct scene *s = *state;

	for (int32_t nr = 1; nr <= 3000; nr++)
		make(s->root);
	for (int32_t nr = 1; nr <= 3000; nr++)
		if (nr % 700)
			pidns_id_free(pidns_find(s->root, nr));
	for (int32_t nr = 700; nr <= 2800; nr += 700)
		assert_int_equal(pidns_id_number(pidns_next(s->root, nr - 699), 0), nr);
	assert_null(pidns_next(s->root, 2801));
}

static void next_get_takes_a_reference(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id = make_at(s->inner, 77), *found = pidns_next_get(s->inner, 5);

	assert_ptr_equal(found, id);
	pidns_id_free(id);
	assert_ptr_not_equal(make_at(s->inner, 77), found);
	assert_int_equal(pidns_id_number_in(found, s->inner), 0);
	pidns_id_put(found);
	assert_null(pidns_next_get(s->inner, 78));
}

static void one_world_can_have_further_roots(void **state)
{
	struct scene *s = *state;
	struct pidns_ns *other;
	struct pidns_id *id;

	make(s->root);
	assert_int_equal(pidns_ns_new(s->w, NULL, NULL, &other), 0);
	assert_null(pidns_ns_parent(other));
	assert_int_equal(pidns_ns_level(other), 0);
	id = make(other);
	assert_int_equal(pidns_id_number_in(id, other), 1);
	assert_int_equal(pidns_id_number_in(id, s->root), 0);
	assert_false(pidns_ns_contains(s->root, other));
	pidns_id_free(id);
	pidns_ns_put(other);
}

static void contains_follows_the_path_upwards(void **state)
{
	struct scene *s = *state;

	assert_true(pidns_ns_contains(s->root, s->inner));
	assert_true(pidns_ns_contains(s->inner, s->inner));
	assert_false(pidns_ns_contains(s->inner, s->root));
	assert_ptr_equal(pidns_ns_parent(s->inner), s->root);
}

static void count_counts_those_of_the_levels_below_too(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id;

	make(s->root);
	make(s->inner);
	id = make(s->inner);
	assert_int_equal(pidns_ns_count(s->root), 3);
	assert_int_equal(pidns_ns_count(s->inner), 2);
	pidns_id_free(id);
	assert_int_equal(pidns_ns_count(s->root), 2);
	assert_int_equal(pidns_ns_count(s->inner), 1);
}

static void who_tells_an_identity_from_nobody(void **state)
{
	struct scene *s = *state;
	struct pidns_error err = { .holder = PIDNS_HOLDER_ZOMBIE };

	make(s->root);
	assert_true(pidns_who(s->root, 1, &err));
	assert_int_equal(err.holder, PIDNS_HOLDER_IDENTITY);
	assert_false(pidns_who(s->root, 2, &err));
	assert_true(pidns_who(s->root, 1, NULL));
}

/* -------------------------------------------------------------------------------------- references -- */

static void a_reference_keeps_the_object_and_not_the_number(void **state) /* R4.6 */
{
	struct scene *s = *state;
	struct pidns_id *old = make_at(s->inner, 50), *new;

	pidns_id_get(old);
	pidns_id_free(old);
	assert_null(pidns_find(s->inner, 50));
	new = make_at(s->inner, 50);
	assert_ptr_not_equal(new, old);
	assert_int_equal(pidns_id_number(old, 0), 0);
	assert_int_equal(pidns_id_number(old, 1), 0);
	assert_ptr_equal(pidns_id_ns(old), s->inner);
	pidns_id_put(old);
	assert_ptr_equal(pidns_find(s->inner, 50), new);
}

static void find_get_never_gives_a_former_owner(void **state)
{
	struct scene *s = *state;
	struct pidns_id *first, *second;

	make_at(s->root, 50);
	first = pidns_find_get(s->root, 50);
	pidns_id_free(first);
	assert_null(pidns_find_get(s->root, 50));
	make_at(s->root, 50);
	second = pidns_find_get(s->root, 50);
	assert_non_null(second);
	assert_ptr_not_equal(first, second);
	pidns_id_put(first);
	pidns_id_put(second);
	assert_ptr_equal(pidns_find(s->root, 50), second);
}

static void memory_of_identities_is_used_again(void **state)
{
	struct scene *s = *state;
	size_t bytes;

	pidns_id_free(make(s->inner));
	bytes = s->mem.bytes;
	for (int i = 0; i < 60; i++)
		pidns_id_free(make(s->inner));
	assert_int_equal(s->mem.bytes, bytes);
}

static void a_new_namespace_takes_over_the_identities_memory_of_a_gone_one(void **state)
{
	struct scene *s = *state;
	size_t bytes = 0;

	for (int i = 0; i < 20; i++) {
		struct pidns_ns *ns;
		struct pidns_id *id[10];

		assert_int_equal(pidns_ns_new(s->w, s->inner, NULL, &ns), 0);
		for (int k = 0; k < 10; k++)
			id[k] = make(ns);
		for (int k = 0; k < 10; k++)
			pidns_id_free(id[k]);
		pidns_ns_put(ns);
		if (i == 10)
			bytes = s->mem.bytes;
		if (i > 10) /* the outer levels' tables may have grown once */
			assert_true(s->mem.bytes <= bytes + 5000);
	}
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(an_identity_is_found_under_its_number_at_each_level),
		IT(numbers_nobody_can_have_are_nobodys),
		IT(an_identity_has_no_number_beside_and_below_its_namespace),
		IT(next_goes_through_all_in_the_order_of_numbers),
		IT(next_sees_only_what_is_still_there),
		IT(next_get_takes_a_reference),
		IT(one_world_can_have_further_roots),
		IT(contains_follows_the_path_upwards),
		IT(count_counts_those_of_the_levels_below_too),
		IT(who_tells_an_identity_from_nobody),
		IT(a_reference_keeps_the_object_and_not_the_number),
		IT(find_get_never_gives_a_former_owner),
		IT(memory_of_identities_is_used_again),
		IT(a_new_namespace_takes_over_the_identities_memory_of_a_gone_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-identity", tests, NULL, NULL);
}
