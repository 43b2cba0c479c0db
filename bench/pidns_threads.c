/* SPDX-License-Identifier: MIT */
/*
 * pidns_threads.c: what a second thread adds: look-ups, and allocation in one namespace and in two.
 *
 *	pidns_threads ROUNDS
 *
 * Each figure is measured with one thread and with two, in turns, for a few milliseconds, each thread pinned to a processor; lines:
 * FIGURE-THREADS operations of all threads together per microsecond.  Beside look-ups: plain loads from a table of the same size;
 * beside allocation in two namespaces: a bare bitmap for each thread.
 *
 * Keeps:   a sample counts only if its threads have had their processors to themselves, from the same moment on; there are as many
 *          tries as it takes, up to a limit.
 */
#include <pidns.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "pidns_bare.h"
#include "pidns_clock.h"
#include "pidns_memory.h"

enum { THREADS = 2, LIVE = 4000000, TRIES = 40 };
#define TIME 60e9  /* ns: no round begins later */
#define WINDOW 2e6 /* ns: shorter than a scheduler's turn */

static struct memory
	memory[3]; /* each world's is touched by one thread at a time, but for the shared one's */
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pidns_ns *full, *shared, *own[THREADS];
static struct bare *table, *bitmap[THREADS];
static _Atomic int waiting;

static void *locked_new(void *ctx, size_t size)
{
	void *p;

	pthread_mutex_lock(&memory_lock);
	p = memory_new(ctx, size);
	pthread_mutex_unlock(&memory_lock);
	return p;
}

static void locked_free(void *ctx, void *p, size_t size)
{
	pthread_mutex_lock(&memory_lock);
	memory_free(ctx, p, size);
	pthread_mutex_unlock(&memory_lock);
}

static uint32_t below(uint32_t *seed, uint32_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return (uint32_t)(((uint64_t)*seed * n) >> 32);
}

/* ------------------------------------------------------------------------------------------- work -- */

/* 64 operations. */
typedef void work_fn(int thread, uint32_t *seed);

static volatile uintptr_t sink[THREADS * 64];

static void look_up(int thread, uint32_t *seed)
{
	uintptr_t sum = 0;

	for (int i = 0; i < 64; i++)
		sum += (uintptr_t)pidns_find(full, (int32_t)(1 + below(seed, LIVE)));
	sink[thread * 64] = sum;
}

static void plain_load(int thread, uint32_t *seed)
{
	uintptr_t sum = 0;

	for (int i = 0; i < 64; i++)
		sum += (uintptr_t)bare_find(table, 1 + below(seed, LIVE));
	sink[thread * 64] = sum;
}

static void allocate(struct pidns_ns *ns)
{
	for (int i = 0; i < 64; i++) {
		struct pidns_id *id;

		if (pidns_id_new(ns, NULL, &id, NULL) < 0)
			abort();
		pidns_id_free(id);
	}
}

static void in_one(int thread, uint32_t *seed)
{
	(void)thread;
	(void)seed;
	allocate(shared);
}

static void in_two(int thread, uint32_t *seed)
{
	(void)seed;
	allocate(own[thread]);
}

static void in_bitmaps(int thread, uint32_t *seed)
{
	(void)seed;
	for (int i = 0; i < 64; i++)
		bare_clear(bitmap[thread], bare_take(bitmap[thread], 300, 65536));
}

static const struct {
	const char *name;
	work_fn *work;
} figures[] = { { "look-up", look_up },
		{ "load", plain_load },
		{ "one", in_one },
		{ "two", in_two },
		{ "bitmaps", in_bitmaps } };
enum { FIGURES = sizeof figures / sizeof *figures };

/* ---------------------------------------------------------------------------------------- threads -- */

struct job {
	work_fn *work;
	int thread, threads;
	double start, time, on_processor; /* ns */
	uint64_t ops;
};

