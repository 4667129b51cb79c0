/* SPDX-License-Identifier: GPL-2.0 */
/* maps.h - the maps that all objects which count losses share. The first one loaded makes them, the
 * others are given them (collector/loss/loss.c). */
#ifndef TAPLOSS_BPF_MAPS_H
#define TAPLOSS_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

struct {					/* per CPU, so that plain adds do not race */
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct tl_loss_key);
	__type(value, struct tl_loss_count);
} losses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct tl_device_key);
	__type(value, struct tl_device);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TL_STAT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TL_SLOT_MAX);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TL_BURST_BYTES);
} bursts SEC(".maps");

static __always_inline void bump(__u32 stat, __u64 n)
{
	__u64 *v = bpf_map_lookup_elem(&stats, &stat);

	if (v)
		*v += n;
}

#endif
