/* SPDX-License-Identifier: MIT */
/*
 * cred.c: who may: user namespaces, capabilities, limits.
 *
 * Owns:    pidns_user_ns; a task's cred.
 * Keeps:   (U1) a user namespace lives while a task's cred, a PID namespace or a user namespace below names it; the first one as
 *               long as its world.
 * Only what decides the answers of this library is here: see user_namespaces(7), capabilities(7).
 */
#include "internal.h"

struct pidns_user_ns *pidns__user_ns_get(struct pidns_user_ns *ns)
{
	pidns__count_up(&ns->refs);
	return ns;
}

void pidns__user_ns_put(struct pidns_user_ns *ns)
{
	while (ns && pidns__count_down(&ns->refs) && ns->parent) {
		struct pidns_user_ns *parent = ns->parent;

		pidns__lock(ns->world, &ns->world->lock);
		pidns__list_remove(&ns->node);
		pidns__unlock(ns->world, &ns->world->lock);
		pidns__free(ns->world, ns, sizeof *ns);
		ns = parent;
	}
}

/* user_namespaces(7): in a member with the capability, in a namespace around it, or as the owner, from its parent. */
bool pidns__capable(const struct pidns_cred *cred, const struct pidns_user_ns *ns, uint64_t caps)
{
	for (; ns; ns = ns->parent) {
		if (cred->user_ns == ns)
			return (cred->caps & caps) != 0;
		if (cred->user_ns == ns->parent && cred->euid == ns->owner)
			return true;
	}
	return false;
}

/* R2.6. */
bool pidns__may_choose(const struct pidns_task *t, const struct pidns_ns *ns)
{
	uint64_t caps = PIDNS_CAP_SYS_ADMIN;

	if (pidns__has(t->world, PIDNS_HAS_CHECKPOINT_RESTORE))
		caps |= PIDNS_CAP_CHECKPOINT_RESTORE;
	return pidns__capable(&t->cred, ns->owner, caps);
}

/* R1.31.  On success *cred is in the new namespace, with all rights there. */
int32_t pidns__user_ns_new(struct pidns_task *by, struct pidns_cred *cred, struct pidns_user_ns **out)
{
	struct pidns_user_ns *parent = by->cred.user_ns, *ns;

	if (parent->level == PIDNS_LEVEL_MAX)
		return -PIDNS_ENOSPC;
	if (!parent->mapped)
		return -PIDNS_EPERM;
	ns = pidns__alloc(by->world, sizeof *ns);
	if (!ns)
		return -PIDNS_ENOMEM;
	ns->world = by->world;
	ns->parent = pidns__user_ns_get(parent);
	ns->owner = by->cred.euid;
	ns->level = parent->level + 1;
	ns->max_ns = INT32_MAX;
	pidns__count_set(&ns->refs, 1);
	pidns__lock(ns->world, &ns->world->lock);
	pidns__list_add(&ns->world->user_namespaces, &ns->node);
	pidns__unlock(ns->world, &ns->world->lock);
	*cred = by->cred;
	cred->user_ns = ns;
	cred->caps = PIDNS_CAP_ALL;
	*out = ns;
	return 0;
}

int32_t pidns_uid_map(struct pidns_task *self, int64_t outer_uid)
{
	struct pidns_user_ns *ns = self->cred.user_ns;
	int32_t r = 0;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (ns->mapped || !pidns__capable(&self->cred, ns, PIDNS_CAP_SETUID) || outer_uid != self->cred.euid)
		r = -PIDNS_EPERM;
	else
		ns->mapped = true;
	return pidns__end_call(self->world, r);
}

/* R1.38: how many a user has made counts in the owner and in all around it; the limit is rarely set, so it is counted then. */
bool pidns__over_ns_limit(const struct pidns_world *w, const struct pidns_user_ns *owner, uint32_t user)
{
	for (; owner; user = owner->owner, owner = owner->parent) {
		int64_t count = 0;

		if (owner->max_ns == INT32_MAX)
			continue;
		pidns__each(node, &w->namespaces) {
			const struct pidns_ns *ns = pidns__of(node, struct pidns_ns, node);

			for (const struct pidns_user_ns *u = ns->owner; u; u = u->parent)
				count += u == owner && ns->user == user;
		}
		if (count >= owner->max_ns)
			return true;
	}
	return false;
}

/* user_namespaces(7): who is not mapped is the overflow user. */
uint32_t pidns__uid_seen(uint32_t uid, const struct pidns_cred *by)
{
	return by->user_ns->mapped ? uid : 65534;
}

/* R1.32. */
bool pidns__over_nproc(const struct pidns_task *t)
{
	const struct pidns_world *w = t->world;
	uint32_t count = 0;

	if (t->process->nproc == UINT32_MAX || t->cred.uid == 0 ||
	    pidns__capable(&t->cred, &w->user_ns, PIDNS_CAP_SYS_RESOURCE | PIDNS_CAP_SYS_ADMIN))
		return false;
	for (int32_t nr = 0;;) {
		const struct pidns_id *id = pidns_next(w->root, nr + 1);
		const struct pidns_task *other;

		if (!id)
			return count >= t->process->nproc;
		nr = pidns_id_number(id, 0);
		other = pidns_id_task(id, PIDNS_PID);
		count += other && other->cred.uid == t->cred.uid;
	}
}

/* ------------------------------------------------------------------------------------------- calls -- */

void pidns_cred(const struct pidns_task *t, struct pidns_cred *out)
{
	*out = t->cred;
}

int32_t pidns_setresuid(struct pidns_task *self, uint32_t uid)
{
	struct pidns_cred *c = &self->cred;
	bool had_root = c->user_ns == &self->world->user_ns && (c->uid == 0 || c->euid == 0 || c->suid == 0);

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (!c->user_ns->mapped)
		return pidns__end_call(self->world, -PIDNS_EINVAL); /* no number stands for anybody there */
	if (!pidns__capable(c, c->user_ns, PIDNS_CAP_SETUID) && uid != c->uid && uid != c->euid &&
	    uid != c->suid)
		return pidns__end_call(self->world, -PIDNS_EPERM);
	if (uid != c->euid) {
		self->pdeath_signal = 0; /* PR_SET_PDEATHSIG(2const) */
		self->process->undumpable = true;
	}
	c->uid = c->euid = c->suid = uid;
	if (had_root && uid != 0)
		c->caps = 0;
	return pidns__end_call(self->world, 0);
}

int32_t pidns_capset(struct pidns_task *self, uint64_t caps)
{
	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (caps & ~self->cred.caps)
		return pidns__end_call(self->world, -PIDNS_EPERM);
	self->cred.caps = caps;
	return pidns__end_call(self->world, 0);
}

int32_t pidns_set_nproc(struct pidns_task *self, uint32_t limit)
{
	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	self->process->nproc = limit;
	return pidns__end_call(self->world, 0);
}

int32_t pidns_set_max_ns(struct pidns_task *self, int64_t max)
{
	int32_t r = 0;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (!pidns__capable(&self->cred, self->cred.user_ns, PIDNS_CAP_SYS_ADMIN))
		r = -PIDNS_EPERM;
	else if (max < 0 || max > INT32_MAX)
		r = -PIDNS_EINVAL;
	else
		self->cred.user_ns->max_ns = max;
	return pidns__end_call(self->world, r);
}
