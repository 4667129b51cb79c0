/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger of a probe, and what a guest may say in a report. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "collector/base.h"
#include "collector/probe/receive.h"
#include "ctl/probe/report.h"
#include "ctl/probe/send.h"
#include "ctl/probe/table.h"

static void balances(void **state)
{
	struct ledger l = { .sent = 1000, .captured = 900 };

	(void)state;
	assert_int_equal(ledger_add(&l, "tap", "PTR_FULL", 60), 0);
	assert_int_equal(ledger_add(&l, "guest-ring", "", 30), 1);
	assert_int_equal(ledger_add(&l, "tap", "PTR_FULL", 5), 0);
	assert_false(ledger_balance(&l));
	assert_int_equal(l.unaccounted, 5);
	ledger_add(&l, "path", "qdisc", 5);
	assert_true(ledger_balance(&l));
	ledger_add(&l, "vmm", "", 1);
	assert_false(ledger_balance(&l));
	assert_int_equal(l.unaccounted, -1);
}

static void has_a_bound(void **state)
{
	struct ledger l = { 0 };
	char what[16];

	(void)state;
	for (int i = 0; i < LEDGER_ENTRIES; i++) {
		snprintf(what, sizeof(what), "C%d", i);
		assert_int_equal(ledger_add(&l, "tap", what, 1), i);
	}
	assert_int_equal(ledger_add(&l, "tap", "more", 1), -ENOSPC);
	assert_int_equal(ledger_add(&l, "tap", "C3", 1), 3);
}

/* The ring by position, the tap by time, the rest by what is left; and nobody explains more than he
 * lost. */
static void explains_gaps(void **state)
{
	struct ledger l = { .sent = 100, .captured = 70 };
	size_t ring = (size_t)ledger_add(&l, "guest-ring", "", 10),
	       tap = (size_t)ledger_add(&l, "tap", "PTR_FULL", 10);
	size_t vmm = (size_t)ledger_add(&l, "vmm", "", 5);
	struct ledger_gap gaps[] = { { .first = 10, .count = 10, .from_ns = 1000, .to_ns = 1100 },
				     { .first = 40, .count = 10, .from_ns = 5000, .to_ns = 5100 },
				     { .first = 90, .count = 10, .from_ns = 9000, .to_ns = 9100 } };
	struct ledger_spot spots[] = { { ring, 39, 50, 10 } };
	struct ledger_burst bursts[] = { { tap, 1010, 1020, 8 }, { tap, 20000, 20010, 2 } };

	(void)state;
	ledger_balance(&l);
	assert_int_equal(l.unaccounted, 5);
	ledger_explain(&l, gaps, ARRAY_SIZE(gaps), spots, 1, bursts, 2, 50);
	assert_int_equal(gaps[0].parts[0].entry, tap);
	assert_int_equal(gaps[0].parts[0].how, BY_TIME);
	assert_int_equal(gaps[0].parts[0].frames, 8);
	assert_int_equal(gaps[0].parts[1].entry, tap);
	assert_int_equal(gaps[0].parts[1].how, BY_TOTAL);
	assert_int_equal(gaps[0].parts[1].frames, 2);
	assert_int_equal(gaps[1].n_parts, 1);
	assert_int_equal(gaps[1].parts[0].entry, ring);
	assert_int_equal(gaps[1].parts[0].how, BY_POSITION);
	assert_int_equal(gaps[2].n_parts, 2);
	assert_int_equal(gaps[2].parts[0].entry, vmm);
	assert_int_equal(gaps[2].parts[0].frames, 5);
	assert_int_equal(gaps[2].parts[1].entry, LEDGER_ENTRIES);
	assert_int_equal(gaps[2].parts[1].frames, 5);
}

static const char *const head[] = { "frames 90",      "repeated 0",	"late 0",
				    "foreign 1",      "ring_frames 95", "ring_drops 4",
				    "nic_packets 95", "nic_dropped 0",	"cpu_ns 1000",
				    "wall_ns 2000" };

