/* SPDX-License-Identifier: MIT */
/*
 * plan_emit.c: the step lists, once it is known who is born when and who goes to which group.
 *
 * The order inside one process:
 *   name; early children; setsid or a group of its own; the other children; those put into a namespace from
 *   outside; group moves of children; its own join or move; threads; subreaper; confirmed deaths of children;
 *   confirmed stops of children; its own end (hold, exec, stop, exit, die).
 * Keeps: (E1) a list waits only for counters whose adders never wait for this list: founding happens before
 *            any wait but that for a namespace to enter, joins wait for founding, moves for joins, deaths for
 *            moves, stops for deaths, each parent's stop for its children's;
 *        (E2) DONE comes before the process can no longer say so, and after all it has to see done.
 */
#include "plan_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------- arrays -- */

static int grow(void **array, uint32_t *cap, uint32_t need, size_t size)
{
	uint32_t want = *cap ? *cap : 64;
	void *grown;

	if (need <= *cap)
		return 0;
	while (want < need)
		want *= 2;
	grown = realloc(*array, want * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*cap = want;
	return 0;
}

static int step(struct plan *p, enum plan_op op, uint32_t a, uint32_t b)
{
	if (grow((void **)&p->steps, &p->steps_cap, p->steps_len + 1, sizeof *p->steps) < 0)
		return -ENOMEM;
	p->steps[p->steps_len++] = (struct plan_step){ .op = op, .a = a, .b = b };
	return 0;
}

static int counter_new(struct plan *p, uint32_t full, uint32_t *out)
{
	if (grow((void **)&p->counters, &p->counters_cap, p->counters_len + 1, sizeof *p->counters) < 0)
		return -ENOMEM;
	p->counters[p->counters_len] = full;
	*out = p->counters_len++;
	return 0;
}

/* nspid is outermost first; the kernel wants it innermost first. */
static int numbers_add(struct plan *p, const int32_t *nspid, uint8_t levels, struct plan_actor *actor)
{
	if (grow((void **)&p->numbers, &p->numbers_cap, p->numbers_len + levels, sizeof *p->numbers) < 0)
		return -ENOMEM;
	actor->numbers = p->numbers_len;
	actor->numbers_len = levels;
	for (uint8_t k = 0; k < levels; k++)
		p->numbers[p->numbers_len++] = nspid[levels - 1 - k];
	return 0;
}

#define COMM_SIZE 16

static int step_name(struct plan *p, struct tree_str name)
{
	size_t len = name.len < COMM_SIZE - 1 ? name.len : COMM_SIZE - 1;
	uint32_t at = p->text_len;

	if (grow((void **)&p->text, &p->text_cap, p->text_len + COMM_SIZE, 1) < 0)
		return -ENOMEM;
	memset(p->text + at, 0, COMM_SIZE);
	memcpy(p->text + at, name.bytes, len);
	p->text_len += COMM_SIZE;
	return step(p, PLAN_NAME, at, 0);
}

#define TRY(call)                     \
	do {                          \
		int try_r = (call);   \
		if (try_r < 0)        \
			return try_r; \
	} while (0)

static int add_if(struct plan *p, uint32_t counter, uint32_t count)
{
	return counter == NO_COUNTER || !count ? 0 : step(p, PLAN_ADD, counter, count);
}

static int wait_if(struct plan *p, uint32_t counter)
{
	return counter == NO_COUNTER ? 0 : step(p, PLAN_WAIT, counter, 0);
}

/* --------------------------------------------------------------------------------------- properties -- */

static bool is_init(const struct planner *pl, int32_t i)
{
	return pl->t->namespaces[plan__process(pl, i)->ns].init == i;
}

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

/* A death or stop that its parent has to bring about: an init does not take such signals from inside. */
static bool killed_by_parent(const struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);

	return is_init(pl, i) &&
	       (p->state == TREE_STOPPED || (p->state == TREE_ZOMBIE && p->exit_signal > 0));
}

static bool enters(const struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	int32_t parent_ns = p->parent == TREE_NONE ? 0 : plan__process(pl, p->parent)->ns;

	return p->ns != parent_ns && !is_init(pl, i);
}

static bool can_exec(const struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);

	return p->state == TREE_LIVE && p->threads_len <= 1 && !p->leader_dead && p->argv_len > 0;
}

