/* SPDX-License-Identifier: MIT */
/*
 * musl_thread.c: settid_thread_create() on musl, whose threads are born by plain clone and whose pthread_create says
 * EAGAIN whatever the kernel said.  Built statically with musl-gcc from the library's own sources (there is no cmocka
 * for musl), so it speaks TAP itself.  Each row runs in a process of its own, child of a PID namespace's init, and has
 * numbers of its own: a thread that can be joined, or seen no more, may be a moment away from freeing its number.
 */
#include <settid.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg,
		  pid_t number, enum settid_method method, struct settid_error *err)
{
	const struct settid_thread_args args = {
		.size = sizeof args, .set_tid = &number, .set_tid_len = 1, .method = method
	};

	return settid_thread_create(thread, attr, start, arg, &args, NULL, err);
}

/* What `start` returns for `arg` in a thread with that number; NULL when there was none. */
static void *run(void *(*start)(void *), void *arg, pid_t number)
{
	struct settid_error err = { .text = "" };
	void *result = NULL;
	pthread_t thread;

	if (create(&thread, NULL, start, arg, number, SETTID_METHOD_CLONE3, &err) < 0) {
		printf("# no thread: %s\n", err.text);
		return NULL;
	}
	return pthread_join(thread, &result) == 0 ? result : NULL;
}

/* -------------------------------------------------------------------------------------------- numbers -- */

static void *own_tid(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)syscall(SYS_gettid);
}

static bool exact(void)
{
	return run(own_tid, NULL, 5151) == (void *)5151 && run(own_tid, NULL, 31) == (void *)31;
}

static bool by_last_pid(void)
{
	void *result = NULL;
	pthread_t thread;

	return create(&thread, NULL, own_tid, NULL, 6161, SETTID_METHOD_NS_LAST_PID, NULL) == 0 &&
	       pthread_join(thread, &result) == 0 && result == (void *)6161;
}

static bool taken(void)
{
	struct settid_error err;
	pthread_t thread;

	return create(&thread, NULL, own_tid, NULL, 1, SETTID_METHOD_AUTO, &err) == -EEXIST &&
	       err.code == -EEXIST && err.reason == SETTID_REASON_TAKEN && err.level == 0 &&
	       err.number == 1 && err.holder == SETTID_HOLDER_PROCESS && err.holder_pid == 1 &&
	       strstr(err.text, "set_tid[0] = 1 ");
}

static bool out_of_range(void)
{
	struct settid_error err;
	pthread_t thread;

	return create(&thread, NULL, own_tid, NULL, 0, SETTID_METHOD_AUTO, &err) == -EINVAL &&
	       err.reason == SETTID_REASON_RANGE;
}

/* ----------------------------------------------------------------------------------------------- libc -- */

static void *returns_itself(void *arg)
{
	return *(pthread_t *)arg == pthread_self() ? arg : NULL;
}

static sem_t told;

static void *waits_and_compares(void *arg)
{
	sem_wait(&told);
	return returns_itself(arg);
}

static bool self(void)
{
	pthread_t thread;
	void *result = NULL;

	sem_init(&told, 0, 0);
	if (create(&thread, NULL, waits_and_compares, &thread, 501, SETTID_METHOD_CLONE3, NULL) < 0)
		return false;
	sem_post(&told);
	return pthread_join(thread, &result) == 0 && result == &thread;
}

static _Thread_local int word = 17;
static _Thread_local char block[30000];

static void *uses_tls(void *arg)
{
	bool fresh = word == 17 && block[29999] == 0;

	word = 18;
	memset(block, 'x', sizeof block);
	return fresh ? arg : NULL;
}

static bool tls(void)
{
	word = 99;
	block[29999] = 'y';
	return run(uses_tls, &word, 502) == &word && word == 99 && block[29999] == 'y';
}

static void *fails_a_call(void *arg)
{
	return errno == 0 && close(-1) == -1 && errno == EBADF ? arg : NULL;
}

static bool own_errno(void)
{
	errno = 77;
	return run(fails_a_call, &told, 503) && errno == 77;
}

static void *uses_libc(void *arg)
{
	FILE *f = tmpfile();
	char *text = malloc(300000), line[32] = "";
	bool ok = f && text && fprintf(f, "line %d\n", 7) > 0 && fflush(f) == 0;

	if (ok) {
		memset(text, 'x', 300000);
		rewind(f);
		ok = fgets(line, sizeof line, f) && strcmp(line, "line 7\n") == 0;
	}
	free(text);
	if (f)
		fclose(f);
	return ok ? arg : NULL;
}

static bool libc(void)
{
	return run(uses_libc, &told, 504) == &told;
}

static void *exits(void *arg)
{
	pthread_exit(arg);
}

static bool exit_value(void)
{
	return run(exits, &told, 505) == &told;
}

static int cleaned;

static void clean_up(void *arg)
{
	cleaned = cleaned * 10 + (int)(intptr_t)arg;
}

