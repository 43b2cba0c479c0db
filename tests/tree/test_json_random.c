/* SPDX-License-Identifier: MIT */
/*
 * test_json_random.c: random trees pass validation, and come back from a tree file as they were.
 *
 * SETTID_SEED=N runs that one seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_tree.h"

static uint64_t first = 1, last = 400;

static void valid(struct tree *t, uint64_t seed)
{
	struct tree_error err = { 0 };
	if (tree_validate(t, &err) < 0)
		fail_msg("seed=%llu: %s", (unsigned long long)seed, err.text);
}

/* The caller frees it. */
static char *written(const struct tree *t, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	assert_non_null(out);
	assert_int_equal(tree_write_json(t, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static unsigned size_of(uint64_t seed)
{
	return 1 + (unsigned)(seed * 7 % 120);
}

static void every_tree_that_was_acted_out_is_valid(void **state)
{
	(void)state;
	size_t namespaces = 0, threads = 0, states[3] = { 0 }, moved = 0;
	for (uint64_t seed = first; seed <= last; seed++) {
		struct tree *t = random_tree(seed, size_of(seed), RANDOM_ALL);
		valid(t, seed);
		namespaces += t->namespaces_len;
		for (size_t i = 0; i < t->processes_len; i++) {
			const struct tree_process *p = &t->processes[i];
			states[p->state]++;
			threads += p->threads_len;
			moved += p->pgid != p->sid;
		}
		tree_free(t);
	}
	if (first != last) /* the generator makes what it promises */
		assert_true(namespaces > 1000 && threads > 1000 && moved > 1000 &&
			    states[TREE_STOPPED] > 500 && states[TREE_ZOMBIE] > 500);
}

static bool same_string(struct tree_str a, struct tree_str b)
{
	return (a.bytes != NULL) == (b.bytes != NULL) && a.len == b.len &&
	       (!a.len || !memcmp(a.bytes, b.bytes, a.len));
}

static bool same_numbers(const int32_t *a, const int32_t *b, unsigned levels)
{
	return memcmp(a, b, levels * sizeof *a) == 0;
}

static bool same_process(const struct tree_process *a, const struct tree_process *b)
{
	bool same = a->levels == b->levels && same_numbers(a->nspid, b->nspid, a->levels) &&
		    a->ppid == b->ppid && a->pgid == b->pgid && a->sid == b->sid && a->state == b->state &&
		    a->exit_code == b->exit_code && a->exit_signal == b->exit_signal &&
		    a->core_dumped == b->core_dumped && a->stop_signal == b->stop_signal &&
		    a->threads_len == b->threads_len && a->parent == b->parent && a->ns == b->ns &&
		    a->children_ns == b->children_ns && same_string(a->comm, b->comm);
	for (uint32_t i = 0; same && i < a->threads_len; i++)
		same = same_numbers(a->threads[i].nspid, b->threads[i].nspid, a->levels) &&
		       same_string(a->threads[i].name, b->threads[i].name);
	return same;
}

static void every_tree_comes_back_from_its_file_as_it_was(void **state)
{
	(void)state;
	for (uint64_t seed = first; seed <= last; seed++) {
		struct tree_error err = { 0 };
		struct tree *t = random_tree(seed, size_of(seed), RANDOM_ALL), *back = NULL;
		valid(t, seed);
		size_t len;
		char *text = written(t, &len);
		if (tree_read_buffer(text, len, "random", &back, &err) < 0)
			fail_msg("seed=%llu: %s", (unsigned long long)seed, err.text);
		assert_int_equal(back->processes_len, t->processes_len);
		for (size_t i = 0; i < t->processes_len; i++)
			if (!same_process(&t->processes[i], &back->processes[i]))
				fail_msg("seed=%llu: process %d differs", (unsigned long long)seed,
					 (int)t->processes[i].nspid[0]);
		free(text);
		tree_free(t);
		tree_free(back);
	}
}

static void a_changed_number_is_noticed_by_the_comparison(void **state)
{
	(void)state;
	struct tree *t = random_tree(first, 5, 0), *u = random_tree(first, 5, 0);
	valid(t, first);
	valid(u, first);
	assert_true(same_process(&t->processes[2], &u->processes[2]));
	u->processes[2].sid++;
	assert_false(same_process(&t->processes[2], &u->processes[2]));
	tree_free(t);
	tree_free(u);
}

static void the_same_seed_gives_the_same_tree(void **state)
{
	(void)state;
	struct tree *t = random_tree(first + 7, 60, RANDOM_ALL), *u = random_tree(first + 7, 60, RANDOM_ALL);
	size_t len, other_len;
	char *text = written(t, &len), *other = written(u, &other_len);
	assert_string_equal(text, other);
	free(text);
	free(other);
	tree_free(t);
	tree_free(u);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tree_that_was_acted_out_is_valid),
		cmocka_unit_test(every_tree_comes_back_from_its_file_as_it_was),
		cmocka_unit_test(a_changed_number_is_noticed_by_the_comparison),
		cmocka_unit_test(the_same_seed_gives_the_same_tree),
	};
	const char *seed = getenv("SETTID_SEED");
	if (seed)
		first = last = strtoull(seed, NULL, 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("random trees", tests, NULL, NULL);
}
