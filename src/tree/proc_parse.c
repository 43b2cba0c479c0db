/* SPDX-License-Identifier: MIT */
/*
 * proc_parse.c: the text of /proc/PID/stat and /proc/PID/status as numbers.
 *
 * Keeps:   (P1) no byte at or behind text + len is looked at: the buffers are not NUL-terminated;
 *          (P2) a field that is missing, or does not fit its type, makes the whole text -EBADMSG.
 * Costs:   one walk over stat; over status one look at each line's beginning, stopping after the last line that
 *          is of use.  stdio's scanf costs more than the system calls around it.
 */
#include "tree/proc_parse.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

struct cursor {
	const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
}

static bool take_unsigned(struct cursor *c, uint64_t *out)
{
	const char *from = c->at;
	uint64_t value = 0;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		uint64_t digit = (uint64_t)(*c->at - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return c->at > from;
}

static bool take_int(struct cursor *c, int32_t *out)
{
	bool minus = c->at < c->end && *c->at == '-';
	uint64_t value;

	if (minus)
		c->at++;
	if (!take_unsigned(c, &value) || value > INT32_MAX)
		return false;
	*out = minus ? -(int32_t)value : (int32_t)value;
	return true;
}

/* To the beginning of the n-th field from here, fields being parted by single blanks. */
static bool skip_fields(struct cursor *c, unsigned n)
{
	for (; n; n--) {
		const char *blank = memchr(c->at, ' ', (size_t)(c->end - c->at));
		if (!blank)
			return false;
		c->at = blank + 1;
	}
	return true;
}

int proc_parse_stat(const char *text, size_t len, struct proc_stat *out)
{
	/* The name may hold anything, ") R 1 " too; behind its closing parenthesis there are only numbers. */
	const char *open = memchr(text, '(', len);
	const char *close = memrchr(text, ')', len);
	struct cursor c = { .end = text + len };

	if (!open || !close || close < open || c.end - close < 4)
		return -EBADMSG;
	out->comm = open + 1;
	out->comm_len = (size_t)(close - open - 1);
	out->state = close[2];
	c.at = close + 2;
	bool good = skip_fields(&c, 1) && take_int(&c, &out->ppid) &&       /* 4 */
		    skip_fields(&c, 1) && take_int(&c, &out->pgid) &&       /* 5 */
		    skip_fields(&c, 1) && take_int(&c, &out->sid) &&        /* 6 */
		    skip_fields(&c, 14) && take_int(&c, &out->threads) &&   /* 20 */
		    skip_fields(&c, 2) && take_unsigned(&c, &out->start) && /* 22 */
		    skip_fields(&c, 16) && take_int(&c, &out->notify) &&    /* 38 */
		    skip_fields(&c, 14) && take_int(&c, &out->code);        /* 52 */
	return good ? 0 : -EBADMSG;
}

static bool take_columns(struct cursor *c, struct proc_columns *out)
{
	out->len = 0;
	for (skip_blanks(c); c->at < c->end; skip_blanks(c)) {
		if (out->len == TREE_LEVEL_MAX || !take_int(c, &out->number[out->len]))
			return false;
		out->len++;
	}
	return out->len > 0;
}

/* Is the line `key`'s?  Then the cursor moves behind the key and its blanks. */
static bool line_is(struct cursor *line, const char *key, size_t key_len)
{
	if ((size_t)(line->end - line->at) < key_len || memcmp(line->at, key, key_len) != 0)
		return false;
	line->at += key_len;
	skip_blanks(line);
	return true;
}
#define LINE_IS(line, key) line_is(line, key, sizeof(key) - 1)

static bool take_state(struct cursor *line, char *out)
{
	if (line->at == line->end)
		return false;
	*out = *line->at;
	return true;
}

int proc_parse_status(const char *text, size_t len, struct proc_status *out)
{
	const char *end = text + len;
	bool good = true;

	memset(out, 0, sizeof *out);
	while (good && text < end && out->nssid.len == 0) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		struct cursor line = { .at = text, .end = newline ? newline : end };

		text = newline ? newline + 1 : end;
		if (LINE_IS(&line, "Name:")) {
			out->name = line.at;
			out->name_len = (size_t)(line.end - line.at);
		} else if (LINE_IS(&line, "State:")) {
			good = take_state(&line, &out->state);
		} else if (LINE_IS(&line, "Tgid:")) {
			good = take_int(&line, &out->tgid);
		} else if (LINE_IS(&line, "TracerPid:")) {
			good = take_int(&line, &out->tracer);
		} else if (LINE_IS(&line, "NSpid:")) {
			good = take_columns(&line, &out->nspid);
		} else if (LINE_IS(&line, "NSpgid:")) {
			good = take_columns(&line, &out->nspgid);
		} else if (LINE_IS(&line, "NSsid:")) {
			good = take_columns(&line, &out->nssid);
		}
	}
	good = good && out->name && out->state && out->nspid.len > 0 && out->nspgid.len == out->nspid.len &&
	       out->nssid.len == out->nspid.len;
	return good ? 0 : -EBADMSG;
}

static bool is_octal(const char *text)
{
	for (int i = 0; i < 3; i++)
		if (text[i] < '0' || text[i] > '7')
			return false;
	return true;
}

size_t proc_unescape(const char *text, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\\' || i + 1 == len) {
			out[n++] = text[i];
		} else if (text[i + 1] == 'n') {
			out[n++] = '\n';
			i++;
		} else if (i + 3 < len && is_octal(text + i + 1)) {
			out[n++] = (char)((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
					  (text[i + 3] - '0'));
			i += 3;
		} else {
			out[n++] = text[++i];
		}
	}
	return n;
}

uint64_t proc_parse_ns(const char *text, size_t len)
{
	struct cursor c = { .at = memchr(text, '[', len), .end = text + len };
	uint64_t inode;

	if (!c.at)
		return 0;
	c.at++;
	return take_unsigned(&c, &inode) && c.at < c.end && *c.at == ']' ? inode : 0;
}

int32_t proc_parse_pid(const char *name)
{
	struct cursor c = { .at = name, .end = name + strlen(name) };
	int32_t pid;

	return *name != '-' && take_int(&c, &pid) && c.at == c.end ? pid : -1;
}
