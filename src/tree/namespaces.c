/* SPDX-License-Identifier: MIT */
/*
 * namespaces.c: which namespace each process, each process's children and each ghost are in.
 *
 * Owns:    tree.namespaces, and ns and children_ns of processes and ghosts.
 * Keeps:   (S1) a process with as many numbers as its parent is in its parent's namespace, for a child is
 * there or deeper; (S2) one with more whose innermost number is 1 is the init of a namespace of its own; (S3)
 * any other with more is in the one its label names; without label in the one its parent's children_ns names,
 * if that is as deep; else in the only one of that level below its parent's; (S4) a namespace's parent is
 * where the parents of its members are, if they are one level out; else the one that its label names before
 * the last '/'; else the only one that is possible; (S5) namespaces are in order of their level, so parents
 * come first.
 * Costs:   three passes over the processes per level.
 */
#include "tree/internal.h"

#include "ns_labels.h"

#include <errno.h>
#include <string.h>

/* What is known of a namespace beside struct tree_ns. */
struct origin {
	int32_t member; /* the process that made us note it, for complaints */
	bool dead;      /* its init is a zombie, or that of one around it */
};

/* Per namespace, those of one level below it. */
struct below {
	uint32_t count;
	int32_t one; /* of them */
};

struct settle {
	struct tree__check *c;
	struct tree *t;
	struct ns_labels labels;
	struct origin *origins;
	struct below *below;
	int32_t lived_in; /* namespaces from here on are named as a children_ns only */
};

int32_t tree__ns_at_level(const struct tree *t, int32_t ns, unsigned level)
{
	while (ns != TREE_NONE && t->namespaces[ns].level > level)
		ns = t->namespaces[ns].parent;
	return ns != TREE_NONE && t->namespaces[ns].level == level ? ns : TREE_NONE;
}

bool tree__ns_is_below(const struct tree *t, int32_t ns, int32_t outer)
{
	return tree__ns_at_level(t, ns, t->namespaces[outer].level) == outer;
}

static int out_of_memory(struct settle *s)
{
	return tree_fail_at(s->c->err, -ENOMEM, &(struct tree_place){ .source = s->t->source },
			    "out of memory while settling the namespaces");
}

static int32_t find_label(const struct settle *s, struct tree_str label)
{
	return ns_labels_find(&s->labels, label);
}

static void bind_label(struct settle *s, struct tree_str label, int32_t ns)
{
	ns_labels_bind(&s->labels, label, ns);
	s->t->namespaces[ns].label = label;
}

static int32_t new_namespace(struct settle *s, unsigned level, int32_t parent, int32_t member)
{
	int32_t ns = (int32_t)s->t->namespaces_len++;
	s->t->namespaces[ns] =
		(struct tree_ns){ .parent = parent, .init = TREE_NONE, .level = (uint8_t)level };
	s->origins[ns] = (struct origin){ .member = member };
	return ns;
}

static const struct tree_process *parent_of(const struct settle *s, const struct tree_process *p)
{
	return p->parent == TREE_NONE ? NULL : &s->t->processes[p->parent];
}

/* Another label than the namespace has, or one that another namespace has. */
static int check_label(struct settle *s, const struct tree_process *p, struct tree_str label, int32_t ns)
{
	struct tree_ns *n = &s->t->namespaces[ns];
	struct tree_place at = tree__at_process(s->t, p, "ns");
	int32_t bound = find_label(s, label);
	if (bound == ns)
		return 0;
	if (bound != TREE_NONE)
		return tree_fail_at(s->c->err, -EINVAL, &at,
				    "'%s' is another namespace than the one it must be in", label.bytes);
	if (n->label.bytes)
		return tree_fail_at(s->c->err, -EINVAL, &at, "'%s', but its namespace is '%s'", label.bytes,
				    n->label.bytes);
	bind_label(s, label, ns);
	return 0;
}

