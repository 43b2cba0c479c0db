/* SPDX-License-Identifier: MIT */
/*
 * dump.c: the live tree below a process, once two readings of it agree.
 *
 * Keeps:   (T1) a tree is made only of a pass that equals the one before it, byte for byte: of a tree that moves
 *               faster than it can be read there is none, but -EAGAIN.  One pass is enough only for a caller who
 *               says that it owns the tree (a restorer whose placeholders sleep);
 *          (T2) frozen, the same holds, and the pass before must have met nobody who was not frozen already;
 *          (T3) everything is let go before the tree is returned, or the failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "tree/dump_tree.h"

enum {
	PASSES = 10, /* that a moving tree is given */
	FROZEN_PASSES =
		100, /* each holds all that the one before missed: a fork bomb loses sooner or later */
};

static int freeze_refused(const struct proc_reader *r, int code, struct tree_error *err)
{
	if (code != -EPERM || r->refused == 0)
		return code;
	if (r->refused_tracer)
		return tree_fail(err, -EBUSY, "cannot freeze process %d: %d traces it already",
				 (int)r->refused, (int)r->refused_tracer);
	return tree_fail(err, -EPERM, "cannot freeze process %d: not permitted (ptrace)", (int)r->refused);
}

static int moves_too_fast(const struct proc_reader *r, int passes, struct tree_error *err)
{
	if (r->freezer)
		return tree_fail(err, -EAGAIN,
				 "the tree below %d grows faster than it can be frozen (%d passes)",
				 (int)r->root, passes);
	if (passes == 1)
		return tree_fail(err, -EAGAIN, "the tree below %d moved while it was read", (int)r->root);
	return tree_fail(err, -EAGAIN,
			 "the tree below %d changes while it is read: no two of %d passes agree; freeze it "
			 "meanwhile (--freeze)",
			 (int)r->root, passes);
}

/* Passes until two agree, or the only one that was asked for; pass[*last] is it. */
static int read_until_same(struct proc_reader *r, struct proc_pass pass[2], int passes, int *last,
			   struct tree_error *err)
{
	bool still = false; /* the pass before met nobody who was not frozen */

	for (int i = 0; i < passes; i++) {
		struct proc_pass *now = &pass[i & 1];
		r->fresh = 0;
		int e = proc_pass_read(r, now, err);
		if (e < 0)
			return freeze_refused(r, e, err);
		*last = i & 1;
		if (passes == 1 || (i > 0 && proc_pass_same(&pass[0], &pass[1]) &&
				    (!r->freezer || r->freezer->cgroup || still)))
			return 0;
		still = r->fresh == 0;
	}
	return moves_too_fast(r, passes, err);
}

/* Agreeing passes can still be no tree: somebody moved in both, in the same way.  Then there are more passes. */
static int read_tree(struct proc_reader *r, int passes, struct tree **out, struct tree_error *err)
{
	struct proc_pass pass[2] = { 0 };
	int last = 0, e;

	for (int tries = 0;; tries++) {
		e = read_until_same(r, pass, passes, &last, err);
		if (e < 0)
			break;
		struct dump d = { .r = r, .p = &pass[last], .t = tree_new(NULL), .err = err };
		e = d.t ? dump_make_tree(&d) : tree_fail(err, -ENOMEM, "out of memory");
		if (e == 0)
			*out = d.t;
		else
			tree_free(d.t);
		if (e != -EAGAIN)
			break;
		e = moves_too_fast(r, passes, err);
		if (tries == 2)
			break;
	}
	proc_pass_done(&pass[0]);
	proc_pass_done(&pass[1]);
	return e;
}

static int by_number(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The living processes of a fresh reading, sorted, into r->pids. */
static int list_living(struct proc_reader *r)
{
	struct proc_pass pass = { 0 };
	int e = proc_pass_read(r, &pass, NULL);

	r->pids.len = 0;
	for (size_t i = 0; e == 0 && i < proc_pass_len(&pass); i++) {
		const struct proc_record *rec = proc_pass_at(&pass, i);
		int32_t *at = rec->state == TREE_ZOMBIE ? NULL : proc_pool_add(&r->pids, sizeof *at);
		if (at)
			*at = rec->pid;
		else if (rec->state != TREE_ZOMBIE)
			e = -ENOMEM;
	}
	proc_pass_done(&pass);
	if (r->pids.len)
		qsort(r->pids.at, r->pids.len / sizeof(int32_t), sizeof(int32_t), by_number);
	return e;
}

/* A process that somebody traces cannot be seized, but its cgroup can be frozen if it is the tree's own. */
static int read_in_cgroup(struct proc_reader *r, struct freezer *f, struct tree **out, struct tree_error *err)
{
	int e = list_living(r);

	if (e == 0)
		e = freezer_cgroup(f, r->root, r->pids.at, r->pids.len / sizeof(int32_t));
	if (e < 0)
		return e;
	r->freezer = f;
	e = read_tree(r, FROZEN_PASSES, out, err);
	if (e < 0)
		return e;
	e = list_living(r);
	if (e == 0)
		e = freezer_cgroup_check(f, r->pids.at, r->pids.len / sizeof(int32_t));
	if (e < 0) {
		tree_free(*out);
		*out = NULL;
		return tree_fail(err, -EAGAIN, "the cgroup of %d changed its members while it was frozen",
				 (int)r->root);
	}
	return 0;
}

static int read_frozen(struct proc_reader *r, struct tree **out, struct tree_error *err)
{
	struct freezer freezer;
	struct tree_error second = { 0 };
	int e = freezer_start(&freezer, r->proc_fd, err);

	if (e < 0)
		return e;
	r->freezer = &freezer;
	e = read_tree(r, FROZEN_PASSES, out, err);
	r->freezer = NULL;
	freezer_stop(&freezer);
	if ((e != -EBUSY && e != -EPERM) || freezer_start(&freezer, r->proc_fd, NULL) < 0)
		return e;
	/* The first complaint stays unless the cgroup was frozen and then disappointed. */
	int again = read_in_cgroup(r, &freezer, out, &second);
	r->freezer = NULL;
	freezer_stop(&freezer);
	if (again == 0)
		return 0;
	if (second.code && err)
		*err = second;
	return second.code ? second.code : e;
}

static int dump_with(struct proc_reader *r, const struct tree_dump_options *o, struct tree **out,
		     struct tree_error *err)
{
	r->commands = o->commands;
	r->progress = o->progress;
	r->progress_arg = o->progress_arg;
	if (o->freeze)
		return read_frozen(r, out, err);
	if (o->one_pass)
		return read_tree(r, 1, out, err);
	return read_tree(r, o->passes_max > 1 ? o->passes_max : PASSES, out, err);
}

int tree_dump(pid_t pid, const struct tree_dump_options *o, struct tree **out, struct tree_error *err)
{
	static const struct tree_dump_options plain = { .proc_fd = -1 };
	struct proc_reader r;
	int proc_fd = o ? o->proc_fd : -1, own = -1;

	if (proc_fd < 0) {
		proc_fd = own = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (own < 0)
			return tree_fail(err, -errno, "cannot open /proc: %s", strerror(errno));
	}
	int e = proc_reader_init(&r, proc_fd, pid, err);
	if (e == 0) {
		e = dump_with(&r, o ? o : &plain, out, err);
		proc_reader_done(&r);
	}
	proc_close(own);
	return e;
}
