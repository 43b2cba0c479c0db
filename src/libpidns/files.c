/* SPDX-License-Identifier: MIT */
/*
 * files.c: calls about namespaces: unshare, setns, and the two files of /proc/sys/kernel.
 *
 * Owns:    pidns_task.children_ns after birth.
 * Keeps:   (F1) a task's children's namespace is its own or one below it (I6).
 */
#include "internal.h"

static void set_children_ns(struct pidns_task *t, struct pidns_ns *ns) /* takes over a reference */
{
	pidns_ns_put(t->children_ns);
	t->children_ns = ns;
}

/* R5.2, R5.3, R5.6. */
int32_t pidns_unshare(struct pidns_task *self, uint64_t flags)
{
	struct pidns_world *w = self->world;
	struct pidns_cred cred = self->cred;
	struct pidns_user_ns *user = NULL;
	struct pidns_ns *ns = NULL;
	int32_t r = 0;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if ((flags & PIDNS_CLONE_NEWUSER) && self->process->threads_len > 1)
		return pidns__end_call(w, -PIDNS_EINVAL);
	if (flags & PIDNS_CLONE_NEWUSER)
		r = pidns__user_ns_new(self, &cred, &user);
	if (r == 0 && (flags & PIDNS_CLONE_NEWPID)) {
		if (!pidns__capable(&cred, cred.user_ns, PIDNS_CAP_SYS_ADMIN))
			r = -PIDNS_EPERM;
		else
			r = pidns__ns_make(self, pidns__ns(self), cred.user_ns, &ns);
	}
	if (r < 0) {
		if (user)
			pidns__user_ns_put(user);
		return pidns__end_call(w, r);
	}
	if (user) {
		pidns__user_ns_put(self->cred.user_ns);
		self->cred = cred;
	}
	if (ns)
		set_children_ns(self, ns);
	return pidns__end_call(w, 0);
}

/* R5.4. */
int32_t pidns_setns(struct pidns_task *self, struct pidns_ns *ns, uint64_t flags)
{
	struct pidns_world *w = self->world;
	int32_t r = 0;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (flags && flags != PIDNS_CLONE_NEWPID)
		r = -PIDNS_EINVAL;
	else if (!pidns__capable(&self->cred, ns->owner, PIDNS_CAP_SYS_ADMIN) ||
		 !pidns__capable(&self->cred, self->cred.user_ns, PIDNS_CAP_SYS_ADMIN))
		r = -PIDNS_EPERM;
	else if (!pidns_ns_contains(pidns__ns(self), ns))
		r = -PIDNS_EINVAL;
	if (r == 0)
		set_children_ns(self, pidns_ns_get(ns));
	return pidns__end_call(w, r);
}

int32_t pidns_last_pid_read(struct pidns_task *self)
{
	return pidns_ns_last(pidns__ns(self));
}

int32_t pidns_last_pid_write(struct pidns_task *self, int64_t value)
{
	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (!pidns__may_choose(self, pidns__ns(self)))
		return pidns__end_call(self->world, -PIDNS_EPERM);
	return pidns__end_call(self->world, pidns_ns_set_last(pidns__ns(self), value));
}

/* R3.22. */
int32_t pidns_pid_max_open(struct pidns_task *self, bool for_writing)
{
	const struct pidns_world *w = self->world;
	const struct pidns_user_ns *owner = &w->user_ns;
	const struct pidns_cred *c = &self->cred;
	bool ok = true;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (pidns__has(w, PIDNS_HAS_OWN_PID_MAX))
		owner = pidns__ns(self)->owner;
	if (for_writing)
		ok = pidns__capable(c, owner, PIDNS_CAP_SYS_ADMIN) ||
		     (owner->parent == NULL && c->euid == 0) ||
		     (owner->mapped && c->user_ns == owner && c->euid == owner->owner);
	return pidns__end_call(self->world, ok ? 0 : -PIDNS_EACCES);
}
