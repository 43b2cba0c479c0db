/* SPDX-License-Identifier: MIT */
/*
 * pidns_subject.h: what is measured beside what: structures that hand out numbers, each as a row of loops.
 *
 * A loop makes `ops` operations and returns nanoseconds for one.  A subject without a loop for something leaves it NULL:
 * the table then has a dash.  The loops of all subjects are the same text (pidns_loops.h), compiled once per subject with
 * its operations inlined, so that no call through a pointer is measured.
 */
#ifndef SETTID_BENCH_PIDNS_SUBJECT_H
#define SETTID_BENCH_PIDNS_SUBJECT_H

#include <stdint.h>

enum figure { PAIR, WISHED, HOT, RANDOM, GET, LAST_FREE, NEXT, FIGURES };
#define FIGURE_NAMES                                                          \
	{                                                                     \
		"pair", "wished", "hot", "random", "get", "last-free", "next" \
	}

/* Numbers are given out up to so many beyond those that are held. */
#define RANGE 65536u
#define FIRST 300u /* where numbers begin again after a wrap */

typedef double loop_fn(void *self, uint32_t live, uint32_t ops);

struct subject {
	const char *name;
	void *(*fill)(uint32_t live, double *ns_each); /* numbers 1 .. live are taken */
	void (*done)(void *self, uint32_t live);
	loop_fn *loop[FIGURES];
	double (*bytes)(void *self, uint32_t live); /* memory per number held; NULL: not known */
};

extern const struct subject subject_pidns, subject_bare, subject_radix, subject_uthash, subject_judy,
	subject_roaring;

#endif
