/* SPDX-License-Identifier: MIT */
/*
 * test_memory.c: each call of the allocator fails once, in each public call that makes one: the answer is -ENOMEM, and the
 * world is as it was, down to the counts of references.
 *
 * A call is repeated until every stock, slab, leaf and directory behind it has grown several times; before it succeeds, it fails
 * once at each of its allocations, and once more with all later ones failing too.
 */
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dump.h"

struct scene {
	struct mem mem;
	struct pidns_world *w;
	struct pidns_task *boot, *init; /* of level 0 and 1 */
	struct pidns_pidfd *installed[4096];
	int32_t installed_len;
	unsigned failures;
};

static struct scene scene;

static int32_t install(void *ctx, struct pidns_task *caller, struct pidns_pidfd *pidfd, uint64_t word)
{
	(void)ctx;
	(void)caller;
	(void)word;
	scene.installed[scene.installed_len] = pidfd;
	return scene.installed_len++;
}

static void uninstall(void *ctx, struct pidns_task *caller, int32_t fd)
{
	(void)ctx;
	(void)caller;
	pidns_pidfd_close(scene.installed[fd]);
	scene.installed_len--;
}

static int set_up(void **state)
{
	struct pidns_env env = mem_env(&scene.mem);
	uint64_t flags = PIDNS_CLONE_NEWPID | PIDNS_SIGCHLD;

	memset(&scene, 0, sizeof scene);
	env.pidfd_install = install;
	env.pidfd_undo = uninstall;
	assert_int_equal(pidns_world_new(&env, NULL, &scene.w), 0);
	assert_int_equal(pidns_boot(scene.w, &scene.boot), 0);
	assert_int_equal(pidns_clone(scene.boot, flags, &scene.init, NULL), 0);
	*state = &scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	assert_null(pidns_check(s->w));
	pidns_world_free(s->w);
	assert_int_equal(s->mem.bytes, 0);
	assert_int_equal(s->mem.blocks, 0);
	return 0;
}

/* One call, whatever it is: its answer. */
typedef int32_t (*call_fn)(struct scene *s, void *arg);

/* Fails at each allocation of the call, in turn, then succeeds; how often it failed. */
static unsigned fail_each_then_succeed(struct scene *s, call_fn call, void *arg)
{
	unsigned failures = 0;
	char *before = dump_world(s->w), *after;

	for (unsigned nth = 1;; nth++)
		for (int all = 0; all < 2; all++) {
			int32_t r;

			mem_fail(&s->mem, nth);
			s->mem.fail_on = all;
			r = call(s, arg);
			if (!mem_disarm(&s->mem)) {
				assert_int_equal(r, 0);
				free(before);
				return failures;
			}
			failures++;
			assert_int_equal(r, -PIDNS_ENOMEM);
			assert_null(pidns_check(s->w));
			after = dump_world(s->w);
			if (strcmp(before, after) != 0) {
				print_message("# before:\n%s# after:\n%s", before, after);
				fail_msg("allocation %u failed and left something behind", nth);
			}
			free(after);
		}
}

static unsigned many_times(struct scene *s, call_fn call, void *arg, int times)
{
	unsigned failures = 0;

	for (int i = 0; i < times; i++)
		failures += fail_each_then_succeed(s, call, arg);
	return failures;
}

/* ------------------------------------------------------------------------------------------- births -- */

static int32_t clone_with(struct scene *s, void *arg)
{
	struct pidns_clone_args args = { .flags = *(uint64_t *)arg };
	struct pidns_task *child;
	struct pidns_error err = { 0 };
	int32_t r;

	if (!(args.flags & (PIDNS_CLONE_THREAD | PIDNS_CLONE_PARENT)))
		args.exit_signal = PIDNS_SIGCHLD;
	r = pidns_clone3(s->init, &args, &child, &err);
	assert_int_equal(err.code, r);
	return r;
}

