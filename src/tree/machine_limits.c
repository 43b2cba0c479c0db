/* SPDX-License-Identifier: MIT */
/*
 * machine_limits.c: RLIMIT_NPROC, threads-max, max_pid_namespaces, and the pids and memory cgroups, as what is left.
 *
 * A cgroup's limit counts for all below it: the tightest of those from this process's cgroup up to the root that
 * can be seen is told.  Version 2 and version 1 hierarchies, also beside each other.
 */
#include "machine_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsettid/procfs.h"
#include "machine.h"

int machine_slurp(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	out[len] = '\0';
	return n < 0 ? -1 : (int)len;
}

/* A number in a file; "max" is unlimited. */
static int64_t read_number(const char *dir, const char *name)
{
	char path[PATH_MAX], text[64], *end;
	long long value;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path ||
	    machine_slurp(path, text, sizeof text) <= 0)
		return MACHINE_UNKNOWN;
	if (strncmp(text, "max", 3) == 0)
		return MACHINE_UNLIMITED;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text)
		return MACHINE_UNKNOWN;
	/* version 1 has no word for it, but a number that no machine has */
	return errno || value >= INT64_MAX / 4096 * 4096 ? MACHINE_UNLIMITED : (int64_t)value;
}

/* --------------------------------------------------------------------------------------- this user -- */

/* Rights over the machine's own user namespace lift the limit; and that is ours where all ids are what they are. */
static bool in_first_user_namespace(void)
{
	char map[128];
	unsigned long inside = 1, outside = 1, len = 0;

	return machine_slurp("/proc/self/uid_map", map, sizeof map) > 0 &&
	       sscanf(map, "%lu %lu %lu", &inside, &outside, &len) == 3 && inside == 0 && outside == 0 &&
	       len == 4294967295ul;
}

