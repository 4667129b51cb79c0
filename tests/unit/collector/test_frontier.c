/* SPDX-License-Identifier: GPL-2.0-or-later */
/* collector/port: up to which time a port with nothing ready vouches for, which bounds how long a
 * frame of another port waits: a block's retire time and RX_RING_SLACK_NS. With made-up rings and
 * times; no clock is asked. */
#include <linux/if_packet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "collector/base.h"
#include "collector/capture/rx_ring_priv.h"

#define BLOCK 4096
#define NOW (1700000000 * NSEC_PER_SEC)
#define RETIRE_NS (8 * NSEC_PER_MSEC)

static _Alignas(8) uint8_t ring[2 * BLOCK];

static struct rx_ring made_up(enum ring_version version)
{
	struct rx_ring p = {
		.shape = ring_default(version),
		.ring = ring,
		.ring_bytes = sizeof(ring),
		.turn = version == RING_V3,
	};

	p.shape.block_bytes = BLOCK;
	p.shape.blocks = 2;
	memset(ring, 0, sizeof(ring));
	return p;
}

static void open_block(unsigned int slot, uint64_t number, uint32_t frames, uint64_t opened_ns)
{
	struct tpacket_block_desc *b = (void *)(ring + slot * BLOCK);

	b->hdr.bh1.seq_num = number;
	b->hdr.bh1.num_pkts = frames;
	b->hdr.bh1.ts_first_pkt.ts_sec = (unsigned int)(opened_ns / NSEC_PER_SEC);
	b->hdr.bh1.ts_first_pkt.ts_nsec = (unsigned int)(opened_ns % NSEC_PER_SEC);
}

static void test_idle(void **state)
{
	struct rx_ring p = made_up(RING_V3);

	(void)state;
	assert_int_equal(rx_ring_frontier(&p, NOW), NOW - RX_RING_SLACK_NS);
	/* opened long ago, still empty: it holds nobody up */
	open_block(0, 1, 0, NOW - 60 * NSEC_PER_SEC);
	assert_int_equal(rx_ring_frontier(&p, NOW), NOW - RX_RING_SLACK_NS);
}

static void test_filling(void **state)
{
	struct rx_ring p = made_up(RING_V3);

	(void)state;
	for (uint64_t age = 0; age <= RETIRE_NS; age += NSEC_PER_MSEC) {
		open_block(0, 1, 3, NOW - age);
		assert_int_equal(rx_ring_frontier(&p, NOW), NOW - age - RX_RING_SLACK_NS);
	}
	open_block(0, 1, 3, NOW + NSEC_PER_SEC);	/* the clock was set: never beyond now */
	assert_int_equal(rx_ring_frontier(&p, NOW), NOW - RX_RING_SLACK_NS);
}

/* What stands in the block's header from its last use is not believed. */
static void test_used_before(void **state)
{
	struct rx_ring p = made_up(RING_V3);

	(void)state;
	p.turn = 3;
	open_block(0, 1, 7, NOW - 60 * NSEC_PER_SEC);
	assert_int_equal(rx_ring_frontier(&p, NOW), NOW - RX_RING_SLACK_NS);
	open_block(0, 3, 7, NOW - NSEC_PER_MSEC);
	assert_int_equal(rx_ring_frontier(&p, NOW), NOW - NSEC_PER_MSEC - RX_RING_SLACK_NS);
}

/* A frame of time t may be written as soon as every other port's frontier is at t: at t + retire +
 * slack at the latest, whatever the others do. */
static void test_bound(void **state)
{
	struct rx_ring p = made_up(RING_V3);
	const uint64_t t = NOW;

	(void)state;
	for (uint64_t opened = t - 20 * NSEC_PER_MSEC; opened <= t + 20 * NSEC_PER_MSEC;
	     opened += NSEC_PER_MSEC / 4) {
		uint64_t latest = t + RETIRE_NS + RX_RING_SLACK_NS;

		/* the kernel has handed it over by then, and the next one is open */
		if (latest - opened > RETIRE_NS && opened < latest)
			continue;
		open_block(0, 1, 1, opened);
		assert_true(rx_ring_frontier(&p, latest) >= t);
	}
}

static void test_slots(void **state)
{
	struct rx_ring v1 = made_up(RING_V1), v2 = made_up(RING_V2);

	(void)state;
	assert_int_equal(rx_ring_frontier(&v1, NOW), NOW - RX_RING_SLACK_NS);
	assert_int_equal(rx_ring_frontier(&v2, NOW), NOW - RX_RING_SLACK_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_idle),
					    cmocka_unit_test(test_filling),
					    cmocka_unit_test(test_used_before),
					    cmocka_unit_test(test_bound),
					    cmocka_unit_test(test_slots) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
