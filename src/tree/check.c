/* SPDX-License-Identifier: MIT */
/*
 * check.c: plan, method, rights and namespaces of a restore that has not begun.
 *
 * Keeps:   C1 to C3 of check.h.  The order of the findings is that of enum check_topic, and what decides most comes
 *          first: a tree without a plan is not looked at any further.
 */
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check_internal.h"

static const char *const topic_names[] = {
	[CHECK_PLAN] = "plan",
	[CHECK_METHOD] = "method",
	[CHECK_RIGHTS] = "rights",
	[CHECK_NAMESPACES] = "namespaces",
	[CHECK_NUMBERS] = "numbers",
	[CHECK_PID_MAX] = "pid_max",
	[CHECK_USER_LIMIT] = "RLIMIT_NPROC",
	[CHECK_CGROUP] = "pids cgroup",
	[CHECK_THREADS_MAX] = "threads-max",
	[CHECK_MEMORY] = "memory",
	[CHECK_SECCOMP] = "seccomp",
	[CHECK_CORE] = "core dump",
	[CHECK_EXECVE] = "execve",
};

const char *check_topic_name(enum check_topic topic)
{
	return (unsigned)topic < CHECK_TOPICS ? topic_names[topic] : "?";
}

/* ---------------------------------------------------------------------------------------- findings -- */

static struct check_finding *room(struct check_report *r)
{
	if (r->len == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		struct check_finding *at = realloc(r->findings, cap * sizeof *at);

		if (!at)
			return NULL;
		r->findings = at;
		r->cap = cap;
	}
	return &r->findings[r->len++];
}

/* One no is a no; else one "cannot tell" leaves all in doubt. */
static void count_answer(struct check_report *r, enum check_answer answer)
{
	if (answer == CHECK_FAILS || r->answer == CHECK_WORKS)
		r->answer = answer;
}

struct check_finding *check_add(struct check *c, enum check_topic topic, enum check_answer answer,
				const char *fmt, ...)
{
	struct check_finding *f = room(c->report);
	va_list args;

	if (!f) {
		c->failed = -ENOMEM;
		return NULL;
	}
	*f = (struct check_finding){ .topic = topic, .answer = answer, .level = -1 };
	va_start(args, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, args);
	va_end(args);
	count_answer(c->report, answer);
	return f;
}

void check_advise(struct check_finding *f, const char *fmt, ...)
{
	va_list args;

	if (!f)
		return;
	va_start(args, fmt);
	vsnprintf(f->advice, sizeof f->advice, fmt, args);
	va_end(args);
}

void check_done(struct check_report *r)
{
	free(r->findings);
	*r = (struct check_report){ 0 };
}

/* ------------------------------------------------------------------------------------------- plan -- */

static void check_plan(struct check *c)
{
	const struct check_needs *n = c->n;
	struct check_finding *f;

	c->new_would_do =
		n->o.into != RESTORE_NEW && n->has_plan_new && c->inv->machine.pid_namespaces == SETTID_YES;
	if (n->plan) {
		check_add(c, CHECK_PLAN, CHECK_WORKS, "%zu process%s, by %u steps", n->t->processes_len,
			  n->t->processes_len == 1 ? "" : "es", n->plan->steps_len);
		return;
	}
	f = check_add(c, CHECK_PLAN, CHECK_FAILS, "%s", n->no_plan.text);
	if (strstr(n->no_plan.text, "--into new")) /* the planner's own advice */
		return;
	if (c->new_would_do)
		check_advise(f, "use --into new");
	else
		check_advise(f, "change the tree: no machine can build it so");
}

/* ----------------------------------------------------------------------------------------- method -- */

