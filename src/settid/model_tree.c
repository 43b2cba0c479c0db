/* SPDX-License-Identifier: MIT */
/*
 * model_tree.c: a world of libpidns -> struct tree: processes, threads, states, ghosts, namespaces.
 *
 * Keeps:   (G1) numbers are read from the first namespace, where everybody has one; who has none there is nobody's;
 *          (G2) namespaces are named only where numbers and parents do not tell them apart: two of one level, or a task
 *               whose children will live elsewhere.  A name is the path from level 1: "1/3/4".
 */
#include "model_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct builder {
	struct pidns_world *world;
	const struct model_tree_names *names;
	struct tree *tree;
	const struct pidns_ns **seen; /* [ordinal - 1]: namespaces below the first, outer ones first */
	size_t seen_len;
	bool labels;
};

/* ------------------------------------------------------------------------------------- namespaces -- */

static size_t ordinal(const struct builder *b, const struct pidns_ns *ns)
{
	size_t i = 0;

	while (i < b->seen_len && b->seen[i] != ns)
		i++;
	return i < b->seen_len ? i + 1 : 0;
}

/* Notes ns and those around it; says in b->labels whether one has a neighbour of the same level. */
static int note_ns(struct builder *b, const struct pidns_ns *ns)
{
	const struct pidns_ns *way[PIDNS_LEVEL_MAX + 1];
	size_t len = 0;

	for (; pidns_ns_level(ns) > 0 && ordinal(b, ns) == 0; ns = pidns_ns_parent(ns))
		way[len++] = ns;
	while (len-- > 0) {
		const struct pidns_ns **bigger =
			realloc(b->seen, (b->seen_len + 1) * sizeof(struct pidns_ns *));

		if (!bigger)
			return -ENOMEM;
		b->seen = bigger;
		for (size_t i = 0; i < b->seen_len; i++)
			b->labels = b->labels || pidns_ns_level(b->seen[i]) == pidns_ns_level(way[len]);
		b->seen[b->seen_len++] = way[len];
	}
	return 0;
}

static int put_label(struct builder *b, const struct pidns_ns *ns, struct tree_str *out)
{
	char text[TREE_LABEL_MAX + 1] = "";
	size_t at = sizeof text - 1;

	if (!b->labels || pidns_ns_level(ns) == 0)
		return 0;
	for (; pidns_ns_level(ns) > 0; ns = pidns_ns_parent(ns)) {
		char part[24];
		int len = snprintf(part, sizeof part, at == sizeof text - 1 ? "%zu" : "%zu/", ordinal(b, ns));

		if ((size_t)len > at)
			break; /* the innermost ordinals are unique by themselves */
		at -= (size_t)len;
		for (int i = 0; i < len; i++)
			text[at + (size_t)i] = part[i];
	}
	*out = tree_strdup(b->tree, text + at, sizeof text - 1 - at);
	return out->bytes ? 0 : -ENOMEM;
}

/* ---------------------------------------------------------------------------------------- processes -- */

static int32_t number_0(const struct pidns_id *id)
{
	return pidns_id_number(id, 0);
}

static const int32_t *numbers(struct builder *b, const struct pidns_id *id)
{
	int32_t levels = pidns_id_level(id) + 1;
	int32_t *nspid = tree_alloc(b->tree, (size_t)levels * sizeof *nspid);

	for (int32_t level = 0; nspid && level < levels; level++)
		nspid[level] = pidns_id_number(id, level);
	return nspid;
}

static int put_name(struct builder *b, const struct pidns_task *t, struct tree_str *out)
{
	const char *name = b->names->name ? b->names->name(b->names->ctx, t) : NULL;

	if (!name)
		return 0;
	*out = tree_strdup(b->tree, name, strnlen(name, TREE_NAME_MAX));
	return out->bytes ? 0 : -ENOMEM;
}

static void put_status(struct tree_process *p, int32_t status)
{
	if ((status & 0x7f) == 0) {
		p->exit_code = (int16_t)(status >> 8 & 0xff);
		return;
	}
	p->exit_signal = (int16_t)(status & 0x7f);
	if (status & 0x80)
		p->core_dumped = 1;
}

static void put_state(struct tree_process *p, const struct pidns_task *leader)
{
	if (pidns_state(leader) == PIDNS_ZOMBIE) {
		p->state = TREE_ZOMBIE;
		put_status(p, pidns_status(leader));
	} else if (pidns_stop_signal(leader)) {
		p->state = TREE_STOPPED;
		p->stop_signal = (int16_t)pidns_stop_signal(leader);
	}
	p->leader_dead = pidns_state(leader) == PIDNS_LEFT;
	p->subreaper = pidns_is_subreaper(leader);
	if (pidns_parent(leader) && pidns_exit_signal(leader) != PIDNS_SIGCHLD)
		p->notify_signal = (int16_t)pidns_exit_signal(leader);
}

