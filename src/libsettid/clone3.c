/* SPDX-License-Identifier: MIT */
/*
 * clone3.c: making the task, by clone3 with set_tid or by ns_last_pid around a plain clone.
 *
 * Owns:    the choice of the method, and the check of a number before the child runs.
 * Keeps:   (C1) fn, or the return of 0, happens in a child whose number is the wanted one only; a wrong one
 * ends itself before it runs a line of the caller's code, and is reaped before the next try; (C2) on failure
 * no child, descriptor, lock or changed mask is left; (C3) what runs in the child uses sys.h alone (L2).
 * Threads: none inside.
 */
#include "internal.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "sys_clone.h"

/* ------------------------------------------------------------------------------------ raw -- */

static long clone_call(long nr, const long a[5], int (*fn)(void *), void *arg)
{
	if (!fn)
		return SYS5(nr, a[0], a[1], a[2], a[3], a[4]);
	SYS_CLONE_FAULT(nr);
	return sys_clone_raw(nr, a[0], a[1], a[2], a[3], a[4], fn, arg);
}

pid_t settid_clone3(const struct settid_clone_args *args, size_t size, int (*fn)(void *), void *arg)
{
	const long a[5] = { (long)args, (long)size };

	return (pid_t)clone_call(SYS_clone3, a, fn, arg);
}

/* ------------------------------------------------------------------------------------ arguments -- */

int settid__exit_signal(int wanted)
{
	if (wanted == SETTID_NO_SIGNAL)
		return 0;
	if (wanted < 0 || wanted > 64)
		return -EINVAL;
	return wanted ? wanted : SIGCHLD;
}

int settid__copy_args(void *out, size_t known, const void *args, struct settid_error *err)
{
	size_t size;
	const char *bytes = args;

	memcpy(&size, args, sizeof size);
	if (size < known)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "the arguments' size is %zu, and this library knows %zu", size, known);
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return settid__fail(
				err, -EINVAL, SETTID_REASON_ARGUMENT,
				"the arguments ask for something that this library does not know");
	memcpy(out, args, known);
	return 0;
}

int settid__check_wish(const pid_t *set_tid, size_t set_tid_len, enum settid_method method, uint64_t flags,
		       uint64_t allowed, struct settid_error *err)
{
	if (set_tid_len && !set_tid)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "set_tid_len is %zu, but set_tid is NULL", set_tid_len);
	if (set_tid_len > SETTID_LEVEL_MAX)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "set_tid_len is %zu, but the kernel takes at most %d numbers",
				    set_tid_len, SETTID_LEVEL_MAX);
	if ((unsigned)method > SETTID_METHOD_NS_LAST_PID)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT, "there is no method %u",
				    (unsigned)method);
	if (flags & ~allowed)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "clone flags 0x%llx are not allowed here",
				    (unsigned long long)(flags & ~allowed));
	return 0;
}

/* A child of CLONE_PARENT or a thread has no exit signal of its own (R1.18). */
static int birth_signal(const struct settid__birth *b)
{
	return b->flags & (CLONE_PARENT | CLONE_THREAD) ? 0 : b->exit_signal;
}

static struct settid_clone_args birth_args(const struct settid__birth *b, int *pidfd)
{
	struct settid_clone_args args = {
		.flags = b->flags,
		.exit_signal = (uint64_t)birth_signal(b),
		.stack = (uintptr_t)b->stack,
		.stack_size = b->stack_size,
	};

	if (!b->no_pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uintptr_t)pidfd;
	}
	if (b->child_tid) {
		args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
		args.child_tid = (uintptr_t)b->child_tid;
	}
	if (b->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)b->cgroup_fd;
	}
	return args;
}

/* ------------------------------------------------------------------------------------ clone3 -- */

static pid_t by_clone3(const struct settid__birth *b, struct settid_child *out)
{
	int pidfd = -1;
	struct settid_clone_args args = birth_args(b, &pidfd);
	pid_t pid;

	args.set_tid = b->set_tid_len ? (uintptr_t)b->set_tid : 0;
	args.set_tid_size = b->set_tid_len;
	pid = b->by_libc ? b->by_libc(&args, false) : settid_clone3(&args, sizeof args, b->fn, b->arg);
	if (pid > 0)
		*out = (struct settid_child){ .pid = pid, .pidfd = pidfd, .method = SETTID_METHOD_CLONE3 };
	return pid;
}

/* ------------------------------------------------------------------------------------ ns_last_pid -- */

