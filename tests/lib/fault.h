/* SPDX-License-Identifier: MIT */
/*
 * fault.h: makes the n-th system call of a piece of library code fail, for programs linked with settid_fault_dep
 * (or any code built on sys.h with -DSETTID_FAULT_INJECTION).
 *
 *   for (unsigned nth = 1; ; nth++) {
 *           fault_arm(nth, -EIO);
 *           ... the call ...
 *           if (!fault_disarm())
 *                   break;                     // it made fewer than nth calls: all have failed once
 *           ... nothing may be left ...
 *   }
 *
 * Keeps:   (I1) the counter is in memory that all descendants share, so calls of children count too, whether they
 *               share memory with their parent or not;
 *          (I2) calls that cannot sensibly fail are let through and not counted: exit, exit_group, close, munmap,
 *               rt_sigreturn and rt_sigprocmask, and waits (a wait that fails for another reason than EINTR
 *               would mean that the kernel had lost a child).
 */
#ifndef SETTID_TEST_FAULT_H
#define SETTID_TEST_FAULT_H

#include <stdbool.h>

/* The nth counted call from now on fails with `code` (a negative errno).  0 disarms. */
void fault_arm(unsigned nth, int code);
/* Stops; was there an nth call? */
bool fault_disarm(void);
/* The nth counted call from now on is not made before fault_release(), whoever makes it; others go on. */
void fault_hold(unsigned nth);
/* Until such a call is held (true), or somebody has said that there will be none (false). */
bool fault_wait_held(void);
void fault_say_none(void);
void fault_release(void);
/* While armed, this system call takes 2 ms longer, so that whoever runs beside it gets ahead and waits.  -1 = none. */
void fault_slow(long nr);
/* How many calls were counted since fault_arm(), and the number of the one that failed (-1 = none). */
unsigned fault_count(void);
long fault_syscall(void);

/* The code most likely for this system call: -EMFILE where a descriptor is made, -EAGAIN for a clone, ... */
#define FAULT_LIKELY 0x7fffffff

#endif
