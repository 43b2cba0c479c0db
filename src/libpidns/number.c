/* SPDX-License-Identifier: MIT */
/*
 * number.c: identities: a number at every level at once, as wished or the next free one, all or none.
 *
 * Owns:    pidns_id, the namespaces' free_ids, slabs and cursor.
 * Keeps:   (N1) an identity in a namespace of level n has n + 1 numbers while it is not given back (I1);
 *          (N2) a look-up finds an identity only once all its numbers are granted;
 *          (N3) a cursor moves by a cyclic number, a write to ns_last_pid, and a refusal as R1.44 says (I10);
 *          (N4) an identity's memory is an identity of that level as long as the world lives;
 *          (N5) a call that fails for want of memory leaves numbers and cursors as they were.
 * Threads: locks are taken from the inside out, and only the innermost is held meanwhile: two namespaces meet in the
 *          ancestors that they share, for the moment of taking a number there.
 */
#include "internal.h"

/* ------------------------------------------------------------------------------------------ memory -- */

static size_t id_size(int32_t level)
{
	return sizeof(struct pidns_id) + (size_t)(level + 1) * sizeof(struct pidns__upid);
}

#define SLAB_HEAD ((sizeof(struct pidns__slab) + 15) & ~(size_t)15)

static struct pidns__slab *slab_new(struct pidns_ns *ns)
{
	struct pidns_world *w = ns->world;
	struct pidns__slab *slab;
	uint32_t len = ns->slabs ? ns->slabs->len * 2 : 4;

	pidns__lock(w, &w->lock);
	slab = w->spare[ns->level];
	if (slab)
		w->spare[ns->level] = slab->next;
	pidns__unlock(w, &w->lock);
	if (slab)
		return slab;
	if (len * id_size(ns->level) > 16384 && ns->slabs)
		len = ns->slabs->len;
	slab = pidns__alloc(w, SLAB_HEAD + len * id_size(ns->level));
	if (slab)
		slab->len = len;
	return slab;
}

static bool more_ids(struct pidns_ns *ns)
{
	struct pidns__slab *slab = slab_new(ns);

	if (!slab)
		return false;
	for (uint32_t i = slab->len; i-- > 0;) {
		struct pidns_id *id =
			(struct pidns_id *)(void *)((char *)slab + SLAB_HEAD + i * id_size(ns->level));

		id->u.next_free = ns->free_ids;
		ns->free_ids = id;
	}
	slab->next = ns->slabs;
	ns->slabs = slab;
	return true;
}

struct pidns_id *pidns__id_take(struct pidns_ns *ns)
{
	struct pidns_id *id;

	if (!ns->free_ids && !more_ids(ns))
		return NULL;
	id = ns->free_ids;
	ns->free_ids = id->u.next_free;
	if (ns->ids_out++ == 0)
		pidns__count_up(&ns->refs);
	for (int kind = 0; kind < PIDNS_KINDS; kind++)
		id->u.first[kind] = NULL;
	id->level = (uint32_t)ns->level;
	return id;
}

/* True: it was the last in use, and the reference that all of them were is to be put. */
static bool id_return(struct pidns_ns *ns, struct pidns_id *id)
{
	id->u.next_free = ns->free_ids;
	ns->free_ids = id;
	return --ns->ids_out == 0;
}

struct pidns_id *pidns_id_get(struct pidns_id *id)
{
	pidns__count_up(&id->refs);
	return id;
}

void pidns_id_put(struct pidns_id *id)
{
	struct pidns_ns *ns = id->at[id->level].ns;
	bool last;

	if (!pidns__count_down(&id->refs))
		return;
	pidns__lock(ns->world, &ns->lock);
	last = id_return(ns, id);
	pidns__unlock(ns->world, &ns->lock);
	if (last)
		pidns_ns_put(ns);
}

/* -------------------------------------------------------------------------------------- allocation -- */

/* R3.1. */
static int32_t next_cyclic(struct pidns_ns *ns, uint32_t pid_max)
{
	uint32_t start = ns->cursor > PIDNS_RESERVED ? PIDNS_RESERVED : 1;
	int32_t nr = pidns__table_find_free(ns, ns->cursor > start ? ns->cursor : start, pid_max);

	return nr ? nr : pidns__table_find_free(ns, start, pid_max);
}

