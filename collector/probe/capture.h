/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture - numbered frames out of a packet ring (TPACKET_V1, V2, V3): which came, and where in their sequence the ring lost some. */
#ifndef TAPLOSS_COLLECTOR_PROBE_CAPTURE_H
#define TAPLOSS_COLLECTOR_PROBE_CAPTURE_H

#include <stdint.h>

#include "wire.h"

struct ring_loss {
	uint32_t after, before, frames;
};

struct capture {
	int fd, version;
	uint8_t *ring;
	uint32_t block_bytes, blocks, frame_bytes, frames_in_ring;
	uint32_t at;			/* next block (V3), next frame */
	uint32_t run, expect;
	uint32_t *pending;		/* V3: frames lost before the block with this number, by number % (2 * blocks) */
	uint8_t *seen;			/* a bit for each sequence number */
	uint32_t last, lost;		/* last number seen; lost in the ring since */
	uint64_t frames, repeated, late, foreign, ring_frames, ring_drops;
	struct ring_loss *losses;
	uint32_t n_losses;
};

/* On @ifindex; frames of run @run with numbers below @expect count. @why: what the kernel refused. */
int capture_open(struct capture *c, int version, uint32_t block_bytes, uint32_t blocks, int ifindex, uint32_t run, uint32_t expect,
		 const char **why);

/* Takes what is there. Returns how many frames. */
uint32_t capture_take(struct capture *c);

/* Nothing more will come: what the ring lost at the end. */
void capture_end(struct capture *c);

void capture_close(struct capture *c);

#endif
