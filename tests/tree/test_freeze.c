/* SPDX-License-Identifier: MIT */
/*
 * test_freeze.c: what is held still runs nothing, and the calls it was in notice nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "held.h"
#include "tree/tree.h"

static void a_held_process_runs_no_instruction_until_it_is_let_go(void **state)
{
	struct freezer f;
	pid_t pid = held_start(held_run_ticks, 0);

	(void)state;
	assert_true(held_goes_on());
	held_hold(&f, pid);
	assert_int_equal(freezer_hold(&f, pid), 0); /* held already */
	assert_true(held_rests());
	freezer_stop(&f);
	assert_true(held_goes_on());
	held_end(pid);
}

static void *tick_thread(void *arg)
{
	(void)arg;
	held_run_ticks(0);
	return NULL;
}

static void run_two_threads(int arg)
{
	pthread_t t;

	(void)arg;
	pthread_create(&t, NULL, tick_thread, NULL);
	for (;;)
		pause();
}

static void a_frozen_dump_holds_every_thread_and_lets_all_go(void **state)
{
	struct tree_dump_options o = { .freeze = true, .proc_fd = -1 };
	pid_t pid = held_start(run_two_threads, 0);
	struct tree_error err = { 0 };
	struct tree *t;

	(void)state;
	if (tree_dump(pid, &o, &t, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(t->processes[0].threads_len, 2);
	assert_int_equal(t->processes[0].state, TREE_LIVE);
	tree_free(t);
	assert_true(held_goes_on());
	assert_int_equal(held_state(pid), 'S');
	held_end(pid);
}

/* --------------------------------------------------------------------------- calls in the kernel -- */

enum call { CALL_NANOSLEEP, CALL_READ, CALL_POLL, CALL_FUTEX };
enum { CALL_MS = 300 };
static int ends[2];

static int make_call(int call)
{
	struct pollfd p = { .fd = ends[0], .events = POLLIN };
	struct timespec t = { .tv_nsec = CALL_MS * 1000000 };
	char c;

	switch ((enum call)call) {
	case CALL_NANOSLEEP:
		return nanosleep(&t, NULL);
	case CALL_READ:
		return read(ends[0], &c, 1) == 1 ? 0 : -1;
	case CALL_POLL:
		return poll(&p, 1, CALL_MS);
	case CALL_FUTEX:
		return syscall(SYS_futex, &held_page->word, FUTEX_WAIT, 0, NULL) == 0 ? 0 : -1;
	}
	return -1;
}

static void run_call(int call)
{
	held_page->begun = held_now_ms();
	held_page->ready = 1;
	held_page->result = make_call(call) == 0 ? 1 : -errno;
	held_page->ended = held_now_ms();
}

/* Held in the middle of a call and let go again, the call ends as if nothing had been. */
static void hold_in_call(int call)
{
	struct freezer f;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = held_start(run_call, call);
	held_wait_state(pid, 'S');
	held_hold(&f, pid);
	held_pause(40);
	freezer_stop(&f);
	if (call == CALL_READ)
		assert_int_equal(write(ends[1], "x", 1), 1);
	if (call == CALL_FUTEX) {
		held_wait_state(pid, 'S');
		held_page->word = 1;
		syscall(SYS_futex, &held_page->word, FUTEX_WAKE, 1);
	}
	held_expect_end(pid);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(held_page->result, 1);
}

/*
 * Held until its time is over, a call of CALL_MS has to end with the hold; begun anew it would last CALL_MS from
 * there, every time.  A busy machine may be too late for the call or delay its end, so one try of many is enough.
 */
static void hold_over_the_time_of(int call)
{
	bool as_if_nothing = false;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	for (int tries = 0; tries < 20 && !as_if_nothing; tries++) {
		struct freezer f;
		pid_t pid = held_start(run_call, call);

		assert_int_equal(freezer_start(&f, held_proc, NULL), 0);
		bool in_call = freezer_hold(&f, pid) == 1 && held_page->result == 0;
		held_pause(CALL_MS + 20);
		long let_go = held_now_ms();
		freezer_stop(&f);
		held_expect_end(pid);
		assert_int_equal(held_page->result, 1);
		assert_true(held_page->ended - held_page->begun >= CALL_MS - 5);
		as_if_nothing = in_call && held_page->ended < let_go + CALL_MS - 5;
	}
	assert_true(as_if_nothing);
	close(ends[0]);
	close(ends[1]);
}

static void a_nanosleep_is_neither_cut_short_nor_begun_anew(void **state)
{
	(void)state;
	hold_over_the_time_of(CALL_NANOSLEEP);
}

static void a_read_goes_on_waiting(void **state)
{
	(void)state;
	hold_in_call(CALL_READ);
}

static void a_poll_keeps_its_timeout(void **state)
{
	(void)state;
	hold_over_the_time_of(CALL_POLL);
}

static void a_futex_wait_goes_on_waiting(void **state)
{
	(void)state;
	hold_in_call(CALL_FUTEX);
}

static void run_vfork(int arg)
{
	(void)arg;
	held_page->ready = 1;
	if (vfork() == 0) {
		while (!held_page->word)
			nanosleep(&(struct timespec){ .tv_nsec = 5 * 1000000 }, NULL);
		_exit(0);
	}
	held_page->result = 1;
	while (waitpid(-1, NULL, 0) < 0 && errno == EINTR)
		;
}

/* It is deep in the kernel and comes to no stop while its child is held. */
static void a_vfork_parent_is_dumped_frozen_and_goes_on(void **state)
{
	struct tree_dump_options o = { .freeze = true, .proc_fd = -1 };
	pid_t pid = held_start(run_vfork, 0);
	struct tree_error err = { 0 };
	struct tree *t;

	(void)state;
	held_wait_state(pid, 'D');
	if (tree_dump(pid, &o, &t, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(t->processes_len, 2);
	tree_free(t);
	held_page->word = 1;
	held_expect_end(pid);
	assert_int_equal(held_page->result, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_held_process_runs_no_instruction_until_it_is_let_go),
		cmocka_unit_test(a_frozen_dump_holds_every_thread_and_lets_all_go),
		cmocka_unit_test(a_nanosleep_is_neither_cut_short_nor_begun_anew),
		cmocka_unit_test(a_read_goes_on_waiting),
		cmocka_unit_test(a_poll_keeps_its_timeout),
		cmocka_unit_test(a_futex_wait_goes_on_waiting),
		cmocka_unit_test(a_vfork_parent_is_dumped_frozen_and_goes_on),
	};

	return held_set_up() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
