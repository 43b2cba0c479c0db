/* SPDX-License-Identifier: MIT */
/*
 * dump_tree.c: what the facts of a pass mean in a tree file.
 *
 * Keeps:   (D1) ppid, pgid and sid are level-0 numbers, whatever procfs they were read through;
 *          (D2) 0 is what is outside: the parent of the root and of those put in from outside, the root's own
 *               group and session when their leaders are not in the tree, those of an init outside, any group or
 *               session that has no number at level 0, and one whose leader lives beside the tree (seen where
 *               level 0 is the caller's own namespace); every other leader that is not in the tree is a ghost;
 *          (D3) a ghost has the most numbers that any one member shows.
 */
#include "tree/dump_tree.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* ------------------------------------------------------------------------------------------- maps -- */

int dump_map_init(struct dump_map *m, size_t count)
{
	size_t cap = 64;

	while (cap < 2 * count)
		cap *= 2;
	m->keys = calloc(cap, sizeof *m->keys);
	m->values = calloc(cap, sizeof *m->values);
	m->mask = cap - 1;
	return m->keys && m->values ? 0 : -ENOMEM;
}

void dump_map_done(struct dump_map *m)
{
	free(m->keys);
	free(m->values);
	*m = (struct dump_map){ 0 };
}

static size_t map_slot(const struct dump_map *m, int32_t key)
{
	size_t i = ((uint32_t)key * 2654435761u) & m->mask;

	while (m->keys[i] && m->keys[i] != key)
		i = (i + 1) & m->mask;
	return i;
}

int32_t dump_map_put(struct dump_map *m, int32_t key, int32_t value)
{
	size_t i = map_slot(m, key);

	if (m->keys[i])
		return m->values[i];
	m->keys[i] = key;
	m->values[i] = value;
	return TREE_NONE;
}

int32_t dump_map_get(const struct dump_map *m, int32_t key)
{
	size_t i = map_slot(m, key);

	return m->keys[i] ? m->values[i] : TREE_NONE;
}

const struct proc_record *dump_parent(const struct dump *d, const struct proc_record *rec)
{
	int32_t i = rec->pid == d->r->root ? TREE_NONE : dump_map_get(&d->by_pid, rec->ppid);

	return i == TREE_NONE ? NULL : proc_pass_at(d->p, (size_t)i);
}

/* --------------------------------------------------------------------------------- plain copying -- */

static int no_memory(struct dump *d)
{
	return tree_fail(d->err, -ENOMEM, "out of memory");
}

static struct tree_str copy_bytes(struct dump *d, struct proc_bytes b)
{
	return tree_strdup(d->t, (const char *)d->p->bytes.at + b.at, b.len);
}

static const int32_t *copy_numbers(struct dump *d, uint32_t at, unsigned levels)
{
	int32_t *numbers = tree_alloc(d->t, levels * sizeof *numbers);

	if (numbers)
		memcpy(numbers, proc_numbers(d->p, at), levels * sizeof *numbers);
	return numbers;
}

static int copy_threads(struct dump *d, const struct proc_record *rec, struct tree_process *out)
{
	const struct proc_thread *from = (const struct proc_thread *)d->p->threads.at + rec->threads;

	if (rec->threads_len == 0)
		return 0;
	out->threads = tree_alloc(d->t, rec->threads_len * sizeof *out->threads);
	if (!out->threads)
		return no_memory(d);
	for (uint32_t i = 0; i < rec->threads_len; i++) {
		struct tree_thread *t = &out->threads[i];
		t->nspid = copy_numbers(d, from[i].numbers, rec->levels);
		t->name = copy_bytes(d, from[i].name);
		if (!t->nspid || !t->name.bytes)
			return no_memory(d);
	}
	out->threads_len = rec->threads_len;
	return 0;
}

static int copy_argv(struct dump *d, const struct proc_record *rec, struct tree_process *out)
{
	const char *at = (const char *)d->p->bytes.at + rec->argv.at, *end = at + rec->argv.len;
	uint32_t count = 0;

	for (const char *c = at; c < end; c++)
		count += *c == '\0';
	if (count == 0)
		return 0;
	out->argv = tree_alloc(d->t, count * sizeof *out->argv);
	if (!out->argv)
		return no_memory(d);
	for (; out->argv_len < count; out->argv_len++) {
		size_t len = strlen(at);
		out->argv[out->argv_len] = tree_strdup(d->t, at, len);
		if (!out->argv[out->argv_len].bytes)
			return no_memory(d);
		at += len + 1;
	}
	return 0;
}

static void copy_state(const struct proc_record *rec, struct tree_process *out)
{
	out->state = rec->state;
	out->leader_dead = rec->leader_dead != 0;
	if (rec->notify != SIGCHLD && rec->notify >= 0)
		out->notify_signal = (int16_t)rec->notify;
	if (rec->state == TREE_STOPPED && rec->stop != PROC_NOT_SAID)
		out->stop_signal = (int16_t)rec->stop;
	if (rec->state != TREE_ZOMBIE || rec->status == PROC_NOT_SAID)
		return;
	if (WIFEXITED(rec->status)) {
		out->exit_code = (int16_t)WEXITSTATUS(rec->status);
	} else {
		out->exit_signal = (int16_t)WTERMSIG(rec->status);
		out->core_dumped = WCOREDUMP(rec->status) ? 1 : 0;
	}
}

