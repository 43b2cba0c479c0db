/* SPDX-License-Identifier: MIT */
/*
 * test_calls.c: what the calls of the task model answer at their edges: by who cannot act, with numbers out of range, with other
 * rights, and in an order of turns that the embedder chooses.
 */
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

struct scene {
	struct mem mem; /* first: the allocator's context is the scene's */
	struct pidns_world *w;
	struct pidns_task *boot, *init, *a;
	uint32_t chosen[8], choices, turns, deaths;
};

static uint32_t choose(void *ctx, uint32_t turns, uint32_t deaths)
{
	struct scene *s = ctx;

	s->turns += turns;
	s->deaths += deaths;
	return s->choices < 8 ? s->chosen[s->choices++] : 0;
}

static struct pidns_task *child_of(struct pidns_task *parent, uint64_t flags)
{
	struct pidns_clone_args args = {
		.flags = flags,
		.exit_signal = flags & (PIDNS_CLONE_THREAD | PIDNS_CLONE_PARENT) ? 0 : PIDNS_SIGCHLD,
	};
	struct pidns_task *child;

	assert_int_equal(pidns_clone3(parent, &args, &child, NULL), 0);
	return child;
}

static struct pidns_task *thread_of(struct pidns_task *t)
{
	return child_of(t, PIDNS_CLONE_THREAD | PIDNS_CLONE_SIGHAND | PIDNS_CLONE_VM);
}

/* A machine, a container in it, a process in that. */
static int set_up(void **state)
{
	static struct scene s;
	struct pidns_env env = mem_env(&s.mem);

	memset(&s, 0, sizeof s);
	env.choose = choose;
	assert_int_equal(pidns_world_new(&env, NULL, &s.w), 0);
	assert_int_equal(pidns_boot(s.w, &s.boot), 0);
	s.init = child_of(s.boot, PIDNS_CLONE_NEWPID);
	s.a = child_of(s.init, 0);
	*state = &s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	assert_null(pidns_check(s->w));
	pidns_world_free(s->w);
	assert_int_equal(s->mem.bytes, 0);
	return 0;
}

/* ---------------------------------------------------------------------------------------- who cannot act -- */

static void ask_everything(struct pidns_task *t, struct pidns_pidfd *fd)
{
	struct pidns_clone_args args = { .exit_signal = PIDNS_SIGCHLD };
	struct pidns_pidfd *opened;
	struct pidns_pidfd_info info;
	struct pidns_task *child;
	struct pidns_waited waited;
	const int32_t answers[] = {
		pidns_clone3(t, &args, &child, NULL),
		pidns_clone3_user(t, 0, 64, NULL, NULL, &child, NULL),
		pidns_clone(t, PIDNS_SIGCHLD, &child, NULL),
		pidns_exec(t),
		pidns_exit(t, 0),
		pidns_exit_group(t, 0),
		pidns_wait4(t, -1, 0, &waited),
		pidns_waitid(t, PIDNS_P_ALL, 0, NULL, PIDNS_WEXITED, &waited),
		pidns_setsid(t),
		pidns_setpgid(t, 0, 0),
		pidns_getpgid(t, 0),
		pidns_getsid(t, 0),
		pidns_getpid(t),
		pidns_gettid(t),
		pidns_getppid(t),
		pidns_unshare(t, PIDNS_CLONE_NEWPID),
		pidns_setns(t, pidns_task_ns(t), 0),
		pidns_reboot(t, 0),
		pidns_last_pid_write(t, 10),
		pidns_pid_max_open(t, true),
		pidns_kill(t, 1, 0),
		pidns_tkill(t, 1, 0),
		pidns_tgkill(t, 1, 1, 0),
		pidns_crash(t, 11),
		pidns_sigaction(t, 1, PIDNS_IGNORE, 0),
		pidns_sigprocmask(t, PIDNS_SIG_BLOCK, 1),
		pidns_set_subreaper(t, true),
		pidns_set_pdeathsig(t, 1),
		pidns_pidfd_open(t, 1, 0, &opened),
		pidns_pidfd_send(t, fd, 0, 0),
		pidns_pidfd_send_self(t, true, 0, 0),
		pidns_setns_pidfd(t, fd, PIDNS_CLONE_NEWPID),
		pidns_pidfd_info(t, fd, &info),
		pidns_setresuid(t, 1),
		pidns_capset(t, 0),
		pidns_set_nproc(t, 1),
		pidns_set_max_ns(t, 1),
		pidns_uid_map(t, 0),
	};

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i] != PIDNS_ENDED)
			fail_msg("call %zu answers %d", i, answers[i]);
}

