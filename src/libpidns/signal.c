/* SPDX-License-Identifier: MIT */
/*
 * signal.c: the calls about signals: kill and its relatives, dispositions, masks.
 *
 * Owns:    pidns__sighand.
 * Keeps:   errors win in the order of section 6.7: recipients first, then the signal's number, then permission.
 */
#include "internal.h"

/* ------------------------------------------------------------------------------------------- may -- */

/* R6.56. */
bool pidns__may_signal(const struct pidns_task *self, const struct pidns_task *t, int32_t sig)
{
	const struct pidns_cred *a = &self->cred, *b = &t->cred;

	if (t->process == self->process)
		return true;
	if (a->uid == b->uid || a->uid == b->suid || a->euid == b->uid || a->euid == b->suid)
		return true;
	if (pidns__capable(a, b->user_ns, PIDNS_CAP_KILL))
		return true;
	return sig == PIDNS_SIGCONT && self->process->link[PIDNS_SID].id == t->process->link[PIDNS_SID].id;
}

static int32_t check(const struct pidns_task *self, const struct pidns_task *t, int32_t sig)
{
	if (sig < 0 || sig > 64)
		return -PIDNS_EINVAL;
	return pidns__may_signal(self, t, sig) ? 0 : -PIDNS_EPERM;
}

/* kill's si_pid is not translated for receivers further out; for those who cannot see the sender it is 0, and KILL and STOP
 * work on their init. */
static struct pidns__sender sender(const struct pidns_task *self, const struct pidns_task *to)
{
	const struct pidns_id *own = self->process->link[PIDNS_TGID].id;
	bool visible = pidns__seen(own, to) != 0;

	return (struct pidns__sender){ .task = self,
				       .force = !visible,
				       .from = visible ? pidns__seen(own, self) : 0 };
}

int32_t pidns__signal(struct pidns_task *self, struct pidns_task *t, int32_t sig, bool thread_only)
{
	struct pidns__sender by = sender(self, t);
	int32_t r = check(self, t, sig);

	if (r < 0 || !sig)
		return r;
	if (thread_only)
		pidns__send_task(t, sig, &by);
	else
		pidns__send_process(t, sig, &by);
	return 0;
}

/* ------------------------------------------------------------------------------------------- kill -- */

/* R6.58: 0 if one at least was allowed. */
static int32_t signal_group(struct pidns_task *self, const struct pidns_id *group, int32_t sig)
{
	int32_t r = -PIDNS_ESRCH;

	for (struct pidns_link *l = group ? group->u.first[PIDNS_PGID] : NULL; l; l = l->next) {
		int32_t one = pidns__signal(
			self, pidns__of(l - PIDNS_PGID, struct pidns_process, link)->leader, sig, false);

		if (r != 0)
			r = one;
	}
	return r;
}

/* R6.52, R6.59. */
static int32_t signal_all(struct pidns_task *self, int32_t sig)
{
	int32_t r = -PIDNS_ESRCH;

	pidns__each(node, &self->world->processes) {
		struct pidns_process *p = pidns__of(node, struct pidns_process, node);
		int32_t one;

		if (p == self->process || pidns__seen(p->link[PIDNS_TGID].id, self) <= 1)
			continue;
		one = pidns__signal(self, p->leader, sig, false);
		r = one == -PIDNS_EPERM ? 0 : one;
	}
	return r;
}

static int32_t kill_one(struct pidns_task *self, int32_t pid, int32_t sig)
{
	struct pidns_task *t = pidns__task_at(self, pid);

	return t ? pidns__signal(self, t, sig, false) : -PIDNS_ESRCH;
}

int32_t pidns_kill(struct pidns_task *self, int32_t pid, int32_t sig)
{
	struct pidns_world *w = self->world;
	int32_t r;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (pid > 0)
		r = kill_one(self, pid, sig);
	else if (pid == INT32_MIN)
		r = -PIDNS_ESRCH;
	else if (pid == -1)
		r = signal_all(self, sig);
	else
		r = signal_group(self,
				 pid ? pidns_find(pidns__ns(self), -pid) : self->process->link[PIDNS_PGID].id,
				 sig);
	return pidns__end_call(w, r);
}

static int32_t signal_thread(struct pidns_task *self, int32_t tgid, int32_t tid, int32_t sig)
{
	struct pidns_task *t = pidns__task_at(self, tid);

	if (!t || (tgid && pidns__seen(t->process->link[PIDNS_TGID].id, self) != tgid))
		return -PIDNS_ESRCH;
	return pidns__signal(self, t, sig, true);
}

