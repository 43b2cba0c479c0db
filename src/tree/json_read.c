/* SPDX-License-Identifier: MIT */
/*
 * json_read.c: tree files.  The format is docs/tree-file.md.
 *
 * json_scan.c splits the file, jansson parses one process at a time, one table of fields says what each key may
 * hold.
 * Keeps:   (J1) unknown and duplicate keys are errors, keys that begin with "x-" pass;
 *          (J2) every complaint names file, line, process and field;
 *          (J3) nothing is allocated in proportion to anything but the file's own size.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "json_scan.h"

#define FILE_MAX_BYTES ((size_t)1 << 31)

struct reader {
	struct tree *t;
	struct json__scan scan;
	struct tree_error *err;
	struct tree_place at; /* of the element being read */
	char label[48];
	bool seen_version, seen_processes, seen_ghosts;
	json_t *notes; /* keys of the file itself that begin with "x-", to see one that stands twice */
};

static int complain(struct reader *r, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int complain(struct reader *r, const char *field, const char *fmt, ...)
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

static int no_memory(struct reader *r)
{
	return tree_fail(r->err, -ENOMEM, "out of memory for the tree");
}

static int bad_json(struct reader *r)
{
	r->at = (struct tree_place){ .source = r->t->source, .line = r->scan.line };
	return complain(r, NULL, "not a tree file: %s", r->scan.problem);
}

/* ------------------------------------------------------------------------------------------ values -- */

static const char *kind_of(const json_t *j)
{
	static const char *const names[] = { "an object",     "an array", "a string", "an integer",
					     "a real number", "true",     "false",    "null" };

	return (size_t)json_typeof(j) < sizeof names / sizeof *names ? names[json_typeof(j)] : "a value";
}

static int read_integer(struct reader *r, const char *field, const json_t *j, json_int_t min, json_int_t max,
			json_int_t *out)
{
	if (!json_is_integer(j))
		return complain(r, field, "an integer is needed, not %s", kind_of(j));
	*out = json_integer_value(j);
	if (*out < min || *out > max)
		return complain(r, field, "%lld is out of range, %lld to %lld are allowed", (long long)*out,
				(long long)min, (long long)max);
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* {"hex": "66c3"}: bytes that are not UTF-8. */
static int read_hex(struct reader *r, const char *field, const json_t *j, size_t max, struct tree_str *out)
{
	const json_t *hex = json_object_get(j, "hex");
	size_t len = hex ? json_string_length(hex) : 0;
	const char *text = json_string_value(hex);
	char *bytes;

	if (!json_is_string(hex) || json_object_size(j) != 1)
		return complain(r, field, "an object here is {\"hex\": \"...\"} and nothing else");
	if (len % 2)
		return complain(r, field, "hex has an odd number of digits");
	if (len / 2 > max)
		return complain(r, field, "%zu bytes are too long, at most %zu are allowed", len / 2, max);
	bytes = tree_alloc(r->t, len / 2 + 1);
	if (!bytes)
		return no_memory(r);
	for (size_t k = 0; k < len; k += 2) {
		int high = hex_digit(text[k]), low = hex_digit(text[k + 1]);

		if (high < 0 || low < 0)
			return complain(r, field, "hex has a character that is no hexadecimal digit");
		bytes[k / 2] = (char)(high << 4 | low);
		if (!bytes[k / 2])
			return complain(r, field, "a NUL byte cannot be part of it");
	}
	*out = (struct tree_str){ bytes, len / 2 };
	return 0;
}

static int read_bytes(struct reader *r, const char *field, const json_t *j, size_t max, struct tree_str *out)
{
	size_t len;

	if (json_is_object(j))
		return read_hex(r, field, j, max, out);
	if (!json_is_string(j))
		return complain(r, field, "a string is needed, not %s", kind_of(j));
	len = json_string_length(j);
	if (len > max)
		return complain(r, field, "%zu bytes are too long, at most %zu are allowed", len, max);
	if (memchr(json_string_value(j), '\0', len))
		return complain(r, field, "a NUL byte cannot be part of it");
	*out = tree_strdup(r->t, json_string_value(j), len);
	return out->bytes ? 0 : no_memory(r);
}

static int read_label(struct reader *r, const char *field, const json_t *j, struct tree_str *out)
{
	int rc = read_bytes(r, field, j, TREE_LABEL_MAX, out);

	return rc == 0 && out->len == 0 ? complain(r, field, "a label cannot be empty") : rc;
}

static int read_boolean(struct reader *r, const char *field, const json_t *j, bool *out)
{
	if (!json_is_boolean(j))
		return complain(r, field, "true or false is needed, not %s", kind_of(j));
	*out = json_is_true(j);
	return 0;
}

static int read_nspid(struct reader *r, const char *field, const json_t *j, const int32_t **out,
		      uint8_t *levels)
{
	size_t n = json_array_size(j);
	int32_t *numbers;

	if (!json_is_array(j))
		return complain(r, field, "an array of numbers is needed, not %s", kind_of(j));
	if (n == 0 || n > TREE_LEVEL_MAX)
		return complain(r, field, "%zu numbers: a process has 1 to %d, outermost first", n,
				TREE_LEVEL_MAX);
	numbers = tree_alloc(r->t, n * sizeof *numbers);
	if (!numbers)
		return no_memory(r);
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

static int read_state(struct reader *r, const json_t *j, struct tree_process *p)
{
	static const char *const names[] = { "live", "stopped", "zombie" };
	const char *word = json_string_value(j);

	for (uint8_t k = 0; word && k < 3; k++) {
		if (strcmp(word, names[k]) == 0) {
			p->state = k;
			return 0;
		}
	}
	return complain(r, "state", "it is \"live\", \"stopped\" or \"zombie\"");
}

static int read_thread(struct reader *r, const json_t *j, const struct tree_process *p,
		       struct tree_thread *out)
{
	const char *key;
	json_t *value;
	uint8_t levels = 0;
	int rc = 0;

	if (!json_is_object(j))
		return complain(r, "threads", "each thread is an object, not %s", kind_of(j));
	json_object_foreach((json_t *)(uintptr_t)j, key, value)
	{
		if (strcmp(key, "nspid") == 0)
			rc = read_nspid(r, "threads", value, &out->nspid, &levels);
		else if (strcmp(key, "name") == 0)
			rc = read_bytes(r, "threads", value, TREE_NAME_MAX, &out->name);
		else if (strncmp(key, "x-", 2) != 0)
			return complain(r, "threads", "a thread has no key \"%.40s\"", key);
		if (rc < 0)
			return rc;
	}
	if (!out->nspid)
		return complain(r, "threads", "a thread lacks its nspid");
	if (levels != p->levels)
		return complain(r, "threads", "thread %d has %d numbers and its process %d",
				(int)out->nspid[0], levels, p->levels);
	return 0;
}

static int read_threads(struct reader *r, const json_t *j, struct tree_process *p)
{
	size_t n = json_array_size(j);

	if (!json_is_array(j) || n == 0)
		return complain(r, "threads", "an array with the leader first is needed");
	if (n > TREE_NUMBER_MAX)
		return complain(r, "threads", "%zu threads are more than there are numbers", n);
	p->threads = tree_alloc(r->t, n * sizeof *p->threads);
	if (!p->threads)
		return no_memory(r);
	p->threads_len = (uint32_t)n;
	for (size_t k = 0; k < n; k++) {
		int rc = read_thread(r, json_array_get(j, k), p, &p->threads[k]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int read_argv(struct reader *r, const json_t *j, struct tree_process *p)
{
	size_t n = json_array_size(j);

	if (!json_is_array(j))
		return complain(r, "argv", "an array of strings is needed, not %s", kind_of(j));
	if (n == 0)
		return complain(r, "argv", "an empty one names no program");
	if (n > TREE_ARGS_MAX)
		return complain(r, "argv", "%zu arguments are too many, at most %d are allowed", n,
				TREE_ARGS_MAX);
	p->argv = tree_alloc(r->t, (n + 1) * sizeof *p->argv);
	if (!p->argv)
		return no_memory(r);
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

static int read_field(struct reader *r, const struct field *f, const json_t *j, struct tree_process *p)
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
static int check_keys(struct reader *r, json_t *j)
{
	const char *key;
	json_t *value;
	size_t k;

	json_object_foreach(j, key, value)
	{
		for (k = 0; k < FIELDS_LEN && strcmp(fields[k].key, key) != 0; k++)
			;
		if (k == FIELDS_LEN && strncmp(key, "x-", 2) != 0)
			return complain(r, key, "a process has no such key");
	}
	for (k = 0; k < FIELDS_LEN; k++)
		if (fields[k].required && !json_object_get(j, fields[k].key))
			return complain(r, fields[k].key, "it is missing");
	return 0;
}

/* From here on complaints name the element by its number, if it has a sound one. */
static void name_element(struct reader *r, const json_t *j, const char *kind)
{
	const json_t *outermost = json_array_get(json_object_get(j, "nspid"), 0);
	json_int_t n = json_integer_value(outermost);

	if (n < 1 || n > TREE_NUMBER_MAX)
		return;
	r->at.kind = kind;
	r->at.pid = (int32_t)n;
}

static int read_process(struct reader *r, json_t *j)
{
	struct tree_process *p;
	int rc;

	name_element(r, j, "process");
	rc = check_keys(r, j);
	if (rc < 0)
		return rc;
	p = tree_process_add(r->t);
	if (!p)
		return no_memory(r);
	p->line = r->at.line;
	for (size_t k = 0; k < FIELDS_LEN; k++) {
		const json_t *value = json_object_get(j, fields[k].key);

		if (value && (rc = read_field(r, &fields[k], value, p)) < 0)
			return rc;
	}
	return 0;
}

static int read_ghost(struct reader *r, json_t *j)
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
			return complain(r, key, "a ghost has no such key");
	}
	if (!nspid)
		return complain(r, "nspid", "it is missing");
	g = tree_ghost_add(r->t);
	if (!g)
		return no_memory(r);
	g->line = r->at.line;
	rc = read_nspid(r, "nspid", nspid, &g->nspid, &g->levels);
	return rc == 0 && ns ? read_label(r, "ns", ns, &g->ns_label) : rc;
}

/* ---------------------------------------------------------------------------------------- structure -- */

/* What jansson said of a part of the file that begins at r->at. */
static int not_json(struct reader *r, const json_error_t *je)
{
	if (json_error_code(je) == json_error_out_of_memory)
		return no_memory(r);
	r->at.line += je->line > 0 ? (uint32_t)je->line - 1 : 0;
	if (json_error_code(je) == json_error_duplicate_key)
		return complain(r, NULL, "%s", je->text);
	return complain(r, NULL, "not JSON: %s", je->text);
}

/* A key of the file itself that begins with "x-": its value may be anything, as long as it is JSON. */
static int read_note(struct reader *r, const struct json__span *key, const struct json__span *value)
{
	json_error_t je;
	json_t *name = json_loadb(key->from, key->len, JSON_DECODE_ANY, &je), *any;
	int rc = 0;

	if (!name)
		return not_json(r, &je);
	if (json_object_get(r->notes, json_string_value(name)))
		rc = complain(r, NULL, "key \"%.40s\" stands twice", json_string_value(name));
	else if (json_object_set_new(r->notes, json_string_value(name), json_true()) < 0)
		rc = no_memory(r);
	json_decref(name);
	if (rc < 0)
		return rc;
	r->at.line = value->line;
	any = json_loadb(value->from, value->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
			 &je);
	if (!any)
		return not_json(r, &je);
	json_decref(any);
	return 0;
}

static int read_element(struct reader *r, const char *array, size_t index, const struct json__span *span)
{
	json_error_t je;
	json_t *j = json_loadb(span->from, span->len,
			       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
	int rc;

	snprintf(r->label, sizeof r->label, "%s[%zu]", array, index);
	r->at = (struct tree_place){ .source = r->t->source, .line = span->line, .kind = r->label };
	if (!j)
		return not_json(r, &je);
	if (!json_is_object(j))
		rc = complain(r, NULL, "an object is needed, not %s", kind_of(j));
	else
		rc = array[0] == 'p' ? read_process(r, j) : read_ghost(r, j);
	json_decref(j);
	return rc;
}

static int read_array(struct reader *r, const char *array)
{
	struct json__span span;
	size_t index = 0;
	int rc;

	if (json__take(&r->scan, '[') < 0)
		return bad_json(r);
	if (json__peek(&r->scan) == ']')
		return json__take(&r->scan, ']');
	for (;;) {
		if (json__value(&r->scan, &span) < 0)
			return bad_json(r);
		rc = read_element(r, array, index++, &span);
		if (rc < 0)
			return rc;
		if (json__peek(&r->scan) != ',')
			break;
		json__take(&r->scan, ',');
	}
	return json__take(&r->scan, ']') < 0 ? bad_json(r) : 0;
}

static int once(struct reader *r, bool *seen, const char *key)
{
	if (*seen)
		return complain(r, NULL, "key \"%s\" stands twice", key);
	*seen = true;
	return 0;
}

static bool span_is(const struct json__span *s, const char *text)
{
	return s->len == strlen(text) && memcmp(s->from, text, s->len) == 0;
}

static int read_member(struct reader *r)
{
	struct json__span key, value;
	int rc;

	if (json__peek(&r->scan) != '"') {
		r->scan.problem = "a key in quotes was expected";
		return bad_json(r);
	}
	if (json__value(&r->scan, &key) < 0 || json__take(&r->scan, ':') < 0)
		return bad_json(r);
	r->at = (struct tree_place){ .source = r->t->source, .line = key.line };
	if (span_is(&key, "\"processes\""))
		return (rc = once(r, &r->seen_processes, "processes")) < 0 ? rc : read_array(r, "processes");
	if (span_is(&key, "\"ghosts\""))
		return (rc = once(r, &r->seen_ghosts, "ghosts")) < 0 ? rc : read_array(r, "ghosts");
	if (json__value(&r->scan, &value) < 0)
		return bad_json(r);
	if (span_is(&key, "\"settid\"")) {
		rc = once(r, &r->seen_version, "settid");
		return rc < 0 || span_is(&value, "1")
			       ? rc
			       : complain(r, NULL, "\"settid\" is 1 in all tree files there are");
	}
	if (key.len > 3 && memcmp(key.from, "\"x-", 3) == 0)
		return read_note(r, &key, &value);
	return complain(r, NULL, "there is no key %.*s", key.len < 42 ? (int)key.len : 42, key.from);
}

static int read_document(struct reader *r)
{
	int rc;

	if (json__take(&r->scan, '{') < 0)
		return bad_json(r);
	for (bool more = json__peek(&r->scan) != '}'; more;) {
		rc = read_member(r);
		if (rc < 0)
			return rc;
		more = json__peek(&r->scan) == ',';
		if (more)
			json__take(&r->scan, ',');
	}
	if (json__take(&r->scan, '}') < 0)
		return bad_json(r);
	json__space(&r->scan);
	if (r->scan.at < r->scan.end) {
		r->scan.problem = "something follows the end of the document";
		return bad_json(r);
	}
	r->at = (struct tree_place){ .source = r->t->source };
	if (!r->seen_version)
		return complain(r, NULL, "not a tree file: \"settid\": 1 is missing");
	if (!r->seen_processes)
		return complain(r, NULL, "not a tree file: \"processes\" is missing");
	return 0;
}

int tree_read_buffer(const char *bytes, size_t len, const char *name, struct tree **out,
		     struct tree_error *err)
{
	struct reader r = { .t = tree_new(name), .err = err, .notes = json_object() };
	int rc;

	if (!r.t || !r.notes) {
		tree_free(r.t);
		json_decref(r.notes);
		return tree_fail(err, -ENOMEM, "out of memory for the tree");
	}
	r.scan = (struct json__scan){ .at = bytes, .end = bytes + len, .line = 1 };
	rc = read_document(&r);
	json_decref(r.notes);
	if (rc == 0)
		rc = tree_validate(r.t, err);
	if (rc < 0) {
		tree_free(r.t);
		return rc;
	}
	*out = r.t;
	return 0;
}

/* The whole of a file, pipe or terminal. */
static int read_all(int fd, char **out, size_t *len)
{
	size_t cap = 1 << 16, used = 0;
	char *bytes = malloc(cap);
	ssize_t n;

	while (bytes) {
		n = read(fd, bytes + used, cap - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
		if (used == cap) {
			char *grown = cap >= FILE_MAX_BYTES ? NULL : realloc(bytes, cap * 2);

			if (!grown) {
				free(bytes);
				return cap >= FILE_MAX_BYTES ? -EFBIG : -ENOMEM;
			}
			bytes = grown;
			cap *= 2;
		}
	}
	if (!bytes)
		return -ENOMEM;
	if (n < 0) {
		n = -errno;
		free(bytes);
		return (int)n;
	}
	*out = bytes;
	*len = used;
	return 0;
}

int tree_read_file(const char *path, struct tree **out, struct tree_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), r;
	char *bytes = NULL;
	size_t len = 0;

	if (fd < 0)
		return tree_fail(err, -errno, "cannot open %s: %s", path, strerror(errno));
	r = read_all(fd, &bytes, &len);
	if (!standard)
		close(fd);
	if (r < 0)
		return tree_fail(err, r, "cannot read %s: %s", path, strerror(-r));
	r = tree_read_buffer(bytes, len, standard ? "standard input" : path, out, err);
	free(bytes);
	return r;
}
