/* SPDX-License-Identifier: GPL-2.0-or-later */
/* demand - how a NIC's minutes were, one direction of one day: how much time it was offered how
 * many frames a second, and in how much of that it lost frames for want of capacity. What
 * percentiles, knees and service levels are made of.
 *
 * A row of traffic adds its span under the rate of its busiest second. Rates are kept in buckets of
 * equal ratio, 3.1 % wide at most (32 to an octave), so that days add up exactly; mean values of
 * percentiles would not. Stored as a row of numbers of 7 bits to the byte, most significant last:
 * seconds in all, seconds with more than each of demand_shares lost, then for each bucket the
 * distance from the one before, seconds without loss, seconds with loss. */
#ifndef TAPLOSS_SCHEMA_DEMAND_H
#define TAPLOSS_SCHEMA_DEMAND_H

#include <stddef.h>
#include <stdint.h>

#define DEMAND_BUCKETS 1024		/* up to 2^32 frames/s */
#define DEMAND_SHARES 5
/* 0, 0.0001, 0.001, 0.01, 0.05 of what was offered */
extern const double demand_shares[DEMAND_SHARES];

struct demand {
	uint32_t seconds;		/* in which frames were offered */
	uint32_t over[DEMAND_SHARES];	/* in which more than that share was lost */
	uint32_t clean[DEMAND_BUCKETS], lossy[DEMAND_BUCKETS];	/* seconds */
};

/* A row of traffic: its span, the rate offered in its busiest second, frames delivered, frames lost
 * for want of capacity. */
void demand_add(struct demand *d, uint64_t span_ns, uint64_t rate, uint64_t delivered,
		uint64_t lost);

unsigned int demand_bucket(uint64_t rate);
double demand_rate(unsigned int bucket);	/* its middle, frames/s */

/* The rate that the @share of all time stayed below or at; 0 when there is no time. */
double demand_quantile(const struct demand *d, double share);

/* Into @buf; the bytes used. */
#define DEMAND_BYTES (5 * (1 + DEMAND_SHARES + 3 * DEMAND_BUCKETS))
size_t demand_pack(const struct demand *d, unsigned char *buf);

/* Adds what is packed to @d. -EBADMSG: that is nothing of ours; @d is as it was before or larger.
 */
int demand_unpack(struct demand *d, const unsigned char *buf, size_t len);

#endif
