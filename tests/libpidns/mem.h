/* SPDX-License-Identifier: MIT */
/*
 * mem.h: an embedder's allocator for tests: counts what is out, checks the sizes that come back, fails when told to.
 *
 *   struct mem mem = { 0 };
 *   struct pidns_env env = mem_env(&mem);
 *   …
 *   assert_int_equal(mem.bytes, 0);              // all has come back
 *
 * Keeps:   (M1) memory that comes back has the size that it was given with, or the program ends;
 *          (M2) memory is given full of 0xa5 and taken back full of 0x5a, so that nobody lives on what was there before.
 */
#ifndef TEST_PIDNS_MEM_H
#define TEST_PIDNS_MEM_H

#include <pidns.h>

struct mem {
	size_t bytes, blocks;   /* out now                                          */
	unsigned count;         /* calls of alloc                                   */
	unsigned fail_at;       /* the count-th one that fails; 0 = none            */
	bool fail_on;           /* all after it fail too                            */
	bool hit;               /* it has failed                                    */
	unsigned drained_calls; /* what env->drained was last told                  */
	struct pidns_ns *drained_ns;
	uint32_t drained_count;
};

struct pidns_env mem_env(struct mem *mem);
/* The nth call of alloc from now on fails. */
void mem_fail(struct mem *mem, unsigned nth);
/* Stops failing; has it failed? */
bool mem_disarm(struct mem *mem);

#endif
