/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "step.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/print/when.h"


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
	uint64_t frames = 0, foreign = 0, last = 0, end = now_ns() + PROBE_DRAIN_MS * NSEC_PER_MSEC,
		 moved = now_ns();
	struct tap_counters tap, before = { 0 };
	int r = 0;

	while (r == 0 && now_ns() < end && now_ns() < moved + PROBE_QUIET_MS * NSEC_PER_MSEC) {
		r = count(p, &frames, &foreign);
		if (r == 0 && tap_counters_read(&p->tap, &tap) < 0)
			r = guest_fail(&p->guest, -ENODEV, p->tap.name);
		if (r == 0 && (frames + foreign != last || memcmp(&tap, &before, sizeof(tap)) != 0))
			moved = now_ns();
		last = frames + foreign;
		before = tap;
		usleep(20000);
	}
	return r;
}

static int start_capture(struct probe *p, int ring, uint64_t expect)
{
	const struct probe_options *o = p->opt;
	char line[WIRE_LINE];

	p->counted = 0;
	snprintf(line, sizeof(line), "capture %u %d %llu %llu %llu %u %s", ++p->number, ring,
		 (unsigned long long)o->block_bytes, (unsigned long long)o->ring_blocks,
		 (unsigned long long)expect, o->order.flows, p->facts.mac);
	return guest_ask(&p->guest, line, NULL, "starting the capture");
}

static void make_plan(const struct probe *p, struct send_plan *ret)
{
	*ret = (struct send_plan){
		.order = p->opt->order,
		.nic = p->end,
		.workers = (unsigned int)p->opt->workers,
		.peer = p->guest.channel.fd,
	};
	memcpy(ret->order.to, p->tap.mac, 6);
	memcpy(ret->order.from, "\2tlpb", 6);
}

int step_warm_up(struct probe *p)
{
	uint64_t frames, foreign = 0, end = now_ns() + PROBE_WARM_UP_MS * NSEC_PER_MSEC;
	struct send_plan plan;
	int r;

	if (p->opt->out)
		return out_warm_up(p);
	r = start_capture(p, 3, 1);
	make_plan(p, &plan);
	plan.order.frames = 1;
	plan.workers = 1;
	while (r == 0 && !foreign && now_ns() < end) {
		struct send_result sent;

		r = send_frames(&plan, &sent, p->guest.why);
		free(sent.batch_ns);
		usleep(20000);
		if (r == 0)
			r = count(p, &frames, &foreign);
	}
	if (r == 0 && !foreign) {
		snprintf(p->guest.why, 512,
			 "no frame sent into %.20s reaches the probe VM on %.20s; name another "
			 "interface with --from DEV",
			 p->end, p->tap.name);
		return -EHOSTUNREACH;
	}
	return r == 0 ? drain(p) : r;
}

static int in_step(struct probe *p, struct step *st, const struct probe_rate *rate)
{
	struct send_plan plan;
	struct tap_counters after;
	int r, gone;

	make_plan(p, &plan);
	plan.order.run = p->number;
	plan.order.frames = (uint32_t)p->opt->frames;
	plan.order.pps = rate->pps;
	r = send_frames(&plan, &st->sent, p->guest.why);
	if (r == -EPIPE)
		guest_fail(&p->guest, r, "sending");
	if (r == 0)
		r = drain(p);
	gone = r < 0 ? tap_still(&p->tap, &after) : tap_counters_read(&p->tap, &after);
	if (gone < 0)
		return r < 0 ? r : guest_fail(&p->guest, gone, p->tap.name);
	st->s.tap_delivered = after.delivered - st->before.delivered;
	st->s.tap_dropped = after.dropped - st->before.dropped;
	return r < 0 ? r : guest_report(&p->guest, &st->report, st->sent.sent);
}

static int begin_step(struct probe *p, struct step *st, int ring)
{
	int r = report_new(&st->report);

	if (r < 0)
		return guest_fail(&p->guest, r, "preparing the report");
	if (!p->opt->out)
		r = start_capture(p, ring, p->opt->frames);
	if (r < 0)
		return r;
	r = probe_loss_mark(p->loss);
	if (r == 0)
		r = tap_counters_read(&p->tap, &st->before);
	return r < 0 ? guest_fail(&p->guest, r, p->tap.name) : 0;
}

static int run_step(struct probe *p, struct step *st, int i)
{
	const struct probe_rate *rate = &p->opt->steps[i];
	int r = begin_step(p, st, rate->ring), sent;

	if (r < 0)
		return r;
	sent = p->opt->out ? out_step(p, st, rate) : in_step(p, st, rate);
	if (!st->sent.sent)
		return sent;
	r = step_reconcile(p, st, sent == 0);
	if (r == 0) {
		r = probe_store_step(p->db, p->id, i, &st->s);
		if (r < 0 && sent == 0)
			snprintf(p->guest.why, 512, "cannot write to the store: %s", strerror(-r));
	}
	return sent < 0 ? sent : r;
}

int step_do(struct probe *p, int i, struct probe_step *ret)
{
	static const char *const rings[] = { "", "V1", "V2", "V3" };
	const struct probe_options *o = p->opt;
	struct step st = {
		.s.ring = rings[o->steps[i].ring],
		.s.ring_bytes = o->ring_blocks * o->block_bytes,
		.s.pps = o->steps[i].pps,
	};
	int r = run_step(p, &st, i);

	*ret = st.s;
	ret->gaps = NULL;
	report_clear(&st.report);
	free(st.sent.batch_ns);
	free(st.arrived_ns);
	return r;
}
