/* SPDX-License-Identifier: MIT */
/*
 * nothing.c: the program that spawn.c starts: static, without libc, it only ends.  What is measured is the start.
 */
#include "libsettid/sys.h"

void _start(void);
void _start(void)
{
	for (;;)
		SYS1(SYS_exit_group, 0);
}
