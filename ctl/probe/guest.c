/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "stop.h"
#include "ctl/print/when.h"

#define ANSWER_MS 10000
#define REPORT_MS 30000
#define NOTICED_MS 2000

/* Its end is heard on the channel before libvirt has taken note of it. */
static bool has_ended(const struct guest *g, int r)
{
	uint64_t end =
		now_ns() + (r == -EPIPE || r == -ECONNRESET ? NOTICED_MS * NSEC_PER_MSEC : 0);

	while (vm_runs(g->vm)) {
		if (now_ns() >= end)
			return false;
		usleep(10000);
	}
	return true;
}

int guest_fail(const struct guest *g, int r, const char *what)
{
	const char *text = strerror(-r);

	if (r == -ECANCELED)
		text = "interrupted";
	else if (has_ended(g, r))
		text = "the guest has ended";
	else if (r == -ETIMEDOUT)
		text = vm_is_paused(g->vm) ? "the guest is paused" : "the guest does not answer";
	else if (r == -EMSGSIZE || r == -EBADMSG || r == -EOVERFLOW)
		text = "the guest sends an invalid answer";
	else if (r == -EPIPE || r == -ECONNRESET)
		text = "the channel to the guest was closed";
	snprintf(g->why, 512, "%.250s: %.200s", what, text);
	return r;
}

int guest_ask(struct guest *g, const char *line, char *ret, const char *what)
{
	char text[WIRE_LINE];
	int r = channel_ask(&g->channel, line, ret, text, ANSWER_MS);

	if (r == -EREMOTEIO)
		snprintf(g->why, 512, "%.100s: the guest reports: %.150s", what, text);
	return r == -EREMOTEIO ? r : r < 0 ? guest_fail(g, r, what) : 0;
}

static int check_version(const struct guest *g, const char *line, char kernel[static WIRE_LINE])
{
	int version = 0;

	if (sscanf(line, "probe %d %100s", &version, kernel) != 2)
		return guest_fail(g, -EBADMSG, "the guest's first answer");
	if (version == WIRE_VERSION)
		return 0;
	snprintf(g->why, 512,
		 "the probe in the guest speaks protocol %d, this taplossctl %d; install the same "
		 "version of taploss-probe in the guest",
		 version, WIRE_VERSION);
	return -EPROTO;
}

int guest_meet(struct guest *g, const char *path, unsigned long seconds,
	       char kernel[static WIRE_LINE])
{
	uint64_t end = now_ns() + seconds * NSEC_PER_SEC;
	char line[WIRE_LINE] = "";
	int r = channel_open(&g->channel, path, ANSWER_MS);

	if (r == 0)
		r = channel_send(&g->channel, "hello", ANSWER_MS);
	if (r < 0)
		return guest_fail(g, r, path);
	do {
		r = channel_line(&g->channel, line, 200);
	} while (r == -ETIMEDOUT && now_ns() < end && vm_runs(g->vm));
	if (r < 0)
		return guest_fail(g, r, "waiting for the probe in the guest");
	r = check_version(g, line, kernel);
	if (r < 0)
		return r;
	r = channel_line(&g->channel, line, ANSWER_MS);
	return r < 0 || strcmp(line, "ok") != 0
		       ? guest_fail(g, r < 0 ? r : -EBADMSG, "the guest's first answer")
		       : 0;
}

int guest_count(struct guest *g, uint64_t *ret, uint64_t *ret_foreign)
{
	unsigned long long frames, foreign;
	char line[WIRE_LINE] = "";
	int r = guest_ask(g, "count", line, "counting");

	if (r < 0)
		return r;
	if (sscanf(line, "count %llu %llu", &frames, &foreign) != 2)
		return guest_fail(g, -EBADMSG, "counting");
	*ret = frames;
	*ret_foreign = foreign;
	return 0;
}

int guest_sent(struct guest *g, struct guest_sent *ret)
{
	unsigned long long v[8];
	char line[WIRE_LINE] = "";
	int r = guest_ask(g, "sent", line, "sending");

	if (r < 0)
		return r;
	if (sscanf(line, "sent %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3],
		   &v[4], &v[5], &v[6], &v[7]) != 8 ||
	    v[1] > WIRE_MAX_FRAMES || v[2] > v[1])
		return guest_fail(g, -EBADMSG, "sending");
	*ret = (struct guest_sent){ v[0] != 0, (uint32_t)v[1], (uint32_t)v[2], v[3],
				    v[4],      v[5],	       v[6],	       v[7] };
	return 0;
}

int guest_report(struct guest *g, struct probe_report *ret, uint32_t sent)
{
	uint64_t end = now_ns() + REPORT_MS * NSEC_PER_MSEC;
	char line[WIRE_LINE], what[128];
	int r = channel_send(&g->channel, "report", ANSWER_MS);

	while (r == 0) {
		r = now_ns() > end ? -ETIMEDOUT : channel_line(&g->channel, line, ANSWER_MS);
		if (r == 0 && !strcmp(line, "ok"))
			break;
		if (r == 0)
			r = report_line(ret, line);
	}
	if (r < 0)
		return guest_fail(g, r, "reading the report");
	r = report_end(ret, sent, what);
	if (r < 0)
		snprintf(g->why, 512, "the report of the guest is inconsistent: %s", what);
	return r;
}
