/* SPDX-License-Identifier: MIT */
/*
 * live.h: what live.c (the backend of the running kernel) and live_watch.c (what its tasks are doing) share.
 */
#ifndef SETTID_TESTS_LIVE_H
#define SETTID_TESTS_LIVE_H

#include "backend.h"
#include "puppet.h"

enum live_state {
	LIVE_RUNS,    /* on a CPU, about to be, or in a sleep that no signal ends                          */
	LIVE_SLEEPS,  /* waits for a command or inside a call                                              */
	LIVE_STOPPED, /* by a signal                                                                       */
	LIVE_ZOMBIE,  /* dead, its number kept                                                             */
	LIVE_DYING,   /* an init that waits for others of its namespace to be reaped                       */
	LIVE_GONE,    /* no such task any more                                                             */
};

/* The numbers of a task's parent, group and session. */
struct live_links {
	int32_t ppid, pgid, sid;
};

/* What is read of a task's stat. */
struct live_line {
	char state;
	unsigned flags;
	struct live_links links; /* as the driver's procfs has them */
};

struct live_task {
	bool used;
	bool is_leader;
	bool gone;     /* has been seen gone                                                                */
	bool freed;    /* ... and its numbers, its group's and its session's are as they will be            */
	bool pending;  /* its command has not returned yet                                                  */
	int dir;       /* its /proc/PID/task/TID: refers to this very task, whoever gets its number next    */
	int stat_fd;   /* ... and the file of that name in it, read from its beginning at each look         */
	int tid, tgid; /* as the driver's procfs has them                                                   */
	int32_t nspid_len;
	int32_t nspid
		[OP_LEVELS_MAX]; /* from the level of `outer`                                           */
	enum live_state last;    /* as settle saw it                                                    */
	bool is_fresh_look;      /* settle has just read `line`, and nothing happened since             */
	struct live_line line;
	struct live_links driver; /* as the driver's procfs had them when `own` was read                 */
	struct live_links own;    /* as the task's own namespace has them                                */
};

struct live_world {
	struct puppet_shared *shared;
	int shared_fd, proc_fd, exe_fd, pidfd;
	int hidden_levels; /* numbers in NSpid that are outer than the level of `outer`                    */
	int task_end;      /* tasks in use have a lower index                                              */
	int busy;          /* who was last seen running: asked first                                       */
	struct live_task task[CASE_TASKS];
};

/* Gives up what is open of a task. */
void live_leave(struct live_task *t);
/* Finds out who a task is that has announced itself in its slot. */
int live_meet(struct live_world *w, int index);
enum live_state live_look(struct live_world *w, int index);
/* The same, and never fooled by a task that is still on its way to sleep, or looks for a reason not to. */
enum live_state live_look_closely(struct live_world *w, int index);
/* Fills FIELD_STATE, PPID, PGID, SID and the numbers; the last three as seen from the task's own namespace. */
void live_describe(struct live_world *w, int index, struct op_answer *answer);
/* Waits until no task has anything left to do.  False if that took too long. */
bool live_settle(struct live_world *w);
/* Marks the tasks of one process gone, except `index`. */
void live_drop_siblings(struct live_world *w, int index);

long live_now_ms(void);
enum { LIVE_PATIENCE_MS = 20000 };

#endif
