/* SPDX-License-Identifier: MIT */
/*
 * inventory_json.c: an inventory as a file, and back.
 *
 * One number a line, [number, holder, pid, name] and for groups and sessions the count of members: a machine with
 * 500 processes is 25 KiB.  What is not known is null.  A file is believed only as far as it makes sense: each
 * complaint names file and key.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "machine.h"

#define FORMAT 1

/* ----------------------------------------------------------------------------------------- writing -- */

/* Between quotes; what is not plain ASCII is a question mark: an inventory is read far away. */
static void put_text(FILE *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else
			putc(*p >= ' ' && *p < 0x7f ? *p : '?', out);
	}
}

static void put_string(FILE *out, const char *key, const char *text)
{
	fprintf(out, "  \"%s\": \"", key);
	put_text(out, text);
	fputs("\",\n", out);
}

static void put_answer(FILE *out, const char *key, enum settid_answer a)
{
	fprintf(out, "  \"%s\": %s,\n", key, a == SETTID_YES ? "true" : a == SETTID_NO ? "false" : "null");
}

/* A limit that is none is absent. */
static void put_left(FILE *out, const char *key, int64_t value)
{
	if (value == MACHINE_UNKNOWN)
		fprintf(out, "  \"%s\": null,\n", key);
	else if (value != MACHINE_UNLIMITED)
		fprintf(out, "  \"%s\": %" PRId64 ",\n", key, value);
}

static void put_machine(const struct machine *m, FILE *out)
{
	fprintf(out, "{\n  \"settid_inventory\": %d,\n", FORMAT);
	put_string(out, "host", m->host);
	put_string(out, "kernel", m->kernel);
	fprintf(out, "  \"time\": %" PRId64 ",\n", m->time);
	put_answer(out, "set_tid", m->set_tid);
	put_answer(out, "may_choose", m->may_choose);
	put_answer(out, "pid_namespaces", m->pid_namespaces);
	put_answer(out, "user_namespaces", m->user_namespaces);
	put_answer(out, "ns_last_pid", m->last_pid);
	put_answer(out, "seccomp", m->seccomp);
	put_answer(out, "user_dispatch", m->user_dispatch);
	put_string(out, "why", m->why);
	put_left(out, "level", m->level);
	put_left(out, "pid_max", m->pid_max > 0 ? m->pid_max : MACHINE_UNKNOWN);
	put_left(out, "new_pid_max", m->new_pid_max);
	put_left(out, "user_processes_left", m->user_left);
	put_left(out, "cgroup_processes_left", m->cgroup_left);
	put_left(out, "threads_left", m->threads_left);
	put_left(out, "max_pid_namespaces", m->namespaces_max);
	put_left(out, "pid_namespaces_left", m->namespaces_left);
	put_left(out, "memory_left", m->memory_left);
	put_string(out, "core_pattern", m->core_pattern);
	put_answer(out, "core_files_forbidden", m->core_limit_zero ? SETTID_YES : SETTID_NO);
	put_answer(out, "memfds_run", m->memfds_run);
}

int inventory_write(const struct inventory *inv, FILE *out)
{
	put_machine(&inv->machine, out);
	fputs("  \"numbers\": [", out);
	for (size_t i = 0; i < inv->taken_len; i++) {
		const struct inventory_number *n = &inv->taken[i];

		fprintf(out, "%s\n    [%d, \"%s\", %d, \"", i ? "," : "", (int)n->number,
			settid_holder_name((enum settid_holder)n->holder), (int)n->pid);
		put_text(out, n->comm);
		fprintf(out, n->members > 0 ? "\", %d]" : "\"]", (int)n->members);
	}
	fputs("\n  ]\n}\n", out);
	return ferror(out) ? -EIO : 0;
}

/* ----------------------------------------------------------------------------------------- reading -- */

struct reading {
	const char *path;
	json_t *root;
	struct tree_error *err;
};

static int wrong(const struct reading *r, const char *key)
{
	return tree_fail(r->err, -EINVAL, "%s: '%s' is not what an inventory has there", r->path, key);
}

static int get_string(const struct reading *r, const char *key, char *out, size_t size)
{
	const json_t *v = json_object_get(r->root, key);

	if (!json_is_string(v))
		return wrong(r, key);
	snprintf(out, size, "%s", json_string_value(v));
	return 0;
}

static int get_answer(const struct reading *r, const char *key, enum settid_answer *out)
{
	const json_t *v = json_object_get(r->root, key);

	if (!json_is_boolean(v) && !json_is_null(v))
		return wrong(r, key);
	*out = json_is_null(v) ? SETTID_UNKNOWN : json_is_true(v) ? SETTID_YES : SETTID_NO;
	return 0;
}

static int get_left(const struct reading *r, const char *key, int64_t *out)
{
	const json_t *v = json_object_get(r->root, key);

	*out = !v ? MACHINE_UNLIMITED : json_is_null(v) ? MACHINE_UNKNOWN : json_integer_value(v);
	return v && !json_is_null(v) && (!json_is_integer(v) || *out < 0) ? wrong(r, key) : 0;
}

static int get_int(const struct reading *r, const char *key, int *out)
{
	int64_t value;
	int e = get_left(r, key, &value);

	if (e == 0 && (value == MACHINE_UNLIMITED || value > INT32_MAX))
		return wrong(r, key);
	*out = (int)value;
	return e;
}

