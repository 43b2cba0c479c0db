/* SPDX-License-Identifier: MIT */
/*
 * freeze.c: the helper process that holds threads still, and the questions put to it.
 *
 * Keeps:   (H1) only the helper traces, and it never ends any other way than by ending: so no tracee is ever
 *               left held, also one whose stop is still to come;
 *          (H2) a thread that has been seized and interrupted does not run a single instruction of its program
 *               until it is let go, even if it is still on its way out of the kernel (state D);
 *          (H3) a signal that arrives in the same moment is handed on before the thread is held;
 *          (H4) what is frozen through its cgroup is thawed by the helper when its socket ends.  Only killing
 *               settid and the helper (in a session of its own) in the same moment would leave it frozen, which
 *               ptrace rules out altogether: so the cgroup is used only where ptrace cannot be.
 */
#include "tree/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsettid/sys.h"
#include "tree/proc_read.h"

enum op { OP_HOLD, OP_CGROUP };

struct request {
	int32_t op, tid;
	/* OP_CGROUP: what to write, and what undoes it */
	char on[12], off[12];
};

/* ------------------------------------------------------------------------------------ the helper -- */

enum { STILL_COMING = -EINPROGRESS };

/* A stop that is no signal's: PTRACE_EVENT_STOP, for PTRACE_INTERRUPT and for group stops. */
static bool is_event_stop(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP;
}

/*
 * Waits for the stop that was asked for.  The signal of the group stop that it was in, 0 = it was running, -ESRCH
 * = it has died, STILL_COMING = it is deep in the kernel (a vfork parent, a disk) and will stop on its way out.
 */
static int await_stop(pid_t tid)
{
	for (unsigned tries = 0; tries < 64;) {
		int status = 0;
		long r = SYS4(SYS_wait4, tid, &status, __WALL | WNOHANG, 0);
		if (r < 0 && r != -EINTR)
			return -ESRCH;
		if (r <= 0) {
			if (tries++ < 16)
				SYS0(SYS_sched_yield);
			else
				SYS2(SYS_nanosleep, (&(struct timespec){ .tv_nsec = 200000 }), 0);
		} else if (!WIFSTOPPED(status)) {
			return -ESRCH;
		} else if (is_event_stop(status)) {
			int signal = WSTOPSIG(status);
			return signal == SIGTRAP ? 0 : signal;
		} else { /* H3: a signal on its way in; the stop asked for comes right behind it */
			SYS4(SYS_ptrace, PTRACE_CONT, tid, 0, WSTOPSIG(status));
		}
	}
	return STILL_COMING;
}

static int hold(pid_t tid)
{
	long r = SYS4(SYS_ptrace, PTRACE_SEIZE, tid, 0, 0);

	if (r == 0)
		r = SYS4(SYS_ptrace, PTRACE_INTERRUPT, tid, 0, 0);
	return r < 0 ? (int)r : await_stop(tid);
}

static void write_all(int fd, const char *text, size_t len)
{
	while (SYS3(SYS_write, fd, text, len) == -EINTR)
		;
}

static size_t text_len(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	return len;
}

/* The descriptor of the freezer's file comes with the request. */
static int receive(int socket, struct request *q, int *fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = q, .iov_len = sizeof *q };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	long n;

	do
		n = SYS3(SYS_recvmsg, socket, &m, MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n == (long)sizeof *q && m.msg_controllen >= sizeof control.header &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(&control.header), sizeof *fd);
	return n == (long)sizeof *q ? 0 : -EPIPE;
}

/* Raw system calls only: the maker may have had other threads. */
static _Noreturn void serve(int socket)
{
	struct request q, frozen = { 0 };
	uint64_t all = ~(uint64_t)0;
	int cgroup = -1;

	SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all);
	SYS0(SYS_setsid); /* out of reach of what a terminal or a shell sends to settid's group */
	while (receive(socket, &q, &cgroup) == 0) {
		int32_t answer = -EINVAL;
		if (q.op == OP_HOLD) {
			answer = hold(q.tid);
		} else if (q.op == OP_CGROUP) {
			frozen = q;
			answer = (int32_t)SYS3(SYS_write, cgroup, q.on, text_len(q.on));
		}
		if (SYS6(SYS_sendto, socket, &answer, sizeof answer, MSG_NOSIGNAL, 0, 0) < 0)
			break;
	}
	if (frozen.op == OP_CGROUP)
		write_all(cgroup, frozen.off, text_len(frozen.off));
	for (;;)
		SYS1(SYS_exit_group, 0);
}

/* Leaves the helper its socket alone: a pipe's end kept open in it would keep the pipe's reader waiting. */
static int keep_only(int fd)
{
	int low = (int)SYS3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);

	if (low < 0)
		low = fd;
	if (low > 0)
		SYS3(SYS_close_range, 0, low - 1, 0);
	SYS3(SYS_close_range, low + 1, UINT_MAX, 0);
	return low;
}

/* ------------------------------------------------------------------------------------ the caller -- */

