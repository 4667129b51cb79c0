/* SPDX-License-Identifier: GPL-2.0-or-later */
/* years DIR COARSE FINE [PLAIN]: a made-up big host, 1,000 VMs of 2 NICs, both directions, 2 % of
 * the 4,000 losing frames at any time in bursts of 20 s. COARSE days by the minute, then FINE days
 * by the second, up to the last midnight, as fast as it goes; closed days are looked after by the
 * store's thread as in an agent, with the agent's limits. PLAIN: where the last day goes in the
 * plainest layout as well, a row for each sample and one index. Prints a JSON object. years DIR:
 * goes on from there, 20 ticks of a second in each second, until SIGTERM; then prints what ticks
 * cost. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collector/clock.h"
#include "agent/store/store.h"
#include "schema/maintain.h"

#define NICS 2000
#define SERIES (2 * NICS)
#define LOSING (SERIES / 50)
#define BURST_S 20
/* as pressure.c: a VM has a row a tick while it loses, and for so long after; else */
#define HOT_NS (10 * NSEC_PER_SEC)
#define COOL_NS (5 * NSEC_PER_MIN)
#define MOST_ROWS 24			/* of those that lose, in a tick; in turn */
#define PACE_NS (50 * NSEC_PER_MSEC)
#define MAX_COSTS 100000

static struct {
	struct store *store;
	uint64_t random, t_ns, last_row[NICS], last_stored[NICS], begun[NICS];
	int64_t devices[NICS], series[SERIES];
	unsigned int losing[LOSING], left_s[LOSING];
	struct link_counters counters[NICS];
	struct store_loss loss[LOSING * 4];
	struct store_baseline baselines[LOSING * 4];
	struct store_witness witnesses[LOSING * 4];
	struct store_traffic traffic[NICS * 2];
	struct store_device_counters rows[NICS * 2];
	struct store_pressure pressure[NICS / 2];
	uint64_t hot_ns[NICS / 2], pressed_ns[NICS / 2];
	int next_vm;			/* whose turn it is */
	uint64_t totals[SERIES], loss_rows;
	sqlite3 *plain;
	sqlite3_stmt *sample;
} h = { .random = 88172645463325252ULL };

static struct {
	double wall_ms[MAX_COSTS], cpu_ms[MAX_COSTS];
	unsigned int n;
} costs;
static volatile sig_atomic_t ended;

/* The agent's own. */
static const struct store_options limits = {
	.fine_days = 7,
	.fine_bytes = 768ULL << 20,
	.retention_days = 90,
	.max_bytes = 2ULL << 30,
	.background = true,
};

static void on_term(int signal)
{
	(void)signal;
	ended = 1;
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "years: %s: %s (%s)\n", what, strerror(-r),
		h.store ? store_error(h.store) : "");
	exit(1);
}

static uint32_t below(uint32_t n)
{
	h.random ^= h.random << 13;
	h.random ^= h.random >> 7;
	h.random ^= h.random << 17;
	return (uint32_t)((h.random >> 32) % n);
}

static void make_vm(int i)
{
	char name[24], ident[40], mac[32];
	struct store_vm vm = { .ident = ident, .uuid = ident, .name = name, .state = "running" };
	int64_t vm_id;
	bool known;

	snprintf(name, sizeof(name), "vm-%04d", i);
	snprintf(ident, sizeof(ident), "00000000-0000-4000-8000-%012d", i);
	must(store_vm(h.store, &vm, h.t_ns, &vm_id), "vm");
	for (int n = 0; n < 2; n++) {
		struct store_device dev = {
			.boot_id = "made-up",
			.name = name,
			.kind = "tap",
			.netns = 1,
			.ifindex = (uint32_t)(i * 2 + n + 10),
			.since_ns = h.t_ns,
		};
		struct store_attachment a = {
			.vm_id = vm_id,
			.queues = 1,
			.ring_frames = 1000,
			.mac = mac,
			.backend = "vhost",
			.since_ns = h.t_ns,
		};
		struct store_series s = {
			.vm_id = vm_id,
			.queue = 0,
			.direction = "rx",
			.class = "PTR_FULL",
			.kind = "capacity",
			.reason = "FULL_RING",
			.site = "tun_net_xmit",
			.counter = "tx_dropped",
		};

		snprintf(name, sizeof(name), "vnet%d", i * 2 + n);
		snprintf(mac, sizeof(mac), "52:54:00:%02x:%02x:%02x", n, i / 256, i % 256);
		must(store_device(h.store, &dev, &s.device_id, &known), "device");
		h.devices[i * 2 + n] = a.device_id = s.device_id;
		must(store_attachment(h.store, &a, &s.attachment_id), "attachment");
		must(store_series(h.store, &s, h.t_ns, &h.series[4 * i + 2 * n]), "series");
		s.direction = "tx", s.class = "SKB_COPY_DATA", s.kind = "fault",
		s.reason = "SKB_UCOPY_FAULT", s.site = "tun_get_user", s.counter = "rx_dropped";
		must(store_series(h.store, &s, h.t_ns, &h.series[4 * i + 2 * n + 1]), "series");
	}
}

