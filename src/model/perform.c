/* SPDX-License-Identifier: MIT */
/*
 * perform.c: one operation -> one call of libpidns, and its answer.
 *
 * Keeps:   (M1) an operation is one call of libpidns, its arguments unchanged;
 *          (M2) after each step that is a call pidns_check() finds nothing, or the answer is ANSWER_STUCK (unless the world is unchecked).
 */
#include "model.h"

#include <errno.h>
#include <string.h>

enum {
	FLAG_FILES = 0x400,
	/* where clone3's record lies in the caller's memory: the page's end is PAGE behind */
	RECORD_AT = 0x10000,
	SET_TID_AT = 0x20000,
	PARENT_TID_AT = 0x30000,
	PIDFD_AT = 0x40000,
	PAGE = 4096,
	RECORD = 88,
};

/* ------------------------------------------------------------------------------------------ answers -- */

static void put_numbers(const struct model_world *w, const struct pidns_id *id, struct op_answer *a)
{
	a->nspid_len = 0;
	for (int32_t level = w->level; level <= pidns_id_level(id); level++)
		a->nspid[a->nspid_len++] = pidns_id_number(id, level);
}

static void describe(const struct model_world *w, const struct model_task *t, struct op_answer *a)
{
	static const int states[] = {
		[PIDNS_GONE] = STATE_GONE,       [PIDNS_RUNNING] = STATE_LIVE, [PIDNS_WAITING] = STATE_LIVE,
		[PIDNS_STOPPED] = STATE_STOPPED, [PIDNS_DYING] = STATE_DYING,  [PIDNS_LEFT] = STATE_ZOMBIE,
		[PIDNS_ZOMBIE] = STATE_ZOMBIE,
	};
	const struct pidns_task *parent;
	const struct pidns_ns *ns;

	a->kind = ANSWER_OK;
	a->field[FIELD_STATE] = STATE_GONE;
	if (!t->used || !t->task)
		return;
	parent = pidns_parent(t->task);
	ns = pidns_task_ns(t->task);
	a->field[FIELD_STATE] = states[pidns_state(t->task)];
	a->field[FIELD_PPID] = parent ? pidns_id_number_in(pidns_task_link(parent, PIDNS_TGID), ns) : 0;
	a->field[FIELD_PGID] = pidns_id_number_in(pidns_task_link(t->task, PIDNS_PGID), ns);
	a->field[FIELD_SID] = pidns_id_number_in(pidns_task_link(t->task, PIDNS_SID), ns);
	put_numbers(w, pidns_task_id(t->task), a);
}

static void put_waited(struct op_answer *a, const struct pidns_waited *found, bool waitid)
{
	a->field[FIELD_STATUS] = found->status;
	if (!waitid)
		return;
	a->field[FIELD_CODE] = found->code;
	a->field[FIELD_SI_STATUS] = found->value;
	a->field[FIELD_UID] = found->uid;
}

static void put_kind(struct op_answer *a, int64_t ret)
{
	if (ret == PIDNS_BLOCKS)
		a->kind = ANSWER_BLOCKS;
	else if (ret == PIDNS_ENDED)
		a->kind = ANSWER_ENDED;
	else
		a->kind = ret < 0 ? ANSWER_ERROR : ANSWER_OK;
	a->err = a->kind == ANSWER_ERROR ? (int32_t)-ret : 0;
}

static void put_result(struct op_answer *a, int64_t ret)
{
	put_kind(a, ret);
	if (a->kind == ANSWER_OK || a->kind == ANSWER_ERROR)
		a->field[FIELD_RET] = ret;
}

/* ------------------------------------------------------------------------------------------- births -- */

/* The caller's memory, as far as clone3 reads it. */
struct memory {
	unsigned char record[2 * PAGE];
	size_t record_len; /* readable from RECORD_AT on */
	const int32_t *set_tid;
	size_t set_tid_len;
};

static int32_t copy(void *ctx, void *to, uint64_t from, size_t len)
{
	const struct memory *m = ctx;

	if (from >= RECORD_AT && from + len <= RECORD_AT + m->record_len) {
		memcpy(to, m->record + (from - RECORD_AT), len);
		return 0;
	}
	if (from == SET_TID_AT && len <= m->set_tid_len * sizeof *m->set_tid) {
		memcpy(to, m->set_tid, len);
		return 0;
	}
	return -EFAULT;
}

static uint64_t address(int64_t at, uint64_t normal)
{
	return at == AT_NULL ? 0 : at == AT_UNREADABLE ? MODEL_UNREADABLE_AT : normal;
}

