/* SPDX-License-Identifier: MIT */
/*
 * who.h: what the tests of "who holds this number?" share: both ways to ask, and a child that keeps a number busy.
 */
#ifndef SETTID_TEST_WHO_H
#define SETTID_TEST_WHO_H

#include "world.h"

void expect_text(const char *got, const char *want);

/* Both ways to ask must agree; the sentence is the fork's after "set_tid[0] = ". */
struct settid_error ask(pid_t number, enum settid_holder holder, const char *sentence);

void name_myself(const char *name);

/* A forked child that does `first` under a name, tells that it is ready, and waits to be killed. */
pid_t busy(pid_t number, const char *name, void (*first)(void));
void end(pid_t pid);
void found_group(void);

#define IN_WORLD(name, flags)                 \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		world_run(flags, name);       \
	}

#define ROW(sentence, name)                             \
	{                                               \
		sentence, test_##name, NULL, NULL, NULL \
	}

#endif
