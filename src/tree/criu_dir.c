/* SPDX-License-Identifier: MIT */
/*
 * criu_dir.c: a directory of images on disk.
 *
 * Keeps:   (I4) only regular files are read: a pipe or a device with an image's name is refused, and waits for nobody;
 *          (I5) the directory is opened once, so that all images are of one dump although its name may change hands.
 */
#include "tree/criu_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_room(uint8_t **bytes, size_t *size, size_t want)
{
	uint8_t *grown;

	if (want <= *size)
		return 0;
	grown = realloc(*bytes, want);
	if (!grown)
		return -ENOMEM;
	*bytes = grown;
	*size = want;
	return 0;
}

/* One byte more than there should be is asked for: a file that grows is noticed, and so is its end. */
static int64_t read_to_end(int fd, size_t max, uint8_t **bytes, size_t *size)
{
	size_t used = 0;

	for (;;) {
		if (used > max)
			return -EFBIG;
		int r = make_room(bytes, size, used + 1);
		if (r < 0)
			return r;
		ssize_t n = read(fd, *bytes + used, *size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return (int64_t)used;
		used += (size_t)n;
		if (used == *size && (r = make_room(bytes, size, *size * 2)) < 0)
			return r;
	}
}

static int64_t read_regular(int fd, size_t max, uint8_t **bytes, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EFBIG;
	int r = make_room(bytes, size, (size_t)st.st_size + 1);
	return r < 0 ? r : read_to_end(fd, max, bytes, size);
}

int64_t criu__load_at(int dir, const char *image, size_t max, uint8_t **bytes, size_t *size)
{
	/* O_NONBLOCK: opening a pipe that nobody writes to would wait */
	int fd = openat(dir, image, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int64_t r;

	if (fd < 0)
		return -errno;
	r = read_regular(fd, max, bytes, size);
	close(fd);
	return r;
}

static int64_t load(void *arg, const char *image, size_t max, uint8_t **bytes, size_t *size)
{
	return criu__load_at(*(const int *)arg, image, max, bytes, size);
}

int tree_read_criu(const char *directory, const struct tree_criu_options *options, struct tree **out,
		   struct tree_error *err)
{
	int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct criu__source source = { .name = directory, .load = load, .arg = &dir };

	if (dir < 0)
		return tree_fail(err, -errno, "cannot open %s: %s", directory, strerror(errno));
	int r = criu__read(&source, options, out, err);
	close(dir);
	return r;
}
