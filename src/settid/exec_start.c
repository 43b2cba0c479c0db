/* SPDX-License-Identifier: MIT */
/*
 * exec_start.c: making the chain of processes, letting the command go, and taking all of it back.
 *
 * Keeps:   (T1) exec_undo() is right after any prefix of exec_prepare() and exec_go(): what was made is ended through
 *               its pidfd and reaped, and with a namespace's init everything in it ends;
 *          (T2) the descriptors of both wires are close-on-exec, and each process closes the ends that are not its
 *               own: that settid sees end-of-file means that nobody else holds the other end.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsettid/procfs.h"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool has_cap_sys_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN);
}

/* Descriptors 0 to 2 that are closed stay closed for the command, but none of ours may land there. */
static void keep_clear_of_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

static int job_open(struct exec_job *job, const struct exec_options *opt, struct settid_error *err)
{
	struct settid_error proc_err;
	int r;

	*job = (struct exec_job){ .opt = opt,
				  .procfs = -1,
				  .self = -1,
				  .signal_fd = -1,
				  .tty = -1,
				  .uid = geteuid(),
				  .gid = getegid(),
				  .command_wire = { -1, -1 },
				  .init_wire = { -1, -1 },
				  .first = { .pidfd = -1 },
				  .guard = { .pidfd = -1 },
				  .pidfd = -1 };

	keep_clear_of_stdio();
	exec_signals_take(&job->signals);
	if (settid__proc_open(&job->procfs, &proc_err) < 0) {
		job->procfs = -1;
		snprintf(job->procfs_why, sizeof job->procfs_why, "%.*s", (int)sizeof job->procfs_why - 1,
			 proc_err.text);
	}
	job->signal_fd = signalfd(-1, &job->signals.taken, SFD_CLOEXEC | SFD_NONBLOCK);
	job->self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (job->signal_fd < 0 || job->self < 0)
		return exec_failed(err, -errno, SETTID_STEP_NONE, "cannot watch for signals and ends: %s",
				   strerror(errno));
	job->tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	job->was_foreground = job->tty >= 0 && tcgetpgrp(job->tty) == getpgrp();
	/* Whoever may make PID namespaces anyway keeps the in-between ones, and with them the right over the numbers
	 * in the caller's namespace, out of the new user namespace. */
	job->user_at_first = !has_cap_sys_admin();
	if ((r = exec_wire_open(job->command_wire)) < 0 || (r = exec_wire_open(job->init_wire)) < 0)
		return exec_failed(err, r, SETTID_STEP_NONE, "cannot make a socket pair: %s", strerror(-r));
	return 0;
}

