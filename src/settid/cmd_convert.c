/* SPDX-License-Identifier: MIT */
/*
 * cmd_convert.c: `settid convert`: any tree that can be read, written as a tree file.
 */
#include <getopt.h>
#include <string.h>

#include "cmd.h"
#include "input.h"
#include "output.h"

static const char help[] = "Usage: settid convert [OPTION...] IN\n"
			   "Write the process tree of IN as a tree file.\n"
			   "\n"
			   "IN is a directory of images as CRIU writes it, or a tree file; - is a tree file\n"
			   "on standard input.\n"
			   "\n"
			   "  -o, --output=FILE    write it there instead of to standard output\n" INPUT_HELP
			   "  -h, --help           this text\n"
			   "\n"
			   "Exit status: 0 written, 1 not.  See settid-convert(1).\n";

static int convert(const struct input *in, const char *from, const char *to)
{
	struct tree_error err;
	struct tree *t = NULL;

	if (input_read(in, from, &t, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	int status = output_tree(t, to);
	tree_free(t);
	return status;
}

int cmd_convert(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		INPUT_OPTIONS,
		{ 0 },
	};
	struct input in = { 0 };
	const char *to = NULL;
	int c, status = CMD_OK;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		if (c == 'h')
			return cmd_help(help);
		if (c == 'o')
			to = optarg;
		else
			status = input_is_option(c) ? input_option(&in, c, optarg) : cmd_usage_hint();
		if (status != CMD_OK)
			return status;
	}
	if (argc - optind != 1)
		return cmd_usage_error(argc == optind ? "which IN?" : "one IN only");
	if (to && !*to)
		return cmd_usage_error("--output: the name is empty");
	return convert(&in, argv[optind], to && strcmp(to, "-") == 0 ? NULL : to);
}
