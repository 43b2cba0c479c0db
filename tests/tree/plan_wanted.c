/* SPDX-License-Identifier: MIT */
/*
 * plan_wanted.c: what a plan must be without being run, and what the model must be after it was.
 */
#include "plan_model.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ the wanted tree -- */

static int same(struct sim *s, const char *what, long want, long got)
{
	return want == got ? 0 : sim_wrong(s, "%s is %ld in the end, not %ld", what, got, want);
}

static int32_t level_0(const struct sim *s, int who)
{
	const struct plan_actor *a;

	if (who < 0 || s->p->actors[who].process == TREE_NONE)
		return 0;
	a = &s->p->actors[who];
	return s->p->numbers[a->numbers + a->numbers_len - 1u];
}

static int32_t init_of(const struct sim *s, int ns)
{
	return s->spaces[ns].init == NEVER ? 0 : level_0(s, s->spaces[ns].init);
}

static int32_t wanted_init(const struct sim *s, int32_t ns)
{
	int32_t init = s->t->namespaces[ns].init;

	return init == TREE_NONE ? 0 : s->t->processes[init].nspid[0];
}

static bool is_substituted(const struct sim *s, int32_t process)
{
	for (uint32_t k = 0; k < s->p->substituted_len; k++)
		if (s->p->substituted[k] == process)
			return true;
	return false;
}

static int check_state(struct sim *s, const struct tree_process *p, const struct who *w)
{
	int stop = is_substituted(s, (int32_t)(p - s->t->processes)) ? SIGSTOP : p->stop_signal;

	if (same(s, "dead", p->state == TREE_ZOMBIE, w->dead) < 0 ||
	    same(s, "stopped", p->state == TREE_STOPPED, w->stopped) < 0)
		return -1;
	if (p->state == TREE_STOPPED && stop != TREE_ABSENT &&
	    same(s, "stop signal", stop, w->stop_signal) < 0)
		return -1;
	if (p->exit_code != TREE_ABSENT && same(s, "exit code", p->exit_code, w->code) < 0)
		return -1;
	if (p->exit_signal != TREE_ABSENT && same(s, "exit signal", p->exit_signal, w->signal) < 0)
		return -1;
	if (p->core_dumped != TREE_ABSENT && same(s, "core dump", p->core_dumped, w->core) < 0)
		return -1;
	return same(s, "leader thread's death", p->leader_dead, w->thread_gone);
}

static int check_name(struct sim *s, struct tree_str name, const struct who *w)
{
	size_t len = name.len < 15 ? name.len : 15;

	if (!name.bytes)
		return 0;
	return strlen(w->name) == len && memcmp(w->name, name.bytes, len) == 0
		       ? 0
		       : sim_wrong(s, "has another name");
}

static int check_thread(struct sim *s, const struct tree_process *p, const struct plan_actor *a)
{
	const struct tree_thread *t = &p->threads[a->thread];

	if (same(s, "process", p->nspid[0], level_0(s, s->who[s->me].process)) < 0)
		return -1;
	for (uint8_t k = 0; k < p->levels; k++)
		if (same(s, "number", t->nspid[k],
			 s->p->numbers[a->numbers + (uint32_t)(p->levels - 1 - k)]) < 0)
			return -1;
	return check_name(s, t->name, &s->who[s->me]);
}

/* Whoever creates last has set where children live: of several threads, the one that goes on. */
static int children_ns_of(const struct sim *s, const struct tree_process *p)
{
	for (uint32_t k = 0; p->leader_dead && k < s->p->actors_len; k++)
		if (s->who[k].process == s->me && (int)k != s->me && s->p->actors[k].thread == 1)
			return s->who[k].children_ns;
	return s->who[s->me].children_ns;
}

static int check_helper(struct sim *s)
{
	bool guard = s->p->actors[s->me].kind == PLAN_KIND_GUARD;
	struct tree_str name =
		guard ? (struct tree_str){ "settid-guard", 12 } : (struct tree_str){ "settid-init", 11 };

	return check_name(s, name, &s->who[s->me]);
}

