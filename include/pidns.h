/* SPDX-License-Identifier: MIT */
/*
 * pidns.h: Linux's PID subsystem as a library that needs no operating system.
 *
 * For whoever writes a kernel, an emulator, a library OS, a sandbox, or a test of one.  Two layers, of which the
 * first can be used without the second:
 *
 *   numbers     PID namespaces, and identities: objects that have one number in every namespace from their own out
 *               to the first one, given out cyclically or as wished (clone3's set_tid), and held as long as a
 *               task, process, group or session is attached to them.
 *   task model  processes and threads on top of that: clone3, exit, exec, wait, signals as far as they decide who
 *               lives, groups, sessions, namespaces' inits, pidfds.  Deterministic; nothing ever sleeps.
 *
 * Behaviour is Linux's, of the version that the world was made for (5.5 to 6.18).  Comments cite the rules of
 * docs/conformance.md (R2.3) where a choice needs a source.
 *
 * Conventions
 *   Needs      the freestanding headers, <stdatomic.h> for 32 bits and pointers, an allocator of yours.  No libc.
 *   Results    0, a count or a number on success, a negative PIDNS_E* on failure: Linux's own values.  Two more
 *              answers stand far below them: PIDNS_BLOCKS and PIDNS_ENDED (see "the task model").
 *   Errors     `err` may be NULL; it is written on failure only.
 *   Levels     count from the world's root, which is 0, to at most PIDNS_LEVEL_MAX.  In set_tid arrays entry 0 is
 *              the innermost namespace, as in clone3(2); struct pidns_error gives both.
 *   Numbers    1 .. PIDNS_NUMBER_MAX - 1.  0 means "has none there".
 *   Memory     all comes from env->alloc.  When it fails, the call fails with -PIDNS_ENOMEM and the world is as
 *              before (but see pidns_kill).  Memory of identities and namespaces' tables is type-stable: it goes
 *              back to env->free only with its world, so that look-ups need neither locks nor quiescent points.
 *   Threads    Number layer: any thread may call anything at any time, if it holds what the comment names.
 *              Task model: one thread at a time per world; look-ups may run beside it.
 *              With PIDNS_SINGLE_THREADED defined when the library is built, all is one thread's and costs less.
 *   Recursion  none; stack use is below 1 KiB in every call, your callbacks not counted.
 */
#ifndef PIDNS_H
#define PIDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PIDNS_API __attribute__((visibility("default")))

#define PIDNS_LEVEL_MAX 32          /* the deepest level: 33 namespaces on a path             */
#define PIDNS_NUMBER_MAX 4194304    /* the largest pid_max                                    */
#define PIDNS_RESERVED 300          /* numbers below it are not given out again after a wrap  */

/* Linux's error numbers, the same on every architecture that matters here. */
enum {
	PIDNS_EPERM = 1,
	PIDNS_ENOENT = 2,
	PIDNS_ESRCH = 3,
	PIDNS_EINTR = 4,
	PIDNS_E2BIG = 7,
	PIDNS_EBADF = 9,
	PIDNS_ECHILD = 10,
	PIDNS_EAGAIN = 11,
	PIDNS_ENOMEM = 12,
	PIDNS_EACCES = 13,
	PIDNS_EFAULT = 14,
	PIDNS_EEXIST = 17,
	PIDNS_EINVAL = 22,
	PIDNS_EMFILE = 24,
	PIDNS_ENOTTY = 25,
	PIDNS_ENOSPC = 28,
	PIDNS_ENOSYS = 38,
	PIDNS_EREMOTE = 66,
};

struct pidns_world;
struct pidns_ns;      /* a PID namespace                                                     */
struct pidns_id;      /* an identity: one number per level                                   */
struct pidns_task;    /* a thread                                                            */
struct pidns_process; /* a thread group                                                      */
struct pidns_user_ns; /* a user namespace, as far as it decides who may do what              */
struct pidns_pidfd;

/* What an identity is to those attached to it. */
enum pidns_kind {
	PIDNS_PID,  /* one task           */
	PIDNS_TGID, /* one process        */
	PIDNS_PGID, /* a group's members  */
	PIDNS_SID,  /* a session's members */
	PIDNS_KINDS
};

/* What keeps a number taken. */
enum pidns_holder {
	PIDNS_HOLDER_NONE = 0,
	PIDNS_HOLDER_PROCESS,     /* a living process                                              */
	PIDNS_HOLDER_THREAD,      /* a thread that is not its process's leader                     */
	PIDNS_HOLDER_ZOMBIE,
	PIDNS_HOLDER_DEAD_LEADER, /* a leader that exited while other threads live                 */
	PIDNS_HOLDER_GROUP,       /* only a process group                                          */
	PIDNS_HOLDER_SESSION,     /* only a session                                                */
	PIDNS_HOLDER_IDENTITY,    /* an identity without attachments: a user of the number layer   */
};

