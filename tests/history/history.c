/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history DIR [DAYS] [VMS] [END_S]: writes the store of a host that does not exist. Not data: the
 * store says so itself (kernel "made-up" in its runs), and each report made of it shows a banner.
 *
 * DAYS (35) whole days that end at the midnight before END_S (now), minute by minute, with a day's
 * and a week's rhythm, noise, bursts, gaps in which nobody counted, and VMs that come and go. Its
 * truth is known, and printed as one JSON object a VM: grow-*    demand grows; loses at times over
 * its knee, and will meet it over-*    offered more than it takes every day flat-*    has room and
 * stays so; bursts overflow its ring now and then fault-*   bad headers at any rate fixed-*   its
 * knee was raised in the middle of the time, by a longer ring churn-*   is started anew every few
 * days: other devices, the same NIC and one VM with a name that means harm. Beside them each has
 * losses that are benign. vCPUs of over-* wait for a tenth of their time, others' for a hundredth;
 * how full the rings of fault-* are is not known, but when they lose. The same for the same
 * arguments. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "collector/clock.h"
#include "agent/store/store.h"

#define MAX_VMS 2000

static const char *const roles[] = { "grow", "over", "flat", "fault", "fixed", "churn" };
enum role { GROW, OVER, FLAT, FAULT, FIXED, CHURN };

struct vm {
	char name[96], ident[40];
	enum role role;
	/* frames/s on the first day; of it a day; frames/s */
	double level, growth, knee;
	int64_t id, device, attachment, full, fault, purge;
	struct link_counters counters;
	uint64_t total[3];
	unsigned int lives;
};

static struct {
	struct store *store;
	uint64_t random, start_ns;
	unsigned int days, n_vms;
	struct vm vms[MAX_VMS];
	struct store_traffic traffic[MAX_VMS];
	struct store_loss loss[MAX_VMS * 3];
	struct store_witness witnesses[MAX_VMS];
	struct store_device_counters counters[MAX_VMS];
	struct store_pressure pressure[MAX_VMS];
} h = { .random = 88172645463325252ULL };

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "history: %s: %s (%s)\n", what, strerror(-r),
		h.store ? store_error(h.store) : "");
	exit(1);
}

static double uniform(void)
{
	h.random ^= h.random << 13;
	h.random ^= h.random >> 7;
	h.random ^= h.random << 17;
	return (double)(h.random >> 11) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform() + 1e-300)) * cos(2 * M_PI * uniform());
}

static void make_series(struct vm *vm, uint64_t now_ns)
{
	struct store_series s = {
		.vm_id = vm->id,
		.attachment_id = vm->attachment,
		.device_id = vm->device,
		.queue = 0,
		.direction = "rx",
		.class = "PTR_FULL",
		.kind = "capacity",
		.reason = "FULL_RING",
		.site = "tun_net_xmit",
		.counter = "tx_dropped",
	};

	must(store_series(h.store, &s, now_ns, &vm->full), "series");
	s.direction = "tx", s.class = "VIRTNET_HDR", s.kind = "fault", s.reason = "DEV_HDR",
	s.site = "tun_get_user", s.counter = NULL;
	must(store_series(h.store, &s, now_ns, &vm->fault), "series");
	s.direction = "rx", s.class = "FILTER", s.kind = "policy", s.reason = "TAP_TXFILTER",
	s.site = "tun_net_xmit";
	must(store_series(h.store, &s, now_ns, &vm->purge), "series");
}

/* A life of the VM: another device each time, the same address. */
static void start_vm(struct vm *vm, unsigned int i, uint64_t now_ns)
{
	char ifname[24], mac[32];
	struct store_device dev = {
		.boot_id = "made-up",
		.name = ifname,
		.kind = "tap",
		.netns = 1,
		.ifindex = 10 + i + MAX_VMS * vm->lives,
		.since_ns = now_ns,
	};
	struct store_attachment a = {
		.vm_id = vm->id,
		.queues = 1,
		.ring_frames = 1000,
		.mac = mac,
		.backend = "vhost",
		.bridge = "br0",
		.since_ns = now_ns,
	};
	bool known;

	if (vm->lives++) {
		must(store_attachment_end(h.store, vm->attachment, now_ns), "end");
		must(store_device_end(h.store, vm->device, now_ns), "end");
	}
	snprintf(ifname, sizeof(ifname), "vnet%u", i + (vm->lives - 1) * 1000);
	snprintf(mac, sizeof(mac), "52:54:00:00:%02x:%02x", i / 256, i % 256);
	must(store_device(h.store, &dev, &vm->device, &known), "device");
	a.device_id = vm->device;
	must(store_attachment(h.store, &a, &vm->attachment), "attachment");
	vm->counters = (struct link_counters){ 0 };
	make_series(vm, now_ns);
}

