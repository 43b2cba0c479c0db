/* SPDX-License-Identifier: MIT */
/* restore_layout.h: see restore_layout.c. */
#ifndef SETTID_RESTORE_LAYOUT_H
#define SETTID_RESTORE_LAYOUT_H

#include "engine.h"
#include "plan.h"
#include "restore.h"
#include "tree.h"

/* Puts the plan and all it needs into one shared mapping of *size bytes.  The descriptors are left at -1. */
int restore_layout(const struct tree *t, const struct plan *p, const struct restore_options *o,
		   struct engine **out, size_t *size, struct tree_error *err);

/* What a lean process keeps mapped: the program's own image, the mapping, this stack, the kernel's pages.
 * Returns how many ranges; 0 = cannot be told, keep everything. */
size_t restore_keep_ranges(int proc_fd, const struct engine *e, size_t size, struct engine_range *keep,
			   size_t max);

#endif
