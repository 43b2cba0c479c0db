/* SPDX-License-Identifier: MIT */
/*
 * thread.c: settid_thread_create(): libc's own pthread_create, with a chosen TID.
 *
 * Keeps:   (T1) `start` runs in a thread with the wanted number only, and at most once;
 *          (T2) on failure no thread is left that would ever run `start`, and none that still uses a stack
 *               the caller gave.
 * Threads: any number at once.
 * How:     dispatch.c adds set_tid to libc's clone; where that is not to be had, ns_last_pid is aimed before
 *          pthread_create, and the new thread looks at its own number before it does anything else.
 */
#include <stdatomic.h>
#include <time.h>

#include "dispatch.h"
#include "internal.h"

/* What pthread_create is to be called with, and what it said. */
struct creation {
	pthread_t *thread;
	const pthread_attr_t *attr;
	void *(*start)(void *);
	void *arg;
	int result;
};

static void create(void *arg)
{
	struct creation *c = arg;

	c->result = pthread_create(c->thread, c->attr, c->start, c->arg);
}

static int libc_refused(int result, struct settid_error *err)
{
	return settid__fail(err, -result, SETTID_REASON_SYSTEM, "pthread_create: %s",
			    settid__errno_text(result));
}

/* ------------------------------------------------------------------------------------------- clone3 -- */

/*
 * musl says EAGAIN whatever the kernel said, so the kernel's own answer decides.  *missing: this way is not to be had
 * here at all, and ns_last_pid may stand in.
 */
static int by_dispatch(struct creation *c, const struct settid_thread_args *args, bool *missing,
		       struct settid_error *err)
{
	const struct settid__birth like = {
		.set_tid = args->set_tid,
		.set_tid_len = args->set_tid_len,
		.flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
		.cgroup_fd = -1,
	};
	long answer = 0;
	int r = settid__dispatch_thread(args->set_tid, args->set_tid_len, create, c, &answer);

	*missing = r == -EOPNOTSUPP;
	if (*missing)
		return settid__fail(err, -ENOSYS, SETTID_REASON_METHOD_LIMIT,
				    "exact thread numbers need syscall user dispatch (x86-64, Linux 5.11), "
				    "which is not to be had here");
	if (r < 0)
		return settid__fail(err, r, SETTID_REASON_SYSTEM,
				    "cannot switch syscall user dispatch on: %s", settid__errno_text(r));
	if (c->result == 0)
		return 0;
	if (answer >= 0)
		return libc_refused(c->result, err);
	*missing = settid__clone3_missing((int)answer, true) != SETTID_REASON_SYSTEM;
	return settid__diagnose(&like, (int)answer, err);
}

/* ------------------------------------------------------------------------------------- ns_last_pid -- */

enum { NEWBORN = 0, RIGHT, WRONG };

/* On the creator's stack until `state` is set; the new thread does not look at it afterwards. */
struct entrance {
	void *(*start)(void *);
	void *arg;
	pid_t wanted; /* 0 = any */
	_Atomic pid_t tid;
	_Atomic uint32_t state; /* futex */
};

/* The new thread: goes on as the caller's when its number is right (T1). */
static void *enter(void *arg)
{
	struct entrance *e = arg;
	void *(*start)(void *) = e->start;
	void *start_arg = e->arg;
	pid_t own = (pid_t)SYS0(SYS_gettid);
	bool right = !e->wanted || own == e->wanted;

	atomic_store(&e->tid, own);
	atomic_store(&e->state, right ? RIGHT : WRONG);
	/* The creator may be gone from this frame already: waking an address of another's use does no harm. */
	SYS3(SYS_futex, &e->state, FUTEX_WAKE_PRIVATE, 1);
	return right ? start(start_arg) : NULL;
}

/* With a look now and then: a wake that was refused must not make it endless. */
static void wait_for_entrance(struct entrance *e)
{
	const struct timespec now_and_then = { .tv_nsec = 100 * 1000 * 1000 };

	while (atomic_load(&e->state) == NEWBORN)
		SYS4(SYS_futex, &e->state, FUTEX_WAIT_PRIVATE, NEWBORN, &now_and_then);
}

