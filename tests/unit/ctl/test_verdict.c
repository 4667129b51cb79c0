/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules: each fits its own evidence, and not that of its nearest neighbour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "collector/base.h"
#include "ctl/diagnose/verdict.h"

#define MS NSEC_PER_MSEC

static struct reader_series ring_series = {
	.id = 1,
	.direction = (char *)"rx",
	.class = (char *)"PTR_FULL",
	.reason = (char *)"FULL_RING",
};

/* 20 bursts of 40 ms, 800 frames each, under 20,000 frames/s: the guest did not take them. */
static struct evidence stall(void)
{
	return (struct evidence){
		.series = &ring_series,
		.shape = SHAPE_STALL,
		.frames = 16000,
		.bursts = 20,
		.length_ns = 800 * MS,
		.longest_ns = 45 * MS,
		.most_frames = 900,
		.burst_rate = 20000,
		.usual_rate = 20000,
		.delivered = 100000,
		.queues = 1,
		.ring_frames = 500,
		.backend = "vhost",
		.queue_pct = 100,
		.pressure = true,
		.threads = { 2, 1, 1 },
		.lost_ns = 800 * MS,
	};
}

static void says(const struct evidence *e, const char *cause, int confidence)
{
	struct verdict v;

	verdict_of(e, &v);
	assert_string_equal(v.rule->id, cause);
	if (confidence >= 0)
		assert_int_equal(v.confidence, confidence);
}

static void threads_that_wait(void **state)
{
	struct evidence e = stall();

	(void)state;
	e.wait_ns[GROUP_VCPU] = 750 * MS;
	says(&e, "vcpu-starved", CONFIDENCE_HIGH);
	e.wait_ns[GROUP_VHOST] = 790 * MS;
	says(&e, "vcpu-starved", CONFIDENCE_HIGH);	/* all of the VM */
	e.wait_ns[GROUP_VCPU] = 550 * MS;
	says(&e, "vhost-starved", CONFIDENCE_HIGH);
	e.wait_ns[GROUP_VHOST] = 100 * MS;
	e.wait_ns[GROUP_VCPU] = 350 * MS;
	says(&e, "vcpu-starved", CONFIDENCE_MEDIUM);
	e.wait_ns[GROUP_VCPU] = 0;
	/* vhost reads this tap: that thread has nothing to do with it */
	e.wait_ns[GROUP_EMULATOR] = 790 * MS;
	says(&e, "undecided", CONFIDENCE_LOW);
	e.backend = "userspace";
	says(&e, "emulator-starved", CONFIDENCE_HIGH);
}

static void nobody_waited(void **state)
{
	struct evidence e = stall();

	(void)state;
	e.run_pct[GROUP_VCPU] = 10;
	says(&e, "guest-buffers", CONFIDENCE_LOW);
	e.threads[GROUP_VHOST] = 0;
	says(&e, "undecided", CONFIDENCE_LOW);		/* its workers are not known */
	e.threads[GROUP_VHOST] = 1;
	e.run_pct[GROUP_VCPU] = 99;
	says(&e, "undecided", CONFIDENCE_LOW);
	e.pressure = false;
	says(&e, "undecided", CONFIDENCE_LOW);
}

static void floods(void **state)
{
	struct evidence e = stall();

	(void)state;
	e.shape = SHAPE_FLOOD;
	e.burst_rate = 900000;
	e.longest_ns = 2 * MS;
	e.wait_ns[GROUP_VCPU] = 750 * MS;		/* a flood is no stall, whoever waited */
	says(&e, "ring-too-short", CONFIDENCE_HIGH);
	e.sender = "web-2";
	e.sender_pct = 95;
	says(&e, "ring-too-short", CONFIDENCE_HIGH);	/* no VM */
	e.sender_is_vm = true;
	says(&e, "noisy-neighbour", CONFIDENCE_HIGH);
	e.sender_pct = 60;
	says(&e, "ring-too-short", CONFIDENCE_HIGH);
	assert_int_equal(verdict_ring(&e), 2000);
}

