/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>

void hours_clear(struct hours *h)
{
	struct hour_sum *sum = h->sums, *next;

	HASH_CLEAR(hh, h->sums);
	for (; sum; sum = next) {
		next = sum->hh.next;
		free(sum);
	}
}

void hours_add(struct hours *h, int64_t series_id, uint64_t frames, uint64_t segments, uint64_t bytes)
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

static int by_series(const struct hour_sum *a, const struct hour_sum *b)
{
	return (a->series_id > b->series_id) - (a->series_id < b->series_id);
}

int hours_write(struct hours *h, struct store_db *d)
{
	struct hour_sum *sum;
	int r;

	if (!h->sums)
		return 0;
	HASH_SORT(h->sums, by_series);	/* the order of the table: pages are filled one after the other */
	r = store_exec(d, "INSERT OR IGNORE INTO rolled VALUES (?)", "u", h->from_ns);
	for (sum = h->sums; sum && r >= 0; sum = sum->hh.next)
		r = store_exec(d, "INSERT OR REPLACE INTO loss_hour VALUES (?, ?, ?, ?, ?)", "uiuuu", h->from_ns, sum->series_id,
			       sum->frames, sum->segments, sum->bytes);
	return r;
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

int hours_load(struct hours *h, struct store_db *d)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(d, &st, "SELECT t_ns, series_id, frames, segments, bytes FROM loss "
			    "WHERE t_ns >= (SELECT coalesce(max(t_ns) + 3600000000000, 0) FROM rolled) ORDER BY t_ns", "");

	hours_clear(h);
	h->from_ns = 0;
	h->stale = false;	/* hours_add() says when it could not */
	for (; r > 0; r = store_next(d, st)) {
		uint64_t from_ns = store_u64(st, 0) - store_u64(st, 0) % NSEC_PER_HOUR;

		if (from_ns != h->from_ns)
			r = turn(h, d, from_ns);
		if (r < 0)
			return r;
		hours_add(h, sqlite3_column_int64(st, 1), store_u64(st, 2), store_u64(st, 3), store_u64(st, 4));
		if (h->stale)
			return -ENOMEM;
	}
	return r;
}

static int roll_traffic_of(struct store_db *d, uint64_t hour_ns)
{
	int r = store_exec(d, "INSERT OR REPLACE INTO traffic_hour SELECT ?1, device_id, sum(span_ns), sum(rx_frames), sum(rx_bytes), sum(tx_frames), "
			   "sum(tx_bytes), max(rx_peak), max(tx_peak) FROM traffic WHERE t_ns > ?1 AND t_ns <= ?1 + 3600000000000 GROUP BY device_id",
			   "u", hour_ns);

	return r < 0 ? r : store_exec(d, "INSERT OR REPLACE INTO traffic_rolled VALUES (?)", "u", hour_ns);
}

int hours_roll_traffic(struct store_db *d, uint64_t upto_ns)
{
	uint64_t hour_ns = 0;
	int r;
	{
		_cleanup_(store_resetp) sqlite3_stmt *st = NULL;

		r = store_query(d, &st, "SELECT coalesce((SELECT max(t_ns) + 3600000000000 FROM traffic_rolled), "
				"(SELECT (min(t_ns) - 1) / 3600000000000 * 3600000000000 FROM traffic), 0)", "");
		if (r > 0)
			hour_ns = store_u64(st, 0);
	}
	if (!hour_ns)
		return r < 0 ? r : 0;
	for (r = 0; r >= 0 && hour_ns + NSEC_PER_HOUR <= upto_ns; hour_ns += NSEC_PER_HOUR)
		r = roll_traffic_of(d, hour_ns);
	return r;
}
