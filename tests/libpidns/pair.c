/* SPDX-License-Identifier: MIT */
/* pair.c: see pair.h. */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#define DIFFER(p, ...) (snprintf((p)->why, sizeof(p)->why, __VA_ARGS__), false)

static int16_t owners[ORACLE_NS][ORACLE_FAR];

void pair_open(struct pair *p, const struct pidns_env *env, const int *parents, int len)
{
	enum oracle_mistake mistake = p->o.mistake;

	memset(p, 0, sizeof *p);
	memset(owners, 0, sizeof owners);
	p->o.mistake = mistake;
	p->o.ns_len = len;
	if (pidns_world_new(env, NULL, &p->w) < 0)
		abort();
	for (int i = 0; i < len; i++) {
		int up = parents[i];

		p->ns[i] = pidns_root(p->w);
		if (i && pidns_ns_new(p->w, p->ns[up], NULL, &p->ns[i]) < 0)
			abort();
		p->o.ns[i] = (struct oracle_ns){ .parent = up,
						 .level = up < 0 ? 0 : p->o.ns[up].level + 1,
						 .pid_max = PIDNS_NUMBER_MAX < ORACLE_FAR ? PIDNS_NUMBER_MAX
											  : ORACLE_FAR,
						 .owner = owners[i] };
		if (pidns_ns_set_pid_max(p->ns[i], ORACLE_FAR) < 0)
			abort();
	}
	for (int i = 0; i < ORACLE_IDS; i++) {
		p->live[i] = i;
		p->o.id[i].ns = -1;
	}
}

void pair_close(struct pair *p)
{
	pidns_world_free(p->w);
}

static bool same_error(struct pair *p, int32_t r, const struct pidns_error *err, int ns, int level)
{
	int index = level < 0 ? -1 : p->o.ns[ns].level - level;

	if (err->code != r || err->level != level || err->index != index)
		return DIFFER(p, "the error says code %d level %d index %d, not %d %d %d", err->code,
			      err->level, err->index, r, level, index);
	return true;
}

static bool same_id(struct pair *p, int id)
{
	const struct oracle_ns *n;

	for (int at = p->o.id[id].ns; at >= 0; at = n->parent) {
		int32_t nr;

		n = &p->o.ns[at];
		nr = p->o.id[id].nr[n->level];
		if (pidns_id_number(p->id[id], n->level) != nr)
			return DIFFER(p, "number %d at level %d, not %d",
				      pidns_id_number(p->id[id], n->level), n->level, nr);
		if (pidns_find(p->ns[at], nr) != p->id[id])
			return DIFFER(p, "%d is not found in namespace %d", nr, at);
	}
	return true;
}

static bool same_cursors(struct pair *p, int ns)
{
	for (; ns >= 0; ns = p->o.ns[ns].parent)
		if (pidns_ns_last(p->ns[ns]) != p->o.ns[ns].cursor - 1)
			return DIFFER(p, "the cursor of namespace %d is at %d, not %d", ns,
				      pidns_ns_last(p->ns[ns]) + 1, p->o.ns[ns].cursor);
	return true;
}

static bool step_new(struct pair *p, const struct op *op)
{
	int id = p->live[p->live_len], level;
	struct pidns_wish wish = { .set_tid = op->wish, .len = (size_t)op->len };
	struct pidns_error err = { 0 };
	int32_t r, want;

	if (p->live_len == ORACLE_IDS - 1)
		return true;
	r = pidns_id_new(p->ns[op->ns], op->len ? &wish : NULL, &p->id[id], &err);
	want = oracle_new(&p->o, op->ns, id, op->wish, op->len, &level);
	if (r != want)
		return DIFFER(p, "new in namespace %d: %s, not %s", op->ns, r ? pidns_errname(r) : "ok",
			      want ? pidns_errname(want) : "ok");
	if (r == 0)
		p->live_len++;
	return (r ? same_error(p, r, &err, op->ns, level) : same_id(p, id)) && same_cursors(p, op->ns);
}