static uint64_t flags_of(const struct op *op)
{
	uint64_t flags = (uint64_t)op->arg[KEY_FLAGS] | (uint64_t)op->arg[KEY_BARE_FLAGS];

	if ((uint64_t)op->arg[KEY_FLAGS] & PIDNS_CLONE_THREAD)
		flags |= PIDNS_CLONE_VM | PIDNS_CLONE_SIGHAND;
	return flags;
}

static uint64_t exit_signal_of(const struct op *op, uint64_t flags)
{
	if (op_has(op, KEY_EXIT_SIGNAL))
		return (uint64_t)op->arg[KEY_EXIT_SIGNAL];
	return flags & (PIDNS_CLONE_THREAD | PIDNS_CLONE_PARENT) ? 0 : PIDNS_SIGCHLD;
}

static int32_t do_clone3(struct model_task *t, const struct op *op, uint64_t flags, struct pidns_task **child)
{
	bool stack_given = op_has(op, KEY_STACK) || op_has(op, KEY_STACK_SIZE);
	uint64_t size = op_has(op, KEY_SIZE) ? (uint64_t)op->arg[KEY_SIZE] : RECORD;
	struct memory m = { .set_tid = op->set_tid, .set_tid_len = OP_SET_TID_MAX };
	uint64_t words[RECORD / 8] = {
		[0] = flags,
		[1] = op->arg[KEY_PIDFD] == AT_PARENT_TID ? PARENT_TID_AT
							  : address(op->arg[KEY_PIDFD], PIDFD_AT),
		[3] = PARENT_TID_AT,
		[4] = exit_signal_of(op, flags),
		[5] = stack_given ? (uint64_t)op->arg[KEY_STACK] : 0x1000,
		[6] = stack_given ? (uint64_t)op->arg[KEY_STACK_SIZE] : 0x1000,
		[9] = op_has(op, KEY_SET_TID_SIZE) ? (uint64_t)op->arg[KEY_SET_TID_SIZE] : op->set_tid_len,
		[10] = (uint64_t)op->arg[KEY_CGROUP],
	};

	if (op_has(op, KEY_SET_TID) || op_has(op, KEY_SET_TID_AT))
		words[8] = address(op->arg[KEY_SET_TID_AT], SET_TID_AT);
	if (op_has(op, KEY_GARBAGE))
		words[9] = (uint64_t)op->arg[KEY_GARBAGE];
	memcpy(m.record, words, sizeof words);
	if (op_has(op, KEY_LAST_BYTE) && size > 0 && size <= sizeof m.record)
		m.record[size - 1] = (unsigned char)op->arg[KEY_LAST_BYTE];
	m.record_len = op->arg[KEY_RECORD] == AT_PAGE_END ? RECORD : sizeof m.record;
	return pidns_clone3_user(t->task,
				 op_has(op, KEY_RECORD) && op->arg[KEY_RECORD] == AT_NULL ? 0 : RECORD_AT,
				 size, copy, &m, child, &t->error);
}

static int32_t give_birth(struct model_task *t, const struct op *op, uint64_t flags,
			  struct pidns_task **child)
{
	t->error = (struct pidns_error){ .index = -1, .level = -1 };
	t->new_pidfd = 0;
	if (op->code == OP_CLONE)
		return pidns_clone(t->task, flags | exit_signal_of(op, flags), child, &t->error);
	return do_clone3(t, op, flags, child);
}

static void do_clone(struct model_world *w, struct model_task *t, const struct op *op, struct op_answer *a)
{
	uint64_t flags = op->code == OP_FORK ? 0 : flags_of(op);
	struct model_task *c = model_reserve(w, op->child);
	struct pidns_task *child = NULL;
	struct model_files *files;

	if (!c) {
		put_result(a, -ENOMEM);
		return;
	}
	put_result(a, give_birth(t, op, flags, &child));
	if (a->kind != ANSWER_OK)
		return;

	files = flags & FLAG_FILES ? model_files_get(t->files) : model_files_copy(t->files);
	model_meet(c, child);
	c->files = files;
	if (t->new_pidfd && !(flags & FLAG_FILES)) /* the parent gets it after the child has its table */
		model_files_close(c, t->new_pidfd);
	a->field[FIELD_RET] = pidns_id_number_in(pidns_task_id(child), pidns_task_ns(t->task));
	a->field[FIELD_PIDFD] = t->new_pidfd;
	if (flags & PIDNS_CLONE_PARENT_SETTID)
		a->field[FIELD_PARENT_TID] = a->field[FIELD_RET];
	if (flags & PIDNS_CLONE_CHILD_SETTID)
		a->field[FIELD_CHILD_TID] = model_number(c, pidns_id_level(pidns_task_id(child)));
	put_numbers(w, pidns_task_id(child), a);
}

