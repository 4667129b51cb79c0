/* SPDX-License-Identifier: GPL-2.0 */
/* count.h - adds a lost frame to its counter, makes the counter of a first one, notes the device
 * that lost it. */
#ifndef TAPLOSS_BPF_COUNT_H
#define TAPLOSS_BPF_COUNT_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "abi.h"
#include "burst.h"
#include "frame.h"
#include "kernel.h"
#include "kind.h"
#include "maps.h"
#include "queue.h"

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

#endif
