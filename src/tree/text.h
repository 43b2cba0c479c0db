/* SPDX-License-Identifier: MIT */
/*
 * text.h: bytes of unknown origin as text that may be shown, and text that grows.
 *
 * Names, arguments and labels come from processes and files: they may hold escapes that take over a terminal,
 * bytes that are not UTF-8, and characters that turn a line around.  Whatever is drawn goes through here.
 */
#ifndef SETTID_TREE_TEXT_H
#define SETTID_TREE_TEXT_H

#include <stdarg.h>

#include "tree/tree.h"

/* A growing string; zero-initialised is empty.  `failed` stays set once memory ran out: test it once, at the
 * end. */
struct text {
	char *bytes; /* NUL-terminated once anything was put; free() it with text_done() */
	size_t len, size;
	bool failed;
};

enum text_charset {
	TEXT_ASCII, /* all else is \xNN */
	TEXT_UTF8,  /* valid UTF-8 passes, without control, formatting and bidirectional characters */
};

void text_put(struct text *t, const char *bytes, size_t len);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Control characters and what `charset` does not allow become \n, \t or \xNN; a backslash is doubled. */
void text_put_safe(struct text *t, struct tree_str s, enum text_charset charset);
/* An argument list as a shell would take it: words with blanks or quotes are in single quotes. */
void text_put_argv(struct text *t, const struct tree_process *p, enum text_charset charset);
void text_put_numbers(struct text *t, const int32_t *nspid, unsigned levels); /* "31496 42 1" */
const char *text_str(const struct text *t);                                   /* "" when nothing was put */
void text_clear(struct text *t); /* empty again, keeps the memory */
void text_done(struct text *t);

/* "SIGSTOP"; "signal 70" into buf for those without a name. */
const char *text_signal(int signal, char buf[24]);

#endif
