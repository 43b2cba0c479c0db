/* SPDX-License-Identifier: MIT */
/*
 * test_refusals_places.c: refusals that depend on namespaces, descriptors and limits (spec R1.24 to R1.43), through
 * settid_fork(): errno, reason, level, number and holder, one row per question.
 */
#include "refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------ namespaces -- */

/* The diagnosis must not use up the namespace that waits for its init (D1 of diagnose.c). */
static void waits_for_its_init(void)
{
	CHECK_INT(unshare(CLONE_NEWPID), 0);
	REFUSE(WISH(NUMBERS(2)), WANT(EINVAL, FIRST_NOT_INIT, 0, 2));
	REFUSE(WISH(NUMBERS(1, 1)), HELD_BY(1, 1, PROCESS));
	REFUSE(WISH(NUMBERS(1, 0)), WANT(EINVAL, RANGE, 1, 0));
	REFUSE(WISH(NUMBERS(0)), WANT(EINVAL, RANGE, 0, 0));
	struct settid_child c = world_child(WISH(NUMBERS(1, 42)));

	CHECK_INT(c.pid, 42);
	/* 1 inside is that child, which has 42 here */
	struct settid_error err;

	CHECK_INT(settid_fork(WISH(NUMBERS(1, 43)), NULL, &err), -EEXIST);
	expect_error(&err, -EEXIST, HELD_BY(0, 1, PROCESS), "{1} while the inner init lives");
	CHECK_INT(err.holder_pid, 42);
	CHECK_INT(err.ns_level >= 0 ? 1 : 0, 1);
	world_end(&c);
}

static void entered_namespace(void)
{
	struct settid_child init = world_child(WISH(NUMBERS(1, 42), .flags = CLONE_NEWPID));
	struct settid_error err;

	CHECK_INT(setns(init.pidfd, CLONE_NEWPID), 0);
	struct settid_child c = world_child(WISH(NUMBERS(600, 700)));

	CHECK_INT(c.pid, 700);
	REFUSE(WISH(NUMBERS(600, 701)), HELD_BY(0, 600, PROCESS));
	REFUSE(WISH(NUMBERS(601, 700)), HELD_BY(1, 700, PROCESS));
	REFUSE(WISH(NUMBERS(1)), HELD_BY(0, 1, PROCESS));
	CHECK_INT(settid_fork(WISH(NUMBERS(600, 701)), NULL, &err), -EEXIST);
	CHECK_INT(err.holder_pid, 700); /* in our own numbers */
	world_end(&c);
	world_end(&init);
}

static void shape(void)
{
	CHECK_INT(unshare(CLONE_NEWPID), 0);
	REFUSE(WISH(.flags = CLONE_NEWPID), WANT(EINVAL, NAMESPACE_SHAPE, -1));
	REFUSE(WISH(NUMBERS(1), .flags = CLONE_NEWPID), WANT(EINVAL, NAMESPACE_SHAPE, -1));
}

static void dead_namespace(void)
{
	CHECK_INT(unshare(CLONE_NEWPID), 0);
	struct settid_child init = world_child(NULL);

	world_end(&init);
	REFUSE(WISH(.flags = 0), WANT(ENOMEM, NAMESPACE_DEAD, -1));
	REFUSE(WISH(NUMBERS(5)), WANT(ENOMEM, NAMESPACE_DEAD, -1));
	REFUSE(WISH(NUMBERS(1)), WANT(ENOMEM, NAMESPACE_DEAD, -1));
	REFUSE(WISH(NUMBERS(0)), WANT(EINVAL, RANGE, 0, 0));
	REFUSE(WISH(NUMBERS(5, 1)), HELD_BY(1, 1, PROCESS));
}

