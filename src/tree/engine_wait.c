/* SPDX-License-Identifier: MIT */
/*
 * engine_wait.c: what processes of a restore tell each other: counters, the one failure, events for the restorer.
 *
 * Costs:   two system calls for a counter that somebody waits for, none for an ADD that does not make it full.
 */
#include "engine_internal.h"

#include <errno.h>
#include <time.h>

long engine_wake_all(uint32_t *word)
{
	long r = SYS3(SYS_futex, word, FUTEX_WAKE, INT32_MAX);

	return r < 0 ? r : 0;
}

void engine_sleep(struct engine *e)
{
	for (;;)
		futex_wait(&e->never, 0);
}

long engine_tell(struct engine *e, char event)
{
	long r;

	do
		r = SYS3(SYS_write, e->event_fd, &event, 1);
	while (r == -EINTR);
	return r < 0 ? r : 0;
}

char *engine_decimal(uint32_t n, char *end)
{
	do
		*--end = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	return end;
}

#define LAST_WORDS 3 /* tries: nothing else is there to tell of a failure */

/* First come, first told; whoever fails sleeps then, but for the guard, which has the others to end. */
void engine_fail(struct ctx *c, enum engine_part part, uint32_t step, long code)
{
	struct engine *e = c->e;

	if (__atomic_exchange_n(&e->failure.claimed, 1, __ATOMIC_ACQ_REL))
		return;
	e->failure.part = part;
	e->failure.actor = c->actor;
	e->failure.step = step;
	e->failure.code = (int32_t)code;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (int k = 0; k < LAST_WORDS; k++)
		if (engine_tell(e, ENGINE_FAILED) == 0)
			break;
}

uint64_t engine_now(void)
{
	struct timespec t = { 0, 0 };

	SYS2(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

long engine_counter_add(struct engine *e, uint32_t counter, uint32_t count)
{
	uint64_t one = 1;
	long r;

	if (__atomic_add_fetch(&e->counters[counter], count, __ATOMIC_SEQ_CST) != e->full[counter])
		return 0;
	r = engine_wake_all(&e->counters[counter]);
	if (r == 0 && __atomic_load_n(&e->guard_waits, __ATOMIC_SEQ_CST) == counter + 1)
		r = SYS3(SYS_write, e->bell_fd, &one, sizeof one);
	return r < 0 ? r : 0;
}

void engine_wait_gone(struct engine *e, uint32_t actor)
{
	while (__atomic_load_n(&e->alive[actor], __ATOMIC_ACQUIRE))
		futex_wait(&e->alive[actor], 1);
}

void engine_counter_wait(struct engine *e, uint32_t counter)
{
	uint32_t value;

	while ((value = __atomic_load_n(&e->counters[counter], __ATOMIC_ACQUIRE)) < e->full[counter])
		futex_wait(&e->counters[counter], value);
}

long engine_done(struct engine *e)
{
	if (__atomic_add_fetch(&e->stands, 1, __ATOMIC_ACQ_REL) != e->total)
		return 0;
	e->stands_ns = engine_now();
	return engine_tell(e, ENGINE_STANDS);
}
