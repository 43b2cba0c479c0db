/* SPDX-License-Identifier: MIT */
/* test_fork.c: what settid_fork() does when it works: numbers at every level, libc's idea of them, and no traces. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* "31496 42 1": a process's numbers as /proc shows them. */
static void numbers_of(const char *who, char *out, size_t size)
{
	char path[64], line[256];
	FILE *f;

	out[0] = '\0';
	snprintf(path, sizeof path, "/proc/%s/status", who);
	f = fopen(path, "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof line, f))
		if (strncmp(line, "NSpid:\t", 7) == 0) {
			line[strcspn(line, "\n")] = '\0';
			memccpy(out, line + 7, '\0', size);
		}
	fclose(f);
	for (char *at = out; *at; at++)
		if (*at == '\t')
			*at = ' ';
}

static void expect_numbers(pid_t pid, const char *want)
{
	char who[16], got[128];

	snprintf(who, sizeof who, "%d", (int)pid);
	numbers_of(who, got, sizeof got);
	if (strcmp(got, want) != 0)
		world_check_failed(__FILE__, __LINE__, "NSpid of %d is \"%s\", not \"%s\"", (int)pid, got,
				   want);
}

static void chosen_number(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(500)));

	CHECK_INT(c.pid, 500);
	CHECK_INT(c.method, SETTID_METHOD_CLONE3);
	CHECK_INT(c.retries, 0);
	CHECK(fcntl(c.pidfd, F_GETFD) & FD_CLOEXEC);
	expect_numbers(500, "500");
	world_end(&c);
}

static void new_namespace(void)
{
	struct settid_child c = world_child(WISH(NUMBERS(1, 42), .flags = CLONE_NEWPID));

	CHECK_INT(c.pid, 42);
	expect_numbers(42, "42 1");
	world_end(&c);
}

/* In the middle of a chain: the outer levels that are not named are the kernel's. */
static void partial_array(void)
{
	struct settid_fork_args deeper = { .size = sizeof deeper, .flags = CLONE_NEWPID };
	int ready[2];
	struct settid_error err;
	char byte;
	pid_t middle;

	CHECK_INT(pipe(ready), 0);
	middle = settid_fork(&deeper, NULL, &err);
	if (middle == 0) { /* level + 1, as 1; names two of its three levels */
		struct settid_child c = world_child(WISH(NUMBERS(1, 77), .flags = CLONE_NEWPID));

		CHECK_INT(c.pid, 77);
		CHECK_INT(write(ready[1], "r", 1), 1);
		for (;;)
			pause();
	}
	CHECK(middle > 0);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	char want[32];

	snprintf(want, sizeof want, "%d 77 1", (int)middle + 1); /* the next cyclic number here */
	expect_numbers(middle + 1, want);
	kill(middle, SIGKILL);
	world_reap(middle);
}

static void three_levels(void)
{
	int ready[2];
	char byte;
	pid_t middle;

	CHECK_INT(pipe(ready), 0);
	middle = settid_fork(WISH(NUMBERS(1, 40), .flags = CLONE_NEWPID), NULL, NULL);
	if (middle == 0) {
		world_child(WISH(NUMBERS(1, 42, 31496), .flags = CLONE_NEWPID));
		CHECK_INT(write(ready[1], "r", 1), 1);
		for (;;)
			pause();
	}
	CHECK_INT(middle, 40);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	expect_numbers(31496, "31496 42 1");
	kill(middle, SIGKILL);
	world_reap(middle);
}

static void no_arguments(void)
{
	pid_t pid = settid_fork(NULL, NULL, NULL);

	if (pid == 0)
		_exit(7);
	CHECK(pid > 0);
	CHECK_INT(WEXITSTATUS(world_reap(pid)), 7);
}

