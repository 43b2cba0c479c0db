/* SPDX-License-Identifier: MIT */
/*
 * show.c: the order of rows in which a tree is drawn, and how its facts read.
 *
 * Keeps:   (W1) a walk visits every process once, parents before children, without recursion: a chain of
 *               100,000 is as good as a flat tree;
 *          (W2) all costs are linear in processes, threads and ghosts.
 */
#include "tree/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/internal.h"

/* ------------------------------------------------------------------------------------------- order -- */

struct family {
	int32_t first; /* child */
	int32_t next;  /* sibling */
};

/* Last to first, so that each list begins with the first.  families[len] is that of the outside. */
static void families_fill(struct family *families, const struct tree *t)
{
	size_t len = t->processes_len;

	for (size_t i = 0; i <= len; i++)
		families[i] = (struct family){ TREE_NONE, TREE_NONE };
	for (size_t i = len; i-- > 0;) {
		int32_t parent = t->processes[i].parent;
		struct family *f = &families[parent == TREE_NONE ? (int32_t)len : parent];
		families[i].next = f->first;
		f->first = (int32_t)i;
	}
}

static void walk_fill(struct show_walk *w, const struct tree *t, const struct family *families)
{
	int32_t at = families[t->processes_len].first;
	uint32_t depth = 0;

	w->len = 0;
	while (at != TREE_NONE) {
		w->row[at] = (uint32_t)w->len;
		w->order[w->len] = at;
		w->depth[w->len++] = depth;
		if (families[at].first != TREE_NONE) {
			at = families[at].first;
			depth++;
			continue;
		}
		while (at != TREE_NONE && families[at].next == TREE_NONE) {
			at = t->processes[at].parent;
			depth--; /* wraps when the outside is reached, where the walk ends */
		}
		if (at != TREE_NONE)
			at = families[at].next;
	}
	for (size_t row = 0; row < w->len; row++)
		w->subtree[row] = 1;
	for (size_t row = w->len; row-- > 0;) {
		int32_t parent = t->processes[w->order[row]].parent;
		if (parent != TREE_NONE)
			w->subtree[w->row[parent]] += w->subtree[row];
	}
}

int show_walk_init(struct show_walk *w, const struct tree *t)
{
	size_t len = t->processes_len + 1;
	struct family *families = malloc(len * sizeof *families);

	*w = (struct show_walk){
		.order = calloc(len, sizeof *w->order),
		.depth = calloc(len, sizeof *w->depth),
		.subtree = calloc(len, sizeof *w->subtree),
		.row = calloc(len, sizeof *w->row),
	};
	int r = families && w->order && w->depth && w->subtree && w->row ? 0 : -ENOMEM;
	if (r == 0) {
		families_fill(families, t);
		walk_fill(w, t, families);
	}
	free(families);
	return r;
}

void show_walk_done(struct show_walk *w)
{
	free(w->order);
	free(w->depth);
	free(w->subtree);
	free(w->row);
}

/* ------------------------------------------------------------------------------------------- counts -- */

int32_t show_find_ghost(const struct tree *t, int32_t number)
{
	const struct tree__holder *h = number > 0 ? tree__number_find(t, 0, number) : NULL;

	return h && h->kind == TREE__GHOST ? h->index : TREE_NONE;
}

struct show_ghost *show_ghosts_new(const struct tree *t)
{
	struct show_ghost *ghosts = calloc(t->ghosts_len + 1, sizeof *ghosts);

	if (!ghosts || t->ghosts_len == 0)
		return ghosts;
	for (size_t i = 0; i < t->processes_len; i++) {
		int32_t group = show_find_ghost(t, t->processes[i].pgid);
		int32_t session = show_find_ghost(t, t->processes[i].sid);
		if (group != TREE_NONE)
			ghosts[group].group_members++;
		if (session != TREE_NONE)
			ghosts[session].session_members++;
	}
	return ghosts;
}

void show_put_members(struct text *out, const struct show_ghost *g)
{
	if (g->group_members)
		text_printf(out, "%u in its group", g->group_members);
	if (g->session_members)
		text_printf(out, "%s%u in its session", g->group_members ? "; " : "", g->session_members);
}

