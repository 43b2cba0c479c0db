/* SPDX-License-Identifier: MIT */
/*
 * random.h: random operations on libpidns and on the running kernel at once: what the files of this folder share.
 *
 *	generate.c   the next operation, chosen with the model's state in view (maker.c, calls.c)
 *	duel.c       one operation on both sides, and every difference that can be seen afterwards
 *	orders.c     other orders of turns, when the model's own is not what the kernel did
 *	shrink.c     a list of operations that differs, made as short as it gets, and printed as a script
 *	tally.c      how often each operation and each error has occurred
 *
 * Keeps: (R1) an operation names tasks by index, never by number: a list from which operations were taken still means
 *             the same;
 *        (R2) nothing is done to the kernel that could leave an init unkillable (R5.30): the model goes first, and a list ends
 *             before an init is in a group that somebody else of its namespace founded;
 *        (R3) what the kernel itself leaves open (who of several dies first) is no difference, and is counted: the model is
 *             tried with the turns in other orders, and goes on with those that explain all that the kernel has shown.
 */
#ifndef SETTID_TESTS_RANDOM_H
#define SETTID_TESTS_RANDOM_H

#include "../cases/backend.h"
#include "model/model.h"

#include <stdio.h>

struct random_op {
	struct op op;
	int16_t ref[KEY_COUNT]; /* index + 1 of the task whose number the argument is; 0 = op.arg holds it */
	bool negative[KEY_COUNT]; /* ... negated: a group                                                  */
	int16_t tid_ref[OP_SET_TID_MAX];
};

enum random_verdict {
	RANDOM_SAME,
	RANDOM_DIFFERS,
	RANDOM_END,    /* the next operation would be a hazard            */
	RANDOM_BROKEN, /* pidns_check() found something                 */
};

struct random_rng {
	uint64_t state;
};

static inline uint32_t rng_next(struct random_rng *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)(r->state >> 32);
}

static inline uint32_t rng_below(struct random_rng *r, uint32_t n)
{
	return rng_next(r) % n;
}

static inline bool rng_percent(struct random_rng *r, uint32_t p)
{
	return rng_below(r, 100) < p;
}

struct random_tally {
	uint64_t ops, open, earlier, unrepeated, worlds;
	uint64_t by_op[64];
	uint64_t by_error[64][40];
	uint64_t blocks, ended;
};

enum { DUEL_SIGNALS = 7, DUEL_STEPS = 4096 };

/* What the kernel shows of one task. */
struct duel_seen {
	struct op_answer look, returns;
	bool handled[DUEL_SIGNALS];
};

/* One operation as it was performed. */
struct duel_step {
	struct op op;
	uint64_t order;          /* model_reorder(): what the kernel's scheduler seems to have chosen */
	bool returned;           /* the kernel let it return before what it did reached the caller     */
	struct op_answer answer; /* the kernel's */
	struct duel_seen *seen;  /* ... and what it showed afterwards, of so many tasks; owned */
	int tasks;
};

/* Both sides of one list of operations.  live is NULL where only the model runs. */
struct duel {
	struct model_world *model;
	void *live;
	int64_t fd_offset;                        /* the kernel's descriptors are higher by that */
	int32_t nspid[CASE_TASKS][OP_LEVELS_MAX]; /* last known, outermost first from outer's level */
	int32_t nspid_len[CASE_TASKS];
	struct op_answer answer; /* the kernel's, to the last operation */
	struct duel_seen seen[CASE_TASKS];
	bool handled[CASE_TASKS][DUEL_SIGNALS]; /* both sides have agreed that it was */
	struct duel_step step[DUEL_STEPS];
	size_t steps;
	char why[512]; /* what differs */
};

/* 0, or a negative errno with `why`. */
extern uint32_t duel_features; /* of the Linux that libpidns is to be: pidns_profile()'s */
int duel_open(struct duel *d, bool with_live);
/* 0, or negative when the kernel's side would not end. */
int duel_close(struct duel *d);
enum random_verdict duel_step(struct duel *d, const struct random_op *op, struct random_tally *tally);

/* For orders.c: two processes of the duel's own and a descriptor; how a task looks now, into d->seen; whether an init is where
 * it must not be (R5.30); whether an operation's outcome is looked at; whether the model's answer *m and its world are what
 * d->answer and d->seen say, with the reason in d->why. */
void duel_make_scene(struct duel *d, struct model_world *model, bool live);
void duel_look(struct duel *d, int i);
bool duel_is_hazard(const struct duel *d);
bool duel_is_compared(const struct op *op);
bool duel_same(struct duel *d, struct duel_step *step, struct op_answer *m);

/* Whether there are orders of turns in which the model does all that the kernel did: of the last operation alone, or of an
 * earlier one too.  Then d->model is the model that did. */
extern int orders_runs; /* performances of the list, for the last operation, and again for earlier ones */
enum orders_how { ORDERS_NONE, ORDERS_LAST, ORDERS_EARLIER };
enum orders_how orders_explain(struct duel *d);

/* The next operation; the model says who could perform it. */
/* What a kernel cannot be asked: bits.  Writing pid_max where it is the machine's own, for each list would find what the last
 * one left; ns_last_pid where there is none; records that end at an unreadable page, which user-mode Linux reads;
 * PIDFD_GET_INFO of a file, which 6.12 refuses in a way of its own. */
enum { RANDOM_PID_MAX = 1, RANDOM_LAST_PID = 2, RANDOM_PAGE_END = 4, RANDOM_NS_INFO = 8 };
extern uint32_t random_left_out;
void random_op_make(struct random_rng *rng, const struct duel *d, struct random_op *op);
/* An index for a new task: one whose task is gone, or -1. */
int random_free_index(const struct duel *d);

/* Whether a list differs each time it is run: `why` gets how it did last. */
bool random_differs(const struct random_op *ops, size_t len, bool with_live, int runs, char why[512]);
/* Takes out all that is not needed for the list to differ; returns its new length.  `why` gets the last difference. */
size_t random_shrink(struct random_op *ops, size_t len, bool with_live, char why[512]);
void random_print(FILE *out, const struct random_op *ops, size_t len);

void tally_add(struct random_tally *t, const struct random_op *op, const struct op_answer *a);
void tally_print(FILE *out, const struct random_tally *t);
/* The name of an operation or error that should have occurred and has not; NULL = all have. */
const char *tally_missing(const struct random_tally *t, char room[64]);

#endif
