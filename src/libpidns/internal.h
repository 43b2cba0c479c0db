/* SPDX-License-Identifier: MIT */
/*
 * internal.h: the data model, whole, and what the files of this folder offer each other.
 *
 *   world ─┬─ namespaces (a tree) ── tables: number -> identity
 *          ├─ user namespaces (a tree)
 *          └─ processes ── tasks (threads) ── children
 *   A task is attached to its identity as PID; its process to its leader's as TGID, to its group's founder's as PGID
 *   and to its session's founder's as SID.  An identity gives its numbers back with its last attachment.
 *
 * Keeps: (W1) who is on world->work has something left to do: to die, or to go on dying; nobody is on it after a
 *             public call; (W2) a list that is walked while it changes is walked by its head.
 */
#ifndef PIDNS_INTERNAL_H
#define PIDNS_INTERNAL_H

#include <pidns.h>

#include "atomic.h"
#include "bits.h"

/* Not to be inlined: what calls it and then calls something deep would keep its locals on the stack meanwhile. */
#define PIDNS__APART __attribute__((noinline))
/* Nor what is rare: the way past it keeps its registers. */
#define PIDNS__RARE __attribute__((noinline, cold))
#define pidns__rarely(condition) __builtin_expect((condition), 0)

#define PIDNS__LOW 64u /* numbers below it have a small table of their own: most namespaces need no other */
#define PIDNS__LEAF_SHIFT 9u /* numbers of a leaf: 512                                                     */
#define PIDNS__LEAF_LEN (1u << PIDNS__LEAF_SHIFT)
#define PIDNS__LEAVES (PIDNS_NUMBER_MAX >> PIDNS__LEAF_SHIFT)

/* What is inside `type *` when `member` of it is at p; p NULL gives NULL. */
#define pidns__of(p, type, member) ((type *)(void *)pidns__back((p), offsetof(type, member)))
static inline char *pidns__back(const void *p, size_t offset)
{
	return p ? (char *)(uintptr_t)p - offset : NULL;
}

/* ------------------------------------------------------------------------------------------- lists -- */

/* A circular list; the head is one too.  A node on its own points to itself, or to nothing. */
struct pidns__list {
	struct pidns__list *next, *prev;
};

static inline void pidns__list_init(struct pidns__list *l)
{
	l->next = l->prev = l;
}

static inline bool pidns__list_is_empty(const struct pidns__list *l)
{
	return l->next == l;
}

static inline void pidns__list_add(struct pidns__list *head, struct pidns__list *node) /* last */
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void pidns__list_remove(struct pidns__list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = node;
}

/* A name that is declared cannot stand in parentheses: NOLINTBEGIN(bugprone-macro-parentheses) */
#define pidns__each(node, head) \
	for (struct pidns__list *node = (head)->next; node != (head); node = node->next)
