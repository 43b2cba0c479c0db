/* SPDX-License-Identifier: MIT */
/*
 * test_threads_ends.c: numbers that change hands under those who look for them, and namespaces that close meanwhile.
 */
#include "crowd.h"

#include <pthread.h>

/* --------------------------------------------------------------------------------------- former owners -- */

#define HOT 8 /* numbers that change hands all the time, with the same few objects behind them */

static void *change_hands(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;
	struct pidns_id *held[2] = { 0 };

	for (unsigned i = rounds(400000); i > 0; i--) {
		struct pidns_id **at = &held[i % 2];
		int32_t nr = 100 + (int32_t)roll(&seed, HOT);
		struct pidns_wish wish = { .set_tid = &nr, .len = 1 };

		if (*at)
			pidns_id_free(*at);
		*at = NULL;
		if (pidns_id_new(crowd.ns[1], &wish, at, NULL) == 0 &&
		    pidns_id_number_in(*at, crowd.ns[1]) != nr)
			wrong("an identity has another number than its wish");
	}
	for (int i = 0; i < 2; i++)
		if (held[i])
			pidns_id_free(held[i]);
	atomic_fetch_sub(&crowd.allocators, 1);
	return NULL;
}

static void *look_closely(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	while (atomic_load(&crowd.allocators) > 0)
		for (int i = 0; i < 1000; i++) {
			int32_t nr = 100 + (int32_t)roll(&seed, HOT), has;
			struct pidns_id *id = pidns_find_get(crowd.ns[1], nr);

			if (!id)
				continue;
			has = pidns_id_number_in(id, crowd.ns[1]);
			if (has != nr && has != 0)
				wrong("a look-up found a number's former owner with his new number");
			pidns_id_put(id);
		}
	return NULL;
}

static void a_look_up_never_finds_a_former_owner(void **state)
{
	static const struct crew crew[] = { { change_hands, true },
					    { look_closely, false },
					    { change_hands, true },
					    { look_closely, false } };

	set_up(*state);
	run_together(crew, sizeof crew / sizeof *crew);
	tear_down();
}

/* ------------------------------------------------------------------------------------------- closing -- */

static struct {
	struct pidns_ns *closing, *below;
	bool only_refusals;
	pthread_barrier_t start;
} c;

/* Identities in the closing namespace and below it, some of which are refused further out, when they show already. */
static void *come_and_go(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;
	int32_t set_tid[] = { 0, 0, pidns_id_number(crowd.kept[0], 0) };

	pthread_barrier_wait(&c.start);
	for (int i = c.only_refusals ? 200 : 40; i > 0; i--) {
		struct pidns_wish wish = { .set_tid = set_tid, .len = 3 };
		bool refused = c.only_refusals || roll(&seed, 3) == 0;
		struct pidns_id *id;
		int32_t r;

		set_tid[0] = 2 + (int32_t)roll(&seed, 100);
		set_tid[1] = 2 + (int32_t)roll(&seed, 100);
		r = pidns_id_new(roll(&seed, 2) || refused ? c.below : c.closing, refused ? &wish : NULL, &id,
				 NULL);
		if (r == 0 && refused)
			wrong("a taken number was handed out");
		if (r == 0)
			pidns_id_free(id);
	}
	return NULL;
}

static void *close_it(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	pthread_barrier_wait(&c.start);
	for (volatile uint32_t i = roll(&seed, c.only_refusals ? 60000 : 3000); i > 0; i--)
		;
	pidns_ns_close(c.closing);
	if (pidns_ns_count(c.closing) <= 1)
		atomic_store(&told, 1); /* nothing to wait for */
	return NULL;
}

static void whoever_waits_for_a_closed_namespace_to_drain_is_told(void **state)
{
	set_up(*state);
	yield_one_in = 8;
	assert_int_equal(pthread_barrier_init(&c.start, NULL, 3), 0);
	for (unsigned i = rounds(1600); i > 0; i--) {
		pthread_t thread[3];
		struct pidns_id *init;

		assert_int_equal(pidns_ns_new(crowd.w, crowd.ns[0], NULL, &c.closing), 0);
		assert_int_equal(pidns_ns_new(crowd.w, c.closing, NULL, &c.below), 0);
		pidns_ns_has_init(c.closing);
		pidns_ns_has_init(c.below);
		init = must(c.closing);
		c.only_refusals = i % 2;
		atomic_store(&told, 0);
		atomic_store(&watched, c.closing);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(pthread_create(&thread[k], NULL, k ? come_and_go : close_it,
							(void *)(i * 3 + k)),
					 0);
		for (size_t k = 0; k < 3; k++)
			pthread_join(thread[k], NULL);
		if (!atomic_load(&told))
			wrong("a namespace is down to its init, and nobody was told");
		assert_int_equal(pidns_ns_count(c.closing), 1);
		atomic_store(&watched, NULL);
		pidns_id_free(init);
		pidns_ns_put(c.below);
		pidns_ns_put(c.closing);
	}
	pthread_barrier_destroy(&c.start);
	yield_one_in = 2000;
	tear_down();
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_look_up_never_finds_a_former_owner, spinning),
		WITH(whoever_waits_for_a_closed_namespace_to_drain_is_told, spinning),
		WITH(whoever_waits_for_a_closed_namespace_to_drain_is_told, locking),
	};

	return run_crowd_tests("pidns-threads-ends", tests, sizeof tests / sizeof *tests);
}
