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
	const struct tree_process *p = plan__process(pl, process);
	struct text name = { 0 };

	if (p->comm.bytes) /* whatever a process calls itself, it does not get to a terminal as it is */
		text_put_safe(&name, p->comm, TEXT_UTF8);
	snprintf(buf->text, sizeof buf->text, name.len ? "process %d (%s)" : "process %d", (int)p->nspid[0],
		 text_str(&name));
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

/* Children lists in file order, and an order with parents first. */
static int link_children(struct planner *pl)
{
	const struct tree *t = pl->t;
	int32_t head = 0, tail = 0;

	for (size_t i = 0; i < t->processes_len; i++)
		pl->nodes[i].first_child = pl->nodes[i].next_sibling = TREE_NONE;
	pl->first_root = TREE_NONE;
	for (int32_t i = (int32_t)t->processes_len - 1; i >= 0; i--) {
		int32_t parent = t->processes[i].parent;
		int32_t *list = parent == TREE_NONE ? &pl->first_root : &pl->nodes[parent].first_child;

		pl->nodes[i].next_sibling = *list;
		*list = i;
	}
	for (int32_t i = pl->first_root; i != TREE_NONE; i = pl->nodes[i].next_sibling)
		pl->order[tail++] = i;
	for (; head < tail; head++)
		for (int32_t c = pl->nodes[pl->order[head]].first_child; c != TREE_NONE;
		     c = pl->nodes[c].next_sibling)
			pl->order[tail++] = c;
	if ((size_t)tail != t->processes_len)
		return tree_fail(pl->err, -EINVAL, "%zu processes are not below the root",
				 t->processes_len - (size_t)tail);
	return 0;
}

/* Somebody enters this init's namespace; where nobody who does can see it, its creator lends a descriptor. */
static void note_entered(struct planner *pl, int32_t init, int32_t by)
{
	struct plan_node *n = &pl->nodes[init];

	n->entered = true;
	if (by == TREE_NONE && plan__parent(pl, init) != TREE_NONE && n->fd == NO_COUNTER)
		n->fd = pl->plan->fds_len++;
}

/* Where it may live: its parent's namespace, a new one below that, or one that exists there already. */
static int check_namespace(struct planner *pl, int32_t i)
{
	const struct tree *t = pl->t;
	const struct tree_process *p = plan__process(pl, i);
	const struct tree_process *parent = p->parent == TREE_NONE ? NULL : &t->processes[p->parent];
	const struct tree_ns *ns = &t->namespaces[p->ns];
	struct plan_who who;

	if (parent && p->ns == parent->ns)
		return 0;
	if (ns->init == i && ns->parent == (parent ? parent->ns : TREE_NONE))
		return 0;
	if (ns->init == i && !parent)
		return plan__refuse(
			pl, i, "it is init of a namespace inside level 0, and its parent is outside that");
	if (ns->init == i)
		return plan__refuse(
			pl, i, "it is init of a namespace more than one level below that of its parent, %s",
			plan__who(pl, p->parent, &who));
	if (!plan__enters(pl, i))
		return 0;
	if (ns->init == TREE_NONE)
		return plan__refuse(pl, i, "the init of its namespace is not in the tree");
	note_entered(pl, ns->init, p->parent);
	return 0;
}

/* Where its children would live: only setns() gets there, so the namespace must have an init. */
static int check_children_ns(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	int32_t init = pl->t->namespaces[p->children_ns].init;

	if (p->children_ns == p->ns)
		return 0;
	if (init == TREE_NONE || plan__process(pl, init)->state == TREE_ZOMBIE)
		return plan__refuse(pl, i,
				    "its children would live in a namespace (children_ns) that has no living "
				    "init in the tree");
	note_entered(pl, init, i);
	return 0;
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
	const struct tree *t = pl->t;

	for (size_t g = 0; g < t->ghosts_len; g++) {
		int32_t n = t->ghosts[g].nspid[0];

		for (size_t i = 0; i < t->processes_len; i++)
			if (t->processes[i].pgid == n || t->processes[i].sid == n)
				return plan__refuse(
					pl, (int32_t)i,
					"the leader of its %s %d is dead (a ghost), and a stand-in that dies "
					"in time is none of this planner's shapes",
					t->processes[i].sid == n ? "session" : "process group", (int)n);
	}
	for (size_t i = 0; i < t->processes_len; i++) {
		TRY(check_namespace(pl, (int32_t)i));
		TRY(check_children_ns(pl, (int32_t)i));
		TRY(check_names(pl, (int32_t)i));
	}
	if (!pl->o.new_namespace && t->namespaces[0].init != TREE_NONE)
		return plan__refuse(pl, t->namespaces[0].init,
				    "it wants number 1 of a namespace that exists already and has an init: "
				    "use --into new");
	return 0;
}

static int run(struct planner *pl)
{
	TRY(link_children(pl));
	TRY(check_shapes(pl));
	TRY(plan__sessions(pl));
	TRY(plan__groups(pl));
	TRY(plan__standins(pl));
	TRY(plan__actors(pl));
	TRY(plan__rehearse(pl));
	TRY(plan__ends(pl));
	return plan__cut_up(pl);
}

static int make(struct planner *pl)
{
	size_t len = pl->t->processes_len;

	pl->nodes = calloc(len, sizeof *pl->nodes);
	pl->order = calloc(len, sizeof *pl->order);
	pl->plan = calloc(1, sizeof *pl->plan);
	if (!pl->nodes || !pl->order || !pl->plan)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		pl->nodes[i].fd = NO_COUNTER;
	pl->init = pl->o.new_namespace && pl->t->namespaces[0].init == TREE_NONE;
	return run(pl);
}

int plan_make(const struct tree *t, const struct plan_options *o, struct plan **out, struct tree_error *err)
{
	struct planner pl = { .t = t, .o = *o, .err = err };
	int r = make(&pl);

	free(pl.nodes);
	free(pl.order);
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
