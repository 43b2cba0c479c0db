/* SPDX-License-Identifier: MIT */
/*
 * live_watch.c: what the tasks of a live world are doing, without asking them and without waiting a fixed time.
 *
 * A task is watched through a descriptor of its own directory in /proc, so that a number which somebody else got
 * meanwhile can never be mistaken for it.  The kernel makes a sleeping task runnable before the call that woke,
 * signalled or killed it returns; a task that is not running after that has therefore done what there was to do.
 *
 * Keeps: (W1) `gone` once set stays until the index is used for another task;
 *        (W2) settled means: two passes over all tasks found none running and no state changed.  One pass is not
 *             enough: a task seen asleep may be woken by one that is looked at later;
 *        (W3) ... and the numbers of all that are gone have been given back.  A task that releases itself, a thread or an
 *             auto-reaped child, vanishes from /proc a moment before that (R4.10).
 */
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TASK_FLAG_EXITING = 0x4, WAITING_INIT_MS = 2, LONE_INIT_MS = 2000 };

long live_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The file's text, 0-terminated; negative when the task is gone. */
static long read_file(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0)
		return n < 0 ? -errno : -ESRCH;
	text[n] = '\0';
	return n;
}

/* The next number of a line, after blanks; what is not one is 0. */
static long next_number(const char **at)
{
	long n = 0;
	bool negative;

	while (**at == ' ')
		++*at;
	negative = **at == '-';
	for (*at += negative; **at >= '0' && **at <= '9'; ++*at)
		n = n * 10 + (**at - '0');
	return negative ? -n : n;
}

/* A look costs one system call: the file is made anew whenever it is read from its beginning. */
static bool read_stat(const struct live_task *t, struct live_line *out)
{
	char text[512];
	ssize_t n = pread(t->stat_fd, text, sizeof text - 1, 0);
	const char *at;

	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strrchr(text, ')');
	if (!at || strlen(at) < 4)
		return false;
	out->state = at[2];
	at += 3;
	out->links.ppid = (int32_t)next_number(&at);
	out->links.pgid = (int32_t)next_number(&at);
	out->links.sid = (int32_t)next_number(&at);
	next_number(&at); /* tty_nr */
	next_number(&at); /* tpgid */
	out->flags = (unsigned)next_number(&at);
	return true;
}

static enum live_state look(struct live_task *t, struct live_line *line)
{
	if (!t->used || t->gone)
		return LIVE_GONE;
	if (!read_stat(t, line)) { /* "X" is still there, for a moment */
		t->gone = true;
		return LIVE_GONE;
	}
	switch (line->state) {
	case 'Z':
		return LIVE_ZOMBIE;
	case 'T':
	case 't':
		return LIVE_STOPPED;
	case 'S':
	case 'I':
		return line->flags & TASK_FLAG_EXITING ? LIVE_DYING : LIVE_SLEEPS;
	default:
		return LIVE_RUNS;
	}
}

enum live_state live_look(struct live_world *w, int index)
{
	struct live_line line;

	return look(&w->task[index], &line);
}

/*
 * A wait, and a dying init's as well, marks its task as asleep while it still searches among the children, so that
 * stat alone says "S" too early.
 * /proc/PID/syscall waits until the task is off its CPU and says "running" if it did not stay asleep.  User-mode Linux has no such
 * file, and one CPU: whoever does not sleep gets his turn while we do.
 */
enum live_state live_look_closely(struct live_world *w, int index)
{
	static const struct timespec turn = { 0, 1000000 };
	char text[256];
	enum live_state state = live_look(w, index);
	long got;

	if (state != LIVE_SLEEPS && state != LIVE_DYING)
		return state;
	got = read_file(w->task[index].dir, "syscall", text, sizeof text);
	if (got > 0 && strncmp(text, "running", 7) == 0)
		return LIVE_RUNS;
	if (got == -ENOENT && live_look(w, index) != LIVE_GONE)
		nanosleep(&turn, NULL);
	return live_look(w, index);
}

