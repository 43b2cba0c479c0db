/* SPDX-License-Identifier: MIT */
/*
 * test_oracle.c: the allocator against the oracle: every sequence of up to 7 operations over small sets of them, and random
 * ones.  Environment: SETTID_RANDOM_OPS=100000000 for more of the latter, SETTID_SEED=0x… to repeat.
 */
#include "pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEPTH 5 /* they prove nothing about sequences, and take their time */
#define RANDOM_OPS 200000
#elif !defined(DEPTH)
#define DEPTH 7
#define RANDOM_OPS 2000000
#endif

static struct pair pair;

/* -------------------------------------------------------------------------------------- exhaustive -- */

/* Memory that is put back by a copy, whatever happened meanwhile. */
static _Alignas(64) char arena[1 << 17];
static size_t arena_len;

static void *arena_alloc(void *ctx, size_t size)
{
	void *p = arena + arena_len;

	(void)ctx;
	arena_len += (size + 63) & ~(size_t)63;
	if (arena_len > sizeof arena)
		abort();
	return p;
}

static void arena_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)p;
	(void)size;
}

static const struct pidns_env arena_env = { .size = sizeof arena_env,
					    .alloc = arena_alloc,
					    .free = arena_free };

#define NEW(n)                          \
	{                               \
		.kind = OP_NEW, .ns = n \
	}
#define WISH(n, ...)                                                                                  \
	{                                                                                             \
		.kind = OP_NEW, .ns = n, .len = sizeof((int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t), \
		.wish = {                                                                             \
			__VA_ARGS__                                                                   \
		}                                                                                     \
	}
#define FIRST                               \
	{                                   \
		.kind = OP_FREE, .value = 0 \
	}
#define LAST_BORN                            \
	{                                    \
		.kind = OP_FREE, .value = -1 \
	}
#define LAST(n, v)                                   \
	{                                            \
		.kind = OP_LAST, .ns = n, .value = v \
	}
#define PID_MAX(n, v)                                   \
	{                                               \
		.kind = OP_PID_MAX, .ns = n, .value = v \
	}
#define CLOSE(n)                          \
	{                                 \
		.kind = OP_CLOSE, .ns = n \
	}
#define INIT(n)                          \
	{                                \
		.kind = OP_INIT, .ns = n \
	}
#define END                                \
	{                                  \
		.kind = OP_RENEW, .ns = -1 \
	}

static const struct alphabet {
	const char *name;
	int parents[3], len;
	struct op before[8], ops[10];
} alphabets[] = {
	{ "the wrap and the low numbers",
	  { -1 },
	  1,
	  { NEW(0), INIT(0), PID_MAX(0, 302), LAST(0, 298), END },
	  { NEW(0), WISH(0, 2), WISH(0, 301), FIRST, LAST_BORN, LAST(0, 299), LAST(0, 300), LAST(0, 0),
	    END } },
	{ "two levels",
	  { -1, 0 },
	  2,
	  { NEW(0), INIT(0), NEW(1), INIT(1), PID_MAX(0, 301), PID_MAX(1, 301), LAST(0, 299), END },
	  { NEW(0), NEW(1), WISH(1, 2), WISH(1, 300, 3), WISH(1, 2, 301), FIRST, LAST_BORN, LAST(0, 299),
	    LAST(1, 299), END } },
	{ "three levels that come, close and fill up",
	  { -1, 0, 1 },
	  3,
	  { NEW(0), INIT(0), PID_MAX(0, 301), END },
	  { NEW(1), NEW(2), WISH(2, 1, 2), INIT(1), LAST_BORN, CLOSE(2), LAST(0, 298), LAST(0, 300), END } },
	{ "the edges of the tables",
	  { -1 },
	  1,
	  { NEW(0), INIT(0), END },
	  { NEW(0), LAST(0, 62), LAST(0, 510), LAST(0, 32766), WISH(0, 64), FIRST, LAST_BORN, END } },
};

static struct {
	size_t arena_len;
	char arena[sizeof arena];
	struct oracle o;
	int live_len;
	int live[16];
	struct pidns_id *id[16];
} saved[DEPTH + 1];

static void save(int depth)
{
	saved[depth].arena_len = arena_len;
	memcpy(saved[depth].arena, arena, arena_len);
	memcpy(&saved[depth].o, &pair.o, offsetof(struct oracle, id) + 16 * sizeof pair.o.id[0]);
	saved[depth].live_len = pair.live_len;
	memcpy(saved[depth].live, pair.live, sizeof saved[depth].live);
	memcpy(saved[depth].id, pair.id, sizeof saved[depth].id);
}

static void mark_owners(const struct oracle *o, bool owned)
{
	for (int id = 0; id < 16; id++)
		for (int at = o->id[id].ns; at >= 0; at = o->ns[at].parent)
			o->ns[at].owner[o->id[id].nr[o->ns[at].level]] = (int16_t)(owned ? id + 1 : 0);
}

static void restore(int depth)
{
	mark_owners(&pair.o, false);
	arena_len = saved[depth].arena_len;
	memcpy(arena, saved[depth].arena, arena_len);
	memcpy(&pair.o, &saved[depth].o, offsetof(struct oracle, id) + 16 * sizeof pair.o.id[0]);
	pair.live_len = saved[depth].live_len;
	memcpy(pair.live, saved[depth].live, sizeof saved[depth].live);
	memcpy(pair.id, saved[depth].id, sizeof saved[depth].id);
	mark_owners(&pair.o, true);
}

static const struct op *path[DEPTH];
static unsigned long sequences;

static bool is_same(const struct op *op)
{
	const char *broken = NULL;

	if (!pair_step(&pair, op) || !pair_same(&pair))
		return false;
	if (sequences++ % 64 == 0)
		broken = pidns_check(pair.w);
	if (broken)
		snprintf(pair.why, sizeof pair.why, "%s", broken);
	return !broken;
}

static void tell_path(int depth)
{
	if (pair.o.mistake != ORACLE_RIGHT)
		return;
	printf("# %s\n", pair.why);
	for (int i = 0; i <= depth; i++)
		pair_print(stdout, path[i]);
}

/* Every sequence that goes on from here; false at the first difference. */
static bool go_on(const struct alphabet *a, int depth, int max)
{
	if (depth == max)
		return true;
	save(depth);
	for (const struct op *op = a->ops; op->ns >= 0; op++) {
		path[depth] = op;
		if (!is_same(op)) {
			tell_path(depth);
			return false;
		}
		if (!go_on(a, depth + 1, max))
			return false;
		restore(depth);
	}
	return true;
}

static bool all_sequences_agree(const struct alphabet *a, int max)
{
	arena_len = 0;
	pair_open(&pair, &arena_env, a->parents, a->len);
	for (const struct op *op = a->before; op->ns >= 0; op++)
		if (!is_same(op)) {
			printf("# before: %s\n", pair.why);
			return false;
		}
	return go_on(a, 0, max);
}

static void every_short_sequence_ends_as_the_rules_say(void **state)
{
	const struct alphabet *a = *state;

	pair.o.mistake = ORACLE_RIGHT;
	sequences = 0;
	assert_true(all_sequences_agree(a, DEPTH));
	printf("# %s: %lu sequences\n", a->name, sequences);
}

/* ------------------------------------------------------------------------------------------ random -- */

static uint64_t seed;

static uint32_t roll(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 16) % n);
}

