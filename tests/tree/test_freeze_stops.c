/* SPDX-License-Identifier: MIT */
/*
 * test_freeze_stops.c: stops, signals and parents of what is held, and the end of the holder.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "held.h"
#include "tree/tree.h"

/* ------------------------------------------------------------------------------- stops and signals -- */

static volatile sig_atomic_t chld;

static void count_chld(int signal)
{
	(void)signal;
	chld++;
}

static void run_stop(int signal)
{
	held_page->ready = 1;
	setpgid(0, 0); /* not orphaned: its parent is in another group of the session */
	kill(getpid(), signal);
	held_page->result = 1;
}

static void a_stopped_process_stays_stopped_and_its_parent_hears_nothing(void **state)
{
	struct sigaction count = { .sa_handler = count_chld, .sa_flags = SA_RESTART }, before;
	struct freezer f;
	siginfo_t info = { 0 };

	(void)state;
	sigaction(SIGCHLD, &count, &before);
	pid_t pid = held_start(run_stop, SIGTSTP);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	chld = 0;
	held_hold(&f, pid);
	assert_int_equal(freezer_find(&f, pid)->stop, SIGTSTP);
	freezer_stop(&f);
	held_wait_state(pid, 'T');
	held_pause(30);
	assert_int_equal(chld, 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WCONTINUED | WEXITED | WNOHANG), 0);
	assert_int_equal(info.si_pid, 0);
	assert_int_equal(held_page->result, 0);
	kill(pid, SIGCONT);
	held_expect_end(pid);
	assert_int_equal(held_page->result, 1);
	sigaction(SIGCHLD, &before, NULL);
}

static void a_stop_that_nobody_has_waited_for_is_still_reported_once(void **state)
{
	struct freezer f;
	siginfo_t info = { 0 };
	pid_t pid = held_start(run_stop, SIGSTOP);

	(void)state;
	held_wait_state(pid, 'T');
	held_hold(&f, pid);
	freezer_stop(&f);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG), 0);
	assert_int_equal(info.si_pid, pid);
	assert_int_equal(info.si_status, SIGSTOP);
	info.si_pid = 0;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG), 0);
	assert_int_equal(info.si_pid, 0);
	held_end(pid);
}

static void the_signal_of_a_stop_is_told_after_the_parent_has_waited_for_it(void **state)
{
	static const int signals[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
	struct tree_dump_options o = { .proc_fd = -1 };
	struct tree *t;

	(void)state;
	for (int i = 0; i < 4; i++) {
		pid_t pid = held_start(run_stop, signals[i]);
		assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
		assert_int_equal(tree_dump(pid, &o, &t, NULL), 0);
		assert_int_equal(t->processes[0].state, TREE_STOPPED);
		assert_int_equal(t->processes[0].stop_signal, signals[i]);
		assert_int_equal(t->unreadable, 0);
		tree_free(t);
		assert_int_equal(held_state(pid), 'T');
		held_end(pid);
	}
}

static void a_cont_sent_to_a_held_stopped_process_takes_effect_afterwards(void **state)
{
	struct freezer f;
	pid_t pid = held_start(run_stop, SIGSTOP);

	(void)state;
	held_wait_state(pid, 'T');
	held_hold(&f, pid);
	kill(pid, SIGCONT);
	held_pause(30);
	assert_int_equal(held_page->result, 0);
	freezer_stop(&f);
	held_expect_end(pid);
	assert_int_equal(held_page->result, 1);
}

static void a_stop_sent_to_a_held_process_takes_effect_afterwards(void **state)
{
	struct freezer f;
	pid_t pid = held_start(held_run_ticks, 0);

	(void)state;
	held_hold(&f, pid);
	kill(pid, SIGSTOP);
	freezer_stop(&f);
	held_wait_state(pid, 'T');
	held_end(pid);
}

static void count_signal(int signal)
{
	(void)signal;
	held_page->signals++;
}

static void run_counting(int arg)
{
	struct sigaction count = { .sa_handler = count_signal };

	(void)arg;
	sigaction(SIGRTMIN, &count, NULL);
	held_run_ticks(0);
}

static void no_signal_is_lost_however_often_its_receiver_is_held(void **state)
{
	enum { ROUNDS = 200 };
	struct freezer f;
	pid_t pid = held_start(run_counting, 0);

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(sigqueue(pid, SIGRTMIN, (union sigval){ 0 }), 0);
		held_hold(&f, pid);
		freezer_stop(&f);
	}
	for (int i = 0; i < 2000 && held_page->signals != ROUNDS; i++)
		held_pause(1);
	assert_int_equal(held_page->signals, ROUNDS);
	held_end(pid);
}

static void the_holder_sends_its_caller_no_signal_and_is_no_child_to_wait_for(void **state)
{
	struct sigaction count = { .sa_handler = count_chld, .sa_flags = SA_RESTART }, before;
	struct freezer f;

	(void)state;
	sigaction(SIGCHLD, &count, &before);
	pid_t pid = held_start(held_run_ticks, 0);
	chld = 0;
	held_hold(&f, pid);
	assert_int_equal(waitpid(f.pid, NULL, WNOHANG), -1);
	freezer_stop(&f);
	assert_int_equal(chld, 0);
	held_end(pid);
	sigaction(SIGCHLD, &before, NULL);
}

/* ---------------------------------------------------------------------------------------- the end -- */

static void a_holder_that_is_killed_leaves_nothing_held(void **state)
{
	pid_t pid = held_start(held_run_ticks, 0);
	int told[2];
	char c;

	(void)state;
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid_t holder = fork();
	if (holder == 0) {
		struct freezer f;
		if (freezer_start(&f, held_proc, NULL) < 0 || freezer_hold(&f, pid) != 1)
			_exit(1);
		if (write(told[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(told[0], &c, 1), 1);
	assert_true(held_rests());
	held_end(holder);
	assert_true(held_goes_on());
	close(told[0]);
	close(told[1]);
	held_end(pid);
}

static void a_process_that_is_traced_already_is_named_with_its_tracer(void **state)
{
	struct tree_dump_options o = { .freeze = true, .proc_fd = -1 };
	pid_t pid = held_start(held_run_ticks, 0);
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char want[32];

	(void)state;
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	assert_int_equal(tree_dump(pid, &o, &t, &err), -EBUSY);
	snprintf(want, sizeof want, "%d traces it", (int)getpid());
	assert_non_null(strstr(err.text, want));
	assert_true(held_goes_on());
	held_end(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stopped_process_stays_stopped_and_its_parent_hears_nothing),
		cmocka_unit_test(a_stop_that_nobody_has_waited_for_is_still_reported_once),
		cmocka_unit_test(the_signal_of_a_stop_is_told_after_the_parent_has_waited_for_it),
		cmocka_unit_test(a_cont_sent_to_a_held_stopped_process_takes_effect_afterwards),
		cmocka_unit_test(a_stop_sent_to_a_held_process_takes_effect_afterwards),
		cmocka_unit_test(no_signal_is_lost_however_often_its_receiver_is_held),
		cmocka_unit_test(the_holder_sends_its_caller_no_signal_and_is_no_child_to_wait_for),
		cmocka_unit_test(a_holder_that_is_killed_leaves_nothing_held),
		cmocka_unit_test(a_process_that_is_traced_already_is_named_with_its_tracer),
	};

	return held_set_up() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