/* p's parent tells where the namespace is, if it is in the one just outside. */
static int note_enclosing(struct settle *s, const struct tree_process *p, int32_t ns)
{
	struct tree_ns *n = &s->t->namespaces[ns];
	const struct tree_process *parent = parent_of(s, p);
	if (!parent || parent->levels != n->level)
		return 0;
	if (n->parent == TREE_NONE)
		n->parent = parent->ns;
	if (n->parent == parent->ns)
		return 0;
	struct tree_place at = tree__at_process(s->t, p, "ns");
	return tree_fail_at(s->c->err, -EINVAL, &at, "its namespace is not inside that of its parent %d",
			    (int)parent->nspid[0]);
}

static int join(struct settle *s, struct tree_process *p, int32_t ns)
{
	p->ns = ns;
	return p->ns_label.bytes ? check_label(s, p, p->ns_label, ns) : 0;
}

/* The label that says where p is: its own, or what its parent says of its children, if that can be meant. */
static struct tree_str effective_label(const struct settle *s, const struct tree_process *p)
{
	const struct tree_process *parent = parent_of(s, p);
	if (p->ns_label.bytes || !parent || !parent->children_ns_label.bytes)
		return p->ns_label;
	int32_t ns = find_label(s, parent->children_ns_label);
	bool meant = ns == TREE_NONE ? p->levels == parent->levels + 1
				     : s->t->namespaces[ns].level + 1 == p->levels;
	return meant ? parent->children_ns_label : p->ns_label;
}

/* The namespace of a label, new if nobody has named it yet. */
static int by_label(struct settle *s, struct tree_process *p, struct tree_str label)
{
	int32_t ns = find_label(s, label);
	if (ns == TREE_NONE) {
		ns = new_namespace(s, p->levels - 1u, p->levels == 2 ? 0 : TREE_NONE,
				   (int32_t)(p - s->t->processes));
		bind_label(s, label, ns);
	}
	if (s->t->namespaces[ns].level + 1 != p->levels) {
		struct tree_place at = tree__at_process(s->t, p, "ns");
		return tree_fail_at(s->c->err, -EINVAL, &at,
				    "'%s' is at level %u, but %u numbers mean level %u", label.bytes,
				    s->t->namespaces[ns].level, p->levels, p->levels - 1u);
	}
	p->ns = ns;
	return note_enclosing(s, p, ns);
}

static int found(struct settle *s, struct tree_process *p)
{
	struct tree_str label = effective_label(s, p);
	int32_t self = (int32_t)(p - s->t->processes);
	int r = 0;
	if (label.bytes) {
		r = by_label(s, p, label);
	} else {
		p->ns = new_namespace(s, p->levels - 1u, p->levels == 2 ? 0 : TREE_NONE, self);
		r = note_enclosing(s, p, p->ns);
	}
	if (r < 0)
		return r;
	struct tree_ns *n = &s->t->namespaces[p->ns];
	if (n->init != TREE_NONE) {
		struct tree_place at = tree__at_process(s->t, p, "ns");
		return tree_fail_at(s->c->err, -EINVAL, &at, "'%s' has an init already, process %d",
				    label.bytes, (int)s->t->processes[n->init].nspid[0]);
	}
	n->init = self;
	return 0;
}

/* S1, S2, and with `labels` those that a label settles.  Processes come parents first. */
static int settle_clear_ones(struct settle *s, unsigned level, bool labels)
{
	int r = 0;
	for (size_t i = 0; i < s->t->processes_len && r == 0; i++) {
		struct tree_process *p = &s->t->processes[s->c->order[i]];
		if (p->levels != level + 1 || p->ns != TREE_NONE)
			continue;
		const struct tree_process *parent = parent_of(s, p);
		if (parent && parent->levels == p->levels) {
			if (parent->ns != TREE_NONE)
				r = join(s, p, parent->ns);
		} else if (tree__is_init(p)) {
			r = found(s, p);
		} else if (labels && effective_label(s, p).bytes) {
			r = by_label(s, p, effective_label(s, p));
		}
	}
	return r;
}

/* Counts, for every namespace, those of `level` below it. */
static void count_below(struct settle *s, unsigned level)
{
	memset(s->below, 0, s->t->namespaces_len * sizeof *s->below);
	for (int32_t ns = 0; ns < (int32_t)s->t->namespaces_len; ns++) {
		if (s->t->namespaces[ns].level != level)
			continue;
		for (int32_t up = ns; up != TREE_NONE; up = s->t->namespaces[up].parent) {
			s->below[up].count++;
			s->below[up].one = ns;
		}
	}
}

