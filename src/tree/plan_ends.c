/* SPDX-License-Identifier: MIT */
/*
 * plan_ends.c: what comes when everybody is born and in place: threads, deaths, stops, and each list's last step.
 *
 * Zombies whose exit signal is SIGSTOP, below a parent that has not called execve since: each death stops the parent, whose
 * own parent continues it.  That comes after all other deaths, and one after the other: no death can wake it before that.
 *
 * Keeps:   (E3) all who die do so before anybody stops, for a death can orphan a group, which wakes the stopped (R6.47);
 *          (E4) children stop before their parents, who have to see it;
 *          (E5) DONE comes before the process can no longer say so, and after all it has to see done.
 */
#include "plan_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* A death or stop that its parent has to bring about: an init does not take such signals from inside.  Its other deaths
 * it can bring about itself: by a fault, or by reboot(2). */
static bool killed_by_parent(const struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);

	return plan__is_init(pl, i) &&
	       (p->state == TREE_STOPPED || (p->state == TREE_ZOMBIE && p->exit_signal == SIGKILL));
}

static bool can_exec(const struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);

	return p->state == TREE_LIVE && p->threads_len <= 1 && !p->leader_dead && p->argv_len > 0;
}

static uint32_t thread_actor(const struct planner *pl, int32_t i, uint32_t k)
{
	return pl->plan->actors[pl->nodes[i].actor].thread + k;
}

/* ------------------------------------------------------------------------------------------ threads -- */

static int make_threads(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);

	for (uint32_t k = 1; k < p->threads_len; k++) {
		uint32_t actor = thread_actor(pl, i, k);
		struct tree_str name = p->threads[k].name, born = { NULL, 0 };

		TRY(plan__step(pl, pl->nodes[i].actor, PLAN_THREAD, actor, 0));
		if (pl->nodes[i].namer != TREE_NONE)
			born = plan__name_of(plan__process(pl, pl->nodes[i].namer));
		if (name.bytes && !(born.bytes && plan__same_name(name, born)))
			TRY(plan__name(pl, actor, name));
	}
	return 0;
}

/* The thread that does what the process still has to when its leader is dead. */
static bool takes_over(const struct tree_process *p, uint32_t k)
{
	return p->leader_dead && k == 1;
}

/* A stop freezes all threads: whoever brings it about waits for the others to have done their part. */
static int hold_threads(struct planner *pl, int32_t i, uint32_t *stand)
{
	const struct tree_process *p = plan__process(pl, i);
	uint32_t others = p->threads_len > 1 ? p->threads_len - 1 - p->leader_dead : 0;

	*stand = NO_COUNTER;
	if (others && p->state == TREE_STOPPED)
		TRY(plan__counter(pl, others, stand));
	for (uint32_t k = 1; k < p->threads_len; k++) {
		if (takes_over(p, k))
			continue;
		TRY(plan__step(pl, thread_actor(pl, i, k), PLAN_DONE, 0, 0));
		TRY(plan__add_if(pl, thread_actor(pl, i, k), *stand, 1));
		TRY(plan__step(pl, thread_actor(pl, i, k), PLAN_HOLD, 0, 0));
	}
	return 0;
}

/* Threads cannot be made once children live elsewhere, and each thread has a children's namespace of its own. */
static int children_elsewhere(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	int32_t init = pl->t->namespaces[p->children_ns].init;
	uint32_t actor = p->leader_dead ? thread_actor(pl, i, 1) : pl->nodes[i].actor;

	if (!plan__sends_away(p))
		return 0;
	if (plan__unshares(pl, i))
		return plan__step(pl, actor, PLAN_UNSHARE, 0, 0);
	TRY(plan__await(pl, actor, pl->nodes[init].now.born_event));
	TRY(plan__step(pl, actor, PLAN_ENTER, pl->nodes[init].actor,
		       (uint32_t)plan__number_in(pl->t, init, i)));
	return plan__event(pl, actor, &pl->nodes[i].guest_event);
}

/* ------------------------------------------------------------------------------------------- deaths -- */

/* A namespace that is dead in the end was entered before. */
static int await_guests(struct planner *pl, int32_t init)
{
	for (int32_t i = pl->nodes[init].first_guest; i != TREE_NONE; i = pl->nodes[i].next_guest)
		TRY(plan__await(pl, pl->nodes[init].actor, pl->nodes[i].guest_event));
	return 0;
}

