/* SPDX-License-Identifier: MIT */
/*
 * prove_steps.c: each step of a plan as the calls that the engine would make, answered by libpidns.
 *
 * Keeps:   V1; what the model refuses is told with who asked.
 */
#include "prove.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------ births -- */

static int refused(struct prove *v, const char *what, uint32_t actor, int32_t code)
{
	char who[96];

	plan_actor_describe(v->p, v->t, actor, who, sizeof who);
	return prove__wrong(v, "cannot %s %s: %s", what, who, pidns_errname(code));
}

void prove__be_born(struct prove *v, uint32_t actor, struct pidns_task *task)
{
	struct prove_actor *a = &v->actors[actor];

	a->task = task;
	a->id = pidns_id_get(pidns_task_id(task));
	a->ns = pidns_task_ns(task);
	a->pid = pidns_id_number_in(a->id, me(v)->ns);
	a->name = me(v)->name;
	a->born = true;
	pidns_set_user(task, a);
	prove__wake(v, actor);
}

static int birth(struct prove *v, uint32_t actor)
{
	const struct plan_actor *a = &v->p->actors[actor];
	struct pidns_clone_args args = { .exit_signal = a->notify,
					 .set_tid = a->numbers_len ? &v->p->numbers[a->numbers] : NULL,
					 .set_tid_size = a->numbers_len };
	struct pidns_error err = { 0 };
	struct pidns_task *child;
	int32_t r;

	if (v->actors[actor].born)
		return refused(v, "make a second time", actor, -PIDNS_EEXIST);
	args.flags = PIDNS_CLONE_VM | PIDNS_CLONE_FS;
	if (a->kind == PLAN_KIND_THREAD)
		args.flags |= PIDNS_CLONE_THREAD | PIDNS_CLONE_SIGHAND;
	if (a->flags & PLAN_NEWPID)
		args.flags |= PIDNS_CLONE_NEWPID;
	if (a->flags & PLAN_SIBLING)
		args.flags |= PIDNS_CLONE_PARENT;
	if (a->flags & PLAN_SIBLING || a->kind == PLAN_KIND_THREAD)
		args.exit_signal = 0;
	r = pidns_clone3(me(v)->task, &args, &child, &err);
	if (r == -PIDNS_ENOMEM && !pidns_ns_is_closed(pidns_task_children_ns(me(v)->task)))
		return tree_fail(v->err, -ENOMEM, "out of memory while the plan was proven");
	if (r < 0)
		return refused(v, "make", actor, r);
	prove__be_born(v, actor, child);
	if (a->numbers_len != pidns_id_level(v->actors[actor].id) + !v->o->new_namespace)
		return refused(v, "give numbers at all levels to", actor, -PIDNS_EINVAL);
	return 0;
}

/* As the engine knows it: by its numbers, where the actor sees those; else as its maker's clone returned it. */
static int32_t number_of(struct prove *v, uint32_t actor)
{
	const struct plan_actor *a = &v->p->actors[actor], *m = &v->p->actors[v->me];

	if (m->numbers_len && a->numbers_len >= m->numbers_len)
		return v->p->numbers[a->numbers + a->numbers_len - m->numbers_len];
	if (!m->numbers_len && !v->p->has_init)
		return v->p->numbers[a->numbers + a->numbers_len - 1u];
	return v->actors[actor].pid;
}

/* -------------------------------------------------------------------------------------- namespaces -- */

static int enter(struct prove *v, int32_t number)
{
	struct pidns_pidfd *fd;
	int32_t r = pidns_pidfd_open(me(v)->task, number, 0, &fd);

	if (r < 0)
		return prove__wrong(v, "cannot open process %d, whose namespace it enters: %s", (int)number,
				    pidns_errname(r));
	r = pidns_setns_pidfd(me(v)->task, fd, PIDNS_CLONE_NEWPID);
	pidns_pidfd_close(fd);
	return r < 0 ? prove__wrong(v, "cannot enter a namespace: %s", pidns_errname(r)) : 0;
}

