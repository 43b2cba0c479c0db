/* SPDX-License-Identifier: MIT */
/*
 * restore.c: the restorer's side of a restore: the guard's birth, its messages, the end.
 *
 * Owns:    struct restore: the mapping, both pipes' ends, the guard's pidfd.
 * Keeps:   the guard is the only child of the restorer; all else is below it.  The life pipe's write end is
 *          held by the restorer alone: however that ends, the guard sees it.
 */
#include "restore.h"

#include "engine.h"
#include "libsettid/procfs.h"
#include "libsettid/sys.h"
#include "restore_guard.h"
#include "restore_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define P_PIDFD_TYPE ((idtype_t)3)

struct restore {
	const struct tree *tree;
	const struct plan *plan;
	struct engine *e;
	size_t size;
	int life_fd, event_fd; /* write end, read end */
	struct settid_child guard;
	bool guard_lives;
	bool was_subreaper;
	enum restore_into into;
	int proc_fd;
	pid_t root;
};

static void futex_wake(uint32_t *word)
{
	SYS3(SYS_futex, word, FUTEX_WAKE, INT_MAX);
}

static void set_and_wake(uint32_t *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	futex_wake(word);
}

/* ------------------------------------------------------------------------------------------- begin -- */

int restore_begin(const struct tree *t, const struct plan *p, const struct restore_options *o,
		  struct restore **out, struct tree_error *err)
{
	struct settid_error se = { 0 };
	struct restore *r = calloc(1, sizeof *r);
	int rc, subreaper = 0;

	if (!r)
		return tree_fail(err, -ENOMEM, "out of memory");
	*r = (struct restore){
		.tree = t, .plan = p, .life_fd = -1, .event_fd = -1, .proc_fd = -1, .into = o->into
	};
	r->guard.pidfd = -1;
	rc = settid__proc_open(&r->proc_fd, &se);
	if (rc < 0)
		tree_fail(err, rc, "%s", se.text);
	else
		rc = restore_layout(t, p, o->pidfile, &r->e, &r->size, err);
	if (rc == 0 && !p->has_init) {
		/* orphans come here should the guard be killed; see restore_end() */
		prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
		r->was_subreaper = subreaper;
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	}
	if (rc == 0)
		rc = restore_guard_start(t, p, o,
					 &(struct restore_guard){ .e = r->e,
								  .size = r->size,
								  .proc_fd = r->proc_fd,
								  .life_fd = &r->life_fd,
								  .event_fd = &r->event_fd,
								  .child = &r->guard },
					 err);
	if (rc < 0) {
		restore_end(r);
		return rc;
	}
	r->guard_lives = true;
	set_and_wake(&r->e->go);
	*out = r;
	return 0;
}

/* ---------------------------------------------------------------------------------------- messages -- */

/* The first number of the guard's, then of the helper's, list of children: read where the caller's namespace
 * is shown.  0 = none, or it cannot be told. */
