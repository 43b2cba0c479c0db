/* SPDX-License-Identifier: MIT */
/*
 * out_json.c: what programs read: JSON documents, and the errors of both libraries as JSON.
 *
 * Keeps:   (J1) all that is printed is valid UTF-8: other bytes travel as {"hex": "..."};
 *          (J2) a fact that is not known is absent, never 0 or "".
 */
#include "out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 9 /* of seconds, the only reals: a nanosecond of a second; more is noise of binary fractions */

int out_json(json_t *root)
{
	if (!root)
		return -ENOMEM;
	int r = json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
	json_decref(root);
	if (r < 0)
		return ferror(stdout) ? -EIO : -ENOMEM;
	putchar('\n');
	return out_finish();
}

static json_t *json_hex(const char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = malloc(2 * len + 1);

	if (!hex)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[(unsigned char)bytes[i] >> 4];
		hex[2 * i + 1] = digits[(unsigned char)bytes[i] & 15];
	}
	json_t *value = json_pack("{s:s%}", "hex", hex, 2 * len);
	free(hex);
	return value;
}

json_t *json_bytes(const char *bytes, size_t len)
{
	json_t *value = memchr(bytes, '\0', len) ? NULL : json_stringn(bytes, len); /* NULL: not UTF-8 */

	return value ? value : json_hex(bytes, len);
}

const char *errno_name(int code, char buf[static 16])
{
	const char *name = strerrorname_np(code < 0 ? -code : code);

	if (name)
		return name;
	snprintf(buf, 16, "E%d", code < 0 ? -code : code);
	return buf;
}

/* Sets a value that json_bytes() made of text; an empty text is a fact not known. */
static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(object, key, json_bytes(text, strlen(text)));
}

static void set_known(json_t *object, const char *key, long value, bool known)
{
	if (known)
		json_object_set_new(object, key, json_integer(value));
}

json_t *json_settid_holder(const struct settid_error *e)
{
	json_t *holder = json_object();

	set_text(holder, "kind", settid_holder_name(e->holder));
	set_known(holder, "pid", e->holder_pid, e->holder_pid > 0);
	set_known(holder, "parent", e->holder_parent, e->holder_parent > 0);
	set_known(holder, "members", e->holder_members, e->holder_members > 0);
	set_text(holder, "comm", e->holder_comm);
	return holder;
}

json_t *json_settid_error(const struct settid_error *e)
{
	char buf[16];
	json_t *o = json_object();

	set_text(o, "errno", errno_name(e->code, buf));
	set_text(o, "reason", settid_reason_name(e->reason));
	set_known(o, "level", e->level, e->level >= 0);
	set_known(o, "ns_level", e->ns_level, e->ns_level >= 0);
	set_known(o, "number", e->number, e->number > 0);
	if (e->holder != SETTID_HOLDER_NONE)
		json_object_set_new(o, "holder", json_settid_holder(e));
	if (e->step != SETTID_STEP_NONE) {
		set_text(o, "step", settid_step_name(e->step));
		set_known(o, "step_index", e->step_index, e->step_index >= 0);
	}
	set_text(o, "message", e->text);
	return o;
}

json_t *json_tree_error(const struct tree_error *e)
{
	char buf[16];
	json_t *o = json_object();

	set_text(o, "errno", errno_name(e->code, buf));
	set_known(o, e->line_is_offset ? "offset" : "line", e->line, e->line > 0);
	set_known(o, "pid", e->pid, e->pid > 0);
	set_text(o, "field", e->field);
	set_text(o, "message", e->text);
	return o;
}