static int die(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	uint32_t actor = pl->nodes[i].actor;
	struct plan_who who;

	TRY(await_guests(pl, i));
	if (pl->nodes[i].parent != TREE_NONE && pl->nodes[pl->nodes[i].parent].reexecs)
		TRY(plan__await(pl, actor, pl->nodes[pl->nodes[i].parent].reexec_event));
	if (pl->nodes[i].sibling && !killed_by_parent(pl, i))
		TRY(plan__event(pl, actor, &pl->nodes[i].settled_event));
	TRY(plan__step(pl, actor, PLAN_DONE, 0, 0));
	if (killed_by_parent(pl, i)) {
		TRY(plan__event(pl, actor, &pl->nodes[i].settled_event));
		return plan__step(pl, actor, PLAN_HOLD, 0, 0);
	}
	if (p->exit_signal > 0) {
		bool core = p->core_dumped == 1 && !pl->o.no_core;

		if (p->core_dumped == 1 && !core)
			TRY(plan__note(pl->plan, "%s: it dies without the core dump that it has in the file",
				       plan__who(pl, i, &who)));
		pl->plan->needs_core |= core;
		return plan__step(pl, actor, PLAN_DIE, (uint32_t)p->exit_signal, core);
	}
	if (p->exit_code == TREE_ABSENT)
		TRY(plan__note(pl->plan, "%s: its exit status is not in the file; it exits with 0",
			       plan__who(pl, i, &who)));
	return plan__step(pl, actor, PLAN_EXIT, p->exit_code == TREE_ABSENT ? 0 : (uint32_t)p->exit_code, 0);
}

/* An orphan is its parent's child when the one that it was born to is buried; a sibling, when it is born. */
static int await_adoption(struct planner *pl, uint32_t actor, int32_t c)
{
	int32_t parent = plan__first_parent(pl, c);

	if (parent != pl->nodes[c].parent)
		TRY(plan__await(pl, actor, pl->nodes[parent].gone_event));
	if (plan__is_stray(pl, c))
		TRY(plan__make_known(pl, c));
	return pl->nodes[c].sibling ? plan__await(pl, actor, pl->nodes[c].settled_event) : 0;
}

static int see_one_dead(struct planner *pl, uint32_t actor, int32_t c)
{
	TRY(await_adoption(pl, actor, c));
	if (killed_by_parent(pl, c)) {
		TRY(plan__await(pl, actor, pl->nodes[c].settled_event));
		TRY(plan__step(pl, actor, PLAN_KILL, pl->nodes[c].actor, SIGKILL));
	}
	return plan__step(pl, actor, PLAN_WAIT_DEAD, pl->nodes[c].actor, 0);
}

/* `actor` sees those of the list from `first` on dead that are to be. */
static int see_dead(struct planner *pl, uint32_t actor, int32_t first)
{
	uint32_t count = 0;

	for (int32_t c = first; c != TREE_NONE; c = pl->nodes[c].next_kept) {
		if (plan__process(pl, c)->state != TREE_ZOMBIE || pl->nodes[c].stops_parent)
			continue;
		TRY(see_one_dead(pl, actor, c));
		count++;
	}
	return plan__add_if(pl, actor, pl->k_dead, count);
}

/* All deaths have been seen, but for those after this one in the series. */
static int await_deaths(struct planner *pl, uint32_t actor)
{
	return pl->has_stop ? plan__await(pl, actor, pl->stop_event) : plan__wait_if(pl, actor, pl->k_dead);
}

/*
 * `z` dies, its parent stops, and that one's parent, which made it or is its maker's, continues it.  Nobody who is stopped
 * takes the signal of a parent's end that does not kill; so where that is asked for (engine_leash.c), it has the other
 * as long.
 */