static bool has_capability(unsigned which)
{
	struct {
		uint32_t version;
		int pid;
	} head = { 0x20080522, 0 };
	struct {
		uint32_t effective, permitted, inheritable;
	} sets[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	return syscall(SYS_capget, &head, sets) == 0 && (sets[which / 32].effective >> which % 32 & 1);
}

#define CAP_SYS_ADMIN_ 21 /* capabilities(7) */
#define CAP_SYS_RESOURCE_ 24

struct count {
	int proc_fd;
	uid_t uid;
	int64_t tasks;
};

static long field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static int count_tasks(void *arg, pid_t pid)
{
	struct count *c = arg;
	char path[48], text[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%d/status", (int)pid);
	fd = openat(c->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (field(text, "\nUid:\t") == (long)c->uid)
		c->tasks += field(text, "\nThreads:\t");
	return 0;
}

int64_t machine_user_left(void)
{
	struct count c = { .uid = getuid() };
	struct rlimit limit;
	bool first = in_first_user_namespace();
	int r;

	if (getrlimit(RLIMIT_NPROC, &limit) < 0)
		return MACHINE_UNKNOWN;
	if (limit.rlim_cur == RLIM_INFINITY ||
	    (first && (c.uid == 0 || has_capability(CAP_SYS_ADMIN_) || has_capability(CAP_SYS_RESOURCE_))))
		return MACHINE_UNLIMITED;
	if (settid__proc_open(&c.proc_fd, NULL) < 0)
		return MACHINE_UNKNOWN;
	r = settid__proc_each(c.proc_fd, count_tasks, &c);
	close(c.proc_fd);
	if (r < 0)
		return MACHINE_UNKNOWN;
	return (int64_t)limit.rlim_cur > c.tasks ? (int64_t)limit.rlim_cur - c.tasks : 0;
}

/* ------------------------------------------------------------------------------------ this machine -- */

int64_t machine_threads_left(void)
{
	int64_t max = read_number("/proc/sys/kernel", "threads-max");
	char text[128];
	const char *slash;
	int64_t threads;

	if (max == MACHINE_UNKNOWN || machine_slurp("/proc/loadavg", text, sizeof text) <= 0)
		return MACHINE_UNKNOWN;
	slash = strchr(text, '/'); /* "0.20 0.18 0.12 1/80 11206": 80 exist, proc_loadavg(5) */
	threads = slash ? strtoll(slash + 1, NULL, 10) : 0;
	return threads <= 0 ? MACHINE_UNKNOWN : max > threads ? max - threads : 0;
}

/* -------------------------------------------------------------------------------------- namespaces -- */

struct namespaces {
	int proc_fd;
	ino_t *seen;
	size_t len, cap;
};

static int note_namespace(struct namespaces *n, ino_t ino)
{
	for (size_t i = n->len; i-- > 0;)
		if (n->seen[i] == ino)
			return 0;
	if (n->len == n->cap) {
		size_t cap = n->cap ? 2 * n->cap : 64;
		ino_t *at = realloc(n->seen, cap * sizeof *at);

		if (!at)
			return -ENOMEM;
		n->seen = at;
		n->cap = cap;
	}
	n->seen[n->len++] = ino;
	return 0;
}

/* The one that it lives in, and the one that its children will. */
static int count_namespaces(void *arg, pid_t pid)
{
	static const char *const links[] = { "pid", "pid_for_children" };
	struct namespaces *n = arg;
	int r = 0;

	for (int i = 0; r == 0 && i < 2; i++) {
		char path[48];
		struct stat st;

		snprintf(path, sizeof path, "%d/ns/%s", (int)pid, links[i]);
		if (fstatat(n->proc_fd, path, &st, 0) == 0)
			r = note_namespace(n, st.st_ino);
	}
	return r;
}

int64_t machine_namespaces_max(void)
{
	return read_number("/proc/sys/user", "max_pid_namespaces");
}

int64_t machine_namespaces_left(int64_t max)
{
	struct namespaces n = { 0 };
	int r;

	if (max == MACHINE_UNKNOWN || settid__proc_open(&n.proc_fd, NULL) < 0)
		return MACHINE_UNKNOWN;
	r = settid__proc_each(n.proc_fd, count_namespaces, &n);
	close(n.proc_fd);
	free(n.seen);
	if (r < 0)
		return MACHINE_UNKNOWN;
	return max > (int64_t)n.len ? max - (int64_t)n.len : 0;
}

/* ----------------------------------------------------------------------------------------- cgroups -- */

struct controller {
	const char *name; /* in a version 1 line of /proc/self/cgroup */
	struct {
		const char *limit, *used;
	} files[2]; /* version 2, version 1 */
};

static const struct controller controllers[] = {
	[MACHINE_PIDS] = { "pids", { { "pids.max", "pids.current" }, { "pids.max", "pids.current" } } },
	[MACHINE_MEMORY] = { "memory",
			     { { "memory.max", "memory.current" },
			       { "memory.limit_in_bytes", "memory.usage_in_bytes" } } },
};

/* Is `name` one of "cpu,cpuacct" (which ends at a colon)? */
static bool names_controller(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (;;) {
		size_t item = strcspn(list, ",:\n");

		if (item == len && strncmp(list, name, len) == 0)
			return true;
		if (list[item] != ',')
			return false;
		list += item + 1;
	}
}

/* This process's path in the hierarchy that has the controller (version 1) or in the unified one (2).  False: none. */
static bool own_path(char *lines, const char *name, char *out, size_t size)
{
	for (char *line = lines; line && *line;) {
		char *next = strchr(line, '\n');
		const char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
		bool found = path && (name ? names_controller(list + 1, name) : strncmp(line, "0::", 3) == 0);

		if (found) {
			snprintf(out, size, "%.*s", (int)strcspn(path + 1, "\n"), path + 1);
			return true;
		}
		line = next ? next + 1 : NULL;
	}
	return false;
}

/* From `path` up to the mount itself: the least that is left.  UNKNOWN when no such directory can be seen. */
static int64_t tightest(const char *mount, char *path, const char *limit, const char *used)
{
	int64_t least = MACHINE_UNKNOWN;

	for (;;) {
		char dir[PATH_MAX];
		int64_t max, now;
		char *slash;

		snprintf(dir, sizeof dir, "%s%s", mount, path);
		if (access(dir, F_OK) == 0) {
			max = read_number(dir, limit); /* the root of a hierarchy has none */
			now = read_number(dir, used);
			if (least == MACHINE_UNKNOWN)
				least = MACHINE_UNLIMITED;
			if (max >= 0 && max != MACHINE_UNLIMITED && now >= 0 &&
			    (max > now ? max - now : 0) < least)
				least = max > now ? max - now : 0;
		}
		slash = strrchr(path, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

int64_t machine_cgroup_left(enum machine_controller which)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	const struct controller *c = &controllers[which];
	char lines[8192], path[PATH_MAX], mount[64];
	int64_t least = MACHINE_UNKNOWN;

	if (machine_slurp("/proc/self/cgroup", lines, sizeof lines) <= 0)
		return MACHINE_UNKNOWN;
	if (own_path(lines, c->name, path, sizeof path)) {
		snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s", c->name);
		return tightest(mount, path, c->files[1].limit, c->files[1].used);
	}
	for (int i = 0; least == MACHINE_UNKNOWN && i < 2; i++)
		if (own_path(lines, NULL, path, sizeof path))
			least = tightest(mounts[i], path, c->files[0].limit, c->files[0].used);
	return least;
}
