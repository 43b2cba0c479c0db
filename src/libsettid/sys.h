/* SPDX-License-Identifier: MIT */
/*
 * sys.h: every system call that settid makes itself, as an inline function that returns the kernel's own
 * answer: a result, or a negative errno.  Nothing here touches errno, TLS or libc, so all of it may run in a
 * child that borrows its parent's memory, or on a stack of one page.
 *
 * Keeps:   (S1) each call goes through sys_call(), and so through the fault injection of test builds;
 *          (S2) no call is restarted on EINTR here: callers decide.
 * Used by: libsettid, and tree's engine.
 */
#ifndef SETTID_SYS_H
#define SETTID_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

#ifdef SETTID_FAULT_INJECTION
/*
 * Test builds: called before each system call; 0 lets it through, a negative errno is returned in its place.
 * Must be as restricted as this file: no libc, no TLS.  Defined in tests/lib/fault.c.
 */
long settid__fault(long nr);
#endif

#if defined(__x86_64__)
static inline long sys_raw(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static inline long sys_raw(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "settid knows the system calls of x86-64 and aarch64"
#endif

static inline long sys_call(long nr, long a, long b, long c, long d, long e, long f)
{
#ifdef SETTID_FAULT_INJECTION
	long fault = settid__fault(nr);

	if (fault)
		return fault;
#endif
	return sys_raw(nr, a, b, c, d, e, f);
}

#define SYS0(nr) sys_call(nr, 0, 0, 0, 0, 0, 0)
#define SYS1(nr, a) sys_call(nr, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(nr, a, b) sys_call(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(nr, a, b, c) sys_call(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS5(nr, a, b, c, d, e) sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS6(nr, a, b, c, d, e, f) \
	sys_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
