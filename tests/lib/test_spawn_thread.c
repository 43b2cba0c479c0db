/* SPDX-License-Identifier: MIT */
/*
 * test_spawn_thread.c: settid_spawn() and settid_thread_create() on the live kernel.
 *
 * Numbers are chosen in a PID namespace of each test's own; its init runs the behaviour and reports by its exit
 * status, so that nothing in it ever returns into the runner.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "settid.h"

#define CHECK(condition)                           \
	do {                                       \
		if (!(condition))                  \
			return __LINE__ % 251 + 1; \
	} while (0)

typedef int behaviour(void);

/* Runs it as init of a new PID namespace; 0 when it held, else a hash of the line that did not. */
static void in_namespace(void **state)
{
	behaviour *const *b = *state;
	const struct settid_fork_args args = { .size = sizeof args, .flags = CLONE_NEWPID };
	struct settid_child child;
	int status = 0;
	pid_t pid = settid_fork(&args, &child, NULL);

	if (pid == 0) {
		setsid();
		_exit((*b)());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(child.pidfd);
	assert_int_equal(status, 0);
}

static int wait_status(const struct settid_child *c)
{
	int status = -1;

	waitpid(c->pid, &status, 0);
	close(c->pidfd);
	return status;
}

static int spawn_sh(const char *script, struct settid_spawn_args *a, struct settid_child *c,
		    struct settid_error *e)
{
	char sh[] = "sh", dash_c[] = "-c", text[256];
	char *argv[] = { sh, dash_c, text, NULL };

	snprintf(text, sizeof text, "%s", script);
	a->size = sizeof *a;
	a->file = "/bin/sh";
	a->argv = argv;
	return settid_spawn(a, c, e);
}

static int program_has_the_number(void)
{
	const pid_t want[] = { 4242 };
	struct settid_spawn_args a = { .set_tid = want, .set_tid_len = 1 };
	struct settid_child c;

	CHECK(spawn_sh("test $$ = 4242", &a, &c, NULL) == 0);
	CHECK(c.pid == 4242 && c.method == SETTID_METHOD_CLONE3);
	CHECK(wait_status(&c) == 0);
	return 0;
}

static int nested_program_has_both_numbers(void)
{
	const pid_t want[] = { 1, 777 };
	struct settid_spawn_args a = { .set_tid = want, .set_tid_len = 2, .clone_flags = CLONE_NEWPID };
	struct settid_child c;

	CHECK(spawn_sh("test $$ = 1", &a, &c, NULL) == 0);
	CHECK(c.pid == 777);
	CHECK(wait_status(&c) == 0);
	return 0;
}

static int taken_number_is_eexist(void)
{
	const pid_t want[] = { 1 };
	struct settid_spawn_args a = { .set_tid = want, .set_tid_len = 1 };
	struct settid_error e;
	struct settid_child c;

	CHECK(spawn_sh("true", &a, &c, &e) == -EEXIST);
	CHECK(e.reason == SETTID_REASON_TAKEN && e.level == 0 && e.number == 1);
	CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	return 0;
}

static int missing_program_is_told(void)
{
	char name[] = "/no/such/program";
	char *argv[] = { name, NULL };
	const struct settid_spawn_args a = { .size = sizeof a, .file = name, .argv = argv };
	struct settid_error e;
	struct settid_child c;

	CHECK(settid_spawn(&a, &c, &e) == -ENOENT);
	CHECK(e.step == SETTID_STEP_EXEC);
	CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	return 0;
}

static int failed_file_action_is_told(void)
{
	const struct settid_file_action actions[] = {
		{ .op = SETTID_FILE_CLOSE, .fd = 99 },
		{ .op = SETTID_FILE_OPEN, .fd = 1, .path = "/no/such/file", .flags = O_RDONLY },
	};
	struct settid_spawn_args a = { .file_actions = actions, .file_actions_len = 2 };
	struct settid_error e;
	struct settid_child c;

	CHECK(spawn_sh("true", &a, &c, &e) == -ENOENT);
	CHECK(e.step == SETTID_STEP_FILE_ACTION && e.step_index == 1);
	return 0;
}

static int session_group_and_cwd_are_set(void)
{
	struct settid_spawn_args a = { .flags = SETTID_SPAWN_SETSID, .cwd = "/" };
	struct settid_child c;

	CHECK(spawn_sh("test \"$(pwd)\" = / && kill -0 -$$", &a, &c, NULL) == 0);
	CHECK(wait_status(&c) == 0);
	return 0;
}

static int files_are_redirected(void)
{
	const struct settid_file_action actions[] = {
		{ .op = SETTID_FILE_OPEN, .fd = 5, .path = "/dev/null", .flags = O_WRONLY },
		{ .op = SETTID_FILE_DUP2, .from = 5, .fd = 7 },
		{ .op = SETTID_FILE_CLOSE, .fd = 5 },
	};
	struct settid_spawn_args a = { .file_actions = actions, .file_actions_len = 3 };
	struct settid_child c;

	CHECK(spawn_sh("echo x >&7 || exit 1; { echo x >&5; } 2>/dev/null && exit 2; exit 0", &a, &c, NULL) ==
	      0);
	CHECK(wait_status(&c) == 0);
	return 0;
}

static int user_maps_are_written(void)
{
	struct settid_spawn_args a = {
		.clone_flags = CLONE_NEWUSER,
		.flags = SETTID_SPAWN_USER_MAPS,
		.uid_map = "7 0 1\n",
		.gid_map = "8 0 1\n",
	};
	struct settid_child c;

	CHECK(spawn_sh("test $(id -u) = 7 && test $(id -g) = 8", &a, &c, NULL) == 0);
	CHECK(wait_status(&c) == 0);
	return 0;
}

/* The kernel's own: of libc's larger set the rest is left as it was on the stack. */
static uint64_t mask_now(void)
{
	uint64_t mask = 0;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
	return mask;
}

static int mask_is_as_before(void)
{
	struct settid_spawn_args a = { 0 };
	struct settid_child c;
	sigset_t usr1;
	uint64_t before;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	before = mask_now();
	CHECK(before & UINT64_C(1) << (SIGUSR1 - 1));
	CHECK(spawn_sh("true", &a, &c, NULL) == 0);
	CHECK(wait_status(&c) == 0);
	CHECK(mask_now() == before);
	return 0;
}

/* ---------------------------------------------------------------------------------------- threads -- */

static _Thread_local int thread_local_word;

static void *thread_body(void *arg)
{
	pid_t *tid = arg;
	char *heap = malloc(1000);

	*tid = (pid_t)syscall(SYS_gettid);
	thread_local_word = 5;
	errno = 77;
	snprintf(heap, 1000, "%d", thread_local_word);
	free(heap);
	return pthread_equal(pthread_self(), pthread_self()) && errno == 77 ? arg : NULL;
}

/* ThreadSanitizer makes a thread of its own within a process's first pthread_create. */
static void *nothing(void *arg)
{
	return arg;
}

static void let_sanitizer_begin(void)
{
#ifdef __SANITIZE_THREAD__
	pthread_t t;

	if (pthread_create(&t, NULL, nothing, NULL) == 0)
		pthread_join(t, NULL);
#else
	(void)nothing;
#endif
}

static int thread_by(enum settid_method method, pid_t number)
{
	const struct settid_thread_args a = {
		.size = sizeof a, .set_tid = &number, .set_tid_len = 1, .method = method
	};
	enum settid_method used = SETTID_METHOD_AUTO;
	pid_t tid = 0;
	pthread_t t;
	void *result;
	int r = settid_thread_create(&t, NULL, thread_body, &tid, &a, &used, NULL);

	if (r < 0)
		return r;
	pthread_join(t, &result);
	return result == &tid && tid == number && used == method ? 0 : 1;
}

static int thread_has_the_number(void)
{
	let_sanitizer_begin();
	CHECK(thread_by(SETTID_METHOD_CLONE3, 5151) == 0);
	CHECK(thread_by(SETTID_METHOD_CLONE3, 31) == 0);
	return 0;
}

static int thread_by_ns_last_pid_has_the_number(void)
{
	let_sanitizer_begin();
	CHECK(thread_by(SETTID_METHOD_NS_LAST_PID, 6161) == 0);
	return 0;
}

static int taken_thread_number_is_eexist(void)
{
	const pid_t one = 1;
	const struct settid_thread_args a = { .size = sizeof a, .set_tid = &one, .set_tid_len = 1 };
	struct settid_error e;
	pid_t tid;
	pthread_t t;

	CHECK(settid_thread_create(&t, NULL, thread_body, &tid, &a, NULL, &e) == -EEXIST);
	CHECK(e.reason == SETTID_REASON_TAKEN && e.number == 1);
	return 0;
}

static void *maker(void *arg)
{
	pid_t base = *(pid_t *)arg;
	intptr_t bad = 0;

	for (pid_t k = 0; k < 50; k++)
		bad += thread_by(SETTID_METHOD_CLONE3, base + k) != 0;
	return (void *)bad;
}

static int threads_may_be_made_by_many_at_once(void)
{
	pid_t base[4] = { 1000, 2000, 3000, 4000 };
	pthread_t t[4];
	void *bad;

	for (int k = 0; k < 4; k++)
		CHECK(pthread_create(&t[k], NULL, maker, &base[k]) == 0);
	for (int k = 0; k < 4; k++) {
		pthread_join(t[k], &bad);
		CHECK(bad == NULL);
	}
	return 0;
}

static const struct {
	const char *name;
	behaviour *run;
} rows[] = {
	{ "a spawned program has the chosen number", program_has_the_number },
	{ "a program in a new namespace has both numbers", nested_program_has_both_numbers },
	{ "spawn: a taken number is EEXIST with level and number", taken_number_is_eexist },
	{ "spawn: a missing program is ENOENT at execve, and no child is left", missing_program_is_told },
	{ "spawn: a failed file action is named by its index", failed_file_action_is_told },
	{ "spawn: session, group and directory are set", session_group_and_cwd_are_set },
	{ "spawn: file actions are done in order", files_are_redirected },
	{ "spawn: the maps of a user namespace are written", user_maps_are_written },
	{ "spawn: the caller's signal mask is as before", mask_is_as_before },
	{ "a thread has the chosen TID, and libc works in it", thread_has_the_number },
	{ "a thread has the chosen TID by ns_last_pid", thread_by_ns_last_pid_has_the_number },
	{ "thread: a taken number is EEXIST", taken_thread_number_is_eexist },
	{ "threads may be made by many threads at once", threads_may_be_made_by_many_at_once },
};
#define ROWS_LEN (sizeof rows / sizeof *rows)

int main(void)
{
	struct CMUnitTest tests[ROWS_LEN];
	size_t len = 0;

	if (geteuid() != 0) {
		puts("1..0 # SKIP PID namespaces of the tests' own need root");
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	for (size_t k = 0; k < ROWS_LEN; k++) {
		if (rows[k].run == thread_by_ns_last_pid_has_the_number &&
		    access("/proc/sys/kernel/ns_last_pid", W_OK) < 0)
			printf("# SKIP %s: no ns_last_pid to write here\n", rows[k].name);
		else
			tests[len++] = (struct CMUnitTest){ rows[k].name, in_namespace, NULL, NULL,
							    (void *)(uintptr_t)&rows[k].run };
	}
	return _cmocka_run_group_tests("spawn-thread", tests, len, NULL, NULL);
}
