/* SPDX-License-Identifier: MIT */
/*
 * input.h: a tree out of whatever was named: a tree file, or the images of a CRIU dump.
 *
 * Every command that takes a tree's FILE takes these options too:
 *
 *	static const struct option options[] = { INPUT_OPTIONS, { "help", ... }, { 0 } };
 *	struct input input = { 0 };
 *	...
 *		if (input_is_option(c))
 *			status = input_option(&input, c, optarg);
 *	...
 *	if (input_read(&input, argv[optind], &tree, &err) < 0)
 *		return cmd_fail(CMD_FAILED, "%s", err.text);
 */
#ifndef SETTID_INPUT_H
#define SETTID_INPUT_H

#include <getopt.h>

#include "cmd.h"
#include "tree/tree.h"

enum input_kind { INPUT_ANY, INPUT_JSON, INPUT_CRIU };

enum { INPUT_NUMBERS_MAX = 256 };

struct input {
	enum input_kind kind;
	pid_t outside[INPUT_NUMBERS_MAX], ghosts[INPUT_NUMBERS_MAX];
	size_t outside_len, ghosts_len;
};

/* Values that no other option has. */
enum { INPUT_OPT_KIND = 0x7000, INPUT_OPT_OUTSIDE, INPUT_OPT_GHOST };

/* For a table of getopt_long(). */
#define INPUT_OPTIONS                                                      \
	{ "input", required_argument, NULL, INPUT_OPT_KIND },              \
		{ "outside", required_argument, NULL, INPUT_OPT_OUTSIDE }, \
	{                                                                  \
		"ghost", required_argument, NULL, INPUT_OPT_GHOST          \
	}

/* For a help text. */
#define INPUT_HELP                                                                     \
	"      --input KIND     insist: FILE is json (a tree file) or criu (images)\n" \
	"      --outside N,...  images: the leader of N lives outside the tree\n"      \
	"      --ghost N,...    images: the leader of N is dead\n"

static inline bool input_is_option(int c)
{
	return c >= INPUT_OPT_KIND && c <= INPUT_OPT_GHOST;
}

/* CMD_OK, or the complaint is printed and CMD_USAGE returned. */
int input_option(struct input *in, int c, const char *arg);

/* The one operand of a command line whose options are read.  CMD_OK, or the complaint is printed and CMD_USAGE returned. */
int input_operand(int argc, char **argv, const char **file);

/* Is it going to be read as images? */
bool input_is_images(const struct input *in, const char *path);
/* A directory is one of images, anything else a tree file; "-" is a tree file on standard input.  0 and a validated tree,
 * or a negative errno. */
int input_read(const struct input *in, const char *path, struct tree **out, struct tree_error *err);

/* The same, where digits are a PID and mean the live tree below it ("./42" is the file of that name), and NULL the whole of
 * this PID namespace.  CMD_OK; or the complaint is printed, and CMD_USAGE or `failed` returned. */
int input_read_any(const struct input *in, const char *operand, int failed, struct tree **out);

#endif
