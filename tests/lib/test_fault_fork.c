/* SPDX-License-Identifier: MIT */
/*
 * test_fault_fork.c: every system call of settid_fork(), settid_probe() and settid_who() fails in turn, and
 * nothing is left: no child, zombie, descriptor, lock, mapping or changed mask.  The number asked for is free again.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"

enum { NUMBER = 500 };

static void expect_nothing_left(struct world_census before, int mappings, unsigned nth)
{
	char what[80];
	struct settid_error err;
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);

	snprintf(what, sizeof what, "call %u (system call %ld) failed", nth, fault_syscall());
	CHECK(fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0);
	close(fd);
	world_census_check(before, what);
	CHECK_INT(world_mappings(), mappings);
	if (settid_who(NUMBER, &err) != 0)
		world_check_failed(__FILE__, __LINE__, "%s: %s", what, err.text);
}

/* nth = 1, 2, ... until a fork makes fewer calls than that.  Returns how many were made to fail. */
static unsigned fail_each_call(const struct settid_fork_args *args, bool with_pidfd, int code)
{
	struct world_census before = world_census();
	int mappings;

	fault_arm(0, 0); /* its page and stdio's buffers are mapped before the count */
	world_mappings();
	mappings = world_mappings();
	for (unsigned nth = 1; nth < 500; nth++) {
		struct settid_child child = { .pidfd = -1 };
		struct settid_error err = { .text = "" };

		fault_arm(nth, code);
		pid_t pid = settid_fork(args, with_pidfd ? &child : NULL, &err);

		if (pid == 0)
			_exit(0);
		bool hit = fault_disarm();

		if (pid > 0) {
			CHECK(args->set_tid_len == 0 ||
			      pid == (args->set_tid_len == 2 ? args->set_tid[1] : NUMBER));
			CHECK_INT(world_reap(pid), 0);
			if (with_pidfd) {
				CHECK(child.pidfd >= 0);
				close(child.pidfd);
			}
		} else {
			CHECK(err.code == pid && err.text[0]);
			CHECK(hit || pid == -EEXIST);
		}
		expect_nothing_left(before, mappings, nth);
		if (!hit)
			return nth - 1;
	}
	world_check_failed(__FILE__, __LINE__, "no end of system calls");
}

static void by_clone3(void)
{
	CHECK(fail_each_call(WISH(NUMBERS(NUMBER)), true, FAULT_LIKELY) >= 3);
	CHECK(fail_each_call(WISH(NUMBERS(NUMBER)), true, -EPERM) >= 3);
	CHECK(fail_each_call(WISH(NUMBERS(NUMBER)), true, -ENOSYS) >= 3);
	CHECK(fail_each_call(WISH(NUMBERS(NUMBER)), false, -ENOMEM) >= 3);
	CHECK(fail_each_call(WISH(.flags = 0), true, -EAGAIN) >= 3);
}

static void by_last_pid(void)
{
	CHECK(fail_each_call(WISH(NUMBERS(NUMBER), .method = SETTID_METHOD_NS_LAST_PID), true,
			     FAULT_LIKELY) >= 6);
	CHECK(fail_each_call(WISH(NUMBERS(NUMBER), .method = SETTID_METHOD_NS_LAST_PID), false, -EIO) >= 6);
	CHECK(fail_each_call(WISH(NUMBERS(NUMBER), .method = SETTID_METHOD_NS_LAST_PID), true, -ENOSYS) >= 6);
	CHECK(fail_each_call(WISH(NUMBERS(NUMBER), .method = SETTID_METHOD_NS_LAST_PID), true, -EINTR) >= 6);
}

static void with_new_namespace(void)
{
	CHECK(fail_each_call(WISH(NUMBERS(1, NUMBER), .flags = CLONE_NEWPID), true, FAULT_LIKELY) >= 3);
	CHECK(fail_each_call(WISH(NUMBERS(1, NUMBER), .flags = CLONE_NEWPID,
				  .method = SETTID_METHOD_NS_LAST_PID),
			     true, FAULT_LIKELY) >= 6);
}

/* The way of an error itself: the diagnosis of a taken number, each of its calls failing. */
static void diagnosis(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(700)));
	struct world_census before = world_census();
	unsigned nth;
	bool hit = true;

	for (nth = 1; hit && nth < 1000; nth++) {
		struct settid_error err = { .text = "" };

		fault_arm(nth, FAULT_LIKELY);
		pid_t pid = settid_fork(WISH(NUMBERS(700)), NULL, &err);

		hit = fault_disarm();
		if (pid == 0)
			_exit(0);
		if (pid >
		    0) /* the first question failed, ns_last_pid was asked, and another number cannot be */
			world_check_failed(__FILE__, __LINE__, "call %u: a child %d was made", nth, (int)pid);
		CHECK(err.code == pid && err.text[0]);
		world_census_check(before, "diagnosis");
	}
	CHECK(nth > 10);
	world_end(&c);
}

static void probe_and_who(void)
{
	struct world_census before = world_census();
	unsigned nth = 0;
	bool hit = true;

	for (nth = 1; hit && nth < 3000; nth++) {
		struct settid_probe p = { .size = sizeof p };
		struct settid_error err;

		fault_arm(nth, FAULT_LIKELY);
		int r = settid_probe(&p, &err);

		hit = fault_disarm();
		CHECK(r == 0 || (hit && err.text[0]));
		world_census_check(before, "probe");
	}
	CHECK(nth > 20);
	hit = true;
	for (nth = 1; hit && nth < 3000; nth++) {
		struct settid_error err;

		fault_arm(nth, FAULT_LIKELY);
		int r = settid_who(1, &err);

		hit = fault_disarm();
		CHECK(hit || r == 1);
		world_census_check(before, "who");
	}
	CHECK(nth > 5);
}

/* The counter counts what children do, and an armed fault is met in them: else the rows above prove little. */
static void children_count(void)
{
	fault_arm(100000, -EIO);
	pid_t pid = settid_fork(NULL, NULL, NULL);

	if (pid == 0) {
		struct settid_error err;

		settid_who(1, &err);
		_exit(0);
	}
	unsigned own = fault_count();

	CHECK_INT(world_reap(pid), 0);
	CHECK(fault_count() > own);
	CHECK_INT(fault_disarm(), false);
}

#define IN_WORLD(name)                        \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		world_run(WORLD_PROC, name);  \
	}

IN_WORLD(by_clone3)
IN_WORLD(by_last_pid)
IN_WORLD(with_new_namespace)
IN_WORLD(diagnosis)
IN_WORLD(probe_and_who)
IN_WORLD(children_count)

#define ROW(sentence, name)                             \
	{                                               \
		sentence, test_##name, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("a failing call of a clone3 fork leaves nothing", by_clone3),
		ROW("a failing call of an ns_last_pid fork leaves nothing", by_last_pid),
		ROW("a failing call of a fork into a new namespace leaves nothing", with_new_namespace),
		ROW("a failing call of the diagnosis leaves nothing and still gives a sentence", diagnosis),
		ROW("a failing call of probe and who leaves nothing", probe_and_who),
		ROW("calls of children are counted", children_count),
	};
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("faults of fork", tests, NULL, NULL);
}
