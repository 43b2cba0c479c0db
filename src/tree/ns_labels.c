/* SPDX-License-Identifier: MIT */
/* ns_labels.c: namespaces by their labels: an open hash table, at most half full. */
#include "ns_labels.h"

#include <errno.h>
#include <string.h>

struct ns_label_slot {
	struct tree_str label;
	int32_t ns;
};

int ns_labels_init(struct ns_labels *l, struct tree__pool *pool, size_t count)
{
	size_t slots = 16;

	while (slots < 2 * count)
		slots *= 2;
	l->slots = tree__pool_alloc(pool, slots * sizeof *l->slots);
	l->mask = slots - 1;
	return l->slots ? 0 : -ENOMEM;
}

/* The slot of a label, used or empty. */
static struct ns_label_slot *slot_of(const struct ns_labels *l, const char *bytes, size_t len)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
	size_t i = (size_t)(hash ^ hash >> 32) & l->mask;
	for (; l->slots[i].label.bytes; i = (i + 1) & l->mask)
		if (l->slots[i].label.len == len && memcmp(l->slots[i].label.bytes, bytes, len) == 0)
			break;
	return &l->slots[i];
}

static int32_t find(const struct ns_labels *l, const char *bytes, size_t len)
{
	const struct ns_label_slot *slot = slot_of(l, bytes, len);

	return slot->label.bytes ? slot->ns : TREE_NONE;
}

int32_t ns_labels_find(const struct ns_labels *l, struct tree_str label)
{
	return find(l, label.bytes, label.len);
}

int32_t ns_labels_find_outer(const struct ns_labels *l, struct tree_str label)
{
	size_t len = label.len;

	while (len > 0 && label.bytes[len - 1] != '/')
		len--;
	return len < 2 ? TREE_NONE : find(l, label.bytes, len - 1);
}

void ns_labels_bind(struct ns_labels *l, struct tree_str label, int32_t ns)
{
	*slot_of(l, label.bytes, label.len) = (struct ns_label_slot){ .label = label, .ns = ns };
}
