/* SPDX-License-Identifier: GPL-2.0 */
/* dropped - the lost frames themselves of the devices watched, as they are freed. Loaded by
 * taplossctl capture --dropped, gone when it ends. Everybody else's drops are let go after one look
 * into the map of watched devices; above the limit a frame is only counted. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "frame.h"
#include "locate.h"
#include "queue.h"

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 limit;		/* frames a second; 0: none */
const volatile __u32 snaplen;

struct {
	/* per CPU, so that plain adds do not race; made by user space */
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tl_device_key);
	__type(value, struct tl_dropped_count);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} frames SEC(".maps");

/* The second at hand. CPUs race for it, so a few frames more than the limit may go through; each is
 * counted on its own CPU for what became of it. */
static __u64 second_ns;
static __u32 in_second, full_tick;

/* In a flood only the first frame of each tick of the kernel reads the clock. */
static __always_inline int within_limit(void)
{
	__u64 now;

	if (!limit)
		return 1;
	if (in_second >= limit && full_tick == (__u32)bpf_jiffies64())
		return 0;
	now = bpf_ktime_get_boot_ns();
	if (now - second_ns >= 1000000000ULL) {
		second_ns = now;
		in_second = 0;
	}
	if (in_second >= limit) {
		full_tick = (__u32)bpf_jiffies64();
		return 0;
	}
	__sync_fetch_and_add(&in_second, 1);
	return 1;
}

/* What stands before skb->data: the headers that the stack has taken off. */
static __always_inline __u32 front_of(struct sk_buff *skb)
{
	__u32 mac = skb->mac_header, off = (__u32)((__u64)skb->data - (__u64)skb->head);

	return mac != 0xffff && off - mac < 512 ? off - mac : 0;
}

static __always_inline void fill_in(struct tl_dropped *d, struct sk_buff *skb,
				    struct net_device *dev)
{
	__u32 bytes = bytes_of(skb);

	d->t_ns = bpf_ktime_get_boot_ns();
	d->tagged = has_vlan_tag(skb);
	d->vlan_tci = skb->vlan_tci;
	d->vlan_proto = skb->vlan_proto;
	d->len = d->tagged ? bytes - 4 : bytes;
	d->segments = segments_of(skb, bytes);
	d->hardware = BPF_CORE_READ(dev, type);
}

static __always_inline long send(struct sk_buff *skb, struct tl_dropped *d)
{
	__u32 front = front_of(skb), more = skb->len;

	if (front > TL_DROPPED_FRONT) {
		/* so deep in the stack that the rest would not join on */
		front = TL_DROPPED_FRONT;
		more = 0;
	}
	if (front > snaplen)
		front = snaplen;
	if (more > snaplen - front)
		more = snaplen - front;
	barrier_var(front);
	if (front > TL_DROPPED_FRONT)		/* for verifiers that lose the bound above */
		return -1;
	d->front = front;
	d->more = more;
	if (front && bpf_probe_read_kernel(d->head, front, skb->head + skb->mac_header))
		return -1;
	return bpf_skb_output(skb, &frames, BPF_F_CURRENT_CPU | (__u64)more << 32, d,
			      offsetof(struct tl_dropped, head) + front);
}

static __always_inline void record(struct sk_buff *skb, struct net_device *dev,
				   const struct tl_loss_key *key, struct tl_dropped_count *count)
{
	struct tl_dropped d = {
		.location = key->location,
		.netns = key->netns,
		.ifindex = key->ifindex,
		.reason = key->reason,
		.queue = key->queue,
		.kind = key->kind,
		.ingress = key->ingress,
		.limited = count->limited,
		.unsent = count->unsent,
	};

	if (by_qdisc(d.reason)) {
		d.location = place_at_queue(dev, skb->queue_mapping, d.location);
		d.reason = reason_at_queue(skb, d.reason);
	}
	fill_in(&d, skb, dev);
	if (send(skb, &d))
		count->unsent++;
}

static __always_inline int on_kfree_skb(struct sk_buff *skb, void *location, __u32 reason)
{
	struct tl_loss_key key = { .location = (__u64)location, .reason = reason };
	struct tl_device_key id;
	struct tl_dropped_count *count;
	struct net_device *dev;

	if (!skb->len)
		return 0;
	dev = find_device(skb, &key);
	if (!dev)
		return 0;
	id.netns = key.netns;
	id.ifindex = key.ifindex;
	count = bpf_map_lookup_elem(&watched, &id);
	if (!count)
		return 0;
	count->lost++;
	if (within_limit())
		record(skb, dev, &key, count);
	else
		count->limited++;
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(dropped_reason, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_kfree_skb(skb, location, reason);
}

/* Why a queueing discipline refuses a frame (7.2), a moment before it is freed. */
SEC("tp_btf/qdisc_drop")
int BPF_PROG(dropped_refused, void *qdisc, void *queue, void *dev, struct sk_buff *skb,
	     __u32 reason)
{
	note_refused(skb, reason);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(dropped_noreason, struct sk_buff *skb, void *location)
{
	return on_kfree_skb(skb, location, TL_REASON_NONE);
}
