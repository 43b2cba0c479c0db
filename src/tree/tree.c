/* SPDX-License-Identifier: MIT */
/*
 * tree.c: life of a tree and its memory.
 *
 * Owns:    struct tree_arena: blocks for what never moves (numbers, strings, threads) and the two growing
 *          arrays.  Nobody else frees anything of a tree.
 * Keeps:   (A1) memory from tree_alloc() is zeroed, aligned for any type and stays where it is until
 * tree_free(); (A2) processes and ghosts move when one is added: keep indices, not pointers. Costs:   an
 * allocation is a pointer bump; adding is amortised O(1).
 */
#include "tree/internal.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)64 * 1024)

struct tree__block {
	struct tree__block *next;
	max_align_t data[];
};

static size_t round_up(size_t size)
{
	return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

void *tree__pool_alloc(struct tree__pool *pool, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size = size ? round_up(size) : alignof(max_align_t);
	if (!pool->blocks || pool->size - pool->used < size) {
		size_t want = size > BLOCK_SIZE ? size : BLOCK_SIZE;
		struct tree__block *b = calloc(1, sizeof *b + want);
		if (!b)
			return NULL;
		/* A big one of its own goes behind the newest block, whose rest stays in use. */
		if (pool->blocks && want > BLOCK_SIZE) {
			b->next = pool->blocks->next;
			pool->blocks->next = b;
			return b->data;
		}
		b->next = pool->blocks;
		pool->blocks = b;
		pool->used = 0;
		pool->size = want;
	}
	void *p = (char *)pool->blocks->data + pool->used;
	pool->used += size;
	return p;
}

void tree__pool_done(struct tree__pool *pool)
{
	while (pool->blocks) {
		struct tree__block *next = pool->blocks->next;
		free(pool->blocks);
		pool->blocks = next;
	}
	pool->used = pool->size = 0;
}

struct tree *tree_new(const char *source)
{
	struct tree *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->arena = calloc(1, sizeof *t->arena);
	if (!t->arena) {
		free(t);
		return NULL;
	}
	if (source) {
		t->source = tree_strdup(t, source, strlen(source)).bytes;
		if (!t->source) {
			tree_free(t);
			return NULL;
		}
	}
	return t;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	tree__pool_done(&t->arena->pool);
	free(t->arena->processes);
	free(t->arena->ghosts);
	free(t->arena->numbers.slots);
	free(t->arena);
	free(t);
}

void *tree_alloc(struct tree *t, size_t size)
{
	return tree__pool_alloc(&t->arena->pool, size);
}

struct tree_str tree_strdup(struct tree *t, const char *bytes, size_t len)
{
	char *copy = tree_alloc(t, len + 1);
	if (!copy)
		return (struct tree_str){ 0 };
	if (len)
		memcpy(copy, bytes, len);
	return (struct tree_str){ .bytes = copy, .len = len };
}

/* Makes room for one more element; false = out of memory, and nothing has changed. */
static bool make_room(void **array, size_t len, size_t *cap, size_t element_size)
{
	if (len < *cap)
		return true;
	size_t want = *cap ? *cap * 2 : 16;
	if (want > (size_t)INT32_MAX) /* indices are int32_t */
		return false;
	void *grown = realloc(*array, want * element_size);
	if (!grown)
		return false;
	*array = grown;
	*cap = want;
	return true;
}

struct tree_process *tree_process_add(struct tree *t)
{
	struct tree_arena *a = t->arena;
	void *array = a->processes;
	if (!make_room(&array, t->processes_len, &a->processes_cap, sizeof *a->processes))
		return NULL;
	t->processes = a->processes = array;
	struct tree_process *p = &t->processes[t->processes_len++];
	*p = (struct tree_process){
		.subreaper = TREE_ABSENT,
		.core_dumped = TREE_ABSENT,
		.exit_code = TREE_ABSENT,
		.exit_signal = TREE_ABSENT,
		.stop_signal = TREE_ABSENT,
		.notify_signal = TREE_ABSENT,
		.parent = TREE_NONE,
		.ns = TREE_NONE,
		.children_ns = TREE_NONE,
	};
	return p;
}

struct tree_ghost *tree_ghost_add(struct tree *t)
{
	struct tree_arena *a = t->arena;
	void *array = a->ghosts;
	if (!make_room(&array, t->ghosts_len, &a->ghosts_cap, sizeof *a->ghosts))
		return NULL;
	t->ghosts = a->ghosts = array;
	struct tree_ghost *g = &t->ghosts[t->ghosts_len++];
	*g = (struct tree_ghost){ .ns = TREE_NONE };
	return g;
}

int32_t tree_find(const struct tree *t, int32_t n)
{
	const struct tree__holder *h = tree__number_find(t, 0, n);
	return h && h->kind == TREE__PROCESS ? h->index : TREE_NONE;
}
