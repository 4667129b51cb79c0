/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a ring lost, and in front of which frame: places to come stand in a queue until the frames
 * behind them are taken. */
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "rx_ring_priv.h"

void rx_ring_count(struct rx_ring *p, uint32_t *ret_drops, uint32_t *ret_freezes)
{
	struct tpacket_stats_v3 st = { 0 };
	socklen_t length = sizeof(st);

	*ret_drops = *ret_freezes = 0;
	if (getsockopt(p->fd, SOL_PACKET, PACKET_STATISTICS, &st, &length) < 0)
		return;
	p->stats.offered += st.tp_packets;	/* the kernel has added the drops already */
	*ret_drops = st.tp_drops;
	if (length >= sizeof(st)) {
		*ret_freezes = st.tp_freeze_q_cnt;
		p->stats.freezes += st.tp_freeze_q_cnt;
	}
}

void rx_ring_pend(struct rx_ring *p, const struct gap *gap)
{
	struct gap *last =
		p->n_pending ? &p->pending[(p->pending_head + p->n_pending - 1) % p->pending_room]
			     : NULL;

	if (last && (p->n_pending == p->pending_room || last->before == gap->before)) {
		/* never more places than the ring has; be safe */
		last->lost += gap->lost;
		last->exact = last->exact && gap->exact;
		last->lo = last->lo < gap->lo ? last->lo : gap->lo;
		last->hi = last->hi > gap->hi ? last->hi : gap->hi;
		return;
	}
	if (p->pending && p->n_pending < p->pending_room)
		p->pending[(p->pending_head + p->n_pending++) % p->pending_room] = *gap;
}

/* Losses whose place the batch just taken, or one before it, is. */
void rx_ring_carry(struct rx_ring *p, uint64_t upto)
{
	while (p->n_pending && p->pending[p->pending_head].before <= upto) {
		const struct gap *g = &p->pending[p->pending_head];

		if (!p->carried.lost)
			p->carried = (struct gap){ .exact = true, .lo = UINT64_MAX };
		p->carried.lost += g->lost;
		p->carried.exact = p->carried.exact && g->exact;
		p->carried.lo = g->lo < p->carried.lo ? g->lo : p->carried.lo;
		p->carried.hi = g->hi > p->carried.hi ? g->hi : p->carried.hi;
		p->pending_head = (p->pending_head + 1) % p->pending_room;
		p->n_pending--;
	}
}

bool rx_ring_gap(struct rx_ring *p, struct gap *ret)
{
	if (p->shape.version != RING_V3 && p->n_pending)
		rx_ring_carry(p, p->stats.captured + 1);
	if (!p->carried.lost)
		return false;
	*ret = p->carried;
	ret->before = p->stats.captured + 1;
	if (ret->exact || ret->lo > ret->before)
		ret->lo = ret->before;
	if (ret->exact || ret->hi < ret->before)
		ret->hi = ret->before;
	p->stats.lost += ret->lost;
	p->stats.gaps++;
	p->stats.exact += ret->exact;
	p->carried.lost = 0;
	return true;
}

bool rx_ring_close_ledger(struct rx_ring *p)
{
	uint32_t drops, freezes;
	uint64_t trailing = p->carried.lost;

	rx_ring_count(p, &drops, &freezes);
	trailing += drops;
	while (p->n_pending) {
		trailing += p->pending[p->pending_head].lost;
		p->pending_head = (p->pending_head + 1) % p->pending_room;
		p->n_pending--;
	}
	p->carried.lost = 0;
	p->stats.trailing += trailing;
	p->stats.lost += trailing;
	return p->stats.captured + p->stats.ghosts + p->stats.lost == p->stats.offered;
}
