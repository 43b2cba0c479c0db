/* SPDX-License-Identifier: MIT */
/*
 * cmd_probe.c: `settid probe`: what works here, why not, and the method that follows.
 *
 * Keeps:   (B1) table and JSON are made from the same settid_probe, and the table leaves nothing out that decides;
 *          (B2) a line that says "no" or "?" says why, or what it costs.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "out.h"

static const char help[] =
	"Usage: settid probe [--json]\n"
	"Show which ways to choose PIDs work here, found by trying, and why others do not.\n"
	"\n"
	"  -j, --json  the same for programs\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 some method works, 1 none does.  See settid-probe(1).\n";

/* ------------------------------------------------------------------------------------------ table -- */

static const char *answer_word(enum settid_answer a)
{
	return a == SETTID_YES ? "yes" : a == SETTID_NO ? "no" : "?";
}

struct row {
	const char *what;
	enum settid_answer answer;
	const char *why; /* NULL: nothing to add */
};

static const char *clone3_why(const struct settid_probe *p)
{
	if (p->clone3 == SETTID_YES)
		return NULL;
	if (p->clone3_blocked == SETTID_YES)
		return p->clone3_errno == EPERM ? "a seccomp filter refuses it (EPERM)"
						: "a seccomp filter hides it (ENOSYS)";
	return "this kernel has none (before Linux 5.3)";
}

static const char *set_tid_why(const struct settid_probe *p)
{
	if (p->clone3 != SETTID_YES)
		return "no clone3";
	return p->set_tid == SETTID_NO ? "before Linux 5.5" : NULL;
}

static const char *last_pid_why(const struct settid_probe *p)
{
	if (p->last_pid_present == SETTID_NO)
		return "there is none: no /proc, or a kernel without checkpoint support";
	return p->last_pid_writable == SETTID_YES ? "one level, and a race against other forks"
						  : "read-only, or no right to write it";
}

static const char *pid_namespaces_why(const struct settid_probe *p)
{
	if (p->pid_namespaces != SETTID_YES)
		return "refused, with and without a user namespace";
	return p->cap_sys_admin == SETTID_YES ? NULL : "only in a new user namespace (--user)";
}

static enum settid_answer negated(enum settid_answer a)
{
	return a == SETTID_YES ? SETTID_NO : a == SETTID_NO ? SETTID_YES : a;
}

static void add_row(struct libscols_table *t, const struct row *r)
{
	const char *color = r->answer == SETTID_YES  ? OUT_GREEN
			    : r->answer == SETTID_NO ? OUT_RED
						     : OUT_YELLOW;
	const char *cells[] = { r->what, answer_word(r->answer), r->why };

	(void)out_table_row(t, cells, 3);
	(void)out_table_color(t, 1, color);
}

static void add_level(struct libscols_table *t, const struct settid_probe *p, int i)
{
	const struct settid_probe_level *level = &p->level[i];
	char what[48], why[96];
	int n = 0;

	snprintf(what, sizeof what, "numbers at set_tid[%d]", i);
	if (level->ns_level >= 0)
		n = snprintf(why, sizeof why, "level %d%s", level->ns_level,
			     level->ns_level == 0 ? ", the machine's" : "");
	else
		n = snprintf(why, sizeof why, "%s", i == 0 ? "where children are born" : "");
	if (level->pid_max > 0)
		n += snprintf(why + n, sizeof why - (size_t)n, "%s1 to %d", n ? "; " : "",
			      level->pid_max - 1);
	if (level->may_set == SETTID_NO)
		snprintf(why + n, sizeof why - (size_t)n, "%sno right over its user namespace",
			 n ? "; " : "");
	add_row(t, &(struct row){ what, level->may_set, why });
}

static void print_best(const struct settid_probe *p)
{
	char text[sizeof p->why + 64];
	int width = out_width(stdout);

	snprintf(text, sizeof text, "Best method: %s.  Why: %s.",
		 p->best == SETTID_METHOD_AUTO ? "none" : settid_method_name(p->best), p->why);
	if (width)
		out_wrap(text, (size_t)width);
	printf("\n%s\n", text);
}

