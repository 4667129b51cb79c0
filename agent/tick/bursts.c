/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bursts.h"

#include <errno.h>
#include <string.h>

#include "collector/alloc.h"
#include "collector/clock.h"

#define MAX_TICK 2000		/* from the ring; what is left waits there for the next tick */
/* the calendar was set: smaller differences are how long it takes to look at two clocks */
#define STEP_NS NSEC_PER_MSEC

void burst_rows_begin(const struct source *source, bool known, uint64_t covered_ns)
{
	uint64_t boot = clock_ns(CLOCK_BOOTTIME), age = utc_ns() - covered_ns;

	source_bursts_from(source, known && age < boot ? boot - age : known ? 0 : boot, !known);
}

struct gathering {
	struct burst_rows *to;
	const struct attribution *from;
	struct store *store;
	struct loss_counters *lines;
	uint64_t now_ns;
};

static int on_burst(const struct tl_burst *burst, void *arg)
{
	struct gathering *g = arg;
	struct loss_counter *line = loss_counter_of(g->lines, &burst->key);
	struct loss_owner owner;
	int r = line ? alloc_room(g->to->rows, g->to->n, g->to->size) : -ENOMEM;

	if (r < 0 || !class_loses(&line->class))
		return r;
	attribution_of(g->from, line, &owner);
	r = loss_counter_series(line, g->store, &owner, g->now_ns);
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

int burst_rows_gather(struct burst_rows *b, const struct attribution *a, struct store *store,
		      struct loss_counters *lines, uint64_t now_ns)
{
	struct gathering g = { b, a, store, lines, now_ns };
	uint64_t offset = boot_to_utc_offset();

	if (offset > b->offset_ns + STEP_NS || offset + STEP_NS < b->offset_ns)
		b->offset_ns = offset;
	b->n = 0;
	return source_bursts(a->source, MAX_TICK, on_burst, &g);
}

void burst_rows_free(struct burst_rows *b)
{
	free(b->rows);
	*b = (struct burst_rows){ 0 };
}
