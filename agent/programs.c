/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "programs.h"

#include <stdio.h>

#include "clock.h"
#include "log.h"

static void say(const struct programs *p, const char *name, const char *state, const char *why)
{
	if (store_source(p->store, name, state, why, utc_ns()) < 0)
		log_debug("source %s is %s, not stored", name, state);
}

static void tick_sockets(const struct programs *p)
{
	char why[256];

	if (loss_sockets_known(p->loss, why))
		say(p, "bpf-sockets", "ok", why);
	else
		say(p, "bpf-sockets", "failed", why);
}

static void tick_context(const struct programs *p)
{
	uint64_t stats[TL_STAT_MAX];
	char why[256], text[400];

	if (loss_stats(p->loss, stats) < 0)
		return;
	switch (loss_context(p->loss, p->context, stats[TL_STAT_NAMELESS_FRAMES], mono_ns(), why)) {
	case LOSS_CONTEXT_IDLE:
		if (p->context == LOSS_CONTEXT_OFF)
			say(p, "bpf-context", "off", "by configuration: what a vhost worker loses unnamed is its VM's");
		else
			say(p, "bpf-context", "ok", "not attached: no vhost worker loses frames that name no device");
		break;
	case LOSS_CONTEXT_FENTRY:
		say(p, "bpf-context", "ok", "attached by fentry: what vhost workers lose is counted for device and queue");
		break;
	case LOSS_CONTEXT_KPROBE:
		say(p, "bpf-context", "ok", "attached by kprobe: what vhost workers lose is counted for device and queue");
		break;
	case LOSS_CONTEXT_REFUSED:
		snprintf(text, sizeof(text), "what a vhost worker loses unnamed is its VM's: %s", why);
		say(p, "bpf-context", "failed", text);
		break;
	}
}

void programs_tick(struct programs *p)
{
	tick_sockets(p);
	tick_context(p);
}
