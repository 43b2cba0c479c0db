/* SPDX-License-Identifier: MIT */
/*
 * race.c: beside a process that forks all the time, how often do the two ways to choose a PID miss?
 *
 * The old way writes number - 1 to /proc/sys/kernel/ns_last_pid and forks: whoever forks in between takes the
 * number.  The new way names the number in the clone3 call itself, and the kernel gives it or refuses.
 *
 * Owns:  one busy forker and the children that it counts; all are gone when it ends.  Numbers are those of
 * its own PID namespace, which demo.sh makes for it. Keeps: exit status 0 only if set_tid never gave a number
 * that was not asked for. usage: race [TRIES]
 */
#include <errno.h>
#include <fcntl.h>
#include <settid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct tally {
	int tries;
	int wrong;   /* somebody else's fork came in between: the child has another number */
	int refused; /* no child, and an error that says why */
	int retried; /* lost races that were undone and run again */
};

/* All over the lower numbers, none twice in 20,000 tries. */
static pid_t wish(int i)
{
	return (pid_t)(2000 + i * 7919 % 20011);
}

static pid_t start_busy_forker(void)
{
	const pid_t parent = getpid();
	pid_t forker = fork();
	if (forker != 0)
		return forker;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent) {
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
	_exit(0);
}

/* The old way as everybody writes it: one write, one fork. */
static struct tally by_last_pid(int tries)
{
	struct tally t = { 0 };
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < tries; i++) {
		char text[16];
		int len = snprintf(text, sizeof text, "%d", (int)wish(i) - 1);
		/* At 0 each time: a sysctl ignores what is written elsewhere. */
		if (pwrite(fd, text, (size_t)len, 0) != len)
			break;
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		t.tries++;
		t.wrong += pid != wish(i);
	}
	if (fd >= 0)
		close(fd);
	return t;
}

/* Through the library, which names a number that it did not get an error and never a success. */
static struct tally by_library(int tries, enum settid_method method)
{
	struct tally t = { 0 };
	for (int i = 0; i < tries; i++) {
		const pid_t wanted = wish(i);
		struct settid_fork_args args = {
			.size = sizeof args, .set_tid = &wanted, .set_tid_len = 1, .method = method
		};
		struct settid_child child = { .pidfd = -1 };
		struct settid_error err = { 0 };
		pid_t pid = settid_fork(&args, &child, &err);
		if (pid == 0)
			_exit(0);
		if (pid < 0 && err.reason == SETTID_REASON_NO_LAST_PID)
			break;
		t.tries++;
		if (pid < 0) {
			t.refused++;
			continue;
		}
		close(child.pidfd);
		waitpid(pid, NULL, 0);
		t.wrong += pid != wanted;
		t.retried += (int)child.retries;
	}
	return t;
}

static void print_row(const char *method, const struct tally *t)
{
	if (t->tries == 0) {
		printf("  %-32s cannot be written here\n", method);
		return;
	}
	printf("  %-32s %5d %6d %8d %8d %7.1f %%\n", method, t->tries, t->wrong, t->refused, t->retried,
	       100.0 * (t->wrong + t->refused) / t->tries);
}

int main(int argc, char **argv)
{
	int tries = argc > 1 ? atoi(argv[1]) : 1000;
	pid_t forker = start_busy_forker();
	if (forker < 0) {
		fprintf(stderr, "race: fork: %s\n", strerror(errno));
		return 1;
	}
	struct tally last_pid = by_last_pid(tries);
	struct tally retried = by_library(tries, SETTID_METHOD_NS_LAST_PID);
	struct tally set_tid = by_library(tries, SETTID_METHOD_CLONE3);
	kill(forker, SIGKILL);
	waitpid(forker, NULL, 0);

	printf("  %-32s %5s %6s %8s %8s %9s\n", "", "tries", "wrong", "refused", "retried", "missed");
	print_row("ns_last_pid, one write, one fork", &last_pid);
	print_row("ns_last_pid, settid's retries", &retried);
	print_row("clone3 with set_tid", &set_tid);
	puts("  wrong: another fork came first, and the child has another number; refused: an\n"
	     "  error instead (a child of the busy forker held it just then); missed: both");
	return set_tid.wrong == 0 && set_tid.tries == tries ? 0 : 1;
}
