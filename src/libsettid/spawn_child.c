/* SPDX-License-Identifier: MIT */
/*
 * spawn_child.c: what the child of settid_spawn() does between its birth and its execve.
 *
 * Keeps:   (L2) it runs in the caller's memory, on a small stack, with the caller's thread pointer: system calls
 *               through sys.h only, no libc, no errno, nothing allocated, nothing written but the job's
 *               report (W1);
 *          (W3) all signals are blocked from before its birth until `mask` is set, the last step before execve,
 *               when no handler of the caller's is left: one would run in the caller's memory.
 */
#include "spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <time.h>

#include "internal.h"
#include "ksignal.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Sanitizers keep books in the parent's memory and thread about frames that never return. */
#define CHILD_CODE __attribute__((no_sanitize("address", "undefined", "thread")))

/* ---------------------------------------------------------------------------------- before the program -- */

/* The caller is dead.  Asked after PR_SET_PDEATHSIG: had it died before, no signal would come. */
CHILD_CODE static bool parent_is_dead(const struct settid__spawn_job *job)
{
	struct pollfd pfd = { .fd = job->parent_pidfd, .events = POLLIN };
	struct timespec now = { 0 };

	return SYS5(SYS_ppoll, &pfd, 1, &now, NULL, 0) > 0;
}

/* Until `go`: the parent, which would write the maps, may be killed meanwhile, and then so is the child.  The look
 * now and then is for a wake that never came: parent and child would wait for each other for ever. */
CHILD_CODE static long wait_for_maps(struct settid__spawn_job *job)
{
	const struct timespec now_and_then = { .tv_nsec = 100 * 1000 * 1000 };
	long r;

	if (!job->has_maps)
		return 0;
	r = SYS2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (r < 0)
		return r;
	if (parent_is_dead(job))
		return -ECANCELED;
	while (atomic_load(&job->go) == SETTID__GO_WAIT) {
		r = SYS4(SYS_futex, &job->go, FUTEX_WAIT_PRIVATE, SETTID__GO_WAIT, &now_and_then);
		if (r < 0 && r != -EAGAIN && r != -EINTR && r != -ETIMEDOUT)
			return r;
	}
	return atomic_load(&job->go) == SETTID__GO_RUN ? 0 : -ECANCELED;
}

CHILD_CODE static long start_session(struct settid__spawn_job *job)
{
	return job->args->flags & SETTID_SPAWN_SETSID ? SYS0(SYS_setsid) : 0;
}

CHILD_CODE static long join_group(struct settid__spawn_job *job)
{
	return job->args->flags & SETTID_SPAWN_SETPGROUP ? SYS2(SYS_setpgid, 0, job->args->pgroup) : 0;
}

CHILD_CODE static long set_scheduling(struct settid__spawn_job *job)
{
	const struct settid_spawn_args *args = job->args;

	if (args->flags & SETTID_SPAWN_SETSCHEDULER)
		return SYS3(SYS_sched_setscheduler, 0, args->policy, &args->sched);
	if (args->flags & SETTID_SPAWN_SETSCHEDPARAM)
		return SYS2(SYS_sched_setparam, 0, &args->sched);
	return 0;
}

/* The group first: afterwards the right may be gone.  Raw calls: libc's would tell all the caller's threads. */
CHILD_CODE static long reset_ids(struct settid__spawn_job *job)
{
	long r;

	if (!(job->args->flags & SETTID_SPAWN_RESETIDS))
		return 0;
	r = SYS3(SYS_setresgid, -1, SYS0(SYS_getgid), -1);
	return r < 0 ? r : SYS3(SYS_setresuid, -1, SYS0(SYS_getuid), -1);
}

/* After the ids, whose change would clear it. */
CHILD_CODE static long set_pdeathsig(struct settid__spawn_job *job)
{
	int sig = job->args->pdeathsig;
	long r;

	if (!sig && !job->has_maps)
		return 0;
	r = SYS2(SYS_prctl, PR_SET_PDEATHSIG, sig);
	if (r == 0 && sig && parent_is_dead(job))
		return -ECANCELED; /* nobody is left to be told: it ends, as after that signal */
	return r;
}

