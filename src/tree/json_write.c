/* SPDX-License-Identifier: MIT */
/*
 * json_write.c: a tree as a tree file: keys in a fixed order, one process a line, absent facts left out.
 *
 * Keeps:   what tree_read_buffer() makes of the output is the same tree; the output is valid UTF-8 whatever the
 *          names hold: strings that are not, or hold NUL, are written {"hex": "..."}.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* Length of the UTF-8 sequence that begins at s; 0 = none does. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	size_t n = s[0] < 0x80                   ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : (s[0] & 0xf0) == 0xe0       ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t k = 1; k < n; k++)
		if ((s[k] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0; /* overlong, surrogate, beyond the last character */
	return n;
}

static bool is_utf8(struct tree_str s)
{
	size_t at = 0, n;

	while (at < s.len && (n = utf8_len((const unsigned char *)s.bytes + at, s.len - at)) != 0)
		at += n;
	return at == s.len;
}

static void put_string(struct tree_str s, FILE *out)
{
	if (!is_utf8(s) || tree_str_has_nul(s)) {
		fputs("{\"hex\": \"", out);
		for (size_t k = 0; k < s.len; k++)
			fprintf(out, "%02x", (unsigned char)s.bytes[k]);
		fputs("\"}", out);
		return;
	}
	putc('"', out);
	for (size_t k = 0; k < s.len; k++) {
		unsigned char c = (unsigned char)s.bytes[k];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void put_numbers(const int32_t *nspid, unsigned levels, FILE *out)
{
	fputs("\"nspid\": [", out);
	for (unsigned k = 0; k < levels; k++)
		fprintf(out, k ? ", %d" : "%d", (int)nspid[k]);
	putc(']', out);
}

static void put_threads(const struct tree_process *p, FILE *out)
{
	fputs(", \"threads\": [", out);
	for (uint32_t k = 0; k < p->threads_len; k++) {
		fputs(k ? ", {" : "{", out);
		put_numbers(p->threads[k].nspid, p->levels, out);
		if (p->threads[k].name.bytes) {
			fputs(", \"name\": ", out);
			put_string(p->threads[k].name, out);
		}
		putc('}', out);
	}
	putc(']', out);
}

static void put_optional_string(const char *key, struct tree_str s, FILE *out)
{
	if (!s.bytes)
		return;
	fprintf(out, ", \"%s\": ", key);
	put_string(s, out);
}

static void put_optional_number(const char *key, int value, FILE *out)
{
	if (value != TREE_ABSENT)
		fprintf(out, ", \"%s\": %d", key, value);
}

static void put_optional_flag(const char *key, int value, FILE *out)
{
	if (value != TREE_ABSENT)
		fprintf(out, ", \"%s\": %s", key, value ? "true" : "false");
}

static void put_process(const struct tree_process *p, FILE *out)
{
	static const char *const states[] = { "live", "stopped", "zombie" };

	fputs("  {", out);
	put_numbers(p->nspid, p->levels, out);
	fprintf(out, ", \"ppid\": %d, \"pgid\": %d, \"sid\": %d, \"state\": \"%s\"", (int)p->ppid,
		(int)p->pgid, (int)p->sid, states[p->state]);
	put_optional_number("exit_code", p->exit_code, out);
	put_optional_number("exit_signal", p->exit_signal, out);
	put_optional_flag("core_dumped", p->core_dumped, out);
	put_optional_number("stop_signal", p->stop_signal, out);
	put_optional_number("notify_signal", p->notify_signal, out);
	put_optional_flag("subreaper", p->subreaper, out);
	if (p->leader_dead)
		put_optional_flag("leader_dead", 1, out);
	put_optional_string("ns", p->ns_label, out);
	put_optional_string("children_ns", p->children_ns_label, out);
	put_optional_string("comm", p->comm, out);
	if (p->threads_len)
		put_threads(p, out);
	if (p->argv) {
		fputs(", \"argv\": [", out);
		for (uint32_t k = 0; k < p->argv_len; k++) {
			if (k)
				fputs(", ", out);
			put_string(p->argv[k], out);
		}
		putc(']', out);
	}
	put_optional_string("cwd", p->cwd, out);
	putc('}', out);
}

int tree_write_json(const struct tree *t, FILE *out)
{
	fputs("{\n\"settid\": 1,\n\"processes\": [\n", out);
	for (size_t k = 0; k < t->processes_len; k++) {
		put_process(&t->processes[k], out);
		fputs(k + 1 < t->processes_len ? ",\n" : "\n", out);
	}
	fputs("]", out);
	for (size_t k = 0; k < t->ghosts_len; k++) {
		fputs(k ? ",\n  {" : ",\n\"ghosts\": [\n  {", out);
		put_numbers(t->ghosts[k].nspid, t->ghosts[k].levels, out);
		put_optional_string("ns", t->ghosts[k].ns_label, out);
		putc('}', out);
	}
	fputs(t->ghosts_len ? "\n]\n}\n" : "\n}\n", out);
	return ferror(out) ? -EIO : 0;
}
