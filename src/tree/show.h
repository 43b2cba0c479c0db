/* SPDX-License-Identifier: MIT */
/*
 * show.h: what the three drawings of a tree (text, dot, svg) share: the order of rows, and how facts read.
 *
 * All take validated trees: parents, namespaces and the map of numbers are settled.
 */
#ifndef SETTID_TREE_SHOW_H
#define SETTID_TREE_SHOW_H

#include "tree/text.h"

/* Processes as one reads them: each followed by its descendants, siblings in the tree's own order. */
struct show_walk {
	size_t len;
	int32_t *order;    /* [row] = index of the process */
	uint32_t *depth;   /* [row], 0 = its parent is outside */
	uint32_t *subtree; /* [row] = rows it takes with all its descendants, at least 1 */
	uint32_t *row;     /* [process] = its row */
};

/* 0 or -ENOMEM; show_walk_done() in either case. */
int show_walk_init(struct show_walk *w, const struct tree *t);
void show_walk_done(struct show_walk *w);

/* What a ghost is still good for. */
struct show_ghost {
	uint32_t group_members, session_members;
};
/* One per ghost of t, to be freed; NULL = no memory (or no ghosts: then len is 0 anyway). */
struct show_ghost *show_ghosts_new(const struct tree *t);
/* "3 in its group; 1 in its session" */
void show_put_members(struct text *out, const struct show_ghost *g);

struct show_counts {
	size_t threads; /* besides the leaders */
	size_t zombies, stopped;
	unsigned levels; /* the most that a process or ghost has, at least 1 */
};
struct show_counts show_count(const struct tree *t);
/* "5 processes (1 zombie), 3 more threads, 2 ghosts, 2 PID namespaces" */
void show_put_counts(struct text *out, const struct tree *t);

/* "live", "stopped SIGTSTP", "zombie exit 3", "zombie SIGSEGV core", "leader dead" */
void show_put_state(struct text *out, const struct tree_process *p);
/* A PGID or SID with what it is to p: "42*" p leads it, "42+" its leader is dead, "42" neither, "-" outside. */
void show_put_leader(struct text *out, const struct tree *t, const struct tree_process *p, int32_t number);
/* "+3 threads: 43 44 45"; long lists are cut. */
void show_put_threads(struct text *out, const struct tree_process *p);
/* The command line, or the name where it is all that is known; cut to `max` bytes with "...". */
void show_put_command(struct text *out, const struct tree_process *p, enum text_charset charset, size_t max);
/* Not the namespace its parent's children are usually born in, or number 1 in it: a frontier to be drawn. */
bool show_enters_ns(const struct tree *t, const struct tree_process *p);
/* "init of level 1 (label)", or "in the level 1 namespace of 42" for one that was put there from outside. */
void show_put_ns(struct text *out, const struct tree *t, const struct tree_process *p,
		 enum text_charset charset);
/* The ghost that has this number at level 0, or TREE_NONE. */
int32_t show_find_ghost(const struct tree *t, int32_t number);
bool show_has_habits(const struct tree_process *p);
/* What it does that others do not: threads, children elsewhere, subreaper, end signal; separated by "; ". */
void show_put_habits(struct text *out, const struct tree *t, const struct tree_process *p,
		     enum text_charset charset);
/* Everything else worth a note (threads, namespace, subreaper, end signal), separated by "; ". */
void show_put_notes(struct text *out, const struct tree *t, const struct tree_process *p,
		    enum text_charset charset);

#endif
