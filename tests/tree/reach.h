/* SPDX-License-Identifier: MIT */
/*
 * reach.h: every tree that a few processes can make of themselves.
 *
 * A state is who is there: processes, zombies, and dead leaders whose group or session lives on.  From the first process
 * on every order of fork, CLONE_PARENT, setns and CLONE_NEWPID, setsid, setpgid (one's own, or a child's) and death is
 * followed; at a death the orphans go to any ancestor in the dead one's namespace, for marks of subreapers can be set and
 * taken back at will, or to the namespace's init.  reach_replay.c carries any of the ways out on libpidns.
 */
#ifndef SETTID_TESTS_REACH_H
#define SETTID_TESTS_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A multiple of four: with 9 the searches take half as long again. */
enum { REACH_MAX = 12, REACH_OUT = 15 };

/* Who of them, a bit each. */
typedef uint16_t reach_set;

/* What a process's parent gets when it dies.  Who has done an execve has SIGCHLD from then on, and is moved by nobody. */
enum reach_signal { REACH_CHLD, REACH_USR1, REACH_USR2, REACH_CHLD_BY_EXEC };

struct reach_state {
	reach_set alive, zombie; /* zombies are in both */
	uint16_t len;            /* no padding: states are compared as they lie in memory */
	uint8_t parent[REACH_MAX];
	uint8_t ns[REACH_MAX];    /* by its init; 0 = level 0 */
	uint8_t outer[REACH_MAX]; /* of an init: the namespace around its own */
	uint8_t group[REACH_MAX], session[REACH_MAX];
	uint8_t signal[REACH_MAX]; /* enum reach_signal */
};

/*
 * Process 0 is number 1 of level 0.  root_is_init: it is the root, and others may be put in from outside.  Else it is
 * whoever makes the root, outside the tree.
 */
struct reach_options {
	bool root_is_init;
	bool namespaces;
	bool zombies; /* the dead may stay unburied */
	bool signals; /* any of enum reach_signal; else all have SIGCHLD */
	bool execs;
	bool stops;      /* REACH_USR2 is SIGSTOP: whoever is stopped by a death is continued */
	bool groupless;  /* all are in the group outside: see reach_free.c */
	uint8_t ids_max; /* processes and dead leaders at one time, without process 0 if that is outside */
};

enum reach_op {
	REACH_FORK = 1, /* `who` makes a child in namespace `what`                        */
	REACH_SIBLING,  /* the same with CLONE_PARENT                                     */
	REACH_NEW,      /* `who` makes the init of a new namespace                        */
	REACH_NEW_SIBLING,
	REACH_SETSID,
	REACH_SETPGID, /* `who` goes to group `what` by itself                            */
	REACH_MOVE,    /* `who` is moved to group `what` by its parent                    */
	REACH_DIE,     /* `who` dies, its children go to `what`, and is buried            */
	REACH_EXIT,    /* the same, but it stays a zombie                                 */
	REACH_BURY,    /* `who`, a zombie, is reaped                                      */
	REACH_EXEC     /* `who` does an execve                                            */
};

/* By the names in the state that it was done in. */
struct reach_deed {
	uint8_t op, who, what;
	uint8_t signal; /* of who is made; with CLONE_PARENT it is the maker's */
};

struct reach_key {
	uint64_t word[2];
};

struct reach {
	struct reach_options o;
	struct reach_key *keys; /* in the order in which they were met; [0] is the beginning */
	uint32_t *from;         /* the one that it was met from, and by what deed */
	struct reach_deed *deeds;
	size_t len, cap;
	uint32_t *slots;
	size_t mask;
	bool failed; /* out of memory */
};

bool reach_all(struct reach *r); /* false: out of memory */
void reach_done(struct reach *r);
bool reach_has(const struct reach *r, const struct reach_state *s); /* s is canonical */
void reach_get(const struct reach *r, size_t k, struct reach_state *s);

/* Notes `s`, which it makes canonical; false: it is known, or there is no memory. */
bool reach_add(struct reach *r, struct reach_state *s);

/* Whether the state is a tree: one root; then *tree is how a file shows it. */
bool reach_is_tree(const struct reach *r, const struct reach_state *s, struct reach_state *tree);

/* `d` done in `s`, names as they were, new ones behind them. */
void reach_do(const struct reach *r, const struct reach_state *s, struct reach_deed d,
	      struct reach_state *out);

bool reach_is_inside(const struct reach_state *s, unsigned ns, unsigned outer);

/* Notes `s`, which it makes canonical, and where it came from. */
void reach_meet(struct reach *r, uint32_t from, struct reach_deed by, struct reach_state *s);

/* Only those whose bit is set are left. */
void reach_keep(struct reach_state *s, reach_set keep);

/* reach_free.c: whether `tree`, which is canonical, could be, by trees that were found without groups (o.groupless). */
bool reach_could_be(const struct reach *trees, const struct reach_state *tree);

/* C1: whoever is dead and held by nobody is forgotten; to[] says who is called what then. */
void reach_forget(struct reach_state *s, uint8_t *to);

/* reach_form.c: the same for all states that differ in their names only.  to[]: who is called what then; may be NULL. */
void reach_canonical(struct reach_state *s, uint8_t *to);
/* Whether states of a search with these options go into a key. */
bool reach_fits(const struct reach_options *o);
struct reach_key reach_pack(const struct reach_state *s, const struct reach_options *o);
void reach_unpack(struct reach_key key, const struct reach_options *o, struct reach_state *s);

/* reach_replay.c: the shortest way to state k, carried out on libpidns, ends in it; if not, *why. */
bool reach_replay(const struct reach *r, size_t k, char *why, size_t size);

static inline enum reach_signal reach_signal_seen(const struct reach_state *s, unsigned i)
{
	return s->signal[i] == REACH_CHLD_BY_EXEC ? REACH_CHLD : (enum reach_signal)s->signal[i];
}

/* reach_write.c: each tree of up to ids_max that could be written down is told, names as they come. */
struct reach_writing {
	struct reach_options o;
	void (*tell)(void *ctx, const struct reach_state *tree);
	void *ctx;
};
void reach_write_all(const struct reach_writing *w, unsigned ids_max);
reach_set reach_leaves(const struct reach_state *s); /* who may be a zombie */

static inline bool reach_lives(const struct reach_state *s, unsigned i)
{
	return s->alive >> i & 1;
}

static inline bool reach_acts(const struct reach_state *s, unsigned i)
{
	return (s->alive & ~s->zombie) >> i & 1;
}

static inline bool reach_is_init(const struct reach_state *s, unsigned i)
{
	return s->ns[i] == i;
}

#endif
