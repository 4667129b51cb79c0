/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How full rings were. See view.h. */
#include "view_priv.h"

#include "cmd.h"

#define RINGS "ring_peak, ring_free, ring_samples, ring_sum, qdisc_peak"

struct headroom {
	view_headroom_fn *fn;
	void *arg;
	uint64_t since, until;
};

/* Columns: t_ns of the end, device_id, its length, then the rings'. */
static void on_row(sqlite3_stmt *st, void *arg)
{
	const struct headroom *w = arg;
	uint64_t to = (uint64_t)sqlite3_column_int64(st, 0), span = (uint64_t)sqlite3_column_int64(st, 2);
	struct view_headroom h = { .device = sqlite3_column_int64(st, 1), .known = sqlite3_column_type(st, 3) != SQLITE_NULL };

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

static int rows_of(struct day *d, uint64_t from_ns, uint64_t to_ns, void *arg)
{
	return each_row(d, "SELECT t_ns, device_id, span_ns, " RINGS " FROM traffic WHERE t_ns > ?1 AND t_ns <= ?2", from_ns, to_ns, on_row, arg);
}

static int hour_of(struct day *d, uint64_t from_ns, uint64_t to_ns, void *arg)
{
	return each_row(d, "SELECT ?2, device_id, 3600000000000, " RINGS " FROM traffic_hour WHERE t_ns = ?1", from_ns, to_ns, on_row, arg);
}

static int rings_of_day(struct day *d, void *arg)
{
	int r = day_version(d);

	if (r < 2)
		return r < 0 ? r : 0;
	if (!d->past)
		return each_stretch(d, rows_of, hour_of, arg);
	if (d->past->hours && !day_whole(d))
		return each_row(d, "SELECT (hour + 1) * 3600000000000, device_id, 3600000000000, " RINGS " FROM traffic_hour WHERE day = ?1 AND ?2",
				d->past->day, 1, on_row, arg);
	return each_row(d, "SELECT (day + 1) * 86400000000000, device_id, 86400000000000, " RINGS " FROM traffic_day WHERE day = ?1 AND ?2", d->past->day, 1,
			on_row, arg);
}

int view_headroom(struct view *v, uint64_t since, uint64_t until, view_headroom_fn *fn, void *arg)
{
	struct headroom w = { fn, arg, since, until };

	return each_day_or_sum(v, since, until, rings_of_day, &w);
}

void view_headroom_add(struct view_headroom *sum, const struct view_headroom *more)
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
