/* SPDX-License-Identifier: GPL-2.0 */
/* sock - the tail of loss.bpf.c for frames whose device or queue only tun.ko's and tap.ko's own
 * types tell. */
#include "count.h"
#include "process.h"
#include "tun_sock.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline int on_sock(struct sk_buff *skb, void *location, __u32 reason)
{
	struct tl_loss_key key = {
		.location = (__u64)location,
		.reason = reason,
		.queue = TL_QUEUE_NONE,
	};
	struct net_device *dev = skb->dev, *own;
	struct sock *sk = skb->sk;
	__u16 queue = TL_QUEUE_NONE;
	__u8 kind;

	if (!sk)
		return 0;
	kind = kind_of_sock(sk);
	own = sock_device(sk, kind, &queue);
	if (own) {
		key_by_sock(&key, own, kind, queue);
	} else if (!dev) {		/* the device was deleted under its reader */
		bump(TL_STAT_UNNAMED_FRAMES, 1);
		key.task = current_process();
	}
	if (dev && dev != own) {
		/* the sender is another VM: the frame was lost on its way to this one */
		key = (struct tl_loss_key){ .location = (__u64)location, .reason = reason };
		key_device(&key, dev, kind_of(dev->rtnl_link_ops));
		key.queue = key.kind == TL_KIND_TUN ? skb->queue_mapping : TL_QUEUE_NONE;
		key.iif = key.kind == TL_KIND_TUN ? skb->skb_iif : 0;
		own = dev;
	}
	count(skb, own, &key);
	return 0;
}

static __always_inline int on_tapq(struct sk_buff *skb, void *location, __u32 reason)
{
	struct tl_loss_key key = { .location = (__u64)location, .reason = reason, .ingress = 1 };
	struct net_device *dev = skb->dev;

	if (!dev)
		return 0;
	key_device(&key, dev, kind_of(dev->rtnl_link_ops));
	key.queue = chosen_queue(skb, dev);
	count(skb, dev, &key);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(sock_reason, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_sock(skb, location, reason);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(sock_noreason, struct sk_buff *skb, void *location)
{
	return on_sock(skb, location, TL_REASON_NONE);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tapq_reason, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_tapq(skb, location, reason);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tapq_noreason, struct sk_buff *skb, void *location)
{
	return on_tapq(skb, location, TL_REASON_NONE);
}
