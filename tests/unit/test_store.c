/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store: names and lifetimes, ticks, coverage, baselines, days, roll-ups, retention. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "agent/store.h"
#include "storetest.h"

#define SEC NSEC_PER_SEC
#define DAY1 "timeline-20260301.db"
#define DAY2 "timeline-20260302.db"
#define MIDNIGHT (NOON + 12 * NSEC_PER_HOUR)

static const struct store_options no_limits;
static const struct tl_loss_key key1 = { .location = 1, .netns = 4, .ifindex = 7, .reason = 9 };
static const struct tl_loss_key key2 = { .location = 2, .netns = 4, .ifindex = 7, .reason = 9 };
static char why[SCHEMA_WHY];

static struct store *must_open(const char *dir)
{
	struct store *s = NULL;
	int r = store_open(dir, &no_limits, &s, why);

	if (r < 0)
		fail_msg("%s: %s", strerror(-r), why);
	return s;
}

static void must(struct store *s, int r)
{
	if (r < 0)
		fail_msg("%s: %s", strerror(-r), store_error(s));
}

static int64_t a_vm(struct store *s, const char *ident, const char *name)
{
	int64_t id;

	must(s, store_vm(s, &(struct store_vm){ .ident = ident, .uuid = ident, .name = name, .state = "running" }, NOON, &id));
	return id;
}

static int64_t a_device(struct store *s, uint32_t ifindex, bool *known)
{
	int64_t id;

	must(s, store_device(s, &(struct store_device){ .boot_id = "boot", .name = "vnet0", .kind = "tap", .netns = 4, .ifindex = ifindex,
							.since_ns = NOON }, &id, known));
	return id;
}

static int64_t a_series(struct store *s, int64_t vm, int64_t attachment, int64_t device)
{
	int64_t id;

	must(s, store_series(s, &(struct store_series){ .vm_id = vm, .attachment_id = attachment, .device_id = device, .queue = 1,
							.direction = "rx", .class = "PTR_FULL", .kind = "capacity", .reason = "FULL_RING",
							.site = "tun_net_xmit" }, NOON, &id));
	return id;
}

/* One second of loss of one series, with its baseline. */
static int tick(struct store *s, uint64_t t_ns, int64_t series, uint64_t frames)
{
	struct store_loss loss = { series, frames, frames, frames * 60 };

	return store_tick(s, &(struct store_tick){ .t_ns = t_ns, .span_ns = SEC, .loss = &loss, .n_loss = 1 });
}

static int idle(struct store *s, uint64_t t_ns)
{
	return store_tick(s, &(struct store_tick){ .t_ns = t_ns, .span_ns = SEC });
}

/* Names. */

static void a_vm_keeps_its_id_and_all_its_names(void **state)
{
	const char *meta = below(*state, "meta.db");
	struct store *s = must_open(*state);
	int64_t id = a_vm(s, "u1", "web"), other = a_vm(s, "u2", "db"), again;

	assert_true(id > 0 && other > 0 && id != other);
	must(s, store_vm(s, &(struct store_vm){ .ident = "u1", .name = "it's \"new\"\n\x1b[31m", .state = "paused" }, NOON + SEC, &again));
	assert_int_equal(again, id);
	must(s, store_vm(s, &(struct store_vm){ .ident = "u1", .name = "it's \"new\"\n\x1b[31m", .state = "gone" }, NOON + 2 * SEC, &again));
	assert_int_equal(ask(meta, "SELECT count(*) FROM vm_name WHERE vm_id = %d", (int)id), 2);
	assert_int_equal(ask(meta, "SELECT state = 'gone' AND uuid = 'u1' AND name LIKE 'it''s \"new\"%%' FROM vm WHERE id = %d", (int)id), 1);
	assert_int_equal(ask(meta, "SELECT last_ns - first_ns FROM vm WHERE id = %d", (int)id), 2 * SEC);
	store_close(s);
	s = must_open(*state);
	assert_int_equal(a_vm(s, "u1", "web"), id);
	store_close(s);
}

static void a_long_name_is_a_name(void **state)
{
	struct store *s = must_open(*state);
	char name[10001];

	memset(name, 'x', 10000);
	name[10000] = '\0';
	a_vm(s, name, name);
	assert_int_equal(ask(below(*state, "meta.db"), "SELECT length(name) FROM vm"), 10000);
	store_close(s);
}

