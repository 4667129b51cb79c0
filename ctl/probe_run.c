/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../collector/base.h"
#include "probe_channel.h"
#include "probe_loss.h"
#include "probe_report.h"
#include "probe_send.h"
#include "probe_store.h"
#include "when.h"

#define ANSWER_MS 10000
#define REPORT_MS 30000
#define DRAIN_MS 30000	/* at most, for what is on its way to the guest */
#define QUIET_MS 300
#define KVM_BOOT_SECONDS 15	/* a guest that runs at all has answered by then */
#define SLACK_NS (20 * NSEC_PER_MSEC)

struct run {
	const struct probe_options *opt;
	sqlite3 *db;
	int64_t id;
	struct probe_vm *vm;
	struct vm_facts facts;
	struct image image;
	struct channel channel;
	struct probe_loss *loss;
	const char *from;
	uint8_t mac[6];
	uint32_t number;	/* of the run of frames: none of another one counts */
	char *why;
};

static int fail(struct run *run, int r, const char *what)
{
	if (!vm_runs(run->vm))
		snprintf(run->why, 512, "%.200s: the guest has ended", what);
	else if (r == -ETIMEDOUT)
		snprintf(run->why, 512, "%.200s: the guest does not answer", what);
	else if (r == -EMSGSIZE || r == -EBADMSG || r == -EOVERFLOW)
		snprintf(run->why, 512, "%.200s: the guest answers what no probe says", what);
	else
		snprintf(run->why, 512, "%.200s: %s", what, strerror(-r));
	return r;
}

static int ask(struct run *run, const char *line, char *ret, const char *what)
{
	char words[WIRE_LINE];
	int r = channel_ask(&run->channel, line, ret, words, ANSWER_MS);

	if (r == -EREMOTEIO)
		snprintf(run->why, 512, "%.100s: the guest says: %.150s", what, words);
	return r == -EREMOTEIO ? r : r < 0 ? fail(run, r, what) : 0;
}

/* Its first answer comes when it has booted. */
static int wait_for_guest(struct run *run, unsigned long seconds)
{
	uint64_t end = now_ns() + seconds * NSEC_PER_SEC;
	char line[WIRE_LINE] = "", rest[WIRE_LINE];
	int version = 0, r = channel_open(&run->channel, run->facts.channel, ANSWER_MS);

	if (r == 0)
		r = channel_say(&run->channel, "hello", ANSWER_MS);
	if (r < 0)
		return fail(run, r, run->facts.channel);
	do {
		r = channel_line(&run->channel, line, 200);
	} while (r == -ETIMEDOUT && now_ns() < end && vm_runs(run->vm));
	if (r < 0)
		return fail(run, r, "booting the probe VM");
	if (sscanf(line, "probe %d %100s", &version, rest) != 2)
		return fail(run, -EBADMSG, "hello");
	if (version != WIRE_VERSION) {
		snprintf(run->why, 512, "the probe in the guest speaks version %d, this taplossctl %d: install the taploss-probe that came with it", version,
			 WIRE_VERSION);
		return -EPROTO;
	}
	probe_store_guest(run->db, run->id, run->facts.tap, rest, run->facts.kvm ? "kvm" : "tcg");
	r = channel_line(&run->channel, line, ANSWER_MS);
	return r < 0 || strcmp(line, "ok") != 0 ? fail(run, r < 0 ? r : -EBADMSG, "hello") : 0;
}

static int count(struct run *run, unsigned long long *ret, unsigned long long *ret_foreign)
{
	char line[WIRE_LINE] = "";
	int r = ask(run, "count", line, "counting");

	if (r < 0)
		return r;
	return sscanf(line, "count %llu %llu", ret, ret_foreign) == 2 ? 0 : fail(run, -EBADMSG, "counting");
}

/* Until nothing more comes. */
static int drain(struct run *run)
{
	unsigned long long frames = 0, foreign = 0, last = 0;
	uint64_t end = now_ns() + DRAIN_MS * NSEC_PER_MSEC, moved = now_ns();
	struct tap_counters tap, before = { 0 };
	int r = 0;

	while (r == 0 && now_ns() < end && now_ns() < moved + QUIET_MS * NSEC_PER_MSEC) {
		r = count(run, &frames, &foreign);
		if (r == 0)
			r = tap_counters_read(run->facts.tap, &tap);
		if (r == 0 && (frames + foreign != last || memcmp(&tap, &before, sizeof(tap)) != 0))
			moved = now_ns();
		last = frames + foreign;
		before = tap;
		usleep(20000);
	}
	return r;
}

