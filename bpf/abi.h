/* SPDX-License-Identifier: GPL-2.0-or-later */
/* abi.h - contract 1: every byte that crosses between the BPF programs and user space; included by
 * both sides.
 *
 * The maps are pinned and outlive the agent, and the agent stores keys as they are: a change of any
 * layout here raises TL_ABI_VERSION, which is part of the pin path. Fixed widths, no implicit
 * padding, layouts asserted. */
#ifndef TAPLOSS_BPF_ABI_H
#define TAPLOSS_BPF_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif
#include <stddef.h>

#define TL_ABI_VERSION 3

/* What kind of device lost the frame, by rtnl_link_ops->kind. */
enum tl_kind {
	TL_KIND_NONE = 0,	/* the skb named no device: see tl_loss_key.task */
	TL_KIND_TUN = 1,	/* tun.ko: tap and tun */
	TL_KIND_MACVTAP = 2,
	TL_KIND_IPVTAP = 3,
	/* none of these: a device on the way to or from a VM whose address stood in the frame */
	TL_KIND_PATH = 4,
};

#define TL_QUEUE_NONE 0xffff	/* the kernel had not chosen a queue, or does not keep it */
#define TL_REASON_NONE 0xffffffff	/* kernel before 5.17: kfree_skb carries no reason */
#define TL_IIF_OTHER 0xffffffff		/* one of the senders past the first TL_MAX_SENDERS */
/* keys with a sender that one device may have: bounds the map */
#define TL_MAX_SENDERS 16

/* Stand in tl_loss_key.location for losses of frames that were no skbs (xdp.bpf.c), and of frames
 * that a queueing discipline gave back for another's sake (queue.h). */
enum tl_place {
	/* the first frame of a bulk that found a tap's ring full: tx_dropped counts this one */
	TL_PLACE_XDP_FIRST = 1,
	TL_PLACE_XDP_REST,    /* the others of that bulk: it does not count these */
	TL_PLACE_XDP_REFUSED, /* the tap took none of the bulk: tl_loss_key.reason is the errno */
	/* a guest's frame whose XDP program failed: tl_loss_key.reason is what it answered (enum
	   xdp_action) */
	TL_PLACE_XDP_FAILED,
	/* the device is down or has no carrier: in front of it stands what takes nothing
	   (noop_qdisc) */
	TL_PLACE_NO_QDISC,
	/* the driver had stopped this queue: a tap whose ring is full, opened with IFF_BACKPRESSURE
	 */
	TL_PLACE_STOPPED,
	TL_PLACE_MAX,
};

/* One way to lose a frame. Keys compare as bytes, so every byte is always set. */
struct tl_loss_key {
	/* return address in the function that freed the skb; kallsyms names it. Or enum tl_place */
	__u64 location;
	/* inode number of the device's network namespace, 0 with no device */
	__u32 netns;
	/* the device that lost the frame; 0: unknown, then @task says who was at work */
	__u32 ifindex;
	/* enum skb_drop_reason of the running kernel, or TL_REASON_NONE; else as enum tl_place says
	 */
	__u32 reason;
	/* TL_KIND_PATH: these two hold the VM's Ethernet address, see tl_path_mac() */
	/* process id (in the agent's pid namespace) of the VMM, only when ifindex is 0; else 0 */
	__u32 task;
	__u16 queue;		/* 0-based queue of the tap, or TL_QUEUE_NONE */
	__u8 kind;		/* enum tl_kind */
	/* 1: the frame was on the device's receive side (tun: from the guest; macvtap: to it);
	 * TL_KIND_PATH: the address was the destination */
	__u8 ingress;
	/* towards the guest: the device that the frame came in by (skb_iif), TL_IIF_OTHER, or 0:
	 * the host itself sent it, or (macvtap, ipvtap) the kernel does not keep it; from the
	 * guest: 0 */
	__u32 iif;
};

