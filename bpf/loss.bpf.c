/* SPDX-License-Identifier: GPL-2.0 */
/* loss - counts every frame freed as lost on a tun, tap, macvtap or ipvtap device, and on any other
 * device those to and from the VMs' addresses. Uses types of the kernel proper only; what needs
 * tun.ko or tap.ko is reached by tail calls (sock.bpf.c) and done without when it is not there. */
#include "count.h"
#include "side.h"
#include "vhost.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct tl_mac);
	__type(value, __u8);
} macs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tl_mac_filter);
} mac_filter SEC(".maps");

/* A frame in the hands of a vhost worker names no queue: the context does. */
static __always_inline void by_worker(void *ctx)
{
	if (!vhost_owner())
		return;
	bump(TL_STAT_NAMELESS_FRAMES, 1);
	bpf_tail_call(ctx, &programs, TL_SLOT_CONTEXT);
}

/* A frame that the guest wrote and that was freed before the stack saw it does not say yet that it
 * came in: its socket does. */
static __always_inline void on_tun(void *ctx, struct sk_buff *skb, struct net_device *dev,
				   struct tl_loss_key *key)
{
	struct sock *sk = skb->sk;

	side_of_tun(skb, key);
	if (!key->ingress && sk && kind_of_sock(sk) == TL_KIND_TUN)
		bpf_tail_call(ctx, &programs, TL_SLOT_SOCK);
	if (before_stack(skb, key) && !skb->sk)
		by_worker(ctx);
	if (!key->ingress)
		key->iif = skb->skb_iif;
	count(skb, dev, key);
}

static __always_inline void on_tap(void *ctx, struct sk_buff *skb, struct net_device *dev,
				   struct tl_loss_key *key)
{
	struct sock *sk = skb->sk;

	side_of_tap(skb, key);
	if (key->ingress)
		bpf_tail_call(ctx, &programs, TL_SLOT_TAPQ);
	else if (sk && kind_of_sock(sk) == TL_KIND_MACVTAP)
		bpf_tail_call(ctx, &programs, TL_SLOT_SOCK);
	else if (!sk)
		by_worker(ctx);
	count(skb, dev, key);
}

/* No device: a guest's frame, freed before it was given one, belongs to its socket, or to the
 * worker that had it in hand. */
static __always_inline void on_nothing(void *ctx, struct sk_buff *skb, struct tl_loss_key *key)
{
	struct sock *sk = skb->sk;

	if (sk && !kind_of_sock(sk))
		return;
	key->queue = TL_QUEUE_NONE;
	if (sk) {
		bpf_tail_call(ctx, &programs, TL_SLOT_SOCK);
		bump(TL_STAT_UNNAMED_FRAMES, 1);
		key->task = current_process();
	} else {
		key->task = vhost_owner();
		if (key->task) {
			bump(TL_STAT_NAMELESS_FRAMES, 1);
			bpf_tail_call(ctx, &programs, TL_SLOT_CONTEXT);
		}
	}
	if (key->task)
		count(skb, NULL, key);
}

struct addresses {
	__u16 to[3], from[3];
};

static __always_inline int is_known(const struct tl_mac_filter *filter, const __u16 addr[3],
				    struct tl_loss_key *key)
{
	__u32 bit = tl_mac_bit(addr), word = bit / 64;
	struct tl_mac mac = { 0 };

	/* verifiers up to 6.1 lose the bounds of a 32-bit xor: the mask has to come after it */
	barrier_var(word);
	if (!(filter->bits[word % (TL_FILTER_BITS / 64)] & 1ULL << bit % 64))
		return 0;
	__builtin_memcpy(mac.addr, addr, sizeof(mac.addr));
	if (!bpf_map_lookup_elem(&macs, &mac))
		return 0;
	__builtin_memcpy(&key->task, addr, sizeof(key->task));		/* tl_path_mac() */
	__builtin_memcpy(&key->queue, addr + 2, sizeof(key->queue));
	return 1;
}

/* Sockets keep frames in trees whose nodes lie over skb->dev: a real device's namespace has such a
 * number (proc_alloc_inum()), or the one that is kept for the first of all. */
static __always_inline int is_netns(__u32 inum)
{
	return inum >= PROC_DYNAMIC_FIRST || inum == NET_NS_INIT_INO;
}

/* What a bridge itself got of a broadcast or multicast: its ports have copies of their own, and
 * what the host makes of this one is no loss of the VM that sent it. */
static __always_inline int is_hosts_copy(const struct addresses *eth, struct net_device *dev)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;
	__u32 kind = 0;

	if (!(eth->to[0] & 1) || !ops || bpf_probe_read_kernel(&kind, sizeof(kind), ops->kind))
		return 0;
	return kind == ('b' | 'r' << 8 | 'i' << 16 | 'd' << 24);
}

/* A device that is no tap: was the frame on its way to a VM, or from one? A frame between two
 * counts for the receiver. */
static __always_inline void on_path(struct sk_buff *skb, struct net_device *dev,
				    struct tl_loss_key *key)
{
	struct addresses eth;
	__u32 zero = 0;
	__u16 mac = skb->mac_header;
	struct tl_mac_filter *filter = bpf_map_lookup_elem(&mac_filter, &zero);

	if (!filter || !filter->count || mac == 0xffff ||
	    bpf_probe_read_kernel(&eth, sizeof(eth), skb->head + mac))
		return;
	key->ingress = is_known(filter, eth.to, key);
	if (!key->ingress && (!is_known(filter, eth.from, key) || is_hosts_copy(&eth, dev)))
		return;
	key_device(key, dev, TL_KIND_PATH);
	if (!is_netns(key->netns))
		return;
	if (key->ingress)
		key->iif = skb->skb_iif;
	count(skb, dev, key);
}

static __always_inline int on_kfree_skb(void *ctx, struct sk_buff *skb, void *location,
					__u32 reason)
{
	struct tl_loss_key key = { .location = (__u64)location, .reason = reason };
	struct net_device *dev = skb->dev;
	__u8 kind;

	if (!skb->len)		/* the dummy that napi_get_frags() begins with */
		return 0;
	if (!dev) {
		on_nothing(ctx, skb, &key);
		return 0;
	}
	kind = kind_of(dev->rtnl_link_ops);
	if (!kind) {
		on_path(skb, dev, &key);
		return 0;
	}
	key_device(&key, dev, kind);
	if (kind == TL_KIND_TUN)
		on_tun(ctx, skb, dev, &key);
	else
		on_tap(ctx, skb, dev, &key);
	return 0;
}

/* 5.17 and later agree on these three arguments (c504e5c2f964); 6.11 added rx_sk (c53795d48ee8),
 * which is not taken. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(loss_reason, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_kfree_skb(ctx, skb, location, reason);
}

/* Why a queueing discipline refuses a frame (7.2); loss_reason counts it a moment later. */
SEC("tp_btf/qdisc_drop")
int BPF_PROG(loss_refused, void *qdisc, void *queue, void *dev, struct sk_buff *skb, __u32 reason)
{
	note_refused(skb, reason);
	return 0;
}

/* Before 5.17 a frame is freed without a reason. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(loss_noreason, struct sk_buff *skb, void *location)
{
	return on_kfree_skb(ctx, skb, location, TL_REASON_NONE);
}
