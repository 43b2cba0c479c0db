/* SPDX-License-Identifier: MIT */
/*
 * model_scene.c: the beginning and the end of a session: who exists before the first line.
 *
 * Keeps:   (C1) each namespace from level 0 down to init's has an init, which leads a session of its own: an init that dies
 *               in a group founded inside its namespace would never end (R5.30), and rows of the conformance table find
 *               the same scene.
 */
#include "model_script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_tree.h"

/* Tasks that exist have the lowest indices: level by level, init last. */
static bool settle_in(struct script *s, int level)
{
	struct op make = { .code = OP_CLONE3, .actor = level - 1, .child = level, .has = 1ULL << KEY_FLAGS };
	struct op lead = { .code = OP_SETSID, .actor = level };
	struct about *about = &s->about[level];
	struct op_answer a = { 0 };

	make.arg[KEY_FLAGS] = 0x20000000; /* NEWPID */
	if (level > 0)
		model_step(s->world, &make, &a);
	if (a.kind != ANSWER_OK)
		return false;
	*about = (struct about){ .nspid_len = level + 1 };
	for (int i = 0; i <= level; i++)
		about->nspid[i] = model_number(model_task(s->world, level), i);
	a = (struct op_answer){ 0 };
	model_step(s->world, &lead, &a);
	return a.kind == ANSWER_OK;
}

static void name_of_level(const struct script *s, int level, char *out, size_t room)
{
	if (level == s->init)
		snprintf(out, room, "init");
	else if (level == s->init - 1)
		snprintf(out, room, "outer");
	else
		snprintf(out, room, "level%d", level);
}

static int set_scene(struct script *s)
{
	int levels = s->config.levels + 1;

	s->about = calloc((size_t)levels, sizeof *s->about);
	s->names = calloc((size_t)levels, sizeof *s->names);
	if (!s->about || !s->names)
		return -ENOMEM;
	s->about_len = s->about_room = s->names_len = s->names_room = levels;
	s->actor = s->init = s->config.levels;
	for (int level = 0; level < levels; level++) {
		struct about *about = &s->about[level];

		if (!settle_in(s, level))
			return -ENOMEM;
		name_of_level(s, level, about->name, sizeof about->name);
		s->names[level] = (struct name){ .task = level };
		memcpy(s->names[level].text, about->name, sizeof about->name);
	}
	s->told_len = 0;
	return 0;
}

int script_new(struct script **out, const struct script_config *config)
{
	struct script *s;
	int r;

	if (config->levels < 0 || config->levels > PIDNS_LEVEL_MAX)
		return -EINVAL;
	s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->config = *config;
	r = model_open(&s->world, &(struct model_config){ .features = config->features,
							  .bare = true,
							  .unchecked = true,
							  .event = script_on_event,
							  .ctx = s });
	if (r == 0)
		r = set_scene(s);
	if (r < 0)
		script_free(s);
	else
		*out = s;
	return r;
}

void script_free(struct script *s)
{
	if (!s)
		return;
	model_close(s->world);
	free(s->about);
	free(s->names);
	free(s->told);
	free(s);
}

unsigned script_failed_checks(const struct script *s)
{
	return s->failed_checks;
}

int script_next_line(const struct script *s)
{
	return s->line + 1;
}

struct pidns_world *script_world(const struct script *s)
{
	return s->world->world;
}

static const char *name_of(void *ctx, const struct pidns_task *t)
{
	const struct script *s = ctx;
	int task = model_index(t);

	return task >= 0 ? s->about[task].name : NULL;
}

int script_tree(const struct script *s, struct tree **out, struct tree_error *err)
{
	const struct model_tree_names names = { .name = name_of, .ctx = (void *)(uintptr_t)s };

	return model_tree(s->world->world, &names, out, err);
}
