/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "collector/capture/capture.h"
#include "ctl/capture/dropped.h"
#include "ctl/capture/env.h"
#include "ctl/capture/loss.h"
#include "ctl/capture/targets.h"
#include "ctl/options/number.h"
#include "ctl/options/options.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"
#include "commands.h"

#define STEP_MS 100
#define WHOLE_FRAMES 262144	/* as tcpdump */
#define LIMIT 10000		/* lost frames written a second */
#define LOST_SNAP 2048

struct request {
	struct global g;
	struct capture_options o;
	const char *path;
	uint64_t seconds, keep, rotate_seconds, version;
	uint64_t block_bytes, blocks, slot_bytes, retire_ms, priv_bytes, snaplen, members,
		copy_threshold;
	bool dropped;			/* only what is lost */
	struct dropped_request drop;
	bool quiet, silent, numbered;	/* quiet: no progress; silent: asked to be */
	uint64_t shown_ns, shown_frames, shown_len;
};

static int take(const struct capture_device *d, void *arg, char why[static 256])
{
	return capture_add(arg, d, why);
}

/* Sockets and files are open. A VM that is followed will need another socket, perhaps in another
 * namespace. */
static int drop_privileges(const struct capture_targets *who)
{
	static const cap_value_t keep[] = { CAP_NET_RAW, CAP_SYS_ADMIN };

	return capture_env_drop(keep, !capture_targets_follows(who)    ? 0
				      : capture_targets_elsewhere(who) ? 2
								       : 1);
}

static void show_progress(struct request *rq, const struct capture *c)
{
	struct capture_stats st;
	char frames[32], lost[32], rate[32];
	uint64_t now = now_ns();
	int n;

	if (rq->quiet || now - rq->shown_ns < NSEC_PER_SEC)
		return;
	capture_read_stats(c, &st);
	n = fprintf(stderr, "\r%s frames, %s/s, %s lost, ring %.0f %% full%s",
		    text_count(frames, st.sum.captured),
		    text_count(rate, rq->shown_ns ? (st.sum.captured - rq->shown_frames) *
							    NSEC_PER_SEC / (now - rq->shown_ns)
						  : 0),
		    text_count(lost, st.sum.lost), st.fill * 100,
		    !st.ports ? ", no device"
		    : st.down ? ", device down"
			      : "");
	fprintf(stderr, "%*s",
		n > 0 && rq->shown_len > (uint64_t)n ? (int)(rq->shown_len - (uint64_t)n) : 0, "");
	rq->shown_len = n > 0 ? (uint64_t)n : 0;
	rq->shown_ns = now;
	rq->shown_frames = st.sum.captured;
}

static int loop(struct request *rq, struct capture_targets *who, struct capture_loss *loss,
		struct capture *c)
{
	uint64_t until = rq->seconds ? now_ns() + rq->seconds * NSEC_PER_SEC : UINT64_MAX,
		 looked = now_ns(), now;
	struct capture_stats st;
	int r = 0;

	while (!capture_env_enough() && r >= 0 && (now = now_ns()) < until) {
		uint64_t left = (until - now) / NSEC_PER_MSEC + 1;

		r = capture_step(c, left < STEP_MS ? (int)left : STEP_MS);
		show_progress(rq, c);
		if (r < 0 || now - looked < NSEC_PER_SEC / 2)
			continue;
		looked = now;
		capture_loss_report(loss, c);
		if (capture_targets_follows(who)) {
			capture_targets_add(who, false);
			continue;
		}
		capture_read_stats(c, &st);
		if (!st.ports) {
			if (!rq->quiet)
				fputc('\n', stderr);
			message_error("capture: the device is gone from this network namespace; "
				      "capture stopped");
			return -ENODEV;
		}
	}
	return r == -ECANCELED ? 0 : r;
}