static int die_and_stop_parent(struct planner *pl, int32_t z)
{
	int32_t p = pl->nodes[z].parent, g = pl->nodes[p].parent;
	uint32_t actor = pl->nodes[p].actor, by = g == TREE_NONE ? pl->init : pl->nodes[g].actor, ready, turn,
		 back;
	bool loose = !pl->o.new_namespace && g != TREE_NONE && plan__process(pl, g)->leader_dead;

	TRY(await_deaths(pl, actor));
	if (loose)
		TRY(plan__step(pl, actor, PLAN_LEASH, by, 0));
	TRY(plan__event(pl, actor, &ready)); /* told first: from `turn` on it may be stopped at any moment */
	TRY(plan__await(pl, by, ready));
	TRY(plan__event(pl, actor, &turn));
	if (!killed_by_parent(pl, z))
		TRY(plan__await(pl, pl->nodes[z].actor, turn));
	TRY(die(pl, z));
	TRY(see_one_dead(pl, actor, z));
	if (plan__is_stray(pl, p))
		TRY(plan__make_known(pl, p));
	TRY(plan__step(pl, by, PLAN_CONTINUE, actor, 0));
	TRY(plan__event(pl, by, &back));
	TRY(plan__await(pl, actor, back));
	if (loose)
		TRY(plan__step(pl, actor, PLAN_UNLEASH, 0, 0));
	pl->has_stop = true;
	TRY(plan__event(pl, actor, &pl->stop_event));
	return loose ? plan__await(pl, by, pl->stop_event) : 0;
}

/* -------------------------------------------------------------------------------------------- stops -- */

static int see_stopped(struct planner *pl, uint32_t actor, int32_t first)
{
	for (int32_t c = first; c != TREE_NONE; c = pl->nodes[c].next_kept) {
		if (plan__process(pl, c)->state != TREE_STOPPED)
			continue;
		TRY(await_adoption(pl, actor, c));
		if (killed_by_parent(pl, c)) {
			TRY(plan__await(pl, actor, pl->nodes[c].settled_event));
			TRY(await_deaths(pl, actor));
			TRY(plan__step(pl, actor, PLAN_KILL, pl->nodes[c].actor, SIGSTOP));
		}
		TRY(plan__step(pl, actor, PLAN_WAIT_STOPPED, pl->nodes[c].actor, 0));
	}
	return 0;
}

/* The signal a stopped process stops by: its own, where the kernel lets that one stop it. */
static int stop_signal(struct planner *pl, int32_t i, int *sig)
{
	const struct tree_process *p = plan__process(pl, i);
	int32_t founder = pl->nodes[i].group;
	struct plan *plan = pl->plan;
	struct plan_who who;

	*sig = p->stop_signal > 0 ? p->stop_signal : SIGSTOP;
	if (*sig == SIGSTOP)
		return 0;
	if (!plan__is_init(pl, i) && founder != TREE_NONE && pl->nodes[founder].anchored)
		return 0;
	TRY(plan__note(plan, "%s is stopped by SIGSTOP, not %s: %s", plan__who(pl, i, &who),
		       *sig == SIGTSTP   ? "SIGTSTP"
		       : *sig == SIGTTIN ? "SIGTTIN"
					 : "SIGTTOU",
		       plan__is_init(pl, i) ? "it is a namespace's init" : "its process group is orphaned"));
	*sig = SIGSTOP;
	TRY(plan__grow((void **)&plan->substituted, &plan->substituted_cap, plan->substituted_len + 1,
		       sizeof *plan->substituted));
	plan->substituted[plan->substituted_len++] = i;
	return 0;
}

static int stop(struct planner *pl, int32_t i, uint32_t actor)
{
	int sig;

	TRY(stop_signal(pl, i, &sig));
	if (killed_by_parent(pl, i)) {
		TRY(plan__event(pl, actor, &pl->nodes[i].settled_event));
		return plan__step(pl, actor, PLAN_HOLD, 0, 0);
	}
	if (sig != SIGSTOP)
		TRY(plan__wait_if(pl, actor, pl->k_placed));
	TRY(await_deaths(pl, actor));
	TRY(plan__event(pl, actor, &pl->nodes[i].settled_event));
	return plan__step(pl, actor, PLAN_STOP, (uint32_t)sig, 0);
}

/* ------------------------------------------------------------------------------------ the last step -- */

/* What starts is a string each: one with a NUL inside would be cut short without a word. */
static int check_command(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);

	for (uint32_t k = 0; k < p->argv_len; k++)
		if (tree_str_has_nul(p->argv[k]))
			return plan__refuse(pl, i,
					    "argv[%u] holds a NUL byte, and no program can be given one", k);
	if (tree_str_has_nul(p->cwd))
		return plan__refuse(pl, i, "its cwd holds a NUL byte, and no path does");
	return 0;
}

