/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "class.h"

#include <string.h>
#include <strings.h>

#include "collector/base.h"
#include "pattern.h"

const char *const class_names[] = {
	"PTR_FULL",  "SKB_COPY_DATA", "VIRTNET_HDR", "GSO",	"CHECKSUM",  "HDR_TRUNC", "NOMEM",
	"DEV_READY", "FILTER",	      "QDISC",	     "TC",	"NETFILTER", "MTU",	  "XDP",
	"OVERRUN",   "PATH",	      "PURGE",	     "CAPTURE", "OTHER",     "UNKNOWN",	  NULL,
};

const char *const class_kinds[] = { "capacity", "fault", "policy", "lifecycle", "unknown", NULL };

/* Which side of the device frees frames there. */
enum side {
	BY_FLAG,	/* either: the key's ingress flag tells */
	TX,		/* the device's transmit side */
	RX,		/* the device's receive side */
};

enum device { ANY, TUN, TAP };	/* TAP: macvtap and ipvtap */

/* NULL matches everything; a trailing * matches any rest. The first row that fits wins. */
static const struct rule {
	const char *reason, *function;
	enum device device;
	enum side side;
	const char *class, *kind;
	const char *counter;	/* in device terms */
} rules[] = {
	/* A capture's copy of the frame: it found no room in the capture's own buffer. The reason
	   has a name from 6.9 on. */
	{ "PACKET_SOCK_ERROR", NULL, ANY, BY_FLAG, "CAPTURE", "policy", NULL },
	{ NULL, "packet_rcv*", ANY, BY_FLAG, "CAPTURE", "policy", NULL },
	{ NULL, "tpacket_rcv", ANY, BY_FLAG, "CAPTURE", "policy", NULL },

	/* Not losses. */
	{ NULL, "skb_release_data", ANY, BY_FLAG, NULL, NULL, NULL },
	{ NULL, "kfree_skb_partial", ANY, BY_FLAG, NULL, NULL, NULL },
	/* a bridge's own copy, in a VLAN that the bridge itself is not in */
	{ NULL, "br_pass_frame_up", ANY, BY_FLAG, NULL, NULL, NULL },

	/* The device counted it, and that is all that is known (collector/source/counters.c). */
	{ "COUNTER", "qdisc_dropped", ANY, TX, "QDISC", "capacity", NULL },
	{ "COUNTER", "rx_frame_errors", ANY, RX, "VIRTNET_HDR", "fault", NULL },
	{ "COUNTER", "tx_*", ANY, TX, "UNKNOWN", "unknown", NULL },
	{ "COUNTER", "rx_*", ANY, RX, "UNKNOWN", "unknown", NULL },

	/* Rings and queues that were emptied, not overrun: close, detach, delete, resize. */
	{ "QUEUE_PURGE", NULL, ANY, BY_FLAG, "PURGE", "lifecycle", NULL },
	{ NULL, "skb_queue_purge*", ANY, BY_FLAG, "PURGE", "lifecycle", NULL },
	{ NULL, "tun_queue_purge", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "tun_detach*", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "__tun_detach*", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "tun_device_event", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "tun_attach", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "tun_chr_close", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "tun_net_uninit", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "tun_ptr_free", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "tap_sock_destruct", ANY, RX, "PURGE", "lifecycle", NULL },
	{ NULL, "tap_queue_resize", ANY, RX, "PURGE", "lifecycle", NULL },
	{ NULL, "tap_device_event", ANY, RX, "PURGE", "lifecycle", NULL },
	{ NULL, "vhost_net_buf_unproduce", TUN, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "vhost_net_buf_unproduce", TAP, RX, "PURGE", "lifecycle", NULL },
	{ NULL, "__skb_array_destroy_skb", TUN, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "__skb_array_destroy_skb", TAP, RX, "PURGE", "lifecycle", NULL },
	/* what a qdisc held when it went */
	{ NULL, "__rtnl_unlock", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "qdisc_reset", ANY, TX, "PURGE", "lifecycle", NULL },
	{ NULL, "pfifo_fast_reset", ANY, TX, "PURGE", "lifecycle", NULL },

	/* A discipline gave it back, and was not to blame: the device is down or has no carrier;
	   its full ring had the queue stopped. */
	{ "QDISC_*", "noop_enqueue", ANY, TX, "QDISC", "lifecycle", NULL },
	{ "QDISC_*", "tun_net_xmit", ANY, TX, "QDISC", "capacity", NULL },

	/* Towards the guest: tun_net_xmit(), every way out of it counts tx_dropped. */
	{ "FULL_RING", "tun_net_xmit", ANY, TX, "PTR_FULL", "capacity", "tx_dropped" },
	{ "DEV_READY", "tun_net_xmit", ANY, TX, "DEV_READY", "lifecycle", "tx_dropped" },
	{ "SKB_UCOPY_FAULT", "tun_net_xmit", ANY, TX, "SKB_COPY_DATA", "fault", "tx_dropped" },
	{ "NOMEM", "tun_net_xmit", ANY, TX, "NOMEM", "capacity", "tx_dropped" },
	{ "TAP_TXFILTER", "tun_net_xmit", ANY, TX, "FILTER", "policy", "tx_dropped" },
	{ "TAP_FILTER", "tun_net_xmit", ANY, TX, "FILTER", "policy", "tx_dropped" },
	{ "SOCKET_FILTER", "tun_net_xmit", ANY, TX, "FILTER", "policy", "tx_dropped" },
	{ "SECURITY_HOOK", "tun_net_xmit", ANY, TX, "FILTER", "policy", "tx_dropped" },
	{ "PFMEMALLOC", "tun_net_xmit", ANY, TX, "NOMEM", "capacity", "tx_dropped" },
	/* before 5.17: mostly the ring */
	{ "NONE", "tun_net_xmit", ANY, TX, "PTR_FULL", "capacity", "tx_dropped" },
	/* 5.17 */
	{ "NOT_SPECIFIED", "tun_net_xmit", ANY, TX, "PTR_FULL", "capacity", "tx_dropped" },
	{ NULL, "tun_net_xmit", ANY, TX, "OTHER", "fault", "tx_dropped" },

	/* Without an skb: redirected by XDP into a full ring, into a tap without queues; a guest's
	   frame whose XDP program failed. */
	{ "NONE", "tun_xdp_xmit", ANY, TX, "PTR_FULL", "capacity", "tx_dropped" },
	{ NULL, "tun_xdp_xmit", ANY, TX, "DEV_READY", "lifecycle", NULL },
	{ NULL, "tun_xdp_act", ANY, RX, "XDP", "fault", "rx_dropped" },

	/* Towards the guest: tap_handle_frame(). The ring-full exit of its segment loop counts
	   nothing. */
	{ "FULL_RING", "tap_handle_frame", ANY, RX, "PTR_FULL", "capacity", "rx_dropped" },
	/* its segments but the first, before 6.3 */
	{ "FULL_RING", "kfree_skb_list*", TAP, RX, "PTR_FULL", "capacity", NULL },
	{ "SKB_GSO_SEG", "tap_handle_frame", ANY, RX, "GSO", "fault", "rx_dropped" },
	{ "SKB_CSUM", "tap_handle_frame", ANY, RX, "CHECKSUM", "fault", "rx_dropped" },
	{ "NONE", "tap_handle_frame", ANY, RX, "PTR_FULL", "capacity", "rx_dropped" },
	{ "NOT_SPECIFIED", "tap_handle_frame", ANY, RX, "PTR_FULL", "capacity", "rx_dropped" },
	{ NULL, "tap_handle_frame", ANY, RX, "OTHER", "fault", "rx_dropped" },

	/* The guest's buffers: too small for the frame, or not mapped. No counter anywhere. */
	{ NULL, "tun_do_read", ANY, TX, "OVERRUN", "capacity", NULL },
	{ NULL, "tun_recvmsg", ANY, TX, "OVERRUN", "capacity", NULL },
	{ NULL, "tap_do_read", ANY, RX, "OVERRUN", "capacity", NULL },
	{ NULL, "tap_recvmsg", ANY, RX, "OVERRUN", "capacity", NULL },

	/* From the guest: tun_get_user() (write, vhost one by one), tun_sendmsg() (vhost's batches;
	   tun_xdp_one() is inlined). */
	{ "SKB_UCOPY_FAULT", "tun_get_user", ANY, RX, "SKB_COPY_DATA", "fault", "rx_dropped" },
	{ "HDR_TRUNC", "tun_get_user", ANY, RX, "HDR_TRUNC", "fault", "rx_dropped" },
	{ "DEV_READY", "tun_get_user", ANY, RX, "DEV_READY", "lifecycle", "rx_dropped" },
	{ "NOT_SPECIFIED", "tun_get_user", ANY, RX, "VIRTNET_HDR", "fault", NULL },
	{ "DEV_HDR", "tun_get_user", ANY, RX, "VIRTNET_HDR", "fault", NULL },
	/* before 5.17: mostly the header */
	{ "NONE", "tun_get_user", ANY, RX, "VIRTNET_HDR", "fault", NULL },
	{ NULL, "tun_get_user", ANY, RX, "OTHER", "fault", NULL },
	{ NULL, "tun_sendmsg", ANY, RX, "VIRTNET_HDR", "fault", NULL },
	{ NULL, "tun_xdp_one", ANY, RX, "VIRTNET_HDR", "fault", NULL },
	{ "SKB_UCOPY_FAULT", "tap_get_user", ANY, TX, "SKB_COPY_DATA", "fault", "tx_dropped" },
	{ "HDR_TRUNC", "tap_get_user", ANY, TX, "HDR_TRUNC", "fault", "tx_dropped" },
	/* the device was deleted under its writer */
	{ "NOT_SPECIFIED", "tap_get_user", ANY, TX, "DEV_READY", "lifecycle", NULL },
	{ NULL, "tap_get_user", ANY, TX, "VIRTNET_HDR", "fault", "tx_dropped" },
	{ NULL, "tap_sendmsg", ANY, TX, "VIRTNET_HDR", "fault", "tx_dropped" },
	{ NULL, "tap_get_user_xdp", ANY, TX, "VIRTNET_HDR", "fault", "tx_dropped" },
	{ NULL, "do_xdp_generic", TUN, RX, "XDP", "policy", NULL },
	{ NULL, "netif_receive_generic_xdp", TUN, RX, "XDP", "policy", NULL },

	/* On the way to the device's transmit side. */
	{ "SKB_BAD_GSO", NULL, ANY, TX, "GSO", "fault", "tx_dropped" },
	{ "SKB_GSO_SEG", NULL, ANY, TX, "GSO", "fault", "tx_dropped" },
	{ NULL, "validate_xmit_skb*", ANY, TX, "GSO", "fault", "tx_dropped" },
	{ "QDISC_*", NULL, ANY, TX, "QDISC", "capacity", NULL },
	{ "TC_EGRESS", NULL, ANY, TX, "TC", "policy", NULL },
	/* -ENETDOWN */
	{ "NOT_SPECIFIED", "__dev_queue_xmit", ANY, TX, "DEV_READY", "lifecycle", "tx_dropped" },
	/* down, or no carrier */
	{ "NOT_SPECIFIED", "__dev_direct_xmit", ANY, TX, "DEV_READY", "lifecycle", "tx_dropped" },
	{ NULL, "kfree_skb_list*", ANY, TX, "QDISC", "capacity", NULL },
	{ NULL, "__tcf_kfree_skb_list", ANY, TX, "QDISC", "capacity", NULL },

	/* After the guest's frame was taken in. */
	{ "TC_INGRESS", NULL, ANY, RX, "TC", "policy", NULL },
	{ "CPU_BACKLOG", NULL, ANY, RX, "QDISC", "capacity", "rx_dropped" },
	/* no queue open: passed on to the host's stack */
	{ "UNHANDLED_PROTO", NULL, TAP, RX, "DEV_READY", "lifecycle", "rx_dropped" },
	{ "PTYPE_ABSENT", NULL, TAP, RX, "DEV_READY", "lifecycle", "rx_dropped" },
	{ "UNHANDLED_PROTO", NULL, TUN, RX, "OTHER", "policy", "rx_dropped" },
	{ "PTYPE_ABSENT", NULL, TUN, RX, "OTHER", "policy", "rx_dropped" },
	/* before 5.17: mostly that */
	{ "NONE", "__netif_receive_skb_core", TAP, RX, "DEV_READY", "lifecycle", "rx_dropped" },
	{ "NONE", "__netif_receive_skb_core", TUN, RX, "OTHER", "policy", "rx_dropped" },
	{ "OTHERHOST", NULL, TUN, RX, "OTHER", "policy", NULL },

	/* Anywhere. */
	{ "FULL_RING", NULL, ANY, BY_FLAG, "PTR_FULL", "capacity", NULL },
	{ "DEV_READY", NULL, ANY, BY_FLAG, "DEV_READY", "lifecycle", NULL },
	{ "DEV_HDR", NULL, ANY, BY_FLAG, "VIRTNET_HDR", "fault", NULL },
	{ "SKB_UCOPY_FAULT", NULL, ANY, BY_FLAG, "SKB_COPY_DATA", "fault", NULL },
	{ "SKB_CSUM", NULL, ANY, BY_FLAG, "CHECKSUM", "fault", NULL },
	{ "IP_CSUM", NULL, ANY, BY_FLAG, "CHECKSUM", "fault", NULL },
	{ "TCP_CSUM", NULL, ANY, BY_FLAG, "CHECKSUM", "fault", NULL },
	{ "UDP_CSUM", NULL, ANY, BY_FLAG, "CHECKSUM", "fault", NULL },
	{ "HDR_TRUNC", NULL, ANY, BY_FLAG, "HDR_TRUNC", "fault", NULL },
	{ "NOMEM", NULL, ANY, BY_FLAG, "NOMEM", "capacity", NULL },
	{ "NETFILTER_DROP", NULL, ANY, BY_FLAG, "NETFILTER", "policy", NULL },
	{ "SOCKET_FILTER", NULL, ANY, BY_FLAG, "FILTER", "policy", NULL },
	{ "PKT_TOO_BIG", NULL, ANY, BY_FLAG, "MTU", "fault", NULL },
	{ "XDP*", NULL, ANY, BY_FLAG, "XDP", "policy", NULL },
	{ NULL, NULL, ANY, BY_FLAG, "OTHER", "policy", NULL },
};

