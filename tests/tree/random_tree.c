/* SPDX-License-Identifier: MIT */
/*
 * random_tree.c: acts out the life of a tree of processes; see random_tree.h.
 *
 * Keeps:   (R1) session leaders stay in their group; setsid only by one whose number is nobody's group (R6.41);
 *          (R2) a group is joined within the session and by one that sees its founder (R6.38), or whose parent does,
 *               and never by an init whose namespace the founder is in: it could not be ended again (R5.30);
 *          (R3) zombies have no children, and a zombie init nobody in its namespace.
 */
#include "random_tree.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 6 /* levels in use; enough for several namespaces on one path */

struct actor {
	int32_t nspid[DEPTH_MAX];
	unsigned levels;
	int ns;
	int parent, group, session; /* actors; -1 = outside */
	unsigned children;
	int state;
};

struct space {
	int parent;
	unsigned level, members;
	int32_t next;
};

struct life {
	uint64_t seed;
	unsigned shapes;
	struct actor *actors;
	struct space *spaces;
	int actors_len, spaces_len;
};

static unsigned roll(struct life *l, unsigned sides)
{
	l->seed = l->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(l->seed >> 33) % sides;
}

static bool has(const struct life *l, enum random_shape shape)
{
	return (l->shapes & (unsigned)shape) != 0;
}

/* A number at every level of ns, each level counting for itself and with gaps. */
static void give_numbers(struct life *l, int ns, int32_t *nspid)
{
	for (int at = ns; at >= 0; at = l->spaces[at].parent) {
		struct space *s = &l->spaces[at];
		nspid[s->level] = s->next;
		s->next += 1 + (int32_t)roll(l, 5);
	}
}

static int new_space(struct life *l, int parent)
{
	struct space *s = &l->spaces[l->spaces_len];
	*s = (struct space){ .parent = parent, .next = 1 };
	s->level = parent < 0 ? 0 : l->spaces[parent].level + 1;
	return l->spaces_len++;
}

static void fork_one(struct life *l, int parent, int ns)
{
	struct actor *a = &l->actors[l->actors_len];
	*a = (struct actor){
		.ns = ns, .levels = l->spaces[ns].level + 1, .parent = parent, .group = -1, .session = -1
	};
	if (parent >= 0) {
		a->group = l->actors[parent].group;
		a->session = l->actors[parent].session;
		l->actors[parent].children++;
	}
	give_numbers(l, ns, a->nspid);
	l->spaces[ns].members++;
	l->actors_len++;
}

static bool is_init(const struct actor *a)
{
	return a->nspid[a->levels - 1] == 1;
}

static bool is_below(const struct life *l, int ns, int outer)
{
	while (ns >= 0 && ns != outer)
		ns = l->spaces[ns].parent;
	return ns == outer;
}

static bool group_is_used(const struct life *l, int founder)
{
	for (int i = 0; i < l->actors_len; i++)
		if (l->actors[i].group == founder)
			return true;
	return false;
}

static void act_setsid(struct life *l, int who)
{
	if (!group_is_used(l, who))
		l->actors[who].group = l->actors[who].session = who;
}

static void act_setpgid(struct life *l, int who, int founder)
{
	struct actor *a = &l->actors[who];
	const struct actor *f = &l->actors[founder];
	if (a->session == who)
		return;
	bool joins = founder != who;
	if (joins && (f->session != a->session || !group_is_used(l, founder)))
		return;
	if (joins && (!is_below(l, f->ns, a->ns) || is_init(a)))
		return;
	a->group = founder;
}

/* Its parent does it, while they are in one session. */
static void act_move_child(struct life *l, int who, int founder)
{
	struct actor *a = &l->actors[who];
	const struct actor *f = &l->actors[founder];
	const struct actor *parent = a->parent < 0 ? NULL : &l->actors[a->parent];
	if (!parent || a->session == who || parent->session != a->session || f->session != a->session)
		return;
	if (!group_is_used(l, founder) || !is_below(l, f->ns, parent->ns))
		return;
	if (!is_init(a) || !is_below(l, f->ns, a->ns))
		a->group = founder;
}

/* A child of somebody, or of somebody outside when the root is an init, put into a namespace that is there. */
static void act_enter(struct life *l, int who)
{
	int parent = is_init(&l->actors[0]) && roll(l, 4) == 0 ? -1 : who;
	int ns = (int)roll(l, (unsigned)l->spaces_len);
	if (parent < 0 || is_below(l, ns, l->actors[parent].ns))
		fork_one(l, parent, ns);
}

static void act(struct life *l)
{
	int who = (int)roll(l, (unsigned)l->actors_len);
	const struct actor *a = &l->actors[who];
	switch (roll(l, 10)) {
	case 0:
		if (has(l, RANDOM_SESSIONS))
			act_setsid(l, who);
		break;
	case 1:
		if (has(l, RANDOM_GROUPS))
			act_setpgid(l, who, who);
		break;
	case 2:
		if (has(l, RANDOM_GROUPS))
			act_setpgid(l, who, (int)roll(l, (unsigned)l->actors_len));
		break;
	case 3:
		if (has(l, RANDOM_GROUPS))
			act_move_child(l, (int)roll(l, (unsigned)l->actors_len),
				       (int)roll(l, (unsigned)l->actors_len));
		break;
	case 4:
		if (has(l, RANDOM_ENTERED))
			act_enter(l, who);
		break;
	case 5:
		if (has(l, RANDOM_NAMESPACES) && a->levels < DEPTH_MAX) {
			fork_one(l, who, new_space(l, a->ns));
			break;
		}
		/* fall through */
	default:
		fork_one(l, who, a->ns);
	}
}

