/* SPDX-License-Identifier: MIT */
/*
 * world.c: a world of libpidns whose tasks have indices, descriptors, and a memory of the signals they handled.
 *
 * Owns:    struct model_world, struct model_task.
 * Keeps:   (W1) a model_task stays where it is until its world is closed: libpidns points to it;
 *          (W2) task[i]->task is NULL as soon as libpidns has released it.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>

static void *give(void *ctx, size_t size)
{
	struct model_world *w = ctx;

	if (w->allocations_left == 0)
		return NULL;
	if (w->allocations_left > 0)
		w->allocations_left--;
	return malloc(size);
}

static void take(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

static struct model_task *task_of(const struct pidns_task *t)
{
	return pidns_user(t);
}

static void on_event(void *ctx, const struct pidns_event *event)
{
	struct model_world *w = ctx;
	struct model_task *t = task_of(event->task);

	if (!t)
		return;
	if (w->config.event)
		w->config.event(w->config.ctx, t->index, event);
	switch (event->type) {
	case PIDNS_EVENT_SIGNAL:
		t->handled[event->signal]++;
		t->from[event->signal] = event->from;
		break;
	case PIDNS_EVENT_RETURNED:
		t->has_returned = true;
		break;
	case PIDNS_EVENT_EXITED:
		model_files_put(&t->files);
		break;
	case PIDNS_EVENT_RELEASED:
		t->task = NULL;
		break;
	default:
		break;
	}
}

static int32_t install(void *ctx, struct pidns_task *caller, struct pidns_pidfd *pidfd, uint64_t word)
{
	struct model_task *t = task_of(caller);
	int32_t fd = model_files_add(
		t, (struct model_file){ .kind = MODEL_PIDFD, .pidfd = pidfd, .cloexec = true });

	(void)ctx;
	if (fd < 0 || word != MODEL_UNREADABLE_AT)
		return fd;
	t->files->file[fd]->pidfd = NULL; /* stays the library's, which closes it */
	model_files_close(t, fd);
	return -EFAULT;
}

static void uninstall(void *ctx, struct pidns_task *caller, int32_t fd)
{
	(void)ctx;
	model_files_close(task_of(caller), fd);
}

static uint32_t next_random(struct model_world *w)
{
	w->dice ^= w->dice << 13;
	w->dice ^= w->dice >> 7;
	w->dice ^= w->dice << 17;
	return (uint32_t)(w->dice >> 32);
}

/* An order with exceptions: bit 0: one by one; three times 10 bits of place + 1 and 7 of choice. */
enum { EXCEPTIONS = 3, EXCEPTION_BITS = 17 };

static uint64_t exception(uint64_t order, int i)
{
	return order >> (1 + i * EXCEPTION_BITS) & ((1U << EXCEPTION_BITS) - 1);
}

uint64_t model_except(uint64_t order, uint32_t at, uint32_t choice)
{
	for (int i = 0; i < EXCEPTIONS; i++)
		if (exception(order, i) == 0)
			return order | (uint64_t)((at + 1) << 7 | choice) << (1 + i * EXCEPTION_BITS);
	return order;
}

/*
 * A shuffle that comes again with the same seed.  Schedulers are no dice: whoever is woken goes on to his end before the next,
 * or all take their first turns, with few exceptions or many.
 */
static uint32_t pick(struct model_world *w, uint32_t turns, uint32_t deaths)
{
	static const uint32_t rate[] = { 0, 10, 25, 50, 100 };
	bool one_by_one = w->order & 1;

	if (!w->order)
		return 0;
	for (int i = 0; (w->order & MODEL_EXCEPTIONS) && i < EXCEPTIONS; i++)
		if (exception(w->order, i) >> 7 == w->choices + 1)
			return (uint32_t)(exception(w->order, i) & 0x7f) % (turns + deaths);
	if (!(w->order & MODEL_EXCEPTIONS) && next_random(w) % 100 < rate[(w->order >> 1) % 5])
		return next_random(w) % (turns + deaths);
	return one_by_one && deaths ? turns : 0;
}

static uint32_t choose(void *ctx, uint32_t turns, uint32_t deaths)
{
	struct model_world *w = ctx;
	uint32_t chosen;

	if (turns + deaths < 2)
		return 0;
	chosen = pick(w, turns, deaths);
	if (w->choices < MODEL_CHOICES)
		w->among[w->choices] = (uint8_t)(turns + deaths < 128 ? turns + deaths : 128);
	w->choices++;
	w->trace = (w->trace ^ (chosen + 1)) * 0x100000001b3ULL;
	return chosen;
}

