/* SPDX-License-Identifier: MIT */
/*
 * test_restore_killed_together.c: restorer and guard are killed at the same moment, at each system call of a restore in
 * turn, whichever process makes it: the call is held, the others go on as far as they can, the two are killed, and the
 * call is made.  What was there dies by itself: nobody is left who could end it.
 *
 * SETTID_FAULTS=all goes through all trees in all places.
 */
#include "world.h"

#include "attempt.h"
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct attempt *current;

static void send_kill(int pidfd)
{
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

static int open_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	CHECK(fd >= 0);
	return fd;
}

/* The restorer's only child; -1 = none yet. */
static int guard_pidfd(pid_t restorer)
{
	char path[64], text[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)restorer, (int)restorer);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? open_pidfd((pid_t)strtol(text, NULL, 10)) : -1;
}

/* Stays until it is killed: what was built stands as long. */
static _Noreturn void restore(const struct tree *t, const struct plan *p, const struct restore_options *o)
{
	struct tree_error err = { 0 };
	struct restore *r = NULL;
	int rc = restore_begin(t, p, o, &r, &err);

	if (rc == 0)
		rc = restore_wait_stands(r, -1, 0, NULL, NULL, &err);
	if (rc < 0 && fault_syscall() < 0) /* else it may see the guard's end before its own */
		world_check_failed(__FILE__, __LINE__, "%s: %s", current->tree, err.text);
	if (rc == 0)
		fault_say_none();
	for (;;)
		pause();
}

static void kill_both(pid_t restorer)
{
	int pidfd = open_pidfd(restorer), guard = guard_pidfd(restorer);

	if (guard >= 0)
		send_kill(guard);
	send_kill(pidfd);
	world_reap(restorer);
	if (guard >= 0)
		close(guard);
	close(pidfd);
}

/* Was there such a call? */
static bool killed_at(unsigned nth, const struct tree *t, const struct plan *p)
{
	struct restore_options o = attempt_options(current);
	bool held, empty;
	pid_t restorer;

	fault_hold(nth);
	restorer = fork();
	if (restorer == 0)
		restore(t, p, &o);
	CHECK(restorer > 0);
	held = fault_wait_held();
	kill_both(restorer);
	fault_release();
	empty = o.into_pid ? attempt_namespace_is_empty(o.into_pid) : attempt_nothing_left(true);
	if (!empty)
		world_check_failed(__FILE__, __LINE__,
				   "%s: killed at call %u, system call %ld: a process is left", current->tree,
				   nth, fault_syscall());
	attempt_options_done();
	return held;
}

static void killed_at_each_call(void)
{
	struct tree *t;
	struct plan *p;
	unsigned nth = 1;

	attempt_step_aside();
	fault_arm(0, 0);
	t = attempt_read(current);
	p = attempt_plan(current, t);
	while (killed_at(nth, t, p))
		nth++;
	CHECK(nth > 5);
	printf("# %s: killed at %u calls, one after the other\n", current->tree, nth - 1);
	fflush(stdout);
	plan_free(p);
	tree_free(t);
}

static void test_row(void **state)
{
	current = *state;
	world_run(WORLD_PROC, killed_at_each_call);
}

/* ------------------------------------------------------------------------------------ rows -- */

enum { SOME = 6, SHAPES_MAX = 64, ROWS_MAX = 2 * SHAPES_MAX + 2 };

static struct attempt rows[ROWS_MAX];
static char names[ROWS_MAX][160];
static struct CMUnitTest tests[ROWS_MAX];
static size_t rows_len;

static void add(struct attempt a)
{
	snprintf(names[rows_len], sizeof names[0],
		 "restorer and guard may be killed at any call of '%s' in %s%s", a.tree,
		 a.into == RESTORE_PID ? "another namespace" : "their own namespace",
		 a.last_pid ? ", by ns_last_pid"
		 : a.exec   ? ", before its programs are released"
			    : "");
	rows[rows_len] = a;
	tests[rows_len] = (struct CMUnitTest){ .name = names[rows_len],
					       .test_func = test_row,
					       .initial_state = &rows[rows_len] };
	rows_len++;
}

int main(int argc, char **argv)
{
	const char *missing = world_missing(), *which = getenv("SETTID_FAULTS");
	bool all = which && strcmp(which, "all") == 0;

	if (missing || argc < 2) {
		printf("1..0 # SKIP %s\n", missing ? missing : "no folder of trees is named");
		return 0;
	}
	attempt_trees(argv[1]);
	for (size_t k = 0; k < SHAPES_MAX && attempt_shapes[k] && (all || k < SOME); k++) {
		add((struct attempt){ .tree = attempt_shapes[k], .into = RESTORE_CURRENT });
		if (all || k == 0)
			add((struct attempt){ .tree = attempt_shapes[k], .into = RESTORE_PID });
	}
	add((struct attempt){ .tree = "groups", .into = RESTORE_CURRENT, .last_pid = true });
	add((struct attempt){ .tree = "programs", .into = RESTORE_CURRENT, .exec = true });
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("restorer and guard killed together", tests, rows_len, NULL, NULL);
}
