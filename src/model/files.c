/* SPDX-License-Identifier: MIT */
/*
 * files.c: descriptors and the files of /proc that libpidns's answers come from.
 *
 * Owns:  struct model_files: tables that are shared (FILES) or copied at a birth, as the kernel does.
 * Keeps: (F1) an open file lives as long as a table has it.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_FD = 3, O_WRITES = 3 };

/* ----------------------------------------------------------------------------------------- tables -- */

static void file_put(struct model_file *file)
{
	if (!file || --file->refs > 0)
		return;
	pidns_pidfd_close(file->pidfd);
	if (file->ns)
		pidns_ns_put(file->ns);
	free(file);
}

struct model_files *model_files_new(void)
{
	struct model_files *f = calloc(1, sizeof *f);

	if (f)
		*f = (struct model_files){ .refs = 1, .limit = MODEL_FILES };
	return f;
}

struct model_files *model_files_get(struct model_files *f)
{
	f->refs++;
	return f;
}

struct model_files *model_files_copy(const struct model_files *from)
{
	struct model_files *f = model_files_new();

	if (!f)
		return NULL;
	f->limit = from->limit;
	for (int i = 0; i < MODEL_FILES; i++) {
		f->file[i] = from->file[i];
		if (f->file[i])
			f->file[i]->refs++;
	}
	return f;
}

void model_files_put(struct model_files **at)
{
	struct model_files *f = *at;

	*at = NULL;
	if (!f || --f->refs > 0)
		return;
	for (int i = 0; i < MODEL_FILES; i++)
		file_put(f->file[i]);
	free(f);
}

int32_t model_files_add(struct model_task *t, struct model_file file)
{
	struct model_files *f = t->files;
	int32_t fd = FIRST_FD;

	while (fd < MODEL_FILES && f->file[fd])
		fd++;
	if (fd >= (int32_t)f->limit || fd >= MODEL_FILES)
		return -EMFILE;
	f->file[fd] = malloc(sizeof file);
	if (!f->file[fd])
		return -ENOMEM;
	*f->file[fd] = file;
	f->file[fd]->refs = 1;
	t->new_pidfd = fd;
	return fd;
}

struct model_file *model_files_find(const struct model_task *t, int64_t fd)
{
	return fd >= 0 && fd < MODEL_FILES ? t->files->file[fd] : NULL;
}

void model_files_close(struct model_task *t, int64_t fd)
{
	file_put(t->files->file[fd]);
	t->files->file[fd] = NULL;
}

/* execve: a table of its own, without what closes on exec. */
void model_files_exec(struct model_task *t)
{
	struct model_files *own = model_files_copy(t->files);

	if (!own)
		return;
	model_files_put(&t->files);
	t->files = own;
	for (int i = 0; i < MODEL_FILES; i++)
		if (own->file[i] && own->file[i]->cloexec)
			model_files_close(t, i);
}

/* ------------------------------------------------------------------------------------------ files -- */

static struct pidns_ns *named_by(const struct model_task *t, enum op_file file)
{
	return file == FILE_NS_PID_FOR_CHILDREN ? pidns_task_children_ns(t->task) : pidns_task_ns(t->task);
}

/* R5.5: no link to a namespace that has never had a process. */
static bool waits_for_init(struct pidns_ns *ns)
{
	return !pidns_ns_had_init(ns);
}

static int32_t open_file(struct model_task *t, const struct op *op, int mode)
{
	enum op_file file = (enum op_file)op->arg[KEY_FILE];
	struct pidns_ns *ns = named_by(t, file);
	int32_t r = 0;

	if (file == FILE_NS_PID_FOR_CHILDREN && waits_for_init(ns))
		return -ENOENT;
	if (file == FILE_PID_MAX)
		r = pidns_pid_max_open(t->task, (mode & O_WRITES) != 0);
	if (r < 0)
		return r;
	return model_files_add(t, (struct model_file){ .kind = MODEL_FILE,
						       .file = file,
						       .writable = (mode & O_WRITES) != 0,
						       .ns = pidns_ns_get(ns) });
}

