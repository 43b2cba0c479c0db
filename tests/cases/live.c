/* SPDX-License-Identifier: MIT */
/*
 * live.c: the backend of the running kernel: every actor a real process or thread in PID namespaces of its own.
 *
 * The driver commands one puppet at a time through shared memory, then waits until the world has settled.  That a
 * call blocks is read off the caller's state (asleep with its command unfinished), never guessed from a timeout.
 *
 * Keeps: (V1) nobody but the world's own tasks is ever signalled: the driver kills `outer` through its pidfd, and
 *             the kernel ends the rest; `outer` is also killed if the driver dies;
 *        (V2) nothing is written to the driver's own namespace: every task lives at least one level below;
 *        (V3) a world whose end cannot be seen within LIVE_PATIENCE_MS is an error, not a wait for ever.
 */
#include "live.h"

#include "libsettid/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { QUICK_NS = 60 * 1000, SLOW_NS = 2000 * 1000 };

static void wait_for_event(struct live_world *w, uint32_t seen, long ns)
{
	struct timespec timeout = { 0, ns };

	SYS6(SYS_futex, &w->shared->events, FUTEX_WAIT, seen, &timeout, 0, 0);
}

static bool has_answered(const struct puppet_slot *slot)
{
	return atomic_load(&slot->done) == atomic_load(&slot->go);
}

static void command(struct live_world *w, const struct op *op)
{
	struct puppet_slot *slot = &w->shared->slot[op->actor];

	if (op->child > 0) {
		struct live_task *child = &w->task[op->child];

		if (child->used)
			live_leave(child);
		*child = (struct live_task){ 0 };
		memset(&w->shared->slot[op->child], 0, sizeof *slot);
	}
	for (int i = 0; i < w->task_end; i++)
		w->task[i].is_fresh_look = false;
	slot->op = *op;
	w->task[op->actor].pending = true;
	atomic_fetch_add(&slot->go, 1);
	SYS6(SYS_futex, &slot->go, FUTEX_WAKE, 1, 0, 0, 0);
}

/* What is known of a command that has not been answered: still working (ANSWER_OK), or one of the others. */
static int verdict(struct live_world *w, const struct op *op, bool may_wait)
{
	if (op->code == OP_EXEC) /* its own directory vanishes when another than the leader calls exec */
		return ANSWER_OK;
	switch (may_wait ? live_look_closely(w, op->actor) : live_look(w, op->actor)) {
	case LIVE_GONE:
	case LIVE_ZOMBIE:
	case LIVE_DYING:
		return ANSWER_ENDED;
	case LIVE_STOPPED:
		return ANSWER_BLOCKS;
	case LIVE_SLEEPS:
		return may_wait ? ANSWER_BLOCKS : ANSWER_OK;
	default:
		return ANSWER_OK;
	}
}

/* ANSWER_OK: the slot holds the answer. */
static int await_answer(struct live_world *w, const struct op *op, bool may_wait)
{
	const struct puppet_slot *slot = &w->shared->slot[op->actor];
	long deadline = live_now_ms() + LIVE_PATIENCE_MS;
	long ns = may_wait ? QUICK_NS : SLOW_NS;

	for (;;) {
		uint32_t seen = atomic_load(&w->shared->events);
		int state;

		if (has_answered(slot))
			return ANSWER_OK;
		wait_for_event(w, seen, ns);
		if (has_answered(slot))
			return ANSWER_OK;
		state = verdict(w, op, may_wait);
		/* Asked after the look: an answer stored in between is an answer. */
		if (has_answered(slot))
			return ANSWER_OK;
		if (state != ANSWER_OK)
			return state;
		if (live_now_ms() > deadline)
			return ANSWER_STUCK;
		ns = ns < SLOW_NS ? ns * 2 : SLOW_NS;
	}
}

static bool await_ready(struct live_world *w, int index)
{
	const struct puppet_slot *slot = &w->shared->slot[index];
	long deadline = live_now_ms() + LIVE_PATIENCE_MS;

	for (;;) {
		uint32_t seen = atomic_load(&w->shared->events);

		if (atomic_load(&slot->ready))
			return true;
		if (live_now_ms() > deadline)
			return false;
		wait_for_event(w, seen, SLOW_NS);
	}
}

static void put_numbers(const struct live_world *w, int index, struct op_answer *answer)
{
	answer->nspid_len = w->task[index].nspid_len;
	memcpy(answer->nspid, w->task[index].nspid, sizeof answer->nspid);
}

