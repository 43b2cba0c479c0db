/* SPDX-License-Identifier: MIT */
/*
 * restore_layout.c: the plan as one shared mapping, with nothing in it that points elsewhere.
 *
 * Owns:    the layout of the mapping behind struct engine: the struct itself, the plan's arrays, what programs
 *          need (paths, argv, environment), the words that change, and a stack slot per actor.
 * Keeps:   every pointer in it points into it, so that a process that unmapped all else can use it;
 *          pages that nobody touches are never made (MAP_NORESERVE).
 */
#include "restore_layout.h"

#include "libsettid/sys.h"
#include "restore_image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#define ORPHAN_FRAME 12288 /* where the kernel does not say */
#define ORPHAN_HANDLER 2048

/* A bump allocator that first counts and then fills: the same calls run twice, with base NULL and not. */
struct bump {
	char *base;
	size_t used;
};

static void *take(struct bump *b, size_t size, size_t align)
{
	b->used = (b->used + align - 1) / align * align;
	b->used += size;
	return b->base ? b->base + b->used - size : NULL;
}

static void *copy(struct bump *b, const void *from, size_t size, size_t align)
{
	void *to = take(b, size, align);

	if (to && size)
		memcpy(to, from, size);
	return to;
}

static char *copy_string(struct bump *b, const char *s)
{
	return copy(b, s, strlen(s) + 1, 1);
}

static char *const *copy_vector(struct bump *b, char *const *v)
{
	size_t n = 0;
	char **to;

	while (v[n])
		n++;
	to = take(b, (n + 1) * sizeof *to, sizeof *to);
	for (size_t k = 0; k < n; k++) {
		char *s = copy_string(b, v[k]);

		if (to)
			to[k] = s;
	}
	return to;
}

static char *const *copy_argv(struct bump *b, const struct tree_process *p)
{
	char **to = take(b, ((size_t)p->argv_len + 1) * sizeof *to, sizeof *to);

	for (uint32_t k = 0; k < p->argv_len; k++) {
		char *s = copy(b, p->argv[k].bytes, p->argv[k].len + 1, 1);

		if (to)
			to[k] = s;
	}
	return to;
}

static bool can_run(const char *cwd, const char *path)
{
	char full[2 * PATH_MAX];

	if (path[0] == '/' || !cwd)
		return access(path, X_OK) == 0;
	snprintf(full, sizeof full, "%s/%s", cwd, path);
	return access(full, X_OK) == 0;
}

/* Which file argv[0] names: as given with a slash, else through PATH; a login shell's leading '-' does not count. */
static int resolve(const struct tree_process *p, char out[PATH_MAX], struct tree_error *err)
{
	const char *name = p->argv[0].bytes, *dir = getenv("PATH");
	const char *cwd = p->cwd.bytes;

	if (cwd && access(cwd, X_OK) < 0)
		return tree_fail(err, -errno, "process %d: cannot enter its directory %s: %s",
				 (int)p->nspid[0], cwd, strerror(errno));
	if (name[0] == '-')
		name++;
	if (strchr(name, '/')) {
		snprintf(out, PATH_MAX, "%s", name);
		if (can_run(cwd, out))
			return 0;
		return tree_fail(err, -errno, "process %d: cannot run %s: %s", (int)p->nspid[0], name,
				 strerror(errno));
	}
	for (dir = dir ? dir : "/bin:/usr/bin"; *dir && *name; dir += *dir == ':') {
		size_t len = strcspn(dir, ":");

		snprintf(out, PATH_MAX, "%.*s/%s", (int)len, len ? dir : ".", name);
		if (can_run(cwd, out))
			return 0;
		dir += len;
	}
	return tree_fail(err, -ENOENT, "process %d: its program %s is not found in PATH", (int)p->nspid[0],
			 name);
}

static int copy_commands(struct bump *b, const struct tree *t, const struct plan *p, struct engine *e,
			 struct tree_error *err)
{
	struct engine_command *to = take(b, p->commands_len * sizeof *to, sizeof(void *));
	char path[PATH_MAX];

	for (uint32_t k = 0; k < p->commands_len; k++) {
		const struct tree_process *proc = &t->processes[p->commands[k]];
		struct engine_command cmd = { 0 };
		int r = resolve(proc, path, err);

		if (r < 0)
			return r;
		cmd.path = copy_string(b, path);
		cmd.argv = copy_argv(b, proc);
		cmd.cwd = proc->cwd.bytes ? copy_string(b, proc->cwd.bytes) : NULL;
		if (to)
			to[k] = cmd;
	}
	if (p->commands_len && b->base)
		e->envp = copy_vector(b, environ);
	else if (p->commands_len)
		copy_vector(b, environ);
	if (b->base)
		e->commands = to;
	return 0;
}

/* A signal's frame, which says how large it can be, and room for the handler. */
static size_t orphan_stack_size(void)
{
	size_t frame = getauxval(AT_MINSIGSTKSZ);

	return ((frame ? frame : ORPHAN_FRAME) + ORPHAN_HANDLER + 4095) / 4096 * 4096;
}

static size_t orphans_of(const struct plan *p)
{
	const struct engine e = {
		.actors = p->actors, .actors_len = p->actors_len, .steps = p->steps, .has_init = p->has_init
	};

	return engine_orphans(&e);
}

/* Both passes; `e` is where the values go, which the first pass throws away. */
static int fill(struct bump *b, const struct tree *t, const struct plan *p, const struct restore_options *o,
		struct engine *e, struct tree_error *err)
{
	uint32_t n = p->actors_len;
	int r;

