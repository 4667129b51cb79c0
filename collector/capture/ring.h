/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring - the shape of a packet ring (TPACKET_V1, V2, V3): what the kernel accepts, what fits in,
 * how long a stall it bridges.
 *
 * Arithmetic only. The rules are those of packet_set_ring() and init_prb_bdqc() in
 * net/packet/af_packet.c, plus three of our own that keep a ring from losing what it need not lose;
 * they are applied to V3 only and say so. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_RING_H
#define TAPLOSS_COLLECTOR_CAPTURE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ring_version { RING_V1 = 1, RING_V2, RING_V3 };

struct ring_shape {
	enum ring_version version;
	uint64_t block_bytes, blocks;
	uint64_t frame_bytes;	/* V1, V2: a slot; V3 only checks it */
	uint64_t retire_ms;	/* V3: a block is handed over after this long, however empty */
	uint64_t priv_bytes;	/* V3: room at the head of each block */
	bool rx_hash;		/* V3: keep the kernel's flow hash of each frame */
};

/* 64 blocks of 1 MiB, 8 ms; V1 and V2 with slots of 2048 bytes. */
struct ring_shape ring_default(enum ring_version version);

/* Would the kernel take it on a machine with pages of @page bytes? 0; or -EINVAL and the rule with
 * the nearest value that works. */
int ring_check(const struct ring_shape *s, uint64_t page, char why[static 256]);

uint64_t ring_bytes(const struct ring_shape *s);

/* Bytes of ring that one captured Ethernet frame of @caplen takes in V3; and how many such frames a
 * block, or the ring, holds at most. */
uint64_t ring_frame_cost(uint64_t caplen);
uint64_t ring_frames_per_block(const struct ring_shape *s, uint64_t caplen);
uint64_t ring_frames(const struct ring_shape *s, uint64_t caplen);

/* The longest frame that is kept whole. */
uint64_t ring_longest_frame(const struct ring_shape *s);

/* For how long may the reader stand still at @pps frames a second of @caplen before frames are
 * lost? V3 also hands over blocks that are not full: at low rates a ring of N blocks lasts N retire
 * times, however few the frames. Nanoseconds; UINT64_MAX: for ever. */
uint64_t ring_stall_ns(const struct ring_shape *s, uint64_t caplen, uint64_t pps);

/* Sets the number of blocks so that a stall of @stall_ms at @pps uses three quarters of the ring at
 * most: above that the kernel may drop a frame or two while it changes blocks (V3). -ERANGE: more
 * memory than a ring can have. */
int ring_for(struct ring_shape *s, uint64_t caplen, uint64_t pps, uint64_t stall_ms);

#endif
