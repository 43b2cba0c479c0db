/* SPDX-License-Identifier: MIT */
/*
 * restore_image.c: the file that a placeholder executes to become itself (engine_reexec.c).
 *
 * One memfd: an ELF header, a copy of each of this program's own segments, and the plan.  The segments are loaded at the
 * addresses that they have here, so whatever of the engine's code points somewhere points to the same; the plan is
 * mapped here, and mapped again at the same place by whoever comes back.
 *
 * Keeps:   (M1) what the engine could read here it can read there: code, constants, and variables as they are now;
 *          (M2) that the file can be executed is nobody's business but the tree's: it has no name.
 * Costs:   a copy of the program, and only for plans that have such a step.
 */
#include "restore_image.h"

#include "engine.h"
#include "libsettid/procfs.h"
#include "libsettid/sys.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#define SEGMENTS_MAX 16

struct segment {
	uintptr_t from, to;
	unsigned long dev_major, dev_minor, inode;
	uint32_t flags;
};

struct segments {
	struct segment list[SEGMENTS_MAX];
	size_t len;
};

static bool parse(const char *line, struct segment *s)
{
	unsigned long from, to;
	char mode[5];

	if (sscanf(line, "%lx-%lx %4s %*x %lx:%lx %lu", &from, &to, mode, &s->dev_major, &s->dev_minor,
		   &s->inode) != 6)
		return false;
	s->from = from;
	s->to = to;
	s->flags = (mode[0] == 'r' ? PF_R : 0u) | (mode[1] == 'w' ? PF_W : 0u) | (mode[2] == 'x' ? PF_X : 0u);
	return true;
}

static bool same_file(const struct segment *a, const struct segment *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/* Of the file that the engine's code is in: the program, or a library that it was linked into.  What follows the last
 * of them without a file is its variables', too. */
static int find_segments(FILE *maps, struct segments *out)
{
	uintptr_t code = (uintptr_t)&engine_entered;
	struct segment s, own = { 0 };
	char line[PATH_MAX + 128];

	while (fgets(line, sizeof line, maps))
		if (parse(line, &s) && code >= s.from && code < s.to)
			own = s;
	rewind(maps);
	out->len = 0;
	while (own.inode && fgets(line, sizeof line, maps)) {
		bool follows;

		if (!parse(line, &s))
			continue;
		follows = out->len && !s.inode && s.from == out->list[out->len - 1].to && !strchr(line, '[');
		if (!same_file(&s, &own) && !follows)
			continue;
		if (out->len == SEGMENTS_MAX)
			return -E2BIG;
		out->list[out->len++] = s;
	}
	return own.inode ? 0 : -ENOENT;
}

static int list_segments(struct segments *out, struct tree_error *err)
{
	struct settid_error se = { 0 };
	int proc_fd, fd, r = settid__proc_open(&proc_fd, &se);
	FILE *f;

	if (r < 0)
		return tree_fail(err, r, "%s", se.text);
	fd = (int)SYS4(SYS_openat, proc_fd, "self/maps", O_RDONLY | O_CLOEXEC, 0);
	close(proc_fd);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f && fd >= 0)
		close(fd);
	r = f ? find_segments(f, out) : fd < 0 ? fd : -ENOMEM;
	if (f)
		fclose(f);
	return r < 0 ? tree_fail(err, r, "this program's own pages cannot be found in /proc/self/maps: %s",
				 strerror(-r))
		     : 0;
}

/* ---------------------------------------------------------------------------------------- the file -- */

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static int write_all(int fd, const void *from, size_t size, size_t at)
{
	while (size) {
		long n = SYS4(SYS_pwrite64, fd, from, size, at);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		from = (const char *)from + n;
		at += (size_t)n;
		size -= (size_t)n;
	}
	return 0;
}

/* Counters of fault injection are not there in the program that begins, so what points to them must not be either. */
#ifdef SETTID_FAULT_INJECTION
#define LEFT_OUT PF_W
#else
#define LEFT_OUT 0u
#endif

static bool is_copied(const struct segment *s)
{
	return s->flags & PF_R && !(s->flags & LEFT_OUT);
}

static int write_segments(int fd, const struct segments *list, Elf64_Phdr *headers, size_t at)
{
	for (size_t k = 0; k < list->len; k++) {
		const struct segment *s = &list->list[k];
		size_t size = s->to - s->from;
		int r = is_copied(s) ? write_all(fd, (const void *)s->from, size, at) : 0;

		if (r < 0)
			return r;
		headers[k] = (Elf64_Phdr){ .p_type = PT_LOAD,
					   .p_flags = s->flags,
					   .p_offset = at,
					   .p_vaddr = s->from,
					   .p_paddr = s->from,
					   .p_filesz = size,
					   .p_memsz = size,
					   .p_align = whole_pages(1) };
		at += size;
	}
	return 0;
}

