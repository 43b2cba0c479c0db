/* SPDX-License-Identifier: MIT */
/*
 * task.c: who may act, what is left to do after a call, and the last of a task.
 *
 * Owns:    world->work, world->actor, pidns_task.doomed; the memory of tasks and processes.
 * Keeps:   (K1) a task on world->work has been woken: to look whether what it waits for has come, to act on its signals, to
 *               die, or as an init whose namespace has emptied; one on world->dying is doomed and waits for nothing any more;
 *          (K2) nothing here calls itself: a death that causes deaths puts them on the list.
 */
#include "internal.h"

void pidns__event(struct pidns_task *t, enum pidns_event_type type, int32_t signal, int32_t from)
{
	struct pidns_world *w = t->world;
	struct pidns_event event = { .type = type, .task = t, .signal = signal, .from = from };

	if (w->env.event)
		w->env.event(w->env.ctx, &event);
}

static bool is_idle(const struct pidns_task *t)
{
	return t->doomed || t->exiting || t->waiting || t->process->stop_signal != 0;
}

bool pidns__can_act(struct pidns_task *t)
{
	if (is_idle(t))
		return false;
	t->world->actor = t;
	t->result = (struct pidns_waited){ 0 };
	return true;
}

int32_t pidns__end_call(struct pidns_world *w, int32_t result)
{
	struct pidns_task *t;

	pidns__settle(w);
	t = w->actor;
	w->actor = NULL;
	if (!t || t->exiting)
		return PIDNS_ENDED;
	if (!t->process->stop_signal || result == PIDNS_BLOCKS)
		return result;
	t->held = true;
	t->returned = result;
	return PIDNS_BLOCKS;
}

/* Who is in the middle of a call is awake already, and goes before those that have to be woken. */
static void put_on(struct pidns__list *list, struct pidns_task *t)
{
	pidns__list_add(t == t->world->actor ? list->next : list, &t->work);
}

void pidns__ready(struct pidns_task *t)
{
	if (!t->exiting && !t->execs && pidns__list_is_empty(&t->work))
		put_on(&t->world->work, t);
}

void pidns__go_on(struct pidns_process *p)
{
	pidns__each(node, &p->threads) {
		struct pidns_task *t = pidns__of(node, struct pidns_task, thread_node);

		pidns__ready(t); /* a wait begins anew */
		if (!t->held)
			continue;
		t->held = false;
		pidns__event(t, PIDNS_EVENT_RETURNED, 0, 0);
	}
}

void pidns__doom(struct pidns_task *t, int32_t code)
{
	if (t->doomed || t->exiting)
		return;
	t->doomed = true;
	t->code = code;
	pidns__ready(t);
}

void pidns__drained(struct pidns_ns *ns, uint32_t count)
{
	struct pidns_world *w = ns->world;
	struct pidns_task *t = ns->reaper;

	if (!w->boot) {
		if (w->env.drained)
			w->env.drained(w->env.ctx, ns, count);
		return;
	}
	if (t && t->zapping && count <= (pidns__is_leader(t) ? 1u : 2u) && pidns__list_is_empty(&t->work))
		pidns__list_add(&w->dying, &t->work);
}

/* What a task does that has been woken: it looks whether what it waits for has come, then acts on its signals. */
static void take_turn(struct pidns_task *t)
{
	if (!t->paused)
		pidns__look_again(t);
	pidns__deliver(t);
	if (!t->doomed) {
		pidns__wait_on(t);
		return;
	}
	if (t->waiting)
		pidns__wait_end(t, PIDNS_ENDED);
	t->leaves = true;
	pidns__list_remove(&t->work);
	put_on(&t->world->dying, t);
}

static void die(struct pidns_task *t)
{
	if (t->zapping)
		pidns__exit_finish(t);
	else
		pidns__exit_begin(t);
}

static uint32_t length(const struct pidns__list *list)
{
	uint32_t n = 0;

	pidns__each(node, list)
		n++;
	return n;
}

/* The embedder's choice among all. */
static struct pidns__list *chosen_turn(struct pidns_world *w, bool *dies)
{
	uint32_t turns = length(&w->work), deaths = length(&w->dying);
	uint32_t chosen = turns + deaths > 1 ? w->env.choose(w->env.ctx, turns, deaths) : 0;
	struct pidns__list *at;

	if (chosen >= turns + deaths)
		chosen = 0;
	*dies = chosen >= turns;
	at = *dies ? w->dying.next : w->work.next;
	for (uint32_t skip = *dies ? chosen - turns : chosen; skip > 0; skip--)
		at = at->next;
	return at;
}

/* Dying takes long: whoever has been woken looks, handles, stops meanwhile; and what follows from one death comes before the
 * next. */
static struct pidns__list *next_turn(struct pidns_world *w, bool *dies)
{
	if (w->env.choose)
		return chosen_turn(w, dies);
	*dies = pidns__list_is_empty(&w->work);
	return *dies ? w->dying.next : w->work.next;
}

/* False: nobody has anything left to do. */
static bool step(struct pidns_world *w)
{
	struct pidns__list *node;
	struct pidns_task *t;
	bool dies;

	if (pidns__list_is_empty(&w->work) && pidns__list_is_empty(&w->dying))
		return false;
	node = next_turn(w, &dies);
	t = pidns__of(node, struct pidns_task, work);
	pidns__list_remove(node);
	if (dies)
		die(t);
	else
		take_turn(t);
	return true;
}

