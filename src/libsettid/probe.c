/* SPDX-License-Identifier: MIT */
/*
 * probe.c: what this process may do here, found by trying.
 *
 * Keeps:   (P1) no version number is looked at: every answer is that of a call, most of them made to fail at
 * a known place (diagnose.c); (P2) the children made are gone on return; they share the caller's memory for
 * their short life, so a probe costs the same in a large process. Threads: none inside.
 */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "procfs.h"

#define CAP_SYS_ADMIN_ 21 /* capabilities(7) */
#define CAP_CHECKPOINT_RESTORE_ 40
#define SYS_OPENAT2_ 437     /* Linux 5.6: younger than clone3 */
#define PR_USER_DISPATCH_ 59 /* prctl(2) */
#define PID_MAX_LOWEST 301   /* the smallest that can be set (R3.20) */
#define PID_MAX_HIGHEST 4194304

/* ------------------------------------------------------------------------------------ children -- */

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* Makes and reaps a child with these flags; 0 or a negative errno. */
static int try_child(uint64_t flags, enum settid_method method, struct settid_error *err)
{
	_Alignas(16) char stack[8192];
	struct settid__birth birth = {
		.flags = flags | CLONE_VM | CLONE_VFORK,
		.method = method,
		.cgroup_fd = -1,
		.stack = stack,
		.stack_size = sizeof stack,
		.fn = nothing,
	};
	struct settid_child child;
	uint64_t mask;
	pid_t pid;

	settid__signals_block(&mask); /* our handlers would run in the child, on our memory */
	pid = settid__clone(&birth, &child, err);
	if (pid > 0) {
		settid__reap(pid, child.pidfd);
		settid__close_fdp(&child.pidfd);
	}
	settid__signals_restore(&mask);
	return pid < 0 ? pid : 0;
}

/* The children's namespace, as /proc has it; depth 0 when nothing says that it is another than ours. */
struct place {
	int depth;
	bool fresh; /* a child would become its init, and end it: none may be made to try */
};

static struct place place_now(void)
{
	struct place here = { 0, false };

	here.depth = settid__children_depth(&here.fresh);
	if (here.depth < 0)
		here.depth = 0;
	return here;
}

static enum settid_answer answer(bool yes)
{
	return yes ? SETTID_YES : SETTID_NO;
}

/* ------------------------------------------------------------------------------------ calls -- */

static void probe_clone3(struct settid_probe *p)
{
	const struct settid_clone_args too_long_for_old = {
		.set_tid_size = 1
	}; /* EINVAL where it is known (R1.10) */
	long there = SYS2(SYS_clone3, 0, 0);
	long filter = SYS1(SYS_prctl, PR_GET_SECCOMP);

	p->seccomp = filter == 2 ? SETTID_YES : filter == 0 || filter == -EINVAL ? SETTID_NO : SETTID_UNKNOWN;
	if (there == -EINVAL) {
		p->clone3 = SETTID_YES;
		p->clone3_blocked = SETTID_NO;
		p->set_tid = answer(SYS2(SYS_clone3, &too_long_for_old, sizeof too_long_for_old) == -EINVAL);
		return;
	}
	p->clone3_errno = (int)-there;
	p->set_tid = SETTID_UNKNOWN;
	if (there != -ENOSYS || SYS4(SYS_OPENAT2_, -1, 0, 0, 0) != -ENOSYS)
		p->clone3_blocked = SETTID_YES; /* the kernel has younger calls, or would have said ENOSYS */
	else
		p->clone3_blocked = p->seccomp == SETTID_NO ? SETTID_NO : SETTID_UNKNOWN;
	if (p->clone3_blocked == SETTID_NO)
		p->set_tid = SETTID_NO;
}

