/* SPDX-License-Identifier: MIT */
/* restore_internal.h: what the restorer's files share. */
#ifndef SETTID_RESTORE_INTERNAL_H
#define SETTID_RESTORE_INTERNAL_H

#include "engine.h"
#include "restore.h"

/* restore_failure.c: what the engine reported, as one sentence; returns its code. */
struct restore_place {
	const struct tree *tree;
	const struct plan *plan;
	enum restore_into into;
	bool user;
	int proc_fd;
};
int restore_failure(const struct engine_failure *f, const struct restore_place *at, struct tree_error *err);

/* restore_sweep.c: ends whoever has the plan's mapping, but for the caller. */
void restore_sweep(const struct engine *e, int proc_fd);

/* restore_pidfile.c: e->pidfile gets the number, all of it or nothing. */
int restore_write_pidfile(struct engine *e, int proc_fd, pid_t root, struct tree_error *err);

#endif
