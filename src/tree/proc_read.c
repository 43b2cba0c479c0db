/* SPDX-License-Identifier: MIT */
/*
 * proc_read.c: the tools that passes are made with: files, links and listings of procfs, pools, what is known of
 * namespaces, and the reader's life.
 *
 * Keeps:   (R1) every open is relative to a descriptor, never to a path that could be covered meanwhile;
 *          (R2) no stdio, no allocation per process: one buffer and a few pools are reused for all of a dump.
 */
#include "tree/proc_read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsettid/sys.h"

enum { BUF_SIZE = 1 << 16 };

/* ------------------------------------------------------------------------------------------ pools -- */

void *proc_pool_add(struct proc_pool *pool, size_t size)
{
	if (pool->len + size > pool->cap) {
		size_t cap = pool->cap ? pool->cap * 2 : 4096;
		while (cap < pool->len + size)
			cap *= 2;
		void *at = realloc(pool->at, cap);
		if (!at)
			return NULL;
		pool->at = at;
		pool->cap = cap;
	}
	void *end = (char *)pool->at + pool->len;
	pool->len += size;
	return end;
}

static void pool_done(struct proc_pool *pool)
{
	free(pool->at);
	*pool = (struct proc_pool){ 0 };
}

static bool pool_same(const struct proc_pool *a, const struct proc_pool *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->at, b->at, a->len) == 0);
}

void proc_pass_clear(struct proc_pass *p)
{
	p->records.len = p->threads.len = p->numbers.len = p->bytes.len = p->missing.len = 0;
	p->unreadable = 0;
}

void proc_pass_done(struct proc_pass *p)
{
	pool_done(&p->records);
	pool_done(&p->threads);
	pool_done(&p->numbers);
	pool_done(&p->bytes);
	pool_done(&p->missing);
	p->unreadable = 0;
}

bool proc_pass_same(const struct proc_pass *a, const struct proc_pass *b)
{
	return a->unreadable == b->unreadable && pool_same(&a->records, &b->records) &&
	       pool_same(&a->threads, &b->threads) && pool_same(&a->numbers, &b->numbers) &&
	       pool_same(&a->bytes, &b->bytes) && pool_same(&a->missing, &b->missing);
}

/* ------------------------------------------------------------------------------------------ files -- */

size_t proc_text(char *out, int32_t number)
{
	char digits[12];
	size_t n = 0, len;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	for (len = 0; n; len++)
		out[len] = digits[--n];
	out[len] = '\0';
	return len;
}

