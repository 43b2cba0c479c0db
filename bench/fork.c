/* SPDX-License-Identifier: MIT */
/*
 * fork.c: settid_fork() beside a raw clone3(set_tid), ns_last_pid and fork().
 *
 *	fork ROUNDS
 *
 * One operation is a birth with a chosen number (but for `fork`, which cannot choose), the child's exit, and the
 * wait for it.  The number is a new one each time.
 */
#include <linux/sched.h>
#include <sys/syscall.h>

#include "samples.h"
#include "settid.h"

enum { FIRST = 1000, LAST = 30000 };

static pid_t next_number(void)
{
	static pid_t number = FIRST;

	number = number == LAST ? FIRST : number + 1;
	return number;
}

static void wait_for(pid_t pid)
{
	if (waitpid(pid, NULL, __WALL) != pid)
		die("waitpid", errno);
}

static void by_hand(void)
{
	const pid_t number = next_number();
	const struct settid_clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&number,
		.set_tid_size = 1,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

	if (pid < 0)
		die("clone3", errno);
	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

static void settid_way(enum settid_method method)
{
	const pid_t number = next_number();
	const struct settid_fork_args args = {
		.size = sizeof args,
		.set_tid = &number,
		.set_tid_len = 1,
		.method = method,
	};
	struct settid_error err;
	pid_t pid = settid_fork(&args, NULL, &err);

	if (pid < 0)
		die(err.text, -pid);
	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

static void by_settid(void)
{
	settid_way(SETTID_METHOD_AUTO);
}

static void by_last_pid(void)
{
	settid_way(SETTID_METHOD_NS_LAST_PID);
}

static void by_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork", errno);
	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{ "clone3", by_hand, 1 },
		{ "settid_fork", by_settid, 1 },
		{ "ns_last_pid", by_last_pid, 1 },
		{ "fork", by_fork, 1 },
	};

	if (argc < 2)
		die("usage: fork ROUNDS", EINVAL);
	enter_own_namespace();
	measure(ways, sizeof ways / sizeof *ways, number_argument(argc, argv, 1, 0));
	return 0;
}
