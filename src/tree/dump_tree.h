/* SPDX-License-Identifier: MIT */
/*
 * dump_tree.h: from a pass over /proc to a tree; shared by dump.c, dump_tree.c and dump_labels.c alone.
 */
#ifndef SETTID_TREE_DUMP_TREE_H
#define SETTID_TREE_DUMP_TREE_H

#include "tree/proc_read.h"
#include "tree/tree.h"

/* Numbers to indices: open addressing, key 0 is free. */
struct dump_map {
	int32_t *keys, *values;
	size_t mask;
};

struct dump {
	struct proc_reader *r;
	const struct proc_pass *p;
	struct tree *t; /* processes[i] is made of record i */
	struct tree_error *err;
	struct dump_map by_pid;    /* the procfs mount's numbers to records */
	struct dump_map by_number; /* level-0 numbers to records */
	struct dump_map ghosts;    /* level-0 numbers to ghosts of the tree */
};

int dump_map_init(struct dump_map *m, size_t count);
void dump_map_done(struct dump_map *m);
/* The value of a key, or `none` when it has none yet and is to get `value`: TREE_NONE then. */
int32_t dump_map_put(struct dump_map *m, int32_t key, int32_t value);
int32_t dump_map_get(const struct dump_map *m, int32_t key); /* TREE_NONE = not there */

/* The record of a record's parent, or NULL when that is outside. */
const struct proc_record *dump_parent(const struct dump *d, const struct proc_record *rec);

/* dump_tree.c: makes d->t of d->p, validated.  -EAGAIN: the tree moved after all. */
int dump_make_tree(struct dump *d);
/* dump_labels.c: gives ns, children_ns and ghosts the labels that they need, and no others. */
int dump_label(struct dump *d);

#endif
