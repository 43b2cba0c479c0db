/* SPDX-License-Identifier: MIT */
/*
 * plan_internal.h: what the planner's passes share.
 *
 * The passes run in this order, each over all processes once or twice, so the whole is linear:
 *   plan_helpers.c   the tree with ghosts (dead leaders) and helpers, which the others work on
 *   plan_sessions.c  the session each is born in, and who makes it
 *   plan_signals.c   the same where exit signals say more
 *   plan_ghosts.c    where dead leaders lived
 *   plan_below.c     all of that at once, where it found no way (with plan_seats.c)
 *   plan_order.c     an order in which they can be born; namespaces
 *   plan_groups.c    groups that are had by birth or from the parent only: who must hand them down
 *   plan_standins.c  who keeps a group alive while its founder and another's change places
 *   plan_actors.c    the actors and their numbers
 *   plan_rehearse.c  births and groups, acted out one after the other (with plan_deeds.c, plan_moves.c, plan_tasks.c)
 *   plan_deaths.c    ghosts and helpers die, orphans get their parents
 *   plan_ends.c      threads, deaths, stops: what comes when everybody is in place
 *   plan_steps.c     the log that the last two write, cut up into a list for each actor
 *
 * Keeps:   (Q1) a pass writes only its own part of struct plan_node;
 *          (Q2) what cannot be built is refused by the pass that sees it, with the processes' names;
 *          (Q3) the log, read from the top, is one way in which everything can happen: each WAIT stands below all
 *               the ADDs that it waits for.  The lists are the log's lines by actor, so they cannot deadlock (P3).
 */
#ifndef SETTID_PLAN_INTERNAL_H
#define SETTID_PLAN_INTERNAL_H

#include "plan.h"
#include "tree/internal.h"

#include <string.h>

#define NO_COUNTER UINT32_MAX
#define NO_EVENT UINT32_MAX
#define NO_GROUP (-2) /* beside founders' indices; TREE_NONE is the outside group */
#define NO_ADOPTER (-2)
#define FREE (-1) /* as birth session: no child needs a particular one */

/* When a process is born, seen from its parent's side. */
enum plan_station {
	PLAN_LATE,     /* any time once the parent is in its final session and has founded its group */
	PLAN_EARLY,    /* any time before the parent's setsid() */
	PLAN_AT_BIRTH, /* while the parent is still in the group that it was born in itself */
	PLAN_ON_VISIT, /* while the parent's own parent has moved it to a group that it cannot name */
};

/* Who a node is. */
enum plan_role {
	PLAN_WANTED, /* a process of the tree                                                            */
	PLAN_GHOST,  /* a dead leader: lives until its group and session have members that stay           */
	PLAN_HELPER, /* lives until what it was made for is done                                          */
};

