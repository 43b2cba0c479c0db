/* SPDX-License-Identifier: MIT */
/*
 * wanted.c: the numbers that a tree needs in one namespace: of processes, threads and ghosts.
 *
 * A process that lives deeper has a number in every namespace around its own: it counts in all of them.
 */
#include "wanted.h"

#include <errno.h>
#include <stdlib.h>

#include "internal.h"

struct wants {
	struct tree_want *at;
	size_t len, cap;
};

static int add(struct wants *w, struct tree_want want)
{
	if (w->len == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 64;
		struct tree_want *at = realloc(w->at, cap * sizeof *at);

		if (!at)
			return -ENOMEM;
		w->at = at;
		w->cap = cap;
	}
	w->at[w->len++] = want;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	int32_t x = ((const struct tree_want *)a)->number, y = ((const struct tree_want *)b)->number;

	return x < y ? -1 : x > y;
}

static int add_process(struct wants *w, const struct tree_process *p, int32_t index, unsigned level)
{
	int r = add(w, (struct tree_want){ .number = p->nspid[level], .index = index });

	for (uint32_t k = 1; r == 0 && k < p->threads_len; k++)
		r = add(w, (struct tree_want){
				   .number = p->threads[k].nspid[level], .index = index, .thread = k });
	return r;
}

int tree_wanted(const struct tree *t, int32_t ns, struct tree_want **out, size_t *len)
{
	unsigned level = t->namespaces[ns].level;
	struct wants w = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->processes_len; i++)
		if (tree__ns_is_below(t, t->processes[i].ns, ns))
			r = add_process(&w, &t->processes[i], (int32_t)i, level);
	for (size_t i = 0; r == 0 && i < t->ghosts_len; i++)
		if (tree__ns_is_below(t, t->ghosts[i].ns, ns))
			r = add(&w, (struct tree_want){ .number = t->ghosts[i].nspid[level],
							.index = (int32_t)i,
							.is_ghost = true });
	if (r < 0) {
		free(w.at);
		return r;
	}
	if (w.len)
		qsort(w.at, w.len, sizeof *w.at, by_number);
	*out = w.at;
	*len = w.len;
	return 0;
}

void tree_want_words(const struct tree *t, const struct tree_want *w, char *out, size_t size)
{
	const struct tree__holder h = { .index = w->index,
					.thread = w->thread,
					.kind = w->is_ghost ? TREE__GHOST
						: w->thread ? TREE__THREAD
							    : TREE__PROCESS };

	tree__holder_words(t, &h, out, size);
}
