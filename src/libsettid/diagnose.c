/* SPDX-License-Identifier: MIT */
/*
 * diagnose.c: why clone3 refused, beyond its errno.
 *
 * The kernel tests namespace by namespace from the inside out and tells only an errno.  Which level it was is
 * found by asking again with arrays that are bound to fail at a later place of the same walk (spec R2.3,
 * R1.48): a prefix and then 0   0 is EINVAL at once, so any other answer comes from the prefix; a prefix and
 * then 1   1 is EEXIST or EPERM where an init lives, so EINVAL comes from the prefix; 1, 1, 1, ... EINVAL
 * only when there are more entries than levels.
 *
 * Keeps:   (D1) no question here makes a process, moves a cursor or closes a namespace that waits for its
 * init: all fail in the stages "early" and "number" of R1.44, but for settid__late_question(), see there;
 *          (D2) the answer is of a moment after the failure: what changed in between is said as "looks free".
 * Threads: none inside.
 */
#include "internal.h"

/* ------------------------------------------------------------------------------------ questions -- */

/* Only the flags that decide where the child lives and who may make it there (the rest cannot matter here).
 */
static long question_with(uint64_t flags, const pid_t *set_tid, size_t len, int *bad_pidfd_word)
{
	struct settid_clone_args args = {
		.flags = flags | (bad_pidfd_word ? (uint64_t)CLONE_PIDFD : 0),
		.pidfd = (uintptr_t)bad_pidfd_word,
		.set_tid = len ? (uintptr_t)set_tid : 0,
		.set_tid_size = len,
	};
	long r = SYS2(SYS_clone3, &args, sizeof args);

	if (r == 0) /* the kernel answered against the spec: end the child, tell the parent nothing */
		for (;;)
			SYS1(SYS_exit_group, 0);
	if (r > 0)
		settid__reap((pid_t)r, -1);
	return r;
}

long settid__question(uint64_t flags, const pid_t *set_tid, size_t len)
{
	return question_with(flags & SETTID__CLONE_NEW, set_tid, len, NULL);
}

/*
 * Refused late, for its descriptor's address, when the numbers were fine: EFAULT.  Moves the cursors of
 * levels that were not chosen, and would close a namespace that waits for its init, so never asked of a fresh
 * one.
 */
long settid__late_question(uint64_t flags, const pid_t *set_tid, size_t len)
{
	return question_with(flags & SETTID__CLONE_NEW, set_tid, len, (int *)(uintptr_t)-4096);
}

/* The first `len` entries, and `end` behind them. */
static long prefix_question(const struct settid__birth *b, size_t len, pid_t end)
{
	pid_t array[SETTID_LEVEL_MAX];

	for (size_t i = 0; i < len; i++)
		array[i] = b->set_tid[i];
	array[len] = end;
	return settid__question(b->flags, array, len + 1);
}

static long ones_question(uint64_t flags, size_t len)
{
	pid_t array[SETTID_LEVEL_MAX];

	for (size_t i = 0; i < len; i++)
		array[i] = 1;
	return settid__question(flags, array, len);
}

/* ------------------------------------------------------------------------------------ levels -- */

/*
 * A thread cannot be made while children live elsewhere (R1.25): EINVAL, before anything else is looked at.
 * Otherwise 1 is taken, for we live in the namespace of that init.  So no thread ever comes of this.
 */
static bool children_live_elsewhere(void)
{
	const pid_t one = 1;
	struct settid_clone_args args = { .flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
					  .set_tid = (uintptr_t)&one,
					  .set_tid_size = 1 };

	return SYS2(SYS_clone3, &args, sizeof args) == -EINVAL;
}

/* Levels on the path of a child made now; 0 when a process limit hides the answer.  {1, 1} cannot succeed:
 * its second level is an ancestor of ours or ours, and has an init. */
static int levels_total(void)
{
	int known = 1;

	for (int ask = 2; ask <= SETTID_LEVEL_MAX; ask++) {
		long r = ones_question(0, (size_t)ask);

		if (r == -EINVAL)
			break;
		if (r != -EEXIST && r != -EPERM)
			return 0;
		known = ask;
	}
	return known;
}

struct settid__levels settid__levels_now(uint64_t flags)
{
	struct settid__levels where = { 0, levels_total(), false };

	if (children_live_elsewhere())
		where.inner = settid__children_depth(&where.fresh);
	if ((flags & CLONE_NEWPID) && where.inner >= 0) {
		where.inner++;
		where.total += where.total > 0;
		where.fresh = true;
	}
	return where;
}

/* ------------------------------------------------------------------------------------ causes -- */

enum settid_reason settid__clone3_missing(int code, bool with_set_tid)
{
	long answer =
		SYS2(SYS_clone3, 0, 0); /* EINVAL for its size, where the call exists and is let through */

