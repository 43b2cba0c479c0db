/* SPDX-License-Identifier: MIT */
/*
 * input.c: a tree out of whatever was named: a tree file, or the images of a CRIU dump.
 *
 * Keeps:   (I1) what something is, is told from what it is (a directory or not), never from its name;
 *          (I2) an option that cannot have an effect is an error.
 */
#include "input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsettid/procfs.h"
#include "out.h"
#include "tree/criu.h"

static int parse_kind(const char *text, enum input_kind *out)
{
	if (strcmp(text, "json") == 0)
		*out = INPUT_JSON;
	else if (strcmp(text, "criu") == 0)
		*out = INPUT_CRIU;
	else
		return cmd_usage_error("--input: '%s' is neither json nor criu", text);
	return CMD_OK;
}

/* May be given more than once: the lists add up. */
static int add_numbers(const char *what, const char *text, pid_t *out, size_t *len)
{
	size_t more = 0;
	int r = arg_pid_list(what, text, out + *len, INPUT_NUMBERS_MAX - *len, &more);

	if (r == CMD_OK)
		*len += more;
	return r;
}

int input_option(struct input *in, int c, const char *arg)
{
	switch (c) {
	case INPUT_OPT_OUTSIDE:
		return add_numbers("--outside", arg, in->outside, &in->outside_len);
	case INPUT_OPT_GHOST:
		return add_numbers("--ghost", arg, in->ghosts, &in->ghosts_len);
	default:
		return parse_kind(arg, &in->kind);
	}
}

static bool is_directory(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One file out of such a directory, as shells complete it. */
static bool is_image(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, ".img") == 0;
}

static int read_json(const struct input *in, const char *path, struct tree **out, struct tree_error *err)
{
	if ((in->outside_len || in->ghosts_len) && (strcmp(path, "-") == 0 || access(path, F_OK) == 0))
		return tree_fail(err, -EINVAL,
				 "--%s is for images: %s is a tree file, which says itself who is outside "
				 "and who is a "
				 "ghost",
				 in->outside_len ? "outside" : "ghost", path);
	int r = tree_read_file(path, out, err);

	if (r < 0 && in->kind == INPUT_ANY && is_image(path))
		return tree_fail(
			err, r, "%s is no tree file; if it is one image of a dump, name its directory", path);
	return r;
}

int input_operand(int argc, char **argv, const char **file)
{
	if (argc - optind != 1)
		return cmd_usage_error(argc == optind ? "which FILE?" : "one FILE only");
	*file = argv[optind];
	return CMD_OK;
}

bool input_is_images(const struct input *in, const char *path)
{
	return in->kind == INPUT_CRIU || (in->kind == INPUT_ANY && is_directory(path));
}

int input_read(const struct input *in, const char *path, struct tree **out, struct tree_error *err)
{
	const struct tree_criu_options options = {
		.outside = in->outside,
		.outside_len = in->outside_len,
		.ghosts = in->ghosts,
		.ghosts_len = in->ghosts_len,
	};

	if (!*path)
		return tree_fail(err, -ENOENT, "the file's name is empty");
	if (input_is_images(in, path))
		return tree_read_criu(path, &options, out, err);
	return read_json(in, path, out, err);
}

/* ------------------------------------------------------------------------------------- live trees -- */

/* Many: waiting a little for a quiet moment is better than no answer. */
#define PASSES 100

static void progress_of_dump(void *arg, size_t processes)
{
	progress_update(arg, processes);
}

static int read_live(pid_t pid, int failed, struct tree **out)
{
	struct settid_error proc_err;
	struct tree_error err;
	struct progress progress;
	int fd;

	if (settid__proc_open(&fd, &proc_err) < 0)
		return cmd_fail(failed, "%s", proc_err.text);
	const struct tree_dump_options options = {
		.proc_fd = fd,
		.passes_max = PASSES,
		.commands = true,
		.progress = progress_of_dump,
		.progress_arg = &progress,
	};
	progress_begin(&progress, "reading", "processes", 0);
	int r = tree_dump(pid, &options, out, &err);
	progress_end(&progress);
	close(fd);
	if (r == -EAGAIN)
		return cmd_fail(failed,
				"the tree below %d never holds still; this holds it: settid dump %d --freeze",
				(int)pid, (int)pid);
	return r < 0 ? cmd_fail(failed, "%s", err.text) : CMD_OK;
}

static bool is_plain(const struct input *in)
{
	return in->kind == INPUT_ANY && in->outside_len == 0 && in->ghosts_len == 0;
}

int input_read_any(const struct input *in, const char *operand, int failed, struct tree **out)
{
	struct tree_error err;
	pid_t pid = 1;

	if (operand && !*operand)
		return cmd_usage_error("the file's name is empty");
	if (operand && !arg_is_number(operand))
		return input_read(in, operand, out, &err) < 0 ? cmd_fail(failed, "%s", err.text) : CMD_OK;
	if (!is_plain(in))
		return cmd_usage_error("--input, --outside and --ghost are for a FILE");
	int r = operand ? arg_pid("PID", operand, &pid) : CMD_OK;
	return r == CMD_OK ? read_live(pid, failed, out) : r;
}
