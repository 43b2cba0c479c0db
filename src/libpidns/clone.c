/* SPDX-License-Identifier: MIT */
/*
 * clone.c: clone3 and clone: which error wins, and the birth of a task.
 *
 * Owns:    the order of section 1.  Each check is a row or a line there; nothing is changed before the last of them but
 *          what R1.44 says.
 * Keeps:   (B1) a call that fails has made nothing: no object, no number, no namespace;
 *          (B2) all that can fail for want of memory comes before the numbers, so that a want of memory moves no cursor.
 */
#include "internal.h"

#define SIGNAL_BITS 0xffull
#define KNOWN_FLAGS 0xffffffffull
#define NEW_NAMESPACES                                                                         \
	(PIDNS_CLONE_NEWNS | PIDNS_CLONE_NEWCGROUP | PIDNS_CLONE_NEWUTS | PIDNS_CLONE_NEWIPC | \
	 PIDNS_CLONE_NEWPID | PIDNS_CLONE_NEWNET | PIDNS_CLONE_NEWTIME)

/* ------------------------------------------------------------------------------- what flags may be -- */

/* R1.20 to R1.27, which plain clone has too. */
static int32_t check_legacy(const struct pidns_task *self, const struct pidns_clone_args *a)
{
	const struct {
		uint64_t all;  /* these together ... */
		uint64_t none; /* ... without these  */
	} refused[] = {
		{ PIDNS_CLONE_NEWNS | PIDNS_CLONE_FS, 0 },
		{ PIDNS_CLONE_NEWUSER | PIDNS_CLONE_FS, 0 },
		{ PIDNS_CLONE_THREAD, PIDNS_CLONE_SIGHAND },
		{ PIDNS_CLONE_SIGHAND, PIDNS_CLONE_VM },
		{ PIDNS_CLONE_THREAD | PIDNS_CLONE_NEWUSER, 0 },
		{ PIDNS_CLONE_THREAD | PIDNS_CLONE_NEWPID, 0 },
		{ PIDNS_CLONE_PIDFD | PIDNS_CLONE_DETACHED, 0 },
	};
	bool thread = a->flags & PIDNS_CLONE_THREAD;

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if ((a->flags & refused[i].all) == refused[i].all && !(a->flags & refused[i].none))
			return -PIDNS_EINVAL;
	if ((a->flags & PIDNS_CLONE_PIDFD) && (a->flags & PIDNS_CLONE_PARENT_SETTID) &&
	    a->pidfd == a->parent_tid)
		return -PIDNS_EINVAL;
	if ((a->flags & PIDNS_CLONE_PARENT) && self->process->unkillable)
		return -PIDNS_EINVAL;
	if (thread && self->children_ns != pidns__ns(self))
		return -PIDNS_EINVAL;
	if (thread && (a->flags & PIDNS_CLONE_PIDFD) && !pidns__has(self->world, PIDNS_HAS_PIDFD_THREAD))
		return -PIDNS_EINVAL;
	return 0;
}

/* R1.9 to R1.19: clone3's own. */
static int32_t check_clone3(const struct pidns_task *self, const struct pidns_clone_args *a)
{
	uint64_t known = KNOWN_FLAGS | PIDNS_CLONE_CLEAR_SIGHAND, low = SIGNAL_BITS & ~PIDNS_CLONE_NEWTIME;

	if (a->set_tid_size > PIDNS_LEVEL_MAX)
		return -PIDNS_EINVAL;
	if (a->set_tid_size ? !a->set_tid && !a->set_tid_unreadable : a->set_tid || a->set_tid_unreadable)
		return -PIDNS_EINVAL;
	if (a->exit_signal > 64)
		return -PIDNS_EINVAL;
	if (pidns__has(self->world, PIDNS_HAS_INTO_CGROUP)) {
		known |= PIDNS_CLONE_INTO_CGROUP;
		if ((a->flags & PIDNS_CLONE_INTO_CGROUP) && (a->cgroup > INT32_MAX || !a->has_cgroup_word))
			return -PIDNS_EINVAL;
	}
	if (a->set_tid_unreadable)
		return -PIDNS_EFAULT;
	if ((a->flags & ~known) || (a->flags & (PIDNS_CLONE_DETACHED | low)))
		return -PIDNS_EINVAL;
	if ((a->flags & PIDNS_CLONE_SIGHAND) && (a->flags & PIDNS_CLONE_CLEAR_SIGHAND))
		return -PIDNS_EINVAL;
	if ((a->flags & (PIDNS_CLONE_THREAD | PIDNS_CLONE_PARENT)) && a->exit_signal)
		return -PIDNS_EINVAL;
	return !a->stack == !a->stack_size ? 0 : -PIDNS_EINVAL;
}