static void whoever_waits_is_stopped_or_dead_does_nothing(void **state)
{
	struct scene *s = *state;
	struct pidns_waited waited;
	struct pidns_pidfd *fd;
	struct pidns_task *b = child_of(s->a, 0);

	assert_true(pidns_pidfd_open(s->init, 1, 0, &fd) >= 0);
	assert_int_equal(pidns_wait4(s->a, -1, 0, &waited), PIDNS_BLOCKS);
	ask_everything(s->a, fd);
	assert_int_equal(pidns_state(s->a), PIDNS_WAITING);
	assert_int_equal(pidns_kill(s->init, pidns_id_number_in(pidns_task_id(b), pidns_task_ns(b)),
				    PIDNS_SIGSTOP),
			 0);
	ask_everything(b, fd);
	assert_int_equal(pidns_state(b), PIDNS_STOPPED);
	assert_int_equal(pidns_kill(s->init, pidns_id_number_in(pidns_task_id(s->a), pidns_task_ns(s->a)),
				    PIDNS_SIGKILL),
			 0);
	ask_everything(s->a, fd);
	assert_int_equal(pidns_state(s->a), PIDNS_ZOMBIE);
	pidns_pidfd_close(fd);
}

static void a_thread_that_has_left_does_nothing(void **state)
{
	struct scene *s = *state;
	struct pidns_pidfd *fd;

	thread_of(s->a);
	assert_true(pidns_pidfd_open(s->init, 1, 0, &fd) >= 0);
	assert_int_equal(pidns_exit(s->a, 0), PIDNS_ENDED);
	assert_int_equal(pidns_state(s->a), PIDNS_LEFT);
	ask_everything(s->a, fd);
	pidns_pidfd_close(fd);
}

/* ------------------------------------------------------------------------------------------------ ranges -- */

static void signals_are_1_to_64(void **state)
{
	struct scene *s = *state;

	for (int32_t sig = -1; sig <= 65; sig += 66) {
		assert_int_equal(pidns_crash(s->a, sig), -PIDNS_EINVAL);
		assert_int_equal(pidns_sigaction(s->a, sig, PIDNS_IGNORE, 0), -PIDNS_EINVAL);
		assert_int_equal(pidns_set_pdeathsig(s->a, sig), -PIDNS_EINVAL);
		assert_int_equal(pidns_kill(s->a, 1, sig), -PIDNS_EINVAL);
	}
	assert_int_equal(pidns_crash(s->a, 0), -PIDNS_EINVAL);
	assert_int_equal(pidns_sigaction(s->a, 0, PIDNS_IGNORE, 0), -PIDNS_EINVAL);
	assert_int_equal(pidns_sigaction(s->a, PIDNS_SIGSTOP, PIDNS_IGNORE, 0), -PIDNS_EINVAL);
	assert_int_equal(pidns_sigaction(s->a, PIDNS_SIGKILL, PIDNS_IGNORE, 0), -PIDNS_EINVAL);
	assert_int_equal(pidns_set_pdeathsig(s->a, 64), 0);
	assert_int_equal(pidns_set_pdeathsig(s->a, 0), 0);
}

static void waitid_takes_numbers_that_a_pid_can_be(void **state)
{
	struct scene *s = *state;
	struct pidns_waited waited;

	assert_int_equal(pidns_waitid(s->a, PIDNS_P_PID, (int64_t)INT32_MAX + 1, NULL, PIDNS_WEXITED,
				      &waited),
			 -PIDNS_EINVAL);
	assert_int_equal(pidns_waitid(s->a, PIDNS_P_PGID, (int64_t)INT32_MAX + 1, NULL, PIDNS_WEXITED,
				      &waited),
			 -PIDNS_EINVAL);
	assert_int_equal(pidns_waitid(s->a, PIDNS_P_PGID, -1, NULL, PIDNS_WEXITED, &waited), -PIDNS_EINVAL);
	assert_int_equal(pidns_waitid(s->a, PIDNS_P_PID, INT32_MAX, NULL, PIDNS_WEXITED, &waited),
			 -PIDNS_ECHILD);
	assert_int_equal(pidns_waitid(s->a, PIDNS_P_PIDFD, 3, NULL, PIDNS_WEXITED, &waited), -PIDNS_EBADF);
	assert_int_equal(pidns_waitid(s->a, 77, 3, NULL, PIDNS_WEXITED, &waited), -PIDNS_EINVAL);
}

