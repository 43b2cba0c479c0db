/* SPDX-License-Identifier: MIT */
/*
 * reserve_place.h: where a holder is: in front or in the background, at which socket, over which namespace.
 * All but reserve_detached() print their complaint and return an exit status, CMD_OK being 0.
 */
#ifndef SETTID_RESERVE_PLACE_H
#define SETTID_RESERVE_PLACE_H

#include <stddef.h>
#include <sys/types.h>

/* Children of the caller live where process `pid` does, until reserve_leave(); *home is the way back. */
int reserve_enter(pid_t pid, int *home);
void reserve_leave(int *home);

/* Listens at `path` (NULL: a name of its own in $XDG_RUNTIME_DIR, or /tmp), in place of a socket there that
 * nobody listens at any more; the path taken is copied to `out`. */
int reserve_listen(const char *path, char *out, size_t size, int *fd);

/* Goes on in a child of its own session: returns -1 there.  In the caller: the exit status, once the child said
 * that it holds, or ended. */
int reserve_detach(void);
/* In that child: holding.  Its standard streams go to /dev/null.  0, or a negative errno. */
int reserve_detached(void);

#endif
