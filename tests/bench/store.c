/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a tick costs the store: CPU and wall time, bytes given to write(2), for an idle host, for
 * 200 and for 1,000 losing queues of 250 taps, each with traffic and device counters. Prints a
 * table; exit status 1 when 1,000 queues take 5 ms CPU or more. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collector/clock.h"
#include "agent/store/store.h"

#define TAPS 250
#define QUEUES 4
#define TICKS 300
#define LIMIT_MS 5.0

struct host {
	struct store *store;
	int64_t devices[TAPS], series[TAPS * QUEUES];
	struct store_loss loss[TAPS * QUEUES];
	struct store_baseline baselines[TAPS * QUEUES];
	struct store_traffic traffic[TAPS];
	struct store_device_counters counters[TAPS];
	uint64_t t_ns;
};

struct cost {
	double cpu_ms[TICKS], wall_ms[TICKS];
	double written;
};

static void must(int r, const struct host *h, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s (%s)\n", what, strerror(-r), h->store ? store_error(h->store) : "");
	exit(1);
}

static void make_tap(struct host *h, int i)
{
	char name[16], ident[40];
	struct store_vm vm = { .ident = ident, .uuid = ident, .name = name, .state = "running" };
	struct store_device dev = {
		.boot_id = "b",
		.name = name,
		.kind = "tap",
		.netns = 1,
		.ifindex = (uint32_t)i + 10,
		.since_ns = h->t_ns,
	};
	struct store_attachment a = {
		.queues = QUEUES,
		.ring_frames = 500,
		.mac = "52:54:00:00:00:01",
		.since_ns = h->t_ns,
	};
	bool known;

	snprintf(name, sizeof(name), "vnet%d", i);
	snprintf(ident, sizeof(ident), "00000000-0000-0000-0000-%012d", i);
	must(store_vm(h->store, &vm, h->t_ns, &a.vm_id), h, "vm");
	must(store_device(h->store, &dev, &a.device_id, &known), h, "device");
	h->devices[i] = a.device_id;
	struct store_series key = {
		.vm_id = a.vm_id,
		.device_id = a.device_id,
		.direction = "rx",
		.class = "PTR_FULL",
		.kind = "capacity",
		.reason = "FULL_RING",
		.site = "tun_net_xmit",
		.counter = "tx_dropped",
	};

	must(store_attachment(h->store, &a, &key.attachment_id), h, "attachment");
	for (int q = 0; q < QUEUES; q++) {
		int at = i * QUEUES + q;

		key.queue = q;
		must(store_series(h->store, &key, h->t_ns, &h->series[at]), h, "series");
		h->baselines[at].key = (struct tl_loss_key){
			.location = 0xffffffff81000000,
			.netns = 1,
			.ifindex = (uint32_t)i + 10,
			.reason = 70,
			.queue = (uint16_t)q,
			.kind = TL_KIND_TUN,
		};
	}
}

static void lose(struct host *h, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t frames = 1 + (i * 7919 + h->t_ns / NSEC_PER_SEC * 104729) % 5000;

		h->loss[i] = (struct store_loss){ h->series[i], frames, frames, frames * 1500 };
		h->baselines[i].total.frames += frames;
		h->baselines[i].total.segments += frames;
		h->baselines[i].total.bytes += frames * 1500;
	}
	for (unsigned int i = 0; i < n / QUEUES; i++) {
		struct link_counters *c = &h->counters[i].counters;

		c->tx_frames += 100000;
		c->tx_bytes += 150000000;
		c->tx_dropped += 10000;
		h->counters[i].device_id = h->devices[i];
		h->traffic[i] = (struct store_traffic){
			.device_id = h->devices[i],
			.span_ns = NSEC_PER_SEC,
			.rx_frames = 100000,
			.rx_bytes = 150000000,
			.tx_frames = 20000,
			.tx_bytes = 2000000,
			.rx_peak = 100000,
			.tx_peak = 20000,
		};
	}
}

static double cpu_ms(void)
{
	return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e6;
}

static double written_bytes(void)
{
	FILE *f = fopen("/proc/self/io", "r");
	unsigned long long n = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "wchar: %llu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return (double)n;
}

static void run(struct host *h, unsigned int n, struct cost *c)
{
	double before = written_bytes();

	for (int i = 0; i < TICKS; i++) {
		struct store_tick tick = {
			.span_ns = NSEC_PER_SEC,
			.loss = h->loss,
			.baselines = h->baselines,
			.traffic = h->traffic,
			.counters = h->counters,
			.n_loss = n,
			.n_baselines = n,
			.n_traffic = n / QUEUES,
			.n_counters = n / QUEUES,
		};
		double cpu, wall;

		tick.t_ns = h->t_ns += NSEC_PER_SEC;
		lose(h, n);
		cpu = cpu_ms();
		wall = (double)mono_ns() / 1e6;
		must(store_tick(h->store, &tick), h, "tick");
		c->cpu_ms[i] = cpu_ms() - cpu;
		c->wall_ms[i] = (double)mono_ns() / 1e6 - wall;
	}
	c->written = (written_bytes() - before) / TICKS;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double at(double *v, int permille)
{
	qsort(v, TICKS, sizeof(*v), by_value);
	return v[(TICKS - 1) * permille / 1000];
}

static double measure(struct host *h, const char *what, unsigned int n)
{
	static struct cost c;
	double median;

	run(h, n, &c);
	median = at(c.cpu_ms, 500);
	printf("%-24s %10.3f %10.3f %10.3f %10.3f %12.1f\n", what, median, at(c.cpu_ms, 990),
	       at(c.wall_ms, 500), at(c.wall_ms, 990), c.written / 1024);
	return median;
}

int main(int argc, char **argv)
{
	static struct host h;
	struct store_options opt = { 0 };
	char dir[] = "/var/tmp/taploss-bench-XXXXXX", why[SCHEMA_WHY], cmd[64];
	double worst;

	if (argc > 2 || (argc < 2 && !mkdtemp(dir)))
		return 2;
	if (store_open(argc > 1 ? argv[1] : dir, &opt, &h.store, why) < 0) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	h.t_ns = utc_ns();
	for (int i = 0; i < TAPS; i++)
		make_tap(&h, i);
	printf("%-24s %10s %10s %10s %10s %12s\n", "tick of the store", "cpu ms", "p99", "wall ms",
	       "p99", "KiB written");
	measure(&h, "idle", 0);
	measure(&h, "200 losing queues", 200);
	worst = measure(&h, "1,000 losing queues", 1000);
	store_close(h.store);
	if (argc < 2) {
		snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
		if (system(cmd))
			return 1;
	}
	printf("%s: 1,000 losing queues take %.2f ms CPU, allowed %.0f\n",
	       worst < LIMIT_MS ? "ok" : "TOO SLOW", worst, LIMIT_MS);
	return worst < LIMIT_MS ? 0 : 1;
}
