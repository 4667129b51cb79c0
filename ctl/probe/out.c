/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Direction out: the guest sends, the host captures. */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "collector/base.h"
#include "collector/probe/receive.h"
#include "step.h"
#include "ctl/print/when.h"

#define ASK_NS (50 * NSEC_PER_MSEC)

static void receive_closep(struct receiver *c)
{
	receive_close(c);
}

/* The address of the interface at the host's end, as text. */
static int end_address(const struct probe *p, char mac[static 18])
{
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };
	const uint8_t *a = (const uint8_t *)ifr.ifr_hwaddr.sa_data;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%.15s", p->end);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr) < 0) {
		int r = -errno;

		snprintf(p->guest.why, 512, "cannot read the MAC address of %.20s: %s", p->end,
			 strerror(-r));
		return r;
	}
	snprintf(mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
	return 0;
}

static int open_capture(struct probe *p, struct receiver *c, int ring, uint64_t expect)
{
	const struct probe_options *o = p->opt;
	struct receive_order order = {
		.version = ring,
		.ifindex = (int)if_nametoindex(p->end),
		.block_bytes = (uint32_t)o->block_bytes,
		.blocks = (uint32_t)o->ring_blocks,
		.run = ++p->number,
		.expect = (uint32_t)expect,
		.flows = 1,
	};
	const char *what = "invalid ring";
	int r = receive_possible(&order) ? receive_open(c, &order, &what) : -EINVAL;

	if (r < 0)
		snprintf(p->guest.why, 512, "capturing on %.20s: %s: %s", p->end, what,
			 strerror(-r));
	return r;
}

/* @run: 0 for frames that nobody counts. */
static int order_frames(struct probe *p, uint32_t run, uint64_t frames, uint64_t pps)
{
	char line[WIRE_LINE], mac[18];
	int r = end_address(p, mac);

	snprintf(line, sizeof(line), "send %u %llu %llu %.60s %s %s", run,
		 (unsigned long long)frames, (unsigned long long)pps, p->opt->lengths, mac,
		 p->facts.mac);
	return r < 0 ? r : guest_ask(&p->guest, line, NULL, "starting to send");
}

/* Takes what comes for a moment. */
static void take(struct receiver *c)
{
	poll(&(struct pollfd){ c->fd, POLLIN, 0 }, 1, 10);
	receive_take(c);
}

int out_warm_up(struct probe *p)
{
	_cleanup_(receive_closep) struct receiver c = { .fd = -1 };
	uint64_t end = now_ns() + PROBE_WARM_UP_MS * NSEC_PER_MSEC, next = 0;
	int r = open_capture(p, &c, 3, 1);

	while (r == 0 && !c.foreign && now_ns() < end) {
		if (now_ns() >= next)
			r = order_frames(p, 0, 1, 0);
		if (now_ns() >= next)
			next = now_ns() + 20 * NSEC_PER_MSEC;
		take(&c);
	}
	if (r < 0 || c.foreign)
		return r;
	snprintf(p->guest.why, 512,
		 "no frame from the probe VM reaches %.20s; name another interface with --to DEV",
		 p->end);
	return -EHOSTUNREACH;
}

/* Until the guest has sent all, and nothing more comes. */
static int follow(struct probe *p, struct receiver *c, struct guest_sent *sent)
{
	uint64_t end = UINT64_MAX, moved = now_ns(), asked = 0, last = 0;
	int r = 0;

	*sent = (struct guest_sent){ .busy = true };
	while (r == 0 && now_ns() < end &&
	       (sent->busy || now_ns() < moved + PROBE_QUIET_MS * NSEC_PER_MSEC)) {
		take(c);
		if (now_ns() >= asked + ASK_NS) {
			r = guest_sent(&p->guest, sent);
			asked = now_ns();
		}
		if (c->frames + sent->frames != last)
			moved = now_ns();
		last = c->frames + sent->frames;
		if (!sent->busy && end == UINT64_MAX)
			end = now_ns() + PROBE_DRAIN_MS * NSEC_PER_MSEC;
		if (sent->busy && now_ns() > moved + PROBE_DRAIN_MS * NSEC_PER_MSEC)
			r = guest_fail(&p->guest, -ETIMEDOUT, "sending");
	}
	return r;
}

/* The report that the guest would make of such a capture. */
static int report(struct step *st, struct receiver *c, const struct guest_sent *sent, char *why)
{
	struct probe_report *rep = &st->report;
	char what[128];
	int r;

	receive_take(c);
	receive_end(c);
	report_capture(rep, c);
	rep->nic_packets = sent->nic_packets;
	rep->nic_dropped = sent->nic_dropped;
	rep->cpu_ns = sent->cpu_ns;
	rep->wall_ns = sent->wall_ns;
	st->sent.refused = sent->refused;
	st->sent.sent = sent->frames;
	if (st->sent.sent < c->top) /* it reported less when it was last heard of */
		st->sent.sent = c->top;
	r = report_end(rep, st->sent.sent, what);
	if (r < 0)
		snprintf(why, 512, "the capture is inconsistent: %s", what);
	return r;
}

static int begin(struct probe *p, struct step *st, struct receiver *c,
		 const struct probe_rate *rate)
{
	int r = open_capture(p, c, rate->ring, p->opt->frames);

	if (r < 0)
		return r;
	st->arrived_ns = calloc(p->opt->frames / SEND_BATCH + 2, sizeof(*st->arrived_ns));
	if (!st->arrived_ns)
		return guest_fail(&p->guest, -ENOMEM, "capturing");
	c->batch_ns = st->arrived_ns;
	st->sent.began_ns = send_clock_ns();
	return order_frames(p, p->number, p->opt->frames, rate->pps);
}

static int read_tap(const struct probe *p, struct step *st, bool guest_answers)
{
	struct tap_counters after;
	int r = guest_answers ? tap_counters_read(&p->tap, &after) : tap_still(&p->tap, &after);

	if (r < 0)
		return r;
	st->s.tap_delivered = after.delivered - st->before.delivered;
	st->s.tap_dropped = after.dropped - st->before.dropped;
	return 0;
}

int out_step(struct probe *p, struct step *st, const struct probe_rate *rate)
{
	_cleanup_(receive_closep) struct receiver c = { .fd = -1 };
	char why[512];
	struct guest_sent sent;
	int r = begin(p, st, &c, rate), tap, reported;

	if (r < 0)
		return r;
	r = follow(p, &c, &sent);
	st->sent.ended_ns = r < 0 ? send_clock_ns() : st->sent.began_ns + sent.span_ns;
	tap = read_tap(p, st, r == 0);
	reported = report(st, &c, &sent, r < 0 ? why : p->guest.why);
	if (r == 0 && reported == 0 && tap < 0)
		r = guest_fail(&p->guest, tap, p->tap.name);
	return r < 0 ? r : reported;
}