static int32_t check_wish(struct pidns_ns *at, int32_t want, int32_t pid_max, const struct pidns_wish *wish)
{
	if (want < 1 || want >= pid_max)
		return -PIDNS_EINVAL;
	if (want != 1 && !at->had_init)
		return -PIDNS_EINVAL;
	if (wish->may && !wish->may(wish->ctx, at))
		return -PIDNS_EPERM;
	return pidns__table_is_taken(at, (uint32_t)want) ? -PIDNS_EEXIST : 0;
}

#define WISHED UINT32_MAX /* as `before`: the cursor did not move */

/* One level's number for id; the caller holds at->lock. */
static int32_t reserve(struct pidns_ns *at, uint32_t depth, const struct pidns_wish *wish,
		       struct pidns_id *id, struct pidns_error *err)
{
	int32_t pid_max = pidns_ns_pid_max(at), nr, r = 0;
	bool wished = wish && depth < wish->len;

	if (wished) {
		nr = wish->set_tid[depth];
		r = check_wish(at, nr, pid_max, wish);
	} else {
		nr = next_cyclic(at, (uint32_t)pid_max);
		r = nr ? 0 : -PIDNS_EAGAIN;
	}
	if (r == 0 && !pidns__table_take(at, (uint32_t)nr))
		r = -PIDNS_ENOMEM;
	if (r < 0) {
		pidns__fail(err, r, at, (int32_t)depth, nr);
		if (r == -PIDNS_EEXIST)
			pidns_who(at, nr, err);
		return r;
	}
	id->at[at->level].before = wished ? WISHED : at->cursor;
	if (!wished)
		at->cursor = (uint32_t)nr + 1;
	at->count++;
	id->at[at->level].ns = at;
	pidns__poke(&id->at[at->level].nr, nr);
	return 0;
}

/*
 * What was granted, from `inner` out to below `until`, goes back; inner->lock is held and stays so.  Cursors stay moved
 * (R1.44), unless memory was short: then nothing has been asked, as far as nobody else has moved them on.
 */
static void give_back(struct pidns_ns *inner, const struct pidns_ns *until, struct pidns_id *id, bool cursors)
{
	struct pidns_world *w = inner->world;

	for (struct pidns_ns *at = inner; at != until; at = at->parent) {
		uint32_t nr = (uint32_t)pidns__peek(&id->at[at->level].nr), before = id->at[at->level].before;

		if (at != inner)
			pidns__lock(w, &at->lock);
		pidns__table_release(at, nr);
		at->count--;
		if (cursors && before != WISHED && at->cursor == nr + 1)
			at->cursor = before;
		if (at != inner)
			pidns__unlock(w, &at->lock);
	}
}

/* After a refusal: while it lasted, an ancestor may have looked fuller than it is to somebody who waits for it to empty. */
static void look_again(struct pidns_ns *ns)
{
	for (struct pidns_ns *at = ns->parent; at; at = at->parent) {
		uint32_t count;
		bool tell;

		pidns__lock(ns->world, &at->lock);
		count = at->count;
		tell = at->closed && count <= 2;
		pidns__unlock(ns->world, &at->lock);
		if (tell)
			pidns__drained(at, count);
	}
}

static int32_t grant(struct pidns_ns *ns, const struct pidns_wish *wish, struct pidns_id *id,
		     struct pidns_error *err)
{
	struct pidns_ns *at = ns;
	uint32_t depth = 0;
	bool memory_short;
	int32_t r = 0;

