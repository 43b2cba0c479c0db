/* SPDX-License-Identifier: MIT */
/*
 * reserve_place.c: the surroundings of `settid reserve`: background, socket, namespace.
 *
 * Owns:    the pipe between the command that was typed and the holder in the background (the one static here).
 */
#include "reserve_place.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"

static int ready_fd = -1;

/* -------------------------------------------------------------------------------------- namespace -- */

static int enter(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), r;

	if (fd < 0)
		return errno == ESRCH || errno == EINVAL
			       ? cmd_fail(CMD_FAILED, "--into %d: there is no such process", (int)pid)
			       : cmd_fail(CMD_FAILED, "--into %d: %s", (int)pid, strerror(errno));
	r = setns(fd, CLONE_NEWPID);
	close(fd);
	if (r < 0)
		return cmd_fail(CMD_FAILED, "cannot enter the PID namespace of %d: %s", (int)pid,
				errno == EINVAL ? "it is not below this one" : strerror(errno));
	return CMD_OK;
}

int reserve_enter(pid_t pid, int *home)
{
	*home = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (*home < 0)
		return cmd_fail(CMD_FAILED, "no descriptor of this process: %s", strerror(errno));
	return enter(pid);
}

void reserve_leave(int *home)
{
	if (*home < 0)
		return;
	setns(*home, CLONE_NEWPID);
	close(*home);
	*home = -1;
}

/* ----------------------------------------------------------------------------------------- socket -- */

static int name_socket(const char *path, char *out, size_t size)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	int len;

	if (path)
		len = snprintf(out, size, "%s", path);
	else
		len = snprintf(out, size, "%s/settid-reserve.%d", dir && *dir == '/' ? dir : "/tmp",
			       (int)getpid());
	return len < 0 || (size_t)len >= size
		       ? cmd_fail(CMD_FAILED, "the socket's path is longer than %zu bytes", size - 1)
		       : CMD_OK;
}

/* A holder that was killed left its file behind. */
static bool is_abandoned(const char *path)
{
	struct settid_reserve_info info = { .size = sizeof info };
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid() &&
	       settid_reserve_ask(path, SETTID_RESERVE_STATUS, 0, &info, NULL) == -ECONNREFUSED;
}

/* CMD, and a holder in the background, may be in another directory; who is not told the name loses nothing. */
static void make_absolute(char *path, size_t size)
{
	char *whole = realpath(path, NULL);

	if (whole && strlen(whole) < size)
		snprintf(path, size, "%s", whole);
	free(whole);
}

int reserve_listen(const char *path, char *out, size_t size, int *fd)
{
	struct settid_error err;
	int r = name_socket(path, out, size);

	if (r != CMD_OK)
		return r;
	r = settid_reserve_listen(out, &err);
	if (r == -EADDRINUSE && is_abandoned(out) && unlink(out) == 0)
		r = settid_reserve_listen(out, &err);
	if (r < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	*fd = r;
	make_absolute(out, size);
	return CMD_OK;
}

/* ------------------------------------------------------------------------------------- background -- */

/* The child's word, or its end without one. */
static int wait_until_held(pid_t pid, int fd)
{
	char byte;
	ssize_t n;
	int status;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	if (n == 1)
		return CMD_OK;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : CMD_FAILED;
}

int reserve_detach(void)
{
	int ends[2];
	pid_t pid;

	fflush(stdout);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return cmd_fail(CMD_FAILED, "no pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return cmd_fail(CMD_FAILED, "cannot go to the background: %s", strerror(errno));
	}
	close(ends[pid ? 1 : 0]);
	if (pid)
		return wait_until_held(pid, ends[0]);
	setsid();
	ready_fd = ends[1];
	return -1;
}

int reserve_detached(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || chdir("/") < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (null > 2)
		close(null);
	if (write(ready_fd, "", 1) != 1)
		return -EPIPE;
	close(ready_fd);
	return 0;
}
