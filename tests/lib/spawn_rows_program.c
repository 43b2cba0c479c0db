/* SPDX-License-Identifier: MIT */
/*
 * spawn_rows_program.c: which program runs, with which arguments, and as whom: PATH, environment, session and group,
 * signals, scheduling, ids.
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

#define CLEAR_SIGHAND 0x100000000ULL
#define USR2_BIT "800"
#define TERM_BIT "4000"

/* ------------------------------------------------------------------------------ program, arguments, PATH -- */

static char *const only_a[] = { "A=1", NULL };

static void given_environment(struct settid_spawn_args *a)
{
	CHECK_INT(setenv("B", "2", 1), 0);
	a->envp = only_a;
}

static void own_environment(struct settid_spawn_args *a)
{
	CHECK_INT(setenv("B", "2", 1), 0);
	a->envp = NULL;
}

static void no_environment(struct settid_spawn_args *a)
{
	static char *const none[] = { NULL };

	a->envp = none;
}

static void missing_program(struct settid_spawn_args *a)
{
	a->file = spawn_in_dir("nothing");
}

static void empty_name(struct settid_spawn_args *a)
{
	a->file = "";
}

static void no_permission(struct settid_spawn_args *a)
{
	spawn_make_file("data", 0644, "data");
	a->file = spawn_in_dir("data");
}

static void below_a_file(struct settid_spawn_args *a)
{
	spawn_make_file("data", 0644, "data");
	a->file = spawn_in_dir("data/program");
}

static void a_directory(struct settid_spawn_args *a)
{
	a->file = spawn_dir;
}

static void no_format(struct settid_spawn_args *a)
{
	spawn_make_file("text", 0755, "echo not a shell's\n");
	a->file = spawn_in_dir("text");
}

static void no_interpreter(struct settid_spawn_args *a)
{
	spawn_make_file("script", 0755, "#!/nowhere/sh\n");
	a->file = spawn_in_dir("script");
}

static void name_in_a_loop(struct settid_spawn_args *a)
{
	CHECK_INT(symlink(spawn_in_dir("loop"), spawn_in_dir("loop")), 0);
	a->file = spawn_in_dir("loop");
}

static void name_too_long(struct settid_spawn_args *a)
{
	static char name[PATH_MAX + 10];

	memset(name, 'x', sizeof name - 1);
	a->file = name;
}

static void too_many_arguments(struct settid_spawn_args *a)
{
	static char text[400000]; /* one string may have 128 KiB */
	static char *argv[] = { "x", text, NULL };

	memset(text, 'x', sizeof text - 1);
	a->argv = argv;
}

static void plain_name(struct settid_spawn_args *a)
{
	spawn_link_target("tool");
	CHECK_INT(setenv("PATH", spawn_dir, 1), 0);
	a->file = "tool"; /* no search without the flag */
}

static void plain_name_in_cwd(struct settid_spawn_args *a)
{
	spawn_link_target("tool");
	a->file = "tool";
	a->cwd = spawn_dir;
}

static void relative_path(struct settid_spawn_args *a)
{
	CHECK_INT(mkdir(spawn_in_dir("bin"), 0755), 0);
	spawn_link_target("bin/tool");
	CHECK_INT(chdir(spawn_dir), 0);
	a->file = "bin/tool";
	a->flags = SETTID_SPAWN_SEARCH_PATH; /* has a slash: not searched for */
	CHECK_INT(setenv("PATH", "/nowhere", 1), 0);
}

static void search_with(struct settid_spawn_args *a, const char *path)
{
	CHECK_INT(setenv("PATH", path, 1), 0);
	a->file = "tool";
	a->flags = SETTID_SPAWN_SEARCH_PATH;
}

static void found_in_path(struct settid_spawn_args *a)
{
	char path[200];

	spawn_link_target("tool");
	snprintf(path, sizeof path, "/nowhere:%s:/bin", spawn_dir);
	search_with(a, path);
}

static void passes_one_without_permission(struct settid_spawn_args *a)
{
	char path[200];

	CHECK_INT(mkdir(spawn_in_dir("first"), 0755), 0);
	spawn_make_file("first/tool", 0644, "data");
	spawn_link_target("tool");
	snprintf(path, sizeof path, "%s:%s", spawn_in_dir("first"), spawn_dir);
	search_with(a, path);
}

static void first_one_wins(struct settid_spawn_args *a)
{
	char path[200];

	CHECK_INT(mkdir(spawn_in_dir("second"), 0755), 0);
	spawn_make_file("second/tool", 0755, "#!/nowhere/sh\n");
	spawn_link_target("tool");
	snprintf(path, sizeof path, "%s:%s", spawn_dir, spawn_in_dir("second"));
	search_with(a, path);
}

static void empty_directory_in_path(struct settid_spawn_args *a)
{
	spawn_link_target("tool");
	search_with(a, "/nowhere::/bin");
	a->cwd = spawn_dir;
}

static void path_is_unset(struct settid_spawn_args *a)
{
	static char *argv[] = { "true", NULL };

	search_with(a, "/nowhere");
	CHECK_INT(unsetenv("PATH"), 0);
	a->file = "true";
	a->argv = argv;
}

