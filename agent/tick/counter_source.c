/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "counter_source.h"

#include <errno.h>
#include <string.h>

static int add(struct store *s, struct loss_counters *lines, const struct tap *t,
	       const struct store_witness *w, uint64_t now_ns, counter_source_fn *fn, void *arg)
{
	struct store_loss loss = { .frames = w->frames, .segments = w->frames };
	struct loss_counter *line;
	struct loss_owner owner;
	struct tl_loss_key key;
	int r;

	source_counter_key(w->counter, t->key.netns, t->key.ifindex, t->info.kind, &key);
	line = loss_counter_of(lines, &key);
	if (!line)
		return -ENOMEM;
	line->moved_ns = now_ns;
	memset(&owner, 0, sizeof(owner));
	owner.device_id = t->device_id;
	owner.attachment_id = t->attachment_id;
	owner.vm_id = t->vm_id;
	r = loss_counter_series(line, s, &owner, now_ns);
	if (r < 0)
		return r;
	loss.series_id = line->series_id;
	return fn(&loss, arg);
}

int counter_source_losses(struct store *s, struct loss_counters *lines,
			  const struct device_counter_rows *rows, uint64_t now_ns,
			  counter_source_fn *fn, void *arg)
{
	unsigned int tap = 0;
	int r = 0;

	for (unsigned int i = 0; i < rows->n_witnesses && r >= 0; i++) {
		const struct store_witness *w = &rows->witnesses[i];

		/* both are in the order of the taps */
		while (tap < rows->n_taps && rows->taps[tap]->device_id != w->device_id)
			tap++;
		if (tap < rows->n_taps)
			r = add(s, lines, rows->taps[tap], w, now_ns, fn, arg);
	}
	return r;
}
