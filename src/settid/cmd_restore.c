/* SPDX-License-Identifier: MIT */
/*
 * cmd_restore.c: `settid restore FILE`: read, plan, build, verify, then hold or start programs.
 *
 * Keeps:   nothing is left behind on any way out of run(): restore_end() is called on all of them, and the
 *          guard does the same when this process is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "input.h"
#include "out.h"
#include "reservation.h"
#include "restore_trace.h"
#include "tree/plan.h"
#include "tree/restore.h"

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

struct request {
	const char *file;
	struct input input;
	struct restore_options o;
	struct reservation reservation;
	struct restore_tracing tracing;
	bool exec, hold, prove, no_core, verify, keep, json;
	uint64_t timeout_ms;
	sigset_t mask;
	uint64_t deadline_ms;
	int signal_fd;
};

struct outcome {
	pid_t root;
	double prove_s, fork_s, verify_s;
	unsigned retries, differences, unreadable;
	json_t *said; /* differences, for --json */
	bool quiet;
	struct tree_error failure; /* with AGAIN */
};

enum { AGAIN = -1 }; /* build(): a reserved number was lost */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------------------------- arguments -- */

static int parse_into(const char *text, struct restore_options *o)
{
	if (strcmp(text, "new") == 0)
		o->into = RESTORE_NEW;
	else if (strcmp(text, "current") == 0)
		o->into = RESTORE_CURRENT;
	else if (arg_is_number(text)) {
		o->into = RESTORE_PID;
		return arg_pid("--into", text, &o->into_pid);
	} else
		return cmd_usage_error("--into takes new, current or a PID, not '%s'", text);
	return CMD_OK;
}

static int parse(int argc, char **argv, struct request *q)
{
	enum {
		INTO = 1,
		HOLD,
		EXEC,
		METHOD,
		USER,
		NO_PROVE,
		NO_CORE,
		NO_VERIFY,
		KEEP,
		PIDFILE,
		RESERVATION,
		TIMEOUT,
		TRACE,
		JSON
	};
	static const struct option options[] = {
		{ "into", required_argument, NULL, INTO },
		{ "hold", no_argument, NULL, HOLD },
		{ "exec", no_argument, NULL, EXEC },
		{ "method", required_argument, NULL, METHOD },
		{ "user", no_argument, NULL, USER },
		{ "no-prove", no_argument, NULL, NO_PROVE },
		{ "no-core", no_argument, NULL, NO_CORE },
		{ "no-verify", no_argument, NULL, NO_VERIFY },
		{ "keep", no_argument, NULL, KEEP },
		{ "pidfile", required_argument, NULL, PIDFILE },
		{ "reservation", required_argument, NULL, RESERVATION },
		{ "timeout", required_argument, NULL, TIMEOUT },
		{ "trace", required_argument, NULL, TRACE },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, 'h' },
		INPUT_OPTIONS,
		{ NULL, 0, NULL, 0 },
	};
	int c, bad = CMD_OK;

	q->verify = q->prove = true;
	while (!bad && (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case INTO:
			bad = parse_into(optarg, &q->o);
			break;
		case HOLD:
			q->hold = true;
			break;
		case EXEC:
			q->exec = true;
			break;
		case METHOD:
			bad = arg_method("--method", optarg, &q->o.method);
			break;
		case USER:
			q->o.user = true;
			break;
		case NO_PROVE:
			q->prove = false;
			break;
		case NO_CORE:
			q->no_core = true;
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
			bad = arg_seconds("--timeout", optarg, &q->timeout_ms);
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
			bad = input_is_option(c) ? input_option(&q->input, c, optarg) : cmd_usage_hint();
		}
	}
	if (bad)
		return bad;
	if (q->hold && q->exec)
		return cmd_usage_error("--hold and --exec exclude each other");
	if (q->keep && !q->verify)
		return cmd_usage_error(
			"--keep says what to do after a verification, and --no-verify wants none");
	if (q->o.user && q->o.into != RESTORE_NEW)
		return cmd_usage_error("--user makes namespaces of its own, so it goes with --into new only");
	if (q->reservation.socket && q->o.into == RESTORE_NEW)
		return cmd_usage_error("all numbers of a new namespace are free: --reservation goes with "
				       "--into current or a PID");
	if (argc - optind != 1)
		return cmd_usage_error(argc == optind ? "which FILE?" : "one FILE only");
	q->file = argv[optind];
	return CMD_OK;
}