static void a_birth_that_lacks_memory_has_not_been(void **state)
{
	static const struct {
		uint64_t flags;
		unsigned least; /* failures: allocations there have to be, times two */
	} rows[] = {
		{ 0, 30 },
		{ PIDNS_CLONE_THREAD | PIDNS_CLONE_SIGHAND | PIDNS_CLONE_VM, 10 },
		{ PIDNS_CLONE_VM | PIDNS_CLONE_SIGHAND, 20 },
		{ PIDNS_CLONE_CLEAR_SIGHAND, 20 },
		{ PIDNS_CLONE_PIDFD, 30 },
		{ PIDNS_CLONE_THREAD | PIDNS_CLONE_SIGHAND | PIDNS_CLONE_VM | PIDNS_CLONE_PIDFD, 10 },
		{ PIDNS_CLONE_NEWPID, 400 },
		{ PIDNS_CLONE_NEWUSER, 200 },
		{ PIDNS_CLONE_NEWUSER | PIDNS_CLONE_NEWPID | PIDNS_CLONE_PIDFD, 600 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned failures;

		tear_down(state);
		set_up(state);
		failures = many_times(*state, clone_with, (void *)&rows[i].flags, 100);
		if (failures < rows[i].least)
			fail_msg("row %zu: memory was short only %u times", i, failures);
	}
}

static int32_t clone_far(struct scene *s, void *arg)
{
	int32_t *set_tid = arg;
	struct pidns_clone_args args = { .exit_signal = PIDNS_SIGCHLD,
					 .set_tid = set_tid,
					 .set_tid_size = 1 };
	struct pidns_task *child;

	return pidns_clone3(s->init, &args, &child, NULL);
}

/* Inside the number is far away, and outside the next: what is short at the second level moves no cursor of the first. */
static void a_chosen_number_that_lacks_a_table_is_not_taken(void **state)
{
	static const int32_t nrs[] = { 63, 64, 511, 512, 32768, 131072, 4194303, 600, 33000 };
	unsigned failures = 0;

	for (size_t i = 0; i < sizeof nrs / sizeof *nrs; i++)
		failures += fail_each_then_succeed(*state, clone_far, (void *)&nrs[i]);
	assert_true(failures >= 2 * 10);
}

/* The other way about: the inner level gets the next number, and its cursor goes back. */
static void an_outer_level_that_lacks_a_table_puts_inner_cursors_back(void **state)
{
	struct scene *s = *state;
	uint64_t flags = 0;
	unsigned failures = 0;

	for (int64_t last = 600; last < PIDNS_NUMBER_MAX; last *= 3) {
		assert_int_equal(pidns_ns_set_last(pidns_root(s->w), last), 0);
		failures += fail_each_then_succeed(s, clone_with, &flags);
	}
	assert_true(failures >= 2 * 10);
}

/* --------------------------------------------------------------------------- other calls of the model -- */

static int32_t exec_shared(struct scene *s, void *arg)
{
	(void)s;
	return pidns_exec(arg);
}

static void an_exec_that_lacks_a_table_of_signals_of_its_own_has_not_been(void **state)
{
	struct scene *s = *state;
	uint64_t flags = PIDNS_CLONE_VM | PIDNS_CLONE_SIGHAND | PIDNS_SIGCHLD;
	unsigned failures = 0;

	for (int i = 0; i < 100; i++) {
		struct pidns_task *child, *thread;
		uint64_t thread_flags = PIDNS_CLONE_THREAD | PIDNS_CLONE_SIGHAND | PIDNS_CLONE_VM;

		assert_int_equal(pidns_clone(s->init, flags, &child, NULL), 0);
		assert_int_equal(pidns_clone(child, thread_flags, &thread, NULL), 0);
		failures += fail_each_then_succeed(s, exec_shared, i % 2 ? child : thread);
	}
	assert_true(failures >= 2 * 3);
}

static int32_t unshare(struct scene *s, void *arg)
{
	return pidns_unshare(s->init, *(uint64_t *)arg);
}

static int32_t leave(struct scene *s)
{
	return pidns_setns(s->init, pidns_task_ns(s->init), PIDNS_CLONE_NEWPID);
}

static void an_unshare_that_lacks_memory_has_not_been(void **state)
{
	static const uint64_t flags[] = { PIDNS_CLONE_NEWPID, PIDNS_CLONE_NEWUSER | PIDNS_CLONE_NEWPID };
	struct scene *s = *state;

	for (int i = 0; i < 20; i++) {
		assert_true(fail_each_then_succeed(s, unshare, (void *)&flags[i % 2]) >= 2);
		assert_int_equal(leave(s), i % 2 ? -PIDNS_EPERM : 0);
		if (i % 2) { /* the new user namespace has no rights over the old: start again */
			tear_down(state);
			set_up(state);
		}
	}
}

static int32_t open_pidfd(struct scene *s, void *arg)
{
	return pidns_pidfd_open(s->boot, 2, 0, arg);
}

static void a_pidfd_that_lacks_memory_holds_no_reference(void **state)
{
	struct pidns_pidfd *fd[200];
	unsigned failures = 0;

	for (int i = 0; i < 200; i++)
		failures += fail_each_then_succeed(*state, open_pidfd, &fd[i]);
	assert_true(failures >= 2 * 5);
	for (int i = 0; i < 200; i++)
		pidns_pidfd_close(fd[i]);
}

/* ------------------------------------------------------------------------------------- number layer -- */

static int32_t new_ns(struct scene *s, void *arg)
{
	struct pidns_ns **at = arg, *below;
	int32_t r = pidns_ns_new(s->w, *at, NULL, &below);

	if (r == 0)
		*at = below;
	return r;
}

static int32_t new_id(struct scene *s, void *arg)
{
	struct pidns_error err = { 0 };
	struct pidns_id *id;
	int32_t r = pidns_id_new(arg, NULL, &id, &err);

	(void)s;
	assert_int_equal(err.code, r);
	return r;
}

/* On a root of its own: nothing but numbers. */
static void identities_at_33_levels_are_made_whole_or_not_at_all(void **state)
{
	struct scene *s = *state;
	struct pidns_ns *ns = NULL;
	unsigned failures = 0;

	for (int level = 0; level <= PIDNS_LEVEL_MAX; level++) {
		struct pidns_ns *above = ns;

		assert_int_equal(fail_each_then_succeed(s, new_ns, &ns), 2);
		failures += many_times(s, new_id, ns, 20);
		if (above)
			pidns_ns_put(above);
		/* each level lies somewhere else among its tables */
		assert_int_equal(pidns_ns_set_last(ns, 40 + level * 40), 0);
	}
	assert_true(failures >= 2 * 100);
	pidns_ns_put(ns);
}

static void a_boot_that_lacks_memory_can_be_repeated(void **state)
{
	struct scene *s = *state;
	unsigned nth;
	int32_t r;

	for (nth = 1;; nth++) {
		struct pidns_env env;
		struct pidns_world *w;
		struct pidns_task *boot;
		struct mem mem = { 0 };

		env = mem_env(&mem);
		assert_int_equal(pidns_world_new(&env, NULL, &w), 0);
		mem_fail(&mem, nth);
		r = pidns_boot(w, &boot);
		if (mem_disarm(&mem)) {
			assert_int_equal(r, -PIDNS_ENOMEM);
			assert_null(pidns_check(w));
			assert_int_equal(pidns_boot(w, &boot), 0);
		}
		assert_null(pidns_check(w));
		assert_int_equal(pidns_boot(w, &boot), -PIDNS_EEXIST);
		pidns_world_free(w);
		assert_int_equal(mem.bytes, 0);
		if (r == 0)
			break;
	}
	assert_in_range(nth, 4, 10);
	(void)s;
}

static void a_boot_where_number_1_is_taken_says_so(void **state)
{
	struct mem mem = { 0 };
	struct pidns_env env = mem_env(&mem);
	struct pidns_world *w;
	struct pidns_task *boot;
	struct pidns_id *id;

	(void)state;
	assert_int_equal(pidns_world_new(&env, NULL, &w), 0);
	assert_int_equal(pidns_id_new(pidns_root(w), NULL, &id, NULL), 0);
	assert_int_equal(pidns_boot(w, &boot), -PIDNS_EEXIST);
	pidns_world_free(w);
	assert_int_equal(mem.bytes, 0);
}

static void a_world_that_lacks_memory_leaves_none_behind(void **state)
{
	struct scene *s = *state;
	unsigned nth = 1;
	int32_t r;

	do {
		struct mem mem = { 0 };
		struct pidns_env env = mem_env(&mem);
		struct pidns_world *w = NULL;

		mem_fail(&mem, nth++);
		r = pidns_world_new(&env, NULL, &w);
		if (r < 0) {
			assert_int_equal(r, -PIDNS_ENOMEM);
			assert_null(w);
		}
		pidns_world_free(w);
		assert_int_equal(mem.bytes, 0);
	} while (r < 0);
	assert_in_range(nth, 4, 10);
	(void)s;
}

/* ----------------------------------------------------------------------------- what needs no memory -- */

/* From here on there is none at all. */
static void no_more_memory(struct scene *s)
{
	mem_fail(&s->mem, 1);
	s->mem.fail_on = true;
}

static void a_signal_that_lacks_memory_arrives_without_its_sender(void **state)
{
	struct scene *s = *state;
	struct pidns_task *child;
	int sent = 0;

	assert_int_equal(pidns_clone(s->init, PIDNS_SIGCHLD, &child, NULL), 0);
	assert_int_equal(pidns_sigprocmask(child, PIDNS_SIG_SETMASK, ~UINT64_C(0)), 0);
	no_more_memory(s);
	for (int sig = 1; sig <= 64; sig++)
		if (sig != PIDNS_SIGKILL && sig != PIDNS_SIGSTOP &&
		    sig != PIDNS_SIGCONT) { /* stops take it back */
			assert_int_equal(pidns_kill(s->init, 2, sig), 0);
			sent++;
		}
	assert_true(mem_disarm(&s->mem));
	assert_int_equal(__builtin_popcountll(pidns_sigpending(child)), sent);
}

static void whoever_lives_can_wait_leave_and_die_without_memory(void **state)
{
	struct scene *s = *state;
	struct pidns_task *child[20], *thread, *below;
	struct pidns_waited waited;

	for (int i = 0; i < 20; i++)
		assert_int_equal(pidns_clone(s->init, PIDNS_SIGCHLD, &child[i], NULL), 0);
	assert_int_equal(pidns_clone(child[0], PIDNS_CLONE_THREAD | PIDNS_CLONE_SIGHAND | PIDNS_CLONE_VM,
				     &thread, NULL),
			 0);
	assert_int_equal(pidns_clone(child[1], PIDNS_CLONE_NEWPID | PIDNS_SIGCHLD, &below, NULL), 0);
	no_more_memory(s);
	assert_int_equal(pidns_setsid(child[2]), 4);
	assert_int_equal(pidns_setpgid(s->init, 5, 5), 0);
	assert_int_equal(pidns_exec(thread), 0); /* it lives in child[0]'s place from now on */
	assert_int_equal(pidns_wait4(s->init, 5, 0, &waited), PIDNS_BLOCKS);
	assert_int_equal(pidns_exit(child[3], 7), PIDNS_ENDED);
	assert_int_equal(pidns_returned(s->init, &waited), 5);
	assert_int_equal(pidns_kill(s->init, 4, PIDNS_SIGKILL), 0);
	assert_int_equal(pidns_wait4(s->init, 4, PIDNS_WNOHANG, &waited), 4);
	assert_int_equal(pidns_exit_group(child[1], 0), PIDNS_ENDED);
	assert_int_equal(pidns_exit(s->init, 0), PIDNS_ENDED);
	assert_int_equal(pidns_wait4(s->boot, -1, 0, &waited), 2);
	assert_int_equal(pidns_ns_count(pidns_root(s->w)), 1);
	assert_null(pidns_check(s->w));
	mem_disarm(&s->mem);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_birth_that_lacks_memory_has_not_been),
		IT(a_chosen_number_that_lacks_a_table_is_not_taken),
		IT(an_outer_level_that_lacks_a_table_puts_inner_cursors_back),
		IT(an_exec_that_lacks_a_table_of_signals_of_its_own_has_not_been),
		IT(an_unshare_that_lacks_memory_has_not_been),
		IT(a_pidfd_that_lacks_memory_holds_no_reference),
		IT(identities_at_33_levels_are_made_whole_or_not_at_all),
		IT(a_boot_that_lacks_memory_can_be_repeated),
		IT(a_boot_where_number_1_is_taken_says_so),
		IT(a_world_that_lacks_memory_leaves_none_behind),
		IT(a_signal_that_lacks_memory_arrives_without_its_sender),
		IT(whoever_lives_can_wait_leave_and_die_without_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-memory", tests, NULL, NULL);
}