int proc_open_dir(int dir, const char *name)
{
	return (int)SYS4(SYS_openat, dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

void proc_close(int fd)
{
	if (fd >= 0)
		SYS1(SYS_close, fd);
}

static int buf_grow(struct proc_reader *r)
{
	char *buf = realloc(r->buf, r->buf_size * 2);

	if (!buf)
		return -ENOMEM;
	r->buf = buf;
	r->buf_size *= 2;
	return 0;
}

long proc_slurp(struct proc_reader *r, int dir, const char *name, bool whole)
{
	int fd = (int)SYS4(SYS_openat, dir, name, O_RDONLY | O_CLOEXEC, 0);
	size_t len = 0;
	long n = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		n = SYS3(SYS_read, fd, r->buf + len, r->buf_size - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		if (len == r->buf_size)
			n = buf_grow(r);
		else if (!whole)
			break;
		if (n < 0)
			break;
	}
	proc_close(fd);
	return n < 0 ? n : (long)len;
}

long proc_link(int dir, const char *name, char *out, size_t size)
{
	long n = SYS4(SYS_readlinkat, dir, name, out, size - 1);

	if (n >= 0)
		out[n] = '\0';
	return n;
}

int64_t proc_ns_link(int dir, const char *name)
{
	char text[64];
	long n = proc_link(dir, name, text, sizeof text);
	uint64_t inode = n < 0 ? 0 : proc_parse_ns(text, (size_t)n);

	if (n < 0)
		return n;
	return inode ? (int64_t)inode : -EBADMSG;
}

/* The record of getdents64(2). */
struct dent {
	uint64_t inode;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

static int add_number(struct proc_pool *out, const char *name)
{
	int32_t number = proc_parse_pid(name);
	int32_t *at = number > 0 ? proc_pool_add(out, sizeof *at) : NULL;

	if (at)
		*at = number;
	return at || number <= 0 ? 0 : -ENOMEM;
}

int proc_list_numbers(struct proc_reader *r, int dir, const char *name, struct proc_pool *out)
{
	int fd = (int)SYS4(SYS_openat, dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long n;

	if (fd < 0)
		return fd;
	while ((n = SYS3(SYS_getdents64, fd, r->buf, r->buf_size)) > 0) {
		for (const char *at = r->buf; n > 0 && at < r->buf + n;) {
			const struct dent *d = (const struct dent *)(const void *)at;
			int e = add_number(out, d->name);
			if (e < 0)
				n = e;
			at += d->size;
		}
		if (n < 0)
			break;
	}
	proc_close(fd);
	return (int)n;
}

/* ------------------------------------------------------------------------------------- namespaces -- */

static struct proc_ns *ns_entry(struct proc_ns *table, size_t cap, uint64_t inode)
{
	size_t i = (size_t)(inode * 0x9e3779b97f4a7c15u >> 32) & (cap - 1);

	while (table[i].inode && table[i].inode != inode)
		i = (i + 1) & (cap - 1);
	return &table[i];
}

struct proc_ns *proc_ns_find(const struct proc_reader *r, uint64_t inode)
{
	struct proc_ns *ns = inode > PROC_NS_EMPTY && r->ns_cap ? ns_entry(r->ns, r->ns_cap, inode) : NULL;

	return ns && ns->inode ? ns : NULL;
}

static int ns_grow(struct proc_reader *r)
{
	size_t cap = r->ns_cap ? r->ns_cap * 2 : 64;
	struct proc_ns *table = calloc(cap, sizeof *table);

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < r->ns_cap; i++)
		if (r->ns[i].inode)
			*ns_entry(table, cap, r->ns[i].inode) = r->ns[i];
	free(r->ns);
	r->ns = table;
	r->ns_cap = cap;
	return 0;
}

struct proc_ns *proc_ns_learn(struct proc_reader *r, uint64_t inode, unsigned levels, bool inside)
{
	if (r->ns_len * 2 >= r->ns_cap && ns_grow(r) < 0)
		return NULL;
	struct proc_ns *ns = ns_entry(r->ns, r->ns_cap, inode);
	if (!ns->inode)
		r->ns_len++;
	*ns = (struct proc_ns){ .inode = inode, .levels = levels, .inside = inside, .member = -1 };
	return ns;
}

int proc_ns_reset(struct proc_reader *r)
{
	if (r->ns_len)
		memset(r->ns, 0, r->ns_cap * sizeof *r->ns);
	r->ns_len = 0;
	return !r->root_ns || proc_ns_learn(r, r->root_ns, 1, true) ? 0 : -ENOMEM;
}

int64_t proc_ns_around(int dir, unsigned up)
{
	struct stat st;
	int fd = (int)SYS4(SYS_openat, dir, "ns/pid", O_RDONLY | O_CLOEXEC, 0);

	for (; fd >= 0 && up > 0; up--) {
		int outer = (int)SYS3(SYS_ioctl, fd, NS_GET_PARENT, 0);
		proc_close(fd);
		fd = outer;
	}
	if (fd < 0)
		return fd;
	int e = fstat(fd, &st) < 0 ? -errno : 0;
	proc_close(fd);
	return e < 0 ? e : (int64_t)st.st_ino;
}

/* ----------------------------------------------------------------------------------------- reader -- */

/* Our own number, as this procfs has it: its `self` link is made for whoever reads it. */
static int check_procfs(struct proc_reader *r, struct tree_error *err)
{
	char text[64];
	long n = proc_link(r->proc_fd, "self", text, sizeof text);

	if (n == -ENOENT)
		return tree_fail(
			err, -EXDEV,
			"/proc is no procfs, or that of a PID namespace that this process is not in");
	if (n < 0)
		return tree_fail(err, (int)n, "cannot read /proc/self: %s", strerror((int)-n));
	r->self = proc_parse_pid(text);
	if (r->self != getpid())
		return tree_fail(err, -EXDEV,
				 "/proc shows another PID namespace: this process is %d there, not %d",
				 (int)r->self, (int)getpid());
	return 0;
}

/* Which column of its status is the root's own namespace, and which namespace that is. */
static int learn_level(struct proc_reader *r, int dir, struct tree_error *err)
{
	struct proc_status s;
	long n = proc_slurp(r, dir, "status", false);
	int e = n < 0 ? (int)n : proc_parse_status(r->buf, (size_t)n, &s);
	int64_t ns = proc_ns_link(dir, "ns/pid");

	if (e < 0)
		return tree_fail(err, proc_gone(e) ? -ESRCH : e, "cannot read /proc/%d/status: %s",
				 (int)r->root, strerror(-e));
	if (s.tgid != r->root)
		return tree_fail(err, -EINVAL, "%d is a thread of process %d: name the process", (int)r->root,
				 (int)s.tgid);
	r->skip = s.nspid.len - 1;
	r->root_is_init = s.nspid.number[r->skip] == 1;
	/* Closed to us without rights over the root.  In the procfs's own namespace we are one of its members. */
	if (ns < 0 && r->skip == 0)
		ns = proc_ns_link(r->proc_fd, "self/ns/pid");
	r->root_ns = ns > 0 ? (uint64_t)ns : PROC_NS_UNKNOWN;
	return 0;
}

int proc_reader_init(struct proc_reader *r, int proc_fd, pid_t root, struct tree_error *err)
{
	char name[16];

	*r = (struct proc_reader){ .proc_fd = proc_fd, .root = root, .buf_size = BUF_SIZE };
	int e = check_procfs(r, err);
	if (e < 0)
		return e;
	if (root == r->self)
		return tree_fail(err, -EINVAL,
				 "PID %d is the process that dumps: it is left out of every dump", (int)root);
	r->buf = malloc(r->buf_size);
	if (!r->buf)
		return tree_fail(err, -ENOMEM, "out of memory");
	proc_text(name, root);
	int dir = proc_open_dir(proc_fd, name);
	if (dir < 0)
		e = tree_fail(err, dir == -ENOENT ? -ESRCH : dir,
			      dir == -ENOENT ? "there is no process %d, or it is hidden from us"
					     : "cannot open /proc/%d",
			      (int)root);
	else
		e = learn_level(r, dir, err);
	proc_close(dir);
	if (e < 0)
		proc_reader_done(r);
	return e;
}

void proc_reader_done(struct proc_reader *r)
{
	freezer_stop(&r->asker);
	pool_done(&r->tids);
	pool_done(&r->pids);
	free(r->buf);
	free(r->ns);
	r->buf = NULL;
	r->ns = NULL;
}
