/* SPDX-License-Identifier: MIT */
/*
 * exit.c: how a thread ends, who gets its children, and how its parent learns of it.
 *
 * Owns:    exiting, left, is_zombie, zapping of a task; live, status and group_exit of a process.
 * Keeps:   (E1) a zombie has no children (I11);
 *          (E2) a process can be waited for when its leader and all its threads are gone, not before (R6.9);
 *          (E3) a child's parent is alive, or an init that is dying.
 */
#include "internal.h"

/* Every thread but one dies with `status`.  The first such order holds. */
void pidns__kill_threads(struct pidns_process *p, int32_t status, const struct pidns_task *but)
{
	if (p->group_exit < 0)
		p->group_exit = status;
	p->stop_told = p->continue_told = true;
	p->stop_signal = 0;
	pidns__each(node, &p->threads) {
		struct pidns_task *t = pidns__of(node, struct pidns_task, thread_node);

		if (t != but)
			pidns__doom(t, p->group_exit);
	}
}

static int32_t status_of(const struct pidns_task *last)
{
	const struct pidns_process *p = last->process;

	if (p->group_exit >= 0)
		return p->group_exit;
	return pidns__has(last->world, PIDNS_HAS_LAST_STATUS) ? last->code : p->leader->code;
}

void pidns__exit_begin(struct pidns_task *t)
{
	struct pidns_process *p = t->process;

	t->exiting = true;
	if (--p->live == 0)
		p->status = status_of(t);
	if (pidns__ns(t)->reaper == t && pidns__init_dies(t)) {
		t->zapping = true;
		return;
	}
	pidns__exit_finish(t);
}

/* ---------------------------------------------------------------------------------------- orphans -- */

/* R5.19: up the real parents, as long as they live at the dying one's level. */
static struct pidns_task *subreaper_above(const struct pidns_task *t)
{
	struct pidns_task *at = t->process->leader->parent;

	for (; at && at->pid.id->level == t->pid.id->level; at = at->process->leader->parent) {
		struct pidns_task *alive = at->process->subreaper ? pidns__live_thread(at->process) : NULL;

		if (alive)
			return alive;
	}
	return NULL;
}

static struct pidns_task *new_parent(struct pidns_task *t)
{
	struct pidns_task *to = pidns__live_thread(t->process);

	if (!to)
		to = subreaper_above(t);
	return to ? to : pidns__ns(t)->reaper;
}

static PIDNS__APART void death_signal(struct pidns_process *child, const struct pidns_task *parent)
{
	pidns__each(node, &child->threads) {
		struct pidns_task *c = pidns__of(node, struct pidns_task, thread_node);
		struct pidns__sender by = { .task = parent, .force = pidns__seen(parent->pid.id, c) == 0 };

		if (c->pdeath_signal && pidns__may_signal(parent, c, c->pdeath_signal))
			pidns__send_process(c, c->pdeath_signal, &by);
	}
}

static PIDNS__APART void give_children_away(struct pidns_task *t)
{
	struct pidns_task *to = pidns__list_is_empty(&t->children) ? NULL : new_parent(t);

	pidns__each_safe(node, &t->children) {
		struct pidns_task *c = pidns__of(node, struct pidns_task, sibling);

		pidns__list_remove(&c->sibling);
		c->parent = to;
		pidns__list_add(&to->children, &c->sibling);
		death_signal(c->process, t);
		if (to->process == t->process)
			continue;
		c->exit_signal = PIDNS_SIGCHLD;
		pidns__orphan_check(c->process, t);
		if (c->is_zombie)
			pidns__notify_parent(c->process);
	}
}

/* ---------------------------------------------------------------------------------- the parent's side -- */

/*
 * The process is a zombie from now on; its parent hears of it, and it is gone at once where nobody will wait for it.  The
 * children of a dying init are gone at once always: it reaps them all.
 */
void pidns__notify_parent(struct pidns_process *p)
{
	struct pidns_task *leader = p->leader, *parent = leader->parent;
	struct pidns_process *pp = parent ? parent->process : NULL;
	int32_t sig = leader->exit_signal;
	struct pidns__sender by = { .task = leader };
	bool reap;

	leader->is_zombie = true;
	if (!pp)
		return;
	if (leader->parent_exec_count != pp->exec_count)
		sig = PIDNS_SIGCHLD; /* R6.4 */
	reap = parent->zapping;
	if (sig == PIDNS_SIGCHLD && (pp->sighand->ignored & pidns__sigbit(PIDNS_SIGCHLD))) {
		reap = true;
		sig = 0;
	} else if (sig == PIDNS_SIGCHLD && pp->sighand->no_cld_wait) {
		reap = true;
	}
	if (sig >= 1 && sig <= 64)
		pidns__send_process(parent, sig, &by);
	pidns__wake_waiters(leader);
	if (reap)
		pidns__release(leader);
}

void pidns__exit_finish(struct pidns_task *t)
{
	struct pidns_process *p = t->process;
	struct pidns_task *leader = p->leader;

	t->zapping = false;
	give_children_away(t);
	if (p->live == 0)
		pidns__orphan_check(p, NULL);
	t->left = true;
	pidns__event(t, PIDNS_EVENT_EXITED, 0, 0);
	if (t != leader)
		pidns__release(t);
	if (leader->left && p->threads_len == 1)
		pidns__notify_parent(p);
}

/* ------------------------------------------------------------------------------------------- calls -- */

int32_t pidns_exit(struct pidns_task *self, int32_t status)
{
	struct pidns_world *w = self->world;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	pidns__doom(self, (status & 0xff) << 8);
	return pidns__end_call(w, 0);
}

int32_t pidns_exit_group(struct pidns_task *self, int32_t status)
{
	struct pidns_world *w = self->world;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	pidns__doom(self, (status & 0xff) << 8);
	pidns__kill_threads(self->process, (status & 0xff) << 8, self);
	return pidns__end_call(w, 0);
}
