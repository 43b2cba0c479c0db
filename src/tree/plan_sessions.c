/* SPDX-License-Identifier: MIT */
/*
 * plan_sessions.c: the session each process is born in.
 *
 * A process changes its session once in its life, by its own setsid().  So one that leads no session has been
 * in its session since birth, and for a leader the birth session is the planner's to choose.  A child is born
 * in its parent's session as it is at that moment: the parent's final one, or, while the parent has not yet
 * called setsid(), the parent's own birth session.
 *
 * One pass from the leaves up finds what each leader's children need its birth session to be; at most one
 * answer is possible.  One pass down checks that the parent can give it.
 */
#include "plan_internal.h"

#include <errno.h>

#define FREE (-1) /* no child needs a particular birth session */

/* What child `c` must be born in; FREE for a leader whose children do not care. */
static int32_t wanted(const struct planner *pl, int32_t c)
{
	return pl->nodes[c].leads_session ? pl->nodes[c].birth_session : plan__process(pl, c)->sid;
}

/* The refusal of a child that would have to be born in a session its parent is never in. */
static int refuse(struct planner *pl, int32_t c)
{
	struct plan_who parent, leader;
	int32_t session, l;

	while (pl->nodes[c].leads_session) /* its own birth session was only passed up for a child's sake */
		c = pl->nodes[c].needed_by;
	session = plan__process(pl, c)->sid;
	l = session ? tree_find(pl->t, session) : TREE_NONE;
	if (session == 0)
		return plan__refuse(pl, c,
				    "its session is outside the tree, and its parent, %s, was never in that",
				    plan__who(pl, plan__process(pl, c)->parent, &parent));
	return plan__refuse(
		pl, c,
		"its session is that of %s, which its parent, %s, was never in: it was orphaned, or "
		"made by another process",
		l == TREE_NONE ? "a dead leader" : plan__who(pl, l, &leader),
		plan__who(pl, plan__process(pl, c)->parent, &parent));
}

/* `c` was handled before: take what it needs over to its parent `i`. */
static int gather(struct planner *pl, int32_t i, int32_t c)
{
	struct plan_node *n = &pl->nodes[i];
	int32_t want = wanted(pl, c);

	if (want == FREE || want == plan__process(pl, i)->sid)
		return 0;
	if (!n->leads_session || (n->birth_session != FREE && n->birth_session != want))
		return refuse(pl, c);
	n->birth_session = want;
	n->needed_by = c;
	return 0;
}

int plan__sessions(struct planner *pl)
{
	const struct tree *t = pl->t;
	int r;

	for (size_t i = 0; i < t->processes_len; i++) {
		pl->nodes[i].leads_session = t->processes[i].sid == t->processes[i].nspid[0];
		pl->nodes[i].birth_session = FREE;
	}
	for (size_t k = t->processes_len; k-- > 0;) {
		int32_t i = pl->order[k];

		for (int32_t c = pl->nodes[i].first_child; c != TREE_NONE; c = pl->nodes[c].next_sibling) {
			r = gather(pl, i, c);
			if (r < 0)
				return r;
		}
	}
	for (size_t k = 0; k < t->processes_len; k++) {
		int32_t i = pl->order[k];
		struct plan_node *n = &pl->nodes[i];
		int32_t parent = t->processes[i].parent;
		int32_t given = parent == TREE_NONE ? 0 : t->processes[parent].sid;

		if (!n->leads_session)
			n->birth_session = t->processes[i].sid;
		else if (n->birth_session == FREE) {
			n->birth_session = given;
			n->session_is_free = true;
		}
		if (parent == TREE_NONE && n->birth_session != 0)
			return n->leads_session
				       ? refuse(pl, i)
				       : plan__refuse(pl, i, "its session %d is led by none of its ancestors",
						      (int)n->birth_session);
		if (n->leads_session && n->birth_session != given &&
		    n->birth_session != pl->nodes[parent].birth_session)
			return refuse(pl, i);
		n->born_early = parent != TREE_NONE && n->birth_session != given;
	}
	return 0;
}
