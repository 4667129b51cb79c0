/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Days are summed up, thinned and forgotten: whatever the level that answers, and whatever kills
 * the work, totals are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "agent/store/store.h"
#include "tests/unit/readertest.h"
#include "schema/demand.h"
#include "tests/unit/faultyvfs.h"
#include "schema/maintain.h"
#include "tests/unit/storetest.h"

#define SEC NSEC_PER_SEC
#define DAYS 6
#define SERIES 5
#define START (1772323200 * SEC)	/* 2026-03-01 00:00 */
#define ROWS 2400

static struct {
	uint64_t t_ns, frames;
	int series;
} rows[ROWS];
static uint64_t delivered;	/* all of it */
static struct reader_headroom rings;	/* all of it */
static struct reader_pressure waited;	/* all of it */

static uint64_t below_n(uint64_t n)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % n;
}

static int by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Some moments lie on the edge of a minute, an hour or a day. */
static void make_rows(void)
{
	static const uint64_t edges[] = { 1, NSEC_PER_MIN, NSEC_PER_HOUR, NSEC_PER_DAY };

	for (int i = 0; i < ROWS; i++) {
		uint64_t edge = edges[below_n(ARRAY_SIZE(edges))];

		rows[i].t_ns = START + SEC + below_n(DAYS * NSEC_PER_DAY - SEC);
		if (rows[i].t_ns - rows[i].t_ns % edge > START)
			rows[i].t_ns -= rows[i].t_ns % edge;
		rows[i].series = 1 + (int)below_n(SERIES);
		rows[i].frames = 1 + below_n(1000);
	}
	qsort(rows, ROWS, sizeof(*rows), by_time);
}

static const char *store_of(void **state)
{
	static char dir[128];

	snprintf(dir, sizeof(dir), "%s/store", (const char *)*state);
	return dir;
}

static void must(struct store *s, int r)
{
	if (r < 0)
		fail_msg("%s (%s)", strerror(-r), store_error(s));
}

static struct store *must_open(const char *dir, const struct store_options *opt)
{
	struct store *s = NULL;
	char why[SCHEMA_WHY];

	if (store_open(dir, opt, &s, why) < 0)
		fail_msg("%s", why);
	return s;
}

/* Not all rows know of rings; one in ten saw something wait in front. */
static void make_rings(struct store_traffic *x)
{
	uint64_t peak = below_n(501);

	if (below_n(3))
		x->headroom = (struct store_headroom){
			.known = true,
			.peak = peak,
			.free = 500 - peak,
			.samples = 1,
			.sum = peak,
		};
	x->headroom.qdisc_peak = below_n(10) ? 0 : below_n(1000);
	reader_occupancy_add(&rings, &(struct reader_headroom){
					     .known = x->headroom.known,
					     .peak = x->headroom.peak,
					     .free = x->headroom.free,
					     .samples = x->headroom.samples,
					     .sum = x->headroom.sum,
					     .qdisc_peak = x->headroom.qdisc_peak,
				     });
}

static void add_waits(const struct store_pressure *p)
{
	int most = (int)(p->vcpu_wait_ns * 1000 / (p->span_ns * p->vcpus));

	waited.span_ns += p->span_ns;
	waited.vcpu_ns += p->span_ns * p->vcpus;
	waited.vcpu_run_ns += p->vcpu_run_ns;
	waited.vcpu_wait_ns += p->vcpu_wait_ns;
	waited.emulator_wait_ns += p->emulator_wait_ns;
	waited.vcpu_peak = most > waited.vcpu_peak ? most : waited.vcpu_peak;
}

