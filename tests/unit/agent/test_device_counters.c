/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device counters to rows: guest's terms, exactly once, nothing lost when a tick could not be
 * stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "collector/clock.h"
#include "agent/tick/device_counters.h"

#define T0 (1000 * NSEC_PER_SEC)

static struct tap tap_of(uint8_t kind)
{
	struct tap t = { .info = { .kind = kind }, .device_id = 3 };

	t.counted.known = t.counted.based = true;
	t.counted.stored_ns = t.counted.tick_ns = T0;
	return t;
}

static void tun_transmits_what_the_guest_receives(void **state)
{
	struct tap t = tap_of(TL_KIND_TUN);
	struct device_counter_rows w = { 0 };

	(void)state;
	t.counted.now = (struct link_counters){
		.tx_frames = 10,
		.tx_bytes = 600,
		.rx_frames = 4,
		.rx_bytes = 240,
		.tx_dropped = 7,
	};
	device_counters_tick(&t);
	assert_int_equal(device_counters_add(&w, &t, T0 + NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_traffic, 1);
	assert_int_equal(w.traffic[0].rx_frames, 10);
	assert_int_equal(w.traffic[0].tx_frames, 4);
	assert_int_equal(w.traffic[0].rx_peak, 10);
	assert_int_equal(w.traffic[0].span_ns, NSEC_PER_SEC);
	assert_int_equal(w.n_witnesses, 1);
	assert_string_equal(w.witnesses[0].counter, "tx_dropped");
	assert_int_equal(w.witnesses[0].frames, 7);
	device_counters_free(&w);
}

static void macvtap_counts_a_dropped_frame_as_received_and_twice_as_dropped(void **state)
{
	struct tap t = tap_of(TL_KIND_MACVTAP);
	struct device_counter_rows w = { 0 };

	(void)state;
	t.counted.now = (struct link_counters){
		.rx_frames = 40,
		.rx_dropped = 28,
		.rx_errors = 28,
		.tx_frames = 5,
	};
	assert_int_equal(device_counters_add(&w, &t, T0 + NSEC_PER_SEC, false), 0);
	assert_int_equal(w.traffic[0].rx_frames, 12);
	assert_int_equal(w.traffic[0].tx_frames, 5);
	assert_int_equal(w.n_witnesses, 1);
	assert_string_equal(w.witnesses[0].counter, "rx_dropped");
	assert_int_equal(w.witnesses[0].frames, 28);
	device_counters_free(&w);
}

/* What was seen of rings goes into the row once; a ring that holds frames makes a row, also when
 * nothing moves. */
static void rings_go_with_the_traffic(void **state)
{
	struct tap t = tap_of(TL_KIND_TUN);
	struct device_counter_rows w = { 0 };

	(void)state;
	store_headroom_add(&t.occupancy.now, &(struct store_headroom){
						    .known = true,
						    .peak = 37,
						    .free = 463,
						    .samples = 1,
						    .sum = 37,
					    });
	store_headroom_add(&t.occupancy.now, &(struct store_headroom){
						    .known = true,
						    .peak = 20,
						    .free = 480,
						    .samples = 1,
						    .sum = 20,
					    });
	assert_int_equal(device_counters_add(&w, &t, T0 + NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_traffic, 0);
	device_counters_clear(&w);
	assert_int_equal(device_counters_add(&w, &t, T0 + 60 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_traffic, 1);
	assert_int_equal(w.traffic[0].rx_frames, 0);
	assert_int_equal(w.traffic[0].headroom.peak, 37);
	assert_int_equal(w.traffic[0].headroom.free, 463);
	assert_int_equal(w.traffic[0].headroom.samples, 2);
	assert_int_equal(w.traffic[0].headroom.sum, 57);
	device_counters_commit(&w, T0 + 60 * NSEC_PER_SEC);
	assert_false(t.occupancy.now.known);
	store_headroom_add(&t.occupancy.now,
			   &(struct store_headroom){ .known = true, .free = 500, .samples = 1 });
	assert_int_equal(device_counters_add(&w, &t, T0 + 120 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_traffic, 0);	/* empty and quiet */
	assert_int_equal(t.occupancy.now.samples, 0);
	device_counters_free(&w);
}

/* Read after a frame was counted as received and before it was counted as dropped. */
static void a_reading_in_between_is_made_up_for(void **state)
{
	struct tap t = tap_of(TL_KIND_MACVTAP);
	struct device_counter_rows w = { 0 };
	uint64_t delivered = 0;

	(void)state;
	t.counted.now = (struct link_counters){ .rx_frames = 11, .rx_dropped = 0 };
	assert_int_equal(device_counters_add(&w, &t, T0 + NSEC_PER_SEC, true), 0);
	delivered += w.traffic[0].rx_frames;
	device_counters_commit(&w, T0 + NSEC_PER_SEC);
	t.counted.now = (struct link_counters){ .rx_frames = 11, .rx_dropped = 1 };
	assert_int_equal(device_counters_add(&w, &t, T0 + 2 * NSEC_PER_SEC, true), 0);
	assert_int_equal(w.n_traffic, 0);
	device_counters_commit(&w, T0 + 2 * NSEC_PER_SEC);
	t.counted.now = (struct link_counters){ .rx_frames = 15, .rx_dropped = 1 };
	assert_int_equal(device_counters_add(&w, &t, T0 + 3 * NSEC_PER_SEC, true), 0);
	delivered += w.traffic[0].rx_frames;
	assert_int_equal(delivered, 14);
	device_counters_free(&w);
}

static void a_tick_that_failed_is_made_up_for(void **state)
{
	struct tap t = tap_of(TL_KIND_TUN);
	struct device_counter_rows w = { 0 };

	(void)state;
	t.counted.now.tx_dropped = 5;
	assert_int_equal(device_counters_add(&w, &t, T0 + NSEC_PER_SEC, false), 0);
	device_counters_clear(&w);	/* the disk was full */
	t.counted.now.tx_dropped = 9;
	assert_int_equal(device_counters_add(&w, &t, T0 + 2 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.witnesses[0].frames, 9);
	device_counters_commit(&w, T0 + 2 * NSEC_PER_SEC);
	assert_int_equal(device_counters_add(&w, &t, T0 + 3 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_witnesses, 0);
	t.counted.now.tx_dropped = 10;
	assert_int_equal(device_counters_add(&w, &t, T0 + 4 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.witnesses[0].frames, 1);
	device_counters_free(&w);
}

static void plain_traffic_waits_for_its_minute(void **state)
{
	struct tap t = tap_of(TL_KIND_TUN);
	struct device_counter_rows w = { 0 };

	(void)state;
	t.counted.now.tx_frames = 1;
	assert_int_equal(device_counters_add(&w, &t, T0 + 59 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_taps, 0);
	assert_int_equal(device_counters_add(&w, &t, T0 + 60 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_traffic, 1);
	device_counters_commit(&w, T0 + 60 * NSEC_PER_SEC);
	t.counted.now.tx_frames = 2;
	assert_int_equal(device_counters_add(&w, &t, T0 + 61 * NSEC_PER_SEC, true), 0);
	assert_int_equal(w.traffic[0].rx_frames, 1);
	device_counters_free(&w);
}

static void quiet_minutes_are_not_spanned(void **state)
{
	struct tap t = tap_of(TL_KIND_TUN);
	struct device_counter_rows w = { 0 };

	(void)state;
	assert_int_equal(device_counters_add(&w, &t, T0 + 600 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_taps, 0);
	t.counted.now.tx_dropped = t.counted.now.tx_frames = 1;
	assert_int_equal(device_counters_add(&w, &t, T0 + 601 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.traffic[0].span_ns, NSEC_PER_SEC);
	device_counters_free(&w);
}

/* A tenth of a second each, for 70 s; 5 frames got through and 3 were lost in each. One row a
 * minute in the end, and what was offered in its busiest second. */
static void a_losing_nic_has_a_row_that_grows(void **state)
{
	struct tap t = tap_of(TL_KIND_TUN);
	struct device_counter_rows w = { 0 };
	unsigned int begun = 0;
	uint64_t lost = 0;

	(void)state;
	for (unsigned int i = 1; i <= 700; i++) {
		uint64_t now = T0 + i * 100 * NSEC_PER_MSEC;

		t.counted.now.tx_frames += 5;
		t.counted.now.tx_dropped += 3;
		t.counted.lost = true;
		device_counters_tick(&t);
		device_counters_lost(&t, "rx", "capacity", 3);
		device_counters_lost(&t, "rx", "fault", 1);
		assert_int_equal(device_counters_add(&w, &t, now, false), 0);
		assert_int_equal(w.n_traffic, 1);
		assert_int_equal(w.traffic[0].rx_frames, 5);
		assert_true(w.traffic[0].joins_ns == 0 ||
			    w.traffic[0].joins_ns == now - 100 * NSEC_PER_MSEC);
		begun += !w.traffic[0].joins_ns;
		lost += w.traffic[0].rx_lost;
		if (i > 10)
			assert_int_equal(w.traffic[0].rx_peak, 90);
		device_counters_commit(&w, now);
	}
	assert_int_equal(begun, 2);
	assert_int_equal(lost, 2100);
	device_counters_free(&w);
}

/* The quiet minute before a burst is a row of its own: it would make the burst look small. */
static void a_row_that_covers_a_quiet_time_does_not_grow(void **state)
{
	struct tap t = tap_of(TL_KIND_TUN);
	struct device_counter_rows w = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t now = T0 + (40 + i) * NSEC_PER_SEC;

		t.counted.now.tx_frames += 5;
		t.counted.lost = true;
		device_counters_tick(&t);
		assert_int_equal(device_counters_add(&w, &t, now, false), 0);
		assert_int_equal(w.traffic[0].span_ns, i ? NSEC_PER_SEC : 40 * NSEC_PER_SEC);
		assert_int_equal(w.traffic[0].joins_ns, i == 2 ? now - NSEC_PER_SEC : 0);
		device_counters_commit(&w, now);
	}
	device_counters_free(&w);
}

static void a_hidden_counter_of_an_old_device_begins_with_its_first_reading(void **state)
{
	struct tap t = tap_of(TL_KIND_TUN);
	struct device_counter_rows w = { 0 };

	(void)state;
	t.counted.now.rx_frame_errors = t.counted.now.qdisc_dropped = LINK_UNREAD;
	t.counted.stored = t.counted.now;
	t.counted.now.tx_dropped = 1;
	assert_int_equal(device_counters_add(&w, &t, T0 + NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_witnesses, 1);
	/* so the next agent knows it as well */
	assert_true(w.counters[0].counters.rx_frame_errors == LINK_UNREAD);
	device_counters_commit(&w, T0 + NSEC_PER_SEC);
	t.counted.now.rx_frame_errors = 1000;
	assert_int_equal(device_counters_add(&w, &t, T0 + 2 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_witnesses, 0);
	t.counted.now.rx_frame_errors = 1003;
	assert_int_equal(device_counters_add(&w, &t, T0 + 3 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.n_witnesses, 1);
	assert_string_equal(w.witnesses[0].counter, "rx_frame_errors");
	assert_int_equal(w.witnesses[0].frames, 3);
	device_counters_free(&w);
}

static void a_hidden_counter_that_was_not_read_stays_where_it_was(void **state)
{
	struct tap t = tap_of(TL_KIND_TUN);
	struct device_counter_rows w = { 0 };

	(void)state;
	t.counted.stored.rx_frame_errors = 40;		/* what an earlier agent stored */
	t.counted.now.rx_frame_errors = t.counted.now.qdisc_dropped = LINK_UNREAD;
	t.counted.now.tx_dropped = 1;
	assert_int_equal(device_counters_add(&w, &t, T0 + NSEC_PER_SEC, false), 0);
	assert_int_equal(w.counters[0].counters.rx_frame_errors, 40);
	device_counters_commit(&w, T0 + NSEC_PER_SEC);
	/* its first reading here; nobody saw those two */
	t.counted.now.rx_frame_errors = 42;
	assert_int_equal(device_counters_add(&w, &t, T0 + 2 * NSEC_PER_SEC, false), 0);
	assert_int_equal(w.witnesses[0].frames, 2);
	device_counters_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tun_transmits_what_the_guest_receives),
		cmocka_unit_test(macvtap_counts_a_dropped_frame_as_received_and_twice_as_dropped),
		cmocka_unit_test(rings_go_with_the_traffic),
		cmocka_unit_test(a_reading_in_between_is_made_up_for),
		cmocka_unit_test(a_tick_that_failed_is_made_up_for),
		cmocka_unit_test(plain_traffic_waits_for_its_minute),
		cmocka_unit_test(a_losing_nic_has_a_row_that_grows),
		cmocka_unit_test(a_row_that_covers_a_quiet_time_does_not_grow),
		cmocka_unit_test(quiet_minutes_are_not_spanned),
		cmocka_unit_test(a_hidden_counter_of_an_old_device_begins_with_its_first_reading),
		cmocka_unit_test(a_hidden_counter_that_was_not_read_stays_where_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
