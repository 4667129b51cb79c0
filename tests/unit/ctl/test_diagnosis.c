/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verdicts of windows of the past: frames add up, and history is what each step says, put together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector/base.h"
#include "ctl/diagnose/diagnosis.h"
#include "ctl/query/events.h"
#include "tests/unit/readertest.h"
#include "tests/unit/storetest.h"

#define MIDNIGHT (NOON - 12 * NSEC_PER_HOUR)
#define AT(min) (NOON + (uint64_t)(min) * NSEC_PER_MIN)

static struct reader *view;

static _printf_(2, 3) void add(sqlite3 *db, const char *fmt, ...)
{
	char sql[512], *why = NULL;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

static int fill_meta(sqlite3 *db, void *arg)
{
	static const char *const classes[] = { "VIRTNET_HDR", "GSO", "CHECKSUM", "PURGE",
					       "SKB_COPY_DATA" };

	(void)arg;
	for (int vm = 1; vm <= 2; vm++) {
		add(db, "INSERT INTO vm VALUES (%d, 'i%d', NULL, 'vm-%d', 'running', 1, 1)", vm, vm,
		    vm);
		add(db, "INSERT INTO device VALUES (%d, 'b', 1, %d, 'tap%d', 'tap', 1, NULL)", vm,
		    vm, vm);
		add(db,
		    "INSERT INTO attachment (id, vm_id, device_id, since_ns) VALUES (%d, %d, %d, "
		    "1)",
		    vm, vm, vm);
	}
	add(db, "INSERT INTO vm VALUES (3, 'i3', NULL, 'vm-3', 'running', 1, 1)");
	add(db, "INSERT INTO device VALUES (3, 'b', 1, 3, 'tap3', 'tap', 1, NULL)");
	add(db, "INSERT INTO attachment (id, vm_id, device_id, since_ns) VALUES (3, 3, 3, 1)");
	add(db, "INSERT INTO series (id, vm_id, attachment_id, device_id, queue, direction, class, "
		"kind, reason, site, first_ns) VALUES "
		"(6, 3, 3, 3, 0, 'rx', 'PTR_FULL', 'capacity', 'R', 'f', 1)");
	for (int i = 0; i < 5; i++)		/* the last one is the other VM's */
		add(db,
		    "INSERT INTO series (id, vm_id, attachment_id, device_id, direction, class, "
		    "kind, reason, site, first_ns) VALUES "
		    "(%d, %d, %d, %d, 'tx', '%s', 'fault', 'R', 'f', 1)",
		    i + 1, i == 4 ? 2 : 1, i == 4 ? 2 : 1, i == 4 ? 2 : 1, classes[i]);
	return 0;
}

static void lose(sqlite3 *db, int minute, int series, int frames)
{
	add(db, "INSERT OR IGNORE INTO tick VALUES (%llu, 1000000000)",
	    (unsigned long long)AT(minute));
	add(db, "INSERT INTO loss VALUES (%llu, %d, %d, 1, 1)", (unsigned long long)AT(minute),
	    series, frames);
}

/* A burst of a ring, @at_ns after NOON, and the tick that holds its frames. */
static void burst(sqlite3 *db, int64_t at_ns, int frames, int64_t tick_ns)
{
	uint64_t at = NOON + (uint64_t)at_ns, tick = NOON + (uint64_t)tick_ns;

	add(db, "INSERT OR IGNORE INTO tick VALUES (%llu, 1000000000)", (unsigned long long)tick);
	add(db,
	    "INSERT INTO loss VALUES (%llu, 6, %d, 1, 1) ON CONFLICT DO UPDATE SET frames = frames "
	    "+ excluded.frames",
	    (unsigned long long)tick, frames);
	add(db, "INSERT INTO burst VALUES (%llu, 6, 0, 1000000, %d, NULL)", (unsigned long long)at,
	    frames);
}

#define MS (int64_t)NSEC_PER_MSEC

static int fill_day(sqlite3 *db, void *arg)
{
	(void)arg;
	add(db,
	    "INSERT INTO traffic VALUES (%llu, 3, 60000000000, 500, 1, 0, 0, 9, 0, 1041, 0, 500, "
	    "0, 60, 700, NULL)",
	    (unsigned long long)AT(1));
	add(db,
	    "INSERT INTO traffic VALUES (%llu, 3, 60000000000, 500, 1, 0, 0, 9, 0, 0, 0, 37, 463, "
	    "60, 90, NULL)",
	    (unsigned long long)AT(2));
	add(db,
	    "INSERT INTO traffic VALUES (%llu, 3, 60000000000, 500, 1, 0, 0, 9, 0, 0, 0, NULL, "
	    "NULL, 0, 0, NULL)",
	    (unsigned long long)AT(3));
	burst(db, 30000 * MS, 1000, 30500 * MS);
	/* over the edge of a minute: it began before, its row stands behind it */
	burst(db, 59900 * MS, 1, 60500 * MS);
	burst(db, 60200 * MS, 40, 60500 * MS);
	/* the tick began with the minute, and a moment after the burst */
	burst(db, 179999 * MS + MS - 1, 60, 181000 * MS);
	lose(db, 1, 1, 100);	/* bad headers */
	lose(db, 1, 4, 7);	/* a ring was emptied: no loss */
	lose(db, 2, 1, 30);
	lose(db, 2, 2, 20);	/* two classes of one cause */
	lose(db, 2, 3, 5);
	lose(db, 3, 5, 1000);	/* another VM's */
	lose(db, 5, 1, 4);
	add(db, "INSERT INTO coverage VALUES (%llu, %llu, 'tick')", (unsigned long long)MIDNIGHT,
	    (unsigned long long)AT(60));
	return 0;
}

static int setup(void **state)
{
	char why[SCHEMA_WHY];
	struct schema_day day;

	if (make_dir(state) < 0 ||
	    schema_create(below(*state, "meta.db"), SCHEMA_META, fill_meta, NULL, why) < 0)
		return -1;
	schema_day_of(NOON, &day);
	if (schema_create(below(*state, day.name), SCHEMA_DAY, fill_day, NULL, why) < 0)
		return -1;
	view = open_reader(*state);
	return view ? 0 : -1;
}

static int teardown(void **state)
{
	reader_free(view);
	return remove_dir(state);
}

static void a_window(void **state)
{
	struct diagnosis d;

	(void)state;
	assert_int_equal(diagnosis_make(view, 1, AT(0), AT(60), NULL, &d), 0);
	assert_int_equal(d.evidence.frames, 159);
	assert_int_equal(d.n, 3);
	assert_string_equal(d.all[0].v.rule->id, "bad-header");
	assert_int_equal(d.all[0].frames, 134);
	assert_string_equal(d.all[1].v.rule->id, "gso-misfit");
	assert_int_equal(d.all[1].frames, 20);
	assert_int_equal(d.all[1].v.confidence, CONFIDENCE_HIGH);
	assert_int_equal(d.all[2].frames, 5);
	assert_int_equal(d.all[2].v.confidence, CONFIDENCE_LOW);	/* so few */
	assert_true(diagnosis_share_pct(&d, &d.all[0]) > 84.2 &&
		    diagnosis_share_pct(&d, &d.all[0]) < 84.3);
	diagnosis_free(&d);
	assert_int_equal(diagnosis_make(view, 1, AT(2), AT(4), NULL, &d), 0);
	assert_int_equal(d.n, 0);
	diagnosis_free(&d);
}

static void span_is(const struct diagnosis_span *s, const char *cause, int from, int to,
		    uint64_t frames, int confidence)
{
	assert_string_equal(s->rule->id, cause);
	assert_int_equal(s->from_ns, AT(from));
	assert_int_equal(s->to_ns, AT(to));
	assert_int_equal(s->frames, frames);
	assert_int_equal(s->confidence, confidence);
	assert_string_equal(s->nic, "tap1");
	assert_string_equal(s->direction, "tx");
}

static void how_it_changed(void **state)
{
	struct diagnosis_history h;

	(void)state;
	assert_int_equal(diagnosis_past(view, 1, AT(0), AT(60), NSEC_PER_MIN, &h), 0);
	assert_int_equal(h.n, 3);
	span_is(&h.all[0], "bad-header", 0, 2, 130, CONFIDENCE_HIGH);
	span_is(&h.all[1], "gso-misfit", 1, 2, 25, CONFIDENCE_HIGH);
	span_is(&h.all[2], "bad-header", 4, 5, 4, CONFIDENCE_LOW);
	diagnosis_history_free(&h);
	assert_int_equal(diagnosis_past(view, 1, AT(0), AT(60) + 1, 10 * NSEC_PER_MIN, &h), 0);
	assert_int_equal(h.n, 2);
	span_is(&h.all[0], "bad-header", 0, 10, 134, CONFIDENCE_HIGH);
	diagnosis_history_free(&h);
	assert_int_equal(diagnosis_past(view, 1, AT(0), AT(0), NSEC_PER_MIN, &h), -EINVAL);
	assert_int_equal(diagnosis_past(view, 1, AT(0), AT(60), 0, &h), -EINVAL);
}

/* What is lost across the edge of steps counts once, and for the burst that it was. */
static void bursts_across_the_edge(void **state)
{
	struct diagnosis_history h;
	struct diagnosis d;
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(diagnosis_make(view, 3, AT(0), AT(1), NULL, &d), 0);
	assert_int_equal(d.evidence.frames, 1000);
	diagnosis_free(&d);
	assert_int_equal(diagnosis_make(view, 3, AT(1), AT(2), NULL, &d), 0);
	assert_int_equal(d.evidence.frames, 41);
	assert_int_equal(d.evidence.n, 1);
	assert_int_equal(d.evidence.all[0].bursts, 2);
	/* of rows that lost nothing, and into rings that could be looked into */
	assert_int_equal(d.evidence.all[0].calm_looks, 60);
	assert_int_equal(d.evidence.all[0].calm_peak, 37);
	assert_int_equal(d.evidence.all[0].calm_sum, 90);
	diagnosis_free(&d);
	assert_int_equal(diagnosis_make(view, 3, AT(3), AT(4), NULL, &d), 0);
	assert_int_equal(d.evidence.frames, 60);
	assert_int_equal(d.evidence.all[0].bursts, 1);
	diagnosis_free(&d);
	assert_int_equal(diagnosis_past(view, 3, AT(0), AT(60), NSEC_PER_MIN, &h), 0);
	for (size_t i = 0; i < h.n; i++)
		sum += h.all[i].frames;
	assert_int_equal(sum, 1101);
	diagnosis_history_free(&h);
}

static void a_ring_is_as_long_as_it_was(void **state)
{
	struct event all[] = {
		{ 10, 1, 7, "ring", (char *)"500", (char *)"60" },
		{ 12, 1, 8, "ring", (char *)"1", (char *)"2" },
		{ 14, 1, 7, "queues", (char *)"1", (char *)"4" },
		{ 20, 1, 7, "ring", (char *)"60", (char *)"2000" },
		{ 40, 1, 7, "ring", (char *)"2000", (char *)"30" },
	};
	const struct events e = { all, ARRAY_SIZE(all) };
	struct reader_attachment a = {
		.vm_id = 1,
		.device_id = 7,
		.ring_frames = 30,
		.since_ns = 1,
	};

	(void)state;
	assert_int_equal(events_ring(&e, &a, 5), 500);
	assert_int_equal(events_ring(&e, &a, 10), 60);
	assert_int_equal(events_ring(&e, &a, 19), 60);
	assert_int_equal(events_ring(&e, &a, 39), 2000);
	assert_int_equal(events_ring(&e, &a, 40), 30);
	a.until_ns = 30;		/* the last change is a later attachment's */
	a.ring_frames = 2000;
	assert_int_equal(events_ring(&e, &a, 25), 2000);
	a.vm_id = 2;
	assert_int_equal(events_ring(&e, &a, 5), 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_window),
					    cmocka_unit_test(how_it_changed),
					    cmocka_unit_test(bursts_across_the_edge),
					    cmocka_unit_test(a_ring_is_as_long_as_it_was) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
