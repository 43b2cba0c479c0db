/* SPDX-License-Identifier: MIT */
/*
 * test_threads.c: allocators, freers and readers at once, on namespaces that hang together, come, go, and close.  Each test runs
 * with the library's own locks and with the embedder's.  ThreadSanitizer runs it too.  SETTID_THREAD_ROUNDS multiplies it.
 *
 * Keeps:   (R1) who hands out a number twice at a time is caught by a table of owners, which is marked after a number has been
 *               given and unmarked before it is given back;
 *          (R2) threads count what is wrong and go on; the test's own thread asserts that it is nothing.
 */
#include <pidns.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NS 5 /* the root, two below it, one below each */
#define PID_MAX 480
#define HELD 40 /* at most, for each allocator */
#define KEPT 12 /* identities that stay all the time */

static const int parents[NS] = { -1, 0, 0, 1, 2 };

static struct {
	struct pidns_world *w;
	struct pidns_ns *ns[NS];
	_Atomic(struct pidns_id *) owner[NS][PID_MAX];
	struct pidns_id *kept[KEPT];
	int kept_ns[KEPT];
	atomic_int allocators; /* that still run */
	atomic_int wrong;
	_Atomic(const char *) what; /* the first thing that was */
} s;

static unsigned rounds(unsigned n)
{
	const char *times = getenv("SETTID_THREAD_ROUNDS");

#ifdef __SANITIZE_THREAD__
	n /= 8;
#endif
	return times ? n * (unsigned)strtoul(times, NULL, 0) : n;
}

static void wrong(const char *what)
{
	if (atomic_fetch_add(&s.wrong, 1) == 0)
		atomic_store(&s.what, what);
}