	e->actors = copy(b, p->actors, n * sizeof *p->actors, 8);
	e->steps = copy(b, p->steps, p->steps_len * sizeof *p->steps, 8);
	e->numbers = copy(b, p->numbers, p->numbers_len * sizeof *p->numbers, 8);
	e->full = copy(b, p->counters, p->counters_len * sizeof *p->counters, 8);
	e->text = copy(b, p->text, p->text_len, 8);
	e->pidfile = o->pidfile ? copy_string(b, o->pidfile) : NULL;
	r = copy_commands(b, t, p, e, err);
	if (r < 0)
		return r;
	take(b, 0, 64);
	e->counters = take(b, p->counters_len * sizeof *e->counters, 64);
	e->fds = take(b, p->fds_len * sizeof *e->fds, 64);
	e->reexecs = take(b, p->reexecs_len * sizeof *e->reexecs, 64);
	e->pids = take(b, n * sizeof *e->pids, 64);
	e->alive = take(b, n * sizeof *e->alive, 64);
	e->listens = take(b, n * sizeof *e->listens, 64);
	e->spans = o->trace ? take(b, p->steps_len * sizeof *e->spans, 64) : NULL;
	e->stacks = take(b, (size_t)n * ENGINE_STACK, 4096);
	e->orphan_stack_size = orphan_stack_size();
	e->orphan_stacks = take(b, orphans_of(p) * e->orphan_stack_size, 4096);
	return 0;
}

/* Where no process has to execute itself it needs no name, and no descriptor. */
static int map_anonymous(size_t size, void **at, struct tree_error *err)
{
	long mapped = SYS6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mapped < 0 && mapped > -4096)
		return tree_fail(err, (int)mapped, "no memory for the plan (%zu KiB): %s", size / 1024,
				 strerror((int)-mapped));
	*at = (void *)(uintptr_t)mapped; /* a number until it is known to be an address */
	return 0;
}

int restore_layout(const struct tree *t, const struct plan *p, const struct restore_options *o,
		   struct engine **out, size_t *size, struct tree_error *err)
{
	struct engine scratch = { 0 }, *e;
	struct bump b = { NULL, sizeof scratch };
	struct restore_image image = { .fd = -1 };
	int r = fill(&b, t, p, o, &scratch, err);

	if (r < 0)
		return r;
	*size = (b.used + 4095) / 4096 * 4096;
	r = p->reexecs_len ? restore_image(*size, &image, err) : map_anonymous(*size, &image.at, err);
	if (r < 0)
		return r;
	madvise(image.at, *size, MADV_DONTDUMP); /* processes that dump core need not dump this */
	e = image.at;
	b = (struct bump){ image.at, sizeof *e };
	r = fill(&b, t, p, o, e, err);
	if (r < 0) {
		munmap(image.at, *size);
		if (image.fd >= 0)
			close(image.fd);
		return r;
	}
	e->image_fd = image.fd;
	e->fds_len = p->fds_len;
	e->reexecs_len = p->reexecs_len;
	for (uint32_t k = 0; k < p->fds_len; k++)
		e->fds[k] = -1;
	e->actors_len = p->actors_len;
	e->total = p->actors_len;
	e->root = p->root;
	e->first = p->first;
	e->has_init = p->has_init;
	e->goes_outside = p->goes_outside;
	e->subreaper = !p->has_init;
	e->bell_fd = e->deaths_fd = e->life_fd = e->event_fd = e->core_fd = e->last_pid_fd = e->children_fd =
		e->first_pidfd = -1;
	*out = e;
	return 0;
}

/* ---------------------------------------------------------------------------------- what to keep -- */

struct map_line {
	uintptr_t from, to;
	unsigned long dev_major, dev_minor, inode;
	char name[64];
};

static bool parse_map_line(const char *line, struct map_line *m)
{
	unsigned long from, to;

	m->name[0] = '\0';
	if (sscanf(line, "%lx-%lx %*s %*x %lx:%lx %lu %63[^\n]", &from, &to, &m->dev_major, &m->dev_minor,
		   &m->inode, m->name) < 5)
		return false;
	m->from = from;
	m->to = to;
	return true;
}

static void keep_add(struct engine_range *keep, size_t *len, size_t max, uintptr_t from, uintptr_t to)
{
	if (*len && keep[*len - 1].to >= from)
		keep[*len - 1].to = to > keep[*len - 1].to ? to : keep[*len - 1].to;
	else if (*len < max)
		keep[(*len)++] = (struct engine_range){ from, to };
}

size_t restore_keep_ranges(int proc_fd, const struct engine *e, size_t size, struct engine_range *keep,
			   size_t max)
{
	uintptr_t code = (uintptr_t)&engine_guard, here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t mapping = (uintptr_t)e;
	int fd = (int)SYS4(SYS_openat, proc_fd, "self/maps", O_RDONLY | O_CLOEXEC, 0);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	struct map_line m, image = { 0 };
	char line[PATH_MAX + 128];
	size_t len = 0;
	bool stack = false;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (fgets(line, sizeof line, f))
		if (parse_map_line(line, &m) && code >= m.from && code < m.to)
			image = m;
	rewind(f);
	while (image.inode && fgets(line, sizeof line, f)) {
		bool is_stack;

		if (!parse_map_line(line, &m) || m.from >= (uintptr_t)1 << 47)
			continue;
		is_stack = here >= m.from && here < m.to;
		stack |= is_stack;
		if (is_stack ||
		    (m.inode == image.inode && m.dev_major == image.dev_major &&
		     m.dev_minor == image.dev_minor) ||
		    strncmp(m.name, "[vdso]", 6) == 0 || strncmp(m.name, "[vvar", 5) == 0 ||
		    (m.to > mapping && m.from < mapping + size))
			keep_add(keep, &len, max, m.from, m.to);
	}
	fclose(f);
	return stack && len < max ? len : 0;
}