static void too_much_all_the_time(void **state)
{
	struct evidence e = stall();

	(void)state;
	e.shape = SHAPE_STEADY;
	says(&e, "undecided", CONFIDENCE_LOW);		/* it goes on, and nobody is busy */
	e.run_pct[GROUP_VCPU] = 98;
	says(&e, "guest-too-slow", CONFIDENCE_HIGH);
	e.run_ns[GROUP_VCPU] = 1000 * MS;
	e.wait_ns[GROUP_VCPU] = 200 * MS;
	says(&e, "guest-too-slow", CONFIDENCE_HIGH);
	/* of 800 ms of loss: yet it ran for longer */
	e.wait_ns[GROUP_VCPU] = 900 * MS;
	says(&e, "guest-too-slow", CONFIDENCE_HIGH);
	e.wait_ns[GROUP_VCPU] = 1100 * MS;
	says(&e, "vcpu-starved", CONFIDENCE_MEDIUM);
	e.wait_ns[GROUP_VCPU] = 0;
	e.backend = "userspace";
	/* it waits, but the vCPU is what is short */
	e.wait_ns[GROUP_EMULATOR] = 900 * MS;
	says(&e, "guest-too-slow", CONFIDENCE_HIGH);
	e.queues = 4;
	says(&e, "queue-saturated", CONFIDENCE_HIGH);
	e.wait_ns[GROUP_EMULATOR] = 0;
	e.run_pct[GROUP_VCPU] = 11;
	e.run_ns[GROUP_VCPU] = 150 * MS;
	e.wait_ns[GROUP_VCPU] = 1400 * MS;
	says(&e, "vcpu-starved", CONFIDENCE_MEDIUM);	/* one flow, and nobody runs to read it */
	e.wait_ns[GROUP_VCPU] = 0;
	says(&e, "queue-saturated", CONFIDENCE_HIGH);
	e.run_pct[GROUP_VCPU] = 98;
	e.run_ns[GROUP_VCPU] = 1000 * MS;
	e.queue_pct = 40;
	says(&e, "guest-too-slow", CONFIDENCE_HIGH);
}

static void nothing_was_read(void **state)
{
	struct evidence e = stall();

	(void)state;
	e.shape = SHAPE_UNREAD;
	says(&e, "queue-dead", CONFIDENCE_MEDIUM);	/* it was read at other times */
	e.delivered = 0;
	says(&e, "queue-dead", CONFIDENCE_HIGH);
	e.usual_rate = 3;
	says(&e, "nic-unused", CONFIDENCE_MEDIUM);
	e.shape = SHAPE_HALTED;
	says(&e, "vm-halted", CONFIDENCE_HIGH);
	e.shape = SHAPE_UNLISTED;
	says(&e, "undecided", CONFIDENCE_LOW);
}

