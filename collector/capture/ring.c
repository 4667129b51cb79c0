/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <stdio.h>

#include "collector/base.h"

#define BLOCK_HEADER 48			/* BLK_HDR_LEN: the descriptor, aligned to 8 */
/* align16(header 48 + address 20 + 16) - 14 bytes of Ethernet */
#define MAC_OFFSET_V3 82
/* align16(52 + 16) - 14: both older headers take 52 with the address */
#define MAC_OFFSET_V12 66
/* our rule: a 64 KiB super-frame and its header must fit, or they are cut */
#define LARGEST_GSO (128 * 1024)
#define MIN_LOW_RATE_MS 500		/* our rule: blocks x retire time */

struct ring_shape ring_default(enum ring_version version)
{
	struct ring_shape s = {
		.version = version,
		.block_bytes = 1 << 20,
		.blocks = 64,
		.frame_bytes = 2048,
	};

	if (version == RING_V3)
		s.retire_ms = 8;
	return s;
}

static uint64_t align_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint64_t header_bytes(const struct ring_shape *s)
{
	return s->version == RING_V3   ? TPACKET3_HDRLEN
	       : s->version == RING_V2 ? TPACKET2_HDRLEN
				       : TPACKET_HDRLEN;
}

static uint64_t block_plus_priv(const struct ring_shape *s)
{
	return BLOCK_HEADER + align_up(s->priv_bytes, 8);
}

#define WRONG(...) ({ snprintf(why, 256, __VA_ARGS__); -EINVAL; })
#define ULL(n) ((unsigned long long)(n))

static int check_v3(const struct ring_shape *s, char why[static 256])
{
	uint64_t least = block_plus_priv(s) + header_bytes(s);

	if (s->retire_ms < 1 || s->retire_ms > 65535)
		return WRONG("the retire time must be 1 to 65535 ms (0 lets the kernel guess from "
			     "a link speed that a tap only claims); nearest: %s",
			     s->retire_ms ? "65535" : "8");
	if (s->priv_bytes > 65528)
		return WRONG("the private area of a block is at most 65528 bytes");
	if (s->block_bytes <= least)
		return WRONG("a block of %llu bytes has no room behind its header and private area "
			     "of %llu",
			     ULL(s->block_bytes), ULL(least));
	if (s->block_bytes < LARGEST_GSO + align_up(s->priv_bytes, 8))
		return WRONG("a block of %llu bytes would cut a guest's 64 KiB super-frames; "
			     "nearest: %llu",
			     ULL(s->block_bytes),
			     ULL(align_up(LARGEST_GSO + s->priv_bytes, LARGEST_GSO)));
	if (s->blocks < 2)
		return WRONG("a ring needs 2 blocks at least: one to fill while the other is read");
	if (s->blocks * s->retire_ms < MIN_LOW_RATE_MS)
		return WRONG("%llu blocks handed over every %llu ms bridge %llu ms at low rates, "
			     "less than %d; nearest: %llu blocks, or %llu ms",
			     ULL(s->blocks), ULL(s->retire_ms), ULL(s->blocks * s->retire_ms),
			     MIN_LOW_RATE_MS,
			     ULL((MIN_LOW_RATE_MS + s->retire_ms - 1) / s->retire_ms),
			     ULL((MIN_LOW_RATE_MS + s->blocks - 1) / s->blocks));
	return 0;
}

static int check_v12(const struct ring_shape *s, char why[static 256])
{
	if (s->retire_ms || s->priv_bytes || s->rx_hash)
		return WRONG("retire time, private area and hash belong to rings of version 3");
	/* the kernel takes it, but slots then do not lie at equal distances */
	if (s->block_bytes % s->frame_bytes)
		return WRONG("a block must hold whole frames: %llu is no multiple of %llu; nearest "
			     "frame: %llu",
			     ULL(s->block_bytes), ULL(s->frame_bytes),
			     ULL(s->block_bytes / align_up(s->block_bytes / s->frame_bytes, 1) /
				 TPACKET_ALIGNMENT * TPACKET_ALIGNMENT));
	return 0;
}