static void versions_are_read_to_their_end(void **state)
{
	const char *since;
	bool known;

	(void)state;
	pidns_profile("6.1000", &known);
	assert_false(known);
	pidns_profile("6.18x", &known);
	assert_false(known);
	pidns_profile("", &known);
	assert_false(known);
	assert_non_null(pidns_feature_name(0, NULL));
	assert_non_null(pidns_feature_name(0, &since));
	assert_non_null(since);
	assert_null(pidns_feature_name(31, NULL));
}

/* ------------------------------------------------------------------------------------------------ rights -- */

static void a_fault_kills_unless_there_is_a_handler_that_may_run(void **state)
{
	struct scene *s = *state;
	struct pidns_task *b = child_of(s->init, 0), *c = child_of(s->init, 0), *d = child_of(s->init, 0);

	assert_int_equal(pidns_sigaction(b, 11, PIDNS_HANDLE, 0), 0);
	assert_int_equal(pidns_crash(b, 11), 0);
	assert_int_equal(pidns_sigprocmask(b, PIDNS_SIG_BLOCK, 1u << 10), 0);
	assert_int_equal(pidns_crash(b, 11), PIDNS_ENDED);
	assert_int_equal(pidns_status(b), 11);
	assert_int_equal(pidns_sigaction(c, 11, PIDNS_IGNORE, 0), 0);
	assert_int_equal(pidns_crash(c, 11), PIDNS_ENDED);
	assert_int_equal(pidns_sigaction(d, 11, PIDNS_DEFAULT, 0), 0);
	assert_int_equal(pidns_crash(d, 11), PIDNS_ENDED);
}

static void limits_of_a_user_hold_for_whoever_has_no_right_to_pass_them(void **state)
{
	struct scene *s = *state;
	struct pidns_clone_args args = { .exit_signal = PIDNS_SIGCHLD };
	struct pidns_task *child;

	assert_int_equal(pidns_set_nproc(s->a, 1), 0);
	child_of(s->a, 0); /* user 0 */
	assert_int_equal(pidns_setresuid(s->a, 7), 0);
	child_of(s->boot, 0);
	assert_int_equal(pidns_clone3(s->a, &args, &child, NULL), -PIDNS_EAGAIN);
	assert_int_equal(pidns_set_nproc(s->a, 2), 0);
	child_of(s->a, 0);
	assert_int_equal(pidns_clone3(s->a, &args, &child, NULL), -PIDNS_EAGAIN);
}

static void a_user_namespace_has_as_many_pid_namespaces_as_it_may(void **state)
{
	struct scene *s = *state;
	struct pidns_clone_args args = { .flags = PIDNS_CLONE_NEWPID, .exit_signal = PIDNS_SIGCHLD };
	struct pidns_clone_args user = { .flags = PIDNS_CLONE_NEWUSER, .exit_signal = PIDNS_SIGCHLD };
	struct pidns_task *child, *u;

	assert_int_equal(pidns_clone3(s->a, &user, &u, NULL), 0);
	assert_int_equal(pidns_uid_map(u, 0), 0);
	assert_int_equal(pidns_set_max_ns(u, -1), -PIDNS_EINVAL);
	assert_int_equal(pidns_set_max_ns(u, (int64_t)INT32_MAX + 1), -PIDNS_EINVAL);
	assert_int_equal(pidns_set_max_ns(u, 1), 0);
	assert_int_equal(pidns_clone3(u, &args, &child, NULL), 0);
	assert_int_equal(pidns_clone3(u, &args, &child, NULL), -PIDNS_ENOSPC);
	assert_int_equal(pidns_capset(u, 0), 0);
	assert_int_equal(pidns_set_max_ns(u, 5), -PIDNS_EPERM);
	assert_int_equal(pidns_unshare(u, PIDNS_CLONE_NEWPID), -PIDNS_EPERM);
	/* those in a namespace below count above, too */
	assert_int_equal(pidns_set_max_ns(s->boot, 3), 0);
	assert_int_equal(pidns_clone3(s->boot, &args, &child, NULL), -PIDNS_ENOSPC);
}

