/* SPDX-License-Identifier: MIT */
/*
 * settid.h: processes and threads with chosen PIDs on the running kernel.
 *
 * A process has one number in every PID namespace from its own out to the first one.  Since Linux 5.5
 * clone3(2) takes them as an array, innermost namespace first: set_tid[0] is the number in the namespace the
 * child will live in, set_tid[1] the one in the namespace above, and so on.  Levels left out get the next free
 * number.  libsettid is that call made usable: fork, spawn and thread creation that keep libc's own state
 * right, errors that name the level, the number and its holder, and an honest fallback through
 * /proc/sys/kernel/ns_last_pid where the kernel or a sandbox refuses.
 *
 * Conventions
 *   Results    0 (or a PID) on success, a negative errno on failure.  errno itself is left alone.
 *   Errors     every call takes a `struct settid_error *`, which may be NULL; it is written on failure only.
 *   Threads    every function may be called from any thread at any time, unless its comment says otherwise.
 *   State      none, but one: while a settid_thread_create() is running, a counted SIGSYS handler is
 *              installed for the process (see there).
 *   Leaks      a call that fails leaves no process, zombie, descriptor, number or changed signal mask.
 *   Growth     argument structs begin with `size_t size = sizeof *args`; fields are only ever added at the
 *              end, and zero always means "not asked for".
 *   Compiling  C11 or C++ with POSIX.1-2008: the default, or -D_POSIX_C_SOURCE=200809L with -std=c11.
 *   Printing   never.  Exiting: never, but for the child of a failed settid_spawn().
 *
 * Numbers are read in the caller's active PID namespace unless said otherwise.
 * Sources: clone(2), pid_namespaces(7), user_namespaces(7), pidfd_open(2).
 */
#ifndef SETTID_H
#define SETTID_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SETTID_API __attribute__((visibility("default")))

/* The library's version; settid_version() is that of the library that was loaded, "0.1.0". */
#define SETTID_VERSION_MAJOR 0
#define SETTID_VERSION_MINOR 1
#define SETTID_VERSION_PATCH 0
SETTID_API const char *settid_version(void);

/* The most numbers a set_tid array may have: the kernel's MAX_PID_NS_LEVEL. */
#define SETTID_LEVEL_MAX 32

/* ------------------------------------------------------------------------------------------- errors -- */

/* Why a call failed, where an errno alone would not say. */
enum settid_reason {
	SETTID_REASON_SYSTEM = 0,      /* the errno says it all                                              */
	SETTID_REASON_TAKEN,           /* EEXIST: the number has a holder                                    */
	SETTID_REASON_RANGE,           /* EINVAL: below 1, or at or above that level's pid_max               */
	SETTID_REASON_FIRST_NOT_INIT,  /* EINVAL: the first process of a namespace can only be 1             */
	SETTID_REASON_TOO_MANY_LEVELS, /* EINVAL: more numbers than the child would have levels              */
	SETTID_REASON_CAPABILITY,      /* EPERM: no CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN at that level    */
	SETTID_REASON_NAMESPACE_RIGHT, /* EPERM: no CAP_SYS_ADMIN for a CLONE_NEW* flag                      */
	SETTID_REASON_NAMESPACE_DEAD,  /* ENOMEM: the namespace's init is dead, it takes nobody any more     */
	SETTID_REASON_NAMESPACE_DEPTH, /* ENOSPC: deeper than 32 levels, or over the user's namespace limit  */
	SETTID_REASON_NAMESPACE_SHAPE, /* EINVAL: CLONE_NEWPID or a thread while children live elsewhere     */
	SETTID_REASON_NUMBERS_FULL,    /* EAGAIN: no free number at a level that was left to the kernel      */
	SETTID_REASON_PROCESS_LIMIT,   /* EAGAIN: RLIMIT_NPROC, pids cgroup or threads-max                   */
	SETTID_REASON_NO_CLONE3,       /* ENOSYS: no clone3 here: an old kernel, or seccomp says so          */
	SETTID_REASON_SECCOMP,         /* EPERM from clone3 whatever is asked: a seccomp filter              */
	SETTID_REASON_NO_SET_TID,      /* clone3 without set_tid: Linux 5.3 or 5.4                           */
	SETTID_REASON_NO_LAST_PID,     /* ns_last_pid absent, read-only or not permitted                     */
	SETTID_REASON_RACE_LOST,       /* EAGAIN: somebody else forked in between, every time                */
	SETTID_REASON_METHOD_LIMIT,    /* EOPNOTSUPP: the method cannot do that (levels with ns_last_pid)    */
	SETTID_REASON_PROCFS,          /* /proc is missing or shows another PID namespace                    */
	SETTID_REASON_STEP,            /* the new process failed at `step`, before or in its execve          */
	SETTID_REASON_ARGUMENT,        /* EINVAL: the arguments contradict each other; `text` says how       */
};

