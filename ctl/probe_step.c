/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe_step.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../collector/base.h"
#include "probe_send.h"
#include "probe_stop.h"
#include "probe_store.h"
#include "when.h"

#define WARM_UP_MS 10000
#define DRAIN_MS 30000	/* at most, for what is on its way to the guest */
#define QUIET_MS 300
#define STILL_MS 2000
#define SLACK_NS (20 * NSEC_PER_MSEC)

struct step {
	struct probe_step s;
	struct probe_report report;
	struct send_result sent;
	struct tap_counters before;
};

static int count(struct probe *p, uint64_t *ret, uint64_t *ret_foreign)
{
	int r = guest_count(&p->guest, ret, ret_foreign);

	if (r == 0)
		p->counted = *ret;
	return r;
}

/* Until nothing more comes. */
static int drain(struct probe *p)
{
	uint64_t frames = 0, foreign = 0, last = 0, end = now_ns() + DRAIN_MS * NSEC_PER_MSEC, moved = now_ns();
	struct tap_counters tap, before = { 0 };
	int r = 0;

	while (r == 0 && now_ns() < end && now_ns() < moved + QUIET_MS * NSEC_PER_MSEC) {
		r = count(p, &frames, &foreign);
		if (r == 0 && tap_counters_read(p->facts.tap, &tap) < 0)
			r = guest_fail(&p->guest, -ENODEV, p->facts.tap);
		if (r == 0 && (frames + foreign != last || memcmp(&tap, &before, sizeof(tap)) != 0))
			moved = now_ns();
		last = frames + foreign;
		before = tap;
		usleep(20000);
	}
	return r;
}

static int start_capture(struct probe *p, int ring, uint32_t expect)
{
	const struct probe_options *o = p->opt;
	char line[WIRE_LINE];

	p->counted = 0;
	snprintf(line, sizeof(line), "capture %u %d %lu %lu %u %s", ++p->number, ring, o->block_bytes, o->ring_blocks, expect, p->facts.mac);
	return guest_ask(&p->guest, line, NULL, "starting the capture");
}

int step_warm_up(struct probe *p)
{
	struct send_plan plan = { .nic = p->from, .run = 0, .frames = 1, .len = WIRE_MIN_LEN, .pps = 1000, .peer = -1 };
	uint64_t frames, foreign = 0, end = now_ns() + WARM_UP_MS * NSEC_PER_MSEC;
	int r = start_capture(p, 3, 1);

	memcpy(plan.to, p->mac, 6);
	while (r == 0 && !foreign && now_ns() < end) {
		struct send_result sent;

		r = send_frames(&plan, &sent, p->guest.why);
		free(sent.batch_ns);
		usleep(20000);
		if (r == 0)
			r = count(p, &frames, &foreign);
	}
	if (r == 0 && !foreign) {
		snprintf(p->guest.why, 512, "no frame sent into %.20s reaches the probe VM on %.20s (--from DEV)", p->from, p->facts.tap);
		return -EHOSTUNREACH;
	}
	return r == 0 ? drain(p) : r;
}

