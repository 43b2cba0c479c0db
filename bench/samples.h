/* SPDX-License-Identifier: MIT */
/*
 * samples.h: measuring several ways to do one thing, side by side.
 *
 * The ways take turns, one operation each, round after round, so that whatever else the machine does in the
 * meantime happens to all of them.  A line per operation goes to standard output: the way's name and the
 * nanoseconds it took.  What follows from them is computed by samples.py.
 */
#ifndef SETTID_BENCH_SAMPLES_H
#define SETTID_BENCH_SAMPLES_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline _Noreturn void die(const char *what, int code)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(code));
	exit(1);
}

struct way {
	const char *name;
	void (*run)(void); /* one operation; ends the program when it fails */
	unsigned every;    /* takes part in each round, or each second one ...; 0 = each */
};

static inline void measure(const struct way *ways, size_t ways_len, unsigned rounds)
{
	for (unsigned round = 0; round <= rounds; round++)
		for (size_t k = 0; k < ways_len; k++) {
			/* the other way round every second time: nobody always follows the same neighbour */
			const struct way *w = &ways[round % 2 ? ways_len - 1 - k : k];
			uint64_t start = now_ns();

			if (w->every && round % w->every)
				continue;
			w->run();
			if (round) /* the first one warms up */
				printf("%s %llu\n", w->name, (unsigned long long)(now_ns() - start));
		}
	fflush(stdout);
}

/*
 * Goes on as process 1 of a PID namespace of its own, with its /proc: chosen numbers are free there.  The caller
 * waits and passes the status on.
 */
static inline void enter_own_namespace(void)
{
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
		die("new namespaces (root is needed)", errno);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork", errno);
	if (pid > 0) {
		waitpid(pid, &status, 0);
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left when the caller is killed */
	setsid(); /* an init in a group founded by one of its own namespace could never be killed */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		die("a /proc of its own", errno);
}

static inline unsigned number_argument(int argc, char **argv, int at, unsigned otherwise)
{
	return argc > at ? (unsigned)strtoul(argv[at], NULL, 10) : otherwise;
}

#endif
