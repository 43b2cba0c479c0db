/* SPDX-License-Identifier: MIT */
/*
 * plan_form.h: what a plan must be without being run: P2, P5, operands within their arrays, one last step per list and
 * none before it.  What it does is plan_prove()'s to say.
 */
#ifndef SETTID_TESTS_PLAN_FORM_H
#define SETTID_TESTS_PLAN_FORM_H

#include "tree/plan.h"

/* 0, or -1 and `why` in one sentence. */
int plan_check_form(const struct plan *p, const struct tree *t, char *why, size_t size);

/*
 * Plans `t`, and proves that under as many orders: 0, or what plan_make() or plan_prove() said, -1 for the form, with `err`.
 * *with_execve, if not NULL, becomes true where a placeholder has to call it.
 */
int plan_try(struct tree *t, const struct plan_options *o, unsigned orders, bool *with_execve,
	     struct tree_error *err);

#endif
