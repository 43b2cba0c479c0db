/* SPDX-License-Identifier: MIT */
/*
 * cmd_restore.c: `settid restore FILE`: read, plan, build, verify, then hold or start programs.
 *
 * Keeps:   nothing is left behind on any way out of run(): restore_end() is called on all of them, and the
 *          guard does the same when this process is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"
#include "out.h"
#include "restore_request.h"

enum { AGAIN = -1 }; /* build(): a reserved number was lost */

/* ----------------------------------------------------------------------------------------- one restore -- */

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
static int hold(const struct restore_request *q, struct restore *r)
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

static bool root_runs(const struct plan *p)
{
	for (uint32_t k = 0; k < p->commands_len; k++)
		if (p->commands[k] == 0) /* the root is the tree's first process */
			return true;
	return false;
}

/* Programs get the first signal; a second one ends the tree.  A root that stays a placeholder hears none. */
static int wait_root(const struct restore_request *q, struct restore *r, int root_pidfd, bool root_hears)
{
	struct tree_error err = { 0 };
	bool passed_on = !root_hears;
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
static int run_programs(const struct restore_request *q, const struct plan *p, struct restore *r,
			const struct restore_outcome *out)
{
	int pidfd = (int)syscall(SYS_pidfd_open, out->root, 0), status;
	struct tree_error err = { 0 };

	if (pidfd < 0)
		return cmd_fail(CMD_FAILED, "no descriptor of the root: %s; nothing is left",
				strerror(errno));
	if (restore_release(r, &err) < 0)
		status = cmd_fail(CMD_FAILED, "%s; nothing is left", err.text);
	else
		status = wait_root(q, r, pidfd, root_runs(p));
	close(pidfd);
	return status;
}

/* Exit status, once `r` has begun. */
static int build(struct restore_request *q, const struct tree *t, const struct plan *p, struct restore *r,
		 struct restore_outcome *out)
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
	rc = q->verify ? restore_verify(q, r, t, out, &err) : 0;
	if (q->verify)
		tracing_phase(&q->tracing, "verify");
	status = tracing_write(&q->tracing, t, p, r);
	if (status != CMD_OK)
		return status;
	if (rc < 0)
		return cmd_fail(CMD_FAILED, "cannot verify: %s; nothing is left", err.text);
	if (out->differences && !q->keep) {
		restore_report(q, t, p, out);
		cmd_warn("%u difference%s; undone", out->differences, out->differences == 1 ? "" : "s");
		return CMD_DIFFERS;
	}
	if (restore_pidfile(r, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s; nothing is left", err.text);
	rc = restore_report(q, t, p, out);
	if (rc < 0)
		return cmd_fail(CMD_FAILED, "cannot write the output: %s; nothing is left", strerror(-rc));
	reservation_end(&q->reservation, true);
	status = q->place.exec ? run_programs(q, p, r, out) : hold(q, r);
	return status == CMD_OK && out->differences ? CMD_DIFFERS : status;
}

/* One restore from its beginning to its end: exit status, or AGAIN. */
static int attempt(struct restore_request *q, struct tree *t, const struct plan *p,
		   struct restore_outcome *out)
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
	for (size_t k = 0; k < t->processes_len && q->place.no_core; k++)
		if (t->processes[k].core_dumped == 1)
			t->processes[k].core_dumped = 0;
	status = build(q, t, p, r, out);
	restore_end(r);
	return status;
}

/* The plan, tried on the model before the kernel sees anything of it. */
static int make_plan(struct restore_request *q, const struct tree *t, struct restore_outcome *out,
		     struct plan **p, struct tree_error *err)
{
	struct plan_options o = { .new_namespace = q->o.into == RESTORE_NEW,
				  .exec = q->place.exec,
				  .no_core = q->place.no_core };
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

static int run(struct restore_request *q, struct tree *t)
{
	struct restore_outcome out = { .said = json_array(), .quiet = q->json };
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

static int open_signals(struct restore_request *q)
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
	struct restore_request q = { .signal_fd = -1 };
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	int status = restore_arguments(argc, argv, &q);

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
