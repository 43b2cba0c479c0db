/* SPDX-License-Identifier: MIT */
/*
 * plan_deaths.c: ghosts and helpers die once they are not needed any more, and whom they made is left to its parent.
 *
 * Orphans go to the nearest subreaper above the one that dies, in its namespace; else to that namespace's init (R5.19,
 * R5.20).  So whoever is to get some is marked for that time, and nobody else on the way up is: an init or the one
 * outside, who need no mark, get theirs first, the others one after the other, the lower ones before those above them.
 * Everybody else dies when he likes.
 *
 * Keeps:   (D1) whoever made others that die buries them before it dies itself;
 *          (D2) a dead leader dies when its group has a member that stays;
 *          (D3) marks are taken back, and those that the tree wants come after all that (plan_ends.c).
 */
#include "plan_internal.h"

#include <errno.h>
#include <stdlib.h>

struct deaths {
	int32_t *first,
		*next; /* by the parent they are born to: those that die; [0] is of whoever makes the roots */
	int32_t *adopted; /* those whose orphans have to get past others, by adopter */
	uint32_t adopted_len;
	int32_t *depth; /* the greatest that it ever has */
	bool *dead;
};

/* It is an orphan's way up on which the wrong one could be met. */
static bool has_way_up(const struct planner *pl, int32_t x)
{
	int32_t parent = plan__first_parent(pl, x);

	if (pl->nodes[x].adopter == NO_ADOPTER)
		return false;
	return parent == TREE_NONE ? pl->nodes[x].adopter == TREE_NONE
				   : plan__process(pl, parent)->ns == plan__process(pl, x)->ns;
}

static bool needs_mark(const struct planner *pl, int32_t adopter)
{
	return adopter != TREE_NONE && !plan__is_init(pl, adopter);
}

static uint32_t actor_of(const struct planner *pl, int32_t i)
{
	return i == TREE_NONE ? pl->init : pl->nodes[i].actor;
}

/* ------------------------------------------------------------------------------------------ one death -- */

static int wait_for_members(struct planner *pl, int32_t x)
{
	const struct plan_rehearsal *now = &pl->nodes[x].now;

	return now->steady ? plan__await(pl, pl->nodes[x].actor, now->steady_event) : 0;
}

int plan__die(struct planner *pl, int32_t x)
{
	struct plan_node *n = &pl->nodes[x];
	int32_t parent = plan__first_parent(pl, x);
	uint32_t actor = n->actor, undertaker = actor_of(pl, parent), born;

	TRY(wait_for_members(pl, x));
	if (n->sibling) { /* whoever buries it did not make it, and must not look for it too early */
		TRY(plan__event(pl, actor, &born));
		TRY(plan__await(pl, undertaker, born));
	}
	if (plan__is_stray(pl, x))
		TRY(plan__make_known(pl, x));
	if (plan__hurts(plan__notify(pl, x)) && !n->reexecs) {
		n->reexecs = true;
		TRY(plan__reexec(pl, x));
	}
	TRY(plan__step(pl, actor, PLAN_DONE, 0, 0));
	TRY(plan__step(pl, actor, PLAN_EXIT, 0, 0));
	TRY(plan__step(pl, undertaker, PLAN_BURY, actor, 0));
	TRY(plan__add_if(pl, undertaker, pl->k_dead, 1));
	return plan__event(pl, undertaker, &n->gone_event);
}

/* With those that it has to bury; there are never more than a few generations of them. */
static int bury(struct planner *pl, struct deaths *d, int32_t x)
{
	if (d->dead[x] || plan__is_dead_init(pl, x))
		return 0;
	d->dead[x] = true;
	for (int32_t y = d->first[x + 1]; y != TREE_NONE; y = d->next[y])
		TRY(bury(pl, d, y));
	return plan__die(pl, x);
}

/* -------------------------------------------------------------------------------------- one adopter -- */

static int await_turn(struct planner *pl, uint32_t actor)
{
	return pl->has_turn ? plan__await(pl, actor, pl->turn_event) : 0;
}

/* All whose orphans `adopter` gets: d->adopted[from .. to - 1]. */
static int adopt(struct planner *pl, struct deaths *d, uint32_t from, uint32_t to)
{
	int32_t adopter = pl->nodes[d->adopted[from]].adopter;
	uint32_t actor = actor_of(pl, adopter), marked = 0;
	bool mark = needs_mark(pl, adopter);

	if (mark) {
		TRY(await_turn(pl, actor));
		TRY(plan__step(pl, actor, PLAN_SUBREAPER, 1, 0));
		TRY(plan__event(pl, actor, &marked));
	}
	for (uint32_t k = from; k < to; k++) {
		uint32_t who = pl->nodes[d->adopted[k]].actor;

		for (int32_t y = d->first[d->adopted[k] + 1]; y != TREE_NONE; y = d->next[y])
			TRY(bury(pl, d, y));
		TRY(mark ? plan__await(pl, who, marked) : await_turn(pl, who));
		TRY(bury(pl, d, d->adopted[k]));
	}
	for (uint32_t k = from; k < to; k++)
		TRY(plan__await(pl, actor, pl->nodes[d->adopted[k]].gone_event));
	if (mark)
		TRY(plan__step(pl, actor, PLAN_SUBREAPER, 0, 0));
	pl->has_turn = true;
	return plan__event(pl, actor, &pl->turn_event);
}

