/* SPDX-License-Identifier: MIT */
/*
 * exec_command.c: what the new process does before it becomes the command.
 *
 * Keeps:   (C1) every step that fails is reported by name over the command wire, and the process ends;
 *          (C2) the caller's mounts are never touched: the mount namespace is the process's own, and private in all its
 *               depth (in a chroot: at and below /proc), before anything is mounted in it;
 *          (C3) nothing of settid but environment, open files, directory and terminal reaches the command: the mask and
 *               SIGCHLD's action are again those that settid found.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_proc_self(const struct exec_job *job, const char *file, const char *text,
			   struct settid_error *err)
{
	char path[32];
	size_t len = strlen(text);

	snprintf(path, sizeof path, "self/%s", file);
	int fd = openat(job->procfs, path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : write(fd, text, len) == (ssize_t)len ? 0 : -errno;
	if (fd >= 0)
		close(fd);
	if (r < 0)
		return exec_failed(err, r, SETTID_STEP_MAPS,
				   "cannot write '%.*s' to %s of the new user namespace: %s",
				   (int)strcspn(text, "\n"), text, file, strerror(-r));
	return 0;
}

int exec_map_root(const struct exec_job *job, struct settid_error *err)
{
	char text[48];
	int r;

	/* Without a right over the outer groups the kernel takes a gid_map only from who gave up setgroups(2). */
	if ((r = write_proc_self(job, "setgroups", "deny", err)) < 0)
		return r;
	snprintf(text, sizeof text, "0 %u 1\n", (unsigned)job->uid);
	if ((r = write_proc_self(job, "uid_map", text, err)) < 0)
		return r;
	snprintf(text, sizeof text, "0 %u 1\n", (unsigned)job->gid);
	return write_proc_self(job, "gid_map", text, err);
}

/* ------------------------------------------------------------------------------------------ /proc -- */

/* In a chroot the root is often no mount, and nothing but a mount can be made private.  What is mounted at /proc is then
 * what the new one lies on, so nobody else sees it there either. */
static int make_private(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return 0;
	return errno == EINVAL ? mount("none", "/proc", NULL, MS_REC | MS_PRIVATE, NULL) : -1;
}

static int mount_own_proc(struct settid_error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return exec_failed(err, -errno, SETTID_STEP_NONE,
				   "--mount-proc: cannot make a mount namespace: %s", strerror(errno));
	if (make_private() < 0)
		return exec_failed(err, -errno, SETTID_STEP_NONE,
				   "--mount-proc: cannot make all mounts private: %s", strerror(errno));
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return exec_failed(err, -errno, SETTID_STEP_NONE, "--mount-proc: cannot mount /proc: %s",
				   strerror(errno));
	return 0;
}

/* ---------------------------------------------------------------------------------------- detached -- */

static bool holds_somebody_up(int fd)
{
	struct stat st;

	return isatty(fd) || (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode));
}

int exec_let_go_of_stdio(bool all)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if ((all || holds_somebody_up(fd)) && dup2(null, fd) < 0)
			return -errno;
	close(null);
	return 0;
}

static int detach(struct settid_error *err)
{
	/* It cannot fail for a process that is no group leader yet; an init that did it before has its own already. */
	if (setsid() < 0 && errno != EPERM)
		return exec_failed(err, -errno, SETTID_STEP_SETSID, "cannot start a session: %s",
				   strerror(errno));
	int r = exec_let_go_of_stdio(false);
	if (r < 0)
		return exec_failed(err, r, SETTID_STEP_FILE_ACTION, "cannot open /dev/null: %s",
				   strerror(-r));
	return 0;
}

/* ---------------------------------------------------------------------------------------- the life -- */

static int get_ready(struct exec_job *job, struct settid_error *err)
{
	const struct exec_options *opt = job->opt;
	int r = 0;

	close(job->command_wire[0]);
	close(job->init_wire[0]);
	close(job->init_wire[1]);
	/* Below an in-between init the death of that init is enough. */
	if (!opt->detach && opt->new_pidns <= 1 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return exec_failed(err, -errno, SETTID_STEP_PDEATHSIG,
				   "cannot ask for a parent-death signal: %s", strerror(errno));
	if (opt->user && (!job->user_at_first || opt->new_pidns <= 1) && (r = exec_map_root(job, err)) < 0)
		return r;
	if (opt->detach && (r = detach(err)) < 0)
		return r;
	if (opt->mount_proc && (r = mount_own_proc(err)) < 0)
		return r;
	if ((r = exec_wire_send_ready(job->command_wire[1])) < 0)
		return exec_failed(err, r, SETTID_STEP_NONE, "cannot hand over a pidfd: %s", strerror(-r));
	return 0;
}

_Noreturn void exec_command(struct exec_job *job)
{
	char *const *argv = job->opt->argv;
	struct exec_message m = { .word = EXEC_FAILED };
	int wire = job->command_wire[1];

	if (get_ready(job, &m.error) < 0) {
		(void)exec_wire_send(wire, &m);
		_exit(CMD_USAGE);
	}
	struct exec_message go;
	if (exec_wire_receive(wire, &go, NULL, NULL) != 1 || go.word != EXEC_GO)
		_exit(CMD_USAGE); /* settid died or gave up */
	exec_signals_give_back(&job->signals);
	execvp(argv[0], argv);
	(void)exec_failed(&m.error, -errno, SETTID_STEP_EXEC, "cannot run '%.200s': %s", argv[0],
			  strerror(errno));
	(void)exec_wire_send(wire, &m);
	_exit(CMD_CANNOT_RUN);
}
