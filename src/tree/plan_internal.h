/* SPDX-License-Identifier: MIT */
/*
 * plan_internal.h: what the planner's passes share.
 *
 * The passes run in this order, each over all processes once, so the whole is linear:
 *   plan.c           children lists and a top-down order
 *   plan_sessions.c  birth sessions: who must be born before its parent's setsid()
 *   plan_groups.c    who founds, joins and moves between process groups, and in which phase
 *   plan_emit.c      the step lists
 * Keeps: (Q1) a pass writes only its own part of struct plan_node; (Q2) what cannot be built is refused by
 * the pass that sees it, with the processes' names.
 */
#ifndef SETTID_PLAN_INTERNAL_H
#define SETTID_PLAN_INTERNAL_H

#include "plan.h"

/* How a process gets into its group. */
enum plan_group_way {
	PLAN_GROUP_BORN,  /* nothing to do: born in it, or founded it and stays                          */
	PLAN_GROUP_JOINS, /* phase 2: after every group is founded                                       */
	PLAN_GROUP_MOVES, /* phase 3: founded a group of its own, leaves it once its members have joined */
	PLAN_GROUP_MOVED, /* phase 2, by its parent: the group is not visible from its own namespace     */
};

struct plan_node {
	int32_t first_child, next_sibling;
	/* sessions */
	int32_t birth_session; /* level-0 number of the session it is born in */
	int32_t needed_by;     /* a leader: the child that its birth session was chosen for */
	bool leads_session;
	bool born_early; /* before its parent's setsid() */
	/* groups */
	int32_t birth_group; /* level-0 number of the group it is born in; 0 = outside */
	bool founds;         /* setpgid(0, 0): a group of its own, while not a session leader */
	bool needs_outside;  /* it, or a descendant, is in the outside group, which is had by birth alone */
	bool before_group;   /* born before its parent founds its group */
	bool has_members;    /* somebody else is, or was born, in the group it founds */
	uint8_t way;         /* enum plan_group_way */
	bool steady;         /* a founder: the group has members that never leave it */
	uint32_t movers;     /* a founder: how many others move into its group in phase 3 */
	uint32_t arrivals;   /* counter of those, or NO_COUNTER */
	bool anchored;       /* a founder: the group is not orphaned (R6.47) */
	uint32_t walk;       /* mark of find_circles() */
	/* emission */
	uint32_t actor;
	uint32_t settled;       /* counter that its parent waits for, or NO_COUNTER */
	bool entered;           /* an init whose namespace somebody enters from outside */
	uint32_t threads_stand; /* counter of a stopped process's threads, or NO_COUNTER */
	uint32_t gate;          /* counter that those who enter wait for, or NO_COUNTER */
};

#define NO_COUNTER UINT32_MAX

struct planner {
	const struct tree *t;
	struct plan_options o;
	struct plan *plan;
	struct plan_node *nodes; /* one per process */
	int32_t *order;          /* process indices, parents before children */
	int32_t first_root;      /* processes with an outside parent, linked by next_sibling */
	/* counters of the phases, or NO_COUNTER where nobody would wait */
	uint32_t k_founded, k_joined, k_moved, k_dead;
	uint32_t k_placed; /* everyone is born and in its group: before that, groups may look orphaned */
	struct tree_error *err;
};

int plan__sessions(struct planner *pl);
int plan__groups(struct planner *pl);
int plan__emit(struct planner *pl);

/* "process 42 (bash)" into a small buffer of the caller's. */
struct plan_who {
	char text[64];
};
const char *plan__who(const struct planner *pl, int32_t process, struct plan_who *buf);
int plan__refuse(struct planner *pl, int32_t process, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int plan__note(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether a number of process `of` exists in the namespace of process `from`, and which. */
bool plan__visible(const struct tree *t, int32_t of, int32_t from);
int32_t plan__number_in(const struct tree *t, int32_t of, int32_t from);

static inline const struct tree_process *plan__process(const struct planner *pl, int32_t i)
{
	return &pl->t->processes[i];
}

static inline int32_t plan__own_number(const struct tree_process *p)
{
	return p->nspid[p->levels - 1];
}

#endif
