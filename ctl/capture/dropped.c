/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dropped.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "collector/loss/dropped.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"
#include "dropped_file.h"
#include "env.h"
#include "targets.h"

#define STEP_MS 100
#define MAX_NAMED 1024			/* devices; the kernel's map holds no more */
#define LOOK_NS (NSEC_PER_SEC / 2)	/* for a VM's new taps */

struct run {
	const struct dropped_request *rq;
	struct dropped *dropped;
	struct dropped_file *file;
	uint32_t named[MAX_NAMED];	/* devices of this namespace, by ifindex */
	size_t n_named;
	uint64_t shown_ns, shown_len;
};

/* /sys may be another namespace's: then it is not known. */
static bool is_no_tap(const char *device)
{
	static const char *const signs[] = { "tun_flags", "macvtap", "ipvtap" };
	char path[96];

	snprintf(path, sizeof(path), "/sys/class/net/%.20s", device);
	if (access(path, F_OK) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		snprintf(path, sizeof(path), "/sys/class/net/%.20s/%s", device, signs[i]);
		if (access(path, F_OK) == 0)
			return false;
	}
	return true;
}

static int take(const struct capture_device *d, void *arg, char why[static 256])
{
	struct run *run = arg;
	int r;

	if (!d->ifindex) {
		snprintf(why, 256, "no network device \"%.60s\" in this network namespace",
			 d->name);
		return -ENODEV;
	}
	if (d->netns_fd < 0 && !d->description && is_no_tap(d->name)) {
		snprintf(why, 256,
			 "%.60s is not a tap: --dropped records only losses at the taps of VMs",
			 d->name);
		return -EOPNOTSUPP;
	}
	if (run->n_named == MAX_NAMED) {
		snprintf(why, 256, "%.60s cannot be added: at most %d devices", d->name, MAX_NAMED);
		return -ENOSPC;
	}
	r = dropped_watch(run->dropped, d->netns, d->ifindex);
	if (r >= 0)
		r = dropped_file_add(run->file, d);
	if (r < 0)
		snprintf(why, 256, "%.60s: %s", d->name, strerror(-r));
	else
		run->named[run->n_named++] = d->ifindex;
	return r;
}

static int on_frame(const struct dropped_frame *f, void *arg)
{
	struct run *run = arg;

	return dropped_file_put(run->file, f);
}

static void show_progress(struct run *run)
{
	struct dropped_sum sum;
	char lost[32], written[32], rest[32];
	uint64_t now = now_ns();
	int n;

	if (run->rq->quiet || now - run->shown_ns < NSEC_PER_SEC)
		return;
	dropped_file_sum(run->file, &sum);
	n = fprintf(stderr, "\r%s frames lost, %s written, %s above the limit",
		    text_count(lost, sum.lost), text_count(written, sum.written),
		    text_count(rest, sum.limited));
	fprintf(stderr, "%*s",
		n > 0 && run->shown_len > (uint64_t)n ? (int)(run->shown_len - (uint64_t)n) : 0,
		"");
	run->shown_len = n > 0 ? (uint64_t)n : 0;
	run->shown_ns = now;
}

/* Only asked when all of them were named, in this namespace. */
static bool all_gone(const struct run *run)
{
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < run->n_named; i++)
		if (if_indextoname(run->named[i], name))
			return false;
	return true;
}

static int report_gone(const struct run *run)
{
	if (run->shown_len)
		fputc('\n', stderr);
	message_error("capture: the device is gone from this network namespace; capture stopped");
	return -ENODEV;
}

static int loop(struct run *run, struct capture_targets *who)
{
	uint64_t until = run->rq->seconds ? now_ns() + run->rq->seconds * NSEC_PER_SEC : UINT64_MAX,
		 looked = now_ns(), now;
	int r = 0;

	while (!capture_env_enough() && r >= 0 && (now = now_ns()) < until) {
		uint64_t left = (until - now) / NSEC_PER_MSEC + 1;

		r = dropped_step(run->dropped, left < STEP_MS ? (int)left : STEP_MS, on_frame, run);
		if (r >= 0)
			r = dropped_file_flush(run->file);
		show_progress(run);
		if (r < 0 || now - looked < LOOK_NS)
			continue;
		looked = now;
		if (capture_targets_follows(who))
			capture_targets_add(who, false);
		else if (all_gone(run))
			return report_gone(run);
	}
	return r;
}

