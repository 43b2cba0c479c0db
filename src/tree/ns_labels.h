/* SPDX-License-Identifier: MIT */
/* ns_labels.h: namespaces by the labels that a file gives them; see ns_labels.c. */
#ifndef SETTID_NS_LABELS_H
#define SETTID_NS_LABELS_H

#include "tree/internal.h"

struct ns_labels {
	struct ns_label_slot *slots;
	size_t mask;
};

/* Room for that many labels, from the pool.  0 or -ENOMEM. */
int ns_labels_init(struct ns_labels *l, struct tree__pool *pool, size_t count);
/* TREE_NONE: nobody has it. */
int32_t ns_labels_find(const struct ns_labels *l, struct tree_str label);
/* The one that a label OUTER/INNER names before its last slash; TREE_NONE: none, or nobody has it. */
int32_t ns_labels_find_outer(const struct ns_labels *l, struct tree_str label);
void ns_labels_bind(struct ns_labels *l, struct tree_str label, int32_t ns);

#endif
