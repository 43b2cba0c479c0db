/* SPDX-License-Identifier: MIT */
/*
 * plan.c: the planner's frame: a validated tree in, a plan or a refusal out.
 *
 * Owns:    the life of struct plan and the scratch state of one planning.
 * Keeps:   linear in the number of processes; no recursion (a chain may be 100,000 deep).
 * Threads: none inside; any number of plans may be made at once.
 */
#include "plan_internal.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *plan__who(const struct planner *pl, int32_t process, struct plan_who *buf)
{
	const struct tree_process *p;
	struct text name = { 0 };

	if (process == TREE_NONE) {
		snprintf(buf->text, sizeof buf->text, "which is outside the tree");
		return buf->text;
	}
	p = plan__process(pl, process);
	if (p->comm.bytes) /* whatever a process calls itself, it does not get to a terminal as it is */
		text_put_safe(&name, p->comm, TEXT_UTF8);
	if (pl->nodes[process].role != PLAN_WANTED)
		snprintf(buf->text, sizeof buf->text, "%s %d",
			 pl->nodes[process].role == PLAN_GHOST ? "ghost" : "helper", (int)p->nspid[0]);
	else
		snprintf(buf->text, sizeof buf->text, name.len ? "process %d (%s)" : "process %d",
			 (int)p->nspid[0], text_str(&name));
	text_done(&name);
	return buf->text;
}

int plan__refuse(struct planner *pl, int32_t process, const char *fmt, ...)
{
	char reason[400];
	struct plan_who who;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	tree_fail(pl->err, -EOPNOTSUPP, "%s cannot be built: %s", plan__who(pl, process, &who), reason);
	if (pl->err) {
		pl->err->pid = plan__process(pl, process)->nspid[0];
		pl->err->line = plan__process(pl, process)->line;
	}
	return -EOPNOTSUPP;
}

int plan__note(struct plan *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (p->notes_len == p->notes_cap) {
		uint32_t cap = p->notes_cap ? p->notes_cap * 2 : 8;
		char **grown = realloc(p->notes, cap * sizeof *grown);

		if (!grown)
			return -ENOMEM;
		p->notes = grown;
		p->notes_cap = cap;
	}
	p->notes[p->notes_len] = strdup(text);
	return p->notes[p->notes_len] ? (p->notes_len++, 0) : -ENOMEM;
}

bool plan__visible(const struct tree *t, int32_t of, int32_t from)
{
	int32_t ns = t->processes[of].ns;

	if (from == TREE_NONE)
		return false;

	while (ns != TREE_NONE && ns != t->processes[from].ns)
		ns = t->namespaces[ns].parent;
	return ns != TREE_NONE;
}

int32_t plan__number_in(const struct tree *t, int32_t of, int32_t from)
{
	return plan__visible(t, of, from) ? t->processes[of].nspid[t->processes[from].levels - 1] : 0;
}

bool plan__sees(const struct planner *pl, int32_t i, int32_t founder)
{
	return founder != TREE_NONE && plan__visible(pl->t, founder, i);
}

int32_t plan__mover(const struct planner *pl, int32_t i)
{
	return plan__first_parent(pl, i);
}

bool plan__mover_sees(const struct planner *pl, int32_t i, int32_t founder)
{
	int32_t mover = plan__mover(pl, i);

	if (founder == TREE_NONE || pl->nodes[i].carried)
		return false;
	/* its maker was in its session when it made it; a maker's parent may never have been */
	if (pl->nodes[i].sibling && plan__session(pl, mover) != pl->nodes[i].birth_session &&
	    (mover == TREE_NONE || pl->nodes[mover].birth_session != pl->nodes[i].birth_session))
		return false;
	return mover == TREE_NONE || plan__sees(pl, mover, founder);
}

/* Its mover leads a session by then, and can move it before that only. */
bool plan__is_moved_early(const struct planner *pl, int32_t i)
{
	int32_t mover = plan__mover(pl, i);

	return mover != TREE_NONE && plan__session(pl, mover) != pl->nodes[i].birth_session;
}