/* To UTC. */
static uint64_t boot_offset(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return now_ns() - ((uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec);
}

/* The guest's entries of the ledger. */
static void add_guest(struct step *st, int *ret_ring)
{
	struct probe_report *rep = &st->report;
	int64_t vmm = (int64_t)(st->s.tap_delivered - rep->nic_packets - rep->nic_dropped);

	st->s.ledger.captured = rep->frames;
	*ret_ring = ledger_add(&st->s.ledger, "guest-ring", "", rep->ring_drops);
	ledger_add(&st->s.ledger, "guest-nic", "", rep->nic_dropped);
	ledger_add(&st->s.ledger, "vmm", "", vmm > 0 ? (uint64_t)vmm : 0);
	st->s.guest_cpu_ns = rep->cpu_ns;
	st->s.guest_wall_ns = rep->wall_ns;
}

/* No report came. What the tap delivered and the guest had not said it has by then is the guest's to know. */
static void add_silent_guest(struct step *st, uint64_t counted)
{
	st->s.ledger.captured = counted < st->sent.sent ? counted : st->sent.sent;
	if (st->s.tap_delivered > st->s.ledger.captured)
		ledger_add(&st->s.ledger, "guest", "not reported", st->s.tap_delivered - st->s.ledger.captured);
}

static void explain(struct step *st, size_t ring, struct ledger_burst *bursts, size_t n)
{
	struct probe_report *rep = &st->report;
	uint64_t utc = boot_offset();

	for (size_t i = 0; i < rep->n_spots; i++)
		rep->spots[i].entry = ring;
	for (size_t i = 0; i < rep->n_gaps; i++) {
		struct ledger_gap *g = &rep->gaps[i];

		g->from_ns = st->sent.batch_ns[g->first / SEND_BATCH];
		g->to_ns = st->sent.batch_ns[(g->first + g->count - 1) / SEND_BATCH + 1];
	}
	ledger_explain(&st->s.ledger, rep->gaps, rep->n_gaps, rep->spots, rep->n_spots, bursts, n, SLACK_NS);
	for (size_t i = 0; i < rep->n_gaps; i++) {
		rep->gaps[i].from_ns += utc;
		rep->gaps[i].to_ns += utc;
	}
	st->s.gaps = rep->gaps;
	st->s.n_gaps = rep->n_gaps;
}

/* What came, and where the rest went. @whole: the guest reported. */
static int settle(struct probe *p, struct step *st, bool whole)
{
	_cleanup_(freep) struct ledger_burst *bursts = NULL;
	size_t n = 0;
	int ring = 0, r;

	st->s.ledger.sent = st->sent.sent;
	st->s.began_ns = st->sent.began_ns + boot_offset();
	st->s.span_ns = st->sent.ended_ns - st->sent.began_ns;
	if (whole)
		add_guest(st, &ring);
	else
		add_silent_guest(st, p->counted);
	r = probe_loss_read(p->loss, &st->s.ledger, &bursts, &n);
	if (r < 0)
		return whole ? guest_fail(&p->guest, r, "reading the kernel's loss counters") : r;
	ledger_balance(&st->s.ledger);
	if (whole)
		explain(st, (size_t)ring, bursts, n);
	return 0;
}

/* The tap's counters when nothing moves there, without the guest's word. */
static int still_tap(const struct probe *p, struct tap_counters *ret)
{
	uint64_t end = now_ns() + STILL_MS * NSEC_PER_MSEC;
	struct tap_counters before;
	int r = tap_counters_read(p->facts.tap, ret);

	do {
		before = *ret;
		usleep(100000);
		r = r < 0 ? r : tap_counters_read(p->facts.tap, ret);
	} while (r == 0 && memcmp(ret, &before, sizeof(before)) != 0 && now_ns() < end);
	return r;
}

static int send_step(struct probe *p, struct step *st, uint64_t pps)
{
	struct send_plan plan = { .nic = p->from, .run = p->number, .frames = (uint32_t)p->opt->frames, .len = (uint32_t)p->opt->len, .pps = pps,
				  .peer = p->guest.channel.fd };
	struct tap_counters after;
	int r, gone;

	memcpy(plan.to, p->mac, 6);
	r = send_frames(&plan, &st->sent, p->guest.why);
	if (r == -EPIPE)
		guest_fail(&p->guest, r, "sending");
	if (r == 0)
		r = drain(p);
	gone = r < 0 ? still_tap(p, &after) : tap_counters_read(p->facts.tap, &after);
	if (gone < 0)
		return r < 0 ? r : guest_fail(&p->guest, gone, p->facts.tap);
	st->s.tap_delivered = after.delivered - st->before.delivered;
	st->s.tap_dropped = after.dropped - st->before.dropped;
	return r < 0 ? r : guest_report(&p->guest, &st->report, st->sent.sent);
}

static int begin_step(struct probe *p, struct step *st, int ring)
{
	int r = report_new(&st->report);

	if (r < 0)
		return guest_fail(&p->guest, r, "report");
	r = start_capture(p, ring, (uint32_t)p->opt->frames);
	if (r < 0)
		return r;
	r = probe_loss_mark(p->loss);
	if (r == 0)
		r = tap_counters_read(p->facts.tap, &st->before);
	return r < 0 ? guest_fail(&p->guest, r, p->facts.tap) : 0;
}

static int run_step(struct probe *p, struct step *st, int i)
{
	int r = begin_step(p, st, p->opt->steps[i].ring), sent;

	if (r < 0)
		return r;
	sent = send_step(p, st, p->opt->steps[i].pps);
	r = st->sent.sent ? settle(p, st, sent == 0) : 0;
	if (r == 0 && st->sent.sent) {
		r = probe_store_step(p->db, p->id, i, &st->s);
		if (r < 0 && sent == 0)
			snprintf(p->guest.why, 512, "the store: %s", sqlite3_errmsg(p->db));
	}
	return sent < 0 ? sent : r;
}

int step_do(struct probe *p, int i)
{
	static const char *const rings[] = { "", "V1", "V2", "V3" };
	const struct probe_options *o = p->opt;
	struct step st = { .s = { .ring = rings[o->steps[i].ring], .ring_bytes = o->ring_blocks * o->block_bytes, .pps = o->steps[i].pps } };
	int r = run_step(p, &st, i);

	report_clear(&st.report);
	free(st.sent.batch_ns);
	return r;
}
