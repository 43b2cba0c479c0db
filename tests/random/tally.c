/* SPDX-License-Identifier: MIT */
/*
 * tally.c: how often each operation and each of its errors occurred, and which that should have has not.
 *
 * Owns:  the list of what has to occur in a long enough run.
 */
#include "random.h"

#include <errno.h>
#include <string.h>

/* By operation: the errors that random lists are made to meet.  0 = success. */
static const struct {
	enum op_code code;
	int errors[8]; /* ends with -1 */
} expected[] = {
	{ OP_CLONE3, { 0, EINVAL, EPERM, EEXIST, ENOMEM, EFAULT, E2BIG, -1 } },
	{ OP_CLONE, { 0, EINVAL, ENOMEM, -1 } },
	{ OP_FORK, { 0, ENOMEM, -1 } },
	{ OP_EXEC, { 0, -1 } },
	{ OP_WAIT4, { 0, ECHILD, EINVAL, ESRCH, EFAULT, -1 } },
	{ OP_WAITID, { 0, ECHILD, EINVAL, EBADF, EAGAIN, -1 } },
	{ OP_KILL, { 0, ESRCH, EINVAL, EPERM, -1 } },
	{ OP_TKILL, { 0, ESRCH, EINVAL, EPERM, -1 } },
	{ OP_TGKILL, { 0, ESRCH, EINVAL, EPERM, -1 } },
	{ OP_SETSID, { 0, EPERM, -1 } },
	{ OP_SETPGID, { 0, EPERM, ESRCH, EINVAL, EACCES, -1 } },
	{ OP_GETPGID, { 0, ESRCH, -1 } },
	{ OP_GETSID, { 0, ESRCH, -1 } },
	{ OP_UNSHARE, { 0, EINVAL, EPERM, -1 } },
	{ OP_SETNS, { 0, EINVAL, EBADF, EPERM, -1 } },
	{ OP_PIDFD_OPEN, { 0, EINVAL, ESRCH, ENOENT, -1 } },
	{ OP_PIDFD_SEND_SIGNAL, { 0, EINVAL, EBADF, ESRCH, EPERM, -1 } },
	{ OP_POLL, { 0, -1 } },
	{ OP_WRITE, { 0, EINVAL, EPERM, EACCES, -1 } },
	{ OP_READLINK, { 0, ENOENT, -1 } },
	{ OP_SETRESUID, { 0, EPERM, -1 } },
	{ OP_CAPSET, { 0, EPERM, -1 } },
	{ OP_REBOOT, { EINVAL, EPERM, -1 } },
};

void tally_add(struct random_tally *t, const struct random_op *op, const struct op_answer *a)
{
	int code = op->op.code;

	t->ops++;
	t->by_op[code]++;
	if (a->kind == ANSWER_BLOCKS)
		t->blocks++;
	else if (a->kind == ANSWER_ENDED)
		t->ended++;
	else
		t->by_error[code][a->err < 39 ? a->err : 39]++;
}

void tally_print(FILE *out, const struct random_tally *t)
{
	char room[16];

	fprintf(out,
		"# %llu operations in %llu worlds, %llu blocked, %llu ended their caller, %llu with "
		"turns in another order (%llu: of earlier operations too), %llu differences seen once\n",
		(unsigned long long)t->ops, (unsigned long long)t->worlds, (unsigned long long)t->blocks,
		(unsigned long long)t->ended, (unsigned long long)t->open, (unsigned long long)t->earlier,
		(unsigned long long)t->unrepeated);
	for (int code = 0; code < 64; code++) {
		if (!t->by_op[code])
			continue;
		fprintf(out, "# %-18s %8llu:", op_by_code((enum op_code)code)->name,
			(unsigned long long)t->by_op[code]);
		for (int e = 0; e < 40; e++)
			if (t->by_error[code][e])
				fprintf(out, " %s %llu", e ? op_error_name(e, room) : "ok",
					(unsigned long long)t->by_error[code][e]);
		fprintf(out, "\n");
	}
}

const char *tally_missing(const struct random_tally *t, char room[64])
{
	char name[16];

	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		for (const int *e = expected[i].errors; *e >= 0; e++)
			if (!t->by_error[expected[i].code][*e]) {
				snprintf(room, 64, "%s of %s", *e ? op_error_name(*e, name) : "success",
					 op_by_code(expected[i].code)->name);
				return room;
			}
	return NULL;
}
