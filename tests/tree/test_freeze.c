/* SPDX-License-Identifier: MIT */
/*
 * test_freeze.c: what is held still notices nothing, and is let go however the holder ends.
 *
 * The held processes are children of the test, which shares a page of memory with them.  A child that is not reaped
 * keeps its number, so signalling it by number is safe here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tree/freeze.h"
#include "tree/tree.h"

/* Shared with the children. */
struct page {
	volatile uint64_t ticks;
	volatile uint32_t ready, word;
	volatile int result;
	volatile long begun, ended; /* ms */
	volatile uint32_t signals;
};
static struct page *page;
static int proc; /* /proc */

enum { FORKERS = 6 };

static void pause_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Forks a child that runs fn and then leaves; returns once it has set page->ready or is in fn's call. */
static pid_t start(void (*fn)(int), int arg)
{
	pid_t self = getpid();

	memset((void *)page, 0, sizeof *page);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self)
			_exit(0);
		fn(arg);
		_exit(0);
	}
	assert_true(pid > 0);
	for (int i = 0; i < 5000 && !page->ready; i++)
		pause_ms(1);
	assert_true(page->ready);
	pause_ms(20); /* from ready to the call itself */
	return pid;
}

static void end(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static char state_of(pid_t pid)
{
	char path[64], text[512] = "";

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	close(fd);
	char *paren = n > 0 ? strrchr(text, ')') : NULL;
	return paren ? paren[2] : '?';
}

static void wait_for_state(pid_t pid, char state)
{
	for (int i = 0; i < 5000 && state_of(pid) != state; i++)
		pause_ms(1);
	assert_int_equal(state_of(pid), state);
}

/* Waits for a normal end with code 0. */
static void expect_end(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void hold(struct freezer *f, pid_t tid)
{
	assert_int_equal(freezer_start(f, proc, NULL), 0);
	assert_int_equal(freezer_hold(f, tid), 1);
}

/* ---------------------------------------------------------------------------------------- holding -- */

static void run_ticks(int arg)
{
	(void)arg;
	for (page->ready = 1;; page->ticks++)
		sched_yield();
}

static bool rests(void)
{
	uint64_t before = page->ticks;

	pause_ms(60);
	return page->ticks == before;
}

/* On a busy machine it may be long before it is its turn. */
static bool goes_on(void)
{
	uint64_t before = page->ticks;

	for (int i = 0; i < 5000 && page->ticks == before; i++)
		pause_ms(1);
	return page->ticks != before;
}

static void a_held_process_runs_no_instruction_until_it_is_let_go(void **state)
{
	struct freezer f;
	pid_t pid = start(run_ticks, 0);

	(void)state;
	assert_true(goes_on());
	hold(&f, pid);
	assert_int_equal(freezer_hold(&f, pid), 0); /* held already */
	assert_true(rests());
	freezer_stop(&f);
	assert_true(goes_on());
	end(pid);
}

static void *tick_thread(void *arg)
{
	(void)arg;
	run_ticks(0);
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
	pid_t pid = start(run_two_threads, 0);
	struct tree_error err = { 0 };
	struct tree *t;

	(void)state;
	if (tree_dump(pid, &o, &t, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(t->processes[0].threads_len, 2);
	assert_int_equal(t->processes[0].state, TREE_LIVE);
	tree_free(t);
	assert_true(goes_on());
	assert_int_equal(state_of(pid), 'S');
	end(pid);
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
		return syscall(SYS_futex, &page->word, FUTEX_WAIT, 0, NULL) == 0 ? 0 : -1;
	}
	return -1;
}

static void run_call(int call)
{
	page->begun = now_ms();
	page->ready = 1;
	page->result = make_call(call) == 0 ? 1 : -errno;
	page->ended = now_ms();
}

/* Held in the middle of a call and let go again, the call ends as if nothing had been. */
static void hold_in_call(int call)
{
	struct freezer f;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = start(run_call, call);
	wait_for_state(pid, 'S');
	hold(&f, pid);
	pause_ms(40);
	freezer_stop(&f);
	if (call == CALL_READ)
		assert_int_equal(write(ends[1], "x", 1), 1);
	if (call == CALL_FUTEX) {
		wait_for_state(pid, 'S');
		page->word = 1;
		syscall(SYS_futex, &page->word, FUTEX_WAKE, 1);
	}
	expect_end(pid);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(page->result, 1);
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
		pid_t pid = start(run_call, call);

		assert_int_equal(freezer_start(&f, proc, NULL), 0);
		bool in_call = freezer_hold(&f, pid) == 1 && page->result == 0;
		pause_ms(CALL_MS + 20);
		long let_go = now_ms();
		freezer_stop(&f);
		expect_end(pid);
		assert_int_equal(page->result, 1);
		assert_true(page->ended - page->begun >= CALL_MS - 5);
		as_if_nothing = in_call && page->ended < let_go + CALL_MS - 5;
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
	page->ready = 1;
	if (vfork() == 0) {
		while (!page->word)
			nanosleep(&(struct timespec){ .tv_nsec = 5 * 1000000 }, NULL);
		_exit(0);
	}
	page->result = 1;
	while (waitpid(-1, NULL, 0) < 0 && errno == EINTR)
		;
}

/* It is deep in the kernel and comes to no stop while its child is held. */
static void a_vfork_parent_is_dumped_frozen_and_goes_on(void **state)
{
	struct tree_dump_options o = { .freeze = true, .proc_fd = -1 };
	pid_t pid = start(run_vfork, 0);
	struct tree_error err = { 0 };
	struct tree *t;

	(void)state;
	wait_for_state(pid, 'D');
	if (tree_dump(pid, &o, &t, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(t->processes_len, 2);
	tree_free(t);
	page->word = 1;
	expect_end(pid);
	assert_int_equal(page->result, 1);
}

/* ------------------------------------------------------------------------------- stops and signals -- */

static volatile sig_atomic_t chld;

static void count_chld(int signal)
{
	(void)signal;
	chld++;
}

static void run_stop(int signal)
{
	page->ready = 1;
	setpgid(0, 0); /* not orphaned: its parent is in another group of the session */
	kill(getpid(), signal);
	page->result = 1;
}

static void a_stopped_process_stays_stopped_and_its_parent_hears_nothing(void **state)
{
	struct sigaction count = { .sa_handler = count_chld, .sa_flags = SA_RESTART }, before;
	struct freezer f;
	siginfo_t info = { 0 };

	(void)state;
	sigaction(SIGCHLD, &count, &before);
	pid_t pid = start(run_stop, SIGTSTP);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	chld = 0;
	hold(&f, pid);
	assert_int_equal(freezer_find(&f, pid)->stop, SIGTSTP);
	freezer_stop(&f);
	wait_for_state(pid, 'T');
	pause_ms(30);
	assert_int_equal(chld, 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WCONTINUED | WEXITED | WNOHANG), 0);
	assert_int_equal(info.si_pid, 0);
	assert_int_equal(page->result, 0);
	kill(pid, SIGCONT);
	expect_end(pid);
	assert_int_equal(page->result, 1);
	sigaction(SIGCHLD, &before, NULL);
}

static void a_stop_that_nobody_has_waited_for_is_still_reported_once(void **state)
{
	struct freezer f;
	siginfo_t info = { 0 };
	pid_t pid = start(run_stop, SIGSTOP);

	(void)state;
	wait_for_state(pid, 'T');
	hold(&f, pid);
	freezer_stop(&f);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG), 0);
	assert_int_equal(info.si_pid, pid);
	assert_int_equal(info.si_status, SIGSTOP);
	info.si_pid = 0;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG), 0);
	assert_int_equal(info.si_pid, 0);
	end(pid);
}

