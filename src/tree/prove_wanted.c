/* SPDX-License-Identifier: MIT */
/*
 * prove_wanted.c: is the model, after a plan, the wanted tree?
 */
#include "prove.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int same(struct prove *v, const char *what, long want, long got)
{
	return want == got ? 0 : prove__wrong(v, "ends with another %s: %ld, not %ld", what, got, want);
}

/* A number of level 0; 0 = outside. */
static int32_t level_0(const struct prove *v, const struct pidns_id *id)
{
	return id ? pidns_id_number(id, v->o->new_namespace) : 0;
}

/* The guard, the helper init, and whoever they live beside are outside. */
static int32_t process_number(const struct prove *v, struct pidns_task *task)
{
	const struct prove_actor *a = task ? pidns_user(pidns_leader(task)) : NULL;

	if (!a || v->p->actors[a - v->actors].kind < PLAN_KIND_PROCESS)
		return 0;
	return level_0(v, a->id);
}

static int32_t init_number(const struct prove *v, const struct pidns_ns *ns)
{
	const struct pidns_id *init = pidns_find(ns, 1);
	const struct prove_actor *a = NULL;

	if (init && pidns_id_ns(init) == ns && pidns_id_task(init, PIDNS_PID))
		a = pidns_user(pidns_id_task(init, PIDNS_PID));
	return a && v->p->actors[a - v->actors].kind >= PLAN_KIND_PROCESS ? level_0(v, init) : 0;
}

static int32_t wanted_init(const struct prove *v, int32_t ns)
{
	int32_t init = v->t->namespaces[ns].init;

	return init == TREE_NONE ? 0 : v->t->processes[init].nspid[0];
}

static bool is_substituted(const struct prove *v, int32_t process)
{
	for (uint32_t k = 0; k < v->p->substituted_len; k++)
		if (v->p->substituted[k] == process)
			return true;
	return false;
}

static int check_name(struct prove *v, struct tree_str name, const char *got)
{
	size_t len = name.len < TREE_NAME_MAX ? name.len : TREE_NAME_MAX;

	if (!name.bytes || (strlen(got) == len && memcmp(got, name.bytes, len) == 0))
		return 0;
	return prove__wrong(v, "ends with another name");
}

static int check_numbers(struct prove *v, const int32_t *nspid, uint8_t levels)
{
	const struct pidns_id *id = v->actors[v->me].id;

	if (same(v, "level", levels - 1, pidns_id_level(id) - v->o->new_namespace) < 0)
		return -EPROTO;
	for (uint8_t k = 0; k < levels; k++)
		if (same(v, "number", nspid[k], pidns_id_number(id, k + v->o->new_namespace)) < 0)
			return -EPROTO;
	return 0;
}

static int check_status(struct prove *v, const struct tree_process *p, const struct pidns_task *task)
{
	int32_t status = pidns_status(task), sig = status & 0x7f;

	if (p->exit_code != TREE_ABSENT && same(v, "exit code", p->exit_code << 8, status) < 0)
		return -EPROTO;
	if (p->exit_signal != TREE_ABSENT && same(v, "exit signal", p->exit_signal, sig) < 0)
		return -EPROTO;
	if (p->core_dumped == TREE_ABSENT || v->o->no_core)
		return 0;
	return same(v, "core dump", p->core_dumped, v->actors[v->me].core);
}

static int check_state(struct prove *v, const struct tree_process *p, const struct pidns_task *task)
{
	enum pidns_state state = pidns_state(task);
	int stop = is_substituted(v, (int32_t)(p - v->t->processes)) ? SIGSTOP : p->stop_signal;

	if (same(v, "death", p->state == TREE_ZOMBIE, state == PIDNS_ZOMBIE) < 0 ||
	    same(v, "stop", p->state == TREE_STOPPED && !p->leader_dead, state == PIDNS_STOPPED) < 0 ||
	    same(v, "leader thread's death", p->leader_dead, state == PIDNS_LEFT) < 0)
		return -EPROTO;
	if (state == PIDNS_STOPPED && stop != TREE_ABSENT &&
	    same(v, "stop signal", stop, pidns_stop_signal(task)) < 0)
		return -EPROTO;
	return state == PIDNS_ZOMBIE ? check_status(v, p, task) : 0;
}

/* Where nobody lives no init tells: at its level, and the same for all who would have children there. */
static int check_children_space(struct prove *v, const struct tree_process *p, struct pidns_ns *own,
				struct pidns_ns *children)
{
	if (same(v, "namespace for its children", p->children_ns != p->ns, children != own) < 0 ||
	    same(v, "level of its children", v->t->namespaces[p->children_ns].level,
		 pidns_ns_level(children) - v->o->new_namespace) < 0 ||
	    same(v, "namespace's init for its children", wanted_init(v, p->children_ns),
		 init_number(v, children)) < 0)
		return -EPROTO;
	if (!v->spaces[p->children_ns])
		v->spaces[p->children_ns] = children;
	return same(v, "namespace for its children", 1, v->spaces[p->children_ns] == children);
}