struct plan_node {
	int32_t first_child, next_sibling; /* those that it makes */
	int32_t parent;                    /* in the end; a helper's or ghost's does not matter */
	int32_t first_kept, next_kept;     /* those whose parent it is in the end */
	uint8_t role;                      /* enum plan_role */
	bool sibling;                      /* made with CLONE_PARENT: its parent is its maker's */
	bool carried;                      /* it is born when its parent cannot move it any more */
	bool anywhere;                     /* it stays in the group that it is born in */
	bool got_helper;                   /* a founder: somebody was made to stand in for it */
	bool never_stands_in;              /* others wait for what it would do afterwards     */
	int32_t adopter; /* who gets the children of one that dies; NO_ADOPTER = it has none */
	int32_t first_helper, next_helper; /* a leader: those that make orphans for it, one per adopter */
	int32_t first_need, next_need;     /* a ghost: members whose parents are not in its session */
	bool minds_nothing;                /* a leader that may be born in any session */
	bool stops_parent;                 /* a zombie whose exit signal stops its parent: see plan_ends.c */
	bool is_stopped;                   /* by such a child */
	bool reexecs;                      /* its exit signal becomes SIGCHLD by an execve of its own */
	bool may_be_of_ghost;              /* born in the session of one, or needed there */
	bool made;                         /* plan_sessions.c knows its maker */
	int32_t low;                       /* it is born below this one, and left to its parent later */
	int32_t enter, leave;              /* descendants d in the wanted tree: enter <= d.enter < leave */
	int32_t namer; /* itself or the nearest ancestor with a name, TREE_NONE = none has one */
	/* sessions */
	int32_t birth_session; /* level-0 number of the session it is born in */
	int32_t needed_by;     /* a leader: the child that its birth session was chosen for */
	bool leads_session;
	bool session_is_free; /* a leader: no child minds which session it is born in */
	bool born_early;      /* before its parent's setsid() */
	/* groups, by their founder's index */
	int32_t group; /* the one it ends in */
	int32_t birth_group; /* the one that it has to be born in, for its own sake or a descendant's, or NO_GROUP */
	int32_t needs_it;   /* whose sake that is */
	uint8_t station;    /* enum plan_station */
	bool founds;        /* setpgid(0, 0): a group of its own, while not a session leader */
	bool steady_member; /* it comes into its group by birth or joins it, and never leaves it again */
	bool steady_group;  /* a founder: somebody else is such a member */
	bool anchored;      /* a founder: the group is not orphaned (R6.47) */
	bool in_circle;
	bool helped;                        /* a founder: somebody was asked to stand in for it */
	bool stood_in_vain;                 /* in a rehearsal that got stuck */
	uint32_t movers;                    /* a founder: how many other founders end in its group */
	int32_t walk;                       /* mark of find_circles() */
	int32_t first_visit, next_on_visit; /* its own visits; the next one born on the same visit */
	int32_t last_visit;                 /* a founder: the last one that was noted to its group */
	int32_t first_standin;              /* groups that it keeps alive for a while */
	/* the rehearsal: see plan_rehearse.c */
	struct plan_rehearsal {
		int32_t group; /* the one it is in now */
		bool born, started, ready, home, settled;
		bool standing;   /* it is a stand-in, or about to be */
		bool stood;      /* it was one */
		int32_t standin; /* for which group */
		bool exists;     /* its own group can be entered */
		bool steady;     /* that will have a member at any time from now on */
		bool held;       /* a stand-in is in it */
		bool told;       /* it has told the guard outside its number */
		bool known;      /* that has listened */
		bool moved;      /* by its parent; the last time: */
		uint32_t moved_event;
		uint32_t told_event;
		uint32_t born_event, exists_event, steady_event, held_event;
		uint32_t entries, entries_len;          /* those into its group since it came home */
		uint32_t waiting;                       /* tasks that wait for something about this process */
		uint32_t at_birth_left, early_left;     /* before it founds a group; before its setsid() */
		uint32_t on_visits_left, standins_left; /* before it goes to its last group */
	} now;
	/* emission */
	uint32_t actor;
	uint32_t reexec_event;           /* it is back from that */
	uint32_t settled_event;          /* its parent waits for it before it ends it */
	uint32_t gone_event;             /* a ghost or helper: it is buried */
	bool entered;                    /* an init whose namespace somebody enters from outside */
	int32_t first_guest, next_guest; /* an init that dies: those whose children are to live there */
	uint32_t guest_event;            /* such a one is in there */
	bool tells;                      /* the guard outside has to know its number ... */
	uint32_t tell_fd;                /* ... and is told by this one of the table */
};

/* A stay in a group that the process cannot name; its parent can, and moves it there. */
struct plan_visit {
	int32_t process, group;
	int32_t first_child; /* those born meanwhile, by next_on_visit */
	int32_t next;        /* of the same process */
};

struct plan_standin {
	int32_t group;
	int32_t next; /* of the same process */
};

/* A line of the log: a step of `actor`; op 0 is a place where an ADD may be put later. */
struct plan_line {
	uint32_t actor;
	struct plan_step step;
};

/* Members entered a group by name: the founder waits for these events before it leaves. */
struct plan_entry {
	uint32_t event, next;
};

/* Something that waits until a process is born, or its group can be entered or left. */
struct plan_task {
	uint32_t kind;
	int32_t who;
	uint32_t next;
};

struct planner {
	const struct tree *wanted;
	/* the same with ghosts and helpers behind the processes; there `parent` is whoever makes it */
	const struct tree *t;
	struct tree birth;
	size_t nodes_cap;
	bool at_once;         /* who makes whom is for plan_below.c to say */
	bool goes_outside;    /* somebody comes back to the group outside */
	bool changed;         /* a pass found that a helper is needed, or another maker: all begins anew */
	int32_t *next_number; /* per namespace: helpers' numbers */
	uint32_t *users; /* per namespace: those who live elsewhere and would have their children there */
	struct tree__pool pool; /* what the birth tree needs */
	int32_t first_helper;   /* as a node's, of whoever makes the roots */
	struct plan_options o;
	struct plan *plan;
	struct plan_node *nodes; /* one per process */
	int32_t *order;          /* process indices, makers before those they make */
	int32_t first_root;      /* made by whoever makes the roots, linked by next_sibling */
	int32_t first_kept;      /* those with an outside parent in the end, by next_kept */
	uint32_t init;           /* the helper init's actor, 0 = none */
	bool rehearsed;          /* once, and it got stuck */
	bool has_turn;           /* subreapers were marked one after the other; the last one is done */
	uint32_t turn_event;
	bool has_stop; /* zombies stop their parents one after the other; the last one goes on: */
	uint32_t stop_event;
	uint32_t k_dead;   /* counters, or NO_COUNTER where nobody would wait */
	uint32_t k_placed; /* everyone is born and in its group: before that, groups may look orphaned */
	struct plan_visit *visits;
	uint32_t visits_len, visits_cap;
	struct plan_standin *standins;
	uint32_t standins_len, standins_cap;
	struct plan_line *log;
	uint32_t log_len, log_cap;
	struct plan_entry *entries;
	uint32_t entries_len, entries_cap;
	struct plan_task *tasks; /* [0] is none */
	uint32_t tasks_len, tasks_cap;
	uint32_t ready_first, ready_last; /* the queue of tasks that can be tried */
	struct tree_error *err;
};

