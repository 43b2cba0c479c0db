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
#include "table.h"

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
	slab = w->env.alloc(w->env.ctx, SLAB_HEAD + len * id_size(ns->level));
	if (slab)
		slab->len = len;
	return slab;
}

static bool more_ids(struct pidns_ns *ns)
{
	struct pidns__slab *slab = slab_new(ns);

	if (!slab)
		return false;
	slab->next = ns->slabs;
	ns->slabs = slab;
	ns->fresh = (char *)slab + SLAB_HEAD;
	ns->fresh_len = slab->len;
	return true;
}

/* From the newest slab.  One that another namespace has had may still be looked at: its count is 0, and stays so. */
static PIDNS__RARE struct pidns_id *take_fresh(struct pidns_ns *ns)
{
	struct pidns_id *id;

	if (!ns->fresh_len && !more_ids(ns))
		return NULL;
	id = (struct pidns_id *)(void *)ns->fresh;
	ns->fresh += id_size(ns->level);
	ns->fresh_len--;
	pidns__count_set(&id->refs, 0);
	id->level = (uint32_t)ns->level;
	return id;
}

static inline struct pidns_id *id_take(struct pidns_ns *ns)
{
	struct pidns_id *id = ns->free_ids;

	if (!pidns__rarely(!id))
		ns->free_ids = id->u.next_free;
	else if (!(id = take_fresh(ns)))
		return NULL;
	if (pidns__rarely(ns->ids_out++ == 0))
		pidns__count_up(&ns->refs);
	for (int kind = 0; kind < PIDNS_KINDS; kind++)
		id->u.first[kind] = NULL;
	return id;
}

struct pidns_id *pidns__id_take(struct pidns_ns *ns)
{
	return id_take(ns);
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
static inline int32_t next_cyclic(const struct pidns_ns *ns, uint32_t pid_max)
{
	uint32_t start = ns->cursor > PIDNS_RESERVED ? PIDNS_RESERVED : 1;
	uint32_t from = ns->cursor > start ? ns->cursor : start, nr = pid_max;

	if (from < pid_max)
		nr = pidns__table_next_free(ns, from);
	if (nr >= pid_max)
		nr = pidns__table_next_free(ns, start);
	return nr < pid_max ? (int32_t)nr : 0;
}

static inline int32_t check_wish(struct pidns_ns *at, int32_t want, int32_t pid_max,
				 const struct pidns_wish *wish)
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

static inline void note(struct pidns__upid *u, struct pidns_ns *at, uint32_t nr, uint32_t before)
{
	at->count++;
	u->before = before;
	u->ns = at;
	pidns__poke(&u->nr, (int32_t)nr);
}

/* One level's number, as wished or from where there is a search; the caller holds at->lock. */
static PIDNS__RARE int32_t reserve(struct pidns_ns *at, uint32_t depth, const struct pidns_wish *wish,
				   struct pidns__upid *u, struct pidns_error *err)
{
	int32_t pid_max = pidns__peek(at->limit), nr, r = 0;
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
	note(u, at, (uint32_t)nr, wished ? WISHED : at->cursor);
	if (!wished)
		at->cursor = (uint32_t)nr + 1;
	return 0;
}

/* The same, where it is done at once.  False: nothing has been done. */
static inline bool reserve_next(struct pidns_ns *at, struct pidns__upid *u)
{
	uint32_t nr = pidns__table_take_next(at, (uint32_t)pidns__peek(at->limit));

	if (pidns__rarely(!nr))
		return false;
	note(u, at, nr, at->cursor);
	at->cursor = nr + 1;
	return true;
}

static inline bool reserve_wished(struct pidns_ns *at, int32_t want, const struct pidns_wish *wish,
				  struct pidns__upid *u)
{
	if (want < 1 || want >= pidns__peek(at->limit) || !at->had_init ||
	    (wish->may && !wish->may(wish->ctx, at)) || !pidns__table_take_free(at, (uint32_t)want))
		return false;
	note(u, at, (uint32_t)want, WISHED);
	return true;
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

/* Nothing or all: r < 0 is what the namespace `at` refused, or NULL: all were granted, and yet it shall not be. */
static PIDNS__RARE int32_t refuse(struct pidns_ns *ns, const struct pidns_ns *at, struct pidns_id *id,
				  int32_t r)
{
	bool memory_short = at && r == -PIDNS_ENOMEM;

	give_back(ns, at, id, memory_short);
	if (ns->count == 0 && !ns->closed && !ns->had_init && !memory_short)
		ns->cursor = 0; /* R1.44: as if nothing had been asked */
	return r;
}

/* The caller holds ns->lock. */
static inline int32_t grant(struct pidns_ns *ns, const struct pidns_wish *wish, struct pidns_id *id,
			    struct pidns_error *err)
{
	struct pidns_world *w = ns->world;
	struct pidns__upid *own = &id->at[ns->level], *u = own, *unwished = wish ? own - wish->len : own;
	struct pidns_ns *at = ns;

