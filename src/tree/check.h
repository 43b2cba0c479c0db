/* SPDX-License-Identifier: MIT */
/*
 * check.h: would the restore of a tree work, here and now, or on a machine that is known by its inventory?
 *
 * Owns:    struct check_report: one finding per thing that was looked at, and per number that stands in the way.
 * Keeps:   (C1) a restore's own rules decide: the plan is made, the numbers of this machine are put to the kernel;
 *          (C2) a finding that says no says what to do about it in one line;
 *          (C3) what could not be found out is UNKNOWN, never "works".
 */
#ifndef SETTID_TREE_CHECK_H
#define SETTID_TREE_CHECK_H

#include "machine.h"
#include "restore.h"

enum check_answer { CHECK_WORKS, CHECK_FAILS, CHECK_UNKNOWN };

/* What a finding is about: words for programs, and the order in which they are listed. */
enum check_topic {
	CHECK_PLAN,
	CHECK_METHOD,
	CHECK_RIGHTS,
	CHECK_NAMESPACES,
	CHECK_NUMBERS,
	CHECK_PID_MAX,
	CHECK_USER_LIMIT,
	CHECK_CGROUP,
	CHECK_THREADS_MAX,
	CHECK_MEMORY,
	CHECK_SECCOMP,
	CHECK_CORE,
	CHECK_EXECVE,
	CHECK_TOPICS
};
const char *check_topic_name(enum check_topic topic);

struct check_finding {
	enum check_topic topic;
	enum check_answer answer;
	int level;                  /* of the tree, 0 outermost; -1 = none */
	int32_t number;             /* 0 = none */
	struct settid_error holder; /* of a number that is taken: the holder fields, its text */
	char text[400];             /* what is so */
	char advice[240];           /* what to do; "" = nothing */
};

struct check_report {
	struct check_finding *findings; /* malloc's */
	size_t len, cap;
	enum check_answer answer;
};

struct check_options {
	enum restore_into into;
	pid_t into_pid;
	bool user;
	bool exec;
	bool no_core;
	enum settid_method method;
	struct restore_numbers
		*numbers; /* of this machine, for those who need one for a while; NULL = not known */
};

/* What a validated tree needs of any machine, found out once; reads the tree as long as it lives. */
struct check_needs;
int check_needs_new(const struct tree *t, const struct check_options *o,
		    struct check_needs **out); /* or -ENOMEM */
void check_needs_free(struct check_needs *n);
/* The plan that a restore would carry out: its notes say what will not be exactly as in the file.  NULL = none. */
const struct plan *check_needs_plan(const struct check_needs *n);

/*
 * check_tree() - the report on a tree's needs and one machine.
 *
 * here:  it is this machine, and the caller's children live in the namespace that --into means: numbers are put to
 *        the kernel.  Else the inventory's word is taken.
 * Returns 0, also when the restore would not work, or -ENOMEM.  check_done() frees, also after a failure.
 */
int check_tree(const struct check_needs *n, const struct inventory *inv, bool here, struct check_report *out);
void check_done(struct check_report *r);

#endif
