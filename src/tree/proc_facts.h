/* SPDX-License-Identifier: MIT */
/*
 * proc_facts.h: what proc_facts.c, which reads a process, and proc_hold.c, which freezes it before, share.
 */
#ifndef SETTID_TREE_PROC_FACTS_H
#define SETTID_TREE_PROC_FACTS_H

#include <string.h>

#include "tree/proc_read.h"

/* What is known so far of the process being read. */
struct facts {
	struct proc_reader *r;
	struct proc_pass *p;
	int dir;
	struct proc_stat stat; /* stat.comm is not valid any more once another file was read */
	struct proc_record rec;
	int32_t alive; /* a living thread's TID where the leader is dead */
	struct proc_stat alive_stat;
	bool no_rights; /* over this process: its links are closed to us */
	bool hold;      /* freeze it before it is read */
	int64_t link;   /* ns/pid_for_children, where it was read first; 0 = not yet */
};

/* "task/TID/leaf" */
static inline const char *task_path(char *out, int32_t tid, const char *leaf)
{
	memcpy(out, "task/", 5);
	size_t at = 5 + proc_text(out + 5, tid);
	memcpy(out + at, leaf, strlen(leaf) + 1);
	return out;
}

static inline int read_stat(struct facts *f, const char *name, struct proc_stat *out)
{
	long n = proc_slurp(f->r, f->dir, name, false);

	return n < 0 ? (int)n : proc_parse_stat(f->r->buf, (size_t)n, out);
}

/* Freezes every thread of the process; -EPERM when one is refused: r->refused says whose. */
int proc__hold_threads(struct facts *f);

#endif