static void namespace_limit(void)
{
	CHECK_INT(unshare(CLONE_NEWUSER), 0);
	CHECK(world_write("/proc/sys/user/max_pid_namespaces", "0"));
	REFUSE(WISH(.flags = CLONE_NEWPID), WANT(ENOSPC, NAMESPACE_DEPTH, -1));
	REFUSE(WISH(NUMBERS(1), .flags = CLONE_NEWPID), WANT(ENOSPC, NAMESPACE_DEPTH, -1));
}

/* Each level makes the next until one is refused. */
static void nest(int depth)
{
	struct settid_error err;
	pid_t pid = settid_fork(WISH(.flags = CLONE_NEWPID), NULL, &err);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		nest(depth + 1);
		_exit(0);
	}
	if (pid > 0) {
		CHECK_INT(world_reap(pid), 0);
		return;
	}
	expect_error(&err, pid, WANT(ENOSPC, NAMESPACE_DEPTH, -1), "the 33rd level");
	CHECK(depth > 8 && depth <= 32);
}

static void too_deep(void)
{
	nest(0);
}

static void parent_of_init(void)
{
	REFUSE(WISH(.flags = CLONE_PARENT), WANT(EINVAL, ARGUMENT, -1));
	REFUSE(WISH(NUMBERS(500), .flags = CLONE_PARENT), WANT(EINVAL, ARGUMENT, -1));
}

/* What man pages forbid and the kernel does not: a sibling that is another namespace's init. */
static void sibling_init(void)
{
	pid_t maker = fork();

	if (maker == 0) {
		pid_t pid =
			settid_fork(WISH(NUMBERS(1, 42), .flags = CLONE_NEWPID | CLONE_PARENT), NULL, NULL);

		if (pid == 0)
			_exit(getpid() == 1 ? 0 : 1);
		CHECK_INT(pid, 42);
		_exit(0);
	}
	CHECK_INT(world_reap(maker), 0);
	CHECK_INT(world_reap(42), 0);
}

static void user_namespace_limit(void)
{
	CHECK_INT(unshare(CLONE_NEWUSER), 0);
	CHECK(world_write("/proc/sys/user/max_user_namespaces", "0"));
	REFUSE(WISH(.flags = CLONE_NEWUSER), WANT(ENOSPC, NAMESPACE_DEPTH, -1));
	REFUSE(WISH(NUMBERS(1), .flags = CLONE_NEWUSER | CLONE_NEWPID), WANT(ENOSPC, NAMESPACE_DEPTH, -1));
}

/* Whoever has no id in his own user namespace cannot own another one. */
static void ids_without_map(void)
{
	CHECK_INT(unshare(CLONE_NEWUSER), 0);
	REFUSE(WISH(.flags = CLONE_NEWUSER), WANT(EPERM, NAMESPACE_RIGHT, -1));
}

/* Each kind of namespace needs the right, or a user namespace made along with it. */
static void every_namespace_needs_the_right(void)
{
	const uint64_t flags[] = { CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,
				   CLONE_NEWNET, CLONE_NEWPID, 0x02000000 /* NEWCGROUP */,
				   0x80 /* NEWTIME */ };

	world_keep_capability(-1);
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		refuse("a namespace without the right", WISH(.flags = flags[i]),
		       WANT(EPERM, NAMESPACE_RIGHT, -1));
		refuse("a namespace with a user namespace", WISH(.flags = flags[i] | CLONE_NEWUSER), MADE);
	}
}

/* In a PID namespace whose owner is not above the user namespace that is to own the new one. */
static void foreign_owner_inside(void)
{
	REFUSE(WISH(.flags = CLONE_NEWPID), WANT(EINVAL, ARGUMENT, -1));
	REFUSE(WISH(NUMBERS(1), .flags = CLONE_NEWPID), WANT(EINVAL, ARGUMENT, -1));
	REFUSE(WISH(.flags = CLONE_NEWPID | CLONE_NEWUSER), WANT(EINVAL, ARGUMENT, -1));
	REFUSE(WISH(.flags = 0), MADE);
}

