/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rx_ring_priv - shared by rx_ring.c, the two kinds of ring and the ledger of losses. */
#ifndef TAPLOSS_COLLECTOR_CAPTURE_RX_RING_PRIV_H
#define TAPLOSS_COLLECTOR_CAPTURE_RX_RING_PRIV_H

#include <stddef.h>

#include "rx_ring.h"

struct rx_ring {
	int fd;
	uint32_t ifindex;
	uint16_t hardware;
	struct ring_shape shape;
	uint8_t *ring;
	size_t ring_bytes;
	size_t maclen;

	/* V3: number of the block in turn, from 1; V1, V2: of the slot, from 0 */
	uint64_t turn;
	uint32_t *index;		/* offsets from @base of the frames of the batch held */
	uint8_t *base;
	uint32_t n, at;
	uint32_t taken;			/* slots of the batch held, ghosts included; 0: none held */
	uint64_t newest;		/* V3: newest closed block seen */
	/* V1, V2: slots given back when the statistics were last read */
	uint64_t released;

	/* Places to come, in order: a queue of @pending_room. Their bounds are frames, with V3,
	 * too. */
	struct gap *pending;
	uint32_t pending_head, n_pending, pending_room;
	/* lost in front of the next frame, whichever it is; .before is not used */
	struct gap carried;
	struct rx_ring_stats stats;

	/* V1, V2, with a copy threshold: frames of the batch held that no slot holds, by their
	 * place in it */
	uint8_t *copies;
	uint32_t copy_bytes[RX_RING_BATCH];	/* 0: it is in the ring */
};

#define RX_RING_COPY 65600		/* the longest frame, with its header */

/* rx_ring_ledger.c. A place to come; the kernel's count since it was last read; losses whose place
 * is at @upto or before go to the frame in turn. */
void rx_ring_pend(struct rx_ring *p, const struct gap *gap);
void rx_ring_count(struct rx_ring *p, uint32_t *ret_drops, uint32_t *ret_freezes);
void rx_ring_carry(struct rx_ring *p, uint64_t upto);

uint32_t rx_ring_take_v3(struct rx_ring *p);
void rx_ring_release_v3(struct rx_ring *p);
uint32_t rx_ring_take_v12(struct rx_ring *p);
void rx_ring_release_v12(struct rx_ring *p);
void rx_ring_peek_v12(const struct rx_ring *p, uint32_t slot, struct rx_ring_frame *ret);

#endif
