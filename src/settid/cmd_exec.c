/* SPDX-License-Identifier: MIT */
/*
 * cmd_exec.c: `settid exec`: the command line, the order of a run, and the exit status.
 *
 * Keeps:   (X1) nothing is made before the whole command line is known to make sense;
 *          (X2) exit statuses are env(1)'s: 125 settid failed, 126 the command cannot be run, 127 it is not found, else
 *               the command's own: a signal that killed the command kills settid too, so that who waits for settid sees
 *               what it would have seen of the command;
 *          (X3) stdout belongs to the command; only --detach, which takes stdout from it, writes there.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd.h"
#include "exec.h"

static const char help[] =
	"Usage: settid exec [OPTION...] [--] COMMAND [ARGUMENT...]\n"
	"Run a command with exactly the PIDs you choose.\n"
	"\n"
	"  -p, --pid N           N is its PID in this PID namespace\n"
	"  -t, --set-tid A,B,..  its PID at each level: A in the innermost namespace, B in\n"
	"                        the one above, ...; levels left out get a free number\n"
	"  -n, --new-pidns[=K]   in K new PID namespaces (1), one in the other; the command\n"
	"                        is PID 1, init, of the innermost\n"
	"      --mount-proc      give that namespace a /proc of its own (in a mount namespace\n"
	"                        of its own: no other process sees it)\n"
	"  -U, --user            in a new user namespace, the caller being root in it; without\n"
	"                        privileges, --new-pidns needs this\n"
	"  -m, --method METHOD   auto (the default), clone3 or ns_last_pid\n"
	"      --pidfile FILE    holds its PID, as seen from here, while it runs\n"
	"      --wait            wait for it, forward signals, end as it ended (the default)\n"
	"      --detach          leave it running in a session of its own; print its PID\n"
	"      --json[=FD]       tell what happens as JSON lines on descriptor FD (2; with\n"
	"                        --detach 1)\n"
	"  -h, --help            this text\n"
	"\n"
	"Exit status: 125 settid failed, 126 COMMAND cannot be run, 127 it was not found,\n"
	"else COMMAND's own.  See settid-exec(1).\n"
	"\n"
	"  settid exec --set-tid 1,42,31496 --new-pidns=2 -- sh -c 'echo $$'\n";

enum { OPT_MOUNT_PROC = 256, OPT_PIDFILE, OPT_WAIT, OPT_DETACH, OPT_JSON };

static const struct option long_options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "set-tid", required_argument, NULL, 't' },
	{ "new-pidns", optional_argument, NULL, 'n' },
	{ "mount-proc", no_argument, NULL, OPT_MOUNT_PROC },
	{ "user", no_argument, NULL, 'U' },
	{ "method", required_argument, NULL, 'm' },
	{ "pidfile", required_argument, NULL, OPT_PIDFILE },
	{ "wait", no_argument, NULL, OPT_WAIT },
	{ "detach", no_argument, NULL, OPT_DETACH },
	{ "json", optional_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* What was said, before it is known whether it goes together. */
struct command_line {
	struct exec_options opt;
	pid_t pid; /* --pid; 0 = not given */
	bool wait, json, help;
};

static int take_new_pidns(const char *value, struct exec_options *opt)
{
	uint64_t k = 1;

	/* The kernel nests 32 deep below the machine's own namespace. */
	if (value && arg_number("--new-pidns", value, 1, SETTID_LEVEL_MAX, &k) != 0)
		return CMD_USAGE;
	opt->new_pidns = (unsigned)k;
	return 0;
}

static int take_json(const char *value, struct command_line *line)
{
	uint64_t fd;

	line->json = true;
	if (!value)
		return 0;
	if (arg_number("--json", value, 1, INT32_MAX, &fd) != 0)
		return CMD_USAGE;
	line->opt.json_fd = (int)fd;
	if (fcntl(line->opt.json_fd, F_GETFD) < 0)
		return cmd_usage_error("--json: descriptor %s is not open", value);
	return 0;
}

static int take_option(int c, struct command_line *line)
{
	struct exec_options *opt = &line->opt;

	switch (c) {
	case 'p':
		return arg_pid("--pid", optarg, &line->pid);
	case 't':
		return arg_pid_list("--set-tid", optarg, opt->set_tid, SETTID_LEVEL_MAX, &opt->set_tid_len);
	case 'n':
		return take_new_pidns(optarg, opt);
	case OPT_MOUNT_PROC:
		opt->mount_proc = true;
		return 0;
	case 'U':
		opt->user = true;
		return 0;
	case 'm':
		return arg_method("--method", optarg, &opt->method);
	case OPT_PIDFILE:
		opt->pidfile = optarg;
		return *optarg ? 0 : cmd_usage_error("--pidfile: the name is empty");
	case OPT_WAIT:
		line->wait = true;
		return 0;
	case OPT_DETACH:
		opt->detach = true;
		return 0;
	case OPT_JSON:
		return take_json(optarg, line);
	case 'h':
		line->help = true;
		return 0;
	default:
		return cmd_usage_hint();
	}
}

