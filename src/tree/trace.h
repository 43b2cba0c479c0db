/* SPDX-License-Identifier: MIT */
/*
 * trace.h: a restore over time, in the JSON format that chrome://tracing and Perfetto read: who made whom when, and where
 * time went.
 */
#ifndef SETTID_TREE_TRACE_H
#define SETTID_TREE_TRACE_H

#include "plan.h"

struct engine_span;

enum { TRACE_PHASES_MAX = 16 };

/* Something that the restorer itself did. */
struct trace_phase {
	const char *name;
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
};

struct trace {
	const struct tree *tree;
	const struct plan *plan;
	const struct engine_span *spans; /* per step of the plan; NULL = none */
	uint64_t first_ns, stands_ns;    /* first birth, all stand; 0 = not so far */
	struct trace_phase phases[TRACE_PHASES_MAX];
	size_t phases_len;
};

/* A phase more; when there are too many, it is left out. */
void trace_add(struct trace *t, const char *name, uint64_t begin_ns, uint64_t end_ns);
/* 0, -ENOMEM or -EIO. */
int trace_write(const struct trace *t, FILE *out);

#endif
