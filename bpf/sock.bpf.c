/* SPDX-License-Identifier: GPL-2.0 */
/* sock - the tail of loss.bpf.c for frames whose device or queue only tun.ko's and tap.ko's own types tell. */
#include "bpf/count.h"

char LICENSE[] SEC("license") = "GPL";

/* The device behind a tun's or tap's socket, and which of its queues the socket is. NULL: the module's types are not known, or the
 * device is gone. */
static __always_inline struct net_device *behind(struct sock *sk, __u8 kind, __u16 *ret_queue)
{
	struct tun_file *file = (void *)sk;
	struct tap_queue *q = (void *)sk;

	if (kind == TL_KIND_TUN) {
		if (!bpf_core_field_exists(file->tun))
			return NULL;
		*ret_queue = BPF_CORE_READ(file, queue_index);
		return BPF_CORE_READ(file, tun, dev);
	}
	if (!bpf_core_field_exists(q->tap))
		return NULL;
	*ret_queue = BPF_CORE_READ(q, queue_index);
	return BPF_CORE_READ(q, tap, dev);
}

/* @dev was read through a socket, not given by the tracepoint: every field takes a probe. */
static __always_inline void key_read_device(struct tl_loss_key *key, struct net_device *dev)
{
	const char *name = BPF_CORE_READ(dev, rtnl_link_ops, kind);
	char kind[4] = { 0 };

	key->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	key->ifindex = BPF_CORE_READ(dev, ifindex);
	bpf_probe_read_kernel(kind, sizeof(kind), name);
	key->kind = kind[0] == 't' ? TL_KIND_TUN : kind[0] == 'm' ? TL_KIND_MACVTAP : TL_KIND_IPVTAP;
}

static __always_inline int on_sock(struct sk_buff *skb, void *location, __u32 reason)
{
	struct tl_loss_key key = { .location = (__u64)location, .reason = reason, .queue = TL_QUEUE_NONE };
	struct net_device *dev = skb->dev, *own;
	struct sock *sk = skb->sk;
	__u16 queue = TL_QUEUE_NONE;
	__u8 kind;

	if (!sk)
		return 0;
	kind = kind_of_sock(sk);
	own = behind(sk, kind, &queue);
	if (own) {
		key_read_device(&key, own);
		key.queue = queue;
		key.ingress = kind == TL_KIND_TUN;	/* what a guest writes is received by a tun, transmitted by a macvtap */
	} else if (!dev) {		/* the device was deleted under its reader */
		bump(TL_STAT_UNNAMED_FRAMES, 1);
		key.task = bpf_get_current_pid_tgid() >> 32;
	}
	if (dev && dev != own) {	/* the sender is another VM: the frame was lost on its way to this one */
		key = (struct tl_loss_key){ .location = (__u64)location, .reason = reason };
		key_device(&key, dev, kind_of(dev->rtnl_link_ops));
		key.queue = key.kind == TL_KIND_TUN ? skb->queue_mapping : TL_QUEUE_NONE;
		key.iif = key.kind == TL_KIND_TUN ? skb->skb_iif : 0;
		own = dev;
	}
	count(skb, own, &key);
	return 0;
}

/* Which queue did tap_get_queue() choose? With several, taps[hash % numvtaps]; it leaves the hash in the frame. */
static __always_inline __u16 chosen_queue(struct sk_buff *skb, struct net_device *dev)
{
	struct tap_dev *tap = dev->rx_handler_data;
	struct tap_queue *q = NULL;
	__u32 n, hash = skb->hash;

	if (!tap || !bpf_core_field_exists(tap->taps))
		return TL_QUEUE_NONE;
	n = BPF_CORE_READ(tap, numvtaps);
	if (!n || n > 256 || (n > 1 && !hash))
		return TL_QUEUE_NONE;
	bpf_probe_read_kernel(&q, sizeof(q), (void *)tap + bpf_core_field_offset(tap->taps) + (n > 1 ? hash % n : 0) * sizeof(q));
	return q ? BPF_CORE_READ(q, queue_index) : TL_QUEUE_NONE;
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
