/* SPDX-License-Identifier: MIT */
/*
 * expr.c: values of the line language, and lists of them.
 *
 * A value is terms joined by |, + or -, from left to right: integers (decimal, 0x hexadecimal, up to 64 bits),
 * constants of the argument's own table, and $name or $name.field.  A list is values joined by commas; V*N is
 * V repeated N times and A..B every number from A to B.
 *
 * Keeps: nothing is read past the end that the caller gives; a refusal is a sentence without place, the caller
 *        knows the place.
 */
#include "op.h"

#include <ctype.h>
#include <string.h>

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '/';
}

static const char *name_end(const char *at, const char *end)
{
	while (at < end && is_name_char(*at))
		at++;
	return at;
}

/* NULL: more than 64 bits. */
static const char *read_integer(const char *at, const char *end, int64_t *out)
{
	uint64_t base = 10, value = 0;

	if (end - at > 2 && at[0] == '0' && at[1] == 'x') {
		base = 16;
		at += 2;
	}
	for (; at < end && isxdigit((unsigned char)*at); at++) {
		int c = tolower((unsigned char)*at);
		uint64_t digit = c <= '9' ? (uint64_t)(c - '0') : (uint64_t)(c - 'a' + 10);

		if (digit >= base)
			break;
		if (value > (UINT64_MAX - digit) / base)
			return NULL;
		value = value * base + digit;
	}
	*out = (int64_t)value;
	return at;
}

static const char *read_reference(const struct op_scope *scope, const char *at, const char *end, int64_t *out)
{
	const char *stop = name_end(at, end);
	const char *field = stop, *field_stop = stop;

	if (stop < end && *stop == '.' && stop + 1 < end && stop[1] != '.') {
		field = stop + 1;
		field_stop = name_end(field, end);
	}
	if (!scope->lookup ||
	    !scope->lookup(scope->ctx, at, (size_t)(stop - at), field, (size_t)(field_stop - field), out))
		return NULL;
	return field_stop;
}

static const char *read_constant(const struct op_scope *scope, const char *at, const char *end, int64_t *out)
{
	size_t len = (size_t)(name_end(at, end) - at);

	for (const struct op_const *c = scope->consts; c && c->name; c++)
		if (strlen(c->name) == len && memcmp(c->name, at, len) == 0) {
			*out = c->value;
			return at + len;
		}
	return NULL;
}

/* Returns the place after the term, or NULL with the complaint in *why. */
static const char *read_term(const struct op_scope *scope, const char *at, const char *end, int64_t *out,
			     const char **why)
{
	const char *next = NULL;

	*why = "a value is missing";
	if (at == end)
		return NULL;
	if (*at == '$') {
		*why = "no such name or field";
		next = read_reference(scope, at + 1, end, out);
	} else if (isdigit((unsigned char)*at)) {
		*why = "a number of more than 64 bits";
		next = read_integer(at, end, out);
	} else {
		*why = "not a number, nor a constant of this argument";
		next = read_constant(scope, at, end, out);
	}
	return next;
}

const char *op_eval(const struct op_scope *scope, const char *text, const char *end, int64_t *out)
{
	const char *at = text, *why = NULL;
	uint64_t sum = 0;
	char join = '+';

	if (at < end && *at == '-') {
		join = '-';
		at++;
	}
	for (;;) {
		int64_t term = 0;

		at = read_term(scope, at, end, &term, &why);
		if (!at)
			return why;
		sum = join == '|'   ? sum | (uint64_t)term
		      : join == '-' ? sum - (uint64_t)term
				    : sum + (uint64_t)term;
		if (at == end)
			break;
		if (*at != '|' && *at != '+' && *at != '-')
			return "values are joined by |, + or -";
		join = *at++;
	}
	*out = (int64_t)sum;
	return NULL;
}

/* The first `word` in [at, end), or end. */
static const char *find(const char *at, const char *end, const char *word)
{
	size_t len = strlen(word);

	for (; at + len <= end; at++)
		if (memcmp(at, word, len) == 0)
			return at;
	return end;
}

static const char *append_run(int32_t *out, uint32_t *len, int64_t first, int64_t step, int64_t count)
{
	if (count < 0 || count > OP_SET_TID_MAX - (int64_t)*len)
		return "the list is too long";
	if (first < INT32_MIN || first > INT32_MAX - (step ? count - 1 : 0))
		return "a number of more than 32 bits";
	for (int64_t i = 0; i < count; i++)
		out[(*len)++] = (int32_t)(first + i * step);
	return NULL;
}

static const char *eval_item(const struct op_scope *scope, const char *at, const char *end, int32_t *out,
			     uint32_t *len)
{
	const char *dots = find(at, end, ".."), *star = find(at, end, "*");
	const char *first_end = dots < star ? dots : star;
	int64_t first = 0, second = 1;
	const char *why = op_eval(scope, at, first_end, &first);

	if (!why && first_end < end)
		why = op_eval(scope, first_end + (dots < star ? 2 : 1), end, &second);
	if (why)
		return why;
	if (dots < star &&
	    (second < INT32_MIN || second > INT32_MAX || first < INT32_MIN || first > INT32_MAX))
		return "a number of more than 32 bits";
	if (dots < star && second < first)
		return "the list runs backwards";
	if (dots < star)
		return append_run(out, len, first, 1, second - first + 1);
	return append_run(out, len, first, 0, second);
}

const char *op_eval_list(const struct op_scope *scope, const char *text, int32_t *out, uint32_t *len)
{
	const char *end = text + strlen(text);

	*len = 0;
	for (const char *at = text;;) {
		const char *comma = find(at, end, ",");
		const char *why = eval_item(scope, at, comma, out, len);

		if (why)
			return why;
		if (comma == end)
			return NULL;
		at = comma + 1;
	}
}
