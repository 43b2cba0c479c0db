/* SPDX-License-Identifier: MIT */
/*
 * number_server.c: hands out numbers to many clients at once: a UNIX socket, a thread per client, and libpidns for the rest.
 *
 *   number_server PATH     serves until it is interrupted; try it with a tool that speaks lines over a UNIX socket
 *   number_server          serves four clients of its own, who check that no number is handed out twice, and ends
 *
 * A client says `new`, `new 42` (that very number), `free 42` or `next 42` (the first in use from there), a line each, and is
 * answered `ok N` or `error NAME`.  What a client has not given back is freed when it hangs up.
 * Shows: calls from many threads without a lock of the server's own; finding with a reference beside others who free.
 */
#include <pidns.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 4
#define ROUNDS 5000
#define HELD 16

static struct pidns_ns *numbers;

static void *give(void *ctx, size_t size)
{
	(void)ctx;
	return malloc(size);
}

static void take(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ------------------------------------------------------------------------------------------- serving -- */

/* What one client has: identities, in no order. */
struct held {
	struct pidns_id *id[1024];
	size_t len;
};

static int32_t do_new(struct held *h, int32_t wish)
{
	struct pidns_wish w = { .set_tid = &wish, .len = 1 };
	int32_t r;

	if (h->len == sizeof h->id / sizeof *h->id)
		return -PIDNS_EAGAIN;
	r = pidns_id_new(numbers, wish ? &w : NULL, &h->id[h->len], NULL);
	return r < 0 ? r : pidns_id_number(h->id[h->len++], 0);
}

static int32_t do_free(struct held *h, int32_t nr)
{
	for (size_t i = 0; i < h->len; i++)
		if (pidns_id_number(h->id[i], 0) == nr) {
			pidns_id_free(h->id[i]);
			h->id[i] = h->id[--h->len];
			return nr;
		}
	return -PIDNS_ESRCH;
}

static int32_t do_next(int32_t nr)
{
	struct pidns_id *id = pidns_next_get(numbers, nr);
	int32_t found = id ? pidns_id_number(id, 0) : -PIDNS_ESRCH;

	if (id)
		pidns_id_put(id);
	return found ? found : -PIDNS_ESRCH; /* 0: its owner has freed it this moment */
}

static int32_t answer(struct held *h, const char *line)
{
	char word[8] = "";
	int nr = 0, fields = sscanf(line, "%7s %d", word, &nr);

	if (strcmp(word, "new") == 0 && (fields == 1 || nr > 0))
		return do_new(h, nr);
	if (strcmp(word, "free") == 0 && fields == 2)
		return do_free(h, nr);
	if (strcmp(word, "next") == 0 && fields == 2)
		return do_next(nr);
	return -PIDNS_EINVAL;
}

static void *serve(void *arg)
{
	FILE *in = arg, *out = fdopen(dup(fileno(in)), "w");
	struct held *h = calloc(1, sizeof *h);
	char line[64];

	while (out && h && fgets(line, sizeof line, in)) {
		int32_t r = answer(h, line);

		if (r < 0)
			fprintf(out, "error %s\n", pidns_errname(r));
		else
			fprintf(out, "ok %d\n", (int)r);
		if (fflush(out) != 0)
			break;
	}
	while (h && h->len)
		pidns_id_free(h->id[--h->len]);
	free(h);
	if (out)
		fclose(out);
	fclose(in);
	return NULL;
}

static void *accept_all(void *arg)
{
	int listener = *(int *)arg;

	for (;;) {
		int fd = accept(listener, NULL, NULL);
		FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
		pthread_t thread;

		if (fd < 0)
			return NULL;
		if (in && pthread_create(&thread, NULL, serve, in) == 0)
			pthread_detach(thread);
		else
			close(fd);
	}
}

/* ------------------------------------------------------------------------------------------- clients -- */

static struct sockaddr_un address;
static socklen_t address_len;
static _Atomic bool owned[PIDNS_NUMBER_MAX];
static atomic_int handed_out, wrong;

static int ask(FILE *in, FILE *out, const char *what, int nr)
{
	char line[64];
	int got;

	fprintf(out, nr ? "%s %d\n" : "%s\n", what, nr);
	fflush(out);
	if (!fgets(line, sizeof line, in) || sscanf(line, "ok %d", &got) != 1)
		return -1;
	return got;
}

static void *client(void *arg)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), held[HELD] = { 0 };
	FILE *in, *out;

	(void)arg;
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, address_len) < 0)
		die("connect");
	in = fdopen(fd, "r");
	out = fdopen(dup(fd), "w");
	if (!in || !out)
		die("fdopen");
	for (int i = 0; i < ROUNDS; i++) {
		int *nr = &held[i % HELD];

		if (*nr) { /* the mark goes first: right after the number is free it may be another's */
			atomic_store(&owned[*nr], false);
			if (ask(in, out, "free", *nr) != *nr)
				atomic_fetch_add(&wrong, 1);
		}
		*nr = ask(in, out, "new", 0);
		if (*nr < 0 || atomic_exchange(&owned[*nr], true))
			atomic_fetch_add(&wrong, 1);
		atomic_fetch_add(&handed_out, 1);
		if (ask(in, out, "next", *nr) != *nr)
			atomic_fetch_add(&wrong, 1);
	}
	fclose(out);
	fclose(in);
	return NULL;
}

/* ---------------------------------------------------------------------------------------------- main -- */

static int listen_at(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t len = strlen(path);

	if (len >= sizeof address.sun_path - 1)
		len = sizeof address.sun_path - 2;
	address.sun_family = AF_UNIX;
	/* '@' makes it a name without a file, as ss(8) shows them */
	memcpy(address.sun_path, path, len);
	if (*path == '@')
		address.sun_path[0] = '\0';
	address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, address_len) < 0 || listen(fd, 16) < 0)
		die(path);
	return fd;
}

int main(int argc, char **argv)
{
	struct pidns_env env = { .size = sizeof env, .alloc = give, .free = take };
	pthread_t server, clients[CLIENTS];
	struct pidns_world *world;
	char path[64];
	int listener;

	if (pidns_world_new(&env, NULL, &world) < 0)
		return 1;
	numbers = pidns_root(world);
	pidns_ns_has_init(numbers);
	snprintf(path, sizeof path, "@number-server-%d", (int)getpid());
	listener = listen_at(argc > 1 ? argv[1] : path);
	if (argc > 1)
		return accept_all(&listener) != NULL;
	if (pthread_create(&server, NULL, accept_all, &listener) != 0)
		return 1;
	for (int i = 0; i < CLIENTS; i++)
		if (pthread_create(&clients[i], NULL, client, NULL) != 0)
			return 1;
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	printf("%d numbers handed out to %d clients, %d mistakes\n", atomic_load(&handed_out), CLIENTS,
	       atomic_load(&wrong));
	return atomic_load(&wrong) != 0;
}
