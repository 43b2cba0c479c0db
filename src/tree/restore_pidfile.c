/* SPDX-License-Identifier: MIT */
/*
 * restore_pidfile.c: the root's number in a file, there from one moment to the next.
 *
 * Keeps:   (R3) neither a reader nor a crash ever meets half of it; an old file is replaced only once the new one
 *               is written, and whoever ends the tree removes it (engine_teardown()).
 */
#include "restore_internal.h"

#include "libsettid/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t len)
{
	long n = SYS3(SYS_write, fd, text, len);

	return n == (long)len ? 0 : n < 0 ? (int)n : -EIO;
}

/* From here on whoever ends the tree removes the file. */
static void made(struct engine *e)
{
	__atomic_store_n(&e->pidfile_made, 1, __ATOMIC_RELEASE);
}

static int open_nameless(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	size_t len = slash ? (size_t)(slash - path) + 1 : 1;

	if (len >= sizeof dir)
		return -ENAMETOOLONG;
	memcpy(dir, slash ? path : ".", len);
	dir[len] = '\0';
	return (int)SYS4(SYS_openat, AT_FDCWD, dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
}

/* A file without a name that gets one when it is whole. */
static int link_new(struct engine *e, int proc_fd, const char *text, size_t len)
{
	int fd = open_nameless(e->pidfile), r;
	char self[64];

	if (fd < 0)
		return fd;
	r = write_all(fd, text, len);
	if (r == 0) {
		snprintf(self, sizeof self, "self/fd/%d", fd);
		made(e);
		r = (int)SYS3(SYS_unlinkat, AT_FDCWD, e->pidfile, 0);
		r = r == -ENOENT ? 0 : r;
	}
	if (r == 0)
		r = (int)SYS5(SYS_linkat, proc_fd, self, AT_FDCWD, e->pidfile, AT_SYMLINK_FOLLOW);
	close(fd);
	return r;
}

/* Where the file system has no files without a name. */
static int write_in_place(struct engine *e, const char *text, size_t len)
{
	int fd = (int)SYS4(SYS_openat, AT_FDCWD, e->pidfile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r;

	if (fd < 0)
		return fd;
	made(e);
	r = write_all(fd, text, len);
	close(fd);
	return r;
}

int restore_write_pidfile(struct engine *e, int proc_fd, pid_t root, struct tree_error *err)
{
	char text[16];
	int len, r;

	if (!e->pidfile)
		return 0;
	len = snprintf(text, sizeof text, "%d\n", (int)root);
	r = link_new(e, proc_fd, text, (size_t)len);
	if (r == -EOPNOTSUPP || r == -EISDIR)
		r = write_in_place(e, text, (size_t)len);
	return r < 0 ? tree_fail(err, r, "cannot write %s: %s", e->pidfile, strerror(-r)) : 0;
}
