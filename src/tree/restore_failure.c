/* SPDX-License-Identifier: MIT */
/*
 * restore_failure.c: what the engine reported, as a sentence that names what stands in the way.
 *
 * The engine knows a code and a step; who could lift the obstacle wants to hear of a holder, a limit, a right.
 * Cold: whatever has to be read or tried for that is read and tried here.
 */
#include "restore_internal.h"

#include "libsettid/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the engine needs beside the plan: sentence by enum engine_part. */
static const char *const parts[] = {
	[ENGINE_BELL] = "has no eventfd",
	[ENGINE_DEATHS] = "cannot watch for deaths of its children",
	[ENGINE_CORE] = "cannot make a directory that takes the core dump and vanishes (a detached tmpfs)",
	[ENGINE_CHILDREN] = "cannot list its own children in /proc, which started programs may leave to it",
	[ENGINE_SUBREAPER] = "cannot become the one that orphans of the tree are left to",
	[ENGINE_LEASH] = "cannot be made to die with the guard",
	[ENGINE_GROUP] = "cannot learn its own process group, or found one",
	[ENGINE_NUMBER] = "cannot ask for its own number",
};

static long pid_max(int proc_fd)
{
	char text[32] = "";
	int fd = (int)SYS4(SYS_openat, proc_fd, "sys/kernel/pid_max", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	SYS3(SYS_read, fd, text, sizeof text - 1);
	close(fd);
	return strtol(text, NULL, 10);
}

/* The holder, where it can be seen; else what is known without. */
static void taken(int32_t number, const struct restore_place *at, const char *otherwise, char *buf,
		  size_t size)
{
	struct settid_error holder = { 0 };

	if (at->into == RESTORE_CURRENT && settid_who(number, &holder) == 1)
		otherwise = holder.text;
	snprintf(buf, size, "%s", otherwise);
}

static void too_large(int32_t number, const struct restore_place *at, char *buf, size_t size)
{
	long max = at->into == RESTORE_CURRENT ? pid_max(at->proc_fd) : 0;

	if (max && number >= max)
		snprintf(buf, size, "%d is not below pid_max (%ld)", (int)number, max);
	else
		snprintf(buf, size,
			 "a number of it is not below its namespace's pid_max, or it has more numbers than "
			 "namespaces");
}

/* What the probe finds, where it finds an obstacle; else what is usually missing. */
static void not_allowed(int code, bool new_namespace, const struct restore_place *at, char *buf, size_t size)
{
	struct settid_probe probe = { .size = sizeof probe };

	if (settid_probe(&probe, NULL) == 0 && probe.set_tid != SETTID_YES)
		snprintf(buf, size, "%s: %s", strerror(-code), probe.why);
	else if (code == -EPERM && new_namespace && !at->user)
		snprintf(buf, size, "no right to make a PID namespace (CAP_SYS_ADMIN); --user needs none");
	else if (code == -EPERM)
		snprintf(buf, size,
			 "no right to choose numbers in one of its namespaces (CAP_SYS_ADMIN or "
			 "CAP_CHECKPOINT_RESTORE)");
	else
		snprintf(buf, size, "%s", strerror(-code));
}

/* Why actor `a` was not born. */
static void birth_failed(int code, const struct plan_actor *a, int32_t number, const struct restore_place *at,
			 char *buf, size_t size)
{
	switch (-code) {
	case EEXIST:
		taken(number, at,
		      at->into == RESTORE_PID ? "its number is taken in there; settid check with the same "
						"--into names the holder"
					      : "a number of it is taken",
		      buf, size);
		break;
	case EINVAL:
		too_large(number, at, buf, size);
		break;
	case EBUSY:
		taken(number, at,
		      "ns_last_pid gave another number time after time: it is taken, or others are faster",
		      buf, size);
		break;
	case EAGAIN:
		snprintf(buf, size,
			 "a limit on processes was reached (RLIMIT_NPROC, the pids cgroup's pids.max, "
			 "threads-max or a full PID namespace)");
		break;
	case ENOMEM:
		snprintf(buf, size, "no memory, or the init of its namespace is dead");
		break;
	case ENOSPC:
		snprintf(buf, size, "too many namespaces: 32 levels at most, and max_pid_namespaces in all");
		break;
	case EPERM:
	case ENOSYS:
		not_allowed(code, a->flags & PLAN_NEWPID, at, buf, size);
		break;
	default:
		snprintf(buf, size, "%s", strerror(-code));
	}
}

static int step_failed(const struct engine_failure *f, const struct restore_place *at, struct tree_error *err)
{
	const struct plan *p = at->plan;
	const struct plan_step *s = &p->steps[f->step];
	const struct plan_actor *a = &p->actors[f->actor];
	bool birth = s->op == PLAN_CHILD || s->op == PLAN_THREAD;
	int32_t number = a->process == TREE_NONE ? 0 : at->tree->processes[a->process].nspid[0];
	char who[96], what[96], why[400];

	plan_actor_describe(p, at->tree, f->actor, who, sizeof who);
	plan_step_describe(p, at->tree, s, what, sizeof what);
	if (birth) {
		a = &p->actors[s->a];
		number = a->numbers_len ? p->numbers[a->numbers + a->numbers_len - 1u] : 0;
		birth_failed(f->code, a, number, at, why, sizeof why);
	} else {
		snprintf(why, sizeof why, "%s", strerror(-f->code));
	}
	tree_fail(err, f->code, "%s could not %s: %s", who, what, why);
	if (err)
		err->pid = number;
	return f->code;
}

int restore_failure(const struct engine_failure *f, const struct restore_place *at, struct tree_error *err)
{
	char who[96];

	if (f->part == ENGINE_STEP)
		return step_failed(f, at, err);
	plan_actor_describe(at->plan, at->tree, f->actor, who, sizeof who);
	return tree_fail(err, f->code, "%s %s: %s", who, parts[f->part], strerror(-f->code));
}
