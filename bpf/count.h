/* SPDX-License-Identifier: GPL-2.0 */
/* count.h - what both objects share: the maps, and how a lost frame is measured and added. */
#ifndef TAPLOSS_BPF_COUNT_H
#define TAPLOSS_BPF_COUNT_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "abi.h"
#include "kernel.h"

#define MAX_CPUS 1024

#include "queue.h"

struct {					/* per CPU, so that plain adds do not race */
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct tl_loss_key);
	__type(value, struct tl_loss_count);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct tl_device_key);
	__type(value, struct tl_device);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TL_STAT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TL_SLOT_MAX);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TL_BURST_BYTES);
} bursts SEC(".maps");

static __always_inline void bump(__u32 stat, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&stats, &stat);

	if (v)
		*v += n;
}

/* Where the kernel keeps the rtnl_link_ops of each kind, once seen: comparing a pointer is cheaper
 * than reading a name. */
static __u64 known_ops[TL_KIND_IPVTAP + 1];

static __always_inline __u8 kind_by_name(const char *name)
{
	union {
		char text[8];
		__u64 word;
	} kind = { .word = 0 };

	if (bpf_probe_read_kernel(&kind, sizeof(kind), name))
		return TL_KIND_NONE;
	if ((__u32)kind.word == ('t' | 'u' << 8 | 'n' << 16))
		return TL_KIND_TUN;
	if (kind.word == 0x007061747663616dULL)			/* "macvtap" */
		return TL_KIND_MACVTAP;
	if ((kind.word & 0x00ffffffffffffffULL) == 0x0000706174767069ULL)	/* "ipvtap" */
		return TL_KIND_IPVTAP;
	return TL_KIND_NONE;
}

/* Kinds that are none of ours, seen lately. Where the ops, their name and their function stood says
 * it again: a module that was loaded in the place of another one has not all three where that had
 * them. */
static struct {
	__u64 ops, kind, setup;
} known_others[2];
static __u32 next_other;

static __always_inline int is_other(const struct rtnl_link_ops *ops, __u32 i)
{
	return (__u64)ops == known_others[i].ops && (__u64)ops->kind == known_others[i].kind &&
	       (__u64)ops->setup == known_others[i].setup;
}

static __always_inline void remember_other(const struct rtnl_link_ops *ops)
{
	__u32 i = next_other++ & 1;

	known_others[i].ops = (__u64)ops;
	known_others[i].kind = (__u64)ops->kind;
	known_others[i].setup = (__u64)ops->setup;
}

/* Is @ops one of ours? The pointer may be anything; what spells "tun" is a tun. */
static __always_inline __u8 kind_of(const struct rtnl_link_ops *ops)
{
	__u8 kind;

	if (!ops)
		return TL_KIND_NONE;
	if ((__u64)ops == known_ops[TL_KIND_TUN])
		return TL_KIND_TUN;
	if ((__u64)ops == known_ops[TL_KIND_MACVTAP])
		return TL_KIND_MACVTAP;
	if (is_other(ops, 0) || is_other(ops, 1))
		return TL_KIND_NONE;
	kind = kind_by_name(ops->kind);
	if (kind)
		known_ops[kind & 3] = (__u64)ops;
	else
		remember_other(ops);
	return kind;
}

/* A tun's or tap's own socket, by the name of its protocol. */
static __always_inline __u8 kind_of_sock(struct sock *sk)
{
	struct proto *prot = sk->__sk_common.skc_prot;
	__u32 name = 0;

	if (!prot || bpf_probe_read_kernel(&name, sizeof(name), &prot->name))
		return TL_KIND_NONE;
	if (name == ('t' | 'u' << 8 | 'n' << 16))
		return TL_KIND_TUN;
	return name == ('t' | 'a' << 8 | 'p' << 16) ? TL_KIND_MACVTAP : TL_KIND_NONE;
}

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

/* tun.ko may have gone and another module's rtnl_link_ops have come to its place: look again before
 * a key is made. */
static __always_inline int still_ours(struct net_device *dev, __u8 kind)
{
	if (kind_by_name(BPF_CORE_READ(dev, rtnl_link_ops, kind)) == kind)
		return 1;
	known_ops[kind & 3] = 0;
	return 0;
}

