/* SPDX-License-Identifier: MIT */
/*
 * test_identity.c: what an identity is and how long: look-ups, references, attachments, and the lives of namespaces.
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
	struct pidns_ns *root, *inner;
};

static int set_up(void **state)
{
	static struct scene s;
	struct pidns_env env = mem_env(&s.mem);

	s.mem = (struct mem){ 0 };
	assert_int_equal(pidns_world_new(&env, NULL, &s.w), 0);
	s.root = pidns_root(s.w);
	assert_int_equal(pidns_ns_new(s.w, s.root, NULL, &s.inner), 0);
	pidns_ns_has_init(s.root);
	pidns_ns_has_init(s.inner);
	*state = &s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	assert_null(pidns_check(s->w));
	pidns_world_free(s->w);
	assert_int_equal(s->mem.bytes, 0);
	assert_int_equal(s->mem.blocks, 0);
	return 0;
}

static struct pidns_id *make(struct pidns_ns *ns)
{
	struct pidns_id *id = NULL;

	assert_int_equal(pidns_id_new(ns, NULL, &id, NULL), 0);
	return id;
}

static struct pidns_id *make_at(struct pidns_ns *ns, int32_t nr)
{
	struct pidns_wish wish = { .set_tid = &nr, .len = 1 };
	struct pidns_id *id = NULL;

	assert_int_equal(pidns_id_new(ns, &wish, &id, NULL), 0);
	return id;
}

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

/* ------------------------------------------------------------------------------------- attachments -- */

struct process {
	struct pidns_link link[PIDNS_KINDS];
};

static void a_number_is_taken_until_the_last_attachment_of_any_kind_goes(void **state) /* R4.1 */
{
	struct scene *s = *state;
	struct pidns_id *id = make_at(s->inner, 50);
	struct process p = { 0 };

	for (int kind = 0; kind < PIDNS_KINDS; kind++) {
		pidns_attach(&p.link[kind], id, (enum pidns_kind)kind);
		assert_true(pidns_id_is_held(id, (enum pidns_kind)kind));
	}
	for (int kind = 0; kind < PIDNS_KINDS; kind++) {
		assert_ptr_equal(pidns_find(s->inner, 50), id);
		pidns_detach(&p.link[kind], (enum pidns_kind)kind);
		assert_null(p.link[kind].id);
	}
	assert_null(pidns_find(s->inner, 50));
	assert_int_equal(pidns_ns_count(s->root), 0);
}

static void members_are_listed_the_last_attached_first(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id = make(s->root);
	struct pidns_link link[4] = { 0 };
	const struct pidns_link *at;

	for (int i = 0; i < 4; i++)
		pidns_attach(&link[i], id, PIDNS_PGID);
	at = pidns_first(id, PIDNS_PGID);
	for (int i = 3; i >= 0; i--, at = pidns_after(at, PIDNS_PGID))
		assert_ptr_equal(at, &link[i]);
	assert_null(at);
	pidns_detach(&link[3], PIDNS_PGID);
	pidns_detach(&link[1], PIDNS_PGID);
	pidns_detach(&link[0], PIDNS_PGID);
	assert_ptr_equal(pidns_first(id, PIDNS_PGID), &link[2]);
	assert_null(pidns_after(&link[2], PIDNS_PGID));
	pidns_attach(&link[0], id, PIDNS_PGID);
	assert_ptr_equal(pidns_first(id, PIDNS_PGID), &link[0]);
	assert_ptr_equal(pidns_after(&link[0], PIDNS_PGID), &link[2]);
	pidns_detach(&link[2], PIDNS_PGID);
	pidns_detach(&link[0], PIDNS_PGID);
}

static void change_gives_the_old_number_back_if_it_was_the_last(void **state) /* R4.11 */
{
	struct scene *s = *state;
	struct pidns_id *a = make_at(s->root, 50), *b = make_at(s->root, 51);
	struct pidns_link one = { 0 }, two = { 0 }, keep = { 0 };

	pidns_attach(&one, a, PIDNS_PGID);
	pidns_attach(&two, a, PIDNS_PGID);
	pidns_attach(&keep, b, PIDNS_PID);
	pidns_change(&one, b, PIDNS_PGID);
	assert_ptr_equal(one.id, b);
	assert_ptr_equal(pidns_find(s->root, 50), a);
	pidns_change(&two, b, PIDNS_PGID);
	assert_null(pidns_find(s->root, 50));
	assert_ptr_equal(pidns_after(&two, PIDNS_PGID), &one);
	pidns_detach(&one, PIDNS_PGID);
	pidns_detach(&two, PIDNS_PGID);
	pidns_detach(&keep, PIDNS_PID);
}

