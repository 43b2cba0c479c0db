/* SPDX-License-Identifier: MIT */
/*
 * procfs.c: is /proc ours, one of our own if not, and the two files of it that libsettid reads.
 *
 * Keeps:   P1 and P2 of procfs.h.  A procfs is ours when "self" in it is us *and* has one number there: the
 *          number alone may be the same in an outer namespace by chance, or by choice.
 * Costs:   nothing is cached; a check is three system calls.
 * Threads: none inside.
 */
#include "procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "internal.h"

#ifndef SYS_fsopen
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif

#define PROC_MAGIC 0x9fa0     /* statfs(2) */
#define NS_GET_PARENT_ 0xb702 /* ioctl_ns(2) */

/* UAPI values of fsopen(2), fsconfig(2), fsmount(2); not every libc has them. */
#define FSOPEN_CLOEXEC_ 1
#define FSCONFIG_CREATE_ 6
#define FSMOUNT_CLOEXEC_ 1
#define STATUS_LINE_MAX \
	512 /* the longest line read: NSpid with 33 numbers; Groups may be longer, and is cut */

/* ------------------------------------------------------------------------------------ status -- */

static int parse_number(const char **at)
{
	const char *p = *at;
	int value = 0;

	while (*p == ' ' || *p == '\t')
		p++;
	while (*p >= '0' && *p <= '9')
		value = value * 10 + (*p++ - '0');
	*at = p;
	return value;
}

static int parse_list(const char *at, pid_t *out)
{
	int len = 0;

	for (;;) {
		while (*at == ' ' || *at == '\t')
			at++;
		if (*at < '0' || *at > '9' || len > SETTID_LEVEL_MAX)
			return len;
		out[len++] = parse_number(&at);
	}
}

/* "Name:\tx": the value after the colon and blanks, or NULL when the line is another field's. */
static const char *field(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	for (line += len + 1; *line == ' ' || *line == '\t';)
		line++;
	return line;
}

static void status_line(const char *line, struct settid__proc_status *out)
{
	const struct {
		const char *name;
		pid_t *list;
	} lists[] = { { "NStgid", out->ns_tgid },
		      { "NSpid", out->ns_pid },
		      { "NSpgid", out->ns_pgid },
		      { "NSsid", out->ns_sid } };
	const struct {
		const char *name;
		int *value;
	} numbers[] = { { "Tgid", &out->tgid },
			{ "Pid", &out->pid },
			{ "PPid", &out->ppid },
			{ "Seccomp", &out->seccomp } };
	const char *value;

	if ((value = field(line, "Name")))
		snprintf(out->comm, sizeof out->comm, "%s", value);
	if ((value = field(line, "State")))
		out->state = *value;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if ((value = field(line, numbers[i].name)))
			*numbers[i].value = parse_number(&value);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if ((value = field(line, lists[i].name))) {
			int len = parse_list(value, lists[i].list);

			if (i == 1)
				out->levels = len;
		}
}

