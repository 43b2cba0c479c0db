/* SPDX-License-Identifier: MIT */
/* dump_world.c: see dump_world.h. */
#include "dump_world.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "libsettid/sys.h"
#include "settid.h"

void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

_Noreturn void sleep_for_ever(void)
{
	for (;;)
		pause();
}

struct world world_make(void (*maker)(void))
{
	struct world w = { .pidfd = -1 };
	struct settid_clone_args args = { .flags = CLONE_NEWPID | CLONE_PIDFD,
					  .pidfd = (uintptr_t)&w.pidfd,
					  .exit_signal = SIGCHLD };
	int ready[2];
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	w.init = (pid_t)SYS2(SYS_clone3, &args, sizeof args);
	if (w.init == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		maker();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		sleep_for_ever();
	}
	assert_true(w.init > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return w;
}

int world_tests(const struct CMUnitTest *tests, size_t len)
{
	if (geteuid() != 0) {
		puts("1..0 # SKIP making PID namespaces needs root");
		return 0;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("dumps", tests, len, NULL, NULL);
}

void world_end(struct world *w)
{
	siginfo_t info;

	assert_int_equal(SYS4(SYS_pidfd_send_signal, w->pidfd, SIGKILL, 0, 0), 0);
	assert_int_equal(SYS5(SYS_waitid, P_PIDFD, w->pidfd, &info, WEXITED, 0), 0);
	close(w->pidfd);
}

pid_t child(void (*fn)(void))
{
	int ready[2];
	char c;

	if (pipe2(ready, O_CLOEXEC) < 0)
		_exit(90);
	pid_t pid = fork();
	if (pid == 0) {
		if (fn)
			fn();
		if (write(ready[1], "x", 1) != 1)
			_exit(91);
		sleep_for_ever();
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &c, 1) < 0)
		_exit(92);
	close(ready[0]);
	return pid;
}

void wait_for_zombie(pid_t pid)
{
	siginfo_t info;

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		_exit(93);
}

struct tree *dump_by(pid_t pid, const struct tree_dump_options *o)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;

	if (tree_dump(pid, o, &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

struct tree *dump(pid_t pid)
{
	return dump_by(pid, &(struct tree_dump_options){ .proc_fd = -1 });
}

const struct tree_process *find(const struct tree *t, int32_t number)
{
	int32_t i = tree_find(t, number);

	assert_int_not_equal(i, TREE_NONE);
	return &t->processes[i];
}

/* ------------------------------------------------------------------------------------------ makers -- */

static int survive(void *ready)
{
	struct timespec long_time = { .tv_sec = 1000000 };

	SYS2(SYS_prctl, PR_SET_NAME, "survivor");
	atomic_store((atomic_int *)ready, 1);
	SYS2(SYS_nanosleep, &long_time, 0);
	return 0;
}

/* Its state's letter; /proc is the outer namespace's here, and the pidfd says what number it goes by there. */
static char state_behind(int pidfd)
{
	char path[64], line[256], state = '?';
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "Pid: %d", &pid);
	if (f)
		fclose(f);
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "State: %c", &state);
	if (f)
		fclose(f);
	return state;
}

void lose_the_leader_thread(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	static atomic_int ready;
	pid_t pid = fork(); /* 2 */

	if (pid == 0) {
		int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
		if (clone(survive, stack + sizeof stack, flags, &ready) < 0) /* 3 */
			_exit(1);
		while (!atomic_load(&ready))
			sched_yield();
		SYS1(SYS_exit, 0);
	}
	int pidfd = (int)SYS2(SYS_pidfd_open, pid, 0);
	for (int i = 0; i < 10000 && state_behind(pidfd) != 'Z'; i++)
		pause_ms(1);
	close(pidfd);
}

void make_zombies(void)
{
	for (int code = 0; code < 256; code++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(code);
		wait_for_zombie(pid);
	}
}

static void take_a_bad_name(void)
{
	prctl(PR_SET_NAME, ") Z 1 (\n\\\xff");
}

void make_bad_names(void)
{
	child(take_a_bad_name);
}
