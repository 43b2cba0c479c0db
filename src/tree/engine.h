/* SPDX-License-Identifier: MIT */
/*
 * engine.h: the executor of a plan: what the placeholders run.
 *
 * The plan lies in one shared mapping, at the same address in every process that takes part.  Each process
 * runs its own list of steps there, on a stack of ENGINE_STACK bytes in the mapping, with raw system calls
 * only: no libc, no TLS, no signal handlers.  Processes share their memory with the guard (CLONE_VM), but for
 * those whose death may dump core.
 *
 * Keeps:   (G1) the guard outlives the tree; it undoes everything when its end of the life pipe reports that
 *               the restorer is gone, however it went;
 *          (G2) whoever fails says so once (struct engine_failure) and then sleeps: the guard ends it;
 *          (G3) nobody polls: every wait is a futex, a wait for a child, or the guard's ppoll.
 */
#ifndef SETTID_ENGINE_H
#define SETTID_ENGINE_H

#include "plan.h"

#include <signal.h>

#define ENGINE_STACK 1024
#define ENGINE_ORPHAN_TOP 64 /* what an orphan's stack has above it */

/* What a process that is released starts; strings and vectors lie in the mapping. */
struct engine_command {
	const char *path;
	char *const *argv;
	const char *cwd; /* NULL = the restorer's */
};

/* What failed: a step of the plan, or what the engine itself needs around it. */
enum engine_part {
	ENGINE_STEP,
	ENGINE_BELL,      /* the guard's eventfd */
	ENGINE_DEATHS,    /* its descriptor for SIGCHLD */
	ENGINE_CORE,      /* the directory that takes core dumps */
	ENGINE_CHILDREN,  /* the guard's own list of children in /proc */
	ENGINE_SUBREAPER, /* orphans of the tree come to the guard */
	ENGINE_LEASH,     /* nobody outlives the guard */
	ENGINE_GROUP,     /* a number of the group outside */
	ENGINE_NUMBER,    /* asking for one's own TID */
};

struct engine_failure {
	uint32_t claimed; /* the first to fail sets it */
	uint32_t part;    /* enum engine_part */
	uint32_t actor;
	uint32_t step; /* index into steps[] */
	int32_t code;  /* negative errno */
};

/* Bytes that the event pipe carries to the restorer. */
enum {
	ENGINE_STANDS = 'S', /* every actor has done its part */
	ENGINE_FAILED = 'F', /* see failure */
	ENGINE_ENDED = 'E',  /* the root is dead; see root_status */
};

/* A placeholder that is away in execve, or was: what it comes back with. */
struct engine_reexec {
	uint32_t actor, step; /* PLAN_REEXEC itself */
	uint32_t away;        /* from the last moment before to the first after */
	void *stack_at;       /* an orphan's signal stack: see engine_leash.c */
	uint64_t stack_size;
	uint32_t rights[6]; /* as capget(2) and capset(2) have them */
	uint64_t raised;    /* ambient capabilities that it has for this alone, a bit each */
	char name[16];
};

/* Where whoever comes back from execve finds the plan.  Zeros in a program; restore_image.c fills it in the copy that is
 * executed. */
struct engine_home {
	void *at;
	uint64_t size, offset;
	int32_t fd;
};
extern const volatile struct engine_home engine_home;
void engine_entered(void); /* where the kernel begins with that copy */

/* When a step was carried out, CLOCK_MONOTONIC; end 0 = it does not end by itself, or did not. */
struct engine_span {
	uint64_t begin_ns, end_ns;
};

struct engine {
	/* written before the guard starts */
	const struct plan_actor *actors;
	const struct plan_step *steps;
	const int32_t *numbers;
	const char *text;
	const uint32_t *full; /* per counter */
	const struct engine_command *commands;
	char *const *envp;
	char *stacks;        /* ENGINE_STACK bytes per actor */
	char *orphan_stacks; /* for those that engine_orphans() counts */
	size_t orphan_stack_size;
	uint32_t actors_len;
	uint32_t fds_len;
	uint32_t reexecs_len;
	uint32_t total; /* DONE steps */
	uint32_t root;  /* actor */
	uint32_t first; /* actor whose end is everybody's */
	bool has_init;
	bool exec;
	bool goes_outside;
	bool subreaper;        /* the guard collects orphans: no namespace to kill */
	int life_fd, event_fd; /* the guard's ends; the first byte through the life pipe lets it begin */
	int core_fd;           /* a directory that takes a core dump and vanishes; -1 = none needed */
	int bell_fd;           /* an eventfd for what the guard waits for; see engine_watch_counter() */
	int deaths_fd;         /* a signalfd for SIGCHLD; the guard has all signals blocked */
	int last_pid_fd;       /* >= 0: numbers by ns_last_pid instead of set_tid */
	int image_fd;    /* what PLAN_REEXEC executes; the mapping is in it.  -1 = there is no such step */
	int children_fd; /* the guard's own /proc/.../children, opened by the restorer; -1 = none */
	const char *pidfile;       /* to be removed with the tree; NULL = none */
	uint64_t mask;             /* what started programs have blocked */
	struct engine_span *spans; /* per step, written while it runs; NULL = nobody asks for times */
	/* written while it runs */
	uint32_t guard_waits; /* counter + 1 that the guard waits for; 0 = none */
	uint32_t release;     /* futex: programs may start */
	uint32_t never;       /* futex: nobody ever wakes it */
	uint32_t stands;
	uint32_t birth_lock; /* futex, ns_last_pid only */
	uint32_t orphans;    /* stacks taken */
	uint32_t retries;    /* ns_last_pid: lost races */
	uint32_t pidfile_made;
	uint32_t root_ended;
	int32_t root_status;          /* as wait4 gives it */
	int32_t outside_group;        /* as level 0, or the guard outside of it, knows it */
	int32_t first_pidfd;          /* the guard's, of the first child */
	uint64_t first_ns, stands_ns; /* CLOCK_MONOTONIC: first birth, last DONE */
	struct engine_failure failure;
	uint32_t *counters;
	int32_t *fds; /* what PLAN_LISTEN keeps; -1 = not yet */
	struct engine_reexec *reexecs;
	int32_t *pids;     /* per actor: as its creator's clone3 returned it */
	uint32_t *listens; /* per actor, futex: 1 = an orphan to be hears of its parent's end */
	uint32_t *alive; /* per actor, futex: 1 from its birth until the kernel sees its first thread gone */
};

/* The guard's whole life; does not return.  Called in a forked child that shares nothing but the mapping. */
void engine_guard(struct engine *e) __attribute__((noreturn));

/* At most how many are born to somebody who ends before them, where no namespace's end takes all along.  Needs actors,
 * steps, has_init. */
uint32_t engine_orphans(const struct engine *e);

/* The guard's way out before it began: says what could not be had, and waits for the restorer's end. */
void engine_refuse(struct engine *e, enum engine_part part, int code) __attribute__((noreturn));

/* Ends every process of the tree and reaps it, and all else that is the guard's child.  Blocks until all are gone. */
void engine_teardown(struct engine *e);

/*
 * The same from the restorer, where the guard was killed and left it its children (it is their subreaper).
 * children_fd is its own list of children, if none but these can be in there; -1 = take those that are known.
 */
void engine_inherit(struct engine *e, int children_fd);

/* Part of it: once, by whoever can. */
void engine_remove_pidfile(struct engine *e);

/* Ranges that the guard keeps mapped; all else goes, so that forks from it are cheap.  Sorted, not touching. */
struct engine_range {
	uintptr_t from, to;
};
void engine_unmap_others(const struct engine_range *keep, size_t keep_len);

#endif
