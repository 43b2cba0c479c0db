/* SPDX-License-Identifier: MIT */
/*
 * plan_sim.c: a plan's steps on the model, and the rules of Linux that it knows (R numbers: specification).
 *
 * Keeps:   (M2) nothing is believed of the plan but its steps: the wanted tree is looked at in the end only.
 */
#include "plan_model.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int sim_wrong(struct sim *s, const char *fmt, ...)
{
	char who[96] = "the plan", what[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (s->me >= 0)
		plan_actor_describe(s->p, s->t, (uint32_t)s->me, who, sizeof who);
	snprintf(s->why, s->size, "%s: %s", who, what);
	return -1;
}

static uint32_t roll(struct sim *s, uint32_t sides)
{
	s->random = s->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(s->random >> 33) % sides;
}

/* ----------------------------------------------------------------------------------------- numbers -- */

static bool is_inside(const struct sim *s, int ns, int outer)
{
	while (ns >= 0 && ns != outer)
		ns = s->spaces[ns].parent;
	return ns == outer;
}

/* The number of `who` in namespace `ns`; 0 = it has none that a plan could know. */
static int32_t number_in(const struct sim *s, int who, int ns)
{
	const struct plan_actor *a = &s->p->actors[who];
	int depth = s->spaces[s->who[who].ns].level - s->spaces[ns].level;

	if (!s->who[who].born || !is_inside(s, s->who[who].ns, ns) || depth >= a->numbers_len)
		return 0;
	return s->p->numbers[a->numbers + (uint32_t)depth];
}

static int find(const struct sim *s, int32_t number, int ns)
{
	for (uint32_t k = 0; k < s->p->actors_len; k++)
		if (number && number_in(s, (int)k, ns) == number)
			return (int)k;
	return NEVER;
}

static bool is_process(const struct sim *s, int k)
{
	return s->who[k].born && s->who[k].process == k;
}

static bool is_init(const struct sim *s, int who)
{
	return s->spaces[s->who[who].ns].init == who;
}

/* ------------------------------------------------------------------------------------------- births -- */

static int check_numbers(struct sim *s, uint32_t child)
{
	const struct plan_actor *a = &s->p->actors[child];
	int ns = s->who[child].ns;

	if (s->spaces[ns].level + 1 != a->numbers_len)
		return sim_wrong(s, "has %d numbers for a child at level %d", a->numbers_len,
				 s->spaces[ns].level);
	s->who[child].born = false;
	for (uint8_t k = 0; k < a->numbers_len; k++, ns = s->spaces[ns].parent)
		if (find(s, s->p->numbers[a->numbers + k], ns) != NEVER)
			return sim_wrong(s, "gives a child number %d, which is taken",
					 (int)s->p->numbers[a->numbers + k]);
	s->who[child].born = true;
	return 0;
}

static int new_space(struct sim *s, int parent, int init)
{
	s->spaces[s->spaces_len] =
		(struct space){ parent, init, parent < 0 ? -1 : s->spaces[parent].level + 1 };
	return s->spaces_len++;
}

static int child(struct sim *s, uint32_t c)
{
	struct who *me = &s->who[s->me], *w = &s->who[c];
	const struct plan_actor *a = &s->p->actors[c];

	if (w->born)
		return sim_wrong(s, "makes an actor a second time");
	*w = *me;
	*w = (struct who){ .born = true,
			   .process = (int)c,
			   .parent = s->me,
			   .ns = me->children_ns,
			   .group = me->group,
			   .session = me->session,
			   .stop_signal = NEVER };
	memcpy(w->name, me->name, sizeof w->name);
	if (a->flags & PLAN_NEWPID) {
		if (me->children_ns != me->ns)
			return sim_wrong(s, "makes a namespace while its children live elsewhere (R1.35)");
		w->ns = new_space(s, me->ns, (int)c);
	} else if (s->spaces[w->ns].init != NEVER && s->who[s->spaces[w->ns].init].dead) {
		return sim_wrong(s, "forks into a namespace whose init is dead (R5.8)");
	}
	w->children_ns = w->ns;
	if ((a->flags & PLAN_NEWPID) && s->p->numbers[a->numbers] != 1)
		return sim_wrong(s, "makes an init that is not number 1 (R2.8)");
	return check_numbers(s, c);
}

static int thread(struct sim *s, uint32_t c)
{
	const struct who *me = &s->who[s->me];
	struct who *w = &s->who[c];

	if (w->born)
		return sim_wrong(s, "makes a thread a second time");
	if (me->children_ns != me->ns)
		return sim_wrong(s, "makes a thread while its children live elsewhere (R1.25)");
	*w = (struct who){ .born = true,
			   .process = s->me,
			   .parent = me->parent,
			   .ns = me->ns,
			   .children_ns = me->ns,
			   .stop_signal = NEVER };
	memcpy(w->name, me->name, sizeof w->name);
	return check_numbers(s, c);
}

/* -------------------------------------------------------------------------------------- namespaces -- */

static int enter(struct sim *s, uint32_t init)
{
	struct who *me = &s->who[s->me];
	const struct who *i = &s->who[init];

	if (!i->born || i->dead || !is_init(s, (int)init))
		return sim_wrong(s, "enters a namespace whose init is not there");
	if (!is_inside(s, i->ns, me->ns))
		return sim_wrong(s, "enters a namespace that is not inside its own (R5.4)");
	me->children_ns = i->ns;
	return 0;
}

static int enter_by_number(struct sim *s, const struct plan_step *st)
{
	if (st->b == 0 && (!s->who[st->a].born || s->who[st->a].parent != s->me))
		return sim_wrong(s, "enters the namespace of somebody who is no child of its own");
	if (st->b != 0 && find(s, (int32_t)st->b, s->who[s->me].ns) != (int)st->a)
		return sim_wrong(s, "cannot name the init of the namespace that it enters");
	return enter(s, st->a);
}

/* ------------------------------------------------------------------------------------------ groups -- */

static bool group_has_members(const struct sim *s, int group, int session)
{
	for (int k = 0; k < (int)s->p->actors_len; k++)
		if (is_process(s, k) && s->who[k].group == group && s->who[k].session == session)
			return true;
	return false;
}

/* R5.30: an init in a group founded by another process of its namespace can never end. */
static int check_hazard(struct sim *s, int who)
{
	int group = s->who[who].group;

	if (is_init(s, who) && group != who && group >= 0 && is_inside(s, s->who[group].ns, s->who[who].ns))
		return sim_wrong(s, "an init is in a group founded inside its namespace (R5.30)");
	return 0;
}

/* `me` moves `who` to the group with number `number` in its own namespace. */
static int move(struct sim *s, int who, uint32_t number)
{
	const struct who *me = &s->who[s->me];
	struct who *w = &s->who[who];
	int group = number ? find(s, (int32_t)number, me->ns) : who;

	if (w->session == who)
		return sim_wrong(s, "moves a session's leader (R6.37)");
	if (w->session != me->session)
		return sim_wrong(s, "moves a child of another session (R6.35)");
	if (w->execs)
		return sim_wrong(s, "moves a child that has exec'd (R6.35)");
	if (group == NEVER)
		return sim_wrong(s, "names group %u, which is not visible to it (R6.38)", number);
	if (group != who && !group_has_members(s, group, me->session))
		return sim_wrong(s, "names group %u, which has no members in its session (R6.38)", number);
	w->group = group;
	return check_hazard(s, who);
}

static int move_child(struct sim *s, const struct plan_step *st)
{
	if (!s->who[st->a].born || s->who[st->a].parent != s->me || !is_process(s, (int)st->a))
		return sim_wrong(s, "moves somebody who is no child of its own (R6.36)");
	return move(s, (int)st->a, st->b);
}

static int found_session(struct sim *s)
{
	struct who *me = &s->who[s->me];

	for (int k = 0; k < (int)s->p->actors_len; k++)
		if (is_process(s, k) && s->who[k].group == s->me)
			return sim_wrong(s, "founds a session while its number is a group's (R6.41)");
	me->group = me->session = s->me;
	return 0;
}

/* R6.47, among the living. */
static bool is_orphaned(const struct sim *s, int group)
{
	for (int k = 0; k < (int)s->p->actors_len; k++) {
		const struct who *w = &s->who[k], *parent = w->parent < 0 ? NULL : &s->who[w->parent];

		if (is_process(s, k) && !w->dead && w->group == group && parent &&
		    parent->session == w->session && parent->group != group)
			return false;
	}
	return true;
}

static bool has_stopped(const struct sim *s, int group)
{
	for (int k = 0; k < (int)s->p->actors_len; k++)
		if (is_process(s, k) && s->who[k].group == group && s->who[k].stopped)
			return true;
	return false;
}

/* ---------------------------------------------------------------------------------- deaths and stops -- */

static int die(struct sim *s, int who, int code, int signal, int core)
{
	struct who *w = &s->who[who];
	bool orphaned = is_orphaned(s, w->group);

	for (int k = 0; k < (int)s->p->actors_len; k++) {
		if (k != who && is_process(s, k) && s->who[k].parent == who)
			return sim_wrong(s, "dies and leaves children behind");
		if (k != who && s->who[k].born && is_init(s, who) && is_inside(s, s->who[k].ns, w->ns))
			return sim_wrong(s, "an init dies, and somebody is left in its namespace (R5.24)");
	}
	w->dead = w->ended = true;
	w->code = code;
	w->signal = signal;
	w->core = core;
	if (!orphaned && is_orphaned(s, w->group) && has_stopped(s, w->group))
		return sim_wrong(s,
				 "its death orphans a group and wakes those of it that are stopped (R6.47)");
	return 0;
}

static int stop(struct sim *s, int sig)
{
	struct who *w = &s->who[s->who[s->me].process];

	if (is_init(s, s->who[s->me].process))
		return sim_wrong(s, "an init does not stop by itself (R5.11)");
	if (sig != SIGSTOP && is_orphaned(s, w->group))
		return sim_wrong(s, "signal %d does nothing in an orphaned group (R6.48)", sig);
	w->stopped = true;
	w->stop_signal = sig;
	s->who[s->me].ended = true;
	return 0;
}

static int kill_child(struct sim *s, const struct plan_step *st)
{
	struct who *w = &s->who[st->a];

	if (!w->born || w->parent != s->me)
		return sim_wrong(s, "kills somebody who is no child of its own");
	if (!w->ended)
		return sim_wrong(s, "kills a child that has not done its part");
	if (st->b == SIGKILL)
		return die(s, (int)st->a, -1, SIGKILL, 0);
	w->stopped = true;
	w->stop_signal = (int)st->b;
	return 0;
}

/* ------------------------------------------------------------------------------------------- steps -- */

const struct plan_step *sim_step_of(const struct sim *s, int who)
{
	const struct plan_actor *a = &s->p->actors[who];

	return &s->p->steps[a->first_step + s->who[who].pc];
}

static bool can_run(const struct sim *s, int k)
{
	const struct who *w = &s->who[k], *leader = &s->who[w->process];
	const struct plan_step *st;

	if (!w->born || w->ended || leader->dead || leader->stopped)
		return false;
	st = sim_step_of(s, k);
	switch (st->op) {
	case PLAN_WAIT:
		return s->counters[st->a] >= s->p->counters[st->a];
	case PLAN_WAIT_DEAD:
		return s->who[st->a].dead;
	case PLAN_WAIT_STOPPED:
		return s->who[st->a].stopped;
	case PLAN_WAIT_LEADER:
		return s->who[st->a].thread_gone;
	default:
		return true;
	}
}

static int add(struct sim *s, const struct plan_step *st)
{
	s->counters[st->a] += st->b;
	if (s->counters[st->a] > s->p->counters[st->a])
		return sim_wrong(s, "makes counter %u more than full", st->a);
	return 0;
}

static int last_step(struct sim *s, const struct plan_step *st)
{
	struct who *me = &s->who[s->me];

	if (!me->done)
		return sim_wrong(s, "ends without having reported");
	me->ended = true;
	switch (st->op) {
	case PLAN_EXEC:
		me->execs = true;
		return 0;
	case PLAN_STOP:
		return stop(s, (int)st->a);
	case PLAN_EXIT:
		return die(s, s->me, (int)st->a, -1, 0);
	case PLAN_DIE:
		if (is_init(s, s->me) && st->a != SIGHUP && st->a != SIGINT && st->a != SIGILL &&
		    st->a != SIGTRAP && st->a != SIGBUS && st->a != SIGFPE && st->a != SIGSEGV &&
		    st->a != SIGSYS)
			return sim_wrong(s,
					 "an init dies from its faults and by reboot(2) only (R5.14, R5.28)");
		return die(s, s->me, -1, (int)st->a, (int)st->b);
	case PLAN_EXIT_THREAD:
		me->thread_gone = true;
		return 0;
	case PLAN_GUARD:
		me->group = s->me;
		return 0;
	default:
		return 0;
	}
}

/* Whoever reads the tree once all have reported must find it as it was wanted. */
static int report(struct sim *s)
{
	int me = s->me, r = 0;

	if (s->who[me].done)
		return sim_wrong(s, "reports twice");
	s->who[me].done = true;
	if (++s->done == s->p->actors_len)
		r = sim_check_all(s, false);
	s->me = me;
	return r;
}

static int carry_out(struct sim *s, const struct plan_step *st)
{
	struct who *me = &s->who[s->me];

	switch (st->op) {
	case PLAN_CHILD:
		return child(s, st->a);
	case PLAN_THREAD:
		return thread(s, st->a);
	case PLAN_ENTER:
		return enter_by_number(s, st);
	case PLAN_LEAVE:
		me->children_ns = me->ns;
		return 0;
	case PLAN_OPEN:
		if (!s->who[st->a].born || s->who[st->a].parent != s->me)
			return sim_wrong(s, "opens somebody who is no child of its own");
		s->fds[st->b] = (int)st->a;
		return 0;
	case PLAN_ENTER_OPEN:
		return s->fds[st->b] == (int)st->a ? enter(s, st->a)
						   : sim_wrong(s, "enters by a descriptor that is not open");
	case PLAN_SETSID:
		return found_session(s);
	case PLAN_SETPGID:
		return move(s, s->me, st->a);
	case PLAN_SETPGID_CHILD:
		return move_child(s, st);
	case PLAN_NAME:
		memcpy(me->name, s->p->text + st->a, sizeof me->name);
		return 0;
	case PLAN_SUBREAPER:
		me->subreaper = st->a;
		return 0;
	case PLAN_ADD:
		return add(s, st);
	case PLAN_KILL:
		return kill_child(s, st);
	case PLAN_WAIT:
	case PLAN_WAIT_LEADER:
		return 0;
	case PLAN_WAIT_DEAD:
	case PLAN_WAIT_STOPPED:
		return s->who[st->a].parent == s->me ? 0
						     : sim_wrong(s, "waits for no child of its own (R6.17)");
	case PLAN_DONE:
		return report(s);
	default:
		return last_step(s, st);
	}
}

/* --------------------------------------------------------------------------------------- schedules -- */

/* One schedule in two takes anybody who can run; the other keeps to random priorities, so that some are always
 * late and others always early. */
static int pick(struct sim *s, const uint32_t *priority)
{
	uint32_t n = s->p->actors_len, at = roll(s, n);
	int best = NEVER;

	for (uint32_t k = 0; k < n; k++) {
		int who = (int)((at + k) % n);

		if (!can_run(s, who))
			continue;
		if (!priority)
			return who;
		if (best == NEVER || priority[who] > priority[best])
			best = who;
	}
	return best;
}

static int run(struct sim *s, const uint32_t *priority)
{
	while ((s->me = pick(s, priority)) != NEVER) {
		const struct plan_step *st = sim_step_of(s, s->me);

		if (carry_out(s, st) < 0)
			return -1;
		s->who[s->me].pc++;
		if (!s->who[s->me].ended && s->who[s->me].pc == s->p->actors[s->me].steps_len)
			return sim_wrong(s, "its list ends without a last step");
		/* a process may be stopped or killed on its way to bed */
		if (!s->who[s->me].ended && s->who[s->me].done && sim_step_of(s, s->me)->op == PLAN_HOLD)
			s->who[s->me].ended = true;
	}
	return sim_check_all(s, true);
}

static void begin(struct sim *s, bool new_namespace)
{
	int ns = new_space(s, -1, NEVER);

	s->spaces[ns].level = new_namespace ? -1 : 0;
	s->who[0] = (struct who){ .born = true,
				  .parent = OUTSIDE,
				  .ns = ns,
				  .children_ns = ns,
				  .group = OUTSIDE,
				  .session = OUTSIDE };
}

int plan_simulate(const struct plan *p, const struct tree *t, bool new_namespace, uint64_t seed, char *why,
		  size_t size)
{
	struct sim s = { .p = p, .t = t, .random = seed * 2654435761u + 12345, .why = why, .size = size };
	uint32_t *priority = calloc(p->actors_len, sizeof *priority);
	int r = -1;

	s.who = calloc(p->actors_len, sizeof *s.who);
	s.spaces = calloc(p->actors_len + 1, sizeof *s.spaces);
	s.counters = calloc(p->counters_len + 1, sizeof *s.counters);
	s.fds = calloc(p->fds_len + 1, sizeof *s.fds);
	if (priority && s.who && s.spaces && s.counters && s.fds) {
		for (uint32_t k = 0; k < p->actors_len; k++)
			priority[k] = roll(&s, 1u << 30);
		for (uint32_t k = 0; k < p->fds_len; k++)
			s.fds[k] = NEVER;
		begin(&s, new_namespace);
		r = run(&s, seed % 2 ? priority : NULL);
	}
	free(priority);
	free(s.who);
	free(s.spaces);
	free(s.counters);
	free(s.fds);
	return r;
}
