/* SPDX-License-Identifier: MIT */
/*
 * run.c: asks a backend what a row asks, and compares.
 *
 * Owns:  the names of a running row: which task or answer each stands for, and every task's numbers, so that
 *        $a means "a's number as the acting task sees it" for any backend.
 * Keeps: (R1) a step whose actor was never made answers "-" and changes nothing;
 *        (R2) words are compared as text, whole and in order: a missing one differs.
 */
#include "backend.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct named {
	int task; /* the task it names, -1 = an answer only, or its step has not been performed */
	struct op_answer answer;
};

struct run {
	const struct case_backend *backend;
	void *world;
	const struct case_row *row;
	const struct case_facts *facts;
	struct case_result *result;
	struct named named[CASE_TASKS];
	int task_count;
	int32_t nspid[CASE_TASKS][OP_LEVELS_MAX]; /* numbers of tasks, from the level of outer     */
	int32_t nspid_len[CASE_TASKS];
	int actor; /* task of the step being resolved                                            */
};

static void put(char *out, size_t room, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void put(char *out, size_t room, const char *fmt, ...)
{
	size_t used = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	if (used + 1 < room)
		vsnprintf(out + used, room - used, fmt, ap);
	va_end(ap);
}

/* --- names -------------------------------------------------------------------------------------------- */

/* A task's number where the acting task looks from; 0 = it has none there, or there is no such task. */
static int64_t number_seen(const struct run *run, int task)
{
	int32_t depth = run->nspid_len[run->actor];

	return task >= 0 && depth > 0 && depth <= run->nspid_len[task] ? run->nspid[task][depth - 1] : 0;
}

static int name_of(const struct case_row *row, const char *name, size_t len)
{
	for (int i = 0; i < row->name_count; i++)
		if (strlen(row->names[i]) == len && memcmp(row->names[i], name, len) == 0)
			return i;
	return -1;
}

static bool lookup(void *ctx, const char *name, size_t name_len, const char *field, size_t field_len,
		   int64_t *out)
{
	struct run *run = ctx;
	int i = name_of(run->row, name, name_len);

	if (i < 0) {
		*out = run->facts->level;
		return name_len == 1 && *name == 'L';
	}
	if (field_len > 0)
		*out = run->named[i].answer.field[op_field_by_name(field, field_len)];
	else if (run->named[i].task >= 0)
		*out = number_seen(run, run->named[i].task);
	else
		*out = run->named[i].answer.field[FIELD_RET];
	return true;
}

static bool resolve(struct run *run, const struct case_step *step, struct op *op)
{
	struct op_scope names = { NULL, lookup, run };
	struct op_complaint wrong;

	return op_resolve(step->pair, step->pair_count, &names, op, &wrong) == 0;
}

/* --- words ------------------------------------------------------------------------------------------- */

/* nspid:3 the three innermost numbers, outermost first; nspid@2 the one two levels out from the innermost. */
static void put_nspid(char *out, size_t room, const struct op_answer *a, const char *how, size_t len)
{
	int n = 0, count = a->nspid_len, first;

	if (len > 1)
		sscanf(how + 1, "%d", &n);
	first = len == 0 ? 0 : count - n - (*how == '@');
	if (len > 0 && *how == '@')
		count = first + 1;
	if (first < 0) {
		put(out, room, "?");
		return;
	}
	for (int i = first; i < count; i++)
		put(out, room, "%s%d", i > first ? "/" : "", (int)a->nspid[i]);
}

/* The value of a named field, printed as its kind wants. */
static void put_field(char *out, size_t room, const struct op_answer *a, int field)
{
	char text[16];

	if (field == FIELD_STATUS)
		put(out, room, "%s", op_status_name(a->field[field], text));
	else if (field == FIELD_STATE)
		put(out, room, "%s", op_state_name((int)a->field[field]));
	else if (field == FIELD_REVENTS)
		put(out, room, "%#x", (unsigned)a->field[field]);
	else
		put(out, room, "%lld", (long long)a->field[field]);
}

static bool put_failure(char *out, size_t room, const struct op_answer *a)
{
	char name[16];

	switch (a->kind) {
	case ANSWER_OK:
		return false;
	case ANSWER_ERROR:
		put(out, room, "%s", op_error_name(a->err, name));
		break;
	case ANSWER_BLOCKS:
		put(out, room, "blocks");
		break;
	case ANSWER_STUCK:
		put(out, room, "STUCK");
		break;
	default:
		put(out, room, "-");
	}
	return true;
}

/* Holes: {} {field} {field!} {nspid:3} {nspid@2} {?word} {==value?word:word} {-value} {$value}.  See docs/conformance.md. */
static void put_hole(struct run *run, char *out, size_t room, const struct op_answer *a, const char *at,
		     const char *end)
{
	struct op_scope scope = { NULL, lookup, run };
	size_t name_len = strcspn(at, "?=-:@!}");
	const char *op = at + name_len;
	const char *mark = memchr(op, '?', (size_t)(end - op));
	const char *otherwise = mark ? memchr(mark, ':', (size_t)(end - mark)) : NULL;
	int field = name_len == 0 ? FIELD_RET : op_field_by_name(at, name_len);
	int64_t value = 0;

	if (*at == '$') {
		if (op_eval(&scope, at, end, &value))
			put(out, room, "{%.*s}", (int)(end - at), at);
		else
			put(out, room, "%lld", (long long)value);
	} else if (field >= 0 && *op == '!') {
		put_field(out, room, a, field); /* known even if the call failed */
	} else if (put_failure(out, room, a)) {
		return;
	} else if (name_len == 5 && memcmp(at, "nspid", 5) == 0) {
		put_nspid(out, room, a, op, (size_t)(end - op));
	} else if (field < 0) {
		put(out, room, "{%.*s}", (int)(end - at), at);
	} else if (op == end) {
		put_field(out, room, a, field);
	} else if (*op == '?') {
		put(out, room, "%.*s", (int)(end - op - 1), op + 1);
	} else if (*op == '-' && !op_eval(&scope, op + 1, end, &value)) {
		put(out, room, "%lld", (long long)(a->field[field] - value));
	} else if (mark && !op_eval(&scope, op + 2, mark, &value)) {
		if (a->field[field] == value)
			put(out, room, "%.*s", (int)((otherwise ? otherwise : end) - mark - 1), mark + 1);
		else if (otherwise)
			put(out, room, "%.*s", (int)(end - otherwise - 1), otherwise + 1);
		else
			put_field(out, room, a, field);
	} else {
		put(out, room, "{%.*s}", (int)(end - at), at);
	}
}

static void put_words(struct run *run, const char *ask, const struct op_answer *a)
{
	char *out = run->result->got;
	size_t room = sizeof run->result->got;

	if (*out && *ask)
		put(out, room, " ");
	while (*ask) {
		const char *open = strchr(ask, '{'), *close = open ? strchr(open, '}') : NULL;

		if (!close) {
			put(out, room, "%s", ask);
			return;
		}
		put(out, room, "%.*s", (int)(open - ask), ask);
		put_hole(run, out, room, a, open + 1, close);
		ask = close + 1;
	}
}

static void log_step(struct run *run, const struct case_step *step, const struct op_answer *a)
{
	char *out = run->result->log;
	size_t room = sizeof run->result->log;
	const char *const *names = run->row->names;

	put(out, room, "  %d: %s%s%s %s", step->line, step->name >= 0 ? names[step->name] : "",
	    step->name >= 0 ? " = " : "", names[step->actor], step->op->name);
	for (int i = 0; i < step->pair_count; i++)
		put(out, room, " %s=%s", step->pair[i].arg->name, step->pair[i].value);
	put(out, room, "\n      -> ");
	if (!put_failure(out, room, a)) {
		put(out, room, "ok %lld", (long long)a->field[FIELD_RET]);
		if (a->nspid_len > 0) {
			put(out, room, " nspid=");
			put_nspid(out, room, a, "", 0);
		}
	}
	put(out, room, "\n");
}

/* --- steps ------------------------------------------------------------------------------------------- */

static void keep_numbers(struct run *run, int task, const struct op_answer *a)
{
	if (a->kind != ANSWER_OK || a->nspid_len <= 0 || task < 0)
		return;
	memcpy(run->nspid[task], a->nspid, sizeof run->nspid[task]);
	run->nspid_len[task] = a->nspid_len;
}

static void ask_backend(struct run *run, struct op *op, struct op_answer *a)
{
	memset(a, 0, sizeof *a);
	if (op->child >= CASE_TASKS) {
		a->kind = ANSWER_STUCK;
		return;
	}
	run->backend->step(run->world, op, a);
	if (a->kind == ANSWER_STUCK && !*run->result->error)
		put(run->result->error, sizeof run->result->error, "%s: the world did not settle, or broke",
		    op_by_code((enum op_code)op->code)->name);
	if (op->child > 0) {
		keep_numbers(run, op->child, a);
		if (a->nspid_len > 0)
			a->field[FIELD_INNER] = a->nspid[a->nspid_len - 1];
	} else if (op->code == OP_EXEC) {
		keep_numbers(run, op->actor, a);
	}
}

/* clone3 whose child, if one is made, ends at once and is reaped. */
static void run_probe(struct run *run, struct op *op, struct op_answer *a)
{
	struct op end = { .code = OP_EXIT_GROUP, .actor = op->child };
	struct op reap = { .code = OP_WAIT4, .actor = op->actor };
	bool thread = (op->arg[KEY_FLAGS] & 0x10000) != 0;
	struct op_answer ignored;

	op->code = OP_CLONE3;
	ask_backend(run, op, a);
	if (a->kind != ANSWER_OK)
		return;
	if (thread)
		end.code = OP_EXIT;
	ask_backend(run, &end, &ignored);
	if (thread)
		return;
	reap.arg[KEY_PID] = number_seen(run, op->child);
	reap.arg[KEY_OPTIONS] = 0x40000000; /* __WALL */
	ask_backend(run, &reap, &ignored);
}

/* A chain of inits down to a level, or to the refusal; the name stands for the deepest. */
static void run_nest(struct run *run, struct op *op, struct op_answer *a)
{
	struct op next = { .code = OP_CLONE3, .actor = op->actor, .has = 1ULL << KEY_FLAGS };
	int level = run->facts->level + run->nspid_len[op->actor] - 1;

	next.arg[KEY_FLAGS] = 0x20000000; /* NEWPID */
	op->child = op->actor;
	for (; level < op->arg[KEY_LEVEL]; level++) {
		next.child = run->task_count++;
		ask_backend(run, &next, a);
		if (a->kind != ANSWER_OK)
			break;
		op->child = next.actor = next.child;
	}
	a->field[FIELD_LEVEL] = level;
}

static void run_step(struct run *run, const struct case_step *step)
{
	struct op op = { .code = (int32_t)step->op->code };
	struct op_answer a = { .kind = ANSWER_ENDED };
	struct named *name = step->name >= 0 ? &run->named[step->name] : NULL;
	bool makes_task = (step->op->traits & TRAIT_MAKES_TASK) != 0;

	run->actor = op.actor = run->named[step->actor].task;
	if (op.actor >= 0) {
		if (makes_task)
			op.child = run->task_count++;
		if (!resolve(run, step, &op))
			a.kind = ANSWER_STUCK;
		else if (op.code == OP_PROBE)
			run_probe(run, &op, &a);
		else if (op.code == OP_NEST)
			run_nest(run, &op, &a);
		else
			ask_backend(run, &op, &a);
	}
	if (name) {
		bool made = makes_task && (a.kind == ANSWER_OK || (op.code == OP_NEST && op.child > 0));

		*name = (struct named){ .task = made ? op.child : -1, .answer = a };
	}
	log_step(run, step, &a);
	if (step->ask)
		put_words(run, step->ask, &a);
}

/* outer's own numbers, then `init` as every row finds it. */
static bool set_scene(struct run *run)
{
	struct op make = {
		.code = OP_CLONE3, .actor = CASE_OUTER, .child = CASE_INIT, .has = 1ULL << KEY_FLAGS
	};
	struct op lead = { .code = OP_SETSID, .actor = CASE_OUTER };
	struct op_answer a;

	for (int i = 0; i < CASE_TASKS; i++)
		run->named[i].task = -1;
	run->nspid[CASE_OUTER][0] = 1;
	run->nspid_len[CASE_OUTER] = 1;
	run->named[CASE_OUTER].task = CASE_OUTER;
	run->task_count = CASE_INIT + 1;
	/* Both inits lead their own session: one that died in a group founded inside would never end (R5.30). */
	ask_backend(run, &lead, &a);
	make.arg[KEY_FLAGS] = 0x20000000; /* NEWPID */
	ask_backend(run, &make, &a);
	if (a.kind != ANSWER_OK)
		return false;
	run->named[CASE_INIT].task = CASE_INIT;
	lead.actor = CASE_INIT;
	ask_backend(run, &lead, &a);
	return a.kind == ANSWER_OK;
}

static const char *wanted(const struct case_row *row, const struct case_facts *facts)
{
	for (int i = 0; i < row->want_count; i++)
		if (row->want[i].without & ~facts->features)
			return row->want[i].words;
	return row->want[0].words;
}

bool case_run(const struct case_backend *backend, const struct case_row *row, const struct case_facts *facts,
	      struct case_result *result)
{
	struct run run = { .backend = backend, .row = row, .facts = facts, .result = result };
	char why[128] = "";
	int err;

	memset(result, 0, sizeof *result);
	put(result->want, sizeof result->want, "%s", wanted(row, facts));
	err = backend->open(&run.world, why);
	if (err) {
		put(result->error, sizeof result->error, "no world: %s (%d)", why, err);
		return false;
	}
	if (set_scene(&run)) {
		for (int i = 0; i < row->step_count; i++)
			run_step(&run, &row->steps[i]);
	} else {
		put(result->error, sizeof result->error, "init could not be made");
	}
	err = backend->close(run.world);
	if (err)
		put(result->error, sizeof result->error, "the world did not end (%d)", err);
	return !*result->error && strcmp(result->got, result->want) == 0;
}

/* --- facts ------------------------------------------------------------------------------------------- */

/* Entries of 1 are busy in `outer` itself, so the array is refused as too long (EINVAL) or as taken (EEXIST). */
static int learn_level(const struct case_backend *backend, void *world)
{
	struct op op = {
		.code = OP_CLONE3, .actor = CASE_OUTER, .child = CASE_INIT, .has = 1ULL << KEY_SET_TID
	};
	struct op_answer a;

	for (op.set_tid_len = 1; op.set_tid_len <= 33; op.set_tid_len++) {
		op.set_tid[op.set_tid_len - 1] = 1;
		memset(&a, 0, sizeof a);
		backend->step(world, &op, &a);
		if (a.kind != ANSWER_ERROR || a.err != EEXIST)
			break;
	}
	return a.kind == ANSWER_ERROR && a.err == EINVAL ? (int)op.set_tid_len - 2 : -1;
}

int case_learn(const struct case_backend *backend, const struct case_table *table, struct case_facts *facts,
	       char why[128])
{
	struct case_result result = { .error = "" };
	void *world;
	int err = backend->open(&world, why);

	*facts = (struct case_facts){ 0 };
	if (err)
		return err;
	facts->level = learn_level(backend, world);
	err = backend->close(world);
	if (err || facts->level < 0) {
		snprintf(why, 128, "clone3 with set_tid does not work here");
		return err ? err : -ENOSYS;
	}
	for (int i = 0; i < table->feature_count; i++) {
		const struct case_row *row = table->features[i];

		if (!case_skip_reason(backend, table, row, facts) && case_run(backend, row, facts, &result))
			facts->features |= 1U << i;
		if (*result.error)
			return snprintf(why, 128, "%s: %.100s", row->id, result.error), -EIO;
	}
	return 0;
}

const char *case_skip_reason(const struct case_backend *backend, const struct case_table *table,
			     const struct case_row *row, const struct case_facts *facts)
{
	uint32_t missing = row->needs & ~facts->features, present = row->needs_not & facts->features;

	if (row->only && strcmp(row->only, backend->name) != 0)
		return row->only_why;
	for (int i = 0; i < table->feature_count; i++) {
		if (missing >> i & 1)
			return table->features[i]->sentence;
		if (present >> i & 1)
			return "asks for what kernels without the feature do";
	}
	return NULL;
}
