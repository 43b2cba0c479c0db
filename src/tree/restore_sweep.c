/* SPDX-License-Identifier: MIT */
/*
 * restore_sweep.c: the end of processes that nobody is left to end: their guard was killed in another namespace, and
 * whoever was to die with his parent had just got another one.
 *
 * Keeps:   (S1) only processes that have the plan's own mapping are ended: it is shared memory, and its inode nobody
 *               else's; who started a program has it no more;
 *          (S2) a descriptor comes first, the look at the mapping second, the signal last: it reaches who was looked at.
 */
#include "restore_internal.h"

#include "libsettid/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mapping {
	unsigned long dev_major, dev_minor, inode;
};

static FILE *open_maps(int proc_fd, const char *pid)
{
	char path[64];
	int fd;
	FILE *f;

	snprintf(path, sizeof path, "%.16s/maps", pid);
	fd = (int)SYS4(SYS_openat, proc_fd, path, O_RDONLY | O_CLOEXEC, 0);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (fd >= 0 && !f)
		close(fd);
	return f;
}

/* The line of that mapping, or, with `at`, of the one at that address. */
static bool find(int proc_fd, const char *pid, uintptr_t at, struct mapping *m)
{
	FILE *f = open_maps(proc_fd, pid);
	char line[512];
	bool found = false;

	while (f && !found && fgets(line, sizeof line, f)) {
		struct mapping got;
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx %*s %*x %lx:%lx %lu", &from, &to, &got.dev_major, &got.dev_minor,
			   &got.inode) != 5)
			continue;
		found = at ? at >= from && at < to
			   : got.inode == m->inode && got.dev_major == m->dev_major &&
					got.dev_minor == m->dev_minor;
		if (found)
			*m = got;
	}
	if (f)
		fclose(f);
	return found;
}

static bool end_one(int proc_fd, const char *pid, struct mapping *ours)
{
	int fd = (int)SYS2(SYS_pidfd_open, atoi(pid), 0);
	bool ends =
		fd >= 0 && find(proc_fd, pid, 0, ours) && SYS4(SYS_pidfd_send_signal, fd, SIGKILL, 0, 0) == 0;

	if (fd >= 0)
		close(fd);
	return ends;
}

/* One look at everybody; were there any? */
static bool sweep_once(int proc_fd, struct mapping *ours)
{
	int fd = (int)SYS4(SYS_openat, proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool any = false;

	if (fd >= 0 && !dir)
		close(fd);
	for (const struct dirent *d; dir && (d = readdir(dir));)
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' && atoi(d->d_name) != getpid())
			any |= end_one(proc_fd, d->d_name, ours);
	if (dir)
		closedir(dir);
	return any;
}

#define SWEEPS_MAX \
	1000 /* whoever is killed may have made another just before, and takes a moment to be gone */

void restore_sweep(const struct engine *e, int proc_fd)
{
	struct mapping ours;

	if (!find(proc_fd, "self", (uintptr_t)e, &ours) || !ours.inode)
		return;
	for (int k = 0; k < SWEEPS_MAX && sweep_once(proc_fd, &ours); k++)
		;
}
