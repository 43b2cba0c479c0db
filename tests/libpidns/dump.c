/* SPDX-License-Identifier: MIT */
/* dump.c: see dump.h.  Looks behind the library's public face, at struct after struct. */
#include "dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "libpidns/internal.h"

static void dump_pending(FILE *to, const struct pidns__pending *p)
{
	fprintf(to, " pending %" PRIx64, p->set);
	for (const struct pidns__waiting_signal *s = p->first; s; s = s->next)
		fprintf(to, ",%d<%d", s->sig, s->from);
}

static void dump_cred(FILE *to, const struct pidns_cred *c)
{
	fprintf(to, " cred %u %u %u %" PRIx64 " %p", c->uid, c->euid, c->suid, c->caps, (void *)c->user_ns);
}

static void dump_process(FILE *to, const struct pidns_process *p)
{
	fprintf(to,
		"  process %p leader %p threads %u live %u exec %u nproc %u status %d exit %d stop %d "
		"%d%d%d%d%d",
		(const void *)p, (void *)p->leader, p->threads_len, p->live, p->exec_count, p->nproc,
		p->status, p->group_exit, p->stop_signal, p->stop_told, p->continue_told, p->unkillable,
		p->subreaper, p->has_execed);
	fprintf(to, " sighand %p %u %" PRIx64 " %" PRIx64 " %" PRIx64 " %d%d", (void *)p->sighand,
		p->sighand->refs, p->sighand->ignored, p->sighand->handled, p->sighand->restart,
		p->sighand->no_cld_stop, p->sighand->no_cld_wait);
	dump_pending(to, &p->pending);
	for (int kind = PIDNS_TGID; kind < PIDNS_KINDS; kind++)
		fprintf(to, " link %p", (void *)p->link[kind].id);
	pidns__each(node, &p->threads)
		fprintf(to, " thread %p", (void *)pidns__of(node, struct pidns_task, thread_node));
	fprintf(to, "\n");
}

static void dump_task(FILE *to, const struct pidns_task *t)
{
	fprintf(to, " task %p parent %p ns %p blocked %" PRIx64 " wait %d %p %x returned %d code %d exec %u",
		(const void *)t, (void *)t->parent, (void *)t->children_ns, t->blocked, t->wait.type,
		(void *)t->wait.id, t->wait.options, t->returned, t->code, t->parent_exec_count);
	fprintf(to, " signals %d %d is %d%d%d%d%d%d%d%d user %p", t->exit_signal, t->pdeath_signal,
		t->waiting, t->doomed, t->exiting, t->zapping, t->left, t->is_zombie, t->paused, t->held,
		t->user);
	dump_pending(to, &t->pending);
	dump_cred(to, &t->cred);
	pidns__each(node, &t->children)
		fprintf(to, " child %p", (void *)pidns__of(node, struct pidns_task, sibling));
	fprintf(to, "\n");
	if (pidns__is_leader(t))
		dump_process(to, t->process);
}

static void dump_id(FILE *to, struct pidns_id *id, bool model)
{
	const struct pidns_task *t;

	fprintf(to, "id %p refs %u", (void *)id, (unsigned)id->refs);
	for (uint32_t level = 0; level <= id->level; level++)
		fprintf(to, " %p:%d", (void *)id->at[level].ns, (int)id->at[level].nr);
	for (int kind = 0; kind < PIDNS_KINDS; kind++)
		for (const struct pidns_link *l = id->u.first[kind]; l; l = l->next)
			fprintf(to, " %d:%p", kind, (const void *)l);
	fprintf(to, "\n");
	t = model ? pidns_id_task(id, PIDNS_PID) : NULL;
	if (t)
		dump_task(to, t);
}

static void dump_ns(FILE *to, struct pidns_ns *ns)
{
	struct pidns_id *id;

	fprintf(to,
		"namespace %p parent %p owner %p refs %u level %d cursor %u pid_max %d count %u %d%d ids %u",
		(void *)ns, (void *)ns->parent, (void *)ns->owner, (unsigned)ns->refs, ns->level, ns->cursor,
		(int)ns->pid_max, ns->count, ns->closed, ns->had_init, ns->ids_out);
	fprintf(to, " reaper %p reboot %d user %u\n", (void *)ns->reaper, ns->reboot, ns->user);
	for (int32_t nr = 1; (id = pidns_next(ns, nr)) != NULL; nr = pidns_id_number_in(id, ns) + 1)
		if (id->level == (uint32_t)ns->level)
			dump_id(to, id, ns->world->boot != NULL);
}

char *dump_world(struct pidns_world *w)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		abort();
	fprintf(to, "boot %p actor %p lock %u pid_max %d\n", (void *)w->boot, (void *)w->actor, w->lock,
		(int)w->pid_max);
	pidns__each(node, &w->namespaces)
		dump_ns(to, pidns__of(node, struct pidns_ns, node));
	fprintf(to, "users %u\n", (unsigned)w->user_ns.refs);
	pidns__each(node, &w->user_namespaces) {
		const struct pidns_user_ns *u = pidns__of(node, struct pidns_user_ns, node);

		fprintf(to, "users %p parent %p owner %u level %d refs %u %d %" PRId64 "\n", (const void *)u,
			(void *)u->parent, u->owner, u->level, (unsigned)u->refs, u->mapped, u->max_ns);
	}
	fclose(to);
	return text;
}
