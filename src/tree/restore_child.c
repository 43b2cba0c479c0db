/* SPDX-License-Identifier: MIT */
/*
 * restore_child.c: the guard's first moments: it sheds all that it does not need (descriptors, and memory: processes forked
 * from it copy what it has mapped), opens what it does, and becomes the engine's actor 0.
 *
 * Keeps:   nothing is shed or opened before the restorer lets it go; without all that it needs nothing is begun.
 */
#include "restore_guard.h"

#include "libsettid/procfs.h"
#include "libsettid/sys.h"
#include "restore_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define KEEP_MAX 16

/* A sanitizer's shadow memory, and the counters of fault injection, have to stay. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(SETTID_FAULT_INJECTION) || defined(SANITIZED) || defined(__SANITIZE_ADDRESS__) || \
	defined(__SANITIZE_THREAD__)
#define KEEP_MEMORY
#endif

#ifndef KEEP_MEMORY
/* glibc's restartable sequences: the kernel writes to that area, which is about to go. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

#if defined(__x86_64__)
#define RSEQ_SIGNATURE 0x53053053
#else
#define RSEQ_SIGNATURE 0xd428bc00
#endif

static bool leave_rseq(void)
{
	char *area;

	if (!&__rseq_offset || !&__rseq_size || __rseq_size == 0)
		return true;
	area = (char *)__builtin_thread_pointer() + __rseq_offset;
	return SYS4(SYS_rseq, area, 32, 1, RSEQ_SIGNATURE) == 0 ||
	       SYS4(SYS_rseq, area, __rseq_size, 1, RSEQ_SIGNATURE) == 0;
}
#endif

static int compare_fd(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void close_between(int from, int to)
{
	if (from > to || SYS3(SYS_close_range, from, to, 0) == 0)
		return;
	for (int fd = from; fd <= to && fd < 65536; fd++)
		close(fd);
}

/* Everything but the engine's own, and the standard streams where programs will want them. */
static void close_others(const struct engine *e)
{
	int std = e->exec ? 0 : -3; /* 0, 1, 2, or none */
	int keep[] = { std,          std + 1,    std + 2,        e->life_fd,     e->event_fd, e->bell_fd,
		       e->deaths_fd, e->core_fd, e->last_pid_fd, e->children_fd, e->image_fd };
	size_t n = sizeof keep / sizeof *keep;
	int from = 0;

	qsort(keep, n, sizeof *keep, compare_fd);
	for (size_t k = 0; k < n; k++) {
		if (keep[k] < 0)
			continue;
		close_between(from, keep[k] - 1);
		from = keep[k] + 1;
	}
	close_between(from, INT32_MAX);
}

/* A file system without a name that vanishes with its last descriptor. */
static int detached_tmpfs(void)
{
	int fs = (int)SYS2(SYS_fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */), r;

	if (fs < 0)
		return fs;
	r = (int)SYS5(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, 0, 0, 0);
	if (r == 0)
		r = (int)SYS3(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	close(fs);
	return r;
}

/* Where the guard later finds children it does not know of: its own list, in its own namespace's numbers. */
static int open_children(void)
{
	char name[64];
	int proc_fd, fd, r = settid__proc_open(&proc_fd, NULL);

	if (r < 0)
		return r;
	snprintf(name, sizeof name, "%d/task/%d/children", (int)getpid(), (int)getpid());
	fd = (int)SYS4(SYS_openat, proc_fd, name, O_RDONLY | O_CLOEXEC, 0);
	close(proc_fd);
	return fd;
}

/* One byte lets it begin; the end of the pipe means that the restorer gave up, or is gone. */
static void wait_for_go(const struct restore_guard *g)
{
	char go;
	long n;

	close(*g->life_fd);
	do
		n = SYS3(SYS_read, g->e->life_fd, &go, 1);
	while (n == -EINTR);
	if (n != 1)
		_exit(0);
}

/* A descriptor that any signal to the guard makes readable: it has all blocked, and children may send any. */
static int signal_events(void)
{
	uint64_t all = ~(uint64_t)0;

	return (int)SYS4(SYS_signalfd4, -1, &all, sizeof all, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What the guard needs; without any of it nothing is begun. */
static void open_needs(struct engine *e, const struct plan *p)
{
	e->bell_fd = (int)SYS2(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->bell_fd < 0)
		engine_refuse(e, ENGINE_BELL, e->bell_fd);
	e->deaths_fd = signal_events();
	if (e->deaths_fd < 0)
		engine_refuse(e, ENGINE_DEATHS, e->deaths_fd);
	if (p->needs_core) {
		e->core_fd = detached_tmpfs();
		if (e->core_fd < 0)
			engine_refuse(e, ENGINE_CORE, e->core_fd);
	}
	if (e->exec && !e->has_init) {
		e->children_fd = open_children();
		if (e->children_fd < 0)
			engine_refuse(e, ENGINE_CHILDREN, e->children_fd);
	}
}

void restore_guard_child(const struct restore_guard *g, const struct plan *p)
{
#ifndef KEEP_MEMORY
	struct engine_range keep[KEEP_MAX];
#endif
	struct engine *e = g->e;

	wait_for_go(g);
	open_needs(e, p);
#ifndef KEEP_MEMORY
	size_t keep_len = restore_keep_ranges(g->proc_fd, e, g->size, keep, KEEP_MAX);
#endif
	close_others(e);
#ifndef KEEP_MEMORY
	if (keep_len && leave_rseq())
		engine_unmap_others(keep, keep_len);
#endif
	engine_guard(e);
}
