/* SPDX-License-Identifier: MIT */
/*
 * wait.c: wait4 and waitid: who is looked at, what is reported, and waits that have to wait.
 *
 * Owns:    pidns_task.wait, waiting, returned, result; stop_told and continue_told of a process.
 * Keeps:   (V1) a task that waits has at least one child that its wait could report some day;
 *          (V2) what can be reported is reported before the call that caused it is over, and after all else that it did.
 */
#include "internal.h"

/* ------------------------------------------------------------------------------------------- who -- */

static bool is_named(const struct pidns__wait *wait, const struct pidns_task *child)
{
	switch (wait->type) {
	case PIDNS_P_PID:
	case PIDNS_P_PIDFD:
		return child->pid.id == wait->id;
	case PIDNS_P_PGID:
		return child->process->link[PIDNS_PGID].id == wait->id;
	default:
		return true;
	}
}

static bool is_selected(const struct pidns__wait *wait, const struct pidns_task *child)
{
	bool clone_child = child->exit_signal != PIDNS_SIGCHLD;

	return is_named(wait, child) &&
	       ((wait->options & PIDNS_WALL) || clone_child == ((wait->options & PIDNS_WCLONE) != 0));
}

/* ------------------------------------------------------------------------------------------ what -- */

static void report(const struct pidns_task *self, const struct pidns_task *child, int32_t code,
		   int32_t si_status, int32_t status, struct pidns_waited *out)
{
	*out = (struct pidns_waited){
		.pid = pidns__seen(child->pid.id, self),
		.status = status,
		.code = code,
		.value = si_status,
		.uid = pidns__uid_seen(child->cred.uid, &self->cred),
	};
}

static void report_death(const struct pidns_task *self, const struct pidns_task *child,
			 struct pidns_waited *out)
{
	int32_t status = child->process->status, sig = status & 0x7f;

	if (sig)
		report(self, child, PIDNS_CLD_KILLED, sig, status, out); /* dumps are the embedder's affair */
	else
		report(self, child, PIDNS_CLD_EXITED, status >> 8 & 0xff, status, out);
}

/* What a look has found. */
struct news {
	struct pidns_waited *out;
	struct pidns_task *reaped; /* NULL: nobody                */
	bool may_come;             /* there may be some later */
};

/* True: there was news of it. */
static bool consider(const struct pidns_task *self, struct pidns_task *child, uint32_t options,
		     struct news *news)
{
	struct pidns_process *p = child->process;

	if (child->is_zombie) {
		if (!(options & PIDNS_WEXITED))
			return false;
		report_death(self, child, news->out);
		if (!(options & PIDNS_WNOWAIT))
			news->reaped = child;
		return true;
	}
	news->may_come = true;
	if (p->stop_signal && !p->stop_told && (options & PIDNS_WUNTRACED)) {
		report(self, child, PIDNS_CLD_STOPPED, p->stop_signal, p->stop_signal << 8 | 0x7f, news->out);
		p->stop_told = !(options & PIDNS_WNOWAIT);
		return true;
	}
	if (!p->continue_told && (options & PIDNS_WCONTINUED)) {
		report(self, child, PIDNS_CLD_CONTINUED, PIDNS_SIGCONT, 0xffff, news->out);
		p->continue_told = !(options & PIDNS_WNOWAIT);
		return true;
	}
	return false;
}

/* One child is named: no need to look at the others. */
static bool look_at_one(const struct pidns_task *self, struct news *news)
{
	const struct pidns__wait *wait = &self->wait;
	struct pidns_task *child = pidns_id_task(wait->id, PIDNS_TGID);

	if (!child || !child->parent || child->parent->process != self->process ||
	    ((wait->options & PIDNS_WNOTHREAD) && child->parent != self) || !is_selected(wait, child))
		return false;
	return consider(self, child, wait->options, news);
}

static bool look_at_children(const struct pidns_task *self, const struct pidns_task *thread,
			     struct news *news)
{
	const struct pidns__wait *wait = &self->wait;

	pidns__each(node, &thread->children) {
		struct pidns_task *child = pidns__of(node, struct pidns_task, sibling);

		if (is_selected(wait, child) && consider(self, child, wait->options, news))
			return true;
	}
	return false;
}

