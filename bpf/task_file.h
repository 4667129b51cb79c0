/* SPDX-License-Identifier: GPL-2.0 */
/* task_file.h - for programs that go through the descriptors of one process (SEC("iter/task_file"),
 * Linux 6.1), and run when they are called only. User space: collector/loss/task_file.h. */
#ifndef TAPLOSS_BPF_TASK_FILE_H
#define TAPLOSS_BPF_TASK_FILE_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct inode {
	__u32 i_rdev;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct file *file;
};

#pragma clang attribute pop

/* /dev/net/tun: MISC_MAJOR, TUN_MINOR; dev_t has 20 bits for the minor */
#define TUN_RDEV (10 << 20 | 200)

#endif
