/* SPDX-License-Identifier: MIT */
/*
 * pidns_clock.h: time for operations of nanoseconds: now() for whole loops, ticks() around a single operation, wall() for threads.
 *
 * now() counts while this thread has a processor: whoever else wants it is no part of the figures.  What reading ticks twice costs
 * is measured, and is to be taken off.
 */
#ifndef SETTID_BENCH_PIDNS_CLOCK_H
#define SETTID_BENCH_PIDNS_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline double clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline double now(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static inline double wall(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

#if defined(__x86_64__)
/* The fences keep the measured operation inside. */
static inline double ticks(void)
{
	uint64_t t;

	__builtin_ia32_lfence();
	t = __builtin_ia32_rdtsc();
	__builtin_ia32_lfence();
	return (double)t;
}

static inline double ns_per_tick(void)
{
	static double each;
	double start, first;

	if (each == 0) {
		start = wall();
		first = ticks();
		while (wall() - start < 2e7)
			;
		each = (wall() - start) / (ticks() - first);
	}
	return each;
}
#else
static inline double ticks(void)
{
	return wall();
}

static inline double ns_per_tick(void)
{
	return 1;
}
#endif

static inline double clock_cost(void)
{
	double least = 1e9;

	for (int i = 0; i < 1000; i++) {
		double start = ticks(), cost = ticks() - start;

		least = cost < least ? cost : least;
	}
	return least;
}

#endif