static struct tree_str name_of(const struct tree_process *p)
{
	return p->comm.bytes || p->threads_len == 0 ? p->comm : p->threads[0].name;
}

static bool same_name(struct tree_str a, struct tree_str b)
{
	size_t la = a.len < COMM_SIZE - 1 ? a.len : COMM_SIZE - 1,
	       lb = b.len < COMM_SIZE - 1 ? b.len : COMM_SIZE - 1;

	return a.bytes && b.bytes && la == lb && memcmp(a.bytes, b.bytes, la) == 0;
}

/* The name a process has after its own NAME step, which is the one its children are born with. */
static struct tree_str inherited_name(const struct planner *pl, int32_t i)
{
	while (i != TREE_NONE) {
		struct tree_str name = name_of(plan__process(pl, i));

		if (name.bytes)
			return name;
		i = plan__process(pl, i)->parent;
	}
	return (struct tree_str){ NULL, 0 };
}

/* ----------------------------------------------------------------------------------------- counters -- */

/* A stop freezes all threads: whoever brings it about waits for these to have done their part. */
static uint32_t other_threads(const struct tree_process *p)
{
	uint32_t not_waited_for = p->leader_dead ? 2 : 1;

	return p->threads_len > not_waited_for ? p->threads_len - not_waited_for : 0;
}

static int counters(struct planner *pl)
{
	const struct tree *t = pl->t;
	uint32_t founded = 0, joined = 0, moved = 0, dead = 0, stopped = 0, by_terminal = 0;

	for (size_t i = 0; i < t->processes_len; i++) {
		struct plan_node *n = &pl->nodes[i];

		founded += n->has_members;
		joined += n->way == PLAN_GROUP_JOINS || n->way == PLAN_GROUP_MOVED;
		moved += n->way == PLAN_GROUP_MOVES;
		dead += t->processes[i].state == TREE_ZOMBIE;
		stopped += t->processes[i].state == TREE_STOPPED;
		by_terminal += t->processes[i].stop_signal > 0 && t->processes[i].stop_signal != SIGSTOP;
		n->arrivals = n->settled = n->gate = n->threads_stand = NO_COUNTER;
		if (other_threads(&t->processes[i]) && t->processes[i].state == TREE_STOPPED)
			TRY(counter_new(pl->plan, other_threads(&t->processes[i]), &n->threads_stand));
		if (n->way == PLAN_GROUP_MOVES && !n->steady && n->movers)
			TRY(counter_new(pl->plan, n->movers, &n->arrivals));
		if (n->way == PLAN_GROUP_MOVED || killed_by_parent(pl, (int32_t)i))
			TRY(counter_new(pl->plan, 1, &n->settled));
		if (n->entered)
			TRY(counter_new(pl->plan, 1, &n->gate));
	}
	pl->k_founded = pl->k_joined = pl->k_moved = pl->k_dead = pl->k_placed = NO_COUNTER;
	if (by_terminal)
		TRY(counter_new(pl->plan, (uint32_t)t->processes_len, &pl->k_placed));
	if (joined + moved)
		TRY(counter_new(pl->plan, founded, &pl->k_founded));
	if (joined)
		TRY(counter_new(pl->plan, joined, &pl->k_joined));
	if (moved)
		TRY(counter_new(pl->plan, moved, &pl->k_moved));
	if (dead && stopped)
		TRY(counter_new(pl->plan, dead, &pl->k_dead));
	return 0;
}

/* ----------------------------------------------------------------------------- children of one list -- */

static int birth(struct planner *pl, int32_t c)
{
	return step(pl->plan, PLAN_CHILD, pl->nodes[c].actor, 0);
}

/* Children that live in a namespace which exists already; outer namespaces first, so that no wait is circular. */
static int births_inside(struct planner *pl, int32_t first, int32_t parent)
{
	const struct tree *t = pl->t;

	for (int level = 1; level < TREE_LEVEL_MAX; level++) {
		bool more = false;

		for (int32_t c = first; c != TREE_NONE; c = pl->nodes[c].next_sibling) {
			const struct tree_ns *ns = &t->namespaces[t->processes[c].ns];
			uint32_t number;

			if (!enters(pl, c))
				continue;
			number = parent == TREE_NONE ? 0 : (uint32_t)plan__number_in(t, ns->init, parent);
			more |= ns->level > level;
			if (ns->level != level)
				continue;
			if (parent != TREE_NONE)
				TRY(wait_if(pl->plan, pl->nodes[ns->init].gate));
			TRY(step(pl->plan, PLAN_ENTER, pl->nodes[ns->init].actor, number));
			TRY(birth(pl, c));
			TRY(step(pl->plan, PLAN_LEAVE, 0, 0));
		}
		if (!more)
			break;
	}
	return 0;
}

