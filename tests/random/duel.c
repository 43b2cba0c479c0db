/* SPDX-License-Identifier: MIT */
/*
 * duel.c: one operation on the model and on the kernel, and every difference that can be seen afterwards.
 *
 * Compared: the answer (kind, error, result, all fields); of every task its state, numbers at all levels, parent, group and
 * session; what calls that waited have returned; which handlers have run.
 * Keeps: (D1) the model goes first: only what it says is harmless is done to the kernel (R2);
 *        (D2) all that the kernel shows after an operation is read once, into `seen`; the model is compared with that, and where
 *             it differs, the model in other orders in which those who were woken might have had their turns (orders.c).
 */
#include "random.h"

#include "../cases/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint32_t duel_features = UINT32_MAX;

/* Two processes of the duel's own and a descriptor. */
void duel_make_scene(struct duel *d, struct model_world *model, bool live)
{
	struct op lead = { .code = OP_SETSID, .actor = CASE_OUTER };
	struct op make = {
		.code = OP_CLONE3, .actor = CASE_OUTER, .child = CASE_INIT, .has = 1ULL << KEY_FLAGS
	};
	struct op null = { .code = OP_OPEN, .actor = CASE_OUTER, .has = 1ULL << KEY_FILE };
	struct op *scene[] = { &lead, &make, &lead, &null };
	struct op_answer a, b;

	make.arg[KEY_FLAGS] = (int64_t)PIDNS_CLONE_NEWPID;
	null.arg[KEY_FILE] = FILE_NULL;
	for (int i = 0; i < 4; i++) {
		memset(&a, 0, sizeof a);
		memset(&b, 0, sizeof b);
		scene[i]->actor = i == 2 ? CASE_INIT : CASE_OUTER;
		model_step(model, scene[i], &a);
		if (live)
			case_live.step(d->live, scene[i], &b);
	}
	if (live)
		d->fd_offset = b.field[FIELD_RET] - a.field[FIELD_RET];
}

int duel_open(struct duel *d, bool with_live)
{
	int r;

	memset(d, 0, sizeof *d);
	r = model_open(&d->model, &(struct model_config){ .features = duel_features });
	if (r == 0 && with_live) {
		r = case_live.open(&d->live, d->why);
		if (r < 0)
			model_close(d->model);
	}
	if (r < 0)
		return r;
	duel_make_scene(d, d->model, with_live);
	d->nspid[CASE_OUTER][0] = 1;
	d->nspid_len[CASE_OUTER] = 1;
	d->nspid[CASE_INIT][0] = 2;
	d->nspid[CASE_INIT][1] = 1;
	d->nspid_len[CASE_INIT] = 2;
	return 0;
}

int duel_close(struct duel *d)
{
	int r = d->live ? case_live.close(d->live) : 0;

	for (size_t i = 0; i < d->steps; i++)
		free(d->step[i].seen);
	model_close(d->model);
	return r;
}

/* -------------------------------------------------------------------------------------- resolving -- */

static int32_t seen_by(const struct duel *d, int actor, int task)
{
	int32_t depth = d->nspid_len[actor];

	return depth > 0 && depth <= d->nspid_len[task] ? d->nspid[task][depth - 1] : 0;
}

/* set_tid's entry i speaks of the i-th level out from where the child will live. */
static int32_t number_at(const struct duel *d, const struct op *op, uint32_t i, int task)
{
	int32_t level = d->nspid_len[op->actor] + ((op->arg[KEY_FLAGS] & (int64_t)PIDNS_CLONE_NEWPID) != 0) -
			1 - (int32_t)i;

	return level >= 0 && level < d->nspid_len[task] ? d->nspid[task][level] : 504;
}

static void resolve(const struct duel *d, const struct random_op *from, struct op *op)
{
	*op = from->op;
	for (int key = 0; key < KEY_COUNT; key++) {
		if (!from->ref[key])
			continue;
		op->arg[key] = seen_by(d, op->actor, from->ref[key] - 1);
		if (from->negative[key])
			op->arg[key] = -op->arg[key];
	}
	/* a number that cannot be seen would be 0 or -0: everybody's group; and -1 is everybody */
	if (from->ref[KEY_PID] && from->negative[KEY_PID] && op->arg[KEY_PID] >= -1)
		op->arg[KEY_PID] = -4999;
	for (uint32_t i = 0; i < op->set_tid_len; i++)
		if (from->tid_ref[i])
			op->set_tid[i] = number_at(d, op, i, from->tid_ref[i] - 1);
}

static bool has_descriptor(const struct op *op)
{
	return op_has(op, KEY_FD) || (op->code == OP_WAITID && op->arg[KEY_IDTYPE] == PIDNS_P_PIDFD);
}