static pid_t first_child(int proc_fd, pid_t pid)
{
	char path[64], text[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%d/task/%d/children", (int)pid, (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

static pid_t find_root(const struct restore *r)
{
	bool helper = r->plan->actors[1].kind == PLAN_KIND_INIT;
	pid_t pid;

	if (!helper && r->into != RESTORE_PID)
		return r->e->pids[r->plan->root];
	pid = first_child(r->proc_fd, r->guard.pid);
	return helper && pid ? first_child(r->proc_fd, pid) : pid;
}

static int failed_step(const struct restore *r, struct tree_error *err)
{
	const struct engine_failure *f = &r->e->failure;
	const struct plan_step *s = &r->plan->steps[f->step];
	char who[96], what[96];

	plan_actor_describe(r->plan, r->tree, f->actor, who, sizeof who);
	plan_step_describe(r->plan, r->tree, s, what, sizeof what);
	if (s->op == PLAN_CHILD || s->op == PLAN_THREAD) {
		const struct plan_actor *a = &r->plan->actors[s->a];
		int32_t number = a->numbers_len ? r->plan->numbers[a->numbers + a->numbers_len - 1u] : 0;
		struct settid_error holder = { 0 };

		if (f->code == -EEXIST && r->into == RESTORE_CURRENT && settid_who(number, &holder) == 1)
			tree_fail(err, f->code, "%s could not %s: %s", who, what, holder.text);
		else if (f->code == -EEXIST)
			tree_fail(err, f->code, "%s could not %s: a number of it is taken", who, what);
		else if (f->code == -EINVAL)
			tree_fail(err, f->code,
				  "%s could not %s: a number of it is not below pid_max, or it has more "
				  "numbers than namespaces",
				  who, what);
		else if (f->code == -EAGAIN)
			tree_fail(err, f->code,
				  "%s could not %s: a limit on processes was reached (RLIMIT_NPROC, pids "
				  "cgroup or threads-max)",
				  who, what);
		else
			tree_fail(err, f->code, "%s could not %s: %s", who, what, strerror(-f->code));
		if (err)
			err->pid = number;
		return f->code;
	}
	tree_fail(err, f->code, "%s could not %s: %s", who, what, strerror(-f->code));
	if (err && r->plan->actors[f->actor].process != TREE_NONE)
		err->pid = r->tree->processes[r->plan->actors[f->actor].process].nspid[0];
	return f->code;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* One byte from the guard's side: an event; -EINTR for wake_fd; 0 when `timeout_ms` is over. */
static int next_event(struct restore *r, int wake_fd, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = r->event_fd, .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
	};
	char event;
	int n;

	do
		n = poll(fds, 2, timeout_ms);
	while (n < 0 && errno == EINTR && wake_fd < 0);
	if (n < 0)
		return -errno;
	if (fds[0].revents)
		return read(r->event_fd, &event, 1) == 1 ? event : ENGINE_ENDED;
	return fds[1].revents ? -EINTR : 0;
}

int restore_wait_stands(struct restore *r, int wake_fd, uint64_t deadline_ms,
			void (*progress)(void *arg, size_t done), void *arg, struct tree_error *err)
{
	for (;;) {
		uint64_t t = now_ms();
		int left = deadline_ms ? (deadline_ms > t ? (int)(deadline_ms - t) : 0) : INT_MAX;
		int slice = progress && left > 100 ? 100 : left;
		int event = next_event(r, wake_fd, left == INT_MAX && !progress ? -1 : slice);

		switch (event) {
		case ENGINE_STANDS:
			r->root = find_root(r);
			return r->root > 0 ? 0
					   : tree_fail(err, -ESRCH,
						       "the root of the new tree cannot be found in /proc");
		case ENGINE_FAILED:
			return failed_step(r, err);
		case ENGINE_ENDED:
			return tree_fail(err, -ECHILD, "the new tree was killed while it was built");
		case 0:
			break;
		default:
			return tree_fail(err, event, "interrupted");
		}
		if (deadline_ms && now_ms() >= deadline_ms)
			return tree_fail(err, -ETIMEDOUT,
					 "the tree did not stand in time: %u of %u processes and threads do",
					 r->e->stands, r->e->total);
		if (progress)
			progress(arg, __atomic_load_n(&r->e->stands, __ATOMIC_RELAXED));
	}
}

pid_t restore_root(const struct restore *r)
{
	return r->root;
}

struct restore_times restore_times(const struct restore *r)
{
	return (struct restore_times){
		.fork_s = (double)(r->e->stands_ns - r->e->first_ns) / 1e9,
		.retries = r->e->retries,
	};
}

void restore_release(struct restore *r)
{
	set_and_wake(&r->e->release);
}

int restore_wait_end(struct restore *r, int wake_fd, int *status, struct tree_error *err)
{
	for (;;) {
		int event = next_event(r, wake_fd, -1);

		if (event == ENGINE_FAILED)
			return failed_step(r, err);
		if (event == ENGINE_ENDED) {
			*status =
				__atomic_load_n(&r->e->root_ended, __ATOMIC_ACQUIRE) ? r->e->root_status : -1;
			return 0;
		}
		if (event < 0)
			return tree_fail(err, event, "interrupted");
	}
}

/* --------------------------------------------------------------------------------------- pidfile -- */

static int write_all(int fd, const char *text, size_t len)
{
	ssize_t n = write(fd, text, len);

	return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
}

/* A file without a name first, so that neither a reader nor a crash ever meets half of one. */
static int link_new(struct restore *r, const char *path, const char *text, size_t len)
{
	char dir[PATH_MAX], self[64];
	const char *slash = strrchr(path, '/');
	int fd, rc;

	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text, len);
	snprintf(self, sizeof self, "self/fd/%d", fd);
	__atomic_store_n(&r->e->pidfile_made, 1,
			 __ATOMIC_RELEASE); /* before: the guard removes it from here on */
	if (rc == 0 && unlink(path) < 0 && errno != ENOENT)
		rc = -errno;
	if (rc == 0 && linkat(r->proc_fd, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int write_in_place(struct restore *r, const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), rc;

	if (fd < 0)
		return -errno;
	__atomic_store_n(&r->e->pidfile_made, 1, __ATOMIC_RELEASE);
	rc = write_all(fd, text, len);
	close(fd);
	return rc;
}

int restore_pidfile(struct restore *r, struct tree_error *err)
{
	const char *path = r->e->pidfile;
	char text[16];
	int len = snprintf(text, sizeof text, "%d\n", (int)r->root), rc;

	if (!path)
		return 0;
	rc = link_new(r, path, text, (size_t)len);
	if (rc == -EOPNOTSUPP || rc == -EISDIR)
		rc = write_in_place(r, path, text, (size_t)len);
	return rc < 0 ? tree_fail(err, rc, "cannot write %s: %s", path, strerror(-rc)) : 0;
}

/* ------------------------------------------------------------------------------------------- end -- */

static void reap_guard(struct restore *r)
{
	siginfo_t info;

	while (waitid(P_PIDFD_TYPE, (id_t)r->guard.pidfd, &info, WEXITED) < 0 && errno == EINTR)
		;
	/* killed by somebody: its tree, if it had no namespace of its own, is ours now */
	if (info.si_code != CLD_EXITED && !r->plan->has_init)
		engine_teardown(r->e);
}

void restore_end(struct restore *r)
{
	if (!r)
		return;
	if (r->life_fd >= 0)
		close(r->life_fd); /* what the guard waits for */
	if (r->guard_lives)
		reap_guard(r);
	if (r->guard.pidfd >= 0)
		close(r->guard.pidfd);
	if (r->event_fd >= 0)
		close(r->event_fd);
	if (r->proc_fd >= 0)
		close(r->proc_fd);
	if (!r->plan->has_init && !r->was_subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 0);
	if (r->e)
		munmap(r->e, r->size);
	free(r);
}