static unsigned max_unsigned(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

struct show_counts show_count(const struct tree *t)
{
	struct show_counts n = { .levels = 1 };

	for (size_t i = 0; i < t->processes_len; i++) {
		const struct tree_process *p = &t->processes[i];
		n.threads += p->threads_len ? p->threads_len - 1 : 0;
		n.zombies += p->state == TREE_ZOMBIE;
		n.stopped += p->state == TREE_STOPPED;
		n.levels = max_unsigned(n.levels, p->levels);
	}
	for (size_t i = 0; i < t->ghosts_len; i++)
		n.levels = max_unsigned(n.levels, t->ghosts[i].levels);
	return n;
}

static void put_count(struct text *out, const char *before, size_t n, const char *one, const char *many)
{
	text_printf(out, "%s%zu %s", before, n, n == 1 ? one : many);
}

void show_put_counts(struct text *out, const struct tree *t)
{
	struct show_counts n = show_count(t);

	put_count(out, "", t->processes_len, "process", "processes");
	if (n.zombies)
		put_count(out, ", ", n.zombies, "zombie", "zombies");
	if (n.stopped)
		text_printf(out, ", %zu stopped", n.stopped);
	if (n.threads)
		put_count(out, ", ", n.threads, "more thread", "more threads");
	if (t->ghosts_len)
		put_count(out, ", ", t->ghosts_len, "dead leader", "dead leaders");
	put_count(out, ", ", t->namespaces_len, "PID namespace", "PID namespaces");
}

/* -------------------------------------------------------------------------------------------- facts -- */

void show_put_state(struct text *out, const struct tree_process *p)
{
	char buf[24];

	if (p->state == TREE_LIVE) {
		text_puts(out, p->leader_dead ? "leader dead" : "live");
	} else if (p->state == TREE_STOPPED) {
		text_puts(out, "stopped");
		if (p->stop_signal != TREE_ABSENT)
			text_printf(out, " %s", text_signal(p->stop_signal, buf));
	} else {
		text_puts(out, "zombie");
		if (p->exit_signal != TREE_ABSENT)
			text_printf(out, " %s", text_signal(p->exit_signal, buf));
		else if (p->exit_code != TREE_ABSENT)
			text_printf(out, " exit %d", p->exit_code);
		text_puts(out, p->core_dumped == 1 ? " core" : "");
	}
}

void show_put_leader(struct text *out, const struct tree *t, const struct tree_process *p, int32_t number)
{
	if (number == 0) {
		text_puts(out, "-");
		return;
	}
	text_printf(out, "%d", (int)number);
	if (number == p->nspid[0])
		text_puts(out, "*");
	else if (show_find_ghost(t, number) != TREE_NONE)
		text_puts(out, "+");
}

#define THREADS_SHOWN 8 /* numbers or ranges of them */

void show_put_threads(struct text *out, const struct tree_process *p)
{
	unsigned shown = 0;

	if (p->threads_len < 2)
		return;
	put_count(out, "+", p->threads_len - 1, "thread:", "threads:");
	for (uint32_t i = 1; i < p->threads_len;) {
		int32_t first = p->threads[i].nspid[0], last = first;
		uint32_t next = i + 1;
		if (shown++ == THREADS_SHOWN) {
			text_puts(out, " ...");
			return;
		}
		while (next < p->threads_len && p->threads[next].nspid[0] == last + 1)
			last = p->threads[next++].nspid[0];
		if (last - first >= 3) {
			text_printf(out, " %d-%d", (int)first, (int)last);
			i = next;
		} else {
			text_printf(out, " %d", (int)first);
			i++;
		}
	}
}

/* Does argv say what the name says?  The kernel keeps the first bytes of the program's base name. */
static bool argv_shows_comm(const struct tree_process *p)
{
	struct tree_str first = p->argv[0];
	const char *slash = memrchr(first.bytes, '/', first.len);

	if (slash) {
		first.len -= (size_t)(slash + 1 - first.bytes);
		first.bytes = slash + 1;
	}
	if (first.len && first.bytes[0] == '-') { /* a login shell */
		first.bytes++;
		first.len--;
	}
	return first.len >= p->comm.len && memcmp(first.bytes, p->comm.bytes, p->comm.len) == 0;
}

/* Shortens what was put since `start` to max bytes, not within a character or an escape. */
static void cut(struct text *out, size_t start, size_t max)
{
	if (out->failed || out->len - start <= max || max < 4)
		return;
	size_t end = start + max - 3;
	while (end > start && ((unsigned char)out->bytes[end] & 0xc0) == 0x80)
		end--;
	for (size_t back = 1; back < 4 && end - start >= back; back++)
		if (out->bytes[end - back] == '\\')
			end -= back;
	out->len = end;
	text_puts(out, "...");
}

void show_put_command(struct text *out, const struct tree_process *p, enum text_charset charset, size_t max)
{
	size_t start = out->len;
	bool has_argv = p->argv && p->argv_len > 0;

	if (!has_argv && !p->comm.bytes)
		text_puts(out, "?");
	if (p->comm.bytes && (!has_argv || !argv_shows_comm(p)))
		text_put_safe(out, p->comm, charset);
	if (has_argv) {
		text_puts(out, out->len > start ? ": " : "");
		text_put_argv(out, p, charset);
	}
	cut(out, start, max);
}

bool show_enters_ns(const struct tree *t, const struct tree_process *p)
{
	if (p->parent == TREE_NONE)
		return p->ns > 0;
	return p->ns != t->processes[p->parent].ns;
}

static void put_ns_name(struct text *out, const struct tree *t, int32_t ns, enum text_charset charset)
{
	text_printf(out, "level %u", t->namespaces[ns].level);
	if (t->namespaces[ns].label.bytes) {
		text_puts(out, " '");
		text_put_safe(out, t->namespaces[ns].label, charset);
		text_puts(out, "'");
	}
}

void show_put_ns(struct text *out, const struct tree *t, const struct tree_process *p,
		 enum text_charset charset)
{
	int32_t init = t->namespaces[p->ns].init;

	if (init != TREE_NONE && &t->processes[init] == p) {
		text_puts(out, "init of ");
		put_ns_name(out, t, p->ns, charset);
		return;
	}
	text_puts(out, "put into ");
	put_ns_name(out, t, p->ns, charset);
	if (init != TREE_NONE)
		text_printf(out, " of %d", (int)t->processes[init].nspid[0]);
}

static void separate(struct text *out, size_t start)
{
	if (out->len > start)
		text_puts(out, "; ");
}

static bool children_elsewhere(const struct tree_process *p)
{
	return p->children_ns != p->ns && p->children_ns != TREE_NONE;
}

bool show_has_habits(const struct tree_process *p)
{
	return p->threads_len > 1 || children_elsewhere(p) || p->subreaper == 1 ||
	       p->notify_signal != TREE_ABSENT;
}

/* What stands since `start` is separated from what follows. */
static void put_habits(struct text *out, size_t start, const struct tree *t, const struct tree_process *p,
		       enum text_charset charset)
{
	char buf[24];

	if (p->threads_len > 1) {
		separate(out, start);
		show_put_threads(out, p);
	}
	if (children_elsewhere(p)) {
		separate(out, start);
		text_puts(out, "children born in ");
		put_ns_name(out, t, p->children_ns, charset);
	}
	if (p->subreaper == 1) {
		separate(out, start);
		text_puts(out, "subreaper");
	}
	if (p->notify_signal != TREE_ABSENT) {
		separate(out, start);
		text_printf(out, "its end sends %s",
			    p->notify_signal ? text_signal(p->notify_signal, buf) : "no signal");
	}
}

void show_put_habits(struct text *out, const struct tree *t, const struct tree_process *p,
		     enum text_charset charset)
{
	put_habits(out, out->len, t, p, charset);
}

void show_put_notes(struct text *out, const struct tree *t, const struct tree_process *p,
		    enum text_charset charset)
{
	size_t start = out->len;
	int32_t init = t->namespaces[p->ns].init;

	if (show_enters_ns(t, p) || (init != TREE_NONE && &t->processes[init] == p))
		show_put_ns(out, t, p, charset);
	put_habits(out, start, t, p, charset);
}
