/* SPDX-License-Identifier: MIT */
/*
 * restore_trace.h: `settid restore --trace FILE`: when what was done, collected and written.
 *
 * All take a struct whose path is NULL, and then do nothing.
 */
#ifndef SETTID_RESTORE_TRACE_H
#define SETTID_RESTORE_TRACE_H

#include "tree/restore.h"
#include "tree/trace.h"

struct restore_tracing {
	const char *path; /* NULL = not asked for */
	struct trace trace;
	uint64_t since_ns; /* end of the last phase */
};

/* Before anything else: can the file be written?  CMD_OK, or the complaint is printed. */
int tracing_begin(struct restore_tracing *t);
/* What was done since the last phase (or the beginning) is called `name`. */
void tracing_phase(struct restore_tracing *t, const char *name);
/* The births are over, well or not: what was done until the first one is "prepare", and from there "build". */
void tracing_built(struct restore_tracing *t, const struct restore *r);
/* Writes it.  CMD_OK, or the complaint is printed. */
int tracing_write(struct restore_tracing *t, const struct tree *tree, const struct plan *plan,
		  const struct restore *r);

#endif
