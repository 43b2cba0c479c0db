/* SPDX-License-Identifier: MIT */
/*
 * backend.h: who answers the rows of case.h, and the runner that asks.
 *
 * A backend is three functions.  open() makes a world that holds nothing but `outer`, the init of a fresh PID
 * namespace; step() performs one operation and returns when the world has settled: every task that the operation
 * woke, killed or stopped has got as far as it can; close() ends everything.  The runner keeps names and numbers,
 * resolves symbols, probes the level and compares, so that a model and a kernel are asked the very same things.
 *
 * Contract of step(): op->child and op->actor index the world's tasks (below CASE_TASKS); an index may be used
 * again once its task is gone.  A call that would wait answers ANSWER_BLOCKS and stays with its actor, which can
 * take OP_RETURNS only until it has returned.
 */
#ifndef SETTID_TESTS_BACKEND_H
#define SETTID_TESTS_BACKEND_H

#include "case.h"

struct case_backend {
	const char *name;
	/* 0, or a negative errno with the reason in `why`. */
	int (*open)(void **world, char why[128]);
	void (*step)(void *world, const struct op *op, struct op_answer *answer);
	/* 0, or negative when something would not go away. */
	int (*close)(void *world);
};

struct case_facts {
	uint32_t features; /* bit = index of the feature in the table                              */
	int level;         /* $L: the level of `outer`                                             */
};

struct case_result {
	char got[512];   /* the words answered                                                      */
	char want[512];  /* the words wanted here                                                   */
	char log[6144];  /* every step with its answer, for a failure's report                      */
	char error[256]; /* what kept the row from running, "" = it ran                            */
};

/* run.c.  Tries the table's features on the backend.  0 or a negative errno with `why`. */
int case_learn(const struct case_backend *backend, const struct case_table *table, struct case_facts *facts,
	       char why[128]);
/* Why a row cannot run here, or NULL. */
const char *case_skip_reason(const struct case_backend *backend, const struct case_table *table,
			     const struct case_row *row, const struct case_facts *facts);
/* Runs one row.  True if the answers are those wanted. */
bool case_run(const struct case_backend *backend, const struct case_row *row, const struct case_facts *facts,
	      struct case_result *result);

extern const struct case_backend case_live;

#endif
