/* SPDX-License-Identifier: MIT */
/*
 * test_refusals.c: refusals that depend on the numbers and on who asks (spec R2.3 to R2.6), through settid_fork(): errno,
 * reason, level, number and holder, one row per question.  test_refusals_places.c has those that depend on where.
 */
#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_SYS_ADMIN 21
#define CAP_CHECKPOINT_RESTORE 40
#define CAP_SETUID 7

/* ------------------------------------------------------------------------------------ values -- */

static void out_of_range(void)
{
	REFUSE(WISH(NUMBERS(0)), WANT(EINVAL, RANGE, 0, 0));
	REFUSE(WISH(NUMBERS(-1)), WANT(EINVAL, RANGE, 0, -1));
	REFUSE(WISH(NUMBERS(INT_MIN)), WANT(EINVAL, RANGE, 0, INT_MIN));
	REFUSE(WISH(NUMBERS(INT_MAX)), WANT(EINVAL, RANGE, 0, INT_MAX));
}

static void at_pid_max(void)
{
	int max = 0;
	FILE *f = fopen("/proc/sys/kernel/pid_max", "re");

	CHECK(f && fscanf(f, "%d", &max) == 1);
	fclose(f);
	REFUSE(WISH(NUMBERS(max - 1)), MADE);
	REFUSE(WISH(NUMBERS(max)), WANT(EINVAL, RANGE, 0, max));
}

static void taken(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(500)));
	struct settid_error err;

	REFUSE(WISH(NUMBERS(500)), HELD_BY(0, 500, PROCESS));
	REFUSE(WISH(NUMBERS(1)), HELD_BY(0, 1, PROCESS));
	CHECK_INT(settid_fork(WISH(NUMBERS(500)), NULL, &err), -EEXIST);
	CHECK_INT(err.holder_pid, 500);
	world_end(&c);
	REFUSE(WISH(NUMBERS(500)), MADE);
}

static void too_many_levels(void)
{
	struct settid_probe p = { .size = sizeof p };
	pid_t numbers[SETTID_LEVEL_MAX];

	CHECK_INT(settid_probe(&p, NULL), 0);
	CHECK(p.levels_exact && p.levels >= 2);
	for (int i = 0; i < SETTID_LEVEL_MAX; i++)
		numbers[i] = 50 + i;
	refuse("one number too many", WISH(.set_tid = numbers, .set_tid_len = (size_t)p.levels + 1),
	       WANT(EINVAL, TOO_MANY_LEVELS, p.levels, 50 + p.levels));
	refuse("one too many with NEWPID",
	       WISH(.set_tid = numbers, .set_tid_len = (size_t)p.levels + 2, .flags = CLONE_NEWPID),
	       WANT(EINVAL, TOO_MANY_LEVELS, p.levels + 1, 50 + p.levels + 1));
	memset(numbers, 0, sizeof numbers);
	refuse("zeros too many", WISH(.set_tid = numbers, .set_tid_len = (size_t)p.levels + 1),
	       WANT(EINVAL, TOO_MANY_LEVELS, p.levels, 0)); /* hides bad values (R1.39) */
}

static void first_is_one(void)
{
	REFUSE(WISH(NUMBERS(2), .flags = CLONE_NEWPID), WANT(EINVAL, FIRST_NOT_INIT, 0, 2));
	REFUSE(WISH(NUMBERS(300, 700), .flags = CLONE_NEWPID), WANT(EINVAL, FIRST_NOT_INIT, 0, 300));
	REFUSE(WISH(NUMBERS(0), .flags = CLONE_NEWPID), WANT(EINVAL, RANGE, 0, 0));
	REFUSE(WISH(NUMBERS(1, 700), .flags = CLONE_NEWPID), MADE);
	REFUSE(WISH(NUMBERS(1, 0), .flags = CLONE_NEWPID), WANT(EINVAL, RANGE, 1, 0));
	REFUSE(WISH(NUMBERS(1, 1), .flags = CLONE_NEWPID), HELD_BY(1, 1, PROCESS));
}

/* Runs fn one namespace deeper, so that two levels are ours. */
static void one_deeper(void (*fn)(void))
{
	pid_t pid = settid_fork(WISH(.flags = CLONE_NEWPID), NULL, NULL);

	if (pid == 0) {
		setsid();
		fn();
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_INT(world_reap(pid), 0);
}

static void two_levels_inside(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(50, 900)));

	/* /proc is still the outer world's, so 900 is seen there */
	REFUSE(WISH(NUMBERS(51, 900)), HELD_BY(1, 900, PROCESS));
	REFUSE(WISH(NUMBERS(50, 0)), HELD_BY(0, 50, PROCESS));
	REFUSE(WISH(NUMBERS(0, 900)), WANT(EINVAL, RANGE, 0, 0));
	REFUSE(WISH(NUMBERS(51, 0)), WANT(EINVAL, RANGE, 1, 0));
	REFUSE(WISH(NUMBERS(50, INT_MAX)), HELD_BY(0, 50, PROCESS));
	REFUSE(WISH(NUMBERS(52, INT_MAX)), WANT(EINVAL, RANGE, 1, INT_MAX));
	world_end(&c);
	REFUSE(WISH(NUMBERS(50, 900)), MADE);
}

