/* SPDX-License-Identifier: MIT */
/*
 * criu.c: a process tree out of CRIU's images.
 *
 * pstree.img has the processes with their groups, sessions and threads; whether one is a zombie, its status and its name
 * stand in core-N.img, names of threads in theirs.  All numbers are of the tree's own PID namespace.
 *
 * Keeps:   (C1) a zombie's threads in pstree.img are not looked at: the dumper leaves there what was in its memory;
 *          (C2) all processes are in one PID namespace, and its first process is in the tree unless the images say that the
 *               namespace is somebody else's;
 *          (C3) no more threads and processes are believed than there are numbers.
 * Costs:   one image or two for each process and one for each further thread: opening files is all the time it takes.
 */
#include "tree/criu_internal.h"

#include <errno.h>
#include <inttypes.h>

enum criu_task_state { CRIU_ALIVE = 1, CRIU_DEAD = 2, CRIU_STOPPED = 3 };

/* A complaint about the entry that was read last. */
#define COMPLAIN(r, image, ...) criu__complain(r, image, (image)->entry, __VA_ARGS__)

/* ------------------------------------------------------------------------------------------- names -- */

static int set_name(struct criu__reader *r, ProtobufCBinaryData name, struct tree_str *out)
{
	if (name.len > TREE_NAME_MAX)
		return COMPLAIN(r, &r->image, "a name of %zu bytes; the kernel keeps %d", name.len,
				TREE_NAME_MAX);
	*out = tree_strdup(r->t, (const char *)name.data, name.len);
	return out->bytes ? 0 : criu__no_memory(r);
}

/* ------------------------------------------------------------------------------------------ states -- */

static int set_status(struct criu__reader *r, uint32_t status, struct tree_process *p)
{
	uint32_t sig = status & 0x7f, code = status >> 8;

	if (status > 0xffff || sig > 64 || (sig && code) || (!sig && (status & 0x80)))
		return COMPLAIN(r, &r->image, "field 'exit_code': 0x%" PRIx32 " is no zombie's wait status",
				status);
	if (sig) {
		p->exit_signal = (int16_t)sig;
		p->core_dumped = (status & 0x80) != 0;
	} else {
		p->exit_code = (int16_t)code;
	}
	return 0;
}

static int set_stop(struct criu__reader *r, const Criu__TaskCore *tc, struct tree_process *p)
{
	if (!tc->has_stop_signo || tc->stop_signo == 0)
		return 0;
	if (tc->stop_signo > 64)
		return COMPLAIN(r, &r->image, "field 'stop_signo': %" PRIu32 " is no signal", tc->stop_signo);
	p->stop_signal = (int16_t)tc->stop_signo;
	return 0;
}

static int set_state(struct criu__reader *r, const Criu__TaskCore *tc, struct tree_process *p)
{
	switch (tc->task_state) {
	case CRIU_ALIVE:
		p->state = TREE_LIVE;
		return 0;
	case CRIU_STOPPED:
		p->state = TREE_STOPPED;
		return set_stop(r, tc, p);
	case CRIU_DEAD:
		p->state = TREE_ZOMBIE;
		return set_status(r, tc->exit_code, p);
	default:
		return COMPLAIN(r, &r->image,
				"field 'task_state': %" PRIu32 " is none that a dump has (1, 2 or 3)",
				tc->task_state);
	}
}

static int set_task(struct criu__reader *r, const Criu__Core *core, struct tree_process *p)
{
	const Criu__TaskCore *tc = core->tc;

	if (!tc)
		return COMPLAIN(r, &r->image, "field 'tc': it is missing, so this is no process's image");
	int rc = set_name(r, tc->comm, &p->comm);
	if (rc == 0)
		rc = set_state(r, tc, p);
	if (rc == 0 && p->state != TREE_ZOMBIE && tc->has_child_subreaper)
		p->subreaper = tc->child_subreaper != 0;
	return rc;
}

/* -------------------------------------------------------------------------------------- namespaces -- */

static int read_ids(struct criu__reader *r, uint32_t pid, const Criu__Core *core, uint32_t *ns)
{
	ProtobufCMessage *m = NULL;
	int rc = criu__only(r, &criu__ids, pid, core->ids != NULL, &m);

	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc < 0 && !core->ids)
		return rc;
	const Criu__Ids *ids = m ? (const Criu__Ids *)m : core->ids;
	*ns = ids->has_pid_ns_id ? ids->pid_ns_id : 0;
	if (m)
		protobuf_c_message_free_unpacked(m, NULL);
	return 0;
}

static int check_ns(struct criu__reader *r, const Criu__Process *entry, const Criu__Core *core)
{
	uint32_t ns;
	int rc = read_ids(r, entry->pid, core, &ns);

	if (rc < 0)
		return rc;
	if (entry->ppid == 0)
		r->root_ns = ns;
	if (ns != r->root_ns)
		return COMPLAIN(r, &r->image,
				"field 'pid_ns_id': %" PRIu32 ", and the root's is %" PRIu32
				": a dump has one PID namespace",
				ns, r->root_ns);
	return 0;
}