static void foreign_owner(void)
{
	struct settid_child init = world_child(WISH(.flags = CLONE_NEWPID | CLONE_NEWUSER));

	CHECK_INT(setns(init.pidfd, CLONE_NEWPID), 0);
	pid_t pid = settid_fork(NULL, NULL, NULL);

	if (pid == 0) {
		foreign_owner_inside();
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_INT(world_reap(pid), 0);
	world_end(&init);
}

/* ------------------------------------------------------------------------------------ late -- */

static void no_descriptor(void)
{
	struct rlimit none = { 3, 3 };

	CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	refuse("{500} without a free descriptor", WISH(NUMBERS(500)), WANT(EMFILE, SYSTEM, -1));
	struct settid_error err;

	CHECK_INT(settid_fork(WISH(NUMBERS(1)), NULL, &err), -EEXIST); /* numbers win */
	CHECK_INT(err.level, 0);
	pid_t pid = settid_fork(WISH(NUMBERS(500)), NULL, NULL); /* and without pidfd it works */

	if (pid == 0)
		_exit(0);
	CHECK_INT(pid, 500);
	world_reap(pid);
}

static void bad_cgroup(void)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	REFUSE(WISH(NUMBERS(500), .use_cgroup = 1, .cgroup_fd = 77), WANT(EBADF, SYSTEM, -1));
	refuse("a directory that is no cgroup", WISH(.use_cgroup = 1, .cgroup_fd = fd),
	       WANT(EBADF, SYSTEM, -1));
	REFUSE(WISH(NUMBERS(1), .use_cgroup = 1, .cgroup_fd = 77), HELD_BY(0, 1, PROCESS));
	REFUSE(WISH(.use_cgroup = 1, .cgroup_fd = -1), WANT(EBADF, ARGUMENT, -1));
	close(fd);
}

/* ------------------------------------------------------------------------------------ limits -- */

static void over_rlimit_nproc(void)
{
	struct rlimit one = { 1, 1 };

	CHECK_INT(setrlimit(RLIMIT_NPROC, &one), 0);
	world_become_nobody();
	REFUSE(WISH(.flags = 0), WANT(EAGAIN, PROCESS_LIMIT, -1));
	REFUSE(WISH(NUMBERS(1)), WANT(EAGAIN, PROCESS_LIMIT, -1));
	REFUSE(WISH(NUMBERS(1, 2, 3, 4, 5, 6, 7)), WANT(EAGAIN, PROCESS_LIMIT, -1));
	REFUSE(WISH(.flags = CLONE_NEWPID), WANT(EAGAIN, PROCESS_LIMIT, -1));
}

static void full_space(void)
{
	CHECK(world_write("/proc/sys/kernel/pid_max", "301"));
	struct settid_child c = world_child(WISH(NUMBERS(300)));

	CHECK(world_write("/proc/sys/kernel/ns_last_pid", "300"));
	refuse("no number from 300 up", WISH(.flags = 0), WANT(EAGAIN, NUMBERS_FULL, -1));
	REFUSE(WISH(NUMBERS(300)), HELD_BY(0, 300, PROCESS));
	REFUSE(WISH(NUMBERS(299)), MADE);
	REFUSE(WISH(NUMBERS(301)), WANT(EINVAL, RANGE, 0, 301));
	/* one level in: the inner number is chosen, ours is left to the kernel and is full */
	REFUSE(WISH(NUMBERS(1), .flags = CLONE_NEWPID), WANT(EAGAIN, NUMBERS_FULL, -1));
	world_end(&c);
	REFUSE(WISH(.flags = 0), MADE);
}

/* ------------------------------------------------------------------------------------ pids cgroup -- */

static char cgroup_dir[128];

