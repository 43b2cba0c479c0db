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

static bool write_maps(pid_t pid)
{
	char path[64], map[64];

	snprintf(path, sizeof path, "/proc/%d/setgroups", (int)pid);
	world_write(path, "deny");
	snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
	snprintf(map, sizeof map, "0 %d 1\n", (int)geteuid());
	if (!world_write(path, map))
		return false;
	snprintf(path, sizeof path, "/proc/%d/gid_map", (int)pid);
	snprintf(map, sizeof map, "0 %d 1\n", (int)getegid());
	return world_write(path, map);
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

/* A plain clone with libc's TID word kept right: the library under test has no part in making the world. */
static pid_t make_init(unsigned long flags)
{
	int *word = NULL;

	prctl(PR_GET_TID_ADDRESS, &word, 0, 0, 0);
#ifdef __aarch64__
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, 0, 0, 0,
			      word);
#else
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, 0, 0,
			      word, 0);
#endif
}

static pid_t start(unsigned flags, bool new_ns, void (*fn)(void))
{
	int gate[2];
	unsigned long clone_flags = new_ns ? CLONE_NEWPID : 0;
	char go;
	pid_t pid;

	if (new_ns && geteuid() != 0)
		clone_flags |= CLONE_NEWUSER;
	if (pipe2(gate, O_CLOEXEC) < 0)
		return -1;
	fflush(stdout);
	pid = make_init(clone_flags);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		setsid();
		close(gate[1]);
		if (read(gate[0], &go, 1) != 1)
			_exit(98);
		close(gate[0]);
		arrange_mounts(flags);
		fn();
		_exit(0);
	}
	close(gate[0]);
	if (pid > 0 && (!(clone_flags & CLONE_NEWUSER) || write_maps(pid)) && write(gate[1], "g", 1) != 1)
		errno = EPIPE;
	close(gate[1]);
	return pid;
}

static void run(unsigned flags, bool new_ns, void (*fn)(void))
{
	int status = -1;
	pid_t pid;

	report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(report != MAP_FAILED);
	pid = start(flags, new_ns, fn);
	assert_true(pid > 0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	char text[1000];
	int failures = report->failures;

	snprintf(text, sizeof text, "%s", report->text);
	munmap(report, sizeof *report);
	report = NULL;
	if (failures)
		fail_msg("%s", text);
	assert_int_equal(status, 0);
}

void world_run(unsigned flags, void (*fn)(void))
{
	run(flags, true, fn);
}

void world_run_here(void (*fn)(void))
{
	run(0, false, fn);
}

static void nothing(void)
{
}

const char *world_missing(void)
{
	int status = -1;
	pid_t pid = start(WORLD_PROC, true, nothing);

	if (pid < 0)
		return "no new PID namespace can be made here";
	waitpid(pid, &status, 0);
	return status == 0 ? NULL : "no procfs can be mounted in a new PID namespace here";
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
