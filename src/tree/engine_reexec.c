/* SPDX-License-Identifier: MIT */
/*
 * engine_reexec.c: a placeholder executes itself, and goes on with its list: nothing but an execve makes the exit signal
 * of a process that keeps its parent SIGCHLD (R5.21).
 *
 * What it executes is a copy of the program's own pages, at their addresses (restore_image.c), which lies in one memfd
 * with the mapping behind struct engine.  So the new program finds the same code, and maps the same plan at the same
 * place.  What execve takes away is put down in struct engine_reexec before, and had again afterwards: the mapping, the
 * name, the word that the kernel clears, handler and stack of an orphan, and rights that a user other than root would
 * lose.  It has memory and descriptors of its own from then on, and shares both with whomever it makes.
 *
 * Keeps:   (X1) G2 also where the mapping cannot be had again: the failure is written through the descriptor;
 *          (X2) whoever is to die with it has asked for that before it goes: while it is away nobody can tell whether
 *               it lives.
 */
#include "engine_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

const volatile struct engine_home engine_home;

/* ------------------------------------------------------------------------------------ descriptors -- */

static long change_cloexec(int32_t fd, bool set)
{
	return fd >= 0 ? SYS3(SYS_fcntl, fd, F_SETFD, set ? FD_CLOEXEC : 0) : 0;
}

/* All that a placeholder may need; those of others that it never had a copy of are EBADF and not missed. */
static long set_cloexec(const struct engine *e, bool set)
{
	const int32_t own[] = { e->image_fd, e->event_fd, e->bell_fd, e->core_fd, e->last_pid_fd };
	long r = 0;

	for (unsigned k = 0; r == 0 && k < sizeof own / sizeof *own; k++)
		r = change_cloexec(own[k], set);
	for (uint32_t k = 0; k < e->fds_len; k++)
		if (change_cloexec(e->fds[k], set) < 0)
			continue;
	return r;
}

/* ------------------------------------------------------------------------------------------ rights -- */

static const struct __user_cap_header_struct me = { _LINUX_CAPABILITY_VERSION_3, 0 };

static uint64_t permitted(const struct __user_cap_data_struct caps[2])
{
	return caps[0].permitted | (uint64_t)caps[1].permitted << 32;
}

static long get_rights(struct __user_cap_data_struct caps[2])
{
	return SYS2(SYS_capget, &me, caps);
}

static void copy_rights(uint32_t *to, const uint32_t *from)
{
	for (int k = 0; k < 6; k++)
		to[k] = from[k];
}

static long ambient(int what, unsigned cap)
{
	return SYS5(SYS_prctl, PR_CAP_AMBIENT, what, cap, 0, 0);
}

/* Root has them again by itself.  What may not be raised is not: whoever needs it afterwards says so. */
static long keep_rights(struct engine_reexec *x)
{
	struct __user_cap_data_struct caps[2];
	long r = get_rights(caps);

	x->raised = 0;
	if (r < 0)
		return r;
	copy_rights(x->rights, &caps[0].effective);
	if (SYS0(SYS_geteuid) == 0)
		return 0;
	for (int k = 0; k < 2; k++)
		caps[k].inheritable |= caps[k].permitted;
	r = SYS2(SYS_capset, &me, caps);
	for (unsigned cap = 0; r == 0 && cap < 64; cap++)
		if (permitted(caps) >> cap & 1 && ambient(PR_CAP_AMBIENT_IS_SET, cap) == 0 &&
		    ambient(PR_CAP_AMBIENT_RAISE, cap) == 0)
			x->raised |= (uint64_t)1 << cap;
	return r;
}

/* No program that it starts later inherits more than before. */
static long rights_back(const struct engine_reexec *x)
{
	struct __user_cap_data_struct caps[2], now[2];
	long r = get_rights(now);

	if (r < 0)
		return r;
	for (unsigned cap = 0; cap < 64; cap++)
		if (x->raised >> cap & 1)
			ambient(PR_CAP_AMBIENT_LOWER, cap);
	copy_rights(&caps[0].effective, x->rights);
	for (int k = 0; k < 2; k++) { /* what it could not take along is gone */
		caps[k].permitted &= now[k].permitted;
		caps[k].effective &= now[k].permitted;
	}
	return SYS2(SYS_capset, &me, caps);
}

/* -------------------------------------------------------------------------------------------- away -- */

static long execve_self(struct engine *e, struct engine_reexec *x, uint32_t k)
{
	char number[12];
	char *argv[3];
	long r;

	number[sizeof number - 1] = '\0';
	argv[0] = x->name;
	argv[1] = engine_decimal(k, number + sizeof number - 1);
	argv[2] = 0;
	__atomic_store_n(&x->away, 1, __ATOMIC_SEQ_CST);
	r = SYS5(SYS_execveat, e->image_fd, "", argv, 0, AT_EMPTY_PATH);
	__atomic_store_n(&x->away, 0, __ATOMIC_SEQ_CST);
	return r;
}

