/* SPDX-License-Identifier: MIT */
/*
 * dump.h: all of a world's state as text, down to counts of references: two dumps are equal if no call of the library could
 * tell the worlds apart.  Memory that lies ready for later is no part of it.
 */
#ifndef TEST_PIDNS_DUMP_H
#define TEST_PIDNS_DUMP_H

#include <pidns.h>

/* malloced */
char *dump_world(struct pidns_world *w);

#endif
