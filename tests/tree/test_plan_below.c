/* SPDX-License-Identifier: MIT */
/*
 * test_plan_below.c: who was born below others and left further up is planned, however many at once.
 *
 * A tree is made up as it was at first, in one namespace: each process is born below a random one, in its session or in the
 * one that it was born in itself.  Then leaders may die, and each of the others is left to any of those above it.  Such a
 * tree exists, so it has a plan.  Random lives (test_plan_world.c) come to such trees too seldom.
 *
 * Once more with siblings made by CLONE_PARENT and other exit signals than SIGCHLD, which those keep whom nobody left.
 *
 * SETTID_SEEDS=N takes N random trees of each size instead of 1,000, SETTID_SEED=S begins with seed S.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "plan_form.h"
#include "tree/plan.h"
#include "tree/tree.h"

enum { LEN_MAX = 40, OUTSIDE = -1, FIRST_NUMBER = 10 };
static const int signals[] = { SIGCHLD, SIGCHLD, SIGUSR1, SIGUSR2, 0 };

struct life {
	int parent; /* at first */
	int born_in, session;
	int last_parent;
	int sig; /* what its parent gets when it dies: at first, and in the end */
	int last_sig;
	int beside; /* whoever made it with CLONE_PARENT, or OUTSIDE */
	bool leads, dead, held;
	bool left; /* it was born to somebody who died, below its parent */
};

static uint64_t first_seed;
static unsigned seeds;
static bool siblings; /* some are made with CLONE_PARENT, and with other exit signals */

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static unsigned draw(uint64_t *rng, unsigned below)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ z >> 31) % below);
}

static void be_born(struct life *lives, int i, uint64_t *rng)
{
	int maker = i == 0 ? OUTSIDE : draw(rng, 3) ? i - 1 - (int)draw(rng, i < 3 ? (unsigned)i : 3) : 0;
	bool beside = siblings && maker > 0 && draw(rng, 4) == 0; /* with CLONE_PARENT */
	struct life *l = &lives[i];

	*l = (struct life){ .parent = maker, .born_in = OUTSIDE, .leads = draw(rng, 5) < 2, .sig = SIGCHLD };
	l->beside = beside ? maker : OUTSIDE;
	if (maker != OUTSIDE)
		l->born_in = draw(rng, 2) ? lives[maker].session : lives[maker].born_in;
	if (beside)
		l->parent = lives[maker].parent;
	if (beside)
		l->sig = draw(rng, 4) ? lives[maker].sig : SIGCHLD; /* that may have called execve before */
	else if (siblings && draw(rng, 3) == 0)
		l->sig = signals[draw(rng, sizeof signals / sizeof *signals)];
	l->session = l->leads ? i : l->born_in;
}

/* One whose session lives on, as a number. */
static void die(struct life *lives, int len, uint64_t *rng)
{
	for (int i = 1; i < len; i++)
		lives[i].dead = lives[i].leads && draw(rng, 4) == 0;
	for (int i = 0; i < len; i++)
		if (!lives[i].dead && lives[i].session != OUTSIDE)
			lives[lives[i].session].held = true;
}

static void be_left(struct life *lives, int i, uint64_t *rng)
{
	int up = lives[i].parent, beside = lives[i].beside;

	while (up > 0 && (lives[up].dead || draw(rng, 2)))
		up = lives[up].parent;
	lives[i].last_parent = up;
	lives[i].left = up != lives[i].parent || (beside != OUTSIDE && lives[beside].left);
	/* orphans have SIGCHLD, and so has who calls execve */
	lives[i].last_sig = lives[i].left || draw(rng, 4) == 0 ? SIGCHLD : lives[i].sig;
}

static int32_t number_of(int i)
{
	return i == OUTSIDE ? 0 : i + FIRST_NUMBER;
}

static const int32_t *numbers_of(struct tree *t, int i)
{
	int32_t *nspid = tree_alloc(t, sizeof *nspid);

	assert_non_null(nspid);
	*nspid = number_of(i);
	return nspid;
}

static void add(struct tree *t, const struct life *l, int i)
{
	struct tree_process *p = tree_process_add(t);

	assert_non_null(p);
	p->levels = 1;
	p->nspid = numbers_of(t, i);
	p->ppid = number_of(l->last_parent);
	p->sid = p->pgid = number_of(l->session);
	p->state = TREE_LIVE;
	if (l->last_sig != SIGCHLD)
		p->notify_signal = (int16_t)l->last_sig;
}