/* ------------------------------------------------------------------------------------------- waits -- */

static int wait_counter(struct prove *v, uint32_t counter)
{
	if (v->counters[counter] >= v->p->counters[counter])
		return GOES_ON;
	me(v)->next_waiting = v->waiting[counter];
	v->waiting[counter] = v->me + 1;
	return WAITS;
}

static int add(struct prove *v, const struct plan_step *s)
{
	uint32_t who;

	v->counters[s->a] += s->b;
	if (v->counters[s->a] > v->p->counters[s->a])
		return prove__wrong(v, "makes counter %u more than full", s->a);
	if (v->counters[s->a] < v->p->counters[s->a])
		return 0;
	who = v->waiting[s->a];
	v->waiting[s->a] = 0;
	while (who) {
		uint32_t next = v->actors[who - 1].next_waiting;

		prove__wake(v, who - 1);
		who = next;
	}
	return 0;
}

static int wait_child(struct prove *v, uint32_t actor, uint32_t options)
{
	struct pidns_waited w = { 0 };
	int32_t r = pidns_waitid(me(v)->task, PIDNS_P_PID, number_of(v, actor), NULL,
				 options | PIDNS_WNOHANG | PIDNS_WALL, &w);

	if (r < 0)
		return refused(v, "wait for", actor, r);
	if (w.code)
		return GOES_ON;
	v->actors[actor].child_waits = v->me + 1;
	return WAITS;
}

/* Whom a child's exit signal stops. */
static int continue_child(struct prove *v, uint32_t actor)
{
	struct pidns_waited w = { 0 };
	int32_t number = number_of(v, actor);
	int r = wait_child(v, actor, PIDNS_WSTOPPED);

	if (r != GOES_ON)
		return r;
	r = pidns_kill(me(v)->task, number, SIGCONT);
	if (r == 0)
		r = pidns_waitid(me(v)->task, PIDNS_P_PID, number, NULL,
				 PIDNS_WCONTINUED | PIDNS_WNOHANG | PIDNS_WALL, &w);
	if (r < 0 || !w.code)
		return refused(v, "continue", actor, r < 0 ? r : -PIDNS_EAGAIN);
	return GOES_ON;
}

static int wait_leader(struct prove *v, uint32_t leader)
{
	if (v->actors[leader].task && pidns_state(v->actors[leader].task) == PIDNS_LEFT)
		return GOES_ON;
	v->actors[leader].thread_waits = v->me + 1;
	return WAITS;
}

/* -------------------------------------------------------------------------------------- last steps -- */

static int end(struct prove *v)
{
	if (!me(v)->done)
		return prove__wrong(v, "ends without having reported");
	me(v)->ended = true;
	return 0;
}

static int must_end(struct prove *v, int32_t r, const char *what)
{
	return r == PIDNS_ENDED ? end(v) : prove__wrong(v, "does not %s: %s", what, pidns_errname(r));
}

/* What an init can do to itself: a fault of its own, or reboot(2) (R5.14, R5.28). */
static int die_as_init(struct prove *v, int32_t sig)
{
	static const int32_t faults[] = { 4, 5, 7, 8, 11, 31 };

	if (sig == 1 || sig == 2)
		return must_end(v, pidns_reboot(me(v)->task, sig == 1 ? 0x01234567u : 0xCDEF0123u), "die");
	for (size_t k = 0; k < sizeof faults / sizeof *faults; k++)
		if (faults[k] == sig)
			return must_end(v, pidns_crash(me(v)->task, sig), "die");
	return prove__wrong(v, "is an init, and signal %d is none that it can end itself by", (int)sig);
}

/* All signals are blocked, and this one is let through. */
static int32_t signal_self(struct prove *v, int32_t sig)
{
	int32_t r = -PIDNS_EINVAL;

	if (sig >= 1 && sig <= 64)
		r = pidns_sigprocmask(me(v)->task, PIDNS_SIG_UNBLOCK, (uint64_t)1 << (sig - 1));
	return r < 0 ? r : pidns_kill(me(v)->task, pidns_getpid(me(v)->task), sig);
}