/*
 * What a child needs to know to check its own number, in memory that it shares with its maker: the page is
 * MAP_SHARED for a fork, the top of the child's stack under CLONE_VM.  The kernel writes `born`, the number
 * in the maker's namespace, before the clone call returns in either (CLONE_PARENT_SETTID, clone(2)).
 */
struct claim {
	pid_t born;   /* 0: not written, the legacy call has one pointer for it and the pidfd; ask getpid then
		       */
	pid_t wanted; /* 0 = any */
	int lock_fd;  /* ns_last_pid with its lock, -1 = none */
	uint64_t mask; /* to be restored when the number is right */
	int (*fn)(void *);
	void *arg;
};

/* In the child: goes on when the number is right, ends otherwise. */
static void claim_check(const struct claim *c)
{
	pid_t own = c->born ? c->born : (pid_t)SYS0(SYS_getpid);

	if (c->wanted && own != c->wanted)
		for (;;)
			SYS1(SYS_exit_group, 0);
	if (c->lock_fd >=
	    0) { /* its copy of the descriptor shares the lock, and the maker may be asleep (vfork) */
		SYS2(SYS_flock, c->lock_fd, 8 /* LOCK_UN */);
		SYS1(SYS_close, c->lock_fd);
	}
}

static int claim_run(void *arg)
{
	struct claim *c = arg;

	claim_check(c);
	settid__signals_restore(&c->mask);
	return c->fn(c->arg);
}

/* One plain birth.  clone3 where it is let through, else the call that it replaced. */
static pid_t plain_birth(const struct settid__birth *b, struct claim *claim, bool have_clone3, int *pidfd)
{
	struct settid_clone_args args = birth_args(b, pidfd);
	int (*fn)(void *) = b->fn ? claim_run : NULL;

	claim->born = 0;
	if (have_clone3) {
		args.flags |= CLONE_PARENT_SETTID;
		args.parent_tid = (uintptr_t)&claim->born;
		return b->by_libc ? b->by_libc(&args, false) : settid_clone3(&args, sizeof args, fn, claim);
	}
	if (b->by_libc)
		return b->by_libc(&args, true);
	long stack = b->stack ? (long)((uintptr_t)b->stack + b->stack_size) : 0;
	long child_tid = (long)args.child_tid;
#if defined(__aarch64__) /* the order of the last two arguments differs, clone(2) */
	const long a[5] = { (long)(args.flags | args.exit_signal), stack, (long)pidfd, 0, child_tid };
#else
	const long a[5] = { (long)(args.flags | args.exit_signal), stack, (long)pidfd, child_tid, 0 };
#endif
	return (pid_t)clone_call(SYS_clone, a, fn, claim);
}

/* What ns_last_pid, or the legacy call below it, cannot do.  0, or -EOPNOTSUPP with err. */
static int plain_limits(const struct settid__birth *b, bool have_clone3, pid_t wanted,
			struct settid_error *err)
{
	if (wanted && (b->flags & CLONE_PARENT))
		return settid__fail(err, -EOPNOTSUPP, SETTID_REASON_METHOD_LIMIT,
				    "ns_last_pid cannot be combined with CLONE_PARENT: a wrong number could "
				    "not be reaped");
	if (have_clone3)
		return 0;
	if (wanted && (b->flags & CLONE_NEWPID))
		return settid__fail(err, -EOPNOTSUPP, SETTID_REASON_METHOD_LIMIT,
				    "without clone3, ns_last_pid cannot be combined with CLONE_NEWPID");
	if (b->cgroup_fd >= 0 || (b->flags & (CLONE_CLEAR_SIGHAND | CLONE_NEWTIME)))
		return settid__fail(
			err, -EOPNOTSUPP, SETTID_REASON_METHOD_LIMIT,
			"without clone3 there is no CLONE_INTO_CGROUP, CLONE_CLEAR_SIGHAND or CLONE_NEWTIME");
	return 0;
}