static int births(struct planner *pl, int32_t first, bool early)
{
	for (int32_t c = first; c != TREE_NONE; c = pl->nodes[c].next_sibling) {
		if ((pl->nodes[c].born_early || pl->nodes[c].before_group) && enters(pl, c))
			return plan__refuse(pl, c,
					    "it was put into a namespace from outside before its parent's "
					    "setsid() or setpgid()");
		if ((pl->nodes[c].born_early || pl->nodes[c].before_group) == early && !enters(pl, c))
			TRY(birth(pl, c));
	}
	return 0;
}

static int group_moves(struct planner *pl, int32_t first, int32_t parent)
{
	bool waited = false;

	for (int32_t c = first; c != TREE_NONE; c = pl->nodes[c].next_sibling) {
		int32_t founder;

		if (pl->nodes[c].way != PLAN_GROUP_MOVED)
			continue;
		if (!waited)
			TRY(wait_if(pl->plan, pl->k_founded));
		waited = true;
		founder = tree_find(pl->t, plan__process(pl, c)->pgid);
		TRY(wait_if(pl->plan, pl->nodes[c].settled));
		TRY(step(pl->plan, PLAN_SETPGID_CHILD, pl->nodes[c].actor,
			 (uint32_t)plan__number_in(pl->t, founder, parent)));
		TRY(add_if(pl->plan, pl->k_joined, 1));
	}
	return 0;
}

static int deaths(struct planner *pl, int32_t first)
{
	uint32_t count = 0;

	for (int32_t c = first; c != TREE_NONE; c = pl->nodes[c].next_sibling) {
		if (plan__process(pl, c)->state != TREE_ZOMBIE)
			continue;
		if (killed_by_parent(pl, c)) {
			TRY(wait_if(pl->plan, pl->nodes[c].settled));
			TRY(step(pl->plan, PLAN_KILL, pl->nodes[c].actor,
				 (uint32_t)plan__process(pl, c)->exit_signal));
		}
		TRY(step(pl->plan, PLAN_WAIT_DEAD, pl->nodes[c].actor, 0));
		count++;
	}
	return add_if(pl->plan, pl->k_dead, count);
}

static int stops(struct planner *pl, int32_t first)
{
	for (int32_t c = first; c != TREE_NONE; c = pl->nodes[c].next_sibling) {
		if (plan__process(pl, c)->state != TREE_STOPPED)
			continue;
		if (killed_by_parent(pl, c)) {
			TRY(wait_if(pl->plan, pl->nodes[c].settled));
			TRY(wait_if(pl->plan, pl->k_dead));
			TRY(step(pl->plan, PLAN_KILL, pl->nodes[c].actor, SIGSTOP));
		}
		TRY(step(pl->plan, PLAN_WAIT_STOPPED, pl->nodes[c].actor, 0));
	}
	return 0;
}

/* ------------------------------------------------------------------------------------- one process -- */

static int own_group(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	const struct plan_node *n = &pl->nodes[i];
	int32_t founder;

	if (n->way == PLAN_GROUP_BORN || n->way == PLAN_GROUP_MOVED)
		return 0;
	founder = tree_find(pl->t, p->pgid);
	TRY(wait_if(pl->plan, pl->k_founded));
	if (n->way == PLAN_GROUP_MOVES) {
		TRY(wait_if(pl->plan, pl->k_joined));
		TRY(wait_if(pl->plan, n->arrivals));
	}
	TRY(step(pl->plan, PLAN_SETPGID, (uint32_t)plan__number_in(pl->t, founder, i), 0));
	if (n->way == PLAN_GROUP_JOINS)
		return add_if(pl->plan, pl->k_joined, 1);
	TRY(add_if(pl->plan, pl->nodes[founder].arrivals, 1));
	return add_if(pl->plan, pl->k_moved, 1);
}