static void report_json(const struct run *run, const struct dropped_sum *sum, uint64_t bytes)
{
	json_t *root = json_pack("{ss so so so so so so so so}", "file", run->rq->path,
				 "frames_lost", out_int(sum->lost), "frames", out_int(sum->written),
				 "frames_above_limit", out_int(sum->limited), "frames_without_room",
				 out_int(sum->unsent), "frames_not_lost", out_int(sum->not_lost),
				 "missed_events", out_int(dropped_missed(run->dropped)), "bytes",
				 out_int(bytes), "files", out_int(sum->files));

	if (!strcmp(run->rq->path, "-"))
		json_dumpf(root, stderr, JSON_INDENT(2)), json_decref(root);
	else
		out_json(root);
}

static void report_end(const struct run *run, uint64_t bytes)
{
	struct dropped_sum sum;
	char n[32], m[32];

	dropped_file_sum(run->file, &sum);
	if (run->rq->g->format == FORMAT_JSON) {
		report_json(run, &sum, bytes);
		return;
	}
	if (run->shown_len)
		fputc('\n', stderr);
	fprintf(stderr, "%s frames lost, %s of them written", text_count(n, sum.lost),
		text_count(m, sum.written));
	if (sum.limited)
		fprintf(stderr, ", %s above the limit of %s per second", text_count(n, sum.limited),
			text_count(m, run->rq->limit));
	if (sum.unsent)
		fprintf(stderr, ", %s dropped because the BPF ring buffer was full",
			text_count(n, sum.unsent));
	fputc('\n', stderr);
	if (dropped_missed(run->dropped))
		fprintf(stderr, "%s drops, of any device, were not examined\n",
			text_count(n, dropped_missed(run->dropped)));
}

static int drop_privileges(void)
{
	/* Older kernels do not let the counts be read without the one, and modules that come later
	 * have no names without the other. */
	static const cap_value_t keep[] = { CAP_BPF, CAP_SYSLOG };

	return capture_env_drop(keep, ARRAY_SIZE(keep));
}

static int start(struct run *run, struct capture_targets *who)
{
	int r = capture_targets_add(who, true);

	if (r < 0)
		return r;
	r = dropped_start(run->dropped);
	if (r >= 0)
		r = drop_privileges();
	if (r < 0)
		message_error("capture: cannot start: %s", strerror(-r));
	return r;
}

static int go(struct run *run, struct capture_targets *who, const struct sink *sink)
{
	int r, last;

	capture_env_catch();
	if (!run->rq->silent)
		fputs("capturing lost frames; press Ctrl-C to stop\n", stderr);
	r = loop(run, who);
	dropped_stop(run->dropped);
	last = r < 0 && r != -ENODEV ? 0 : dropped_step(run->dropped, 0, on_frame, run);
	r = r < 0 ? r : last;
	r = r == -ECANCELED ? 0 : r;
	last = dropped_file_end(run->file, r == -ENOSPC);
	r = r < 0 ? r : last;
	report_end(run, sink_total(sink));
	if (r < 0 && r != -ENODEV)
		message_error("capture: %.200s: %s; the file holds the frames captured before",
			      sink_path(sink), strerror(-r));
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

int capture_dropped(const struct dropped_request *rq, char **names, int n, struct sink *sink)
{
	struct dropped_options o = {
		.limit = (uint32_t)rq->limit,
		.snaplen = (uint32_t)rq->snaplen,
	};
	struct run run = { .rq = rq };
	struct capture_targets *who = NULL;
	char why[256];
	int r = dropped_open(&o, &run.dropped, why), status = EXIT_FAILED;

	if (r < 0)
		message_error("capture: %s", why);
	if (r >= 0) {
		run.file = dropped_file_new(rq, run.dropped, sink);
		who = capture_targets_new(rq->g->store, names, n, take, &run);
		r = start(&run, who);
	}
	if (r >= 0)
		status = go(&run, who, sink);
	else if (strcmp(rq->path, "-") != 0)	/* nothing was written to it */
		unlink(sink_path(sink));
	capture_targets_free(who);
	dropped_file_free(run.file);
	dropped_close(run.dropped);
	return status;
}
