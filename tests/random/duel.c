/* SPDX-License-Identifier: MIT */
/*
 * duel.c: one operation on the model and on the kernel, and every difference that can be seen afterwards.
 *
 * Compared: the answer (kind, error, result, all fields); of every task its state, numbers at all levels, parent, group and
 * session; what calls that waited have returned; which handlers have run.
 * Keeps: (D1) the model goes first: only what it says is harmless is done to the kernel (R2).
 */
#include "random.h"

#include "../cases/live.h"

#include <errno.h>
#include <string.h>
#include <time.h>

uint32_t duel_features = UINT32_MAX;

int duel_open(struct duel *d, bool with_live)
{
	struct op lead = { .code = OP_SETSID, .actor = CASE_OUTER };
	struct op make = {
		.code = OP_CLONE3, .actor = CASE_OUTER, .child = CASE_INIT, .has = 1ULL << KEY_FLAGS
	};
	struct op null = { .code = OP_OPEN, .actor = CASE_OUTER, .has = 1ULL << KEY_FILE };
	struct op *scene[] = { &lead, &make, &lead, &null };
	struct op_answer a, b;
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
	make.arg[KEY_FLAGS] = (int64_t)PIDNS_CLONE_NEWPID;
	null.arg[KEY_FILE] = FILE_NULL;
	for (int i = 0; i < 4; i++) {
		memset(&a, 0, sizeof a);
		memset(&b, 0, sizeof b);
		scene[i]->actor = i == 2 ? CASE_INIT : CASE_OUTER;
		model_step(d->model, scene[i], &a);
		if (d->live)
			case_live.step(d->live, scene[i], &b);
	}
	d->fd_offset = b.field[FIELD_RET] - a.field[FIELD_RET];
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

static bool same_task(struct duel *d, int i, bool *state_only)
{
	struct op look = { .code = OP_LOOK, .actor = i };
	struct op_answer m = { 0 }, k = { 0 };

	model_step(d->model, &look, &m);
	case_live.step(d->live, &look, &k);
	*state_only = false;
	if (m.field[FIELD_STATE] != k.field[FIELD_STATE]) {
		*state_only = true;
		snprintf(d->why, sizeof d->why, "state of t%d: model %s, kernel %s", i,
			 op_state_name((int)m.field[FIELD_STATE]), op_state_name((int)k.field[FIELD_STATE]));
		return false;
	}
	if (m.field[FIELD_STATE] == STATE_GONE)
		return true;
	if (m.field[FIELD_PPID] != k.field[FIELD_PPID])
		return say(d, "parent", i, m.field[FIELD_PPID], k.field[FIELD_PPID]);
	if (m.field[FIELD_PGID] != k.field[FIELD_PGID])
		return say(d, "group", i, m.field[FIELD_PGID], k.field[FIELD_PGID]);
	if (m.field[FIELD_SID] != k.field[FIELD_SID])
		return say(d, "session", i, m.field[FIELD_SID], k.field[FIELD_SID]);
	return same_numbers(d, i, &m, &k);
}

/* Who is looked at may be on its way from one sleep to the next: a difference has to last. */
static bool same_task_soon(struct duel *d, int i, bool *state_only)
{
	const struct timespec nap = { 0, 2 * 1000 * 1000 };

	for (int tries = 0; !same_task(d, i, state_only); tries++) {
		if (tries == 25)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

/* What a call that waited has returned, if it has. */
static bool same_return(struct duel *d, int i)
{
	struct op returns = { .code = OP_RETURNS, .actor = i };
	struct op_answer m = { 0 }, k = { 0 };

	d->waited[i] = d->model->task[i]->pending;
	if (!d->model->task[i]->pending)
		return true;
	model_step(d->model, &returns, &m);
	case_live.step(d->live, &returns, &k);
	return same_answer(d, &returns, &m, &k);
}

/* Several of one signal may have become one on their way: only whether any came is certain. */
static bool same_signals(struct duel *d, int i)
{
	static const int signals[] = { 1, 10, 15, 17, 18, 20, 34 };
	struct op ask = { .code = OP_SIGNALS, .actor = i };

	for (size_t s = 0; s < sizeof signals / sizeof *signals; s++) {
		struct op_answer m = { 0 }, k = { 0 };

		ask.arg[KEY_SIG] = signals[s];
		model_step(d->model, &ask, &m);
		case_live.step(d->live, &ask, &k);
		if ((m.field[FIELD_RET] > 0) != (k.field[FIELD_RET] > 0))
			return say(d, "a handled signal", i, m.field[FIELD_RET], k.field[FIELD_RET]);
	}
	return true;
}

/* Two threads of one process that both wait: who is first is anybody's guess. */
static bool waits_beside(const struct duel *d, int i)
{
	const struct pidns_task *own = d->model->task[i]->task;

	for (int j = 0; j < d->model->task_end; j++) {
		const struct model_task *t = d->model->task[j];

		if (j != i && t->used && t->task && own && pidns_leader(t->task) == pidns_leader(own) &&
		    d->waited[j])
			return true;
	}
	return false;
}

/*
 * Where several die at once, the kernel leaves open who goes first: one whose parent dies too may have told the old parent
 * (who ignores its children, and it is gone) or the new one (who does not).  One that is continued and dies of what was
 * pending may be found by its parent in between.
 */
static enum random_verdict compare_worlds(struct duel *d, bool open)
{
	for (int i = 0; i < d->model->task_end; i++) {
		bool state_only = false;

		if (!d->model->task[i]->used)
			continue;
		if (!same_task_soon(d, i, &state_only))
			return state_only && open ? RANDOM_RACE : RANDOM_DIFFERS;
		if (!same_return(d, i))
			return open || waits_beside(d, i) ? RANDOM_RACE : RANDOM_DIFFERS;
		if (!same_signals(d, i))
			return open ? RANDOM_RACE : RANDOM_DIFFERS;
	}
	return RANDOM_SAME;
}

/* ---------------------------------------------------------------------------------------- stepping -- */

/* R5.30: seen from its own namespace, an init's group is its own or outside, nothing else. */
static bool is_hazard(const struct duel *d)
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

static uint32_t living(const struct duel *d)
{
	uint32_t n = 0;

	for (int i = 0; i < d->model->task_end; i++) {
		const struct model_task *t = d->model->task[i];
		enum pidns_state state = t->used && t->task ? pidns_state(t->task) : PIDNS_GONE;

		n += state == PIDNS_RUNNING || state == PIDNS_WAITING || state == PIDNS_STOPPED;
	}
	return n;
}

static bool can_act(const struct model_task *t)
{
	return t->used && t->task && !t->pending && pidns_state(t->task) == PIDNS_RUNNING;
}

/*
 * A signal for somebody else may stop or end the caller too, but a moment later: the kernel may let the call return before
 * that.  The model, where it has not, is told to have returned as well.
 */
static void returned_before(struct duel *d, const struct op *op, struct op_answer *m,
			    const struct op_answer *k)
{
	struct model_task *t = d->model->task[op->actor];

	bool stopped = m->kind == ANSWER_BLOCKS && t->task && pidns_state(t->task) == PIDNS_STOPPED;

	if ((!stopped && m->kind != ANSWER_ENDED) || k->kind != ANSWER_OK || !op_has(op, KEY_SIG))
		return;
	*m = *k;
	t->pending = false;
}

/* R4.10: a task that releases itself is gone a moment before its number is free, and a cyclic number passes over it. */
static bool may_be_late(const struct duel *d, const struct op *op, const struct op_answer *m,
			const struct op_answer *k)
{
	const struct live_world *live = d->live;

	if (op->code != OP_CLONE3 && op->code != OP_CLONE && op->code != OP_FORK)
		return false;
	if (m->kind != ANSWER_OK || k->kind != ANSWER_OK || k->field[FIELD_RET] <= m->field[FIELD_RET])
		return false;
	for (int i = 0; i < live->task_end; i++)
		if (live->task[i].used && live->task[i].fresh)
			return true;
	return live->late_count > 0;
}

enum random_verdict duel_step(struct duel *d, const struct random_op *from, struct random_tally *tally)
{
	struct op_answer m = { 0 }, k = { 0 };
	struct op op, live;
	uint32_t before = living(d);
	unsigned traits;

	resolve(d, from, &op);
	if (op.actor >= d->model->task_end || !can_act(d->model->task[op.actor]))
		return RANDOM_SAME; /* in a shortened list */
	if (op.child > 0 && op.child < d->model->task_end && d->model->task[op.child]->used &&
	    d->model->task[op.child]->task)
		return RANDOM_SAME; /* a shortened list: the name is still somebody's */
	traits = op_by_code((enum op_code)op.code)->traits;
	model_step(d->model, &op, &m);
	if (d->model->broken) {
		snprintf(d->why, sizeof d->why, "pidns_check: %s", d->model->broken);
		return RANDOM_BROKEN;
	}
	if (is_hazard(d))
		return RANDOM_END;
	d->deaths = before > living(d) ? before - living(d) : 0;
	keep_numbers(d, &op, &m);
	if (tally)
		tally_add(tally, from, &m);
	if (!d->live)
		return RANDOM_SAME;
	live = for_live(d, &op);
	case_live.step(d->live, &live, &k);
	returned_before(d, &op, &m, &k);
	if (!same_answer(d, &op, &m, &k))
		return may_be_late(d, &op, &m, &k) ? RANDOM_RACE : RANDOM_DIFFERS;
	if (traits & (TRAIT_DISTURBS | TRAIT_MAKES_TASK) || op.code == OP_SETSID || op.code == OP_SETPGID)
		return compare_worlds(d,
				      d->deaths > 1 || (d->deaths == 1 && op.arg[KEY_SIG] == PIDNS_SIGCONT));
	return RANDOM_SAME;
}