/* Its own PID namespace without its first process can only be a foreign one that was joined. */
static int check_root_ns(struct criu__reader *r)
{
	ProtobufCMessage *m = NULL;

	if (r->root_ns == r->dumper_ns || r->root_ns == 0)
		return 0;
	int rc = criu__only(r, &criu__pidns, r->root_ns, true, &m);
	if (rc == 0)
		protobuf_c_message_free_unpacked(m, NULL);
	if (rc != -ENOENT || r->t->processes[0].nspid[0] == 1)
		return rc == -ENOENT ? 0 : rc;
	return tree_fail(r->err, -EINVAL,
			 "%s/%s is missing: the root %d is in a PID namespace that is not the dumper's, and "
			 "is not its "
			 "first process",
			 r->source->name, r->image.name, (int)r->t->processes[0].nspid[0]);
}

/* ----------------------------------------------------------------------------------------- threads -- */

static const int32_t *number_alone(struct criu__reader *r, uint32_t n)
{
	int32_t *nspid = tree_alloc(r->t, sizeof *nspid);

	if (nspid)
		*nspid = (int32_t)n;
	return nspid;
}

static int read_thread(struct criu__reader *r, uint32_t tid, struct tree_thread *out)
{
	ProtobufCMessage *m = NULL;
	int rc;

	if (tid < 1 || tid > TREE_NUMBER_MAX)
		return COMPLAIN(r, &r->tree, "field 'threads': %" PRIu32 " is no number from 1 to %d", tid,
				TREE_NUMBER_MAX);
	out->nspid = number_alone(r, tid);
	rc = out->nspid ? criu__only(r, &criu__core, tid, false, &m) : criu__no_memory(r);
	if (rc < 0)
		return rc;
	const Criu__ThreadCore *core = ((const Criu__Core *)m)->thread_core;
	if (!core)
		rc = COMPLAIN(r, &r->image,
			      "field 'thread_core': it is missing, so this is no thread's image");
	else if (core->has_comm)
		rc = set_name(r, core->comm, &out->name);
	protobuf_c_message_free_unpacked(m, NULL);
	return rc;
}

static int check_threads(struct criu__reader *r, const Criu__Process *entry)
{
	if (entry->n_threads == 0)
		return COMPLAIN(r, &r->tree, "process %" PRIu32 ": field 'threads': it is missing",
				entry->pid);
	if (entry->threads[0] != entry->pid)
		return COMPLAIN(r, &r->tree,
				"process %" PRIu32 ": field 'threads': %" PRIu32
				" is first and not its leader",
				entry->pid, entry->threads[0]);
	r->threads += entry->n_threads;
	if (r->threads > TREE_NUMBER_MAX)
		return COMPLAIN(r, &r->tree, "more threads than there are numbers");
	return 0;
}

/* A leader alone is nothing that needs to be said. */
static int read_threads(struct criu__reader *r, const Criu__Process *entry, struct tree_process *p)
{
	int rc = check_threads(r, entry);

	if (rc < 0 || entry->n_threads == 1)
		return rc;
	p->threads = tree_alloc(r->t, entry->n_threads * sizeof *p->threads);
	if (!p->threads)
		return criu__no_memory(r);
	p->threads_len = (uint32_t)entry->n_threads;
	p->threads[0] = (struct tree_thread){ .nspid = p->nspid, .name = p->comm };
	for (uint32_t k = 1; k < p->threads_len && rc == 0; k++)
		rc = read_thread(r, entry->threads[k], &p->threads[k]);
	return rc;
}

/* --------------------------------------------------------------------------------------- processes -- */

static int check_number(struct criu__reader *r, const char *field, uint32_t n, uint32_t min)
{
	if (n >= min && n <= TREE_NUMBER_MAX)
		return 0;
	return COMPLAIN(r, &r->tree, "field '%s': %" PRIu32 " is no number from %" PRIu32 " to %d", field, n,
			min, TREE_NUMBER_MAX);
}

static int set_numbers(struct criu__reader *r, const Criu__Process *entry, struct tree_process *p)
{
	int rc = check_number(r, "pid", entry->pid, 1);

	if (rc == 0)
		rc = check_number(r, "ppid", entry->ppid, 0);
	if (rc == 0)
		rc = check_number(r, "pgid", entry->pgid, 0);
	if (rc == 0)
		rc = check_number(r, "sid", entry->sid, 0);
	if (rc < 0)
		return rc;
	if ((entry->ppid == 0) != (r->t->processes_len == 1))
		return COMPLAIN(r, &r->tree,
				entry->ppid == 0
					? "field 'ppid': 0, but this is not the first process: two roots"
					: "field 'ppid': not 0, but this is the first process: no root");
	p->nspid = number_alone(r, entry->pid);
	p->levels = 1;
	p->ppid = (int32_t)entry->ppid;
	p->pgid = (int32_t)entry->pgid;
	p->sid = (int32_t)entry->sid;
	return p->nspid ? 0 : criu__no_memory(r);
}