static int start_program(struct planner *pl, int32_t i)
{
	struct plan *plan = pl->plan;

	TRY(check_command(pl, i));
	TRY(plan__step(pl, pl->nodes[i].actor, PLAN_DONE, 0, 0));
	TRY(plan__grow((void **)&plan->commands, &plan->commands_cap, plan->commands_len + 1,
		       sizeof *plan->commands));
	plan->commands[plan->commands_len] = i;
	return plan__step(pl, pl->nodes[i].actor, PLAN_EXEC, plan->commands_len++, 0);
}

static int end_living(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	uint32_t actor = pl->nodes[i].actor, stand;

	TRY(hold_threads(pl, i, &stand));
	if (pl->o.exec && can_exec(pl, i))
		return start_program(pl, i);
	if (p->leader_dead) {
		TRY(plan__step(pl, actor, PLAN_DONE, 0, 0));
		TRY(plan__step(pl, actor, PLAN_EXIT_THREAD, 0, 0));
		actor = thread_actor(pl, i, 1);
		TRY(plan__step(pl, actor, PLAN_WAIT_LEADER, pl->nodes[i].actor, 0));
		TRY(see_stopped(pl, actor, pl->nodes[i].first_kept)); /* its end has to reach them before */
	}
	TRY(plan__wait_if(pl, actor, stand));
	TRY(plan__step(pl, actor, PLAN_DONE, 0, 0));
	return p->state == TREE_STOPPED ? stop(pl, i, actor) : plan__step(pl, actor, PLAN_HOLD, 0, 0);
}

/* ---------------------------------------------------------------------------------------- the whole -- */

/*
 * Where no namespace's end takes all along, each dies with its parent, should the guard be killed; the engine sees to that at
 * births (engine_leash.c).  An orphan has its parent only now; one whose parent's leader thread is to end stays as it is: that
 * end would be its own.
 */
static int leash(struct planner *pl, int32_t i)
{
	int32_t parent = pl->nodes[i].parent, first = plan__first_parent(pl, i);
	uint32_t actor = pl->nodes[i].actor;

	if (pl->o.new_namespace || (first == parent && !pl->nodes[i].sibling))
		return 0;
	if (parent != TREE_NONE && plan__process(pl, parent)->leader_dead)
		return 0;
	if (first != parent)
		TRY(plan__await(pl, actor, pl->nodes[first].gone_event));
	if (parent != TREE_NONE && pl->nodes[parent].reexecs) /* until then it may seem dead */
		TRY(plan__await(pl, actor, pl->nodes[parent].reexec_event));
	return plan__step(pl, actor, PLAN_LEASH, parent == TREE_NONE ? pl->init : pl->nodes[parent].actor, 0);
}

static int before_deaths(struct planner *pl, int32_t i)
{
	if (plan__dies(pl, i))
		return 0;
	TRY(leash(pl, i));
	TRY(plan__reexec(pl, i));
	TRY(make_threads(pl, i));
	if (plan__process(pl, i)->subreaper == 1 && pl->has_turn)
		TRY(plan__await(pl, pl->nodes[i].actor, pl->turn_event));
	if (plan__process(pl, i)->subreaper == 1)
		TRY(plan__step(pl, pl->nodes[i].actor, PLAN_SUBREAPER, 1, 0));
	return children_elsewhere(pl, i);
}

/* Those of the namespaces around it that die, too, wait for that: they would take it along. */
static int dead_init(struct planner *pl, int32_t i)
{
	int32_t around = pl->t->namespaces[plan__process(pl, i)->ns].parent;

	TRY(await_guests(pl, i));
	TRY(plan__die(pl, i));
	for (; around != TREE_NONE; around = pl->t->namespaces[around].parent) {
		int32_t init = pl->t->namespaces[around].init;

		if (init != TREE_NONE &&
		    (plan__dies(pl, init) || plan__process(pl, init)->state == TREE_ZOMBIE))
			TRY(plan__await(pl, pl->nodes[init].actor, pl->nodes[i].gone_event));
	}
	return 0;
}

