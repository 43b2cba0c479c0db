/* SPDX-License-Identifier: MIT */
/*
 * test_plan_mutated.c: trees that may be impossible are planned and proven, or refused; never planned wrongly, and the
 * planner comes to an end.
 *
 * What libpidns has lived through, with other parents, groups, sessions and exit signals here and there.  SETTID_SEEDS=N takes
 * N of them instead of 6,000, SETTID_SEED=S begins with seed S, SETTID_SHOW=1 prints those that are wrong.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "plan_form.h"
#include "random_world.h"
#include "tree/plan.h"

#define PATIENCE_S 60 /* for one tree, which takes a millisecond */

static uint64_t first_seed, now_at;
static unsigned seeds;

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *d, size_t limit)
{
	d->state = d->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((d->state >> 33) % limit);
}

static struct tree_process *anybody(struct dice *d, struct tree *t)
{
	return &t->processes[roll(d, t->processes_len)];
}

/* A number that is somebody's, a dead leader's, or 0. */
static int32_t number(struct dice *d, struct tree *t)
{
	size_t k = roll(d, t->processes_len + t->ghosts_len + 1);

	if (k < t->processes_len)
		return t->processes[k].nspid[0];
	return k - t->processes_len < t->ghosts_len ? t->ghosts[k - t->processes_len].nspid[0] : 0;
}

/* To a session that somebody leads, there to the leader's group or one of its own. */
static void change_session(struct dice *d, struct tree *t, struct tree_process *p)
{
	int32_t session = anybody(d, t)->sid;

	p->sid = session;
	p->pgid = roll(d, 2) ? session : p->nspid[0];
}

static void mutate(struct dice *d, struct tree *t)
{
	static const int16_t signals[] = { SIGUSR1, SIGUSR2, 0, TREE_ABSENT, SIGKILL, SIGSTOP };
	struct tree_process *p = anybody(d, t);

	switch (roll(d, 8)) {
	case 0:
		p->ppid = number(d, t);
		break;
	case 1:
		p->sid = p->pgid = p->nspid[0];
		break;
	case 2:
		p->pgid = p->nspid[0];
		break;
	case 3:
		p->pgid = anybody(d, t)->pgid;
		break;
	case 4:
		p->notify_signal = signals[roll(d, 6)];
		break;
	default:
		change_session(d, t, p);
		break;
	}
}

/* 0, or a negative errno: -EOPNOTSUPP is a refusal. */
static int check(struct tree *t, bool new_namespace, struct tree_error *err)
{
	const struct plan_options o = { .new_namespace = new_namespace };

	return plan_try(t, &o, 2, NULL, err);
}

static void took_too_long(int sig)
{
	static const char text[] = "not ok - a plan is found, or not, in the end\n";

	(void)sig;
	(void)!write(1, text, sizeof text - 1);
	fprintf(stderr, "# seed=0x%" PRIx64 " does not come to an end\n", now_at);
	_exit(1);
}

struct counts {
	unsigned planned, refused, wrong, invalid;
};

static void try_one(uint64_t seed, unsigned ops_max, struct counts *n)
{
	struct dice d = { seed * 0x9e3779b97f4a7c15u };
	struct tree *t = random_world(seed, 4 + (unsigned)(seed * 2654435761u >> 9) % ops_max);
	struct tree_error err = { 0 };
	int r;

	if (!t)
		return;
	for (unsigned k = 1 + roll(&d, 4); k > 0; k--)
		mutate(&d, t);
	if (tree_validate(t, &err) < 0) {
		n->invalid++;
		tree_free(t);
		return;
	}
	r = check(t, true, &err);
	if (r == 0 && t->namespaces[0].init == TREE_NONE)
		r = check(t, false, &err);
	n->planned += r == 0;
	n->refused += r == -EOPNOTSUPP;
	if (r < 0 && r != -EOPNOTSUPP) {
		n->wrong++;
		print_message("# seed=0x%" PRIx64 ": %s\n", seed, err.text);
		if (getenv("SETTID_SHOW"))
			tree_write_json(t, stdout);
	}
	tree_free(t);
}

static void run(unsigned ops_max, unsigned count)
{
	struct counts n = { 0 };

	signal(SIGALRM, took_too_long);
	for (unsigned k = 0; k < count; k++) {
		now_at = first_seed + k;
		alarm(PATIENCE_S);
		try_one(now_at, ops_max, &n);
	}
	alarm(0);
	print_message("# %u planned and proven, %u refused, %u no trees at all; first seed 0x%" PRIx64 "\n",
		      n.planned, n.refused, n.invalid, first_seed);
	assert_true(n.planned > 0 && n.refused > 0);
	assert_int_equal(n.wrong, 0);
}

static void small_mutants_are_planned_or_refused(void **state)
{
	(void)state;
	run(25, seeds / 2);
}

static void large_mutants_are_planned_or_refused(void **state)
{
	(void)state;
	run(200, seeds - seeds / 2);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_mutants_are_planned_or_refused),
		cmocka_unit_test(large_mutants_are_planned_or_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	seeds = (unsigned)from_environment("SETTID_SEEDS", 6000);
	first_seed = from_environment("SETTID_SEED", (uint64_t)time(NULL) * 1000003u);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