static uint32_t roll(uint32_t *seed, uint32_t n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

/* ------------------------------------------------------------------------------------- environments -- */

static void *give(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void take(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

/* What a closed namespace was last told to be down to; -1: nothing. */
static struct pidns_ns *_Atomic watched;
static atomic_int told;

static void drained(void *ctx, struct pidns_ns *ns, uint32_t count)
{
	(void)ctx;
	if (ns != atomic_load(&watched))
		return;
	if (count == 1)
		atomic_store(&told, 1);
	if (count > 2 || !pidns_ns_is_closed(ns))
		wrong("drained is told of an open namespace, or of more than two");
}

static pthread_mutex_t mutexes[64];

static pthread_mutex_t *mutex_of(const uint32_t *word)
{
	return &mutexes[((uintptr_t)word >> 6) % 64];
}

/* Now and then another thread gets its turn in the middle of a call: where a number is taken at one level and not yet at the
 * next. */
static uint32_t yield_one_in = 2000; /* where readers run all the time a turn is long */

static void yield_now_and_then(void)
{
	static _Thread_local uint32_t seed = 1;

	if (roll(&seed, yield_one_in) == 0)
		sched_yield();
}

/* Mutexes of the world's lock and of a namespace's may be one: the word itself is the lock, the mutex guards it. */
static void lock(void *ctx, uint32_t *word)
{
	bool got = false;

	(void)ctx;
	yield_now_and_then();
	while (!got) {
		pthread_mutex_lock(mutex_of(word));
		got = *word == 0;
		*word = 1;
		pthread_mutex_unlock(mutex_of(word));
		if (!got)
			sched_yield();
	}
}

static void unlock(void *ctx, uint32_t *word)
{
	(void)ctx;
	pthread_mutex_lock(mutex_of(word));
	*word = 0;
	pthread_mutex_unlock(mutex_of(word));
}

static const struct pidns_env spinning = {
	.size = sizeof spinning, .alloc = give, .free = take, .drained = drained
};
static const struct pidns_env locking = { .size = sizeof locking,
					  .alloc = give,
					  .free = take,
					  .drained = drained,
					  .lock = lock,
					  .unlock = unlock };

/* -------------------------------------------------------------------------------------------- scene -- */

static struct pidns_id *must(struct pidns_ns *ns)
{
	struct pidns_id *id = NULL;

	assert_int_equal(pidns_id_new(ns, NULL, &id, NULL), 0);
	return id;
}

static int ns_of(const struct pidns_ns *ns)
{
	for (int i = 0; i < NS; i++)
		if (s.ns[i] == ns)
			return i;
	return -1;
}

static void mark(struct pidns_id *id, bool owned)
{
	struct pidns_ns *ns = pidns_id_ns(id);

	for (; ns; ns = pidns_ns_parent(ns)) {
		int32_t nr = pidns_id_number_in(id, ns);
		struct pidns_id *was;

		if (nr < 1 || nr >= PID_MAX) {
			wrong("an identity lacks a number, or has one that is out of range");
			return;
		}
		was = atomic_exchange(&s.owner[ns_of(ns)][nr], owned ? id : NULL);
		if (was != (owned ? NULL : id))
			wrong("a number was handed out twice at a time");
	}
}

static void set_up(const struct pidns_env *env)
{
	assert_int_equal(pidns_world_new(env, NULL, &s.w), 0);
	for (int i = 0; i < NS; i++) {
		s.ns[i] = pidns_root(s.w);
		if (i)
			assert_int_equal(pidns_ns_new(s.w, s.ns[parents[i]], NULL, &s.ns[i]), 0);
		assert_int_equal(pidns_ns_set_pid_max(s.ns[i], PID_MAX), 0);
		pidns_ns_has_init(s.ns[i]);
		for (int nr = 0; nr < PID_MAX; nr++)
			atomic_store(&s.owner[i][nr], NULL);
	}
	for (int i = 0; i < KEPT; i++) {
		s.kept_ns[i] = i % NS;
		s.kept[i] = must(s.ns[i % NS]);
		mark(s.kept[i], true);
	}
	atomic_store(&s.wrong, 0);
	atomic_store(&s.allocators, 0);
}

static void tear_down(void)
{
	const char *what = atomic_load(&s.what), *broken = pidns_check(s.w);

	if (atomic_load(&s.wrong))
		fail_msg("%d times: %s", atomic_load(&s.wrong), what);
	if (broken)
		fail_msg("%s", broken);
	pidns_world_free(s.w);
}

/* ------------------------------------------------------------------------------------------- threads -- */

static struct pidns_id *try_new(uint32_t *seed)
{
	struct pidns_ns *ns = s.ns[roll(seed, NS)];
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
	atomic_fetch_sub(&s.allocators, 1);
	return NULL;
}

static void look_up_one(uint32_t *seed)
{
	int i = (int)roll(seed, NS);
	int32_t nr = (int32_t)roll(seed, PID_MAX), has;
	struct pidns_id *id = pidns_find_get(s.ns[i], nr);

	if (!id)
		return;
	has = pidns_id_number_in(id,
				 s.ns[i]); /* it may have been given back meanwhile, and then it has none */
	if (has != nr && has != 0)
		wrong("a look-up found an identity with another number");
	if (!pidns_ns_contains(s.ns[i], pidns_id_ns(id)))
		wrong("a look-up found an identity of another namespace");
	pidns_id_put(id);
}

static void look_up_kept(uint32_t *seed)
{
	int i = (int)roll(seed, KEPT);
	struct pidns_ns *ns = s.ns[s.kept_ns[i]];

	for (; ns; ns = pidns_ns_parent(ns)) {
		int32_t nr = pidns_id_number_in(s.kept[i], ns);

		if (pidns_find(ns, nr) != s.kept[i])
			wrong("an identity that stays is not found");
	}
}

static void walk(int i)
{
	struct pidns_id *id;
	unsigned kept = 0, all = 0;
	int32_t nr = 1;

	for (int k = 0; k < KEPT; k++)
		all += pidns_ns_contains(s.ns[i], s.ns[s.kept_ns[k]]);
	while ((id = pidns_next_get(s.ns[i], nr)) != NULL) {
		int32_t has = pidns_id_number_in(id, s.ns[i]);

		for (int k = 0; k < KEPT; k++)
			kept += s.kept[k] == id;
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

	while (atomic_load(&s.allocators) > 0) {
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

		if (pidns_ns_new(s.w, s.ns[roll(&seed, NS)], NULL, &ns) != 0) {
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
	atomic_fetch_sub(&s.allocators, 1);
	return NULL;
}

static void *move_cursors(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	while (atomic_load(&s.allocators) > 0) {
		struct pidns_ns *ns = s.ns[roll(&seed, NS)];
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

struct crew {
	void *(*run)(void *);
	bool allocates;
};

static void run_together(const struct crew *crew, size_t len)
{
	pthread_t thread[8];

	for (size_t i = 0; i < len; i++)
		atomic_fetch_add(&s.allocators, crew[i].allocates);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, crew[i].run, (void *)(i * 7919 + 1)), 0);
	for (size_t i = 0; i < len; i++)
		pthread_join(thread[i], NULL);
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
			struct pidns_id *id = atomic_load(&s.owner[i][nr]);

			kept += id != NULL;
			assert_ptr_equal(pidns_find(s.ns[i], nr), id);
			if (nr == PID_MAX - 1)
				assert_int_equal(pidns_ns_count(s.ns[i]), kept);
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
		if (pidns_id_new(s.ns[1], &wish, at, NULL) == 0 && pidns_id_number_in(*at, s.ns[1]) != nr)
			wrong("an identity has another number than its wish");
	}
	for (int i = 0; i < 2; i++)
		if (held[i])
			pidns_id_free(held[i]);
	atomic_fetch_sub(&s.allocators, 1);
	return NULL;
}

static void *look_closely(void *arg)
{
	uint32_t seed = (uint32_t)(uintptr_t)arg;

	while (atomic_load(&s.allocators) > 0)
		for (int i = 0; i < 1000; i++) {
			int32_t nr = 100 + (int32_t)roll(&seed, HOT), has;
			struct pidns_id *id = pidns_find_get(s.ns[1], nr);

			if (!id)
				continue;
			has = pidns_id_number_in(id, s.ns[1]);
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
	int32_t set_tid[] = { 0, 0, pidns_id_number(s.kept[0], 0) };

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

		assert_int_equal(pidns_ns_new(s.w, s.ns[0], NULL, &c.closing), 0);
		assert_int_equal(pidns_ns_new(s.w, c.closing, NULL, &c.below), 0);
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

#define WITH(test, env) cmocka_unit_test_prestate(test, (void *)&(env))

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(no_number_is_handed_out_twice_and_each_is_found, spinning),
		WITH(no_number_is_handed_out_twice_and_each_is_found, locking),
		WITH(namespaces_come_and_go_beside_readers, spinning),
		WITH(namespaces_come_and_go_beside_readers, locking),
		WITH(a_look_up_never_finds_a_former_owner, spinning),
		WITH(whoever_waits_for_a_closed_namespace_to_drain_is_told, spinning),
		WITH(whoever_waits_for_a_closed_namespace_to_drain_is_told, locking),
	};

	for (size_t i = 0; i < sizeof mutexes / sizeof *mutexes; i++)
		pthread_mutex_init(&mutexes[i], NULL);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-threads", tests, NULL, NULL);
}
