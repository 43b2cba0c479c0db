/* SPDX-License-Identifier: MIT */
/*
 * test_attachment.c: what holds an identity's number, attachments of each kind, and the lives of namespaces and worlds.
 */
#include "identity_scene.h"

/* ------------------------------------------------------------------------------------- attachments -- */

struct process {
	struct pidns_link link[PIDNS_KINDS];
};

static void a_number_is_taken_until_the_last_attachment_of_any_kind_goes(void **state) /* R4.1 */
{
	struct scene *s = *state;
	struct pidns_id *id = make_at(s->inner, 50);
	struct process p = { 0 };

	for (int kind = 0; kind < PIDNS_KINDS; kind++) {
		pidns_attach(&p.link[kind], id, (enum pidns_kind)kind);
		assert_true(pidns_id_is_held(id, (enum pidns_kind)kind));
	}
	for (int kind = 0; kind < PIDNS_KINDS; kind++) {
		assert_ptr_equal(pidns_find(s->inner, 50), id);
		pidns_detach(&p.link[kind], (enum pidns_kind)kind);
		assert_null(p.link[kind].id);
	}
	assert_null(pidns_find(s->inner, 50));
	assert_int_equal(pidns_ns_count(s->root), 0);
}

static void members_are_listed_the_last_attached_first(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id = make(s->root);
	struct pidns_link link[4] = { 0 };
	const struct pidns_link *at;

	for (int i = 0; i < 4; i++)
		pidns_attach(&link[i], id, PIDNS_PGID);
	at = pidns_first(id, PIDNS_PGID);
	for (int i = 3; i >= 0; i--, at = pidns_after(at, PIDNS_PGID))
		assert_ptr_equal(at, &link[i]);
	assert_null(at);
	pidns_detach(&link[3], PIDNS_PGID);
	pidns_detach(&link[1], PIDNS_PGID);
	pidns_detach(&link[0], PIDNS_PGID);
	assert_ptr_equal(pidns_first(id, PIDNS_PGID), &link[2]);
	assert_null(pidns_after(&link[2], PIDNS_PGID));
	pidns_attach(&link[0], id, PIDNS_PGID);
	assert_ptr_equal(pidns_first(id, PIDNS_PGID), &link[0]);
	assert_ptr_equal(pidns_after(&link[0], PIDNS_PGID), &link[2]);
	pidns_detach(&link[2], PIDNS_PGID);
	pidns_detach(&link[0], PIDNS_PGID);
}

static void change_gives_the_old_number_back_if_it_was_the_last(void **state) /* R4.11 */
{
	struct scene *s = *state;
	struct pidns_id *a = make_at(s->root, 50), *b = make_at(s->root, 51);
	struct pidns_link one = { 0 }, two = { 0 }, keep = { 0 };

	pidns_attach(&one, a, PIDNS_PGID);
	pidns_attach(&two, a, PIDNS_PGID);
	pidns_attach(&keep, b, PIDNS_PID);
	pidns_change(&one, b, PIDNS_PGID);
	assert_ptr_equal(one.id, b);
	assert_ptr_equal(pidns_find(s->root, 50), a);
	pidns_change(&two, b, PIDNS_PGID);
	assert_null(pidns_find(s->root, 50));
	assert_ptr_equal(pidns_after(&two, PIDNS_PGID), &one);
	pidns_detach(&one, PIDNS_PGID);
	pidns_detach(&two, PIDNS_PGID);
	pidns_detach(&keep, PIDNS_PID);
}

static void change_to_the_same_identity_keeps_its_number(void **state)
{
	struct scene *s = *state;
	struct pidns_id *a = make_at(s->root, 50);
	struct pidns_link one = { 0 };

	pidns_attach(&one, a, PIDNS_PGID);
	pidns_change(&one, a, PIDNS_PGID);
	assert_ptr_equal(pidns_find(s->root, 50), a);
	pidns_detach(&one, PIDNS_PGID);
}

