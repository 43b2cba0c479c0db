/* SPDX-License-Identifier: MIT */
/*
 * plan_actors.c: who takes part: the guard, a helper init where the tree has none, processes, threads.
 *
 * Keeps:   (P5) and, while planning, a process's thread k is the actor `thread` + k of the process's own actor.
 */
#include "plan_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* Signals whose default action dumps core: signal(7). */
static bool dumps_core(int sig)
{
	static const int signals[] = { SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
				       SIGFPE,  SIGSEGV, SIGSYS,  SIGXCPU, SIGXFSZ };

	for (size_t k = 0; k < sizeof signals / sizeof *signals; k++)
		if (signals[k] == sig)
			return true;
	return false;
}

static int process_actor(struct planner *pl, int32_t i, uint32_t actor, uint32_t first_thread)
{
	const struct tree_process *p = plan__process(pl, i);
	struct plan_actor *a = &pl->plan->actors[actor];

	*a = (struct plan_actor){
		.kind = pl->nodes[i].role == PLAN_WANTED  ? PLAN_KIND_PROCESS
			: pl->nodes[i].role == PLAN_GHOST ? PLAN_KIND_GHOST
							  : PLAN_KIND_HELPER,
		.process = pl->nodes[i].role == PLAN_WANTED ? i : TREE_NONE,
		.thread = first_thread - 1,
		.notify = (uint8_t)(p->notify_signal == TREE_ABSENT ? SIGCHLD : p->notify_signal),
	};
	if (pl->nodes[i].sibling)
		a->flags |= PLAN_SIBLING;
	if (plan__is_stray(pl, i))
		a->flags |= PLAN_STRAY;
	if (plan__is_init(pl, i) && (p->ns != 0 || pl->o.new_namespace))
		a->flags |= PLAN_NEWPID;
	if (p->state == TREE_ZOMBIE && p->exit_signal > 0 && dumps_core(p->exit_signal))
		a->flags |= PLAN_OWN_MEMORY;
	return plan__numbers(pl, p->nspid, p->levels, a);
}

static int thread_actors(struct planner *pl, int32_t i, uint32_t first)
{
	const struct tree_process *p = plan__process(pl, i);

	for (uint32_t k = 1; k < p->threads_len; k++) {
		struct plan_actor *a = &pl->plan->actors[first + k - 1];

		*a = (struct plan_actor){ .kind = PLAN_KIND_THREAD, .process = i, .thread = k };
		TRY(plan__numbers(pl, p->threads[k].nspid, p->levels, a));
	}
	return 0;
}

static int helper_actors(struct planner *pl)
{
	static const int32_t one = 1;
	struct plan_actor *actors = pl->plan->actors;

	actors[0] = (struct plan_actor){ .kind = PLAN_KIND_GUARD, .process = TREE_NONE, .notify = SIGCHLD };
	if (!pl->init)
		return 0;
	actors[pl->init] = (struct plan_actor){
		.kind = PLAN_KIND_INIT, .process = TREE_NONE, .notify = SIGCHLD, .flags = PLAN_NEWPID
	};
	return plan__numbers(pl, &one, 1, &actors[pl->init]);
}

static uint32_t other_threads(const struct tree_process *p)
{
	return p->threads_len > 1 ? p->threads_len - 1 : 0;
}

int plan__actors(struct planner *pl)
{
	const struct tree *t = pl->t;
	struct plan *plan = pl->plan;
	uint32_t base = pl->init + 1, threads = 0;

	free(plan->actors); /* of an attempt that failed */
	plan->numbers_len = 0;
	for (size_t i = 0; i < t->processes_len; i++)
		threads += other_threads(&t->processes[i]);
	plan->actors_len = base + (uint32_t)t->processes_len + threads;
	plan->actors = calloc(plan->actors_len, sizeof *plan->actors);
	if (!plan->actors)
		return -ENOMEM;
	TRY(helper_actors(pl));
	threads = base + (uint32_t)t->processes_len;
	for (size_t k = 0; k < t->processes_len; k++) {
		int32_t i = pl->order[k];

		pl->nodes[i].actor = base + (uint32_t)k;
		TRY(process_actor(pl, i, base + (uint32_t)k, threads));
		TRY(thread_actors(pl, i, threads));
		threads += other_threads(&t->processes[i]);
	}
	plan->root = pl->nodes[0].actor;
	plan->has_init = pl->o.new_namespace;
	plan->first = plan->has_init ? 1 : plan->root;
	return 0;
}
