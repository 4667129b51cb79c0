/* SPDX-License-Identifier: GPL-2.0 */
/* vhost.h - which vhost worker is running. */
#ifndef TAPLOSS_BPF_VHOST_H
#define TAPLOSS_BPF_VHOST_H

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "kernel.h"
#include "process.h"

/* A worker of vhost-net, by its name "vhost-PID": a thread of the VMM since 6.4, a kernel thread
 * before. 0: it is not. */
static __noinline __u32 vhost_owner(void)
{
	char comm[16] = { 0 };
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 pid = 0;

	bpf_get_current_comm(comm, sizeof(comm));
	if (comm[0] != 'v' || comm[1] != 'h' || comm[2] != 'o' || comm[3] != 's' ||
	    comm[4] != 't' || comm[5] != '-')
		return 0;
	if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return current_process();
#pragma unroll
	for (int i = 6; i < 15; i++) {
		if (comm[i] < '0' || comm[i] > '9')
			break;
		pid = pid * 10 + (comm[i] - '0');
	}
	return pid;
}

#endif
