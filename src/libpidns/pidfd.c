/* SPDX-License-Identifier: MIT */
/*
 * pidfd.c: descriptors that keep an identity, never a number.
 *
 * Owns:    struct pidns_pidfd: one reference to an identity each.
 * Keeps:   (P1) a pidfd never refers to the number's next owner (R4.6); those of one process are independent of each other.
 */
#include "internal.h"

struct pidns_pidfd *pidns__pidfd_new(struct pidns_world *w, struct pidns_id *id, uint32_t flags)
{
	struct pidns_pidfd *fd = pidns__object_new(w, PIDNS__PIDFD);

	if (!fd)
		return NULL;
	fd->world = w;
	fd->id = pidns_id_get(id);
	fd->flags = flags;
	return fd;
}

void pidns_pidfd_close(struct pidns_pidfd *fd)
{
	if (!fd)
		return;
	pidns_id_put(fd->id);
	pidns__object_free(fd->world, PIDNS__PIDFD, fd);
}

/* R6.66, R6.70. */
static int32_t open_at(struct pidns_task *self, int32_t pid, uint32_t flags, struct pidns_pidfd **out)
{
	struct pidns_world *w = self->world;
	bool tells = pidns__has(w, PIDNS_HAS_PIDFD_ERRNO);
	struct pidns_id *id;

	if ((flags & ~(PIDNS_PIDFD_NONBLOCK | PIDNS_PIDFD_THREAD)) ||
	    ((flags & PIDNS_PIDFD_NONBLOCK) && !pidns__has(w, PIDNS_HAS_PIDFD_NONBLOCK)) ||
	    ((flags & PIDNS_PIDFD_THREAD) && !pidns__has(w, PIDNS_HAS_PIDFD_THREAD)) || pid <= 0)
		return -PIDNS_EINVAL;
	id = pidns_find(pidns__ns(self), pid);
	if (!id)
		return -PIDNS_ESRCH;
	if (!pidns_id_is_held(id, PIDNS_PID))
		return (flags & PIDNS_PIDFD_THREAD) || tells ? -PIDNS_ESRCH : -PIDNS_EINVAL;
	if (!pidns_id_is_held(id, PIDNS_TGID) && !(flags & PIDNS_PIDFD_THREAD))
		return tells ? -PIDNS_ENOENT : -PIDNS_EINVAL;
	*out = pidns__pidfd_new(w, id, flags);
	return *out ? 0 : -PIDNS_ENOMEM;
}

int32_t pidns_pidfd_open(struct pidns_task *self, int32_t pid, uint32_t flags, struct pidns_pidfd **out)
{
	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	return pidns__end_call(self->world, open_at(self, pid, flags, out));
}

/* ---------------------------------------------------------------------------------------- signalling -- */

static int32_t check_flags(const struct pidns_world *w, uint32_t flags)
{
	if (!flags)
		return 0;
	if (!pidns__has(w, PIDNS_HAS_PIDFD_THREAD) || flags > PIDNS_PIDFD_SIGNAL_PROCESS_GROUP ||
	    (flags & (flags - 1)))
		return -PIDNS_EINVAL;
	return 0;
}

static int32_t send_to_group(struct pidns_task *self, const struct pidns_id *id, int32_t sig)
{
	int32_t r = -PIDNS_ESRCH;

	for (struct pidns_link *l = pidns_first(id, PIDNS_PGID); l; l = l->next) {
		struct pidns_process *p = pidns__of(l - PIDNS_PGID, struct pidns_process, link);
		int32_t one = pidns__signal(self, p->leader, sig, false);

		if (r != 0)
			r = one;
	}
	return r;
}

static int32_t send_to(struct pidns_task *self, const struct pidns_id *id, uint32_t scope, int32_t sig)
{
	struct pidns_task *t = pidns_id_task(id, PIDNS_PID);

	if (scope == PIDNS_PIDFD_SIGNAL_PROCESS_GROUP)
		return send_to_group(self, id, sig);
	if (!t)
		return -PIDNS_ESRCH;
	return pidns__signal(self, t, sig, scope == PIDNS_PIDFD_SIGNAL_THREAD);
}

int32_t pidns_pidfd_send(struct pidns_task *self, struct pidns_pidfd *fd, int32_t sig, uint32_t flags)
{
	struct pidns_world *w = self->world;
	int32_t r;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	r = check_flags(w, flags);
	if (r == 0 && !fd)
		r = -PIDNS_EBADF;
	else if (r == 0 && !pidns_ns_contains(pidns__ns(self), pidns_id_ns(fd->id)))
		r = -PIDNS_EINVAL;
	else if (r == 0)
		r = send_to(self, fd->id,
			    !flags && (fd->flags & PIDNS_PIDFD_THREAD) ? PIDNS_PIDFD_SIGNAL_THREAD : flags,
			    sig);
	return pidns__end_call(w, r);
}

int32_t pidns_pidfd_send_self(struct pidns_task *self, bool process, int32_t sig, uint32_t flags)
{
	struct pidns_world *w = self->world;
	int32_t r;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	r = check_flags(w, flags);
	if (r == 0 && !pidns__has(w, PIDNS_HAS_PIDFD_SELF))
		r = -PIDNS_EBADF;
	else if (r == 0)
		r = send_to(self, pidns__link_id(self, process ? PIDNS_TGID : PIDNS_PID),
			    flags || process ? flags : PIDNS_PIDFD_SIGNAL_THREAD, sig);
	return pidns__end_call(w, r);
}