/* Per CPU. Totals since the element was made; user space adds up the CPUs. */
struct tl_loss_count {
	__u64 frames;		/* skbs */
	/* wire frames in them: more than frames when GSO super-frames were lost */
	__u64 segments;
	/* Ethernet bytes without FCS, VLAN tag included, as the skb held them */
	__u64 bytes;
	__u32 last_tick;	/* jiffies at last_ns, and TL_TICK_FAST */
	__u32 burst_base;	/* frames before the burst at hand, their low 32 bits */
	/* CLOCK_BOOTTIME of the element's birth, set on one CPU, 0 on the others. A key that was
	 * deleted and came back has another birth: its totals start at 0 again. */
	__u64 born_ns;
	/* The burst at hand on this CPU; see struct tl_burst. */
	__u64 burst_ns;		/* 0: this CPU never lost one */
	__u64 last_ns;
	__u64 burst_delivered;
};

/* Reading the clock is a quarter of what a lost frame costs. While TL_FAST_FRAMES come within
 * TL_FAST_NS, one in so many reads it, and the first of each tick of the kernel: last_ns is then
 * behind by less than a millisecond, and at most by a tick. */
#define TL_TICK_FAST 0x80000000U
#define TL_FAST_FRAMES 32
#define TL_FAST_NS 1000000

/* A burst: frames lost under one key on one CPU with less than TL_BURST_GAP_NS between any two. One
 * that goes on is cut after TL_BURST_MAX_NS, so that it can be told before it ends: the next one
 * then begins less than a gap behind it. What CPUs and keys saw of the same queue's burst is put
 * together by who reads it: it is exact, because whatever lies closer than a gap belongs together.
 */
#define TL_BURST_GAP_NS 10000000ULL
#define TL_BURST_MAX_NS 1000000000ULL
#define TL_BURST_BYTES (1 << 20)	/* the ring in which bursts wait to be read */
#define TL_DELIVERED_NONE (~0ULL)	/* the kernel does not show what the device delivered */

struct tl_burst {
	struct tl_loss_key key;
	__u64 start_ns, last_ns;	/* CLOCK_BOOTTIME of its first and last frame */
	__u64 frames;
	/* what the device had delivered in this direction when it began: the place in the sequence
	 */
	__u64 delivered;
	__u32 cpu;
	__u32 zero;
};

/* What a device was when it first lost a frame: it may be gone before user space looks. */
struct tl_device_key {
	__u32 netns, ifindex;
};

struct tl_device {
	char name[16];		/* IFNAMSIZ, NUL-terminated */
	__u64 seen_ns;		/* CLOCK_BOOTTIME of the first loss */
	__u32 ring_frames;	/* tx_queue_len */
	__u8 kind;		/* enum tl_kind */
	__u8 mac[6];		/* the device's own address */
	__u8 zero;
	__u32 senders;		/* loss keys of the device that name a sender */
};

/* The VMs' Ethernet addresses, as far as user space knows them: losses of other devices are counted
 * for these. */
struct tl_mac {
	__u8 addr[6];
	__u8 zero[2];
};

/* Which frames cannot be a VM's is seen here first: a bit for each known address, and how many
 * there are. */
#define TL_FILTER_BITS 65536
struct tl_mac_filter {
	__u64 count;
	__u64 bits[TL_FILTER_BITS / 64];
};

static inline __u32 tl_mac_bit(const __u16 mac[3])	/* the end of an address differs most */
{
	return (__u32)(mac[2] ^ mac[1] << 3 ^ mac[1] >> 5) % TL_FILTER_BITS;
}

/* The VM's address in a key of TL_KIND_PATH: 6 bytes. */
static inline const __u8 *tl_path_mac(const struct tl_loss_key *key)
{
	return (const __u8 *)&key->task;
}

/* One open queue of a tap, as frame_errors.bpf.c writes it. */
struct tl_frame_errors {
	__u32 netns, ifindex;
	__u64 frames;		/* of the whole device */
};

/* One open queue of a tap and its ring of frames for the guest, as tapring.bpf.c finds and reads
 * it; not pinned. */
struct tl_tapring {
	/* its struct tun_file or tap_queue, and the struct tun_struct or tap_dev that this belongs
	 * to: */
	__u64 file;
	__u64 device;		/* addresses in the kernel */
	__u32 netns, ifindex;
	__u32 holder;		/* a process that has it open; user space's */
	__u8 tap;		/* of tap.ko: macvtap, ipvtap */
	__u8 zero;
	__u16 queue;
	__u32 queues;		/* of the device, which are open and in use */
	/* in the ring, and how many it holds. size 0: this is no longer that device's queue, or it
	 * could not be read now */
	__u32 frames, size;
	__u32 zeroes;
};
#define TL_TAPRINGS 1024	/* read at a time */