static void add_ghost(struct tree *t, int i)
{
	struct tree_ghost *g = tree_ghost_add(t);

	assert_non_null(g);
	g->levels = 1;
	g->nspid = numbers_of(t, i);
}

static struct tree *make_up(uint64_t seed, int len)
{
	struct tree *t = tree_new(NULL);
	struct life lives[LEN_MAX];
	uint64_t rng = seed;

	assert_non_null(t);
	for (int i = 0; i < len; i++)
		be_born(lives, i, &rng);
	die(lives, len, &rng);
	for (int i = 0; i < len; i++)
		be_left(lives, i, &rng);
	for (int i = 0; i < len; i++) {
		if (!lives[i].dead)
			add(t, &lives[i], i);
		else if (lives[i].held)
			add_ghost(t, i);
	}
	return t;
}

static int try(struct tree *t, bool at_once, struct tree_error *err)
{
	const struct plan_options o = { .new_namespace = true, .at_once = at_once };
	struct plan *p = NULL;
	int r = plan_make(t, &o, &p, err);

	if (r == 0)
		r = plan_check_form(p, t, err->text, sizeof err->text);
	for (uint64_t k = 0; r == 0 && k < 3; k++)
		r = plan_prove(p, t, &o, k, NULL, err);
	plan_free(p);
	return r;
}

static bool is_planned(struct tree *t, struct tree_error *err)
{
	return tree_validate(t, err) == 0 && try(t, false, err) == 0 && try(t, true, err) == 0;
}

static void run(int len)
{
	unsigned bad = 0;

	for (unsigned k = 0; k < seeds; k++) {
		struct tree_error err = { 0 };
		struct tree *t = make_up(first_seed + k, len);

		if (!is_planned(t, &err)) {
			print_message("# seed=0x%" PRIx64 ": %s\n", first_seed + k, err.text);
			if (getenv("SETTID_SHOW"))
				tree_write_json(t, stdout);
			bad++;
		}
		tree_free(t);
	}
	print_message("# %u trees of %d; first seed 0x%" PRIx64 "\n", seeds, len, first_seed);
	assert_int_equal(bad, 0);
}

static void six_left_further_up_are_planned(void **state)
{
	(void)state;
	run(6);
}

static void ten_left_further_up_are_planned(void **state)
{
	(void)state;
	run(10);
}

static void forty_left_further_up_are_planned(void **state)
{
	(void)state;
	run(LEN_MAX);
}

static void siblings_left_further_up_are_planned(void **state)
{
	(void)state;
	siblings = true;
	run(10);
	run(LEN_MAX);
}

/* Two leaders, each with a child in the other's session; below the first one of the pair before, or all beside each other. */
static struct tree *make_pairs(int pairs, bool in_a_row)
{
	struct tree *t = tree_new(NULL);
	struct life l = { .last_sig = SIGCHLD, .session = OUTSIDE, .last_parent = OUTSIDE };

	assert_non_null(t);
	add(t, &l, 0);
	for (int k = 0; k < pairs; k++) {
		int first = 4 * k + 1, above = in_a_row && k ? first - 4 : 0;

		for (int i = 0; i < 4; i++) {
			l.last_parent = i < 2 ? above : first + i - 2;
			l.session = i < 2 ? first + i : first + 3 - i;
			add(t, &l, first + i);
		}
	}
	return t;
}

static void thousands_of_circles_are_planned(void **state)
{
	(void)state;
	for (int row = 0; row < 2; row++) {
		struct tree_error err = { 0 };
		struct tree *t = make_pairs(row ? 500 : 4000, row);

		if (!is_planned(t, &err))
			fail_msg("%s", err.text);
		tree_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(six_left_further_up_are_planned),
		cmocka_unit_test(ten_left_further_up_are_planned),
		cmocka_unit_test(forty_left_further_up_are_planned),
		cmocka_unit_test(siblings_left_further_up_are_planned),
		cmocka_unit_test(thousands_of_circles_are_planned),
	};

	seeds = (unsigned)from_environment("SETTID_SEEDS", 1000);
	first_seed = from_environment("SETTID_SEED", (uint64_t)time(NULL) << 20);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
