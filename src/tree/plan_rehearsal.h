/* SPDX-License-Identifier: MIT */
/*
 * plan_rehearsal.h: what the parts of the rehearsal share: plan_rehearse.c, plan_deeds.c, plan_moves.c, plan_tasks.c.
 */
#ifndef SETTID_PLAN_REHEARSAL_H
#define SETTID_PLAN_REHEARSAL_H

#include "plan_internal.h"

enum plan_task_kind { START, ADVANCE, BIRTH, VISIT, STAND_IN, RETURN, SETTLE };

/* plan_deeds.c: what a task says; it does that, or parks it. */
int plan__do_task(struct planner *pl, const struct plan_task *task);
int plan__make(struct planner *pl, int32_t c); /* whoever makes `c` does so now */
/* The namespace that `c` is put into from outside is there. */
bool plan__can_be_born(const struct planner *pl, int32_t c);
/* What `i`'s maker has to do before its own setsid(), beside making it: put it into group `f`, where it stands in; put it
 * into the group that `c` has to be born in; put it where it ends. */
bool plan__stands_in_early(const struct planner *pl, int32_t i, int32_t f);
bool plan__visits_early(const struct planner *pl, int32_t i, int32_t c);
bool plan__settled_early(const struct planner *pl, int32_t i);

/* Tasks are tried in order.  A parked one is tried when something about process `on` has changed. */
int plan__tasks_init(struct planner *pl);
int plan__later(struct planner *pl, uint32_t kind, int32_t who);
int plan__park(struct planner *pl, int32_t on, uint32_t kind, int32_t who);
void plan__wake(struct planner *pl, int32_t on);
bool plan__next_task(struct planner *pl, struct plan_task *out);

/* The group that `i` founds can be entered from now on, or again. */
int plan__group_exists(struct planner *pl, int32_t i);
/* A founder leaves its group, to come back; both do nothing where `i` founds none. */
int plan__leave_home(struct planner *pl, int32_t i);
int plan__come_home(struct planner *pl, int32_t i);
/* `i` gets into group `f`, which exists; by itself if it can, else its parent does it.  goes_on: it has something to
 * do there.  *by is the actor that did it. */
int plan__go(struct planner *pl, int32_t i, int32_t f, bool goes_on, uint32_t *by);
int plan__go_outside(struct planner *pl, int32_t i, uint32_t *by);
int plan__move(struct planner *pl, int32_t i, int32_t f, bool goes_on); /* by its parent */

#endif
