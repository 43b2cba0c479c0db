/* SPDX-License-Identifier: MIT */
/*
 * cmd_check.c: `settid check FILE`: would the restore work here, or on which of these machines?
 *
 * Keeps:   (K1) table and JSON show the same findings; (K2) nothing is left behind, and no number is taken but for
 *          the moment of a probe; (K3) an answer that could not be written is none.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd.h"
#include "input.h"
#include "out.h"
#include "place.h"
#include "reserve_place.h"
#include "tree/check.h"

static const char help[] =
	"Usage: settid check [OPTION...] FILE|DIR\n"
	"Would 'settid restore' of this tree work here, now?  What is in the way, and what\n"
	"to do about it.  FILE is a tree file as settid-dump(1) writes it, DIR the images of\n"
	"a CRIU dump; - is a tree file on standard input.\n"
	"\n"
	"      --into WHERE     new (default): a new PID namespace below this one;\n"
	"                       current: this one; PID: the one that process PID lives in\n"
	"      --against FILE   ask about the machine of this inventory instead, as\n"
	"                       'settid inventory --json' writes it; a directory: of all\n"
	"                       inventories (*.json) in it.  May be repeated\n"
	"      --user           as with restore: in a user namespace of its own\n"
	"      --exec           as with restore: programs are started in the end\n"
	"      --no-core        as with restore: zombies that dumped core need no dump\n"
	"      --method METHOD  as with restore: auto (default), clone3 or ns_last_pid\n"
	"      --json           for programs\n" INPUT_HELP "  -h, --help           this text\n"
	"\n"
	"Exit status: 0 it will work (on one of the machines at least); 1 it will not;\n"
	"2 it could not be told, or the file not be read; 125 wrong usage.\n";

/* check's own exit statuses */
enum { WORKS = 0, FAILS = 1, CANNOT_TELL = 2 };

struct request {
	const char *file;
	struct check_options o;
	struct input input;
	bool json;
	char **against; /* paths, owned */
	size_t against_len;
};

static const char *const answers[] = {
	[CHECK_WORKS] = "works", [CHECK_FAILS] = "fails", [CHECK_UNKNOWN] = "unknown"
};
static const char *const words[] = { [CHECK_WORKS] = "yes", [CHECK_FAILS] = "no", [CHECK_UNKNOWN] = "?" };
static const char *const colors[] = {
	[CHECK_WORKS] = OUT_GREEN, [CHECK_FAILS] = OUT_RED, [CHECK_UNKNOWN] = OUT_YELLOW
};
static const int statuses[] = { [CHECK_WORKS] = WORKS, [CHECK_FAILS] = FAILS, [CHECK_UNKNOWN] = CANNOT_TELL };

/* ------------------------------------------------------------------------------------- arguments -- */

static int add_path(struct request *q, const char *dir, const char *name)
{
	char **at = realloc(q->against, (q->against_len + 1) * sizeof *at);
	char *path = NULL;

	if (at)
		q->against = at;
	const char *between = dir && dir[strlen(dir) - 1] != '/' ? "/" : "";

	if (!at || asprintf(&path, "%s%s%s", dir ? dir : "", between, name) < 0)
		return cmd_fail(CANNOT_TELL, "out of memory");
	q->against[q->against_len++] = path;
	return CMD_OK;
}

static int is_inventory(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 && strcmp(d->d_name + len - 5, ".json") == 0;
}

static int add_against(struct request *q, const char *path)
{
	struct dirent **names = NULL;
	struct stat st;
	int n, r = CMD_OK;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return add_path(q, NULL, path);
	n = scandir(path, &names, is_inventory, alphasort);
	if (n < 0)
		return cmd_fail(CANNOT_TELL, "cannot list %s: %s", path, strerror(errno));
	if (n == 0)
		r = cmd_fail(CANNOT_TELL, "there is no inventory (*.json) in %s", path);
	for (int i = 0; i < n; i++) {
		r = r == CMD_OK ? add_path(q, path, names[i]->d_name) : r;
		free(names[i]);
	}
	free(names);
	return r;
}

static int parse(int argc, char **argv, struct request *q)
{
	enum { AGAINST = 1, JSON };
	static const struct option options[] = {
		{ "against", required_argument, NULL, AGAINST },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, 'h' },
		PLACE_OPTIONS,
		INPUT_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	struct place place = { 0 };
	int c, bad = CMD_OK;

	while (!bad && (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case AGAINST:
			bad = add_against(q, optarg);
			break;
		case JSON:
			q->json = true;
			break;
		case 'h':
			cmd_help(help);
			return -1;
		default:
			bad = input_is_option(c)   ? input_option(&q->input, c, optarg)
			      : place_is_option(c) ? place_option(&place, c, optarg)
						   : cmd_usage_hint();
		}
	}
	bad = bad ? bad : place_check(&place);
	if (bad)
		return bad;
	if (place.into == RESTORE_PID && q->against_len)
		return cmd_usage_error("an inventory knows no PID to restore --into");
	q->o = (struct check_options){ .into = place.into,
				       .into_pid = place.into_pid,
				       .user = place.user,
				       .exec = place.exec,
				       .no_core = place.no_core,
				       .method = place.method };
	return input_operand(argc, argv, &q->file);
}

