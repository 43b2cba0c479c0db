/* SPDX-License-Identifier: MIT */
/*
 * ask.c: one number put to the kernel by a clone3 that is bound to fail later in its walk; see diagnose.c.
 */
#include "ask.h"

#include "internal.h"

struct settid__asker settid__asker_now(void)
{
	struct settid__levels where = settid__levels_now(0);

	return (struct settid__asker){ .levels = where.total, .fresh = where.fresh };
}

/* {n, 0}: EINVAL when n passes, and when it is out of range; {n, 1} tells these apart, for 1 is taken. */
static long ask_with_a_level_behind(pid_t number)
{
	pid_t array[2] = { number, 0 };
	long r = settid__question(0, array, 2);

	if (r != -EINVAL)
		return r;
	array[1] = 1;
	return settid__question(0, array, 2) == -EINVAL ? -EINVAL : 0;
}

int settid__ask_number(const struct settid__asker *a, pid_t number, struct settid_error *err)
{
	struct settid__birth birth = {
		.set_tid = &number, .set_tid_len = 1, .exit_signal = SIGCHLD, .cgroup_fd = -1
	};
	long r;

	if (number < 1)
		r = -EINVAL;
	else if (a->levels > 1)
		r = ask_with_a_level_behind(number);
	else
		r = settid__late_question(0, &number, 1);
	if (r == -EFAULT) /* its own failure, at the very end */
		r = 0;
	return r < 0 ? settid__diagnose(&birth, (int)r, err) : 0;
}
