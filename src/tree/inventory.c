/* SPDX-License-Identifier: MIT */
/*
 * inventory.c: which numbers of this PID namespace are taken, and by what.
 *
 * Keeps:   I1 of machine.h.  A number may be held in several ways at once; it is listed as the first of: process
 *          (or zombie, or dead leader), thread, group, session.
 * Costs:   one stat per process, one directory per process with threads; a sort.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsettid/procfs.h"
#include "machine.h"
#include "proc_parse.h"

#define FIRST_CYCLIC 300 /* where the kernel's count begins again (spec R3.1) */

int inventory_add(struct inventory *inv, const struct inventory_number *n)
{
	if (inv->taken_len == inv->taken_cap) {
		size_t cap = inv->taken_cap ? 2 * inv->taken_cap : 512;
		struct inventory_number *at = realloc(inv->taken, cap * sizeof *at);

		if (!at)
			return -ENOMEM;
		inv->taken = at;
		inv->taken_cap = cap;
	}
	inv->taken[inv->taken_len++] = *n;
	return 0;
}

/* The rank of a holder among several of one number. */
static int rank(uint8_t holder)
{
	switch (holder) {
	case SETTID_HOLDER_GROUP:
		return 2;
	case SETTID_HOLDER_SESSION:
		return 3;
	case SETTID_HOLDER_THREAD:
		return 1;
	default:
		return 0;
	}
}

static int compare(const void *a, const void *b)
{
	const struct inventory_number *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (rank(x->holder) != rank(y->holder))
		return rank(x->holder) - rank(y->holder);
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* A process, and one whose group or session has its number: they keep the number when it is gone. */
static bool is_follower(const struct inventory_number *of, const struct inventory_number *n)
{
	return rank(of->holder) == 0 && rank(n->holder) >= 2 && n->pid != n->number;
}

void inventory_sort(struct inventory *inv)
{
	size_t kept = 0;

	if (inv->taken_len)
		qsort(inv->taken, inv->taken_len, sizeof *inv->taken, compare);
	for (size_t i = 0; i < inv->taken_len; i++) {
		struct inventory_number *last = kept ? &inv->taken[kept - 1] : NULL;
		const struct inventory_number *n = &inv->taken[i];

		if (last && last->number == n->number) {
			if (last->holder == n->holder)
				last->members += n->members;
			else if (is_follower(last, n))
				last->members = n->members;
			continue;
		}
		inv->taken[kept++] = *n;
	}
	inv->taken_len = kept;
}

const struct inventory_number *inventory_find(const struct inventory *inv, int32_t number)
{
	size_t low = 0, high = inv->taken_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (inv->taken[middle].number == number)
			return &inv->taken[middle];
		if (inv->taken[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int64_t inventory_left(const struct inventory *inv)
{
	int64_t taken = 0;

	if (inv->machine.pid_max <= 0)
		return MACHINE_UNKNOWN;
	/* pid_max may have been lowered since some were given */
	for (size_t i = 0; i < inv->taken_len; i++)
		taken += inv->taken[i].number >= FIRST_CYCLIC && inv->taken[i].number < inv->machine.pid_max;
	return inv->machine.pid_max > FIRST_CYCLIC ? inv->machine.pid_max - FIRST_CYCLIC - taken : 0;
}

void inventory_done(struct inventory *inv)
{
	free(inv->taken);
	inv->taken = NULL;
	inv->taken_len = inv->taken_cap = 0;
}

/* -------------------------------------------------------------------------------------------- /proc -- */

struct scan {
	struct inventory *inv;
	int proc_fd;
	struct inventory_number process; /* whose threads are listed */
};

static void copy_comm(char out[16], const char *bytes, size_t len)
{
	len = len < 15 ? len : 15;
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '?');
	out[len] = '\0';
}

static int add_thread(void *arg, pid_t tid)
{
	struct scan *s = arg;
	struct inventory_number n = s->process;

	n.number = tid;
	n.holder = SETTID_HOLDER_THREAD;
	return tid == s->process.number ? 0 : inventory_add(s->inv, &n);
}

static int add_threads(struct scan *s, pid_t pid)
{
	char path[32];
	int fd, r;

	snprintf(path, sizeof path, "%d/task", (int)pid);
	fd = openat(s->proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* gone meanwhile */
	r = settid__proc_each(fd, add_thread, s);
	close(fd);
	return r == -ENOENT || r == -ESRCH ? 0 : r;
}

static int add_membership(struct scan *s, int32_t number, enum settid_holder as)
{
	struct inventory_number n = s->process;

	n.number = number;
	n.holder = (uint8_t)as;
	n.members = 1;
	return number > 0 ? inventory_add(s->inv, &n) : 0;
}

static int add_process(void *arg, pid_t pid)
{
	struct scan *s = arg;
	struct proc_stat st;
	char path[32], text[1024];
	ssize_t len;
	int fd, r;

	if (pid == getpid()) /* gone by the time that somebody reads of it */
		return 0;
	snprintf(path, sizeof path, "%d/stat", (int)pid);
	fd = openat(s->proc_fd, path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (fd >= 0)
		close(fd);
	if (len <= 0 || proc_parse_stat(text, (size_t)len, &st) < 0)
		return 0;
	s->process = (struct inventory_number){ .number = pid, .pid = pid, .holder = SETTID_HOLDER_PROCESS };
	copy_comm(s->process.comm, st.comm, st.comm_len);
	r = st.threads > 1 ? add_threads(s, pid) : 0;
	if (r == 0)
		r = add_membership(s, st.pgid, SETTID_HOLDER_GROUP);
	if (r == 0)
		r = add_membership(s, st.sid, SETTID_HOLDER_SESSION);
	if (st.state == 'Z' || st.state == 'X') {
		s->process.holder = st.threads > 1 ? SETTID_HOLDER_DEAD_LEADER : SETTID_HOLDER_ZOMBIE;
		if (s->process.holder == SETTID_HOLDER_ZOMBIE)
			s->process.pid = st.ppid;
	}
	return r < 0 ? r : inventory_add(s->inv, &s->process);
}

/* A zombie is known by its parent, whose name came with another record. */
static void name_parents(struct inventory *inv)
{
	for (size_t i = 0; i < inv->taken_len; i++) {
		struct inventory_number *n = &inv->taken[i];
		const struct inventory_number *parent;

		if (n->holder != SETTID_HOLDER_ZOMBIE)
			continue;
		parent = inventory_find(inv, n->pid);
		snprintf(n->comm, sizeof n->comm, "%s", parent ? parent->comm : "");
	}
}

int inventory_read(struct inventory *inv, struct tree_error *err)
{
	struct scan s = { .inv = inv, .proc_fd = -1 };
	struct settid_error se;
	int r;

	*inv = (struct inventory){ 0 };
	r = machine_read(&inv->machine, err);
	if (r < 0)
		return r;
	r = settid__proc_open(&s.proc_fd, &se);
	if (r < 0)
		return tree_fail(err, r, "%s", se.text);
	r = settid__proc_each(s.proc_fd, add_process, &s);
	close(s.proc_fd);
	if (r < 0) {
		inventory_done(inv);
		return tree_fail(err, r, "the processes here cannot be listed: %s", strerror(-r));
	}
	inventory_sort(inv);
	name_parents(inv);
	return 0;
}
