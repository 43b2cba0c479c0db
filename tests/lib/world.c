/* SPDX-License-Identifier: MIT */
/* world.c: see world.h.  One shared page carries the first failure out of whatever process saw it. */
#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct report {
	_Atomic int failures;
	char text[1000];
};
static struct report *report;

void world_check_failed(const char *file, int line, const char *fmt, ...)
{
	char sentence[800];
	const char *base = strrchr(file, '/');
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof sentence, fmt, args);
	va_end(args);
	if (report && report->failures++ == 0)
		snprintf(report->text, sizeof report->text, "%s:%d: %s", base ? base + 1 : file, line,
			 sentence);
	_exit(99);
}

bool world_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* After unshare(CLONE_NEWUSER) by an ordinary user: he is root inside. */
static void write_own_maps(uid_t uid, gid_t gid)
{
	char map[64];

	world_write("/proc/self/setgroups", "deny");
	snprintf(map, sizeof map, "0 %d 1\n", (int)uid);
	CHECK(world_write("/proc/self/uid_map", map));
	snprintf(map, sizeof map, "0 %d 1\n", (int)gid);
	CHECK(world_write("/proc/self/gid_map", map));
}

static void arrange_mounts(unsigned flags)
{
	if (!(flags & (WORLD_PROC | WORLD_NO_PROC | WORLD_MOUNTS)))
		return;
	CHECK_INT(unshare(CLONE_NEWNS), 0);
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	if (flags & WORLD_PROC)
		CHECK_INT(mount("proc", "/proc", "proc", 0, NULL), 0);
	if (flags & WORLD_NO_PROC)
		CHECK_INT(mount("none", "/proc", "tmpfs", 0, NULL), 0);
}

/*
 * The process in between enters the new namespace for its children and forks the init by libc's own fork, so
 * that libc's state is right in there and the library under test has no part in making its world.  Both die with
 * the one before them.
 */
static int live_in_world(unsigned flags, bool new_ns, void (*fn)(void))
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int status = -1;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (new_ns && unshare(CLONE_NEWPID | (uid ? CLONE_NEWUSER : 0)) != 0)
		return 97;
	if (new_ns && uid)
		write_own_maps(uid, gid);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		setsid();
		arrange_mounts(flags);
		fn();
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 96;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The world's exit status, 128 + signal, 99 when a CHECK failed; text says which. */
static int run(unsigned flags, bool new_ns, void (*fn)(void), char *text, size_t size)
{
	int status = -1;
	pid_t pid;

	report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(live_in_world(flags, new_ns, fn));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	snprintf(text, size, "%s", report->failures ? report->text : "");
	munmap(report, sizeof *report);
	report = NULL;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void run_and_assert(unsigned flags, bool new_ns, void (*fn)(void))
{
	char text[1000];
	int status = run(flags, new_ns, fn, text, sizeof text);

	if (text[0])
		fail_msg("%s", text);
	assert_int_equal(status, 0);
}

void world_run(unsigned flags, void (*fn)(void))
{
	run_and_assert(flags, true, fn);
}

void world_row(void **state)
{
	void (*fn)(void);

	memcpy(&fn, state, sizeof fn);
	world_run(WORLD_PROC, fn);
}

void world_run_here(void (*fn)(void))
{
	run_and_assert(0, false, fn);
}

static void nothing(void)
{
}

const char *world_missing(void)
{
	char text[1000];

	switch (run(WORLD_PROC, true, nothing, text, sizeof text)) {
	case 0:
		return NULL;
	case 97:
		return "no PID namespace can be made here";
	default:
		return "no procfs can be mounted in a new PID namespace here";
	}
}

/* ------------------------------------------------------------------------------------ children -- */

struct settid_child world_child(const struct settid_fork_args *args)
{
	struct settid_error err = { .text = "" };
	struct settid_child child;
	pid_t pid = settid_fork(args, &child, &err);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
	if (pid < 0)
		world_check_failed(__FILE__, __LINE__, "no child: %s", err.text);
	return child;
}

struct settid_child world_nested(struct settid_child *outer)
{
	struct settid_child inner = { .pid = 50 };
	struct settid_error err = { .text = "" };
	char byte = 0;
	int ready[2];
	pid_t pid;

	CHECK_INT(pipe(ready), 0);
	pid = settid_fork(WISH(NUMBERS(1, 40), .flags = CLONE_NEWPID), outer, &err);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		setsid();
		world_child(WISH(NUMBERS(1, 20, 50), .flags = CLONE_NEWPID));
		CHECK_INT(write(ready[1], &byte, 1), 1);
		for (;;)
			pause();
	}
	if (pid < 0)
		world_check_failed(__FILE__, __LINE__, "no child: %s", err.text);
	close(ready[1]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	inner.pidfd = (int)syscall(SYS_pidfd_open, inner.pid, 0);
	CHECK(inner.pidfd >= 0);
	return inner;
}

void world_end(struct settid_child *child)
{
	CHECK_INT(syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0), 0);
	world_reap(child->pid);
	close(child->pidfd);
	child->pidfd = -1;
}

void world_wait_zombie(pid_t pid)
{
	siginfo_t info;

	CHECK_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL), 0);
}

int world_reap(pid_t pid)
{
	int status = -1;

	CHECK_INT(waitpid(pid, &status, __WALL), pid);
	return status;
}

/* ------------------------------------------------------------------------------------ census -- */

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

int world_mappings(void)
{
	int lines = 0, c;
	FILE *f = fopen("/proc/self/maps", "re");

	CHECK(f != NULL);
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

struct world_census world_census(void)
{
	struct world_census c = { .descriptors = count_descriptors() };
	siginfo_t info;

	c.has_children = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &c.mask, sizeof c.mask);
	return c;
}

void world_census_check(struct world_census before, const char *what)
{
	struct world_census now = world_census();

	if (now.descriptors != before.descriptors)
		world_check_failed(__FILE__, __LINE__, "%s: %d descriptors, %d before", what, now.descriptors,
				   before.descriptors);
	if (now.has_children != before.has_children)
		world_check_failed(__FILE__, __LINE__, "%s: a child is left", what);
	if (now.mask != before.mask)
		world_check_failed(__FILE__, __LINE__, "%s: the signal mask changed", what);
}

/* ------------------------------------------------------------------------------------ rights -- */

void world_become_nobody(void)
{
	CHECK_INT(syscall(SYS_setgroups, 0, NULL), 0);
	CHECK_INT(syscall(SYS_setresgid, 65534, 65534, 65534), 0);
	CHECK_INT(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
	/* Else /proc/self belongs to root: a process that dropped its ids is not dumpable. */
	CHECK_INT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
}

void world_keep_capability(int keep)
{
	struct {
		uint32_t version;
		int pid;
	} head = { 0x20080522, 0 };
	struct {
		uint32_t effective, permitted, inheritable;
	} sets[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	if (keep >= 0)
		sets[keep / 32].effective = sets[keep / 32].permitted = UINT32_C(1) << (keep % 32);
	CHECK_INT(syscall(SYS_capset, &head, sets), 0);
}