static void user_namespaces_are_32_deep_and_go_with_the_last_who_is_in_one(void **state)
{
	struct scene *s = *state;
	struct pidns_clone_args args = { .flags = PIDNS_CLONE_NEWUSER, .exit_signal = PIDNS_SIGCHLD };
	struct pidns_task *at = s->a, *next;
	int32_t r, deep = 0;

	while ((r = pidns_clone3(at, &args, &next, NULL)) == 0) {
		at = next;
		deep++;
		assert_int_equal(pidns_uid_map(at, 0), 0);
		assert_true(deep < 40);
	}
	assert_int_equal(r, -PIDNS_ENOSPC);
	assert_int_equal(deep, 32);
	assert_int_equal(pidns_exit_group(s->init, 0), PIDNS_ENDED);
}

static void the_uid_may_become_one_that_it_was(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pidns_setresuid(s->a, 7), 0);
	assert_int_equal(pidns_setresuid(s->a, 7), 0);
	assert_int_equal(pidns_setresuid(s->a, 8), -PIDNS_EPERM);
	assert_int_equal(pidns_kill(s->a, 1, 0), -PIDNS_EPERM);
}

static void reboot_in_the_first_namespace_is_the_machines(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pidns_reboot(s->boot, 0x01234567), -PIDNS_EINVAL);
	assert_int_equal(pidns_reboot(s->a, 7), -PIDNS_EINVAL);
	assert_int_equal(pidns_capset(s->a, 0), 0);
	assert_int_equal(pidns_reboot(s->a, 0x01234567), -PIDNS_EPERM);
	assert_int_equal(pidns_reboot(s->init, 0x4321FEDC), PIDNS_ENDED);
	assert_int_equal(pidns_status(s->init), 2);
}

static void a_record_that_asks_for_a_cgroup_or_a_pidfd_needs_an_embedder_who_has_them(void **state)
{
	struct scene *s = *state;
	struct pidns_clone_args args = { .flags = PIDNS_CLONE_INTO_CGROUP,
					 .exit_signal = PIDNS_SIGCHLD,
					 .has_cgroup_word = true };
	struct pidns_task *child;

	assert_int_equal(pidns_clone3(s->a, &args, &child, NULL), -PIDNS_EBADF);
	args.flags = PIDNS_CLONE_PIDFD;
	assert_int_equal(pidns_clone3(s->a, &args, &child, NULL), -PIDNS_ENOSYS);
}

/* ------------------------------------------------------------------------------------------------- order -- */

static void the_embedder_chooses_who_dies_first(void **state)
{
	/* all take their turns, then either death comes first; beyond the last counts as 0 */
	const uint32_t orders[][8] = { { 0, 0, 0, 0 }, { 0, 0, 1, 0 }, { 99, 0, 0, 0 } };
	const enum pidns_state parents[] = { PIDNS_ZOMBIE, PIDNS_ZOMBIE, PIDNS_ZOMBIE };

	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		struct scene *s;
		struct pidns_task *b;

		if (i > 0) {
			tear_down(state);
			set_up(state);
		}
		s = *state;
		b = child_of(s->a, 0);
		assert_int_equal(pidns_sigaction(s->a, PIDNS_SIGCHLD, PIDNS_IGNORE, 0), 0);
		assert_int_equal(pidns_setpgid(s->a, 0, 0), 0);
		assert_int_equal(pidns_setpgid(b, 0, pidns_getpgid(s->a, 0)), 0);
		memcpy(s->chosen, orders[i], sizeof s->chosen);
		s->choices = s->turns = s->deaths = 0;
		assert_int_equal(pidns_kill(s->init, -pidns_getpgid(s->a, 0), 15), 0);
		assert_int_equal(pidns_state(s->a), parents[i]);
		assert_true(s->choices > 0 && s->turns > 0 && s->deaths > 0);
		/* the child vanished if it died before its parent, who ignores it */
		assert_int_equal(pidns_first_child(s->init) == s->a && pidns_next_sibling(s->a) == b, i == 1);
	}
}

/* A thread's child is killed with it, and its exit signal kills the process that is about to exec. */
static void execve_ends_with_its_process(void **state)
{
	struct scene *s = *state;
	struct pidns_clone_args args = { .exit_signal = PIDNS_SIGKILL };
	struct pidns_clone_args shares = { .flags = PIDNS_CLONE_VM | PIDNS_CLONE_SIGHAND,
					   .exit_signal = PIDNS_SIGCHLD };
	struct pidns_task *first = thread_of(s->a), *second = thread_of(s->a), *c, *sharer;

	assert_int_equal(pidns_clone3(first, &args, &c, NULL), 0);
	assert_int_equal(pidns_set_pdeathsig(c, PIDNS_SIGKILL), 0);
	assert_int_equal(pidns_clone3(s->a, &shares, &sharer, NULL), 0);
	/* turns of both threads; the first one dies; c's turn, c's death, all before the second one's */
	memcpy(s->chosen, (uint32_t[]){ 0, 0, 0, 0, 1, 0, 0, 0 }, sizeof s->chosen);
	assert_int_equal(pidns_exec(s->a), PIDNS_ENDED);
	assert_int_equal(pidns_state(s->a), PIDNS_ZOMBIE);
	assert_int_equal(pidns_status(s->a), PIDNS_SIGKILL);
	(void)second;
}