#define EPISODE 4000
static const int shape[ORACLE_NS] = { -1, 0, 1, 2, 1, 0 };

static void *heap_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void heap_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

static const struct pidns_env heap_env = { .size = sizeof heap_env, .alloc = heap_alloc, .free = heap_free };

static int32_t some_number(void)
{
	static const int32_t near[] = { 0, 1, 62, 64, 298, 300, 302, 320, 510, 512, 32767 };

	return roll(4) ? (int32_t)roll(330) : near[roll(11)] + (int32_t)roll(3) - 1;
}

static struct op some_op(unsigned fullness)
{
	struct op op = { .ns = (int)roll(ORACLE_NS) };
	uint32_t what = roll(1000);

	if (what < 960) {
		op.kind = roll(100) < fullness ? OP_NEW : OP_FREE;
		op.value = (int32_t)roll(1u << 20);
		if (op.kind == OP_NEW && roll(3) == 0)
			op.len = (int)roll(5);
		for (int i = 0; i < op.len && i < ORACLE_LEVELS; i++)
			op.wish[i] = some_number();
		if (op.len > ORACLE_LEVELS)
			op.len = ORACLE_LEVELS;
	} else if (what < 980) {
		op.kind = OP_LAST;
		op.value = roll(2) ? 297 + (int32_t)roll(6) : some_number();
	} else if (what < 990) {
		op.kind = OP_PID_MAX;
		op.value = 301 + (int32_t)roll(roll(5) ? 30 : 2000);
	} else {
		op.kind = roll(3) == 0 ? OP_CLOSE : roll(2) ? OP_INIT : OP_RENEW;
		if (op.kind == OP_CLOSE && op.ns == 0)
			op.kind = OP_INIT;
	}
	return op;
}

static const struct op opening[] = { INIT(0), PID_MAX(0, 420), INIT(1), PID_MAX(1, 340),
				     INIT(2), PID_MAX(3, 310), INIT(4), PID_MAX(2, 302) };

