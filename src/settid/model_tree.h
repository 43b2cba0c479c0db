/* SPDX-License-Identifier: MIT */
/*
 * model_tree.h: a world of libpidns as a tree, as `settid dump` would find it.
 */
#ifndef SETTID_MODEL_TREE_H
#define SETTID_MODEL_TREE_H

#include <pidns.h>

#include "tree/tree.h"

struct model_tree_names {
	/* What a task is called, NULL = nothing. */
	const char *(*name)(void *ctx, const struct pidns_task *t);
	void *ctx;
};

/*
 * All that has a number in the world's first namespace, validated.  0, -ENOMEM, or -EINVAL with the reason when this
 * world cannot be a tree file: an init in a group that another process of its namespace founded, for one.
 */
int model_tree(struct pidns_world *w, const struct model_tree_names *names, struct tree **out,
	       struct tree_error *err);

#endif