/* ns_last_pid: one level, and a race. */
static void check_last_pid(struct check *c, const char *because)
{
	struct check_finding *f = NULL;

	c->by_last_pid = true;
	if (c->n->many_levels) {
		f = check_add(c, CHECK_METHOD, CHECK_FAILS,
			      "%s, and ns_last_pid chooses numbers at one level only", because);
		check_advise(f, c->n->o.method == SETTID_METHOD_NS_LAST_PID
					? "use --method clone3"
					: "let clone3 through (Linux 5.5 has its set_tid)");
	} else if (c->inv->machine.last_pid == SETTID_NO) {
		f = check_add(c, CHECK_METHOD, CHECK_FAILS, "%s, and ns_last_pid cannot be written", because);
		check_advise(f, "let clone3 through, or make /proc/sys writable");
	} else {
		check_add(c, CHECK_METHOD, CHECK_WORKS, "ns_last_pid: a race against other forks (%s)",
			  because);
	}
}

static void check_method(struct check *c)
{
	const struct machine *m = &c->inv->machine;

	if (c->n->o.method == SETTID_METHOD_NS_LAST_PID)
		check_last_pid(c, "asked for");
	else if (m->set_tid == SETTID_YES)
		check_add(c, CHECK_METHOD, CHECK_WORKS, "clone3 with set_tid");
	else if (c->n->o.method == SETTID_METHOD_CLONE3)
		check_advise(check_add(c, CHECK_METHOD, m->set_tid == SETTID_NO ? CHECK_FAILS : CHECK_UNKNOWN,
				       "clone3 with set_tid is asked for: %s", m->why),
			     "let it through, or use --method auto");
	else
		check_last_pid(c, "clone3 with set_tid is not to be had");
}

static void check_seccomp(struct check *c)
{
	const struct machine *m = &c->inv->machine;

	if (m->seccomp == SETTID_YES)
		check_add(c, CHECK_SECCOMP, CHECK_WORKS,
			  m->set_tid == SETTID_YES ? "a filter is active, and lets clone3 through"
						   : "a filter is active, and may be what hides clone3");
}

/* ----------------------------------------------------------------------------------------- rights -- */

static void check_rights_new(struct check *c)
{
	const struct machine *m = &c->inv->machine;
	enum settid_answer may = c->n->o.user ? m->user_namespaces : m->pid_namespaces;
	struct check_finding *f;

	if (may == SETTID_YES) {
		check_add(c, CHECK_RIGHTS, CHECK_WORKS, "a PID namespace can be made%s",
			  c->n->o.user ? ", in a user namespace" : "");
		return;
	}
	f = check_add(c, CHECK_RIGHTS, may == SETTID_NO ? CHECK_FAILS : CHECK_UNKNOWN,
		      c->n->o.user
			      ? "no user namespace with this user in it can be made here"
			      : "no PID namespace can be made here: no CAP_SYS_ADMIN, or max_pid_namespaces");
	if (!c->n->o.user && m->user_namespaces == SETTID_YES)
		check_advise(f, "use --user, or run as root");
	else if (!c->n->o.user)
		check_advise(f, "run with CAP_SYS_ADMIN, and see /proc/sys/user/max_pid_namespaces");
	else
		check_advise(f, "allow user namespaces (/proc/sys/user, seccomp; root needs CAP_SETFCAP), "
				"or run with CAP_SYS_ADMIN and without --user");
}

static void check_rights_existing(struct check *c)
{
	const struct machine *m = &c->inv->machine;
	bool nested = c->n->many_levels;
	struct check_finding *f;

	if (m->may_choose != SETTID_YES && m->set_tid == SETTID_YES) {
		f = check_add(c, CHECK_RIGHTS, m->may_choose == SETTID_NO ? CHECK_FAILS : CHECK_UNKNOWN,
			      "no right to choose numbers in this PID namespace");
		check_advise(f, "run with CAP_CHECKPOINT_RESTORE%s",
			     m->user_namespaces == SETTID_YES ? ", or use --into new --user" : "");
	} else if (nested && m->pid_namespaces != SETTID_YES) {
		f = check_add(c, CHECK_RIGHTS, CHECK_FAILS,
			      "no right to make the PID namespaces inside the tree (CAP_SYS_ADMIN)");
		check_advise(f, "run as root");
	} else {
		check_add(c, CHECK_RIGHTS, CHECK_WORKS, "numbers may be chosen%s",
			  nested ? ", and namespaces made" : "");
	}
}

