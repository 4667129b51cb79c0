/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "collector/capture/ring.h"
#include "ctl/options/number.h"
#include "ctl/options/options.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "commands.h"

struct request {
	struct global g;
	uint64_t version, rate, frame, stall_ms, blocks, block_bytes, slot_bytes, retire_ms;
};

static const char names[][3] = { "", "V1", "V2", "V3" };

static json_t *row_of(const struct ring_shape *s, const struct request *rq)
{
	uint64_t stall = ring_stall_ns(s, rq->frame, rq->rate);

	return json_pack("{ss so so so so so so so}", "version", names[s->version], "block_bytes",
			 out_int(s->block_bytes), "blocks", out_int(s->blocks), "memory_bytes",
			 out_int(ring_bytes(s)), "frames_per_mib",
			 s->block_bytes ? out_int(ring_frames_per_block(s, rq->frame) * (1 << 20) /
						  s->block_bytes)
					: json_null(),
			 "frames", out_int(ring_frames(s, rq->frame)), "retire_ms",
			 s->version == RING_V3 ? out_int(s->retire_ms) : json_null(), "stall_ns",
			 stall == UINT64_MAX ? json_null() : out_int(stall));
}

static void print_text(const struct request *rq, const json_t *rows)
{
	static const struct column columns[] = {
		{ "version", "RING", COL_TEXT },
		{ "block_bytes", "BLOCK", COL_BYTES },
		{ "blocks", "BLOCKS", COL_COUNT },
		{ "memory_bytes", "MEMORY", COL_BYTES },
		{ "frames_per_mib", "FRAMES/MIB", COL_COUNT },
		{ "frames", "FRAMES", COL_COUNT },
		{ "retire_ms", "RETIRE MS", COL_NUMBER },
		{ "stall", "BRIDGES", COL_TEXT },
	};
	char n[32], duration[32];
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const json_t *stall = json_object_get(row, "stall_ns");

		json_object_set_new(
			row, "stall",
			out_text(json_is_integer(stall)
					 ? text_duration(duration,
							 (unsigned long long)json_integer_value(
								 stall))
					 : "any stall"));
	}
	printf("%s frames/s of %llu bytes\n\n", text_count(n, rq->rate),
	       (unsigned long long)rq->frame);
	out_table(&rq->g, columns, ARRAY_SIZE(columns), rows);
}

static int print(struct request *rq, json_t *rows)
{
	static const struct column columns[] = {
		{ "version", "", COL_TEXT },	     { "block_bytes", "", COL_BYTES },
		{ "blocks", "", COL_COUNT },	     { "memory_bytes", "", COL_BYTES },
		{ "frames_per_mib", "", COL_COUNT }, { "frames", "", COL_COUNT },
		{ "retire_ms", "", COL_NUMBER },     { "stall_ns", "", COL_COUNT },
	};

	if (rq->g.format == FORMAT_JSON)
		return out_json(json_pack("{so so so}", "rate_pps", out_int(rq->rate),
					  "frame_bytes", out_int(rq->frame), "rings", rows));
	if (rq->g.format == FORMAT_CSV)
		out_csv(columns, ARRAY_SIZE(columns), rows);
	else
		print_text(rq, rows);
	json_decref(rows);
	return out_done();
}

/* One ring, or the three kinds beside each other. */
static int answer(struct request *rq)
{
	json_t *rows = json_array();
	char why[256];

	for (enum ring_version v = rq->version ? (enum ring_version)rq->version : RING_V1;
	     v <= (rq->version ? rq->version : RING_V3); v++) {
		struct ring_shape s = ring_default(v);

		s.block_bytes = rq->block_bytes ? rq->block_bytes : s.block_bytes;
		s.blocks = rq->blocks ? rq->blocks : s.blocks;
		s.frame_bytes = rq->slot_bytes ? rq->slot_bytes : s.frame_bytes;
		if (v == RING_V3 && rq->retire_ms != UINT64_MAX)
			s.retire_ms = rq->retire_ms;
		if (!rq->blocks && s.block_bytes && s.retire_ms + (v != RING_V3) &&
		    ring_for(&s, rq->frame, rq->rate, rq->stall_ms) < 0) {
			message_error(
				"ring: a stall of %llu ms at %llu frames/s needs more than the 4 "
				"GiB that a ring can have; reduce --stall, --rate or --frame",
				(unsigned long long)rq->stall_ms, (unsigned long long)rq->rate);
			json_decref(rows);
			return EXIT_FAILED;
		}
		if (ring_check(&s, (uint64_t)sysconf(_SC_PAGESIZE), why) < 0) {
			message_error("ring: %s", why);
			json_decref(rows);
			return EXIT_USAGE;
		}
		json_array_append_new(rows, row_of(&s, rq));
	}
	return print(rq, rows);
}

