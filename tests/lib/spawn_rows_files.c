/* SPDX-License-Identifier: MIT */
/*
 * spawn_rows_files.c: file actions, and the directory.
 */
#include "spawn_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------- directories -- */

static void directory(struct settid_spawn_args *a)
{
	a->cwd = "/proc";
}

static void missing_directory(struct settid_spawn_args *a)
{
	a->cwd = spawn_in_dir("nothing");
}

static void actions(struct settid_spawn_args *a, const struct settid_file_action *list, size_t len)
{
	a->file_actions = list;
	a->file_actions_len = len;
}

/* The list lives on after the row's preparation. */
#define ACTIONS(...)                                                       \
	do {                                                               \
		static struct settid_file_action list[] = { __VA_ARGS__ }; \
		actions(a, list, sizeof list / sizeof *list);              \
	} while (0)

/* A static list cannot hold a name in `spawn_dir`. */
static void path_of(struct settid_spawn_args *a, size_t action, const char *name)
{
	((struct settid_file_action *)(uintptr_t)a->file_actions)[action].path = spawn_in_dir(name);
}

static void change_directory(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_CHDIR, .path = "/proc" });
}

static void change_directory_then_cwd(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_CHDIR, .path = "/proc" });
	a->cwd = "sys"; /* from where the actions left it */
}

static void change_to_nowhere(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_CLOSE, .fd = 7 }, { .op = SETTID_FILE_CHDIR, .path = "/nowhere" });
}

static void change_to_descriptor(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = 9, .path = "/proc", .flags = O_RDONLY | O_DIRECTORY },
		{ .op = SETTID_FILE_FCHDIR, .fd = 9 });
}

static void change_to_no_descriptor(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_FCHDIR, .fd = 99 });
}

static void change_to_a_file(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = 9, .path = "/dev/null" },
		{ .op = SETTID_FILE_FCHDIR, .fd = 9 });
}

/* ------------------------------------------------------------------------------------------- descriptors -- */

static void open_file(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = 9, .path = "/dev/null", .flags = O_RDWR | O_APPEND });
}

static void open_over_another(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = 0, .path = "/dev/null", .flags = O_RDWR });
}

static void open_lowest(struct settid_spawn_args *a)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* the number that open will choose by itself */

	close(fd);
	ACTIONS({ .op = SETTID_FILE_OPEN, .path = "/dev/null", .flags = O_RDWR | O_APPEND });
	((struct settid_file_action *)(uintptr_t)a->file_actions)->fd = fd;
	CHECK(fd > 2 && fd < 10);
}

static void open_with_cloexec(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = 9, .path = "/dev/null", .flags = O_RDWR | O_CLOEXEC });
}

static void create_file(struct settid_spawn_args *a)
{
	umask(027);
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = 9, .flags = O_WRONLY | O_CREAT | O_EXCL, .mode = 0666 });
	path_of(a, 0, "new");
	((const char **)(uintptr_t)a->argv)[2] = spawn_in_dir("new");
}

static void open_nothing(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_CLOSE, .fd = 77 }, { .op = SETTID_FILE_DUP2, .from = 2, .fd = 8 },
		{ .op = SETTID_FILE_OPEN, .fd = 9, .path = "/nowhere/file" });
}

static void open_at_a_negative(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = -1, .path = "/dev/null" });
}

static void close_file(struct settid_spawn_args *a)
{
	CHECK_INT(dup3(1, 9, 0), 9);
	ACTIONS({ .op = SETTID_FILE_CLOSE, .fd = 9 });
}

static void close_closed(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_CLOSE, .fd = 9 });
}

static void duplicate(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = 8, .path = "/dev/null", .flags = O_RDWR | O_CLOEXEC },
		{ .op = SETTID_FILE_DUP2, .from = 8, .fd = 9 });
}

static void duplicate_nothing(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_DUP2, .from = 99, .fd = 9 });
}

static void duplicate_onto_itself(struct settid_spawn_args *a)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	CHECK_INT(dup3(fd, 9, O_CLOEXEC), 9);
	close(fd);
	ACTIONS({ .op = SETTID_FILE_DUP2, .from = 9, .fd = 9 });
}

static void duplicate_nothing_onto_itself(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_DUP2, .from = 99, .fd = 99 });
}

static void close_from(struct settid_spawn_args *a)
{
	CHECK_INT(dup3(1, 3, 0), 3);
	CHECK_INT(dup3(1, 9, 0), 9);
	CHECK_INT(dup3(1, 200, 0), 200);
	ACTIONS({ .op = SETTID_FILE_CLOSEFROM, .fd = 4 });
}

