/* SPDX-License-Identifier: MIT */
/*
 * test_table.c: the table of a large namespace: its summaries find what is left, and its memory comes in pieces of any size.
 */
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LEAF 512

static struct mem mem;
static struct pidns_world *w;
static struct pidns_ns *ns;

static int set_up(void **state)
{
	struct pidns_env env = mem_env(&mem);

	(void)state;
	mem = (struct mem){ 0 };
	assert_int_equal(pidns_world_new(&env, NULL, &w), 0);
	ns = pidns_root(w);
	pidns_ns_has_init(ns);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mem_disarm(&mem);
	assert_null(pidns_check(w));
	pidns_world_free(w);
	assert_int_equal(mem.bytes, 0);
	return 0;
}

static int32_t next(void)
{
	struct pidns_id *id;
	int32_t r = pidns_id_new(ns, NULL, &id, NULL);

	return r < 0 ? r : pidns_id_number(id, 0);
}

/* 1 .. last are taken. */
static void fill(int32_t last)
{
	assert_int_equal(pidns_ns_set_pid_max(ns, PIDNS_NUMBER_MAX), 0);
	for (int32_t nr = 1; nr <= last; nr++)
		if (next() != nr)
			fail_msg("number %d", (int)nr);
}

static void free_number(int32_t nr)
{
	assert_non_null(pidns_find(ns, nr));
	pidns_id_free(pidns_find(ns, nr));
}

/* Words of a leaf, leaves of a word, words of those: at each one's first and last. */
static const int32_t places[] = {
	300,
	511,
	512,
	513,
	575,
	576,
	1023,
	1024,
	64 * LEAF,
	64 * LEAF - 1,
	65 * LEAF - 1,
	4095 * LEAF,
	4096 * LEAF - 1,
	4096 * LEAF,
	4096 * LEAF + 64,
	8191 * LEAF,
	8191 * LEAF - 1,
	PIDNS_NUMBER_MAX - 1,
};
enum { PLACES = sizeof places / sizeof *places };

static void the_only_free_number_is_found_from_anywhere(void **state)
{
	(void)state;
	fill(PIDNS_NUMBER_MAX - 1);
	for (int at = 0; at < PLACES; at++)
		for (int from = 0; from < PLACES; from++) {
			free_number(places[at]);
			assert_int_equal(pidns_ns_set_last(ns, places[from] - 1), 0);
			assert_int_equal(next(), places[at]);
			assert_int_equal(next(), -PIDNS_EAGAIN);
		}
}

static void of_two_free_numbers_the_one_at_or_above_the_cursor_is_taken(void **state)
{
	(void)state;
	fill(PIDNS_NUMBER_MAX - 1);
	for (int low = 0; low < PLACES; low++)
		for (int high = 0; high < PLACES; high++) {
			if (places[low] >= places[high])
				continue;
			free_number(places[low]);
			free_number(places[high]);
			assert_int_equal(pidns_ns_set_last(ns, places[low]), 0);
			assert_int_equal(next(), places[high]);
			assert_int_equal(next(), places[low]);
		}
}

static void a_leaf_that_was_full_and_emptied_is_found_again(void **state)
{
	(void)state;
	fill(130 * LEAF);
	for (int32_t nr = 64 * LEAF; nr < 65 * LEAF; nr++)
		free_number(nr);
	assert_null(pidns_check(w));
	assert_ptr_equal(pidns_next(ns, 64 * LEAF), pidns_find(ns, 65 * LEAF));
	assert_int_equal(pidns_ns_set_last(ns, 1000), 0);
	for (int32_t nr = 64 * LEAF; nr < 65 * LEAF; nr++)
		assert_int_equal(next(), nr);
	assert_int_equal(next(), 130 * LEAF + 1);
}

/* The first number of each leaf needs memory for it, unless there is some left. */
static void a_table_that_gets_no_large_piece_takes_a_small_one(void **state)
{
	(void)state;
	fill(100 * LEAF - 1);
	for (int32_t leaf = 100; leaf < 400; leaf++) {
		int32_t want = leaf * LEAF, r;
		struct pidns_wish wish = { .set_tid = &want, .len = 1 };
		struct pidns_id *id;
		bool failed;

		mem_fail(&mem, 1);
		r = pidns_id_new(ns, &wish, &id, NULL);
		failed = mem_disarm(&mem);
		if (failed && r == 0)
			return; /* it was the piece's: a slab or a directory would have been missed */
		if (r < 0) {
			assert_int_equal(r, -PIDNS_ENOMEM);
			assert_int_equal(pidns_id_new(ns, &wish, &id, NULL), 0);
		}
	}
	fail_msg("no piece of a table was asked for");
}

static void a_table_that_gets_no_piece_at_all_takes_no_number(void **state)
{
	int32_t r = 0, nr;

	(void)state;
	fill(100 * LEAF);
	mem_fail(&mem, 1);
	mem.fail_on = true;
	for (nr = 100 * LEAF + 1; r >= 0; nr++)
		r = next();
	assert_int_equal(r, -PIDNS_ENOMEM);
	mem_disarm(&mem);
	mem.fail_on = false;
	assert_int_equal(next(), nr - 1);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(the_only_free_number_is_found_from_anywhere),
		IT(of_two_free_numbers_the_one_at_or_above_the_cursor_is_taken),
		IT(a_leaf_that_was_full_and_emptied_is_found_again),
		IT(a_table_that_gets_no_large_piece_takes_a_small_one),
		IT(a_table_that_gets_no_piece_at_all_takes_no_number),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-table", tests, NULL, NULL);
}