static void report_json(const struct request *rq, const struct capture_stats *st, uint64_t bytes)
{
	json_t *root =
		json_pack("{ss so so so so so so so so so so so so sb}", "file", rq->path, "frames",
			  out_int(st->sum.captured), "frames_lost", out_int(st->sum.lost), "gaps",
			  out_int(st->sum.gaps), "gaps_exact", out_int(st->sum.exact),
			  "frames_lost_at_end", out_int(st->sum.trailing), "frames_offered",
			  out_int(st->sum.offered), "ring_freezes", out_int(st->sum.freezes),
			  "frames_late", out_int(st->late), "late_max_ns", out_int(st->late_ns),
			  "held_max_ns", out_int(st->held_ns), "bytes", out_int(bytes), "files",
			  out_int(st->files), "ledger_closed", !st->unclosed);

	if (!strcmp(rq->path, "-"))
		json_dumpf(root, stderr, JSON_INDENT(2)), json_decref(root);
	else
		out_json(root);
}

static void report_end(const struct request *rq, const struct capture_stats *st, uint64_t bytes)
{
	char n[32], m[32], k[32], e[32];

	if (rq->g.format == FORMAT_JSON) {
		report_json(rq, st, bytes);
		return;
	}
	if (rq->shown_len)
		fputc('\n', stderr);
	fprintf(stderr, "%s frames captured, %s lost by the capture itself",
		text_count(n, st->sum.captured), text_count(m, st->sum.lost));
	if (st->sum.gaps)
		fprintf(stderr, " in %s gaps, %s of them placed to the frame",
			text_count(k, st->sum.gaps), text_count(e, st->sum.exact));
	if (st->sum.trailing)
		fprintf(stderr, ", %s after the last frame", text_count(k, st->sum.trailing));
	fputc('\n', stderr);
	if (st->late)
		fprintf(stderr, "%s frames are out of order in the file, by %s at most\n",
			text_count(n, st->late), text_duration(m, st->late_ns));
	if (st->unclosed)
		message_error("capture: on %u rings, the frame count of the kernel differs from "
			      "that of the capture",
			      st->unclosed);
}

static int capture_to(struct request *rq, char **names, int n, struct sink *sink)
{
	_cleanup_(capture_targets_freep) struct capture_targets *who = NULL;
	struct capture *c = NULL;
	struct capture_stats st;
	struct capture_loss loss;
	int r = capture_new(&rq->o, sink, &c), last;

	if (r < 0) {
		message_error("capture: cannot start: %s", strerror(-r));
		return EXIT_FAILED;
	}
	who = capture_targets_new(rq->g.store, names, n, take, c);
	r = capture_targets_add(who, true);
	if (r >= 0)
		r = drop_privileges(who);
	if (r < 0) {
		capture_free(c);
		/* nothing was written to it */
		if (sink_total(sink) && strcmp(rq->path, "-") != 0)
			unlink(sink_path(sink));
		return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
	}
	capture_env_catch();
	capture_read_stats(c, &st);
	if (!rq->silent)
		fprintf(stderr, "capturing on %u ring%s; press Ctrl-C to stop\n", st.ports,
			st.ports == 1 ? "" : "s");
	capture_loss_begin(&loss, rq->g.store);
	r = loop(rq, who, &loss, c);
	capture_stop(c);
	capture_loss_finish(&loss, c, now_ns());
	last = capture_finish(c);
	r = r < 0 ? r : last;
	capture_read_stats(c, &st);
	report_end(rq, &st, sink_total(sink));
	if (r < 0 && r != -ENODEV)
		message_error("capture: %.200s: %s; the file holds the frames captured before",
			      sink_path(sink), strerror(-r));
	capture_free(c);
	return r < 0 || st.unclosed ? EXIT_FAILED : EXIT_OK;
}

static int answer(struct request *rq, char **names, int n)
{
	struct sink *sink = NULL;
	char why[256];
	int r, status;

	r = ring_check(&rq->o.shape, (uint64_t)sysconf(_SC_PAGESIZE), why);
	if (r < 0) {
		message_error("capture: %s", why);
		return EXIT_USAGE;
	}
	if (!strcmp(rq->path, "-") && isatty(STDOUT_FILENO)) {
		message_error(
			"capture: -w - writes pcapng to standard output, which is a terminal; "
			"redirect it, as in | tshark -r -");
		return EXIT_USAGE;
	}
	r = sink_open(rq->path, rq->numbered, (unsigned int)rq->keep, &sink);
	if (r < 0) {
		message_error("capture: cannot write %.200s: %s", rq->path, strerror(-r));
		return EXIT_FAILED;
	}
	status = rq->dropped ? capture_dropped(&rq->drop, names, n, sink)
			     : capture_to(rq, names, n, sink);
	sink_free(sink);
	return status;
}

