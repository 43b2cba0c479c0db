/* SPDX-License-Identifier: MIT */
/* threads.c: see threads.h. */
#include "threads.h"

#include <sys/syscall.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
static void *nothing(void *arg)
{
	return arg;
}

void threads_warm_up(void)
{
	static _Atomic bool warm;
	pthread_t thread;

	if (!warm && pthread_create(&thread, NULL, nothing, NULL) == 0)
		pthread_join(thread, NULL);
	warm = true;
}
#else
void threads_warm_up(void)
{
}
#endif

pthread_t threads_create(const pthread_attr_t *attr, void *(*start)(void *), void *arg,
			 const struct settid_thread_args *args)
{
	struct settid_error err = { .text = "" };
	enum settid_method used = SETTID_METHOD_AUTO;
	pthread_t thread;

	threads_warm_up();
	if (settid_thread_create(&thread, attr, start, arg, args, &used, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "no thread: %s", err.text);
	CHECK(used != SETTID_METHOD_AUTO);
	if (args->method != SETTID_METHOD_AUTO)
		CHECK_INT(used, args->method);
	return thread;
}

void *threads_join(pthread_t thread)
{
	void *result = NULL;

	CHECK_INT(pthread_join(thread, &result), 0);
	return result;
}

void threads_run(void *(*start)(void *), void *arg, pid_t number)
{
	CHECK(threads_join(threads_create(NULL, start, arg, TID(number))) == arg);
}

void *threads_has_number(void *arg)
{
	CHECK_INT(syscall(SYS_gettid), *(const pid_t *)arg);
	return arg;
}
