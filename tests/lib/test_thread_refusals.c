/* SPDX-License-Identifier: MIT */
/*
 * test_thread_refusals.c: every refusal that a thread's number can meet, through settid_thread_create(): errno, reason,
 * level, number and holder; and nothing is left of the attempt.
 */
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGS(...) \
	(&(const struct settid_thread_args){ .size = sizeof(struct settid_thread_args), __VA_ARGS__ })
#define LAST_PID .method = SETTID_METHOD_NS_LAST_PID

static void *never(void *arg)
{
	world_check_failed(__FILE__, __LINE__, "a thread ran that was refused");
	return arg;
}

static int count_tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	int count = 0;

	CHECK(d != NULL);
	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

/* Asks, expects, and leaves no trace. */
static struct settid_error refuse(const char *what, const struct settid_thread_args *args, int code,
				  enum settid_reason reason, int level, pid_t number,
				  enum settid_holder holder)
{
	struct settid_error err = { .text = "" };
	struct world_census before = world_census();
	int tasks = count_tasks();
	struct sigaction sigsys, now;
	pthread_t thread;

	CHECK_INT(sigaction(SIGSYS, NULL, &sigsys), 0);
	int r = settid_thread_create(&thread, NULL, never, NULL, args, NULL, &err);

	if (r != -code || err.code != -code)
		world_check_failed(__FILE__, __LINE__, "%s: %d (%s), not %d", what, r,
				   r < 0 ? err.text : "made", -code);
	if (err.reason != reason || err.level != level || err.number != number || err.holder != holder)
		world_check_failed(__FILE__, __LINE__, "%s: %s, level %d, number %d, holder %s (%s)", what,
				   settid_reason_name(err.reason), err.level, (int)err.number,
				   settid_holder_name(err.holder), err.text);
	CHECK(err.text[0] && !strchr(err.text, '\n'));
	world_census_check(before, what);
	/* A thread with a wrong number was joined, and is on its way. */
	for (int tries = 0; count_tasks() != tasks && tries < 10000; tries++)
		usleep(1000);
	CHECK_INT(count_tasks(), tasks);
	CHECK_INT(sigaction(SIGSYS, NULL, &now), 0);
	CHECK(now.sa_handler == sigsys.sa_handler && now.sa_flags == sigsys.sa_flags);
	return err;
}

