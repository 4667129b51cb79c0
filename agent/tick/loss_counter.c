/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loss_counter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"

struct loss_counters {
	struct source *source;
	struct loss_counter *lines;
};

int loss_counters_new(struct source *source, struct loss_counters **ret)
{
	struct loss_counters *ls = calloc(1, sizeof(*ls));

	if (!ls)
		return -ENOMEM;
	ls->source = source;
	*ret = ls;
	return 0;
}

struct loss_counters *loss_counters_free(struct loss_counters *ls)
{
	struct loss_counter *line, *tmp;

	if (!ls)
		return NULL;
	HASH_ITER(hh, ls->lines, line, tmp)
		loss_counters_drop(ls, line);
	free(ls);
	return NULL;
}

static void find_text(struct loss_counters *ls, struct loss_counter *line)
{
	struct class_in in = { .kind = line->key.kind, .ingress = line->key.ingress };
	struct source_text words;

	source_text(ls->source, &line->key, &words);
	snprintf(line->site, sizeof(line->site), "%s", words.site);
	line->reason = words.reason;
	in.reason = line->reason;
	in.function = line->site;
	class_of(&in, &line->class);
	if (words.silent)
		line->class.counter = NULL;
}

struct loss_counter *loss_counter_of(struct loss_counters *ls, const struct tl_loss_key *key)
{
	struct loss_counter *line;

	HASH_FIND(hh, ls->lines, key, sizeof(*key), line);
	if (line)
		return line;
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	line->key = *key;
	find_text(ls, line);
	HASH_ADD(hh, ls->lines, key, sizeof(line->key), line);
	return line;
}

static int queue_of(const struct tl_loss_key *key)
{
	return key->queue == TL_QUEUE_NONE || key->kind == TL_KIND_PATH ? -1 : key->queue;
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

int loss_counter_series(struct loss_counter *line, struct store *s, const struct loss_owner *owner,
			uint64_t now_ns)
{
	struct store_series key = {
		.vm_id = owner->vm_id,
		.attachment_id = owner->attachment_id,
		.device_id = owner->device_id,
		.queue = queue_of(&line->key),
		.direction = line->class.direction,
		.class = line->class.class,
		.kind = line->class.kind,
		.reason = line->reason,
		.site = line->site,
		.counter = owner->counter,
		.place = or_null(owner->place),
		.sender = or_null(owner->sender),
		.sender_vm_id = owner->sender_vm_id,
	};
	int r;

	if (line->series_id && !memcmp(&line->owner, owner, sizeof(*owner)))
		return 0;
	r = store_series(s, &key, now_ns, &line->series_id);
	if (r < 0)
		return r;
	line->owner = *owner;
	return 0;
}

void loss_counters_of_device(struct loss_counters *ls, uint32_t netns, uint32_t ifindex,
			     loss_counter_fn *fn, void *arg)
{
	struct loss_counter *line, *tmp;

	HASH_ITER(hh, ls->lines, line, tmp)
		if (line->key.netns == netns && line->key.ifindex == ifindex)
			fn(line, arg);
}

void loss_counters_each(struct loss_counters *ls, loss_counter_fn *fn, void *arg)
{
	struct loss_counter *line, *tmp;

	HASH_ITER(hh, ls->lines, line, tmp)
		fn(line, arg);
}

void loss_counters_drop(struct loss_counters *ls, struct loss_counter *line)
{
	HASH_DEL(ls->lines, line);
	free(line);
}
