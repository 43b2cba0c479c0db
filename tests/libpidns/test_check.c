/* SPDX-License-Identifier: MIT */
/*
 * test_check.c: pidns_check() finds each invariant that is broken: one word of a sound world is changed, and changed back.
 *
 * Owns:    nothing; the one test that knows what is inside.
 * Keeps:   the world is sound before and after each change, so that it is this change that was found.
 */
#include "libpidns/internal.h"
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
	struct mem mem;
	struct pidns_world *w;
	struct pidns_task *boot, *init, *a, *b, *thread, *zombie;
};

static struct pidns_task *child_of(struct pidns_task *parent, uint64_t flags)
{
	struct pidns_clone_args args = { .flags = flags,
					 .exit_signal = flags & PIDNS_CLONE_THREAD ? 0 : PIDNS_SIGCHLD };
	struct pidns_task *child;

	assert_int_equal(pidns_clone3(parent, &args, &child, NULL), 0);
	return child;
}

static int set_up(void **state)
{
	static struct scene s;
	struct pidns_env env = mem_env(&s.mem);

	s.mem = (struct mem){ 0 };
	assert_int_equal(pidns_world_new(&env, NULL, &s.w), 0);
	assert_int_equal(pidns_boot(s.w, &s.boot), 0);
	s.init = child_of(s.boot, PIDNS_CLONE_NEWPID);
	s.a = child_of(s.init, 0);
	s.b = child_of(s.init, 0);
	s.thread = child_of(s.a, PIDNS_CLONE_THREAD | PIDNS_CLONE_SIGHAND | PIDNS_CLONE_VM);
	s.zombie = child_of(s.a, 0);
	assert_int_equal(pidns_exit_group(s.zombie, 0), PIDNS_ENDED);
	assert_null(pidns_check(s.w));
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

static void must_find(const struct scene *s, const char *name, const char *what)
{
	const char *found = pidns_check(s->w);

	if (!found)
		fail_msg("%s: nothing found", what);
	else if (strncmp(found, name, strlen(name)) != 0)
		fail_msg("%s: found \"%s\", not %s", what, found, name);
}

/* The lvalue is `value` for one check, which finds `name`. */
#define BREAK(s, lvalue, value, name)                   \
	do {                                            \
		__typeof__(lvalue) was = (lvalue);      \
		(lvalue) = (value);                     \
		must_find(s, name, #lvalue "=" #value); \
		(lvalue) = was;                         \
		assert_null(pidns_check((s)->w));       \
	} while (0)

static void links_that_are_not_linked_back(void **state)
{
	struct scene *s = *state;
	int32_t group = pidns_getpid(s->a);
	struct pidns_link *first;

	assert_int_equal(pidns_setpgid(s->a, 0, 0), 0);
	assert_int_equal(pidns_setpgid(s->b, 0, group), 0);
	first = s->a->pid.id->u.first[PIDNS_PGID];
	assert_non_null(first->next);
	BREAK(s, first->prev, first->next, "L2");
	BREAK(s, first->next->prev, NULL, "L2");
	BREAK(s, first->id, s->b->pid.id, "L1");
}

static void a_number_that_nobody_uses(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id = s->b->pid.id;
	struct pidns_link *pid = id->u.first[PIDNS_PID], *tgid = id->u.first[PIDNS_TGID];

	id->u.first[PIDNS_TGID] = NULL;
	BREAK(s, id->u.first[PIDNS_PID], NULL, "I2");
	id->u.first[PIDNS_TGID] = tgid;
	BREAK(s, id->u.first[PIDNS_PID], NULL, "I3");
	assert_ptr_equal(id->u.first[PIDNS_PID], pid);
}

static void two_links_as_one_process(void **state)
{
	struct scene *s = *state;
	struct pidns_link *first = s->b->pid.id->u.first[PIDNS_PID],
			  other = { .id = first->id, .prev = first };

	BREAK(s, first->next, &other, "I3");
}

static void children_and_their_parents(void **state)
{
	struct scene *s = *state;

	BREAK(s, s->b->parent, s->a, "E3");
	BREAK(s, s->init->children_ns, s->w->root, "I6");
	BREAK(s, s->a->left, true, "I11");
	BREAK(s, s->thread->process, s->b->process, "E2");
}

static void tasks_that_wait_or_have_something_left_to_do(void **state)
{
	struct scene *s = *state;
	struct pidns_link *pid = &s->b->pid;

	BREAK(s, s->b->wait.id, pid->id, "V1");
	s->zombie->waiting = true;
	must_find(s, "V1", "a zombie waits");
	s->zombie->waiting = false;
	BREAK(s, s->b->doomed, true, "W1");
	BREAK(s, s->b->pending.set, 1u << 14, "D1");
	BREAK(s, s->b->process->pending.set, 1u << 14, "D1");
	pidns__list_add(&s->w->work, &s->b->work);
	must_find(s, "W1", "work that is left");
	pidns__list_remove(&s->b->work);
	pidns__list_add(&s->w->dying, &s->b->work);
	must_find(s, "W1", "a death that is left");
	pidns__list_remove(&s->b->work);
}

static void processes_that_count_wrong(void **state)
{
	struct scene *s = *state;

	BREAK(s, s->a->process->threads_len, 3, "E2");
	BREAK(s, s->a->process->live, 1, "E2");
	BREAK(s, s->a->is_zombie, true, "E2");
	BREAK(s, s->thread->exiting, true, "E2");
}

static void groups_and_sessions(void **state)
{
	struct scene *s = *state;
	struct pidns_link *sid = &s->b->process->link[PIDNS_SID], *pgid = &s->a->process->link[PIDNS_PGID];
	struct pidns_id *session = sid->id;

	assert_int_equal(pidns_setpgid(s->a, 0, 0), 0);
	assert_int_equal(pidns_setpgid(s->b, 0, pidns_getpid(s->a)), 0);
	pidns_change(sid, s->b->pid.id, PIDNS_SID);
	must_find(s, "I4", "a group in two sessions");
	pidns_change(sid, session, PIDNS_SID);
	assert_int_equal(pidns_setpgid(s->b, 0, 0), 0);
	assert_int_equal(pidns_setsid(s->a), -PIDNS_EPERM); /* it leads a group */
	assert_int_equal(pidns_setpgid(s->a, 0, pidns_getpid(s->b)), 0);
	assert_int_equal(pidns_setsid(s->a), pidns_getpid(s->a));
	pidns_change(pgid, s->b->pid.id, PIDNS_PGID);
	must_find(s, "I", "a founder outside its group");
	pidns_change(pgid, s->a->pid.id, PIDNS_PGID);
	/* a link that stands where it was, and says something else */
	BREAK(s, s->a->process->link[PIDNS_TGID].id, s->init->pid.id, "L1");
	BREAK(s, s->a->process->link[PIDNS_SID].id, s->b->pid.id, "L1");
}

static void namespaces_that_count_wrong(void **state)
{
	struct scene *s = *state;
	struct pidns_ns *ns = pidns_task_ns(s->a);

	BREAK(s, ns->count, ns->count + 1, "T1");
	BREAK(s, ns->reaper, NULL, "I8");
	BREAK(s, s->w->root->reaper, NULL, "I8");
}

static void a_namespace_that_is_empty_and_open(void **state)
{
	struct scene *s = *state;
	struct pidns_ns *ns;

	assert_int_equal(pidns_ns_new(s->w, s->w->root, NULL, &ns), 0);
	pidns_ns_has_init(ns);
	must_find(s, "I9", "an empty namespace that had an init");
	pidns_ns_close(ns);
	assert_null(pidns_check(s->w));
	pidns_ns_put(ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(links_that_are_not_linked_back),
		IT(a_number_that_nobody_uses),
		IT(two_links_as_one_process),
		IT(children_and_their_parents),
		IT(tasks_that_wait_or_have_something_left_to_do),
		IT(processes_that_count_wrong),
		IT(groups_and_sessions),
		IT(namespaces_that_count_wrong),
		IT(a_namespace_that_is_empty_and_open),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-check", tests, NULL, NULL);
}
