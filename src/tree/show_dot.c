/* SPDX-License-Identifier: MIT */
/*
 * show_dot.c: a tree as a graphviz digraph: a cluster per PID namespace, nested as they are.
 *
 * Keeps:   (D1) every string is quoted and its quotes and backslashes are doubled, so that no name can add to
 *               the graph;
 *          (D2) nodes are p<index> and g<index>: stable for a given file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/show.h"

/* Members of each namespace, as lists: first[ns], next[process]. */
struct members {
	int32_t *process_first, *process_next;
	int32_t *ghost_first, *ghost_next;
	int32_t *child_first, *child_next; /* namespaces */
};

static int32_t *none_of(size_t len)
{
	int32_t *array = malloc((len + 1) * sizeof *array);

	for (size_t i = 0; array && i < len; i++)
		array[i] = TREE_NONE;
	return array;
}

static void members_done(struct members *m)
{
	free(m->process_first);
	free(m->process_next);
	free(m->ghost_first);
	free(m->ghost_next);
	free(m->child_first);
	free(m->child_next);
}

static int members_init(struct members *m, const struct tree *t)
{
	*m = (struct members){
		.process_first = none_of(t->namespaces_len),
		.process_next = none_of(t->processes_len),
		.ghost_first = none_of(t->namespaces_len),
		.ghost_next = none_of(t->ghosts_len),
		.child_first = none_of(t->namespaces_len),
		.child_next = none_of(t->namespaces_len),
	};
	if (!m->process_first || !m->process_next || !m->ghost_first || !m->ghost_next || !m->child_first ||
	    !m->child_next)
		return -ENOMEM;
	for (size_t i = t->processes_len; i-- > 0;) {
		int32_t ns = t->processes[i].ns;
		m->process_next[i] = m->process_first[ns];
		m->process_first[ns] = (int32_t)i;
	}
	for (size_t i = t->ghosts_len; i-- > 0;) {
		int32_t ns = t->ghosts[i].ns;
		m->ghost_next[i] = m->ghost_first[ns];
		m->ghost_first[ns] = (int32_t)i;
	}
	for (size_t i = t->namespaces_len; i-- > 1;) {
		int32_t parent = t->namespaces[i].parent;
		m->child_next[i] = m->child_first[parent];
		m->child_first[parent] = (int32_t)i;
	}
	return 0;
}

static void print_quoted(const struct text *text, FILE *out)
{
	putc('"', out);
	for (const char *p = text_str(text); *p; p++) {
		if (*p == '"' || *p == '\\')
			putc('\\', out);
		if (*p == '\n') /* ours, between the lines of a label */
			fputs("\\n", out);
		else
			putc(*p, out);
	}
	putc('"', out);
}

static const char *node_style(const struct tree_process *p)
{
	if (p->state == TREE_ZOMBIE)
		return ", style=\"rounded,filled,dashed\", color=\"#b3261e\", fillcolor=\"#fbe9e7\"";
	if (p->leader_dead)
		return ", style=\"rounded,filled,dashed\", color=\"#b3261e\"";
	if (p->state == TREE_STOPPED)
		return ", color=\"#9a6700\", fillcolor=\"#fff4d6\"";
	return "";
}

static void print_process(const struct tree *t, int32_t i, struct text *text, FILE *out)
{
	const struct tree_process *p = &t->processes[i];

	show_put_command(text, p, TEXT_UTF8, 48);
	text_puts(text, "\n");
	text_put_numbers(text, p->nspid, p->levels);
	text_puts(text, "\ngroup ");
	show_put_leader(text, t, p, p->pgid);
	text_puts(text, " session ");
	show_put_leader(text, t, p, p->sid);
	if (p->state != TREE_LIVE || p->leader_dead) {
		text_puts(text, "\n");
		show_put_state(text, p);
	}
	text_puts(text, show_has_habits(p) ? "\n" : "");
	show_put_habits(text, t, p, TEXT_UTF8);
	fprintf(out, "p%d [label=", (int)i);
	print_quoted(text, out);
	fprintf(out, "%s];\n", node_style(p));
	text_clear(text);
}

static void print_ghost(const struct tree *t, int32_t i, const struct show_ghost *g, struct text *text,
			FILE *out)
{
	text_put_numbers(text, t->ghosts[i].nspid, t->ghosts[i].levels);
	text_puts(text, "\ndead leader\n");
	show_put_members(text, g);
	fprintf(out, "g%d [style=\"rounded,dotted\", label=", (int)i);
	print_quoted(text, out);
	fputs("];\n", out);
	text_clear(text);
}

/* Recursion is as deep as namespaces are: at most TREE_LEVEL_MAX. */
static void print_cluster(const struct tree *t, const struct members *m, const struct show_ghost *ghosts,
			  int32_t ns, struct text *text, FILE *out)
{
	text_printf(text, "PID namespace, level %u", t->namespaces[ns].level);
	if (t->namespaces[ns].label.bytes) {
		text_puts(text, ": ");
		text_put_safe(text, t->namespaces[ns].label, TEXT_UTF8);
	}
	fprintf(out, "subgraph cluster_%d {\nlabel=", (int)ns);
	print_quoted(text, out);
	text_clear(text);
	fputs(";\n", out);
	for (int32_t i = m->process_first[ns]; i != TREE_NONE; i = m->process_next[i])
		print_process(t, i, text, out);
	for (int32_t i = m->ghost_first[ns]; i != TREE_NONE; i = m->ghost_next[i])
		print_ghost(t, i, &ghosts[i], text, out);
	for (int32_t i = m->child_first[ns]; i != TREE_NONE; i = m->child_next[i])
		print_cluster(t, m, ghosts, i, text, out);
	fputs("}\n", out);
}

static void print_graph(const struct tree *t, const struct members *m, const struct show_ghost *ghosts,
			struct text *text, FILE *out)
{
	fputs("digraph settid {\n"
	      "graph [fontname=\"sans-serif\", fontsize=11, style=rounded, color=\"#5f6f89\", labeljust=l];\n"
	      "node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3fb\", fontname=\"sans-serif\","
	      " fontsize=11];\n",
	      out);
	if (t->namespaces_len > 0)
		print_cluster(t, m, ghosts, 0, text, out);
	for (size_t i = 0; i < t->processes_len; i++)
		if (t->processes[i].parent != TREE_NONE)
			fprintf(out, "p%d -> p%zu;\n", (int)t->processes[i].parent, i);
	fputs("}\n", out);
}

int tree_show_dot(const struct tree *t, FILE *out)
{
	struct members m;
	struct text text = { 0 };
	struct show_ghost *ghosts = show_ghosts_new(t);
	int r = members_init(&m, t);

	if (r == 0 && !ghosts)
		r = -ENOMEM;
	if (r == 0)
		print_graph(t, &m, ghosts, &text, out);
	if (r == 0 && (text.failed || ferror(out)))
		r = text.failed ? -ENOMEM : -EIO;
	members_done(&m);
	free(ghosts);
	text_done(&text);
	return r;
}
