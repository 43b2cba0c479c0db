/* SPDX-License-Identifier: MIT */
/*
 * engine_birth.c: the birth of one process or thread with its numbers, by clone3 or by ns_last_pid.
 *
 * Costs:   a plain process is two system calls: its creator's clone3 and its own futex wait.
 */
#include "engine_internal.h"

#include "libsettid/sys_clone.h"

#include <errno.h>
#include <linux/wait.h>
#include <sched.h>
#include <time.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

/* The top of an actor's slot holds its context, the stack grows down from there. */
struct ctx *engine_slot_of(struct engine *e, uint32_t actor)
{
	char *top = e->stacks + (size_t)(actor + 1) * ENGINE_STACK;

	return (struct ctx *)(void *)(top - 16);
}

struct ctx *engine_slot(struct engine *e, uint32_t actor)
{
	struct ctx *c = engine_slot_of(e, actor);

	c->e = e;
	c->actor = actor;
	c->leash = ENGINE_FREE;
	return c;
}

/*
 * Whoever has numbers at as many levels as the tree sees `of` under the number of its own level; the guard in a namespace
 * of the tree, under that of level 0.  Outside, the guard knows those that it made.
 */
long engine_number(const struct engine *e, uint32_t by, uint32_t of)
{
	const struct plan_actor *a = &e->actors[of], *b = &e->actors[by];

	if (b->numbers_len && a->numbers_len >= b->numbers_len)
		return e->numbers[a->numbers + a->numbers_len - b->numbers_len];
	if (!b->numbers_len && !e->has_init)
		return e->numbers[a->numbers + a->numbers_len - 1u];
	return e->pids[of];
}

static void set_up_clone(struct engine *e, struct sys_clone_args *args, uint32_t actor, uint64_t flags)
{
	const struct plan_actor *a = &e->actors[actor];

	/* the kernel itself notes the child's number, so that a creator who is killed at once has done so, and clears
	 * `alive` when that child is gone */
	args->flags = flags | CLONE_CHILD_CLEARTID | (e->last_pid_fd < 0 ? CLONE_PARENT_SETTID : 0);
	args->child_tid = (uint64_t)(uintptr_t)&e->alive[actor];
	args->parent_tid = e->last_pid_fd < 0 ? (uint64_t)(uintptr_t)&e->pids[actor] : 0;
	args->pidfd = args->tls = 0;
	e->alive[actor] = 1;
	args->exit_signal = a->kind == PLAN_KIND_THREAD || a->flags & PLAN_SIBLING ? 0 : a->notify;
	args->stack = (uint64_t)(uintptr_t)(e->stacks + (size_t)actor * ENGINE_STACK);
	args->stack_size = ENGINE_STACK - 16;
	args->set_tid =
		a->numbers_len && e->last_pid_fd < 0 ? (uint64_t)(uintptr_t)(e->numbers + a->numbers) : 0;
	args->set_tid_size = args->set_tid ? a->numbers_len : 0;
	args->cgroup = 0;
}

/* Writes number - 1 to ns_last_pid: the next one handed out is `number`. */
static long write_last_pid(struct engine *e, int32_t number)
{
	char text[12];
	char *end = text + sizeof text, *at = engine_decimal((uint32_t)(number - 1), end);

	return SYS4(SYS_pwrite64, e->last_pid_fd, at, end - at, 0);
}

static void lock(uint32_t *word)
{
	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
		futex_wait(word, 1);
}

static long unlock(uint32_t *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
	return SYS3(SYS_futex, word, FUTEX_WAKE, 1);
}

#define LAST_PID_TRIES 64
#define LAST_PID_AT_ONCE 8 /* after that a thief is given a millisecond to end */

static void wait_for_thief(int tries)
{
	struct timespec pause = { 0, 1000000 };

	if (tries >= LAST_PID_AT_ONCE)
		SYS2(SYS_nanosleep, &pause, 0);
}

/*
 * ns_last_pid: write, clone, look.  Who has the wrong number leaves before its first step (engine_run() compares
 * too) and is waited for.
 */
static long birth_last_pid(struct engine *e, uint32_t actor, struct sys_clone_args *args, struct ctx *slot)
{
	int32_t want = e->numbers[e->actors[actor].numbers];
	long r = -EBUSY, woken;

	lock(&e->birth_lock);
	for (int tries = 0; tries < LAST_PID_TRIES; tries++) {
		wait_for_thief(tries);
		r = args->flags & CLONE_NEWPID ? 0 : write_last_pid(e, want);
		if (r < 0)
			break;
		e->alive[actor] = 1;
		r = sys_clone_legacy_on_stack(args, engine_run, slot);
		if (r < 0 || r == want || (args->flags & CLONE_NEWPID))
			break;
		if (!(args->flags & CLONE_THREAD))
			SYS4(SYS_wait4, r, 0, __WALL, 0);
		else
			engine_wait_gone(e, actor);
		if (args->flags & CLONE_PIDFD)
			SYS1(SYS_close, *(int32_t *)(uintptr_t)args->pidfd);
		__atomic_add_fetch(&e->retries, 1, __ATOMIC_RELAXED);
		r = -EBUSY;
	}
	woken = unlock(&e->birth_lock);
	return r >= 0 && woken < 0 ? woken : r;
}

long engine_birth(struct ctx *c, uint32_t actor)
{
	struct engine *e = c->e;
	const struct plan_actor *a = &e->actors[actor];
	uint64_t flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND;
	struct ctx *slot = engine_slot(e, actor);
	struct sys_clone_args args;
	long r;

	if (a->kind == PLAN_KIND_THREAD)
		flags |= CLONE_THREAD | CLONE_SYSVSEM;
	if (a->flags & PLAN_OWN_MEMORY)
		flags = 0;
	/* a dying init sets SIGCHLD to ignore in its table of handlers: nobody else may share that */
	if (a->flags & PLAN_NEWPID)
		flags = (flags & ~(uint64_t)CLONE_SIGHAND) | CLONE_NEWPID;
	if (a->flags & PLAN_SIBLING)
		flags |= CLONE_PARENT;
	slot->leash = engine_leash(e, c->actor, actor);
	set_up_clone(e, &args, actor, flags);
	if (!e->first_ns)
		e->first_ns = engine_now();
	if (actor == e->first) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uint64_t)(uintptr_t)&e->first_pidfd;
	}
	engine_leash_pause(c);
	r = e->last_pid_fd >= 0 ? birth_last_pid(e, actor, &args, slot)
				: sys_clone_on_stack(&args, engine_run, slot);
	engine_leash_resume(c);
	if (r > 0)
		__atomic_store_n(&e->pids[actor], (int32_t)r, __ATOMIC_RELEASE);
	return r < 0 ? r : 0;
}
