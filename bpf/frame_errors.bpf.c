/* SPDX-License-Identifier: GPL-2.0 */
/* frame_errors - what tun.ko counts for itself and shows nobody on a tap: frames refused for their
 * virtio-net header. Read through the descriptors of the process that holds the tap; nothing here
 * runs by itself. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "kernel.h"
#include "task_file.h"

char LICENSE[] SEC("license") = "GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__s64 counter;
} atomic64_t;

struct tun_struct___errors {
	atomic64_t rx_frame_errors;
};

#pragma clang attribute pop

SEC("iter/task_file")
int frame_errors(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct tl_frame_errors out = { 0 };
	struct tun_struct___errors *tun = NULL;
	struct tun_file *tf;
	struct net_device *dev;

	if (!file || BPF_CORE_READ(file, f_inode, i_rdev) != TUN_RDEV)
		return 0;
	tf = BPF_CORE_READ(file, private_data);
	if (!bpf_core_field_exists(tf->tun) || !bpf_core_field_exists(tun->rx_frame_errors))
		return 0;
	tun = (void *)BPF_CORE_READ(tf, tun);
	dev = BPF_CORE_READ(tf, tun, dev);
	if (!tun || !dev)
		return 0;	/* a queue that is detached, a descriptor without a device */
	out.netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	out.ifindex = BPF_CORE_READ(dev, ifindex);
	out.frames = BPF_CORE_READ(tun, rx_frame_errors.counter);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
