/* SPDX-License-Identifier: MIT */
/*
 * states.c: what one process of a tree says of itself, checked without looking at any other.
 *
 * Owns:    the tables of signals that stop, that dump core and that cannot kill.
 * Keeps:   (P1) numbers are 1..TREE_NUMBER_MAX, at most TREE_LEVEL_MAX of them, and 1 is innermost only: a
 *               namespace's number 1 lives in it and not deeper, and is its first thread;
 *          (P2) what only zombies have (a status) only zombies have, and likewise for stopped ones.
 */
#include "tree/internal.h"

#include <errno.h>
#include <signal.h>

static uint64_t bit(int signo)
{
	return (uint64_t)1 << (signo - 1);
}

static bool signal_stops(int signo)
{
	return (bit(signo) & (bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU))) != 0;
}

static bool signal_kills(int signo)
{
	uint64_t ignored = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH);
	return !signal_stops(signo) && (bit(signo) & ignored) == 0;
}

static bool signal_dumps(int signo)
{
	uint64_t dumps = bit(SIGQUIT) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGABRT) | bit(SIGBUS) |
			 bit(SIGFPE) | bit(SIGSEGV) | bit(SIGXCPU) | bit(SIGXFSZ) | bit(SIGSYS);
	return (bit(signo) & dumps) != 0;
}

/* A namespace's init dies by KILL from outside, by a fault of its own, or as HUP and INT after its reboot(2);
 * all other signals whose action would be to kill are discarded. */
static bool signal_kills_init(int signo)
{
	uint64_t kills = bit(SIGKILL) | bit(SIGHUP) | bit(SIGINT) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGBUS) |
			 bit(SIGFPE) | bit(SIGSEGV) | bit(SIGSYS);
	return (bit(signo) & kills) != 0;
}

bool tree__is_init(const struct tree_process *p)
{
	return p->nspid[p->levels - 1] == 1;
}

static bool number_is_valid(int32_t n)
{
	return n >= 1 && n <= TREE_NUMBER_MAX;
}

int tree__check_numbers(const int32_t *nspid, unsigned levels, const struct tree_place *at,
			struct tree_error *err)
{
	if (levels < 1 || levels > TREE_LEVEL_MAX)
		return tree_fail_at(err, -EINVAL, at, "%u numbers; a process has 1 to %d, one per level",
				    levels, TREE_LEVEL_MAX);
	for (unsigned i = 0; i < levels; i++) {
		if (!number_is_valid(nspid[i]))
			return tree_fail_at(err, -EINVAL, at, "%d at level %u is no number from 1 to %d",
					    (int)nspid[i], i, TREE_NUMBER_MAX);
		if (nspid[i] == 1 && i + 1 < levels)
			return tree_fail_at(
				err, -EINVAL, at,
				"number 1 at level %u is that namespace's init, which lives in no deeper one",
				i);
	}
	return 0;
}

static int check_reference(const struct tree *t, const struct tree_process *p, int32_t n, const char *field,
			   struct tree_error *err)
{
	if (n == 0 || number_is_valid(n))
		return 0;
	struct tree_place at = tree__at_process(t, p, field);
	return tree_fail_at(err, -EINVAL, &at, "%d is no number from 0 to %d", (int)n, TREE_NUMBER_MAX);
}

static int check_thread(const struct tree *t, const struct tree_process *p, uint32_t i,
			struct tree_error *err)
{
	const int32_t *nspid = p->threads[i].nspid;
	struct tree_place at = tree__at_process(t, p, "threads");
	int r = tree__check_numbers(nspid, p->levels, &at, err);
	if (r < 0)
		return r;
	for (unsigned level = 0; i == 0 && level < p->levels; level++)
		if (nspid[level] != p->nspid[level])
			return tree_fail_at(
				err, -EINVAL, &at,
				"the first is not the leader: number %d at level %u, and its nspid says %d",
				(int)nspid[level], level, (int)p->nspid[level]);
	if (i > 0 && nspid[p->levels - 1] == 1)
		return tree_fail_at(err, -EINVAL, &at, "number 1 is an init's leader, never another thread");
	return 0;
}

static int check_threads(const struct tree *t, const struct tree_process *p, struct tree_error *err)
{
	struct tree_place at = tree__at_process(t, p, "threads");
	if (p->state == TREE_ZOMBIE && p->threads_len > 1)
		return tree_fail_at(err, -EINVAL, &at, "%u threads, but a zombie's other threads are gone",
				    p->threads_len);
	at.field = "leader_dead";
	if (p->leader_dead && p->state == TREE_ZOMBIE)
		return tree_fail_at(
			err, -EINVAL, &at,
			"a zombie is dead as a whole; this is for a leader that other threads outlive");
	if (p->leader_dead && p->threads_len < 2)
		return tree_fail_at(err, -EINVAL, &at, "no other thread is left to keep the process alive");
	int r = 0;
	for (uint32_t i = 0; i < p->threads_len && r == 0; i++)
		r = check_thread(t, p, i, err);
	return r;
}

