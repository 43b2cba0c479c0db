/* SPDX-License-Identifier: MIT */
/*
 * proc_facts.c: all that /proc says of one process, as one record.
 *
 * Keeps:   (F1) everything is read below one directory descriptor, so a record never mixes two processes;
 *          (F2) a record is appended whole or not at all: the pools are cut back when the process goes away;
 *          (F3) what could not be read is marked as such and counted, and no default stands in for it.
 *
 * What /proc says where (tried on 6.18; the fields exist since long before 5.5):
 *   stopped            state T.  Field 52 of stat is the signal, until the parent has waited for the stop: then it
 *                      is 0, which is the usual case under a shell with job control.  Then the process itself is
 *                      asked: ask_stop().  Kernels before 5.17 or so always say 0.
 *   zombie             state Z with one thread.  Field 52 is its wait status, the core bit (128) included; it
 *                      reads 0 without ptrace rights over it, and so does exit(0): ns/pid, which needs the same
 *                      rights, tells which.
 *   dead leader        state Z with more than one thread: num_threads counts the dead leader too.  Field 52 is then
 *                      the leader's own exit code: whether the process is stopped, another thread must say.
 *   pid_for_children   absent (ENOENT) for the dead, and between unshare(2) and the first birth.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "tree/proc_facts.h"

static bool is_zombie(const struct facts *f)
{
	return f->stat.state == 'Z' && f->stat.threads <= 1;
}

static int add_bytes(struct proc_pass *p, const char *from, size_t len, struct proc_bytes *out)
{
	char *at = proc_pool_add(&p->bytes, len);

	if (!at && len)
		return -ENOMEM;
	if (len)
		memcpy(at, from, len);
	*out = (struct proc_bytes){ .at = (uint32_t)(p->bytes.len - len), .len = (uint32_t)len };
	return 0;
}

static int add_numbers(struct proc_pass *p, const int32_t *from, size_t len)
{
	int32_t *at = proc_pool_add(&p->numbers, len * sizeof *at);

	if (!at)
		return -ENOMEM;
	memcpy(at, from, len * sizeof *at);
	return 0;
}

/* ---------------------------------------------------------------------------------- dead leaders -- */

/* Finds a thread that is alive, where the leader is not: into f->alive, 0 = none (all are just dying). */
static int find_alive(struct facts *f)
{
	char path[48];

	f->r->tids.len = 0;
	int e = proc_list_numbers(f->r, f->dir, "task", &f->r->tids);
	const int32_t *tid = f->r->tids.at;
	for (size_t i = 0; e == 0 && i < f->r->tids.len / sizeof *tid && !f->alive; i++) {
		e = read_stat(f, task_path(path, tid[i], "/stat"), &f->alive_stat);
		if (e == 0 && f->alive_stat.state != 'Z' && f->alive_stat.state != 'X')
			f->alive = tid[i];
		if (proc_gone(e))
			e = 0;
	}
	return e;
}

/* ------------------------------------------------------------------------------------ namespaces -- */

/* Where its next child would live; of a zombie, where it lived itself. */
static int read_children_ns(struct facts *f)
{
	char path[64];
	const char *link = "ns/pid_for_children";

	if (is_zombie(f))
		link = "ns/pid";
	else if (f->alive)
		link = task_path(path, f->alive, "/ns/pid_for_children");
	int64_t ns = f->link && !is_zombie(f) && !f->alive ? f->link : proc_ns_link(f->dir, link);

	if (ns == -EACCES || ns == -EPERM) {
		f->no_rights = true;
		f->rec.children_ns = PROC_NS_UNKNOWN;
		f->p->unreadable += !is_zombie(f);
		return 0;
	}
	if (ns == -ENOENT && !is_zombie(f)) {
		f->rec.children_ns = PROC_NS_EMPTY;
		return 0;
	}
	f->rec.children_ns = (uint64_t)ns;
	return ns < 0 ? (int)ns : 0;
}

/*
 * Of strangers this link alone is read, once their namespace is known: who makes children outside lives outside,
 * since its own namespace can only be the same or one above.
 */
static bool is_known_stranger(struct facts *f)
{
	f->link = f->r->strangers ? proc_ns_link(f->dir, "ns/pid_for_children") : 0;
	const struct proc_ns *known = f->link > 0 ? proc_ns_find(f->r, (uint64_t)f->link) : NULL;

	return known && !known->inside;
}

