/* SPDX-License-Identifier: MIT */
/*
 * test_thread.c: settid_thread_create() makes libc's own thread: all that pthread_create(3) promises holds in it, and
 * its TID is the one asked for.
 */
#include "world.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TID_BY(number, by)                   \
	(&(const struct settid_thread_args){ \
		.size = sizeof(struct settid_thread_args), NUMBERS(number), .method = by })
#define TID(number) TID_BY(number, SETTID_METHOD_AUTO)

#ifdef __SANITIZE_THREAD__
static void *nothing(void *arg)
{
	return arg;
}

/* ThreadSanitizer makes a thread of its own inside a process's first pthread_create, which would get the number. */
static void warm_up(void)
{
	static _Atomic bool warm;
	pthread_t thread;

	if (!warm && pthread_create(&thread, NULL, nothing, NULL) == 0)
		pthread_join(thread, NULL);
	warm = true;
}
#else
static void warm_up(void)
{
}
#endif

/* Created, with its number; fails the world with the library's own sentence otherwise. */
static pthread_t create_with(const pthread_attr_t *attr, void *(*start)(void *), void *arg,
			     const struct settid_thread_args *args)
{
	struct settid_error err = { .text = "" };
	enum settid_method used = SETTID_METHOD_AUTO;
	pthread_t thread;

	warm_up();
	if (settid_thread_create(&thread, attr, start, arg, args, &used, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "no thread: %s", err.text);
	CHECK(used != SETTID_METHOD_AUTO);
	if (args->method != SETTID_METHOD_AUTO)
		CHECK_INT(used, args->method);
	return thread;
}

static void *join(pthread_t thread)
{
	void *result = NULL;

	CHECK_INT(pthread_join(thread, &result), 0);
	return result;
}

static void run_thread(void *(*start)(void *), void *arg, pid_t number)
{
	CHECK(join(create_with(NULL, start, arg, TID(number))) == arg);
}

static pid_t own_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* --------------------------------------------------------------------------------------------- numbers -- */

static void *has_number(void *arg)
{
	CHECK_INT(own_tid(), *(pid_t *)arg);
	return arg;
}

static void exact(void)
{
	pid_t numbers[] = { 5151, 31, 299, 32767, 4000000 };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		run_thread(has_number, &numbers[i], numbers[i]);
	CHECK(join(create_with(NULL, has_number, &numbers[0], TID_BY(5151, SETTID_METHOD_CLONE3))) ==
	      &numbers[0]);
}

static void by_last_pid(void)
{
	pid_t number = 6161;

	CHECK(join(create_with(NULL, has_number, &number, TID_BY(6161, SETTID_METHOD_NS_LAST_PID))) ==
	      &number);
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
		CHECK(join(create_with(NULL, both_numbers, NULL, &args)) == NULL);
		_exit(0);
	}
	CHECK(pid > 0);
	CHECK_INT(world_reap(pid), 0);
}

static void *is_some_thread(void *arg)
{
	CHECK(own_tid() != getpid());
	return arg;
}

static void no_wish(void)
{
	const struct settid_thread_args none = { .size = sizeof none };
	enum settid_method used = SETTID_METHOD_NS_LAST_PID;
	pthread_t thread;

	CHECK_INT(settid_thread_create(&thread, NULL, is_some_thread, &thread, NULL, &used, NULL), 0);
	CHECK(join(thread) == &thread);
	CHECK_INT(used, SETTID_METHOD_CLONE3);
	CHECK(join(create_with(NULL, is_some_thread, &thread, &none)) == &thread);
}

static void *makes_another(void *arg)
{
	pid_t number = 701;

	run_thread(has_number, &number, number);
	return arg;
}

static void from_a_new_thread(void)
{
	run_thread(makes_another, NULL, 700);
}

/* ------------------------------------------------------------------------------------------------ libc -- */

static pthread_t told_to_creator;
static sem_t told, asked;

static void *compares_itself(void *arg)
{
	CHECK_INT(sem_wait(&told), 0);
	CHECK(pthread_equal(pthread_self(), told_to_creator));
	return arg;
}

