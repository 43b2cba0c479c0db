/* SPDX-License-Identifier: MIT */
/*
 * prove.h: what prove.c, which has a plan carried out on the model, prove_steps.c, which knows its steps, and
 * prove_wanted.c, which looks at the end, share.
 *
 * Keeps:   (V1) nothing is believed of the plan but its steps; the wanted tree is looked at in the end only.
 */
#ifndef SETTID_PROVE_H
#define SETTID_PROVE_H

#include "plan.h"

#include "pidns.h"

/* An actor's life on the model. */
struct prove_actor {
	struct pidns_task *task; /* NULL before it is born and once it is released */
	struct pidns_id *id;     /* a reference: it outlives the task */
	struct pidns_ns *ns;     /* where it lives */
	const char *name;        /* what it called itself last, or its maker did */
	int32_t pid;             /* as its maker's clone returned it */
	uint32_t pc;             /* the next step */
	uint32_t next_waiting;   /* in the list of whoever waits for the same; 0 = none */
	uint32_t child_waits;    /* an actor + 1 that waits for this one's death or stop */
	uint32_t thread_waits;   /* a thread of it, actor + 1, that waits for its leader's end */
	int32_t priority;
	bool born, done, ended, queued, core;
	bool held; /* it could go on, but is stopped */
};

struct prove {
	const struct plan *p;
	const struct tree *t;
	const struct plan_options *o;
	struct pidns_world *world;
	struct pidns_task *outside; /* the machine's init: the guard's parent */
	struct prove_actor *actors;
	uint32_t *counters, *waiting; /* per counter; actor + 1 */
	struct pidns_ns **spaces;     /* per namespace of the tree: the one that some process showed for it */
	uint32_t *
		told; /* per descriptor: actor + 1 that said who it is, PROVE_OPEN = nobody yet, 0 = not open */
	uint32_t *queue, queue_first, queue_len; /* actors that can go on, a ring */
	uint32_t me, done;
	uint64_t random;
	bool prefers;               /* priorities decide who goes on */
	struct prove_block *blocks; /* the model's memory */
	struct tree_error *err;
};

/* Says who did what wrong; -EPROTO. */
int prove__wrong(struct prove *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline struct prove_actor *me(struct prove *v)
{
	return &v->actors[v->me];
}

/* `actor` can go on, or may be able to. */
void prove__wake(struct prove *v, uint32_t actor);

/* prove_steps.c: one step of v->me's: GOES_ON, WAITS (it is with what it waits for), or a negative errno. */
#define PROVE_OPEN UINT32_MAX
enum { GOES_ON = 0, WAITS = 1 };
int prove__carry_out(struct prove *v, const struct plan_step *s);
void prove__be_born(struct prove *v, uint32_t actor, struct pidns_task *task);

/* prove_wanted.c: is the model the wanted tree?  `ended`: and has everybody done the last step? */
int prove__wanted(struct prove *v, bool ended);

#endif
