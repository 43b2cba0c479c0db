/* SPDX-License-Identifier: MIT */
/* json_scan.h: see json_scan.c. */
#ifndef SETTID_TREE_JSON_SCAN_H
#define SETTID_TREE_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

struct json__scan {
	const char *at, *end;
	uint32_t line;
	const char *problem; /* what was expected, after a call returned -1 */
};

/* A value as it stands in the text, and the line it begins on. */
struct json__span {
	const char *from;
	size_t len;
	uint32_t line;
};

void json__space(struct json__scan *s);
/* The next byte that is no blank; 0 at the end. */
int json__peek(struct json__scan *s);
/* Takes the byte c, after blanks.  0, or -1 with a problem. */
int json__take(struct json__scan *s, char c);
/* One whole value of any kind, well nested; its inside is checked by whoever parses it. */
int json__value(struct json__scan *s, struct json__span *out);

#endif