/* What keeps a number taken. */
enum settid_holder {
	SETTID_HOLDER_NONE = 0, /* not known, or the number is free                                        */
	SETTID_HOLDER_PROCESS,  /* a living process                                                        */
	SETTID_HOLDER_THREAD,   /* a thread of `holder_pid` that is not its leader                         */
	SETTID_HOLDER_ZOMBIE,   /* a zombie; holder_parent has not waited for it                           */
	SETTID_HOLDER_DEAD_LEADER, /* a thread-group leader that exited while its other threads live       */
	SETTID_HOLDER_GROUP,    /* only a process group: its leader is dead, holder_pid is a member        */
	SETTID_HOLDER_SESSION,  /* only a session: its leader is dead, holder_pid is a member              */
	SETTID_HOLDER_UNSEEN,   /* somebody this process cannot see (hidepid, another user's namespace)    */
};

/* What a new process was doing when it failed; 0 in errors that are not a child's. */
enum settid_step {
	SETTID_STEP_NONE = 0,
	SETTID_STEP_MAPS,       /* waiting for its uid and gid maps                                        */
	SETTID_STEP_SETSID,
	SETTID_STEP_SETPGROUP,
	SETTID_STEP_SCHED,      /* scheduling policy or parameters                                         */
	SETTID_STEP_RESETIDS,
	SETTID_STEP_SIGNALS,    /* dispositions or mask                                                    */
	SETTID_STEP_PDEATHSIG,
	SETTID_STEP_FILE_ACTION, /* file_actions[step_index]                                               */
	SETTID_STEP_CWD,
	SETTID_STEP_EXEC,
	SETTID_STEP_COUNT
};

/* All that is known of a failure.  Plain data, nothing to free. */
struct settid_error {
	int code;                  /* negative errno, equal to what the call returned                      */
	enum settid_reason reason;
	int level;                 /* index into set_tid[], 0 = innermost; -1: the failure has no level    */
	int ns_level;              /* that namespace's own level, 0 = the machine's; -1: not known         */
	pid_t number;              /* the refused number at that level; 0 = none                           */
	enum settid_holder holder; /* what keeps the number taken                                          */
	pid_t holder_pid;          /* the process to look at, in the caller's numbers; 0 = none visible    */
	pid_t holder_parent;       /* of a zombie: who has to reap it; 0 = not visible                     */
	int holder_members;        /* of a group or session: how many members were found                   */
	char holder_comm[64];      /* name of holder_pid (of holder_parent for a zombie), "" = unknown     */
	enum settid_step step;     /* of a child's own failure                                             */
	int step_index;            /* which file action, from 0; -1 = none                                 */
	char text[320];            /* one sentence without newline, for people; always terminated          */
};

/* The enum constant as a word for programs ("taken", "zombie", "file-action"); "?" when out of range. */
SETTID_API const char *settid_reason_name(enum settid_reason reason);
SETTID_API const char *settid_holder_name(enum settid_holder holder);
SETTID_API const char *settid_step_name(enum settid_step step);

/* ------------------------------------------------------------------------------------------ methods -- */

