/* SPDX-License-Identifier: MIT */
/*
 * dump.c: a pass of `settid dump`, and the verification of a restore, beside a bare loop over the same files.
 *
 *	dump SETTID FILE ROUNDS new|current
 *
 * Restores FILE in a PID namespace of its own, into a `new` one below that or into the `current` one, and reads it
 * again and again.  `new` is a whole namespace seen from outside, where /proc is listed and a process costs stat,
 * status and the pid_for_children link; `current` is a tree in the reader's own namespace, which is walked: stat,
 * the link, and the children file.
 * Keeps:   the bare loop opens, reads and closes those files by their paths, in one buffer, and looks at nothing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>

#include "samples.h"
#include "tree/proc_read.h"

static const char *settid, *file;
static bool nested;
static struct proc_reader reader;
static struct proc_pass pass;
static struct tree *wanted;

/* ----------------------------------------------------------------------------------------- bare loop -- */

static char buf[1 << 16];

static void bare_file(int32_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, buf, sizeof buf) < 0)
		die(path, errno);
	close(fd);
}

static void bare_link(int32_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	if (readlink(path, buf, sizeof buf) < 0)
		die(path, errno);
}

static void bare_list(void)
{
	int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die("/proc", errno);
	while (syscall(SYS_getdents64, fd, buf, sizeof buf) > 0)
		;
	close(fd);
}

static void bare(void)
{
	if (nested)
		bare_list();
	for (size_t i = 0; i < proc_pass_len(&pass); i++) {
		int32_t pid = proc_pass_at(&pass, i)->pid;
		char children[48];

		bare_file(pid, "stat");
		bare_link(pid, "ns/pid_for_children");
		if (nested) {
			bare_file(pid, "status");
			continue;
		}
		snprintf(children, sizeof children, "task/%d/children", (int)pid);
		bare_file(pid, children);
	}
}

/* -------------------------------------------------------------------------------------------- settid -- */

static void one_pass(void)
{
	struct tree_error err;
	int r = proc_pass_read(&reader, &pass, &err);

	if (r < 0)
		die(err.text, -r);
	if (proc_pass_len(&pass) != wanted->processes_len)
		die("the pass met another number of processes", 0);
}

static void complain(void *arg, int32_t pid, const char *text)
{
	(void)arg;
	fprintf(stderr, "bench: process %d: %s\n", (int)pid, text);
}

/* As `settid restore` does it: read the tree once, compare. */
static void verification(void)
{
	const struct tree_dump_options o = { .proc_fd = -1, .one_pass = true };
	const struct tree_compare_options compare = { .names = true };
	struct tree *got = NULL;
	struct tree_error err;
	int r = tree_dump(reader.root, &o, &got, &err);

	if (r < 0)
		die(err.text, -r);
	if (tree_compare(wanted, got, &compare, complain, NULL))
		die("the tree is not as it was wanted", 0);
	tree_free(got);
}

/* ---------------------------------------------------------------------------------------- the tree -- */

/* The restorer's JSON says which process the root is; it holds the tree until it is told to end. */
static pid_t restore(pid_t *restorer)
{
	char *args[] = { (char *)settid, "restore", "--json",
			 "--no-verify",  "--into",  nested ? "new" : "current",
			 (char *)file,   NULL };
	posix_spawn_file_actions_t actions;
	char line[256];
	int pipe_fds[2], root = 0, code;
	FILE *out;

	if (pipe(pipe_fds) < 0)
		die("pipe", errno);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], 1);
	posix_spawn_file_actions_addclose(&actions, pipe_fds[0]);
	code = posix_spawn(restorer, settid, &actions, NULL, args, environ);
	close(pipe_fds[1]);
	posix_spawn_file_actions_destroy(&actions);
	out = code ? NULL : fdopen(pipe_fds[0], "r");
	while (out && !root && fgets(line, sizeof line, out))
		sscanf(line, " \"root\": %d", &root);
	if (!root)
		die("the tree could not be restored", code);
	return root;
}

int main(int argc, char **argv)
{
	static const struct way ways[] = { { "bare", bare, 1 },
					   { "pass", one_pass, 1 },
					   { "verify", verification, 1 } };
	struct tree_error err = { 0 };
	pid_t restorer;
	int proc_fd;

	if (argc < 5)
		die("usage: dump SETTID FILE ROUNDS new|current", EINVAL);
	settid = argv[1];
	file = argv[2];
	nested = strcmp(argv[4], "new") == 0;
	enter_own_namespace();
	if (tree_read_file(file, &wanted, &err) < 0)
		die(err.text, -err.code);
	proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc_reader_init(&reader, proc_fd, restore(&restorer), &err) < 0)
		die(err.text, -err.code);
	one_pass();
	measure(ways, sizeof ways / sizeof *ways, number_argument(argc, argv, 3, 0));
	kill(restorer, SIGTERM);
	waitpid(restorer, NULL, 0);
	return 0;
}
