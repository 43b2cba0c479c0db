/* SPDX-License-Identifier: MIT */
/*
 * fuzz_plan.c: the planner under libFuzzer, on whatever the reader of tree files accepts.
 *
 * Keeps:   (F3) a tree is refused with a sentence, or its plan leads to it on libpidns, in a new namespace and in one that
 *               exists;
 *          (F4) the same tree has the same answer each time.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demand.h"
#include "tree/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int answer(const struct tree *t, const struct plan_options *o)
{
	struct tree_error err = { 0 };
	struct plan *p = NULL;
	int r = plan_make(t, o, &p, &err);

	demand(r == 0 || err.text[0], "refused without a word", "");
	if (r == 0)
		r = plan_prove(p, t, o, 0, NULL, &err);
	else
		demand(r == -EOPNOTSUPP || r == -EAGAIN, "not refused, but failed", err.text);
	demand(r != -EPROTO, "planned wrongly", err.text);
	plan_free(p);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree *t = NULL;

	if (tree_read_buffer((const char *)data, size, "input", &t, NULL) < 0)
		return 0;
	for (int k = 0; k < 2; k++) {
		const struct plan_options o = { .new_namespace = k == 0 };

		demand(answer(t, &o) == answer(t, &o), "another answer", "to the same tree");
	}
	tree_free(t);
	return 0;
}
