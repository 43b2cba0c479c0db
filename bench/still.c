/* SPDX-License-Identifier: MIT */
/*
 * still.c: the program in a tree that CRIU is measured with: `still [TID...]` sleeps, with threads of those numbers.
 *
 * Static, without libc and without descriptors: a process could hardly have less that has to be restored.
 */
#include "libsettid/sys_clone.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

enum { THREADS_MOST = 8, STACK = 1024 };

static _Alignas(16) char stacks[THREADS_MOST][STACK];

static int sleep_for_ever(void *arg)
{
	(void)arg;
	while (SYS5(SYS_ppoll, 0, 0, 0, 0, 0) < 0) /* whatever wakes it */
		;
	return 0;
}

static void make_thread(char *stack, int32_t tid)
{
	struct sys_clone_args args = {
		.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = STACK,
		.set_tid = (uint64_t)(uintptr_t)&tid,
		.set_tid_size = 1,
	};

	if (sys_clone_on_stack(&args, sleep_for_ever, 0) < 0)
		SYS1(SYS_exit_group, 1);
}

/* The arguments after the first, where every one of them is a number. */
static void make_threads(void)
{
	static char text[256];
	long fd = SYS4(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY, 0);
	long len = SYS3(SYS_read, fd, text, sizeof text), at = 0;

	while (at < len && text[at])
		at++;
	for (int k = 0; k < THREADS_MOST && at + 1 < len; k++) {
		int32_t tid = 0;

		for (at++; at < len && text[at]; at++)
			tid = tid * 10 + text[at] - '0';
		make_thread(stacks[k], tid);
	}
}

void _start(void);
void _start(void)
{
	SYS2(SYS_prctl, PR_SET_PDEATHSIG,
	     0); /* the root of a restored tree has one, and would die with CRIU */
	make_threads();
	SYS3(SYS_close_range, 0, ~0u, 0);
	sleep_for_ever(0);
}