static void change_to_the_same_identity_keeps_its_number(void **state)
{
	struct scene *s = *state;
	struct pidns_id *a = make_at(s->root, 50);
	struct pidns_link one = { 0 };

	pidns_attach(&one, a, PIDNS_PGID);
	pidns_change(&one, a, PIDNS_PGID);
	assert_ptr_equal(pidns_find(s->root, 50), a);
	pidns_detach(&one, PIDNS_PGID);
}

static void transfer_puts_a_link_in_the_others_place(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id = make(s->root);
	struct pidns_link link[3] = { 0 }, to = { 0 };

	for (int place = 0; place < 3; place++) {
		const struct pidns_link *at;

		for (int i = 0; i < 3; i++)
			pidns_attach(&link[i], id, PIDNS_SID);
		pidns_attach(&(struct pidns_link){ 0 }, id, PIDNS_PID);
		pidns_transfer(&to, &link[place], PIDNS_SID);
		assert_null(link[place].id);
		at = pidns_first(id, PIDNS_SID);
		for (int i = 2; i >= 0; i--, at = pidns_after(at, PIDNS_SID))
			assert_ptr_equal(at, i == place ? &to : &link[i]);
		assert_null(at);
		pidns_transfer(&link[place], &to, PIDNS_SID);
		for (int i = 0; i < 3; i++)
			if (i < 2)
				pidns_detach(&link[i], PIDNS_SID);
		pidns_attach(&link[0], id, PIDNS_SID); /* the list's head is where it was */
		assert_ptr_equal(pidns_after(&link[0], PIDNS_SID), &link[2]);
		pidns_detach(&link[0], PIDNS_SID);
		pidns_detach(pidns_first(id, PIDNS_PID), PIDNS_PID);
		pidns_detach(&link[2], PIDNS_SID);
		id = make(s->root);
	}
	pidns_id_free(id);
}

static void exchange_gives_each_the_others_identity(void **state) /* R4.9 */
{
	struct scene *s = *state;
	struct pidns_id *a = make_at(s->root, 50), *b = make_at(s->root, 51);
	struct pidns_link one = { 0 }, two = { 0 };

	pidns_attach(&one, a, PIDNS_PID);
	pidns_attach(&two, b, PIDNS_PID);
	pidns_exchange(&one, &two, PIDNS_PID);
	assert_ptr_equal(one.id, b);
	assert_ptr_equal(two.id, a);
	assert_ptr_equal(pidns_first(a, PIDNS_PID), &two);
	assert_ptr_equal(pidns_first(b, PIDNS_PID), &one);
	pidns_detach(&one, PIDNS_PID);
	assert_null(pidns_find(s->root, 51));
	assert_ptr_equal(pidns_find(s->root, 50), a);
	pidns_detach(&two, PIDNS_PID);
}

/* -------------------------------------------------------------------------------------- namespaces -- */

static void a_namespace_lives_while_it_is_referred_to(void **state) /* S1 */
{
	struct scene *s = *state;
	size_t bytes = s->mem.bytes;
	struct pidns_ns *ns, *below;

	assert_int_equal(pidns_ns_new(s->w, s->root, NULL, &ns), 0);
	assert_int_equal(pidns_ns_new(s->w, ns, NULL, &below), 0);
	pidns_ns_get(below);
	pidns_ns_put(ns); /* the one below holds it */
	pidns_ns_put(below);
	assert_int_equal(pidns_ns_level(pidns_ns_parent(below)), 1);
	pidns_ns_put(below);
	assert_int_equal(s->mem.bytes, bytes);
	pidns_ns_put(NULL);
}

