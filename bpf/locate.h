/* SPDX-License-Identifier: GPL-2.0 */
/* locate.h - which device lost a frame, in which direction and on which queue. The answers are
 * those of loss.bpf.c and its tails (sock.bpf.c), given in one go for programs that need no tail
 * calls. What a vhost worker frees with neither device nor socket is not found. */
#ifndef TAPLOSS_BPF_LOCATE_H
#define TAPLOSS_BPF_LOCATE_H

#include "kind.h"
#include "side.h"
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
		own = sock_device(sk, kind, &queue);
	if (!own || (dev && own != dev))
		return NULL;
	key_by_sock(key, own, kind, queue);
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
	if (kind == TL_KIND_TUN)
		side_of_tun(skb, key);
	else
		side_of_tap(skb, key);
	own = key->ingress ? NULL : written_by_guest(skb, dev, key);
	if (own)
		return own;
	if (kind == TL_KIND_TUN)
		before_stack(skb, key);
	else if (key->ingress)
		key->queue = chosen_queue(skb, dev);
	return dev;
}

#endif
