/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gap - where in the sequence of captured frames were frames lost? Found out from what user space
 * can see of a ring.
 *
 * The kernel only counts what a full ring lost. But a ring of version 3 can lose frames at the end
 * of a block only: the kernel closes a block, finds the next one not yet given back, and drops
 * until it is (prb_freeze_queue()). So reading the count right after each block that is given back
 * says how many were lost, and the numbers of the closed blocks say in front of which one. Versions
 * 1 and 2 lose frames whenever the slot in turn is not given back: that is a ring's length behind
 * the last frame given back, so two readings bound where.
 *
 * One reader of PACKET_STATISTICS per socket: reading clears it. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_GAP_H
#define TAPLOSS_COLLECTOR_CAPTURE_GAP_H

#include <stdbool.h>
#include <stdint.h>

/* Frames lost in front of something that will be read later. */
struct gap {
	uint64_t before;	/* V3: number of the block (from 1); V1, V2: of the frame */
	uint64_t lost;
	/* not exact: lost in front of @lo at the earliest, of @hi at the latest; both included */
	uint64_t lo, hi;
	bool exact;
};

/* What was seen of a version 3 ring after the block @released was given back and the statistics
 * were read. */
struct gap_sight {
	uint64_t released;	/* number of the block */
	uint64_t blocks;	/* in the ring */
	uint64_t newest_before;	/* newest closed block at the previous sight */
	/* newest closed block now, not counting one in the slot given back */
	uint64_t newest;
	/* first of those in (newest_before, newest] marked TP_STATUS_LOSING; 0: none */
	uint64_t losing;
	bool again;		/* the slot given back is already full again */
	uint32_t drops, freezes;
};

/* Returns how many of the two it filled in; their sum is sight->drops. */
int gap_place(const struct gap_sight *sight, struct gap ret[static 2]);

#endif