static int print_table(const struct settid_probe *p)
{
	const struct row rows[] = {
		{ "clone3", p->clone3, clone3_why(p) },
		{ "clone3 with set_tid", p->set_tid, set_tid_why(p) },
		{ "ns_last_pid writable", p->last_pid_writable, last_pid_why(p) },
		{ "CAP_CHECKPOINT_RESTORE", p->cap_checkpoint_restore, NULL },
		{ "CAP_SYS_ADMIN", p->cap_sys_admin, NULL },
		{ "new PID namespaces", p->pid_namespaces, pid_namespaces_why(p) },
		{ "new user namespaces", p->user_namespaces, NULL },
		{ "exact thread numbers", p->user_dispatch,
		  p->user_dispatch == SETTID_YES ? "by syscall user dispatch"
						 : "needs syscall user dispatch" },
		{ "free of seccomp filters", negated(p->seccomp),
		  p->seccomp == SETTID_YES ? "one is active; calls may be refused" : NULL },
		{ "/proc is ours", p->proc_is_ours,
		  p->proc_is_ours == SETTID_NO ? "missing, or another PID namespace's" : NULL },
	};
	struct libscols_table *t = out_table_new();

	(void)out_table_column(t, "WHAT", OUT_LEFT);
	(void)out_table_column(t, "WORKS", OUT_LEFT);
	(void)out_table_column(t, "NOTE", OUT_LEFT);
	for (int i = 0; i < p->levels && i <= SETTID_LEVEL_MAX; i++)
		add_level(t, p, i);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		add_row(t, &rows[i]);
	int r = out_table_print(t);
	print_best(p);
	return r;
}

/* ------------------------------------------------------------------------------------------- JSON -- */

static json_t *answer_json(enum settid_answer a)
{
	return a == SETTID_UNKNOWN ? json_null() : json_boolean(a == SETTID_YES);
}

static json_t *levels_json(const struct settid_probe *p)
{
	json_t *levels = json_array();

	for (int i = 0; i < p->levels && i <= SETTID_LEVEL_MAX; i++) {
		const struct settid_probe_level *level = &p->level[i];
		json_t *o = json_object();
		json_object_set_new(o, "may_set", answer_json(level->may_set));
		if (level->pid_max > 0)
			json_object_set_new(o, "pid_max", json_integer(level->pid_max));
		if (level->ns_level >= 0)
			json_object_set_new(o, "ns_level", json_integer(level->ns_level));
		json_array_append_new(levels, o);
	}
	return levels;
}

static int print_json(const struct settid_probe *p)
{
	const struct {
		const char *key;
		enum settid_answer answer;
	} answers[] = {
		{ "clone3", p->clone3 },
		{ "clone3_blocked", p->clone3_blocked },
		{ "set_tid", p->set_tid },
		{ "seccomp", p->seccomp },
		{ "cap_checkpoint_restore", p->cap_checkpoint_restore },
		{ "cap_sys_admin", p->cap_sys_admin },
		{ "last_pid_present", p->last_pid_present },
		{ "last_pid_writable", p->last_pid_writable },
		{ "user_namespaces", p->user_namespaces },
		{ "pid_namespaces", p->pid_namespaces },
		{ "user_dispatch", p->user_dispatch },
		{ "proc_is_ours", p->proc_is_ours },
	};
	json_t *o = json_object();
	char name[16];

	json_object_set_new(o, "best",
			    p->best == SETTID_METHOD_AUTO ? json_null()
							  : json_string(settid_method_name(p->best)));
	json_object_set_new(o, "why", json_string(p->why));
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		json_object_set_new(o, answers[i].key, answer_json(answers[i].answer));
	if (p->clone3_errno)
		json_object_set_new(o, "clone3_errno", json_string(errno_name(-p->clone3_errno, name)));
	json_object_set_new(o, "levels", levels_json(p));
	json_object_set_new(o, "levels_exact", json_boolean(p->levels_exact));
	return out_json(o);
}

int cmd_probe(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct settid_probe p = { .size = sizeof p };
	struct settid_error err;
	bool json = false;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (c == 'h')
			return cmd_help(help);
		if (c != 'j')
			return cmd_usage_hint();
		json = true;
	}
	if (argv[optind])
		return cmd_usage_error("'%s': nothing is expected here", argv[optind]);
	if (settid_probe(&p, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	if ((json ? print_json(&p) : print_table(&p)) < 0)
		return cmd_fail(CMD_FAILED, "cannot print the answer");
	return p.best == SETTID_METHOD_AUTO ? CMD_FAILED : CMD_OK;
}
