/* SPDX-License-Identifier: MIT */
/*
 * attempt.h: one restore in a process of its own, watched by the init of a world: however it went, nothing is left.
 *
 * Keeps:   (A1) an attempt that does not end within ATTEMPT_SECONDS has failed, and is killed;
 *          (A2) once it has ended, the world has no other process: what was left would be its init's child.
 */
#ifndef SETTID_TEST_ATTEMPT_H
#define SETTID_TEST_ATTEMPT_H

#include "tree/plan.h"
#include "tree/restore.h"
#include "tree/tree.h"

#include <stdbool.h>

enum { ATTEMPT_SECONDS = 10 };

/* What is built, and where. */
struct attempt {
	const char *tree; /* name of a file in the folder of trees, without .json */
	enum restore_into into;
	bool user, exec, last_pid;
};

/* Trees of the folder that go into any namespace, each built in another way; NULL ends them.  What is hardest to undo
 * comes first: orphans, whose parents do not outlive the plan.  Without "leaderless-parent-of-another-session": of it
 * something may outlive restorer and guard that are killed together, settid-restore(1). */
extern const char *const attempt_shapes[];
size_t attempt_shapes_len(void);

/* The folder of trees that can all be built. */
void attempt_trees(const char *folder);

/* From here on the world's own processes get numbers that no tree of the folder wants. */
void attempt_step_aside(void);

/* A tree and its plan, from the folder; fails the world when there is none. */
struct tree *attempt_read(const struct attempt *a);
struct plan *attempt_plan(const struct attempt *a, struct tree *t);
/* A namespace below the caller's, with an init that reaps, and ends with the caller at the latest.  Returns the init. */
pid_t attempt_namespace(void);
/* Nobody else is left in it, nor a child of the caller's beside it; waits for at most ATTEMPT_SECONDS until that is so. */
bool attempt_namespace_is_empty(pid_t init);
/* The options that fit; for RESTORE_PID a namespace is made, which attempt_options_done() ends. */
struct restore_options attempt_options(const struct attempt *a);
void attempt_options_done(void);

/* Is what stands what was wanted?  Asks again for a moment, as deaths settle.  0, or how many differences. */
unsigned attempt_differences(const struct tree *t, pid_t root);

/* Runs fn(arg) in a child of the world's init; fails the world unless it ends by itself with 0 and leaves nothing.
 * `what` is for the message. */
void attempt_run(void (*fn)(void *arg), void *arg, void (*what)(void *arg, char *buf, size_t size));

/* The world's init has no child; waits for at most ATTEMPT_SECONDS until that is so, when `patient`. */
bool attempt_nothing_left(bool patient);

#endif
