/* SPDX-License-Identifier: MIT */
/*
 * exec_record.c: what a run leaves for programs to read: the PID file and the JSON records.
 *
 * Keeps:   (F1) the PID file's name never shows a half-written file: it is written under a temporary name beside it and
 *               renamed; a failure leaves neither;
 *          (F2) only the file that was written is taken away again, not one that took its name since;
 *          (F3) a record is one line.
 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "out.h"

/* ---------------------------------------------------------------------------------------- PID file -- */

/* The directory is kept open, so that a later chdir changes nothing. */
static int open_place(struct exec_pidfile *file, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char dir[4096];

	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EISDIR;
	if (strlen(name) >= sizeof file->name || (size_t)(name - path) >= sizeof dir)
		return -ENAMETOOLONG;
	memcpy(dir, path, (size_t)(name - path));
	dir[name - path] = '\0';
	memcpy(file->name, name, strlen(name) + 1); /* it fits: see above */
	file->dir = open(slash ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return file->dir < 0 ? -errno : 0;
}

static int write_and_rename(struct exec_pidfile *file, const char *temp, int fd, pid_t pid)
{
	struct stat st;

	if (dprintf(fd, "%d\n", (int)pid) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (renameat(file->dir, temp, file->dir, file->name) < 0)
		return -errno;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	return 0;
}

static int write_file(struct exec_pidfile *file, const char *path, pid_t pid)
{
	char temp[64];
	int r = open_place(file, path);

	if (r < 0)
		return r;
	snprintf(temp, sizeof temp, ".settid-pidfile.%d", (int)getpid());
	int fd = openat(file->dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = write_and_rename(file, temp, fd, pid);
	close(fd);
	if (r < 0)
		(void)unlinkat(file->dir, temp, 0);
	return r;
}

int exec_pidfile_write(struct exec_pidfile *file, const char *path, pid_t pid, struct settid_error *err)
{
	int r = write_file(file, path, pid);

	if (r == 0)
		return 0;
	exec_pidfile_done(file);
	return exec_failed(err, r, SETTID_STEP_NONE, "cannot write the PID file '%.200s': %s", path,
			   strerror(-r));
}

void exec_pidfile_remove(struct exec_pidfile *file)
{
	struct stat st;

	if (file->dir >= 0 && fstatat(file->dir, file->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == file->dev && st.st_ino == file->ino)
		(void)unlinkat(file->dir, file->name, 0);
	exec_pidfile_done(file);
}

void exec_pidfile_done(struct exec_pidfile *file)
{
	if (file->dir >= 0)
		close(file->dir);
	file->dir = -1;
}

/* ----------------------------------------------------------------------------------------- records -- */

/* Takes `record`.  Who does not read its records does not keep the command from running. */
static void put_record(json_t *record, int fd)
{
	char *line = record ? json_dumps(record, JSON_COMPACT) : NULL;

	if (line)
		(void)dprintf(fd, "%s\n", line);
	free(line);
	json_decref(record);
}

void exec_record_started(const struct exec_job *job, int fd)
{
	json_t *record = json_object(), *numbers = json_array();

	json_object_set_new(record, "event", json_string("started"));
	json_object_set_new(record, "pid", json_integer(job->pid));
	for (int i = 0; i < job->nspid_len; i++)
		json_array_append_new(numbers, json_integer(job->nspid[i]));
	if (job->nspid_len > 0)
		json_object_set(record, "nspid", numbers);
	json_decref(numbers);
	/* Without a wish no method was needed. */
	if (job->opt->set_tid_len > 0) {
		json_object_set_new(record, "method", json_string(settid_method_name(job->method)));
		json_object_set_new(record, "retries", json_integer((json_int_t)job->retries));
	}
	put_record(record, fd);
}

void exec_record_ended(const struct exec_end *end, int fd)
{
	json_t *record = json_object();

	json_object_set_new(record, "event", json_string("ended"));
	if (end->sig) {
		json_object_set_new(record, "exit_signal", json_integer(end->sig));
		json_object_set_new(record, "core_dumped", json_boolean(end->core));
	} else {
		json_object_set_new(record, "exit_code", json_integer(end->code));
	}
	put_record(record, fd);
}

void exec_record_failed(const struct settid_error *err, int status, int fd)
{
	json_t *record = json_object();

	json_object_set_new(record, "event", json_string("failed"));
	json_object_set_new(record, "exit_status", json_integer(status));
	json_object_set_new(record, "error", json_settid_error(err));
	put_record(record, fd);
}
