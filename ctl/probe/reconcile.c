/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What came, and where the rest went. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/clock.h"
#include "step.h"

#define SLACK_NS (20 * NSEC_PER_MSEC)

static uint64_t above(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* The guest's entries when it captured. */
static int add_capture(struct step *st)
{
	const struct probe_report *rep = &st->report;

	st->s.ledger.captured = rep->frames;
	ledger_add(&st->s.ledger, "guest-nic", "", rep->nic_dropped);
	ledger_add(&st->s.ledger, "vmm", "",
		   above(st->s.tap_delivered, rep->nic_packets + rep->nic_dropped));
	st->s.guest_cpu_ns = rep->cpu_ns;
	st->s.guest_wall_ns = rep->wall_ns;
	return ledger_add(&st->s.ledger, "guest-ring", "", rep->ring_drops);
}

/* ... when it sent; the report is the host's own capture's, but for what the guest's interface
 * counted. */
static int add_sending(struct step *st)
{
	const struct probe_report *rep = &st->report;

	st->s.ledger.captured = rep->frames;
	ledger_add(&st->s.ledger, "guest-stack", "", st->sent.refused);
	ledger_add(&st->s.ledger, "guest-nic", "", rep->nic_dropped);
	ledger_add(&st->s.ledger, "vmm", "",
		   above(rep->nic_packets, st->s.tap_delivered + st->s.tap_dropped));
	st->s.guest_cpu_ns = rep->cpu_ns;
	st->s.guest_wall_ns = rep->wall_ns;
	return ledger_add(&st->s.ledger, "host-ring", "", rep->ring_drops);
}

/* No report came. What the tap delivered and the guest had not said it has by then is the guest's
 * to know. */
static void add_silent_guest(struct step *st, uint64_t counted)
{
	st->s.ledger.captured = counted < st->sent.sent ? counted : st->sent.sent;
	ledger_add(&st->s.ledger, "guest", "not reported",
		   above(st->s.tap_delivered, st->s.ledger.captured));
}

/* When frames around those numbers came. */
static void arrival_window(const struct step *st, uint32_t first, uint32_t last, uint64_t *from_ns,
			   uint64_t *to_ns)
{
	uint32_t b = first / SEND_BATCH, e = last / SEND_BATCH,
		 n = (st->sent.sent + SEND_BATCH - 1) / SEND_BATCH;

	while (b > 0 && !st->arrived_ns[b])
		b--;
	for (e++; e < n && !st->arrived_ns[e];)
		e++;
	*from_ns = st->arrived_ns[b] ? st->arrived_ns[b] : st->sent.began_ns;
	*to_ns = e < n ? st->arrived_ns[e] : st->sent.ended_ns;
}

/* Where the ring lost is known by what came before and behind: that says nothing when several
 * senders' numbers come mixed. */
static void explain(const struct probe *p, struct step *st, size_t ring,
		    struct ledger_burst *bursts, size_t n)
{
	struct probe_report *rep = &st->report;
	uint64_t utc = boot_to_utc_offset();

	if (p->opt->workers > 1)
		rep->n_spots = 0;
	for (size_t i = 0; i < rep->n_spots; i++)
		rep->spots[i].entry = ring;
	for (size_t i = 0; i < rep->n_gaps; i++) {
		struct ledger_gap *g = &rep->gaps[i];
		uint32_t last = g->first + g->count - 1;

		if (st->arrived_ns)
			arrival_window(st, g->first, last, &g->from_ns, &g->to_ns);
		else
			send_window(&st->sent, g->first, last, &g->from_ns, &g->to_ns);
	}
	ledger_explain(&st->s.ledger, rep->gaps, rep->n_gaps, rep->spots, rep->n_spots, bursts, n,
		       SLACK_NS);
	for (size_t i = 0; i < rep->n_gaps; i++) {
		rep->gaps[i].from_ns += utc;
		rep->gaps[i].to_ns += utc;
	}
	st->s.gaps = rep->gaps;
	st->s.n_gaps = rep->n_gaps;
}

int step_reconcile(struct probe *p, struct step *st, bool whole)
{
	_cleanup_(freep) struct ledger_burst *bursts = NULL;
	size_t n = 0;
	int ring = 0, r;

	st->s.ledger.sent = st->sent.sent;
	st->s.began_ns = st->sent.began_ns + boot_to_utc_offset();
	st->s.span_ns = st->sent.ended_ns - st->sent.began_ns;
	if (p->opt->out)
		ring = add_sending(st);
	else if (whole)
		ring = add_capture(st);
	else
		add_silent_guest(st, p->counted);
	r = probe_loss_read(p->loss, &st->s.ledger, &bursts, &n);
	if (r < 0)
		return whole ? guest_fail(&p->guest, r, "reading the kernel's loss counters") : r;
	ledger_balance(&st->s.ledger);
	if (whole)
		explain(p, st, (size_t)ring, bursts, n);
	return 0;
}