static void the_signal_of_a_stop_is_told_after_the_parent_has_waited_for_it(void **state)
{
	static const int signals[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
	struct tree_dump_options o = { .proc_fd = -1 };
	struct tree *t;

	(void)state;
	for (int i = 0; i < 4; i++) {
		pid_t pid = start(run_stop, signals[i]);
		assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
		assert_int_equal(tree_dump(pid, &o, &t, NULL), 0);
		assert_int_equal(t->processes[0].state, TREE_STOPPED);
		assert_int_equal(t->processes[0].stop_signal, signals[i]);
		assert_int_equal(t->unreadable, 0);
		tree_free(t);
		assert_int_equal(state_of(pid), 'T');
		end(pid);
	}
}

static void a_cont_sent_to_a_held_stopped_process_takes_effect_afterwards(void **state)
{
	struct freezer f;
	pid_t pid = start(run_stop, SIGSTOP);

	(void)state;
	wait_for_state(pid, 'T');
	hold(&f, pid);
	kill(pid, SIGCONT);
	pause_ms(30);
	assert_int_equal(page->result, 0);
	freezer_stop(&f);
	expect_end(pid);
	assert_int_equal(page->result, 1);
}

static void a_stop_sent_to_a_held_process_takes_effect_afterwards(void **state)
{
	struct freezer f;
	pid_t pid = start(run_ticks, 0);

	(void)state;
	hold(&f, pid);
	kill(pid, SIGSTOP);
	freezer_stop(&f);
	wait_for_state(pid, 'T');
	end(pid);
}

static void count_signal(int signal)
{
	(void)signal;
	page->signals++;
}

static void run_counting(int arg)
{
	struct sigaction count = { .sa_handler = count_signal };

	(void)arg;
	sigaction(SIGRTMIN, &count, NULL);
	run_ticks(0);
}

static void no_signal_is_lost_however_often_its_receiver_is_held(void **state)
{
	enum { ROUNDS = 200 };
	struct freezer f;
	pid_t pid = start(run_counting, 0);

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(sigqueue(pid, SIGRTMIN, (union sigval){ 0 }), 0);
		hold(&f, pid);
		freezer_stop(&f);
	}
	for (int i = 0; i < 2000 && page->signals != ROUNDS; i++)
		pause_ms(1);
	assert_int_equal(page->signals, ROUNDS);
	end(pid);
}