struct pidns_error {
	int32_t code;   /* negative, equal to what the call returned                            */
	int32_t index;  /* into set_tid[], 0 = innermost; -1: the failure has no level          */
	int32_t level;  /* the same from the root; -1                                           */
	int32_t number; /* the refused number at that level; 0 = none                           */
	enum pidns_holder holder;
	struct pidns_task *task; /* to look at: the holder, or a member of the group or session; may be NULL */
};

/* ------------------------------------------------------------------------------------------ profiles -- */

/* What one Linux version does differently from another. */
enum pidns_feature {
	PIDNS_HAS_INTO_CGROUP = 1 << 0,        /* 5.7: clone3 INTO_CGROUP, 88-byte record              */
	PIDNS_HAS_SETNS_PIDFD = 1 << 1,        /* 5.8: setns takes a pidfd                             */
	PIDNS_HAS_CHECKPOINT_RESTORE = 1 << 2, /* 5.9: that capability suffices                        */
	PIDNS_HAS_PIDFD_NONBLOCK = 1 << 3,     /* 5.10: pidfd NONBLOCK, and waitid's EAGAIN            */
	PIDNS_HAS_LAST_STATUS = 1 << 4,        /* by 6.1: the last thread's status is the process's    */
	PIDNS_HAS_PIDFD_THREAD = 1 << 5,       /* 6.9: pidfds of threads, flags, HUP                   */
	PIDNS_HAS_PIDFD_IOCTL = 1 << 6,        /* 6.11: ioctls of pidfds: unknown ones are EINVAL      */
	PIDNS_HAS_PIDFD_INFO = 1 << 7,         /* 6.13: PIDFD_GET_INFO                                 */
	PIDNS_HAS_OWN_PID_MAX = 1 << 8,        /* 6.14: pid_max per namespace                          */
	PIDNS_HAS_PIDFD_SELF = 1 << 9,         /* 6.15: descriptors -10000 and -10001                  */
	PIDNS_HAS_PIDFD_ERRNO = 1 << 10,       /* 6.16: pidfd_open tells ENOENT and ESRCH apart        */
	PIDNS_HAS_SAFE_INIT = 1 << 11,         /* by 6.18: what its leader blocks kills no init        */
	PIDNS_HAS_DEAF_DEAD = 1 << 12,         /* by 6.18: CONT for a dead leader alone does nothing   */
};

/* The features of a version as an OR of the above: "5.5" .. "6.18" (major.minor); 0 and *known = false otherwise. */
PIDNS_API uint32_t pidns_profile(const char *version, bool *known);
/* The name of feature bit `bit` (0, 1, …), the first version that has it; NULL past the last. */
PIDNS_API const char *pidns_feature_name(unsigned bit, const char **since);

/* ------------------------------------------------------------------------------------------ the world -- */

enum pidns_event_type {
	PIDNS_EVENT_RETURNED = 1, /* a call that had answered PIDNS_BLOCKS returned: pidns_returned() tells what   */
	PIDNS_EVENT_SIGNAL,       /* a handler of task's process runs, in that task; signal, from             */
	PIDNS_EVENT_STOPPED,      /* task's process stopped by `signal`                                       */
	PIDNS_EVENT_CONTINUED,
	PIDNS_EVENT_EXITED,       /* task will never run again; it may stay as a zombie                       */
	PIDNS_EVENT_RELEASED,     /* the last moment to look at task                                          */
};

struct pidns_event {
	enum pidns_event_type type;
	struct pidns_task *task;
	int32_t signal;
	int32_t from; /* si_pid: the sender's number as the receiver sees it; 0 = none */
};

