/* SPDX-License-Identifier: MIT */
/*
 * scene.h: three namespaces, one in the other, with an allocator that counts: where tests of numbers take place.
 *
 * Keeps: when a scene ends, its invariants hold and all memory has come back.
 */
#ifndef TEST_PIDNS_SCENE_H
#define TEST_PIDNS_SCENE_H

#include "mem.h"

struct scene {
	struct mem mem;
	struct pidns_world *w;
	struct pidns_ns *ns[3]; /* the root, one below it, one below that */
};

/* For cmocka: Linux 6.18's rules, or 6.1's. */
int scene_6_18(void **state);
int scene_6_1(void **state);
int scene_end(void **state);
/* It has to work. */
struct pidns_id *must(struct pidns_ns *ns, const int32_t *set_tid, size_t len);
/* The number of the next identity. */
int32_t next(struct pidns_ns *ns);
/* It has to be refused: with what. */
struct pidns_error refused(struct pidns_ns *ns, const int32_t *set_tid, size_t len);
void assert_error(struct pidns_error err, int32_t code, int32_t index, int32_t level, int32_t number);
/* An init in both inner namespaces; cursors are 2 at level 2, 3 at level 1, 3 at level 0 … */
void with_inits(struct scene *s);
void set_last(struct pidns_ns *ns, int64_t value);
/* All of 300 .. pid_max - 1 is taken, and the cursor is behind it. */
void fill(struct pidns_ns *ns);

#define WISH(...) (const int32_t[]){ __VA_ARGS__ }, sizeof((const int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t)

#endif
