/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store: ticks, coverage, baselines, days, roll-ups, retention. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/storemake.h"

#define DAY1 "timeline-20260301.db"
#define DAY2 "timeline-20260302.db"
#define MIDNIGHT (NOON + 12 * NSEC_PER_HOUR)

static const struct store_options no_limits;
static const struct tl_loss_key key1 = { .location = 1, .netns = 4, .ifindex = 7, .reason = 9 };
static const struct tl_loss_key key2 = { .location = 2, .netns = 4, .ifindex = 7, .reason = 9 };
static char why[SCHEMA_WHY];

/* One second of loss of one series, with its baseline. */
static int tick(struct store *s, uint64_t t_ns, int64_t series, uint64_t frames)
{
	struct store_loss loss = { series, frames, frames, frames * 60 };

	return store_tick(s, &(struct store_tick){
				     .t_ns = t_ns, .span_ns = SEC, .loss = &loss, .n_loss = 1 });
}

static int idle(struct store *s, uint64_t t_ns)
{
	return store_tick(s, &(struct store_tick){ .t_ns = t_ns, .span_ns = SEC });
}

/* Ticks. */

static void loss_is_stored_and_zero_is_not(void **state)
{
	const char *day = below(*state, DAY1);
	struct store *s = must_open(*state);
	int64_t a = a_series(s, 0, 0, 0);
	struct store_loss loss[] = { { a, 5, 6, 7 }, { a, 10, 10, 10 }, { a + 1, 0, 0, 0 } };
	struct store_traffic traffic = {
		.device_id = 3,
		.span_ns = SEC,
		.rx_frames = 1,
		.rx_bytes = 2,
		.tx_frames = 3,
		.tx_bytes = 4,
		.rx_peak = 5,
		.tx_peak = 6,
	};
	struct store_witness witness = { 3, "tx_dropped", 15 };
	struct store_device_counters counters = { 3, { .tx_dropped = 15 } };
	struct store_tick t = {
		.t_ns = NOON,
		.span_ns = SEC,
		.loss = loss,
		.n_loss = 3,
		.traffic = &traffic,
		.n_traffic = 1,
		.witnesses = &witness,
		.n_witnesses = 1,
		.counters = &counters,
		.n_counters = 1,
	};
	struct link_counters c;

	must(s, store_tick(s, &t));
	assert_int_equal(ask(day, "SELECT count(*) FROM loss"), 1);
	assert_int_equal(ask(day, "SELECT frames * 10000 + segments * 100 + bytes FROM loss"),
			 151617);
	assert_int_equal(ask(day, "SELECT span_ns FROM tick WHERE t_ns = %lld", NOON), SEC);
	assert_int_equal(ask(day, "SELECT rx_peak * 10 + tx_peak FROM traffic"), 56);
	assert_int_equal(ask(day, "SELECT frames FROM witness WHERE counter = 'tx_dropped'"), 15);
	must(s, store_device_baseline(s, 3, &c));
	assert_int_equal(c.tx_dropped, 15);
	assert_int_equal(store_device_baseline(s, 4, &c), -ENOENT);
	store_close(s);
}

static void time_must_grow(void **state)
{
	struct store *s = must_open(*state);

	must(s, tick(s, NOON, 1, 5));
	assert_int_equal(tick(s, NOON, 1, 5), -EINVAL);
	assert_int_equal(tick(s, NOON - SEC, 1, 5), -EINVAL);
	store_close(s);
	s = must_open(*state);
	assert_int_equal(tick(s, NOON, 1, 5), -EINVAL);
	must(s, tick(s, NOON + 1, 1, 5));
	store_close(s);
	assert_int_equal(ask(below(*state, DAY1), "SELECT sum(frames) FROM loss"), 10);
}

static void coverage_tells_the_truth(void **state)
{
	const char *day = below(*state, DAY1);
	struct store *s = must_open(*state);
	uint64_t until;

	must(s, store_tick(s, &(struct store_tick){ .t_ns = NOON, .span_ns = 0, .gap = true }));
	for (int i = 1; i <= 9; i++)
		must(s, idle(s, NOON + i * SEC));
	/* nothing happened: not written yet */
	assert_int_equal(ask(day, "SELECT to_ns FROM coverage"), NOON);
	must(s, idle(s, NOON + 10 * SEC));
	assert_int_equal(ask(day, "SELECT to_ns FROM coverage"), NOON + 10 * SEC);
	must(s, idle(s, NOON + 11 * SEC));
	store_close(s);
	s = must_open(*state);
	must(s, store_covered_until(s, &until));
	assert_int_equal(until, NOON + 11 * SEC);
	must(s, store_tick(s, &(struct store_tick){
				      .t_ns = NOON + 60 * SEC,
				      .span_ns = 49 * SEC,
				      .caught_up = true,
			      }));
	must(s, idle(s, NOON + 61 * SEC));
	must(s, idle(s, NOON + 62 * SEC));
	must(s, store_tick(s, &(struct store_tick){ .t_ns = NOON + 100 * SEC, .gap = true }));
	must(s, tick(s, NOON + 101 * SEC, 1, 1));
	store_close(s);
	assert_int_equal(ask(day,
			     "SELECT group_concat(((from_ns - %lld) / 1000000000) || how || "
			     "((to_ns - %lld) / 1000000000)) = "
			     "'0tick11,11catch-up60,60tick62,100tick101' FROM coverage",
			     NOON, NOON),
			 1);
}

