/* SPDX-License-Identifier: MIT */
/*
 * exec_init.c: the init of a namespace between the caller's and the command's.
 *
 * It makes the next process of the chain, reaps whatever ends up with it, hands signals on, and ends when its part of
 * the chain has ended, with the command's status.
 *
 * Keeps:   (I1) it leaves settid's process group for one of its own as soon as the next process exists (which stays
 *               behind, in the terminal's foreground): a signal to the group then reaches the command once, not twice;
 *               and see E2;
 *          (I2) it holds nothing of the caller's open: not its terminal, pipes or directory;
 *          (I3) when settid dies unexpectedly, the outermost one dies of its parent-death signal, and its namespace,
 *               with all that are nested in it, goes along.  It never execs, so nothing clears that signal.
 */
#include "exec.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct chain {
	struct exec_job *job;
	struct settid_child next;
	bool last; /* next is the command */
	int stopped_for;
	int ended_for; /* the signal whose default action was done in the kernel's place */
};

static _Noreturn void give_up(struct exec_job *job, unsigned ns, const struct settid_error *err)
{
	struct exec_message m = { .word = EXEC_FAILED, .error = *err };

	if (ns > 0)
		snprintf(m.error.text, sizeof m.error.text, "in new namespace %u of %u: %.250s", ns,
			 job->opt->new_pidns, err->text);
	(void)exec_wire_send(job->init_wire[1], &m);
	_exit(CMD_USAGE);
}

static int prepare(struct exec_job *job, unsigned ns, struct settid_error *err)
{
	(void)prctl(PR_SET_NAME, "settid-init");
	close(job->command_wire[0]);
	close(job->init_wire[0]);
	if (job->opt->detach && setsid() < 0)
		return exec_failed(err, -errno, SETTID_STEP_SETSID, "cannot start a session: %s",
				   strerror(errno));
	if (ns > 1)
		return 0;
	if (!job->opt->detach && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return exec_failed(err, -errno, SETTID_STEP_PDEATHSIG,
				   "cannot ask for a parent-death signal: %s", strerror(errno));
	if (exec_settid_is_dead(job)) /* before it could be told by a signal */
		_exit(CMD_USAGE);
	return job->opt->user && job->user_at_first ? exec_map_root(job, err) : 0;
}

static void report(const struct chain *c, enum exec_word word, struct exec_end end)
{
	const struct exec_message m = {
		.word = word, .end = end, .method = c->next.method, .retries = c->next.retries
	};

	if (c->last)
		(void)exec_wire_send(c->job->init_wire[1], &m);
}

/* The status that the next one up, or a detached init's reaper, gets to see. */
static _Noreturn void pass_on(struct chain *c, struct exec_end end)
{
	if (end.sig == SIGKILL && c->ended_for)
		end.sig = c->ended_for;
	report(c, EXEC_ENDED, end);
	_exit(end.sig ? 128 + end.sig : end.code);
}

static void next_changed(struct chain *c, const siginfo_t *info)
{
	struct exec_end end = exec_end_of(info);

	switch (info->si_code) {
	case CLD_STOPPED:
		if (c->stopped_for)
			end.sig = c->stopped_for;
		report(c, EXEC_STOPPED, end);
		break;
	case CLD_CONTINUED:
		c->stopped_for = 0;
		break;
	case CLD_TRAPPED:
		break;
	default:
		pass_on(c, end);
	}
}

static void reap(struct chain *c)
{
	siginfo_t info;

	for (;;) {
		memset(&info, 0, sizeof info);
		if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) < 0 ||
		    info.si_pid == 0)
			return;
		if (info.si_pid == c->next.pid)
			next_changed(c, &info);
	}
}

static void hand_on(struct chain *c, const siginfo_t *info)
{
	const struct exec_target next = { .pidfd = c->next.pidfd,
					  .procfs = c->job->procfs,
					  .is_init = c->last };

	/* The terminal and the kernel speak to whole groups, and the command was in that group when they did. */
	if (info->si_code == SI_KERNEL)
		return;
	switch (exec_deliver(&next, info->si_signo, info, false)) {
	case EXEC_DENIED_END:
		c->ended_for = info->si_signo;
		break;
	case EXEC_DENIED_STOP:
		c->stopped_for = info->si_signo;
		break;
	case EXEC_DENIED_NOTHING:
		break;
	}
}

_Noreturn void exec_init(struct exec_job *job, unsigned ns)
{
	struct chain c = { .job = job, .last = ns + 1 == job->opt->new_pidns, .next = { .pidfd = -1 } };
	struct settid_error err;

	if (prepare(job, ns, &err) < 0)
		give_up(job, ns, &err);
	if (exec_make(job, ns + 1, &c.next, &err) < 0)
		give_up(job, ns, &err);
	close(job->command_wire[1]);
	if (c.last)
		report(&c, EXEC_BORN, (struct exec_end){ 0 });
	else
		close(job->init_wire[1]);
	if (!job->opt->detach)
		(void)setpgid(0, 0);
	(void)exec_let_go_of_stdio(true);
	(void)chdir("/");
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(&job->signals.taken, &info);
		if (sig == SIGCHLD)
			reap(&c);
		else if (sig > 0)
			hand_on(&c, &info);
	}
}
