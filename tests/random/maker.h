/* SPDX-License-Identifier: MIT */
/*
 * maker.h: what an operation is made of: who, whom, which numbers; the calls, and how often each is drawn.
 *
 *	maker.c       tasks and numbers, chosen so that they meet
 *	calls.c       what each call's arguments are
 *	generate.c    which call, by whom
 */
#ifndef SETTID_TESTS_RANDOM_MAKER_H
#define SETTID_TESTS_RANDOM_MAKER_H

#include "random.h"

struct maker {
	struct random_rng *rng;
	const struct duel *d;
	struct random_op *op;
};

struct maker_call {
	enum op_code code;
	uint32_t weight;
	void (*make)(struct maker *m);
};

extern const struct maker_call maker_calls[];
extern const size_t maker_calls_len;

static inline uint32_t maker_below(struct maker *m, uint32_t n)
{
	return rng_below(m->rng, n);
}

static inline bool maker_percent(struct maker *m, uint32_t p)
{
	return rng_percent(m->rng, p);
}

static inline void maker_set(struct maker *m, enum op_key key, int64_t value)
{
	m->op->op.arg[key] = value;
	m->op->op.has |= 1ULL << key;
}

static inline int64_t maker_one_of(struct maker *m, const int64_t *values, uint32_t len)
{
	return values[maker_below(m, len)];
}

static inline const struct model_task *maker_task(const struct maker *m, int i)
{
	return m->d->model->task[i];
}

static inline bool maker_can_act(const struct model_task *t)
{
	return t->used && t->task && !t->pending && pidns_state(t->task) == PIDNS_RUNNING;
}

#define ONE_OF(m, ...)                                    \
	maker_one_of(m, (const int64_t[]){ __VA_ARGS__ }, \
		     sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

/* An index: of who can act; of anybody who has ever been, those still there preferred; of a child of the actor's thread or process,
 * or anybody. */
int maker_actor(struct maker *m);
int maker_task_index(struct maker *m);
int maker_child(struct maker *m);
/* The number of that task, negated or not, or one that is odd. */
void maker_refer(struct maker *m, enum op_key key, int to, bool negative);
void maker_number(struct maker *m, enum op_key key, int to);
int64_t maker_odd_number(struct maker *m);
int64_t maker_signal(struct maker *m);

#endif
