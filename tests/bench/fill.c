/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fill DIR [END_S] [HOURS]: makes a store of HOURS (24) that end at END_S (UTC seconds; now), as an
 * agent on a big host would have written it: 1,000 VMs with 4 queues each; 5 % of the VMs lose
 * frames in bursts of five seconds about every five minutes and queue, the others in one burst a
 * day; a row of traffic a minute for the 70 % that are active. The same each time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/clock.h"
#include "agent/store/store.h"

#define VMS 1000
#define QUEUES 4
#define LOSSY 50		/* VMs */
#define ACTIVE 700
#define BURST_S 5
#define PERIOD_S 300

struct host {
	struct store *store;
	uint64_t random;
	int64_t devices[VMS], series[VMS * QUEUES];
	uint64_t totals[VMS * QUEUES];
	/* start of the next burst, seconds from the start */
	uint32_t next_s[VMS * QUEUES];
	struct store_loss loss[VMS * QUEUES];
	struct store_baseline baselines[VMS * QUEUES];
	struct store_witness witnesses[VMS];
	struct store_traffic traffic[VMS];
	uint64_t rows;
};

static void must(int r, const struct host *h, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "fill: %s: %s (%s)\n", what, strerror(-r), store_error(h->store));
	exit(1);
}

static uint32_t random_below(struct host *h, uint32_t n)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return (uint32_t)((h->random >> 32) % n);
}

static void make_vm(struct host *h, int i, uint64_t now_ns)
{
	static const char *const classes[][4] = {
		{ "PTR_FULL", "capacity", "FULL_RING", "tun_net_xmit" },
		{ "VIRTNET_HDR", "fault", "DEV_HDR", "tun_get_user" },
	};
	const char *const *c = classes[i % 20 == 19];
	char name[16], ident[40], ifname[16], mac[18];
	struct store_vm vm = { .ident = ident, .uuid = ident, .name = name, .state = "running" };
	struct store_device dev = {
		.boot_id = "fill",
		.name = ifname,
		.kind = "tap",
		.netns = 1,
		.ifindex = (uint32_t)i + 10,
		.since_ns = now_ns,
	};
	struct store_attachment a = {
		.queues = QUEUES,
		.ring_frames = 500,
		.mac = mac,
		.backend = "vhost",
		.bridge = "br0",
		.since_ns = now_ns,
	};
	bool known;

	snprintf(name, sizeof(name), "vm-%04d", i);
	snprintf(ifname, sizeof(ifname), "vnet%d", i);
	snprintf(ident, sizeof(ident), "00000000-0000-4000-8000-%012d", i);
	snprintf(mac, sizeof(mac), "52:54:00:00:%02x:%02x", i / 256, i % 256);
	must(store_vm(h->store, &vm, now_ns, &a.vm_id), h, "vm");
	must(store_device(h->store, &dev, &a.device_id, &known), h, "device");
	h->devices[i] = a.device_id;
	struct store_series key = {
		.vm_id = a.vm_id,
		.device_id = a.device_id,
		.direction = c == classes[0] ? "rx" : "tx",
		.class = c[0],
		.kind = c[1],
		.reason = c[2],
		.site = c[3],
		.counter = c == classes[0] ? "tx_dropped" : "rx_dropped",
	};

	must(store_attachment(h->store, &a, &key.attachment_id), h, "attachment");
	for (key.queue = 0; key.queue < QUEUES; key.queue++)
		must(store_series(h->store, &key, now_ns, &h->series[i * QUEUES + key.queue]), h,
		     "series");
}

static uint32_t next_burst(struct host *h, int vm)
{
	return vm < LOSSY ? PERIOD_S / 2 + random_below(h, PERIOD_S) : random_below(h, 86400);
}