/* As an agent would have written it. */
static void write_store(const char *dir)
{
	struct store_options opt = { 0 };
	struct store *s = must_open(dir, &opt);
	uint64_t last = START;
	int64_t id;
	bool known;

	must(s, store_device(s,
			     &(struct store_device){
				     .boot_id = "b",
				     .name = "vnet0",
				     .kind = "tap",
				     .since_ns = START,
			     },
			     &id, &known));
	for (int i = 0; i < SERIES; i++)
		must(s, store_series(s,
				     &(struct store_series){
					     .device_id = 1,
					     .queue = i,
					     .direction = "rx",
					     .class = "PTR_FULL",
					     .kind = "capacity",
					     .reason = "r",
					     .site = "f",
					     .counter = "tx_dropped",
				     },
				     START, &id));
	must(s, store_tick(s, &(struct store_tick){ .t_ns = START + 1, .gap = true }));
	delivered = 0;
	rings = (struct reader_headroom){ 0 };
	waited = (struct reader_pressure){ .vhost_peak = -1 };
	for (int i = 0; i < ROWS;) {
		struct store_loss loss[SERIES * 4];
		struct store_witness w = { 1, "tx_dropped", 0 };
		struct store_traffic x = {
			.device_id = 1,
			.span_ns = SEC,
			.rx_frames = 1 + below_n(100),
		};
		struct store_pressure p = {
			.vm_id = 1,
			.t_ns = rows[i].t_ns,
			.span_ns = SEC,
			.vcpus = 1 + (unsigned int)below_n(4),
			.vcpu_run_ns = below_n(SEC),
			.vcpu_wait_ns = below_n(SEC),
			.emulator_wait_ns = below_n(SEC),
		};
		struct store_tick t = {
			.t_ns = rows[i].t_ns,
			.loss = loss,
			.witnesses = &w,
			.n_witnesses = 1,
			.traffic = &x,
			.n_traffic = 1,
			.pressure = &p,
			.n_pressure = 1,
		};

		for (; i < ROWS && rows[i].t_ns == t.t_ns && t.n_loss < SERIES * 4; i++) {
			loss[t.n_loss++] =
				(struct store_loss){ rows[i].series, rows[i].frames, rows[i].frames,
						     rows[i].frames * 60 };
			w.frames += rows[i].frames;
		}
		for (; i < ROWS && rows[i].t_ns == t.t_ns; i++)
			rows[i].frames = 0;	/* more than one tick takes */
		t.span_ns = t.t_ns - last;
		x.rx_lost = w.frames;
		x.rx_peak = x.rx_frames + w.frames;
		delivered += x.rx_frames;
		make_rings(&x);
		add_waits(&p);
		must(s, store_tick(s, &t));
		last = t.t_ns;
	}
	must(s, store_tick(s, &(struct store_tick){
				      .t_ns = START + DAYS * NSEC_PER_DAY + SEC,
				      .span_ns = START + DAYS * NSEC_PER_DAY + SEC - last,
			      }));
	store_close(s);
}

static void add_traffic(int64_t device, uint64_t t_ns, uint64_t rx, uint64_t tx, void *arg)
{
	(void)device;
	(void)t_ns;
	(void)tx;
	*(uint64_t *)arg += rx;
}

static void add_witness(int64_t device, uint64_t t_ns, const char *counter, uint64_t frames,
			void *arg)
{
	(void)device;
	(void)t_ns;
	assert_string_equal(counter, "tx_dropped");
	*(uint64_t *)arg += frames;
}

static void add_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		    void *arg)
{
	(void)series;
	assert_true(t_ns > START && span_ns > 0);
	*(uint64_t *)arg += sum->frames;
}

/* Windows whose edges lie on multiples of @step. */
static void assert_windows(const char *dir, uint64_t step, int n)
{
	struct reader *v = open_reader(dir);

	assert_non_null(v);
	for (int i = 0; i < n; i++) {
		uint64_t since = i ? START + below_n(DAYS * NSEC_PER_DAY / step) * step : START;
		uint64_t until =
			i ? since + (1 + below_n((START + DAYS * NSEC_PER_DAY - since) / step)) *
						step
			  : START + DAYS * NSEC_PER_DAY;
		uint64_t want[SERIES + 1] = { 0 }, all = 0, seen = 0, got = 0;
		struct reader_sum *sums;

		for (int k = 0; k < ROWS; k++)
			if (rows[k].t_ns > since && rows[k].t_ns <= until) {
				want[rows[k].series] += rows[k].frames;
				all += rows[k].frames;
			}
		assert_int_equal(reader_losses(v, since, until, &sums), 0);
		for (int s = 1; s <= SERIES; s++)
			if (sums[s].frames != want[s] || sums[s].bytes != want[s] * 60)
				fail_msg("(%llu, %llu] series %d: %llu, not %llu",
					 (unsigned long long)since, (unsigned long long)until, s,
					 (unsigned long long)sums[s].frames,
					 (unsigned long long)want[s]);
		free(sums);
		assert_int_equal(reader_rows(v, since, until, i % 2, NULL, add_row, &got), 0);
		assert_int_equal(got, all);
		assert_int_equal(reader_witnesses(v, since, until, add_witness, &seen), 0);
		assert_int_equal(seen, all);
	}
	reader_free(v);
}

static void add_rings(const struct reader_headroom *h, uint64_t from_ns, uint64_t to_ns, void *arg)
{
	assert_true(from_ns < to_ns);
	reader_occupancy_add(arg, h);
}

static void add_pressure(const struct reader_pressure *p, void *arg)
{
	struct reader_pressure *sum = arg;

	sum->span_ns += p->span_ns;
	sum->vcpu_ns += p->vcpu_ns;
	sum->vcpu_run_ns += p->vcpu_run_ns;
	sum->vcpu_wait_ns += p->vcpu_wait_ns;
	sum->emulator_wait_ns += p->emulator_wait_ns;
	sum->vcpu_peak = p->vcpu_peak > sum->vcpu_peak ? p->vcpu_peak : sum->vcpu_peak;
	sum->vhost_peak = p->vhost_peak > sum->vhost_peak ? p->vhost_peak : sum->vhost_peak;
}

