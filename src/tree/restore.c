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
#include "restore_internal.h"
#include "restore_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
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
	bool made_subreaper;
	bool guard_may_stop; /* a child's death stops it, if its exit signal is SIGSTOP */
	bool was_alone;      /* had no children before */
	enum restore_into into;
	bool user;
	int proc_fd;
	pid_t root;
	uint64_t away_ms; /* since when that one is seen to be in execve; 0 = nobody was */
	uint32_t away_actor;
};

static int fail_errno(struct tree_error *err, long code, const char *what)
{
	return tree_fail(err, (int)code, "%s: %s", what, strerror((int)-code));
}

/* ------------------------------------------------------------------------------------------- begin -- */

static bool has_children(void)
{
	return waitid(P_ALL, 0, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

static bool has_stopping_signal(const struct plan *p)
{
	for (uint32_t a = 1; a < p->actors_len; a++)
		if (p->actors[a].notify == SIGSTOP && p->actors[a].kind != PLAN_KIND_THREAD)
			return true;
	return false;
}

/* Orphans come here should the guard be killed; see inherit(). */
static int become_subreaper(struct restore *r, struct tree_error *err)
{
	int was = 0;
	long rc = SYS2(SYS_prctl, PR_GET_CHILD_SUBREAPER, &was);

	if (rc == 0 && !was)
		rc = SYS2(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
	r->made_subreaper = rc == 0 && !was;
	return rc < 0 ? fail_errno(err, rc, "orphans of the new tree cannot be collected") : 0;
}

int restore_begin(const struct tree *t, const struct plan *p, const struct restore_options *o,
		  struct restore **out, struct tree_error *err)
{
	struct settid_error se = { 0 };
	struct restore *r = calloc(1, sizeof *r);
	int rc;

	if (!r)
		return tree_fail(err, -ENOMEM, "out of memory");
	*r = (struct restore){ .tree = t,
			       .plan = p,
			       .life_fd = -1,
			       .event_fd = -1,
			       .proc_fd = -1,
			       .into = o->into,
			       .user = o->user };
	r->guard.pidfd = -1;
	r->was_alone = !has_children();
	r->guard_may_stop = has_stopping_signal(p);
	rc = settid__proc_open(&r->proc_fd, &se);
	if (rc < 0)
		tree_fail(err, rc, "%s", se.text);
	else
		rc = restore_layout(t, p, o, &r->e, &r->size, err);
	if (rc == 0)
		rc = become_subreaper(r, err);
	if (rc == 0)
		rc = restore_guard_start(t, p, o,
					 &(struct restore_guard){ .e = r->e,
								  .size = r->size,
								  .proc_fd = r->proc_fd,
								  .life_fd = &r->life_fd,
								  .event_fd = &r->event_fd,
								  .child = &r->guard },
					 err);
	else if (r->e && r->e->image_fd >= 0)
		close(r->e->image_fd);
	r->guard_lives = rc == 0;
	if (rc == 0)
		*out = r;
	else
		restore_end(r);
	return rc;
}

/* ---------------------------------------------------------------------------------------- messages -- */

/* The first number of the guard's, then of the helper's, list of children: read where the caller's namespace
 * is shown.  0 = none, or it cannot be told. */
static pid_t first_child(int proc_fd, pid_t pid)
{
	char path[64], text[64];
	long n;
	int fd;

	snprintf(path, sizeof path, "%d/task/%d/children", (int)pid, (int)pid);
	fd = (int)SYS4(SYS_openat, proc_fd, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	n = SYS3(SYS_read, fd, text, sizeof text - 1);
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

static int failure(const struct restore *r, struct tree_error *err)
{
	const struct restore_place at = {
		.tree = r->tree, .plan = r->plan, .into = r->into, .user = r->user, .proc_fd = r->proc_fd
	};

	return restore_failure(&r->e->failure, &at, err);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

#define GUARD_KILLED 'K' /* beside the events of engine.h: it went without a word */

/* Nothing can block that signal.  The report stays until it has been sent. */
static void continue_guard(const struct restore *r)
{
	siginfo_t info = { 0 };

	if (r->guard_may_stop &&
	    waitid(P_PIDFD_TYPE, (id_t)r->guard.pidfd, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid)
		SYS4(SYS_pidfd_send_signal, r->guard.pidfd, SIGCONT, 0, 0);
}

/*
 * One byte from the guard's side: an event; -EINTR for wake_fd; 0 when `timeout_ms` is over (-1 = never).  Every
 * process of the tree holds the pipe, so its end tells of nobody in particular: the guard's pidfd is watched too.
 */
static int next_event(struct restore *r, int wake_fd, int timeout_ms)
{
	enum { EVENT, GUARD, WAKE, WATCHED };
	struct pollfd fds[WATCHED] = {
		[EVENT] = { .fd = r->event_fd, .events = POLLIN },
		[GUARD] = { .fd = r->guard.pidfd, .events = POLLIN },
		[WAKE] = { .fd = wake_fd, .events = POLLIN },
	};
	struct timespec t = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	char event;
	long n;

	do
		n = SYS5(SYS_ppoll, fds, WATCHED, timeout_ms < 0 ? NULL : &t, NULL, 8);
	while (n == -EINTR); /* what a caller wants to be woken by comes through wake_fd */
	if (n < 0)
		return (int)n;
	continue_guard(r);
	if (fds[EVENT].revents) {
		n = SYS3(SYS_read, r->event_fd, &event, 1);
		return n == 1 ? event : n < 0 ? (int)n : ENGINE_ENDED;
	}
	if (fds[GUARD].revents)
		return GUARD_KILLED;
	return fds[WAKE].revents ? -EINTR : 0;
}

static int not_told(struct tree_error *err, int event)
{
	return event == -EINTR ? tree_fail(err, event, "interrupted")
			       : fail_errno(err, event, "the guard process cannot be listened to");
}

#define SLICE_MS 100 /* between two looks at the progress, and at who is still alive */

static int time_slice(uint64_t deadline_ms)
{
	uint64_t t = now_ms(), left = deadline_ms > t ? deadline_ms - t : 0;

	return deadline_ms && left < SLICE_MS ? (int)left : SLICE_MS;
}

static bool meant_dead(const struct plan *p, uint32_t actor)
{
	const struct plan_actor *a = &p->actors[actor];
	uint32_t end = p->steps[a->first_step + a->steps_len - 1].op;

	if (end == PLAN_EXIT || end == PLAN_DIE || end == PLAN_EXIT_THREAD)
		return true;
	for (uint32_t k = 0; k < p->steps_len; k++)
		if (p->steps[k].op == PLAN_KILL && p->steps[k].a == actor)
			return true;
	return false;
}

/* It has no word while it is in execve. */
static bool is_away(const struct engine *e, uint32_t actor)
{
	for (uint32_t k = 0; k < e->reexecs_len; k++)
		if (e->reexecs[k].actor == actor && __atomic_load_n(&e->reexecs[k].away, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

#define AWAY_MS 30000 /* an execve takes that long nowhere: it was killed in there */

static bool is_dead(struct restore *r, uint32_t actor)
{
	const struct engine *e = r->e;

	if (__atomic_load_n(&e->pids[actor], __ATOMIC_ACQUIRE) <= 0 ||
	    __atomic_load_n(&e->alive[actor], __ATOMIC_ACQUIRE))
		return false;
	if (!is_away(e, actor)) /* it may have come back since */
		return !__atomic_load_n(&e->alive[actor], __ATOMIC_ACQUIRE);
	if (!r->away_ms || r->away_actor != actor) {
		r->away_ms = now_ms();
		r->away_actor = actor;
	}
	return now_ms() - r->away_ms >= AWAY_MS;
}

/* Others would wait for ever for one that was killed before its part was done. */
static int check_alive(struct restore *r, struct tree_error *err)
{
	char who[96];

	for (uint32_t a = 1; a < r->plan->actors_len; a++) {
		if (!is_dead(r, a) || meant_dead(r->plan, a))
			continue;
		plan_actor_describe(r->plan, r->tree, a, who, sizeof who);
		return tree_fail(err, -ECHILD, "%s was killed while the tree was built", who);
	}
	return 0;
}

int restore_wait_stands(struct restore *r, int wake_fd, uint64_t deadline_ms,
			void (*progress)(void *arg, size_t done), void *arg, struct tree_error *err)
{
	for (;;) {
		int event = next_event(r, wake_fd, time_slice(deadline_ms));

		switch (event) {
		case ENGINE_STANDS:
			r->root = find_root(r);
			return r->root > 0 ? 0
					   : tree_fail(err, -ESRCH,
						       "the root of the new tree cannot be found in /proc");
		case ENGINE_FAILED:
			return failure(r, err);
		case ENGINE_ENDED:
			return tree_fail(err, -ECHILD, "the new tree was killed while it was built");
		case GUARD_KILLED:
			return tree_fail(err, -ECHILD,
					 "the guard process was killed while the tree was built");
		case 0:
			break;
		default:
			return not_told(err, event);
		}
		if (check_alive(r, err) < 0)
			return err ? err->code : -ECHILD;
		if (deadline_ms && now_ms() >= deadline_ms)
			return tree_fail(err, -ETIMEDOUT,
					 "the tree did not stand in time: %u of %u processes and threads do",
					 r->e->stands, r->e->total);
		if (progress)
			progress(arg, __atomic_load_n(&r->e->stands, __ATOMIC_RELAXED));
	}
}

int restore_check(struct restore *r, struct tree_error *err)
{
	switch (next_event(r, -1, 0)) {
	case ENGINE_ENDED:
		return tree_fail(err, -ECHILD, "the new tree was killed by somebody else");
	case GUARD_KILLED:
		return tree_fail(err, -ECHILD, "the guard process was killed by somebody else");
	default:
		return 0;
	}
}

pid_t restore_root(const struct restore *r)
{
	return r->root;
}

int restore_proc_fd(const struct restore *r)
{
	return r->proc_fd;
}

struct restore_times restore_times(const struct restore *r)
{
	return (struct restore_times){
		.fork_s = (double)(r->e->stands_ns - r->e->first_ns) / 1e9,
		.retries = r->e->retries,
	};
}

void restore_trace(const struct restore *r, struct trace *out)
{
	out->tree = r->tree;
	out->plan = r->plan;
	out->spans = r->e->spans;
	out->first_ns = r->e->first_ns;
	out->stands_ns = r->e->stands_ns;
}

int restore_release(struct restore *r, struct tree_error *err)
{
	long rc;

	__atomic_store_n(&r->e->release, 1, __ATOMIC_RELEASE);
	rc = SYS3(SYS_futex, &r->e->release, FUTEX_WAKE, INT_MAX);
	return rc < 0 ? fail_errno(err, rc, "the programs cannot be released") : 0;
}

/* A root that was a zombie in the file has ended before it all began. */
static bool root_is_dead(const struct restore *r, int *status)
{
	const struct tree_process *root = &r->tree->processes[r->plan->actors[r->plan->root].process];

	if (root->state != TREE_ZOMBIE)
		return false;
	*status = root->exit_signal > 0 ? root->exit_signal
					: (root->exit_code == TREE_ABSENT ? 0 : root->exit_code) << 8;
	return true;
}

int restore_wait_end(struct restore *r, int wake_fd, int *status, struct tree_error *err)
{
	if (r->e->release && root_is_dead(r, status))
		return 0;
	for (;;) {
		int event = next_event(r, wake_fd, r->guard_may_stop ? SLICE_MS : -1);

		if (event == ENGINE_FAILED)
			return failure(r, err);
		if (event == ENGINE_ENDED || event == GUARD_KILLED) {
			*status =
				__atomic_load_n(&r->e->root_ended, __ATOMIC_ACQUIRE) ? r->e->root_status : -1;
			return 0;
		}
		if (event < 0)
			return not_told(err, event);
	}
}

int restore_pidfile(struct restore *r, struct tree_error *err)
{
	return restore_write_pidfile(r->e, r->proc_fd, r->root, err);
}

/* ------------------------------------------------------------------------------------------- end -- */

/* The guard was killed by somebody: what it had is this process's now. */
static void inherit(const struct restore *r)
{
	char path[64];
	int fd = -1;

	if (r->into == RESTORE_PID) {
		/* its processes are not ours, and most died with it (leash()) */
		restore_sweep(r->e, r->proc_fd);
		engine_remove_pidfile(r->e);
		return;
	}
	snprintf(path, sizeof path, "%d/task/%d/children", (int)getpid(), (int)gettid());
	if (r->was_alone)
		fd = (int)SYS4(SYS_openat, r->proc_fd, path, O_RDONLY | O_CLOEXEC, 0);
	engine_inherit(r->e, fd);
	if (fd >= 0)
		close(fd);
}

static void reap_guard(struct restore *r)
{
	int what = WEXITED | WNOWAIT | (r->guard_may_stop ? WSTOPPED : 0);
	siginfo_t info;

	do {
		info.si_code = 0;
		waitid(P_PIDFD_TYPE, (id_t)r->guard.pidfd, &info, what);
		if (info.si_code == CLD_STOPPED)
			SYS4(SYS_pidfd_send_signal, r->guard.pidfd, SIGCONT, 0, 0);
	} while (info.si_code == CLD_STOPPED || (info.si_code == 0 && errno == EINTR));
	waitid(P_PIDFD_TYPE, (id_t)r->guard.pidfd, &(siginfo_t){ 0 }, WEXITED);
	if (info.si_code != CLD_EXITED)
		inherit(r);
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
	if (r->e)
		engine_remove_pidfile(r->e); /* where the guard could not */
	if (r->made_subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 0);
	if (r->e)
		munmap(r->e, r->size);
	free(r);
}
