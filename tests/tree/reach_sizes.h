/* SPDX-License-Identifier: MIT */
/*
 * reach_sizes.h: which trees test_plan_reach.c searches for, and with how many helpers.
 *
 * Keeps:   what is not LARGE is taken in every run, and together in seconds.
 */
#ifndef SETTID_REACH_SIZES_H
#define SETTID_REACH_SIZES_H

#include "reach.h"

struct size {
	const char *name;
	struct reach_options
		o; /* ids_max: processes and dead leaders of a tree, the root too, without helpers */
	unsigned helpers;
	unsigned how;
};

enum {
	EXACT = 1, /* that many helpers find all there is */
	MORE = 2,  /* also with one more */
	LARGE = 4,
	REACHED = 8 /* what could be written down is too much: what is reached is planned */
};

#define BELOW_PROCESS .namespaces = true
#define BELOW_INIT .root_is_init = true, .namespaces = true
#define ZOMBIES .zombies = true
#define GROUPLESS .groupless = true
#define EXECS .signals = true, .execs = true
#define STOPS EXECS, .stops = true

static const struct size sizes[] = {
	{ "one namespace, up to 3", { .ids_max = 3 }, 1, EXACT | MORE },
	{ "one namespace, up to 4", { .ids_max = 4 }, 1, 0 },
	{ "below a process, up to 2", { BELOW_PROCESS, .ids_max = 2 }, 1, EXACT | MORE },
	{ "below a process, up to 3", { BELOW_PROCESS, .ids_max = 3 }, 1, EXACT },
	{ "below an init, up to 2", { BELOW_INIT, .ids_max = 2 }, 1, EXACT | MORE },
	{ "below an init, up to 3", { BELOW_INIT, .ids_max = 3 }, 1, EXACT },
	{ "one namespace, zombies, up to 3", { ZOMBIES, .ids_max = 3 }, 1, EXACT },
	{ "below an init, zombies, up to 2", { BELOW_INIT, ZOMBIES, .ids_max = 2 }, 1, EXACT | MORE },
	{ "below an init, zombies, up to 3", { BELOW_INIT, ZOMBIES, .ids_max = 3 }, 1, EXACT | LARGE },
	{ "below a process, zombies, up to 3", { BELOW_PROCESS, ZOMBIES, .ids_max = 3 }, 1, EXACT | LARGE },
	{ "one namespace, up to 4, two helpers", { .ids_max = 4 }, 2, EXACT | LARGE },
	{ "one namespace, up to 5", { .ids_max = 5 }, 1, LARGE },
	{ "below a process, up to 3, two helpers", { BELOW_PROCESS, .ids_max = 3 }, 2, EXACT | LARGE },
	{ "below an init, up to 3, two helpers", { BELOW_INIT, .ids_max = 3 }, 2, EXACT | LARGE },
	{ "below an init, up to 4", { BELOW_INIT, .ids_max = 4 }, 1, LARGE },
	{ "below a process, up to 4", { BELOW_PROCESS, .ids_max = 4 }, 1, LARGE },
	{ "one namespace, execve, up to 2", { EXECS, .ids_max = 2 }, 1, EXACT },
	{ "below an init, execve, up to 2", { BELOW_INIT, EXECS, .ids_max = 2 }, 1, EXACT },
	{ "below a process, execve, up to 2", { BELOW_PROCESS, EXECS, .ids_max = 2 }, 1, EXACT | LARGE },
	{ "one namespace, execve, up to 3", { EXECS, .ids_max = 3 }, 1, EXACT | LARGE },
	{ "below an init, execve, up to 3", { BELOW_INIT, EXECS, .ids_max = 3 }, 1, EXACT | LARGE },
	{ "below a process, execve, up to 3", { BELOW_PROCESS, EXECS, .ids_max = 3 }, 1, EXACT | LARGE },
	{ "one namespace, execve, SIGSTOP, up to 2", { STOPS, .ids_max = 2 }, 1, EXACT },
	{ "one namespace, execve, SIGSTOP, zombies, up to 2", { STOPS, ZOMBIES, .ids_max = 2 }, 1, EXACT },
	{ "below an init, execve, SIGSTOP, up to 2", { BELOW_INIT, STOPS, .ids_max = 2 }, 1, EXACT },
	{ "one namespace, execve, SIGSTOP, up to 3", { STOPS, .ids_max = 3 }, 1, EXACT | LARGE },
	{ "below an init, execve, SIGSTOP, up to 3", { BELOW_INIT, STOPS, .ids_max = 3 }, 1, EXACT | LARGE },
};
static const struct size further[] = {
	{ "one namespace, up to 4", { GROUPLESS, .ids_max = 4 }, 1, 0 },
	{ "one namespace, up to 4", { GROUPLESS, .ids_max = 4 }, 2, EXACT },
	{ "one namespace, up to 4", { GROUPLESS, .ids_max = 4 }, 3, EXACT },
	{ "one namespace, up to 5", { GROUPLESS, .ids_max = 5 }, 2, LARGE },
	{ "one namespace, up to 5", { GROUPLESS, .ids_max = 5 }, 3, EXACT | LARGE },
	{ "one namespace, up to 5", { GROUPLESS, .ids_max = 5 }, 4, EXACT | LARGE },
	{ "one namespace, up to 6", { GROUPLESS, .ids_max = 6 }, 2, LARGE },
	{ "one namespace, up to 6", { GROUPLESS, .ids_max = 6 }, 3, LARGE },
	{ "one namespace, execve, up to 3", { GROUPLESS, EXECS, .ids_max = 3 }, 1, EXACT },
	{ "one namespace, execve, up to 3", { GROUPLESS, EXECS, .ids_max = 3 }, 2, EXACT | LARGE },
	{ "one namespace, execve, up to 4", { GROUPLESS, EXECS, .ids_max = 4 }, 1, LARGE },
	{ "one namespace, execve, up to 4", { GROUPLESS, EXECS, .ids_max = 4 }, 2, EXACT | LARGE },
	{ "below an init, up to 3", { GROUPLESS, BELOW_INIT, .ids_max = 3 }, 2, EXACT },
	{ "below a process, up to 3", { GROUPLESS, BELOW_PROCESS, .ids_max = 3 }, 2, EXACT | LARGE },
	{ "below an init, up to 4", { GROUPLESS, BELOW_INIT, .ids_max = 4 }, 1, LARGE },
	{ "below an init, up to 4", { GROUPLESS, BELOW_INIT, .ids_max = 4 }, 2, EXACT | LARGE },
	{ "below a process, up to 4", { GROUPLESS, BELOW_PROCESS, .ids_max = 4 }, 1, LARGE },
	{ "below a process, up to 4", { GROUPLESS, BELOW_PROCESS, .ids_max = 4 }, 2, EXACT | LARGE },
	{ "one namespace, execve, up to 5", { GROUPLESS, EXECS, .ids_max = 5 }, 1, LARGE | REACHED },
	{ "below an init, execve, up to 4",
	  { GROUPLESS, BELOW_INIT, EXECS, .ids_max = 4 },
	  1,
	  LARGE | REACHED },
	{ "below an init, up to 5", { GROUPLESS, BELOW_INIT, .ids_max = 5 }, 1, LARGE | REACHED },
	{ "below a process, up to 5", { GROUPLESS, BELOW_PROCESS, .ids_max = 5 }, 1, LARGE | REACHED },
	{ "below an init, execve, up to 3",
	  { GROUPLESS, BELOW_INIT, EXECS, .ids_max = 3 },
	  1,
	  EXACT | LARGE },
	{ "below a process, execve, up to 3",
	  { GROUPLESS, BELOW_PROCESS, EXECS, .ids_max = 3 },
	  1,
	  EXACT | LARGE },
};
#define FURTHER 100 /* SETTID_REACH: the first of these */
#define FURTHER_LEN (sizeof further / sizeof *further)
#define SIZES_LEN (sizeof sizes / sizeof *sizes)

#endif