/* Peaks and sums of all of it, from whichever level answers. */
static void assert_headroom(struct reader *v)
{
	struct reader_headroom got = { 0 };
	struct reader_pressure waits = { .vhost_peak = -1 };

	assert_int_equal(reader_headroom(v, START, START + DAYS * NSEC_PER_DAY, add_rings, &got),
			 0);
	assert_memory_equal(&got, &rings, sizeof(got));
	assert_int_equal(
		reader_pressure(v, START, START + DAYS * NSEC_PER_DAY, add_pressure, &waits), 0);
	assert_memory_equal(&waits, &waited, sizeof(waits));
}

static void assert_delivered(const char *dir)
{
	struct reader *v = open_reader(dir);
	uint64_t sum = 0;

	assert_int_equal(reader_traffic(v, START, START + DAYS * NSEC_PER_DAY, add_traffic, &sum),
			 0);
	assert_int_equal(sum, delivered);
	assert_headroom(v);
	assert_true(reader_covered_pct(v, START, START + DAYS * NSEC_PER_DAY) > 99.99);
	reader_free(v);
}

static struct maintain_done must_maintain(const char *dir, const struct maintain_limits *l)
{
	char why[SCHEMA_WHY] = "";
	struct maintain_done done;
	int r = maintain(dir, l, START + DAYS * NSEC_PER_DAY + SEC, NULL, &done, why);

	if (r < 0)
		fail_msg("%s: %s", strerror(-r), why);
	return done;
}

