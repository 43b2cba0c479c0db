/* SPDX-License-Identifier: MIT */
/*
 * holder.c: who keeps a number taken.
 *
 * Owns:    the reading of identities out of a procfs: processes, threads, zombies, dead leaders, and groups
 * and sessions that outlive their leader (spec R4.1, R4.4). Keeps:   (W1) a person is named only when it is
 * certain that it lives in the namespace asked about; of several candidates that cannot be told apart none is
 * named (UNSEEN); (W2) a process is believed only if it is still there after it was read: its pidfd answers,
 * or its /proc directory, which never shows a number's next owner, still reads; (W3) nothing here changes
 * anything: no signal but 0, no child. Costs:   a process of the procfs's own namespace: a few calls. Groups,
 * sessions, threads of inner namespaces: one read per process of the machine; this happens after a failure
 * only.
 */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "procfs.h"

#define NS_GET_PARENT_ 0xb702 /* ioctl_ns(2) */

/* A namespace's identity; zeroed = not known. */
struct ns_id {
	dev_t dev;
	ino_t ino;
};

/*
 * Where to look: `proc` shows some namespace, in whose status files column 0 is that namespace and `own` the
 * caller's.  The number asked about is in column `column`, of the namespace `ns` (known for columns >= own).
 */
struct search {
	int proc;
	int own, column;
	pid_t number;
	struct ns_id ns;
	/* what was found */
	int candidates;                    /* processes that match but cannot be proven */
	struct settid__proc_status holder; /* state 0: none */
	bool is_thread;
	struct settid__proc_status group, session; /* a member each */
	int group_members, session_members;
};

/* ------------------------------------------------------------------------------------ namespaces -- */

static struct ns_id ns_id_of(int ns_fd)
{
	struct stat st;

	if (ns_fd < 0 || fstat(ns_fd, &st) < 0)
		return (struct ns_id){ 0, 0 };
	return (struct ns_id){ st.st_dev, st.st_ino };
}

/* The namespace `up` levels above the one at `path`; {0, 0} when that cannot be told. */
static struct ns_id ns_above(int proc, const char *path, int up)
{
	int fd = (int)SYS4(SYS_openat, proc, path, O_RDONLY | O_CLOEXEC, 0);
	struct ns_id id;

	while (fd >= 0 && up-- > 0) {
		int parent = (int)SYS3(SYS_ioctl, fd, NS_GET_PARENT_, 0);

		SYS1(SYS_close, fd);
		fd = parent;
	}
	id = ns_id_of(fd);
	settid__close_fdp(&fd);
	return id;
}

enum verdict { NO, MAYBE, YES };

/* Does this process live in (or below) the namespace asked about? */
static enum verdict in_namespace(const struct search *s, const struct settid__proc_status *st)
{
	char path[48];
	struct ns_id id;

	if (st->levels <= s->column)
		return NO;
	if (s->column == 0)
		return YES;
	if (!s->ns.ino)
		return MAYBE;
	snprintf(path, sizeof path, "%d/ns/pid", (int)(s->own == 0 ? st->tgid : st->ns_tgid[0]));
	id = ns_above(s->proc, path, st->levels - 1 - s->column);
	if (!id.ino)
		return MAYBE; /* a zombie has no namespace links any more, and other users' are closed to us
			       */
	return id.ino == s->ns.ino && id.dev == s->ns.dev ? YES : NO;
}

/* ------------------------------------------------------------------------------------ processes -- */

static int other_live_thread(void *arg, pid_t tid)
{
	const struct settid__proc_status *leader = arg;

	return tid != leader->pid;
}