long engine_reexec(struct ctx *c, const struct plan_step *s)
{
	struct engine *e = c->e;
	struct engine_reexec *x = &e->reexecs[s->a];
	long r;

	x->actor = c->actor;
	x->step = (uint32_t)(s - e->steps);
	engine_leash_ask_all(c, x->step - e->actors[c->actor].first_step);
	r = SYS2(SYS_prctl, PR_GET_NAME, x->name);
	if (r == 0)
		r = engine_leash_keep(c, x);
	if (r == 0)
		r = SYS1(SYS_unshare, CLONE_FILES); /* flags of descriptors are everybody's otherwise */
	if (r == 0)
		r = set_cloexec(e, false);
	if (r == 0)
		r = keep_rights(x);
	return r < 0 ? r : execve_self(e, x, s->a);
}

/* -------------------------------------------------------------------------------------------- back -- */

#if defined(__x86_64__)
__asm__(".text\n"
	".globl engine_entered\n"
	".hidden engine_entered\n"
	".type engine_entered, @function\n"
	"engine_entered:\n"
	"	xor	%ebp, %ebp\n"
	"	mov	%rsp, %rdi\n"
	"	and	$-16, %rsp\n"
	"	call	engine_back\n"
	"	hlt\n"
	".size engine_entered, . - engine_entered\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl engine_entered\n"
	".hidden engine_entered\n"
	".type engine_entered, %function\n"
	"engine_entered:\n"
	"	mov	x29, xzr\n"
	"	mov	x30, xzr\n"
	"	mov	x0, sp\n"
	"	bl	engine_back\n"
	"	brk	#1\n"
	".size engine_entered, . - engine_entered\n");
#endif

static uint32_t number_of(const char *digits)
{
	uint32_t n = 0;

	while (*digits)
		n = n * 10 + (uint32_t)(*digits++ - '0');
	return n;
}

/* Without the mapping: a word of the plan's, through the descriptor.  It is at `p` in the mapping. */
static long read_word(const void *p, void *to, size_t size)
{
	uint64_t at = (uint64_t)((uintptr_t)p - (uintptr_t)engine_home.at) + engine_home.offset;

	return SYS4(SYS_pread64, engine_home.fd, to, size, at);
}

static long write_word(const void *p, const void *from, size_t size)
{
	uint64_t at = (uint64_t)((uintptr_t)p - (uintptr_t)engine_home.at) + engine_home.offset;

	return SYS4(SYS_pwrite64, engine_home.fd, from, size, at);
}

/* engine_fail() where there is no mapping. */
static void fail_outside(uint32_t k, long code) __attribute__((noreturn));
static void fail_outside(uint32_t k, long code)
{
	const struct engine *e = engine_home.at;
	struct engine_reexec *all = 0, x;
	struct engine_failure f;
	char event = ENGINE_FAILED;
	int32_t fd = -1;

	f.claimed = 1;
	f.part = ENGINE_STEP;
	f.code = (int32_t)code;
	if (read_word(&e->reexecs, &all, sizeof all) > 0 && read_word(all + k, &x, sizeof x) > 0 &&
	    read_word(&e->event_fd, &fd, sizeof fd) > 0) {
		f.actor = x.actor;
		f.step = x.step;
		write_word(&e->failure, &f, sizeof f);
		SYS3(SYS_write, fd, &event, 1);
	}
	for (;;)
		SYS1(SYS_exit_group, 1);
}

/* All that execve took, but for the mapping. */
static long have_again(struct ctx *c, const struct engine_reexec *x)
{
	struct engine *e = c->e;
	long r;

	SYS3(SYS_madvise, engine_home.at, engine_home.size, MADV_DONTDUMP);
	__atomic_store_n(&e->alive[c->actor], 1, __ATOMIC_SEQ_CST);
	r = SYS1(SYS_set_tid_address, &e->alive[c->actor]);
	if (r > 0)
		r = set_cloexec(e, true);
	if (r == 0)
		r = rights_back(x);
	if (r == 0)
		r = SYS2(SYS_prctl, PR_SET_NAME, x->name);
	return r < 0 ? r : engine_leash_back(c, x);
}

void engine_back(long *stack) __attribute__((noreturn));
void engine_back(long *stack)
{
	/* argc, then argv */
	uint32_t k = number_of((const char *)stack[2]);
	struct engine *e = engine_home.at;
	struct engine_reexec *x;
	struct ctx *c;
	long r = SYS6(SYS_mmap, e, engine_home.size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_FIXED | MAP_NORESERVE, engine_home.fd, engine_home.offset);

	if (r < 0 && r > -4096)
		fail_outside(k, r);
	x = &e->reexecs[k];
	c = engine_slot_of(e, x->actor);
	r = have_again(c, x);
	__atomic_store_n(&x->away, 0, __ATOMIC_SEQ_CST);
	if (r < 0) {
		engine_fail(c, ENGINE_STEP, x->step, r);
		engine_sleep(e);
	}
	if (e->spans)
		e->spans[x->step].end_ns = engine_now();
	engine_go_on(c, x->step - e->actors[c->actor].first_step + 1);
}
