/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store of three days with random loss, some hours summed up: whatever the window, the answer is
 * that of adding up row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "tests/unit/readertest.h"

#define SERIES 8
#define ROWS 3000
#define DAYS 3
#define START (1700006400 * NSEC_PER_SEC)	/* midnight */

static struct {
	uint64_t t_ns, frames;
	int series;
} rows[ROWS];
static char dir[64];
static struct reader *view;

static uint64_t below(uint64_t n)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % n;
}

static void run_sql(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
}

static _printf_(2, 3) void add(sqlite3 *db, const char *fmt, ...)
{
	char sql[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	run_sql(db, sql);
}

/* Many rows lie on the edge of an hour, or a nanosecond beside it. */
static uint64_t moment(int day)
{
	uint64_t t = START + (uint64_t)day * NSEC_PER_DAY + below(NSEC_PER_DAY - 1) + 1;

	return below(3) ? t
			: t - t % NSEC_PER_HOUR + below(2) +
				  (t % NSEC_PER_DAY < NSEC_PER_HOUR ? 1 : 0);
}

static int fill_day(sqlite3 *db, void *arg)
{
	int day = *(int *)arg;

	for (int i = day * (ROWS / DAYS); i < (day + 1) * (ROWS / DAYS); i++) {
		rows[i].t_ns = moment(day);
		rows[i].series = 1 + (int)below(SERIES);
		rows[i].frames = 1 + below(1000);
		add(db, "INSERT OR IGNORE INTO tick VALUES (%llu, 1000000000)",
		    (unsigned long long)rows[i].t_ns);
		add(db,
		    "INSERT INTO loss VALUES (%llu, %d, %llu, 1, 1) ON CONFLICT DO UPDATE SET "
		    "frames = frames + excluded.frames",
		    (unsigned long long)rows[i].t_ns, rows[i].series,
		    (unsigned long long)rows[i].frames);
	}
	/* Two hours of three. */
	run_sql(db, "INSERT INTO loss_hour SELECT (t_ns - 1) / 3600000000000 * 3600000000000 AS h, "
		    "series_id, sum(frames), sum(segments), sum(bytes) FROM loss"
		    " WHERE (t_ns - 1) / 3600000000000 % 3 != 0 GROUP BY h, series_id");
	run_sql(db, "INSERT INTO rolled SELECT DISTINCT t_ns FROM loss_hour");
	add(db, "INSERT INTO coverage VALUES (%llu, %llu, 'tick')",
	    (unsigned long long)(START + (uint64_t)day * NSEC_PER_DAY),
	    (unsigned long long)(START + (uint64_t)day * NSEC_PER_DAY + 6 * NSEC_PER_HOUR));
	return 0;
}

static int fill_meta(sqlite3 *db, void *arg)
{
	(void)arg;
	for (int i = 1; i <= SERIES; i++)
		add(db, "INSERT INTO series (id, direction, class, kind, reason, site, first_ns) "
		    "VALUES (%d, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'f', 1)", i);
	return 0;
}

static int make_store(void **state)
{
	char path[128], why[SCHEMA_WHY];
	struct schema_day day;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_reader.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/meta.db", dir);
	assert_int_equal(schema_create(path, SCHEMA_META, fill_meta, NULL, why), 0);
	for (int i = 0; i < DAYS; i++) {
		schema_day_of(START + (uint64_t)i * NSEC_PER_DAY + 1, &day);
		snprintf(path, sizeof(path), "%s/%s", dir, day.name);
		assert_int_equal(schema_create(path, SCHEMA_DAY, fill_day, &i, why), 0);
	}
	view = open_reader(dir);
	return view ? 0 : -1;
}

static int remove_store(void **state)
{
	char command[128];

	(void)state;
	reader_free(view);
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);	/* NOLINT: the name is ours */
}

static uint64_t edge(void)
{
	return below(4) ? START + below(DAYS * NSEC_PER_DAY) : rows[below(ROWS)].t_ns;
}

static void any_window_adds_up(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		uint64_t since = edge(), until = edge(), want[SERIES + 1] = { 0 };
		struct reader_sum *sums;

		for (int k = 0; k < ROWS; k++)
			if (rows[k].t_ns > since && rows[k].t_ns <= until)
				want[rows[k].series] += rows[k].frames;
		assert_int_equal(reader_losses(view, since, until, &sums), 0);
		for (int s = 1; s <= SERIES; s++)
			if (sums[s].frames != want[s])
				fail_msg("(%llu, %llu] series %d: %llu, not %llu",
					 (unsigned long long)since, (unsigned long long)until, s,
					 (unsigned long long)sums[s].frames,
					 (unsigned long long)want[s]);
		free(sums);
	}
}

struct found {
	uint64_t frames;
	const bool *wanted;
};

static void on_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct found *f = arg;

	assert_true(f->wanted[series]);
	assert_true(span_ns == NSEC_PER_SEC ||
		    (span_ns == NSEC_PER_HOUR && t_ns % NSEC_PER_HOUR == 0));
	f->frames += sum->frames;
}

static void only_the_wanted_series(void **state)
{
	(void)state;
	for (unsigned int mask = 0; mask < 1 << SERIES; mask += 7) {
		struct found f = { 0 };
		bool *wanted = calloc(view->n_series + 1, sizeof(bool));
		uint64_t want = 0;

		f.wanted = wanted;
		for (int s = 1; s <= SERIES; s++)
			wanted[s] = mask >> (s - 1) & 1;
		for (int k = 0; k < ROWS; k++)
			want += wanted[rows[k].series] ? rows[k].frames : 0;
		assert_int_equal(reader_rows(view, START, START + DAYS * NSEC_PER_DAY, mask & 1,
					     wanted, on_row, &f),
				 0);
		assert_int_equal(f.frames, want);
		free(wanted);
	}
}

static void coverage(void **state)
{
	bool steps[6] = { false };

	(void)state;
	assert_true(reader_covered_pct(view, START, START + DAYS * NSEC_PER_DAY) == 25);
	assert_true(reader_covered_pct(view, START + NSEC_PER_HOUR, START + 2 * NSEC_PER_HOUR) ==
		    100);
	assert_true(reader_covered_pct(view, START + 7 * NSEC_PER_HOUR,
				       START + 8 * NSEC_PER_HOUR) == 0);
	assert_true(reader_covered_pct(view, START + 5 * NSEC_PER_HOUR,
				       START + 7 * NSEC_PER_HOUR) == 50);
	assert_int_equal(reader_observed(view, START + 4 * NSEC_PER_HOUR, NSEC_PER_HOUR, steps, 6),
			 0);
	assert_true(steps[0] && steps[1] && !steps[2] && !steps[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(any_window_adds_up),
					    cmocka_unit_test(only_the_wanted_series),
					    cmocka_unit_test(coverage) };

	return cmocka_run_group_tests(tests, make_store, remove_store);
}
