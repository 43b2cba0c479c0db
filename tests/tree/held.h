/* SPDX-License-Identifier: MIT */
/*
 * held.h: processes to be held, and the looks at them, for the tests of freezing.
 *
 * They are children of the test, which shares a page of memory with them.  A child that is not reaped keeps its number,
 * so signalling it by number is safe here.
 */
#ifndef SETTID_TESTS_HELD_H
#define SETTID_TESTS_HELD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tree/freeze.h"

/* Shared with the children. */
struct held_page {
	volatile uint64_t ticks;
	volatile uint32_t ready, word;
	volatile int result;
	volatile long begun, ended; /* ms */
	volatile uint32_t signals;
};
extern struct held_page *held_page;
extern int held_proc; /* /proc */

/* False: nothing can be held here, and that has been said in TAP. */
bool held_set_up(void);

void held_pause(long ms);
long held_now_ms(void);
/* Forks a child that runs fn and then leaves; returns once it has set held_page->ready or is in fn's call. */
pid_t held_start(void (*fn)(int), int arg);
void held_end(pid_t pid);
char held_state(pid_t pid);
void held_wait_state(pid_t pid, char state);
/* Waits for a normal end with code 0. */
void held_expect_end(pid_t pid);
void held_hold(struct freezer *f, pid_t tid);

/* For held_start(): counts held_page->ticks up for ever. */
void held_run_ticks(int arg);
bool held_rests(void);
/* On a busy machine it may be long before it is its turn. */
bool held_goes_on(void);

#endif
