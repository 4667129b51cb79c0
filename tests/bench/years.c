/* SPDX-License-Identifier: GPL-2.0-or-later */
/* years DIR COARSE FINE: a made-up big host, 1,000 VMs of 2 NICs, both directions, 2 % of the 4,000 losing frames at any time in bursts of
 * 20 s. COARSE days by the minute, then FINE days by the second, up to the last midnight; closed days are looked after by the store's thread as in an
 * agent. Prints one JSON object: days, rows, the cost of ticks of the last day. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/clock.h"
#include "agent/store.h"

#define NICS 2000
#define SERIES (2 * NICS)
#define LOSING (SERIES / 50)
#define BURST_S 20

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
	uint64_t totals[SERIES], loss_rows;
} h = { .random = 88172645463325252ULL };

static double cost_ms[86400];
static unsigned int n_costs;

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "years: %s: %s (%s)\n", what, strerror(-r), h.store ? store_error(h.store) : "");
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
		struct store_device dev = { .boot_id = "made-up", .name = name, .kind = "tap", .netns = 1, .ifindex = (uint32_t)(i * 2 + n + 10), .since_ns = h.t_ns };
		struct store_attachment a = { .vm_id = vm_id, .queues = 1, .ring_frames = 1000, .mac = mac, .backend = "vhost", .since_ns = h.t_ns };
		struct store_series s = { .vm_id = vm_id, .queue = 0, .direction = "rx", .class = "PTR_FULL", .kind = "capacity", .reason = "FULL_RING",
					  .site = "tun_net_xmit", .counter = "tx_dropped" };

		snprintf(name, sizeof(name), "vnet%d", i * 2 + n);
		snprintf(mac, sizeof(mac), "52:54:00:%02x:%02x:%02x", n, i / 256, i % 256);
		must(store_device(h.store, &dev, &s.device_id, &known), "device");
		h.devices[i * 2 + n] = a.device_id = s.device_id;
		must(store_attachment(h.store, &a, &s.attachment_id), "attachment");
		must(store_series(h.store, &s, h.t_ns, &h.series[4 * i + 2 * n]), "series");
		s.direction = "tx", s.class = "SKB_COPY_DATA", s.kind = "fault", s.reason = "SKB_UCOPY_FAULT", s.site = "tun_get_user", s.counter = "rx_dropped";
		must(store_series(h.store, &s, h.t_ns, &h.series[4 * i + 2 * n + 1]), "series");
	}
}

static void add_traffic(struct store_tick *t, int nic, uint64_t lost, bool tx, uint64_t span_ns)
{
	uint64_t rate = 2000 + (uint64_t)nic * 37 % 90000 + below(5000), frames = rate * span_ns / NSEC_PER_SEC;
	struct store_traffic *x = &h.traffic[t->n_traffic++];

	*x = (struct store_traffic){ .device_id = h.devices[nic], .span_ns = span_ns, .rx_frames = frames, .rx_bytes = frames * 900, .tx_frames = frames / 2,
				     .tx_bytes = frames * 40, .rx_peak = rate + lost, .tx_peak = rate / 2, .rx_lost = tx ? 0 : lost, .tx_lost = tx ? lost : 0 };
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
	h.loss[t->n_loss++] = (struct store_loss){ h.series[q], frames, frames, frames * 900 };
	h.baselines[t->n_baselines++] = (struct store_baseline){ .key = { .location = 0xffffffff81000000, .netns = 1, .ifindex = nic + 10, .reason = (uint16_t)(70 + q % 2),
									  .kind = TL_KIND_TUN }, .total = { .frames = h.totals[q], .born_ns = 1 } };
	h.witnesses[t->n_witnesses++] = (struct store_witness){ h.devices[nic], q % 2 ? "rx_dropped" : "tx_dropped", frames };
	if (span)
		add_traffic(t, (int)nic, frames, q % 2, span);
}

static void one_tick(uint64_t step_ns, bool first)
{
	unsigned int seconds = (unsigned int)(step_ns / NSEC_PER_SEC), bursts = seconds > BURST_S ? seconds / BURST_S : 1;
	struct store_tick t = { .t_ns = h.t_ns += step_ns, .span_ns = step_ns, .gap = first, .loss = h.loss, .baselines = h.baselines, .witnesses = h.witnesses,
				.traffic = h.traffic, .counters = h.rows };
	double before;

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
	h.loss_rows += t.n_loss;
	before = (double)mono_ns() / 1e6;
	must(store_tick(h.store, &t), "tick");
	if (step_ns == NSEC_PER_SEC && n_costs < 86400)
		cost_ms[n_costs++] = (double)mono_ns() / 1e6 - before;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	const struct store_options opt = { .fine_days = 7, .fine_bytes = 1ULL << 30, .retention_days = 90, .max_bytes = 2ULL << 30, .background = true };
	char why[SCHEMA_WHY];
	unsigned int coarse = argc == 4 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0, fine = argc == 4 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;

	if (argc != 4)
		return 2;
	if (store_open(argv[1], &opt, &h.store, why) < 0) {
		fprintf(stderr, "years: %s\n", why);
		return 1;
	}
	h.t_ns = utc_ns() / NSEC_PER_DAY * NSEC_PER_DAY - (coarse + fine) * NSEC_PER_DAY;
	must(store_run_begin(h.store, &(struct store_run){ .version = TAPLOSS_VERSION, .kernel = "made-up", .interval_ns = NSEC_PER_SEC, .since_ns = h.t_ns }), "run");
	for (int i = 0; i < NICS / 2; i++)
		make_vm(i);
	for (int n = 0; n < NICS; n++)
		h.last_stored[n] = h.t_ns - (uint64_t)n * NSEC_PER_MIN / NICS;	/* rows of a minute do not all come at once */
	for (unsigned int i = 0; i < coarse * 1440; i++)
		one_tick(NSEC_PER_MIN, !i);
	for (unsigned int i = 0; i < fine * 86400; i++) {
		if (i % 86400 == 0)
			n_costs = 0;
		one_tick(NSEC_PER_SEC, !i && !coarse);
	}
	store_close(h.store);
	qsort(cost_ms, n_costs, sizeof(*cost_ms), by_value);
	printf("{\"days\":%u,\"loss_rows\":%llu,\"tick_ms\":{\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f}}\n", coarse + fine, (unsigned long long)h.loss_rows,
	       n_costs ? cost_ms[n_costs / 2] : 0, n_costs ? cost_ms[n_costs * 99 / 100] : 0, n_costs ? cost_ms[n_costs * 999 / 1000] : 0,
	       n_costs ? cost_ms[n_costs - 1] : 0);
	return 0;
}