static void in_order(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = 9, .path = "/dev/zero", .flags = O_RDONLY },
		{ .op = SETTID_FILE_CLOSEFROM, .fd = 9 },
		{ .op = SETTID_FILE_OPEN, .fd = 10, .path = "/dev/null", .flags = O_RDONLY },
		{ .op = SETTID_FILE_DUP2, .from = 10, .fd = 9 });
}

static void no_room(struct settid_spawn_args *a)
{
	struct rlimit few = { 16, 16 };

	CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
	ACTIONS({ .op = SETTID_FILE_DUP2, .from = 2, .fd = 16 });
}

static void inherited(struct settid_spawn_args *a)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)a;
	CHECK_INT(dup3(fd, 9, 0), 9);
	close(fd);
}

static void not_inherited(struct settid_spawn_args *a)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)a;
	CHECK_INT(dup3(fd, 9, O_CLOEXEC), 9);
	close(fd);
}

/* ------------------------------------------------------------------------------------------------- rows -- */

const struct spawn_row spawn_rows_files[] = {
	SO("cwd is the program's", directory, 0, "cwd", "/proc"),
	FAILS("a missing cwd is ENOENT", missing_directory, ENOENT, CWD, -1, 0),
	SO("CHDIR changes the directory", change_directory, 0, "cwd", "/proc"),
	SO("cwd comes after the file actions", change_directory_then_cwd, 0, "cwd", "/proc/sys"),
	FAILS("a CHDIR that fails is named by its index", change_to_nowhere, ENOENT, FILE_ACTION, 1, 0),
	SO("FCHDIR changes the directory", change_to_descriptor, 0, "cwd", "/proc"),
	FAILS("FCHDIR of no descriptor is EBADF", change_to_no_descriptor, EBADF, FILE_ACTION, 0, 0),
	FAILS("FCHDIR of a file is ENOTDIR", change_to_a_file, ENOTDIR, FILE_ACTION, 1, 0),
	SO("OPEN opens with its flags", open_file, 0, "appends", "9"),
	SO("OPEN replaces what was there", open_over_another, 0, "is-file", "0", "/dev/null"),
	SO("OPEN at the number that is next anyway", open_lowest, 0, "is-file", "3", "/dev/null"),
	SO("OPEN with O_CLOEXEC is closed in the program", open_with_cloexec, 0, "closed", "9", "3"),
	SO("OPEN leaves no second descriptor", open_file, 0, "closed", "3", "4", "5"),
	SO("OPEN creates with its mode and the umask", create_file, 0, "permissions", "", "0640"),
	FAILS("OPEN that fails is named by its index", open_nothing, ENOENT, FILE_ACTION, 2, 0),
	FAILS("OPEN at a negative number is EBADF", open_at_a_negative, EBADF, FILE_ACTION, 0, 0),
	SO("CLOSE closes", close_file, 0, "closed", "9"),
	SO("CLOSE of what is not open is no error", close_closed, 0, "closed", "9"),
	SO("DUP2 copies, without close-on-exec", duplicate, 0, "is-file", "9", "/dev/null"),
	SO("DUP2 leaves the original as it was", duplicate, 0, "closed", "8"),
	FAILS("DUP2 of what is not open is EBADF", duplicate_nothing, EBADF, FILE_ACTION, 0, 0),
	SO("DUP2 onto itself clears close-on-exec", duplicate_onto_itself, 0, "is-file", "9", "/dev/null"),
	FAILS("DUP2 onto itself of what is not open is EBADF", duplicate_nothing_onto_itself, EBADF,
	      FILE_ACTION, 0, 0),
	SO("CLOSEFROM closes it and all above", close_from, 0, "closed", "4", "9", "200"),
	SO("CLOSEFROM leaves what is below", close_from, 0, "is-file", "3", "/proc/self/fd/1"),
	SO("file actions are done in order", in_order, 0, "is-file", "9", "/dev/null"),
	FAILS("DUP2 above the limit is EBADF", no_room, EBADF, FILE_ACTION, 0, 0),
	SO("descriptors are inherited", inherited, 0, "is-file", "9", "/dev/null"),
	SO("close-on-exec ones are not", not_inherited, 0, "closed", "9"),
};
const size_t spawn_rows_files_len = sizeof spawn_rows_files / sizeof *spawn_rows_files;