	for (;; u--) {
		int32_t r = 0;

		if (!(u > unwished ? reserve_wished(at, wish->set_tid[own - u], wish, u)
				   : reserve_next(at, u)))
			r = reserve(at, (uint32_t)(own - u), wish, u, err);
		if (at != ns)
			pidns__unlock(w, &at->lock);
		if (pidns__rarely(r < 0))
			return refuse(ns, at, id, r);
		at = at->parent;
		if (!at)
			break;
		pidns__lock(w, &at->lock);
	}
	if (pidns__rarely(ns->closed)) /* asked last (R1.45) */
		return refuse(ns, NULL, id, pidns__fail(err, -PIDNS_ENOMEM, ns, 0, 0));
	pidns__count_set(&id->refs, 1);
	for (; u <= own; u++)
		pidns__store(pidns__table_slot(u->ns, (uint32_t)pidns__peek(&u->nr)), id);
	return 0;
}

/* What a refused call leaves: id may have been the last that ns was held by. */
static PIDNS__RARE int32_t give_up(struct pidns_ns *ns, struct pidns_id *id, int32_t r)
{
	bool last = id && id_return(ns, id);

	pidns__unlock(ns->world, &ns->lock);
	look_again(ns);
	if (last)
		pidns_ns_put(ns);
	return r;
}

int32_t pidns_id_new(struct pidns_ns *ns, const struct pidns_wish *wish, struct pidns_id **out,
		     struct pidns_error *err)
{
	struct pidns_id *id;
	int32_t r;

	if (wish && wish->len > (size_t)ns->level + 1)
		return pidns__fail_plain(err, -PIDNS_EINVAL);
	pidns__lock(ns->world, &ns->lock);
	id = id_take(ns);
	r = id ? grant(ns, wish, id, err) : pidns__fail_plain(err, -PIDNS_ENOMEM);
	if (pidns__rarely(r < 0))
		return give_up(ns, id, r);
	pidns__unlock(ns->world, &ns->lock);
	*out = id;
	return 0;
}

/* One level's number goes back; at->lock is held.  True: somebody may wait for that namespace to empty. */
static inline bool give_number_back(struct pidns_ns *at, struct pidns__upid *u)
{
	uint32_t count = --at->count;

	pidns__table_release(at, (uint32_t)pidns__peek(&u->nr));
	pidns__poke(&u->nr, 0);
	if (count > 2)
		return false;
	if (at->closed)
		return true;
	at->closed = count == 0 && !at->had_init; /* R5.8 b */
	return false;
}

/* The same for a namespace without one above it, under one lock. */
static inline void free_at_root(struct pidns_ns *ns, struct pidns_id *id)
{
	bool tell, last;
	uint32_t count;

	pidns__lock(ns->world, &ns->lock);
	tell = give_number_back(ns, &id->at[0]);
	count = ns->count;
	last = !tell && pidns__count_down(&id->refs) && id_return(ns, id);
	pidns__unlock(ns->world, &ns->lock);
	if (tell) {
		pidns__drained(ns, count); /* which id keeps alive */
		pidns_id_put(id);
	}
	if (last)
		pidns_ns_put(ns);
}

void pidns_id_free(struct pidns_id *id)
{
	struct pidns__upid *u = &id->at[id->level];
	struct pidns_world *w;

	if (u == id->at) {
		free_at_root(u->ns, id);
		return;
	}
	w = u->ns->world;
	/* the namespaces live: id holds them until the put below */
	for (; u >= id->at; u--) {
		struct pidns_ns *at = u->ns;
		uint32_t count;
		bool tell;

		pidns__lock(w, &at->lock);
		tell = give_number_back(at, u);
		count = at->count;
		pidns__unlock(w, &at->lock);
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
