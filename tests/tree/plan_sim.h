/* SPDX-License-Identifier: MIT */
/*
 * plan_sim.h: a plan carried out without a kernel.
 *
 * plan_simulate() runs the step lists against a model of processes, numbers, namespaces, groups and sessions, one step
 * of a randomly chosen actor at a time, and refuses whatever Linux would refuse.  In the end everybody has to stand and
 * the model has to be the wanted tree.  Another seed is another schedule.
 */
#ifndef SETTID_TESTS_PLAN_SIM_H
#define SETTID_TESTS_PLAN_SIM_H

#include "tree/plan.h"

/* 0, or -1 and `why` in one sentence. */
int plan_simulate(const struct plan *p, const struct tree *t, bool new_namespace, uint64_t seed, char *why,
		  size_t size);

/* What needs no schedule: P2, P5, operands within their arrays, one last step per list and none before it. */
int plan_check_form(const struct plan *p, const struct tree *t, char *why, size_t size);

#endif