static int fanout_option(struct request *rq, const char *value)
{
	/* PACKET_FANOUT_HASH is 0, and so on */
	static const char *const modes[] = { "hash", "lb", "cpu",  "rollover",
					     "rnd",  "qm", "cbpf", "ebpf" };
	char mode[12] = "", rings[12] = "", path[4096] = "";
	int n = sscanf(value, "%11[a-z]:%11[^:]:%4095s", mode, rings, path);

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(modes[i], mode) && n == (i == PACKET_FANOUT_EBPF ? 3 : 2)) {
			rq->o.fanout = (int)i;
			rq->o.fanout_program =
				n == 3 ? value + strlen(mode) + strlen(rings) + 2 : NULL;
			return number_option("--fanout", rings, 2, 64, &rq->members);
		}
	message_error("--fanout: \"%.60s\" is neither MODE:RINGS, where MODE is hash, lb, cpu, "
		      "rollover, rnd, qm or cbpf, nor ebpf:RINGS:PROGRAM",
		      value);
	return -1;
}

static int time_option(struct request *rq, const char *value)
{
	rq->o.device_time = !strcmp(value, "device");
	if (rq->o.device_time || !strcmp(value, "kernel"))
		return 1;
	message_error("--timestamp: \"%.60s\" is neither kernel nor device", value);
	return -1;
}

enum {
	OPT_SECONDS = OPT_OWN,
	OPT_ROTATE_SIZE,
	OPT_ROTATE_SECONDS,
	OPT_FILES,
	OPT_QUIET,
	OPT_IGNORE_OUTGOING,
	OPT_DROPPED,
	OPT_LIMIT,
	OPT_RING,
	OPT_BLOCK,
	OPT_BLOCKS,
	OPT_SLOT,
	OPT_RETIRE,
	OPT_PRIV,
	OPT_RX_HASH,
	OPT_FANOUT,
	OPT_TIMESTAMP,
	OPT_COPY_THRESHOLD,
};

static int ring_option(struct request *rq, int opt, const char *value)
{
	switch (opt) {
	case OPT_RING:
		return number_option("--ring", value, 1, 3, &rq->version);
	case OPT_BLOCK:
		return size_option("--block", value, 1, UINT32_MAX, &rq->block_bytes);
	case OPT_BLOCKS:
		return number_option("--blocks", value, 1, UINT32_MAX, &rq->blocks);
	case OPT_SLOT:
		return size_option("--slot", value, 1, UINT32_MAX, &rq->slot_bytes);
	case OPT_RETIRE:
		return number_option("--retire", value, 0, UINT32_MAX, &rq->retire_ms);
	case OPT_PRIV:
		return size_option("--priv", value, 0, UINT32_MAX, &rq->priv_bytes);
	case OPT_RX_HASH:
		rq->o.shape.rx_hash = true;
		return 1;
	case OPT_TIMESTAMP:
		return time_option(rq, value);
	case OPT_COPY_THRESHOLD:
		return size_option("--copy-threshold", value, 1, 65536, &rq->copy_threshold);
	case OPT_FANOUT:
		return fanout_option(rq, value);
	default:
		return 0;
	}
}

static int own_option(void *arg, int opt, const char *value)
{
	struct request *rq = arg;

	switch (opt) {
	case 'w':
		rq->path = value;
		return 1;
	case 'f':
		rq->o.filter = value;
		return 1;
	case 's':
		return number_option("--snaplen", value, 1, WHOLE_FRAMES, &rq->snaplen);
	case 'c':
		return number_option("--count", value, 1, UINT64_MAX, &rq->o.max_frames);
	case OPT_SECONDS:
		return number_option("--seconds", value, 1, 31536000, &rq->seconds);
	case OPT_ROTATE_SIZE:
		return size_option("--rotate-size", value, 4096, UINT64_MAX, &rq->o.rotate_bytes);
	case OPT_ROTATE_SECONDS:
		return number_option("--rotate-seconds", value, 1, 31536000, &rq->rotate_seconds);
	case OPT_FILES:
		return number_option("--files", value, 1, 100000, &rq->keep);
	case OPT_QUIET:
		rq->silent = true;
		return 1;
	case OPT_IGNORE_OUTGOING:
		rq->o.ignore_outgoing = true;
		return 1;
	case OPT_DROPPED:
		rq->dropped = true;
		return 1;
	case OPT_LIMIT:
		return number_option("--limit", value, 0, UINT32_MAX, &rq->drop.limit);
	default:
		return ring_option(rq, opt, value);
	}
}

