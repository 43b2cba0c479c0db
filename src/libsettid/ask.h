/* SPDX-License-Identifier: MIT */
/*
 * ask.h: would the kernel give out this number now?  For tree's check.
 *
 * Keeps:   nothing is made and no cursor moves by asking, but for levels outside the caller's that are left to
 *          the kernel, where the caller's own namespace is the machine's: there is no level behind to stop at.
 */
#ifndef SETTID_ASK_H
#define SETTID_ASK_H

#include "settid.h"

#include <stdbool.h>

/* Where the questions go: the namespace that the calling thread's children live in. */
struct settid__asker {
	int levels; /* on the path of a child; 0 = a process limit hides it */
	bool fresh; /* no process has been there yet: nobody can be asked */
};
struct settid__asker settid__asker_now(void);

/*
 * 0: it is free, and may be chosen.  Else a negative errno as settid_fork() has it, with the facts in *err: -EEXIST
 * with its holder, -EINVAL out of range, -EPERM, -EAGAIN, -ENOSYS (clone3's set_tid is not to be had).
 */
int settid__ask_number(const struct settid__asker *a, pid_t number, struct settid_error *err);

#endif
