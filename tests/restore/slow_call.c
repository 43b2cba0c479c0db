/* SPDX-License-Identifier: MIT */
/*
 * slow_call.c: `slow_call MS COMMAND...` runs COMMAND, in this very process, with every clone3 in it and below it
 * taking MS milliseconds longer: what happens while a tree is built can be watched without luck.
 *
 * A seccomp filter hands each clone3 to a supervisor, which waits and lets the kernel go on.  The supervisor is nobody's
 * child by then, and ends with the last process that has the filter.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1
#endif

static int install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof code / sizeof *code, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void serve(int listener, long ms)
{
	const struct timespec wait = { ms / 1000, ms % 1000 * 1000000 };
	struct pollfd fd = { .fd = listener, .events = POLLIN };

	while (poll(&fd, 1, -1) == 1 && !(fd.revents & POLLHUP)) {
		struct seccomp_notif asked;
		struct seccomp_notif_resp answer = { 0 };

		memset(&asked, 0, sizeof asked);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
			continue; /* killed meanwhile */
		nanosleep(&wait, NULL);
		answer.id = asked.id;
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

/* In the grandchild: fetch the listener as soon as its number is known, then serve. */
static void supervise(pid_t command, int told, int done, long ms)
{
	int pidfd = (int)syscall(SYS_pidfd_open, command, 0), number = -1, listener = -1;

	if (read(told, &number, sizeof number) == (ssize_t)sizeof number && number >= 0)
		listener = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	close(pidfd);
	if (setsid() < 0 || listener < 0 || write(done, "", 1) != 1)
		_exit(1);
	close(told);
	close(done);
	close(0);
	close(1);
	close(2);
	serve(listener, ms);
	_exit(0);
}

int main(int argc, char **argv)
{
	int tell[2], done[2], listener;
	pid_t self = getpid(), pid;
	char byte;

	if (argc < 3 || pipe(tell) < 0 || pipe(done) < 0)
		return 99;
	pid = fork();
	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		close(tell[1]);
		close(done[0]);
		supervise(self, tell[0], done[1], strtol(argv[1], NULL, 10));
	}
	waitpid(pid, NULL, 0);
	close(tell[0]);
	close(done[1]);
	listener = install();
	if (listener < 0 || write(tell[1], &listener, sizeof listener) < 0) {
		perror("slow_call");
		return 99;
	}
	close(tell[1]);
	if (read(done[0], &byte, 1) != 1) {
		fputs("slow_call: no supervisor\n", stderr);
		return 99;
	}
	close(done[0]);
	close(listener);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 99;
}
