/* SPDX-License-Identifier: MIT */
/*
 * proc_read.h: one pass over the live tree below a process, as raw facts from procfs.
 *
 * A pass is three pools (records, numbers, bytes) that are only ever appended to, in the order in which the tree
 * was met.  So two passes saw the same exactly when their pools are the same bytes: proc_pass_same().  What the
 * facts mean in a tree file (numbers of level 0, ghosts, labels) is dump.c's business.
 *
 * Which files a process costs (Linux 5.5 and later; measured on 6.18 with 10,000 processes, per process):
 *   /proc/PID                  opened with O_PATH and held: 1.0 us.  It pins the process: files opened below it
 *                              later are that process's or ESRCH, never those of the number's next owner.
 *   stat                       4.9 us: name, state, parent, threads, birth, exit signal, wait status.
 *   ns/pid_for_children        a readlink, 3.7 us.  There is no cheaper way to see a process whose children live
 *                              elsewhere (unshare, setns); it also tells the process's own namespace, since that
 *                              can only be the same or one above: no status is needed of a process in the
 *                              procfs mount's own namespace, where stat has all its numbers.  Where strangers may be
 *                              met (a scan of all of /proc) it comes first, and of those it is all that is read.
 *   status                     7.8 us, only of processes that have more numbers than this.
 *   ns/pid                     a readlink, only of zombies (they have no pid_for_children any more) and of the
 *                              first process met in a namespace.
 *   task/TID/children          4.4 us, when the tree is walked; or one listing of /proc, 2.4 us per process of the
 *                              machine, when it is scanned: see proc_find.c.
 *   task/, task/TID/comm       only where there is more than one thread, and not of the leader (task/TID/status
 *                              instead of comm where threads have several numbers).
 *   cmdline, cwd               when asked for.
 */
#ifndef SETTID_TREE_PROC_READ_H
#define SETTID_TREE_PROC_READ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree/freeze.h"
#include "tree/proc_parse.h"
#include "tree/tree.h"

#define PROC_NS_UNKNOWN 0 /* not readable */
#define PROC_NS_EMPTY 1   /* unshared, and nobody born there yet: such a namespace has no readable number */

enum { PROC_NOT_SAID = -1 }; /* of `status` and `stop`: not readable */

/* A growing array of anything. */
struct proc_pool {
	void *at;
	size_t len, cap; /* in bytes */
};

struct proc_bytes {
	uint32_t at, len; /* into pass->bytes */
};

/* All of it is compared as bytes: no padding that is not zero, nothing that moves in a tree at rest. */
struct proc_record {
	uint64_t start;       /* with pid: this process and no later one of the same number */
	uint64_t ns;          /* inode of the namespace it lives in, or PROC_NS_UNKNOWN */
	uint64_t children_ns; /* of the one its next child would live in; = ns for zombies */
	int32_t pid, ppid;    /* in the procfs mount's namespace */
	uint32_t numbers;     /* into pass->numbers: nspid, nspgid, nssid, `levels` each, from level 0 on */
	uint32_t threads;     /* into pass->threads */
	uint32_t threads_len; /* 0 = the leader alone */
	struct proc_bytes comm, cwd, argv; /* argv: the strings, each ended by NUL; len 0 = absent */
	int32_t status;                    /* zombies: wait status, or PROC_NOT_SAID */
	int32_t stop;                      /* stopped: the signal, or PROC_NOT_SAID */
	int32_t notify;                    /* exit signal */
	uint8_t levels;
	uint8_t state; /* enum tree_state */
	uint8_t leader_dead;
	uint8_t zero[5];
};
_Static_assert(sizeof(struct proc_record) == 88, "compared as bytes: no padding");

struct proc_thread {
	uint32_t numbers; /* nspid, as many as its process has */
	struct proc_bytes name;
};

struct proc_pass {
	struct proc_pool records, threads, numbers, bytes;
	struct proc_pool missing; /* int32_t: listed, but not there or not readable (hidepid) */
	uint32_t unreadable;      /* single facts that could not be read */
};

static inline size_t proc_pass_len(const struct proc_pass *p)
{
	return p->records.len / sizeof(struct proc_record);
}
static inline struct proc_record *proc_pass_at(const struct proc_pass *p, size_t i)
{
	return (struct proc_record *)p->records.at + i;
}
static inline const int32_t *proc_numbers(const struct proc_pass *p, uint32_t at)
{
	return (const int32_t *)p->numbers.at + at;
}

void proc_pass_clear(struct proc_pass *p); /* keeps the memory for the next pass */
void proc_pass_done(struct proc_pass *p);
bool proc_pass_same(const struct proc_pass *a, const struct proc_pass *b);

