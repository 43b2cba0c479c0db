/* SPDX-License-Identifier: MIT */
/*
 * cmd_diff.c: `settid diff A B`: what differs between two process trees, in words.
 *
 * Keeps:   (D1) the status is diff(1)'s: 0 the same, 1 different, 2 one of them could not be read;
 *          (D2) nothing is written before both trees have been read.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "input.h"
#include "out.h"
#include "tree/text.h"

enum { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_UNREADABLE = 2 };

static const char help[] =
	"Usage: settid diff [OPTION...] A B\n"
	"Say in words what differs between two process trees.\n"
	"\n"
	"A and B are tree files, directories of images as CRIU writes them, or PIDs: the\n"
	"live tree below that process (a file of that name is ./PID); - is a tree file on\n"
	"standard input.  What one of them does not know is no difference.\n"
	"\n"
	"      --no-names       names of processes and threads may differ\n"
	"      --no-commands    argv and cwd may differ\n"
	"  -q, --quiet          only the exit status\n"
	"      --json           for programs\n"
	"      --input KIND     insist: both are json (tree files) or criu (images)\n"
	"      --outside N,...  images: the leader of N lives outside the tree\n"
	"      --ghost N,...    images: the leader of N is dead\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 the same, 1 different, 2 one of them could not be read; 125\n"
	"wrong usage.  See settid-diff(1).\n";

struct request {
	struct input input;
	struct tree_compare_options compare;
	const char *path[2];
	struct tree *tree[2];
	bool quiet, json;
};

/* --------------------------------------------------------------------------------------- differences -- */

struct sayer {
	const struct request *q;
	const char *name[2]; /* of a and b, fit to be shown */
	json_t *said;
	size_t count;
};

static json_t *known(const char *text)
{
	return text ? json_bytes(text, strlen(text)) : NULL;
}

static bool is_ghost(const struct tree_difference *d)
{
	return strcmp(d->field, "ghost") == 0;
}

static void say_json(void *arg, const struct tree_difference *d)
{
	struct sayer *s = arg;

	s->count++;
	json_array_append_new(s->said,
			      json_pack("{s:i, s:s, s:o*, s:o*, s:o}", is_ghost(d) ? "number" : "process",
					(int)d->pid, "field", d->field, "a", known(d->want), "b",
					known(d->got), "text", known(d->text)));
}

static struct tree_str name_of(const struct tree *t, int32_t pid)
{
	int32_t at = tree_find(t, pid);

	return at == TREE_NONE ? (struct tree_str){ 0 } : t->processes[at].comm;
}

/* "process 42 (sh): process group is", "process 42 (sh) is in a only" */
static void put_who(struct text *line, const struct sayer *s, const struct tree_difference *d)
{
	struct tree_str a = name_of(s->q->tree[0], d->pid), b = name_of(s->q->tree[1], d->pid);
	bool alone = is_ghost(d) || strcmp(d->field, "process") == 0;

	text_printf(line, "%s %d", is_ghost(d) ? "number" : "process", (int)d->pid);
	if (!is_ghost(d) && (a.bytes || b.bytes)) {
		text_puts(line, " (");
		text_put_safe(line, a.bytes ? a : b, out_unicode() ? TEXT_UTF8 : TEXT_ASCII);
		text_puts(line, ")");
	}
	text_puts(line, alone ? " " : ": ");
}

static void say_words(void *arg, const struct tree_difference *d)
{
	struct sayer *s = arg;
	struct text line = { 0 };

	if (s->count++ == 0)
		printf("a: %s\nb: %s\n", s->name[0], s->name[1]);
	put_who(&line, s, d);
	text_puts(&line, d->text);
	puts(line.failed ? d->text : text_str(&line));
	text_done(&line);
}

static void say_nothing(void *arg, const struct tree_difference *d)
{
	(void)d;
	((struct sayer *)arg)->count++;
}

/* ------------------------------------------------------------------------------------------ result -- */

static int print_json(const struct sayer *s)
{
	return out_json(json_pack("{s:b, s:o, s:o, s:O}", "same", s->count == 0, "a",
				  json_bytes(s->q->path[0], strlen(s->q->path[0])), "b",
				  json_bytes(s->q->path[1], strlen(s->q->path[1])), "differences", s->said));
}

