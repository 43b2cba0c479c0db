/* SPDX-License-Identifier: MIT */
/*
 * exec.c: execve as far as numbers, threads and signals see it.
 *
 * Keeps:   (X1) a process keeps its numbers, parent, group, session, children and pidfds (R6.65), whichever thread calls;
 *          (X2) its other threads end without the parent hearing of any (R4.9).
 */
#include "internal.h"

static void end_others(struct pidns_task *self)
{
	pidns__each(node, &self->process->threads) {
		struct pidns_task *t = pidns__of(node, struct pidns_task, thread_node);

		if (t != self)
			pidns__doom(t, PIDNS_SIGKILL);
	}
	pidns__await_threads(self);
}

/* self becomes what its process's leader was: number, place among the parent's children, and all. */
static void take_lead(struct pidns_task *self)
{
	struct pidns_process *p = self->process;
	struct pidns_task *old = p->leader;

	pidns_exchange(&self->pid, &old->pid, PIDNS_PID);
	self->parent = old->parent;
	self->parent_exec_count = old->parent_exec_count;
	self->sibling = old->sibling;
	self->sibling.next->prev = &self->sibling;
	self->sibling.prev->next = &self->sibling;
	pidns__list_init(&old->sibling);
	p->leader = self;
	pidns__release(old);
}

void pidns__forget_handlers(struct pidns__sighand *s)
{
	s->handled = s->restart = 0;
	s->no_cld_stop = s->no_cld_wait = false;
}

/*
 * capabilities(7): user 0 of a namespace that maps one has all of them afterwards, others none.  Who gains some is not to be
 * looked at or signalled by a parent that has fewer.
 */
static void new_caps(struct pidns_task *self)
{
	struct pidns_cred *c = &self->cred;
	const struct pidns_user_ns *u = c->user_ns;
	uint64_t had = c->caps;
	bool is_root = u->parent ? u->mapped && c->euid == u->owner : c->euid == 0;

	c->caps = is_root ? PIDNS_CAP_ALL : 0;
	c->suid = c->euid;
	self->process->undumpable = (c->caps & ~had) != 0;
	if (self->process->undumpable)
		self->pdeath_signal = 0;
}

int32_t pidns_exec(struct pidns_task *self)
{
	struct pidns_world *w = self->world;
	struct pidns_process *p = self->process;
	struct pidns__sighand *own = NULL;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (p->sighand->refs > 1) {
		own = pidns__sighand_copy(w, p->sighand);
		if (!own)
			return pidns__end_call(w, -PIDNS_ENOMEM);
	}
	end_others(self);
	if (self->doomed) {
		if (own)
			pidns__object_free(w, PIDNS__SIGHAND, own);
		return pidns__end_call(w, PIDNS_ENDED);
	}
	if (own) {
		own->ignored = p->sighand->ignored; /* meanwhile it may have changed */
		pidns__sighand_put(w, p->sighand);
		p->sighand = own;
	}
	if (p->leader != self)
		take_lead(self);
	self->exit_signal = PIDNS_SIGCHLD;
	p->exec_count++;
	p->has_execed = true;
	pidns__forget_handlers(p->sighand);
	new_caps(self);
	return pidns__end_call(w, 0);
}