static void transfer_puts_a_link_in_the_others_place(void **state)
{
	struct scene *s = *state;
	struct pidns_id *id = make(s->root);
	struct pidns_link link[3] = { 0 }, to = { 0 };

	for (int place = 0; place < 3; place++) {
		const struct pidns_link *at;

		for (int i = 0; i < 3; i++)
			pidns_attach(&link[i], id, PIDNS_SID);
		pidns_attach(&(struct pidns_link){ 0 }, id, PIDNS_PID);
		pidns_transfer(&to, &link[place], PIDNS_SID);
		assert_null(link[place].id);
		at = pidns_first(id, PIDNS_SID);
		for (int i = 2; i >= 0; i--, at = pidns_after(at, PIDNS_SID))
			assert_ptr_equal(at, i == place ? &to : &link[i]);
		assert_null(at);
		pidns_transfer(&link[place], &to, PIDNS_SID);
		for (int i = 0; i < 3; i++)
			if (i < 2)
				pidns_detach(&link[i], PIDNS_SID);
		pidns_attach(&link[0], id, PIDNS_SID); /* the list's head is where it was */
		assert_ptr_equal(pidns_after(&link[0], PIDNS_SID), &link[2]);
		pidns_detach(&link[0], PIDNS_SID);
		pidns_detach(pidns_first(id, PIDNS_PID), PIDNS_PID);
		pidns_detach(&link[2], PIDNS_SID);
		id = make(s->root);
	}
	pidns_id_free(id);
}

static void exchange_gives_each_the_others_identity(void **state) /* R4.9 */
{
	struct scene *s = *state;
	struct pidns_id *a = make_at(s->root, 50), *b = make_at(s->root, 51);
	struct pidns_link one = { 0 }, two = { 0 };

	pidns_attach(&one, a, PIDNS_PID);
	pidns_attach(&two, b, PIDNS_PID);
	pidns_exchange(&one, &two, PIDNS_PID);
	assert_ptr_equal(one.id, b);
	assert_ptr_equal(two.id, a);
	assert_ptr_equal(pidns_first(a, PIDNS_PID), &two);
	assert_ptr_equal(pidns_first(b, PIDNS_PID), &one);
	pidns_detach(&one, PIDNS_PID);
	assert_null(pidns_find(s->root, 51));
	assert_ptr_equal(pidns_find(s->root, 50), a);
	pidns_detach(&two, PIDNS_PID);
}

/* -------------------------------------------------------------------------------------- namespaces -- */

static void a_namespace_lives_while_it_is_referred_to(void **state) /* S1 */
{
	struct scene *s = *state;
	size_t bytes = s->mem.bytes;
	struct pidns_ns *ns, *below;

	assert_int_equal(pidns_ns_new(s->w, s->root, NULL, &ns), 0);
	assert_int_equal(pidns_ns_new(s->w, ns, NULL, &below), 0);
	pidns_ns_get(below);
	pidns_ns_put(ns); /* the one below holds it */
	pidns_ns_put(below);
	assert_int_equal(pidns_ns_level(pidns_ns_parent(below)), 1);
	pidns_ns_put(below);
	assert_int_equal(s->mem.bytes, bytes);
	pidns_ns_put(NULL);
}

static void an_identity_keeps_its_namespace_and_those_above(void **state) /* S1 */
{
	struct scene *s = *state;
	size_t blocks = s->mem.blocks;
	struct pidns_ns *ns, *below;
	struct pidns_id *id;

	assert_int_equal(pidns_ns_new(s->w, s->root, NULL, &ns), 0);
	assert_int_equal(pidns_ns_new(s->w, ns, NULL, &below), 0);
	id = make(below);
	pidns_ns_put(ns);
	pidns_ns_put(below);
	assert_ptr_equal(pidns_id_ns(id), below);
	pidns_id_get(id);
	pidns_id_free(id);
	assert_ptr_equal(pidns_id_ns(id), below); /* a reference alone keeps it too */
	assert_int_equal(pidns_ns_level(below), 2);
	pidns_id_put(id);
	assert_in_range(s->mem.blocks, blocks, blocks + 2); /* the root's table, and a spare slab (N4) */
}

