/* SPDX-License-Identifier: MIT */
/*
 * plan_helpers.c: processes that live for a while only: ghosts (dead leaders) and helpers.
 *
 * Owns:    struct planner's `birth`: the wanted tree with ghosts and helpers behind its processes, in which `parent`
 *          is whoever makes it.
 * Keeps:   (H1) a process has the same index in both trees; ghost g stands at processes_len + g;
 *          (H2) a helper's numbers are nobody else's at any level, in the tree or, at level 0, on the machine.
 */
#include "plan_internal.h"
#include "tree/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HELPERS_PER_PROCESS 3
#define NUMBER_FIRST 2    /* 1 is a namespace's init */
#define NUMBER_LAST 32767 /* where nobody says better: below every usual pid_max */

static void node_init(struct plan_node *n, enum plan_role role)
{
	n->role = (uint8_t)role;
	n->parent = n->first_kept = n->next_kept = TREE_NONE;
	n->first_helper = n->next_helper = n->first_need = n->next_need = n->low = TREE_NONE;
	n->first_guest = n->next_guest = TREE_NONE;
	n->adopter = NO_ADOPTER;
}

static void blank_process(struct tree_process *p)
{
	*p = (struct tree_process){ .exit_code = TREE_ABSENT,
				    .exit_signal = TREE_ABSENT,
				    .stop_signal = TREE_ABSENT,
				    .notify_signal = TREE_ABSENT,
				    .core_dumped = TREE_ABSENT,
				    .subreaper = TREE_ABSENT,
				    .parent = TREE_NONE };
}

static void add_ghost(struct planner *pl, const struct tree_ghost *g)
{
	int32_t i = (int32_t)pl->birth.processes_len++;
	struct tree_process *p = &pl->birth.processes[i];

	blank_process(p);
	p->nspid = g->nspid;
	p->levels = g->levels;
	p->pgid = g->nspid[0];
	p->line = g->line;
	p->ns = p->children_ns = g->ns;
	node_init(&pl->nodes[i], PLAN_GHOST);
}

int plan__begin(struct planner *pl, const struct tree *t)
{
	size_t len = t->processes_len;

	pl->nodes_cap = (HELPERS_PER_PROCESS + 1) * (len + t->ghosts_len) + 16;
	pl->wanted = t;
	pl->birth = *t;
	pl->birth.processes = calloc(pl->nodes_cap, sizeof *pl->birth.processes);
	pl->birth.namespaces = calloc(t->namespaces_len, sizeof *pl->birth.namespaces);
	pl->users = calloc(t->namespaces_len, sizeof *pl->users);
	pl->nodes = calloc(pl->nodes_cap, sizeof *pl->nodes);
	pl->order = calloc(pl->nodes_cap, sizeof *pl->order);
	pl->next_number = calloc(t->namespaces_len, sizeof *pl->next_number);
	if (!pl->birth.processes || !pl->birth.namespaces || !pl->users || !pl->nodes || !pl->order ||
	    !pl->next_number)
		return -ENOMEM;
	memcpy(pl->birth.namespaces, t->namespaces, t->namespaces_len * sizeof *t->namespaces);
	memcpy(pl->birth.processes, t->processes, len * sizeof *t->processes);
	pl->t = &pl->birth;
	pl->first_helper = TREE_NONE;
	for (size_t i = 0; i < len; i++) {
		node_init(&pl->nodes[i], PLAN_WANTED);
		pl->nodes[i].parent = t->processes[i].parent;
		if (plan__sends_away(&t->processes[i]))
			pl->users[t->processes[i].children_ns]++;
	}
	for (size_t g = 0; g < t->ghosts_len; g++)
		add_ghost(pl, &t->ghosts[g]);
	return 0;
}

int32_t plan__founder(const struct planner *pl, int32_t number)
{
	const struct tree__holder *h = number ? tree__number_find(pl->wanted, 0, number) : NULL;

	if (!h)
		return TREE_NONE;
	return h->kind == TREE__GHOST ? (int32_t)pl->wanted->processes_len + h->index : h->index;
}