void model_reorder(struct model_world *w, uint64_t order)
{
	w->order = order;
	w->dice = (order + 1) * 0x9e3779b97f4a7c15ULL;
	w->trace = 0;
	w->choices = 0;
}

uint64_t model_trace(const struct model_world *w)
{
	return w->trace;
}

uint32_t model_choices(const struct model_world *w, const uint8_t **among)
{
	*among = w->among;
	return w->choices < MODEL_CHOICES ? w->choices : MODEL_CHOICES;
}

struct model_task *model_task(const struct model_world *w, int index)
{
	return index >= 0 && index < w->task_end ? w->task[index] : NULL;
}

int model_index(const struct pidns_task *t)
{
	return t && task_of(t) ? task_of(t)->index : -1;
}

int32_t model_number(const struct model_task *t, int level)
{
	return pidns_id_number(pidns_task_id(t->task), level);
}

/* Room for a task of that index, with nobody in it; NULL: out of memory. */
struct model_task *model_reserve(struct model_world *w, int index)
{
	struct model_task *t;

	while (index >= w->task_end) {
		if ((w->task_end & (w->task_end - 1)) == 0) {
			size_t room = w->task_end ? (size_t)w->task_end * 2 : 1;
			void *bigger = realloc(w->task, room * sizeof(struct model_task *));

			if (!bigger)
				return NULL;
			w->task = bigger;
		}
		t = malloc(sizeof *t);
		if (!t)
			return NULL;
		*t = (struct model_task){ .index = w->task_end };
		w->task[w->task_end++] = t;
	}
	t = w->task[index];
	if (t->task)
		pidns_set_user(t->task, NULL); /* whoever had the index is nobody's any more */
	model_files_put(&t->files);
	*t = (struct model_task){ .index = index };
	return t;
}

void model_meet(struct model_task *t, struct pidns_task *task)
{
	t->used = true;
	t->task = task;
	t->tgid = pidns_id_number(pidns_task_link(task, PIDNS_TGID), 0);
	pidns_set_user(task, t);
}

static struct pidns_task *fork_off(struct pidns_task *parent, uint64_t flags)
{
	struct pidns_clone_args args = { .flags = flags, .exit_signal = PIDNS_SIGCHLD };
	struct pidns_task *child = NULL;

	return parent && pidns_clone3(parent, &args, &child, NULL) == 0 ? child : NULL;
}

static int make_first(struct model_world *w)
{
	struct pidns_task *first;
	struct pidns_cred cred;
	struct model_task *t;
	int32_t r = pidns_boot(w->world, &first);

	if (r < 0)
		return r;
	if (!w->config.bare)
		first = fork_off(fork_off(first, 0), PIDNS_CLONE_NEWPID);
	t = model_reserve(w, MODEL_FIRST);
	if (!first || !t)
		return -ENOMEM;
	model_meet(t, first);
	t->files = model_files_new();
	w->level = pidns_id_level(pidns_task_id(first));
	pidns_cred(first, &cred);
	w->first_user_ns = cred.user_ns;
	return t->files ? 0 : -ENOMEM;
}

int model_open(struct model_world **out, const struct model_config *config)
{
	const struct pidns_config world = { .size = sizeof world, .features = config->features };
	struct model_world *w = calloc(1, sizeof *w);
	const struct pidns_env env = {
		.size = sizeof env,
		.ctx = w,
		.alloc = give,
		.free = take,
		.event = on_event,
		.choose = config->may_reorder ? choose : NULL,
		.pidfd_install = install,
		.pidfd_undo = uninstall,
	};
	int r = -ENOMEM;

	if (w) {
		w->allocations_left = -1;
		r = pidns_world_new(&env, &world, &w->world);
	}
	if (r == 0) {
		w->config = *config;
		r = make_first(w);
	}
	if (r == 0)
		*out = w;
	else
		model_close(w);
	return r;
}

void model_close(struct model_world *w)
{
	if (!w)
		return;
	for (int i = 0; i < w->task_end; i++) {
		model_files_put(&w->task[i]->files);
		free(w->task[i]);
	}
	free(w->task);
	pidns_world_free(w->world);
	free(w);
}