static bool fits(const struct rule *r, const struct class_in *in)
{
	bool tap = in->kind == TL_KIND_MACVTAP || in->kind == TL_KIND_IPVTAP;

	if (r->device == TUN && tap)
		return false;
	if (r->device == TAP && !tap)
		return false;
	return pattern_matches(r->reason, in->reason) && pattern_matches(r->function, in->function);
}

/* A tun receives what its guest sends; a macvtap receives what its guest shall receive. */
static const char *direction(const struct class_in *in, enum side side)
{
	bool tap = in->kind == TL_KIND_MACVTAP || in->kind == TL_KIND_IPVTAP ||
		   !strncmp(in->function, "tap_", 4);
	bool received = side == BY_FLAG ? in->ingress : side == RX;

	return received == tap ? "rx" : "tx";
}

void class_of(const struct class_in *in, struct class_out *ret)
{
	const struct rule *r = rules;

	if (in->kind == TL_KIND_PATH) {
		class_path_of(in, ret);
		return;
	}
	while (!fits(r, in))	/* the last row fits everything */
		r++;
	*ret = (struct class_out){ NULL, r->class, r->kind, direction(in, r->side), r->counter };
}

bool class_copy(const struct class_out *c)
{
	return c->class && !strcmp(c->class, "CAPTURE");
}

bool class_loses(const struct class_out *c)
{
	return c->class && strcmp(c->class, "PURGE") != 0 && !class_copy(c);
}

const char *class_canonical(const char *name)
{
	for (size_t i = 0; class_names[i]; i++)
		if (!strcasecmp(name, class_names[i]))
			return class_names[i];
	return NULL;
}
