/* SPDX-License-Identifier: MIT */
/*
 * fuzz_json.c: the reader of tree files under libFuzzer.
 *
 * Owns:    nothing that outlives one input.
 * Keeps:   (F1) whatever the bytes, the reader answers 0 with a validated tree or fails with a code and a sentence
 *               of one line;
 *          (F2) what it accepted, written and read again is accepted and written the same: a fixed point.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demand.h"
#include "tree/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tree *read_again(const char *bytes, size_t len)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	demand(tree_read_buffer(bytes, len, "written", &t, &err) == 0, "the writer's output is refused",
	       err.text);
	return t;
}

/* The caller frees it. */
static char *write_text(const struct tree *t, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	demand(out != NULL, "open_memstream", "no memory");
	demand(tree_write_json(t, out) == 0, "tree_write_json", "failed");
	demand(fclose(out) == 0, "fclose", "failed");
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	int r = tree_read_buffer((const char *)data, size, "input", &t, &err);
	if (r < 0) {
		demand(err.code == r, "the code differs", err.text);
		demand(err.text[0] && !strchr(err.text, '\n'), "not one line", err.text);
		return 0;
	}
	size_t first_len, second_len;
	char *first = write_text(t, &first_len);
	struct tree *again = read_again(first, first_len);
	char *second = write_text(again, &second_len);
	demand(first_len == second_len && memcmp(first, second, first_len) == 0, "written differently",
	       first);
	free(first);
	free(second);
	tree_free(t);
	tree_free(again);
	return 0;
}