/* What the embedder gives.  Only alloc and free are needed; all others may be NULL. */
struct pidns_env {
	size_t size; /* sizeof (struct pidns_env) */
	void *ctx;
	/* Aligned for pointers and 64-bit integers; NULL when there is none.  May be called with a namespace's lock held,
	 * so it must not call back, and by several threads at once if you have several.  free() gets the size that
	 * alloc() got. */
	void *(*alloc)(void *ctx, size_t size);
	void (*free)(void *ctx, void *p, size_t size);
	/* A lock is one 32-bit word, 0 when free.  NULL: the library spins.  Not called in single-threaded builds. */
	void (*lock)(void *ctx, uint32_t *word);
	void (*unlock)(void *ctx, uint32_t *word);
	/* Told in the order in which things happen, from inside the call that causes them: it must not call back. */
	void (*event)(void *ctx, const struct pidns_event *event);
	/*
	 * Who of several goes first: of those that a call has woken (the first `turns`, to look, to handle a signal or to stop)
	 * and those that die (the other `deaths`), an index below turns + deaths; more counts as 0.  Linux leaves that to
	 * its scheduler, and what is seen afterwards may depend on it: of two that are killed, whose child is then whose.
	 * NULL: 0 always, an order that Linux often has: first all turns, as they were woken, then the deaths, the caller's
	 * before others'.
	 */
	uint32_t (*choose)(void *ctx, uint32_t turns, uint32_t deaths);
	/* A closed namespace is down to `count` identities (0, 1 or 2): its dying init may go on.  Number layer only;
	 * the task model sees to its own.  Called with no lock held. */
	void (*drained)(void *ctx, struct pidns_ns *ns, uint32_t count);
	/* clone3 with PIDFD: put it into the caller's table, write the word; a descriptor, or -EMFILE, -EFAULT.  On success
	 * the pidfd is the embedder's, to be closed with pidns_pidfd_close().  NULL: such a call is -ENOSYS. */
	int32_t (*pidfd_install)(void *ctx, struct pidns_task *caller, struct pidns_pidfd *pidfd, uint64_t word);
	/* The same call failed after all: take descriptor fd out again (and close its pidfd). */
	void (*pidfd_undo)(void *ctx, struct pidns_task *caller, int32_t fd);
	/* clone3 with INTO_CGROUP: 0, -EBADF, -EAGAIN …  NULL: -EBADF. */
	int32_t (*into_cgroup)(void *ctx, struct pidns_task *caller, uint64_t cgroup);
};

struct pidns_config {
	size_t size;       /* sizeof (struct pidns_config)                                           */
	uint32_t features; /* pidns_profile()                                                        */
	int32_t pid_max;   /* of the root namespace; 0 = PIDNS_NUMBER_MAX                            */
	int32_t cpus;      /* pid_max cannot be written below 8 times that, or 301; 0 = 1            */
};

/*
 * A world with one namespace, the root, and no task.  config NULL: Linux 6.18.  Returns 0 or -PIDNS_ENOMEM,
 * -PIDNS_EINVAL.  pidns_world_free() frees all that is left in it, whoever holds it; NULL is fine.
 */
PIDNS_API int32_t pidns_world_new(const struct pidns_env *env, const struct pidns_config *config,
				  struct pidns_world **out);
PIDNS_API void pidns_world_free(struct pidns_world *w);
PIDNS_API struct pidns_ns *pidns_root(struct pidns_world *w);
PIDNS_API uint32_t pidns_features(const struct pidns_world *w);
PIDNS_API const char *pidns_errname(int32_t code); /* "EEXIST" for 17 and -17; "E?" */
PIDNS_API const char *pidns_holder_name(enum pidns_holder holder);

/*
 * Checks all invariants of the world (I1 … I12 of docs/conformance.md and the files' own).  Returns NULL, or a
 * sentence that begins with the broken one's letter.  Slow, in the size of the world; nobody else may be in it.
 */
PIDNS_API const char *pidns_check(struct pidns_world *w);

/* ==================================================================================== number layer == */

/* ---------------------------------------------------------------------------------------- namespaces -- */

/*
 * A new namespace below `parent`, or a further root with parent NULL; owner is NULL for the first user namespace.
 * The caller holds one reference: pidns_ns_put().  It lives as long as somebody holds it: references, identities in it,
 * namespaces below it.  -PIDNS_ENOSPC below PIDNS_LEVEL_MAX, -PIDNS_ENOMEM.
 */
PIDNS_API int32_t pidns_ns_new(struct pidns_world *w, struct pidns_ns *parent, struct pidns_user_ns *owner,
			       struct pidns_ns **out);
PIDNS_API struct pidns_ns *pidns_ns_get(struct pidns_ns *ns);
PIDNS_API void pidns_ns_put(struct pidns_ns *ns);
PIDNS_API struct pidns_ns *pidns_ns_parent(const struct pidns_ns *ns);
PIDNS_API int32_t pidns_ns_level(const struct pidns_ns *ns);
PIDNS_API bool pidns_ns_contains(const struct pidns_ns *outer, const struct pidns_ns *inner); /* or is it */
PIDNS_API uint32_t pidns_ns_count(struct pidns_ns *ns); /* identities with a number here */
PIDNS_API bool pidns_ns_is_closed(struct pidns_ns *ns);
PIDNS_API bool pidns_ns_had_init(struct pidns_ns *ns); /* pidns_ns_has_init() was called, or it had a first process */

