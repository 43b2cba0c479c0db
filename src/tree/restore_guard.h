/* SPDX-License-Identifier: MIT */
/* restore_guard.h: see restore_guard.c. */
#ifndef SETTID_RESTORE_GUARD_H
#define SETTID_RESTORE_GUARD_H

#include "engine.h"
#include "restore.h"

struct restore_guard {
	struct engine *e;
	size_t size;
	int proc_fd;                /* procfs of the caller's namespace */
	int *life_fd, *event_fd;    /* out: the restorer's ends */
	struct settid_child *child; /* out */
};

/* restore_child.c: what the guard does, from its birth to its end.  It does not return; that is not declared, for
 * AddressSanitizer speaks before such calls when there is no /proc, and the guard's descriptors are still the user's then. */
void restore_guard_child(const struct restore_guard *g, const struct plan *p);

/* Makes the guard and lets it begin.  On failure it is gone again. */
int restore_guard_start(const struct tree *t, const struct plan *p, const struct restore_options *o,
			const struct restore_guard *g, struct tree_error *err);

#endif
