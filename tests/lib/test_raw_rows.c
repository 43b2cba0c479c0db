/* SPDX-License-Identifier: MIT */
/*
 * test_raw_rows.c: the record, field and flag errors of clone3 (spec R1.1 to R1.29) through settid_clone3(), one
 * row per question.  Nothing in these rows depends on rights.
 */
#include "world.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLEAR_SIGHAND 0x100000000ULL
#define INTO_CGROUP 0x200000000ULL
#define DETACHED 0x00400000ULL
#define PIDFD 0x00001000ULL
#define UNREADABLE ((uint64_t)-4096)

enum place {
	ROOMY,   /* a page, zero beyond the record */
	NONZERO, /* its last byte (of `size`) is 1 */
	AT_EDGE, /* 88 bytes, then an unreadable page */
	NULL_RECORD,
};

struct row {
	const char *name;
	size_t size; /* 0 = the whole record */
	enum place place;
	struct settid_clone_args args;
	int want; /* 0: a child is made */
};

#define ONE .set_tid = UNREADABLE, .set_tid_size = 1

static const struct row rows[] = {
	{ "R1.1 a record over a page is E2BIG", 4097, ROOMY, { 0 }, -E2BIG },
	{ "R1.1 ... before its pointer is looked at", 4097, NULL_RECORD, { 0 }, -E2BIG },
	{ "R1.2 a record under 64 bytes is EINVAL", 63, ROOMY, { 0 }, -EINVAL },
	{ "R1.2 ... before its pointer is looked at", 63, NULL_RECORD, { 0 }, -EINVAL },
	{ "R1.3 an unreadable tail is EFAULT", 96, AT_EDGE, { 0 }, -EFAULT },
	{ "R1.3 a record that ends at the edge is read", 88, AT_EDGE, { 0 }, 0 },
	{ "R1.4 a tail that is not zero is E2BIG", 96, NONZERO, { 0 }, -E2BIG },
	{ "R1.4 ... up to a page", 4096, NONZERO, { 0 }, -E2BIG },
	{ "R1.5 an unreadable record is EFAULT", 64, NULL_RECORD, { 0 }, -EFAULT },
	{ "R1.6 words beyond the record do not count", 64, ROOMY, { .set_tid_size = 99 }, 0 },
	{ "R1.7 sizes between the published ones work", 72, ROOMY, { 0 }, 0 },
	{ "R1.8 a zero tail is accepted", 4096, ROOMY, { 0 }, 0 },
	{ "R1.9 33 numbers are EINVAL", 0, ROOMY, { .set_tid = UNREADABLE, .set_tid_size = 33 }, -EINVAL },
	{ "R1.10 a length without array is EINVAL", 0, ROOMY, { .set_tid_size = 1 }, -EINVAL },
	{ "R1.11 an array without length is EINVAL", 0, ROOMY, { .set_tid = UNREADABLE }, -EINVAL },
	{ "R1.12 exit signal 65 is EINVAL, before the array", 0, ROOMY, { .exit_signal = 65, ONE }, -EINVAL },
	{ "R1.12 exit signal 0x111 is EINVAL", 0, ROOMY, { .exit_signal = 0x111 }, -EINVAL },
	{ "R1.12 exit signal 64 passes", 0, ROOMY, { .exit_signal = 64 }, 0 },
	{ "R1.13 a cgroup descriptor over an int is EINVAL",
	  0,
	  ROOMY,
	  { .flags = INTO_CGROUP, .cgroup = 0x80000000ULL },
	  -EINVAL },
	{ "R1.13 INTO_CGROUP in a short record is EINVAL", 80, ROOMY, { .flags = INTO_CGROUP }, -EINVAL },
	{ "R1.14 an unreadable array is EFAULT", 0, ROOMY, { ONE }, -EFAULT },
	{ "R1.14 ... before an unknown flag", 0, ROOMY, { .flags = 1ULL << 40, ONE }, -EFAULT },
	{ "R1.15 an unknown flag is EINVAL", 0, ROOMY, { .flags = 1ULL << 40 }, -EINVAL },
	{ "R1.16 DETACHED is EINVAL", 0, ROOMY, { .flags = DETACHED }, -EINVAL },
	{ "R1.16 a signal among the flags is EINVAL", 0, ROOMY, { .flags = 0x11 }, -EINVAL },
	{ "R1.17 SIGHAND with CLEAR_SIGHAND is EINVAL",
	  0,
	  ROOMY,
	  { .flags = CLONE_VM | CLONE_SIGHAND | CLEAR_SIGHAND },
	  -EINVAL },
	{ "R1.18 THREAD with an exit signal is EINVAL",
	  0,
	  ROOMY,
	  { .flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, .exit_signal = SIGCHLD },
	  -EINVAL },
	{ "R1.18 PARENT with an exit signal is EINVAL",
	  0,
	  ROOMY,
	  { .flags = CLONE_PARENT, .exit_signal = SIGCHLD },
	  -EINVAL },
	{ "R1.19 a stack without size is EINVAL", 0, ROOMY, { .stack = 4096 }, -EINVAL },
	{ "R1.19 a size without stack is EINVAL", 0, ROOMY, { .stack_size = 4096 }, -EINVAL },
	{ "R1.19 a stack outside user memory is EINVAL",
	  0,
	  ROOMY,
	  { .stack = (uint64_t)-8192, .stack_size = 4096 },
	  -EINVAL },
	{ "R1.20 PIDFD and PARENT_SETTID at one address are EINVAL",
	  0,
	  ROOMY,
	  { .flags = PIDFD | CLONE_PARENT_SETTID, .pidfd = 1, .parent_tid = 1 },
	  -EINVAL },
	{ "R1.21 NEWNS with FS is EINVAL", 0, ROOMY, { .flags = CLONE_NEWNS | CLONE_FS }, -EINVAL },
	{ "R1.21 NEWUSER with FS is EINVAL", 0, ROOMY, { .flags = CLONE_NEWUSER | CLONE_FS }, -EINVAL },
	{ "R1.22 THREAD without SIGHAND is EINVAL", 0, ROOMY, { .flags = CLONE_VM | CLONE_THREAD }, -EINVAL },
	{ "R1.23 SIGHAND without VM is EINVAL", 0, ROOMY, { .flags = CLONE_SIGHAND }, -EINVAL },
	{ "R1.24 PARENT by an init is EINVAL", 0, ROOMY, { .flags = CLONE_PARENT }, -EINVAL },
	{ "R1.25 THREAD with NEWUSER is EINVAL",
	  0,
	  ROOMY,
	  { .flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWUSER },
	  -EINVAL },
	{ "R1.25 THREAD with NEWPID is EINVAL",
	  0,
	  ROOMY,
	  { .flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWPID },
	  -EINVAL },
	{ "R1.42 a pidfd word that cannot be written is EFAULT",
	  0,
	  ROOMY,
	  { .flags = PIDFD, .pidfd = UNREADABLE, .exit_signal = SIGCHLD },
	  -EFAULT },
	{ "R1.47 a parent word that cannot be written is ignored",
	  0,
	  ROOMY,
	  { .flags = CLONE_PARENT_SETTID, .parent_tid = UNREADABLE, .exit_signal = SIGCHLD },
	  0 },
	{ "R1.29 CLEAR_SIGHAND alone passes", 0, ROOMY, { .flags = CLEAR_SIGHAND }, 0 },
};

static const struct row *current;

static const void *record(const struct row *row)
{
	char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = row->place == AT_EDGE ? pages + 8192 - sizeof row->args : pages;

	CHECK(pages != MAP_FAILED);
	CHECK_INT(mprotect(pages + 8192, 4096, PROT_NONE), 0);
	if (row->place == NULL_RECORD)
		return NULL;
	memcpy(at, &row->args, sizeof row->args);
	if (row->place == NONZERO)
		at[row->size - 1] = 1;
	return at;
}

static void ask(void)
{
	const struct row *row = current;
	size_t size = row->size ? row->size : sizeof row->args;
	pid_t pid = settid_clone3(record(row), size, NULL, NULL);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		world_reap(pid);
	CHECK_INT(pid > 0 ? 0 : pid, row->want);
}

static void run_row(void **state)
{
	current = *state;
	world_run(0, ask);
}

int main(void)
{
	struct CMUnitTest tests[sizeof rows / sizeof *rows];
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		tests[i] =
			(struct CMUnitTest){ rows[i].name, run_row, NULL, NULL, (void *)(uintptr_t)&rows[i] };
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("settid_clone3", tests, NULL, NULL);
}
