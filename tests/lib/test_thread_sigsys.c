/* SPDX-License-Identifier: MIT */
/*
 * test_thread_sigsys.c: what becomes of a SIGSYS that is somebody else's while settid_thread_create() has its own
 * handler installed: it does what it would have done without.
 *
 * How:     this program has its own pthread_create, which the library calls in libc's stead.  It runs `during` with
 *          syscall user dispatch on, then libc's, and then `afterwards`, dispatch still on.
 */
#include "world.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static _Thread_local void (*during)(void), (*afterwards)(void);

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr, void *(*start)(void *),
		   void *restrict arg)
{
	static int (*libcs)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	void (*fn)(void) = during;
	int r;

	if (!libcs) {
		void *address = dlsym(RTLD_NEXT, "pthread_create");

		memcpy(&libcs, &address, sizeof libcs);
	}
	during = NULL;
	if (fn)
		fn();
	r = libcs(thread, attr, start, arg);
	fn = afterwards;
	afterwards = NULL;
	if (fn)
		fn();
	return r;
}

static void *same(void *arg)
{
	return arg;
}

static void *has_number(void *arg)
{
	CHECK_INT(syscall(SYS_gettid), *(const pid_t *)arg);
	return arg;
}

/* ThreadSanitizer makes a thread of its own inside a process's first pthread_create, which would get the number. */
static void warm_up(void)
{
	static _Atomic bool warm;
	pthread_t thread;

	if (!warm && pthread_create(&thread, NULL, same, NULL) == 0)
		pthread_join(thread, NULL);
	warm = true;
}

/* One thread with a chosen number, and fn in the middle of its making. */
static void create_and(pid_t number, void (*fn)(void))
{
	const struct settid_thread_args args = {
		.size = sizeof args, .set_tid = &number, .set_tid_len = 1, .method = SETTID_METHOD_CLONE3
	};
	struct settid_error err = { .text = "" };
	pthread_t thread;

	warm_up();
	during = fn;
	if (settid_thread_create(&thread, NULL, has_number, &number, &args, NULL, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "no thread: %s", err.text);
	CHECK(!during); /* it ran */
	CHECK_INT(pthread_join(thread, NULL), 0);
}

static void nothing(void)
{
}

/* ------------------------------------------------------------------------------------- a foreign handler -- */

static struct {
	_Atomic int count;
	siginfo_t info;
	_Atomic bool itself_blocked, other_blocked;
	_Atomic long tid;
} seen;

static void note(int sig, siginfo_t *info, void *context)
{
	sigset_t now;

	(void)context;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	seen.itself_blocked = sigismember(&now, sig);
	seen.other_blocked = sigismember(&now, SIGUSR1);
	seen.info = *info;
	seen.tid = syscall(SYS_gettid);
	seen.count++;
}

static void install(void (*handler)(int, siginfo_t *, void *), int flags, int also_blocked)
{
	struct sigaction act = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

	sigemptyset(&act.sa_mask);
	if (also_blocked)
		sigaddset(&act.sa_mask, also_blocked);
	CHECK_INT(sigaction(SIGSYS, &act, NULL), 0);
}

static void expect_installed(void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act;

	CHECK_INT(sigaction(SIGSYS, NULL, &act), 0);
	CHECK(act.sa_sigaction == handler);
	CHECK_INT(act.sa_flags & ~0x04000000 /* SA_RESTORER */, flags);
}

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
	CHECK_INT(seen.count, 1); /* at once */
}

static void reaches_its_handler(void)
{
	install(note, 0, 0);
	create_and(500, queue_123);
	CHECK_INT(seen.count, 1);
	CHECK_INT(seen.info.si_code, SI_QUEUE);
	CHECK_INT(seen.info.si_value.sival_int, 123);
	CHECK_INT(seen.info.si_pid, getpid());
	expect_installed(note, SA_SIGINFO);
	queue_itself(5); /* and is its own again */
	CHECK_INT(seen.count, 2);
}

static int plain_got;

static void plain_handler(int sig)
{
	plain_got = sig;
}

static void send_itself(void)
{
	CHECK_INT(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSYS), 0);
}

static void reaches_a_plain_handler(void)
{
	signal(SIGSYS, plain_handler);
	create_and(500, send_itself);
	CHECK_INT(plain_got, SIGSYS);
}

static void mask_without_nodefer(void)
{
	install(note, 0, 0);
	create_and(500, queue_123);
	CHECK(seen.itself_blocked);
}

