/* SPDX-License-Identifier: MIT */
/*
 * test_dump_shapes.c: one shape of groups, sessions and states per test, and what its dump says.
 */
#include "dump_world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "libsettid/sys.h"
#include "settid.h"
#include "tree/proc_read.h"

/* -------------------------------------------------------------------------------- groups, sessions -- */

static void leave_a_group_behind(void)
{
	pid_t leader = fork(); /* 2 */

	if (leader == 0) {
		setpgid(0, 0);
		child(NULL); /* 3 */
		_exit(0);
	}
	waitpid(leader, NULL, 0);
}

static void a_group_whose_leader_was_reaped_has_a_ghost(void **state)
{
	struct world w = world_make(leave_a_group_behind);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(t->processes_len, 2);
	assert_int_equal(t->ghosts_len, 1);
	assert_int_equal(t->ghosts[0].nspid[0], 2);
	assert_int_equal(t->ghosts[0].levels, 1);
	assert_int_equal(find(t, 3)->pgid, 2);
	assert_int_equal(find(t, 3)->ppid, 1);
	tree_free(t);
	world_end(&w);
}

static void leave_a_session_behind(void)
{
	pid_t leader = fork(); /* 2 */

	if (leader == 0) {
		setsid();
		child(NULL); /* 3 */
		_exit(0);
	}
	waitpid(leader, NULL, 0);
}

static void a_session_whose_leader_was_reaped_has_one_ghost_for_session_and_group(void **state)
{
	struct world w = world_make(leave_a_session_behind);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(t->ghosts_len, 1);
	assert_int_equal(find(t, 3)->pgid, 2);
	assert_int_equal(find(t, 3)->sid, 2);
	tree_free(t);
	world_end(&w);
}

static void nest_in_a_group_left_behind(void)
{
	pid_t leader = fork(); /* 2 */

	if (leader == 0) {
		setpgid(0, 0);
		/* 3 here and 1 inside; its number in the namespace inside is no ghost's, since 2 never had one there */
		if (SYS5(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0) == 0)
			sleep_for_ever();
		_exit(0);
	}
	waitpid(leader, NULL, 0);
}

static void a_ghost_has_numbers_only_at_levels_where_a_member_shows_one(void **state)
{
	struct world w = world_make(nest_in_a_group_left_behind);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(find(t, 3)->levels, 2);
	assert_int_equal(find(t, 3)->pgid, 2);
	assert_int_equal(t->ghosts_len, 1);
	assert_int_equal(t->ghosts[0].levels, 1);
	tree_free(t);
	world_end(&w);
}

static void a_job_of_a_shell_is_in_group_and_session_0(void **state)
{
	int ready[2];

	(void)state;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t leader = fork(); /* the shell: in a group of its own */
	if (leader == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		pid_t job = child(NULL);
		if (write(ready[1], &job, sizeof job) != sizeof job)
			_exit(1);
		sleep_for_ever();
	}
	pid_t job;
	assert_int_equal(read(ready[0], &job, sizeof job), sizeof job);
	struct tree *t = dump(job);
	assert_int_equal(t->processes_len, 1);
	assert_int_equal(t->processes[0].ppid, 0);
	assert_int_equal(t->processes[0].pgid, 0);
	assert_int_equal(t->processes[0].sid, 0);
	assert_int_equal(t->ghosts_len, 0);
	tree_free(t);
	kill(job, SIGKILL); /* ours only through the shell: it is not reaped before that ends */
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	while (waitpid(job, NULL, 0) < 0 && errno == EINTR)
		;
	close(ready[0]);
	close(ready[1]);
}

/* ------------------------------------------------------------------------------------------ states -- */

static void a_dead_leader_thread_is_told_from_a_zombie(void **state)
{
	struct world w = world_make(lose_the_leader_thread);
	struct tree *t = dump(w.init);
	const struct tree_process *p = find(t, 2);

	(void)state;
	assert_int_equal(p->state, TREE_LIVE);
	assert_true(p->leader_dead);
	assert_int_equal(p->exit_code, TREE_ABSENT);
	assert_int_equal(p->threads_len, 2);
	assert_int_equal(p->threads[0].nspid[0], 2);
	assert_int_equal(p->threads[1].nspid[0], 3);
	assert_string_equal(p->threads[1].name.bytes, "survivor");
	tree_free(t);
	world_end(&w);
}

static void lose_the_leader_thread_and_stop(void)
{
	lose_the_leader_thread();
	kill(2, SIGSTOP);
	siginfo_t info;
	waitid(P_PID, 2, &info, WSTOPPED);
}

static void a_process_without_leader_thread_can_be_stopped(void **state)
{
	struct world w = world_make(lose_the_leader_thread_and_stop);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(find(t, 2)->state, TREE_STOPPED);
	assert_int_equal(find(t, 2)->stop_signal, SIGSTOP);
	assert_true(find(t, 2)->leader_dead);
	tree_free(t);
	world_end(&w);
}

static void every_exit_code_of_a_zombie_is_told(void **state)
{
	struct world w = world_make(make_zombies);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(t->processes_len, 257);
	for (int code = 0; code < 256; code++) {
		assert_int_equal(find(t, 2 + code)->state, TREE_ZOMBIE);
		assert_int_equal(find(t, 2 + code)->exit_code, code);
		assert_int_equal(find(t, 2 + code)->exit_signal, TREE_ABSENT);
	}
	tree_free(t);
	world_end(&w);
}

static void a_name_may_hold_anything(void **state)
{
	struct world w = world_make(make_bad_names);
	struct tree *t = dump(w.init);

	(void)state;
	assert_string_equal(find(t, 2)->comm.bytes, ") Z 1 (\n\\\xff");
	assert_int_equal(find(t, 2)->state, TREE_LIVE);
	tree_free(t);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_whose_leader_was_reaped_has_a_ghost),
		cmocka_unit_test(a_session_whose_leader_was_reaped_has_one_ghost_for_session_and_group),
		cmocka_unit_test(a_ghost_has_numbers_only_at_levels_where_a_member_shows_one),
		cmocka_unit_test(a_job_of_a_shell_is_in_group_and_session_0),
		cmocka_unit_test(a_dead_leader_thread_is_told_from_a_zombie),
		cmocka_unit_test(a_process_without_leader_thread_can_be_stopped),
		cmocka_unit_test(every_exit_code_of_a_zombie_is_told),
		cmocka_unit_test(a_name_may_hold_anything),
	};

	return world_tests(tests, sizeof tests / sizeof *tests);
}
