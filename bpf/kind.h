/* SPDX-License-Identifier: GPL-2.0 */
/* kind.h - is a device a tun or tap, macvtap or ipvtap? Asked of every frame that the kernel frees,
 * so what was found is remembered by address. */
#ifndef TAPLOSS_BPF_KIND_H
#define TAPLOSS_BPF_KIND_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "abi.h"
#include "kernel.h"

/* Where the kernel keeps the rtnl_link_ops of each kind, once seen: comparing a pointer is cheaper
 * than reading a name. */
static __u64 known_ops[TL_KIND_IPVTAP + 1];

static __always_inline __u8 kind_by_name(const char *name)
{
	union {
		char text[8];
		__u64 word;
	} kind = { .word = 0 };

	if (bpf_probe_read_kernel(&kind, sizeof(kind), name))
		return TL_KIND_NONE;
	if ((__u32)kind.word == ('t' | 'u' << 8 | 'n' << 16))
		return TL_KIND_TUN;
	if (kind.word == 0x007061747663616dULL)			/* "macvtap" */
		return TL_KIND_MACVTAP;
	if ((kind.word & 0x00ffffffffffffffULL) == 0x0000706174767069ULL)	/* "ipvtap" */
		return TL_KIND_IPVTAP;
	return TL_KIND_NONE;
}

/* Kinds that are none of ours, seen lately. Where the ops, their name and their function stood says
 * it again: a module that was loaded in the place of another one has not all three where that had
 * them. */
static struct {
	__u64 ops, kind, setup;
} known_others[2];
static __u32 next_other;

static __always_inline int is_other(const struct rtnl_link_ops *ops, __u32 i)
{
	return (__u64)ops == known_others[i].ops && (__u64)ops->kind == known_others[i].kind &&
	       (__u64)ops->setup == known_others[i].setup;
}

static __always_inline void remember_other(const struct rtnl_link_ops *ops)
{
	__u32 i = next_other++ & 1;

	known_others[i].ops = (__u64)ops;
	known_others[i].kind = (__u64)ops->kind;
	known_others[i].setup = (__u64)ops->setup;
}

/* Is @ops one of ours? The pointer may be anything; what spells "tun" is a tun. */
static __always_inline __u8 kind_of(const struct rtnl_link_ops *ops)
{
	__u8 kind;

	if (!ops)
		return TL_KIND_NONE;
	if ((__u64)ops == known_ops[TL_KIND_TUN])
		return TL_KIND_TUN;
	if ((__u64)ops == known_ops[TL_KIND_MACVTAP])
		return TL_KIND_MACVTAP;
	if (is_other(ops, 0) || is_other(ops, 1))
		return TL_KIND_NONE;
	kind = kind_by_name(ops->kind);
	if (kind)
		known_ops[kind & 3] = (__u64)ops;
	else
		remember_other(ops);
	return kind;
}

/* The kind of a socket of tun.ko or tap.ko, by the name that its protocol has. */
static __always_inline __u8 kind_of_proto(const struct proto *prot)
{
	__u32 name = 0;

	if (!prot || bpf_probe_read_kernel(&name, sizeof(name), &prot->name))
		return TL_KIND_NONE;
	if (name == ('t' | 'u' << 8 | 'n' << 16))
		return TL_KIND_TUN;
	return name == ('t' | 'a' << 8 | 'p' << 16) ? TL_KIND_MACVTAP : TL_KIND_NONE;
}

static __always_inline __u8 kind_of_sock(struct sock *sk)
{
	return kind_of_proto(sk->__sk_common.skc_prot);
}

/* tun.ko may have gone and another module's rtnl_link_ops have come to its place: look again before
 * a key is made. */
static __always_inline int still_ours(struct net_device *dev, __u8 kind)
{
	if (kind_by_name(BPF_CORE_READ(dev, rtnl_link_ops, kind)) == kind)
		return 1;
	known_ops[kind & 3] = 0;
	return 0;
}

static __always_inline void key_device(struct tl_loss_key *key, struct net_device *dev, __u8 kind)
{
	key->netns = dev->nd_net.net->ns.inum;
	key->ifindex = dev->ifindex;
	key->kind = kind;
}

#endif