int freezer_start(struct freezer *f, int proc_fd, struct tree_error *err)
{
	char own[64], children[64];
	int ends[2];

	*f = (struct freezer){ .socket = -1, .proc_fd = proc_fd, .cgroup_dir = -1 };
	long own_len = proc_link(proc_fd, "self/ns/pid", own, sizeof own);
	long children_len = proc_link(proc_fd, "self/ns/pid_for_children", children, sizeof children);
	if (own_len > 0 && (children_len != own_len || memcmp(own, children, (size_t)own_len) != 0))
		return tree_fail(err, -EINVAL,
				 "cannot freeze: children of this process live in another PID namespace");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return tree_fail(err, -errno, "cannot make a socket: %s", strerror(errno));
	/* A plain fork without an exit signal: the caller's SIGCHLD handler and waits never see the helper. */
	pid_t pid = (pid_t)sys_call(SYS_clone, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		SYS1(SYS_close, ends[0]);
		serve(keep_only(ends[1]));
	}
	proc_close(ends[1]);
	if (pid < 0) {
		proc_close(ends[0]);
		return tree_fail(err, pid, "cannot start the process that freezes: %s", strerror(-pid));
	}
	f->pid = pid;
	f->socket = ends[0];
	return 0;
}

/* Let go of, a stopped process runs into its stop again, which takes a moment: not to be taken for a running one. */
static void await_old_stop(const struct freezer *f, int32_t tid)
{
	struct proc_stat stat = { .state = 'R' };
	char path[32], text[1024];
	size_t len = proc_text(path, tid);

	memcpy(path + len, "/stat", 6);
	for (int tries = 0; tries < 500 && (stat.state == 'R' || stat.state == 't'); tries++) {
		int fd = (int)SYS4(SYS_openat, f->proc_fd, path, O_RDONLY | O_CLOEXEC, 0);
		long n = fd < 0 ? fd : SYS3(SYS_read, fd, text, sizeof text);
		proc_close(fd);
		if (n < 0 || proc_parse_stat(text, (size_t)n, &stat) < 0)
			return;
		if (stat.state == 'R' || stat.state == 't')
			SYS2(SYS_nanosleep, (&(struct timespec){ .tv_nsec = 200000 }), 0);
	}
}

void freezer_stop(struct freezer *f)
{
	if (f->pid > 0) {
		proc_close(f->socket);
		while (SYS4(SYS_wait4, f->pid, 0, __WALL, 0) == -EINTR)
			;
	}
	for (size_t i = 0; i < f->held_cap; i++)
		if (f->held[i].tid && f->held[i].stop)
			await_old_stop(f, f->held[i].tid);
	if (f->cgroup)
		proc_close(f->cgroup_dir);
	free(f->held);
	*f = (struct freezer){ .socket = -1, .cgroup_dir = -1 };
}

static int request(struct freezer *f, const void *request, size_t size, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof fd),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)request, .iov_len = size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int32_t answer;
	long n;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
	}
	do
		n = SYS3(SYS_sendmsg, f->socket, &m, MSG_NOSIGNAL);
	while (n == -EINTR);
	if (n < 0)
		return -EPIPE;
	do
		n = SYS6(SYS_recvfrom, f->socket, &answer, sizeof answer, 0, 0, 0);
	while (n == -EINTR);
	return n == (long)sizeof answer ? answer : -EPIPE;
}

static struct frozen *entry(struct frozen *table, size_t cap, int32_t tid)
{
	size_t i = ((uint32_t)tid * 2654435761u) & (cap - 1);

	while (table[i].tid && table[i].tid != tid)
		i = (i + 1) & (cap - 1);
	return &table[i];
}

const struct frozen *freezer_find(const struct freezer *f, int32_t tid)
{
	const struct frozen *e = f->held_cap ? entry(f->held, f->held_cap, tid) : NULL;

	return e && e->tid ? e : NULL;
}

static int make_room(struct freezer *f)
{
	if (f->held_len * 2 < f->held_cap)
		return 0;
	size_t cap = f->held_cap ? f->held_cap * 2 : 64;
	struct frozen *table = calloc(cap, sizeof *table);
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < f->held_cap; i++)
		if (f->held[i].tid)
			*entry(table, cap, f->held[i].tid) = f->held[i];
	free(f->held);
	f->held = table;
	f->held_cap = cap;
	return 0;
}

int freezer_hold(struct freezer *f, int32_t tid)
{
	struct request q = { .op = OP_HOLD, .tid = tid };

	if (freezer_find(f, tid))
		return 0;
	if (make_room(f) < 0)
		return -ENOMEM;
	int answer = request(f, &q, sizeof q, -1);
	if (answer == -ESRCH)
		return 0;
	if (answer == STILL_COMING)
		answer = 0;
	if (answer < 0)
		return answer;
	*entry(f->held, f->held_cap, tid) = (struct frozen){ .tid = tid, .stop = answer };
	f->held_len++;
	return 1;
}

int freezer__write(struct freezer *f, int fd, const char *on, const char *off)
{
	struct request q = { .op = OP_CGROUP };

	if (strlen(on) >= sizeof q.on || strlen(off) >= sizeof q.off)
		return -EINVAL;
	strcpy(q.on, on);
	strcpy(q.off, off);
	int answer = request(f, &q, sizeof q, fd);
	return answer < 0 ? answer : 0;
}
