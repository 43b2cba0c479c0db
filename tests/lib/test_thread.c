/* SPDX-License-Identifier: MIT */
/*
 * test_thread.c: settid_thread_create() makes libc's own thread: its TID is the one asked for, and libc's memory, errno,
 * streams and results are as in any other.  test_thread_life.c has attributes, signals and ends.
 */
#include "threads.h"

#include <dlfcn.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --------------------------------------------------------------------------------------------- numbers -- */

static void exact(void)
{
	pid_t numbers[] = { 5151, 31, 299, 32767, 4000000 };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		threads_run(threads_has_number, &numbers[i], numbers[i]);
	numbers[0] = 5152;
	CHECK(threads_join(threads_create(NULL, threads_has_number, &numbers[0],
					  TID_BY(5152, SETTID_METHOD_CLONE3))) == &numbers[0]);
}

static void by_last_pid(void)
{
	pid_t number = 6161;

	CHECK(threads_join(threads_create(NULL, threads_has_number, &number,
					  TID_BY(6161, SETTID_METHOD_NS_LAST_PID))) == &number);
}

static void *both_numbers(void *arg)
{
	char line[256], want[64];
	FILE *f = fopen("/proc/thread-self/status", "re"); /* the outer world's: both numbers show */

	CHECK(f != NULL);
	while (fgets(line, sizeof line, f) && strncmp(line, "NSpid:", 6) != 0)
		;
	fclose(f);
	snprintf(want, sizeof want, "NSpid:\t%d\t%d\n", 901, 51);
	CHECK(strcmp(line, want) == 0);
	return arg;
}

