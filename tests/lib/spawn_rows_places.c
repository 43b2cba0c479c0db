/* SPDX-License-Identifier: MIT */
/*
 * spawn_rows_places.c: namespaces, maps, cgroups, and arguments that contradict each other.
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
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

/* ------------------------------------------------------------------------------------------- namespaces -- */

static const pid_t init_here[] = { 1, SPAWN_NUMBER };

static void new_pidns(struct settid_spawn_args *a)
{
	a->clone_flags = CLONE_NEWPID;
	a->set_tid = init_here;
	a->set_tid_len = 2;
}

static char ns_link[64];

/* The row's question asks whether the program's namespace is another than this. */
static void remember_ns(struct settid_spawn_args *a, const char *name, uint64_t flag)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/ns/%s", name);
	memset(ns_link, 0, sizeof ns_link);
	CHECK(readlink(path, ns_link, sizeof ns_link - 1) > 0);
	((const char **)(uintptr_t)a->argv)[3] = ns_link;
	a->clone_flags = flag;
}

static void new_mount(struct settid_spawn_args *a)
{
	remember_ns(a, "mnt", CLONE_NEWNS);
}

static void new_uts(struct settid_spawn_args *a)
{
	remember_ns(a, "uts", CLONE_NEWUTS);
}

static void new_ipc(struct settid_spawn_args *a)
{
	remember_ns(a, "ipc", CLONE_NEWIPC);
}

static void new_net(struct settid_spawn_args *a)
{
	remember_ns(a, "net", CLONE_NEWNET);
}

static void new_cgroup_ns(struct settid_spawn_args *a)
{
	remember_ns(a, "cgroup", CLONE_NEWCGROUP);
}

static void new_time(struct settid_spawn_args *a)
{
	remember_ns(a, "time", CLONE_NEWTIME);
}

static void new_user(struct settid_spawn_args *a)
{
	a->clone_flags = CLONE_NEWUSER;
	a->flags = SETTID_SPAWN_USER_MAPS;
	a->uid_map = "7 0 1\n";
	a->gid_map = "8 0 1\n";
}

static void only_uid_map(struct settid_spawn_args *a)
{
	new_user(a);
	a->gid_map = NULL;
}

static void bad_map(struct settid_spawn_args *a)
{
	new_user(a);
	a->uid_map = "seven\n";
}

static void user_and_pidns(struct settid_spawn_args *a)
{
	new_user(a);
	a->clone_flags |= CLONE_NEWPID;
	a->set_tid = init_here;
	a->set_tid_len = 2;
}

/* As an ordinary user: 65534 alone, and setgroups denied. */
static void own_map(struct settid_spawn_args *a)
{
	a->clone_flags = CLONE_NEWUSER;
	a->flags = SETTID_SPAWN_USER_MAPS | SETTID_SPAWN_DENY_SETGROUPS;
	a->uid_map = "0 65534 1\n";
	a->gid_map = "0 65534 1\n";
}

static void own_map_with_init(struct settid_spawn_args *a)
{
	own_map(a);
	a->clone_flags |= CLONE_NEWPID;
	a->set_tid = init_here;
	a->set_tid_len = 1;
}

static void own_map_without_deny(struct settid_spawn_args *a)
{
	own_map(a);
	a->flags = SETTID_SPAWN_USER_MAPS;
}

static void somebody_elses_map(struct settid_spawn_args *a)
{
	own_map(a);
	a->uid_map = "0 0 1\n";
}

static void only_deny(struct settid_spawn_args *a)
{
	a->clone_flags = CLONE_NEWUSER;
	a->flags = SETTID_SPAWN_DENY_SETGROUPS;
}

/* ----------------------------------------------------------------------------------------------- cgroup -- */

static char cgroup_dir[128];

