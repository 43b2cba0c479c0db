/* SPDX-License-Identifier: MIT */
/*
 * spawn_rows.h: the table of test_spawn.c, in three files by what the rows are about.
 *
 * A row prepares the arguments (and the world, which is its own), and says what is so in the program then, or how the
 * call fails.
 */
#ifndef SETTID_TEST_SPAWN_ROWS_H
#define SETTID_TEST_SPAWN_ROWS_H

#include "world.h"

#include <sys/stat.h>

enum { SPAWN_NUMBER = 500 };
enum {
	PLAIN_USER = 1 << 0,   /* the caller becomes nobody before: no number, and /bin/sh as the program */
	NO_NUMBER = 1 << 1,    /* the caller gives up the right to choose, in `prepare`                    */
	NEEDS_CLONE3 = 1 << 2, /* EOPNOTSUPP without it                                                   */
	SCRIPT = 1 << 3,       /* the question is a script for /bin/sh                                     */
};

struct spawn_row {
	const char *name;
	void (*prepare)(struct settid_spawn_args *a);
	unsigned flags;
	int want; /* 0, or the negative errno */
	enum settid_step step;
	int step_index;          /* ANY_INDEX: not looked at */
	const char *question[6]; /* to spawn_target, or one script */
};

enum { ANY_INDEX = -2 };

/* It is so; it fails in the child at that step; it is refused before a child is made. */
#define SO(name, prepare, flags, ...)                                 \
	{                                                             \
		name, prepare, flags, 0, SETTID_STEP_NONE, ANY_INDEX, \
		{                                                     \
			__VA_ARGS__                                   \
		}                                                     \
	}
#define FAILS(name, prepare, code, step, index, flags)                    \
	{                                                                 \
		name, prepare, flags, -(code), SETTID_STEP_##step, index, \
		{                                                         \
			"pid", "0"                                        \
		}                                                         \
	}
#define REFUSED(name, prepare, code, index, flags)                      \
	{                                                               \
		name, prepare, flags, -(code), SETTID_STEP_NONE, index, \
		{                                                       \
			"pid", "0"                                      \
		}                                                       \
	}

extern const struct spawn_row spawn_rows_program[], spawn_rows_files[], spawn_rows_places[];
extern const size_t spawn_rows_program_len, spawn_rows_files_len, spawn_rows_places_len;

/* NULL, or the row for a cgroup v2 directory of the test's own; made before any world, removed after all. */
const struct spawn_row *spawn_cgroup_row(void);
void spawn_cgroup_remove(void);

/* The leader of the group that a row joined, for the runner to end; pid 0: none. */
extern struct settid_child spawn_group_leader;

/* The row's directory, for programs and files; the runner makes and removes it. */
extern char spawn_dir[64];
/* A name in it, in one of a few static buffers. */
const char *spawn_in_dir(const char *name);
void spawn_make_file(const char *name, mode_t mode, const char *text);
/* A link to spawn_target. */
void spawn_link_target(const char *name);
void spawn_as_it_is(struct settid_spawn_args *a);

#endif