static void self(void)
{
	CHECK_INT(sem_init(&told, 0, 0), 0);
	told_to_creator = create_with(NULL, compares_itself, NULL, TID(500));
	CHECK(!pthread_equal(told_to_creator, pthread_self()));
	CHECK_INT(sem_post(&told), 0);
	join(told_to_creator);
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
	run_thread(uses_tls, NULL, 500);
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
	pthread_t early = create_with(NULL, waits_then_uses_late_tls, NULL, TID(500));
	void *module = dlopen(TLS_MODULE, RTLD_NOW | RTLD_LOCAL);

	CHECK(module != NULL);
	void *address = dlsym(module, "next_word");

	CHECK(address != NULL);
	memcpy(&late_word, &address, sizeof address);
	CHECK_INT(late_word(), 42);
	CHECK_INT(sem_post(&told), 0);
	join(early);
	run_thread(uses_late_tls, NULL, 501);
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
	run_thread(fails_a_call, NULL, 500);
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
	run_thread(allocates, NULL, 500);
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
	run_thread(prints, f, 500);
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

	CHECK(join(create_with(NULL, exits, &place, TID(500))) == &place);
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
	run_thread(has_specific, &one, 500);
	CHECK_INT(destroyed, 1);
}

/* ---------------------------------------------------------------------------------------- cancellation -- */

static int cleaned;

static void clean_up(void *arg)
{
	cleaned = cleaned * 10 + *(int *)arg;
}