/* In the copy only: here it stays as it is. */
static int write_home(int fd, const Elf64_Phdr *headers, size_t len, const struct engine_home *home)
{
	uintptr_t at = (uintptr_t)&engine_home;

	for (size_t k = 0; k < len; k++)
		if (at >= headers[k].p_vaddr && at < headers[k].p_vaddr + headers[k].p_memsz)
			return write_all(fd, home, sizeof *home,
					 headers[k].p_offset + (at - headers[k].p_vaddr));
	return -ENOENT;
}

struct front {
	Elf64_Ehdr file;
	Elf64_Phdr program[SEGMENTS_MAX + 1];
};

static int write_program(int fd, const struct segments *list, const struct engine_home *home)
{
	static const unsigned char ident[EI_NIDENT] = { ELFMAG0,    ELFMAG1,     ELFMAG2,   ELFMAG3,
							ELFCLASS64, ELFDATA2LSB, EV_CURRENT };
	struct front front = { .file = { .e_type = ET_EXEC,
					 .e_version = EV_CURRENT,
					 .e_entry = (uintptr_t)&engine_entered,
					 .e_phoff = offsetof(struct front, program),
					 .e_ehsize = sizeof(Elf64_Ehdr),
					 .e_phentsize = sizeof(Elf64_Phdr),
					 .e_phnum = (Elf64_Half)(list->len + 1) } };
	int r;

#if defined(__x86_64__)
	front.file.e_machine = EM_X86_64;
#else
	front.file.e_machine = EM_AARCH64;
#endif
	memcpy(front.file.e_ident, ident, sizeof ident);
	r = write_segments(fd, list, front.program, whole_pages(sizeof front));
	front.program[list->len] =
		(Elf64_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_align = 16 };
	if (r == 0)
		r = write_all(fd, &front, sizeof front, 0);
	return r < 0 ? r : write_home(fd, front.program, list->len, home);
}

/* A size over the limit on files would be a signal to the caller. */
static int check_file_size(size_t size, struct tree_error *err)
{
	struct rlimit limit = { 0, 0 };
	int r = (int)SYS4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);

	if (r < 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size)
		return 0;
	return tree_fail(err, -EFBIG,
			 "a process has to execve itself, and the file for that, of %zu KiB, is larger than "
			 "RLIMIT_FSIZE",
			 size / 1024);
}

static int make_file(size_t size, int *out, struct tree_error *err)
{
	int fd = (int)SYS2(SYS_memfd_create, "settid", MFD_CLOEXEC | MFD_EXEC), high, r;

	if (fd == -EINVAL) /* before 6.3 all could be executed */
		fd = (int)SYS2(SYS_memfd_create, "settid", MFD_CLOEXEC);
	if (fd < 0)
		return tree_fail(err, fd,
				 "a process has to execve itself, and there can be no memfd for that: %s%s",
				 strerror(-fd), fd == -EACCES ? " (sysctl vm.memfd_noexec)" : "");
	high = (int)SYS3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	r = high < 0 ? high : (int)SYS2(SYS_ftruncate, high, size);
	*out = high;
	return r < 0 ? tree_fail(err, r, "the plan's file cannot have %zu KiB: %s", size / 1024, strerror(-r))
		     : 0;
}

static int fill(const struct segments *list, size_t size, struct restore_image *out, struct tree_error *err)
{
	struct engine_home home = { .size = size, .offset = out->offset, .fd = out->fd };
	long at = SYS6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, out->fd,
		       out->offset);
	int r;

	if (at < 0 && at > -4096)
		return tree_fail(err, (int)at, "no memory for the plan (%zu KiB): %s", size / 1024,
				 strerror((int)-at));
	out->at = home.at = (void *)(uintptr_t)at;
	r = write_program(out->fd, list, &home);
	if (r < 0)
		munmap(out->at, size);
	return r < 0 ? tree_fail(err, r, "the program that a process is to execve cannot be written: %s",
				 strerror(-r))
		     : 0;
}

int restore_image(size_t size, struct restore_image *out, struct tree_error *err)
{
	struct segments list = { .len = 0 };
	int r = list_segments(&list, err);

	*out = (struct restore_image){ .fd = -1 };
	if (r < 0)
		return r;
	out->offset = whole_pages(sizeof(struct front));
	for (size_t k = 0; k < list.len; k++)
		out->offset += list.list[k].to - list.list[k].from;
	r = check_file_size(out->offset + size, err);
	if (r == 0)
		r = make_file(out->offset + size, &out->fd, err);
	if (r == 0)
		r = fill(&list, size, out, err);
	if (r < 0 && out->fd >= 0) {
		close(out->fd);
		out->fd = -1;
	}
	return r;
}