static void print_counts(const struct sayer *s)
{
	const struct tree *t = s->q->tree[0];
	size_t threads = 0;

	if (s->count) {
		printf("%zu difference%s\n", s->count, s->count == 1 ? "" : "s");
		return;
	}
	for (size_t k = 0; k < t->processes_len; k++)
		threads += t->processes[k].threads_len ? t->processes[k].threads_len : 1;
	printf("the same: %zu process%s, %zu thread%s, %zu dead leader%s\n", t->processes_len,
	       t->processes_len == 1 ? "" : "es", threads, threads == 1 ? "" : "s", t->ghosts_len,
	       t->ghosts_len == 1 ? "" : "s");
}

static int compare(const struct request *q)
{
	struct sayer s = { .q = q, .said = json_array() };
	struct text name[2] = { 0 };

	for (int k = 0; k < 2; k++) {
		text_put_safe(&name[k], (struct tree_str){ q->path[k], strlen(q->path[k]) },
			      out_unicode() ? TEXT_UTF8 : TEXT_ASCII);
		s.name[k] = text_str(&name[k]);
	}
	tree_diff(q->tree[0], q->tree[1], &q->compare,
		  q->quiet  ? say_nothing
		  : q->json ? say_json
			    : say_words,
		  &s);
	if (!q->quiet && q->json)
		print_json(&s);
	else if (!q->quiet)
		print_counts(&s);
	json_decref(s.said);
	text_done(&name[0]);
	text_done(&name[1]);
	int r = out_finish();
	if (r < 0) /* main would say 1, which here is an answer */
		return cmd_fail(DIFF_UNREADABLE, "cannot write the output: %s", strerror(-r));
	return s.count ? DIFF_DIFFERENT : DIFF_SAME;
}

/* ---------------------------------------------------------------------------------------- arguments -- */

static int parse(int argc, char **argv, struct request *q)
{
	enum { NO_NAMES = 1, NO_COMMANDS, JSON };
	static const struct option options[] = {
		{ "no-names", no_argument, NULL, NO_NAMES },
		{ "no-commands", no_argument, NULL, NO_COMMANDS },
		{ "quiet", no_argument, NULL, 'q' },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, 'h' },
		INPUT_OPTIONS,
		{ 0 },
	};
	int c, status = CMD_OK;

	while (status == CMD_OK && (c = getopt_long(argc, argv, "qh", options, NULL)) != -1) {
		switch (c) {
		case NO_NAMES:
			q->compare.names = false;
			break;
		case NO_COMMANDS:
			q->compare.commands = false;
			break;
		case 'q':
			q->quiet = true;
			break;
		case JSON:
			q->json = true;
			break;
		case 'h':
			cmd_help(help);
			return -1;
		default:
			status = input_is_option(c) ? input_option(&q->input, c, optarg) : cmd_usage_hint();
		}
	}
	if (status == CMD_OK && argc - optind != 2)
		status = cmd_usage_error("two trees are compared: A and B");
	for (int k = 0; k < 2 && status == CMD_OK; k++)
		q->path[k] = argv[optind + k];
	if (status == CMD_OK && strcmp(q->path[0], "-") == 0 && strcmp(q->path[1], "-") == 0)
		status = cmd_usage_error("standard input is one tree, not two");
	return status;
}

/* Numbers of leaders are about the images among the two; with none they are about nothing, which is an error. */
static struct input input_for(const struct request *q, int k)
{
	struct input in = q->input;

	if (input_is_images(&in, q->path[1 - k]) && !input_is_images(&in, q->path[k]))
		in.outside_len = in.ghosts_len = 0;
	return in;
}

int cmd_diff(int argc, char **argv)
{
	struct request q = { .compare = { .names = true, .commands = true, .sides = true } };
	int status = parse(argc, argv, &q);

	if (status != CMD_OK)
		return status < 0 ? CMD_OK : status;
	for (int k = 0; k < 2 && status == CMD_OK; k++) {
		const struct input in = input_for(&q, k);
		status = input_read_any(&in, q.path[k], DIFF_UNREADABLE, &q.tree[k]);
	}
	if (status == CMD_OK)
		status = compare(&q);
	tree_free(q.tree[0]);
	tree_free(q.tree[1]);
	return status;
}
