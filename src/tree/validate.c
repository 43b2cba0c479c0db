/* SPDX-License-Identifier: MIT */
/*
 * validate.c: is this a tree that could have been dumped?
 *
 * Owns:    the order of the checks: each process alone, numbers of level 0, parents, namespaces, numbers of
 * the deeper levels, groups and sessions.  A check may rely on all those before it. Keeps:   (T3) of tree.h
 * when it succeeds.  What it refuses no sequence of calls could have made (or, for an init in a group of its
 * own namespace, nobody could end again); which of the others can be built is the planner's to say. Costs:
 * linear in processes, threads and ghosts, times levels.
 */
#include "tree/internal.h"

#include <errno.h>
#include <string.h>

static int out_of_memory(struct tree__check *c)
{
	return tree_fail_at(c->err, -ENOMEM, &(struct tree_place){ .source = c->t->source },
			    "out of memory while checking the tree");
}

static int check_ghost_alone(struct tree__check *c, const struct tree_ghost *g)
{
	struct tree_place at = tree__at_ghost(c->t, g, "nspid");
	int r = tree__check_numbers(g->nspid, g->levels, &at, c->err);
	if (r < 0)
		return r;
	if (g->nspid[g->levels - 1] == 1)
		return tree_fail_at(
			c->err, -EINVAL, &at,
			"number 1 cannot be a ghost: a namespace whose init is dead holds nobody");
	return 0;
}

static int check_each_alone(struct tree__check *c)
{
	int r = 0;
	for (size_t i = 0; i < c->t->processes_len && r == 0; i++)
		r = tree__check_process_alone(c->t, &c->t->processes[i], c->err);
	for (size_t i = 0; i < c->t->ghosts_len && r == 0; i++)
		r = check_ghost_alone(c, &c->t->ghosts[i]);
	return r;
}

/* The root is the process whose parent is outside; when one of several is an init, that one. */
static int find_root(struct tree__check *c)
{
	struct tree *t = c->t;
	const struct tree_process *first = NULL, *second = NULL, *init = NULL;
	for (size_t i = 0; i < t->processes_len; i++) {
		const struct tree_process *p = &t->processes[i];
		if (p->ppid != 0)
			continue;
		if (!first)
			first = p;
		else if (!second)
			second = p;
		if (p->nspid[0] == 1)
			init = p;
	}
	if (!first) {
		if (t->processes_len == 0)
			return tree_fail_at(c->err, -EINVAL, &(struct tree_place){ .source = t->source },
					    "no processes");
		struct tree_place at = tree__at_process(t, &t->processes[0], "ppid");
		return tree_fail_at(c->err, -EINVAL, &at, "no process has ppid 0, so there is no root");
	}
	if (second && !init) {
		struct tree_place at = tree__at_process(t, second, "ppid");
		return tree_fail_at(c->err, -EINVAL, &at,
				    "0, as process %d has: two roots, and neither is an init (number 1)",
				    (int)first->nspid[0]);
	}
	const struct tree_process *root = init ? init : first;
	struct tree_process copy = *root;
	size_t at = (size_t)(root - t->processes);
	memmove(&t->processes[1], &t->processes[0], at * sizeof *t->processes);
	t->processes[0] = copy;
	c->root_is_init = init != NULL;
	if (copy.levels != 1) {
		struct tree_place where = tree__at_process(t, &t->processes[0], "nspid");
		return tree_fail_at(
			c->err, -EINVAL, &where,
			"%u numbers, but the root has one: level 0 is the namespace that it lives in",
			copy.levels);
	}
	return 0;
}

static int number_taken(struct tree__check *c, const struct tree_place *at, int32_t number, unsigned level,
			const struct tree__holder *by)
{
	char words[96];
	tree__holder_words(c->t, by, words, sizeof words);
	return tree_fail_at(c->err, -EINVAL, at, "number %d at level %u is taken by %s", (int)number, level,
			    words);
}

/* Puts one holder's numbers of levels from..to-1 into the map. */
static int take(struct tree__check *c, const int32_t *nspid, unsigned from, unsigned to, int32_t ns,
		struct tree__holder who, const struct tree_place *at)
{
	for (unsigned level = from; level < to; level++) {
		int32_t where = level == 0 ? 0 : tree__ns_at_level(c->t, ns, level);
		const struct tree__holder *by = tree__number_put(c->t, where, nspid[level], who);
		if (by)
			return number_taken(c, at, nspid[level], level, by);
	}
	return 0;
}

/* Level 0 alone (deeper = false) or all the others. */
static int take_all(struct tree__check *c, bool deeper)
{
	const struct tree *t = c->t;
	int r = 0;
	for (int32_t i = 0; i < (int32_t)t->processes_len && r == 0; i++) {
		const struct tree_process *p = &t->processes[i];
		unsigned from = deeper ? 1 : 0, to = deeper ? p->levels : 1;
		struct tree_place at = tree__at_process(t, p, "nspid");
		r = take(c, p->nspid, from, to, p->ns,
			 (struct tree__holder){ .index = i, .kind = TREE__PROCESS }, &at);
		at.field = "threads";
		for (uint32_t k = 1; k < p->threads_len && r == 0; k++)
			r = take(c, p->threads[k].nspid, from, to, p->ns,
				 (struct tree__holder){ .index = i, .thread = k, .kind = TREE__THREAD }, &at);
	}
	for (int32_t i = 0; i < (int32_t)t->ghosts_len && r == 0; i++) {
		const struct tree_ghost *g = &t->ghosts[i];
		struct tree_place at = tree__at_ghost(t, g, "nspid");
		r = take(c, g->nspid, deeper ? 1 : 0, deeper ? g->levels : 1, g->ns,
			 (struct tree__holder){ .index = i, .kind = TREE__GHOST }, &at);
	}
	return r;
}

