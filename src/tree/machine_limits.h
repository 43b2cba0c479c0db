/* SPDX-License-Identifier: MIT */
/* machine_limits.h: what is left below each limit; see machine_limits.c. */
#ifndef SETTID_TREE_MACHINE_LIMITS_H
#define SETTID_TREE_MACHINE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* A file's beginning, NUL-terminated: its length, or -1. */
int machine_slurp(const char *path, char *out, size_t size);

enum machine_controller { MACHINE_PIDS, MACHINE_MEMORY };

/* All: MACHINE_UNLIMITED, MACHINE_UNKNOWN, or what is left. */
int64_t machine_user_left(void);    /* RLIMIT_NPROC */
int64_t machine_threads_left(void); /* threads-max, of the whole machine */
int64_t machine_namespaces_max(void);
int64_t machine_namespaces_left(
	int64_t max); /* PID namespaces that nobody seen here lives in are not counted */
int64_t machine_cgroup_left(enum machine_controller controller);

#endif
