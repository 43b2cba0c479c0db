/* SPDX-License-Identifier: MIT */
/*
 * reserve_keeper.c: the process that holds a reservation's numbers, and the placeholders it makes.
 *
 * Keeps:   V1 to V3 of reserve.h; (K1) the keeper ends with the caller, whose pidfd it watches, and reaps all
 *          placeholders before; (K2) a placeholder dies with the keeper, should that be killed.
 * Costs:   a placeholder is one clone3, one prctl and a sleep.  Freeing: all are killed and waited for as
 *          zombies first, which still hold their numbers; what is left to do while some are free and others are
 *          not is one wait4 each, 1 to 2 us.
 */
#include "reserve.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "sys_clone.h"

/* The caller's TLS is not this process's to use: neither the stack protector's canary nor a sanitizer's data. */
#define RAW __attribute__((no_stack_protector, no_sanitize("address", "thread", "undefined")))

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define DESCRIPTORS_WITHOUT_CLOSE_RANGE 4096
#define RETRY_NS 1000000 /* between two tries for a number that is taken */
#define KILL_TRIES 3     /* one that is not killed would be waited for in vain */
#define FREE_TRIES 4096  /* for a free number where a row does not say which */

RAW static uint64_t now_ns(void)
{
	struct timespec t;

	t.tv_sec = t.tv_nsec = 0;
	SYS2(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ------------------------------------------------------------------------------------ placeholders -- */

RAW static int placeholder_run(void *arg)
{
	struct settid__keeper *k = arg;

	SYS2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	/* a keeper that went before the signal was asked for sends none */
	while (__atomic_load_n(&k->alive, __ATOMIC_ACQUIRE))
		SYS5(SYS_ppoll, 0, 0, 0, 0, 8);
	return 0;
}

RAW bool settid__keeper_wants(const struct settid__keeper *k, size_t level, pid_t number)
{
	for (size_t i = 0; i < k->rows; i++)
		if (k->numbers[i * k->levels + level] == number)
			return true;
	return false;
}

/* Goes down to the next number that no row wants at that level. */
RAW static pid_t next_free(struct settid__keeper *k, size_t level)
{
	do
		k->free_number--;
	while (k->free_number > 1 && settid__keeper_wants(k, level, k->free_number));
	return k->free_number;
}

RAW static long clone_row(struct settid__keeper *k, size_t row, const pid_t *numbers)
{
	struct sys_clone_args args;

	args.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND;
	args.pidfd = args.child_tid = args.parent_tid = args.tls = args.cgroup = 0;
	args.exit_signal = 0;
	args.stack = (uint64_t)(uintptr_t)(k->stacks + row * SETTID__PLACEHOLDER_STACK);
	args.stack_size = SETTID__PLACEHOLDER_STACK;
	args.set_tid = (uint64_t)(uintptr_t)numbers;
	args.set_tid_size = k->lens[row];
	return sys_clone_on_stack(&args, placeholder_run, k);
}

/* A row with a 0 before another number: any free number will do there, and has to be named. */
RAW static long clone_filled(struct settid__keeper *k, size_t row)
{
	const pid_t *wanted = k->numbers + row * k->levels;
	pid_t filled[SETTID_LEVEL_MAX];
	long r = -EEXIST;

	for (int tries = 0; r == -EEXIST && tries < FREE_TRIES && k->free_number > 1; tries++) {
		for (size_t i = 0; i < k->lens[row]; i++)
			filled[i] = wanted[i] ? wanted[i] : next_free(k, i);
		r = clone_row(k, row, filled);
	}
	return r;
}

RAW static long hold(struct settid__keeper *k, size_t row)
{
	const pid_t *wanted = k->numbers + row * k->levels;
	long r;

	for (size_t i = 0; i < k->lens[row]; i++)
		if (!wanted[i])
			return clone_filled(k, row);
	r = clone_row(k, row, wanted);
	return r;
}

/* ------------------------------------------------------------------------------------ orders -- */

/* Kills all and sees them dead: their numbers are still held. */
RAW static void kill_all(const struct settid__keeper *k)
{
	for (size_t i = 0; i < k->rows; i++)
		for (int tries = 0; k->pids[i] > 0 && tries < KILL_TRIES; tries++)
			if (SYS2(SYS_kill, k->pids[i], SIGKILL) == 0)
				break;
	for (size_t i = 0; i < k->rows; i++)
		if (k->pids[i] > 0)
			SYS5(SYS_waitid, P_PID, k->pids[i], 0, WEXITED | WNOWAIT | __WALL, 0);
}

RAW static void reap_all(struct settid__keeper *k)
{
	for (size_t i = 0; i < k->rows; i++)
		if (k->pids[i] > 0) {
			SYS4(SYS_wait4, k->pids[i], 0, __WALL, 0);
			k->pids[i] = 0;
		}
	k->held = 0;
}

/* The next number that the kernel hands out here is aim + 1. */
RAW static bool move_cursor(const struct settid__keeper *k)
{
	char text[12];
	int at = (int)sizeof text;
	pid_t n = k->aim;

	if (n <= 0 || k->last_pid_fd < 0)
		return false;
	for (; n; n /= 10)
		text[--at] = (char)('0' + n % 10);
	return SYS4(SYS_pwrite64, k->last_pid_fd, text + at, (long)sizeof text - at, 0) ==
	       (long)sizeof text - at;
}

RAW static void give(struct settid__keeper *k)
{
	kill_all(k);
	k->moved = move_cursor(k);
	k->free_since_ns = now_ns();
	reap_all(k);
	k->give_ns = now_ns() - k->free_since_ns;
}

/* The caller's death, or its end of the socket closed. */
RAW static bool is_forsaken(const struct settid__keeper *k, const struct timespec *pause)
{
	struct pollfd fds[2];

	fds[0].fd = k->control_fd;
	fds[1].fd = k->caller_pidfd;
	fds[0].events = 0;
	fds[1].events = POLLIN;
	fds[0].revents = fds[1].revents = 0;
	return SYS5(SYS_ppoll, fds, 2, pause, 0, 8) > 0;
}

/* One pass over the rows that are not held: how many are still taken, or the error of one. */
RAW static long take_pass(struct settid__keeper *k)
{
	long taken = 0;

	for (size_t i = 0; i < k->rows; i++) {
		long r = k->pids[i] ? 1 : hold(k, i);

		if (r > 0 && !k->pids[i]) {
			k->pids[i] = (pid_t)r;
			k->held++;
		}
		if (r < 0 && (r != -EEXIST || taken == 0))
			k->failed_row = i;
		if (r == -EEXIST)
			taken++;
		else if (r < 0)
			return r;
		if (taken && !k->patience_ns)
			break;
	}
	return taken;
}

RAW static void take(struct settid__keeper *k)
{
	uint64_t end = now_ns() + k->patience_ns;
	struct timespec pause;
	long r;

	pause.tv_sec = 0;
	while ((r = take_pass(k)) > 0) {
		if (now_ns() >= end) {
			r = -EEXIST;
			break;
		}
		k->retries++;
		pause.tv_nsec = RETRY_NS;
		if (is_forsaken(k, &pause)) {
			r = -ECANCELED;
			break;
		}
	}
	k->code = (int)r;
	if (r < 0) {
		kill_all(k);
		reap_all(k);
	}
}

/* ------------------------------------------------------------------------------------ life -- */

RAW static void close_between(int from, unsigned to)
{
	if (SYS3(SYS_close_range, from, to, 0) == 0)
		return;
	for (unsigned fd = (unsigned)from; fd <= to && fd < DESCRIPTORS_WITHOUT_CLOSE_RANGE; fd++)
		SYS1(SYS_close, fd);
}

/* Everything but the three that it needs: pipes of the caller's must not stay open through it. */
RAW static void close_others(const struct settid__keeper *k)
{
	int fds[3], from = 0;

	fds[0] = k->control_fd;
	fds[1] = k->caller_pidfd;
	fds[2] = k->last_pid_fd;
	for (int n = 0; n < 3; n++)
		for (int i = 0; i < 2; i++)
			if (fds[i] > fds[i + 1]) {
				int fd = fds[i];

				fds[i] = fds[i + 1];
				fds[i + 1] = fd;
			}
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0) {
			if (fds[i] > from)
				close_between(from, (unsigned)fds[i] - 1);
			from = fds[i] + 1;
		}
	close_between(from, ~0u);
}

/* The next order; 0 = the caller is gone, or wants the end. */
RAW static char next_order(const struct settid__keeper *k)
{
	struct pollfd fds[2];
	char order = 0;

	fds[0].fd = k->control_fd;
	fds[1].fd = k->caller_pidfd;
	fds[0].events = fds[1].events = POLLIN;
	do
		fds[0].revents = fds[1].revents = 0;
	while (SYS5(SYS_ppoll, fds, 2, 0, 0, 8) < 0);
	if (!fds[0].revents || SYS3(SYS_read, k->control_fd, &order, 1) != 1)
		return 0;
	return order;
}

RAW int settid__keeper_run(void *arg)
{
	struct settid__keeper *k = arg;
	char order;

	SYS2(SYS_prctl, PR_SET_NAME, SETTID__KEEPER_NAME);
	SYS2(SYS_setpgid, 0, 0); /* a signal to the caller's group must not end both */
	SYS1(SYS_chdir, "/");
	close_others(k);
	while ((order = next_order(k))) {
		if (order == SETTID__ORDER_TAKE)
			take(k);
		else
			give(k);
		if (SYS3(SYS_write, k->control_fd, &order, 1) != 1)
			break;
	}
	kill_all(k);
	reap_all(k);
	return 0;
}
