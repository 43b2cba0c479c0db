/* SPDX-License-Identifier: MIT */
/*
 * engine_leash.c: with whom each dies, should restorer and guard be killed at the same moment: the second line behind the
 * guard's pipe.
 *
 * A namespace that the engine made dies with its first process, and that with the guard.  Where there is none, each dies
 * with its parent: PR_SET_PDEATHSIG, and the word that the kernel clears at the parent's end for those that asked too late.
 * Whoever is born to a parent that ends before it, as planned, is an orphan to be: SIGKILL would end it at its
 * adoption.  The signal that it asks for has a handler, which looks at whether the guard is dead, too.
 *
 * Keeps:   (L1) the guard's own word is cleared before the first of its children gets a signal, and so before anybody
 *               whose parent's end comes of that: at each adoption an orphan to be knows if it is one that was planned;
 *          (L2) the handler runs on a stack of its own, which a child does not inherit: its signal is blocked wherever
 *               there is none, so while an orphan to be has children, and in everybody else.
 */
#include "engine_internal.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <ucontext.h>

/* By default it is ignored, so no process of a tree dies from it, nor stops. */
#define ADOPTED SIGURG

struct raw_sigaction {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

#if defined(__x86_64__)
#define SA_RESTORER 0x04000000
void engine_sigreturn(void);
__asm__(".text\n"
	".hidden engine_sigreturn\n"
	".type engine_sigreturn, @function\n"
	"engine_sigreturn:\n"
	"	mov	$15, %eax\n" /* rt_sigreturn */
	"	syscall\n"
	"	hlt\n"
	".size engine_sigreturn, . - engine_sigreturn\n");
#else
#define SA_RESTORER 0
#define engine_sigreturn ((void (*)(void))0) /* the kernel's own page has one */
#endif

static uint32_t last_step(const struct engine *e, uint32_t actor)
{
	const struct plan_actor *a = &e->actors[actor];

	return e->steps[a->first_step + a->steps_len - 1].op;
}

static bool ends_early(const struct engine *e, uint32_t actor)
{
	return last_step(e, actor) == PLAN_EXIT || last_step(e, actor) == PLAN_DIE;
}

/* Has it the handler? */
static bool is_orphan(int32_t leash)
{
	return leash == ENGINE_ORPHAN || leash == ENGINE_LEFT;
}

int32_t engine_leash(const struct engine *e, uint32_t creator, uint32_t actor)
{
	const struct plan_actor *a = &e->actors[actor];

	if (a->kind == PLAN_KIND_THREAD || (e->has_init && actor != 1))
		return ENGINE_FREE;
	if (a->flags & PLAN_SIBLING)
		return ENGINE_ORPHAN; /* its first parent's end is not known here */
	/* whoever a ghost or helper is born to buries it, however that ends itself */
	if (a->kind == PLAN_KIND_GHOST || a->kind == PLAN_KIND_HELPER)
		return (int32_t)creator;
	if (last_step(e, creator) == PLAN_EXIT_THREAD)
		return ENGINE_LEFT;
	return ends_early(e, creator) ? ENGINE_ORPHAN : (int32_t)creator;
}

uint32_t engine_orphans(const struct engine *e)
{
	uint32_t count = 0;

	for (uint32_t by = 0; by < e->actors_len; by++)
		for (uint32_t k = 0; k < e->actors[by].steps_len; k++) {
			const struct plan_step *s = &e->steps[e->actors[by].first_step + k];

			count += s->op == PLAN_CHILD && is_orphan(engine_leash(e, by, s->a));
		}
	return count;
}

static bool is_gone(const struct engine *e, uint32_t actor)
{
	return !__atomic_load_n(&e->alive[actor], __ATOMIC_ACQUIRE);
}

static void end(void) __attribute__((noreturn));
static void end(void)
{
	for (;;)
		SYS1(SYS_exit_group, 0);
}

/* Right above the stack that the handler runs on. */
struct orphan {
	struct engine *e;
	uint32_t adoptions; /* futex */
};
_Static_assert(sizeof(struct orphan) <= ENGINE_ORPHAN_TOP, "an orphan's stack has less above it");

static struct orphan *orphan_of(const stack_t *stack)
{
	return (struct orphan *)(void *)((char *)stack->ss_sp + stack->ss_size);
}

static void adopted(int sig, siginfo_t *info, void *context)
{
	struct orphan *o = orphan_of(&((const ucontext_t *)context)->uc_stack);

	(void)sig;
	if (is_gone(o->e, 0))
		end();
	if (info->si_code == SI_USER) /* a child's end may send the same signal */
		__atomic_add_fetch(&o->adoptions, 1, __ATOMIC_RELEASE);
}

long engine_leash_prepare(void)
{
	struct raw_sigaction act;

	act.handler = adopted;
	act.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_RESTORER;
	act.restorer = engine_sigreturn;
	act.mask = ~(uint64_t)0;
	return SYS4(SYS_rt_sigaction, ADOPTED, &act, 0, 8);
}

static void wait_until_asked(const struct engine *e, uint32_t actor)
{
	while (!__atomic_load_n(&e->listens[actor], __ATOMIC_ACQUIRE))
		futex_wait(&e->listens[actor], 0);
}

void engine_leash_ask_all(const struct ctx *c, uint32_t steps)
{
	const struct engine *e = c->e;

	for (uint32_t k = 0; k < steps; k++) {
		const struct plan_step *s = &e->steps[e->actors[c->actor].first_step + k];

		if (s->op == PLAN_CHILD && engine_leash(e, c->actor, s->a) == (int32_t)c->actor)
			wait_until_asked(e, s->a);
	}
}

static void mask_adopted(int how)
{
	uint64_t one = (uint64_t)1 << (ADOPTED - 1);

	SYS4(SYS_rt_sigprocmask, how, &one, 0, 8);
}

void engine_leash_pause(const struct ctx *c)
{
	if (is_orphan(c->leash))
		mask_adopted(SIG_BLOCK);
}

void engine_leash_resume(const struct ctx *c)
{
	if (is_orphan(c->leash))
		mask_adopted(SIG_UNBLOCK);
}

/* Each takes the next one of the stacks that were counted beforehand. */
static long take_stack(struct engine *e)
{
	uint32_t k = __atomic_fetch_add(&e->orphans, 1, __ATOMIC_RELAXED);
	char *at = e->orphan_stacks + (size_t)k * e->orphan_stack_size;
	stack_t stack;

	stack.ss_sp = at;
	stack.ss_flags = 0;
	stack.ss_size = e->orphan_stack_size - ENGINE_ORPHAN_TOP;
	orphan_of(&stack)->e = e;
	return SYS2(SYS_sigaltstack, &stack, 0);
}

static long die_if_orphaned(struct ctx *c)
{
	long r = SYS2(SYS_prctl, PR_SET_PDEATHSIG, ADOPTED);

	if (r == 0)
		r = take_stack(c->e);
	if (r == 0)
		engine_leash_resume(c);
	if (r == 0) {
		__atomic_store_n(&c->e->listens[c->actor], 1, __ATOMIC_RELEASE);
		r = engine_wake_all(&c->e->listens[c->actor]);
	}
	/* from here on each parent's end tells; of one before, the guard's has to be known by now (L1) */
	if (is_gone(c->e, 0))
		end();
	return r;
}

static long die_with_parent(const struct ctx *c)
{
	long r = SYS2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);