static void not_in_path(struct settid_spawn_args *a)
{
	search_with(a, "/nowhere:/proc");
}

static void in_path_without_permission(struct settid_spawn_args *a)
{
	char path[200];

	spawn_make_file("tool", 0644, "data");
	snprintf(path, sizeof path, "%s:/nowhere", spawn_dir);
	search_with(a, path);
}

static void in_path_without_format(struct settid_spawn_args *a)
{
	spawn_make_file("tool", 0755, "echo not a shell's\n");
	search_with(a, spawn_dir);
}

static void the_callers_path(struct settid_spawn_args *a)
{
	static char *const other[] = { "PATH=/nowhere", NULL };

	spawn_link_target("tool");
	search_with(a, spawn_dir);
	a->envp = other;
}

/* -------------------------------------------------------------------------------------- session and group -- */

static void session(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETSID;
}

static void group_of_its_own(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETPGROUP;
}

struct settid_child spawn_group_leader;

static void join_group(struct settid_spawn_args *a)
{
	spawn_group_leader = world_child(WISH(NUMBERS(42)));
	CHECK_INT(setpgid(42, 42), 0);
	a->flags = SETTID_SPAWN_SETPGROUP;
	a->pgroup = 42;
}

static void join_nobody(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETPGROUP;
	a->pgroup = 4711;
}

static void join_a_negative_group(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETPGROUP;
	a->pgroup = -7;
}

static void session_and_group(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETSID | SETTID_SPAWN_SETPGROUP;
}

/* ------------------------------------------------------------------------------------------------ signals -- */

static sigset_t set;