/* The puppet has read every number that the driver's procfs shows. */
static void drop_hidden_levels(const struct live_world *w, struct op_answer *answer)
{
	int32_t skip = w->hidden_levels < answer->nspid_len ? w->hidden_levels : answer->nspid_len;

	answer->nspid_len -= skip;
	memmove(answer->nspid, answer->nspid + skip, (size_t)answer->nspid_len * sizeof *answer->nspid);
	answer->field[FIELD_LEVEL] = answer->nspid_len;
}

static void meet_child(struct live_world *w, const struct op *op, struct op_answer *answer)
{
	if (!await_ready(w, op->child) || live_meet(w, op->child) < 0) {
		answer->kind = ANSWER_STUCK;
		return;
	}
	put_numbers(w, op->child, answer);
	answer->field[FIELD_CHILD_TID] = (int32_t)w->shared->slot[op->child].child_word;
}

static void meet_again_after_exec(struct live_world *w, const struct op *op, struct op_answer *answer)
{
	if (live_meet(w, op->actor) < 0) {
		answer->kind = ANSWER_STUCK;
		return;
	}
	live_drop_siblings(w, op->actor);
	put_numbers(w, op->actor, answer);
}

static int order(struct live_world *w, const struct op *op, bool may_wait, struct op_answer *answer)
{
	int kind;

	command(w, op);
	kind = await_answer(w, op, may_wait);
	answer->kind = kind;
	if (kind == ANSWER_OK) {
		*answer = w->shared->slot[op->actor].answer;
		w->task[op->actor].pending = false;
	}
	return kind;
}

static void perform(struct live_world *w, const struct op *op, struct op_answer *answer)
{
	unsigned traits = op_by_code((enum op_code)op->code)->traits;
	bool may_wait = (traits & TRAIT_MAY_WAIT) != 0;

	order(w, op, may_wait, answer);
	if (answer->kind == ANSWER_OK && (traits & TRAIT_MAKES_TASK))
		meet_child(w, op, answer);
	if (answer->kind == ANSWER_OK && op->code == OP_FDINFO)
		drop_hidden_levels(w, answer);
	if (answer->kind == ANSWER_OK && op->code == OP_EXEC)
		meet_again_after_exec(w, op, answer);
	if ((traits & TRAIT_DISTURBS) && !live_settle(w))
		answer->kind = ANSWER_STUCK;
}

static void tell_return(struct live_world *w, const struct op *op, struct op_answer *answer)
{
	struct live_task *t = &w->task[op->actor];

	answer->kind = ANSWER_ENDED;
	if (!t->used || !t->pending)
		return;
	answer->kind = await_answer(w, op, true);
	if (answer->kind == ANSWER_OK) {
		*answer = w->shared->slot[op->actor].answer;
		t->pending = false;
	}
}

/* Handled signals of the whole process: the kernel chooses the thread. */
static void tell_signals(struct live_world *w, const struct op *op, struct op_answer *answer)
{
	int64_t sig = op->arg[KEY_SIG];

	answer->kind = ANSWER_OK;
	if (sig <= 0 || sig >= PUPPET_SIGNALS)
		return;
	for (int i = 0; i < w->task_end; i++) {
		const struct puppet_slot *slot = &w->shared->slot[i];
		uint32_t handled = atomic_load(&slot->handled[sig]);

		if (!w->task[i].used || w->task[i].tgid != w->task[op->actor].tgid || handled == 0)
			continue;
		answer->field[FIELD_RET] += handled;
		answer->field[FIELD_FROM] = slot->from[sig];
	}
}

static void live_step(void *world, const struct op *op, struct op_answer *answer)
{
	struct live_world *w = world;
	struct live_task *t = &w->task[op->actor];

	answer->kind = ANSWER_ENDED;
	if (op->code == OP_RETURNS) {
		tell_return(w, op, answer);
	} else if (op->code == OP_SIGNALS) {
		tell_signals(w, op, answer);
	} else if (op->code == OP_LOOK) {
		live_describe(w, op->actor, answer);
	} else if (t->used && t->pending) {
		tell_return(w, op, answer);
		answer->kind = answer->kind == ANSWER_OK ? ANSWER_STUCK : answer->kind;
	} else if (t->used && !t->gone && (op->code != OP_REBOOT || t->nspid_len > 1)) {
		perform(w, op, answer);
	}
}

