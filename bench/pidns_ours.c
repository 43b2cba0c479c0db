/* SPDX-License-Identifier: MIT */
/*
 * pidns_ours.c: libpidns's number layer as a subject, in a world's first namespace.
 */
#include <pidns.h>

#include "pidns_memory.h"

#define NAME pidns
#ifdef PIDNS_SINGLE_THREADED
#define TITLE "libpidns-single"
#else
#define TITLE "libpidns"
#endif
#define HAS_GET

struct pidns {
	struct pidns_world *w;
	struct pidns_ns *ns;
	struct memory memory;
	uint32_t end;
};

typedef struct pidns_id *handle_t;

static inline void op_limit(struct pidns *s, uint32_t end)
{
	if (pidns_ns_set_pid_max(s->ns, end < 301 ? 301 : (int64_t)end) < 0)
		abort();
}

static struct pidns *op_new(uint32_t end)
{
	struct pidns *s = calloc(1, sizeof *s);
	struct pidns_env env = {
		.size = sizeof env, .ctx = &s->memory, .alloc = memory_new, .free = memory_free
	};

	if (pidns_world_new(&env, NULL, &s->w) < 0)
		abort();
	s->ns = pidns_root(s->w);
	pidns_ns_has_init(s->ns);
	op_limit(s, end);
	return s;
}

static void op_free(struct pidns *s, uint32_t live)
{
	(void)live;
	pidns_world_free(s->w);
	free(s);
}

static inline handle_t op_take(struct pidns *s, uint32_t end)
{
	struct pidns_id *id;

	(void)end;
	if (pidns_id_new(s->ns, NULL, &id, NULL) < 0)
		abort();
	return id;
}

static inline handle_t op_wish(struct pidns *s, uint32_t nr)
{
	int32_t want = (int32_t)nr;
	struct pidns_wish wish = { .set_tid = &want, .len = 1 };
	struct pidns_id *id;

	if (pidns_id_new(s->ns, &wish, &id, NULL) < 0)
		abort();
	return id;
}

static inline uint32_t op_number(handle_t id)
{
	return (uint32_t)pidns_id_number(id, 0);
}

static inline void op_give_handle(struct pidns *s, handle_t id)
{
	(void)s;
	pidns_id_free(id);
}

static inline void *op_find(struct pidns *s, uint32_t nr)
{
	return pidns_find(s->ns, (int32_t)nr);
}

static inline handle_t op_handle(struct pidns *s, uint32_t nr)
{
	return pidns_find(s->ns, (int32_t)nr);
}

static inline void *op_get(struct pidns *s, uint32_t nr)
{
	return pidns_find_get(s->ns, (int32_t)nr);
}

static inline void op_put(void *id)
{
	pidns_id_put(id);
}

static inline void *op_next(struct pidns *s, uint32_t nr)
{
	return pidns_next(s->ns, (int32_t)nr);
}

static double op_bytes(void *self, uint32_t live)
{
	struct pidns *s = self;

	return (double)s->memory.bytes / live;
}

#include "pidns_loops.h"
