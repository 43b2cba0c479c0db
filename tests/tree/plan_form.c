/* SPDX-License-Identifier: MIT */
/*
 * plan_form.c: what a plan must be without being run.
 */
#include "plan_form.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct form {
	const struct plan *p;
	const struct tree *t;
	char *why;
	size_t size;
	int me;
};

static int wrong(struct form *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int wrong(struct form *s, const char *fmt, ...)
{
	char who[96], what[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	plan_actor_describe(s->p, s->t, (uint32_t)s->me, who, sizeof who);
	snprintf(s->why, s->size, "%s: %s", who, what);
	return -1;
}

static bool is_last(uint32_t op)
{
	return op >= PLAN_HOLD;
}

/* The largest operand a step may have, by what it is an index of; UINT32_MAX = any. */
static uint32_t limit_of(const struct plan *p, uint32_t op)
{
	switch (op) {
	case PLAN_CHILD:
	case PLAN_THREAD:
	case PLAN_ENTER:
	case PLAN_SETPGID_CHILD:
	case PLAN_SETPGID_LIKE:
	case PLAN_SETPGID_OUTSIDE:
	case PLAN_HEAR:
	case PLAN_KILL:
	case PLAN_WAIT_DEAD:
	case PLAN_BURY:
	case PLAN_LEASH:
	case PLAN_CONTINUE:
	case PLAN_WAIT_STOPPED:
	case PLAN_WAIT_LEADER:
	case PLAN_REAP:
		return p->actors_len;
	case PLAN_ADD:
	case PLAN_WAIT:
		return p->counters_len;
	case PLAN_NAME:
		return p->text_len;
	case PLAN_EXEC:
		return p->commands_len;
	default:
		return UINT32_MAX;
	}
}

static int check_lists(struct form *s, uint8_t *made)
{
	const struct plan *p = s->p;

	for (s->me = 0; s->me < (int)p->actors_len; s->me++) {
		const struct plan_actor *a = &p->actors[s->me];

		if (a->steps_len == 0 || a->first_step + a->steps_len > p->steps_len)
			return wrong(s, "has no list");
		for (uint32_t k = 0; k < a->steps_len; k++) {
			const struct plan_step *st = &p->steps[a->first_step + k];

			if (st->op == 0 || st->op >= PLAN_OP_COUNT || st->a >= limit_of(p, st->op))
				return wrong(s, "step %u is no step", k);
			if (is_last(st->op) != (k + 1 == a->steps_len))
				return wrong(s, "step %u is a last step in the middle, or the last is none",
					     k);
			if (st->op == PLAN_CHILD || st->op == PLAN_THREAD)
				made[st->a]++;
		}
	}
	return 0;
}

static int rank(const struct plan_actor *a)
{
	return a->kind == PLAN_KIND_GHOST || a->kind == PLAN_KIND_HELPER ? PLAN_KIND_PROCESS : a->kind;
}

static int check_order(struct form *s, const uint8_t *made)
{
	const struct plan *p = s->p;
	uint32_t *actor = calloc(s->t->processes_len, sizeof *actor);
	int r = actor ? 0 : -1;

	for (s->me = 0; r == 0 && s->me < (int)p->actors_len; s->me++) {
		const struct plan_actor *a = &p->actors[s->me];
		int32_t parent = a->process == TREE_NONE ? TREE_NONE : s->t->processes[a->process].parent;

		if (made[s->me] != (s->me > 0))
			r = wrong(s, "is made %d times (P2)", made[s->me]);
		else if (s->me > 0 && rank(a) < rank(&p->actors[s->me - 1]))
			r = wrong(s, "stands behind actors of a later kind (P5)");
		else if (a->kind == PLAN_KIND_PROCESS && parent != TREE_NONE && !actor[parent])
			r = wrong(s, "stands before its parent (P5)");
		if (a->kind == PLAN_KIND_PROCESS)
			actor[a->process] = (uint32_t)s->me;
	}
	for (size_t k = 0; r == 0 && k < s->t->processes_len; k++)
		if (!actor[k])
			r = wrong(s, "lacks process %d", (int)s->t->processes[k].nspid[0]);
	free(actor);
	return r;
}

int plan_check_form(const struct plan *p, const struct tree *t, char *why, size_t size)
{
	struct form s = { .p = p, .t = t, .why = why, .size = size };
	uint8_t *made = calloc(p->actors_len, 1);
	int r = made ? check_lists(&s, made) : -1;

	if (r == 0)
		r = check_order(&s, made);
	free(made);
	return r;
}

int plan_try(struct tree *t, const struct plan_options *o, unsigned orders, bool *with_execve,
	     struct tree_error *err)
{
	struct plan *p = NULL;
	int r = plan_make(t, o, &p, err);

	if (r == 0)
		r = plan_check_form(p, t, err->text, sizeof err->text);
	for (unsigned k = 0; r == 0 && k < orders; k++)
		r = plan_prove(p, t, o, k, NULL, err);
	if (r == 0 && with_execve && p->reexecs_len)
		*with_execve = true;
	plan_free(p);
	return r;
}
