/* SPDX-License-Identifier: MIT */
/* demand.h: what a fuzz target insists on; the fuzzer keeps the input that breaks it. */
#ifndef SETTID_TESTS_FUZZ_DEMAND_H
#define SETTID_TESTS_FUZZ_DEMAND_H

#include <stdio.h>
#include <stdlib.h>

static inline void demand(int holds, const char *what, const char *detail)
{
	if (holds)
		return;
	fprintf(stderr, "broken: %s: %s\n", what, detail);
	abort();
}

#endif