static bool makes_descriptor(const struct op *op)
{
	return op->code == OP_PIDFD_OPEN || op->code == OP_OPEN;
}

/* The kernel's side of an operation: descriptors lie higher there. */
static struct op for_live(const struct duel *d, const struct op *op)
{
	struct op live = *op;
	enum op_key key = op_has(op, KEY_FD) ? KEY_FD : KEY_ID;

	if (has_descriptor(op) && live.arg[key] >= 0)
		live.arg[key] += d->fd_offset;
	return live;
}

/* -------------------------------------------------------------------------------------- comparing -- */

static bool say(struct duel *d, const char *what, int task, int64_t model, int64_t kernel)
{
	snprintf(d->why, sizeof d->why, "%s of t%d: model %lld, kernel %lld", what, task, (long long)model,
		 (long long)kernel);
	return false;
}

static const char *const kinds[] = { "ok", "error", "blocks", "ended", "stuck" };

static int64_t field_of(const struct duel *d, const struct op *op, const struct op_answer *a, int field,
			bool live)
{
	int64_t value = a->field[field];

	switch (field) {
	case FIELD_STATUS: /* whether a core was dumped is the machine's affair */
		return (value & 0x7f) == 0x7f || value == 0xffff ? value : value & ~0x80;
	case FIELD_CODE:
		return value == PIDNS_CLD_DUMPED ? PIDNS_CLD_KILLED : value;
	case FIELD_PIDFD:
		return value > 0;
	case FIELD_RET:
		if (op->code == OP_FDINFO)
			return value == -1;
		return live && makes_descriptor(op) && value >= 0 ? value - d->fd_offset : value;
	default:
		return value;
	}
}

static bool same_numbers(struct duel *d, int task, const struct op_answer *m, const struct op_answer *k)
{
	if (m->nspid_len != k->nspid_len)
		return say(d, "levels", task, m->nspid_len, k->nspid_len);
	for (int i = 0; i < m->nspid_len; i++)
		if (m->nspid[i] != k->nspid[i])
			return say(d, "a number", task, m->nspid[i], k->nspid[i]);
	return true;
}

static bool same_answer(struct duel *d, const struct op *op, const struct op_answer *m,
			const struct op_answer *k)
{
	static const int fields[] = { FIELD_RET, FIELD_STATUS,     FIELD_CODE,      FIELD_SI_STATUS,
				      FIELD_UID, FIELD_PARENT_TID, FIELD_CHILD_TID, FIELD_REVENTS };
	char a[16], b[16];

	if (m->kind != k->kind || m->err != k->err) {
		snprintf(d->why, sizeof d->why, "%s by t%d: model %s %s, kernel %s %s",
			 op_by_code((enum op_code)op->code)->name, op->actor, kinds[m->kind],
			 m->err ? op_error_name(m->err, a) : "", kinds[k->kind],
			 k->err ? op_error_name(k->err, b) : "");
		return false;
	}
	if (m->kind != ANSWER_OK)
		return true;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		int64_t model = field_of(d, op, m, fields[i], false),
			kernel = field_of(d, op, k, fields[i], true);

		if (model != kernel) {
			snprintf(d->why, sizeof d->why, "field %d of %s by t%d: model %lld, kernel %lld",
				 fields[i], op_by_code((enum op_code)op->code)->name, op->actor,
				 (long long)model, (long long)kernel);
			return false;
		}
	}
	return same_numbers(d, op->actor, m, k);
}

static const int watched_signals[DUEL_SIGNALS] = { 1, 10, 15, 17, 18, 20, 34 };

void duel_look(struct duel *d, int i)
{
	struct op ask = { .code = OP_LOOK, .actor = i };

	memset(&d->seen[i].look, 0, sizeof d->seen[i].look);
	case_live.step(d->live, &ask, &d->seen[i].look);
}

/* All that the kernel shows of a task; a call's return is shown once. */
static void observe(struct duel *d, int i)
{
	struct duel_seen *seen = &d->seen[i];
	struct op ask = { .code = OP_RETURNS, .actor = i };

	memset(seen, 0, sizeof *seen);
	duel_look(d, i);
	case_live.step(d->live, &ask, &seen->returns);
	ask.code = OP_SIGNALS;
	for (int s = 0; s < DUEL_SIGNALS; s++) {
		struct op_answer k = { 0 };

		ask.arg[KEY_SIG] = watched_signals[s];
		case_live.step(d->live, &ask, &k);
		seen->handled[s] = k.field[FIELD_RET] > 0;
	}
}

