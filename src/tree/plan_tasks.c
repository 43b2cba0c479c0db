/* SPDX-License-Identifier: MIT */
/*
 * plan_tasks.c: what the rehearsal has still to do, and what that waits for.
 *
 * Keeps:   (K1) a task is in the queue, or with the one process that it waits for something about, or done;
 *          (K2) first come, first tried: the same tree is always rehearsed in the same order (P4).
 */
#include "plan_rehearsal.h"

#include <errno.h>

static int task_new(struct planner *pl, uint32_t kind, int32_t who, uint32_t *out)
{
	if (plan__grow((void **)&pl->tasks, &pl->tasks_cap, pl->tasks_len + 1, sizeof *pl->tasks) < 0)
		return -ENOMEM;
	*out = pl->tasks_len++;
	pl->tasks[*out] = (struct plan_task){ .kind = kind, .who = who };
	return 0;
}

static void enqueue(struct planner *pl, uint32_t task)
{
	pl->tasks[task].next = 0;
	if (pl->ready_last)
		pl->tasks[pl->ready_last].next = task;
	else
		pl->ready_first = task;
	pl->ready_last = task;
}

int plan__later(struct planner *pl, uint32_t kind, int32_t who)
{
	uint32_t task;

	TRY(task_new(pl, kind, who, &task));
	enqueue(pl, task);
	return 0;
}

/* To be tried again when something about process `on` has changed. */
int plan__park(struct planner *pl, int32_t on, uint32_t kind, int32_t who)
{
	uint32_t task;

	TRY(task_new(pl, kind, who, &task));
	pl->tasks[task].next = pl->nodes[on].now.waiting;
	pl->nodes[on].now.waiting = task;
	return 0;
}

void plan__wake(struct planner *pl, int32_t on)
{
	uint32_t task = pl->nodes[on].now.waiting, turned = 0;

	pl->nodes[on].now.waiting = 0;
	while (task) { /* first come, first tried */
		uint32_t next = pl->tasks[task].next;

		pl->tasks[task].next = turned;
		turned = task;
		task = next;
	}
	while (turned) {
		uint32_t next = pl->tasks[turned].next;

		enqueue(pl, turned);
		turned = next;
	}
}

bool plan__next_task(struct planner *pl, struct plan_task *out)
{
	if (!pl->ready_first)
		return false;
	*out = pl->tasks[pl->ready_first];
	pl->ready_first = out->next;
	if (!out->next)
		pl->ready_last = 0;
	return true;
}

/* Task 0 is none. */
int plan__tasks_init(struct planner *pl)
{
	uint32_t none;

	return task_new(pl, 0, TREE_NONE, &none);
}