/* ------------------------------------------------------------------------------------ this machine -- */

static json_t *finding_json(const struct check_finding *f)
{
	json_t *o =
		json_pack("{s:s, s:s}", "topic", check_topic_name(f->topic), "answer", answers[f->answer]);

	if (f->level >= 0)
		json_object_set_new(o, "level", json_integer(f->level));
	if (f->number)
		json_object_set_new(o, "number", json_integer(f->number));
	if (f->holder.holder != SETTID_HOLDER_NONE)
		json_object_set_new(o, "holder", json_settid_holder(&f->holder));
	json_object_set_new(o, "text", json_bytes(f->text, strlen(f->text)));
	if (f->advice[0])
		json_object_set_new(o, "advice", json_bytes(f->advice, strlen(f->advice)));
	return o;
}

static json_t *findings_json(const struct check_report *r, bool only_bad)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->len; i++)
		if (!only_bad || r->findings[i].answer != CHECK_WORKS)
			json_array_append_new(list, finding_json(&r->findings[i]));
	return list;
}

/* What a restore that works will not have exactly as in the file. */
static json_t *notes_json(const struct check_needs *n)
{
	const struct plan *p = check_needs_plan(n);
	json_t *list = json_array();

	for (uint32_t i = 0; p && i < p->notes_len; i++)
		json_array_append_new(list, json_bytes(p->notes[i], strlen(p->notes[i])));
	return list;
}

static void print_notes(const struct check_needs *n)
{
	const struct plan *p = check_needs_plan(n);

	for (uint32_t i = 0; p && i < p->notes_len; i++)
		printf("%snote: %s\n", i == 0 ? "\n" : "", p->notes[i]);
}

static int answer_given(int written, int status)
{
	int r = written < 0 ? written : out_finish();

	if (r == 0)
		return status;
	return cmd_fail(CANNOT_TELL, "cannot write the answer: %s", strerror(-r));
}

static int print_report(const struct check_needs *n, const struct check_report *r)
{
	struct libscols_table *t = out_table_new();
	size_t bad = 0;
	int e;

	(void)out_table_column(t, "WHAT", OUT_LEFT);
	(void)out_table_column(t, "WORKS", OUT_LEFT);
	(void)out_table_column(t, "NOTE", OUT_LEFT);
	for (size_t i = 0; i < r->len; i++) {
		const struct check_finding *f = &r->findings[i];
		char note[sizeof f->text + sizeof f->advice + 8];

		bad += f->answer == CHECK_FAILS;
		snprintf(note, sizeof note, "%s%s%s", f->text, f->advice[0] ? ": " : "", f->advice);
		(void)out_table_row(t, (const char *[]){ check_topic_name(f->topic), words[f->answer], note },
				    3);
		(void)out_table_color(t, 1, colors[f->answer]);
	}
	e = out_table_print(t);
	print_notes(n);
	if (r->answer == CHECK_FAILS)
		printf("\nIt will not work: %zu thing%s in the way.\n", bad, bad == 1 ? " is" : "s are");
	else
		printf("\n%s\n", r->answer == CHECK_WORKS ? "It will work."
							  : "It may work: not all could be found out.");
	return e;
}

/* The facts of the machine, and, for --into PID, of the namespace that children then live in. */
static int look_around(const struct request *q, struct inventory *inv, int *home)
{
	struct tree_error err = { 0 };

	if (inventory_read(inv, &err) < 0)
		return cmd_fail(err.code == -EAGAIN ? FAILS : CANNOT_TELL, "%s", err.text);
	if (q->o.into != RESTORE_PID)
		return CMD_OK;
	if (reserve_enter(q->o.into_pid, home) != CMD_OK)
		return FAILS;
	return machine_read_entered(&inv->machine, &err) < 0 ? cmd_fail(CANNOT_TELL, "%s", err.text) : CMD_OK;
}

static int check_here(const struct request *q, const struct check_needs *n)
{
	struct check_report report = { 0 };
	struct inventory inv = { 0 };
	int home = -1, status = look_around(q, &inv, &home), e;

	if (status == CMD_OK && check_tree(n, &inv, true, &report) < 0)
		status = cmd_fail(CANNOT_TELL, "out of memory");
	reserve_leave(&home);
	if (status == CMD_OK) {
		e = q->json ? out_json(json_pack("{s:s, s:o, s:o}", "answer", answers[report.answer],
						 "findings", findings_json(&report, false), "notes",
						 notes_json(n)))
			    : print_report(n, &report);
		status = answer_given(e, statuses[report.answer]);
	}
	check_done(&report);
	inventory_done(&inv);
	return status;
}

/* ------------------------------------------------------------------------------------- many machines -- */

struct verdicts {
	size_t count[CHECK_UNKNOWN + 1];
	json_t *list;
	struct libscols_table *table;
};