static size_t count_numbers(const struct tree *t)
{
	size_t n = 0;
	for (size_t i = 0; i < t->processes_len; i++)
		n += (size_t)t->processes[i].levels * (1 + (size_t)t->processes[i].threads_len);
	for (size_t i = 0; i < t->ghosts_len; i++)
		n += t->ghosts[i].levels;
	return n;
}

static int take_level_0(struct tree__check *c)
{
	if (tree__numbers_init(c->t, count_numbers(c->t)) < 0)
		return out_of_memory(c);
	return take_all(c, false);
}

static int find_parent(struct tree__check *c, struct tree_process *p)
{
	struct tree *t = c->t;
	p->parent = TREE_NONE;
	if (p->ppid == 0)
		return 0;
	struct tree_place at = tree__at_process(t, p, "ppid");
	const struct tree__holder *h = tree__number_find(t, 0, p->ppid);
	if (!h)
		return tree_fail_at(c->err, -EINVAL, &at, "%d is no process of this tree, or 0",
				    (int)p->ppid);
	char words[96];
	tree__holder_words(t, h, words, sizeof words);
	if (h->kind != TREE__PROCESS)
		return tree_fail_at(c->err, -EINVAL, &at, "%d is %s, and only a process is a parent",
				    (int)p->ppid, words);
	const struct tree_process *parent = &t->processes[h->index];
	if (parent->state == TREE_ZOMBIE)
		return tree_fail_at(c->err, -EINVAL, &at, "%s is a zombie, and a zombie has no children",
				    words);
	at.field = "nspid";
	if (p->levels < parent->levels)
		return tree_fail_at(c->err, -EINVAL, &at,
				    "%u numbers, but its parent %d has %u: a child lives in its parent's "
				    "namespace or deeper",
				    p->levels, (int)p->ppid, parent->levels);
	p->parent = h->index;
	return 0;
}

/* Processes that the walk from the roots has not reached are on a cycle or below one. */
static int name_cycle(struct tree__check *c)
{
	const struct tree *t = c->t;
	int32_t p = 0;
	while (c->enter[p] != 0)
		p++;
	for (size_t steps = 0; steps < t->processes_len; steps++) /* now surely on the cycle itself */
		p = t->processes[p].parent;
	int32_t first = p;
	for (int32_t q = t->processes[p].parent; q != p; q = t->processes[q].parent)
		if (t->processes[q].line < t->processes[first].line)
			first = q;
	struct tree_place at = tree__at_process(t, &t->processes[first], "ppid");
	return tree_fail_at(c->err, -EINVAL, &at, "%d is a descendant of it: a cycle of parents",
			    (int)t->processes[first].ppid);
}

/* Depth first over child lists threaded through next[], so that descendants are an interval of `enter`. */
static int order_processes(struct tree__check *c)
{
	struct tree *t = c->t;
	size_t n = t->processes_len;
	int32_t *head = tree__pool_alloc(&c->scratch, n * sizeof *head);
	int32_t *next = tree__pool_alloc(&c->scratch, n * sizeof *next);
	c->order = tree__pool_alloc(&c->scratch, n * sizeof *c->order);
	c->enter = tree__pool_alloc(&c->scratch, n * sizeof *c->enter);
	c->leave = tree__pool_alloc(&c->scratch, n * sizeof *c->leave);
	if (!head || !next || !c->order || !c->enter || !c->leave)
		return out_of_memory(c);
	int32_t roots =
		0; /* lists hold index + 1; 0 ends them.  Backwards, so that they keep the file's order */
	for (size_t i = n; i-- > 0;) {
		int32_t *list = t->processes[i].parent == TREE_NONE ? &roots : &head[t->processes[i].parent];
		next[i] = *list;
		*list = (int32_t)i + 1;
	}
	int32_t clock = 0, reached = 0, at = roots;
	while (at) {
		int32_t p = at - 1;
		c->order[reached++] = p;
		c->enter[p] = ++clock;
		at = head[p];
		for (int32_t up = p; !at && up != TREE_NONE; up = t->processes[up].parent) {
			c->leave[up] = clock + 1;
			at = next[up];
		}
	}
	return (size_t)reached == n ? 0 : name_cycle(c);
}

static int find_parents(struct tree__check *c)
{
	int r = 0;
	for (size_t i = 0; i < c->t->processes_len && r == 0; i++)
		r = find_parent(c, &c->t->processes[i]);
	return r == 0 ? order_processes(c) : r;
}

static int check_all(struct tree__check *c)
{
	int r = check_each_alone(c);
	if (r == 0)
		r = find_root(c);
	if (r == 0)
		r = take_level_0(c);
	if (r == 0)
		r = find_parents(c);
	if (r == 0)
		r = tree__settle_namespaces(c);
	if (r == 0)
		r = take_all(c, true);
	return r == 0 ? tree__check_sessions(c) : r;
}

int tree_validate(struct tree *t, struct tree_error *err)
{
	struct tree__check c = { .t = t, .err = err };
	int r = check_all(&c);
	tree__pool_done(&c.scratch);
	return r;
}