void pidns__settle(struct pidns_world *w)
{
	while (step(w))
		;
}

void pidns__await_threads(struct pidns_task *self)
{
	self->execs = true;
	while (self->process->live > 1 && step(self->world))
		;
	self->execs = false;
	pidns__ready(self);
}

/* The first that is not on its way out: one that is going to die, and does not know it yet, is alive. */
struct pidns_task *pidns__live_thread(const struct pidns_process *p)
{
	pidns__each(node, &p->threads) {
		struct pidns_task *t = pidns__of(node, struct pidns_task, thread_node);

		if (!t->exiting && !t->leaves)
			return t;
	}
	return NULL;
}

static void process_done(struct pidns_task *leader)
{
	struct pidns_process *p = leader->process;
	struct pidns_world *w = leader->world;

	pidns__list_remove(&leader->sibling);
	pidns__list_remove(&p->node);
	for (int kind = PIDNS_TGID; kind < PIDNS_KINDS; kind++)
		pidns_detach(&p->link[kind], (enum pidns_kind)kind);
	pidns__pending_clear(w, &p->pending);
	pidns__sighand_put(w, p->sighand);
	pidns__object_free(w, PIDNS__PROCESS, p);
}

/* R4.10. */
void pidns__release(struct pidns_task *t)
{
	struct pidns_world *w = t->world;
	struct pidns_process *p = t->process;

	pidns__event(t, PIDNS_EVENT_RELEASED, 0, 0);
	if (w->actor == t)
		w->actor = NULL;
	pidns__list_remove(&t->work);
	pidns__list_remove(&t->thread_node);
	p->threads_len--;
	pidns__pending_clear(w, &t->pending);
	if (pidns__ns(t)->reaper == t) /* the last thread's remains are its leader's */
		pidns__ns(t)->reaper = p->leader != t ? p->leader : NULL;
	pidns_detach(&t->pid, PIDNS_PID);
	if (p->leader == t)
		process_done(t);
	pidns_ns_put(t->children_ns);
	pidns__user_ns_put(t->cred.user_ns);
	pidns__object_free(w, PIDNS__TASK, t);
}

/* ----------------------------------------------------------------------------------------- looking -- */

struct pidns_task *pidns_id_task(const struct pidns_id *id, enum pidns_kind kind)
{
	struct pidns_link *link = id->u.first[kind];

	if (!link)
		return NULL;
	if (kind == PIDNS_PID)
		return pidns__of(link, struct pidns_task, pid);
	return pidns__of(link - kind, struct pidns_process, link)->leader;
}

struct pidns_task *pidns__task_at(const struct pidns_task *self, int32_t nr)
{
	struct pidns_id *id = pidns_find(pidns__ns(self), nr);

	return id ? pidns_id_task(id, PIDNS_PID) : NULL;
}

int32_t pidns__seen(const struct pidns_id *id, const struct pidns_task *by)
{
	return pidns_id_number_in(id, pidns__ns(by));
}

enum pidns_state pidns_state(const struct pidns_task *t)
{
	if (t->zapping)
		return PIDNS_DYING;
	if (t->is_zombie)
		return PIDNS_ZOMBIE;
	if (t->left)
		return PIDNS_LEFT;
	if (t->process->stop_signal)
		return PIDNS_STOPPED;
	return t->waiting ? PIDNS_WAITING : PIDNS_RUNNING;
}

struct pidns_id *pidns_task_id(const struct pidns_task *t)
{
	return t->pid.id;
}

struct pidns_ns *pidns_task_ns(const struct pidns_task *t)
{
	return pidns__ns(t);
}

struct pidns_ns *pidns_task_children_ns(const struct pidns_task *t)
{
	return t->children_ns;
}

struct pidns_process *pidns_task_process(const struct pidns_task *t)
{
	return t->process;
}

struct pidns_task *pidns_leader(const struct pidns_task *t)
{
	return t->process->leader;
}

struct pidns_task *pidns_parent(const struct pidns_task *t)
{
	return t->process->leader->parent;
}

struct pidns_id *pidns_task_link(const struct pidns_task *t, enum pidns_kind kind)
{
	return pidns__link_id(t, kind);
}

struct pidns_task *pidns_next_thread(const struct pidns_task *t)
{
	struct pidns__list *next = t->thread_node.next;

	if (next == &t->process->threads)
		next = next->next;
	return pidns__of(next, struct pidns_task, thread_node);
}

struct pidns_task *pidns_first_child(const struct pidns_task *t)
{
	return pidns__list_is_empty(&t->children) ? NULL
						  : pidns__of(t->children.next, struct pidns_task, sibling);
}

struct pidns_task *pidns_next_sibling(const struct pidns_task *t)
{
	if (!pidns__is_leader(t) || !t->parent || t->sibling.next == &t->parent->children)
		return NULL;
	return pidns__of(t->sibling.next, struct pidns_task, sibling);
}

int32_t pidns_status(const struct pidns_task *t)
{
	return t->process->status;
}

int32_t pidns_stop_signal(const struct pidns_task *t)
{
	return t->process->stop_signal;
}

int32_t pidns_exit_signal(const struct pidns_task *t)
{
	return t->process->leader->exit_signal;
}

bool pidns_is_subreaper(const struct pidns_task *t)
{
	return t->process->subreaper;
}

void *pidns_user(const struct pidns_task *t)
{
	return t->user;
}

void pidns_set_user(struct pidns_task *t, void *user)
{
	t->user = user;
}
