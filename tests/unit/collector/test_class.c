/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every way to lose a frame that was provoked or read in the kernel, and what it is called, in
 * whose direction, and which counter saw it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "collector/loss/class.h"

#define T TL_KIND_TUN
#define M TL_KIND_MACVTAP
#define I TL_KIND_IPVTAP
#define N TL_KIND_NONE

static const struct row {
	struct class_in in;		/* reason, function, kind, ingress */
	const char *class, *kind, *direction, *counter;
} rows[] = {
	/* tap, towards the guest */
	{ { "FULL_RING", "tun_net_xmit", T, 0 }, "PTR_FULL", "capacity", "rx", "tx_dropped" },
	{ { "DEV_READY", "tun_net_xmit", T, 0 }, "DEV_READY", "lifecycle", "rx", "tx_dropped" },
	{ { "TAP_TXFILTER", "tun_net_xmit", T, 0 }, "FILTER", "policy", "rx", "tx_dropped" },
	{ { "TAP_FILTER", "tun_net_xmit", T, 0 }, "FILTER", "policy", "rx", "tx_dropped" },
	{ { "SOCKET_FILTER", "tun_net_xmit", T, 0 }, "FILTER", "policy", "rx", "tx_dropped" },
	{ { "SECURITY_HOOK", "tun_net_xmit", T, 0 }, "FILTER", "policy", "rx", "tx_dropped" },
	{ { "PFMEMALLOC", "tun_net_xmit", T, 0 }, "NOMEM", "capacity", "rx", "tx_dropped" },
	{ { "NOMEM", "tun_net_xmit", T, 0 }, "NOMEM", "capacity", "rx", "tx_dropped" },
	{ { "SKB_UCOPY_FAULT", "tun_net_xmit", T, 0 },
	  "SKB_COPY_DATA",
	  "fault",
	  "rx",
	  "tx_dropped" },
	{ { "NONE", "tun_net_xmit", T, 0 }, "PTR_FULL", "capacity", "rx", "tx_dropped" },
	/* 5.17 */
	{ { "NOT_SPECIFIED", "tun_net_xmit", T, 0 }, "PTR_FULL", "capacity", "rx", "tx_dropped" },
	{ { "NOT_SPECIFIED", "tun_do_read", T, 0 }, "OVERRUN", "capacity", "rx", NULL },
	{ { "NOT_SPECIFIED", "tun_recvmsg", T, 0 }, "OVERRUN", "capacity", "rx", NULL },
	{ { "NOT_SPECIFIED", "validate_xmit_skb", T, 0 }, "GSO", "fault", "rx", "tx_dropped" },
	{ { "NOT_SPECIFIED", "validate_xmit_skb_list", T, 0 }, "GSO", "fault", "rx", "tx_dropped" },
	{ { "SKB_BAD_GSO", "__dev_queue_xmit", T, 0 }, "GSO", "fault", "rx", "tx_dropped" },
	{ { "QDISC_DROP", "__dev_queue_xmit", T, 0 }, "QDISC", "capacity", "rx", NULL },
	{ { "QDISC_DROP", "kfree_skb_list_reason", T, 0 }, "QDISC", "capacity", "rx", NULL },
	{ { "QDISC_OVERLIMIT", "__tcf_kfree_skb_list", T, 0 }, "QDISC", "capacity", "rx", NULL },
	{ { "NONE", "kfree_skb_list", T, 0 }, "QDISC", "capacity", "rx", NULL },
	{ { "QDISC_DROP", "noop_enqueue", T, 0 }, "QDISC", "lifecycle", "rx", NULL },
	/* IFF_BACKPRESSURE */
	{ { "QDISC_DROP", "tun_net_xmit", T, 0 }, "QDISC", "capacity", "rx", NULL },
	{ { "TC_EGRESS", "__dev_queue_xmit", T, 0 }, "TC", "policy", "rx", NULL },
	{ { "NOT_SPECIFIED", "__dev_queue_xmit", T, 0 },
	  "DEV_READY",
	  "lifecycle",
	  "rx",
	  "tx_dropped" },
	{ { "NOT_SPECIFIED", "__dev_direct_xmit", T, 0 },
	  "DEV_READY",
	  "lifecycle",
	  "rx",
	  "tx_dropped" },

	/* tap, from the guest; before the stack saw them these are not yet "ingress" everywhere */
	{ { "SKB_UCOPY_FAULT", "tun_get_user", T, 1 },
	  "SKB_COPY_DATA",
	  "fault",
	  "tx",
	  "rx_dropped" },
	{ { "SKB_UCOPY_FAULT", "tun_get_user", T, 0 },
	  "SKB_COPY_DATA",
	  "fault",
	  "tx",
	  "rx_dropped" },
	{ { "HDR_TRUNC", "tun_get_user", T, 1 }, "HDR_TRUNC", "fault", "tx", "rx_dropped" },
	{ { "DEV_READY", "tun_get_user", T, 1 }, "DEV_READY", "lifecycle", "tx", "rx_dropped" },
	{ { "NOT_SPECIFIED", "tun_get_user", T, 1 }, "VIRTNET_HDR", "fault", "tx", NULL },
	{ { "NONE", "tun_xdp_xmit", T, 0 }, "PTR_FULL", "capacity", "rx", "tx_dropped" },
	{ { "ENXIO", "tun_xdp_xmit", T, 0 }, "DEV_READY", "lifecycle", "rx", NULL },
	{ { "XDP_ABORTED", "tun_xdp_act", T, 1 }, "XDP", "fault", "tx", "rx_dropped" },
	{ { "NONE", "tun_get_user", T, 1 }, "VIRTNET_HDR", "fault", "tx", NULL },
	{ { "NONE", "__netif_receive_skb_core", T, 1 }, "OTHER", "policy", "tx", "rx_dropped" },
	{ { "NONE", "__netif_receive_skb_core", M, 1 },
	  "DEV_READY",
	  "lifecycle",
	  "rx",
	  "rx_dropped" },
	{ { "NOT_SPECIFIED", "tun_sendmsg", T, 0 }, "VIRTNET_HDR", "fault", "tx", NULL },
	{ { "NOT_SPECIFIED", "tun_sendmsg", N, 0 }, "VIRTNET_HDR", "fault", "tx", NULL },
	{ { "NOT_SPECIFIED", "do_xdp_generic", T, 1 }, "XDP", "policy", "tx", NULL },
	{ { "NOT_SPECIFIED", "netif_receive_generic_xdp", T, 1 }, "XDP", "policy", "tx", NULL },
	{ { "XDP", "do_xdp_generic", T, 1 }, "XDP", "policy", "tx", NULL },
	{ { "TC_INGRESS", "__netif_receive_skb_core", T, 1 }, "TC", "policy", "tx", NULL },
	{ { "UNHANDLED_PROTO", "__netif_receive_skb_core", T, 1 },
	  "OTHER",
	  "policy",
	  "tx",
	  "rx_dropped" },
	{ { "PTYPE_ABSENT", "__netif_receive_skb_core", T, 1 },
	  "OTHER",
	  "policy",
	  "tx",
	  "rx_dropped" },
	{ { "OTHERHOST", "ip_rcv_core", T, 1 }, "OTHER", "policy", "tx", NULL },
	{ { "UNICAST_IN_L2_MULTICAST", "ip_rcv_finish_core", T, 1 },
	  "OTHER",
	  "policy",
	  "tx",
	  NULL },
	{ { "IP_INADDRERRORS", "ip_error", T, 1 }, "OTHER", "policy", "tx", NULL },
	{ { "NETFILTER_DROP", "nf_hook_slow", T, 1 }, "NETFILTER", "policy", "tx", NULL },
	{ { "NETFILTER_DROP", "nf_hook_slow", T, 0 }, "NETFILTER", "policy", "rx", NULL },
	{ { "CPU_BACKLOG", "enqueue_to_backlog", T, 1 }, "QDISC", "capacity", "tx", "rx_dropped" },
	{ { "NOT_SPECIFIED", "br_handle_frame", T, 1 }, "OTHER", "policy", "tx", NULL },
	{ { "BRIDGE_INGRESS_STP_STATE", "br_handle_frame_finish", T, 1 },
	  "OTHER",
	  "policy",
	  "tx",
	  NULL },
	{ { "PKT_TOO_BIG", "ip_fragment", T, 1 }, "MTU", "fault", "tx", NULL },
	{ { "OVS_DROP_LAST_ACTION", "do_execute_actions", T, 1 }, "OTHER", "policy", "tx", NULL },

	/* macvtap, ipvtap: the device receives what the guest shall receive */
	{ { "FULL_RING", "tap_handle_frame", M, 1 }, "PTR_FULL", "capacity", "rx", "rx_dropped" },
	{ { "FULL_RING", "tap_handle_frame", I, 1 }, "PTR_FULL", "capacity", "rx", "rx_dropped" },
	/* 6.1: a ring that fills up within a list */
	{ { "FULL_RING", "kfree_skb_list_reason", M, 1 }, "PTR_FULL", "capacity", "rx", NULL },
	{ { "QDISC_DROP", "kfree_skb_list_reason", M, 0 }, "QDISC", "capacity", "tx", NULL },
	{ { "SKB_GSO_SEG", "tap_handle_frame", M, 1 }, "GSO", "fault", "rx", "rx_dropped" },
	{ { "SKB_CSUM", "tap_handle_frame", M, 1 }, "CHECKSUM", "fault", "rx", "rx_dropped" },
	{ { "NONE", "tap_handle_frame", M, 1 }, "PTR_FULL", "capacity", "rx", "rx_dropped" },
	/* 5.17 */
	{ { "NOT_SPECIFIED", "tap_handle_frame", M, 1 },
	  "PTR_FULL",
	  "capacity",
	  "rx",
	  "rx_dropped" },
	{ { "NOT_SPECIFIED", "tap_do_read", M, 1 }, "OVERRUN", "capacity", "rx", NULL },
	{ { "NOT_SPECIFIED", "tap_recvmsg", M, 1 }, "OVERRUN", "capacity", "rx", NULL },
	{ { "UNHANDLED_PROTO", "__netif_receive_skb_core", M, 1 },
	  "DEV_READY",
	  "lifecycle",
	  "rx",
	  "rx_dropped" },
	{ { "DEV_HDR", "tap_get_user", M, 0 }, "VIRTNET_HDR", "fault", "tx", "tx_dropped" },
	{ { "SKB_UCOPY_FAULT", "tap_get_user", M, 0 },
	  "SKB_COPY_DATA",
	  "fault",
	  "tx",
	  "tx_dropped" },
	{ { "HDR_TRUNC", "tap_get_user", M, 0 }, "HDR_TRUNC", "fault", "tx", "tx_dropped" },
	/* device deleted under its writer */
	{ { "NOT_SPECIFIED", "tap_get_user", M, 0 }, "DEV_READY", "lifecycle", "tx", NULL },
	{ { "NOT_SPECIFIED", "tap_get_user", N, 0 }, "DEV_READY", "lifecycle", "tx", NULL },
	{ { "NOT_SPECIFIED", "tap_sendmsg", M, 0 }, "VIRTNET_HDR", "fault", "tx", "tx_dropped" },
	{ { "NOT_SPECIFIED", "tap_sendmsg", N, 0 }, "VIRTNET_HDR", "fault", "tx", "tx_dropped" },
	{ { "QDISC_DROP", "__dev_queue_xmit", M, 0 }, "QDISC", "capacity", "tx", NULL },
	{ { "QDISC_DROP", "noop_enqueue", M, 0 }, "QDISC", "lifecycle", "tx", NULL },
	{ { "TC_EGRESS", "__dev_queue_xmit", M, 0 }, "TC", "policy", "tx", NULL },
	{ { "TC_INGRESS", "__netif_receive_skb_core", M, 1 }, "TC", "policy", "rx", NULL },

	/* rings and queues that were emptied */
	{ { "NOT_SPECIFIED", "tun_queue_purge", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "tun_device_event", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "tun_detach", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "__tun_detach", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "tun_detach_all", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "tun_attach", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "tun_chr_close", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "tun_net_uninit", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "__rtnl_unlock", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "vhost_net_buf_unproduce", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "vhost_net_buf_unproduce", M, 1 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "tap_sock_destruct", M, 1 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "NOT_SPECIFIED", "tap_queue_resize", M, 1 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "QUEUE_PURGE", "skb_queue_purge_reason", T, 0 }, "PURGE", "lifecycle", "rx", NULL },
	{ { "QUEUE_PURGE", "skb_queue_purge_reason", T, 1 }, "PURGE", "lifecycle", "tx", NULL },
	{ { "NOT_SPECIFIED", "skb_queue_purge", T, 1 }, "PURGE", "lifecycle", "tx", NULL },

	/* not losses */
	{ { "PACKET_SOCK_ERROR", "packet_rcv", T, 0 }, "CAPTURE", "policy", "rx", NULL },
	{ { "PACKET_SOCK_ERROR", "tpacket_rcv", M, 1 }, "CAPTURE", "policy", "rx", NULL },
	{ { "NOT_SPECIFIED", "tpacket_rcv", T, 1 }, "CAPTURE", "policy", "tx", NULL },
	{ { "NONE", "packet_rcv_spkt", T, 0 }, "CAPTURE", "policy", "rx", NULL },
	{ { "NOT_SPECIFIED", "skb_release_data", T, 1 }, NULL, NULL, "tx", NULL },

	/* reasons of a later kernel, at a place that nobody knows */
	{ { "REASON_200", "some_function", T, 0 }, "OTHER", "policy", "rx", NULL },
	{ { "REASON_200", "some_function", M, 0 }, "OTHER", "policy", "tx", NULL },
	{ { "FULL_RING", "some_function", T, 0 }, "PTR_FULL", "capacity", "rx", NULL },
};

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void every_loss_has_its_class(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct class_out o;

		class_of(&r->in, &o);
		if (same(o.class, r->class) && same(o.kind, r->kind) &&
		    same(o.direction, r->direction) && same(o.counter, r->counter))
			continue;
		wrong++;
		print_error("%s @%s on kind %u, ingress %d: %s %s %s %s\n", r->in.reason,
			    r->in.function, r->in.kind, r->in.ingress, o.class ? o.class : "-",
			    o.kind ? o.kind : "-", o.direction, o.counter ? o.counter : "-");
	}
	assert_int_equal(wrong, 0);
}

static bool listed(const char *const names[], const char *name)
{
	for (size_t i = 0; names[i]; i++)
		if (names[i] == name || !strcmp(names[i], name))
			return true;
	return false;
}

static void classes_and_kinds_are_listed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct class_out o;

		class_of(&rows[i].in, &o);
		assert_true(!o.class || listed(class_names, o.class));
		assert_true(!o.class || listed(class_kinds, o.kind));
	}
}

static void names_in_any_case(void **state)
{
	(void)state;
	assert_string_equal(class_canonical("ptr_full"), "PTR_FULL");
	assert_string_equal(class_canonical("PTR_FULL"), "PTR_FULL");
	assert_null(class_canonical("PTR_FUL"));
	assert_null(class_canonical("FULL_RING"));
	assert_null(class_canonical(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_loss_has_its_class),
		cmocka_unit_test(classes_and_kinds_are_listed),
		cmocka_unit_test(names_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
