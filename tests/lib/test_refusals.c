/* SPDX-License-Identifier: MIT */
/*
 * test_refusals.c: every refusal that depends on where one is, who one is and which numbers are taken (spec R1.31
 * to R1.43 and R2.3), through settid_fork(): errno, reason, level, number and holder, one row per question.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Rows say what is expected and leave the rest out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define CAP_SYS_ADMIN 21
#define CAP_CHECKPOINT_RESTORE 40
#define CAP_SETUID 7
#define CAP_SYS_RESOURCE 24

struct want {
	int code;
	enum settid_reason reason;
	int level;
	pid_t number;
	enum settid_holder holder;
};

static void expect_error(const struct settid_error *err, int code, struct want w, const char *what)
{
	if (code != w.code || err->code != w.code)
		world_check_failed(__FILE__, __LINE__, "%s: %d (%s), not %d", what, code,
				   code < 0 ? err->text : "made", w.code);
	if (err->reason != w.reason || err->level != w.level || err->number != w.number ||
	    err->holder != w.holder)
		world_check_failed(__FILE__, __LINE__, "%s: %s, level %d, number %d, holder %s (%s)", what,
				   settid_reason_name(err->reason), err->level, (int)err->number,
				   settid_holder_name(err->holder), err->text);
	if (!err->text[0] || strchr(err->text, '\n'))
		world_check_failed(__FILE__, __LINE__, "%s: no sentence", what);
}

/* Asks, expects, and leaves no trace whatever happened. */
static void refuse(const char *what, const struct settid_fork_args *args, struct want w)
{
	struct settid_error err = { .text = "" };
	struct settid_child child = { .pidfd = -1 };
	struct world_census before = world_census();
	pid_t pid = settid_fork(args, &child, &err);

	if (pid == 0)
		_exit(0);
	if (pid > 0) {
		world_end(&child);
		if (w.code == 0)
			return;
	}
	expect_error(&err, pid > 0 ? 0 : pid, w, what);
	world_census_check(before, what);
}

#define MADE ((struct want){ 0 })
#define WANT(code, reason, ...) ((struct want){ -code, SETTID_REASON_##reason, __VA_ARGS__ })
#define REFUSE(wish, want) refuse(#wish, wish, want)
#define HELD_BY(level, number, by) WANT(EEXIST, TAKEN, level, number, SETTID_HOLDER_##by)

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

static void in_world(void **state)
{
	void (*fn)(void);

	memcpy(&fn, state, sizeof fn);
	world_run(WORLD_PROC, fn);
}

#define ROW(sentence, fn)                                               \
	{                                                               \
		sentence, in_world, NULL, NULL, (void *)(uintptr_t)(fn) \
	}

int main(void)
{
	struct CMUnitTest tests[32] = {
		ROW("R2.3.1 numbers below 1 are out of range", out_of_range),
		ROW("R2.3.2 numbers from pid_max on are out of range", at_pid_max),
		ROW("R2.3.5 a taken number is named with its holder", taken),
		ROW("R1.39 more numbers than levels are told with the first superfluous one",
		    too_many_levels),
		ROW("R2.3.3 a namespace's first process can only be 1", first_is_one),
		ROW("R2.4 the innermost failing level is the one named", two_levels),
		ROW("R2.6 either capability is enough, others are not", one_capability_is_enough),
		ROW("R2.5 without the right EINVAL wins, EPERM hides a taken number", without_rights),
		ROW("R2.6 the right is missing at the level that is named", right_over_inner_only),
		ROW("R1.34 no right for a new namespace comes before any number", no_right_for_namespaces),
		ROW("R1.44 a namespace that waits for its init survives refusals and their diagnosis",
		    waits_for_its_init),
		ROW("R2.11 levels count from the entered namespace", entered_namespace),
		ROW("R1.35 NEWPID after unshare is told as that", shape),
		ROW("R1.41 a dead namespace is told as that", dead_namespace),
		ROW("R1.38 the limit on namespaces is told as that", namespace_limit),
		ROW("R1.37 the 33rd level is told as that", too_deep),
		ROW("R1.28 a sibling may be a new namespace's init", sibling_init),
		ROW("R1.31 the limit on user namespaces is told as that", user_namespace_limit),
		ROW("R1.31 ids without a map are told as a missing right", ids_without_map),
		ROW("R1.34 every kind of namespace needs the right", every_namespace_needs_the_right),
		ROW("R1.36 a PID namespace below a foreign owner is told as that", foreign_owner),
		ROW("R1.24 an init's CLONE_PARENT is told as that", parent_of_init),
		ROW("R1.42 no descriptor for the pidfd, after the numbers", no_descriptor),
		ROW("R1.43 a bad cgroup, after the numbers", bad_cgroup),
	};
	size_t len = 24;
	const char *missing = world_missing();
	int r;

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	if (geteuid() == 0)
		tests[len++] = (struct CMUnitTest)ROW("R1.32 RLIMIT_NPROC hides everything about numbers",
						      over_rlimit_nproc);
	else
		puts("# SKIP R1.32 RLIMIT_NPROC: another user's id is needed, and this is not root");
	tests[len++] = (struct CMUnitTest)ROW("R2.3.6 a full level is told from a limit", full_space);
	if (make_pids_cgroup())
		tests[len++] = (struct CMUnitTest){ "R1.43 a full pids cgroup, after the numbers",
						    test_full_cgroup, NULL, NULL, NULL };
	else
		puts("# SKIP R1.43 a full pids cgroup: no writable pids cgroup hierarchy here");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	r = _cmocka_run_group_tests("refusals", tests, len, NULL, NULL);
	if (cgroup_dir[0])
		rmdir(cgroup_dir);
	return r;
}
