/* SPDX-License-Identifier: MIT */
/*
 * place.h: where and how a tree is to be restored: the options that restore and check have in common, used as those of input.h.
 */
#ifndef SETTID_PLACE_H
#define SETTID_PLACE_H

#include <getopt.h>

#include "cmd.h"
#include "tree/restore.h"

struct place {
	enum restore_into into;
	pid_t into_pid; /* RESTORE_PID: the namespace that this process lives in */
	bool user;
	bool exec;
	bool no_core;
	enum settid_method method;
};

/* Values that no other option has. */
enum {
	PLACE_OPT_INTO = 0x7100,
	PLACE_OPT_USER,
	PLACE_OPT_EXEC,
	PLACE_OPT_NO_CORE,
	PLACE_OPT_METHOD,
	PLACE_OPT_END,
};

/* For a table of getopt_long(). */
#define PLACE_OPTIONS                                                                                       \
	{ "into", required_argument, NULL, PLACE_OPT_INTO }, { "user", no_argument, NULL, PLACE_OPT_USER }, \
		{ "exec", no_argument, NULL, PLACE_OPT_EXEC },                                              \
		{ "no-core", no_argument, NULL, PLACE_OPT_NO_CORE },                                        \
	{                                                                                                   \
		"method", required_argument, NULL, PLACE_OPT_METHOD                                         \
	}

static inline bool place_is_option(int c)
{
	return c >= PLACE_OPT_INTO && c < PLACE_OPT_END;
}

/* CMD_OK, or the complaint is printed and CMD_USAGE returned; so do the others. */
int place_option(struct place *p, int c, const char *arg);
/* --into's argument alone. */
int place_into(struct place *p, const char *text);
/* All options are there: do they go together? */
int place_check(const struct place *p);

#endif
