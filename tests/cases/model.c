/* SPDX-License-Identifier: MIT */
/*
 * model.c: the backend of libpidns: every actor a task of a world that exists in memory only (src/model).
 */
#include "model.h"

#include "model/model.h"

#include <stdio.h>

uint32_t case_model_features = UINT32_MAX;

static int backend_open(void **world, char why[128])
{
	const struct model_config config = { .features = case_model_features };
	struct model_world *w;
	int r = model_open(&w, &config);

	if (r == 0)
		*world = w;
	else
		snprintf(why, 128, "out of memory");
	return r;
}

static void backend_step(void *world, const struct op *op, struct op_answer *answer)
{
	model_step(world, op, answer);
}

static int backend_close(void *world)
{
	model_close(world);
	return 0;
}

const struct case_backend case_model = { "model", backend_open, backend_step, backend_close };
