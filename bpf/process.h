/* SPDX-License-Identifier: GPL-2.0 */
/* process.h - which process is running, by the number that the agent knows it by. */
#ifndef TAPLOSS_BPF_PROCESS_H
#define TAPLOSS_BPF_PROCESS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* The pid namespace of the agent, when it is not the first one: its /proc has other numbers than
 * the kernel's own. */
const volatile __u64 pidns_dev, pidns_ino;

static __always_inline __u32 current_process(void)
{
	struct bpf_pidns_info in = { 0 };

	if (pidns_ino && !bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, &in, sizeof(in)))
		return in.tgid;
	return bpf_get_current_pid_tgid() >> 32;
}

#endif