static int32_t do_exec(struct model_task *t)
{
	int32_t r = pidns_exec(t->task);

	if (r == 0)
		model_files_exec(t);
	return r;
}

/* -------------------------------------------------------------------------------------------- calls -- */

static int32_t do_wait(struct model_task *t, const struct op *op, struct op_answer *a)
{
	struct pidns_waited found = { 0 };
	const struct model_file *f = NULL;
	int32_t r;

	t->wait_is_waitid = op->code == OP_WAITID;
	t->wait_unreadable = op->code == OP_WAIT4 && op->arg[KEY_AT] == AT_UNREADABLE;
	if (op->code == OP_WAIT4) {
		r = pidns_wait4(t->task, (int32_t)op->arg[KEY_PID], (uint32_t)op->arg[KEY_OPTIONS], &found);
		if (r > 0 && t->wait_unreadable)
			r = -EFAULT;
	} else {
		if (op->arg[KEY_IDTYPE] == PIDNS_P_PIDFD)
			f = model_files_find(t, op->arg[KEY_ID]);
		r = pidns_waitid(t->task, (int32_t)op->arg[KEY_IDTYPE], op->arg[KEY_ID],
				 f && f->kind == MODEL_PIDFD ? f->pidfd : NULL,
				 (uint32_t)op->arg[KEY_OPTIONS], &found);
		if (r == 0)
			r = found.pid;
	}
	put_waited(a, &found, t->wait_is_waitid);
	return r;
}

static int32_t do_prctl(struct model_task *t, const struct op *op)
{
	switch (op->arg[KEY_OPTION]) {
	case 1:
		return pidns_set_pdeathsig(t->task, op->arg[KEY_ARG] < 0 || op->arg[KEY_ARG] > 64
							    ? -1
							    : (int32_t)op->arg[KEY_ARG]);
	case 36:
		return pidns_set_subreaper(t->task, op->arg[KEY_ARG] != 0);
	case 37:
		return -EFAULT; /* its argument is an address, and a row can only give a bad one */
	default:
		return -EINVAL;
	}
}

static int32_t do_sigaction(struct model_task *t, const struct op *op)
{
	static const enum pidns_action actions[] = { PIDNS_DEFAULT, PIDNS_IGNORE, PIDNS_HANDLE };

	return pidns_sigaction(t->task, (int32_t)op->arg[KEY_SIG],
			       actions[(uint64_t)op->arg[KEY_HANDLER] % 3], (uint32_t)op->arg[KEY_FLAGS]);
}

static uint64_t mask_of(int64_t sig)
{
	return sig > 0 && sig <= 64 ? 1ULL << (sig - 1) : 0;
}

static int32_t do_setrlimit(struct model_task *t, const struct op *op)
{
	uint64_t value = (uint64_t)op->arg[KEY_VALUE];

	if (op->arg[KEY_RESOURCE] == 6)
		return pidns_set_nproc(t->task, value > UINT32_MAX ? UINT32_MAX : (uint32_t)value);
	t->files->limit = value > MODEL_FILES ? MODEL_FILES : (uint32_t)value;
	return 0;
}

