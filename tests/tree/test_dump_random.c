/* SPDX-License-Identifier: MIT */
/*
 * test_dump_random.c: the dump of a random live tree is the tree that was made.
 *
 * The expectation comes from the calls that made the tree, not from /proc: every process is found in the dump by
 * its parent and the number that fork returned.  SETTID_SEED=0x... repeats one seed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "live_tree.h"
#include "tree/proc_read.h"
#include "tree/tree.h"

enum { SEEDS = 30, SIZE = 25, SAID_MAX = 512 };

/* The first thing that is wrong, in words; empty = nothing. */
struct check {
	const struct live_tree *live;
	const struct tree *t;
	int32_t *at; /* index in t of each process that was made */
	char said[SAID_MAX];
};

static void say(struct check *c, uint32_t node, const char *what, long want, long got)
{
	if (!c->said[0])
		snprintf(c->said, sizeof c->said, "process %u (of fork %d): %s is %ld, not %ld", node,
			 c->live->made[node].pid, what, got, want);
}

static void expect(struct check *c, uint32_t node, const char *what, long want, long got)
{
	if (want != got)
		say(c, node, what, want, got);
}

/* The child of t's process `parent` that has `number` where the parent lives. */
static int32_t find_child(const struct tree *t, int32_t parent, int32_t number)
{
	unsigned level = t->processes[parent].levels - 1u;

	for (size_t i = 0; i < t->processes_len; i++)
		if (t->processes[i].parent == parent && t->processes[i].nspid[level] == number)
			return (int32_t)i;
	return TREE_NONE;
}

/* A group or session in the dump: 0 when its founder is the driver, outside the tree or above its level 0. */
static long leader_number(const struct check *c, uint32_t leader)
{
	return leader == 0 ? 0 : c->t->processes[c->at[leader]].nspid[0];
}

static void check_state(struct check *c, uint32_t node, const struct tree_process *p)
{
	const struct live_made *m = &c->live->made[node];

	expect(c, node, "state", m->dead ? TREE_ZOMBIE : m->stopped ? TREE_STOPPED : TREE_LIVE, p->state);
	expect(c, node, "exit_code", m->dead ? m->exit_code : TREE_ABSENT, p->exit_code);
	expect(c, node, "exit_signal", m->exit_signal ? m->exit_signal : TREE_ABSENT, p->exit_signal);
	if (!m->exit_signal)
		expect(c, node, "core_dumped", TREE_ABSENT, p->core_dumped);
	if (!m->stopped)
		expect(c, node, "stop_signal", TREE_ABSENT, p->stop_signal);
	else if (p->stop_signal != SIGSTOP) /* which every orphaned group makes of the others */
		expect(c, node, "stop_signal", m->stop_signal, p->stop_signal);
	expect(c, node, "notify_signal", m->notify == SIGCHLD ? TREE_ABSENT : m->notify, p->notify_signal);
	expect(c, node, "leader_dead", 0, p->leader_dead);
}

static void check_process(struct check *c, uint32_t node)
{
	const struct live_made *m = &c->live->made[node];
	const struct tree_process *p = &c->t->processes[c->at[node]];
	unsigned base = c->live->made[1].level;

	expect(c, node, "its number of levels", m->level - base + 1, p->levels);
	expect(c, node, "its innermost number", m->number, p->nspid[p->levels - 1]);
	expect(c, node, "pgid", leader_number(c, m->group), p->pgid);
	expect(c, node, "sid", leader_number(c, m->session), p->sid);
	expect(c, node, "namespace (a label)", 0, p->ns_label.bytes != NULL);
	expect(c, node, "children's namespace", p->ns, p->children_ns);
	expect(c, node, "threads", m->threads && !m->dead ? m->threads + 1 : 0, p->threads_len);
	if (m->name[0])
		expect(c, node, "equality of its name", 0,
		       strlen(m->name) != p->comm.len || memcmp(m->name, p->comm.bytes, p->comm.len) != 0);
	check_state(c, node, p);
}

static void check_tree(struct check *c)
{
	if (c->t->processes_len != c->live->made_len - 1)
		snprintf(c->said, sizeof c->said, "%zu processes, and %u were made", c->t->processes_len,
			 c->live->made_len - 1);
	c->at[1] = 0;
	for (uint32_t i = 2; !c->said[0] && i < c->live->made_len; i++) {
		const struct live_made *m = &c->live->made[i];
		c->at[i] = find_child(c->t, c->at[m->parent], m->pid);
		if (c->at[i] == TREE_NONE)
			snprintf(c->said, sizeof c->said, "process %u is missing", i);
	}
	for (uint32_t i = 1; !c->said[0] && i < c->live->made_len; i++)
		check_process(c, i);
	if (!c->said[0] && (c->t->unreadable || c->t->ghosts_len))
		snprintf(c->said, sizeof c->said, "%u unreadable facts, %zu ghosts", c->t->unreadable,
			 c->t->ghosts_len);
}

static void compare(const struct live_tree *live, const struct tree *t, char said[static SAID_MAX])
{
	struct check c = { .live = live, .t = t, .at = calloc(live->made_len, sizeof *c.at) };

	assert_non_null(c.at);
	check_tree(&c);
	free(c.at);
	memcpy(said, c.said, SAID_MAX);
}

