/* SPDX-License-Identifier: MIT */
/*
 * json_scan.c: finds the extent of JSON values without building them.
 *
 * A tree file is one object with one long array.  Splitting that array here lets the parser take one process at
 * a time, so that memory stays small, and every element's line is known when something is wrong with it.
 * Keeps:   never reads past `end`; nesting is bounded; every byte is looked at once.
 */
#include "json_scan.h"

#include <string.h>

#define DEPTH_MAX 64

void json__space(struct json__scan *s)
{
	for (; s->at < s->end; s->at++) {
		if (*s->at == '\n')
			s->line++;
		else if (*s->at != ' ' && *s->at != '\t' && *s->at != '\r')
			return;
	}
}

int json__peek(struct json__scan *s)
{
	json__space(s);
	return s->at < s->end ? (unsigned char)*s->at : 0;
}

static int problem(struct json__scan *s, const char *what)
{
	s->problem = what;
	return -1;
}

int json__take(struct json__scan *s, char c)
{
	if (json__peek(s) != (unsigned char)c || s->at == s->end)
		return problem(s, c == '{'   ? "'{' was expected"
				  : c == '}' ? "'}' or ',' was expected"
				  : c == ']' ? "']' or ',' was expected"
				  : c == ':' ? "':' was expected"
				  : c == '[' ? "an array was expected"
					     : "',' was expected");
	s->at++;
	return 0;
}

/* s->at stands behind the opening quote. */
static int string_rest(struct json__scan *s)
{
	for (; s->at < s->end; s->at++) {
		if (*s->at == '"') {
			s->at++;
			return 0;
		}
		if (*s->at == '\\' && ++s->at == s->end)
			break;
		if (*s->at == '\n')
			return problem(s, "a string runs over the end of its line");
		if (*s->at == '\0')
			return problem(s, "a NUL byte in a string");
	}
	return problem(s, "the file ends inside a string");
}

static int nested(struct json__scan *s)
{
	char open[DEPTH_MAX];
	int depth = 0;

	for (; s->at < s->end; s->at++) {
		char c = *s->at;

		if (c == '\n')
			s->line++;
		else if (c == '\0')
			return problem(s, "a NUL byte");
		else if (c == '"') {
			s->at++;
			if (string_rest(s) < 0)
				return -1;
			s->at--;
		} else if (c == '{' || c == '[') {
			if (depth == DEPTH_MAX)
				return problem(s, "values are nested too deeply");
			open[depth++] = c;
		} else if (c == '}' || c == ']') {
			if (open[--depth] != (c == '}' ? '{' : '['))
				return problem(s, "brackets do not match");
			if (depth == 0) {
				s->at++;
				return 0;
			}
		}
	}
	return problem(s, "the file ends inside a value");
}

int json__value(struct json__scan *s, struct json__span *out)
{
	int first = json__peek(s), r = 0;

	*out = (struct json__span){ .from = s->at, .line = s->line };
	if (first == '{' || first == '[')
		r = nested(s);
	else if (first == '"') {
		s->at++;
		r = string_rest(s);
	} else {
		while (s->at < s->end && !strchr(",]}: \t\r\n\"{[", *s->at))
			s->at++;
		if (s->at == out->from)
			return problem(s, s->at == s->end ? "the file ends where a value was expected"
							  : "a value was expected");
	}
	out->len = (size_t)(s->at - out->from);
	return r;
}