static bool same_look(struct duel *d, int i)
{
	struct op ask = { .code = OP_LOOK, .actor = i };
	const struct op_answer *k = &d->seen[i].look;
	struct op_answer m = { 0 };

	model_step(d->model, &ask, &m);
	if (m.field[FIELD_STATE] != k->field[FIELD_STATE]) {
		snprintf(d->why, sizeof d->why, "state of t%d: model %s, kernel %s", i,
			 op_state_name((int)m.field[FIELD_STATE]), op_state_name((int)k->field[FIELD_STATE]));
		return false;
	}
	if (m.field[FIELD_STATE] == STATE_GONE)
		return true;
	if (m.field[FIELD_PPID] != k->field[FIELD_PPID])
		return say(d, "parent", i, m.field[FIELD_PPID], k->field[FIELD_PPID]);
	if (m.field[FIELD_PGID] != k->field[FIELD_PGID])
		return say(d, "group", i, m.field[FIELD_PGID], k->field[FIELD_PGID]);
	if (m.field[FIELD_SID] != k->field[FIELD_SID])
		return say(d, "session", i, m.field[FIELD_SID], k->field[FIELD_SID]);
	return same_numbers(d, i, &m, k);
}

/* What a call that waited has returned, if it has. */
static bool same_return(struct duel *d, int i)
{
	struct op returns = { .code = OP_RETURNS, .actor = i };
	struct op_answer m = { 0 };

	if (!d->model->task[i]->pending)
		return true;
	model_step(d->model, &returns, &m);
	/* it may have died since */
	if (m.kind == ANSWER_ENDED && d->model->task[i]->has_returned)
		return true;
	return same_answer(d, &returns, &m, &d->seen[i].returns);
}

/* Several of one signal may have become one on their way: only whether any came is certain. */
static bool same_signals(struct duel *d, int i)
{
	struct op ask = { .code = OP_SIGNALS, .actor = i };

	for (int s = 0; s < DUEL_SIGNALS; s++) {
		struct op_answer m = { 0 };

		ask.arg[KEY_SIG] = watched_signals[s];
		model_step(d->model, &ask, &m);
		if ((m.field[FIELD_RET] > 0 || d->handled[i][s]) !=
		    (d->seen[i].handled[s] || d->handled[i][s]))
			return say(d, "a handled signal", i, m.field[FIELD_RET], d->seen[i].handled[s]);
	}
	return true;
}

/* Threads whose index is given away take what they have handled with them, on each side the one that did. */
static void keep_handled(struct duel *d, const struct op *op)
{
	if (op_makes_task(op->code))
		memset(d->handled[op->child], 0, sizeof d->handled[op->child]);
	for (int i = 0; i < d->model->task_end; i++)
		for (int s = 0; s < DUEL_SIGNALS; s++)
			d->handled[i][s] |= d->seen[i].handled[s];
}

static bool same_worlds(struct duel *d)
{
	bool same = true;

	/* all of them: a return that was not asked for would be asked for later */
	for (int i = 0; i < d->model->task_end; i++)
		if (d->model->task[i]->used)
			same = same_return(d, i) && same;
	for (int i = 0; same && i < d->model->task_end; i++)
		if (d->model->task[i]->used)
			same = same_look(d, i) && same_signals(d, i);
	return same;
}

/* ---------------------------------------------------------------------------------------- stepping -- */

/* R5.30: seen from its own namespace, an init's group is its own or outside, nothing else. */
bool duel_is_hazard(const struct duel *d)
{
	for (int i = 0; i < d->model->task_end; i++) {
		const struct model_task *t = d->model->task[i];
		const struct pidns_id *own, *group;

		if (!t->used || !t->task || pidns_leader(t->task) != t->task)
			continue;
		own = pidns_task_id(t->task);
		group = pidns_task_link(t->task, PIDNS_PGID);
		if (pidns_id_number(own, pidns_id_level(own)) == 1 && group != own &&
		    pidns_id_number_in(group, pidns_task_ns(t->task)) != 0)
			return true;
	}
	return false;
}

static void keep_numbers(struct duel *d, const struct op *op, const struct op_answer *a)
{
	int i = op->code == OP_EXEC ? op->actor : op->child;

	if (a->kind != ANSWER_OK || a->nspid_len <= 0 || i <= 0 || op->code == OP_FDINFO)
		return;
	memcpy(d->nspid[i], a->nspid, sizeof d->nspid[i]);
	d->nspid_len[i] = a->nspid_len;
}

static bool can_act(const struct model_task *t)
{
	return t->used && t->task && !t->pending && pidns_state(t->task) == PIDNS_RUNNING;
}