/*
 * How a chosen number is obtained.
 *   CLONE3       clone3(2) with set_tid: exact, atomic, every level, threads too.  Linux 5.5.
 *   NS_LAST_PID  writing number - 1 to /proc/sys/kernel/ns_last_pid and forking quickly.  One level only, a
 *                race against every other fork in the namespace: the number is verified, a wrong one is
 *                undone and tried again, at most SETTID_LAST_PID_TRIES times.  A child with a wrong number
 *                ends before it runs any code of the caller's, but its exit signal is sent, and a wait for
 *                any child in another thread may see it.  With CLONE_NEWPID, {1, n} works too.  The file
 *                is locked (flock) for the moment it takes; that keeps other users of this library away, but
 *                only those that opened it through the same procfs mount.
 *   AUTO         CLONE3, and NS_LAST_PID where clone3's set_tid does not exist or is blocked by seccomp.
 */
enum settid_method {
	SETTID_METHOD_AUTO = 0,
	SETTID_METHOD_CLONE3,
	SETTID_METHOD_NS_LAST_PID,
};
#define SETTID_LAST_PID_TRIES 64
SETTID_API const char *settid_method_name(enum settid_method method);

/* A child that was made.  pidfd is open and close-on-exec, the caller's to close. */
struct settid_child {
	pid_t pid;                 /* in the caller's active namespace                                     */
	int pidfd;
	enum settid_method method; /* what made it; never AUTO                                             */
	unsigned retries;          /* lost races before it (NS_LAST_PID only)                              */
};

/* --------------------------------------------------------------------------------------------- raw -- */

/* clone3's record as Linux 5.7 has it (88 bytes); see clone(2).  All pointers are integers, as there. */
struct settid_clone_args {
	uint64_t flags;
	uint64_t pidfd;
	uint64_t child_tid;
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack;
	uint64_t stack_size;
	uint64_t tls;
	uint64_t set_tid;
	uint64_t set_tid_size;
	uint64_t cgroup;
};

/*
 * settid_clone3() - the system call itself, for those who know what they do.
 *
 * args, size:  passed to the kernel unchanged; size is usually sizeof *args.
 * fn, arg:     what the child runs; its result is the child's exit status (of the thread alone with
 *              CLONE_THREAD).  Must be given when args->stack is; may be NULL otherwise, and then the call
 *              returns 0 in the child, as fork does.
 *
 * Returns the child's PID (in the caller's active namespace), 0 in the child, or a negative errno.
 * libc is not told of the child: see settid_fork() for one that is.  Async-signal-safe.
 */
SETTID_API pid_t settid_clone3(const struct settid_clone_args *args, size_t size, int (*fn)(void *), void *arg);

/* -------------------------------------------------------------------------------------------- fork -- */

/* exit_signal value for "send nothing"; 0 means SIGCHLD. */
#define SETTID_NO_SIGNAL (-1)

struct settid_fork_args {
	size_t size;               /* sizeof (struct settid_fork_args)                                     */
	const pid_t *set_tid;      /* innermost first; NULL = no wish                                      */
	size_t set_tid_len;        /* 0 .. SETTID_LEVEL_MAX                                                */
	uint64_t flags;            /* CLONE_NEW* flags, CLONE_PARENT, CLONE_CLEAR_SIGHAND; no others       */
	int exit_signal;           /* 0 = SIGCHLD, SETTID_NO_SIGNAL = none                                 */
	enum settid_method method;
	int use_cgroup;            /* not 0: the child is born in cgroup_fd's cgroup (Linux 5.7)           */
	int cgroup_fd;             /* a cgroup v2 directory                                                */
};

