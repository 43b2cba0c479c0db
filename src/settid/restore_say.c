/* SPDX-License-Identifier: MIT */
/*
 * restore_say.c: what was built, read back and compared, and what is said of it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "out.h"
#include "restore_request.h"

/* ---------------------------------------------------------------------------------- verification -- */

static void say_difference(void *arg, int32_t pid, const char *text)
{
	struct restore_outcome *out = arg;

	json_array_append_new(out->said, json_pack("{s:i, s:o}", "pid", (int)pid, "text",
						   json_bytes(text, strlen(text))));
	if (!out->quiet)
		cmd_warn("different: process %d: %s", (int)pid, text);
}

static bool signal_waits(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1;
}

static void count_only(void *arg, int32_t pid, const char *text)
{
	(void)arg, (void)pid, (void)text;
}

/* A process that just died or stopped may need a moment to look so: ask again before it counts. */
#define VERIFY_TRIES 20

int restore_verify(const struct restore_request *q, struct restore *restored, const struct tree *want,
		   struct restore_outcome *out, struct tree_error *err)
{
	const struct tree_compare_options compare = { .names = true };
	const struct tree_dump_options o = { .proc_fd = restore_proc_fd(restored), .one_pass = true };
	double start = now_s();
	struct tree *got = NULL;
	int r = 0;

	for (int k = 0; k < VERIFY_TRIES; k++) {
		const struct timespec pause = { .tv_nsec = 5000000L };

		tree_free(got);
		got = NULL;
		r = tree_dump(out->root, &o, &got, err);
		if (r == 0 && tree_compare(want, got, &compare, count_only, NULL) == 0)
			break;
		if (signal_waits(q->signal_fd)) {
			r = tree_fail(err, -EINTR, "interrupted");
			break;
		}
		if (restore_check(restored, err) < 0) {
			r = err->code;
			break;
		}
		if (q->deadline_ms && (uint64_t)(now_s() * 1000) > q->deadline_ms) {
			r = r < 0 ? r : tree_fail(err, -ETIMEDOUT, "the verification took too long");
			break;
		}
		nanosleep(&pause, NULL);
	}
	if (r == 0)
		out->differences = tree_compare(want, got, &compare, say_difference, out);
	out->unreadable = r == 0 ? got->unreadable : 0;
	if (out->unreadable && !out->quiet)
		cmd_warn("%u %s could not be read, and so not verified", out->unreadable,
			 out->unreadable == 1 ? "fact" : "facts");
	out->verify_s = now_s() - start;
	tree_free(got);
	return r;
}

/* ---------------------------------------------------------------------------------------- result -- */

int restore_report(const struct restore_request *q, const struct tree *t, const struct plan *p,
		   const struct restore_outcome *out)
{
	size_t threads = 0;
	json_t *notes;

	for (size_t i = 0; i < t->processes_len; i++)
		threads += t->processes[i].threads_len > 1 ? t->processes[i].threads_len - 1 : 0;
	if (!q->json) {
		printf("restored %zu process%s%s as PID %d in %.1f ms%s%s", t->processes_len,
		       t->processes_len == 1 ? "" : "es", threads ? " with threads" : "", (int)out->root,
		       out->fork_s * 1000, q->verify ? ": " : "",
		       !q->verify         ? ""
		       : out->differences ? "found different"
					  : "verified, every number as in the file");
		if (q->prove)
			printf("; plan proven in %.1f ms", out->prove_s * 1000);
		puts("");
		if (q->reservation.given)
			printf("its reserved numbers were free for %.1f ms; lost and taken again %u times\n",
			       q->reservation.window_s * 1000, q->reservation.lost);
		if (!q->place.exec && isatty(STDOUT_FILENO))
			puts("holding; Ctrl-C ends it");
		return out_finish();
	}
	notes = json_array();
	for (uint32_t k = 0; k < p->notes_len; k++)
		json_array_append_new(notes, json_bytes(p->notes[k], strlen(p->notes[k])));
	return out_json(json_pack(
		"{s:i, s:I, s:I, s:b, s:b, s:o*, s:i, s:o, s:f, s:f, s:f, s:I, s:o*}", "root", (int)out->root,
		"processes", (json_int_t)t->processes_len, "threads", (json_int_t)threads, "proven", q->prove,
		"verified", q->verify && out->differences == 0, "differences",
		q->verify ? json_incref(out->said) : NULL, "unreadable", (int)out->unreadable, "notes", notes,
		"prove_seconds", out->prove_s, "fork_seconds", out->fork_s, "verify_seconds", out->verify_s,
		"retries", (json_int_t)out->retries, "reservation", reservation_json(&q->reservation)));
}