static int put_threads(struct builder *b, struct tree_process *p, struct pidns_task *leader)
{
	const struct pidns_task *t = leader;
	uint32_t len = 0;

	do
		len++;
	while ((t = pidns_next_thread(t)) != leader);
	if (len == 1)
		return 0;
	p->threads = tree_alloc(b->tree, len * sizeof *p->threads);
	if (!p->threads)
		return -ENOMEM;
	do {
		struct tree_thread *thread = &p->threads[p->threads_len++];

		thread->nspid = numbers(b, pidns_task_id(t));
		if (!thread->nspid || put_name(b, t, &thread->name) < 0)
			return -ENOMEM;
	} while ((t = pidns_next_thread(t)) != leader);
	return 0;
}

static int put_process(struct builder *b, struct pidns_task *leader)
{
	struct tree_process *p = tree_process_add(b->tree);
	struct pidns_task *parent = pidns_parent(leader);
	struct pidns_ns *ns = pidns_task_ns(leader), *children_ns = pidns_task_children_ns(leader);
	int r;

	if (!p)
		return -ENOMEM;
	p->nspid = numbers(b, pidns_task_id(leader));
	if (!p->nspid)
		return -ENOMEM;
	p->levels = (uint8_t)(pidns_id_level(pidns_task_id(leader)) + 1);
	p->ppid = parent ? number_0(pidns_task_link(parent, PIDNS_TGID)) : 0;
	p->pgid = number_0(pidns_task_link(leader, PIDNS_PGID));
	p->sid = number_0(pidns_task_link(leader, PIDNS_SID));
	put_state(p, leader);
	r = put_name(b, leader, &p->comm);
	if (r == 0)
		r = put_label(b, ns, &p->ns_label);
	if (r == 0 && p->state != TREE_ZOMBIE && children_ns != ns)
		r = put_label(b, children_ns, &p->children_ns_label);
	return r == 0 ? put_threads(b, p, leader) : r;
}

static int put_ghost(struct builder *b, const struct pidns_id *id)
{
	struct tree_ghost *g = tree_ghost_add(b->tree);

	if (!g)
		return -ENOMEM;
	g->nspid = numbers(b, id);
	if (!g->nspid)
		return -ENOMEM;
	g->levels = (uint8_t)(pidns_id_level(id) + 1);
	return put_label(b, pidns_id_ns(id), &g->ns_label);
}

/* ----------------------------------------------------------------------------------------- the whole -- */

/* The leader of a process if id is one's, else NULL. */
static struct pidns_task *leader_of(const struct pidns_id *id)
{
	struct pidns_task *t = pidns_id_task(id, PIDNS_PID);

	return t && pidns_leader(t) == t ? t : NULL;
}

static int each(struct builder *b, int (*visit)(struct builder *b, const struct pidns_id *id))
{
	const struct pidns_ns *root = pidns_root(b->world);
	int r = 0;

	for (struct pidns_id *id = pidns_next(root, 1); id && r == 0; id = pidns_next(root, number_0(id) + 1))
		r = visit(b, id);
	return r;
}

static int look(struct builder *b, const struct pidns_id *id)
{
	struct pidns_task *leader = leader_of(id);
	int r = note_ns(b, pidns_id_ns(id));

	if (r < 0 || !leader || pidns_state(leader) == PIDNS_ZOMBIE)
		return r;
	if (pidns_task_children_ns(leader) != pidns_task_ns(leader))
		b->labels = true;
	return note_ns(b, pidns_task_children_ns(leader));
}

static int put(struct builder *b, const struct pidns_id *id)
{
	struct pidns_task *leader = leader_of(id);

	if (leader)
		return put_process(b, leader);
	return pidns_id_is_held(id, PIDNS_PID) ? 0 : put_ghost(b, id);
}

int model_tree(struct pidns_world *w, const struct model_tree_names *names, struct tree **out,
	       struct tree_error *err)
{
	struct builder b = { .world = w, .names = names, .tree = tree_new(NULL) };
	int r = b.tree ? each(&b, look) : -ENOMEM;

	if (r == 0)
		r = each(&b, put);
	if (r == -ENOMEM)
		tree_fail(err, r, "out of memory");
	free(b.seen);
	if (r == 0)
		r = tree_validate(b.tree, err);
	if (r < 0)
		tree_free(b.tree);
	else
		*out = b.tree;
	return r;
}
