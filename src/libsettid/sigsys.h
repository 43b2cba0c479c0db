/* SPDX-License-Identifier: MIT */
/*
 * sigsys.h: the process's SIGSYS handler while dispatch.c needs one.
 *
 * Keeps:   (H1) the handler is installed while at least one thread holds it, and only then; what was there before is
 *               put back by the last to release it;
 *          (H2) a SIGSYS that is not ours gets what the disposition before ours would have given it: the same
 *               handler, siginfo, mask and flags, or the default action.
 * Threads: any number at once; a lock is held for two system calls at most.
 */
#ifndef SETTID_SIGSYS_H
#define SETTID_SIGSYS_H

#include <signal.h>

/* Counted.  All who hold it name the same handler.  0 or a negative errno. */
long settid__sigsys_hold(void (*handler)(int, siginfo_t *, void *));
void settid__sigsys_release(void);

/* In the child of a fork made by a holder: the caller is the only thread, and its hold the only one. */
void settid__sigsys_forked(void);

/*
 * In the handler, for a signal that is not ours (H2).  Returns unless the action is to end the process; the mask that
 * the return from the handler restores is the caller's to see to.
 */
void settid__sigsys_hand_on(int sig, siginfo_t *info, void *context);

#endif