/* The signal a stopped process stops by: its own, where the kernel lets that one stop it. */
static int stop_signal(struct planner *pl, int32_t i, int *sig)
{
	const struct tree_process *p = plan__process(pl, i);
	int32_t founder = p->pgid ? tree_find(pl->t, p->pgid) : TREE_NONE;
	struct plan_who who;

	*sig = p->stop_signal > 0 ? p->stop_signal : SIGSTOP;
	if (*sig == SIGSTOP)
		return 0;
	if (!is_init(pl, i) && founder != TREE_NONE && pl->nodes[founder].anchored)
		return 0;
	TRY(plan__note(pl->plan, "%s is stopped by SIGSTOP, not %s: %s", plan__who(pl, i, &who),
		       *sig == SIGTSTP   ? "SIGTSTP"
		       : *sig == SIGTTIN ? "SIGTTIN"
					 : "SIGTTOU",
		       is_init(pl, i) ? "it is a namespace's init" : "its process group is orphaned"));
	*sig = SIGSTOP;
	if (grow((void **)&pl->plan->substituted, &pl->plan->substituted_cap, pl->plan->substituted_len + 1,
		 sizeof *pl->plan->substituted) < 0)
		return -ENOMEM;
	pl->plan->substituted[pl->plan->substituted_len++] = i;
	return 0;
}

static int end_dead(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	const struct plan_node *n = &pl->nodes[i];
	struct plan_who who;

	if (n->has_members) {
		TRY(wait_if(pl->plan, pl->k_joined));
		TRY(wait_if(pl->plan, pl->k_moved));
	}
	TRY(step(pl->plan, PLAN_DONE, 0, 0));
	if (killed_by_parent(pl, i)) {
		if (p->exit_signal != SIGKILL)
			return plan__refuse(
				pl, i,
				"it is a namespace's init that died from signal %d: an init takes no "
				"deadly signal but SIGKILL from outside",
				p->exit_signal);
		TRY(add_if(pl->plan, n->settled, 1));
		return step(pl->plan, PLAN_HOLD, 0, 0);
	}
	if (p->exit_signal > 0) {
		pl->plan->needs_core |= p->core_dumped == 1;
		return step(pl->plan, PLAN_DIE, (uint32_t)p->exit_signal, p->core_dumped == 1);
	}
	if (p->exit_code == TREE_ABSENT)
		TRY(plan__note(pl->plan, "%s: its exit status is not in the file; it exits with 0",
			       plan__who(pl, i, &who)));
	return step(pl->plan, PLAN_EXIT, p->exit_code == TREE_ABSENT ? 0 : (uint32_t)p->exit_code, 0);
}

/* Stop or hold, by whichever thread is there to do it. */
static int end_living(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	int sig;

	TRY(wait_if(pl->plan, pl->nodes[i].threads_stand));
	TRY(step(pl->plan, PLAN_DONE, 0, 0));
	TRY(add_if(pl->plan, pl->nodes[i].settled, killed_by_parent(pl, i)));
	if (p->state != TREE_STOPPED)
		return step(pl->plan, PLAN_HOLD, 0, 0);
	TRY(stop_signal(pl, i, &sig));
	if (killed_by_parent(pl, i))
		return step(pl->plan, PLAN_HOLD, 0, 0);
	if (sig != SIGSTOP) /* those do nothing in an orphaned group (R6.48) */
		TRY(wait_if(pl->plan, pl->k_placed));
	TRY(wait_if(pl->plan, pl->k_dead));
	return step(pl->plan, PLAN_STOP, (uint32_t)sig, 0);
}

static int end_of_process(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	struct plan *plan = pl->plan;

	if (p->state == TREE_ZOMBIE)
		return end_dead(pl, i);
	if (p->leader_dead) {
		TRY(step(plan, PLAN_DONE, 0, 0));
		return step(plan, PLAN_EXIT_THREAD, 0, 0);
	}
	if (pl->o.exec && can_exec(pl, i)) {
		TRY(step(plan, PLAN_DONE, 0, 0));
		if (grow((void **)&plan->commands, &plan->commands_cap, plan->commands_len + 1,
			 sizeof *plan->commands) < 0)
			return -ENOMEM;
		plan->commands[plan->commands_len] = i;
		return step(plan, PLAN_EXEC, plan->commands_len++, 0);
	}
	return end_living(pl, i);
}

