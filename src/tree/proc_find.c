/* SPDX-License-Identifier: MIT */
/*
 * proc_find.c: which processes are the tree, by walking it or by scanning all of /proc.
 *
 * The walk asks every thread of every process for its children (task/TID/children), 4.4 us per process of the
 * tree.  The scan lists /proc, 2.4 us per process of the machine, and asks each for its parent, 4.9 us.  So a walk
 * costs less unless the tree is nearly all there is, and even then only about a sixth more: measured with 10,000
 * processes on 6.18, 13 against 11 us per process in all.  Hence the walk, with two exceptions: a kernel without
 * CONFIG_PROC_CHILDREN, and a root that is an init, whose tree is its whole namespace, also those put in from
 * outside who are nobody's descendants there.
 *
 * Keeps:   (W1) the process that dumps, and its own children, are never part of a pass;
 *          (W2) who was listed and could not be read stands in p->missing.  The number of one that died is not
 *               listed in the next pass; one that is hidden (hidepid) is: so passes agree on the hidden alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/proc_read.h"

enum { PROGRESS_EVERY = 256 };

static int add_pid(struct proc_pool *pool, int32_t pid)
{
	int32_t *at = proc_pool_add(pool, sizeof pid);

	if (!at)
		return -ENOMEM;
	*at = pid;
	return 0;
}

static int32_t pid_at(const struct proc_pool *pool, size_t i)
{
	return ((const int32_t *)pool->at)[i];
}

static size_t pids_len(const struct proc_pool *pool)
{
	return pool->len / sizeof(int32_t);
}

static void progress(const struct proc_reader *r, const struct proc_pass *p)
{
	size_t done = proc_pass_len(p);

	if (r->progress && done % PROGRESS_EVERY == 0)
		r->progress(r->progress_arg, done);
}

static int open_process(const struct proc_reader *r, int32_t pid)
{
	char name[16];

	proc_text(name, pid);
	return proc_open_dir(r->proc_fd, name);
}

/* A record of `pid`, or its number among the missing.  As proc_record_read(), and 0 for the missing. */
static int read_one(struct proc_reader *r, struct proc_pass *p, int dir, int32_t pid)
{
	int e = dir < 0 ? dir : proc_record_read(r, p, dir, pid);

	if (proc_gone(e) || e == -EACCES || e == -EPERM)
		e = r->freezer && e == -EPERM ? e : 0;
	if (e == 0) /* that a stranger died is no news of the tree */
		return r->strangers ? 0 : add_pid(&p->missing, pid);
	progress(r, p);
	return e;
}

/* ------------------------------------------------------------------------------------------ walk -- */

/* The children of one thread, into r->pids. */
static int children_of(struct proc_reader *r, int dir, int32_t tid)
{
	char path[48] = "task/";
	size_t at = 5 + proc_text(path + 5, tid);

	memcpy(path + at, "/children", 10);
	long n = proc_slurp(r, dir, path, true);
	int e = n < 0 && !proc_gone(n) ? (int)n : 0;
	for (long i = 0, pid = 0; e == 0 && i < n; i++) {
		if (r->buf[i] >= '0' && r->buf[i] <= '9') {
			pid = pid * 10 + (r->buf[i] - '0');
		} else {
			if (pid && pid != r->self)
				e = add_pid(&r->pids, (int32_t)pid);
			pid = 0;
		}
	}
	return e;
}

static int children_of_all(struct proc_reader *r, int dir, const struct proc_record *rec)
{
	int e = 0;

	if (rec->state == TREE_ZOMBIE)
		return 0;
	if (rec->threads_len == 0)
		return children_of(r, dir, rec->pid);
	for (size_t i = 0; e == 0 && i < pids_len(&r->tids); i++)
		e = children_of(r, dir, pid_at(&r->tids, i));
	return e;
}

/* r->pids is the queue: whoever is read puts his children behind it. */
static int walk(struct proc_reader *r, struct proc_pass *p)
{
	int e = add_pid(&r->pids, r->root);

	for (size_t i = 0; e >= 0 && i < pids_len(&r->pids); i++) {
		int32_t pid = pid_at(&r->pids, i);
		int dir = open_process(r, pid);
		e = read_one(r, p, dir, pid);
		if (e == 1)
			e = children_of_all(r, dir, proc_pass_at(p, proc_pass_len(p) - 1));
		proc_close(dir);
	}
	return e < 0 ? e : 0;
}

static bool children_file_exists(struct proc_reader *r)
{
	char path[48] = "task/";
	int dir = open_process(r, r->root);
	size_t at = 5 + proc_text(path + 5, r->root);

	memcpy(path + at, "/children", 10);
	long n = dir < 0 ? 0 : proc_slurp(r, dir, path, false);
	proc_close(dir);
	return n != -ENOENT;
}

/* ------------------------------------------------------------------------------------------ scan -- */

struct kin {
	int32_t pid, ppid;
	enum kin_mark { KIN_UNKNOWN, KIN_INSIDE, KIN_OUTSIDE } mark;
};