/* A child group with a limit of its own, v1 or v2; false: none can be made here. */
static bool make_pids_cgroup(void)
{
	const char *const roots[] = { "/sys/fs/cgroup/pids", "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char path[160];

	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		snprintf(cgroup_dir, sizeof cgroup_dir, "%s/settid-test-%d", roots[i], (int)getpid());
		snprintf(path, sizeof path, "%s/pids.max", cgroup_dir);
		if (mkdir(cgroup_dir, 0755) != 0)
			continue;
		if (access(path, W_OK) == 0)
			return true;
		rmdir(cgroup_dir);
	}
	cgroup_dir[0] = '\0';
	return false;
}

static void full_cgroup(void)
{
	char path[160];

	snprintf(path, sizeof path, "%s/cgroup.procs", cgroup_dir);
	CHECK(world_write(path, "0"));
	snprintf(path, sizeof path, "%s/pids.max", cgroup_dir);
	CHECK(world_write(path, "1"));
	REFUSE(WISH(NUMBERS(500)), WANT(EAGAIN, PROCESS_LIMIT, -1));
	REFUSE(WISH(NUMBERS(1)), HELD_BY(0, 1, PROCESS)); /* numbers win */
	REFUSE(WISH(NUMBERS(0)), WANT(EINVAL, RANGE, 0, 0));
	REFUSE(WISH(.flags = 0), WANT(EAGAIN, PROCESS_LIMIT, -1));
}

static void test_full_cgroup(void **state)
{
	(void)state;
	world_run(WORLD_PROC, full_cgroup);
}

/* ------------------------------------------------------------------------------------ program -- */

int main(void)
{
	struct CMUnitTest tests[32] = {
		WORLD_ROW("R1.44 a namespace that waits for its init survives refusals and their diagnosis",
			  waits_for_its_init),
		WORLD_ROW("R2.11 levels count from the entered namespace", entered_namespace),
		WORLD_ROW("R1.35 NEWPID after unshare is told as that", shape),
		WORLD_ROW("R1.41 a dead namespace is told as that", dead_namespace),
		WORLD_ROW("R1.38 the limit on namespaces is told as that", namespace_limit),
		WORLD_ROW("R1.37 the 33rd level is told as that", too_deep),
		WORLD_ROW("R1.28 a sibling may be a new namespace's init", sibling_init),
		WORLD_ROW("R1.31 the limit on user namespaces is told as that", user_namespace_limit),
		WORLD_ROW("R1.31 ids without a map are told as a missing right", ids_without_map),
		WORLD_ROW("R1.34 every kind of namespace needs the right", every_namespace_needs_the_right),
		WORLD_ROW("R1.36 a PID namespace below a foreign owner is told as that", foreign_owner),
		WORLD_ROW("R1.24 an init's CLONE_PARENT is told as that", parent_of_init),
		WORLD_ROW("R1.42 no descriptor for the pidfd, after the numbers", no_descriptor),
		WORLD_ROW("R1.43 a bad cgroup, after the numbers", bad_cgroup),
	};
	size_t len = 14;
	const char *missing = world_missing();
	int r;

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	if (geteuid() == 0)
		tests[len++] = (struct CMUnitTest)WORLD_ROW(
			"R1.32 RLIMIT_NPROC hides everything about numbers", over_rlimit_nproc);
	else
		puts("# SKIP R1.32 RLIMIT_NPROC: another user's id is needed, and this is not root");
	tests[len++] = (struct CMUnitTest)WORLD_ROW("R2.3.6 a full level is told from a limit", full_space);
	if (make_pids_cgroup())
		tests[len++] = (struct CMUnitTest){ "R1.43 a full pids cgroup, after the numbers",
						    test_full_cgroup, NULL, NULL, NULL };
	else
		puts("# SKIP R1.43 a full pids cgroup: no writable pids cgroup hierarchy here");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	r = _cmocka_run_group_tests("refusals of places", tests, len, NULL, NULL);
	if (cgroup_dir[0])
		rmdir(cgroup_dir);
	return r;
}