static void two_levels(void)
{
	one_deeper(two_levels_inside);
}

/* ------------------------------------------------------------------------------------ rights -- */

static void one_capability_is_enough(void)
{
	pid_t pid;
	const int keep[] = { CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, CAP_SETUID, -1 };

	for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) {
		pid = fork();
		if (pid == 0) {
			world_keep_capability(keep[i]);
			refuse("{500} with one capability", WISH(NUMBERS(500)),
			       i < 2 ? MADE : WANT(EPERM, CAPABILITY, 0, 500));
			_exit(0);
		}
		CHECK_INT(world_reap(pid), 0);
	}
}

static void without_rights(void)
{
	CHECK_INT(unshare(CLONE_NEWUSER), 0);
	REFUSE(WISH(NUMBERS(500)), WANT(EPERM, CAPABILITY, 0, 500));
	REFUSE(WISH(NUMBERS(0)), WANT(EINVAL, RANGE, 0, 0));
	REFUSE(WISH(NUMBERS(1)), WANT(EPERM, CAPABILITY, 0, 1));
	REFUSE(WISH(NUMBERS(INT_MAX)), WANT(EINVAL, RANGE, 0, INT_MAX));
	REFUSE(WISH(NUMBERS(1), .flags = CLONE_NEWPID), MADE);
	REFUSE(WISH(NUMBERS(1, 500), .flags = CLONE_NEWPID), WANT(EPERM, CAPABILITY, 1, 500));
	REFUSE(WISH(NUMBERS(2, 500), .flags = CLONE_NEWPID), WANT(EINVAL, FIRST_NOT_INIT, 0, 2));
}

static void right_over_inner_only_inside(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(500)));

	REFUSE(WISH(NUMBERS(501, 600)), WANT(EPERM, CAPABILITY, 1, 600));
	REFUSE(WISH(NUMBERS(500, 600)), HELD_BY(0, 500, PROCESS));
	REFUSE(WISH(NUMBERS(501, 0)), WANT(EINVAL, RANGE, 1, 0));
	REFUSE(WISH(NUMBERS(501, 1)), WANT(EPERM, CAPABILITY, 1, 1));
	REFUSE(WISH(NUMBERS(1, 600), .flags = CLONE_NEWPID), MADE);
	REFUSE(WISH(NUMBERS(1, 600, 700), .flags = CLONE_NEWPID), WANT(EPERM, CAPABILITY, 2, 700));
	world_end(&c);
}

static void right_over_inner_only(void)
{
	pid_t pid = settid_fork(WISH(.flags = CLONE_NEWPID | CLONE_NEWUSER), NULL, NULL);

	if (pid == 0) {
		setsid();
		right_over_inner_only_inside();
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_INT(world_reap(pid), 0);
}

static void no_right_for_namespaces(void)
{
	world_keep_capability(-1);
	REFUSE(WISH(NUMBERS(1), .flags = CLONE_NEWPID), WANT(EPERM, NAMESPACE_RIGHT, -1));
	REFUSE(WISH(NUMBERS(0), .flags = CLONE_NEWPID), WANT(EPERM, NAMESPACE_RIGHT, -1));
	REFUSE(WISH(.flags = CLONE_NEWPID), WANT(EPERM, NAMESPACE_RIGHT, -1));
}

/* ------------------------------------------------------------------------------------ program -- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_ROW("R2.3.1 numbers below 1 are out of range", out_of_range),
		WORLD_ROW("R2.3.2 numbers from pid_max on are out of range", at_pid_max),
		WORLD_ROW("R2.3.5 a taken number is named with its holder", taken),
		WORLD_ROW("R1.39 more numbers than levels are told with the first superfluous one",
			  too_many_levels),
		WORLD_ROW("R2.3.3 a namespace's first process can only be 1", first_is_one),
		WORLD_ROW("R2.4 the innermost failing level is the one named", two_levels),
		WORLD_ROW("R2.6 either capability is enough, others are not", one_capability_is_enough),
		WORLD_ROW("R2.5 without the right EINVAL wins, EPERM hides a taken number", without_rights),
		WORLD_ROW("R2.6 the right is missing at the level that is named", right_over_inner_only),
		WORLD_ROW("R1.34 no right for a new namespace comes before any number",
			  no_right_for_namespaces),
	};
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
