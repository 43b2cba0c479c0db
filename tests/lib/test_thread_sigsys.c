/* SPDX-License-Identifier: MIT */
/*
 * test_thread_sigsys.c: what becomes of a SIGSYS that is somebody else's while settid_thread_create() has its own
 * handler installed: it does what it would have done without.
 */
#include "thread_hooks.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------- a foreign handler -- */

static void queue_itself(int value)
{
	siginfo_t info = { .si_signo = SIGSYS, .si_code = SI_QUEUE };

	info.si_value.sival_int = value;
	info.si_pid = getpid();
	CHECK_INT(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGSYS, &info), 0);
}

static void queue_123(void)
{
	queue_itself(123);
	CHECK_INT(hook_seen.count, 1); /* at once */
}

static void reaches_its_handler(void)
{
	hook_install(hook_note, 0, 0);
	hook_create(500, queue_123);
	CHECK_INT(hook_seen.count, 1);
	CHECK_INT(hook_seen.info.si_code, SI_QUEUE);
	CHECK_INT(hook_seen.info.si_value.sival_int, 123);
	CHECK_INT(hook_seen.info.si_pid, getpid());
	hook_expect_installed(hook_note, SA_SIGINFO);
	queue_itself(5); /* and is its own again */
	CHECK_INT(hook_seen.count, 2);
}

static int plain_got;

static void plain_handler(int sig)
{
	plain_got = sig;
}

static void reaches_a_plain_handler(void)
{
	signal(SIGSYS, plain_handler);
	hook_create(500, hook_send_itself);
	CHECK_INT(plain_got, SIGSYS);
}

static void mask_without_nodefer(void)
{
	hook_install(hook_note, 0, 0);
	hook_create(500, queue_123);
	CHECK(hook_seen.itself_blocked);
}

static void mask_with_nodefer(void)
{
	hook_install(hook_note, SA_NODEFER, 0);
	hook_create(500, queue_123);
	CHECK(!hook_seen.itself_blocked);
	hook_expect_installed(hook_note, SA_SIGINFO | SA_NODEFER);
}

/* ------------------------------------------------------------------------------------ in another thread -- */

static sem_t go, done;
static pid_t other_tid;

static void *other_thread(void *arg)
{
	other_tid = (pid_t)syscall(SYS_gettid);
	sem_post(&done);
	while (sem_wait(&go) != 0)
		;
	return arg;
}

static void hit_the_other(void)
{
	CHECK_INT(syscall(SYS_tgkill, getpid(), other_tid, SIGSYS), 0);
	while (!hook_seen.count)
		usleep(1000);
}

static void in_another_thread_with(int flags, int also_blocked)
{
	pthread_t other;

	CHECK_INT(sem_init(&go, 0, 0), 0);
	CHECK_INT(sem_init(&done, 0, 0), 0);
	hook_install(hook_note, flags, also_blocked);
	CHECK_INT(pthread_create(&other, NULL, other_thread, NULL), 0);
	CHECK_INT(sem_wait(&done), 0);
	hook_create(500, hit_the_other);
	CHECK_INT(hook_seen.tid, other_tid);
	CHECK_INT(sem_post(&go), 0);
	CHECK_INT(pthread_join(other, NULL), 0);
}

static void in_another_thread(void)
{
	in_another_thread_with(0, SIGUSR1);
	CHECK(hook_seen.itself_blocked);
	CHECK(hook_seen.other_blocked);
}

static void in_another_thread_with_nodefer(void)
{
	in_another_thread_with(SA_NODEFER, 0);
	CHECK(!hook_seen.itself_blocked);
	CHECK(!hook_seen.other_blocked);
}

static void in_another_thread_on_its_stack(void)
{
	in_another_thread_with(SA_ONSTACK | SA_RESTART, 0);
	hook_expect_installed(hook_note, SA_SIGINFO | SA_ONSTACK | SA_RESTART);
}

/* ----------------------------------------------------------------------------------------- dispositions -- */

static void create_with_default(void)
{
	signal(SIGSYS, SIG_DFL);
	hook_create(500, hook_send_itself);
}

/* Runs fn in a child and returns its wait status: it may die of the signal. */
static int status_of(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	CHECK(pid > 0);
	return world_reap(pid);
}

static void default_action(void)
{
	int status = status_of(create_with_default);

	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGSYS);
}

static void ignored(void)
{
	struct sigaction act;

	signal(SIGSYS, SIG_IGN);
	hook_create(500, hook_send_itself);
	CHECK_INT(sigaction(SIGSYS, NULL, &act), 0);
	CHECK(act.sa_handler == SIG_IGN);
}

static void reset_hand(void)
{
	struct sigaction act;

	hook_install(hook_note, (int)SA_RESETHAND, 0);
	hook_create(500, queue_123);
	CHECK_INT(hook_seen.count, 1);
	CHECK_INT(sigaction(SIGSYS, NULL, &act), 0);
	CHECK(act.sa_handler == SIG_DFL);
}

static void send_twice(void)
{
	queue_123();
	hook_send_itself();
}

static void create_with_reset_hand(void)
{
	hook_install(hook_note, (int)SA_RESETHAND, 0);
	hook_create(500, send_twice);
}

static void reset_hand_twice(void)
{
	int status = status_of(create_with_reset_hand);

	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGSYS);
}