static void *run(void *arg)
{
	struct job *job = arg;
	uint32_t seed = 77 + (uint32_t)job->thread;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(job->thread, &cpus);
	sched_setaffinity(0, sizeof cpus,
			  &cpus); /* fails with one processor: then there is nothing to gain */
	for (double begin = wall(); wall() - begin < WINDOW / 2;)
		job->work(job->thread, &seed); /* what was in the caches is there again */
	atomic_fetch_add(&waiting, 1);
	while (atomic_load(&waiting) < job->threads)
		;
	job->start = wall();
	job->on_processor = now();
	do {
		for (int i = 0; i < 16; i++)
			job->work(job->thread, &seed);
		job->ops += 16 * 64;
		job->time = wall() - job->start;
	} while (job->time < WINDOW);
	job->on_processor = now() - job->on_processor;
	return NULL;
}

static bool undisturbed(const struct job *job)
{
	double late = job->start - job[1 - job->thread].start;

	if (job->threads == THREADS && (late > WINDOW / 50 || late < -WINDOW / 50))
		return false;
	return job->on_processor > 0.97 * job->time;
}

/* Operations per microsecond; 0: disturbed. */
static double try(work_fn *work, int threads)
{
	struct job job[THREADS];
	pthread_t thread[THREADS];
	bool good = true;
	double ops = 0;

	waiting = 0;
	for (int i = 0; i < threads; i++) {
		job[i] = (struct job){ .work = work, .thread = i, .threads = threads };
		if (pthread_create(&thread[i], NULL, run, &job[i]))
			abort();
	}
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < threads; i++) {
		good &= undisturbed(&job[i]);
		ops += (double)job[i].ops * 1e3 / job[i].time;
	}
	return good ? ops : 0;
}

static double measure(work_fn *work, int threads)
{
	double ops = 0;

	for (int i = 0; i < TRIES && ops == 0; i++)
		ops = try(work, threads);
	return ops;
}

/* ------------------------------------------------------------------------------------------- setup -- */

static struct pidns_world *world_new(struct memory *m)
{
	struct pidns_env env = { .size = sizeof env, .ctx = m, .alloc = locked_new, .free = locked_free };
	struct pidns_world *w;

	if (pidns_world_new(&env, NULL, &w) < 0)
		abort();
	return w;
}

/* With a first number held, from a range of some 65,000. */
static struct pidns_ns *namespace_new(struct pidns_world *w)
{
	struct pidns_ns *ns;
	struct pidns_id *init;

	if (pidns_ns_new(w, NULL, NULL, &ns) < 0 || pidns_id_new(ns, NULL, &init, NULL) < 0 ||
	    pidns_ns_set_pid_max(ns, 65536) < 0)
		abort();
	pidns_ns_has_init(ns);
	return ns;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
	struct pidns_world *w[2] = { world_new(&memory[0]), world_new(&memory[1]) };
	struct pidns_id *id;
	double begin;

	full = pidns_root(w[0]);
	pidns_ns_has_init(full);
	table = bare_new();
	for (int i = 0; i < LIVE; i++) {
		if (pidns_id_new(full, NULL, &id, NULL) < 0)
			abort();
		bare_take(table, 1, LIVE + 1);
	}
	shared = namespace_new(w[1]);
	for (int i = 0; i < THREADS; i++) {
		own[i] = namespace_new(w[1]);
		bitmap[i] = bare_new();
	}
	begin = wall();
	for (unsigned round = 0; round <= rounds && wall() - begin < TIME; round++)
		for (int k = 0; k < FIGURES; k++)
			for (int threads = 1; threads <= THREADS; threads++) {
				double ops = measure(figures[k].work, threads);

				if (round && ops > 0) /* the first one warms up */
					printf("%s-%d %.4f\n", figures[k].name, threads, ops);
			}
	for (int i = 0; i < THREADS; i++)
		bare_free(bitmap[i]);
	bare_free(table);
	pidns_world_free(w[0]);
	pidns_world_free(w[1]);
	return 0;
}