/*
 * settid_fork() - fork with chosen numbers.
 *
 * Like _Fork(): atfork handlers are not run; in a multithreaded caller the child may call async-signal-safe
 * functions only, until it calls execve.  libc's own notion of the thread's TID is right in the child (with
 * glibc and with musl), so recursive and error-checking mutexes held by the parent are not the child's.
 *
 * args:   NULL for a plain fork with a pidfd.
 * child:  filled in the parent; may be NULL when no pidfd is wanted.  In the child it is not written.
 * Returns the child's PID in the parent, 0 in the child, or a negative errno:
 *   -EEXIST  a number is taken (err: level, number, holder)
 *   -EINVAL  a number out of range, more numbers than levels, a namespace's first process that is not 1,
 *            or a flag that is not allowed here
 *   -EPERM   no right over a level that is named, or none for a CLONE_NEW* flag
 *   -EAGAIN  process limits, no free number, or (NS_LAST_PID) the race was lost every time
 *   -ENOSYS  no method works here; settid_probe() tells why
 *   -EOPNOTSUPP  the method cannot do that (NS_LAST_PID: several levels, CLONE_PARENT; without clone3 also
 *            use_cgroup and CLONE_CLEAR_SIGHAND)
 *   -ENOMEM  also: the namespace the child would live in is dead
 *   others as clone(2).
 */
SETTID_API pid_t settid_fork(const struct settid_fork_args *args, struct settid_child *child,
			     struct settid_error *err);

/* ------------------------------------------------------------------------------------------- spawn -- */

enum settid_file_op {
	SETTID_FILE_OPEN = 1,  /* open path with flags and mode as descriptor fd                           */
	SETTID_FILE_CLOSE,     /* close fd; one that is not open is no error, as in posix_spawn            */
	SETTID_FILE_DUP2,      /* from -> fd; equal ones lose their close-on-exec flag                     */
	SETTID_FILE_CHDIR,     /* change to path                                                           */
	SETTID_FILE_FCHDIR,    /* change to directory fd                                                   */
	SETTID_FILE_CLOSEFROM, /* close fd and all above                                                   */
};

struct settid_file_action {
	enum settid_file_op op;
	int fd;
	int from;
	const char *path;
	int flags;
	mode_t mode;
};

/* settid_spawn_args.flags */
enum {
	SETTID_SPAWN_SEARCH_PATH = 1 << 0,  /* look `file` up in the caller's $PATH, as posix_spawnp       */
	SETTID_SPAWN_SETSID = 1 << 1,       /* a session of its own, before all else                       */
	SETTID_SPAWN_SETPGROUP = 1 << 2,    /* join process group `pgroup`; 0: found one                   */
	SETTID_SPAWN_SETSIGMASK = 1 << 3,   /* start with `sigmask`; else the caller's                     */
	SETTID_SPAWN_SETSIGDEF = 1 << 4,    /* `sigdefault`'s signals start with the default action        */
	SETTID_SPAWN_SETSCHEDULER = 1 << 5, /* policy and sched                                            */
	SETTID_SPAWN_SETSCHEDPARAM = 1 << 6,/* sched alone                                                 */
	SETTID_SPAWN_RESETIDS = 1 << 7,     /* effective ids become the real ones                          */
	SETTID_SPAWN_USER_MAPS = 1 << 8,    /* with CLONE_NEWUSER: write uid_map and gid_map               */
	SETTID_SPAWN_DENY_SETGROUPS = 1 << 9, /* "deny" to /proc/PID/setgroups first (unprivileged gid_map)*/
	SETTID_SPAWN_INTO_CGROUP = 1 << 10, /* born in cgroup_fd's cgroup (Linux 5.7)                      */
};

struct settid_spawn_args {
	size_t size;               /* sizeof (struct settid_spawn_args)                                    */
	const char *file;          /* the program                                                          */
	char *const *argv;         /* NULL-terminated, argv[0] included                                    */
	char *const *envp;         /* NULL: the caller's environ                                           */
	const pid_t *set_tid;      /* as in settid_fork_args                                               */
	size_t set_tid_len;
	uint64_t clone_flags;      /* CLONE_NEW*, CLONE_CLEAR_SIGHAND, CLONE_PARENT; no others             */
	unsigned flags;            /* SETTID_SPAWN_*                                                       */
	enum settid_method method;
	pid_t pgroup;
	const sigset_t *sigmask;
	const sigset_t *sigdefault;
	int policy;
	struct sched_param sched;
	const struct settid_file_action *file_actions; /* done in order                                    */
	size_t file_actions_len;
	const char *cwd;           /* after the file actions; NULL: the caller's                           */
	const char *uid_map;       /* text for /proc/PID/uid_map, "0 1000 1\n"                             */
	const char *gid_map;
	int cgroup_fd;
	int exit_signal;           /* 0 = SIGCHLD, SETTID_NO_SIGNAL = none (execve makes it SIGCHLD)       */
	int pdeathsig;             /* not 0: sent to the child when the calling *thread* ends, prctl(2)    */
};

