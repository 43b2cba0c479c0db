/* SPDX-License-Identifier: MIT */
/*
 * plan_model.h: the model behind plan_simulate(): plan_sim.c changes it, plan_wanted.c compares it.
 *
 * Keeps:   (M1) an actor is an identity: its numbers, its group and its session are those of its process.
 */
#ifndef SETTID_TESTS_PLAN_MODEL_H
#define SETTID_TESTS_PLAN_MODEL_H

#include "plan_sim.h"

enum { OUTSIDE = -1, NEVER = -2 };

struct who {
	int parent;  /* actor; OUTSIDE for the guard */
	int process; /* itself, or, for a thread, its leader */
	int ns, children_ns;
	int group, session; /* actors; OUTSIDE */
	uint32_t pc;
	bool born, done, ended, dead, stopped, thread_gone, execs, subreaper, guard_group;
	int code, signal, core, stop_signal;
	char name[16];
};

struct space {
	int parent, init, level;
};

struct sim {
	const struct plan *p;
	const struct tree *t;
	struct who *who;
	struct space *spaces;
	int spaces_len;
	uint32_t *counters;
	int *fds;
	uint64_t random;
	char *why;
	size_t size;
	uint32_t done;
	int me; /* whose step it is */
};

/* Says who and what is wrong; -1. */
int sim_wrong(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const struct plan_step *sim_step_of(const struct sim *s, int who);

/* plan_wanted.c: is the model the wanted tree?  `ended`: and has everybody done the last step? */
int sim_check_all(struct sim *s, bool ended);

#endif
