/* SPDX-License-Identifier: MIT */
/*
 * thread.c: settid_thread_create() beside pthread_create().
 *
 *	thread ROUNDS
 *
 * One operation is a thread's creation, its start and end, and the join.  The TID is a new one each time; `refused`
 * asks for one that is taken, and makes nothing.
 */
#include <pthread.h>

#include "samples.h"
#include "settid.h"

enum { FIRST = 1000, LAST = 30000 };

static void *nothing(void *arg)
{
	return arg;
}

static void join(pthread_t thread)
{
	int r = pthread_join(thread, NULL);

	if (r)
		die("pthread_join", r);
}

static void by_pthread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	if (r)
		die("pthread_create", r);
	join(thread);
}

static int settid_way(pthread_t *thread, pid_t number, enum settid_method method)
{
	const struct settid_thread_args args = {
		.size = sizeof args,
		.set_tid = &number,
		.set_tid_len = 1,
		.method = method,
	};

	return settid_thread_create(thread, NULL, nothing, NULL, &args, NULL, NULL);
}

static void with_number(enum settid_method method)
{
	static pid_t number = FIRST;
	pthread_t thread;
	int r;

	number = number == LAST ? FIRST : number + 1;
	r = settid_way(&thread, number, method);
	if (r < 0)
		die("settid_thread_create", -r);
	join(thread);
}

static void by_dispatch(void)
{
	with_number(SETTID_METHOD_CLONE3);
}

static void by_last_pid(void)
{
	with_number(SETTID_METHOD_NS_LAST_PID);
}

static void refused(void)
{
	pthread_t thread;

	if (settid_way(&thread, 1, SETTID_METHOD_CLONE3) != -EEXIST)
		die("1 is not taken", EINVAL);
}

int main(int argc, char **argv)
{
	static const struct way ways[] = {
		{ "pthread_create", by_pthread, 1 },
		{ "settid_thread_create", by_dispatch, 1 },
		{ "ns_last_pid", by_last_pid, 1 },
		{ "refused", refused, 1 },
	};

	if (argc < 2)
		die("usage: thread ROUNDS", EINVAL);
	enter_own_namespace();
	measure(ways, sizeof ways / sizeof *ways, number_argument(argc, argv, 1, 0));
	return 0;
}
