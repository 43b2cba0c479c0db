/* SPDX-License-Identifier: MIT */
/*
 * test_threads.c: allocators, freers and readers at once, on namespaces that hang together, come and go.  Each test runs
 * with the library's own locks and with the embedder's.  ThreadSanitizer runs it too.
 */
#include "crowd.h"

#include <sched.h>

/* ------------------------------------------------------------------------------------------- threads -- */

static struct pidns_id *try_new(uint32_t *seed)
{
	struct pidns_ns *ns = crowd.ns[roll(seed, NS)];
	int32_t set_tid[2] = { 1 + (int32_t)roll(seed, PID_MAX - 1), 1 + (int32_t)roll(seed, PID_MAX - 1) };
	struct pidns_wish wish = { .set_tid = set_tid, .len = roll(seed, 3) };
	struct pidns_id *id = NULL;
	int32_t r;

	if (wish.len > (size_t)pidns_ns_level(ns) + 1)
		wish.len = 1;
	r = pidns_id_new(ns, &wish, &id, NULL);
	if (r == 0)
		mark(id, true);
	else if (r != -PIDNS_EAGAIN && !(r == -PIDNS_EEXIST && wish.len))
		wrong("an allocation is refused for no reason");
	return id;
}

static void *allocate(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;
	struct pidns_id *held[HELD] = { 0 };

	for (unsigned i = rounds(200000); i > 0; i--) {
		struct pidns_id **at = &held[roll(&seed, HELD)];

		if (!*at) {
			*at = try_new(&seed);
			continue;
		}
		mark(*at, false);
		pidns_id_free(*at);
		*at = NULL;
	}
	for (int i = 0; i < HELD; i++)
		if (held[i]) {
			mark(held[i], false);
			pidns_id_free(held[i]);
		}
	atomic_fetch_sub(&crowd.allocators, 1);
	return NULL;
}

static void look_up_one(uint32_t *seed)
{
	int i = (int)roll(seed, NS);
	int32_t nr = (int32_t)roll(seed, PID_MAX), has;
	struct pidns_id *id = pidns_find_get(crowd.ns[i], nr);

	if (!id)
		return;
	has = pidns_id_number_in(
		id, crowd.ns[i]); /* it may have been given back meanwhile, and then it has none */
	if (has != nr && has != 0)
		wrong("a look-up found an identity with another number");
	if (!pidns_ns_contains(crowd.ns[i], pidns_id_ns(id)))
		wrong("a look-up found an identity of another namespace");
	pidns_id_put(id);
}

static void look_up_kept(uint32_t *seed)
{
	int i = (int)roll(seed, KEPT);
	struct pidns_ns *ns = crowd.ns[crowd.kept_ns[i]];

	for (; ns; ns = pidns_ns_parent(ns)) {
		int32_t nr = pidns_id_number_in(crowd.kept[i], ns);

		if (pidns_find(ns, nr) != crowd.kept[i])
			wrong("an identity that stays is not found");
	}
}

static void walk(int i)
{
	struct pidns_id *id;
	unsigned kept = 0, all = 0;
	int32_t nr = 1;

	for (int k = 0; k < KEPT; k++)
		all += pidns_ns_contains(crowd.ns[i], crowd.ns[crowd.kept_ns[k]]);
	while ((id = pidns_next_get(crowd.ns[i], nr)) != NULL) {
		int32_t has = pidns_id_number_in(id, crowd.ns[i]);

		for (int k = 0; k < KEPT; k++)
			kept += crowd.kept[k] == id;
		if (has && has < nr)
			wrong("a walk goes backwards");
		nr = has ? has + 1 : nr + 1;
		pidns_id_put(id);
	}
	if (kept != all)
		wrong("a walk does not see those that stay, each once");
}

static void *read_all(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	while (atomic_load(&crowd.allocators) > 0) {
		for (int i = 0; i < 200; i++) {
			look_up_one(&seed);
			look_up_kept(&seed);
		}
		walk((int)roll(&seed, NS));
	}
	return NULL;
}

/* Namespaces come and go below others, with identities in them that show in all above. */
static void *make_namespaces(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	for (unsigned i = rounds(12000); i > 0; i--) {
		struct pidns_ns *ns;
		struct pidns_id *id[4] = { 0 };

		if (pidns_ns_new(crowd.w, crowd.ns[roll(&seed, NS)], NULL, &ns) != 0) {
			wrong("a namespace is refused");
			continue;
		}
		for (int k = 0; k < 4; k++)
			pidns_id_new(ns, NULL, &id[k], NULL); /* EAGAIN when a level above is full */
		if (roll(&seed, 2))
			pidns_ns_close(ns);
		pidns_ns_put(ns); /* its identities keep it */
		for (int k = 0; k < 4; k++)
			if (id[k])
				pidns_id_free(id[k]);
	}
	atomic_fetch_sub(&crowd.allocators, 1);
	return NULL;
}

static void *move_cursors(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	while (atomic_load(&crowd.allocators) > 0) {
		struct pidns_ns *ns = crowd.ns[roll(&seed, NS)];
		int32_t last = pidns_ns_last(ns);

		if (last < -1 || last >= PID_MAX)
			wrong("a cursor is out of range");
		if (pidns_ns_set_last(ns, roll(&seed, PID_MAX)) != 0)
			wrong("a cursor cannot be set");
		if (pidns_ns_count(ns) >= PID_MAX || pidns_ns_pid_max(ns) != PID_MAX)
			wrong("a namespace counts too many");
	}
	return NULL;
}
static void no_number_is_handed_out_twice_and_each_is_found(void **state)
{
	static const struct crew crew[] = {
		{ allocate, true },  { allocate, true },  { allocate, true },
		{ read_all, false }, { read_all, false }, { move_cursors, false }
	};

	set_up(*state);
	run_together(crew, sizeof crew / sizeof *crew);
	for (int i = 0; i < NS; i++)
		for (int nr = 0, kept = 0; nr < PID_MAX; nr++) {
			struct pidns_id *id = atomic_load(&crowd.owner[i][nr]);

			kept += id != NULL;
			assert_ptr_equal(pidns_find(crowd.ns[i], nr), id);
			if (nr == PID_MAX - 1)
				assert_int_equal(pidns_ns_count(crowd.ns[i]), kept);
		}
	tear_down();
}

static void namespaces_come_and_go_beside_readers(void **state)
{
	static const struct crew crew[] = { { make_namespaces, true },
					    { make_namespaces, true },
					    { read_all, false },
					    { read_all, false },
					    { allocate, true } };

	set_up(*state);
	run_together(crew, sizeof crew / sizeof *crew);
	tear_down();
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(no_number_is_handed_out_twice_and_each_is_found, spinning),
		WITH(no_number_is_handed_out_twice_and_each_is_found, locking),
		WITH(namespaces_come_and_go_beside_readers, spinning),
		WITH(namespaces_come_and_go_beside_readers, locking),
	};

	return run_crowd_tests("pidns-threads", tests, sizeof tests / sizeof *tests);
}