static int start_capture(struct run *run, int ring, uint32_t expect)
{
	const struct probe_options *o = run->opt;
	char line[WIRE_LINE];

	snprintf(line, sizeof(line), "capture %u %d %lu %lu %u %s", ++run->number, ring, o->block_bytes, o->ring_blocks, expect, run->facts.mac);
	return ask(run, line, NULL, "starting the capture");
}

/* Frames of another number until the guest says that it sees them: the path works, bridges know the address. */
static int warm_up(struct run *run)
{
	struct send_plan plan = { .nic = run->from, .run = 0, .frames = 1, .len = WIRE_MIN_LEN, .pps = 1000 };
	unsigned long long frames, foreign = 0;
	uint64_t end = now_ns() + ANSWER_MS * NSEC_PER_MSEC;
	int r = start_capture(run, 3, 1);

	memcpy(plan.to, run->mac, 6);
	while (r == 0 && !foreign && now_ns() < end) {
		struct send_result sent;

		r = send_frames(&plan, &sent, run->why);
		free(sent.batch_ns);
		usleep(20000);
		if (r == 0)
			r = count(run, &frames, &foreign);
	}
	if (r == 0 && !foreign) {
		snprintf(run->why, 512, "no frame sent into %.20s reaches the probe VM on %.20s (--from DEV)", run->from, run->facts.tap);
		return -EHOSTUNREACH;
	}
	return r == 0 ? drain(run) : r;
}

static int take_report(struct run *run, struct probe_report *rep, uint32_t sent)
{
	uint64_t end = now_ns() + REPORT_MS * NSEC_PER_MSEC;
	char line[WIRE_LINE], what[128];
	int r = channel_say(&run->channel, "report", ANSWER_MS);

	while (r == 0) {
		r = now_ns() > end ? -ETIMEDOUT : channel_line(&run->channel, line, ANSWER_MS);
		if (r == 0 && !strcmp(line, "ok"))
			break;
		if (r == 0)
			r = report_line(rep, line);
	}
	if (r < 0)
		return fail(run, r, "report");
	r = report_end(rep, sent, what);
	if (r < 0)
		snprintf(run->why, 512, "the guest's report cannot be: %s", what);
	return r;
}

