/* SPDX-License-Identifier: MIT */
/*
 * args.c: what people type, taken strictly, and what they are told when it is wrong.
 *
 * Owns:    the prefix of all messages (the one static of the command).
 * Keeps:   (A1) a value is accepted whole or not at all: "42x", "+42", " 42" and "" are no numbers;
 *          (A2) nothing here exits; CMD_USAGE travels back as a return value;
 *          (A3) no byte below space, and no DEL, of a quoted argument reaches the terminal.
 */
#include "cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *prefix = "settid";

void cmd_set_prefix(const char *text)
{
	prefix = text;
}

static void put_escaped(const char *text, FILE *out)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\x%02x", *p);
		else
			putc(*p, out);
	}
}

static void say(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static void say(const char *fmt, va_list ap)
{
	char text[2048];

	vsnprintf(text, sizeof text, fmt, ap);
	fflush(stdout); /* what was printed before it is read before it */
	fprintf(stderr, "%s: ", prefix);
	put_escaped(text, stderr);
	putc('\n', stderr);
}

void cmd_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

int cmd_fail(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return status;
}

int cmd_usage_hint(void)
{
	fprintf(stderr, "Try '%s --help'.\n", prefix);
	return CMD_USAGE;
}

int cmd_usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return cmd_usage_hint();
}

int cmd_help(const char *text)
{
	fputs(text, stdout);
	return CMD_OK;
}

/* ------------------------------------------------------------------------------------- numbers -- */

/* Digits from text[0..len) only; values above max end in -ERANGE, so nothing overflows. */
static int parse_digits(const char *text, size_t len, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');
		if (value > (max - digit) / 10 || digit > max)
			return -ERANGE;
		value = value * 10 + digit;
	}
	if (value < min)
		return -ERANGE;
	*out = value;
	return 0;
}

int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse_digits(text, strlen(text), min, max, out);
}

static int parse_pid_len(const char *text, size_t len, pid_t *out)
{
	uint64_t value;
	int r = parse_digits(text, len, 1, INT32_MAX, &value);

	if (r == 0)
		*out = (pid_t)value;
	return r;
}

int parse_pid(const char *text, pid_t *out)
{
	return parse_pid_len(text, strlen(text), out);
}

int parse_pid_list(const char *text, pid_t *out, size_t max, size_t *len)
{
	size_t n = 0;

	for (;;) {
		size_t item = strcspn(text, ",");
		pid_t pid = 0;
		int r = parse_pid_len(text, item, &pid);
		if (r < 0)
			return r;
		if (n == max)
			return -E2BIG;
		out[n++] = pid;
		if (text[item] == '\0')
			break;
		text += item + 1;
	}
	*len = n;
	return 0;
}

int parse_seconds(const char *text, uint64_t *ms)
{
	size_t whole_len = strcspn(text, ".");
	uint64_t whole, fraction = 0;
	int r = parse_digits(text, whole_len, 0, 1000000, &whole);

	if (r < 0)
		return r;
	if (text[whole_len] == '.') {
		const char *digits = text + whole_len + 1;
		size_t len = strlen(digits);
		r = len > 3 ? -EINVAL : parse_digits(digits, len, 0, 999, &fraction);
		if (r < 0)
			return r;
		for (; len < 3; len++)
			fraction *= 10;
	}
	*ms = whole * 1000 + fraction;
	return 0;
}

int parse_method(const char *text, enum settid_method *out)
{
	static const struct {
		const char *name;
		enum settid_method method;
	} methods[] = {
		{ "auto", SETTID_METHOD_AUTO },
		{ "clone3", SETTID_METHOD_CLONE3 },
		{ "ns_last_pid", SETTID_METHOD_NS_LAST_PID },
	};

	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		if (strcmp(text, methods[i].name) == 0) {
			*out = methods[i].method;
			return 0;
		}
	}
	return -EINVAL;
}

bool arg_is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* --------------------------------------------------------------------------- numbers, with words -- */

int arg_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	int r = parse_number(text, min, max, out);

	if (r == 0)
		return 0;
	if (r == -ERANGE)
		return cmd_usage_error("%s: %s is not within %llu to %llu", what, text,
				       (unsigned long long)min, (unsigned long long)max);
	return cmd_usage_error("%s: '%s' is not a number", what, text);
}

int arg_pid(const char *what, const char *text, pid_t *out)
{
	int r = parse_pid(text, out);

	if (r == 0)
		return 0;
	if (r == -ERANGE)
		return cmd_usage_error("%s: %s cannot be a PID (they are 1 to %d)", what, text, INT32_MAX);
	return cmd_usage_error("%s: '%s' is not a PID", what, text);
}

int arg_pid_list(const char *what, const char *text, pid_t *out, size_t max, size_t *len)
{
	int r = parse_pid_list(text, out, max, len);

	if (r == 0)
		return 0;
	if (r == -E2BIG)
		return cmd_usage_error("%s: more than %zu numbers", what, max);
	if (r == -ERANGE)
		return cmd_usage_error("%s: '%s' holds a number that cannot be a PID (they are 1 to %d)",
				       what, text, INT32_MAX);
	return cmd_usage_error("%s: '%s' is not a list of PIDs like 1,42,31496", what, text);
}

int arg_seconds(const char *what, const char *text, uint64_t *ms)
{
	if (parse_seconds(text, ms) == 0)
		return 0;
	return cmd_usage_error("%s: '%s' is not a number of seconds like 90 or 1.5", what, text);
}

int arg_some_seconds(const char *what, const char *text, uint64_t *ms)
{
	int r = arg_seconds(what, text, ms);

	if (r == 0 && *ms == 0)
		return cmd_usage_error("%s: %s seconds are over before anything is done", what, text);
	return r;
}

int arg_method(const char *what, const char *text, enum settid_method *out)
{
	if (parse_method(text, out) == 0)
		return 0;
	return cmd_usage_error("%s: '%s' is none of auto, clone3 and ns_last_pid", what, text);
}