static void a_world_frees_all_whoever_holds_it(void **state)
{
	struct scene *s = *state;
	struct pidns_ns *ns;

	for (int i = 0; i < 1000; i++) {
		assert_int_equal(pidns_ns_new(s->w, i % 2 ? s->root : s->inner, NULL, &ns), 0);
		pidns_id_get(make(ns));
		if (i % 3)
			pidns_ns_get(ns);
		else
			pidns_ns_put(ns);
	}
	/* tear_down counts the bytes */
}

static void no_world_is_made_without_an_allocator(void **state)
{
	struct scene *s = *state;
	struct pidns_env env = mem_env(&s->mem), bad;
	struct pidns_config config = { .size = sizeof config, .cpus = -1 };
	struct pidns_world *w = NULL;

	bad = env;
	bad.alloc = NULL;
	assert_int_equal(pidns_world_new(&bad, NULL, &w), -PIDNS_EINVAL);
	bad = env;
	bad.free = NULL;
	assert_int_equal(pidns_world_new(&bad, NULL, &w), -PIDNS_EINVAL);
	bad = env;
	bad.size--;
	assert_int_equal(pidns_world_new(&bad, NULL, &w), -PIDNS_EINVAL);
	assert_int_equal(pidns_world_new(NULL, NULL, &w), -PIDNS_EINVAL);
	assert_int_equal(pidns_world_new(&env, &config, &w), -PIDNS_EINVAL);
	config.cpus = 0;
	config.size--;
	assert_int_equal(pidns_world_new(&env, &config, &w), -PIDNS_EINVAL);
	config.size++;
	config.pid_max = 300;
	assert_int_equal(pidns_world_new(&env, &config, &w), -PIDNS_EINVAL);
	assert_null(w);
	pidns_world_free(NULL);
}

static void names_are_linuxs(void **state)
{
	const char *since = NULL;
	bool known;

	(void)state;
	assert_string_equal(pidns_errname(-PIDNS_EEXIST), "EEXIST");
	assert_string_equal(pidns_errname(PIDNS_EAGAIN), "EAGAIN");
	assert_string_equal(pidns_errname(9999), "E?");
	assert_string_equal(pidns_holder_name(PIDNS_HOLDER_IDENTITY), "identity");
	assert_string_equal(pidns_holder_name((enum pidns_holder)99), "?");
	assert_string_equal(pidns_feature_name(8, &since), "own-pid-max");
	assert_string_equal(since, "6.14");
	assert_null(pidns_feature_name(99, NULL));
	assert_int_equal(pidns_profile("5.5", &known), 0);
	assert_true(known);
	assert_int_equal(pidns_profile("6.13", NULL) & PIDNS_HAS_OWN_PID_MAX, 0);
	assert_int_not_equal(pidns_profile("6.14", NULL) & PIDNS_HAS_OWN_PID_MAX, 0);
	for (const char *const *bad =
		     (const char *const[]){ "5.4", "5.20", "6.19", "7.0", "6", "6.", "6.1x", "", NULL };
	     *bad; bad++) {
		assert_int_equal(pidns_profile(*bad, &known), 0);
		assert_false(known);
	}
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_number_is_taken_until_the_last_attachment_of_any_kind_goes),
		IT(members_are_listed_the_last_attached_first),
		IT(change_gives_the_old_number_back_if_it_was_the_last),
		IT(change_to_the_same_identity_keeps_its_number),
		IT(transfer_puts_a_link_in_the_others_place),
		IT(exchange_gives_each_the_others_identity),
		IT(a_namespace_lives_while_it_is_referred_to),
		IT(an_identity_keeps_its_namespace_and_those_above),
		IT(a_world_frees_all_whoever_holds_it),
		IT(no_world_is_made_without_an_allocator),
		IT(names_are_linuxs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-attachment", tests, NULL, NULL);
}
