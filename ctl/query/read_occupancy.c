/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How full rings were. See view.h. */
#include "reader_priv.h"

#include <stdio.h>

#define RINGS "ring_peak, ring_free, ring_samples, ring_sum, qdisc_peak"
/* all NICs' rows have to be gone through for a few of them: not of longer times */
#define MANY_ROWS_NS (6 * NSEC_PER_HOUR)

struct ring_occupancy {
	reader_occupancy_fn *fn;
	void *arg;
	uint64_t since, until;
	bool rows;			/* not hours, where there are rows */
	char devices[256];		/* "device_id IN (3, 9)", or "1" */
};

/* Columns: t_ns of the end, device_id, its length, then the rings'. */
static void on_row(sqlite3_stmt *st, void *arg)
{
	const struct ring_occupancy *w = arg;
	uint64_t to = (uint64_t)sqlite3_column_int64(st, 0),
		 span = (uint64_t)sqlite3_column_int64(st, 2);
	struct reader_headroom h = {
		.device = sqlite3_column_int64(st, 1),
		.known = sqlite3_column_type(st, 3) != SQLITE_NULL,
	};

	if (to <= w->since || to - span >= w->until)
		return;
	h.peak = (uint64_t)sqlite3_column_int64(st, 3);
	h.free = (uint64_t)sqlite3_column_int64(st, 4);
	h.samples = (uint64_t)sqlite3_column_int64(st, 5);
	h.sum = (uint64_t)sqlite3_column_int64(st, 6);
	h.qdisc_peak = (uint64_t)sqlite3_column_int64(st, 7);
	if (h.known || h.qdisc_peak)
		w->fn(&h, to - span, to, w->arg);
}

static int each_of(struct day *d, const char *select, uint64_t a, uint64_t b,
		   struct ring_occupancy *w)
{
	char sql[640];

	snprintf(sql, sizeof(sql), "%s AND %s", select, w->devices);
	return each_row(d, sql, a, b, on_row, w);
}

static int rows_of(struct day *d, uint64_t from_ns, uint64_t to_ns, void *arg)
{
	return each_of(d,
		       "SELECT t_ns, device_id, span_ns, " RINGS
		       " FROM traffic WHERE t_ns > ?1 AND t_ns <= ?2",
		       from_ns, to_ns, arg);
}

static int hour_of(struct day *d, uint64_t from_ns, uint64_t to_ns, void *arg)
{
	return each_of(d,
		       "SELECT ?2, device_id, 3600000000000, " RINGS
		       " FROM traffic_hour WHERE t_ns = ?1",
		       from_ns, to_ns, arg);
}

/* By the hour: seeks, where a range would be gone through. */
static int past_hours(struct day *d, struct ring_occupancy *w)
{
	int r = 0;

	for (uint64_t hour = d->past->from_ns / NSEC_PER_HOUR;
	     r >= 0 && hour * NSEC_PER_HOUR < d->past->to_ns; hour++)
		if (hour * NSEC_PER_HOUR < w->until && (hour + 1) * NSEC_PER_HOUR > w->since)
			r = each_of(d,
				    "SELECT (hour + 1) * 3600000000000, device_id, "
				    "3600000000000, " RINGS
				    " FROM traffic_hour WHERE day = ?1 AND hour = ?2",
				    d->past->day, hour, w);
	return r;
}

static void on_thinned(sqlite3_stmt *st, void *arg)
{
	(void)st;
	*(bool *)arg = true;
}

static int rings_of_file(struct day *d, struct ring_occupancy *w)
{
	bool thinned = false;
	int r = w->rows ? each_row(d, "SELECT one FROM thinned WHERE ?1 AND ?2", 1, 1, on_thinned,
				   &thinned)
			: 0;

	if (r < 0 || (w->rows && !thinned))
		return r < 0 ? r : rows_of(d, d->since, d->until + 2 * NSEC_PER_MIN, w);
	return each_stretch(d, rows_of, hour_of, w);
}

static int rings_of_day(struct day *d, void *arg)
{
	int r = day_version(d);

	if (r < 2)
		return r < 0 ? r : 0;
	if (!d->past)
		return rings_of_file(d, arg);
	return d->past->hours
		       ? past_hours(d, arg)
		       : each_of(d,
				 "SELECT (day + 1) * 86400000000000, device_id, "
				 "86400000000000, " RINGS " FROM traffic_day WHERE day = ?1 AND ?2",
				 d->past->day, 1, arg);
}

static int sums_of_day(struct day *d, void *arg)
{
	if (!day_whole(d))
		return rings_of_day(d, arg);
	return day_version(d) < 2
		       ? 0
		       : each_of(d,
				 "SELECT (day + 1) * 86400000000000, device_id, "
				 "86400000000000, " RINGS " FROM traffic_day WHERE day = ?1 AND ?2",
				 d->past->day, 1, arg);
}

int reader_headroom(struct reader *v, uint64_t since, uint64_t until, reader_occupancy_fn *fn,
		    void *arg)
{
	struct ring_occupancy w = {
		.fn = fn,
		.arg = arg,
		.since = since,
		.until = until,
		.devices = "1",
	};

	return each_day_or_sum(v, since, until, sums_of_day, &w);
}

int reader_occupancy_fine(struct reader *v, uint64_t since, uint64_t until, int64_t device,
			  reader_occupancy_fn *fn, void *arg)
{
	struct ring_occupancy w = {
		.fn = fn,
		.arg = arg,
		.since = since,
		.until = until,
		.rows = until - since <= MANY_ROWS_NS,
	};

	snprintf(w.devices, sizeof(w.devices), "device_id = %lld", (long long)device);
	return each_day(v, since, until, rings_of_day, &w);
}

void reader_occupancy_add(struct reader_headroom *sum, const struct reader_headroom *more)
{
	if (more->known) {
		sum->peak = sum->known && sum->peak > more->peak ? sum->peak : more->peak;
		sum->free = sum->known && sum->free < more->free ? sum->free : more->free;
		sum->known = true;
	}
	sum->samples += more->samples;
	sum->sum += more->sum;
	sum->qdisc_peak = sum->qdisc_peak > more->qdisc_peak ? sum->qdisc_peak : more->qdisc_peak;
}