static int read_report(struct probe_report *r, const char *const *tail, size_t n, uint32_t sent)
{
	char why[128] = "";
	int got = report_new(r);

	for (size_t i = 0; i < ARRAY_SIZE(head) && got == 0; i++)
		got = report_line(r, head[i]);
	for (size_t i = 0; i < n && got == 0; i++)
		got = report_line(r, tail[i]);
	return got < 0 ? got : report_end(r, sent, why);
}

static void reads_a_report(void **state)
{
	static const char *const tail[] = { "gap 3 4", "gap 20 2", "ring 2 7 4", "omitted 0" };
	struct probe_report r;

	(void)state;
	assert_int_equal(read_report(&r, tail, ARRAY_SIZE(tail), 100), 0);
	assert_int_equal(r.frames, 90);
	assert_int_equal(r.ring_drops, 4);
	assert_int_equal(r.n_spots, 1);
	assert_int_equal(r.n_gaps, 3);
	assert_int_equal(r.gaps[2].first, 96);	/* what misses at the end */
	assert_int_equal(r.gaps[2].count, 4);
	report_clear(&r);
}

static void refuses(const char *const *tail, size_t n)
{
	struct probe_report r;

	assert_int_equal(read_report(&r, tail, n, 100), -EBADMSG);
	report_clear(&r);
}

