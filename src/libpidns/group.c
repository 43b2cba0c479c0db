/* SPDX-License-Identifier: MIT */
/*
 * group.c: process groups and sessions.
 *
 * Owns:    a process's PGID and SID link.
 * Keeps:   (G1) all members of a group are in one session (I4);
 *          (G2) a session's founder stays in the group that it founded with it (I5).
 */
#include "internal.h"

void pidns__links_new(struct pidns_process *p, struct pidns_id *tgid, struct pidns_id *pgid,
		      struct pidns_id *sid)
{
	pidns_attach(&p->link[PIDNS_TGID], tgid, PIDNS_TGID);
	pidns_attach(&p->link[PIDNS_PGID], pgid, PIDNS_PGID);
	pidns_attach(&p->link[PIDNS_SID], sid, PIDNS_SID);
}

static bool leads_session(const struct pidns_process *p)
{
	return p->link[PIDNS_SID].id == p->link[PIDNS_TGID].id;
}

int32_t pidns_setsid(struct pidns_task *self)
{
	struct pidns_process *p = self->process;
	struct pidns_id *own = p->link[PIDNS_TGID].id;
	int32_t r = -PIDNS_EPERM;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (!leads_session(p) && !pidns_id_is_held(own, PIDNS_PGID)) {
		pidns_change(&p->link[PIDNS_PGID], own, PIDNS_PGID);
		pidns_change(&p->link[PIDNS_SID], own, PIDNS_SID);
		r = pidns__seen(own, self);
	}
	return pidns__end_call(self->world, r);
}

/* Whether self may move that process, asked in the order of R6.34 to R6.37. */
static int32_t may_move(const struct pidns_task *self, const struct pidns_task *t)
{
	const struct pidns_process *own = self->process, *p = t->process;

	if (!pidns__is_leader(t))
		return -PIDNS_EINVAL;
	if (t->parent && t->parent->process == own) {
		if (p->link[PIDNS_SID].id != own->link[PIDNS_SID].id)
			return -PIDNS_EPERM;
		if (p->has_execed)
			return -PIDNS_EACCES;
	} else if (p != own) {
		return -PIDNS_ESRCH;
	}
	return leads_session(p) ? -PIDNS_EPERM : 0;
}

static int32_t move(const struct pidns_task *self, struct pidns_process *p, int32_t pgid, bool founds)
{
	struct pidns_id *group = founds ? p->link[PIDNS_TGID].id : pidns_find(pidns__ns(self), pgid);
	struct pidns_task *member;

	if (!founds) {
		member = group ? pidns_id_task(group, PIDNS_PGID) : NULL;
		if (!member || member->process->link[PIDNS_SID].id != self->process->link[PIDNS_SID].id)
			return -PIDNS_EPERM;
	}
	if (p->link[PIDNS_PGID].id != group)
		pidns_change(&p->link[PIDNS_PGID], group, PIDNS_PGID);
	return 0;
}

int32_t pidns_setpgid(struct pidns_task *self, int32_t pid, int32_t pgid)
{
	struct pidns_task *t = pid ? pidns__task_at(self, pid) : self->process->leader;
	int32_t r;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (!pid)
		pid = pidns__seen(t->pid.id, self);
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		r = -PIDNS_EINVAL;
	else if (!t)
		r = -PIDNS_ESRCH;
	else
		r = may_move(self, t);
	if (r == 0)
		r = move(self, t->process, pgid, pgid == pid);
	return pidns__end_call(self->world, r);
}

static int32_t get(struct pidns_task *self, int32_t pid, enum pidns_kind kind)
{
	struct pidns_task *t;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	t = pid ? pidns__task_at(self, pid) : self;
	return pidns__end_call(self->world, t ? pidns__seen(pidns__link_id(t, kind), self) : -PIDNS_ESRCH);
}

int32_t pidns_getpgid(struct pidns_task *self, int32_t pid)
{
	return get(self, pid, PIDNS_PGID);
}

int32_t pidns_getsid(struct pidns_task *self, int32_t pid)
{
	return get(self, pid, PIDNS_SID);
}

int32_t pidns_getpid(struct pidns_task *self)
{
	return get(self, 0, PIDNS_TGID);
}

int32_t pidns_gettid(struct pidns_task *self)
{
	return get(self, 0, PIDNS_PID);
}

int32_t pidns_getppid(struct pidns_task *self)
{
	const struct pidns_task *parent = pidns_parent(self);

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	return pidns__end_call(self->world,
			       parent ? pidns__seen(parent->process->link[PIDNS_TGID].id, self) : 0);
}

/* ---------------------------------------------------------------------------------- orphaned groups -- */

/* R6.47.  `but` is on its way out and does not count. */
bool pidns__group_is_orphaned(const struct pidns_id *group, const struct pidns_process *but)
{
	for (struct pidns_link *l = group->u.first[PIDNS_PGID]; l; l = l->next) {
		const struct pidns_process *p = pidns__of(l - PIDNS_PGID, struct pidns_process, link);
		const struct pidns_task *parent = p->leader->parent;

		if (p == but || p->leader->is_zombie || !parent ||
		    parent->process == parent->world->boot->process)
			continue;
		if (parent->process->link[PIDNS_PGID].id != group &&
		    parent->process->link[PIDNS_SID].id == p->link[PIDNS_SID].id)
			return false;
	}
	return true;
}

static bool has_stopped_member(const struct pidns_id *group)
{
	for (struct pidns_link *l = group->u.first[PIDNS_PGID]; l; l = l->next)
		if (pidns__of(l - PIDNS_PGID, struct pidns_process, link)->stop_signal)
			return true;
	return false;
}

static void send_group(const struct pidns_id *group, int32_t sig)
{
	static const struct pidns__sender kernel = { .force = true };

	for (struct pidns_link *l = group->u.first[PIDNS_PGID]; l; l = l->next)
		pidns__send_process(pidns__of(l - PIDNS_PGID, struct pidns_process, link)->leader, sig,
				    &kernel);
}

void pidns__orphan_check(struct pidns_process *p, const struct pidns_task *was)
{
	const struct pidns_task *parent = was ? was : p->leader->parent;
	const struct pidns_id *group = p->link[PIDNS_PGID].id;

	if (!parent || parent->process->link[PIDNS_PGID].id == group ||
	    parent->process->link[PIDNS_SID].id != p->link[PIDNS_SID].id)
		return;
	if (!has_stopped_member(group) || !pidns__group_is_orphaned(group, was ? NULL : p))
		return;
	send_group(group, PIDNS_SIGHUP);
	send_group(group, PIDNS_SIGCONT);
}
