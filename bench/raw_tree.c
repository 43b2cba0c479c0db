/* SPDX-License-Identifier: MIT */
/*
 * raw_tree.c: the yardstick of `settid restore`: trees made by a bare loop of clone3 with set_tid.
 *
 *	raw_tree SHAPE PROCESSES
 *
 * A small static program.  Process 1 is the init of a new PID namespace; every process makes its own children, one
 * plain clone3 each (memory copied, as fork does) and its own threads, counts itself and sleeps.  Prints the nanoseconds
 * from just before the first clone3 until all stand, and ends the namespace.
 * Keeps:   nothing is done per process that a restore could do without: a clone3, an addition in shared memory, a
 *          pause; for a zombie its end instead of the pause, and its parent's look whether it is dead.  Sessions,
 *          groups and names are left out, and so are children whose parent is not who made them.
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsettid/sys_clone.h"
#include "shape.h"

#define THREAD_STACK 1024

struct shared {
	_Atomic uint32_t stand;  /* processes and threads that do */
	_Atomic uint32_t ended;  /* futex: all do, or a birth failed */
	_Atomic uint32_t failed; /* that birth's errno */
	uint64_t end_ns;
};

static struct shared *shared;
static struct shape shape;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void end_stage(void)
{
	shared->end_ns = now_ns();
	shared->ended = 1;
	syscall(SYS_futex, &shared->ended, FUTEX_WAKE, 1);
}

static pid_t birth(pid_t number, uint64_t flags)
{
	const struct clone_args args = {
		.flags = flags,
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&number,
		.set_tid_size = 1,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static void stand(void)
{
	if (++shared->stand == (uint32_t)shape.numbers)
		end_stage();
}

static void fail(int code)
{
	shared->failed = (uint32_t)code;
	end_stage();
}

/* In the parent 0, once all of its children are made; in a child its number. */
static int32_t make_children(int32_t parent)
{
	int32_t number;

	for (int32_t k = 0; (number = shape_child(&shape, parent, k)) != 0; k++) {
		pid_t pid = birth(number, 0);

		if (pid == 0)
			return number;
		if (pid < 0)
			fail(errno);
	}
	for (int32_t k = 0; (number = shape_child(&shape, parent, k)) != 0; k++)
		if (shape_wait_status(&shape, number) != SHAPE_LIVES)
			waitid(P_PID, (id_t)number, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	return 0;
}

/* Without a TLS of its own: libc is not for it. */
static int live_as_thread(void *arg)
{
	(void)arg;
	stand();
	while (SYS5(SYS_ppoll, 0, 0, 0, 0, 0) < 0) /* whatever wakes it */
		;
	return 0;
}

static void make_threads(int32_t number)
{
	static _Alignas(16) char stacks[SHAPE_THREADS_MOST][THREAD_STACK];

	for (int32_t k = 0; k < shape_threads(&shape, number); k++) {
		const pid_t tid = number + 1 + k;
		struct sys_clone_args args = {
			.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				 CLONE_SYSVSEM,
			.stack = (uint64_t)(uintptr_t)stacks[k],
			.stack_size = sizeof stacks[k],
			.set_tid = (uint64_t)(uintptr_t)&tid,
			.set_tid_size = 1,
		};
		long r = sys_clone_on_stack(&args, live_as_thread, NULL);

		if (r < 0)
			fail((int)-r);
	}
}

static _Noreturn void live(int32_t number)
{
	int32_t status;

	for (int32_t child; (child = make_children(number)) != 0;)
		number = child;
	make_threads(number);
	stand();
	status = shape_wait_status(&shape, number);
	if (status != SHAPE_LIVES && WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	if (status != SHAPE_LIVES)
		kill(getpid(), WTERMSIG(status));
	for (;;)
		pause();
}

static int build(void)
{
	uint64_t start = now_ns();
	pid_t init = birth(1, CLONE_NEWPID);

	if (init == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left when this program is killed */
		live(1);
	}
	if (init < 0)
		return errno;
	while (!shared->ended)
		syscall(SYS_futex, &shared->ended, FUTEX_WAIT, 0, NULL);
	kill(init, SIGKILL); /* a child that nobody waited for yet: the number is still its */
	waitpid(init, NULL, 0);
	if (!shared->failed)
		printf("%llu\n", (unsigned long long)(shared->end_ns - start));
	return (int)shared->failed;
}

int main(int argc, char **argv)
{
	const struct rlimit no_core = { 0, 0 };
	int code;

	if (argc != 3 || !shape_parse(&shape, argv[1], argv[2])) {
		fputs("usage: raw_tree " SHAPE_NAMES " PROCESSES\n", stderr);
		return 2;
	}
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return 1;
	signal(SIGQUIT, SIG_DFL); /* a shell's background jobs ignore it */
	code = build();
	if (code)
		fprintf(stderr, "raw_tree: clone3: %s\n", strerror(code));
	return code != 0;
}