/* What is known of a namespace: entries of a small hash table keyed by inode, new for every pass, since an inode
 * number may come back as another namespace's. */
struct proc_ns {
	uint64_t inode;  /* 0 = free entry */
	unsigned levels; /* numbers that its processes have, counted from the tree's level 0: that is 1 */
	bool inside;     /* level 0 itself or below it */
	/* dump_labels.c's */
	bool needs_label;
	uint64_t outer; /* the namespace around it, 0 = not known */
	int32_t member; /* a record of the pass, -1 = none lives there */
	struct tree_str label;
};

/* Reads passes.  One buffer, one hash table, reused; lives through all passes of a dump. */
struct proc_reader {
	int proc_fd;   /* procfs of the caller's own namespace; borrowed */
	bool commands; /* cmdline and cwd too */
	pid_t self;    /* left out, and its children with it */
	pid_t root;
	int32_t refused; /* the process that the freezer was refused, and who traces it (0 = nobody) */
	int32_t refused_tracer;
	uint32_t fresh;    /* threads frozen since it was last set to 0 */
	bool never_walk;   /* do without children files, as if the kernel had none */
	bool root_is_init; /* then all of its namespace is the tree */
	bool strangers;    /* set while processes are read that may be of other namespaces */
	unsigned skip;     /* columns of status before the tree's level 0 */
	uint64_t root_ns;
	struct freezer *freezer; /* NULL, or everything met is frozen before it is read */
	char *buf;
	size_t buf_size;
	struct proc_pool tids, pids; /* int32_t: what a directory listing or a children file held */
	struct proc_ns *ns;
	size_t ns_len, ns_cap;
	struct freezer asker; /* started when a stop's signal has to be asked for */
	void (*progress)(void *arg, size_t processes);
	void *progress_arg;
};

/* Checks that procfs is our own namespace's (-EXDEV), that root is there (-ESRCH) and not ourselves (-EINVAL), and
 * learns the tree's level 0.  proc_fd stays the caller's. */
int proc_reader_init(struct proc_reader *r, int proc_fd, pid_t root, struct tree_error *err);
void proc_reader_done(struct proc_reader *r);

/*
 * One pass over the tree, its root first.  A pass over a moving tree may be wrong: it is to be believed when the
 * next one is the same.
 * Returns 0 or a negative errno: -ESRCH the root is gone, -ENOMEM, -EPERM from the freezer, -EMFILE...
 */
int proc_pass_read(struct proc_reader *r, struct proc_pass *p, struct tree_error *err);

/* --------------------------------------------------- shared by proc_read.c, proc_find.c and proc_facts.c -- */

/* Room for `size` more bytes at the pool's end, which are then part of it; NULL = no memory. */
void *proc_pool_add(struct proc_pool *pool, size_t size);

/*
 * A file below dir into r->buf (grown when it must be): its length, or a negative errno.  `whole`: read on until
 * the end; else one read, which is all of a file that procfs makes in one piece.
 */
long proc_slurp(struct proc_reader *r, int dir, const char *name, bool whole);
/* A link below dir into out, NUL-terminated: its length, or a negative errno. */
long proc_link(int dir, const char *name, char *out, size_t size);
/* The inode in a namespace link below dir, or a negative errno. */
int64_t proc_ns_link(int dir, const char *name);
/* A directory, for opening below it; pins its process. */
int proc_open_dir(int dir, const char *name);
void proc_close(int fd);
/* Decimal text, NUL-terminated; returns its length. */
size_t proc_text(char *out, int32_t number);
/* Appends every number among the names in directory `name` below dir to out.  0 or a negative errno. */
int proc_list_numbers(struct proc_reader *r, int dir, const char *name, struct proc_pool *out);
/* Is this the answer for a process that is gone? */
static inline bool proc_gone(long code)
{
	return code == -ESRCH || code == -ENOENT;
}

struct proc_ns *proc_ns_find(const struct proc_reader *r, uint64_t inode);
struct proc_ns *proc_ns_learn(struct proc_reader *r, uint64_t inode, unsigned levels, bool inside);

/* Forgets all namespaces but the root's.  0 or -ENOMEM. */
int proc_ns_reset(struct proc_reader *r);
/* The namespace `up` levels around the one that a process lives in: its inode, or a negative errno. */
int64_t proc_ns_around(int dir, unsigned up);

/*
 * Appends the record of the process whose /proc directory is `dir`, which stays the caller's.  Afterwards r->tids
 * holds its threads' numbers when it has more than one.
 * Returns 1 = done, 0 = it is gone, or moved while it was read, PROC_STRANGER = not of the tree; a negative errno.
 */
enum { PROC_STRANGER = 2 };
int proc_record_read(struct proc_reader *r, struct proc_pass *p, int dir, int32_t pid);

#endif