static int after_deaths(struct planner *pl, int32_t i)
{
	if (plan__process(pl, i)->state == TREE_ZOMBIE || plan__dies(pl, i))
		return 0;
	if (!plan__process(pl, i)->leader_dead)
		TRY(see_stopped(pl, pl->nodes[i].actor, pl->nodes[i].first_kept));
	return end_living(pl, i);
}

static bool root_is_dead(const struct planner *pl)
{
	return plan__process(pl, 0)->state == TREE_ZOMBIE;
}

static int end_helpers(struct planner *pl)
{
	TRY(see_stopped(pl, pl->init, pl->first_kept));
	if (pl->init) {
		TRY(plan__step(pl, pl->init, PLAN_DONE, 0, 0));
		/* a root that is meant to be a zombie is not reaped before programs run */
		TRY(plan__step(pl, pl->init, pl->o.exec || !root_is_dead(pl) ? PLAN_REAP : PLAN_HOLD,
			       pl->plan->root, 0));
	}
	TRY(plan__step(pl, 0, PLAN_DONE, 0, 0));
	return plan__step(pl, 0, PLAN_GUARD, 0, 0);
}

/* Everybody who dies, for those who stop; but for the series, which comes after that. */
int plan__count_dead(struct planner *pl)
{
	uint32_t dead = (uint32_t)(pl->t->processes_len - pl->wanted->processes_len), waiting = 0;

	for (size_t i = 0; i < pl->wanted->processes_len; i++) {
		dead += pl->t->processes[i].state == TREE_ZOMBIE && !pl->nodes[i].stops_parent;
		waiting += pl->t->processes[i].state == TREE_STOPPED || pl->nodes[i].stops_parent;
	}
	pl->k_dead = NO_COUNTER;
	return dead && waiting ? plan__counter(pl, dead, &pl->k_dead) : 0;
}

/* What a user who asked for programs should know: of those that stay placeholders, and of what execve does to the others. */
static int note_exec(struct planner *pl)
{
	const struct plan *plan = pl->plan;
	uint32_t left = (uint32_t)pl->wanted->processes_len - plan->commands_len, signals = 0;

	if (!pl->o.exec)
		return 0;
	for (uint32_t k = 0; k < plan->commands_len; k++) {
		int16_t sig = pl->wanted->processes[plan->commands[k]].notify_signal;

		signals += sig != TREE_ABSENT && sig != SIGCHLD;
	}
	if (signals)
		TRY(plan__note(
			pl->plan,
			"execve makes SIGCHLD the exit signal of whoever starts a program, and %u of them "
			"had another in the file",
			signals));
	return left ? plan__note(pl->plan,
				 "%u of %zu processes stay placeholders: zombies, stopped ones, those with "
				 "threads "
				 "or without argv in the file",
				 left, pl->wanted->processes_len)
		    : 0;
}

int plan__ends(struct planner *pl)
{
	size_t len = pl->t->processes_len;

	for (size_t k = 0; k < len; k++)
		TRY(before_deaths(pl, pl->order[k]));
	for (size_t k = len; k-- > 0;)
		if (plan__is_dead_init(pl, pl->order[k]))
			TRY(dead_init(pl, pl->order[k]));
	for (size_t k = 0; k < len; k++)
		if (!plan__dies(pl, pl->order[k]) && plan__process(pl, pl->order[k])->state == TREE_ZOMBIE &&
		    !pl->nodes[pl->order[k]].stops_parent)
			TRY(die(pl, pl->order[k]));
	TRY(see_dead(pl, pl->init, pl->first_kept));
	for (size_t k = 0; k < len; k++)
		TRY(see_dead(pl, pl->nodes[pl->order[k]].actor, pl->nodes[pl->order[k]].first_kept));
	for (size_t k = 0; k < len; k++)
		if (pl->nodes[pl->order[k]].stops_parent)
			TRY(die_and_stop_parent(pl, pl->order[k]));
	for (size_t k = len; k-- > 0;)
		TRY(after_deaths(pl, pl->order[k]));
	TRY(end_helpers(pl));
	for (size_t k = 0; k < len; k++)
		pl->plan->actors[pl->nodes[pl->order[k]].actor].thread = 0;
	return note_exec(pl);
}
