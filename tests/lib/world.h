/* SPDX-License-Identifier: MIT */
/*
 * world.h: a PID namespace of a test's own, and assertions that work in any process of it.
 *
 * Keeps:   (T1) a failed CHECK in a child is told by the test that started the world: it is written to memory
 *               that all processes of the world share, and the process leaves with _exit, never into cmocka;
 *          (T2) a world's init is in a session of its own before anything else, and dies with the test.
 */
#ifndef SETTID_TEST_WORLD_H
#define SETTID_TEST_WORLD_H

#include "settid.h"

#include <setjmp.h> /* what cmocka.h wants before itself */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
	WORLD_PROC = 1 << 0,    /* a /proc of its own, in a mount namespace of its own */
	WORLD_NO_PROC = 1 << 1, /* nothing at /proc */
	WORLD_MOUNTS = 1 << 2,  /* a mount namespace; /proc stays the outer namespace's */
};

/* Can this user make worlds?  NULL, or why not (then a program says 1..0 # SKIP). */
const char *world_missing(void);

/* Runs fn as the init of a new PID namespace and fails the current test if anything in there did. */
void world_run(unsigned flags, void (*fn)(void));

/* A cmocka test whose state is the function to run in a world that has a /proc. */
void world_row(void **state);
#define WORLD_ROW(sentence, fn)                                          \
	{                                                                \
		sentence, world_row, NULL, NULL, (void *)(uintptr_t)(fn) \
	}

/* As world_run, but in the test's own namespace: a forked child, for what changes its process for good. */
void world_run_here(void (*fn)(void));

/* In a world: note the first failure and leave. */
void world_check_failed(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));

#define CHECK(condition)                                                                    \
	do {                                                                                \
		if (!(condition))                                                           \
			world_check_failed(__FILE__, __LINE__, "not true: %s", #condition); \
	} while (0)

#define CHECK_INT(got, want)                                                                             \
	do {                                                                                             \
		long got_ = (long)(got), want_ = (long)(want);                                           \
		if (got_ != want_)                                                                       \
			world_check_failed(__FILE__, __LINE__, "%s is %ld, not %ld", #got, got_, want_); \
	} while (0)

/* A process that is alive and waiting, made by settid_fork; it dies with its maker.  Fails the world otherwise. */
struct settid_child world_child(const struct settid_fork_args *args);
/* Kills and reaps it, and closes the pidfd. */
void world_end(struct settid_child *child);
/* Two namespaces inside each other: *outer is the init of the outer one, a child; returns the inner one's, which ends with
 * it and is known by its pidfd alone. */
struct settid_child world_nested(struct settid_child *outer);
/* Waits for a child's end, zombie left unreaped. */
void world_wait_zombie(pid_t pid);
/* Reaps and returns waitpid's status. */
int world_reap(pid_t pid);

/* Arguments of settid_fork in one line: WISH(.flags = CLONE_NEWPID, NUMBERS(1, 42)) */
#define NUMBERS(...)                               \
	.set_tid = (const pid_t[]){ __VA_ARGS__ }, \
	.set_tid_len = sizeof((const pid_t[]){ __VA_ARGS__ }) / sizeof(pid_t)
#define WISH(...) (&(const struct settid_fork_args){ .size = sizeof(struct settid_fork_args), __VA_ARGS__ })

/* How many mappings this process has.  What it needs itself is there after the first call. */
int world_mappings(void);

/* What is open in this process, and which children it has: equal before and after what must not leak. */
struct world_census {
	int descriptors;
	bool has_children;
	uint64_t mask;
};
struct world_census world_census(void);
void world_census_check(struct world_census before, const char *what);

/* Drops to an ordinary user and all capabilities for good. */
void world_become_nobody(void);
/* Keeps only capability `keep` (-1: none), as root. */
void world_keep_capability(int keep);
bool world_write(const char *path, const char *text);

#endif
