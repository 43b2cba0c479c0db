/* SPDX-License-Identifier: MIT */
/*
 * cmd_plan.c: `settid plan FILE`: how the tree would be built, without building it.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "input.h"
#include "out.h"
#include "place.h"
#include "tree/plan.h"

static const char help[] =
	"Usage: settid plan [OPTION...] FILE\n"
	"Print the steps by which 'settid restore FILE' would build the tree.\n"
	"FILE is a tree file as settid-dump(1) writes it, or a directory of images as\n"
	"CRIU does; - is a tree file on standard input.\n"
	"\n"
	"  -f, --format FORMAT  text (default), json, or dot for graphviz\n"
	"      --json           the same as -f json\n"
	"      --into WHERE     new (default): level 0 is a new PID namespace;\n"
	"                       current or a PID: it is one that exists\n"
	"      --prove          carry it out on a model of the kernel first, and compare\n"
	"                       the end with FILE\n"
	"      --exec           programs start at the end, instead of placeholders\n" INPUT_HELP
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 there is a plan; 1 the tree cannot be built, and the reason\n"
	"is said; 125 wrong usage.\n";

static int print_plan(const struct plan *p, const struct tree *t, const struct plan_proof *proof,
		      const char *format)
{
	struct tree_show_options o = out_show_options(stdout);
	int r;

	if (strcmp(format, "json") == 0)
		r = plan_print_json(p, t, proof, stdout);
	else if (strcmp(format, "dot") == 0)
		r = plan_print_dot(p, t, stdout);
	else
		r = plan_print_text(p, t, &o, stdout);
	return r;
}

int cmd_plan(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "into", required_argument, NULL, 'i' },
		{ "exec", no_argument, NULL, 'e' },
		{ "prove", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		INPUT_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	struct plan_options o = { .new_namespace = true };
	const char *format = "text", *file;
	struct place place = { .into = RESTORE_NEW };
	struct input input = { 0 };
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	struct plan *p = NULL;
	struct plan_proof proof = { 0 };
	bool prove = false;
	int c, status = CMD_OK;

	while ((c = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			format = optarg;
			break;
		case 'j':
			format = "json";
			break;
		case 'i':
			status = place_into(&place, optarg);
			if (status != CMD_OK)
				return status;
			o.new_namespace = place.into == RESTORE_NEW;
			break;
		case 'e':
			o.exec = true;
			break;
		case 'p':
			prove = true;
			break;
		case 'h':
			return cmd_help(help);
		default:
			status = input_is_option(c) ? input_option(&input, c, optarg) : cmd_usage_hint();
			if (status != CMD_OK)
				return status;
		}
	}
	if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0 && strcmp(format, "dot") != 0)
		return cmd_usage_error("--format takes text, json or dot, not '%s'", format);
	status = input_operand(argc, argv, &file);
	if (status != CMD_OK)
		return status;
	if (input_read(&input, file, &t, &err) < 0 || plan_make(t, &o, &p, &err) < 0)
		status = cmd_fail(CMD_FAILED, "%s", err.text);
	else if (prove && plan_prove(p, t, &o, 0, &proof, &err) < 0)
		status = cmd_fail(CMD_FAILED, "%s", err.text);
	else if (print_plan(p, t, prove ? &proof : NULL, format) < 0)
		status = cmd_fail(CMD_FAILED, "cannot write the plan");
	else if (prove && strcmp(format, "text") == 0)
		printf("proven on the model: it ends in that tree (%.1f ms)\n", (double)proof.ns / 1e6);
	plan_free(p);
	tree_free(t);
	return status;
}
