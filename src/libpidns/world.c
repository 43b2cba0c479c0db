/* SPDX-License-Identifier: MIT */
/*
 * world.c: a world's beginning and end.
 *
 * Owns:    struct pidns_world.
 * Keeps:   (W3) what a world has allocated is on one of its lists: namespaces, user namespaces, spare slabs, stocks.
 */
#include "internal.h"

static void free_slabs(struct pidns_world *w, struct pidns__slab *slab, int32_t level)
{
	size_t head = (sizeof *slab + 15) & ~(size_t)15;
	size_t id = sizeof(struct pidns_id) + (size_t)(level + 1) * sizeof(struct pidns__upid);

	for (struct pidns__slab *next; slab; slab = next) {
		next = slab->next;
		pidns__free(w, slab, head + slab->len * id);
	}
}

void pidns_world_free(struct pidns_world *w)
{
	if (!w)
		return;
	pidns__each_safe(node, &w->namespaces) {
		struct pidns_ns *ns = pidns__of(node, struct pidns_ns, node);

		pidns__table_done(ns);
		free_slabs(w, ns->slabs, ns->level);
		pidns__free(w, ns, sizeof *ns);
	}
	pidns__each_safe(node, &w->user_namespaces) {
		struct pidns_user_ns *u = pidns__of(node, struct pidns_user_ns, node);

		pidns__free(w, u, sizeof *u);
	}
	for (int32_t level = 0; level <= PIDNS_LEVEL_MAX; level++)
		free_slabs(w, w->spare[level], level);
	pidns__objects_done(w);
	pidns__free(w, w, sizeof *w);
}

/* Number 0, which nobody can look up: what the first process's group and session are. */
static int32_t make_nobody(struct pidns_world *w)
{
	w->nobody = pidns__id_take(w->root);
	if (!w->nobody)
		return -PIDNS_ENOMEM;
	pidns__count_set(&w->nobody->refs, 1);
	w->nobody->at[0].ns = w->root;
	pidns__poke(&w->nobody->at[0].nr, 0);
	return 0;
}

static bool copy_config(struct pidns_world *w, const struct pidns_config *config)
{
	w->features = pidns_profile("6.18", NULL);
	w->cpus = 1;
	pidns__poke(&w->pid_max, PIDNS_NUMBER_MAX);
	if (!config)
		return true;
	if (config->size < sizeof *config || config->cpus < 0)
		return false;
	w->features = config->features;
	w->cpus = config->cpus ? config->cpus : 1;
	return true;
}

int32_t pidns_world_new(const struct pidns_env *env, const struct pidns_config *config,
			struct pidns_world **out)
{
	struct pidns_world *w;
	int32_t r;

	if (!env || env->size < sizeof *env || !env->alloc || !env->free || !env->lock != !env->unlock)
		return -PIDNS_EINVAL;
	w = env->alloc(env->ctx, sizeof *w);
	if (!w)
		return -PIDNS_ENOMEM;
	*w = (struct pidns_world){ .env = *env };
	pidns__list_init(&w->namespaces);
	pidns__list_init(&w->user_namespaces);
	pidns__list_init(&w->work);
	pidns__list_init(&w->dying);
	pidns__list_init(&w->processes);
	w->user_ns.world = w;
	w->user_ns.mapped = true;
	w->user_ns.max_ns = INT32_MAX;
	pidns__count_set(&w->user_ns.refs, 1);
	r = copy_config(w, config) ? pidns_ns_new(w, NULL, NULL, &w->root) : -PIDNS_EINVAL;
	if (r == 0 && config && config->pid_max)
		r = pidns_ns_set_pid_max(w->root, config->pid_max);
	if (r == 0)
		r = make_nobody(w);
	if (r < 0) {
		pidns_world_free(w);
		return r;
	}
	*out = w;
	return 0;
}

struct pidns_ns *pidns_root(struct pidns_world *w)
{
	return w->root;
}

uint32_t pidns_features(const struct pidns_world *w)
{
	return w->features;
}