	if (is_gone(c->e, (uint32_t)c->leash))
		end(); /* it was gone before the signal was asked for */
	if (r == 0 && c->e->reexecs_len) {
		__atomic_store_n(&c->e->listens[c->actor], 1, __ATOMIC_RELEASE);
		r = engine_wake_all(&c->e->listens[c->actor]);
	}
	return r;
}

long engine_leash_born(struct ctx *c)
{
	if (c->leash == ENGINE_FREE)
		return 0;
	return is_orphan(c->leash) ? die_if_orphaned(c) : die_with_parent(c);
}

long engine_leash_adopted(struct ctx *c, uint32_t parent)
{
	bool was_orphan = is_orphan(c->leash);

	c->leash = (int32_t)parent;
	if (was_orphan)
		mask_adopted(SIG_BLOCK);
	return die_with_parent(c);
}

/*
 * Whoever is stopped hears of no other signal than SIGKILL, so it has that one asked for as long, though its parent's leader
 * thread is to end.  Here it has what it had at its birth again.
 */
long engine_leash_loosen(struct ctx *c)
{
	const struct engine *e = c->e;
	long r;

	c->leash = e->actors[c->actor].flags & PLAN_SIBLING ? ENGINE_ORPHAN : ENGINE_LEFT;
	r = SYS2(SYS_prctl, PR_SET_PDEATHSIG, ADOPTED);
	if (r == 0)
		engine_leash_resume(c);
	if (is_gone(e, 0))
		end();
	return r;
}

/* A leader thread that ends: its children have to hear of it, or would wait for that for ever. */
long engine_leash_part(struct ctx *c)
{
	struct engine *e = c->e;
	const struct plan_actor *a = &e->actors[c->actor];

	for (uint32_t k = 0; k < a->steps_len; k++) {
		const struct plan_step *s = &e->steps[a->first_step + k];

		if (s->op == PLAN_CHILD && engine_leash(e, c->actor, s->a) == ENGINE_LEFT)
			wait_until_asked(e, s->a);
	}
	return engine_leash_settle(c);
}

/* The last step of a child whose parent's leader thread ends and leaves it to another thread: that is no adoption that the
 * plan has a step for. */
long engine_leash_settle(struct ctx *c)
{
	struct orphan *o;
	stack_t stack;
	long r;

	if (c->leash != ENGINE_LEFT)
		return 0;
	r = SYS2(SYS_sigaltstack, 0, &stack);
	if (r < 0)
		return r;
	o = orphan_of(&stack);
	while (!__atomic_load_n(&o->adoptions, __ATOMIC_ACQUIRE))
		futex_wait(&o->adoptions, 0);
	return engine_leash_adopted(c, 0); /* whose end comes first, if its parent's comes now */
}

/* Its signal waits while it is away. */
long engine_leash_keep(const struct ctx *c, struct engine_reexec *x)
{
	stack_t stack;
	long r;

	if (!is_orphan(c->leash))
		return 0;
	mask_adopted(SIG_BLOCK);
	r = SYS2(SYS_sigaltstack, 0, &stack);
	x->stack_at = stack.ss_sp;
	x->stack_size = stack.ss_size;
	return r;
}

/* Its signal of old is still asked for, but the guard may have gone meanwhile. */
long engine_leash_back(struct ctx *c, const struct engine_reexec *x)
{
	stack_t stack;
	long r = c->e->subreaper ? engine_leash_prepare() : 0;

	if (r < 0 || c->leash == ENGINE_FREE)
		return r;
	if (!is_orphan(c->leash))
		return die_with_parent(c);
	stack.ss_sp = x->stack_at;
	stack.ss_flags = 0;
	stack.ss_size = x->stack_size;
	r = SYS2(SYS_prctl, PR_SET_PDEATHSIG, ADOPTED);
	if (r == 0)
		r = SYS2(SYS_sigaltstack, &stack, 0);
	if (r == 0)
		mask_adopted(SIG_UNBLOCK);
	if (is_gone(c->e, 0))
		end();
	return r;
}
