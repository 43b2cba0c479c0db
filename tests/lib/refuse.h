/* SPDX-License-Identifier: MIT */
/*
 * refuse.h: a settid_fork() that is to be refused, and all that is to be said of it.
 */
#ifndef SETTID_TEST_REFUSE_H
#define SETTID_TEST_REFUSE_H

#include "world.h"

#include <string.h>
#include <unistd.h>

/* Rows say what is expected and leave the rest out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct want {
	int code;
	enum settid_reason reason;
	int level;
	pid_t number;
	enum settid_holder holder;
};

static inline void expect_error(const struct settid_error *err, int code, struct want w, const char *what)
{
	if (code != w.code || err->code != w.code)
		world_check_failed(__FILE__, __LINE__, "%s: %d (%s), not %d", what, code,
				   code < 0 ? err->text : "made", w.code);
	if (err->reason != w.reason || err->level != w.level || err->number != w.number ||
	    err->holder != w.holder)
		world_check_failed(__FILE__, __LINE__, "%s: %s, level %d, number %d, holder %s (%s)", what,
				   settid_reason_name(err->reason), err->level, (int)err->number,
				   settid_holder_name(err->holder), err->text);
	if (!err->text[0] || strchr(err->text, '\n'))
		world_check_failed(__FILE__, __LINE__, "%s: no sentence", what);
}

/* Asks, expects, and leaves no trace whatever happened. */
static inline void refuse(const char *what, const struct settid_fork_args *args, struct want w)
{
	struct settid_error err = { .text = "" };
	struct settid_child child = { .pidfd = -1 };
	struct world_census before = world_census();
	pid_t pid = settid_fork(args, &child, &err);

	if (pid == 0)
		_exit(0);
	if (pid > 0) {
		world_end(&child);
		if (w.code == 0)
			return;
	}
	expect_error(&err, pid > 0 ? 0 : pid, w, what);
	world_census_check(before, what);
}

#define MADE ((struct want){ 0 })
#define WANT(code, reason, ...) ((struct want){ -code, SETTID_REASON_##reason, __VA_ARGS__ })
#define REFUSE(wish, want) refuse(#wish, wish, want)
#define HELD_BY(level, number, by) WANT(EEXIST, TAKEN, level, number, SETTID_HOLDER_##by)

#endif
