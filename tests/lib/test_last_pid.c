/* SPDX-License-Identifier: MIT */
/*
 * test_last_pid.c: the fallback: exact where it can be, honest where it cannot.  Wrong numbers never run a line of
 * the caller's code and leave nothing; the corners of the cursor (spec R3.1 to R3.14) come out right.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LAST_PID .method = SETTID_METHOD_NS_LAST_PID

static const char file[] = "/proc/sys/kernel/ns_last_pid";

static void exact(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(500), LAST_PID));

	CHECK_INT(c.pid, 500);
	CHECK_INT(c.method, SETTID_METHOD_NS_LAST_PID);
	CHECK_INT(c.retries, 0);
	world_end(&c);
}

static void corners(void)
{
	const pid_t numbers[] = { 2, 3, 299, 300, 301, 302, 32767, 100000 };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct settid_child c = world_child(WISH(.set_tid = &numbers[i], .set_tid_len = 1, LAST_PID));

		CHECK_INT(c.pid, numbers[i]);
		world_end(&c);
	}
}

/* Down from a cursor above 300, and with little room: pid_max 400. */
static void corners_of_a_small_space(void)
{
	const pid_t numbers[] = { 399, 300, 5, 398, 2, 301 };
	struct settid_error err;

	CHECK(world_write("/proc/sys/kernel/pid_max", "400"));
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct settid_child c = world_child(WISH(.set_tid = &numbers[i], .set_tid_len = 1, LAST_PID));

		CHECK_INT(c.pid, numbers[i]);
		world_end(&c);
	}
	CHECK_INT(settid_fork(WISH(NUMBERS(400), LAST_PID), NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_RANGE);
}

static void refusals(void)
{
	struct settid_error err;
	struct world_census before = world_census();

	CHECK_INT(settid_fork(WISH(NUMBERS(1), LAST_PID), NULL, &err), -EEXIST);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	CHECK_INT(settid_fork(WISH(NUMBERS(0), LAST_PID), NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_RANGE);
	CHECK_INT(settid_fork(WISH(NUMBERS(-7), LAST_PID), NULL, &err), -EINVAL);
	CHECK_INT(settid_fork(WISH(NUMBERS(4194304), LAST_PID), NULL, &err), -EINVAL);
	CHECK_INT(settid_fork(WISH(NUMBERS(5, 6), LAST_PID), NULL, &err), -EOPNOTSUPP);
	CHECK_INT(err.reason, SETTID_REASON_METHOD_LIMIT);
	CHECK_INT(settid_fork(WISH(NUMBERS(2), .flags = CLONE_NEWPID, LAST_PID), NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_FIRST_NOT_INIT);
	CHECK_INT(settid_fork(WISH(NUMBERS(5), .flags = CLONE_PARENT, LAST_PID), NULL, &err), -EOPNOTSUPP);
	world_census_check(before, "refusals");
}

static void taken_is_no_lost_race(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(500)));
	struct settid_error err;
	struct world_census before = world_census();

	CHECK_INT(settid_fork(WISH(NUMBERS(500), LAST_PID), NULL, &err), -EEXIST);
	CHECK_INT(err.reason, SETTID_REASON_TAKEN);
	CHECK_INT(err.level, 0);
	CHECK_INT(err.holder_pid, 500);
	world_census_check(before, "a taken number");
	world_end(&c);
}

static void new_namespace(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(1, 42), .flags = CLONE_NEWPID, LAST_PID));
	struct settid_error err;

	CHECK_INT(c.pid, 42);
	CHECK_INT(settid_fork(WISH(NUMBERS(1, 42), .flags = CLONE_NEWPID, LAST_PID), NULL, &err), -EEXIST);
	CHECK_INT(err.level, 1);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	world_end(&c);
	c = world_child(WISH(NUMBERS(1), .flags = CLONE_NEWPID, LAST_PID));
	world_end(&c);
}

/* ------------------------------------------------------------------------------------ race -- */

struct shared {
	_Atomic bool stop;
	_Atomic int wrong; /* children of ours that ran with a wrong number */
};

/* A process that forks as fast as it can. */
static pid_t start_forker(struct shared *s)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	while (!s->stop) {
		pid_t child = (pid_t)syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);

		if (child == 0)
			syscall(SYS_exit, 0);
		waitpid(child, NULL, 0);
	}
	_exit(0);
}

