/* SPDX-License-Identifier: MIT */
/*
 * live_node.h: one process of a live tree, and the mailbox through which it is told what to do.
 *
 * Shared by live_node.c, which runs in the tree, and live_tree.c, which runs in the test.
 */
#ifndef SETTID_TESTS_LIVE_NODE_H
#define SETTID_TESTS_LIVE_NODE_H

#include <stdint.h>
#include <sys/types.h>

enum live_op {
	LIVE_FORK, /* a: the child's mailbox, b: clone flags, c: exit signal, d: its number or 0.  -> its PID */
	LIVE_SETSID,
	LIVE_SETPGID,       /* a: the group as the node sees it, 0 = its own */
	LIVE_SETPGID_CHILD, /* a: a child, b: the group as the node sees it */
	LIVE_ENTER, /* a: a namespace's init as the node sees it, or itself: where its children are born from now on */
	LIVE_NAME,      /* name */
	LIVE_THREAD,    /* name */
	LIVE_EXIT,      /* a: the code.  No answer */
	LIVE_DIE,       /* a: the signal, b: core dump wanted.  No answer */
	LIVE_STOP,      /* a: the signal.  No answer */
	LIVE_KILL,      /* a: a child, b: the signal */
	LIVE_AWAIT,     /* a: a child, b: WEXITED or WSTOPPED, also WNOWAIT */
	LIVE_SUBREAPER, /* a: 0 or 1 */
	LIVE_EXEC,      /* the test program once more, which goes on as this node with the same name */
	LIVE_LAST_PID,  /* a: the next number in its namespace is one more */
};

struct live_box {
	uint32_t asked, answered; /* counters and futexes */
	int32_t op, a, b, c, d;
	int32_t result; /* >= 0, or a negative errno */
	int32_t pid;    /* the node's own number where it lives; 0 = not born */
	char name[16];
};

struct live_shared {
	int32_t fd; /* its memfd, open in all nodes */
	uint32_t boxes_len;
	char core_dir[32];
	struct live_box boxes[];
};

/* Is box `index`'s process from now on. */
_Noreturn void live_node_run(struct live_shared *s, uint32_t index);

/* Waits until *word is no longer `value`; at most ms.  0 or -ETIMEDOUT. */
int live_wait(uint32_t *word, uint32_t value, int ms);
void live_wake(uint32_t *word);

#endif