static int check_actor(struct sim *s, bool ended)
{
	const struct plan_actor *a = &s->p->actors[s->me];
	const struct tree_process *p = a->process == TREE_NONE ? NULL : &s->t->processes[a->process];
	const struct who *w = &s->who[s->me];

	if (ended && !w->ended)
		return sim_wrong(s, "does not end: step %u of %u is never done (%s)", w->pc + 1, a->steps_len,
				 w->born ? plan_op_name(sim_step_of(s, s->me)->op) : "it is not born");
	if (!p)
		return check_helper(s);
	if (a->kind == PLAN_KIND_THREAD)
		return check_thread(s, p, a);
	for (uint8_t k = 0; k < p->levels; k++)
		if (same(s, "number", p->nspid[k],
			 s->p->numbers[a->numbers + (uint32_t)(p->levels - 1 - k)]) < 0)
			return -1;
	if (same(s, "parent", p->ppid, level_0(s, w->parent)) < 0 ||
	    same(s, "group", p->pgid, level_0(s, w->group)) < 0 ||
	    same(s, "session", p->sid, level_0(s, w->session)) < 0 ||
	    same(s, "namespace's init", wanted_init(s, p->ns), init_of(s, w->ns)) < 0 ||
	    same(s, "level", p->levels - 1, s->spaces[w->ns].level) < 0 ||
	    same(s, "children's namespace", wanted_init(s, p->children_ns),
		 init_of(s, children_ns_of(s, p))) < 0)
		return -1;
	if (p->subreaper != TREE_ABSENT && same(s, "subreaper", p->subreaper, w->subreaper) < 0)
		return -1;
	if (same(s, "notify signal", p->notify_signal == TREE_ABSENT ? SIGCHLD : p->notify_signal,
		 a->notify) < 0)
		return -1;
	return check_state(s, p, w) < 0 ? -1 : check_name(s, p->comm, w);
}

int sim_check_all(struct sim *s, bool ended)
{
	for (s->me = 0; s->me < (int)s->p->actors_len; s->me++)
		if (check_actor(s, ended) < 0)
			return -1;
	return 0;
}

/* -------------------------------------------------------------------------------------------- form -- */

static bool is_last(uint32_t op)
{
	return op >= PLAN_HOLD;
}

/* The largest operand a step may have, by what it is an index of; UINT32_MAX = any. */
static uint32_t limit_of(const struct plan *p, uint32_t op)
{
	switch (op) {
	case PLAN_CHILD:
	case PLAN_THREAD:
	case PLAN_ENTER:
	case PLAN_OPEN:
	case PLAN_ENTER_OPEN:
	case PLAN_SETPGID_CHILD:
	case PLAN_KILL:
	case PLAN_WAIT_DEAD:
	case PLAN_WAIT_STOPPED:
	case PLAN_WAIT_LEADER:
	case PLAN_REAP:
		return p->actors_len;
	case PLAN_ADD:
	case PLAN_WAIT:
		return p->counters_len;
	case PLAN_NAME:
		return p->text_len;
	case PLAN_EXEC:
		return p->commands_len;
	default:
		return UINT32_MAX;
	}
}

static int check_lists(struct sim *s, uint8_t *made)
{
	const struct plan *p = s->p;

	for (s->me = 0; s->me < (int)p->actors_len; s->me++) {
		const struct plan_actor *a = &p->actors[s->me];

		if (a->steps_len == 0 || a->first_step + a->steps_len > p->steps_len)
			return sim_wrong(s, "has no list");
		for (uint32_t k = 0; k < a->steps_len; k++) {
			const struct plan_step *st = &p->steps[a->first_step + k];

			if (st->op == 0 || st->op >= PLAN_OP_COUNT || st->a >= limit_of(p, st->op))
				return sim_wrong(s, "step %u is no step", k);
			if (is_last(st->op) != (k + 1 == a->steps_len))
				return sim_wrong(
					s, "step %u is a last step in the middle, or the last is none", k);
			if (st->op == PLAN_CHILD || st->op == PLAN_THREAD)
				made[st->a]++;
		}
	}
	return 0;
}

static int check_order(struct sim *s, const uint8_t *made)
{
	const struct plan *p = s->p;
	uint32_t *actor = calloc(s->t->processes_len, sizeof *actor);
	int r = actor ? 0 : -1;

	for (s->me = 0; r == 0 && s->me < (int)p->actors_len; s->me++) {
		const struct plan_actor *a = &p->actors[s->me];
		int32_t parent = a->process == TREE_NONE ? TREE_NONE : s->t->processes[a->process].parent;

		if (made[s->me] != (s->me > 0))
			r = sim_wrong(s, "is made %d times (P2)", made[s->me]);
		else if (s->me > 0 && a->kind < p->actors[s->me - 1].kind)
			r = sim_wrong(s, "stands behind actors of a later kind (P5)");
		else if (a->kind == PLAN_KIND_PROCESS && parent != TREE_NONE && !actor[parent])
			r = sim_wrong(s, "stands before its parent (P5)");
		if (a->kind == PLAN_KIND_PROCESS)
			actor[a->process] = (uint32_t)s->me;
	}
	for (size_t k = 0; r == 0 && k < s->t->processes_len; k++)
		if (!actor[k])
			r = sim_wrong(s, "lacks process %d", (int)s->t->processes[k].nspid[0]);
	free(actor);
	return r;
}

int plan_check_form(const struct plan *p, const struct tree *t, char *why, size_t size)
{
	struct sim s = { .p = p, .t = t, .why = why, .size = size };
	uint8_t *made = calloc(p->actors_len, 1);
	int r = made ? check_lists(&s, made) : -1;

	if (r == 0)
		r = check_order(&s, made);
	free(made);
	return r;
}