int settid__proc_status(int dir_fd, const char *name, struct settid__proc_status *out)
{
	char path[64], block[1024], line[STATUS_LINE_MAX];
	size_t used = 0;
	long len;
	autoclose int fd = -1;

	*out = (struct settid__proc_status){ .seccomp = -1 };
	snprintf(path, sizeof path, "%s/status", name);
	fd = (int)SYS4(SYS_openat, dir_fd, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	while ((len = SYS3(SYS_read, fd, block, sizeof block)) > 0)
		for (long i = 0; i < len; i++) {
			if (block[i] != '\n') {
				if (used < sizeof line - 1)
					line[used++] = block[i];
				continue;
			}
			line[used] = '\0';
			status_line(line, out);
			used = 0;
		}
	if (len < 0)
		return (int)len;
	return out->pid && out->levels ? 0 : -ENODATA;
}

/* ------------------------------------------------------------------------------------ whose -- */

int settid__proc_is_ours(int dir_fd)
{
	struct settid__proc_status self;
	struct statfs fs;
	long r = SYS2(SYS_fstatfs, dir_fd, &fs);

	if (r < 0)
		return (int)r;
	if (fs.f_type != PROC_MAGIC)
		return 0;
	r = settid__proc_status(dir_fd, "self", &self);
	if (r < 0)
		return r == -ENOENT ? 0 : (int)r; /* we have no number there */
	return self.levels == 1 && self.tgid == (pid_t)SYS0(SYS_getpid);
}

/* A procfs of our active namespace that is mounted nowhere, as a readable directory. */
static int detached(void)
{
	autoclose int context = (int)SYS2(SYS_fsopen, "proc", FSOPEN_CLOEXEC_);
	autoclose int mount = -1;
	long r = context < 0 ? context : SYS5(SYS_fsconfig, context, FSCONFIG_CREATE_, 0, 0, 0);

	if (r < 0)
		return (int)r;
	mount = (int)SYS3(SYS_fsmount, context, FSMOUNT_CLOEXEC_, 0);
	if (mount < 0)
		return mount;
	return (int)SYS4(SYS_openat, mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			 0); /* fsmount gives an O_PATH one */
}

int settid__proc_open(int *fd, struct settid_error *err)
{
	autoclose int mounted =
		(int)SYS4(SYS_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	bool present = false;
	int ours = mounted;

	if (mounted >= 0) {
		struct statfs fs;

		present = SYS2(SYS_fstatfs, mounted, &fs) == 0 && fs.f_type == PROC_MAGIC;
		ours = settid__proc_is_ours(mounted);
		if (ours == 1) {
			*fd = settid__take_fd(&mounted);
			return 0;
		}
	}
	autoclose int own = detached();

	if (own >= 0 && settid__proc_is_ours(own) == 1) {
		*fd = settid__take_fd(&own);
		return 0;
	}
	if (ours == -EMFILE || ours == -ENFILE)
		return settid__fail(err, ours, SETTID_REASON_SYSTEM, "/proc cannot be read: %s",
				    settid__errno_text(ours));
	return settid__fail(err, present ? -EXDEV : -ENOENT, SETTID_REASON_PROCFS,
			    "/proc %s, and a private one cannot be mounted: %s",
			    present ? "shows another PID namespace" : "is not mounted",
			    settid__errno_text(own < 0 ? own : -EPERM));
}

/* ------------------------------------------------------------------------------------ namespaces -- */

int settid__pid_max(void)
{
	char text[16] = "";
	const char *at = text;
	autoclose int fd =
		(int)SYS4(SYS_openat, AT_FDCWD, "/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0 || SYS3(SYS_read, fd, text, sizeof text - 1) <= 0)
		return 0;
	return parse_number(&at);
}

static bool same_file(int a, int b)
{
	struct stat one, two;

	return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}

/* Any procfs will do in which we are somebody: "thread-self" is followed by the kernel, not by number. */
static int open_own_file(const char *name)
{
	autoclose int proc = -1;
	long fd = SYS4(SYS_openat, AT_FDCWD, "/proc/thread-self", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	autoclose int self = (int)fd;

	if (self < 0 && settid__proc_open(&proc, NULL) == 0)
		self = (int)SYS4(SYS_openat, proc, "thread-self", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return self < 0 ? -ESRCH : (int)SYS4(SYS_openat, self, name, O_RDONLY | O_CLOEXEC, 0);
}

int settid__children_depth(bool *fresh)
{
	autoclose int own = open_own_file("ns/pid");
	autoclose int at = open_own_file("ns/pid_for_children");
	int depth = 0;

	*fresh = own >= 0 && at == -ENOENT; /* no link until it has an init (R5.5) */
	if (*fresh)
		return 1;
	if (own < 0 || at < 0)
		return -1;
	while (!same_file(own, at)) {
		int parent = (int)SYS3(SYS_ioctl, at, NS_GET_PARENT_, 0);

		if (parent < 0 || ++depth > SETTID_LEVEL_MAX) {
			settid__close_fdp(&parent);
			return -1;
		}
		SYS1(SYS_close, at);
		at = parent;
	}
	return depth;
}

/* ------------------------------------------------------------------------------------ entries -- */

struct dirent64 {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

int settid__proc_each(int dir_fd, int (*fn)(void *arg, pid_t number), void *arg)
{
	_Alignas(struct dirent64) char block[4096];
	autoclose int fd = (int)SYS4(SYS_openat, dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long len;

	if (fd < 0)
		return fd;
	while ((len = SYS3(SYS_getdents64, fd, block, sizeof block)) > 0)
		for (long at = 0; at < len;) {
			const struct dirent64 *entry = (const struct dirent64 *)(const void *)(block + at);
			const char *name = entry->name;

			at += entry->reclen;
			if (*name < '1' || *name > '9')
				continue;
			int r = fn(arg, parse_number(&name));

			if (r != 0)
				return r;
		}
	return (int)len;
}
