/* SPDX-License-Identifier: MIT */
/*
 * spawn.c: settid_spawn() beside a hand-written clone3(CLONE_VM | CLONE_VFORK) + execve, posix_spawn, fork + execve.
 *
 *	spawn PROGRAM ROUNDS [MIB]
 *
 * The caller has MIB (1024) MiB resident, all of them written to.  One operation is a start and the wait for its
 * end.  The `_set` ways choose the child's number, the others leave it to the kernel.
 * Keeps:   the hand-written way does nothing that it could do without: no signal mask, no pidfd, no check; with
 *          `_pidfd` it has that one thing more which settid_spawn() always gives.
 */
#include <linux/sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "samples.h"
#include "settid.h"

#define CHOSEN 1000

static char *program;
static char *program_argv[2];
static char stack[16384] __attribute__((aligned(16)));

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid", errno);
	if (status)
		die("the program did not end well", 0);
}

/* ------------------------------------------------------------------------------------------- settid -- */

static void settid_way(const pid_t *set_tid)
{
	const struct settid_spawn_args args = {
		.size = sizeof args,
		.file = program,
		.argv = program_argv,
		.set_tid = set_tid,
		.set_tid_len = set_tid != NULL,
	};
	struct settid_child child;
	struct settid_error err;
	int r = settid_spawn(&args, &child, &err);

	if (r < 0)
		die(err.text, -r);
	wait_for(child.pid);
	close(child.pidfd);
}

static void by_settid(void)
{
	settid_way(NULL);
}

static void by_settid_set(void)
{
	settid_way(&(pid_t){ CHOSEN });
}

/* ----------------------------------------------------------------------------------------- by hand -- */

static int exec_program(void *arg)
{
	(void)arg;
	syscall(SYS_execve, program, program_argv, environ);
	return 127;
}

static void hand_way(const pid_t *set_tid, int *pidfd)
{
	const struct settid_clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | (pidfd ? CLONE_PIDFD : 0),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = sizeof stack,
		.set_tid = (uint64_t)(uintptr_t)set_tid,
		.set_tid_size = set_tid != NULL,
	};
	/* the library's own raw call is nothing but the instruction */
	pid_t pid = settid_clone3(&args, sizeof args, exec_program, NULL);

	if (pid < 0)
		die("clone3", -pid);
	wait_for(pid);
}

static void by_hand(void)
{
	hand_way(NULL, NULL);
}

static void by_hand_pidfd(void)
{
	int pidfd;

	hand_way(NULL, &pidfd);
	close(pidfd);
}

static void by_hand_set(void)
{
	hand_way(&(pid_t){ CHOSEN }, NULL);
}

/* -------------------------------------------------------------------------------------------- libc -- */

static void by_posix_spawn(void)
{
	pid_t pid;
	int code = posix_spawn(&pid, program, NULL, NULL, program_argv, environ);

	if (code)
		die("posix_spawn", code);
	wait_for(pid);
}

static void by_fork_exec(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork", errno);
	if (pid == 0) {
		execve(program, program_argv, environ);
		_exit(127);
	}
	wait_for(pid);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{ "clone3", by_hand, 1 },
		{ "settid_spawn", by_settid, 1 },
		{ "clone3_pidfd", by_hand_pidfd, 1 },
		{ "clone3_set", by_hand_set, 1 },
		{ "settid_spawn_set", by_settid_set, 1 },
		{ "posix_spawn", by_posix_spawn, 1 },
		{ "fork_exec", by_fork_exec, 60 },
	};
	unsigned rounds = number_argument(argc, argv, 2, 0), mib = number_argument(argc, argv, 3, 1024);
	size_t size = (size_t)mib << 20;
	char *memory;

	if (argc < 3)
		die("usage: spawn PROGRAM ROUNDS [MIB]", EINVAL);
	program = program_argv[0] = argv[1];
	enter_own_namespace();
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("memory", errno);
	madvise(memory, size, MADV_NOHUGEPAGE); /* what a program of many allocations has: small pages */
	memset(memory, 1, size);
	measure(ways, sizeof ways / sizeof *ways, rounds);
	return 0;
}
