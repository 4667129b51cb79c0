/* SPDX-License-Identifier: GPL-2.0 */
/* burst.h - losses of one series that follow each other closely are a burst. The first frame of the
 * next burst reports the one before it; reading the counters (collector/loss/burst.c) finds the
 * last one. */
#ifndef TAPLOSS_BPF_BURST_H
#define TAPLOSS_BPF_BURST_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "abi.h"
#include "kernel.h"
#include "maps.h"

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

static __noinline void report_burst(const struct tl_loss_count *v, const struct tl_loss_key *key)
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
			report_burst(v, key);
		begin_burst(v, key, dev, now);
	}
	v->last_ns = now;
}

#endif
