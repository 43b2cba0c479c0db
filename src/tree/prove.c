/* SPDX-License-Identifier: MIT */
/*
 * prove.c: a plan carried out on libpidns: the second interpreter of its steps, beside the engine.
 *
 * Keeps:   (V2) a waiting actor is with the one thing that it waits for, so the whole is linear in the steps.
 */
#include "prove.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int prove__wrong(struct prove *v, const char *fmt, ...)
{
	char who[96] = "the plan", what[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (v->me < v->p->actors_len)
		plan_actor_describe(v->p, v->t, v->me, who, sizeof who);
	return tree_fail(v->err, -EPROTO, "the plan is wrong: %s %s", who, what);
}

static const struct plan_step *step_of(const struct prove *v, uint32_t actor)
{
	return &v->p->steps[v->p->actors[actor].first_step + v->actors[actor].pc];
}

/* ------------------------------------------------------------------------------------------- queue -- */

static uint32_t roll(struct prove *v, uint32_t sides)
{
	v->random = v->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(v->random >> 33) % sides;
}

void prove__wake(struct prove *v, uint32_t actor)
{
	uint32_t cap = v->p->actors_len;

	if (v->actors[actor].queued || v->actors[actor].ended)
		return;
	v->actors[actor].queued = true;
	v->queue[(v->queue_first + v->queue_len++) % cap] = actor;
}

/* The first; with a seed any, or the one with the highest priority, so that some are always late. */
static uint32_t take(struct prove *v, bool mixed)
{
	uint32_t cap = v->p->actors_len, first = v->queue_first % cap, at = first;

	if (mixed && v->prefers) {
		for (uint32_t k = 0; k < v->queue_len; k++)
			if (v->actors[v->queue[(first + k) % cap]].priority >
			    v->actors[v->queue[at]].priority)
				at = (first + k) % cap;
	} else if (mixed) {
		at = (first + roll(v, v->queue_len)) % cap;
	}
	uint32_t actor = v->queue[at];
	v->queue[at] = v->queue[first];
	v->queue_first = (first + 1) % cap;
	v->queue_len--;
	v->actors[actor].queued = false;
	return actor;
}

/* Something about `actor` changed: whoever waits for it looks again. */
static void tell(struct prove *v, uint32_t actor)
{
	uint32_t parent = v->actors[actor].child_waits, thread = v->actors[actor].thread_waits;

	v->actors[actor].child_waits = v->actors[actor].thread_waits = 0;
	if (parent)
		prove__wake(v, parent - 1);
	if (thread)
		prove__wake(v, thread - 1);
}

/* All its threads. */
static void go_on(struct prove *v, struct pidns_task *leader)
{
	struct pidns_task *t = leader;

	do {
		const struct prove_actor *a = pidns_user(t);

		if (a && a->held) {
			v->actors[a - v->actors].held = false;
			prove__wake(v, (uint32_t)(a - v->actors));
		}
		t = pidns_next_thread(t);
	} while (t && t != leader);
}

static void on_event(void *ctx, const struct pidns_event *e)
{
	struct prove *v = ctx;
	const struct prove_actor *a = pidns_user(e->task);

	if (!a)
		return;
	if (e->type == PIDNS_EVENT_RELEASED)
		v->actors[a - v->actors].task = NULL;
	if (e->type == PIDNS_EVENT_CONTINUED)
		go_on(v, pidns_leader(e->task));
	if (e->type != PIDNS_EVENT_EXITED && e->type != PIDNS_EVENT_STOPPED)
		return;
	tell(v, (uint32_t)(a - v->actors));
	a = pidns_user(pidns_leader(e->task)); /* any thread of it may have been the last */
	if (a)
		tell(v, (uint32_t)(a - v->actors));
}

/* ------------------------------------------------------------------------------------------ the run -- */

static bool is_last_step(const struct prove *v)
{
	return v->actors[v->me].pc + 1 == v->p->actors[v->me].steps_len;
}

/* The restorer does, where a child's exit signal stopped it. */
static void continue_guard(struct prove *v)
{
	if (v->me == 0 && pidns_state(me(v)->task) == PIDNS_STOPPED)
		pidns_kill(v->outside, pidns_id_number_in(me(v)->id, pidns_task_ns(v->outside)), SIGCONT);
}

static int one_step(struct prove *v)
{
	const struct plan_step *s = step_of(v, v->me);
	int r;

	if (!me(v)->task)
		return prove__wrong(v, "is gone, and still has something to do");
	continue_guard(v);
	if (pidns_state(me(v)->task) == PIDNS_STOPPED && s->op != PLAN_HOLD) {
		me(v)->held = true;
		return WAITS;
	}
	r = prove__carry_out(v, s);
	if (r < 0 || r == WAITS)
		return r;
	if (!me(v)->ended && is_last_step(v))
		return prove__wrong(v, "has no last step");
	if (!me(v)->ended)
		me(v)->pc++;
	return GOES_ON;
}

static int run(struct prove *v, bool mixed)
{
	int r = 0;

	prove__wake(v, 0);
	while (v->queue_len) {
		v->me = take(v, mixed);
		do
			r = one_step(v);
		while (r == GOES_ON && !mixed && !me(v)->ended);
		if (r < 0)
			return r;
		if (r == GOES_ON)
			prove__wake(v, v->me);
	}
	return prove__wanted(v, true);
}

/* ------------------------------------------------------------------------------------------- frame -- */

/* Small pieces in large blocks that go all at once: a world lives for one proof. */
struct prove_block {
	struct prove_block *next;
	size_t used, size;
};

static void *arena_alloc(void *ctx, size_t size)
{
	struct prove *v = ctx;
	size_t need = (size + 15) / 16 * 16, room = need > 65536 ? need : 1 << 20;
	struct prove_block *b = v->blocks;

	if (!b || b->size - b->used < need) {
		b = malloc(sizeof *b + 16 + room);
		if (!b)
			return NULL;
		*b = (struct prove_block){ .next = v->blocks, .size = room };
		v->blocks = b;
	}
	b->used += need;
	return (char *)(((uintptr_t)(b + 1) + 15) / 16 * 16) + b->used - need;
}

static void arena_free(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)p, (void)size;
}

