/* SPDX-License-Identifier: MIT */
/*
 * restore.h: a plan carried out on the running kernel, from the restorer's side.
 *
 *	restore_begin()  ->  restore_wait_stands()  ->  [restore_release()]  ->  restore_wait_end()  ->  restore_end()
 *
 * Keeps:   (R1) whatever happens, and also when the restorer is killed at any moment, nothing is left once
 *               restore_end() returned or the guard noticed: no process, mount or file;
 *          (R2) the restorer's own signal mask, namespaces and descriptors are as before after each call.
 * Threads: one restore is one thread's.  The caller must have no other thread while restore_begin() runs
 *          (it forks, and the child goes on without libc).
 */
#ifndef SETTID_RESTORE_H
#define SETTID_RESTORE_H

#include "plan.h"
#include "trace.h"
#include "tree.h"

#include "settid.h"

#include <signal.h>

enum restore_into { RESTORE_NEW, RESTORE_CURRENT, RESTORE_PID };

struct restore_options {
	enum restore_into into;
	pid_t into_pid; /* RESTORE_PID: the namespace that this process lives in */
	bool user;      /* in a user namespace of its own: no privilege needed */
	enum settid_method method;
	bool trace;           /* note when each step is carried out, for restore_trace() */
	const char *pidfile;  /* restore_pidfile() writes it; removed with the tree; NULL = none */
	const sigset_t *mask; /* what started programs have blocked; NULL = what is blocked now */
	/* called when all is prepared, just before the first birth: reserved numbers are freed then.  NULL = nothing to
	 * do; what it returns below 0 is restore_begin()'s answer */
	int (*ready)(void *arg, struct tree_error *err);
	void *ready_arg;
};

/*
 * Numbers that are taken in the namespace of process `into` (0: the caller's own), for plan_options: whoever must live
 * there for a while gets others.  Read at the first question.  NULL: out of memory, or no /proc.
 */
struct restore_numbers;
struct restore_numbers *restore_numbers_new(pid_t into);
void restore_numbers_free(struct restore_numbers *n); /* NULL is fine */
bool restore_number_is_taken(void *numbers, int32_t number);
int32_t restore_number_last(const struct restore_numbers *n); /* the largest that can be given */

struct restore;

struct restore_times {
	double fork_s;    /* first birth until the tree stands */
	unsigned retries; /* lost races (ns_last_pid) */
};

/*
 * Lays the plan out in shared memory, starts the guard and lets it go.  Refuses beforehand, with nothing made,
 * what can be known to fail: programs that are not there, core dumps that would go elsewhere, a method that
 * cannot do it.
 */
int restore_begin(const struct tree *t, const struct plan *p, const struct restore_options *o,
		  struct restore **out, struct tree_error *err);

/*
 * Until every process stands.  wake_fd (or -1) interrupts: -EINTR when it becomes readable; deadline_ms is a
 * CLOCK_MONOTONIC time, 0 = none: -ETIMEDOUT.  progress may be NULL.  Else 0, or what the step that failed says.
 */
int restore_wait_stands(struct restore *r, int wake_fd, uint64_t deadline_ms,
			void (*progress)(void *arg, size_t done), void *arg, struct tree_error *err);

/* The root's PID in the caller's namespace; after the tree stands. */
pid_t restore_root(const struct restore *r);
struct restore_times restore_times(const struct restore *r);

/* What restore_options.trace asked for, to be written by trace_write(); good until restore_end(). */
void restore_trace(const struct restore *r, struct trace *out);

/* Is it still there, after it stood?  0, or a negative errno that says what was killed. */
int restore_check(struct restore *r, struct tree_error *err);

/* A procfs of the caller's own namespace, which need not be what /proc shows; the restore's own, until its end. */
int restore_proc_fd(const struct restore *r);

/* Writes the root's PID and a newline to the pidfile; replaces an old one. */
int restore_pidfile(struct restore *r, struct tree_error *err);

/* All programs start (a plan made with plan_options.exec). */
int restore_release(struct restore *r, struct tree_error *err);

/*
 * Until the root has ended (0, *status as wait4's; -1 when it is not known: somebody killed the guard),
 * wake_fd becomes readable (-EINTR), or a released program could not be started (its error).
 */
int restore_wait_end(struct restore *r, int wake_fd, int *status, struct tree_error *err);

/* Ends everything that is left and frees.  NULL is fine. */
void restore_end(struct restore *r);

#endif