static int by_pid(const void *a, const void *b)
{
	const struct kin *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Everybody's parent, for a walk without children files. */
static int read_kin(struct proc_reader *r, struct proc_pass *p, struct kin *kin)
{
	struct proc_stat stat;
	size_t len = 0;

	for (size_t i = 0; i < pids_len(&r->pids); i++) {
		char path[32];
		size_t at = proc_text(path, pid_at(&r->pids, i));
		memcpy(path + at, "/stat", 6);
		long n = proc_slurp(r, r->proc_fd, path, false);
		if (n < 0 || proc_parse_stat(r->buf, (size_t)n, &stat) < 0) {
			p->unreadable += n == -EACCES || n == -EPERM;
			continue;
		}
		kin[len++] = (struct kin){ .pid = pid_at(&r->pids, i), .ppid = stat.ppid };
	}
	qsort(kin, len, sizeof *kin, by_pid);
	return (int)len;
}

/* Climbs to the nearest ancestor whose place is known and marks the way up; the root and ourselves are known. */
static enum kin_mark mark_of(struct kin *kin, size_t len, struct kin *from)
{
	struct kin *at = from;
	enum kin_mark mark = KIN_OUTSIDE;

	for (size_t steps = 0; at && steps <= len; steps++) { /* numbers that were reused may make a ring */
		if (at->mark != KIN_UNKNOWN) {
			mark = at->mark;
			break;
		}
		at = bsearch(&(struct kin){ .pid = at->ppid }, kin, len, sizeof *kin, by_pid);
	}
	for (at = from; at && at->mark == KIN_UNKNOWN;) {
		at->mark = mark;
		at = bsearch(&(struct kin){ .pid = at->ppid }, kin, len, sizeof *kin, by_pid);
	}
	return mark;
}

static int scan_kin(struct proc_reader *r, struct proc_pass *p, struct kin *kin)
{
	size_t len = (size_t)read_kin(r, p, kin);
	int e = 0;

	for (size_t i = 0; i < len; i++)
		kin[i].mark = kin[i].pid == r->root   ? KIN_INSIDE
			      : kin[i].pid == r->self ? KIN_OUTSIDE
						      : KIN_UNKNOWN;
	r->pids.len = 0;
	e = add_pid(&r->pids, r->root);
	for (size_t i = 0; e == 0 && i < len; i++)
		if (kin[i].pid != r->root && mark_of(kin, len, &kin[i]) == KIN_INSIDE)
			e = add_pid(&r->pids, kin[i].pid);
	return e;
}

/* The tree's processes by their parents' numbers: r->pids becomes the tree. */
static int scan_descendants(struct proc_reader *r, struct proc_pass *p)
{
	struct kin *kin = calloc(pids_len(&r->pids) + 1, sizeof *kin);
	int e = kin ? scan_kin(r, p, kin) : -ENOMEM;

	free(kin);
	return e;
}

/* All of /proc, or with `everybody` false the root's descendants alone. */
static int scan(struct proc_reader *r, struct proc_pass *p, bool everybody)
{
	int e = proc_list_numbers(r, r->proc_fd, ".", &r->pids);

	if (e == 0 && !everybody)
		e = scan_descendants(r, p);
	r->strangers = everybody && r->skip > 0;
	for (size_t i = 0; e >= 0 && i < pids_len(&r->pids); i++) {
		int32_t pid = pid_at(&r->pids, i);
		if (pid == r->self)
			continue;
		int dir = open_process(r, pid);
		e = read_one(r, p, dir, pid);
		proc_close(dir);
	}
	r->strangers = false;
	/* With hidepid the listing leaves others' processes out without a word; number 1 always exists. */
	int init = e < 0 ? -1 : open_process(r, 1);
	p->unreadable += init == -ENOENT;
	proc_close(init);
	return e < 0 ? e : 0;
}

int proc_pass_read(struct proc_reader *r, struct proc_pass *p, struct tree_error *err)
{
	proc_pass_clear(p);
	r->pids.len = 0;
	int e = proc_ns_reset(r);
	/* Whose namespaces are closed to us, of those only the descendants can be told from strangers. */
	bool descendants = r->root_is_init && r->skip > 0 && r->root_ns == PROC_NS_UNKNOWN;
	bool walks = (!r->root_is_init || descendants) && !r->never_walk && children_file_exists(r);
	p->unreadable += descendants;
	if (e == 0)
		e = walks ? walk(r, p) : scan(r, p, r->root_is_init && !descendants);
	if (e == -ENOMEM)
		return tree_fail(err, e, "out of memory");
	if (e < 0)
		return tree_fail(err, e, "cannot read the tree below %d from /proc: %s", (int)r->root,
				 strerror(-e));
	for (size_t i = 0; i < proc_pass_len(p); i++)
		if (proc_pass_at(p, i)->pid == r->root)
			return 0;
	return tree_fail(err, -ESRCH, "process %d ended while it was read", (int)r->root);
}
