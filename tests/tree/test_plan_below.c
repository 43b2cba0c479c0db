/* SPDX-License-Identifier: MIT */
/*
 * test_plan_below.c: who was born below others and left further up is planned, however many at once.
 *
 * A tree is made up as it was at first: each process is born below a random one, in its session or in the
 * one that it was born in itself.  Then leaders may die, and each of the others is left to any of those above it.  Such a
 * tree exists, so it has a plan.  Random lives (test_plan_world.c) come to such trees too seldom.
 *
 * Once more with siblings made by CLONE_PARENT and other exit signals than SIGCHLD, which those keep whom nobody left; and
 * with nested namespaces, some put into them from outside.  Each is also planned by plan_below.c alone.
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
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "plan_form.h"
#include "tree/plan.h"
#include "tree/tree.h"

enum { LEN_MAX = 40, OUTSIDE = -1, FIRST_NUMBER = 10 };
static const int signals[] = { SIGCHLD, SIGCHLD, SIGUSR1, SIGUSR2, 0 };

struct life {
	int maker;
	int parent; /* at first */
	int born_in, session;
	int last_parent;
	int sig; /* what its parent gets when it dies: at first, and in the end */
	int last_sig;
	int beside; /* whoever made it with CLONE_PARENT, or OUTSIDE */
	bool leads, dead, held;
	bool left; /* it was born to somebody who died, below its parent */
	int ns;    /* the one that this one is the init of, or OUTSIDE: level 0 */
};

static uint64_t first_seed;
static unsigned seeds;
static bool nested;   /* there are inits, and some are put into their namespaces from outside */
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

static bool is_init(const struct life *lives, int i)
{
	return lives[i].ns == i;
}

/* The namespace around it. */
static int outer(const struct life *lives, int ns)
{
	return lives[lives[ns].maker].ns;
}

/* It lives where its maker does, in a new namespace inside that, or in one that is inside already. */
static int choose_ns(const struct life *lives, int i, int maker, uint64_t *rng)
{
	int own = lives[maker].ns, ns = lives[draw(rng, (unsigned)i)].ns;

	if (!nested || draw(rng, 3))
		return own;
	if (draw(rng, 2))
		return i;
	for (int up = ns; up != OUTSIDE; up = outer(lives, up))
		if (up == own)
			return ns;
	return own == OUTSIDE ? ns : own;
}

static void be_born(struct life *lives, int i, uint64_t *rng)
{
	int maker = i == 0 ? OUTSIDE : draw(rng, 3) ? i - 1 - (int)draw(rng, i < 3 ? (unsigned)i : 3) : 0;
	bool beside = siblings && maker > 0 && !is_init(lives, maker) && draw(rng, 4) == 0; /* CLONE_PARENT */
	struct life *l = &lives[i];

	*l = (struct life){ .parent = maker, .born_in = OUTSIDE, .leads = draw(rng, 5) < 2, .sig = SIGCHLD };
	l->maker = maker;
	l->ns = maker == OUTSIDE ? OUTSIDE : choose_ns(lives, i, maker, rng);
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
		lives[i].dead = lives[i].leads && !is_init(lives, i) && draw(rng, 4) == 0;
	for (int i = 0; i < len; i++)
		if (!lives[i].dead && lives[i].session != OUTSIDE)
			lives[lives[i].session].held = true;
}

/* Whom those are left to that `i` does not get: somebody above it in its namespace, or at last that one's init. */
static int one_up(const struct life *lives, int i)
{
	int up = lives[i].parent;

	return i == 0 || is_init(lives, i) ? i : lives[up].ns == lives[i].ns ? up : lives[i].ns;
}

static void be_left(struct life *lives, int i, uint64_t *rng)
{
	int up = lives[i].parent, beside = lives[i].beside, ns = lives[i].ns;
	/* beside somebody from a namespace further in, who stays, nobody can be in between */
	bool stays = beside != OUTSIDE && lives[beside].ns != lives[up].ns && !lives[beside].left;

	while (!stays && up > 0 && (lives[up].dead || (draw(rng, 2) && one_up(lives, up) != up)))
		up = one_up(lives, up);
	if (i && ns != i && ns != lives[lives[i].parent].ns && draw(rng, 3) == 0)
		up = ns; /* the one in between was put in, too */
	lives[i].last_parent = up;
	lives[i].left = up != lives[i].parent;
	if (beside != OUTSIDE && lives[beside].left) { /* they were born to the same one */
		lives[i].last_parent = lives[beside].last_parent;
		lives[i].left = true;
	}
	/* orphans have SIGCHLD, and so has who calls execve */
	lives[i].last_sig = lives[i].left || draw(rng, 4) == 0 ? SIGCHLD : lives[i].sig;
}