/* To UTC. */
static uint64_t boot_offset(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return now_ns() - ((uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec);
}

/* What came, and where the rest went. */
static int settle(struct run *run, struct probe_step *s, struct probe_report *rep, const struct send_result *sent)
{
	struct ledger_burst *bursts = NULL;
	uint64_t utc = boot_offset();
	int64_t vmm;
	size_t n = 0;
	int ring, r;

	s->ledger.sent = sent->sent;
	s->ledger.captured = rep->frames;
	ring = ledger_add(&s->ledger, "guest-ring", "", rep->ring_drops);
	ledger_add(&s->ledger, "guest-nic", "", rep->nic_dropped);
	vmm = (int64_t)(s->tap_delivered - rep->nic_packets - rep->nic_dropped);
	ledger_add(&s->ledger, "vmm", "", vmm > 0 ? (uint64_t)vmm : 0);
	r = probe_loss_read(run->loss, &s->ledger, &bursts, &n);
	if (r < 0)
		return fail(run, r, "reading the kernel's loss counters");
	ledger_balance(&s->ledger);
	for (size_t i = 0; i < rep->n_spots; i++)
		rep->spots[i].entry = (size_t)ring;
	for (size_t i = 0; i < rep->n_gaps; i++) {
		struct ledger_gap *g = &rep->gaps[i];

		g->from_ns = sent->batch_ns[g->first / SEND_BATCH];
		g->to_ns = sent->batch_ns[(g->first + g->count - 1) / SEND_BATCH + 1];
	}
	ledger_explain(&s->ledger, rep->gaps, rep->n_gaps, rep->spots, rep->n_spots, bursts, n, SLACK_NS);
	free(bursts);
	for (size_t i = 0; i < rep->n_gaps; i++) {
		rep->gaps[i].from_ns += utc;
		rep->gaps[i].to_ns += utc;
	}
	s->gaps = rep->gaps;
	s->n_gaps = rep->n_gaps;
	s->began_ns = sent->began_ns + utc;
	s->span_ns = sent->ended_ns - sent->began_ns;
	s->guest_cpu_ns = rep->cpu_ns;
	s->guest_wall_ns = rep->wall_ns;
	return 0;
}

static int do_step(struct run *run, int i, struct probe_report *rep, struct send_result *sent)
{
	static const char *const rings[] = { "", "V1", "V2", "V3" };
	const struct probe_options *o = run->opt;
	struct probe_step s = { .ring = rings[o->steps[i].ring], .ring_bytes = o->ring_blocks * o->block_bytes, .pps = o->steps[i].pps };
	struct send_plan plan = { .nic = run->from, .frames = (uint32_t)o->frames, .len = (uint32_t)o->len, .pps = o->steps[i].pps };
	struct tap_counters before, after;
	int r = start_capture(run, o->steps[i].ring, (uint32_t)o->frames);

	memcpy(plan.to, run->mac, 6);
	plan.run = run->number;
	if (r == 0)
		r = probe_loss_mark(run->loss);
	if (r == 0)
		r = tap_counters_read(run->facts.tap, &before);
	if (r == 0)
		r = send_frames(&plan, sent, run->why);
	if (r == 0)
		r = drain(run);
	if (r == 0)
		r = tap_counters_read(run->facts.tap, &after);
	if (r < 0)
		return r;
	s.tap_delivered = after.delivered - before.delivered;
	s.tap_dropped = after.dropped - before.dropped;
	r = take_report(run, rep, sent->sent);
	if (r == 0)
		r = settle(run, &s, rep, sent);
	return r < 0 ? r : probe_store_step(run->db, run->id, i, &s);
}

static int do_steps(struct run *run)
{
	int r = warm_up(run);

	for (size_t i = 0; i < run->opt->n_steps && r == 0; i++) {
		struct send_result sent = { 0 };
		struct probe_report rep;

		r = report_new(&rep);
		if (r == 0)
			r = do_step(run, (int)i, &rep, &sent);
		report_clear(&rep);
		free(sent.batch_ns);
	}
	return r;
}

/* There are machines with a /dev/kvm on which no guest runs. */
static int boot(struct run *run)
{
	const struct probe_options *o = run->opt;
	struct vm_options without = o->vm;
	unsigned long limit = o->boot_seconds;
	int r = vm_start(&o->vm, &run->image, &run->vm, &run->facts, run->why);

	if (r < 0)
		return r;
	if (!run->facts.kvm)
		return wait_for_guest(run, limit);
	r = wait_for_guest(run, limit < KVM_BOOT_SECONDS ? limit : KVM_BOOT_SECONDS);
	if (r != -ETIMEDOUT)
		return r;
	channel_close(&run->channel);
	run->vm = vm_stop(run->vm);
	without.no_kvm = true;
	r = vm_start(&without, &run->image, &run->vm, &run->facts, run->why);
	return r < 0 ? r : wait_for_guest(run, limit);
}

static int begin(struct run *run)
{
	const struct probe_options *o = run->opt;
	char why[512] = "";
	int r = probe_loss_open(&run->loss, why);

	if (r < 0)
		snprintf(run->why, 512, "the kernel's losses cannot be counted: %.400s", why[0] ? why : strerror(-r));
	if (r == 0)
		r = image_make(&run->image, o->kernel, o->modules, o->probe, run->why);
	if (r == 0)
		r = boot(run);
	if (r < 0)
		return r;
	run->from = o->from ? o->from : run->facts.bridge;
	if (!run->from[0]) {
		snprintf(run->why, 512, "frames for a macvtap have to come in from elsewhere: name an interface to send from (--from DEV)");
		return -EINVAL;
	}
	sscanf(run->facts.mac, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &run->mac[0], &run->mac[1], &run->mac[2], &run->mac[3], &run->mac[4],
	       &run->mac[5]);
	r = probe_loss_watch(run->loss, run->facts.tap, run->mac);
	return r < 0 ? fail(run, r, run->facts.tap) : 0;
}

int probe_run(const struct probe_options *opt, sqlite3 *db, int64_t *ret_id, char why[static 512])
{
	struct run run = { .opt = opt, .db = db, .channel.fd = -1, .why = why };
	char target[160];
	int r;

	why[0] = '\0';
	if (getrandom(&run.number, sizeof(run.number), 0) < 0)
		run.number = (uint32_t)now_ns();
	run.number = run.number % (UINT32_MAX / 2) + 1;
	snprintf(target, sizeof(target), "%s %.120s", opt->vm.type, opt->vm.source);
	r = probe_store_begin(db, target, (unsigned int)opt->len, &run.id);
	if (r < 0) {
		snprintf(why, 512, "the store: %s", sqlite3_errmsg(db));
		return r;
	}
	*ret_id = run.id;
	r = begin(&run);
	if (r == 0)
		r = do_steps(&run);
	if (r < 0 && !why[0])
		snprintf(why, 512, "%s", strerror(-r));
	channel_close(&run.channel);
	vm_stop(run.vm);
	image_remove(&run.image);	/* not earlier: libvirt gives files back to whom they belonged */
	probe_loss_close(run.loss);
	probe_store_end(db, run.id, r < 0 ? why : NULL);
	return r;
}