	if (answer == -ENOSYS)
		return SETTID_REASON_NO_CLONE3;
	if (answer != -EINVAL)
		return SETTID_REASON_SECCOMP;
	/* A record with more than the kernel knows is E2BIG (V3); others refuse the array as such. */
	if (with_set_tid && (code == -E2BIG || code == -EOPNOTSUPP))
		return SETTID_REASON_NO_SET_TID;
	return SETTID_REASON_SYSTEM;
}

static int at_level(const struct settid__levels *where, const struct settid__birth *b, size_t level,
		    struct settid_error *facts)
{
	facts->level = (int)level;
	facts->number = level < b->set_tid_len ? b->set_tid[level] : 0;
	if (where->total > 0)
		facts->ns_level = where->total - 1 - (int)level;
	return facts->code;
}

/* The innermost level whose prefix already gets `code`: the culprit; the last one by elimination. */
static size_t first_level(const struct settid__birth *b, long code, pid_t end)
{
	for (size_t i = 0; i + 1 < b->set_tid_len; i++)
		if (prefix_question(b, i + 1, end) == code)
			return i;
	return b->set_tid_len - 1;
}

static int taken(const struct settid__birth *b, const struct settid__levels *where, struct settid_error *err)
{
	struct settid_error facts = settid__facts(-EEXIST, SETTID_REASON_TAKEN);
	size_t level = first_level(b, -EEXIST, 0);

	at_level(where, b, level, &facts);
	settid__find_holder(where, &facts);
	/* Nobody seen, and the number passes now: it was freed meanwhile.  Only where there is a level to
	 * stop at. */
	if (facts.holder == SETTID_HOLDER_UNSEEN && where->total > (int)level + 1 &&
	    level + 1 < SETTID_LEVEL_MAX && prefix_question(b, level + 1, 0) != -EEXIST)
		facts.holder = SETTID_HOLDER_NONE;
	return settid__fail_facts(err, &facts);
}

static int not_permitted(const struct settid__birth *b, const struct settid__levels *where,
			 struct settid_error *err)
{
	struct settid_error facts = settid__facts(-EPERM, SETTID_REASON_NAMESPACE_RIGHT);
	const pid_t zero = 0;
	bool namespaces = (b->flags & SETTID__CLONE_NEW) != 0;

	/* Rights over new namespaces are asked for before any number is read (R1.34). */
	if (namespaces && (!b->set_tid_len || settid__question(b->flags, &zero, 1) == -EPERM))
		return settid__fail_facts(err, &facts);
	facts.reason = SETTID_REASON_SYSTEM;
	if (b->set_tid_len) {
		facts.reason = SETTID_REASON_CAPABILITY;
		at_level(where, b, first_level(b, -EPERM, 0), &facts);
	}
	return settid__fail_facts(err, &facts);
}

/* Below 1, at or above pid_max, or not 1 where an init is missing. */
static int bad_number(const struct settid__birth *b, const struct settid__levels *where,
		      struct settid_error *err)
{
	struct settid_error facts = settid__facts(-EINVAL, SETTID_REASON_RANGE);
	size_t level = first_level(b, -EINVAL, 1);
	const pid_t two_one[] = { 2, 1 };
	int max;

	at_level(where, b, level, &facts);
	/* Only the child's own namespace can be without an init, and then even 2 is refused. */
	if (level == 0 && facts.number > 1 && where->inner != 0 &&
	    settid__question(b->flags, two_one, 2) == -EINVAL)
		facts.reason = SETTID_REASON_FIRST_NOT_INIT;
	max = (int)level == where->inner ? settid__pid_max() : 0;
	if (facts.reason == SETTID_REASON_RANGE && facts.number > 0 && max)
		return settid__failf(err, &facts, "set_tid[%d] = %d is not below that level's pid_max, %d",
				     facts.level, (int)facts.number, max);
	return settid__fail_facts(err, &facts);
}

static int invalid(const struct settid__birth *b, const struct settid__levels *where,
		   struct settid_error *err)
{
	struct settid_error facts = settid__facts(-EINVAL, SETTID_REASON_NAMESPACE_SHAPE);
	bool new_pidns = (b->flags & CLONE_NEWPID) != 0;

	if (((b->flags & CLONE_THREAD) || new_pidns) && children_live_elsewhere())
		return settid__fail_facts(err, &facts);
	facts.reason = SETTID_REASON_ARGUMENT;
	if ((b->flags & CLONE_PARENT) && SYS0(SYS_getpid) == 1)
		return settid__failf(err, &facts, "the init of a PID namespace cannot use CLONE_PARENT");
	if (where->total > 0 && (int)b->set_tid_len > where->total) {
		facts.reason = SETTID_REASON_TOO_MANY_LEVELS;
		at_level(where, b, (size_t)where->total, &facts);
		return settid__failf(err, &facts,
				     "set_tid has %zu numbers, but the process would have only %d",
				     b->set_tid_len, where->total);
	}
	/* Ones down to our own namespace are legal numbers: EINVAL then speaks of the flags. */
	if (!b->set_tid_len ||
	    ones_question(b->flags, (size_t)(where->inner < 0 ? 0 : where->inner) + 1) == -EINVAL)
		return settid__failf(err, &facts, "the kernel refuses clone flags 0x%llx together, or here",
				     (unsigned long long)b->flags);
	return bad_number(b, where, err);
}

