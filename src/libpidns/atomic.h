/* SPDX-License-Identifier: MIT */
/*
 * atomic.h: what threads need, and nothing of it in single-threaded builds.
 *
 * Owns:  the words `atomic` and `lock` of this library.  Atomics are 32 bits or a pointer wide, so that 32-bit machines need
 *        no helper library.
 * Keeps: (A1) a pointer that readers follow without a lock is stored with release and loaded with acquire order;
 *        (A2) a reference count that has reached 0 never rises again.
 */
#ifndef PIDNS_ATOMIC_H
#define PIDNS_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef PIDNS_SINGLE_THREADED

typedef uint32_t pidns_count;
#define PIDNS_SHARED(type) type

#define pidns__load(p) (*(p))
#define pidns__store(p, v) ((void)(*(p) = (v)))
#define pidns__peek(p) (*(p))
#define pidns__poke(p, v) ((void)(*(p) = (v)))

static inline void pidns__count_set(pidns_count *c, uint32_t n)
{
	*c = n;
}

static inline void pidns__count_up(pidns_count *c)
{
	(*c)++;
}

static inline bool pidns__count_up_unless_0(pidns_count *c)
{
	return *c ? ((*c)++, true) : false;
}

static inline bool pidns__count_down(pidns_count *c) /* true: it was the last */
{
	return --*c == 0;
}

#else

#include <stdatomic.h>

typedef _Atomic uint32_t pidns_count;
#define PIDNS_SHARED(type) _Atomic(type)

#define pidns__load(p) atomic_load_explicit((p), memory_order_acquire)
#define pidns__store(p, v) atomic_store_explicit((p), (v), memory_order_release)
/* for the holder of the lock, and for words whose order against others does not matter */
#define pidns__peek(p) atomic_load_explicit((p), memory_order_relaxed)
#define pidns__poke(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)

static inline void pidns__count_set(pidns_count *c, uint32_t n)
{
	atomic_store_explicit(c, n, memory_order_release);
}

static inline void pidns__count_up(pidns_count *c)
{
	atomic_fetch_add_explicit(c, 1, memory_order_relaxed);
}

static inline bool pidns__count_up_unless_0(pidns_count *c)
{
	uint32_t n = atomic_load_explicit(c, memory_order_relaxed);

	while (n)
		if (atomic_compare_exchange_weak_explicit(c, &n, n + 1, memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

static inline bool pidns__count_down(pidns_count *c) /* true: it was the last */
{
	return atomic_fetch_sub_explicit(c, 1, memory_order_acq_rel) == 1;
}

#endif
#endif
