/* SPDX-License-Identifier: MIT */
/*
 * trace.c: a restore over time, as JSON for chrome://tracing and Perfetto.
 *
 * A process of the tree is a process of the trace with its number of level 0, a thread a thread.  The restorer and the guard,
 * who have no such number, have two above all that there can be.
 *
 * Keeps:   (T1) times are microseconds since the first thing the restorer did;
 *          (T2) each step that was begun is there once: as a slice, or as an instant where it does not end (hold, exit);
 *          (T3) each birth is a slice "being born" on the new one's track, from its maker's call to its own first step,
 *               with an arrow from the maker;
 *          (T4) names are safe: they went through text_put_safe().
 * Format:  the events "X", "i", "M", "C", "s" and "f" of the trace event format; ours is a plain use of it.
 */
#include "tree/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/engine.h"
#include "tree/plan_words.h"
#include "tree/text.h"

enum { RESTORER = TREE_NUMBER_MAX + 1, GUARD, NAMELESS };

/* Who made whom: the step, and the actor whose list it is in. */
struct maker {
	uint32_t actor, step;
};

struct writer {
	const struct trace *t;
	FILE *out;
	uint64_t start_ns;
	struct maker *makers; /* per actor; its step is UINT32_MAX for those nobody made */
	struct text text;
	bool more; /* a comma is due */
};

void trace_add(struct trace *t, const char *name, uint64_t begin_ns, uint64_t end_ns)
{
	if (t->phases_len < TRACE_PHASES_MAX)
		t->phases[t->phases_len++] = (struct trace_phase){ name, begin_ns, end_ns };
}

/* ------------------------------------------------------------------------------------------ events -- */

static void put_string(FILE *out, const char *s)
{
	putc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', out);
		putc(*s, out);
	}
	putc('"', out);
}

static void put_us(FILE *out, uint64_t ns)
{
	fprintf(out, "%llu.%03llu", (unsigned long long)(ns / 1000), (unsigned long long)(ns % 1000));
}

static uint64_t since_start(const struct writer *w, uint64_t ns)
{
	return ns > w->start_ns ? ns - w->start_ns : 0;
}

/* The beginning of an event; the caller goes on with more keys and the closing brace. */
static void begin_event(struct writer *w, char kind, int32_t pid, int32_t tid, const char *name)
{
	fprintf(w->out, "%s{\"ph\": \"%c\", \"pid\": %d, \"tid\": %d, \"name\": ", w->more ? ",\n" : "", kind,
		(int)pid, (int)tid);
	w->more = true;
	put_string(w->out, name);
}

static void put_time(struct writer *w, const char *key, uint64_t ns)
{
	fprintf(w->out, ", \"%s\": ", key);
	put_us(w->out, ns);
}

static void put_slice(struct writer *w, int32_t pid, int32_t tid, const char *name, uint64_t begin,
		      uint64_t end)
{
	begin_event(w, 'X', pid, tid, name);
	put_time(w, "ts", since_start(w, begin));
	put_time(w, "dur", end > begin ? end - begin : 0);
}

/* ------------------------------------------------------------------------------------------ actors -- */

static const struct plan_actor *actor_at(const struct writer *w, uint32_t actor)
{
	return &w->t->plan->actors[actor];
}

static int32_t number_of(const struct writer *w, uint32_t actor)
{
	const struct plan_actor *a = actor_at(w, actor);

	if (a->kind == PLAN_KIND_GUARD)
		return GUARD;
	return a->numbers_len ? w->t->plan->numbers[a->numbers + a->numbers_len - 1u]
			      : NAMELESS + (int32_t)actor;
}

/* The process of the trace that an actor belongs to. */
static int32_t process_of(const struct writer *w, uint32_t actor)
{
	const struct plan_actor *a = actor_at(w, actor);

	return a->kind == PLAN_KIND_THREAD ? w->t->tree->processes[a->process].nspid[0] : number_of(w, actor);
}

static const struct engine_span *span_of(const struct writer *w, uint32_t step)
{
	return &w->t->spans[step];
}

static uint64_t first_step_of(const struct writer *w, uint32_t actor)
{
	const struct plan_actor *a = actor_at(w, actor);

	return a->steps_len ? span_of(w, a->first_step)->begin_ns : 0;
}

static bool makes(const struct plan_step *s)
{
	return s->op == PLAN_CHILD || s->op == PLAN_THREAD;
}

static bool ends(const struct plan_step *s)
{
	return s->op == PLAN_EXIT || s->op == PLAN_DIE || s->op == PLAN_EXIT_THREAD;
}

static bool waits(const struct plan_step *s)
{
	return s->op == PLAN_WAIT || s->op == PLAN_WAIT_DEAD || s->op == PLAN_CONTINUE ||
	       s->op == PLAN_WAIT_STOPPED || s->op == PLAN_BURY || s->op == PLAN_WAIT_LEADER;
}

static const char *category(const struct plan_step *s)
{
	return makes(s) ? "birth" : waits(s) ? "wait" : "step";
}

