/* SPDX-License-Identifier: MIT */
/*
 * numbers.c: who has a number in a namespace of the tree.
 *
 * Owns:    struct tree__numbers, an open-addressing table that is never more than half full.
 * Keeps:   (N1) of internal.h: one holder per namespace and number.
 * Costs:   put and find O(1); 24 bytes a slot, two slots a number.
 */
#include "tree/internal.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t key_of(int32_t ns, int32_t number)
{
	return (uint64_t)(uint32_t)(ns + 1) << 32 | (uint32_t)number;
}

/* Numbers come in runs; a multiplication spreads them over the table. */
static size_t slot_of(const struct tree__numbers *n, uint64_t key)
{
	return (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & n->mask;
}

int tree__numbers_init(struct tree *t, size_t count)
{
	struct tree__numbers *n = &t->arena->numbers;
	free(n->slots);
	*n = (struct tree__numbers){ 0 };
	size_t slots = 16;
	while (slots < 2 * count)
		slots *= 2;
	n->slots = calloc(slots, sizeof *n->slots);
	if (!n->slots)
		return -ENOMEM;
	n->mask = slots - 1;
	return 0;
}

static struct tree__holder *slot_for(const struct tree__numbers *n, uint64_t key)
{
	size_t i = slot_of(n, key);
	while (n->slots[i].key != 0 && n->slots[i].key != key)
		i = (i + 1) & n->mask;
	return &n->slots[i];
}

const struct tree__holder *tree__number_find(const struct tree *t, int32_t ns, int32_t number)
{
	const struct tree__numbers *n = &t->arena->numbers;
	if (!n->mask || number < 1)
		return NULL;
	const struct tree__holder *h = slot_for(n, key_of(ns, number));
	return h->key ? h : NULL;
}

const struct tree__holder *tree__number_put(struct tree *t, int32_t ns, int32_t number,
					    struct tree__holder who)
{
	uint64_t key = key_of(ns, number);
	struct tree__holder *h = slot_for(&t->arena->numbers, key);
	if (h->key)
		return h;
	*h = who;
	h->key = key;
	return NULL;
}

static void add_line(const struct tree *t, char *out, size_t size, int len, uint32_t line)
{
	if (line && len > 0 && (size_t)len < size)
		(void)snprintf(out + len, size - (size_t)len, " (%s %u)",
			       t->lines_are_offsets ? "offset" : "line", line);
}

void tree__holder_words(const struct tree *t, const struct tree__holder *h, char *out, size_t size)
{
	if (h->kind == TREE__GHOST) {
		const struct tree_ghost *g = &t->ghosts[h->index];
		add_line(t, out, size, snprintf(out, size, "ghost %d", (int)g->nspid[0]), g->line);
		return;
	}
	const struct tree_process *p = &t->processes[h->index];
	int len = h->kind == TREE__THREAD ? snprintf(out, size, "thread %d of process %d",
						     (int)p->threads[h->thread].nspid[0], (int)p->nspid[0])
					  : snprintf(out, size, "process %d", (int)p->nspid[0]);
	add_line(t, out, size, len, p->line);
}
