/* SPDX-License-Identifier: MIT */
/*
 * spawn_target.c: the program that test_spawn.c starts: says by its exit status whether one thing about it is so.
 *
 *	spawn_target WHAT [ARGUMENT]...      0: it is so; 1: it is not; 2: no such question
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long number(const char *text)
{
	return strtol(text, NULL, 0);
}

static bool is_open(const char *fd)
{
	return fcntl((int)number(fd), F_GETFD) >= 0;
}

static bool pid(char **a)
{
	return getpid() == number(a[0]);
}

static bool env(char **a)
{
	const char *value = getenv(a[0]);

	return a[1] ? value && strcmp(value, a[1]) == 0 : !value;
}

static bool own_session(char **a)
{
	return (getsid(0) == getpid()) == number(a[0]);
}

static bool group(char **a)
{
	return getpgrp() == (number(a[0]) ? number(a[0]) : getpid());
}

static bool mask(char **a)
{
	uint64_t now = 0;

	return syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, sizeof now) == 0 &&
	       now == (uint64_t)strtoull(a[0], NULL, 16);
}

static bool action(char **a)
{
	struct sigaction act;

	if (sigaction((int)number(a[0]), NULL, &act) != 0)
		return false;
	return act.sa_handler == (strcmp(a[1], "ignored") == 0 ? SIG_IGN : SIG_DFL);
}

static bool policy(char **a)
{
	struct sched_param param;

	return sched_getscheduler(0) == number(a[0]) && sched_getparam(0, &param) == 0 &&
	       param.sched_priority == number(a[1]);
}

static bool ids(char **a)
{
	return getuid() == (uid_t)number(a[0]) && geteuid() == (uid_t)number(a[1]) &&
	       getgid() == (gid_t)number(a[2]) && getegid() == (gid_t)number(a[3]);
}

static bool pdeathsig(char **a)
{
	int sig = -1;

	return prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == number(a[0]);
}

static bool cwd(char **a)
{
	char *here = getcwd(NULL, 0);
	bool so = here && strcmp(here, a[0]) == 0;

	free(here);
	return so;
}

static bool closed(char **a)
{
	for (; *a; a++)
		if (is_open(*a))
			return false;
	return true;
}

/* FD PATH: the descriptor is that file. */
static bool is_file(char **a)
{
	struct stat one, two;

	return fstat((int)number(a[0]), &one) == 0 && stat(a[1], &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}

static bool appends(char **a)
{
	return fcntl((int)number(a[0]), F_GETFL) & O_APPEND;
}

static bool permissions(char **a)
{
	struct stat st;

	return stat(a[0], &st) == 0 && (st.st_mode & 0777) == (mode_t)number(a[1]);
}

static bool cgroup(char **a)
{
	char line[512];
	bool so = false;
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && fgets(line, sizeof line, f))
		so |= strncmp(line, "0::", 3) == 0 && strstr(line, a[0]);
	if (f)
		fclose(f);
	return so;
}

/* NAME LINK: the namespace is another one than that. */
static bool other_ns(char **a)
{
	char path[64], own[64] = "";

	snprintf(path, sizeof path, "/proc/self/ns/%s", a[0]);
	return readlink(path, own, sizeof own - 1) > 0 && strcmp(own, a[1]) != 0;
}

static const struct {
	const char *what;
	bool (*is_so)(char **arguments);
	int arguments; /* at least */
} questions[] = {
	{ "pid", pid, 1 },
	{ "env", env, 1 },
	{ "own-session", own_session, 1 },
	{ "group", group, 1 },
	{ "mask", mask, 1 },
	{ "action", action, 2 },
	{ "policy", policy, 2 },
	{ "ids", ids, 4 },
	{ "pdeathsig", pdeathsig, 1 },
	{ "cwd", cwd, 1 },
	{ "closed", closed, 1 },
	{ "is-file", is_file, 2 },
	{ "appends", appends, 1 },
	{ "permissions", permissions, 2 },
	{ "cgroup", cgroup, 1 },
	{ "other-ns", other_ns, 2 },
};

/* Not built to be watched: LeakSanitizer fails where ids were changed. */
__attribute__((used)) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof questions / sizeof *questions; i++)
		if (strcmp(questions[i].what, argv[1]) == 0 && argc - 2 >= questions[i].arguments)
			return questions[i].is_so(argv + 2) ? 0 : 1;
	return 2;
}
