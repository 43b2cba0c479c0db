/* SPDX-License-Identifier: MIT */
/*
 * cmd_show.c: `settid show`: a process tree, from a file or alive, as a picture.
 *
 * Keeps:   (W1) digits are a PID and anything else is a file; "./42" is the file of that name;
 *          (W2) nothing is written before the whole tree has been read.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cmd.h"
#include "input.h"
#include "out.h"

static const char help[] =
	"Usage: settid show [FILE|PID] [--format text|json|dot|svg]\n"
	"Draw a process tree: numbers at all levels, groups, sessions, threads, states.\n"
	"\n"
	"  FILE  a tree file as 'settid dump' writes it, or a directory of images as CRIU\n"
	"        does; '-' is a tree file on standard input\n"
	"  PID   digits: the live tree below that process (a file of that name is ./PID)\n"
	"        Without either: the live tree of this whole PID namespace, PID 1 and below.\n"
	"\n"
	"  -f, --format F       text (the default), json (a tree file), dot (graphviz), svg\n"
	"      --json           the same as -f json\n" INPUT_HELP "  -h, --help           this text\n"
	"\n"
	"A live tree that changes all the while is drawn as soon as two readings of it agree.\n"
	"Exit status: 0 drawn, 1 not.  See settid-show(1).\n";

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_DOT, FORMAT_SVG };

static int parse_format(const char *text, enum format *out)
{
	static const char *const names[] = { "text", "json", "dot", "svg" };

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum format)i;
			return CMD_OK;
		}
	}
	return cmd_usage_error("--format: '%s' is none of text, json, dot and svg", text);
}

/* ----------------------------------------------------------------------------------------- drawing -- */

static int draw(const struct tree *t, enum format format)
{
	const struct tree_show_options options = out_show_options(stdout);

	switch (format) {
	case FORMAT_JSON:
		return tree_write_json(t, stdout);
	case FORMAT_DOT:
		return tree_show_dot(t, stdout);
	case FORMAT_SVG:
		return tree_show_svg(t, stdout);
	case FORMAT_TEXT:
		break;
	}
	return tree_show_text(t, &options, stdout);
}

static void warn_of_gaps(const struct tree *t)
{
	if (t->unreadable == 1)
		cmd_warn("one fact could not be read and is left out");
	else if (t->unreadable > 1)
		cmd_warn("%u facts could not be read and are left out", t->unreadable);
}

int cmd_show(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		INPUT_OPTIONS,
		{ 0 },
	};
	enum format format = FORMAT_TEXT;
	struct input input = { 0 };
	struct tree *tree = NULL;
	int option, r;

	while ((option = getopt_long(argc, argv, "f:h", long_options, NULL)) != -1) {
		if (option == 'h')
			return cmd_help(help);
		if (input_is_option(option))
			r = input_option(&input, option, optarg);
		else if (option == 'f')
			r = parse_format(optarg, &format);
		else if (option == 'j')
			r = parse_format("json", &format);
		else
			r = cmd_usage_hint();
		if (r != CMD_OK)
			return r;
	}
	if (argc - optind > 1)
		return cmd_usage_error("one tree at a time: '%s' is too many", argv[optind + 1]);

	r = input_read_any(&input, argv[optind], CMD_FAILED, &tree);
	if (r != CMD_OK)
		return r;
	int drawn = draw(tree, format);
	warn_of_gaps(tree);
	tree_free(tree);
	/* A failed write is main's to report, with its errno. */
	return drawn == -EIO || drawn == 0 ? CMD_OK
					   : cmd_fail(CMD_FAILED, "cannot draw: %s", strerror(-drawn));
}