/* -------------------------------------------------------------------------------------- a birth -- */

/* What a birth is made of, until the child has it. */
struct birth {
	struct pidns_task *self;
	const struct pidns_clone_args *args;
	struct pidns_task *t;
	struct pidns_process *p; /* NULL for a thread */
	struct pidns__sighand *sighand;
	struct pidns_cred cred;
	struct pidns_ns *ns;
	struct pidns_id *id;
	struct pidns_pidfd *pidfd;
	int32_t fd;
	struct pidns_error *err;
};

static bool is_thread(const struct birth *b)
{
	return (b->args->flags & PIDNS_CLONE_THREAD) != 0;
}

/* Memory first (B2); the rules have no place for the want of it. */
static int32_t objects_new(struct birth *b)
{
	struct pidns_world *w = b->self->world;
	const struct pidns__sighand *own = b->self->process->sighand;

	b->t = pidns__object_new(w, PIDNS__TASK);
	if (!b->t)
		return -PIDNS_ENOMEM;
	if (b->args->flags & PIDNS_CLONE_PIDFD) {
		b->pidfd = pidns__object_new(w, PIDNS__PIDFD);
		if (!b->pidfd)
			return -PIDNS_ENOMEM;
	}
	if (is_thread(b))
		return 0;
	b->p = pidns__object_new(w, PIDNS__PROCESS);
	if (b->p && !(b->args->flags & PIDNS_CLONE_SIGHAND))
		b->sighand = pidns__sighand_copy(w, own);
	if (!b->p || (!b->sighand && !(b->args->flags & PIDNS_CLONE_SIGHAND)))
		return -PIDNS_ENOMEM;
	if (b->args->flags & PIDNS_CLONE_CLEAR_SIGHAND)
		pidns__forget_handlers(b->sighand);
	return 0;
}

/* R1.31, R1.34 to R1.38. */
static int32_t namespaces(struct birth *b)
{
	struct pidns_task *self = b->self;
	struct pidns_ns *active = pidns__ns(self);
	uint64_t flags = b->args->flags;
	struct pidns_user_ns *user;
	int32_t r = 0;

	b->cred = self->cred;
	if (flags & PIDNS_CLONE_NEWUSER) {
		r = pidns__user_ns_new(self, &b->cred, &user);
		if (r < 0) {
			b->cred.user_ns = NULL;
			return r;
		}
	} else {
		pidns__user_ns_get(b->cred.user_ns);
	}
	/* R1.32 */
	if (pidns__over_nproc(self))
		return -PIDNS_EAGAIN;
	if ((flags & NEW_NAMESPACES) && !pidns__capable(&b->cred, b->cred.user_ns, PIDNS_CAP_SYS_ADMIN))
		return -PIDNS_EPERM;
	if (!(flags & PIDNS_CLONE_NEWPID)) {
		b->ns = pidns_ns_get(self->children_ns);
		return 0;
	}
	return pidns__ns_make(self, active, b->cred.user_ns, &b->ns);
}

/* R1.35 to R1.38, for clone and unshare. */
int32_t pidns__ns_make(struct pidns_task *self, struct pidns_ns *parent, struct pidns_user_ns *owner,
		       struct pidns_ns **out)
{
	const struct pidns_user_ns *u = owner;
	int32_t r;

	if (self->children_ns != parent)
		return -PIDNS_EINVAL;
	while (u && u != parent->owner)
		u = u->parent;
	if (!u)
		return -PIDNS_EINVAL;
	if (parent->level == PIDNS_LEVEL_MAX || pidns__over_ns_limit(self->world, owner, self->cred.euid))
		return -PIDNS_ENOSPC;
	r = pidns_ns_new(self->world, parent, owner, out);
	if (r == 0)
		(*out)->user = self->cred.euid;
	return r;
}

static bool may_choose(void *task, const struct pidns_ns *ns)
{
	return pidns__may_choose(task, ns);
}

