/* SPDX-License-Identifier: MIT */
/*
 * deliver.c: what a signal does to whom it has reached: nothing, a handler, a stop, a death; now, or when it is unblocked.
 *
 * Owns:    pidns__pending, stop_signal of a process.
 * Keeps:   (D1) nothing that could be acted on stays pending in a process that runs;
 *          (D2) pending.set has a signal's bit exactly when one of it is pending, with or without a node that knows its sender;
 *          (D3) a process that is stopped acts on KILL and CONT only (R6.46);
 *          (D4) nobody acts while somebody else does: who is sent a signal has his turn later, and finds all that the sender did.
 */
#include "internal.h"

#define STOP_SIGNALS                                                                                  \
	(pidns__sigbit(PIDNS_SIGSTOP) | pidns__sigbit(PIDNS_SIGTSTP) | pidns__sigbit(PIDNS_SIGTTIN) | \
	 pidns__sigbit(PIDNS_SIGTTOU))
#define KERNEL_ONLY (pidns__sigbit(PIDNS_SIGKILL) | pidns__sigbit(PIDNS_SIGSTOP))
/* signal(7): QUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV, XCPU, XFSZ and SYS */
#define DUMPS_CORE                                                                                      \
	(pidns__sigbit(3) | pidns__sigbit(4) | pidns__sigbit(5) | pidns__sigbit(6) | pidns__sigbit(7) | \
	 pidns__sigbit(8) | pidns__sigbit(11) | pidns__sigbit(24) | pidns__sigbit(25) | pidns__sigbit(31))
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

/*
 * Kills as soon as it is sent: whoever is to die of a core dump has to come to it first.  A signal that an init's leader blocks is
 * not discarded, and older kernels then kill the init through any thread that does not block it.
 */
static bool is_fatal(const struct pidns_process *p, int32_t sig)
{
	uint64_t bit = pidns__sigbit(sig);

	if (sig == PIDNS_SIGKILL)
		return true;
	return !((p->sighand->handled | p->sighand->ignored | IGNORED_BY_DEFAULT | STOP_SIGNALS |
		  DUMPS_CORE) &
		 bit) &&
	       !(p->unkillable && pidns__has(p->leader->world, PIDNS_HAS_SAFE_INIT));
}

/* The signal reaches to's process, or `to` alone: it is discarded, or waits for whoever takes it to have its turn. */
static PIDNS__APART void post(struct pidns_task *to, bool only, int32_t sig, const struct pidns__sender *by)
{
	struct pidns_process *p = to->process;
	struct pidns__pending *pending = only ? &to->pending : &p->pending;
	struct pidns_task *t;

	if (is_discarded(to, sig, by->force))
		return;
	if (sig < 32 && (pending->set & pidns__sigbit(sig)))
		return; /* merged with the one that waits */
	pending_add(to->world, pending, sig, by->from ? by->from : sender_seen(to, by));
	if (p->stop_signal && sig != PIDNS_SIGKILL)
		return;
	t = only ? (can_take(to, sig) ? to : NULL) : taker(to, sig);
	if (t && is_fatal(p, sig))
		pidns__kill_threads(p, sig, NULL);
	else if (t)
		pidns__ready(t);
}

/* ----------------------------------------------------------------------------------------- sending -- */

static void drop_everywhere(struct pidns_process *p, uint64_t set)
{
	struct pidns_world *w = p->leader->world;

	pending_drop(w, &p->pending, set);
	pidns__each(node, &p->threads)
		pending_drop(w, &pidns__of(node, struct pidns_task, thread_node)->pending, set);
}

/* R6.44: CONT and stops take each other back, and CONT resumes whatever becomes of it. */
static PIDNS__APART void prepare(struct pidns_process *p, int32_t sig)
{
	if (STOP_SIGNALS & pidns__sigbit(sig))
		drop_everywhere(p, pidns__sigbit(PIDNS_SIGCONT));
	if (sig != PIDNS_SIGCONT)
		return;
	drop_everywhere(p, STOP_SIGNALS);
	if (!p->stop_signal)
		return;
	p->stop_signal = 0;
	p->stop_told = true;
	p->continue_told = false;
	p->continue_news = true;
	pidns__event(p->leader, PIDNS_EVENT_CONTINUED, sig, 0);
	pidns__go_on(p);
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

	if (p->live == 0 || p->group_exit >= 0)
		return;
	prepare(p, sig);
	post(to, only, sig, by);
}

