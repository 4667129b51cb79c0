/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hour.h"

#include <errno.h>

#include "traffic.h"

void hours_clear(struct hours *h)
{
	struct hour_sum *sum = h->sums, *next;
	struct traffic_sum *t = h->traffic, *after;

	HASH_CLEAR(hh, h->sums);
	for (; sum; sum = next) {
		next = sum->hh.next;
		free(sum);
	}
	HASH_CLEAR(hh, h->traffic);
	for (; t; t = after) {
		after = t->hh.next;
		free(t);
	}
}

void hours_add(struct hours *h, int64_t series_id, uint64_t frames, uint64_t segments,
	       uint64_t bytes)
{
	struct hour_sum *sum;

	HASH_FIND(hh, h->sums, &series_id, sizeof(series_id), sum);
	if (!sum) {
		sum = calloc(1, sizeof(*sum));
		if (!sum) {
			h->stale = true;
			return;
		}
		sum->series_id = series_id;
		HASH_ADD(hh, h->sums, series_id, sizeof(sum->series_id), sum);
	}
	sum->frames += frames;
	sum->segments += segments;
	sum->bytes += bytes;
}

void hours_add_traffic(struct hours *h, const struct store_traffic *x)
{
	struct traffic_sum *sum;

	HASH_FIND(hh, h->traffic, &x->device_id, sizeof(x->device_id), sum);
	if (!sum) {
		sum = calloc(1, sizeof(*sum));
		if (!sum) {
			h->stale = true;
			return;
		}
		sum->sum.device_id = x->device_id;
		HASH_ADD(hh, h->traffic, sum.device_id, sizeof(sum->sum.device_id), sum);
	}
	sum->sum.span_ns += x->span_ns;
	sum->sum.rx_frames += x->rx_frames;
	sum->sum.rx_bytes += x->rx_bytes;
	sum->sum.tx_frames += x->tx_frames;
	sum->sum.tx_bytes += x->tx_bytes;
	sum->sum.rx_peak = x->rx_peak > sum->sum.rx_peak ? x->rx_peak : sum->sum.rx_peak;
	sum->sum.tx_peak = x->tx_peak > sum->sum.tx_peak ? x->tx_peak : sum->sum.tx_peak;
	sum->sum.rx_lost += x->rx_lost;
	sum->sum.tx_lost += x->tx_lost;
	store_headroom_add(&sum->sum.headroom, &x->headroom);
}

static int by_series(const struct hour_sum *a, const struct hour_sum *b)
{
	return (a->series_id > b->series_id) - (a->series_id < b->series_id);
}

static int by_device(const struct traffic_sum *a, const struct traffic_sum *b)
{
	return (a->sum.device_id > b->sum.device_id) - (a->sum.device_id < b->sum.device_id);
}

/* In the order of the tables: pages are filled one after the other. */

static int put_hour(struct store_db *d, const char *sql, uint64_t t_ns)
{
	struct sql q = db_sql(d, sql);

	sql_bind_uint64(&q, ":t_ns", t_ns);
	return sql_run(&q);
}

static int write_loss(struct hours *h, struct store_db *d)
{
	int r = put_hour(d, "INSERT OR IGNORE INTO rolled VALUES (:t_ns)", h->from_ns);
	struct sql q = db_sql(d, "INSERT OR REPLACE INTO loss_hour "
				 "VALUES (:t_ns, :series, :frames, :segments, :bytes)");

	HASH_SORT(h->sums, by_series);
	for (struct hour_sum *sum = h->sums; sum && r >= 0; sum = sum->hh.next) {
		sql_bind_uint64(&q, ":t_ns", h->from_ns);
		sql_bind_int64(&q, ":series", sum->series_id);
		sql_bind_uint64(&q, ":frames", sum->frames);
		sql_bind_uint64(&q, ":segments", sum->segments);
		sql_bind_uint64(&q, ":bytes", sum->bytes);
		r = sql_run(&q);
	}
	return r;
}

