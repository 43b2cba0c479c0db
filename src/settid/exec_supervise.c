/* SPDX-License-Identifier: MIT */
/*
 * exec_supervise.c: settid while the command runs: signals, the terminal, the end.
 *
 * The command stays in settid's process group, so pipelines, `&`, and reading or writing in the background are as
 * without settid, and what the terminal sends to the group reaches the command without help.
 *
 * Keeps:   (V1) a signal reaches the command once: what the terminal sent to the group it shares with settid is not
 *               forwarded, nor what it sent itself;
 *          (V2) settid stops when, and only when, the command has stopped, by the same signal, so that the shell sees
 *               it; a command that ignores Ctrl-Z keeps both running;
 *          (V3) who is continued with settid is continued by settid, and gets the terminal back if it had it;
 *          (V4) every child is reaped, also those that are settid's only because it is itself an init or subreaper.
 */
#include "exec.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct watch {
	struct exec_job *job;
	struct exec_end *end;
	bool ended;
	int stopped;     /* the signal the command stopped by; 0 = it runs */
	int stopped_for; /* the signal whose default action was done in the kernel's place */
	int ended_for;
	bool had_tty; /* the command's own group had the terminal when it stopped */
};

struct exec_end exec_end_of(const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		return (struct exec_end){ .code = info->si_status };
	return (struct exec_end){ .sig = info->si_status, .core = info->si_code == CLD_DUMPED };
}

/* -------------------------------------------------------------------------------------- terminal -- */

/* 0 when it shares settid's group or is gone. */
static pid_t own_group_of_command(const struct exec_job *job)
{
	pid_t group = getpgid(job->pid);

	return group > 0 && group != getpgrp() ? group : 0;
}

/* Stops this process as the signal would have, had nobody caught it.  In an orphaned group, which nobody could
 * continue, the kernel does nothing. */
static void stop_self(int sig)
{
	sigset_t only;

	if (sig == SIGSTOP)
		sig = SIGTSTP; /* the same, but for the orphaned group */
	sigemptyset(&only);
	sigaddset(&only, sig);
	kill(getpid(), sig);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	sigprocmask(SIG_BLOCK, &only, NULL);
}