static void free_world(struct live_world *w)
{
	for (int i = 0; i < w->task_end; i++)
		if (w->task[i].used)
			live_leave(&w->task[i]);
	if (w->shared)
		munmap(w->shared, sizeof *w->shared);
	for (int *fd = (int[]){ w->shared_fd, w->proc_fd, w->exe_fd, w->pidfd, INT_MIN }; *fd != INT_MIN;
	     fd++)
		if (*fd >= 0)
			close(*fd);
	free(w);
}

static int share_memory(struct live_world *w)
{
	void *at;

	/* None of these is closed on exec: puppets exec. */
	w->shared_fd = memfd_create("settid-cases", 0);
	w->proc_fd = open("/proc", O_PATH | O_DIRECTORY);
	w->exe_fd = open("/proc/self/exe", O_PATH);
	if (w->shared_fd < 0 || w->proc_fd < 0 || w->exe_fd < 0 ||
	    ftruncate(w->shared_fd, sizeof *w->shared) < 0)
		return -errno;
	at = mmap(NULL, sizeof *w->shared, PROT_READ | PROT_WRITE, MAP_SHARED, w->shared_fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	w->shared = at;
	w->shared->shared_fd = w->shared_fd;
	w->shared->proc_fd = w->proc_fd;
	w->shared->exe_fd = w->exe_fd;
	return 0;
}

static bool proc_is_ours(void)
{
	char text[24] = "";

	return readlink("/proc/self", text, sizeof text - 1) > 0 && atoi(text) == getpid();
}

static int end_outer(struct live_world *w)
{
	struct pollfd fd = { .fd = w->pidfd, .events = POLLIN };
	siginfo_t info;

	SYS4(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
	if (poll(&fd, 1, LIVE_PATIENCE_MS) != 1)
		return -ETIME;
	return waitid(P_PIDFD, (id_t)w->pidfd, &info, WEXITED) < 0 ? -errno : 0;
}

/* outer's own NSpid tells how many levels are above it. */
static int meet_outer(struct live_world *w)
{
	int err;

	if (!await_ready(w, CASE_OUTER))
		return -ETIME;
	err = live_meet(w, CASE_OUTER);
	if (err)
		return err;
	w->hidden_levels = w->task[CASE_OUTER].nspid_len - 1;
	return live_meet(w, CASE_OUTER);
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* In a new user namespace: its root is whoever runs the tests, and there is nobody else. */
static bool map_root(long pid)
{
	char path[64], map[64];

	snprintf(path, sizeof path, "/proc/%ld/setgroups", pid);
	if (!write_text(path, "deny"))
		return false;
	snprintf(path, sizeof path, "/proc/%ld/gid_map", pid);
	snprintf(map, sizeof map, "0 %u 1", (unsigned)getegid());
	if (!write_text(path, map))
		return false;
	snprintf(path, sizeof path, "/proc/%ld/uid_map", pid);
	snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
	return write_text(path, map);
}

/* As root, or as an ordinary user in a user namespace of his own. */
static long make_outer(struct live_world *w)
{
	long pid = puppet_make_outer(w->shared, 0, &w->pidfd);

	if (pid != -EPERM)
		return pid;
	pid = puppet_make_outer(w->shared, CLONE_NEWUSER, &w->pidfd);
	if (pid > 0 && !map_root(pid)) {
		end_outer(w);
		return -EPERM;
	}
	return pid;
}

static int live_open(void **world, char why[128])
{
	struct live_world *w = calloc(1, sizeof *w);
	long pid;
	int err;

	if (!w)
		return -ENOMEM;
	w->shared_fd = w->proc_fd = w->exe_fd = w->pidfd = -1;
	err = proc_is_ours() ? share_memory(w) : -ENOENT;
	if (err) {
		snprintf(why, 128, "/proc is missing or another namespace's");
		free_world(w);
		return err;
	}
	pid = make_outer(w);
	if (pid < 0) {
		snprintf(why, 128, "%s",
			 pid == -EPERM ? "needs CAP_SYS_ADMIN or user namespaces"
				       : "clone3 does not make PID namespaces here");
		free_world(w);
		return (int)pid;
	}
	err = meet_outer(w);
	if (err) {
		snprintf(why, 128, "the first process of the new namespace cannot be read in /proc");
		end_outer(w);
		free_world(w);
		return err;
	}
	*world = w;
	return 0;
}

static int live_close(void *world)
{
	struct live_world *w = world;
	int err = end_outer(w);

	free_world(w);
	return err;
}

const struct case_backend case_live = { "live", live_open, live_step, live_close };
