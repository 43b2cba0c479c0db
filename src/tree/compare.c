/* SPDX-License-Identifier: MIT */
/*
 * compare.c: what differs between two trees, in words.
 *
 * Processes, threads and ghosts are matched by their number of level 0, which both trees share: what is
 * wanted is a file or an earlier dump, what was got is usually a dump of the live tree.
 *
 * Keeps:   (C1) both trees are validated;
 *          (C2) a fact that one side does not know is no difference: an absent name, status, stop signal, core
 *               flag or subreaper; no list of threads says that the leader is alone;
 *          (C3) namespaces have no numbers of their own: they are the same when the same processes live in
 *               them, so the pairing must be one to one in both directions;
 *          (C4) whatever is quoted is safe to print.
 * Costs:   one look-up per process, thread and ghost: linear.
 */
#include "tree/internal.h"
#include "tree/text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef void say_fn(void *arg, int32_t pid, const char *text);

struct comparison {
	const struct tree *want, *got;
	struct tree_compare_options options;
	say_fn *say;
	void *arg;
	unsigned found;
	struct text text;
	int32_t *ns_got;  /* by namespace of `want`: its partner, TREE_NONE = none yet */
	int32_t *ns_want; /* by namespace of `got` */
};

/* Says what has been put together in c->text. */
static void difference(struct comparison *c, int32_t pid)
{
	c->found++;
	c->say(c->arg, pid, c->text.failed ? "differs (out of memory for the details)" : text_str(&c->text));
	text_clear(&c->text);
}

static void difference_number(struct comparison *c, int32_t pid, const char *what, int32_t want, int32_t got)
{
	if (want == got)
		return;
	text_printf(&c->text, "%s is %d, not %d", what, (int)got, (int)want);
	difference(c, pid);
}

static void put_quoted(struct comparison *c, struct tree_str s)
{
	text_puts(&c->text, "\"");
	text_put_safe(&c->text, s, TEXT_UTF8);
	text_puts(&c->text, "\"");
}

static bool strings_differ(struct tree_str a, struct tree_str b)
{
	return a.len != b.len || memcmp(a.bytes, b.bytes, a.len) != 0;
}

static void compare_string(struct comparison *c, int32_t pid, const char *what, struct tree_str want,
			   struct tree_str got)
{
	if (!want.bytes || !got.bytes || !strings_differ(want, got))
		return;
	text_puts(&c->text, what);
	text_puts(&c->text, " is ");
	put_quoted(c, got);
	text_puts(&c->text, ", not ");
	put_quoted(c, want);
	difference(c, pid);
}

/* `what` is "" for the process itself, "thread 43: " for a thread. */
static void compare_numbers(struct comparison *c, int32_t pid, const char *what, const int32_t *want,
			    unsigned want_levels, const int32_t *got, unsigned got_levels)
{
	if (want_levels == got_levels && memcmp(want, got, want_levels * sizeof *want) == 0)
		return;
	text_printf(&c->text, "%snumbers are ", what);
	text_put_numbers(&c->text, got, got_levels);
	text_puts(&c->text, ", not ");
	text_put_numbers(&c->text, want, want_levels);
	difference(c, pid);
}

/* ------------------------------------------------------------------------------------ namespaces -- */

static bool namespaces_pair(struct comparison *c, int32_t want, int32_t got)
{
	if (c->ns_got[want] == TREE_NONE && c->ns_want[got] == TREE_NONE) {
		c->ns_got[want] = got;
		c->ns_want[got] = want;
	}
	return c->ns_got[want] == got;
}

/* The inits first: they say it best which namespace is which, and everybody else is measured by them. */
static void pair_by_inits(struct comparison *c)
{
	for (size_t i = 0; i < c->want->namespaces_len; i++) {
		int32_t init = c->want->namespaces[i].init;
		int32_t there =
			init == TREE_NONE ? TREE_NONE : tree_find(c->got, c->want->processes[init].nspid[0]);
		if (there != TREE_NONE)
			namespaces_pair(c, (int32_t)i, c->got->processes[there].ns);
	}
}

