/* SPDX-License-Identifier: MIT */
/*
 * puppet_clone.c: how a puppet makes another task, by clone3 with any record a row may ask for, and by clone.
 *
 * Keeps: (L1) a row's flags are passed on exactly, except that `flags=THREAD` means a thread that works (VM and
 *             SIGHAND added; `bare_flags` adds nothing) and that each child gets its slot's stack, which a row
 *             can only see where it gives a stack of its own;
 *        (L2) the exit signal is CHLD unless the row says otherwise or the flags forbid one.
 */
#include "puppet.h"

#include "libsettid/sys.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, RECORD_PAGES = 2 };

#if defined(__x86_64__)
long puppet_raw_clone3(void *record, unsigned long size, void (*entry)(void))
{
	register void (*fn)(void) __asm__("r8") = entry;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%%r8\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(ret)
			 : "a"((long)SYS_clone3), "D"(record), "S"(size), "r"(fn)
			 : "rcx", "r11", "memory");
	return ret;
}

static long raw_clone(unsigned long flags, void *top, void *parent_tid, void *child_tid, void (*entry)(void))
{
	register void *ctid __asm__("r10") = child_tid;
	register long tls __asm__("r8") = 0;
	register void (*fn)(void) __asm__("r9") = entry;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%%r9\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(ret)
			 : "a"((long)SYS_clone), "D"(flags), "S"(top), "d"(parent_tid), "r"(ctid), "r"(tls),
			   "r"(fn)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
long puppet_raw_clone3(void *record, unsigned long size, void (*entry)(void))
{
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)record;
	register unsigned long x1 __asm__("x1") = size;
	register void (*fn)(void) __asm__("x9") = entry;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "blr x9\n\t"
			 "brk 1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(fn)
			 : "memory");
	return x0;
}

static long raw_clone(unsigned long flags, void *top, void *parent_tid, void *child_tid, void (*entry)(void))
{
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register void *x1 __asm__("x1") = top;
	register void *x2 __asm__("x2") = parent_tid;
	register long x3 __asm__("x3") = 0;
	register void *x4 __asm__("x4") = child_tid;
	register void (*fn)(void) __asm__("x9") = entry;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "blr x9\n\t"
			 "brk 1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(fn)
			 : "memory");
	return x0;
}
#endif

static uint64_t flags_of(const struct op *op)
{
	uint64_t flags = (uint64_t)op->arg[KEY_FLAGS] | (uint64_t)op->arg[KEY_BARE_FLAGS];

	if ((uint64_t)op->arg[KEY_FLAGS] & CLONE_THREAD)
		flags |= CLONE_VM | CLONE_SIGHAND;
	return flags;
}

static uint64_t exit_signal_of(const struct op *op, uint64_t flags)
{
	if (op_has(op, KEY_EXIT_SIGNAL))
		return (uint64_t)op->arg[KEY_EXIT_SIGNAL];
	return flags & (CLONE_THREAD | CLONE_PARENT) ? 0 : SIGCHLD;
}

static uint64_t address(int64_t at, const void *normal)
{
	switch (at) {
	case AT_NULL:
		return 0;
	case AT_UNREADABLE:
		return (uint64_t)(uintptr_t)puppet_unreadable();
	default:
		return (uint64_t)(uintptr_t)normal;
	}
}

static void set_numbers(struct clone_args *args, const struct op *op)
{
	if (op_has(op, KEY_SET_TID) || op_has(op, KEY_SET_TID_AT))
		args->set_tid = address(op->arg[KEY_SET_TID_AT], op->set_tid);
	args->set_tid_size =
		op_has(op, KEY_SET_TID_SIZE) ? (uint64_t)op->arg[KEY_SET_TID_SIZE] : op->set_tid_len;
}

static void set_words(struct clone_args *args, struct puppet_slot *self, const struct op *op)
{
	struct puppet_slot *child = self - op->actor + op->child;

	self->parent_word = child->child_word = self->pidfd_word = 0;
	args->parent_tid = (uint64_t)(uintptr_t)&self->parent_word;
	args->child_tid = (uint64_t)(uintptr_t)&child->child_word;
	args->pidfd = op->arg[KEY_PIDFD] == AT_PARENT_TID ? args->parent_tid
							  : address(op->arg[KEY_PIDFD], &self->pidfd_word);
}

static void set_stack(struct clone_args *args, const struct op *op, char *stack)
{
	bool given = op_has(op, KEY_STACK) || op_has(op, KEY_STACK_SIZE);

	args->stack = given ? (uint64_t)op->arg[KEY_STACK] : (uint64_t)(uintptr_t)stack;
	args->stack_size = given ? (uint64_t)op->arg[KEY_STACK_SIZE] : PUPPET_STACK;
}

/* Two pages, the second unreadable if the record shall end at its edge.  A task's own, made when first needed. */
static char *record_pages(void)
{
	long at = SYS6(SYS_mmap, 0, RECORD_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return at < 0 ? NULL : (char *)at; /* NOLINT(performance-no-int-to-ptr): mmap's answer */
}

/* record=page_end: the 88 known bytes end where memory does, whatever size says. */
static long clone3_of_shape(const struct clone_args *args, const struct op *op, void (*entry)(void))
{
	unsigned long size = op_has(op, KEY_SIZE) ? (unsigned long)op->arg[KEY_SIZE] : sizeof *args;
	char *pages = record_pages();
	char *record = op->arg[KEY_RECORD] == AT_PAGE_END ? pages + PAGE - sizeof *args : pages;
	long ret;

	if (!pages)
		return -ENOMEM;
	memcpy(record, args, sizeof *args);
	if (op_has(op, KEY_GARBAGE))
		((struct clone_args *)record)->set_tid_size = (uint64_t)op->arg[KEY_GARBAGE];
	if (op_has(op, KEY_LAST_BYTE))
		record[size - 1] = (char)op->arg[KEY_LAST_BYTE];
	if (op->arg[KEY_RECORD] == AT_PAGE_END)
		SYS3(SYS_mprotect, pages + PAGE, PAGE, PROT_NONE);
	ret = puppet_raw_clone3(op->arg[KEY_RECORD] == AT_NULL && op_has(op, KEY_RECORD) ? NULL : record,
				size, entry);
	SYS2(SYS_munmap, pages, RECORD_PAGES * PAGE);
	return ret;
}

long puppet_clone(struct puppet_slot *self, const struct op *op, char *stack, void (*entry)(void))
{
	struct clone_args args = { .flags = flags_of(op) };

	args.exit_signal = exit_signal_of(op, args.flags);
	args.cgroup = (uint64_t)op->arg[KEY_CGROUP];
	set_words(&args, self, op);
	if (op->code == OP_CLONE)
		return raw_clone(args.flags | args.exit_signal, stack + PUPPET_STACK, &self->parent_word,
				 &(self - op->actor + op->child)->child_word, entry);
	set_numbers(&args, op);
	set_stack(&args, op, stack);
	if (op_has(op, KEY_SIZE) || op_has(op, KEY_RECORD) || op_has(op, KEY_GARBAGE))
		return clone3_of_shape(&args, op, entry);
	return puppet_raw_clone3(&args, sizeof args, entry);
}
