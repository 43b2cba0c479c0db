/* SPDX-License-Identifier: MIT */
/*
 * live_tree.h: random trees of real processes, for tests.
 *
 * A driver process, the init of a PID namespace made for it, has the tree's root as its one child.  Every process of
 * the tree carries out commands that it gets through shared memory (fork, setsid, setpgid, thread, exit, stop), so
 * a tree is made by the same calls as any other, one at a time and in an order that the seed decides.  When it
 * stands, nothing in it moves until live_tree_stop().
 *
 * Needs root.  The caller's /proc must be its own namespace's.  No init ever joins a process group that another
 * process of its namespace founded: it could not die.
 */
#ifndef SETTID_TESTS_LIVE_TREE_H
#define SETTID_TESTS_LIVE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a tree may hold beside parents and children. */
enum {
	LIVE_TREE_GROUPS = 1 << 0, /* setpgid: new groups, members that join others, leaders that moved on */
	LIVE_TREE_SESSIONS = 1 << 1, /* setsid, also after children were born */
	LIVE_TREE_THREADS = 1 << 2,
	LIVE_TREE_NAMES = 1 << 3,      /* of processes and threads, not all of them UTF-8 */
	LIVE_TREE_ZOMBIES = 1 << 4,    /* any exit code, any deadly signal */
	LIVE_TREE_CORES = 1 << 5,      /* zombies that dumped core too, in a directory made for it */
	LIVE_TREE_STOPS = 1 << 6,      /* all four stop signals, seen by the parent or not */
	LIVE_TREE_NAMESPACES = 1 << 7, /* inits anywhere; the root may be one */
	LIVE_TREE_NOTIFY = 1 << 8,     /* exit signals other than SIGCHLD, and none */
	LIVE_TREE_NUMBERS = 1 << 9,    /* PIDs from all over the range instead of 1, 2, 3 */
	LIVE_TREE_ALL = (1 << 10) - 1,
	/* not in ALL: what it takes labels and other processes' help to make */
	LIVE_TREE_HELPED = 1 << 10, /* children that their parent moved, or put into an existing namespace */
	/* processes that die and are reaped on the way, subreapers, CLONE_PARENT, execve: ghosts, orphans, lost exit
	 * signals */
	LIVE_TREE_WILD = 1 << 11,
	LIVE_TREE_HIGH =
		1
		<< 12, /* numbers of level 0 from a high range, which the caller's namespace may have free */
};

/* What was made: one entry per process, [1] is the root and [0] the driver, which is outside. */
struct live_made {
	uint32_t parent; /* indices into the same array */
	uint32_t ns;     /* the init of its namespace */
	uint32_t group;  /* who founded it */
	uint32_t session;
	int32_t pid;      /* its number where its parent lives */
	int32_t number;   /* and where it lives itself */
	unsigned level;   /* namespaces below the driver's */
	unsigned threads; /* beside the leader */
	unsigned children;
	bool dead, stopped;
	bool gone; /* dead and reaped */
	bool subreaper;
	bool execed;   /* since it was born: its parent cannot move it any more */
	int exit_code; /* of the dead: or -1, and then */
	int exit_signal;
	int stop_signal; /* of the stopped; TSTP, TTIN and TTOU become STOP in an orphaned group */
	int notify;
	char name[16]; /* "" = as the test program's */
};

struct live_tree {
	struct live_made *made;
	uint32_t made_len;
	pid_t root; /* the caller's number for it */
	pid_t init; /* the driver, likewise */
	int init_pidfd;
	void *shared;
	size_t shared_size;
	char core_dir[32]; /* "" = none */
};

/* Makes the tree of a seed, of `size` processes (1 to 4096).  0, or a negative errno and nothing is left. */
int live_tree_start(uint64_t seed, unsigned size, unsigned shapes, struct live_tree *out);
/* Kills and reaps all of it.  May be called on what live_tree_start() refused. */
void live_tree_stop(struct live_tree *t);

#endif