static int die(struct prove *v, const struct plan_step *s)
{
	me(v)->core = s->b;
	if (v->p->actors[v->me].flags & PLAN_NEWPID)
		return die_as_init(v, (int32_t)s->a);
	return must_end(v, signal_self(v, (int32_t)s->a), "die");
}

static int stop(struct prove *v, int32_t sig)
{
	int32_t r = signal_self(v, sig);

	if (r != PIDNS_BLOCKS && r != PIDNS_ENDED)
		return prove__wrong(v, "does not stop by signal %d", (int)sig);
	return end(v);
}

/* The guard leaves its caller's group at last. */
static int guard(struct prove *v)
{
	int32_t r = pidns_setpgid(me(v)->task, 0, 0);

	return r < 0 ? prove__wrong(v, "cannot leave its group: %s", pidns_errname(r)) : end(v);
}

/* ------------------------------------------------------------------------------------------- steps -- */

static int answer(struct prove *v, const char *what, int32_t r)
{
	return r < 0 ? prove__wrong(v, "cannot %s: %s", what, pidns_errname(r)) : 0;
}

/* R5.30: one whose group was founded inside its own namespace can never end. */
static int check_hazard(struct prove *v, struct pidns_task *who)
{
	const struct pidns_id *id = pidns_task_link(who, PIDNS_PGID), *own = pidns_task_id(who);

	if (id && id != own && pidns_id_number_in(own, pidns_task_ns(who)) == 1 &&
	    pidns_id_number_in(id, pidns_task_ns(who)))
		return prove__wrong(v, "puts an init into a group founded inside its namespace (R5.30)");
	return 0;
}

static int move(struct prove *v, struct pidns_task *who, int32_t number, uint32_t group)
{
	int32_t r = pidns_setpgid(me(v)->task, number, (int32_t)group);

	if (r < 0)
		return prove__wrong(v, "cannot move process %d (0 is itself) to group %u: %s", (int)number,
				    group, pidns_errname(r));
	return check_hazard(v, who);
}

/* To whom numbers inside mean nothing. */
static int move_like(struct prove *v, const struct plan_step *s)
{
	if (!v->actors[s->a].task || !v->actors[s->b].born)
		return refused(v, "move", s->a, -PIDNS_ESRCH);
	return move(v, v->actors[s->a].task, number_of(v, s->a), (uint32_t)number_of(v, s->b));
}

/* By the number that it has for the helper init's, or the guard's, neighbours. */
static int move_outside(struct prove *v, uint32_t actor)
{
	bool helper = v->p->actors_len > 1 && v->p->actors[1].kind == PLAN_KIND_INIT;
	const struct pidns_id *id = pidns_task_link(v->actors[helper].task, PIDNS_PGID);

	if (!v->actors[actor].task || !id)
		return refused(v, "move", actor, -PIDNS_ESRCH);
	return move(v, v->actors[actor].task, actor == v->me ? 0 : number_of(v, actor),
		    (uint32_t)pidns_id_number_in(id, me(v)->ns));
}

static int tell(struct prove *v, uint32_t fd)
{
	if (!v->told[fd])
		return prove__wrong(v, "says who it is by a descriptor that is not open");
	v->told[fd] = v->me + 1;
	return 0;
}

static int hear(struct prove *v, const struct plan_step *s)
{
	if (v->told[s->b] != s->a + 1)
		return refused(v, "learn the number of", s->a, -PIDNS_ESRCH);
	v->actors[s->a].pid = pidns_id_number_in(v->actors[s->a].id, me(v)->ns);
	return 0;
}

static int report(struct prove *v)
{
	uint32_t who = v->me;
	int r = 0;

	if (me(v)->done)
		return prove__wrong(v, "reports twice");
	me(v)->done = true;
	if (++v->done ==
	    v->p->actors_len) /* whoever reads the tree from now on must find it as it was wanted */
		r = prove__wanted(v, false);
	v->me = who;
	return r;
}

