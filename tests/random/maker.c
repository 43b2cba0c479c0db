/* SPDX-License-Identifier: MIT */
/*
 * maker.c: tasks and numbers for random operations.
 *
 * Keeps: (G1) arguments come from small sets in which they meet: numbers of tasks alive, dead and gone, a few free ones, the
 *             limits and what lies beyond them.
 */
#include "maker.h"

#include <limits.h>

int maker_actor(struct maker *m)
{
	int n = 0, chosen = CASE_INIT;

	for (int i = 0; i < m->d->model->task_end; i++)
		if (maker_can_act(maker_task(m, i)) && (i != CASE_OUTER || maker_percent(m, 20)) &&
		    maker_below(m, (uint32_t)++n) == 0)
			chosen = i;
	return maker_can_act(maker_task(m, chosen)) ? chosen : CASE_OUTER;
}

/* Any task that has ever been, those still there preferred. */
int maker_task_index(struct maker *m)
{
	int i = (int)maker_below(m, (uint32_t)m->d->model->task_end);

	for (int tries = 0; tries < 3 && !(maker_task(m, i)->used && maker_task(m, i)->task); tries++)
		i = (int)maker_below(m, (uint32_t)m->d->model->task_end);
	return i;
}

void maker_refer(struct maker *m, enum op_key key, int to, bool negative)
{
	m->op->ref[key] = (int16_t)(to + 1);
	m->op->negative[key] = negative;
	m->op->op.has |= 1ULL << key;
}

/* A child of the actor's thread or process, or anybody. */
int maker_child(struct maker *m)
{
	const struct pidns_task *self = maker_task(m, m->op->op.actor)->task;
	int n = 0, chosen = -1;

	for (int i = 0; i < m->d->model->task_end; i++) {
		const struct model_task *t = maker_task(m, i);
		const struct pidns_task *parent = t->used && t->task ? pidns_parent(t->task) : NULL;

		if (parent && pidns_task_process(parent) == pidns_task_process(self) &&
		    maker_below(m, (uint32_t)++n) == 0)
			chosen = i;
	}
	return chosen >= 0 && maker_percent(m, 85) ? chosen : maker_task_index(m);
}

/* A number that is nobody's, or everybody's, or beyond the limits. */
int64_t maker_odd_number(struct maker *m)
{
	return ONE_OF(m, 0, -1, 1, 4999, 500, 77, INT_MAX, INT_MIN);
}

void maker_number(struct maker *m, enum op_key key, int to)
{
	if (maker_percent(m, 88))
		maker_refer(m, key, to, false);
	else
		maker_set(m, key, maker_odd_number(m));
}

int64_t maker_signal(struct maker *m)
{
	if (maker_percent(m, 4))
		return ONE_OF(m, 65, -1, 64);
	return ONE_OF(m, 0, 9, 15, 10, 10, 17, 18, 18, 19, 20, 21, 1, 34);
}