static int count_device(int64_t id, uint32_t netns, uint32_t ifindex, const char *name, const char *kind, uint64_t since_ns, void *arg)
{
	assert_true(netns == 4 && !strcmp(name, "vnet0") && !strcmp(kind, "tap") && since_ns == NOON);
	*(int64_t *)arg = *(int64_t *)arg * 1000 + id * 10 + ifindex;
	return 0;
}

static void a_device_is_a_lifetime(void **state)
{
	struct store *s = must_open(*state);
	bool known = true;
	int64_t first = a_device(s, 7, &known), second, seen = 0;

	assert_false(known);
	assert_int_equal(a_device(s, 7, &known), first);
	assert_true(known);
	must(s, store_device_end(s, first, NOON + SEC));
	second = a_device(s, 7, &known);
	assert_false(known);
	assert_int_not_equal(first, second);
	assert_int_equal(ask(below(*state, "meta.db"), "SELECT until_ns FROM device WHERE id = %d", (int)first), NOON + SEC);
	must(s, store_each_device(s, "boot", count_device, &seen));
	assert_int_equal(seen, second * 10 + 7);
	must(s, store_end_other_boots(s, "another boot", NOON + 5 * SEC));
	seen = 0;
	must(s, store_each_device(s, "boot", count_device, &seen));
	assert_int_equal(seen, 0);
	store_close(s);
}

static int note_attachment(int64_t id, int64_t device_id, int64_t vm_id, const char *ident, uint64_t since_ns, void *arg)
{
	assert_true(device_id > 0 && vm_id > 0 && !strcmp(ident, "u1") && since_ns == NOON);
	*(int64_t *)arg += id;
	return 0;
}

static void an_attachment_is_kept_up_to_date(void **state)
{
	const char *meta = below(*state, "meta.db");
	struct store *s = must_open(*state);
	bool known;
	struct store_attachment a = { .vm_id = a_vm(s, "u1", "web"), .device_id = a_device(s, 7, &known), .mac = "52:54:00:00:00:01",
				      .queues = -1, .ring_frames = 500, .since_ns = NOON };
	int64_t id, again, seen = 0;

	must(s, store_attachment(s, &a, &id));
	assert_int_equal(ask(meta, "SELECT queues IS NULL AND backend IS NULL AND ring_frames = 500 FROM attachment"), 1);
	a.mac = NULL;
	a.queues = 4;
	a.backend = "vhost";
	must(s, store_attachment(s, &a, &again));
	assert_int_equal(again, id);
	assert_int_equal(ask(meta, "SELECT queues = 4 AND backend = 'vhost' AND mac = '52:54:00:00:00:01' FROM attachment"), 1);
	must(s, store_each_attachment(s, note_attachment, &seen));
	assert_int_equal(seen, id);
	must(s, store_attachment_end(s, id, NOON + SEC));
	must(s, store_attachment(s, &a, &again));
	assert_int_not_equal(again, id);
	store_close(s);
}

static void a_series_is_found_again(void **state)
{
	struct store *s = must_open(*state);
	bool known;
	int64_t device = a_device(s, 7, &known), id = a_series(s, 0, 0, device);

	assert_int_equal(a_series(s, 0, 0, device), id);
	assert_int_not_equal(a_series(s, 0, 0, 0), id);
	store_close(s);
	s = must_open(*state);
	assert_int_equal(a_series(s, 0, 0, device), id);
	assert_int_equal(ask(below(*state, "meta.db"), "SELECT count(*) FROM series"), 2);
	store_close(s);
}

static void a_source_says_since_when(void **state)
{
	const char *meta = below(*state, "meta.db");
	struct store *s = must_open(*state);

	must(s, store_source(s, "link", "ok", "", NOON));
	must(s, store_source(s, "link", "stale", "1 s", NOON + SEC));
	must(s, store_source(s, "link", "stale", "2 s", NOON + 2 * SEC));
	assert_int_equal(ask(meta, "SELECT since_ns FROM source WHERE state = 'stale' AND why = '2 s'"), NOON + SEC);
	store_close(s);
}

static void a_run_ends_clean_or_not(void **state)
{
	const char *meta = below(*state, "meta.db");
	struct store_run run = { .pid = 1, .version = "1", .kernel = "6", .reasons = 100, .interval_ns = SEC, .since_ns = NOON };
	struct store *s = must_open(*state);

	must(s, store_run_begin(s, &run));
	must(s, store_run_interval(s, 2 * SEC, NOON));
	assert_int_equal(ask(meta, "SELECT clean FROM run"), 0);
	assert_int_equal(ask(meta, "SELECT interval_ns FROM run"), 2 * SEC);
	store_close(s);
	assert_int_equal(ask(meta, "SELECT clean AND until_ns >= since_ns FROM run"), 1);
}