static void check_rights(struct check *c)
{
	if (c->by_last_pid)
		return; /* its file is all that is needed, and was looked at */
	if (c->n->o.into == RESTORE_NEW)
		check_rights_new(c);
	else
		check_rights_existing(c);
}

/* ------------------------------------------------------------------------------------- namespaces -- */

#define DEEPEST 32 /* pid_namespaces(7) */

static void say_levels(struct check *c, int first, int last)
{
	if (first == last)
		check_add(c, CHECK_NAMESPACES, CHECK_WORKS, "level %d of %d", first, DEEPEST);
	else
		check_add(c, CHECK_NAMESPACES, CHECK_WORKS, "levels %d to %d of %d", first, last, DEEPEST);
}

static void check_depth(struct check *c)
{
	const struct machine *m = &c->inv->machine;
	int deepest = c->n->deepest, own = m->level;
	bool new = c->n->o.into == RESTORE_NEW;
	enum settid_answer one_more = c->n->o.user ? m->user_namespaces : m->pid_namespaces;

	if (!deepest && !new)
		return;
	if (own == MACHINE_UNKNOWN && new && !deepest && one_more == SETTID_YES)
		check_add(c, CHECK_NAMESPACES, CHECK_WORKS, "one more level, as was tried");
	else if (own == MACHINE_UNKNOWN) /* 31 levels at least: the probe cannot see further */
		check_add(c, CHECK_NAMESPACES, CHECK_UNKNOWN, "how deep this namespace is cannot be told");
	else if (own + new + deepest > DEEPEST)
		check_advise(
			check_add(c, CHECK_NAMESPACES, CHECK_FAILS,
				  "the tree's innermost namespace would be at level %d, and %d is the last",
				  own + new + deepest, DEEPEST),
			"restore it %d levels further out", own + new + deepest - DEEPEST);
	else
		say_levels(c, own + new, own + new + deepest);
}

/*
 * Nobody can see how many there are.  And those that this process itself made to try it may go a moment after it: that is
 * the margin.
 */
#define MADE_BY_PROBE 3

static void check_count(struct check *c)
{
	const struct machine *m = &c->inv->machine;
	int64_t need = c->n->namespaces;
	const char *are = need == 1 ? " is" : "s are";
	struct check_finding *f;

	if (!need || m->namespaces_max == MACHINE_UNKNOWN || m->namespaces_left >= need + MADE_BY_PROBE)
		return;
	if (m->namespaces_max < need)
		f = check_add(c, CHECK_NAMESPACES, CHECK_FAILS,
			      "%" PRId64 " PID namespace%s needed, and max_pid_namespaces is %" PRId64, need,
			      are, m->namespaces_max);
	else
		f = check_add(c, CHECK_NAMESPACES, CHECK_UNKNOWN,
			      "%" PRId64 " PID namespace%s needed, and max_pid_namespaces, %" PRId64
			      ", may leave fewer",
			      need, are, m->namespaces_max);
	check_advise(f, "raise /proc/sys/user/max_pid_namespaces by %" PRId64,
		     need + MADE_BY_PROBE - m->namespaces_left);
}

int check_tree(const struct check_needs *n, const struct inventory *inv, bool here, struct check_report *out)
{
	struct check c = { .n = n, .inv = inv, .here = here, .report = out };

	*out = (struct check_report){ 0 };
	check_plan(&c);
	if (n->plan) {
		check_method(&c);
		check_rights(&c);
		check_depth(&c);
		check_count(&c);
		check_numbers(&c);
		check_pid_max(&c);
		check_limits(&c);
		check_seccomp(&c);
		check_core(&c);
		check_execve(&c);
	}
	return c.failed;
}
