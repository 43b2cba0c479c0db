/* SPDX-License-Identifier: MIT */
/*
 * fuzz_model.c: the reader of `settid model`'s scripts, and all behind it, under libFuzzer.
 *
 * Owns:    nothing that outlives one input.
 * Keeps:   (F1) whatever the lines, each is performed, or refused with a column inside it and a sentence of one line;
 *          (F2) libpidns keeps its invariants, looked at after every few of them;
 *          (F3) the world is a tree file that its reader takes as it is, or is refused as one.
 * Input:   the first two bytes choose the levels, the version and the form of the answers; lines follow.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settid/model_script.h"

#include "demand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHECK_EVERY = 16 }; /* lines: a check costs as much as many of them */

static void offered(void *ctx, const char *word)
{
	size_t *count = ctx;

	demand(*word != '\0', "an empty word is offered", word);
	++*count;
}

/* False: that was the last line. */
static int run_line(struct script *s, const char *line)
{
	struct script_complaint wrong = { 0 };
	size_t count = 0, len = strlen(line);
	enum script_result r;

	demand(script_complete(s, line, len, offered, &count) <= len, "a completion begins behind the cursor",
	       line);
	r = script_line(s, line, &wrong);
	demand(r != SCRIPT_BROKEN, "a state that cannot be", line);
	if (r == SCRIPT_WRONG) {
		demand(wrong.column >= 1 && (size_t)wrong.column <= len + 1, "the column is outside the line",
		       line);
		demand(*wrong.text && !strchr(wrong.text, '\n'), "not one line", wrong.text);
	}
	return r == SCRIPT_OK || r == SCRIPT_WRONG;
}

static void read_back(const struct tree *t)
{
	struct tree_error err = { 0 };
	struct tree *again = NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	demand(out && tree_write_json(t, out) == 0 && fclose(out) == 0, "the tree cannot be written", "");
	demand(tree_read_buffer(text, len, "world", &again, &err) == 0, "the tree is refused by its reader",
	       err.text);
	free(text);
	tree_free(again);
}

static void check_tree(const struct script *s)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	int r = script_tree(s, &t, &err);

	demand(r == 0 || (r == -EINVAL && *err.text), "neither a tree nor a reason", err.text);
	if (r == 0)
		read_back(t);
	tree_free(t);
}

static void check_invariants(const struct script *s, const char *line)
{
	const char *broken = pidns_check(script_world(s));

	demand(!broken, line, broken ? broken : "");
}

static void run(char *text, FILE *out, uint8_t shape, uint8_t version)
{
	static const char *const versions[] = { "5.5", "5.9", "5.11", "6.1", "6.8", "6.12", "6.14", "6.18" };
	static const int levels[] = { 1, 0, 2, 5 };
	struct script_config config = {
		.features = pidns_profile(versions[version % 8], NULL),
		.levels = levels[shape % 4],
		.json = shape & 4,
		.quiet = shape & 8,
		.out = out,
	};
	struct script *s = NULL;

	demand(script_new(&s, &config) == 0, "script_new", "failed");
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!run_line(s, line))
			break;
		if (!next || script_next_line(s) % CHECK_EVERY == 0)
			check_invariants(s, line);
	}
	check_tree(s);
	script_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *out = fopen("/dev/null", "w");
	char *text;

	if (size < 2 || !out) {
		if (out)
			fclose(out);
		return 0;
	}
	text = malloc(size - 1);
	demand(text != NULL, "malloc", "no memory");
	memcpy(text, data + 2, size - 2);
	text[size - 2] = '\0';
	run(text, out, data[0], data[1]);
	free(text);
	fclose(out);
	return 0;
}
