/* SPDX-License-Identifier: MIT */
/*
 * procfs.h: a procfs that can be trusted, for libsettid and for the folders that may include it (tree,
 * settid).
 *
 * Keeps:   (P1) a directory handed out shows the caller's own active PID namespace, or nothing is handed out;
 *          (P2) no mount becomes visible anywhere: what is made is detached and dies with its descriptor.
 * Threads: everything here may be called from any thread.
 */
#ifndef SETTID_PROCFS_H
#define SETTID_PROCFS_H

#include "settid.h"

#include <stdbool.h>

/* Is `dir_fd` (an open directory) the root of a procfs of the caller's own PID namespace?  1, 0, or a
 * negative errno when that cannot be told. */
int settid__proc_is_ours(int dir_fd);

/*
 * Opens a procfs that shows the caller's own PID namespace: /proc when it is that, else a detached mount.
 * *fd is the caller's to close (close-on-exec).  0, or a negative errno with SETTID_REASON_PROCFS: -ENOENT no
 * /proc, -EXDEV another namespace's, when there was no right to mount one (CAP_SYS_ADMIN, Linux 5.2).
 */
int settid__proc_open(int *fd, struct settid_error *err);

/* What /proc/PID/status says of identities.  Each array runs from the procfs's own namespace inward. */
struct settid__proc_status {
	char comm[64];
	char state; /* 'R', 'S', 'T', 'Z', ... as in proc(5) */
	pid_t tgid, pid, ppid;
	int levels; /* entries in each of the four arrays */
	pid_t ns_tgid[SETTID_LEVEL_MAX + 1];
	pid_t ns_pid[SETTID_LEVEL_MAX + 1];
	pid_t ns_pgid[SETTID_LEVEL_MAX + 1];
	pid_t ns_sid[SETTID_LEVEL_MAX + 1];
	int seccomp; /* 0 none, 2 filter; -1 = the kernel does not say */
};

/* Reads `name`/status below dir_fd ("self", "42", "42/task/43").  0 or a negative errno (-ENOENT, -ESRCH:
 * gone). */
int settid__proc_status(int dir_fd, const char *name, struct settid__proc_status *out);

/*
 * Calls fn with every number that is an entry of dir_fd (a process of the procfs root, a thread of a task
 * directory), until fn returns something else than 0, which is then the result.  -errno when it cannot be
 * read.
 */
int settid__proc_each(int dir_fd, int (*fn)(void *arg, pid_t number), void *arg);

#endif
