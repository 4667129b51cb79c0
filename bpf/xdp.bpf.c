/* SPDX-License-Identifier: GPL-2.0 */
/* xdp - frames that are lost at a tap without ever having been an skb: redirected into it by XDP
 * when its ring is full, and those of a guest whose XDP program fails. The two tracepoints fire for
 * a bulk of redirected frames and for a failure, never for a frame that an skb carries. */
#include "count.h"

char LICENSE[] SEC("license") = "GPL";

/* before 5.13 tun_xdp_xmit() went on after a full ring, and counted each frame in tx_dropped */
const volatile __u8 each_counted;

/* Where the same program runs on an skb and failing ends in kfree_skb: that is counted there.
 * Symbols of do_xdp_generic() and what may not be inlined into it; 0 ends. */
#define GENERIC 3
const volatile __u64 generic_from[GENERIC], generic_to[GENERIC];

#define STACK 16

/* bpf_redirect() and devmaps: @drops frames of a bulk were not taken by @to. */
SEC("tp_btf/xdp_devmap_xmit")
int BPF_PROG(xdp_redirected, const struct net_device *from, const struct net_device *to, int sent,
	     int drops, int err)
{
	struct tl_loss_key key = { .queue = TL_QUEUE_NONE };
	struct net_device *dev = (struct net_device *)to;
	__u32 n = drops;

	if (drops <= 0 || kind_of(dev->rtnl_link_ops) != TL_KIND_TUN)
		return 0;
	key_device(&key, dev, TL_KIND_TUN);
	key.iif = from ? from->ifindex : 0;
	if (err < 0) {
		key.location = TL_PLACE_XDP_REFUSED;
		key.reason = -err;
		add(dev, &key, n, n, 0);
		return 0;
	}
	key.location = TL_PLACE_XDP_FIRST;
	add(dev, &key, each_counted ? n : 1, each_counted ? n : 1, 0);
	if (each_counted || n == 1)
		return 0;
	key.location = TL_PLACE_XDP_REST;
	add(dev, &key, n - 1, n - 1, 0);
	return 0;
}

static __always_inline int in_generic(void *ctx)
{
	__u64 stack[STACK] = { 0 };

	if (bpf_get_stack(ctx, stack, sizeof(stack), 0) < 0)
		return 0;
#pragma unroll
	for (int i = 0; i < STACK; i++)
		for (int j = 0; j < GENERIC; j++)
			if (stack[i] > generic_from[j] && stack[i] <= generic_to[j])
				return 1;
	return 0;
}

SEC("tp_btf/xdp_exception")
int BPF_PROG(xdp_failed, const struct net_device *device, const void *prog, __u32 act)
{
	struct tl_loss_key key = {
		.queue = TL_QUEUE_NONE,
		.ingress = 1,
		.location = TL_PLACE_XDP_FAILED,
		.reason = act,
	};
	struct net_device *dev = (struct net_device *)device;

	if (!dev || kind_of(dev->rtnl_link_ops) != TL_KIND_TUN || in_generic(ctx))
		return 0;
	key_device(&key, dev, TL_KIND_TUN);
	add(dev, &key, 1, 1, 0);
	return 0;
}