static void complete_options(struct request *rq)
{
	bool hash = rq->o.shape.rx_hash;

	rq->o.shape = ring_default((enum ring_version)rq->version);
	rq->o.shape.rx_hash = hash;
	if (rq->block_bytes)
		rq->o.shape.block_bytes = rq->block_bytes;
	if (rq->blocks)
		rq->o.shape.blocks = rq->blocks;
	if (rq->slot_bytes)
		rq->o.shape.frame_bytes = rq->slot_bytes;
	if (rq->retire_ms != UINT64_MAX)
		rq->o.shape.retire_ms = rq->retire_ms;
	rq->o.shape.priv_bytes = rq->priv_bytes;
	rq->o.snaplen = (uint32_t)(rq->snaplen ? rq->snaplen : WHOLE_FRAMES);
	rq->o.members = (unsigned int)rq->members;
	rq->o.copy_threshold = (uint32_t)rq->copy_threshold;
	rq->o.rotate_ns = rq->rotate_seconds * NSEC_PER_SEC;
	rq->numbered = rq->o.rotate_bytes || rq->rotate_seconds;
	rq->quiet = rq->silent || !isatty(STDERR_FILENO) || rq->g.format == FORMAT_JSON;
}

/* Only what is lost: taken elsewhere than at a ring, so nothing of what shapes one has a meaning.
 */
static int complete_dropped(struct request *rq)
{
	bool shaped = rq->version != RING_V3 || rq->block_bytes || rq->blocks || rq->slot_bytes ||
		      rq->retire_ms != UINT64_MAX || rq->priv_bytes || rq->o.shape.rx_hash ||
		      rq->o.fanout >= 0 || rq->o.device_time || rq->copy_threshold;

	if (rq->drop.limit != UINT64_MAX && !rq->dropped)
		return usage_error(&cmd_capture, "--limit needs --dropped");
	if (!rq->dropped)
		return EXIT_OK;
	if (rq->o.filter || rq->o.ignore_outgoing)
		return usage_error(&cmd_capture, "--dropped takes no filter; filter the file, as "
						 "with tshark -r FILE -Y ...");
	if (shaped)
		return usage_error(
			&cmd_capture,
			"--dropped uses no packet ring: leave out the options of the ring");
	if (rq->snaplen > TL_DROPPED_SNAP) {
		message_error(
			"capture: --dropped keeps at most %d bytes of a frame; reduce --snaplen",
			TL_DROPPED_SNAP);
		return EXIT_USAGE;
	}
	rq->drop = (struct dropped_request){
		.g = &rq->g,
		.path = rq->path,
		.limit = rq->drop.limit == UINT64_MAX ? LIMIT : rq->drop.limit,
		.snaplen = rq->snaplen ? rq->snaplen : LOST_SNAP,
		.seconds = rq->seconds,
		.max_frames = rq->o.max_frames,
		.rotate_bytes = rq->o.rotate_bytes,
		.rotate_ns = rq->o.rotate_ns,
		.quiet = rq->quiet,
		.silent = rq->silent,
	};
	return EXIT_OK;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = {
		GLOBAL_OPTIONS,
		{ "write", required_argument, NULL, 'w' },
		{ "filter", required_argument, NULL, 'f' },
		{ "snaplen", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, OPT_SECONDS },
		{ "rotate-size", required_argument, NULL, OPT_ROTATE_SIZE },
		{ "rotate-seconds", required_argument, NULL, OPT_ROTATE_SECONDS },
		{ "files", required_argument, NULL, OPT_FILES },
		{ "quiet", no_argument, NULL, OPT_QUIET },
		{ "ignore-outgoing", no_argument, NULL, OPT_IGNORE_OUTGOING },
		{ "dropped", no_argument, NULL, OPT_DROPPED },
		{ "limit", required_argument, NULL, OPT_LIMIT },
		{ "ring", required_argument, NULL, OPT_RING },
		{ "block", required_argument, NULL, OPT_BLOCK },
		{ "blocks", required_argument, NULL, OPT_BLOCKS },
		{ "slot", required_argument, NULL, OPT_SLOT },
		{ "retire", required_argument, NULL, OPT_RETIRE },
		{ "priv", required_argument, NULL, OPT_PRIV },
		{ "rx-hash", no_argument, NULL, OPT_RX_HASH },
		{ "fanout", required_argument, NULL, OPT_FANOUT },
		{ "timestamp", required_argument, NULL, OPT_TIMESTAMP },
		{ "copy-threshold", required_argument, NULL, OPT_COPY_THRESHOLD },
		{ 0 }
	};
	struct request rq = {
		.g = *g,
		.version = RING_V3,
		.members = 1,
		.drop.limit = UINT64_MAX,
		.retire_ms = UINT64_MAX,
		.o.fanout = -1,
	};
	const struct options o = {
		.cmd = &cmd_capture,
		.table = options,
		.letters = "w:f:s:c:",
		.global = &rq.g,
		.own = own_option,
		.arg = &rq,
	};
	int status;

	if (!options_read(&o, argc, argv, &status))
		return status;
	if (optind == argc)
		return usage_error(&cmd_capture, "missing VM or DEVICE");
	if (!rq.path)
		return usage_error(&cmd_capture, "missing -w FILE: where to write");
	complete_options(&rq);
	if (rq.copy_threshold && rq.version == RING_V3)
		return usage_error(&cmd_capture, "--copy-threshold needs --ring 1 or 2; the blocks "
						 "of --ring 3 hold whole frames");
	if (complete_dropped(&rq) != EXIT_OK)
		return EXIT_USAGE;
	if (rq.numbered && !strcmp(rq.path, "-")) {
		message_error("capture: standard output cannot be rotated; leave out --rotate-size "
			      "and --rotate-seconds, or name a file");
		return EXIT_USAGE;
	}
	return answer(&rq, argv + optind, argc - optind);
}

