/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel_btf - what the kernel's own types (BTF) tell about its tracepoints and modules. */
#ifndef TAPLOSS_COLLECTOR_KERNEL_KERNEL_BTF_H
#define TAPLOSS_COLLECTOR_KERNEL_KERNEL_BTF_H

#include <stdbool.h>
#include <stdint.h>

struct btf;

/* Does the tracepoint kfree_skb give a reason? 1 or 0; -EOPNOTSUPP: there is no such tracepoint. */
int kernel_btf_reasons(const struct btf *vmlinux);

/* Is there a tracepoint that says why a queueing discipline refuses a frame (7.0)? */
bool kernel_btf_qdisc_drop(const struct btf *vmlinux);

/* What bpf/tun_sock.h calls own_fields; 0: not known. */
uint32_t kernel_btf_own_fields(const struct btf *vmlinux);

#endif
