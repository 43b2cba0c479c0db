/* SPDX-License-Identifier: MIT */
/*
 * freeze.h: holding processes still so that no parent, no shell and no program notices.
 *
 * A helper process does it: it seizes threads with PTRACE_SEIZE and PTRACE_INTERRUPT, and is their only tracer.
 * That it is a process of its own settles every way out.  When it ends, for whatever reason, the kernel detaches
 * all that it holds, also threads that have not come to their stop yet (a vfork parent waiting for a frozen
 * child); and it ends when its socket does, so with the process that made it, however that dies.  The events of
 * tracees go to it and not to the caller, whose own children and SIGCHLD stay what they were.
 *
 * Where ptrace cannot have a thread because somebody else traces it, the cgroup freezer may: see freezer_cgroup().
 */
#ifndef SETTID_TREE_FREEZE_H
#define SETTID_TREE_FREEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tree/tree.h"

struct frozen {
	int32_t tid;  /* 0 = free entry of the hash table */
	int32_t stop; /* the signal that had stopped it before, 0 = it was running */
};

struct freezer {
	pid_t pid; /* the helper */
	int socket;
	int proc_fd;    /* procfs of our own namespace; borrowed */
	bool cgroup;    /* held by its cgroup instead: nothing is seized */
	int cgroup_dir; /* -1 = none */
	struct frozen *held;
	size_t held_len, held_cap;
};

/* -EINVAL where our children live in another PID namespace (they could not name our numbers); else as fork(2). */
int freezer_start(struct freezer *f, int proc_fd, struct tree_error *err);
/* Lets go of everything and ends the helper.  When it returns all threads run, or are stopped, as before. */
void freezer_stop(struct freezer *f);

/*
 * Holds one thread.  1 = it is held now and was not before, 0 = it was held already, or is dead or gone,
 * -EPERM = no right, or somebody else traces it; other errors are the helper's end (-EPIPE) and -ENOMEM.
 */
int freezer_hold(struct freezer *f, int32_t tid);
/* NULL = not held.  Also the answer to what stopped it, which /proc forgets once the parent has waited.  Pointers live until the next freezer_hold(). */
const struct frozen *freezer_find(const struct freezer *f, int32_t tid);

/*
 * Freezes `root`'s cgroup, v2 or v1, in place of single threads.  It must hold the processes pids[] (sorted, by our
 * procfs's numbers, no zombies) and no others: -EBUSY; -ENOENT there is no cgroup of its own, -EACCES no right,
 * -ETIMEDOUT it would not freeze.
 */
int freezer_cgroup(struct freezer *f, int32_t root, const int32_t *pids, size_t len);
/* The same question again, once it is frozen: 0 or -EBUSY. */
int freezer_cgroup_check(const struct freezer *f, const int32_t *pids, size_t len);

/* freeze.c, for freeze_cgroup.c: the helper writes `on` to fd, and `off` when it ends.  0 or a negative errno. */
int freezer__write(struct freezer *f, int fd, const char *on, const char *off);

#endif
