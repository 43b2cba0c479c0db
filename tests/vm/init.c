/* SPDX-License-Identifier: MIT */
/*
 * init.c: number 1 of a virtual machine that has one program: mounts what it needs, runs it, says how it ended, and turns the
 * machine off.
 *
 * The kernel's command line says what to run, behind `--`, as it hands it to init: `-- /cases --rate 1000 .`; what comes after the
 * dot is the kernel's (user-mode Linux adds a root).
 * Keeps:   (V1) the program is not number 1, which is an init (R5.11), and not of its group or session;
 *          (V2) the last line says `vm: exit N` or `vm: signal N`, so that a log without it is a machine that died.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void mount_at(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL) != 0)
		printf("vm: cannot mount %s at %s: %s\n", type, where, strerror(errno));
}

static void make_devices(void)
{
	mount_at("tmpfs", "/dev");
	mkdir("/dev/shm", 01777);
	mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3));
	mknod("/dev/zero", S_IFCHR | 0666, makedev(1, 5));
	mknod("/dev/urandom", S_IFCHR | 0666, makedev(1, 9));
	chmod("/dev/null", 0666);
	chmod("/dev/zero", 0666);
	chmod("/dev/urandom", 0666);
}

static void set(const char *name, const char *value)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* some kernels lack some */
	if (write(fd, value, strlen(value)) < 0)
		printf("vm: %s cannot be written: %s\n", name, strerror(errno));
	close(fd);
}

int main(int argc, char **argv)
{
	int status = 0, end = 1;
	pid_t pid;

	while (end < argc && strcmp(argv[end], ".") != 0)
		end++;
	argv[end < argc ? end : argc] = NULL;

	chmod("/", 0755);
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("tmpfs", "/tmp");
	make_devices();
	set("/proc/sys/kernel/pid_max", "4194304"); /* as a new namespace has it since 6.14 */
	set("/proc/sys/kernel/ns_last_pid", "1");
	if (end < 2) {
		printf("vm: no program on the command line\n");
	} else if ((pid = fork()) == 0) {
		setsid();
		execv(argv[1], argv + 1);
		printf("vm: %s: %s\n", argv[1], strerror(errno));
		_exit(127);
	} else if (pid > 0) {
		while (waitpid(-1, &status, 0) != pid || (!WIFEXITED(status) && !WIFSIGNALED(status)))
			;
		if (WIFEXITED(status))
			printf("vm: exit %d\n", WEXITSTATUS(status));
		else
			printf("vm: signal %d\n", WTERMSIG(status));
	}
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