static void find_makers(struct writer *w)
{
	const struct plan *p = w->t->plan;

	for (uint32_t a = 0; a < p->actors_len; a++)
		w->makers[a].step = UINT32_MAX;
	for (uint32_t a = 0; a < p->actors_len; a++)
		for (uint32_t k = 0; k < p->actors[a].steps_len; k++) {
			const struct plan_step *s = &p->steps[p->actors[a].first_step + k];
			if (makes(s))
				w->makers[s->a] = (struct maker){ a, p->actors[a].first_step + k };
		}
}

/* "web [7]": its name, and its numbers in the namespaces inside. */
static void put_actor_name(struct writer *w, uint32_t actor)
{
	const struct plan_actor *a = actor_at(w, actor);
	const struct tree_process *p = a->process == TREE_NONE ? NULL : &w->t->tree->processes[a->process];
	struct tree_str name = { 0 };

	if (a->kind == PLAN_KIND_THREAD)
		name = p->threads[a->thread].name;
	if (p && !name.bytes)
		name = p->comm;
	if (a->kind == PLAN_KIND_GUARD)
		text_puts(&w->text, "guard");
	else if (a->kind == PLAN_KIND_INIT)
		text_puts(&w->text, "helper init");
	else if (a->kind == PLAN_KIND_GHOST)
		text_puts(&w->text, "ghost (dead leader)");
	else if (!p)
		text_puts(&w->text, "helper");
	else if (!name.bytes)
		text_puts(&w->text, a->kind == PLAN_KIND_THREAD ? "thread" : "process");
	text_put_safe(&w->text, name, TEXT_UTF8);
	if (a->numbers_len > 1) {
		text_puts(&w->text, " [");
		for (unsigned k = a->numbers_len - 1u; k-- > 0;)
			text_printf(&w->text, "%d%s", (int)w->t->plan->numbers[a->numbers + k],
				    k ? " " : "]");
	}
}

static void name_track(struct writer *w, const char *what, int32_t pid, int32_t tid, const char *name)
{
	begin_event(w, 'M', pid, tid, what);
	fputs(", \"args\": {\"name\": ", w->out);
	put_string(w->out, name);
	fputs("}}", w->out);
}

static void sort_track(struct writer *w, int32_t pid, uint32_t index)
{
	begin_event(w, 'M', pid, pid, "process_sort_index");
	fprintf(w->out, ", \"args\": {\"sort_index\": %u}}", index);
}

static void write_names(struct writer *w)
{
	name_track(w, "process_name", RESTORER, RESTORER, "settid restore");
	sort_track(w, RESTORER, 0);
	for (uint32_t a = 0; w->t->spans && a < w->t->plan->actors_len; a++) {
		put_actor_name(w, a);
		if (actor_at(w, a)->kind != PLAN_KIND_THREAD) {
			name_track(w, "process_name", number_of(w, a), number_of(w, a), text_str(&w->text));
			sort_track(w, number_of(w, a), a + 1);
		}
		name_track(w, "thread_name", process_of(w, a), number_of(w, a), text_str(&w->text));
		text_clear(&w->text);
	}
}

/* ------------------------------------------------------------------------------------------- steps -- */

static void write_birth(struct writer *w, uint32_t actor)
{
	const struct maker *m = &w->makers[actor];
	uint64_t own = first_step_of(w, actor),
		 call = m->step == UINT32_MAX ? 0 : span_of(w, m->step)->begin_ns;

	if (!own || !call)
		return;
	put_slice(w, process_of(w, actor), number_of(w, actor), "being born", call, own);
	fprintf(w->out, ", \"cat\": \"birth\", \"args\": {\"maker\": %d}}", (int)number_of(w, m->actor));
	begin_event(w, 's', process_of(w, m->actor), number_of(w, m->actor), "makes");
	put_time(w, "ts", since_start(w, call));
	fprintf(w->out, ", \"cat\": \"birth\", \"id\": %u}", actor);
	begin_event(w, 'f', process_of(w, actor), number_of(w, actor), "makes");
	put_time(w, "ts", since_start(w, own));
	fprintf(w->out, ", \"cat\": \"birth\", \"bp\": \"e\", \"id\": %u}", actor);
}

static void write_step(struct writer *w, uint32_t actor, uint32_t step, const uint32_t *fillers)
{
	const struct plan_step *s = &w->t->plan->steps[step];
	const struct engine_span *span = span_of(w, step);

	if (!span->begin_ns)
		return;
	plan__step_text(w->t->plan, w->t->tree, s, fillers, true, &w->text);
	if (span->end_ns) {
		put_slice(w, process_of(w, actor), number_of(w, actor), text_str(&w->text), span->begin_ns,
			  span->end_ns);
	} else {
		begin_event(w, 'i', process_of(w, actor), number_of(w, actor), text_str(&w->text));
		put_time(w, "ts", since_start(w, span->begin_ns));
		fputs(", \"s\": \"t\"", w->out);
	}
	fprintf(w->out, ", \"cat\": \"%s\", \"args\": {\"op\": \"%s\"}}", category(s), plan_op_name(s->op));
	text_clear(&w->text);
}

