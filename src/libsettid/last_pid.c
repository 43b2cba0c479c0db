/* SPDX-License-Identifier: MIT */
/*
 * last_pid.c: /proc/sys/kernel/ns_last_pid, the older way to a chosen number.
 *
 * Owns:    the descriptor and the lock of one call (struct settid__last_pid).
 * Keeps:   (N1) the lock is held from before the write until the task is made, and never while somebody
 * sleeps: flock reaches other users of the same procfs mount only, so it makes races rarer, not impossible;
 *          (N2) the file speaks of the writer's active namespace, whichever procfs it was opened through
 * (R3.7), so a foreign /proc will do; (N3) anyone may open it; the right is asked for by the write (R3.13).
 * Threads: none inside.
 */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "procfs.h"

/* A holder that a busy forker put there for a moment is no news: only who is still there after so many tries. */
#define HOLDER_TRIES 3
#define LOCK_WAIT_MS 50 /* a stopped holder must not stop us: after that we go on unlocked, and verify */

static int opened(struct settid__last_pid *lp, long fd)
{
	if (fd < 0)
		return (int)fd;
	lp->fd = (int)fd;
	lp->locked = false;
	return 0;
}

int settid__last_pid_open(struct settid__last_pid *lp, struct settid_error *err)
{
	static const char name[] = "sys/kernel/ns_last_pid";
	autoclose int proc = -1;
	long fd = SYS4(SYS_openat, AT_FDCWD, "/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC, 0);

	lp->fd = -1;
	if (fd == -ENOENT && settid__proc_open(&proc, NULL) == 0)
		fd = SYS4(SYS_openat, proc, name, O_WRONLY | O_CLOEXEC, 0);
	if (fd >= 0)
		return opened(lp, fd);
	if (fd == -ENOENT)
		return settid__fail(err, -ENOSYS, SETTID_REASON_NO_LAST_PID,
				    "there is no /proc/sys/kernel/ns_last_pid here, and clone3 with set_tid "
				    "was not to be had");
	if (fd == -EROFS || fd == -EACCES)
		return settid__fail(err, -ENOSYS, SETTID_REASON_NO_LAST_PID,
				    "/proc/sys/kernel/ns_last_pid cannot be written here: %s",
				    settid__errno_text((int)fd));
	return settid__fail(err, (int)fd, SETTID_REASON_NO_LAST_PID,
			    "/proc/sys/kernel/ns_last_pid cannot be opened: %s", settid__errno_text((int)fd));
}

static void lock(struct settid__last_pid *lp)
{
	const struct timespec one_ms = { .tv_nsec = 1000000 };

	for (int waited = 0; waited < LOCK_WAIT_MS; waited++) {
		long r = SYS2(SYS_flock, lp->fd, LOCK_EX | LOCK_NB);

		lp->locked = r == 0;
		if (r != -EWOULDBLOCK && r != -EINTR)
			return;
		SYS2(SYS_nanosleep, &one_ms, 0);
	}
}

int settid__last_pid_aim(struct settid__last_pid *lp, pid_t number, struct settid_error *err)
{
	char text[16];
	int len = snprintf(text, sizeof text, "%d", (int)number - 1);
	long r;

	lock(lp);
	r = SYS4(SYS_pwrite64, lp->fd, text, len, 0);
	if (r == len)
		return 0;
	settid__last_pid_unlock(lp);
	if (r == -EPERM)
		return settid__fail(
			err, -EPERM, SETTID_REASON_NO_LAST_PID,
			"writing ns_last_pid needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over the user "
			"namespace that owns this PID namespace");
	if (r >= 0)
		r = -EIO;
	return settid__fail(err, (int)r, SETTID_REASON_NO_LAST_PID, "ns_last_pid refused %s: %s", text,
			    settid__errno_text((int)r));
}

void settid__last_pid_unlock(struct settid__last_pid *lp)
{
	if (lp->locked)
		SYS2(SYS_flock, lp->fd, LOCK_UN);
	lp->locked = false;
}

void settid__last_pid_close(struct settid__last_pid *lp)
{
	settid__last_pid_unlock(lp);
	settid__close_fdp(&lp->fd);
	lp->fd = -1;
}

int settid__last_pid_wish(const pid_t *set_tid, size_t set_tid_len, uint64_t flags, pid_t *number, int *level,
			  struct settid_error *err)
{
	bool new_ns = (flags & CLONE_NEWPID) != 0;
	size_t active = new_ns ? 1 : 0; /* index of the caller's own namespace, the one the file speaks of */
	struct settid_error facts = settid__facts(-EINVAL, SETTID_REASON_RANGE);

	*number = 0;
	*level = (int)active;
	if (new_ns && set_tid_len && set_tid[0] != 1) {
		facts.level = 0;
		facts.number = set_tid[0];
		if (set_tid[0] > 0)
			facts.reason = SETTID_REASON_FIRST_NOT_INIT;
		return settid__fail_facts(err, &facts);
	}
	if (set_tid_len <= active)
		return 0;
	if (set_tid_len > active + 1)
		return settid__fail(err, -EOPNOTSUPP, SETTID_REASON_METHOD_LIMIT,
				    "ns_last_pid chooses one number, that of the caller's own PID namespace; "
				    "%zu levels were asked for",
				    set_tid_len);
	*number = facts.number = set_tid[active];
	facts.level = (int)active;
	int max = settid__pid_max();

	return *number < 1 || (max && *number >= max) ? settid__fail_facts(err, &facts) : 0;
}

int settid__last_pid_missed(pid_t number, int level, unsigned tries, struct settid_error *err)
{
	const struct settid__levels own = { .inner = level, .total = 0, .fresh = false };
	struct settid_error facts = settid__facts(-EEXIST, SETTID_REASON_TAKEN);
	struct settid_error seen;
	int held = settid_who(number, &seen);

	facts.level = level;
	facts.number = number;
	if (held > 0 && tries >= HOLDER_TRIES) {
		settid__find_holder(&own, &facts);
		return settid__fail_facts(err, &facts);
	}
	if (tries < SETTID_LAST_PID_TRIES)
		return 0;
	facts.code = -EAGAIN;
	facts.reason = SETTID_REASON_RACE_LOST;
	return settid__failf(err, &facts,
			     "set_tid[%d] = %d was lost to another fork in this PID namespace %u times",
			     level, (int)number, tries);
}
