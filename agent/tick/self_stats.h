/* SPDX-License-Identifier: GPL-2.0-or-later */
/* self_stats - what the counting itself lost: frames without room in the kernel's maps, events that
 * were missed, ticks that came late. The kernel counts from when the program was loaded; the store
 * gets what came since it was last told. */
#ifndef TAPLOSS_AGENT_TICK_SELF_STATS_H
#define TAPLOSS_AGENT_TICK_SELF_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/source/source.h"
#include "agent/store/store.h"

struct self_stats {
	struct source_own stored;	/* the kernel's counts, up to where they are stored */
	struct source_own now;		/* as read for the tick at hand */
	uint64_t late;			/* ticks, not stored yet */
};

#define SELF_STATS_ROWS 4

/* Goes on where the store stands. @known: its baselines belong to these counters; @unbroken: the
 * program ran all the while. */
int self_stats_begin(struct self_stats *o, struct store *store, struct source *source, bool known,
		     bool unbroken);

/* Reads them, and makes the rows of a tick. Returns how many: 0 when nothing was lost and @always
 * is false. -errno. */
int self_stats_rows(struct self_stats *o, struct source *source, bool always,
		    struct store_self rows[static SELF_STATS_ROWS]);

/* The tick is stored. */
void self_stats_stored(struct self_stats *o);

#endif