int plan__begin(struct planner *pl, const struct tree *t);
int plan__sessions(struct planner *pl);
int plan__ghosts(struct planner *pl);
int plan__order(struct planner *pl);
int plan__groups(struct planner *pl);
int plan__standins(struct planner *pl);
int plan__more_standins(struct planner *pl, bool *found); /* after a rehearsal that got stuck */
void plan__release_standins(struct planner *pl);          /* when nothing else helps          */
int plan__actors(struct planner *pl);
int plan__rehearse(struct planner *pl);
int plan__deaths(struct planner *pl);
int plan__die(struct planner *pl, int32_t x); /* a ghost or helper, which is buried */
int plan__count_dead(struct planner *pl);
int plan__ends(struct planner *pl);

/* plan_sessions.c */
int plan__refuse_session(struct planner *pl, int32_t c);
int32_t plan__session(const struct planner *pl, int32_t i);           /* 0 for TREE_NONE */
bool plan__below(const struct planner *pl, int32_t i, int32_t above); /* or is it; in the end */
void plan__set_maker(struct planner *pl, int32_t i, int32_t maker, bool sibling);
bool plan__same_space(const struct planner *pl, int32_t i, int32_t r);
int plan__by_helper(struct planner *pl, int32_t c, int32_t maker, int32_t ns, int32_t adopter);
bool plan__comes_before(const struct planner *pl, int32_t leader, int32_t r);
bool plan__adopts(const struct planner *pl, int32_t r, int32_t leader);
int plan__adopt(struct planner *pl, int32_t c, int32_t r, int32_t leader);

int plan__from_below(struct planner *pl, int32_t c, int32_t r, int32_t leader);

/* plan_below.c: -EOPNOTSUPP without a word: there is no way either. */
int plan__seat_below(struct planner *pl);

/* plan_signals.c */
int plan__notify(const struct planner *pl, int32_t i); /* the exit signal that it is born with */
int plan__beside(struct planner *pl, int32_t c, int32_t leader);
int plan__by_reexec(struct planner *pl, int32_t c, int32_t maker);
int plan__reexec(struct planner *pl, int32_t i);
bool plan__hurts(int sig); /* whoever gets it */
int plan__survive(struct planner *pl);

/* plan_helpers.c: processes that die on the way.  Returns its index, or -ENOMEM. */
int32_t plan__helper(struct planner *pl, int32_t maker, int32_t ns, int32_t session);
/* Whose number of level 0 that is: a process's or a ghost's index; TREE_NONE for 0. */
int32_t plan__founder(const struct planner *pl, int32_t number);
/* Namespace `ns` has an init in the end no more: one that dies, made by `maker`. */
int plan__dead_init(struct planner *pl, int32_t maker, int32_t ns);
/* Nobody ever lived where `i`'s children would, and nobody else's would: it was just unshared. */
bool plan__unshares(const struct planner *pl, int32_t i);
/* `i` is made with CLONE_PARENT by a helper that `i`'s maker makes in namespace `ns`. */
int plan__interpose(struct planner *pl, int32_t i, int32_t ns);

/*
 * plan_moves.c.  The guard outside knows whom it made; others have to tell it who they are.  That somebody has to may be
 * found out here, and then all begins anew (`tells`): for the guard must have its descriptor before anybody is born.
 */
int plan__tell(struct planner *pl, int32_t i);
int plan__make_known(struct planner *pl, int32_t i);

/* plan_groups.c: once it has left the group outside, in which it is to end, it can get back there. */
bool plan__comes_back(const struct planner *pl, int32_t i);

/* plan_steps.c.  All return 0 or -ENOMEM. */
int plan__grow(void **array, uint32_t *cap, uint32_t need, size_t size);
int plan__step(struct planner *pl, uint32_t actor, enum plan_op op, uint32_t a, uint32_t b);
int plan__name(struct planner *pl, uint32_t actor, struct tree_str name);
int plan__counter(struct planner *pl, uint32_t full, uint32_t *out);
int plan__numbers(struct planner *pl, const int32_t *nspid, uint8_t levels, struct plan_actor *actor);
int plan__add_if(struct planner *pl, uint32_t actor, uint32_t counter, uint32_t count);
int plan__wait_if(struct planner *pl, uint32_t actor, uint32_t counter);
/* What `actor` has done so far, as something that others can wait for; costs nothing until somebody does. */
int plan__event(struct planner *pl, uint32_t actor, uint32_t *out);
int plan__await(struct planner *pl, uint32_t actor, uint32_t event);
int plan__cut_up(struct planner *pl);