/* A cgroup v2 directory of this test's own; false where none can be made. */
static bool cgroup_make(void)
{
	const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char path[160];

	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		snprintf(path, sizeof path, "%s/cgroup.subtree_control", roots[i]);
		if (access(path, W_OK) != 0) /* v2 alone has it */
			continue;
		snprintf(cgroup_dir, sizeof cgroup_dir, "%s/settid-spawn-%d", roots[i], (int)getpid());
		if (mkdir(cgroup_dir, 0755) == 0)
			return true;
	}
	cgroup_dir[0] = '\0';
	return false;
}

static void into_cgroup(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_INTO_CGROUP;
	a->cgroup_fd = open(cgroup_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(a->cgroup_fd >= 0);
	((const char **)(uintptr_t)a->argv)[2] = strrchr(cgroup_dir, '/');
}

static void into_no_cgroup(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_INTO_CGROUP;
	a->cgroup_fd = 99;
}

/* --------------------------------------------------------------------------------------------- arguments -- */

static void no_argv(struct settid_spawn_args *a)
{
	a->argv = NULL;
}

static void empty_argv(struct settid_spawn_args *a)
{
	static char *const none[] = { NULL };

	a->argv = none;
}

static void no_file(struct settid_spawn_args *a)
{
	a->file = NULL;
}

static void unknown_flag(struct settid_spawn_args *a)
{
	a->flags = 1u << 30;
}

static void no_sigmask(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETSIGMASK;
}

static void no_sigdefault(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETSIGDEF;
}

static void maps_without_userns(struct settid_spawn_args *a)
{
	new_user(a);
	a->clone_flags = 0;
}

static void maps_without_text(struct settid_spawn_args *a)
{
	new_user(a);
	a->uid_map = a->gid_map = NULL;
}

static void cgroup_without_descriptor(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_INTO_CGROUP;
	a->cgroup_fd = -1;
}

static void wrong_pdeathsig(struct settid_spawn_args *a)
{
	a->pdeathsig = 65;
}

static void pdeathsig_for_a_sibling(struct settid_spawn_args *a)
{
	a->pdeathsig = SIGKILL;
	a->clone_flags = CLONE_PARENT;
}

static void wrong_exit_signal(struct settid_spawn_args *a)
{
	a->exit_signal = 65;
}

static void wrong_clone_flag(struct settid_spawn_args *a)
{
	a->clone_flags = CLONE_FILES;
}

static void wrong_method(struct settid_spawn_args *a)
{
	a->method = (enum settid_method)9;
}

static void length_without_array(struct settid_spawn_args *a)
{
	a->set_tid = NULL;
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

static void unknown_action(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_CLOSE, .fd = 9 }, { .op = (enum settid_file_op)77 });
}

static void action_without_path(struct settid_spawn_args *a)
{
	ACTIONS({ .op = SETTID_FILE_OPEN, .fd = 9 });
}

static void actions_without_list(struct settid_spawn_args *a)
{
	a->file_actions_len = 3;
}

static void older_record(struct settid_spawn_args *a)
{
	a->size = 16;
}

/* ------------------------------------------------------------------------------------------------- rows -- */

