/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "source_setup.h"

#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "collector/clock.h"
#include "limitations.h"
#include "agent/log.h"

/* As a source of knowledge in the store: under which name, and what it means that this one counts.
 */
static const struct {
	const char *name, *source, *text;
} known[] = {
	{ "bpf", "bpf-loss", "" },
	{ "net-dm", "net-dm",
	  "the VM is known by the address in a lost frame; no queue; frames without a header, or "
	  "too many at once, are not told" },
	{ "counters", "counters",
	  "loss is what the devices count: no reason, no queue, no sender, and nothing of what "
	  "they do not count" },
};

/* Which only an agent with BPF reports. */
static const char *const of_bpf[] = { "bpf-sockets", "bpf-context", "bpf-frame-errors" };

int source_setup_open(const struct config *c, struct source **ret)
{
	struct source_options opt = {
		.pin_dir = c->pin_dir[0] ? c->pin_dir : NULL,
		.max_keys = c->max_keys,
		.word_dir = c->store,
	};
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
	int r = state ? store_source(store, name, state, why, utc_ns())
		      : store_source_gone(store, name);

	if (r < 0)
		log_debug("source %s is %s, not stored", name, state ? state : "gone");
}

/* What status --limitations lists for a source that sees less than all. */
static const struct limitation_row limits_of_counters[] = {
	{ "why and where in the kernel a frame was lost, its queue, its sender, its bytes",
	  "[loss] source: the devices' own counters know none of it", "none" },
	{ "losses that no counter of a device shows: buffers too small, bad headers, filters of "
	  "the host's stack, rings that are emptied",
	  "[loss] source: there is nothing to read them from", "none" },
	{ "losses above the taps: bridge, filters, queues, uplink",
	  "[loss] source: they are told by BPF only", "what those count themselves" },
};

static const struct limitation_row limits_of_netdm[] = {
	{ "the tap that lost a frame to several guests (broadcast), or to an address that two of "
	  "them have",
	  "[loss] source: NET_DM never names the device",
	  "the devices' own counters, unexplained in audit" },
	{ "the queue of a lost frame, and how many wire frames it was",
	  "[loss] source: NET_DM does not tell", "none" },
	{ "guests' frames with a bad virtio-net header",
	  "NET_DM passes over frames that have no Ethernet header yet", "none" },
	{ "drops that come faster than they can be told",
	  "NET_DM sends a message for each; those without room are counted as not looked at",
	  "status: own loss" },
	{ "what is lost while the agent is away", "[loss] source: NET_DM keeps no counts",
	  "the devices' own counters" },
};

static void put_limitations(const struct source *s, struct store *store)
{
	const struct limitation_row *rows =
		s->ops->by_counters ? limits_of_counters : limits_of_netdm;
	unsigned int n =
		s->ops->by_counters ? ARRAY_SIZE(limits_of_counters) : ARRAY_SIZE(limits_of_netdm);

	if (store_limitations(store, rows, n) < 0)
		log_debug("limitations of the source are not stored");
}

static void put_bpf(const struct source *s, const struct config *c, struct store *store)
{
	char why[SOURCE_WHY + 64];
	struct loss *l = source_loss(s);

	if (l) {
		put(store, "bpf-loss", "ok",
		    loss_pinned(l) ? "" : "not pinned: loss is not counted while taplossd is down");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_bpf); i++)
		put(store, of_bpf[i], NULL, NULL);
	snprintf(why, sizeof(why), "by configuration: [loss] source = %s", c->source);
	put(store, "bpf-loss", s->fell[0] ? "failed" : "off", s->fell[0] ? s->fell : why);
}

void source_setup_report(const struct source *s, const struct config *c, struct store *store)
{
	put_bpf(s, c, store);
	if (!source_loss(s))
		put_limitations(s, store);
	for (size_t i = 1; i < ARRAY_SIZE(known); i++) {
		/* the one at work; others are of earlier agents */
		bool works = !strcmp(known[i].name, s->ops->name);

		put(store, known[i].source, works ? "ok" : NULL, known[i].text);
	}
}

void source_setup_text(const struct source *s, char ret[static 64])
{
	struct loss *l = source_loss(s);

	if (l)
		snprintf(ret, 64, "%s%s", loss_attach_kind(l),
			 loss_inherited(l) ? " (taken over)" : "");
	else
		snprintf(ret, 64, "%s", s->ops->name);
}
