/* SPDX-License-Identifier: MIT */
/*
 * test_spawn_caller.c: what the caller of settid_spawn() notices, and the rest of the system: threads, signals, other
 * parents, death at odd moments.  What the program notices is test_spawn.c's.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const sleep_argv[] = { "sleep", "1000", NULL };
static char *const true_argv[] = { "true", NULL };

#define SPAWN(file_, argv_, ...)            \
	(&(const struct settid_spawn_args){ \
		.size = sizeof(struct settid_spawn_args), .file = file_, .argv = argv_, __VA_ARGS__ })
#define TRUE(...) SPAWN("/bin/true", true_argv, __VA_ARGS__)
#define SLEEP(...) SPAWN("/bin/sleep", sleep_argv, __VA_ARGS__)
#define MISSING(...) SPAWN("/nowhere/true", true_argv, __VA_ARGS__)

static struct settid_child start(const struct settid_spawn_args *args)
{
	struct settid_child child = { .pidfd = -1 };
	struct settid_error err = { .text = "" };

	if (settid_spawn(args, &child, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "not started: %s", err.text);
	return child;
}

static int end_of(struct settid_child *child)
{
	int status = world_reap(child->pid);

	close(child->pidfd);
	return status;
}

/* --------------------------------------------------------------------------------------------- numbers -- */

static void taken(void)
{
	struct world_census before = world_census();
	struct settid_child child = { .pidfd = -1 };
	struct settid_error err;

	CHECK_INT(settid_spawn(TRUE(NUMBERS(1)), &child, &err), -EEXIST);
	CHECK_INT(err.reason, SETTID_REASON_TAKEN);
	CHECK_INT(err.level, 0);
	CHECK_INT(err.number, 1);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	CHECK_INT(err.step, SETTID_STEP_NONE);
	CHECK(strncmp(err.text, "set_tid[0] = 1 is held by a live process, 1 (", 44) == 0);
	CHECK_INT(child.pidfd, -1);
	world_census_check(before, "after a taken number");
}

