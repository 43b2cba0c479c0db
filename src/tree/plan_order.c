/* SPDX-License-Identifier: MIT */
/*
 * plan_order.c: who is made by whom, as lists and as an order.
 *
 * Keeps:   (O1) in order[] a process stands behind its maker, its parent in the end, and the init of the namespace that
 *               it is put into: that is how they are born, and how they are ended when a restore is undone;
 *          (O2) who is init of a namespace is made from the namespace around it.
 */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>

static void link_children(struct planner *pl)
{
	pl->first_root = TREE_NONE;
	for (size_t i = 0; i < pl->t->processes_len; i++)
		pl->nodes[i].first_child = pl->nodes[i].next_sibling = TREE_NONE;
	for (int32_t i = (int32_t)pl->t->processes_len - 1; i >= 0; i--) {
		int32_t maker = plan__maker(pl, i);
		int32_t *list = maker == TREE_NONE ? &pl->first_root : &pl->nodes[maker].first_child;

		pl->nodes[i].next_sibling = *list;
		*list = i;
	}
}

/* ------------------------------------------------------------------------------------------- order -- */

enum { WHITE, GREY, BLACK };

/* Whom `i` has to be born behind; k counts them. */
static int32_t before(const struct planner *pl, int32_t i, int k)
{
	int32_t init = pl->t->namespaces[plan__process(pl, i)->ns].init;

	switch (k) {
	case 0:
		return plan__maker(pl, i);
	case 1:
		return pl->nodes[i].role == PLAN_WANTED ? pl->nodes[i].parent : TREE_NONE;
	default:
		return plan__enters(pl, i) ? init : TREE_NONE;
	}
}

static int refuse_circle(struct planner *pl, int32_t i, int32_t other)
{
	struct plan_who who;
	int32_t c = i;

	while (plan__dies(pl, c) && plan__maker(pl, c) != TREE_NONE && c != other)
		c = plan__maker(pl, c);
	return plan__refuse(pl, c, "it and %s would each have to be born before the other",
			    plan__who(pl, other, &who));
}

/* `i` with all that has to come first; the stack is order[]'s unused end. */
static int put(struct planner *pl, int32_t i, uint8_t *color, int32_t *tail)
{
	int32_t *stack = pl->order + pl->nodes_cap, depth = 0;

	if (color[i] == BLACK)
		return 0;
	*(stack - ++depth) = i;
	while (depth > 0) {
		int32_t at = *(stack - depth);
		bool waits = false;

		color[at] = GREY;
		for (int k = 0; k < 3 && !waits; k++) {
			int32_t first = before(pl, at, k);

			if (first == TREE_NONE || color[first] == BLACK)
				continue;
			if (color[first] == GREY)
				return refuse_circle(pl, at, first);
			*(stack - ++depth) = first;
			waits = true;
		}
		if (waits)
			continue;
		if (color[at] != BLACK)
			pl->order[(*tail)++] = at;
		color[at] = BLACK;
		depth--;
	}
	return 0;
}

/* In the tree's own order, as far as that goes. */
static int sort(struct planner *pl)
{
	int32_t len = (int32_t)pl->t->processes_len, wanted = (int32_t)pl->wanted->processes_len;
	uint8_t *color = calloc((size_t)len + 1, 1); /* +1: no tree is empty, and no checker knows it */
	int32_t *base = malloc((size_t)wanted * sizeof *base), head = 0, filled = 0, tail = 0;
	int r = color && base ? 0 : -ENOMEM;

	for (int32_t i = pl->first_kept; r == 0 && i != TREE_NONE; i = pl->nodes[i].next_kept)
		base[filled++] = i;
	for (; r == 0 && head < filled; head++)
		for (int32_t c = pl->nodes[base[head]].first_kept; c != TREE_NONE; c = pl->nodes[c].next_kept)
			base[filled++] = c;
	for (int32_t k = 0; r == 0 && k < filled; k++)
		r = put(pl, base[k], color, &tail);
	for (int32_t i = wanted; r == 0 && i < len; i++)
		r = put(pl, i, color, &tail);
	free(color);
	free(base);
	return r;
}

