/* SPDX-License-Identifier: MIT */
/* scene.c: three namespaces, one in the other, and what tests of numbers ask of them. */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int scene_open(void **state, const char *version)
{
	static struct scene s;
	struct pidns_env env = mem_env(&s.mem);
	struct pidns_config config = { .size = sizeof config, .features = pidns_profile(version, NULL) };

	s.mem = (struct mem){ 0 };
	assert_int_equal(pidns_world_new(&env, &config, &s.w), 0);
	s.ns[0] = pidns_root(s.w);
	assert_int_equal(pidns_ns_new(s.w, s.ns[0], NULL, &s.ns[1]), 0);
	assert_int_equal(pidns_ns_new(s.w, s.ns[1], NULL, &s.ns[2]), 0);
	*state = &s;
	return 0;
}

int scene_6_18(void **state)
{
	return scene_open(state, "6.18");
}

int scene_6_1(void **state)
{
	return scene_open(state, "6.1");
}

int scene_end(void **state)
{
	struct scene *s = *state;

	assert_null(pidns_check(s->w));
	pidns_world_free(s->w);
	assert_int_equal(s->mem.bytes, 0);
	return 0;
}

struct pidns_id *must(struct pidns_ns *ns, const int32_t *set_tid, size_t len)
{
	struct pidns_wish wish = { .set_tid = set_tid, .len = len };
	struct pidns_id *id = NULL;

	assert_int_equal(pidns_id_new(ns, len ? &wish : NULL, &id, NULL), 0);
	return id;
}

int32_t next(struct pidns_ns *ns)
{
	return pidns_id_number_in(must(ns, NULL, 0), ns);
}

struct pidns_error refused(struct pidns_ns *ns, const int32_t *set_tid, size_t len)
{
	struct pidns_wish wish = { .set_tid = set_tid, .len = len };
	struct pidns_error err = { .code = 1 };
	struct pidns_id *id = NULL;
	int32_t r = pidns_id_new(ns, len ? &wish : NULL, &id, &err);

	assert_true(r < 0);
	assert_int_equal(err.code, r);
	assert_null(id);
	return err;
}

void assert_error(struct pidns_error err, int32_t code, int32_t index, int32_t level, int32_t number)
{
	assert_int_equal(err.code, code);
	assert_int_equal(err.index, index);
	assert_int_equal(err.level, level);
	assert_int_equal(err.number, number);
}

/* An init in both inner namespaces; cursors are 2 at level 2, 3 at level 1, 3 at level 0 … */
void with_inits(struct scene *s)
{
	for (int level = 0; level < 3; level++) {
		must(s->ns[level], NULL, 0);
		pidns_ns_has_init(s->ns[level]);
	}
}

void set_last(struct pidns_ns *ns, int64_t value)
{
	assert_int_equal(pidns_ns_set_last(ns, value), 0);
}

/* All of 300 .. pid_max - 1 is taken, and the cursor is behind it. */
void fill(struct pidns_ns *ns)
{
	assert_int_equal(pidns_ns_set_pid_max(ns, 301), 0);
	set_last(ns, 299);
	assert_int_equal(next(ns), 300);
}