static const struct check_finding *first_obstacle(const struct check_report *r, size_t *more)
{
	const struct check_finding *first = NULL;

	*more = 0;
	for (size_t i = 0; i < r->len; i++) {
		if (r->findings[i].answer != r->answer || r->answer == CHECK_WORKS)
			continue;
		if (first)
			++*more;
		else
			first = &r->findings[i];
	}
	return first;
}

static void add_row(struct verdicts *v, const char *host, enum check_answer answer, const char *why)
{
	(void)out_table_row(v->table, (const char *[]){ host, words[answer], why }, 3);
	(void)out_table_color(v->table, 1, colors[answer]);
	v->count[answer]++;
}

static void add_verdict(struct verdicts *v, const char *path, const struct inventory *inv,
			const struct check_report *r)
{
	const char *host = inv->machine.host[0] ? inv->machine.host : path;
	size_t more;
	const struct check_finding *f = first_obstacle(r, &more);
	char why[800] = "";

	if (f && more)
		snprintf(why, sizeof why, "%s: %s (and %zu more)", f->text, f->advice, more);
	else if (f)
		snprintf(why, sizeof why, "%s: %s", f->text, f->advice);
	add_row(v, host, r->answer, why);
	if (v->list)
		json_array_append_new(v->list,
				      json_pack("{s:s, s:o, s:I, s:s, s:o}", "host", host, "inventory",
						json_bytes(path, strlen(path)), "time",
						(json_int_t)inv->machine.time, "answer", answers[r->answer],
						"findings", findings_json(r, true)));
}

/* An inventory that cannot be read says nothing about its machine, and stops nobody. */
static void add_unread(struct verdicts *v, const char *path, const struct tree_error *err)
{
	add_row(v, path, CHECK_UNKNOWN, err->text);
	if (v->list)
		json_array_append_new(v->list, json_pack("{s:o, s:s, s:o}", "inventory",
							 json_bytes(path, strlen(path)), "answer",
							 answers[CHECK_UNKNOWN], "error",
							 json_bytes(err->text, strlen(err->text))));
}

static int check_one(const struct check_needs *n, const char *path, struct verdicts *v)
{
	struct tree_error err = { 0 };
	struct check_report report = { 0 };
	struct inventory inv;
	int r = inventory_read_file(path, &inv, &err);

	if (r < 0) {
		add_unread(v, path, &err);
		return 0;
	}
	r = check_tree(n, &inv, false, &report);
	if (r == 0)
		add_verdict(v, path, &inv, &report);
	check_done(&report);
	inventory_done(&inv);
	return r;
}

static int check_against(const struct request *q, const struct check_needs *n)
{
	struct verdicts v = { .list = q->json ? json_array() : NULL, .table = out_table_new() };
	int r = 0, status;

	(void)out_table_column(v.table, "MACHINE", OUT_LEFT);
	(void)out_table_column(v.table, "TAKES IT", OUT_LEFT);
	(void)out_table_column(v.table, "WHY NOT", OUT_LEFT);
	for (size_t i = 0; r == 0 && i < q->against_len; i++)
		r = check_one(n, q->against[i], &v);
	status = v.count[CHECK_WORKS] ? WORKS : v.count[CHECK_UNKNOWN] ? CANNOT_TELL : FAILS;
	if (r < 0)
		return cmd_fail(CANNOT_TELL, "out of memory");
	if (q->json)
		r = out_json(json_pack("{s:s, s:o, s:o}", "answer", answers[status], "machines", v.list,
				       "notes", notes_json(n)));
	else
		r = out_table_print(v.table);
	if (!q->json) {
		print_notes(n);
		printf("\n%zu of %zu machines can take it.\n", v.count[CHECK_WORKS], q->against_len);
	}
	return answer_given(r, status);
}

/* ----------------------------------------------------------------------------------------- command -- */

static int run(struct request *q)
{
	struct tree_error err = { 0 };
	struct check_needs *needs = NULL;
	struct tree *t = NULL;
	int status;

	if (input_read(&q->input, q->file, &t, &err) < 0)
		return cmd_fail(err.code == -EINVAL ? FAILS : CANNOT_TELL, "%s", err.text);
	if (!q->against_len && q->o.into != RESTORE_NEW)
		q->o.numbers = restore_numbers_new(q->o.into == RESTORE_PID ? q->o.into_pid : 0);
	if (check_needs_new(t, &q->o, &needs) < 0)
		status = cmd_fail(CANNOT_TELL, "out of memory");
	else
		status = q->against_len ? check_against(q, needs) : check_here(q, needs);
	check_needs_free(needs);
	restore_numbers_free(q->o.numbers);
	tree_free(t);
	return status;
}

int cmd_check(int argc, char **argv)
{
	struct request q = { 0 };
	int status = parse(argc, argv, &q);

	if (status == CMD_OK)
		status = run(&q);
	for (size_t i = 0; i < q.against_len; i++)
		free(q.against[i]);
	free(q.against);
	return status < 0 ? CMD_OK : status;
}
