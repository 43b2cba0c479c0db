/* SPDX-License-Identifier: MIT */
/* crowd.c: see crowd.h. */
#include "crowd.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

static const int parents[NS] = { -1, 0, 0, 1, 2 };

struct crowd crowd;

unsigned rounds(unsigned n)
{
	const char *times = getenv("SETTID_THREAD_ROUNDS");

#ifdef __SANITIZE_THREAD__
	n /= 8;
#endif
	return times ? n * (unsigned)strtoul(times, NULL, 0) : n;
}

void wrong(const char *what)
{
	if (atomic_fetch_add(&crowd.wrong, 1) == 0)
		atomic_store(&crowd.what, what);
}

uint32_t roll(uint32_t *seed, uint32_t n)
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
struct pidns_ns *_Atomic watched;
atomic_int told;

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
uint32_t yield_one_in = 2000; /* where readers run all the time a turn is long */

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

const struct pidns_env spinning = {
	.size = sizeof spinning, .alloc = give, .free = take, .drained = drained
};
const struct pidns_env locking = { .size = sizeof locking,
				   .alloc = give,
				   .free = take,
				   .drained = drained,
				   .lock = lock,
				   .unlock = unlock };

/* -------------------------------------------------------------------------------------------- scene -- */

struct pidns_id *must(struct pidns_ns *ns)
{
	struct pidns_id *id = NULL;

	assert_int_equal(pidns_id_new(ns, NULL, &id, NULL), 0);
	return id;
}

int ns_of(const struct pidns_ns *ns)
{
	for (int i = 0; i < NS; i++)
		if (crowd.ns[i] == ns)
			return i;
	return -1;
}

void mark(struct pidns_id *id, bool owned)
{
	struct pidns_ns *ns = pidns_id_ns(id);

	for (; ns; ns = pidns_ns_parent(ns)) {
		int32_t nr = pidns_id_number_in(id, ns);
		struct pidns_id *was;

		if (nr < 1 || nr >= PID_MAX) {
			wrong("an identity lacks a number, or has one that is out of range");
			return;
		}
		was = atomic_exchange(&crowd.owner[ns_of(ns)][nr], owned ? id : NULL);
		if (was != (owned ? NULL : id))
			wrong("a number was handed out twice at a time");
	}
}

void set_up(const struct pidns_env *env)
{
	assert_int_equal(pidns_world_new(env, NULL, &crowd.w), 0);
	for (int i = 0; i < NS; i++) {
		crowd.ns[i] = pidns_root(crowd.w);
		if (i)
			assert_int_equal(pidns_ns_new(crowd.w, crowd.ns[parents[i]], NULL, &crowd.ns[i]), 0);
		assert_int_equal(pidns_ns_set_pid_max(crowd.ns[i], PID_MAX), 0);
		pidns_ns_has_init(crowd.ns[i]);
		for (int nr = 0; nr < PID_MAX; nr++)
			atomic_store(&crowd.owner[i][nr], NULL);
	}
	for (int i = 0; i < KEPT; i++) {
		crowd.kept_ns[i] = i % NS;
		crowd.kept[i] = must(crowd.ns[i % NS]);
		mark(crowd.kept[i], true);
	}
	atomic_store(&crowd.wrong, 0);
	atomic_store(&crowd.allocators, 0);
}

void tear_down(void)
{
	const char *what = atomic_load(&crowd.what), *broken = pidns_check(crowd.w);

	if (atomic_load(&crowd.wrong))
		fail_msg("%d times: %s", atomic_load(&crowd.wrong), what);
	if (broken)
		fail_msg("%s", broken);
	pidns_world_free(crowd.w);
}
void run_together(const struct crew *crew, size_t len)
{
	pthread_t thread[8];

	for (size_t i = 0; i < len; i++)
		atomic_fetch_add(&crowd.allocators, crew[i].allocates);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, crew[i].run, (void *)(i * 7919 + 1)), 0);
	for (size_t i = 0; i < len; i++)
		pthread_join(thread[i], NULL);
}

int run_crowd_tests(const char *name, const struct CMUnitTest *tests, size_t len)
{
	for (size_t i = 0; i < sizeof mutexes / sizeof *mutexes; i++)
		pthread_mutex_init(&mutexes[i], NULL);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests(name, tests, len, NULL, NULL);
}
