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
#include "tree/compare.h"
#include "tree/internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct comparison {
	const struct tree *want, *got;
	struct tree_compare_options options;
	struct compare__words words;
	int32_t *ns_got;  /* by namespace of `want`: its partner, TREE_NONE = none yet */
	int32_t *ns_want; /* by namespace of `got` */
};

static void compare_number(struct comparison *c, int32_t pid, const char *field, const char *what,
			   int32_t want, int32_t got)
{
	if (want == got)
		return;
	text_printf(&c->words.want, "%d", (int)want);
	text_printf(&c->words.got, "%d", (int)got);
	words_differ(&c->words, pid, field, what, "");
}

static void put_quoted(struct text *t, struct tree_str s)
{
	text_puts(t, "\"");
	text_put_safe(t, s, TEXT_UTF8);
	text_puts(t, "\"");
}

static bool strings_differ(struct tree_str a, struct tree_str b)
{
	return a.len != b.len || memcmp(a.bytes, b.bytes, a.len) != 0;
}

static void compare_string(struct comparison *c, int32_t pid, const char *field, const char *what,
			   struct tree_str want, struct tree_str got)
{
	if (!want.bytes || !got.bytes || !strings_differ(want, got))
		return;
	put_quoted(&c->words.want, want);
	put_quoted(&c->words.got, got);
	words_differ(&c->words, pid, field, what, "");
}

