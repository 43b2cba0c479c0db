/* SPDX-License-Identifier: MIT */
/*
 * json_fields.c: what stands in one process or ghost of a tree file.  The format is docs/tree-file.md.
 *
 * Owns:    one table of fields, which says what each key may hold and where it goes.
 * Keeps:   (J1) unknown keys are errors, keys that begin with "x-" pass;
 *          (J4) strings keep their length: bytes that are written in hexadecimal may be NUL too.
 */
#include "json_reader.h"

#include <errno.h>
#include <string.h>

int json__complain(struct json__reader *r, const char *field, const char *fmt, ...)
{
	struct tree_place at = r->at;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	at.field = field;
	return tree_fail_at(r->err, -EINVAL, &at, "%s", text);
}

int json__no_memory(struct json__reader *r)
{
	return tree_fail(r->err, -ENOMEM, "out of memory for the tree");
}

/* ------------------------------------------------------------------------------------------ values -- */

const char *json__kind(const json_t *j)
{
	static const char *const names[] = { "an object",     "an array", "a string", "an integer",
					     "a real number", "true",     "false",    "null" };

	return (size_t)json_typeof(j) < sizeof names / sizeof *names ? names[json_typeof(j)] : "a value";
}

static int read_integer(struct json__reader *r, const char *field, const json_t *j, json_int_t min,
			json_int_t max, json_int_t *out)
{
	if (!json_is_integer(j))
		return json__complain(r, field, "an integer is needed, not %s", json__kind(j));
	*out = json_integer_value(j);
	if (*out < min || *out > max)
		return json__complain(r, field, "%lld is out of range, %lld to %lld are allowed",
				      (long long)*out, (long long)min, (long long)max);
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* {"hex": "66c3"}: bytes that are not UTF-8, or hold NUL. */
static int read_hex(struct json__reader *r, const char *field, const json_t *j, size_t max,
		    struct tree_str *out)
{
	const json_t *hex = json_object_get(j, "hex");
	size_t len = hex ? json_string_length(hex) : 0;
	const char *text = json_string_value(hex);
	char *bytes;

	if (!json_is_string(hex) || json_object_size(j) != 1)
		return json__complain(r, field, "an object here is {\"hex\": \"...\"} and nothing else");
	if (len % 2)
		return json__complain(r, field, "hex has an odd number of digits");
	if (len / 2 > max)
		return json__complain(r, field, "%zu bytes are too long, at most %zu are allowed", len / 2,
				      max);
	bytes = tree_alloc(r->t, len / 2 + 1);
	if (!bytes)
		return json__no_memory(r);
	for (size_t k = 0; k < len; k += 2) {
		int high = hex_digit(text[k]), low = hex_digit(text[k + 1]);

		if (high < 0 || low < 0)
			return json__complain(r, field, "hex has a character that is no hexadecimal digit");
		bytes[k / 2] = (char)(high << 4 | low);
	}
	*out = (struct tree_str){ bytes, len / 2 };
	return 0;
}

static int read_bytes(struct json__reader *r, const char *field, const json_t *j, size_t max,
		      struct tree_str *out)
{
	size_t len;

	if (json_is_object(j))
		return read_hex(r, field, j, max, out);
	if (!json_is_string(j))
		return json__complain(r, field, "a string is needed, not %s", json__kind(j));
	len = json_string_length(j);
	if (len > max)
		return json__complain(r, field, "%zu bytes are too long, at most %zu are allowed", len, max);
	if (memchr(json_string_value(j), '\0', len))
		return json__complain(r, field, "bytes with a NUL are written {\"hex\": \"...\"}");
	*out = tree_strdup(r->t, json_string_value(j), len);
	return out->bytes ? 0 : json__no_memory(r);
}

static int read_label(struct json__reader *r, const char *field, const json_t *j, struct tree_str *out)
{
	int rc = read_bytes(r, field, j, TREE_LABEL_MAX, out);

	return rc == 0 && out->len == 0 ? json__complain(r, field, "a label cannot be empty") : rc;
}

static int read_boolean(struct json__reader *r, const char *field, const json_t *j, bool *out)
{
	if (!json_is_boolean(j))
		return json__complain(r, field, "true or false is needed, not %s", json__kind(j));
	*out = json_is_true(j);
	return 0;
}

static int read_nspid(struct json__reader *r, const char *field, const json_t *j, const int32_t **out,
		      uint8_t *levels)
{
	size_t n = json_array_size(j);
	int32_t *numbers;

	if (!json_is_array(j))
		return json__complain(r, field, "an array of numbers is needed, not %s", json__kind(j));
	if (n == 0 || n > TREE_LEVEL_MAX)
		return json__complain(r, field, "%zu numbers: a process has 1 to %d, outermost first", n,
				      TREE_LEVEL_MAX);
	numbers = tree_alloc(r->t, n * sizeof *numbers);
	if (!numbers)
		return json__no_memory(r);
	for (size_t k = 0; k < n; k++) {
		json_int_t v;
		int rc = read_integer(r, field, json_array_get(j, k), 1, TREE_NUMBER_MAX, &v);

		if (rc < 0)
			return rc;
		numbers[k] = (int32_t)v;
	}
	*out = numbers;
	*levels = (uint8_t)n;
	return 0;
}

/* ------------------------------------------------------------------------------------------ fields -- */

static int read_state(struct json__reader *r, const json_t *j, struct tree_process *p)
{
	static const char *const names[] = { "live", "stopped", "zombie" };
	const char *word = json_string_value(j);

	for (uint8_t k = 0; word && k < 3; k++) {
		if (strcmp(word, names[k]) == 0) {
			p->state = k;
			return 0;
		}
	}
	return json__complain(r, "state", "it is \"live\", \"stopped\" or \"zombie\"");
}

static int read_thread(struct json__reader *r, const json_t *j, const struct tree_process *p,
		       struct tree_thread *out)
{
	const char *key;
	json_t *value;
	uint8_t levels = 0;
	int rc = 0;

	if (!json_is_object(j))
		return json__complain(r, "threads", "each thread is an object, not %s", json__kind(j));
	json_object_foreach((json_t *)(uintptr_t)j, key, value)
	{
		if (strcmp(key, "nspid") == 0)
			rc = read_nspid(r, "threads", value, &out->nspid, &levels);
		else if (strcmp(key, "name") == 0)
			rc = read_bytes(r, "threads", value, TREE_NAME_MAX, &out->name);
		else if (strncmp(key, "x-", 2) != 0)
			return json__complain(r, "threads", "a thread has no key \"%.40s\"", key);
		if (rc < 0)
			return rc;
	}
	if (!out->nspid)
		return json__complain(r, "threads", "a thread lacks its nspid");
	if (levels != p->levels)
		return json__complain(r, "threads", "thread %d has %d numbers and its process %d",
				      (int)out->nspid[0], levels, p->levels);
	return 0;
}

static int read_threads(struct json__reader *r, const json_t *j, struct tree_process *p)
{
	size_t n = json_array_size(j);

	if (!json_is_array(j) || n == 0)
		return json__complain(r, "threads", "an array with the leader first is needed");
	if (n > TREE_NUMBER_MAX)
		return json__complain(r, "threads", "%zu threads are more than there are numbers", n);
	p->threads = tree_alloc(r->t, n * sizeof *p->threads);
	if (!p->threads)
		return json__no_memory(r);
	p->threads_len = (uint32_t)n;
	for (size_t k = 0; k < n; k++) {
		int rc = read_thread(r, json_array_get(j, k), p, &p->threads[k]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int read_argv(struct json__reader *r, const json_t *j, struct tree_process *p)
{
	size_t n = json_array_size(j);

	if (!json_is_array(j))
		return json__complain(r, "argv", "an array of strings is needed, not %s", json__kind(j));
	if (n == 0)
		return json__complain(r, "argv", "an empty one names no program");
	if (n > TREE_ARGS_MAX)
		return json__complain(r, "argv", "%zu arguments are too many, at most %d are allowed", n,
				      TREE_ARGS_MAX);
	p->argv = tree_alloc(r->t, (n + 1) * sizeof *p->argv);
	if (!p->argv)
		return json__no_memory(r);
	p->argv_len = (uint32_t)n;
	for (size_t k = 0; k < n; k++) {
		int rc = read_bytes(r, "argv", json_array_get(j, k), TREE_ARG_MAX, &p->argv[k]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

enum field_kind { NSPID, NUMBER, STATE, SMALL, FLAG8, FLAG, THREADS, ARGV, BYTES, LABEL };

#define AT(member) offsetof(struct tree_process, member)

/* One row per key: what it holds, where that goes, the range or longest length. */
static const struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;
	int min, max;
	bool required;
} fields[] = {
	{ "nspid", NSPID, AT(nspid), 0, 0, true },
	{ "ppid", NUMBER, AT(ppid), 0, TREE_NUMBER_MAX, true },
	{ "pgid", NUMBER, AT(pgid), 0, TREE_NUMBER_MAX, true },
	{ "sid", NUMBER, AT(sid), 0, TREE_NUMBER_MAX, true },
	{ "state", STATE, 0, 0, 0, true },
	{ "exit_code", SMALL, AT(exit_code), 0, 255, false },
	{ "exit_signal", SMALL, AT(exit_signal), 1, 64, false },
	{ "core_dumped", FLAG8, AT(core_dumped), 0, 0, false },
	{ "stop_signal", SMALL, AT(stop_signal), 1, 64, false },
	{ "notify_signal", SMALL, AT(notify_signal), 0, 64, false },
	{ "subreaper", FLAG8, AT(subreaper), 0, 0, false },
	{ "leader_dead", FLAG, AT(leader_dead), 0, 0, false },
	{ "threads", THREADS, 0, 0, 0, false },
	{ "ns", LABEL, AT(ns_label), 0, 0, false },
	{ "children_ns", LABEL, AT(children_ns_label), 0, 0, false },
	{ "comm", BYTES, AT(comm), 0, TREE_NAME_MAX, false },
	{ "argv", ARGV, 0, 0, 0, false },
	{ "cwd", BYTES, AT(cwd), 0, TREE_PATH_MAX, false },
};
#define FIELDS_LEN (sizeof fields / sizeof *fields)

static int read_field(struct json__reader *r, const struct field *f, const json_t *j, struct tree_process *p)
{
	void *to = (char *)p + f->offset;
	json_int_t v = 0;
	bool flag = false;
	int rc;

	switch (f->kind) {
	case NSPID:
		return read_nspid(r, f->key, j, &p->nspid, &p->levels);
	case NUMBER:
		rc = read_integer(r, f->key, j, f->min, f->max, &v);
		*(int32_t *)to = (int32_t)v;
		return rc;
	case SMALL:
		rc = read_integer(r, f->key, j, f->min, f->max, &v);
		*(int16_t *)to = (int16_t)v;
		return rc;
	case FLAG8:
		rc = read_boolean(r, f->key, j, &flag);
		*(int8_t *)to = flag;
		return rc;
	case FLAG:
		return read_boolean(r, f->key, j, to);
	case STATE:
		return read_state(r, j, p);
	case THREADS:
		return read_threads(r, j, p);
	case ARGV:
		return read_argv(r, j, p);
	case BYTES:
		return read_bytes(r, f->key, j, (size_t)f->max, to);
	case LABEL:
		return read_label(r, f->key, j, to);
	}
	return -EINVAL;
}

/* Every key of the object has a row; every required row has a key. */
static int check_keys(struct json__reader *r, json_t *j)
{
	const char *key;
	json_t *value;
	size_t k;

	json_object_foreach(j, key, value)
	{
		for (k = 0; k < FIELDS_LEN && strcmp(fields[k].key, key) != 0; k++)
			;
		if (k == FIELDS_LEN && strncmp(key, "x-", 2) != 0)
			return json__complain(r, key, "a process has no such key");
	}
	for (k = 0; k < FIELDS_LEN; k++)
		if (fields[k].required && !json_object_get(j, fields[k].key))
			return json__complain(r, fields[k].key, "it is missing");
	return 0;
}

/* From here on complaints name the element by its number, if it has a sound one. */
static void name_element(struct json__reader *r, const json_t *j, const char *kind)
{
	const json_t *outermost = json_array_get(json_object_get(j, "nspid"), 0);
	json_int_t n = json_integer_value(outermost);

	if (n < 1 || n > TREE_NUMBER_MAX)
		return;
	r->at.kind = kind;
	r->at.pid = (int32_t)n;
}

int json__process(struct json__reader *r, json_t *j)
{
	struct tree_process *p;
	int rc;

	name_element(r, j, "process");
	rc = check_keys(r, j);
	if (rc < 0)
		return rc;
	p = tree_process_add(r->t);
	if (!p)
		return json__no_memory(r);
	p->line = r->at.line;
	for (size_t k = 0; k < FIELDS_LEN; k++) {
		const json_t *value = json_object_get(j, fields[k].key);

		if (value && (rc = read_field(r, &fields[k], value, p)) < 0)
			return rc;
	}
	return 0;
}

int json__ghost(struct json__reader *r, json_t *j)
{
	const json_t *nspid = json_object_get(j, "nspid"), *ns = json_object_get(j, "ns");
	struct tree_ghost *g;
	const char *key;
	json_t *value;
	int rc;

	name_element(r, j, "ghost");
	json_object_foreach(j, key, value)
	{
		if (strcmp(key, "nspid") != 0 && strcmp(key, "ns") != 0 && strncmp(key, "x-", 2) != 0)
			return json__complain(r, key, "a ghost has no such key");
	}
	if (!nspid)
		return json__complain(r, "nspid", "it is missing");
	g = tree_ghost_add(r->t);
	if (!g)
		return json__no_memory(r);
	g->line = r->at.line;
	rc = read_nspid(r, "nspid", nspid, &g->nspid, &g->levels);
	return rc == 0 && ns ? read_label(r, "ns", ns, &g->ns_label) : rc;
}
