/* SPDX-License-Identifier: GPL-2.0-or-later */
/* counter_source - loss rows out of what the devices counted themselves, for a source that has no
 * totals of its own (source_by_counters()).
 *
 * They are what the witness rows of the tick say, so they are stored exactly as often as those.
 * Queue, sender, segments and bytes are not known. Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_COUNTER_SOURCE_H
#define TAPLOSS_AGENT_TICK_COUNTER_SOURCE_H

#include "loss_counter.h"
#include "device_counters.h"

typedef int counter_source_fn(const struct store_loss *loss, void *arg);
int counter_source_losses(struct store *s, struct loss_counters *lines,
			  const struct device_counter_rows *rows, uint64_t now_ns,
			  counter_source_fn *fn, void *arg);

#endif
