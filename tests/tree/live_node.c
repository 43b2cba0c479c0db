/* SPDX-License-Identifier: MIT */
/*
 * live_node.c: one process of a live tree.
 *
 * Keeps:   (L1) raw system calls only: a node is a copy of the test program, made behind libc's back;
 *          (L2) all signals are blocked and at their defaults, but for the one that a node is to die or stop of,
 *               so a child's exit signal never harms its parent.
 */
#include "live_node.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsettid/sys.h"
#include "settid.h"

enum { THREAD_STACK = 16384 };

int live_wait(uint32_t *word, uint32_t value, int ms)
{
	struct timespec limit = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value) {
		long r = SYS6(SYS_futex, word, FUTEX_WAIT, value, ms < 0 ? NULL : &limit, 0, 0);
		if (r == -ETIMEDOUT)
			return -ETIMEDOUT;
	}
	return 0;
}

void live_wake(uint32_t *word)
{
	SYS6(SYS_futex, word, FUTEX_WAKE, INT_MAX, 0, 0, 0);
}

static void block_signals(void)
{
	uint64_t all = ~(uint64_t)0;

	SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof all);
}

static void default_signals(void)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} plain = { 0 };

	for (int signal = 1; signal <= 64; signal++)
		SYS4(SYS_rt_sigaction, signal, &plain, 0, sizeof plain.mask);
}

/* Sends a signal to ourselves that arrives, if it arrives, before this returns. */
static void raise_now(int signal)
{
	uint64_t one = (uint64_t)1 << (signal - 1);

	SYS2(SYS_kill, SYS0(SYS_getpid), signal);
	SYS4(SYS_rt_sigprocmask, SIG_UNBLOCK, &one, 0, sizeof one);
	SYS4(SYS_rt_sigprocmask, SIG_BLOCK, &one, 0, sizeof one);
}

static int node_fork(struct live_shared *s, const struct live_box *box)
{
	uint32_t child = (uint32_t)box->a;
	int32_t number = box->d;
	struct settid_clone_args args = {
		.flags = (uint32_t)box->b,
		.exit_signal = (uint32_t)box->c,
		.set_tid = number ? (uintptr_t)&number : 0,
		.set_tid_size = number ? 1 : 0,
	};
	long pid = SYS2(SYS_clone3, &args, sizeof args);

	if (pid == -EEXIST || pid == -EPERM) { /* the number was a wish only */
		args.set_tid = args.set_tid_size = 0;
		pid = SYS2(SYS_clone3, &args, sizeof args);
	}
	if (pid == 0)
		live_node_run(s, child);
	return (int)pid;
}

/* What a thread needs to be told; the stack's lowest bytes. */
struct thread_start {
	uint32_t ready;
	char name[16];
};

/* Not _Noreturn: AddressSanitizer looks at the stack where such a function is called, and this is none of libc's. */
static int thread_main(void *arg)
{
	struct thread_start *start = arg;

	SYS2(SYS_prctl, PR_SET_NAME, start->name);
	__atomic_store_n(&start->ready, 1, __ATOMIC_RELEASE);
	live_wake(&start->ready);
	while (__atomic_load_n(&start->ready, __ATOMIC_RELAXED))
		SYS6(SYS_futex, &start->ready, FUTEX_WAIT, 1, 0, 0, 0);
	return 0;
}