static int32_t numbers(struct birth *b)
{
	struct pidns_wish wish = { .set_tid = b->args->set_tid,
				   .len = (size_t)b->args->set_tid_size,
				   .may = may_choose,
				   .ctx = b->self };

	return pidns_id_new(b->ns, &wish, &b->id, b->err);
}

/* R1.42, R1.43: what is refused here has already moved cursors. */
static int32_t late(struct birth *b)
{
	struct pidns_world *w = b->self->world;
	struct pidns_pidfd *fd = b->pidfd;

	b->fd = -1;
	if (fd) {
		if (!w->env.pidfd_install)
			return -PIDNS_ENOSYS;
		fd->world = w;
		fd->id = pidns_id_get(b->id);
		fd->flags = is_thread(b) ? PIDNS_PIDFD_THREAD : 0;
		b->fd = w->env.pidfd_install(w->env.ctx, b->self, fd, b->args->pidfd);
		if (b->fd < 0) {
			pidns_id_put(b->id);
			return b->fd;
		}
		b->pidfd = NULL; /* the embedder's now */
	}
	if (b->args->flags & PIDNS_CLONE_INTO_CGROUP)
		return w->env.into_cgroup ? w->env.into_cgroup(w->env.ctx, b->self, b->args->cgroup)
					  : -PIDNS_EBADF;
	return 0;
}

static void undo(struct birth *b)
{
	struct pidns_world *w = b->self->world;

	if (b->id && b->fd >= 0 && w->env.pidfd_undo)
		w->env.pidfd_undo(w->env.ctx, b->self, b->fd);
	if (b->id)
		pidns_id_free(b->id);
	if (b->ns)
		pidns_ns_put(b->ns);
	if (b->cred.user_ns)
		pidns__user_ns_put(b->cred.user_ns);
	if (b->sighand)
		pidns__object_free(w, PIDNS__SIGHAND, b->sighand);
	if (b->pidfd)
		pidns__object_free(w, PIDNS__PIDFD, b->pidfd);
	if (b->p)
		pidns__object_free(w, PIDNS__PROCESS, b->p);
	if (b->t)
		pidns__object_free(w, PIDNS__TASK, b->t);
}

static void process_new(struct birth *b)
{
	struct pidns_process *p = b->p, *own = b->self->process;
	struct pidns_task *self = b->self, *t = b->t;

	p->leader = t;
	p->undumpable = own->undumpable;
	pidns__list_add(&self->world->processes, &p->node);
	pidns__list_init(&p->threads);
	p->sighand = b->sighand ? b->sighand : own->sighand;
	if (!b->sighand)
		own->sighand->refs++;
	p->nproc = own->nproc;
	p->group_exit = -1;
	p->stop_told = p->continue_told = true;
	p->exec_count = own->exec_count;
	t->process = p;
	t->exit_signal = (uint8_t)b->args->exit_signal;
	t->parent = self;
	t->parent_exec_count = own->exec_count;
	if (b->args->flags & PIDNS_CLONE_PARENT) {
		t->parent = own->leader->parent;
		t->exit_signal = own->leader->exit_signal;
		t->parent_exec_count = own->leader->parent_exec_count;
	}
	pidns__list_add(&t->parent->children, &t->sibling);
	if (pidns_id_number(b->id, (int32_t)b->id->level) == 1) {
		b->ns->reaper = t;
		pidns_ns_has_init(b->ns);
		p->unkillable = true;
	}
}

/* Nothing here can fail. */
static struct pidns_task *be_born(struct birth *b)
{
	struct pidns_task *t = b->t, *self = b->self;
	struct pidns_process *own = self->process;

	t->world = self->world;
	t->cred = b->cred;
	t->children_ns = b->ns;
	t->blocked = self->blocked;
	pidns__list_init(&t->children);
	pidns__list_init(&t->sibling);
	pidns__list_init(&t->work);
	if (b->p) {
		process_new(b);
	} else {
		t->process = own;
		t->parent_exec_count = own->leader->parent_exec_count;
	}
	pidns_attach(&t->pid, b->id, PIDNS_PID);
	if (b->p)
		pidns__links_new(b->p, b->id, own->link[PIDNS_PGID].id, own->link[PIDNS_SID].id);
	pidns__list_add(&t->process->threads, &t->thread_node);
	t->process->threads_len++;
	t->process->live++;
	return t;
}

