/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lossline.h"

#include <errno.h>
#include <stdio.h>

#include "../collector/base.h"

struct losslines {
	struct reasons *reasons;
	struct ksyms *syms;
	struct lossline *lines;
};

int losslines_new(struct reasons *reasons, struct ksyms *syms, struct losslines **ret)
{
	struct losslines *ls = calloc(1, sizeof(*ls));

	if (!ls)
		return -ENOMEM;
	ls->reasons = reasons;
	ls->syms = syms;
	*ret = ls;
	return 0;
}

struct losslines *losslines_free(struct losslines *ls)
{
	struct lossline *line, *tmp;

	if (!ls)
		return NULL;
	HASH_ITER(hh, ls->lines, line, tmp)
		losslines_drop(ls, line);
	free(ls);
	return NULL;
}

static void find_words(struct losslines *ls, struct lossline *line)
{
	struct class_in in = { .kind = line->key.kind, .ingress = line->key.ingress };
	struct ksym sym;

	ksym_find(ls->syms, line->key.location, &sym);
	snprintf(line->site, sizeof(line->site), "%s", sym.function);
	line->reason = reason_name(ls->reasons, line->key.reason);
	in.reason = line->reason;
	in.function = line->site;
	class_of(&in, &line->class);
}

struct lossline *lossline_of(struct losslines *ls, const struct tl_loss_key *key)
{
	struct lossline *line;

	HASH_FIND(hh, ls->lines, key, sizeof(*key), line);
	if (line)
		return line;
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	line->key = *key;
	find_words(ls, line);
	HASH_ADD(hh, ls->lines, key, sizeof(line->key), line);
	return line;
}

int lossline_series(struct lossline *line, struct store *s, const struct tap *tap, int64_t vm_id, uint64_t now_ns)
{
	struct store_series key = {
		.vm_id = tap ? tap->vm_id : vm_id,
		.attachment_id = tap ? tap->attachment_id : 0,
		.device_id = tap ? tap->device_id : 0,
		.queue = line->key.queue == TL_QUEUE_NONE ? -1 : line->key.queue,
		.direction = line->class.direction, .class = line->class.class, .kind = line->class.kind,
		.reason = line->reason, .site = line->site, .counter = line->class.counter,
	};
	int r;

	if (line->series_id && line->device_id == key.device_id && line->attachment_id == key.attachment_id &&
	    line->vm_id == key.vm_id)
		return 0;
	r = store_series(s, &key, now_ns, &line->series_id);
	if (r < 0)
		return r;
	line->device_id = key.device_id;
	line->attachment_id = key.attachment_id;
	line->vm_id = key.vm_id;
	return 0;
}

void losslines_of_device(struct losslines *ls, uint32_t netns, uint32_t ifindex, lossline_fn *fn, void *arg)
{
	struct lossline *line, *tmp;

	HASH_ITER(hh, ls->lines, line, tmp)
		if (line->key.netns == netns && line->key.ifindex == ifindex)
			fn(line, arg);
}

void losslines_drop(struct losslines *ls, struct lossline *line)
{
	HASH_DEL(ls->lines, line);
	free(line);
}