/* the body may remove `node` */
#define pidns__each_safe(node, head)                                                             \
	for (struct pidns__list *node = (head)->next, *node##_next = node->next; node != (head); \
	     node = node##_next, node##_next = node->next)
/* NOLINTEND(bugprone-macro-parentheses) */

/* ------------------------------------------------------------------------------------ number layer -- */

typedef PIDNS_SHARED(struct pidns_id *) pidns__slot;

struct pidns__low {
	pidns__set used[PIDNS__WORDS(PIDNS__LOW)];
	pidns__slot slot[PIDNS__LOW];
};

/* Leaf 0's first PIDNS__LOW numbers are the small table's: taken for ever, and nobody's, in the leaf. */
struct pidns__leaf {
	pidns__set used[PIDNS__WORDS(PIDNS__LEAF_LEN)];
	uint32_t count; /* numbers taken, those of the small table not counted */
	uint32_t len;   /* numbers there are, likewise                         */
	pidns__slot slot[PIDNS__LEAF_LEN];
};

/* Leaves' memory. */
struct pidns__grove {
	struct pidns__grove *next;
	uint32_t len;
	struct pidns__leaf leaf[];
};

typedef PIDNS_SHARED(struct pidns__leaf *) pidns__leaf_slot;

/* The leaves of a namespace.  Grows by a copy; the old one stays until the namespace goes, for who reads it. */
struct pidns__dir {
	uint32_t len; /* leaves there is room for: a power of two from 64 to PIDNS__LEAVES */
	struct pidns__dir *older;
	pidns__set *full; /* per leaf: all its numbers are taken; behind leaf[] */
	pidns__set *some; /* per leaf: one at least is                          */
	pidns__set *top;  /* per word of full: all its bits are set             */
	pidns__leaf_slot leaf[];
};

struct pidns__upid {
	struct pidns_ns *ns;
	PIDNS_SHARED(int32_t) nr; /* 0: given back */
	uint32_t before;          /* while it is being made: the cursor before it took nr */
};

struct pidns_id {
	pidns_count refs; /* the numbers are one; 0: free, on its namespace's list */
	uint32_t level;
	union {
		struct pidns_link *first[PIDNS_KINDS]; /* the lists' heads */
		struct pidns_id *next_free;
	} u;
	struct pidns__upid at[]; /* [0] the root … [level] */
};

struct pidns__slab {
	struct pidns__slab *next;
	uint32_t len;
};

/*
 * What look-ups read comes first and is hardly ever written; what every allocation writes follows a cache line behind it, and
 * is not near the next namespace's either: neither waits for the other's processor.
 */
struct pidns_ns {
	struct pidns_world *world;
	struct pidns_ns *parent; /* holds a reference */
	PIDNS_SHARED(struct pidns__low *) low;
	PIDNS_SHARED(pidns__leaf_slot *) leaf; /* dir's */
	PIDNS_SHARED(uint32_t) len;            /* of leaf: never more than there are */
	PIDNS_SHARED(struct pidns__dir *) dir;
	PIDNS_SHARED(int32_t) * limit; /* its pid_max: its own, or the world's */
	PIDNS_SHARED(int32_t) pid_max;
	int32_t level;
	struct pidns_user_ns *owner;
	/* the task model's */
	struct pidns_task *reaper;
	struct pidns__list node; /* in world->namespaces */
	uint32_t user;           /* who made it: for max_pid_namespaces */
	int32_t reboot;          /* the signal its init's status will show; 0 */
	/* under lock */
	uint32_t lock;
	uint32_t cursor;
	uint32_t count; /* identities with a number here */
	bool closed;
	bool had_init;
	uint32_t ids_out;          /* identities that are in use, numbered or only referred to */
	uint32_t fresh_len;        /* identities of the newest slab that never were in use */
	char *fresh;               /* the first of them */
	struct pidns_id *free_ids; /* of this level */
	struct pidns__slab *slabs;
	struct pidns__grove *groves;
	uint32_t leaves_len;  /* leaves in all of them                */
	uint32_t leaves_left; /* of the newest, not yet in use        */
	pidns_count refs;     /* all identities in use together are one */
	char apart[32];
};

/* ------------------------------------------------------------------------------------------- rights -- */

struct pidns_user_ns {
	struct pidns_world *world;
	struct pidns_user_ns *parent;
	uint32_t owner; /* uid of who made it */
	int32_t level;
	pidns_count refs;
	bool mapped;
	int64_t max_ns;          /* pid namespaces per user; INT32_MAX = no limit */
	struct pidns__list node; /* in world->user_namespaces, but for the first */
};

/* -------------------------------------------------------------------------------------------- tasks -- */

/* What a process does about signals.  Shared by processes made with SIGHAND. */
struct pidns__sighand {
	uint32_t refs;
	uint64_t ignored, handled, restart;
	bool no_cld_stop, no_cld_wait;
};

/* A signal that waits, and who sent it. */
struct pidns__waiting_signal {
	struct pidns__waiting_signal *next;
	int32_t sig;
	int32_t from;
};

struct pidns__pending {
	uint64_t set;
	struct pidns__waiting_signal *first;
};

struct pidns_process {
	struct pidns_task *leader;
	struct pidns__list node;    /* in world->processes               */
	struct pidns__list threads; /* not yet released, leader included */
	uint32_t threads_len;
	uint32_t live;                       /* of those, not yet exited */
	struct pidns_link link[PIDNS_KINDS]; /* TGID, PGID, SID */
	struct pidns__sighand *sighand;
	struct pidns__pending pending;
	uint32_t exec_count;
	uint32_t nproc;
	int32_t status;                /* once it is dead */
	int32_t group_exit;            /* status that all threads die with; -1 = none */
	int32_t stop_signal;           /* it is stopped by it; 0 = it runs */
	bool stop_told, continue_told; /* a wait has taken the news, or there is none */
	bool continue_news;            /* the parent has not been told yet               */
	bool unkillable;               /* an init (R5.11) */
	bool subreaper;
	bool undumpable; /* PR_SET_DUMPABLE(2const): another user since exec; as if no memory were shared */
	bool has_execed; /* since it was forked (R6.35) */
};

/* A wait that has not found anything yet. */
struct pidns__wait {
	int32_t type;
	struct pidns_id *id; /* P_PID, P_PGID, P_PIDFD: a reference; NULL matches nobody */
	uint32_t options;
	bool is_wait4;
};

struct pidns_task {
	struct pidns_world *world;
	struct pidns_process *process;
	struct pidns_link pid;
	struct pidns__list thread_node;
	struct pidns_task *parent;
	struct pidns__list children, sibling;
	struct pidns__list work; /* in world->work or world->dying */
	struct pidns_ns *children_ns;
	struct pidns_cred cred;
	uint64_t blocked;
	struct pidns__pending pending;
	struct pidns__wait wait;
	struct pidns_waited result;
	int32_t returned;
	int32_t code; /* wait status of this thread */
	uint32_t parent_exec_count;
	uint8_t exit_signal; /* of a leader */
	uint8_t pdeath_signal;
	bool waiting;
	bool interrupted; /* by a handler: the wait ends, if it finds nothing at last */
	bool paused;      /* it waits, and is not looking: it has been stopped since */
	bool held;        /* its call has stopped it, and returns when it goes on */
	bool execs;       /* it waits for the other threads to end: signals wait until it is done */
	bool doomed;      /* on its way out: will exit with `code` */
	bool leaves;      /* doomed, and it knows: it is on world->dying, or was */
	bool exiting;
	bool zapping;   /* an init that waits for its namespace to empty */
	bool left;      /* has exited; a leader's remains */
	bool is_zombie; /* can be waited for */
	void *user;
};

struct pidns_pidfd {
	struct pidns_world *world;
	struct pidns_id *id;
	uint32_t flags;
};

/* Objects of one type: freed ones, and the chunks that all came from. */
struct pidns__stock {
	void *free;   /* linked by their first word */
	void *chunks; /* likewise */
	uint32_t chunk_len;
};

enum { PIDNS__TASK, PIDNS__PROCESS, PIDNS__SIGHAND, PIDNS__SIGNAL, PIDNS__PIDFD, PIDNS__STOCKS };

#define PIDNS__CLONE_WORDS 11 /* clone3's longest record */

struct pidns_world {
	struct pidns_env env;
	uint32_t features;
	int32_t cpus;
	PIDNS_SHARED(int32_t) pid_max; /* before 6.14 */
	struct pidns_ns *root;
	struct pidns_user_ns user_ns;
	struct pidns_id *nobody; /* number 0: group and session of the first process */
	struct pidns__list namespaces, user_namespaces;
	struct pidns__list work, dying; /* tasks whose turn comes, and those whose end does after that */
	struct pidns__list processes;   /* in the order of their births                              */
	struct pidns_task *boot;
	struct pidns_task *actor; /* who made the current call; NULL once it has ended */
	uint32_t lock;            /* of both lists of namespaces, and spare */
	struct pidns__slab *spare[PIDNS_LEVEL_MAX + 1]; /* identities' memory of namespaces that are gone */
	struct pidns__stock stock[PIDNS__STOCKS];
	/* arguments of the clone that is under way: too large for a stack */
	struct pidns_clone_args args;
	uint64_t words[PIDNS__CLONE_WORDS];
	int32_t set_tid[PIDNS_LEVEL_MAX];
};

/* memory.c ------------------------------------------------------------------------------------------- */
void *pidns__alloc(struct pidns_world *w, size_t size); /* zeroed */
void pidns__free(struct pidns_world *w, void *p, size_t size);
void pidns__zero(void *p, size_t size);
void *pidns__object_new(struct pidns_world *w, int stock); /* zeroed */
void pidns__object_free(struct pidns_world *w, int stock, void *object);
void pidns__objects_done(struct pidns_world *w);

#ifdef PIDNS_SINGLE_THREADED

static inline void pidns__lock(struct pidns_world *w, uint32_t *word)
{
	(void)w;
	(void)word;
}

static inline void pidns__unlock(struct pidns_world *w, uint32_t *word)
{
	(void)w;
	(void)word;
}

#else

void pidns__lock_wait(struct pidns_world *w, uint32_t *word);
void pidns__unlock_tell(struct pidns_world *w, uint32_t *word);

static inline void pidns__lock(struct pidns_world *w, uint32_t *word)
{
	if (pidns__rarely(w->env.lock || __atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE)))
		pidns__lock_wait(w, word);
}