/* ------------------------------------------------------------------------------------------- looking -- */

/* R6.74. */
int32_t pidns_pidfd_poll(const struct pidns_pidfd *fd)
{
	const struct pidns_task *t = pidns_id_task(fd->id, PIDNS_PID);
	bool thread = (fd->flags & PIDNS_PIDFD_THREAD) != 0;

	if (!t)
		return PIDNS_POLLIN | (pidns__has(fd->world, PIDNS_HAS_PIDFD_THREAD) ? PIDNS_POLLHUP : 0);
	if (pidns__is_leader(t))
		thread = false; /* a leader's end is its process's, whoever asks */
	return t->is_zombie || (thread && t->left) ? PIDNS_POLLIN : 0;
}

/* ptrace(2), PTRACE_MODE_READ_REALCREDS, as far as users and capabilities go. */
static bool may_look_at(const struct pidns_task *self, const struct pidns_task *t)
{
	const struct pidns_cred *c = &self->cred, *of = &t->cred;
	/* whose memory is gone is asked for as if it were the first namespace's */
	const struct pidns_user_ns *memory =
		t->process->has_execed && !t->exiting ? of->user_ns : &t->world->user_ns;
	bool same_user = c->uid == of->uid && c->uid == of->euid && c->uid == of->suid;

	if (t->process == self->process)
		return true;
	if (t->process->undumpable && !pidns__capable(c, memory, PIDNS_CAP_SYS_PTRACE))
		return false;
	return pidns__capable(c, of->user_ns, PIDNS_CAP_SYS_PTRACE) ||
	       (same_user && c->user_ns == of->user_ns && !(of->caps & ~c->caps));
}

#define NAMESPACES                                                                             \
	(PIDNS_CLONE_NEWNS | PIDNS_CLONE_NEWCGROUP | PIDNS_CLONE_NEWUTS | PIDNS_CLONE_NEWIPC | \
	 PIDNS_CLONE_NEWUSER | PIDNS_CLONE_NEWPID | PIDNS_CLONE_NEWNET | PIDNS_CLONE_NEWTIME)

static int32_t check_setns(const struct pidns_task *self, const struct pidns_pidfd *fd, uint64_t flags)
{
	const struct pidns_task *t = pidns_id_task(fd->id, PIDNS_PID);

	if (!pidns__has(self->world, PIDNS_HAS_SETNS_PIDFD) || !flags || (flags & ~NAMESPACES))
		return -PIDNS_EINVAL;
	if (!t)
		return -PIDNS_ESRCH;
	if (!may_look_at(self, t))
		return -PIDNS_EPERM;
	if (t->exiting)
		return -PIDNS_ESRCH;
	/* namespaces of other kinds belong to the first user namespace */
	if ((flags & ~PIDNS_CLONE_NEWPID) &&
	    !pidns__capable(&self->cred, &self->world->user_ns, PIDNS_CAP_SYS_ADMIN))
		return -PIDNS_EPERM;
	return 0;
}

int32_t pidns_setns_pidfd(struct pidns_task *self, struct pidns_pidfd *fd, uint64_t flags)
{
	struct pidns_world *w = self->world;
	int32_t r;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	r = check_setns(self, fd, flags);
	if (r < 0 || !(flags & PIDNS_CLONE_NEWPID))
		return pidns__end_call(w, r);
	return pidns_setns(self, pidns_id_ns(fd->id), PIDNS_CLONE_NEWPID);
}

uint32_t pidns_pidfd_flags(const struct pidns_pidfd *fd)
{
	return fd->flags;
}

struct pidns_id *pidns_pidfd_id(const struct pidns_pidfd *fd)
{
	return pidns_id_is_held(fd->id, PIDNS_PID) ? fd->id : NULL;
}

int32_t pidns_pidfd_info(struct pidns_task *self, struct pidns_pidfd *fd, struct pidns_pidfd_info *out)
{
	struct pidns_world *w = self->world;
	const struct pidns_task *t = pidns_id_task(fd->id, PIDNS_PID), *parent;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	if (!pidns__has(w, PIDNS_HAS_PIDFD_INFO))
		return pidns__end_call(w,
				       pidns__has(w, PIDNS_HAS_PIDFD_IOCTL) ? -PIDNS_EINVAL : -PIDNS_ENOTTY);
	if (!pidns_ns_contains(pidns__ns(self), pidns_id_ns(fd->id)))
		return pidns__end_call(w, -PIDNS_EREMOTE);
	if (!t)
		return pidns__end_call(w, -PIDNS_ESRCH);
	parent = pidns_parent(t);
	*out = (struct pidns_pidfd_info){
		.pid = pidns__seen(t->pid.id, self),
		.tgid = pidns__seen(t->process->link[PIDNS_TGID].id, self),
		.ppid = parent ? pidns__seen(parent->process->link[PIDNS_TGID].id, self) : 0,
		.ruid = t->cred.uid,
		.euid = t->cred.euid,
		.suid = t->cred.suid,
	};
	return pidns__end_call(w, 0);
}
