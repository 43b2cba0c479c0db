/* SPDX-License-Identifier: MIT */
/*
 * puppet.h: real tasks that perform operations on command, and the memory they share with their driver.
 *
 * Every task of a live world is a puppet: it waits on a word of its slot, performs one operation with raw system
 * calls, stores the answer, and waits again.  Processes and threads are alike: they need nothing but their slot,
 * which a new task finds by the stack it runs on.
 *
 * Keeps: (U1) one slot per task of the world; the driver clears a slot before it commands a task into it;
 *        (U2) a slot's op is written by the driver before `go`, its answer by the puppet before `done`;
 *        (U3) shared memory holds no pointers: after exec it is mapped elsewhere.
 */
#ifndef SETTID_TESTS_PUPPET_H
#define SETTID_TESTS_PUPPET_H

#include "case.h"

#include <stdatomic.h>

enum { PUPPET_STACK = 32 * 1024, PUPPET_SIGNALS = 65, PUPPET_LINK = 48 };

struct puppet_slot {
	_Atomic uint32_t go;    /* futex: the driver adds 1 for each command                               */
	_Atomic uint32_t done;  /* == go once the command has been performed                               */
	_Atomic uint32_t ready; /* 1: the task runs; 2: it has also exec'd since it was last looked at     */
	char self[PUPPET_LINK]; /* its /proc/thread-self as the driver's procfs names it                   */
	uint32_t parent_word, child_word, pidfd_word;
	_Atomic uint32_t handled[PUPPET_SIGNALS];
	int32_t from[PUPPET_SIGNALS];
	struct op op;
	struct op_answer answer;
};

struct puppet_shared {
	_Atomic uint32_t events; /* futex: raised whenever a slot's done or ready changes                  */
	int32_t shared_fd;       /* this memory                                                            */
	int32_t proc_fd;         /* the driver's /proc                                                     */
	int32_t exe_fd;          /* the program to exec                                                    */
	struct puppet_slot slot[CASE_TASKS];
};

/* puppet.c */

/* Makes `outer` in a new PID namespace, child of the caller, to be killed with it; `flags` are clone's, beside NEWPID.
 * Returns its PID and *pidfd, or a negative errno. */
long puppet_make_outer(struct puppet_shared *shared, uint64_t flags, int *pidfd);
/* A program whose main() sees its first argument equal to PUPPET_ARGUMENT must return puppet_main(argv). */
#define PUPPET_ARGUMENT "--puppet"
int puppet_main(char **argv);

/* puppet_ops.c: performs one operation that returns, in the calling task. */
void puppet_perform(struct puppet_shared *shared, const struct op *op, struct op_answer *answer);

/* puppet_clone.c: performs the operations that make tasks; a new one starts in `entry` on the stack `top`. */
long puppet_clone(struct puppet_slot *self, const struct op *op, char *stack, void (*entry)(void));
long puppet_raw_clone3(void *record, unsigned long size, void (*entry)(void));

/* Handlers count in the slot of the task that runs them. */
struct puppet_slot *puppet_self(void);
void *puppet_unreadable(void);

#endif