static void a_second_agent_is_told_so(void **state)
{
	struct store *s = must_open(*state), *other = NULL;
	char pid[32];

	assert_int_equal(store_open(*state, &no_limits, &other, why), -EBUSY);
	snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
	assert_non_null(strstr(why, pid));
	store_close(s);
	store_close(must_open(*state));
}

static void what_is_not_ours_is_refused(void **state)
{
	const char *meta = below(*state, "meta.db"), *day = below(*state, DAY1);
	struct store *s = NULL;

	put_file(meta, "SQLite format 4", 16);
	assert_int_equal(store_open(*state, &no_limits, &s, why), -EMEDIUMTYPE);
	assert_non_null(strstr(why, "meta.db"));
	unlink(meta);
	store_close(must_open(*state));
	put_file(day, "notes of mine\n", 14);
	assert_int_equal(store_open(*state, &no_limits, &s, why), -EMEDIUMTYPE);
	assert_non_null(strstr(why, DAY1));
	assert_int_equal(store_open(meta, &no_limits, &s, why), -ENOTDIR);
}

/* Baselines. */

struct seen {
	int n;
	uint64_t frames;
};

static int see(const struct tl_loss_key *key, const struct loss_total *total, void *arg)
{
	struct seen *seen = arg;

	assert_memory_equal(key, &key2, sizeof(*key));
	assert_true(total->born_ns == 77 && total->segments == 21 && total->bytes == 22);
	seen->n++;
	seen->frames = total->frames;
	return 0;
}

static int baselines(struct store *s, const char *boot, uint32_t map, struct seen *seen)
{
	struct loss_epoch epoch = { .map_id = map };
	bool known;

	*seen = (struct seen){ 0 };
	strcpy(epoch.boot_id, boot);
	must(s, store_baselines(s, &epoch, &known, see, seen));
	return known;
}

static void move_baselines(struct store *s, uint64_t t_ns)
{
	struct store_baseline b[] = { { key1, { 10, 11, 12, 77 } }, { key2, { 20, 21, 22, 77 } } };
	struct store_device_counters counters = { 3, { .tx_dropped = 15 } };
	struct store_self self = { "uncounted_frames", 4, 40 };

	must(s, store_tick(s, &(struct store_tick){
				      .t_ns = t_ns,
				      .span_ns = SEC,
				      .baselines = b,
				      .n_baselines = 2,
				      .counters = &counters,
				      .n_counters = 1,
				      .self = &self,
				      .n_self = 1,
			      }));
	must(s, store_tick(s, &(struct store_tick){
				      .t_ns = t_ns + SEC,
				      .span_ns = SEC,
				      .forget = &key1,
				      .n_forget = 1,
			      }));
}

static void baselines_belong_to_their_counters(void **state)
{
	struct store *s = must_open(*state);
	struct link_counters c;
	struct seen seen;
	uint64_t base;

	must(s, idle(s, NOON));		/* makes the day, by the test's clock */
	assert_false(baselines(s, "boot", 1, &seen));
	move_baselines(s, NOON + SEC);
	store_close(s);
	s = must_open(*state);
	assert_true(baselines(s, "boot", 1, &seen));
	assert_true(seen.n == 1 && seen.frames == 20);
	must(s, store_self_baseline(s, "uncounted_frames", &base));
	assert_int_equal(base, 40);
	assert_false(baselines(s, "boot", 2, &seen));		/* another map of the same boot */
	assert_int_equal(seen.n, 0);
	must(s, store_device_baseline(s, 3, &c));		/* devices count on */
	must(s, store_self_baseline(s, "uncounted_frames", &base));
	assert_int_equal(base, 0);
	assert_true(baselines(s, "boot", 2, &seen));
	assert_int_equal(seen.n, 0);
	assert_false(baselines(s, "boot 2", 2, &seen));
	assert_int_equal(store_device_baseline(s, 3, &c), -ENOENT);
	assert_int_equal(ask(below(*state, DAY1), "SELECT total FROM self"), 4);
	store_close(s);
}

/* Days. */

