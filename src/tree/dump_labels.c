/* SPDX-License-Identifier: MIT */
/*
 * dump_labels.c: names for the namespaces of a dump that parents and numbers alone do not settle.
 *
 * A child lives in its parent's namespace or deeper; one that is deeper and has number 1 is the init of one of its
 * own, made by its parent.  That settles all trees that clone's CLONE_NEWPID makes.  unshare(2) and setns(2) make
 * others: somebody who is not number 1 and yet deeper than his parent, a namespace around one's own that has
 * nobody's parent in it, somebody whose next child would live elsewhere.
 *
 * Keeps:   (L1) a namespace gets a label only when one of its members, or a ghost, needs it, and then every member
 *               whose parent is not in it says it;
 *          (L2) labels are "ns1", "ns2"... in the order of the tree, so the same tree gets the same ones;
 *               "ns1/ns2" where a file could not tell else that ns1 is around ns2.
 */
#include "tree/dump_tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Deep enough, and with an inode that could be read. */
static struct proc_ns *ns_of(const struct dump *d, uint64_t inode)
{
	return inode == d->r->root_ns ? NULL : proc_ns_find(d->r, inode);
}

static bool enters(const struct dump *d, const struct proc_record *rec)
{
	const struct proc_record *parent = dump_parent(d, rec);

	return rec->levels > 1 && (!parent || parent->levels != rec->levels);
}

static int32_t innermost(const struct dump *d, const struct proc_record *rec)
{
	return proc_numbers(d->p, rec->numbers)[rec->levels - 1];
}

/* The namespace `up` levels around a record's, asked of the kernel: members' parents do not tell. */
static uint64_t ask_around(const struct dump *d, const struct proc_record *rec, unsigned up)
{
	char name[16];

	proc_text(name, rec->pid);
	int dir = proc_open_dir(d->r->proc_fd, name);
	int64_t inode = dir < 0 ? dir : proc_ns_around(dir, up);
	proc_close(dir);
	return inode < 0 ? PROC_NS_UNKNOWN : (uint64_t)inode;
}

/* Whose namespace is around whose, as far as parents tell; members, for the questions that are left. */
static void learn_from_parents(struct dump *d)
{
	for (size_t i = 0; i < proc_pass_len(d->p); i++) {
		const struct proc_record *rec = proc_pass_at(d->p, i), *parent = dump_parent(d, rec);
		struct proc_ns *ns = ns_of(d, rec->ns);
		if (!ns)
			continue;
		if (ns->member < 0)
			ns->member = (int32_t)i;
		if (parent && parent->levels + 1 == rec->levels)
			ns->outer = parent->ns;
	}
}

/* At level 1 the one around is level 0.  Deeper, and with nobody's parent in it, it must be named. */
static void need_outer(struct dump *d, struct proc_ns *ns)
{
	if (ns->levels <= 2 || ns->outer || ns->member < 0)
		return;
	ns->outer = ask_around(d, proc_pass_at(d->p, (size_t)ns->member), 1);
	struct proc_ns *outer = ns_of(d, ns->outer);
	ns->needs_label = true;
	if (outer)
		outer->needs_label = true;
}

/* Is it known that its next child would live elsewhere? */
static bool sends_away(const struct proc_record *rec)
{
	return rec->state != TREE_ZOMBIE && rec->ns != PROC_NS_UNKNOWN &&
	       rec->children_ns != PROC_NS_UNKNOWN && rec->children_ns != rec->ns;
}

/* What nobody of the tree lives in is not in the table yet. */
static int need_children(struct dump *d, const struct proc_record *rec)
{
	if (!sends_away(rec) || rec->children_ns == PROC_NS_EMPTY)
		return 0;
	struct proc_ns *ns = proc_ns_find(d->r, rec->children_ns);
	if (!ns)
		ns = proc_ns_learn(d->r, rec->children_ns, 0, true);
	if (!ns)
		return tree_fail(d->err, -ENOMEM, "out of memory");
	ns->needs_label = rec->children_ns != d->r->root_ns;
	return 0;
}

static int find_needs(struct dump *d)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < proc_pass_len(d->p); i++) {
		const struct proc_record *rec = proc_pass_at(d->p, i), *parent = dump_parent(d, rec);
		struct proc_ns *ns = ns_of(d, rec->ns);
		if (ns && enters(d, rec)) {
			bool elsewhere = parent && sends_away(parent) && parent->children_ns != rec->ns;
			ns->needs_label = ns->needs_label || elsewhere || innermost(d, rec) != 1;
			need_outer(d, ns);
		}
		e = need_children(d, rec);
	}
	return e;
}

