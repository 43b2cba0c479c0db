/* SPDX-License-Identifier: MIT */
/*
 * reservation.c: the restorer's side of a reservation: have the numbers freed, and held again when it was too late.
 */
#include "reservation.h"

#include <errno.h>
#include <time.h>

#include "cmd.h"

#define TRIES 5
#define LOST_WAIT_MS 10000 /* for whoever got a number in between to end */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int reservation_give(void *reservation, struct tree_error *err)
{
	struct reservation *r = reservation;
	struct settid_reserve_info info = { .size = sizeof info };
	struct settid_error se;
	int code = settid_reserve_ask(r->socket, SETTID_RESERVE_GIVE, 0, &info, &se);

	if (code < 0)
		return tree_fail(err, code, "%s", se.text);
	r->given = true;
	r->free_since_ns = info.free_since_ns;
	return 0;
}

void reservation_stands(struct reservation *r)
{
	if (r->given)
		r->window_s = (double)(now_ns() - r->free_since_ns) / 1e9;
}

static int take_again(struct reservation *r)
{
	struct settid_error err;
	int code = settid_reserve_ask(r->socket, SETTID_RESERVE_TAKE, LOST_WAIT_MS, NULL, &err);

	if (code < 0)
		cmd_warn("the reserved numbers are not held again: %s", err.text);
	r->given = false;
	return code;
}

bool reservation_lost(struct reservation *r, int code)
{
	if (!r->given || code != -EEXIST || r->lost + 1 >= TRIES)
		return false;
	if (take_again(r) < 0)
		return false;
	r->lost++;
	return true;
}

void reservation_end(struct reservation *r, bool restored)
{
	if (!r->socket)
		return;
	if (restored)
		settid_reserve_ask(r->socket, SETTID_RESERVE_END, 0, NULL, NULL);
	else if (r->given)
		take_again(r);
	r->given = false;
}

json_t *reservation_json(const struct reservation *r)
{
	return r->socket ? json_pack("{s:f, s:i}", "window_seconds", r->window_s, "lost", (int)r->lost)
			 : NULL;
}
