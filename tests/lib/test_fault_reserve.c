/* SPDX-License-Identifier: MIT */
/*
 * test_fault_reserve.c: every system call of a reservation's life fails in turn, the keeper's and the
 * placeholders' too, and nothing is left: no number, process, descriptor, mapping or changed mask.
 */
#include "world.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"

static const pid_t wanted[] = { 500, 501, 502 };
/* Of three namespaces inside each other, the outermost this one. */
static const pid_t wanted_inside[] = { 600, 700, 500, 601, 701, 501, 602, 702, 502 };
static const struct settid_child *inner; /* the init of the innermost; NULL = all in this one */

static bool has_settled(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
		;
	for (size_t i = 0; i < 3; i++)
		if (settid_who(wanted[i], NULL) != 0)
			return false;
	return pid < 0 || inner; /* whose namespaces are children that stay */
}

static void expect_nothing_left(struct world_census before, int mappings, unsigned nth)
{
	char what[80];

	snprintf(what, sizeof what, "call %u (system call %ld) failed", nth, fault_syscall());
	/* a keeper that could not go on leaves placeholders to their parent-death signal, and to this init */
	for (int tries = 0; tries < 1000 && !has_settled(); tries++)
		usleep(1000);
	world_census_check(before, what);
	if (world_mappings() != mappings)
		world_check_failed(__FILE__, __LINE__, "%s: a mapping is left", what);
	pid_t pid = fork(); /* where children live is as before */

	if (pid == 0)
		_exit(getppid() ? 0 : 1);
	CHECK_INT(world_reap(pid), 0);
	for (size_t i = 0; i < 3; i++)
		if (settid_who(wanted[i], NULL) != 0)
			world_check_failed(__FILE__, __LINE__, "%s: %d is held", what, (int)wanted[i]);
}

/* Reserve, give, take and end; 0, or the first error. */
static int a_life(struct settid_error *err)
{
	const struct settid_reserve_args args = { .size = sizeof args,
						  .numbers = inner ? wanted_inside : wanted,
						  .numbers_len = 3,
						  .levels = inner ? 3 : 1 };
	struct settid_reservation *r = NULL;
	int home = (int)syscall(SYS_pidfd_open, getpid(), 0), code;

	CHECK(home >= 0 && (!inner || setns(inner->pidfd, CLONE_NEWPID) == 0));
	code = settid_reserve(&args, &r, err);
	CHECK_INT(setns(home, CLONE_NEWPID), 0);
	close(home);
	if (code == 0)
		code = settid_reserve_give(r, err);
	if (code == 0)
		code = settid_reserve_take(r, 0, err);
	settid_reserve_end(r);
	return code;
}

static unsigned fail_each_call(int code)
{
	struct world_census before = world_census();
	int mappings;

	fault_arm(0, 0);
	world_mappings();
	mappings = world_mappings();
	for (unsigned nth = 1; nth < 2000; nth++) {
		struct settid_error err = { .text = "" };

		fault_arm(nth, code);
		int r = a_life(&err);
		bool hit = fault_disarm();

		CHECK(r == 0 || (err.code == r && err.text[0]));
		CHECK(hit || r == 0);
		expect_nothing_left(before, mappings, nth);
		if (!hit)
			return nth - 1;
	}
	world_check_failed(__FILE__, __LINE__, "no end of system calls");
}

static void likely(void)
{
	CHECK(fail_each_call(FAULT_LIKELY) > 40);
}

/* The counts in between are moved by a process in there. */
static void levels(void)
{
	struct settid_child outer, child = world_nested(&outer);

	inner = &child;
	CHECK(fail_each_call(FAULT_LIKELY) > 60);
	inner = NULL;
	close(child.pidfd);
	world_end(&outer);
}

static void no_memory(void)
{
	CHECK(fail_each_call(-ENOMEM) > 40);
}

static void interrupted(void)
{
	CHECK(fail_each_call(-EINTR) > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_ROW("a reservation whose calls fail in their usual ways leaves nothing", likely),
		WORLD_ROW("... one of three namespaces, too", levels),
		WORLD_ROW("a reservation that meets a lack of memory leaves nothing", no_memory),
		WORLD_ROW("a reservation that is interrupted leaves nothing", interrupted),
	};
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("fault_reserve", tests, NULL, NULL);
}