/* Ticks. */

static void loss_is_stored_and_zero_is_not(void **state)
{
	const char *day = below(*state, DAY1);
	struct store *s = must_open(*state);
	int64_t a = a_series(s, 0, 0, 0);
	struct store_loss loss[] = { { a, 5, 6, 7 }, { a, 10, 10, 10 }, { a + 1, 0, 0, 0 } };
	struct store_traffic traffic = { .device_id = 3, .span_ns = SEC, .rx_frames = 1, .rx_bytes = 2, .tx_frames = 3, .tx_bytes = 4, .rx_peak = 5, .tx_peak = 6 };
	struct store_witness witness = { 3, "tx_dropped", 15 };
	struct store_device_counters counters = { 3, { .tx_dropped = 15 } };
	struct store_tick t = { .t_ns = NOON, .span_ns = SEC, .loss = loss, .n_loss = 3, .traffic = &traffic, .n_traffic = 1,
				.witnesses = &witness, .n_witnesses = 1, .counters = &counters, .n_counters = 1 };
	struct link_counters c;

	must(s, store_tick(s, &t));
	assert_int_equal(ask(day, "SELECT count(*) FROM loss"), 1);
	assert_int_equal(ask(day, "SELECT frames * 10000 + segments * 100 + bytes FROM loss"), 151617);
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
	assert_int_equal(ask(day, "SELECT to_ns FROM coverage"), NOON);		/* nothing happened: not written yet */
	must(s, idle(s, NOON + 10 * SEC));
	assert_int_equal(ask(day, "SELECT to_ns FROM coverage"), NOON + 10 * SEC);
	must(s, idle(s, NOON + 11 * SEC));
	store_close(s);
	s = must_open(*state);
	must(s, store_covered_until(s, &until));
	assert_int_equal(until, NOON + 11 * SEC);
	must(s, store_tick(s, &(struct store_tick){ .t_ns = NOON + 60 * SEC, .span_ns = 49 * SEC, .caught_up = true }));
	must(s, idle(s, NOON + 61 * SEC));
	must(s, idle(s, NOON + 62 * SEC));
	must(s, store_tick(s, &(struct store_tick){ .t_ns = NOON + 100 * SEC, .gap = true }));
	must(s, tick(s, NOON + 101 * SEC, 1, 1));
	store_close(s);
	assert_int_equal(ask(day, "SELECT group_concat(((from_ns - %lld) / 1000000000) || how || ((to_ns - %lld) / 1000000000)) = "
			     "'0tick11,11catch-up60,60tick62,100tick101' FROM coverage", NOON, NOON), 1);
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

	must(s, store_tick(s, &(struct store_tick){ .t_ns = t_ns, .span_ns = SEC, .baselines = b, .n_baselines = 2,
						    .counters = &counters, .n_counters = 1, .self = &self, .n_self = 1 }));
	must(s, store_tick(s, &(struct store_tick){ .t_ns = t_ns + SEC, .span_ns = SEC, .forget = &key1, .n_forget = 1 }));
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
	struct store_device_counters counters[] = { { device, { .rx_frames = 1 } }, { dead, { .rx_frames = 2 } } };

	must(s, store_tick(s, &(struct store_tick){ .t_ns = MIDNIGHT - SEC, .span_ns = 2 * SEC, .counters = counters, .n_counters = 2 }));
	must(s, idle(s, MIDNIGHT - SEC / 2));
	must(s, tick(s, MIDNIGHT + SEC / 2, 1, 5));
	assert_int_equal(ask(day2, "SELECT count(*) FROM baseline"), 1);
	assert_int_equal(ask(day2, "SELECT group_concat(device_id) = '%d' FROM device_baseline", (int)device), 1);
	assert_int_equal(ask(day2, "SELECT total FROM self"), 4);
	assert_int_equal(ask(day2, "SELECT sum(frames) FROM loss"), 5);
	assert_int_equal(ask(day2, "SELECT from_ns FROM coverage"), MIDNIGHT - SEC);	/* no hole at midnight */
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
	assert_int_equal(ask(below(*state, "meta.db"), "SELECT count(*) FROM source WHERE name = 'store' AND state = 'failed'"), 1);
	assert_int_equal(rmdir(obstacle), 0);
	must(s, tick(s, MIDNIGHT + 2 * SEC, 1, 4));
	assert_int_equal(ask(below(*state, DAY2), "SELECT sum(frames) FROM loss"), 4);
	assert_int_equal(ask(below(*state, "meta.db"), "SELECT count(*) FROM source WHERE name = 'store' AND state = 'ok'"), 1);
	store_close(s);
}