/* The step where they differ; len if nowhere. */
static int replay(const struct op *ops, int len)
{
	int at = 0;

	pair_open(&pair, &heap_env, shape, ORACLE_NS);
	for (size_t i = 0; i < sizeof opening / sizeof *opening; i++)
		pair_step(&pair, &opening[i]);
	for (; at < len; at++)
		if (!pair_step(&pair, &ops[at]) || ((at + 1) % 256 == 0 && !pair_same(&pair)))
			break;
	if (at == len && (!pair_same(&pair) || pidns_check(pair.w)))
		at = len - 1;
	pair_close(&pair);
	return at;
}

/* Leaves out whatever is not needed for a difference. */
static int shrink(struct op *ops, int len)
{
	static struct op fewer[EPISODE];

	for (int chunk = len / 2; chunk > 0; chunk = chunk > 1 ? chunk / 2 : 0)
		for (int from = 0; from + chunk <= len;) {
			int rest = len - chunk, at;

			memcpy(fewer, ops, (size_t)from * sizeof *ops);
			memcpy(fewer + from, ops + from + chunk, (size_t)(rest - from) * sizeof *ops);
			at = rest ? replay(fewer, rest) : rest;
			if (at == rest) {
				from += chunk;
				continue;
			}
			len = at + 1;
			memcpy(ops, fewer, (size_t)len * sizeof *ops);
		}
	return len;
}

/* True: no difference in about `count` operations. */
static bool random_sequences_agree(unsigned long count, bool say)
{
	static struct op ops[EPISODE];

	for (unsigned long done = 0; done < count; done += EPISODE) {
		uint64_t episode = seed;
		unsigned fullness = 40 + roll(30);
		int at;

		for (int i = 0; i < EPISODE; i++)
			ops[i] = some_op(fullness);
		at = replay(ops, EPISODE);
		if (at == EPISODE)
			continue;
		if (say) {
			at = shrink(ops, at + 1);
			replay(ops, at);
			printf("# seed=0x%llx: %s\n", (unsigned long long)episode, pair.why);
			for (int i = 0; i < at; i++)
				pair_print(stdout, &ops[i]);
		}
		return false;
	}
	return true;
}

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

static void random_sequences_end_as_the_rules_say(void **state)
{
	unsigned long count = from_environment("SETTID_RANDOM_OPS", RANDOM_OPS);

	(void)state;
	seed = from_environment("SETTID_SEED", 0x31496042);
	pair.o.mistake = ORACLE_RIGHT;
	printf("# %lu operations from seed=0x%llx\n", count, (unsigned long long)seed);
	assert_true(random_sequences_agree(count, true));
}

/* ---------------------------------------------------------------------------------------- mistakes -- */

static bool sequences_notice(enum oracle_mistake mistake)
{
	pair.o.mistake = mistake;
	for (size_t i = 0; i < sizeof alphabets / sizeof *alphabets; i++)
		if (!all_sequences_agree(&alphabets[i], 5))
			return true;
	return false;
}

static void sequences_of_5_notice_every_mistake(void **state)
{
	(void)state;
	for (int mistake = ORACLE_RIGHT + 1; mistake < ORACLE_MISTAKES; mistake++)
		if (!sequences_notice((enum oracle_mistake)mistake))
			fail_msg("mistake %d of the oracle makes no difference", mistake);
}

static void random_sequences_notice_every_mistake(void **state)
{
	(void)state;
	for (int mistake = ORACLE_RIGHT + 1; mistake < ORACLE_MISTAKES; mistake++) {
		seed = 0x31496042;
		pair.o.mistake = (enum oracle_mistake)mistake;
		if (random_sequences_agree(100000, false))
			fail_msg("mistake %d of the oracle makes no difference", mistake);
	}
}

static void a_difference_shrinks_to_a_few_steps(void **state)
{
	static struct op ops[EPISODE];
	int len;

	(void)state;
	seed = 42;
	pair.o.mistake = ORACLE_WISH_MOVES;
	for (int i = 0; i < EPISODE; i++)
		ops[i] = some_op(60);
	len = replay(ops, EPISODE);
	assert_in_range(len, 0, EPISODE - 1);
	assert_in_range(shrink(ops, len + 1), 1, 4);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(every_short_sequence_ends_as_the_rules_say, (void *)&alphabets[0]),
		cmocka_unit_test_prestate(every_short_sequence_ends_as_the_rules_say, (void *)&alphabets[1]),
		cmocka_unit_test_prestate(every_short_sequence_ends_as_the_rules_say, (void *)&alphabets[2]),
		cmocka_unit_test_prestate(every_short_sequence_ends_as_the_rules_say, (void *)&alphabets[3]),
		cmocka_unit_test(random_sequences_end_as_the_rules_say),
		cmocka_unit_test(sequences_of_5_notice_every_mistake),
		cmocka_unit_test(random_sequences_notice_every_mistake),
		cmocka_unit_test(a_difference_shrinks_to_a_few_steps),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pidns-oracle", tests, NULL, NULL);
}