static struct below below_parent(const struct settle *s, const struct tree_process *p)
{
	const struct tree_process *parent = parent_of(s, p);
	return s->below[parent ? parent->ns : 0];
}

/* The one around it, if its label says which. */
static int32_t labelled_parent(const struct settle *s, const struct tree_ns *n)
{
	int32_t ns = n->label.bytes ? ns_labels_find_outer(&s->labels, n->label) : TREE_NONE;
	return ns != TREE_NONE && s->t->namespaces[ns].level + 1 == n->level ? ns : TREE_NONE;
}

static int check_labels(struct settle *s)
{
	for (int32_t ns = 0; ns < (int32_t)s->t->namespaces_len; ns++) {
		const struct tree_ns *n = &s->t->namespaces[ns];
		int32_t around = labelled_parent(s, n);
		if (around == TREE_NONE || around == n->parent)
			continue;
		struct tree_place at = tree__at_process(s->t, &s->t->processes[s->origins[ns].member], "ns");
		return tree_fail_at(s->c->err, -EINVAL, &at,
				    "'%s' says that it is inside '%s', and it is not", n->label.bytes,
				    s->t->namespaces[around].label.bytes);
	}
	return 0;
}

/* S4, for those of `level` that no member's parent has settled. */
static int settle_enclosing(struct settle *s, unsigned level)
{
	count_below(s, level - 1);
	for (int32_t ns = 0; ns < (int32_t)s->t->namespaces_len; ns++) {
		struct tree_ns *n = &s->t->namespaces[ns];
		if (n->level != level || n->parent != TREE_NONE)
			continue;
		const struct tree_process *p = &s->t->processes[s->origins[ns].member];
		struct below b = below_parent(s, p);
		n->parent = labelled_parent(s, n);
		if (n->parent == TREE_NONE && b.count == 1)
			n->parent = b.one;
		if (n->parent != TREE_NONE)
			continue;
		struct tree_place at = tree__at_process(s->t, p, "ns");
		return tree_fail_at(s->c->err, -EINVAL, &at,
				    "which namespace of level %u is around its own is open (%u are "
				    "possible); name it: \"OUTER/INNER\"",
				    level - 1, b.count);
	}
	return 0;
}

/* S3's last case, and S1 for the children of those. */
static int settle_by_elimination(struct settle *s, unsigned level)
{
	count_below(s, level);
	int r = 0;
	for (size_t i = 0; i < s->t->processes_len && r == 0; i++) {
		struct tree_process *p = &s->t->processes[s->c->order[i]];
		if (p->levels != level + 1 || p->ns != TREE_NONE)
			continue;
		const struct tree_process *parent = parent_of(s, p);
		if (parent && parent->levels == p->levels) {
			r = join(s, p, parent->ns);
			continue;
		}
		struct below b = below_parent(s, p);
		if (b.count != 1) {
			struct tree_place at = tree__at_process(s->t, p, "ns");
			return tree_fail_at(s->c->err, -EINVAL, &at,
					    "missing, and %u namespaces of level %u are possible", b.count,
					    level);
		}
		p->ns = b.one;
	}
	return r;
}

static int check_is_below_parent(struct settle *s, const struct tree_process *p)
{
	const struct tree_process *parent = parent_of(s, p);
	if (!parent || tree__ns_is_below(s->t, p->ns, parent->ns))
		return 0;
	struct tree_place at = tree__at_process(s->t, p, "ns");
	return tree_fail_at(s->c->err, -EINVAL, &at, "its namespace is not inside that of its parent %d",
			    (int)parent->nspid[0]);
}

static int settle_level(struct settle *s, unsigned level)
{
	int r = settle_clear_ones(s, level, false);
	if (r == 0)
		r = settle_clear_ones(s, level, true);
	if (r == 0)
		r = settle_enclosing(s, level);
	return r == 0 ? settle_by_elimination(s, level) : r;
}

