/* SPDX-License-Identifier: GPL-2.0 */
/* trace - from which kernel stacks do the watched devices lose frames? Loaded by taplossctl trace,
 * gone when it ends. Everybody else's drops are let go after one look into the map of watched
 * devices. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "frame.h"
#include "locate.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tl_device_key);
	__type(value, __u8);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 4096);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, TL_TRACE_DEPTH * sizeof(__u64));
} stacks SEC(".maps");

struct {					/* per CPU, so that plain adds do not race */
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct tl_trace_key);
	__type(value, struct tl_trace_count);
} traces SEC(".maps");

__u64 uncounted;				/* frames that found no room in the map */

static __always_inline int on_kfree_skb(void *ctx, struct sk_buff *skb, void *location,
					__u32 reason)
{
	struct tl_trace_key key = { .location = (__u64)location, .reason = reason };
	struct tl_trace_count first = { .frames = 1 }, *v;
	struct tl_loss_key found = { 0 };
	struct tl_device_key dev;

	if (!skb->len || !find_device(skb, &found))
		return 0;
	dev.netns = key.netns = found.netns;
	dev.ifindex = key.ifindex = found.ifindex;
	key.kind = found.kind;
	key.ingress = found.ingress;
	if (!bpf_map_lookup_elem(&watched, &dev))
		return 0;
	key.stack = (__s32)bpf_get_stackid(ctx, &stacks, 0);
	if (key.stack < 0)
		key.stack = -1;		/* one row, whatever the reason was */
	first.bytes = bytes_of(skb);
	v = bpf_map_lookup_elem(&traces, &key);
	if (!v) {
		if (!bpf_map_update_elem(&traces, &key, &first, BPF_NOEXIST))
			return 0;
		/* another CPU was first, or there is no room */
		v = bpf_map_lookup_elem(&traces, &key);
	}
	if (!v) {
		__sync_fetch_and_add(&uncounted, 1);
		return 0;
	}
	v->frames++;
	v->bytes += first.bytes;
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(trace_reason, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_kfree_skb(ctx, skb, location, reason);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(trace_noreason, struct sk_buff *skb, void *location)
{
	return on_kfree_skb(ctx, skb, location, TL_REASON_NONE);
}
