/* SPDX-License-Identifier: MIT */
/*
 * engine_fault.c: how a namespace's init dies from a signal: it takes none from itself (R5.11), but its own faults kill
 * it (R5.14), and reboot(2) ends it as if by HUP or INT (R5.28).
 *
 * Keeps:   called by the init of a namespace that the engine made, and by nobody else: reboot(2) is meant for that.
 */
#include "engine_internal.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

static long end_namespace(unsigned command)
{
	return SYS3(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, command);
}

/* The page behind the end of a file. */
static long touch_missing_page(void)
{
	long fd = SYS2(SYS_memfd_create, "settid", 0), at;

	if (fd < 0)
		return fd;
	at = SYS6(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at < 0 && at > -4096)
		return at;
	*(volatile char *)at = 1; /* NOLINT(performance-no-int-to-ptr) */
	return 0;
}

static long forbid_all_calls(void)
{
	struct sock_filter kill[1];
	struct sock_fprog program;
	long r = SYS5(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	kill[0].code = BPF_RET | BPF_K;
	kill[0].jt = kill[0].jf = 0;
	kill[0].k = SECCOMP_RET_KILL_PROCESS;
	program.len = 1;
	program.filter = kill;
	if (r == 0)
		r = SYS3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	return r < 0 ? r : SYS0(SYS_getpid);
}

#if defined(__x86_64__)
static void fault(uint32_t sig)
{
	if (sig == SIGSEGV)
		__asm__ volatile("movl $0, 0" ::: "memory");
	else if (sig == SIGILL)
		__asm__ volatile("ud2");
	else if (sig == SIGTRAP)
		__asm__ volatile("int3");
	else if (sig == SIGFPE)
		__asm__ volatile("xorl %%ecx, %%ecx\n\tdivl %%ecx" ::: "eax", "ecx", "edx", "cc");
}
#elif defined(__aarch64__)
static void fault(uint32_t sig)
{
	if (sig == SIGSEGV)
		__asm__ volatile("str wzr, [xzr]" ::: "memory");
	else if (sig == SIGILL)
		__asm__ volatile("udf #0");
	else if (sig == SIGTRAP)
		__asm__ volatile("brk #0");
}
#else
static void fault(uint32_t sig)
{
	(void)sig;
}
#endif

long engine_die_as_init(uint32_t sig)
{
	switch (sig) {
	case SIGHUP:
		return end_namespace(LINUX_REBOOT_CMD_RESTART);
	case SIGINT:
		return end_namespace(LINUX_REBOOT_CMD_HALT);
	case SIGBUS:
		return touch_missing_page();
	case SIGSYS:
		return forbid_all_calls();
	default:
		fault(sig);
		return -ENOSYS; /* still here: this machine has no such fault */
	}
}