/*
 * What a call does to others may stop or end the caller too, but a moment later: a signal for its group, an init that could
 * die when its last child was reaped.  The kernel may let the call return before that.  The model, where it has not, is told
 * to have returned as well.
 */
static bool returned_before(struct duel *d, const struct op *op, struct op_answer *m,
			    const struct op_answer *k)
{
	struct model_task *t = d->model->task[op->actor];
	bool others = op_has(op, KEY_SIG) || op->code == OP_WAIT4 || op->code == OP_WAITID;
	bool stopped = m->kind == ANSWER_BLOCKS && t->task && pidns_state(t->task) == PIDNS_STOPPED;

	if (!others || (!stopped && m->kind != ANSWER_ENDED) || k->kind != ANSWER_OK)
		return false;
	*m = *k;
	t->pending = false;
	return true;
}

/* In a shortened list set_tid may reach out beyond the world's own namespaces, which a model that ends there refuses. */
static bool reaches_out(const struct duel *d, const struct op *op)
{
	bool newpid = (op->arg[KEY_FLAGS] & (int64_t)PIDNS_CLONE_NEWPID) != 0;
	uint32_t levels = (uint32_t)d->nspid_len[op->actor] + newpid;

	return d->live && op->set_tid_len > levels && op->set_tid_len <= 32;
}

bool duel_is_compared(const struct op *op)
{
	unsigned traits = op_by_code((enum op_code)op->code)->traits;

	return (traits & (TRAIT_DISTURBS | TRAIT_MAKES_TASK)) || op->code == OP_SETSID ||
	       op->code == OP_SETPGID;
}

bool duel_same(struct duel *d, struct duel_step *step, struct op_answer *m)
{
	bool same;

	step->returned = returned_before(d, &step->op, m, &d->answer);
	same = same_answer(d, &step->op, m, &d->answer);
	if (duel_is_compared(&step->op))
		same = same_worlds(d) && same;
	if (same && duel_is_compared(&step->op))
		keep_handled(d, &step->op);
	return same;
}

/* What the kernel has shown of this step, kept: orders.c goes back to it.  False: no memory. */
static bool keep_step(struct duel *d, struct duel_step *step)
{
	step->answer = d->answer;
	step->tasks = duel_is_compared(&step->op) ? d->model->task_end : 0;
	if (step->tasks == 0)
		return true;
	step->seen = malloc((size_t)step->tasks * sizeof *step->seen);
	if (step->seen)
		memcpy(step->seen, d->seen, (size_t)step->tasks * sizeof *step->seen);
	return step->seen != NULL;
}

enum random_verdict duel_step(struct duel *d, const struct random_op *from, struct random_tally *tally)
{
	struct duel_step *step = &d->step[d->steps];
	struct op_answer m = { 0 };
	struct op op, live;
	char why[sizeof d->why];
	enum orders_how how;

	resolve(d, from, &op);
	if (op.actor >= d->model->task_end || !can_act(d->model->task[op.actor]))
		return RANDOM_SAME; /* in a shortened list */
	if (reaches_out(d, &op))
		return RANDOM_SAME;
	if (op.child > 0 && op.child < d->model->task_end && d->model->task[op.child]->used &&
	    d->model->task[op.child]->task)
		return RANDOM_SAME; /* a shortened list: the name is still somebody's */
	if (d->live && d->steps == DUEL_STEPS)
		return RANDOM_END;
	model_step(d->model, &op, &m);
	if (d->model->broken) {
		snprintf(d->why, sizeof d->why, "pidns_check: %s", d->model->broken);
		return RANDOM_BROKEN;
	}
	if (duel_is_hazard(d))
		return RANDOM_END;
	if (tally)
		tally_add(tally, from, &m);
	keep_numbers(d, &op, &m);
	if (!d->live)
		return RANDOM_SAME;
	*step = (struct duel_step){ .op = op };
	d->steps++;
	live = for_live(d, &op);
	memset(&d->answer, 0, sizeof d->answer);
	case_live.step(d->live, &live, &d->answer);
	for (int i = 0; duel_is_compared(&op) && i < d->model->task_end; i++)
		if (d->model->task[i]->used)
			observe(d, i);
	if (duel_same(d, step, &m))
		return keep_step(d, step) ? RANDOM_SAME : RANDOM_END;
	memcpy(why, d->why, sizeof why);
	how = orders_explain(d);
	if (how == ORDERS_NONE) {
		memcpy(d->why, why, sizeof why);
		return RANDOM_DIFFERS;
	}
	if (tally)
		tally->open++;
	if (tally && how == ORDERS_EARLIER)
		tally->earlier++;
	return keep_step(d, step) ? RANDOM_SAME : RANDOM_END;
}
