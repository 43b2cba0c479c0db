/* SPDX-License-Identifier: MIT */
/*
 * check.c: the invariants, one by one.
 *
 * Owns:    nothing; reads everything.
 * Keeps:   a broken invariant is answered with a sentence that begins with its letter: I1 … I12 are section 4.5's, the others
 *          stand at the head of the file that keeps them.
 */
#include "table.h"

/* ---------------------------------------------------------------------------------------- identities -- */

static const char *check_links(const struct pidns_id *id)
{
	bool held = false;

	for (int kind = 0; kind < PIDNS_KINDS; kind++) {
		const struct pidns_link *first = id->u.first[kind], *l;

		held |= first != NULL;
		for (l = first; l; l = l->next) {
			if (l->id != id)
				return "L1 a link is on another identity's list";
			if (first->prev || (l->next && l->next->prev != l))
				return "L2 a list of links is not linked back";
		}
		if (kind <= PIDNS_TGID && first && first->next)
			return "I3 an identity has two links as PID or as TGID";
	}
	if (!held)
		return "I2 a number is taken and nothing is attached to it";
	if (pidns_id_is_held(id, PIDNS_TGID) && !pidns_id_is_held(id, PIDNS_PID))
		return "I3 a process without its leader";
	return NULL;
}

static const char *check_numbers(struct pidns_ns *ns, const struct pidns_id *id)
{
	for (int32_t level = (int32_t)id->level; level >= 0; level--) {
		const struct pidns_ns *at = id->at[level].ns;
		int32_t nr = pidns_id_number(id, level);

		if (nr < 1)
			return "I1 an identity lacks a number at a level of its own";
		if (pidns_find(at, nr) != id)
			return "I1 an identity is not found under its number";
		if (level && id->at[level - 1].ns != at->parent)
			return "I1 an identity's namespaces are not a path";
	}
	return id->at[ns->level].ns == ns ? NULL : "T1 a namespace has somebody else's identity";
}

/* ----------------------------------------------------------------------------------------- processes -- */

static const char *check_task(const struct pidns_task *t)
{
	const struct pidns_process *p = t->process;

	if (!pidns_ns_contains(pidns__ns(t), t->children_ns))
		return "I6 a task's children's namespace is not below its own";
	if (t->left && !pidns__list_is_empty(&t->children))
		return "I11 a dead task has children";
	if (t->waiting && (t->exiting || t->is_zombie))
		return "V1 a dead task waits";
	if (!t->waiting && t->wait.id)
		return "V1 a wait that is over holds an identity";
	if (!pidns__list_is_empty(&t->work) || (t->doomed && !t->exiting))
		return "W1 somebody has something left to do";
	if (!p->stop_signal && !t->exiting && ((t->pending.set | p->pending.set) & ~t->blocked))
		return "D1 a signal is pending that could be acted on";
	return NULL;
}

static const char *check_children(const struct pidns_task *t)
{
	pidns__each(node, &t->children) {
		const struct pidns_task *c = pidns__of(node, struct pidns_task, sibling);

		if (c->parent != t || c->process->leader != c)
			return "E3 a child does not know its parent";
		if (!pidns_ns_contains(pidns__ns(t), pidns__ns(c)))
			return "I7 a process lives outside its parent's namespace";
	}
	return NULL;
}

static const char *check_process(const struct pidns_process *p)
{
	const struct pidns_id *tgid = p->link[PIDNS_TGID].id, *pgid = p->link[PIDNS_PGID].id,
			      *sid = p->link[PIDNS_SID].id;
	const struct pidns_task *founder = pidns_id_task(sid, PIDNS_TGID);
	uint32_t threads = 0, live = 0;

	pidns__each(node, &p->threads) {
		const struct pidns_task *t = pidns__of(node, struct pidns_task, thread_node);

		threads++;
		live += !t->exiting;
		if (t->process != p)
			return "E2 a thread of another process";
	}
	if (threads != p->threads_len || live != p->live)
		return "E2 threads are miscounted";
	if (p->leader->pid.id != tgid)
		return "I3 a process's TGID is not its leader's PID";
	if (p->leader->is_zombie && threads != 1)
		return "E2 a zombie has threads";
	for (const struct pidns_link *l = pidns_first(pgid, PIDNS_PGID); l; l = l->next)
		if (pidns__of(l - PIDNS_PGID, struct pidns_process, link)->link[PIDNS_SID].id != sid)
			return "I4 a group is in two sessions";
	if (founder && founder->process->link[PIDNS_PGID].id != sid)
		return "I5 a session's founder has left its group";
	return NULL;
}