/* The first loss of a kind on a device: note what the device is, it may be gone before anybody
 * looks. */
static __noinline void note_device(struct net_device *dev, const struct tl_loss_key *key)
{
	struct tl_device_key id;
	struct tl_device note = { 0 };

	if (!dev || !key)
		return;
	id.netns = key->netns;
	id.ifindex = key->ifindex;
	note.senders = key->iif != 0;
	note.seen_ns = bpf_ktime_get_boot_ns();
	note.kind = key->kind;
	note.ring_frames = BPF_CORE_READ(dev, tx_queue_len);
	BPF_CORE_READ_INTO(&note.name, dev, name);
	bpf_probe_read_kernel(note.mac, sizeof(note.mac), BPF_CORE_READ(dev, dev_addr));
	bpf_map_update_elem(&devices, &id, &note, BPF_NOEXIST);
}

/* May the device have one more key that names a sender? */
static __noinline int room_for_sender(const struct tl_loss_key *key)
{
	struct tl_device_key id;
	struct tl_device *note;

	if (!key)
		return 0;
	id.netns = key->netns;
	id.ifindex = key->ifindex;
	note = bpf_map_lookup_elem(&devices, &id);
	if (!note)
		return 1;	/* its first loss: note_device() counts it */
	if (note->senders >= TL_MAX_SENDERS)
		return 0;
	__sync_fetch_and_add(&note->senders, 1);
	return 1;
}

/* Where the kernel keeps its __per_cpu_offset, which user space finds in kallsyms
 * (CONFIG_KALLSYMS_ALL), and for how many CPUs; 0: it shows none. */
const volatile __u64 per_cpu_offset;
const volatile __u32 cpus;

/* Where it does not show that (no CONFIG_KALLSYMS_ALL): what is per CPU lies as far apart
 * everywhere, so an element of our own tells. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} anchor SEC(".maps");

static __always_inline int cpu_offset(__u32 cpu, __u64 *ret)
{
	void *mine, *map = &anchor;
	struct bpf_array *array = NULL;
	/* read back as numbers: the verifier lets nobody reckon with its pointers */
	__u64 at, base;
	__u32 zero = 0;

	if (per_cpu_offset)
		return bpf_probe_read_kernel(ret, sizeof(*ret), (void *)(per_cpu_offset + cpu * 8));
	if (!bpf_core_field_exists(array->pptrs) ||
	    !bpf_core_enum_value_exists(enum bpf_func_id___lookup,
					BPF_FUNC_map_lookup_percpu_elem___lookup))
		return -1;
	mine = bpf_map_lookup_percpu_elem(&anchor, &zero, cpu);
	if (!mine || bpf_probe_read_kernel(&at, sizeof(at), &mine) ||
	    bpf_probe_read_kernel(&base, sizeof(base), &map) ||
	    bpf_probe_read_kernel(&base, sizeof(base),
				  (void *)(base + bpf_core_field_offset(array->pptrs))))
		return -1;
	*ret = at - base;
	return 0;
}

static __always_inline __u32 counter_offset(int rx)
{
	struct pcpu_sw_netstats___structs *structs = NULL;
	struct pcpu_sw_netstats___numbers *numbers = NULL;

	if (bpf_core_field_exists(structs->tx_packets))
		return rx ? bpf_core_field_offset(structs->rx_packets)
			  : bpf_core_field_offset(structs->tx_packets);
	return rx ? bpf_core_field_offset(numbers->rx_packets)
		  : bpf_core_field_offset(numbers->tx_packets);
}

/* Frames that a tun delivered, towards the guest or (@rx) from it. Only at the beginning of a
 * burst: it looks at every CPU. */
static __noinline __u64 delivered_by(struct net_device *dev, int rx)
{
	__u64 sum = 0, more, offset, stats;

	if (!dev || !bpf_core_field_exists(dev->tstats))
		return TL_DELIVERED_NONE;
	stats = (__u64)BPF_CORE_READ(dev, tstats);
	if (!stats)
		return TL_DELIVERED_NONE;
	for (__u32 cpu = 0; cpu < MAX_CPUS && cpu < cpus; cpu++) {
		if (cpu_offset(cpu, &offset))
			return TL_DELIVERED_NONE;
		if (!bpf_probe_read_kernel(&more, sizeof(more),
					   (void *)(stats + offset + counter_offset(rx))))
			sum += more;
	}
	return sum;
}