static int get_machine(const struct reading *r, struct machine *m)
{
	enum settid_answer forbidden = SETTID_NO;
	int64_t format;
	int e = get_left(r, "settid_inventory", &format);

	if (e < 0 || format != FORMAT)
		return tree_fail(r->err, -EINVAL, "%s is no inventory that this settid knows", r->path);
	if (get_string(r, "host", m->host, sizeof m->host) < 0 ||
	    get_string(r, "kernel", m->kernel, sizeof m->kernel) < 0 || get_left(r, "time", &m->time) < 0 ||
	    get_answer(r, "set_tid", &m->set_tid) < 0 || get_answer(r, "may_choose", &m->may_choose) < 0 ||
	    get_answer(r, "pid_namespaces", &m->pid_namespaces) < 0 ||
	    get_answer(r, "user_namespaces", &m->user_namespaces) < 0 ||
	    get_answer(r, "ns_last_pid", &m->last_pid) < 0 || get_answer(r, "seccomp", &m->seccomp) < 0 ||
	    get_answer(r, "user_dispatch", &m->user_dispatch) < 0 ||
	    get_string(r, "why", m->why, sizeof m->why) < 0 || get_int(r, "level", &m->level) < 0 ||
	    get_int(r, "pid_max", &m->pid_max) < 0 || get_int(r, "new_pid_max", &m->new_pid_max) < 0 ||
	    get_left(r, "user_processes_left", &m->user_left) < 0 ||
	    get_left(r, "cgroup_processes_left", &m->cgroup_left) < 0 ||
	    get_left(r, "threads_left", &m->threads_left) < 0 ||
	    get_left(r, "max_pid_namespaces", &m->namespaces_max) < 0 ||
	    get_left(r, "pid_namespaces_left", &m->namespaces_left) < 0 ||
	    get_left(r, "memory_left", &m->memory_left) < 0 ||
	    get_string(r, "core_pattern", m->core_pattern, sizeof m->core_pattern) < 0 ||
	    get_answer(r, "core_files_forbidden", &forbidden) < 0 ||
	    get_answer(r, "memfds_run", &m->memfds_run) < 0)
		return -EINVAL;
	m->core_limit_zero = forbidden == SETTID_YES;
	return 0;
}

static int holder_of(const char *word)
{
	for (int h = SETTID_HOLDER_PROCESS; h <= SETTID_HOLDER_UNSEEN; h++)
		if (strcmp(word, settid_holder_name((enum settid_holder)h)) == 0)
			return h;
	return -1;
}

static int get_number(const struct reading *r, const json_t *v, struct inventory *inv)
{
	const json_t *number = json_array_get(v, 0), *holder = json_array_get(v, 1),
		     *pid = json_array_get(v, 2), *comm = json_array_get(v, 3),
		     *members = json_array_get(v, 4);
	struct inventory_number n = { 0 };
	int h;

	if (!json_is_integer(number) || !json_is_string(holder) || !json_is_integer(pid) ||
	    !json_is_string(comm) || (members && !json_is_integer(members)))
		return wrong(r, "numbers");
	h = holder_of(json_string_value(holder));
	if (h < 0 || json_integer_value(number) < 1 || json_integer_value(number) > TREE_NUMBER_MAX ||
	    json_integer_value(pid) < 0 || json_integer_value(pid) > TREE_NUMBER_MAX)
		return wrong(r, "numbers");
	n.number = (int32_t)json_integer_value(number);
	n.pid = (int32_t)json_integer_value(pid);
	n.holder = (uint8_t)h;
	n.members = members ? (int32_t)json_integer_value(members) : 0;
	snprintf(n.comm, sizeof n.comm, "%s", json_string_value(comm));
	return inventory_add(inv, &n) < 0 ? tree_fail(r->err, -ENOMEM, "out of memory") : 0;
}

static int get_numbers(const struct reading *r, struct inventory *inv)
{
	const json_t *numbers = json_object_get(r->root, "numbers");
	size_t len = json_array_size(numbers);

	if (!json_is_array(numbers))
		return wrong(r, "numbers");
	for (size_t i = 0; i < len; i++) {
		int e = get_number(r, json_array_get(numbers, i), inv);

		if (e < 0)
			return e;
	}
	inventory_sort(inv);
	return 0;
}

int inventory_read_file(const char *path, struct inventory *inv, struct tree_error *err)
{
	json_error_t at;
	struct reading r = { .path = path, .err = err };
	int e;

	*inv = (struct inventory){ 0 };
	r.root = strcmp(path, "-") == 0 ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &at)
					: json_load_file(path, JSON_REJECT_DUPLICATES, &at);
	if (!r.root && at.line < 0) /* not a word of it was read; the text has the path */
		return tree_fail(err, -EINVAL, "%s", at.text);
	if (!r.root)
		return tree_fail(err, -EINVAL, "%s:%d: %s", path, at.line, at.text);
	e = get_machine(&r, &inv->machine);
	if (e == 0)
		e = get_numbers(&r, inv);
	json_decref(r.root);
	if (e < 0)
		inventory_done(inv);
	return e;
}
