/* SPDX-License-Identifier: MIT */
/*
 * test_probe.c: what settid_probe() finds, in places of every kind; and that each answer is true: what it calls possible
 * works, what it calls impossible does not.  Filters and procfs are test_places.c's.
 */
#include "world.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP_SYS_ADMIN 21
#define CAP_CHECKPOINT_RESTORE 40

static void probe_of_a_free_place(void)
{
	struct settid_probe p = { .size = sizeof p };
	struct world_census before = world_census();

	CHECK_INT(settid_probe(&p, NULL), 0);
	world_census_check(before, "probe");
	CHECK_INT(p.clone3, SETTID_YES);
	CHECK_INT(p.clone3_errno, 0);
	CHECK_INT(p.clone3_blocked, SETTID_NO);
	CHECK_INT(p.set_tid, SETTID_YES);
	CHECK_INT(p.proc_is_ours, SETTID_YES);
	CHECK_INT(p.level[0].may_set, SETTID_YES);
	CHECK_INT(p.level[0].ns_level, p.levels - 1);
	CHECK_INT(p.level[p.levels - 1].ns_level, 0);
	CHECK_INT(p.best, SETTID_METHOD_CLONE3);
	CHECK(p.why[0] != '\0');
}

static void probe_counts_levels(void)
{
	struct settid_probe outer = { .size = sizeof outer }, inner = { .size = sizeof inner };

	CHECK_INT(settid_probe(&outer, NULL), 0);
	CHECK_INT(unshare(CLONE_NEWPID), 0);
	CHECK_INT(settid_probe(&inner, NULL), 0); /* and leaves the fresh namespace usable */
	struct settid_child c = world_child(NULL);

	CHECK_INT(inner.levels, outer.levels + 1);
	world_end(&c);
}

static void probe_reads_pid_max(void)
{
	struct settid_probe p = { .size = sizeof p };

	if (!world_write("/proc/sys/kernel/pid_max", "5000"))
		world_check_failed(__FILE__, __LINE__, "pid_max cannot be written");
	pid_t pid = settid_fork(WISH(.flags = CLONE_NEWPID), NULL, NULL);

	if (pid == 0) {
		setsid();
		CHECK_INT(settid_probe(&p, NULL), 0);
		CHECK_INT(p.level[0].pid_max, 4194304); /* a new namespace's own (R3.16) */
		CHECK_INT(p.level[1].pid_max, 5000);    /* found by asking: no file shows it here */
		_exit(0);
	}
	CHECK_INT(world_reap(pid), 0);
}

