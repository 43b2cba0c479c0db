/* SPDX-License-Identifier: MIT */
/*
 * case.h: what a conformance case is: rows of text in a line language, and the data they become.
 *
 * A row says what Linux answers to a few system calls, in the words of the specification:
 *
 *     case C33 a number is taken while its process lives or is a zombie
 *     rules R2.3 R2.9
 *     want EEXIST 500 EEXIST
 *     a = init clone3 set_tid=500
 *     init probe set_tid=500   ? {}
 *     a exit_group
 *     init wait4 pid=$a
 *     init probe set_tid=500   ? {}
 *     init probe set_tid=1     ? {}
 *
 * Each step is [NAME =] ACTOR OPERATION key=value ... [? ANSWER].  Operations have the system calls' names,
 * arguments the man pages' names, constants no prefix.  The words behind `?` are what the row asks; joined by
 * blanks they must equal `want`.  The actors `outer` and `init` exist: `outer` is the init of an otherwise empty
 * namespace at level $L, `init` is number 1 of a namespace below it, has all capabilities and leads its own
 * session.  docs/conformance.md is the language's manual.
 *
 * Rows know nothing of who answers.  A backend (backend.h) is a live kernel or a model; every row runs on each.
 *
 * Keeps:   (C1) a parsed row points into the text it came from, which is never freed before it;
 *          (C2) what a row asks depends on the answers only, never on time or on the kernel's version: a
 *               difference between kernels is a `want without FEATURE:` line, and a feature is itself a row
 *               that is tried first.
 */
#ifndef SETTID_TESTS_CASE_H
#define SETTID_TESTS_CASE_H

#include "model/op.h"

enum {
	CASE_TASKS = 128,   /* tasks and named answers that one row may have                       */
	CASE_WANTS = 4,     /* answers of one row by feature                                       */
	CASE_FEATURES = 32, /* bits in a feature mask                                              */
	CASE_OUTER = 0,     /* the two actors that always exist                                    */
	CASE_INIT = 1,
};

struct case_step {
	const struct op_def *op;
	int actor; /* index of a name                                                        */
	int name;  /* index of the name that this step makes, -1 = none                      */
	int pair_count;
	struct op_pair pair[OP_PAIRS_MAX];
	const char *ask; /* answer words with holes, NULL = nothing asked                          */
	int line;
};

struct case_want {
	uint32_t without; /* holds where one of these features is missing; 0 = the ordinary answer  */
	const char *words;
};

struct case_row {
	const char *id;       /* "C33", or the name of a feature                                     */
	const char *sentence; /* what the row shows; of a feature: why rows without it are skipped   */
	const char *rules;
	bool is_feature;
	uint32_t needs;     /* features it cannot do without                                       */
	uint32_t needs_not; /* features that must be missing                                       */
	const char *only;   /* name of the one backend that can run it, NULL = all                 */
	const char *only_why;
	int want_count;
	struct case_want want[CASE_WANTS];
	int step_count;
	struct case_step *steps;
	int name_count;
	const char *names[CASE_TASKS];
	const char *file;
	int line;
};

struct case_table {
	int row_count;
	struct case_row *rows;
	int feature_count;
	struct case_row *features[CASE_FEATURES]; /* index = bit in a feature mask                   */
	char error[256];                          /* file:line:column: what is wrong                 */
};

/* One file of rows.  `text` is cut into words in place and must outlive the table. */
struct case_text {
	const char *file;
	char *text;
};

/* parse.c.  Returns 0, or -EINVAL with table->error, or -ENOMEM.  case_table_done() takes any table. */
int case_parse(struct case_table *table, const struct case_text *texts, size_t count);
void case_table_done(struct case_table *table);

#endif
