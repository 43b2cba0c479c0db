/* SPDX-License-Identifier: MIT */
/* restore_args.c: the command line of `settid restore`. */
#include <getopt.h>

#include "cmd.h"
#include "restore_request.h"

static const char help[] =
	"Usage: settid restore [OPTION...] FILE\n"
	"Build the process tree of FILE with exactly its numbers, and verify it.\n"
	"FILE is a tree file as settid-dump(1) writes it, or a directory of images as\n"
	"CRIU does; - is a tree file on standard input.\n"
	"\n"
	"      --into WHERE     new (default): a new PID namespace below this one;\n"
	"                       current: this one; PID: the one that process PID lives in\n"
	"      --hold           placeholders stand until SIGINT or SIGTERM (default)\n"
	"      --exec           once all is verified, processes start their argv; zombies,\n"
	"                       stopped ones and those with threads stay placeholders;\n"
	"                       ends with the root's exit status\n"
	"      --method METHOD  auto (default), clone3 or ns_last_pid\n"
	"      --user           in a user namespace of its own: needs no privilege\n"
	"      --no-prove       do not try the plan on the model before it is carried out\n"
	"      --no-core        zombies that dumped core die without a dump\n"
	"      --no-verify      do not compare what was built with FILE\n"
	"      --keep           keep a tree that the verification found different\n"
	"      --pidfile FILE   the root's PID, written once the tree stands and is\n"
	"                       verified, removed with the tree\n"
	"      --reservation SOCKET\n"
	"                       numbers that 'settid reserve' holds there are freed for it\n"
	"      --timeout S      give up building and verifying after S seconds\n"
	"      --trace FILE     write who made whom when, for chrome://tracing and Perfetto\n"
	"      --json           say what was done as JSON on standard output\n" INPUT_HELP
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 restored and verified; 1 refused or failed, and nothing is left;\n"
	"2 built, and found different (undone, unless --keep); 125 wrong usage.\n";

int restore_arguments(int argc, char **argv, struct restore_request *q)
{
	enum { HOLD = 1, NO_PROVE, NO_VERIFY, KEEP, PIDFILE, RESERVATION, TIMEOUT, TRACE, JSON };
	static const struct option options[] = {
		{ "hold", no_argument, NULL, HOLD },
		{ "no-prove", no_argument, NULL, NO_PROVE },
		{ "no-verify", no_argument, NULL, NO_VERIFY },
		{ "keep", no_argument, NULL, KEEP },
		{ "pidfile", required_argument, NULL, PIDFILE },
		{ "reservation", required_argument, NULL, RESERVATION },
		{ "timeout", required_argument, NULL, TIMEOUT },
		{ "trace", required_argument, NULL, TRACE },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, 'h' },
		PLACE_OPTIONS,
		INPUT_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	int c, bad = CMD_OK;

	q->verify = q->prove = true;
	while (!bad && (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case HOLD:
			q->hold = true;
			break;
		case NO_PROVE:
			q->prove = false;
			break;
		case NO_VERIFY:
			q->verify = false;
			break;
		case KEEP:
			q->keep = true;
			break;
		case PIDFILE:
			q->o.pidfile = optarg;
			break;
		case RESERVATION:
			q->reservation.socket = optarg;
			break;
		case TIMEOUT:
			bad = arg_some_seconds("--timeout", optarg, &q->timeout_ms);
			break;
		case TRACE:
			q->tracing.path = optarg;
			q->o.trace = true;
			break;
		case JSON:
			q->json = true;
			break;
		case 'h':
			q->file = NULL;
			return cmd_help(help) == CMD_OK ? -1 : CMD_FAILED;
		default:
			bad = input_is_option(c)   ? input_option(&q->input, c, optarg)
			      : place_is_option(c) ? place_option(&q->place, c, optarg)
						   : cmd_usage_hint();
		}
	}
	bad = bad ? bad : place_check(&q->place);
	if (bad)
		return bad;
	if (q->hold && q->place.exec)
		return cmd_usage_error("--hold and --exec exclude each other");
	if (q->keep && !q->verify)
		return cmd_usage_error(
			"--keep says what to do after a verification, and --no-verify wants none");
	if (q->reservation.socket && q->place.into == RESTORE_NEW)
		return cmd_usage_error("all numbers of a new namespace are free: --reservation goes with "
				       "--into current or a PID");
	q->o.into = q->place.into;
	q->o.into_pid = q->place.into_pid;
	q->o.user = q->place.user;
	q->o.method = q->place.method;
	return input_operand(argc, argv, &q->file);
}