void pidns__send_process(struct pidns_task *to, int32_t sig, const struct pidns__sender *by)
{
	send(to, false, sig, by);
}

/* A dead leader takes nothing; what a signal does to its process before anybody takes it, it did all the same once. */
void pidns__send_task(struct pidns_task *t, int32_t sig, const struct pidns__sender *by)
{
	const struct pidns_process *p = t->process;

	if (!t->exiting)
		send(t, true, sig, by);
	else if (p->live > 0 && p->group_exit < 0 && !pidns__has(t->world, PIDNS_HAS_DEAF_DEAD))
		prepare(t->process, sig);
}

/* ------------------------------------------------------------------------------------------ acting -- */

/* A stop, or its end. */
static void tell_parent(struct pidns_process *p)
{
	struct pidns_task *parent = p->leader->parent;
	struct pidns__sender by = { .task = p->leader };

	if (!parent)
		return;
	if (!parent->process->sighand->no_cld_stop)
		pidns__send_process(parent, PIDNS_SIGCHLD, &by);
	pidns__wake_waiters(p->leader);
}

static void stop(struct pidns_task *t, int32_t sig)
{
	struct pidns_process *p = t->process;

	p->stop_signal = sig;
	p->stop_told = false;
	p->continue_told = true;
	pidns__each(node, &p->threads)
		pidns__wake(pidns__of(node, struct pidns_task, thread_node));
	pidns__event(t, PIDNS_EVENT_STOPPED, sig, 0);
	tell_parent(p);
}

/* t takes the signal, which it does not block. */
static PIDNS__APART void act_on(struct pidns_task *t, int32_t sig, int32_t from)
{
	struct pidns_process *p = t->process;
	const struct pidns__sighand *s = p->sighand;
	uint64_t bit = pidns__sigbit(sig);

	if (s->handled & bit) {
		t->interrupted |= t->waiting && !(s->restart & bit);
		pidns__event(t, PIDNS_EVENT_SIGNAL, sig, from);
	} else if ((s->ignored & bit) || (IGNORED_BY_DEFAULT & bit)) {
		return;
	} else if (p->unkillable && !(KERNEL_ONLY & bit)) {
		return; /* R5.13; KILL and STOP come this far only from outside */
	} else if (!(STOP_SIGNALS & bit)) {
		pidns__kill_threads(p, sig, NULL);
	} else if (sig == PIDNS_SIGSTOP || !pidns__group_is_orphaned(p->link[PIDNS_PGID].id, NULL)) {
		stop(t, sig);
	}
}

static int32_t lowest_signal(uint64_t set)
{
	uint32_t low = (uint32_t)set;

	return (int32_t)(low ? pidns__lowest(low) : 32 + pidns__lowest((uint32_t)(set >> 32))) + 1;
}

/*
 * The next signal that t may act on: its own before the process's, the lowest first.  What is handled comes last: handlers
 * run when the task returns to its program, and it may stop or die instead.
 */
static int32_t next_signal(struct pidns_task *t, struct pidns__pending **from)
{
	struct pidns_process *p = t->process;
	uint64_t at_once = ~(t->blocked | p->sighand->handled), in_the_end = ~t->blocked;
	uint64_t set;

	*from = &t->pending;
	set = t->pending.set & at_once;
	if (!set) {
		*from = &p->pending;
		set = p->pending.set & at_once;
	}
	if (!set) {
		*from = &t->pending;
		set = t->pending.set & in_the_end;
	}
	if (!set) {
		*from = &p->pending;
		set = p->pending.set & in_the_end;
	}
	return set ? lowest_signal(set) : 0;
}

void pidns__deliver(struct pidns_task *t)
{
	struct pidns_process *p = t->process;

	if (p->continue_news && p->group_exit < 0) {
		p->continue_news = false;
		tell_parent(p);
	}
	while (!t->doomed && !t->exiting && !p->stop_signal) {
		struct pidns__pending *from;
		int32_t sig = next_signal(t, &from);

		if (!sig)
			return;
		act_on(t, sig, pending_take(t->world, from, sig));
	}
}
