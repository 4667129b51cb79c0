/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "class.h"

#include "pattern.h"

/* Losses of a VM's frames on devices that are not its tap. A frame that reached the host's own
 * protocols is no longer on a path: what they refuse is an answer, not a loss. So frames from a VM
 * count at the sites named here only; one that is addressed to a VM was on its way to it wherever
 * it died, but for the copies that a bridge or a capture made of it. NULL matches everything; a
 * trailing * matches any rest. The first row that fits wins. */
static const struct rule {
	const char *reason, *function;
	bool to_vm;			/* only frames addressed to a VM */
	const char *kind, *place;	/* place NULL: not a loss */
} rules[] = {
	/* Copies, and parts of frames that were delivered. */
	{ "PACKET_SOCK_ERROR", NULL, false, NULL, NULL },
	{ NULL, "tpacket_rcv", false, NULL, NULL },
	{ NULL, "packet_rcv", false, NULL, NULL },
	{ NULL, "skb_release_data", false, NULL, NULL },
	{ NULL, "kfree_skb_partial", false, NULL, NULL },
	{ NULL, "br_pass_frame_up", false, NULL, NULL },
	/* flooded to the bridge's own port, which listens to everything */
	{ "OTHERHOST", NULL, false, NULL, NULL },
	{ "UNHANDLED_PROTO", NULL, false, NULL, NULL },
	{ "PTYPE_ABSENT", NULL, false, NULL, NULL },

	/* What somebody decided. */
	{ "NETFILTER_DROP", NULL, false, "policy", "netfilter" },
	/* before 5.17 the function alone tells */
	{ "NONE", "nf_hook_slow*", false, "policy", "netfilter" },
	{ "TC_*", NULL, false, "policy", "tc" },
	{ "XDP*", NULL, false, "policy", "xdp" },
	{ NULL, "do_xdp_generic", false, "policy", "xdp" },
	{ NULL, "netif_receive_generic_xdp", false, "policy", "xdp" },
	{ "OVS_*", NULL, false, "policy", "openvswitch" },
	{ "IP_RPFILTER", NULL, false, "policy", "route" },

	/* What was not there. */
	{ "QDISC_*", "noop_enqueue", false, "lifecycle", "qdisc" },

	/* What was full. */
	{ "QDISC_*", NULL, false, "capacity", "qdisc" },
	{ NULL, "__tcf_kfree_skb_list", false, "capacity", "qdisc" },
	{ NULL, "kfree_skb_list*", false, "capacity", "qdisc" },
	{ "CPU_BACKLOG", NULL, false, "capacity", "backlog" },
	{ NULL, "enqueue_to_backlog", false, "capacity", "backlog" },
	{ "FULL_RING", NULL, false, "capacity", "transmit" },
	{ "NOMEM", NULL, false, "capacity", "transmit" },
	{ NULL, "veth_xmit", false, "capacity", "transmit" },

	/* What did not fit. br_dev_queue_push_xmit() asks is_skb_forwardable(): the port is up and
	   the frame is no longer than its MTU. */
	{ "PKT_TOO_BIG", NULL, false, "fault", "mtu" },
	{ NULL, "br_dev_queue_push_xmit", false, "fault", "mtu" },
	{ "SKB_BAD_GSO", NULL, false, "fault", "transmit" },
	{ "SKB_GSO_SEG", NULL, false, "fault", "transmit" },
	{ NULL, "validate_xmit_skb*", false, "fault", "transmit" },

	/* Nowhere to go. */
	{ "BRIDGE_*", NULL, false, "policy", "bridge" },
	{ "MAC_INVALID_SOURCE", NULL, false, "policy", "bridge" },
	{ "NO_TX_TARGET", NULL, true, "policy", "bridge" },
	{ NULL, "br_handle_frame*", false, "policy", "bridge" },
	{ NULL, "br_*", true, "policy", "bridge" },
	{ NULL, "macvlan_*", true, "policy", "macvlan" },
	{ "DEV_READY", NULL, false, "lifecycle", "transmit" },
	/* -ENETDOWN */
	{ "NOT_SPECIFIED", "__dev_queue_xmit", false, "lifecycle", "transmit" },
	{ "IP_OUTNOROUTES", NULL, false, "fault", "route" },
	{ "IP_INNOROUTES", NULL, false, "fault", "route" },
	{ NULL, "ip_forward", false, "policy", "route" },
	{ NULL, "ip6_forward", false, "policy", "route" },

	{ NULL, NULL, true, "policy", "other" },
	{ NULL, NULL, false, NULL, NULL },
};

void class_path_of(const struct class_in *in, struct class_out *ret)
{
	const struct rule *r = rules;

	while (!pattern_matches(r->reason, in->reason) ||
	       !pattern_matches(r->function, in->function) || (r->to_vm && !in->ingress))
		r++;	/* the last row fits everything */
	*ret = (struct class_out){
		.place = r->place,
		.class = r->place ? "PATH" : NULL,
		.kind = r->kind,
		.direction = in->ingress ? "rx" : "tx",
	};
}
