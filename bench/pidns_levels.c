/* SPDX-License-Identifier: MIT */
/*
 * pidns_levels.c: the figures of libpidns by depth, a process's whole life in the task model, and small namespaces' memory.
 *
 *	pidns_levels ROUNDS
 *
 * Lines: SUBJECT/FIGURE-DEPTH nanoseconds, where an identity has DEPTH numbers, and LIVE of its namespace's are held.  `life` is
 * clone3, exit and the parent's wait4; `crowd-N` the same in the first namespace beside N other processes.  `empty` and `ten` are
 * a namespace's bytes with no numbers and with ten, the identities' own memory not counted.
 */
#include <malloc.h>
#include <pidns.h>
#include <stdio.h>

#include "pidns_clock.h"
#include "pidns_memory.h"

#ifdef PIDNS_SINGLE_THREADED
#define TITLE "libpidns-single"
#else
#define TITLE "libpidns"
#endif

enum { LIVE = 10000, END = 32768, FIRST = 300, NAMESPACES = PIDNS_LEVEL_MAX + 1 };

static const uint32_t depths[] = { 1, 2, 4, 8, 16, 33 };
static const uint32_t crowds[] = { 10, 100, 1000, 10000, 100000, 1000000, 4000000 };
enum { DEPTHS = sizeof depths / sizeof *depths, CROWDS = sizeof crowds / sizeof *crowds };

struct place { /* a world and its namespaces, the outermost first */
	struct pidns_world *w;
	struct pidns_ns *ns[NAMESPACES];
	struct pidns_task *task[NAMESPACES];
	struct memory memory;
};

static volatile uintptr_t sink;

static void must(int32_t r)
{
	if (r < 0) {
		fprintf(stderr, "pidns_levels: %s\n", pidns_errname(r));
		exit(1);
	}
}

static void say(const char *figure, uint32_t at, double value)
{
	printf("%s/%s-%u %.4f\n", TITLE, figure, (unsigned)at, value);
}

static void world_new(struct place *p)
{
	struct pidns_env env = {
		.size = sizeof env, .ctx = &p->memory, .alloc = memory_new, .free = memory_free
	};

	*p = (struct place){ 0 };
	must(pidns_world_new(&env, NULL, &p->w));
	p->ns[0] = pidns_root(p->w);
}

static struct pidns_id *take(struct pidns_ns *ns)
{
	struct pidns_id *id;

	must(pidns_id_new(ns, NULL, &id, NULL));
	return id;
}

/* Namespaces with their first number held, and in the innermost LIVE. */
static void numbers_new(struct place *p, uint32_t depth)
{
	double start;

	world_new(p);
	for (uint32_t i = 0; i < depth; i++) {
		if (i)
			must(pidns_ns_new(p->w, p->ns[i - 1], NULL, &p->ns[i]));
		take(p->ns[i]);
		pidns_ns_has_init(p->ns[i]);
		must(pidns_ns_set_pid_max(p->ns[i], END));
	}
	start = now();
	for (uint32_t i = 1; i < LIVE; i++)
		take(p->ns[depth - 1]);
	say("fill", depth, (now() - start) / LIVE);
}

/* ---------------------------------------------------------------------------------- number layer -- */

static double pair(struct pidns_ns *ns)
{
	double start = now();

	for (uint32_t i = 0; i < 4000; i++)
		pidns_id_free(take(ns));
	return (now() - start) / 4000;
}

/* The innermost number is wished for. */
static double wished(struct pidns_ns *ns)
{
	double start = now();

	for (uint32_t i = 0; i < 4000; i++) {
		int32_t want = LIVE + 1 + (int32_t)(i * 61 % 4096);
		struct pidns_wish wish = { .set_tid = &want, .len = 1 };
		struct pidns_id *id;

		must(pidns_id_new(ns, &wish, &id, NULL));
		pidns_id_free(id);
	}
	return (now() - start) / 4000;
}

static double find(struct pidns_ns *ns)
{
	uintptr_t sum = 0;
	double start = now();

	for (uint32_t i = 0; i < 100000; i++)
		sum += (uintptr_t)pidns_find(ns, 5000 + (int32_t)(i * 29 & 255));
	sink = sum;
	return (now() - start) / 100000;
}

static double get(struct pidns_ns *ns)
{
	double time = now();

	for (uint32_t i = 0; i < 20000; i++)
		sink = (uintptr_t)pidns_find_get(ns, 5000 + (int32_t)(i & 15));
	time = now() - time;
	for (uint32_t i = 0; i < 20000; i++)
		pidns_id_put(pidns_find(ns, 5000 + (int32_t)(i & 15)));
	return time / 20000;
}

static double next(struct pidns_ns *ns)
{
	uintptr_t sum = 0;
	double start = now();

	for (int32_t i = 1; i < 8000; i++)
		sum += (uintptr_t)pidns_next(ns, i);
	sink = sum;
	return (now() - start) / 8000;
}

