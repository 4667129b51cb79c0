/* SPDX-License-Identifier: GPL-2.0 */
/* side.h - the direction and the queue of a frame that a tun or tap device lost, as far as the
 * frame itself shows them. A frame that the guest wrote, freed before the stack saw it, does not:
 * its socket does (tun_sock.h). */
#ifndef TAPLOSS_BPF_SIDE_H
#define TAPLOSS_BPF_SIDE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "kernel.h"

/* tun and tap: transmit is towards the guest, receive from it. @key has the device. */
static __always_inline void side_of_tun(struct sk_buff *skb, struct tl_loss_key *key)
{
	__u16 queue = skb->queue_mapping;

	key->ingress = skb->skb_iif == (int)key->ifindex;
	if (key->ingress)
		/* skb_record_rx_queue() keeps 0 for "not recorded" */
		queue = queue ? queue - 1 : TL_QUEUE_NONE;
	key->queue = queue;
}

/* From 7.2 on tun_xdp_one() names the device of a guest's frame that is refused before
 * eth_type_trans() has found its header. Is this one? */
static __always_inline int before_stack(struct sk_buff *skb, struct tl_loss_key *key)
{
	if (key->ingress || skb->mac_header != 0xffff)
		return 0;
	key->ingress = 1;
	key->queue = TL_QUEUE_NONE;
	return 1;
}

/* macvtap, ipvtap: receive is towards the guest, and the queue stands nowhere in the frame. */
static __always_inline void side_of_tap(struct sk_buff *skb, struct tl_loss_key *key)
{
	key->ingress = skb->skb_iif == (int)key->ifindex;
	key->queue = TL_QUEUE_NONE;
}

#endif
