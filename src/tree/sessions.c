/* SPDX-License-Identifier: MIT */
/*
 * sessions.c: groups and sessions that could exist.
 *
 * Owns:    the checks of pgid and sid that need no planning.
 * Keeps:   (G1) a session's leader leads its own group, and says so itself;
 *          (G2) all members of a group, and its founder while it lives, are in one session; a number that is
 * a session has its group in that session; (G3) a session is inherited: no member is outside its leader's
 * namespace, or an ancestor of its leader; (G4) an init's session was founded outside its namespace or by
 * itself.  The same is demanded of its group: an init that dies in a group founded by another process of its
 * own namespace waits for ever for that number, and nothing can kill it.
 */
#include "tree/internal.h"

#include <errno.h>

/* Who founded p's group or session; *r is set to a failure when nobody could have. */
static const struct tree__holder *founder(struct tree__check *c, const struct tree_process *p, int32_t number,
					  const char *field, int *r)
{
	*r = 0;
	if (number == 0)
		return NULL;
	const struct tree__holder *h = tree__number_find(c->t, 0, number);
	struct tree_place at = tree__at_process(c->t, p, field);
	if (!h) {
		*r = tree_fail_at(c->err, -EINVAL, &at, "%d is no process, ghost or 0", (int)number);
	} else if (h->kind == TREE__THREAD) {
		char words[96];
		tree__holder_words(c->t, h, words, sizeof words);
		*r = tree_fail_at(c->err, -EINVAL, &at,
				  "%d is %s, and threads found neither groups nor sessions", (int)number,
				  words);
	}
	return h;
}

static int32_t ns_of(const struct tree *t, const struct tree__holder *h)
{
	return h->kind == TREE__GHOST ? t->ghosts[h->index].ns : t->processes[h->index].ns;
}

/* G4 */
static int check_init(struct tree__check *c, const struct tree_process *p, const struct tree__holder *h,
		      const char *field)
{
	const struct tree *t = c->t;
	bool own = h->kind == TREE__PROCESS && &t->processes[h->index] == p;
	if (own || !tree__is_init(p) || !tree__ns_is_below(t, ns_of(t, h), p->ns))
		return 0;
	struct tree_place at = tree__at_process(t, p, field);
	if (field[0] == 's')
		return tree_fail_at(
			c->err, -EINVAL, &at,
			"%d is inside its namespace, but an init's session is older than all others there",
			(int)p->sid);
	return tree_fail_at(c->err, -EINVAL, &at,
			    "%d is inside its namespace; an init that dies in such a group waits for that "
			    "number for ever and cannot be killed",
			    (int)p->pgid);
}

/* G1 and G3 */
static int check_session(struct tree__check *c, const struct tree_process *p, const struct tree__holder *h)
{
	const struct tree *t = c->t;
	struct tree_place at = tree__at_process(t, p, "sid");
	if (h->kind == TREE__PROCESS) {
		const struct tree_process *leader = &t->processes[h->index];
		size_t self = (size_t)(p - t->processes), top = (size_t)h->index;
		if (leader->sid != p->sid)
			return tree_fail_at(c->err, -EINVAL, &at,
					    "process %d leads no session, its own sid is %d", (int)p->sid,
					    (int)leader->sid);
		if (leader == p && p->pgid != p->nspid[0]) {
			at.field = "pgid";
			return tree_fail_at(c->err, -EINVAL, &at,
					    "%d, but a session's leader leads its own group", (int)p->pgid);
		}
		if (c->enter[self] < c->enter[top] && c->enter[top] < c->leave[self])
			return tree_fail_at(
				c->err, -EINVAL, &at,
				"%d is a descendant of it, and sessions are inherited downwards only",
				(int)p->sid);
	}
	if (!tree__ns_is_below(t, p->ns, ns_of(t, h)))
		return tree_fail_at(
			c->err, -EINVAL, &at,
			"%d is in a namespace that it is outside of, and sessions do not reach outwards",
			(int)p->sid);
	return 0;
}

/* G2: the session of a group is the first member's that is met. */
static int check_group(struct tree__check *c, const struct tree_process *p, const struct tree__holder *h,
		       int32_t *member)
{
	const struct tree *t = c->t;
	struct tree_place at = tree__at_process(t, p, "pgid");
	if (h->kind == TREE__PROCESS && t->processes[h->index].sid != p->sid)
		return tree_fail_at(c->err, -EINVAL, &at,
				    "group %d is in session %d, as its founder, and not in %d", (int)p->pgid,
				    (int)t->processes[h->index].sid, (int)p->sid);
	if (*member == TREE_NONE)
		*member = (int32_t)(p - t->processes);
	const struct tree_process *first = &t->processes[*member];
	if (first->sid != p->sid)
		return tree_fail_at(c->err, -EINVAL, &at,
				    "group %d is in session %d, as process %d, and not in %d", (int)p->pgid,
				    (int)first->sid, (int)first->nspid[0], (int)p->sid);
	return 0;
}

static int check_process(struct tree__check *c, const struct tree_process *p, int32_t *ghost_member)
{
	int r;
	const struct tree__holder *session = founder(c, p, p->sid, "sid", &r);
	if (r == 0 && session)
		r = check_init(c, p, session, "sid");
	if (r == 0 && session)
		r = check_session(c, p, session);
	if (r < 0)
		return r;
	const struct tree__holder *group = founder(c, p, p->pgid, "pgid", &r);
	if (r == 0 && group)
		r = check_init(c, p, group, "pgid");
	if (r < 0)
		return r;
	if (group) {
		int32_t self = TREE_NONE;
		return check_group(c, p, group,
				   group->kind == TREE__GHOST ? &ghost_member[group->index] : &self);
	}
	if (p->sid == 0)
		return 0;
	struct tree_place at = tree__at_process(c->t, p, "pgid");
	return tree_fail_at(c->err, -EINVAL, &at, "0, but no group outside the tree is in session %d",
			    (int)p->sid);
}

/* G2's last part: a ghost that is a session has its group in it. */
static int check_ghost_group(struct tree__check *c, const struct tree_process *p, const int32_t *ghost_member)
{
	const struct tree__holder *h = p->sid ? tree__number_find(c->t, 0, p->sid) : NULL;
	if (!h || h->kind != TREE__GHOST || ghost_member[h->index] == TREE_NONE)
		return 0;
	const struct tree_process *m = &c->t->processes[ghost_member[h->index]];
	if (m->sid == p->sid)
		return 0;
	struct tree_place at = tree__at_process(c->t, m, "sid");
	return tree_fail_at(c->err, -EINVAL, &at,
			    "%d, but its group %d was founded with session %d (process %d's)", (int)m->sid,
			    (int)m->pgid, (int)p->sid, (int)p->nspid[0]);
}

int tree__check_sessions(struct tree__check *c)
{
	const struct tree *t = c->t;
	int32_t *ghost_member = tree__pool_alloc(&c->scratch, t->ghosts_len * sizeof *ghost_member);
	if (!ghost_member)
		return tree_fail_at(c->err, -ENOMEM, &(struct tree_place){ .source = t->source },
				    "out of memory while checking sessions");
	for (size_t i = 0; i < t->ghosts_len; i++)
		ghost_member[i] = TREE_NONE;
	int r = 0;
	for (size_t i = 0; i < t->processes_len && r == 0; i++)
		r = check_process(c, &t->processes[i], ghost_member);
	for (size_t i = 0; i < t->processes_len && r == 0; i++)
		r = check_ghost_group(c, &t->processes[i], ghost_member);
	return r;
}
