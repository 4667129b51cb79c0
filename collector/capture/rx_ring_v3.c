/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings of blocks, and the exact places of what they lost. */
#include <linux/if_packet.h>

#include "collector/base.h"
#include "rx_ring_priv.h"

#define AHEAD 24	/* frames: another CPU wrote them, its cache is far away */
#define LINE 64

static struct tpacket_block_desc *block(const struct rx_ring *p, uint64_t number)
{
	return (void *)(p->ring + (number - 1) % p->shape.blocks * p->shape.block_bytes);
}

static uint32_t status_of(const struct tpacket_block_desc *b)
{
	return __atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
}

static uint64_t time_of(const struct rx_ring *p, uint32_t at)
{
	const struct tpacket3_hdr *h = (const void *)(p->base + at);

	return h->tp_sec * NSEC_PER_SEC + h->tp_nsec;
}

/* Nearly sorted: only senders on several CPUs ever overtake each other, by microseconds. */
static void sort(struct rx_ring *p)
{
	for (uint32_t i = 1; i < p->n; i++) {
		uint32_t at = p->index[i], k = i;
		uint64_t t = time_of(p, at);

		for (; k && time_of(p, p->index[k - 1]) > t; k--)
			p->index[k] = p->index[k - 1];
		p->index[k] = at;
	}
}

uint32_t rx_ring_take_v3(struct rx_ring *p)
{
	struct tpacket_block_desc *b = block(p, p->turn);
	uint32_t at, last_sec = 0, last_nsec = 0;
	bool sorted = true;

	if (!(status_of(b) & TP_STATUS_USER))
		return 0;
	p->base = (uint8_t *)b;
	p->n = p->at = 0;
	p->taken = b->hdr.bh1.num_pkts;
	at = b->hdr.bh1.offset_to_first_pkt;
	for (uint32_t i = 0; i < b->hdr.bh1.num_pkts; i++) {
		const struct tpacket3_hdr *h = (const void *)(p->base + at);

		/* A header that the kernel never filled in; it counted the frame as lost, too. */
		if (!(h->tp_status & TP_STATUS_USER)) {
			p->stats.ghosts++;
		} else {
			sorted = sorted && (h->tp_sec > last_sec ||
					    (h->tp_sec == last_sec && h->tp_nsec >= last_nsec));
			last_sec = h->tp_sec;
			last_nsec = h->tp_nsec;
			p->index[p->n++] = at;
		}
		at += h->tp_next_offset;
		for (uint32_t line = 0; line < 3 * LINE; line += LINE)
			__builtin_prefetch(p->base + at + AHEAD * h->tp_next_offset + line);
	}
	if (!sorted)
		sort(p);
	return p->n;
}

/* Number of the first frame of block @number, when the block in turn has been read and all between
 * them are closed. */
static uint64_t first_frame(const struct rx_ring *p, uint64_t number)
{
	uint64_t frame = p->stats.captured + 1;

	for (uint64_t i = p->turn + 1; i < number; i++)
		frame += block(p, i)->hdr.bh1.num_pkts;
	return frame;
}

void rx_ring_release_v3(struct rx_ring *p)
{
	struct gap_sight sight = {
		.released = p->turn,
		.blocks = p->shape.blocks,
		.newest_before = p->newest > p->turn ? p->newest : p->turn,
	};
	struct tpacket_block_desc *b = block(p, p->turn);
	struct gap gaps[2];
	int n;

	__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_SEQ_CST);
	rx_ring_count(p, &sight.drops, &sight.freezes);
	sight.newest = sight.newest_before;
	while (sight.newest < p->turn + p->shape.blocks - 1) {
		const struct tpacket_block_desc *next = block(p, sight.newest + 1);
		uint32_t status = status_of(next);

		if (!(status & TP_STATUS_USER) || next->hdr.bh1.seq_num != sight.newest + 1)
			break;
		sight.newest++;
		if ((status & TP_STATUS_LOSING) && !sight.losing)
			sight.losing = sight.newest;
	}
	sight.again = status_of(b) & TP_STATUS_USER;
	p->newest = sight.newest;
	n = gap_place(&sight, gaps);
	for (int i = 0; i < n; i++) {
		gaps[i].lo = first_frame(p, gaps[i].lo);
		gaps[i].hi = first_frame(p, gaps[i].hi);
		rx_ring_pend(p, &gaps[i]);
	}
	p->turn++;
	p->taken = 0;
}
