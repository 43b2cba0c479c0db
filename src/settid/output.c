/* SPDX-License-Identifier: MIT */
/*
 * output.c: a tree written down as a tree file, for the commands that make one.
 *
 * Keeps:   (O1) a file has its old contents or all of the new ones, whatever fails and whoever interrupts.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

static int write_stream(const struct tree *t, FILE *f)
{
	int e = tree_write_json(t, f);

	if (fflush(f) != 0 && e == 0)
		e = -errno;
	return e == 0 && ferror(f) ? -EIO : e;
}

/* A file that is none (a terminal, /dev/stdout, a pipe) cannot be replaced, only written to. */
static int write_through(const struct tree *t, const char *path)
{
	FILE *f = fopen(path, "we");
	int e = f ? write_stream(t, f) : -errno;

	if (f && fclose(f) != 0 && e == 0)
		e = -errno;
	return e;
}

/* mkstemp makes files private; this one is to be as any other new file is. */
static void open_to_others(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	fchmod(fd, 0666 & ~mask);
}

static int write_beside(const struct tree *t, const char *path, const struct stat *old)
{
	char beside[PATH_MAX];
	int len = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
	int fd = len < 0 || (size_t)len >= sizeof beside ? -ENAMETOOLONG : mkostemp(beside, O_CLOEXEC);

	if (fd < 0)
		return fd == -1 ? -errno : fd;
	if (old)
		fchmod(fd, old->st_mode & 07777);
	else
		open_to_others(fd);
	FILE *f = fdopen(fd, "w");
	int e = f ? write_stream(t, f) : -errno;
	if ((f ? fclose(f) : close(fd)) != 0 && e == 0)
		e = -errno;
	if (e == 0 && rename(beside, path) < 0)
		e = -errno;
	if (e < 0)
		unlink(beside);
	return e;
}

/* Signals wait until the file beside is gone. */
static int write_file(const struct tree *t, const char *path)
{
	char target[PATH_MAX];
	struct stat st;
	sigset_t ends, before;

	/* A link stays one: what it points at is replaced. */
	bool there = stat(path, &st) == 0;
	if (there && (!S_ISREG(st.st_mode) || !realpath(path, target)))
		return write_through(t, path);
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, &before);
	int e = write_beside(t, there ? target : path, there ? &st : NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return e;
}

int output_tree(const struct tree *t, const char *file)
{
	int e = file ? write_file(t, file) : write_stream(t, stdout);

	if (e < 0)
		return cmd_fail(CMD_FAILED, "cannot write %s: %s", file ? file : "the tree", strerror(-e));
	return CMD_OK;
}
