/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bursts as they are stored: by series and CPU. See reader.h. */
#include "reader_priv.h"

struct reading {
	const struct reader *v;
	const bool *wanted;
	reader_burst_fn *fn;
	void *arg;
};

static void on_burst(const struct sql *q, void *arg)
{
	const struct reading *rd = arg;
	int64_t series = sql_int64(q, 1);
	struct reader_burst b = {
		.series = series,
		.start_ns = sql_uint64(q, 0),
		.cpu = (uint32_t)sql_int64(q, 2),
		.span_ns = sql_uint64(q, 3),
		.frames = sql_uint64(q, 4),
		.place = sql_uint64(q, 5),
	};

	if (series > 0 && (size_t)series < rd->v->n_series && rd->v->series[series].id &&
	    (!rd->wanted || rd->wanted[series]))
		rd->fn(&b, rd->arg);
}

static int bursts_of_day(struct day *d, void *arg)
{
	if (d->past)
		return 0; /* sums know no bursts */
	return day_rows_between(d,
				"SELECT start_ns, series_id, cpu, span_ns, frames, place FROM "
				"burst WHERE start_ns > :after AND start_ns <= :upto",
				d->since, d->until, on_burst, arg);
}

int reader_bursts(struct reader *v, uint64_t since, uint64_t until, const bool *wanted,
		  reader_burst_fn *fn, void *arg)
{
	struct reading rd = { v, wanted, fn, arg };

	return each_day(v, since, until, bursts_of_day, &rd);
}
