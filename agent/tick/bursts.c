/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bursts.h"

#include <errno.h>
#include <string.h>

#include "collector/alloc.h"
#include "collector/clock.h"
#include "attribute.h"

#define MAX_TICK 2000		/* from the ring; what is left waits there for the next tick */
/* the calendar was set: smaller differences are how long it takes to look at two clocks */
#define STEP_NS NSEC_PER_MSEC

void burst_rows_begin(struct burst_rows *b, struct loss *l, bool known, uint64_t covered_ns)
{
	uint64_t boot = clock_ns(CLOCK_BOOTTIME), age = utc_ns() - covered_ns;

	b->loss = l;
	if (l)
		loss_bursts_from(l, known && age < boot ? boot - age : known ? 0 : boot, !known);
}

struct gathering {
	struct burst_rows *to;
	const struct sampler_options *o;
	struct loss_counters *lines;
	uint64_t now_ns;
};

static int on_burst(const struct tl_burst *burst, void *arg)
{
	struct gathering *g = arg;
	struct loss_counter *line = loss_counter_of(g->lines, &burst->key);
	struct line_owner owner;
	int r = line ? alloc_room(g->to->rows, g->to->n, g->to->size) : -ENOMEM;

	if (r < 0 || !class_loses(&line->class))
		return r;
	whose(g->o, line, &owner);
	r = loss_counter_series(line, g->o->store, &owner, g->now_ns);
	if (r < 0)
		return r;
	g->to->rows[g->to->n++] =
		(struct store_burst){ .series_id = line->series_id,
				      .cpu = burst->cpu,
				      .start_ns = burst->start_ns + g->to->offset_ns,
				      .span_ns = burst->last_ns - burst->start_ns,
				      .frames = burst->frames,
				      .delivered = burst->delivered };
	return 0;
}

int burst_rows_gather(struct burst_rows *b, const struct sampler_options *o,
		      struct loss_counters *lines, uint64_t now_ns)
{
	struct gathering g = { b, o, lines, now_ns };
	uint64_t offset = boot_to_utc_offset();

	if (offset > b->offset_ns + STEP_NS || offset + STEP_NS < b->offset_ns)
		b->offset_ns = offset;
	b->n = 0;
	return b->loss ? loss_bursts(b->loss, MAX_TICK, on_burst, &g) : 0;
}

void burst_rows_taken(struct burst_rows *b)
{
	if (b->loss)
		loss_bursts_taken(b->loss);
}

void burst_rows_free(struct burst_rows *b)
{
	free(b->rows);
	*b = (struct burst_rows){ 0 };
}
