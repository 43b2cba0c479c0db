/* SPDX-License-Identifier: MIT */
/*
 * dispatch.h: set_tid added to a clone that libc makes itself, by syscall user dispatch (Linux 5.11, x86-64).
 *
 * While one of these calls runs, the calling thread's system calls come to a SIGSYS handler of ours first.  It
 * lets them through, but for the one clone, clone3 or fork that the call is about: that one is issued as
 * clone3 with the numbers asked for, and libc goes on as if its own call had returned.
 *
 * Keeps:   (D1) on return the thread's dispatch is off and its signal mask is what libc left it as;
 *          (D2) the SIGSYS handler is installed while at least one call runs in the process, and only then;
 *               the one before it gets every SIGSYS that is not ours;
 *          (D3) all else lives on the caller's stack.
 * Needs:   nobody else changes SIGSYS's disposition meanwhile, and the thread uses no dispatch of its own.
 */
#ifndef SETTID_DISPATCH_H
#define SETTID_DISPATCH_H

#include "settid.h"

/*
 * Runs call(arg) with the calling thread's next clone of a *thread* given these numbers.
 *
 * *answer: what the kernel said to that clone: the new TID in the caller's namespace, a negative errno, or
 *          0 when call() made no thread at all.
 * Returns 0, or -EOPNOTSUPP (no user dispatch in this kernel or architecture, or seccomp forbids it) or another negative errno;
 * then call() was not run.
 */
int settid__dispatch_thread(const pid_t *set_tid, size_t set_tid_len, void (*call)(void *), void *arg,
			    long *answer);

/*
 * Runs call(arg) with clone3 hidden from libc (ENOSYS), so that it uses clone.  For seccomp filters that forbid clone3
 * with EPERM: glibc takes that for the last word.  Returns as above.
 */
int settid__dispatch_without_clone3(void (*call)(void *), void *arg);

/*
 * libc's own _Fork(), issued as clone3 with `want` (flags, exit_signal, pidfd, set_tid, cgroup; no CLONE_VM).
 * What libc asked for itself (CLONE_CHILD_SETTID and the like) is kept, so its idea of the TID is right in
 * the child, whatever libc it is.
 *
 * Returns the child's PID, 0 in the child, or a negative errno: the kernel's, or as above.
 */
pid_t settid__dispatch_fork(const struct settid_clone_args *want);

#endif