static int end_state(struct life *l, int who)
{
	struct actor *a = &l->actors[who];
	bool last = !is_init(a) || l->spaces[a->ns].members == 1;
	if (has(l, RANDOM_ZOMBIES) && who > 0 && a->children == 0 && last && roll(l, 4) == 0)
		return TREE_ZOMBIE;
	return has(l, RANDOM_STOPPED) && roll(l, 8) == 0 ? TREE_STOPPED : TREE_LIVE;
}

static const int32_t *copy_numbers(struct tree *t, const int32_t *nspid, unsigned levels)
{
	int32_t *copy = tree_alloc(t, levels * sizeof *copy);
	assert(copy);
	for (unsigned i = 0; i < levels; i++)
		copy[i] = nspid[i];
	return copy;
}

static struct tree_str random_name(struct life *l, struct tree *t)
{
	static const char letters[] = "abc \"\\\xc3\xa9\n/'{"; /* also half of a character: not UTF-8 */
	char name[TREE_NAME_MAX];
	size_t len = roll(l, TREE_NAME_MAX + 1);
	for (size_t i = 0; i < len; i++)
		name[i] = letters[roll(l, sizeof letters - 1)];
	return tree_strdup(t, name, len);
}

static void add_status(struct life *l, struct tree_process *p, bool init)
{
	static const int16_t stops[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
	static const int16_t kills[] = { SIGKILL, SIGSEGV, SIGTERM, SIGUSR1, 40 };
	if (p->state == TREE_STOPPED)
		p->stop_signal = init ? SIGSTOP : stops[roll(l, 4)];
	if (p->state != TREE_ZOMBIE)
		return;
	if (roll(l, 2))
		p->exit_code = (int16_t)roll(l, 256);
	else
		p->exit_signal = init ? SIGKILL : kills[roll(l, 5)];
	if (p->exit_signal != TREE_ABSENT)
		p->core_dumped = 0;
}

static void add_threads(struct life *l, struct tree *t, struct tree_process *p, int ns)
{
	if (!has(l, RANDOM_THREADS) || p->state == TREE_ZOMBIE || roll(l, 5) != 0)
		return;
	p->threads_len = 2 + roll(l, 3);
	p->threads = tree_alloc(t, p->threads_len * sizeof *p->threads);
	assert(p->threads);
	for (uint32_t i = 0; i < p->threads_len; i++) {
		int32_t numbers[DEPTH_MAX];
		if (i > 0)
			give_numbers(l, ns, numbers);
		p->threads[i].nspid = i ? copy_numbers(t, numbers, p->levels) : p->nspid;
		p->threads[i].name = i ? random_name(l, t) : p->comm;
	}
}

/* "1/4/7": the last part is the namespace, those before are around it. */
static struct tree_str label_of(struct life *l, struct tree *t, int ns)
{
	char label[16 * DEPTH_MAX] = "", longer[sizeof label];
	for (int at = ns; l->spaces[at].level > 0; at = l->spaces[at].parent) {
		snprintf(longer, sizeof longer, "%d%s%.64s", at, label[0] ? "/" : "", label);
		memcpy(label, longer, sizeof label);
	}
	return tree_strdup(t, label, strlen(label));
}

static int init_of(const struct life *l, int ns)
{
	int i = 0;
	while (l->actors[i].ns != ns || !is_init(&l->actors[i]))
		i++;
	return i;
}

static void add_labels(struct life *l, struct tree *t, struct tree_process *p, const struct actor *a)
{
	int ns = (int)roll(l, (unsigned)l->spaces_len);
	if (l->spaces[a->ns].level > 0)
		p->ns_label = label_of(l, t, a->ns);
	if (p->state == TREE_ZOMBIE || roll(l, 6) != 0 || ns == a->ns || !is_below(l, ns, a->ns))
		return;
	if (l->actors[init_of(l, ns)].state != TREE_ZOMBIE)
		p->children_ns_label = label_of(l, t, ns);
}

static int32_t number_of(const struct life *l, int who)
{
	return who < 0 ? 0 : l->actors[who].nspid[0];
}

static void add_process(struct life *l, struct tree *t, int who)
{
	const struct actor *a = &l->actors[who];
	struct tree_process *p = tree_process_add(t);
	assert(p);
	p->nspid = copy_numbers(t, a->nspid, a->levels);
	p->levels = (uint8_t)a->levels;
	p->ppid = number_of(l, a->parent);
	p->pgid = number_of(l, a->group);
	p->sid = number_of(l, a->session);
	p->state = (uint8_t)a->state;
	p->comm = random_name(l, t);
	add_status(l, p, is_init(a));
	add_threads(l, t, p, a->ns);
	if (has(l, RANDOM_ENTERED))
		add_labels(l, t, p, a);
}

struct tree *random_tree(uint64_t seed, unsigned size, unsigned shapes)
{
	struct life l = { .seed = seed * 2654435761u + 1, .shapes = shapes };
	struct tree *t = tree_new(NULL);
	l.actors = calloc(size + 1, sizeof *l.actors);
	l.spaces = calloc(size + 2, sizeof *l.spaces);
	assert(t && l.actors && l.spaces);
	l.spaces[new_space(&l, -1)].next = has(&l, RANDOM_NAMESPACES) && roll(&l, 3) == 0 ? 1 : 100;
	fork_one(&l, -1, 0);
	while (l.actors_len < (int)size)
		act(&l);
	for (int i = 0; i < l.actors_len; i++)
		l.actors[i].state = end_state(&l, i);
	for (int i = 0; i < l.actors_len; i++)
		add_process(&l, t, i);
	free(l.actors);
	free(l.spaces);
	return t;
}
