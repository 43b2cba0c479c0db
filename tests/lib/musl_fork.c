/* SPDX-License-Identifier: MIT */
/*
 * musl_fork.c: settid_fork() on a libc that keeps its TID elsewhere.  Built statically with musl-gcc from the
 * library's own sources (there is no cmocka for musl), so it speaks TAP itself.
 */
#include <settid.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WISH(...) (&(const struct settid_fork_args){ .size = sizeof(struct settid_fork_args), __VA_ARGS__ })
#define NUMBERS(...)                               \
	.set_tid = (const pid_t[]){ __VA_ARGS__ }, \
	.set_tid_len = sizeof((const pid_t[]){ __VA_ARGS__ }) / sizeof(pid_t)

static int reap(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, __WALL) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static pthread_mutex_t *shared_mutex(int type)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t *mutex =
		mmap(NULL, sizeof *mutex, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (mutex == MAP_FAILED || pthread_mutex_init(mutex, &attr) != 0)
		abort();
	return mutex;
}

static bool locks_stay_the_parents(const struct settid_fork_args *args, pid_t want)
{
	pthread_mutex_t *recursive = shared_mutex(PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_t *checking = shared_mutex(PTHREAD_MUTEX_ERRORCHECK);
	pid_t pid;

	if (pthread_mutex_lock(recursive) != 0 || pthread_mutex_lock(checking) != 0)
		return false;
	pid = settid_fork(args, NULL, NULL);
	if (pid == 0)
		_exit(pthread_mutex_trylock(recursive) == EBUSY && pthread_mutex_unlock(checking) == EPERM &&
				      pthread_mutex_trylock(checking) == EBUSY
			      ? 0
			      : 1);
	return pid == want && reap(pid) == 0 && pthread_mutex_lock(recursive) == 0;
}

static bool clone3_locks(void)
{
	return locks_stay_the_parents(WISH(NUMBERS(500)), 500);
}

static bool last_pid_locks(void)
{
	return locks_stay_the_parents(WISH(NUMBERS(500), .method = SETTID_METHOD_NS_LAST_PID), 500);
}

/* The raw call's child is granted the lock: the rows above can fail. */
static bool raw_is_granted(void)
{
	pthread_mutex_t *mutex = shared_mutex(PTHREAD_MUTEX_RECURSIVE);
	struct settid_clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid;

	pthread_mutex_lock(mutex);
	pid = settid_clone3(&args, sizeof args, NULL, NULL);
	if (pid == 0)
		_exit(pthread_mutex_trylock(mutex) == 0 ? 0 : 1);
	return reap(pid) == 0;
}

static bool new_namespace(enum settid_method method)
{
	struct settid_child c;
	pid_t pid = settid_fork(WISH(NUMBERS(1, 42), .flags = CLONE_NEWPID, .method = method), &c, NULL);

	if (pid == 0)
		_exit(getpid() == 1 ? 7 : 8);
	if (pid != 42 || c.pidfd < 0 || c.method != method || close(c.pidfd) != 0)
		return false;
	return reap(42) == 7;
}

static bool clone3_namespace(void)
{
	return new_namespace(SETTID_METHOD_CLONE3);
}

static bool last_pid_namespace(void)
{
	return new_namespace(SETTID_METHOD_NS_LAST_PID);
}

static bool taken(void)
{
	struct settid_error err = { .text = "" };
	pid_t pid = settid_fork(WISH(NUMBERS(1)), NULL, &err);

	if (pid == 0)
		_exit(0);
	return pid == -EEXIST && err.level == 0 && err.number == 1 && err.text[0];
}

static bool exit_signal(void)
{
	pid_t pid = settid_fork(WISH(NUMBERS(500), .exit_signal = SETTID_NO_SIGNAL), NULL, NULL);
	int status;

	if (pid == 0)
		_exit(5);
	usleep(20000);
	return pid == 500 && waitpid(500, &status, 0) < 0 && reap(500) == 5; /* only __WALL sees it */
}

static const struct {
	const char *name;
	bool (*run)(void);
} rows[] = {
	{ "musl: locks that the parent holds are not the child's", clone3_locks },
	{ "musl: the same by ns_last_pid", last_pid_locks },
	{ "musl: a raw clone3 child is granted its parent's lock", raw_is_granted },
	{ "musl: a new namespace's init has its chosen number", clone3_namespace },
	{ "musl: the same by ns_last_pid", last_pid_namespace },
	{ "musl: a taken number is told", taken },
	{ "musl: the exit signal is the one asked for", exit_signal },
};

static int as_init(void)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool ok = rows[i].run();

		printf("%s %zu - %s\n", ok ? "ok" : "not ok", i + 1, rows[i].name);
		fflush(stdout);
		failed += !ok;
	}
	return failed;
}

int main(void)
{
	pid_t init;

	if (unshare(CLONE_NEWPID) != 0) {
		puts("1..0 # SKIP no PID namespace can be made here");
		return 0;
	}
	printf("1..%zu\n", sizeof rows / sizeof *rows);
	fflush(stdout);
	init = fork();
	if (init == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		_exit(as_init());
	}
	return reap(init);
}