/* Learns a namespace from its first process.  With no strangers about it can only be the tree's. */
static int learn_ns(struct facts *f)
{
	int64_t ns = f->no_rights ? -EACCES : proc_ns_link(f->dir, "ns/pid");

	if (ns == -EACCES || ns == -EPERM) {
		f->rec.ns = PROC_NS_UNKNOWN;
		return f->r->strangers ? -EACCES : 0;
	}
	f->rec.ns = (uint64_t)ns;
	if (ns < 0 || proc_ns_find(f->r, f->rec.ns))
		return ns < 0 ? (int)ns : 0;
	int64_t top = f->r->strangers ? proc_ns_around(f->dir, f->rec.levels - 1u) : (int64_t)f->r->root_ns;
	bool inside = top == (int64_t)f->r->root_ns;
	if (top < 0 && top != -EPERM) /* EPERM: it is not below our own namespace */
		return (int)top;
	return proc_ns_learn(f->r, f->rec.ns, f->rec.levels, inside) ? 0 : -ENOMEM;
}

/* Its own namespace, given how many numbers it has. */
static int read_own_ns(struct facts *f)
{
	const struct proc_ns *known = proc_ns_find(f->r, f->rec.children_ns);
	int e = 0;

	if (known && known->levels == f->rec.levels) /* same or above, and as deep: the same */
		f->rec.ns = f->rec.children_ns;
	else if (f->rec.levels == 1 &&
		 !f->r->strangers) /* a descendant of the root: it can only be level 0 */
		f->rec.ns = f->r->root_ns;
	else
		e = learn_ns(f);
	if (e == 0 && f->rec.levels == 1 && !f->r->strangers)
		f->r->root_ns = f->rec.ns; /* where the root itself would not tell */
	known = e == 0 ? proc_ns_find(f->r, f->rec.ns) : NULL;
	return known && !known->inside ? -EXDEV : e;
}

/* --------------------------------------------------------------------------------------- numbers -- */

/* Does stat hold all its numbers?  Only of who lives in the procfs mount's namespace, when that is level 0. */
static bool is_plain(const struct facts *f)
{
	return f->r->skip == 0 && f->r->root_ns && f->rec.children_ns == f->r->root_ns;
}

/* A stranger without as many numbers as the tree's level 0 has: so is everybody whose children live where it lives. */
static int learn_outside(struct facts *f)
{
	int64_t ns = f->link > 0 ? proc_ns_link(f->dir, "ns/pid") : 0;

	if (ns > 0 && !proc_ns_find(f->r, (uint64_t)ns) && !proc_ns_learn(f->r, (uint64_t)ns, 0, false))
		return -ENOMEM;
	return -EXDEV;
}

static int numbers_from_status(struct facts *f)
{
	struct proc_status s;
	unsigned skip = f->r->skip;
	long n = proc_slurp(f->r, f->dir, "status", false);
	int e = n < 0 ? (int)n : proc_parse_status(f->r->buf, (size_t)n, &s);

	if (e < 0)
		return e;
	if (s.nspid.len <= skip)
		return learn_outside(f);
	f->rec.levels = (uint8_t)(s.nspid.len - skip);
	e = add_numbers(f->p, s.nspid.number + skip, f->rec.levels);
	if (e == 0)
		e = add_numbers(f->p, s.nspgid.number + skip, f->rec.levels);
	return e == 0 ? add_numbers(f->p, s.nssid.number + skip, f->rec.levels) : e;
}

static int read_numbers(struct facts *f)
{
	f->rec.numbers = (uint32_t)(f->p->numbers.len / sizeof(int32_t));
	if (!is_plain(f)) {
		int e = numbers_from_status(f);
		return e < 0 ? e : read_own_ns(f);
	}
	f->rec.levels = 1;
	f->rec.ns = f->r->root_ns;
	return add_numbers(f->p, (int32_t[]){ f->rec.pid, f->stat.pgid, f->stat.sid }, 3);
}

/* ----------------------------------------------------------------------------------------- state -- */

