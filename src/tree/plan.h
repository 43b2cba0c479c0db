/* SPDX-License-Identifier: MIT */
/*
 * plan.h: a plan is data: for each process, thread and helper a short list of steps.
 *
 * Owns:    struct plan, one allocation per array, freed by plan_free().
 * Keeps:   (P1) nothing but the plan passes from the planner to whoever carries it out: the executor
 *               (engine.c), the printer (plan_print.c) and the fault injection read the same steps;
 *          (P2) every actor but the first is made by exactly one PLAN_CHILD or PLAN_THREAD step;
 *          (P3) a step waits only for steps that some list reaches without it: the lists never deadlock;
 *          (P4) a plan is deterministic: the same tree gives the same plan;
 *          (P5) actors stand in the order guard, helper init, processes (ghosts and helpers among them), threads; a
 *               process stands behind its maker and behind its parent in the end.
 * The theory (which trees, which order, and why) is in docs/planning.md.
 */
#ifndef SETTID_PLAN_H
#define SETTID_PLAN_H

#include "tree.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum plan_op {
	PLAN_CHILD = 1, /* make process `a` as one's own child                                         */
	PLAN_THREAD,    /* make thread `a` in one's own process                                        */
	PLAN_ENTER,     /* children live in init `a`'s namespace from now on; b = its number as seen
				     here, 0 = as clone3 returned it, or PLAN_HEAR                        */
	PLAN_LEAVE,     /* children live in one's own namespace again                                  */
	PLAN_UNSHARE,   /* children live in a new namespace from now on, the first as its init         */
	PLAN_SETSID,
	PLAN_SETPGID,       /* join group `a` (one's own namespace's number); 0 = found one                */
	PLAN_SETPGID_CHILD, /* move child `a` to group `b` (a number)                                      */
	PLAN_SETPGID_LIKE,  /* the same for the guard outside, who knows processes of the tree under
				     numbers of its own: the group that process `b` founded               */
	PLAN_SETPGID_OUTSIDE, /* move process `a`, a child or oneself, to the group outside the tree           */
	PLAN_LISTEN,       /* keep a descriptor, number `a` of the table, by which somebody says who he is */
	PLAN_TELL,         /* say who one is, by that descriptor                                      */
	PLAN_HEAR,         /* learn under which number one sees process `a`, by descriptor `b`        */
	PLAN_NAME,         /* take the name at text[a]                                                    */
	PLAN_SUBREAPER,    /* a = 0 or 1                                                                  */
	PLAN_ADD,          /* counter `a` += b; who makes it full wakes the waiters                       */
	PLAN_WAIT,         /* until counter `a` is full                                                   */
	PLAN_KILL,         /* signal `b` to child `a`: for inits, which cannot do it themselves */
	PLAN_WAIT_DEAD,    /* until child `a` is a zombie; leaves it one                                  */
	PLAN_WAIT_STOPPED, /* until child `a` is stopped; leaves the report for a later wait              */
	PLAN_BURY,         /* wait until child `a` is dead, and reap it                                   */
	PLAN_LEASH,        /* die with one's parent, actor `a`, from now on                               */
	PLAN_UNLEASH, /* as at its birth: its parent's leader thread is to end, and must not take it along */
	PLAN_CONTINUE, /* until child `a` is stopped by a child's exit signal; continues it, takes both reports */
	PLAN_WAIT_LEADER, /* until the leader thread, actor `a`, is gone                                 */
	PLAN_REEXEC, /* execve of one's own self: the exit signal becomes SIGCHLD; the a-th of the plan */
	PLAN_DONE,   /* one more stands                                                             */
	/* the last step of every list is one of these */
	PLAN_HOLD,        /* sleep until the end                                                         */
	PLAN_EXEC,        /* sleep until the release, then execve commands[a]                            */
	PLAN_STOP,        /* stop by signal `a`, then hold                                               */
	PLAN_EXIT,        /* exit with code `a`                                                          */
	PLAN_DIE,         /* die from signal `a`; b = 1: with a core dump                                */
	PLAN_EXIT_THREAD, /* the leader thread ends, the others live; wakes those that wait for it       */
	PLAN_REAP,        /* helper init: reap whatever dies; ends when the root does                    */
	PLAN_GUARD,       /* the guard: watch the restorer, undo all when it dies                        */
	PLAN_OP_COUNT
};

struct plan_step {
	uint32_t op; /* enum plan_op */
	uint32_t a;
	uint32_t b;
};

enum plan_kind {
	PLAN_KIND_GUARD, /* the parent of everything: outside the tree, watches the restorer               */
	PLAN_KIND_INIT,  /* number 1 of a new namespace in which no process of the tree is 1               */
	PLAN_KIND_PROCESS,
	PLAN_KIND_THREAD,
	PLAN_KIND_GHOST,  /* a dead leader: a process that dies once its group and session have members  */
	PLAN_KIND_HELPER, /* a process that dies once what it was made for is done                       */
};

