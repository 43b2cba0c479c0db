/* SPDX-License-Identifier: MIT */
/*
 * orders.c: which orders of turns explain what the kernel has shown, when the model's own does not.
 *
 * Linux leaves the order of those who were woken to its scheduler.  The list is performed on a new model: the operations as they
 * were, some with their turns in another order.  Two orders may look alike when they are performed, and differ in what somebody
 * who waits has already found, which a later operation shows; so earlier operations are tried as well, from the latest back.
 *
 * Keeps: (O1) orders explain a list only if every operation from the first one that was changed on shows again what the kernel
 *             showed then;
 *        (O2) what differs and is explained by none costs no more than twice orders_runs performances.
 */
#include "random.h"

#include <string.h>
#include <time.h>

enum {
	ORDERS_LAST_TRIED = 600,    /* of the last operation, by seeds                         */
	ORDERS_EXCEPTIONS = 3,      /* ... and by exceptions from the two plainest             */
	ORDERS_EARLIER_TRIED = 120, /* of an earlier one                                       */
	ORDERS_AFTER_TRIED = 40,    /* of one that no longer fits because an earlier was changed */
	ORDERS_DEPTH = 2,           /* operations changed after the first                      */
	ORDERS_RUNS = 8000,         /* in all; while a list is shortened, fewer                */
	ORDERS_LOOKS = 25,          /* first tries of the last operation that look again */
};

int orders_runs = ORDERS_RUNS;

struct search {
	struct duel *d;
	int runs; /* left */
};

/* The choices that were made at one operation, of each try: what has been tried is not tried twice. */
struct tried {
	uint64_t trace[ORDERS_RUNS];
	size_t count;
};

static bool is_new(struct tried *tried, uint64_t trace)
{
	for (size_t i = 0; i < tried->count; i++)
		if (tried->trace[i] == trace)
			return false;
	if (tried->count < ORDERS_RUNS)
		tried->trace[tried->count++] = trace;
	return true;
}

/* What the kernel showed at an earlier operation, where duel_same() looks for it. */
static void recall(struct duel *d, const struct duel_step *step)
{
	d->answer = step->answer;
	if (step->tasks > 0)
		memcpy(d->seen, step->seen, (size_t)step->tasks * sizeof *step->seen);
}

/*
 * Performs the list anew.  Returns the first operation from `from` on at which it does not do what the kernel did; d->steps:
 * none.  `tried`, if given: of operation `from`; it does not go on where nothing else than before was chosen there.
 */
static size_t perform(struct search *s, size_t from, struct tried *tried)
{
	struct duel *d = s->d;
	struct model_config config = { .features = duel_features, .may_reorder = true, .unchecked = true };
	const struct op_answer last_answer = d->answer;
	static struct duel_seen last_seen[CASE_TASKS];
	size_t differs = d->steps;

	s->runs--;
	memcpy(last_seen, d->seen, sizeof last_seen);
	memset(d->handled, 0, sizeof d->handled);
	model_close(d->model);
	d->model = NULL;
	if (model_open(&d->model, &config) < 0)
		return 0;
	duel_make_scene(d, d->model, false);
	for (size_t i = 0; i < d->steps && differs == d->steps; i++) {
		struct duel_step *step = &d->step[i];
		struct op_answer m = { 0 };

		if (i + 1 < d->steps)
			recall(d, step);
		else
			d->answer = last_answer, memcpy(d->seen, last_seen, sizeof last_seen);
		model_reorder(d->model, step->order);
		model_step(d->model, &step->op, &m);
		if (i == from && tried && !is_new(tried, model_trace(d->model)))
			differs = i;
		else if (!duel_same(d, step, &m) || duel_is_hazard(d))
			differs = i;
	}
	d->answer = last_answer;
	memcpy(d->seen, last_seen, sizeof last_seen);
	return differs;
}

/* Other orders at operation k, and where the list no longer fits later because of that, there too. */
static bool change(struct search *s, size_t k, int depth, int orders)
{
	struct duel_step *step = &s->d->step[k];
	uint64_t before = step->order;
	struct tried tried = { .count = 0 };

	for (int order = 0; order < orders && s->runs > 0; order++) {
		size_t differs;

		step->order = (uint64_t)order;
		differs = perform(s, k, &tried);
		if (differs == s->d->steps ||
		    (differs > k && depth > 0 && change(s, differs, depth - 1, ORDERS_AFTER_TRIED)))
			return true;
	}
	step->order = before;
	return false;
}

/* Order after order with one more exception than that one, from that choice on; then with two more, and so on. */
static bool except(struct search *s, uint64_t order, uint32_t from, int more, struct tried *tried)
{
	struct duel *d = s->d;
	struct duel_step *last = &d->step[d->steps - 1];
	uint8_t among[MODEL_CHOICES];
	const uint8_t *known;
	uint32_t choices;

	last->order = order;
	perform(s, d->steps - 1, NULL);
	choices = model_choices(d->model, &known);
	memcpy(among, known, choices);
	for (uint32_t at = from; at < choices; at++)
		for (uint32_t choice = 0; choice < among[at] && s->runs > 0; choice++) {
			uint64_t with = model_except(order, at, choice);

			if (more > 1 && except(s, with, at + 1, more - 1, tried))
				return true;
			last->order = with;
			if (more == 1 && perform(s, d->steps - 1, tried) == d->steps)
				return true;
		}
	return false;
}

/* Of the last operation alone.  Who is looked at may be on its way from one sleep to the next: what is seen has to last. */
static bool change_last(struct search *s)
{
	const struct timespec nap = { 0, 2 * 1000 * 1000 };
	struct duel *d = s->d;
	struct duel_step *last = &d->step[d->steps - 1];
	struct tried tried = { .count = 0 };

	for (uint64_t order = 0; order < ORDERS_LAST_TRIED && s->runs > 0; order++) {
		if (order < ORDERS_LOOKS && duel_is_compared(&last->op)) {
			nanosleep(&nap, NULL);
			for (int i = 0; i < d->model->task_end; i++)
				duel_look(d, i);
		}
		last->order = order;
		if (perform(s, d->steps - 1, order < ORDERS_LOOKS ? NULL : &tried) == d->steps)
			return true;
	}
	for (int more = 1; more <= ORDERS_EXCEPTIONS; more++)
		if (except(s, MODEL_EXCEPTIONS, 0, more, &tried) ||
		    except(s, MODEL_ONE_BY_ONE, 0, more, &tried))
			return true;
	return false;
}

enum orders_how orders_explain(struct duel *d)
{
	struct search s = { .d = d, .runs = orders_runs };

	if (change_last(&s))
		return ORDERS_LAST;
	d->step[d->steps - 1].order = 0;
	s.runs = orders_runs;
	for (size_t k = d->steps - 1; k-- > 0 && s.runs > 0;)
		if (change(&s, k, ORDERS_DEPTH, ORDERS_EARLIER_TRIED))
			return ORDERS_EARLIER;
	return ORDERS_NONE;
}
