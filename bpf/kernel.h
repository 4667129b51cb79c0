/* SPDX-License-Identifier: GPL-2.0 */
/* kernel.h - kernel types cut down to the fields we read. CO-RE finds the fields by name in the
 * running kernel, also where it keeps them in unnamed structs and unions; order and padding here
 * mean nothing. */
#ifndef TAPLOSS_BPF_KERNEL_H
#define TAPLOSS_BPF_KERNEL_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct rtnl_link_ops {
	const char *kind;
	void (*setup)(void *dev);
};

enum skb_drop_reason {
	SKB_DROP_REASON_QDISC_DROP = 1,		/* each kernel has a number of its own */
};

struct Qdisc_ops {
	char id[16];
};

struct Qdisc {
	const struct Qdisc_ops *ops;
};

struct netdev_queue {
	struct Qdisc *qdisc;
	unsigned long state;
};

struct net_device {
	struct netdev_queue *_tx;
	unsigned int num_tx_queues;
	char name[16];
	int ifindex;
	unsigned int tx_queue_len;
	unsigned short type;		/* ARPHRD_ */
	const unsigned char *dev_addr;
	const struct rtnl_link_ops *rtnl_link_ops;
	possible_net_t nd_net;
	void *rx_handler_data;		/* macvtap, ipvtap: struct tap_dev */
	/* per CPU: struct pcpu_sw_netstats; a tun counts there from 5.13 on (497a5757ce4e) */
	void *tstats;
};

/* What a device carried, on one CPU. The counters became structs in 5.19 (9962acefbcb9). */
struct pcpu_sw_netstats___structs {
	struct {
		__u64 v;
	} rx_packets, tx_packets;
};
struct pcpu_sw_netstats___numbers {
	__u64 rx_packets, tx_packets;
};

/* The map of per-CPU elements: its first one's address, less than each CPU's offset. */
struct bpf_array {
	void *pptrs[0];
};

enum bpf_func_id___lookup {
	BPF_FUNC_map_lookup_percpu_elem___lookup = 195,	/* from 5.19 on (07343110b293) */
};

struct proto {
	char name[32];
};

struct sock_common {
	struct proto *skc_prot;
};

struct sock {
	struct sock_common __sk_common;
};

struct socket {
	struct sock *sk;
};

struct skb_shared_info {
	unsigned short gso_size;
	unsigned short gso_segs;
	unsigned int gso_type;
};

struct sk_buff {
	/* shares its place with list and tree nodes: may be anything in a freed skb */
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	__u16 queue_mapping;
	__u16 vlan_proto, vlan_tci;
	int skb_iif;
	__u32 hash;
	__u16 mac_header;		/* 0xffff: not set */
	__u16 transport_header;		/* 0xffff: not set */
	unsigned char *head, *data;
	unsigned int end;
};

/* The VLAN tag that is kept beside the frame: a bit until 6.1, a union that is not 0 from 6.2 on
 * (354259fa73e2). */
struct sk_buff___vlan_all {
	__u32 vlan_all;
};
struct sk_buff___vlan_present {
	__u8 vlan_present : 1;
};

struct task_struct {
	unsigned int flags;
};

struct ptr_ring {
	int producer, consumer_head, size;
	void **queue;
};

/* tun.ko */

struct tun_file;

struct tun_struct {
	struct tun_file *tfiles[256];
	unsigned int numqueues;
	struct net_device *dev;
};

struct tun_file {
	struct sock sk;			/* first: a tun's struct sock is its tun_file */
	struct tun_struct *tun;
	__u16 queue_index;
	struct ptr_ring tx_ring;
};

/* tap.ko: macvtap, ipvtap */

struct tap_queue;

struct tap_dev {
	struct net_device *dev;
	struct tap_queue *taps[256];
	int numvtaps;
};

struct tap_queue {
	struct sock sk;			/* first */
	struct tap_dev *tap;
	__u16 queue_index;
	struct ptr_ring ring;
};

#pragma clang attribute pop

#define MAX_CPUS 1024
#define PF_KTHREAD 0x00200000
#define PROC_DYNAMIC_FIRST 0xf0000000	/* fs/proc/generic.c */
#define NET_NS_INIT_INO 0xeffffff9	/* linux/nsfs.h, from 6.17 on */
#define QUEUE_STOPPED (1UL << 0)		/* __QUEUE_STATE_DRV_XOFF in netdev_queue.state */
#define SKB_GSO_UDP (1 << 0)
#define SKB_GSO_UDP_L4 (1 << 17)

#endif
