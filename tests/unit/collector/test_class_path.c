/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which losses above the taps count, as what, and which are copies or answers of the host's own
 * protocols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "collector/loss/class.h"

static const struct {
	const char *reason, *function;
	bool to_vm;
	const char *kind, *place;	/* place NULL: not a loss */
} cases[] = {
	{ "NETFILTER_DROP", "nft_do_chain", true, "policy", "netfilter" },
	{ "NETFILTER_DROP", "nf_hook_slow", false, "policy", "netfilter" },
	{ "NONE", "nf_hook_slow", false, "policy", "netfilter" },
	{ "QDISC_DROP", "__dev_queue_xmit", false, "capacity", "qdisc" },
	{ "QDISC_DROP", "noop_enqueue", false, "lifecycle", "qdisc" },
	{ "NOT_SPECIFIED", "kfree_skb_list_reason", true, "capacity", "qdisc" },
	{ "NOT_SPECIFIED", "__tcf_kfree_skb_list", true, "capacity", "qdisc" },
	{ "TC_EGRESS", "__dev_queue_xmit", false, "policy", "tc" },
	{ "NOT_SPECIFIED", "br_dev_queue_push_xmit", false, "fault", "mtu" },
	{ "PKT_TOO_BIG", "ip_forward", true, "fault", "mtu" },
	{ "CPU_BACKLOG", "enqueue_to_backlog", true, "capacity", "backlog" },
	{ "NOT_SPECIFIED", "__dev_queue_xmit", false, "lifecycle", "transmit" },
	{ "OVS_DROP_EXPLICIT", "ovs_dp_process_packet", false, "policy", "openvswitch" },
	{ "BRIDGE_INGRESS_STP_STATE", "br_handle_frame", false, "policy", "bridge" },
	{ "NO_TX_TARGET", "br_flood", true, "policy", "bridge" },
	/* A broadcast in a bridge with nobody else. */
	{ "NO_TX_TARGET", "br_flood", false, NULL, NULL },
	/* Copies. */
	{ "OTHERHOST", "ip_rcv_core", true, NULL, NULL },
	{ "UNHANDLED_PROTO", "__netif_receive_skb_core", true, NULL, NULL },
	{ "PACKET_SOCK_ERROR", "packet_rcv", true, NULL, NULL },
	{ "NOT_SPECIFIED", "tpacket_rcv", true, NULL, NULL },
	{ "NOT_SPECIFIED", "skb_release_data", true, NULL, NULL },
	/* An answer of the host's own protocols to a VM; the same words for a frame that was to
	   reach one. */
	{ "NO_SOCKET", "__udp4_lib_rcv", false, NULL, NULL },
	{ "NOT_SPECIFIED", "some_driver_xmit", false, NULL, NULL },
	{ "NOT_SPECIFIED", "some_driver_xmit", true, "policy", "other" },
};

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct class_in in = { cases[i].reason, cases[i].function, TL_KIND_PATH,
				       cases[i].to_vm };
		struct class_out out;

		class_of(&in, &out);
		print_message("%s @%s\n", cases[i].reason, cases[i].function);
		assert_string_equal(out.direction, cases[i].to_vm ? "rx" : "tx");
		assert_null(out.counter);
		if (!cases[i].place) {
			assert_null(out.class);
			continue;
		}
		assert_string_equal(out.class, "PATH");
		assert_string_equal(out.place, cases[i].place);
		assert_string_equal(out.kind, cases[i].kind);
	}
}

/* The same words on a tap are the tap's. */
static void taps_are_no_path(void **state)
{
	struct class_in in = { "FULL_RING", "tun_net_xmit", TL_KIND_TUN, false };
	struct class_out out;

	(void)state;
	class_of(&in, &out);
	assert_string_equal(out.class, "PTR_FULL");
	assert_null(out.place);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_table),
					    cmocka_unit_test(taps_are_no_path) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
