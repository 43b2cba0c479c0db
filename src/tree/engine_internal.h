/* SPDX-License-Identifier: MIT */
/*
 * engine_internal.h: what the engine's files share.
 *
 * Keeps:   (G4) all of it is built without libc, stack protector or sanitizers: it runs where there is no TLS, on
 *               stacks of ENGINE_STACK bytes, in memory from which libc was unmapped.  Only raw system calls and
 *               the mapping behind struct engine are touched.
 */
#ifndef SETTID_ENGINE_INTERNAL_H
#define SETTID_ENGINE_INTERNAL_H

#include "engine.h"

#include "libsettid/sys.h"

#include <linux/futex.h>
#include <signal.h>

/* Fits the 16 bytes at the top of a stack slot. */
struct ctx {
	struct engine *e;
	uint32_t actor;
	int32_t leash; /* dies with this actor, its parent, or one of: */
};
enum {
	ENGINE_FREE = -1,   /* with nobody */
	ENGINE_ORPHAN = -2, /* with its parent, whoever that is by then, if the guard is dead, too */
	ENGINE_LEFT = -3,   /* the same, whose parent's leader thread ends: it stays that process's child */
};

static inline void futex_wait(uint32_t *word, uint32_t value)
{
	SYS4(SYS_futex, word, FUTEX_WAIT, value, 0);
}

/* engine_wait.c: what processes tell each other. */
void engine_sleep(struct engine *e) __attribute__((noreturn)); /* for good */
long engine_wake_all(uint32_t *word);
long engine_tell(struct engine *e, char event);
void engine_fail(struct ctx *c, enum engine_part part, uint32_t step, long code);
long engine_counter_add(struct engine *e, uint32_t counter, uint32_t count);
void engine_wait_gone(struct engine *e, uint32_t actor);
void engine_counter_wait(struct engine *e, uint32_t counter);
long engine_done(struct engine *e);
uint64_t engine_now(void); /* ns, CLOCK_MONOTONIC */

/* engine_birth.c */
long engine_birth(struct ctx *c, uint32_t actor);
struct ctx *engine_slot(struct engine *e, uint32_t actor);    /* of one that is about to be born */
struct ctx *engine_slot_of(struct engine *e, uint32_t actor); /* of one that is */

/* engine_fault.c: for the init of a namespace of the tree, which takes no signal from itself. */
long engine_die_as_init(uint32_t sig);

/* engine_birth.c: process `of` as `by` has to call it. */
long engine_number(const struct engine *e, uint32_t by, uint32_t of);

/*
 * engine_leash.c.  The guard prepares; whoever is born asks first of all, and an orphan once more when it has the parent
 * that it keeps.  What is born between pause and resume has no orphan's stack.
 */
int32_t engine_leash(const struct engine *e, uint32_t creator, uint32_t actor);
long engine_leash_prepare(void);
long engine_leash_born(struct ctx *c);
long engine_leash_adopted(struct ctx *c, uint32_t parent);
long engine_leash_loosen(struct ctx *c);
long engine_leash_settle(struct ctx *c);
long engine_leash_part(struct ctx *c);
void engine_leash_pause(const struct ctx *c);
void engine_leash_resume(const struct ctx *c);
void engine_leash_ask_all(const struct ctx *c,
			  uint32_t steps); /* those that it made in its first steps have asked */
long engine_leash_keep(const struct ctx *c, struct engine_reexec *x);
long engine_leash_back(struct ctx *c, const struct engine_reexec *x);

/* engine.c: an actor's whole life; the part of it from the k-th step of its list on. */
int engine_run(void *slot) __attribute__((noreturn));
void engine_go_on(struct ctx *c, uint32_t k) __attribute__((noreturn));

/* engine_reexec.c: comes back in engine_go_on(), or with what failed. */
long engine_reexec(struct ctx *c, const struct plan_step *s);

/* engine_wait.c: digits of n that end before `end`; where they begin. */
char *engine_decimal(uint32_t n, char *end);

/* engine_guard.c: the same waits for the guard, which meanwhile watches the restorer, and its last step.  what: WEXITED
 * or WSTOPPED, with WNOWAIT or without, or WCONTINUED. */
void engine_watch_counter(struct engine *e, uint32_t counter);
long engine_watch_child(struct engine *e, uint32_t actor, int what);
void engine_watch(struct engine *e) __attribute__((noreturn));

#endif
