/* SPDX-License-Identifier: MIT */
/*
 * test_freeze_cgroup.c: whole trees at once: by the cgroup that is theirs, and while they fork.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "held.h"
#include "tree/tree.h"

enum { FORKERS = 6 };

/* ---------------------------------------------------------------------------------------- cgroups -- */

/* Where cgroups are usually found: v2 alone, v2 beside v1, v1's freezer. */
static const char *const cgroup_roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified",
					    "/sys/fs/cgroup/freezer" };
static char cgroup[64]; /* one made for the test, "" = none */

static bool make_cgroup(const char *root)
{
	char path[96];

	snprintf(path, sizeof path, "%s/cgroup.procs", root);
	if (access(path, W_OK) != 0)
		return false;
	snprintf(cgroup, sizeof cgroup, "%s/settid-test-%d", root, (int)getpid());
	if (mkdir(cgroup, 0755) == 0)
		return true;
	cgroup[0] = '\0';
	return false;
}

static bool any_cgroup(void)
{
	bool any = false;

	for (size_t i = 0; i < sizeof cgroup_roots / sizeof *cgroup_roots; i++) {
		if (make_cgroup(cgroup_roots[i])) {
			any = true;
			rmdir(cgroup);
		}
	}
	return any;
}

static void put_in_cgroup(pid_t pid)
{
	char path[96];

	snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "%d", (int)pid);
	assert_int_equal(fclose(f), 0);
}

static void remove_cgroup(void)
{
	for (int i = 0; i < 1000 && rmdir(cgroup) < 0; i++)
		held_pause(1);
	assert_int_equal(access(cgroup, F_OK), -1);
}

/* Traced by us, it cannot be seized. */
static void dump_in_cgroup(int want)
{
	struct tree_dump_options o = { .freeze = true, .proc_fd = -1 };
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	pid_t pid = held_start(held_run_ticks, 0), other = fork();

	if (other == 0)
		for (;;)
			pause();
	put_in_cgroup(pid);
	if (want != 0)
		put_in_cgroup(other);
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	int e = tree_dump(pid, &o, &t, &err);
	bool runs = held_goes_on();
	held_end(pid);
	held_end(other);
	remove_cgroup();
	if (e != want)
		fail_msg("%s: %s", cgroup, err.text);
	if (e == 0) {
		assert_int_equal(t->processes_len, 1);
		assert_int_equal(t->processes[0].state, TREE_LIVE);
		tree_free(t);
	}
	assert_true(runs);
}

static void a_traced_process_is_frozen_with_the_cgroup_that_is_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cgroup_roots / sizeof *cgroup_roots; i++)
		if (make_cgroup(cgroup_roots[i]))
			dump_in_cgroup(0);
}

static void a_cgroup_that_holds_somebody_else_is_left_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cgroup_roots / sizeof *cgroup_roots; i++)
		if (make_cgroup(cgroup_roots[i]))
			dump_in_cgroup(-EBUSY);
}

static void a_cgroup_frozen_by_one_that_is_killed_is_thawed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cgroup_roots / sizeof *cgroup_roots; i++) {
		if (!make_cgroup(cgroup_roots[i]))
			continue;
		pid_t pid = held_start(held_run_ticks, 0);
		int told[2];
		char c = 0;
		put_in_cgroup(pid);
		assert_int_equal(pipe2(told, O_CLOEXEC), 0);
		pid_t holder = fork();
		if (holder == 0) {
			struct freezer f;
			c = freezer_start(&f, held_proc, NULL) == 0 && freezer_cgroup(&f, pid, &pid, 1) == 0;
			if (write(told[1], &c, 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		assert_int_equal(read(told[0], &c, 1), 1);
		bool rested = held_rests();
		held_end(holder);
		bool runs = held_goes_on();
		held_end(pid);
		remove_cgroup();
		close(told[0]);
		close(told[1]);
		assert_int_equal(c, 1);
		assert_true(rested);
		assert_true(runs);
	}
}

/* ------------------------------------------------------------------------------------------ churn -- */

static _Noreturn void churn(void)
{
	for (;;) {
		pid_t child = fork();
		if (child == 0) {
			if (fork() == 0)
				_exit(0);
			wait(NULL);
			_exit(0);
		}
		waitpid(child, NULL, 0);
	}
}

static void run_forkers(int arg)
{
	pid_t self = getpid();

	(void)arg;
	for (int i = 0; i < FORKERS; i++) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != self) /* it was too late for that */
				_exit(0);
			churn();
		}
	}
	held_page->ready = 1;
	churn();
}

/* The others die with the first; what they leave ends by itself and comes to us, who are its reaper. */
static void end_forkers(pid_t pid)
{
	held_end(pid);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Two readings only, and many tries: on a busy machine all forkers may rest for a whole dump's time. */
static void a_tree_that_never_rests_is_refused_with_the_advice_to_freeze_it(void **state)
{
	struct tree_dump_options o = { .proc_fd = -1, .passes_max = 2 };
	pid_t pid = held_start(run_forkers, 0);
	struct tree_error err = { 0 };
	int e = 0;

	(void)state;
	for (int i = 0; i < 5000 && e == 0; i++) {
		struct tree *t = NULL;
		e = tree_dump(pid, &o, &t, &err);
		if (e == 0)
			tree_free(t);
	}
	end_forkers(pid);
	assert_int_equal(e, -EAGAIN);
	assert_non_null(strstr(err.text, "--freeze"));
}

static void a_tree_that_never_rests_is_dumped_frozen(void **state)
{
	struct tree_dump_options o = { .freeze = true, .proc_fd = -1 };
	pid_t pid = held_start(run_forkers, 0);
	struct tree_error err = { 0 };
	struct tree *t;

	(void)state;
	for (int i = 0; i < 20; i++) {
		if (tree_dump(pid, &o, &t, &err) < 0)
			fail_msg("%s", err.text);
		assert_in_range(t->processes_len, 1 + FORKERS, 3 * (1 + FORKERS));
		assert_int_equal(t->unreadable, 0);
		tree_free(t);
	}
	end_forkers(pid);
}

int main(void)
{
	/* The last three need a cgroup hierarchy that we may make groups in. */
	enum { CGROUP_TESTS = 3 };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_that_never_rests_is_refused_with_the_advice_to_freeze_it),
		cmocka_unit_test(a_tree_that_never_rests_is_dumped_frozen),
		cmocka_unit_test(a_traced_process_is_frozen_with_the_cgroup_that_is_its_own),
		cmocka_unit_test(a_cgroup_that_holds_somebody_else_is_left_alone),
		cmocka_unit_test(a_cgroup_frozen_by_one_that_is_killed_is_thawed),
	};

	if (!held_set_up())
		return 0;
	size_t len = sizeof tests / sizeof *tests;
	bool cgroups = any_cgroup();
	for (size_t i = len - CGROUP_TESTS; !cgroups && i < len; i++)
		printf("# SKIP %s: no cgroup hierarchy where a group can be made\n", tests[i].name);
	return _cmocka_run_group_tests("tests", tests, cgroups ? len : len - CGROUP_TESTS, NULL, NULL);
}
