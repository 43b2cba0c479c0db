/* SPDX-License-Identifier: MIT */
/*
 * machine.c: what this process may do here, and how much of everything is left to it.
 *
 * Keeps:   I2 of machine.h.  Rights come from settid_probe(), limits from the files that the kernel itself
 *          compares with; machine_limits.c has those that take a search.
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "machine_limits.h"

#ifndef MFD_EXEC /* since 6.3; before, all could be */
#define MFD_EXEC 0x0010U
#endif

#define KIB 1024

/* ------------------------------------------------------------------------------------------ rights -- */

static void read_rights(struct machine *m, const struct settid_probe *p)
{
	m->set_tid = p->clone3 == SETTID_YES ? p->set_tid : SETTID_NO;
	m->may_choose = p->level[0].may_set;
	m->pid_namespaces = p->cap_sys_admin == SETTID_YES ? p->pid_namespaces : SETTID_NO;
	m->user_namespaces = p->user_namespaces == SETTID_YES ? p->pid_namespaces : p->user_namespaces;
	m->last_pid = p->last_pid_writable;
	m->seccomp = p->seccomp;
	m->user_dispatch = p->user_dispatch;
	m->level = p->levels_exact ? p->levels - 1 : MACHINE_UNKNOWN;
	m->pid_max = p->level[0].pid_max;
	snprintf(m->why, sizeof m->why, "%s", p->why);
}

/* Who is mapped to itself has its rights inside; for root that needs CAP_SETFCAP outside, user_namespaces(7). */
static bool own_ids_can_be_mapped(void)
{
	struct settid_fork_args args = { .size = sizeof args, .flags = CLONE_NEWUSER };
	unsigned uid = geteuid();
	char map[64];
	int status = 0;
	pid_t pid = settid_fork(&args, NULL, NULL);

	if (pid == 0) {
		int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
		int len = snprintf(map, sizeof map, "%u %u 1\n", uid, uid);

		_exit(fd >= 0 && write(fd, map, (size_t)len) < 0 && errno == EPERM ? 1 : 0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid < 0 || status == 0;
}

/* pid_max is the reader's own namespace's: a child in a new one tells its. */
static int new_pid_max(const struct machine *m)
{
	uint64_t flags = m->pid_namespaces == SETTID_YES    ? (uint64_t)CLONE_NEWPID
			 : m->user_namespaces == SETTID_YES ? (uint64_t)(CLONE_NEWPID | CLONE_NEWUSER)
							    : 0;
	struct settid_fork_args args = { .size = sizeof args, .flags = flags };
	char text[32] = "";
	int ends[2], status;
	pid_t pid;

	if (!flags || pipe2(ends, O_CLOEXEC) < 0)
		return MACHINE_UNKNOWN;
	pid = settid_fork(&args, NULL, NULL);
	if (pid == 0) {
		int fd = setsid() > 0 ? open("/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC) : -1;
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);

		_exit(n > 0 && write(ends[1], text, (size_t)n) == n ? 0 : 1);
	}
	close(ends[1]);
	if (pid > 0) {
		if (read(ends[0], text, sizeof text - 1) < 0)
			text[0] = '\0';
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	return atoi(text) > 0 ? atoi(text) : MACHINE_UNKNOWN;
}

/* ------------------------------------------------------------------------------------------ memory -- */

static int64_t memory_available(void)
{
	char text[2048];
	const char *line;

	if (machine_slurp("/proc/meminfo", text, sizeof text) < 0)
		return MACHINE_UNKNOWN;
	line = strstr(text, "MemAvailable:");
	return line ? strtoll(line + strlen("MemAvailable:"), NULL, 10) * KIB : MACHINE_UNKNOWN;
}

static int64_t smaller(int64_t a, int64_t b)
{
	if (a == MACHINE_UNKNOWN || b == MACHINE_UNLIMITED)
		return a;
	return b < a ? b : a;
}

/* ------------------------------------------------------------------------------------------- cores -- */

static void read_core(struct machine *m)
{
	struct rlimit limit;

	if (machine_slurp("/proc/sys/kernel/core_pattern", m->core_pattern, sizeof m->core_pattern) < 0)
		m->core_pattern[0] = '\0';
	m->core_pattern[strcspn(m->core_pattern, "\n")] = '\0';
	m->core_limit_zero = getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0;
}

/* vm.memfd_noexec may forbid it. */
static enum settid_answer memfds_run(void)
{
	int fd = memfd_create("settid", MFD_CLOEXEC | MFD_EXEC);

	if (fd < 0)
		return errno == EINVAL ? SETTID_YES : errno == EACCES ? SETTID_NO : SETTID_UNKNOWN;
	close(fd);
	return SETTID_YES;
}

int machine_read(struct machine *m, struct tree_error *err)
{
	struct settid_probe probe = { .size = sizeof probe };
	struct settid_error se;
	struct utsname name;
	int r = settid_probe(&probe, &se);

	*m = (struct machine){ .time = (int64_t)time(NULL) };
	if (r < 0)
		return tree_fail(err, r, "no process can be made here at all: %s", se.text);
	if (uname(&name) == 0) {
		snprintf(m->host, sizeof m->host, "%.64s", name.nodename);
		snprintf(m->kernel, sizeof m->kernel, "%.64s", name.release);
	}
	read_rights(m, &probe);
	m->new_pid_max = new_pid_max(m);
	if (m->user_namespaces == SETTID_YES && !own_ids_can_be_mapped())
		m->user_namespaces = SETTID_NO;
	m->user_left = machine_user_left();
	m->cgroup_left = machine_cgroup_left(MACHINE_PIDS);
	m->threads_left = machine_threads_left();
	m->namespaces_max = machine_namespaces_max();
	m->namespaces_left = machine_namespaces_left(m->namespaces_max);
	m->memory_left = smaller(memory_available(), machine_cgroup_left(MACHINE_MEMORY));
	read_core(m);
	m->memfds_run = memfds_run();
	return 0;
}

int machine_read_entered(struct machine *m, struct tree_error *err)
{
	struct settid_probe probe = { .size = sizeof probe };
	struct settid_error se;
	int r = settid_probe(&probe, &se);

	if (r < 0)
		return tree_fail(err, r, "no process can be made in that namespace: %s", se.text);
	m->may_choose = probe.level[0].may_set;
	m->level = probe.levels_exact ? probe.levels - 1 : MACHINE_UNKNOWN;
	m->pid_max = probe.level[0].pid_max;
	return 0;
}
