/* SPDX-License-Identifier: MIT */
/*
 * generate.c: the next random operation: which call, by whom.
 *
 * Keeps: (G3) the world's own first process does nothing that could end it, and there are never so many tasks that none of them meet;
 *        (G4) what a kernel cannot be asked is not drawn for it.
 */
#include "maker.h"

int random_free_index(const struct duel *d)
{
	const struct model_world *w = d->model;

	for (int i = CASE_INIT + 1; i < CASE_TASKS; i++)
		if (i >= w->task_end || !w->task[i]->used || !w->task[i]->task)
			return i;
	return -1;
}

/* Too many living ones make every step slow and every meeting rare. */
static uint32_t crowd(const struct duel *d)
{
	uint32_t n = 0;

	for (int i = 0; i < d->model->task_end; i++)
		n += d->model->task[i]->used && d->model->task[i]->task;
	return n;
}

static bool makes_task(enum op_code code)
{
	return code == OP_CLONE3 || code == OP_CLONE || code == OP_FORK;
}

/* The world's own first process must not end it. */
static bool ends_world(const struct duel *d, enum op_code code, int actor)
{
	if (code == OP_REBOOT)
		return d->nspid_len[actor] == 1;
	return actor == CASE_OUTER &&
	       (code == OP_EXIT || code == OP_EXIT_GROUP || code == OP_CRASH || code == OP_EXEC ||
		code == OP_WAIT4 || code == OP_WAITID || code == OP_SETRESUID || code == OP_CAPSET);
}

uint32_t random_left_out;

static bool asks_a_namespace(const struct duel *d, const struct op *op)
{
	const struct model_task *t = model_task(d->model, op->actor);
	const struct model_file *file = t && t->files ? model_files_find(t, op->arg[KEY_FD]) : NULL;

	return op->code == OP_GET_INFO && file && file->kind == MODEL_FILE;
}

static bool is_left_out(const struct duel *d, const struct op *op)
{
	int64_t file = op->has & 1ULL << KEY_FILE ? op->arg[KEY_FILE] : -1;

	if ((random_left_out & RANDOM_NS_INFO) && asks_a_namespace(d, op))
		return true;
	if ((random_left_out & RANDOM_PAGE_END) && (op->has & 1ULL << KEY_RECORD) &&
	    op->arg[KEY_RECORD] == AT_PAGE_END)
		return true;
	if (file == FILE_PID_MAX && op->code == OP_WRITE)
		return random_left_out & RANDOM_PID_MAX;
	return file == FILE_NS_LAST_PID && (random_left_out & RANDOM_LAST_PID);
}

void random_op_make(struct random_rng *rng, const struct duel *d, struct random_op *op)
{
	struct maker m = { rng, d, op };
	uint32_t total = 0, at;
	size_t i;

	for (i = 0; i < maker_calls_len; i++)
		total += maker_calls[i].weight;
	for (;;) {
		*op = (struct random_op){ 0 };
		op->op.actor = maker_actor(&m);
		at = rng_below(rng, total);
		for (i = 0; at >= maker_calls[i].weight; i++)
			at -= maker_calls[i].weight;
		op->op.code = (int32_t)maker_calls[i].code;
		if (ends_world(d, maker_calls[i].code, op->op.actor))
			continue;
		if (makes_task(maker_calls[i].code)) {
			op->op.child = random_free_index(d);
			if (op->op.child < 0 || crowd(d) > 14)
				continue;
		}
		maker_calls[i].make(&m);
		if (!is_left_out(d, &op->op))
			return;
	}
}
