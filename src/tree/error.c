/* SPDX-License-Identifier: MIT */
/*
 * error.c: one sentence per failure, with its place in front.
 *
 * Owns:    the contents of struct tree_error.
 * Keeps:   (E1) text is one line, always terminated, and says file, line, process and field where they are
 * known; (E2) bytes from a file that would break a terminal or the line are shown as '?'.
 */
#include "tree/internal.h"

#include <stdarg.h>
#include <string.h>

/* Appends to err->text and returns the new length; a full text stays as it is. */
__attribute__((format(printf, 3, 0))) static size_t append(struct tree_error *err, size_t len,
							   const char *fmt, va_list args)
{
	size_t room = sizeof err->text - len;
	int n = vsnprintf(err->text + len, room, fmt, args);
	if (n < 0)
		return len;
	return (size_t)n < room ? len + (size_t)n : sizeof err->text - 1;
}

__attribute__((format(printf, 3, 4))) static size_t appendf(struct tree_error *err, size_t len,
							    const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	len = append(err, len, fmt, args);
	va_end(args);
	return len;
}

/* Messages quote keys and labels from files. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static size_t append_place(struct tree_error *err, const struct tree_place *at)
{
	size_t len = 0;
	if (at->source)
		len = appendf(err, len, "%s:", at->source);
	if (at->line && at->line_is_offset)
		len = appendf(err, len, " offset %u:", at->line);
	else if (at->line)
		len = appendf(err, len, at->source ? "%u:" : "line %u:", at->line);
	if (len)
		len = appendf(err, len, " ");
	if (at->kind && at->pid)
		len = appendf(err, len, "%s %d: ", at->kind, (int)at->pid);
	else if (at->kind)
		len = appendf(err, len, "%s: ", at->kind);
	if (at->field)
		len = appendf(err, len, "field '%s': ", at->field);
	return len;
}

__attribute__((format(printf, 4, 0))) static int fail(struct tree_error *err, int code,
						      const struct tree_place *at, const char *fmt,
						      va_list args)
{
	if (!err)
		return code;
	*err = (struct tree_error){
		.code = code, .line = at->line, .line_is_offset = at->line_is_offset, .pid = at->pid
	};
	if (at->field)
		memcpy(err->field, at->field, strnlen(at->field, sizeof err->field - 1));
	append(err, append_place(err, at), fmt, args);
	make_printable(err->text);
	return code;
}

int tree_fail(struct tree_error *err, int code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fail(err, code, &(struct tree_place){ 0 }, fmt, args);
	va_end(args);
	return code;
}

int tree_fail_at(struct tree_error *err, int code, const struct tree_place *at, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fail(err, code, at, fmt, args);
	va_end(args);
	return code;
}

struct tree_place tree__at_process(const struct tree *t, const struct tree_process *p, const char *field)
{
	return (struct tree_place){ .source = t->source,
				    .line = p->line,
				    .line_is_offset = t->lines_are_offsets,
				    .kind = "process",
				    .pid = p->nspid[0],
				    .field = field };
}

struct tree_place tree__at_ghost(const struct tree *t, const struct tree_ghost *g, const char *field)
{
	return (struct tree_place){ .source = t->source,
				    .line = g->line,
				    .line_is_offset = t->lines_are_offsets,
				    .kind = "ghost",
				    .pid = g->nspid[0],
				    .field = field };
}