static void believes_no_guest(void **state)
{
	static const char *const bad[] = { "gap 5",
					   "gap 5 0",
					   "gap -1 3",
					   "gap 5 3 1",
					   "gap 99999999999999999999 1",
					   "gap 4294967295 1",
					   "gap  5 1",
					   "ring 1 2",
					   "ring 1 2 99999999999",
					   "frames 3",
					   "omitted",
					   "omitted -1",
					   "omitted 0 ",
					   "",
					   "\xff" };
	static const char *const backwards[] = { "gap 30 2", "gap 20 2", "omitted 0" },
				 *const touching[] = { "gap 3 4", "gap 7 2", "omitted 0" };
	static const char *const too_many[] = { "gap 3 20", "omitted 0" }, *const beyond[] = {
		"gap 200 2", "omitted 0"
	};
	static const char *const behind[] = { "omitted 0", "gap 3 4" }, *const twice[] = {
		"omitted 0", "omitted 0"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refuses(&bad[i], 1);
	refuses(NULL, 0);	/* not whole */
	refuses(backwards, 3);
	refuses(touching, 3);
	refuses(too_many, 2);
	refuses(beyond, 2);
	refuses(behind, 2);
	refuses(twice, 2);
}

static void bounds_a_report(void **state)
{
	struct probe_report r;
	char line[64];

	(void)state;
	assert_int_equal(report_new(&r), 0);
	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		assert_int_equal(report_line(&r, head[i]), 0);
	for (int i = 0; i < WIRE_GAPS; i++) {
		snprintf(line, sizeof(line), "gap %d 1", 2 * i);
		assert_int_equal(report_line(&r, line), 0);
	}
	assert_int_equal(report_line(&r, "gap 1000000 1"), -EOVERFLOW);
	for (int i = 0; i < WIRE_GAPS; i++)
		assert_int_equal(report_line(&r, "ring 1 2 1"), 0);
	assert_int_equal(report_line(&r, "ring 1 2 1"), -EOVERFLOW);
	report_clear(&r);
}

/* Numbers that came, as the capture's bits say; the run of zeros at the end has none behind it. */
static void finds_gaps(void **state)
{
	uint8_t seen[] = { 0x39, 0x0f, 0x01 };	/* 0, 3 to 5, 8 to 11, 16 */
	struct receiver c = { .seen = seen, .expect = 24, .frames = 9 };
	struct probe_report r;
	char why[128];
	uint32_t at = 0;

	(void)state;
	assert_int_equal(receive_gap(&c, &at), 2);
	assert_int_equal(at, 1);
	at += 2;
	assert_int_equal(receive_gap(&c, &at), 2);
	assert_int_equal(at, 6);
	at = 12;
	assert_int_equal(receive_gap(&c, &at), 4);
	at = 17;
	assert_int_equal(receive_gap(&c, &at), 0);
	assert_int_equal(report_new(&r), 0);
	report_capture(&r, &c);
	assert_int_equal(report_end(&r, 20, why), 0);
	assert_int_equal(r.n_gaps, 4);
	assert_int_equal(r.gaps[3].first, 17);
	assert_int_equal(r.gaps[3].count, 3);
	report_clear(&r);
}

static void reads_lengths(void **state)
{
	static const char *const bad[] = { "",
					   "59",
					   "1515",
					   "60,",
					   ",60",
					   "60,,60",
					   "60 ",
					   "a",
					   "60,60,60,60,60,60,60,60,60",
					   "-60",
					   "99999999999999999999" };
	struct send_order o;

	(void)state;
	assert_true(send_lengths("60,1514,590", &o));
	assert_int_equal(o.n_lengths, 3);
	assert_int_equal(o.lengths[1], 1514);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(send_lengths(bad[i], &o));
}

/* Two senders: the first one's batches began at 10 and 20, the other's at 11 and 25; all ended
 * at 40. */
static void knows_when_numbers_were_sent(void **state)
{
	uint64_t batches[] = { 10, 20, 11, 25, 0 }, from, to;
	struct send_result s = {
		.sent = 128,
		.per_worker = 64,
		.batch_ns = batches,
		.began_ns = 5,
		.ended_ns = 40,
	};

	(void)state;
	send_window(&s, 3, 5, &from, &to);
	assert_true(from == 10 && to == 20);
	send_window(&s, 40, 40, &from, &to);
	assert_true(from == 20 && to == 40);
	send_window(&s, 60, 70, &from, &to);
	assert_true(from == 11 && to == 40);
	send_window(&s, 127, 127, &from, &to);
	assert_true(from == 25 && to == 40);
}

static json_t *round_of(int pps, const char *ring, int captured, int busy)
{
	return json_pack("{sisssisisisfsfsis[{sssi}]}", "pps", pps, "ring", ring, "sent_pps", pps,
			 "captured_pps", captured, "sent_frames", 100, "loss_pct", 1.0,
			 "guest_cpu_pct", (double)busy, "captured_frames", 90, "ledger", "place",
			 "guest-ring", "frames", 5);
}

/* Medians over the rounds, by rate and ring, the unlimited rate last. */
static void sums_up_rounds(void **state)
{
	json_t *steps = json_array(), *table;

	(void)state;
	json_array_append_new(steps, round_of(0, "V1", 900, 70));
	json_array_append_new(steps, round_of(100, "V3", 90, 30));
	json_array_append_new(steps, round_of(100, "V1", 50, 40));
	json_array_append_new(steps, round_of(100, "V3", 99, 10));
	json_array_append_new(steps, round_of(100, "V3", 80, 20));
	table = probe_table(steps);
	assert_int_equal(json_array_size(table), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(table, 0), "ring")),
			    "V1");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(table, 1), "captured_pps")), 90);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(table, 1), "rounds")),
			 3);
	assert_true(json_real_value(json_object_get(json_array_get(table, 1), "guest_cpu_pct")) ==
		    20);
	assert_true(json_real_value(json_object_get(json_array_get(table, 1), "ring_loss_pct")) ==
		    5);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(table, 2), "pps")), 0);
	json_decref(table);
	json_decref(steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(balances),
		cmocka_unit_test(has_a_bound),
		cmocka_unit_test(explains_gaps),
		cmocka_unit_test(reads_a_report),
		cmocka_unit_test(believes_no_guest),
		cmocka_unit_test(bounds_a_report),
		cmocka_unit_test(finds_gaps),
		cmocka_unit_test(reads_lengths),
		cmocka_unit_test(knows_when_numbers_were_sent),
		cmocka_unit_test(sums_up_rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
