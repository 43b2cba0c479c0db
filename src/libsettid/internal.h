/* SPDX-License-Identifier: MIT */
/*
 * internal.h: what the files of libsettid share, and nobody else sees.
 *
 * Owns:    the declarations of error.c, clone3.c, diagnose.c, last_pid.c and holder.c that cross a file.
 * Keeps:   (L1) struct settid_error is written by error.c alone, once per failure, by the code that knows the
 *               level, the number and the holder;
 *          (L2) whatever runs in a child that shares the caller's memory uses sys.h only: no libc, no errno.
 * Threads: everything here may be called from any thread.
 */
#ifndef SETTID_INTERNAL_H
#define SETTID_INTERNAL_H

#include "settid.h"

#include <errno.h>
#include <stdbool.h>

#include "sys.h"

/* The C library's headers may be older than the kernel.  Values: clone(2), waitid(2). */
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef FUTEX_WAIT_PRIVATE
#define FUTEX_WAIT 0
#define FUTEX_WAIT_PRIVATE (0 | 128)
#define FUTEX_WAKE_PRIVATE (1 | 128)
#endif
#define SETTID__P_PIDFD 3 /* P_PIDFD, an enum constant in some libcs and a macro in others */

/* Every CLONE_NEW* flag. */
#define SETTID__CLONE_NEW                                                             \
	((uint64_t)CLONE_NEWNS | (uint64_t)CLONE_NEWCGROUP | (uint64_t)CLONE_NEWUTS | \
	 (uint64_t)CLONE_NEWIPC | (uint64_t)CLONE_NEWUSER | (uint64_t)CLONE_NEWPID |  \
	 (uint64_t)CLONE_NEWNET | (uint64_t)CLONE_NEWTIME)

/* ------------------------------------------------------------------------------------ descriptors -- */

static inline void settid__close_fdp(int *fd)
{
	if (*fd >= 0)
		SYS1(SYS_close, *fd);
}

static inline int settid__take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define autoclose __attribute__((cleanup(settid__close_fdp)))

/* ------------------------------------------------------------------------------------ error.c -- */

/* Facts with nothing said of level, number, holder and step: fill in what is known. */
static inline struct settid_error settid__facts(int code, enum settid_reason reason)
{
	return (struct settid_error){
		.code = code, .reason = reason, .level = -1, .ns_level = -1, .step_index = -1
	};
}

/* All three return the code, so that failing is one line; err may be NULL. */