static int32_t read_file(struct model_task *t, const struct model_file *f, struct op_answer *a)
{
	switch (f->file) {
	case FILE_NS_LAST_PID:
		a->field[FIELD_RET] = pidns_last_pid_read(t->task);
		return 0;
	case FILE_PID_MAX:
		a->field[FIELD_RET] = pidns_ns_pid_max(f->ns);
		return 0;
	default:
		return -EINVAL;
	}
}

static int32_t write_file(struct model_task *t, const struct model_file *f, int64_t value)
{
	if (!f->writable)
		return -EBADF;
	switch (f->file) {
	case FILE_NS_LAST_PID:
		return pidns_last_pid_write(t->task, value);
	case FILE_PID_MAX:
		return pidns_ns_set_pid_max(f->ns, value);
	case FILE_MAX_PID_NAMESPACES:
		return pidns_set_max_ns(t->task, value);
	case FILE_UID_MAP:
		return pidns_uid_map(t->task, value);
	case FILE_NULL:
		return 0;
	default:
		return -EINVAL;
	}
}

static int32_t do_read_or_write(struct model_task *t, const struct op *op, struct op_answer *a)
{
	bool own = !op_has(op, KEY_FD);
	int64_t fd = own ? open_file(t, op, op->code == OP_WRITE ? 1 : 0) : op->arg[KEY_FD];
	const struct model_file *f;
	int32_t r;

	if (own && fd < 0)
		return (int32_t)fd;
	f = model_files_find(t, fd);
	if (!f)
		return -EBADF;
	if (f->kind != MODEL_FILE)
		return -EINVAL;
	r = op->code == OP_WRITE ? write_file(t, f, op->arg[KEY_VALUE]) : read_file(t, f, a);
	if (own)
		model_files_close(t, fd);
	return r;
}

static int32_t do_readlink(const struct model_task *t, const struct op *op)
{
	enum op_file file = (enum op_file)op->arg[KEY_FILE];

	if (file == FILE_NS_PID_FOR_CHILDREN && waits_for_init(named_by(t, file)))
		return -ENOENT;
	return file == FILE_NS_PID || file == FILE_NS_PID_FOR_CHILDREN || file == FILE_NS_UTS ? 1 : -EINVAL;
}

/* Over the machine: its namespaces of other kinds are nobody else's. */
static bool is_admin(const struct model_world *w, const struct model_task *t)
{
	struct pidns_cred c;

	pidns_cred(t->task, &c);
	return c.user_ns == w->first_user_ns && (c.caps & PIDNS_CAP_SYS_ADMIN);
}

static int32_t do_setns(const struct model_world *w, struct model_task *t, const struct op *op)
{
	const struct model_file *f = model_files_find(t, op->arg[KEY_FD]);
	uint64_t flags = (uint64_t)op->arg[KEY_FLAGS];

	if (!f)
		return -EBADF;
	if (f->kind == MODEL_PIDFD)
		return pidns_setns_pidfd(t->task, f->pidfd, flags);
	if (f->file == FILE_NS_UTS)
		return flags && flags != PIDNS_CLONE_NEWUTS ? -EINVAL : is_admin(w, t) ? 0 : -EPERM;
	if (f->file != FILE_NS_PID && f->file != FILE_NS_PID_FOR_CHILDREN)
		return -EINVAL;
	return pidns_setns(t->task, f->ns, flags);
}

/* ----------------------------------------------------------------------------------------- pidfds -- */

static int32_t do_pidfd_open(struct model_task *t, const struct op *op)
{
	struct pidns_pidfd *fd = NULL;
	int32_t r = pidns_pidfd_open(t->task, (int32_t)op->arg[KEY_PID], (uint32_t)op->arg[KEY_FLAGS], &fd);

	if (r < 0)
		return r;
	r = model_files_add(t, (struct model_file){ .kind = MODEL_PIDFD, .pidfd = fd, .cloexec = true });
	if (r < 0)
		pidns_pidfd_close(fd);
	return r;
}