static int node_thread(const struct live_box *box)
{
	void *stack = mmap(NULL, THREAD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

	if (stack == MAP_FAILED)
		return -ENOMEM;
	struct thread_start *start = stack;
	memcpy(start->name, box->name, sizeof start->name);
	int tid = clone(thread_main, (char *)stack + THREAD_STACK, flags, start);
	if (tid < 0)
		return -EAGAIN;
	return live_wait(&start->ready, 0, 10000) < 0 ? -ETIMEDOUT : tid;
}

static void limit_core(struct live_shared *s, int wanted)
{
	struct rlimit limit = { .rlim_cur = wanted ? 65536 : 0, .rlim_max = wanted ? 65536 : 0 };

	if (wanted)
		SYS1(SYS_chdir, s->core_dir);
	SYS4(SYS_prlimit64, 0, RLIMIT_CORE, &limit, 0);
}

static int node_await(const struct live_box *box)
{
	siginfo_t info;
	long r;

	do
		r = SYS5(SYS_waitid, P_PID, box->a, &info, box->b | __WALL, 0);
	while (r == -EINTR);
	return (int)r;
}

static int node_enter(const struct live_box *box)
{
	long fd = SYS2(SYS_pidfd_open, box->a, 0), r;

	if (fd < 0)
		return (int)fd;
	r = SYS2(SYS_setns, fd, CLONE_NEWPID);
	SYS1(SYS_close, fd);
	return (int)r;
}

static int node_last_pid(int32_t number)
{
	long fd = SYS4(SYS_openat, AT_FDCWD, "/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC, 0), r;
	char text[12];
	int at = (int)sizeof text;

	if (fd < 0)
		return (int)fd;
	do
		text[--at] = (char)('0' + number % 10);
	while (number /= 10);
	r = SYS3(SYS_write, fd, text + at, sizeof text - (size_t)at);
	SYS1(SYS_close, fd);
	return r < 0 ? (int)r : 0;
}

static char *number(char *end, uint32_t n)
{
	do
		*--end = (char)('0' + n % 10);
	while (n /= 10);
	return end;
}

#define AGAIN "live-node"

static int node_exec(struct live_shared *s, struct live_box *box)
{
	char texts[2][12] = { "", "" };
	char *argv[] = { AGAIN, AGAIN, number(&texts[0][11], (uint32_t)s->fd),
			 number(&texts[1][11], (uint32_t)(box - s->boxes)), NULL };

	SYS2(SYS_prctl, PR_GET_NAME, box->name);
	return (int)SYS3(SYS_execve, "/proc/self/exe", argv, environ);
}

static int node_obey(struct live_shared *s, struct live_box *box)
{
	switch ((enum live_op)box->op) {
	case LIVE_FORK:
		return node_fork(s, box);
	case LIVE_SETSID:
		return (int)SYS0(SYS_setsid);
	case LIVE_SETPGID:
		return (int)SYS2(SYS_setpgid, 0, box->a);
	case LIVE_SETPGID_CHILD:
		return (int)SYS2(SYS_setpgid, box->a, box->b);
	case LIVE_ENTER:
		return node_enter(box);
	case LIVE_NAME:
		return (int)SYS2(SYS_prctl, PR_SET_NAME, box->name);
	case LIVE_THREAD:
		return node_thread(box);
	case LIVE_EXIT:
		SYS1(SYS_exit_group, box->a);
		break;
	case LIVE_DIE:
		limit_core(s, box->b);
		raise_now(box->a);
		break;
	case LIVE_STOP:
		raise_now(box->a);
		/* An orphaned process group ignores what the terminal sends. */
		if (box->a != SIGSTOP)
			raise_now(SIGSTOP);
		return 0;
	case LIVE_KILL:
		return (int)SYS2(SYS_kill, box->a, box->b);
	case LIVE_AWAIT:
		return node_await(box);
	case LIVE_SUBREAPER:
		return (int)SYS2(SYS_prctl, PR_SET_CHILD_SUBREAPER, box->a);
	case LIVE_EXEC:
		return node_exec(s, box);
	case LIVE_LAST_PID:
		return node_last_pid(box->a);
	}
	return -EINVAL;
}

static void answer(struct live_box *box, uint32_t seen)
{
	__atomic_store_n(&box->answered, seen + 1, __ATOMIC_RELEASE);
	live_wake(&box->answered);
}

static _Noreturn void obey(struct live_shared *s, struct live_box *box, uint32_t seen)
{
	for (;; seen++) {
		live_wait(&box->asked, seen, -1);
		box->result = node_obey(s, box);
		answer(box, seen);
	}
}

_Noreturn void live_node_run(struct live_shared *s, uint32_t index)
{
	struct live_box *box = &s->boxes[index];

	block_signals();
	default_signals();
	__atomic_store_n(&box->pid, (int32_t)SYS0(SYS_getpid), __ATOMIC_RELEASE);
	live_wake((uint32_t *)&box->pid);
	obey(s, box, 0);
}

/* Back from LIVE_EXEC, before main() and whatever test that is. */
__attribute__((constructor)) static void run_again(int argc, char **argv)
{
	struct live_shared *s;
	struct live_box *box;
	struct stat file;
	int fd;

	if (argc != 4 || strcmp(argv[1], AGAIN) != 0)
		return;
	fd = atoi(argv[2]);
	s = fstat(fd, &file) < 0
		    ? MAP_FAILED
		    : mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s == MAP_FAILED)
		_exit(1); /* the test waits for an answer, and says that there was none */
	box = &s->boxes[atoi(argv[3])];
	box->result = (int)SYS2(SYS_prctl, PR_SET_NAME, box->name);
	default_signals();
	uint32_t seen = box->answered;
	answer(box, seen);
	obey(s, box, seen + 1);
}