static int process_steps(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	struct plan_node *n = &pl->nodes[i];
	struct plan *plan = pl->plan;
	struct plan_actor *a = &plan->actors[n->actor];

	a->first_step = plan->steps_len;
	if (name_of(p).bytes &&
	    (p->parent == TREE_NONE || !same_name(name_of(p), inherited_name(pl, p->parent))))
		TRY(step_name(plan, name_of(p)));
	TRY(add_if(plan, n->gate, 1));
	TRY(births(pl, n->first_child, true));
	if (n->leads_session)
		TRY(step(plan, PLAN_SETSID, 0, 0));
	else if (n->founds)
		TRY(step(plan, PLAN_SETPGID, 0, 0));
	if (n->has_members)
		TRY(add_if(plan, pl->k_founded, 1));
	TRY(births(pl, n->first_child, false));
	TRY(births_inside(pl, n->first_child, i));
	if (n->way == PLAN_GROUP_MOVED && !killed_by_parent(pl, i))
		TRY(add_if(plan, n->settled, 1));
	TRY(group_moves(pl, n->first_child, i));
	TRY(own_group(pl, i));
	TRY(add_if(plan, pl->k_placed, 1));
	for (uint32_t k = 1; k < p->threads_len; k++)
		TRY(step(plan, PLAN_THREAD, plan->actors[n->actor].thread + k, 0));
	if (p->subreaper == 1)
		TRY(step(plan, PLAN_SUBREAPER, 1, 0));
	TRY(deaths(pl, n->first_child));
	TRY(stops(pl, n->first_child));
	TRY(end_of_process(pl, i));
	a->steps_len = plan->steps_len - a->first_step;
	return 0;
}

/* A thread takes its name and holds; where the leader is dead, the first one does what the process still has to. */
static int thread_steps(struct planner *pl, int32_t i, uint32_t k, uint32_t actor)
{
	const struct tree_process *p = plan__process(pl, i);
	struct plan *plan = pl->plan;
	uint32_t first = plan->steps_len;

	if (p->threads[k].name.bytes && !same_name(p->threads[k].name, inherited_name(pl, i)))
		TRY(step_name(plan, p->threads[k].name));
	if (k == 1 && p->leader_dead) {
		TRY(step(plan, PLAN_WAIT_LEADER, pl->nodes[i].actor, 0));
		TRY(end_living(pl, i));
	} else {
		TRY(step(plan, PLAN_DONE, 0, 0));
		TRY(add_if(plan, pl->nodes[i].threads_stand, 1));
		TRY(step(plan, PLAN_HOLD, 0, 0));
	}
	plan->actors[actor].first_step = first;
	plan->actors[actor].steps_len = plan->steps_len - first;
	return 0;
}

/* ------------------------------------------------------------------------------------------ helpers -- */

static int named_helper(struct plan *plan, uint32_t actor, const char *name)
{
	plan->actors[actor].first_step = plan->steps_len;
	return step_name(plan, (struct tree_str){ name, strlen(name) });
}

/* What the parent of the roots does: the guard, or the helper init where there is one. */
static int roots_steps(struct planner *pl)
{
	TRY(births(pl, pl->first_root, false));
	TRY(births_inside(pl, pl->first_root, TREE_NONE));
	TRY(deaths(pl, pl->first_root));
	return stops(pl, pl->first_root);
}

static int helper_steps(struct planner *pl, uint32_t init)
{
	struct plan *plan = pl->plan;

	TRY(named_helper(plan, 0, "settid-guard"));
	if (init)
		TRY(step(plan, PLAN_CHILD, init, 0));
	else
		TRY(roots_steps(pl));
	TRY(step(plan, PLAN_DONE, 0, 0));
	TRY(step(plan, PLAN_GUARD, 0, 0));
	plan->actors[0].steps_len = plan->steps_len - plan->actors[0].first_step;
	if (!init)
		return 0;
	TRY(named_helper(plan, init, "settid-init"));
	TRY(roots_steps(pl));
	TRY(step(plan, PLAN_DONE, 0, 0));
	TRY(step(plan, pl->o.exec ? PLAN_REAP : PLAN_HOLD, plan->root, 0));
	plan->actors[init].steps_len = plan->steps_len - plan->actors[init].first_step;
	return 0;
}