/*
 * settid_spawn() - start a program with chosen numbers, as cheaply as vfork.
 *
 * The child borrows the caller's memory (CLONE_VM | CLONE_VFORK) until its execve, so the cost does not grow
 * with the caller's size; only the calling thread waits, all its signals blocked.  With user-namespace maps
 * the caller must be awake to write them: then the child waits on a shared word instead.  Order in the
 * child: maps, session, process group, scheduling, ids, parent-death signal, signal dispositions, file
 * actions, cwd, mask, execve.  Signals that the caller handles start with the default action, ignored ones stay
 * ignored, as ever with execve.
 *
 * child:  filled on success: owns a pidfd.  Untouched on failure.  Must not be NULL.
 * Returns 0 or a negative errno as settid_fork(); besides, any error of the child's own steps, with err->step
 * (and step_index) saying which: a failed execve is -ENOENT with SETTID_STEP_EXEC, never exit status 127.
 *   -ECANCELED  the child was killed before its execve
 * A failed child is reaped and sends no SIGCHLD; only with CLONE_PARENT it is the parent's to reap.
 */
SETTID_API int settid_spawn(const struct settid_spawn_args *args, struct settid_child *child,
			    struct settid_error *err);

/* ----------------------------------------------------------------------------------------- threads -- */

struct settid_thread_args {
	size_t size;               /* sizeof (struct settid_thread_args)                                   */
	const pid_t *set_tid;      /* innermost first                                                      */
	size_t set_tid_len;
	enum settid_method method;
};

/*
 * settid_thread_create() - pthread_create with a chosen TID.
 *
 * The thread is libc's own in every way: pthread_self, TLS, errno, malloc, stdio, cancellation and join
 * work, since libc's unmodified pthread_create makes it.
 *
 * x86-64, Linux 5.11: around that call, syscall user dispatch catches the calling thread's clone or clone3
 * in a SIGSYS handler, which adds set_tid.  The handler is process-wide while any such call is running
 * (counted; a foreign SIGSYS goes on to the handler before it); all else is per thread.  Nobody else may change
 * SIGSYS's disposition meanwhile.  The numbers go to the first thread that is made inside the call.
 * Elsewhere, or with SETTID_METHOD_NS_LAST_PID: ns_last_pid around pthread_create, verified; a thread that
 * got another number ends before it runs `start`, and it is tried again.
 *
 * Returns 0 and *thread, or a negative errno as settid_fork() (no CLONE_NEW* there).  *method_used, if not
 * NULL, says what made it.  Not async-signal-safe.
 */
SETTID_API int settid_thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
				    void *arg, const struct settid_thread_args *args,
				    enum settid_method *method_used, struct settid_error *err);

/* ------------------------------------------------------------------------------------------- probe -- */

/* An answer found by trying. */
enum settid_answer {
	SETTID_NO = 0,
	SETTID_YES = 1,
	SETTID_UNKNOWN = 2,
};

struct settid_probe_level {
	enum settid_answer may_set;  /* the right to choose a number at this level                         */
	int pid_max;                 /* numbers are 1 .. pid_max - 1; 0 = not known                        */
	int ns_level;                /* the namespace's own level, 0 = the machine's; -1 = not known       */
};