static int settle_level_0(struct settle *s)
{
	int32_t ns = new_namespace(s, 0, TREE_NONE, 0);
	int r = 0;
	for (size_t i = 0; i < s->t->processes_len && r == 0; i++) {
		struct tree_process *p = &s->t->processes[s->c->order[i]];
		p->children_ns = p->ns = TREE_NONE;
		if (p->levels == 1)
			r = join(s, p, ns);
		if (p->nspid[0] == 1)
			s->t->namespaces[ns].init = s->c->order[i];
	}
	return r;
}

/*
 * A label that nobody lives under is a namespace just made by unshare, or one whose members are all gone.  It is inside the
 * one before its slash, or the innermost of those that it is named from.
 */
static int settle_children(struct settle *s, struct tree_process *p)
{
	p->children_ns = p->ns;
	if (!p->children_ns_label.bytes)
		return 0;
	struct tree_place at = tree__at_process(s->t, p, "children_ns");
	int32_t ns = find_label(s, p->children_ns_label);
	if (ns == TREE_NONE) {
		int32_t around = ns_labels_find_outer(&s->labels, p->children_ns_label);
		if (around == TREE_NONE || !tree__ns_is_below(s->t, around, p->ns))
			around = p->ns;
		if (s->t->namespaces[around].level + 1u == TREE_LEVEL_MAX)
			return tree_fail_at(s->c->err, -EINVAL, &at, "deeper than %d levels", TREE_LEVEL_MAX);
		ns = new_namespace(s, s->t->namespaces[around].level + 1u, around,
				   (int32_t)(p - s->t->processes));
		bind_label(s, p->children_ns_label, ns);
	}
	if (ns >= s->lived_in && p->levels < TREE_LEVEL_MAX &&
	    tree__ns_is_below(s->t, p->ns, s->t->namespaces[ns].parent)) {
		s->t->namespaces[ns].parent = p->ns;
		s->t->namespaces[ns].level = p->levels;
	}
	if (!tree__ns_is_below(s->t, ns, p->ns))
		return tree_fail_at(s->c->err, -EINVAL, &at,
				    "'%s' is neither its own namespace nor inside it",
				    p->children_ns_label.bytes);
	p->children_ns = ns;
	return 0;
}

/* No namespace lives on without its init, and all of level 0's are in the file when its init is. */
static int check_inits(struct settle *s)
{
	struct tree *t = s->t;
	for (int32_t ns = 0; ns < (int32_t)t->namespaces_len; ns++) {
		const struct tree_ns *n = &t->namespaces[ns];
		bool around = n->parent != TREE_NONE && s->origins[n->parent].dead;
		s->origins[ns].dead =
			around || (n->init != TREE_NONE && t->processes[n->init].state == TREE_ZOMBIE);
	}
	for (size_t i = 0; i < t->processes_len; i++) {
		const struct tree_process *p = &t->processes[i];
		const struct tree_ns *n = &t->namespaces[p->ns];
		bool own = n->init == (int32_t)i;
		struct tree_place at = tree__at_process(t, p, "ns");
		if (own ? n->parent != TREE_NONE && s->origins[n->parent].dead : s->origins[p->ns].dead)
			return tree_fail_at(s->c->err, -EINVAL, &at,
					    "its namespace's init (or that of one around it) is a zombie, so "
					    "nobody else is left in it");
		if (n->init == TREE_NONE && s->c->root_is_init)
			return tree_fail_at(s->c->err, -EINVAL, &at,
					    "its namespace has no init in this file, and with number 1 as "
					    "root it must be here");
	}
	return 0;
}

/* A ghost's numbers were seen by members, so its namespace is on the way outwards from a member's. */
static int settle_ghost_by(struct settle *s, struct tree_ghost *g, const struct tree_process *p, bool *differ)
{
	int32_t ns = tree__ns_at_level(s->t, p->ns, g->levels - 1u);
	if (ns == TREE_NONE)
		return 0;
	int32_t named = g->ns_label.bytes ? find_label(s, g->ns_label) : TREE_NONE;
	if (g->ns_label.bytes && ns != named)
		return 0;
	*differ = *differ || (g->ns != TREE_NONE && g->ns != ns);
	g->ns = ns;
	return 0;
}

