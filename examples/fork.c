/* SPDX-License-Identifier: MIT */
/*
 * fork.c: a child with a number of one's choice, and what the error says when it is taken.
 *
 *	cc fork.c $(pkg-config --cflags --libs settid) && ./a.out 4242
 */
#include <settid.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const pid_t number = argc > 1 ? atoi(argv[1]) : 4242;
	struct settid_fork_args args = { .size = sizeof args, .set_tid = &number, .set_tid_len = 1 };
	struct settid_child child;
	struct settid_error err;

	pid_t pid = settid_fork(&args, &child, &err);
	if (pid < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (pid == 0) {
		printf("the child is %d\n", (int)getpid());
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(child.pidfd);
	printf("made by %s\n", settid_method_name(child.method));

	/* The same number for two at once cannot be: the second one is told who has it. */
	pid = settid_fork(&args, NULL, &err);
	if (pid < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (pid == 0) {
		pause();
		_exit(0);
	}
	pid_t second = settid_fork(&args, NULL, &err);
	if (second == 0)
		_exit(0);
	printf("%s\n", second < 0 ? err.text : "two processes with one number?");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return second < 0 ? 0 : 1;
}
