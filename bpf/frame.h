/* SPDX-License-Identifier: GPL-2.0 */
/* frame.h - how long a freed frame was on the wire, and how many frames it stands for. */
#ifndef TAPLOSS_BPF_FRAME_H
#define TAPLOSS_BPF_FRAME_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "abi.h"
#include "kernel.h"

static __always_inline int has_vlan_tag(struct sk_buff *skb)
{
	struct sk_buff___vlan_all *all = (void *)skb;
	struct sk_buff___vlan_present *present = (void *)skb;

	if (bpf_core_field_exists(all->vlan_all))
		return all->vlan_all != 0;
	if (bpf_core_field_exists(present->vlan_present))
		return BPF_CORE_READ_BITFIELD(present, vlan_present);
	return 0;
}

/* Ethernet bytes: some sites free the frame with its header already taken off. */
static __always_inline __u32 bytes_of(struct sk_buff *skb)
{
	__u32 len = skb->len, mac = skb->mac_header,
	      off = (__u32)((__u64)skb->data - (__u64)skb->head);

	/* unsigned: also false when data lies before the header */
	if (mac != 0xffff && off - mac < 512)
		len += off - mac;
	return has_vlan_tag(skb) ? len + 4 : len;
}

/* Wire frames in a super-frame whose sender left gso_segs to others. */
static __always_inline __u32 segments_of_gso(struct sk_buff *skb, struct skb_shared_info *si,
					     __u32 size, __u32 bytes)
{
	__u32 segs = BPF_CORE_READ(si, gso_segs), type, headers, th = skb->transport_header,
	      mac = skb->mac_header;
	__u8 doff = 0;

	if (segs)
		return segs;
	if (th == 0xffff || mac == 0xffff || th <= mac)
		return (bytes + size - 1) / size;
	type = BPF_CORE_READ(si, gso_type);
	headers = th - mac + 8;
	if (!(type & (SKB_GSO_UDP | SKB_GSO_UDP_L4)) &&
	    !bpf_probe_read_kernel(&doff, sizeof(doff), skb->head + th + 12))
		headers += (doff >> 4) * 4 - 8;
	return bytes > headers ? (bytes - headers + size - 1) / size : 1;
}

static __always_inline __u32 segments_of(struct sk_buff *skb, __u32 bytes)
{
	struct skb_shared_info *si = (void *)(skb->head + skb->end);
	__u32 size = BPF_CORE_READ(si, gso_size);

	return size ? segments_of_gso(skb, si, size, bytes) : 1;
}

#endif