static int read_core(struct criu__reader *r, const Criu__Process *entry, struct tree_process *p)
{
	ProtobufCMessage *m = NULL;
	int rc = criu__only(r, &criu__core, entry->pid, false, &m);

	if (rc < 0)
		return rc;
	const Criu__Core *core = (const Criu__Core *)m;
	rc = set_task(r, core, p);
	if (rc == 0 && p->state != TREE_ZOMBIE)
		rc = check_ns(r, entry, core);
	protobuf_c_message_free_unpacked(m, NULL);
	return rc;
}

static int read_process(struct criu__reader *r, const Criu__Process *entry)
{
	struct tree_process *p = r->t->processes_len < TREE_NUMBER_MAX ? tree_process_add(r->t) : NULL;
	int rc;

	if (!p)
		return r->t->processes_len < TREE_NUMBER_MAX
			       ? criu__no_memory(r)
			       : COMPLAIN(r, &r->tree, "more processes than there are numbers");
	p->line = (uint32_t)r->tree.entry;
	rc = set_numbers(r, entry, p);
	if (rc == 0)
		rc = read_core(r, entry, p);
	if (rc == 0 && p->state != TREE_ZOMBIE)
		rc = read_threads(r, entry, p);
	else if (rc == 0 && entry->ppid == 0)
		rc = COMPLAIN(r, &r->image,
			      "field 'task_state': the root is a zombie, and has nobody to be dumped with");
	return rc;
}

static int read_processes(struct criu__reader *r)
{
	ProtobufCMessage *m = NULL;
	int rc = criu__open(r, &criu__pstree, 0, &r->tree);

	if (rc == -ENOENT)
		return tree_fail(r->err, rc, "%s/%s is missing", r->source->name, r->tree.name);
	while (rc == 0 && (rc = criu__next(r, &criu__pstree, &r->tree, &m)) == 1) {
		rc = read_process(r, (const Criu__Process *)m);
		protobuf_c_message_free_unpacked(m, NULL);
	}
	if (rc == 0 && r->t->processes_len == 0)
		return criu__complain(r, &r->tree, r->tree.at, "the image has no process");
	return rc;
}

/* --------------------------------------------------------------------------------------- inventory -- */

static int read_inventory(struct criu__reader *r)
{
	ProtobufCMessage *m = NULL;
	int rc = criu__only(r, &criu__inventory, 0, true, &m);

	if (rc == -ENOENT)
		return tree_fail(r->err, rc, "%s has no %s: no images of CRIU", r->source->name,
				 r->image.name);
	if (rc < 0)
		return rc;
	const Criu__Inventory *inventory = (const Criu__Inventory *)m;
	r->version = inventory->img_version;
	if (inventory->root_ids && inventory->root_ids->has_pid_ns_id)
		r->dumper_ns = inventory->root_ids->pid_ns_id;
	protobuf_c_message_free_unpacked(m, NULL);
	if (r->version != 1 && r->version != 2)
		return COMPLAIN(r, &r->image, "field 'img_version': %" PRIu32 "; 1 and 2 are known",
				r->version);
	return 0;
}

static int read_all(struct criu__reader *r)
{
	int rc = read_inventory(r);

	if (rc == 0)
		rc = read_processes(r);
	if (rc == 0)
		rc = check_root_ns(r);
	if (rc == 0)
		rc = criu__settle_leaders(r);
	return rc == 0 ? tree_validate(r->t, r->err) : rc;
}

/* What validation finds is in a process's entry of pstree.img, and is said with its offset. */
static struct tree *new_tree(const char *directory)
{
	char name[4096];
	int len = snprintf(name, sizeof name, "%s/%s", directory, criu__pstree.prefix);
	struct tree *t = tree_new(len < (int)sizeof name ? name : directory);

	if (t)
		t->lines_are_offsets = true;
	return t;
}

int criu__read(const struct criu__source *source, const struct tree_criu_options *options, struct tree **out,
	       struct tree_error *err)
{
	static const struct tree_criu_options none = { 0 };
	struct criu__reader r = { .source = source,
				  .t = new_tree(source->name),
				  .err = err,
				  .options = options ? options : &none };
	int rc = r.t ? read_all(&r) : criu__no_memory(&r);

	criu__close(&r.tree);
	criu__close(&r.image);
	if (rc < 0) {
		tree_free(r.t);
		return rc;
	}
	*out = r.t;
	return 0;
}