static void probe_of_an_old_caller(void)
{
	struct settid_probe p = { .size = 16 };
	struct settid_error err;

	CHECK_INT(settid_probe(&p, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
}

static struct settid_probe probe(void)
{
	struct settid_probe p = { .size = sizeof p };
	struct settid_error err = { .text = "" };
	struct world_census before = world_census();

	if (settid_probe(&p, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "no probe: %s", err.text);
	world_census_check(before, "probe");
	CHECK(p.why[0] && !strchr(p.why, '\n'));
	return p;
}

/* Can a child be made with these wishes? */
static bool works(const struct settid_fork_args *args)
{
	struct settid_child child = { .pidfd = -1 };
	pid_t pid = settid_fork(args, &child, NULL);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return false;
	world_reap(pid);
	close(child.pidfd);
	return true;
}

static void capabilities(void)
{
	const int keep[] = { CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, -1 };

	for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			world_keep_capability(keep[i]);
			struct settid_probe p = probe();

			CHECK_INT(p.cap_checkpoint_restore, i == 0);
			CHECK_INT(p.cap_sys_admin, i == 1);
			CHECK_INT(p.level[0].may_set, i < 2);
			CHECK_INT(works(WISH(NUMBERS(500))), i < 2);
			CHECK_INT(p.last_pid_writable, i < 2);
			CHECK_INT(works(WISH(NUMBERS(500), .method = SETTID_METHOD_NS_LAST_PID)), i < 2);
			CHECK_INT(p.pid_namespaces,
				  works(WISH(.flags = CLONE_NEWPID)) ||
					  works(WISH(.flags = CLONE_NEWPID | CLONE_NEWUSER)));
			_exit(0);
		}
		CHECK_INT(world_reap(pid), 0);
	}
}

/* Whoever may nothing here may all in namespaces of his own. */
static void ordinary_user(void)
{
	world_become_nobody();
	struct settid_probe p = probe();

	CHECK_INT(p.level[0].may_set, SETTID_NO);
	CHECK_INT(p.last_pid_writable, SETTID_NO);
	CHECK_INT(p.user_namespaces, works(WISH(.flags = CLONE_NEWUSER)));
	if (p.user_namespaces == SETTID_YES) {
		CHECK_INT(p.pid_namespaces, SETTID_YES);
		CHECK_INT(p.best, SETTID_METHOD_CLONE3);
		CHECK(strstr(p.why, "new user and PID namespace") != NULL);
	} else {
		CHECK_INT(p.best, SETTID_METHOD_AUTO);
	}
}

static void no_user_namespaces(void)
{
	CHECK_INT(unshare(CLONE_NEWUSER), 0);
	CHECK(world_write("/proc/sys/user/max_user_namespaces", "0"));
	struct settid_probe p = probe();

	CHECK_INT(p.user_namespaces, SETTID_NO);
	CHECK(!works(WISH(.flags = CLONE_NEWUSER)));
	CHECK_INT(p.pid_namespaces, SETTID_YES); /* the right is there without one */
	CHECK_INT(p.level[0].may_set, SETTID_NO);
	CHECK_INT(p.best, SETTID_METHOD_AUTO);
	CHECK(strstr(p.why, "cannot be chosen here") != NULL);
}

static void no_pid_namespaces(void)
{
	CHECK_INT(unshare(CLONE_NEWUSER), 0);
	CHECK(world_write("/proc/sys/user/max_pid_namespaces", "0"));
	struct settid_probe p = probe();

	CHECK_INT(p.pid_namespaces, SETTID_NO);
	CHECK(!works(WISH(.flags = CLONE_NEWPID)));
}

/* The right ends where the user namespace does: inside, not around. */
static void right_inside_only(void)
{
	pid_t pid = settid_fork(WISH(.flags = CLONE_NEWPID | CLONE_NEWUSER), NULL, NULL);

	if (pid == 0) {
		setsid();
		struct settid_probe p = probe();

		CHECK_INT(p.level[0].may_set, SETTID_YES);
		CHECK_INT(p.level[1].may_set, SETTID_NO);
		CHECK_INT(p.level[p.levels - 1].may_set, SETTID_NO);
		CHECK(works(WISH(NUMBERS(500))));
		CHECK(!works(WISH(NUMBERS(500, 600))));
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_INT(world_reap(pid), 0);
}

/* As deep as it goes: 33 levels, of which an array names 32. */
static void deepest(int depth)
{
	pid_t pid = settid_fork(WISH(.flags = CLONE_NEWPID), NULL, NULL);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		deepest(depth + 1);
		_exit(0);
	}
	if (pid > 0) {
		CHECK_INT(world_reap(pid), 0);
		return;
	}
	struct settid_probe p = probe();

	CHECK_INT(p.levels, SETTID_LEVEL_MAX);
	CHECK(!p.levels_exact); /* one more is there, or not: nobody can ask */
	CHECK_INT(p.level[0].ns_level, -1);
	CHECK_INT(p.level[0].may_set, SETTID_YES);
	CHECK_INT(p.pid_namespaces, SETTID_NO);
	CHECK_INT(p.best, SETTID_METHOD_CLONE3);
}

static void at_the_deepest_level(void)
{
	deepest(0);
}

static void no_process_can_be_made(void)
{
	struct settid_probe p = { .size = sizeof p }, untouched = p;
	struct rlimit one = { 1, 1 };
	struct settid_error err;

	CHECK_INT(setrlimit(RLIMIT_NPROC, &one), 0);
	world_become_nobody();
	struct world_census before = world_census();

	CHECK_INT(settid_probe(&p, &err), -EAGAIN);
	CHECK_INT(err.reason, SETTID_REASON_PROCESS_LIMIT);
	CHECK(memcmp(&p, &untouched, sizeof p) == 0);
	world_census_check(before, "a probe that failed");
}

/* A large process pays no more: the children share its memory, and its handlers do not run in them. */
static _Atomic int handled;

static void handle(int sig)
{
	(void)sig;
	handled++;
}

static void no_signal_comes_of_it(void)
{
	signal(SIGCHLD, handle);
	for (int i = 0; i < 10; i++)
		probe();
	CHECK_INT(handled, 0);
}

/* ------------------------------------------------------------------------------------ program -- */

#define IN_WORLD(name, flags)                 \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		world_run(flags, name);       \
	}

IN_WORLD(probe_of_a_free_place, WORLD_PROC)
IN_WORLD(probe_counts_levels, WORLD_PROC)
IN_WORLD(probe_reads_pid_max, WORLD_PROC)
IN_WORLD(probe_of_an_old_caller, 0)
IN_WORLD(capabilities, WORLD_PROC)
IN_WORLD(ordinary_user, WORLD_PROC)
IN_WORLD(no_user_namespaces, WORLD_PROC)
IN_WORLD(no_pid_namespaces, WORLD_PROC)
IN_WORLD(right_inside_only, WORLD_PROC)
IN_WORLD(at_the_deepest_level, WORLD_PROC)
IN_WORLD(no_process_can_be_made, WORLD_PROC)
IN_WORLD(no_signal_comes_of_it, WORLD_PROC)

#define ROW(sentence, name)                             \
	{                                               \
		sentence, test_##name, NULL, NULL, NULL \
	}

int main(void)
{
	struct CMUnitTest tests[16] = {
		ROW("the probe of a free place finds everything", probe_of_a_free_place),
		ROW("the probe counts levels and leaves a fresh namespace usable", probe_counts_levels),
		ROW("the probe finds an outer level's pid_max by asking", probe_reads_pid_max),
		ROW("a probe record of another size is refused", probe_of_an_old_caller),
		ROW("each capability is found, and what it allows works", capabilities),
		ROW("a right that ends with the user namespace is found level by level", right_inside_only),
		ROW("without user namespaces that is said", no_user_namespaces),
		ROW("without PID namespaces that is said", no_pid_namespaces),
		ROW("at the deepest level the probe counts what can be named", at_the_deepest_level),
		ROW("a probe sends its caller no signal", no_signal_comes_of_it),
	};
	size_t len = 10;
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	if (geteuid() == 0) {
		tests[len++] = (struct CMUnitTest)ROW("an ordinary user is told of namespaces of his own",
						      ordinary_user);
		tests[len++] = (struct CMUnitTest)ROW(
			"where no child can be made the probe fails, and says why", no_process_can_be_made);
	} else {
		puts("# SKIP probes by another user: need root");
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("probe", tests, len, NULL, NULL);
}
