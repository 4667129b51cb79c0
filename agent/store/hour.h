/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hour - what loss_hour and traffic_hour will hold of the hour at hand, added up in memory and
 * written when the hour is over. */
#ifndef TAPLOSS_AGENT_STORE_HOUR_H
#define TAPLOSS_AGENT_STORE_HOUR_H

#include <uthash.h>

#include "collector/base.h"
#include "db.h"
#include "store.h"

/* Start of the hour of a row: hours are (start, start + 1 h]. */
static inline uint64_t hour_of(uint64_t t_ns)
{
	return (t_ns - 1) / NSEC_PER_HOUR * NSEC_PER_HOUR;
}

struct hour_sum {
	int64_t series_id;
	uint64_t frames, segments, bytes;
	UT_hash_handle hh;
};
struct traffic_sum {
	struct store_traffic sum;
	UT_hash_handle hh;	/* by sum.device_id */
};
struct hours {
	uint64_t from_ns;	/* start of the hour */
	bool stale;		/* the sums are not what the database holds: load them */
	struct hour_sum *sums;
	struct traffic_sum *traffic;
};

/* Reads the rows of hours that are not summed up yet; writes the sums of all but the last. Inside a
 * transaction. */
int hours_load(struct hours *h, struct store_db *d);
/* Writes the sums of the hour at hand. Inside a transaction; the sums stay as they are. */
int hours_write(struct hours *h, struct store_db *d);
/* Without memory the sums become stale. */
void hours_add(struct hours *h, int64_t series_id, uint64_t frames, uint64_t segments,
	       uint64_t bytes);
void hours_add_traffic(struct hours *h, const struct store_traffic *more);
void hours_clear(struct hours *h);

#endif
