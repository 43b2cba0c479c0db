/* SPDX-License-Identifier: MIT */
/*
 * exec_wire.c: messages between settid and the processes it made.
 *
 * Keeps:   (W1) a message arrives whole or not at all (SOCK_SEQPACKET);
 *          (W2) settid's end learns the sender's PID from the kernel, translated into settid's own namespace: no /proc
 *               is needed, and no process can lie about it.
 */
#include "exec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

union control {
	char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int exec_wire_open(int wire[2])
{
	int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wire) < 0)
		return -errno;
	if (setsockopt(wire[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
		return -errno;
	return 0;
}

static int send_with(int fd, const struct exec_message *m, int pidfd)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)m, .iov_len = sizeof *m };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (pidfd >= 0) {
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pidfd, sizeof pidfd);
	}
	while (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int exec_wire_send(int fd, const struct exec_message *m)
{
	return send_with(fd, m, -1);
}

int exec_wire_send_ready(int fd)
{
	const struct exec_message m = { .word = EXEC_READY };
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (pidfd < 0)
		return -errno;
	int r = send_with(fd, &m, pidfd);
	close(pidfd);
	return r;
}

static void take_control(struct msghdr *msg, pid_t *pid, int *pidfd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS && pid) {
			struct ucred cred;
			memcpy(&cred, CMSG_DATA(c), sizeof cred);
			*pid = cred.pid;
		} else if (c->cmsg_type == SCM_RIGHTS) {
			int fd;
			memcpy(&fd, CMSG_DATA(c), sizeof fd);
			if (pidfd)
				*pidfd = fd;
			else
				close(fd);
		}
	}
}

int exec_wire_receive(int fd, struct exec_message *m, pid_t *pid, int *pidfd)
{
	struct iovec iov = { .iov_base = m, .iov_len = sizeof *m };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.room,
			      .msg_controllen = sizeof control.room };
	ssize_t n;

	while ((n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC)) < 0)
		if (errno != EINTR)
			return errno == ECONNRESET ? 0 : -errno;
	if (pidfd)
		*pidfd = -1;
	take_control(&msg, pid, pidfd);
	return n == (ssize_t)sizeof *m;
}

int exec_failed(struct settid_error *err, int code, enum settid_step step, const char *fmt, ...)
{
	va_list ap;

	memset(err, 0, sizeof *err);
	err->code = code;
	err->level = err->ns_level = err->step_index = -1;
	err->step = step;
	err->reason = step == SETTID_STEP_NONE ? SETTID_REASON_SYSTEM : SETTID_REASON_STEP;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return code;
}