static int32_t clone_checked(struct pidns_task *self, const struct pidns_clone_args *args,
			     struct pidns_task **child, struct pidns_error *err)
{
	struct birth b = { .self = self, .args = args, .fd = -1, .err = err };
	int32_t r = objects_new(&b);

	if (r == 0)
		r = namespaces(&b);
	if (r < 0)
		pidns__fail_plain(err, r);
	else
		r = numbers(&b);
	if (r == 0) {
		r = late(&b);
		if (r < 0)
			pidns__fail_plain(err, r);
	}
	if (r < 0) {
		undo(&b);
		return r;
	}
	*child = be_born(&b);
	return 0;
}

/* ------------------------------------------------------------------------------------------- calls -- */

int32_t pidns_clone3(struct pidns_task *self, const struct pidns_clone_args *args, struct pidns_task **child,
		     struct pidns_error *err)
{
	struct pidns_world *w = self->world;
	int32_t r;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	r = check_clone3(self, args);
	if (r == 0)
		r = check_legacy(self, args);
	if (r < 0)
		pidns__fail_plain(err, r);
	else
		r = clone_checked(self, args, child, err);
	return pidns__end_call(w, r);
}

int32_t pidns_clone(struct pidns_task *self, uint64_t flags, struct pidns_task **child,
		    struct pidns_error *err)
{
	struct pidns_world *w = self->world;
	struct pidns_clone_args *args = &w->args;
	int32_t r;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	*args = (struct pidns_clone_args){ .flags = flags & 0xffffffffull & ~SIGNAL_BITS,
					   .exit_signal = flags & SIGNAL_BITS };
	if (args->flags & (PIDNS_CLONE_THREAD | PIDNS_CLONE_PARENT))
		args->exit_signal = 0;
	r = check_legacy(self, args);
	if (r < 0)
		pidns__fail_plain(err, r);
	else
		r = clone_checked(self, args, child, err);
	return pidns__end_call(w, r);
}

/* --------------------------------------------------------------------------------- the first process -- */

int32_t pidns_boot(struct pidns_world *w, struct pidns_task **out)
{
	struct pidns_task *t = NULL;
	struct pidns_process *p = NULL;
	struct pidns__sighand *sighand = NULL;
	struct pidns_id *id = NULL;
	struct pidns_ns *ns = w->root;
	int32_t r = -PIDNS_ENOMEM;

	if (w->boot)
		return -PIDNS_EEXIST;
	t = pidns__object_new(w, PIDNS__TASK);
	p = t ? pidns__object_new(w, PIDNS__PROCESS) : NULL;
	sighand = p ? pidns__sighand_copy(w, NULL) : NULL;
	if (sighand)
		r = pidns_id_new(ns, &(struct pidns_wish){ .set_tid = &(int32_t){ 1 }, .len = 1 }, &id, NULL);
	if (r < 0) {
		if (sighand)
			pidns__object_free(w, PIDNS__SIGHAND, sighand);
		if (p)
			pidns__object_free(w, PIDNS__PROCESS, p);
		if (t)
			pidns__object_free(w, PIDNS__TASK, t);
		return r;
	}
	*p = (struct pidns_process){ .leader = t,
				     .sighand = sighand,
				     .nproc = UINT32_MAX,
				     .group_exit = -1,
				     .stop_told = true,
				     .continue_told = true,
				     .unkillable = true,
				     .threads_len = 1,
				     .live = 1 };
	pidns__list_init(&p->threads);
	pidns__list_add(&w->processes, &p->node);
	t->world = w;
	t->process = p;
	t->children_ns = pidns_ns_get(ns);
	t->cred = (struct pidns_cred){ .caps = PIDNS_CAP_ALL, .user_ns = pidns__user_ns_get(&w->user_ns) };
	pidns__list_init(&t->children);
	pidns__list_init(&t->sibling);
	pidns__list_init(&t->work);
	pidns_attach(&t->pid, id, PIDNS_PID);
	pidns__links_new(p, id, w->nobody, w->nobody);
	pidns__list_add(&p->threads, &t->thread_node);
	ns->reaper = t;
	ns->cursor = 2;
	pidns_ns_has_init(ns);
	w->boot = t;
	*out = t;
	return 0;
}