/* The numbers after `name` in a status file, outermost first; those above the level of outer are left out. */
static int32_t read_numbers(const struct live_world *w, const char *text, const char *name, int32_t *out)
{
	const char *at = strstr(text, name);
	int32_t count = 0;
	int skip = w->hidden_levels;

	if (!at)
		return 0;
	for (at += strlen(name); *at == '\t' && count < OP_LEVELS_MAX;) {
		char *end;
		long number = strtol(at + 1, &end, 10);

		if (skip > 0)
			skip--;
		else
			out[count++] = (int32_t)number;
		at = end;
	}
	return count;
}

void live_leave(struct live_task *t)
{
	close(t->stat_fd);
	close(t->dir);
}

int live_meet(struct live_world *w, int index)
{
	struct live_task *t = &w->task[index];
	const char *self = w->shared->slot[index].self;
	char status[4096];
	int dir = openat(w->proc_fd, self, O_PATH | O_DIRECTORY | O_CLOEXEC), stat_fd;

	if (dir < 0)
		return -errno;
	stat_fd = openat(dir, "stat", O_RDONLY | O_CLOEXEC);
	if (stat_fd < 0 || read_file(dir, "status", status, sizeof status) < 0) {
		if (stat_fd >= 0)
			close(stat_fd);
		close(dir);
		return -ESRCH;
	}
	if (t->used)
		live_leave(t);
	*t = (struct live_task){
		.used = true, .dir = dir, .stat_fd = stat_fd, .tgid = atoi(self), .last = LIVE_RUNS
	};
	t->tid = atoi(strrchr(self, '/') + 1);
	t->is_leader = t->tid == t->tgid;
	t->nspid_len = read_numbers(w, status, "\nNSpid:", t->nspid);
	read_stat(t, &t->line);
	if (index >= w->task_end)
		w->task_end = index + 1;
	return 0;
}

static int32_t last_number(const struct live_world *w, const char *text, const char *name)
{
	int32_t numbers[OP_LEVELS_MAX];
	int32_t count = read_numbers(w, text, name, numbers);

	return count > 0 ? numbers[count - 1] : 0;
}

/* The number of a parent where its child lives: the driver's procfs gives it in the driver's namespace only. */
static int32_t parent_seen(const struct live_world *w, const struct live_task *t, int32_t ppid)
{
	for (int i = 0; i < w->task_end; i++) {
		const struct live_task *p = &w->task[i];

		if (p->used && !p->gone && p->is_leader && p->tgid == ppid && p->nspid_len >= t->nspid_len)
			return p->nspid[t->nspid_len - 1];
	}
	return 0;
}

/*
 * Group and session as the task sees them are in `status` only, which costs much to read.  Their numbers in the driver's
 * namespace, where nobody chooses one and none comes again so soon, tell whether they are still the ones that were read.
 */
static bool read_links(struct live_world *w, struct live_task *t, const struct live_links *driver)
{
	char status[4096];

	if (driver->pgid == t->driver.pgid && driver->sid == t->driver.sid && driver->pgid > 0)
		return true;
	if (read_file(t->dir, "status", status, sizeof status) < 0)
		return false;
	t->own.pgid = last_number(w, status, "\nNSpgid:");
	t->own.sid = last_number(w, status, "\nNSsid:");
	t->driver = *driver;
	return true;
}

void live_describe(struct live_world *w, int index, struct op_answer *answer)
{
	static const int states[] = {
		[LIVE_RUNS] = STATE_LIVE,     [LIVE_SLEEPS] = STATE_LIVE, [LIVE_STOPPED] = STATE_STOPPED,
		[LIVE_ZOMBIE] = STATE_ZOMBIE, [LIVE_DYING] = STATE_DYING, [LIVE_GONE] = STATE_GONE,
	};
	struct live_task *t = &w->task[index];
	enum live_state state = t->is_fresh_look ? t->last : look(t, &t->line);

	t->is_fresh_look = false;
	answer->kind = ANSWER_OK;
	answer->field[FIELD_STATE] = states[state];
	if (!t->used || t->gone || !read_links(w, t, &t->line.links))
		return;
	answer->nspid_len = t->nspid_len;
	memcpy(answer->nspid, t->nspid, sizeof answer->nspid);
	answer->field[FIELD_PPID] = parent_seen(w, t, t->line.links.ppid);
	answer->field[FIELD_PGID] = t->own.pgid;
	answer->field[FIELD_SID] = t->own.sid;
}

