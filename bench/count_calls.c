/* SPDX-License-Identifier: MIT */
/*
 * count_calls.c: how many system calls a command and all processes below it make, whoever they are.
 *
 *	count_calls COMMAND [ARGUMENT...]
 *
 * Every process is traced from its birth (PTRACE_O_TRACECLONE and its like) and counted at the entry of each call,
 * so that calls which never return count too.  The command runs in a PID namespace of its own, where /proc shows
 * nobody else, and is ended once it has written to standard output and all have come to rest.
 * Prints a line per kind: "stage CALLS" from the first birth below the command's own children on, with the call
 * that is that birth, and then each counted name with its CALLS in all.
 */
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "samples.h"

#define QUIET_MS 300 /* nobody made a call for so long: all sleep */

static const struct {
	long nr;
	const char *name;
} named[] = {
	{ SYS_clone3, "clone3" }, { SYS_futex, "futex" },           { SYS_prctl, "prctl" },
	{ SYS_openat, "openat" }, { SYS_readlinkat, "readlinkat" }, { SYS_read, "read" },
	{ SYS_close, "close" },   { SYS_getdents64, "getdents64" },
};
enum { NAMES = sizeof named / sizeof *named };

struct counts {
	pid_t command;
	bool writes; /* the command has begun to say its result */
	unsigned long stage, others, by_name[NAMES];
};

static void count(struct counts *c, pid_t pid, const struct __ptrace_syscall_info *call)
{
	size_t k = 0;

	while (k < NAMES && named[k].nr != (long)call->entry.nr)
		k++;
	if (k < NAMES)
		c->by_name[k]++;
	else
		c->others++;
	/* the command makes one child, the guard, and that one makes the tree */
	if (c->stage || (call->entry.nr == SYS_clone3 && pid != c->command))
		c->stage++;
	if (pid == c->command && call->entry.nr == SYS_write && call->entry.args[0] == STDOUT_FILENO)
		c->writes = true;
}

/* One stop of one process: counted if it is the entry of a call, and on it goes. */
static void handle(struct counts *c, pid_t pid, int status)
{
	struct __ptrace_syscall_info call = { 0 };
	int event = status >> 16, sig = WSTOPSIG(status);
	bool is_call = sig == (SIGTRAP | 0x80);

	if (is_call && ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call) > 0 &&
	    call.op == PTRACE_SYSCALL_INFO_ENTRY)
		count(c, pid, &call);
	ptrace(PTRACE_SYSCALL, pid, NULL, is_call || event ? 0 : sig);
}

static pid_t start(char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	pid_t pid = fork();

	if (pid < 0)
		die("fork", errno);
	if (pid == 0) {
		raise(SIGSTOP); /* until it is traced */
		execv(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, NULL, WUNTRACED) != pid || ptrace(PTRACE_SEIZE, pid, NULL, options) < 0)
		die("ptrace", errno);
	kill(pid, SIGCONT);
	return pid;
}

/* Until the command has ended, or has said its result and nobody does anything any more. */
static void follow(struct counts *c)
{
	const struct timespec quiet = { .tv_nsec = QUIET_MS * 1000000L };
	sigset_t child;
	int status;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
			if (WIFSTOPPED(status))
				handle(c, pid, status);
			else if (pid == c->command)
				return;
		}
		if (pid < 0 || (sigtimedwait(&child, NULL, &quiet) < 0 && errno == EAGAIN && c->writes))
			return;
	}
}

int main(int argc, char **argv)
{
	struct counts c = { 0 };
	sigset_t child;

	if (argc < 2)
		die("usage: count_calls COMMAND [ARGUMENT...]", EINVAL);
	enter_own_namespace();
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	c.command = start(argv + 1);
	sigprocmask(SIG_BLOCK, &child, NULL); /* after the fork: the command shall not inherit it */
	follow(&c);
	fprintf(stderr, "stage %lu\nothers %lu\n", c.stage, c.others);
	for (size_t k = 0; k < NAMES; k++)
		fprintf(stderr, "%s %lu\n", named[k].name, c.by_name[k]);
	return 0; /* the namespace goes with its init, and everything in it */
}
