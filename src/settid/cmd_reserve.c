/* SPDX-License-Identifier: MIT */
/*
 * cmd_reserve.c: `settid reserve`: numbers kept free for a restore, until it asks for them.
 *
 * This process owns the reservation (libsettid's settid_reserve()) and listens at a socket; it ends by a signal,
 * by its time to live, by a request, or with the command that it runs.
 * Keeps:   (H1) the socket's file exists only while numbers are held or may be taken again, and goes with this
 *          process; (H2) with CMD the exit status is CMD's, and 125 to 127 what they are for env(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "input.h"
#include "out.h"
#include "reserve_numbers.h"
#include "reserve_place.h"

static const char help[] =
	"Usage: settid reserve [OPTION...] NUMBERS [-- CMD [ARG...]]\n"
	"  or:  settid reserve [OPTION...] --for FILE|DIR [-- CMD [ARG...]]\n"
	"  or:  settid reserve --give|--take|--end|--status SOCKET\n"
	"Hold numbers free for a restore that is about to start: nobody else gets them.\n"
	"NUMBERS is a list like 100,200-299; after a slash the list for one level\n"
	"further out: 100,200-299/5000-5100.\n"
	"\n"
	"      --for FILE|DIR all numbers that the tree wants: a tree file, or the\n"
	"                     images of a CRIU dump\n"
	"      --into WHERE   current (default): numbers of this PID namespace;\n"
	"                     PID: of the one that process PID lives in\n"
	"      --ttl S        give them back after S seconds\n"
	"      --wait S       try a number that is taken again for S seconds\n"
	"      --socket PATH  where to listen for the restore that is to have them\n"
	"      --detach       return once they are held, and hold them in the background\n"
	"      --give SOCKET  make the holder at SOCKET free them, for a restore that is\n"
	"                     not settid's\n"
	"      --take SOCKET  make it hold them again\n"
	"      --end SOCKET   make it end\n"
	"      --status SOCKET\n"
	"                     print what it holds\n"
	"      --json         say it as JSON\n" INPUT_HELP "  -h, --help         this text\n"
	"\n"
	"'settid restore --reservation SOCKET' takes them over by itself.  CMD finds\n"
	"SOCKET in $SETTID_RESERVATION, and they are held while it runs.\n"
	"\n"
	"Exit status: 0 done; 1 a number is taken, or not to be had; 125 wrong usage;\n"
	"with CMD its own, 125 if settid failed, 126 or 127 if CMD could not be run.\n";

struct request {
	const char *file, *numbers, *socket;
	enum settid_reserve_request ask;
	pid_t into;
	uint64_t ttl_ms, wait_ms;
	bool detach, json;
	struct input input;
	char **command;
};

struct holder {
	struct settid_reservation *r;
	struct settid_reserve_info info;
	char socket[4096];
	int listen_fd, signal_fd, keeper_fd;
	sigset_t mask; /* what CMD starts with */
	struct settid_child child;
	uint64_t end_ms; /* 0 = never */
	double took_s;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------------------------- arguments -- */

static int parse_into(const char *text, pid_t *into)
{
	if (strcmp(text, "current") == 0)
		*into = 0;
	else if (arg_is_number(text))
		return arg_pid("--into", text, into);
	else
		return cmd_usage_error("--into takes current or a PID, not '%s'", text);
	return CMD_OK;
}

static int check_usage(const struct request *q, int operands)
{
	if (q->ask && (q->file || operands || q->command || q->detach || q->ttl_ms || q->into))
		return cmd_usage_error("a request to a holder goes alone (--take with --wait)");
	if (q->ask)
		return CMD_OK;
	if (q->file && operands)
		return cmd_usage_error("NUMBERS and --for exclude each other");
	if (!q->file && operands != 1)
		return cmd_usage_error(operands ? "one list of NUMBERS, and CMD after --"
						: "which NUMBERS, or --for which FILE?");
	if (q->detach && q->command)
		return cmd_usage_error("--detach and CMD exclude each other");
	return CMD_OK;
}