/* ------------------------------------------------------------------------------------------ the whole -- */

struct turn {
	int32_t rank, adopter, who; /* the lower ones first */
};

static int by_turn(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	if (x->adopter != y->adopter)
		return x->adopter < y->adopter ? -1 : 1;
	return x->who < y->who ? -1 : 1;
}

static bool buries_one_with_orphans(const struct planner *pl, const struct deaths *d, int32_t x)
{
	for (int32_t y = d->first[x + 1]; y != TREE_NONE; y = d->next[y])
		if (has_way_up(pl, y))
			return true;
	return false;
}

/*
 * The lower ones before those above them.  Whoever gets orphans without a mark gets them while nobody is marked yet; but
 * after whom the dying one has to bury, and, where some were lower at first (plan_below.c), after whatever is to stay behind.
 */
static int32_t rank_of(const struct planner *pl, const struct deaths *d, int32_t x)
{
	int32_t adopter = pl->nodes[x].adopter;

	if (!needs_mark(pl, adopter) && buries_one_with_orphans(pl, d, x))
		return 0;
	if (!needs_mark(pl, adopter) && !pl->at_once)
		return INT32_MAX;
	return adopter == TREE_NONE ? 0 : d->depth[adopter] + 1;
}

static int list_adopted(struct planner *pl, struct deaths *d)
{
	size_t len = pl->t->processes_len, wanted = pl->wanted->processes_len;
	struct turn *turns = malloc((len - wanted + 1) * sizeof *turns);

	if (!turns)
		return -ENOMEM;
	for (size_t x = wanted; x < len; x++)
		if (has_way_up(pl, (int32_t)x))
			turns[d->adopted_len++] =
				(struct turn){ rank_of(pl, d, (int32_t)x), pl->nodes[x].adopter, (int32_t)x };
	qsort(turns, d->adopted_len, sizeof *turns, by_turn);
	for (uint32_t k = 0; k < d->adopted_len; k++)
		d->adopted[k] = turns[k].who;
	free(turns);
	return 0;
}

static int32_t depth_below(const struct deaths *d, int32_t parent)
{
	return parent == TREE_NONE ? 0 : d->depth[parent] + 1;
}

/* Whoever orphans of its namespace are left to at last. */
static int32_t init_of(const struct planner *pl, int32_t i)
{
	int32_t init = pl->t->namespaces[plan__process(pl, i)->ns].init;

	return init == i ? TREE_NONE : init;
}

/* Whoever is below another at some time is so when it is born, or in the end: it is deeper; and than its init. */
static void measure(const struct planner *pl, struct deaths *d)
{
	for (size_t k = 0; k < pl->t->processes_len; k++) {
		int32_t i = pl->order[k], last = plan__dies(pl, i) ? 0 : depth_below(d, pl->nodes[i].parent);

		int32_t init = depth_below(d, init_of(pl, i));

		d->depth[i] = depth_below(d, plan__first_parent(pl, i));
		if (last > d->depth[i])
			d->depth[i] = last;
		if (init > d->depth[i])
			d->depth[i] = init;
	}
}

static int all(struct planner *pl, struct deaths *d)
{
	int32_t len = (int32_t)pl->t->processes_len, wanted = (int32_t)pl->wanted->processes_len;

	for (int32_t x = len - 1; x >= wanted; x--) {
		int32_t *list = &d->first[plan__first_parent(pl, x) + 1];

		d->next[x] = *list;
		*list = x;
	}
	measure(pl, d);
	TRY(list_adopted(pl, d));
	for (uint32_t from = 0, to; from < d->adopted_len; from = to) {
		for (to = from; to < d->adopted_len &&
				pl->nodes[d->adopted[to]].adopter == pl->nodes[d->adopted[from]].adopter;)
			to++;
		TRY(adopt(pl, d, from, to));
	}
	for (int32_t x = wanted; x < len; x++)
		TRY(bury(pl, d, x));
	return 0;
}

int plan__deaths(struct planner *pl)
{
	size_t len = pl->t->processes_len;
	struct deaths d = { 0 };
	int r = -ENOMEM;

	if (len == pl->wanted->processes_len)
		return 0;
	d.first = malloc((len + 1) * sizeof *d.first);
	d.next = malloc(len * sizeof *d.next);
	d.adopted = malloc(len * sizeof *d.adopted);
	d.depth = malloc(len * sizeof *d.depth);
	d.dead = calloc(len, sizeof *d.dead);
	for (size_t k = 0; d.first && k <= len; k++)
		d.first[k] = TREE_NONE;
	if (d.first && d.next && d.adopted && d.depth && d.dead)
		r = all(pl, &d);
	free(d.first);
	free(d.next);
	free(d.adopted);
	free(d.depth);
	free(d.dead);
	return r;
}