static void every_level_says_the_same(void **state)
{
	const char *dir = store_of(state);
	struct maintain_done done;

	make_rows();
	write_store(dir);
	must_maintain(dir, &(struct maintain_limits){ 0 });
	assert_int_equal(ask(below(dir, "history.db"), "SELECT count(*) FROM day"), DAYS);
	assert_windows(dir, 1 + SEC / 7, 50);
	assert_delivered(dir);

	done = must_maintain(dir, &(struct maintain_limits){ .fine_days = 1 });
	assert_int_equal(done.downsampled, DAYS - 1);
	assert_int_equal(
		must_maintain(dir, &(struct maintain_limits){ .fine_days = 1 }).downsampled, 0);
	assert_int_equal(ask(below(dir, "timeline-20260302.db"),
			     "SELECT count(*) FROM loss WHERE t_ns %% 60000000000"),
			 0);
	assert_int_equal(ask(below(dir, "timeline-20260302.db"), "SELECT count(*) FROM pressure"),
			 0);
	assert_windows(dir, NSEC_PER_MIN, 50);
	assert_delivered(dir);
	assert_int_equal(rename(below(dir, "history.db"), below(dir, "away")), 0);
	assert_delivered(dir);			/* thinned days answer themselves */
	assert_int_equal(rename(below(dir, "away"), below(dir, "history.db")), 0);

	done = must_maintain(dir, &(struct maintain_limits){ .days = 2 });
	assert_int_equal(done.deleted, DAYS - 2);
	assert_false(exists(below(dir, "timeline-20260302.db")));
	assert_windows(dir, NSEC_PER_HOUR, 50);
	assert_delivered(dir);

	done = must_maintain(dir, &(struct maintain_limits){ .days = 1, .hour_days = 1 });
	assert_int_equal(done.hours_deleted, DAYS - 1);
	assert_windows(dir, NSEC_PER_DAY, 20);
	assert_delivered(dir);
	assert_int_equal(ask(below(dir, "history.db"),
			     "SELECT freelist_count FROM pragma_freelist_count"),
			 0);
	assert_int_equal(
		ask(below(dir, "history.db"),
		    "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
		0);

	/* What no longer fits goes, oldest first, whole days. */
	done = must_maintain(dir, &(struct maintain_limits){ .history_bytes = 1 });
	assert_true(done.sums_deleted >= DAYS - 1);
}

/* Everything that there is to do, by a process that dies within the @nth operation that changes the
 * disk. Did it die? */
static bool maintain_until(const char *dir, const struct maintain_limits *l, long nth)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		char why[SCHEMA_WHY];
		struct maintain_done done;

		shim.left = nth;
		shim.run = 1;
		shim.kills = true;
		_exit(maintain(dir, l, START + DAYS * NSEC_PER_DAY + SEC, NULL, &done, why) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

/* One life after the other, each takes up what the one before left, until one gets to the end. */
static void killed_at_any_write(void **state)
{
	const struct maintain_limits all = { .fine_days = 1, .days = 4, .hour_days = 3 };
	unsigned int deaths = 0;

	for (int round = 0; round < 8; round++) {
		const char *dir = store_of(state);
		/* a life that is too short gets nowhere: they become longer */
		uint64_t longest = 20;
		void *sub;

		make_rows();
		write_store(dir);
		/* what the store did itself: all is to be done again */
		remove(below(dir, "history.db"));
		remove(below(dir, "history.db-wal"));
		remove(below(dir, "history.db-shm"));
		while (maintain_until(dir, &all, (long)below_n(longest))) {
			longest += 20;
			deaths++;
			assert_windows(dir, NSEC_PER_DAY, 5);
			assert_delivered(dir);
		}
		assert_windows(dir, NSEC_PER_DAY, 5);
		assert_delivered(dir);
		assert_int_equal(must_maintain(dir, &all).rolled_up, 0);
		sub = strdup(dir);
		assert_int_equal(remove_dir(&sub), 0);
	}
	print_message("%u deaths\n", deaths);
	assert_true(deaths > 40);
}

static void it_stops_when_told(void **state)
{
	const char *dir = store_of(state);
	atomic_bool stop = true;
	struct maintain_done done;
	char why[SCHEMA_WHY];

	make_rows();
	write_store(dir);
	assert_int_equal(maintain(dir, &(struct maintain_limits){ .fine_days = 1, .days = 1 },
				  START + 99 * NSEC_PER_DAY, &stop, &done, why),
			 -EINTR);
	assert_int_equal(done.downsampled, 0);
	assert_windows(dir, SEC, 5);
}

/* Loss of a closed day finds its owner after the day was taken up. */
static void an_owner_that_is_found_late(void **state)
{
	const char *dir = store_of(state);
	struct store_options opt = { .background = true };
	struct store *s;
	int64_t vm, attachment;
	struct reader *v;
	struct reader_sum *sums;
	uint64_t his = 0, want = 0, since = START + 2 * NSEC_PER_DAY;

	make_rows();
	write_store(dir);
	s = must_open(dir, &opt);
	must(s, store_vm(s, &(struct store_vm){ .ident = "u", .name = "web", .state = "running" },
			 START, &vm));
	must(s, store_attachment(s,
				 &(struct store_attachment){
					 .vm_id = vm,
					 .device_id = 1,
					 .queues = -1,
					 .ring_frames = -1,
					 .since_ns = since,
				 },
				 &attachment));
	must(s, store_attribute(s, 1, attachment, vm, since));
	store_close(s);
	must_maintain(dir, &(struct maintain_limits){ .days = 1 });
	v = open_reader(dir);
	assert_int_equal(reader_losses(v, START, START + DAYS * NSEC_PER_DAY, &sums), 0);
	for (size_t i = 0; i < v->n_series; i++)
		his += v->series[i].vm_id == vm ? sums[i].frames : 0;
	for (int k = 0; k < ROWS; k++)
		want += rows[k].t_ns >= since ? rows[k].frames : 0;
	assert_int_equal(his, want);
	free(sums);
	reader_free(v);
}

static void demand_is_packed(void **state)
{
	static struct demand a, b;
	static unsigned char buf[DEMAND_BYTES];
	size_t len;

	(void)state;
	for (uint64_t rate = 1; rate < 5000000; rate += 1 + rate / 50) {
		double back = demand_rate(demand_bucket(rate));

		assert_true(back > (double)rate * 0.984 - 0.5 && back < (double)rate * 1.016 + 0.5);
		demand_add(&a, 60 * SEC, rate, rate * 60, rate % 3 ? 0 : rate);
	}
	len = demand_pack(&a, buf);
	assert_int_equal(demand_unpack(&b, buf, len), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(demand_unpack(&b, buf, len), 0);
	assert_int_equal(b.seconds, 2 * a.seconds);
	assert_int_equal(demand_unpack(&b, (const unsigned char *)"\xff\xff\xff\xff\xff\xff", 6),
			 -EBADMSG);
	assert_int_equal(demand_unpack(&b, (const unsigned char *)"\1\1\1\1\1\1\xff\x7f\1\1", 10),
			 -EBADMSG);
	memset(&a, 0, sizeof(a));
	for (uint64_t i = 1; i <= 100; i++)
		demand_add(&a, 60 * SEC, i * 1000, i, 0);
	assert_true(demand_quantile(&a, 0.5) > 48000 && demand_quantile(&a, 0.5) < 52000);
	assert_true(demand_quantile(&a, 0.99) > 97000 && demand_quantile(&a, 0.99) < 101000);
	assert_true(demand_quantile(&a, 1) > 98000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(every_level_says_the_same),
					    TEST(killed_at_any_write), TEST(it_stops_when_told),
					    TEST(an_owner_that_is_found_late),
					    TEST(demand_is_packed) };

	return cmocka_run_group_tests(tests, install_shim, NULL);
}