static inline void pidns__unlock(struct pidns_world *w, uint32_t *word)
{
	if (pidns__rarely(w->env.unlock != NULL))
		pidns__unlock_tell(w, word);
	else
		__atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

#endif

/* error.c -------------------------------------------------------------------------------------------- */
/* The only writer of *err, which may be NULL.  Returns code. */
int32_t pidns__fail(struct pidns_error *err, int32_t code, const struct pidns_ns *ns, int32_t index,
		    int32_t number);
int32_t pidns__fail_plain(struct pidns_error *err, int32_t code);

/* table.c: see table.h ------------------------------------------------------------------------------- */
void pidns__table_done(struct pidns_ns *ns);

/* number.c ------------------------------------------------------------------------------------------- */
struct pidns_id *pidns__id_take(struct pidns_ns *ns); /* the memory of one; the caller holds ns->lock */
void pidns__drained(struct pidns_ns *ns, uint32_t count);

/* cred.c --------------------------------------------------------------------------------------------- */
bool pidns__capable(const struct pidns_cred *cred, const struct pidns_user_ns *ns,
		    uint64_t caps); /* any of caps */
bool pidns__may_choose(const struct pidns_task *t, const struct pidns_ns *ns);
int32_t pidns__user_ns_new(struct pidns_task *by, struct pidns_cred *cred, struct pidns_user_ns **out);
struct pidns_user_ns *pidns__user_ns_get(struct pidns_user_ns *ns);
void pidns__user_ns_put(struct pidns_user_ns *ns);
bool pidns__over_ns_limit(const struct pidns_world *w, const struct pidns_user_ns *owner, uint32_t user);
bool pidns__over_nproc(const struct pidns_task *t);
uint32_t pidns__uid_seen(uint32_t uid, const struct pidns_cred *by);

/* clone.c */
int32_t pidns__ns_make(struct pidns_task *self, struct pidns_ns *parent, struct pidns_user_ns *owner,
		       struct pidns_ns **out);

/* task.c --------------------------------------------------------------------------------------------- */
void pidns__event(struct pidns_task *t, enum pidns_event_type type, int32_t signal, int32_t from);
bool pidns__can_act(struct pidns_task *t);          /* and makes it the actor */
void pidns__await_threads(struct pidns_task *self); /* until all others have ended, and no longer */
int32_t pidns__end_call(struct pidns_world *w, int32_t result);
void pidns__go_on(struct pidns_process *p); /* it has been stopped: calls that stopped their callers return */
struct pidns_task *pidns__task_at(const struct pidns_task *self,
				  int32_t nr); /* the task with that number, or NULL */
int32_t pidns__seen(const struct pidns_id *id, const struct pidns_task *by);
void pidns__settle(struct pidns_world *w);
void pidns__ready(struct pidns_task *t); /* it has something to do, or to find out */
/* R6.56: whether self may send t the signal. */
bool pidns__may_signal(const struct pidns_task *self, const struct pidns_task *t, int32_t sig);
/* What execve and CLEAR_SIGHAND leave of a table: what is ignored. */
void pidns__forget_handlers(struct pidns__sighand *s);
void pidns__doom(struct pidns_task *t, int32_t code);
struct pidns_task *pidns__live_thread(const struct pidns_process *p);
void pidns__release(struct pidns_task *t);

static inline struct pidns_id *pidns__link_id(const struct pidns_task *t, enum pidns_kind kind)
{
	return kind == PIDNS_PID ? t->pid.id : t->process->link[kind].id;
}

static inline struct pidns_ns *pidns__ns(const struct pidns_task *t)
{
	return t->pid.id->at[t->pid.id->level].ns;
}

static inline bool pidns__is_leader(const struct pidns_task *t)
{
	return t->process->leader == t;
}

/* exit.c, init.c ------------------------------------------------------------------------------------- */
void pidns__exit_begin(struct pidns_task *t);
void pidns__exit_finish(struct pidns_task *t);
void pidns__notify_parent(struct pidns_process *p);
void pidns__kill_threads(struct pidns_process *p, int32_t status, const struct pidns_task *but);
bool pidns__init_dies(struct pidns_task *t); /* true: it has to wait for its namespace */

/* wait.c --------------------------------------------------------------------------------------------- */
/* Those threads of child's parent that wait for it look again, when all else is done. */
void pidns__wake_waiters(const struct pidns_task *child);
void pidns__wake(struct pidns_task *t);
void pidns__look_again(struct pidns_task *t);
void pidns__wait_on(struct pidns_task *t);
void pidns__wait_end(struct pidns_task *t, int32_t returned);

/* group.c -------------------------------------------------------------------------------------------- */
bool pidns__group_is_orphaned(const struct pidns_id *group, const struct pidns_process *but);
/* Something that held the group in the shell's hands goes: p's death, or p's parent `was` (NULL: p itself dies). */
void pidns__orphan_check(struct pidns_process *p, const struct pidns_task *was);
void pidns__links_new(struct pidns_process *p, struct pidns_id *tgid, struct pidns_id *pgid,
		      struct pidns_id *sid);

/* signal.c, deliver.c -------------------------------------------------------------------------------- */
struct pidns__sender {
	const struct pidns_task *task; /* NULL: the kernel itself                                */
	bool force;                    /* KILL and STOP work on an init too (R5.12)             */
	int32_t from;                  /* si_pid, where it is not the task's number there        */
};
/* To a process: `to` is the thread that takes it if it can. */
void pidns__send_process(struct pidns_task *to, int32_t sig, const struct pidns__sender *by);
void pidns__send_task(struct pidns_task *t, int32_t sig, const struct pidns__sender *by);
void pidns__deliver(struct pidns_task *t);
void pidns__discard_ignored(struct pidns_process *p,
			    int32_t sig); /* what is pending and ignored from now on */
void pidns__pending_clear(struct pidns_world *w, struct pidns__pending *pending);
struct pidns__sighand *pidns__sighand_copy(struct pidns_world *w, const struct pidns__sighand *from);
void pidns__sighand_put(struct pidns_world *w, struct pidns__sighand *s);
int32_t pidns__signal(struct pidns_task *self, struct pidns_task *t, int32_t sig,
		      bool thread_only); /* as kill, as tkill */

static inline uint64_t pidns__sigbit(int32_t sig)
{
	return (uint64_t)1 << (sig - 1);
}

/* pidfd.c -------------------------------------------------------------------------------------------- */
struct pidns_pidfd *pidns__pidfd_new(struct pidns_world *w, struct pidns_id *id, uint32_t flags);

static inline bool pidns__has(const struct pidns_world *w, uint32_t feature)
{
	return (w->features & feature) != 0;
}

#endif