int32_t pidns_tkill(struct pidns_task *self, int32_t tid, int32_t sig)
{
	struct pidns_world *w = self->world;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	return pidns__end_call(w, tid <= 0 ? -PIDNS_EINVAL : signal_thread(self, 0, tid, sig));
}

int32_t pidns_tgkill(struct pidns_task *self, int32_t tgid, int32_t tid, int32_t sig)
{
	struct pidns_world *w = self->world;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	return pidns__end_call(w,
			       tgid <= 0 || tid <= 0 ? -PIDNS_EINVAL : signal_thread(self, tgid, tid, sig));
}

/* R5.14: a fault's signal cannot be blocked or ignored, and takes an init's protection away. */
int32_t pidns_crash(struct pidns_task *self, int32_t sig)
{
	struct pidns_world *w = self->world;
	struct pidns_process *p = self->process;
	static const struct pidns__sender kernel = { .force = true };
	uint64_t bit;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (sig < 1 || sig > 64)
		return pidns__end_call(w, -PIDNS_EINVAL);
	bit = pidns__sigbit(sig);
	if ((self->blocked & bit) || (p->sighand->ignored & bit) || !(p->sighand->handled & bit)) {
		self->blocked &= ~bit;
		p->unkillable = false;
		pidns__kill_threads(p, sig, NULL);
	} else {
		pidns__send_task(self, sig, &kernel);
	}
	return pidns__end_call(w, 0);
}

/* ------------------------------------------------------------------------------- dispositions, masks -- */

struct pidns__sighand *pidns__sighand_copy(struct pidns_world *w, const struct pidns__sighand *from)
{
	struct pidns__sighand *s = pidns__object_new(w, PIDNS__SIGHAND);

	if (!s)
		return NULL;
	if (from)
		*s = *from;
	s->refs = 1;
	return s;
}

void pidns__sighand_put(struct pidns_world *w, struct pidns__sighand *s)
{
	if (s && --s->refs == 0)
		pidns__object_free(w, PIDNS__SIGHAND, s);
}

int32_t pidns_sigaction(struct pidns_task *self, int32_t sig, enum pidns_action action, uint32_t flags)
{
	struct pidns__sighand *s = self->process->sighand;
	uint64_t bit;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (sig < 1 || sig > 64 || sig == PIDNS_SIGKILL || sig == PIDNS_SIGSTOP)
		return pidns__end_call(self->world, -PIDNS_EINVAL);
	bit = pidns__sigbit(sig);
	s->ignored = action == PIDNS_IGNORE ? s->ignored | bit : s->ignored & ~bit;
	s->handled = action == PIDNS_HANDLE ? s->handled | bit : s->handled & ~bit;
	s->restart = flags & PIDNS_SA_RESTART ? s->restart | bit : s->restart & ~bit;
	if (sig == PIDNS_SIGCHLD) {
		s->no_cld_stop = (flags & PIDNS_SA_NOCLDSTOP) != 0;
		s->no_cld_wait = (flags & PIDNS_SA_NOCLDWAIT) != 0;
	}
	pidns__discard_ignored(self->process, sig);
	return pidns__end_call(self->world, 0);
}

int32_t pidns_sigprocmask(struct pidns_task *self, int32_t how, uint64_t mask)
{
	struct pidns_world *w = self->world;
	int32_t r = 0;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	mask &= ~(pidns__sigbit(PIDNS_SIGKILL) | pidns__sigbit(PIDNS_SIGSTOP));
	switch (how) {
	case PIDNS_SIG_BLOCK:
		self->blocked |= mask;
		break;
	case PIDNS_SIG_UNBLOCK:
		self->blocked &= ~mask;
		break;
	case PIDNS_SIG_SETMASK:
		self->blocked = mask;
		break;
	default:
		r = -PIDNS_EINVAL;
		break;
	}
	pidns__ready(self);
	return pidns__end_call(w, r);
}

/* sigpending(2): those that are blocked. */
uint64_t pidns_sigpending(const struct pidns_task *t)
{
	return (t->pending.set | t->process->pending.set) & t->blocked;
}

int32_t pidns_set_subreaper(struct pidns_task *self, bool on)
{
	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	self->process->subreaper = on;
	return pidns__end_call(self->world, 0);
}

int32_t pidns_set_pdeathsig(struct pidns_task *self, int32_t sig)
{
	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (sig < 0 || sig > 64)
		return pidns__end_call(self->world, -PIDNS_EINVAL);
	self->pdeath_signal = (uint8_t)sig;
	return pidns__end_call(self->world, 0);
}