static int kill_child(struct prove *v, const struct plan_step *s)
{
	const struct plan_actor *a = &v->p->actors[s->a];
	int32_t r;

	if (!v->actors[s->a].done || v->actors[s->a].pc + 1 != a->steps_len)
		return refused(v, "kill, before its part is done,", s->a, -PIDNS_EINVAL);
	v->actors[s->a].ended = true;
	r = pidns_kill(me(v)->task, number_of(v, s->a), (int32_t)s->b);
	return r == PIDNS_BLOCKS ? GOES_ON : answer(v, "kill a child", r); /* that one's end stops it */
}

int prove__carry_out(struct prove *v, const struct plan_step *s)
{
	struct pidns_task *task = me(v)->task;

	switch (s->op) {
	case PLAN_CHILD:
	case PLAN_THREAD:
		return birth(v, s->a);
	case PLAN_ENTER:
		return enter(v, s->b ? (int32_t)s->b : v->actors[s->a].pid);
	case PLAN_LEAVE:
		return enter(v, pidns_getpid(task));
	case PLAN_UNSHARE:
		return answer(v, "leave its children's namespace", pidns_unshare(task, PIDNS_CLONE_NEWPID));
	case PLAN_SETSID:
		return answer(v, "found a session", pidns_setsid(task));
	case PLAN_SETPGID:
		return move(v, task, 0, s->a);
	case PLAN_SETPGID_CHILD:
		return v->actors[s->a].task ? move(v, v->actors[s->a].task, number_of(v, s->a), s->b)
					    : refused(v, "move", s->a, -PIDNS_ESRCH);
	case PLAN_SETPGID_LIKE:
		return move_like(v, s);
	case PLAN_SETPGID_OUTSIDE:
		return move_outside(v, s->a);
	case PLAN_LISTEN:
		v->told[s->a] = PROVE_OPEN;
		return 0;
	case PLAN_TELL:
		return tell(v, s->a);
	case PLAN_HEAR:
		return hear(v, s);
	case PLAN_NAME:
		me(v)->name = v->p->text + s->a;
		return 0;
	case PLAN_SUBREAPER:
		return answer(v, "be a subreaper", pidns_set_subreaper(task, s->a));
	case PLAN_ADD:
		return add(v, s);
	case PLAN_WAIT:
		return wait_counter(v, s->a);
	case PLAN_KILL:
		return kill_child(v, s);
	case PLAN_WAIT_DEAD:
		return wait_child(v, s->a, PIDNS_WEXITED | PIDNS_WNOWAIT);
	case PLAN_BURY:
		return wait_child(v, s->a, PIDNS_WEXITED);
	case PLAN_WAIT_STOPPED:
		return wait_child(v, s->a, PIDNS_WSTOPPED | PIDNS_WNOWAIT);
	case PLAN_LEASH:
		return answer(v, "be made to die with its parent", pidns_set_pdeathsig(task, 9));
	case PLAN_UNLEASH:
		return answer(v, "outlive its parent's leader thread", pidns_set_pdeathsig(task, 0));
	case PLAN_CONTINUE:
		return continue_child(v, s->a);
	case PLAN_WAIT_LEADER:
		return wait_leader(v, s->a);
	case PLAN_REEXEC:
		return answer(v, "execve itself", pidns_exec(task));
	case PLAN_DONE:
		return report(v);
	case PLAN_STOP:
		return stop(v, (int32_t)s->a);
	case PLAN_EXIT:
		return must_end(v, pidns_exit_group(task, (int32_t)s->a), "exit");
	case PLAN_DIE:
		return die(v, s);
	case PLAN_EXIT_THREAD:
		return must_end(v, pidns_exit(task, 0), "end its thread");
	case PLAN_GUARD:
		return guard(v);
	case PLAN_HOLD:
	case PLAN_EXEC:
	case PLAN_REAP:
		return end(v);
	}
	return prove__wrong(v, "has a step that is none");
}