static void refusals(void)
{
	struct settid_child child;
	struct settid_error err;

	CHECK_INT(settid_spawn(TRUE(NUMBERS(0)), &child, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_RANGE);
	CHECK_INT(settid_spawn(TRUE(NUMBERS(2, 500), .clone_flags = CLONE_NEWPID), &child, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_FIRST_NOT_INIT);
	CHECK_INT(settid_spawn(NULL, &child, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
	CHECK_INT(settid_spawn(TRUE(NUMBERS(500)), NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
	CHECK_INT(settid_spawn(MISSING(NUMBERS(500)), &child, NULL), -ENOENT);
	world_keep_capability(-1);
	CHECK_INT(settid_spawn(TRUE(NUMBERS(500)), &child, &err), -EPERM);
	CHECK_INT(err.reason, SETTID_REASON_CAPABILITY);
}

/* A caller compiled against a later header: more fields, zero as long as it does not ask for them. */
static void newer_record(void)
{
	struct {
		struct settid_spawn_args known;
		uint64_t later;
	} args = { .known = *TRUE(NUMBERS(500)) };
	struct settid_child child;
	struct settid_error err;

	args.known.size = sizeof args;
	child = start(&args.known);
	CHECK_INT(child.pid, 500);
	CHECK_INT(end_of(&child), 0);
	args.later = 1;
	CHECK_INT(settid_spawn(&args.known, &child, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
}

/* --------------------------------------------------------------------------------------------- threads -- */

static _Atomic int fifo_end = -1;

/* Opening a FIFO waits for its other end: the child is in the middle of its file actions, its caller asleep. */
static void *opens_the_other_end(void *arg)
{
	const char *path = arg;

	while (fifo_end < 0) {
		fifo_end = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC); /* ENXIO until somebody reads */
		usleep(1000);
	}
	return NULL;
}

static void other_threads_go_on(void)
{
	static const char path[] = "/tmp/fifo";
	const struct settid_file_action actions[] = {
		{ .op = SETTID_FILE_OPEN, .fd = 9, .path = path, .flags = O_RDONLY },
	};
	pthread_t other;

	/* its own /tmp: nothing is left */
	CHECK_INT(mount("none", "/tmp", "tmpfs", 0, NULL), 0);
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK_INT(pthread_create(&other, NULL, opens_the_other_end, (void *)(uintptr_t)path), 0);
	struct settid_child child = start(TRUE(NUMBERS(500), .file_actions = actions, .file_actions_len = 1));

	CHECK_INT(pthread_join(other, NULL), 0);
	CHECK(fifo_end >= 0);
	CHECK_INT(end_of(&child), 0);
}

static void *spawns_many(void *arg)
{
	const pid_t base = *(const pid_t *)arg;

	for (pid_t number = base; number < base + 20; number++) {
		struct settid_child child = start(TRUE(.set_tid = &number, .set_tid_len = 1));
		struct settid_error err;
		struct settid_child none;

		CHECK_INT(child.pid, number);
		CHECK_INT(end_of(&child), 0);
		CHECK_INT(settid_spawn(MISSING(.set_tid = &number, .set_tid_len = 1), &none, &err), -ENOENT);
		CHECK_INT(err.step, SETTID_STEP_EXEC);
	}
	return arg;
}

static void many_at_once(void)
{
	static const pid_t base[] = { 1000, 2000, 3000 };
	pthread_t threads[3];

	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, spawns_many, (void *)(uintptr_t)&base[i]), 0);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
}

/* --------------------------------------------------------------------------------------------- signals -- */

static _Atomic int handled;

static void handle(int sig)
{
	(void)sig;
	handled++;
}

/* Sent while the caller waits for its child: kept, and handled as soon as the call is over. */
static void *signals_the_other(void *arg)
{
	pthread_t *caller = arg;

	while (fifo_end < 0) {
		pthread_kill(*caller, SIGUSR1);
		fifo_end = open("/tmp/fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		usleep(1000);
	}
	return NULL;
}

static void signals_wait(void)
{
	const struct settid_file_action actions[] = {
		{ .op = SETTID_FILE_OPEN, .fd = 9, .path = "/tmp/fifo", .flags = O_RDONLY },
	};
	pthread_t other, self = pthread_self();

	CHECK_INT(mount("none", "/tmp", "tmpfs", 0, NULL), 0);
	CHECK_INT(mkfifo("/tmp/fifo", 0600), 0);
	signal(SIGUSR1, handle);
	CHECK_INT(pthread_create(&other, NULL, signals_the_other, &self), 0);
	struct settid_child child = start(TRUE(NUMBERS(500), .file_actions = actions, .file_actions_len = 1));

	CHECK_INT(pthread_join(other, NULL), 0);
	CHECK(handled > 0);
	CHECK_INT(end_of(&child), 0);
}

/* Whoever ignores SIGCHLD has no zombies; a child that failed is told all the same. */
static void sigchld_is_ignored(void)
{
	struct settid_child child;
	struct settid_error err;

	signal(SIGCHLD, SIG_IGN);
	CHECK_INT(settid_spawn(MISSING(NUMBERS(500)), &child, &err), -ENOENT);
	CHECK_INT(err.step, SETTID_STEP_EXEC);
	CHECK_INT(settid_who(500, NULL), 0);
	child = start(TRUE(NUMBERS(500)));
	CHECK_INT(waitpid(child.pid, NULL, 0), -1);
	CHECK_INT(errno, ECHILD);
	close(child.pidfd);
}

/* ------------------------------------------------------------------------------------------------ ends -- */

static void forbid_execve(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_INT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
}

static void killed_before_execve_with(const struct settid_spawn_args *args)
{
	struct world_census before = world_census();
	struct settid_child child = { .pidfd = -1 };
	struct settid_error err;

	CHECK_INT(settid_spawn(args, &child, &err), -ECANCELED);
	CHECK_INT(err.reason, SETTID_REASON_STEP);
	CHECK_INT(err.step, SETTID_STEP_EXEC);
	CHECK(strstr(err.text, "killed") != NULL);
	CHECK_INT(handled, 0);
	CHECK_INT(child.pidfd, -1);
	world_census_check(before, "after a child that was killed");
	CHECK_INT(settid_who(500, NULL), 0);
}

/* Often: it lets go of the caller's memory before it can be reaped, and either may be faster. */
static void killed_before_execve(void)
{
	signal(SIGCHLD, handle);
	forbid_execve();
	for (int i = 0; i < 50; i++)
		killed_before_execve_with(TRUE(NUMBERS(500)));
}

static void killed_before_execve_with_maps(void)
{
	signal(SIGCHLD, handle);
	forbid_execve();
	killed_before_execve_with(TRUE(NUMBERS(500), .clone_flags = CLONE_NEWUSER, .uid_map = "0 0 1\n",
				       .flags = SETTID_SPAWN_USER_MAPS));
}

static void *starts_with_pdeathsig(void *arg)
{
	struct settid_child *child = arg;

	*child = start(SLEEP(NUMBERS(500), .pdeathsig = SIGUSR2));
	return NULL;
}

static void the_calling_thread_ends(void)
{
	struct settid_child child;
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, starts_with_pdeathsig, &child), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	int status = end_of(&child);

	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGUSR2);
}

/* While it waits for its maps the child dies with its caller; afterwards it must not. */
static void *starts_with_maps(void *arg)
{
	struct settid_child *child = arg;

	*child = start(SLEEP(NUMBERS(500), .clone_flags = CLONE_NEWUSER, .uid_map = "0 0 1\n",
			     .flags = SETTID_SPAWN_USER_MAPS));
	return NULL;
}

static void with_maps_it_outlives_the_thread(void)
{
	struct settid_child child;
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, starts_with_maps, &child), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	usleep(20000); /* for a SIGKILL that must not come */
	CHECK_INT(syscall(SYS_pidfd_send_signal, child.pidfd, SIGTERM, NULL, 0), 0);
	CHECK_INT(WTERMSIG(end_of(&child)), SIGTERM);
}

/* --------------------------------------------------------------------------------------------- siblings -- */

static void sibling(void)
{
	pid_t maker = fork();

	if (maker == 0) {
		struct settid_child child =
			start(SPAWN("/bin/sh", ((char *const[]){ "sh", "-c", "exit 4", NULL }), NUMBERS(500),
				    .clone_flags = CLONE_PARENT));

		CHECK_INT(child.pid, 500);
		CHECK_INT(waitpid(500, NULL, __WALL), -1); /* not ours */
		_exit(0);
	}
	CHECK_INT(world_reap(maker), 0);
	CHECK_INT(WEXITSTATUS(world_reap(500)), 4);
}

static void sibling_that_fails(void)
{
	pid_t maker = fork();

	if (maker == 0) {
		struct settid_child child = { .pidfd = -1 };
		struct settid_error err;

		CHECK_INT(settid_spawn(MISSING(NUMBERS(500), .clone_flags = CLONE_PARENT), &child, &err),
			  -ENOENT);
		CHECK_INT(err.step, SETTID_STEP_EXEC);
		_exit(0);
	}
	CHECK_INT(world_reap(maker), 0);
	world_reap(500); /* its parent's to reap */
}

/* --------------------------------------------------------------------------------------------- program -- */

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_ROW("spawn: a taken number is told with level, number and holder", taken),
		WORLD_ROW("spawn: what concerns numbers and rights is told as by fork", refusals),
		WORLD_ROW("spawn: a newer caller's zero fields pass, its wishes are refused", newer_record),
		WORLD_ROW("spawn: other threads go on while a child is on its way", other_threads_go_on),
		WORLD_ROW("spawn: many threads spawn and fail at once", many_at_once),
		WORLD_ROW("spawn: signals wait until the call is over", signals_wait),
		WORLD_ROW("spawn: a caller that ignores SIGCHLD hears of failures", sigchld_is_ignored),
		WORLD_ROW("spawn: a child killed before execve is ECANCELED, and reaped",
			  killed_before_execve),
		WORLD_ROW("spawn: a child killed before execve, with maps", killed_before_execve_with_maps),
		WORLD_ROW("spawn: pdeathsig comes when the calling thread ends", the_calling_thread_ends),
		WORLD_ROW("spawn: a program with maps outlives the thread that started it",
			  with_maps_it_outlives_the_thread),
		WORLD_ROW("spawn: CLONE_PARENT makes a sibling with a chosen number", sibling),
		WORLD_ROW("spawn: a sibling that fails is told", sibling_that_fails),
	};
	const char *missing = world_missing();

	if (missing || geteuid() != 0) {
		printf("1..0 # SKIP %s\n",
		       missing ? missing : "a map of root and a /tmp of its own need root");
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("callers of settid_spawn", tests, NULL, NULL);
}
