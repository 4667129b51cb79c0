/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings of slots, TPACKET_V1 and V2. */
#include <linux/if_packet.h>
#include <linux/if_ether.h>
#include <sys/socket.h>

#include "collector/base.h"
#include "rx_ring_priv.h"

/* tp_status is a long in V1 and 32 bits in V2; only the low bits have a meaning. */
static uint32_t status_of(const struct rx_ring *p, uint32_t slot)
{
	const uint8_t *at = p->ring + (size_t)slot * p->shape.frame_bytes;

	if (p->shape.version == RING_V1)
		return (uint32_t)__atomic_load_n((const unsigned long *)(const void *)at,
						 __ATOMIC_ACQUIRE);
	return __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

static void give_back(const struct rx_ring *p, uint32_t slot)
{
	uint8_t *at = p->ring + (size_t)slot * p->shape.frame_bytes;

	if (p->shape.version == RING_V1)
		__atomic_store_n((unsigned long *)(void *)at, TP_STATUS_KERNEL, __ATOMIC_SEQ_CST);
	else
		__atomic_store_n((uint32_t *)(void *)at, TP_STATUS_KERNEL, __ATOMIC_SEQ_CST);
}

static uint64_t slots(const struct rx_ring *p)
{
	return p->shape.block_bytes / p->shape.frame_bytes * p->shape.blocks;
}

/* The kernel put it beside the ring before it filled the slot, in the same order. Without: it stays
 * cut. */
static uint32_t take_copy(struct rx_ring *p, uint32_t place)
{
	ssize_t r =
		recv(p->fd, p->copies + (size_t)place * RX_RING_COPY, RX_RING_COPY, MSG_DONTWAIT);

	return r > 0 ? (uint32_t)r : 0;
}

uint32_t rx_ring_take_v12(struct rx_ring *p)
{
	p->base = p->ring;
	p->n = p->at = p->taken = 0;
	while (p->n < RX_RING_BATCH && p->n < slots(p)) {
		uint32_t slot = (uint32_t)((p->turn + p->n) % slots(p));

		uint32_t status = status_of(p, slot);

		if (!(status & TP_STATUS_USER))
			break;
		if (p->copies)
			p->copy_bytes[p->n] = status & TP_STATUS_COPY ? take_copy(p, p->n) : 0;
		p->index[p->n++] = slot;
	}
	p->taken = p->n;
	return p->n;
}

void rx_ring_peek_v12(const struct rx_ring *p, uint32_t slot, struct rx_ring_frame *ret)
{
	const uint8_t *at = p->ring + (size_t)slot * p->shape.frame_bytes;
	uint32_t place;

	*ret = (struct rx_ring_frame){ .status = status_of(p, slot), .vlan_tpid = ETH_P_8021Q };
	if (p->shape.version == RING_V1) {
		const struct tpacket_hdr *h = (const void *)at;

		ret->data = at + h->tp_mac;
		ret->caplen = h->tp_snaplen;
		ret->len = h->tp_len;
		ret->t_ns = h->tp_sec * NSEC_PER_SEC + h->tp_usec * NSEC_PER_USEC;
		ret->type =
			((const struct sockaddr_ll *)(const void *)(at + TPACKET_ALIGN(sizeof(*h))))
				->sll_pkttype;
		/* this version has no room for the tag */
		ret->status &= ~(uint32_t)TP_STATUS_VLAN_VALID;
	} else {
		const struct tpacket2_hdr *h = (const void *)at;

		ret->data = at + h->tp_mac;
		ret->caplen = h->tp_snaplen;
		ret->len = h->tp_len;
		ret->t_ns = h->tp_sec * NSEC_PER_SEC + h->tp_nsec;
		ret->type =
			((const struct sockaddr_ll *)(const void *)(at + TPACKET_ALIGN(sizeof(*h))))
				->sll_pkttype;
		ret->vlan_tci = h->tp_vlan_tci;
		if (ret->status & TP_STATUS_VLAN_TPID_VALID)
			ret->vlan_tpid = h->tp_vlan_tpid;
	}
	place = (uint32_t)((slot + slots(p) - p->turn % slots(p)) % slots(p));
	if (p->copies && p->copy_bytes[place]) {
		ret->data = p->copies + (size_t)place * RX_RING_COPY;
		ret->caplen = p->copy_bytes[place];
	}
}

/* A frame is lost when the slot in turn is not given back: with r slots given back, in front of
 * frame r + slots + 1. r has gone from the last reading's to this one's meanwhile. */
void rx_ring_release_v12(struct rx_ring *p)
{
	struct gap gap = { 0 };
	uint32_t drops, freezes;

	for (uint32_t i = 0; i < p->taken; i++)
		give_back(p, p->index[i]);
	p->turn += p->taken;
	p->taken = 0;
	rx_ring_count(p, &drops, &freezes);
	if (drops) {
		gap.lost = drops;
		gap.lo = p->released + slots(p) + 1;
		gap.hi = p->turn + slots(p) + 1;
		gap.before = gap.hi;
		gap.exact = gap.lo == gap.hi;
		rx_ring_pend(p, &gap);
	}
	p->released = p->turn;
}
