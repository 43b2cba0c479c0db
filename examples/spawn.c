/* SPDX-License-Identifier: MIT */
/*
 * spawn.c: a program with chosen numbers in two new PID namespaces, its output in a file, and a failure explained.
 *
 * A new namespace's first process is always 1 in there, so nesting two of them takes two births: a child that
 * becomes the outer one's init, and the program below it.  The array counts from the inside out.
 *
 *	cc spawn.c $(pkg-config --cflags --libs settid) && ./a.out      (as root)
 */
#include <fcntl.h>
#include <settid.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int in_the_outer_namespace(void)
{
	const pid_t numbers[] = { 1, 42 }; /* [0] in the new namespace, [1] in the one of this process */
	const struct settid_file_action to_stderr = { .op = SETTID_FILE_DUP2, .from = 2, .fd = 1 };
	char *argv[] = { "sh", "-c", "echo \"in here I am $$\"", NULL };
	struct settid_spawn_args args = {
		.size = sizeof args,
		.file = "sh",
		.argv = argv,
		.set_tid = numbers,
		.set_tid_len = 2,
		.clone_flags = CLONE_NEWPID,
		.flags = SETTID_SPAWN_SEARCH_PATH,
		.file_actions = &to_stderr,
		.file_actions_len = 1,
	};
	struct settid_child child;
	struct settid_error err;

	if (settid_spawn(&args, &child, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	fprintf(stderr, "one level up it is %d\n", (int)child.pid);
	close(child.pidfd);
	if (waitpid(child.pid, NULL, 0) != child.pid)
		return 1;

	/* What fails in the child is reported here, with its step: there is no exit status 127 to guess from. */
	args.file = "/nowhere/program";
	args.flags = 0;
	if (settid_spawn(&args, &child, &err) == 0)
		return 1;
	fprintf(stderr, "%s (step: %s)\n", err.text, settid_step_name(err.step));
	return 0;
}

int main(void)
{
	struct settid_fork_args outer = { .size = sizeof outer, .flags = CLONE_NEWPID };
	struct settid_error err;
	int status;

	pid_t pid = settid_fork(&outer, NULL, &err);
	if (pid < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (pid == 0)
		_exit(in_the_outer_namespace());
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}
