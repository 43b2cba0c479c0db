/* SPDX-License-Identifier: MIT */
/*
 * exec_signal.c: which signals settid takes, and how it hands them on.
 *
 * Keeps:   (G1) the command starts with the mask and dispositions that settid was started with;
 *          (G2) what was ignored at entry (nohup's SIGHUP) is ignored by settid too, and never forwarded;
 *          (G3) faults (SIGSEGV and its like) stay settid's own: blocking them would only hide a crash.
 *
 * Why (exec_deliver) settid steps in for the kernel: the init of a PID namespace drops every signal whose action is the
 * default, whoever sends it, except SIGKILL and SIGSTOP from outside (pid_namespaces(7)).  Without help, Ctrl-C and
 * `kill` would do nothing to `settid exec --new-pidns -- sleep 100`, and reading from a terminal in the background would
 * spin for ever.  settid is outside, so it can give each signal the effect that the program's author counts on.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };

static bool was_ignored(int sig)
{
	struct sigaction old;

	return sigaction(sig, NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_IGN;
}

void exec_signals_take(struct exec_signals *s)
{
	struct sigaction chld = { .sa_handler = SIG_DFL };

	sigfillset(&s->taken);
	sigdelset(&s->taken, SIGKILL);
	sigdelset(&s->taken, SIGSTOP);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&s->taken, faults[i]);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sig != SIGCHLD && was_ignored(sig))
			sigdelset(&s->taken, sig);
	/* An ignored SIGCHLD would reap our children behind our back. */
	sigaction(SIGCHLD, &chld, &s->entry_chld);
	sigprocmask(SIG_BLOCK, &s->taken, &s->entry_mask);
}

void exec_signals_give_back(const struct exec_signals *s)
{
	sigaction(SIGCHLD, &s->entry_chld, NULL);
	sigprocmask(SIG_SETMASK, &s->entry_mask, NULL);
}

/* ---------------------------------------------------------------- what an init makes of a signal -- */

static ssize_t read_at(int dir, const char *path, char *buf, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;

	if (fd < 0)
		return -errno;
	while ((size_t)len < size - 1 && (n = read(fd, buf + len, size - 1 - (size_t)len)) > 0)
		len += n;
	close(fd);
	buf[len] = '\0';
	return len;
}

/* The number that procfs knows a pidfd's process by; 0 = it is gone. */
static pid_t pid_in_procfs(int procfs, int pidfd)
{
	char path[48], text[512];
	const char *line;

	snprintf(path, sizeof path, "self/fdinfo/%d", pidfd);
	if (read_at(procfs, path, text, sizeof text) < 0 || !(line = strstr(text, "\nPid:")))
		return 0;
	long pid = strtol(line + strlen("\nPid:"), NULL, 10);
	return pid > 0 ? (pid_t)pid : 0;
}

static bool mask_has(const char *status, const char *name, int sig)
{
	const char *line = strstr(status, name);

	return line && (strtoull(line + strlen(name), NULL, 16) >> (sig - 1) & 1);
}

/* What a process makes of one signal. */
struct disposition {
	bool takes; /* has a handler or ignores it; also when it cannot be told: then it is sent as it is */
	bool blocks;
	bool pending;
};

static struct disposition disposition_of(const struct exec_target *to, int sig)
{
	const struct disposition unknown = { .takes = true };
	char path[48], status[4096];
	pid_t pid;

	if (to->procfs < 0 || (pid = pid_in_procfs(to->procfs, to->pidfd)) == 0)
		return unknown;
	snprintf(path, sizeof path, "%d/status", (int)pid);
	if (read_at(to->procfs, path, status, sizeof status) < 0 || !strstr(status, "\nSigCgt:"))
		return unknown;
	return (struct disposition){
		.takes = mask_has(status, "\nSigCgt:", sig) || mask_has(status, "\nSigIgn:", sig),
		.blocks = mask_has(status, "\nSigBlk:", sig),
		.pending = mask_has(status, "\nShdPnd:", sig) || mask_has(status, "\nSigPnd:", sig),
	};
}

/*
 * A signal may be blocked for a moment, around a fork say, and is dropped when it is let through; or it is blocked for
 * good by a program that fetches it with sigwait or a signalfd.  It is pending already: where it disappears while it is
 * blocked it was fetched.  On a busy machine a moment may be long; after a second it counts as for good.
 */
static bool dropped_when_let_through(const struct exec_target *to, int sig)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; i < 1000; i++) {
		struct disposition d = disposition_of(to, sig);
		if (d.takes || (d.blocks && !d.pending))
			return false;
		if (!d.blocks)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

static enum exec_denied default_action(int sig)
{
	switch (sig) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
		return EXEC_DENIED_NOTHING;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return EXEC_DENIED_STOP;
	default:
		return EXEC_DENIED_END;
	}
}

static void send_to(int pidfd, int sig, const siginfo_t *info)
{
	siginfo_t copy;

	if (info && info->si_code == SI_QUEUE) {
		memset(&copy, 0, sizeof copy);
		copy.si_signo = sig;
		copy.si_code = SI_QUEUE;
		copy.si_pid = getpid();
		copy.si_uid = getuid();
		copy.si_value = info->si_value;
		if (syscall(SYS_pidfd_send_signal, pidfd, sig, &copy, 0) == 0)
			return;
	}
	/* A command that has just ended, or became somebody we may not signal, is no error of ours. */
	(void)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

enum exec_denied exec_deliver(const struct exec_target *to, int sig, const siginfo_t *info, bool has_it)
{
	enum exec_denied action = to->is_init ? default_action(sig) : EXEC_DENIED_NOTHING;
	struct disposition before = { .takes = true };

	if (action != EXEC_DENIED_NOTHING)
		before = disposition_of(to, sig);
	if (!has_it)
		send_to(to->pidfd, sig, info);
	if (before.takes || (before.blocks && !dropped_when_let_through(to, sig)))
		return EXEC_DENIED_NOTHING;
	send_to(to->pidfd, action == EXEC_DENIED_END ? SIGKILL : SIGSTOP, NULL);
	return action;
}