/* Index into the per-CPU array of __u64 that counts what the programs themselves could not do. */
enum tl_stat {
	TL_STAT_UNCOUNTED_FRAMES, /* lost frames of taps that found no room in the map */
	TL_STAT_UNCOUNTED_BYTES,
	/* counted, but the device behind the socket could not be read */
	TL_STAT_UNNAMED_FRAMES,
	/* freed by a vhost worker with neither device nor socket: who wants them named needs the
	   context */
	TL_STAT_NAMELESS_FRAMES,
	TL_STAT_CONTEXT_FRAMES, /* of those: the context named device and queue */
	/* bursts that found no room in the ring; their frames are in the totals */
	TL_STAT_UNLISTED_BURSTS,
	TL_STAT_UNLISTED_FRAMES, /* the frames in them */
	TL_STAT_MAX,
};

/* Slots of the program array through which the main program reaches the ones that need tun.ko /
 * tap.ko types. */
enum tl_slot {
	/* skb->dev is NULL (or says too little): ask the tun_file / tap_queue behind skb->sk */
	TL_SLOT_SOCK,
	/* macvtap, ipvtap towards the guest: which queue did tap_get_queue() choose? */
	TL_SLOT_TAPQ,
	/* neither device nor socket: on which socket is this vhost worker sending? */
	TL_SLOT_CONTEXT,
	TL_SLOT_MAX,
};

/* taplossctl trace, not pinned: how often a watched device lost frames from one kernel stack. */
#define TL_TRACE_DEPTH 64
struct tl_trace_key {
	__u64 location;		/* as in tl_loss_key */
	__u32 netns, ifindex, reason;
	/* in the map of stacks; negative: there was no room for it, or another one had its place */
	__s32 stack;
	__u8 kind, ingress, zero[6];
};

struct tl_trace_count {
	__u64 frames, bytes;
};

/* taplossctl capture --dropped, not pinned: a lost frame of a watched device. Behind @head stand
 * @front + @more bytes of it: what had been taken off, and what the frame still held. */
#define TL_DROPPED_FRONT 192
#define TL_DROPPED_SNAP 32768		/* a record of the kernel's ring is shorter than 64 KiB */
struct tl_dropped {
	__u64 t_ns;		/* CLOCK_BOOTTIME */
	__u64 location;		/* as in tl_loss_key, like the next three */
	__u32 netns, ifindex, reason;
	/* @len: Ethernet bytes without the tag that stands beside the frame */
	__u32 len, more;
	__u32 segments;
	__u64 limited, unsent;	/* the device's tl_dropped_count on this CPU before this frame */
	__u16 queue, front;
	__u16 vlan_tci, vlan_proto;	/* when @tagged; the protocol in network order */
	__u16 hardware;		/* ARPHRD_ */
	__u8 kind, ingress, tagged;
	__u8 zero[3];
	__u8 head[TL_DROPPED_FRONT];
};

struct tl_dropped_count {	/* frames, per CPU */
	__u64 lost;		/* all; sent are: lost - limited - unsent */
	__u64 limited;		/* counted only, because there were more than the limit */
	__u64 unsent;		/* no room in the kernel's ring */
};

_Static_assert(sizeof(struct tl_dropped) == 72 + TL_DROPPED_FRONT,
	       "layout of dropped frames is ABI");
_Static_assert(sizeof(struct tl_trace_key) == 32, "trace key layout is ABI");
_Static_assert(sizeof(struct tl_loss_key) == 32, "loss key layout is ABI");
_Static_assert(sizeof(struct tl_loss_count) == 64, "loss count layout is ABI");
_Static_assert(sizeof(struct tl_burst) == 72, "burst layout is ABI");
_Static_assert(sizeof(struct tl_device_key) == 8, "device key layout is ABI");
_Static_assert(sizeof(struct tl_tapring) == 48, "ring layout is ABI");
_Static_assert(sizeof(struct tl_device) == 40, "device layout is ABI");
_Static_assert(sizeof(struct tl_mac) == 8, "address layout is ABI");
_Static_assert(offsetof(struct tl_loss_key, queue) == offsetof(struct tl_loss_key, task) + 4,
	       "an address lies over both");

#endif
