/* SPDX-License-Identifier: MIT */
/* attempt.c: see attempt.h. */
#include "attempt.h"

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *trees;

const char *const attempt_shapes[] = {
	"signal-lost-by-execve",
	"dead-leaders-on-one-way-up",
	"subreapers",
	"clone-parent-of-inner-leader",
	"nested-init-adopts",
	"leaderless-family",
	"leaders-in-each-others-sessions",
	"parents-stopped-by-zombies",
	"signal-lost-inside",
	"signal-of-a-dead-leader",
	"back-outside",
	"single",
	"groups",
	"sessions",
	"threads",
	"zombies",
	"stopped",
	"entered",
	"nested",
	"notify",
	"chain",
	"core",
	"dead-root",
	"swapped",
	"handed-down",
	"children-elsewhere",
	NULL,
};

size_t attempt_shapes_len(void)
{
	return sizeof attempt_shapes / sizeof *attempt_shapes - 1;
}

void attempt_trees(const char *folder)
{
	trees = folder;
}

void attempt_step_aside(void)
{
	CHECK(world_write("/proc/sys/kernel/ns_last_pid", "20000"));
}

struct tree *attempt_read(const struct attempt *a)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char path[4096];

	snprintf(path, sizeof path, "%s/%s.json", trees, a->tree);
	if (tree_read_file(path, &t, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "%s", err.text);
	return t;
}

struct plan *attempt_plan(const struct attempt *a, struct tree *t)
{
	const struct plan_options po = { .new_namespace = a->into == RESTORE_NEW, .exec = a->exec };
	struct tree_error err = { 0 };
	struct plan *p = NULL;

	if (plan_make(t, &po, &p, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "%s", err.text);
	for (uint32_t k = 0; k < p->substituted_len; k++)
		t->processes[p->substituted[k]].stop_signal = SIGSTOP;
	return p;
}

pid_t attempt_namespace(void)
{
	struct settid_child child;
	pid_t pid = settid_fork(WISH(.flags = CLONE_NEWPID), &child, NULL);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		setsid();
		for (;;) /* reaps what is left to it */
			if (waitpid(-1, NULL, __WALL) < 0)
				nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	CHECK(pid > 0);
	close(child.pidfd);
	return pid;
}

static bool only_child(pid_t parent, pid_t child)
{
	char path[64], text[256] = "", want[16] = "";
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && read(fd, text, sizeof text - 1) >= 0);
	close(fd);
	if (child)
		snprintf(want, sizeof want, "%d ", (int)child);
	return strcmp(text, want) == 0;
}

/* What was left in the namespace would be its init's; the guard, the caller's. */
bool attempt_namespace_is_empty(pid_t init)
{
	for (int k = 0; !only_child(init, 0) || !only_child(getpid(), init); k++) {
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			;
		if (k > ATTEMPT_SECONDS * 500)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	return true;
}

static pid_t other_init;

void attempt_options_done(void)
{
	if (other_init > 0) {
		CHECK_INT(kill(other_init, SIGKILL), 0);
		world_reap(other_init);
	}
	other_init = 0;
}

struct restore_options attempt_options(const struct attempt *a)
{
	return (struct restore_options){
		.into = a->into,
		.into_pid = a->into == RESTORE_PID ? (other_init = attempt_namespace()) : 0,
		.user = a->user,
		.method = a->last_pid ? SETTID_METHOD_NS_LAST_PID : SETTID_METHOD_AUTO,
	};
}

static void ignore(void *arg, int32_t pid, const char *text)
{
	(void)arg, (void)pid, (void)text;
}

static void say(void *arg, int32_t pid, const char *text)
{
	(void)arg;
	printf("# process %d: %s\n", (int)pid, text);
	fflush(stdout);
}

unsigned attempt_differences(const struct tree *t, pid_t root)
{
	const struct tree_compare_options names = { .names = true };
	const struct tree_dump_options o = { .proc_fd = -1 };
	unsigned n = 1;

	for (int k = 0; k < 40 && n; k++) {
		struct tree_error err = { 0 };
		struct tree *got = NULL;

		if (k)
			nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		if (tree_dump(root, &o, &got, &err) < 0)
			continue;
		n = tree_compare(t, got, &names, k == 39 ? say : ignore, NULL);
		tree_free(got);
	}
	return n;
}

/* Without its processes a world's init has no child, whoever's they were. */
static bool any_child(void)
{
	return waitid(P_ALL, 0, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

bool attempt_nothing_left(bool patient)
{
	for (int k = 0; k < ATTEMPT_SECONDS * 500; k++) {
		while (patient && waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			;
		if (!any_child())
			return true;
		if (!patient)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	return false;
}

void attempt_run(void (*fn)(void *arg), void *arg, void (*what)(void *arg, char *buf, size_t size))
{
	struct pollfd end = { .fd = -1, .events = POLLIN };
	char text[200];
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		fn(arg);
		_exit(0);
	}
	CHECK(pid > 0);
	end.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	CHECK(end.fd >= 0);
	if (poll(&end, 1, ATTEMPT_SECONDS * 1000) != 1) {
		what(arg, text, sizeof text);
		world_check_failed(__FILE__, __LINE__, "%s: hangs", text);
	}
	close(end.fd);
	status = world_reap(pid);
	what(arg, text, sizeof text);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		world_check_failed(__FILE__, __LINE__, "%s: ended with wait status 0x%x", text, status);
	if (!attempt_nothing_left(false))
		world_check_failed(__FILE__, __LINE__, "%s: a process is left", text);
}