static void two_levels(void)
{
	pid_t pid = settid_fork(WISH(.flags = CLONE_NEWPID), NULL, NULL);

	if (pid == 0) {
		const struct settid_thread_args args = { .size = sizeof args, NUMBERS(51, 901) };

		setsid();
		CHECK(threads_join(threads_create(NULL, both_numbers, NULL, &args)) == NULL);
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_INT(world_reap(pid), 0);
}

static void *is_some_thread(void *arg)
{
	CHECK((pid_t)syscall(SYS_gettid) != getpid());
	return arg;
}

static void no_wish(void)
{
	const struct settid_thread_args none = { .size = sizeof none };
	enum settid_method used = SETTID_METHOD_NS_LAST_PID;
	pthread_t thread;

	CHECK_INT(settid_thread_create(&thread, NULL, is_some_thread, &thread, NULL, &used, NULL), 0);
	CHECK(threads_join(thread) == &thread);
	CHECK_INT(used, SETTID_METHOD_CLONE3);
	CHECK(threads_join(threads_create(NULL, is_some_thread, &thread, &none)) == &thread);
}

static void *makes_another(void *arg)
{
	pid_t number = 701;

	threads_run(threads_has_number, &number, number);
	return arg;
}

static void from_a_new_thread(void)
{
	threads_run(makes_another, NULL, 700);
}

/* ------------------------------------------------------------------------------------------------ libc -- */

static pthread_t told_to_creator;
static sem_t told;

static void *compares_itself(void *arg)
{
	CHECK_INT(sem_wait(&told), 0);
	CHECK(pthread_equal(pthread_self(), told_to_creator));
	return arg;
}

static void self(void)
{
	CHECK_INT(sem_init(&told, 0, 0), 0);
	told_to_creator = threads_create(NULL, compares_itself, NULL, TID(500));
	CHECK(!pthread_equal(told_to_creator, pthread_self()));
	CHECK_INT(sem_post(&told), 0);
	threads_join(told_to_creator);
}

static _Thread_local int with_a_value = 17;
static _Thread_local char large[65536];

static void *uses_tls(void *arg)
{
	CHECK_INT(with_a_value, 17);
	CHECK_INT(large[sizeof large - 1], 0);
	with_a_value = 18;
	memset(large, 'x', sizeof large);
	return arg;
}

static void tls(void)
{
	with_a_value = 99;
	memset(large, 'y', sizeof large);
	threads_run(uses_tls, NULL, 500);
	CHECK_INT(with_a_value, 99);
	CHECK_INT(large[7], 'y');
}

static int (*late_word)(void);

static void *uses_late_tls(void *arg)
{
	CHECK_INT(late_word(), 42);
	CHECK_INT(late_word(), 43);
	return arg;
}

static void *waits_then_uses_late_tls(void *arg)
{
	CHECK_INT(sem_wait(&told), 0);
	return uses_late_tls(arg);
}

/* A library loaded after the thread began, and before: both get its storage, the creator's stays apart. */
static void late_tls(void)
{
	CHECK_INT(sem_init(&told, 0, 0), 0);
	pthread_t early = threads_create(NULL, waits_then_uses_late_tls, NULL, TID(500));
	void *module = dlopen(TLS_MODULE, RTLD_NOW | RTLD_LOCAL);

	CHECK(module != NULL);
	void *address = dlsym(module, "next_word");

	CHECK(address != NULL);
	memcpy(&late_word, &address, sizeof address);
	CHECK_INT(late_word(), 42);
	CHECK_INT(sem_post(&told), 0);
	threads_join(early);
	threads_run(uses_late_tls, NULL, 501);
	CHECK_INT(late_word(), 43);
}

static void *fails_a_call(void *arg)
{
	CHECK_INT(errno, 0);
	CHECK_INT(close(-1), -1);
	CHECK_INT(errno, EBADF);
	return arg;
}

static void own_errno(void)
{
	errno = 77;
	threads_run(fails_a_call, NULL, 500);
	CHECK_INT(errno, 77);
}

static void *allocates(void *arg)
{
	char *blocks[200];

	for (size_t i = 0; i < 200; i++) {
		size_t size = i % 5 == 0 ? 300000 : 10 + i * 7;

		blocks[i] = malloc(size);
		CHECK(blocks[i] != NULL);
		memset(blocks[i], (int)i, size);
	}
	for (size_t i = 0; i < 200; i++) {
		blocks[i] = realloc(blocks[i], 500000);
		CHECK(blocks[i] != NULL && blocks[i][9] == (char)i);
		free(blocks[i]);
	}
	return arg;
}

static void memory(void)
{
	threads_run(allocates, NULL, 500);
}

static void *prints(void *arg)
{
	FILE *f = arg;

	for (int i = 0; i < 1000; i++)
		CHECK(fprintf(f, "line %d\n", i) > 0);
	return arg;
}

static void stdio(void)
{
	char line[32];
	FILE *f = tmpfile();
	int lines = 0;

	CHECK(f != NULL);
	threads_run(prints, f, 500);
	rewind(f);
	while (fgets(line, sizeof line, f))
		lines++;
	fclose(f);
	CHECK_INT(lines, 1000);
}

static void *exits(void *arg)
{
	pthread_exit(arg);
}

static void exit_value(void)
{
	int place;

	CHECK(threads_join(threads_create(NULL, exits, &place, TID(500))) == &place);
}

static pthread_key_t key;
static int destroyed;

static void destroy(void *value)
{
	destroyed += *(int *)value;
}

static void *has_specific(void *arg)
{
	CHECK(pthread_getspecific(key) == NULL);
	CHECK_INT(pthread_setspecific(key, arg), 0);
	return arg;
}

static void specific_data(void)
{
	int one = 1;

	CHECK_INT(pthread_key_create(&key, destroy), 0);
	threads_run(has_specific, &one, 500);
	CHECK_INT(destroyed, 1);
}

/* --------------------------------------------------------------------------------------------- program -- */

int main(void)
{
	struct CMUnitTest tests[32] = {
		WORLD_ROW("a thread has the TID asked for", exact),
		WORLD_ROW("a thread has its number at two levels", two_levels),
		WORLD_ROW("without a wish it is pthread_create", no_wish),
		WORLD_ROW("a thread with a chosen TID makes another", from_a_new_thread),
		WORLD_ROW("pthread_self is the handle that the creator got", self),
		WORLD_ROW("thread-local storage has its first values, and is the thread's own", tls),
		WORLD_ROW("a library loaded before or after has its thread-local storage in it", late_tls),
		WORLD_ROW("errno is the thread's own", own_errno),
		WORLD_ROW("malloc works in it", memory),
		WORLD_ROW("stdio works in it", stdio),
		WORLD_ROW("pthread_exit's value is the joiner's", exit_value),
		WORLD_ROW("thread-specific data is destroyed at its end", specific_data),
	};
	size_t len = 12;
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	if (access("/proc/sys/kernel/ns_last_pid", W_OK) == 0) {
		tests[len++] =
			(struct CMUnitTest)WORLD_ROW("a thread has the TID by ns_last_pid", by_last_pid);
	} else {
		puts("# SKIP threads by ns_last_pid: the file cannot be written here");
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("threads", tests, len, NULL, NULL);
}
