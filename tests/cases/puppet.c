/* SPDX-License-Identifier: MIT */
/*
 * puppet.c: the life of a puppet: start, wait for a command, answer, exec and start again.
 *
 * Owns:  the stacks on which puppets run.  They lie in private memory, one per slot, so a forked puppet has its
 *        own copy and a thread has its own stack; the address on the stack tells a task its slot.
 * Keeps: (T1) no libc call that uses errno or TLS: threads made by raw clone3 share their maker's TLS;
 *        (T2) a puppet never returns from its loop.
 */
#include "puppet.h"

#include "libsettid/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* Per process image, not per test: a forked puppet needs them before it can be told anything. */
static struct puppet_shared *shared_memory;
static char *stacks;
static int image_slot = -1; /* the slot of the task on this image's first stack, after exec */

static void wake_driver(void)
{
	atomic_fetch_add(&shared_memory->events, 1);
	SYS6(SYS_futex, &shared_memory->events, FUTEX_WAKE, 1, 0, 0, 0);
}

struct puppet_slot *puppet_self(void)
{
	char here;
	long offset = (long)(&here - stacks);

	if (offset >= 0 && offset < (long)CASE_TASKS * PUPPET_STACK)
		return &shared_memory->slot[offset / PUPPET_STACK];
	return image_slot >= 0 ? &shared_memory->slot[image_slot] : NULL;
}

/* The last page of the stacks' mapping. */
void *puppet_unreadable(void)
{
	return stacks + (long)CASE_TASKS * PUPPET_STACK;
}

static int map_stacks(void)
{
	size_t size = (size_t)CASE_TASKS * PUPPET_STACK;
	long at = SYS6(SYS_mmap, 0, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at < 0)
		return (int)at;
	stacks = (char *)at; /* NOLINT(performance-no-int-to-ptr): mmap's answer */
	return (int)SYS3(SYS_mprotect, stacks + size, 4096, PROT_NONE);
}

static void announce(struct puppet_slot *self, uint32_t ready)
{
	long n = SYS4(SYS_readlinkat, shared_memory->proc_fd, "thread-self", self->self, PUPPET_LINK - 1);

	self->self[n > 0 ? n : 0] = '\0';
	atomic_store(&self->ready, ready);
	wake_driver();
}

static void exec_self(struct puppet_slot *self, struct op_answer *answer)
{
	char number[16], fd[16], *argv[] = { "puppet", PUPPET_ARGUMENT, fd, number, NULL },
				 *envp[] = { NULL };
	long values[] = { shared_memory->shared_fd, self - shared_memory->slot };
	char *texts[] = { fd, number };

	for (int i = 0; i < 2; i++) {
		int at = 15;

		texts[i][at] = '\0';
		do
			texts[i][--at] = (char)('0' + values[i] % 10);
		while ((values[i] /= 10) > 0);
		memmove(texts[i], texts[i] + at, (size_t)(16 - at));
	}
	answer->kind = ANSWER_ERROR;
	answer->err = (int32_t)-SYS5(SYS_execveat, shared_memory->exe_fd, "", argv, envp, AT_EMPTY_PATH);
}

static void run_puppet(struct puppet_slot *self);

/* Where every new task begins. */
static void begin(void)
{
	struct puppet_slot *self = puppet_self();

	announce(self, 1);
	run_puppet(self);
}

static void obey(struct puppet_slot *self)
{
	const struct op *op = &self->op;
	struct op_answer *answer = &self->answer;

	memset(answer, 0, sizeof *answer);
	if (op->code == OP_EXEC) {
		exec_self(self, answer);
	} else if (op->code == OP_CLONE3 || op->code == OP_CLONE || op->code == OP_FORK) {
		long ret = puppet_clone(self, op, stacks + (long)op->child * PUPPET_STACK, begin);

		answer->kind = ret < 0 ? ANSWER_ERROR : ANSWER_OK;
		answer->err = ret < 0 ? (int32_t)-ret : 0;
		answer->field[FIELD_RET] = ret;
		answer->field[FIELD_PARENT_TID] = (int32_t)self->parent_word;
		answer->field[FIELD_PIDFD] = (int32_t)self->pidfd_word;
	} else {
		puppet_perform(shared_memory, op, answer);
	}
}

static void run_puppet(struct puppet_slot *self)
{
	for (;;) {
		uint32_t done = atomic_load(&self->done);

		while (atomic_load(&self->go) == done)
			SYS6(SYS_futex, &self->go, FUTEX_WAIT, done, 0, 0, 0);
		obey(self);
		atomic_store(&self->done, done + 1);
		wake_driver();
	}
}

/* The driver's handlers, ignored and blocked signals are not the rows': a test runner handles SEGV, nohup ignores HUP. */
static void forget_signals(void)
{
	unsigned long fresh[4] = { 0, 0, 0,
				   0 }; /* the kernel's sigaction: default action; also an empty mask */

	for (int sig = 1; sig < PUPPET_SIGNALS; sig++)
		SYS4(SYS_rt_sigaction, sig, fresh, NULL, 8);
	SYS4(SYS_rt_sigprocmask, SIG_SETMASK, fresh, NULL, 8);
}

static void begin_outer(void)
{
	forget_signals();
	SYS5(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	begin();
}

long puppet_make_outer(struct puppet_shared *shared, uint64_t flags, int *pidfd)
{
	struct clone_args args = { .flags = flags | CLONE_NEWPID | CLONE_PIDFD, .exit_signal = SIGCHLD };

	shared_memory = shared;
	if (!stacks && map_stacks() < 0)
		return -ENOMEM;
	args.pidfd = (uint64_t)(uintptr_t)pidfd;
	args.stack = (uint64_t)(uintptr_t)(stacks + (long)CASE_OUTER * PUPPET_STACK);
	args.stack_size = PUPPET_STACK;
	return puppet_raw_clone3(&args, sizeof args, begin_outer);
}

/* argv: program, PUPPET_ARGUMENT, the shared memory's descriptor, the slot. */
int puppet_main(char **argv)
{
	int fd = atoi(argv[2]);
	long at = SYS6(SYS_mmap, 0, sizeof *shared_memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct puppet_slot *self;

	if (at < 0)
		return 1;
	shared_memory = (struct puppet_shared *)at; /* NOLINT(performance-no-int-to-ptr): mmap's answer */
	image_slot = atoi(argv[3]);
	self = &shared_memory->slot[image_slot];
	if (map_stacks() < 0)
		return 1;
	announce(self, 2);
	memset(&self->answer, 0, sizeof self->answer);
	atomic_store(&self->done, atomic_load(&self->go));
	wake_driver();
	run_puppet(self);
	return 1;
}