static void block_usr2(void)
{
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	CHECK_INT(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

static void callers_mask(struct settid_spawn_args *a)
{
	(void)a;
	block_usr2();
}

static void given_mask(struct settid_spawn_args *a)
{
	block_usr2();
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	a->flags = SETTID_SPAWN_SETSIGMASK;
	a->sigmask = &set;
}

static void ignore_usr2(struct settid_spawn_args *a)
{
	(void)a;
	signal(SIGUSR2, SIG_IGN);
}

static void default_usr2(struct settid_spawn_args *a)
{
	signal(SIGUSR2, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	a->flags = SETTID_SPAWN_SETSIGDEF;
	a->sigdefault = &set;
}

static void default_everything(struct settid_spawn_args *a)
{
	signal(SIGUSR2, SIG_IGN);
	sigfillset(&set); /* SIGKILL and SIGSTOP in it do no harm */
	a->flags = SETTID_SPAWN_SETSIGDEF;
	a->sigdefault = &set;
}

static void clear_sighand(struct settid_spawn_args *a)
{
	signal(SIGUSR2, SIG_IGN); /* stays */
	a->clone_flags = CLEAR_SIGHAND;
}

/* ------------------------------------------------------------------------------------ scheduling and ids -- */

static void batch(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETSCHEDULER;
	a->policy = SCHED_BATCH;
}

static void no_policy(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETSCHEDULER;
	a->policy = 99;
}

static void parameter(struct settid_spawn_args *a)
{
	struct sched_param none = { 0 };

	CHECK_INT(sched_setscheduler(0, SCHED_BATCH, &none), 0);
	a->flags = SETTID_SPAWN_SETSCHEDPARAM;
}

static void wrong_parameter(struct settid_spawn_args *a)
{
	a->flags = SETTID_SPAWN_SETSCHEDPARAM;
	a->sched.sched_priority = 5; /* SCHED_OTHER has 0 only */
}

static void other_effective_ids(struct settid_spawn_args *a)
{
	(void)a;
	CHECK_INT(syscall(SYS_setresgid, 0, 65533, 0), 0);
	CHECK_INT(syscall(SYS_setresuid, 0, 65534, 0), 0);
}

static void reset_ids(struct settid_spawn_args *a)
{
	other_effective_ids(a);
	a->flags = SETTID_SPAWN_RESETIDS;
}

static void death_signal(struct settid_spawn_args *a)
{
	a->pdeathsig = SIGUSR1;
}

static void death_signal_after_ids(struct settid_spawn_args *a)
{
	reset_ids(a);
	a->pdeathsig = SIGUSR1;
}

static void exit_signal(struct settid_spawn_args *a)
{
	a->exit_signal = SIGUSR1; /* execve makes it SIGCHLD, which is counted after each row */
}

static void no_exit_signal(struct settid_spawn_args *a)
{
	a->exit_signal = SETTID_NO_SIGNAL;
}

/* ------------------------------------------------------------------------------------------------- rows -- */

const struct spawn_row spawn_rows_program[] = {
	SO("the program has its number", spawn_as_it_is, 0, "pid", "500"),
	SO("the program has the given environment", given_environment, 0, "env", "A", "1"),
	SO("nothing of the caller's is in a given environment", given_environment, 0, "env", "B"),
	SO("the caller's environment is the program's", own_environment, 0, "env", "B", "2"),
	SO("an empty environment is empty", no_environment, 0, "env", "PATH"),
	FAILS("a missing program is ENOENT", missing_program, ENOENT, EXEC, -1, 0),
	FAILS("an empty name is ENOENT", empty_name, ENOENT, EXEC, -1, 0),
	FAILS("a file without permission is EACCES", no_permission, EACCES, EXEC, -1, 0),
	FAILS("a path below a file is ENOTDIR", below_a_file, ENOTDIR, EXEC, -1, 0),
	FAILS("a directory is EACCES", a_directory, EACCES, EXEC, -1, 0),
	FAILS("a script without #! is ENOEXEC", no_format, ENOEXEC, EXEC, -1, 0),
	FAILS("a missing interpreter is ENOENT", no_interpreter, ENOENT, EXEC, -1, 0),
	FAILS("a loop of links is ELOOP", name_in_a_loop, ELOOP, EXEC, -1, 0),
	FAILS("a name too long is ENAMETOOLONG", name_too_long, ENAMETOOLONG, EXEC, -1, 0),
	FAILS("an argument too long is E2BIG", too_many_arguments, E2BIG, EXEC, -1, 0),
	FAILS("a plain name is not searched for unless asked", plain_name, ENOENT, EXEC, -1, 0),
	SO("a plain name is a file in cwd", plain_name_in_cwd, 0, "pid", "500"),
	SO("a name with a slash is never searched for", relative_path, 0, "pid", "500"),
	SO("PATH is searched in order", found_in_path, 0, "pid", "500"),
	SO("the search passes a file without permission", passes_one_without_permission, 0, "pid", "500"),
	SO("the search ends with the first that runs", first_one_wins, 0, "pid", "500"),
	SO("an empty directory in PATH is the current one", empty_directory_in_path, 0, "pid", "500"),
	SO("without PATH it is /bin:/usr/bin", path_is_unset, 0, "pid", "500"),
	FAILS("not in PATH is ENOENT", not_in_path, ENOENT, EXEC, -1, 0),
	FAILS("in PATH without permission is EACCES", in_path_without_permission, EACCES, EXEC, -1, 0),
	FAILS("in PATH without #! is ENOEXEC", in_path_without_format, ENOEXEC, EXEC, -1, 0),
	SO("it is the caller's PATH, not the program's", the_callers_path, 0, "env", "PATH", "/nowhere"),
	SO("SETSID starts a session", session, 0, "own-session", "1"),
	SO("without SETSID it is the caller's session", spawn_as_it_is, 0, "own-session", "0"),
	SO("SETPGROUP founds a group", group_of_its_own, 0, "group", "0"),
	SO("SETPGROUP joins a group", join_group, 0, "group", "42"),
	SO("without SETPGROUP it is the caller's group", spawn_as_it_is, 0, "group", "1"),
	FAILS("a group that nobody has is EPERM", join_nobody, EPERM, SETPGROUP, -1, 0),
	FAILS("a negative group is EINVAL", join_a_negative_group, EINVAL, SETPGROUP, -1, 0),
	FAILS("a session's leader cannot found another group", session_and_group, EPERM, SETPGROUP, -1, 0),
	SO("the caller's mask is the program's", callers_mask, 0, "mask", USR2_BIT),
	SO("SETSIGMASK's mask is the program's", given_mask, 0, "mask", TERM_BIT),
	SO("ignored signals stay ignored", ignore_usr2, 0, "action", "12", "ignored"),
	SO("handled signals start with the default action", spawn_as_it_is, 0, "action", "10", "default"),
	SO("SETSIGDEF's signals start with the default action", default_usr2, 0, "action", "12", "default"),
	SO("SETSIGDEF leaves the others", default_usr2, 0, "action", "15", "ignored"),
	SO("SETSIGDEF may name every signal", default_everything, 0, "action", "12", "default"),
	SO("CLONE_CLEAR_SIGHAND leaves ignored signals ignored", clear_sighand, 0, "action", "12", "ignored"),
	SO("SETSCHEDULER sets the policy", batch, 0, "policy", "3", "0"),
	FAILS("a policy that does not exist is EINVAL", no_policy, EINVAL, SCHED, -1, 0),
	SO("SETSCHEDPARAM keeps the policy", parameter, 0, "policy", "3", "0"),
	FAILS("a parameter that the policy does not have is EINVAL", wrong_parameter, EINVAL, SCHED, -1, 0),
	SO("effective ids are the program's", other_effective_ids, NO_NUMBER, "ids", "0", "65534", "0",
	   "65533"),
	SO("RESETIDS makes them the real ones", reset_ids, NO_NUMBER, "ids", "0", "0", "0", "0"),
	SO("pdeathsig is the program's", death_signal, 0, "pdeathsig", "10"),
	SO("pdeathsig survives RESETIDS", death_signal_after_ids, NO_NUMBER, "pdeathsig", "10"),
	SO("without pdeathsig it is none", spawn_as_it_is, 0, "pdeathsig", "0"),
	SO("an exit signal is SIGCHLD after execve", exit_signal, 0, "pid", "500"),
	SO("no exit signal is SIGCHLD after execve", no_exit_signal, 0, "pid", "500"),
};
const size_t spawn_rows_program_len = sizeof spawn_rows_program / sizeof *spawn_rows_program;
