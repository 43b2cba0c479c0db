/* SPDX-License-Identifier: MIT */
/*
 * deliver.c: what a signal does to whom it has reached: nothing, a handler, a stop, a death; now, or when it is unblocked.
 *
 * Owns:    pidns__pending, stop_signal of a process.
 * Keeps:   (D1) nothing that could be acted on stays pending in a process that runs;
 *          (D2) pending.set has a signal's bit exactly when one of it is pending, with or without a node that knows its sender;
 *          (D3) a process that is stopped acts on KILL and CONT only (R6.46).
 */
#include "internal.h"

#define STOP_SIGNALS                                                                                  \
	(pidns__sigbit(PIDNS_SIGSTOP) | pidns__sigbit(PIDNS_SIGTSTP) | pidns__sigbit(PIDNS_SIGTTIN) | \
	 pidns__sigbit(PIDNS_SIGTTOU))
#define KERNEL_ONLY (pidns__sigbit(PIDNS_SIGKILL) | pidns__sigbit(PIDNS_SIGSTOP))
/* signal(7): CHLD, CONT, URG and WINCH are ignored by default */
#define IGNORED_BY_DEFAULT \
	(pidns__sigbit(PIDNS_SIGCHLD) | pidns__sigbit(PIDNS_SIGCONT) | pidns__sigbit(23) | pidns__sigbit(28))

/* ----------------------------------------------------------------------------------------- pending -- */

void pidns__pending_clear(struct pidns_world *w, struct pidns__pending *pending)
{
	for (struct pidns__waiting_signal *s = pending->first, *next; s; s = next) {
		next = s->next;
		pidns__object_free(w, PIDNS__SIGNAL, s);
	}
	*pending = (struct pidns__pending){ 0 };
}