static void probe_capabilities(struct settid_probe *p)
{
	struct {
		uint32_t version;
		int pid;
	} head = { 0x20080522, 0 };
	struct {
		uint32_t effective, permitted, inheritable;
	} sets[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	if (SYS2(SYS_capget, &head, sets) < 0) {
		p->cap_sys_admin = p->cap_checkpoint_restore = SETTID_UNKNOWN;
		return;
	}
	p->cap_sys_admin = answer((sets[0].effective >> CAP_SYS_ADMIN_) & 1);
	p->cap_checkpoint_restore = answer((sets[1].effective >> (CAP_CHECKPOINT_RESTORE_ - 32)) & 1);
}

/* Anyone may open the file, the write asks for the right first and for sense then (R3.13): -1 changes
 * nothing. */
static void probe_last_pid(struct settid_probe *p)
{
	struct settid__last_pid lp;
	autoclose int present =
		(int)SYS4(SYS_openat, AT_FDCWD, "/proc/sys/kernel/ns_last_pid", O_RDONLY | O_CLOEXEC, 0);
	int r = settid__last_pid_open(&lp, NULL);

	p->last_pid_present = answer(present >= 0 || r == 0);
	if (r < 0)
		return;
	p->last_pid_writable = answer(SYS4(SYS_pwrite64, lp.fd, "-1", 2, 0) == -EINVAL);
	settid__last_pid_close(&lp);
}

/* May these namespaces be made?  Rights and limits come before any number (R1.34, R1.38), so 0 gets as far as its
 * EINVAL; without set_tid a child has to be made, unless it would use up a namespace. */
static enum settid_answer namespaces_work(const struct settid_probe *p, uint64_t flags, bool fresh)
{
	const pid_t zero = 0;

	if (p->set_tid == SETTID_YES)
		return answer(settid__question(flags, &zero, 1) == -EINVAL);
	return fresh ? SETTID_UNKNOWN : answer(try_child(flags, SETTID_METHOD_AUTO, NULL) == 0);
}

static void probe_namespaces(struct settid_probe *p, const struct place *here)
{
	p->user_namespaces = namespaces_work(p, CLONE_NEWUSER, here->fresh);
	p->pid_namespaces = SETTID_NO;
	if (here->depth != 0) /* children go elsewhere already: CLONE_NEWPID is EINVAL (R1.35) */
		return;
	p->pid_namespaces = namespaces_work(p, CLONE_NEWPID, here->fresh);
	if (p->pid_namespaces == SETTID_NO && p->user_namespaces == SETTID_YES)
		p->pid_namespaces = namespaces_work(p, CLONE_NEWUSER | CLONE_NEWPID, here->fresh);
}

static void probe_dispatch(struct settid_probe *p)
{
#ifdef __x86_64__
	/* Switched on with a selector that cannot be: EFAULT where the call is known, and nothing is changed.
	 */
	p->user_dispatch = answer(SYS5(SYS_prctl, PR_USER_DISPATCH_, 1, 0, 0, -4096) == -EFAULT);
#else
	p->user_dispatch = SETTID_NO;
#endif
}

static void probe_proc(struct settid_probe *p)
{
	autoclose int proc = (int)SYS4(SYS_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	p->proc_is_ours = answer(proc >= 0 && settid__proc_is_ours(proc) == 1);
}

/* ------------------------------------------------------------------------------------ levels -- */

/* A path of numbers that pass, grown level by level outward. */
struct path {
	struct settid__levels where;
	pid_t number[SETTID_LEVEL_MAX + 1];
	size_t len;
};

/* With `number` at the next level, and 0 behind it where there is another: EINVAL when it would pass. */
static long ask_next(struct path *path, pid_t number)
{
	size_t len = path->len;

	path->number[len++] = number;
	if ((int)len < path->where.total)
		path->number[len++] = 0;
	return settid__question(0, path->number, len);
}

/* The right over the next level: asked before "taken" and after the range (R2.5), so with 1, which is in
 * range. */
static enum settid_answer may_set_next(struct path *path)
{
	long r = ask_next(path, 1);

	return r == -EPERM ? SETTID_NO : r == -EEXIST || r == -EINVAL ? SETTID_YES : SETTID_UNKNOWN;
}

/* Is `number` at or above the next level's pid_max?  1 behind it is never EINVAL; the outermost level has no
 * behind, and there the late question makes nothing either. */
static bool beyond_pid_max(struct path *path, pid_t number)
{
	size_t len = path->len;

	path->number[len++] = number;
	if ((int)len >= path->where.total)
		return settid__late_question(0, path->number, len) == -EINVAL;
	path->number[len++] = 1;
	return settid__question(0, path->number, len) == -EINVAL;
}

static int pid_max_next(struct path *path)
{
	int low = PID_MAX_LOWEST, high = PID_MAX_HIGHEST; /* the answer lies in [low, high] */
	bool outermost = (int)path->len + 1 >= path->where.total;

	if ((int)path->len == path->where.inner)
		return settid__pid_max();
	if (path->where.fresh &&
	    (path->len == 0 || outermost)) /* only 1 passes, or a late refusal would close it */
		return 0;
	while (low < high) {
		int middle = low + (high - low) / 2;

		if (beyond_pid_max(path, middle))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Goes one level outward, by a number that is free there.  Below 301 every number is in range. */
static bool step_outward(struct path *path)
{
	pid_t first = path->len == 0 && path->where.fresh ? 1 : PID_MAX_LOWEST - 1;

	if ((int)path->len + 1 >= path->where.total || path->len + 2 > SETTID_LEVEL_MAX)
		return false;
	for (pid_t number = first; number > 0; number--)
		if (ask_next(path, number) == -EINVAL) {
			path->number[path->len++] = number;
			return true;
		}
	return false;
}

static void probe_levels(struct settid_probe *p)
{
	struct path path = { .where = { .inner = 0, .total = 1 } };
	int at = 0;

	p->levels = 1;
	p->level[0] = (struct settid_probe_level){ SETTID_UNKNOWN, 0, -1 };
	if (p->set_tid == SETTID_YES)
		path.where = settid__levels_now(0);
	if (p->set_tid != SETTID_YES || path.where.total == 0) {
		p->level[0].pid_max = settid__pid_max();
		return;
	}
	p->levels = path.where.total;
	p->levels_exact = path.where.total < SETTID_LEVEL_MAX; /* a 33rd level cannot be asked for */
	for (int i = 0; i < p->levels; i++)
		p->level[i] = (struct settid_probe_level){ SETTID_UNKNOWN, 0,
							   p->levels_exact ? p->levels - 1 - i : -1 };
	do {
		at = (int)path.len;
		p->level[at].may_set = may_set_next(&path);
		p->level[at].pid_max = pid_max_next(&path);
	} while (p->level[at].may_set == SETTID_YES && step_outward(&path));
	/* Who has no right over a level has none over those around it: user namespaces nest along. */
	if (p->level[at].may_set == SETTID_NO)
		for (int i = at + 1; i < p->levels; i++)
			p->level[i].may_set = SETTID_NO;
}

/* ------------------------------------------------------------------------------------ verdict -- */

static const char *why_not_clone3(const struct settid_probe *p)
{
	if (p->clone3 == SETTID_NO && p->clone3_blocked == SETTID_YES)
		return p->clone3_errno == ENOSYS ? "a seccomp filter hides clone3 (ENOSYS)"
						 : "a seccomp filter forbids clone3";
	if (p->clone3 == SETTID_NO)
		return "there is no clone3 here (ENOSYS)";
	if (p->set_tid == SETTID_NO)
		return "this kernel's clone3 has no set_tid";
	return "choosing numbers needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN, which this process does not "
	       "have";
}

static void conclude(struct settid_probe *p)
{
	bool set_tid = p->clone3 == SETTID_YES && p->set_tid == SETTID_YES;

	p->best = SETTID_METHOD_AUTO;
	if (set_tid && p->level[0].may_set == SETTID_YES) {
		p->best = SETTID_METHOD_CLONE3;
		snprintf(p->why, sizeof p->why, "clone3 with set_tid works: exact numbers, for threads too");
	} else if (p->last_pid_writable == SETTID_YES) {
		p->best = SETTID_METHOD_NS_LAST_PID;
		snprintf(p->why, sizeof p->why, "%s; ns_last_pid can be written: one level, and a race",
			 why_not_clone3(p));
	} else if (set_tid && p->user_namespaces == SETTID_YES && p->pid_namespaces == SETTID_YES) {
		p->best = SETTID_METHOD_CLONE3;
		snprintf(p->why, sizeof p->why,
			 "%s; but in a new user and PID namespace all numbers can be chosen",
			 why_not_clone3(p));
	} else {
		snprintf(p->why, sizeof p->why, "numbers cannot be chosen here: %s; %s", why_not_clone3(p),
			 p->last_pid_present == SETTID_YES ? "ns_last_pid cannot be written"
							   : "there is no ns_last_pid");
	}
}

int settid_probe(struct settid_probe *probe, struct settid_error *err)
{
	struct settid_probe p = { .size = sizeof p };
	struct place here = place_now();
	int r;

	if (probe->size != sizeof p)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "settid_probe.size is %zu, this library knows %zu", probe->size,
				    sizeof p);
	r = here.fresh ? 0 : try_child(0, SETTID_METHOD_AUTO, err);
	if (r < 0)
		return r;
	probe_clone3(&p);
	probe_capabilities(&p);
	probe_last_pid(&p);
	probe_namespaces(&p, &here);
	probe_dispatch(&p);
	probe_proc(&p);
	probe_levels(&p);
	conclude(&p);
	*probe = p;
	return 0;
}