static void *waits_to_be_cancelled(void *arg)
{
	pthread_cleanup_push(clean_up, (void *)1);
	pthread_cleanup_push(clean_up, (void *)2);
	sem_post(arg);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static bool cancel(void)
{
	pthread_t thread;
	void *result = NULL;

	sem_init(&told, 0, 0);
	if (create(&thread, NULL, waits_to_be_cancelled, &told, 506, SETTID_METHOD_CLONE3, NULL) < 0)
		return false;
	sem_wait(&told);
	return pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 &&
	       result == PTHREAD_CANCELED && cleaned == 21;
}

static void *tells(void *arg)
{
	sem_post(arg);
	return NULL;
}

static bool detached(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	sem_init(&told, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (create(&thread, &attr, tells, &told, 507, SETTID_METHOD_CLONE3, NULL) < 0)
		return false;
	sem_wait(&told);
	while (settid_who(507, NULL) != 0)
		usleep(1000);
	return true;
}

static void *stack_size(void *arg)
{
	pthread_attr_t attr;
	size_t size = 0;
	void *stack;

	(void)arg;
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &stack, &size);
	return (void *)size;
}

static bool attributes(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	void *result = NULL;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 500000);
	return create(&thread, &attr, stack_size, NULL, 508, SETTID_METHOD_CLONE3, NULL) == 0 &&
	       pthread_join(thread, &result) == 0 && (size_t)result >= 500000 && (size_t)result < 600000;
}

/* -------------------------------------------------------------------------------------------- signals -- */

static void *has_mask(void *arg)
{
	uint64_t mask = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, sizeof mask);
	return mask == *(uint64_t *)arg ? arg : NULL;
}

static bool mask(void)
{
	uint64_t usr2 = UINT64_C(1) << (SIGUSR2 - 1), now = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &usr2, NULL, sizeof usr2);
	if (run(has_mask, &usr2, 509) != &usr2)
		return false;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, sizeof now);
	return now == usr2;
}

static void note(int sig)
{
	cleaned = sig;
}

static bool handler_comes_back(void)
{
	struct sigaction act;

	signal(SIGSYS, note);
	if (!run(own_tid, NULL, 510) || sigaction(SIGSYS, NULL, &act) != 0 || act.sa_handler != note)
		return false;
	raise(SIGSYS);
	return cleaned == SIGSYS;
}

static _Atomic bool stop;

static void *changes_ids(void *arg)
{
	while (!stop)
		if (setresuid((uid_t)-1, geteuid(), (uid_t)-1) != 0)
			return NULL;
	return arg;
}

/* musl has every thread answer a signal when ids change, and holds the lock that a thread's creation needs. */
static bool ids_change_meanwhile(void)
{
	pthread_t other;
	void *result = NULL;
	bool ok = true;

	if (pthread_create(&other, NULL, changes_ids, &told) != 0)
		return false;
	for (intptr_t number = 1000; ok && number < 1200; number++)
		ok = run(own_tid, NULL, (pid_t)number) == (void *)number;
	stop = true;
	return pthread_join(other, &result) == 0 && result == &told && ok;
}

static void *creates_many(void *arg)
{
	intptr_t base = (intptr_t)arg;

	for (intptr_t number = base; number < base + 50; number++)
		if (run(own_tid, NULL, (pid_t)number) != (void *)number)
			return NULL;
	return arg;
}

static bool many_at_once(void)
{
	pthread_t threads[3];
	bool ok = true;

	for (intptr_t i = 0; i < 3; i++)
		ok &= pthread_create(&threads[i], NULL, creates_many, (void *)(1000 * (i + 1))) == 0;
	for (intptr_t i = 0; ok && i < 3; i++) {
		void *result = NULL;

		ok = pthread_join(threads[i], &result) == 0 && result == (void *)(1000 * (i + 1));
	}
	return ok;
}

static const struct {
	const char *name;
	bool (*run)(void);
} rows[] = {
	{ "musl: a thread has the TID asked for", exact },
	{ "musl: the same by ns_last_pid", by_last_pid },
	{ "musl: a taken number is EEXIST with its holder, not EAGAIN", taken },
	{ "musl: a number out of range is EINVAL, not EAGAIN", out_of_range },
	{ "musl: pthread_self is the handle that the creator got", self },
	{ "musl: thread-local storage has its first values, and is the thread's own", tls },
	{ "musl: errno is the thread's own", own_errno },
	{ "musl: malloc and stdio work in it", libc },
	{ "musl: pthread_exit's value is the joiner's", exit_value },
	{ "musl: a cancelled thread runs its clean-up handlers", cancel },
	{ "musl: a detached thread leaves its number when it ends", detached },
	{ "musl: the stack size is that of the attributes", attributes },
	{ "musl: the creator's signal mask is the thread's, and stays the creator's", mask },
	{ "musl: a SIGSYS handler is back afterwards", handler_comes_back },
	{ "musl: changing ids in another thread meanwhile does not block", ids_change_meanwhile },
	{ "musl: threads may be made by many threads at once", many_at_once },
};

static int reap(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int as_init(void)
{
	int failed = 0;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) != 0)
		return 99;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		pid_t pid;
		bool ok;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			ok = rows[i].run();
			fflush(stdout);
			_exit(ok ? 0 : 1);
		}
		ok = pid > 0 && reap(pid) == 0;
		printf("%s %zu - %s\n", ok ? "ok" : "not ok", i + 1, rows[i].name);
		failed += !ok;
	}
	fflush(stdout);
	return failed;
}

int main(void)
{
	pid_t init;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) {
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