/* No identity is ever made in it again: the kernel's disable_pid_allocation (R5.8). */
PIDNS_API void pidns_ns_close(struct pidns_ns *ns);
/* It has its init from now on: numbers other than 1 may be wished for (R2.3).  The task model does it by itself. */
PIDNS_API void pidns_ns_has_init(struct pidns_ns *ns);

/* The cursor as ns_last_pid shows it (R3.7: -1 is possible), and a write to it: -PIDNS_EINVAL outside 0 .. pid_max. */
PIDNS_API int32_t pidns_ns_last(struct pidns_ns *ns);
PIDNS_API int32_t pidns_ns_set_last(struct pidns_ns *ns, int64_t value);
/* pid_max: the namespace's own, or the world's before 6.14.  -PIDNS_EINVAL outside max(301, 8 * cpus) .. 4194304. */
PIDNS_API int32_t pidns_ns_pid_max(struct pidns_ns *ns);
PIDNS_API int32_t pidns_ns_set_pid_max(struct pidns_ns *ns, int64_t value);

/* ---------------------------------------------------------------------------------------- identities -- */

struct pidns_wish {
	const int32_t *set_tid; /* innermost first */
	size_t len;
	/* Whether numbers of that namespace may be chosen; NULL = all. */
	bool (*may)(void *ctx, const struct pidns_ns *ns);
	void *ctx;
};

/*
 * A new identity in ns: a number there and at every level above it, all or none.  Levels that the wish (NULL = none)
 * leaves out get the next free number.  It stays until pidns_id_free(), or until its last attachment goes.
 *
 * Per level, innermost first (R2.3): -PIDNS_EINVAL below 1, at or above pid_max, or not 1 in a namespace that never
 * had an init; -PIDNS_EPERM not allowed to choose; -PIDNS_EEXIST taken; -PIDNS_EAGAIN no number left.  First of all
 * -PIDNS_EINVAL for more wishes than levels, last of all -PIDNS_ENOMEM for a closed namespace; also when memory is
 * short.  What a refusal does to the cursors is R1.44.
 */
PIDNS_API int32_t pidns_id_new(struct pidns_ns *ns, const struct pidns_wish *wish, struct pidns_id **out,
			       struct pidns_error *err);
/* Gives all numbers back.  A namespace that is empty again without having had an init is closed (R5.8 b). */
PIDNS_API void pidns_id_free(struct pidns_id *id);
/* References keep the object, not its numbers (R4.6). */
PIDNS_API struct pidns_id *pidns_id_get(struct pidns_id *id);
PIDNS_API void pidns_id_put(struct pidns_id *id);

PIDNS_API int32_t pidns_id_level(const struct pidns_id *id);
PIDNS_API struct pidns_ns *pidns_id_ns(const struct pidns_id *id);          /* the innermost */
PIDNS_API int32_t pidns_id_number(const struct pidns_id *id, int32_t level); /* 0 below its own level */
PIDNS_API int32_t pidns_id_number_in(const struct pidns_id *id, const struct pidns_ns *ns); /* 0 = not visible */
PIDNS_API bool pidns_id_is_held(const struct pidns_id *id, enum pidns_kind kind);

/*
 * Who has number nr in ns, or the next one at or above nr; NULL = nobody.  The caller holds ns.  No lock is taken.  The
 * answer was right at some moment during the call; without a reference it is good as long as the caller knows
 * that the number is not given back.  The _get ones take a reference, and are the ones to use otherwise.
 */
PIDNS_API struct pidns_id *pidns_find(const struct pidns_ns *ns, int32_t nr);
PIDNS_API struct pidns_id *pidns_find_get(const struct pidns_ns *ns, int32_t nr);
PIDNS_API struct pidns_id *pidns_next(const struct pidns_ns *ns, int32_t nr);
PIDNS_API struct pidns_id *pidns_next_get(const struct pidns_ns *ns, int32_t nr);

/* Whoever holds nr in ns, into err's holder and task (the task model must not run meanwhile).  False: nobody. */
PIDNS_API bool pidns_who(struct pidns_ns *ns, int32_t nr, struct pidns_error *err);

/* --------------------------------------------------------------------------------------- attachments -- */

/* Lies in the embedder's own object; all zero while it is not attached.  Members of one identity and kind form a
 * list.  One thread at a time per world. */
struct pidns_link {
	struct pidns_id *id;
	struct pidns_link *next, *prev;
};