static const char details[] =
	"  -w, --write FILE write pcapng to FILE; -: standard output\n"
	"  -f, --filter E   capture only frames that match E (see pcap-filter(7))\n"
	"  -s, --snaplen N  capture at most N bytes of each frame\n"
	"                   (default: 262144; with --dropped: 2048)\n"
	"  -c, --count N    stop after N frames\n"
	"  --seconds N      stop after N seconds (Ctrl-C stops at any time)\n"
	"  --rotate-size N, --rotate-seconds N, --files N\n"
	"                   start a new file after N bytes, or after N seconds, named\n"
	"                   FILE_00001 and so on; keep the N newest files (default: all)\n"
	"  --ignore-outgoing\n"
	"                   capture only what comes out of the device: what a guest sends\n"
	"  --dropped        capture only the frames that the VMs lose, each with reason,\n"
	"                   place, queue and direction\n"
	"  --limit N        with --dropped: write at most N frames per second, count the\n"
	"                   others; 0: write all (default: 10000)\n"
	"  --fanout M:N     spread the frames of each device over N rings. M is hash, lb,\n"
	"                   cpu, rollover, rnd, qm, or cbpf (by the sender's address).\n"
	"                   ebpf:N:FILE uses the socket filter that is pinned at FILE.\n"
	"  --ring V         version of the packet ring: 1, 2 or 3 (default: 3)\n"
	"  --block SIZE, --blocks N, --retire MS, --slot SIZE, --priv SIZE, --rx-hash\n"
	"                   shape of the ring; taplossctl ring computes one\n"
	"                   (default: 64 blocks of 1M, retired after 8 ms)\n"
	"  --timestamp T    source of timestamps: kernel, or device for the clock of a\n"
	"                   device that stamps frames (default: kernel)\n"
	"  --copy-threshold N\n"
	"                   --ring 1 or 2: keep frames of N bytes or more whole, even if\n"
	"                   they are longer than a slot\n"
	"  --quiet          do not show progress, only the result\n";

const struct cmd cmd_capture = {
	.name = "capture",
	.args = "VM|DEVICE...",
	.help = "capture frames to pcapng, with the place of each gap",
	.details = details,
	.run = run,
};
