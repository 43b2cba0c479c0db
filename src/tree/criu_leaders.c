/* SPDX-License-Identifier: MIT */
/*
 * criu_leaders.c: groups and sessions of images whose leader is no process of the tree.
 *
 * Images have such a leader's number and nothing else, so they cannot tell one that is dead, whose number nobody may get,
 * from one that lives outside the tree.
 * Keeps:   (L1) the root's own session and group, where the root does not lead it, are outside: that is the shell whose job
 *               it was;
 *          (L2) every other one is a ghost;
 *          (L3) what the options say of a number goes before both, and has to be about such a number.
 * Costs:   a sort of all groups and sessions.
 */
#include "tree/criu_internal.h"

#include <errno.h>
#include <stdlib.h>

struct numbers {
	int32_t *at;
	size_t len;
};

static int by_value(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* Sorted, each once, without 0. */
static void tidy(struct numbers *n)
{
	size_t kept = 0;

	qsort(n->at, n->len, sizeof *n->at, by_value);
	for (size_t k = 0; k < n->len; k++)
		if (n->at[k] != 0 && (kept == 0 || n->at[k] != n->at[kept - 1]))
			n->at[kept++] = n->at[k];
	n->len = kept;
}

static bool has(const struct numbers *n, int32_t number)
{
	return n->len && bsearch(&number, n->at, n->len, sizeof *n->at, by_value) != NULL;
}

/* Numbers of groups and sessions that no process has, of processes in `pids`. */
static void collect(const struct tree *t, struct numbers *pids, struct numbers *led)
{
	for (size_t k = 0; k < t->processes_len; k++)
		pids->at[pids->len++] = t->processes[k].nspid[0];
	tidy(pids);
	for (size_t k = 0; k < t->processes_len; k++) {
		const struct tree_process *p = &t->processes[k];
		if (!has(pids, p->pgid))
			led->at[led->len++] = p->pgid;
		if (!has(pids, p->sid))
			led->at[led->len++] = p->sid;
	}
	tidy(led);
}

static bool listed(const int32_t *numbers, size_t len, int32_t n)
{
	for (size_t k = 0; k < len; k++)
		if (numbers[k] == n)
			return true;
	return false;
}

static bool is_outside(const struct criu__reader *r, int32_t n)
{
	const struct tree_process *root = &r->t->processes[0];

	if (listed(r->options->outside, r->options->outside_len, n))
		return true;
	if (listed(r->options->ghosts, r->options->ghosts_len, n))
		return false;
	return n == root->pgid || n == root->sid;
}

/* A slip in a number would otherwise be a wish that nobody hears. */
static int check_options(struct criu__reader *r, const char *option, const int32_t *numbers, size_t len,
			 const struct numbers *pids, const struct numbers *led)
{
	for (size_t k = 0; k < len; k++) {
		if (has(pids, numbers[k]))
			return tree_fail(r->err, -EINVAL, "%s %d: it is a process of %s", option,
					 (int)numbers[k], r->source->name);
		if (!has(led, numbers[k]))
			return tree_fail(r->err, -EINVAL,
					 "%s %d: no process of %s has it as group or session", option,
					 (int)numbers[k], r->source->name);
	}
	return 0;
}

static int check_all_options(struct criu__reader *r, const struct numbers *pids, const struct numbers *led)
{
	const struct tree_criu_options *o = r->options;

	for (size_t k = 0; k < o->outside_len; k++)
		if (listed(o->ghosts, o->ghosts_len, o->outside[k]))
			return tree_fail(r->err, -EINVAL, "%d cannot be both outside the tree and a ghost",
					 (int)o->outside[k]);
	int rc = check_options(r, "outside", o->outside, o->outside_len, pids, led);
	return rc < 0 ? rc : check_options(r, "ghost", o->ghosts, o->ghosts_len, pids, led);
}

static int add_ghost(struct criu__reader *r, int32_t n)
{
	int32_t *nspid = tree_alloc(r->t, sizeof *nspid);
	struct tree_ghost *g = nspid ? tree_ghost_add(r->t) : NULL;

	if (!g)
		return criu__no_memory(r);
	*nspid = n;
	g->nspid = nspid;
	g->levels = 1;
	return 0;
}

static int settle(struct criu__reader *r, struct numbers *led)
{
	size_t kept = 0;
	int rc = 0;

	for (size_t k = 0; k < led->len && rc == 0; k++) {
		if (is_outside(r, led->at[k]))
			led->at[kept++] = led->at[k];
		else
			rc = add_ghost(r, led->at[k]);
	}
	led->len = kept;
	for (size_t k = 0; k < r->t->processes_len && rc == 0; k++) {
		struct tree_process *p = &r->t->processes[k];
		p->pgid = has(led, p->pgid) ? 0 : p->pgid;
		p->sid = has(led, p->sid) ? 0 : p->sid;
	}
	return rc;
}

int criu__settle_leaders(struct criu__reader *r)
{
	size_t n = r->t->processes_len;
	struct numbers pids = { .at = malloc(n * sizeof *pids.at) },
		       led = { .at = malloc(2 * n * sizeof *led.at) };
	int rc = -ENOMEM;

	if (pids.at && led.at) {
		collect(r->t, &pids, &led);
		rc = check_all_options(r, &pids, &led);
		if (rc == 0)
			rc = settle(r, &led);
	} else {
		rc = criu__no_memory(r);
	}
	free(pids.at);
	free(led.at);
	return rc;
}
