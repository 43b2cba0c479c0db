/* SPDX-License-Identifier: MIT */
/*
 * test_thread_middle.c: what others do in the middle of settid_thread_create(): seccomp traps, threads, programs, forks,
 * and crowds of signals.
 */
#include "thread_hooks.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------- seccomp -- */

#define TRAPPED_CALL SYS_getpriority

/* As sandboxes do: the filter traps, the handler answers in the call's stead. */
static void answers(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	CHECK_INT(info->si_code, 1 /* SYS_SECCOMP */);
	CHECK_INT(info->si_syscall, TRAPPED_CALL);
	uc->uc_mcontext.gregs[REG_RAX] = 4711;
	hook_seen.count++;
}

static void ask(void)
{
	long answer = syscall(TRAPPED_CALL, 0, 0);

	CHECK_INT(answer, 4711);
}

static void trap(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TRAPPED_CALL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	hook_install(answers, 0, 0);
	CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_INT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
	ask();
	hook_create(500, ask); /* dispatched, then trapped: both handlers in one call */
	CHECK_INT(hook_seen.count, 2);
}

static sem_t go, done;

static void *asks_when_told(void *arg)
{
	while (sem_wait(&go) != 0)
		;
	ask();
	sem_post(&done);
	return arg;
}

static void let_the_other_ask(void)
{
	sem_post(&go);
	while (sem_wait(&done) != 0)
		;
}

static void trap_in_another_thread(void)
{
	pthread_t other;

	CHECK_INT(sem_init(&go, 0, 0), 0);
	CHECK_INT(sem_init(&done, 0, 0), 0);
	trap();
	CHECK_INT(pthread_create(&other, NULL, asks_when_told, NULL), 0);
	hook_create(501, let_the_other_ask);
	CHECK_INT(pthread_join(other, NULL), 0);
	CHECK_INT(hook_seen.count, 3);
}

/* -------------------------------------------------------------------------------------- other clones -- */

static void *notes_its_turn(void *arg)
{
	(*(int *)arg)++;
	return NULL;
}

/* As an allocator does that has a thread of its own. */
static void make_another_thread(void)
{
	pthread_t thread;
	int turns = 0;

	CHECK_INT(pthread_create(&thread, NULL, notes_its_turn, &turns), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(turns, 1);
}

static void another_thread(void)
{
	hook_afterwards = make_another_thread;
	hook_create(500, hook_nothing);
	CHECK(!hook_afterwards);
}

static char *const true_argv[] = { "true", NULL };

static void start_programs(void)
{
	char *const none[] = { NULL };
	int status = -1;
	pid_t pid;

	CHECK_INT(posix_spawn(&pid, "/bin/true", NULL, NULL, true_argv, none), 0);
	CHECK_INT(world_reap(pid), 0);
	pid = vfork();
	if (pid == 0) {
		execve("/bin/true", true_argv, none);
		_exit(1);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	pid = fork();
	if (pid == 0)
		_exit(7);
	CHECK_INT(WEXITSTATUS(world_reap(pid)), 7);
}

static void programs(void)
{
	hook_create(500, start_programs);
	hook_afterwards = start_programs;
	hook_create(501, hook_nothing);
	CHECK(!hook_afterwards);
}

/* --------------------------------------------------------------------------------------------- a crowd -- */

static _Atomic int strange;

static void count(int sig, siginfo_t *info, void *context)
{
	(void)context;
	strange += sig != SIGSYS || info->si_code != SI_TKILL || info->si_pid != getpid();
	hook_seen.count++;
}

static void *creates_many(void *arg)
{
	const pid_t base = *(const pid_t *)arg;

	for (pid_t number = base; number < base + 40; number++)
		hook_create(number, hook_nothing);
	return arg;
}

static void a_crowd(void)
{
	static const pid_t base[] = { 1000, 2000, 3000 };
	pthread_t threads[3];
	pid_t self = getpid();

	hook_install(count, SA_RESTART, SIGUSR1);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, creates_many, (void *)(uintptr_t)&base[i]), 0);
	for (int i = 0; i < 500; i++) {
		CHECK_INT(syscall(SYS_tgkill, self, self, SIGSYS), 0);
		sched_yield();
	}
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
	CHECK_INT(hook_seen.count,
		  500); /* to this thread, which has no call of ours on it: none is merged or lost */
	CHECK_INT(strange, 0);
	hook_expect_installed(count, SA_SIGINFO | SA_RESTART);
}

/* ... and each of them shoots itself in the middle. */
static void *creates_many_under_fire(void *arg)
{
	const pid_t base = *(const pid_t *)arg;

	for (pid_t number = base; number < base + 40; number++)
		hook_create(number, hook_send_itself);
	return arg;
}

static void a_crowd_under_fire(void)
{
	static const pid_t base[] = { 1000, 2000, 3000 };
	pthread_t threads[3];

	hook_install(count, 0, 0);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, creates_many_under_fire,
					 (void *)(uintptr_t)&base[i]),
			  0);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
	CHECK_INT(hook_seen.count, 120);
	CHECK_INT(strange, 0);
	hook_expect_installed(count, SA_SIGINFO);
}

/* --------------------------------------------------------------------------------------------- program -- */

int main(void)
{
	struct CMUnitTest tests[24] = {
		WORLD_ROW("a seccomp trap in the middle is answered by its handler", trap),
		WORLD_ROW("a seccomp trap in another thread is answered by its handler",
			  trap_in_another_thread),
		WORLD_ROW("a thread that somebody else makes in the middle is made", another_thread),
		WORLD_ROW("beside many creations no foreign SIGSYS is lost", a_crowd),
		WORLD_ROW("in the middle of many creations no foreign SIGSYS is lost", a_crowd_under_fire),
	};
	size_t len = 5;
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
#ifdef __SANITIZE_THREAD__
	puts("# SKIP forks in the middle: ThreadSanitizer takes the missing threads of a fork for leaks");
#else
	tests[len++] = (struct CMUnitTest)WORLD_ROW(
		"programs that somebody else starts in the middle are started", programs);
#endif
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("in the middle", tests, len, NULL, NULL);
}