const struct spawn_row spawn_rows_places[] = {
	SO("CLONE_NEWPID: it is 1 inside", new_pidns, NEEDS_CLONE3, "pid", "1"),
	SO("CLONE_NEWNS", new_mount, 0, "other-ns", "mnt", ""),
	SO("CLONE_NEWUTS", new_uts, 0, "other-ns", "uts", ""),
	SO("CLONE_NEWIPC", new_ipc, 0, "other-ns", "ipc", ""),
	SO("CLONE_NEWNET", new_net, 0, "other-ns", "net", ""),
	SO("CLONE_NEWCGROUP", new_cgroup_ns, 0, "other-ns", "cgroup", ""),
	SO("CLONE_NEWTIME", new_time, NEEDS_CLONE3, "other-ns", "time", ""),
	SO("USER_MAPS writes both maps", new_user, 0, "ids", "7", "7", "8", "8"),
	SO("USER_MAPS writes one map", only_uid_map, 0, "ids", "7", "7", "65534", "65534"),
	FAILS("a map that the kernel refuses is EINVAL", bad_map, EINVAL, MAPS, -1, 0),
	SO("maps and CLONE_NEWPID go together", user_and_pidns, NEEDS_CLONE3, "pid", "1"),
	SO("an ordinary user maps himself with DENY_SETGROUPS", own_map, PLAIN_USER | SCRIPT,
	   "test $(id -u) = 0 && test $(id -g) = 0 && grep -q deny /proc/self/setgroups"),
	SO("an ordinary user starts an init of his own", own_map_with_init, PLAIN_USER | SCRIPT,
	   "test $$ = 1"),
	FAILS("a gid map without DENY_SETGROUPS is EPERM to him", own_map_without_deny, EPERM, MAPS, -1,
	      PLAIN_USER | SCRIPT),
	FAILS("somebody else's id in his map is EPERM", somebody_elses_map, EPERM, MAPS, -1,
	      PLAIN_USER | SCRIPT),
	SO("DENY_SETGROUPS alone leaves the maps empty", only_deny, SCRIPT,
	   "test $(id -u) = 65534 && grep -q deny /proc/self/setgroups"),
	REFUSED("a cgroup that is none is EBADF", into_no_cgroup, EBADF, -2, NEEDS_CLONE3),
	REFUSED("no argv is EINVAL", no_argv, EINVAL, -2, 0),
	REFUSED("an argv without argv[0] is EINVAL", empty_argv, EINVAL, -2, 0),
	REFUSED("no file is EINVAL", no_file, EINVAL, -2, 0),
	REFUSED("an unknown flag is EINVAL", unknown_flag, EINVAL, -2, 0),
	REFUSED("SETSIGMASK without mask is EINVAL", no_sigmask, EINVAL, -2, 0),
	REFUSED("SETSIGDEF without signals is EINVAL", no_sigdefault, EINVAL, -2, 0),
	REFUSED("maps without CLONE_NEWUSER are EINVAL", maps_without_userns, EINVAL, -2, 0),
	REFUSED("USER_MAPS without maps is EINVAL", maps_without_text, EINVAL, -2, 0),
	REFUSED("INTO_CGROUP without descriptor is EINVAL", cgroup_without_descriptor, EINVAL, -2, 0),
	REFUSED("a pdeathsig that is no signal is EINVAL", wrong_pdeathsig, EINVAL, -2, 0),
	REFUSED("a pdeathsig for a sibling is EINVAL", pdeathsig_for_a_sibling, EINVAL, -2, 0),
	REFUSED("an exit signal that is none is EINVAL", wrong_exit_signal, EINVAL, -2, 0),
	REFUSED("a clone flag that is not allowed is EINVAL", wrong_clone_flag, EINVAL, -2, 0),
	REFUSED("an unknown method is EINVAL", wrong_method, EINVAL, -2, 0),
	REFUSED("a length without array is EINVAL", length_without_array, EINVAL, -2, 0),
	REFUSED("an unknown file action is named by its index", unknown_action, EINVAL, 1, 0),
	REFUSED("a file action without path is named by its index", action_without_path, EINVAL, -2, 0),
	REFUSED("file actions without list are EINVAL", actions_without_list, EINVAL, -1, 0),
	REFUSED("an older record is EINVAL", older_record, EINVAL, -2, 0),
};
const size_t spawn_rows_places_len = sizeof spawn_rows_places / sizeof *spawn_rows_places;

/* ---------------------------------------------------------------------------------------------- cgroup row -- */

const struct spawn_row *spawn_cgroup_row(void)
{
	static const struct spawn_row row =
		SO("INTO_CGROUP: the program is born in it", into_cgroup, NEEDS_CLONE3, "cgroup", "");

	return cgroup_make() ? &row : NULL;
}

void spawn_cgroup_remove(void)
{
	if (cgroup_dir[0])
		rmdir(cgroup_dir);
}
