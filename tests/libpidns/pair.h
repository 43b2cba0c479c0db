/* SPDX-License-Identifier: MIT */
/*
 * pair.h: the library and the oracle side by side: one operation at a time on both, and whatever differs as a sentence.
 */
#ifndef TEST_PIDNS_PAIR_H
#define TEST_PIDNS_PAIR_H

#include <pidns.h>

#include <stdio.h>

#include "oracle.h"

enum op_kind { OP_NEW, OP_FREE, OP_LAST, OP_PID_MAX, OP_CLOSE, OP_INIT, OP_RENEW };

struct op {
	enum op_kind kind;
	int ns;
	int len; /* OP_NEW: of wish */
	int32_t wish[ORACLE_LEVELS];
	int32_t value; /* OP_FREE: which of the live ones, modulo; OP_LAST, OP_PID_MAX */
};

struct pair {
	struct pidns_world *w;
	struct pidns_ns *ns[ORACLE_NS];
	struct oracle o;
	struct pidns_id *id[ORACLE_IDS];
	int live[ORACLE_IDS]; /* indexes of those in use, then the free ones */
	int live_len;
	char why[200];
};

/* The namespaces' shape: parent[i] of namespace i, below i itself; -1 ends it and begins it. */
void pair_open(struct pair *p, const struct pidns_env *env, const int *parents, int len);
void pair_close(struct pair *p);
/* False: they differ, and p->why says how.  An operation that nobody could ask (free without a live one) does nothing. */
bool pair_step(struct pair *p, const struct op *op);
/* The whole state, number by number. */
bool pair_same(struct pair *p);
void pair_print(FILE *to, const struct op *op);

#endif
