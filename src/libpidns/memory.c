/* SPDX-License-Identifier: MIT */
/*
 * memory.c: the embedder's allocator, stocks of the task model's objects, and locks.
 *
 * Owns:    world->stock.
 * Keeps:   (M1) memory that was allocated is freed with the size it was allocated with;
 *          (M2) a stock never gives memory back before the world goes.
 * Costs:   an object from a stock is a list's head and a memset.
 * Threads: stocks are the task model's, which is one thread at a time.
 */
#include "internal.h"

/* No call of memset by name: the library has no libc.  Compilers may still make one of it, as freestanding C allows. */
void pidns__zero(void *p, size_t size)
{
	unsigned char *at = p;

	for (size_t i = 0; i < size; i++)
		at[i] = 0;
}

void *pidns__alloc(struct pidns_world *w, size_t size)
{
	void *p = w->env.alloc(w->env.ctx, size);

	if (p)
		pidns__zero(p, size);
	return p;
}

void pidns__free(struct pidns_world *w, void *p, size_t size)
{
	if (p)
		w->env.free(w->env.ctx, p, size);
}

static const uint32_t object_size[PIDNS__STOCKS] = {
	[PIDNS__TASK] = sizeof(struct pidns_task),
	[PIDNS__PROCESS] = sizeof(struct pidns_process),
	[PIDNS__SIGHAND] = sizeof(struct pidns__sighand),
	[PIDNS__SIGNAL] = sizeof(struct pidns__waiting_signal),
	[PIDNS__PIDFD] = sizeof(struct pidns_pidfd),
};

/* Every object begins at a multiple of 16, behind the chunk's link. */
static size_t stride(int stock)
{
	return ((size_t)object_size[stock] + 15) & ~(size_t)15;
}

struct chunk {
	struct chunk *next;
	uint32_t len;
};

static bool restock(struct pidns_world *w, int stock)
{
	struct pidns__stock *s = &w->stock[stock];
	uint32_t len = s->chunk_len ? s->chunk_len : 2;
	struct chunk *c = w->env.alloc(w->env.ctx, 16 + len * stride(stock));

	if (!c)
		return false;
	c->next = s->chunks;
	c->len = len;
	s->chunks = c;
	s->chunk_len = len < 64 ? len * 2 : len;
	for (uint32_t i = 0; i < len; i++)
		pidns__object_free(w, stock, (char *)c + 16 + i * stride(stock));
	return true;
}

void *pidns__object_new(struct pidns_world *w, int stock)
{
	struct pidns__stock *s = &w->stock[stock];
	void *object;

	if (!s->free && !restock(w, stock))
		return NULL;
	object = s->free;
	s->free = *(void **)object;
	pidns__zero(object, object_size[stock]);
	return object;
}

void pidns__object_free(struct pidns_world *w, int stock, void *object)
{
	*(void **)object = w->stock[stock].free;
	w->stock[stock].free = object;
}

void pidns__objects_done(struct pidns_world *w)
{
	for (int stock = 0; stock < PIDNS__STOCKS; stock++) {
		struct chunk *c = w->stock[stock].chunks, *next;

		for (; c; c = next) {
			next = c->next;
			pidns__free(w, c, 16 + c->len * stride(stock));
		}
	}
}

/* ------------------------------------------------------------------------------------------- locks -- */

#ifndef PIDNS_SINGLE_THREADED

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/*
 * Waits longer each time it loses, up to some tens of microseconds: the holder then makes many turns in a row, and the word's line
 * and the tables' move less.  With a limit of 64, 512 and 2048 two threads get 0.75, 0.81 and 0.88 of what one gets.
 */
static void spin(uint32_t *word)
{
	uint32_t pause = 1;

	do {
		for (uint32_t i = 0; i < pause; i++)
			relax();
		if (pause < 2048)
			pause *= 2;
	} while (__atomic_load_n(word, __ATOMIC_RELAXED) || __atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE));
}

/* The embedder's lock, or one of ours that is held. */
PIDNS__RARE void pidns__lock_wait(struct pidns_world *w, uint32_t *word)
{
	if (w->env.lock)
		w->env.lock(w->env.ctx, word);
	else
		spin(word);
}

PIDNS__RARE void pidns__unlock_tell(struct pidns_world *w, uint32_t *word)
{
	w->env.unlock(w->env.ctx, word);
}

#endif