static void arena_done(struct prove *v)
{
	for (struct prove_block *b = v->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
}

static bool is_planned(const struct plan *p, int32_t number)
{
	for (uint32_t i = 0; i < p->numbers_len; i++)
		if (p->numbers[i] == number)
			return true;
	return false;
}

/* The guard's number, where it lives in a namespace of the tree: nobody else's there. */
static int32_t guard_number(const struct plan *p)
{
	int32_t number = TREE_NUMBER_MAX;

	while (is_planned(p, number))
		number--;
	return number;
}

static int make_guard(struct prove *v)
{
	int32_t number = guard_number(v->p);
	struct pidns_clone_args args = { .exit_signal = PIDNS_SIGCHLD,
					 .set_tid = &number,
					 .set_tid_size = 1 };
	struct pidns_task *guard;

	if (pidns_boot(v->world, &v->outside) < 0 || pidns_clone3(v->outside, &args, &guard, NULL) < 0)
		return -ENOMEM;
	v->me = 0;
	v->actors[0].ns = pidns_root(v->world);
	v->actors[0].name = "";
	prove__be_born(v, 0, guard);
	v->queue_len = 0;
	v->actors[0].queued = false;
	if (pidns_sigprocmask(guard, PIDNS_SIG_SETMASK, ~(uint64_t)0) < 0)
		return -ENOMEM;
	if (!v->p->has_init && pidns_set_subreaper(guard, true) < 0)
		return -ENOMEM;
	if (v->p->goes_outside && pidns_setpgid(guard, 0, 0) < 0) /* the caller's has no number here */
		return -ENOMEM;
	return 0;
}

static int allot(struct prove *v, const struct pidns_env *env)
{
	uint32_t n = v->p->actors_len;

	v->actors = calloc(n, sizeof *v->actors);
	v->counters = calloc(v->p->counters_len + 1, sizeof *v->counters);
	v->waiting = calloc(v->p->counters_len + 1, sizeof *v->waiting);
	v->told = calloc(v->p->fds_len + 1, sizeof *v->told);
	v->spaces = calloc(v->t->namespaces_len, sizeof(struct pidns_ns *));
	v->queue = calloc(n, sizeof *v->queue);
	if (!v->actors || !v->counters || !v->waiting || !v->told || !v->spaces || !v->queue ||
	    pidns_world_new(env, NULL, &v->world) < 0)
		return -ENOMEM;
	for (uint32_t k = 0; v->prefers && k < n; k++)
		v->actors[k].priority = (int32_t)roll(v, 1u << 30);
	return make_guard(v);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int plan_prove(const struct plan *p, const struct tree *t, const struct plan_options *o, uint64_t seed,
	       struct plan_proof *proof, struct tree_error *err)
{
	struct prove v = {
		.p = p, .t = t, .o = o, .err = err, .random = seed * 2654435761u + 1, .prefers = seed % 2
	};
	struct pidns_env env = {
		.size = sizeof env, .ctx = &v, .alloc = arena_alloc, .free = arena_free, .event = on_event
	};
	uint64_t start = now_ns();
	int r;

	r = allot(&v, &env);
	if (r == 0)
		r = run(&v, seed != 0);
	else
		tree_fail(err, r, "out of memory for the proof of the plan");
	arena_done(&v); /* the world, and all that lives in it */
	free(v.actors);
	free(v.counters);
	free(v.waiting);
	free(v.told);
	free(v.spaces);
	free(v.queue);
	if (proof)
		*proof = (struct plan_proof){ .ns = now_ns() - start, .processes = p->actors_len };
	return r;
}
