/* SPDX-License-Identifier: MIT */
/*
 * exec_numbers.c: which numbers the in-between inits of `settid exec --new-pidns=K` get.
 *
 * The wanted numbers are wanted[0..len), innermost first.  The init of new namespace `ns` (1 = outermost .. K-1) lives
 * K - ns levels further out than the command, so its own set_tid[j] is at the level of wanted[K - ns + j].
 *
 * Keeps:   (H1) an in-between init never takes a number that the command is to get at the same level;
 *          (H2) wherever a number is wanted its own is explicit, so the kernel's choice cannot take it either;
 *          (H3) where nothing is wanted nothing is asked for: no right is needed that the command's numbers do not
 *               need.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Taken numbers that are stepped over before it is given up: a nearly full level. */
#define TRIES_MAX 4096
/* Where the kernel itself starts again after the end of the numbers. */
#define FIRST_AGAIN 300

void exec_numbers_from_pid(pid_t pid, unsigned new_pidns, pid_t *set_tid, size_t *set_tid_len)
{
	for (unsigned i = 0; i < new_pidns; i++)
		set_tid[i] =
			i == 0 ? 1
			       : 2; /* what the kernel would choose: 1 for the first, then the next free */
	set_tid[new_pidns] = pid;
	*set_tid_len = new_pidns + 1;
}

/* The caller's level: where its namespace counts now, since numbers just ahead of that are likely free. */
static pid_t caller_start(const struct exec_job *job)
{
	char text[24] = "";
	int fd = job->procfs < 0 ? -1 : openat(job->procfs, "sys/kernel/ns_last_pid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		close(fd);
	long last = n > 0 ? strtol(text, NULL, 10) : 0;
	return last > 0 ? (pid_t)last + 1 : getpid() + 1;
}

/* mine[0] is 1; the others start where a free one is likely, on none that is wanted. */
static size_t numbers_choose(const struct exec_job *job, unsigned ns, pid_t *mine)
{
	const struct exec_options *opt = job->opt;
	size_t shift = opt->new_pidns - ns, len = 0;

	if (opt->set_tid_len <= shift + 1) /* nothing wanted at the levels above its own */
		return 0;
	mine[len++] = 1;
	for (; shift + len < opt->set_tid_len; len++) {
		size_t up = shift + len; /* the level, counted from the command's */
		pid_t start = up < opt->new_pidns    ? 2
			      : up == opt->new_pidns ? caller_start(job)
						     : FIRST_AGAIN;
		mine[len] = start == opt->set_tid[up] ? start + 1 : start;
	}
	return len;
}

static void number_advance(pid_t *mine, pid_t wanted, bool out_of_range)
{
	*mine = out_of_range ? FIRST_AGAIN : *mine + 1;
	if (*mine == wanted)
		++*mine;
}

/* A refusal speaks of the init's array; who asked knows the command's only. */
static void speak_of_command(const struct exec_job *job, unsigned ns, struct settid_error *err)
{
	const struct exec_options *opt = job->opt;
	int level = err->level + (int)(opt->new_pidns - ns);

	if (err->reason == SETTID_REASON_TOO_MANY_LEVELS) {
		snprintf(err->text, sizeof err->text,
			 "set_tid has %zu numbers, more than the command would have levels",
			 opt->set_tid_len);
	} else if (err->reason == SETTID_REASON_CAPABILITY && err->level > 0 &&
		   (size_t)level < opt->set_tid_len) {
		err->level = level;
		err->number = opt->set_tid[level];
		snprintf(err->text, sizeof err->text,
			 "set_tid[%d] = %d needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN over the user "
			 "namespace that "
			 "owns that level",
			 level, (int)err->number);
	}
}

pid_t exec_fork_between(const struct exec_job *job, unsigned ns, uint64_t flags, struct settid_child *child,
			struct settid_error *err)
{
	const struct exec_options *opt = job->opt;
	pid_t mine[SETTID_LEVEL_MAX];
	size_t shift = opt->new_pidns - ns, len = numbers_choose(job, ns, mine);
	struct settid_fork_args args = { .size = sizeof args,
					 .set_tid = len ? mine : NULL,
					 .set_tid_len = len,
					 .flags = flags,
					 .method = opt->method };
	pid_t pid = -EAGAIN;

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		pid = settid_fork(&args, child, err);
		bool taken = pid == -EEXIST, range = pid == -EINVAL && err->reason == SETTID_REASON_RANGE;
		if (!(taken || range) || err->level < 1 || (size_t)err->level >= len)
			break;
		number_advance(&mine[err->level], opt->set_tid[shift + (size_t)err->level], range);
	}
	if (pid < 0)
		speak_of_command(job, ns, err);
	return pid;
}