static int check_exit_signal(const struct tree *t, const struct tree_process *p, struct tree_error *err)
{
	struct tree_place at = tree__at_process(t, p, "exit_signal");
	int signo = p->exit_signal;
	if (signo < 1 || signo > 64)
		return tree_fail_at(err, -EINVAL, &at, "%d is no signal from 1 to 64", signo);
	if (!signal_kills(signo))
		return tree_fail_at(err, -EINVAL, &at, "signal %d never kills", signo);
	if (tree__is_init(p) && !signal_kills_init(signo))
		return tree_fail_at(err, -EINVAL, &at, "signal %d does not kill a namespace's init", signo);
	at.field = "core_dumped";
	if (p->core_dumped == 1 && !signal_dumps(signo))
		return tree_fail_at(err, -EINVAL, &at, "signal %d never dumps core", signo);
	return 0;
}

static int check_exit(const struct tree *t, const struct tree_process *p, struct tree_error *err)
{
	bool has_code = p->exit_code != TREE_ABSENT, has_signal = p->exit_signal != TREE_ABSENT;
	const char *first = has_code ? "exit_code" : has_signal ? "exit_signal" : "core_dumped";
	struct tree_place at = tree__at_process(t, p, first);
	if (p->state != TREE_ZOMBIE && (has_code || has_signal || p->core_dumped != TREE_ABSENT))
		return tree_fail_at(err, -EINVAL, &at, "only a zombie has one");
	if (has_code && (p->exit_code < 0 || p->exit_code > 255))
		return tree_fail_at(err, -EINVAL, &at, "%d is no exit code from 0 to 255", p->exit_code);
	if (has_code && has_signal)
		return tree_fail_at(err, -EINVAL, &at, "a zombie has exit_code or exit_signal, not both");
	if (!has_signal && p->core_dumped != TREE_ABSENT) {
		at.field = "core_dumped";
		return tree_fail_at(err, -EINVAL, &at, "goes with exit_signal only");
	}
	return has_signal ? check_exit_signal(t, p, err) : 0;
}

static int check_stop(const struct tree *t, const struct tree_process *p, struct tree_error *err)
{
	struct tree_place at = tree__at_process(t, p, "stop_signal");
	int signo = p->stop_signal;
	if (signo == TREE_ABSENT)
		return 0;
	if (p->state != TREE_STOPPED)
		return tree_fail_at(err, -EINVAL, &at, "only a stopped process has one");
	if (signo < 1 || signo > 64 || !signal_stops(signo))
		return tree_fail_at(err, -EINVAL, &at, "signal %d does not stop; %d, %d, %d and %d do", signo,
				    SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU);
	if (signo != SIGSTOP && tree__is_init(p))
		return tree_fail_at(err, -EINVAL, &at,
				    "only SIGSTOP (%d), sent from outside, stops a namespace's init",
				    SIGSTOP);
	return 0;
}

static int check_rest(const struct tree *t, const struct tree_process *p, struct tree_error *err)
{
	struct tree_place at = tree__at_process(t, p, "notify_signal");
	if (p->notify_signal != TREE_ABSENT && (p->notify_signal < 0 || p->notify_signal > 64))
		return tree_fail_at(err, -EINVAL, &at, "%d is no signal from 0 (none) to 64",
				    p->notify_signal);
	at.field = "children_ns";
	if (p->state == TREE_ZOMBIE && p->children_ns_label.bytes)
		return tree_fail_at(err, -EINVAL, &at, "a zombie will have no children");
	at.field = "ppid";
	if (p->ppid == p->nspid[0])
		return tree_fail_at(err, -EINVAL, &at, "%d is its own parent", (int)p->ppid);
	if (p->nspid[0] == 1 && p->ppid != 0)
		return tree_fail_at(err, -EINVAL, &at,
				    "%d, but number 1 is the init of level 0, whose parent is outside (0)",
				    (int)p->ppid);
	return 0;
}

int tree__check_process_alone(const struct tree *t, const struct tree_process *p, struct tree_error *err)
{
	struct tree_place at = tree__at_process(t, p, "nspid");
	int r = tree__check_numbers(p->nspid, p->levels, &at, err);
	if (r == 0)
		r = check_reference(t, p, p->ppid, "ppid", err);
	if (r == 0)
		r = check_reference(t, p, p->pgid, "pgid", err);
	if (r == 0)
		r = check_reference(t, p, p->sid, "sid", err);
	if (r == 0)
		r = check_threads(t, p, err);
	if (r == 0)
		r = check_exit(t, p, err);
	if (r == 0)
		r = check_stop(t, p, err);
	return r == 0 ? check_rest(t, p, err) : r;
}