static bool is_detached(const pthread_attr_t *attr)
{
	int state = PTHREAD_CREATE_JOINABLE;

	return attr && pthread_attr_getdetachstate(attr, &state) == 0 && state == PTHREAD_CREATE_DETACHED;
}

/* A detached thread cannot be joined: its end is seen by its number's (T2). */
static void wait_for_end(pid_t tid)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 };
	long self = SYS0(SYS_getpid);

	while (SYS3(SYS_tgkill, self, tid, 0) == 0)
		SYS4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, NULL);
}

/* libc's call, helped past a filter that forbids clone3. */
static void create_anyhow(struct creation *c, bool past_filter)
{
	if (!past_filter || settid__dispatch_without_clone3(create, c) < 0)
		create(c);
}

/* One try.  1: the number came out wrong, and that thread is gone again. */
static int aim_and_create(struct creation *c, struct settid__last_pid *lp, pid_t wanted, bool past_filter,
			  struct settid_error *err)
{
	struct entrance e = { .start = c->start, .arg = c->arg, .wanted = wanted };
	struct creation verified = { .thread = c->thread, .attr = c->attr, .start = enter, .arg = &e };
	int r = wanted ? settid__last_pid_aim(lp, wanted, err) : 0;

	if (r < 0)
		return r;
	create_anyhow(&verified, past_filter);
	settid__last_pid_unlock(lp);
	if (verified.result)
		return libc_refused(verified.result, err);
	wait_for_entrance(&e);
	if (atomic_load(&e.state) == RIGHT)
		return 0;
	if (is_detached(c->attr))
		wait_for_end(atomic_load(&e.tid));
	else
		pthread_join(*c->thread, NULL);
	return 1;
}

static int by_last_pid(struct creation *c, const struct settid_thread_args *args, struct settid_error *err)
{
	struct settid__last_pid lp = { .fd = -1 };
	bool past_filter = settid__clone3_missing(0, false) == SETTID_REASON_SECCOMP;
	pid_t wanted;
	int level;
	int r = settid__last_pid_wish(args->set_tid, args->set_tid_len, 0, &wanted, &level, err);

	if (r == 0 && wanted)
		r = settid__last_pid_open(&lp, err);
	if (r < 0)
		return r;
	for (unsigned tries = 0;;) {
		r = aim_and_create(c, &lp, wanted, past_filter, err);
		if (r <= 0)
			break;
		r = settid__last_pid_missed(wanted, level, ++tries, err);
		if (r < 0)
			break;
	}
	settid__last_pid_close(&lp);
	return r;
}

/* ------------------------------------------------------------------------------------------- create -- */

static int choose(struct creation *c, const struct settid_thread_args *args, enum settid_method *used,
		  struct settid_error *err)
{
	struct settid_error why; /* not the caller's yet: what stands in may succeed */
	bool missing;
	int r;

	*used = SETTID_METHOD_CLONE3;
	if (args->set_tid_len == 0 && args->method != SETTID_METHOD_NS_LAST_PID) {
		create(c);
		return c->result ? libc_refused(c->result, err) : 0;
	}
	if (args->method != SETTID_METHOD_NS_LAST_PID) {
		r = by_dispatch(c, args, &missing, err ? &why : NULL);
		if (r == 0)
			return 0;
		if (args->method == SETTID_METHOD_CLONE3 || !missing) {
			if (err)
				*err = why;
			return r;
		}
	}
	*used = SETTID_METHOD_NS_LAST_PID;
	return by_last_pid(c, args, err);
}

int settid_thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg,
			 const struct settid_thread_args *args, enum settid_method *method_used,
			 struct settid_error *err)
{
	struct settid_thread_args a = { .size = sizeof a };
	struct creation c = { .thread = thread, .attr = attr, .start = start, .arg = arg };
	enum settid_method used;
	int r;

	if (!thread || !start)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "a thread needs a place for its handle and a start function");
	r = args ? settid__copy_args(&a, sizeof a, args, err) : 0;
	if (r == 0)
		r = settid__check_wish(a.set_tid, a.set_tid_len, a.method, 0, 0, err);
	if (r == 0)
		r = choose(&c, &a, &used, err);
	if (r == 0 && method_used)
		*method_used = used;
	return r;
}
