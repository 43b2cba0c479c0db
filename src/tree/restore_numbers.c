/* SPDX-License-Identifier: MIT */
/*
 * restore_numbers.c: which numbers of an existing namespace are taken, for processes that the plan needs for a while.
 *
 * Owns:    struct restore_numbers: a bit per number, filled when it is first asked.
 * Keeps:   what is read is a moment's truth; whoever takes such a number afterwards makes the restore fail as one that
 *          takes a wanted number does, and nothing is left.
 */
#include "restore.h"

#include "libsettid/procfs.h"
#include "libsettid/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NUMBERS (TREE_NUMBER_MAX + 1)

struct restore_numbers {
	pid_t into; /* 0 = the caller's own namespace */
	int proc_fd;
	unsigned depth; /* of the namespace below the caller's */
	bool read;
	uint8_t *taken;
};

struct restore_numbers *restore_numbers_new(pid_t into)
{
	struct restore_numbers *n = calloc(1, sizeof *n);

	if (!n)
		return NULL;
	n->into = into;
	n->taken = calloc(NUMBERS / 8, 1);
	if (!n->taken || settid__proc_open(&n->proc_fd, NULL) < 0) {
		free(n->taken);
		free(n);
		return NULL;
	}
	return n;
}

void restore_numbers_free(struct restore_numbers *n)
{
	if (!n)
		return;
	close(n->proc_fd);
	free(n->taken);
	free(n);
}

static void take(struct restore_numbers *n, long number)
{
	if (number > 0 && number < NUMBERS)
		n->taken[number / 8] |= (uint8_t)(1u << (number % 8));
}

/* "NSpid:\t31496\t42\t1": the entry of the namespace that is asked about; 0 = it is not so deep. */
static long entry(const char *status, const char *key, unsigned depth)
{
	const char *at = strstr(status, key);

	if (!at)
		return 0;
	at += strlen(key);
	for (unsigned k = 0; k < depth; k++) {
		at += strspn(at, "\t");
		at += strspn(at, "0123456789");
	}
	return *at == '\t' ? strtol(at, NULL, 10) : 0;
}

static bool read_status(const struct restore_numbers *n, const char *path, char *buf, size_t size)
{
	int fd = (int)SYS4(SYS_openat, n->proc_fd, path, O_RDONLY | O_CLOEXEC, 0);
	long len;

	if (fd < 0)
		return false;
	len = SYS3(SYS_read, fd, buf, size - 1);
	close(fd);
	if (len <= 0)
		return false;
	buf[len] = '\0';
	return true;
}

static void take_task(struct restore_numbers *n, const char *path)
{
	char status[4096];

	if (!read_status(n, path, status, sizeof status))
		return;
	take(n, entry(status, "\nNSpid:", n->depth));
	take(n, entry(status, "\nNSpgid:", n->depth));
	take(n, entry(status, "\nNSsid:", n->depth));
}

static DIR *open_dir(int at, const char *path)
{
	int fd = (int)SYS4(SYS_openat, at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

static void take_process(struct restore_numbers *n, const char *pid)
{
	char path[64];
	DIR *dir;

	snprintf(path, sizeof path, "%.16s/task", pid);
	dir = open_dir(n->proc_fd, path);
	for (const struct dirent *d; dir && (d = readdir(dir));) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%.16s/task/%.16s/status", pid, d->d_name);
		take_task(n, path);
	}
	if (dir)
		closedir(dir);
}

static unsigned depth_of(const struct restore_numbers *n)
{
	char path[64], status[4096];
	unsigned depth = 0;

	if (!n->into)
		return 0;
	snprintf(path, sizeof path, "%d/status", (int)n->into);
	if (read_status(n, path, status, sizeof status))
		while (entry(status, "\nNSpid:", depth + 1))
			depth++;
	return depth;
}

static void read_all(struct restore_numbers *n)
{
	DIR *dir = open_dir(n->proc_fd, ".");

	n->read = true;
	n->depth = depth_of(n);
	for (const struct dirent *d; dir && (d = readdir(dir));)
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9')
			take_process(n, d->d_name);
	if (dir)
		closedir(dir);
}

bool restore_number_is_taken(void *numbers, int32_t number)
{
	struct restore_numbers *n = numbers;

	if (!n->read)
		read_all(n);
	return number < 0 || number >= NUMBERS || n->taken[number / 8] >> (number % 8) & 1;
}

int32_t restore_number_last(const struct restore_numbers *n)
{
	char text[32];
	int fd = (int)SYS4(SYS_openat, n->proc_fd, "sys/kernel/pid_max", O_RDONLY | O_CLOEXEC, 0);
	long len = fd < 0 ? -1 : SYS3(SYS_read, fd, text, sizeof text - 1);
	int32_t max = 32768;

	if (fd >= 0)
		close(fd);
	if (len > 0) {
		text[len] = '\0';
		max = (int32_t)strtol(text, NULL, 10);
	}
	/* another namespace may have a smaller one, which nothing shows: the usual one is tried */
	return n->into && max > 32768 ? 32767 : max - 1;
}