/* A failure without a level, told by the caller's own sentence (no newline, no full stop). */
int settid__fail(struct settid_error *err, int code, enum settid_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Any facts, with the caller's own sentence. */
int settid__failf(struct settid_error *err, const struct settid_error *facts, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Any facts; the sentence comes from the one table of reasons, holders and steps. */
int settid__fail_facts(struct settid_error *err, const struct settid_error *facts);

/* "No such file or directory" for -ENOENT (or ENOENT), "error N" for a strange one; never libc's buffer. */
const char *settid__errno_text(int code);

/* ------------------------------------------------------------------------------------ clone3.c -- */

/* A process to be made.  Zeroed means a plain fork, but for cgroup_fd, which must be -1 then. */
struct settid__birth {
	const pid_t *set_tid;
	size_t set_tid_len;
	uint64_t flags;  /* CLONE_*, but for PIDFD, INTO_CGROUP and the *_SETTID / CLEARTID flags */
	int exit_signal; /* the kernel's: 0 = none (unlike settid.h's arguments)                  */
	enum settid_method method;
	int cgroup_fd;    /* -1 = none                                                             */
	pid_t *child_tid; /* not NULL: CLONE_CHILD_SETTID and CLONE_CHILD_CLEARTID there           */
	void *stack;      /* with CLONE_VM: its lowest byte; stays the child's after the call      */
	size_t stack_size;
	int (*fn)(void *); /* required with a stack; its result is the exit status                  */
	void *arg;
	/* not NULL: libc's own fork, given these arguments; without clone3 if `legacy`.  Returns as clone3 does. */
	pid_t (*by_libc)(const struct settid_clone_args *args, bool legacy);
	bool no_pidfd; /* leave out->pidfd at -1: saves a descriptor where nobody wants one     */
};

/*
 * Makes the process by the wanted method, falling from clone3 to ns_last_pid as settid.h says.  fn (or the
 * return of 0) happens in a child with the right numbers only, in no other.  out may not be NULL.  On failure
 * nothing is left, and err is filled by looking for the cause afterwards.
 * Returns the PID in the caller's active namespace, 0 in the child when there is no fn, or a negative errno.
 */
pid_t settid__clone(const struct settid__birth *birth, struct settid_child *out, struct settid_error *err);

/* exit_signal of the public structs as the kernel has it (0 = none), or -EINVAL. */
int settid__exit_signal(int wanted);

/*
 * Copies a public argument struct, whose first field is its size, into one of `known` bytes: what a newer caller
 * says beyond that must be zero ("not asked for").  0, or -EINVAL with err filled.
 */
int settid__copy_args(void *out, size_t known, const void *args, struct settid_error *err);

/*
 * Checks what the arguments of fork, spawn and threads share: array against length, the method, and the flags
 * against `allowed`.  0, or -EINVAL with err filled.
 */
int settid__check_wish(const pid_t *set_tid, size_t set_tid_len, enum settid_method method, uint64_t flags,
		       uint64_t allowed, struct settid_error *err);

/* Blocks every signal, libc's own too; *old is for settid__signals_restore().  The kernel's 64 bits. */
static inline long settid__signals_block(uint64_t *old)
{
	uint64_t all = ~UINT64_C(0);

	return SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &all, old, sizeof all);
}

static inline void settid__signals_restore(const uint64_t *old)
{
	SYS4(SYS_rt_sigprocmask, SIG_SETMASK, old, 0, sizeof *old);
}

/* Waits for a child that is known to be ending and reaps it; pidfd -1: by number. */
void settid__reap(pid_t pid, int pidfd);

/*
 * Where a set_tid array's entries live: `inner` levels lie between the child's namespace and the caller's
 * active one, which is entry `inner` itself; entries above are namespaces outside the caller's.
 */
struct settid__levels {
	int inner;  /* 0: children live in the caller's own namespace; -1: not known */
	int total;  /* namespaces on the child's path; 0 = not known                 */
	bool fresh; /* the child's namespace has not had a first process             */
};

/* ------------------------------------------------------------------------------------ diagnose.c -- */

/*
 * Why did a clone3 with these arguments fail with `code`?  Finds level, number, reason and holder by asking
 * the kernel again with arrays that cannot succeed (no process is made, no cursor moves) and fills err. Looks
 * at set_tid, flags, exit_signal and cgroup_fd of `birth` only; CLONE_THREAD with its companions may be set.
 * Returns code, or what it stands for in settid.h's vocabulary (E2BIG of an old kernel is -ENOSYS).
 */
int settid__diagnose(const struct settid__birth *birth, int code, struct settid_error *err);

/* Does a clone3 that failed with `code` mean that clone3, or its set_tid, is not to be had here at all?  Then
 * the reason (NO_CLONE3, SECCOMP, NO_SET_TID), else SETTID_REASON_SYSTEM. */
enum settid_reason settid__clone3_missing(int code, bool with_set_tid);

/*
 * The harmless questions, for probe.c too: clone3's answer to this array with the CLONE_NEW* flags of
 * `flags`, a negative errno.  The array must be one that is bound to fail; the late question fails by itself,
 * in the stage that closes a namespace which still waits for its init.
 */
long settid__question(uint64_t flags, const pid_t *set_tid, size_t len);
long settid__late_question(uint64_t flags, const pid_t *set_tid, size_t len);

/* Where a child made now with these flags would have its numbers. */
struct settid__levels settid__levels_now(uint64_t flags);

/* ------------------------------------------------------------------------------------ procfs.c -- */

/* How many levels the children's namespace is below the caller's own, given that it is another one; -1 = not
 * known.  *fresh: it has not had a first process. */
int settid__children_depth(bool *fresh);

/* pid_max of the caller's active namespace, which is that of whoever opens the file (R3.21); 0 = not known.
 */
int settid__pid_max(void);

/* ------------------------------------------------------------------------------------ last_pid.c -- */

/*
 * ns_last_pid for one call: open once; then per try aim, make the task, unlock at once.  The lock keeps other
 * users of libsettid away, not the rest of the machine: compare the number that came out.
 */
struct settid__last_pid {
	int fd;
	bool locked;
};

/* Opens the file; -ENOSYS (absent or read-only) with NO_LAST_PID. */
int settid__last_pid_open(struct settid__last_pid *lp, struct settid_error *err);
/* Takes the lock and makes `number` the next one, if nobody is faster.  -EPERM without the right. */
int settid__last_pid_aim(struct settid__last_pid *lp, pid_t number, struct settid_error *err);
void settid__last_pid_unlock(struct settid__last_pid *lp);
void settid__last_pid_close(struct settid__last_pid *lp);
/*
 * Can ns_last_pid serve this array?  {n}, or with CLONE_NEWPID {1} or {1, n}.  Sets *number to n (0: nothing
 * to choose) and *level to its index.  -EOPNOTSUPP with METHOD_LIMIT, -EINVAL out of range.
 */
int settid__last_pid_wish(const pid_t *set_tid, size_t set_tid_len, uint64_t flags, pid_t *number, int *level,
			  struct settid_error *err);
/* A wrong number came out.  0: try again (tries < SETTID_LAST_PID_TRIES, nobody holds the number); else
 * -EEXIST with its holder, or -EAGAIN with RACE_LOST. */
int settid__last_pid_missed(pid_t number, int level, unsigned tries, struct settid_error *err);

/* ------------------------------------------------------------------------------------ holder.c -- */

/* Fills the holder fields of *facts for facts->number at facts->level.  Never fails: it may stay UNSEEN. */
void settid__find_holder(const struct settid__levels *where, struct settid_error *facts);

#endif
