/* SPDX-License-Identifier: GPL-2.0 */
/* tun_sock.h - the device and the queue that belong to a socket of tun.ko or tap.ko.
 *
 * Where the kernel shows the types of its modules, CO-RE finds the fields. Before 5.11 it shows
 * none: there the fields are taken to lie behind struct sock and struct socket, in the order that
 * tun_file and tap_queue have had since 5.3 (333f7909a857), and what is read that way is believed
 * only when the device's table of queues points back to the socket. */
#ifndef TAPLOSS_BPF_TUN_SOCK_H
#define TAPLOSS_BPF_TUN_SOCK_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "abi.h"
#include "kernel.h"

/* Where the fields of tun_file and tap_queue begin that follow their struct sock; 0: the modules'
 * types are known, or nothing is. */
const volatile __u32 own_fields;

#define MAX_TAP_QUEUES 256

enum own_layout {
	TUN_FILE_TUN = 0, TUN_FILE_QUEUE = 20,		/* tun, fasync, flags, queue_index */
	/* vnet_hdr_sz, tap, file, flags, queue_index */
	TAP_QUEUE_TAP = 8, TAP_QUEUE_QUEUE = 28,
	/* tfiles, numqueues, flags, owner, group, dev */
	TUN_TFILES = 0, TUN_DEV = MAX_TAP_QUEUES * 8 + 16,
	/* dev, flags, taps, queue_list, numvtaps */
	TAP_DEV = 0, TAP_TAPS = 16, TAP_NUMVTAPS = TAP_TAPS + MAX_TAP_QUEUES * 8 + 16,
};

static __always_inline __u64 word_at(const void *base, __u32 offset)
{
	__u64 word = 0;

	return bpf_probe_read_kernel(&word, sizeof(word), base + offset) ? 0 : word;
}

/* @owner is where the socket's pointer to its tun_struct or tap_dev stands, @table that one's table
 * of queues. */
static __always_inline struct net_device *sock_device_by_layout(const void *sk, __u32 owner,
								__u32 index, __u32 table, __u32 dev,
								__u16 *ret_queue)
{
	const void *of = (const void *)word_at(sk, own_fields + owner);
	__u16 queue = (__u16)word_at(sk, own_fields + index);

	if (!of || queue >= MAX_TAP_QUEUES || word_at(of, table + queue * 8) != (__u64)sk)
		return NULL;
	*ret_queue = queue;
	return (struct net_device *)word_at(of, dev);
}

/* NULL: the module's types are not known, or the device is gone. */
static __always_inline struct net_device *sock_device(struct sock *sk, __u8 kind, __u16 *ret_queue)
{
	struct tun_file *file = (void *)sk;
	struct tap_queue *q = (void *)sk;

	if (kind == TL_KIND_TUN) {
		if (bpf_core_field_exists(file->tun)) {
			*ret_queue = BPF_CORE_READ(file, queue_index);
			return BPF_CORE_READ(file, tun, dev);
		}
		return own_fields ? sock_device_by_layout(sk, TUN_FILE_TUN, TUN_FILE_QUEUE,
							  TUN_TFILES, TUN_DEV, ret_queue)
				  : NULL;
	}
	if (bpf_core_field_exists(q->tap)) {
		*ret_queue = BPF_CORE_READ(q, queue_index);
		return BPF_CORE_READ(q, tap, dev);
	}
	return own_fields ? sock_device_by_layout(sk, TAP_QUEUE_TAP, TAP_QUEUE_QUEUE, TAP_TAPS,
						  TAP_DEV, ret_queue)
			  : NULL;
}

/* @dev was read through a socket, not given by the tracepoint: every field takes a probe. */
static __always_inline void key_read_device(struct tl_loss_key *key, struct net_device *dev)
{
	const char *name = BPF_CORE_READ(dev, rtnl_link_ops, kind);
	char kind[4] = { 0 };

	key->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	key->ifindex = BPF_CORE_READ(dev, ifindex);
	bpf_probe_read_kernel(kind, sizeof(kind), name);
	key->kind = kind[0] == 't'   ? TL_KIND_TUN
		    : kind[0] == 'm' ? TL_KIND_MACVTAP
				     : TL_KIND_IPVTAP;
}

/* What a guest sends through the socket is received by a tun, transmitted by a macvtap. */
static __always_inline void key_by_sock(struct tl_loss_key *key, struct net_device *own, __u8 kind,
					__u16 queue)
{
	key_read_device(key, own);
	key->queue = queue;
	key->ingress = kind == TL_KIND_TUN;
}

/* Which queue did tap_get_queue() choose? With several, taps[hash % numvtaps]; it leaves the hash
 * in the frame. */
static __always_inline __u16 chosen_queue(struct sk_buff *skb, struct net_device *dev)
{
	struct tap_dev *tap = dev->rx_handler_data;
	struct tap_queue *q = NULL;
	__u32 n, taps, queue, hash = skb->hash;
	int known = bpf_core_field_exists(tap->taps);

	if (!tap || !(known || own_fields))
		return TL_QUEUE_NONE;
	n = known ? (__u32)BPF_CORE_READ(tap, numvtaps) : (__u32)word_at(tap, TAP_NUMVTAPS);
	if (!n || n > MAX_TAP_QUEUES || (n > 1 && !hash))
		return TL_QUEUE_NONE;
	taps = known ? bpf_core_field_offset(tap->taps) : TAP_TAPS;
	q = (void *)word_at(tap, taps + (n > 1 ? hash % n : 0) * 8);
	if (!q)
		return TL_QUEUE_NONE;
	if (known)
		return BPF_CORE_READ(q, queue_index);
	queue = (__u16)word_at(q, own_fields + TAP_QUEUE_QUEUE);
	return queue < MAX_TAP_QUEUES && word_at(tap, TAP_TAPS + queue * 8) == (__u64)q
		       ? queue
		       : TL_QUEUE_NONE;
}

#endif
