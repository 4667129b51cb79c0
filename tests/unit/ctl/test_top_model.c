/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of top's screen from a small store: what is harmful, what is not, shares, bursts, order,
 * the way in and out, cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/readertest.h"
#include "tests/unit/storetest.h"

#include "collector/base.h"
#include "ctl/top/model.h"
#include "ctl/query/severity.h"
#include "schema/schema.h"

#define NOW (NOON + 30 * NSEC_PER_SEC)
#define SPAN (60 * NSEC_PER_SEC)

static struct filter filter;
static char *dir;

static void run_sql(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

static _printf_(2, 3) void add(sqlite3 *db, const char *fmt, ...)
{
	char sql[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	run_sql(db, sql);
}

static long long at(int second)
{
	return (long long)(NOON + (uint64_t)(int64_t)second * NSEC_PER_SEC);
}

/* web (1) on vnet0 and vnet1, db (2) on vnet2, paused from 10 to 20 s; idle (3) loses nothing; tapx
 * is nobody's. */
static int fill_meta(sqlite3 *db, void *arg)
{
	(void)arg;
	add(db, "INSERT INTO vm (id, ident, uuid, name, state, first_ns, last_ns) VALUES (1, 'a', "
		"'uuid-a', 'web', 'running', 1, 2),"
		" (2, 'b', 'uuid-b', 'db', 'running', 1, 2), (3, 'c', 'uuid-c', 'idle', 'running', "
		"1, 2), (4, 'd', 'uuid-d', 'old', 'gone', 1, 2)");
	for (int i = 1; i <= 4; i++)
		add(db,
		    "INSERT INTO device (id, boot_id, netns, ifindex, name, kind, since_ns) VALUES "
		    "(%d, 'b', 1, %d, '%s', 'tap', 1)",
		    i, i, i < 4 ? (const char *[]){ "vnet0", "vnet1", "vnet2" }[i - 1] : "tapx");
	add(db, "INSERT INTO attachment (id, vm_id, device_id, queues, ring_frames, since_ns) "
		"VALUES (1, 1, 1, 2, 500, 1), (2, 1, 2, 1, 500, 1),"
		" (3, 2, 3, 1, 500, 1)");
	add(db, "INSERT INTO series (id, vm_id, attachment_id, device_id, queue, direction, class, "
		"kind, reason, site, place, first_ns) VALUES"
		" (1, 1, 1, 1, 0, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'f', NULL, 1),"
		" (2, 1, 1, 1, 1, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'f', NULL, 1),"
		" (3, 1, 2, 2, 0, 'tx', 'VIRTNET_HDR', 'fault', 'NOT_SPECIFIED', 'g', NULL, 1),"
		" (4, 2, 3, 3, 0, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'f', NULL, 1),"
		" (5, 2, 3, 3, NULL, 'rx', 'PATH', 'policy', 'NETFILTER_DROP', 'h', 'netfilter "
		"br0', 1),"
		" (6, 2, 3, 3, 0, 'rx', 'PURGE', 'lifecycle', 'NOT_SPECIFIED', 'i', NULL, 1),"
		" (7, NULL, NULL, 4, 0, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'f', NULL, 1)");
	add(db,
	    "INSERT INTO event (t_ns, vm_id, what, was, became) VALUES (1, 2, 'vm', NULL, "
	    "'running'), (%lld, 2, 'state', 'running', 'paused'),"
	    " (%lld, 2, 'state', 'paused', 'running')",
	    at(10), at(20));
	add(db, "INSERT INTO run (id, pid, version, kernel, reasons, interval_ns, since_ns) VALUES "
		"(1, 1, 'v', 'k', 1, 1000000000, 1)");
	return 0;
}

static void lose(sqlite3 *db, int second, int series, int frames)
{
	add(db, "INSERT OR IGNORE INTO tick (t_ns, span_ns) VALUES (%lld, 1000000000)", at(second));
	add(db,
	    "INSERT INTO loss (t_ns, series_id, frames, segments, bytes) VALUES (%lld, %d, %d, %d, "
	    "%d)",
	    at(second), series, frames, frames, frames * 60);
}

static int fill_day(sqlite3 *db, void *arg)
{
	(void)arg;
	add(db, "INSERT INTO coverage (from_ns, to_ns, how) VALUES (%lld, %lld, 'tick')", at(-100),
	    at(30));
	for (int t = -20; t < 0; t += 10)
		lose(db, t, 1, 100);
	lose(db, 28, 1, 500);
	lose(db, 28, 2, 400);
	lose(db, 30, 2, 100);
	lose(db, 5, 3, 50);
	lose(db, 5, 4, 30);	/* while it ran */
	lose(db, 15, 4, 70);	/* while it was paused */
	lose(db, 25, 5, 20);
	lose(db, 26, 6, 9);
	lose(db, 29, 7, 10);
	add(db,
	    "INSERT INTO burst (start_ns, series_id, cpu, span_ns, frames, place) VALUES (%lld, 1, "
	    "0, 4000000, 500, 7),"
	    " (%lld, 2, 1, 2000000, 400, 9), (%lld, 2, 1, 1000000, 100, 9)",
	    at(28) - 900000000, at(28) - 800000000, at(30) - 900000000);
	add(db,
	    "INSERT INTO traffic (t_ns, device_id, span_ns, rx_frames, rx_bytes, tx_frames, "
	    "tx_bytes, rx_peak, tx_peak, rx_lost, tx_lost) VALUES"
	    " (%lld, 1, 60000000000, 8800, 1, 0, 0, 1, 0, 1200, 0), (%lld, 2, 60000000000, 0, 0, "
	    "950, 1, 0, 1, 0, 0), (%lld, 4, 60000000000, 90, 1, 0, 0, 1, 0, 10, 0)",
	    at(30), at(30), at(30));
	return 0;
}

static int setup(void **state)
{
	char why[SCHEMA_WHY];
	struct schema_day day;

	if (make_dir(state) < 0)
		return -1;
	dir = *state;
	schema_day_of(NOON, &day);
	assert_int_equal(schema_create(below(dir, "meta.db"), SCHEMA_META, fill_meta, NULL, why),
			 0);
	assert_int_equal(schema_create(below(dir, day.name), SCHEMA_DAY, fill_day, NULL, why), 0);
	filter_init(&filter);
	return 0;
}

static struct top_model top_model_of(struct reader *v, struct top_model_where where, bool quiet)
{
	struct top_model_ask ask = {
		.now_ns = NOW,
		.span_ns = SPAN,
		.where = where,
		.filter = &filter,
		.quiet = quiet,
	};
	struct top_model b;

	assert_int_equal(top_model_make(v, &ask, &b), 0);
	top_model_sort(&b, ORDER_NOW, false);
	return b;
}

static const struct top_model_row *row(const struct top_model *b, size_t i, const char *vm,
				       enum top_model_part part, const char *class)
{
	assert_true(i < b->n);
	assert_string_equal(b->rows[i].vm ? b->rows[i].vm->name : "-", vm);
	assert_int_equal(b->rows[i].part, part);
	if (class)
		assert_string_equal(b->rows[i].series->class, class);
	return &b->rows[i];
}

static void test_vms(void **state)
{
	struct reader *v = open_reader(dir);
	struct top_model b = top_model_of(v, (struct top_model_where){ 0 }, false);
	const struct top_model_row *r;

	(void)state;
	assert_int_equal(b.n, 6);
	r = row(&b, 0, "web", PART_HARM, "PTR_FULL");
	assert_int_equal(r->frames, 1200);
	assert_int_equal(r->now, 200);		/* 1000 in 5 s */
	assert_float_equal(r->pct, 12, 0.001);	/* of 10,000 */
	assert_int_equal(r->bursts, 3);
	assert_int_equal(r->longest_ns, 4000000);
	r = row(&b, 1, "-", PART_HARM, "PTR_FULL");
	assert_int_equal(r->now, 2);
	assert_float_equal(r->pct, 10, 0.001);
	assert_string_equal(r->nic, "tapx");
	r = row(&b, 2, "web", PART_HARM, "VIRTNET_HDR");
	assert_int_equal(r->frames, 50);
	assert_float_equal(r->pct, 5, 0.001);
	r = row(&b, 3, "db", PART_HARM, "PTR_FULL");
	assert_int_equal(r->frames, 30);
	assert_true(r->pct < 0);		/* its counters were not read */
	r = row(&b, 4, "db", PART_PATH, "PATH");
	assert_int_equal(r->frames, 20);
	assert_true(r->pct < 0);
	r = row(&b, 5, "db", PART_BENIGN, "PTR_FULL");
	assert_int_equal(r->frames, 79);	/* paused, and a ring that was emptied */
	assert_int_equal(r->classes, 2);
	assert_int_equal(b.frames[PART_HARM], 1290);
	assert_int_equal(b.frames[PART_PATH], 20);
	assert_int_equal(b.frames[PART_BENIGN], 79);
	assert_int_equal(b.now[PART_HARM], 202);
	assert_float_equal(b.covered_pct, 100, 0.001);
	top_model_free(&b);

	b = top_model_of(v, (struct top_model_where){ 0 }, true);
	assert_int_equal(b.n, 7);
	assert_null(row(&b, 6, "idle", PART_QUIET, NULL)->series);
	top_model_free(&b);
	reader_free(v);
}

static void test_way_in_and_out(void **state)
{
	struct top_model_where w = { 0 };
	struct reader *v = open_reader(dir);
	struct top_model b = top_model_of(v, w, false);

	(void)state;
	assert_true(top_model_enter(&w, &b.rows[0]));
	top_model_free(&b);
	b = top_model_of(v, w, false);
	assert_int_equal(w.level, BOARD_NICS);
	assert_int_equal(b.n, 2);
	assert_string_equal(row(&b, 0, "web", PART_HARM, "PTR_FULL")->nic, "vnet0");
	assert_float_equal(b.rows[0].pct, 12, 0.001);
	assert_string_equal(row(&b, 1, "web", PART_HARM, "VIRTNET_HDR")->nic, "vnet1");
	assert_float_equal(b.rows[1].pct, 5, 0.001);
	assert_true(top_model_enter(&w, &b.rows[0]));
	top_model_free(&b);
	b = top_model_of(v, w, false);
	assert_int_equal(b.n, 2);
	/* 500 in the last seconds, as the other; more in all */
	assert_int_equal(b.rows[0].series->queue, 0);
	assert_int_equal(b.rows[0].frames, 700);
	assert_float_equal(b.rows[1].pct, 500.0 / 12, 0.001);
	assert_true(top_model_enter(&w, &b.rows[1]));
	top_model_free(&b);
	b = top_model_of(v, w, false);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.bursts.n, 2);
	assert_int_equal(b.bursts.all[1].frames, 100);
	assert_false(top_model_enter(&w, &(struct top_model_row){ 0 }));
	top_model_free(&b);
	for (int level = BOARD_QUEUES; level >= BOARD_VMS; level--) {
		assert_true(top_model_leave(&w));
		assert_int_equal(w.level, level);
	}
	assert_false(top_model_leave(&w));

	w = (struct top_model_where){ .level = BOARD_NICS, .nic = "tapx" };	/* nobody's */
	b = top_model_of(v, w, false);
	assert_int_equal(b.n, 1);
	assert_string_equal(b.rows[0].nic, "tapx");
	top_model_free(&b);
	w = (struct top_model_where){ .level = BOARD_NICS, .vm_id = 99 };	/* it is gone */
	b = top_model_of(v, w, false);
	assert_int_equal(b.n, 0);
	top_model_free(&b);
	reader_free(v);
}

static void test_order(void **state)
{
	struct reader *v = open_reader(dir);
	struct top_model b = top_model_of(v, (struct top_model_where){ 0 }, false);

	(void)state;
	top_model_sort(&b, ORDER_NAME, false);
	row(&b, 0, "db", PART_HARM, NULL);
	row(&b, 4, "db", PART_PATH, NULL);	/* parts stay apart */
	top_model_sort(&b, ORDER_NAME, true);
	row(&b, 0, "web", PART_HARM, "PTR_FULL");	/* of one name, the worse one first */
	row(&b, 5, "db", PART_BENIGN, NULL);
	top_model_sort(&b, ORDER_FRAMES, true);
	row(&b, 0, "-", PART_HARM, NULL);
	top_model_sort(&b, ORDER_CLASS, false);
	row(&b, 3, "web", PART_HARM, "VIRTNET_HDR");
	top_model_free(&b);
	reader_free(v);
}

static void test_filter(void **state)
{
	struct reader *v = open_reader(dir);
	struct top_model b = top_model_of(v, (struct top_model_where){ 0 }, false);

	(void)state;
	assert_true(top_model_matches(&b.rows[0], ""));
	assert_true(top_model_matches(&b.rows[0], "WE"));
	assert_true(top_model_matches(&b.rows[0], "uuid-a"));
	assert_true(top_model_matches(&b.rows[0], "full_ring"));
	assert_true(top_model_matches(&b.rows[4], "netfilter BR0"));
	assert_false(top_model_matches(&b.rows[0], "vnet2"));
	assert_true(top_model_matches(&b.rows[1], "tapx"));
	top_model_free(&b);
	filter.kind = "fault";
	b = top_model_of(v, (struct top_model_where){ 0 }, true);
	assert_int_equal(b.rows[0].frames, 50);
	filter_init(&filter);
	top_model_free(&b);
	reader_free(v);
}

static uint64_t sum(const uint64_t *cells, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += cells[i];
	return all;
}

static void test_cells(void **state)
{
	struct reader *v = open_reader(dir);
	struct top_model b = top_model_of(v, (struct top_model_where){ 0 }, false);
	uint64_t out[100];
	bool seen[100];
	size_t k, n;

	(void)state;
	assert_int_equal(b.n_cells, 60);
	assert_int_equal(b.rows[0].cells[57], 900);	/* the second before 28 s */
	assert_int_equal(b.rows[0].marks[57], 2);
	assert_int_equal(sum(b.rows[0].cells, b.n_cells), 1200);
	for (size_t width = 2; width <= 100; width++) {
		n = top_model_fold(&b, b.rows[0].cells, width, out, seen, &k);
		assert_true(n >= 1 && n <= width && k * n >= b.n_cells);
		assert_int_equal(sum(out, n), 1200);
		assert_true(seen[0]);
	}
	assert_int_equal(k, 1);
	n = top_model_fold(&b, b.rows[0].cells, 20, out, NULL, &k);
	assert_true(n <= 20);
	assert_int_equal(k, 4);
	top_model_free(&b);
	reader_free(v);
}

static void test_halts(void **state)
{
	struct reader *v = open_reader(dir);
	struct downtimes h;

	(void)state;
	assert_int_equal(downtimes_read(v, NOW, &h), 0);
	assert_int_equal(h.n, 1);
	assert_false(downtimes_has(&h, 2, (uint64_t)at(9), NSEC_PER_SEC));
	/* the state is told late */
	assert_true(downtimes_has(&h, 2, (uint64_t)at(10), NSEC_PER_SEC));
	assert_true(downtimes_has(&h, 2, (uint64_t)at(21), 2 * NSEC_PER_SEC));
	assert_false(downtimes_has(&h, 2, (uint64_t)at(22), NSEC_PER_SEC));
	assert_false(downtimes_has(&h, 1, (uint64_t)at(15), NSEC_PER_SEC));
	assert_false(downtimes_has(&h, 0, (uint64_t)at(15), NSEC_PER_SEC));
	/* a minute's sum, ten seconds of which */
	assert_false(downtimes_has(&h, 2, (uint64_t)at(40), NSEC_PER_MIN));
	assert_true(downtimes_has(&h, 2, (uint64_t)at(24), 18 * NSEC_PER_SEC));
	assert_true(downtimes_any(&h, 2, (uint64_t)at(0), (uint64_t)at(60)));
	assert_false(downtimes_any(&h, 2, (uint64_t)at(21), (uint64_t)at(60)));
	downtimes_free(&h);
	assert_int_equal(downtimes_read(v, (uint64_t)at(15), &h), 0);	/* it goes on */
	assert_true(downtimes_has(&h, 2, (uint64_t)at(100), NSEC_PER_SEC));
	downtimes_free(&h);
	reader_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vms),   cmocka_unit_test(test_way_in_and_out),
		cmocka_unit_test(test_order), cmocka_unit_test(test_filter),
		cmocka_unit_test(test_cells), cmocka_unit_test(test_halts),
	};

	return cmocka_run_group_tests(tests, setup, remove_dir);
}
