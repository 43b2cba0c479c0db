/* SPDX-License-Identifier: MIT */
/*
 * criu_images.c: images in memory.  An encoder of a few lines, so that it can write what no encoder would.
 */
#include "criu_images.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

void bytes_add(struct bytes *b, const void *data, size_t len)
{
	if (b->len + len > b->room) {
		b->room = 2 * (b->len + len);
		b->at = must(realloc(b->at, b->room));
	}
	if (len)
		memcpy(b->at + b->len, data, len);
	b->len += len;
}

void bytes_done(struct bytes *b)
{
	free(b->at);
	*b = (struct bytes){ 0 };
}

void bytes_u32(struct bytes *b, uint32_t v)
{
	bytes_add(b, (uint8_t[]){ (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) }, 4);
}

void field_varint(struct bytes *b, uint64_t v)
{
	do {
		uint8_t more = v > 0x7f ? 0x80 : 0;
		bytes_add(b, (uint8_t[]){ (uint8_t)((v & 0x7f) | more) }, 1);
		v >>= 7;
	} while (v);
}

void field_key(struct bytes *b, uint32_t field, unsigned wire)
{
	field_varint(b, (uint64_t)field << 3 | wire);
}

void field_number(struct bytes *b, uint32_t field, uint64_t v)
{
	field_key(b, field, 0);
	field_varint(b, v);
}

void field_bytes(struct bytes *b, uint32_t field, const void *data, size_t len)
{
	field_key(b, field, 2);
	field_varint(b, len);
	bytes_add(b, data, len);
}

void field_text(struct bytes *b, uint32_t field, const char *text)
{
	field_bytes(b, field, text, strlen(text));
}

void field_message(struct bytes *b, uint32_t field, const struct bytes *message)
{
	field_bytes(b, field, message->at, message->len);
}

struct bytes *images_get(struct images *i, const char *name)
{
	for (size_t k = 0; k < i->len; k++)
		if (strcmp(i->at[k].name, name) == 0)
			return &i->at[k].b;
	if (i->len == IMAGES_MAX)
		abort();
	snprintf(i->at[i->len].name, sizeof i->at[i->len].name, "%s", name);
	return &i->at[i->len++].b;
}

void images_remove(struct images *i, const char *name)
{
	struct bytes *b = images_get(i, name);
	size_t k = 0;

	bytes_done(b);
	while (&i->at[k].b != b)
		k++;
	i->at[k] = i->at[--i->len];
}

struct bytes *images_begin(struct images *i, const char *name, uint32_t magic, bool common)
{
	struct bytes *b = images_get(i, name);

	b->len = 0;
	if (common)
		bytes_u32(b, MAGIC_COMMON);
	bytes_u32(b, magic);
	return b;
}

void images_entry(struct bytes *image, const struct bytes *message)
{
	bytes_u32(image, (uint32_t)message->len);
	bytes_add(image, message->at, message->len);
}

void images_done(struct images *i)
{
	for (size_t k = 0; k < i->len; k++)
		bytes_done(&i->at[k].b);
	*i = (struct images){ 0 };
}

static void read_file(struct images *i, const char *folder, const char *name)
{
	char path[512];
	uint8_t part[4096];
	size_t n;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = must(fopen(path, "r"));
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		bytes_add(images_get(i, name), part, n);
	fclose(f);
}

bool images_of_folder(struct images *i, const char *folder)
{
	DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));) {
		size_t len = strlen(e->d_name);
		if (len > 4 && len < 32 && strcmp(e->d_name + len - 4, ".img") == 0)
			read_file(i, folder, e->d_name);
	}
	if (d)
		closedir(d);
	return i->len > 0;
}

/* Into memory of its own, so that a sanitizer sees one byte too many. */
static int64_t load(void *arg, const char *image, size_t max, uint8_t **bytes, size_t *size)
{
	struct images *i = arg;

	for (size_t k = 0; k < i->len; k++) {
		const struct bytes *b = &i->at[k].b;
		if (strcmp(i->at[k].name, image) != 0)
			continue;
		if (b->len > max)
			return -EFBIG;
		free(*bytes);
		*bytes = must(malloc(b->len ? b->len : 1));
		*size = b->len;
		if (b->len)
			memcpy(*bytes, b->at, b->len);
		return (int64_t)b->len;
	}
	return -ENOENT;
}

int images_read(struct images *i, struct tree **out, struct tree_error *err)
{
	const struct criu__source source = { .name = "dump", .load = load, .arg = i };

	return criu__read(&source, NULL, out, err);
}