static int32_t number_of(int i)
{
	return i == OUTSIDE ? 0 : i + FIRST_NUMBER;
}

static unsigned level_of(const struct life *lives, int ns)
{
	unsigned level = 0;

	for (; ns != OUTSIDE; ns = outer(lives, ns))
		level++;
	return level;
}

static const int32_t *numbers_of(struct tree *t, const struct life *lives, int i)
{
	unsigned levels = level_of(lives, lives[i].ns) + 1;
	int32_t *nspid = tree_alloc(t, levels * sizeof *nspid);

	assert_non_null(nspid);
	for (int ns = lives[i].ns; levels-- > 0; ns = levels ? outer(lives, ns) : OUTSIDE)
		nspid[levels] = ns == i ? 1 : number_of(i);
	return nspid;
}

static struct tree_str label_of(struct tree *t, const struct life *lives, int ns)
{
	char text[LEN_MAX * 4] = "", inner[LEN_MAX * 4];

	for (int at = ns; at != OUTSIDE; at = outer(lives, at)) {
		snprintf(inner, sizeof inner, "%s%s", at == ns ? "" : "/", text);
		snprintf(text, sizeof text, "n%d%.*s", at, (int)sizeof text - 16, inner);
	}
	return tree_strdup(t, text, strlen(text));
}

static void add(struct tree *t, const struct life *lives, int i)
{
	struct tree_process *p = tree_process_add(t);
	const struct life *l = &lives[i];

	assert_non_null(p);
	p->levels = (uint8_t)(level_of(lives, l->ns) + 1);
	p->nspid = numbers_of(t, lives, i);
	p->ppid = number_of(l->last_parent);
	p->sid = p->pgid = number_of(l->session);
	p->state = TREE_LIVE;
	if (l->last_sig != SIGCHLD)
		p->notify_signal = (int16_t)l->last_sig;
	if (l->ns != OUTSIDE)
		p->ns_label = label_of(t, lives, l->ns);
}

static void add_ghost(struct tree *t, const struct life *lives, int i)
{
	struct tree_ghost *g = tree_ghost_add(t);

	assert_non_null(g);
	g->levels = (uint8_t)(level_of(lives, lives[i].ns) + 1);
	g->nspid = numbers_of(t, lives, i);
	if (lives[i].ns != OUTSIDE)
		g->ns_label = label_of(t, lives, lives[i].ns);
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
			add(t, lives, i);
		else if (lives[i].held)
			add_ghost(t, lives, i);
	}
	return t;
}

static int try(struct tree *t, bool at_once, struct tree_error *err)
{
	const struct plan_options o = { .new_namespace = true, .at_once = at_once };

	return plan_try(t, &o, 3, NULL, err);
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

static void those_in_namespaces_left_further_up_are_planned(void **state)
{
	(void)state;
	nested = true;
	siblings = false;
	run(6);
	run(10);
	siblings = true;
	run(10);
	run(LEN_MAX);
}

static void siblings_left_further_up_are_planned(void **state)
{
	(void)state;
	nested = false;
	siblings = true;
	run(10);
	run(LEN_MAX);
}

/* Two leaders, each with a child in the other's session; below the first one of the pair before, or all beside each other. */
static struct tree *make_pairs(int pairs, bool in_a_row)
{
	struct life *lives = calloc(4 * (size_t)pairs + 1, sizeof *lives);
	struct tree *t = tree_new(NULL);

	assert_non_null(t);
	assert_non_null(lives);
	lives[0] = (struct life){
		.last_sig = SIGCHLD, .session = OUTSIDE, .last_parent = OUTSIDE, .ns = OUTSIDE
	};
	add(t, lives, 0);
	for (int k = 0; k < 4 * pairs; k++) {
		int first = k - k % 4 + 1, above = in_a_row && k >= 4 ? first - 4 : 0, i = k % 4;

		lives[k + 1] = lives[0];
		lives[k + 1].last_parent = i < 2 ? above : first + i - 2;
		lives[k + 1].session = i < 2 ? first + i : first + 3 - i;
		add(t, lives, k + 1);
	}
	free(lives);
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
		cmocka_unit_test(those_in_namespaces_left_further_up_are_planned),
		cmocka_unit_test(thousands_of_circles_are_planned),
	};

	seeds = (unsigned)from_environment("SETTID_SEEDS", 1000);
	first_seed = from_environment("SETTID_SEED", (uint64_t)time(NULL) << 20);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