/* One queue in the second @at. */
static void lose(struct host *h, struct store_tick *t, int q, uint32_t at)
{
	uint64_t frames = 1 + random_below(h, q % 3 ? 200 : 20000);
	int vm = q / QUEUES;

	h->totals[q] += frames;
	h->loss[t->n_loss++] = (struct store_loss){ h->series[q], frames, frames, frames * 1514 };
	h->baselines[t->n_baselines++] = (struct store_baseline){
		.key = {
			.location = 0xffffffff81000000,
			.netns = 1,
			.ifindex = (uint32_t)vm + 10,
			.reason = 70,
			.queue = (uint16_t)(q % QUEUES),
			.kind = TL_KIND_TUN,
		},
		.total = { h->totals[q], h->totals[q], h->totals[q] * 1514, 1 } };
	if (!t->n_witnesses || h->witnesses[t->n_witnesses - 1].device_id != h->devices[vm])
		h->witnesses[t->n_witnesses++] =
			(struct store_witness){ h->devices[vm],
						vm % 20 == 19 ? "rx_dropped" : "tx_dropped", 0 };
	h->witnesses[t->n_witnesses - 1].frames += frames;
	if (at >= h->next_s[q] + BURST_S - 1)
		h->next_s[q] = vm < LOSSY ? at + next_burst(h, vm) : UINT32_MAX - BURST_S;
}

static void add_traffic(struct host *h, struct store_tick *t)
{
	for (unsigned int i = 0; i < ACTIVE; i++) {
		uint64_t frames = 1000 + random_below(h, 1000000);

		h->traffic[t->n_traffic++] = (struct store_traffic){ h->devices[i],
								     NSEC_PER_MIN,
								     frames,
								     frames * 900,
								     frames / 2,
								     frames * 40,
								     .rx_peak = frames / 30,
								     .tx_peak = frames / 50 };
	}
}

static void one_second(struct host *h, uint64_t start_ns, uint32_t at)
{
	struct store_tick t = {
		.t_ns = start_ns + (at + 1ULL) * NSEC_PER_SEC,
		.span_ns = NSEC_PER_SEC,
		.gap = at == 0,
		.loss = h->loss,
		.baselines = h->baselines,
		.witnesses = h->witnesses,
		.traffic = h->traffic,
	};

	for (int q = 0; q < VMS * QUEUES; q++)
		if (h->next_s[q] <= at)
			lose(h, &t, q, at);
	if (at % 60 == 59)
		add_traffic(h, &t);
	h->rows += t.n_loss;
	must(store_tick(h->store, &t), h, "tick");
}

int main(int argc, char **argv)
{
	static struct host h = { .random = 88172645463325252ULL };
	const struct store_options opt = { 0 };
	char why[SCHEMA_WHY];
	uint64_t end_ns, start_ns;
	uint32_t seconds;

	if (argc < 2 || argc > 4) {
		fprintf(stderr, "usage: fill DIR [END_S] [HOURS]\n");
		return 2;
	}
	end_ns = argc > 2 ? strtoull(argv[2], NULL, 10) * NSEC_PER_SEC : utc_ns();
	seconds = (argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 24) * 3600;
	start_ns = end_ns - seconds * NSEC_PER_SEC;
	if (store_open(argv[1], &opt, &h.store, why) < 0) {
		fprintf(stderr, "fill: %s\n", why);
		return 1;
	}
	must(store_run_begin(h.store,
			     &(struct store_run){
				     .pid = 1,
				     .version = TAPLOSS_VERSION,
				     .kernel = "fill",
				     .reasons = 100,
				     .interval_ns = NSEC_PER_SEC,
				     .since_ns = start_ns,
			     }),
	     &h, "run");
	for (int i = 0; i < VMS; i++)
		make_vm(&h, i, start_ns);
	for (int q = 0; q < VMS * QUEUES; q++)
		h.next_s[q] = next_burst(&h, q / QUEUES);
	for (uint32_t at = 0; at < seconds; at++)
		one_second(&h, start_ns, at);
	store_close(h.store);
	printf("%llu rows of loss\n", (unsigned long long)h.rows);
	return 0;
}
