/* SPDX-License-Identifier: MIT */
/*
 * threads.h: threads with chosen numbers, for the tests of what libc promises of them.
 */
#ifndef SETTID_TEST_THREADS_H
#define SETTID_TEST_THREADS_H

#include "world.h"

#include <pthread.h>

#define TID_BY(number, by)                   \
	(&(const struct settid_thread_args){ \
		.size = sizeof(struct settid_thread_args), NUMBERS(number), .method = by })
#define TID(number) TID_BY(number, SETTID_METHOD_AUTO)

/* Before the first thread of a process: ThreadSanitizer makes one of its own inside it, which would get the number. */
void threads_warm_up(void);

/* Created, with its number; fails the world with the library's own sentence otherwise. */
pthread_t threads_create(const pthread_attr_t *attr, void *(*start)(void *), void *arg,
			 const struct settid_thread_args *args);
/* What it returned. */
void *threads_join(pthread_t thread);
/* Both; `start` has to return arg. */
void threads_run(void *(*start)(void *), void *arg, pid_t number);

/* As a thread's `start`: its TID is *(pid_t *)arg, which it returns. */
void *threads_has_number(void *arg);

#endif