struct settid_probe {
	size_t size;                     /* set by the caller to sizeof (struct settid_probe)              */
	enum settid_answer clone3;       /* the call exists and is let through                             */
	int clone3_errno;                /* what a plain clone3 failed with: ENOSYS, EPERM; 0 = it worked  */
	enum settid_answer seccomp;      /* a filter is active for this process                            */
	enum settid_answer clone3_blocked; /* clone3 fails because of seccomp, not of the kernel's age     */
	enum settid_answer set_tid;      /* the kernel knows set_tid (whether permitted or not)            */
	enum settid_answer cap_checkpoint_restore;
	enum settid_answer cap_sys_admin;
	enum settid_answer last_pid_present;
	enum settid_answer last_pid_writable; /* a write would be permitted                                */
	enum settid_answer user_namespaces;   /* CLONE_NEWUSER works here, for this user                   */
	enum settid_answer pid_namespaces;    /* CLONE_NEWPID works here, with NEWUSER if need be          */
	enum settid_answer user_dispatch;     /* syscall user dispatch: exact TIDs for threads             */
	enum settid_answer proc_is_ours;      /* /proc shows the caller's own PID namespace                */
	int levels;                      /* namespaces a child made now has a number in, that can be told: at
					    least 1                                                        */
	int levels_exact;                /* not 0: `levels` is the whole path to the machine's namespace   */
	struct settid_probe_level level[SETTID_LEVEL_MAX + 1]; /* [0] = innermost: the children's namespace */
	enum settid_method best;         /* AUTO = nothing works                                           */
	char why[320];                   /* one sentence: what follows, and what stands in the way         */
};

/*
 * settid_probe() - what this process may do here, found by trying, not by version numbers.
 *
 * Makes a short-lived child or two and reaps them, but none in a namespace that waits for its init.  Needs no
 * rights.
 * Returns 0, or a negative errno when not even a plain child can be made (EAGAIN, ENOMEM).
 */
SETTID_API int settid_probe(struct settid_probe *probe, struct settid_error *err);

/* ------------------------------------------------------------------------------------------ holder -- */

/*
 * settid_who() - who holds a number in the caller's active namespace.
 *
 * Fills holder, holder_pid, holder_parent, holder_members, holder_comm and text of *out (may be NULL) as a failed
 * call would (code -EEXIST).  Returns 1 when the number is held, 0 when it looks free (out->holder NONE), or a
 * negative errno when /proc cannot be read.  What it says is true of a moment that has passed on return.
 */
SETTID_API int settid_who(pid_t number, struct settid_error *out);

/* ------------------------------------------------------------------------------------- reservations -- */

/*
 * Numbers held free for a restore that is about to start: each is that of a process that sleeps and shares the
 * caller's memory, so nobody else gets it.  They are children of one more process, the keeper, not of the
 * caller: its waits never see them.  When the caller dies, however that happens, the keeper gives all back.
 */
struct settid_reservation;

struct settid_reserve_args {
	size_t size;               /* sizeof (struct settid_reserve_args)                                  */
	const pid_t *numbers;      /* numbers_len rows of `levels` numbers, each as set_tid: innermost first.
				      0 = no wish: at the end of a row the kernel chooses, before another
				      number any free one that is in no row is taken                       */
	size_t numbers_len;        /* rows                                                                 */
	size_t levels;             /* 1 .. SETTID_LEVEL_MAX                                                */
	unsigned wait_ms;          /* how long a number that is taken is tried again; 0 = once             */
};

struct settid_reserve_info {
	size_t size;               /* set by the caller to sizeof (struct settid_reserve_info)             */
	size_t numbers_len;        /* rows of the reservation                                              */
	size_t held;               /* how many are held now: all or none                                   */
	pid_t keeper;              /* the process that holds them, in the caller's namespace; 0 in the answer
				      of settid_reserve_ask() when it has no number there                  */
	int moved;                 /* at how many levels the last give moved ns_last_pid                   */
	unsigned retries;          /* how often a taken number was tried again                             */
	uint64_t free_since_ns;    /* CLOCK_MONOTONIC: when the last give freed the first number; 0 = never */
	uint64_t give_ns;          /* how long that give took from the first number to the last            */
};

