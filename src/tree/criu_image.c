/* SPDX-License-Identifier: MIT */
/*
 * criu_image.c: images as files: their magics, and the entries that they are cut into.
 *
 * Layout, all little-endian: inventory.img is its type's magic and one entry; every other image is the common magic, its
 * type's magic and its entries (or, of version 1, its type's magic and its entries).  An entry is a 32-bit length and a
 * message of so many bytes; entries run to the end of the file.
 */
#include "tree/criu_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define COMMON_MAGIC 0x54564319
#define SERVICE_MAGIC 0x55105940

enum { MIB = 1024 * 1024 };

/* Lengths: a core image is mostly registers, but carries pending signals too, of which there can be as many as
 * RLIMIT_SIGPENDING; in pstree.img a process has as many threads as there are numbers, six bytes each at most. */
const struct criu__kind criu__inventory = { "inventory.img", 0x58313116, MIB, 4096,
					    &criu__inventory__descriptor };
const struct criu__kind criu__pstree = { "pstree.img", 0x50273030, 32 * MIB, TREE_NUMBER_MAX + 64,
					 &criu__process__descriptor };
const struct criu__kind criu__core = { "core", 0x55053847, 64 * MIB, 4096, &criu__core__descriptor };
const struct criu__kind criu__ids = { "ids", 0x54432030, MIB, 4096, &criu__ids__descriptor };
const struct criu__kind criu__pidns = { "pidns", 0x61157326, MIB, 4096, &criu__pid_ns__descriptor };

/* One process has some 20 bytes, and all of them have at most TREE_NUMBER_MAX threads. */
#define PSTREE_MAX ((size_t)256 * MIB)

int criu__complain(struct criu__reader *r, const struct criu__image *i, size_t offset, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return tree_fail(r->err, -EINVAL, "%s/%s: offset %zu: %s", r->source->name, i->name, offset, text);
}

int criu__no_memory(struct criu__reader *r)
{
	return tree_fail(r->err, -ENOMEM, "out of memory for the tree");
}

static uint32_t little_endian(const uint8_t *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* ------------------------------------------------------------------------------------------ magics -- */

static int wrong_magic(struct criu__reader *r, const struct criu__kind *kind, const struct criu__image *i,
		       uint32_t found)
{
	if (found == SERVICE_MAGIC)
		return criu__complain(r, i, i->at, "a service file of CRIU, not an image");
	return criu__complain(r, i, i->at,
			      "the magic 0x%08" PRIx32 " is not that of this kind of image (0x%08" PRIx32 ")",
			      found, kind->magic);
}

static int take_magic(struct criu__reader *r, const struct criu__kind *kind, struct criu__image *i,
		      uint32_t want)
{
	if (i->len - i->at < 4)
		return criu__complain(r, i, i->at, "the image ends within its magic");
	uint32_t found = little_endian(i->bytes + i->at);
	if (found != want)
		return wrong_magic(r, kind, i, found);
	i->at += 4;
	return 0;
}

static int load(struct criu__reader *r, const struct criu__kind *kind, struct criu__image *i)
{
	size_t max = kind == &criu__pstree ? PSTREE_MAX : (size_t)kind->entry_max + 12;
	int64_t n = r->source->load(r->source->arg, i->name, max, &i->bytes, &i->size);

	if (n == -ENOENT)
		return -ENOENT;
	if (n == -EFBIG)
		return criu__complain(r, i, max, "the image goes on; none of its kind is longer");
	if (n == -ENOMEM)
		return criu__no_memory(r);
	if (n == -EINVAL)
		return tree_fail(r->err, -EINVAL, "%s/%s is no regular file", r->source->name, i->name);
	if (n < 0)
		return tree_fail(r->err, (int)n, "cannot read %s/%s: %s", r->source->name, i->name,
				 strerror((int)-n));
	i->len = (size_t)n;
	i->at = i->entry = 0;
	return 0;
}

int criu__open(struct criu__reader *r, const struct criu__kind *kind, uint32_t n, struct criu__image *i)
{
	int rc;

	if (strchr(kind->prefix, '.'))
		snprintf(i->name, sizeof i->name, "%s", kind->prefix);
	else
		snprintf(i->name, sizeof i->name, "%s-%" PRIu32 ".img", kind->prefix, n);
	rc = load(r, kind, i);
	if (rc == 0 && kind != &criu__inventory && r->version != 1)
		rc = take_magic(r, kind, i, COMMON_MAGIC);
	return rc == 0 ? take_magic(r, kind, i, kind->magic) : rc;
}

void criu__close(struct criu__image *i)
{
	free(i->bytes);
	*i = (struct criu__image){ 0 };
}

/* ----------------------------------------------------------------------------------------- entries -- */

/* The next entry's message is at i->entry, *len bytes long; 0 at the end. */
static int next_span(struct criu__reader *r, const struct criu__kind *kind, struct criu__image *i,
		     size_t *len)
{
	size_t left = i->len - i->at;

	if (left == 0)
		return 0;
	if (left < 4)
		return criu__complain(r, i, i->at, "the image ends within the length of an entry");
	uint32_t n = little_endian(i->bytes + i->at);
	if (n > kind->entry_max)
		return criu__complain(r, i, i->at,
				      "an entry of %" PRIu32
				      " bytes; none of this kind has more than %" PRIu32,
				      n, kind->entry_max);
	if (n > left - 4)
		return criu__complain(r, i, i->at,
				      "an entry of %" PRIu32 " bytes, but the image has %zu more", n,
				      left - 4);
	i->entry = i->at + 4;
	i->at = i->entry + n;
	*len = n;
	return 1;
}

int criu__next(struct criu__reader *r, const struct criu__kind *kind, struct criu__image *i,
	       ProtobufCMessage **out)
{
	size_t len = 0;
	int rc = next_span(r, kind, i, &len);

	if (rc <= 0)
		return rc;
	rc = criu__check_message(r, kind, i, i->entry, len);
	if (rc < 0)
		return rc;
	*out = protobuf_c_message_unpack(kind->entry, NULL, len, i->bytes + i->entry);
	/* the message is sound, so there is no other reason */
	return *out ? 1 : criu__no_memory(r);
}

int criu__only(struct criu__reader *r, const struct criu__kind *kind, uint32_t n, bool optional,
	       ProtobufCMessage **out)
{
	struct criu__image *i = &r->image;
	ProtobufCMessage *m = NULL;
	int rc = criu__open(r, kind, n, i);

	if (rc == -ENOENT && !optional)
		return tree_fail(r->err, -ENOENT, "%s/%s is missing", r->source->name, i->name);
	if (rc < 0)
		return rc;
	rc = criu__next(r, kind, i, &m);
	if (rc == 0)
		return criu__complain(r, i, i->at, "the image has no entry");
	if (rc < 0)
		return rc;
	if (i->at < i->len) {
		protobuf_c_message_free_unpacked(m, NULL);
		return criu__complain(r, i, i->at, "something follows the only entry");
	}
	*out = m;
	return 0;
}
