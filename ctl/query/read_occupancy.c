/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How full rings were. See reader.h. */
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
static void on_row(const struct sql *q, void *arg)
{
	const struct ring_occupancy *w = arg;
	uint64_t to = sql_uint64(q, 0), span = sql_uint64(q, 2);
	struct reader_headroom h = {
		.device = sql_int64(q, 1),
		.known = !sql_is_null(q, 3),
	};

	if (to <= w->since || to - span >= w->until)
		return;
	h.peak = sql_uint64(q, 3);
	h.free = sql_uint64(q, 4);
	h.samples = sql_uint64(q, 5);
	h.sum = sql_uint64(q, 6);
	h.qdisc_peak = sql_uint64(q, 7);
	if (h.known || h.qdisc_peak)
		w->fn(&h, to - span, to, w->arg);
}

static struct sql ring_query(const struct day *d, const struct ring_occupancy *w,
			     const char *select)
{
	char sql[640];

	snprintf(sql, sizeof(sql), "%s AND %s", select, w->devices);
	return sql_prepare(d->db, sql);
}

static int rows_of(struct day *d, uint64_t from_ns, uint64_t to_ns, void *arg)
{
	struct sql q = ring_query(d, arg,
				  "SELECT t_ns, device_id, span_ns, " RINGS
				  " FROM traffic WHERE t_ns > :after AND t_ns <= :upto");

	sql_bind_uint64(&q, ":after", from_ns);
	sql_bind_uint64(&q, ":upto", to_ns);
	return day_rows(d, &q, on_row, arg);
}

static int hour_of(struct day *d, uint64_t from_ns, uint64_t to_ns, void *arg)
{
	struct sql q = ring_query(d, arg,
				  "SELECT :to, device_id, 3600000000000, " RINGS
				  " FROM traffic_hour WHERE t_ns = :from");

	sql_bind_uint64(&q, ":to", to_ns);
	sql_bind_uint64(&q, ":from", from_ns);
	return day_rows(d, &q, on_row, arg);
}

static int past_hour(struct day *d, struct ring_occupancy *w, uint64_t hour)
{
	struct sql q =
		ring_query(d, w,
			   "SELECT (hour + 1) * 3600000000000, device_id, 3600000000000, " RINGS
			   " FROM traffic_hour WHERE day = :day AND hour = :hour");

	sql_bind_uint64(&q, ":day", d->past->day);
	sql_bind_uint64(&q, ":hour", hour);
	return day_rows(d, &q, on_row, w);
}

/* By the hour: seeks, where a range would be gone through. */
static int past_hours(struct day *d, struct ring_occupancy *w)
{
	int r = 0;

	for (uint64_t hour = d->past->from_ns / NSEC_PER_HOUR;
	     r >= 0 && hour * NSEC_PER_HOUR < d->past->to_ns; hour++)
		if (hour * NSEC_PER_HOUR < w->until && (hour + 1) * NSEC_PER_HOUR > w->since)
			r = past_hour(d, w, hour);
	return r;
}

static int past_sum(struct day *d, struct ring_occupancy *w)
{
	struct sql q =
		ring_query(d, w,
			   "SELECT (day + 1) * 86400000000000, device_id, 86400000000000, " RINGS
			   " FROM traffic_day WHERE day = :day");

	sql_bind_uint64(&q, ":day", d->past->day);
	return day_rows(d, &q, on_row, w);
}

static void on_thinned(const struct sql *q, void *arg)
{
	(void)q;
	*(bool *)arg = true;
}

static int rings_of_file(struct day *d, struct ring_occupancy *w)
{
	bool thinned = false;
	int r = w->rows ? day_rows_all(d, "SELECT one FROM thinned", on_thinned, &thinned) : 0;

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
	return d->past->hours ? past_hours(d, arg) : past_sum(d, arg);
}

static int sums_of_day(struct day *d, void *arg)
{
	int r;

	if (!day_whole(d))
		return rings_of_day(d, arg);
	r = day_version(d);
	return r < 2 ? (r < 0 ? r : 0) : past_sum(d, arg);
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
