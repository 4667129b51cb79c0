/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>

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

void store_headroom_add(struct store_headroom *sum, const struct store_headroom *x)
{
	if (x->known) {
		sum->peak = sum->known && sum->peak > x->peak ? sum->peak : x->peak;
		sum->free = sum->known && sum->free < x->free ? sum->free : x->free;
		sum->known = true;
	}
	sum->samples += x->samples;
	sum->sum += x->sum;
	sum->qdisc_peak = sum->qdisc_peak > x->qdisc_peak ? sum->qdisc_peak : x->qdisc_peak;
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

static int write_loss(struct hours *h, struct store_db *d)
{
	struct hour_sum *sum;
	int r = store_exec(d, "INSERT OR IGNORE INTO rolled VALUES (?)", "u", h->from_ns);

	HASH_SORT(h->sums, by_series);
	for (sum = h->sums; sum && r >= 0; sum = sum->hh.next)
		r = store_exec(d, "INSERT OR REPLACE INTO loss_hour VALUES (?, ?, ?, ?, ?)",
			       "uiuuu", h->from_ns, sum->series_id, sum->frames, sum->segments,
			       sum->bytes);
	return r;
}

static int write_traffic(struct hours *h, struct store_db *d)
{
	struct traffic_sum *t;
	int r = store_exec(d, "INSERT OR IGNORE INTO traffic_rolled VALUES (?)", "u", h->from_ns);

	HASH_SORT(h->traffic, by_device);
	for (t = h->traffic; t && r >= 0; t = t->hh.next) {
		const struct store_traffic *x = &t->sum;

		r = store_exec(d,
			       "INSERT OR REPLACE INTO traffic_hour VALUES (?, ?, ?, ?, ?, ?, ?, "
			       "?, ?, ?, ?, " STORE_HEADROOM ")",
			       "uiuuuuuuuuuoouuo", h->from_ns, x->device_id, x->span_ns,
			       x->rx_frames, x->rx_bytes, x->tx_frames, x->tx_bytes, x->rx_peak,
			       x->tx_peak, x->rx_lost, x->tx_lost, STORE_HEADROOM_OF(x));
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

/* Reads the rows of both tables together, in the order of time: an hour is turned once. */
int hours_load(struct hours *h, struct store_db *d)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(
		d, &st,
		"SELECT t_ns, series_id, frames, segments, bytes, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, "
		"0 FROM loss "
		"WHERE t_ns > (SELECT coalesce(max(t_ns) + 3600000000000, 0) FROM rolled) "
		"UNION ALL SELECT t_ns, device_id, rx_frames, rx_bytes, tx_frames, span_ns, "
		"tx_bytes, rx_peak, tx_peak, rx_lost, tx_lost, "
		"ring_peak, ring_free, ring_samples, ring_sum, qdisc_peak FROM traffic "
		"WHERE t_ns > (SELECT coalesce(max(t_ns) + 3600000000000, 0) FROM traffic_rolled) "
		"ORDER BY 1",
		"");

	hours_clear(h);
	h->from_ns = 0;
	h->stale = false;	/* hours_add() says when it could not */
	for (; r > 0; r = store_next(d, st)) {
		uint64_t from_ns = hour_of(store_u64(st, 0));

		if (from_ns != h->from_ns)
			r = turn(h, d, from_ns);
		if (r < 0)
			return r;
		if (sqlite3_column_type(st, 5) == SQLITE_NULL)
			hours_add(h, sqlite3_column_int64(st, 1), store_u64(st, 2),
				  store_u64(st, 3), store_u64(st, 4));
		else
			hours_add_traffic(
				h, &(struct store_traffic){
					   .device_id = sqlite3_column_int64(st, 1),
					   .rx_frames = store_u64(st, 2),
					   .rx_bytes = store_u64(st, 3),
					   .tx_frames = store_u64(st, 4),
					   .span_ns = store_u64(st, 5),
					   .tx_bytes = store_u64(st, 6),
					   .rx_peak = store_u64(st, 7),
					   .tx_peak = store_u64(st, 8),
					   .rx_lost = store_u64(st, 9),
					   .tx_lost = store_u64(st, 10),
					   .headroom = { .known = sqlite3_column_type(st, 11) !=
								  SQLITE_NULL,
							 .peak = store_u64(st, 11),
							 .free = store_u64(st, 12),
							 .samples = store_u64(st, 13),
							 .sum = store_u64(st, 14),
							 .qdisc_peak = store_u64(st, 15) } });
		if (h->stale)
			return -ENOMEM;
	}
	return r;
}