/* What was there comes back after a refusal too. */
static void refused(void)
{
	const pid_t one = 1;
	const struct settid_thread_args args = { .size = sizeof args, .set_tid = &one, .set_tid_len = 1 };
	pthread_t thread;

	hook_install(hook_note, SA_NODEFER, 0);
	CHECK_INT(settid_thread_create(&thread, NULL, threads_has_number, NULL, &args, NULL, NULL), -EEXIST);
	hook_expect_installed(hook_note, SA_SIGINFO | SA_NODEFER);
	signal(SIGSYS, SIG_DFL);
	CHECK_INT(settid_thread_create(&thread, NULL, threads_has_number, NULL, &args, NULL, NULL), -EEXIST);
	CHECK(signal(SIGSYS, SIG_DFL) == SIG_DFL);
}

/* ---------------------------------------------------------------------------------------------- blocked -- */

static void queue_123_unseen(void)
{
	queue_itself(123);
	CHECK_INT(hook_seen.count, 0);
}

static void blocked_by_the_caller(void)
{
	const struct timespec none = { 0 };
	siginfo_t info;
	sigset_t sys;

	hook_install(hook_note, 0, 0);
	sigemptyset(&sys);
	sigaddset(&sys, SIGSYS);
	CHECK_INT(pthread_sigmask(SIG_BLOCK, &sys, NULL), 0);
	hook_create(500, queue_123_unseen);
	CHECK_INT(hook_seen.count, 0);
	CHECK_INT(sigtimedwait(&sys, &info, &none), SIGSYS);
	CHECK_INT(info.si_code, SI_QUEUE);
	CHECK_INT(info.si_value.sival_int, 123);
	CHECK_INT(sigtimedwait(&sys, &info, &none), -1);
}

/* As libc does around a clone: then it comes when libc opens it again, no later. */
static void block_a_moment(void)
{
	sigset_t sys;

	sigemptyset(&sys);
	sigaddset(&sys, SIGSYS);
	CHECK_INT(pthread_sigmask(SIG_BLOCK, &sys, NULL), 0);
	queue_123_unseen();
	CHECK_INT(pthread_sigmask(SIG_UNBLOCK, &sys, NULL), 0);
	CHECK_INT(hook_seen.count, 1);
	CHECK_INT(hook_seen.info.si_value.sival_int, 123);
}

static void blocked_by_libc(void)
{
	hook_install(hook_note, 0, 0);
	hook_create(500, block_a_moment);
	CHECK_INT(hook_seen.count, 1);
}

static void blocks_usr2(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	CHECK(!sigismember(&uc->uc_sigmask, sig));
	CHECK(!sigismember(&uc->uc_sigmask, SIGUSR2)); /* what the caller had, not what we have */
	sigaddset(&uc->uc_sigmask, SIGUSR2);
	hook_seen.count++;
}

static void handler_changes_the_mask(void)
{
	sigset_t now;

	hook_install(blocks_usr2, 0, 0);
	hook_create(500, hook_send_itself);
	CHECK_INT(hook_seen.count, 1);
	CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
	CHECK(sigismember(&now, SIGUSR2));
	CHECK(!sigismember(&now, SIGSYS));
}

/* --------------------------------------------------------------------------------------------- program -- */

int main(void)
{
	struct CMUnitTest tests[24] = {
		WORLD_ROW("a foreign SIGSYS reaches its handler at once, with its siginfo",
			  reaches_its_handler),
		WORLD_ROW("a foreign SIGSYS reaches a handler without siginfo", reaches_a_plain_handler),
		WORLD_ROW("SIGSYS is blocked in a foreign handler", mask_without_nodefer),
		WORLD_ROW("another thread's SIGSYS meets the handler and its mask", in_another_thread),
		WORLD_ROW("another thread's handler keeps SA_ONSTACK and SA_RESTART",
			  in_another_thread_on_its_stack),
		WORLD_ROW("a foreign SIGSYS with the default action ends the process by it", default_action),
		WORLD_ROW("an ignored SIGSYS stays ignored", ignored),
		WORLD_ROW("SA_RESETHAND leaves the default action behind", reset_hand),
		WORLD_ROW("SA_RESETHAND: the second SIGSYS ends the process", reset_hand_twice),
		WORLD_ROW("a refusal puts the disposition back", refused),
		WORLD_ROW("a SIGSYS that the caller blocks stays pending, siginfo and all",
			  blocked_by_the_caller),
		WORLD_ROW("a SIGSYS that libc blocks a moment comes when libc opens it", blocked_by_libc),
		WORLD_ROW("a foreign handler sees and changes the caller's mask", handler_changes_the_mask),
	};
	size_t len = 13;
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
#ifdef __SANITIZE_THREAD__
	puts("# SKIP SA_NODEFER: ThreadSanitizer runs handlers its own way");
#else
	tests[len++] = (struct CMUnitTest)WORLD_ROW("SIGSYS is open in a foreign handler with SA_NODEFER",
						    mask_with_nodefer);
	tests[len++] = (struct CMUnitTest)WORLD_ROW("another thread's handler with SA_NODEFER",
						    in_another_thread_with_nodefer);
#endif
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("foreign SIGSYS", tests, len, NULL, NULL);
}