static void make_vm(struct vm *vm, unsigned int i)
{
	vm->role = (enum role)(i % 6);
	snprintf(vm->name, sizeof(vm->name), "%s-%u", roles[vm->role], i / 6);
	if (i == 7)	/* what a tenant may call it */
		snprintf(vm->name, sizeof(vm->name), "%s",
			 "</script><script>document.title='owned'</script><img src=x "
			 "onerror=alert(1)>\"'&\n\x1b[31m\xe2\x80\xae=1+1");
	snprintf(vm->ident, sizeof(vm->ident), "00000000-0000-4000-8000-%012u", i);
	vm->level = exp(log(3000) + uniform() * log(60));
	vm->growth = vm->role == GROW ? 0.006 + 0.01 * uniform() : 0;
	vm->knee = vm->level * (vm->role == OVER ? 0.75
				: vm->role == GROW
					? (1 + vm->growth * h.days) * (1.25 + 0.3 * uniform())
				: vm->role == FIXED ? 0.8
				: vm->role == CHURN ? 1.3
						    : 2.5);
	must(store_vm(h.store,
		      &(struct store_vm){
			      .ident = vm->ident,
			      .uuid = vm->ident,
			      .name = vm->name,
			      .state = "running",
		      },
		      h.start_ns, &vm->id),
	     "vm");
	start_vm(vm, i, h.start_ns);
}

static double knee_on(const struct vm *vm, unsigned int day)
{
	return vm->role == FIXED && day >= h.days / 2 ? vm->knee * 2 : vm->knee;
}

/* Busiest second of the minute. */
static double demand(const struct vm *vm, unsigned int day, unsigned int minute)
{
	double hour = minute / 60.0, hump = 0.35 + 0.65 * exp(-(hour - 14) * (hour - 14) / 18) +
					    0.2 * exp(-(hour - 20) * (hour - 20) / 4);
	/* Thursday and Friday: somebody's weekend */
	double week = (h.start_ns / NSEC_PER_DAY + day) % 7 < 2 ? 0.7 : 1;

	return vm->level * (1 + vm->growth * day) * week * hump * exp(0.08 * normal()) *
	       (uniform() < 0.002 ? 1.5 + 2 * uniform() : 1);
}

/* As an agent notices it. */
static void lengthen_ring(const struct vm *vm, unsigned int i, uint64_t now_ns)
{
	char mac[32];
	struct store_attachment a = {
		.vm_id = vm->id,
		.device_id = vm->device,
		.queues = 1,
		.ring_frames = 4000,
		.mac = mac,
		.backend = "vhost",
		.bridge = "br0",
		.since_ns = now_ns,
	};
	int64_t id;

	snprintf(mac, sizeof(mac), "52:54:00:00:%02x:%02x", i / 256, i % 256);
	must(store_attachment(h.store, &a, &id), "ring");
}

static void add_loss(struct store_tick *t, int64_t series, uint64_t frames)
{
	if (frames)
		h.loss[t->n_loss++] = (struct store_loss){ series, frames, frames, frames * 900 };
}

/* As full as it is near its knee; full when it loses. A look a second finds a tenth of that on
 * average. */
static struct store_headroom rings(const struct vm *vm, unsigned int day, double load, bool full)
{
	uint64_t ring = vm->role == FIXED && day >= h.days / 2 ? 4000 : 1000,
		 most = full || load >= 0.95 ? 949 * ring / 1000 : (uint64_t)(load * (double)ring);
	uint64_t peak = full ? ring : most;

	if (vm->role == FAULT)
		return (struct store_headroom){ .known = full, .peak = full ? ring : 0 };
	return (struct store_headroom){
		.known = true,
		.peak = peak,
		.free = ring - peak,
		.samples = 60,
		.sum = 6 * most,
	};
}

/* Five minutes of four vCPUs and a vhost worker. */
static void add_pressure(struct store_tick *t, const struct vm *vm)
{
	uint64_t span = 5 * NSEC_PER_MIN;

	h.pressure[t->n_pressure++] = (struct store_pressure){
		.vm_id = vm->id,
		.t_ns = t->t_ns,
		.span_ns = span,
		.vcpus = 4,
		.vhosts = 1,
		.vcpu_run_ns = span,
		.vcpu_wait_ns = 4 * span / (vm->role == OVER ? 10 : 100),
		.vhost_run_ns = span / 5,
		.vhost_wait_ns = span / 50,
		.emulator_run_ns = span / 100,
	};
}

