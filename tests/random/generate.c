/* SPDX-License-Identifier: MIT */
/*
 * generate.c: the next random operation: which call, by whom, with what.
 *
 * Owns:  the table of calls with their weights.
 * Keeps: (G1) arguments come from small sets in which they meet: numbers of tasks alive, dead and gone, a few free ones, the
 *             limits and what lies beyond them;
 *        (G2) nothing whose answer the kernel leaves open is asked: a wait for anybody only while one child at the most has
 *             news, no signal that dumps core.
 */
#include "random.h"

#include "libpidns/internal.h"

#include <limits.h>
#include <string.h>

struct maker {
	struct random_rng *rng;
	const struct duel *d;
	struct random_op *op;
};

static uint32_t below(struct maker *m, uint32_t n)
{
	return rng_below(m->rng, n);
}

static bool percent(struct maker *m, uint32_t p)
{
	return rng_percent(m->rng, p);
}

static void set(struct maker *m, enum op_key key, int64_t value)
{
	m->op->op.arg[key] = value;
	m->op->op.has |= 1ULL << key;
}

static int64_t one_of(struct maker *m, const int64_t *values, uint32_t len)
{
	return values[below(m, len)];
}

#define ONE_OF(m, ...)                              \
	one_of(m, (const int64_t[]){ __VA_ARGS__ }, \
	       sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

static const struct model_task *task(const struct maker *m, int i)
{
	return m->d->model->task[i];
}

static bool can_act(const struct model_task *t)
{
	return t->used && t->task && !t->pending && pidns_state(t->task) == PIDNS_RUNNING;
}

static int pick_actor(struct maker *m)
{
	int n = 0, chosen = CASE_INIT;

	for (int i = 0; i < m->d->model->task_end; i++)
		if (can_act(task(m, i)) && (i != CASE_OUTER || percent(m, 20)) &&
		    below(m, (uint32_t)++n) == 0)
			chosen = i;
	return can_act(task(m, chosen)) ? chosen : CASE_OUTER;
}

/* Any task that has ever been, those still there preferred. */
static int pick_task(struct maker *m)
{
	int i = (int)below(m, (uint32_t)m->d->model->task_end);

	for (int tries = 0; tries < 3 && !(task(m, i)->used && task(m, i)->task); tries++)
		i = (int)below(m, (uint32_t)m->d->model->task_end);
	return i;
}

static void refer(struct maker *m, enum op_key key, int to, bool negative)
{
	m->op->ref[key] = (int16_t)(to + 1);
	m->op->negative[key] = negative;
	m->op->op.has |= 1ULL << key;
}

/* A child of the actor's thread or process, or anybody. */
static int pick_child(struct maker *m)
{
	const struct pidns_task *self = task(m, m->op->op.actor)->task;
	int n = 0, chosen = -1;

	for (int i = 0; i < m->d->model->task_end; i++) {
		const struct model_task *t = task(m, i);
		const struct pidns_task *parent = t->used && t->task ? pidns_parent(t->task) : NULL;

		if (parent && pidns_task_process(parent) == pidns_task_process(self) &&
		    below(m, (uint32_t)++n) == 0)
			chosen = i;
	}
	return chosen >= 0 && percent(m, 85) ? chosen : pick_task(m);
}

/* Whose pidfd or namespace: somebody visible. */
static int64_t odd_number(struct maker *m)
{
	return ONE_OF(m, 0, -1, 1, 4999, 500, 77, INT_MAX, INT_MIN);
}

static void number(struct maker *m, enum op_key key, int to)
{
	if (percent(m, 88))
		refer(m, key, to, false);
	else
		set(m, key, odd_number(m));
}

static int64_t a_signal(struct maker *m)
{
	if (percent(m, 4))
		return ONE_OF(m, 65, -1, 64);
	return ONE_OF(m, 0, 9, 15, 10, 10, 17, 18, 18, 19, 20, 21, 1, 34);
}

/* ------------------------------------------------------------------------------------------- births -- */

static void set_tid(struct maker *m, bool newpid)
{
	struct op *op = &m->op->op;
	int levels = m->d->nspid_len[op->actor] + newpid;
	/* levels above `outer` are the machine's: none is named, but for lists that are too long anyway */
	uint32_t len = percent(m, 3) ? 34 - below(m, 2) : 1 + below(m, (uint32_t)levels);

	op->has |= 1ULL << KEY_SET_TID;
	op->set_tid_len = len < OP_SET_TID_MAX ? len : OP_SET_TID_MAX;
	for (uint32_t i = 0; i < op->set_tid_len; i++) {
		op->set_tid[i] = (int32_t)ONE_OF(m, 50, 51, 52, 60, 300, 500, 501, 502, 503, 504, 505, 510,
						 700, 900, 1200);
		if (percent(m, 5))
			op->set_tid[i] =
				(int32_t)ONE_OF(m, 0, -1, INT_MIN, INT_MAX, 1, 4194303, 4194304, 400);
		if (percent(m, 15))
			m->op->tid_ref[i] = (int16_t)(pick_task(m) + 1);
	}
	if (newpid && percent(m, 85)) {
		op->set_tid[0] = 1;
		m->op->tid_ref[0] = 0;
	}
}

static uint64_t clone_flags(struct maker *m)
{
	static const struct {
		uint64_t flag;
		uint32_t percent;
	} single[] = {
		{ PIDNS_CLONE_THREAD, 18 },
		{ PIDNS_CLONE_NEWPID, 10 },
		{ PIDNS_CLONE_PARENT, 10 },
		{ PIDNS_CLONE_PIDFD, 8 },
		{ PIDNS_CLONE_PARENT_SETTID, 4 },
		{ PIDNS_CLONE_CHILD_SETTID, 4 },
		{ PIDNS_CLONE_NEWUSER, 2 },
		{ PIDNS_CLONE_CLEAR_SIGHAND, 2 },
		{ PIDNS_CLONE_DETACHED, 1 },
		{ PIDNS_CLONE_INTO_CGROUP, 1 },
		{ 1ULL << 40, 1 },
		{ PIDNS_CLONE_SIGHAND, 1 },
		{ PIDNS_CLONE_VM | PIDNS_CLONE_SIGHAND, 3 },
	};
	uint64_t flags = 0;

	for (size_t i = 0; i < sizeof single / sizeof *single; i++)
		if (percent(m, single[i].percent))
			flags |= single[i].flag;
	if (m->op->op.actor == CASE_OUTER) /* its threads could end the world */
		flags &= ~PIDNS_CLONE_THREAD;
	return flags;
}

static void make_clone3(struct maker *m)
{
	uint64_t flags = clone_flags(m);

	set(m, KEY_FLAGS, (int64_t)flags);
	if (percent(m, 55))
		set_tid(m, (flags & PIDNS_CLONE_NEWPID) != 0);
	if (percent(m, 10))
		set(m, KEY_EXIT_SIGNAL, ONE_OF(m, 0, 10, 9, 34, 64, 65, 17));
	if ((flags & PIDNS_CLONE_PIDFD) && percent(m, 10))
		set(m, KEY_PIDFD, AT_UNREADABLE);
	if (flags & PIDNS_CLONE_INTO_CGROUP)
		set(m, KEY_CGROUP, 9999);
}

static void make_record(struct maker *m)
{
	set(m, KEY_SIZE, ONE_OF(m, 0, 63, 64, 72, 80, 87, 88, 96, 4096, 4097));
	if (m->op->op.arg[KEY_SIZE] && percent(m, 30))
		set(m, KEY_LAST_BYTE, 1);
	if (percent(m, 20))
		set(m, KEY_RECORD, ONE_OF(m, AT_NULL, AT_PAGE_END));
}

static void make_clone(struct maker *m)
{
	uint64_t flags = clone_flags(m) & 0xffffffff & ~PIDNS_CLONE_PIDFD;

	set(m, KEY_FLAGS, (int64_t)flags);
}

static void make_fork(struct maker *m)
{
	(void)m;
}

/* -------------------------------------------------------------------------------------- ends, waits -- */

static void make_exit(struct maker *m)
{
	set(m, KEY_STATUS, below(m, 300));
}

static void make_nothing(struct maker *m)
{
	(void)m;
}

/* How many children of the actor's process have something to report. */
static int news(const struct maker *m)
{
	const struct pidns_task *self = task(m, m->op->op.actor)->task;
	int count = 0;

	for (int i = 0; i < m->d->model->task_end; i++) {
		const struct model_task *t = task(m, i);
		const struct pidns_task *parent = t->used && t->task ? pidns_parent(t->task) : NULL;

		if (!parent || pidns_leader(t->task) != t->task ||
		    pidns_task_process(parent) != pidns_task_process(self))
			continue;
		count += pidns_state(t->task) == PIDNS_ZOMBIE || pidns_state(t->task) == PIDNS_STOPPED ||
			 !t->task->process->continue_told;
	}
	return count;
}

static int64_t wait_options(struct maker *m, bool waitid)
{
	int64_t options = 0;

	if (percent(m, 55))
		options |= PIDNS_WNOHANG;
	if (percent(m, 35))
		options |= PIDNS_WUNTRACED;
	if (percent(m, 25))
		options |= PIDNS_WCONTINUED;
	if (percent(m, 8))
		options |= PIDNS_WNOTHREAD;
	if (percent(m, 12))
		options |= percent(m, 50) ? PIDNS_WALL : PIDNS_WCLONE;
	if (waitid && percent(m, 85))
		options |= PIDNS_WEXITED;
	if (waitid && percent(m, 20))
		options |= PIDNS_WNOWAIT;
	if (percent(m, 2))
		options |= 0x10;
	return options;
}

static void make_wait4(struct maker *m)
{
	set(m, KEY_OPTIONS, wait_options(m, false));
	if (news(m) <= 1 && percent(m, 45)) {
		if (percent(m, 60))
			set(m, KEY_PID, -1);
		else
			refer(m, KEY_PID, pick_child(m), true);
	} else {
		number(m, KEY_PID, pick_child(m));
		if (m->op->op.arg[KEY_PID] == -1 || m->op->op.arg[KEY_PID] == 0)
			refer(m, KEY_PID, pick_child(m), false);
	}
	if (percent(m, 2))
		set(m, KEY_AT, AT_UNREADABLE);
}

/* Some descriptor that an earlier operation may have made: they are given in turn from 3 on. */
/* One that the actor has, or -1. */
static int64_t own_descriptor(struct maker *m, bool pidfd)
{
	const struct model_task *t = model_task(m->d->model, m->op->op.actor);
	int64_t own[MODEL_FILES];
	uint32_t len = 0;

	for (int64_t fd = 0; t && t->files && fd < MODEL_FILES; fd++)
		if (t->files->file[fd] && (!pidfd || t->files->file[fd]->kind == MODEL_PIDFD))
			own[len++] = fd;
	return len > 0 ? own[below(m, len)] : -1;
}

static int64_t a_descriptor(struct maker *m)
{
	int64_t own = own_descriptor(m, false);

	if (own >= 0 && percent(m, 60))
		return own;
	return percent(m, 90) ? 3 + below(m, 4) : ONE_OF(m, 60, -1);
}

/* The one call that a pidfd which does not block refuses. */
static bool waits_by_own_pidfd(struct maker *m)
{
	int64_t own = own_descriptor(m, true);

	if (own < 0 || percent(m, 60))
		return false;
	set(m, KEY_IDTYPE, PIDNS_P_PIDFD);
	set(m, KEY_ID, own);
	set(m, KEY_OPTIONS, wait_options(m, true) & ~(int64_t)PIDNS_WNOHANG);
	return true;
}

static void make_waitid(struct maker *m)
{
	uint32_t type = below(m, 4);

	if (waits_by_own_pidfd(m))
		return;
	set(m, KEY_OPTIONS, wait_options(m, true));
	if ((type == PIDNS_P_ALL || type == PIDNS_P_PGID) && news(m) > 1)
		type = PIDNS_P_PID;
	set(m, KEY_IDTYPE, percent(m, 2) ? 7 : type);
	if (type == PIDNS_P_PIDFD)
		set(m, KEY_ID, a_descriptor(m));
	else
		number(m, KEY_ID, pick_child(m));
	if (type == PIDNS_P_PGID && news(m) > 1)
		set(m, KEY_ID, 4999);
}

/* ------------------------------------------------------------------------------------------ signals -- */

static void make_kill(struct maker *m)
{
	set(m, KEY_SIG, a_signal(m));
	if (percent(m, 70))
		number(m, KEY_PID, pick_task(m));
	else if (percent(m, 60))
		refer(m, KEY_PID, pick_task(m), true);
	else
		set(m, KEY_PID, ONE_OF(m, 0, -1, INT_MIN));
	/* a broadcast death ends too many lists */
	if (m->op->op.arg[KEY_PID] == -1 && m->op->ref[KEY_PID] == 0 && percent(m, 70))
		set(m, KEY_SIG, ONE_OF(m, 0, 17, 18, 10));
}

static void make_tkill(struct maker *m)
{
	number(m, KEY_TID, pick_task(m));
	set(m, KEY_SIG, a_signal(m));
}

static void make_tgkill(struct maker *m)
{
	int i = pick_task(m);

	number(m, KEY_TID, i);
	number(m, KEY_TGID, percent(m, 60) ? i : pick_task(m));
	set(m, KEY_SIG, a_signal(m));
}

static void make_sigaction(struct maker *m)
{
	set(m, KEY_SIG, ONE_OF(m, 10, 15, 17, 17, 17, 18, 20, 1, 34, 9, 65));
	set(m, KEY_HANDLER, ONE_OF(m, 0, 1, 1, 2, 2));
	set(m, KEY_FLAGS, ONE_OF(m, 0, 0, 0, 1, 2, 3, 0x10000000));
}

static void make_sigprocmask(struct maker *m)
{
	set(m, KEY_HOW, ONE_OF(m, 0, 0, 1, 2, 9));
	set(m, KEY_SIG, ONE_OF(m, 10, 15, 17, 18, 20, 1, 34, 9, 0));
}

static void make_sigpending(struct maker *m)
{
	set(m, KEY_SIG, ONE_OF(m, 10, 15, 17, 20, 1, 34));
}

/* ------------------------------------------------------------------------------ groups, namespaces -- */

static void make_setpgid(struct maker *m)
{
	uint32_t how = below(m, 10);

	if (how < 4)
		set(m, KEY_PID, 0);
	else
		number(m, KEY_PID, pick_child(m));
	if (how % 2)
		set(m, KEY_PGID, 0);
	else
		number(m, KEY_PGID, pick_task(m));
}

static void make_about(struct maker *m)
{
	if (percent(m, 20))
		set(m, KEY_PID, 0);
	else
		number(m, KEY_PID, pick_task(m));
}

static void make_unshare(struct maker *m)
{
	set(m, KEY_FLAGS, percent(m, 90) ? (int64_t)PIDNS_CLONE_NEWPID : (int64_t)PIDNS_CLONE_NEWUSER);
}

static void make_setns(struct maker *m)
{
	set(m, KEY_FD, a_descriptor(m));
	set(m, KEY_FLAGS, ONE_OF(m, 0x20000000, 0x20000000, 0x20000000, 0, 0x4000000));
}

static void make_pidfd_open(struct maker *m)
{
	number(m, KEY_PID, percent(m, 50) ? pick_child(m) : pick_task(m));
	set(m, KEY_FLAGS, ONE_OF(m, 0, 0, 0, 0200, 04000, 04000, 1));
}

static void make_descriptor(struct maker *m)
{
	set(m, KEY_FD, a_descriptor(m));
}

static void make_send(struct maker *m)
{
	set(m, KEY_FD, percent(m, 90) ? a_descriptor(m) : ONE_OF(m, -10000, -10001));
	set(m, KEY_SIG, a_signal(m));
	set(m, KEY_FLAGS, ONE_OF(m, 0, 0, 0, 1, 2, 4, 3, 8));
}

static void make_open(struct maker *m)
{
	set(m, KEY_FILE,
	    ONE_OF(m, FILE_NS_PID, FILE_NS_PID_FOR_CHILDREN, FILE_NS_UTS, FILE_NULL, FILE_NS_LAST_PID));
}

static void make_read(struct maker *m)
{
	set(m, KEY_FILE, ONE_OF(m, FILE_NS_LAST_PID, FILE_PID_MAX));
}

static void make_write(struct maker *m)
{
	if (percent(m, 75)) {
		set(m, KEY_FILE, FILE_NS_LAST_PID);
		set(m, KEY_VALUE,
		    ONE_OF(m, 0, -1, 49, 59, 298, 299, 300, 499, 699, 4194303, 4194304, 4194305, 1LL << 32));
	} else {
		set(m, KEY_FILE, FILE_PID_MAX);
		set(m, KEY_VALUE, ONE_OF(m, 0, 300, 301, 400, 1000, 5000, 4194304, 4194305));
	}
}

static void make_readlink(struct maker *m)
{
	set(m, KEY_FILE, ONE_OF(m, FILE_NS_PID, FILE_NS_PID_FOR_CHILDREN));
}

static void make_prctl(struct maker *m)
{
	if (percent(m, 60)) {
		set(m, KEY_OPTION, 36);
		set(m, KEY_ARG, percent(m, 75));
	} else {
		set(m, KEY_OPTION, 1);
		set(m, KEY_ARG, ONE_OF(m, 0, 10, 9, 18, 65));
	}
}

static void make_setresuid(struct maker *m)
{
	set(m, KEY_UID, ONE_OF(m, 65534, 65534, 0));
}

static void make_capset(struct maker *m)
{
	set(m, KEY_CAPS, ONE_OF(m, 0, 1LL << 5, 1LL << 21, 1LL << 40, 1LL << 7));
}

static void make_reboot(struct maker *m)
{
	set(m, KEY_OPTION, ONE_OF(m, 0x01234567, 0xCDEF0123, 0xD000FCE2));
}

static const struct {
	enum op_code code;
	uint32_t weight;
	void (*make)(struct maker *m);
} calls[] = {
	{ OP_CLONE3, 200, make_clone3 },
	{ OP_CLONE3, 8, make_record },
	{ OP_CLONE, 12, make_clone },
	{ OP_FORK, 40, make_fork },
	{ OP_EXIT, 30, make_exit },
	{ OP_EXIT_GROUP, 45, make_exit },
	{ OP_EXEC, 20, make_nothing },
	{ OP_WAIT4, 110, make_wait4 },
	{ OP_WAITID, 60, make_waitid },
	{ OP_KILL, 80, make_kill },
	{ OP_TKILL, 12, make_tkill },
	{ OP_TGKILL, 12, make_tgkill },
	{ OP_SETSID, 18, make_nothing },
	{ OP_SETPGID, 50, make_setpgid },
	{ OP_GETPGID, 8, make_about },
	{ OP_GETSID, 8, make_about },
	{ OP_GETPID, 2, make_nothing },
	{ OP_GETTID, 2, make_nothing },
	{ OP_GETPPID, 3, make_nothing },
	{ OP_UNSHARE, 12, make_unshare },
	{ OP_SETNS, 16, make_setns },
	{ OP_PIDFD_OPEN, 22, make_pidfd_open },
	{ OP_PIDFD_SEND_SIGNAL, 18, make_send },
	{ OP_POLL, 12, make_descriptor },
	{ OP_CLOSE, 8, make_descriptor },
	{ OP_OPEN, 10, make_open },
	{ OP_READ, 8, make_read },
	{ OP_WRITE, 14, make_write },
	{ OP_READLINK, 4, make_readlink },
	{ OP_PRCTL, 14, make_prctl },
	{ OP_SIGACTION, 26, make_sigaction },
	{ OP_SIGPROCMASK, 16, make_sigprocmask },
	{ OP_SIGPENDING, 6, make_sigpending },
	{ OP_SETRESUID, 4, make_setresuid },
	{ OP_CAPSET, 4, make_capset },
	{ OP_GET_INFO, 5, make_descriptor },
	{ OP_CRASH, 4, make_nothing },
	{ OP_REBOOT, 2, make_reboot },
};

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

	for (i = 0; i < sizeof calls / sizeof *calls; i++)
		total += calls[i].weight;
	for (;;) {
		*op = (struct random_op){ 0 };
		op->op.actor = pick_actor(&m);
		at = rng_below(rng, total);
		for (i = 0; at >= calls[i].weight; i++)
			at -= calls[i].weight;
		op->op.code = (int32_t)calls[i].code;
		if (ends_world(d, calls[i].code, op->op.actor))
			continue;
		if (makes_task(calls[i].code)) {
			op->op.child = random_free_index(d);
			if (op->op.child < 0 || crowd(d) > 14)
				continue;
		}
		calls[i].make(&m);
		if (!is_left_out(d, &op->op))
			return;
	}
}