static void put_ns(struct comparison *c, const struct tree *t, int32_t ns)
{
	const struct tree_ns *n = &t->namespaces[ns];

	text_printf(&c->text, "level %u", n->level);
	if (n->init != TREE_NONE)
		text_printf(&c->text, " with init %d", (int)t->processes[n->init].nspid[0]);
}

static void compare_namespace(struct comparison *c, int32_t pid, const char *what, int32_t want, int32_t got)
{
	if (want == TREE_NONE || got == TREE_NONE || namespaces_pair(c, want, got))
		return;
	text_printf(&c->text, "%s the namespace of ", what);
	put_ns(c, c->got, got);
	text_puts(&c->text, ", not that of ");
	put_ns(c, c->want, want);
	difference(c, pid);
}

/* --------------------------------------------------------------------------------- states, signals -- */

static const char *state_word(unsigned state)
{
	static const char *const words[] = { "live", "stopped", "a zombie" };

	return words[state];
}

static bool status_is_known(const struct tree_process *p)
{
	return p->exit_code != TREE_ABSENT || p->exit_signal != TREE_ABSENT;
}

static void put_status(struct comparison *c, const struct tree_process *p)
{
	char buf[24];

	if (p->exit_signal != TREE_ABSENT)
		text_printf(&c->text, "killed by %s", text_signal(p->exit_signal, buf));
	else
		text_printf(&c->text, "exit code %d", p->exit_code);
}

static void compare_status(struct comparison *c, int32_t pid, const struct tree_process *w,
			   const struct tree_process *g)
{
	if (status_is_known(w) && status_is_known(g) &&
	    (w->exit_code != g->exit_code || w->exit_signal != g->exit_signal)) {
		text_puts(&c->text, "wait status is ");
		put_status(c, g);
		text_puts(&c->text, ", not ");
		put_status(c, w);
		difference(c, pid);
	}
	if (w->core_dumped != TREE_ABSENT && g->core_dumped != TREE_ABSENT &&
	    w->core_dumped != g->core_dumped) {
		text_puts(&c->text, g->core_dumped ? "wait status says that core was dumped, it should not"
						   : "wait status does not say that core was dumped");
		difference(c, pid);
	}
}

static void put_notify(struct comparison *c, int signal)
{
	char buf[24];

	text_puts(&c->text, signal == 0 ? "no signal" : text_signal(signal, buf));
}

static void compare_state(struct comparison *c, int32_t pid, const struct tree_process *w,
			  const struct tree_process *g)
{
	char was[24], is[24];

	if (w->state != g->state) {
		text_printf(&c->text, "is %s, not %s", state_word(g->state), state_word(w->state));
		difference(c, pid);
		return; /* the rest of a state means nothing in another one */
	}
	compare_status(c, pid, w, g);
	if (w->stop_signal != TREE_ABSENT && g->stop_signal != TREE_ABSENT &&
	    w->stop_signal != g->stop_signal) {
		text_printf(&c->text, "is stopped by %s, not by %s", text_signal(g->stop_signal, is),
			    text_signal(w->stop_signal, was));
		difference(c, pid);
	}
	if (w->leader_dead != g->leader_dead) {
		text_puts(&c->text, g->leader_dead ? "leader thread is dead, not alive"
						   : "leader thread is alive, not dead");
		difference(c, pid);
	}
}

/* Absent is SIGCHLD, on both sides. */
static void compare_notify(struct comparison *c, int32_t pid, const struct tree_process *w,
			   const struct tree_process *g)
{
	int want = w->notify_signal == TREE_ABSENT ? SIGCHLD : w->notify_signal;
	int got = g->notify_signal == TREE_ABSENT ? SIGCHLD : g->notify_signal;

	if (want == got)
		return;
	text_puts(&c->text, "tells its parent of its end by ");
	put_notify(c, got);
	text_puts(&c->text, ", not by ");
	put_notify(c, want);
	difference(c, pid);
}