static int parse(int argc, char **argv, struct request *q)
{
	enum { FOR = 1, INTO, TTL, WAIT, SOCKET, DETACH, JSON, ASK };
	static const struct option options[] = {
		{ "for", required_argument, NULL, FOR },
		{ "into", required_argument, NULL, INTO },
		{ "ttl", required_argument, NULL, TTL },
		{ "wait", required_argument, NULL, WAIT },
		{ "socket", required_argument, NULL, SOCKET },
		{ "detach", no_argument, NULL, DETACH },
		{ "json", no_argument, NULL, JSON },
		{ "give", required_argument, NULL, ASK + SETTID_RESERVE_GIVE },
		{ "take", required_argument, NULL, ASK + SETTID_RESERVE_TAKE },
		{ "end", required_argument, NULL, ASK + SETTID_RESERVE_END },
		{ "status", required_argument, NULL, ASK + SETTID_RESERVE_STATUS },
		INPUT_OPTIONS,
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, bad = CMD_OK, end = argc;

	for (int i = 1; i < argc && !q->command; i++)
		if (strcmp(argv[i], "--") == 0) {
			end = i;
			q->command = argv + i + 1;
			argv[i] = NULL;
		}
	if (q->command && !q->command[0])
		return cmd_usage_error("which CMD after --?");
	while (!bad && (c = getopt_long(end, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case FOR:
			q->file = optarg;
			break;
		case INTO:
			bad = parse_into(optarg, &q->into);
			break;
		case TTL:
			bad = arg_some_seconds("--ttl", optarg, &q->ttl_ms);
			break;
		case WAIT:
			bad = arg_seconds("--wait", optarg, &q->wait_ms);
			break;
		case SOCKET:
			q->socket = optarg;
			break;
		case DETACH:
			q->detach = true;
			break;
		case JSON:
			q->json = true;
			break;
		case 'h':
			cmd_help(help);
			return -1;
		case '?':
			return cmd_usage_hint();
		default:
			if (input_is_option(c)) {
				bad = input_option(&q->input, c, optarg);
				break;
			}
			if (q->ask)
				return cmd_usage_error("one request at a time");
			q->ask = (enum settid_reserve_request)(c - ASK);
			q->socket = optarg;
		}
	}
	if (!bad)
		bad = check_usage(q, end - optind);
	if (!bad && !q->file && !q->ask)
		q->numbers = argv[optind];
	return bad;
}

/* ------------------------------------------------------------------------------------ what is said -- */

static json_t *info_json(const struct settid_reserve_info *info, const char *socket)
{
	return json_pack("{s:s, s:I, s:I, s:i, s:i, s:I, s:f}", "socket", socket, "numbers",
			 (json_int_t)info->numbers_len, "held", (json_int_t)info->held, "keeper",
			 (int)info->keeper, "levels_moved", info->moved, "retries", (json_int_t)info->retries,
			 "give_seconds", (double)info->give_ns / 1e9);
}

static int say_held(const struct request *q, const struct holder *h)
{
	if (q->command)
		return 0;
	if (q->json)
		return out_json(info_json(&h->info, h->socket));
	printf("reserved %zu number%s in %.1f ms; socket %s\n", h->info.held, h->info.held == 1 ? "" : "s",
	       h->took_s * 1000, h->socket);
	return out_finish();
}

/* One request to somebody else's holder. */
static int ask(const struct request *q)
{
	struct settid_reserve_info info = { .size = sizeof info };
	struct settid_error err = { .text = "" };

	if (settid_reserve_ask(q->socket, q->ask, (unsigned)q->wait_ms, &info, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	if (q->json)
		return out_json(info_json(&info, q->socket)) < 0 ? CMD_FAILED : CMD_OK;
	if (q->ask == SETTID_RESERVE_STATUS)
		printf("%zu of %zu numbers are held\n", info.held, info.numbers_len);
	else if (q->ask == SETTID_RESERVE_GIVE)
		printf("%zu numbers are free, within %.1f ms; ns_last_pid was moved at %d level%s\n",
		       info.numbers_len, (double)info.give_ns / 1e6, info.moved, info.moved == 1 ? "" : "s");
	else if (q->ask == SETTID_RESERVE_TAKE)
		printf("%zu numbers are held again\n", info.held);
	return CMD_OK;
}

/* ---------------------------------------------------------------------------------------- holding -- */

static int start_command(const struct request *q, struct holder *h)
{
	struct settid_spawn_args args = {
		.size = sizeof args,
		.file = q->command[0],
		.argv = q->command,
		.flags = SETTID_SPAWN_SEARCH_PATH | SETTID_SPAWN_SETSIGMASK,
		.sigmask = &h->mask,
	};
	struct settid_error err;
	int r;

	if (setenv("SETTID_RESERVATION", h->socket, 1) < 0)
		return cmd_fail(CMD_USAGE, "out of memory");
	r = settid_spawn(&args, &h->child, &err);
	if (r == 0)
		return CMD_OK;
	return cmd_fail(err.step != SETTID_STEP_EXEC ? CMD_USAGE
			: r == -ENOENT               ? CMD_NOT_FOUND
						     : CMD_CANNOT_RUN,
			"%s", err.text);
}

/* CMD's exit status, when it has ended; -1 = not yet. */
static int command_status(struct holder *h)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == h->child.pid) {
			h->child.pid = 0;
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		}
	return -1;
}

/* A signal that arrived: exit status, or -1 to go on.  With CMD it is CMD's to end. */
static int on_signal(const struct request *q, struct holder *h)
{
	struct signalfd_siginfo info;

	if (read(h->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return -1;
	if (info.ssi_signo == SIGCHLD)
		return q->command ? command_status(h) : -1;
	if (!q->command)
		return CMD_OK;
	syscall(SYS_pidfd_send_signal, h->child.pidfd, (int)info.ssi_signo, NULL, 0);
	return -1;
}

static int on_request(const struct request *q, struct holder *h)
{
	enum settid_reserve_request what;
	struct settid_error err = { .text = "" };

	if (settid_reserve_serve(h->r, h->listen_fd, &what, &err) < 0)
		return cmd_fail(q->command ? -1 : CMD_FAILED, "%s", err.text);
	if (err.code < 0)
		cmd_warn("%s", err.text);
	return what == SETTID_RESERVE_END && !q->command ? CMD_OK : -1;
}

/* The keeper was killed by somebody, and the numbers with it. */
static int on_loss(const struct request *q, struct holder *h)
{
	close(h->keeper_fd);
	h->keeper_fd = -1;
	cmd_warn("the process that held the numbers was killed: they are no longer held");
	return q->command ? -1 : CMD_FAILED;
}

/* The time is over: the numbers are free; CMD may go on. */
static int on_lapse(const struct request *q, struct holder *h)
{
	cmd_warn("%.3g s are over: the numbers are free", (double)q->ttl_ms / 1000);
	h->end_ms = 0;
	close(h->listen_fd);
	h->listen_fd = -1;
	unlink(h->socket);
	if (q->command) {
		close(h->keeper_fd);
		h->keeper_fd = -1;
		settid_reserve_end(h->r);
		h->r = NULL;
	}
	return q->command ? -1 : CMD_OK;
}

static int hold(const struct request *q, struct holder *h)
{
	enum { SIGNAL, ASKED, KEEPER, WATCHED };
	int status = -1;

	while (status < 0) {
		struct pollfd fds[WATCHED] = {
			[SIGNAL] = { .fd = h->signal_fd, .events = POLLIN },
			[ASKED] = { .fd = h->listen_fd, .events = POLLIN },
			[KEEPER] = { .fd = h->keeper_fd, .events = POLLIN },
		};
		uint64_t now = (uint64_t)(now_s() * 1000);
		int left = !h->end_ms ? -1 : h->end_ms > now ? (int)(h->end_ms - now) : 0;
		int n = poll(fds, WATCHED, left);

		if (n == 0)
			status = on_lapse(q, h);
		else if (n > 0 && fds[SIGNAL].revents)
			status = on_signal(q, h);
		else if (n > 0 && fds[KEEPER].revents)
			status = on_loss(q, h);
		else if (n > 0 && fds[ASKED].revents)
			status = on_request(q, h);
	}
	return status;
}

/* ------------------------------------------------------------------------------------- beginning -- */

static int read_wishes(const struct request *q, struct reserve_numbers *n)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	int r;

	if (!q->file)
		return reserve_numbers_parse(q->numbers, n);
	if (input_read(&q->input, q->file, &t, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	if (t->namespaces[0].init != TREE_NONE)
		r = cmd_fail(CMD_FAILED,
			     "the tree has its own init: it is restored into a new PID namespace, whose "
			     "numbers are all free");
	else
		r = reserve_numbers_of_tree(t, n);
	tree_free(t);
	return r;
}

static int open_signals(struct holder *h)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ours, &h->mask);
	h->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return h->signal_fd < 0 ? cmd_fail(CMD_FAILED, "no signalfd: %s", strerror(errno)) : CMD_OK;
}

static int reserve(const struct request *q, const struct reserve_numbers *n, struct holder *h)
{
	struct settid_reserve_args args = {
		.size = sizeof args,
		.numbers = n->rows,
		.numbers_len = n->rows_len,
		.levels = n->levels,
		.wait_ms = (unsigned)(q->wait_ms > 3600000 ? 3600000 : q->wait_ms),
	};
	struct settid_error err = { .text = "" };
	double start = now_s();
	int home = -1, r = CMD_OK;

	if (q->into)
		r = reserve_enter(q->into, &home);
	if (r == CMD_OK && settid_reserve(&args, &h->r, &err) < 0)
		r = cmd_fail(CMD_FAILED, "%s", err.text);
	h->took_s = now_s() - start;
	reserve_leave(&home); /* CMD is born where this process was */
	if (r != CMD_OK)
		return r;
	h->info.size = sizeof h->info;
	settid_reserve_info(h->r, &h->info);
	h->keeper_fd = (int)syscall(SYS_pidfd_open, h->info.keeper, 0);
	return CMD_OK;
}

static int run(const struct request *q, const struct reserve_numbers *n)
{
	struct holder h = { .listen_fd = -1, .signal_fd = -1, .keeper_fd = -1, .child = { .pidfd = -1 } };
	int status = open_signals(&h);

	if (status == CMD_OK)
		status = reserve(q, n, &h);
	if (status == CMD_OK)
		status = reserve_listen(q->socket, h.socket, sizeof h.socket, &h.listen_fd);
	if (status == CMD_OK && q->command)
		status = start_command(q, &h);
	else if (status != CMD_OK && q->command)
		status = CMD_USAGE;
	if (status == CMD_OK) {
		h.end_ms = q->ttl_ms ? (uint64_t)(now_s() * 1000) + q->ttl_ms : 0;
		if (say_held(q, &h) < 0)
			status = cmd_fail(CMD_FAILED, "cannot write the output");
		else if (q->detach && reserve_detached() < 0)
			status = CMD_FAILED;
		else
			status = hold(q, &h);
	}
	settid_reserve_end(h.r);
	if (h.listen_fd >= 0)
		unlink(h.socket);
	return status;
}

int cmd_reserve(int argc, char **argv)
{
	struct request q = { 0 };
	struct reserve_numbers numbers = { 0 };
	int status = parse(argc, argv, &q);

	if (status != CMD_OK)
		return status < 0 ? CMD_OK : status;
	if (q.ask)
		return ask(&q);
	status = read_wishes(&q, &numbers);
	if (status == CMD_OK && q.detach) {
		status = reserve_detach();
		if (status >= 0) /* the one that was started in the foreground */
			return status;
		status = CMD_OK;
	}
	if (status == CMD_OK)
		status = run(&q, &numbers);
	else if (q.command && status == CMD_FAILED)
		status = CMD_USAGE;
	reserve_numbers_done(&numbers);
	return status;
}