static int copy_process(struct dump *d, const struct proc_record *rec)
{
	struct tree_process *out = tree_process_add(d->t);

	if (!out)
		return no_memory(d);
	out->levels = rec->levels;
	out->nspid = copy_numbers(d, rec->numbers, rec->levels);
	out->comm = copy_bytes(d, rec->comm);
	if (!out->nspid || !out->comm.bytes)
		return no_memory(d);
	copy_state(rec, out);
	if (rec->cwd.len) {
		out->cwd = copy_bytes(d, rec->cwd);
		if (!out->cwd.bytes)
			return no_memory(d);
	}
	int e = copy_threads(d, rec, out);
	return e == 0 ? copy_argv(d, rec, out) : e;
}

/* -------------------------------------------------------------------------------------- families -- */

static int index_records(struct dump *d)
{
	size_t len = proc_pass_len(d->p);

	if (dump_map_init(&d->by_pid, len) < 0 || dump_map_init(&d->by_number, len) < 0 ||
	    dump_map_init(&d->ghosts, 2 * len) < 0)
		return no_memory(d);
	for (size_t i = 0; i < len; i++) {
		const struct proc_record *rec = proc_pass_at(d->p, i);
		if (dump_map_put(&d->by_pid, rec->pid, (int32_t)i) != TREE_NONE ||
		    dump_map_put(&d->by_number, *proc_numbers(d->p, rec->numbers), (int32_t)i) != TREE_NONE)
			return -EAGAIN; /* met twice: it changed its parent while it was read */
	}
	return 0;
}

/* How many of a group's or session's numbers a member shows: those before the first 0. */
static unsigned shown(const int32_t *numbers, unsigned levels)
{
	unsigned n = 0;

	while (n < levels && numbers[n] > 0)
		n++;
	return n;
}

static int add_ghost(struct dump *d, uint32_t at, unsigned levels)
{
	int32_t number = *proc_numbers(d->p, at);
	int32_t i = dump_map_put(&d->ghosts, number, (int32_t)d->t->ghosts_len);
	struct tree_ghost *g = i == TREE_NONE ? tree_ghost_add(d->t) : &d->t->ghosts[i];

	if (!g)
		return no_memory(d);
	if (levels > g->levels) {
		g->nspid = copy_numbers(d, at, levels);
		g->levels = (uint8_t)levels;
	}
	return g->nspid ? 0 : no_memory(d);
}

/* A leader that is not in the tree and lives: it is outside.  Where level 0 is not procfs's own namespace, procfs does
 * not know it by that number. */
static bool lives_outside(const struct dump *d, int32_t number)
{
	char name[16];

	if (d->r->skip || dump_map_get(&d->ghosts, number) != TREE_NONE)
		return false;
	proc_text(name, number);
	int dir = proc_open_dir(d->r->proc_fd, name);
	proc_close(dir);
	return dir >= 0;
}

/* What a member's NSpgid or NSsid line is in the file; `own` is the root's.  A group is outside only with its session. */
static int leader_number(struct dump *d, uint32_t at, unsigned levels, int32_t own, bool may_be_outside,
			 int32_t *out)
{
	unsigned n = shown(proc_numbers(d->p, at), levels);

	*out = n ? *proc_numbers(d->p, at) : 0;
	if (n == 0 || dump_map_get(&d->by_number, *out) != TREE_NONE)
		return 0;
	/* Number 1 is alive as long as its namespace: whoever it leads, it is no ghost but outside. */
	if (*out == own || *out == 1 || (may_be_outside && lives_outside(d, *out))) {
		*out = 0;
		return 0;
	}
	return add_ghost(d, at, n);
}

static int set_family(struct dump *d, size_t i, const struct proc_record *root)
{
	const struct proc_record *rec = proc_pass_at(d->p, i), *parent = dump_parent(d, rec);
	struct tree_process *out = &d->t->processes[i];
	int32_t own_group = proc_numbers(d->p, root->numbers)[root->levels];
	int32_t own_session = proc_numbers(d->p, root->numbers)[2 * root->levels];

	if (!parent && rec->pid != d->r->root && !d->r->root_is_init)
		return -EAGAIN; /* no descendant of the root any more */
	out->ppid = parent ? *proc_numbers(d->p, parent->numbers) : 0;
	int e = leader_number(d, rec->numbers + 2u * rec->levels, rec->levels, own_session, true, &out->sid);
	if (e == 0)
		e = leader_number(d, rec->numbers + rec->levels, rec->levels, own_group, out->sid == 0,
				  &out->pgid);
	return e;
}

static int make(struct dump *d)
{
	size_t len = proc_pass_len(d->p);
	int e = index_records(d);

	for (size_t i = 0; e == 0 && i < len; i++)
		e = copy_process(d, proc_pass_at(d->p, i));
	const struct proc_record *root =
		e == 0 ? proc_pass_at(d->p, (size_t)dump_map_get(&d->by_pid, d->r->root)) : NULL;
	for (size_t i = 0; e == 0 && i < len; i++)
		e = set_family(d, i, root);
	if (e == 0)
		e = dump_label(d);
	d->t->unreadable = d->p->unreadable + (unsigned)(d->p->missing.len / sizeof(int32_t));
	return e == 0 ? tree_validate(d->t, d->err) : e;
}

int dump_make_tree(struct dump *d)
{
	int e = make(d);

	dump_map_done(&d->by_pid);
	dump_map_done(&d->by_number);
	dump_map_done(&d->ghosts);
	return e;
}
