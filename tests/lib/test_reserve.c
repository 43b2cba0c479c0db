/* SPDX-License-Identifier: MIT */
/*
 * test_reserve.c: reservations: what is held, at which levels, what is refused, and that nobody else gets it.
 * SETTID_RESERVE_FORKS is how many forks run beside one (20,000 if it is not set).
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS(...) (const pid_t[]){ __VA_ARGS__ }, sizeof((const pid_t[]){ __VA_ARGS__ }) / sizeof(pid_t)

/* Numbers of one level, or `len` of them in rows of `levels`. */
static int reserve_levels(const pid_t *numbers, size_t len, size_t levels, struct settid_reservation **r,
			  struct settid_error *err)
{
	return settid_reserve(&(struct settid_reserve_args){ .size = sizeof(struct settid_reserve_args),
							     .numbers = numbers,
							     .numbers_len = len / levels,
							     .levels = levels },
			      r, err);
}

static struct settid_reservation *reserve(const pid_t *numbers, size_t len)
{
	struct settid_reservation *r = NULL;
	struct settid_error err = { .text = "" };

	if (reserve_levels(numbers, len, 1, &r, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "no reservation: %s", err.text);
	return r;
}

static struct settid_reserve_info info_of(const struct settid_reservation *r)
{
	struct settid_reserve_info info = { .size = sizeof info };

