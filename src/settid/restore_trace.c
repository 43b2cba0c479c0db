/* SPDX-License-Identifier: MIT */
/*
 * restore_trace.c: `settid restore --trace FILE`: when what was done, collected and written.
 *
 * Keeps:   (T1) a file that cannot be written is told before the first process is made;
 *          (T2) a restore that fails leaves a trace too, as far as it came.
 */
#include "restore_trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int tracing_begin(struct restore_tracing *t)
{
	t->since_ns = now_ns();
	if (!t->path)
		return CMD_OK;
	FILE *f = fopen(t->path, "we");
	if (!f)
		return cmd_fail(CMD_FAILED, "cannot write the trace %s: %s", t->path, strerror(errno));
	fclose(f);
	return CMD_OK;
}

void tracing_phase(struct restore_tracing *t, const char *name)
{
	uint64_t now = now_ns();

	trace_add(&t->trace, name, t->since_ns, now);
	t->since_ns = now;
}

void tracing_built(struct restore_tracing *t, const struct restore *r)
{
	struct trace now = { 0 };

	restore_trace(r, &now);
	if (!now.first_ns) {
		tracing_phase(t, "prepare");
		return;
	}
	uint64_t end = now.stands_ns ? now.stands_ns : now_ns();
	trace_add(&t->trace, "prepare", t->since_ns, now.first_ns);
	trace_add(&t->trace, "build", now.first_ns, end);
	t->since_ns = end;
}

int tracing_write(struct restore_tracing *t, const struct tree *tree, const struct plan *plan,
		  const struct restore *r)
{
	if (!t->path)
		return CMD_OK;
	t->trace.tree = tree;
	t->trace.plan = plan;
	restore_trace(r, &t->trace);
	FILE *f = fopen(t->path, "we");
	int e = f ? 0 : -errno;
	if (f) {
		errno = 0;
		e = trace_write(&t->trace, f);
		if (e == -EIO && errno)
			e = -errno; /* the reason, which a stream does not keep */
		if (fclose(f) != 0 && e == 0)
			e = -errno;
	}
	return e < 0 ? cmd_fail(CMD_FAILED, "cannot write the trace %s: %s", t->path, strerror(-e)) : CMD_OK;
}