static void add_traffic(struct store_tick *t, int nic, uint64_t lost, bool tx, uint64_t span_ns)
{
	uint64_t rate = 2000 + (uint64_t)nic * 37 % 90000 + below(5000),
		 frames = rate * span_ns / NSEC_PER_SEC;
	struct store_traffic *x = &h.traffic[t->n_traffic++];

	*x = (struct store_traffic){
		.device_id = h.devices[nic],
		.span_ns = span_ns,
		.rx_frames = frames,
		.rx_bytes = frames * 900,
		.tx_frames = frames / 2,
		.tx_bytes = frames * 40,
		.rx_peak = rate + lost,
		.tx_peak = rate / 2,
		.rx_lost = tx ? 0 : lost,
		.tx_lost = tx ? lost : 0,
	};
	x->headroom = (struct store_headroom){
		.known = true,
		.peak = lost && !tx ? 1000 : below(200),
		.samples = 1 + span_ns / NSEC_PER_SEC,
	};
	x->headroom.free = 1000 - x->headroom.peak;
	x->headroom.sum = x->headroom.samples * below(20);
	/* As witness.c does it: a row that loss began grows for a minute. */
	if (lost && h.last_row[nic] == h.last_stored[nic] && t->t_ns - h.begun[nic] <= NSEC_PER_MIN)
		x->joins_ns = h.last_row[nic];
	else
		h.begun[nic] = h.last_stored[nic];
	h.last_row[nic] = lost && span_ns <= 5 * NSEC_PER_SEC ? t->t_ns : 0;
	h.last_stored[nic] = t->t_ns;
	h.counters[nic].tx_frames += frames;
	h.rows[t->n_counters++] = (struct store_device_counters){ h.devices[nic], h.counters[nic] };
}

static void lose(struct store_tick *t, unsigned int k, unsigned int seconds)
{
	unsigned int q = h.losing[k], nic = q / 2;
	uint64_t frames = (1 + below(400)) * seconds, span = t->t_ns - h.last_stored[nic];

	h.totals[q] += frames;
	h.hot_ns[nic / 2] = t->t_ns;
	h.loss[t->n_loss++] = (struct store_loss){ h.series[q], frames, frames, frames * 900 };
	h.baselines[t->n_baselines++] = (struct store_baseline){
		.key = {
			.location = 0xffffffff81000000,
			.netns = 1,
			.ifindex = nic + 10,
			.reason = (uint16_t)(70 + q % 2),
			.kind = TL_KIND_TUN,
		},
		.total = { .frames = h.totals[q], .born_ns = 1 },
	};
	h.witnesses[t->n_witnesses++] =
		(struct store_witness){ h.devices[nic], q % 2 ? "rx_dropped" : "tx_dropped",
					frames };
	if (span)
		add_traffic(t, (int)nic, frames, q % 2, span);
}

static void add_pressure(struct store_tick *t, int vm)
{
	uint64_t span = t->t_ns - h.pressed_ns[vm];
	bool hot = t->t_ns - h.hot_ns[vm] <= HOT_NS;

	if (hot ? t->n_pressure >= MOST_ROWS : span < COOL_NS)
		return;
	h.next_vm = hot ? (vm + 1) % (NICS / 2) : h.next_vm;
	h.pressure[t->n_pressure++] = (struct store_pressure){
		.vm_id = vm + 1,
		.t_ns = t->t_ns,
		.span_ns = span,
		.vcpus = 4,
		.vhosts = 2,
		.vcpu_run_ns = span + below(100000000),
		.vcpu_wait_ns = below(50000000),
		.vhost_run_ns = span / 4 + below(1000000),
		.vhost_wait_ns = below(10000000),
		.emulator_run_ns = below(10000000),
		.emulator_wait_ns = below(1000000),
	};
	h.pressed_ns[vm] = t->t_ns;
}

