/* SPDX-License-Identifier: MIT */
/*
 * exec_guard.c: the process that outlives a killed settid for a moment, to leave nothing behind.
 *
 * The command has a parent-death signal too, but that is lost when it runs a set-user-ID program or changes its user
 * (`settid exec --pid N -- setpriv --reuid ...`), and a signal removes no PID file.
 *
 * Keeps:   (U1) it is made after the command, so its number, which the kernel chooses, can be none of the wanted ones;
 *          (U2) it has a session of its own and all signals blocked: Ctrl-C, Ctrl-Z and a kill of the whole group reach
 *               settid, not the guard;
 *          (U3) it holds three descriptors and no directory; settid ends and reaps it before it ends itself.
 */
#include "exec.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Linux 5.9; before that the descriptors stay open in the guard for as long as settid has them. */
static void close_but(int *keep, size_t keep_len)
{
	unsigned from = 0;

	qsort(keep, keep_len, sizeof *keep, compare_int);
	for (size_t i = 0; i < keep_len; i++) {
		if (keep[i] < 0)
			continue;
		if ((unsigned)keep[i] > from)
			(void)syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)syscall(SYS_close_range, from, ~0U, 0);
}

static _Noreturn void guard_main(struct exec_job *job, struct exec_pidfile *file)
{
	int keep[] = { job->self, job->first.pidfd, job->pidfd, file->dir };
	struct pollfd settid = { .fd = job->self, .events = POLLIN };

	(void)prctl(PR_SET_NAME, "settid-guard");
	(void)setsid();
	(void)chdir("/");
	close_but(keep, sizeof keep / sizeof *keep);
	while (poll(&settid, 1, -1) < 0 && errno == EINTR)
		;
	/* An in-between init takes its whole namespace along. */
	(void)syscall(SYS_pidfd_send_signal, job->first.pidfd, SIGKILL, NULL, 0);
	(void)syscall(SYS_pidfd_send_signal, job->pidfd, SIGKILL, NULL, 0);
	exec_pidfile_remove(file);
	_exit(0);
}

int exec_guard_start(struct exec_job *job, struct exec_pidfile *file, struct settid_error *err)
{
	pid_t pid = settid_fork(NULL, &job->guard, err);

	if (pid == 0)
		guard_main(job, file);
	return pid < 0 ? (int)pid : 0;
}