static void one_vm(struct store_tick *t, struct vm *vm, unsigned int day, unsigned int minute)
{
	double peak = demand(vm, day, minute), knee = knee_on(vm, day),
	       over = peak - knee * exp(0.01 * normal());
	uint64_t full = over > 0	     ? 1 + (uint64_t)(over * (1 + 3 * uniform()))
			: uniform() < 0.0005 ? 1 + (uint64_t)(peak / 100)
					     : 0;
	uint64_t fault = vm->role == FAULT && uniform() < 0.02 ? 1 + (uint64_t)(uniform() * 50) : 0,
		 benign = uniform() < 0.01 ? 5 : 0;
	uint64_t frames = (uint64_t)(peak * 40);

	h.traffic[t->n_traffic++] = (struct store_traffic){
		.device_id = vm->device,
		.span_ns = NSEC_PER_MIN,
		.rx_frames = frames,
		.rx_bytes = frames * 900,
		.tx_frames = frames / 3,
		.tx_bytes = frames * 30,
		.rx_peak = (uint64_t)peak,
		.tx_peak = (uint64_t)(peak / 3),
		.rx_lost = full,
		.headroom = rings(vm, day, peak / knee, full > 0),
	};
	add_loss(t, vm->full, full);
	add_loss(t, vm->fault, fault);
	add_loss(t, vm->purge, benign);
	if (full)
		h.witnesses[t->n_witnesses++] =
			(struct store_witness){ vm->device, "tx_dropped", full };
	vm->counters.tx_frames += frames;
	vm->counters.rx_frames += frames / 3;
	vm->counters.tx_dropped += full;
	h.counters[t->n_counters++] = (struct store_device_counters){ vm->device, vm->counters };
	vm->total[0] += full;
	vm->total[1] += fault;
	vm->total[2] += benign;
}

static void one_minute(unsigned int day, unsigned int minute)
{
	struct store_tick t = {
		.t_ns = h.start_ns + day * NSEC_PER_DAY + (minute + 1) * NSEC_PER_MIN,
		.span_ns = NSEC_PER_MIN,
		.loss = h.loss,
		.traffic = h.traffic,
		.witnesses = h.witnesses,
		.counters = h.counters,
		.pressure = h.pressure,
	};

	if (day % 9 == 4 && minute >= 180 && minute < 240)
		return;		/* nobody counted */
	t.gap = (!day && !minute) || (day % 9 == 4 && minute == 240);
	for (unsigned int i = 0; i < h.n_vms; i++) {
		struct vm *vm = &h.vms[i];

		if (vm->role == CHURN && day % 5 == 0 && day && minute == 300 + i % 60)
			start_vm(vm, i, t.t_ns - NSEC_PER_MIN);
		if (vm->role == FIXED && day == h.days / 2 && !minute && day)
			lengthen_ring(vm, i, t.t_ns - NSEC_PER_MIN);
		one_vm(&t, vm, day, minute);
		if (minute % 5 == 4)
			add_pressure(&t, vm);
	}
	must(store_tick(h.store, &t), "tick");
}

static void print_truth(void)
{
	for (unsigned int i = 0; i < h.n_vms; i++) {
		const struct vm *vm = &h.vms[i];

		printf("{\"uuid\":\"%s\",\"role\":\"%s\",\"level_fps\":%.0f,\"growth_pct_30d\":%."
		       "3f,\"knee_fps\":%.0f,\"full_frames\":%llu,\"fault_frames\":%llu,\"benign_"
		       "frames\":%llu}\n",
		       vm->ident, roles[vm->role], vm->level,
		       vm->growth * 3000 / (1 + vm->growth * (h.days - 1)), knee_on(vm, h.days - 1),
		       (unsigned long long)vm->total[0], (unsigned long long)vm->total[1],
		       (unsigned long long)vm->total[2]);
	}
}

int main(int argc, char **argv)
{
	const struct store_options opt = { 0 };
	char why[SCHEMA_WHY];
	uint64_t end_ns;

	if (argc < 2 || argc > 5) {
		fprintf(stderr, "usage: history DIR [DAYS] [VMS] [END_S]\n");
		return 2;
	}
	h.days = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 35;
	h.n_vms = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 12;
	end_ns = argc > 4 ? strtoull(argv[4], NULL, 10) * NSEC_PER_SEC : utc_ns();
	if (!h.days || !h.n_vms || h.n_vms > MAX_VMS)
		return 2;
	h.start_ns = end_ns - end_ns % NSEC_PER_DAY - h.days * NSEC_PER_DAY;
	if (store_open(argv[1], &opt, &h.store, why) < 0) {
		fprintf(stderr, "history: %s\n", why);
		return 1;
	}
	must(store_run_begin(h.store,
			     &(struct store_run){
				     .pid = 1,
				     .version = TAPLOSS_VERSION,
				     .kernel = "made-up",
				     .reasons = 100,
				     .interval_ns = NSEC_PER_MIN,
				     .since_ns = h.start_ns,
			     }),
	     "run");
	for (unsigned int i = 0; i < h.n_vms; i++)
		make_vm(&h.vms[i], i);
	for (unsigned int day = 0; day < h.days; day++)
		for (unsigned int minute = 0; minute < 1440; minute++)
			one_minute(day, minute);
	store_close(h.store);
	print_truth();
	return 0;
}