static void mask_with_nodefer(void)
{
	install(note, SA_NODEFER, 0);
	create_and(500, queue_123);
	CHECK(!seen.itself_blocked);
	expect_installed(note, SA_SIGINFO | SA_NODEFER);
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
	while (!seen.count)
		usleep(1000);
}

static void in_another_thread_with(int flags, int also_blocked)
{
	pthread_t other;

	CHECK_INT(sem_init(&go, 0, 0), 0);
	CHECK_INT(sem_init(&done, 0, 0), 0);
	install(note, flags, also_blocked);
	CHECK_INT(pthread_create(&other, NULL, other_thread, NULL), 0);
	CHECK_INT(sem_wait(&done), 0);
	create_and(500, hit_the_other);
	CHECK_INT(seen.tid, other_tid);
	CHECK_INT(sem_post(&go), 0);
	CHECK_INT(pthread_join(other, NULL), 0);
}

static void in_another_thread(void)
{
	in_another_thread_with(0, SIGUSR1);
	CHECK(seen.itself_blocked);
	CHECK(seen.other_blocked);
}

static void in_another_thread_with_nodefer(void)
{
	in_another_thread_with(SA_NODEFER, 0);
	CHECK(!seen.itself_blocked);
	CHECK(!seen.other_blocked);
}

static void in_another_thread_on_its_stack(void)
{
	in_another_thread_with(SA_ONSTACK | SA_RESTART, 0);
	expect_installed(note, SA_SIGINFO | SA_ONSTACK | SA_RESTART);
}

/* ----------------------------------------------------------------------------------------- dispositions -- */

static void create_with_default(void)
{
	signal(SIGSYS, SIG_DFL);
	create_and(500, send_itself);
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
	create_and(500, send_itself);
	CHECK_INT(sigaction(SIGSYS, NULL, &act), 0);
	CHECK(act.sa_handler == SIG_IGN);
}

static void reset_hand(void)
{
	struct sigaction act;

	install(note, (int)SA_RESETHAND, 0);
	create_and(500, queue_123);
	CHECK_INT(seen.count, 1);
	CHECK_INT(sigaction(SIGSYS, NULL, &act), 0);
	CHECK(act.sa_handler == SIG_DFL);
}

static void send_twice(void)
{
	queue_123();
	send_itself();
}

static void create_with_reset_hand(void)
{
	install(note, (int)SA_RESETHAND, 0);
	create_and(500, send_twice);
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

	install(note, SA_NODEFER, 0);
	CHECK_INT(settid_thread_create(&thread, NULL, has_number, NULL, &args, NULL, NULL), -EEXIST);
	expect_installed(note, SA_SIGINFO | SA_NODEFER);
	signal(SIGSYS, SIG_DFL);
	CHECK_INT(settid_thread_create(&thread, NULL, has_number, NULL, &args, NULL, NULL), -EEXIST);
	CHECK(signal(SIGSYS, SIG_DFL) == SIG_DFL);
}

/* ---------------------------------------------------------------------------------------------- blocked -- */

static void queue_123_unseen(void)
{
	queue_itself(123);
	CHECK_INT(seen.count, 0);
}

static void blocked_by_the_caller(void)
{
	const struct timespec none = { 0 };
	siginfo_t info;
	sigset_t sys;

	install(note, 0, 0);
	sigemptyset(&sys);
	sigaddset(&sys, SIGSYS);
	CHECK_INT(pthread_sigmask(SIG_BLOCK, &sys, NULL), 0);
	create_and(500, queue_123_unseen);
	CHECK_INT(seen.count, 0);
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
	CHECK_INT(seen.count, 1);
	CHECK_INT(seen.info.si_value.sival_int, 123);
}

static void blocked_by_libc(void)
{
	install(note, 0, 0);
	create_and(500, block_a_moment);
	CHECK_INT(seen.count, 1);
}

static void blocks_usr2(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	CHECK(!sigismember(&uc->uc_sigmask, sig));
	CHECK(!sigismember(&uc->uc_sigmask, SIGUSR2)); /* what the caller had, not what we have */
	sigaddset(&uc->uc_sigmask, SIGUSR2);
	seen.count++;
}

static void handler_changes_the_mask(void)
{
	sigset_t now;

	install(blocks_usr2, 0, 0);
	create_and(500, send_itself);
	CHECK_INT(seen.count, 1);
	CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
	CHECK(sigismember(&now, SIGUSR2));
	CHECK(!sigismember(&now, SIGSYS));
}

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
	seen.count++;
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

	install(answers, 0, 0);
	CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_INT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
	ask();
	create_and(500, ask); /* dispatched, then trapped: both handlers in one call */
	CHECK_INT(seen.count, 2);
}

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
	create_and(501, let_the_other_ask);
	CHECK_INT(pthread_join(other, NULL), 0);
	CHECK_INT(seen.count, 3);
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
	afterwards = make_another_thread;
	create_and(500, nothing);
	CHECK(!afterwards);
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
	create_and(500, start_programs);
	afterwards = start_programs;
	create_and(501, nothing);
	CHECK(!afterwards);
}

