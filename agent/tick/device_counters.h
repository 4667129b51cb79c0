/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device_counters - the device's own counters: the second witness of every loss, and what was
 * delivered.
 *
 * Turns the counters of a tap into rows for one tick. They are stored up to a baseline that moves
 * with the tick's transaction, as the loss counters are. Loop thread only. */
#ifndef TAPLOSS_AGENT_TICK_DEVICE_COUNTERS_H
#define TAPLOSS_AGENT_TICK_DEVICE_COUNTERS_H

#include "agent/store/store.h"
#include "agent/owners/tapmap.h"

/* Rows for one tick; arrays grow and are used again. Zero is an empty one. */
struct device_counter_rows {
	struct store_witness *witnesses;
	struct store_traffic *traffic;
	struct store_device_counters *counters;
	struct tap **taps;			/* whose baselines move when the tick is stored */
	unsigned int n_witnesses, n_traffic, n_counters, n_taps, size;
};

/* Where a tap's counters start: what the store has; else 0 for a device that came while we counted;
 * else, for one that was there before we did (@from_now), what they say now. */
int device_counters_base(struct tap *t, struct store *s, bool from_now, uint64_t now_ns);

/* A tick begins, and the newest counters are in: what was delivered since the last one. */
void device_counters_tick(struct tap *t);

/* @t lost @frames in the tick at hand; before device_counters_add(). */
void device_counters_lost(struct tap *t, const char *direction, const char *kind, uint64_t frames);

/* Ends the tick for @t: keeps the peaks, and adds its rows: when a drop counter moved, the tap lost
 * frames (counted.lost), or a minute went by; with @all also when there is only some traffic.
 * -ENOMEM. */
int device_counters_add(struct device_counter_rows *w, struct tap *t, uint64_t now_ns, bool all);

/* the tick is stored: baselines move, rows are forgotten */
void device_counters_commit(struct device_counter_rows *w, uint64_t now_ns);
/* it is not: rows are forgotten */
void device_counters_clear(struct device_counter_rows *w);
void device_counters_free(struct device_counter_rows *w);

#endif