static int no_number_or_limit(const struct settid__birth *b, const struct settid__levels *where,
			      struct settid_error *err)
{
	struct settid_error facts = settid__facts(-EAGAIN, SETTID_REASON_PROCESS_LIMIT);
	const pid_t zero = 0;
	bool all_chosen = where->total > 0 && (int)b->set_tid_len >= where->total;
	bool waits_for_init = where->fresh && !(b->flags & CLONE_NEWPID);

	/* Limits per user and machine come before any number, the pids cgroup after all of them (R1.32,
	 * R1.43). */
	if (settid__question(b->flags, &zero, 1) == -EAGAIN || all_chosen)
		return settid__fail_facts(err, &facts);
	if (waits_for_init || settid__late_question(b->flags, b->set_tid, b->set_tid_len) == -EAGAIN) {
		facts.reason = SETTID_REASON_NUMBERS_FULL;
		if (where->total == (int)b->set_tid_len + 1)
			at_level(where, b, b->set_tid_len, &facts);
	}
	return settid__fail_facts(err, &facts);
}

static int no_memory(const struct settid__levels *where, struct settid_error *err)
{
	struct settid_error facts = settid__facts(-ENOMEM, SETTID_REASON_SYSTEM);

	if (where->inner != 0) /* our own namespace cannot be dead while we run */
		facts.reason = SETTID_REASON_NAMESPACE_DEAD;
	return settid__fail_facts(err, &facts);
}

/* Errnos that need no search: the rest is said in their own words. */
static int plain(const struct settid__birth *b, int code, struct settid_error *err)
{
	struct settid_error facts = settid__facts(code, SETTID_REASON_SYSTEM);

	if (code == -ENOSPC)
		facts.reason = SETTID_REASON_NAMESPACE_DEPTH;
	else if (b->cgroup_fd >= 0 && code != -EMFILE && code != -ENFILE)
		return settid__failf(err, &facts, "the process cannot be born in cgroup_fd's cgroup: %s",
				     settid__errno_text(code));
	else if (code == -EMFILE || code == -ENFILE)
		return settid__failf(err, &facts, "no descriptor is left for the pidfd: %s",
				     settid__errno_text(code));
	return settid__fail_facts(err, &facts);
}

/* clone3 is not there to be asked: what the errno of the call that it replaced can mean. */
static int guess(const struct settid__birth *b, int code, struct settid_error *err)
{
	struct settid_error facts = settid__facts(code, SETTID_REASON_SYSTEM);

	if (code == -EPERM && (b->flags & SETTID__CLONE_NEW))
		facts.reason = SETTID_REASON_NAMESPACE_RIGHT;
	else if (code == -EAGAIN)
		facts.reason = SETTID_REASON_PROCESS_LIMIT;
	else if (code == -ENOSPC)
		facts.reason = SETTID_REASON_NAMESPACE_DEPTH;
	return settid__fail_facts(err, &facts);
}

static int missing(const struct settid__birth *b, enum settid_reason reason, int code,
		   struct settid_error *err)
{
	struct settid_error facts =
		settid__facts(reason == SETTID_REASON_NO_SET_TID ? -ENOSYS : code, reason);

	/* ns_last_pid's own plain births come here too, where clone3 is missing and another errno is the
	 * news. */
	if (!b->set_tid_len && b->method == SETTID_METHOD_NS_LAST_PID)
		return guess(b, code, err);
	return settid__fail_facts(err, &facts);
}

int settid__diagnose(const struct settid__birth *b, int code, struct settid_error *err)
{
	enum settid_reason reason;
	struct settid__levels where;

	if (!err) /* the code alone was asked for; only an old kernel's needs translation */
		return code == -E2BIG && b->set_tid_len ? -ENOSYS : code;
	reason = settid__clone3_missing(code, b->set_tid_len > 0);
	if (reason != SETTID_REASON_SYSTEM)
		return missing(b, reason, code, err);
	if (code != -EEXIST && code != -EPERM && code != -EINVAL && code != -EAGAIN && code != -ENOMEM)
		return plain(b, code, err);
	where = settid__levels_now(b->flags);
	switch (code) {
	case -EEXIST:
		return b->set_tid_len ? taken(b, &where, err) : plain(b, code, err);
	case -EPERM:
		return not_permitted(b, &where, err);
	case -EINVAL:
		return invalid(b, &where, err);
	case -EAGAIN:
		return no_number_or_limit(b, &where, err);
	default:
		return no_memory(&where, err);
	}
}