/* ---------------------------------------------------------------------------------- verification -- */

static void say_difference(void *arg, int32_t pid, const char *text)
{
	struct outcome *out = arg;

	json_array_append_new(out->said, json_pack("{s:i, s:o}", "pid", (int)pid, "text",
						   json_bytes(text, strlen(text))));
	if (!out->quiet)
		cmd_warn("different: process %d: %s", (int)pid, text);
}

static bool signal_waits(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1;
}

static void count_only(void *arg, int32_t pid, const char *text)
{
	(void)arg, (void)pid, (void)text;
}

/* A process that just died or stopped may need a moment to look so: ask again before it counts. */
#define VERIFY_TRIES 20

static int verify(const struct request *q, struct restore *restored, const struct tree *want,
		  struct outcome *out, struct tree_error *err)
{
	const struct tree_compare_options compare = { .names = true };
	const struct tree_dump_options o = { .proc_fd = restore_proc_fd(restored), .one_pass = true };
	double start = now_s();
	struct tree *got = NULL;
	int r = 0;

	for (int k = 0; k < VERIFY_TRIES; k++) {
		const struct timespec pause = { .tv_nsec = 5000000L };

		tree_free(got);
		got = NULL;
		r = tree_dump(out->root, &o, &got, err);
		if (r == 0 && tree_compare(want, got, &compare, count_only, NULL) == 0)
			break;
		if (signal_waits(q->signal_fd)) {
			r = tree_fail(err, -EINTR, "interrupted");
			break;
		}
		if (restore_check(restored, err) < 0) {
			r = err->code;
			break;
		}
		if (q->deadline_ms && (uint64_t)(now_s() * 1000) > q->deadline_ms) {
			r = r < 0 ? r : tree_fail(err, -ETIMEDOUT, "the verification took too long");
			break;
		}
		nanosleep(&pause, NULL);
	}
	if (r == 0)
		out->differences = tree_compare(want, got, &compare, say_difference, out);
	out->unreadable = r == 0 ? got->unreadable : 0;
	if (out->unreadable && !out->quiet)
		cmd_warn("%u %s could not be read, and so not verified", out->unreadable,
			 out->unreadable == 1 ? "fact" : "facts");
	out->verify_s = now_s() - start;
	tree_free(got);
	return r;
}

/* ---------------------------------------------------------------------------------------- result -- */

static int report(const struct request *q, const struct tree *t, const struct plan *p,
		  const struct outcome *out)
{
	size_t threads = 0;
	json_t *notes;

	for (size_t i = 0; i < t->processes_len; i++)
		threads += t->processes[i].threads_len > 1 ? t->processes[i].threads_len - 1 : 0;
	if (!q->json) {
		printf("restored %zu process%s%s as PID %d in %.1f ms%s%s", t->processes_len,
		       t->processes_len == 1 ? "" : "es", threads ? " with threads" : "", (int)out->root,
		       out->fork_s * 1000, q->verify ? ": " : "",
		       !q->verify         ? ""
		       : out->differences ? "found different"
					  : "verified, every number as in the file");
		if (q->prove)
			printf("; plan proven in %.1f ms", out->prove_s * 1000);
		puts("");
		if (q->reservation.given)
			printf("its reserved numbers were free for %.1f ms; lost and taken again %u times\n",
			       q->reservation.window_s * 1000, q->reservation.lost);
		if (!q->exec && isatty(STDOUT_FILENO))
			puts("holding; Ctrl-C ends it");
		return out_finish();
	}
	notes = json_array();
	for (uint32_t k = 0; k < p->notes_len; k++)
		json_array_append_new(notes, json_bytes(p->notes[k], strlen(p->notes[k])));
	return out_json(json_pack(
		"{s:i, s:I, s:I, s:b, s:b, s:o*, s:i, s:o, s:f, s:f, s:f, s:I, s:o*}", "root", (int)out->root,
		"processes", (json_int_t)t->processes_len, "threads", (json_int_t)threads, "proven", q->prove,
		"verified", q->verify && out->differences == 0, "differences",
		q->verify ? json_incref(out->said) : NULL, "unreadable", (int)out->unreadable, "notes", notes,
		"prove_seconds", out->prove_s, "fork_seconds", out->fork_s, "verify_seconds", out->verify_s,
		"retries", (json_int_t)out->retries, "reservation", reservation_json(&q->reservation)));
}