int ring_check(const struct ring_shape *s, uint64_t page, char why[static 256])
{
	uint64_t frames;

	if (s->version < RING_V1 || s->version > RING_V3)
		return WRONG("the ring's version must be 1, 2 or 3");
	if (!s->block_bytes || s->block_bytes > INT_MAX)
		return WRONG("a block must have 1 byte to 2 GiB; nearest: %llu",
			     ULL(s->block_bytes ? INT_MAX / page * page : page));
	if (s->block_bytes % page)
		return WRONG(
			"a block must be whole pages: %llu is no multiple of %llu; nearest: %llu",
			ULL(s->block_bytes), ULL(page), ULL(align_up(s->block_bytes, page)));
	if (!s->blocks)
		return WRONG("a ring needs a block at least");
	if (s->frame_bytes < header_bytes(s))
		return WRONG("a frame of %llu bytes has no room for its header; nearest: %llu",
			     ULL(s->frame_bytes),
			     ULL(align_up(header_bytes(s), TPACKET_ALIGNMENT)));
	if (s->frame_bytes % TPACKET_ALIGNMENT)
		return WRONG("a frame must be a multiple of %d bytes: nearest to %llu: %llu",
			     TPACKET_ALIGNMENT, ULL(s->frame_bytes),
			     ULL(align_up(s->frame_bytes, TPACKET_ALIGNMENT)));
	if (s->frame_bytes > s->block_bytes)
		return WRONG("a frame of %llu bytes does not fit into a block of %llu",
			     ULL(s->frame_bytes), ULL(s->block_bytes));
	if (s->blocks > UINT_MAX / s->block_bytes)
		return WRONG("a ring has less than 4 GiB; with blocks of %llu bytes: %llu of them "
			     "at most",
			     ULL(s->block_bytes), ULL(UINT_MAX / s->block_bytes));
	frames = s->block_bytes / s->frame_bytes * s->blocks;
	if (frames > UINT_MAX)
		return WRONG("a ring has less than 2^32 frames, not %llu", ULL(frames));
	return s->version == RING_V3 ? check_v3(s, why) : check_v12(s, why);
}

uint64_t ring_bytes(const struct ring_shape *s)
{
	return s->block_bytes * s->blocks;
}

uint64_t ring_frame_cost(uint64_t caplen)
{
	return align_up(MAC_OFFSET_V3 + caplen, 8);
}

uint64_t ring_frames_per_block(const struct ring_shape *s, uint64_t caplen)
{
	if (s->version != RING_V3)
		return s->block_bytes / s->frame_bytes;
	/* prb_dispatch_next_block(): a frame must end before the block does, never with it */
	return (s->block_bytes - block_plus_priv(s) - 1) / ring_frame_cost(caplen);
}

uint64_t ring_frames(const struct ring_shape *s, uint64_t caplen)
{
	return ring_frames_per_block(s, caplen) * s->blocks;
}

uint64_t ring_longest_frame(const struct ring_shape *s)
{
	if (s->version != RING_V3)
		return s->frame_bytes > MAC_OFFSET_V12 ? s->frame_bytes - MAC_OFFSET_V12 : 0;
	return s->block_bytes - block_plus_priv(s) - MAC_OFFSET_V3;
}

uint64_t ring_stall_ns(const struct ring_shape *s, uint64_t caplen, uint64_t pps)
{
	uint64_t full;

	if (!pps)
		return UINT64_MAX;
	full = (uint64_t)((double)ring_frames(s, caplen) / (double)pps * NSEC_PER_SEC);
	if (s->version == RING_V3 && s->blocks * s->retire_ms * NSEC_PER_MSEC < full)
		return s->blocks * s->retire_ms * NSEC_PER_MSEC;
	return full;
}

int ring_for(struct ring_shape *s, uint64_t caplen, uint64_t pps, uint64_t stall_ms)
{
	double frames = (double)pps * (double)stall_ms / 1000 / 0.75;
	uint64_t per_block = ring_frames_per_block(s, caplen), blocks;

	if (!per_block)
		return -ERANGE;
	blocks = (uint64_t)(frames / (double)per_block) + 1;
	if (s->version == RING_V3) {
		uint64_t slow = stall_ms > MIN_LOW_RATE_MS ? stall_ms : MIN_LOW_RATE_MS;

		slow = (slow + s->retire_ms - 1) / s->retire_ms;
		blocks = blocks > slow ? blocks : slow;
	}
	if (blocks > UINT_MAX / s->block_bytes)
		return -ERANGE;
	s->blocks = blocks;
	return 0;
}
