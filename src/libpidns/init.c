/* SPDX-License-Identifier: MIT */
/*
 * init.c: the end of a namespace: its init dies, and everybody in it.
 *
 * Owns:    the order of R5.23 to R5.27.
 * Keeps:   (Z1) a dying init waits exactly while identities other than its own have a number in its namespace (R5.26): its
 *               thread's own besides, when the last thread is not the leader (R5.31).
 */
#include "internal.h"

/* Everyone with a number here, those in namespaces below and those put in from outside included (R5.24). */
static void kill_all(struct pidns_ns *ns, const struct pidns_process *but)
{
	static const struct pidns__sender kernel = { .force = true };

	for (int32_t nr = 0;;) {
		struct pidns_id *id = pidns_next(ns, nr + 1);
		struct pidns_task *t;

		if (!id)
			return;
		nr = pidns_id_number_in(id, ns);
		t = pidns_id_task(id, PIDNS_PID);
		if (t && t->process != but)
			pidns__send_process(t, PIDNS_SIGKILL, &kernel);
	}
}

static void reap_own(struct pidns_process *p)
{
	pidns__each(thread, &p->threads) {
		struct pidns_task *t = pidns__of(thread, struct pidns_task, thread_node);

		pidns__each_safe(node, &t->children) {
			struct pidns_task *c = pidns__of(node, struct pidns_task, sibling);

			if (c->is_zombie)
				pidns__release(c);
		}
	}
}

bool pidns__init_dies(struct pidns_task *t)
{
	struct pidns_process *p = t->process;
	struct pidns_ns *ns = pidns__ns(t);
	struct pidns_task *heir = pidns__live_thread(p);

	if (heir) {
		ns->reaper = heir; /* R5.17 */
		return false;
	}
	pidns_ns_close(ns);
	p->sighand->ignored |= pidns__sigbit(PIDNS_SIGCHLD); /* R5.25: also for who shares the table */
	p->sighand->handled &= ~pidns__sigbit(PIDNS_SIGCHLD);
	kill_all(ns, p);
	reap_own(p);
	if (ns->reboot)
		p->group_exit = p->status = ns->reboot; /* whichever thread is the last */
	return ns->count > (pidns__is_leader(t) ? 1u : 2u);
}

enum {
	REBOOT_RESTART = 0x01234567,
	REBOOT_RESTART2 = (int)0xA1B2C3D4,
	REBOOT_HALT = (int)0xCDEF0123,
	REBOOT_POWER_OFF = 0x4321FEDC,
};

/* R5.28.  In the first namespace it would be the machine's: the caller is told so, and nothing happens. */
int32_t pidns_reboot(struct pidns_task *self, uint32_t cmd)
{
	struct pidns_world *w = self->world;
	struct pidns_ns *ns = pidns__ns(self);
	static const struct pidns__sender kernel = { .force = true };
	int32_t r = 0, sig = 0;

	if (!pidns__can_act(self))
		return PIDNS_ENDED;
	switch ((int)cmd) {
	case REBOOT_RESTART:
	case REBOOT_RESTART2:
		sig = 1;
		break;
	case REBOOT_HALT:
	case REBOOT_POWER_OFF:
		sig = 2;
		break;
	default:
		break;
	}
	if (!pidns__capable(&self->cred, ns->owner, PIDNS_CAP_SYS_BOOT))
		r = -PIDNS_EPERM;
	else if (sig == 0 || ns->level == 0)
		r = -PIDNS_EINVAL;
	else {
		ns->reboot = sig;
		pidns__doom(self, 0); /* it ends, whatever becomes of init */
		pidns__send_process(ns->reaper, PIDNS_SIGKILL, &kernel);
	}
	return pidns__end_call(w, r);
}
