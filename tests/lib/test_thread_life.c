/* SPDX-License-Identifier: MIT */
/*
 * test_thread_life.c: how a thread with a chosen TID is born and ends: attributes, signal masks, cancellation, detached
 * ones, many at once, and beside changes that concern all threads.
 */
#include "threads.h"

#include <errno.h>
#include <fenv.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static sem_t asked;

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
	pthread_t thread = threads_create(NULL, waits_to_be_cancelled, &asked, TID(500));

	CHECK_INT(sem_wait(&asked), 0);
	CHECK_INT(pthread_cancel(thread), 0);
	CHECK(threads_join(thread) == PTHREAD_CANCELED);
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
	pthread_t thread = threads_create(NULL, spins, &asked, TID(500));

	CHECK_INT(sem_wait(&asked), 0);
	CHECK_INT(pthread_cancel(thread), 0);
	CHECK(threads_join(thread) == PTHREAD_CANCELED);
}

/* The creator is under a cancellation itself; creating is no cancellation point. */
static void *creates_when_cancelled(void *arg)
{
	static pid_t number = 501; /* which may outlive this thread's stack */

	CHECK_INT(pthread_cancel(pthread_self()), 0);
	threads_run(threads_has_number, &number, number); /* its join is one */
	return arg;
}

static void cancelled_creator(void)
{
	pthread_t thread = threads_create(NULL, creates_when_cancelled, NULL, TID(500));

	CHECK(threads_join(thread) == PTHREAD_CANCELED);
}

/* ------------------------------------------------------------------------------------------ attributes -- */

static void *tells_when_done(void *arg)
{
	CHECK_INT(syscall(SYS_gettid), 500);
	sem_post(arg);
	return NULL;
}

static void detached_by(enum settid_method method)
{
	pthread_attr_t attr;

	CHECK_INT(sem_init(&asked, 0, 0), 0);
	CHECK_INT(pthread_attr_init(&attr), 0);
	CHECK_INT(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
	threads_create(&attr, tells_when_done, &asked, TID_BY(500, method));
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
	CHECK(threads_join(threads_create(&attr, has_stack, want, TID(500))) == want);
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
	CHECK(threads_join(threads_create(&attr, is_on_it, stack, TID(500))) == stack);
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
	CHECK(threads_join(threads_create(&attr, has_schedule, &cpu, TID(500))) == &cpu);
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

	threads_run(has_mask, &mask, 500);
	world_census_check(before, "after a thread");
	mask = 0;
	CHECK_INT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask), 0);
	threads_run(has_mask, &mask, 501);
	mask = UINT64_C(1) << (SIGSYS - 1);
	CHECK_INT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask), 0);
	threads_run(has_mask, &mask, 502);
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
	CHECK(threads_join(threads_create(&attr, has_mask, &mask, TID(500))) == &mask);
}

static void *rounds_down(void *arg)
{
	CHECK_INT(fegetround(), FE_DOWNWARD);
	return arg;
}

static void floating_point(void)
{
	CHECK_INT(fesetround(FE_DOWNWARD), 0);
	threads_run(rounds_down, NULL, 500);
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
		threads_run(threads_has_number, &number, number);
	stop = true;
	threads_join(other);
}

static void *creates_many(void *arg)
{
	const pid_t base = *(pid_t *)arg;

	for (pid_t number = base; number < base + 50; number++)
		threads_run(threads_has_number, &number, number);
	return arg;
}

static void many_at_once(void)
{
	pid_t base[] = { 1000, 2000, 3000, 4000 };
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, creates_many, &base[i]), 0);
	for (size_t i = 0; i < 4; i++)
		CHECK(threads_join(threads[i]) == &base[i]);
}

/* --------------------------------------------------------------------------------------------- program -- */

int main(void)
{
	struct CMUnitTest tests[32] = {
		WORLD_ROW("a cancelled thread runs its clean-up handlers", cancel),
		WORLD_ROW("a detached thread leaves its number when it ends", detached),
		WORLD_ROW("scheduling and affinity are those of the attributes", scheduling),
		WORLD_ROW("the creator's signal mask is the thread's, and stays the creator's",
			  inherited_mask),
		WORLD_ROW("a signal mask in the attributes is the thread's", mask_attribute),
		WORLD_ROW("the creator's rounding mode is the thread's", floating_point),
		WORLD_ROW("changing ids in another thread meanwhile does not block", ids_change_meanwhile),
		WORLD_ROW("threads may be made by many threads at once", many_at_once),
	};
	size_t len = 8;
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	if (access("/proc/sys/kernel/ns_last_pid", W_OK) == 0) {
		tests[len++] =
			(struct CMUnitTest)WORLD_ROW("a detached one by ns_last_pid", detached_by_last_pid);
	} else {
		puts("# SKIP threads by ns_last_pid: the file cannot be written here");
	}
#ifdef __SANITIZE_THREAD__
	puts("# SKIP stack attributes, refused attributes: ThreadSanitizer arranges those itself");
#else
	tests[len++] = (struct CMUnitTest)WORLD_ROW("attributes that libc refuses are told as libc's refusal",
						    impossible_affinity);
	tests[len++] = (struct CMUnitTest)WORLD_ROW("stack and guard sizes are those of the attributes",
						    stack_and_guard);
	tests[len++] =
		(struct CMUnitTest)WORLD_ROW("a stack that the caller gives is the thread's", given_stack);
#endif
#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
	puts("# SKIP asynchronous cancellation, a cancelled creator: sanitizers take the frames left for "
	     "overflows");
#else
	tests[len++] = (struct CMUnitTest)WORLD_ROW(
		"a creator under cancellation creates, and is cancelled after", cancelled_creator);
	tests[len++] = (struct CMUnitTest)WORLD_ROW("a thread is cancelled asynchronously", async_cancel);
#endif
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("lives of threads", tests, len, NULL, NULL);
}