/* Of several threads the one that goes on decides where children live. */
static struct pidns_task *who_goes_on(const struct tree_process *p, struct pidns_task *task)
{
	return p->leader_dead ? pidns_next_thread(task) : task;
}

/* The group outside may be the guard's or the helper init's own. */
static int32_t group_number(const struct prove *v, struct pidns_task *task)
{
	const struct pidns_id *id = pidns_task_link(task, PIDNS_PGID);

	for (uint32_t a = 0; a < v->p->actors_len && v->p->actors[a].kind < PLAN_KIND_PROCESS; a++)
		if (v->actors[a].id == id)
			return 0;
	return level_0(v, id);
}

static int check_process(struct prove *v, const struct tree_process *p)
{
	struct pidns_task *task = v->actors[v->me].task;
	bool dead = p->state == TREE_ZOMBIE;

	if (!task)
		return prove__wrong(v, "is gone in the end");
	if (check_numbers(v, p->nspid, p->levels) < 0 ||
	    same(v, "parent", p->ppid, process_number(v, pidns_parent(task))) < 0 ||
	    same(v, "group", p->pgid, group_number(v, task)) < 0 ||
	    same(v, "session", p->sid, level_0(v, pidns_task_link(task, PIDNS_SID))) < 0 ||
	    same(v, "signal for its parent", p->notify_signal == TREE_ABSENT ? SIGCHLD : p->notify_signal,
		 pidns_exit_signal(task)) < 0 ||
	    same(v, "subreaper mark", p->subreaper == 1 && !dead, pidns_is_subreaper(task) && !dead) < 0)
		return -EPROTO;
	if (!dead &&
	    (same(v, "namespace's init", wanted_init(v, p->ns), init_number(v, pidns_task_ns(task))) < 0 ||
	     check_children_space(v, p, pidns_task_ns(task), pidns_task_children_ns(who_goes_on(p, task))) <
		     0))
		return -EPROTO;
	return check_state(v, p, task) < 0 ? -EPROTO : check_name(v, p->comm, v->actors[v->me].name);
}

static int check_thread(struct prove *v, const struct tree_process *p, const struct tree_thread *t)
{
	const struct prove_actor *a = &v->actors[v->me];

	if (!a->task)
		return prove__wrong(v, "is gone in the end");
	if (check_numbers(v, t->nspid, p->levels) < 0 ||
	    same(v, "process", p->nspid[0], process_number(v, a->task)) < 0)
		return -EPROTO;
	return check_name(v, t->name, a->name);
}

/* It lived for a while: buried, and its number kept by whom it was for, a ghost's group or session, or by nobody. */
static int check_gone(struct prove *v, bool ghost)
{
	const struct prove_actor *a = &v->actors[v->me];
	bool held = pidns_id_is_held(a->id, PIDNS_PGID) || pidns_id_is_held(a->id, PIDNS_SID);

	if (a->task)
		return prove__wrong(v, "is still there in the end");
	return same(v, "hold on its number", ghost, held);
}

static int check_actor(struct prove *v, bool ended)
{
	const struct plan_actor *a = &v->p->actors[v->me];
	const struct prove_actor *got = &v->actors[v->me];
	const struct tree_process *p = a->process == TREE_NONE ? NULL : &v->t->processes[a->process];

	if (!got->born)
		return prove__wrong(v, "is not born");
	if (ended && !got->ended)
		return prove__wrong(v, "never does step %u of %u (%s)", got->pc + 1, a->steps_len,
				    plan_op_name(v->p->steps[a->first_step + got->pc].op));
	switch ((enum plan_kind)a->kind) {
	case PLAN_KIND_GUARD:
		return check_name(v, (struct tree_str){ "settid-guard", 12 }, got->name);
	case PLAN_KIND_INIT:
		return check_name(v, (struct tree_str){ "settid-init", 11 }, got->name);
	case PLAN_KIND_GHOST:
	case PLAN_KIND_HELPER:
		return check_gone(v, a->kind == PLAN_KIND_GHOST);
	case PLAN_KIND_THREAD:
		return check_thread(v, p, &p->threads[a->thread]);
	default:
		return check_process(v, p);
	}
}

/* Processes of the file that no actor is. */
static int check_missing(struct prove *v)
{
	uint32_t processes = 0;

	for (uint32_t k = 0; k < v->p->actors_len; k++)
		processes += v->p->actors[k].kind == PLAN_KIND_PROCESS;
	v->me = v->p->actors_len;
	return same(v, "number of processes", (long)v->t->processes_len, processes);
}

int prove__wanted(struct prove *v, bool ended)
{
	for (v->me = 0; v->me < v->p->actors_len; v->me++)
		if (check_actor(v, ended) < 0)
			return -EPROTO;
	return check_missing(v);
}
