/* SPDX-License-Identifier: MIT */
/*
 * plan_words.h: what a step's operands are and how it is told: one table for text, JSON and messages.
 */
#ifndef SETTID_PLAN_WORDS_H
#define SETTID_PLAN_WORDS_H

#include "plan.h"

enum plan_operand { PLAN_NOTHING, PLAN_ACTOR, PLAN_NUMBER, PLAN_FLAG, PLAN_TEXT, PLAN_COUNTER };

struct plan_words {
	const char *name;
	struct {
		enum plan_operand kind;
		const char *key; /* in JSON */
	} a, b;
	const char *sentence; /* %1 and %2 are the operands */
	const char *if_a_is_0;
	const char *if_b_is_1;
};

/* NULL = there is no such operation. */
const struct plan_words *plan__words(uint32_t op);

/* Per counter, the one actor that fills it; PLAN_SEVERAL where there are more.  The caller frees it. */
#define PLAN_SEVERAL UINT32_MAX
uint32_t *plan__fillers(const struct plan *p);

/* plan_step_describe() with names for what is waited for; fillers may be NULL.  charset: what a name may show. */
struct text;
void plan__step_text(const struct plan *p, const struct tree *t, const struct plan_step *s,
		     const uint32_t *fillers, bool unicode, struct text *out);

#endif