static int write_traffic(struct hours *h, struct store_db *d)
{
	int r = put_hour(d, "INSERT OR IGNORE INTO traffic_rolled VALUES (:t_ns)", h->from_ns);
	struct sql q = db_sql(d, "INSERT OR REPLACE INTO traffic_hour VALUES (" TRAFFIC_VALUES ")");

	HASH_SORT(h->traffic, by_device);
	for (struct traffic_sum *t = h->traffic; t && r >= 0; t = t->hh.next) {
		traffic_bind(&q, h->from_ns, &t->sum);
		r = sql_run(&q);
	}
	return r;
}

int hours_write(struct hours *h, struct store_db *d)
{
	int r = h->sums ? write_loss(h, d) : 0;

	return r >= 0 && h->traffic ? write_traffic(h, d) : r;
}

/* To the hour that starts at @from_ns. */
static int turn(struct hours *h, struct store_db *d, uint64_t from_ns)
{
	int r = hours_write(h, d);

	if (r < 0)
		return r;
	hours_clear(h);
	h->from_ns = from_ns;
	return 0;
}

static struct store_traffic traffic_of(const struct sql *q)
{
	return (struct store_traffic){
		.device_id = sql_int64(q, 1),
		.rx_frames = sql_uint64(q, 2),
		.rx_bytes = sql_uint64(q, 3),
		.tx_frames = sql_uint64(q, 4),
		.span_ns = sql_uint64(q, 5),
		.tx_bytes = sql_uint64(q, 6),
		.rx_peak = sql_uint64(q, 7),
		.tx_peak = sql_uint64(q, 8),
		.rx_lost = sql_uint64(q, 9),
		.tx_lost = sql_uint64(q, 10),
		.headroom = {
			.known = !sql_is_null(q, 11),
			.peak = sql_uint64(q, 11),
			.free = sql_uint64(q, 12),
			.samples = sql_uint64(q, 13),
			.sum = sql_uint64(q, 14),
			.qdisc_peak = sql_uint64(q, 15),
		},
	};
}

/* A row of traffic has a span. */
static int load_row(struct hours *h, struct store_db *d, const struct sql *q)
{
	uint64_t from_ns = hour_of(sql_uint64(q, 0));
	int r = from_ns != h->from_ns ? turn(h, d, from_ns) : 0;

	if (r < 0)
		return r;
	if (sql_is_null(q, 5)) {
		hours_add(h, sql_int64(q, 1), sql_uint64(q, 2), sql_uint64(q, 3),
			  sql_uint64(q, 4));
	} else {
		struct store_traffic x = traffic_of(q);

		hours_add_traffic(h, &x);
	}
	return h->stale ? -ENOMEM : 0;
}

/* Reads the rows of both tables together, in the order of time: an hour is turned once. */
int hours_load(struct hours *h, struct store_db *d)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		d, "SELECT t_ns, series_id, frames, segments, bytes, NULL, 0, 0, 0, 0, 0, 0, 0, 0, "
		   "0, 0 FROM loss WHERE t_ns > "
		   "(SELECT coalesce(max(t_ns) + 3600000000000, 0) FROM rolled) "
		   "UNION ALL SELECT t_ns, device_id, rx_frames, rx_bytes, tx_frames, span_ns, "
		   "tx_bytes, rx_peak, tx_peak, rx_lost, tx_lost, ring_peak, ring_free, "
		   "ring_samples, ring_sum, qdisc_peak FROM traffic WHERE t_ns > "
		   "(SELECT coalesce(max(t_ns) + 3600000000000, 0) FROM traffic_rolled) "
		   "ORDER BY 1");
	int r, e;

	hours_clear(h);
	h->from_ns = 0;
	h->stale = false;	/* hours_add() says when it could not */
	while ((r = sql_step(&q)) > 0) {
		e = load_row(h, d, &q);
		if (e < 0)
			return e;
	}
	return r;
}