/* A leader in state Z is a zombie, unless threads of it live on. */
static bool leader_is_survived(int proc, struct settid__proc_status *leader)
{
	char path[32];
	autoclose int dir = -1;

	snprintf(path, sizeof path, "%d/task", (int)leader->pid);
	dir = (int)SYS4(SYS_openat, proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return dir >= 0 && settid__proc_each(dir, other_live_thread, leader) > 0;
}

static void count_member(struct settid__proc_status *first, int *members,
			 const struct settid__proc_status *st)
{
	if ((*members)++ == 0)
		*first = *st;
}

static int look_at_process(void *arg, pid_t pid)
{
	struct search *s = arg;
	struct settid__proc_status st;
	enum verdict here;
	char name[16];
	bool matches;

	snprintf(name, sizeof name, "%d", (int)pid);
	if (settid__proc_status(s->proc, name, &st) < 0 || st.levels <= s->column)
		return 0;
	matches = st.ns_pid[s->column] == s->number;
	if (!matches && st.ns_pgid[s->column] != s->number && st.ns_sid[s->column] != s->number)
		return 0;
	here = in_namespace(s, &st);
	if (here == NO)
		return 0;
	if (matches && here == YES) {
		s->holder = st;
		s->candidates = 0;
		return 1;
	}
	if (matches && s->candidates++ == 0)
		s->holder = st;
	if (st.ns_pgid[s->column] == s->number)
		count_member(&s->group, &s->group_members, &st);
	if (st.ns_sid[s->column] == s->number)
		count_member(&s->session, &s->session_members, &st);
	return 0;
}

struct thread_search {
	struct search *s;
	pid_t tgid;
};

static int look_at_thread(void *arg, pid_t tid)
{
	struct thread_search *t = arg;
	struct settid__proc_status st;
	char name[40];

	if (tid == t->tgid)
		return 0;
	snprintf(name, sizeof name, "%d/task/%d", (int)t->tgid, (int)tid);
	if (settid__proc_status(t->s->proc, name, &st) < 0 || st.levels <= t->s->column ||
	    st.ns_pid[t->s->column] != t->s->number || in_namespace(t->s, &st) == NO)
		return 0;
	t->s->holder = st;
	t->s->is_thread = true;
	return 1;
}

static int look_at_threads_of(void *arg, pid_t pid)
{
	struct thread_search t = { arg, pid };
	char path[32];
	autoclose int dir = -1;

	snprintf(path, sizeof path, "%d/task", (int)pid);
	dir = (int)SYS4(SYS_openat, t.s->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return 0;
	return settid__proc_each(dir, look_at_thread, &t) > 0;
}

/* A number of the procfs's own namespace is a file name there, threads' too. */
static bool look_up_directly(struct search *s)
{
	struct settid__proc_status again;
	char name[16];
	autoclose int pidfd = -1;

	if (s->column != 0)
		return false;
	if (s->own == 0) /* threads and dead leaders' groups have none: then the second reading decides */
		pidfd = (int)SYS2(SYS_pidfd_open, s->number, 0);
	snprintf(name, sizeof name, "%d", (int)s->number);
	if (settid__proc_status(s->proc, name, &s->holder) < 0)
		goto gone;
	if (pidfd >= 0 && SYS4(SYS_pidfd_send_signal, pidfd, 0, 0, 0) == -ESRCH)
		goto gone;
	if (pidfd < 0 && (settid__proc_status(s->proc, name, &again) < 0 || again.tgid != s->holder.tgid))
		goto gone;
	s->is_thread = s->holder.tgid != s->holder.pid;
	return true;
gone:
	s->holder.state = '\0';
	return false;
}

static void look(struct search *s)
{
	if (look_up_directly(s))
		return;
	settid__proc_each(s->proc, look_at_process, s);
	if (s->candidates == 0 && !s->holder.state && !s->group_members && !s->session_members &&
	    s->column > 0)
		settid__proc_each(s->proc, look_at_threads_of, s);
}

/* ------------------------------------------------------------------------------------ facts -- */

/* A process's number for the caller; 0 when it has none, or when it cannot be told to be ours. */
static pid_t callers_number(const struct search *s, const struct settid__proc_status *st, bool thread_group)
{
	const pid_t *numbers = thread_group ? st->ns_tgid : st->ns_pid;

	return st->levels > s->own && (s->own == 0 || s->column >= s->own) ? numbers[s->own] : 0;
}

static void name_person(struct settid_error *facts, const char *comm)
{
	snprintf(facts->holder_comm, sizeof facts->holder_comm, "%s", comm);
}

static void tell_zombie(struct search *s, struct settid_error *facts)
{
	struct settid__proc_status parent;
	char name[16];

	facts->holder = SETTID_HOLDER_ZOMBIE;
	snprintf(name, sizeof name, "%d", (int)s->holder.ppid);
	if (s->holder.ppid > 0 && settid__proc_status(s->proc, name, &parent) == 0) {
		facts->holder_parent = callers_number(s, &parent, true);
		name_person(facts, parent.comm);
	}
}

static void tell_process(struct search *s, struct settid_error *facts)
{
	char name[16];

	facts->holder_pid = callers_number(s, &s->holder, true);
	if (s->is_thread) {
		struct settid__proc_status leader;

		facts->holder = SETTID_HOLDER_THREAD;
		snprintf(name, sizeof name, "%d", (int)s->holder.tgid);
		if (settid__proc_status(s->proc, name, &leader) == 0)
			name_person(facts, leader.comm);
	} else if (s->holder.state != 'Z' && s->holder.state != 'X') {
		facts->holder = SETTID_HOLDER_PROCESS;
		name_person(facts, s->holder.comm);
	} else if (leader_is_survived(s->proc, &s->holder)) {
		facts->holder = SETTID_HOLDER_DEAD_LEADER;
		name_person(facts, s->holder.comm);
	} else {
		tell_zombie(s, facts);
	}
}

static void tell_members(const struct search *s, struct settid_error *facts)
{
	const struct settid__proc_status *member = s->group_members ? &s->group : &s->session;

	facts->holder = s->group_members ? SETTID_HOLDER_GROUP : SETTID_HOLDER_SESSION;
	facts->holder_members = s->group_members ? s->group_members : s->session_members;
	facts->holder_pid = callers_number(s, member, true);
	name_person(facts, member->comm);
}

static bool tell(struct search *s, struct settid_error *facts)
{
	if (s->holder.state && s->candidates <= 1)
		tell_process(s, facts);
	else if (!s->candidates && (s->group_members || s->session_members))
		tell_members(s, facts);
	else
		return false;
	return true;
}

/* The procfs to ask about a level, and which columns of it are the caller's and the level's.  False: none. */
static bool search_open(const struct settid__levels *where, int level, struct search *s)
{
	struct settid__proc_status self;
	int inner = where->inner < 0 ? 0 : where->inner;

	s->proc = -1;
	if (level > inner || settid__proc_open(&s->proc, NULL) < 0)
		s->proc = (int)SYS4(SYS_openat, AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (s->proc < 0 || settid__proc_status(s->proc, "self", &self) < 0)
		return false;
	s->own = self.levels - 1;
	s->column = s->own + inner - level;
	if (s->column < 0)
		return false;
	if (s->column > s->own)
		s->ns = ns_above(s->proc, "thread-self/ns/pid_for_children", level);
	else if (s->column == s->own)
		s->ns = ns_above(s->proc, "self/ns/pid", 0);
	return true;
}

void settid__find_holder(const struct settid__levels *where, struct settid_error *facts)
{
	struct search s = { .number = facts->number };

	facts->holder = SETTID_HOLDER_UNSEEN;
	if (search_open(where, facts->level, &s)) {
		look(&s);
		tell(&s, facts);
	}
	settid__close_fdp(&s.proc);
}

/* ------------------------------------------------------------------------------------ settid_who -- */

/* Is it held by somebody that /proc does not show?  kill's answers are in R4.4; a session hides from it. */
static bool held_unseen(pid_t number)
{
	return SYS2(SYS_kill, number, 0) != -ESRCH || SYS2(SYS_kill, -number, 0) != -ESRCH;
}

int settid_who(pid_t number, struct settid_error *out)
{
	struct search s = { .number = number, .proc = -1 };
	struct settid_error facts = settid__facts(-EEXIST, SETTID_REASON_TAKEN);
	int r;

	facts.number = number;
	if (number < 1)
		return settid__fail(out, -EINVAL, SETTID_REASON_ARGUMENT, "%d is nobody's number",
				    (int)number);
	r = settid__proc_open(&s.proc, out);
	if (r < 0)
		return r;
	look(&s);
	if (!tell(&s, &facts))
		facts.holder = number > 1 && held_unseen(number) ? SETTID_HOLDER_UNSEEN : SETTID_HOLDER_NONE;
	settid__close_fdp(&s.proc);
	if (facts.holder != SETTID_HOLDER_NONE) {
		settid__fail_facts(out, &facts);
		return 1;
	}
	facts.code = 0;
	facts.reason = SETTID_REASON_SYSTEM;
	settid__failf(out, &facts, "%d looks free", (int)number);
	return 0;
}