static bool look_at_all(const struct pidns_task *self, struct news *news)
{
	const struct pidns_task *t = self;

	do {
		if (look_at_children(self, t, news))
			return true;
		t = pidns_next_thread(t);
	} while (t != self && !(self->wait.options & PIDNS_WNOTHREAD));
	return false;
}

/* 1: reported, and *reaped is to be released, if there is one; 0: nothing yet; -ECHILD: there never will be. */
static PIDNS__APART int32_t look(const struct pidns_task *self, struct pidns_waited *out,
				 struct pidns_task **reaped)
{
	const struct pidns__wait *wait = &self->wait;
	struct news news = { .out = out };
	bool found = false;

	if (wait->type == PIDNS_P_ALL)
		found = look_at_all(self, &news);
	else if (wait->id && (wait->type == PIDNS_P_PID || wait->type == PIDNS_P_PIDFD))
		found = look_at_one(self, &news);
	else if (wait->id)
		found = look_at_all(self, &news);
	*reaped = news.reaped;
	return found ? 1 : news.may_come ? 0 : -PIDNS_ECHILD;
}

/* ---------------------------------------------------------------------------------------- waiting -- */

static int32_t value_of(const struct pidns__wait *wait, int32_t found, const struct pidns_waited *out)
{
	return found > 0 && wait->is_wait4 ? out->pid : found > 0 ? 0 : found;
}

void pidns__wait_end(struct pidns_task *t, int32_t returned)
{
	t->waiting = t->interrupted = t->paused = false;
	t->returned = returned;
	if (t->wait.id)
		pidns_id_put(t->wait.id);
	t->wait.id = NULL;
	if (returned == PIDNS_ENDED)
		return;
	t->held = t->process->stop_signal != 0; /* it has found something on its way into the stop */
	if (!t->held)
		pidns__event(t, PIDNS_EVENT_RETURNED, 0, 0);
}

/*
 * A waiter runs when whoever woke it is done: it then sees all that happened at once, and a signal besides matters only if
 * it has found nothing.  That holds for any signal that wakes it, also one that it is to die or to stop of, and one that
 * comes to nothing: what can be reported by then is.
 */
void pidns__wake(struct pidns_task *t)
{
	if (t->waiting && !t->paused)
		pidns__ready(t);
}

/* Nobody is woken by a child that its wait does not name: a wait for a group whose last member has left it lasts. */
void pidns__wake_waiters(const struct pidns_task *child)
{
	pidns__each(node, &child->parent->process->threads) {
		struct pidns_task *t = pidns__of(node, struct pidns_task, thread_node);

		if (t->waiting && is_named(&t->wait, child) &&
		    !((t->wait.options & PIDNS_WNOTHREAD) && child->parent != t))
			pidns__wake(t);
	}
}

void pidns__look_again(struct pidns_task *t)
{
	struct pidns_task *reaped;
	int32_t r;

	if (!t->waiting)
		return;
	r = look(t, &t->result, &reaped);
	if (reaped)
		pidns__release(reaped);
	if (r != 0 && !t->doomed)
		pidns__wait_end(t, value_of(&t->wait, r, &t->result));
}

/* It has acted on its signals, having found nothing before. */
void pidns__wait_on(struct pidns_task *t)
{
	bool was_paused = t->paused;

	if (!t->waiting)
		return;
	t->paused = t->process->stop_signal != 0;
	if (t->interrupted && !t->paused)
		pidns__wait_end(t, -PIDNS_EINTR);
	else if (was_paused && !t->paused)
		pidns__look_again(t);
}

/* self->wait is filled in; takes over the reference in it. */
static int32_t wait_or_answer(struct pidns_task *self, uint32_t options, bool nonblock,
			      struct pidns_waited *out)
{
	struct pidns_world *w = self->world;
	struct pidns_task *reaped;
	int32_t r;

