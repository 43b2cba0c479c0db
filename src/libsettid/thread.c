/* SPDX-License-Identifier: MIT */
/*
 * thread.c: settid_thread_create(): libc's own pthread_create, with a chosen TID.
 *
 * Two ways: dispatch.c adds set_tid to the clone that pthread_create makes; or ns_last_pid is aimed before it,
 * and a thread that came out with another number ends before it runs anything of the caller's.
 * Keeps:   (H1) `start` runs in a thread with the right number or not at all;
 *          (H2) on failure *thread is untouched and no thread is left.
 * Sources: pthread_create(3), clone(2), prctl(2) PR_SET_SYSCALL_USER_DISPATCH.
 */
#include <stdatomic.h>

#include "dispatch.h"
#include "internal.h"

#define THREAD_FLAGS                                                                                 \
	((uint64_t)CLONE_VM | (uint64_t)CLONE_FS | (uint64_t)CLONE_FILES | (uint64_t)CLONE_SIGHAND | \
	 (uint64_t)CLONE_THREAD | (uint64_t)CLONE_SYSVSEM)

struct request {
	pthread_t thread;
	const pthread_attr_t *attr;
	void *(*start)(void *);
	void *arg;
	int code; /* pthread_create's answer, an errno */
};

static void create(void *request)
{
	struct request *q = request;

	q->code = pthread_create(&q->thread, q->attr, q->start, q->arg);
}

/* -EOPNOTSUPP: not by this way. */
static int by_dispatch(struct request *q, const struct settid_thread_args *args, struct settid_error *err)
{
	const struct settid__birth birth = { .set_tid = args->set_tid,
					     .set_tid_len = args->set_tid_len,
					     .flags = THREAD_FLAGS,
					     .cgroup_fd = -1 };
	long answer = 0;
	int r = settid__dispatch_thread(args->set_tid, args->set_tid_len, create, q, &answer);

	if (r < 0)
		return r;
	if (q->code == 0)
		return 0;
	r = answer < 0 ? (int)answer : -q->code; /* musl says EAGAIN whatever it was */
	if (answer < 0 && args->method == SETTID_METHOD_AUTO &&
	    settid__clone3_missing(r, true) != SETTID_REASON_SYSTEM)
		return -EOPNOTSUPP;
	return settid__diagnose(&birth, r, err);
}

/* ----------------------------------------------------------------------------------- ns_last_pid -- */

struct report {
	void *(*start)(void *);
	void *arg;
	pid_t want;
	_Atomic int verdict; /* 0 = none yet, 1 = right, -1 = another number */
};

/* Once the verdict is out, the report belongs to a caller that may have returned. */
static void *check_and_start(void *arg)
{
	struct report *report = arg;
	void *(*start)(void *) = report->start;
	void *start_arg = report->arg;
	bool right = SYS0(SYS_gettid) == report->want;

	atomic_store(&report->verdict, right ? 1 : -1);
	SYS3(SYS_futex, &report->verdict, FUTEX_WAKE_PRIVATE, 1);
	return right ? start(start_arg) : NULL;
}

static bool right_number(struct report *report)
{
	int verdict;

	while ((verdict = atomic_load(&report->verdict)) == 0)
		SYS4(SYS_futex, &report->verdict, FUTEX_WAIT_PRIVATE, 0, NULL);
	return verdict > 0;
}

static int try_once(struct request *q, struct settid__last_pid *lp, pid_t number, struct settid_error *err)
{
	struct report report = { .start = q->start, .arg = q->arg, .want = number };
	int detached = PTHREAD_CREATE_JOINABLE;
	int r = settid__last_pid_aim(lp, number, err);

	if (r < 0)
		return r;
	r = pthread_create(&q->thread, q->attr, check_and_start, &report);
	settid__last_pid_unlock(lp);
	if (r)
		return settid__fail(err, -r, SETTID_REASON_SYSTEM, "cannot create a thread: %s",
				    settid__errno_text(r));
	if (right_number(&report))
		return 1;
	if (q->attr)
		pthread_attr_getdetachstate(q->attr, &detached);
	if (detached == PTHREAD_CREATE_JOINABLE)
		pthread_join(q->thread, NULL);
	return 0;
}

static int by_last_pid(struct request *q, const struct settid_thread_args *args, struct settid_error *err)
{
	struct settid__last_pid lp;
	pid_t number;
	int level, r;

	r = settid__last_pid_wish(args->set_tid, args->set_tid_len, 0, &number, &level, err);
	if (r < 0 || (r = settid__last_pid_open(&lp, err)) < 0)
		return r;
	for (unsigned tries = 1;; tries++) {
		r = try_once(q, &lp, number, err);
		if (r != 0)
			break;
		r = settid__last_pid_missed(number, level, tries, err);
		if (r < 0)
			break;
	}
	settid__last_pid_close(&lp);
	return r < 0 ? r : 0;
}

int settid_thread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg,
			 const struct settid_thread_args *args, enum settid_method *method_used,
			 struct settid_error *err)
{
	static const struct settid_thread_args none = { .size = sizeof none };
	struct request q = { .attr = attr, .start = start, .arg = arg };
	enum settid_method used = SETTID_METHOD_CLONE3;
	int r;

	if (!args)
		args = &none;
	if (!thread || !start || args->size != sizeof *args)
		return settid__fail(
			err, -EINVAL, SETTID_REASON_ARGUMENT,
			"a thread needs a place for its handle, a start function and args with their size");
	r = settid__check_wish(args->set_tid, args->set_tid_len, args->method, 0, 0, err);
	if (r < 0)
		return r;
	if (args->set_tid_len == 0) {
		create(&q);
		r = q.code ? settid__fail(err, -q.code, SETTID_REASON_SYSTEM, "cannot create a thread: %s",
					  settid__errno_text(q.code))
			   : 0;
	} else {
		r = args->method == SETTID_METHOD_NS_LAST_PID ? -EOPNOTSUPP : by_dispatch(&q, args, err);
		if (r == -EOPNOTSUPP && args->method == SETTID_METHOD_CLONE3)
			r = settid__fail(
				err, -ENOSYS, SETTID_REASON_METHOD_LIMIT,
				"threads get a chosen TID by clone3 only where the kernel has syscall user "
				"dispatch (x86-64, Linux 5.11)");
		else if (r == -EOPNOTSUPP) {
			used = SETTID_METHOD_NS_LAST_PID;
			r = by_last_pid(&q, args, err);
		}
	}
	if (r < 0)
		return r;
	*thread = q.thread;
	if (method_used)
		*method_used = used;
	return 0;
}
