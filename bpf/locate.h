/* SPDX-License-Identifier: GPL-2.0 */
/* find.h - which device lost a frame, in which direction and on which queue: as loss.bpf.c and its
 * tails find it, for programs that need no tail calls. What a vhost worker frees with neither
 * device nor socket is not found. */
#ifndef TAPLOSS_BPF_LOCATE_H
#define TAPLOSS_BPF_LOCATE_H

#include "tun_sock.h"

/* From the guest, before the stack saw it: the socket that it was written to knows the device.
 * @dev: the one in the frame, or NULL. */
static __always_inline struct net_device *written_by_guest(struct sk_buff *skb,
							   struct net_device *dev,
							   struct tl_loss_key *key)
{
	struct sock *sk = skb->sk;
	__u8 kind = sk ? kind_of_sock(sk) : TL_KIND_NONE;
	struct net_device *own = NULL;
	__u16 queue = TL_QUEUE_NONE;

	if (kind)
		own = behind(sk, kind, &queue);
	if (!own || (dev && own != dev))
		return NULL;
	key_read_device(key, own);
	key->queue = queue;
	key->ingress = kind == TL_KIND_TUN;
	return own;
}

/* Sets netns, ifindex, kind, ingress and queue. NULL: no device of ours. */
static __always_inline struct net_device *find_device(struct sk_buff *skb, struct tl_loss_key *key)
{
	struct net_device *dev = skb->dev, *own;
	__u8 kind;

	key->queue = TL_QUEUE_NONE;
	if (!dev)
		return written_by_guest(skb, NULL, key);
	kind = kind_of(dev->rtnl_link_ops);
	if (!kind)
		return NULL;
	key_device(key, dev, kind);
	key->ingress = skb->skb_iif == (int)key->ifindex;
	if (!key->ingress) {
		own = written_by_guest(skb, dev, key);
		if (own)
			return own;
	}
	if (kind != TL_KIND_TUN) {
		if (key->ingress)
			key->queue = chosen_queue(skb, dev);
	} else if (key->ingress) {
		/* skb_record_rx_queue() keeps 0 for "not recorded" */
		if (skb->queue_mapping)
			key->queue = skb->queue_mapping - 1;
	} else if (skb->mac_header == 0xffff) {	/* 7.2: refused before eth_type_trans() */
		key->ingress = 1;
	} else {
		key->queue = skb->queue_mapping;
	}
	return dev;
}

#endif
