/* SPDX-License-Identifier: MIT */
/*
 * workers.c: the real program of `./dev demo`: a master with worker processes, threads, a sandbox and two
 * dead.
 *
 *     master ──┬─ worker  (threads: worker, reader, writer)
 *              ├─ worker  (the same)
 *              ├─ crashed (a zombie: killed by SIGABRT, never waited for)
 *              ├─ done    (a zombie: exit status 7)
 *              └─ sandbox (the init of a PID namespace of its own) ── jailed (number 77 in there)
 *
 * Owns:  its children; it waits for none of them, and all of them die with it.
 * Keeps: the file named on the command line appears once everybody above stands, and not before.
 * usage: workers READY-FILE
 */
#include <fcntl.h>
#include <pthread.h>
#include <settid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Everybody writes one byte here when it stands. */
static int ready_pipe[2];

static void stand(const char *name)
{
	prctl(PR_SET_NAME, name);
	if (write(ready_pipe[1], "", 1) != 1)
		_exit(1);
}

static _Noreturn void wait_for_the_end(void)
{
	for (;;)
		pause();
}

/* Dies with its parent: a demo that is killed leaves nobody behind. */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (parent != 0 && getppid() != parent)
		_exit(1);
}

static void *thread_main(void *name)
{
	stand(name);
	wait_for_the_end();
}

static void worker(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, thread_main, (void *)(uintptr_t) "reader") != 0 ||
	    pthread_create(&thread, NULL, thread_main, (void *)(uintptr_t) "writer") != 0)
		_exit(1);
	stand("worker");
}

static void crashed(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	stand("crashed");
	abort();
}

static void done(void)
{
	stand("done");
	_exit(7);
}

static void jailed(void)
{
	stand("jailed");
}

/* The first process of a new PID namespace: a session of its own, and one child with a number it chose. */
static void sandbox(void)
{
	setsid();
	stand("sandbox");
	const pid_t wanted = 77;
	struct settid_error err;
	pid_t pid = settid_fork(&(struct settid_fork_args){ .size = sizeof(struct settid_fork_args),
							    .set_tid = &wanted,
							    .set_tid_len = 1 },
				NULL, &err);
	if (pid < 0) {
		fprintf(stderr, "workers: the sandbox: %s\n", err.text);
		_exit(1);
	}
	if (pid == 0) {
		die_with(1);
		jailed();
		wait_for_the_end();
	}
}

static pid_t start(void (*role)(void), uint64_t flags)
{
	const pid_t master = getpid();
	struct settid_error err;
	pid_t pid = settid_fork(&(struct settid_fork_args){ .size = sizeof(struct settid_fork_args),
							    .flags = flags },
				NULL, &err);
	if (pid < 0) {
		fprintf(stderr, "workers: %s\n", err.text);
		exit(1);
	}
	if (pid > 0)
		return pid;
	die_with(flags & CLONE_NEWPID ? 0 : master); /* from in there the parent's number is 0 */
	role();
	wait_for_the_end();
}

int main(int argc, char **argv)
{
	if (argc != 2 || pipe2(ready_pipe, O_CLOEXEC) < 0) {
		fputs("usage: workers READY-FILE\n", stderr);
		return 1;
	}
	const uint64_t sandboxed = CLONE_NEWPID | (geteuid() == 0 ? 0 : CLONE_NEWUSER);
	start(worker, 0);
	start(worker, 0);
	const pid_t dead[] = { start(crashed, 0), start(done, 0) };
	start(sandbox, sandboxed);
	stand("master");

	const int everybody = 3 + 3 + 1 + 1 + 2 + 1;
	for (int standing = 0; standing < everybody; standing++) {
		char byte;
		if (read(ready_pipe[0], &byte, 1) != 1)
			return 1;
	}
	for (size_t i = 0; i < 2; i++) { /* dead, but not reaped: WNOWAIT only looks */
		siginfo_t info;
		waitid(P_PID, (id_t)dead[i], &info, WEXITED | WNOWAIT);
	}
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	dprintf(fd, "%d\n", (int)getpid());
	close(fd);
	wait_for_the_end();
}