/*
 * settid_reserve() - hold numbers, all of them or none.
 *
 * *out:   owns the reservation: end it with settid_reserve_end().  Untouched on failure.
 * Returns 0 or a negative errno as settid_fork(), with the number, its level and its holder in *err; besides
 *   -EINVAL     args do not make sense, or children would live in a namespace that still has no init
 *   -ECANCELED  the keeper was killed
 * Needs clone3's set_tid.  Costs about 20 us and 26 KiB a number (Linux 6.18, x86-64).
 */
SETTID_API int settid_reserve(const struct settid_reserve_args *args, struct settid_reservation **out,
			      struct settid_error *err);

/*
 * settid_reserve_give() - make all numbers free, for the caller's own use of them.
 *
 * First ns_last_pid is moved past the wanted numbers (to the last one before the widest gap between them) in the
 * namespace that the numbers are innermost in, in the caller's own and in those between, where that is permitted:
 * another fork there has to come round to them first.  Then all are freed within a moment, and are free on return.
 * Returns 0, also when they were free already, or -ECANCELED, or another code, with all numbers held: after a process was
 * born in a namespace between, setns() failed to go back to where the caller's children lived.
 */
SETTID_API int settid_reserve_give(struct settid_reservation *reservation, struct settid_error *err);

/*
 * settid_reserve_take() - hold them again.  A number that somebody got meanwhile is tried again for wait_ms.
 * Returns as settid_reserve(); on failure none is held.
 */
SETTID_API int settid_reserve_take(struct settid_reservation *reservation, unsigned wait_ms,
				   struct settid_error *err);

/* -EINVAL when info->size is not known. */
SETTID_API int settid_reserve_info(const struct settid_reservation *reservation,
				   struct settid_reserve_info *info);

/* Frees the numbers, without moving anything, and the reservation.  NULL is fine. */
SETTID_API void settid_reserve_end(struct settid_reservation *reservation);

/* What another process may ask of a reservation's holder. */
enum settid_reserve_request {
	SETTID_RESERVE_NOTHING = 0,
	SETTID_RESERVE_STATUS,     /* tell settid_reserve_info                                             */
	SETTID_RESERVE_GIVE,       /* settid_reserve_give()                                                */
	SETTID_RESERVE_TAKE,       /* settid_reserve_take()                                                */
	SETTID_RESERVE_END,        /* it is not needed any more: for the caller of settid_reserve_serve()  */
};

/*
 * settid_reserve_listen() - a Unix socket at `path`, mode 0600, for the requests of others.
 *
 * Returns a descriptor (close-on-exec) to poll for reading and to hand to settid_reserve_serve(), or a negative
 * errno: -EADDRINUSE something is at `path`, -ENAMETOOLONG, others as bind(2).  The file stays: unlink it.
 */
SETTID_API int settid_reserve_listen(const char *path, struct settid_error *err);

/*
 * settid_reserve_serve() - take one caller from the socket, do what it asks, answer.
 *
 * The peer must be of the same user, or root; it is given one second to speak.
 * Returns 0 and *request (what was done; NOTHING = nobody, or nothing that may be done), or a negative errno
 * of the socket's.  A request that failed is told to the peer, and in *err, with -ECANCELED from the keeper only.
 */
SETTID_API int settid_reserve_serve(struct settid_reservation *reservation, int listen_fd,
				    enum settid_reserve_request *request, struct settid_error *err);

/*
 * settid_reserve_ask() - ask the holder that listens at `path`, which must be of the same user, or root's.
 *
 * info:  NULL, or filled with what is so afterwards (info->size set by the caller).
 * Returns 0, the error that the holder met (with its facts in *err), or that of the connection: -ECONNREFUSED
 * and -ENOENT nobody listens there, -EPERM the holder is a stranger or takes the caller for one.
 */
SETTID_API int settid_reserve_ask(const char *path, enum settid_reserve_request request, unsigned wait_ms,
				  struct settid_reserve_info *info, struct settid_error *err);

#ifdef __cplusplus
}
#endif
#endif
