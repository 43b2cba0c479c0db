/* SPDX-License-Identifier: MIT */
/*
 * mem.c: each block has its size in front of it.
 */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 16

static void *give(void *ctx, size_t size)
{
	struct mem *mem = ctx;
	char *p;

	if (++mem->count == mem->fail_at || (mem->hit && mem->fail_on)) {
		mem->hit = true;
		return NULL;
	}
	p = malloc(HEAD + size);
	if (!p)
		abort();
	memcpy(p, &size, sizeof size);
	memset(p + HEAD, 0xa5, size);
	mem->bytes += size;
	mem->blocks++;
	return p + HEAD;
}

static void take(void *ctx, void *p, size_t size)
{
	struct mem *mem = ctx;
	char *block = (char *)p - HEAD;
	size_t was;

	memcpy(&was, block, sizeof was);
	if (was != size) {
		fprintf(stderr, "a block of %zu bytes came back as one of %zu\n", was, size);
		abort();
	}
	memset(p, 0x5a, size);
	free(block);
	mem->bytes -= size;
	mem->blocks--;
}

static void drained(void *ctx, struct pidns_ns *ns, uint32_t count)
{
	struct mem *mem = ctx;

	mem->drained_calls++;
	mem->drained_ns = ns;
	mem->drained_count = count;
}

struct pidns_env mem_env(struct mem *mem)
{
	return (struct pidns_env){
		.size = sizeof(struct pidns_env), .ctx = mem, .alloc = give, .free = take, .drained = drained
	};
}

void mem_fail(struct mem *mem, unsigned nth)
{
	mem->count = 0;
	mem->fail_at = nth;
	mem->hit = false;
}

bool mem_disarm(struct mem *mem)
{
	bool hit = mem->hit;

	mem->fail_at = 0;
	mem->hit = false;
	return hit;
}
