/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "counting.h"

#include <stdio.h>
#include <string.h>

#include "../collector/base.h"
#include "blind.h"
#include "clock.h"
#include "log.h"

/* As a source of knowledge in the store: under which name, and what it means that this one counts. */
static const struct {
	const char *name, *source, *says;
} known[] = {
	{ "bpf", "bpf-loss", "" },
	{ "counters", "counters", "loss is what the devices count: no reason, no queue, no sender, and nothing of what they do not count" },
};

/* What only an agent with BPF has to say. */
static const char *const of_bpf[] = { "bpf-sockets", "bpf-context", "bpf-frame-errors" };

int counting_open(const struct config *c, struct source **ret)
{
	struct source_options opt = { .pin_dir = c->pin_dir[0] ? c->pin_dir : NULL, .max_keys = c->max_keys };
	char why[SOURCE_WHY];
	int r = source_open(c->source, &opt, ret, why);

	if (r < 0) {
		log_error("cannot count loss: %s", why);
		return r;
	}
	if ((*ret)->fell[0])
		log_warning("counting by %s only: %s", (*ret)->ops->name, (*ret)->fell);
	if ((*ret)->note[0])
		log_warning("%s", (*ret)->note);
	return 0;
}

static void put(struct store *store, const char *name, const char *state, const char *why)
{
	int r = state ? store_source(store, name, state, why, utc_ns()) : store_source_gone(store, name);

	if (r < 0)
		log_debug("source %s is %s, not stored", name, state ? state : "gone");
}

/* What status --blind says of a source that sees less than all. */
static const struct blind_row blind_by_counters[] = {
	{ "why and where in the kernel a frame was lost, its queue, its sender, its bytes", "[loss] source: the devices' own counters know none of it", "none" },
	{ "losses that no counter of a device shows: buffers too small, bad headers, filters of the host's stack, rings that are emptied",
	  "[loss] source: there is nothing to read them from", "none" },
	{ "losses above the taps: bridge, filters, queues, uplink", "[loss] source: they are told by BPF only", "what those count themselves" },
};

static void put_blind(struct store *store)
{
	if (store_blind(store, blind_by_counters, ARRAY_SIZE(blind_by_counters)) < 0)
		log_debug("what cannot be seen is not stored");
}

static void put_bpf(const struct source *s, const struct config *c, struct store *store)
{
	char why[SOURCE_WHY + 64];
	struct loss *l = source_loss(s);

	if (l) {
		put(store, "bpf-loss", "ok", loss_pinned(l) ? "" : "not pinned: loss is not counted while taplossd is down");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_bpf); i++)
		put(store, of_bpf[i], NULL, NULL);
	snprintf(why, sizeof(why), "by configuration: [loss] source = %s", c->source);
	put(store, "bpf-loss", s->fell[0] ? "failed" : "off", s->fell[0] ? s->fell : why);
}

void counting_say(const struct source *s, const struct config *c, struct store *store)
{
	put_bpf(s, c, store);
	if (s->ops->by_counters)
		put_blind(store);
	for (size_t i = 1; i < ARRAY_SIZE(known); i++) {	/* the one at work; others are of earlier agents */
		bool works = !strcmp(known[i].name, s->ops->name);

		put(store, known[i].source, works ? "ok" : NULL, known[i].says);
	}
}

void counting_words(const struct source *s, char ret[static 64])
{
	struct loss *l = source_loss(s);

	if (l)
		snprintf(ret, 64, "%s%s", loss_attach_kind(l), loss_inherited(l) ? " (taken over)" : "");
	else
		snprintf(ret, 64, "%s", s->ops->name);
}