/* `what` is "numbers are" for the process itself, "thread 43: numbers are" for a thread. */
static void compare_numbers(struct comparison *c, int32_t pid, const char *field, const char *what,
			    const int32_t *want, unsigned want_levels, const int32_t *got,
			    unsigned got_levels)
{
	if (want_levels == got_levels && memcmp(want, got, want_levels * sizeof *want) == 0)
		return;
	text_put_numbers(&c->words.want, want, want_levels);
	text_put_numbers(&c->words.got, got, got_levels);
	words_differ(&c->words, pid, field, what, "");
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

static void put_ns(struct text *text, const struct tree *t, int32_t ns)
{
	const struct tree_ns *n = &t->namespaces[ns];

	text_printf(text, "level %u", n->level);
	if (n->init != TREE_NONE)
		text_printf(text, " with init %d", (int)t->processes[n->init].nspid[0]);
}

static void compare_namespace(struct comparison *c, int32_t pid, const char *field, const char *what,
			      int32_t want, int32_t got)
{
	if (want == TREE_NONE || got == TREE_NONE || namespaces_pair(c, want, got))
		return;
	put_ns(&c->words.want, c->want, want);
	put_ns(&c->words.got, c->got, got);
	words_differ(&c->words, pid, field, what, "that of ");
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

static void put_status(struct text *t, const struct tree_process *p)
{
	char buf[24];

	if (p->exit_signal != TREE_ABSENT)
		text_printf(t, "killed by %s", text_signal(p->exit_signal, buf));
	else
		text_printf(t, "exit code %d", p->exit_code);
}

static const char *yes(int is)
{
	return is ? "true" : "false";
}

static void compare_core(struct comparison *c, int32_t pid, int want, int got)
{
	if (want == TREE_ABSENT || got == TREE_ABSENT || want == got)
		return;
	words_phrase(&c->words, pid, "core_dumped", yes(want), yes(got),
		     got ? "wait status says that core was dumped, it should not"
			 : "wait status does not say that core was dumped",
		     got ? "wait status says that core was dumped in b only"
			 : "wait status says that core was dumped in a only");
}

static void compare_status(struct comparison *c, int32_t pid, const struct tree_process *w,
			   const struct tree_process *g)
{
	if (status_is_known(w) && status_is_known(g) &&
	    (w->exit_code != g->exit_code || w->exit_signal != g->exit_signal)) {
		put_status(&c->words.want, w);
		put_status(&c->words.got, g);
		words_differ(&c->words, pid, "wait_status", "wait status is", "");
	}
	compare_core(c, pid, w->core_dumped, g->core_dumped);
}

static void put_notify(struct text *t, int signal)
{
	char buf[24];

	text_puts(t, signal == 0 ? "no signal" : text_signal(signal, buf));
}

static void compare_leader(struct comparison *c, int32_t pid, bool want, bool got)
{
	if (want == got)
		return;
	words_phrase(&c->words, pid, "leader_dead", yes(want), yes(got),
		     got ? "leader thread is dead, not alive" : "leader thread is alive, not dead",
		     got ? "leader thread is alive in a, dead in b"
			 : "leader thread is dead in a, alive in b");
}

static void compare_state(struct comparison *c, int32_t pid, const struct tree_process *w,
			  const struct tree_process *g)
{
	if (w->state != g->state) {
		text_puts(&c->words.want, state_word(w->state));
		text_puts(&c->words.got, state_word(g->state));
		words_differ(&c->words, pid, "state", "is", "");
		return; /* the rest of a state means nothing in another one */
	}
	compare_status(c, pid, w, g);
	if (w->stop_signal != TREE_ABSENT && g->stop_signal != TREE_ABSENT &&
	    w->stop_signal != g->stop_signal) {
		put_notify(&c->words.want, w->stop_signal);
		put_notify(&c->words.got, g->stop_signal);
		words_differ(&c->words, pid, "stop_signal", "is stopped by", "by ");
	}
	compare_leader(c, pid, w->leader_dead, g->leader_dead);
}

/* Absent is SIGCHLD, on both sides. */
static void compare_notify(struct comparison *c, int32_t pid, const struct tree_process *w,
			   const struct tree_process *g)
{
	int want = w->notify_signal == TREE_ABSENT ? SIGCHLD : w->notify_signal;
	int got = g->notify_signal == TREE_ABSENT ? SIGCHLD : g->notify_signal;

	if (want == got)
		return;
	put_notify(&c->words.want, want);
	put_notify(&c->words.got, got);
	words_differ(&c->words, pid, "notify_signal", "tells its parent of its end by", "by ");
}

static void compare_subreaper(struct comparison *c, int32_t pid, const struct tree_process *w,
			      const struct tree_process *g)
{
	if (w->subreaper == TREE_ABSENT || g->subreaper == TREE_ABSENT || w->subreaper == g->subreaper)
		return;
	words_phrase(&c->words, pid, "subreaper", yes(w->subreaper), yes(g->subreaper),
		     g->subreaper ? "is a subreaper and should not be" : "is not a subreaper",
		     g->subreaper ? "is a subreaper in b only" : "is a subreaper in a only");
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

/* A thread that only one side has. */
static void thread_alone(struct comparison *c, int32_t pid, int32_t tid, bool wanted)
{
	char number[16], built[64], sides[64];

	snprintf(number, sizeof number, "%d", (int)tid);
	snprintf(built, sizeof built,
		 wanted ? "thread %d is missing" : "thread %d is there and should not be", (int)tid);
	snprintf(sides, sizeof sides, "thread %d is in %s only", (int)tid, wanted ? "a" : "b");
	words_phrase(&c->words, pid, "threads", wanted ? number : NULL, wanted ? NULL : number, built, sides);
}

static void compare_thread(struct comparison *c, const struct tree_process *w, const struct tree_process *g,
			   const struct tree_thread *want, const struct tree_thread *got)
{
	int32_t pid = w->nspid[0], tid = want->nspid[0];
	char what[48];

	if (tid != pid) { /* the leader's are the process's own */
		snprintf(what, sizeof what, "thread %d: numbers are", (int)tid);
		compare_numbers(c, pid, "threads", what, want->nspid, w->levels, got->nspid, g->levels);
	}
	snprintf(what, sizeof what, "thread %d: name is", (int)tid);
	if (c->options.names)
		compare_string(c, pid, "threads", what, want->name, got->name);
}

static void compare_threads(struct comparison *c, int32_t pid, const struct tree_process *w,
			    const struct tree_process *g)
{
	const struct tree_thread *other;

	for (uint32_t i = 0; i < w->threads_len; i++) {
		if (!has_thread(c->got, g, w->threads[i].nspid[0], &other))
			thread_alone(c, pid, w->threads[i].nspid[0], true);
		else if (other)
			compare_thread(c, w, g, &w->threads[i], other);
	}
	for (uint32_t i = 0; i < g->threads_len; i++)
		if (!has_thread(c->want, w, g->threads[i].nspid[0], &other))
			thread_alone(c, pid, g->threads[i].nspid[0], false);
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
	compare_string(c, pid, "cwd", "working directory is", w->cwd, g->cwd);
	if (!w->argv || !g->argv || !argv_differs(w, g))
		return;
	text_put_argv(&c->words.want, w, TEXT_UTF8);
	text_put_argv(&c->words.got, g, TEXT_UTF8);
	words_differ(&c->words, pid, "argv", "command is", "");
}

static void compare_process(struct comparison *c, const struct tree_process *w, const struct tree_process *g)
{
	int32_t pid = w->nspid[0];

	compare_numbers(c, pid, "nspid", "numbers are", w->nspid, w->levels, g->nspid, g->levels);
	if (w->levels == g->levels)
		compare_namespace(c, pid, "ns", "lives in the namespace of", w->ns, g->ns);
	if (w->children_ns_label.bytes || g->children_ns_label.bytes)
		compare_namespace(c, pid, "children_ns", "has its children born in the namespace of",
				  w->children_ns, g->children_ns);
	compare_number(c, pid, "ppid", "parent is", w->ppid, g->ppid);
	compare_number(c, pid, "pgid", "process group is", w->pgid, g->pgid);
	compare_number(c, pid, "sid", "session is", w->sid, g->sid);
	compare_state(c, pid, w, g);
	compare_notify(c, pid, w, g);
	compare_subreaper(c, pid, w, g);
	compare_threads(c, pid, w, g);
	if (c->options.names)
		compare_string(c, pid, "comm", "name is", w->comm, g->comm);
	if (c->options.commands)
		compare_commands(c, pid, w, g);
}

/* A process that only one side has. */
static void process_alone(struct comparison *c, const struct tree_process *p, bool wanted)
{
	struct text built = { 0 };
	char number[16];

	snprintf(number, sizeof number, "%d", (int)p->nspid[0]);
	text_puts(&built, wanted ? "is missing" : "is there and should not be");
	if (p->comm.bytes) {
		text_puts(&built, " (");
		text_put_safe(&built, p->comm, TEXT_UTF8);
		text_puts(&built, ")");
	}
	words_phrase(&c->words, p->nspid[0], "process", wanted ? number : NULL, wanted ? NULL : number,
		     text_str(&built), wanted ? "is in a only" : "is in b only");
	text_done(&built);
}

static void compare_processes(struct comparison *c)
{
	for (size_t i = 0; i < c->want->processes_len; i++) {
		const struct tree_process *w = &c->want->processes[i];
		int32_t there = tree_find(c->got, w->nspid[0]);
		if (there == TREE_NONE)
			process_alone(c, w, true);
		else
			compare_process(c, w, &c->got->processes[there]);
	}
	for (size_t i = 0; i < c->got->processes_len; i++)
		if (tree_find(c->want, c->got->processes[i].nspid[0]) == TREE_NONE)
			process_alone(c, &c->got->processes[i], false);
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

	compare_numbers(c, w->nspid[0], "ghost", "dead leader's numbers are", w->nspid, levels, g->nspid,
			levels);
}

static void ghost_alone(struct comparison *c, int32_t number, bool wanted)
{
	char words[16];

	snprintf(words, sizeof words, "%d", (int)number);
	words_phrase(&c->words, number, "ghost", wanted ? words : NULL, wanted ? NULL : words,
		     wanted ? "is not held as the number of a dead leader's group or session"
			    : "is held as the number of a dead leader's group or session and should not be",
		     wanted ? "is kept by a dead leader's group or session in a only"
			    : "is kept by a dead leader's group or session in b only");
}

static void compare_ghosts(struct comparison *c)
{
	for (size_t i = 0; i < c->want->ghosts_len; i++) {
		const struct tree_ghost *w = &c->want->ghosts[i];
		const struct tree_ghost *g = find_ghost(c->got, w->nspid[0]);
		if (g)
			compare_ghost(c, w, g);
		else
			ghost_alone(c, w->nspid[0], true);
	}
	for (size_t i = 0; i < c->got->ghosts_len; i++)
		if (!find_ghost(c->want, c->got->ghosts[i].nspid[0]))
			ghost_alone(c, c->got->ghosts[i].nspid[0], false);
}

static int32_t *none_of(size_t len)
{
	int32_t *array = malloc((len + 1) * sizeof *array);

	for (size_t i = 0; array && i < len; i++)
		array[i] = TREE_NONE;
	return array;
}

unsigned tree_diff(const struct tree *want, const struct tree *got, const struct tree_compare_options *o,
		   void (*say)(void *arg, const struct tree_difference *d), void *arg)
{
	struct comparison c = {
		.want = want,
		.got = got,
		.options = o ? *o : (struct tree_compare_options){ 0 },
		.words = { .say = say, .arg = arg, .sides = o && o->sides },
		.ns_got = none_of(want->namespaces_len),
		.ns_want = none_of(got->namespaces_len),
	};

	if (!c.ns_got || !c.ns_want) {
		words_phrase(&c.words, 0, "memory", NULL, NULL, "no memory to compare the trees",
			     "no memory to compare the trees");
	} else {
		pair_by_inits(&c);
		compare_processes(&c);
		compare_ghosts(&c);
	}
	free(c.ns_got);
	free(c.ns_want);
	words_done(&c.words);
	return c.words.found;
}

struct listener {
	void (*say)(void *arg, int32_t pid, const char *text);
	void *arg;
};

static void say_text(void *arg, const struct tree_difference *d)
{
	const struct listener *l = arg;

	l->say(l->arg, d->pid, d->text);
}

unsigned tree_compare(const struct tree *want, const struct tree *got, const struct tree_compare_options *o,
		      void (*say)(void *arg, int32_t pid, const char *text), void *arg)
{
	struct listener l = { say, arg };

	return tree_diff(want, got, o, say_text, &l);
}
