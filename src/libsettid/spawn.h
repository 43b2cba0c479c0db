/* SPDX-License-Identifier: MIT */
/*
 * spawn.h: what spawn.c, the parent's half, and spawn_child.c, the child's, share: one record in the caller's
 * memory, which the child borrows until its execve.
 *
 * Keeps:   (W1) the child writes `at`, `index` and `code` only, and never again once `code` is set;
 *          (W2) everything the child reads was filled in before it was born, but for `go`.
 */
#ifndef SETTID_SPAWN_H
#define SETTID_SPAWN_H

#include "settid.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

/* The child's stack: a path of PATH_MAX for the search, and a few frames. */
enum { SETTID__SPAWN_STACK = PATH_MAX + 4096 };

/* spawn_job.go */
enum { SETTID__GO_WAIT = 0, SETTID__GO_RUN, SETTID__GO_ABANDON };

struct settid__spawn_job {
	const struct settid_spawn_args *args;
	char *const *envp;
	const char *path;    /* $PATH; NULL: no search                                     */
	uint64_t mask;       /* the program's signal mask                                  */
	uint64_t defaults;   /* signals to start with the default action                   */
	bool drop_handlers;  /* the kernel was not asked to (CLONE_CLEAR_SIGHAND)          */
	int parent_pidfd;    /* to see whether the parent lives; -1 = nobody asks          */
	bool has_maps;       /* wait for `go`                                              */
	_Atomic uint32_t go; /* futex: may the child run on, its maps being written?       */

	volatile enum settid_step at; /* what the child is doing                                    */
	volatile int index;           /* which file action                                          */
	volatile int code;            /* not 0: it failed at `at`, a negative errno                 */
};

/* The child, from its first instruction to its execve; returns only when it failed, the exit status. */
int settid__spawn_child(void *job);

#endif