static void the_holder_sends_its_caller_no_signal_and_is_no_child_to_wait_for(void **state)
{
	struct sigaction count = { .sa_handler = count_chld, .sa_flags = SA_RESTART }, before;
	struct freezer f;

	(void)state;
	sigaction(SIGCHLD, &count, &before);
	pid_t pid = start(run_ticks, 0);
	chld = 0;
	hold(&f, pid);
	assert_int_equal(waitpid(f.pid, NULL, WNOHANG), -1);
	freezer_stop(&f);
	assert_int_equal(chld, 0);
	end(pid);
	sigaction(SIGCHLD, &before, NULL);
}

/* ---------------------------------------------------------------------------------------- the end -- */

static void a_holder_that_is_killed_leaves_nothing_held(void **state)
{
	pid_t pid = start(run_ticks, 0);
	int told[2];
	char c;

	(void)state;
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid_t holder = fork();
	if (holder == 0) {
		struct freezer f;
		if (freezer_start(&f, proc, NULL) < 0 || freezer_hold(&f, pid) != 1)
			_exit(1);
		if (write(told[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(told[0], &c, 1), 1);
	assert_true(rests());
	end(holder);
	assert_true(goes_on());
	close(told[0]);
	close(told[1]);
	end(pid);
}

static void a_process_that_is_traced_already_is_named_with_its_tracer(void **state)
{
	struct tree_dump_options o = { .freeze = true, .proc_fd = -1 };
	pid_t pid = start(run_ticks, 0);
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char want[32];

	(void)state;
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	assert_int_equal(tree_dump(pid, &o, &t, &err), -EBUSY);
	snprintf(want, sizeof want, "%d traces it", (int)getpid());
	assert_non_null(strstr(err.text, want));
	assert_true(goes_on());
	end(pid);
}

/* ---------------------------------------------------------------------------------------- cgroups -- */

/* Where cgroups are usually found: v2 alone, v2 beside v1, v1's freezer. */
static const char *const cgroup_roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified",
					    "/sys/fs/cgroup/freezer" };
static char cgroup[64]; /* one made for the test, "" = none */

static bool make_cgroup(const char *root)
{
	char path[96];

	snprintf(path, sizeof path, "%s/cgroup.procs", root);
	if (access(path, W_OK) != 0)
		return false;
	snprintf(cgroup, sizeof cgroup, "%s/settid-test-%d", root, (int)getpid());
	if (mkdir(cgroup, 0755) == 0)
		return true;
	cgroup[0] = '\0';
	return false;
}

static bool any_cgroup(void)
{
	bool any = false;

	for (size_t i = 0; i < sizeof cgroup_roots / sizeof *cgroup_roots; i++) {
		if (make_cgroup(cgroup_roots[i])) {
			any = true;
			rmdir(cgroup);
		}
	}
	return any;
}

static void put_in_cgroup(pid_t pid)
{
	char path[96];

	snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "%d", (int)pid);
	assert_int_equal(fclose(f), 0);
}

static void remove_cgroup(void)
{
	for (int i = 0; i < 1000 && rmdir(cgroup) < 0; i++)
		pause_ms(1);
	assert_int_equal(access(cgroup, F_OK), -1);
}

/* Traced by us, it cannot be seized. */
static void dump_in_cgroup(int want)
{
	struct tree_dump_options o = { .freeze = true, .proc_fd = -1 };
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	pid_t pid = start(run_ticks, 0), other = fork();

	if (other == 0)
		for (;;)
			pause();
	put_in_cgroup(pid);
	if (want != 0)
		put_in_cgroup(other);
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	int e = tree_dump(pid, &o, &t, &err);
	bool runs = goes_on();
	end(pid);
	end(other);
	remove_cgroup();
	if (e != want)
		fail_msg("%s: %s", cgroup, err.text);
	if (e == 0) {
		assert_int_equal(t->processes_len, 1);
		assert_int_equal(t->processes[0].state, TREE_LIVE);
		tree_free(t);
	}
	assert_true(runs);
}

static void a_traced_process_is_frozen_with_the_cgroup_that_is_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cgroup_roots / sizeof *cgroup_roots; i++)
		if (make_cgroup(cgroup_roots[i]))
			dump_in_cgroup(0);
}

