/* SPDX-License-Identifier: MIT */
/*
 * engine_wait.c: what processes of a restore tell each other: counters, the one failure, events for the restorer.
 *
 * Costs:   two system calls for a counter that somebody waits for, none for an ADD that does not make it full.
 */
#include "engine_internal.h"

#include <errno.h>
#include <time.h>

static void futex_wake_all(uint32_t *word)
{
	SYS3(SYS_futex, word, FUTEX_WAKE, INT32_MAX);
}

void engine_sleep(struct engine *e)
{
	for (;;)
		futex_wait(&e->never, 0);
}

void engine_tell(struct engine *e, char event)
{
	while (SYS3(SYS_write, e->event_fd, &event, 1) == -EINTR)
		;
}

/* First come, first told; whoever fails sleeps then, but for the guard, which has the others to end. */
void engine_fail(struct ctx *c, uint32_t step, long code)
{
	struct engine *e = c->e;

	if (__atomic_exchange_n(&e->failure.claimed, 1, __ATOMIC_ACQ_REL))
		return;
	e->failure.actor = c->actor;
	e->failure.step = step;
	e->failure.code = (int32_t)code;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	engine_tell(e, ENGINE_FAILED);
}

uint64_t engine_now(void)
{
	struct timespec t = { 0, 0 };

	SYS2(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void engine_counter_add(struct engine *e, uint32_t counter, uint32_t count)
{
	if (__atomic_add_fetch(&e->counters[counter], count, __ATOMIC_SEQ_CST) == e->full[counter])
		futex_wake_all(&e->counters[counter]);
	else
		return;
	if (__atomic_load_n(&e->guard_waits, __ATOMIC_SEQ_CST) == counter + 1) {
		uint64_t one = 1;

		SYS3(SYS_write, e->bell_fd, &one, sizeof one);
	}
}

void engine_counter_wait(struct engine *e, uint32_t counter)
{
	uint32_t value;

	while ((value = __atomic_load_n(&e->counters[counter], __ATOMIC_ACQUIRE)) < e->full[counter])
		futex_wait(&e->counters[counter], value);
}

void engine_done(struct engine *e)
{
	if (__atomic_add_fetch(&e->stands, 1, __ATOMIC_ACQ_REL) != e->total)
		return;
	e->stands_ns = engine_now();
	engine_tell(e, ENGINE_STANDS);
}
