/* SPDX-License-Identifier: MIT */
/*
 * random_world.h: random trees that libpidns has lived through.
 *
 * random_world() has processes of the model do `ops` random system calls: clone3 (also PARENT, NEWPID, THREAD), setns,
 * unshare, setsid, setpgid, subreaper marks, exit, death by signal, wait, in any order; and writes down what there is in the end,
 * as a dump would.  Odd seeds have a root that is an init, and processes put in from outside.  The same seed gives the
 * same tree.  The caller frees it.  NULL: nobody of it lived, all went outside, or a namespace was dying at the end.
 */
#ifndef RANDOM_WORLD_H
#define RANDOM_WORLD_H

#include "tree/tree.h"

struct tree *random_world(uint64_t seed, unsigned ops);

#endif