static bool was_continued(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

static void send_command(const struct exec_job *job, int sig)
{
	const struct exec_target to = { .pidfd = job->pidfd, .procfs = -1 };

	(void)exec_deliver(&to, sig, NULL, false);
}

static void suspend(struct watch *w)
{
	struct exec_job *job = w->job;
	pid_t group = own_group_of_command(job);
	int sig = w->stopped;

	if (w->stopped_for && sig == SIGSTOP)
		sig = w->stopped_for;
	w->stopped = 0;
	w->had_tty = job->tty >= 0 && group > 0 && tcgetpgrp(job->tty) == group;
	stop_self(sig);
	/* What settid stopped in the kernel's place, the kernel would not have stopped in an orphaned group. */
	if (w->stopped_for && !was_continued())
		send_command(job, SIGCONT);
	w->stopped_for = 0;
}

static void resume(struct watch *w)
{
	struct exec_job *job = w->job;
	pid_t group = own_group_of_command(job);

	if (w->had_tty && group > 0 && tcgetpgrp(job->tty) == getpgrp())
		(void)tcsetpgrp(job->tty, group);
	w->had_tty = false;
	w->stopped = 0;
	if (group > 0)
		kill(-group, SIGCONT);
	send_command(job, SIGCONT);
}

/* A command with job control that could not give the terminal back (an init cannot name a group outside its namespace)
 * leaves it to a group that is gone. */
static void take_back_terminal(const struct exec_job *job)
{
	if (!job->was_foreground)
		return;
	pid_t group = tcgetpgrp(job->tty);
	if (group > 0 && group != getpgrp() && kill(-group, 0) < 0 && errno == ESRCH)
		(void)tcsetpgrp(job->tty, getpgrp());
}

/* --------------------------------------------------------------------------------------- signals -- */

static void forward(struct watch *w, const struct signalfd_siginfo *got)
{
	struct exec_job *job = w->job;
	const struct exec_target to = { .pidfd = job->pidfd,
					.procfs = job->procfs,
					.is_init = job->opt->new_pidns > 0 };
	siginfo_t info = { .si_signo = (int)got->ssi_signo, .si_code = got->ssi_code };
	/* A hangup comes to the session's leader alone, and to the others by its end only. */
	bool to_leader = got->ssi_signo == SIGHUP && getsid(0) == getpid();
	bool has_it = got->ssi_code == SI_KERNEL && own_group_of_command(job) == 0 && !to_leader;

	/* settid's own are those of a record that nobody reads (SIGPIPE). */
	if (got->ssi_code != SI_KERNEL &&
	    ((pid_t)got->ssi_pid == job->pid || (pid_t)got->ssi_pid == getpid()))
		return;
	if (got->ssi_code == SI_QUEUE)
		info.si_value.sival_ptr = (void *)(uintptr_t)got->ssi_ptr;
	switch (exec_deliver(&to, info.si_signo, &info, has_it)) {
	case EXEC_DENIED_END:
		w->ended_for = info.si_signo;
		break;
	case EXEC_DENIED_STOP:
		w->stopped_for = info.si_signo;
		break;
	case EXEC_DENIED_NOTHING:
		break;
	}
}

/* ----------------------------------------------------------------------------------------- waiting -- */

static void command_ended(struct watch *w, struct exec_end end)
{
	if (end.sig == SIGKILL && w->ended_for)
		end.sig = w->ended_for;
	*w->end = end;
	w->ended = true;
}

static void first_changed(struct watch *w, const siginfo_t *info)
{
	bool is_command = w->job->opt->new_pidns <= 1;

	switch (info->si_code) {
	case CLD_STOPPED:
		if (is_command)
			w->stopped = info->si_status;
		break;
	case CLD_CONTINUED:
		if (is_command)
			w->stopped = 0;
		break;
	case CLD_TRAPPED:
		break;
	default:
		/* An in-between init that ends without having said EXEC_ENDED was killed, and the command with it. */
		if (!w->ended)
			command_ended(w,
				      is_command ? exec_end_of(info) : (struct exec_end){ .sig = SIGKILL });
		close(w->job->first.pidfd);
		w->job->first.pidfd = -1;
	}
}

static void hear_init(struct watch *w);

static void reap(struct watch *w)
{
	siginfo_t info;

	for (;;) {
		memset(&info, 0, sizeof info);
		if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid == 0)
			return;
		bool first = info.si_pid == w->job->first.pid && w->job->first.pidfd >= 0;
		if (first && w->job->opt->new_pidns > 1)
			hear_init(w); /* what it said comes before its end */
		if (waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) < 0 ||
		    info.si_pid == 0)
			continue;
		if (first)
			first_changed(w, &info);
		else if (info.si_pid == w->job->guard.pid && info.si_code != CLD_STOPPED &&
			 info.si_code != CLD_CONTINUED) {
			close(w->job->guard.pidfd); /* somebody killed it; the parent-death signal remains */
			w->job->guard.pidfd = -1;
		}
	}
}

/* All that the last in-between init has said so far. */
static void hear_init(struct watch *w)
{
	struct pollfd p = { .fd = w->job->init_wire[0], .events = POLLIN };
	struct exec_message m;

	while (p.fd >= 0 && poll(&p, 1, 0) > 0) {
		if (exec_wire_receive(p.fd, &m, NULL, NULL) != 1) {
			close(w->job->init_wire[0]);
			w->job->init_wire[0] = p.fd = -1;
		} else if (m.word == EXEC_STOPPED) {
			w->stopped = m.end.sig;
		} else if (m.word == EXEC_ENDED) {
			command_ended(w, m.end);
		}
	}
}

static void hear_signals(struct watch *w)
{
	struct signalfd_siginfo got;

	while (read(w->job->signal_fd, &got, sizeof got) == (ssize_t)sizeof got) {
		if (got.ssi_signo == SIGCHLD)
			reap(w);
		else if (got.ssi_signo == SIGCONT)
			resume(w);
		else
			forward(w, &got);
	}
}

static bool all_over(const struct watch *w)
{
	return w->ended && w->job->first.pidfd < 0;
}

void exec_supervise(struct exec_job *job, struct exec_end *end)
{
	struct watch w = { .job = job, .end = end };

	while (!all_over(&w)) {
		struct pollfd p[2] = { { .fd = job->signal_fd, .events = POLLIN },
				       { .fd = job->opt->new_pidns > 1 ? job->init_wire[0] : -1,
					 .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		hear_init(&w);
		hear_signals(&w);
		/* Last, when a SIGCONT that followed the stop has been seen. */
		if (w.stopped && !w.ended)
			suspend(&w);
	}
	take_back_terminal(job);
}
