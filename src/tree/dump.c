/* SPDX-License-Identifier: MIT */
/*
 * dump.c: the live tree below a process, once two readings of it agree.
 *
 * Keeps:   (T1) a tree is made only of a pass that equals the one before it, byte for byte: of a tree that moves
 *               faster than it can be read there is none, but -EAGAIN;
 *          (T2) frozen, the same holds, and the pass before must have met nobody who was not frozen already;
 *          (T3) everything is let go before the tree is returned, or the failure.
 */
#include <errno.h>
#include <fcntl.h>
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
	return tree_fail(err, -EAGAIN,
			 "the tree below %d changes while it is read: no two of %d passes agree; freeze it "
			 "meanwhile (--freeze)",
			 (int)r->root, passes);
}

/* Passes until two agree; pass[*last] is it. */
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
		if (i > 0 && proc_pass_same(&pass[0], &pass[1]) &&
		    (!r->freezer || r->freezer->cgroup || still))
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

static int dump_with(struct proc_reader *r, const struct tree_dump_options *o, struct tree **out,
		     struct tree_error *err)
{
	struct freezer freezer;
	int passes = o->freeze ? FROZEN_PASSES : o->passes_max > 1 ? o->passes_max : PASSES;

	r->commands = o->commands;
	r->progress = o->progress;
	r->progress_arg = o->progress_arg;
	if (!o->freeze)
		return read_tree(r, passes, out, err);
	int e = freezer_start(&freezer, r->proc_fd, err);
	if (e < 0)
		return e;
	r->freezer = &freezer;
	e = read_tree(r, passes, out, err);
	freezer_stop(&freezer);
	r->freezer = NULL;
	return e;
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