	CHECK_INT(settid_reserve_info(r, &info), 0);
	return info;
}

/* A fork with that number: 0 it worked (and is over), or its error. */
static int try_number(pid_t number)
{
	pid_t pid = settid_fork(WISH(NUMBERS(number)), NULL, NULL);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		CHECK_INT(world_reap(pid), 0);
	return pid < 0 ? pid : 0;
}

static int sysctl(const char *path)
{
	char text[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
	close(fd);
	return atoi(text);
}

static int last_pid(void)
{
	return sysctl("/proc/sys/kernel/ns_last_pid");
}

/* ------------------------------------------------------------------------------------ held, free -- */

static void held(void)
{
	struct settid_reservation *r = reserve(ROWS(500, 501, 4711));
	struct settid_error who;

	CHECK_INT(try_number(500), -EEXIST);
	CHECK_INT(try_number(501), -EEXIST);
	CHECK_INT(try_number(4711), -EEXIST);
	CHECK_INT(try_number(502), 0);
	CHECK_INT(info_of(r).held, 3);
	CHECK_INT(settid_who(4711, &who), 1);
	CHECK_INT(strcmp(who.holder_comm, "settid-reserve"), 0);
	settid_reserve_end(r);
	CHECK_INT(try_number(500), 0);
	CHECK_INT(try_number(4711), 0);
}

static void given(void)
{
	struct settid_reservation *r = reserve(ROWS(500, 501));

	CHECK_INT(settid_reserve_give(r, NULL), 0);
	CHECK_INT(info_of(r).held, 0);
	CHECK(info_of(r).free_since_ns > 0);
	CHECK_INT(try_number(500), 0);
	CHECK_INT(try_number(501), 0);
	CHECK_INT(settid_reserve_give(r, NULL), 0); /* again is no mistake */
	CHECK_INT(settid_reserve_take(r, 0, NULL), 0);
	CHECK_INT(info_of(r).held, 2);
	CHECK_INT(try_number(501), -EEXIST);
	settid_reserve_end(r);
}

/* The world's own init asks from inside of another world, so that two levels are ours. */
static void two_levels(void)
{
	int ready[2], go[2];
	char byte;

	CHECK_INT(pipe(ready), 0);
	CHECK_INT(pipe(go), 0);
	pid_t pid = settid_fork(WISH(NUMBERS(1, 40), .flags = CLONE_NEWPID), NULL, NULL);

	if (pid == 0) {
		struct settid_reservation *r = NULL;

		setsid();
		/* rows: both levels, the inner alone, the outer alone */
		CHECK_INT(reserve_levels(ROWS(50, 700, 51, 0, 0, 702), 2, &r, NULL), 0);
		CHECK_INT(try_number(50), -EEXIST);
		CHECK_INT(try_number(51), -EEXIST);
		CHECK_INT(info_of(r).held, 3);
		CHECK_INT(write(ready[1], "r", 1), 1);
		CHECK_INT(read(go[0], &byte, 1), 1);
		CHECK_INT(settid_reserve_give(r, NULL), 0);
		CHECK_INT(info_of(r).moved, 1); /* no process of ours lives in the outer one */
		CHECK_INT(write(ready[1], "r", 1), 1);
		CHECK_INT(read(go[0], &byte, 1), 1);
		settid_reserve_end(r);
		_exit(0);
	}
	CHECK_INT(pid, 40);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	CHECK_INT(try_number(700), -EEXIST);
	CHECK_INT(try_number(702), -EEXIST);
	CHECK_INT(write(go[1], "g", 1), 1);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	CHECK_INT(try_number(700), 0);
	CHECK_INT(try_number(702), 0);
	CHECK_INT(write(go[1], "g", 1), 1);
	CHECK_INT(world_reap(pid), 0);
}

/* Children live below: both namespaces' counts can be moved. */
static void entered_namespace(void)
{
	struct settid_child init = world_child(WISH(NUMBERS(1, 40), .flags = CLONE_NEWPID));
	struct settid_reservation *r = NULL;

	CHECK_INT(setns(init.pidfd, CLONE_NEWPID), 0);
	CHECK_INT(reserve_levels(ROWS(600, 900, 601, 901), 2, &r, NULL), 0);
	CHECK_INT(settid_fork(WISH(NUMBERS(601)), NULL, NULL), -EEXIST);
	CHECK_INT(settid_fork(WISH(NUMBERS(777, 901)), NULL, NULL), -EEXIST);
	CHECK_INT(settid_reserve_give(r, NULL), 0);
	CHECK_INT(info_of(r).moved, 2);
	CHECK_INT(last_pid(), 901);
	struct settid_child child = world_child(WISH(NUMBERS(601, 901)));

	world_end(&child);
	settid_reserve_end(r);
	world_end(&init);
}

/* The next number that is given in the namespace of that init; the process has others further out. */
static pid_t next_number_in(const struct settid_child *init)
{
	pid_t number = 0;
	int ends[2], home = (int)syscall(SYS_pidfd_open, getpid(), 0);

	CHECK_INT(pipe(ends), 0);
	CHECK_INT(setns(init->pidfd, CLONE_NEWPID), 0);
	pid_t pid = fork();

	if (pid == 0) {
		number = getpid();
		_exit(write(ends[1], &number, sizeof number) != sizeof number);
	}
	CHECK_INT(setns(home, CLONE_NEWPID), 0);
	CHECK_INT(world_reap(pid), 0);
	CHECK_INT(read(ends[0], &number, sizeof number), sizeof number);
	close(ends[0]);
	close(ends[1]);
	close(home);
	return number;
}

static void namespace_between(void)
{
	struct settid_child outer, inner = world_nested(&outer);
	int home = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct settid_reservation *r = NULL;

	CHECK_INT(setns(inner.pidfd, CLONE_NEWPID), 0);
	CHECK_INT(reserve_levels(ROWS(600, 700, 900, 601, 701, 901), 3, &r, NULL), 0);
	CHECK_INT(setns(home, CLONE_NEWPID), 0);
	CHECK_INT(settid_reserve_give(r, NULL), 0);
	CHECK_INT(info_of(r).moved, 3);
	CHECK_INT(last_pid(), 901);
	CHECK_INT(next_number_in(&outer), 702);
	CHECK_INT(next_number_in(&inner), 602);
	CHECK_INT(settid_reserve_take(r, 0, NULL), 0);
	settid_reserve_end(r);
	close(home);
	close(inner.pidfd);
	world_end(&outer);
}

/* ------------------------------------------------------------------------------------ others' forks -- */

static void busy_forker(void)
{
	const char *wanted = getenv("SETTID_RESERVE_FORKS");
	long forks = wanted ? atol(wanted) : 20000;
	pid_t numbers[100];

	for (int i = 0; i < 100; i++)
		numbers[i] = 400 + i + i / 10 * 10; /* with gaps, in which the forker lands */
	struct settid_reservation *r = reserve(numbers, 100);

	for (long n = 0; n < forks; n++) {
		if (n % 250 == 0)
			CHECK(world_write("/proc/sys/kernel/ns_last_pid", "390"));
		pid_t pid = vfork();

		if (pid == 0)
			_exit(0);
		CHECK(pid > 0);
		for (int i = 0; i < 100; i++)
			CHECK(pid != numbers[i]);
		CHECK_INT(world_reap(pid), 0);
	}
	settid_reserve_end(r);
}

static void past_the_highest(void)
{
	struct settid_reservation *r = reserve(ROWS(5000, 5010, 120));

	CHECK(world_write("/proc/sys/kernel/ns_last_pid", "4990"));
	CHECK_INT(settid_reserve_give(r, NULL), 0);
	CHECK_INT(info_of(r).moved, 1);
	CHECK_INT(last_pid(), 5010);
	settid_reserve_end(r);
}

/* The wrap is at 300: past the highest there would be almost no way to go. */
static void before_the_widest_gap(void)
{
	int max = sysctl("/proc/sys/kernel/pid_max");
	struct settid_reservation *r = reserve(ROWS(310, 3000, max - 2000, max - 68));

	CHECK_INT(settid_reserve_give(r, NULL), 0);
	CHECK_INT(last_pid(), 3000);
	settid_reserve_end(r);
}

static void low_numbers(void)
{
	struct settid_reservation *r = reserve(ROWS(100, 200));

	CHECK(world_write("/proc/sys/kernel/ns_last_pid", "90"));
	CHECK_INT(settid_reserve_give(r, NULL), 0);
	CHECK_INT(last_pid(), 299);
	settid_reserve_end(r);
}

/* ------------------------------------------------------------------------------------ lost numbers -- */

static void lost_and_found(void)
{
	struct settid_reservation *r = reserve(ROWS(500, 501, 502));
	struct settid_error err;
	const pid_t number = 501;

	CHECK_INT(settid_reserve_give(r, NULL), 0);
	struct settid_child thief = world_child(WISH(NUMBERS(501)));

	CHECK_INT(settid_reserve_take(r, 0, &err), -EEXIST);
	CHECK_INT(err.number, number);
	CHECK_INT(err.holder_pid, number);
	CHECK_INT(info_of(r).held, 0);
	CHECK_INT(try_number(500), 0); /* none is held after a failure */

	world_end(&thief);
	CHECK_INT(settid_reserve_take(r, 0, &err), 0);
	CHECK_INT(info_of(r).held, 3);
	settid_reserve_end(r);
}

/* A number's owner ends, and is reaped by its parent, while the reservation waits for it. */
static void waits_for_a_number(void)
{
	struct settid_reservation *r = reserve(ROWS(500, 501));
	int ready[2];
	char byte;

	CHECK_INT(pipe(ready), 0);
	CHECK_INT(settid_reserve_give(r, NULL), 0);
	pid_t parent = fork();

	if (parent == 0) {
		struct settid_child thief = world_child(WISH(NUMBERS(501)));

		CHECK_INT(write(ready[1], "r", 1), 1);
		usleep(20000);
		world_end(&thief);
		_exit(0);
	}
	CHECK_INT(read(ready[0], &byte, 1), 1);
	CHECK_INT(settid_reserve_take(r, 20000, NULL), 0);
	CHECK(info_of(r).retries > 0);
	CHECK_INT(world_reap(parent), 0);
	settid_reserve_end(r);
}

/* ------------------------------------------------------------------------------------ refused -- */

static void all_or_none(void)
{
	struct settid_child holder = world_child(WISH(NUMBERS(505)));
	struct world_census before = world_census();
	struct settid_reservation *r = NULL;
	struct settid_error err;

	CHECK_INT(reserve_levels(ROWS(503, 504, 505, 506), 1, &r, &err), -EEXIST);
	CHECK(r == NULL);
	CHECK_INT(err.number, 505);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	CHECK_INT(err.holder_pid, 505);
	CHECK_INT(try_number(503), 0);
	CHECK_INT(try_number(506), 0);
	world_census_check(before, "a refused reservation");
	world_end(&holder);
}

static void no_right(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct settid_reservation *r = NULL;
		struct settid_error err;

		world_keep_capability(-1);
		CHECK_INT(reserve_levels(ROWS(500), 1, &r, &err), -EPERM);
		CHECK_INT(err.reason, SETTID_REASON_CAPABILITY);
		_exit(0);
	}
	CHECK_INT(world_reap(pid), 0);
}

static void no_sense(void)
{
	struct settid_reservation *r = NULL;
	struct settid_error err;

	CHECK_INT(reserve_levels(ROWS(-5), 1, &r, &err), -EINVAL);
	CHECK_INT(reserve_levels(ROWS(0), 1, &r, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
	CHECK_INT(reserve_levels(NULL, 1, 1, &r, &err), -EINVAL);
	CHECK_INT(reserve_levels(ROWS(99999999), 1, &r, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_RANGE);
	CHECK_INT(settid_reserve(&(struct settid_reserve_args){ .size = 8 }, &r, &err), -EINVAL);
	CHECK(r == NULL);
}

static void no_init_yet(void)
{
	struct settid_reservation *r = NULL;
	struct settid_error err;

	CHECK_INT(unshare(CLONE_NEWPID), 0);
	CHECK_INT(reserve_levels(ROWS(1), 1, &r, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
	pid_t init = settid_fork(WISH(.flags = 0), NULL, NULL); /* the namespace is as it was */

	if (init == 0)
		_exit(0);
	CHECK(init > 0);
	CHECK_INT(world_reap(init), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_ROW("reserved numbers are held, and free after the end", held),
		WORLD_ROW("given numbers are free, and can be taken again", given),
		WORLD_ROW("numbers are held at each level that is named", two_levels),
		WORLD_ROW("numbers of the namespace that children go to are held", entered_namespace),
		WORLD_ROW("the counts of the namespaces in between are moved, too", namespace_between),
		WORLD_ROW("a busy forker never gets a reserved number", busy_forker),
		WORLD_ROW("giving moves the count just past the highest number", past_the_highest),
		WORLD_ROW("... but before the widest gap, where that is elsewhere", before_the_widest_gap),
		WORLD_ROW("... and past the low ones, which it never comes back to", low_numbers),
		WORLD_ROW("a lost number is named, and none is held then", lost_and_found),
		WORLD_ROW("a number that is taken is tried again for as long as asked", waits_for_a_number),
		WORLD_ROW("all are held or none, and the holder is named", all_or_none),
		WORLD_ROW("without the right nothing is held, and the right is named", no_right),
		WORLD_ROW("numbers that cannot be are refused", no_sense),
		WORLD_ROW("a namespace without init has nothing to reserve, and stays usable", no_init_yet),
	};
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reserve", tests, NULL, NULL);
}
