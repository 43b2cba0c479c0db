/* SPDX-License-Identifier: MIT */
/*
 * toy_kernel.c: a kernel of one file: a scheduler gives each process its turn, and all that it knows of PIDs, parents,
 * namespaces and waiting comes from libpidns.
 *
 * Shows: memory from an array; the kernel's own object on each task; a system call that waits, and the event that completes
 *        it; a process with the numbers of its parent's choice at three levels: 31496, 42 and 1.
 * Needs: pidns.h, and printf for a console.
 */
#include <pidns.h>
#include <stdio.h>

static _Alignas(16) unsigned char memory[1 << 17];
static size_t memory_len;

static void *take_memory(void *ctx, size_t size)
{
	void *p = memory + memory_len;

	(void)ctx;
	size = (size + 15) & ~(size_t)15;
	if (size > sizeof memory - memory_len)
		return NULL;
	memory_len += size;
	return p;
}

static void leave_memory(void *ctx, void *p, size_t size) /* this kernel never runs for long */
{
	(void)ctx;
	(void)p;
	(void)size;
}

/* ----------------------------------------------------------------------------------------- processes -- */

struct process {
	struct pidns_task *task;
	const char *name;
	void (*next)(struct process *); /* what it does with its next turn */
	int32_t result;                 /* of its last wait */
	struct pidns_waited found;
};

static struct process processes[8];
static size_t processes_len;

static struct process *become(struct pidns_task *task, const char *name, void (*first)(struct process *))
{
	struct process *p = &processes[processes_len++];

	*p = (struct process){ .task = task, .name = name, .next = first };
	pidns_set_user(task, p);
	return p;
}

static void say(const struct process *p, const char *what)
{
	const struct pidns_id *id = pidns_task_id(p->task);

	printf("%-9s NSpid", p->name);
	for (int32_t level = 0; level <= pidns_id_level(id); level++)
		printf(" %d", (int)pidns_id_number(id, level));
	printf(": %s\n", what);
}

/* A child in a namespace of its own; set_tid is innermost first, as clone3(2) wants it. */
static void start(struct process *p, const char *name, void (*first)(struct process *),
		  const int32_t *set_tid, size_t len)
{
	struct pidns_clone_args args = { .flags = PIDNS_CLONE_NEWPID,
					 .exit_signal = PIDNS_SIGCHLD,
					 .set_tid = set_tid,
					 .set_tid_size = len };
	struct pidns_task *child;
	struct pidns_error err;
	int32_t r = pidns_clone3(p->task, &args, &child, &err);

	if (r == 0)
		say(become(child, name, first), "is born");
	else
		printf("%-9s has no %s: %s, number %d at level %d is held by a %s\n", p->name, name,
		       pidns_errname(r), (int)err.number, (int)err.level, pidns_holder_name(err.holder));
}

static void wait_then(struct process *p, void (*then)(struct process *))
{
	p->next = then;
	p->result = pidns_wait4(p->task, -1, 0, &p->found);
	if (p->result == PIDNS_BLOCKS)
		say(p, "waits");
}

/* ------------------------------------------------------------------------------------ what they do -- */

static void deep_runs(struct process *p)
{
	say(p, "exits with 7");
	pidns_exit(p->task, 7);
}

static void container_goes_on(struct process *p)
{
	printf("%-9s its child %d ended with %d\n", p->name, (int)p->result, (int)(p->found.status >> 8));
	pidns_exit(p->task, 0);
}

static void container_runs(struct process *p)
{
	static const int32_t set_tid[] = { 1, 42, 31496 };

	start(p, "deep", deep_runs, set_tid, 3);
	start(p, "deeper", deep_runs, set_tid, 3);
	wait_then(p, container_goes_on);
}

static void boot_goes_on(struct process *p)
{
	printf("%-9s its child %d ended; processes left: %u\n", p->name, (int)p->result,
	       (unsigned)pidns_ns_count(pidns_task_ns(p->task)));
	p->next = NULL;
}

static void boot_runs(struct process *p)
{
	start(p, "container", container_runs, NULL, 0);
	wait_then(p, boot_goes_on);
}

/* ------------------------------------------------------------------------------------- the scheduler -- */

static void on_event(void *ctx, const struct pidns_event *event)
{
	struct process *p = pidns_user(event->task);

	(void)ctx;
	if (event->type == PIDNS_EVENT_RETURNED)
		p->result = pidns_returned(p->task, &p->found);
	else if (event->type == PIDNS_EVENT_RELEASED)
		p->task = NULL;
}

int main(void)
{
	struct pidns_env env = {
		.size = sizeof env, .alloc = take_memory, .free = leave_memory, .event = on_event
	};
	struct pidns_world *world;
	struct pidns_task *first;
	bool ran = true;

	if (pidns_world_new(&env, NULL, &world) < 0 || pidns_boot(world, &first) < 0)
		return 1;
	become(first, "boot", boot_runs);
	while (ran) {
		ran = false;
		for (struct process *p = processes; p < processes + processes_len; p++)
			if (p->task && p->next && pidns_state(p->task) == PIDNS_RUNNING) {
				p->next(p);
				ran = true;
			}
	}
	pidns_world_free(world);
	return 0;
}