/* What unwinding leaves of an instrumented frame is an overflow to AddressSanitizer. */
__attribute__((no_sanitize("address"))) static void *waits_to_be_cancelled(void *arg)
{
	int one = 1, two = 2;

	pthread_cleanup_push(clean_up, &one);
	pthread_cleanup_push(clean_up, &two);
	sem_post(arg);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancel(void)
{
	CHECK_INT(sem_init(&asked, 0, 0), 0);
	pthread_t thread = create_with(NULL, waits_to_be_cancelled, &asked, TID(500));

	CHECK_INT(sem_wait(&asked), 0);
	CHECK_INT(pthread_cancel(thread), 0);
	CHECK(join(thread) == PTHREAD_CANCELED);
	CHECK_INT(cleaned, 21); /* last pushed, first run */
}

static void *spins(void *arg)
{
	CHECK_INT(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
	sem_post(arg);
	for (volatile int forever = 1; forever;)
		;
	return NULL;
}

static void async_cancel(void)
{
	CHECK_INT(sem_init(&asked, 0, 0), 0);
	pthread_t thread = create_with(NULL, spins, &asked, TID(500));

	CHECK_INT(sem_wait(&asked), 0);
	CHECK_INT(pthread_cancel(thread), 0);
	CHECK(join(thread) == PTHREAD_CANCELED);
}

/* The creator is under a cancellation itself; creating is no cancellation point. */
static void *creates_when_cancelled(void *arg)
{
	static pid_t number = 501; /* which may outlive this thread's stack */

	CHECK_INT(pthread_cancel(pthread_self()), 0);
	run_thread(has_number, &number, number); /* its join is one */
	return arg;
}

static void cancelled_creator(void)
{
	pthread_t thread = create_with(NULL, creates_when_cancelled, NULL, TID(500));

	CHECK(join(thread) == PTHREAD_CANCELED);
}

/* ------------------------------------------------------------------------------------------ attributes -- */

static void *tells_when_done(void *arg)
{
	CHECK_INT(own_tid(), 500);
	sem_post(arg);
	return NULL;
}

static void detached_by(enum settid_method method)
{
	pthread_attr_t attr;

	CHECK_INT(sem_init(&asked, 0, 0), 0);
	CHECK_INT(pthread_attr_init(&attr), 0);
	CHECK_INT(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
	create_with(&attr, tells_when_done, &asked, TID_BY(500, method));
	CHECK_INT(sem_wait(&asked), 0);
	while (settid_who(500, NULL) != 0)
		usleep(1000);
}

static void detached(void)
{
	detached_by(SETTID_METHOD_CLONE3);
}

static void detached_by_last_pid(void)
{
	detached_by(SETTID_METHOD_NS_LAST_PID);
}

static void *has_stack(void *arg)
{
	const size_t *want = arg;
	pthread_attr_t attr;
	size_t size, guard;
	void *stack;

	CHECK_INT(pthread_getattr_np(pthread_self(), &attr), 0);
	CHECK_INT(pthread_attr_getstack(&attr, &stack, &size), 0);
	CHECK_INT(pthread_attr_getguardsize(&attr, &guard), 0);
	CHECK_INT(size, want[0]);
	CHECK_INT(guard, want[1]);
	CHECK((char *)&attr > (char *)stack && (char *)&attr < (char *)stack + size);
	pthread_attr_destroy(&attr);
	return arg;
}

static void stack_and_guard(void)
{
	size_t want[] = { 300 * 1024, 16384 };
	pthread_attr_t attr;

	CHECK_INT(pthread_attr_init(&attr), 0);
	CHECK_INT(pthread_attr_setstacksize(&attr, want[0]), 0);
	CHECK_INT(pthread_attr_setguardsize(&attr, want[1]), 0);
	CHECK(join(create_with(&attr, has_stack, want, TID(500))) == want);
}

static void *is_on_it(void *arg)
{
	char here;

	CHECK(&here > (char *)arg && &here < (char *)arg + 262144);
	return arg;
}

static void given_stack(void)
{
	char *stack = mmap(NULL, 262144, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;

	CHECK(stack != MAP_FAILED);
	CHECK_INT(pthread_attr_init(&attr), 0);
	CHECK_INT(pthread_attr_setstack(&attr, stack, 262144), 0);
	CHECK(join(create_with(&attr, is_on_it, stack, TID(500))) == stack);
}

static void *has_schedule(void *arg)
{
	struct sched_param param;
	cpu_set_t cpus;
	int policy;

	CHECK_INT(pthread_getschedparam(pthread_self(), &policy, &param), 0);
	CHECK_INT(policy, SCHED_OTHER);
	CHECK_INT(sched_getaffinity(0, sizeof cpus, &cpus), 0);
	CHECK_INT(CPU_COUNT(&cpus), 1);
	CHECK(CPU_ISSET(*(size_t *)arg, &cpus));
	return arg;
}

/* libc sets both from outside, while the new thread waits: it finds the thread by the number it was told. */
static void scheduling(void)
{
	struct sched_param param = { 0 };
	pthread_attr_t attr;
	cpu_set_t cpus;
	size_t cpu = (size_t)sched_getcpu();

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	CHECK_INT(pthread_attr_init(&attr), 0);
	CHECK_INT(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED), 0);
	CHECK_INT(pthread_attr_setschedpolicy(&attr, SCHED_OTHER), 0);
	CHECK_INT(pthread_attr_setschedparam(&attr, &param), 0);
	CHECK_INT(pthread_attr_setaffinity_np(&attr, sizeof cpus, &cpus), 0);
	CHECK(join(create_with(&attr, has_schedule, &cpu, TID(500))) == &cpu);
}

static void *never(void *arg)
{
	world_check_failed(__FILE__, __LINE__, "a thread ran that was refused");
	return arg;
}

/* libc makes the thread, fails to arrange it, and ends it again: its error, not a number's. */
static void impossible_affinity(void)
{
	struct settid_error err;
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t none;

	CPU_ZERO(&none);
	CHECK_INT(pthread_attr_init(&attr), 0);
	CHECK_INT(pthread_attr_setaffinity_np(&attr, sizeof none, &none), 0);
	CHECK_INT(settid_thread_create(&thread, &attr, never, NULL, TID(500), NULL, &err), -EINVAL);
	CHECK_INT(err.reason, SETTID_REASON_SYSTEM);
	CHECK(strstr(err.text, "pthread_create") != NULL);
	while (settid_who(500, NULL) != 0)
		usleep(1000);
}

/* --------------------------------------------------------------------------------------------- signals -- */

static void *has_mask(void *arg)
{
	uint64_t mask = 0;

	CHECK_INT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, sizeof mask), 0);
	CHECK(mask == *(uint64_t *)arg);
	return arg;
}

static void inherited_mask(void)
{
	uint64_t mask = UINT64_C(1) << (SIGUSR2 - 1);

	CHECK_INT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask), 0);
	struct world_census before = world_census();

	run_thread(has_mask, &mask, 500);
	world_census_check(before, "after a thread");
	mask = 0;
	CHECK_INT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask), 0);
	run_thread(has_mask, &mask, 501);
	mask = UINT64_C(1) << (SIGSYS - 1);
	CHECK_INT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask), 0);
	run_thread(has_mask, &mask, 502);
}

static void mask_attribute(void)
{
	uint64_t mask = UINT64_C(1) << (SIGUSR2 - 1);
	pthread_attr_t attr;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_INT(pthread_attr_init(&attr), 0);
	CHECK_INT(pthread_attr_setsigmask_np(&attr, &set), 0);
	CHECK(join(create_with(&attr, has_mask, &mask, TID(500))) == &mask);
}

static void *rounds_down(void *arg)
{
	CHECK_INT(fegetround(), FE_DOWNWARD);
	return arg;
}

static void floating_point(void)
{
	CHECK_INT(fesetround(FE_DOWNWARD), 0);
	run_thread(rounds_down, NULL, 500);
	CHECK_INT(fegetround(), FE_DOWNWARD);
}

