/* SPDX-License-Identifier: MIT */
/*
 * restore_request.h: what `settid restore` was asked for, what came of it, and who fills and says both.
 */
#ifndef SETTID_RESTORE_REQUEST_H
#define SETTID_RESTORE_REQUEST_H

#include <jansson.h>
#include <signal.h>
#include <time.h>

#include "input.h"
#include "place.h"
#include "reservation.h"
#include "restore_trace.h"
#include "tree/plan.h"
#include "tree/restore.h"

struct restore_request {
	const char *file;
	struct input input;
	struct place place;
	struct restore_options o;
	struct reservation reservation;
	struct restore_tracing tracing;
	bool hold, prove, verify, keep, json;
	uint64_t timeout_ms;
	sigset_t mask;
	uint64_t deadline_ms;
	int signal_fd;
};

struct restore_outcome {
	pid_t root;
	double prove_s, fork_s, verify_s;
	unsigned retries, differences, unreadable;
	json_t *said; /* differences, for --json */
	bool quiet;
	struct tree_error failure; /* of a restore that is worth another try */
};

static inline double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* restore_args.c: CMD_OK; -1 = help was printed; or the complaint was, and CMD_USAGE. */
int restore_arguments(int argc, char **argv, struct restore_request *q);

/* restore_say.c.  Reads the tree back and notes what differs in `out`; 0, or a negative errno. */
int restore_verify(const struct restore_request *q, struct restore *restored, const struct tree *want,
		   struct restore_outcome *out, struct tree_error *err);
/* Prints the result; 0, or a negative errno. */
int restore_report(const struct restore_request *q, const struct tree *t, const struct plan *p,
		   const struct restore_outcome *out);

#endif