/* -------------------------------------------------------------------------------------- namespaces -- */

/* The namespace that `i`'s maker lives in; TREE_NONE = one outside the tree. */
static int32_t makers_space(const struct planner *pl, int32_t i)
{
	int32_t maker = plan__maker(pl, i);

	if (maker != TREE_NONE)
		return plan__process(pl, maker)->ns;
	return plan__creator_inside(pl) ? 0 : TREE_NONE;
}

/* Where it may live: its maker's namespace, a new one below that, or one that exists there already. */
static int check_namespace(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	const struct tree_ns *ns = &pl->t->namespaces[p->ns];

	if (ns->init == i && ns->parent == TREE_NONE && plan__maker(pl, i) != TREE_NONE)
		return refuse_circle(pl, i, plan__maker(pl, i));
	if (ns->init == i)
		return ns->parent == makers_space(pl, i) ? 0 : plan__interpose(pl, i, ns->parent);
	if (!plan__enters(pl, i))
		return 0;
	if (ns->init == TREE_NONE &&
	    plan__dies(pl, i)) /* one that is dead is inside it, and has to be made */
		return plan__dead_init(pl, plan__maker(pl, i), p->ns);
	/* one that dies (plan__dead_init()) would take it along */
	if (ns->init == TREE_NONE || (!plan__dies(pl, i) && plan__dies(pl, ns->init)))
		return plan__refuse(pl, i, "the init of its namespace is not in the tree");
	pl->nodes[ns->init].entered = true;
	return 0;
}

/* Whose children `i` would have there too late: that init dies, but not before. */
static void note_guest(struct planner *pl, int32_t init, int32_t i)
{
	pl->nodes[i].next_guest = pl->nodes[init].first_guest;
	pl->nodes[init].first_guest = i;
}

/* Where its children would live: unshare() or setns() gets there, and the latter needs a living init. */
static int check_children_ns(struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);
	int32_t init = pl->t->namespaces[p->children_ns].init;

	if (!plan__sends_away(p) || plan__unshares(pl, i))
		return 0;
	if (init == TREE_NONE)
		return plan__dead_init(pl, i, p->children_ns);
	pl->nodes[init].entered = true;
	if (plan__dies(pl, init) || plan__process(pl, init)->state == TREE_ZOMBIE)
		note_guest(pl, init, i);
	return 0;
}

static void set_session(struct planner *pl, int32_t i)
{
	struct plan_node *n = &pl->nodes[i];
	int32_t maker = plan__maker(pl, i);

	n->session_is_free = n->minds_nothing;
	if (n->minds_nothing)
		n->birth_session = plan__session(pl, maker);
	n->born_early = maker != TREE_NONE && n->birth_session != plan__session(pl, maker);
}

/* Its parent sees it dead or stopped, if only for a while. */
static bool is_waited_for(const struct planner *pl, int32_t i)
{
	int state = plan__process(pl, i)->state;

	return plan__dies(pl, i) || state == TREE_ZOMBIE || state == TREE_STOPPED || pl->nodes[i].is_stopped;
}

int plan__order(struct planner *pl)
{
	size_t len = pl->t->processes_len; /* grows meanwhile */

	pl->plan->fds_len = 0;
	link_children(pl);
	TRY(sort(pl));
	for (size_t i = 0; i < len; i++) {
		pl->nodes[i].first_guest = TREE_NONE;
		pl->nodes[i].entered = false;
		pl->nodes[i].tells |= plan__is_stray(pl, (int32_t)i) && is_waited_for(pl, (int32_t)i);
		if (pl->nodes[i].tells)
			pl->nodes[i].tell_fd = pl->plan->fds_len++;
		set_session(pl, (int32_t)i);
	}
	for (size_t i = 0; i < len; i++) {
		TRY(check_namespace(pl, (int32_t)i));
		TRY(check_children_ns(pl, (int32_t)i));
	}
	return 0;
}
