/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames as blocks of the file: many at once where nothing is to be said of them but what stands in
 * their headers. */
#include <string.h>

#include "collector/base.h"
#include "capture_priv.h"
#include "pcapng.h"

/* One frame with all that is to be said of it. */
static void write_frame(struct capture *c, struct input *in, const struct gap *gap)
{
	_cleanup_(freep) char *note = pending_comments_take(&in->notes);
	struct pcapng_parts parts;
	const struct pcapng_extra x = {
		.gap = gap,
		.queue = in->queue,
		.hash = c->o.shape.rx_hash,
		.comment = note,
	};
	uint8_t *head = sink_room(c->sink, 4096), *tail, spare[PCAPNG_TAIL];
	bool split;

	pcapng_frame(head, spare, in->number, c->o.snaplen, in_turn(in), &x, &parts);
	split = parts.rest_bytes;
	if (split) {
		sink_put(c->sink, parts.head_bytes);
		sink_refer(c->sink, parts.rest, parts.rest_bytes);
		tail = sink_room(c->sink, sizeof(spare));
		memcpy(tail, spare, parts.tail_bytes);
		sink_put(c->sink, parts.tail_bytes);
	} else {
		memcpy(head + parts.head_bytes, spare, parts.tail_bytes);
		sink_put(c->sink, parts.head_bytes + parts.tail_bytes);
	}
}

/* In a row of files each counts from 1. */
static void number_in_file(const struct input *in, struct gap *gap)
{
	uint64_t before = in->before.captured;

	gap->before -= before;
	gap->hi -= before;
	gap->lo = gap->lo > before ? gap->lo - before : 1;
}

uint32_t capture_write_frames(struct capture *c, struct input *in, uint32_t n)
{
	struct gap gap;
	size_t bytes;
	bool lost = rx_ring_gap(in->ring, &gap);

	if (lost)
		number_in_file(in, &gap);
	if (!lost && !in->notes.n && in->queue < 0 && !c->o.shape.rx_hash) {
		n = pcapng_frames(sink_room(c->sink, RUN_BYTES), RUN_BYTES, in->number,
				  c->o.snaplen, in_turn(in), n, &bytes);
		sink_put(c->sink, bytes);
		if (n)
			return n;
	}
	write_frame(c, in, lost ? &gap : NULL);
	return 1;
}
