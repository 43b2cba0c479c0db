/* SPDX-License-Identifier: MIT */
/*
 * fuzz_ops.c: a stream of operations on libpidns under libFuzzer: any call, with any arguments, in any order of turns, with memory
 * that may be short.
 *
 * Owns:    nothing that outlives one input.
 * Keeps:   (F1) pidns_check() finds nothing after any operation;
 *          (F2) an answer is one that the operation can give: an errno below 4096, a task with numbers from 1 on, no call that
 *               waits where its kind never does;
 *          (F3) all memory is given back with the world.
 * Input:   a byte for the version, one for the order of turns, one for when memory runs out (0: never); then operations: the
 *          code, the actor, the new task's index, and a byte or more for each argument that the table of operations knows.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TASKS = 24, STEPS = 400 };

struct stream {
	const uint8_t *at, *end;
};

static void demand(bool holds, const char *what, const char *detail)
{
	if (holds)
		return;
	fprintf(stderr, "broken: %s: %s\n", what, detail);
	abort();
}

/* After the end come zeros. */
static uint8_t byte(struct stream *s)
{
	return s->at < s->end ? *s->at++ : 0;
}

static int64_t word(struct stream *s)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | byte(s);
	return (int64_t)value;
}

static uint32_t count_consts(const struct op_const *c)
{
	uint32_t n = 0;

	while (c && c[n].name)
		n++;
	return n;
}

/* Half of the numbers are some task's: its number at one of its levels, or that of its group. */
static int64_t number(struct stream *s, const struct model_world *w)
{
	uint8_t how = byte(s);
	const struct model_task *t;
	int level;

	if (how < 64)
		return how;
	if (how < 72)
		return word(s);
	if (how < 80)
		return -(int64_t)byte(s);
	t = model_task(w, how % TASKS);
	if (!t || !t->used || !t->task)
		return how;
	level = byte(s) % (pidns_id_level(pidns_task_id(t->task)) + 1);
	return how & 1 ? -model_number(t, level) : model_number(t, level);
}

static int64_t value(struct stream *s, const struct model_world *w, const struct op_arg *arg)
{
	uint32_t n = count_consts(arg->consts);
	int64_t sum = 0;

	if (n == 0)
		return number(s, w);
	for (uint8_t more = byte(s); more; more >>= 2) {
		if ((more & 3) == 3)
			return number(s, w);
		sum |= arg->consts[byte(s) % n].value;
	}
	return sum;
}

static void draw(struct stream *s, const struct model_world *w, struct op *op)
{
	const struct op_def *def;

	memset(op, 0, sizeof *op);
	do
		def = op_at(byte(s) % (OP_LOOK + 1));
	while (def && def->code > OP_LOOK);
	if (!def)
		def = op_by_code(OP_FORK);
	op->code = (int32_t)def->code;
	op->actor = byte(s) % TASKS;
	op->child = 1 + byte(s) % (TASKS - 1);
	for (const struct op_arg *arg = def->args; arg->name; arg++) {
		uint8_t given = byte(s);

		if (given & 1)
			continue;
		op->has |= 1ULL << arg->key;
		if (arg->key == KEY_SET_TID) {
			op->set_tid_len = (given >> 1) % OP_SET_TID_MAX;
			for (uint32_t i = 0; i < op->set_tid_len; i++)
				op->set_tid[i] = (int32_t)number(s, w);
		} else {
			op->arg[arg->key] = value(s, w, arg);
		}
	}
}

static bool may_be_made(const struct model_world *w, const struct op *op)
{
	const struct model_task *t = model_task(w, op->child);

	return !op_makes_task(op->code) || !t || !t->used || !t->task;
}

static void judge(const struct op *op, const struct op_answer *a, const struct model_world *w)
{
	const struct op_def *def = op_by_code((enum op_code)op->code);

	demand(!w->broken, "an invariant", w->broken ? w->broken : "");
	demand(a->kind != ANSWER_STUCK, "stuck", def->name);
	demand(a->kind != ANSWER_ERROR || (a->err > 0 && a->err < 4096), "an errno", def->name);
	if (a->kind == ANSWER_OK && op_makes_task(op->code))
		for (int i = 0; i < a->nspid_len; i++)
			demand(a->nspid[i] >= 1 && a->nspid[i] < 4194304, "a number", def->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const versions[] = { "5.5", "5.8", "5.10", "6.1", "6.5", "6.12", "6.14", "6.18" };
	struct stream s = { data, data + size };
	bool known;
	struct model_config config = { .features = pidns_profile(versions[byte(&s) % 8], &known),
				       .may_reorder = true };
	struct model_world *w = NULL;
	uint8_t order = byte(&s), room = byte(&s);

	if (model_open(&w, &config) < 0)
		return 0;
	model_reorder(w, order);
	w->allocations_left = room ? (int64_t)room * 4 : -1;
	for (int step = 0; step < STEPS && s.at < s.end; step++) {
		struct op_answer a = { 0 };
		struct op op;

		draw(&s, w, &op);
		if (!may_be_made(w, &op))
			continue;
		if (model_task(w, op.actor) && model_task(w, op.actor)->pending)
			op.code = OP_RETURNS;
		model_step(w, &op, &a);
		judge(&op, &a, w);
	}
	model_close(w);
	return 0;
}