static void pending_drop(struct pidns_world *w, struct pidns__pending *pending, uint64_t set)
{
	struct pidns__waiting_signal **at = &pending->first, *s;

	if (!(pending->set & set))
		return;
	pending->set &= ~set;
	while ((s = *at) != NULL) {
		if (!(pidns__sigbit(s->sig) & set)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		pidns__object_free(w, PIDNS__SIGNAL, s);
	}
}

/* R6.64: those below 32 merge, the others queue. */
static void pending_add(struct pidns_world *w, struct pidns__pending *pending, int32_t sig, int32_t from)
{
	struct pidns__waiting_signal **at = &pending->first, *s;

	if (sig < 32 && (pending->set & pidns__sigbit(sig)))
		return;
	pending->set |= pidns__sigbit(sig);
	s = pidns__object_new(w, PIDNS__SIGNAL);
	if (!s)
		return;
	s->sig = sig;
	s->from = from;
	while (*at)
		at = &(*at)->next;
	*at = s;
}

/* The oldest of that signal; its sender. */
static PIDNS__APART int32_t pending_take(struct pidns_world *w, struct pidns__pending *pending, int32_t sig)
{
	struct pidns__waiting_signal **at = &pending->first, *s;
	int32_t from = 0;
	bool more = false;

	while (*at && (*at)->sig != sig)
		at = &(*at)->next;
	s = *at;
	if (s) {
		*at = s->next;
		from = s->from;
		pidns__object_free(w, PIDNS__SIGNAL, s);
		for (s = *at; s; s = s->next)
			more |= s->sig == sig;
	}
	if (!more)
		pending->set &= ~pidns__sigbit(sig);
	return from;
}

/* ----------------------------------------------------------------------------------------- reaching -- */

static bool can_take(const struct pidns_task *t, int32_t sig)
{
	return !t->exiting && !t->doomed && (sig == PIDNS_SIGKILL || !(t->blocked & pidns__sigbit(sig)));
}

/* The one addressed if it can, else any thread that can. */
static struct pidns_task *taker(struct pidns_task *to, int32_t sig)
{
	if (can_take(to, sig))
		return to;
	pidns__each(node, &to->process->threads) {
		struct pidns_task *t = pidns__of(node, struct pidns_task, thread_node);

		if (can_take(t, sig))
			return t;
	}
	return NULL;
}

/* What would be discarded does not even become pending, unless it is blocked (R5.11, R5.12). */
static bool is_discarded(const struct pidns_task *t, int32_t sig, bool force)
{
	const struct pidns_process *p = t->process;
	uint64_t bit = pidns__sigbit(sig);

	if ((t->blocked & bit) || (p->sighand->handled & bit))
		return false;
	if ((p->sighand->ignored & bit) || (IGNORED_BY_DEFAULT & bit))
		return true;
	return p->unkillable && !(force && (KERNEL_ONLY & bit));
}

static int32_t sender_seen(const struct pidns_task *t, const struct pidns__sender *by)
{
	return by->task ? pidns__seen(by->task->process->link[PIDNS_TGID].id, t) : 0;
}

/* The signal reaches to's process, or `to` alone: who acts on it at once, and on whose behalf; NULL: it is discarded, or waits. */
static PIDNS__APART struct pidns_task *post(struct pidns_task *to, bool only, int32_t sig,
					    const struct pidns__sender *by, int32_t *from)
{
	struct pidns_process *p = to->process;
	struct pidns__pending *pending = only ? &to->pending : &p->pending;
	struct pidns_task *t;

	if (p->live == 0 || p->group_exit >= 0)
		return NULL;
	*from = by->from ? by->from : sender_seen(to, by);
	if (is_discarded(to, sig, by->force))
		return NULL;
	if (sig < 32 && (pending->set & pidns__sigbit(sig)))
		return NULL; /* merged with the one that waits */
	if (p->stop_signal && sig != PIDNS_SIGKILL)
		t = NULL;
	else if (only)
		t = can_take(to, sig) ? to : NULL;
	else
		t = taker(to, sig);
	if (!t)
		pending_add(to->world, pending, sig, *from);
	return t;
}

/* ------------------------------------------------------------------------------------------ acting -- */

static void handle(struct pidns_task *t, int32_t sig, int32_t from)
{
	const struct pidns__sighand *s = t->process->sighand;

	pidns__event(t, PIDNS_EVENT_SIGNAL, sig, from);
	if (!t->waiting)
		return;
	t->interrupted |= !(s->restart & pidns__sigbit(sig));
	pidns__wake(t);
}

/* CHLD is ignored or handled, and nothing else: so this never comes back here, as send() might. */
static PIDNS__APART void signal_parent(struct pidns_process *p, struct pidns_task *parent)
{
	struct pidns__sender by = { .task = p->leader };
	const struct pidns__sighand *s = parent->process->sighand;
	struct pidns_task *t = NULL;
	int32_t from = 0;

	if (!s->no_cld_stop && !(s->ignored & pidns__sigbit(PIDNS_SIGCHLD)))
		t = post(parent, false, PIDNS_SIGCHLD, &by, &from);
	if (t && (s->handled & pidns__sigbit(PIDNS_SIGCHLD)))
		handle(t, PIDNS_SIGCHLD, from);
}

static void tell_parent(struct pidns_process *p)
{
	if (!p->leader->parent)
		return;
	signal_parent(p, p->leader->parent);
	pidns__wake_waiters(p->leader);
}

static void stop(struct pidns_task *t, int32_t sig)
{
	struct pidns_process *p = t->process;

	p->stop_signal = sig;
	p->stop_told = false;
	p->continue_told = true;
	pidns__event(t, PIDNS_EVENT_STOPPED, sig, 0);
}

/* t takes the signal, which it does not block.  True: it stopped its process, and the parent is still to be told. */
static PIDNS__APART bool act_on(struct pidns_task *t, int32_t sig, int32_t from)
{
	struct pidns_process *p = t->process;
	uint64_t bit = pidns__sigbit(sig);

	if (p->sighand->handled & bit) {
		handle(t, sig, from);
		return false;
	}
	if ((p->sighand->ignored & bit) || (IGNORED_BY_DEFAULT & bit))
		return false;
	if (p->unkillable && !(KERNEL_ONLY & bit))
		return false; /* R5.13; KILL and STOP come this far only from outside */
	if (!(STOP_SIGNALS & bit)) {
		pidns__kill_threads(p, sig, NULL);
		return false;
	}
	if (sig != PIDNS_SIGSTOP && pidns__group_is_orphaned(p->link[PIDNS_PGID].id, NULL))
		return false;
	stop(t, sig);
	return true;
}

/* ----------------------------------------------------------------------------------------- sending -- */

static void drop_everywhere(struct pidns_process *p, uint64_t set)
{
	struct pidns_world *w = p->leader->world;

	pending_drop(w, &p->pending, set);
	pidns__each(node, &p->threads)
		pending_drop(w, &pidns__of(node, struct pidns_task, thread_node)->pending, set);
}

/* R6.44: CONT and stops take each other back, and CONT resumes whatever becomes of it.  True: it resumed. */
static PIDNS__APART bool prepare(struct pidns_process *p, int32_t sig)
{
	if (STOP_SIGNALS & pidns__sigbit(sig))
		drop_everywhere(p, pidns__sigbit(PIDNS_SIGCONT));
	if (sig != PIDNS_SIGCONT)
		return false;
	drop_everywhere(p, STOP_SIGNALS);
	if (!p->stop_signal)
		return false;
	p->stop_signal = 0;
	p->stop_told = true;
	p->continue_told = false;
	pidns__event(p->leader, PIDNS_EVENT_CONTINUED, sig, 0);
	tell_parent(p);
	return true;
}

/* POSIX: a signal that is set to be ignored is no longer pending, blocked or not. */
void pidns__discard_ignored(struct pidns_process *p, int32_t sig)
{
	uint64_t bit = pidns__sigbit(sig);
	bool by_default = !(p->sighand->handled & bit) && (IGNORED_BY_DEFAULT & bit);

	if ((p->sighand->ignored & bit) || by_default)
		drop_everywhere(p, bit);
}

static void send(struct pidns_task *to, bool only, int32_t sig, const struct pidns__sender *by)
{
	struct pidns_process *p = to->process;
	struct pidns_task *t;
	bool resumed;
	int32_t from = 0;

	if (p->live == 0 || p->group_exit >= 0)
		return;
	resumed = prepare(p, sig);
	t = post(to, only, sig, by, &from);
	if (t && act_on(t, sig, from))
		tell_parent(p);
	if (resumed) {
		pidns__go_on(p);
		pidns__deliver(p);
	}
}

void pidns__send_process(struct pidns_task *to, int32_t sig, const struct pidns__sender *by)
{
	send(to, false, sig, by);
}

void pidns__send_task(struct pidns_task *t, int32_t sig, const struct pidns__sender *by)
{
	if (!t->exiting)
		send(t, true, sig, by);
}

/* ---------------------------------------------------------------------------------------- delivering -- */

static int32_t lowest_signal(uint64_t set)
{
	uint32_t low = (uint32_t)set;

	return (int32_t)(low ? pidns__lowest(low) : 32 + pidns__lowest((uint32_t)(set >> 32))) + 1;
}

/* One thread acts on all that it may, its own before the process's, the lowest first. */
static void deliver_to(struct pidns_task *t)
{
	struct pidns_process *p = t->process;
	uint64_t set;

	while (!t->doomed && !t->exiting && !p->stop_signal) {
		struct pidns__pending *from = &t->pending;
		int32_t sig;

		set = from->set & ~t->blocked;
		if (!set) {
			from = &p->pending;
			set = from->set & ~t->blocked;
		}
		if (!set)
			return;
		sig = lowest_signal(set);
		if (act_on(t, sig, pending_take(t->world, from, sig)))
			tell_parent(p);
	}
}

void pidns__deliver(struct pidns_process *p)
{
	pidns__each(node, &p->threads)
		deliver_to(pidns__of(node, struct pidns_task, thread_node));
}