static void compare_subreaper(struct comparison *c, int32_t pid, const struct tree_process *w,
			      const struct tree_process *g)
{
	if (w->subreaper == TREE_ABSENT || g->subreaper == TREE_ABSENT || w->subreaper == g->subreaper)
		return;
	text_puts(&c->text, g->subreaper ? "is a subreaper and should not be" : "is not a subreaper");
	difference(c, pid);
}

/* ----------------------------------------------------------------------------------------- threads -- */

static bool has_thread(const struct tree *t, const struct tree_process *p, int32_t number,
		       const struct tree_thread **out)
{
	*out = NULL;
	if (number == p->nspid[0]) {
		*out = p->threads_len ? &p->threads[0] : NULL;
		return true;
	}
	const struct tree__holder *h = tree__number_find(t, 0, number);
	if (!h || h->kind != TREE__THREAD || &t->processes[h->index] != p)
		return false;
	*out = &p->threads[h->thread];
	return true;
}

static void compare_threads(struct comparison *c, int32_t pid, const struct tree_process *w,
			    const struct tree_process *g)
{
	const struct tree_thread *other;
	char what[40];

	for (uint32_t i = 0; i < w->threads_len; i++) {
		const struct tree_thread *t = &w->threads[i];
		snprintf(what, sizeof what, "thread %d: ", (int)t->nspid[0]);
		if (!has_thread(c->got, g, t->nspid[0], &other)) {
			text_printf(&c->text, "thread %d is missing", (int)t->nspid[0]);
			difference(c, pid);
		} else if (other) {
			if (t->nspid[0] != w->nspid[0]) /* the leader's are the process's own */
				compare_numbers(c, pid, what, t->nspid, w->levels, other->nspid, g->levels);
			strcat(what, "name");
			if (c->options.names)
				compare_string(c, pid, what, t->name, other->name);
		}
	}
	for (uint32_t i = 0; i < g->threads_len; i++) {
		if (has_thread(c->want, w, g->threads[i].nspid[0], &other))
			continue;
		text_printf(&c->text, "thread %d is there and should not be", (int)g->threads[i].nspid[0]);
		difference(c, pid);
	}
}

/* --------------------------------------------------------------------------------------- processes -- */

static bool argv_differs(const struct tree_process *w, const struct tree_process *g)
{
	if (w->argv_len != g->argv_len)
		return true;
	for (uint32_t i = 0; i < w->argv_len; i++)
		if (strings_differ(w->argv[i], g->argv[i]))
			return true;
	return false;
}

static void compare_commands(struct comparison *c, int32_t pid, const struct tree_process *w,
			     const struct tree_process *g)
{
	compare_string(c, pid, "working directory", w->cwd, g->cwd);
	if (!w->argv || !g->argv || !argv_differs(w, g))
		return;
	text_puts(&c->text, "command is ");
	text_put_argv(&c->text, g, TEXT_UTF8);
	text_puts(&c->text, ", not ");
	text_put_argv(&c->text, w, TEXT_UTF8);
	difference(c, pid);
}

static void compare_process(struct comparison *c, const struct tree_process *w, const struct tree_process *g)
{
	int32_t pid = w->nspid[0];

	compare_numbers(c, pid, "", w->nspid, w->levels, g->nspid, g->levels);
	if (w->levels == g->levels)
		compare_namespace(c, pid, "lives in", w->ns, g->ns);
	if (w->children_ns_label.bytes || g->children_ns_label.bytes)
		compare_namespace(c, pid, "has its children born in", w->children_ns, g->children_ns);
	difference_number(c, pid, "parent", w->ppid, g->ppid);
	difference_number(c, pid, "process group", w->pgid, g->pgid);
	difference_number(c, pid, "session", w->sid, g->sid);
	compare_state(c, pid, w, g);
	compare_notify(c, pid, w, g);
	compare_subreaper(c, pid, w, g);
	compare_threads(c, pid, w, g);
	if (c->options.names)
		compare_string(c, pid, "name", w->comm, g->comm);
	if (c->options.commands)
		compare_commands(c, pid, w, g);
}