/* ---------------------------------------------------------------------------------------- ghosts -- */

/* The namespace of level `levels` on the way outwards from a record's. */
static uint64_t ns_at(const struct dump *d, const struct proc_record *rec, unsigned levels)
{
	for (const struct proc_record *at = rec; at; at = dump_parent(d, at))
		if (at->levels == levels)
			return at->ns;
	return ask_around(d, rec, rec->levels - levels);
}

/* A ghost needs a label when some member is as deep as the ghost was, but elsewhere: it shows 0 there. */
static void ghost_seen(struct dump *d, const struct proc_record *rec, uint32_t at, uint64_t *ns, bool *needs)
{
	int32_t i = dump_map_get(&d->ghosts, *proc_numbers(d->p, at));

	if (i == TREE_NONE || d->t->ghosts[i].levels < 2 || rec->levels < d->t->ghosts[i].levels)
		return;
	if (proc_numbers(d->p, at)[d->t->ghosts[i].levels - 1] == 0)
		needs[i] = true;
	else if (!ns[i])
		ns[i] = ns_at(d, rec, d->t->ghosts[i].levels);
}

static int find_ghosts(struct dump *d, uint64_t **out)
{
	uint64_t *ns = tree_alloc(d->t, d->t->ghosts_len * sizeof *ns);
	bool *needs = tree_alloc(d->t, d->t->ghosts_len * sizeof *needs);

	if (!ns || !needs)
		return tree_fail(d->err, -ENOMEM, "out of memory");
	for (size_t i = 0; d->t->ghosts_len && i < proc_pass_len(d->p); i++) {
		const struct proc_record *rec = proc_pass_at(d->p, i);
		ghost_seen(d, rec, rec->numbers + rec->levels, ns, needs);
		ghost_seen(d, rec, rec->numbers + 2u * rec->levels, ns, needs);
	}
	for (size_t i = 0; i < d->t->ghosts_len; i++) {
		struct proc_ns *of = needs[i] ? ns_of(d, ns[i]) : NULL;
		if (of)
			of->needs_label = true;
		else
			ns[i] = 0;
	}
	*out = ns;
	return 0;
}

/* ---------------------------------------------------------------------------------------- labels -- */

static struct tree_str make_label(struct dump *d, struct proc_ns *ns, unsigned *count)
{
	struct proc_ns *outer = ns->levels > 2 ? ns_of(d, ns->outer) : NULL;
	char text[512];
	int len;

	if (ns->label.bytes)
		return ns->label;
	if (outer && outer->needs_label) {
		struct tree_str around = make_label(d, outer, count);
		len = snprintf(text, sizeof text, "%s/ns%u", around.bytes ? around.bytes : "", ++*count);
	} else {
		len = snprintf(text, sizeof text, "ns%u", ++*count);
	}
	ns->label = tree_strdup(d->t, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
	return ns->label;
}

static int label_process(struct dump *d, size_t i, unsigned *count)
{
	const struct proc_record *rec = proc_pass_at(d->p, i);
	struct tree_process *out = &d->t->processes[i];
	struct proc_ns *ns = ns_of(d, rec->ns), *children = ns_of(d, rec->children_ns);
	struct proc_ns nobodys = { 0 }; /* one that nobody else can know of */

	if (ns && ns->needs_label && enters(d, rec)) {
		out->ns_label = make_label(d, ns, count);
		if (!out->ns_label.bytes)
			return tree_fail(d->err, -ENOMEM, "out of memory");
	}
	if (!sends_away(rec))
		return 0;
	if (rec->children_ns == PROC_NS_EMPTY)
		children = &nobodys;
	if (!children)
		return 0;
	out->children_ns_label = make_label(d, children, count);
	return out->children_ns_label.bytes ? 0 : tree_fail(d->err, -ENOMEM, "out of memory");
}

int dump_label(struct dump *d)
{
	uint64_t *ghost_ns = NULL;
	unsigned count = 0;

	learn_from_parents(d);
	int e = find_needs(d);
	if (e == 0)
		e = find_ghosts(d, &ghost_ns);
	for (size_t i = 0; e == 0 && i < proc_pass_len(d->p); i++)
		e = label_process(d, i, &count);
	for (size_t i = 0; e == 0 && i < d->t->ghosts_len; i++) {
		struct proc_ns *ns = ns_of(d, ghost_ns[i]);
		if (!ns)
			continue;
		d->t->ghosts[i].ns_label = make_label(d, ns, &count);
		if (!d->t->ghosts[i].ns_label.bytes)
			e = tree_fail(d->err, -ENOMEM, "out of memory");
	}
	return e;
}