/* --------------------------------------------------------------------------------------------- a crowd -- */

static _Atomic int strange;

static void count(int sig, siginfo_t *info, void *context)
{
	(void)context;
	strange += sig != SIGSYS || info->si_code != SI_TKILL || info->si_pid != getpid();
	seen.count++;
}

static void *creates_many(void *arg)
{
	const pid_t base = *(const pid_t *)arg;

	for (pid_t number = base; number < base + 40; number++)
		create_and(number, nothing);
	return arg;
}

static void a_crowd(void)
{
	static const pid_t base[] = { 1000, 2000, 3000 };
	pthread_t threads[3];
	pid_t self = getpid();

	install(count, SA_RESTART, SIGUSR1);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, creates_many, (void *)(uintptr_t)&base[i]), 0);
	for (int i = 0; i < 500; i++) {
		CHECK_INT(syscall(SYS_tgkill, self, self, SIGSYS), 0);
		sched_yield();
	}
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
	CHECK_INT(seen.count,
		  500); /* to this thread, which has no call of ours on it: none is merged or lost */
	CHECK_INT(strange, 0);
	expect_installed(count, SA_SIGINFO | SA_RESTART);
}

/* ... and each of them shoots itself in the middle. */
static void *creates_many_under_fire(void *arg)
{
	const pid_t base = *(const pid_t *)arg;

	for (pid_t number = base; number < base + 40; number++)
		create_and(number, send_itself);
	return arg;
}

static void a_crowd_under_fire(void)
{
	static const pid_t base[] = { 1000, 2000, 3000 };
	pthread_t threads[3];

	install(count, 0, 0);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, creates_many_under_fire,
					 (void *)(uintptr_t)&base[i]),
			  0);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(pthread_join(threads[i], NULL), 0);
	CHECK_INT(seen.count, 120);
	CHECK_INT(strange, 0);
	expect_installed(count, SA_SIGINFO);
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
	struct CMUnitTest tests[32] = {
		ROW("a foreign SIGSYS reaches its handler at once, with its siginfo", reaches_its_handler),
		ROW("a foreign SIGSYS reaches a handler without siginfo", reaches_a_plain_handler),
		ROW("SIGSYS is blocked in a foreign handler", mask_without_nodefer),
		ROW("another thread's SIGSYS meets the handler and its mask", in_another_thread),
		ROW("another thread's handler keeps SA_ONSTACK and SA_RESTART",
		    in_another_thread_on_its_stack),
		ROW("a foreign SIGSYS with the default action ends the process by it", default_action),
		ROW("an ignored SIGSYS stays ignored", ignored),
		ROW("SA_RESETHAND leaves the default action behind", reset_hand),
		ROW("SA_RESETHAND: the second SIGSYS ends the process", reset_hand_twice),
		ROW("a refusal puts the disposition back", refused),
		ROW("a SIGSYS that the caller blocks stays pending, siginfo and all", blocked_by_the_caller),
		ROW("a SIGSYS that libc blocks a moment comes when libc opens it", blocked_by_libc),
		ROW("a foreign handler sees and changes the caller's mask", handler_changes_the_mask),
		ROW("a seccomp trap in the middle is answered by its handler", trap),
		ROW("a seccomp trap in another thread is answered by its handler", trap_in_another_thread),
		ROW("a thread that somebody else makes in the middle is made", another_thread),
		ROW("beside many creations no foreign SIGSYS is lost", a_crowd),
		ROW("in the middle of many creations no foreign SIGSYS is lost", a_crowd_under_fire),
	};
	size_t len = 18;
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
#ifdef __SANITIZE_THREAD__
	puts("# SKIP SA_NODEFER, forks in the middle: ThreadSanitizer has handlers and forks of its own");
#else
	tests[len++] = (struct CMUnitTest)ROW("SIGSYS is open in a foreign handler with SA_NODEFER",
					      mask_with_nodefer);
	tests[len++] = (struct CMUnitTest)ROW("another thread's handler with SA_NODEFER",
					      in_another_thread_with_nodefer);
	tests[len++] = (struct CMUnitTest)ROW("programs that somebody else starts in the middle are started",
					      programs);
#endif
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("foreign SIGSYS", tests, len, NULL, NULL);
}
