/* SPDX-License-Identifier: MIT */
/*
 * model_say.h: one line of answer being made: words for people, an object for programs.
 *
 *	struct saying say = say_begin(s, s->line);
 *
 *	say_kind(&say, "ok");
 *	say_number(&say, "pidfd", 3);
 *	say_end(&say, false);            3: ok pidfd=3      {"line":3,"answer":"ok","pidfd":3}
 */
#ifndef SETTID_MODEL_SAY_H
#define SETTID_MODEL_SAY_H

#include "model_script.h"

struct saying {
	struct script *s;
	int line;
	json_t *json; /* NULL where words are wanted */
};

struct saying say_begin(struct script *s, int line);
/* Prints it; what is not important, only if the session is not quiet. */
void say_end(struct saying *say, bool important);

/* One more word, for people only. */
void say_word(struct saying *say, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A value, for programs only; takes it. */
void say_set(struct saying *say, const char *key, json_t *value);
void say_text(struct saying *say, const char *key, const char *text);

/* For both. */
void say_kind(struct saying *say, const char *kind); /* "ok" */
void say_number(struct saying *say, const char *key, int64_t value);
void say_nspid(struct saying *say, const struct op_answer *a); /* nothing if it has none */
void say_status(struct saying *say, int64_t status);

#endif
