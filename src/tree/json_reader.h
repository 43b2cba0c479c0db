/* SPDX-License-Identifier: MIT */
/*
 * json_reader.h: what the two halves of the reader share: the document (json_read.c) and its elements (json_fields.c).
 */
#ifndef SETTID_TREE_JSON_READER_H
#define SETTID_TREE_JSON_READER_H

#include <jansson.h>

#include "internal.h"
#include "json_scan.h"

struct json__reader {
	struct tree *t;
	struct json__scan scan;
	struct tree_error *err;
	struct tree_place at; /* of the element being read */
	char label[48];
	bool seen_version, seen_processes, seen_ghosts;
	json_t *notes; /* keys of the file itself that begin with "x-", to see one that stands twice */
};

/* Both return the error: "FILE:LINE: process 42: field 'FIELD': ..."; field may be NULL. */
int json__complain(struct json__reader *r, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int json__no_memory(struct json__reader *r);
const char *json__kind(const json_t *j); /* "an object", "a string" ... */

/* json_fields.c: one element of "processes", one of "ghosts", into the tree. */
int json__process(struct json__reader *r, json_t *j);
int json__ghost(struct json__reader *r, json_t *j);

#endif
