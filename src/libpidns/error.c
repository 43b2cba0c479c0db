/* SPDX-License-Identifier: MIT */
/*
 * error.c: what failed, at which level, at which number, and who stands in the way.
 *
 * Owns:    struct pidns_error: nobody else writes one; the names of errors and holders.
 * Keeps:   it is filled where the failure is seen, by whoever knows the level.
 */
#include "internal.h"

int32_t pidns__fail_plain(struct pidns_error *err, int32_t code)
{
	return pidns__fail(err, code, NULL, -1, 0);
}

int32_t pidns__fail(struct pidns_error *err, int32_t code, const struct pidns_ns *ns, int32_t index,
		    int32_t number)
{
	if (err) {
		err->code = code;
		err->index = index;
		err->level = ns ? ns->level : -1;
		err->number = number;
		err->holder = PIDNS_HOLDER_NONE;
		err->task = NULL;
	}
	return code;
}

static enum pidns_holder holder_of_task(const struct pidns_task *t)
{
	if (!pidns__is_leader(t))
		return PIDNS_HOLDER_THREAD;
	if (t->is_zombie)
		return PIDNS_HOLDER_ZOMBIE;
	return t->left ? PIDNS_HOLDER_DEAD_LEADER : PIDNS_HOLDER_PROCESS;
}

bool pidns_who(struct pidns_ns *ns, int32_t nr, struct pidns_error *err)
{
	static const struct {
		enum pidns_kind kind;
		enum pidns_holder holder;
	} only[] = { { PIDNS_PGID, PIDNS_HOLDER_GROUP }, { PIDNS_SID, PIDNS_HOLDER_SESSION } };
	struct pidns_id *id = pidns_find(ns, nr);

	if (!id || !err)
		return id != NULL;
	err->holder = PIDNS_HOLDER_IDENTITY;
	err->task = ns->world->boot ? pidns_id_task(id, PIDNS_PID) : NULL;
	if (err->task) {
		err->holder = holder_of_task(err->task);
		return true;
	}
	for (int i = 0; ns->world->boot && i < 2; i++)
		if (id->u.first[only[i].kind]) {
			err->holder = only[i].holder;
			err->task = pidns_id_task(id, only[i].kind);
			break;
		}
	return true;
}

const char *pidns_errname(int32_t code)
{
	static const struct {
		int32_t code;
		const char *name;
	} names[] = {
		{ PIDNS_EPERM, "EPERM" },   { PIDNS_ENOENT, "ENOENT" }, { PIDNS_ESRCH, "ESRCH" },
		{ PIDNS_EINTR, "EINTR" },   { PIDNS_E2BIG, "E2BIG" },   { PIDNS_EBADF, "EBADF" },
		{ PIDNS_ECHILD, "ECHILD" }, { PIDNS_EAGAIN, "EAGAIN" }, { PIDNS_ENOMEM, "ENOMEM" },
		{ PIDNS_EACCES, "EACCES" }, { PIDNS_EFAULT, "EFAULT" }, { PIDNS_EEXIST, "EEXIST" },
		{ PIDNS_EINVAL, "EINVAL" }, { PIDNS_EMFILE, "EMFILE" }, { PIDNS_ENOTTY, "ENOTTY" },
		{ PIDNS_ENOSPC, "ENOSPC" }, { PIDNS_ENOSYS, "ENOSYS" }, { PIDNS_EREMOTE, "EREMOTE" },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].code == (code < 0 ? -code : code))
			return names[i].name;
	return "E?";
}

const char *pidns_holder_name(enum pidns_holder holder)
{
	static const char *const names[] = {
		[PIDNS_HOLDER_NONE] = "none",
		[PIDNS_HOLDER_PROCESS] = "process",
		[PIDNS_HOLDER_THREAD] = "thread",
		[PIDNS_HOLDER_ZOMBIE] = "zombie",
		[PIDNS_HOLDER_DEAD_LEADER] = "dead-leader",
		[PIDNS_HOLDER_GROUP] = "group",
		[PIDNS_HOLDER_SESSION] = "session",
		[PIDNS_HOLDER_IDENTITY] = "identity",
	};

	return (unsigned)holder < sizeof names / sizeof *names ? names[holder] : "?";
}
