/* SPDX-License-Identifier: MIT */
/*
 * ns.c: a namespace's life, and the two files that show and steer its numbers.
 *
 * Owns:    pidns_ns but its tables (table.c) and identities (number.c).
 * Keeps:   (S1) a namespace lives while it has a reference: the embedder's, a task's whose children will live there, a
 *               namespace's below it, or that of all its identities together;
 *          (S2) closed never becomes open (I9).
 */
#include "internal.h"

int32_t pidns_ns_new(struct pidns_world *w, struct pidns_ns *parent, struct pidns_user_ns *owner,
		     struct pidns_ns **out)
{
	struct pidns_ns *ns;

	if (parent && parent->level == PIDNS_LEVEL_MAX)
		return -PIDNS_ENOSPC;
	ns = pidns__alloc(w, sizeof *ns);
	if (!ns)
		return -PIDNS_ENOMEM;
	ns->world = w;
	ns->parent = parent ? pidns_ns_get(parent) : NULL;
	ns->owner = pidns__user_ns_get(owner ? owner : &w->user_ns);
	ns->level = parent ? parent->level + 1 : 0;
	ns->pid_max = PIDNS_NUMBER_MAX;
	ns->limit = pidns__has(w, PIDNS_HAS_OWN_PID_MAX) ? &ns->pid_max : &w->pid_max;
	pidns__count_set(&ns->refs, 1);
	pidns__lock(w, &w->lock);
	pidns__list_add(&w->namespaces, &ns->node);
	pidns__unlock(w, &w->lock);
	*out = ns;
	return 0;
}

/* Identities' memory stays what it is (N4): the next namespace of that level takes it over. */
static void ns_free(struct pidns_ns *ns)
{
	struct pidns_world *w = ns->world;
	struct pidns__slab *slab, *next;

	pidns__table_done(ns);
	pidns__lock(w, &w->lock);
	pidns__list_remove(&ns->node);
	for (slab = ns->slabs; slab; slab = next) {
		next = slab->next;
		slab->next = w->spare[ns->level];
		w->spare[ns->level] = slab;
	}
	pidns__unlock(w, &w->lock);
	pidns__user_ns_put(ns->owner);
	pidns__free(w, ns, sizeof *ns);
}

struct pidns_ns *pidns_ns_get(struct pidns_ns *ns)
{
	pidns__count_up(&ns->refs);
	return ns;
}

void pidns_ns_put(struct pidns_ns *ns)
{
	while (ns && pidns__count_down(&ns->refs)) {
		struct pidns_ns *parent = ns->parent;

		ns_free(ns);
		ns = parent;
	}
}

struct pidns_ns *pidns_ns_parent(const struct pidns_ns *ns)
{
	return ns->parent;
}

int32_t pidns_ns_level(const struct pidns_ns *ns)
{
	return ns->level;
}

bool pidns_ns_contains(const struct pidns_ns *outer, const struct pidns_ns *inner)
{
	while (inner && inner->level > outer->level)
		inner = inner->parent;
	return inner == outer;
}

uint32_t pidns_ns_count(struct pidns_ns *ns)
{
	uint32_t count;

	pidns__lock(ns->world, &ns->lock);
	count = ns->count;
	pidns__unlock(ns->world, &ns->lock);
	return count;
}

bool pidns_ns_is_closed(struct pidns_ns *ns)
{
	bool closed;

	pidns__lock(ns->world, &ns->lock);
	closed = ns->closed;
	pidns__unlock(ns->world, &ns->lock);
	return closed;
}

void pidns_ns_close(struct pidns_ns *ns)
{
	pidns__lock(ns->world, &ns->lock);
	ns->closed = true;
	pidns__unlock(ns->world, &ns->lock);
}

bool pidns_ns_had_init(struct pidns_ns *ns)
{
	bool had;

	pidns__lock(ns->world, &ns->lock);
	had = ns->had_init;
	pidns__unlock(ns->world, &ns->lock);
	return had;
}

void pidns_ns_has_init(struct pidns_ns *ns)
{
	pidns__lock(ns->world, &ns->lock);
	ns->had_init = true;
	pidns__unlock(ns->world, &ns->lock);
}

/* ------------------------------------------------------------------------------------------- files -- */

int32_t pidns_ns_last(struct pidns_ns *ns)
{
	int32_t last;

	pidns__lock(ns->world, &ns->lock);
	last = (int32_t)ns->cursor - 1;
	pidns__unlock(ns->world, &ns->lock);
	return last;
}

int32_t pidns_ns_set_last(struct pidns_ns *ns, int64_t value)
{
	int32_t r = 0;

	pidns__lock(ns->world, &ns->lock);
	if (value < 0 || value > pidns_ns_pid_max(ns))
		r = -PIDNS_EINVAL;
	else
		ns->cursor = (uint32_t)value + 1;
	pidns__unlock(ns->world, &ns->lock);
	return r;
}

int32_t pidns_ns_pid_max(struct pidns_ns *ns)
{
	return pidns__peek(ns->limit);
}

int32_t pidns_ns_set_pid_max(struct pidns_ns *ns, int64_t value)
{
	int32_t least = 8 * ns->world->cpus > 301 ? 8 * ns->world->cpus : 301;

	if (value < least || value > PIDNS_NUMBER_MAX)
		return -PIDNS_EINVAL;
	pidns__poke(ns->limit, (int32_t)value);
	return 0;
}