PIDNS_API void pidns_attach(struct pidns_link *link, struct pidns_id *id, enum pidns_kind kind);
/* The last attachment of any kind gives the numbers back (R4.1). */
PIDNS_API void pidns_detach(struct pidns_link *link, enum pidns_kind kind);
PIDNS_API void pidns_change(struct pidns_link *link, struct pidns_id *id, enum pidns_kind kind);
PIDNS_API void pidns_transfer(struct pidns_link *to, struct pidns_link *from, enum pidns_kind kind);
/* The two change identities: exec by a thread. */
PIDNS_API void pidns_exchange(struct pidns_link *a, struct pidns_link *b, enum pidns_kind kind);
PIDNS_API struct pidns_link *pidns_first(const struct pidns_id *id, enum pidns_kind kind);
PIDNS_API struct pidns_link *pidns_after(const struct pidns_link *link, enum pidns_kind kind);

/* ====================================================================================== task model == */

/*
 * Tasks act: most calls take the acting task first and answer as the system call would.  Each call runs the world until
 * nothing more happens by itself (whoever was killed is dead, whoever could be reaped silently is gone), and returns.
 * Two answers are no system call's:
 *   PIDNS_BLOCKS   the call waits, or has stopped its caller.  The task can do nothing until it has returned:
 *                  PIDNS_EVENT_RETURNED, pidns_returned().
 *   PIDNS_ENDED    the call ended its caller (exit, or a signal); or the task could not have called anything: it is
 *                  stopped, waiting or dead.  After PIDNS_EVENT_RELEASED its pointer is no longer good.
 */
#define PIDNS_BLOCKS (-100000)
#define PIDNS_ENDED (-100001)

/* clone(2)'s flags that matter here; all of Linux's are known. */
#define PIDNS_CLONE_NEWTIME 0x80ull
#define PIDNS_CLONE_VM 0x100ull
#define PIDNS_CLONE_FS 0x200ull
#define PIDNS_CLONE_SIGHAND 0x800ull
#define PIDNS_CLONE_PIDFD 0x1000ull
#define PIDNS_CLONE_VFORK 0x4000ull
#define PIDNS_CLONE_PARENT 0x8000ull
#define PIDNS_CLONE_THREAD 0x10000ull
#define PIDNS_CLONE_NEWNS 0x20000ull
#define PIDNS_CLONE_PARENT_SETTID 0x100000ull
#define PIDNS_CLONE_DETACHED 0x400000ull
#define PIDNS_CLONE_CHILD_SETTID 0x1000000ull
#define PIDNS_CLONE_NEWCGROUP 0x2000000ull
#define PIDNS_CLONE_NEWUTS 0x4000000ull
#define PIDNS_CLONE_NEWIPC 0x8000000ull
#define PIDNS_CLONE_NEWUSER 0x10000000ull
#define PIDNS_CLONE_NEWPID 0x20000000ull
#define PIDNS_CLONE_NEWNET 0x40000000ull
#define PIDNS_CLONE_CLEAR_SIGHAND 0x100000000ull
#define PIDNS_CLONE_INTO_CGROUP 0x200000000ull

/* Signals that have a meaning here; 1 .. 64 exist. */
enum {
	PIDNS_SIGHUP = 1,
	PIDNS_SIGABRT = 6,
	PIDNS_SIGKILL = 9,
	PIDNS_SIGSEGV = 11,
	PIDNS_SIGCHLD = 17,
	PIDNS_SIGCONT = 18,
	PIDNS_SIGSTOP = 19,
	PIDNS_SIGTSTP = 20,
	PIDNS_SIGTTIN = 21,
	PIDNS_SIGTTOU = 22,
};

/* Capabilities that are asked for; bit = 1 << number, as in capability.h. */
#define PIDNS_CAP_KILL (1ull << 5)
#define PIDNS_CAP_SETUID (1ull << 7)
#define PIDNS_CAP_SYS_PTRACE (1ull << 19)
#define PIDNS_CAP_SYS_ADMIN (1ull << 21)
#define PIDNS_CAP_SYS_BOOT (1ull << 22)
#define PIDNS_CAP_SYS_RESOURCE (1ull << 24)
#define PIDNS_CAP_CHECKPOINT_RESTORE (1ull << 40)
#define PIDNS_CAP_ALL ((1ull << 41) - 1)

/* -------------------------------------------------------------------------------------- looking at it -- */

enum pidns_state {
	PIDNS_GONE,    /* (an answer about a number only: its task has been released)                  */
	PIDNS_RUNNING,
	PIDNS_WAITING, /* in a call that answered PIDNS_BLOCKS                                         */
	PIDNS_STOPPED,
	PIDNS_DYING,   /* an init that waits for its namespace to empty (R5.26)                        */
	PIDNS_LEFT,    /* a leader thread that exited while others live                                */
	PIDNS_ZOMBIE,
};

/* The first process: number 1 of the root namespace, user 0 with all capabilities; group and session are 0 (outside).
 * -PIDNS_EEXIST: it has been made, or somebody else has number 1; -PIDNS_ENOMEM. */
