/* SPDX-License-Identifier: MIT */
/* thread_hooks.c: see thread_hooks.h. */
#include "thread_hooks.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

_Thread_local void (*hook_afterwards)(void);
static _Thread_local void (*during)(void);

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
	fn = hook_afterwards;
	hook_afterwards = NULL;
	if (fn)
		fn();
	return r;
}

/* One thread with a chosen number, and fn in the middle of its making. */
void hook_create(pid_t number, void (*fn)(void))
{
	const struct settid_thread_args args = {
		.size = sizeof args, .set_tid = &number, .set_tid_len = 1, .method = SETTID_METHOD_CLONE3
	};
	struct settid_error err = { .text = "" };
	pthread_t thread;

	threads_warm_up();
	during = fn;
	if (settid_thread_create(&thread, NULL, threads_has_number, &number, &args, NULL, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "no thread: %s", err.text);
	CHECK(!during); /* it ran */
	CHECK_INT(pthread_join(thread, NULL), 0);
}

void hook_nothing(void)
{
}

struct hook_seen hook_seen;

void hook_note(int sig, siginfo_t *info, void *context)
{
	sigset_t now;

	(void)context;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	hook_seen.itself_blocked = sigismember(&now, sig);
	hook_seen.other_blocked = sigismember(&now, SIGUSR1);
	hook_seen.info = *info;
	hook_seen.tid = syscall(SYS_gettid);
	hook_seen.count++;
}

void hook_install(void (*handler)(int, siginfo_t *, void *), int flags, int also_blocked)
{
	struct sigaction act = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

	sigemptyset(&act.sa_mask);
	if (also_blocked)
		sigaddset(&act.sa_mask, also_blocked);
	CHECK_INT(sigaction(SIGSYS, &act, NULL), 0);
}

void hook_expect_installed(void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act;

	CHECK_INT(sigaction(SIGSYS, NULL, &act), 0);
	CHECK(act.sa_sigaction == handler);
	CHECK_INT(act.sa_flags & ~0x04000000 /* SA_RESTORER */, flags);
}

void hook_send_itself(void)
{
	CHECK_INT(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSYS), 0);
}
