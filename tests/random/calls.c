/* SPDX-License-Identifier: MIT */
/*
 * calls.c: the arguments of each random call.
 *
 * Owns:  the table of calls with their weights.
 * Keeps: (G2) nothing whose answer the kernel leaves open is asked: a wait for anybody only while one child at the most has
 *             news, no signal that dumps core.
 */
#include "maker.h"

#include "libpidns/internal.h"

#include <limits.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------- births -- */

static void set_tid(struct maker *m, bool newpid)
{
	struct op *op = &m->op->op;
	int levels = m->d->nspid_len[op->actor] + newpid;
	/* levels above `outer` are the machine's: none is named, but for lists that are too long anyway */
	uint32_t len = maker_percent(m, 3) ? 34 - maker_below(m, 2) : 1 + maker_below(m, (uint32_t)levels);

	op->has |= 1ULL << KEY_SET_TID;
	op->set_tid_len = len < OP_SET_TID_MAX ? len : OP_SET_TID_MAX;
	for (uint32_t i = 0; i < op->set_tid_len; i++) {
		op->set_tid[i] = (int32_t)ONE_OF(m, 50, 51, 52, 60, 300, 500, 501, 502, 503, 504, 505, 510,
						 700, 900, 1200);
		if (maker_percent(m, 5))
			op->set_tid[i] =
				(int32_t)ONE_OF(m, 0, -1, INT_MIN, INT_MAX, 1, 4194303, 4194304, 400);
		if (maker_percent(m, 15))
			m->op->tid_ref[i] = (int16_t)(maker_task_index(m) + 1);
	}
	if (newpid && maker_percent(m, 85)) {
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
		if (maker_percent(m, single[i].percent))
			flags |= single[i].flag;
	if (m->op->op.actor == CASE_OUTER) /* its threads could end the world */
		flags &= ~PIDNS_CLONE_THREAD;
	return flags;
}

static void make_clone3(struct maker *m)
{
	uint64_t flags = clone_flags(m);

	maker_set(m, KEY_FLAGS, (int64_t)flags);
	if (maker_percent(m, 55))
		set_tid(m, (flags & PIDNS_CLONE_NEWPID) != 0);
	if (maker_percent(m, 10))
		maker_set(m, KEY_EXIT_SIGNAL, ONE_OF(m, 0, 10, 9, 34, 64, 65, 17));
	if ((flags & PIDNS_CLONE_PIDFD) && maker_percent(m, 10))
		maker_set(m, KEY_PIDFD, AT_UNREADABLE);
	if (flags & PIDNS_CLONE_INTO_CGROUP)
		maker_set(m, KEY_CGROUP, 9999);
}

static void make_record(struct maker *m)
{
	maker_set(m, KEY_SIZE, ONE_OF(m, 0, 63, 64, 72, 80, 87, 88, 96, 4096, 4097));
	if (m->op->op.arg[KEY_SIZE] && maker_percent(m, 30))
		maker_set(m, KEY_LAST_BYTE, 1);
	if (maker_percent(m, 20))
		maker_set(m, KEY_RECORD, ONE_OF(m, AT_NULL, AT_PAGE_END));
}

static void make_clone(struct maker *m)
{
	uint64_t flags = clone_flags(m) & 0xffffffff & ~PIDNS_CLONE_PIDFD;

	maker_set(m, KEY_FLAGS, (int64_t)flags);
}

static void make_fork(struct maker *m)
{
	(void)m;
}

/* -------------------------------------------------------------------------------------- ends, waits -- */

static void make_exit(struct maker *m)
{
	maker_set(m, KEY_STATUS, maker_below(m, 300));
}

static void make_nothing(struct maker *m)
{
	(void)m;
}

/* How many children of the actor's process have something to report. */
static int news(const struct maker *m)
{
	const struct pidns_task *self = maker_task(m, m->op->op.actor)->task;
	int count = 0;

	for (int i = 0; i < m->d->model->task_end; i++) {
		const struct model_task *t = maker_task(m, i);
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

	if (maker_percent(m, 55))
		options |= PIDNS_WNOHANG;
	if (maker_percent(m, 35))
		options |= PIDNS_WUNTRACED;
	if (maker_percent(m, 25))
		options |= PIDNS_WCONTINUED;
	if (maker_percent(m, 8))
		options |= PIDNS_WNOTHREAD;
	if (maker_percent(m, 12))
		options |= maker_percent(m, 50) ? PIDNS_WALL : PIDNS_WCLONE;
	if (waitid && maker_percent(m, 85))
		options |= PIDNS_WEXITED;
	if (waitid && maker_percent(m, 20))
		options |= PIDNS_WNOWAIT;
	if (maker_percent(m, 2))
		options |= 0x10;
	return options;
}

static void make_wait4(struct maker *m)
{
	maker_set(m, KEY_OPTIONS, wait_options(m, false));
	if (news(m) <= 1 && maker_percent(m, 45)) {
		if (maker_percent(m, 60))
			maker_set(m, KEY_PID, -1);
		else
			maker_refer(m, KEY_PID, maker_child(m), true);
	} else {
		maker_number(m, KEY_PID, maker_child(m));
		if (m->op->op.arg[KEY_PID] == -1 || m->op->op.arg[KEY_PID] == 0)
			maker_refer(m, KEY_PID, maker_child(m), false);
	}
	if (maker_percent(m, 2))
		maker_set(m, KEY_AT, AT_UNREADABLE);
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
	return len > 0 ? own[maker_below(m, len)] : -1;
}

static int64_t a_descriptor(struct maker *m)
{
	int64_t own = own_descriptor(m, false);

	if (own >= 0 && maker_percent(m, 60))
		return own;
	return maker_percent(m, 90) ? 3 + maker_below(m, 4) : ONE_OF(m, 60, -1);
}

/* The one call that a pidfd which does not block refuses. */
static bool waits_by_own_pidfd(struct maker *m)
{
	int64_t own = own_descriptor(m, true);

	if (own < 0 || maker_percent(m, 60))
		return false;
	maker_set(m, KEY_IDTYPE, PIDNS_P_PIDFD);
	maker_set(m, KEY_ID, own);
	maker_set(m, KEY_OPTIONS, wait_options(m, true) & ~(int64_t)PIDNS_WNOHANG);
	return true;
}

static void make_waitid(struct maker *m)
{
	uint32_t type = maker_below(m, 4);

	if (waits_by_own_pidfd(m))
		return;
	maker_set(m, KEY_OPTIONS, wait_options(m, true));
	if ((type == PIDNS_P_ALL || type == PIDNS_P_PGID) && news(m) > 1)
		type = PIDNS_P_PID;
	maker_set(m, KEY_IDTYPE, maker_percent(m, 2) ? 7 : type);
	if (type == PIDNS_P_PIDFD)
		maker_set(m, KEY_ID, a_descriptor(m));
	else
		maker_number(m, KEY_ID, maker_child(m));
	if (type == PIDNS_P_PGID && news(m) > 1)
		maker_set(m, KEY_ID, 4999);
}

/* ------------------------------------------------------------------------------------------ signals -- */

static void make_kill(struct maker *m)
{
	maker_set(m, KEY_SIG, maker_signal(m));
	if (maker_percent(m, 70))
		maker_number(m, KEY_PID, maker_task_index(m));
	else if (maker_percent(m, 60))
		maker_refer(m, KEY_PID, maker_task_index(m), true);
	else
		maker_set(m, KEY_PID, ONE_OF(m, 0, -1, INT_MIN));
	/* a broadcast death ends too many lists */
	if (m->op->op.arg[KEY_PID] == -1 && m->op->ref[KEY_PID] == 0 && maker_percent(m, 70))
		maker_set(m, KEY_SIG, ONE_OF(m, 0, 17, 18, 10));
}

static void make_tkill(struct maker *m)
{
	maker_number(m, KEY_TID, maker_task_index(m));
	maker_set(m, KEY_SIG, maker_signal(m));
}

static void make_tgkill(struct maker *m)
{
	int i = maker_task_index(m);

	maker_number(m, KEY_TID, i);
	maker_number(m, KEY_TGID, maker_percent(m, 60) ? i : maker_task_index(m));
	maker_set(m, KEY_SIG, maker_signal(m));
}

static void make_sigaction(struct maker *m)
{
	maker_set(m, KEY_SIG, ONE_OF(m, 10, 15, 17, 17, 17, 18, 20, 1, 34, 9, 65));
	maker_set(m, KEY_HANDLER, ONE_OF(m, 0, 1, 1, 2, 2));
	maker_set(m, KEY_FLAGS, ONE_OF(m, 0, 0, 0, 1, 2, 3, 0x10000000));
}

static void make_sigprocmask(struct maker *m)
{
	maker_set(m, KEY_HOW, ONE_OF(m, 0, 0, 1, 2, 9));
	maker_set(m, KEY_SIG, ONE_OF(m, 10, 15, 17, 18, 20, 1, 34, 9, 0));
}

static void make_sigpending(struct maker *m)
{
	maker_set(m, KEY_SIG, ONE_OF(m, 10, 15, 17, 20, 1, 34));
}

/* ------------------------------------------------------------------------------ groups, namespaces -- */

static void make_setpgid(struct maker *m)
{
	uint32_t how = maker_below(m, 10);

	if (how < 4)
		maker_set(m, KEY_PID, 0);
	else
		maker_number(m, KEY_PID, maker_child(m));
	if (how % 2)
		maker_set(m, KEY_PGID, 0);
	else
		maker_number(m, KEY_PGID, maker_task_index(m));
}

static void make_about(struct maker *m)
{
	if (maker_percent(m, 20))
		maker_set(m, KEY_PID, 0);
	else
		maker_number(m, KEY_PID, maker_task_index(m));
}

static void make_unshare(struct maker *m)
{
	maker_set(m, KEY_FLAGS,
		  maker_percent(m, 90) ? (int64_t)PIDNS_CLONE_NEWPID : (int64_t)PIDNS_CLONE_NEWUSER);
}

static void make_setns(struct maker *m)
{
	maker_set(m, KEY_FD, a_descriptor(m));
	maker_set(m, KEY_FLAGS, ONE_OF(m, 0x20000000, 0x20000000, 0x20000000, 0, 0x4000000));
}

static void make_pidfd_open(struct maker *m)
{
	maker_number(m, KEY_PID, maker_percent(m, 50) ? maker_child(m) : maker_task_index(m));
	maker_set(m, KEY_FLAGS, ONE_OF(m, 0, 0, 0, 0200, 04000, 04000, 1));
}

static void make_descriptor(struct maker *m)
{
	maker_set(m, KEY_FD, a_descriptor(m));
}

static void make_send(struct maker *m)
{
	maker_set(m, KEY_FD, maker_percent(m, 90) ? a_descriptor(m) : ONE_OF(m, -10000, -10001));
	maker_set(m, KEY_SIG, maker_signal(m));
	maker_set(m, KEY_FLAGS, ONE_OF(m, 0, 0, 0, 1, 2, 4, 3, 8));
}

static void make_open(struct maker *m)
{
	maker_set(m, KEY_FILE,
		  ONE_OF(m, FILE_NS_PID, FILE_NS_PID_FOR_CHILDREN, FILE_NS_UTS, FILE_NULL, FILE_NS_LAST_PID));
}

static void make_read(struct maker *m)
{
	maker_set(m, KEY_FILE, ONE_OF(m, FILE_NS_LAST_PID, FILE_PID_MAX));
}

static void make_write(struct maker *m)
{
	if (maker_percent(m, 75)) {
		maker_set(m, KEY_FILE, FILE_NS_LAST_PID);
		maker_set(m, KEY_VALUE,
			  ONE_OF(m, 0, -1, 49, 59, 298, 299, 300, 499, 699, 4194303, 4194304, 4194305,
				 1LL << 32));
	} else {
		maker_set(m, KEY_FILE, FILE_PID_MAX);
		maker_set(m, KEY_VALUE, ONE_OF(m, 0, 300, 301, 400, 1000, 5000, 4194304, 4194305));
	}
}

static void make_readlink(struct maker *m)
{
	maker_set(m, KEY_FILE, ONE_OF(m, FILE_NS_PID, FILE_NS_PID_FOR_CHILDREN));
}

static void make_prctl(struct maker *m)
{
	if (maker_percent(m, 60)) {
		maker_set(m, KEY_OPTION, 36);
		maker_set(m, KEY_ARG, maker_percent(m, 75));
	} else {
		maker_set(m, KEY_OPTION, 1);
		maker_set(m, KEY_ARG, ONE_OF(m, 0, 10, 9, 18, 65));
	}
}

static void make_setresuid(struct maker *m)
{
	maker_set(m, KEY_UID, ONE_OF(m, 65534, 65534, 0));
}

static void make_capset(struct maker *m)
{
	maker_set(m, KEY_CAPS, ONE_OF(m, 0, 1LL << 5, 1LL << 21, 1LL << 40, 1LL << 7));
}

static void make_reboot(struct maker *m)
{
	maker_set(m, KEY_OPTION, ONE_OF(m, 0x01234567, 0xCDEF0123, 0xD000FCE2));
}

const struct maker_call maker_calls[] = {
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

const size_t maker_calls_len = sizeof maker_calls / sizeof *maker_calls;