PIDNS_API int32_t pidns_boot(struct pidns_world *w, struct pidns_task **out);

PIDNS_API enum pidns_state pidns_state(const struct pidns_task *t);
PIDNS_API struct pidns_id *pidns_task_id(const struct pidns_task *t);
PIDNS_API struct pidns_task *pidns_id_task(const struct pidns_id *id, enum pidns_kind kind); /* a first one, or NULL */
PIDNS_API struct pidns_ns *pidns_task_ns(const struct pidns_task *t);          /* where it lives       */
PIDNS_API struct pidns_ns *pidns_task_children_ns(const struct pidns_task *t); /* where its next child will */
PIDNS_API struct pidns_process *pidns_task_process(const struct pidns_task *t);
PIDNS_API struct pidns_task *pidns_leader(const struct pidns_task *t);
PIDNS_API struct pidns_task *pidns_parent(const struct pidns_task *t);     /* the real parent: a thread; NULL = none */
PIDNS_API struct pidns_id *pidns_task_link(const struct pidns_task *t, enum pidns_kind kind); /* its TGID, PGID, … */
PIDNS_API struct pidns_task *pidns_next_thread(const struct pidns_task *t);    /* in a circle          */
PIDNS_API struct pidns_task *pidns_first_child(const struct pidns_task *t);    /* of this thread, oldest first */
PIDNS_API struct pidns_task *pidns_next_sibling(const struct pidns_task *t);
PIDNS_API int32_t pidns_status(const struct pidns_task *t);      /* wait status of a zombie             */
PIDNS_API int32_t pidns_stop_signal(const struct pidns_task *t); /* of a stopped one, else 0            */
PIDNS_API int32_t pidns_exit_signal(const struct pidns_task *t);
PIDNS_API bool pidns_is_subreaper(const struct pidns_task *t);
/* Yours; NULL at birth. */
PIDNS_API void *pidns_user(const struct pidns_task *t);
PIDNS_API void pidns_set_user(struct pidns_task *t, void *user);

/* ------------------------------------------------------------------------------------ birth and exec -- */

/* clone3's record with its array read: what is checked from R1.9 on. */
struct pidns_clone_args {
	uint64_t flags;
	uint64_t pidfd;      /* an address: passed to env->pidfd_install, compared with parent_tid    */
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack, stack_size;
	const int32_t *set_tid; /* innermost first                                             */
	uint64_t set_tid_size;
	uint64_t cgroup;
	bool set_tid_unreadable; /* the array's address was not NULL but could not be read (R1.14)     */
	bool has_cgroup_word;    /* the record is long enough for it (R1.13)                          */
};

/*
 * clone3(2): 0 and *child, or the errors of section 1 in their order.  The child is ready to act when the call returns.
 * pidns_id_number_in(pidns_task_id(*child), …) gives the numbers: to the caller in its own namespace, PARENT_SETTID
 * likewise, CHILD_SETTID in the child's.  VFORK does not suspend the caller: that is a scheduler's business.
 */
PIDNS_API int32_t pidns_clone3(struct pidns_task *self, const struct pidns_clone_args *args, struct pidns_task **child,
			       struct pidns_error *err);

/* Reads len bytes at a user's address: 0 or -PIDNS_EFAULT. */
typedef int32_t (*pidns_copy_fn)(void *ctx, void *to, uint64_t from, size_t len);
/* The whole call, from the record in user memory on (R1.1 …). */
PIDNS_API int32_t pidns_clone3_user(struct pidns_task *self, uint64_t record, uint64_t size, pidns_copy_fn copy, void *ctx,
				    struct pidns_task **child, struct pidns_error *err);
/* clone(2): flags with the exit signal in the low byte. */
PIDNS_API int32_t pidns_clone(struct pidns_task *self, uint64_t flags, struct pidns_task **child, struct pidns_error *err);

/* execve that succeeds: 0, PIDNS_ENDED when self ended meanwhile.  By a thread: all others end and it is the leader
 * from then on (R4.9).  -PIDNS_ENOMEM. */
PIDNS_API int32_t pidns_exec(struct pidns_task *self);

/* exit(2) of one thread, and of all.  status: the low eight bits count.  Always PIDNS_ENDED. */
PIDNS_API int32_t pidns_exit(struct pidns_task *self, int32_t status);
PIDNS_API int32_t pidns_exit_group(struct pidns_task *self, int32_t status);

/* --------------------------------------------------------------------------------------------- waiting -- */

