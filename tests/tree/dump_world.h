/* SPDX-License-Identifier: MIT */
/*
 * dump_world.h: small trees made by hand in a PID namespace of their own, for the tests of what a dump says of them.
 *
 * A shape's maker runs as the namespace's init (in a session of its own), so the numbers inside are 1, 2, 3... in the
 * order of the births.
 */
#ifndef SETTID_TESTS_DUMP_WORLD_H
#define SETTID_TESTS_DUMP_WORLD_H

#include <stdint.h>
#include <sys/types.h>

#include "tree/tree.h"

struct world {
	pid_t init;
	int pidfd;
};

/* Runs maker() in a namespace of its own; it stands when maker has returned. */
struct world world_make(void (*maker)(void));
void world_end(struct world *w);

/* A program of such tests, as main() returns it: orphans of their worlds are reaped by it. */
struct CMUnitTest;
int world_tests(const struct CMUnitTest *tests, size_t len);

/* In the maker: a child that sleeps, once fn has done its part. */
pid_t child(void (*fn)(void));
void wait_for_zombie(pid_t pid);
void sleep_for_ever(void) __attribute__((noreturn));
void pause_ms(long ms);

/* Makers of more than one test. */
void make_zombies(void);           /* 2 to 257: every exit code */
void lose_the_leader_thread(void); /* 2, whose thread 3 lives on */
void make_bad_names(void);         /* 2, whose name looks like the rest of its stat and is no UTF-8 */

struct tree *dump_by(pid_t pid, const struct tree_dump_options *o);
struct tree *dump(pid_t pid);
/* The process with this number of level 0, which has to be there. */
const struct tree_process *find(const struct tree *t, int32_t number);

#endif
