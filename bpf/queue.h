/* SPDX-License-Identifier: GPL-2.0 */
/* queue.h - whose fault is it that a queueing discipline gives a frame back? Mostly its own: it is
 * full. But in front of a device that is down or has no carrier there is one that takes nothing,
 * and one whose driver has stopped the queue only stands in for the full ring behind it. Both are
 * seen at the queue while the frame is freed; kernels that give no reason (before 5.17) do not say
 * that it was a discipline. */
#ifndef TAPLOSS_BPF_QUEUE_H
#define TAPLOSS_BPF_QUEUE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "abi.h"
#include "kernel.h"

static __always_inline int by_qdisc(__u32 reason)
{
	return reason != TL_REASON_NONE &&
	       bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_QDISC_DROP) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_QDISC_DROP);
}

/* enum tl_place, or @location when it was the discipline itself. */
static __noinline __u64 place_at_queue(struct net_device *dev, __u16 number, __u64 location)
{
	struct netdev_queue *queue;
	char noop[8] = { 0 };

	if (!dev || number >= BPF_CORE_READ(dev, num_tx_queues))
		return location;
	queue = (void *)((__u64)BPF_CORE_READ(dev, _tx) +
			 (__u64)number * bpf_core_type_size(struct netdev_queue));
	BPF_CORE_READ_INTO(&noop, queue, qdisc, ops, id);
	if (*(__u64 *)noop == 0x706f6f6eULL)	/* "noop" */
		return TL_PLACE_NO_QDISC;
	return BPF_CORE_READ(queue, state) & QUEUE_STOPPED ? TL_PLACE_STOPPED : location;
}

/* What was refused last on each CPU, and why: from 7.0 on that stands in a tracepoint of its own
 * (ff2998f29f39), which fires right before kfree_skb says QDISC_DROP for all. Only the object that
 * hangs on it fills this in. */
static struct {
	__u64 skb;
	__u32 reason, zero;
} refused[MAX_CPUS];

static __always_inline void note_refused(struct sk_buff *skb, __u32 reason)
{
	__u32 cpu = bpf_get_smp_processor_id() % MAX_CPUS;

	refused[cpu].skb = (__u64)skb;
	refused[cpu].reason = reason;
}

/* enum qdisc_drop_reason, which has numbers of its own among the drop reasons, or @reason. */
static __always_inline __u32 reason_at_queue(struct sk_buff *skb, __u32 reason)
{
	__u32 cpu = bpf_get_smp_processor_id() % MAX_CPUS;

	return refused[cpu].skb == (__u64)skb ? refused[cpu].reason : reason;
}

#endif
