/* SPDX-License-Identifier: GPL-2.0 */
/* tapring - how full the rings are from which guests take their frames. Nothing here runs by
 * itself: one program finds the rings, through the descriptors of a process that holds taps, the
 * other looks into those that are known by now. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "kernel.h"
#include "task_file.h"

char LICENSE[] SEC("license") = "GPL";

#define TRIES 8

__u32 tap_majors[2];			/* character devices of macvtap and ipvtap; 0: none */
struct tl_tapring rings[TL_TAPRINGS];	/* to look into */
__u32 n_rings;

static struct net_device *tun_file_of(const void *data, struct tl_tapring *ret)
{
	const struct tun_file *tf = data;

	if (!bpf_core_field_exists(tf->tx_ring.consumer_head))
		return NULL;
	ret->device = (__u64)BPF_CORE_READ(tf, tun);
	ret->queue = BPF_CORE_READ(tf, queue_index);
	return BPF_CORE_READ(tf, tun, dev);
}

static struct net_device *tap_queue_of(const void *data, struct tl_tapring *ret)
{
	const struct tap_queue *q = data;

	if (!bpf_core_field_exists(q->ring.consumer_head))
		return NULL;
	ret->tap = 1;
	ret->device = (__u64)BPF_CORE_READ(q, tap);
	ret->queue = BPF_CORE_READ(q, queue_index);
	return BPF_CORE_READ(q, tap, dev);
}

SEC("iter/task_file")
int find_rings(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct tl_tapring out = { 0 };
	struct net_device *dev = NULL;
	const void *data;
	__u32 rdev;

	if (!file)
		return 0;
	rdev = BPF_CORE_READ(file, f_inode, i_rdev);
	data = BPF_CORE_READ(file, private_data);
	if (rdev < 1 << 20 || !data)
		return 0;
	if (rdev == TUN_RDEV)
		dev = tun_file_of(data, &out);
	else if (rdev >> 20 == tap_majors[0] || rdev >> 20 == tap_majors[1])
		dev = tap_queue_of(data, &out);
	if (!dev)
		/* another file; a queue that is detached; a descriptor without a device */
		return 0;
	out.file = (__u64)data;
	out.netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	out.ifindex = BPF_CORE_READ(dev, ifindex);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

/* Between two looks at one and the same consumer, producer - consumer is what lay there at one
 * moment. One that equals the other is an empty ring or a full one: then the place farthest from
 * both tells, because the places that were emptied last are cleared in bulks (ptr_ring's batch). */
static int look(const struct ptr_ring *ring, struct tl_tapring *r)
{
	__u32 size = (__u32)BPF_CORE_READ(ring, size), head, producer;
	void **queue = BPF_CORE_READ(ring, queue), *far;

	for (int i = 0; i < TRIES; i++) {
		head = (__u32)BPF_CORE_READ(ring, consumer_head);
		producer = (__u32)BPF_CORE_READ(ring, producer);
		far = NULL;
		if (producer >= size || head >= size)
			/* it is just being made another, or at the end of its row */
			continue;
		if (producer == head &&
		    bpf_probe_read_kernel(&far, sizeof(far), &queue[(head + size / 2) % size]))
			return 0;
		if ((__u32)BPF_CORE_READ(ring, consumer_head) != head)
			continue;
		r->frames = producer > head   ? producer - head
			    : producer < head ? size - head + producer
			    : far	      ? size
					      : 0;
		r->size = size;
		return 0;
	}
	return 0;
}

/* Is it still that device's queue? The memory may be another's meanwhile; reading what is not there
 * fails, and does no harm. */
static int look_tun(struct tl_tapring *r)
{
	struct tun_struct *tun = (void *)r->device, *now;
	struct tun_file *tf = (void *)r->file, *in = NULL;
	__u16 queue = r->queue;

	if (!bpf_core_field_exists(tf->tx_ring.consumer_head) || queue >= 256)
		return 0;
	now = BPF_CORE_READ(tf, tun);
	bpf_probe_read_kernel(&in, sizeof(in),
			      (void *)tun + bpf_core_field_offset(tun->tfiles) + queue * 8);
	if (now != tun || in != tf || (__u32)BPF_CORE_READ(tun, dev, ifindex) != r->ifindex)
		return 0;
	r->queues = BPF_CORE_READ(tun, numqueues);
	return look(&tf->tx_ring, r);
}

static int look_tap(struct tl_tapring *r)
{
	struct tap_dev *tap = (void *)r->device, *now;
	struct tap_queue *q = (void *)r->file, *in = NULL;
	__u16 queue = r->queue;

	if (!bpf_core_field_exists(q->ring.consumer_head) || queue >= 256)
		return 0;
	now = BPF_CORE_READ(q, tap);
	bpf_probe_read_kernel(&in, sizeof(in),
			      (void *)tap + bpf_core_field_offset(tap->taps) + queue * 8);
	if (now != tap || in != q || (__u32)BPF_CORE_READ(tap, dev, ifindex) != r->ifindex)
		return 0;
	r->queues = (__u32)BPF_CORE_READ(tap, numvtaps);
	return look(&q->ring, r);
}

static long each(__u32 i, void *arg)
{
	struct tl_tapring *r;

	(void)arg;
	if (i >= TL_TAPRINGS)
		return 1;
	r = &rings[i];
	r->size = r->frames = 0;
	if (r->tap)
		look_tap(r);
	else
		look_tun(r);
	return 0;
}

SEC("syscall")
int read_rings(void *ctx)
{
	(void)ctx;
	bpf_loop(n_rings, each, NULL, 0);
	return 0;
}
