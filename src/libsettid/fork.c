/* SPDX-License-Identifier: MIT */
/*
 * fork.c: settid_fork(), a fork that libc understands.
 *
 * libc keeps the calling thread's TID in a word of its own, and lock owners are compared with that word.  A
 * child that inherits the parent's value is taken for the owner of every lock the parent holds.
 *   glibc  the word is the one the kernel clears when the thread ends; prctl(PR_GET_TID_ADDRESS) tells where,
 *          and clone's CHILD_SETTID and CHILD_CLEARTID keep it right.
 *   others (musl) the word is elsewhere and private, so libc's own _Fork() is run with its system call
 * replaced (dispatch.h), and puts everything right itself.
 *
 * Keeps:   (F1) in the child libc's TID word, the kernel's clear-child-tid address and the robust-mutex list
 * are as after _Fork(); (F2) on failure nothing is left. Threads: any.
 */
#include "internal.h"

#include <unistd.h>

#include "dispatch.h"

#ifdef __GLIBC__
#include <linux/futex.h>
#include <sys/prctl.h>

#ifndef PR_GET_TID_ADDRESS
#define PR_GET_TID_ADDRESS 40
#endif
#endif

#define FORK_FLAGS (SETTID__CLONE_NEW | (uint64_t)CLONE_PARENT | CLONE_CLEAR_SIGHAND)

/* ------------------------------------------------------------------------------------ by libc itself -- */

/* Without clone3, or without dispatch: _Fork() as it is, which can do no more than fork. */
static pid_t plain_libc_fork(const struct settid_clone_args *args)
{
	const uint64_t harmless = CLONE_PIDFD | CLONE_PARENT_SETTID;
	pid_t pid;

	if ((args->flags & ~harmless) || args->exit_signal != SIGCHLD || args->set_tid_size)
		return -EOPNOTSUPP;
	pid = _Fork();
	if (pid < 0)
		return -errno;
	if (pid > 0 && (args->flags & CLONE_PIDFD))
		*(int *)(uintptr_t)args->pidfd = (int)SYS2(SYS_pidfd_open, pid, 0);
	return pid;
}

static pid_t libc_fork(const struct settid_clone_args *args, bool legacy)
{
	pid_t pid = legacy ? -EOPNOTSUPP : settid__dispatch_fork(args);

	return pid == -EOPNOTSUPP ? plain_libc_fork(args) : pid;
}

static pid_t fork_by_libc(struct settid__birth *b, struct settid_child *out, struct settid_error *err)
{
	b->by_libc = libc_fork;
	return settid__clone(b, out, err);
}

/* ------------------------------------------------------------------------------------ glibc's word -- */

#ifdef __GLIBC__

/*
 * The kernel forgets a child's list of robust mutexes; libc would go on writing to a list that nobody reads, and
 * that still holds the parent's mutexes.  Empty it and register it again, as _Fork() does.
 */
struct robust {
	struct robust_list_head *head;
	size_t size;
};

static struct robust robust_get(void)
{
	struct robust r = { NULL, 0 };

	if (SYS3(SYS_get_robust_list, 0, &r.head, &r.size) < 0)
		r.head = NULL;
	return r;
}

static void robust_renew(struct robust r)
{
	r.head->list.next = &r.head->list;
	r.head->list_op_pending = NULL;
	SYS2(SYS_set_robust_list, r.head, r.size);
}

static pid_t fork_for_libc(struct settid__birth *b, struct settid_child *out, struct settid_error *err)
{
	struct robust robust = robust_get();
	pid_t *word = NULL;
	pid_t pid;

	/* A process born by a raw clone has neither: then only libc knows where its word is. */
	if (SYS2(SYS_prctl, PR_GET_TID_ADDRESS, &word) < 0 || !word || !robust.head)
		return fork_by_libc(b, out, err);
	b->child_tid = word;
	pid = settid__clone(b, out, err);
	if (pid == 0)
		robust_renew(robust);
	return pid;
}

#else

static pid_t fork_for_libc(struct settid__birth *b, struct settid_child *out, struct settid_error *err)
{
	return fork_by_libc(b, out, err);
}

#endif

pid_t settid_fork(const struct settid_fork_args *args, struct settid_child *child, struct settid_error *err)
{
	struct settid_fork_args a = { .size = sizeof a };
	struct settid_child made;
	struct settid__birth birth;
	pid_t pid;
	int r = args ? settid__copy_args(&a, sizeof a, args, err) : 0;

	if (r == 0)
		r = settid__check_wish(a.set_tid, a.set_tid_len, a.method, a.flags, FORK_FLAGS, err);
	if (r < 0)
		return r;
	r = settid__exit_signal(a.exit_signal);
	if (r < 0)
		return settid__fail(err, r, SETTID_REASON_ARGUMENT, "exit_signal is %d; signals are 1 to 64",
				    a.exit_signal);
	birth = (struct settid__birth){
		.set_tid = a.set_tid,
		.set_tid_len = a.set_tid_len,
		.flags = a.flags,
		.exit_signal = r,
		.method = a.method,
		.cgroup_fd = a.use_cgroup ? a.cgroup_fd : -1,
		.no_pidfd = !child,
	};
	if (a.use_cgroup && a.cgroup_fd < 0)
		return settid__fail(err, -EBADF, SETTID_REASON_ARGUMENT, "cgroup_fd is %d", a.cgroup_fd);
	pid = fork_for_libc(&birth, &made, err);
	if (pid > 0 && child)
		*child = made;
	else if (pid > 0)
		settid__close_fdp(&made.pidfd);
	return pid;
}