#define PIDNS_WNOHANG 1u
#define PIDNS_WUNTRACED 2u
#define PIDNS_WSTOPPED 2u
#define PIDNS_WEXITED 4u
#define PIDNS_WCONTINUED 8u
#define PIDNS_WNOWAIT 0x1000000u
#define PIDNS_WNOTHREAD 0x20000000u
#define PIDNS_WALL 0x40000000u
#define PIDNS_WCLONE 0x80000000u

enum { PIDNS_P_ALL, PIDNS_P_PID, PIDNS_P_PGID, PIDNS_P_PIDFD };
enum { PIDNS_CLD_EXITED = 1, PIDNS_CLD_KILLED, PIDNS_CLD_DUMPED, PIDNS_CLD_STOPPED = 5, PIDNS_CLD_CONTINUED };

struct pidns_waited {
	int32_t pid;       /* as the waiter sees it; 0 = nobody                                       */
	int32_t status;    /* wait4's word                                                            */
	int32_t code;      /* waitid: si_code                                                         */
	int32_t value;     /* waitid: si_status (which signal.h makes a macro)                        */
	uint32_t uid;
};

/* wait4: the PID, 0 (NOHANG), -ECHILD, -EINVAL, -ESRCH, PIDNS_BLOCKS. */
PIDNS_API int32_t pidns_wait4(struct pidns_task *self, int32_t pid, uint32_t options, struct pidns_waited *out);
/* waitid: 0, and out->pid tells whether somebody was found; pidfd for P_PIDFD (NULL: -EBADF), id else. */
PIDNS_API int32_t pidns_waitid(struct pidns_task *self, int32_t type, int64_t id, struct pidns_pidfd *pidfd, uint32_t options,
			       struct pidns_waited *out);
/* What a call that answered PIDNS_BLOCKS has returned; PIDNS_BLOCKS while it waits. */
PIDNS_API int32_t pidns_returned(const struct pidns_task *t, struct pidns_waited *out);

/* ------------------------------------------------------------------------------- groups and sessions -- */

PIDNS_API int32_t pidns_setsid(struct pidns_task *self); /* the new session's number */
PIDNS_API int32_t pidns_setpgid(struct pidns_task *self, int32_t pid, int32_t pgid);
PIDNS_API int32_t pidns_getpgid(struct pidns_task *self, int32_t pid);
PIDNS_API int32_t pidns_getsid(struct pidns_task *self, int32_t pid);
PIDNS_API int32_t pidns_getpid(struct pidns_task *self);
PIDNS_API int32_t pidns_gettid(struct pidns_task *self);
PIDNS_API int32_t pidns_getppid(struct pidns_task *self);

/* ---------------------------------------------------------------------------------------- namespaces -- */

PIDNS_API int32_t pidns_unshare(struct pidns_task *self, uint64_t flags); /* NEWPID, NEWUSER; others pass */
/* ns: the target's, of a PID namespace file or pidfd; flags 0 or NEWPID. */
PIDNS_API int32_t pidns_setns(struct pidns_task *self, struct pidns_ns *ns, uint64_t flags);
PIDNS_API int32_t pidns_reboot(struct pidns_task *self, uint32_t cmd);
/* ns_last_pid of the caller's namespace (R3.7), read and written with the caller's rights. */
PIDNS_API int32_t pidns_last_pid_read(struct pidns_task *self);
PIDNS_API int32_t pidns_last_pid_write(struct pidns_task *self, int64_t value);
/* pid_max of the namespace of whoever opened the file (R3.21): open asks for the right, -EACCES. */
PIDNS_API int32_t pidns_pid_max_open(struct pidns_task *self, bool for_writing);

/* ------------------------------------------------------------------------------------------- signals -- */

/*
 * kill, tkill, tgkill (section 6.7).  Never fail for want of memory: a signal that has to wait loses its sender's number
 * then, and of several queued ones (32 … 64) one is kept, as in Linux.
 */
PIDNS_API int32_t pidns_kill(struct pidns_task *self, int32_t pid, int32_t sig);
PIDNS_API int32_t pidns_tkill(struct pidns_task *self, int32_t tid, int32_t sig);
PIDNS_API int32_t pidns_tgkill(struct pidns_task *self, int32_t tgid, int32_t tid, int32_t sig);
/* A fault of its own: the default action even for an init (R5.14). */
PIDNS_API int32_t pidns_crash(struct pidns_task *self, int32_t sig);

enum pidns_action { PIDNS_DEFAULT, PIDNS_IGNORE, PIDNS_HANDLE };
#define PIDNS_SA_NOCLDSTOP 1u
#define PIDNS_SA_NOCLDWAIT 2u
#define PIDNS_SA_RESTART 0x10000000u
PIDNS_API int32_t pidns_sigaction(struct pidns_task *self, int32_t sig, enum pidns_action action, uint32_t flags);
enum { PIDNS_SIG_BLOCK, PIDNS_SIG_UNBLOCK, PIDNS_SIG_SETMASK };
/* mask: bit sig - 1. */
PIDNS_API int32_t pidns_sigprocmask(struct pidns_task *self, int32_t how, uint64_t mask);
PIDNS_API uint64_t pidns_sigpending(const struct pidns_task *t);

