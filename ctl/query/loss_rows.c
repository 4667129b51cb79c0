/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loss_rows.h"

#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

#define SLACK_NS BURST_GAP_NS	/* a burst's clock and a tick's, and the time that reading takes */

static void on_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct loss_rows *l = arg;
	struct loss_row *row = &l->all[series];
	uint64_t from = t_ns - span_ns;

	if (!row->first_ns || from < row->first_ns)
		row->first_ns = from;
	row->last_ns = t_ns > row->last_ns ? t_ns : row->last_ns;
	row->frames += sum->frames;
	row->bytes += sum->bytes;
	if (from > l->since_ns + SLACK_NS)
		return;
	row->early += sum->frames;
	l->from_ns = from - SLACK_NS < l->from_ns ? from - SLACK_NS : l->from_ns;
}

int loss_rows_read(struct reader *v, uint64_t since, uint64_t until, const bool *wanted,
		   struct loss_rows *ret)
{
	struct loss_rows l = {
		.all = calloc(v->n_series + 1, sizeof(*l.all)),
		.since_ns = since,
		.from_ns = since,
	};
	int r;

	if (!l.all)
		abort();
	r = reader_rows(v, since, until, true, wanted, on_row, &l);
	if (r < 0)
		loss_rows_free(&l);
	else
		*ret = l;
	return r;
}

void loss_rows_free(struct loss_rows *l)
{
	free(l->all);
	*l = (struct loss_rows){ 0 };
}

static bool same_ring(const struct reader_series *a, const struct reader_series *b)
{
	return a->device_id == b->device_id && a->queue == b->queue &&
	       !strcmp(a->direction, b->direction) && !strcmp(a->class, b->class);
}

uint64_t loss_rows_take(struct loss_rows *l, const struct reader *v, const bool *wanted,
			const struct burst *b)
{
	bool early = b->start_ns <= l->since_ns;
	uint64_t left = b->frames;

	if (early && b->last_ns < l->from_ns)
		return 0;
	for (size_t i = 0; i < v->n_series && left; i++) {
		struct loss_row *row = &l->all[i];
		uint64_t n = early ? row->early : row->frames;

		if (!wanted[i] || !same_ring(&v->series[i], b->series))
			continue;
		n = left < n ? left : n;
		row->frames -= n;
		row->early -= n < row->early ? n : row->early;
		left -= n;
	}
	return b->frames - left;
}