enum {
	OPT_RATE = OPT_OWN,
	OPT_FRAME,
	OPT_STALL,
	OPT_BLOCKS,
	OPT_BLOCK,
	OPT_RETIRE,
	OPT_RING_VERSION,
	OPT_SLOT,
};

static int own_option(void *arg, int opt, const char *value)
{
	struct request *rq = arg;

	switch (opt) {
	case OPT_RATE:
		return number_option("--rate", value, 0, 1000000000, &rq->rate);
	case OPT_FRAME:
		return number_option("--frame", value, 1, 262144, &rq->frame);
	case OPT_STALL:
		return number_option("--stall", value, 1, 3600000, &rq->stall_ms);
	case OPT_BLOCKS:
		return number_option("--blocks", value, 1, UINT32_MAX, &rq->blocks);
	case OPT_BLOCK:
		return size_option("--block", value, 1, UINT32_MAX, &rq->block_bytes);
	case OPT_RETIRE:
		return number_option("--retire", value, 0, UINT32_MAX, &rq->retire_ms);
	case OPT_RING_VERSION:
		return number_option("--version", value, 1, 3, &rq->version);
	case OPT_SLOT:
		return size_option("--slot", value, 1, UINT32_MAX, &rq->slot_bytes);
	default:
		return 0;
	}
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = {
		GLOBAL_OPTIONS,
		{ "rate", required_argument, NULL, OPT_RATE },
		{ "frame", required_argument, NULL, OPT_FRAME },
		{ "stall", required_argument, NULL, OPT_STALL },
		{ "blocks", required_argument, NULL, OPT_BLOCKS },
		{ "block", required_argument, NULL, OPT_BLOCK },
		{ "retire", required_argument, NULL, OPT_RETIRE },
		{ "version", required_argument, NULL, OPT_RING_VERSION },
		{ "slot", required_argument, NULL, OPT_SLOT },
		{ 0 }
	};
	struct request rq = {
		.g = *g,
		.rate = 1000000,
		.frame = 64,
		.stall_ms = 100,
		.retire_ms = UINT64_MAX,
	};
	const struct options o = {
		.cmd = &cmd_ring,
		.table = options,
		.global = &rq.g,
		.own = own_option,
		.arg = &rq,
	};
	int status;

	if (!options_read(&o, argc, argv, &status))
		return status;
	if (optind != argc)
		return usage_error(&cmd_ring, "unexpected argument \"%.60s\"", argv[optind]);
	return answer(&rq);
}

static const char details[] =
	"  --rate PPS       frames per second (default: 1000000)\n"
	"  --frame BYTES    bytes captured of each frame: its length, or the snapshot\n"
	"                   length if that is less (default: 64)\n"
	"  --stall MS       longest time for which the reader may stop (default: 100)\n"
	"  --blocks N       compute the stall that a ring of N blocks survives\n"
	"  --block SIZE     size of a block (default: 1M)\n"
	"  --retire MS      V3: hand over a block after this time at most (default: 8)\n"
	"  --slot SIZE      V1, V2: size of the slot of a frame (default: 2048)\n"
	"  --version N      only this version of the ring: 1, 2 or 3 (default: all)\n";

const struct cmd cmd_ring = {
	.name = "ring",
	.args = "",
	.help = "size a capture ring, or compute the stall a given ring survives",
	.details = details,
	.run = run,
};