bool exec_settid_is_dead(const struct exec_job *job)
{
	struct pollfd p = { .fd = job->self, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* ------------------------------------------------------------------------------------- the chain -- */

int exec_make(struct exec_job *job, unsigned ns, struct settid_child *child, struct settid_error *err)
{
	const struct exec_options *opt = job->opt;
	bool last = ns == opt->new_pidns;
	bool with_user = opt->user && (job->user_at_first ? ns <= 1 : last);
	uint64_t flags = (opt->new_pidns ? CLONE_NEWPID : 0) | (with_user ? CLONE_NEWUSER : 0);
	pid_t pid;

	if (last) {
		/* An init is 1 without being asked to, by any method. */
		size_t len = opt->new_pidns && opt->set_tid_len == 1 ? 0 : opt->set_tid_len;
		struct settid_fork_args args = { .size = sizeof args,
						 .set_tid = len ? opt->set_tid : NULL,
						 .set_tid_len = len,
						 .flags = flags,
						 .method = opt->method };
		pid = settid_fork(&args, child, err);
	} else {
		pid = exec_fork_between(job, ns, flags, child, err);
	}
	if (pid == 0 && last)
		exec_command(job);
	if (pid == 0)
		exec_init(job, ns);
	return pid < 0 ? (int)pid : 0;
}

/* The caller's level, looked at from the caller's namespace: an in-between init sees less of a holder there. */
static void look_again_at_holder(const struct exec_job *job, struct settid_error *err)
{
	struct settid_error seen;

	if (err->reason != SETTID_REASON_TAKEN || err->level != (int)job->opt->new_pidns ||
	    settid_who(err->number, &seen) != 1)
		return;
	err->holder = seen.holder;
	err->holder_pid = seen.holder_pid;
	err->holder_parent = seen.holder_parent;
	err->holder_members = seen.holder_members;
	memcpy(err->holder_comm, seen.holder_comm, sizeof err->holder_comm);
	snprintf(err->text, sizeof err->text, "set_tid[%d] = %.280s", err->level, seen.text);
}

/* A failure in a wire's message, or the silence of one that died. */
static int failure_from(const struct exec_job *job, int got, const struct exec_message *m, const char *who,
			struct settid_error *err)
{
	if (got == 1 && m->word == EXEC_FAILED) {
		*err = m->error;
		look_again_at_holder(job, err);
		return err->code;
	}
	if (got < 0)
		return exec_failed(err, got, SETTID_STEP_NONE, "cannot hear from %s: %s", who,
				   strerror(-got));
	return exec_failed(err, -ECHILD, SETTID_STEP_NONE, "%s was killed before the command ran", who);
}

static int await_ready(struct exec_job *job, struct settid_error *err)
{
	struct exec_message m;
	int got = exec_wire_receive(job->command_wire[0], &m, &job->pid, &job->pidfd);

	if (got == 1 && m.word == EXEC_READY && job->pidfd >= 0)
		return 0;
	/* An init that could not make the next process closed the command wire by its exit, having said why. */
	if (got == 0 && job->opt->new_pidns > 1) {
		got = exec_wire_receive(job->init_wire[0], &m, NULL, NULL);
		return failure_from(job, got, &m, "an in-between init", err);
	}
	return failure_from(job, got, &m, "the new process", err);
}

static int await_born(struct exec_job *job, struct settid_error *err)
{
	struct exec_message m;
	int got = exec_wire_receive(job->init_wire[0], &m, NULL, NULL);

	if (got != 1 || m.word != EXEC_BORN)
		return failure_from(job, got, &m, "an in-between init", err);
	job->method = m.method;
	job->retries = m.retries;
	return 0;
}

/* Read while the command waits: once it runs it may be gone at any moment. */
static void learn_numbers(struct exec_job *job)
{
	struct settid__proc_status status;
	char name[16];

	snprintf(name, sizeof name, "%d", (int)job->pid);
	if (job->procfs < 0 || settid__proc_status(job->procfs, name, &status) < 0)
		return;
	for (int i = 0; i < status.levels; i++)
		job->nspid[i] = status.ns_pid[i];
	job->nspid_len = status.levels;
}

int exec_prepare(struct exec_job *job, const struct exec_options *opt, struct settid_error *err)
{
	int r = job_open(job, opt, err);

	if (r < 0)
		return r;
	if (opt->user && job->procfs < 0)
		return exec_failed(err, -ENOENT, SETTID_STEP_MAPS, "--user needs /proc: %s", job->procfs_why);
	if ((r = exec_make(job, opt->new_pidns ? 1 : 0, &job->first, err)) < 0)
		return r;
	close_fd(&job->command_wire[1]);
	close_fd(&job->init_wire[1]);
	job->method = job->first.method;
	job->retries = job->first.retries;
	if ((r = await_ready(job, err)) < 0)
		return r;
	if (opt->new_pidns > 1 && (r = await_born(job, err)) < 0)
		return r;
	if (opt->json_fd >= 0)
		learn_numbers(job);
	return 0;
}

int exec_go(struct exec_job *job, struct settid_error *err)
{
	const struct exec_message go = { .word = EXEC_GO };
	struct exec_message m;
	int r = exec_wire_send(job->command_wire[0], &go);

	if (r < 0)
		return exec_failed(err, r, SETTID_STEP_NONE,
				   "the new process was killed before the command ran");
	r = exec_wire_receive(job->command_wire[0], &m, NULL, NULL);
	return r == 0 ? 0 : failure_from(job, r, &m, "the new process", err);
}

static void end_and_reap(struct settid_child *child)
{
	if (child->pidfd < 0)
		return;
	(void)syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)child->pidfd, NULL, WEXITED) < 0 && errno == EINTR)
		;
	close_fd(&child->pidfd);
}

void exec_undo(struct exec_job *job)
{
	end_and_reap(&job->first);
	end_and_reap(&job->guard);
	close_fd(&job->pidfd);
	close_fd(&job->self);
	close_fd(&job->signal_fd);
	close_fd(&job->tty);
	close_fd(&job->procfs);
	for (int i = 0; i < 2; i++) {
		close_fd(&job->command_wire[i]);
		close_fd(&job->init_wire[i]);
	}
}
