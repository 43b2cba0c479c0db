/* SPDX-License-Identifier: MIT */
/*
 * race.c: how often each way to a chosen number misses it while somebody else forks all the time.
 *
 *	race TRIES
 *
 * In a PID namespace of its own one process forks and reaps without a pause.  Beside it, taking turns, each way
 * makes a child with a number that nobody holds when it begins.  Prints a line per way: its name, tries, misses,
 * and the further attempts that it made by itself (the library's ns_last_pid tries up to 64 times).
 */
#include <fcntl.h>

#include "samples.h"
#include "settid.h"

enum { FIRST = 1000, LAST = 30000 };

struct tally {
	unsigned misses, attempts;
};

static void reap(pid_t pid)
{
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid", errno);
}

/* What programs did before set_tid: write, fork, compare. */
static void once_by_hand(pid_t number, struct tally *t)
{
	static int last_pid = -1;
	char text[16];
	int len = snprintf(text, sizeof text, "%d", (int)number - 1);
	pid_t pid;

	if (last_pid < 0)
		last_pid = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	if (pwrite(last_pid, text, (size_t)len, 0) != len)
		die("ns_last_pid", errno);
	pid = fork();
	if (pid < 0)
		die("fork", errno);
	if (pid == 0)
		_exit(0);
	t->misses += pid != number;
	reap(pid);
}

static void by_settid(pid_t number, enum settid_method method, struct tally *t)
{
	const struct settid_fork_args args = {
		.size = sizeof args,
		.set_tid = &number,
		.set_tid_len = 1,
		.method = method,
	};
	struct settid_child child;
	struct settid_error err;
	pid_t pid = settid_fork(&args, &child, &err);

	if (pid == 0)
		_exit(0);
	if (pid < 0 && pid != -EEXIST && pid != -EAGAIN)
		die(err.text, -pid);
	if (pid < 0) {
		t->misses++;
		return;
	}
	t->attempts += child.retries;
	reap(pid);
	close(child.pidfd);
}

static _Noreturn void fork_without_pause(void)
{
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

/* Nobody's at this moment. */
static pid_t free_number(void)
{
	static pid_t number = FIRST;

	do
		number = number >= LAST ? FIRST : number + 7;
	while (kill(number, 0) == 0 || errno != ESRCH);
	return number;
}

static void print(const char *name, unsigned tries, const struct tally *t)
{
	printf("%s %u %u %u\n", name, tries, t->misses, t->attempts);
}

int main(int argc, char **argv)
{
	struct tally by_hand = { 0 }, last_pid = { 0 }, set_tid = { 0 };
	unsigned tries = number_argument(argc, argv, 1, 1000);
	pid_t forker;

	enter_own_namespace();
	forker = fork();
	if (forker < 0)
		die("fork", errno);
	if (forker == 0)
		fork_without_pause();
	for (unsigned i = 0; i < tries; i++) {
		once_by_hand(free_number(), &by_hand);
		by_settid(free_number(), SETTID_METHOD_NS_LAST_PID, &last_pid);
		by_settid(free_number(), SETTID_METHOD_CLONE3, &set_tid);
	}
	print("ns_last_pid_once", tries, &by_hand);
	print("ns_last_pid", tries, &last_pid);
	print("set_tid", tries, &set_tid);
	return 0; /* the forker goes with the namespace */
}
