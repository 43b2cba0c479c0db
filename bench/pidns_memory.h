/* SPDX-License-Identifier: MIT */
/*
 * pidns_memory.h: malloc() that counts what it has given, for libpidns and the structures of ours beside it.
 */
#ifndef SETTID_BENCH_PIDNS_MEMORY_H
#define SETTID_BENCH_PIDNS_MEMORY_H

#include <stdlib.h>

struct memory {
	size_t bytes, calls;
};

static inline void *memory_new(void *memory, size_t size)
{
	struct memory *m = memory;

	m->bytes += size;
	m->calls++;
	return malloc(size);
}

static inline void memory_free(void *memory, void *p, size_t size)
{
	struct memory *m = memory;

	m->bytes -= size;
	free(p);
}

#endif