static int process_actor(struct planner *pl, int32_t i, uint32_t actor, uint32_t first_thread)
{
	const struct tree_process *p = plan__process(pl, i);
	struct plan_actor *a = &pl->plan->actors[actor];

	*a = (struct plan_actor){
		.kind = PLAN_KIND_PROCESS,
		.process = i,
		.thread = first_thread, /* while planning: thread k is actor first_thread + k */
		.notify = (uint8_t)(p->notify_signal == TREE_ABSENT ? SIGCHLD : p->notify_signal),
	};
	if (is_init(pl, i) && (p->ns != 0 || pl->o.new_namespace))
		a->flags |= PLAN_NEWPID;
	if (p->state == TREE_ZOMBIE && p->exit_signal > 0 && dumps_core(p->exit_signal) &&
	    !killed_by_parent(pl, i))
		a->flags |= PLAN_OWN_MEMORY;
	return numbers_add(pl->plan, p->nspid, p->levels, a);
}

static int actors(struct planner *pl, uint32_t *init)
{
	const struct tree *t = pl->t;
	struct plan *plan = pl->plan;
	bool needs_init = pl->o.new_namespace && t->namespaces[0].init == TREE_NONE;
	static const int32_t one = 1;
	uint32_t base = needs_init ? 2 : 1, threads = 0;

	for (size_t i = 0; i < t->processes_len; i++)
		threads += t->processes[i].threads_len > 1 ? t->processes[i].threads_len - 1 : 0;
	plan->actors_len = base + (uint32_t)t->processes_len + threads;
	plan->actors = calloc(plan->actors_len, sizeof *plan->actors);
	if (!plan->actors)
		return -ENOMEM;
	plan->actors[0] =
		(struct plan_actor){ .kind = PLAN_KIND_GUARD, .process = TREE_NONE, .notify = SIGCHLD };
	*init = needs_init;
	if (needs_init) {
		plan->actors[1] = (struct plan_actor){
			.kind = PLAN_KIND_INIT, .process = TREE_NONE, .notify = SIGCHLD, .flags = PLAN_NEWPID
		};
		TRY(numbers_add(plan, &one, 1, &plan->actors[1]));
	}
	threads = base + (uint32_t)t->processes_len;
	for (size_t k = 0; k < t->processes_len; k++) {
		int32_t i = pl->order[k];
		const struct tree_process *p = &t->processes[i];

		pl->nodes[i].actor = base + (uint32_t)k;
		TRY(process_actor(pl, i, base + (uint32_t)k, threads - 1));
		for (uint32_t th = 1; th < p->threads_len; th++, threads++) {
			plan->actors[threads] =
				(struct plan_actor){ .kind = PLAN_KIND_THREAD, .process = i, .thread = th };
			TRY(numbers_add(plan, p->threads[th].nspid, p->levels, &plan->actors[threads]));
		}
	}
	plan->root = pl->nodes[pl->first_root].actor;
	plan->has_init = pl->o.new_namespace;
	return 0;
}

/* What a user who asked for programs should know of those that stay placeholders. */
static int note_exec(struct planner *pl)
{
	uint32_t left = (uint32_t)pl->t->processes_len - pl->plan->commands_len;

	if (!pl->o.exec || !left)
		return 0;
	return plan__note(pl->plan,
			  "%u of %zu processes stay placeholders: zombies, stopped ones, those with threads "
			  "or without argv in the file",
			  left, pl->t->processes_len);
}

int plan__emit(struct planner *pl)
{
	struct plan *plan = pl->plan;
	uint32_t init, base;

	if (!pl->o.new_namespace && pl->t->namespaces[0].init != TREE_NONE)
		return plan__refuse(pl, pl->t->namespaces[0].init,
				    "it wants number 1 of a namespace that exists already and has an init: "
				    "use --into new");
	TRY(actors(pl, &init));
	base = init + 1;
	TRY(counters(pl));
	TRY(helper_steps(pl, init));
	for (size_t k = 0; k < pl->t->processes_len; k++)
		TRY(process_steps(pl, pl->order[k]));
	for (uint32_t a = base + (uint32_t)pl->t->processes_len; a < plan->actors_len; a++)
		TRY(thread_steps(pl, plan->actors[a].process, plan->actors[a].thread, a));
	for (uint32_t a = base; a < base + (uint32_t)pl->t->processes_len; a++)
		plan->actors[a].thread = 0;
	return note_exec(pl);
}