static void step_free(struct pair *p, int32_t which)
{
	int at = p->live_len ? (int)((uint32_t)which % (uint32_t)p->live_len) : 0, id = p->live[at];

	if (!p->live_len)
		return;
	pidns_id_free(p->id[id]);
	oracle_free(&p->o, id);
	p->live[at] = p->live[--p->live_len];
	p->live[p->live_len] = id;
}

/* An empty namespace with none below it goes, and another comes. */
static void step_renew(struct pair *p, int ns)
{
	struct oracle_ns *n = &p->o.ns[ns];

	if (n->count || n->parent < 0)
		return;
	for (int i = 0; i < p->o.ns_len; i++)
		if (p->o.ns[i].parent == ns)
			return;
	pidns_ns_put(p->ns[ns]);
	if (pidns_ns_new(p->w, p->ns[n->parent], NULL, &p->ns[ns]) < 0 ||
	    pidns_ns_set_pid_max(p->ns[ns], ORACLE_FAR) < 0)
		abort();
	n->had_init = n->closed = false;
	n->cursor = 0;
	n->pid_max = ORACLE_FAR;
}

bool pair_step(struct pair *p, const struct op *op)
{
	int32_t r, want;

	switch (op->kind) {
	case OP_NEW:
		return step_new(p, op);
	case OP_FREE:
		step_free(p, op->value);
		return true;
	case OP_LAST:
		r = pidns_ns_set_last(p->ns[op->ns], op->value);
		want = oracle_set_last(&p->o, op->ns, op->value);
		return r == want ? true : DIFFER(p, "set_last answers %d, not %d", r, want);
	case OP_PID_MAX:
		if (pidns_ns_set_pid_max(p->ns[op->ns], op->value) == 0)
			p->o.ns[op->ns].pid_max = op->value;
		return true;
	case OP_CLOSE:
		pidns_ns_close(p->ns[op->ns]);
		p->o.ns[op->ns].closed = true;
		return true;
	case OP_INIT:
		pidns_ns_has_init(p->ns[op->ns]);
		p->o.ns[op->ns].had_init = true;
		return true;
	case OP_RENEW:
		step_renew(p, op->ns);
		return true;
	}
	return true;
}

bool pair_same(struct pair *p)
{
	for (int i = 0; i < p->o.ns_len; i++) {
		if (pidns_ns_last(p->ns[i]) != p->o.ns[i].cursor - 1)
			return DIFFER(p, "the cursor of namespace %d is at %d, not %d", i,
				      pidns_ns_last(p->ns[i]) + 1, p->o.ns[i].cursor);
		if ((int)pidns_ns_count(p->ns[i]) != p->o.ns[i].count)
			return DIFFER(p, "namespace %d counts %u, not %d", i, pidns_ns_count(p->ns[i]),
				      p->o.ns[i].count);
		if (pidns_ns_is_closed(p->ns[i]) != p->o.ns[i].closed)
			return DIFFER(p, "namespace %d is %s", i, p->o.ns[i].closed ? "open" : "closed");
	}
	for (int i = 0; i < p->live_len; i++)
		if (!same_id(p, p->live[i]))
			return false;
	return true;
}

void pair_print(FILE *to, const struct op *op)
{
	static const char *const names[] = {
		[OP_NEW] = "new",     [OP_FREE] = "free", [OP_LAST] = "last",   [OP_PID_MAX] = "pid_max",
		[OP_CLOSE] = "close", [OP_INIT] = "init", [OP_RENEW] = "renew",
	};

	fprintf(to, "# { .kind = %s, .ns = %d", names[op->kind], op->ns);
	if (op->len)
		fprintf(to, ", .len = %d, .wish = { %d, %d, %d }", op->len, op->wish[0], op->wish[1],
			op->wish[2]);
	fprintf(to, ", .value = %d }\n", op->value);
}