static void a_new_day_takes_the_baselines_along(void **state)
{
	const char *day1 = below(*state, DAY1), *day2 = below(*state, DAY2);
	struct store *s = must_open(*state);
	int64_t device, dead;
	struct seen seen;
	bool known;

	device = a_device(s, 7, &known);
	dead = a_device(s, 8, &known);
	must(s, store_device_end(s, dead, NOON));
	must(s, idle(s, NOON));
	baselines(s, "boot", 1, &seen);
	move_baselines(s, MIDNIGHT - 4 * SEC);
	struct store_device_counters counters[] = { { device, { .rx_frames = 1 } },
						    { dead, { .rx_frames = 2 } } };

	must(s, store_tick(s, &(struct store_tick){
				      .t_ns = MIDNIGHT - SEC,
				      .span_ns = 2 * SEC,
				      .counters = counters,
				      .n_counters = 2,
			      }));
	must(s, idle(s, MIDNIGHT - SEC / 2));
	must(s, tick(s, MIDNIGHT + SEC / 2, 1, 5));
	assert_int_equal(ask(day2, "SELECT count(*) FROM baseline"), 1);
	assert_int_equal(ask(day2, "SELECT group_concat(device_id) = '%d' FROM device_baseline",
			     (int)device),
			 1);
	assert_int_equal(ask(day2, "SELECT total FROM self"), 4);
	assert_int_equal(ask(day2, "SELECT sum(frames) FROM loss"), 5);
	/* no hole at midnight */
	assert_int_equal(ask(day2, "SELECT from_ns FROM coverage"), MIDNIGHT - SEC);
	assert_int_equal(ask(day1, "SELECT max(to_ns) FROM coverage"), MIDNIGHT - SEC);
	assert_int_equal(ask(day1, "SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);
	assert_false(exists(below(*state, DAY1 "-wal")));
	store_close(s);
	s = must_open(*state);
	assert_true(baselines(s, "boot", 1, &seen));
	assert_int_equal(seen.n, 1);
	store_close(s);
}

static void a_day_that_cannot_begin_waits(void **state)
{
	const char *obstacle = below(*state, DAY2 ".new");
	struct store *s = must_open(*state);

	must(s, tick(s, MIDNIGHT - SEC, 1, 1));
	assert_int_equal(mkdir(obstacle, 0700), 0);
	must(s, tick(s, MIDNIGHT + SEC, 1, 2));
	assert_false(exists(below(*state, DAY2)));
	assert_int_equal(ask(below(*state, DAY1), "SELECT sum(frames) FROM loss"), 3);
	assert_int_equal(
		ask(below(*state, "meta.db"),
		    "SELECT count(*) FROM source WHERE name = 'store' AND state = 'failed'"),
		1);
	assert_int_equal(rmdir(obstacle), 0);
	must(s, tick(s, MIDNIGHT + 2 * SEC, 1, 4));
	assert_int_equal(ask(below(*state, DAY2), "SELECT sum(frames) FROM loss"), 4);
	assert_int_equal(ask(below(*state, "meta.db"),
			     "SELECT count(*) FROM source WHERE name = 'store' AND state = 'ok'"),
			 1);
	store_close(s);
}

#define SAME_SUMS                                                                                  \
	"SELECT (SELECT count(*) FROM (SELECT (t_ns - 1) / 3600000000000 * 3600000000000 AS h, "   \
	"series_id, sum(frames), sum(segments), sum(bytes) "                                       \
	"FROM loss WHERE h IN (SELECT t_ns FROM rolled) GROUP BY 1, 2 EXCEPT SELECT * FROM "       \
	"loss_hour)) + "                                                                           \
	"(SELECT count(*) FROM (SELECT * FROM loss_hour EXCEPT SELECT (t_ns - 1) / 3600000000000 " \
	"* 3600000000000 AS h, series_id, sum(frames), sum(segments), "                            \
	"sum(bytes) FROM loss GROUP BY 1, 2))"

static void hours_add_up(void **state)
{
	const char *day1 = below(*state, DAY1);
	struct store *s = must_open(*state);

	for (unsigned int i = 0; i < 200; i++) {
		if (i % 37 == 36) {	/* in the middle of an hour, too */
			store_close(s);
			s = must_open(*state);
		}
		must(s, tick(s, NOON + i * 5 * NSEC_PER_MIN, 1 + i % 3, i + 1));
	}
	/* noon itself ends an hour */
	assert_int_equal(ask(day1, "SELECT count(*) FROM rolled"), 13);
	assert_int_equal(ask(day1, SAME_SUMS), 0);
	assert_int_equal(
		ask(day1, "SELECT sum(frames) = (SELECT sum(frames) FROM loss) FROM loss_hour"), 1);
	assert_int_equal(ask(below(*state, DAY2), "SELECT count(*) FROM rolled"), 4);
	assert_int_equal(ask(below(*state, DAY2), SAME_SUMS), 0);
	store_close(s);
}

/* A row that grows: within an hour it is one, however many ticks lengthened it; nothing is counted
 * twice. */
static void traffic_rows_grow(void **state)
{
	const char *day1 = below(*state, DAY1);
	struct store *s = must_open(*state);
	uint64_t last = 0;

	for (unsigned int i = 1; i <= 4000; i++) {
		struct store_traffic x = {
			.device_id = 3,
			.span_ns = SEC,
			.rx_frames = i,
			.rx_bytes = 2,
			.rx_peak = i,
			.rx_lost = 1,
			.joins_ns = last,
			.headroom.known = i > 1000,
			.headroom.peak = i > 1000 ? i % 500 : 0,
			.headroom.free = i > 1000 ? 500 - i % 500 : 0,
			.headroom.samples = i > 1000,
			.headroom.sum = i > 1000 ? i % 500 : 0,
			.headroom.qdisc_peak = i == 7 ? 3 : 0,
		};
		struct store_tick t = {
			.t_ns = NOON + i * SEC,
			.span_ns = SEC,
			.traffic = &x,
			.n_traffic = 1,
		};

		must(s, store_tick(s, &t));
		last = t.t_ns;
	}
	assert_int_equal(ask(day1, "SELECT count(*) FROM traffic"), 2);
	assert_int_equal(ask(day1, "SELECT sum(rx_frames) FROM traffic"), 4000 * 4001 / 2);
	assert_int_equal(
		ask(day1,
		    "SELECT rx_frames FROM traffic WHERE t_ns = %llu AND span_ns = 3600000000000",
		    NOON + NSEC_PER_HOUR),
		3600 * 3601 / 2);
	assert_int_equal(
		ask(day1,
		    "SELECT count(*) FROM (SELECT * FROM traffic WHERE span_ns = 3600000000000)"),
		1);
	assert_int_equal(ask(day1, "SELECT rx_peak + rx_lost FROM traffic_hour"), 7200);
	assert_int_equal(ask(day1, "SELECT rx_frames FROM traffic_hour"), 3600 * 3601 / 2);
	assert_int_equal(ask(day1,
			     "SELECT count(*) FROM traffic, traffic_hour h WHERE traffic.t_ns = "
			     "h.t_ns + 3600000000000 AND traffic.ring_samples = 2600 "
			     "AND (traffic.ring_peak, traffic.ring_free, traffic.ring_sum, "
			     "traffic.qdisc_peak) = (499, 1, %d, 3) AND "
			     "(h.ring_peak, h.ring_free, h.ring_samples, h.ring_sum, h.qdisc_peak) "
			     "= (499, 1, 2600, traffic.ring_sum, 3)",
			     5 * 499 * 500 / 2 + 100 * 101 / 2),
			 1);
	store_close(s);
}

static void ticks_of_days(const char *dir, const struct store_options *opt, int days)
{
	struct store *s = NULL;

	assert_int_equal(store_open(dir, opt, &s, why), 0);
	for (int i = 0; i < days; i++)
		must(s, tick(s, NOON + (uint64_t)i * NSEC_PER_DAY, 1, 1));
	store_close(s);
}

static void old_days_are_forgotten(void **state)
{
	const struct store_options opt = { .retention_days = 2 };
	struct schema_day *days = NULL;
	size_t n;

	ticks_of_days(*state, &opt, 6);
	assert_int_equal(schema_days(*state, &days, &n), 0);
	assert_int_equal(n, 3);		/* today and two whole days */
	assert_string_equal(days[0].name, "timeline-20260304.db");
	free(days);
	assert_false(exists(below(*state, DAY1 "-wal")));
}

static void a_full_store_forgets_the_oldest(void **state)
{
	const struct store_options opt = { .max_bytes = 300 * 1024 };
	struct schema_day *days = NULL;
	size_t n;

	put_file(below(*state, "timeline-20260101.db.bak"), "mine", 4);
	ticks_of_days(*state, &opt, 12);
	assert_int_equal(schema_days(*state, &days, &n), 0);
	assert_in_range(n, 2, 6);
	assert_string_equal(days[n - 1].name, "timeline-20260312.db");
	free(days);
	assert_true(exists(below(*state, "timeline-20260101.db.bak")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loss_is_stored_and_zero_is_not),
		TEST(time_must_grow),
		TEST(coverage_tells_the_truth),
		TEST(a_second_agent_is_told_so),
		TEST(what_is_not_ours_is_refused),
		TEST(baselines_belong_to_their_counters),
		TEST(a_new_day_takes_the_baselines_along),
		TEST(a_day_that_cannot_begin_waits),
		TEST(hours_add_up),
		TEST(traffic_rows_grow),
		TEST(old_days_are_forgotten),
		TEST(a_full_store_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