static const char *check_identity(struct pidns_ns *ns, const struct pidns_id *id, bool model)
{
	const char *broken = check_numbers(ns, id);
	const struct pidns_task *t;

	if (broken || !model)
		return broken;
	broken = check_links(id);
	t = pidns_id_task(id, PIDNS_PID);
	if (!broken && t)
		broken = check_task(t);
	if (!broken && t)
		broken = check_children(t);
	if (!broken && t && pidns__is_leader(t))
		broken = check_process(t->process);
	return broken;
}

/* ---------------------------------------------------------------------------------------- namespaces -- */

static const char *check_leaf(const struct pidns__dir *d, uint32_t at)
{
	const struct pidns__leaf *there = pidns__peek(&d->leaf[at]),
				 *leaf = there != &pidns__no_leaf ? there : NULL;
	uint32_t first = at ? 0 : PIDNS__LOW, count = 0;
	bool full = leaf && leaf->count == leaf->len, all;

	for (uint32_t i = first; leaf && i < PIDNS__LEAF_LEN; i++)
		count += pidns__bit(leaf->used, i);
	if (leaf && (leaf->count != count || leaf->len != PIDNS__LEAF_LEN - first))
		return "T2 a leaf's numbers are miscounted";
	if (pidns__bit(d->full, at) != full)
		return "T2 a leaf is not as full as it says";
	if (pidns__bit(d->some, at) != (count > 0))
		return "T2 a leaf is not as empty as it says";
	all = pidns__peek(&d->full[at / PIDNS__WORD_BITS]) == ~(pidns__word)0;
	if (pidns__bit(d->top, at / PIDNS__WORD_BITS) != all)
		return "T2 leaves are not all as full as they say";
	for (uint32_t i = at ? 0 : PIDNS__LOW; leaf && i < PIDNS__LEAF_LEN; i++)
		if (pidns__bit(leaf->used, i) != (pidns__load(&leaf->slot[i]) != NULL))
			return "T1 a bit and its slot differ";
	return NULL;
}

static const char *check_ns(struct pidns_ns *ns, bool model)
{
	const struct pidns__dir *d = pidns__peek(&ns->dir);
	const char *broken = NULL;
	uint32_t count = 0, tasks = 0;

	for (uint32_t at = 0; d && at < d->len && !broken; at++)
		broken = check_leaf(d, at);
	for (int32_t nr = 0; !broken;) {
		const struct pidns_id *id = pidns_next(ns, nr + 1);

		if (!id)
			break;
		count++;
		tasks += pidns_id_is_held(id, PIDNS_PID);
		nr = pidns_id_number(id, ns->level);
		broken = check_identity(ns, id, model);
	}
	if (broken)
		return broken;
	if (count != ns->count)
		return "T1 a namespace counts its numbers wrong";
	if (!model)
		return NULL;
	if (tasks && !ns->reaper)
		return "I8 a namespace has processes and no init";
	if (tasks && ns->parent && !ns->parent->reaper)
		return "I8 a namespace has processes, and the one above has no init";
	if (!count && ns->had_init && !ns->closed)
		return "I9 a namespace whose init died is open";
	return NULL;
}

const char *pidns_check(struct pidns_world *w)
{
	const char *broken = NULL;
	bool model = w->boot != NULL;

	if (!pidns__list_is_empty(&w->work) || !pidns__list_is_empty(&w->dying))
		return "W1 there is work left";
	pidns__each(node, &w->namespaces) {
		struct pidns_ns *ns = pidns__of(node, struct pidns_ns, node);

		/* roots of the number layer beside a model have no tasks */
		broken = check_ns(ns, model && pidns_ns_contains(w->root, ns));
		if (broken)
			break;
	}
	return broken;
}