/* plan_actor.flags */
enum {
	PLAN_NEWPID = 1 << 0,     /* born as init of a new PID namespace                                   */
	PLAN_OWN_MEMORY = 1 << 1, /* does not share memory with its creator: its death may dump core       */
	PLAN_SIBLING = 1 << 2,    /* made with CLONE_PARENT: child of its creator's parent                 */
	PLAN_STRAY = 1 << 3,      /* a child of the guard's, which did not make it, from inside a namespace */
};

struct plan_actor {
	uint32_t first_step, steps_len;
	uint32_t numbers; /* index into numbers[]: set_tid as the kernel wants it, innermost first     */
	uint8_t numbers_len;
	uint8_t kind; /* enum plan_kind */
	uint8_t flags;
	uint8_t notify;  /* clone's exit signal; 0 = none */
	int32_t process; /* index in the tree, TREE_NONE for ghosts and helpers */
	uint32_t thread; /* index in that process's threads */
};

struct plan {
	struct plan_actor *actors;
	uint32_t actors_len;
	struct plan_step *steps;
	uint32_t steps_len, steps_cap;
	int32_t *numbers;
	uint32_t numbers_len, numbers_cap;
	char *text; /* names, NUL-terminated */
	uint32_t text_len, text_cap;
	uint32_t *counters; /* what makes each full */
	uint32_t counters_len, counters_cap;
	int32_t *commands; /* what PLAN_EXEC starts: the argv and cwd of these processes */
	uint32_t commands_len, commands_cap;
	int32_t *substituted; /* stopped processes that SIGSTOP stops instead of their own signal */
	uint32_t substituted_len, substituted_cap;
	char **notes; /* sentences for the user: what is not exactly as in the file, and why */
	uint32_t notes_len, notes_cap;
	uint32_t reexecs_len; /* PLAN_REEXEC steps */
	uint32_t fds_len;     /* descriptors that PLAN_LISTEN keeps */
	uint32_t root;        /* actor of the tree's root */
	uint32_t first;       /* actor whose end is everybody's: the first init, else the root */
	bool has_init;        /* the first process born is init of a new namespace: its death ends all */
	bool goes_outside; /* somebody goes back to the group outside, which needs a number then: the guard's, or
			      the helper init's, which founds one */
	bool needs_core; /* some process dies with a core dump */
};

struct plan_options {
	bool new_namespace; /* level 0 becomes a namespace of its own */
	bool exec;          /* live processes that can start their argv in the end */
	bool no_core;       /* zombies that dumped core die without a dump */
	bool at_once;       /* plan_below.c alone says who makes whom, which else comes second: for tests */
	/* Level 0 exists already: which of its numbers processes that the tree does not know must not get, and the
	 * largest that they may; NULL and 0 = not known. */
	bool (*taken)(void *arg, int32_t number);
	void *taken_arg;
	int32_t number_last;
};

/*
 * plan_make() - how to build `t` (validated).  Returns 0 and *out, or a negative errno: -EOPNOTSUPP a tree that
 * this planner has no way for, -ENOMEM; err names the process and the reason.
 */
int plan_make(const struct tree *t, const struct plan_options *o, struct plan **out, struct tree_error *err);
void plan_free(struct plan *p);

struct plan_proof {
	uint64_t ns;        /* how long it took */
	uint32_t processes; /* that the model held, ghosts and helpers too */
};

/*
 * prove.c: carries the plan out on libpidns and compares the end with `t`, the tree that it was made for.  seed 0: each
 * actor goes on as far as it can; any other is another order.  Returns 0, -ENOMEM, or -EPROTO: the plan is wrong, which
 * is a fault of the planner's; err says where.
 */
int plan_prove(const struct plan *p, const struct tree *t, const struct plan_options *o, uint64_t seed,
	       struct plan_proof *proof, struct tree_error *err);

/* plan_print.c; `t` is the tree that the plan was made for.  0, or a negative errno. */
int plan_print_text(const struct plan *p, const struct tree *t, const struct tree_show_options *o, FILE *out);
/* proof: what plan_prove() said; NULL: it was not asked. */
int plan_print_json(const struct plan *p, const struct tree *t, const struct plan_proof *proof, FILE *out);
int plan_print_dot(const struct plan *p, const struct tree *t, FILE *out);

/* plan_words.c */
const char *plan_op_name(uint32_t op);
/* Who an actor is ("process 42", "thread 43 of 42", "the guard") and what a step does, for messages. */
void plan_actor_describe(const struct plan *p, const struct tree *t, uint32_t actor, char *buf, size_t size);
void plan_step_describe(const struct plan *p, const struct tree *t, const struct plan_step *s, char *buf,
			size_t size);

#endif
