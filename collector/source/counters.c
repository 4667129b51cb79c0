/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the devices count themselves, as a source: works on any kernel and without privilege.
 * Whoever reads the devices' counters anyhow (agent/witness) makes loss of what they gained; here
 * is only what such a counter is called. The counters go on while nobody looks, and start again
 * with the device, so one boot is one epoch. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "source.h"

#define EPOCH 0xc0000001	/* no BPF map has such a number */

static const char *const counters[] = { "rx_dropped", "tx_dropped",	 "rx_errors",
					"tx_errors",  "rx_frame_errors", "qdisc_dropped" };

static int counters_open(const struct source_options *opt, void **ret, char why[static SOURCE_WHY])
{
	(void)opt;
	(void)why;
	*ret = NULL;
	return 0;
}

static void counters_epoch(const void *src, struct loss_epoch *ret)
{
	(void)src;
	loss_boot(ret->boot_id);
	ret->map_id = EPOCH;
}

static bool always(const void *src)
{
	(void)src;
	return true;
}

static void counters_text(void *src, const struct tl_loss_key *key, struct source_text *ret)
{
	(void)src;
	ret->reason = "COUNTER";
	snprintf(ret->site, sizeof(ret->site), "%s",
		 key->location < ARRAY_SIZE(counters) ? counters[key->location] : "?");
}

void source_counter_key(const char *counter, uint32_t netns, uint32_t ifindex, uint8_t kind,
			struct tl_loss_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	*ret = (struct tl_loss_key){
		.netns = netns,
		.ifindex = ifindex,
		.kind = kind,
		.queue = TL_QUEUE_NONE,
		.reason = TL_REASON_NONE,
		.ingress = !strncmp(counter, "rx", 2),
	};
	while (ret->location < ARRAY_SIZE(counters) &&
	       strcmp(counters[ret->location], counter) != 0)
		ret->location++;
}

const struct source_ops source_counters = {
	.name = "counters",
	.by_counters = true,
	.open = counters_open,
	.epoch = counters_epoch,
	.was_attached = always,
	.text = counters_text,
};
