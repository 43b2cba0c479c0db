/* SPDX-License-Identifier: MIT */
/* wanted.h: which numbers a tree needs in one of its namespaces; see wanted.c. */
#ifndef SETTID_TREE_WANTED_H
#define SETTID_TREE_WANTED_H

#include "tree.h"

/* A number, and who in the tree has it: processes[index], its threads[thread] (0: the process itself), or
 * ghosts[index]. */
struct tree_want {
	int32_t number;
	int32_t index;
	uint32_t thread;
	bool is_ghost;
};

/* Every number of a validated tree in namespaces[ns], ascending.  *out is malloc's; 0 or -ENOMEM. */
int tree_wanted(const struct tree *t, int32_t ns, struct tree_want **out, size_t *len);

/* "process 42", "thread 43 of process 42", "ghost 44". */
void tree_want_words(const struct tree *t, const struct tree_want *w, char *out, size_t size);

#endif