static void put_name(struct comparison *c, const struct tree_process *p)
{
	if (!p->comm.bytes)
		return;
	text_puts(&c->text, " (");
	text_put_safe(&c->text, p->comm, TEXT_UTF8);
	text_puts(&c->text, ")");
}

static void compare_processes(struct comparison *c)
{
	for (size_t i = 0; i < c->want->processes_len; i++) {
		const struct tree_process *w = &c->want->processes[i];
		int32_t there = tree_find(c->got, w->nspid[0]);
		if (there != TREE_NONE) {
			compare_process(c, w, &c->got->processes[there]);
			continue;
		}
		text_puts(&c->text, "is missing");
		put_name(c, w);
		difference(c, w->nspid[0]);
	}
	for (size_t i = 0; i < c->got->processes_len; i++) {
		const struct tree_process *g = &c->got->processes[i];
		if (tree_find(c->want, g->nspid[0]) != TREE_NONE)
			continue;
		text_puts(&c->text, "is there and should not be");
		put_name(c, g);
		difference(c, g->nspid[0]);
	}
}

/* ------------------------------------------------------------------------------------------ ghosts -- */

static const struct tree_ghost *find_ghost(const struct tree *t, int32_t number)
{
	const struct tree__holder *h = tree__number_find(t, 0, number);

	return h && h->kind == TREE__GHOST ? &t->ghosts[h->index] : NULL;
}

/* A ghost's numbers are known as deep as its members show them, so only what both sides know counts. */
static void compare_ghost(struct comparison *c, const struct tree_ghost *w, const struct tree_ghost *g)
{
	unsigned levels = w->levels < g->levels ? w->levels : g->levels;

	compare_numbers(c, w->nspid[0], "dead leader's ", w->nspid, levels, g->nspid, levels);
}

static void compare_ghosts(struct comparison *c)
{
	for (size_t i = 0; i < c->want->ghosts_len; i++) {
		const struct tree_ghost *w = &c->want->ghosts[i];
		const struct tree_ghost *g = find_ghost(c->got, w->nspid[0]);
		if (g) {
			compare_ghost(c, w, g);
			continue;
		}
		text_puts(&c->text, "is not held as the number of a dead leader's group or session");
		difference(c, w->nspid[0]);
	}
	for (size_t i = 0; i < c->got->ghosts_len; i++) {
		if (find_ghost(c->want, c->got->ghosts[i].nspid[0]))
			continue;
		text_puts(&c->text,
			  "is held as the number of a dead leader's group or session and should not be");
		difference(c, c->got->ghosts[i].nspid[0]);
	}
}

static int32_t *none_of(size_t len)
{
	int32_t *array = malloc((len + 1) * sizeof *array);

	for (size_t i = 0; array && i < len; i++)
		array[i] = TREE_NONE;
	return array;
}

unsigned tree_compare(const struct tree *want, const struct tree *got, const struct tree_compare_options *o,
		      void (*say)(void *arg, int32_t pid, const char *text), void *arg)
{
	struct comparison c = {
		.want = want,
		.got = got,
		.options = o ? *o : (struct tree_compare_options){ 0 },
		.say = say,
		.arg = arg,
		.ns_got = none_of(want->namespaces_len),
		.ns_want = none_of(got->namespaces_len),
	};

	if (!c.ns_got || !c.ns_want) {
		text_puts(&c.text, "no memory to compare the trees");
		difference(&c, 0);
	} else {
		pair_by_inits(&c);
		compare_processes(&c);
		compare_ghosts(&c);
	}
	free(c.ns_got);
	free(c.ns_want);
	text_done(&c.text);
	return c.found;
}
