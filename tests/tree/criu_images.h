/* SPDX-License-Identifier: MIT */
/*
 * criu_images.h: images in memory, made message by message or taken from a folder, to be broken; and a dump in which all is
 * right, which each row of a table breaks in one way.
 */
#ifndef SETTID_TEST_CRIU_IMAGES_H
#define SETTID_TEST_CRIU_IMAGES_H

#include "tree/criu_internal.h"

#define MAGIC_COMMON 0x54564319
#define MAGIC_INVENTORY 0x58313116
#define MAGIC_PSTREE 0x50273030
#define MAGIC_CORE 0x55053847
#define MAGIC_IDS 0x54432030
#define MAGIC_PIDNS 0x61157326

/* A message, or any bytes. */
struct bytes {
	uint8_t *at;
	size_t len, room;
};

void bytes_add(struct bytes *b, const void *data, size_t len);
void bytes_done(struct bytes *b);
/* Little-endian, of 32 bits. */
void bytes_u32(struct bytes *b, uint32_t v);
/* Fields of a message. */
void field_key(struct bytes *b, uint32_t field, unsigned wire);
void field_varint(struct bytes *b, uint64_t v);
void field_number(struct bytes *b, uint32_t field, uint64_t v);
void field_bytes(struct bytes *b, uint32_t field, const void *data, size_t len);
void field_text(struct bytes *b, uint32_t field, const char *text);
void field_message(struct bytes *b, uint32_t field, const struct bytes *message);

enum { IMAGES_MAX = 24 };

struct images {
	struct {
		char name[32];
		struct bytes b;
	} at[IMAGES_MAX];
	size_t len;
};

/* The image of that name, empty and new unless it is there already. */
struct bytes *images_get(struct images *i, const char *name);
void images_remove(struct images *i, const char *name);
/* Begins an image, with the common magic unless common is false; what it had is gone. */
struct bytes *images_begin(struct images *i, const char *name, uint32_t magic, bool common);
/* Appends an entry. */
void images_entry(struct bytes *image, const struct bytes *message);
void images_done(struct images *i);
/* All .img files of a folder; false when there are none. */
bool images_of_folder(struct images *i, const char *folder);

/* As tree_read_criu(), of a folder called "dump". */
int images_read(struct images *i, struct tree **out, struct tree_error *err);

/* One row of a table of broken dumps. */
struct row {
	const char *name;
	void (*change)(struct images *i);
	const char *says; /* the complaint after "dump/"; NULL = it is no mistake */
};

/* A dump of two processes, 10 and its child 11, with nothing wrong in it; their messages in pstree.img begin at 12, 26. */
void right_dump(struct images *i);
/* A test of cmocka whose state is a row. */
void run_row(void **state);

/* Parts of it. */
enum { ALIVE = 1, DEAD = 2, STOPPED = 3 };
void put_inventory(struct images *i, uint32_t version, uint32_t ns);
void put_ids(struct images *i, uint32_t pid, uint32_t ns);
void add_process(struct images *i, uint32_t pid, uint32_t ppid, uint32_t pgid, uint32_t sid, uint32_t thread);
/* The first fields of a task. */
void task(struct bytes *tc, uint32_t state, uint32_t status, const char *comm);
void put_core_of(struct images *i, uint32_t pid, const struct bytes *tc, const struct bytes *thread);
void put_core(struct images *i, uint32_t pid, uint32_t state, uint32_t status, const char *comm);
/* A child 11 without its field of threads, whose last bytes are given: they begin at 34. */
void pstree_bytes(struct images *i, const void *more, size_t len);
#define PSTREE_BYTES(i, ...) \
	pstree_bytes(i, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

#endif
