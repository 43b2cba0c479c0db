/* SPDX-License-Identifier: MIT */
/*
 * check_needs.c: what a tree needs of any machine: a plan, numbers, levels, how many processes.
 *
 * Found out once, and then compared with one machine or a thousand (check.c).
 */
#include <errno.h>
#include <stdlib.h>

#include "check_internal.h"

/* Births of the plan, and those of them that are there in the end: ghosts and helpers go on the way. */
static void count_births(struct check_needs *n)
{
	n->births = n->plan->actors_len;
	for (uint32_t a = 0; a < n->plan->actors_len; a++)
		n->stay += n->plan->actors[a].kind != PLAN_KIND_GHOST &&
			   n->plan->actors[a].kind != PLAN_KIND_HELPER;
}

static void note_highest(struct check_needs *n, const int32_t *nspid, unsigned levels)
{
	for (unsigned level = 0; level < levels; level++)
		if (nspid[level] > n->highest[level])
			n->highest[level] = nspid[level];
}

static void look_at_levels(struct check_needs *n)
{
	const struct tree *t = n->t;

	for (size_t i = 0; i < t->processes_len; i++) {
		const struct tree_process *p = &t->processes[i];

		n->many_levels = n->many_levels || p->levels > 1;
		note_highest(n, p->nspid, p->levels);
		for (uint32_t k = 1; k < p->threads_len; k++)
			note_highest(n, p->threads[k].nspid, p->levels);
	}
	for (size_t i = 0; i < t->ghosts_len; i++)
		note_highest(n, t->ghosts[i].nspid, t->ghosts[i].levels);
	n->namespaces = (int64_t)t->namespaces_len - (n->o.into != RESTORE_NEW);
	for (size_t i = 0; i < t->namespaces_len; i++)
		if (t->namespaces[i].level > n->deepest)
			n->deepest = t->namespaces[i].level;
}

/* As a restore makes it: with numbers that are free, and proven on the model. */
static int plan_and_prove(struct check_needs *n, const struct plan_options *o)
{
	int r = plan_make(n->t, o, &n->plan, &n->no_plan);

	if (r == 0)
		r = plan_prove(n->plan, n->t, o, 0, &(struct plan_proof){ 0 }, &n->no_plan);
	if (r < 0) {
		plan_free(n->plan);
		n->plan = NULL;
	}
	return r;
}

static int make_plans(struct check_needs *n)
{
	struct plan_options po = { .new_namespace = n->o.into == RESTORE_NEW,
				   .exec = n->o.exec,
				   .no_core = n->o.no_core };
	struct plan *other = NULL;
	int r;

	if (n->o.numbers && !po.new_namespace) {
		po.taken = restore_number_is_taken;
		po.taken_arg = n->o.numbers;
		po.number_last = restore_number_last(n->o.numbers);
	}
	r = plan_and_prove(n, &po);
	if (r == -ENOMEM)
		return r;
	n->has_plan_new = po.new_namespace && r == 0;
	if (!po.new_namespace) {
		po = (struct plan_options){ .new_namespace = true,
					    .exec = n->o.exec,
					    .no_core = n->o.no_core };
		n->has_plan_new = plan_make(n->t, &po, &other, NULL) == 0;
		plan_free(other);
	}
	return 0;
}

int check_needs_new(const struct tree *t, const struct check_options *o, struct check_needs **out)
{
	struct check_needs *n = calloc(1, sizeof *n);
	int r = n ? 0 : -ENOMEM;

	if (r == 0) {
		n->t = t;
		n->o = *o;
		look_at_levels(n);
		r = make_plans(n);
	}
	if (r == 0)
		r = tree_wanted(t, 0, &n->wants, &n->wants_len);
	if (r < 0) {
		check_needs_free(n);
		return r;
	}
	if (n->plan)
		count_births(n);
	*out = n;
	return 0;
}

const struct plan *check_needs_plan(const struct check_needs *n)
{
	return n->plan;
}

void check_needs_free(struct check_needs *n)
{
	if (!n)
		return;
	plan_free(n->plan);
	free(n->wants);
	free(n);
}
