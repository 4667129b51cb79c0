/* SPDX-License-Identifier: GPL-2.0 */
/* context - which socket is a vhost worker sending on? tun_xdp_one() and tap_get_user_xdp() free a
 * frame with a bad header before it has a device or a socket (before 7.2). These programs remember
 * the socket of the batch in hand, and a tail of loss.bpf.c looks it up.
 *
 * They run once for each batch that a guest sends, also when nothing is lost: so they are attached
 * only while such losses happen. */
#include <asm/ptrace.h>

#include "count.h"
#include "tun_sock.h"
#include "vhost.h"

char LICENSE[] SEC("license") = "GPL";

struct {				/* thread -> struct sock, while it is in sendmsg */
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} sending SEC(".maps");

static __always_inline int enter(struct socket *socket)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	__u64 sk = (__u64)BPF_CORE_READ(socket, sk);

	bpf_map_update_elem(&sending, &thread, &sk, BPF_ANY);
	return 0;
}

static __always_inline int leave(void)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&sending, &thread);
	return 0;
}

static __always_inline int on_nameless(struct sk_buff *skb, void *location, __u32 reason)
{
	struct tl_loss_key key = {
		.location = (__u64)location,
		.reason = reason,
		.queue = TL_QUEUE_NONE,
	};
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	__u64 *kept = bpf_map_lookup_elem(&sending, &thread);
	struct net_device *dev = NULL, *named = skb->dev;
	struct sock *sk;
	__u16 queue = TL_QUEUE_NONE;
	__u8 kind;

	if (kept) {
		sk = (struct sock *)*kept;
		kind = kind_of_proto(BPF_CORE_READ(sk, __sk_common.skc_prot));
		dev = kind ? sock_device(sk, kind, &queue) : NULL;
	}
	if (named && dev != named) {
		/* the worker has another device in hand, or none that we know */
		key_device(&key, named, kind_of(named->rtnl_link_ops));
		key.ingress = key.kind == TL_KIND_TUN;
		dev = named;
	} else if (dev) {
		key_by_sock(&key, dev, kind, queue);
		bump(TL_STAT_CONTEXT_FRAMES, 1);
	} else {
		key.task = vhost_owner();
	}
	count(skb, dev, &key);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(context_reason, struct sk_buff *skb, void *location, __u32 reason)
{
	return on_nameless(skb, location, reason);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(context_noreason, struct sk_buff *skb, void *location)
{
	return on_nameless(skb, location, TL_REASON_NONE);
}

SEC("fentry/tun_sendmsg")
int BPF_PROG(tun_enter, struct socket *socket)
{
	return enter(socket);
}

SEC("fexit/tun_sendmsg")
int BPF_PROG(tun_leave)
{
	return leave();
}

SEC("fentry/tap_sendmsg")
int BPF_PROG(tap_enter, struct socket *socket)
{
	return enter(socket);
}

SEC("fexit/tap_sendmsg")
int BPF_PROG(tap_leave)
{
	return leave();
}

/* Where the kernel shows no types of its modules, or refuses trampolines. */

SEC("kprobe/tun_sendmsg")
int BPF_KPROBE(tun_enter_probe, struct socket *socket)
{
	return enter(socket);
}

SEC("kretprobe/tun_sendmsg")
int BPF_KRETPROBE(tun_leave_probe)
{
	return leave();
}

SEC("kprobe/tap_sendmsg")
int BPF_KPROBE(tap_enter_probe, struct socket *socket)
{
	return enter(socket);
}

SEC("kretprobe/tap_sendmsg")
int BPF_KRETPROBE(tap_leave_probe)
{
	return leave();
}
