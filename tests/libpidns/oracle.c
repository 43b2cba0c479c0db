/* SPDX-License-Identifier: MIT */
/* oracle.c: see oracle.h. */
#include "oracle.h"

#include <pidns.h>

static bool wrong(const struct oracle *o, enum oracle_mistake mistake)
{
	return o->mistake == mistake;
}

static int32_t first_free(const struct oracle_ns *n, int32_t from)
{
	for (int32_t nr = from; nr < n->pid_max; nr++)
		if (!n->owner[nr])
			return nr;
	return 0;
}

static int32_t cyclic(const struct oracle *o, const struct oracle_ns *n)
{
	bool high = wrong(o, ORACLE_300_IS_HIGH) ? n->cursor >= 300 : n->cursor > 300;
	int32_t start = high ? 300 : 1, nr = first_free(n, n->cursor > start ? n->cursor : start);

	if (nr == 0)
		nr = first_free(n, wrong(o, ORACLE_WRAP_TO_1) ? 1 : start);
	return nr ? nr : -PIDNS_EAGAIN;
}

static int32_t chosen(const struct oracle *o, const struct oracle_ns *n, int32_t nr)
{
	if (wrong(o, ORACLE_EEXIST_FIRST) && nr > 0 && nr < ORACLE_FAR && n->owner[nr])
		return -PIDNS_EEXIST;
	if (nr < 1 || nr >= n->pid_max || (nr != 1 && !n->had_init))
		return -PIDNS_EINVAL;
	return n->owner[nr] ? -PIDNS_EEXIST : nr;
}

static int32_t one_level(struct oracle *o, int ns, int32_t *nr, const int32_t *wish)
{
	struct oracle_ns *n = &o->ns[ns];

	*nr = wish ? chosen(o, n, *wish) : cyclic(o, n);
	if (*nr > 0 && (!wish || wrong(o, ORACLE_WISH_MOVES)))
		n->cursor = *nr + 1;
	if (*nr < 0 && !wish && wrong(o, ORACLE_REFUSAL_MOVES))
		n->cursor++;
	return *nr;
}

int32_t oracle_new(struct oracle *o, int ns, int id, const int32_t *wish, int len, int *level)
{
	struct oracle_ns *inner = &o->ns[ns];
	int32_t nr[ORACLE_LEVELS], was[ORACLE_LEVELS], r = 0;
	int top = inner->level;

	*level = -1;
	if (len > top + 1)
		return -PIDNS_EINVAL;
	for (int at = ns; at >= 0; at = o->ns[at].parent)
		was[o->ns[at].level] = o->ns[at].cursor;
	if (wrong(o, ORACLE_CLOSED_FIRST) && inner->closed)
		r = -PIDNS_ENOMEM;
	for (int at = ns, depth = 0; at >= 0 && r >= 0; at = o->ns[at].parent, depth++) {
		*level = o->ns[at].level;
		r = one_level(o, at, &nr[*level], depth < len ? &wish[depth] : 0);
	}
	if (r >= 0 && inner->closed) {
		r = -PIDNS_ENOMEM;
		*level = top;
	}
	if (wrong(o, ORACLE_OUTER_FIRST) && r < 0 && len == top + 1 && chosen(o, &o->ns[0], wish[top]) < 0)
		r = chosen(o, &o->ns[0], wish[top]);
	if (r < 0) {
		for (int at = ns; at >= 0 && wrong(o, ORACLE_ROLLS_BACK); at = o->ns[at].parent)
			o->ns[at].cursor = was[o->ns[at].level];
		if (inner->count == 0 && !inner->closed && !inner->had_init && !wrong(o, ORACLE_FIRST_KEEPS))
			inner->cursor = 0;
		return r;
	}
	o->id[id].ns = ns;
	for (int at = ns; at >= 0; at = o->ns[at].parent) {
		o->id[id].nr[o->ns[at].level] = nr[o->ns[at].level];
		o->ns[at].owner[nr[o->ns[at].level]] = (int16_t)(id + 1);
		o->ns[at].count++;
	}
	return 0;
}

void oracle_free(struct oracle *o, int id)
{
	for (int at = o->id[id].ns; at >= 0; at = o->ns[at].parent) {
		struct oracle_ns *n = &o->ns[at];

		n->owner[o->id[id].nr[n->level]] = 0;
		if (--n->count == 0 && !n->had_init && !wrong(o, ORACLE_STAYS_OPEN))
			n->closed = true;
	}
	o->id[id].ns = -1;
}

int32_t oracle_set_last(struct oracle *o, int ns, int32_t value)
{
	if (value < 0 || value > o->ns[ns].pid_max)
		return -PIDNS_EINVAL;
	o->ns[ns].cursor = value + 1;
	return 0;
}
