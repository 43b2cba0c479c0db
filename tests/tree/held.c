/* SPDX-License-Identifier: MIT */
/*
 * held.c: see held.h.
 */
#include "held.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct held_page *held_page;
int held_proc;

void held_pause(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

long held_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Forks a child that runs fn and then leaves; returns once it has set held_page->ready or is in fn's call. */
pid_t held_start(void (*fn)(int), int arg)
{
	pid_t self = getpid();

	memset((void *)held_page, 0, sizeof *held_page);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self)
			_exit(0);
		fn(arg);
		_exit(0);
	}
	assert_true(pid > 0);
	for (int i = 0; i < 5000 && !held_page->ready; i++)
		held_pause(1);
	assert_true(held_page->ready);
	held_pause(20); /* from ready to the call itself */
	return pid;
}

void held_end(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

char held_state(pid_t pid)
{
	char path[64], text[512] = "";

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	close(fd);
	char *paren = n > 0 ? strrchr(text, ')') : NULL;
	return paren ? paren[2] : '?';
}

void held_wait_state(pid_t pid, char state)
{
	for (int i = 0; i < 5000 && held_state(pid) != state; i++)
		held_pause(1);
	assert_int_equal(held_state(pid), state);
}

/* Waits for a normal end with code 0. */
void held_expect_end(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

void held_hold(struct freezer *f, pid_t tid)
{
	assert_int_equal(freezer_start(f, held_proc, NULL), 0);
	assert_int_equal(freezer_hold(f, tid), 1);
}

void held_run_ticks(int arg)
{
	(void)arg;
	for (held_page->ready = 1;; held_page->ticks++)
		sched_yield();
}

bool held_rests(void)
{
	uint64_t before = held_page->ticks;

	held_pause(60);
	return held_page->ticks == before;
}

/* On a busy machine it may be long before it is its turn. */
bool held_goes_on(void)
{
	uint64_t before = held_page->ticks;

	for (int i = 0; i < 5000 && held_page->ticks == before; i++)
		held_pause(1);
	return held_page->ticks != before;
}

bool held_set_up(void)
{
	if (geteuid() != 0) {
		puts("1..0 # SKIP seizing processes needs root, or a system that lets a helper trace its "
		     "siblings");
		return false;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	held_proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	held_page = mmap(NULL, sizeof *held_page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(held_proc >= 0 && held_page != MAP_FAILED);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return true;
}