static int32_t call(struct model_world *w, struct model_task *t, const struct op *op, struct op_answer *a)
{
	const int64_t *arg = op->arg;

	switch ((enum op_code)op->code) {
	case OP_EXIT:
		return pidns_exit(t->task, (int32_t)arg[KEY_STATUS]);
	case OP_EXIT_GROUP:
		return pidns_exit_group(t->task, (int32_t)arg[KEY_STATUS]);
	case OP_EXEC:
		return do_exec(t);
	case OP_WAIT4:
	case OP_WAITID:
		return do_wait(t, op, a);
	case OP_KILL:
		return pidns_kill(t->task, (int32_t)arg[KEY_PID], (int32_t)arg[KEY_SIG]);
	case OP_TKILL:
		return pidns_tkill(t->task, (int32_t)arg[KEY_TID], (int32_t)arg[KEY_SIG]);
	case OP_TGKILL:
		return pidns_tgkill(t->task, (int32_t)arg[KEY_TGID], (int32_t)arg[KEY_TID],
				    (int32_t)arg[KEY_SIG]);
	case OP_SETSID:
		return pidns_setsid(t->task);
	case OP_SETPGID:
		return pidns_setpgid(t->task, (int32_t)arg[KEY_PID], (int32_t)arg[KEY_PGID]);
	case OP_GETPGID:
		return pidns_getpgid(t->task, (int32_t)arg[KEY_PID]);
	case OP_GETSID:
		return pidns_getsid(t->task, (int32_t)arg[KEY_PID]);
	case OP_GETPID:
		return pidns_getpid(t->task);
	case OP_GETTID:
		return pidns_gettid(t->task);
	case OP_GETPPID:
		return pidns_getppid(t->task);
	case OP_UNSHARE:
		return pidns_unshare(t->task, (uint64_t)arg[KEY_FLAGS]);
	case OP_PRCTL:
		return do_prctl(t, op);
	case OP_SIGACTION:
		return do_sigaction(t, op);
	case OP_SIGPROCMASK:
		return pidns_sigprocmask(t->task, (int32_t)arg[KEY_HOW], mask_of(arg[KEY_SIG]));
	case OP_SIGPENDING:
		return (pidns_sigpending(t->task) & mask_of(arg[KEY_SIG])) != 0;
	case OP_SETRESUID:
		return pidns_setresuid(t->task, (uint32_t)arg[KEY_UID]);
	case OP_CAPSET:
		return pidns_capset(t->task, (uint64_t)arg[KEY_CAPS]);
	case OP_SETRLIMIT:
		return do_setrlimit(t, op);
	case OP_CRASH:
		return pidns_crash(t->task, PIDNS_SIGSEGV);
	case OP_REBOOT:
		return pidns_reboot(t->task, (uint32_t)arg[KEY_OPTION]);
	default:
		return model_files_call(w, t, op, a);
	}
}

static void tell_return(struct model_task *t, struct op_answer *a)
{
	struct pidns_waited found;
	int32_t r;

	a->kind = ANSWER_ENDED;
	if (!t->used || !t->pending || !t->task || pidns_state(t->task) == PIDNS_ZOMBIE ||
	    pidns_state(t->task) == PIDNS_LEFT || pidns_state(t->task) == PIDNS_DYING)
		return;
	r = pidns_state(t->task) == PIDNS_STOPPED ? PIDNS_BLOCKS : pidns_returned(t->task, &found);
	if (r == 0 && t->wait_is_waitid)
		r = found.pid;
	else if (r > 0 && t->wait_unreadable)
		r = -EFAULT;
	put_result(a, r);
	if (a->kind == ANSWER_BLOCKS)
		return;
	if (a->kind == ANSWER_OK)
		put_waited(a, &found, t->wait_is_waitid);
	t->pending = false;
}

/* Handled signals of the whole process. */
static void tell_signals(const struct model_world *w, const struct op *op, struct op_answer *a)
{
	const struct model_task *actor = w->task[op->actor];
	int64_t sig = op->arg[KEY_SIG];

	a->kind = ANSWER_OK;
	for (int i = 0; i < w->task_end && sig > 0 && sig <= 64; i++) {
		const struct model_task *t = w->task[i];

		if (!t->used || t->tgid != actor->tgid || t->handled[sig] == 0)
			continue;
		a->field[FIELD_RET] += t->handled[sig];
		a->field[FIELD_FROM] = t->from[sig];
	}
}

void model_step(struct model_world *w, const struct op *op, struct op_answer *a)
{
	struct model_task *t = model_task(w, op->actor);

	a->kind = ANSWER_ENDED;
	if (!t)
		return;
	if (op->code == OP_RETURNS) {
		tell_return(t, a);
		return;
	}
	if (op->code == OP_SIGNALS) {
		tell_signals(w, op, a);
		return;
	}
	if (op->code == OP_LOOK) {
		describe(w, t, a);
		return;
	}
	if (t->pending) {
		tell_return(t, a);
		a->kind = a->kind == ANSWER_OK ? ANSWER_STUCK : a->kind;
	} else if (t->used && t->task && t->files) { /* the dead have none */
		t->has_returned = false;
		if (op->code == OP_CLONE3 || op->code == OP_CLONE || op->code == OP_FORK)
			do_clone(w, t, op, a);
		else if (op->code == OP_READ ||
			 op->code == OP_FDINFO) /* a number that was read may be negative */
			put_kind(a, call(w, t, op, a));
		else
			put_result(a, call(w, t, op, a));
		t->pending = a->kind == ANSWER_BLOCKS;
		if (op->code == OP_EXEC && a->kind == ANSWER_OK)
			put_numbers(w, pidns_task_id(t->task), a);
	}
	w->broken = w->config.unchecked ? NULL : pidns_check(w->world);
	if (w->broken)
		a->kind = ANSWER_STUCK;
}
