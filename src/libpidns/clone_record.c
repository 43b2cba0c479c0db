/* SPDX-License-Identifier: MIT */
/*
 * clone_record.c: clone3's record as a program's memory holds it.
 *
 * Owns:    the layout of the record, and which sizes a Linux takes (R1.1 to R1.5).
 * Keeps:   the embedder's copy is asked for what lies inside `size` only; a record that is refused is not acted on.
 */
#include "internal.h"

/* clone3's record in memory: eight words, then set_tid and its size, then cgroup. */
enum {
	WORD_FLAGS,
	WORD_PIDFD,
	WORD_CHILD_TID,
	WORD_PARENT_TID,
	WORD_EXIT_SIGNAL,
	WORD_STACK,
	WORD_STACK_SIZE,
	WORD_TLS,
	WORD_SET_TID,
	WORD_SET_TID_SIZE,
	WORD_CGROUP,
};
_Static_assert(WORD_CGROUP + 1 == PIDNS__CLONE_WORDS, "a word of the record has no room");
#define RECORD_MIN 64u
#define PAGE 4096u

/* R1.4: what is longer than this kernel's record has to be 0. */
static int32_t check_tail(uint64_t at, uint64_t size, uint64_t known, pidns_copy_fn copy, void *ctx)
{
	unsigned char bytes[64], any = 0;

	for (; known < size; known += sizeof bytes) {
		size_t n = size - known < sizeof bytes ? (size_t)(size - known) : sizeof bytes;

		if (copy(ctx, bytes, at + known, n) < 0)
			return -PIDNS_EFAULT;
		for (size_t i = 0; i < n; i++)
			any |= bytes[i];
	}
	return any ? -PIDNS_E2BIG : 0;
}

static PIDNS__APART int32_t read_record(const struct pidns_world *w, uint64_t at, uint64_t size,
					pidns_copy_fn copy, void *ctx, uint64_t *words)
{
	uint64_t known = pidns__has(w, PIDNS_HAS_INTO_CGROUP) ? 88 : 80;
	int32_t r = 0;

	if (size > PAGE)
		return -PIDNS_E2BIG;
	if (size < RECORD_MIN)
		return -PIDNS_EINVAL;
	if (size > known)
		r = check_tail(at, size, known, copy, ctx);
	if (r == 0 && copy(ctx, words, at, (size_t)(size < known ? size : known)) < 0)
		r = -PIDNS_EFAULT;
	return r;
}

int32_t pidns_clone3_user(struct pidns_task *self, uint64_t record, uint64_t size, pidns_copy_fn copy,
			  void *ctx, struct pidns_task **child, struct pidns_error *err)
{
	struct pidns_world *w = self->world;
	struct pidns_clone_args *args = &w->args;
	uint64_t *words = w->words;
	int32_t r;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	for (int i = 0; i < PIDNS__CLONE_WORDS; i++)
		words[i] = 0;
	r = read_record(w, record, size, copy, ctx, words);
	if (r < 0)
		return pidns__end_call(w, pidns__fail_plain(err, r));
	*args = (struct pidns_clone_args){ 0 };
	args->flags = words[WORD_FLAGS];
	args->pidfd = words[WORD_PIDFD];
	args->parent_tid = words[WORD_PARENT_TID];
	args->exit_signal = words[WORD_EXIT_SIGNAL];
	args->stack = words[WORD_STACK];
	args->stack_size = words[WORD_STACK_SIZE];
	args->set_tid_size = words[WORD_SET_TID_SIZE];
	args->cgroup = words[WORD_CGROUP];
	args->has_cgroup_word = size >= 88;
	if (words[WORD_SET_TID]) {
		if (args->set_tid_size <= PIDNS_LEVEL_MAX &&
		    copy(ctx, w->set_tid, words[WORD_SET_TID],
			 (size_t)args->set_tid_size * sizeof *w->set_tid) < 0)
			args->set_tid_unreadable = true;
		else
			args->set_tid = w->set_tid;
	}
	return pidns_clone3(self, args, child, err);
}
