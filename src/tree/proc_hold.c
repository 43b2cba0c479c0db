/* SPDX-License-Identifier: MIT */
/*
 * proc_hold.c: a process frozen thread by thread before it is read, where no freezer cgroup has it already.
 *
 * Keeps:   (H1) every thread is held, or it is dead: one that is refused fails the dump, and says who traces it.
 */
#include <errno.h>

#include "tree/proc_facts.h"

/* Somebody else traces it, or we have no right over it: noted for the message. */
static int not_held(struct facts *f)
{
	struct proc_status s;
	long n = proc_slurp(f->r, f->dir, "status", false);
	int e = n < 0 ? (int)n : proc_parse_status(f->r->buf, (size_t)n, &s);

	f->r->refused = f->rec.pid;
	f->r->refused_tracer = e < 0 ? 0 : s.tracer;
	return -EPERM;
}

/* Held by our own freezer, which was told otherwise: the thread was on its way out, or from one number to another. */
static bool is_held_already(struct facts *f, int32_t tid)
{
	char path[48];
	struct proc_status s;
	long n = proc_slurp(f->r, f->dir, task_path(path, tid, "/status"), false);

	return n > 0 && proc_parse_status(f->r->buf, (size_t)n, &s) == 0 && s.tracer == f->r->freezer->pid;
}

/* A dead leader is nobody to freeze; all others that are refused are a failure. */
static int hold_thread(struct facts *f, int32_t tid)
{
	char path[48];
	struct proc_stat stat;
	int e = freezer_hold(f->r->freezer, tid);

	if (e != -EPERM)
		return e;
	int dead = read_stat(f, task_path(path, tid, "/stat"), &stat);
	if (proc_gone(dead) || (dead == 0 && (stat.state == 'Z' || stat.state == 'X')))
		return 0;
	return is_held_already(f, tid) ? 0 : e;
}

/* Again, until a listing shows no new one. */
int proc__hold_threads(struct facts *f)
{
	int fresh = 1;

	while (fresh > 0) {
		fresh = 0;
		f->r->tids.len = 0;
		int e = proc_list_numbers(f->r, f->dir, "task", &f->r->tids);
		const int32_t *tid = f->r->tids.at;
		for (size_t i = 0; e >= 0 && i < f->r->tids.len / sizeof *tid; i++) {
			e = hold_thread(f, tid[i]);
			fresh += e > 0;
		}
		if (e < 0)
			return e == -EPERM ? not_held(f) : e;
		f->r->fresh += (uint32_t)fresh;
	}
	return 0;
}