static void a_number_has_a_holder_of_each_kind(void **state)
{
	struct scene *s = *state;
	struct pidns_ns *ns = pidns_task_ns(s->a);
	struct pidns_task *t = thread_of(s->a), *b = child_of(s->init, 0), *c = child_of(s->init, 0);
	int32_t a = pidns_id_number_in(pidns_task_id(s->a), ns),
		tid = pidns_id_number_in(pidns_task_id(t), ns);
	int32_t group = pidns_getpid(b), zombie = pidns_getpid(c);
	struct pidns_waited waited;
	struct pidns_error err;

	assert_true(pidns_who(ns, a, &err));
	assert_int_equal(err.holder, PIDNS_HOLDER_PROCESS);
	assert_true(pidns_who(ns, tid, &err));
	assert_int_equal(err.holder, PIDNS_HOLDER_THREAD);
	assert_int_equal(pidns_exit(s->a, 0), PIDNS_ENDED);
	assert_true(pidns_who(ns, a, &err));
	assert_int_equal(err.holder, PIDNS_HOLDER_DEAD_LEADER);
	assert_int_equal(pidns_exit_group(c, 0), PIDNS_ENDED);
	assert_true(pidns_who(ns, zombie, &err));
	assert_int_equal(err.holder, PIDNS_HOLDER_ZOMBIE);
	assert_int_equal(pidns_setsid(b), group);
	child_of(b, 0);
	assert_int_equal(pidns_exit_group(b, 0), PIDNS_ENDED);
	assert_int_equal(pidns_wait4(s->init, group, 0, &waited), group);
	assert_true(pidns_who(ns, group, &err));
	assert_int_equal(err.holder, PIDNS_HOLDER_GROUP);
	assert_true(pidns_who(ns, group, NULL));
	assert_false(pidns_who(ns, 4000, &err));
}

static void with_the_first_process_all_end(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pidns_exit_group(s->boot, 3), PIDNS_ENDED);
	assert_int_equal(pidns_state(s->boot), PIDNS_ZOMBIE);
	assert_int_equal(pidns_ns_count(pidns_root(s->w)), 1);
}

static void relatives_are_listed(void **state)
{
	struct scene *s = *state;
	struct pidns_task *b = child_of(s->init, 0), *t = thread_of(s->init), *c = child_of(t, 0);

	assert_ptr_equal(pidns_first_child(s->init), s->a);
	assert_ptr_equal(pidns_next_sibling(s->a), b);
	assert_null(pidns_next_sibling(b));
	assert_ptr_equal(pidns_first_child(t), c);
	assert_null(pidns_first_child(c));
	assert_null(pidns_next_sibling(t)); /* no child of anybody */
	assert_null(pidns_next_sibling(s->boot));
	assert_ptr_equal(pidns_parent(c), t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(whoever_waits_is_stopped_or_dead_does_nothing),
		IT(a_thread_that_has_left_does_nothing),
		IT(signals_are_1_to_64),
		IT(waitid_takes_numbers_that_a_pid_can_be),
		IT(versions_are_read_to_their_end),
		IT(a_fault_kills_unless_there_is_a_handler_that_may_run),
		IT(limits_of_a_user_hold_for_whoever_has_no_right_to_pass_them),
		IT(a_user_namespace_has_as_many_pid_namespaces_as_it_may),
		IT(user_namespaces_are_32_deep_and_go_with_the_last_who_is_in_one),
		IT(the_uid_may_become_one_that_it_was),
		IT(reboot_in_the_first_namespace_is_the_machines),
		IT(a_record_that_asks_for_a_cgroup_or_a_pidfd_needs_an_embedder_who_has_them),
		IT(the_embedder_chooses_who_dies_first),
		IT(execve_ends_with_its_process),
		IT(a_number_has_a_holder_of_each_kind),
		IT(with_the_first_process_all_end),
		IT(relatives_are_listed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-calls", tests, NULL, NULL);
}
