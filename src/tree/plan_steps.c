/* SPDX-License-Identifier: MIT */
/*
 * plan_steps.c: the log of what happens, step after step, and the step lists that are cut from it.
 *
 * Owns:    the log, the counters, the numbers and the names of a plan.
 * Keeps:   (Q3), since a counter becomes full by lines that stand above the WAIT for it, and lines are never
 *          moved; an event that nobody waits for leaves no step behind.
 */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMM_SIZE 16

int plan__grow(void **array, uint32_t *cap, uint32_t need, size_t size)
{
	uint32_t want = *cap ? *cap : 64;
	void *grown;

	if (need <= *cap)
		return 0;
	while (want < need)
		want *= 2;
	grown = realloc(*array, want * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*cap = want;
	return 0;
}

static int line(struct planner *pl, uint32_t actor, uint32_t op, uint32_t a, uint32_t b)
{
	if (plan__grow((void **)&pl->log, &pl->log_cap, pl->log_len + 1, sizeof *pl->log) < 0)
		return -ENOMEM;
	pl->log[pl->log_len++] = (struct plan_line){ actor, { .op = op, .a = a, .b = b } };
	return 0;
}

int plan__step(struct planner *pl, uint32_t actor, enum plan_op op, uint32_t a, uint32_t b)
{
	return line(pl, actor, op, a, b);
}

int plan__counter(struct planner *pl, uint32_t full, uint32_t *out)
{
	struct plan *p = pl->plan;

	if (plan__grow((void **)&p->counters, &p->counters_cap, p->counters_len + 1, sizeof *p->counters) < 0)
		return -ENOMEM;
	p->counters[p->counters_len] = full;
	*out = p->counters_len++;
	return 0;
}

int plan__add_if(struct planner *pl, uint32_t actor, uint32_t counter, uint32_t count)
{
	return counter == NO_COUNTER || !count ? 0 : line(pl, actor, PLAN_ADD, counter, count);
}

int plan__wait_if(struct planner *pl, uint32_t actor, uint32_t counter)
{
	return counter == NO_COUNTER ? 0 : line(pl, actor, PLAN_WAIT, counter, 0);
}

int plan__event(struct planner *pl, uint32_t actor, uint32_t *out)
{
	*out = pl->log_len;
	return line(pl, actor, 0, 0, 0);
}

int plan__await(struct planner *pl, uint32_t actor, uint32_t event)
{
	uint32_t counter;

	if (pl->log[event].actor == actor)
		return 0;
	if (pl->log[event].step.op == 0) {
		TRY(plan__counter(pl, 1, &counter));
		pl->log[event].step = (struct plan_step){ .op = PLAN_ADD, .a = counter, .b = 1 };
	}
	return line(pl, actor, PLAN_WAIT, pl->log[event].step.a, 0);
}

/* nspid is outermost first; the kernel wants it innermost first. */
int plan__numbers(struct planner *pl, const int32_t *nspid, uint8_t levels, struct plan_actor *actor)
{
	struct plan *p = pl->plan;

	if (plan__grow((void **)&p->numbers, &p->numbers_cap, p->numbers_len + levels, sizeof *p->numbers) <
	    0)
		return -ENOMEM;
	actor->numbers = p->numbers_len;
	actor->numbers_len = levels;
	for (uint8_t k = 0; k < levels; k++)
		p->numbers[p->numbers_len++] = nspid[levels - 1 - k];
	return 0;
}

int plan__name(struct planner *pl, uint32_t actor, struct tree_str name)
{
	struct plan *p = pl->plan;
	size_t len = name.len < COMM_SIZE - 1 ? name.len : COMM_SIZE - 1;
	uint32_t at = p->text_len;

	if (plan__grow((void **)&p->text, &p->text_cap, p->text_len + COMM_SIZE, 1) < 0)
		return -ENOMEM;
	memset(p->text + at, 0, COMM_SIZE);
	memcpy(p->text + at, name.bytes, len);
	p->text_len += COMM_SIZE;
	return line(pl, actor, PLAN_NAME, at, 0);
}

/* Each actor's lines, in the order of the log, one actor after the other. */
int plan__cut_up(struct planner *pl)
{
	struct plan *p = pl->plan;
	uint32_t at = 0;

	for (uint32_t k = 0; k < pl->log_len; k++)
		p->actors[pl->log[k].actor].steps_len += pl->log[k].step.op != 0;
	for (uint32_t a = 0; a < p->actors_len; a++) {
		p->actors[a].first_step = at;
		at += p->actors[a].steps_len;
		p->actors[a].steps_len = 0;
	}
	p->steps = malloc((at ? at : 1) * sizeof *p->steps);
	if (!p->steps)
		return -ENOMEM;
	p->steps_len = p->steps_cap = at;
	for (uint32_t k = 0; k < pl->log_len; k++) {
		struct plan_actor *a = &p->actors[pl->log[k].actor];

		if (pl->log[k].step.op)
			p->steps[a->first_step + a->steps_len++] = pl->log[k].step;
	}
	return 0;
}
