/* SPDX-License-Identifier: GPL-2.0-or-later */
/* receive - numbered frames out of a packet ring (TPACKET_V1, V2, V3): which came, and between
 * which numbers the ring lost some.
 *
 * It shares no code with collector/capture/rx_ring.h, on purpose: what the probe counts is compared
 * with what the agent and captures report, so it must not share their mistakes. It knows places by
 * the numbers in the frames and keeps the order in which the ring gave them out; rx_ring sorts by
 * time and places losses by blocks. */
#ifndef TAPLOSS_COLLECTOR_PROBE_RECEIVE_H
#define TAPLOSS_COLLECTOR_PROBE_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

struct ring_loss {
	uint32_t after, before, frames;
};

struct receiver {
	int fd, version;
	uint8_t *ring;
	uint32_t block_bytes, blocks, frame_bytes, frames_in_ring;
	uint32_t at;			/* next block (V3), next frame */
	uint32_t run, expect, flows;
	/* V3: frames lost before the block with this number, by number % (2 blocks) */
	uint32_t *pending;
	uint8_t *seen;			/* a bit for each sequence number */
	/* if the caller gives it: CLOCK_BOOTTIME when the first of each SEND_BATCH numbers came;
	 * else NULL */
	uint64_t *batch_ns;
	uint64_t now_ns;
	/* last number seen; lost in the ring since; numbers seen are below it */
	uint32_t last, lost, top;
	uint64_t frames, repeated, late, foreign, ring_frames, ring_drops;
	struct ring_loss *losses;
	uint32_t n_losses;
};

struct receive_order {
	int version, ifindex;
	uint32_t block_bytes, blocks;
	uint32_t run, expect;		/* frames of this run with numbers below @expect count */
	uint32_t flows;			/* as they are sent: they look different */
};

/* False: it asks for what cannot be. */
bool receive_possible(const struct receive_order *o);

/* @why: what the kernel refused. */
int receive_open(struct receiver *c, const struct receive_order *o, const char **why);

/* Takes what is there. Returns how many frames. */
uint32_t receive_take(struct receiver *c);

/* Nothing more will come: what the ring lost at the end. */
void receive_end(struct receiver *c);

/* The next run of numbers that did not come, from *first on, with one that did behind it. Returns
 * how many (0: there is none), and where it begins in *first. */
uint32_t receive_gap(const struct receiver *c, uint32_t *first);

void receive_close(struct receiver *c);

#endif
