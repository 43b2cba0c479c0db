/* SPDX-License-Identifier: MIT */
/*
 * criu_internal.h: what the readers of CRIU's images share; nobody else includes it, but for the fuzzer, which brings
 * its images in memory.
 *
 * Who does what: criu_dir.c finds an image's bytes, criu_image.c cuts them into entries, criu_wire.c looks at every byte of
 * an entry before protobuf-c gets it, criu.c makes processes of entries, criu_leaders.c decides which leaders are ghosts.
 *
 * Keeps:   (I1) nothing is believed before it was checked against the bytes that are there;
 *          (I2) memory grows with the images alone, and each kind of image has a largest size;
 *          (I3) a complaint names the image and the offset in it.
 */
#ifndef SETTID_TREE_CRIU_INTERNAL_H
#define SETTID_TREE_CRIU_INTERNAL_H

#include "tree/criu.h"
#include "tree/criu.pb-c.h"

/* Where images come from. */
struct criu__source {
	const char *name; /* for messages: the directory */
	/* Reads all of an image into *bytes, whose room is *size; both may grow.  Returns its length, -ENOENT, -EFBIG
	 * when it is longer than `max`, or another negative errno. */
	int64_t (*load)(void *arg, const char *image, size_t max, uint8_t **bytes, size_t *size);
	void *arg;
};

/* One image, or NULL bytes. */
struct criu__image {
	char name[32]; /* "core-42.img" */
	uint8_t *bytes;
	size_t size, len, at; /* room, length, and where the next entry begins */
	size_t entry;         /* where the message of the last one began */
};

struct criu__reader {
	const struct criu__source *source;
	struct tree *t;
	struct tree_error *err;
	const struct tree_criu_options *options;
	struct criu__image tree, image; /* pstree.img; whichever other one is read */
	uint32_t version;               /* of the inventory, 1 or 2 */
	uint32_t dumper_ns, root_ns;    /* ids of PID namespaces, 0 = not said */
	uint64_t threads;               /* of all processes so far */
};

/* The kinds of images. */
struct criu__kind {
	const char *prefix; /* "core": the image is core-N.img; or "pstree.img" */
	uint32_t magic;
	uint32_t entry_max;  /* bytes of one message */
	uint32_t fields_max; /* of one message, of each message in it */
	const ProtobufCMessageDescriptor *entry;
};
extern const struct criu__kind criu__inventory, criu__pstree, criu__core, criu__ids, criu__pidns;

/* Both return the code.  "DIR/core-42.img: offset 12: ..." */
int criu__complain(struct criu__reader *r, const struct criu__image *i, size_t offset, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int criu__no_memory(struct criu__reader *r);

/* criu_dir.c: the images of a directory.  Closes nothing. */
int64_t criu__load_at(int dir, const char *image, size_t max, uint8_t **bytes, size_t *size);

/* criu_image.c.  open fails with -ENOENT and no complaint when there is no such image. */
int criu__open(struct criu__reader *r, const struct criu__kind *kind, uint32_t n, struct criu__image *i);
/* 1 and *out, which protobuf_c_message_free_unpacked() ends; 0 at the image's end; or the error. */
int criu__next(struct criu__reader *r, const struct criu__kind *kind, struct criu__image *i,
	       ProtobufCMessage **out);
/* The one entry of an image that has one; -ENOENT is complained about unless `optional`. */
int criu__only(struct criu__reader *r, const struct criu__kind *kind, uint32_t n, bool optional,
	       ProtobufCMessage **out);
void criu__close(struct criu__image *i);

/* criu_wire.c: is it a message of that kind, to the last byte? */
int criu__check_message(struct criu__reader *r, const struct criu__kind *kind, const struct criu__image *i,
			size_t at, size_t len);

/* criu_leaders.c: numbers that are only groups or sessions become ghosts, or 0. */
int criu__settle_leaders(struct criu__reader *r);

/* criu.c: from any source. */
int criu__read(const struct criu__source *source, const struct tree_criu_options *options, struct tree **out,
	       struct tree_error *err);

#endif