/* ----------------------------------------------------------------------------------------- numbers -- */

static bool is_free(const struct planner *pl, int32_t ns, int32_t number)
{
	if (tree__number_find(pl->wanted, ns, number))
		return false;
	return ns != 0 || !pl->o.taken || !pl->o.taken(pl->o.taken_arg, number);
}

/* In a namespace of our own the low end is free; in one that exists, the high end is less likely to be taken. */
static int32_t next_number(struct planner *pl, int32_t ns)
{
	bool down = ns == 0 && !pl->o.new_namespace;
	int32_t last = pl->o.number_last ? pl->o.number_last : NUMBER_LAST;
	int32_t *at = &pl->next_number[ns];

	if (*at == 0)
		*at = down ? last + 1 : NUMBER_FIRST - 1;
	do
		*at += down ? -1 : 1;
	while (*at >= NUMBER_FIRST && *at <= TREE_NUMBER_MAX && !is_free(pl, ns, *at));
	return *at;
}

static int give_numbers(struct planner *pl, int32_t i)
{
	struct tree_process *p = &pl->birth.processes[i];
	int32_t *nspid = tree__pool_alloc(&pl->pool, p->levels * sizeof *nspid);

	if (!nspid)
		return -ENOMEM;
	for (unsigned level = 0; level < p->levels; level++) {
		if (level + 1 == p->levels && plan__is_dead_init(pl, i)) {
			nspid[level] = 1;
			break;
		}
		nspid[level] = next_number(pl, tree__ns_at_level(pl->wanted, p->ns, level));
		if (nspid[level] < NUMBER_FIRST || nspid[level] > TREE_NUMBER_MAX)
			return tree_fail(pl->err, -EAGAIN,
					 "no number is left for a process that is needed "
					 "for a while");
	}
	p->nspid = nspid;
	return 0;
}

/* ----------------------------------------------------------------------------------------- helpers -- */

int32_t plan__helper(struct planner *pl, int32_t maker, int32_t ns, int32_t session)
{
	int32_t i = (int32_t)pl->birth.processes_len;
	struct tree_process *p = &pl->birth.processes[i];
	int r;

	if ((size_t)i == pl->nodes_cap)
		return tree_fail(pl->err, -EOPNOTSUPP, "the tree needs more than %zu helpers", pl->nodes_cap);
	blank_process(p);
	p->levels = (uint8_t)(pl->t->namespaces[ns].level + 1);
	p->ns = p->children_ns = ns;
	p->sid = session;
	p->parent = maker;
	node_init(&pl->nodes[i], PLAN_HELPER);
	pl->nodes[i].anywhere = true;
	pl->nodes[i].birth_session = session;
	pl->birth.processes_len++;
	r = give_numbers(pl, i);
	return r < 0 ? r : i;
}

int plan__dead_init(struct planner *pl, int32_t maker, int32_t ns)
{
	int32_t h;

	pl->birth.namespaces[ns].init = (int32_t)pl->birth.processes_len;
	h = plan__helper(pl, maker, ns, plan__session(pl, maker));
	pl->changed = true;
	return h < 0 ? h : 0;
}

bool plan__unshares(const struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);

	return pl->t->namespaces[p->children_ns].init == TREE_NONE && pl->users[p->children_ns] == 1 &&
	       pl->t->namespaces[p->children_ns].parent == p->ns;
}

int plan__interpose(struct planner *pl, int32_t i, int32_t ns)
{
	int32_t maker = plan__maker(pl, i), h = plan__helper(pl, maker, ns, pl->nodes[i].birth_session);

	if (h < 0)
		return h;
	pl->nodes[h].sibling = pl->nodes[i].sibling;
	pl->birth.processes[h].notify_signal = plan__process(pl, i)->notify_signal;
	pl->nodes[h].minds_nothing = pl->nodes[i].minds_nothing;
	pl->nodes[i].sibling = true;
	pl->birth.processes[i].parent = h;
	pl->changed = true;
	return 0;
}