static int32_t do_send(struct model_task *t, const struct op *op)
{
	const struct model_file *f = model_files_find(t, op->arg[KEY_FD]);
	int32_t sig = (int32_t)op->arg[KEY_SIG];
	uint32_t flags = (uint32_t)op->arg[KEY_FLAGS];

	if (op->arg[KEY_FD] == -10000 || op->arg[KEY_FD] == -10001)
		return pidns_pidfd_send_self(t->task, op->arg[KEY_FD] == -10001, sig, flags);
	return pidns_pidfd_send(t->task, f && f->kind == MODEL_PIDFD ? f->pidfd : NULL, sig, flags);
}

static int32_t do_poll(const struct model_task *t, const struct op *op, struct op_answer *a)
{
	const struct model_file *f = model_files_find(t, op->arg[KEY_FD]);

	if (!f)
		a->field[FIELD_REVENTS] = op->arg[KEY_FD] < 0 ? 0 : 0x20; /* POLLNVAL */
	else
		a->field[FIELD_REVENTS] = f->kind == MODEL_PIDFD ? pidns_pidfd_poll(f->pidfd) : 1;
	return a->field[FIELD_REVENTS] != 0;
}

static int32_t do_fcntl(const struct model_task *t, const struct op *op)
{
	const struct model_file *f = model_files_find(t, op->arg[KEY_FD]);

	if (!f)
		return -EBADF;
	if (op->arg[KEY_OPTION] == 1)
		return f->cloexec;
	if (f->kind == MODEL_PIDFD)
		return 2 | (int32_t)(pidns_pidfd_flags(f->pidfd));
	return f->writable ? 1 : 0;
}

static int32_t do_info(struct model_task *t, const struct op *op)
{
	const struct model_file *f = model_files_find(t, op->arg[KEY_FD]);
	struct pidns_pidfd_info info;
	int32_t r;

	if (!f)
		return -EBADF;
	if (f->kind != MODEL_PIDFD)
		return -ENOTTY;
	r = pidns_pidfd_info(t->task, f->pidfd, &info);
	return r < 0 ? r : info.pid;
}

static int32_t do_fdinfo(const struct model_world *w, const struct model_task *t, const struct op *op,
			 struct op_answer *a)
{
	const struct model_file *f = model_files_find(t, op->arg[KEY_FD]);
	const struct pidns_id *id;

	if (!f || f->kind != MODEL_PIDFD)
		return -ENOENT;
	id = pidns_pidfd_id(f->pidfd);
	a->field[FIELD_RET] = id ? pidns_id_number(id, 0) : -1;
	for (int32_t level = w->level; id && level <= pidns_id_level(id); level++)
		a->nspid[a->nspid_len++] = pidns_id_number(id, level);
	a->field[FIELD_LEVEL] = a->nspid_len;
	return 0;
}

int32_t model_files_call(struct model_world *w, struct model_task *t, const struct op *op,
			 struct op_answer *a)
{
	switch ((enum op_code)op->code) {
	case OP_SETNS:
		return do_setns(w, t, op);
	case OP_PIDFD_OPEN:
		return do_pidfd_open(t, op);
	case OP_PIDFD_SEND_SIGNAL:
		return do_send(t, op);
	case OP_POLL:
		return do_poll(t, op, a);
	case OP_FCNTL:
		return do_fcntl(t, op);
	case OP_CLOSE:
		if (!model_files_find(t, op->arg[KEY_FD]))
			return -EBADF;
		model_files_close(t, op->arg[KEY_FD]);
		return 0;
	case OP_OPEN:
		return open_file(t, op, (int)op->arg[KEY_MODE]);
	case OP_READ:
	case OP_WRITE:
		return do_read_or_write(t, op, a);
	case OP_READLINK:
		return do_readlink(t, op);
	case OP_GET_INFO:
		return do_info(t, op);
	case OP_FDINFO:
		return do_fdinfo(w, t, op, a);
	default:
		return -ENOSYS;
	}
}
