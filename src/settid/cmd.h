/* SPDX-License-Identifier: MIT */
/*
 * cmd.h: what every subcommand of `settid` shares: its entry, exit statuses, strict arguments, one way to
 * complain.
 *
 * A subcommand is one file cmd_NAME.c with `int cmd_NAME(int argc, char **argv)` and one row in main.c's
 * table.  It is called with argv[0] = "settid NAME", so that getopt_long's own messages carry the right
 * prefix; it answers --help itself (`settid help NAME` asks it that way) and returns the exit status.
 */
#ifndef SETTID_CMD_H
#define SETTID_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "settid.h"
#include "tree/tree.h"

/* Exit statuses.  `exec` uses 125 to 127 as env(1) does; wrong usage is 125 everywhere. */
enum {
	CMD_OK = 0,
	CMD_FAILED = 1,  /* refused or failed; nothing was left behind */
	CMD_DIFFERS = 2, /* restore: built, and found different by the verification */
	CMD_USAGE = 125, /* wrong arguments; for exec: settid itself failed */
	CMD_CANNOT_RUN = 126,
	CMD_NOT_FOUND = 127,
};

int cmd_convert(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_inventory(int argc, char **argv);
int cmd_model(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_reserve(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_show(int argc, char **argv);

/* ------------------------------------------------------------------------------------- messages -- */

/* "settid NAME: text" to stderr; text is one sentence without newline.  Control characters in it are escaped:
 * messages quote file names and process names. */
void cmd_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, and returns `status`, so that failing is one line. */
int cmd_fail(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, plus where help is to be had.  Returns CMD_USAGE. */
int cmd_usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* After getopt_long returned '?' and has complained itself: only the line about --help.  CMD_USAGE. */
int cmd_usage_hint(void);
/* Prints a help text to stdout.  Returns CMD_OK. */
int cmd_help(const char *text);
/* Set by main once, before the command runs: the prefix of all messages ("settid exec"). */
void cmd_set_prefix(const char *prefix);

/* ------------------------------------------------------------------------------------ arguments -- */

/* Strict: decimal digits only, no sign, no blanks, nothing after.  0, -EINVAL (not a number) or -ERANGE. */
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);
/* 1 .. INT32_MAX; the kernel's own pid_max is not ours to know. */
int parse_pid(const char *text, pid_t *out);
/* "1,42,31496" into out[0..], at most `max` of them; *len says how many.  -E2BIG: too many. */
int parse_pid_list(const char *text, pid_t *out, size_t max, size_t *len);
/* Seconds, "90" or "1.5", into milliseconds; at most 1,000,000 seconds. */
int parse_seconds(const char *text, uint64_t *ms);
/* auto | clone3 | ns_last_pid.  -EINVAL. */
int parse_method(const char *text, enum settid_method *out);

/* The same for the value of an option or operand called `what` ("--pid"): 0, or the complaint is printed and
 * CMD_USAGE returned. */
int arg_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out);
int arg_pid(const char *what, const char *text, pid_t *out);
int arg_pid_list(const char *what, const char *text, pid_t *out, size_t max, size_t *len);
int arg_seconds(const char *what, const char *text, uint64_t *ms);
/* The same, and not 0: for what ends something. */
int arg_some_seconds(const char *what, const char *text, uint64_t *ms);
int arg_method(const char *what, const char *text, enum settid_method *out);

/* Is it digits only?  Operands that may be FILE or PID: such are PIDs, unless they hold a slash. */
bool arg_is_number(const char *text);

/* A /proc that is this process's own namespace's: settid__proc_open() of libsettid/procfs.h. */

#endif