static void a_cgroup_that_holds_somebody_else_is_left_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cgroup_roots / sizeof *cgroup_roots; i++)
		if (make_cgroup(cgroup_roots[i]))
			dump_in_cgroup(-EBUSY);
}

static void a_cgroup_frozen_by_one_that_is_killed_is_thawed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cgroup_roots / sizeof *cgroup_roots; i++) {
		if (!make_cgroup(cgroup_roots[i]))
			continue;
		pid_t pid = start(run_ticks, 0);
		int told[2];
		char c = 0;
		put_in_cgroup(pid);
		assert_int_equal(pipe2(told, O_CLOEXEC), 0);
		pid_t holder = fork();
		if (holder == 0) {
			struct freezer f;
			c = freezer_start(&f, proc, NULL) == 0 && freezer_cgroup(&f, pid, &pid, 1) == 0;
			if (write(told[1], &c, 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		assert_int_equal(read(told[0], &c, 1), 1);
		bool rested = rests();
		end(holder);
		bool runs = goes_on();
		end(pid);
		remove_cgroup();
		close(told[0]);
		close(told[1]);
		assert_int_equal(c, 1);
		assert_true(rested);
		assert_true(runs);
	}
}

/* ------------------------------------------------------------------------------------------ churn -- */

static _Noreturn void churn(void)
{
	for (;;) {
		pid_t child = fork();
		if (child == 0) {
			if (fork() == 0)
				_exit(0);
			wait(NULL);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
}

static void run_forkers(int arg)
{
	pid_t self = getpid();

	(void)arg;
	for (int i = 0; i < FORKERS; i++) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != self) /* it was too late for that */
				_exit(0);
			churn();
		}
	}
	page->ready = 1;
	churn();
}

/* The others die with the first; what they leave ends by itself and comes to us, who are its reaper. */
static void end_forkers(pid_t pid)
{
	end(pid);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Two readings only, and many tries: on a busy machine all forkers may rest for a whole dump's time. */
static void a_tree_that_never_rests_is_refused_with_the_advice_to_freeze_it(void **state)
{
	struct tree_dump_options o = { .proc_fd = -1, .passes_max = 2 };
	pid_t pid = start(run_forkers, 0);
	struct tree_error err = { 0 };
	int e = 0;

	(void)state;
	for (int i = 0; i < 5000 && e == 0; i++) {
		struct tree *t = NULL;
		e = tree_dump(pid, &o, &t, &err);
		if (e == 0)
			tree_free(t);
	}
	end_forkers(pid);
	assert_int_equal(e, -EAGAIN);
	assert_non_null(strstr(err.text, "--freeze"));
}

static void a_tree_that_never_rests_is_dumped_frozen(void **state)
{
	struct tree_dump_options o = { .freeze = true, .proc_fd = -1 };
	pid_t pid = start(run_forkers, 0);
	struct tree_error err = { 0 };
	struct tree *t;

	(void)state;
	for (int i = 0; i < 20; i++) {
		if (tree_dump(pid, &o, &t, &err) < 0)
			fail_msg("%s", err.text);
		assert_in_range(t->processes_len, 1 + FORKERS, 3 * (1 + FORKERS));
		assert_int_equal(t->unreadable, 0);
		tree_free(t);
	}
	end_forkers(pid);
}

int main(void)
{
	/* The last three need a cgroup hierarchy that we may make groups in. */
	enum { CGROUP_TESTS = 3 };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_held_process_runs_no_instruction_until_it_is_let_go),
		cmocka_unit_test(a_frozen_dump_holds_every_thread_and_lets_all_go),
		cmocka_unit_test(a_nanosleep_is_neither_cut_short_nor_begun_anew),
		cmocka_unit_test(a_read_goes_on_waiting),
		cmocka_unit_test(a_poll_keeps_its_timeout),
		cmocka_unit_test(a_futex_wait_goes_on_waiting),
		cmocka_unit_test(a_vfork_parent_is_dumped_frozen_and_goes_on),
		cmocka_unit_test(a_stopped_process_stays_stopped_and_its_parent_hears_nothing),
		cmocka_unit_test(a_stop_that_nobody_has_waited_for_is_still_reported_once),
		cmocka_unit_test(the_signal_of_a_stop_is_told_after_the_parent_has_waited_for_it),
		cmocka_unit_test(a_cont_sent_to_a_held_stopped_process_takes_effect_afterwards),
		cmocka_unit_test(a_stop_sent_to_a_held_process_takes_effect_afterwards),
		cmocka_unit_test(no_signal_is_lost_however_often_its_receiver_is_held),
		cmocka_unit_test(the_holder_sends_its_caller_no_signal_and_is_no_child_to_wait_for),
		cmocka_unit_test(a_holder_that_is_killed_leaves_nothing_held),
		cmocka_unit_test(a_process_that_is_traced_already_is_named_with_its_tracer),
		cmocka_unit_test(a_tree_that_never_rests_is_refused_with_the_advice_to_freeze_it),
		cmocka_unit_test(a_tree_that_never_rests_is_dumped_frozen),
		cmocka_unit_test(a_traced_process_is_frozen_with_the_cgroup_that_is_its_own),
		cmocka_unit_test(a_cgroup_that_holds_somebody_else_is_left_alone),
		cmocka_unit_test(a_cgroup_frozen_by_one_that_is_killed_is_thawed),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP seizing processes needs root, or a system that lets a helper trace its "
		     "siblings");
		return 0;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 1;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	size_t len = sizeof tests / sizeof *tests;
	bool cgroups = any_cgroup();
	for (size_t i = len - CGROUP_TESTS; !cgroups && i < len; i++)
		printf("# SKIP %s: no cgroup hierarchy where a group can be made\n", tests[i].name);
	return _cmocka_run_group_tests("tests", tests, cgroups ? len : len - CGROUP_TESTS, NULL, NULL);
}