static int settle_ghosts(struct settle *s)
{
	struct tree *t = s->t;
	bool *differ = tree__pool_alloc(&s->c->scratch, t->ghosts_len * sizeof *differ);
	bool *used = tree__pool_alloc(&s->c->scratch, t->ghosts_len * sizeof *used);
	if (!differ || !used)
		return out_of_memory(s);
	for (size_t i = 0; i < t->ghosts_len; i++)
		t->ghosts[i].ns = TREE_NONE;
	for (size_t i = 0; i < t->processes_len; i++) {
		const int32_t named[] = { t->processes[i].pgid, t->processes[i].sid };
		for (size_t k = 0; k < 2; k++) {
			const struct tree__holder *h = tree__number_find(t, 0, named[k]);
			if (!h || h->kind != TREE__GHOST)
				continue;
			used[h->index] = true;
			settle_ghost_by(s, &t->ghosts[h->index], &t->processes[i], &differ[h->index]);
		}
	}
	for (size_t i = 0; i < t->ghosts_len; i++) {
		const struct tree_ghost *g = &t->ghosts[i];
		struct tree_place at = tree__at_ghost(t, g, "nspid");
		if (!used[i])
			return tree_fail_at(
				s->c->err, -EINVAL, &at,
				"no process is in a group or session of that number, so nothing holds it");
		if (g->ns == TREE_NONE && g->ns_label.bytes) {
			at.field = "ns";
			return tree_fail_at(s->c->err, -EINVAL, &at,
					    "'%s' is no namespace of level %u that a member of it is in",
					    g->ns_label.bytes, g->levels - 1u);
		}
		if (g->ns == TREE_NONE)
			return tree_fail_at(s->c->err, -EINVAL, &at,
					    "%u numbers, but no member of its group or session is so deep",
					    g->levels);
		if (s->origins[g->ns].dead)
			return tree_fail_at(
				s->c->err, -EINVAL, &at,
				"the init of its namespace is a zombie, and could not be while this is held");
		at.field = "ns";
		if (differ[i])
			return tree_fail_at(s->c->err, -EINVAL, &at,
					    "missing, and its members are in several namespaces of level %u",
					    g->levels - 1u);
	}
	return 0;
}

/* At most one per init, one per label, and level 0. */
static int make_room(struct settle *s)
{
	struct tree *t = s->t;
	size_t labels = 0, inits = 0;
	for (size_t i = 0; i < t->processes_len; i++) {
		const struct tree_process *p = &t->processes[i];
		labels += (p->ns_label.bytes != NULL) + (size_t)(p->children_ns_label.bytes != NULL);
		inits += tree__is_init(p);
	}
	size_t max = 1 + inits + labels;
	t->namespaces_len = 0;
	t->namespaces = tree_alloc(t, max * sizeof *t->namespaces);
	s->origins = tree__pool_alloc(&s->c->scratch, max * sizeof *s->origins);
	s->below = tree__pool_alloc(&s->c->scratch, max * sizeof *s->below);
	if (!t->namespaces || !s->origins || !s->below ||
	    ns_labels_init(&s->labels, &s->c->scratch, labels) < 0)
		return out_of_memory(s);
	return 0;
}

int tree__settle_namespaces(struct tree__check *c)
{
	struct settle s = { .c = c, .t = c->t };
	int r = make_room(&s);
	if (r == 0)
		r = settle_level_0(&s);
	unsigned deepest = 0;
	for (size_t i = 0; i < s.t->processes_len; i++)
		deepest = s.t->processes[i].levels - 1u > deepest ? s.t->processes[i].levels - 1u : deepest;
	for (unsigned level = 1; level <= deepest && r == 0; level++)
		r = settle_level(&s, level);
	for (size_t i = 0; i < s.t->processes_len && r == 0; i++)
		r = check_is_below_parent(&s, &s.t->processes[i]);
	if (r == 0)
		r = check_labels(&s);
	s.lived_in = (int32_t)s.t->namespaces_len;
	for (size_t i = 0; i < s.t->processes_len && r == 0; i++)
		r = settle_children(&s, &s.t->processes[s.c->order[i]]);
	if (r == 0)
		r = check_inits(&s);
	return r == 0 ? settle_ghosts(&s) : r;
}
