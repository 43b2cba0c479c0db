/* SPDX-License-Identifier: MIT */
/*
 * freeze_cgroup.c: freezing a tree through the cgroup that is its own.
 *
 * For trees that ptrace cannot have, since a debugger does.  A cgroup is the tree's own when the processes in it and
 * below it are those of the tree: one more, and somebody uninvolved would be frozen; one less, and the tree would
 * not be at rest.  v2 is tried before v1, whose freezer is a hierarchy of its own.
 *
 * Keeps:   (C1) nothing is written before the cgroup is known to be the tree's own;
 *          (C2) the helper writes, and it undoes that when its socket ends (H4 of freeze.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tree/freeze.h"
#include "tree/proc_read.h"

enum { PATIENCE_MS = 2000 };

struct kind {
	bool v2;
	const char *file, *on, *off;       /* what freezes */
	const char *done_file, *done_line; /* what says that all are frozen */
};

static const struct kind kinds[] = {
	{ true, "cgroup.freeze", "1", "0", "cgroup.events", "frozen 1" },
	{ false, "freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN" },
};

/* A whole small file; the caller frees.  NULL = errno says why. */
static char *read_text(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char *text = NULL;
	size_t size = 0;

	if (!f) {
		proc_close(fd);
		return NULL;
	}
	if (getdelim(&text, &size, '\0', f) < 0) { /* empty: no error */
		free(text);
		text = ferror(f) ? NULL : strdup("");
	}
	fclose(f);
	return text;
}

/* Is `word` one of a list with commas? */
static bool lists(const char *list, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	for (const char *at = list; at < list + len;) {
		const char *comma = memchr(at, ',', (size_t)(list + len - at));
		size_t item = comma ? (size_t)(comma - at) : (size_t)(list + len - at);
		if (item == word_len && memcmp(at, word, item) == 0)
			return true;
		at += item + 1;
	}
	return false;
}

/* The root's path in the hierarchy, from a line "0::/path" or "6:freezer:/path".  False = it is in none. */
static bool path_in_hierarchy(const struct kind *k, char *text, char out[static PATH_MAX])
{
	char *rest = text;

	for (char *line; (line = strsep(&rest, "\n"));) {
		char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
		if (!path)
			continue;
		size_t len = (size_t)(path - list - 1);
		if (k->v2 ? strncmp(line, "0::", 3) == 0 : lists(list + 1, len, "freezer"))
			return snprintf(out, PATH_MAX, "%s", path + 1) < PATH_MAX;
	}
	return false;
}

/* Undoes mountinfo's \ooo in place. */
static void unescape(char *text)
{
	text[proc_unescape(text, strlen(text), text)] = '\0';
}

/* "ID PARENT DEV ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE SUPER" of the hierarchy's mount. */
static bool is_mount_of(const struct kind *k, char *line, char **root, char **point)
{
	char *dash = strstr(line, " - "), *rest = line, *field[6];

	if (!dash)
		return false;
	*dash = '\0';
	for (int i = 0; i < 6; i++)
		if (!(field[i] = strsep(&rest, " ")))
			return false;
	rest = dash + 3;
	char *type = strsep(&rest, " ");
	strsep(&rest, " ");
	bool right = k->v2 ? strcmp(type, "cgroup2") == 0
			   : strcmp(type, "cgroup") == 0 && rest && lists(rest, strlen(rest), "freezer");
	*root = field[3];
	*point = field[4];
	unescape(*root);
	unescape(*point);
	return right;
}

/* Where the cgroup of that path can be reached. */
static bool find_directory(const struct kind *k, char *mountinfo, const char *path, char out[static PATH_MAX])
{
	char *rest = mountinfo, *root, *point;

	for (char *line; (line = strsep(&rest, "\n"));) {
		if (!is_mount_of(k, line, &root, &point))
			continue;
		size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);
		if (strncmp(path, root, len) != 0 || path[len] != '/')
			continue;
		return snprintf(out, PATH_MAX, "%s%s", point, path + len) < PATH_MAX;
	}
	return false;
}

/* ----------------------------------------------------------------------------------- whose is it -- */

static int by_number(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int add_members(int dir, const int32_t *pids, size_t len, size_t *found)
{
	char *text = read_text(dir, "cgroup.procs"), *at = text;

	if (!text)
		return -errno;
	for (long pid; *at; at += strspn(at, "\n")) {
		pid = strtol(at, &at, 10);
		int32_t key = (int32_t)pid; /* 0: somebody of a namespace that we do not see */
		if (!bsearch(&key, pids, len, sizeof key, by_number)) {
			free(text);
			return -EBUSY;
		}
		++*found;
	}
	free(text);
	return 0;
}

/* Counts the members here and below; one that is not in pids[] is -EBUSY. */
static int count_members(int dir, const int32_t *pids, size_t len, size_t *found)
{
	int e = add_members(dir, pids, len, found);
	int copy = e < 0 ? -1 : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *d;

	while (e == 0 && list && (d = readdir(list))) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		int below = openat(dir, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		e = below < 0 ? -errno : count_members(below, pids, len, found);
		proc_close(below);
	}
	if (list)
		closedir(list);
	else
		proc_close(copy);
	return e;
}

static int check_members(int dir, const int32_t *pids, size_t len)
{
	size_t found = 0;
	int e = count_members(dir, pids, len, &found);

	return e < 0 ? e : found == len ? 0 : -EBUSY;
}

/* ---------------------------------------------------------------------------------------- freezing -- */

static int await_frozen(const struct kind *k, int dir)
{
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		char *text = read_text(dir, k->done_file);
		bool frozen = text && strstr(text, k->done_line);
		free(text);
		if (frozen)
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return -ETIMEDOUT;
}

static int freeze(struct freezer *f, const struct kind *k, int dir)
{
	int fd = openat(dir, k->file, O_WRONLY | O_CLOEXEC);
	int e = fd < 0 ? -errno : freezer__write(f, fd, k->on, k->off);

	proc_close(fd);
	return e < 0 ? e : await_frozen(k, dir);
}

static int try_kind(struct freezer *f, const struct kind *k, int32_t root, const int32_t *pids, size_t len,
		    int *dir)
{
	char name[32], path[PATH_MAX], where[PATH_MAX];
	size_t at = proc_text(name, root);

	memcpy(name + at, "/cgroup", 8);
	char *text = read_text(f->proc_fd, name), *mounts = read_text(f->proc_fd, "self/mountinfo");
	bool own = text && mounts && path_in_hierarchy(k, text, path) && strcmp(path, "/") != 0 &&
		   find_directory(k, mounts, path, where);
	free(text);
	free(mounts);
	if (!own)
		return -ENOENT;
	*dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int e = *dir < 0 ? -errno : check_members(*dir, pids, len);
	return e < 0 ? e : freeze(f, k, *dir);
}

int freezer_cgroup(struct freezer *f, int32_t root, const int32_t *pids, size_t len)
{
	int worst = -ENOENT;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		int dir = -1, e = try_kind(f, &kinds[i], root, pids, len, &dir);
		if (e == 0) {
			f->cgroup = true;
			f->cgroup_dir = dir;
			return 0;
		}
		proc_close(dir);
		if (e != -ENOENT)
			worst = e;
	}
	return worst;
}

int freezer_cgroup_check(const struct freezer *f, const int32_t *pids, size_t len)
{
	return check_members(f->cgroup_dir, pids, len);
}
