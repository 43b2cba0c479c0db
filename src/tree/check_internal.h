/* SPDX-License-Identifier: MIT */
/* check_internal.h: what check.c, check_limits.c and check_numbers.c share. */
#ifndef SETTID_TREE_CHECK_INTERNAL_H
#define SETTID_TREE_CHECK_INTERNAL_H

#include "check.h"
#include "plan.h"
#include "wanted.h"

struct check_needs {
	const struct tree *t;
	struct check_options o;
	struct plan *plan; /* NULL: there is none, and the reason is */
	struct tree_error no_plan;
	bool has_plan_new;       /* there is one for --into new */
	bool many_levels;        /* some process has more than one number */
	int deepest;             /* level of the innermost namespace */
	int64_t namespaces;      /* how many are made */
	struct tree_want *wants; /* at level 0, ascending */
	size_t wants_len;
	int64_t births, stay;            /* how many are born, and how many are there in the end */
	int32_t highest[TREE_LEVEL_MAX]; /* number wanted at each level; 0 = none */
};

struct check {
	const struct check_needs *n;
	const struct inventory *inv;
	bool here;
	bool by_last_pid;  /* the method that a restore would take */
	bool new_would_do; /* --into new has a plan, and namespaces can be made */
	struct check_report *report;
	int failed; /* -ENOMEM once a finding could not be kept */
};

/* A finding with its text, and no advice; NULL = no memory (noted in c->failed). */
struct check_finding *check_add(struct check *c, enum check_topic topic, enum check_answer answer,
				const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void check_advise(struct check_finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* check_limits.c: processes, memory, core files. */
void check_limits(struct check *c);
void check_core(struct check *c);
void check_execve(struct check *c);
/* check_numbers.c: who has what is wanted; pid_max at each level. */
void check_numbers(struct check *c);
void check_pid_max(struct check *c);

#endif
