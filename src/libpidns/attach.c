/* SPDX-License-Identifier: MIT */
/*
 * attach.c: who uses an identity, and as what.
 *
 * Owns:    the lists behind pidns_id.u.first, and the links' next and prev.
 * Keeps:   (L1) a link is on the list of its identity and kind, or its id is NULL;
 *          (L2) the last to be attached is the first of a list, which is the order in which a group is signalled;
 *          (L3) the last attachment of any kind gives the numbers back (R4.1, I2).
 */
#include "internal.h"

void pidns_attach(struct pidns_link *link, struct pidns_id *id, enum pidns_kind kind)
{
	struct pidns_link **first = &id->u.first[kind];

	link->id = id;
	link->prev = NULL;
	link->next = *first;
	if (*first)
		(*first)->prev = link;
	*first = link;
}

static void unlink_link(struct pidns_link *link, enum pidns_kind kind)
{
	struct pidns_link **first = &link->id->u.first[kind];

	if (link->prev)
		link->prev->next = link->next;
	else
		*first = link->next;
	if (link->next)
		link->next->prev = link->prev;
	link->id = NULL;
	link->next = link->prev = NULL;
}

/* Number 0, the first process's group and session, was never in the tables, and is the world's to keep. */
static void free_if_unused(struct pidns_id *id)
{
	if (pidns_id_number(id, (int32_t)id->level) == 0)
		return;
	for (int kind = 0; kind < PIDNS_KINDS; kind++)
		if (id->u.first[kind])
			return;
	pidns_id_free(id);
}

void pidns_detach(struct pidns_link *link, enum pidns_kind kind)
{
	struct pidns_id *id = link->id;

	unlink_link(link, kind);
	free_if_unused(id);
}

void pidns_change(struct pidns_link *link, struct pidns_id *id, enum pidns_kind kind)
{
	struct pidns_id *old = link->id;

	unlink_link(link, kind);
	pidns_attach(link, id, kind);
	free_if_unused(old);
}

void pidns_transfer(struct pidns_link *to, struct pidns_link *from, enum pidns_kind kind)
{
	struct pidns_link **first = &from->id->u.first[kind];

	*to = *from;
	if (to->prev)
		to->prev->next = to;
	else
		*first = to;
	if (to->next)
		to->next->prev = to;
	from->id = NULL;
	from->next = from->prev = NULL;
}

void pidns_exchange(struct pidns_link *a, struct pidns_link *b, enum pidns_kind kind)
{
	struct pidns_link aside;

	pidns_transfer(&aside, a, kind);
	pidns_transfer(a, b, kind);
	pidns_transfer(b, &aside, kind);
}

struct pidns_link *pidns_first(const struct pidns_id *id, enum pidns_kind kind)
{
	return id->u.first[kind];
}

struct pidns_link *pidns_after(const struct pidns_link *link, enum pidns_kind kind)
{
	(void)kind;
	return link->next;
}

bool pidns_id_is_held(const struct pidns_id *id, enum pidns_kind kind)
{
	return id->u.first[kind] != NULL;
}