static __noinline void tell_burst(const struct tl_loss_count *v, const struct tl_loss_key *key)
{
	struct tl_burst b = { 0 };

	if (!v || !key)
		return;
	b.key = *key;
	b.start_ns = v->burst_ns;
	b.last_ns = v->last_ns;
	b.frames = (__u32)v->frames - v->burst_base;
	b.delivered = v->burst_delivered;
	b.cpu = bpf_get_smp_processor_id();
	if (!bpf_ringbuf_output(&bursts, &b, sizeof(b), BPF_RB_NO_WAKEUP))
		return;
	bump(TL_STAT_UNLISTED_BURSTS, 1);
	bump(TL_STAT_UNLISTED_FRAMES, b.frames);
}

static __noinline void begin_burst(struct tl_loss_count *v, const struct tl_loss_key *key,
				   struct net_device *dev, __u64 now)
{
	if (!v || !key)
		return;
	v->burst_ns = now;
	v->burst_base = v->frames;
	v->burst_delivered =
		key->kind == TL_KIND_TUN ? delivered_by(dev, key->ingress) : TL_DELIVERED_NONE;
}

/* The frame at hand goes on with a burst, or begins one. */
static __always_inline void in_burst(struct tl_loss_count *v, const struct tl_loss_key *key,
				     struct net_device *dev)
{
	__u32 tick = (__u32)bpf_jiffies64() | TL_TICK_FAST;
	__u64 now;

	if (tick == v->last_tick && v->frames % TL_FAST_FRAMES)
		return;
	now = bpf_ktime_get_boot_ns();
	v->last_tick = now - v->last_ns < (v->last_tick ? TL_FAST_NS : TL_FAST_NS / TL_FAST_FRAMES)
			       ? tick
			       : 0;
	if (now - v->last_ns >= TL_BURST_GAP_NS || now - v->burst_ns >= TL_BURST_MAX_NS) {
		if (v->burst_ns)
			tell_burst(v, key);
		begin_burst(v, key, dev, now);
	}
	v->last_ns = now;
}

/* Adds that many under @key. @dev NULL: no device is known. */
static __always_inline void add(struct net_device *dev, struct tl_loss_key *key, __u32 frames,
				__u32 segments, __u32 bytes)
{
	struct tl_loss_count first, *v;

	v = bpf_map_lookup_elem(&losses, key);
	if (!v && key->iif && !room_for_sender(key)) {
		key->iif = TL_IIF_OTHER;
		v = bpf_map_lookup_elem(&losses, key);
	}
	if (!v) {
		if (dev && key->kind != TL_KIND_PATH && !still_ours(dev, key->kind))
			return;
		first = (struct tl_loss_count){ .born_ns = bpf_ktime_get_boot_ns() };
		first.last_ns = first.born_ns;
		begin_burst(&first, key, dev, first.born_ns);
		first.frames = frames;
		first.segments = segments;
		first.bytes = bytes;
		if (!bpf_map_update_elem(&losses, key, &first, BPF_NOEXIST)) {
			if (dev)
				note_device(dev, key);
			return;
		}
		/* another CPU was first, or there is no room */
		v = bpf_map_lookup_elem(&losses, key);
	}
	if (!v) {
		bump(TL_STAT_UNCOUNTED_FRAMES, frames);
		bump(TL_STAT_UNCOUNTED_BYTES, bytes);
		return;
	}
	in_burst(v, key, dev);
	v->frames += frames;
	v->segments += segments;
	v->bytes += bytes;
}

static __always_inline void count(struct sk_buff *skb, struct net_device *dev,
				  struct tl_loss_key *key)
{
	__u32 bytes = bytes_of(skb);

	if (dev && by_qdisc(key->reason)) {
		key->location = place_at_queue(dev, skb->queue_mapping, key->location);
		key->reason = reason_at_queue(skb, key->reason);
	}
	add(dev, key, 1, segments_of(skb, bytes), bytes);
}

static __always_inline void key_device(struct tl_loss_key *key, struct net_device *dev, __u8 kind)
{
	key->netns = dev->nd_net.net->ns.inum;
	key->ifindex = dev->ifindex;
	key->kind = kind;
}

#endif
