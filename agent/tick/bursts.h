/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bursts - the kernel's bursts as rows of the store: whose, when by the calendar, how many frames.
 *
 * What the kernel keeps is a burst's share on one CPU and of one sender; so is a row. Readers put
 * together what lies closer than a gap. One that is handed out twice has the same start, to a
 * microsecond or so, and the store knows it again. Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_BURSTS_H
#define TAPLOSS_AGENT_TICK_BURSTS_H

#include "agent/store/store.h"
#include "attribution.h"

struct burst_rows {
	struct store_burst *rows;
	unsigned int n, size;
	uint64_t offset_ns;	/* of the calendar against the time since boot */
};

/* Before the first tick. What was handed to the agent before us does not come again; @known false:
 * what the kernel holds is not this store's past. @covered_ns: UTC. */
void burst_rows_begin(const struct source *source, bool known, uint64_t covered_ns);

/* Those that ended since the last source_bursts_taken(), after source_read() of the tick at hand.
 */
int burst_rows_gather(struct burst_rows *b, const struct attribution *a, struct store *store,
		      struct loss_counters *lines, uint64_t now_ns);

void burst_rows_free(struct burst_rows *b);

#endif
