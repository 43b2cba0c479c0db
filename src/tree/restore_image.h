/* SPDX-License-Identifier: MIT */
/* restore_image.h: see restore_image.c. */
#ifndef SETTID_RESTORE_IMAGE_H
#define SETTID_RESTORE_IMAGE_H

#include "internal.h"

#include <stddef.h>

struct restore_image {
	void *at;      /* the mapping for the plan: shared, zeros, *size bytes */
	size_t offset; /* of it in the file */
	int fd;        /* close-on-exec, above 2 */
};

/* A file that can be executed and begins at engine_entered(), with a mapping of `size` bytes behind it. */
int restore_image(size_t size, struct restore_image *out, struct tree_error *err);

#endif
