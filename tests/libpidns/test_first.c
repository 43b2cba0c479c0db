/* SPDX-License-Identifier: MIT */
/*
 * test_first.c: libpidns's first steps: a world, the example that the project began with, an error that names its holder.
 */
#include <pidns.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void *give(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void take(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

static const struct pidns_env env = { .size = sizeof env, .alloc = give, .free = take };

struct scene {
	struct pidns_world *w;
	struct pidns_task *boot, *container; /* level 0 and 1 */
};

static struct pidns_task *child_of(struct pidns_task *parent, uint64_t flags, const int32_t *set_tid,
				   size_t len)
{
	struct pidns_clone_args args = {
		.flags = flags, .exit_signal = PIDNS_SIGCHLD, .set_tid = set_tid, .set_tid_size = len
	};
	struct pidns_task *child;

	assert_int_equal(pidns_clone3(parent, &args, &child, NULL), 0);
	return child;
}

static int set_up(void **state)
{
	static struct scene s;

	assert_int_equal(pidns_world_new(&env, NULL, &s.w), 0);
	assert_int_equal(pidns_boot(s.w, &s.boot), 0);
	s.container = child_of(s.boot, PIDNS_CLONE_NEWPID, NULL, 0);
	*state = &s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	assert_null(pidns_check(s->w));
	pidns_world_free(s->w);
	return 0;
}

static void one_call_chooses_the_numbers_of_three_levels(void **state)
{
	static const int32_t set_tid[] = { 1, 42, 31496 };
	struct scene *s = *state;
	struct pidns_task *t = child_of(s->container, PIDNS_CLONE_NEWPID, set_tid, 3);

	assert_int_equal(pidns_id_number(pidns_task_id(t), 0), 31496);
	assert_int_equal(pidns_id_number(pidns_task_id(t), 1), 42);
	assert_int_equal(pidns_id_number(pidns_task_id(t), 2), 1);
	assert_ptr_equal(pidns_find(pidns_task_ns(s->container), 42), pidns_task_id(t));
}

static void a_taken_number_is_told_with_level_number_and_holder(void **state)
{
	static const int32_t taken[] = { 7, 42 }, wish[] = { 8, 42 };
	struct scene *s = *state;
	struct pidns_clone_args args = { .exit_signal = PIDNS_SIGCHLD, .set_tid = wish, .set_tid_size = 2 };
	struct pidns_task *zombie = child_of(s->container, 0, taken, 2), *child;
	struct pidns_error err;

	pidns_exit(zombie, 0);
	assert_int_equal(pidns_clone3(s->container, &args, &child, &err), -PIDNS_EEXIST);
	assert_int_equal(err.index, 1);
	assert_int_equal(err.level, 0);
	assert_int_equal(err.number, 42);
	assert_int_equal(err.holder, PIDNS_HOLDER_ZOMBIE);
	assert_ptr_equal(err.task, zombie);
}

static void a_wait_that_has_to_wait_is_completed_by_the_death(void **state)
{
	struct scene *s = *state;
	struct pidns_task *child = child_of(s->container, 0, NULL, 0);
	struct pidns_waited found;

	assert_int_equal(pidns_wait4(s->container, -1, 0, &found), PIDNS_BLOCKS);
	assert_int_equal(pidns_state(s->container), PIDNS_WAITING);
	assert_int_equal(pidns_exit(child, 3), PIDNS_ENDED);
	assert_int_equal(pidns_returned(s->container, &found), 2);
	assert_int_equal(found.status, 3 << 8);
}

static void a_namespace_dies_with_its_init(void **state)
{
	struct scene *s = *state;
	struct pidns_waited found;

	child_of(child_of(s->container, 0, NULL, 0), PIDNS_CLONE_NEWPID, NULL, 0);
	assert_int_equal(pidns_kill(s->boot, 2, PIDNS_SIGKILL), 0);
	assert_int_equal(pidns_wait4(s->boot, 2, 0, &found), 2);
	assert_int_equal(found.status, PIDNS_SIGKILL);
	assert_int_equal(pidns_ns_count(pidns_root(s->w)), 1);
}

/* Group and session 0 are the world's: members come and go, and it stays. */
static void nobody_is_left_in_the_first_group(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pidns_setsid(s->boot), 1);
	assert_int_equal(pidns_setsid(s->container), 1);
	assert_null(pidns_check(s->w));
	child_of(s->boot, 0, NULL, 0);
	assert_null(pidns_check(s->w));
}

/* Seen on 6.1, 6.12 and 6.18: a request that a kernel does not have is no ioctl, or none of a pidfd's. */
static void a_request_that_came_later_is_refused_as_its_version_does(void **state)
{
	static const struct {
		const char *version;
		int32_t want;
	} rows[] = { { "6.1", -PIDNS_ENOTTY }, { "6.12", -PIDNS_EINVAL }, { "6.18", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pidns_config config = { .size = sizeof config,
					       .features = pidns_profile(rows[i].version, NULL) };
		struct pidns_pidfd_info info;
		struct pidns_world *w;
		struct pidns_task *boot;
		struct pidns_pidfd *fd;

		assert_int_equal(pidns_world_new(&env, &config, &w), 0);
		assert_int_equal(pidns_boot(w, &boot), 0);
		assert_int_equal(pidns_pidfd_open(boot, 1, 0, &fd), 0);
		assert_int_equal(pidns_pidfd_info(boot, fd, &info), rows[i].want);
		pidns_pidfd_close(fd);
		pidns_world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_that_came_later_is_refused_as_its_version_does),
		cmocka_unit_test_setup_teardown(one_call_chooses_the_numbers_of_three_levels, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_taken_number_is_told_with_level_number_and_holder, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_wait_that_has_to_wait_is_completed_by_the_death, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_namespace_dies_with_its_init, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_is_left_in_the_first_group, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-first", tests, NULL, NULL);
}
