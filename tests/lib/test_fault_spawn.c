/* SPDX-License-Identifier: MIT */
/*
 * test_fault_spawn.c: every system call of settid_spawn() and settid_thread_create() fails in turn, the child's own
 * included: either the program runs with its number, or the call says no and nothing is left.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"

enum { NUMBER = 500 };

static char *const argv[] = { "sh", "-c", "exit 7", NULL };

static void expect_nothing_left(struct world_census before, pid_t number, unsigned nth)
{
	char what[80];
	struct settid_error err;

	snprintf(what, sizeof what, "call %u (system call %ld) failed", nth, fault_syscall());
	world_census_check(before, what);
	if (settid_who(number, &err) != 0)
		world_check_failed(__FILE__, __LINE__, "%s: %s", what, err.text);
}

/* Returns how many calls were made to fail. */
static unsigned fail_each_call(const struct settid_spawn_args *args, int code)
{
	struct world_census before = world_census();

	for (unsigned nth = 1; nth < 1000; nth++) {
		struct settid_child child = { .pidfd = -1 };
		struct settid_error err = { .text = "" };

		fault_arm(nth, code);
		int r = settid_spawn(args, &child, &err);
		bool hit = fault_disarm();

		if (r == 0) {
			int status = world_reap(child.pid);

			CHECK(!args->set_tid || child.pid == args->set_tid[args->set_tid_len - 1]);
			CHECK(WIFEXITED(status));
			CHECK_INT(WEXITSTATUS(status), 7);
			close(child.pidfd);
		} else {
			CHECK(hit && err.code == r && err.text[0]);
			CHECK_INT(child.pidfd, -1);
		}
		expect_nothing_left(before, NUMBER, nth);
		if (!hit)
			return nth - 1;
	}
	world_check_failed(__FILE__, __LINE__, "no end of system calls");
}

#define SPAWN(...)                          \
	(&(const struct settid_spawn_args){ \
		.size = sizeof(struct settid_spawn_args), .file = "/bin/sh", .argv = argv, __VA_ARGS__ })

static void plain(void)
{
	CHECK(fail_each_call(SPAWN(NUMBERS(NUMBER)), FAULT_LIKELY) >= 2);
	CHECK(fail_each_call(SPAWN(NUMBERS(NUMBER)), -ENOSYS) >= 2);
	CHECK(fail_each_call(SPAWN(NUMBERS(NUMBER), .method = SETTID_METHOD_NS_LAST_PID), FAULT_LIKELY) >= 8);
	CHECK(fail_each_call(SPAWN(NUMBERS(1, NUMBER), .clone_flags = CLONE_NEWPID), FAULT_LIKELY) >= 2);
}

/* Everything a child can do before its execve. */
static void with_every_step(void)
{
	const struct settid_file_action actions[] = {
		{ .op = SETTID_FILE_OPEN, .fd = 9, .path = "/dev/null", .flags = O_RDWR },
		{ .op = SETTID_FILE_DUP2, .from = 9, .fd = 10 },
		{ .op = SETTID_FILE_CHDIR, .path = "/" },
		{ .op = SETTID_FILE_CLOSE, .fd = 9 },
		{ .op = SETTID_FILE_CLOSEFROM, .fd = 20 },
	};
	sigset_t none;

	sigemptyset(&none);
	CHECK(fail_each_call(SPAWN(NUMBERS(NUMBER), .file_actions = actions, .file_actions_len = 5,
				   .cwd = "/", .sigmask = &none, .sigdefault = &none, .pdeathsig = SIGKILL,
				   .flags = SETTID_SPAWN_SETSID | SETTID_SPAWN_SETSIGMASK |
					    SETTID_SPAWN_SETSIGDEF | SETTID_SPAWN_RESETIDS),
			     -EPERM) >= 12);
}

/* The child waits for its maps here, and must not be left waiting: not by a lost wake either, which only a child
 * that sleeps already can miss. */
static void with_maps(void)
{
	fault_slow(SYS_write);
	CHECK(fail_each_call(SPAWN(NUMBERS(NUMBER), .clone_flags = CLONE_NEWUSER, .uid_map = "0 0 1\n",
				   .gid_map = "0 0 1\n",
				   .flags = SETTID_SPAWN_USER_MAPS | SETTID_SPAWN_DENY_SETGROUPS),
			     FAULT_LIKELY) >= 6);
}

static void *seven(void *arg)
{
	return arg;
}

static void thread_by(enum settid_method method)
{
	pid_t number = NUMBER;
	const struct settid_thread_args args = {
		.size = sizeof args, .set_tid = &number, .set_tid_len = 1, .method = method
	};
	pthread_t t;

	CHECK_INT(pthread_create(&t, NULL, seven, NULL), 0); /* libc's first thread sets things up for good */
	CHECK_INT(pthread_join(t, NULL), 0);
	struct world_census before = world_census();
	unsigned nth = 0;
	bool hit = true;

	for (nth = 1; hit && nth < 1000; nth++) {
		struct settid_error err = { .text = "" };
		void *result = NULL;

		fault_arm(nth, FAULT_LIKELY);
		int r = settid_thread_create(&t, NULL, seven, &hit, &args, NULL, &err);

		hit = fault_disarm();
		if (r == 0) {
			CHECK_INT(pthread_join(t, &result), 0);
			CHECK(result == &hit);
			while (settid_who(number, NULL) > 0) /* joined before it is quite gone */
				usleep(1000);
		} else {
			if (!hit || err.code != r || !err.text[0])
				world_check_failed(__FILE__, __LINE__,
						   "call %u (system call %ld): %d, %d (%s)", nth,
						   fault_syscall(), r, err.code, err.text);
		}
		expect_nothing_left(before, number, nth);
		number++; /* unseen, the last one may still be held */
	}
	CHECK(nth > 4);
}

static void thread(void)
{
	thread_by(SETTID_METHOD_AUTO);
}

/* The new thread wakes its creator, who sleeps already. */
static void thread_by_last_pid(void)
{
	fault_slow(SYS_gettid);
	thread_by(SETTID_METHOD_NS_LAST_PID);
}

#define IN_WORLD(name)                        \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		world_run(WORLD_PROC, name);  \
	}

IN_WORLD(plain)
IN_WORLD(with_every_step)
IN_WORLD(with_maps)
IN_WORLD(thread)
IN_WORLD(thread_by_last_pid)

#define ROW(sentence, name)                             \
	{                                               \
		sentence, test_##name, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("a failing call of a spawn leaves nothing", plain),
		ROW("a failing call of any step of the child leaves nothing", with_every_step),
		ROW("a failing call while the maps are written leaves nothing", with_maps),
		ROW("a failing call of a thread's creation leaves nothing", thread),
		ROW("a failing call of a thread's creation by ns_last_pid leaves nothing",
		    thread_by_last_pid),
	};
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("faults of spawn", tests, NULL, NULL);
}