/* ------------------------------------------------------------------------------- setuid, in all threads -- */

static _Atomic bool stop;

static void *changes_ids(void *arg)
{
	while (!stop)
		CHECK_INT(setresuid((uid_t)-1, geteuid(), (uid_t)-1), 0);
	return arg;
}

/*
 * libc has every thread answer a signal when ids change, and waits for it with the lock that a thread's creation
 * needs: whoever blocks that signal meanwhile waits for ever.
 */
static void ids_change_meanwhile(void)
{
	pthread_t other;
	pid_t number;

	CHECK_INT(pthread_create(&other, NULL, changes_ids, NULL), 0);
	for (number = 1000; number < 1300; number++)
		run_thread(has_number, &number, number);
	stop = true;
	join(other);
}

static void *creates_many(void *arg)
{
	const pid_t base = *(pid_t *)arg;

	for (pid_t number = base; number < base + 50; number++)
		run_thread(has_number, &number, number);
	return arg;
}

static void many_at_once(void)
{
	pid_t base[] = { 1000, 2000, 3000, 4000 };
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, creates_many, &base[i]), 0);
	for (size_t i = 0; i < 4; i++)
		CHECK(join(threads[i]) == &base[i]);
}

/* --------------------------------------------------------------------------------------------- program -- */

static void in_world(void **state)
{
	void (*fn)(void);

	memcpy(&fn, state, sizeof fn);
	world_run(WORLD_PROC, fn);
}

#define ROW(sentence, fn)                                               \
	{                                                               \
		sentence, in_world, NULL, NULL, (void *)(uintptr_t)(fn) \
	}

int main(void)
{
	struct CMUnitTest tests[48] = {
		ROW("a thread has the TID asked for", exact),
		ROW("a thread has its number at two levels", two_levels),
		ROW("without a wish it is pthread_create", no_wish),
		ROW("a thread with a chosen TID makes another", from_a_new_thread),
		ROW("pthread_self is the handle that the creator got", self),
		ROW("thread-local storage has its first values, and is the thread's own", tls),
		ROW("a library loaded before or after has its thread-local storage in it", late_tls),
		ROW("errno is the thread's own", own_errno),
		ROW("malloc works in it", memory),
		ROW("stdio works in it", stdio),
		ROW("pthread_exit's value is the joiner's", exit_value),
		ROW("thread-specific data is destroyed at its end", specific_data),
		ROW("a cancelled thread runs its clean-up handlers", cancel),
		ROW("a detached thread leaves its number when it ends", detached),
		ROW("scheduling and affinity are those of the attributes", scheduling),
		ROW("the creator's signal mask is the thread's, and stays the creator's", inherited_mask),
		ROW("a signal mask in the attributes is the thread's", mask_attribute),
		ROW("the creator's rounding mode is the thread's", floating_point),
		ROW("changing ids in another thread meanwhile does not block", ids_change_meanwhile),
		ROW("threads may be made by many threads at once", many_at_once),
	};
	size_t len = 20;
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	if (access("/proc/sys/kernel/ns_last_pid", W_OK) == 0) {
		tests[len++] = (struct CMUnitTest)ROW("a thread has the TID by ns_last_pid", by_last_pid);
		tests[len++] = (struct CMUnitTest)ROW("a detached one by ns_last_pid", detached_by_last_pid);
	} else {
		puts("# SKIP threads by ns_last_pid: the file cannot be written here");
	}
#ifdef __SANITIZE_THREAD__
	puts("# SKIP stack attributes, refused attributes: ThreadSanitizer arranges "
	     "those "
	     "itself");
#else
	tests[len++] = (struct CMUnitTest)ROW("attributes that libc refuses are told as libc's refusal",
					      impossible_affinity);
	tests[len++] =
		(struct CMUnitTest)ROW("stack and guard sizes are those of the attributes", stack_and_guard);
	tests[len++] = (struct CMUnitTest)ROW("a stack that the caller gives is the thread's", given_stack);
#endif
#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
	puts("# SKIP asynchronous cancellation, a cancelled creator: sanitizers take the frames left for "
	     "overflows");
#else
	tests[len++] = (struct CMUnitTest)ROW("a creator under cancellation creates, and is cancelled after",
					      cancelled_creator);
	tests[len++] = (struct CMUnitTest)ROW("a thread is cancelled asynchronously", async_cancel);
#endif
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("threads", tests, len, NULL, NULL);
}