/* As its mover sees it. */
int32_t plan__number_for_mover(const struct planner *pl, int32_t f, int32_t i)
{
	int32_t mover = plan__mover(pl, i);

	return mover == TREE_NONE ? plan__process(pl, f)->nspid[0] : plan__number_in(pl->t, f, mover);
}

/* A name is a string to the kernel: with a NUL inside it would be cut short without a word. */
static int check_names(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);

	if (tree_str_has_nul(p->comm))
		return plan__refuse(pl, i, "its comm holds a NUL byte, and the kernel's names end at one");
	for (uint32_t k = 0; k < p->threads_len; k++)
		if (tree_str_has_nul(p->threads[k].name))
			return plan__refuse(pl, i,
					    "the name of its thread %d holds a NUL byte, and the kernel's "
					    "names end at one",
					    (int)p->threads[k].nspid[0]);
	return 0;
}

static int check_shapes(struct planner *pl)
{
	const struct tree *t = pl->wanted;

	for (size_t i = 0; i < t->processes_len; i++)
		TRY(check_names(pl, (int32_t)i));
	if (!pl->o.new_namespace && t->namespaces[0].init != TREE_NONE)
		return plan__refuse(pl, t->namespaces[0].init,
				    "it wants number 1 of a namespace that exists already and has an init: "
				    "use --into new");
	return 0;
}

/* One attempt.  Whoever finds that a helper is needed says `changed`: then all begins anew with that. */
static int attempt(struct planner *pl)
{
	pl->changed = pl->rehearsed = false;
	TRY(plan__order(pl));
	if (!pl->changed)
		TRY(plan__groups(pl));
	if (!pl->changed)
		TRY(plan__standins(pl));
	if (pl->changed)
		return 0;
	TRY(plan__actors(pl));
	return plan__rehearse(pl);
}

static int run(struct planner *pl, const struct tree *t)
{
	TRY(plan__begin(pl, t));
	TRY(check_shapes(pl));
	TRY(plan__sessions(pl));
	do
		TRY(attempt(pl));
	while (pl->changed);
	pl->plan->goes_outside = pl->goes_outside;
	TRY(plan__count_dead(pl));
	TRY(plan__deaths(pl));
	TRY(plan__ends(pl));
	return plan__cut_up(pl);
}

static int make(struct planner *pl, const struct tree *t)
{
	pl->plan = calloc(1, sizeof *pl->plan);
	if (!pl->plan)
		return -ENOMEM;
	pl->init = pl->o.new_namespace && t->namespaces[0].init == TREE_NONE;
	return run(pl, t);
}

static int make_one(const struct tree *t, const struct plan_options *o, bool at_once, struct plan **out,
		    struct tree_error *err)
{
	struct planner pl = { .o = *o, .at_once = at_once, .err = err };
	int r = make(&pl, t);

	free(pl.nodes);
	free(pl.order);
	free(pl.birth.processes);
	free(pl.birth.namespaces);
	free(pl.users);
	free(pl.next_number);
	tree__pool_done(&pl.pool);
	free(pl.visits);
	free(pl.standins);
	free(pl.log);
	free(pl.entries);
	free(pl.tasks);
	if (r == -ENOMEM)
		tree_fail(err, r, "out of memory for the plan");
	if (r < 0) {
		plan_free(pl.plan);
		return r;
	}
	*out = pl.plan;
	return 0;
}

/* As the makers see it; what they refuse, all at once.  Their words for it are the better ones. */
int plan_make(const struct tree *t, const struct plan_options *o, struct plan **out, struct tree_error *err)
{
	struct tree_error said = { 0 }, other = { 0 };
	int r = make_one(t, o, o->at_once, out, &said), again;

	if (r == -EOPNOTSUPP && !o->at_once && (again = make_one(t, o, true, out, &other)) != -EOPNOTSUPP) {
		r = again;
		said = other;
	}
	if (r < 0 && err)
		*err = said;
	return r;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->notes_len; i++)
		free(p->notes[i]);
	free(p->notes);
	free(p->actors);
	free(p->steps);
	free(p->numbers);
	free(p->text);
	free(p->counters);
	free(p->commands);
	free(p->substituted);
	free(p);
}
