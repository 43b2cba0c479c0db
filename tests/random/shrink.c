/* SPDX-License-Identifier: MIT */
/*
 * shrink.c: a list of operations on which the two sides differ, made as short as it gets, and printed as a script.
 *
 * Keeps: (S1) what remains still differs; taking out any one operation more, it does not.
 */
#include "random.h"

#include <stdlib.h>
#include <string.h>

enum { SHRINK_RUNS = 3, SHRINK_ORDERS = 700 };

static bool differs_now(const struct random_op *ops, size_t len, bool with_live, char why[512])
{
	static struct duel d;
	enum random_verdict v = RANDOM_SAME;

	if (duel_open(&d, with_live) < 0)
		return false;
	for (size_t i = 0; i < len && v == RANDOM_SAME; i++)
		v = duel_step(&d, &ops[i], NULL);
	if (v == RANDOM_DIFFERS || v == RANDOM_BROKEN)
		snprintf(why, 512, "%s", d.why);
	duel_close(&d);
	return v == RANDOM_DIFFERS || v == RANDOM_BROKEN;
}

bool random_differs(const struct random_op *ops, size_t len, bool with_live, int runs, char why[512])
{
	for (int run = 0; run < runs; run++)
		if (!differs_now(ops, len, with_live, why))
			return false;
	return true;
}

/* Large pieces first, then smaller ones, until single ones cannot go. */
size_t random_shrink(struct random_op *ops, size_t len, bool with_live, char why[512])
{
	struct random_op *tried = malloc(len * sizeof *tried);
	int thorough = orders_runs;

	orders_runs = SHRINK_ORDERS;
	for (size_t piece = len / 2; tried && piece > 0;) {
		bool any = false;

		for (size_t at = 0; at + piece <= len;) {
			memcpy(tried, ops, at * sizeof *ops);
			memcpy(tried + at, ops + at + piece, (len - at - piece) * sizeof *ops);
			if (random_differs(tried, len - piece, with_live, SHRINK_RUNS, why)) {
				len -= piece;
				memcpy(ops, tried, len * sizeof *ops);
				any = true;
			} else {
				at += piece;
			}
		}
		if (!any || piece > 1)
			piece /= 2;
	}
	free(tried);
	orders_runs = thorough;
	return len;
}

static const char *task_name(int i, char room[16])
{
	if (i <= CASE_INIT)
		return i == CASE_OUTER ? "outer" : "init";
	snprintf(room, 16, "t%d", i);
	return room;
}

static bool print_const(FILE *out, const struct op_const *c, int64_t value)
{
	while (c && c->name && c->value != value)
		c++;
	if (c && c->name)
		fprintf(out, "%s", c->name);
	return c && c->name;
}

/* Several bits, by their names. */
static bool print_flags(FILE *out, const struct op_arg *arg, int64_t value)
{
	const char *bar = "";

	if ((arg->key != KEY_FLAGS && arg->key != KEY_OPTIONS && arg->key != KEY_CAPS) || value <= 0)
		return false;
	for (int bit = 0; bit < 63; bit++) {
		int64_t one = value & (int64_t)(1ULL << bit);

		if (!one)
			continue;
		fprintf(out, "%s", bar);
		bar = "|";
		if (!print_const(out, arg->consts, one))
			fprintf(out, "%lld", (long long)one);
	}
	return true;
}

static void print_value(FILE *out, const struct random_op *op, const struct op_arg *arg)
{
	char room[16];
	int64_t value = op->op.arg[arg->key];

	if (op->ref[arg->key]) {
		fprintf(out, "%s$%s", op->negative[arg->key] ? "0-" : "",
			task_name(op->ref[arg->key] - 1, room));
		return;
	}
	if (!print_const(out, arg->consts, value) && !print_flags(out, arg, value))
		fprintf(out, "%lld", (long long)value);
}

static void print_set_tid(FILE *out, const struct random_op *op)
{
	char room[16];

	for (uint32_t i = 0; i < op->op.set_tid_len; i++) {
		fprintf(out, "%s", i ? "," : "");
		if (op->tid_ref[i])
			fprintf(out, "$%s", task_name(op->tid_ref[i] - 1, room));
		else
			fprintf(out, "%d", (int)op->op.set_tid[i]);
	}
}

static void print_op(FILE *out, const struct random_op *op)
{
	const struct op_def *def = op_by_code((enum op_code)op->op.code);
	char room[16];

	if (op->op.code == OP_CLONE3 && op_has(&op->op, KEY_SIZE))
		def = op_by_name("clone3_record");
	if (def->traits & TRAIT_MAKES_TASK)
		fprintf(out, "%s = ", task_name(op->op.child, room));
	fprintf(out, "%s %s", task_name(op->op.actor, room), def->name);
	for (const struct op_arg *arg = def->args; arg < def->args + 11 && arg->name; arg++) {
		if (!op_has(&op->op, arg->key))
			continue;
		fprintf(out, " %s=", arg->name);
		if (arg->key == KEY_SET_TID)
			print_set_tid(out, op);
		else
			print_value(out, op, arg);
	}
	fprintf(out, "\n");
}

void random_print(FILE *out, const struct random_op *ops, size_t len)
{
	for (size_t i = 0; i < len; i++)
		print_op(out, &ops[i]);
}
