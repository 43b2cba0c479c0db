/* SPDX-License-Identifier: MIT */
/*
 * crowd.h: namespaces that hang together, and threads that are at them all at once.
 *
 * Keeps:   (R1) who hands out a number twice at a time is caught by a table of owners, which is marked after a number has been
 *               given and unmarked before it is given back;
 *          (R2) threads count what is wrong and go on; the test's own thread asserts that it is nothing.
 */
#ifndef PIDNS_TESTS_CROWD_H
#define PIDNS_TESTS_CROWD_H

#include <pidns.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NS 5 /* the root, two below it, one below each */
#define PID_MAX 480
#define HELD 40 /* at most, for each allocator */
#define KEPT 12 /* identities that stay all the time */

struct crowd {
	struct pidns_world *w;
	struct pidns_ns *ns[NS];
	_Atomic(struct pidns_id *) owner[NS][PID_MAX];
	struct pidns_id *kept[KEPT];
	int kept_ns[KEPT];
	atomic_int allocators; /* that still run */
	atomic_int wrong;
	_Atomic(const char *) what; /* the first thing that was */
};
extern struct crowd crowd;

/* With the library's own locks, and with the embedder's. */
extern const struct pidns_env spinning, locking;
/* The embedder's lock gives way to another thread once in so many times. */
extern uint32_t yield_one_in;

/* Of a closed namespace, whether it was told to be down to its init. */
extern struct pidns_ns *_Atomic watched;
extern atomic_int told;

void set_up(const struct pidns_env *env);
void tear_down(void);

/* SETTID_THREAD_ROUNDS multiplies it. */
unsigned rounds(unsigned n);
void wrong(const char *what);
uint32_t roll(uint32_t *seed, uint32_t n);
struct pidns_id *must(struct pidns_ns *ns);
int ns_of(const struct pidns_ns *ns);
void mark(struct pidns_id *id, bool owned);

struct crew {
	void *(*run)(void *);
	bool allocates;
};
void run_together(const struct crew *crew, size_t len);
int run_crowd_tests(const char *name, const struct CMUnitTest *tests, size_t len);

#define WITH(test, env) cmocka_unit_test_prestate(test, (void *)&(env))

#endif