static void show_progress(void *arg, size_t done)
{
	progress_update(arg, done);
}

/* The signal that arrived; 0 = none. */
static int take_signal(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

/* Until a signal comes that ends it all (0), or the tree ends by itself. */
static int hold(const struct request *q, struct restore *r)
{
	struct tree_error err = { 0 };
	int status, rc;

	do
		rc = restore_wait_end(r, q->signal_fd, &status, &err);
	while (rc == -EINTR && !take_signal(q->signal_fd));
	if (rc == -EINTR)
		return CMD_OK;
	return cmd_fail(CMD_FAILED, "%s; nothing is left",
			rc < 0 ? err.text : "the tree was killed by somebody else");
}

/* Programs get the first signal; a second one ends the tree. */
static int wait_root(const struct request *q, struct restore *r, int root_pidfd)
{
	struct tree_error err = { 0 };
	bool passed_on = false;
	int status, rc, sig;

	while ((rc = restore_wait_end(r, q->signal_fd, &status, &err)) == -EINTR) {
		sig = take_signal(q->signal_fd);
		if (sig && passed_on)
			return 128 + sig;
		/* Ctrl-C reaches the programs of a terminal's group by itself: once more does no harm */
		if (sig)
			syscall(SYS_pidfd_send_signal, root_pidfd, sig, NULL, 0);
		passed_on |= sig != 0;
	}
	if (rc < 0)
		return cmd_fail(CMD_FAILED, "%s; nothing is left", err.text);
	if (status == -1)
		return cmd_fail(CMD_FAILED, "the guard was killed, and the tree with it");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Its descriptor first: once released, the root may end, and its number be another's. */
static int run_programs(const struct request *q, struct restore *r, const struct outcome *out)
{
	int pidfd = (int)syscall(SYS_pidfd_open, out->root, 0), status;
	struct tree_error err = { 0 };

	if (pidfd < 0)
		return cmd_fail(CMD_FAILED, "no descriptor of the root: %s; nothing is left",
				strerror(errno));
	if (restore_release(r, &err) < 0)
		status = cmd_fail(CMD_FAILED, "%s; nothing is left", err.text);
	else
		status = wait_root(q, r, pidfd);
	close(pidfd);
	return status;
}

/* Exit status, once `r` has begun. */
static int build(struct request *q, const struct tree *t, const struct plan *p, struct restore *r,
		 struct outcome *out)
{
	struct tree_error err = { 0 };
	struct progress progress;
	struct restore_times times;
	int rc, status;

	progress_begin(&progress, "restoring", "processes and threads", p->actors_len);
	rc = restore_wait_stands(r, q->signal_fd, q->deadline_ms, show_progress, &progress, &err);
	progress_end(&progress);
	if (rc == -EEXIST && q->reservation.given) {
		out->failure = err;
		return AGAIN;
	}
	reservation_stands(&q->reservation);
	tracing_built(&q->tracing, r);
	if (rc < 0)
		tracing_write(&q->tracing, t, p, r);
	if (rc < 0)
		return cmd_fail(CMD_FAILED, "%s; nothing is left", err.text);
	times = restore_times(r);
	out->root = restore_root(r);
	out->fork_s = times.fork_s;
	out->retries = times.retries;
	rc = q->verify ? verify(q, r, t, out, &err) : 0;
	if (q->verify)
		tracing_phase(&q->tracing, "verify");
	status = tracing_write(&q->tracing, t, p, r);
	if (status != CMD_OK)
		return status;
	if (rc < 0)
		return cmd_fail(CMD_FAILED, "cannot verify: %s; nothing is left", err.text);
	if (out->differences && !q->keep) {
		report(q, t, p, out);
		cmd_warn("%u difference%s; undone", out->differences, out->differences == 1 ? "" : "s");
		return CMD_DIFFERS;
	}
	if (restore_pidfile(r, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s; nothing is left", err.text);
	rc = report(q, t, p, out);
	if (rc < 0)
		return cmd_fail(CMD_FAILED, "cannot write the output: %s; nothing is left", strerror(-rc));
	reservation_end(&q->reservation, true);
	status = q->exec ? run_programs(q, r, out) : hold(q, r);
	return status == CMD_OK && out->differences ? CMD_DIFFERS : status;
}

/* One restore from its beginning to its end: exit status, or AGAIN. */
static int attempt(struct request *q, struct tree *t, const struct plan *p, struct outcome *out)
{
	struct tree_error err = { 0 };
	struct restore *r = NULL;
	int status;

	if (restore_begin(t, p, &q->o, &r, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	for (uint32_t k = 0; k < p->notes_len && !q->json; k++)
		cmd_warn("note: %s", p->notes[k]);
	for (uint32_t k = 0; k < p->substituted_len; k++) /* a note says so: no difference then */
		t->processes[p->substituted[k]].stop_signal = SIGSTOP;
	for (size_t k = 0; k < t->processes_len && q->no_core; k++)
		if (t->processes[k].core_dumped == 1)
			t->processes[k].core_dumped = 0;
	status = build(q, t, p, r, out);
	restore_end(r);
	return status;
}

/* The plan, tried on the model before the kernel sees anything of it. */
static int make_plan(struct request *q, const struct tree *t, struct outcome *out, struct plan **p,
		     struct tree_error *err)
{
	struct plan_options o = { .new_namespace = q->o.into == RESTORE_NEW,
				  .exec = q->exec,
				  .no_core = q->no_core };
	struct restore_numbers *numbers =
		o.new_namespace ? NULL : restore_numbers_new(q->o.into == RESTORE_PID ? q->o.into_pid : 0);
	struct plan_proof proof = { 0 };
	int r = 0;

	if (numbers) {
		o.taken = restore_number_is_taken;
		o.taken_arg = numbers;
		o.number_last = restore_number_last(numbers);
	} else if (!o.new_namespace) {
		r = tree_fail(err, -ENOMEM, "no memory, or no /proc, to see which numbers are taken");
	}
	if (r == 0)
		r = plan_make(t, &o, p, err);
	tracing_phase(&q->tracing, "plan");
	if (r == 0 && q->prove) {
		r = plan_prove(*p, t, &o, 0, &proof, err);
		tracing_phase(&q->tracing, "prove");
	}
	out->prove_s = (double)proof.ns / 1e9;
	restore_numbers_free(numbers);
	return r;
}

static int run(struct request *q, struct tree *t)
{
	struct outcome out = { .said = json_array(), .quiet = q->json };
	struct tree_error err = { 0 };
	struct plan *p = NULL;
	int status;

	if (q->reservation.socket) {
		q->o.ready = reservation_give;
		q->o.ready_arg = &q->reservation;
	}
	if (make_plan(q, t, &out, &p, &err) < 0)
		status = cmd_fail(CMD_FAILED, "%s", err.text);
	else
		do
			status = attempt(q, t, p, &out);
		while (status == AGAIN && reservation_lost(&q->reservation, out.failure.code));
	if (status == AGAIN)
		status = cmd_fail(CMD_FAILED, "%s; nothing is left", out.failure.text);
	reservation_end(&q->reservation, false);
	plan_free(p);
	json_decref(out.said);
	return status;
}

/*
 * Standard streams that are closed must not become descriptors of ours, in which output would get lost.  One that can
 * neither be read nor written stands in; programs do not get it.
 */
static void reserve_streams(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int open_signals(struct request *q)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, &q->mask);
	q->o.mask = &q->mask;
	q->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return q->signal_fd < 0 ? -errno : 0;
}

int cmd_restore(int argc, char **argv)
{
	struct request q = { .signal_fd = -1 };
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	int status = parse(argc, argv, &q);

	if (status != CMD_OK)
		return status < 0 ? CMD_OK : status;
	reserve_streams();
	status = tracing_begin(&q.tracing);
	if (status != CMD_OK)
		return status;
	if (input_read(&q.input, q.file, &t, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	tracing_phase(&q.tracing, "read");
	/* only now: nothing is made yet, and a file that is typed in can be given up with Ctrl-C */
	if (open_signals(&q) < 0) {
		status = cmd_fail(CMD_FAILED, "no signalfd: %s", strerror(errno));
	} else {
		if (q.timeout_ms)
			q.deadline_ms = (uint64_t)(now_s() * 1000) + q.timeout_ms;
		status = run(&q, t);
		close(q.signal_fd);
	}
	tree_free(t);
	return status;
}