/* The plainest layout. */

static void plain_exec(const char *sql)
{
	if (sqlite3_exec(h.plain, sql, NULL, NULL, NULL) == SQLITE_OK)
		return;
	fprintf(stderr, "years: plain: %s\n", sqlite3_errmsg(h.plain));
	exit(1);
}

static void plain_open(const char *path)
{
	if (sqlite3_open(path, &h.plain) != SQLITE_OK)
		exit(1);
	plain_exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
		   "CREATE TABLE sample (t_ns INTEGER, vm INTEGER, nic INTEGER, queue INTEGER, "
		   "direction TEXT, class TEXT, frames INTEGER, bytes INTEGER); "
		   "CREATE INDEX sample_by_time ON sample (t_ns)");
	if (sqlite3_prepare_v2(h.plain, "INSERT INTO sample VALUES (?, ?, ?, 0, ?, ?, ?, ?)", -1,
			       &h.sample, NULL) != SQLITE_OK)
		exit(1);
}

static void plain_tick(const struct store_tick *t)
{
	plain_exec("BEGIN");
	for (unsigned int i = 0; i < t->n_loss; i++) {
		unsigned int q = h.losing[i];

		sqlite3_bind_int64(h.sample, 1, (int64_t)t->t_ns);
		sqlite3_bind_int64(h.sample, 2, q / 4);
		sqlite3_bind_int64(h.sample, 3, q / 2);
		sqlite3_bind_text(h.sample, 4, q % 2 ? "tx" : "rx", -1, SQLITE_STATIC);
		sqlite3_bind_text(h.sample, 5, q % 2 ? "SKB_COPY_DATA" : "PTR_FULL", -1,
				  SQLITE_STATIC);
		sqlite3_bind_int64(h.sample, 6, (int64_t)t->loss[i].frames);
		sqlite3_bind_int64(h.sample, 7, (int64_t)t->loss[i].bytes);
		if (sqlite3_step(h.sample) != SQLITE_DONE) {
			fprintf(stderr, "years: plain: %s\n", sqlite3_errmsg(h.plain));
			exit(1);
		}
		sqlite3_reset(h.sample);
	}
	plain_exec("COMMIT");
}

static void plain_close(void)
{
	sqlite3_finalize(h.sample);
	sqlite3_close(h.plain);
	h.plain = NULL;
}