static void write_actors(struct writer *w, const uint32_t *fillers)
{
	const struct plan *p = w->t->plan;

	for (uint32_t a = 0; a < p->actors_len; a++) {
		write_birth(w, a);
		for (uint32_t k = 0; k < p->actors[a].steps_len; k++)
			write_step(w, a, p->actors[a].first_step + k, fillers);
	}
}

/* ------------------------------------------------------------------------------------------ counts -- */

struct change {
	uint64_t ns;
	int32_t alive, standing;
};

static int by_time(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return (x->ns > y->ns) - (x->ns < y->ns);
}

static size_t collect_changes(const struct writer *w, struct change *out)
{
	const struct plan *p = w->t->plan;
	size_t n = 0;

	for (uint32_t a = 1; a < p->actors_len; a++) {
		if (first_step_of(w, a))
			out[n++] = (struct change){ first_step_of(w, a), 1, 0 };
		for (uint32_t k = 0; k < p->actors[a].steps_len; k++) {
			uint32_t step = p->actors[a].first_step + k;
			const struct engine_span *span = span_of(w, step);
			if (p->steps[step].op == PLAN_DONE && span->end_ns)
				out[n++] = (struct change){ span->end_ns, 0, 1 };
			else if (ends(&p->steps[step]) && span->begin_ns)
				out[n++] = (struct change){ span->begin_ns, -1, 0 };
		}
	}
	qsort(out, n, sizeof *out, by_time);
	return n;
}

/* How many there are, over time. */
static int write_counts(struct writer *w)
{
	struct change *changes = malloc(((size_t)w->t->plan->actors_len * 3 + 1) * sizeof *changes);
	int alive = 0, standing = 0;

	if (!changes)
		return -ENOMEM;
	size_t n = collect_changes(w, changes);
	for (size_t k = 0; k < n; k++) {
		alive += changes[k].alive;
		standing += changes[k].standing;
		if (k + 1 < n && changes[k + 1].ns == changes[k].ns)
			continue;
		begin_event(w, 'C', RESTORER, RESTORER, "processes and threads");
		put_time(w, "ts", since_start(w, changes[k].ns));
		fprintf(w->out, ", \"args\": {\"alive\": %d, \"standing\": %d}}", alive, standing);
	}
	free(changes);
	return 0;
}

static void write_sum(struct writer *w, const char *name, bool (*counts)(const struct plan_step *s),
		      bool last)
{
	const struct plan *p = w->t->plan;
	uint64_t ns = 0;
	uint32_t n = 0;

	for (uint32_t k = 0; w->t->spans && k < p->steps_len; k++) {
		const struct engine_span *span = span_of(w, k);
		if (!counts(&p->steps[k]) || !span->end_ns)
			continue;
		ns += span->end_ns - span->begin_ns;
		n++;
	}
	fprintf(w->out, "\"%s\": %u, \"%s_us\": ", name, n, name);
	put_us(w->out, ns);
	fputs(last ? "" : ", ", w->out);
}

static bool is_other(const struct plan_step *s)
{
	return !makes(s) && !waits(s);
}

/* ------------------------------------------------------------------------------------------- whole -- */

static void write_phases(struct writer *w)
{
	for (size_t k = 0; k < w->t->phases_len; k++) {
		const struct trace_phase *phase = &w->t->phases[k];
		put_slice(w, RESTORER, RESTORER, phase->name, phase->begin_ns, phase->end_ns);
		fputs(", \"cat\": \"phase\"}", w->out);
	}
}

static uint64_t earliest(const struct trace *t)
{
	uint64_t ns = t->first_ns;

	for (size_t k = 0; k < t->phases_len; k++)
		if (!ns || t->phases[k].begin_ns < ns)
			ns = t->phases[k].begin_ns;
	return ns;
}

static int write_events(struct writer *w)
{
	uint32_t *fillers = NULL;
	int r = 0;

	if (w->t->spans) {
		fillers = plan__fillers(w->t->plan);
		if (!fillers)
			return -ENOMEM;
		find_makers(w);
		write_actors(w, fillers);
		r = write_counts(w);
	}
	free(fillers);
	return r;
}

int trace_write(const struct trace *t, FILE *out)
{
	struct writer w = { .t = t, .out = out, .start_ns = earliest(t) };
	int r;

	w.makers = calloc((size_t)t->plan->actors_len + 1, sizeof *w.makers);
	if (!w.makers)
		return -ENOMEM;
	fputs("{\"displayTimeUnit\": \"ms\",\n\"otherData\": {", out);
	write_sum(&w, "births", makes, false);
	write_sum(&w, "waits", waits, false);
	write_sum(&w, "other_steps", is_other, true);
	fputs("},\n\"traceEvents\": [\n", out);
	write_names(&w);
	write_phases(&w);
	r = write_events(&w);
	fputs("\n]}\n", out);
	free(w.makers);
	if (r == 0 && w.text.failed)
		r = -ENOMEM;
	text_done(&w.text);
	return r == 0 && ferror(out) ? -EIO : r;
}
