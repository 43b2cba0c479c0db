/* SPDX-License-Identifier: MIT */
/*
 * random_world_tree.c: a world of libpidns as a tree file shows it.
 *
 * Keeps:   (W4) nothing is written that a dump could not see: ghosts as deep as a member is, no marks of the dead.
 */
#include "random_world_life.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int space_of(const struct life *l, const struct pidns_ns *ns)
{
	for (int k = 0; k < l->spaces_len; k++)
		if (l->spaces[k] == ns)
			return k;
	return -1;
}

static int32_t level_0(const struct pidns_id *id)
{
	return id && pidns_id_level(id) >= 1 ? pidns_id_number(id, 1) : 0;
}

static struct tree_str label_of(const struct life *l, struct tree *t, const struct pidns_ns *ns)
{
	char label[8 * LEVELS + 32] = "", longer[sizeof label];

	for (; pidns_ns_level(ns) > 1; ns = pidns_ns_parent(ns)) {
		snprintf(longer, sizeof longer, "n%d%s%.40s", space_of(l, ns), label[0] ? "/" : "", label);
		memcpy(label, longer, sizeof label);
	}
	return tree_strdup(t, label, strlen(label));
}

static const int32_t *numbers_of(struct tree *t, const struct pidns_id *id, int levels)
{
	int32_t *nspid = tree_alloc(t, (size_t)levels * sizeof *nspid);

	assert(nspid);
	for (int k = 0; k < levels; k++)
		nspid[k] = pidns_id_number(id, k + 1);
	return nspid;
}

static bool is_in_tree(const struct life *l, const struct pidns_id *id)
{
	for (int k = 0; k < l->len; k++)
		if (l->tasks[k] && pidns_task_id(l->tasks[k]) == id)
			return true;
	return false;
}

/* The deepest namespace of the ghost's that a member is in. */
static const struct pidns_ns *seen_in(const struct life *l, const struct pidns_id *id)
{
	const struct pidns_ns *best = NULL;

	for (int k = 0; k < l->len; k++) {
		const struct pidns_task *m = l->tasks[k];

		if (!m || (pidns_task_link(m, PIDNS_PGID) != id && pidns_task_link(m, PIDNS_SID) != id))
			continue;
		for (const struct pidns_ns *ns = pidns_task_ns(m); pidns_ns_level(ns) >= 1;
		     ns = pidns_ns_parent(ns))
			if (pidns_id_number_in(id, ns) &&
			    (!best || pidns_ns_level(ns) > pidns_ns_level(best)))
				best = ns;
	}
	return best;
}

static void add_ghost(const struct life *l, struct tree *t, const struct pidns_id *id)
{
	const struct pidns_ns *ns;
	struct tree_ghost *g;

	if (!level_0(id) || is_in_tree(l, id))
		return;
	for (size_t k = 0; k < t->ghosts_len; k++)
		if (t->ghosts[k].nspid[0] == level_0(id))
			return;
	ns = seen_in(l, id);
	g = tree_ghost_add(t);
	assert(ns && g);
	g->levels = (uint8_t)pidns_ns_level(ns);
	g->nspid = numbers_of(t, id, g->levels);
	if (g->levels > 1)
		g->ns_label = label_of(l, t, ns);
}

static void add_threads(struct tree *t, struct tree_process *p, struct pidns_task *leader)
{
	uint32_t n = 1, k = 1;

	for (struct pidns_task *x = pidns_next_thread(leader); x != leader; x = pidns_next_thread(x))
		n++;
	if (n == 1)
		return;
	p->threads = tree_alloc(t, n * sizeof *p->threads);
	assert(p->threads);
	p->threads_len = n;
	p->threads[0].nspid = p->nspid;
	for (struct pidns_task *x = pidns_next_thread(leader); x != leader; x = pidns_next_thread(x))
		p->threads[k++].nspid = numbers_of(t, pidns_task_id(x), p->levels);
}

static void add_state(const struct life *l, struct tree *t, struct tree_process *p, struct pidns_task *task)
{
	enum pidns_state state = pidns_state(task);
	const struct pidns_ns *ns;
	int32_t status;

	if (state == PIDNS_ZOMBIE) {
		status = pidns_status(task);
		p->state = TREE_ZOMBIE;
		p->exit_signal = status & 0x7f ? (int16_t)(status & 0x7f) : TREE_ABSENT;
		p->exit_code = status & 0x7f ? TREE_ABSENT : (int16_t)(status >> 8 & 255);
		p->core_dumped = status & 0x7f ? 0 : TREE_ABSENT;
		return;
	}
	if (state == PIDNS_STOPPED) {
		p->state = TREE_STOPPED;
		p->stop_signal = (int16_t)pidns_stop_signal(task);
	}
	p->leader_dead = state == PIDNS_LEFT;
	p->subreaper = pidns_is_subreaper(task);
	add_threads(t, p, task);
	ns = pidns_task_children_ns(p->leader_dead ? pidns_next_thread(task) : task);
	if (ns != pidns_task_ns(task))
		p->children_ns_label = label_of(l, t, ns);
}

static bool add_process(const struct life *l, struct tree *t, struct pidns_task *task)
{
	struct tree_process *p = tree_process_add(t);
	const struct pidns_task *parent = pidns_parent(task);
	const struct pidns_id *id = pidns_task_id(task);

	assert(p);
	p->levels = (uint8_t)pidns_ns_level(pidns_task_ns(task));
	p->nspid = numbers_of(t, id, p->levels);
	parent = parent ? pidns_leader(parent) : NULL;
	p->ppid = parent && is_in_tree(l, pidns_task_id(parent)) ? level_0(pidns_task_id(parent)) : 0;
	p->pgid = level_0(pidns_task_link(task, PIDNS_PGID));
	p->sid = level_0(pidns_task_link(task, PIDNS_SID));
	p->notify_signal = (int16_t)pidns_exit_signal(task);
	if (p->notify_signal == SIGCHLD)
		p->notify_signal = TREE_ABSENT;
	if (p->levels > 1)
		p->ns_label = label_of(l, t, pidns_task_ns(task));
	add_state(l, t, p, task);
	if (pidns_state(task) == PIDNS_DYING) /* neither alive nor a zombie: a file knows no word for it */
		return false;
	return p->ppid != 0 || task == l->tasks[0] || l->root_is_init;
}

struct tree *random_world_tree(const struct life *l)
{
	struct tree *t = tree_new(NULL);
	bool whole = true;

	assert(t);
	for (int k = 0; k < l->len; k++)
		if (l->tasks[k])
			whole &= add_process(l, t, l->tasks[k]);
	for (int k = 0; k < l->len; k++) {
		if (!l->tasks[k])
			continue;
		add_ghost(l, t, pidns_task_link(l->tasks[k], PIDNS_PGID));
		add_ghost(l, t, pidns_task_link(l->tasks[k], PIDNS_SID));
	}
	if (whole)
		return t;
	tree_free(t);
	return NULL;
}