/* Where the claim lives; the stack that is left for the child is written back to *b. */
static struct claim *claim_new(struct settid__birth *b)
{
	if (b->stack) {
		uintptr_t top = ((uintptr_t)b->stack + b->stack_size - sizeof(struct claim)) & ~(uintptr_t)15;

		b->stack_size = top - (uintptr_t)b->stack;
		return (struct claim *)top;
	}
	long page = SYS6(SYS_mmap, 0, sizeof(struct claim), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return page < 0 && page > -4096 ? NULL : (struct claim *)page;
}

static void claim_free(const struct settid__birth *b, struct claim *c)
{
	if (!b->stack)
		SYS2(SYS_munmap, c, sizeof *c);
}

/* Aims and makes, until the number is right.  In a child without fn: 0, with the number checked. */
static pid_t last_pid_tries(const struct settid__birth *b, struct settid__last_pid *lp, struct claim *claim,
			    bool have_clone3, int level, struct settid_child *out, struct settid_error *err)
{
	for (unsigned tries = 0;;) {
		int pidfd = -1;
		int r = claim->wanted ? settid__last_pid_aim(lp, claim->wanted, err) : 0;

		if (r < 0)
			return r;
		pid_t pid = plain_birth(b, claim, have_clone3, &pidfd);

		if (pid == 0) {
			claim_check(claim);
			return 0;
		}
		settid__last_pid_unlock(lp);
		if (pid < 0) {
			struct settid__birth plain = *b;

			plain.set_tid_len = 0;
			return settid__diagnose(&plain, pid, err);
		}
		if (!claim->wanted || pid == claim->wanted) {
			*out = (struct settid_child){ .pid = pid,
						      .pidfd = pidfd,
						      .method = SETTID_METHOD_NS_LAST_PID,
						      .retries = tries };
			return pid;
		}
		settid__reap(pid, pidfd);
		settid__close_fdp(&pidfd);
		r = settid__last_pid_missed(claim->wanted, level, ++tries, err);
		if (r < 0)
			return r;
	}
}

static pid_t by_last_pid(const struct settid__birth *birth, struct settid_child *out,
			 struct settid_error *err)
{
	struct settid__birth b = *birth;
	struct settid__last_pid lp = { .fd = -1 };
	bool have_clone3 = SYS2(SYS_clone3, 0, 0) == -EINVAL; /* refused for its size: it is there (R1.2) */
	pid_t wanted;
	uint64_t mask;
	int level;
	int r = settid__last_pid_wish(b.set_tid, b.set_tid_len, b.flags, &wanted, &level, err);

	if (r == 0)
		r = plain_limits(&b, have_clone3, wanted, err);
	if (r == 0 && wanted)
		r = settid__last_pid_open(&lp, err);
	if (r < 0)
		return r;
	b.no_pidfd = b.no_pidfd && !wanted; /* a wrong number is ended through its pidfd */

	struct claim *claim = claim_new(&b);

	if (!claim) {
		settid__last_pid_close(&lp);
		return settid__fail(err, -ENOMEM, SETTID_REASON_SYSTEM, "no memory for a page: %s",
				    settid__errno_text(-ENOMEM));
	}
	/* A wrong child must not run the caller's signal handlers either. */
	settid__signals_block(&mask);
	*claim = (struct claim){ .wanted = wanted, .lock_fd = lp.fd, .mask = mask, .fn = b.fn, .arg = b.arg };
	pid_t pid = last_pid_tries(&b, &lp, claim, have_clone3, level, out, err);

	if (pid == 0)
		lp.fd = -1; /* claim_check() closed it */
	claim_free(&b, claim);
	settid__last_pid_close(&lp);
	settid__signals_restore(&mask);
	return pid;
}

/* ------------------------------------------------------------------------------------ choice -- */

pid_t settid__clone(const struct settid__birth *birth, struct settid_child *out, struct settid_error *err)
{
	pid_t pid;

	*out = (struct settid_child){ .pidfd = -1 };
	if (birth->method == SETTID_METHOD_NS_LAST_PID)
		return by_last_pid(birth, out, err);
	pid = by_clone3(birth, out);
	if (pid >= 0)
		return pid;
	if (birth->method == SETTID_METHOD_AUTO &&
	    settid__clone3_missing(pid, birth->set_tid_len > 0) != SETTID_REASON_SYSTEM)
		return by_last_pid(birth, out, err);
	return settid__diagnose(birth, pid, err);
}

void settid__reap(pid_t pid, int pidfd)
{
	long r;

	do {
		r = pidfd >= 0 ? SYS5(SYS_waitid, SETTID__P_PIDFD, pidfd, 0, WEXITED | __WALL, 0)
			       : SYS5(SYS_waitid, P_PID, pid, 0, WEXITED | __WALL, 0);
		if (r == -EINVAL && pidfd >= 0) { /* Linux before 5.4 */
			pidfd = -1;
			r = -EINTR;
		}
	} while (r == -EINTR);
}