static void classes_and_places(void **state)
{
	static const struct {
		const char *class, *reason, *place, *cause;
	} cases[] = {
		{ "VIRTNET_HDR", "NOT_SPECIFIED", NULL, "bad-header" },
		{ "GSO", "SKB_GSO_SEG", NULL, "gso-misfit" },
		{ "CHECKSUM", "SKB_CSUM", NULL, "gso-misfit" },
		{ "MTU", "PKT_TOO_BIG", NULL, "mtu-misfit" },
		{ "PATH", "NOT_SPECIFIED", "mtu eth1", "mtu-misfit" },
		{ "QDISC", "QDISC_DROP", NULL, "qos-cap" },
		{ "PATH", "QDISC_DROP", "qdisc eth1", "qos-cap" },
		{ "TC", "TC_INGRESS", NULL, "qos-cap" },
		{ "QDISC", "CPU_BACKLOG", NULL, "host-backlog" },
		{ "PATH", "CPU_BACKLOG", "backlog eth1", "host-backlog" },
		{ "NETFILTER", "NETFILTER_DROP", NULL, "filtered" },
		{ "FILTER", "TAP_FILTER", NULL, "filtered" },
		{ "PATH", "NETFILTER_DROP", "netfilter eth1", "filtered" },
		{ "OVERRUN", "NOT_SPECIFIED", NULL, "guest-overrun" },
		{ "SKB_COPY_DATA", "SKB_UCOPY_FAULT", NULL, "copy-fault" },
		{ "NOMEM", "NOMEM", NULL, "no-memory" },
		{ "DEV_READY", "DEV_READY", NULL, "not-ready" },
		{ "OTHER", "UNHANDLED_PROTO", NULL, "unwanted" },
		{ "PATH", "X", "bridge br0", "unwanted" },
		{ "CAPTURE", "PACKET_SOCK_ERROR", NULL, "capture" },
		{ "CAPTURE", "NOT_SPECIFIED", NULL, "capture" },
		{ "NEW", "X", NULL, "undecided" },
		{ "PATH", "X", "mtuish eth1", "undecided" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reader_series s = {
			.id = 1,
			.direction = (char *)"rx",
			.class = (char *)(uintptr_t)cases[i].class,
			.reason = (char *)(uintptr_t)cases[i].reason,
			.place = (char *)(uintptr_t)cases[i].place,
		};
		struct evidence e = {
			.series = &s,
			.frames = 100,
			.queue = -1,
			.queues = -1,
			.ring_frames = -1,
		};

		says(&e, cases[i].cause, -1);
		assert_int_equal(verdict_ring(&e), 0);
	}
}

/* IFF_BACKPRESSURE: the ring is full and a discipline drops what it cannot take. */
static void a_ring_that_stops_its_queue(void **state)
{
	struct reader_series s = {
		.id = 1,
		.direction = (char *)"rx",
		.class = (char *)"QDISC",
		.kind = (char *)"capacity",
		.reason = (char *)"QDISC_DROP",
		.site = (char *)"tun_net_xmit",
	};
	struct evidence e = stall();

	(void)state;
	e.series = &s;
	e.wait_ns[GROUP_VCPU] = 750 * MS;
	says(&e, "vcpu-starved", CONFIDENCE_HIGH);
	e.shape = SHAPE_FLOOD;
	says(&e, "ring-too-short", CONFIDENCE_HIGH);
	e.shape = SHAPE_HALTED;
	says(&e, "vm-halted", CONFIDENCE_HIGH);
	e.shape = SHAPE_STEADY;
	e.run_pct[GROUP_VCPU] = 98;
	e.wait_ns[GROUP_VCPU] = 0;
	says(&e, "guest-too-slow", CONFIDENCE_HIGH);
	e.shape = SHAPE_UNLISTED;
	/* as of any ring: not the discipline's fault */
	says(&e, "undecided", CONFIDENCE_LOW);
	s.site = (char *)"__dev_queue_xmit";
	says(&e, "qos-cap", CONFIDENCE_MEDIUM);
}

static void a_device_that_is_down_is_no_queue_that_is_full(void **state)
{
	struct reader_series s = {
		.id = 1,
		.direction = (char *)"rx",
		.class = (char *)"QDISC",
		.kind = (char *)"lifecycle",
		.reason = (char *)"QDISC_DROP",
		.site = (char *)"noop_enqueue",
	};
	struct evidence e = {
		.series = &s,
		.frames = 100,
		.queue = -1,
		.queues = -1,
		.ring_frames = -1,
	};

	(void)state;
	says(&e, "not-ready", CONFIDENCE_HIGH);
	s.class = (char *)"PATH";
	s.place = (char *)"qdisc eth1";
	says(&e, "not-ready", CONFIDENCE_HIGH);
	s.kind = (char *)"capacity";
	says(&e, "qos-cap", CONFIDENCE_MEDIUM);
}

static void every_rule_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < verdict_n_rules; i++)
		for (size_t k = i + 1; k < verdict_n_rules; k++)
			assert_string_not_equal(verdict_rules[i].id, verdict_rules[k].id);
	assert_string_equal(verdict_rules[verdict_n_rules - 1].id, "undecided");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_that_wait),
		cmocka_unit_test(nobody_waited),
		cmocka_unit_test(floods),
		cmocka_unit_test(too_much_all_the_time),
		cmocka_unit_test(nothing_was_read),
		cmocka_unit_test(classes_and_places),
		cmocka_unit_test(a_ring_that_stops_its_queue),
		cmocka_unit_test(a_device_that_is_down_is_no_queue_that_is_full),
		cmocka_unit_test(every_rule_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
