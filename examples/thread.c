/* SPDX-License-Identifier: MIT */
/*
 * thread.c: libc's own thread with a TID of one's choice.
 *
 *	cc thread.c $(pkg-config --cflags --libs settid) -pthread && ./a.out 4243
 */
#include <settid.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *work(void *arg)
{
	(void)arg;
	printf("a thread with TID %ld of process %d\n", syscall(SYS_gettid), (int)getpid());
	return NULL;
}

int main(int argc, char **argv)
{
	const pid_t number = argc > 1 ? atoi(argv[1]) : 4243;
	const struct settid_thread_args args = { .size = sizeof args, .set_tid = &number, .set_tid_len = 1 };
	enum settid_method method;
	struct settid_error err;
	pthread_t thread;

	if (settid_thread_create(&thread, NULL, work, NULL, &args, &method, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	pthread_join(thread, NULL);
	printf("made by %s\n", settid_method_name(method));
	return 0;
}