CHILD_CODE static bool is_handler(const struct ksigaction *act)
{
	return act->handler != KSIG_DFL && act->handler != KSIG_IGN;
}

/* Without clone3's CLONE_CLEAR_SIGHAND the caller's handlers have to go one by one (W3). */
CHILD_CODE static long drop_handlers(void)
{
	const struct ksigaction dfl = { 0 };
	struct ksigaction now;

	for (int sig = 1; sig <= KSIG_COUNT; sig++) {
		long r = sys_sigaction(sig, NULL, &now);

		if (r == 0 && is_handler(&now))
			r = sys_sigaction(sig, &dfl, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

CHILD_CODE static long set_dispositions(struct settid__spawn_job *job)
{
	const struct ksigaction dfl = { 0 };
	uint64_t left = job->defaults & ~(ksig_bit(SIGKILL) | ksig_bit(SIGSTOP));
	long r = job->drop_handlers ? drop_handlers() : 0;

	for (; left && r >= 0; left &= left - 1)
		r = sys_sigaction(__builtin_ctzll(left) + 1, &dfl, NULL);
	return r;
}

/* ---------------------------------------------------------------------------------------- file actions -- */

/* The descriptor is freed first, so that a full table is no obstacle to replacing one. */
CHILD_CODE static long do_open(const struct settid_file_action *a)
{
	long fd, r;

	SYS1(SYS_close, a->fd);
	fd = SYS4(SYS_openat, AT_FDCWD, a->path, a->flags, a->mode);
	if (fd < 0 || fd == a->fd)
		return fd;
	r = SYS3(SYS_dup3, fd, a->fd, a->flags & O_CLOEXEC);
	SYS1(SYS_close, fd);
	return r;
}

CHILD_CODE static long do_dup2(const struct settid_file_action *a)
{
	long flags;

	if (a->from != a->fd)
		return SYS3(SYS_dup3, a->from, a->fd, 0);
	flags = SYS2(SYS_fcntl, a->fd, F_GETFD);
	return flags < 0 ? flags : SYS3(SYS_fcntl, a->fd, F_SETFD, flags & ~FD_CLOEXEC);
}

/* As getdents64 writes it. */
struct dirent64_head {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* A descriptor's number as /proc/self/fd names it, -1 for "." and "..". */
CHILD_CODE static int fd_of_name(const char *name)
{
	int fd = 0;

	if (*name < '0' || *name > '9')
		return -1;
	for (; *name; name++)
		fd = fd * 10 + (*name - '0');
	return fd;
}

/* close_range for kernels before 5.9.  Entries of /proc/self/fd are found by number: closing some on the way
 * loses none. */
CHILD_CODE static long close_listed(int from)
{
	_Alignas(struct dirent64_head) char buf[1024];
	long dir = SYS4(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY, 0);
	long got;

	if (dir < 0)
		return dir;
	while ((got = SYS3(SYS_getdents64, dir, buf, sizeof buf)) > 0) {
		for (long at = 0; at < got;) {
			const struct dirent64_head *entry = (const void *)(buf + at);
			int fd = fd_of_name(entry->name);

			if (fd >= from && fd != dir)
				SYS1(SYS_close, fd);
			at += entry->reclen;
		}
	}
	SYS1(SYS_close, dir);
	return got;
}

CHILD_CODE static long do_closefrom(int from)
{
	long r = SYS3(SYS_close_range, from, ~0u, 0);

	return r == -ENOSYS ? close_listed(from) : r;
}

CHILD_CODE static long do_close(int fd)
{
	long r = SYS1(SYS_close, fd);

	return r == -EBADF ? 0 : r;
}

CHILD_CODE static long do_file_action(const struct settid_file_action *a)
{
	switch (a->op) {
	case SETTID_FILE_OPEN:
		return do_open(a);
	case SETTID_FILE_CLOSE:
		return do_close(a->fd);
	case SETTID_FILE_DUP2:
		return do_dup2(a);
	case SETTID_FILE_CHDIR:
		return SYS1(SYS_chdir, a->path);
	case SETTID_FILE_FCHDIR:
		return SYS1(SYS_fchdir, a->fd);
	case SETTID_FILE_CLOSEFROM:
		return do_closefrom(a->fd);
	}
	return -EINVAL;
}

CHILD_CODE static long do_file_actions(struct settid__spawn_job *job)
{
	for (size_t i = 0; i < job->args->file_actions_len; i++) {
		long r;

		job->index = (int)i;
		r = do_file_action(&job->args->file_actions[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

CHILD_CODE static long change_dir(struct settid__spawn_job *job)
{
	return job->args->cwd ? SYS1(SYS_chdir, job->args->cwd) : 0;
}

/* -------------------------------------------------------------------------------------------- execve -- */

CHILD_CODE static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* "dir/file" in buf of PATH_MAX; an empty dir is the current one.  False: too long, and so nobody's. */
CHILD_CODE static bool join_path(char *buf, const char *dir, size_t dir_size, const char *file,
				 size_t file_size)
{
	size_t at = 0;

	if (dir_size + 1 + file_size + 1 > PATH_MAX)
		return false;
	for (size_t i = 0; i < dir_size; i++)
		buf[at++] = dir[i];
	if (dir_size)
		buf[at++] = '/';
	for (size_t i = 0; i <= file_size; i++)
		buf[at++] = file[i];
	return true;
}

/* One directory's answer that says nothing about the next. */
CHILD_CODE static bool worth_going_on(long code)
{
	return code == -ENOENT || code == -ENOTDIR || code == -EACCES || code == -ESTALE || code == -ENODEV ||
	       code == -ETIMEDOUT;
}

/* As execvpe, but a script without #! is ENOEXEC and no shell's.  A file that may not be run wins over none. */
CHILD_CODE static long search(struct settid__spawn_job *job)
{
	char buf[PATH_MAX];
	const char *file = job->args->file;
	size_t file_size = length(file);
	long answer = -ENOENT;

	for (const char *dir = job->path;; dir++) {
		size_t n = 0;
		long r = -ENAMETOOLONG;

		while (dir[n] && dir[n] != ':')
			n++;
		if (join_path(buf, dir, n, file, file_size)) {
			r = SYS3(SYS_execve, buf, job->args->argv, job->envp);
			if (!worth_going_on(r))
				return r;
		}
		if (r == -EACCES)
			answer = r;
		dir += n;
		if (!*dir)
			return answer;
	}
}

CHILD_CODE static long execute(struct settid__spawn_job *job)
{
	if (job->path)
		return search(job);
	return SYS3(SYS_execve, job->args->file, job->args->argv, job->envp);
}

CHILD_CODE static long set_mask(struct settid__spawn_job *job)
{
	return sys_sigmask(SIG_SETMASK, &job->mask, NULL);
}

CHILD_CODE int settid__spawn_child(void *arg)
{
	static const struct {
		enum settid_step step;
		long (*run)(struct settid__spawn_job *job);
	} steps[] = {
		{ SETTID_STEP_MAPS, wait_for_maps },
		{ SETTID_STEP_SETSID, start_session },
		{ SETTID_STEP_SETPGROUP, join_group },
		{ SETTID_STEP_SCHED, set_scheduling },
		{ SETTID_STEP_RESETIDS, reset_ids },
		{ SETTID_STEP_PDEATHSIG, set_pdeathsig },
		{ SETTID_STEP_SIGNALS, set_dispositions },
		{ SETTID_STEP_FILE_ACTION, do_file_actions },
		{ SETTID_STEP_CWD, change_dir },
		{ SETTID_STEP_SIGNALS, set_mask },
		{ SETTID_STEP_EXEC, execute },
	};
	struct settid__spawn_job *job = arg;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		long r;

		job->index = -1;
		job->at = steps[i].step;
		r = steps[i].run(job);
		if (r < 0) {
			job->code = (int)r;
			break;
		}
	}
	return 127;
}