	*out = (struct pidns_waited){ 0 };
	r = look(self, out, &reaped);
	if (reaped)
		pidns__release(reaped);
	if (r == 0 && !(options & PIDNS_WNOHANG)) {
		r = nonblock ? -PIDNS_EAGAIN : PIDNS_BLOCKS;
		if (r == PIDNS_BLOCKS) {
			self->waiting = true;
			return pidns__end_call(w, r);
		}
	}
	self->result = *out;
	r = value_of(&self->wait, r, out);
	if (self->wait.id)
		pidns_id_put(self->wait.id);
	self->wait.id = NULL;
	return pidns__end_call(w, r);
}

static struct pidns_id *get_id(struct pidns_id *id)
{
	return id ? pidns_id_get(id) : NULL;
}

int32_t pidns_wait4(struct pidns_task *self, int32_t pid, uint32_t options, struct pidns_waited *out)
{
	const uint32_t known = PIDNS_WNOHANG | PIDNS_WUNTRACED | PIDNS_WCONTINUED | PIDNS_WNOTHREAD |
			       PIDNS_WCLONE | PIDNS_WALL;
	struct pidns__wait *wait = &self->wait;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (options & ~known)
		return pidns__end_call(self->world, -PIDNS_EINVAL);
	if (pid == INT32_MIN)
		return pidns__end_call(self->world, -PIDNS_ESRCH);
	*wait = (struct pidns__wait){ .options = options | PIDNS_WEXITED, .is_wait4 = true };
	if (pid > 0) {
		wait->type = PIDNS_P_PID;
		wait->id = get_id(pidns_find(pidns__ns(self), pid));
	} else if (pid != -1) {
		wait->type = PIDNS_P_PGID;
		wait->id =
			get_id(pid ? pidns_find(pidns__ns(self), -pid) : self->process->link[PIDNS_PGID].id);
	}
	return wait_or_answer(self, options, false, out);
}

/* R6.24 to R6.27. */
static int32_t check_waitid(int32_t type, int64_t id, const struct pidns_pidfd *pidfd, uint32_t options)
{
	const uint32_t events = PIDNS_WEXITED | PIDNS_WSTOPPED | PIDNS_WCONTINUED;
	const uint32_t known =
		events | PIDNS_WNOHANG | PIDNS_WNOWAIT | PIDNS_WNOTHREAD | PIDNS_WCLONE | PIDNS_WALL;

	if ((options & ~known) || !(options & events))
		return -PIDNS_EINVAL;
	switch (type) {
	case PIDNS_P_ALL:
		return 0;
	case PIDNS_P_PID:
		return id > 0 && id <= INT32_MAX ? 0 : -PIDNS_EINVAL;
	case PIDNS_P_PGID:
		return id >= 0 && id <= INT32_MAX ? 0 : -PIDNS_EINVAL;
	case PIDNS_P_PIDFD:
		return id < 0 ? -PIDNS_EINVAL : pidfd ? 0 : -PIDNS_EBADF;
	default:
		return -PIDNS_EINVAL;
	}
}

int32_t pidns_waitid(struct pidns_task *self, int32_t type, int64_t id, struct pidns_pidfd *pidfd,
		     uint32_t options, struct pidns_waited *out)
{
	struct pidns__wait *wait = &self->wait;
	bool nonblock = false;
	int32_t r = check_waitid(type, id, pidfd, options);

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (r < 0)
		return pidns__end_call(self->world, r);
	*wait = (struct pidns__wait){ .options = options, .type = type };
	if (type == PIDNS_P_PID) {
		wait->id = get_id(pidns_find(pidns__ns(self), (int32_t)id));
	} else if (type == PIDNS_P_PGID) {
		wait->id = get_id(id ? pidns_find(pidns__ns(self), (int32_t)id)
				     : self->process->link[PIDNS_PGID].id);
	} else if (type == PIDNS_P_PIDFD) {
		wait->id = pidns_id_get(pidfd->id);
		nonblock = (pidfd->flags & PIDNS_PIDFD_NONBLOCK) &&
			   pidns__has(self->world, PIDNS_HAS_PIDFD_NONBLOCK);
	}
	return wait_or_answer(self, options, nonblock, out);
}

int32_t pidns_returned(const struct pidns_task *t, struct pidns_waited *out)
{
	if (t->waiting || t->held)
		return PIDNS_BLOCKS;
	*out = t->result;
	return t->returned;
}