PIDNS_API int32_t pidns_set_subreaper(struct pidns_task *self, bool on); /* prctl(PR_SET_CHILD_SUBREAPER) */
PIDNS_API int32_t pidns_set_pdeathsig(struct pidns_task *self, int32_t sig);

/* -------------------------------------------------------------------------------------------- pidfds -- */

#define PIDNS_PIDFD_THREAD 0200u
#define PIDNS_PIDFD_NONBLOCK 04000u
#define PIDNS_PIDFD_SIGNAL_THREAD 1u
#define PIDNS_PIDFD_SIGNAL_THREAD_GROUP 2u
#define PIDNS_PIDFD_SIGNAL_PROCESS_GROUP 4u
#define PIDNS_POLLIN 1
#define PIDNS_POLLHUP 0x10

/* pidfd_open: 0 and *out, the caller's to close; descriptors are the embedder's business. */
PIDNS_API int32_t pidns_pidfd_open(struct pidns_task *self, int32_t pid, uint32_t flags, struct pidns_pidfd **out);
PIDNS_API void pidns_pidfd_close(struct pidns_pidfd *fd);
/* fd NULL: no such descriptor, or no pidfd. */
PIDNS_API int32_t pidns_pidfd_send(struct pidns_task *self, struct pidns_pidfd *fd, int32_t sig, uint32_t flags);
/* The descriptors -10000 (the own thread) and -10001 (the own process). */
PIDNS_API int32_t pidns_pidfd_send_self(struct pidns_task *self, bool process, int32_t sig, uint32_t flags);
PIDNS_API int32_t pidns_pidfd_poll(const struct pidns_pidfd *fd); /* PIDNS_POLLIN, PIDNS_POLLHUP */
/* setns(pidfd): with NEWPID the namespace that its process lives in; other namespaces' flags pass, with the same rights asked:
 * -PIDNS_ESRCH (dead), -PIDNS_EPERM (the caller may not look at it, ptrace(2)), -PIDNS_EINVAL. */
PIDNS_API int32_t pidns_setns_pidfd(struct pidns_task *self, struct pidns_pidfd *fd, uint64_t flags);
PIDNS_API uint32_t pidns_pidfd_flags(const struct pidns_pidfd *fd);
/* fdinfo: the identity, NULL once it is reaped. */
PIDNS_API struct pidns_id *pidns_pidfd_id(const struct pidns_pidfd *fd);

struct pidns_pidfd_info {
	int32_t pid, tgid, ppid; /* in the caller's namespace */
	uint32_t ruid, euid, suid;
};
/* PIDFD_GET_INFO: 0, or, before 6.13, -PIDNS_EINVAL (from 6.11 on) or -PIDNS_ENOTTY; -PIDNS_ESRCH: reaped. */
PIDNS_API int32_t pidns_pidfd_info(struct pidns_task *self, struct pidns_pidfd *fd, struct pidns_pidfd_info *out);

/* -------------------------------------------------------------------------------------------- rights -- */

struct pidns_cred {
	uint32_t uid, euid, suid; /* as the first user namespace counts them */
	uint64_t caps;            /* in user_ns; permitted and effective are one here */
	struct pidns_user_ns *user_ns;
};

PIDNS_API void pidns_cred(const struct pidns_task *t, struct pidns_cred *out);
PIDNS_API int32_t pidns_setresuid(struct pidns_task *self, uint32_t uid); /* all three */
PIDNS_API int32_t pidns_capset(struct pidns_task *self, uint64_t caps);
/* RLIMIT_NPROC of the caller's process; UINT32_MAX = none. */
PIDNS_API int32_t pidns_set_nproc(struct pidns_task *self, uint32_t limit);
/* max_pid_namespaces of the caller's user namespace, per user; needs CAP_SYS_ADMIN over it: -PIDNS_EPERM. */
PIDNS_API int32_t pidns_set_max_ns(struct pidns_task *self, int64_t max);
/*
 * The ids of the caller's user namespace are written, one user of it and his ids outside: who is mapped can make further ones
 * (R1.31).  -PIDNS_EPERM if it has been, or without CAP_SETUID over it, or for another outer uid than the caller's own.
 */
PIDNS_API int32_t pidns_uid_map(struct pidns_task *self, int64_t outer_uid);

#ifdef __cplusplus
}
#endif
#endif