/* Beside a forker every answer is exact, or honest. */
static void race(void)
{
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct world_census before;
	int made = 0, lost = 0;
	unsigned retries = 0;
	struct timespec start, now;

	CHECK(s != MAP_FAILED);
	clock_gettime(CLOCK_MONOTONIC, &start);
	pid_t forker = start_forker(s);

	before = world_census();
	for (int i = 0; i < 200; i++) {
		const pid_t wish = 40000 + i;
		struct settid_error err;
		struct settid_child c;
		pid_t pid = settid_fork(WISH(.set_tid = &wish, .set_tid_len = 1, LAST_PID), &c, &err);

		if (pid == 0) {
			s->wrong += getpid() != wish;
			_exit(0);
		}
		if (pid > 0) {
			CHECK_INT(pid, wish);
			made++;
			retries += c.retries;
			world_reap(pid);
			close(c.pidfd);
		} else {
			/* the forker may also be standing on that very number: then it is told as taken */
			CHECK(pid == -EAGAIN || pid == -EEXIST);
			CHECK_INT(err.reason, pid == -EAGAIN ? SETTID_REASON_RACE_LOST : SETTID_REASON_TAKEN);
			lost++;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > 10)
			break;
	}
	world_census_check(before, "after the race");
	s->stop = true;
	world_reap(forker);
	CHECK_INT(s->wrong, 0);
	CHECK(made > 0);
	fprintf(stderr, "# race: %d exact with %u retries, %d given up\n", made, retries, lost);
}

/*
 * A number that is taken for certain when it is asked for: 64 wrong children could be born.  The first one ends
 * the search, since its holder is seen; neither it nor the wrap behind it leaves anything.
 */
static void wrong_number_is_undone(void)
{
	struct world_census before;
	struct settid_error err;

	CHECK(world_write("/proc/sys/kernel/pid_max", "400"));
	struct settid_child c = world_child(WISH(NUMBERS(399)));

	before = world_census();
	CHECK_INT(settid_fork(WISH(NUMBERS(399), LAST_PID), NULL, &err), -EEXIST);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	world_census_check(before, "a wrong number");
	CHECK_INT(kill(300, 0), -1); /* the wrong child, where the wrap put it */
	world_end(&c);
}

/* ------------------------------------------------------------------------------------ traces -- */

static _Atomic int handled;

static void count_signal(int sig)
{
	(void)sig;
	handled++;
}

/* The mask is the caller's in both, and the lock is free as soon as the call returns. */
static void mask_and_lock(void)
{
	sigset_t some;
	struct world_census before;
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	sigemptyset(&some);
	sigaddset(&some, SIGUSR2);
	sigprocmask(SIG_BLOCK, &some, NULL);
	signal(SIGUSR1, count_signal);
	before = world_census();
	struct settid_child c;
	pid_t pid = settid_fork(WISH(NUMBERS(500), LAST_PID), &c, NULL);

	if (pid == 0) {
		struct world_census in_child = world_census();

		CHECK(in_child.mask == before.mask);
		CHECK_INT(in_child.descriptors, before.descriptors); /* neither the lock's nor the pidfd */
		raise(SIGUSR1);
		CHECK_INT(handled, 1);
		for (;;)
			pause();
	}
	CHECK_INT(pid, 500);
	CHECK_INT(flock(fd, LOCK_EX | LOCK_NB), 0); /* while the child lives */
	close(fd);
	before.descriptors--;
	world_end(&c);
	world_census_check(before, "after one fork");
}

/* Somebody who keeps the lock (or is stopped with it) delays us a moment, no more. */
static void a_kept_lock_does_not_stop_us(void)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	struct settid_child c;

	CHECK_INT(flock(fd, LOCK_EX | LOCK_NB), 0);
	c = world_child(WISH(NUMBERS(500), LAST_PID));
	CHECK_INT(c.pid, 500);
	world_end(&c);
	close(fd);
}

#define IN_WORLD(name)                        \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		world_run(WORLD_PROC, name);  \
	}

IN_WORLD(exact)
IN_WORLD(corners)
IN_WORLD(corners_of_a_small_space)
IN_WORLD(refusals)
IN_WORLD(taken_is_no_lost_race)
IN_WORLD(new_namespace)
IN_WORLD(race)
IN_WORLD(wrong_number_is_undone)
IN_WORLD(mask_and_lock)
IN_WORLD(a_kept_lock_does_not_stop_us)

#define ROW(sentence, name)                             \
	{                                               \
		sentence, test_##name, NULL, NULL, NULL \
	}

int main(void)
{
	struct CMUnitTest tests[16] = {
		ROW("the number is exact in a quiet namespace", exact),
		ROW("numbers around 1 and 300 come out right", corners),
		ROW("so they do in a space of 400 numbers", corners_of_a_small_space),
		ROW("what it cannot do is refused before anything is made", refusals),
		ROW("a taken number is told with its holder, not as a lost race", taken_is_no_lost_race),
		ROW("a new namespace's outer number can be chosen", new_namespace),
		ROW("beside a forker every number is exact, or the loss is told", race),
		ROW("wrong numbers are undone", wrong_number_is_undone),
		ROW("the mask is the caller's again, the lock is free, descriptors are closed",
		    mask_and_lock),
		ROW("a lock that somebody keeps does not stop us", a_kept_lock_does_not_stop_us),
	};
	const char *missing = world_missing();

	if (missing || access(file, F_OK) != 0) {
		printf("1..0 # SKIP %s\n", missing ? missing : "no ns_last_pid in this kernel");
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("ns_last_pid", tests, 10, NULL, NULL);
}