static void an_identity_keeps_its_namespace_and_those_above(void **state) /* S1 */
{
	struct scene *s = *state;
	size_t blocks = s->mem.blocks;
	struct pidns_ns *ns, *below;
	struct pidns_id *id;

	assert_int_equal(pidns_ns_new(s->w, s->root, NULL, &ns), 0);
	assert_int_equal(pidns_ns_new(s->w, ns, NULL, &below), 0);
	id = make(below);
	pidns_ns_put(ns);
	pidns_ns_put(below);
	assert_ptr_equal(pidns_id_ns(id), below);
	pidns_id_get(id);
	pidns_id_free(id);
	assert_ptr_equal(pidns_id_ns(id), below); /* a reference alone keeps it too */
	assert_int_equal(pidns_ns_level(below), 2);
	pidns_id_put(id);
	assert_in_range(s->mem.blocks, blocks, blocks + 2); /* the root's table, and a spare slab (N4) */
}

static void a_world_frees_all_whoever_holds_it(void **state)
{
	struct scene *s = *state;
	struct pidns_ns *ns;

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(pidns_ns_new(s->w, i % 2 ? s->root : s->inner, NULL, &ns), 0);
		pidns_id_get(make(ns));
		if (i % 3)
			pidns_ns_get(ns);
		else
			pidns_ns_put(ns);
	}
	/* tear_down counts the bytes */
}

static void no_world_is_made_without_an_allocator(void **state)
{
	struct scene *s = *state;
	struct pidns_env env = mem_env(&s->mem), bad;
	struct pidns_config config = { .size = sizeof config, .cpus = -1 };
	struct pidns_world *w = NULL;

	bad = env;
	bad.alloc = NULL;
	assert_int_equal(pidns_world_new(&bad, NULL, &w), -PIDNS_EINVAL);
	bad = env;
	bad.free = NULL;
	assert_int_equal(pidns_world_new(&bad, NULL, &w), -PIDNS_EINVAL);
	bad = env;
	bad.size--;
	assert_int_equal(pidns_world_new(&bad, NULL, &w), -PIDNS_EINVAL);
	assert_int_equal(pidns_world_new(NULL, NULL, &w), -PIDNS_EINVAL);
	assert_int_equal(pidns_world_new(&env, &config, &w), -PIDNS_EINVAL);
	config.cpus = 0;
	config.size--;
	assert_int_equal(pidns_world_new(&env, &config, &w), -PIDNS_EINVAL);
	config.size++;
	config.pid_max = 300;
	assert_int_equal(pidns_world_new(&env, &config, &w), -PIDNS_EINVAL);
	assert_null(w);
	pidns_world_free(NULL);
}

static void names_are_linuxs(void **state)
{
	const char *since = NULL;
	bool known;

	(void)state;
	assert_string_equal(pidns_errname(-PIDNS_EEXIST), "EEXIST");
	assert_string_equal(pidns_errname(PIDNS_EAGAIN), "EAGAIN");
	assert_string_equal(pidns_errname(9999), "E?");
	assert_string_equal(pidns_holder_name(PIDNS_HOLDER_IDENTITY), "identity");
	assert_string_equal(pidns_holder_name((enum pidns_holder)99), "?");
	assert_string_equal(pidns_feature_name(8, &since), "own-pid-max");
	assert_string_equal(since, "6.14");
	assert_null(pidns_feature_name(99, NULL));
	assert_int_equal(pidns_profile("5.5", &known), 0);
	assert_true(known);
	assert_int_equal(pidns_profile("6.13", NULL) & PIDNS_HAS_OWN_PID_MAX, 0);
	assert_int_not_equal(pidns_profile("6.14", NULL) & PIDNS_HAS_OWN_PID_MAX, 0);
	for (const char *const *bad =
		     (const char *const[]){ "5.4", "5.20", "6.19", "7.0", "6", "6.", "6.1x", "", NULL };
	     *bad; bad++) {
		assert_int_equal(pidns_profile(*bad, &known), 0);
		assert_false(known);
	}
}

#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		IT(a_number_is_taken_until_the_last_attachment_of_any_kind_goes),
		IT(members_are_listed_the_last_attached_first),
		IT(change_gives_the_old_number_back_if_it_was_the_last),
		IT(change_to_the_same_identity_keeps_its_number),
		IT(transfer_puts_a_link_in_the_others_place),
		IT(exchange_gives_each_the_others_identity),
		IT(a_namespace_lives_while_it_is_referred_to),
		IT(an_identity_keeps_its_namespace_and_those_above),
		IT(a_world_frees_all_whoever_holds_it),
		IT(no_world_is_made_without_an_allocator),
		IT(names_are_linuxs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-identity", tests, NULL, NULL);
}
