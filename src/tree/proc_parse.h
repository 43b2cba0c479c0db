/* SPDX-License-Identifier: MIT */
/*
 * proc_parse.h: the text of /proc/PID/stat and /proc/PID/status as numbers.
 *
 * Nothing here opens, allocates or keeps anything: bytes in, facts out.  What is malformed or cut short is
 * -EBADMSG, never a guess.  Source: proc_pid_stat(5), proc_pid_status(5).
 */
#ifndef SETTID_TREE_PROC_PARSE_H
#define SETTID_TREE_PROC_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "tree/tree.h"

/* The fields of stat that a tree needs.  Numbers are those of the procfs mount's namespace. */
struct proc_stat {
	const char *comm; /* into the buffer, raw bytes, without the parentheses */
	size_t comm_len;
	uint64_t start;  /* field 22: birth in clock ticks since boot */
	int32_t ppid;    /* 4 */
	int32_t pgid;    /* 5 */
	int32_t sid;     /* 6 */
	int32_t threads; /* 20: a dead leader counts while others live */
	int32_t notify;  /* 38: clone's exit signal; -1 of a thread that is no leader */
	int32_t code; /* 52: a zombie's wait status; a stopped process's signal; 0 also when hidden from us */
	char state;   /* 3 */
};
int proc_parse_stat(const char *text, size_t len, struct proc_stat *out);

/* Outermost first: column 0 is the procfs mount's namespace. */
struct proc_columns {
	int32_t number[TREE_LEVEL_MAX];
	unsigned len;
};

struct proc_status {
	const char *name; /* into the buffer, with newline and backslash escaped: see proc_unescape() */
	size_t name_len;
	struct proc_columns nspid, nspgid, nssid;
	int32_t tgid, tracer;
	char state;
};
int proc_parse_status(const char *text, size_t len, struct proc_status *out);

/* Undoes the kernel's escapes (\n, \\ and \ooo) of a name in status.  out holds len bytes; returns its length. */
size_t proc_unescape(const char *text, size_t len, char *out);

/* The number in the text of a namespace link, "pid:[4026531836]"; 0 = it is none. */
uint64_t proc_parse_ns(const char *text, size_t len);

/* A whole decimal number, as the names in /proc and task/ are: -1 = not one. */
int32_t proc_parse_pid(const char *name);

#endif