/* Whether somebody who is there still has that number of the driver's namespace: as his own, his group's or his session's. */
static bool has_holder(const struct live_world *w, int32_t number)
{
	for (int i = 0; i < w->task_end; i++) {
		const struct live_task *t = &w->task[i];

		if (t->used && !t->gone &&
		    (t->tid == number || t->tgid == number || t->line.links.pgid == number ||
		     t->line.links.sid == number))
			return true;
	}
	return false;
}

/* A number that has been given back cannot own a file: fcntl(2), F_SETOWN.  One that cannot be seen from here is 0. */
static bool is_given_back(const struct live_world *w, int32_t number)
{
	return number <= 0 || (fcntl(w->pidfd, F_SETOWN, number) < 0 && errno == ESRCH) ||
	       has_holder(w, number);
}

static bool has_given_back(const struct live_world *w, struct live_task *t)
{
	if (!t->freed)
		t->freed = is_given_back(w, t->tid) && is_given_back(w, t->line.links.pgid) &&
			   is_given_back(w, t->line.links.sid);
	return t->freed;
}

enum change { SAME_STATE, OTHER_STATE, RUNNING };

/* Against the last pass. */
static enum change change_of(struct live_world *w, int i)
{
	struct live_task *t = &w->task[i];
	enum live_state state, last = t->last;

	if (!t->used)
		return SAME_STATE;
	if (t->gone)
		return has_given_back(w, t) ? SAME_STATE : RUNNING;
	state = look(t, &t->line);
	if (state == LIVE_DYING || (state == LIVE_SLEEPS && t->pending))
		state = live_look_closely(w, i);
	t->last = state;
	t->is_fresh_look = true;
	return state == LIVE_RUNS ? RUNNING : state == last ? SAME_STATE : OTHER_STATE;
}

/* One pass over all, or until somebody runs: he is asked first the next time.  True: nothing has changed. */
static bool pass(struct live_world *w)
{
	enum change worst = change_of(w, w->busy);

	for (int i = 0; i < w->task_end && worst != RUNNING; i++) {
		enum change one = i == w->busy ? SAME_STATE : change_of(w, i);

		if (one > worst)
			worst = one;
		if (one == RUNNING)
			w->busy = i;
	}
	return worst == SAME_STATE;
}

/*
 * How long all must be quiet before a dying init is taken to wait for others.  Whoever gives the last number back wakes it: with
 * nobody left at its depth it is certain to go on.
 */
static long patience_for_dying(const struct live_world *w)
{
	long patience = 0;

	for (int i = 0; i < w->task_end; i++) {
		const struct live_task *t = &w->task[i];
		bool others = false;

		if (!t->used || t->gone || t->last != LIVE_DYING)
			continue;
		for (int j = 0; j < w->task_end; j++)
			others = others ||
				 (j != i && w->task[j].used && !w->task[j].gone &&
				  w->task[j].nspid_len >= t->nspid_len && w->task[j].tgid != t->tgid);
		if (!others)
			return LONE_INIT_MS;
		patience = WAITING_INIT_MS;
	}
	return patience;
}

/*
 * Who dies is a zombie a moment before its parent is woken and signalled, in one section under the kernel's lock of all tasks.
 * A wait takes that lock.
 */
static void let_deaths_end(void)
{
	siginfo_t info;

	waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

bool live_settle(struct live_world *w)
{
	long deadline = live_now_ms() + LIVE_PATIENCE_MS, quiet_since = 0;
	struct timespec nap = { 0, 100 * 1000 };
	int quiet = 0;

	while (live_now_ms() < deadline) {
		long now = live_now_ms(), patience;

		if (!pass(w)) {
			quiet = 0;
			sched_yield();
			continue;
		}
		if (quiet++ == 0) {
			quiet_since = now;
			let_deaths_end();
		}
		if (quiet < 2)
			continue;
		patience = patience_for_dying(w);
		if (patience == 0 || now - quiet_since > patience)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

void live_drop_siblings(struct live_world *w, int index)
{
	for (int i = 0; i < w->task_end; i++)
		if (i != index && w->task[i].used && w->task[i].tgid == w->task[index].tgid)
			w->task[i].gone = true;
}