/* All of the innermost namespace's numbers are taken but one. */
static double last_free(struct pidns_ns *ns)
{
	double sum = 0, nothing = clock_cost();

	must(pidns_ns_set_pid_max(ns, LIVE + 1));
	for (uint32_t i = 0; i < 1000; i++) {
		int32_t nr = FIRST + (int32_t)(i * 2711 % (LIVE - FIRST));
		double start;

		pidns_id_free(pidns_find(ns, nr));
		start = ticks();
		sink = (uintptr_t)take(ns);
		sum += ticks() - start - nothing;
	}
	must(pidns_ns_set_pid_max(ns, END));
	return sum / 1000 * ns_per_tick();
}

static const struct {
	const char *name;
	double (*measure)(struct pidns_ns *ns);
} figures[] = { { "pair", pair }, { "wished", wished }, { "hot", find },
		{ "get", get },   { "next", next },     { "last-free", last_free } };
enum { FIGURES = sizeof figures / sizeof *figures };

static void measure_numbers(unsigned rounds)
{
	struct place place[DEPTHS];

	for (unsigned k = 0; k < DEPTHS; k++) {
		numbers_new(&place[k], depths[k]);
		pidns_world_free(place[k].w);
		numbers_new(&place[k], depths[k]); /* in memory that the program has by now */
	}
	for (unsigned round = 0; round <= rounds; round++)
		for (unsigned f = 0; f < FIGURES; f++)
			for (unsigned k = 0; k < DEPTHS; k++) {
				/* the first times, cursors run through numbers that nobody has had */
				unsigned warm = round || f ? 1 : 16;
				double ns = 0;

				while (warm--)
					ns = figures[f].measure(place[k].ns[depths[k] - 1]);
				if (round)
					say(figures[f].name, depths[k], ns);
			}
	for (unsigned k = 0; k < DEPTHS; k++)
		pidns_world_free(place[k].w);
}

/* ------------------------------------------------------------------------------------- task model -- */

static double life(struct pidns_task *self)
{
	const struct pidns_clone_args args = { .exit_signal = PIDNS_SIGCHLD };
	double start = now();

	for (uint32_t i = 0; i < 2000; i++) {
		struct pidns_waited waited;
		struct pidns_task *child;

		must(pidns_clone3(self, &args, &child, NULL));
		pidns_exit(child, 0);
		must(pidns_wait4(self, -1, 0, &waited));
	}
	return (now() - start) / 2000;
}

static void measure_lives(unsigned rounds)
{
	const struct pidns_clone_args args = { .flags = PIDNS_CLONE_NEWPID, .exit_signal = PIDNS_SIGCHLD };
	struct place p;

	world_new(&p);
	must(pidns_boot(p.w, &p.task[0]));
	for (int i = 1; i < NAMESPACES; i++)
		must(pidns_clone3(p.task[i - 1], &args, &p.task[i], NULL));
	for (int i = 0; i < NAMESPACES; i++)
		must(pidns_ns_set_pid_max(pidns_task_ns(p.task[i]), END));
	for (unsigned round = 0; round <= rounds; round++)
		for (unsigned k = 0; k < DEPTHS; k++) {
			double ns = 0;

			for (unsigned warm = round ? 1 : 32; warm > 0; warm--)
				ns = life(p.task[depths[k] - 1]);
			if (round)
				say("life", depths[k], ns);
		}
	pidns_world_free(p.w);
}

/* The others are children of another child, so that the wait does not walk past them. */
static void measure_crowds(unsigned rounds)
{
	const struct pidns_clone_args args = { .exit_signal = PIDNS_SIGCHLD };
	struct pidns_task *parent, *child;
	struct place p;
	uint32_t len = 0;

	world_new(&p);
	must(pidns_boot(p.w, &p.task[0]));
	must(pidns_clone3(p.task[0], &args, &parent, NULL));
	for (unsigned k = 0; k < CROWDS; k++) {
		must(pidns_ns_set_pid_max(p.ns[0], crowds[k] + END));
		for (; len < crowds[k]; len++)
			must(pidns_clone3(parent, &args, &child, NULL));
		for (unsigned round = 0; round < rounds + 20; round++) {
			double ns = life(p.task[0]);

			if (round >= 20)
				say("crowd", crowds[k], ns);
		}
	}
	pidns_world_free(p.w);
}

/* ----------------------------------------------------------------------------------------- memory -- */

/* An identity with one number: what docs/libpidns.md says, on 64-bit machines. */
#define IDENTITY 56

static void measure_memory(void)
{
	struct pidns_ns *ns;
	struct place p;
	size_t before;

	world_new(&p);
	before = p.memory.bytes;
	must(pidns_ns_new(p.w, NULL, NULL, &ns));
	say("empty", 0, (double)(p.memory.bytes - before));
	for (int i = 0; i < 10; i++)
		take(ns);
	say("ten", 0, (double)(p.memory.bytes - before - 10 * IDENTITY));
	pidns_world_free(p.w);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;

	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT32_MAX);
	measure_memory();
	measure_numbers(rounds);
	measure_lives(rounds);
	measure_crowds(rounds);
	return 0;
}