static void exit_signals(void)
{
	struct settid_child quiet = world_child(WISH(.exit_signal = SETTID_NO_SIGNAL));
	struct settid_child usr = world_child(WISH(.exit_signal = SIGUSR1));
	sigset_t usr1;
	siginfo_t info;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	world_end(&usr);
	CHECK_INT(sigwaitinfo(&usr1, &info), SIGUSR1);
	CHECK_INT(waitpid(quiet.pid, NULL, WNOHANG), -1); /* no SIGCHLD: only __WCLONE and __WALL see it */
	world_end(&quiet);
}

/* ------------------------------------------------------------------------------------ libc -- */

static pthread_mutex_t *shared_mutex(int type)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t *mutex =
		mmap(NULL, sizeof *mutex, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(mutex != MAP_FAILED);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	CHECK_INT(pthread_mutex_init(mutex, &attr), 0);
	return mutex;
}

static void mutex_tests(const struct settid_fork_args *args)
{
	pthread_mutex_t *recursive = shared_mutex(PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_t *checking = shared_mutex(PTHREAD_MUTEX_ERRORCHECK);
	pid_t pid;

	CHECK_INT(pthread_mutex_lock(recursive), 0);
	CHECK_INT(pthread_mutex_lock(checking), 0);
	pid = settid_fork(args, NULL, NULL);
	if (pid == 0) {
		CHECK_INT(pthread_mutex_trylock(recursive), EBUSY);
		CHECK_INT(pthread_mutex_unlock(checking), EPERM);
		CHECK_INT(pthread_mutex_trylock(checking), EBUSY);
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_INT(world_reap(pid), 0);
	CHECK_INT(pthread_mutex_lock(recursive), 0); /* the parent's own second lock is granted */
	CHECK_INT(pthread_mutex_lock(checking), EDEADLK);
}

static void mutexes(void)
{
	mutex_tests(WISH(NUMBERS(500)));
}

static void mutexes_last_pid(void)
{
	mutex_tests(WISH(NUMBERS(500), .method = SETTID_METHOD_NS_LAST_PID));
}

/* A raw fork is granted the parent's lock: the test above can fail. */
static void raw_fork_is_granted(void)
{
	pthread_mutex_t *mutex = shared_mutex(PTHREAD_MUTEX_RECURSIVE);
	struct settid_clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid;

	CHECK_INT(pthread_mutex_lock(mutex), 0);
	pid = settid_clone3(&args, sizeof args, NULL, NULL);
	if (pid == 0)
		_exit(pthread_mutex_trylock(mutex) == 0 ? 0 : 1);
	CHECK_INT(world_reap(pid), 0);
}

/* The child of a raw clone has no word that the kernel knows, and a wrong TID in libc; its own fork is right again. */
static void fork_after_raw_birth(void)
{
	struct settid_clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid = settid_clone3(&args, sizeof args, NULL, NULL);

	if (pid == 0) {
		mutex_tests(WISH(NUMBERS(500)));
		mutex_tests(WISH(NUMBERS(501), .method = SETTID_METHOD_NS_LAST_PID));
		_exit(0);
	}
	CHECK_INT(world_reap(pid), 0);
}

/* A robust mutex that the parent holds is not handed on when the child dies. */
static void robust_mutex(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t *mine = shared_mutex(PTHREAD_MUTEX_NORMAL),
			*childs = shared_mutex(PTHREAD_MUTEX_NORMAL);
	pid_t pid;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	CHECK_INT(pthread_mutex_init(mine, &attr), 0);
	CHECK_INT(pthread_mutex_init(childs, &attr), 0);
	CHECK_INT(pthread_mutex_lock(mine), 0);
	pid = settid_fork(WISH(NUMBERS(500)), NULL, NULL);
	if (pid == 0) {
		CHECK_INT(pthread_mutex_lock(childs), 0);
		_exit(0); /* holding it */
	}
	CHECK_INT(world_reap(pid), 0);
	CHECK_INT(pthread_mutex_lock(childs), EOWNERDEAD); /* so the child's list was registered */
	pid = fork();
	if (pid == 0)
		_exit(pthread_mutex_trylock(mine) == EBUSY ? 0 : 1); /* and ours was not on it */
	CHECK_INT(world_reap(pid), 0);
}

static void *fork_in_thread(void *arg)
{
	pthread_mutex_t *mutex = shared_mutex(PTHREAD_MUTEX_RECURSIVE);
	pid_t pid;

	(void)arg;
	CHECK_INT(pthread_mutex_lock(mutex), 0);
	pid = settid_fork(WISH(NUMBERS(600)), NULL, NULL);
	if (pid == 0) {
		CHECK_INT(syscall(SYS_gettid), 600);
		_exit(pthread_mutex_trylock(mutex) == EBUSY ? 0 : 1);
	}
	CHECK_INT(world_reap(pid), 0);
	return NULL;
}

static void from_a_thread(void)
{
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, fork_in_thread, NULL), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
}

/* ------------------------------------------------------------------------------------ traces -- */

static void success_leaves_one_pidfd(void)
{
	struct world_census before = world_census();
	struct settid_child c = world_child(WISH(NUMBERS(500)));

	world_end(&c);
	world_census_check(before, "after one child");
	pid_t pid = settid_fork(WISH(NUMBERS(500)), NULL, NULL);

	if (pid == 0)
		_exit(0);
	world_reap(pid);
	world_census_check(before, "after one child without pidfd");
}

static void failure_leaves_nothing(void)
{
	struct world_census before = world_census();
	struct settid_child c;

	for (int i = 0; i < 20; i++)
		CHECK_INT(settid_fork(WISH(NUMBERS(1)), &c, NULL), -EEXIST);
	world_census_check(before, "after 20 refusals");
}

static void refusal_keeps_cursor(void)
{
	struct settid_error err;
	struct settid_child one = world_child(NULL), two;

	CHECK_INT(settid_fork(WISH(NUMBERS(1, 50, 1), .flags = CLONE_NEWPID), NULL, &err) < 0, true);
	CHECK_INT(settid_fork(WISH(NUMBERS(0)), NULL, &err), -EINVAL);
	CHECK_INT(settid_fork(WISH(NUMBERS(1)), NULL, &err), -EEXIST);
	two = world_child(NULL);
	CHECK_INT(two.pid, one.pid + 1);
	world_end(&one);
	world_end(&two);
}

static void bad_arguments(void)
{
	struct settid_error err;
	struct settid_fork_args short_record = { .size = 8 };
	const pid_t many[40] = { 0 };

	CHECK_INT(settid_fork(&short_record, NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
	CHECK_INT(settid_fork(WISH(.set_tid_len = 1), NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
	CHECK_INT(settid_fork(WISH(.set_tid = many, .set_tid_len = 33), NULL, &err), -EINVAL);
	CHECK_INT(settid_fork(WISH(.flags = CLONE_VM), NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
	CHECK_INT(settid_fork(WISH(.exit_signal = 65), NULL, &err), -EINVAL);
	CHECK_INT(settid_fork(WISH(.exit_signal = -2), NULL, &err), -EINVAL);
	CHECK_INT(settid_fork(WISH(.method = (enum settid_method)9), NULL, &err), -EINVAL);
	CHECK(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
}

/* A caller compiled against a later header: more fields, zero as long as it does not ask for them. */
static void newer_arguments(void)
{
	struct {
		struct settid_fork_args known;
		uint64_t later;
	} args = { .known = { .size = sizeof args, NUMBERS(500) } };
	struct settid_error err;
	pid_t pid = settid_fork(&args.known, NULL, &err);

	if (pid == 0)
		_exit(0);
	CHECK_INT(pid, 500);
	world_reap(pid);
	args.later = 1;
	CHECK_INT(settid_fork(&args.known, NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_ARGUMENT);
}

static void clone_parent(void)
{
	pid_t maker = fork();

	if (maker == 0) {
		pid_t pid = settid_fork(WISH(NUMBERS(500), .flags = CLONE_PARENT), NULL, NULL);

		if (pid == 0)
			_exit(getppid() == 1 ? 4 : 5);
		CHECK_INT(pid, 500);
		_exit(0);
	}
	CHECK_INT(world_reap(maker), 0);
	CHECK_INT(WEXITSTATUS(world_reap(500)), 4);
}

/* ------------------------------------------------------------------------------------ raw -- */

static int returns_its_argument(void *arg)
{
	return *(int *)arg;
}

static void raw_on_a_stack(void)
{
	static _Alignas(16) char stack[16384];
	int status = 23;
	struct settid_clone_args args = {
		.flags = CLONE_VM,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof stack,
	};
	pid_t pid = settid_clone3(&args, sizeof args, returns_its_argument, &status);

	CHECK(pid > 0);
	CHECK_INT(WEXITSTATUS(world_reap(pid)), 23);
}

static void raw_vfork_on_callers_stack(void)
{
	int status = 24;
	struct settid_clone_args args = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
	pid_t pid = settid_clone3(&args, sizeof args, returns_its_argument, &status);

	CHECK(pid > 0);
	CHECK_INT(WEXITSTATUS(world_reap(pid)), 24);
}

#define IN_WORLD(name, flags)                 \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		world_run(flags, name);       \
	}

IN_WORLD(chosen_number, WORLD_PROC)
IN_WORLD(new_namespace, WORLD_PROC)
IN_WORLD(partial_array, WORLD_PROC)
IN_WORLD(three_levels, WORLD_PROC)
IN_WORLD(no_arguments, 0)
IN_WORLD(exit_signals, 0)
IN_WORLD(mutexes, 0)
IN_WORLD(mutexes_last_pid, 0)
IN_WORLD(raw_fork_is_granted, 0)
IN_WORLD(fork_after_raw_birth, 0)
IN_WORLD(robust_mutex, 0)
IN_WORLD(from_a_thread, 0)
IN_WORLD(success_leaves_one_pidfd, 0)
IN_WORLD(failure_leaves_nothing, 0)
IN_WORLD(refusal_keeps_cursor, 0)
IN_WORLD(bad_arguments, 0)
IN_WORLD(newer_arguments, 0)
IN_WORLD(clone_parent, 0)
IN_WORLD(raw_on_a_stack, 0)
IN_WORLD(raw_vfork_on_callers_stack, 0)

#define ROW(sentence, name)                             \
	{                                               \
		sentence, test_##name, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("a chosen number is the child's, in the call's result and in /proc", chosen_number),
		ROW("a new namespace's init has its chosen number outside", new_namespace),
		ROW("levels beyond a partial array get the next number", partial_array),
		ROW("three levels are chosen in one call", three_levels),
		ROW("without arguments it is a plain fork", no_arguments),
		ROW("the exit signal is the one asked for, or none", exit_signals),
		ROW("locks that the parent holds are not the child's", mutexes),
		ROW("the same by ns_last_pid", mutexes_last_pid),
		ROW("a raw clone3 child is granted its parent's lock", raw_fork_is_granted),
		ROW("a fork by the child of a raw clone has libc's TID right again", fork_after_raw_birth),
		ROW("robust mutexes of the child are given up, the parent's are not", robust_mutex),
		ROW("a fork from a second thread has that thread's TID right", from_a_thread),
		ROW("a success leaves the pidfd and nothing else", success_leaves_one_pidfd),
		ROW("a refusal leaves nothing", failure_leaves_nothing),
		ROW("neither a refusal nor its diagnosis moves the cursor", refusal_keeps_cursor),
		ROW("arguments that contradict each other are refused with a sentence", bad_arguments),
		ROW("a newer caller's zero fields pass, its wishes are refused", newer_arguments),
		ROW("CLONE_PARENT makes a sibling with a chosen number", clone_parent),
		ROW("the raw call runs fn on a stack of its own", raw_on_a_stack),
		ROW("the raw call runs fn on the caller's stack under vfork", raw_vfork_on_callers_stack),
	};
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("settid_fork", tests, NULL, NULL);
}
