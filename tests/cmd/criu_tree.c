/* SPDX-License-Identifier: MIT */
/*
 * criu_tree.c: `criu_tree N` leaves a small tree behind that CRIU can dump wherever it runs: no descriptor, no
 * terminal, memory of its own.  N leads a session; below it are a group of two, N + 1 and N + 2, and N + 3.
 */
#include "settid.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pid_t fork_as(pid_t number)
{
	struct settid_fork_args args = { .size = sizeof args, .set_tid = &number, .set_tid_len = 1 };
	struct settid_error err;
	pid_t pid = settid_fork(&args, NULL, &err);

	if (pid < 0) {
		fprintf(stderr, "criu_tree: %s\n", err.text);
		_exit(1);
	}
	return pid;
}

static void sleep_for_ever(void) __attribute__((noreturn));
static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	pid_t first = argc > 1 ? atoi(argv[1]) : 0;

	if (fork_as(first))
		return 0;
	setsid();
	if (fork_as(first + 1) == 0) {
		setpgid(0, 0);
		fork_as(first + 2);
	} else {
		fork_as(first + 3);
	}
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
	sleep_for_ever();
}
