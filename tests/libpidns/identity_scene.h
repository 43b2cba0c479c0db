/* SPDX-License-Identifier: MIT */
/*
 * identity_scene.h: a world with a namespace in another, both with an init, for the tests of identities.
 *
 * Keeps:   after each test the library's own invariants hold, and its memory has been given back.
 */
#ifndef PIDNS_TESTS_IDENTITY_SCENE_H
#define PIDNS_TESTS_IDENTITY_SCENE_H

#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct scene {
	struct mem mem;
	struct pidns_world *w;
	struct pidns_ns *root, *inner;
};

static inline int set_up(void **state)
{
	static struct scene s;
	struct pidns_env env = mem_env(&s.mem);

	s.mem = (struct mem){ 0 };
	assert_int_equal(pidns_world_new(&env, NULL, &s.w), 0);
	s.root = pidns_root(s.w);
	assert_int_equal(pidns_ns_new(s.w, s.root, NULL, &s.inner), 0);
	pidns_ns_has_init(s.root);
	pidns_ns_has_init(s.inner);
	*state = &s;
	return 0;
}

static inline int tear_down(void **state)
{
	struct scene *s = *state;

	assert_null(pidns_check(s->w));
	pidns_world_free(s->w);
	assert_int_equal(s->mem.bytes, 0);
	assert_int_equal(s->mem.blocks, 0);
	return 0;
}

static inline struct pidns_id *make(struct pidns_ns *ns)
{
	struct pidns_id *id = NULL;

	assert_int_equal(pidns_id_new(ns, NULL, &id, NULL), 0);
	return id;
}

static inline struct pidns_id *make_at(struct pidns_ns *ns, int32_t nr)
{
	struct pidns_wish wish = { .set_tid = &nr, .len = 1 };
	struct pidns_id *id = NULL;

	assert_int_equal(pidns_id_new(ns, &wish, &id, NULL), 0);
	return id;
}

#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