static const struct tree_dump_options agreeing = { .proc_fd = -1, .commands = true };
static const struct tree_dump_options frozen = { .freeze = true, .proc_fd = -1, .commands = true };
static const struct tree_dump_options single = { .one_pass = true, .proc_fd = -1, .commands = true };

static void dump_into(const struct live_tree *live, const struct tree_dump_options *o, struct tree **t)
{
	struct tree_error err = { 0 };

	if (tree_dump(live->root, o, t, &err) < 0)
		fail_msg("dump: %s", err.text);
}

static void run_seed(uint64_t seed, const struct tree_dump_options *o)
{
	struct live_tree live;
	struct tree *t;
	char said[SAID_MAX];

	int e = live_tree_start(seed, SIZE, LIVE_TREE_ALL, &live);
	if (e < 0)
		fail_msg("seed=0x%llx: no tree: %s", (unsigned long long)seed, strerror(-e));
	dump_into(&live, o, &t);
	compare(&live, t, said);
	tree_free(t);
	live_tree_stop(&live);
	if (said[0])
		fail_msg("seed=0x%llx: %s", (unsigned long long)seed, said);
}

static void run_seeds(const struct tree_dump_options *o)
{
	const char *one = getenv("SETTID_SEED");

	if (one) {
		run_seed(strtoull(one, NULL, 0), o);
		return;
	}
	for (uint64_t seed = 0; seed < SEEDS; seed++)
		run_seed(seed, o);
}

static void the_dump_of_a_random_tree_is_what_was_made(void **state)
{
	(void)state;
	run_seeds(&agreeing);
}

static void freezing_changes_nothing_that_a_dump_shows(void **state)
{
	(void)state;
	run_seeds(&frozen);
}

static void one_pass_says_all_of_a_tree_at_rest(void **state)
{
	(void)state;
	run_seeds(&single);
}

static int by_pid(const void *a, const void *b)
{
	const struct proc_record *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* One pass, its records in the order of their numbers. */
static void read_pass(pid_t root, bool never_walk, struct proc_pass *p)
{
	struct proc_reader r;
	struct tree_error err = { 0 };
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (proc_reader_init(&r, proc, root, &err) < 0)
		fail_msg("%s", err.text);
	r.never_walk = never_walk;
	if (proc_pass_read(&r, p, &err) < 0)
		fail_msg("%s", err.text);
	proc_reader_done(&r);
	close(proc);
	qsort(p->records.at, proc_pass_len(p), sizeof(struct proc_record), by_pid);
}

static void a_kernel_without_children_files_shows_the_same_tree(void **state)
{
	struct live_tree live;

	(void)state;
	assert_int_equal(live_tree_start(7, 60, LIVE_TREE_ALL & ~LIVE_TREE_NAMESPACES, &live), 0);
	struct proc_pass walked = { 0 }, scanned = { 0 };
	read_pass(live.root, false, &walked);
	read_pass(live.root, true, &scanned);
	assert_int_equal(proc_pass_len(&walked), 60);
	assert_int_equal(proc_pass_len(&scanned), 60);
	for (size_t i = 0; i < 60; i++) {
		const struct proc_record *w = proc_pass_at(&walked, i), *s = proc_pass_at(&scanned, i);
		assert_int_equal(w->pid, s->pid);
		assert_int_equal(w->ppid, s->ppid);
		assert_int_equal(w->start, s->start);
		assert_int_equal(w->state, s->state);
		assert_int_equal(w->threads_len, s->threads_len);
		assert_int_equal(w->ns, s->ns);
	}
	proc_pass_done(&walked);
	proc_pass_done(&scanned);
	live_tree_stop(&live);
}

/* The comparison itself must be able to fail: each of these breaks one fact of a right tree. */
static void a_broken_dump_is_noticed(void **state)
{
	struct live_tree live;
	struct tree *t;
	char said[SAID_MAX];

	(void)state;
	assert_int_equal(live_tree_start(1, SIZE, LIVE_TREE_ALL, &live), 0);
	dump_into(&live, &agreeing, &t);
	struct tree_process *p = &t->processes[t->processes_len / 2], right = *p;
	for (int fact = 0; fact < 6; fact++) {
		switch (fact) {
		case 0:
			p->pgid += 1;
			break;
		case 1:
			p->sid += 1;
			break;
		case 2:
			p->state = p->state == TREE_LIVE ? TREE_STOPPED : TREE_LIVE;
			break;
		case 3:
			p->notify_signal = 5;
			break;
		case 4:
			p->threads_len += 1;
			break;
		default:
			p->parent = TREE_NONE;
			break;
		}
		compare(&live, t, said);
		assert_true(said[0] != '\0');
		*p = right;
	}
	compare(&live, t, said);
	tree_free(t);
	live_tree_stop(&live);
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dump_of_a_random_tree_is_what_was_made),
		cmocka_unit_test(freezing_changes_nothing_that_a_dump_shows),
		cmocka_unit_test(one_pass_says_all_of_a_tree_at_rest),
		cmocka_unit_test(a_kernel_without_children_files_shows_the_same_tree),
		cmocka_unit_test(a_broken_dump_is_noticed),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP making PID namespaces and freezing need root");
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
