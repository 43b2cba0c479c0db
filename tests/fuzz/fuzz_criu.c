/* SPDX-License-Identifier: MIT */
/*
 * fuzz_criu.c: the reader of CRIU's images under libFuzzer.
 *
 * Owns:    nothing that outlives one input.
 * Keeps:   (F1) whatever the images, the reader answers 0 with a validated tree or fails with a code and a sentence of one
 *               line;
 *          (F2) protobuf-c takes every message that was found sound: memory never seems to run out;
 *          (F3) what was accepted is a tree file that its reader takes, and writes the same again.
 * Input:   as pack_images.py makes it; what is cut off at the end counts as far as it goes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demand.h"
#include "tree/criu_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pack {
	const uint8_t *at, *end;
};

struct packed {
	const uint8_t *name, *bytes;
	size_t name_len, len;
};

static size_t at_most(const struct pack *p, size_t want)
{
	size_t left = (size_t)(p->end - p->at);

	return want < left ? want : left;
}

/* The next image of the pack. */
static int take(struct pack *p, struct packed *out)
{
	if (p->at == p->end)
		return 0;
	out->name_len = *p->at++;
	out->name_len = at_most(p, out->name_len);
	out->name = p->at;
	p->at += out->name_len;
	if (p->end - p->at < 2)
		return 0;
	out->len = (size_t)(p->at[0] | p->at[1] << 8);
	p->at += 2;
	out->len = at_most(p, out->len);
	out->bytes = p->at;
	p->at += out->len;
	return 1;
}

static int64_t load(void *arg, const char *image, size_t max, uint8_t **bytes, size_t *size)
{
	struct pack p = *(const struct pack *)arg;
	struct packed found;

	while (take(&p, &found)) {
		if (found.name_len != strlen(image) || memcmp(found.name, image, found.name_len) != 0)
			continue;
		if (found.len > max)
			return -EFBIG;
		free(*bytes);
		*bytes = malloc(found.len ? found.len : 1); /* exactly: one byte too many is seen */
		demand(*bytes != NULL, "malloc", "no memory");
		memcpy(*bytes, found.bytes, found.len);
		*size = found.len;
		return (int64_t)found.len;
	}
	return -ENOENT;
}

/* The caller frees it. */
static char *write_text(const struct tree *t, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	demand(out && tree_write_json(t, out) == 0 && fclose(out) == 0, "tree_write_json", "failed");
	return text;
}

static void read_back(const struct tree *t)
{
	struct tree_error err = { 0 };
	struct tree *again = NULL;
	size_t first_len, second_len;
	char *first = write_text(t, &first_len);

	demand(tree_read_buffer(first, first_len, "written", &again, &err) == 0,
	       "the writer's output is refused", err.text);
	char *second = write_text(again, &second_len);
	demand(first_len == second_len && memcmp(first, second, first_len) == 0, "written differently",
	       first);
	free(first);
	free(second);
	tree_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pack pack = { data, data + size };
	const struct criu__source source = { .name = "dump", .load = load, .arg = &pack };
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	int r = criu__read(&source, NULL, &t, &err);

	if (r == 0) {
		read_back(t);
		tree_free(t);
		return 0;
	}
	demand(err.code == r && r != -ENOMEM, "the code", err.text);
	demand(err.text[0] && !strchr(err.text, '\n'), "not one line", err.text);
	return 0;
}
