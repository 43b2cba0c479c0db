/* SPDX-License-Identifier: MIT */
/*
 * json_read.c: tree files: a file's bytes, its document, its two arrays.  The format is docs/tree-file.md.
 *
 * json_scan.c splits the file, jansson parses one process at a time, json_fields.c says what each key may hold.
 * Keeps:   (J1) duplicate keys are errors, and so are unknown ones but for those that begin with "x-";
 *          (J2) every complaint names file, line, process and field;
 *          (J3) nothing is allocated in proportion to anything but the file's own size.
 */
#include "json_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES ((size_t)1 << 31)

static int bad_json(struct json__reader *r)
{
	r->at = (struct tree_place){ .source = r->t->source, .line = r->scan.line };
	return json__complain(r, NULL, "not a tree file: %s", r->scan.problem);
}

/* What jansson said of a part of the file that begins at r->at. */
static int not_json(struct json__reader *r, const json_error_t *je)
{
	if (json_error_code(je) == json_error_out_of_memory)
		return json__no_memory(r);
	r->at.line += je->line > 0 ? (uint32_t)je->line - 1 : 0;
	if (json_error_code(je) == json_error_duplicate_key)
		return json__complain(r, NULL, "%s", je->text);
	return json__complain(r, NULL, "not JSON: %s", je->text);
}

/* A key of the file itself that begins with "x-": its value may be anything, as long as it is JSON. */
static int read_note(struct json__reader *r, const struct json__span *key, const struct json__span *value)
{
	json_error_t je;
	json_t *name = json_loadb(key->from, key->len, JSON_DECODE_ANY, &je), *any;
	int rc = 0;

	if (!name)
		return not_json(r, &je);
	if (json_object_get(r->notes, json_string_value(name)))
		rc = json__complain(r, NULL, "key \"%.40s\" stands twice", json_string_value(name));
	else if (json_object_set_new(r->notes, json_string_value(name), json_true()) < 0)
		rc = json__no_memory(r);
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

static int read_element(struct json__reader *r, const char *array, size_t index,
			const struct json__span *span)
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
		rc = json__complain(r, NULL, "an object is needed, not %s", json__kind(j));
	else
		rc = array[0] == 'p' ? json__process(r, j) : json__ghost(r, j);
	json_decref(j);
	return rc;
}

static int read_array(struct json__reader *r, const char *array)
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

static int once(struct json__reader *r, bool *seen, const char *key)
{
	if (*seen)
		return json__complain(r, NULL, "key \"%s\" stands twice", key);
	*seen = true;
	return 0;
}

static bool span_is(const struct json__span *s, const char *text)
{
	return s->len == strlen(text) && memcmp(s->from, text, s->len) == 0;
}

static int read_member(struct json__reader *r)
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
			       : json__complain(r, NULL, "\"settid\" is 1 in all tree files there are");
	}
	if (key.len > 3 && memcmp(key.from, "\"x-", 3) == 0)
		return read_note(r, &key, &value);
	return json__complain(r, NULL, "there is no key %.*s", key.len < 42 ? (int)key.len : 42, key.from);
}

static int read_document(struct json__reader *r)
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
		return json__complain(r, NULL, "not a tree file: \"settid\": 1 is missing");
	if (!r->seen_processes)
		return json__complain(r, NULL, "not a tree file: \"processes\" is missing");
	return 0;
}

int tree_read_buffer(const char *bytes, size_t len, const char *name, struct tree **out,
		     struct tree_error *err)
{
	struct json__reader r = { .t = tree_new(name), .err = err, .notes = json_object() };
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
