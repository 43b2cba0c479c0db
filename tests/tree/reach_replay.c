/* SPDX-License-Identifier: MIT */
/*
 * reach_replay.c: what the search found, done again on libpidns: so it cannot claim what that does not do.
 *
 * Keeps:   (C4) every deed is the calls that real processes would make; none may fail;
 *          (C5) the end is compared process by process: state, parent, signal, namespace, session, and group unless those are left out.
 */
#include "reach.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pidns.h"

struct body {
	struct pidns_task *task; /* NULL = buried */
	struct pidns_id *id;
	struct pidns_ns *ns;
};

struct replay {
	const struct reach *r;
	struct pidns_world *world;
	struct pidns_task *machine;
	struct body outside, bodies[REACH_MAX + 1]; /* by the names of the state */
	struct reach_state s;
	char *why;
	size_t size;
};

static bool wrong(struct replay *y, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct replay *y, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(y->why, y->size, fmt, ap);
	va_end(ap);
	return false;
}

static void *get(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void put(void *ctx, void *p, size_t size)
{
	(void)ctx, (void)size;
	free(p);
}

static struct body *body(struct replay *y, unsigned who)
{
	return who == REACH_OUT ? &y->outside : &y->bodies[who];
}

static int32_t number(const struct body *of, const struct body *seen_by)
{
	return pidns_id_number_in(of->id, seen_by->ns);
}

static bool answered(struct replay *y, const char *what, unsigned who, int32_t r)
{
	return r >= 0 || wrong(y, "%u cannot %s: %s", who, what, pidns_errname(r));
}

/* --------------------------------------------------------------------------------------------- deeds -- */

static void embody(struct body *b, struct pidns_task *task)
{
	b->task = task;
	b->id = pidns_id_get(pidns_task_id(task));
	b->ns = pidns_task_ns(task);
}

/* Its children live where `init` is. */
static int32_t enter(struct body *b, const struct body *init)
{
	struct pidns_pidfd *fd;
	int32_t r = pidns_pidfd_open(b->task, number(init, b), 0, &fd);

	if (r < 0)
		return r;
	r = pidns_setns_pidfd(b->task, fd, PIDNS_CLONE_NEWPID);
	pidns_pidfd_close(fd);
	return r;
}

static int signal_of(const struct replay *y, unsigned sig)
{
	const int signals[] = { SIGCHLD, SIGUSR1, y->r->o.stops ? SIGSTOP : SIGUSR2, SIGCHLD };

	return signals[sig];
}

static bool make(struct replay *y, struct reach_deed d)
{
	bool sibling = d.op == REACH_SIBLING || d.op == REACH_NEW_SIBLING;
	bool new_ns = d.op == REACH_NEW || d.op == REACH_NEW_SIBLING;
	struct body *maker = body(y, d.who);
	struct pidns_clone_args args = { .flags = (sibling ? PIDNS_CLONE_PARENT : 0) |
						  (new_ns ? PIDNS_CLONE_NEWPID : 0),
					 .exit_signal = sibling ? 0 : (uint64_t)signal_of(y, d.signal) };
	bool elsewhere = !new_ns && body(y, d.what)->ns != maker->ns;
	struct pidns_task *child;

	if (elsewhere && !answered(y, "enter a namespace", d.who, enter(maker, body(y, d.what))))
		return false;
	if (!answered(y, "make a child", d.who, pidns_clone3(maker->task, &args, &child, NULL)))
		return false;
	embody(&y->bodies[y->s.len], child);
	return !elsewhere || answered(y, "leave a namespace", d.who, enter(maker, maker));
}

/* The parent of somebody who has died. */
static void go_on(struct replay *y, const struct body *b)
{
	if (b->task && pidns_state(b->task) == PIDNS_STOPPED)
		pidns_kill(y->machine, pidns_id_number_in(b->id, pidns_task_ns(y->machine)), SIGCONT);
}

static bool bury(struct replay *y, unsigned who)
{
	struct body *b = body(y, who), *parent = body(y, y->s.parent[who]);
	struct pidns_waited w;
	int32_t r = pidns_wait4(parent->task, number(b, parent), PIDNS_WNOHANG | PIDNS_WALL, &w);

	b->task = NULL;
	return r > 0 || wrong(y, "%u is not buried: %d", who, (int)r);
}

static bool end(struct replay *y, struct reach_deed d)
{
	struct body *b = body(y, d.who), *reaper = body(y, d.what);
	bool mark = !reach_is_init(&y->s, d.what);
	int32_t r;

	if (mark && !answered(y, "be a subreaper", d.what, pidns_set_subreaper(reaper->task, true)))
		return false;
	r = pidns_exit_group(b->task, 7);
	if (r != PIDNS_ENDED)
		return wrong(y, "%u does not exit", d.who);
	go_on(y, body(y, y->s.parent[d.who]));
	if (mark && !answered(y, "be none any more", d.what, pidns_set_subreaper(reaper->task, false)))
		return false;
	return d.op == REACH_EXIT || bury(y, d.who);
}

/* Process 0's own, if that is outside. */
static const struct pidns_id *group_outside(const struct replay *y)
{
	const struct body *b = y->r->o.root_is_init ? &y->outside : &y->bodies[0];

	return pidns_task_link(b->task, PIDNS_PGID);
}

static bool move(struct replay *y, struct reach_deed d)
{
	struct body *mover = body(y, d.op == REACH_MOVE ? y->s.parent[d.who] : d.who);
	int32_t who = d.op == REACH_MOVE ? number(body(y, d.who), mover) : 0;

	int32_t group = d.what == REACH_OUT ? pidns_id_number_in(group_outside(y), mover->ns)
					    : number(body(y, d.what), mover);

	return answered(y, "change its group", d.who, pidns_setpgid(mover->task, who, group));
}

static bool act(struct replay *y, struct reach_deed d)
{
	switch ((enum reach_op)d.op) {
	case REACH_SETSID:
		return answered(y, "found a session", d.who, pidns_setsid(body(y, d.who)->task));
	case REACH_SETPGID:
	case REACH_MOVE:
		return move(y, d);
	case REACH_DIE:
	case REACH_EXIT:
		return end(y, d);
	case REACH_BURY:
		return bury(y, d.who);
	case REACH_EXEC:
		return answered(y, "execute", d.who, pidns_exec(body(y, d.who)->task));
	default:
		return make(y, d);
	}
}

/* ------------------------------------------------------------------------------------------- names -- */

/* Everybody gets the name that the canonical state has for it. */
static bool rename_bodies(struct replay *y, struct reach_deed d)
{
	struct body old[REACH_MAX + 1];
	uint8_t forgotten[REACH_MAX], to[REACH_MAX];
	struct reach_state n;
	unsigned len;

	reach_do(y->r, &y->s, d, &n);
	len = n.len;
	reach_forget(&n, forgotten);
	reach_canonical(&n, to);
	memcpy(old, y->bodies, sizeof old);
	for (unsigned i = 0; i < len; i++) {
		if (forgotten[i] != REACH_OUT) {
			y->bodies[to[forgotten[i]]] = old[i];
			continue;
		}
		if (pidns_id_is_held(old[i].id, PIDNS_PGID) || pidns_id_is_held(old[i].id, PIDNS_SID))
			return wrong(y, "a forgotten number is held");
		pidns_id_put(old[i].id);
	}
	y->s = n;
	return true;
}

static bool links(struct replay *y, unsigned who, enum pidns_kind kind, unsigned want)
{
	const struct pidns_id *id = pidns_task_link(body(y, who)->task, kind);

	if (want == REACH_OUT && kind == PIDNS_PGID)
		return id == group_outside(y);
	if (want == REACH_OUT)
		return id == pidns_task_link(y->outside.task, kind);
	return id == body(y, want)->id;
}

static bool compare(struct replay *y)
{
	const struct reach_state *s = &y->s;

	for (unsigned i = 0; i < s->len; i++) {
		const struct body *b = body(y, i);

		if (!reach_lives(s, i)) {
			if (b->task)
				return wrong(y, "%u is not buried", i);
			continue;
		}
		if (!b->task || pidns_state(b->task) != (reach_acts(s, i) ? PIDNS_RUNNING : PIDNS_ZOMBIE))
			return wrong(y, "%u is in another state", i);
		if (pidns_parent(b->task) != body(y, s->parent[i])->task)
			return wrong(y, "%u has another parent", i);
		if (i && pidns_exit_signal(b->task) != signal_of(y, s->signal[i]))
			return wrong(y, "%u has another signal", i);
		if (reach_acts(s, i) && pidns_task_ns(b->task) != body(y, s->ns[i])->ns)
			return wrong(y, "%u is in another namespace", i);
		if ((!y->r->o.groupless && !links(y, i, PIDNS_PGID, s->group[i])) ||
		    !links(y, i, PIDNS_SID, s->session[i]))
			return wrong(y, "%u is in another group or session", i);
	}
	return true;
}

/* ------------------------------------------------------------------------------------------- frame -- */

static bool begin(struct replay *y)
{
	struct pidns_task *machine, *outside, *first;

	if (pidns_boot(y->world, &machine) < 0 || pidns_clone(machine, SIGCHLD, &outside, NULL) < 0 ||
	    pidns_sigprocmask(outside, PIDNS_SIG_SETMASK, ~(uint64_t)0) < 0 ||
	    pidns_clone(outside, PIDNS_CLONE_NEWPID | SIGCHLD, &first, NULL) < 0)
		return wrong(y, "no memory");
	y->machine = machine;
	embody(&y->outside, outside);
	embody(&y->bodies[0], first);
	if (pidns_setpgid(outside, 0, 0) < 0 ||
	    pidns_setpgid(outside, number(&y->bodies[0], &y->outside),
			  y->r->o.root_is_init ? pidns_getpid(outside) : 0) < 0)
		return wrong(y, "the group outside has no number");
	reach_get(y->r, 0, &y->s);
	return true;
}

static bool live_through(struct replay *y, const uint32_t *way, size_t len)
{
	for (size_t at = len; at-- > 0;) {
		const struct reach_deed d = y->r->deeds[way[at]];
		struct reach_key want = y->r->keys[way[at]], got;

		if (!act(y, d) || !rename_bodies(y, d))
			return false;
		got = reach_pack(&y->s, &y->r->o);
		if (memcmp(&want, &got, sizeof want) != 0)
			return wrong(y, "deed %zu leads elsewhere", len - at);
	}
	return compare(y);
}

bool reach_replay(const struct reach *r, size_t k, char *why, size_t size)
{
	struct pidns_env env = { .size = sizeof env, .alloc = get, .free = put };
	struct replay y = { .r = r, .why = why, .size = size };
	size_t len = 0, at = 0;
	uint32_t *way;
	bool ok;

	for (size_t i = k; i; i = r->from[i])
		len++;
	way = malloc((len + 1) * sizeof *way);
	for (size_t i = k; way && i; i = r->from[i])
		way[at++] = (uint32_t)i;
	ok = way && pidns_world_new(&env, NULL, &y.world) == 0;
	if (ok) {
		ok = begin(&y) && live_through(&y, way, len);
		for (unsigned i = 0; i < y.s.len; i++)
			if (y.bodies[i].id)
				pidns_id_put(y.bodies[i].id);
		if (y.outside.id)
			pidns_id_put(y.outside.id);
		pidns_world_free(y.world);
	}
	free(way);
	return ok;
}
