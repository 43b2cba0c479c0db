/* SPDX-License-Identifier: MIT */
/*
 * thread_hooks.h: what a test does in the middle of settid_thread_create().
 *
 * Programs that link thread_hooks.c have a pthread_create of their own, which the library calls in libc's stead.  It
 * runs `during` with syscall user dispatch on, then libc's, and then `afterwards`, dispatch still on.  So every moment
 * in a call is a chosen one.
 */
#ifndef SETTID_TEST_THREAD_HOOKS_H
#define SETTID_TEST_THREAD_HOOKS_H

#include "threads.h"

#include <signal.h>

extern _Thread_local void (*hook_afterwards)(void);

/* One thread with a chosen number, and fn in the middle of its making, once. */
void hook_create(pid_t number, void (*fn)(void));
void hook_nothing(void);

/* What hook_note() saw, as a SIGSYS handler; SIGUSR1 is the other. */
extern struct hook_seen {
	_Atomic int count;
	siginfo_t info;
	_Atomic bool itself_blocked, other_blocked;
	_Atomic long tid;
} hook_seen;
void hook_note(int sig, siginfo_t *info, void *context);

/* As the process's SIGSYS handler, with these flags besides SA_SIGINFO; also_blocked: 0, or one more in its mask. */
void hook_install(void (*handler)(int, siginfo_t *, void *), int flags, int also_blocked);
void hook_expect_installed(void (*handler)(int, siginfo_t *, void *), int flags);

/* A SIGSYS for this thread, from tgkill. */
void hook_send_itself(void);

#endif