#define SAME_SUMS "SELECT (SELECT count(*) FROM (SELECT (t_ns - 1) / 3600000000000 * 3600000000000 AS h, series_id, sum(frames), sum(segments), sum(bytes) " \
	"FROM loss WHERE h IN (SELECT t_ns FROM rolled) GROUP BY 1, 2 EXCEPT SELECT * FROM loss_hour)) + " \
	"(SELECT count(*) FROM (SELECT * FROM loss_hour EXCEPT SELECT (t_ns - 1) / 3600000000000 * 3600000000000 AS h, series_id, sum(frames), sum(segments), " \
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
	assert_int_equal(ask(day1, "SELECT count(*) FROM rolled"), 13);	/* noon itself ends an hour */
	assert_int_equal(ask(day1, SAME_SUMS), 0);
	assert_int_equal(ask(day1, "SELECT sum(frames) = (SELECT sum(frames) FROM loss) FROM loss_hour"), 1);
	assert_int_equal(ask(below(*state, DAY2), "SELECT count(*) FROM rolled"), 4);
	assert_int_equal(ask(below(*state, DAY2), SAME_SUMS), 0);
	store_close(s);
}

/* A row that grows: within an hour it is one, however many ticks lengthened it; nothing is counted twice. */
static void traffic_rows_grow(void **state)
{
	const char *day1 = below(*state, DAY1);
	struct store *s = must_open(*state);
	uint64_t last = 0;

	for (unsigned int i = 1; i <= 4000; i++) {
		struct store_traffic x = { .device_id = 3, .span_ns = SEC, .rx_frames = i, .rx_bytes = 2, .rx_peak = i, .rx_lost = 1, .joins_ns = last,
					   .headroom = { .known = i > 1000, .peak = i > 1000 ? i % 500 : 0, .free = i > 1000 ? 500 - i % 500 : 0,
							 .samples = i > 1000, .sum = i > 1000 ? i % 500 : 0, .qdisc_peak = i == 7 ? 3 : 0 } };
		struct store_tick t = { .t_ns = NOON + i * SEC, .span_ns = SEC, .traffic = &x, .n_traffic = 1 };

		must(s, store_tick(s, &t));
		last = t.t_ns;
	}
	assert_int_equal(ask(day1, "SELECT count(*) FROM traffic"), 2);
	assert_int_equal(ask(day1, "SELECT sum(rx_frames) FROM traffic"), 4000 * 4001 / 2);
	assert_int_equal(ask(day1, "SELECT rx_frames FROM traffic WHERE t_ns = %llu AND span_ns = 3600000000000", NOON + NSEC_PER_HOUR), 3600 * 3601 / 2);
	assert_int_equal(ask(day1, "SELECT count(*) FROM (SELECT * FROM traffic WHERE span_ns = 3600000000000)"), 1);
	assert_int_equal(ask(day1, "SELECT rx_peak + rx_lost FROM traffic_hour"), 7200);
	assert_int_equal(ask(day1, "SELECT rx_frames FROM traffic_hour"), 3600 * 3601 / 2);
	assert_int_equal(ask(day1, "SELECT count(*) FROM traffic, traffic_hour h WHERE traffic.t_ns = h.t_ns + 3600000000000 AND traffic.ring_samples = 2600 "
				   "AND (traffic.ring_peak, traffic.ring_free, traffic.ring_sum, traffic.qdisc_peak) = (499, 1, %d, 3) AND "
				   "(h.ring_peak, h.ring_free, h.ring_samples, h.ring_sum, h.qdisc_peak) = (499, 1, 2600, traffic.ring_sum, 3)",
			     5 * 499 * 500 / 2 + 100 * 101 / 2), 1);
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
		TEST(a_vm_keeps_its_id_and_all_its_names),
		TEST(a_long_name_is_a_name),
		TEST(a_device_is_a_lifetime),
		TEST(an_attachment_is_kept_up_to_date),
		TEST(a_series_is_found_again),
		TEST(a_source_says_since_when),
		TEST(a_run_ends_clean_or_not),
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