	for (; at && r == 0; depth++) {
		if (at != ns)
			pidns__lock(ns->world, &at->lock);
		r = reserve(at, depth, wish, id, err);
		if (at != ns)
			pidns__unlock(ns->world, &at->lock);
		if (r == 0)
			at = at->parent;
	}
	memory_short = r == -PIDNS_ENOMEM;
	if (r == 0 && ns->closed) /* asked last (R1.45) */
		r = pidns__fail(err, -PIDNS_ENOMEM, ns, 0, 0);
	if (r < 0) {
		give_back(ns, at, id, memory_short);
		if (ns->count == 0 && !ns->closed && !ns->had_init && !memory_short)
			ns->cursor = 0; /* R1.44: as if nothing had been asked */
		return r;
	}
	pidns__count_set(&id->refs, 1);
	for (at = ns; at; at = at->parent)
		pidns__store(pidns__table_slot(at, (uint32_t)pidns__peek(&id->at[at->level].nr)), id);
	return 0;
}

int32_t pidns_id_new(struct pidns_ns *ns, const struct pidns_wish *wish, struct pidns_id **out,
		     struct pidns_error *err)
{
	struct pidns_id *id;
	bool last = false;
	int32_t r;

	if (wish && wish->len > (size_t)ns->level + 1)
		return pidns__fail_plain(err, -PIDNS_EINVAL);
	pidns__lock(ns->world, &ns->lock);
	id = pidns__id_take(ns);
	if (!id) {
		r = pidns__fail_plain(err, -PIDNS_ENOMEM);
	} else {
		r = grant(ns, wish, id, err);
		if (r < 0)
			last = id_return(ns, id);
	}
	pidns__unlock(ns->world, &ns->lock);
	if (r == 0)
		*out = id;
	else
		look_again(ns);
	if (last)
		pidns_ns_put(ns);
	return r;
}

void pidns_id_free(struct pidns_id *id)
{
	struct pidns_ns *ns = id->at[id->level].ns, *at = ns;

	/* ns lives: id holds it until the put below */
	for (; at; at = at->parent) {
		uint32_t count;
		bool tell;

		pidns__lock(ns->world, &at->lock);
		pidns__table_release(at, (uint32_t)pidns__peek(&id->at[at->level].nr));
		pidns__poke(&id->at[at->level].nr, 0);
		count = --at->count;
		tell = at->closed && count <= 2;
		if (count == 0 && !at->had_init)
			at->closed = true; /* R5.8 b */
		pidns__unlock(ns->world, &at->lock);
		if (tell)
			pidns__drained(at, count);
	}
	pidns_id_put(id);
}

/* ------------------------------------------------------------------------------------------ looking -- */

/* A reference first, then a second look: what the slot said may have been given back, and be another's by now.  Its number in
 * ns, with a reference; 0: it has none any more. */
static int32_t get_numbered(struct pidns_id *id, const struct pidns_ns *ns)
{
	int32_t nr;

	if (!pidns__count_up_unless_0(&id->refs))
		return 0;
	nr = pidns_id_number_in(id, ns);
	if (nr == 0)
		pidns_id_put(id);
	return nr;
}

struct pidns_id *pidns_find_get(const struct pidns_ns *ns, int32_t nr)
{
	struct pidns_id *id;
	int32_t is;

	while ((id = pidns_find(ns, nr)) != NULL) {
		is = get_numbered(id, ns);
		if (is == nr)
			return id;
		if (is)
			pidns_id_put(id);
	}
	return NULL;
}

struct pidns_id *pidns_next_get(const struct pidns_ns *ns, int32_t nr)
{
	struct pidns_id *id;
	int32_t is;

	while ((id = pidns_next(ns, nr)) != NULL) {
		is = get_numbered(id, ns);
		if (is && is >= nr)
			return id;
		if (is)
			pidns_id_put(id);
	}
	return NULL;
}

int32_t pidns_id_level(const struct pidns_id *id)
{
	return (int32_t)id->level;
}

struct pidns_ns *pidns_id_ns(const struct pidns_id *id)
{
	return id->at[id->level].ns;
}

int32_t pidns_id_number(const struct pidns_id *id, int32_t level)
{
	return level >= 0 && level <= (int32_t)id->level ? pidns__peek(&id->at[level].nr) : 0;
}

int32_t pidns_id_number_in(const struct pidns_id *id, const struct pidns_ns *ns)
{
	return ns->level <= (int32_t)id->level && id->at[ns->level].ns == ns
		       ? pidns__peek(&id->at[ns->level].nr)
		       : 0;
}
