/* SPDX-License-Identifier: MIT */
/*
 * machine.h: what a machine allows and has left, as far as a restore is concerned, and which numbers it holds.
 *
 * Owns:    struct inventory: facts as plain data, from this machine (inventory.c, machine.c) or from a file
 *          (inventory_json.c); check.c never asks where they came from.
 * Keeps:   (I1) taken[] is sorted by number, each once; (I2) what could not be found out is UNKNOWN or
 *          MACHINE_UNKNOWN, never a guess; (I3) names are printable ASCII.
 */
#ifndef SETTID_TREE_MACHINE_H
#define SETTID_TREE_MACHINE_H

#include "settid.h"
#include "tree.h"

#include <stdbool.h>
#include <stdint.h>

#define MACHINE_UNKNOWN (-1)
#define MACHINE_UNLIMITED INT64_MAX

struct machine {
	char host[65], kernel[65];
	int64_t time;                       /* seconds since 1970 */
	enum settid_answer set_tid;         /* clone3 with set_tid works */
	enum settid_answer may_choose;      /* numbers of this PID namespace */
	enum settid_answer pid_namespaces;  /* can be made, without a user namespace */
	enum settid_answer user_namespaces; /* and in them PID namespaces, and its own user */
	enum settid_answer last_pid;        /* ns_last_pid can be written */
	enum settid_answer seccomp;         /* a filter is active */
	enum settid_answer user_dispatch;
	char why[320]; /* the probe's sentence */
	int level;     /* of this PID namespace, 0 = the machine's; MACHINE_UNKNOWN */
	int pid_max;
	int new_pid_max; /* in a namespace made now; MACHINE_UNKNOWN */
	/* how many more processes, threads counted, each limit lets through */
	int64_t user_left, cgroup_left, threads_left;
	int64_t namespaces_max;  /* max_pid_namespaces of this user namespace, for each user */
	int64_t namespaces_left; /* at least so many more of them */
	int64_t memory_left;     /* bytes */
	char core_pattern[128];
	bool core_limit_zero;          /* the hard limit on core files */
	enum settid_answer memfds_run; /* memfds can be executed: restore_image.c */
};

/* One number of the machine's PID namespace that is taken. */
struct inventory_number {
	int32_t number;
	int32_t pid;     /* the process to look at: itself, its thread's, a zombie's parent, a member */
	int32_t members; /* of a group or session; of a process: not 0 if others are in its own */
	uint8_t holder;  /* enum settid_holder */
	char comm[16];   /* name of `pid` */
};

struct inventory {
	struct machine machine;
	struct inventory_number *taken; /* malloc's */
	size_t taken_len, taken_cap;
};

/* machine.c: the facts of here and now, without the numbers.  0, or a negative errno with err. */
int machine_read(struct machine *m, struct tree_error *err);

/* Once the caller's children live in another namespace: that one's rights, level and pid_max instead of the own. */
int machine_read_entered(struct machine *m, struct tree_error *err);

/* inventory.c: facts and numbers of this machine's (that is: this PID namespace's) /proc. */
int inventory_read(struct inventory *inv, struct tree_error *err);
/* inventory_json.c */
int inventory_read_file(const char *path, struct inventory *inv, struct tree_error *err);
int inventory_write(const struct inventory *inv, FILE *out);
void inventory_done(struct inventory *inv);

/* NULL: the number is free. */
const struct inventory_number *inventory_find(const struct inventory *inv, int32_t number);
/* How many numbers the kernel could still choose by itself. */
int64_t inventory_left(const struct inventory *inv);
/* For those who fill one: 0 or -ENOMEM; then sort, which also drops doubles. */
int inventory_add(struct inventory *inv, const struct inventory_number *n);
void inventory_sort(struct inventory *inv);

#endif