#define REFUSE(args, code, reason, level, number) \
	refuse(#args, args, code, SETTID_REASON_##reason, level, number, SETTID_HOLDER_NONE)
#define HELD(args, level, number, by) \
	refuse(#args, args, EEXIST, SETTID_REASON_TAKEN, level, number, SETTID_HOLDER_##by)

static void out_of_range(void)
{
	REFUSE(ARGS(NUMBERS(0)), EINVAL, RANGE, 0, 0);
	REFUSE(ARGS(NUMBERS(-1)), EINVAL, RANGE, 0, -1);
	REFUSE(ARGS(NUMBERS(INT_MAX)), EINVAL, RANGE, 0, INT_MAX);
	REFUSE(ARGS(NUMBERS(0), LAST_PID), EINVAL, RANGE, 0, 0);
	REFUSE(ARGS(NUMBERS(INT_MAX), LAST_PID), EINVAL, RANGE, 0, INT_MAX);
}

static void *waits(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void taken(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(500)));
	pthread_t thread;

	CHECK_INT(HELD(ARGS(NUMBERS(1)), 0, 1, PROCESS).holder_pid, 1);
	CHECK_INT(HELD(ARGS(NUMBERS(500)), 0, 500, PROCESS).holder_pid, 500);
	CHECK_INT(HELD(ARGS(NUMBERS(500), LAST_PID), 0, 500, PROCESS).holder_pid, 500);
	CHECK_INT(settid_thread_create(&thread, NULL, waits, NULL, ARGS(NUMBERS(600)), NULL, NULL), 0);
	CHECK_INT(HELD(ARGS(NUMBERS(600)), 0, 600, THREAD).holder_pid, 1);
	CHECK_INT(kill(500, SIGKILL), 0);
	world_wait_zombie(500);
	CHECK_INT(HELD(ARGS(NUMBERS(500)), 0, 500, ZOMBIE).holder_parent, 1);
	world_end(&c);
}

static void at_an_outer_level(void)
{
	pid_t pid = settid_fork(WISH(.flags = CLONE_NEWPID), NULL, NULL);

	if (pid == 0) {
		setsid();
		HELD(ARGS(NUMBERS(50, 1)), 1, 1, PROCESS); /* through the outer world's /proc */
		REFUSE(ARGS(NUMBERS(50, 0)), EINVAL, RANGE, 1, 0);
		REFUSE(ARGS(NUMBERS(0, 1)), EINVAL, RANGE, 0, 0);
		REFUSE(ARGS(NUMBERS(50, 60), LAST_PID), EOPNOTSUPP, METHOD_LIMIT, -1, 0);
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_INT(world_reap(pid), 0);
}

static void too_many_levels(void)
{
	struct settid_probe p = { .size = sizeof p };
	pid_t numbers[SETTID_LEVEL_MAX];

	CHECK_INT(settid_probe(&p, NULL), 0);
	for (int i = 0; i < SETTID_LEVEL_MAX; i++)
		numbers[i] = 50 + i;
	REFUSE(ARGS(.set_tid = numbers, .set_tid_len = (size_t)p.levels + 1), EINVAL, TOO_MANY_LEVELS,
	       p.levels, 50 + p.levels);
}

static void without_right(void)
{
	world_keep_capability(-1);
	REFUSE(ARGS(NUMBERS(500)), EPERM, CAPABILITY, 0, 500);
	REFUSE(ARGS(NUMBERS(500), LAST_PID), EPERM, NO_LAST_PID, -1, 0);
}

static void children_live_elsewhere(void)
{
	CHECK_INT(unshare(CLONE_NEWPID), 0);
	REFUSE(ARGS(NUMBERS(1)), EINVAL, NAMESPACE_SHAPE, -1, 0);
	REFUSE(ARGS(NUMBERS(500)), EINVAL, NAMESPACE_SHAPE, -1, 0);
}

static void over_rlimit_nproc(void)
{
	struct rlimit one = { 1, 1 };

	CHECK_INT(setrlimit(RLIMIT_NPROC, &one), 0);
	world_become_nobody();
	REFUSE(ARGS(NUMBERS(500)), EAGAIN, PROCESS_LIMIT, -1, 0);
	REFUSE(ARGS(NUMBERS(1)), EAGAIN, PROCESS_LIMIT, -1, 0);
}

static void arguments(void)
{
	const pid_t many[40] = { 0 };
	struct settid_error err;
	pthread_t thread;

	REFUSE(ARGS(.set_tid_len = 1), EINVAL, ARGUMENT, -1, 0);
	REFUSE(ARGS(.set_tid = many, .set_tid_len = 33), EINVAL, ARGUMENT, -1, 0);
	REFUSE(ARGS(NUMBERS(500), .method = (enum settid_method)9), EINVAL, ARGUMENT, -1, 0);
	CHECK_INT(settid_thread_create(NULL, NULL, never, NULL, ARGS(NUMBERS(500)), NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
	CHECK_INT(settid_thread_create(&thread, NULL, NULL, NULL, ARGS(NUMBERS(500)), NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
	CHECK_INT(settid_thread_create(&thread, NULL, never, NULL, ARGS(NUMBERS(1)), NULL, NULL), -EEXIST);
}

/* A caller compiled against a later header. */
static void newer_record(void)
{
	struct {
		struct settid_thread_args known;
		uint64_t later;
	} args = { .known = *ARGS(NUMBERS(1)) };

	args.known.size = sizeof args;
	HELD(&args.known, 0, 1, PROCESS);
	args.later = 1;
	REFUSE(&args.known, EINVAL, ARGUMENT, -1, 0);
}

/* ------------------------------------------------------------------------------------------------ race -- */

static _Atomic int wrong;

static void *has_number(void *arg)
{
	wrong += syscall(SYS_gettid) != *(const pid_t *)arg;
	return arg;
}

/* Forks as fast as it can, until it is killed. */
static pid_t start_forker(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		long child = syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);

		if (child == 0)
			syscall(SYS_exit, 0);
	}
}

/* Joinable and detached: `start` runs under its number or not at all, and every loss is told. */
static void race(void)
{
	pid_t forker = start_forker();
	pthread_attr_t detached;
	int made = 0;

	CHECK(forker > 0);
	CHECK_INT(pthread_attr_init(&detached), 0);
	CHECK_INT(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED), 0);
	for (int i = 0; i < 60; i++) {
		static pid_t numbers[60]; /* the detached ones read theirs when they like */
		const bool detach = i % 3 == 0;
		struct settid_error err;
		pthread_t thread;

		numbers[i] = 40000 + i;
		int r = settid_thread_create(&thread, detach ? &detached : NULL, has_number, &numbers[i],
					     ARGS(.set_tid = &numbers[i], .set_tid_len = 1, LAST_PID), NULL,
					     &err);

		if (r == 0 && !detach)
			CHECK_INT(pthread_join(thread, NULL), 0);
		made += r == 0;
		if (r < 0) {
			CHECK(r == -EAGAIN || r == -EEXIST);
			CHECK_INT(err.reason, r == -EAGAIN ? SETTID_REASON_RACE_LOST : SETTID_REASON_TAKEN);
		}
	}
	CHECK_INT(kill(forker, SIGKILL), 0);
	world_reap(forker);
	while (count_tasks() > 3) /* ".", ".." and this thread */
		usleep(1000);
	CHECK_INT(wrong, 0);
	CHECK(made > 0);
}

/* --------------------------------------------------------------------------------------------- program -- */

int main(void)
{
	struct CMUnitTest tests[16] = {
		WORLD_ROW("thread: numbers out of range are told as that", out_of_range),
		WORLD_ROW("thread: a taken number is told with its holder", taken),
		WORLD_ROW("thread: the level that failed is named", at_an_outer_level),
		WORLD_ROW("thread: more numbers than levels are told", too_many_levels),
		WORLD_ROW("thread: a missing right is told", without_right),
		WORLD_ROW("thread: no thread can be made while children live elsewhere",
			  children_live_elsewhere),
		WORLD_ROW("thread: arguments that contradict each other are refused", arguments),
		WORLD_ROW("thread: a newer caller's zero fields pass, its wishes are refused", newer_record),
	};
	size_t len = 8;
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	if (geteuid() == 0)
		tests[len++] = (struct CMUnitTest)WORLD_ROW("thread: RLIMIT_NPROC is told as a limit",
							    over_rlimit_nproc);
	else
		puts("# SKIP thread: RLIMIT_NPROC: another user's id is needed, and this is not root");
#ifdef __SANITIZE_THREAD__
	puts("# SKIP thread: the race: ThreadSanitizer ends where a fork shares memory with its parent");
#else
	tests[len++] = (struct CMUnitTest)WORLD_ROW(
		"thread: beside a forker every number is exact, or the loss is told", race);
#endif
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("refused threads", tests, len, NULL, NULL);
}