#define TRY(call)                     \
	do {                          \
		int try_r = (call);   \
		if (try_r < 0)        \
			return try_r; \
	} while (0)

/* "process 42 (bash)" into a small buffer of the caller's. */
struct plan_who {
	char text[96];
};
const char *plan__who(const struct planner *pl, int32_t process, struct plan_who *buf);
int plan__refuse(struct planner *pl, int32_t process, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int plan__note(struct plan *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether a number of process `of` exists in the namespace of process `from` (TREE_NONE: nobody is), and which. */
bool plan__visible(const struct tree *t, int32_t of, int32_t from);
int32_t plan__number_in(const struct tree *t, int32_t of, int32_t from);
/* Whether `i` can name the group that `founder` founded; nobody can name the outside one. */
bool plan__sees(const struct planner *pl, int32_t i, int32_t founder);
/* Who may move `i` to a group, beside itself: its first parent, if that is in its session; TREE_NONE: whoever makes the
 * roots.  Whether that one can name the group, and under which number. */
int32_t plan__mover(const struct planner *pl, int32_t i);
bool plan__mover_sees(const struct planner *pl, int32_t i, int32_t founder);
bool plan__is_moved_early(const struct planner *pl, int32_t i);
int32_t plan__number_for_mover(const struct planner *pl, int32_t f, int32_t i);

static inline const struct tree_process *plan__process(const struct planner *pl, int32_t i)
{
	return &pl->t->processes[i];
}

/* Its next child would live elsewhere; of the dead nobody can tell. */
static inline bool plan__sends_away(const struct tree_process *p)
{
	return p->state != TREE_ZOMBIE && p->children_ns != p->ns;
}

static inline int32_t plan__maker(const struct planner *pl, int32_t i)
{
	return pl->t->processes[i].parent;
}

/* Its parent once it is born. */
static inline int32_t plan__first_parent(const struct planner *pl, int32_t i)
{
	while (pl->nodes[i].sibling)
		i = plan__maker(pl, i);
	return plan__maker(pl, i);
}

/* A helper that is the init of a namespace which is dead in the end: it dies when whoever is to enter that has. */
static inline bool plan__is_dead_init(const struct planner *pl, int32_t i)
{
	return pl->nodes[i].role == PLAN_HELPER && pl->t->namespaces[pl->t->processes[i].ns].init == i;
}

static inline bool plan__dies(const struct planner *pl, int32_t i)
{
	return pl->nodes[i].role != PLAN_WANTED;
}

/* Whoever makes the roots lives in level 0, and sees who is in there. */
static inline bool plan__creator_inside(const struct planner *pl)
{
	return pl->init || !pl->o.new_namespace;
}

/* A child of the guard's outside, which did not make it and does not know its number. */
static inline bool plan__is_stray(const struct planner *pl, int32_t i)
{
	return pl->nodes[i].sibling && plan__first_parent(pl, i) == TREE_NONE && !plan__creator_inside(pl);
}

static inline bool plan__is_init(const struct planner *pl, int32_t i)
{
	return pl->t->namespaces[plan__process(pl, i)->ns].init == i;
}

/* It is put into a namespace that exists already, from outside. */
static inline bool plan__enters(const struct planner *pl, int32_t i)
{
	const struct tree_process *p = plan__process(pl, i);

	if (plan__is_init(pl, i))
		return false;
	/* the parent of the roots is the helper init, inside, or else the guard, outside a new namespace */
	if (p->parent == TREE_NONE)
		return !plan__creator_inside(pl) || p->ns != 0;
	return p->ns != plan__process(pl, p->parent)->ns;
}

/* Who makes it: its parent's actor, or that of the one who makes the roots. */
static inline uint32_t plan__creator(const struct planner *pl, int32_t i)
{
	int32_t parent = plan__maker(pl, i);

	return parent == TREE_NONE ? pl->init : pl->nodes[parent].actor;
}

static inline struct tree_str plan__name_of(const struct tree_process *p)
{
	return p->comm.bytes || p->threads_len == 0 ? p->comm : p->threads[0].name;
}

/* As the kernel keeps them. */
static inline bool plan__same_name(struct tree_str a, struct tree_str b)
{
	size_t la = a.len < TREE_NAME_MAX ? a.len : TREE_NAME_MAX;
	size_t lb = b.len < TREE_NAME_MAX ? b.len : TREE_NAME_MAX;

	return la == lb && memcmp(a.bytes, b.bytes, la) == 0;
}

#endif