static bool is_stop_signal(int32_t signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void set_stopped(struct facts *f, int32_t signal)
{
	f->rec.state = TREE_STOPPED;
	f->rec.stop = signal;
	f->p->unreadable += signal == PROC_NOT_SAID;
}

static const struct frozen *held_by_us(const struct facts *f, int32_t tid)
{
	const struct frozen *held = f->r->freezer ? freezer_find(f->r->freezer, tid) : NULL;

	return held ? held : freezer_find(&f->r->asker, tid);
}

static void set_held(struct facts *f, const struct frozen *held)
{
	if (held->stop)
		set_stopped(f, held->stop);
}

/*
 * Stopped, and /proc does not say by what: it is asked, by holding it, which one that is stopped does not notice.  It
 * is held until the dump is done, since one that is let go looks as if it ran for a moment.
 */
static int ask_stop(struct facts *f, int32_t tid)
{
	struct freezer *asker = &f->r->asker;
	int e = asker->pid ? 0 : freezer_start(asker, f->r->proc_fd, NULL);

	if (e == 0)
		e = freezer_hold(asker, tid);
	const struct frozen *held = e < 0 ? NULL : freezer_find(asker, tid);
	if (held)
		set_held(f, held);
	else
		set_stopped(f, PROC_NOT_SAID);
	return e == -ENOMEM || e == -EPIPE ? e : 0;
}

static int read_state(struct facts *f)
{
	const struct proc_stat *s = f->alive ? &f->alive_stat : &f->stat;
	int32_t tid = f->alive ? f->alive : f->rec.pid;
	const struct frozen *held = held_by_us(f, tid);

	f->rec.leader_dead = f->stat.state == 'Z' && !is_zombie(f);
	f->rec.notify = f->stat.notify;
	f->rec.state = TREE_LIVE;
	if (is_zombie(f)) {
		bool hidden = f->no_rights && f->stat.code == 0;
		f->rec.state = TREE_ZOMBIE;
		f->rec.status = hidden ? PROC_NOT_SAID : f->stat.code;
		f->p->unreadable += hidden;
	} else if (held) {
		set_held(f, held);
	} else if ((s->state == 'T' || s->state == 't') && is_stop_signal(s->code)) {
		set_stopped(f, s->code);
	} else if (s->state == 'T' && f->r->freezer && !f->hold) {
		set_stopped(f, PROC_NOT_SAID); /* a first look; the freezer will tell */
	} else if (s->state == 'T') {          /* 't' is a debugger's doing, and no state of the process */
		return ask_stop(f, tid);
	}
	return 0;
}

/* --------------------------------------------------------------------------------------- threads -- */

/* comm ends in a newline, which is not the name's. */
static int thread_plain(struct facts *f, int32_t tid, struct proc_thread *t)
{
	char path[48];
	long n = proc_slurp(f->r, f->dir, task_path(path, tid, "/comm"), false);

	if (n < 0)
		return (int)n;
	if (n > 0 && f->r->buf[n - 1] == '\n')
		n--;
	int e = add_numbers(f->p, &tid, 1);
	return e < 0 ? e : add_bytes(f->p, f->r->buf, (size_t)n, &t->name);
}

static int thread_nested(struct facts *f, int32_t tid, struct proc_thread *t)
{
	char path[48], name[256];
	struct proc_status s;
	long n = proc_slurp(f->r, f->dir, task_path(path, tid, "/status"), false);
	int e = n < 0 ? (int)n : proc_parse_status(f->r->buf, (size_t)n, &s);

	if (e == 0 && s.nspid.len != f->r->skip + f->rec.levels)
		e = -EBADMSG;
	if (e == 0)
		e = add_numbers(f->p, s.nspid.number + f->r->skip, f->rec.levels);
	if (e < 0)
		return e;
	size_t len = proc_unescape(s.name, s.name_len < sizeof name ? s.name_len : sizeof name, name);
	return add_bytes(f->p, name, len, &t->name);
}

/* Its numbers and its name are the process's, and read already. */
static int add_leader(struct facts *f)
{
	struct proc_thread *at = proc_pool_add(&f->p->threads, sizeof *at);

	if (!at)
		return -ENOMEM;
	*at = (struct proc_thread){ .numbers = f->rec.numbers, .name = f->rec.comm };
	f->rec.threads_len++;
	return 0;
}

static int add_thread(struct facts *f, int32_t tid)
{
	struct proc_thread t = { .numbers = (uint32_t)(f->p->numbers.len / sizeof(int32_t)) };
	int e = f->r->skip == 0 && f->rec.levels == 1 ? thread_plain(f, tid, &t) : thread_nested(f, tid, &t);

	if (proc_gone(e))
		return 0; /* the next pass will not list it: the two do not agree */
	struct proc_thread *at = e < 0 ? NULL : proc_pool_add(&f->p->threads, sizeof *at);
	if (!at)
		return e < 0 ? e : -ENOMEM;
	*at = t;
	f->rec.threads_len++;
	return 0;
}

/* The leader comes first whatever the directory's order. */
static int read_threads(struct facts *f)
{
	f->rec.threads = (uint32_t)(f->p->threads.len / sizeof(struct proc_thread));
	if (f->stat.threads <= 1)
		return 0;
	f->r->tids.len = 0;
	int e = proc_list_numbers(f->r, f->dir, "task", &f->r->tids);
	if (e == 0)
		e = add_leader(f);
	const int32_t *tid = f->r->tids.at;
	for (size_t i = 0; e == 0 && i < f->r->tids.len / sizeof *tid; i++)
		if (tid[i] != f->rec.pid)
			e = add_thread(f, tid[i]);
	return e;
}

/* -------------------------------------------------------------------------------------- commands -- */

static int read_argv(struct facts *f)
{
	long n = proc_slurp(f->r, f->dir, "cmdline", true);

	if (n == -EACCES || n == -EPERM) {
		f->p->unreadable++;
		return 0;
	}
	if (n <= 0)
		return (int)n;
	int e = add_bytes(f->p, f->r->buf, (size_t)n, &f->rec.argv);
	if (e == 0 && f->r->buf[n - 1] != '\0') { /* a program that wrote its own title over it */
		char *nul = proc_pool_add(&f->p->bytes, 1);
		if (!nul)
			return -ENOMEM;
		*nul = '\0';
		f->rec.argv.len++;
	}
	return e;
}

/* A directory that was removed has no name to go back to: absent, though it is no failure to read. */
static int read_cwd(struct facts *f)
{
	static const char deleted[] = " (deleted)";
	char path[4096 + sizeof deleted];
	long n = proc_link(f->dir, "cwd", path, sizeof path);

	if (n == -EACCES || n == -EPERM) {
		f->p->unreadable++;
		return 0;
	}
	if (n == -ENOENT) /* a kernel thread, or one that is just dying */
		return 0;
	if (n < 0)
		return (int)n;
	size_t len = (size_t)n, tail = sizeof deleted - 1;
	if (len > tail && memcmp(path + len - tail, deleted, tail) == 0)
		return 0;
	return add_bytes(f->p, path, len, &f->rec.cwd);
}

static int read_commands(struct facts *f)
{
	if (!f->r->commands || is_zombie(f) || f->rec.leader_dead)
		return 0;
	int e = read_argv(f);
	return e < 0 ? e : read_cwd(f);
}

/* ---------------------------------------------------------------------------------------- record -- */

/* Its stat, once it is known to be ours to read, and held if it is to be. */
static int read_held_stat(struct facts *f)
{
	int e = read_stat(f, "stat", &f->stat);

	/* Our own children are the helpers that freeze and ask. */
	if (e == 0 && f->stat.ppid == f->r->self && f->rec.pid != f->r->root)
		return -EXDEV;
	if (e == 0 && f->hold && !is_zombie(f)) {
		e = proc__hold_threads(f);
		if (e == 0)
			e = read_stat(f, "stat", &f->stat);
	}
	return e == 0 && (f->stat.state == 'X' || f->stat.state == 'x') ? -ESRCH : e;
}

static int read_all(struct facts *f)
{
	int e = is_known_stranger(f) ? -EXDEV : read_held_stat(f);

	if (e < 0)
		return e;
	f->rec.ppid = f->stat.ppid;
	f->rec.start = f->stat.start;
	e = add_bytes(f->p, f->stat.comm, f->stat.comm_len, &f->rec.comm);
	if (e == 0 && f->stat.state == 'Z' && !is_zombie(f))
		e = find_alive(f);
	if (e == 0)
		e = read_children_ns(f);
	if (e == 0)
		e = read_numbers(f);
	if (e == 0)
		e = read_state(f);
	if (e == 0)
		e = read_threads(f);
	return e == 0 ? read_commands(f) : e;
}

/* Cut back to what it was when the record was begun. */
static void undo(struct proc_pass *p, const struct proc_pass *before)
{
	p->threads.len = before->threads.len;
	p->numbers.len = before->numbers.len;
	p->bytes.len = before->bytes.len;
	p->unreadable = before->unreadable;
}

static int read_record(struct proc_reader *r, struct proc_pass *p, int dir, int32_t pid, bool hold,
		       struct proc_record *out)
{
	struct facts f = { .r = r, .p = p, .dir = dir, .rec = { .pid = pid }, .hold = hold };
	int e = read_all(&f);

	*out = f.rec;
	return e;
}

int proc_record_read(struct proc_reader *r, struct proc_pass *p, int dir, int32_t pid)
{
	const struct proc_pass before = *p;
	bool hold = r->freezer && !r->freezer->cgroup;
	struct proc_record rec;
	int e = 0;

	if (hold && r->strangers) { /* nobody is touched before it is sure that he is of the tree */
		e = read_record(r, p, dir, pid, false, &rec);
		undo(p, &before);
	}
	if (e == 0)
		e = read_record(r, p, dir, pid, hold, &rec);
	struct proc_record *at = e < 0 ? NULL : proc_pool_add(&p->records, sizeof *at);
	if (at) {
		*at = rec;
		return 1;
	}
	undo(p, &before);
	if (e == -EXDEV)
		return PROC_STRANGER;
	return proc_gone(e) || e == -EAGAIN ? 0 : e < 0 ? e : -ENOMEM;
}