static void one_tick(uint64_t step_ns, bool first)
{
	unsigned int seconds = (unsigned int)(step_ns / NSEC_PER_SEC),
		     bursts = seconds > BURST_S ? seconds / BURST_S : 1;
	struct store_tick t = {
		.t_ns = h.t_ns += step_ns,
		.span_ns = step_ns,
		.gap = first,
		.loss = h.loss,
		.baselines = h.baselines,
		.witnesses = h.witnesses,
		.traffic = h.traffic,
		.counters = h.rows,
		.pressure = h.pressure,
	};
	double wall, cpu;

	for (unsigned int k = 0; k < LOSING; k++)
		for (unsigned int b = 0; b < bursts; b++) {
			if (h.left_s[k] < seconds || bursts > 1) {
				h.losing[k] = below(SERIES);
				h.left_s[k] = BURST_S / 2 + below(BURST_S);
			}
			h.left_s[k] -= bursts > 1 ? h.left_s[k] : seconds;
			lose(&t, k, seconds / bursts);
		}
	for (int n = 0; n < NICS; n++)
		if (t.t_ns - h.last_stored[n] >= NSEC_PER_MIN)
			add_traffic(&t, n, 0, false, t.t_ns - h.last_stored[n]);
	for (int vm = 0, turn = h.next_vm; vm < NICS / 2; vm++)
		add_pressure(&t, (turn + vm) % (NICS / 2));
	h.loss_rows += t.n_loss;
	wall = (double)mono_ns() / 1e6;
	cpu = (double)clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1e6;
	must(store_tick(h.store, &t), "tick");
	if (costs.n < MAX_COSTS) {
		costs.cpu_ms[costs.n] = (double)clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1e6 - cpu;
		costs.wall_ms[costs.n++] = (double)mono_ns() / 1e6 - wall;
	}
	if (h.plain)
		plain_tick(&t);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The first tick opens the day, reads its hours and prepares all statements: that is what starting
 * costs, and told apart. */
static void print_costs(const char *name, double *ms)
{
	unsigned int last = costs.n > 1 ? costs.n - 2 : 0;

	printf(",\"%s\":{\"first\":%.2f,", name, ms[0]);
	ms += costs.n > 1;
	qsort(ms, last + 1, sizeof(*ms), by_value);
	printf("\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f}", ms[last / 2],
	       ms[last * 99 / 100], ms[last * 999 / 1000], ms[last]);
}

/* What an agent has done a minute after a midnight. */
static void settle(const char *dir)
{
	const struct maintain_limits l = {
		.fine_days = limits.fine_days,
		.days = limits.retention_days,
		.fine_bytes = limits.fine_bytes,
		.bytes = limits.max_bytes,
	};
	char why[SCHEMA_WHY] = "";
	struct maintain_done done;

	if (maintain(dir, &l, h.t_ns, NULL, &done, why) >= 0)
		return;
	fprintf(stderr, "years: %s\n", why);
	exit(1);
}

/* Ticks of a second, at moments that do not wait for each other. */
static void go_on(void)
{
	struct sigaction act = { .sa_handler = on_term };
	struct timespec next;

	sigaction(SIGTERM, &act, NULL);
	clock_gettime(CLOCK_MONOTONIC, &next);
	costs.n = 0;
	while (!ended) {
		one_tick(NSEC_PER_SEC, !costs.n);
		next.tv_nsec += PACE_NS;
		next.tv_sec += next.tv_nsec / (long)NSEC_PER_SEC;
		next.tv_nsec %= (long)NSEC_PER_SEC;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	printf("{\"ticks\":%u", costs.n);
	print_costs("wall_ms", costs.wall_ms);
	print_costs("cpu_ms", costs.cpu_ms);
	puts("}");
}

static void make_days(unsigned int coarse, unsigned int fine, const char *plain)
{
	for (unsigned int i = 0; i < coarse * 1440; i++)
		one_tick(NSEC_PER_MIN, !i);
	for (unsigned int i = 0; i < fine * 86400; i++) {
		if (plain && i == (fine - 1) * 86400)
			plain_open(plain);
		one_tick(NSEC_PER_SEC, !i && !coarse);
	}
	if (h.plain)
		plain_close();
}

static int usage(void)
{
	fputs("usage: years DIR COARSE FINE [PLAIN] | years DIR\n", stderr);
	return 2;
}

static void open_store(const char *dir, unsigned int days)
{
	char why[SCHEMA_WHY];

	if (store_open(dir, &limits, &h.store, why) < 0) {
		fprintf(stderr, "years: %s\n", why);
		exit(1);
	}
	if (days)
		h.t_ns = (utc_ns() / NSEC_PER_DAY - days) * NSEC_PER_DAY;
	else
		must(store_covered_until(h.store, &h.t_ns), "end");
	must(store_run_begin(h.store,
			     &(struct store_run){
				     .version = TAPLOSS_VERSION,
				     .kernel = "made-up",
				     .interval_ns = NSEC_PER_SEC,
				     .since_ns = h.t_ns,
			     }),
	     "run");
	for (int i = 0; i < NICS / 2; i++)
		make_vm(i);
	for (int vm = 0; vm < NICS / 2; vm++)
		h.pressed_ns[vm] = h.t_ns - (uint64_t)vm * COOL_NS * 2 / NICS;
	for (int n = 0; n < NICS; n++)
		/* rows of a minute do not all come at once */
		h.last_stored[n] = h.t_ns - (uint64_t)n * NSEC_PER_MIN / NICS;
}

int main(int argc, char **argv)
{
	unsigned int coarse = argc > 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0,
		     fine = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;

	if (argc < 2 || argc == 3 || argc > 5 || (argc > 3 && !(coarse + fine)) ||
	    (argc == 5 && !fine))
		return usage();
	open_store(argv[1], coarse + fine);
	if (coarse + fine)
		make_days(coarse, fine, argv[4]);
	else
		go_on();
	h.store = store_close(h.store);
	if (coarse + fine) {
		settle(argv[1]);
		printf("{\"until_s\":%llu,\"days\":%u,\"loss_rows\":%llu}\n",
		       (unsigned long long)(h.t_ns / NSEC_PER_SEC), coarse + fine,
		       (unsigned long long)h.loss_rows);
	}
	return 0;
}
