/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bursts.h"

#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"

#define SAME_NS NSEC_PER_MSEC	/* of one series on one CPU: told twice, by two files */
#define NEAR_NS (5 * NSEC_PER_SEC)	/* bursts so close tell the rate between them; */
#define APART_NS (100 * NSEC_PER_MSEC)	/* closer ones are of one event */

struct reading {
	struct burst_piece *pieces;
	size_t n, size;
};

static void on_piece(const struct reader_burst *b, void *arg)
{
	struct reading *rd = arg;

	if (alloc_room(rd->pieces, rd->n, rd->size) < 0)
		abort();
	rd->pieces[rd->n++] = (struct burst_piece){
		.series = b->series,
		.start_ns = b->start_ns,
		.last_ns = b->start_ns + b->span_ns,
		.frames = b->frames,
		.place = b->place,
		.cpu = b->cpu,
	};
}

/* Series of one queue and class stand together. */
static int by_queue(const struct reader_series *a, const struct reader_series *b)
{
	int r;

	if (a->device_id != b->device_id)
		return a->device_id < b->device_id ? -1 : 1;
	if (a->vm_id != b->vm_id)
		return a->vm_id < b->vm_id ? -1 : 1;
	if (a->queue != b->queue)
		return a->queue < b->queue ? -1 : 1;
	r = strcmp(a->direction, b->direction);
	if (!r)
		r = strcmp(a->class, b->class);
	return r ? r : strcmp(a->place ? a->place : "", b->place ? b->place : "");
}

static int by_queue_and_time(const void *a, const void *b, void *arg)
{
	const struct reader *v = arg;
	const struct burst_piece *x = a, *y = b;
	int r = by_queue(&v->series[x->series], &v->series[y->series]);

	if (r)
		return r;
	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

static bool told_before(const struct burst_piece *pieces, size_t at)
{
	for (size_t i = at; i-- && pieces[i].start_ns + SAME_NS > pieces[at].start_ns;)
		if (pieces[i].series == pieces[at].series && pieces[i].cpu == pieces[at].cpu)
			return true;
	return false;
}

static void begin(struct burst *b, const struct reader *v, const struct burst_piece *p,
		  const struct burst *before)
{
	const struct reader_series *s = &v->series[p->series];

	*b = (struct burst){ .series = s, .start_ns = p->start_ns, .place = p->place, .most = s };
	if (before && !by_queue(before->series, s))
		b->gap_ns = p->start_ns - before->last_ns;
}

static void lengthen(struct burst *b, const struct reader *v, const struct burst_piece *p)
{
	b->last_ns = p->last_ns > b->last_ns ? p->last_ns : b->last_ns;
	b->frames += p->frames;
	if (p->frames <= b->most_frames)
		return;
	b->most_frames = p->frames;
	b->most = &v->series[p->series];
}

static int by_start(const void *a, const void *b)
{
	const struct burst *x = a, *y = b;

	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

void bursts_join(const struct reader *v, struct burst_piece *pieces, size_t n, struct bursts *ret)
{
	struct bursts b = { .all = must(calloc(n + 1, sizeof(*b.all))) };

	if (n)	/* sorting nothing at NULL is undefined */
		qsort_r(pieces, n, sizeof(*pieces), by_queue_and_time, (void *)(uintptr_t)v);
	for (size_t i = 0; i < n; i++) {
		struct burst *last = b.n ? &b.all[b.n - 1] : NULL;

		if (i && told_before(pieces, i))
			continue;
		if (!last || by_queue(last->series, &v->series[pieces[i].series]) ||
		    pieces[i].start_ns >= last->last_ns + BURST_GAP_NS) {
			begin(&b.all[b.n], v, &pieces[i], last);
			last = &b.all[b.n++];
		}
		lengthen(last, v, &pieces[i]);
	}
	if (b.n)
		qsort(b.all, b.n, sizeof(*b.all), by_start);
	*ret = b;
}

int bursts_read(struct reader *v, uint64_t since, uint64_t until, const bool *wanted,
		struct bursts *ret)
{
	struct reading rd = { 0 };
	int r = reader_bursts(v, since, until, wanted, on_piece, &rd);

	if (r >= 0)
		bursts_join(v, rd.pieces, rd.n, ret);
	free(rd.pieces);
	return r;
}

void bursts_free(struct bursts *b)
{
	free(b->all);
	*b = (struct bursts){ 0 };
}

static bool same_way(const struct burst *a, const struct burst *b)
{
	return a->place && a->series->device_id == b->series->device_id &&
	       !strcmp(a->series->direction, b->series->direction);
}

/* The nearest burst of that NIC and direction before @b (@step -1) or after it (1) that tells how
 * far the sequence had come; @b: none. */
static const struct burst *nearest(const struct bursts *all, const struct burst *b, int step)
{
	size_t at = (size_t)(b - all->all);

	while (step < 0 ? at-- > 0 : ++at < all->n) {
		const struct burst *x = &all->all[at];
		uint64_t apart = x->start_ns > b->start_ns ? x->start_ns - b->start_ns
							   : b->start_ns - x->start_ns;

		if (apart > NEAR_NS)
			break;
		if (apart >= APART_NS && same_way(x, b))
			return x;
	}
	return b;
}

uint64_t bursts_rate_around(const struct bursts *all, const struct burst *b)
{
	const struct burst *from = b->place ? nearest(all, b, -1) : b,
			   *to = b->place ? nearest(all, b, 1) : b;
	uint64_t span = to->start_ns - from->start_ns, came = to->place - from->place;

	if (!span || to->place < from->place)
		return 0;
	for (const struct burst *x = from; x < to; x++)
		came += same_way(x, b) ? x->frames : 0;
	return (uint64_t)((double)came * (double)NSEC_PER_SEC / (double)span);
}

uint64_t bursts_quantile(const uint64_t *sorted, size_t n, unsigned int pct)
{
	return n ? sorted[(n * pct + 99) / 100 - 1] : 0;
}