static int check_together(struct command_line *line)
{
	struct exec_options *opt = &line->opt;

	if (!opt->argv[0])
		return cmd_usage_error("no command given");
	if (line->pid && opt->set_tid_len)
		return cmd_usage_error("--pid and --set-tid exclude each other");
	if (line->wait && opt->detach)
		return cmd_usage_error("--wait and --detach exclude each other");
	if (opt->new_pidns && opt->set_tid_len && opt->set_tid[0] != 1)
		return cmd_usage_error("--set-tid begins with %d, but the first process of a new PID "
				       "namespace can only be 1",
				       (int)opt->set_tid[0]);
	for (size_t i = 1; i < opt->set_tid_len && i < opt->new_pidns; i++)
		if (opt->set_tid[i] == 1)
			return cmd_usage_error(
				"--set-tid: number %zu is 1, but that is the in-between namespace's own init",
				i + 1);
	if (line->pid && opt->new_pidns >= SETTID_LEVEL_MAX)
		return cmd_usage_error("--pid goes with at most %d new namespaces", SETTID_LEVEL_MAX - 1);
	if (line->pid)
		exec_numbers_from_pid(line->pid, opt->new_pidns, opt->set_tid, &opt->set_tid_len);
	if (line->json && opt->json_fd < 0)
		opt->json_fd = opt->detach ? STDOUT_FILENO : STDERR_FILENO;
	return 0;
}

/* ------------------------------------------------------------------------------------------ the run -- */

static int failure_status(const struct settid_error *err)
{
	if (err->step != SETTID_STEP_EXEC)
		return CMD_USAGE;
	return err->code == -ENOENT ? CMD_NOT_FOUND : CMD_CANNOT_RUN;
}

static int complain(const struct exec_options *opt, const struct settid_error *err)
{
	int status = failure_status(err);

	if (opt->json_fd >= 0)
		exec_record_failed(err, status, opt->json_fd);
	if (opt->json_fd != STDERR_FILENO)
		cmd_warn("%s%s", err->text,
			 err->reason == SETTID_REASON_NAMESPACE_RIGHT && !opt->user ? "; try --user" : "");
	return status;
}

/* Ends by the command's signal.  Returns what a shell makes of it when that cannot be: an init is not killed by its own
 * signals. */
static int end_by(int sig)
{
	const struct rlimit none = { 0, 0 };
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t only;

	fflush(NULL);
	(void)setrlimit(RLIMIT_CORE, &none); /* the command's dump is the one of interest */
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)sigaction(sig, &dfl, NULL);
	sigemptyset(&only);
	sigaddset(&only, sig);
	(void)kill(getpid(), sig);
	(void)sigprocmask(SIG_UNBLOCK, &only, NULL);
	return 128 + sig;
}

static int wait_for(struct exec_job *job, struct exec_pidfile *file)
{
	struct exec_end end = { .code = CMD_USAGE };

	exec_supervise(job, &end);
	exec_pidfile_remove(file);
	exec_undo(job);
	if (job->opt->json_fd >= 0)
		exec_record_ended(&end, job->opt->json_fd);
	return end.sig ? end_by(end.sig) : end.code;
}

/* All up to the command's execve.  On failure nothing is left but the caller's exec_undo(). */
static int start(struct exec_job *job, const struct exec_options *opt, struct exec_pidfile *file,
		 struct settid_error *err)
{
	int r = exec_prepare(job, opt, err);

	if (r == 0 && opt->pidfile)
		r = exec_pidfile_write(file, opt->pidfile, job->pid, err);
	if (r == 0 && !opt->detach)
		r = exec_guard_start(job, file, err);
	if (r == 0)
		r = exec_go(job, err);
	if (r < 0)
		exec_pidfile_remove(file);
	return r;
}

static int run(const struct exec_options *opt)
{
	struct exec_pidfile file = { .dir = -1 };
	struct settid_error err;
	struct exec_job job;

	if (start(&job, opt, &file, &err) < 0) {
		exec_undo(&job);
		return complain(opt, &err);
	}
	if (opt->json_fd >= 0)
		exec_record_started(&job, opt->json_fd);
	if (!opt->detach)
		return wait_for(&job, &file);
	if (opt->json_fd < 0)
		printf("%d\n", (int)job.pid);
	return CMD_OK;
}

int cmd_exec(int argc, char **argv)
{
	struct command_line line = { .opt = { .json_fd = -1 } };
	int c, r;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+p:t:n::Um:h", long_options, NULL)) != -1) {
		if ((r = take_option(c, &line)) != 0)
			return r;
		if (line.help)
			return cmd_help(help);
	}
	line.opt.argv = argv + optind;
	if ((r = check_together(&line)) != 0)
		return r;
	/* The command does not get the descriptor of the records, unless it is one of the three everybody has. */
	if (line.opt.json_fd > 2)
		(void)fcntl(line.opt.json_fd, F_SETFD, FD_CLOEXEC);
	return run(&line.opt);
}
