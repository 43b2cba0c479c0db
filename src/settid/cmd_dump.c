/* SPDX-License-Identifier: MIT */
/*
 * cmd_dump.c: `settid dump`: the live tree below a process, as a tree file.
 *
 * Keeps:   (U1) -o's file is either what it was or a whole dump: written beside it and renamed over it;
 *          (U2) what could not be read is said aloud, on stderr, and the dump is made all the same.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "libsettid/procfs.h"
#include "out.h"
#include "output.h"

static const char help[] = "Usage: settid dump [-o FILE] [--freeze] [--no-commands] PID\n"
			   "Write the live process tree below PID as a tree file.\n"
			   "\n"
			   "  -o, --output=FILE  write it there instead of to standard output\n"
			   "      --freeze       hold the tree still while it is read; else it is read\n"
			   "                     until two readings agree, at most 10 times\n"
			   "      --no-commands  leave out argv and cwd\n"
			   "  -h, --help         this text\n"
			   "\n"
			   "Exit status: 0 dumped, 1 not.  See settid-dump(1).\n";

struct options {
	pid_t pid;
	const char *file; /* NULL = standard output */
	bool freeze, commands;
};

/* 0, or -1 with the exit status in *status. */
static int parse(int argc, char **argv, struct options *o, int *status)
{
	enum { OPT_FREEZE = 256, OPT_NO_COMMANDS };
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "freeze", no_argument, NULL, OPT_FREEZE },
		{ "no-commands", no_argument, NULL, OPT_NO_COMMANDS },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	*o = (struct options){ .commands = true };
	while ((c = getopt_long(argc, argv, "o:h", longs, NULL)) != -1) {
		switch (c) {
		case 'o':
			o->file = optarg;
			break;
		case OPT_FREEZE:
			o->freeze = true;
			break;
		case OPT_NO_COMMANDS:
			o->commands = false;
			break;
		case 'h':
			*status = cmd_help(help);
			return -1;
		default:
			*status = cmd_usage_hint();
			return -1;
		}
	}
	*status = 0;
	if (optind + 1 != argc)
		*status = cmd_usage_error(optind == argc ? "which PID?" : "one PID at a time");
	else
		*status = arg_pid("PID", argv[optind], &o->pid);
	if (*status == 0 && o->file && !*o->file)
		*status = cmd_usage_error("--output: the name is empty");
	if (*status == 0 && o->file && strcmp(o->file, "-") == 0)
		o->file = NULL;
	return *status == 0 ? 0 : -1;
}

/* --------------------------------------------------------------------------------------- dumping -- */

static void show_progress(void *arg, size_t processes)
{
	progress_update(arg, processes);
}

static int dump(const struct options *o, int proc_fd)
{
	struct progress progress;
	struct tree_dump_options how = { .freeze = o->freeze,
					 .proc_fd = proc_fd,
					 .commands = o->commands,
					 .progress = show_progress,
					 .progress_arg = &progress };
	struct tree_error err = { 0 };
	struct tree *t = NULL;

	progress_begin(&progress, "reading", "processes", 0);
	int e = tree_dump(o->pid, &how, &t, &err);
	progress_end(&progress);
	if (e < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	if (t->unreadable)
		cmd_warn("%u %s could not be read and %s left out (no permission, or hidden)", t->unreadable,
			 t->unreadable == 1 ? "fact" : "facts", t->unreadable == 1 ? "is" : "are");
	int status = output_tree(t, o->file);
	tree_free(t);
	return status;
}

int cmd_dump(int argc, char **argv)
{
	struct options o;
	struct settid_error err = { 0 };
	int status, proc_fd;

	if (parse(argc, argv, &o, &status) < 0)
		return status;
	if (settid__proc_open(&proc_fd, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	status = dump(&o, proc_fd);
	close(proc_fd);
	return status;
}
